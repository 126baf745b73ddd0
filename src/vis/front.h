/* SPDX-License-Identifier: ISC */
/*
 * The front: the process of pratique-vis that answers strangers. It reads the index and what lies in files,
 * writes nothing and holds no key but its TLS certificate's; so that neither a long import keeps anybody
 * waiting, nor what a stranger may do to it reaches the index's writer and the keys that sign. A keeper
 * without any work of its own starts it again where it dies, and both end with their parent.
 *
 *   pratique-vis ─┬─ (index, sources, signatures, upper VIS)
 *                 └─ keeper ── front (HTTP)
 *
 * Parent and front speak src/ipc messages on a socketpair: the front says HELLO (role "front") when it
 * begins, also the one that follows a dead one; the parent answers with ADVISORIES, and sends it again
 * whenever the generation changes.
 */
#pragma once

#include "net/ipc_packet.h"
#include "vis/http.h"
#include "vis/kept.h"
#include "vis/misses.h"
#include "vuln/source_config.h"
#include "vuln/vuln.h"

struct front_config {
	const char *index; /* the directory; there is an index in it */
	struct vis_http_config http;
	const struct source_config *const
	        *sources; /* of which those on demand are asked for by queries too */
	size_t n_sources;
};

/* ---- in the parent ---- */

struct front;
/* Waits until the front serves, or cannot (-ENOTCONN; it has logged why). on_message (may be NULL): what the
 * front sends; with each HELLO it is a new process, which knows nothing. config stays. Before the sandbox. */
int front_start(struct event_base *base, const struct front_config *config,
        void (*on_message)(struct front *f, const struct ipc_message *m, void *user), void *user,
        struct front **ret, struct error *err);
/* The front ends in order. NULL in, NULL out. */
struct front *front_stop(struct front *f);
/* There is a new generation of the index, or of what the parent keeps in files. */
void front_tell(struct front *f, uint64_t generation);
/* Another message; one that cannot go is lost, as where the front dies. */
void front_send(struct front *f, enum ipc_number number, const void *body);
const struct vis_http_counters *front_counters(const struct front *f);

/* ---- in the front ---- */

/* What services are made of. */
struct front_context {
	struct event_base *base;
	const struct front_config *config;
	struct vis_http *http;
	struct vuln_index *index;
	struct ipc_packet *parent; /* for questions to it, by ipc_packet_send() */
	struct misses *misses;     /* questions that wait for what comes from above */
	struct kept *kept;         /* answers that may be asked for again */
};

/* A file of routes: its row is in front_services (front_serve.c). */
struct front_service {
	/* Adds its routes; before the sandbox, after which files can be read and nothing more be opened. */
	int (*open)(const struct front_context *c, void **ret_state, struct error *err);
	/* The parent says that there is a new generation. May be NULL. */
	void (*tell)(void *state, uint64_t generation);
	/* Another message of the parent. May be NULL. */
	void (*take)(void *state, const struct ipc_message *m);
	void (*close)(void *state);
};

/* The front's whole life, with its end of the socketpair: 0 where the parent has gone, 1, or
 * FRONT_CANNOT_START. */
#define FRONT_CANNOT_START 3
int front_serve(int fd, const struct front_config *config, struct vis_http_counters *counters);
