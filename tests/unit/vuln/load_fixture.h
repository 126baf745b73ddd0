/* SPDX-License-Identifier: ISC */
/* A folder with an index in it, sources that a test writes there, and what the matcher finds afterwards. */
#pragma once

#include "tests/unit/test.h"
#include "vuln/load.h"

struct load_fixture {
	char root[64];
	struct vuln_update *update;
	struct load_report report;
	const char *const *ecosystems; /* of the next loads */
	const char *products;          /* a name below root, of the next loads; NULL: none */
	struct error err;              /* of the last load */
};

int load_set_up(void **state);
int load_tear_down(void **state);

/* Writes root/name, and the folders above it; length SIZE_MAX: up to the NUL. */
void load_write(struct load_fixture *f, const char *name, const void *bytes, size_t length);
/* Loads root/name as a source of this kind, called "s"; keyring NULL or a name below root. What load_source()
 * returned. */
int load_try(struct load_fixture *f, const char *kind, const char *name, enum vuln_trust trust,
        const char *keyring);
/* The same, which must succeed with these counts. */
void load_expect(struct load_fixture *f, const char *kind, const char *name, uint64_t mapped,
        uint64_t unmapped, uint64_t refused);
/* Commits, and returns the ids that affect a package, sorted, with a space between; the caller's to free.
 * Each with
 * "(fixed VERSION)" behind it where there is a fix. */
char *load_match(struct load_fixture *f, const char *os_id, const char *os_version, const char *type,
        const char *name, const char *version);
/* Runs a program with these words and fails the test unless it succeeds; output goes nowhere. */
void load_run(const char *const *words);
/* False, and the test is skipped, where there is no gpg. */
bool load_have_gpg(void);
/* A new key for NAME in root/home, and root/NAME.gpg with its public half. */
void load_make_key(struct load_fixture *f, const char *name);
/* Signs root/file: mode is --detach-sign, --clearsign or --sign; into root/out. */
void load_sign(struct load_fixture *f, const char *key, const char *mode, const char *file, const char *out);
