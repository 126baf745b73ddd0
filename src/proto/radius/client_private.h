/* SPDX-License-Identifier: ISC */
/* What client.c (calls), client_server.c (servers and their identifiers) and client_heap.c share. */
#pragma once

#include "proto/radius/client.h"

#include <sys/queue.h>

#define RADIUS_IDS 256
#define SERVICES 2

struct radius_call {
	struct radius_client *client;
	TAILQ_ENTRY(radius_call) waiting;
	bool is_waiting, is_sent, is_probe;
	enum radius_service service;
	struct radius_request request; /* attributes and password owned */
	unsigned server, path;         /* where it is, while is_sent */
	uint8_t id;
	uint8_t authenticator[RADIUS_AUTHENTICATOR_SIZE];
	struct writer packet;
	unsigned transmissions, interval_ms;
	uint32_t tried; /* servers that did not answer this call */
	time_ms created, attempted, due, ends;
	size_t heap_index;
	radius_answer_fn *on_answer;
	void *user;
};

struct radius_path {
	struct radius_call *calls[RADIUS_IDS];
	unsigned used;
	uint8_t next; /* identifier: as long as possible until one is used again */
	bool is_up;
};

struct radius_server {
	struct radius_server_config config;
	struct radius_path *paths;
	struct radius_server_status status;
	bool is_dead;
	time_ms last_reply;
	time_ms revival; /* next probe, or the end of its time as a dead one */
	struct radius_call *probe;
};

struct radius_client {
	struct radius_server servers[RADIUS_SERVERS_MAX];
	size_t n_servers;
	const struct radius_client_callbacks *callbacks;
	void *user;
	struct radius_call **heap; /* by due */
	size_t n_calls, heap_capacity;
	TAILQ_HEAD(radius_waiting, radius_call) waiting[SERVICES]; /* for an identifier or a connection */
};

/* client_heap.c */
void radius_heap_add(struct radius_client *c, struct radius_call *call);
void radius_heap_remove(struct radius_client *c, struct radius_call *call);
void radius_heap_moved(struct radius_client *c, struct radius_call *call); /* its due has changed */

/* client_server.c */
/* The server that a call should go to now; negative where none has room. */
int radius_choose_server(struct radius_client *c, struct radius_call *call);
/* An identifier of a path that is up; false if there is none. */
bool radius_take_id(struct radius_server *s, struct radius_call *call);
void radius_release_id(struct radius_client *c, struct radius_call *call);
bool radius_has_other(const struct radius_client *c, unsigned server, enum radius_service service);
void radius_set_dead(struct radius_client *c, unsigned server, bool is_dead, time_ms now);
/* A number near ms: RFC 5080, 2.2.1, so that clients do not march in step. */
unsigned radius_jitter(struct radius_client *c, unsigned ms);

/* client.c */
void radius_call_attempt(struct radius_client *c, struct radius_call *call, time_ms now);
void radius_call_probe(struct radius_client *c, unsigned server, time_ms now);
