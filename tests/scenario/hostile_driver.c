/* SPDX-License-Identifier: ISC */
/*
 * A hostile node against a running server, in one of several ways; speaks TAP. Counters are read from the
 * server's API, whose socket is in SITE; keys and certificates are those of DIR/NAME.key and DIR/NAME.pem.
 *
 *   hostile-driver mutations SITE NAME    bad bytes in every layer (hostile_shapes.c)
 *   hostile-driver again SITE NAME        the same once more, for its cost only
 *   hostile-driver certificates SITE NAME X.509 certificates that are no good
 *   hostile-driver tokens SITE NAME       quarantine certificates and postures that are somebody else's
 *   hostile-driver relay SITE NAME FILE   presents the quarantine certificate in FILE
 *   hostile-driver stalls SITE NAME       silence and half-closed connections in every phase
 *   hostile-driver flood SITE NAME SECONDS   connections and half handshakes, as many as it can
 */
#include "tests/scenario/hostile.h"

#include "crypto/base64.h"
#include "net/http_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define SERVER "fd09:2::2"
#define PORT 271
#define STALL_LIMIT_MS 40000
#define FLOOD_OPEN 600

struct hostile h;

/* ---- TAP and counters ---- */

void hostile_check(bool good, const char *format, ...)
{
	va_list args;
	printf("%s %d - ", good ? "ok" : "not ok", ++h.checks);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
	h.failed += !good;
}

int64_t hostile_counter(const char *name)
{
	char *path FREE_ON_EXIT = xasprintf("%s/server.sock", h.site), *body FREE_ON_EXIT = NULL;
	size_t length;
	struct error err;
	if (http_unix_call(path, "GET", "/v1/status", NULL, &body, &length, &err) < 0) {
		printf("Bail out! the server does not answer: %s\n", err.text);
		exit(1);
	}
	json_t *j = json_loadb(body, length, 0, NULL);
	json_int_t n = json_integer_value(json_object_get(json_object_get(j, "counters"), name));
	json_decref(j);
	return n;
}

bool hostile_counted(const char *name, int64_t before)
{
	for (int i = 0; i < 200; i++) {
		if (hostile_counter(name) > before)
			return true;
		usleep(20000);
	}
	return false;
}

/* ---- a connection ---- */

int hostile_dial(void)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_port = htons(PORT) };
	const struct timeval wait = { 0, 100000 };
	inet_pton(AF_INET6, SERVER, &to.sin6_addr);
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		close(fd);
		return -1;
	}
	if (fd >= 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	return fd;
}

bool hostile_connect(struct hostile_peer *p, SSL_CTX *ctx)
{
	*p = (struct hostile_peer){ .fd = hostile_dial(), .ssl = SSL_new(ctx) };
	if (p->fd < 0 || SSL_set_fd(p->ssl, p->fd) != 1)
		return false;
	time_ms end = clock_monotonic_ms() + 10000;
	int r;
	while ((r = SSL_connect(p->ssl)) != 1 && SSL_get_error(p->ssl, r) == SSL_ERROR_WANT_READ &&
	        clock_monotonic_ms() < end)
		;
	if (r == 1)
		(void)SSL_export_keying_material(p->ssl, p->exporter, sizeof(p->exporter),
		        PRATIQUE_EXPORTER_LABEL, strlen(PRATIQUE_EXPORTER_LABEL), NULL, 0, 0);
	return r == 1;
}

void hostile_close(struct hostile_peer *p)
{
	SSL_free(p->ssl);
	if (p->fd >= 0)
		close(p->fd);
	pttls_session_free(p->pttls);
	p->pttls = NULL;
	p->ssl = NULL;
	p->fd = -1;
}

void hostile_write(struct hostile_peer *p, const void *bytes, size_t n)
{
	for (size_t sent = 0; sent < n;) {
		int r = SSL_write(p->ssl, (const uint8_t *)bytes + sent, (int)MIN(n - sent, (size_t)16384));
		if (r <= 0)
			return; /* the server has had enough; what it says is read next */
		sent += (size_t)r;
	}
}

void hostile_flush(struct hostile_peer *p)
{
	struct writer *w = pttls_output(p->pttls);
	hostile_write(p, w->data, w->length);
	wr_consume(w, w->length);
}

/* One read's worth of what the server says; false at the end of the connection. */
static bool read_some(struct hostile_peer *p)
{
	uint8_t bytes[16384];
	struct pttls_event e;
	int r = SSL_read(p->ssl, bytes, sizeof(bytes));
	if (r <= 0) {
		p->closed |= SSL_get_error(p->ssl, r) != SSL_ERROR_WANT_READ;
		return !p->closed;
	}
	p->heard += (size_t)r;
	(void)pttls_receive(p->pttls, bytes, (size_t)r);
	while (pttls_next(p->pttls, &e)) {
		if (e.kind == PTTLS_EVENT_READY)
			p->ready = true;
		else if (e.kind == PTTLS_EVENT_BATCH && p->on_batch)
			p->on_batch(p, e.bytes, e.length);
		else if (e.kind == PTTLS_EVENT_CLOSED || e.kind == PTTLS_EVENT_ERROR)
			p->said = e.text ? e.text : "PT-TLS has ended";
		p->batches += e.kind == PTTLS_EVENT_BATCH;
	}
	hostile_flush(p);
	return true;
}

void hostile_listen(struct hostile_peer *p, bool (*enough)(const struct hostile_peer *p), int ms)
{
	time_ms end = clock_monotonic_ms() + ms;
	while (!p->closed && !enough(p) && clock_monotonic_ms() < end)
		if (!read_some(p))
			break;
}

static bool is_ready(const struct hostile_peer *p)
{
	return p->ready;
}

bool hostile_negotiate(struct hostile_peer *p)
{
	p->pttls = pttls_session_new(&(struct pttls_config){ .role = PTTLS_CLIENT });
	(void)pttls_start(p->pttls);
	hostile_flush(p);
	hostile_listen(p, is_ready, 5000);
	return p->ready;
}

/* ---- certificates that are no good ---- */

static SSL_CTX *context_of(EVP_PKEY *key, X509 *certificate)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	if (!ctx ||
	        (certificate &&
	                (SSL_CTX_use_certificate(ctx, certificate) != 1 ||
	                        SSL_CTX_use_PrivateKey(ctx, key) != 1)))
		abort();
	return ctx; /* the server is ours: it need not prove anything */
}

SSL_CTX *hostile_context(const char *dir, const char *name)
{
	char *key_path FREE_ON_EXIT = xasprintf("%s/%s.key", dir, name),
	               *path FREE_ON_EXIT = xasprintf("%s/%s.pem", dir, name);
	EVP_PKEY *key CLEANUP(key_free_pointer) = NULL;
	X509 *certificate CLEANUP(certificate_free_pointer) = NULL;
	struct error err = { "" };
	if (key_load(key_path, &key, &err) < 0 || certificate_load(path, &certificate, &err) < 0) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	return context_of(key, certificate);
}

/* Mallory's, made by the site's own CA, valid from and until so many milliseconds from now. */
static SSL_CTX *dated(int64_t from, int64_t to)
{
	char *ca_path FREE_ON_EXIT = xasprintf("%s/ca/ca.pem", h.site),
	              *ca_key_path FREE_ON_EXIT = xasprintf("%s/ca/ca.key", h.site);
	EVP_PKEY *ca_key CLEANUP(key_free_pointer) = NULL, *key CLEANUP(key_free_pointer) = NULL;
	X509 *ca CLEANUP(certificate_free_pointer) = NULL,
	         *certificate CLEANUP(certificate_free_pointer) = NULL;
	uint8_t *der FREE_ON_EXIT = NULL;
	size_t length;
	time_ms now = clock_wall_ms();
	if (key_load(ca_key_path, &ca_key, NULL) < 0 || certificate_load(ca_path, &ca, NULL) < 0 ||
	        key_generate(KEY_P256, &key, NULL) < 0 ||
	        request_make(key, h.name, &der, &length, NULL) < 0 ||
	        ca_sign_request_until(ca_key, ca, der, length, h.name, ROLE_NODE, now + from, now + to,
	                &certificate, NULL) < 0)
		abort();
	return context_of(key, certificate);
}

static bool never(const struct hostile_peer *p)
{
	return false;
}

/* Refused in the handshake, or before anything is said. */
static void expect_no_entry(const char *what, SSL_CTX *ctx, const char *counter)
{
	struct hostile_peer p;
	int64_t before = hostile_counter(counter);
	bool shaken = hostile_connect(&p, ctx);
	if (shaken) {
		p.pttls = pttls_session_new(&(struct pttls_config){ .role = PTTLS_CLIENT });
		(void)pttls_start(p.pttls);
		hostile_flush(&p);
		hostile_listen(&p, never, 5000);
	}
	hostile_check(hostile_counted(counter, before) && p.heard == 0 && (!shaken || p.closed),
	        "%s: refused, and counted as %s", what, counter);
	hostile_close(&p);
	SSL_CTX_free(ctx);
}

static void run_certificates(void)
{
	const int64_t hour = 3600000;
	char *elsewhere FREE_ON_EXIT = xasprintf("%s/elsewhere", h.site);
	struct error err;
	expect_no_entry("expired", dated(-2 * hour, -hour), "connections_refused_expired");
	expect_no_entry("not valid yet", dated(hour, 2 * hour), "connections_refused_early");
	expect_no_entry("of another role", hostile_context(h.site, "gateway"), "connections_refused_role");
	expect_no_entry("of the server itself", hostile_context(h.site, "srv"), "connections_refused_role");
	if (ca_init(elsewhere, "scenario", KEY_P256, &err) < 0 ||
	        ca_issue(elsewhere, ROLE_NODE, h.name, NULL, KEY_P256, 30, elsewhere, &err) < 0)
		abort();
	expect_no_entry("of another CA with the same name", hostile_context(elsewhere, h.name),
	        "connections_refused_strange");
	expect_no_entry("none", context_of(NULL, NULL), "connections_refused_handshake");
	SSL_CTX *old = hostile_context(h.site, h.name);
	SSL_CTX_set_max_proto_version(old, TLS1_2_VERSION);
	expect_no_entry("TLS 1.2", old, "connections_refused_handshake");
	expect_no_entry("revoked", hostile_context(h.site, "revoked"), "connections_refused_revoked");
}

/* ---- silence ---- */

enum phase { PHASE_TCP, PHASE_HELLO, PHASE_TLS, PHASE_VERSION, PHASE_HEADER, PHASE_BATCH, PHASE_N };

static const char *const phases[PHASE_N] = { "after connecting", "within the handshake",
	"after the handshake", "after the negotiation", "within a header", "within a batch" };

static bool reach(struct hostile_peer *p, enum phase phase, SSL_CTX *ctx)
{
	static const uint8_t hello[] = { 0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3 };
	static const uint8_t batch[] = { 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 16, 0, 0, 0, 0, 9, 2, 0, 0, 1, 0, 0 };
	if (phase < PHASE_TLS) {
		*p = (struct hostile_peer){ .fd = hostile_dial() };
		return p->fd >= 0 &&
		        (phase == PHASE_TCP || write(p->fd, hello, sizeof(hello)) == (ssize_t)sizeof(hello));
	}
	if (!hostile_connect(p, ctx) || (phase >= PHASE_VERSION && !hostile_negotiate(p)))
		return false;
	if (phase >= PHASE_HEADER)
		hostile_write(p, batch, phase == PHASE_HEADER ? 7 : sizeof(batch));
	return true;
}

static bool is_over(int fd)
{
	uint8_t bytes[4096];
	ssize_t n;
	while ((n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
		;
	return n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

static void run_stalls(void)
{
	struct hostile_peer peers[2][PHASE_N];
	SSL_CTX *ctx = hostile_context(h.site, h.name);
	time_ms took[2][PHASE_N] = { { 0 } }, begin = clock_monotonic_ms();
	for (int half = 0; half < 2; half++)
		for (int i = 0; i < PHASE_N; i++) {
			if (!reach(&peers[half][i], (enum phase)i, ctx))
				hostile_check(false, "%s: not reached", phases[i]);
			if (half)
				(void)shutdown(peers[1][i].fd, SHUT_WR);
		}
	size_t left = 2 * PHASE_N;
	while (left && clock_monotonic_ms() < begin + STALL_LIMIT_MS) {
		usleep(50000);
		for (int i = 0; i < 2 * PHASE_N; i++) {
			time_ms *t = &took[i / PHASE_N][i % PHASE_N];
			if (!*t && is_over(peers[i / PHASE_N][i % PHASE_N].fd)) {
				*t = clock_monotonic_ms() - begin;
				left--;
			}
		}
	}
	for (int half = 0; half < 2; half++)
		for (int i = 0; i < PHASE_N; i++) {
			hostile_check(took[half][i] > 0, "%s %s: ended after %lld ms",
			        half ? "half closed" : "silent", phases[i], (long long)took[half][i]);
			hostile_close(&peers[half][i]);
		}
	SSL_CTX_free(ctx);
}

/* ---- floods ---- */

static int dial_without_waiting(void)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_port = htons(PORT) };
	inet_pton(AF_INET6, SERVER, &to.sin6_addr);
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 && errno != EINPROGRESS) {
		close(fd);
		return -1;
	}
	return fd;
}

static void run_flood(int seconds)
{
	static const uint8_t hello[] = { 0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3 };
	struct pollfd open[FLOOD_OPEN];
	uint64_t dialled = 0, ended = 0;
	time_ms end = clock_monotonic_ms() + seconds * 1000;
	for (int i = 0; i < FLOOD_OPEN; i++)
		open[i] = (struct pollfd){ .fd = -1 };
	while (clock_monotonic_ms() < end) {
		for (int i = 0; i < FLOOD_OPEN; i++) {
			if (open[i].fd >= 0)
				continue;
			open[i] = (struct pollfd){ .fd = dial_without_waiting(), .events = POLLOUT };
			dialled += open[i].fd >= 0;
		}
		(void)poll(open, FLOOD_OPEN, 20);
		for (int i = 0; i < FLOOD_OPEN; i++) {
			if (open[i].fd < 0 || !open[i].revents)
				continue;
			if (open[i].events == POLLOUT && i % 2 && write(open[i].fd, hello, sizeof(hello)) < 0)
				open[i].revents |= POLLERR;
			open[i].events = POLLIN;
			if (open[i].revents & (POLLIN | POLLERR | POLLHUP)) {
				close(open[i].fd);
				open[i].fd = -1;
				ended++;
			}
		}
	}
	for (int i = 0; i < FLOOD_OPEN; i++)
		if (open[i].fd >= 0)
			close(open[i].fd);
	printf("# %llu connections begun, %llu ended by the server\n", (unsigned long long)dialled,
	        (unsigned long long)ended);
	hostile_check(dialled > FLOOD_OPEN, "a flood of half handshakes");
}

int main(int argc, char **argv)
{
	const struct rlimit files = { 4096, 4096 };
	if (argc < 4)
		return 2;
	h = (struct hostile){ .site = argv[2], .name = argv[3] };
	(void)signal(SIGPIPE, SIG_IGN);
	(void)setrlimit(RLIMIT_NOFILE, &files);
	if (strcmp(argv[1], "mutations") == 0)
		hostile_run_shapes();
	else if (strcmp(argv[1], "again") == 0)
		hostile_repeat_shapes();
	else if (strcmp(argv[1], "certificates") == 0)
		run_certificates();
	else if (strcmp(argv[1], "tokens") == 0)
		hostile_run_tokens();
	else if (strcmp(argv[1], "relay") == 0 && argc == 5)
		hostile_run_relay(argv[4]);
	else if (strcmp(argv[1], "stalls") == 0)
		run_stalls();
	else if (strcmp(argv[1], "flood") == 0 && argc == 5)
		run_flood((int)strtol(argv[4], NULL, 10));
	else
		return 2;
	printf("1..%d\n", h.checks);
	return h.failed != 0;
}
