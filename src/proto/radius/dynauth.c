/* SPDX-License-Identifier: ISC */
/* Dynamic authorization: belief, memory, answers. See dynauth.h. */
#include "proto/radius/dynauth.h"

#include "base/table.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

/* What makes a request the same one: who sent it, identifier, Request Authenticator. Not the port: a replay
 * may come from another. */
struct request_key {
	uint8_t client, id;
	uint8_t authenticator[RADIUS_AUTHENTICATOR_SIZE];
};

struct answered {
	struct answered *next; /* the one after it in time */
	struct request_key key;
	time_ms forgotten; /* when its Event-Timestamp is outside of the window for sure */
	size_t length;
	uint8_t answer[];
};

struct radius_dynauth {
	struct radius_dynauth_client clients[RADIUS_DYNAUTH_CLIENTS_MAX];
	size_t n_clients;
	struct table *memory;
	struct answered *oldest, *newest;
	size_t bytes;
	struct radius_dynauth_counters counters;
	struct writer answer;
};

void radius_dynauth_set_clients(
        struct radius_dynauth *d, const struct radius_dynauth_client *clients, size_t n_clients)
{
	d->n_clients = MIN(n_clients, (size_t)RADIUS_DYNAUTH_CLIENTS_MAX);
	if (d->n_clients)
		memcpy(d->clients, clients, d->n_clients * sizeof(*clients));
}

struct radius_dynauth *radius_dynauth_new(const struct radius_dynauth_client *clients, size_t n_clients)
{
	struct radius_dynauth *d = xcalloc(1, sizeof(*d));
	radius_dynauth_set_clients(d, clients, n_clients);
	d->memory = table_new();
	d->answer = wr_make(RADIUS_PACKET_MAX);
	return d;
}

struct radius_dynauth *radius_dynauth_free(struct radius_dynauth *d)
{
	if (!d)
		return NULL;
	table_free(d->memory, free);
	wr_free(&d->answer);
	OPENSSL_cleanse(d, sizeof(*d));
	free(d);
	return NULL;
}

static int find_client(const struct radius_dynauth *d, const struct ip_address *source)
{
	for (size_t i = 0; i < d->n_clients; i++)
		if (ip_equal(&d->clients[i].address, source))
			return (int)i;
	return -ENOENT;
}

static struct request_key key_of(const struct radius_dynauth_request *r)
{
	struct request_key key = { .client = (uint8_t)r->client, .id = r->packet.id };
	memcpy(key.authenticator, r->packet.authenticator, sizeof(key.authenticator));
	return key;
}

static void forget_old(struct radius_dynauth *d, time_ms now)
{
	struct answered *a;
	while ((a = d->oldest) && a->forgotten <= now) {
		d->oldest = a->next;
		if (!d->oldest)
			d->newest = NULL;
		table_remove(d->memory, &a->key, sizeof(a->key));
		d->bytes -= a->length;
		free(a);
	}
}

static bool is_timely(const struct radius_packet *p, time_ms wall)
{
	struct radius_attribute a;
	uint32_t seconds;
	if (!radius_find(p, 0, RADIUS_EVENT_TIMESTAMP, &a) || radius_get_u32(&a, &seconds) < 0)
		return false;
	time_ms age = wall - (time_ms)seconds * 1000;
	return age <= RADIUS_DYNAUTH_WINDOW_MS && age >= -RADIUS_DYNAUTH_WINDOW_MS;
}

static int drop(uint64_t *counter)
{
	++*counter;
	return -EBADMSG;
}

static bool is_full(const struct radius_dynauth *d)
{
	return table_count(d->memory) >= RADIUS_DYNAUTH_MEMORY_MAX ||
	        d->bytes > RADIUS_DYNAUTH_MEMORY_BYTES_MAX - RADIUS_PACKET_MAX;
}

int radius_dynauth_receive(struct radius_dynauth *d, const struct ip_address *source, const void *bytes,
        size_t length, time_ms wall, time_ms monotonic, struct radius_dynauth_request *ret,
        const uint8_t **ret_answer, size_t *ret_length)
{
	struct radius_dynauth_request r = { .monotonic = monotonic };
	int client = find_client(d, source);
	if (client < 0)
		return drop(&d->counters.unknown_client);
	r.client = (unsigned)client;
	if (radius_parse(bytes, length, &r.packet, NULL) < 0 ||
	        (r.packet.code != RADIUS_DISCONNECT_REQUEST && r.packet.code != RADIUS_COA_REQUEST))
		return drop(&d->counters.malformed);
	if (radius_verify_computed(&r.packet, &d->clients[client].secret, true) < 0)
		return drop(&d->counters.forged);
	if (!is_timely(&r.packet, wall))
		return drop(&d->counters.stale);
	forget_old(d, monotonic);
	struct request_key key = key_of(&r);
	const struct answered *before = table_get(d->memory, &key, sizeof(key));
	if (before) {
		d->counters.repeated++;
		*ret_answer = before->answer;
		*ret_length = before->length;
		return 0;
	}
	if (is_full(d))
		return drop(&d->counters.overflow);
	d->counters.requests++;
	*ret = r;
	return 1;
}

static void remember(struct radius_dynauth *d, const struct radius_dynauth_request *r)
{
	struct answered *a = xmalloc(sizeof(*a) + d->answer.length);
	*a = (struct answered){ .key = key_of(r),
		.forgotten = r->monotonic + 2 * RADIUS_DYNAUTH_WINDOW_MS,
		.length = d->answer.length };
	memcpy(a->answer, d->answer.data, d->answer.length);
	d->bytes += a->length;
	if (d->newest)
		d->newest->next = a;
	else
		d->oldest = a;
	d->newest = a;
	table_set(d->memory, &a->key, sizeof(a->key), a);
}

void radius_dynauth_answer(struct radius_dynauth *d, const struct radius_dynauth_request *request,
        uint32_t error_cause, const uint8_t **ret_answer, size_t *ret_length)
{
	static const uint8_t none[RADIUS_AUTHENTICATOR_SIZE];
	const struct radius_packet *p = &request->packet;
	bool disconnect = p->code == RADIUS_DISCONNECT_REQUEST;
	uint8_t ack = disconnect ? RADIUS_DISCONNECT_ACK : RADIUS_COA_ACK;
	struct writer *w = &d->answer;
	struct radius_attribute a;
	wr_reset(w);
	radius_write_header(w, error_cause ? ack + 1 : ack, p->id, none);
	radius_write_message_authenticator(w);
	if (error_cause)
		radius_write_u32(w, RADIUS_ERROR_CAUSE, error_cause);
	for (struct radius_walk walk = radius_begin(p); radius_next(&walk, &a);)
		if (!a.vendor && a.type == RADIUS_PROXY_STATE)
			radius_write(w, RADIUS_PROXY_STATE, a.value, a.length);
	/* It fits: what is added here stands in every request that was believed, with the same length. */
	if (radius_sign_response(w, p->authenticator, &d->clients[request->client].secret) < 0)
		abort();
	remember(d, request);
	*ret_answer = w->data;
	*ret_length = w->length;
}

void radius_dynauth_get_counters(const struct radius_dynauth *d, struct radius_dynauth_counters *ret)
{
	*ret = d->counters;
}
