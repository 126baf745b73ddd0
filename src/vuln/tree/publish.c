/* SPDX-License-Identifier: ISC */
#include "vuln/tree/publish_state.h"

#include "base/file.h"
#include "vuln/ecosystem.h"
#include "vuln/tree/envelope.h"
#include "vuln/tree/fields.h"
#include "vuln/tree/members.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define PLACES_MAX 64 /* shards that one record belongs to */
#define FILE_MODE 0644
#define DIRECTORY_MODE 0755

/* Good for a web server: nothing in it is secret. */
static int take_directory(struct tree_publisher *p, struct error *err)
{
	char *files FREE_ON_EXIT = xasprintf("%s/files", p->dir);
	char *lock FREE_ON_EXIT = xasprintf("%s/.lock", p->dir);
	int r = file_make_directory(files, DIRECTORY_MODE, err);
	if (r < 0)
		return r;
	p->lock = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (p->lock < 0)
		return error_set(err, -errno, "%s: %s", lock, strerror(errno));
	if (flock(p->lock, LOCK_EX | LOCK_NB) < 0)
		return error_set(err, -EBUSY, "%s: another publisher is at work there", p->dir);
	return 0;
}

/* The role's threshold must be met by the keys that are at hand. */
static int check_keys(const struct tree_publisher *p, struct error *err)
{
	const struct tree_role *role = &p->root.roles[TREE_ROLE_INDEX];
	size_t good = 0;
	for (size_t i = 0; i < role->n_keys; i++)
		for (size_t j = 0; j < p->n_keys; j++)
			if (EVP_PKEY_eq(p->root.keys[role->keys[i]].key, p->keys[j]) == 1) {
				good++;
				break;
			}
	if (good >= role->threshold)
		return 0;
	return error_set(err, -EACCES,
	        "root %" PRIu64
	        " of %s wants %zu of its index keys, and %zu of them are given: name the key files "
	        "that it has, or sign a new root (pratique vuln keys rotate)",
	        p->root.version, p->root.repository, role->threshold, good);
}

int tree_publisher_open(
        const struct tree_publish_config *config, struct tree_publisher **ret, struct error *err)
{
	struct tree_publisher *p = xcalloc(1, sizeof(*p));
	p->dir = xstrdup(config->dir);
	p->lock = -1;
	p->lifetime = config->lifetime_ms ? config->lifetime_ms : TREE_LIFETIME_MS;
	for (size_t i = 0; i < config->n_keys && i < TREE_PUBLISH_KEYS_MAX; i++) {
		EVP_PKEY_up_ref(config->keys[i]);
		p->keys[p->n_keys++] = config->keys[i];
	}
	int r = take_directory(p, err);
	if (r == 0)
		r = publish_load(p, err);
	if (r == -ENOENT)
		error_prefix(err, r, "the repository has no root yet (pratique vuln keys root)");
	if (r == 0)
		r = check_keys(p, err);
	if (r < 0)
		tree_publisher_close(p);
	else
		*ret = p;
	return r;
}

struct tree_publisher *tree_publisher_close(struct tree_publisher *p)
{
	if (!p)
		return NULL;
	publish_clear_shards(p);
	tree_index_clear(&p->index);
	tree_root_clear(&p->root);
	for (size_t i = 0; i < p->n_keys; i++)
		EVP_PKEY_free(p->keys[i]);
	if (p->lock >= 0)
		close(p->lock);
	table_free(p->stamps, free);
	free(p->shards);
	free(p->sources);
	free(p->line);
	free(p->dir);
	free(p);
	return NULL;
}

/* ---- what the next commit is to say ---- */

/* JSON on one line, without the white space between its tokens; what is in strings stays, byte for byte. */
static size_t compact(struct tree_publisher *p, const char *text, size_t length)
{
	size_t n = 0;
	bool inside = false;
	if (p->line_capacity < length) {
		p->line_capacity = length;
		p->line = xrealloc_array(p->line, length, 1);
	}
	for (size_t i = 0; i < length; i++) {
		char c = text[i];
		if (!inside && (c == ' ' || c == '\n' || c == '\r' || c == '\t'))
			continue;
		if (inside && c == '\\' && i + 1 < length)
			p->line[n++] = text[i++];
		else if (c == '"')
			inside = !inside;
		p->line[n++] = text[i];
	}
	return n;
}

static int write_line(
        struct tree_publisher *p, struct publish_shard *s, const struct line *line, struct error *err)
{
	int r = s->delta ? 0 : line_writer_open(p->dir, &s->delta, err);
	return r == 0 ? line_writer_put(s->delta, line, err) : r;
}

static int remove_from(struct tree_publisher *p, struct publish_shard *s, const struct line *line,
        const char *key, size_t n, struct error *err)
{
	struct published *known = table_remove(s->records, key, n);
	if (!known)
		return 0;
	free(known);
	s->removed++;
	return write_line(p, s, line, err);
}

static int put_into(struct tree_publisher *p, struct publish_shard *s, const struct line *line,
        const uint8_t digest[DIGEST_SIZE], struct error *err)
{
	char key[LINE_KEY_SIZE];
	size_t n = line_key(line->source, line->id, key);
	struct published *known = table_get(s->records, key, n);
	bool same = known && memcmp(known->digest, digest, DIGEST_SIZE) == 0;
	if (!known) {
		known = xcalloc(1, sizeof(*known));
		table_set(s->records, key, n, known);
	}
	memcpy(known->digest, digest, DIGEST_SIZE);
	known->round = p->round;
	if (same)
		return 0;
	s->put++;
	return write_line(p, s, line, err);
}

/* The shards that a record belongs to. */
struct placing {
	struct tree_publisher *p;
	struct publish_shard *shards[PLACES_MAX];
	size_t n;
	bool too_many;
};

static struct publish_shard *place(struct placing *places, const char *name)
{
	struct publish_shard *s = publish_find_shard(places->p, name, true);
	for (size_t i = 0; s && i < places->n; i++)
		if (places->shards[i] == s)
			return s;
	if (s && places->n < PLACES_MAX)
		places->shards[places->n++] = s;
	else
		places->too_many = true;
	return s;
}

static void place_ecosystem(const char *ecosystem, void *context)
{
	struct placing *places = context;
	char shard[TREE_NAME_SIZE], canonical[ECOSYSTEM_NAME_MAX];
	enum version_ecosystem order;
	if (!tree_shard_name(ecosystem, shard))
		return;
	struct publish_shard *s = place(places, shard);
	const char *name = ecosystem_canonical(ecosystem, canonical, &order) == 0 ? canonical : ecosystem;
	if (s && strlen(name) < TREE_NAME_SIZE && table_count(s->ecosystems) < TREE_ECOSYSTEMS_MAX)
		table_set_string(s->ecosystems, name, places->p);
}

/* The pointers into p->shards are good once no shard is added any more. */
static int place_record(struct placing *places, const json_t *record, struct error *err)
{
	members_each_ecosystem(record, place_ecosystem, places);
	places->n = 0;
	members_each_ecosystem(record, place_ecosystem, places);
	if (places->n == 0 && !places->too_many)
		place(places, TREE_SHARD_OTHER);
	return places->too_many ? error_set(err, -E2BIG, "more than %d shards, or a record in more than %d",
	                                  TREE_SHARDS_MAX, PLACES_MAX)
	                        : 0;
}

static int put_line(
        struct tree_publisher *p, const struct placing *places, struct line *line, struct error *err)
{
	uint8_t digest[32];
	char key[LINE_KEY_SIZE];
	size_t n = line_key(line->source, line->id, key);
	int r = 0;
	sha256_bytes(line->record, line->length, digest);
	for (size_t i = 0; i < places->n && r == 0; i++)
		r = put_into(p, places->shards[i], line, digest, err);
	line->record = NULL;
	for (size_t i = 0; i < p->n_shards && r == 0; i++) {
		size_t j = 0;
		while (j < places->n && places->shards[j] != &p->shards[i])
			j++;
		if (j == places->n)
			r = remove_from(p, &p->shards[i], line, key, n, err);
	}
	return r;
}

static void note_stamp(struct tree_publisher *p, const struct line *line, uint64_t stamp)
{
	char key[LINE_KEY_SIZE];
	size_t n = line_key(line->source, line->id, key);
	struct stamped *known = table_get(p->stamps, key, n);
	if (!known) {
		known = xcalloc(1, sizeof(*known));
		table_set(p->stamps, key, n, known);
	}
	*known = (struct stamped){ stamp, p->round };
}

static int put_record(struct tree_publisher *p, struct line *line, const json_t *json, const char *text,
        size_t length, struct error *err)
{
	struct placing places = { .p = p };
	members_id(json, line->id);
	if (!*line->id || !line_name_good(line->source, sizeof(line->source)))
		return error_set(
		        err, -EINVAL, "its id or its source's name is none that a repository can hold");
	line->length = compact(p, text, length);
	line->record = p->line;
	int r = place_record(&places, json, err);
	return r == 0 ? put_line(p, &places, line, err) : r;
}

int tree_publisher_put(struct tree_publisher *p, const char *source, const char *text, size_t length,
        uint64_t stamp, struct error *err)
{
	struct line line = { .record = NULL };
	if (p->lost)
		return error_set(err, -ESTALE, "%s: what is published is not known", p->dir);
	if (strlen(source) >= sizeof(line.source) || length > LINE_RECORD_MAX)
		return error_set(err, -EINVAL, "the record or its source's name is too long");
	memcpy(line.source, source, strlen(source) + 1);
	json_t *json = fields_parse(text, length, "record", err);
	if (!json)
		return -EINVAL;
	int r = put_record(p, &line, json, text, length, err);
	json_decref(json);
	if (r == 0)
		note_stamp(p, &line, stamp);
	else if (r != -EINVAL)
		p->lost = true;
	return r;
}

bool tree_publisher_keep(struct tree_publisher *p, const char *source, const char *id, uint64_t stamp)
{
	char key[LINE_KEY_SIZE];
	if (strlen(source) >= RECORD_SOURCE_MAX || strlen(id) >= RECORD_ID_MAX)
		return false;
	struct stamped *known = table_get(p->stamps, key, line_key(source, id, key));
	if (!known || !stamp || known->stamp != stamp)
		return false;
	known->round = p->round;
	return true;
}

void tree_publisher_remove(struct tree_publisher *p, const char *source, const char *id)
{
	struct line line = { .record = NULL };
	char key[LINE_KEY_SIZE];
	if (strlen(source) >= sizeof(line.source) || strlen(id) >= sizeof(line.id))
		return;
	memcpy(line.source, source, strlen(source) + 1);
	memcpy(line.id, id, strlen(id) + 1);
	size_t n = line_key(source, id, key);
	free(table_remove(p->stamps, key, n));
	for (size_t i = 0; i < p->n_shards; i++)
		if (remove_from(p, &p->shards[i], &line, key, n, NULL) < 0)
			p->lost = true;
}

void tree_publisher_replace_all(struct tree_publisher *p)
{
	if (p->lost)
		(void)publish_load(p, NULL);
	p->replace_all = true;
	p->round++;
}

static int order_sources(const void *a, const void *b)
{
	return strcmp(((const struct tree_source *)a)->name, ((const struct tree_source *)b)->name);
}

int tree_publisher_set_sources(
        struct tree_publisher *p, const struct tree_source *sources, size_t n, struct error *err)
{
	if (n > TREE_SOURCES_MAX)
		return error_set(err, -E2BIG, "more than %d sources", TREE_SOURCES_MAX);
	free(p->sources);
	p->sources = xcalloc(n + 1, sizeof(*p->sources));
	if (n)
		memcpy(p->sources, sources, n * sizeof(*sources));
	p->n_sources = n;
	qsort(p->sources, n, sizeof(*p->sources), order_sources);
	return 0;
}

/* ---- commit ---- */

/* What was not put since tree_publisher_replace_all() goes. */
static int remove_unseen(struct tree_publisher *p, struct publish_shard *s, struct error *err)
{
	int r = 0;
	TABLE_FOREACH(it, s->records) {
		const struct published *known = it.value;
		const struct stamped *stamp = table_get(p->stamps, it.key, it.key_length);
		struct line line = { .record = NULL };
		char key[LINE_KEY_SIZE];
		if (known->round == p->round || (stamp && stamp->round == p->round))
			continue;
		memcpy(key, it.key, it.key_length);
		size_t n = strlen(key) + 1;
		memcpy(line.id, key, n);
		memcpy(line.source, key + n, it.key_length - n);
		r = remove_from(p, s, &line, key, it.key_length, err);
		if (r < 0)
			break;
	}
	return r;
}

static uint64_t next_generation(const struct tree_publisher *p, time_ms now)
{
	return p->has_index ? p->index.point.generation + 1 : (uint64_t)MAX(now / 1000, (time_ms)1);
}

static int order_shards(const void *a, const void *b)
{
	return strcmp(((const struct tree_shard *)a)->name, ((const struct tree_shard *)b)->name);
}

static bool changed(const struct publish_shard *s)
{
	return s->delta || s->rebuild;
}

/* Stamps of records that are gone go along. */
static void forget_stamps(struct tree_publisher *p)
{
	if (!p->replace_all)
		return;
	TABLE_FOREACH(it, p->stamps)
		if (((const struct stamped *)it.value)->round != p->round)
			free(table_remove(p->stamps, it.key, it.key_length));
}

/* The shards of the next index, which its caller clears in every case. */
static int finish_shards(struct tree_publisher *p, struct tree_index *next,
        struct tree_publish_result *result, struct error *err)
{
	next->shards = xcalloc(p->n_shards + 1, sizeof(*next->shards));
	for (size_t i = 0; i < p->n_shards; i++) {
		struct publish_shard *s = &p->shards[i];
		struct tree_shard *v = &next->shards[next->n_shards];
		result->records_put += s->put;
		result->records_removed += s->removed;
		if (changed(s)) {
			int r = publish_finish_shard(p, s, next->point.generation, &result->bytes, v, err);
			if (r < 0)
				return r;
			next->n_shards++;
			result->shards_changed++;
		} else if (s->v.generation) {
			tree_shard_copy(&s->v, v);
			next->n_shards++;
		}
	}
	qsort(next->shards, next->n_shards, sizeof(*next->shards), order_shards);
	return 0;
}

static void take_sources(const struct tree_publisher *p, struct tree_index *next)
{
	const struct tree_source *from = p->sources ? p->sources : p->index.sources;
	next->n_sources = p->sources ? p->n_sources : p->index.n_sources;
	next->sources = xcalloc(next->n_sources + 1, sizeof(*next->sources));
	if (next->n_sources)
		memcpy(next->sources, from, next->n_sources * sizeof(*from));
}

static int sync_files(const struct tree_publisher *p, struct error *err)
{
	char *path FREE_ON_EXIT = xasprintf("%s/files", p->dir);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 || fsync(fd) < 0 ? error_set(err, -errno, "%s: %s", path, strerror(errno)) : 0;
	if (fd >= 0)
		close(fd);
	return r;
}

/* Signs it, reads it back as a follower would, and puts it in the place of the old one. */
static int write_index(struct tree_publisher *p, const struct tree_index *next, struct error *err)
{
	char *payload FREE_ON_EXIT = tree_index_format(next);
	char *text FREE_ON_EXIT = tree_envelope_make(TREE_ROLE_INDEX, next->repository, payload);
	char *path FREE_ON_EXIT = xasprintf("%s/index.json", p->dir);
	struct tree_index check;
	int r = 0;
	for (size_t i = 0; i < p->n_keys && r == 0; i++) {
		char *more;
		r = tree_envelope_sign(text, strlen(text), p->keys[i], &more, err);
		if (r == 0) {
			free(text);
			text = more;
		}
	}
	if (r == 0)
		r = tree_index_open(&p->root, text, strlen(text), &check, err);
	if (r)
		return error_prefix(err, r < 0 ? r : -EINVAL, "the new index is not good");
	tree_index_clear(&check);
	r = sync_files(p, err);
	return r < 0 ? r : file_replace(path, text, strlen(text), FILE_MODE, err);
}

/* The new index stands: what the shards were published with is what it says. */
static void adopt(struct tree_publisher *p, struct tree_index *next)
{
	struct tree_index before = p->index;
	p->index = *next;
	memset(next, 0, sizeof(*next));
	p->has_index = true;
	forget_stamps(p);
	p->replace_all = false;
	for (size_t i = 0; i < p->n_shards; i++) {
		struct publish_shard *s = &p->shards[i];
		const struct tree_shard *v = tree_index_find(&p->index, s->v.name);
		s->put = s->removed = 0;
		s->rebuild = false;
		if (!v)
			continue;
		tree_shard_clear(&s->v);
		tree_shard_copy(v, &s->v);
	}
	free(TAKE_POINTER(p->sources));
	publish_retire(p, &before);
	tree_index_clear(&before);
}

static bool sources_differ(const struct tree_publisher *p)
{
	return p->sources &&
	        (p->n_sources != p->index.n_sources ||
	                (p->n_sources &&
	                        memcmp(p->sources, p->index.sources, p->n_sources * sizeof(*p->sources)) !=
	                                0));
}

static bool anything_to_say(const struct tree_publisher *p, time_ms now)
{
	bool any = !p->has_index || now >= tree_publisher_due(p) || p->index.root != p->root.version ||
	        sources_differ(p);
	for (size_t i = 0; i < p->n_shards && !any; i++)
		any = changed(&p->shards[i]);
	return any;
}

static int prepare(struct tree_publisher *p, struct error *err)
{
	int r = p->lost ? error_set(err, -ESTALE, "%s: what is published is not known", p->dir)
	                : publish_load_roots(p, err);
	if (r == 0)
		r = check_keys(p, err);
	for (size_t i = 0; i < p->n_shards && r == 0; i++) {
		if (p->replace_all)
			r = remove_unseen(p, &p->shards[i], err);
		else if (p->shards[i].rebuild)
			r = error_set(err, -ESTALE,
			        "%s: files of the shard %s are gone: everything is to be published anew",
			        p->dir, p->shards[i].v.name);
	}
	return r;
}

static int commit(
        struct tree_publisher *p, time_ms now, struct tree_publish_result *result, struct error *err)
{
	struct tree_index next = { .root = 0 };
	int r = prepare(p, err);
	if (r < 0 || !anything_to_say(p, now))
		return r;
	memcpy(next.repository, p->root.repository, sizeof(next.repository));
	next.point = (struct tree_point){ p->root.epoch, next_generation(p, now) };
	next.root = p->root.version;
	next.time = now;
	next.expires = now + p->lifetime;
	take_sources(p, &next);
	r = finish_shards(p, &next, result, err);
	if (r == 0)
		r = write_index(p, &next, err);
	if (r == 0) {
		adopt(p, &next);
		publish_prune(p, now);
	}
	tree_index_clear(&next);
	return r;
}

int tree_publisher_commit(
        struct tree_publisher *p, time_ms now, struct tree_publish_result *ret, struct error *err)
{
	struct tree_publish_result result = { .records_put = 0 };
	int r = commit(p, now, &result, err);
	if (r < 0) {
		p->lost = true;
		return r;
	}
	result.point = p->index.point;
	*ret = result;
	return 0;
}

time_ms tree_publisher_due(const struct tree_publisher *p)
{
	return p->has_index ? p->index.time + (p->index.expires - p->index.time) / 3 : 0;
}

const struct tree_index *tree_publisher_index(const struct tree_publisher *p)
{
	return p->has_index ? &p->index : NULL;
}

const struct tree_root *tree_publisher_root(const struct tree_publisher *p)
{
	return &p->root;
}
