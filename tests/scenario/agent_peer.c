/* SPDX-License-Identifier: ISC */
/*
 * A scripted server for the agent: agent-peer DIR PORT DECISION-FILE. Makes a site CA with a server and a
 * node "alice" in DIR (where there is none yet), listens on [::1]:PORT, and tells each thing that agents do
 * on standard output, one line each:
 *
 *   listening | open NAME | hello | short SIGNED PACKAGES... | full SIGNED N-PACKAGES | retry | close
 *
 * It admits whoever presents a certificate that it gave, with a good signature, in one exchange; asks
 * everybody else for all; and decides what DECISION-FILE says, with an expiry 40 minutes from now. SIGUSR1:
 * asks all for a new inspection.
 */
#include "crypto/key.h"
#include "net/listener.h"
#include "posture/attributes.h"
#include "proto/patnc/pratique.h"
#include "proto/patnc/swima.h"
#include "proto/pbtnc/pbtnc.h"
#include "proto/pttls/pttls.h"

#include "base/file.h"
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define CERTIFICATE_TEXT "certificate.of.the-scripted-server"
#define SESSIONS_MAX 16

struct session {
	struct stream *stream;
	struct pttls_session *pttls;
	struct pbtnc_session *pb;
	struct posture_reader *reader;
	struct patnc_signature_input input;
	uint8_t exporter[TLS_EXPORTER_SIZE], nonce[PRATIQUE_NONCE_SIZE];
	bool asked, is_signed, has_certificate;
	uint32_t next_id;
};

static struct session *sessions[SESSIONS_MAX];
static const char *decision_file;

static void say(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	fflush(stdout);
}

static void send_batch(struct session *s, struct writer *w)
{
	(void)pttls_send_batch(s->pttls, w->data, w->length);
	struct writer *out = pttls_output(s->pttls);
	if (stream_write(s->stream, out->data, out->length) == 0)
		wr_consume(out, out->length);
	wr_free(w);
}

static void add(struct session *s, uint32_t vendor, uint32_t subtype, struct writer *w)
{
	(void)pbtnc_add_pa(s->pb,
	        &(struct pbtnc_pa){ .vendor = vendor,
	                .subtype = subtype,
	                .collector = PBTNC_ID_ANY,
	                .validator = 1,
	                .body = w->data,
	                .length = w->length });
	wr_free(w);
}

static void ask(struct session *s)
{
	const struct swima_request request = { .identifiers_only = true, .id = s->next_id };
	struct writer w = wr_make(PBTNC_BATCH_MAX);
	memset(s->nonce, 0x5a, sizeof(s->nonce));
	s->nonce[0] = (uint8_t)s->next_id;
	patnc_begin_message(&w, s->next_id++);
	pratique_put_nonce(&w, s->nonce);
	add(s, PRATIQUE_PEN, PRATIQUE_SUBTYPE, &w);
	patnc_begin_message(&w, s->next_id++);
	swima_put_request(&w, &request, NULL);
	add(s, 0, PATNC_SUBTYPE_SWIMA, &w);
	s->asked = true;
	(void)pbtnc_send(s->pb, PBTNC_SDATA, &w);
	send_batch(s, &w);
}

static void decide(struct session *s)
{
	char expires[CLOCK_TEXT_SIZE], *text FREE_ON_EXIT = NULL;
	struct writer w = wr_make(PBTNC_BATCH_MAX);
	json_error_t where;
	(void)file_read(decision_file, 65536, &text, NULL, NULL);
	json_t *decision = json_loads(text ? text : "{}", 0, &where);
	bool compliant = json_is_true(json_object_get(decision, "compliant"));
	(void)clock_format(clock_wall_ms() + 40 * 60000, expires);
	json_object_set_new(decision, "expires", json_string(expires));
	char *json FREE_ON_EXIT = json_dumps(decision, JSON_COMPACT);
	json_decref(decision);
	patnc_begin_message(&w, s->next_id++);
	pratique_put_text(&w, PRATIQUE_QUARANTINE_CERTIFICATE, CERTIFICATE_TEXT, strlen(CERTIFICATE_TEXT));
	pratique_put_text(&w, PRATIQUE_DECISION, json, strlen(json));
	add(s, PRATIQUE_PEN, PRATIQUE_SUBTYPE, &w);
	(void)pbtnc_add_reason(s->pb, compliant ? "nothing is wrong" : "something is wrong", "en");
	(void)pbtnc_send_result(s->pb, compliant ? PBTNC_COMPLIANT : PBTNC_SIGNIFICANT_DIFFERENCES,
	        compliant ? PBTNC_ACCESS_ALLOWED : PBTNC_ACCESS_QUARANTINED, &w);
	s->asked = false;
	memset(s->nonce, 0, sizeof(s->nonce));
	send_batch(s, &w);
}

static void take_own(struct session *s, const struct pbtnc_pa *pa)
{
	struct patnc_message m;
	struct patnc_attribute a;
	struct patnc_error problem;
	struct patnc_text text;
	struct pratique_signature signature;
	uint8_t input[PATNC_SIGNATURE_INPUT_SIZE];
	if (patnc_read_message(pa->body, pa->length, NULL, &m, &problem) < 0)
		return;
	while (patnc_next_attribute(&m, &a)) {
		if (a.type == PRATIQUE_QUARANTINE_CERTIFICATE && pratique_get_text(&a, &text) == 0)
			s->has_certificate = text.length == strlen(CERTIFICATE_TEXT) &&
			        memcmp(text.at, CERTIFICATE_TEXT, text.length) == 0;
		if (a.type != PRATIQUE_POSTURE_SIGNATURE || pratique_get_signature(&a, &signature) < 0)
			continue;
		patnc_signature_input_end(&s->input, s->exporter, s->nonce, input);
		EVP_PKEY *key = X509_get0_pubkey(tls_stream_peer_certificate(s->stream));
		s->is_signed = memcmp(signature.nonce, s->nonce, sizeof(s->nonce)) == 0 &&
		        key_verify(key, input, sizeof(input), signature.bytes, signature.length) == 0;
		return;
	}
	patnc_signature_input_add(&s->input, pa->vendor, pa->subtype, pa->body, pa->length);
}

static void take_pa(struct session *s, const struct pbtnc_pa *pa)
{
	struct patnc_error problem;
	(void)posture_reader_feed(s->reader, pa->vendor, pa->subtype, pa->body, pa->length, &problem);
	if (pa->vendor == PRATIQUE_PEN)
		take_own(s, pa);
	else
		patnc_signature_input_add(&s->input, pa->vendor, pa->subtype, pa->body, pa->length);
}

static void take_turn(struct session *s)
{
	struct posture *p = posture_reader_finish(s->reader, 0);
	const char *is_signed = s->is_signed ? "signed" : "unsigned";
	if (s->asked) {
		say("full %s %zu packages firewall=%d", is_signed, p->n_packages, p->firewall_active);
		decide(s);
	} else if (s->has_certificate && s->is_signed) {
		say("short %s", is_signed);
		decide(s);
	} else {
		say("hello");
		ask(s);
	}
	posture_free(p);
}

static void take_batch(struct session *s, const void *bytes, size_t length)
{
	struct pbtnc_event e;
	s->is_signed = s->has_certificate = false;
	patnc_signature_input_begin(&s->input);
	if (pbtnc_receive_batch(s->pb, bytes, length) < 0)
		say("bad batch");
	while (pbtnc_next(s->pb, &e)) {
		if (e.kind == PBTNC_EVENT_RETRY)
			say("retry");
		else if (e.kind == PBTNC_EVENT_PA)
			take_pa(s, &e.pa);
		else if (e.kind == PBTNC_EVENT_TURN)
			take_turn(s);
	}
}

static size_t on_data(struct stream *stream, const uint8_t *data, size_t length, void *user)
{
	struct session *s = user;
	struct pttls_event e;
	int r = pttls_receive(s->pttls, data, length);
	while (r == 0 && pttls_next(s->pttls, &e))
		if (e.kind == PTTLS_EVENT_BATCH)
			take_batch(s, e.bytes, e.length);
	struct writer *out = pttls_output(s->pttls);
	if (out->length && stream_write(stream, out->data, out->length) == 0)
		wr_consume(out, out->length);
	return length;
}

static void on_close(struct stream *stream, const char *reason, void *user)
{
	struct session *s = user;
	for (size_t i = 0; i < SESSIONS_MAX; i++)
		if (sessions[i] == s)
			sessions[i] = NULL;
	pttls_session_free(s->pttls);
	pbtnc_session_free(s->pb);
	posture_reader_free(s->reader);
	patnc_signature_input_free(&s->input);
	free(s);
	say("close");
}

static const struct stream_handlers handlers = { .on_data = on_data, .on_close = on_close };

static void on_stream(struct stream *stream, const struct identity *peer, void *user)
{
	const struct pttls_config config = { .role = PTTLS_SERVER };
	struct session *s = xcalloc(1, sizeof(*s));
	s->stream = stream;
	s->pttls = pttls_session_new(&config);
	s->pb = pbtnc_session_new(PBTNC_SERVER);
	s->reader = posture_reader_new(NULL);
	s->next_id = 1;
	(void)tls_stream_exporter(stream, s->exporter);
	for (size_t i = 0; i < SESSIONS_MAX; i++)
		if (!sessions[i]) {
			sessions[i] = s;
			break;
		}
	say("open %s", peer->name);
	stream_set_handlers(stream, &handlers, s);
}

static void on_retry_signal(evutil_socket_t fd, short what, void *user)
{
	for (size_t i = 0; i < SESSIONS_MAX; i++) {
		struct writer w = wr_make(PBTNC_BATCH_MAX);
		if (sessions[i] && pbtnc_request_retry(sessions[i]->pb, &w) == 0) {
			send_batch(sessions[i], &w);
			ask(sessions[i]);
		}
	}
}

static int make_site(const char *dir, struct error *err)
{
	static const char *const none[] = { NULL };
	char *ca FREE_ON_EXIT = xasprintf("%s/ca", dir);
	int r = ca_init(ca, "test", KEY_P256, err);
	if (r == -EEXIST)
		return 0;
	if (r == 0)
		r = ca_issue(ca, ROLE_SERVER, "server", none, KEY_P256, 2, dir, err);
	return r < 0 ? r : ca_issue(ca, ROLE_NODE, "alice", none, KEY_P256, 2, dir, err);
}

static int serve(const char *dir, uint16_t port, struct error *err)
{
	char *ca FREE_ON_EXIT = xasprintf("%s/ca/ca.pem", dir),
	         *key FREE_ON_EXIT = xasprintf("%s/server.key", dir),
	         *certificate FREE_ON_EXIT = xasprintf("%s/server.pem", dir);
	const struct tls_config tls = { .server = true,
		.ca_path = ca,
		.certificate_path = certificate,
		.key_path = key,
		.peer_roles = TLS_ROLE(ROLE_NODE) };
	struct listener_config config = { .connections_max = SESSIONS_MAX,
		.source_max = SESSIONS_MAX,
		.handshakes_max = SESSIONS_MAX,
		.limits = STREAM_LIMITS_DEFAULT,
		.on_stream = on_stream };
	struct sockaddr_in6 address = {
		.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_loopback
	};
	struct event_base *base = event_base_new();
	struct listener *listener;
	struct event *retry = evsignal_new(base, SIGUSR1, on_retry_signal, NULL);
	memcpy(&config.address, &address, sizeof(address));
	int r = tls_context_new(&tls, &config.tls, err);
	if (r == 0)
		r = listener_new(base, &config, &listener, err);
	if (r < 0)
		return r;
	event_add(retry, NULL);
	say("listening");
	event_base_dispatch(base);
	return 0;
}

int main(int argc, char **argv)
{
	struct error err;
	if (argc != 4) {
		fputs("usage: agent-peer DIR PORT DECISION-FILE\n", stderr);
		return 2;
	}
	decision_file = argv[3];
	(void)signal(SIGPIPE, SIG_IGN);
	if (make_site(argv[1], &err) < 0 || serve(argv[1], (uint16_t)strtoul(argv[2], NULL, 10), &err) < 0) {
		fprintf(stderr, "agent-peer: %s\n", err.text);
		return 1;
	}
	return 0;
}
