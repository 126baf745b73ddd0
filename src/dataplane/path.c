/* SPDX-License-Identifier: ISC */
#include "dataplane/path.h"

#include <netinet/udp.h>
#include <string.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

static bool is_any(const struct ip_address *a)
{
	static const struct ip_address any6, any4 = { { [10] = 0xff, [11] = 0xff } };
	return ip_equal(a, &any6) || ip_equal(a, &any4);
}

int path_find_address(const struct dataplane_config *config, const struct ip_address *local)
{
	int found = -1;
	for (uint32_t i = 0; i < config->n_addresses; i++) {
		const struct ip_address *a = &config->addresses[i].ip;
		if (ip_equal(a, local))
			return (int)i;
		if (is_any(a) && ip_is_v4(a) == ip_is_v4(local))
			found = (int)i;
	}
	return found;
}

static void set_name(struct path *p)
{
	/* Raw IPv6 sockets want no port. */
	uint16_t port = p->kind == DATAPLANE_ESP ? 0 : p->remote_port;
	if (ip_is_v4(&p->remote)) {
		p->name.v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port) };
		memcpy(&p->name.v4.sin_addr, p->remote.bytes + 12, 4);
		p->name_length = sizeof(p->name.v4);
	} else {
		p->name.v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(port) };
		memcpy(&p->name.v6.sin6_addr, p->remote.bytes, 16);
		p->name_length = sizeof(p->name.v6);
	}
}

struct path *path_new(const struct dataplane_config *config, enum dataplane_socket_kind kind,
        const struct ip_address *local, uint16_t local_port, const struct ip_address *remote,
        uint16_t remote_port)
{
	/* Where the local address is left open it is of the remote one's family. */
	struct ip_address from = *local;
	if (is_any(local) && ip_is_v4(local) != ip_is_v4(remote))
		from = (struct ip_address){
			{ [10] = ip_is_v4(remote) ? 0xff : 0, [11] = ip_is_v4(remote) ? 0xff : 0 }
		};
	int address = ip_is_v4(&from) == ip_is_v4(remote) ? path_find_address(config, &from) : -1;
	if (address < 0)
		return NULL;
	struct path *p = xcalloc(1, sizeof(*p));
	*p = (struct path){ .local = from,
		.remote = *remote,
		.local_port = local_port,
		.remote_port = remote_port,
		.kind = (uint8_t)kind,
		.address = (uint8_t)address,
		.name_source = !is_any(&from) && is_any(&config->addresses[address].ip) };
	set_name(p);
	return p;
}

bool path_same(const struct path *a, const struct path *b)
{
	return ip_equal(&a->local, &b->local) && ip_equal(&a->remote, &b->remote) && a->kind == b->kind &&
	        a->local_port == b->local_port && a->remote_port == b->remote_port;
}

uint16_t path_ask_mtu(const struct path *p)
{
	bool v4 = ip_is_v4(&p->remote);
	int fd = socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return PATH_MTU_UNKNOWN;
	struct path probe = *p;
	probe.kind = DATAPLANE_IKE;
	probe.remote_port = 500;
	set_name(&probe);
	int mtu = 0;
	socklen_t size = sizeof(mtu);
	if (connect(fd, (const struct sockaddr *)&probe.name, probe.name_length) != 0 ||
	        getsockopt(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_MTU : IPV6_MTU, &mtu, &size) != 0)
		mtu = PATH_MTU_UNKNOWN;
	close(fd);
	return (uint16_t)(mtu <= 0 || mtu > PATH_MTU_UNKNOWN ? PATH_MTU_UNKNOWN : mtu);
}

static void add_source(const struct path *p, struct cmsghdr *c)
{
	if (ip_is_v4(&p->local)) {
		struct in_pktinfo info = { 0 };
		memcpy(&info.ipi_spec_dst, p->local.bytes + 12, 4);
		c->cmsg_level = IPPROTO_IP;
		c->cmsg_type = IP_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(c), &info, sizeof(info));
	} else {
		struct in6_pktinfo info = { 0 };
		memcpy(&info.ipi6_addr, p->local.bytes, 16);
		c->cmsg_level = IPPROTO_IPV6;
		c->cmsg_type = IPV6_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(c), &info, sizeof(info));
	}
}

void path_address_message(const struct path *p, struct msghdr *m, void *control, uint16_t segment)
{
	m->msg_name = (void *)&p->name;
	m->msg_namelen = p->name_length;
	m->msg_control = NULL;
	m->msg_controllen = 0;
	uint8_t *at = control;
	if (p->name_source) {
		struct cmsghdr *c = (struct cmsghdr *)(void *)at;
		add_source(p, c);
		at += CMSG_ALIGN(c->cmsg_len);
	}
	if (segment) {
		struct cmsghdr *c = (struct cmsghdr *)(void *)at;
		c->cmsg_level = IPPROTO_UDP;
		c->cmsg_type = UDP_SEGMENT;
		c->cmsg_len = CMSG_LEN(sizeof(segment));
		memcpy(CMSG_DATA(c), &segment, sizeof(segment));
		at += CMSG_SPACE(sizeof(segment));
	}
	if (at == (uint8_t *)control)
		return;
	m->msg_control = control;
	m->msg_controllen = (size_t)(at - (uint8_t *)control);
}
