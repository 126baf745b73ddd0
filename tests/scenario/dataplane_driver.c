/* SPDX-License-Identifier: ISC */
/*
 * The data plane without its control and charon: opens what it needs in the network namespace that it is
 * started in, runs it in a child of its own, and speaks both their messages as lines on standard input say.
 * What comes back is printed, a line a message.
 *
 * In the environment: DATAPLANE_PIN, the processor of the first of two workers; DATAPLANE_TAP, a file for
 * decrypted packets, 1 MB of them at most.
 *
 *   usage: dataplane-driver initiator|concentrator TUN MTU SOCKET WORKERS [+]ADDRESS...     (+: trusted)
 *
 * Commands, a line each:
 *   charon on|off                  connect to, or leave, the data plane as charon's plugin would
 *   hello                          as a control that was started anew
 *   sa in|out SPI OUR-IP PORT PEER-IP PORT SUITE [SOFT-PACKETS [HARD-MS]]
 *                                  port 0: no UDP around it; keys come from the SPI; suite: gcm, chacha, cbc,
 * null child up|down NAME IDENTITY IKE REQID SPI-IN SPI-OUT sa-remove SPI DESTINATION session TUNNEL SESSION
 * PEER-TUNNEL PEER-SESSION ASSOCIATION LOCAL REMOTE MTU RATE PREFIX[,PREFIX...] session-end TUNNEL SESSION
 *   sessions N ASSOCIATION LOCAL REMOTE   N more sessions of one /128 each, in 2001:db8:ffff::/48
 *   count TUNNEL SESSION
 *   statistics
 *   ppp TUNNEL SESSION HEX         a frame to the peer
 *   l2tp ASSOCIATION LOCAL REMOTE HEX [PORT]   to that port of the peer, otherwise 1701
 *   ike LOCAL PORT REMOTE PORT HEX
 *   quit
 */
#include "dataplane/dataplane.h"
#include "ipc/ipc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS_MAX 16
#define PREFIXES_MAX 8
#define FRAME_MAX (192u << 10)
#define TAP_BYTES (1u << 20)

struct driver {
	struct dataplane_config config;
	int control, charon;
	const char *socket;
	pid_t child;
	uint8_t *frame;
};

static void die(const char *what)
{
	fprintf(stderr, "dataplane-driver: %s\n", what);
	exit(1);
}

static struct ip_address address(const char *text)
{
	struct ip_address a;
	if (ip_parse(text, &a) < 0)
		die(text);
	return a;
}

static uint32_t number(const char *text)
{
	return (uint32_t)strtoul(text, NULL, 0);
}

static size_t hex(const char *text, uint8_t *out, size_t max)
{
	size_t n = 0;
	unsigned byte;
	for (; n < max && sscanf(text + 2 * n, "%2x", &byte) == 1; n++)
		out[n] = (uint8_t)byte;
	return n;
}

static void send_message(int fd, enum ipc_number kind, const void *body)
{
	struct writer w = wr_make(FRAME_MAX);
	struct error err;
	if (ipc_encode(&w, kind, body, &err) < 0)
		die(err.text);
	if (send(fd, w.data, w.length, MSG_NOSIGNAL) < 0)
		printf("send %s failed: %s\n", ipc_name(kind), strerror(errno));
	wr_free(&w);
}

/* ---- commands ---- */

static void on_charon(struct driver *d, char **word)
{
	if (d->charon >= 0)
		close(d->charon);
	d->charon = -1;
	if (strcmp(word[1], "on") != 0)
		return;
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	snprintf(name.sun_path, sizeof(name.sun_path), "%s", d->socket);
	d->charon = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	if (connect(d->charon, (struct sockaddr *)&name, sizeof(name)) < 0)
		die(strerror(errno));
}

static void choose_suite(struct ipc_sa_add *m, const char *suite)
{
	m->encryption = 20;
	m->encryption_key_length = 20;
	if (!strcmp(suite, "chacha")) {
		m->encryption = 28;
		m->encryption_key_length = 36;
	} else if (strcmp(suite, "gcm") != 0) {
		m->encryption = !strcmp(suite, "cbc") ? 12 : 11;
		m->encryption_key_length = !strcmp(suite, "cbc") ? 16 : 0;
		m->integrity = 12;
		m->integrity_key_length = 32;
	}
}

static void on_sa(struct driver *d, char **word)
{
	uint8_t key[64];
	uint32_t spi = number(word[2]);
	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(spi >> 8 * (i % 4));
	bool inbound = !strcmp(word[1], "in");
	struct ip_address ours = address(word[3]), peer = address(word[5]);
	uint16_t our_port = (uint16_t)number(word[4]), peer_port = (uint16_t)number(word[6]);
	struct ipc_sa_add m = { .reqid = 1,
		.spi = spi,
		.inbound = inbound,
		.source = inbound ? peer : ours,
		.destination = inbound ? ours : peer,
		.encapsulated = our_port != 0,
		.source_port = inbound ? peer_port : our_port,
		.destination_port = inbound ? our_port : peer_port,
		.esn = true,
		.replay_window = 1024,
		.encryption_key = key,
		.integrity_key = key,
		.packets_soft = word[8] ? number(word[8]) : 0,
		.hard_ms = word[8] && word[9] ? number(word[9]) : 0 };
	choose_suite(&m, word[7]);
	send_message(d->charon, IPC_SA_ADD, &m);
}

static void on_child(struct driver *d, char **word)
{
	struct ipc_child m = { .up = !strcmp(word[1], "up"),
		.name = word[2],
		.identity = word[3],
		.ike = number(word[4]),
		.reqid = number(word[5]),
		.spi_in = number(word[6]),
		.spi_out = number(word[7]),
		.authentication = 1 };
	send_message(d->charon, IPC_CHILD, &m);
}

static void on_sa_remove(struct driver *d, char **word)
{
	struct ipc_sa_remove m = { .spi = number(word[1]), .destination = address(word[2]) };
	send_message(d->charon, IPC_SA_REMOVE, &m);
}

static struct ipc_session session_of(char **word)
{
	return (struct ipc_session){ .tunnel = (uint16_t)number(word[1]),
		.session = (uint16_t)number(word[2]),
		.peer_tunnel = (uint16_t)number(word[3]),
		.peer_session = (uint16_t)number(word[4]),
		.association = number(word[5]),
		.local = address(word[6]),
		.local_port = 1701,
		.remote = address(word[7]),
		.remote_port = 1701,
		.mtu = (uint16_t)number(word[8]),
		.ipv4 = true,
		.ipv6 = true,
		.rate_in = number(word[9]),
		.rate_out = number(word[9]) };
}

static void on_session(struct driver *d, char **word)
{
	struct ipc_inner_prefix prefixes[PREFIXES_MAX];
	struct ipc_session m = session_of(word);
	char *rest = word[10];
	for (char *p; m.n_prefixes < PREFIXES_MAX && (p = strsep(&rest, ",")); m.n_prefixes++) {
		if (ip_prefix_parse(p, &prefixes[m.n_prefixes].prefix) < 0)
			die(p);
	}
	m.prefixes = prefixes;
	send_message(d->control, IPC_SESSION, &m);
}

static void on_sessions(struct driver *d, char **word)
{
	for (uint32_t i = 0, n = number(word[1]); i < n; i++) {
		struct ipc_inner_prefix prefix = { { address("2001:db8:ffff::"), 128 } };
		prefix.prefix.address.bytes[12] = (uint8_t)(i >> 16);
		prefix.prefix.address.bytes[13] = (uint8_t)(i >> 8);
		prefix.prefix.address.bytes[14] = (uint8_t)i;
		prefix.prefix.address.bytes[15] = 1;
		struct ipc_session m = { .tunnel = (uint16_t)(0x8000 + i / 256),
			.session = (uint16_t)(1 + i % 256),
			.peer_tunnel = 1,
			.peer_session = 1,
			.association = number(word[2]),
			.local = address(word[3]),
			.local_port = 1701,
			.remote = address(word[4]),
			.remote_port = 1701,
			.prefixes = &prefix,
			.n_prefixes = 1,
			.mtu = 1400,
			.ipv6 = true };
		send_message(d->control, IPC_SESSION, &m);
	}
}

static void on_session_end(struct driver *d, char **word)
{
	struct ipc_session_end m = { .tunnel = (uint16_t)number(word[1]),
		.session = (uint16_t)number(word[2]) };
	send_message(d->control, IPC_SESSION_END, &m);
}

static void on_count(struct driver *d, char **word)
{
	struct ipc_session_key key = { (uint16_t)number(word[1]), (uint16_t)number(word[2]) };
	struct ipc_count m = { .request = 1, .sessions = &key, .n_sessions = 1 };
	send_message(d->control, IPC_COUNT, &m);
}

static void on_statistics(struct driver *d, char **word)
{
	struct ipc_statistics m = { .request = 1 };
	send_message(d->control, IPC_STATISTICS, &m);
}

static void on_hello(struct driver *d, char **word)
{
	struct ipc_hello m = { .role = (char *)"control", .name = (char *)"" };
	send_message(d->control, IPC_HELLO, &m);
}

static void on_ppp(struct driver *d, char **word)
{
	uint8_t bytes[1500];
	struct ipc_ppp_frame m = { .tunnel = (uint16_t)number(word[1]),
		.session = (uint16_t)number(word[2]),
		.frame = bytes,
		.frame_length = hex(word[3], bytes, sizeof(bytes)) };
	send_message(d->control, IPC_PPP_FRAME, &m);
}

static void on_l2tp(struct driver *d, char **word)
{
	uint8_t bytes[1500];
	struct ipc_l2tp_control m = { .association = number(word[1]),
		.local = address(word[2]),
		.local_port = 1701,
		.remote = address(word[3]),
		.remote_port = word[5] ? (uint16_t)number(word[5]) : 1701,
		.packet = bytes,
		.packet_length = hex(word[4], bytes, sizeof(bytes)) };
	send_message(d->control, IPC_L2TP_CONTROL, &m);
}

static void on_ike(struct driver *d, char **word)
{
	uint8_t bytes[1500];
	struct ipc_ike_packet m = { .local = address(word[1]),
		.local_port = (uint16_t)number(word[2]),
		.remote = address(word[3]),
		.remote_port = (uint16_t)number(word[4]),
		.packet = bytes,
		.packet_length = hex(word[5], bytes, sizeof(bytes)) };
	send_message(d->charon, IPC_IKE_PACKET, &m);
}

static const struct {
	const char *name;
	int words; /* at least, with the name */
	void (*run)(struct driver *d, char **word);
} commands[] = {
	{ "charon", 2, on_charon },
	{ "hello", 1, on_hello },
	{ "sa", 8, on_sa },
	{ "child", 8, on_child },
	{ "sa-remove", 3, on_sa_remove },
	{ "session", 11, on_session },
	{ "sessions", 5, on_sessions },
	{ "session-end", 3, on_session_end },
	{ "count", 3, on_count },
	{ "statistics", 1, on_statistics },
	{ "ppp", 4, on_ppp },
	{ "l2tp", 5, on_l2tp },
	{ "ike", 6, on_ike },
};

/* False: quit. */
static bool run_command(struct driver *d, char *line)
{
	char *word[WORDS_MAX + 1] = { NULL };
	int n = 0;
	for (char *p; n < WORDS_MAX && (p = strsep(&line, " \n"));) {
		if (*p)
			word[n++] = p;
	}
	if (!n)
		return true;
	if (!strcmp(word[0], "quit"))
		return false;
	for (size_t i = 0; i < ARRAY_LENGTH(commands); i++) {
		if (strcmp(word[0], commands[i].name) != 0)
			continue;
		if (n < commands[i].words)
			die(word[0]);
		commands[i].run(d, word);
		return true;
	}
	die(word[0]);
	return false;
}

/* ---- what comes back ---- */

static void print_bytes(const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		printf("%02x", bytes[i]);
	printf("\n");
}

static void print_association(const struct ipc_association *m)
{
	char text[IP_TEXT_SIZE];
	printf("association %u %s %s %s overhead %u\n", m->association, m->up ? "up" : "down", m->identity,
	        ip_format(&m->remote, text), m->overhead);
}

static void print_counted(const struct ipc_counted *m)
{
	for (size_t i = 0; i < m->n_sessions; i++) {
		const struct ipc_session_count *c = &m->sessions[i];
		printf("counted %u %u in %lu %lu out %lu %lu spoofed %lu limited %lu dropped %lu\n",
		        c->tunnel, c->session, c->in_packets, c->in_bytes, c->out_packets, c->out_bytes,
		        c->spoofed, c->limited, c->dropped);
	}
}

static void print_message(const struct ipc_message *m)
{
	char text[IP_TEXT_SIZE];
	const struct ipc_statistics *statistics = m->body;
	const struct ipc_l2tp_control *l2tp = m->body;
	const struct ipc_ppp_frame *ppp = m->body;
	const struct ipc_ike_packet *ike = m->body;
	const struct ipc_sa_expire *expire = m->body;
	const struct ipc_sa_mapping *mapping = m->body;
	switch (m->number) {
	case IPC_ASSOCIATION:
		print_association(m->body);
		break;
	case IPC_COUNTED:
		print_counted(m->body);
		break;
	case IPC_STATISTICS:
		for (size_t i = 0; i < statistics->n_values; i++)
			printf("%s=%lu ", statistics->values[i].name, statistics->values[i].value);
		printf("statistics\n");
		break;
	case IPC_L2TP_CONTROL:
		printf("l2tp %u %s %u ", l2tp->association, ip_format(&l2tp->remote, text),
		        l2tp->remote_port);
		print_bytes(l2tp->packet, l2tp->packet_length);
		break;
	case IPC_PPP_FRAME:
		printf("ppp %u %u ", ppp->tunnel, ppp->session);
		print_bytes(ppp->frame, ppp->frame_length);
		break;
	case IPC_IKE_PACKET:
		printf("ike %u %s %u ", ike->local_port, ip_format(&ike->remote, text), ike->remote_port);
		print_bytes(ike->packet, ike->packet_length);
		break;
	case IPC_SA_EXPIRE:
		printf("expire %u %s\n", expire->spi, expire->hard ? "hard" : "soft");
		break;
	case IPC_SA_MAPPING:
		printf("mapping %u %s %u\n", mapping->spi, ip_format(&mapping->new_source, text),
		        mapping->new_source_port);
		break;
	default:
		printf("%s\n", ipc_name(m->number));
		break;
	}
}

static bool receive(struct driver *d, int fd)
{
	struct ipc_message m;
	struct error err;
	ssize_t n = recv(fd, d->frame, FRAME_MAX, 0);
	if (n <= 0)
		return false;
	if (ipc_decode(d->frame, (size_t)n, &m, &err) < 0)
		die(err.text);
	print_message(&m);
	ipc_message_clear(&m);
	return true;
}

/* ---- the data plane's process ---- */

static void start(struct driver *d, char **argv, struct error *err)
{
	int pair[2];
	char name[32];
	struct dataplane_config *c = &d->config;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) < 0)
		die("socketpair");
	c->role = !strcmp(argv[1], "initiator") ? DATAPLANE_INITIATOR : DATAPLANE_CONCENTRATOR;
	c->tun_mtu = (uint16_t)number(argv[3]);
	c->n_workers = number(argv[5]) ? number(argv[5]) : dataplane_workers_default();
	for (char **a = argv + 6; *a; a++) {
		c->addresses[c->n_addresses].trusted = **a == '+';
		c->addresses[c->n_addresses++].ip = address(*a + (**a == '+'));
	}
	const char *tap = getenv("DATAPLANE_TAP");
	if (tap) {
		c->tap = open(tap, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		c->tap_bytes_max = TAP_BYTES;
	}
	for (unsigned i = 0; i < c->n_workers; i++)
		c->workers[i].cpu =
		        getenv("DATAPLANE_PIN") ? (int)((i + number(getenv("DATAPLANE_PIN"))) % 2) : -1;
	if (dataplane_open_sockets(c, err) < 0 || dataplane_open_tun(c, argv[2], 0, name, err) < 0 ||
	        dataplane_open_charon_listener(c, argv[4], geteuid(), err) < 0)
		die(err->text);
	d->socket = argv[4];
	c->control = pair[0];
	d->control = pair[1];
	d->child = fork();
	if (d->child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(pair[1]);
		close(0);
		if (dataplane_run(c, err) < 0)
			die(err->text);
		exit(0);
	}
	dataplane_config_close(c);
}

static void loop(struct driver *d)
{
	char line[4096];
	for (;;) {
		struct pollfd fds[3] = { { 0, POLLIN, 0 }, { d->control, POLLIN, 0 },
			{ d->charon, POLLIN, 0 } };
		if (poll(fds, 3, -1) < 0)
			return;
		if (fds[1].revents && !receive(d, d->control))
			return;
		if (d->charon >= 0 && fds[2].revents && !receive(d, d->charon)) {
			close(d->charon);
			d->charon = -1;
			printf("charon closed\n");
		}
		if (fds[0].revents && (!fgets(line, sizeof(line), stdin) || !run_command(d, line)))
			return;
	}
}

int main(int argc, char **argv)
{
	struct driver *d = xcalloc(1, sizeof(*d));
	struct error err;
	if (argc < 7)
		die("usage: dataplane-driver initiator|concentrator TUN MTU SOCKET WORKERS [+]ADDRESS...");
	setvbuf(stdout, NULL, _IOLBF, 0);
	setvbuf(stdin, NULL, _IONBF, 0);
	dataplane_config_clear(&d->config);
	d->charon = -1;
	d->frame = xmalloc(FRAME_MAX);
	start(d, argv, &err);
	printf("ready\n");
	loop(d);
	kill(d->child, SIGTERM);
	int status = 1;
	waitpid(d->child, &status, 0);
	free(d->frame);
	free(d);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
