/* SPDX-License-Identifier: ISC */
#include "net/push_event.h"

#include "crypto/base64.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define HEAD_MAX 8192 /* bytes of the line of JSON */

/* Paths. */

bool push_path_has(const struct push_path *path, const char *name)
{
	for (size_t i = 0; i < path->n; i++)
		if (strcmp(path->names[i], name) == 0)
			return true;
	return false;
}

int push_path_extend(const struct push_path *path, const char *name, struct push_path *ret, struct error *err)
{
	char text[PUSH_PATH_TEXT_SIZE];
	if (push_path_has(path, name))
		return error_set(err, -ELOOP, "a loop: %s gets it from itself (%s)", name,
		        push_path_format(path, text));
	if (path->n == PUSH_PATH_MAX)
		return error_set(err, -ELOOP, "it has passed %d VISes, more than a tree may have levels (%s)",
		        PUSH_PATH_MAX, push_path_format(path, text));
	struct push_path longer = { .n = path->n + 1 };
	snprintf(longer.names[0], sizeof(longer.names[0]), "%s", name);
	memcpy(longer.names[1], path->names[0], path->n * sizeof(path->names[0]));
	*ret = longer;
	return 0;
}

const char *push_path_format(const struct push_path *path, char text[PUSH_PATH_TEXT_SIZE])
{
	size_t at = 0;
	text[0] = '\0';
	for (size_t i = 0; i < path->n && at < PUSH_PATH_TEXT_SIZE; i++)
		at += (size_t)snprintf(
		        text + at, PUSH_PATH_TEXT_SIZE - at, "%s%s", i ? " < " : "", path->names[i]);
	return text;
}

/* Positions. */

struct tree_point push_positions_get(const struct push_positions *p, const char *repository)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->items[i].repository, repository) == 0)
			return p->items[i].point;
	return (struct tree_point){ 0, 0 };
}

bool push_positions_set(struct push_positions *p, const char *repository, struct tree_point point)
{
	size_t i = 0;
	while (i < p->n && strcmp(p->items[i].repository, repository) != 0)
		i++;
	if (i == PUSH_REPOSITORIES_MAX || strlen(repository) >= TREE_NAME_SIZE)
		return false;
	if (i == p->n) {
		memcpy(p->items[i].repository, repository, strlen(repository) + 1);
		p->n++;
	}
	p->items[i].point = point;
	return true;
}

const char *push_positions_format(const struct push_positions *p, char text[SSE_ID_MAX + 1])
{
	char point[TREE_POINT_SIZE], one[TREE_NAME_SIZE + TREE_POINT_SIZE + 2];
	size_t at = 0;
	text[0] = '\0';
	for (size_t i = 0; i < p->n; i++) {
		int n = snprintf(one, sizeof(one), "%s%s:%s", at ? "," : "", p->items[i].repository,
		        tree_point_format(p->items[i].point, point));
		if (n < 0 || at + (size_t)n > SSE_ID_MAX)
			break;
		memcpy(text + at, one, (size_t)n + 1);
		at += (size_t)n;
	}
	return text;
}

static int parse_position(const char *text, size_t length, struct push_positions *ret)
{
	char name[TREE_NAME_SIZE], point_text[TREE_POINT_SIZE];
	struct tree_point point;
	const char *colon = memrchr(text, ':', length);
	size_t n = colon ? (size_t)(colon - text) : 0, m = colon ? length - n - 1 : 0;
	if (!colon || n >= sizeof(name) || m >= sizeof(point_text))
		return -EINVAL;
	memcpy(name, text, n);
	name[n] = '\0';
	memcpy(point_text, colon + 1, m);
	point_text[m] = '\0';
	if (!tree_name_good(name) || tree_point_parse(point_text, &point) < 0 ||
	        !push_positions_set(ret, name, point))
		return -EINVAL;
	return 0;
}

int push_positions_parse(const char *text, struct push_positions *ret)
{
	struct push_positions p = { .n = 0 };
	while (*text) {
		size_t n = strcspn(text, ",");
		if (parse_position(text, n, &p) < 0)
			return -EINVAL;
		text += n;
		if (*text == ',' && !*++text)
			return -EINVAL;
	}
	*ret = p;
	return 0;
}

/* Writing. */

static json_t *path_json(const struct push_path *path)
{
	json_t *names = json_array();
	for (size_t i = 0; i < path->n; i++)
		json_array_append_new(names, json_string(path->names[i]));
	return names;
}

static char *head_text(const struct push_event *e, size_t n_files)
{
	char point[TREE_POINT_SIZE];
	json_t *head = e->is_index ? json_pack("{s:s, s:s, s:o, s:I}", "repository", e->repository, "point",
	                                     tree_point_format(e->point, point), "path", path_json(&e->path),
	                                     "files", (json_int_t)n_files)
	                           : json_pack("{s:o}", "path", path_json(&e->path));
	char *text = json_dumps(head, JSON_COMPACT);
	json_decref(head);
	return text;
}

/* How many of the deltas travel with it. */
static size_t files_that_fit(const struct push_event *e)
{
	size_t total = 0, n = 0;
	for (; n < e->n_files && n < PUSH_FILES_MAX; n++) {
		total += e->files[n].length;
		if (e->files[n].length > PUSH_FILE_MAX || total > PUSH_FILES_TOTAL)
			break;
	}
	return n;
}

/* A line of data as it is; one that would be two is fetched instead. */
static bool is_line(const struct push_blob *b)
{
	return b->length <= PUSH_INDEX_MAX && !memchr(b->bytes, '\n', b->length) &&
	        !memchr(b->bytes, '\r', b->length) && !memchr(b->bytes, '\0', b->length);
}

static void write_base64(struct writer *data, const struct push_blob *b)
{
	char *text FREE_ON_EXIT = xmalloc(BASE64_SIZE(b->length));
	size_t n = base64_encode(b->bytes, b->length, text);
	wr_u8(data, '\n');
	wr_bytes(data, text, n);
}

int push_event_write(struct writer *data, const struct push_event *e)
{
	size_t n_files = e->is_index ? files_that_fit(e) : 0;
	char *head FREE_ON_EXIT = head_text(e, n_files);
	if (!head)
		return -EINVAL;
	wr_bytes(data, head, strlen(head));
	if (e->is_index) {
		wr_u8(data, '\n');
		if (e->index.length && is_line(&e->index))
			wr_bytes(data, e->index.bytes, e->index.length);
		for (size_t i = 0; i < n_files; i++)
			write_base64(data, &e->files[i]);
	}
	return wr_failed(data) ? -EMSGSIZE : 0;
}

/* Reading. */

static int read_path(const json_t *json, struct push_path *ret)
{
	size_t i;
	json_t *name;
	struct push_path path = { .n = json_array_size(json) };
	if (!json_is_array(json) || path.n > PUSH_PATH_MAX)
		return -EBADMSG;
	json_array_foreach(json, i, name) {
		const char *text = json_string_value(name);
		if (!text || !*text || strlen(text) >= PUSH_NAME_SIZE)
			return -EBADMSG;
		for (const char *p = text; *p; p++)
			if (*p < 0x21 || *p > 0x7e)
				return -EBADMSG;
		memcpy(path.names[i], text, strlen(text) + 1);
	}
	*ret = path;
	return 0;
}

static int read_head(
        const char *line, size_t length, struct push_event *e, size_t *ret_files, struct error *err)
{
	json_t *head = length <= HEAD_MAX ? json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL) : NULL;
	const char *repository = json_string_value(json_object_get(head, "repository"));
	const char *point = json_string_value(json_object_get(head, "point"));
	json_int_t files = json_integer_value(json_object_get(head, "files"));
	int r = read_path(json_object_get(head, "path"), &e->path);
	if (r == 0 && e->is_index &&
	        (!repository || !tree_name_good(repository) || strlen(repository) >= TREE_NAME_SIZE ||
	                !point || tree_point_parse(point, &e->point) < 0 || files < 0 ||
	                files > PUSH_FILES_MAX))
		r = -EBADMSG;
	if (r == 0 && e->is_index)
		memcpy(e->repository, repository, strlen(repository) + 1);
	json_decref(head);
	*ret_files = (size_t)files;
	return r ? error_set(err, -EBADMSG, "an event's head is malformed") : 0;
}

/* The next line of data; false at the end. */
static bool next_line(const char **at, const char *end, struct push_blob *ret)
{
	if (!*at)
		return false;
	const char *lf = memchr(*at, '\n', (size_t)(end - *at));
	*ret = (struct push_blob){ *at, (size_t)((lf ? lf : end) - *at) };
	*at = lf ? lf + 1 : NULL;
	return true;
}

static int read_files(
        struct push_event *e, const char *at, const char *end, size_t n_files, struct error *err)
{
	struct push_blob line;
	uint8_t *to = e->memory;
	size_t left = PUSH_FILES_TOTAL, n;
	while (next_line(&at, end, &line)) {
		if (e->n_files == n_files || line.length >= BASE64_SIZE(PUSH_FILE_MAX) ||
		        base64_decode(line.bytes, line.length, to, MIN(left, (size_t)PUSH_FILE_MAX), &n) < 0)
			return error_set(err, -EBADMSG, "a delta in an event is malformed");
		e->files[e->n_files++] = (struct push_blob){ to, n };
		to += n;
		left -= n;
	}
	return e->n_files == n_files ? 0 : error_set(err, -EBADMSG, "an event lacks a delta");
}

/* What the event's bytes say is copied, because they are not ours for long. */
static int read_index(struct push_event *e, const struct sse_event *sse, struct error *err)
{
	const char *at = sse->data, *end = sse->data + sse->length;
	struct push_blob head = { "", 0 }, index;
	size_t n_files;
	(void)next_line(&at, end, &head);
	int r = read_head(head.bytes, head.length, e, &n_files, err);
	if (r < 0)
		return r;
	if (!next_line(&at, end, &index) || index.length > PUSH_INDEX_MAX)
		return error_set(err, -EBADMSG, "an event without its index");
	e->memory = xmalloc(sse->length + 1); /* base64 only shrinks */
	r = read_files(e, at, end, n_files, err);
	if (r == 0 && index.length) {
		size_t used = 0;
		for (size_t i = 0; i < e->n_files; i++)
			used += e->files[i].length;
		memcpy((char *)e->memory + used, index.bytes, index.length);
		e->index = (struct push_blob){ (char *)e->memory + used, index.length };
	}
	return r;
}

int push_event_read(const struct sse_event *sse, struct push_event *ret, struct error *err)
{
	struct push_event e = { .is_index = strcmp(sse->type, PUSH_TYPE_INDEX) == 0 };
	size_t n_files;
	if (!e.is_index && strcmp(sse->type, PUSH_TYPE_PATH) != 0)
		return -ENOENT;
	int r = e.is_index ? read_index(&e, sse, err) : read_head(sse->data, sse->length, &e, &n_files, err);
	if (r < 0)
		push_event_clear(&e);
	else
		*ret = e;
	return r;
}

void push_event_clear(struct push_event *e)
{
	free(e->memory);
	*e = (struct push_event){ .n_files = 0 };
}
