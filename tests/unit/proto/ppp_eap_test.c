/* SPDX-License-Identifier: ISC */
/* EAP through our authenticator, between our peer and a scripted authentication server. */
#include "crypto/x509.h"
#include "proto/ppp/eap_tls.h"
#include "proto/ppp/mschapv2.h"
#include "tests/unit/directory.h"
#include "tests/unit/proto/ppp_line.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>

/* The authentication server: gets Responses, says Requests. */
struct server {
	enum ppp_eap_type offers[3]; /* what it asks for, one after the other until one is not nak'ed */
	unsigned offered;
	uint8_t id;
	uint8_t challenge[16];
	uint8_t nak[8]; /* the peer's */
	size_t n_nak;
	unsigned accepted;
	bool lie; /* says Success without a proof of its own */
	SSL_CTX *context;
	SSL *ssl;
	BIO *in, *out;
	bool handshaken;
	struct writer send;
	size_t sent, fragment;
};

static void answer_eap(
        struct line_end *end, enum ppp_verdict verdict, uint8_t code, const void *body, size_t n)
{
	struct server *s = end->context;
	uint8_t packet[PPP_FRAME_MAX] = { code, s->id, (uint8_t)((4 + n) >> 8), (uint8_t)(4 + n) };
	if (n)
		memcpy(packet + 4, body, n);
	struct ppp_auth_answer answer = { .verdict = verdict, .eap = packet, .eap_length = 4 + n };
	s->accepted += verdict == PPP_ACCEPT;
	assert_int_equal(ppp_answer(end->link, end->request, &answer, end->line->now), 0);
}

static void ask(struct line_end *end, const void *body, size_t n)
{
	((struct server *)end->context)->id++;
	answer_eap(end, PPP_CHALLENGE, 1, body, n);
}

static void finish(struct line_end *end, bool good)
{
	answer_eap(end, good ? PPP_ACCEPT : PPP_REJECT, good ? 3 : 4, NULL, 0);
}

static void offer(struct line_end *end)
{
	struct server *s = end->context;
	enum ppp_eap_type type = s->offers[s->offered++];
	uint8_t md5[17 + 5] = { 4, 16 }, mschap[6 + 16 + 4] = { 26, 1, 9, 0, 25, 16 };
	memset(s->challenge, 'c', sizeof(s->challenge));
	memcpy(md5 + 2, s->challenge, 16);
	memset(md5 + 18, 's', 4);
	memcpy(mschap + 6, s->challenge, 16);
	memset(mschap + 22, 's', 4);
	if (type == PPP_EAP_MD5)
		ask(end, md5, sizeof(md5));
	else if (type == PPP_EAP_MSCHAPV2)
		ask(end, mschap, sizeof(mschap));
	else if (type == PPP_EAP_TLS)
		ask(end, "\x0d\x20", 2);
	else
		finish(end, false);
}

static void on_mschap(struct line_end *end, const uint8_t *body, size_t n)
{
	struct server *s = end->context;
	uint8_t expected[49], proof[20], success[4 + 42 + 8] = { 26, 3, 9, 0 };
	char message[PPP_MSCHAP_MESSAGE_SIZE];
	if (n == 2) { /* the peer acknowledges the result */
		finish(end, body[1] == 3);
		return;
	}
	assert_int_equal(body[1], 2);
	assert_int_equal(body[3] << 8 | body[4], n - 1);
	assert_int_equal(body[5], 49);
	assert_memory_equal(body + 55, "carol", 5);
	assert_true(ppp_mschapv2_respond("carol", end->password, s->challenge, body + 6, expected, proof));
	ppp_mschapv2_message(proof, message);
	if (s->lie)
		message[5] ^= 1;
	if (memcmp(expected + 24, body + 6 + 24, 24) == 0 || s->lie) {
		success[4] = (uint8_t)(4 + 42);
		memcpy(success + 5, message, 42);
		ask(end, success, 5 + 42);
	} else {
		static const char failure[] = "\x1a\4\x9\0\x1b"
		                              "E=691 R=0 C=00 V=3 M=no";
		ask(end, failure, sizeof(failure) - 1);
	}
}

static void on_md5(struct line_end *end, const struct ppp_auth_request *request)
{
	struct server *s = end->context;
	uint8_t expected[16];
	assert_int_equal(request->eap[5], 16);
	assert_true(ppp_chap_md5(s->id, end->password, s->challenge, 16, expected));
	finish(end, memcmp(expected, request->eap + 6, 16) == 0);
}

/* The next fragment of the server's message; an empty one acknowledges. */
static void send_tls(struct line_end *end)
{
	struct server *s = end->context;
	uint8_t body[PPP_FRAME_MAX] = { 13, 0 };
	size_t left = s->send.length - s->sent, n = MIN(left, s->fragment), at = 2;
	if (s->sent == 0 && n < left) {
		body[1] |= 0x80;
		body[4] = (uint8_t)(left >> 8);
		body[5] = (uint8_t)left;
		at = 6;
	}
	if (n < left)
		body[1] |= 0x40;
	if (n)
		memcpy(body + at, s->send.data + s->sent, n);
	s->sent += n;
	ask(end, body, at + n);
}

static void take_output(struct server *s)
{
	char *bytes;
	long n = BIO_get_mem_data(s->out, &bytes);
	wr_reset(&s->send);
	s->sent = 0;
	if (n > 0)
		wr_bytes(&s->send, bytes, (size_t)n);
	(void)BIO_reset(s->out);
}

static void on_tls(struct line_end *end, const uint8_t *body, size_t n)
{
	struct server *s = end->context;
	size_t at = body[1] & 0x80 ? 6 : 2;
	if (s->sent < s->send.length) { /* it acknowledged a fragment of ours */
		assert_int_equal(n, 2);
		send_tls(end);
		return;
	}
	BIO_write(s->in, body + at, (int)(n - at));
	if (body[1] & 0x40) {
		wr_reset(&s->send);
		s->sent = 0;
		send_tls(end);
		return;
	}
	if (s->handshaken && n == 2) {
		finish(end, true);
		return;
	}
	int r = SSL_do_handshake(s->ssl);
	if (r == 1) {
		s->handshaken = true;
		if (SSL_version(s->ssl) >= TLS1_3_VERSION && !s->lie)
			assert_int_equal(SSL_write(s->ssl, "", 1), 1);
	}
	bool failed = r != 1 && SSL_get_error(s->ssl, r) != SSL_ERROR_WANT_READ;
	take_output(s);
	if (failed && s->send.length == 0)
		finish(end, false);
	else
		send_tls(end);
}

static void on_response(struct line_end *end, const struct ppp_auth_request *request)
{
	struct server *s = end->context;
	const uint8_t *body = request->eap + 4;
	size_t n = request->eap_length - 4;
	assert_int_equal(request->method, PPP_EAP);
	assert_string_equal(request->user, "carol");
	assert_int_equal(request->eap[0], 2);
	assert_int_equal(request->eap[2] << 8 | request->eap[3], request->eap_length);
	if (body[0] == 1) {
		s->id = request->eap[1];
		offer(end);
	} else if (body[0] == 3) {
		s->n_nak = n - 1;
		memcpy(s->nak, body + 1, MIN(n - 1, sizeof(s->nak)));
		offer(end);
	} else if (body[0] == 26) {
		on_mschap(end, body, n);
	} else if (body[0] == 4) {
		on_md5(end, request);
	} else if (s->ssl) {
		on_tls(end, body, n);
	} else {
		fail();
	}
}

/* A line where the concentrator demands EAP, the server offers one type and the initiator has it. */
static struct line *eap_line(uint64_t seed, struct server *s, enum ppp_eap_type type)
{
	struct line *line = line_new(seed);
	line_demand(line, 1, PPP_EAP);
	line->ends[0].config.eap[0] = type;
	line->ends[0].config.n_eap = 1;
	line->ends[1].on_request = on_response;
	line->ends[1].context = s;
	s->offers[0] = type;
	s->fragment = 1000;
	return line;
}

static const enum ppp_eap_type password_types[] = { PPP_EAP_MD5, PPP_EAP_MSCHAPV2 };

static void passwords_are_proven(void **state)
{
	for (size_t i = 0; i < ARRAY_LENGTH(password_types); i++)
		for (unsigned wrong = 0; wrong < 2; wrong++) {
			struct server s = { .n_nak = 0 };
			LINE line = eap_line(i + 1, &s, password_types[i]);
			if (wrong)
				(void)snprintf(line->ends[0].secret.password, 16, "guess");
			line_up(line);
			line_run(line, wrong ? 2000 : 200);
			assert_int_equal(line->ends[0].ipv4 && line->ends[1].ipv6, !wrong);
			assert_string_equal(line->ends[1].user, wrong ? "" : "carol");
			assert_int_equal(line->ends[0].end, wrong ? PPP_END_REFUSED : 0);
			assert_int_equal(line->ends[1].end, wrong ? PPP_END_AUTH_FAILED : 0);
			if (wrong && password_types[i] == PPP_EAP_MSCHAPV2)
				assert_memory_equal(line->ends[0].message, "E=691 R=0", 9);
		}
}

static void server_must_prove_itself_by_mschapv2(void **state)
{
	struct server s = { .lie = true };
	LINE line = eap_line(1, &s, PPP_EAP_MSCHAPV2);
	line_up(line);
	line_run(line, 5000);
	assert_int_equal(line->ends[0].end, PPP_END_AUTH_FAILED);
	assert_false(line->ends[0].network);
	assert_int_equal(s.accepted, 0);
}

static void unwanted_types_are_nakked(void **state)
{
	struct server s = { .n_nak = 0 };
	LINE line = eap_line(2, &s, PPP_EAP_MD5);
	line->ends[0].config.eap[0] = PPP_EAP_MSCHAPV2;
	line->ends[0].config.eap[1] = PPP_EAP_TLS; /* without a certificate it cannot be meant */
	line->ends[0].config.n_eap = 2;
	s.offers[1] = PPP_EAP_TLS;
	s.offers[2] = PPP_EAP_MSCHAPV2;
	line_up(line);
	line_run(line, 300);
	assert_int_equal(s.n_nak, 1);
	assert_int_equal(s.nak[0], PPP_EAP_MSCHAPV2);
	assert_true(line->ends[0].ipv4);
}

static void nothing_in_common_ends(void **state)
{
	struct server s = { .n_nak = 0 };
	LINE line = eap_line(2, &s, PPP_EAP_MD5);
	line->ends[0].config.n_eap = 0;
	line_up(line);
	line_run(line, 3000);
	assert_int_equal(s.nak[0], 0);
	assert_int_equal(line->ends[0].end, PPP_END_REFUSED);
}

static void unprotected_links_run_no_md5(void **state)
{
	for (unsigned side = 0; side < 2; side++) {
		struct server s = { .n_nak = 0 };
		LINE line = eap_line(2, &s, PPP_EAP_MD5);
		line->ends[side].parameters.is_protected = false;
		line_up(line);
		line_run(line, 3000);
		assert_false(line->ends[0].network || line->ends[1].network);
		if (side == 0)
			assert_int_equal(s.nak[0], 0);
		else
			assert_int_equal(line->ends[1].end, PPP_END_UNPROTECTED);
	}
}

static void lossy_lines_authenticate_too(void **state)
{
	unsigned networks = 0;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct server s = { .n_nak = 0 };
		LINE line = eap_line(seed, &s, password_types[seed % 2]);
		line->loss = 15;
		line->repeat = 10;
		line->reorder = 30;
		line_up(line);
		line_run(line, 120000);
		networks += line->ends[0].ipv4 && line->ends[1].ipv6;
	}
	assert_true(networks >= 59);
}

/* Frames of the concentrator's that are changed on their way. */
static bool only_success(struct line *line, unsigned to, uint8_t *frame, size_t *length)
{
	if (to == 0 && frame[0] == 0xc2 && frame[1] == 0x27 && frame[2] == 1 && line->tampered++ > 0) {
		frame[2] = 3; /* a Success instead of the method's Request */
		frame[3]--;
		frame[5] = 4;
		frame[4] = 0;
		*length = 6;
	}
	return true;
}

static void success_without_method_is_not_believed(void **state)
{
	struct server s = { .n_nak = 0 };
	LINE line = eap_line(2, &s, PPP_EAP_MSCHAPV2);
	line->tamper = only_success;
	line->ends[0].config.authentication_ms = 20000;
	line_up(line);
	line_run(line, 10000);
	assert_true(line->tampered > 1);
	assert_false(line->ends[0].network);
	line_run(line, 60000);
	assert_true(line->ends[0].ended);
}

static void lost_success_is_replaced_by_what_follows(void **state)
{
	struct server s = { .n_nak = 0 };
	LINE line = eap_line(2, &s, PPP_EAP_MD5);
	line_up(line);
	while (!line->ends[1].network && line->now < 5000)
		line_run(line, 1);
	/* The Success is on its way, and gets lost. */
	for (size_t i = 0; i < line->n_queue; i++)
		if (line->queue[i].bytes[1] == 0x27)
			line->queue[i] = line->queue[--line->n_queue];
	line_run(line, 10000);
	assert_true(line->ends[0].ipv4 && line->ends[0].ipv6);
}

static void inject(struct line *line, const char *packet, size_t n)
{
	uint8_t frame[64] = { 0xc2, 0x27 };
	memcpy(frame + 2, packet, n);
	line_inject(line, 1, frame, 2 + n);
}

static void authenticator_matches_identifiers(void **state)
{
	struct server s = { .n_nak = 0 };
	LINE line = eap_line(2, &s, PPP_EAP_MD5);
	struct line_end *site = &line->ends[1];
	site->hold_answer = true;
	site->on_request = NULL;
	line_up(line);
	line_run(line, 100);
	assert_int_equal(site->asked, 1); /* about the identity */
	uint32_t request = site->request;
	char packet[] = "\2\0\0\6\4\0";
	for (unsigned id = 0; id < 256; id++) { /* nothing counts while AAA thinks */
		packet[1] = (char)id;
		inject(line, packet, 6);
	}
	assert_int_equal(site->asked, 1);
	struct ppp_auth_answer answer = {
		.verdict = PPP_CHALLENGE, .eap = (const uint8_t *)"\1\x50\0\x9\4\3abc", .eap_length = 9
	};
	assert_int_equal(ppp_answer(site->link, request, &answer, line->now), 0);
	for (unsigned id = 0; id < 256; id++) {
		packet[1] = (char)id;
		if (id != 0x50)
			inject(line, packet, 6);
	}
	assert_int_equal(site->asked, 1);
	inject(line, "\2\x50\0\7\1xy", 7); /* the identity cannot be said twice */
	assert_int_equal(site->asked, 1);
	packet[1] = 0x50;
	inject(line, packet, 6);
	inject(line, packet, 6);
	assert_int_equal(site->asked, 2);
	answer.eap_length = 8; /* AAA contradicts itself: that is a rejection */
	assert_int_equal(ppp_answer(site->link, site->request, &answer, line->now), -EINVAL);
	line_run(line, 3000);
	assert_int_equal(site->end, PPP_END_AUTH_FAILED);
}

static char *folder;
static struct error err;

static const char *path(const char *name)
{
	static char paths[4][128];
	static unsigned next;
	char *p = paths[next++ % 4];
	(void)snprintf(p, sizeof(paths[0]), "%s/%s", folder, name);
	return p;
}

static int make_certificates(void **state)
{
	folder = directory_make();
	return ca_init(path("ca"), "site", KEY_P256, &err) ||
	        ca_issue(path("ca"), ROLE_SERVER, "aaa.test", NULL, KEY_P256, 30, folder, &err) ||
	        ca_issue(path("ca"), ROLE_NODE, "carol.test", NULL, KEY_P256, 30, folder, &err) ||
	        ca_init(path("other"), "other", KEY_P256, &err);
}

static int remove_certificates(void **state)
{
	directory_remove(folder);
	return 0;
}

static void server_tls(struct server *s, int version)
{
	s->context = SSL_CTX_new(TLS_server_method());
	assert_int_equal(SSL_CTX_use_certificate_chain_file(s->context, path("aaa.test.pem")), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey_file(s->context, path("aaa.test.key"), SSL_FILETYPE_PEM), 1);
	assert_int_equal(SSL_CTX_load_verify_file(s->context, path("ca/ca.pem")), 1);
	SSL_CTX_set_verify(s->context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_max_proto_version(s->context, version);
	s->ssl = SSL_new(s->context);
	s->in = BIO_new(BIO_s_mem());
	s->out = BIO_new(BIO_s_mem());
	BIO_set_mem_eof_return(s->in, -1);
	SSL_set_bio(s->ssl, s->in, s->out);
	SSL_set_accept_state(s->ssl);
	s->send = wr_make(1 << 16);
}

static void server_free(struct server *s)
{
	SSL_free(s->ssl);
	SSL_CTX_free(s->context);
	wr_free(&s->send);
}

struct tls_case {
	const char *ca, *name;
	size_t fragment;
	int version;
	unsigned loss;
	enum ppp_end end; /* 0: it goes well */
	uint16_t mru;
	bool lie;
};

static void run_tls(const struct tls_case *c)
{
	struct server s CLEANUP(server_free) = { .lie = c->lie };
	LINE line = eap_line(11, &s, PPP_EAP_TLS);
	server_tls(&s, c->version);
	struct ppp_eap_tls *tls =
	        ppp_eap_tls_new(path("carol.test.pem"), path("carol.test.key"), path(c->ca), c->name, &err);
	assert_non_null(tls);
	line->ends[0].config.tls = tls;
	line->ends[0].parameters.is_protected = line->ends[1].parameters.is_protected = false;
	line->ends[1].parameters.mru = c->mru;
	line->loss = c->loss;
	line->ends[0].config.authentication_ms = c->lie ? 10000 : 0;
	s.fragment = c->fragment;
	line_up(line);
	line_run(line, c->loss ? 100000 : 20000);
	if (c->end) {
		assert_false(line->ends[0].network);
		assert_int_equal(line->ends[0].end, c->end);
	} else {
		assert_true(line->ends[0].ipv4 && line->ends[1].ipv6);
		assert_int_equal(s.accepted, 1);
	}
	line->ends[0].link = ppp_link_free(line->ends[0].link);
	ppp_eap_tls_free(tls);
}

static void certificates_are_proven(void **state)
{
	static const struct tls_case cases[] = {
		{ "ca/ca.pem", "aaa.test", 1000, TLS1_2_VERSION, 0, 0, 1400, false },
		{ "ca/ca.pem", "aaa.test", 1000, TLS1_3_VERSION, 0, 0, 1400, false },
		{ "ca/ca.pem", "aaa.test", 100, TLS1_3_VERSION, 0, 0, 576, false },
		{ "ca/ca.pem", "aaa.test", 100, TLS1_2_VERSION, 10, 0, 576, false },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
		run_tls(&cases[i]);
}

static void false_servers_are_refused(void **state)
{
	static const struct tls_case cases[] = {
		{ "other/ca.pem", "aaa.test", 1000, TLS1_2_VERSION, 0, PPP_END_AUTH_FAILED, 1400, false },
		{ "other/ca.pem", "aaa.test", 1000, TLS1_3_VERSION, 0, PPP_END_AUTH_FAILED, 1400, false },
		{ "ca/ca.pem", "other.test", 1000, TLS1_2_VERSION, 0, PPP_END_AUTH_FAILED, 1400, false },
		{ "ca/ca.pem", "test", 1000, TLS1_3_VERSION, 0, PPP_END_AUTH_FAILED, 1400, false },
		/* TLS 1.3 without the commitment of RFC 9190: the Success is not believed. */
		{ "ca/ca.pem", "aaa.test", 1000, TLS1_3_VERSION, 0, PPP_END_AUTH_TIMEOUT, 1400, true },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
		run_tls(&cases[i]);
}

static void server_may_refuse_our_certificate(void **state)
{
	struct server s CLEANUP(server_free) = { .n_nak = 0 };
	LINE line = eap_line(11, &s, PPP_EAP_TLS);
	server_tls(&s, TLS1_2_VERSION);
	X509_STORE *empty = X509_STORE_new();
	SSL_set1_verify_cert_store(s.ssl, empty);
	X509_STORE_free(empty);
	struct ppp_eap_tls *tls = ppp_eap_tls_new(
	        path("carol.test.pem"), path("carol.test.key"), path("ca/ca.pem"), "aaa.test", &err);
	line->ends[0].config.tls = tls;
	line_up(line);
	line_run(line, 5000);
	assert_int_equal(line->ends[0].end, PPP_END_REFUSED);
	line->ends[0].link = ppp_link_free(line->ends[0].link);
	ppp_eap_tls_free(tls);
}

static void unusable_files_are_named(void **state)
{
	static const char *const cases[][5] = { /* certificate, key, CA, name, what the error names */
		{ "none.pem", "carol.test.key", "ca/ca.pem", "aaa.test", "none.pem" },
		{ "carol.test.pem", "aaa.test.key", "ca/ca.pem", "aaa.test", "aaa.test.key" },
		{ "carol.test.pem", "carol.test.key", "none", "aaa.test", "none" },
		{ "carol.test.pem", "carol.test.key", "ca/ca.pem", "", "name" }
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		const char *const *c = cases[i];
		assert_null(ppp_eap_tls_new(path(c[0]), path(c[1]), path(c[2]), c[3], &err));
		assert_non_null(strstr(err.text, c[4]));
	}
}

static void broken_fragments_are_refused(void **state)
{
	static const struct request {
		const char *bytes;
		size_t length;
	} requests[] = {
		{ "", 0 },               /* no flags */
		{ "\x20", 1 },           /* Start again */
		{ "\x80\0\0", 3 },       /* half a length */
		{ "\x80\0\1\0\1x", 6 },  /* larger than any message may be */
		{ "\x80\0\0\0\1xy", 7 }, /* more than was announced */
	};
	struct ppp_eap_tls *tls = ppp_eap_tls_new(
	        path("carol.test.pem"), path("carol.test.key"), path("ca/ca.pem"), "aaa.test", &err);
	for (size_t i = 0; i < ARRAY_LENGTH(requests); i++) {
		struct ppp_eap_tls_peer *peer = ppp_eap_tls_peer_new(tls);
		struct writer w CLEANUP(wr_free) = wr_make(PPP_FRAME_MAX);
		assert_int_equal(ppp_eap_tls_peer_receive(peer, (const uint8_t *)"\x20", 1, 1400, &w), 0);
		assert_true(ppp_eap_tls_peer_receive(peer, (const uint8_t *)requests[i].bytes,
		                    requests[i].length, 1400, &w) < 0);
		ppp_eap_tls_peer_free(peer);
	}
	struct ppp_eap_tls_peer *peer = ppp_eap_tls_peer_new(tls);
	struct writer w CLEANUP(wr_free) = wr_make(PPP_FRAME_MAX);
	assert_true(ppp_eap_tls_peer_receive(peer, (const uint8_t *)"\0", 1, 1400, &w) < 0); /* no Start */
	assert_int_equal(ppp_eap_tls_peer_receive(peer, (const uint8_t *)"\x20", 1, 1400, &w), 0);
	uint8_t fragment[1024] = { 0x40 };
	int r = 0;
	for (unsigned i = 0; i < 100 && r == 0; i++)
		r = ppp_eap_tls_peer_receive(peer, fragment, sizeof(fragment), 1400, &w);
	assert_true(r < 0); /* fragments without end */
	ppp_eap_tls_peer_free(peer);
	ppp_eap_tls_free(tls);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passwords_are_proven),
		cmocka_unit_test(server_must_prove_itself_by_mschapv2),
		cmocka_unit_test(unwanted_types_are_nakked),
		cmocka_unit_test(nothing_in_common_ends),
		cmocka_unit_test(unprotected_links_run_no_md5),
		cmocka_unit_test(lossy_lines_authenticate_too),
		cmocka_unit_test(success_without_method_is_not_believed),
		cmocka_unit_test(lost_success_is_replaced_by_what_follows),
		cmocka_unit_test(authenticator_matches_identifiers),
		cmocka_unit_test(certificates_are_proven),
		cmocka_unit_test(false_servers_are_refused),
		cmocka_unit_test(server_may_refuse_our_certificate),
		cmocka_unit_test(unusable_files_are_named),
		cmocka_unit_test(broken_fragments_are_refused),
	};
	return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
