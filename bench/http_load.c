/* SPDX-License-Identifier: ISC */
/*
 * A load generator for HTTP/1.1 servers: connections that are kept alive, each with one request at a time.
 *
 *   http-load WHERE CONNECTIONS SECONDS PID REQUESTS [CA CERTIFICATE KEY]
 *
 * WHERE is the path of a Unix socket, or a port of 127.0.0.1 (TLS, with the three files). REQUESTS is a file
 * of whole requests, each with a NUL behind it, which are sent in turns. PID is the server process whose
 * processor time is read; 0: none. Prints one line: requests a second, median and 99th percentile of the time
 * to an answer in microseconds, mean bytes of a body, the server's processor time a request in microseconds.
 */
#include "base/clock.h"
#include "net/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CONNECTIONS_MAX 4096
#define BUFFER_SIZE 65536
#define LATENCIES_MAX (1u << 22)
#define WARM_US 500000

struct connection {
	int fd;
	SSL *ssl;
	int64_t began;
	char head[8192]; /* of the answer */
	size_t n_head, left;
	bool in_body;
};

static struct {
	struct connection connections[CONNECTIONS_MAX];
	size_t n_connections;
	char *requests;
	const char **starts;
	size_t n_requests, next;
	uint32_t *latencies;
	size_t n_latencies;
	uint64_t n_done, bytes;
	bool measuring;
} load;

static void fail(const char *what)
{
	fprintf(stderr, "http-load: %s: %s\n", what, errno ? strerror(errno) : "failed");
	exit(1);
}

static void read_requests(const char *path)
{
	FILE *f = fopen(path, "r");
	size_t capacity = 0;
	if (!f)
		fail(path);
	ssize_t n = getdelim(&load.requests, &capacity, EOF, f);
	(void)fclose(f);
	for (char *at = load.requests; n > 0 && at < load.requests + n; at += strlen(at) + 1) {
		load.starts = xrealloc_array(load.starts, load.n_requests + 1, sizeof(*load.starts));
		load.starts[load.n_requests++] = at;
	}
	if (load.n_requests == 0)
		fail("no requests");
}

static int connect_to(const char *where)
{
	struct sockaddr_un local = { .sun_family = AF_UNIX };
	struct sockaddr_in remote = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const bool is_path = strchr(where, '/') != NULL;
	int fd = socket(is_path ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), r;
	if (is_path) {
		snprintf(local.sun_path, sizeof(local.sun_path), "%s", where);
		r = connect(fd, (struct sockaddr *)&local, sizeof(local));
	} else {
		remote.sin_port = htons((uint16_t)atoi(where)); // NOLINT(cert-err34-c): an argument of ours
		r = connect(fd, (struct sockaddr *)&remote, sizeof(remote));
	}
	if (fd < 0 || r < 0)
		fail(where);
	return fd;
}

static ssize_t receive(struct connection *c, char *buffer)
{
	if (!c->ssl)
		return recv(c->fd, buffer, BUFFER_SIZE, 0);
	int n = SSL_read(c->ssl, buffer, BUFFER_SIZE);
	if (n <= 0 && SSL_get_error(c->ssl, n) == SSL_ERROR_WANT_READ)
		errno = EAGAIN;
	return n > 0 ? n : errno == EAGAIN ? -1 : 0;
}

static void send_next(struct connection *c)
{
	const char *request = load.starts[load.next++ % load.n_requests];
	const size_t n = strlen(request);
	c->n_head = 0;
	c->in_body = false;
	c->began = clock_monotonic_us();
	ssize_t sent = c->ssl ? SSL_write(c->ssl, request, (int)n) : send(c->fd, request, n, MSG_NOSIGNAL);
	if (sent != (ssize_t)n)
		fail("sending");
}

static void take_answer(struct connection *c)
{
	if (load.measuring) {
		if (load.n_latencies < LATENCIES_MAX)
			load.latencies[load.n_latencies++] = (uint32_t)(clock_monotonic_us() - c->began);
		load.n_done++;
	}
	send_next(c);
}

/* Bytes of the head until it is whole; how many of them were its. */
static size_t take_head(struct connection *c, const char *bytes, size_t n)
{
	const size_t had = c->n_head, taken = MIN(n, sizeof(c->head) - 1 - had);
	memcpy(c->head + had, bytes, taken);
	c->head[had + taken] = '\0';
	const char *end = strstr(c->head, "\r\n\r\n"), *length = strcasestr(c->head, "\r\nContent-Length:");
	c->n_head = had + taken;
	if (!end && c->n_head == sizeof(c->head) - 1)
		fail("a head too large");
	if (!end)
		return taken;
	if (strncmp(c->head, "HTTP/1.1 200 ", 13) != 0 || !length)
		fail(c->head);
	c->left = strtoul(length + 17, NULL, 10);
	c->in_body = true;
	if (load.measuring)
		load.bytes += c->left;
	return (size_t)(end + 4 - c->head) - had;
}

/* There is one request at a time, so nothing follows an answer. */
static void take(struct connection *c, const char *bytes, size_t n)
{
	size_t used = c->in_body ? 0 : take_head(c, bytes, n);
	if (!c->in_body)
		return;
	if (n - used > c->left)
		fail("bytes behind an answer");
	c->left -= n - used;
	if (c->left == 0)
		take_answer(c);
}

static void on_readable(struct connection *c)
{
	static char buffer[BUFFER_SIZE];
	for (;;) {
		errno = 0;
		const ssize_t n = receive(c, buffer);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0)
			fail("the server closed a connection");
		take(c, buffer, (size_t)n);
	}
}

/* Microseconds of a process, in user space and the kernel. */
static int64_t processor_time(pid_t pid)
{
	char path[64], text[1024];
	unsigned long user = 0, kernel = 0;
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	FILE *f = pid ? fopen(path, "r") : NULL;
	if (!f)
		return 0;
	const char *rest = fgets(text, sizeof(text), f) ? strrchr(text, ')') : NULL;
	(void)fclose(f);
	if (!rest ||
	        sscanf(rest + 1, "%*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %lu %lu", &user, &kernel) != 2)
		fail("the server's processor time");
	return (int64_t)(user + kernel) * 1000000 / sysconf(_SC_CLK_TCK);
}

static void run_until(int epoll, int64_t end)
{
	struct epoll_event events[64];
	while (clock_monotonic_us() < end) {
		const int n = epoll_wait(epoll, events, ARRAY_LENGTH(events), 100);
		for (int i = 0; i < n; i++)
			on_readable(events[i].data.ptr);
	}
}

static struct tls_context *make_tls(char **files)
{
	const struct tls_config config = { .ca_path = files[0],
		.certificate_path = files[1],
		.key_path = files[2],
		.peer_roles = TLS_ROLES_ALL };
	struct tls_context *tls = NULL;
	struct error err;
	if (tls_context_new(&config, &tls, &err) < 0) {
		fprintf(stderr, "http-load: %s\n", err.text);
		exit(1);
	}
	return tls;
}

static void open_connection(struct connection *c, const char *where, struct tls_context *tls, int epoll)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };
	c->fd = connect_to(where);
	if (tls) {
		c->ssl = tls_context_ssl(tls, NULL);
		if (!c->ssl || SSL_set_fd(c->ssl, c->fd) != 1 || SSL_connect(c->ssl) != 1)
			fail("handshake");
	}
	(void)fcntl(c->fd, F_SETFL, O_NONBLOCK);
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event) < 0)
		fail("epoll");
}

static int compare(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

static void print_result(int64_t took, int64_t processor)
{
	const double n = (double)MAX(load.n_done, (uint64_t)1);
	if (load.n_latencies == 0)
		fail("no answer");
	qsort(load.latencies, load.n_latencies, sizeof(*load.latencies), compare);
	printf("%.0f %u %u %.0f %.1f\n", n * 1e6 / (double)took, load.latencies[load.n_latencies / 2],
	        load.latencies[load.n_latencies * 99 / 100], (double)load.bytes / n, (double)processor / n);
}

int main(int argc, char **argv)
{
	if (argc != 6 && argc != 9) {
		fputs("usage: http-load WHERE CONNECTIONS SECONDS PID REQUESTS [CA CERTIFICATE KEY]\n",
		        stderr);
		return 2;
	}
	const int epoll = epoll_create1(EPOLL_CLOEXEC);
	const pid_t pid = (pid_t)strtol(argv[4], NULL, 10);
	struct tls_context *tls = argc == 9 ? make_tls(argv + 6) : NULL;
	load.latencies = xcalloc(LATENCIES_MAX, sizeof(*load.latencies));
	load.n_connections = MIN((size_t)strtoul(argv[2], NULL, 10), (size_t)CONNECTIONS_MAX);
	read_requests(argv[5]);
	for (size_t i = 0; i < load.n_connections; i++)
		open_connection(&load.connections[i], argv[1], tls, epoll);
	for (size_t i = 0; i < load.n_connections; i++)
		send_next(&load.connections[i]);
	run_until(epoll, clock_monotonic_us() + WARM_US);
	load.measuring = true;
	const int64_t began = clock_monotonic_us(), processor = processor_time(pid);
	run_until(epoll, began + strtol(argv[3], NULL, 10) * 1000000);
	print_result(clock_monotonic_us() - began, processor_time(pid) - processor);
	return 0;
}
