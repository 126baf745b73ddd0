/* SPDX-License-Identifier: ISC */
#include "agent/attachment.h"

#include "base/log.h"
#include "net/endpoint.h"
#include <errno.h>
#include <ifaddrs.h>
#include <openssl/rand.h>
#include <string.h>

#define WRITE_MAX (PBTNC_BATCH_MAX + (1u << 20))
#define CERTIFICATE_MARGIN_MS 5000 /* one that ends sooner is not offered any more */

static void work(struct attachment *a);

static const char *shown(const struct attachment *a)
{
	return *a->interface ? a->interface : "default interface";
}

static const char *server_text(const struct attachment *a)
{
	return a->network->options->servers.items[a->server];
}

static void tell_collector(struct attachment *a, enum ipc_number number, const void *body)
{
	struct error err;
	if (channel_send(a->network->channel, number, body, &err) < 0)
		log_warning("%s: %s", shown(a), err.text);
}

static void tell_link(struct attachment *a, bool connected, const char *reason)
{
	char *why FREE_ON_EXIT = xstrndup(reason, MIN(strlen(reason), (size_t)511));
	const struct ipc_agent_link link = { .interface = (char *)a->interface,
		.server = (char *)server_text(a),
		.connected = connected,
		.reason = why };
	tell_collector(a, IPC_AGENT_LINK, &link);
}

/* ---- the certificate ---- */

static void forget_certificate(struct attachment *a)
{
	if (a->certificate)
		OPENSSL_cleanse(a->certificate, strlen(a->certificate));
	free(TAKE_POINTER(a->certificate));
	a->certificate_expires = 0;
}

void attachment_set_certificate(struct attachment *a, const struct ipc_certificate *kept)
{
	forget_certificate(a);
	if (!*kept->text || kept->digest_length != sizeof(a->certificate_digest))
		return;
	a->certificate = xstrdup(kept->text);
	a->certificate_expires = kept->expires_ms;
	memcpy(a->certificate_digest, kept->digest, sizeof(a->certificate_digest));
}

/* For the posture of now; NULL where there is none to offer. */
static const char *usable_certificate(const struct attachment *a)
{
	if (!a->certificate || clock_wall_ms() + CERTIFICATE_MARGIN_MS >= a->certificate_expires ||
	        memcmp(a->certificate_digest, a->network->digest, sizeof(a->certificate_digest)) != 0)
		return NULL;
	return a->certificate;
}

static void keep_certificate(struct attachment *a, const struct conversation_result *result)
{
	struct ipc_certificate kept = { .interface = (char *)a->interface,
		.text = result->certificate ? result->certificate : (char *)"",
		.expires_ms = result->expires,
		.digest = a->schedule.presented,
		.digest_length = sizeof(a->schedule.presented) };
	attachment_set_certificate(a, &kept);
	tell_collector(a, IPC_CERTIFICATE, &kept);
}

/* ---- the conversation ---- */

static void flush(struct attachment *a)
{
	struct writer *w = pttls_output(a->pttls);
	if (!a->stream || w->length == 0)
		return;
	if (stream_write(a->stream, w->data, w->length) == 0)
		wr_consume(w, w->length);
}

static void on_send(void *context, const void *batch, size_t length)
{
	struct attachment *a = context;
	int r = pttls_send_batch(a->pttls, batch, length);
	if (r < 0)
		log_warning("%s: a batch of %zu bytes cannot be sent: %s", shown(a), length, strerror(-r));
	flush(a);
}

static void ask_collector(struct attachment *a, enum attachment_pending pending)
{
	a->pending = pending;
	a->request = ++a->network->next_request;
	if (a->request == 0) /* means a change, not an answer */
		a->request = ++a->network->next_request;
	tell_collector(a, IPC_INSPECT, &(struct ipc_inspect){ .request = a->request });
}

static void drop(struct attachment *a, const char *why)
{
	if (a->stream)
		stream_close(a->stream, why);
}

static void answer(struct attachment *a)
{
	int r = conversation_answer(a->conversation, a->network->posture);
	if (r < 0) {
		log_error("%s: the posture cannot be sent: %s", shown(a), strerror(-r));
		drop(a, "the posture cannot be sent");
		return;
	}
	schedule_presented(&a->schedule, a->network->digest);
}

static void begin(struct attachment *a)
{
	const char *certificate = usable_certificate(a);
	int r = conversation_begin(a->conversation, a->network->digest, certificate);
	if (r == -EPROTO) { /* the server's own retry came first: its request is answered instead, with what
		               is then */
		a->fresh = false;
		return;
	}
	if (r < 0) {
		drop(a, "an assessment cannot be begun");
		return;
	}
	log_debug("%s: assessment begun%s", shown(a), certificate ? " with the certificate" : "");
	schedule_presented(&a->schedule, a->network->digest);
}

static void on_retry(void *context)
{
	struct attachment *a = context;
	a->fresh = false;
	schedule_assessing(&a->schedule, clock_monotonic_ms());
	work(a);
}

static void on_want_posture(void *context)
{
	struct attachment *a = context;
	if (a->fresh)
		answer(a);
	else
		ask_collector(a, PENDING_ANSWER);
}

static void add_address(struct attachment *a, json_t *json)
{
	struct ip_address local;
	char text[IP_TEXT_SIZE];
	if (stream_local_address(a->stream, &local, NULL, NULL) == 0)
		json_object_set_new(json, "address", json_string(ip_format(&local, text)));
}

static void on_decided(void *context, const struct conversation_result *result)
{
	struct attachment *a = context;
	time_ms wall = clock_wall_ms();
	keep_certificate(a, result);
	add_address(a, result->json);
	char *json FREE_ON_EXIT = json_dumps(result->json, JSON_COMPACT);
	if (json) {
		const struct ipc_decision decision = { .interface = (char *)a->interface,
			.json = (uint8_t *)json,
			.json_length = strlen(json) };
		tell_collector(a, IPC_DECISION, &decision);
	}
	a->fresh = false;
	a->pending = PENDING_NOTHING;
	if (json_object_get(result->json, "decision"))
		schedule_decided(&a->schedule, clock_monotonic_ms(),
		        result->expires ? result->expires - wall : 0,
		        result->next_inspection ? result->next_inspection - wall : 0);
	else
		schedule_recommended(&a->schedule, clock_monotonic_ms());
	work(a);
}

static void on_note(void *context, const char *text)
{
	log_warning("%s: %s", shown(context), text);
}

static void on_end(void *context, const char *why)
{
	drop(context, why);
}

static const struct conversation_effects effects = { .send = on_send,
	.retry = on_retry,
	.want_posture = on_want_posture,
	.decided = on_decided,
	.note = on_note,
	.end = on_end };

static bool is_local(const struct ip_address *wanted)
{
	struct ifaddrs *all, *i;
	struct ip_address found;
	bool is = false;
	if (getifaddrs(&all) < 0)
		return true; /* who knows */
	for (i = all; i && !is; i = i->ifa_next)
		is = i->ifa_addr && ip_from_sockaddr(i->ifa_addr, &found, NULL) == 0 &&
		        ip_equal(&found, wanted);
	freeifaddrs(all);
	return is;
}

/* Nothing will ever come back on such a connection, and nobody says so. */
static bool has_lost_its_address(const struct attachment *a)
{
	struct ip_address local;
	return a->stream && stream_local_address(a->stream, &local, NULL, NULL) == 0 && !is_local(&local);
}

void attachment_posture(struct attachment *a, uint32_t request)
{
	enum attachment_pending pending = request == a->request ? a->pending : PENDING_NOTHING;
	schedule_posture(&a->schedule, a->network->digest, clock_monotonic_ms());
	if (has_lost_its_address(a)) {
		drop(a, "the host does not have the address of this connection any more");
		return;
	}
	if (pending != PENDING_NOTHING && a->conversation) {
		a->pending = PENDING_NOTHING;
		a->fresh = true;
		if (pending == PENDING_BEGIN)
			begin(a);
		else
			answer(a);
	}
	work(a);
}

/* ---- the connection ---- */

static void start_conversation(struct attachment *a)
{
	struct conversation_config config = { .key = a->network->key,
		.language = a->network->options->language,
		.effects = effects,
		.context = a };
	if (tls_stream_exporter(a->stream, config.exporter) < 0) {
		drop(a, "no channel binding");
		return;
	}
	a->conversation = conversation_new(&config);
	OPENSSL_cleanse(config.exporter, sizeof(config.exporter));
	schedule_connected(&a->schedule, clock_monotonic_ms());
	work(a);
}

static void on_pttls_event(struct attachment *a, const struct pttls_event *e)
{
	switch (e->kind) {
	case PTTLS_EVENT_READY:
		start_conversation(a);
		break;
	case PTTLS_EVENT_BATCH:
		if (a->conversation)
			conversation_receive(a->conversation, e->bytes, e->length);
		break;
	case PTTLS_EVENT_CLOSED:
		drop(a, e->text ? e->text : "PT-TLS has ended");
		break;
	case PTTLS_EVENT_ERROR:
	case PTTLS_EVENT_AUTHENTICATED:
		break;
	}
}

static void on_open(struct stream *s, const struct identity *peer, void *user)
{
	struct attachment *a = user;
	const struct pttls_config config = { .role = PTTLS_CLIENT };
	a->pttls = pttls_session_new(&config);
	(void)pttls_start(a->pttls);
	/* The negotiation has the time of an assessment. */
	schedule_assessing(&a->schedule, clock_monotonic_ms());
	log_info("%s: connected to %s (%s)", shown(a), server_text(a), peer ? peer->name : "no certificate");
	free(TAKE_POINTER(a->last_reason));
	tell_link(a, true, "");
	flush(a);
	work(a);
}

static size_t on_data(struct stream *s, const uint8_t *data, size_t length, void *user)
{
	struct attachment *a = user;
	struct pttls_event e;
	int r = pttls_receive(a->pttls, data, length);
	while (r == 0 && pttls_next(a->pttls, &e))
		on_pttls_event(a, &e);
	flush(a);
	return length;
}

static void say_reason(struct attachment *a, const char *reason)
{
	char *text FREE_ON_EXIT = xasprintf("%s: %s", server_text(a), reason);
	bool is_new = !a->last_reason || strcmp(a->last_reason, text) != 0;
	log_line(is_new ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG, "%s: %s", shown(a), text);
	if (!is_new)
		return;
	free(a->last_reason);
	a->last_reason = TAKE_POINTER(text);
	tell_link(a, false, reason);
}

static void disconnected(struct attachment *a, const char *reason)
{
	uint32_t chance = 0;
	a->stream = NULL;
	a->conversation = conversation_free(a->conversation);
	a->pttls = pttls_session_free(a->pttls);
	a->pending = PENDING_NOTHING;
	a->fresh = false;
	say_reason(a, reason);
	(void)RAND_bytes((unsigned char *)&chance, sizeof(chance));
	schedule_disconnected(&a->schedule, clock_monotonic_ms(), chance);
	a->server = (a->server + 1) % a->network->options->servers.count;
	work(a);
}

static void on_close(struct stream *s, const char *reason, void *user)
{
	disconnected(user, reason);
}

static const struct stream_handlers handlers = {
	.on_open = on_open, .on_data = on_data, .on_close = on_close
};

static void connect_server(struct attachment *a)
{
	const struct agent_options *o = a->network->options;
	struct stream_limits limits = STREAM_LIMITS_DEFAULT;
	struct tls_target target = { .expected_name = *o->server_name ? o->server_name : NULL,
		.interface = *a->interface ? a->interface : NULL };
	struct error err;
	limits.write_max = WRITE_MAX;
	schedule_connecting(&a->schedule);
	struct endpoint endpoint;
	int r = endpoint_parse(server_text(a), PTTLS_PORT, &endpoint, &err);
	if (r == 0)
		r = endpoint_resolve(&endpoint, &target.address, 1, &err);
	if (r >= 0)
		r = tls_connect(
		        a->network->base, a->network->tls, &target, &limits, &handlers, a, &a->stream, &err);
	if (r < 0)
		disconnected(a, err.text);
}

/* ---- what is due ---- */

static void set_timer(struct attachment *a, time_ms at, time_ms now)
{
	if (at == INT64_MAX) {
		event_del(a->timer);
		return;
	}
	int64_t wait = MAX(at - now, (int64_t)0);
	const struct timeval tv = { .tv_sec = wait / 1000, .tv_usec = wait % 1000 * 1000 };
	event_add(a->timer, &tv);
}

/* Nothing is done from within somebody's call: what is due now is done when the loop turns. */
static void work(struct attachment *a)
{
	time_ms at, now = clock_monotonic_ms();
	set_timer(a, schedule_next(&a->schedule, now, &at) == SCHEDULE_WAIT ? at : now, now);
}

static void on_timer(evutil_socket_t fd, short what, void *user)
{
	struct attachment *a = user;
	const char *why;
	time_ms at, now = clock_monotonic_ms();
	switch (schedule_next(&a->schedule, now, &at)) {
	case SCHEDULE_CONNECT:
		connect_server(a);
		return;
	case SCHEDULE_INSPECT:
		schedule_assessing(&a->schedule, now);
		ask_collector(a, PENDING_BEGIN);
		break;
	case SCHEDULE_DISCONNECT:
		why = a->schedule.moved ? "the host has changed, perhaps its network"
		                        : "the server does not come to a decision";
		schedule_connecting(&a->schedule); /* until on_close */
		drop(a, why);
		return;
	case SCHEDULE_WAIT:
		break;
	}
	work(a);
}

struct attachment *attachment_new(struct network *n, const char *interface)
{
	struct attachment *a = xcalloc(1, sizeof(*a));
	a->network = n;
	a->interface = interface;
	schedule_init(&a->schedule, clock_monotonic_ms());
	a->timer = event_new(n->base, -1, 0, on_timer, a);
	if (!a->timer)
		abort(); /* as the x-allocators do */
	work(a);
	return a;
}

struct attachment *attachment_free(struct attachment *a)
{
	if (!a)
		return NULL;
	event_free(a->timer);
	stream_free(a->stream);
	conversation_free(a->conversation);
	pttls_session_free(a->pttls);
	forget_certificate(a);
	free(a->last_reason);
	free(a);
	return NULL;
}
