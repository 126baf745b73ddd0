/* SPDX-License-Identifier: ISC */
/*
 * The kernel's own tables over netlink: links and their ports, the neighbour table, the bridges' forwarding
 * tables; read once, then followed. No byte that a node sent is parsed here: the kernel has, and says what it
 * made of it.
 */
#pragma once

#include "enforcer/element.h"

struct kernel_handlers {
	/* A port of links[link], which exists and has a carrier or not; gone when it left the link. A routed
	 * link is its own port. */
	void (*on_port)(void *context, uint16_t link, const char *port, bool present, bool carrier);
	void (*on_forwarding)(
	        void *context, uint16_t link, const char *port, const struct mac_address *mac, bool learned);
	/* mac is NULL where the kernel has none: it asked, and nobody answered. */
	void (*on_neighbour)(void *context, uint16_t link, const struct ip_address *ip,
	        const struct mac_address *mac, bool confirmed);
	/* A link came or went (links[link].present): the rules that hang on a routed one must be made again.
	 * problem, if not NULL: what the bridge could not be told. */
	void (*on_link)(void *context, uint16_t link, const char *problem);
};

struct kernel;
/* links is kept by reference; its `present` fields are kept current. */
int kernel_new(struct links *links, const struct kernel_handlers *handlers, void *context,
        struct kernel **ret, struct error *err);
struct kernel *kernel_free(struct kernel *k);
/* Readable when there is something for kernel_read(). */
int kernel_fd(const struct kernel *k);
/* Everything that waits. -ENOBUFS: events were lost; read all again with the functions below. */
int kernel_read(struct kernel *k, struct error *err);
/* Everything that is there, through the handlers: first the links and their ports, then what is behind them.
 */
int kernel_dump_links(struct kernel *k, struct error *err);
int kernel_dump_nodes(struct kernel *k, struct error *err);
int kernel_dump_neighbours(struct kernel *k, struct error *err);
/* Reads the one entry of ip, if there is one, through the handlers. */
int kernel_look_up(struct kernel *k, uint16_t link, const struct ip_address *ip, struct error *err);
/* Takes an entry out that has no answer, so that it does not fill the table. */
int kernel_forget(struct kernel *k, uint16_t link, const struct ip_address *ip, struct error *err);
/* Asks whether ip still answers at mac; with mac NULL: who has ip. The answer comes as an event. */
int kernel_probe(struct kernel *k, uint16_t link, const struct ip_address *ip, const struct mac_address *mac,
        struct error *err);
