/* SPDX-License-Identifier: ISC */
/*
 * Our L2TP and PPP machines on a UDP socket, in either role, without IPsec and without a data plane: for
 * tests against other people's ends.
 *
 *   ppp_peer initiator LOCAL REMOTE METHOD USER PASSWORD [ECHO-TARGET]
 *   ppp_peer concentrator LOCAL PORT METHOD USER PASSWORD GATEWAY CLIENT-ADDRESS SESSIONS
 *
 * METHOD: pap, chap, mschapv2, eap-md5, eap-mschapv2 (the latter two: initiator). The initiator brings IPCP
 * and IPV6CP up as far as the other end has them, sends echo requests inside to ECHO-TARGET (the peer's own
 * address without it) and to the peer's link-local address, closes and exits 0 when all were answered. The
 * concentrator answers echo requests and exits 0 when that many sessions have had an NCP up and ended.
 */
#include "proto/l2tp/data.h"
#include "proto/l2tp/l2tp.h"
#include "proto/ppp/ppp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define ECHO_MS 500
#define PATIENCE_MS 30000 /* for NCPs and echoes of an initiator */

struct peer {
	int fd;
	bool initiator, done, failed;
	struct l2tp_endpoint *l2tp;
	struct ppp_config config;
	struct ppp_link *link;
	struct l2tp_call call;
	struct l2tp_path path;
	bool ended, ipv4, ipv6, had_network, session_gone;
	struct ppp_ipv4 v4;
	struct ppp_ipv6 v6;
	struct ppp_secret secret;
	struct ppp_grant grant;
	uint8_t target[4];
	bool echo4, echo6, only4; /* answered; only the target is asked */
	unsigned sessions, echoes_answered;
	time_ms started, echo_at;
};

static time_ms now(void)
{
	return clock_monotonic_ms();
}

static void say(const char *format, ...) PRINTF_LIKE(1, 2);
static void say(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	(void)vprintf(format, args);
	va_end(args);
	(void)putchar('\n');
	(void)fflush(stdout);
}

static void send_to(struct peer *p, const struct l2tp_path *path, const void *bytes, size_t n)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(path->remote_port) };
	memcpy(&to.sin_addr, path->remote.bytes + 12, 4);
	(void)sendto(p->fd, bytes, n, 0, (struct sockaddr *)&to, sizeof(to));
}

/* --- what goes on the link --- */

static void send_frame(void *context, const uint8_t *frame, size_t length)
{
	struct peer *p = context;
	uint8_t packet[L2TP_DATA_HEADER_SIZE_SEQUENCED + 2 + PPP_FRAME_MAX];
	size_t n = l2tp_data_write(packet, p->call.peer_tunnel, p->call.peer_session, false, false, 0);
	packet[n++] = 0xff;
	packet[n++] = 0x03;
	memcpy(packet + n, frame, length);
	send_to(p, &p->path, packet, n + length);
}

static uint32_t sum(const uint8_t *bytes, size_t n, uint32_t sum)
{
	for (size_t i = 0; i < n; i++)
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	return sum;
}

static void put_checksum(uint8_t *at, uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	l2tp_put_u16(at, (uint16_t)~sum);
}

#define ECHO_SIZE 16
/* frame: protocol, IPv4 header, ICMP. */
static void send_echo4(struct peer *p, const uint8_t to[4])
{
	uint8_t frame[2 + 20 + ECHO_SIZE] = { 0x00, 0x21, 0x45, 0, 0, 20 + ECHO_SIZE, 0, 1, 0, 0, 64, 1 };
	uint8_t *ip = frame + 2, *icmp = frame + 22;
	memcpy(ip + 12, p->v4.local, 4);
	memcpy(ip + 16, to, 4);
	put_checksum(ip + 10, sum(ip, 20, 0));
	icmp[0] = 8;
	memset(icmp + 4, 'p', 12);
	put_checksum(icmp + 2, sum(icmp, ECHO_SIZE, 0));
	send_frame(p, frame, sizeof(frame));
}

static void checksum6(uint8_t *ip, size_t n)
{
	ip[42] = ip[43] = 0;
	put_checksum(ip + 42, sum(ip + 8, 32, sum(ip + 40, n, (uint32_t)n + 58)));
}

static void send_echo6(struct peer *p)
{
	uint8_t frame[2 + 40 + ECHO_SIZE] = { 0x00, 0x57, 0x60, 0, 0, 0, 0, ECHO_SIZE, 58, 64, 0xfe, 0x80 };
	uint8_t *ip = frame + 2;
	memcpy(ip + 16, p->v6.local, 8);
	ip[24] = 0xfe;
	ip[25] = 0x80;
	memcpy(ip + 32, p->v6.peer, 8);
	ip[40] = 128;
	memset(ip + 44, 'p', 12);
	checksum6(ip, ECHO_SIZE);
	send_frame(p, frame, sizeof(frame));
}

/* An echo request becomes its reply where it lies; a reply to ours is noted. */
static void on_ipv4(struct peer *p, uint8_t *frame, size_t n)
{
	uint8_t *ip = frame + 2, swap[4];
	if (!p->ipv4 || n < 2 + 28 || ip[0] != 0x45 || ip[9] != 1 || memcmp(ip + 16, p->v4.local, 4) != 0)
		return;
	if (ip[20] == 0 && memcmp(ip + 12, p->target, 4) == 0 && !p->echo4) {
		p->echo4 = true;
		say("echo: IPv4 reply from %u.%u.%u.%u", ip[12], ip[13], ip[14], ip[15]);
	} else if (ip[20] == 8) {
		memcpy(swap, ip + 12, 4);
		memcpy(ip + 12, ip + 16, 4);
		memcpy(ip + 16, swap, 4);
		ip[20] = ip[22] = ip[23] = 0;
		put_checksum(ip + 22, sum(ip + 20, n - 22, 0));
		p->echoes_answered++;
		send_frame(p, frame, n);
	}
}

static void on_ipv6(struct peer *p, uint8_t *frame, size_t n)
{
	uint8_t *ip = frame + 2, swap[16];
	if (!p->ipv6 || n < 2 + 48 || ip[6] != 58 || memcmp(ip + 32, p->v6.local, 8) != 0)
		return;
	if (ip[40] == 129 && memcmp(ip + 16, p->v6.peer, 8) == 0 && !p->echo6) {
		p->echo6 = true;
		say("echo: IPv6 reply from the peer's link-local address");
	} else if (ip[40] == 128) {
		memcpy(swap, ip + 8, 16);
		memcpy(ip + 8, ip + 24, 16);
		memcpy(ip + 24, swap, 16);
		ip[40] = 129;
		checksum6(ip, n - 42);
		p->echoes_answered++;
		send_frame(p, frame, n);
	}
}

/* --- PPP --- */

static void on_random(void *context, void *bytes, size_t n)
{
	if (getrandom(bytes, n, 0) != (ssize_t)n)
		abort();
}

static void on_authenticate(void *context, const struct ppp_auth_request *request)
{
	struct peer *p = context;
	char message[PPP_MESSAGE_MAX] = "";
	bool good = strcmp(request->user, p->secret.user) == 0 &&
	        ppp_verify_password(request, p->secret.password, message);
	struct ppp_auth_answer answer = { .verdict = good ? PPP_ACCEPT : PPP_REJECT, .message = message };
	say("%s: %s %s", ppp_method_text(request->method), request->user, good ? "accepted" : "rejected");
	(void)ppp_answer(p->link, request->id, &answer, now());
}

static int on_get_secret(void *context, enum ppp_method method, const char *name, struct ppp_secret *ret)
{
	struct peer *p = context;
	say("asked: %s by '%s'", ppp_method_text(method), name);
	*ret = p->secret;
	return 0;
}

static void on_network(void *context, enum ppp_method method, const char *user)
{
	struct peer *p = context;
	say("network: MTU %u", ppp_mtu(p->link));
	if (!p->initiator)
		(void)ppp_grant(p->link, &p->grant, now());
	p->started = now();
}

static const char *text4(const uint8_t address[4])
{
	static char texts[4][INET_ADDRSTRLEN];
	static unsigned next;
	return inet_ntop(AF_INET, address, texts[next++ % 4], INET_ADDRSTRLEN);
}

static void on_ipv4_up(void *context, const struct ppp_ipv4 *v4)
{
	struct peer *p = context;
	p->ipv4 = p->had_network = true;
	p->v4 = *v4;
	if (p->target[0] == 0)
		memcpy(p->target, v4->peer, 4);
	say("ipv4: local %s peer %s dns %s", text4(v4->local), text4(v4->peer), text4(v4->name_servers[0]));
}

static void on_ipv4_down(void *context)
{
	((struct peer *)context)->ipv4 = false;
	say("ipv4: down");
}

static void on_ipv6_up(void *context, const struct ppp_ipv6 *v6)
{
	struct peer *p = context;
	p->ipv6 = p->had_network = true;
	p->v6 = *v6;
	say("ipv6: up");
}

static void on_ipv6_down(void *context)
{
	((struct peer *)context)->ipv6 = false;
	say("ipv6: down");
}

static void on_ended(void *context, enum ppp_end end, const char *message)
{
	struct peer *p = context;
	p->ended = true;
	say("ended: %s%s%s", ppp_end_text(end), *message ? ": " : "", message);
}

static const struct ppp_callbacks ppp_callbacks = { send_frame, on_random, on_authenticate, on_get_secret,
	on_network, on_ipv4_up, on_ipv4_down, on_ipv6_up, on_ipv6_down, on_ended };

/* --- L2TP --- */

static void on_l2tp_send(void *context, const struct l2tp_path *path, const void *bytes, size_t n)
{
	send_to(context, path, bytes, n);
}

static void on_tunnel_up(
        void *context, uint16_t tunnel, const struct l2tp_path *path, const struct l2tp_peer *peer)
{
	say("tunnel: up with %s (%s)", peer->host_name, peer->vendor_name);
}

static void on_tunnel_down(void *context, uint16_t tunnel, const struct l2tp_reason *reason)
{
	struct peer *p = context;
	say("tunnel: down, cause %d result %u %s", reason->cause, reason->result, reason->message);
	if (p->initiator)
		p->done = true;
}

static void on_session_up(void *context, const struct l2tp_path *path, const struct l2tp_call *call)
{
	struct peer *p = context;
	const struct ppp_parameters parameters = { .is_protected = true, .mru = 1400 };
	if (p->link) {
		say("session: a second one is not carried");
		return;
	}
	p->path = *path;
	p->call = *call;
	p->ended = p->had_network = p->session_gone = false;
	p->link = ppp_link_new(&p->config, &parameters, p);
	ppp_lower_up(p->link, now());
}

static void on_session_down(
        void *context, uint16_t tunnel, uint16_t session, const struct l2tp_reason *reason)
{
	struct peer *p = context;
	say("session: down, cause %d result %u %s", reason->cause, reason->result, reason->message);
	if (p->link && session == p->call.session)
		p->session_gone = true;
}

/* --- the loop --- */

static void on_data(struct peer *p, uint8_t *packet, size_t n)
{
	struct l2tp_data_header header;
	if (!l2tp_data_read(packet, n, &header) || !p->link || header.tunnel != p->call.tunnel ||
	        header.session != p->call.session)
		return;
	uint8_t *frame = packet + header.header_size;
	n = header.payload_size;
	if (n >= 2 && frame[0] == 0xff && frame[1] == 0x03) {
		frame += 2;
		n -= 2;
	}
	if (n > 2 && frame[0] == 0 && frame[1] == 0x21)
		on_ipv4(p, frame, n);
	else if (n > 2 && frame[0] == 0 && frame[1] == 0x57)
		on_ipv6(p, frame, n);
	else
		ppp_receive(p->link, frame, n, now());
}

static void receive(struct peer *p)
{
	uint8_t packet[L2TP_PACKET_MAX];
	struct sockaddr_in from;
	socklen_t size = sizeof(from);
	ssize_t n = recvfrom(p->fd, packet, sizeof(packet), MSG_DONTWAIT, (struct sockaddr *)&from, &size);
	if (n <= 0)
		return;
	struct l2tp_path path = p->path;
	(void)ip_from_sockaddr((struct sockaddr *)&from, &path.remote, &path.remote_port);
	if (l2tp_is_control(packet, (size_t)n))
		l2tp_receive(p->l2tp, &path, packet, (size_t)n, now());
	else
		on_data(p, packet, (size_t)n);
}

static void end_session(struct peer *p)
{
	if (p->link && p->session_gone && !p->ended)
		ppp_lower_down(p->link, now());
	if (!p->link || !p->ended)
		return;
	if (!p->session_gone)
		(void)l2tp_session_close(
		        p->l2tp, p->call.tunnel, p->call.session, L2TP_CDN_ADMINISTRATIVE, NULL, now());
	p->link = ppp_link_free(p->link);
	if (p->initiator) {
		(void)l2tp_tunnel_close(p->l2tp, p->call.tunnel, L2TP_STOP_REQUEST, NULL, now());
		p->done = true;
	} else if (p->had_network) {
		say("session: over, %u echo requests were answered", p->echoes_answered);
		p->done = --p->sessions == 0;
	}
}

/* The initiator: echo requests until all that can be answered is, then it closes. */
static void initiate(struct peer *p)
{
	if (!p->link || p->ended || !p->had_network || now() < p->echo_at)
		return;
	bool settled = now() - p->started > 3000 || (p->ipv4 && p->ipv6); /* no more NCPs will come */
	bool all = settled && (!p->ipv4 || p->echo4) && (!p->ipv6 || p->echo6);
	if (p->only4 ? p->echo4 : all) {
		say("all echo requests are answered");
		ppp_close(p->link, PPP_END_CLOSED, now());
		p->echo_at = INT64_MAX;
		return;
	}
	p->echo_at = now() + ECHO_MS;
	if (p->ipv4 && !p->echo4)
		send_echo4(p, p->target);
	if (p->ipv6 && !p->echo6 && !p->only4)
		send_echo6(p);
}

static void run(struct peer *p)
{
	time_ms start = now();
	while (!p->done && !p->failed) {
		time_ms at = l2tp_deadline(p->l2tp), rest;
		if (p->link)
			at = MIN(at, ppp_deadline(p->link));
		rest = MAX(0, MIN(at - now(), p->initiator ? 50 : 1000));
		struct pollfd event = { .fd = p->fd, .events = POLLIN };
		if (poll(&event, 1, (int)rest) > 0)
			receive(p);
		l2tp_tick(p->l2tp, now());
		if (p->link && ppp_deadline(p->link) <= now())
			ppp_tick(p->link, now());
		if (p->initiator)
			initiate(p);
		end_session(p);
		if (p->initiator && now() - start > PATIENCE_MS) {
			say("out of patience");
			p->failed = true;
			l2tp_close_all(p->l2tp, L2TP_STOP_REQUEST, NULL, now());
		}
	}
	/* What closes the tunnel wants its acknowledgement. */
	for (unsigned i = 0; i < 20 && l2tp_get_counters(p->l2tp).draining; i++) {
		struct pollfd event = { .fd = p->fd, .events = POLLIN };
		if (poll(&event, 1, 50) > 0)
			receive(p);
		l2tp_tick(p->l2tp, now());
	}
}

static bool set_method(struct peer *p, const char *name)
{
	static const struct {
		const char *name;
		enum ppp_method method;
		enum ppp_eap_type type;
	} methods[] = { { "pap", PPP_PAP, 0 }, { "chap", PPP_CHAP_MD5, 0 }, { "mschapv2", PPP_MSCHAPV2, 0 },
		{ "eap-md5", PPP_EAP, PPP_EAP_MD5 }, { "eap-mschapv2", PPP_EAP, PPP_EAP_MSCHAPV2 } };
	for (size_t i = 0; i < ARRAY_LENGTH(methods); i++)
		if (strcmp(methods[i].name, name) == 0) {
			enum ppp_method *list = p->initiator ? p->config.give : p->config.demand;
			list[0] = methods[i].method;
			*(p->initiator ? &p->config.n_give : &p->config.n_demand) = 1;
			p->config.eap[0] = methods[i].type;
			p->config.n_eap = methods[i].type ? 1 : 0;
			return p->initiator || !methods[i].type;
		}
	return false;
}

static void open_socket(struct peer *p, const char *local, uint16_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
	p->fd = socket(AF_INET, SOCK_DGRAM, 0);
	p->path.local_port = port;
	if (p->fd < 0 || inet_pton(AF_INET, local, &address.sin_addr) != 1 ||
	        ip_parse(local, &p->path.local) < 0 ||
	        bind(p->fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		(void)fprintf(stderr, "ppp_peer: %s: %s\n", local, strerror(errno));
		exit(1);
	}
}

static void open_endpoint(struct peer *p)
{
	const struct l2tp_config config = { .host_name = "pratique",
		.vendor_name = "Pratique",
		.accept = !p->initiator,
		.callbacks = { .send = on_l2tp_send,
		        .random = on_random,
		        .tunnel_up = on_tunnel_up,
		        .tunnel_down = on_tunnel_down,
		        .session_up = on_session_up,
		        .session_down = on_session_down },
		.context = p };
	if (l2tp_endpoint_new(&config, &p->l2tp) < 0)
		exit(1);
}

static int usage(void)
{
	(void)fprintf(stderr,
	        "usage: ppp_peer initiator LOCAL REMOTE METHOD USER PASSWORD [ECHO-TARGET]\n"
	        "       ppp_peer concentrator LOCAL PORT METHOD USER PASSWORD GATEWAY CLIENT SESSIONS\n");
	return 2;
}

int main(int argc, char **argv)
{
	struct peer p = { .initiator = argc > 1 && strcmp(argv[1], "initiator") == 0 };
	if (argc < (p.initiator ? 7 : 10) || !set_method(&p, argv[4]))
		return usage();
	(void)snprintf(p.secret.user, sizeof(p.secret.user), "%s", argv[5]);
	(void)snprintf(p.secret.password, sizeof(p.secret.password), "%s", argv[6]);
	p.config.role = p.initiator ? PPP_INITIATOR : PPP_CONCENTRATOR;
	p.config.ipv4 = p.config.ipv6 = p.config.name_servers = true;
	p.config.echo_ms = 5000;
	p.config.callbacks = &ppp_callbacks;
	open_socket(&p, argv[2], p.initiator ? 0 : (uint16_t)strtoul(argv[3], NULL, 10));
	open_endpoint(&p);
	if (p.initiator) {
		p.path.remote_port = L2TP_PORT;
		p.only4 = argc > 7;
		if (ip_parse(argv[3], &p.path.remote) < 0 ||
		        (argc > 7 && inet_pton(AF_INET, argv[7], p.target) != 1))
			return usage();
		int tunnel = l2tp_tunnel_open(p.l2tp, &p.path, now());
		if (tunnel < 0 || l2tp_session_open(p.l2tp, (uint16_t)tunnel, 0, now()) < 0)
			return 1;
	} else {
		p.grant.ipv4 = p.grant.ipv6 = true;
		p.sessions = (unsigned)strtoul(argv[9], NULL, 10);
		if (inet_pton(AF_INET, argv[7], p.grant.v4.local) != 1 ||
		        inet_pton(AF_INET, argv[8], p.grant.v4.peer) != 1)
			return usage();
		memcpy(p.grant.v4.name_servers[0], p.grant.v4.local, 4);
		say("listening");
	}
	run(&p);
	ppp_link_free(p.link);
	l2tp_endpoint_free(p.l2tp);
	(void)close(p.fd);
	return p.initiator && !(p.echo4 || p.echo6) ? 1 : p.failed;
}
