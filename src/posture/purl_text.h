/* SPDX-License-Identifier: ISC */
/*
 * Package URLs as text (the purl specification, ECMA-427):
 * pkg:TYPE/NAMESPACE/NAME@VERSION?QUALIFIERS#SUBPATH, read into parts, brought into the one form that each
 * type has, and written. What a posture makes of them is in posture/purl.h.
 */
#pragma once

#include "base/error.h"
#include <stdbool.h>

#define PURL_TEXT_MAX 4096
#define PURL_QUALIFIERS_MAX 32

/* NULL where it is not there; a name is never empty. Decoded; qualifiers with lower-case keys, in the order
 * of the text. */
struct purl {
	const char *type, *namespace, *name, *version, *subpath;
	struct purl_qualifier {
		const char *key, *value;
	} qualifiers[PURL_QUALIFIERS_MAX];
	size_t n_qualifiers;
};

/* PURL_AS_WRITTEN takes what tools write: capitals in keys, keys twice (the first counts), qualifiers that
 * are badly encoded (they are left out), and does not ask what the type demands. PURL_STRICT refuses all
 * that; of capitals in keys it refuses those in front, which is what the specification's own cases do. */
enum purl_rules { PURL_AS_WRITTEN, PURL_STRICT };

/* buffer: where the parts lie, PURL_TEXT_MAX + 1 bytes; they may be written. They are in their type's form
 * (case of names and so on). -EINVAL with the reason. */
int purl_read(const char *text, size_t length, enum purl_rules rules, char *buffer, struct purl *ret,
        struct error *err);

/* What the type demands of the parts: a namespace or none, a version's form. -EINVAL with the reason. */
int purl_check(const struct purl *purl, struct error *err);

/* The canonical text of any parts, which the caller frees; NULL with the reason where they make no package
 * URL. */
char *purl_write(const struct purl *purl, struct error *err);

/* The same of parts that are known to make one, and in their type's form. */
char *purl_format(const struct purl *purl);

/* The canonical text of a text that PURL_AS_WRITTEN takes and purl_check() allows. */
char *purl_canonical(const char *text, struct error *err);

/* The value of a qualifier, NULL without. */
const char *purl_find_qualifier(const struct purl *purl, const char *key);

/* Private to src/posture/purl*.c: brings namespace, name and version, which are NUL-terminated and may be
 * NULL, into the type's form, in place. */
void purl_normalise(const struct purl *purl, char *namespace, char *name, char *version);
/* Whether the namespace is one segment, a host, and the name a path on it. */
bool purl_has_path(const char *type_name);
