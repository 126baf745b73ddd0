/* SPDX-License-Identifier: ISC */
/*
 * The index directory: one LMDB environment, one writer, any number of readers in any process. All of an
 * update is one transaction, so a reader sees it whole or not at all and a killed writer leaves nothing
 * behind.
 *
 *   meta        "format": u32; "state": struct index_state; "history": struct history_state (history.h);
 *               "journal" and "change" generation (journal.h); "added" and "new"
 *               generation (changes.h)
 *   records     id NUL source      -> record (record.h), withdrawn ones too
 *   texts       id NUL source      -> the record as its source wrote it, OSV JSON (text.h)
 *   refs        id                 -> 'a' or 'r' and a record key: who names it as alias, as related
 *   packages    kind ecosystem NUL package -> entries (package_entry.h); of 's' what it is built from
 *               (built_from.h)
 *   ecosystems  kind ecosystem     -> u64 entries under it that call something affected, never 0
 *               kind ecosystem NUL source -> nothing: the source knows all about it, even where it has no
 *               entry
 *   sources     source             -> what it is (source.h)
 *   history     id NUL source NUL serial -> an older form (history.h)
 *   oldest      serial             -> the key of the form in history
 *
 * kind: 'p' where package is the name that the ecosystem's advisories use, 'b' for a binary package's own;
 * 's', in packages alone, for a binary package's own too.
 */
#pragma once

#include "vuln/record.h"
#include <lmdb.h>

#define INDEX_FORMAT 2
#define INDEX_KEY_MAX 511
#define INDEX_READERS_MAX 1024

struct index_state {
	uint64_t generation;
	int64_t updated; /* wall time */
	uint64_t count;  /* records that are not withdrawn */
};

enum index_kind { INDEX_BY_ADVISORY = 'p', INDEX_BY_BINARY = 'b', INDEX_BUILT_FROM = 's' /* built_from.h */ };

struct index_env {
	MDB_env *env;
	MDB_dbi meta, records, texts, refs, packages, ecosystems, sources, history, oldest;
};

enum index_ref { INDEX_ALIAS = 'a', INDEX_RELATED = 'r' };

/* Creates what is not there when writable. -ENOENT, -ESTALE (an older format), -EPROTO (another one), else
 * errno or -EIO. */
int index_env_open(const char *dir, bool writable, struct index_env *ret, struct error *err);
void index_env_close(struct index_env *e);
int index_error(struct error *err, const char *dir, int mdb_code); /* LMDB's code as ours, with words */

/* The generation of an index that has an older format, which the one that is made in its place goes on from;
 * 0 where it cannot be read. */
uint64_t index_env_old_generation(const char *dir);
/* Puts an empty index of this format in the place of an older one: whoever reads the old one keeps it. */
int index_env_replace(const char *dir, struct error *err);

/* A structure of the meta database: zeroes where it is not there yet, MDB_CORRUPTED where it is of another
 * size. */
int index_read_meta(struct index_env *e, MDB_txn *txn, const char *name, void *ret, size_t size);
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
