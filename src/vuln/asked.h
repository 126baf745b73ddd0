/* SPDX-License-Identifier: ISC */
/*
 * What a pratique-vis was asked for, beside its index: the sources on demand that it loads since somebody
 * needed them, so that it goes on after a restart; and the sources that nodes name, for people. Only
 * pratique-vis writes it.
 */
#pragma once

#include "base/error.h"
#include <jansson.h>
#include <stdbool.h>

#define VULN_ASKED_SOURCES_MAX 256
#define VULN_ASKED_URLS_MAX 512

struct vuln_asked_url {
	char *url;    /* in its one form */
	char *source; /* of the administrator's list, that is from there; NULL: none is, and nothing is
	                 fetched */
	uint32_t nodes;
};
struct vuln_asked {
	char **sources; /* names */
	size_t n_sources;
	struct vuln_asked_url *urls; /* by URL */
	size_t n_urls;
	uint64_t refused; /* that nodes name and there was no room for */
};

/* -ENOENT where there is none; -EINVAL with the reason for a file that is not such a one. */
int vuln_asked_read(const char *index_directory, struct vuln_asked *ret, struct error *err);
/* Durable when it returns. */
int vuln_asked_write(const char *index_directory, const struct vuln_asked *a, struct error *err);
void vuln_asked_clear(struct vuln_asked *a);
/* False where it is there already, or there is no room. */
bool vuln_asked_add_source(struct vuln_asked *a, const char *name);
bool vuln_asked_has_source(const struct vuln_asked *a, const char *name);
/* Forgets the URLs. */
void vuln_asked_clear_urls(struct vuln_asked *a);
/* Adds to the nodes of one that is there already. False where there is no room. */
bool vuln_asked_add_url(struct vuln_asked *a, const char *url, const char *source, uint32_t nodes);

/* Adds to object what nodes name, as commands and pratique-vis show it: "named" and "named_refused"; nothing
 * and zero where there is no such file. -EINVAL as above. */
int vuln_asked_show(const char *index_directory, json_t *object, struct error *err);
