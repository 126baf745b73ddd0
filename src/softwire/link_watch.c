/* SPDX-License-Identifier: ISC */
/* The way to the concentrators: found among the routes that are not ours, pinned, and found again when
 * anything about the host's addresses, routes or interfaces changes. */
#include "base/clock.h"
#include "net/netlink.h"
#include "softwire/link_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#define SETTLE_MS 20 /* changes come in bursts */
#define EVALUATION_SHARE \
	10 /* of our time at most a tenth goes into evaluations, however many routes there are */

static const struct ip_address nowhere;

static struct link_item pin_of(const struct link_concentrator *c, const struct link_way *way)
{
	struct link_item i = { .kind = LINK_ITEM_PIN, .prefix = { c->address, 128 }, .way = *way };
	i.way.length = 0;
	i.way.found = true;
	if (!way->found)
		i.way.unreachable = true; /* better no packet than one that goes round in the softwire */
	else if (!if_indextoname(way->index, i.interface))
		*i.interface = '\0';
	return i;
}

static void unpin(struct link *l, const struct ip_address *address)
{
	for (size_t i = l->set.n; i-- > 0;) {
		struct error err;
		const struct link_item *item = &l->set.items[i];
		if (item->kind == LINK_ITEM_PIN && ip_equal(&item->prefix.address, address) &&
		        link_drop(l, i, &err) < 0)
			link_trouble(l, &err);
	}
}

/* One that goes another way is replaced in the kernel, so that there is always one. */
static void repin(struct link *l, const struct link_item *pin)
{
	struct error err;
	for (size_t i = l->set.n; i-- > 0;)
		if (l->set.items[i].kind == LINK_ITEM_PIN &&
		        ip_equal(&l->set.items[i].prefix.address, &pin->prefix.address))
			link_items_remove(&l->set, i);
	if (link_have(l, pin, &err) < 0)
		link_trouble(l, &err);
}

static void evaluate_one(struct link *l, struct link_concentrator *c, unsigned own)
{
	struct link_way way, ours;
	if (ip_is_link_local(&c->address) ||
	        link_kernel_find_way(l->requests, &c->address, own, &way, &ours) < 0)
		return;
	const struct link_item pin = pin_of(c, &way);
	c->index = way.index;
	if (way.found && way.length == 128) /* the host has a route for it alone, which wins by itself */
		unpin(l, &c->address);
	else if (!link_items_find(&l->set, &pin) ||
	        !link_way_equal(&ours, &pin.way)) /* the kernel may have dropped it */
		repin(l, &pin);
}

static void evaluate(struct link *l)
{
	unsigned own = if_nametoindex(l->interface);
	for (size_t i = 0; i < l->n_concentrators; i++)
		evaluate_one(l, &l->concentrators[i], own);
}

/* An address that we can still send from. */
static bool is_still_ours(const struct ip_address *a)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} to = { .any = { 0 } };
	bool v4 = ip_is_v4(a);
	to.any.sa_family = v4 ? AF_INET : AF_INET6;
	memcpy(v4 ? (void *)&to.v4.sin_addr : (void *)&to.v6.sin6_addr, a->bytes + (v4 ? 12 : 0),
	        v4 ? 4 : 16);
	int fd = socket(to.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool bound = fd >= 0 && bind(fd, &to.any, v4 ? sizeof(to.v4) : sizeof(to.v6)) == 0;
	if (fd >= 0)
		close(fd);
	return bound;
}

/* True: it has changed. Temporary addresses (RFC 8981) come and go while the old one still serves: only one
 * that is gone, or belongs to another way, is left for a new one. */
static bool look_up_source(struct link *l, struct link_concentrator *c)
{
	struct ip_address source = nowhere;
	if (link_kernel_source(l->requests, &c->address, &source) < 0)
		source = nowhere;
	bool same_way = c->index == c->source_index && !ip_equal(&source, &nowhere);
	if (ip_equal(&source, &c->source) ||
	        (same_way && !ip_equal(&c->source, &nowhere) && is_still_ours(&c->source)))
		return false;
	c->source = source;
	c->source_index = c->index;
	return true;
}

static void report(struct link *l)
{
	for (size_t i = 0; i < l->n_concentrators; i++) {
		struct link_concentrator *c = &l->concentrators[i];
		if (look_up_source(l, c))
			l->on_moved(&c->source, l->user);
	}
}

static void on_again(evutil_socket_t fd, short what, void *user)
{
	struct link *l = user;
	time_ms began = clock_monotonic_ms();
	evaluate(l);
	l->evaluation_ms = clock_monotonic_ms() - began;
	report(l);
}

static void schedule(struct link *l, int64_t ms)
{
	const struct timeval delay = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
	if (!event_pending(l->again, EV_TIMEOUT, NULL))
		event_add(l->again, &delay);
}

static void on_change(evutil_socket_t fd, short what, void *user)
{
	struct link *l = user;
	char buffer[16384];
	for (;;) {
		ssize_t n = mnl_socket_recvfrom(l->monitor, buffer, sizeof(buffer));
		if (n < 0 && errno != ENOBUFS && errno != EINTR)
			break;
	}
	schedule(l, MAX(SETTLE_MS, l->evaluation_ms * EVALUATION_SHARE));
}

int link_watch_open(struct link *l, struct event_base *base, struct error *err)
{
	const unsigned groups =
	        RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE;
	int r = netlink_socket_open(NETLINK_ROUTE, SOCK_NONBLOCK, groups, &l->monitor, err);
	if (r < 0)
		return r;
	l->monitor_event = event_new(base, mnl_socket_get_fd(l->monitor), EV_READ | EV_PERSIST, on_change, l);
	l->again = event_new(base, -1, 0, on_again, l);
	if (!l->monitor_event || !l->again || event_add(l->monitor_event, NULL) < 0)
		return error_set(err, -ENOMEM, "the event loop takes no more events");
	evaluate(l);
	schedule(l, 0);
	return 0;
}

void link_watch_close(struct link *l)
{
	if (l->monitor_event)
		event_free(l->monitor_event);
	if (l->again)
		event_free(l->again);
	if (l->monitor)
		mnl_socket_close(l->monitor);
	l->monitor_event = l->again = NULL;
	l->monitor = NULL;
}
