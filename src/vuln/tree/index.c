/* SPDX-License-Identifier: ISC */
/* index.json: {"format", "role", "repository", "root", "epoch", "generation", "time", "expires", "sources":
 * [...], "shards": [...]}; pratique-repository(5) has every member. */
#include "vuln/tree/envelope.h"

#include "vuln/tree/fields.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *tree_point_format(struct tree_point p, char text[TREE_POINT_SIZE])
{
	snprintf(text, TREE_POINT_SIZE, "%" PRIu64 ".%" PRIu64, p.epoch, p.generation);
	return text;
}

/* One text for each point: no sign, no leading zero. */
static bool parse_number(const char **at, uint64_t *ret)
{
	uint64_t n = 0;
	const char *c = *at;
	if (*c == '0' && c[1] >= '0' && c[1] <= '9')
		return false;
	for (; *c >= '0' && *c <= '9'; c++) {
		n = n * 10 + (uint64_t)(*c - '0');
		if (n >= TREE_NUMBER_MAX)
			return false;
	}
	bool any = c != *at;
	*at = c;
	*ret = n;
	return any;
}

int tree_point_parse(const char *text, struct tree_point *ret)
{
	struct tree_point p;
	if (!parse_number(&text, &p.epoch) || *text++ != '.' || !parse_number(&text, &p.generation) || *text)
		return -EINVAL;
	*ret = p;
	return 0;
}

const char *tree_file_path(const struct tree_file *file, char path[TREE_PATH_SIZE])
{
	char hex[2 * sizeof(file->sha256) + 1];
	snprintf(path, TREE_PATH_SIZE, "files/%s.zst", hex_format(file->sha256, sizeof(file->sha256), hex));
	return path;
}

void tree_shard_clear(struct tree_shard *s)
{
	for (size_t i = 0; i < s->n_ecosystems; i++)
		free(s->ecosystems[i]);
	free(s->ecosystems);
	free(s->deltas);
	memset(s, 0, sizeof(*s));
}

void tree_shard_copy(const struct tree_shard *s, struct tree_shard *ret)
{
	*ret = *s;
	ret->deltas = xcalloc(s->n_deltas + 1, sizeof(*s->deltas));
	if (s->n_deltas)
		memcpy(ret->deltas, s->deltas, s->n_deltas * sizeof(*s->deltas));
	ret->ecosystems = xcalloc(s->n_ecosystems + 1, sizeof(*s->ecosystems));
	for (size_t i = 0; i < s->n_ecosystems; i++)
		ret->ecosystems[i] = xstrdup(s->ecosystems[i]);
}

bool tree_shard_name(const char *ecosystem, char ret[TREE_NAME_SIZE])
{
	size_t n = strcspn(ecosystem, ":");
	if (n == 0 || n >= TREE_NAME_SIZE)
		return false;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)ecosystem[i] < 0x20 || ecosystem[i] == 0x7f)
			return false;
	memcpy(ret, ecosystem, n);
	ret[n] = '\0';
	return true;
}

void tree_index_clear(struct tree_index *index)
{
	for (size_t i = 0; i < index->n_shards; i++)
		tree_shard_clear(&index->shards[i]);
	free(index->shards);
	free(index->sources);
	memset(index, 0, sizeof(*index));
}

static void read_file(struct fields *f, struct tree_file *file)
{
	fields_hex(f, "sha256", file->sha256, sizeof(file->sha256));
	file->length = fields_number(f, "length", 1);
	file->unpacked = fields_number(f, "unpacked", 0);
	file->records = fields_number(f, "records", 0);
	if (file->length > TREE_FILE_MAX || file->unpacked > TREE_UNPACKED_MAX ||
	        file->records > TREE_RECORDS_MAX)
		fields_fail(f, "a file is larger than files may be");
}

static bool read_snapshot(const json_t *json, struct tree_shard *shard, struct error *err)
{
	struct fields f = fields_begin(json, "snapshot", err);
	shard->snapshot_generation = fields_number(&f, "generation", 1);
	read_file(&f, &shard->snapshot);
	return fields_end(&f);
}

static bool read_delta(const json_t *json, struct tree_shard *shard, struct error *err)
{
	struct fields f = fields_begin(json, "delta", err);
	struct tree_delta *delta = &shard->deltas[shard->n_deltas++];
	const struct tree_delta *before = shard->n_deltas > 1 ? delta - 1 : NULL;
	delta->from = fields_number(&f, "from", 0);
	delta->to = fields_number(&f, "to", 1);
	read_file(&f, &delta->file);
	if (delta->from >= delta->to || (before && delta->from != before->to))
		fields_fail(&f, "from %" PRIu64 " to %" PRIu64 " does not follow the one before", delta->from,
		        delta->to);
	return fields_end(&f);
}

/* The snapshot and what follows it must lead to the generation of the shard, and not above the index. */
static bool check_chain(const struct tree_shard *s, uint64_t generation)
{
	uint64_t last = s->n_deltas ? s->deltas[s->n_deltas - 1].to : s->snapshot_generation;
	bool joined = s->snapshot_generation == last;
	for (size_t i = 0; i < s->n_deltas; i++)
		joined = joined || s->deltas[i].from == s->snapshot_generation;
	return joined && last == s->generation && s->snapshot_generation <= s->generation &&
	        s->generation <= generation;
}

static bool read_ecosystems(struct fields *f, const json_t *list, struct tree_shard *shard)
{
	shard->ecosystems = xcalloc(json_array_size(list) + 1, sizeof(*shard->ecosystems));
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *name = json_string_value(json_array_get(list, i));
		if (!name || strlen(name) >= TREE_NAME_SIZE || !fields_printable(name, strlen(name)) ||
		        (i && strcmp(shard->ecosystems[i - 1], name) >= 0)) {
			fields_fail(f, "its ecosystems are not a sorted list of names");
			return false;
		}
		shard->ecosystems[shard->n_ecosystems++] = xstrdup(name);
	}
	return true;
}

static bool read_shard(const json_t *json, struct tree_index *index, struct error *err)
{
	struct fields f = fields_begin(json, "shard", err);
	struct tree_shard *shard = &index->shards[index->n_shards++];
	const json_t *snapshot = NULL, *deltas = NULL, *ecosystems = NULL;
	fields_text(&f, "name", shard->name, sizeof(shard->name), false);
	shard->generation = fields_number(&f, "generation", 1);
	shard->withdrawn = fields_flag(&f, "withdrawn");
	if (!shard->withdrawn) {
		shard->records = fields_number(&f, "records", 0);
		ecosystems = fields_array(&f, "ecosystems", TREE_ECOSYSTEMS_MAX);
		snapshot = fields_object(&f, "snapshot");
		deltas = fields_array(&f, "deltas", TREE_DELTAS_MAX);
	}
	if (index->n_shards > 1 && strcmp(shard[-1].name, shard->name) >= 0)
		fields_fail(&f, "\"%s\" is not in the order of names", shard->name);
	if (shard->generation > index->point.generation)
		fields_fail(&f, "\"%s\" is of a later generation than the index", shard->name);
	if (!fields_end(&f))
		return false;
	if (shard->withdrawn)
		return true;
	size_t n = json_array_size(deltas);
	shard->deltas = xcalloc(MAX(n, (size_t)1), sizeof(*shard->deltas));
	if (!read_ecosystems(&f, ecosystems, shard) || !read_snapshot(snapshot, shard, err))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!read_delta(json_array_get(deltas, i), shard, err))
			return false;
	if (!check_chain(shard, index->point.generation))
		fields_fail(&f, "the files of \"%s\" do not lead to its generation", shard->name);
	return !f.failed;
}

static bool read_source(const json_t *json, struct tree_index *index, struct error *err)
{
	struct fields f = fields_begin(json, "source", err);
	struct tree_source *s = &index->sources[index->n_sources++];
	fields_text(&f, "name", s->name, sizeof(s->name), false);
	fields_text(&f, "origin", s->origin, sizeof(s->origin), true);
	fields_text(&f, "licence", s->licence, sizeof(s->licence), true);
	fields_text(&f, "trust", s->trust, sizeof(s->trust), false);
	s->precedence = fields_number(&f, "precedence", 0);
	if (index->n_sources > 1 && strcmp(s[-1].name, s->name) >= 0)
		fields_fail(&f, "\"%s\" is not in the order of names", s->name);
	return fields_end(&f);
}

static bool read_lists(
        const json_t *sources, const json_t *shards, struct tree_index *index, struct error *err)
{
	size_t n = json_array_size(sources);
	index->sources = xcalloc(MAX(n, (size_t)1), sizeof(*index->sources));
	for (size_t i = 0; i < n; i++)
		if (!read_source(json_array_get(sources, i), index, err))
			return false;
	n = json_array_size(shards);
	index->shards = xcalloc(MAX(n, (size_t)1), sizeof(*index->shards));
	for (size_t i = 0; i < n; i++)
		if (!read_shard(json_array_get(shards, i), index, err))
			return false;
	return true;
}

static bool read_payload(const json_t *json, struct tree_index *index, struct error *err)
{
	struct fields f = fields_begin(json, "index", err);
	char role[16];
	uint64_t format = fields_number(&f, "format", 1);
	fields_text(&f, "role", role, sizeof(role), false);
	fields_text(&f, "repository", index->repository, sizeof(index->repository), false);
	index->root = fields_number(&f, "root", 1);
	index->point.epoch = fields_number(&f, "epoch", 1);
	index->point.generation = fields_number(&f, "generation", 1);
	index->time = fields_time(&f, "time");
	index->expires = fields_time(&f, "expires");
	const json_t *sources = fields_array(&f, "sources", TREE_SOURCES_MAX);
	const json_t *shards = fields_array(&f, "shards", TREE_SHARDS_MAX);
	if (!fields_end(&f))
		return false;
	if (format != TREE_FORMAT || strcmp(role, "index") != 0)
		fields_fail(&f, "its format is not %d or its role not index", TREE_FORMAT);
	if (index->expires <= index->time || index->expires - index->time > TREE_LIFETIME_MAX_MS)
		fields_fail(&f, "it expires before it begins, or later than any index may");
	return !f.failed && read_lists(sources, shards, index, err);
}

static int check_place(const struct tree_root *root, const struct tree_index *index, struct error *err)
{
	if (strcmp(index->repository, root->repository) != 0) {
		error_set(err, -EBADMSG, "it is the index of %s, not of %s", index->repository,
		        root->repository);
		return TREE_FOREIGN;
	}
	if (index->root > root->version || index->point.epoch > root->epoch) {
		error_set(err, -EBADMSG,
		        "it needs root %" PRIu64 ", and the newest to be had is root %" PRIu64, index->root,
		        root->version);
		return TREE_SKIPPED;
	}
	if (index->point.epoch == root->epoch)
		return 0;
	error_set(err, -EBADMSG, "it is of epoch %" PRIu64 "; root %" PRIu64 " began epoch %" PRIu64,
	        index->point.epoch, root->version, root->epoch);
	return TREE_ROLLED_BACK;
}

int tree_index_read(const void *bytes, size_t length, struct tree_index *ret, struct error *err)
{
	struct tree_index index = { .root = 0 };
	json_t *json = fields_parse(bytes, length, "index", err);
	bool good = json && read_payload(json, &index, err);
	json_decref(json);
	if (good)
		*ret = index;
	else
		tree_index_clear(&index);
	return good ? 0 : TREE_MALFORMED;
}

/* Signed first: what nobody has signed is not read any further. */
int tree_index_open(const struct tree_root *root, const void *bytes, size_t length, struct tree_index *ret,
        struct error *err)
{
	struct envelope e = { .type = NULL };
	struct tree_index index = { .root = 0 };
	int r = envelope_open(bytes, length, TREE_INDEX_MAX, &e, err);
	if (r == 0)
		r = envelope_check_type(&e, TREE_ROLE_INDEX, root->repository, err);
	if (r == 0)
		r = envelope_check_signatures(&e, root, TREE_ROLE_INDEX, err);
	if (r == 0)
		r = tree_index_read(e.payload, e.payload_length, &index, err);
	envelope_clear(&e);
	if (r == 0)
		r = check_place(root, &index, err);
	if (r == 0)
		*ret = index;
	else
		tree_index_clear(&index);
	return r;
}

int tree_index_check_time(const struct tree_index *index, time_ms now, int64_t skew, struct error *err)
{
	char text[CLOCK_TEXT_SIZE];
	if (now > index->expires + skew) {
		error_set(err, -ETIME, "the index expired at %s; nothing newer is offered",
		        clock_format(index->expires, text));
		return TREE_EXPIRED;
	}
	if (index->time <= now + skew)
		return 0;
	error_set(err, -ETIME, "the index is dated %s, further ahead of this clock than %" PRId64 " s",
	        clock_format(index->time, text), skew / 1000);
	return TREE_AHEAD;
}

static int order_shard(const void *name, const void *shard)
{
	return strcmp(name, ((const struct tree_shard *)shard)->name);
}

const struct tree_shard *tree_index_find(const struct tree_index *index, const char *shard)
{
	return index->n_shards
	        ? bsearch(shard, index->shards, index->n_shards, sizeof(*index->shards), order_shard)
	        : NULL;
}

static int order_name(const void *name, const void *item)
{
	return strcmp(name, *(char *const *)item);
}

bool tree_index_lists(const struct tree_index *index, const char *ecosystem)
{
	char name[TREE_NAME_SIZE];
	const struct tree_shard *s = tree_shard_name(ecosystem, name) ? tree_index_find(index, name) : NULL;
	return s && s->n_ecosystems &&
	        bsearch(ecosystem, s->ecosystems, s->n_ecosystems, sizeof(*s->ecosystems), order_name);
}

static int order_source(const void *name, const void *source)
{
	return strcmp(name, ((const struct tree_source *)source)->name);
}

const struct tree_source *tree_index_find_source(const struct tree_index *index, const char *source)
{
	return index->n_sources
	        ? bsearch(source, index->sources, index->n_sources, sizeof(*index->sources), order_source)
	        : NULL;
}

/* ---- writing ---- */

static void format_file(json_t *json, const struct tree_file *file)
{
	char hex[2 * sizeof(file->sha256) + 1];
	json_object_set_new(json, "sha256", json_string(hex_format(file->sha256, sizeof(file->sha256), hex)));
	json_object_set_new(json, "length", json_integer((json_int_t)file->length));
	json_object_set_new(json, "unpacked", json_integer((json_int_t)file->unpacked));
	json_object_set_new(json, "records", json_integer((json_int_t)file->records));
}

static json_t *format_shard(const struct tree_shard *s)
{
	json_t *json = json_pack("{s:s, s:I}", "name", s->name, "generation", (json_int_t)s->generation);
	if (s->withdrawn) {
		json_object_set_new(json, "withdrawn", json_true());
		return json;
	}
	json_t *snapshot = json_pack("{s:I}", "generation", (json_int_t)s->snapshot_generation);
	json_t *deltas = json_array(), *ecosystems = json_array();
	for (size_t i = 0; i < s->n_ecosystems; i++)
		json_array_append_new(ecosystems, json_string(s->ecosystems[i]));
	format_file(snapshot, &s->snapshot);
	for (size_t i = 0; i < s->n_deltas; i++) {
		json_t *delta = json_pack("{s:I, s:I}", "from", (json_int_t)s->deltas[i].from, "to",
		        (json_int_t)s->deltas[i].to);
		format_file(delta, &s->deltas[i].file);
		json_array_append_new(deltas, delta);
	}
	json_object_set_new(json, "records", json_integer((json_int_t)s->records));
	json_object_set_new(json, "ecosystems", ecosystems);
	json_object_set_new(json, "snapshot", snapshot);
	json_object_set_new(json, "deltas", deltas);
	return json;
}

char *tree_index_format(const struct tree_index *index)
{
	char from[CLOCK_TEXT_SIZE], to[CLOCK_TEXT_SIZE];
	json_t *sources = json_array(), *shards = json_array();
	for (size_t i = 0; i < index->n_sources; i++) {
		const struct tree_source *s = &index->sources[i];
		json_array_append_new(sources,
		        json_pack("{s:s, s:s, s:s, s:s, s:I}", "name", s->name, "origin", s->origin,
		                "licence", s->licence, "trust", s->trust, "precedence",
		                (json_int_t)s->precedence));
	}
	for (size_t i = 0; i < index->n_shards; i++)
		json_array_append_new(shards, format_shard(&index->shards[i]));
	json_t *json = json_pack("{s:i, s:s, s:s, s:I, s:I, s:I, s:s, s:s, s:o, s:o}", "format", TREE_FORMAT,
	        "role", "index", "repository", index->repository, "root", (json_int_t)index->root, "epoch",
	        (json_int_t)index->point.epoch, "generation", (json_int_t)index->point.generation, "time",
	        clock_format(index->time, from), "expires", clock_format(index->expires, to), "sources",
	        sources, "shards", shards);
	char *text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	return text;
}
