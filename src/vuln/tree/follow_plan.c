/* SPDX-License-Identifier: ISC */
/*
 * Which files make what is held: for each shard the deltas that lead on from what is here, where there are
 * such and they are less to fetch than the snapshot; else the snapshot and the deltas above it.
 */
#include "vuln/tree/follow_state.h"

#include "base/file.h"
#include "vuln/tree/fields.h"

#include <errno.h>
#include <string.h>

void held_clear(struct held *h)
{
	for (size_t i = 0; i < h->n; i++)
		free(h->shards[i].files);
	free(h->shards);
	memset(h, 0, sizeof(*h));
}

struct held_shard *held_find(const struct held *h, const char *shard)
{
	for (size_t i = 0; i < h->n; i++)
		if (strcmp(h->shards[i].name, shard) == 0)
			return &h->shards[i];
	return NULL;
}

struct held_shard *held_add(struct held *h, const char *shard)
{
	h->shards = xrealloc_array(h->shards, h->n + 1, sizeof(*h->shards));
	struct held_shard *s = &h->shards[h->n++];
	memset(s, 0, sizeof(*s));
	memcpy(s->name, shard, strlen(shard) + 1);
	return s;
}

static json_t *format_files(const struct held_shard *s)
{
	json_t *files = json_array();
	for (size_t i = 0; i < s->n; i++) {
		const struct tree_file *file = &s->files[i];
		char hex[2 * sizeof(file->sha256) + 1];
		json_array_append_new(files,
		        json_pack("{s:s, s:I, s:I, s:I}", "sha256",
		                hex_format(file->sha256, sizeof(file->sha256), hex), "length",
		                (json_int_t)file->length, "unpacked", (json_int_t)file->unpacked, "records",
		                (json_int_t)file->records));
	}
	return files;
}

char *held_format(const struct held *h)
{
	json_t *shards = json_array();
	for (size_t i = 0; i < h->n; i++)
		json_array_append_new(shards,
		        json_pack("{s:s, s:I, s:o}", "name", h->shards[i].name, "generation",
		                (json_int_t)h->shards[i].generation, "files", format_files(&h->shards[i])));
	json_t *json = json_pack("{s:I, s:I, s:o}", "epoch", (json_int_t)h->point.epoch, "generation",
	        (json_int_t)h->point.generation, "shards", shards);
	char *text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	return text;
}

static bool read_shard(const json_t *json, struct held *h, struct error *err)
{
	struct fields f = fields_begin(json, "held shard", err);
	char name[TREE_NAME_SIZE];
	fields_text(&f, "name", name, sizeof(name), false);
	uint64_t generation = fields_number(&f, "generation", 0);
	const json_t *files = fields_array(&f, "files", HELD_FILES_MAX + TREE_DELTAS_MAX + 1);
	if (!fields_end(&f))
		return false;
	struct held_shard *s = held_add(h, name);
	s->generation = generation;
	s->files = xcalloc(json_array_size(files) + 1, sizeof(*s->files));
	for (size_t i = 0; i < json_array_size(files); i++) {
		struct tree_file *file = &s->files[s->n++];
		f = fields_begin(json_array_get(files, i), "held file", err);
		fields_hex(&f, "sha256", file->sha256, sizeof(file->sha256));
		file->length = fields_number(&f, "length", 1);
		file->unpacked = fields_number(&f, "unpacked", 0);
		file->records = fields_number(&f, "records", 0);
		if (!fields_end(&f))
			return false;
	}
	return true;
}

int held_parse(const char *text, size_t length, struct held *ret, struct error *err)
{
	struct held h = { .n = 0 };
	json_t *json = fields_parse(text, length, "held", err);
	struct fields f = fields_begin(json, "held", err);
	h.point.epoch = fields_number(&f, "epoch", 0);
	h.point.generation = fields_number(&f, "generation", 0);
	const json_t *shards = fields_array(&f, "shards", TREE_SHARDS_MAX);
	bool good = fields_end(&f);
	for (size_t i = 0; good && i < json_array_size(shards); i++)
		good = read_shard(json_array_get(shards, i), &h, err);
	json_decref(json);
	if (good)
		*ret = h;
	else
		held_clear(&h);
	return good ? 0 : -EINVAL;
}

void held_mark(const struct held *h, char mark[HELD_MARK_SIZE])
{
	uint8_t digest[32];
	char *text FREE_ON_EXIT = held_format(h);
	sha256_bytes(text, strlen(text), digest);
	hex_format(digest, sizeof(digest), mark);
}

bool follow_wants_shard(const struct tree_follow *f, const char *shard)
{
	bool wanted = !f->shards;
	for (size_t i = 0; i < f->n_shards && !wanted; i++)
		wanted = strcmp(f->shards[i], shard) == 0;
	return wanted;
}

static uint64_t missing_bytes(const struct tree_follow *f, const struct tree_file *file)
{
	return follow_has_file(f, file) ? 0 : file->length;
}

/* The first delta that leads on from the generation; n_deltas where none does. */
static size_t first_from(const struct tree_shard *s, uint64_t generation)
{
	for (size_t i = 0; i < s->n_deltas; i++)
		if (s->deltas[i].from <= generation && generation < s->deltas[i].to)
			return i;
	return s->n_deltas;
}

static void append_file(struct held_shard *to, const struct tree_file *file)
{
	to->files = xrealloc_array(to->files, to->n + 1, sizeof(*to->files));
	to->files[to->n++] = *file;
}

static void plan_snapshot(const struct tree_shard *s, struct held_shard *ret)
{
	append_file(ret, &s->snapshot);
	for (size_t i = 0; i < s->n_deltas; i++)
		if (s->deltas[i].from >= s->snapshot_generation)
			append_file(ret, &s->deltas[i].file);
}

/* Whether the deltas from `first` on may come behind what is held, and are less than the snapshot's way. */
static bool deltas_pay(
        const struct tree_follow *f, const struct tree_shard *s, const struct held_shard *old, size_t first)
{
	uint64_t by_deltas = 0, by_snapshot = missing_bytes(f, &s->snapshot);
	if (first == s->n_deltas || old->n + s->n_deltas - first > HELD_FILES_MAX)
		return false;
	for (size_t i = 0; i < s->n_deltas; i++) {
		uint64_t bytes = missing_bytes(f, &s->deltas[i].file);
		by_deltas += i >= first ? bytes : 0;
		by_snapshot += s->deltas[i].from >= s->snapshot_generation ? bytes : 0;
	}
	return by_deltas <= by_snapshot;
}

static void plan_shard(const struct tree_follow *f, const struct tree_index *index,
        const struct tree_shard *s, struct held *ret)
{
	/* In another epoch nothing that was held says anything. */
	const struct held_shard *old =
	        f->held.point.epoch == index->point.epoch ? held_find(&f->held, s->name) : NULL;
	struct held_shard *new = held_add(ret, s->name);
	new->generation = s->generation;
	size_t first = old ? first_from(s, old->generation) : 0;
	bool same = old && old->generation == s->generation;
	if (old && (same || deltas_pay(f, s, old, first))) {
		for (size_t i = 0; i < old->n; i++)
			append_file(new, &old->files[i]);
		new->n_old = old->n;
		for (size_t i = first; i < s->n_deltas && !same; i++)
			append_file(new, &s->deltas[i].file);
	} else {
		plan_snapshot(s, new);
	}
}

void follow_make_plan(const struct tree_follow *f, const struct tree_index *index, struct held *ret)
{
	struct held plan = { .point = index->point };
	for (size_t i = 0; i < index->n_shards; i++)
		if (!index->shards[i].withdrawn && follow_wants_shard(f, index->shards[i].name))
			plan_shard(f, index, &index->shards[i], &plan);
	*ret = plan;
}
