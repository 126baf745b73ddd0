/* SPDX-License-Identifier: ISC */
/*
 * RadSec (RFC 6614): packets one after the other on TLS connections, with certificates on both sides. A
 * connection that ends comes back by itself, with doubling pauses; what waited on it goes elsewhere at once.
 */
#include "softwire/radius_servers_private.h"

#include <errno.h>
#include <string.h>

#define RADSEC_HEADER 4

static void connect_again(struct radius_socket *k)
{
	uint8_t random[1];
	unsigned ms = k->retry_ms;
	k->retry_ms = MIN(2 * ms, (unsigned)RADIUS_RECONNECT_MAX_MS);
	evutil_secure_rng_get_bytes(random, sizeof(random));
	ms += ms * random[0] / 1024;
	const struct timeval pause = { ms / 1000, ms % 1000 * 1000 };
	event_add(k->retry, &pause);
}

static void on_open(struct stream *stream, const struct identity *peer, void *user)
{
	struct radius_socket *k = user;
	struct radius_servers *s = k->port->servers;
	radius_client_path(s->client, k->port->index, k->path, true, clock_monotonic_ms());
	radius_servers_rearm(s);
}

/* RFC 6613, 2.6.4: what is no packet ends the connection. */
static size_t on_data(struct stream *stream, const uint8_t *data, size_t length, void *user)
{
	struct radius_socket *k = user;
	struct radius_servers *s = k->port->servers;
	size_t taken = 0;
	/* Not when it opened: then a TLS 1.3 server had not judged our certificate yet. */
	k->retry_ms = RADIUS_RECONNECT_MIN_MS;
	k->complained = false;
	while (length - taken >= RADSEC_HEADER) {
		size_t n = (size_t)data[taken + 2] << 8 | data[taken + 3];
		if (n < RADIUS_PACKET_MIN || n > RADIUS_PACKET_MAX) {
			stream_close(stream, "it sent what is no RADIUS packet");
			break;
		}
		if (length - taken < n)
			break;
		if (radius_client_receive(
		            s->client, k->port->index, k->path, data + taken, n, clock_monotonic_ms()) < 0) {
			stream_close(stream, "it sent a malformed RADIUS packet");
			break;
		}
		taken += n;
	}
	radius_servers_rearm(s);
	return taken;
}

static void on_close(struct stream *stream, const char *reason, void *user)
{
	struct radius_socket *k = user;
	struct radius_servers *s = k->port->servers;
	k->stream = NULL;
	if (!k->complained)
		radius_servers_notice(s, "%s: %s; trying again", k->port->config.text, reason);
	k->complained = true;
	radius_client_path(s->client, k->port->index, k->path, false, clock_monotonic_ms());
	radius_servers_rearm(s);
	connect_again(k);
}

static const struct stream_handlers handlers = {
	.on_open = on_open, .on_data = on_data, .on_close = on_close
};

static void on_retry(evutil_socket_t fd, short what, void *user)
{
	struct radius_socket *k = user;
	struct radius_servers *s = k->port->servers;
	const struct tls_target target = { .address = k->port->address,
		.expected_name = k->port->config.tls_name };
	const struct stream_limits limits = STREAM_LIMITS_DEFAULT;
	struct error err;
	if (k->stream) { /* it is silent, and perhaps only the connection is dead */
		stream_close(k->stream, "it does not answer");
		return;
	}
	if (tls_connect(s->base, s->tls, &target, &limits, &handlers, k, &k->stream, &err) == 0)
		return;
	if (!k->complained)
		radius_servers_notice(s, "%s: %s; trying again", k->port->config.text, err.text);
	k->complained = true;
	connect_again(k);
}

int radius_stream_init(struct radius_servers *s, const struct aaa_options *options, struct error *err)
{
	const struct tls_config config = { .ca_path = options->radsec_ca,
		.certificate_path = options->radsec_certificate,
		.key_path = options->radsec_key,
		.foreign = true };
	return tls_context_new(&config, &s->tls, err);
}

void radius_stream_start(struct radius_socket *k)
{
	const struct timeval now = { 0, 0 };
	k->retry_ms = RADIUS_RECONNECT_MIN_MS;
	k->retry = event_new(k->port->servers->base, -1, 0, on_retry, k);
	event_add(k->retry, &now);
}

void radius_stream_renew(struct radius_socket *k)
{
	const struct timeval now = { 0, 0 };
	if (k->stream)
		event_add(k->retry, &now);
}

void radius_stream_stop(struct radius_socket *k)
{
	if (k->retry)
		event_free(k->retry);
	k->stream = stream_free(k->stream);
}

void radius_stream_send(struct radius_socket *k, const uint8_t *bytes, size_t length)
{
	if (k->stream)
		(void)stream_write(k->stream, bytes, length); /* too much that waits ends the stream */
}
