/* SPDX-License-Identifier: ISC */
/*
 * The program around the site: one process, one loop. Each file of it owns one kind of peer.
 *
 *   node_connection.c   nodes: PT-TLS, one inspection each
 *   enforcer_link.c     enforcers: placements out, attachments and acknowledgements in
 *   vis_link.c          pratique-vis: what changed; and the index that it keeps
 *   api*.c, enrolment.c HTTP: operators, nodes that enrol
 *   turn.c              the end of each turn: demotions leave, the store commits, the rest leaves
 */
#pragma once

#include "crypto/bundle.h"
#include "net/daemon.h"
#include "net/http.h"
#include "net/tls.h"
#include "net/workers.h"
#include "server/options.h"
#include "server/site.h"
#include <sys/queue.h>

#define SERVER_WORK_BATCH 16 /* nodes judged again between two looks at the clock, */
#define SERVER_WORK_US 8000  /* for so long before the loop turns */
#define SERVER_TICK_MS 500
#define SERVER_LEISURE_MS 100      /* after a start, nodes that need not be judged at once: */
#define SERVER_LEISURE_NODES 16    /* so many each time */
#define SERVER_START_HOLD_MS 60000 /* so long enforcers wait at most for those that a start wants judged */
#define SERVER_LATENCY_SAMPLES 512 /* of one enforcer */
#define SERVER_PORTS_MAX 16        /* listeners of one kind */
#define SERVER_FOLLOWERS_MAX 64
#define ENROLMENT_CONNECTIONS_MAX 256 /* a port */
#define API_LOCAL_CONNECTIONS_MAX 256 /* on the Unix socket */

LIST_HEAD(node_connections, node_connection);
LIST_HEAD(enforcer_links, enforcer_link);
LIST_HEAD(place_requests, place_request);
LIST_HEAD(event_followers, event_follower);

/* What the doors of nodes and enforcers had refused when it was last said. */
struct doors {
	uint64_t full, failed;
	time_ms said; /* 0 = never */
};

struct server {
	struct server_options options;
	struct event_base *base;
	struct workers *workers; /* for what needs no decision */
	struct store *store;
	struct site *site;
	EVP_PKEY *token_key;
	struct identity identity;
	time_ms started, started_monotonic;
	int exit_code;

	struct tls_context *node_tls, *enforcer_tls, *enrolment_tls, *api_tls;
	struct listener *node_listeners[SERVER_PORTS_MAX], *enforcer_listeners[SERVER_PORTS_MAX];
	size_t n_node_listeners, n_enforcer_listeners;
	struct http_server *http, *enrolment_http; /* the API; enrolment */
	struct api_endpoint *endpoints;            /* one a route */
	size_t n_endpoints;
	const struct api_caller *caller; /* of the API's request that is being handled; NULL outside of one */
	struct api_token *api_tokens;
	struct source_limits *api_sources; /* addresses that asked lately; NULL: none yet */
	time_ms refusal_minute;
	unsigned refusals_now; /* audited in that minute */

	struct node_connections nodes;
	struct enforcer_links enforcers;
	struct place_requests places;
	struct event_followers followers;
	size_t n_followers;
	uint32_t next_request;
	struct vis_link *vis;
	struct api_simulation *simulation; /* NULL: none is under way */
	struct est_server *est;            /* NULL: no enrolment here */

	struct event *commit_event, *flush_event, *work_event, *tick_event, *floor_event, *leisure_event;
	struct daemon_signals *signals;
	time_ms policy_loaded;
	uint64_t reloads, reloads_failed;
	time_ms last_expiry_look;
	int warned_server, warned_cas[BUNDLE_MAX]; /* of their certificates' ends: days left, 0 = not yet */
	time_ms refused_second;                    /* of the refusals that are logged */
	unsigned refused_now;
	struct doors doors;
};

/* main.c */
int server_reload_policy(struct server *s, struct error *err);
/* A context of the server's own certificate for peers of these roles; anonymous: also for clients without
 * one. */
int server_open_tls(
        struct server *s, unsigned roles, bool anonymous, struct tls_context **ret, struct error *err);
int server_read_address(const char *text, uint16_t port, struct sockaddr_storage *ret, struct error *err);

/* program.c: a number of this very program, 0 where it has none: another build may judge otherwise. */
uint64_t program_number(void);

/* doors.c */
/* Warns where fewer files may be open than connections are allowed. */
void doors_check_files(const struct server *s);
void doors_tick(struct server *s, time_ms now);

/* turn.c */
int turn_start(struct server *s, struct error *err);
/* The site begins to work. */
void turn_begin(struct server *s);
void turn_stop(struct server *s);
/* Enforcers have something queued that must leave before the store commits. */
void turn_wants_flush(struct server *s);
void turn_wants_work(struct server *s);

/* node_connection.c */
void node_accept(struct stream *stream, const struct identity *peer, void *server);
/* Of a connection that did not come to be, by what is wrong with the certificate. */
void node_count_refusal(struct server *s, const char *reason);
void node_refused(const char *peer_text, const char *reason, void *server);
void node_close_all(struct server *s);
size_t node_count(const struct server *s);
void node_retry(struct site_attachment *a);
void node_disconnect(struct site_attachment *a);
/* Also those that are proven nowhere. Returns how many. */
size_t node_disconnect_name(struct server *s, const char *name, const char *why);
size_t node_retry_name(struct server *s, const char *name);

/* enforcer_link.c */
void enforcer_accept(struct stream *stream, const struct identity *peer, void *server);
void enforcer_refused(const char *peer_text, const char *reason, void *server);
void enforcer_close_all(struct server *s);
void enforcer_place(struct server *s, struct site_attachment *a);
void enforcer_flush(struct server *s);
void enforcer_send_floor(struct server *s);
/* To those that came while nodes waited that the start wants judged, and do not any more. */
void enforcer_send_owed(struct server *s);
/* Segments and all placements again: the policy is another one. */
void enforcer_send_policy(struct server *s);
json_t *enforcer_status(struct server *s);
bool enforcer_is_connected(struct server *s, const char *name);

/* Asks all enforcers where an address is attached; answer is called once, when all have said it or after
 * place_time, with NULL where nobody knows, or two do. */
struct place_request;
typedef void (*place_fn)(void *context, struct site_attachment *a);
struct place_request *place_ask(
        struct server *s, const struct ip_address *address, place_fn answer, void *context);
struct place_request *place_cancel(struct place_request *r); /* NULL in, NULL out */

/* Calls once, from the loop, when the attachment's enforcement point has acknowledged all that was queued for
 * it until now, or after applied_time. */
struct applied_wait;
typedef void (*applied_fn)(void *context, bool in_time);
struct applied_wait *applied_await(
        struct server *s, struct site_attachment *a, applied_fn done, void *context);
struct applied_wait *applied_cancel(struct applied_wait *w); /* NULL in, NULL out */

/* vis_link.c */
int vis_start(struct server *s, struct error *err);
void vis_stop(struct server *s);
bool vis_is_connected(const struct server *s);
/* Asks pratique-vis for the ecosystems of these packages that the index knows nothing of, and tells it which
 * sources nodes name. */
void vis_want(struct server *s, const struct posture *posture);

/* api*.c, enrolment.c */
int api_start(struct server *s, struct error *err);
void api_stop(struct server *s);
void api_event(struct server *s, const struct store_event *e);
void api_drop_followers(struct server *s);
/* Opens the port while there may be privilege; then, as the service's user, whose the CA's directory is,
 * begins to sign. */
int enrolment_listen(struct server *s, struct error *err);
int enrolment_start(struct server *s, struct error *err);
void enrolment_stop(struct server *s);
/* expiry.c: whose certificates near their end, as events and as a list. */
void expiry_tick(struct server *s, time_ms now);
json_t *expiry_to_json(struct server *s, time_ms now);
/* Certificates and CAs were read again: a rollover of the CA is told how far this server has come. */
void enrolment_note_self(struct server *s);
/* Revokes the node's X.509 certificates in the CA's list, where this server keeps it. */
void enrolment_revoke(struct server *s, const char *name);
