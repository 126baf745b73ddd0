/* SPDX-License-Identifier: ISC */
/* A stream's TLS part, and words for what goes wrong in it. */
#include "net/tls.h"

#include "crypto/openssl.h"
#include "net/tls_internal.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What the peer's alert (RFC 8446 6.2) means for the person who reads it. */
static const struct {
	int reason;
	const char *words;
} alert_words[] = {
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, "the peer says that our certificate has expired" },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED, "the peer says that our certificate is revoked" },
	{ SSL_R_TLSV1_ALERT_UNKNOWN_CA, "the peer does not know the CA of our certificate" },
	{ SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, "the peer does not accept our certificate" },
	{ SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE,
	        "the peer says that our certificate is not for this use" },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, "the peer does not accept our certificate" },
	{ SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE,
	        "the peer refuses us: our certificate's role or name is not for it" },
	{ SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, "the peer demands a certificate, and we have none" },
	{ SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, "the peer does not speak TLS 1.3" },
	{ SSL_R_UNSUPPORTED_PROTOCOL, "the peer does not speak TLS 1.3" },
	{ SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, "the peer has no certificate" },
	{ SSL_R_UNEXPECTED_EOF_WHILE_READING, "the peer closed the connection without a goodbye" },
	{ SSL_R_HTTP_REQUEST, "the peer speaks plain HTTP, not TLS" },
	{ SSL_R_WRONG_VERSION_NUMBER, "the peer does not speak TLS" },
};

/* A peer that refuses us sends an alert and closes; if we were just writing, that is all we notice at first.
 */
static void read_alert(SSL *ssl, int error_number)
{
	char byte;
	if (error_number == EPIPE || error_number == ECONNRESET)
		(void)SSL_read(ssl, &byte, 1);
}

void tls_failure_text(SSL *ssl, int result, int error_number, struct error *err)
{
	int kind = SSL_get_error(ssl, result);
	if (kind == SSL_ERROR_SYSCALL)
		read_alert(ssl, error_number);
	unsigned long code = ERR_peek_error();
	const struct tls_verification *v = tls_verification_of(ssl);
	const char *words = NULL;
	for (size_t i = 0; ERR_GET_LIB(code) == ERR_LIB_SSL && i < ARRAY_LENGTH(alert_words); i++)
		if (alert_words[i].reason == ERR_GET_REASON(code))
			words = alert_words[i].words;
	if (v && v->reason[0])
		words = v->reason;
	else if (!words && code)
		words = ERR_reason_error_string(code);
	if (words)
		error_set(err, 0, "TLS: %s", words);
	else if (kind == SSL_ERROR_SYSCALL && error_number)
		error_set(err, 0, "TLS: %s", strerror(error_number));
	else
		error_set(err, 0, "TLS: the peer closed the connection without a goodbye");
	openssl_forget_errors();
}

/* Sorts a result out: -EAGAIN with the events to wait for, or the failure: -EPROTO where an alert has been
 * written or read, -EPIPE where the connection is at its end. */
static int sort_out(SSL *ssl, int result, int error_number, short *ret_events, struct error *err)
{
	switch (SSL_get_error(ssl, result)) {
	case SSL_ERROR_WANT_READ:
		*ret_events = EV_READ;
		return -EAGAIN;
	case SSL_ERROR_WANT_WRITE:
		*ret_events = EV_WRITE;
		return -EAGAIN;
	case SSL_ERROR_SSL:
		tls_failure_text(ssl, result, error_number, err);
		return -EPROTO;
	default:
		tls_failure_text(ssl, result, error_number, err);
		return -EPIPE;
	}
}

/* For an open stream. */
static int sort_out_open(struct stream *s, int result, int error_number, short *ret_events)
{
	struct error err;
	int r = sort_out(s->ssl, result, error_number, ret_events, &err);
	if (r != -EAGAIN)
		stream_fail(s, "%s", err.text);
	return r;
}

/* As far as it goes, by any thread: 1, or as sort_out(). */
static int shake(SSL *ssl, short *ret_events, struct error *err)
{
	ERR_clear_error();
	errno = 0;
	int r = SSL_do_handshake(ssl);
	return r == 1 ? 1 : sort_out(ssl, r, errno, ret_events, err);
}

/* What came of it, by the loop's. */
static int take_shake(struct stream *s, int result, const struct error *err)
{
	if (result == -EAGAIN)
		return 0;
	if (result == -EPROTO)
		stream_refuse(s, err->text);
	else if (result < 0)
		stream_fail(s, "%s", err->text);
	if (result < 0)
		return result;
	const struct tls_verification *v = tls_verification_of(s->ssl);
	s->has_peer = v->has_peer;
	s->peer = v->peer;
	if (s->tls)
		tls_context_check_late(s->tls, s);
	return 1;
}

int tls_stream_handshake(struct stream *s, short *ret_events)
{
	struct error err;
	return take_shake(s, shake(s->ssl, ret_events, &err), &err);
}

/* ---- by a worker ---- */

struct tls_handshake {
	struct work work; /* first: the pointers are the same */
	struct stream *stream;
	SSL *ssl;
	int result;
	short events;
	struct error err;
};

static void run_handshake(struct work *work)
{
	struct tls_handshake *h = (struct tls_handshake *)work;
	h->result = shake(h->ssl, &h->events, &h->err);
}

static void handshake_done(struct work *work)
{
	struct tls_handshake *h = (struct tls_handshake *)work;
	struct stream *s = h->stream;
	s->shaking = NULL;
	int result = s->state == STREAM_HANDSHAKE ? take_shake(s, h->result, &h->err) : -EPIPE;
	short events = h->events;
	free(h);
	stream_hands_shaken(s, result, events);
}

void tls_stream_handshake_elsewhere(struct stream *s)
{
	struct tls_handshake *h = xcalloc(1, sizeof(*h));
	*h = (struct tls_handshake){ .work = { run_handshake, handshake_done }, .stream = s, .ssl = s->ssl };
	s->shaking = h;
	workers_submit(s->workers, &h->work);
}

bool tls_stream_recall(struct stream *s)
{
	if (!workers_cancel(s->workers, &s->shaking->work))
		return false;
	free(s->shaking);
	s->shaking = NULL;
	return true;
}

ssize_t tls_stream_read(struct stream *s, void *data, size_t size, short *ret_events)
{
	ERR_clear_error();
	errno = 0;
	int r = SSL_read(s->ssl, data, (int)size);
	if (r > 0)
		return r;
	if (SSL_get_error(s->ssl, r) == SSL_ERROR_ZERO_RETURN)
		return 0;
	return sort_out_open(s, r, errno, ret_events);
}

ssize_t tls_stream_send(struct stream *s, const void *data, size_t length, short *ret_events)
{
	ERR_clear_error();
	errno = 0;
	int r = SSL_write(s->ssl, data, (int)length);
	return r > 0 ? r : sort_out_open(s, r, errno, ret_events);
}

void tls_stream_goodbye(struct stream *s)
{
	(void)SSL_shutdown(s->ssl);
	openssl_forget_errors();
}

void tls_stream_forget(struct stream *s)
{
	if (s->tls)
		LIST_REMOVE(s, of_tls);
	s->tls = NULL;
}

void tls_stream_detach(struct stream *s)
{
	SSL_free(s->ssl);
	s->ssl = NULL;
}

static int start(struct event_base *base, struct tls_context *t, int fd, bool connecting,
        const char *expected_name, const struct stream_limits *limits, const struct stream_handlers *handlers,
        void *user, struct stream **ret, struct error *err)
{
	SSL *ssl = tls_context_ssl(t, expected_name);
	BIO *bio = socket_bio_new(fd);
	if (!ssl || !bio) {
		SSL_free(ssl);
		BIO_free(bio);
		close(fd);
		return openssl_error(err, -ENOMEM, "TLS: cannot begin");
	}
	SSL_set_bio(ssl, bio, bio);
	struct stream *s = stream_new(base, fd, ssl, connecting, limits, handlers, user);
	s->tls = t;
	LIST_INSERT_HEAD(tls_context_streams(t), s, of_tls);
	*ret = s;
	return 0;
}

static void name_peer(struct stream *s, const struct sockaddr *address)
{
	struct ip_address ip;
	uint16_t port;
	char text[IP_TEXT_SIZE];
	if (ip_from_sockaddr(address, &ip, &port) < 0)
		snprintf(s->peer_text, sizeof(s->peer_text), "socket");
	else
		snprintf(s->peer_text, sizeof(s->peer_text), ip_is_v4(&ip) ? "%s:%u" : "[%s]:%u",
		        ip_format(&ip, text), port);
}

int tls_connect(struct event_base *base, struct tls_context *t, const struct tls_target *target,
        const struct stream_limits *limits, const struct stream_handlers *handlers, void *user,
        struct stream **ret, struct error *err)
{
	bool connecting = false;
	const struct sockaddr *address = (const struct sockaddr *)&target->address;
	int fd = socket_connect(address, socket_address_length(&target->address), target->local,
	        target->interface, &connecting, err);
	if (fd < 0)
		return fd;
	int r = start(base, t, fd, connecting, target->expected_name, limits, handlers, user, ret, err);
	if (r == 0)
		name_peer(*ret, address);
	return r;
}

int tls_stream_over_socket(struct event_base *base, struct tls_context *t, int fd, const char *expected_name,
        const struct stream_limits *limits, const struct stream_handlers *handlers, void *user,
        struct stream **ret, struct error *err)
{
	struct sockaddr_storage address = { 0 };
	socklen_t length = sizeof(address);
	(void)evutil_make_socket_nonblocking(fd);
	int r = start(base, t, fd, false, expected_name, limits, handlers, user, ret, err);
	if (r == 0) {
		(void)getpeername(fd, (struct sockaddr *)&address, &length);
		name_peer(*ret, (struct sockaddr *)&address);
	}
	return r;
}

int tls_stream_exporter(struct stream *s, uint8_t ret[TLS_EXPORTER_SIZE])
{
	static const char label[] = "EXPORTER-Channel-Binding";
	if (!s->ssl || !SSL_is_init_finished(s->ssl) ||
	        SSL_export_keying_material(
	                s->ssl, ret, TLS_EXPORTER_SIZE, label, sizeof(label) - 1, NULL, 0, 1) != 1) {
		openssl_forget_errors();
		return -ENOTCONN;
	}
	return 0;
}

X509 *tls_stream_peer_certificate(const struct stream *s)
{
	return s->ssl ? SSL_get0_peer_certificate(s->ssl) : NULL;
}
