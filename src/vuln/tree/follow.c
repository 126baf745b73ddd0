/* SPDX-License-Identifier: ISC */
/*
 * The round: roots, one after the other, until there is no newer one; the index; the files. The order is the
 * point of it: an index is judged by the newest root alone, and files by the index alone.
 */
#include "vuln/tree/follow_state.h"

#include "vuln/tree/fields.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- life ---- */

static void take_shards(struct tree_follow *f, const char *const *shards)
{
	char name[TREE_NAME_SIZE];
	if (!shards)
		return;
	f->shards = xcalloc(1, sizeof(*f->shards));
	for (; *shards; shards++)
		if (tree_shard_name(*shards, name) && !follow_wants_shard(f, name)) {
			f->shards = xrealloc_array(f->shards, f->n_shards + 1, sizeof(*f->shards));
			f->shards[f->n_shards++] = xstrdup(name);
		}
}

int tree_follow_open(const struct tree_follow_config *config, struct tree_follow **ret, struct error *err)
{
	struct tree_follow *f = xcalloc(1, sizeof(*f));
	f->name = xstrdup(config->name);
	f->dir = xstrdup(config->dir);
	f->tree = xasprintf("%s/tree", config->dir);
	f->skew = config->skew_ms ? config->skew_ms : TREE_SKEW_MS;
	f->precedence = config->precedence;
	f->required = config->required;
	f->partial = config->partial;
	f->fd = -1;
	f->got = wr_make(TREE_INDEX_MAX);
	take_shards(f, config->shards);
	int r = follow_load(f, config->root_file, err);
	if (r < 0)
		tree_follow_close(f);
	else
		*ret = f;
	return r;
}

/* What is asked for is not waited for any more. */
static void stop_asking(struct tree_follow *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	f->asking = false;
	wr_reset(&f->got);
}

static void end_round(struct tree_follow *f)
{
	stop_asking(f);
	f->phase = FOLLOW_IDLE;
	f->again = false;
	f->n_roots = 0;
	free(TAKE_POINTER(f->pushed));
	tree_index_clear(&f->next);
	f->has_next = false;
	free(TAKE_POINTER(f->next_bytes));
	held_clear(&f->next_plan);
}

struct tree_follow *tree_follow_close(struct tree_follow *f)
{
	if (!f)
		return NULL;
	end_round(f);
	tree_root_clear(&f->root);
	tree_index_clear(&f->index);
	held_clear(&f->held);
	held_clear(&f->plan);
	wr_free(&f->got);
	for (size_t i = 0; i < f->n_shards; i++)
		free(f->shards[i]);
	free(f->shards);
	free(f->bytes);
	free(f->tree);
	free(f->dir);
	free(f->name);
	free(f);
	return NULL;
}

int follow_refuse(struct tree_follow *f, int code, const struct error *why)
{
	/* Our own failures are none of the mirror's, but the round is over all the same. */
	enum tree_refusal refusal =
	        code > 0 && code < TREE_N_REFUSALS ? (enum tree_refusal)code : TREE_UNREACHABLE;
	f->status.last = refusal;
	if (code > 0)
		f->status.refused[refusal]++;
	snprintf(f->status.reason, sizeof(f->status.reason), "%s", why->text);
	end_round(f);
	return code;
}

/* ---- the index ---- */

static bool same_index(const struct tree_follow *f, const void *bytes, size_t length)
{
	return f->bytes && f->length == length && memcmp(f->bytes, bytes, length) == 0;
}

static int check_floor(const struct tree_follow *f, const struct tree_index *index, struct error *err)
{
	char was[TREE_POINT_SIZE], is[TREE_POINT_SIZE];
	int order = tree_point_order(index->point, f->seen);
	if (order < 0) {
		error_set(err, -EBADMSG, "the index is of generation %s, but %s was seen before",
		        tree_point_format(index->point, is), tree_point_format(f->seen, was));
		return TREE_ROLLED_BACK;
	}
	if (order > 0 || !f->bytes || tree_point_order(f->index.point, index->point) != 0)
		return 0;
	char *a FREE_ON_EXIT = tree_index_format(index);
	char *b FREE_ON_EXIT = tree_index_format(&f->index);
	if (strcmp(a, b) == 0)
		return 0;
	error_set(err, -EBADMSG, "there are two different indexes of generation %s",
	        tree_point_format(index->point, is));
	return TREE_ALTERED;
}

/* The floor is on the disk before anything else follows from the index. */
static int believe_index(
        struct tree_follow *f, struct tree_index *index, const void *bytes, size_t length, struct error *err)
{
	if (tree_point_order(index->point, f->seen) > 0) {
		struct tree_point before = f->seen;
		f->seen = index->point;
		int r = follow_save_seen(f, err);
		if (r < 0) {
			f->seen = before;
			return r;
		}
	}
	f->status.seen = f->seen;
	f->status.time = index->time;
	f->status.expires = index->expires;
	f->next = *index;
	memset(index, 0, sizeof(*index));
	f->has_next = true;
	f->next_bytes = xmemdup(bytes, length);
	f->next_length = length;
	follow_make_plan(f, &f->next, &f->next_plan);
	f->phase = FOLLOW_FILES;
	return 0;
}

static int judge_index(struct tree_follow *f, const void *bytes, size_t length, struct error *err)
{
	struct tree_index index = { .root = 0 };
	int r = tree_index_open(&f->root, bytes, length, &index, err);
	if (r == 0)
		r = tree_root_check_time(&f->root, f->now, f->skew, err);
	if (r == 0)
		r = tree_index_check_time(&index, f->now, f->skew, err);
	if (r == 0)
		r = check_floor(f, &index, err);
	if (r == 0)
		r = believe_index(f, &index, bytes, length, err);
	tree_index_clear(&index);
	return r;
}

/* An index that the trusted root does not explain may be one of a root that appeared since it was asked for.
 */
static bool may_need_root(const struct tree_follow *f, int code)
{
	return !f->again && (code == TREE_UNSIGNED || code == TREE_SKIPPED || code == TREE_ROLLED_BACK);
}

static int take_index(struct tree_follow *f, const void *bytes, size_t length, struct error *err)
{
	int r = judge_index(f, bytes, length, err);
	if (r == 0)
		return 0;
	if (r < 0 || !may_need_root(f, r))
		return follow_refuse(f, r, err);
	f->again = true;
	f->phase = FOLLOW_ROOTS;
	return 0;
}

/* ---- the round ---- */

void tree_follow_begin(struct tree_follow *f)
{
	end_round(f);
	f->status.rounds++;
	f->phase = FOLLOW_ROOTS;
}

int tree_follow_push_index(
        struct tree_follow *f, const void *bytes, size_t length, time_ms now, struct error *err)
{
	if (f->phase == FOLLOW_IDLE && same_index(f, bytes, length))
		return 0;
	end_round(f);
	f->status.rounds++;
	f->now = now;
	int r = length > TREE_INDEX_MAX ? TREE_ENDLESS : judge_index(f, bytes, length, err);
	if (r == TREE_ENDLESS)
		error_set(err, -EFBIG, "index.json: larger than %zu bytes", TREE_INDEX_MAX);
	if (r == 0)
		return 0;
	if (r != TREE_UNSIGNED && r != TREE_SKIPPED)
		return follow_refuse(f, r, err);
	f->pushed = xmemdup(bytes, length);
	f->pushed_length = length;
	f->again = true;
	f->phase = FOLLOW_ROOTS;
	return 0;
}

static const struct tree_file *first_missing(const struct tree_follow *f)
{
	for (size_t i = 0; i < f->next_plan.n; i++)
		for (size_t j = 0; j < f->next_plan.shards[i].n; j++)
			if (!follow_has_file(f, &f->next_plan.shards[i].files[j]))
				return &f->next_plan.shards[i].files[j];
	return NULL;
}

int tree_follow_push_file(
        struct tree_follow *f, const void *bytes, size_t length, time_ms now, struct error *err)
{
	uint8_t digest[32];
	f->now = now;
	if (f->phase != FOLLOW_FILES || f->asking)
		return 0;
	sha256_bytes(bytes, length, digest);
	for (size_t i = 0; i < f->next_plan.n; i++)
		for (size_t j = 0; j < f->next_plan.shards[i].n; j++) {
			const struct tree_file *file = &f->next_plan.shards[i].files[j];
			if (file->length != length || memcmp(file->sha256, digest, sizeof(digest)) != 0 ||
			        follow_has_file(f, file))
				continue;
			f->file = *file;
			tree_file_path(file, f->path);
			int r = follow_open_part(f, err);
			if (r == 0) {
				tree_follow_restart(f);
				f->asking = true;
				r = tree_follow_data(f, bytes, length, err);
			}
			return r ? r : tree_follow_end(f, TREE_FETCHED, NULL, now, err);
		}
	return 0;
}

/* All is here: it is what others are served from now on. */
static void finish_round(struct tree_follow *f)
{
	struct error err;
	follow_retire(f);
	free(f->bytes);
	tree_index_clear(&f->index);
	held_clear(&f->plan);
	f->index = f->next;
	memset(&f->next, 0, sizeof(f->next));
	f->bytes = TAKE_POINTER(f->next_bytes);
	f->length = f->next_length;
	f->plan = f->next_plan;
	memset(&f->next_plan, 0, sizeof(f->next_plan));
	held_mark(&f->plan, f->plan_mark);
	int r = follow_save_index(f, &err);
	if (r < 0) {
		(void)follow_refuse(f, r, &err);
		return;
	}
	f->status.checked = f->now;
	f->status.last = TREE_GOOD;
	f->status.reason[0] = '\0';
	end_round(f);
}

/* One that came whole before we were killed needs no more asking; where it is altered, it is fetched anew. */
static int finish_whole(struct tree_follow *f, struct error *err)
{
	int r = follow_finish_part(f, err);
	stop_asking(f);
	return r < 0 ? r : 0;
}

static bool ask_file(struct tree_follow *f)
{
	struct error err;
	for (;;) {
		const struct tree_file *file = first_missing(f);
		if (!file) {
			finish_round(f);
			return false;
		}
		f->file = *file;
		tree_file_path(file, f->path);
		int r = follow_open_part(f, &err);
		if (r == 0 && f->offset < f->file.length)
			return true;
		if (r == 0)
			r = finish_whole(f, &err);
		if (r < 0) {
			(void)follow_refuse(f, r, &err);
			return false;
		}
	}
}

static bool ask(struct tree_follow *f)
{
	if (f->phase == FOLLOW_FILES)
		return ask_file(f);
	f->offset = 0;
	if (f->phase == FOLLOW_ROOTS)
		snprintf(f->path, sizeof(f->path), "%" PRIu64 ".root.json", f->root.version + 1);
	else
		snprintf(f->path, sizeof(f->path), "index.json");
	return f->phase != FOLLOW_IDLE;
}

static uint64_t most_bytes(const struct tree_follow *f)
{
	if (f->phase == FOLLOW_FILES)
		return f->file.length;
	return f->phase == FOLLOW_ROOTS ? TREE_ROOT_MAX : TREE_INDEX_MAX;
}

bool tree_follow_next(struct tree_follow *f, struct tree_request *ret)
{
	if (!f->asking)
		f->asking = ask(f);
	if (!f->asking)
		return false;
	*ret = (struct tree_request){ .path = f->path,
		.offset = f->offset,
		.most = most_bytes(f),
		.may_be_absent = f->phase == FOLLOW_ROOTS,
		.immutable = f->phase != FOLLOW_INDEX };
	return true;
}

void tree_follow_restart(struct tree_follow *f)
{
	f->offset = 0;
	wr_reset(&f->got);
	if (f->fd >= 0 && ftruncate(f->fd, 0) < 0)
		f->offset = f->file.length; /* then nothing more is taken, and the checksum refuses it */
}

static int write_part(struct tree_follow *f, const char *bytes, size_t length, struct error *err)
{
	while (length) {
		ssize_t n = write(f->fd, bytes, length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set(err, -errno, "%s: %s", f->path, strerror(errno));
		bytes += n;
		length -= (size_t)n;
	}
	return 0;
}

int tree_follow_data(struct tree_follow *f, const void *bytes, size_t length, struct error *err)
{
	int r = 0;
	if (!f->asking)
		return error_set(err, -EINVAL, "nothing is asked for");
	if (length > most_bytes(f) - f->offset) {
		error_set(err, -EFBIG, "%s: more than the %" PRIu64 " bytes that it may have", f->path,
		        most_bytes(f));
		if (f->fd >= 0) {
			char *part FREE_ON_EXIT = follow_part_path(f, &f->file);
			(void)unlink(part);
		}
		return follow_refuse(f, TREE_ENDLESS, err);
	}
	if (f->fd >= 0)
		r = write_part(f, bytes, length, err);
	else
		wr_bytes(&f->got, bytes, length);
	f->offset += length;
	f->status.bytes_fetched += length;
	return r < 0 ? follow_refuse(f, r, err) : 0;
}

/* ---- what came ---- */

static int take_root(struct tree_follow *f, const void *bytes, size_t length, struct error *err)
{
	struct tree_root next;
	int r = tree_root_open_next(&f->root, bytes, length, &next, err);
	if (r == 0 && ++f->n_roots > TREE_ROOT_CHAIN_MAX) {
		error_set(err, -E2BIG, "more than %d roots follow each other", TREE_ROOT_CHAIN_MAX);
		tree_root_clear(&next);
		r = TREE_ENDLESS;
	}
	if (r)
		return follow_refuse(f, r, err);
	struct tree_root before = f->root;
	f->root = next;
	r = follow_save_root(f, bytes, length, err);
	if (r < 0) {
		f->root = before;
		tree_root_clear(&next);
		return follow_refuse(f, r, err);
	}
	tree_root_clear(&before);
	return 0;
}

/* No newer root: the one that we have must be good today. */
static int end_roots(struct tree_follow *f, struct error *err)
{
	int r = tree_root_check_time(&f->root, f->now, f->skew, err);
	if (r)
		return follow_refuse(f, r, err);
	if (!f->pushed) {
		f->phase = FOLLOW_INDEX;
		return 0;
	}
	char *bytes FREE_ON_EXIT = TAKE_POINTER(f->pushed);
	return take_index(f, bytes, f->pushed_length, err);
}

static int end_file(struct tree_follow *f, struct error *err)
{
	int r = follow_finish_part(f, err);
	stop_asking(f);
	return r ? follow_refuse(f, r, err) : 0;
}

static int end_metadata(struct tree_follow *f, struct error *err)
{
	size_t length = f->got.length;
	char *bytes FREE_ON_EXIT = xmemdup(f->got.data ? f->got.data : (const uint8_t *)"", length + !length);
	bool root = f->phase == FOLLOW_ROOTS;
	stop_asking(f);
	return root ? take_root(f, bytes, length, err) : take_index(f, bytes, length, err);
}

int tree_follow_end(
        struct tree_follow *f, enum tree_fetch how, const char *reason, time_ms now, struct error *err)
{
	f->now = now;
	if (!f->asking)
		return error_set(err, -EINVAL, "nothing is asked for");
	if (how == TREE_ABSENT && f->phase == FOLLOW_ROOTS) {
		stop_asking(f);
		return end_roots(f, err);
	}
	if (how == TREE_ABSENT) {
		error_set(err, -ENOENT, "%s: it is not there", f->path);
		return follow_refuse(f, TREE_MISSING, err);
	}
	if (how == TREE_FAILED) {
		error_set(err, -EIO, "%s: %s", f->path, reason ? reason : "it could not be fetched");
		return follow_refuse(f, TREE_UNREACHABLE, err);
	}
	return f->phase == FOLLOW_FILES ? end_file(f, err) : end_metadata(f, err);
}

/* ---- what is known ---- */

bool tree_follow_hold(struct tree_follow *f, const char *ecosystem)
{
	char name[TREE_NAME_SIZE];
	if (!f->shards || !tree_shard_name(ecosystem, name) || follow_wants_shard(f, name) || !f->bytes ||
	        !tree_index_find(&f->index, name) ||
	        (strchr(ecosystem, ':') && !tree_index_lists(&f->index, ecosystem)))
		return false;
	f->shards = xrealloc_array(f->shards, f->n_shards + 1, sizeof(*f->shards));
	f->shards[f->n_shards++] = xstrdup(name);
	return true;
}

bool tree_follow_holds(const struct tree_follow *f, const char *ecosystem)
{
	char name[TREE_NAME_SIZE];
	return tree_shard_name(ecosystem, name) && held_find(&f->held, name);
}

const struct tree_index *tree_follow_index(const struct tree_follow *f)
{
	return f->bytes ? &f->index : NULL;
}

const struct tree_root *tree_follow_root(const struct tree_follow *f)
{
	return &f->root;
}

const char *tree_follow_index_bytes(const struct tree_follow *f, size_t *ret_length)
{
	*ret_length = f->length;
	return f->bytes;
}

const char *tree_follow_served(const struct tree_follow *f)
{
	return f->tree;
}

void tree_follow_status(const struct tree_follow *f, struct tree_follow_status *ret)
{
	*ret = f->status;
}

bool tree_follow_stale(const struct tree_follow *f, time_ms now)
{
	return !f->bytes || now > f->index.expires + f->skew || now > f->root.expires + f->skew;
}
