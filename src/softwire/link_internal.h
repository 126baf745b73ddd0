/* SPDX-License-Identifier: ISC */
/* What link.c (the wanted state), link_set.c (one item) and link_watch.c (the way to the concentrators)
 * share. */
#pragma once

#include "softwire/link.h"
#include "softwire/link_dns.h"
#include "softwire/link_item.h"

struct link_concentrator {
	struct ip_address address, source; /* source zero: there is no way */
	unsigned index, source_index;      /* the interface of the way now; and when source was taken */
};

struct link {
	char interface[IF_NAMESIZE], downstream[IF_NAMESIZE];
	char *state_path, *resolv_conf_path;
	enum link_dns dns;
	struct mnl_socket *requests, *monitor;
	struct event *monitor_event, *again;
	int64_t evaluation_ms;                           /* how long the last one took */
	struct link_items set;                           /* what is, or may be, there */
	struct ip_address servers[LINK_DNS_SERVERS_MAX]; /* that DNS was last told */
	size_t n_servers;
	struct link_concentrator concentrators[LINK_CONCENTRATORS_MAX];
	size_t n_concentrators;
	void (*on_moved)(const struct ip_address *source, void *user);
	void (*on_trouble)(const char *text, void *user);
	void *user;
};

/* Does or takes back what one item says. What is gone already is no failure. */
int link_set_item(struct link *l, const struct link_item *item, struct error *err);
int link_unset_item(struct link *l, const struct link_item *item, struct error *err);
/* A setting's item with the value that is there now; -ENOENT where there is no such setting. */
int link_read_setting(const char *interface, const char *name, const char *value, struct link_item *ret);

/* Writes the item down, then sets it; and the other way round. */
int link_have(struct link *l, const struct link_item *item, struct error *err);
int link_drop(struct link *l, size_t i, struct error *err);
void link_trouble(struct link *l, const struct error *err);

int link_watch_open(struct link *l, struct event_base *base, struct error *err);
void link_watch_close(struct link *l);
