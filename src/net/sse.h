/* SPDX-License-Identifier: ISC */
/*
 * Server-sent events (WHATWG HTML, 9.2) as bytes: what a long-lived answer of type text/event-stream
 * consists of. No sockets here: bytes go in, events come out, and the other way round.
 */
#pragma once

#include "base/cursor.h"
#include "base/error.h"

#define SSE_CONTENT_TYPE "text/event-stream"
#define SSE_EVENT_MAX (4u << 20) /* bytes of one event's data, and of one line */
#define SSE_ID_MAX 1024          /* bytes of an id */
#define SSE_TYPE_MAX 64
#define SSE_FRAMING_MAX 2048 /* bytes of an event besides its data, where that is one line */

struct sse_event {
	const char *type; /* "" where the event names none; 1 to SSE_TYPE_MAX bytes without a line end */
	const char *id;   /* of this event or the last before it that had one; "" where none had */
	const char *data; /* NUL-terminated behind length; lines are joined by LF */
	size_t length;
};

/* Appends the event: data is cut into lines at each LF. A writer's error sticks. -EINVAL, with nothing
 * appended, where type, id or data hold what the format cannot carry (CR, NUL; LF in type or id). */
int sse_write(struct writer *w, const struct sse_event *event);
/* A comment, which readers pass over: it keeps the connection alive. */
void sse_write_comment(struct writer *w, const char *text);

struct sse_reader;
struct sse_reader *sse_reader_new(void);
struct sse_reader *sse_reader_free(struct sse_reader *r); /* NULL in, NULL out */

/* Strings live until the callback returns; other than 0 stops, and is returned. */
typedef int (*sse_event_fn)(const struct sse_event *event, void *user);
/* Takes bytes as they come. -EMSGSIZE above a limit, -EBADMSG for a NUL; the reader is of no use then. */
int sse_read(struct sse_reader *r, const void *bytes, size_t length, sse_event_fn fn, void *user,
        struct error *err);
