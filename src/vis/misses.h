/* SPDX-License-Identifier: ISC */
/*
 * Questions about an ecosystem that our index knows nothing of. Where a signed repository that is followed
 * lists it, its shard is asked for upwards (where a source on demand has it, that is asked for), once however
 * many ask, and the question waits for it; but not for long: then it is answered with what is known, which
 * the answer says. Where none lists it, that is the publishers' signed answer for as long as their indexes
 * stand, and nobody waits.
 */
#pragma once

#include "net/http.h"
#include "net/ipc_packet.h"
#include "vuln/vuln.h"

#define MISSES_WAITING_MAX 256    /* questions that wait */
#define MISSES_ECOSYSTEMS_MAX 256 /* that are asked for upwards at a time */
#define MISSES_WAIT_MS 3000

struct misses;
struct misses *misses_new(struct event_base *base, struct ipc_packet *parent, struct vuln_index *index);
struct misses *misses_free(struct misses *m); /* NULL in, NULL out; who waits is answered */

/* Who knows what repositories list and sources on demand have. NULL: nobody, and nothing is asked for. */
void misses_set_lister(struct misses *m, bool (*lists)(const char *ecosystem, void *user), void *user);

/* True: r waits, and handle(r, user) is called again when it may be answered; r must not have been answered.
 * False: it is to be answered now. An ecosystem that is "" is passed over. */
bool misses_defer(struct misses *m, struct http_request *r, const char *const *ecosystems, size_t n,
        http_handler handle, void *user);
/* The index has changed, or a repository's. */
void misses_changed(struct misses *m, bool repositories);
