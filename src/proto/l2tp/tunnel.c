/* SPDX-License-Identifier: ISC */
/*
 * Tunnels and the ways to find one: by our id (every packet but the first), by what its peer calls it (SCCRQ
 * and StopCCN that come again), by its association, and by age where only so many of a kind may be.
 */
#include "base/table.h"
#include "proto/l2tp/endpoint.h"

#include <openssl/crypto.h>
#include <string.h>

#define ID_ATTEMPTS 64

struct l2tp_tunnel *l2tp_find(const struct l2tp_endpoint *e, uint16_t id)
{
	struct l2tp_tunnel **page = e->pages[id / L2TP_PAGE_SIZE];
	return page ? page[id % L2TP_PAGE_SIZE] : NULL;
}

struct l2tp_tunnel *l2tp_find_open(const struct l2tp_endpoint *e, uint16_t id)
{
	struct l2tp_tunnel *t = l2tp_find(e, id);
	return t && t->known && t->state != L2TP_CLOSING && !t->forgotten ? t : NULL;
}

/* A peer is its association; in clear text it is its address and the one of ours that it talks to. */
static struct l2tp_tunnel **peer_bucket(
        const struct l2tp_endpoint *e, const struct l2tp_path *path, uint16_t peer_id)
{
	struct {
		struct ip_address local, remote;
		uint32_t association;
		uint16_t local_port, remote_port, peer_id, zero;
	} key = { .association = path->association, .peer_id = peer_id };
	if (path->association == 0) {
		key.local = path->local;
		key.remote = path->remote;
		key.local_port = path->local_port;
		key.remote_port = path->remote_port;
	}
	return &e->peers[hash_bytes(e->seed, &key, sizeof(key)) & (e->n_buckets - 1)];
}

static bool is_same_peer(const struct l2tp_path *a, const struct l2tp_path *b)
{
	if (a->association != b->association)
		return false;
	return a->association != 0 ||
	        (ip_equal(&a->remote, &b->remote) && ip_equal(&a->local, &b->local) &&
	                a->remote_port == b->remote_port && a->local_port == b->local_port);
}

struct l2tp_tunnel *l2tp_find_by_peer(
        const struct l2tp_endpoint *e, const struct l2tp_path *path, uint16_t peer_id)
{
	struct l2tp_tunnel *t = *peer_bucket(e, path, peer_id);
	while (t && (t->forgotten || t->peer_id != peer_id || !is_same_peer(&t->path, path)))
		t = t->peer_next;
	return t;
}

static struct l2tp_tunnel **association_bucket(const struct l2tp_endpoint *e, uint32_t association)
{
	return &e->associations[hash_bytes(e->seed, &association, sizeof(association)) & (e->n_buckets - 1)];
}

struct l2tp_tunnel *l2tp_first_of_association(const struct l2tp_endpoint *e, uint32_t association)
{
	struct l2tp_tunnel *t = *association_bucket(e, association);
	while (t && t->path.association != association)
		t = t->association_next;
	return t;
}

struct l2tp_tunnel *l2tp_next_of_association(struct l2tp_tunnel *t)
{
	uint32_t association = t->path.association;
	do
		t = t->association_next;
	while (t && t->path.association != association);
	return t;
}

/* Tunnels in clear text are not looked for by association, and would all be in one bucket. */
static void link_association(struct l2tp_endpoint *e, struct l2tp_tunnel *t)
{
	if (t->path.association == 0)
		return;
	t->association_link = association_bucket(e, t->path.association);
	t->association_next = *t->association_link;
	*t->association_link = t;
	if (t->association_next)
		t->association_next->association_link = &t->association_next;
}

static void unlink_association(struct l2tp_tunnel *t)
{
	if (!t->association_link)
		return;
	*t->association_link = t->association_next;
	if (t->association_next)
		t->association_next->association_link = t->association_link;
	t->association_link = NULL;
}

static void link_peer(struct l2tp_endpoint *e, struct l2tp_tunnel *t)
{
	struct l2tp_tunnel **bucket = peer_bucket(e, &t->path, t->peer_id);
	t->peer_next = *bucket;
	*bucket = t;
	t->in_peers = true;
}

static void unlink_peer(struct l2tp_endpoint *e, struct l2tp_tunnel *t)
{
	if (!t->in_peers)
		return;
	struct l2tp_tunnel **at = peer_bucket(e, &t->path, t->peer_id);
	while (*at != t)
		at = &(*at)->peer_next;
	*at = t->peer_next;
	t->in_peers = false;
}

void l2tp_set_peer_id(struct l2tp_endpoint *e, struct l2tp_tunnel *t, uint16_t peer_id)
{
	unlink_peer(e, t);
	t->peer_id = peer_id;
	link_peer(e, t);
}

static void grow(struct l2tp_endpoint *e)
{
	free(e->peers);
	free(e->associations);
	e->n_buckets *= 2;
	e->peers = xcalloc(e->n_buckets, sizeof(struct l2tp_tunnel *));
	e->associations = xcalloc(e->n_buckets, sizeof(struct l2tp_tunnel *));
	for (size_t i = 0; i < ARRAY_LENGTH(e->pages); i++) {
		for (size_t j = 0; e->pages[i] && j < L2TP_PAGE_SIZE; j++) {
			struct l2tp_tunnel *t = e->pages[i][j];
			if (!t)
				continue;
			link_association(e, t);
			if (t->in_peers)
				link_peer(e, t);
		}
	}
}

/* A random one; where nearly all are taken, the next free one after it. 0: there is none. */
static uint16_t choose_id(struct l2tp_endpoint *e)
{
	uint16_t id = 0;
	for (int i = 0; i < ID_ATTEMPTS; i++) {
		l2tp_random(e, &id, sizeof(id));
		if (id != 0 && !l2tp_find(e, id))
			return id;
	}
	for (unsigned i = 0; i <= UINT16_MAX; i++)
		if (++id != 0 && !l2tp_find(e, id))
			return id;
	return 0;
}

struct l2tp_tunnel *l2tp_tunnel_new(struct l2tp_endpoint *e, const struct l2tp_path *path, uint16_t id)
{
	if (id == 0)
		id = choose_id(e);
	if (id == 0 || l2tp_find(e, id))
		return NULL;
	struct l2tp_tunnel ***page = &e->pages[id / L2TP_PAGE_SIZE];
	if (!*page)
		*page = xcalloc(L2TP_PAGE_SIZE, sizeof(**page));
	struct l2tp_tunnel *t = xmalloc(sizeof(*t));
	*t = (struct l2tp_tunnel){ .id = id,
		.path = *path,
		.window = L2TP_DEFAULT_PEER_WINDOW,
		.congestion_window = 1,
		.threshold = L2TP_WINDOW_MAX,
		.queue_end = &t->queue,
		.retransmit_at = L2TP_NEVER,
		.acknowledge_at = L2TP_NEVER,
		.end_at = L2TP_NEVER,
		.heard_at = e->now };
	(*page)[id % L2TP_PAGE_SIZE] = t;
	if (++e->n_tunnels > e->n_buckets)
		grow(e); /* links it, too */
	else
		link_association(e, t);
	l2tp_touch(e, t);
	return t;
}

void l2tp_list_add(struct l2tp_list *list, struct l2tp_tunnel *t)
{
	t->list = list;
	t->list_previous = list->last;
	t->list_next = NULL;
	*(list->last ? &list->last->list_next : &list->first) = t;
	list->last = t;
	list->count++;
}

void l2tp_list_remove(struct l2tp_endpoint *e, struct l2tp_tunnel *t)
{
	struct l2tp_list *list = t->list;
	if (!list)
		return;
	if (list == &e->half_open[0] || list == &e->half_open[1])
		e->sources[t->source]--;
	*(t->list_previous ? &t->list_previous->list_next : &list->first) = t->list_next;
	*(t->list_next ? &t->list_next->list_previous : &list->last) = t->list_previous;
	list->count--;
	t->list = NULL;
}

void l2tp_forget(struct l2tp_endpoint *e, struct l2tp_tunnel *t)
{
	if (t->forgotten)
		return;
	t->forgotten = true;
	l2tp_touch(e, t);
}

void l2tp_free_tunnel(struct l2tp_endpoint *e, struct l2tp_tunnel *t)
{
	e->pages[t->id / L2TP_PAGE_SIZE][t->id % L2TP_PAGE_SIZE] = NULL;
	e->n_tunnels--;
	unlink_peer(e, t);
	unlink_association(t);
	l2tp_list_remove(e, t);
	l2tp_heap_remove(e, t);
	l2tp_drop_queue(t);
	l2tp_drop_held(e, t);
	for (struct l2tp_session *s = t->sessions, *next; s; s = next) {
		next = s->next;
		free(s);
	}
	if (t->handshake)
		OPENSSL_cleanse(t->handshake, sizeof(*t->handshake));
	free(t->handshake);
	free(t->host_name);
	free(t->vendor_name);
	free(t);
}

struct l2tp_peer l2tp_describe_peer(
        const char *host_name, const char *vendor_name, const struct l2tp_avps *avps)
{
	return (struct l2tp_peer){
		.host_name = host_name ? host_name : "",
		.vendor_name = vendor_name ? vendor_name : "",
		.tunnel = l2tp_avp_u16(avps, L2TP_ASSIGNED_TUNNEL_ID),
		.receive_window = l2tp_has(avps, L2TP_RECEIVE_WINDOW_SIZE)
		        ? l2tp_avp_u16(avps, L2TP_RECEIVE_WINDOW_SIZE)
		        : L2TP_DEFAULT_PEER_WINDOW,
		.firmware = l2tp_avp_u16(avps, L2TP_FIRMWARE_REVISION),
		.framing = l2tp_avp_u32(avps, L2TP_FRAMING_CAPABILITIES),
		.bearer = l2tp_avp_u32(avps, L2TP_BEARER_CAPABILITIES),
	};
}
