/* SPDX-License-Identifier: ISC */
#include "vuln/index.h"

#include "base/file.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Addresses, not bytes: one that is too small costs a try of the whole update. */
#define MAP_SIZE_START ((size_t)1 << 30)
#define FILE_MODE 0664

int index_error(struct error *err, const char *dir, int code)
{
	if (code == EACCES)
		return error_set(err, -code,
		        "index %s: %s; readers too must be able to write %s/lock.mdb: be root or the user of "
		        "the index",
		        dir, mdb_strerror(code), dir);
	if (code > 0)
		return error_set(err, -code, "index %s: %s", dir, mdb_strerror(code));
	if (code == MDB_INVALID || code == MDB_VERSION_MISMATCH)
		return error_set(err, -EPROTO, "index %s: %s; make it again with `pratique vuln index`", dir,
		        mdb_strerror(code));
	return error_set(err, -EIO, "index %s: %s", dir, mdb_strerror(code));
}

static int check_format(struct index_env *e, MDB_txn *txn, bool writable, const char *dir, struct error *err)
{
	MDB_val key = index_val("format", 6), value;
	uint32_t format = INDEX_FORMAT;
	int r = mdb_get(txn, e->meta, &key, &value);
	if (r == MDB_NOTFOUND && writable) {
		value = index_val(&format, sizeof(format));
		r = mdb_put(txn, e->meta, &key, &value, 0);
		return r ? index_error(err, dir, r) : 0;
	}
	if (r)
		return r == MDB_NOTFOUND ? error_set(err, -EPROTO, "index %s: no format in it", dir)
		                         : index_error(err, dir, r);
	if (value.mv_size != sizeof(format))
		return error_set(err, -EPROTO, "index %s: its format is not readable", dir);
	memcpy(&format, value.mv_data, sizeof(format));
	if (format == INDEX_FORMAT)
		return 0;
	if (format > 0 && format < INDEX_FORMAT)
		return error_set(err, -ESTALE,
		        "index %s: it has format %u of an earlier Pratique, this one reads %u: restart "
		        "pratique-vis, "
		        "which makes it anew, or make it with `pratique vuln index`",
		        dir, format, INDEX_FORMAT);
	return error_set(err, -EPROTO,
	        "index %s: format %u, this program reads %u; make it again with `pratique vuln index`", dir,
	        format, INDEX_FORMAT);
}

static int open_databases(struct index_env *e, MDB_txn *txn, bool writable)
{
	const struct {
		const char *name;
		MDB_dbi *dbi;
		unsigned flags;
	} databases[] = { { "records", &e->records }, { "texts", &e->texts },
		{ "refs", &e->refs, MDB_DUPSORT }, { "packages", &e->packages },
		{ "ecosystems", &e->ecosystems }, { "sources", &e->sources }, { "history", &e->history },
		{ "oldest", &e->oldest } };
	int r = 0;
	for (size_t i = 0; !r && i < ARRAY_LENGTH(databases); i++)
		r = mdb_dbi_open(txn, databases[i].name, databases[i].flags | (writable ? MDB_CREATE : 0),
		        databases[i].dbi);
	return r;
}

static int open_within(struct index_env *e, const char *dir, bool writable, struct error *err)
{
	MDB_txn *txn;
	int r = mdb_txn_begin(e->env, NULL, writable ? 0 : MDB_RDONLY, &txn);
	if (r)
		return index_error(err, dir, r);
	r = mdb_dbi_open(txn, "meta", writable ? MDB_CREATE : 0, &e->meta);
	if (r) {
		mdb_txn_abort(txn);
		return r == MDB_NOTFOUND
		        ? error_set(err, -EPROTO, "%s holds an LMDB file that is no index of ours", dir)
		        : index_error(err, dir, r);
	}
	r = check_format(e, txn, writable, dir, err);
	if (r < 0) {
		mdb_txn_abort(txn);
		return r;
	}
	r = open_databases(e, txn, writable);
	if (r) {
		mdb_txn_abort(txn);
		return index_error(err, dir, r);
	}
	r = mdb_txn_commit(txn);
	return r ? index_error(err, dir, r) : 0;
}

static int open_environment(MDB_env *env, const char *dir, bool writable)
{
	mdb_env_set_maxdbs(env, 16);
	mdb_env_set_maxreaders(env, INDEX_READERS_MAX);
	if (writable)
		mdb_env_set_mapsize(env, MAP_SIZE_START);
	return mdb_env_open(env, dir, MDB_NOTLS | (writable ? 0 : MDB_RDONLY), FILE_MODE);
}

int index_env_open(const char *dir, bool writable, struct index_env *ret, struct error *err)
{
	struct stat st;
	char *path FREE_ON_EXIT = xasprintf("%s/data.mdb", dir);
	if (!writable && stat(path, &st) < 0)
		return error_set(err, -errno, "no index in %s: %s", dir, strerror(errno));
	if (writable) {
		int r = file_make_directory(dir, 0755, err);
		if (r < 0)
			return r;
	}
	struct index_env e = { .env = NULL };
	int r = mdb_env_create(&e.env);
	if (r)
		return index_error(err, dir, r);
	r = open_environment(e.env, dir, writable);
	r = r ? index_error(err, dir, r) : open_within(&e, dir, writable, err);
	if (r < 0) {
		mdb_env_close(e.env);
		return r;
	}
	*ret = e;
	return 0;
}

void index_env_close(struct index_env *e)
{
	if (e->env)
		mdb_env_close(e->env);
	e->env = NULL;
}

uint64_t index_env_old_generation(const char *dir)
{
	struct index_env e = { .env = NULL };
	struct index_state state = { 0 };
	MDB_txn *txn = NULL;
	if (mdb_env_create(&e.env))
		return 0;
	if (open_environment(e.env, dir, false) == 0 && mdb_txn_begin(e.env, NULL, MDB_RDONLY, &txn) == 0) {
		if (mdb_dbi_open(txn, "meta", 0, &e.meta) || index_read_state(&e, txn, &state))
			state.generation = 0;
		mdb_txn_abort(txn);
	}
	mdb_env_close(e.env);
	return state.generation;
}

static int write_generation(struct index_env *e, const char *dir, uint64_t generation, struct error *err)
{
	struct index_state state = { .generation = generation };
	MDB_val key = index_val("state", 5), value = index_val(&state, sizeof(state));
	MDB_txn *txn = NULL;
	int r = mdb_txn_begin(e->env, NULL, 0, &txn);
	if (r)
		return index_error(err, dir, r);
	r = mdb_put(txn, e->meta, &key, &value, 0);
	if (r)
		mdb_txn_abort(txn);
	else
		r = mdb_txn_commit(txn);
	return r ? index_error(err, dir, r) : 0;
}

static int move_over(const char *from, const char *dir, const char *name, struct error *err)
{
	char *source FREE_ON_EXIT = xasprintf("%s/%s", from, name);
	char *target FREE_ON_EXIT = xasprintf("%s/%s", dir, name);
	return rename(source, target) < 0 ? error_set(err, -errno, "%s: %s", target, strerror(errno)) : 0;
}

/* The new one is made aside, and moved to its place whole: whoever dies before that has the old one. */
int index_env_replace(const char *dir, struct error *err)
{
	char *aside FREE_ON_EXIT = xasprintf("%s/anew", dir);
	char *data FREE_ON_EXIT = xasprintf("%s/data.mdb", aside);
	char *lock FREE_ON_EXIT = xasprintf("%s/lock.mdb", aside);
	struct index_env e = { .env = NULL };
	(void)unlink(data);
	(void)unlink(lock);
	int r = index_env_open(aside, true, &e, err);
	if (r < 0)
		return r;
	r = write_generation(&e, aside, index_env_old_generation(dir), err);
	index_env_close(&e);
	if (r == 0)
		r = move_over(aside, dir, "lock.mdb", err);
	if (r == 0)
		r = move_over(aside, dir, "data.mdb", err);
	(void)rmdir(aside);
	return r;
}

int index_read_meta(struct index_env *e, MDB_txn *txn, const char *name, void *ret, size_t size)
{
	MDB_val key = index_val(name, strlen(name)), value;
	int r = mdb_get(txn, e->meta, &key, &value);
	memset(ret, 0, size);
	if (r == MDB_NOTFOUND)
		return 0;
	if (r || value.mv_size != size)
		return r ? r : MDB_CORRUPTED;
	memcpy(ret, value.mv_data, size);
	return 0;
}

int index_read_state(struct index_env *e, MDB_txn *txn, struct index_state *ret)
{
	return index_read_meta(e, txn, "state", ret, sizeof(*ret));
}

size_t index_ecosystem_key(char key[INDEX_KEY_MAX], enum index_kind kind, const char *ecosystem)
{
	size_t n = strlen(ecosystem);
	if (n + 1 > INDEX_KEY_MAX)
		return 0;
	key[0] = (char)kind;
	memcpy(key + 1, ecosystem, n); // NOLINT(bugprone-not-null-terminated-result): keys are counted
	return n + 1;
}

size_t index_package_key(
        char key[INDEX_KEY_MAX], enum index_kind kind, const char *ecosystem, const char *package)
{
	size_t n = index_ecosystem_key(key, kind, ecosystem), n_package = strlen(package);
	if (n == 0 || n + 1 + n_package > INDEX_KEY_MAX)
		return 0;
	key[n] = '\0';
	memcpy(key + n + 1, package, n_package);
	return n + 1 + n_package;
}

size_t index_record_key(char key[INDEX_KEY_MAX], const char *id, const char *source)
{
	size_t n = strlen(id) + 1, n_source = strlen(source);
	if (n + n_source > INDEX_KEY_MAX)
		return 0;
	memcpy(key, id, n);
	memcpy(key + n, source, n_source); // NOLINT(bugprone-not-null-terminated-result): keys are counted
	return n + n_source;
}
