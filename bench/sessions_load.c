/* SPDX-License-Identifier: ISC */
/*
 * Tens of thousands of initiators in one process, for sessions.sh and softwire-killed.sh: the L2TP and PPP
 * machines of the real one, clear L2TP from one UDP socket, each initiator a user of its own (PREFIX-0,
 * PREFIX-1, ...) with the same password. So many are being set up at any time; a session counts once IPCP and
 * IPV6CP are open. Then it holds them, answering what comes, until it is told to end by a line on standard
 * input.
 *
 *   sessions_load [--again] LOCAL ADDRESSES REMOTE SESSIONS AT-ONCE USER-PREFIX PASSWORD
 *
 * With --again a session that ends is brought up again as the real initiator does it: it finds out by the
 * same echoes, and waits by the same rules. The line "mark" begins a count of those that are up anew since;
 * when all are, it says how long they took. Any other line ends.
 */
#include "base/address.h"
#include "base/clock.h"
#include "proto/l2tp/data.h"
#include "proto/l2tp/l2tp.h"
#include "proto/ppp/ppp.h"
#include "softwire/backoff.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH 128
#define DATAGRAM_MAX 2048
#define TICK_MS 200      /* how often every link's deadline is looked at */
#define GIVE_UP_MS 60000 /* without any progress */
#define TUNNELS 65536
/* The real initiator's own: softwire/options.c, softwire/initiator.h. */
#define ECHO_MS 2000
#define ECHO_FAILURES 3
#define RETRY_FIRST_MS 500
#define RETRY_LAST_MS 30000
#define STEP_MS 20000

/* The address of this host that a datagram is from or came to. */
union control {
	struct cmsghdr header;
	uint8_t bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
};

struct client {
	struct load *load;
	uint32_t number;
	struct ip_address local;
	struct ppp_link *link;
	uint16_t tunnel, peer_tunnel, peer_session;
	bool ipv4, ipv6, up;
	bool counted;     /* it was up once */
	bool is_broken;   /* what there is of it is to be taken down */
	bool is_marked;   /* it was up anew since the mark */
	time_ms begun;    /* this attempt */
	time_ms since;    /* up since */
	time_ms retry_at; /* 0: it is under way, or up */
	struct backoff backoff;
};

struct load {
	struct l2tp_endpoint *e;
	struct l2tp_path path; /* of the first one */
	uint32_t n_addresses;
	int fd;
	struct client *by_tunnel[TUNNELS], **clients; /* clients: wanted, from 0 to begun */
	bool again;
	time_ms marked; /* 0: there is no mark */
	uint32_t n_back, attempts;
	uint32_t *back_ms; /* since the mark */
	uint32_t wanted, at_once, begun, up, failed, in_progress;
	time_ms now, started, progress, ticked;
	const char *user_prefix, *password;
	struct ppp_config ppp;
	bool ending;
	uint64_t frames;
	uint32_t *latencies_ms;
	/* What is to be sent. */
	unsigned n_out;
	struct mmsghdr out[BATCH];
	struct iovec out_parts[BATCH];
	uint8_t out_bytes[BATCH][DATAGRAM_MAX];
	union control out_control[BATCH], in_control[BATCH];
	struct mmsghdr in[BATCH];
	struct iovec in_parts[BATCH];
	uint8_t in_bytes[BATCH][DATAGRAM_MAX];
};

static void die(const char *what)
{
	fprintf(stderr, "sessions_load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void flush(struct load *l)
{
	for (unsigned done = 0; done < l->n_out;) {
		int n = sendmmsg(l->fd, l->out + done, l->n_out - done, 0);
		if (n < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNREFUSED && errno != ENOBUFS)
			die("sendmmsg");
		done += n > 0 ? (unsigned)n : 1; /* what the kernel does not take is lost on the way */
	}
	l->n_out = 0;
}

static uint8_t *reserve(struct load *l, const struct ip_address *local, size_t n)
{
	if (n > DATAGRAM_MAX)
		abort();
	if (l->n_out == BATCH)
		flush(l);
	struct in_pktinfo *from = (struct in_pktinfo *)CMSG_DATA(&l->out_control[l->n_out].header);
	memcpy(&from->ipi_spec_dst, local->bytes + 12, 4);
	l->out_parts[l->n_out].iov_len = n;
	return l->out_bytes[l->n_out++];
}

static void on_send(void *context, const struct l2tp_path *path, const void *bytes, size_t n)
{
	memcpy(reserve(context, &path->local, n), bytes, n);
}

static void random_bytes(void *context, void *bytes, size_t n)
{
	if (getrandom(bytes, n, 0) != (ssize_t)n)
		die("getrandom");
}

static void send_frame(void *context, const uint8_t *frame, size_t length)
{
	struct client *c = context;
	uint8_t header[L2TP_DATA_HEADER_SIZE_SEQUENCED];
	size_t n = l2tp_data_write(header, c->peer_tunnel, c->peer_session, false, false, 0);
	uint8_t *out = reserve(c->load, &c->local, n + 2 + length);
	memcpy(out, header, n);
	memcpy(out + n, "\xff\x03", 2);
	memcpy(out + n + 2, frame, length);
}

static int get_secret(void *context, enum ppp_method method, const char *peer, struct ppp_secret *ret)
{
	const struct client *c = context;
	snprintf(ret->user, sizeof(ret->user), "%s-%u", c->load->user_prefix, c->number);
	snprintf(ret->password, sizeof(ret->password), "%s", c->load->password);
	return 0;
}

static void count_up(struct client *c)
{
	struct load *l = c->load;
	if (c->up || !c->ipv4 || !c->ipv6)
		return;
	c->up = true;
	c->since = l->now;
	l->progress = l->now;
	if (l->marked && !c->is_marked) {
		c->is_marked = true;
		l->back_ms[l->n_back++] = (uint32_t)(l->now - l->marked);
	}
	if (!c->counted) {
		c->counted = true;
		l->latencies_ms[l->up++] = (uint32_t)(l->now - c->begun);
		l->in_progress--;
	}
}

static void ipv4_up(void *context, const struct ppp_ipv4 *ipv4)
{
	struct client *c = context;
	c->ipv4 = true;
	count_up(c);
}

static void ipv6_up(void *context, const struct ppp_ipv6 *ipv6)
{
	struct client *c = context;
	c->ipv6 = true;
	count_up(c);
}

static void nothing(void *context)
{
}

static void on_network(void *context, enum ppp_method method, const char *user)
{
}

static void on_end(void *context, enum ppp_end end, const char *message)
{
	struct client *c = context;
	c->is_broken = true;
	if (!c->load->ending && !c->load->marked && c->load->failed++ < 5)
		fprintf(stderr, "sessions_load: initiator %u: PPP ended: %s %s\n", c->number,
		        ppp_end_text(end), message);
}

static void on_session_up(void *context, const struct l2tp_path *path, const struct l2tp_call *call)
{
	struct load *l = context;
	struct client *c = l->by_tunnel[call->tunnel];
	static const struct ppp_parameters parameters = { .is_protected = true, .mru = 1400 };
	c->peer_tunnel = call->peer_tunnel;
	c->peer_session = call->peer_session;
	c->link = ppp_link_new(&l->ppp, &parameters, c);
	ppp_lower_up(c->link, l->now);
}

static void on_tunnel_down(void *context, uint16_t tunnel, const struct l2tp_reason *reason)
{
	struct load *l = context;
	struct client *c = l->by_tunnel[tunnel];
	if (c)
		c->is_broken = true;
	if (c && !l->ending && !l->marked && l->failed++ < 5)
		fprintf(stderr, "sessions_load: initiator %u: tunnel ended: cause %d result %u error %u %s\n",
		        c->number, reason->cause, reason->result, reason->error, reason->message);
}

static void attempt(struct client *c)
{
	struct load *l = c->load;
	struct l2tp_path path = l->path;
	path.local = c->local;
	int tunnel = l2tp_tunnel_open(l->e, &path, l->now);
	if (tunnel < 0 || l2tp_session_open(l->e, (uint16_t)tunnel, 0, l->now) < 0)
		die("no more tunnels");
	c->tunnel = (uint16_t)tunnel;
	c->begun = l->now;
	c->retry_at = 0;
	l->by_tunnel[tunnel] = c;
	l->attempts++;
}

static void begin_one(struct load *l)
{
	struct client *c = xcalloc(1, sizeof(*c));
	uint32_t address = ntohl(*(const uint32_t *)(const void *)(l->path.local.bytes + 12));
	*c = (struct client){ .load = l, .number = l->begun, .local = l->path.local };
	address = htonl(address + l->begun % l->n_addresses);
	memcpy(c->local.bytes + 12, &address, 4);
	l->clients[l->begun++] = c;
	l->in_progress++;
	attempt(c);
}

/* What is there of it goes, with a word to the concentrator, and it waits for its next attempt. */
static void take_down(struct client *c)
{
	struct load *l = c->load;
	uint32_t random;
	if (l->by_tunnel[c->tunnel] == c)
		l->by_tunnel[c->tunnel] = NULL;
	(void)l2tp_tunnel_close(l->e, c->tunnel, L2TP_STOP_REQUEST, NULL, l->now);
	c->link = ppp_link_free(c->link);
	random_bytes(l, &random, sizeof(random));
	c->retry_at = l->now +
	        backoff_next(
	                &c->backoff, c->up ? l->now - c->since : 0, RETRY_FIRST_MS, RETRY_LAST_MS, random);
	c->ipv4 = c->ipv6 = c->up = c->is_broken = false;
}

static void keep_up(struct client *c)
{
	struct load *l = c->load;
	if (l->ending || !l->again)
		return;
	if (!c->retry_at && !c->up && l->now > c->begun + STEP_MS)
		c->is_broken = true;
	if (c->is_broken)
		take_down(c);
	if (c->retry_at && c->retry_at <= l->now)
		attempt(c);
}

static void take(struct load *l, const uint8_t *p, size_t n, const union control *control)
{
	struct l2tp_data_header h;
	if (l2tp_is_control(p, n)) {
		const struct in_pktinfo *to = (const struct in_pktinfo *)CMSG_DATA(&control->header);
		struct l2tp_path path = l->path;
		memcpy(path.local.bytes + 12, &to->ipi_addr, 4);
		l2tp_receive(l->e, &path, p, n, l->now);
		return;
	}
	if (!l2tp_data_read(p, n, &h) || !l->by_tunnel[h.tunnel] || !l->by_tunnel[h.tunnel]->link)
		return;
	l->frames++;
	ppp_receive(l->by_tunnel[h.tunnel]->link, p + h.header_size, h.payload_size, l->now);
}

static void receive(struct load *l)
{
	for (;;) {
		int n = recvmmsg(l->fd, l->in, BATCH, MSG_DONTWAIT, NULL);
		if (n < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNREFUSED)
			die("recvmmsg");
		for (int i = 0; i < n; i++) {
			take(l, l->in_bytes[i], l->in[i].msg_len, &l->in_control[i]);
			l->in[i].msg_hdr.msg_controllen = sizeof(union control);
		}
		if (n < BATCH)
			return;
	}
}

static void tick(struct load *l)
{
	l2tp_tick(l->e, l->now);
	if (l->now < l->ticked + TICK_MS)
		return;
	l->ticked = l->now;
	for (unsigned i = 0; i < l->begun; i++) {
		struct client *c = l->clients[i];
		if (c->link && ppp_deadline(c->link) <= l->now)
			ppp_tick(c->link, l->now);
		keep_up(c);
	}
}

/* One turn; true where standard input has something. */
static bool turn(struct load *l)
{
	struct pollfd fds[] = { { l->fd, POLLIN, 0 }, { STDIN_FILENO, POLLIN, 0 } };
	flush(l);
	(void)poll(fds, 2, (int)MAX(0, MIN(l2tp_deadline(l->e) - l->now, 20)));
	l->now = clock_monotonic_ms();
	receive(l);
	tick(l);
	return fds[1].revents != 0;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

static void set_up(struct load *l)
{
	l->now = l->started = l->progress = clock_monotonic_ms();
	while (l->up < l->wanted && l->now < l->progress + GIVE_UP_MS) {
		while (l->begun < l->wanted && l->in_progress < l->at_once)
			begin_one(l);
		(void)turn(l);
	}
	double seconds = (double)(l->now - l->started) / 1000;
	qsort(l->latencies_ms, l->up, sizeof(uint32_t), compare);
	struct l2tp_counters c = l2tp_get_counters(l->e);
	printf("up %u of %u seconds %.3f rate %.0f median_ms %u p99_ms %u failed %u retransmitted %llu\n",
	        l->up, l->wanted, seconds, l->up / MAX(seconds, 0.001),
	        l->up ? l->latencies_ms[l->up / 2] : 0,
	        l->up ? l->latencies_ms[(uint64_t)l->up * 99 / 100] : 0, l->failed,
	        (unsigned long long)c.retransmitted);
	fflush(stdout);
}

static void mark(struct load *l)
{
	l->marked = l->now;
	l->n_back = l->attempts = 0;
	for (unsigned i = 0; i < l->begun; i++)
		l->clients[i]->is_marked = false;
	puts("marked");
	fflush(stdout);
}

static void say_back(struct load *l)
{
	qsort(l->back_ms, l->n_back, sizeof(uint32_t), compare);
	printf("back %u of %u first_ms %u p95_ms %u all_ms %u attempts %u\n", l->n_back, l->wanted,
	        l->back_ms[0], l->back_ms[(uint64_t)(l->n_back - 1) * 95 / 100], l->back_ms[l->n_back - 1],
	        l->attempts);
	fflush(stdout);
	l->n_back = 0; /* it is said once */
}

/* Whether the line that is there, or the end of all, says to end. */
static bool take_line(struct load *l)
{
	char line[16] = "";
	ssize_t n = read(STDIN_FILENO, line, sizeof(line) - 1);
	if (n <= 0 || !l->again || strcmp(line, "mark\n") != 0)
		return true;
	mark(l);
	return false;
}

static void hold(struct load *l)
{
	time_ms since = l->now;
	while (!turn(l) || !take_line(l))
		if (l->n_back == l->wanted)
			say_back(l);
	unsigned open = 0;
	for (unsigned i = 0; i < l->begun; i++)
		open += l->clients[i]->link && !ppp_is_ended(l->clients[i]->link);
	struct l2tp_counters c = l2tp_get_counters(l->e);
	printf("held %u of %u seconds %.1f sessions_of_l2tp %u frames %llu failed %u\n", open, l->wanted,
	        (double)(l->now - since) / 1000, c.sessions, (unsigned long long)l->frames, l->failed);
	fflush(stdout);
}

static void end_all(struct load *l)
{
	l->ending = true;
	time_ms since = l->now;
	for (unsigned i = 0; i < l->begun; i++) {
		(void)l2tp_tunnel_close(l->e, l->clients[i]->tunnel, L2TP_STOP_SHUTDOWN, NULL, l->now);
		if (i % 16 == 0)
			(void)turn(l);
	}
	/* What was sent last is acknowledged or sent again. */
	while (l->now < since + 3000)
		(void)turn(l);
	for (unsigned i = 0; i < l->begun; i++) {
		ppp_link_free(l->clients[i]->link);
		free(l->clients[i]);
	}
	free(l->clients);
}

static void prepare_batches(struct load *l, struct sockaddr_in *remote)
{
	for (unsigned i = 0; i < BATCH; i++) {
		l->out_parts[i].iov_base = l->out_bytes[i];
		l->in_parts[i] = (struct iovec){ l->in_bytes[i], DATAGRAM_MAX };
		l->out_control[i].header = (struct cmsghdr){ .cmsg_level = IPPROTO_IP,
			.cmsg_type = IP_PKTINFO,
			.cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo)) };
		l->out[i].msg_hdr = (struct msghdr){ .msg_name = remote,
			.msg_namelen = sizeof(*remote),
			.msg_iov = &l->out_parts[i],
			.msg_iovlen = 1,
			.msg_control = &l->out_control[i],
			.msg_controllen = sizeof(union control) };
		l->in[i].msg_hdr = (struct msghdr){ .msg_iov = &l->in_parts[i],
			.msg_iovlen = 1,
			.msg_control = &l->in_control[i],
			.msg_controllen = sizeof(union control) };
	}
}

static void open_socket(struct load *l)
{
	static struct sockaddr_in remote;
	struct sockaddr_in local = { .sin_family = AF_INET, .sin_port = htons(L2TP_PORT) };
	int size = 32 << 20, on = 1;
	remote = local;
	memcpy(&remote.sin_addr, l->path.remote.bytes + 12, 4);
	l->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (l->fd < 0 || bind(l->fd, (struct sockaddr *)&local, sizeof(local)) < 0 ||
	        setsockopt(l->fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) < 0)
		die("socket");
	(void)setsockopt(l->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	(void)setsockopt(l->fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	prepare_batches(l, &remote);
}

static void set_machines(struct load *l)
{
	static const struct ppp_callbacks callbacks = { .send = send_frame,
		.random = random_bytes,
		.get_secret = get_secret,
		.network = on_network,
		.ipv4_up = ipv4_up,
		.ipv4_down = nothing,
		.ipv6_up = ipv6_up,
		.ipv6_down = nothing,
		.ended = on_end };
	struct l2tp_config config = { .host_name = "load.example",
		.limits = { .tunnels = MIN(l->wanted, (uint32_t)L2TP_TUNNELS_MAX),
		        .draining = L2TP_DRAINING_MAX },
		.timing.hello_ms = 600000, /* the concentrator asks */
		.callbacks = { .send = on_send,
		        .random = random_bytes,
		        .tunnel_down = on_tunnel_down,
		        .session_up = on_session_up },
		.context = l };
	l->ppp = (struct ppp_config){ .role = PPP_INITIATOR,
		.give = { PPP_MSCHAPV2, PPP_CHAP_MD5 },
		.n_give = 2,
		.ipv4 = true,
		.ipv6 = true,
		.echo_ms = l->again ? ECHO_MS : 0,
		.echo_failures = ECHO_FAILURES,
		.callbacks = &callbacks };
	if (l2tp_endpoint_new(&config, &l->e) < 0)
		die("configuration");
}

int main(int argc, char **argv)
{
	struct load *l = xcalloc(1, sizeof(*l));
	l->again = argc > 1 && strcmp(argv[1], "--again") == 0;
	argc -= l->again;
	argv += l->again;
	l->path = (struct l2tp_path){ .local_port = L2TP_PORT, .remote_port = L2TP_PORT };
	if (argc != 8 || ip_parse(argv[1], &l->path.local) < 0 || ip_parse(argv[3], &l->path.remote) < 0 ||
	        !ip_is_v4(&l->path.local) || !ip_is_v4(&l->path.remote) || atoi(argv[2]) < 1 ||
	        atoi(argv[4]) < 1 || atoi(argv[4]) > L2TP_TUNNELS_MAX || atoi(argv[5]) < 1) {
		fprintf(stderr,
		        "usage: sessions_load [--again] LOCAL ADDRESSES REMOTE SESSIONS AT-ONCE USER-PREFIX "
		        "PASSWORD\n");
		return 2;
	}
	l->n_addresses = (uint32_t)atoi(argv[2]);
	l->wanted = (uint32_t)atoi(argv[4]);
	l->at_once = (uint32_t)atoi(argv[5]);
	l->user_prefix = argv[6];
	l->password = argv[7];
	l->latencies_ms = xcalloc(l->wanted, sizeof(uint32_t));
	l->back_ms = xcalloc(l->wanted, sizeof(uint32_t));
	l->clients = xcalloc(l->wanted, sizeof(struct client *));
	open_socket(l);
	set_machines(l);
	set_up(l);
	hold(l);
	end_all(l);
	int code = l->up == l->wanted ? 0 : 1;
	l2tp_endpoint_free(l->e);
	free(l->latencies_ms);
	free(l->back_ms);
	close(l->fd);
	free(l);
	return code;
}
