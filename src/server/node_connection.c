/* SPDX-License-Identifier: ISC */
/*
 * One node's connection: TLS bytes to PT-TLS, its batches to an inspection, and what the inspection wants
 * from the rest of the server. The connection stays open for re-inspections; a node that connects again
 * replaces its older connection at the same attachment.
 */
#include "base/log.h"
#include "proto/pttls/pttls.h"
#include "server/inspection.h"
#include "server/server.h"

#include <errno.h>
#include <string.h>

#define NODE_READ_MAX (256u << 10)
#define NODE_WRITE_MAX (8u << 20)
#define NODE_STALL_MS 30000
#define NODE_CONNECTIONS_MAX 16 /* of one node; one more, and its oldest is closed */

struct node_connection {
	struct work reading; /* first: the pointers are the same. A batch, by a worker */
	bool is_reading;     /* no further batch is taken meanwhile */
	bool is_gone;        /* only the worker still needs it */
	LIST_ENTRY(node_connection) entry;
	struct server *server;
	struct stream *stream; /* NULL once it is going */
	struct pttls_session *pttls;
	struct inspection *inspection; /* NULL until PT-TLS is ready */
	struct site_node *node;
	struct site_attachment *attachment; /* whose session we are */
	struct site_attachment *wanted;     /* proven, but another node's session is there */
	struct place_request *place;
	struct applied_wait *applied;
	struct event *timer;
	EVP_PKEY *key;
};

static void leave_attachment(struct node_connection *c)
{
	struct site_attachment *a = c->attachment;
	if (!a)
		return;
	c->attachment = NULL;
	site_end_session(c->server->site, a);
	struct node_connection *other;
	LIST_FOREACH(other, &c->server->nodes, entry)
		if (other->wanted == a && other->inspection) {
			inspection_retry(other->inspection, clock_wall_ms());
			return;
		}
}

/* What a worker may have been using. */
static void release(struct node_connection *c)
{
	inspection_free(c->inspection);
	EVP_PKEY_free(c->key);
	free(c);
}

static void connection_free(struct node_connection *c)
{
	LIST_REMOVE(c, entry);
	c->node->connections--;
	leave_attachment(c);
	place_cancel(c->place);
	applied_cancel(c->applied);
	pttls_session_free(c->pttls);
	if (c->timer)
		event_free(c->timer);
	stream_free(c->stream);
	if (c->is_reading && !workers_cancel(c->server->workers, &c->reading))
		c->is_gone = true;
	else
		release(c);
}

/* Says what is left to say, then closes; everything else ends when the stream is gone. */
static void connection_close(struct node_connection *c, const char *why)
{
	leave_attachment(c);
	c->place = place_cancel(c->place);
	c->applied = applied_cancel(c->applied);
	if (stream_is_open(c->stream))
		stream_close(c->stream, why);
}

static void send_output(struct node_connection *c)
{
	struct writer *w = pttls_output(c->pttls);
	if (w->length && stream_write(c->stream, w->data, w->length) == 0)
		wr_consume(w, w->length);
}

/* ---- what the inspection wants ---- */

static void on_send(void *context, const void *batch, size_t length)
{
	struct node_connection *c = context;
	if (pttls_send_batch(c->pttls, batch, length) == 0)
		send_output(c);
}

/* Whether this connection may stand for the attachment: nobody else's does. */
static bool take_attachment(struct node_connection *c, struct site_attachment *a)
{
	struct node_connection *other = a->session;
	c->wanted = NULL;
	if (other == c)
		return true;
	if (!site_may_be_at(a, c->node)) {
		c->server->site->counters.attachments_foreign++;
		site_note_refusal(c->server->site, clock_wall_ms(), "session-mismatch", c->node,
		        "%s, %s: the softwire session is of machine %s (user %s), so %s gets no placement",
		        a->enforcement_point, a->port, a->machine, a->user, c->node->name);
		leave_attachment(c);
		return false;
	}
	if (other && other->node != c->node) {
		c->server->site->counters.attachments_shared++;
		site_note(c->server->site, clock_wall_ms(), "shared-attachment", c->node, a,
		        "%s is being inspected there, so %s gets no placement", other->node->name,
		        c->node->name);
		leave_attachment(c);
		c->wanted = a;
		return false;
	}
	if (other)
		connection_close(other, "the node has connected again");
	leave_attachment(c);
	c->attachment = a;
	a->session = c;
	return true;
}

static void on_place(void *context, struct site_attachment *a)
{
	struct node_connection *c = context;
	c->place = NULL;
	if (a && !take_attachment(c, a))
		a = NULL;
	else if (!a)
		leave_attachment(c);
	inspection_found_place(c->inspection, a, clock_wall_ms());
}

static void on_find_place(void *context)
{
	struct node_connection *c = context;
	struct ip_address address = { { 0 } };
	c->place = place_cancel(c->place);
	(void)stream_peer_address(c->stream, &address, NULL, NULL);
	c->place = place_ask(c->server, &address, on_place, c);
}

static void on_applied(void *context, bool in_time)
{
	struct node_connection *c = context;
	c->applied = NULL;
	if (!in_time)
		c->server->site->counters.placements_late++;
	inspection_applied(c->inspection, clock_wall_ms());
}

static void on_await_applied(void *context, struct site_attachment *a)
{
	struct node_connection *c = context;
	applied_cancel(c->applied);
	c->applied = applied_await(c->server, a, on_applied, c);
}

static void run_reading(struct work *work)
{
	inspection_read(((struct node_connection *)work)->inspection);
}

static void on_read(void *context)
{
	struct node_connection *c = context;
	c->is_reading = true;
	workers_submit(c->server->workers, &c->reading);
}

static void on_working(void *context, bool is_working)
{
	struct node_connection *c = context;
	int64_t ms = c->server->options.assessment_time;
	const struct timeval limit = { ms / 1000, ms % 1000 * 1000 };
	if (is_working)
		evtimer_add(c->timer, &limit);
	else
		evtimer_del(c->timer);
}

static void on_end(void *context, const char *why)
{
	struct node_connection *c = context;
	connection_close(c, why);
}

static void on_time_up(evutil_socket_t fd, short what, void *context)
{
	struct node_connection *c = context;
	c->server->site->counters.connections_timed_out++;
	connection_close(c, "the assessment took too long");
}

/* ---- bytes ---- */

static void begin_inspection(struct node_connection *c)
{
	struct inspection_config config = { .site = c->server->site,
		.node = c->node,
		.node_key = c->key,
		.remediation_uri = c->server->options.remediation_uri,
		.effects = { on_send, on_find_place, on_await_applied, on_read, on_working, on_end },
		.context = c };
	if (tls_stream_exporter(c->stream, config.exporter) < 0) {
		connection_close(c, "the TLS exporter does not work");
		return;
	}
	c->inspection = inspection_new(&config);
}

static void take_event(struct node_connection *c, const struct pttls_event *e)
{
	switch (e->kind) {
	case PTTLS_EVENT_READY: /* the time goes on until it begins an assessment */
		begin_inspection(c);
		break;
	case PTTLS_EVENT_BATCH:
		if (c->inspection)
			inspection_receive(c->inspection, e->bytes, e->length, clock_wall_ms());
		break;
	case PTTLS_EVENT_CLOSED:
		if (!e->by_peer)
			c->server->site->counters.protocol_errors++;
		send_output(c);
		connection_close(c, e->text ? e->text : "PT-TLS has ended");
		break;
	case PTTLS_EVENT_AUTHENTICATED:
	case PTTLS_EVENT_ERROR:
		break;
	}
}

static void take_events(struct node_connection *c)
{
	struct pttls_event e;
	while (!c->is_reading && pttls_next(c->pttls, &e))
		take_event(c, &e);
	send_output(c);
}

/* While a batch is read nothing more is taken: what the node sends then waits where the stream's limits count
 * it.
 */
static size_t on_data(struct stream *stream, const uint8_t *data, size_t length, void *context)
{
	struct node_connection *c = context;
	if (c->is_reading)
		return 0;
	(void)pttls_receive(c->pttls, data, length);
	take_events(c);
	return length;
}

static void reading_done(struct work *work)
{
	struct node_connection *c = (struct node_connection *)work;
	c->is_reading = false;
	if (c->is_gone) {
		release(c);
		return;
	}
	inspection_heed(c->inspection, clock_wall_ms());
	take_events(c);
	if (stream_is_open(c->stream))
		stream_resume(c->stream);
}

static void on_close(struct stream *stream, const char *reason, void *context)
{
	struct node_connection *c = context;
	log_info("node %s at %s: %s", c->node->name, stream_peer_text(stream), reason);
	c->stream = NULL;
	connection_free(c);
}

static const struct stream_handlers handlers = { .on_data = on_data, .on_close = on_close };

/* ---- the door ---- */

static void refuse(struct server *s, struct stream *stream, const struct identity *peer, const char *why)
{
	log_notice("node %s at %s refused: %s", peer->name, stream_peer_text(stream), why);
	stream_free(stream);
}

/* A node has a few attachments, and connections to hosts that went away without a word. */
static void limit_connections(struct server *s, const struct site_node *node)
{
	struct node_connection *c, *oldest = NULL;
	if (node->connections < NODE_CONNECTIONS_MAX)
		return;
	LIST_FOREACH(c, &s->nodes, entry)
		if (c->node == node && stream_is_open(c->stream))
			oldest = c;
	if (!oldest)
		return;
	s->site->counters.connections_refused_node++;
	connection_close(oldest, "the node has too many connections");
}

void node_accept(struct stream *stream, const struct identity *peer, void *context)
{
	struct server *s = context;
	struct error err = { "" };
	const time_ms now = clock_wall_ms();
	s->site->counters.connections++;
	if (site_check_identity(s->site, peer->name, peer->thumbprint, peer->serial, &err) < 0) {
		s->site->counters.connections_refused_revoked++;
		site_note_refusal(
		        s->site, now, "refused", site_find_node(s->site, peer->name), "%s", err.text);
		refuse(s, stream, peer, err.text);
		return;
	}
	struct site_node *node = site_see_node(s->site, peer->name, peer->thumbprint, peer->serial, now);
	if (!node) {
		refuse(s, stream, peer, "the site has too many nodes");
		return;
	}
	node->valid_from = peer->not_before;
	node->valid_until = peer->not_after;
	site_save_node(s->site, node);
	limit_connections(s, node);
	struct node_connection *c = xcalloc(1, sizeof(*c));
	const struct stream_limits limits = { NODE_READ_MAX, NODE_WRITE_MAX, STREAM_HANDSHAKE_MS, 0,
		NODE_STALL_MS };
	c->reading = (struct work){ .run = run_reading, .done = reading_done };
	c->server = s;
	c->stream = stream;
	c->node = node;
	c->pttls = pttls_session_new(&(struct pttls_config){ .role = PTTLS_SERVER });
	c->key = X509_get_pubkey(tls_stream_peer_certificate(stream));
	c->timer = evtimer_new(s->base, on_time_up, c);
	LIST_INSERT_HEAD(&s->nodes, c, entry);
	node->connections++;
	stream_set_limits(stream, &limits);
	stream_set_handlers(stream, &handlers, c);
	if (pttls_start(c->pttls) < 0 || !c->key || !c->timer) {
		connection_free(c);
		return;
	}
	on_working(c, true);
	log_info("node %s connected from %s", node->name, stream_peer_text(stream));
}

void node_count_refusal(struct server *s, const char *reason)
{
	struct site_counters *c = &s->site->counters;
	const struct {
		const char *words;
		uint64_t *counter;
	} kinds[] = { { TLS_WORDS_EXPIRED, &c->connections_refused_expired },
		{ TLS_WORDS_EARLY, &c->connections_refused_early },
		{ TLS_WORDS_REVOKED, &c->connections_refused_revoked },
		{ TLS_WORDS_STRANGE, &c->connections_refused_strange },
		{ TLS_WORDS_ROLE, &c->connections_refused_role } };
	uint64_t *counter = &c->connections_refused_handshake;
	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++)
		if (strstr(reason, kinds[i].words))
			counter = kinds[i].counter;
	++*counter;
}

void node_refused(const char *peer_text, const char *reason, void *context)
{
	struct server *s = context;
	node_count_refusal(s, reason);
	/* Strangers do not fill the log either. */
	time_ms second = clock_monotonic_ms() / 1000;
	if (second != s->refused_second)
		s->refused_now = 0;
	s->refused_second = second;
	if (s->refused_now++ < SITE_REFUSALS_PER_SECOND)
		log_notice("%s refused: %s", peer_text, reason);
}

void node_close_all(struct server *s)
{
	struct node_connection *c = LIST_FIRST(&s->nodes), *next;
	for (; c; c = next) {
		next = LIST_NEXT(c, entry);
		connection_free(c);
	}
}

size_t node_count(const struct server *s)
{
	const struct node_connection *c;
	size_t n = 0;
	LIST_FOREACH(c, &s->nodes, entry)
		n++;
	return n;
}

void node_retry(struct site_attachment *a)
{
	struct node_connection *c = a->session;
	if (c && c->inspection)
		inspection_retry(c->inspection, clock_wall_ms());
}

void node_disconnect(struct site_attachment *a)
{
	struct node_connection *c = a->session;
	if (c)
		connection_close(c, "the node's admission has ended");
}

size_t node_disconnect_name(struct server *s, const char *name, const char *why)
{
	struct node_connection *c;
	size_t n = 0;
	LIST_FOREACH(c, &s->nodes, entry)
		if (strcmp(c->node->name, name) == 0) {
			connection_close(c, why);
			n++;
		}
	return n;
}

size_t node_retry_name(struct server *s, const char *name)
{
	struct node_connection *c;
	size_t n = 0;
	LIST_FOREACH(c, &s->nodes, entry)
		if (c->inspection && strcmp(c->node->name, name) == 0) {
			inspection_retry(c->inspection, clock_wall_ms());
			n++;
		}
	return n;
}
