/* SPDX-License-Identifier: ISC */
/*
 * Who is told of changes: programs on the Unix socket. Each says HELLO with the generation that it knows; one
 * that missed something is told at once to judge everything again, so that neither side has to remember the
 * other.
 */
#pragma once

#include "ipc/ipc.h"
#include <event2/event.h>

#define SUBSCRIBERS_MAX 256

struct subscribers;
int subscribers_open(struct event_base *base, const char *path, const char *name, uint64_t generation,
        struct subscribers **ret, struct error *err);
size_t subscribers_count(const struct subscribers *s);
struct subscribers *subscribers_close(struct subscribers *s); /* NULL in, NULL out */

/* Who is called when a subscriber needs an ecosystem that the index knows nothing of, and when it has said
 * which sources its nodes name. */
struct subscriber;
struct subscribers_handlers {
	void (*wanted)(const char *ecosystem, void *user);
	void (*named)(struct subscriber *from, void *user);
};
void subscribers_set_handlers(struct subscribers *s, const struct subscribers_handlers *handlers, void *user);
/* What all of them have said last. */
void subscribers_each_named(
        struct subscribers *s, void (*fn)(const struct ipc_named *named, void *context), void *context);
const struct ipc_named *subscriber_named(const struct subscriber *s);
void subscriber_send(struct subscriber *s, enum ipc_number number, const void *body);

/* The packages that one update changed. */
void subscribers_add_change(struct subscribers *s, const char *ecosystem, const char *package);
/* All of them, of every node. */
void subscribers_add_all(struct subscribers *s);
/* Sends what was added since the last call, or "everything" where it is more than a message holds. */
void subscribers_tell(struct subscribers *s, uint64_t generation);
