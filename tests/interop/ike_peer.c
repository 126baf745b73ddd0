/* SPDX-License-Identifier: ISC */
/*
 * A data plane without packets, for the tests of IKE: it starts charon from a configuration as
 * pratique-softwire does, forwards IKE messages over real UDP sockets, and prints what charon's plugin says
 * of SAs and CHILD_SAs, a line each. Orders are lines on standard input:
 *
 *   initiate NAME | terminate IKE | expire REQID SPI DESTINATION soft|hard
 *   mapping REQID SPI DESTINATION SOURCE PORT | cut (the connection to charon) | reload | stop
 *
 *   ike_peer initiator|concentrator CONFIG [--check | --print]
 */
#include "base/log.h"
#include "net/ipc_packet.h"
#include "softwire/ike.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define DATAGRAM_MAX 65536

struct options {
	struct config_list local, concentrators;
	char *run_directory, *user;
	struct ike_options ike;
};

static const struct config_option table[] = {
	{ "local", CONFIG_LIST, offsetof(struct options, local), NULL, .help = "outer address" },
	{ "concentrator", CONFIG_LIST, offsetof(struct options, concentrators), NULL, .help = "its address" },
	{ "run_directory", CONFIG_PATH, offsetof(struct options, run_directory), NULL, .help = "of charon" },
	{ "user", CONFIG_STRING, offsetof(struct options, user), "nobody", .help = "of charon" },
	IKE_CONFIG_ROWS(struct options, ike),
};

struct peer {
	struct event_base *base;
	struct options options;
	struct ike_setup setup;
	struct ip_address local[IKE_LOCAL_MAX];
	struct ike_service *ike;
	struct ipc_packet *link; /* to charon */
	int udp[2];              /* ports 500 and 4500, both families */
};

static void say(const char *format, ...) PRINTF_LIKE(1, 2);
static void say(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
}

static _Noreturn void die(const char *text)
{
	fprintf(stderr, "ike_peer: %s\n", text);
	exit(1);
}

static void report(const char *text)
{
	fprintf(stderr, "ike_peer: %s\n", text);
}

/* ---- UDP ---- */

static struct sockaddr_in6 make_address(const struct ip_address *a, uint16_t port)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	memcpy(&sin6.sin6_addr, a->bytes, sizeof(a->bytes));
	return sin6;
}

union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

static void send_datagram(struct peer *p, const struct ipc_ike_packet *m)
{
	static const uint8_t marker[4];
	struct sockaddr_in6 to = make_address(&m->remote, m->remote_port);
	bool marked = m->local_port == 4500 && m->packet_length > 1;
	struct iovec parts[] = { { (void *)marker, marked ? sizeof(marker) : 0 },
		{ m->packet, m->packet_length } };
	union control c = { .header = { CMSG_LEN(sizeof(struct in6_pktinfo)), IPPROTO_IPV6, IPV6_PKTINFO } };
	struct msghdr h = { .msg_name = &to,
		.msg_namelen = sizeof(to),
		.msg_iov = parts,
		.msg_iovlen = 2,
		.msg_control = &c,
		.msg_controllen = sizeof(c.room) };
	struct in6_pktinfo *info = (struct in6_pktinfo *)CMSG_DATA(&c.header);
	memcpy(&info->ipi6_addr, m->local.bytes, sizeof(m->local.bytes));
	if (sendmsg(p->udp[m->local_port == 4500], &h, 0) < 0)
		fprintf(stderr, "ike_peer: sendmsg: %s\n", strerror(errno));
}

static void forward(struct peer *p, struct ipc_ike_packet *m)
{
	struct error err;
	if (m->local_port == 4500 && (m->packet_length < 4 || memcmp(m->packet, "\0\0\0\0", 4) != 0)) {
		if (m->packet_length > 1)
			say("esp from port %u", m->remote_port);
		return;
	}
	if (m->local_port == 4500) {
		m->packet += 4;
		m->packet_length -= 4;
	}
	if (p->link && ipc_packet_offer(p->link, IPC_IKE_PACKET, m, &err) < 0)
		fprintf(stderr, "ike_peer: %s\n", err.text);
}

static void on_datagram(evutil_socket_t fd, short what, void *user)
{
	struct peer *p = user;
	static uint8_t bytes[DATAGRAM_MAX];
	struct sockaddr_in6 from;
	union control c;
	struct iovec part = { bytes, sizeof(bytes) };
	struct msghdr h = { .msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &c,
		.msg_controllen = sizeof(c) };
	ssize_t n = recvmsg(fd, &h, MSG_DONTWAIT);
	struct cmsghdr *header = n < 0 ? NULL : CMSG_FIRSTHDR(&h);
	if (!header || header->cmsg_type != IPV6_PKTINFO)
		return;
	struct ipc_ike_packet m = { .local_port = fd == p->udp[0] ? 500 : 4500,
		.remote_port = ntohs(from.sin6_port),
		.packet = bytes,
		.packet_length = (size_t)n };
	memcpy(m.local.bytes, &((struct in6_pktinfo *)CMSG_DATA(header))->ipi6_addr, sizeof(m.local.bytes));
	memcpy(m.remote.bytes, &from.sin6_addr, sizeof(m.remote.bytes));
	forward(p, &m);
}

static int open_udp(struct peer *p, uint16_t port)
{
	const int off = 0, on = 1;
	const struct ip_address any = { { 0 } };
	struct sockaddr_in6 address = make_address(&any, port);
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0 ||
	        setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on)) < 0 ||
	        bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die(strerror(errno));
	(void)event_add(event_new(p->base, fd, EV_READ | EV_PERSIST, on_datagram, p), NULL);
	return fd;
}

/* ---- what charon's plugin says ---- */

static void print_hex(const char *name, const uint8_t *bytes, size_t n)
{
	printf(" %s=", name);
	for (size_t i = 0; i < n; i++)
		printf("%02x", bytes[i]);
}

static void print_sa(const struct ipc_sa_add *m)
{
	char source[IP_TEXT_SIZE], destination[IP_TEXT_SIZE];
	printf("sa %s spi=%08x reqid=%u from=%s/%u to=%s/%u encap=%d esn=%d window=%u encryption=%u "
	       "integrity=%u "
	       "soft_ms=%lld hard_ms=%lld",
	        m->inbound ? "in" : "out", m->spi, m->reqid, ip_format(&m->source, source), m->source_port,
	        ip_format(&m->destination, destination), m->destination_port, m->encapsulated, m->esn,
	        m->replay_window, m->encryption, m->integrity, (long long)m->soft_ms, (long long)m->hard_ms);
	print_hex("key", m->encryption_key, m->encryption_key_length);
	print_hex("ikey", m->integrity_key, m->integrity_key_length);
	say(" ");
}

static void answer_ask(struct ipc_packet *link, const struct ipc_sa_ask *m)
{
	struct ipc_sa_used used = { .request = m->request, .bytes = 4321, .packets = 7, .idle_ms = 1000 };
	struct error err;
	if (ipc_packet_send(link, IPC_SA_USED, &used, &err) < 0)
		die(err.text);
}

static void on_message(struct ipc_packet *link, const struct ipc_message *message, void *user)
{
	const void *body = message->body;
	const struct ipc_hello *hello = body;
	const struct ipc_sa_remove *gone = body;
	const struct ipc_sa_move *move = body;
	const struct ipc_child *child = body;
	const struct ipc_ike_failed *failed = body;
	char text[IP_TEXT_SIZE];
	switch ((int)message->number) {
	case IPC_HELLO:
		say("hello %s %llu", hello->role, (unsigned long long)hello->generation);
		break;
	case IPC_IKE_PACKET:
		send_datagram(user, body);
		break;
	case IPC_SA_ADD:
		print_sa(body);
		break;
	case IPC_SA_REMOVE:
		say("sa gone spi=%08x", gone->spi);
		break;
	case IPC_SA_MOVE:
		say("sa moved spi=%08x from=%s/%u", move->spi, ip_format(&move->new_source, text),
		        move->new_source_port);
		break;
	case IPC_SA_ASK:
		answer_ask(link, body);
		break;
	case IPC_CHILD:
		say("child %s reqid=%u in=%08x out=%08x ike=%u name=%s identity=%s eap=%s authentication=%u",
		        child->up ? "up" : "down", child->reqid, child->spi_in, child->spi_out, child->ike,
		        child->name, child->identity, child->eap_identity, child->authentication);
		break;
	case IPC_IKE_FAILED:
		say("failed %s: %s", failed->name, failed->reason);
		break;
	default:
		say("unexpected %s", ipc_name(message->number));
	}
}

static void on_close(struct ipc_packet *link, const char *reason, void *user)
{
	say("charon's connection ended");
}

static void on_accept(evutil_socket_t fd, short what, void *user)
{
	static const struct ipc_packet_handlers handlers = { on_message, on_close };
	struct peer *p = user;
	int connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (connection < 0)
		return;
	ipc_packet_free(p->link);
	p->link = ipc_packet_new(p->base, connection, &handlers, p);
}

static void listen_for_charon(struct peer *p)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", p->setup.dataplane_socket);
	(void)unlink(address.sun_path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 4) < 0 ||
	        chown(address.sun_path, p->setup.uid, p->setup.gid) < 0)
		die(strerror(errno));
	(void)event_add(event_new(p->base, fd, EV_READ | EV_PERSIST, on_accept, p), NULL);
}

/* ---- orders ---- */

static void order(struct peer *p, enum ipc_number number, const void *body)
{
	struct error err = { "charon is not connected" };
	if (!p->link || ipc_packet_send(p->link, number, body, &err) < 0)
		say("order not sent: %s", err.text);
}

static void order_expire(struct peer *p, char *const *words)
{
	struct ipc_sa_expire m = { .reqid = (uint32_t)strtoul(words[1], NULL, 10),
		.spi = (uint32_t)strtoul(words[2], NULL, 16),
		.hard = strcmp(words[4], "hard") == 0 };
	if (ip_parse(words[3], &m.destination) == 0)
		order(p, IPC_SA_EXPIRE, &m);
}

static void order_mapping(struct peer *p, char *const *words)
{
	struct ipc_sa_mapping m = { .reqid = (uint32_t)strtoul(words[1], NULL, 10),
		.spi = (uint32_t)strtoul(words[2], NULL, 16),
		.new_source_port = (uint16_t)strtoul(words[5], NULL, 10) };
	if (ip_parse(words[3], &m.destination) == 0 && ip_parse(words[4], &m.new_source) == 0)
		order(p, IPC_SA_MAPPING, &m);
}

static void obey(struct peer *p, char *line)
{
	static char empty[1];
	char *words[7] = { empty, empty, empty, empty, empty, empty, empty }, *save = NULL;
	size_t n = 0;
	struct error err;
	for (char *w = strtok_r(line, " \n", &save); w && n < ARRAY_LENGTH(words);
	        w = strtok_r(NULL, " \n", &save))
		words[n++] = w;
	struct ipc_ike_initiate initiate = { .name = words[1] };
	struct ipc_ike_terminate terminate = { .ike = (uint32_t)strtoul(words[1], NULL, 10) };
	if (strcmp(words[0], "initiate") == 0)
		order(p, IPC_IKE_INITIATE, &initiate);
	else if (strcmp(words[0], "terminate") == 0)
		order(p, IPC_IKE_TERMINATE, &terminate);
	else if (strcmp(words[0], "expire") == 0)
		order_expire(p, words);
	else if (strcmp(words[0], "mapping") == 0)
		order_mapping(p, words);
	else if (strcmp(words[0], "cut") == 0)
		p->link = ipc_packet_free(p->link);
	else if (strcmp(words[0], "reload") == 0 && ike_reload(p->ike, &err) < 0)
		say("reload: %s", err.text);
	else if (strcmp(words[0], "stop") == 0)
		ike_stop(p->ike);
}

static void on_input(evutil_socket_t fd, short what, void *user)
{
	static char line[1024];
	static size_t length;
	ssize_t n = read(fd, line + length, 1);
	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			event_base_loopbreak(((struct peer *)user)->base);
		return;
	}
	if (line[length] != '\n' && length < sizeof(line) - 2) {
		length++;
		return;
	}
	line[length] = '\0';
	length = 0;
	obey(user, line);
}

/* ---- charon ---- */

static void on_ready(void *user)
{
	say("ready");
}

static void on_failed(void *user, const char *text, int64_t again_ms)
{
	say("charon failed: %s", text);
}

static void on_stopped(void *user)
{
	say("stopped");
	event_base_loopbreak(((struct peer *)user)->base);
}

static void on_child(evutil_socket_t fd, short what, void *user)
{
	struct peer *p = user;
	int status;
	for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
		(void)ike_reaped(p->ike, pid, status);
}

static void set_up(struct peer *p, const char *role, const char *path)
{
	struct error err;
	if (config_load(path, NULL, table, ARRAY_LENGTH(table), &p->options, report, &err) < 0)
		exit(2);
	const struct passwd *user = getpwnam(p->options.user);
	if (!user)
		die("no such user");
	p->setup =
	        (struct ike_setup){ .role = strcmp(role, "initiator") == 0 ? IKE_INITIATOR : IKE_CONCENTRATOR,
		        .options = &p->options.ike,
		        .local = p->local,
		        .concentrators = &p->options.concentrators,
		        .run_directory = p->options.run_directory,
		        .dataplane_socket = xasprintf("%s/dataplane.sock", p->options.run_directory),
		        .uid = user->pw_uid,
		        .gid = user->pw_gid };
	for (size_t i = 0; i < p->options.local.count && i < IKE_LOCAL_MAX; i++)
		if (ip_parse(p->options.local.items[i], &p->local[p->setup.n_local++]) < 0)
			die("local: not an address");
	if (ike_check(&p->setup, report, &err) < 0)
		exit(2);
}

int main(int argc, char **argv)
{
	static struct peer p;
	const struct ike_events events = { on_ready, on_failed, on_stopped, &p };
	struct error err;
	if (argc < 3)
		die("ike_peer initiator|concentrator CONFIG [--check | --print]");
	set_up(&p, argv[1], argv[2]);
	if (argc > 3 && strcmp(argv[3], "--check") == 0)
		return 0;
	if (argc > 3)
		return ike_print_configuration(&p.setup, stdout, &err) < 0;
	p.base = event_base_new();
	(void)mkdir(p.options.run_directory, 0700);
	if (chown(p.options.run_directory, p.setup.uid, p.setup.gid) < 0)
		die(strerror(errno));
	p.udp[0] = open_udp(&p, 500);
	p.udp[1] = open_udp(&p, 4500);
	listen_for_charon(&p);
	(void)event_add(evsignal_new(p.base, SIGCHLD, on_child, &p), NULL);
	(void)event_add(event_new(p.base, STDIN_FILENO, EV_READ | EV_PERSIST, on_input, &p), NULL);
	if (ike_start(p.base, &p.setup, &events, &p.ike, &err) < 0)
		die(err.text);
	event_base_dispatch(p.base);
	p.ike = ike_free(p.ike);
	return 0;
}
