/* SPDX-License-Identifier: ISC */
/* Calls: from the request to the answer or the end of their life. See client.h. */
#include "proto/radius/client.h"

#include "proto/radius/client_private.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

/* Header, Message-Authenticator, hidden password, Acct-Delay-Time: what stands beside the request's own. */
#define ADDED_MAX (RADIUS_PACKET_MIN + 18 + 2 + RADIUS_PASSWORD_MAX + 6)

static struct radius_waiting *queue_of(struct radius_client *c, const struct radius_call *call)
{
	return &c->waiting[call->service == RADIUS_ACCOUNTING];
}

struct radius_client *radius_client_new(const struct radius_server_config *servers, size_t n_servers,
        const struct radius_client_callbacks *callbacks, void *user)
{
	struct radius_client *c = xcalloc(1, sizeof(*c));
	c->callbacks = callbacks;
	c->user = user;
	c->n_servers = MIN(n_servers, (size_t)RADIUS_SERVERS_MAX);
	for (size_t i = 0; i < SERVICES; i++)
		TAILQ_INIT(&c->waiting[i]);
	for (size_t i = 0; i < c->n_servers; i++) {
		struct radius_server *s = &c->servers[i];
		s->config = servers[i];
		s->config.n_paths = MIN(servers[i].n_paths, (unsigned)RADIUS_PATHS_MAX);
		s->paths = xcalloc(s->config.n_paths, sizeof(*s->paths));
		s->last_reply = -1;
		for (unsigned p = 0; p < s->config.n_paths; p++) {
			s->paths[p].is_up = !s->config.is_stream;
			callbacks->random(user, &s->paths[p].next, 1);
		}
	}
	return c;
}

static void call_free(struct radius_call *call)
{
	OPENSSL_clear_free((void *)call->request.password, call->request.password_length);
	free((void *)call->request.attributes);
	wr_free(&call->packet);
	free(call);
}

/* Out of every list; only its memory is left. */
static void detach(struct radius_client *c, struct radius_call *call)
{
	if (call->is_waiting)
		TAILQ_REMOVE(queue_of(c, call), call, waiting);
	call->is_waiting = false;
	radius_release_id(c, call);
	radius_heap_remove(c, call);
	if (call->is_probe)
		c->servers[call->request.server].probe = NULL;
}

struct radius_client *radius_client_free(struct radius_client *c)
{
	if (!c)
		return NULL;
	while (c->n_calls)
		radius_client_cancel(c, c->heap[0]);
	for (size_t i = 0; i < c->n_servers; i++) {
		free(c->servers[i].paths);
		OPENSSL_cleanse(&c->servers[i].config.secret, sizeof(c->servers[i].config.secret));
	}
	free(c->heap);
	free(c);
	return NULL;
}

struct radius_call *radius_client_cancel(struct radius_client *c, struct radius_call *call)
{
	if (!call)
		return NULL;
	detach(c, call);
	call_free(call);
	return NULL;
}

/* The packet for the server and identifier that the call has now. */
static int render(struct radius_client *c, struct radius_call *call, time_ms now)
{
	const struct radius_secret *secret = &c->servers[call->server].config.secret;
	const struct radius_request *r = &call->request;
	struct writer *w = &call->packet;
	bool computed = r->code == RADIUS_ACCOUNTING_REQUEST;
	uint8_t hidden[RADIUS_PASSWORD_MAX];
	size_t n;
	if (computed)
		memset(call->authenticator, 0, sizeof(call->authenticator));
	else
		c->callbacks->random(c->user, call->authenticator, sizeof(call->authenticator));
	wr_reset(w);
	radius_write_header(w, r->code, call->id, call->authenticator);
	if (!computed)
		radius_write_message_authenticator(w);
	wr_bytes(w, r->attributes, r->length);
	if (r->password &&
	        radius_hide_password(
	                secret, call->authenticator, r->password, r->password_length, hidden, &n) == 0)
		radius_write(w, RADIUS_USER_PASSWORD, hidden, n);
	if (computed && r->delay_s != RADIUS_DELAYED)
		radius_write_u32(
		        w, RADIUS_ACCT_DELAY_TIME, r->delay_s + (uint32_t)((now - call->created) / 1000));
	int e = computed ? radius_sign_computed(w, secret) : radius_sign_request(w, secret);
	if (e == 0)
		memcpy(call->authenticator, w->data + 4, sizeof(call->authenticator));
	return e;
}

static void set_due(struct radius_client *c, struct radius_call *call, time_ms due)
{
	call->due = MIN(due, call->ends);
	radius_heap_moved(c, call);
}

static void transmit(struct radius_client *c, struct radius_call *call, time_ms now)
{
	struct radius_server *s = &c->servers[call->server];
	if (call->transmissions++)
		s->status.retransmissions++;
	else
		s->status.requests++;
	set_due(c, call, now + call->interval_ms);
	c->callbacks->send(c->user, call->server, call->path, call->packet.data, call->packet.length);
}

/* A datagram's first interval; on a stream, as long as all tries of a datagram would take. */
static unsigned first_interval(struct radius_client *c, const struct radius_call *call)
{
	const struct radius_server_config *s = &c->servers[call->server].config;
	unsigned tries = call->is_probe ? 1 : s->tries;
	return radius_jitter(c, s->is_stream ? s->timeout_ms * ((1u << tries) - 1) : s->timeout_ms);
}

static void wait_for_room(struct radius_client *c, struct radius_call *call)
{
	if (!call->is_waiting)
		TAILQ_INSERT_TAIL(queue_of(c, call), call, waiting);
	call->is_waiting = true;
	set_due(c, call, call->ends);
}

void radius_call_attempt(struct radius_client *c, struct radius_call *call, time_ms now)
{
	int server = radius_choose_server(c, call);
	if (server < 0 || !radius_take_id(&c->servers[server], call)) {
		wait_for_room(c, call);
		return;
	}
	if (call->is_waiting)
		TAILQ_REMOVE(queue_of(c, call), call, waiting);
	call->is_waiting = false;
	call->server = (unsigned)server;
	call->attempted = now;
	call->transmissions = 0;
	call->interval_ms = first_interval(c, call);
	if (render(c, call, now) < 0) { /* radius_client_call() has measured it; never let it loop */
		radius_release_id(c, call);
		set_due(c, call, call->ends);
		return;
	}
	transmit(c, call, now);
}

/* Room has come: in the order in which they came. */
static void serve_waiting(struct radius_client *c, time_ms now)
{
	for (size_t i = 0; i < SERVICES; i++) {
		struct radius_call *call;
		while ((call = TAILQ_FIRST(&c->waiting[i]))) {
			radius_call_attempt(c, call, now);
			if (call->is_waiting)
				break;
		}
	}
}

static struct radius_call *call_new(struct radius_client *c, const struct radius_request *r, time_ms now)
{
	struct radius_call *call = xcalloc(1, sizeof(*call));
	call->client = c;
	call->request = *r;
	call->request.attributes = xmemdup(r->attributes, r->length);
	call->request.password = r->password ? xmemdup(r->password, r->password_length) : NULL;
	call->packet = wr_make(RADIUS_PACKET_MAX);
	call->service = r->code == RADIUS_ACCOUNTING_REQUEST ? RADIUS_ACCOUNTING : RADIUS_AUTHENTICATION;
	call->created = now;
	call->ends = now + (r->life_ms ? r->life_ms : RADIUS_LIFE_MS);
	call->due = call->ends;
	radius_heap_add(c, call);
	return call;
}

static bool any_serves(const struct radius_client *c, enum radius_service service)
{
	for (size_t i = 0; i < c->n_servers; i++)
		if (c->servers[i].config.services & service)
			return true;
	return false;
}

int radius_client_call(struct radius_client *c, const struct radius_request *request,
        radius_answer_fn *on_answer, void *user, time_ms now, struct radius_call **ret)
{
	if (request->length > RADIUS_PACKET_MAX - ADDED_MAX || request->password_length > RADIUS_PASSWORD_MAX)
		return -EMSGSIZE;
	if (!any_serves(c,
	            request->code == RADIUS_ACCOUNTING_REQUEST ? RADIUS_ACCOUNTING : RADIUS_AUTHENTICATION))
		return -ENOENT;
	if (c->n_calls >= RADIUS_CALLS_MAX)
		return -EAGAIN;
	struct radius_call *call = call_new(c, request, now);
	if (call->request.server >= (int)c->n_servers)
		call->request.server = -1;
	call->on_answer = on_answer;
	call->user = user;
	if (TAILQ_EMPTY(queue_of(c, call)))
		radius_call_attempt(c, call, now);
	else
		wait_for_room(c, call);
	if (ret)
		*ret = call;
	return 0;
}

void radius_call_probe(struct radius_client *c, unsigned server, time_ms now)
{
	struct radius_server *s = &c->servers[server];
	const struct radius_request r = { .code = RADIUS_STATUS_SERVER,
		.attributes = (const uint8_t *)"",
		.server = (int)server,
		.life_ms = RADIUS_PROBE_MS };
	s->revival = now + radius_jitter(c, RADIUS_PROBE_MS);
	for (unsigned i = 0; i < s->config.n_paths && !s->probe; i++)
		if (s->paths[i].is_up && s->paths[i].used < RADIUS_IDS) {
			s->probe = call_new(c, &r, now);
			s->probe->is_probe = true;
			radius_call_attempt(c, s->probe, now);
		}
}

/* Those that wait for a server which is dead now have better chances elsewhere. */
static void leave_server(struct radius_client *c, unsigned server, time_ms now)
{
	struct radius_server *s = &c->servers[server];
	for (unsigned p = 0; p < s->config.n_paths; p++) {
		for (unsigned id = 0; id < RADIUS_IDS; id++) {
			struct radius_call *call = s->paths[p].calls[id];
			if (!call || call->is_probe || !radius_has_other(c, server, call->service))
				continue;
			call->tried |= 1u << server;
			radius_release_id(c, call);
			radius_call_attempt(c, call, now);
		}
	}
}

static void finish(struct radius_client *c, struct radius_call *call, const struct radius_packet *answer)
{
	unsigned server = call->server;
	detach(c, call);
	if (call->on_answer)
		call->on_answer(call->user, answer, server);
	call_free(call);
}

/* All tries of a server, or its time on a stream, are over. */
static void give_server_up(struct radius_client *c, struct radius_call *call, time_ms now)
{
	struct radius_server *s = &c->servers[call->server];
	unsigned server = call->server;
	s->status.timeouts++;
	call->tried |= 1u << server;
	radius_release_id(c, call);
	if (s->last_reply < call->attempted && !s->is_dead) {
		radius_set_dead(c, server, true, now);
		leave_server(c, server, now);
	}
	if (call->is_probe)
		finish(c, call, NULL);
	else
		radius_call_attempt(c, call, now);
}

static void call_due(struct radius_client *c, struct radius_call *call, time_ms now)
{
	const struct radius_server_config *s = &c->servers[call->server].config;
	bool repeatable = call->is_sent && !s->is_stream && !call->is_probe && call->transmissions < s->tries;
	if (now >= call->ends) {
		finish(c, call, NULL);
	} else if (repeatable) {
		call->interval_ms = radius_jitter(c, call->interval_ms * 2);
		transmit(c, call, now);
	} else if (call->is_sent) {
		give_server_up(c, call, now);
	} else {
		set_due(c, call, call->ends);
	}
}

static void server_due(struct radius_client *c, unsigned server, time_ms now)
{
	struct radius_server *s = &c->servers[server];
	if (s->config.status_server)
		radius_call_probe(c, server, now);
	else
		radius_set_dead(c, server, false, now);
}

time_ms radius_client_deadline(const struct radius_client *c)
{
	time_ms first = c->n_calls ? c->heap[0]->due : RADIUS_NEVER;
	for (size_t i = 0; i < c->n_servers; i++)
		if (c->servers[i].is_dead)
			first = MIN(first, c->servers[i].revival);
	return first;
}

void radius_client_tick(struct radius_client *c, time_ms now)
{
	for (unsigned i = 0; i < c->n_servers; i++)
		if (c->servers[i].is_dead && c->servers[i].revival <= now)
			server_due(c, i, now);
	while (c->n_calls && c->heap[0]->due <= now)
		call_due(c, c->heap[0], now);
	serve_waiting(c, now);
}

void radius_client_path(struct radius_client *c, unsigned server, unsigned path, bool is_up, time_ms now)
{
	struct radius_server *s = &c->servers[server];
	struct radius_path *p = &s->paths[path];
	if (p->is_up == is_up)
		return;
	p->is_up = is_up;
	for (unsigned id = 0; !is_up && id < RADIUS_IDS; id++) {
		struct radius_call *call = p->calls[id];
		if (!call)
			continue;
		if (call->is_probe) {
			finish(c, call, NULL);
			continue;
		}
		radius_release_id(c, call);
		radius_call_attempt(c, call, now);
	}
	if (is_up) {
		radius_set_dead(c, server, false, now);
		serve_waiting(c, now);
	}
}

static bool is_answer(const struct radius_call *call, uint8_t code)
{
	switch (call->request.code) {
	case RADIUS_ACCESS_REQUEST:
		return code == RADIUS_ACCESS_ACCEPT || code == RADIUS_ACCESS_REJECT ||
		        code == RADIUS_ACCESS_CHALLENGE;
	case RADIUS_ACCOUNTING_REQUEST:
		return code == RADIUS_ACCOUNTING_RESPONSE;
	default: /* RFC 5997, 4.2 */
		return code == RADIUS_ACCESS_ACCEPT || code == RADIUS_ACCOUNTING_RESPONSE;
	}
}

static bool is_verified(struct radius_client *c, unsigned server, const struct radius_call *call,
        const struct radius_packet *p)
{
	struct radius_server *s = &c->servers[server];
	bool must_have = call->request.code == RADIUS_ACCESS_REQUEST && s->config.message_authenticator;
	int r = is_answer(call, p->code)
	        ? radius_verify_response(p, call->authenticator, &s->config.secret, must_have)
	        : -EBADMSG;
	if (r == -ENOMSG && s->status.unprotected++ == 0 && c->callbacks->on_unprotected)
		c->callbacks->on_unprotected(c->user, server);
	s->status.forged += r < 0;
	return r == 0;
}

int radius_client_receive(struct radius_client *c, unsigned server, unsigned path, const void *bytes,
        size_t length, time_ms now)
{
	struct radius_server *s = &c->servers[server];
	struct radius_packet p;
	if (server >= c->n_servers || path >= s->config.n_paths)
		return -EINVAL;
	if (radius_parse(bytes, length, &p, NULL) < 0) {
		s->status.malformed++;
		return -EINVAL;
	}
	struct radius_call *call = s->paths[path].calls[p.id];
	if (!call) {
		s->status.unmatched++;
		return 0;
	}
	if (!is_verified(c, server, call, &p))
		return 0;
	s->status.replies++;
	s->last_reply = now;
	radius_set_dead(c, server, false, now);
	finish(c, call, &p);
	serve_waiting(c, now);
	return 0;
}

size_t radius_client_count(const struct radius_client *c)
{
	return c->n_calls;
}
