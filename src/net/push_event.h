/* SPDX-License-Identifier: ISC */
/*
 * What one VIS tells another over a stream of events (net/sse.h), as bytes: no sockets here.
 *
 *   event: path    data: {"path":["mid","root"]}
 *   event: index   id: central:1.403,site:1.7
 *                  data: {"repository":"central","point":"1.403","path":["mid","root"],"files":2}
 *                  data: the publisher's signed index, byte for byte, or nothing where it is to be fetched
 *                  data: a delta of the repository in base64, one line each
 *
 * An id says where the subscriber stands in each repository once it has the event: what it gives back as
 * Last-Event-ID. Nothing here is believed because of who sent it: the index is signed, the deltas are named
 * by it, and the path is only there to break loops and to be shown.
 */
#pragma once

#include "net/sse.h"
#include "vuln/tree/metadata.h"

#define PUSH_TYPE_PATH "path"
#define PUSH_TYPE_INDEX "index"
#define PUSH_PATH_MAX 8                /* VISes that an event may have passed: a tree of so many levels */
#define PUSH_NAME_SIZE 256             /* of a VIS, with the NUL */
#define PUSH_INDEX_MAX (1u << 20)      /* bytes of an index that travels in an event */
#define PUSH_FILE_MAX (256u << 10)     /* of a delta that does */
#define PUSH_FILES_MAX 64              /* deltas in one event */
#define PUSH_FILES_TOTAL (1536u << 10) /* bytes of all of them */
#define PUSH_REPOSITORIES_MAX 16       /* that one VIS follows or publishes */

/* The nearest VIS first. */
struct push_path {
	char names[PUSH_PATH_MAX][PUSH_NAME_SIZE];
	size_t n;
};
bool push_path_has(const struct push_path *path, const char *name);
/* name, then path. -ELOOP where name is in it already, or it would be longer than PUSH_PATH_MAX. */
int push_path_extend(
        const struct push_path *path, const char *name, struct push_path *ret, struct error *err);
/* "mid < root". */
#define PUSH_PATH_TEXT_SIZE 512
const char *push_path_format(const struct push_path *path, char text[PUSH_PATH_TEXT_SIZE]);

struct push_blob {
	const void *bytes;
	size_t length;
};

struct push_event {
	bool is_index; /* else only the path is told */
	struct push_path path;
	char repository[TREE_NAME_SIZE];
	struct tree_point point;
	struct push_blob index; /* length 0: to be fetched */
	struct push_blob files[PUSH_FILES_MAX];
	size_t n_files;
	void *memory; /* of what was read: push_event_clear() */
};
/* Appends its data; its type is PUSH_TYPE_INDEX or _PATH. What does not fit is left out: it can be fetched.
 */
int push_event_write(struct writer *data, const struct push_event *event);
/* 0; -ENOENT: an event that we do not know, to be passed over; -EBADMSG malformed. */
int push_event_read(const struct sse_event *sse, struct push_event *ret, struct error *err);
void push_event_clear(struct push_event *event);

/* Where somebody stands in several repositories. */
struct push_positions {
	struct push_position {
		char repository[TREE_NAME_SIZE];
		struct tree_point point;
	} items[PUSH_REPOSITORIES_MAX];
	size_t n;
};
/* The place of a repository; zero where it is not among them. */
struct tree_point push_positions_get(const struct push_positions *p, const char *repository);
/* false: there are too many. */
bool push_positions_set(struct push_positions *p, const char *repository, struct tree_point point);
/* "central:1.403,site:1.7"; cut where it is longer than an id may be. Returns text. */
const char *push_positions_format(const struct push_positions *p, char text[SSE_ID_MAX + 1]);
/* -EINVAL where it is none of ours: whoever sent it begins anew. */
int push_positions_parse(const char *text, struct push_positions *ret);
