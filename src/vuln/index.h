/* SPDX-License-Identifier: ISC */
/*
 * The index directory: one LMDB environment, one writer, any number of readers in any process. All of an
 * update is one transaction, so a reader sees it whole or not at all and a killed writer leaves nothing
 * behind.
 *
 *   meta        "format": u32; "state": struct index_state
 *   records     id NUL source      -> record (record.h), withdrawn ones too
 *   refs        id                 -> record keys that name it as alias or related (several values a key)
 *   packages    kind ecosystem NUL package -> entries (package_entry.h)
 *   ecosystems  kind ecosystem     -> u64 entries under it, never 0
 *               kind ecosystem NUL source -> nothing: the source knows all about it, even where it has no
 * entry sources     source             -> what it was loaded from (load.h)
 *
 * kind: 'p' where package is the name that the ecosystem's advisories use, 'b' for a binary package's own.
 */
#pragma once

#include "vuln/record.h"
#include <lmdb.h>

#define INDEX_FORMAT 1
#define INDEX_KEY_MAX 511
#define INDEX_READERS_MAX 1024

struct index_state {
	uint64_t generation;
	int64_t updated; /* wall time */
	uint64_t count;  /* records that are not withdrawn */
};

enum index_kind { INDEX_BY_ADVISORY = 'p', INDEX_BY_BINARY = 'b' };

struct index_env {
	MDB_env *env;
	MDB_dbi meta, records, refs, packages, ecosystems, sources;
};

/* Creates what is not there when writable. -ENOENT, -EPROTO (another format), else errno or -EIO. */
int index_env_open(const char *dir, bool writable, struct index_env *ret, struct error *err);
void index_env_close(struct index_env *e);
int index_error(struct error *err, const char *dir, int mdb_code); /* LMDB's code as ours, with words */

int index_read_state(struct index_env *e, MDB_txn *txn, struct index_state *ret);

/* Keys. The return value is the length, 0 where it would exceed INDEX_KEY_MAX. */
size_t index_package_key(
        char key[INDEX_KEY_MAX], enum index_kind kind, const char *ecosystem, const char *package);
size_t index_record_key(char key[INDEX_KEY_MAX], const char *id, const char *source);
size_t index_ecosystem_key(char key[INDEX_KEY_MAX], enum index_kind kind, const char *ecosystem);

static inline MDB_val index_val(const void *bytes, size_t n)
{
	return (MDB_val){ .mv_size = n, .mv_data = (void *)bytes };
}
