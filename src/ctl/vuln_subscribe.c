/* SPDX-License-Identifier: ISC */
/* `pratique vuln subscribe`: the changes of signed repositories as a VIS pushes them, judged as a VIS below
 * it would judge them. */
#include "base/file.h"
#include "ctl/client.h"
#include "ctl/text_table.h"
#include "net/push_event.h"
#include "vuln/tree/lines.h"

#include "crypto/key.h"
#include "net/tls.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define WORDS "vuln subscribe"
#define ROOTS_MAX 1024

struct subscription {
	struct ctl_asking asking;
	const char *root_file;
	struct sse_reader *reader;
	struct tree_root root; /* version 0: none yet */
	char repository[TREE_NAME_SIZE];
	struct tree_point at;   /* what was shown; everything before it is not */
	struct tree_point seen; /* of the last index that came; {0, 0}: none yet */
	struct push_path path;
	int code;
};

/* ---- showing ---- */

struct shown {
	const struct subscription *s;
	const struct tree_index *index;
	const char *shard;
	char time[CLOCK_TEXT_SIZE], point[TREE_POINT_SIZE];
};

static void show_json(json_t *line)
{
	char *text = json_dumps(line, JSON_COMPACT);
	puts(text);
	free(text);
	json_decref(line);
	fflush(stdout);
}

static int show_change(const struct line *line, void *context, struct error *err)
{
	const struct shown *w = context;
	const char *op = line->record ? "put" : "remove";
	if (w->s->asking.json) {
		json_t *record = line->record ? json_loadb(line->record, line->length, 0, NULL) : NULL;
		show_json(json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o*}", "repository",
		        w->index->repository, "point", w->point, "time", w->time, "shard", w->shard, "op", op,
		        "source", line->source, "id", line->id, "record", record));
		return 0;
	}
	text_print(stdout, TEXT_DIM, "%s", w->time);
	text_print(stdout, NULL, "  %-20s %-12s", w->point, w->shard);
	text_print(stdout, line->record ? TEXT_BOLD : NULL, " %-7s %s", op, line->id);
	text_print(stdout, TEXT_DIM, "  %s", line->source);
	putchar('\n');
	return fflush(stdout);
}

static void show_note(const struct subscription *s, const char *text)
{
	if (s->asking.json)
		return;
	text_print(stdout, TEXT_DIM, "# %s", text);
	putchar('\n');
	fflush(stdout);
}

static void show_path(struct subscription *s, const struct push_path *path)
{
	char text[PUSH_PATH_TEXT_SIZE];
	if (memcmp(&s->path, path, sizeof(*path)) == 0)
		return;
	s->path = *path;
	char *note FREE_ON_EXIT = xasprintf("by %s", push_path_format(path, text));
	show_note(s, note);
}

/* ---- what proves it ---- */

static int get(struct subscription *s, const char *file, char **ret, size_t *ret_length)
{
	char *path FREE_ON_EXIT = xasprintf("/v1/repositories/%s/%s", s->repository, file);
	return ctl_ask_text(&s->asking, "GET", path, NULL, ret, ret_length);
}

static int read_first_root(struct subscription *s, struct error *err)
{
	char *text FREE_ON_EXIT = NULL;
	size_t length;
	int r = 0;
	if (s->root_file)
		r = file_read(s->root_file, TREE_ROOT_MAX, &text, &length, err);
	else if (get(s, "1.root.json", &text, &length) != CTL_OK)
		r = error_set(err, -EREMOTEIO, "the repository's first root cannot be had");
	if (r == 0)
		r = tree_root_open(text, length, &s->root, err);
	return r;
}

/* The root after the one that we have. */
static int next_root(struct subscription *s, struct error *err)
{
	char *text FREE_ON_EXIT = NULL;
	char name[64];
	size_t length;
	struct tree_root next;
	snprintf(name, sizeof(name), "%" PRIu64 ".root.json", s->root.version + 1);
	if (get(s, name, &text, &length) != CTL_OK)
		return error_set(err, -EBADMSG, "there is no newer root of %s", s->repository);
	int r = tree_root_open_next(&s->root, text, length, &next, err);
	if (r)
		return r;
	tree_root_clear(&s->root);
	s->root = next;
	return 0;
}

static int open_index(
        struct subscription *s, const struct push_event *e, struct tree_index *ret, struct error *err)
{
	int r = s->root.version ? 0 : read_first_root(s, err);
	if (r == 0)
		r = tree_index_open(&s->root, e->index.bytes, e->index.length, ret, err);
	for (int i = 0; (r == TREE_UNSIGNED || r == TREE_SKIPPED) && i < ROOTS_MAX; i++) {
		r = next_root(s, err);
		if (r == 0)
			r = tree_index_open(&s->root, e->index.bytes, e->index.length, ret, err);
	}
	return r;
}

/* ---- changes ---- */

static const struct push_blob *find_file(const struct push_event *e, const struct tree_file *file)
{
	uint8_t digest[32];
	for (size_t i = 0; i < e->n_files; i++) {
		sha256_bytes(e->files[i].bytes, e->files[i].length, digest);
		if (memcmp(digest, file->sha256, sizeof(digest)) == 0)
			return &e->files[i];
	}
	return NULL;
}

static int show_file(struct subscription *s, const struct push_event *e, const struct tree_file *file,
        struct shown *w, struct error *err)
{
	char path[TREE_PATH_SIZE];
	char *fetched FREE_ON_EXIT = NULL;
	const struct push_blob *blob = find_file(e, file);
	struct push_blob other;
	uint8_t digest[32];
	if (!blob) {
		if (get(s, tree_file_path(file, path), &fetched, &other.length) != CTL_OK)
			return 0; /* which was said */
		other.bytes = fetched;
		sha256_bytes(fetched, other.length, digest);
		if (memcmp(digest, file->sha256, sizeof(digest)) != 0)
			return error_set(err, -EBADMSG, "%s is not what the index names", path);
		blob = &other;
	}
	struct line_reader *reader = line_reader_new(file, show_change, w);
	int r = line_reader_take(reader, blob->bytes, blob->length, err);
	if (r == 0)
		r = line_reader_end(reader, err);
	line_reader_free(reader);
	return r;
}

/* What changed in it; all of it, where it is new or its changes are not kept from that far back. */
static int show_shard(struct subscription *s, const struct push_event *e, const struct tree_shard *shard,
        struct shown *w, struct error *err)
{
	uint64_t from = s->at.generation;
	int r = 0;
	w->shard = shard->name;
	if (shard->n_deltas == 0 || shard->deltas[0].from > from) {
		r = show_file(s, e, &shard->snapshot, w, err);
		from = shard->snapshot_generation;
	}
	for (size_t i = 0; i < shard->n_deltas && r == 0; i++)
		if (shard->deltas[i].to > from)
			r = show_file(s, e, &shard->deltas[i].file, w, err);
	return r;
}

static int show_index(struct subscription *s, const struct push_event *e, struct error *err)
{
	struct tree_index index;
	int r = open_index(s, e, &index, err);
	if (r)
		return r;
	if (tree_point_order(index.point, s->seen) < 0) {
		char was[TREE_POINT_SIZE], is[TREE_POINT_SIZE];
		r = error_set(err, -EBADMSG, "it went back from %s to %s", tree_point_format(s->seen, was),
		        tree_point_format(index.point, is));
		tree_index_clear(&index);
		return r;
	}
	s->seen = index.point;
	if (index.expires < clock_wall_ms())
		show_note(s, "what follows has expired: it is withheld, or its publisher is silent");
	struct shown w = { .s = s, .index = &index };
	(void)clock_format(index.time, w.time);
	(void)tree_point_format(index.point, w.point);
	if (s->at.epoch != index.point.epoch) {
		char *note FREE_ON_EXIT =
		        xasprintf("%s stands at %s, signed %s", s->repository, w.point, w.time);
		show_note(s, note);
	} else {
		for (size_t i = 0; i < index.n_shards && r == 0; i++)
			if (index.shards[i].generation > s->at.generation)
				r = show_shard(s, e, &index.shards[i], &w, err);
	}
	if (tree_point_order(index.point, s->at) > 0) /* not below --from */
		s->at = index.point;
	tree_index_clear(&index);
	return r;
}

static int on_event(const struct sse_event *sse, void *user)
{
	struct subscription *s = user;
	struct push_event e;
	struct error err;
	int r = push_event_read(sse, &e, &err);
	if (r == -ENOENT)
		return 0;
	if (r == 0) {
		show_path(s, &e.path);
		if (e.is_index && strcmp(e.repository, s->repository) == 0 && e.index.length)
			r = show_index(s, &e, &err);
		push_event_clear(&e);
	}
	if (r == 0)
		return 0;
	s->code = ctl_fail(WORDS, "%s: what came is not believed: %s", s->repository, err.text);
	return -EBADMSG;
}

static int on_line(const char *line, void *user)
{
	struct subscription *s = user;
	struct error err;
	int r = sse_read(s->reader, line, strlen(line), on_event, s, &err);
	if (r == 0)
		r = sse_read(s->reader, "\n", 1, on_event, s, &err);
	if (r < 0 && !s->code)
		s->code = ctl_fail(WORDS, "%s", err.text);
	return r;
}

/* ---- the command ---- */

/* Which repository, and where it stands. */
static int choose(struct subscription *s, const char *name)
{
	json_t *tree = NULL, *one;
	size_t i;
	int code = ctl_ask(&s->asking, "GET", "/v1/tree", NULL, &tree);
	if (code != CTL_OK)
		return code;
	const json_t *all = json_object_get(tree, "repositories");
	if (!name && json_array_size(all) != 1)
		code = ctl_fail(WORDS, "it has %zu repositories; say which with --repository NAME",
		        json_array_size(all));
	json_array_foreach(all, i, one) {
		if (name && strcmp(ctl_string(one, "name"), name) != 0)
			continue;
		snprintf(s->repository, sizeof(s->repository), "%s", ctl_string(one, "name"));
		(void)tree_point_parse(ctl_string(one, "point"), &s->at);
	}
	if (code == CTL_OK && !tree_name_good(s->repository))
		code = ctl_fail(WORDS, "it has no repository %s", name);
	json_decref(tree);
	return code;
}

static int run(struct subscription *s)
{
	char point[TREE_POINT_SIZE], text[TREE_NAME_SIZE + TREE_POINT_SIZE];
	snprintf(text, sizeof(text), "%s:%s", s->repository, tree_point_format(s->at, point));
	char *from FREE_ON_EXIT = ctl_encode(text);
	char *path FREE_ON_EXIT = xasprintf("/v1/subscribe?repository=%s&from=%s", s->repository, from);
	char *note FREE_ON_EXIT = xasprintf("%s, from %s on", s->repository, point);
	show_note(s, note);
	s->reader = sse_reader_new();
	int code = ctl_follow(&s->asking, path, on_line, s);
	sse_reader_free(s->reader);
	tree_root_clear(&s->root);
	if (s->code || code != CTL_OK)
		return s->code ? s->code : code;
	return ctl_fail(WORDS, "the VIS ended it; go on with --from %s", tree_point_format(s->at, point));
}

/* "EPOCH.GENERATION" as it is shown, or the generation alone, of the epoch that is. */
static bool take_from(struct tree_point *at, const char *text)
{
	struct tree_point p;
	char *whole FREE_ON_EXIT =
	        strchr(text, '.') ? xstrdup(text) : xasprintf("%" PRIu64 ".%s", at->epoch, text);
	if (tree_point_parse(whole, &p) < 0)
		return false;
	*at = p;
	return true;
}

int ctl_vuln_subscribe(int argc, char **argv)
{
	struct subscription s = { .asking = CTL_ASKING_VIS };
	const char *repository = NULL;
	const char *from = NULL;
	struct tree_point unused = { 0 };
	const struct command_option options[] = {
		{ 'r', "repository", "NAME", "which; needed where the VIS has several", COMMAND_TEXT,
		        &repository },
		{ 'f', "from", "POINT", "first what has changed above it: EPOCH.GENERATION, or GENERATION",
		        COMMAND_TEXT, &from },
		{ 'R', "root", "FILE", "the root by which it is trusted; else the first that the VIS has",
		        COMMAND_TEXT, &s.root_file },
	};
	const struct command_line line = {
		.words = WORDS,
		.synopsis = "[OPTIONS]",
		.about = "Shows the changes of a signed repository as a VIS pushes them, each at once: when "
		         "it was\n"
		         "signed, the generation, the ecosystem, and which record was put or removed. With "
		         "--json\n"
		         "one object a line, with the record.",
		.options = options,
		.n_options = ARRAY_LENGTH(options),
		.closing =
		        "Exit status: 1 the VIS ended it, or failed, 2 wrong usage. Until then it goes "
		        "on.\n\n"
		        "Examples:\n"
		        "  pratique vuln subscribe --socket /run/pratique/vis-http.sock\n"
		        "  pratique vuln subscribe --server https://vis.example.org --certificate me.pem "
		        "--key "
		        "me.key \\\n"
		        "    --ca ca.pem --repository central --root 1.root.json --from 1.1795332561 --json",
	};
	int code = ctl_asking_parse(&s.asking, &line, argc, argv, NULL);
	if (code != COMMAND_GO_ON)
		return code;
	if (from && !take_from(&unused, from))
		return ctl_usage(WORDS, "--from: \"%s\" is no EPOCH.GENERATION, such as 1.1795332561", from);
	code = choose(&s, repository);
	if (code != CTL_OK)
		return code;
	if (from)
		(void)take_from(&s.at, from);
	return run(&s);
}
