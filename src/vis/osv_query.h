/* SPDX-License-Identifier: ISC */
/*
 * A query of OSV.dev's API (v1Query of its description): by package name and ecosystem, by package URL, or by
 * commit, and a page of it. What the API calls an error is one here, in words like its own; what it cannot
 * judge (a commit, a type of package URL that nobody knows) affects nothing there, and says why here.
 */
#pragma once

#include "vuln/ecosystem.h"
#include "vuln/record.h"
#include <jansson.h>

#define OSV_QUERIES_MAX 1000               /* in one batch */
#define OSV_PAGE_MAX 1000                  /* vulnerabilities in one page */
#define OSV_BATCH_MAX 3000                 /* and in one batch; queries behind that have pages of */
#define OSV_PAGE_LATE 5                    /* so many */
#define OSV_VERSION_SIZE 1100              /* bytes of a version, with the NUL */
#define OSV_TOKEN_SIZE (2 * RECORD_ID_MAX) /* of a page token, with the NUL */

struct osv_query {
	const char *unjudged; /* why nothing can be found; NULL: it can */
	/* As the index has it. With `all_releases` it is the name before the colon, and each release counts;
	 * "": any ecosystem. */
	char ecosystem[ECOSYSTEM_NAME_MAX];
	bool all_releases;
	char package[PACKAGE_NAME_MAX]; /* as advisories of the ecosystem call it */
	char binary[PACKAGE_NAME_MAX];  /* the package's own name, where an index knows those; "": the same */
	char version[OSV_VERSION_SIZE]; /* "": any */
	char source_version[OSV_VERSION_SIZE]; /* of the source package, where that is another one; else "" */
	char origin[ECOSYSTEM_NAME_MAX]; /* of a backport: the release that it was built from; else "" */
	char after[RECORD_ID_MAX];       /* the last id of the page before; "": the first page */
};

/* -EINVAL with the words of a 400. */
int osv_query_read(const json_t *json, struct osv_query *ret, struct error *err);
/* The same for all that there is about a platform. token may be "". */
int osv_query_platform(const char *ecosystem, const char *token, struct osv_query *ret, struct error *err);

/* A page goes on behind an id, in the order of ids: whatever the index has become meanwhile, nothing comes
 * twice. The token is no secret, and says nothing that the client does not know. */
void osv_token_make(const char *after, char ret_token[OSV_TOKEN_SIZE]);
int osv_token_read(const char *token, char ret_after[RECORD_ID_MAX]); /* -EINVAL */
