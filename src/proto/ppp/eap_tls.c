/* SPDX-License-Identifier: ISC */
/*
 * EAP-TLS. A peer that waits for the rest of a fragmented message acknowledges each fragment with an empty
 * Response; its own message goes out in pieces, each after the server's empty Request. A fatal alert of ours
 * goes out as the last Response and the server answers it with a Failure, so that it can log why.
 */
#include "proto/ppp/eap_tls.h"
#include "proto/ppp/ppp.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#define FLAG_LENGTH 0x80
#define FLAG_MORE 0x40
#define FLAG_START 0x20
#define HEADER_SIZE 2 /* type, flags */
#define LENGTH_SIZE 4

struct ppp_eap_tls {
	SSL_CTX *context;
	char *server_name;
};

struct ppp_eap_tls_peer {
	SSL *ssl;
	BIO *in, *out;      /* belong to ssl */
	size_t announced;   /* what the first fragment said; 0: nothing */
	size_t received;    /* of this group of messages */
	struct writer send; /* our message, and how far it is out */
	size_t sent;
	bool fragmenting; /* more of ours follows the next empty Request */
	bool started, finished, committed, failed;
};

static int fail(SSL_CTX *context, struct error *err, const char *what, const char *path)
{
	char text[160];
	ERR_error_string_n(ERR_get_error(), text, sizeof(text));
	ERR_clear_error();
	SSL_CTX_free(context);
	return error_set(err, -EINVAL, "%s: %s cannot be used for EAP-TLS: %s", path, what, text);
}

static int load(SSL_CTX *context, const char *certificate, const char *key, const char *ca, struct error *err)
{
	if (SSL_CTX_use_certificate_chain_file(context, certificate) != 1)
		return fail(context, err, "the certificate", certificate);
	if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1 ||
	        SSL_CTX_check_private_key(context) != 1)
		return fail(context, err, "the private key", key);
	if (SSL_CTX_load_verify_file(context, ca) != 1)
		return fail(context, err, "the CA's certificate", ca);
	return 0;
}

struct ppp_eap_tls *ppp_eap_tls_new(
        const char *certificate, const char *key, const char *ca, const char *server_name, struct error *err)
{
	if (!server_name || !*server_name) {
		(void)error_set(err, -EINVAL,
		        "EAP-TLS needs the name of the authentication server, which its certificate must "
		        "have");
		return NULL;
	}
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	if (!context) {
		(void)error_set(err, -ENOMEM, "OpenSSL gives no TLS context");
		return NULL;
	}
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	if (load(context, certificate, key, ca, err) < 0)
		return NULL;
	struct ppp_eap_tls *tls = xcalloc(1, sizeof(*tls));
	tls->context = context;
	tls->server_name = xstrdup(server_name);
	return tls;
}

struct ppp_eap_tls *ppp_eap_tls_free(struct ppp_eap_tls *tls)
{
	if (!tls)
		return NULL;
	SSL_CTX_free(tls->context);
	free(tls->server_name);
	free(tls);
	return NULL;
}

struct ppp_eap_tls_peer *ppp_eap_tls_peer_new(const struct ppp_eap_tls *tls)
{
	struct ppp_eap_tls_peer *peer = xcalloc(1, sizeof(*peer));
	peer->send = wr_make(EAP_TLS_MESSAGE_MAX);
	peer->ssl = SSL_new(tls->context);
	peer->in = BIO_new(BIO_s_mem());
	peer->out = BIO_new(BIO_s_mem());
	if (!peer->ssl || !peer->in || !peer->out) {
		BIO_free(peer->in);
		BIO_free(peer->out);
		SSL_free(peer->ssl);
		free(peer);
		return NULL;
	}
	BIO_set_mem_eof_return(peer->in, -1);
	SSL_set_bio(peer->ssl, peer->in, peer->out);
	SSL_set_connect_state(peer->ssl);
	X509_VERIFY_PARAM_set_hostflags(SSL_get0_param(peer->ssl), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (SSL_set1_host(peer->ssl, tls->server_name) != 1)
		return ppp_eap_tls_peer_free(peer);
	return peer;
}

struct ppp_eap_tls_peer *ppp_eap_tls_peer_free(struct ppp_eap_tls_peer *peer)
{
	if (!peer)
		return NULL;
	SSL_free(peer->ssl);
	wr_free(&peer->send);
	free(peer);
	return NULL;
}

/* RFC 9190, 2.5: one byte 0x00 of application data is the server's commitment to send nothing more of the
 * handshake. */
static bool read_commitment(struct ppp_eap_tls_peer *peer)
{
	uint8_t bytes[16];
	int n = SSL_read(peer->ssl, bytes, sizeof(bytes));
	if (n == 1 && bytes[0] == 0) {
		peer->committed = true;
		return true;
	}
	if (n > 0)
		return false;
	int reason = SSL_get_error(peer->ssl, n);
	return reason == SSL_ERROR_WANT_READ;
}

/* The server's whole message is in: what does OpenSSL say to it? */
static void work(struct ppp_eap_tls_peer *peer)
{
	if (!peer->finished) {
		int n = SSL_do_handshake(peer->ssl);
		peer->finished = n == 1;
		if (n != 1 && SSL_get_error(peer->ssl, n) != SSL_ERROR_WANT_READ)
			peer->failed = true;
	}
	if (peer->finished && !peer->failed && SSL_version(peer->ssl) >= TLS1_3_VERSION &&
	        !read_commitment(peer))
		peer->failed = true;
	ERR_clear_error();
	char *bytes;
	long n = BIO_get_mem_data(peer->out, &bytes);
	wr_reset(&peer->send);
	peer->sent = 0;
	if (n > 0)
		wr_bytes(&peer->send, bytes, (size_t)n);
	(void)BIO_reset(peer->out);
}

/* The next piece of our message; the whole length goes with the first of several (RFC 5216, 3.1). */
static void write_piece(struct ppp_eap_tls_peer *peer, size_t most, struct writer *response)
{
	size_t left = peer->send.length - peer->sent;
	bool whole = left + HEADER_SIZE <= most, first = peer->sent == 0 && !whole;
	size_t room = most - HEADER_SIZE - (first ? LENGTH_SIZE : 0), n = MIN(left, room);
	wr_u8(response, PPP_EAP_TLS);
	wr_u8(response, (uint8_t)((first ? FLAG_LENGTH : 0) | (n < left ? FLAG_MORE : 0)));
	if (first)
		wr_u32(response, (uint32_t)left);
	wr_bytes(response, peer->send.data + peer->sent, n);
	peer->sent += n;
	peer->fragmenting = n < left;
}

static int take_fragment(struct ppp_eap_tls_peer *peer, uint8_t flags, struct reader *r)
{
	if (flags & FLAG_LENGTH) {
		size_t announced = rd_u32(r);
		if (rd_failed(r) || announced > EAP_TLS_MESSAGE_MAX ||
		        (peer->received && announced != peer->announced))
			return -EPROTO;
		peer->announced = announced;
	}
	size_t n = rd_left(r);
	if (n > EAP_TLS_MESSAGE_MAX - peer->received ||
	        (peer->announced && peer->received + n > peer->announced))
		return -EPROTO;
	if (n && BIO_write(peer->in, r->at, (int)n) != (int)n)
		return -ENOMEM;
	peer->received += n;
	return 0;
}

int ppp_eap_tls_peer_receive(struct ppp_eap_tls_peer *peer, const uint8_t *data, size_t length, size_t most,
        struct writer *response)
{
	struct reader r = rd_make(data, length);
	uint8_t flags = rd_u8(&r);
	if (rd_failed(&r) || !!(flags & FLAG_START) == peer->started)
		return -EPROTO;
	peer->started = true;
	if (peer->fragmenting) {
		if (rd_left(&r)) /* it must be the empty acknowledgement of our fragment */
			return -EPROTO;
		write_piece(peer, most, response);
		return 0;
	}
	if (!(flags & FLAG_START)) {
		int e = take_fragment(peer, flags, &r);
		if (e < 0)
			return e;
		if (flags & FLAG_MORE) {
			wr_u8(response, PPP_EAP_TLS);
			wr_u8(response, 0);
			return 0;
		}
	}
	peer->received = peer->announced = 0;
	bool failed_before = peer->failed;
	work(peer);
	if (peer->failed && (failed_before || peer->send.length == 0))
		return -EPERM;
	write_piece(peer, most, response);
	return 0;
}

bool ppp_eap_tls_peer_is_complete(const struct ppp_eap_tls_peer *peer)
{
	return peer->finished && !peer->failed &&
	        (SSL_version(peer->ssl) < TLS1_3_VERSION || peer->committed) && !peer->fragmenting;
}

bool ppp_eap_tls_peer_distrusts(const struct ppp_eap_tls_peer *peer)
{
	return SSL_get_verify_result(peer->ssl) != X509_V_OK;
}
