/* SPDX-License-Identifier: ISC */
#include "net/netlink.h"
#include "softwire/link_internal.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <stdio.h>
#include <string.h>

void link_trouble(struct link *l, const struct error *err)
{
	if (l->on_trouble)
		l->on_trouble(err->text, l->user);
}

/* The first failure is kept for the caller, the others are told at once. */
static void note(struct link *l, int code, const struct error *new, int *ret_code, struct error *err)
{
	if (code >= 0)
		return;
	if (*ret_code < 0) {
		link_trouble(l, new);
		return;
	}
	*ret_code = code;
	if (err)
		*err = *new;
}

int link_have(struct link *l, const struct link_item *item, struct error *err)
{
	int r = link_items_add(&l->set, item);
	if (r < 0)
		return error_set(err, r, "more than %d settings", LINK_ITEMS_MAX);
	r = link_items_save(&l->set, l->state_path, err);
	return r < 0 ? r : link_set_item(l, item, err);
}

int link_drop(struct link *l, size_t i, struct error *err)
{
	int r = link_unset_item(l, &l->set.items[i], err);
	if (r < 0)
		return r;
	link_items_remove(&l->set, i);
	return link_items_save(&l->set, l->state_path, err);
}

/* ---- what a message wants ---- */

static void want(struct link_items *wanted, enum link_item_kind kind, const char *interface,
        const struct ip_prefix *prefix)
{
	struct link_item i = { .kind = kind, .prefix = *prefix };
	if (interface)
		snprintf(i.interface, sizeof(i.interface), "%s", interface);
	(void)link_items_add(wanted, &i); /* the message's lists are shorter than ours */
}

static void want_setting(struct link_items *wanted, const char *interface, const char *name, const char *only,
        const char *value)
{
	struct link_item i;
	if (link_read_setting(interface, name, value, &i) == 0 && (!only || strcmp(i.before, only) == 0))
		(void)link_items_add(wanted, &i);
}

/* A host that forwards no longer listens to router advertisements, unless told to by accept_ra = 2: its own
 * uplinks need them. */
static void want_forwarding(struct link *l, struct link_items *wanted)
{
	struct if_nameindex *interfaces = if_nameindex();
	for (size_t i = 0; interfaces && interfaces[i].if_index && wanted->n < LINK_SETTINGS_MAX; i++)
		if (strcmp(interfaces[i].if_name, l->downstream) != 0 &&
		        strcmp(interfaces[i].if_name, l->interface) != 0)
			want_setting(wanted, interfaces[i].if_name, "accept_ra", "1", "2");
	if_freenameindex(interfaces);
	want_setting(wanted, "all", "forwarding", NULL, "1");
}

static void want_delegated(struct link *l, struct link_items *wanted, const struct ipc_link *m)
{
	if (m->n_delegated && *l->downstream)
		want_forwarding(l, wanted);
	for (size_t i = 0; i < m->n_delegated; i++) {
		struct ip_prefix first = m->delegated[i].prefix;
		if (first.length < 64) /* RFC 7084, WPD-5: what nobody has must not go round */
			want(wanted, LINK_ITEM_UNREACHABLE, NULL, &first);
		if (!*l->downstream || first.length > 64)
			continue;
		first.length = 64;
		first.address.bytes[15] = 1;
		want(wanted, LINK_ITEM_ADDRESS, l->downstream, &first);
	}
}

/* Everything is two halves, which are more specific than any default route that the host has. */
static void want_route(struct link *l, struct link_items *wanted, struct ip_prefix p)
{
	bool v4 = ip_is_v4(&p.address);
	if (p.length != (v4 ? 96 : 0)) {
		want(wanted, LINK_ITEM_ROUTE, l->interface, &p);
		return;
	}
	p.length++;
	want(wanted, LINK_ITEM_ROUTE, l->interface, &p);
	p.address.bytes[v4 ? 12 : 0] = 0x80;
	want(wanted, LINK_ITEM_ROUTE, l->interface, &p);
}

static void want_all(struct link *l, struct link_items *wanted, const struct ipc_link *m)
{
	wanted->n = 0;
	if (!m->up)
		return;
	for (size_t i = 0; i < m->n_addresses; i++)
		want(wanted, LINK_ITEM_ADDRESS, l->interface, &m->addresses[i].prefix);
	want_delegated(l, wanted, m);
	for (size_t i = 0; i < m->n_routes; i++)
		want_route(l, wanted, m->routes[i].prefix);
	if (m->n_name_servers && l->dns != LINK_DNS_NONE) {
		struct link_item i = { .kind = LINK_ITEM_DNS };
		snprintf(i.interface, sizeof(i.interface), "%s", l->interface);
		snprintf(i.name, sizeof(i.name), "%s", link_dns_name(l->dns));
		(void)link_items_add(wanted, &i);
	}
}

/* True where DNS must be told again. */
static bool take_servers(struct link *l, const struct ipc_link *m)
{
	size_t n = MIN(m->n_name_servers, LINK_DNS_SERVERS_MAX);
	bool same = n == l->n_servers;
	for (size_t i = 0; i < n; i++) {
		same = same && ip_equal(&l->servers[i], &m->name_servers[i].ip);
		l->servers[i] = m->name_servers[i].ip;
	}
	l->n_servers = n;
	return !same;
}

/* ---- from what is to what is wanted ---- */

static void drop_unwanted(struct link *l, const struct link_items *wanted, int *code, struct error *err)
{
	for (size_t i = l->set.n; i-- > 0;) {
		struct error new;
		if (l->set.items[i].kind == LINK_ITEM_PIN || link_items_find(wanted, &l->set.items[i]))
			continue;
		int r = link_unset_item(l, &l->set.items[i], &new);
		if (r == 0)
			link_items_remove(&l->set, i);
		note(l, r, &new, code, err);
	}
}

static void set_wanted(
        struct link *l, const struct link_items *wanted, bool dns_again, int *code, struct error *err)
{
	for (size_t i = 0; i < wanted->n; i++) {
		struct error new;
		const struct link_item *item = &wanted->items[i];
		bool there = link_items_find(&l->set, item) != NULL;
		if (there && !(item->kind == LINK_ITEM_DNS && dns_again))
			continue;
		int r = link_items_add(&l->set, item);
		if (r < 0)
			error_set(&new, r, "more than %d settings", LINK_ITEMS_MAX);
		else
			r = link_set_item(l, item, &new);
		note(l, r, &new, code, err);
	}
}

/* Both lists, because a crash may leave any of it. */
static int save_both(struct link *l, const struct link_items *wanted, struct error *err)
{
	struct link_items *both = xmemdup(&l->set, sizeof(l->set));
	int r = 0;
	for (size_t i = 0; i < wanted->n && r == 0; i++)
		r = link_items_add(both, &wanted->items[i]);
	r = r < 0 ? error_set(err, r, "more than %d settings", LINK_ITEMS_MAX)
	          : link_items_save(both, l->state_path, err);
	free(both);
	return r;
}

static bool has_everything(const struct link *l, const struct link_items *wanted)
{
	size_t pins = 0;
	for (size_t i = 0; i < l->set.n; i++)
		pins += l->set.items[i].kind == LINK_ITEM_PIN;
	for (size_t i = 0; i < wanted->n; i++)
		if (!link_items_find(&l->set, &wanted->items[i]))
			return false;
	return l->set.n == wanted->n + pins;
}

static int converge(struct link *l, const struct link_items *wanted, bool dns_again, struct error *err)
{
	struct error new;
	int code = 0;
	if (has_everything(l, wanted) && !dns_again)
		return 0;
	int r = save_both(l, wanted, err);
	if (r < 0)
		return r;
	drop_unwanted(l, wanted, &code, err);
	set_wanted(l, wanted, dns_again, &code, err);
	r = link_items_save(&l->set, l->state_path, &new);
	note(l, r, &new, &code, err);
	return code;
}

int link_apply(struct link *l, const struct ipc_link *m, struct error *err)
{
	struct link_items *wanted FREE_ON_EXIT = xcalloc(1, sizeof(*wanted));
	struct error new;
	int code = 0;
	unsigned index = if_nametoindex(l->interface);
	if (!index)
		return error_set(err, -ENODEV, "there is no interface %s", l->interface);
	want_all(l, wanted, m);
	bool dns_again = take_servers(l, m) && m->up;
	if (m->up) {
		int r = link_kernel_interface(l->requests, index, m->mtu, true);
		if (r < 0)
			error_set(&new, r, "%s: MTU %u: %s", l->interface, m->mtu, strerror(-r));
		note(l, r, &new, &code, err);
	}
	struct error later;
	int r = converge(l, wanted, dns_again, &later);
	note(l, r, &later, &code, err);
	if (!m->up)
		(void)link_kernel_interface(l->requests, index, 0, false);
	return code;
}

void link_undo(struct link *l)
{
	struct error err;
	const struct ipc_link nothing = { .up = false };
	if (link_apply(l, &nothing, &err) < 0)
		link_trouble(l, &err);
}

/* ---- life ---- */

/* All of it, pins too; what cannot be undone stays in the file for the next time. */
static void undo_all(struct link *l)
{
	struct error err;
	for (size_t i = l->set.n; i-- > 0;) {
		if (link_unset_item(l, &l->set.items[i], &err) < 0)
			link_trouble(l, &err);
		else
			link_items_remove(&l->set, i);
	}
	if (link_items_save(&l->set, l->state_path, &err) < 0)
		link_trouble(l, &err);
}

static int begin(struct link *l, struct event_base *base, struct error *err)
{
	int r = netlink_socket_open(NETLINK_ROUTE, 0, 0, &l->requests, err);
	if (r == 0)
		r = link_items_load(l->state_path, &l->set, err);
	if (r < 0)
		return r;
	undo_all(l);
	return link_watch_open(l, base, err);
}

int link_open(struct event_base *base, const struct link_options *o, struct link **ret, struct error *err)
{
	struct link *l = xcalloc(1, sizeof(*l));
	snprintf(l->interface, sizeof(l->interface), "%s", o->interface);
	snprintf(l->downstream, sizeof(l->downstream), "%s", o->downstream ? o->downstream : "");
	l->state_path = xstrdup(o->state_path);
	l->resolv_conf_path = xstrdup(o->resolv_conf_path ? o->resolv_conf_path : "/etc/resolv.conf");
	l->dns = o->dns;
	l->n_concentrators = MIN(o->n_concentrators, LINK_CONCENTRATORS_MAX);
	for (size_t i = 0; i < l->n_concentrators; i++)
		l->concentrators[i].address = o->concentrators[i];
	l->on_moved = o->on_moved;
	l->on_trouble = o->on_trouble;
	l->user = o->user;
	int r = begin(l, base, err);
	if (r < 0)
		link_close(l);
	else
		*ret = l;
	return r;
}

struct link *link_close(struct link *l)
{
	if (!l)
		return NULL;
	link_watch_close(l);
	if (l->requests) {
		undo_all(l);
		mnl_socket_close(l->requests);
	}
	free(l->state_path);
	free(l->resolv_conf_path);
	free(l);
	return NULL;
}
