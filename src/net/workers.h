/* SPDX-License-Identifier: ISC */
/*
 * Threads beside the loop's, for work that only computes: handshakes, signatures, reading what a node has
 * sent. What work touches is its own while it is under way; everything else, all decisions among it, is the
 * loop's alone and needs no locks. What counts peers bounds the work too: each connection has one piece of it
 * at a time.
 */
#pragma once

#include "base/error.h"
#include <event2/event.h>
#include <stdbool.h>
#include <sys/queue.h>

#define WORKERS_MAX 16

struct workers;

/* Embedded in what is worked on, which stays until done() or a workers_cancel() that returns true. */
struct work {
	void (*run)(struct work *w);  /* in any thread; neither logs nor touches the loop */
	void (*done)(struct work *w); /* in the loop's thread, afterwards; may free what w is in */
	enum { WORK_IDLE, WORK_QUEUED, WORK_UNDER_WAY } state;
	TAILQ_ENTRY(work) entry;
};

/* Without threads until workers_start(). */
int workers_new(struct event_base *base, struct workers **ret, struct error *err);
/* As many threads as the process may use cores (WORKERS_MAX at most): after privileges are dropped. */
int workers_start(struct workers *w, struct error *err);
/* Ends the threads when the queue is empty, and calls what done() is due. NULL in, NULL out. */
struct workers *workers_free(struct workers *w);

/* Work that nobody has begun. */
size_t workers_waiting(struct workers *w);
void workers_submit(struct workers *w, struct work *work);
/* True: nobody has begun it, and nobody will. False: its done() comes. */
bool workers_cancel(struct workers *w, struct work *work);
