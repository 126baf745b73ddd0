/* SPDX-License-Identifier: ISC */
#include "enforcer/kernel.h"
#include "base/table.h"
#include "enforcer/rtnetlink.h"
#include "net/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define EVENT_BUFFER_SIZE (4 << 20) /* of the socket: a storm of neighbours must not overrun it */
#define READ_BATCH 256              /* messages before others get their turn */

/* A network device that is one of our links, or a port of one. */
struct device {
	unsigned index;
	uint16_t link;
	char name[IFNAMSIZ];
	bool is_port; /* else it is the link itself */
};

struct kernel {
	struct links *links;
	const struct kernel_handlers *handlers;
	void *context;
	struct mnl_socket *events, *requests, *questions;
	struct table *devices; /* index -> device */
	uint32_t sequence;
};

/* ---- life ---- */

int kernel_new(struct links *links, const struct kernel_handlers *handlers, void *context,
        struct kernel **ret, struct error *err)
{
	struct kernel *k = xcalloc(1, sizeof(*k));
	int size = EVENT_BUFFER_SIZE;
	*k = (struct kernel){
		.links = links, .handlers = handlers, .context = context, .devices = table_new()
	};
	int r = netlink_socket_open(
	        NETLINK_ROUTE, SOCK_NONBLOCK, RTMGRP_LINK | RTMGRP_NEIGH, &k->events, err);
	if (r == 0)
		r = netlink_socket_open(NETLINK_ROUTE, 0, 0, &k->requests, err);
	if (r == 0)
		r = netlink_socket_open(NETLINK_ROUTE, 0, 0, &k->questions, err);
	if (r < 0) {
		kernel_free(k);
		return r;
	}
	/* Above the system's limit where we may; the smaller buffer only costs a dump more often. */
	if (setsockopt(kernel_fd(k), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(kernel_fd(k), SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	*ret = k;
	return 0;
}

struct kernel *kernel_free(struct kernel *k)
{
	if (k) {
		if (k->events)
			mnl_socket_close(k->events);
		if (k->requests)
			mnl_socket_close(k->requests);
		if (k->questions)
			mnl_socket_close(k->questions);
		table_free(k->devices, free);
		free(k);
	}
	return NULL;
}

int kernel_fd(const struct kernel *k)
{
	return mnl_socket_get_fd(k->events);
}

/* ---- devices ---- */

static struct device *find_device(const struct kernel *k, unsigned index)
{
	return table_get(k->devices, &index, sizeof(index));
}

static void forget_device(struct kernel *k, struct device *d)
{
	unsigned index = d->index;
	struct link *l = &k->links->items[d->link];
	if (d->is_port || l->kind == LINK_ROUTED)
		k->handlers->on_port(k->context, d->link, d->name, false, false);
	if (!d->is_port) {
		l->present = false;
		k->handlers->on_link(k->context, d->link, NULL);
	}
	table_remove(k->devices, &index, sizeof(index));
	free(d);
}

static struct device *remember_device(
        struct kernel *k, unsigned index, uint16_t link, const char *name, bool is_port)
{
	struct device *d = find_device(k, index);
	if (d && (d->link != link || d->is_port != is_port || strcmp(d->name, name) != 0)) {
		forget_device(k, d);
		d = NULL;
	}
	if (d)
		return d;
	d = xcalloc(1, sizeof(*d));
	*d = (struct device){ .index = index, .link = link, .is_port = is_port };
	snprintf(d->name, sizeof(d->name), "%s", name);
	table_set(k->devices, &index, sizeof(index), d);
	if (!is_port) {
		struct error err = { { 0 } };
		k->links->items[link].present = true;
		if (k->links->items[link].kind == LINK_BRIDGE)
			rtnetlink_ignore_groups(k->questions, index, &err);
		k->handlers->on_link(k->context, link, *err.text ? err.text : NULL);
	}
	return d;
}

struct link_message {
	const char *name;
	unsigned master;
	bool carrier;
};

static int read_link_attribute(const struct nlattr *a, void *context)
{
	struct link_message *m = context;
	if (mnl_attr_get_type(a) == IFLA_IFNAME && mnl_attr_validate(a, MNL_TYPE_NUL_STRING) >= 0)
		m->name = mnl_attr_get_str(a);
	if (mnl_attr_get_type(a) == IFLA_MASTER && mnl_attr_validate(a, MNL_TYPE_U32) >= 0)
		m->master = mnl_attr_get_u32(a);
	if (mnl_attr_get_type(a) == IFLA_CARRIER && mnl_attr_validate(a, MNL_TYPE_U8) >= 0)
		m->carrier = mnl_attr_get_u8(a) != 0;
	return MNL_CB_OK;
}

static void take_link(struct kernel *k, const struct nlmsghdr *h)
{
	const struct ifinfomsg *i = mnl_nlmsg_get_payload(h);
	struct device *d = find_device(k, (unsigned)i->ifi_index);
	struct link_message m = { 0 };
	mnl_attr_parse(h, sizeof(*i), read_link_attribute, &m);
	bool gone = h->nlmsg_type == RTM_DELLINK;
	/* PF_BRIDGE tells of a port that leaves its bridge; the device itself stays. */
	if (gone && i->ifi_family == AF_BRIDGE && d && !d->is_port)
		return;
	if (i->ifi_family == AF_BRIDGE && !gone)
		return;
	if (gone || !m.name || !element_port_valid(m.name)) {
		if (d)
			forget_device(k, d);
		return;
	}
	const struct device *master = m.master ? find_device(k, m.master) : NULL;
	bool up = m.carrier && (i->ifi_flags & IFF_UP);
	for (size_t n = 0; n < k->links->count; n++)
		if (strcmp(k->links->items[n].name, m.name) == 0) {
			remember_device(k, (unsigned)i->ifi_index, (uint16_t)n, m.name, false);
			if (k->links->items[n].kind == LINK_ROUTED)
				k->handlers->on_port(k->context, (uint16_t)n, m.name, true, up);
			return;
		}
	if (master && !master->is_port && k->links->items[master->link].kind == LINK_BRIDGE) {
		d = remember_device(k, (unsigned)i->ifi_index, master->link, m.name, true);
		k->handlers->on_port(k->context, d->link, d->name, true, up);
	} else if (d) {
		forget_device(k, d);
	}
}

/* ---- neighbours and forwarding entries ---- */

struct neighbour_message {
	const uint8_t *lladdr;
	struct ip_address ip;
	bool has_ip;
};

static int read_neighbour_attribute(const struct nlattr *a, void *context)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct neighbour_message *m = context;
	size_t n = mnl_attr_get_payload_len(a);
	if (mnl_attr_get_type(a) == NDA_LLADDR && n == sizeof(struct mac_address))
		m->lladdr = mnl_attr_get_payload(a);
	if (mnl_attr_get_type(a) == NDA_DST && (n == 4 || n == 16)) {
		memcpy(m->ip.bytes, mapped, sizeof(mapped));
		memcpy(m->ip.bytes + 16 - n, mnl_attr_get_payload(a), n);
		m->has_ip = n == 4 || !ip_is_v4(&m->ip); /* an IPv4 address is proven by ARP only */
	}
	return MNL_CB_OK;
}

static void take_forwarding(
        struct kernel *k, const struct nlmsghdr *h, const struct ndmsg *n, const struct neighbour_message *m)
{
	const struct device *d = find_device(k, (unsigned)n->ndm_ifindex);
	struct mac_address mac;
	/* Entries of the bridge's own (permanent, or of the device itself) are not nodes. */
	if (!d || !d->is_port || !m->lladdr || (n->ndm_state & NUD_PERMANENT) || (n->ndm_flags & NTF_SELF))
		return;
	memcpy(mac.bytes, m->lladdr, sizeof(mac.bytes));
	k->handlers->on_forwarding(k->context, d->link, d->name, &mac, h->nlmsg_type == RTM_NEWNEIGH);
}

static bool is_of_a_node(const struct ip_address *ip)
{
	static const struct ip_address none;
	bool multicast = ip_is_v4(ip) ? ip->bytes[12] >= 224 : ip->bytes[0] == 0xff;
	return !multicast && !ip_equal(ip, &none);
}

static void take_neighbour(struct kernel *k, const struct nlmsghdr *h)
{
	const struct ndmsg *n = mnl_nlmsg_get_payload(h);
	struct neighbour_message m = { 0 };
	struct mac_address mac;
	mnl_attr_parse(h, sizeof(*n), read_neighbour_attribute, &m);
	if (n->ndm_family == AF_BRIDGE) {
		take_forwarding(k, h, n, &m);
		return;
	}
	const struct device *d = find_device(k, (unsigned)n->ndm_ifindex);
	if (!d || d->is_port || k->links->items[d->link].kind == LINK_SOFTWIRE || !m.has_ip ||
	        !is_of_a_node(&m.ip) || (n->ndm_flags & NTF_PROXY) || (n->ndm_state & NUD_NOARP))
		return;
	if (n->ndm_state & NUD_FAILED) {
		k->handlers->on_neighbour(k->context, d->link, &m.ip, NULL, false);
		return;
	}
	/* An entry that the kernel no longer keeps says nothing about the node. */
	if (h->nlmsg_type == RTM_DELNEIGH || !m.lladdr || (n->ndm_state & NUD_INCOMPLETE))
		return;
	/* ARP tells the kernel of any address; one that it would not look for here proves nothing here. */
	if (!rtnetlink_leads_to(k->questions, &m.ip, d->index))
		return;
	memcpy(mac.bytes, m.lladdr, sizeof(mac.bytes));
	if (k->links->items[d->link].kind == LINK_ROUTED)
		k->handlers->on_forwarding(k->context, d->link, d->name, &mac, true);
	k->handlers->on_neighbour(k->context, d->link, &m.ip, &mac, n->ndm_state & NUD_REACHABLE);
}

static int take_message(const struct nlmsghdr *h, void *context)
{
	struct kernel *k = context;
	size_t n = mnl_nlmsg_get_payload_len(h);
	if ((h->nlmsg_type == RTM_NEWLINK || h->nlmsg_type == RTM_DELLINK) && n >= sizeof(struct ifinfomsg))
		take_link(k, h);
	if ((h->nlmsg_type == RTM_NEWNEIGH || h->nlmsg_type == RTM_DELNEIGH) && n >= sizeof(struct ndmsg))
		take_neighbour(k, h);
	return MNL_CB_OK;
}

int kernel_read(struct kernel *k, struct error *err)
{
	char buffer[32768];
	for (int i = 0; i < READ_BATCH; i++) {
		ssize_t n = mnl_socket_recvfrom(k->events, buffer, sizeof(buffer));
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		if (n < 0)
			return error_set(err, -errno, "netlink: %s", strerror(errno));
		if (mnl_cb_run(buffer, (size_t)n, 0, 0, take_message, k) < 0 && errno != EINTR)
			return error_set(err, -errno, "netlink: %s", strerror(errno));
	}
	return 0;
}

/* ---- requests ---- */

static int request(struct kernel *k, struct nlmsghdr *h, struct error *err)
{
	char buffer[32768];
	h->nlmsg_seq = ++k->sequence;
	unsigned port = mnl_socket_get_portid(k->requests);
	if (mnl_socket_sendto(k->requests, h, h->nlmsg_len) < 0)
		return error_set(err, -errno, "netlink: %s", strerror(errno));
	for (;;) {
		ssize_t n = mnl_socket_recvfrom(k->requests, buffer, sizeof(buffer));
		if (n < 0)
			return error_set(err, -errno, "netlink: %s", strerror(errno));
		int r = mnl_cb_run(buffer, (size_t)n, h->nlmsg_seq, port, take_message, k);
		if (r < 0 && errno != EINTR)
			return error_set(err, -errno, "netlink: %s", strerror(errno));
		if (r == MNL_CB_STOP)
			return 0;
	}
}

static int dump(struct kernel *k, uint16_t type, uint8_t family, struct error *err)
{
	char buffer[256];
	struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);
	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	if (type == RTM_GETLINK) {
		struct ifinfomsg *i = mnl_nlmsg_put_extra_header(h, sizeof(*i));
		i->ifi_family = family;
	} else {
		struct ndmsg *n = mnl_nlmsg_put_extra_header(h, sizeof(*n));
		n->ndm_family = family;
	}
	return request(k, h, err);
}

/* What the kernel no longer lists has gone while we did not look. */
static void forget_vanished(struct kernel *k)
{
	TABLE_FOREACH(it, k->devices) {
		struct device *d = it.value;
		char name[IFNAMSIZ];
		if (!if_indextoname(d->index, name) || strcmp(name, d->name) != 0)
			forget_device(k, d);
	}
}

int kernel_dump_links(struct kernel *k, struct error *err)
{
	forget_vanished(k);
	/* Twice: a port may be listed before its bridge. */
	int r = dump(k, RTM_GETLINK, AF_UNSPEC, err);
	return r < 0 ? r : dump(k, RTM_GETLINK, AF_UNSPEC, err);
}

int kernel_dump_nodes(struct kernel *k, struct error *err)
{
	int r = dump(k, RTM_GETNEIGH, AF_BRIDGE, err);
	return r < 0 ? r : kernel_dump_neighbours(k, err);
}

int kernel_dump_neighbours(struct kernel *k, struct error *err)
{
	int r = dump(k, RTM_GETNEIGH, AF_INET6, err);
	return r < 0 ? r : dump(k, RTM_GETNEIGH, AF_INET, err);
}

/* A request about one neighbour, in buffer; NULL: there is no such link. */
static struct nlmsghdr *begin_neighbour(struct kernel *k, char buffer[256], uint16_t type, uint16_t flags,
        uint16_t link, const struct ip_address *ip, struct error *err)
{
	bool v4 = ip_is_v4(ip);
	unsigned index = if_nametoindex(k->links->items[link].name);
	if (!index) {
		error_set(err, -ENODEV, "there is no link %s", k->links->items[link].name);
		return NULL;
	}
	struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);
	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	struct ndmsg *n = mnl_nlmsg_put_extra_header(h, sizeof(*n));
	n->ndm_family = v4 ? AF_INET : AF_INET6;
	n->ndm_ifindex = (int)index;
	if (v4)
		mnl_attr_put(h, NDA_DST, 4, ip->bytes + 12);
	else
		mnl_attr_put(h, NDA_DST, 16, ip->bytes);
	return h;
}

int kernel_look_up(struct kernel *k, uint16_t link, const struct ip_address *ip, struct error *err)
{
	char buffer[256];
	struct nlmsghdr *h = begin_neighbour(k, buffer, RTM_GETNEIGH, 0, link, ip, err);
	int r = h ? request(k, h, err) : -ENODEV;
	return r == -ENOENT ? 0 : r;
}

int kernel_forget(struct kernel *k, uint16_t link, const struct ip_address *ip, struct error *err)
{
	char buffer[256];
	struct nlmsghdr *h = begin_neighbour(k, buffer, RTM_DELNEIGH, 0, link, ip, err);
	int r = h ? request(k, h, err) : -ENODEV;
	return r == -ENOENT ? 0 : r;
}

int kernel_probe(struct kernel *k, uint16_t link, const struct ip_address *ip, const struct mac_address *mac,
        struct error *err)
{
	char buffer[256];
	struct nlmsghdr *h =
	        begin_neighbour(k, buffer, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, link, ip, err);
	if (!h)
		return -ENODEV;
	struct ndmsg *n = mnl_nlmsg_get_payload(h);
	n->ndm_state = mac ? NUD_PROBE : NUD_NONE;
	n->ndm_flags = mac ? 0 : NTF_USE;
	if (mac)
		mnl_attr_put(h, NDA_LLADDR, sizeof(mac->bytes), mac->bytes);
	return request(k, h, err);
}
