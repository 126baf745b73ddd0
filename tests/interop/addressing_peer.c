/* SPDX-License-Identifier: ISC */
/*
 * One end of a softwire's addressing on a TUN of this namespace, whose kernel and programs are the other end.
 * Says what it gave or got, a line each, and writes every packet that it sends to a capture file.
 *
 *     addressing-peer router TUN CAPTURE      the concentrator's end: nd_router and dhcp6_server
 *     addressing-peer host TUN CAPTURE        the initiator's end: nd_host and dhcp6_client
 *
 * On SIGTERM the router ceases, the host releases.
 */
#include "proto/dhcp6/dhcp6.h"
#include "proto/nd/nd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/time.h>
#include <unistd.h>

static volatile sig_atomic_t ending;

static void on_signal(int number)
{
	ending = 1;
}

struct peer {
	int tun;
	FILE *capture;
	struct nd_counters nd_counters;
	struct dhcp6_counters dhcp6_counters;
	/* router */
	struct nd_router router;
	struct nd_router_config router_config;
	struct dhcp6_server server;
	struct dhcp6_server_config server_config;
	struct nd_prefix prefix;
	struct ip_prefix delegated;
	struct ip_address dns, address;
	struct dhcp6_duid duid;
	/* host */
	struct nd_host host;
	struct dhcp6_client client;
};

static const char *const search[] = { "example.org" };

static uint64_t fresh_random(void)
{
	uint64_t r = 0;
	if (getrandom(&r, sizeof(r), 0) < 0)
		abort();
	return r;
}

static struct ip_address ip(const char *text)
{
	struct ip_address a;
	if (ip_parse(text, &a) < 0)
		abort();
	return a;
}

/* pcap, LINKTYPE_RAW. */
static void open_capture(struct peer *p, const char *path)
{
	const uint32_t header[6] = { 0xa1b2c3d4, 4 << 16 | 2, 0, 0, 65535, 101 };
	p->capture = fopen(path, "w");
	if (!p->capture || fwrite(header, sizeof(header), 1, p->capture) != 1)
		abort();
}

static void send_packet(struct peer *p, const struct ip6_output *o)
{
	struct timeval now;
	if (!o->length)
		return;
	gettimeofday(&now, NULL);
	const uint32_t header[4] = { (uint32_t)now.tv_sec, (uint32_t)now.tv_usec, (uint32_t)o->length,
		(uint32_t)o->length };
	if (fwrite(header, sizeof(header), 1, p->capture) != 1 ||
	        fwrite(o->bytes, o->length, 1, p->capture) != 1)
		abort();
	fflush(p->capture);
	if (write(p->tun, o->bytes, o->length) < 0 && errno != EIO) /* EIO: the interface is still down */
		fprintf(stderr, "write: %s\n", strerror(errno));
}

/* ---- router ---- */

static void router_start(struct peer *p)
{
	const uint8_t id[8] = { 2, 0, 0, 0, 0, 0, 0, 1 };
	p->prefix = (struct nd_prefix){ { ip("2001:db8:9000:1::"), 64 }, true, true, 7200, 3600 };
	p->delegated = (struct ip_prefix){ ip("2001:db8:a000::"), 56 };
	p->dns = ip("2001:db8::53");
	p->address = ip("2001:db8:9000:2::5");
	p->router_config = (struct nd_router_config){ .link_local = ip6_link_local(id),
		.mtu = 1400,
		.other = true,
		.lifetime_s = ND_RA_LIFETIME_S,
		.prefixes = &p->prefix,
		.n_prefixes = 1,
		.dns = &p->dns,
		.n_dns = 1,
		.search = search,
		.n_search = 1,
		.counters = &p->nd_counters };
	p->server_config = (struct dhcp6_server_config){ .duid = &p->duid,
		.link_local = ip6_link_local(id),
		.rapid_commit = true,
		.preferred_s = 24, /* so that the client renews soon */
		.valid_s = 40,
		.delegated = &p->delegated,
		.n_delegated = 1,
		.addresses = &p->address,
		.n_addresses = 1,
		.dns = &p->dns,
		.n_dns = 1,
		.search = search,
		.n_search = 1,
		.counters = &p->dhcp6_counters };
	dhcp6_duid_from_uuid(&p->duid, (const uint8_t[16]){ 1 });
	nd_router_start(&p->router, clock_monotonic_ms());
	dhcp6_server_start(&p->server);
}

static void router_receive(struct peer *p, const uint8_t *packet, size_t n, time_ms now)
{
	struct ip6_output out;
	if (packet[6] == IP6_ICMPV6)
		nd_router_receive(
		        &p->router, &p->router_config, packet, n, now, (uint32_t)fresh_random(), &out);
	else {
		uint64_t renews = p->dhcp6_counters.renews;
		enum dhcp6_server_event e =
		        dhcp6_server_receive(&p->server, &p->server_config, packet, n, now, &out);
		if (e == DHCP6_SERVER_BOUND)
			printf("%s\n", p->dhcp6_counters.renews > renews ? "renewed" : "bound");
		else if (e == DHCP6_SERVER_RELEASED)
			printf("released\n");
	}
	send_packet(p, &out);
}

/* ---- host ---- */

static void host_start(struct peer *p)
{
	const struct nd_host_config h = {
		.interface_id = { 2, 0, 0, 0, 0, 0, 0, 2 }, .mtu = 1420, .counters = &p->nd_counters
	};
	struct dhcp6_client_config c = { .iaid = 1,
		.link_local = ip6_link_local(h.interface_id),
		.rapid_commit = true,
		.want_prefix = true,
		.counters = &p->dhcp6_counters };
	dhcp6_duid_from_uuid(&c.duid, (const uint8_t[16]){ 2 });
	nd_host_start(&p->host, &h, clock_monotonic_ms());
	dhcp6_client_start(&p->client, &c, clock_monotonic_ms(), fresh_random());
}

static void tell_host(const struct peer *p)
{
	char text[IP_TEXT_SIZE];
	for (size_t i = 0; i < p->host.n_addresses; i++)
		printf("address %s%s\n", ip_format(&p->host.addresses[i].address, text),
		        p->host.addresses[i].preferred ? "" : " deprecated");
	printf("router %s %s mtu %u\n", ip_format(&p->host.router, text),
	        p->host.router_until ? "up" : "down", p->host.mtu);
	for (size_t i = 0; i < p->host.n_dns; i++)
		printf("dns %s\n", ip_format(&p->host.dns[i].address, text));
	for (size_t i = 0; i < p->host.n_search; i++)
		printf("search %s\n", p->host.search[i].name);
}

static void tell_client(const struct peer *p)
{
	char text[IP_TEXT_SIZE];
	for (size_t i = 0; i < p->client.n_prefixes; i++)
		printf("prefix %s\n", ip_prefix_format(&p->client.prefixes[i].prefix, text));
	for (size_t i = 0; i < p->client.n_dns; i++)
		printf("dhcp dns %s\n", ip_format(&p->client.dns[i], text));
}

static void host_receive(struct peer *p, const uint8_t *packet, size_t n, time_ms now)
{
	struct ip6_output out;
	enum dhcp6_client_state before = p->client.state;
	if (packet[6] == IP6_ICMPV6) {
		if (nd_host_receive(&p->host, packet, n, now, &out))
			tell_host(p);
	} else {
		if (dhcp6_client_receive(&p->client, packet, n, now, fresh_random(), &out))
			tell_client(p);
		if (before == DHCP6_RENEWING && p->client.state == DHCP6_BOUND)
			printf("renewed\n");
		if (before == DHCP6_RELEASING && p->client.state == DHCP6_IDLE)
			printf("released\n");
	}
	send_packet(p, &out);
}

/* ---- both ---- */

static time_ms run(struct peer *p, bool router, time_ms now)
{
	struct ip6_output out;
	if (router) {
		nd_router_run(&p->router, &p->router_config, now, (uint32_t)fresh_random(), &out);
		send_packet(p, &out);
		return nd_router_due(&p->router);
	}
	if (nd_host_run(&p->host, now, (uint32_t)fresh_random(), &out))
		tell_host(p);
	send_packet(p, &out);
	if (dhcp6_client_run(&p->client, now, fresh_random(), &out))
		tell_client(p);
	send_packet(p, &out);
	return MIN(nd_host_due(&p->host), dhcp6_client_due(&p->client));
}

static void finish(struct peer *p, bool router)
{
	struct ip6_output out;
	uint8_t packet[2048];
	if (router)
		nd_router_cease(&p->router, &p->router_config, &out);
	else
		dhcp6_client_release(&p->client, clock_monotonic_ms(), fresh_random(), &out);
	send_packet(p, &out);
	for (time_ms end = clock_monotonic_ms() + 2000;
	        !router && p->client.state == DHCP6_RELEASING && clock_monotonic_ms() < end;) {
		struct pollfd f = { p->tun, POLLIN, 0 };
		ssize_t n = poll(&f, 1, 100) > 0 ? read(p->tun, packet, sizeof(packet)) : 0;
		if (n > 0 && ip6_is_for_link(packet, (size_t)n))
			host_receive(p, packet, (size_t)n, clock_monotonic_ms());
	}
}

static int open_tun(const char *name)
{
	struct ifreq r = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	return fd < 0 || ioctl(fd, TUNSETIFF, &r) < 0 ? -1 : fd;
}

int main(int argc, char **argv)
{
	static struct peer p;
	uint8_t packet[2048];
	struct sigaction action = { .sa_handler = on_signal };
	if (argc != 4 || (p.tun = open_tun(argv[2])) < 0) {
		fprintf(stderr, "addressing-peer: %s\n",
		        argc == 4 ? strerror(errno) : "router|host TUN CAPTURE");
		return 2;
	}
	bool router = strcmp(argv[1], "router") == 0;
	sigaction(SIGTERM, &action, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	open_capture(&p, argv[3]);
	printf("ready\n");
	sleep(1); /* for the interface to be brought up */
	if (router)
		router_start(&p);
	else
		host_start(&p);
	while (!ending) {
		time_ms now = clock_monotonic_ms(), due = run(&p, router, now);
		struct pollfd f = { p.tun, POLLIN, 0 };
		if (poll(&f, 1, (int)MAX(0, MIN(due - now, 1000))) <= 0)
			continue;
		ssize_t n = read(p.tun, packet, sizeof(packet));
		if (n > 0 && ip6_is_for_link(packet, (size_t)n))
			(router ? router_receive : host_receive)(&p, packet, (size_t)n, clock_monotonic_ms());
	}
	finish(&p, router);
	printf("refused %d malformed %d\n",
	        (int)(p.nd_counters.refused_advertisement + p.dhcp6_counters.refused_server_message),
	        (int)(p.nd_counters.malformed + p.dhcp6_counters.malformed));
	fclose(p.capture);
	return 0;
}
