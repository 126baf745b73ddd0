/* SPDX-License-Identifier: ISC */
/*
 * A NEA peer for the interop tests: one assessment over one blocking TLS connection, with nothing of Pratique
 * but its three protocol rooms. It prints one line an event for the scripts to read. As server it asks for
 * packages by Attribute Request and by SWIMA, and sends the recommendation it was told to; as client it
 * presents the packages of a file ("NAME VERSION" lines) and prints the recommendation that it gets. With
 * --slow each byte is a TLS record of its own, the first ones also a segment of their own; with --vanish N
 * the connection is reset after so many bytes.
 */
#include "tests/interop/nea_peer.h"

#include "base/file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define READ_SIZE 16384
#define PACKAGES_FILE_MAX (8u << 20)
#define SLOW_BYTES 1024 /* with a pause after each, so that they arrive one by one */
#define SLOW_PAUSE_US 500

struct connection {
	SSL *ssl;
	struct pttls_session *transport;
	struct nea_peer peer;
	bool over;
	bool slow;
	long vanish; /* after so many bytes; negative: never */
	size_t written;
};

static void die(const char *format, ...) PRINTF_LIKE(1, 2) __attribute__((noreturn));
static void die(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	fputs("nea_peer: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	ERR_print_errors_fp(stderr);
	exit(1);
}

/* A reset, in the middle of whatever was being said. */
static void vanish(struct connection *c)
{
	const struct linger at_once = { .l_onoff = 1 };
	(void)setsockopt(SSL_get_fd(c->ssl), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	printf("vanished after %zu bytes\n", c->written);
	exit(0);
}

static size_t next_size(const struct connection *c, size_t left)
{
	size_t n = c->slow ? MIN(left, (size_t)1) : MIN(left, (size_t)READ_SIZE);
	return c->vanish >= 0 ? MIN(n, (size_t)c->vanish - c->written) : n;
}

static void flush(struct connection *c)
{
	struct writer *out = pttls_output(c->transport);
	while (out->length) {
		if (c->vanish >= 0 && c->written == (size_t)c->vanish)
			vanish(c);
		int n = SSL_write(c->ssl, out->data, (int)next_size(c, out->length));
		if (n <= 0)
			die("the connection broke while writing");
		wr_consume(out, (size_t)n);
		c->written += (size_t)n;
		if (c->slow && c->written <= SLOW_BYTES)
			usleep(SLOW_PAUSE_US);
	}
}

static void on_batch(struct connection *c, const struct pttls_event *event)
{
	struct writer reply CLEANUP(wr_free) = wr_make(PBTNC_BATCH_MAX);
	printf("batch: %zu bytes\n", event->length);
	c->over |= nea_peer_receive(&c->peer, event->bytes, event->length, &reply);
	/* A reply may be several batches, one after the other. */
	for (size_t at = 0; at < reply.length;) {
		struct reader r = rd_make(reply.data + at + 4, 4);
		uint32_t length = rd_u32(&r);
		if (pttls_send_batch(c->transport, reply.data + at, length) < 0)
			die("a batch of %u bytes cannot be sent", length);
		at += length;
	}
}

static void on_ready(struct connection *c)
{
	printf("ready: %s, %s\n", SSL_get_version(c->ssl), SSL_get_cipher_name(c->ssl));
	struct writer first CLEANUP(wr_free) = wr_make(PBTNC_BATCH_MAX);
	if (c->peer.role != PBTNC_CLIENT)
		return;
	nea_peer_begin(&c->peer, &first);
	if (pttls_send_batch(c->transport, first.data, first.length) < 0)
		die("the first batch cannot be sent");
}

static void handle(struct connection *c)
{
	for (struct pttls_event event; pttls_next(c->transport, &event);) {
		switch (event.kind) {
		case PTTLS_EVENT_AUTHENTICATED:
			printf("authenticated: %.*s\n", (int)event.length, (const char *)event.bytes);
			break;
		case PTTLS_EVENT_READY:
			on_ready(c);
			break;
		case PTTLS_EVENT_BATCH:
			on_batch(c, &event);
			break;
		case PTTLS_EVENT_ERROR:
			printf("pt-tls error: %s\n", event.text);
			break;
		case PTTLS_EVENT_CLOSED:
			printf("pt-tls closed: %s\n", event.text);
			c->over = true;
			break;
		}
	}
}

static void converse(struct connection *c)
{
	(void)pttls_start(c->transport);
	while (!c->over) {
		uint8_t bytes[READ_SIZE];
		flush(c);
		int n = SSL_read(c->ssl, bytes, sizeof(bytes));
		if (n <= 0)
			break;
		if (pttls_receive(c->transport, bytes, (size_t)n) < 0)
			die("more than a session takes");
		handle(c);
	}
	flush(c);
	(void)SSL_shutdown(c->ssl);
}

struct options {
	bool server;
	const char *address, *certificate, *key, *ca, *packages, *user, *password;
	int port;
	bool forwarding, slow;
	long vanish;
	enum pbtnc_recommendation recommendation;
};

static SSL_CTX *make_context(const struct options *o)
{
	SSL_CTX *context = SSL_CTX_new(o->server ? TLS_server_method() : TLS_client_method());
	if (!context || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1)
		die("no TLS context");
	if (SSL_CTX_load_verify_locations(context, o->ca, NULL) != 1)
		die("%s: no CA certificate", o->ca);
	if (o->certificate &&
	        (SSL_CTX_use_certificate_file(context, o->certificate, SSL_FILETYPE_PEM) != 1 ||
	                SSL_CTX_use_PrivateKey_file(context, o->key, SSL_FILETYPE_PEM) != 1))
		die("%s, %s: no key pair", o->certificate, o->key);
	/* With SASL the client has no certificate. */
	int mode = SSL_VERIFY_PEER;
	if (o->server && !o->user)
		mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	SSL_CTX_set_verify(context, o->server && o->user ? SSL_VERIFY_NONE : mode, NULL);
	if (o->server)
		SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(o->ca));
	return context;
}

static int open_socket(const struct options *o)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)o->port) };
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (inet_pton(AF_INET, o->address, &address.sin_addr) != 1)
		die("%s is no IPv4 address", o->address);
	if (fd < 0)
		die("socket: %s", strerror(errno));
	if (o->server) {
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 1) < 0)
			die("port %d: %s", o->port, strerror(errno));
		puts("listening");
		int client = accept(fd, NULL, NULL);
		close(fd);
		fd = client;
	} else if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		die("port %d: %s", o->port, strerror(errno));
	}
	if (fd < 0)
		die("accept: %s", strerror(errno));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static int get_plain(void *context, struct pttls_plain *ret)
{
	const struct options *o = context;
	snprintf(ret->user, sizeof(ret->user), "%s", o->user);
	snprintf(ret->password, sizeof(ret->password), "%s", o->password);
	return 0;
}

static int check_plain(void *context, const struct pttls_plain *plain)
{
	const struct options *o = context;
	return strcmp(plain->user, o->user) == 0 && strcmp(plain->password, o->password) == 0 ? 0 : -EACCES;
}

static void usage(FILE *to)
{
	fputs("usage: nea_peer server|client --port N --ca FILE [--cert FILE --key FILE] [--address A]\n"
	      "                [--recommend allowed|denied|quarantined] [--packages FILE] [--forwarding]\n"
	      "                [--user NAME --password P] [--slow] [--vanish N]\n",
	        to);
}

static enum pbtnc_recommendation parse_recommendation(const char *text)
{
	static const char *const names[] = { "", "allowed", "denied", "quarantined" };
	for (unsigned i = 1; i < ARRAY_LENGTH(names); i++)
		if (strcmp(text, names[i]) == 0)
			return (enum pbtnc_recommendation)i;
	usage(stderr);
	exit(2);
}

static struct options parse(int argc, char **argv)
{
	static const struct option longs[] = { { "port", 1, NULL, 'p' }, { "ca", 1, NULL, 'a' },
		{ "cert", 1, NULL, 'c' }, { "key", 1, NULL, 'k' }, { "address", 1, NULL, 'h' },
		{ "recommend", 1, NULL, 'r' }, { "packages", 1, NULL, 'l' }, { "forwarding", 0, NULL, 'f' },
		{ "user", 1, NULL, 'u' }, { "password", 1, NULL, 'w' }, { "slow", 0, NULL, 's' },
		{ "vanish", 1, NULL, 'v' }, { 0 } };
	struct options o = { .address = "127.0.0.1", .recommendation = PBTNC_ACCESS_ALLOWED, .vanish = -1 };
	for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
		switch (c) {
		case 'p':
			o.port = (int)strtol(optarg, NULL, 10);
			break;
		case 'a':
			o.ca = optarg;
			break;
		case 'c':
			o.certificate = optarg;
			break;
		case 'k':
			o.key = optarg;
			break;
		case 'h':
			o.address = optarg;
			break;
		case 'r':
			o.recommendation = parse_recommendation(optarg);
			break;
		case 'l':
			o.packages = optarg;
			break;
		case 'f':
			o.forwarding = true;
			break;
		case 'u':
			o.user = optarg;
			break;
		case 'w':
			o.password = optarg;
			break;
		case 's':
			o.slow = true;
			break;
		case 'v':
			o.vanish = strtol(optarg, NULL, 10);
			break;
		default:
			usage(stderr);
			exit(2);
		}
	}
	if (optind + 1 != argc || !o.port || !o.ca || !o.certificate != !o.key || !o.user != !o.password) {
		usage(stderr);
		exit(2);
	}
	o.server = strcmp(argv[optind], "server") == 0;
	return o;
}

int main(int argc, char **argv)
{
	struct options o = parse(argc, argv);
	setvbuf(stdout, NULL, _IOLBF, 0);
	SSL_CTX *context = make_context(&o);
	struct connection c = { .ssl = SSL_new(context), .slow = o.slow, .vanish = o.vanish };
	char *packages FREE_ON_EXIT = NULL;
	size_t length;
	struct error err;
	if (o.packages && file_read(o.packages, PACKAGES_FILE_MAX, &packages, &length, &err) < 0)
		die("%s", err.text);
	int fd = open_socket(&o);
	if (!c.ssl || SSL_set_fd(c.ssl, fd) != 1)
		die("no TLS session");
	if ((o.server ? SSL_accept(c.ssl) : SSL_connect(c.ssl)) != 1)
		die("no TLS handshake");
	struct pttls_config config = { .role = o.server ? PTTLS_SERVER : PTTLS_CLIENT, .context = &o };
	if (o.user) {
		config.check_plain = check_plain;
		config.get_plain = get_plain;
	}
	c.transport = pttls_session_new(&config);
	nea_peer_init(&c.peer, o.server ? PBTNC_SERVER : PBTNC_CLIENT, o.recommendation, packages);
	if (o.forwarding)
		c.peer.forwarding = PATNC_FORWARDING_YES;
	converse(&c);
	bool good = nea_peer_finish(&c.peer);
	pttls_session_free(c.transport);
	SSL_free(c.ssl);
	SSL_CTX_free(context);
	close(fd);
	return good ? 0 : 1;
}
