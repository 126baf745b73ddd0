/* SPDX-License-Identifier: ISC */
/*
 * An L2TP endpoint of ours on a UDP socket, for tests against others: says each event in a line on standard
 * output and takes commands, a line each, on standard input: call, hangup, close, probe, quit. The end of its
 * input is quit.
 */
#include "base/address.h"
#include "base/clock.h"
#include "proto/l2tp/data.h"
#include "proto/l2tp/l2tp.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define DRAIN_MS 1500 /* after quit, for the acknowledgement of the StopCCN */

struct peer {
	struct l2tp_endpoint *e;
	int fd;
	const char *secret;
	uint16_t tunnel, session;
	struct l2tp_path path;
	time_ms quit_at;
	unsigned long data;
};

static socklen_t to_sockaddr(const struct ip_address *a, uint16_t port, struct sockaddr_storage *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (ip_is_v4(a)) {
		struct sockaddr_in *sin = (struct sockaddr_in *)ret;
		sin->sin_family = AF_INET;
		sin->sin_port = htons(port);
		memcpy(&sin->sin_addr, a->bytes + 12, 4);
		return sizeof(*sin);
	}
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)ret;
	sin6->sin6_family = AF_INET6;
	sin6->sin6_port = htons(port);
	memcpy(&sin6->sin6_addr, a->bytes, 16);
	return sizeof(*sin6);
}

static void on_send(void *context, const struct l2tp_path *path, const void *bytes, size_t n)
{
	struct peer *p = context;
	struct sockaddr_storage to;
	socklen_t size = to_sockaddr(&path->remote, path->remote_port, &to);
	/* What the kernel does not take is as good as lost on the way. */
	(void)!sendto(p->fd, bytes, n, 0, (struct sockaddr *)&to, size);
}

static void on_random(void *context, void *bytes, size_t n)
{
	if (getrandom(bytes, n, 0) != (ssize_t)n)
		abort();
}

static size_t get_secret(
        void *context, const struct l2tp_path *path, const char *peer_name, uint8_t ret[L2TP_SECRET_MAX])
{
	struct peer *p = context;
	size_t n = p->secret ? MIN(strlen(p->secret), (size_t)L2TP_SECRET_MAX) : 0;
	memcpy(ret, p->secret ? p->secret : "", n);
	return n;
}

static void on_tunnel_up(
        void *context, uint16_t tunnel, const struct l2tp_path *path, const struct l2tp_peer *peer)
{
	struct peer *p = context;
	p->tunnel = tunnel;
	printf("tunnel up: host \"%s\" vendor \"%s\" window %u%s\n", peer->host_name, peer->vendor_name,
	        peer->receive_window, peer->authenticated ? " authenticated" : "");
}

static void on_tunnel_down(void *context, uint16_t tunnel, const struct l2tp_reason *reason)
{
	printf("tunnel down: cause %d result %u error %u \"%s\"\n", reason->cause, reason->result,
	        reason->error, reason->message);
}

static void on_session_up(void *context, const struct l2tp_path *path, const struct l2tp_call *call)
{
	struct peer *p = context;
	p->session = call->session;
	printf("session up: framing %u tx %u%s\n", call->framing, call->tx_speed,
	        call->sequencing_required ? " sequencing" : "");
}

static void on_session_down(
        void *context, uint16_t tunnel, uint16_t session, const struct l2tp_reason *reason)
{
	printf("session down: cause %d result %u error %u \"%s\"\n", reason->cause, reason->result,
	        reason->error, reason->message);
}

static void receive(struct peer *p)
{
	uint8_t bytes[L2TP_PACKET_MAX];
	struct sockaddr_storage from;
	socklen_t size = sizeof(from);
	ssize_t n = recvfrom(p->fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &size);
	if (n <= 0)
		return;
	struct l2tp_path path = p->path;
	if (ip_from_sockaddr((struct sockaddr *)&from, &path.remote, &path.remote_port) < 0)
		return;
	if (l2tp_is_control(bytes, (size_t)n))
		l2tp_receive(p->e, &path, bytes, (size_t)n, clock_monotonic_ms());
	else
		p->data++;
}

static void print_counters(const struct peer *p)
{
	struct l2tp_counters c = l2tp_get_counters(p->e);
	printf("counters: received %llu sent %llu retransmitted %llu hellos %llu malformed %llu unexpected "
	       "%llu "
	       "unknown %llu data %lu\n",
	        (unsigned long long)c.received, (unsigned long long)c.sent,
	        (unsigned long long)c.retransmitted, (unsigned long long)c.hellos_sent,
	        (unsigned long long)c.malformed, (unsigned long long)c.unexpected,
	        (unsigned long long)c.unknown_mandatory, p->data);
}

static void command(struct peer *p, const char *line)
{
	time_ms now = clock_monotonic_ms();
	int result = 0;
	if (strcmp(line, "call") == 0)
		result = l2tp_session_open(p->e, p->tunnel, 10000000, now);
	else if (strcmp(line, "hangup") == 0)
		result = l2tp_session_close(
		        p->e, p->tunnel, p->session, L2TP_CDN_ADMINISTRATIVE, "by command", now);
	else if (strcmp(line, "close") == 0)
		result = l2tp_tunnel_close(p->e, p->tunnel, L2TP_STOP_SHUTDOWN, "by command", now);
	else if (strcmp(line, "probe") == 0)
		result = l2tp_tunnel_probe(p->e, p->tunnel, now);
	else if (strcmp(line, "quit") == 0)
		p->quit_at = now + DRAIN_MS;
	if (result < 0)
		printf("%s: %s\n", line, strerror(-result));
	if (p->quit_at == now + DRAIN_MS)
		l2tp_close_all(p->e, L2TP_STOP_SHUTDOWN, "quit", now);
}

/* Lines are short and come from a test: one read has whole ones. */
static void read_commands(struct peer *p, struct pollfd *input)
{
	char text[256];
	ssize_t n = read(STDIN_FILENO, text, sizeof(text) - 1);
	if (n <= 0) {
		input->fd = -1;
		command(p, "quit");
		return;
	}
	text[n] = 0;
	char *rest = text;
	for (char *line; (line = strsep(&rest, "\n"));)
		command(p, line);
}

static void run(struct peer *p)
{
	struct pollfd fds[2] = { { .fd = p->fd, .events = POLLIN },
		{ .fd = STDIN_FILENO, .events = POLLIN } };
	for (;;) {
		time_ms now = clock_monotonic_ms();
		l2tp_tick(p->e, now);
		if (p->quit_at && now >= p->quit_at)
			return;
		time_ms at = MIN(l2tp_deadline(p->e), p->quit_at ? p->quit_at : INT64_MAX);
		int wait = at == INT64_MAX ? -1 : (int)MAX(0, MIN(at - now, 1000));
		fflush(stdout);
		if (poll(fds, 2, wait) <= 0)
			continue;
		if (fds[0].revents)
			receive(p);
		if (fds[1].revents)
			read_commands(p, &fds[1]);
	}
}

static int usage(void)
{
	fprintf(stderr,
	        "usage: l2tp_peer --local ADDRESS [--port N] [--connect ADDRESS] [--secret TEXT] [--hide]\n"
	        "       [--hello MS] [--name TEXT]\n"
	        "Waits for tunnels, or opens one with --connect. Commands on standard input.\n");
	return 2;
}

static int open_socket(struct peer *p)
{
	struct sockaddr_storage local;
	socklen_t size = to_sockaddr(&p->path.local, p->path.local_port, &local);
	p->fd = socket(local.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return p->fd < 0 || bind(p->fd, (struct sockaddr *)&local, size) < 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "local", required_argument, NULL, 'l' },
		{ "port", required_argument, NULL, 'p' },
		{ "connect", required_argument, NULL, 'c' },
		{ "secret", required_argument, NULL, 's' },
		{ "hide", no_argument, NULL, 'h' },
		{ "hello", required_argument, NULL, 'k' },
		{ "name", required_argument, NULL, 'n' },
		{ 0 },
	};
	struct peer p = { .path = { .local_port = L2TP_PORT, .remote_port = L2TP_PORT } };
	struct l2tp_config config = { .host_name = "ours.example",
		.vendor_name = "pratique",
		.accept = true,
		.limits.sessions = 2,
		.callbacks = { .send = on_send,
		        .random = on_random,
		        .get_secret = get_secret,
		        .tunnel_up = on_tunnel_up,
		        .tunnel_down = on_tunnel_down,
		        .session_up = on_session_up,
		        .session_down = on_session_down },
		.context = &p };
	bool has_local = false, connects = false;
	for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (o == 'l')
			has_local = ip_parse(optarg, &p.path.local) == 0;
		else if (o == 'p')
			p.path.local_port = (uint16_t)atoi(optarg);
		else if (o == 'c')
			connects = ip_parse(optarg, &p.path.remote) == 0;
		else if (o == 's')
			p.secret = optarg;
		else if (o == 'h')
			config.hide = true;
		else if (o == 'k')
			config.timing.hello_ms = (uint32_t)atoi(optarg);
		else if (o == 'n')
			config.host_name = optarg;
		else
			return usage();
	}
	config.accept = !connects;
	if (!has_local || optind < argc)
		return usage();
	if (open_socket(&p) < 0 || l2tp_endpoint_new(&config, &p.e) < 0) {
		perror("l2tp_peer");
		return 1;
	}
	if (connects)
		p.tunnel = (uint16_t)l2tp_tunnel_open(p.e, &p.path, clock_monotonic_ms());
	run(&p);
	print_counters(&p);
	l2tp_endpoint_free(p.e);
	close(p.fd);
	return 0;
}
