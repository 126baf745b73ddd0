/* SPDX-License-Identifier: ISC */
#include "dataplane/session.h"

#include "dataplane/association.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <urcu/pointer.h>

#define KEY_BITS 16

void session_table_init(
        struct session_table *t, struct reclaim *reclaim, unsigned n_counters, uint64_t random)
{
	*t = (struct session_table){
		.reclaim = reclaim, .n_counters = n_counters, .by_prefix = { .reclaim = reclaim }
	};
	map_init(&t->by_key, KEY_BITS, random);
}

static void session_destroy(void *session)
{
	struct session *s = session;
	free(s->path);
	free(s->state);
	free(s);
}

void session_table_clear(struct session_table *t)
{
	struct map_node *node = map_next(&t->by_key, NULL);
	while (node) {
		struct map_node *next = map_next(&t->by_key, node);
		session_destroy(node);
		node = next;
	}
	map_clear(&t->by_key);
	trie_clear(&t->by_prefix);
}

static struct session_state *state_new(unsigned n)
{
	size_t size = sizeof(struct session_state) + n * sizeof(struct session_counters);
	struct session_state *state = aligned_alloc(64, (size + 63) & ~(size_t)63);
	if (!state)
		abort();
	memset(state, 0, size);
	atomic_store(&state->path_mtu, PATH_MTU_UNKNOWN);
	return state;
}

/* Those of IPv6 first. Host bits are none: ipc decoding checks only lengths. */
static uint8_t add_prefixes(
        struct ip_prefix *to, const struct ipc_inner_prefix *from, size_t n, struct packet_prefixes *ret)
{
	uint8_t done = 0;
	for (int v4 = 0; v4 < 2; v4++) {
		for (size_t i = 0; i < n; i++) {
			if (trie_prefix_is_v4(&from[i].prefix) == (v4 == 1))
				to[done++] = from[i].prefix;
		}
		if (!v4)
			ret->n6 = done;
	}
	ret->n = done;
	ret->prefixes = to;
	return done;
}

static struct session *session_make(const struct ipc_session *m, struct association *association)
{
	size_t n = m->n_prefixes + m->n_own;
	struct session *s = xcalloc(1, sizeof(*s) + n * sizeof(struct ip_prefix));
	s->node.key = session_key(m->tunnel, m->session);
	s->tunnel = m->tunnel;
	s->session = m->session;
	s->peer_tunnel = m->peer_tunnel;
	s->peer_session = m->peer_session;
	s->local_port = m->local_port;
	s->remote_port = m->remote_port;
	s->mtu = m->mtu;
	s->ipv4 = m->ipv4;
	s->ipv6 = m->ipv6;
	s->sequencing = m->sequencing;
	s->rate_in = m->rate_in;
	s->rate_out = m->rate_out;
	s->association = association;
	s->n_all = add_prefixes(s->all, m->prefixes, m->n_prefixes, &s->prefixes);
	add_prefixes(s->all + s->n_all, m->own, m->n_own, &s->own);
	return s;
}

/* Prefixes that lead to `before` and not to s. */
static void withdraw_prefixes(struct session_table *t, const struct session *before)
{
	for (size_t i = 0; i < before->prefixes.n; i++) {
		if (trie_get(&t->by_prefix, &before->prefixes.prefixes[i]) == before)
			trie_remove(&t->by_prefix, &before->prefixes.prefixes[i]);
	}
}

int session_set(struct session_table *t, const struct dataplane_config *config, const struct ipc_session *m,
        struct association *association, struct session **ret)
{
	if (!m->tunnel || !m->session || m->mtu < SESSION_MTU_MIN)
		return -EINVAL;
	struct session *before = session_find(t, m->tunnel, m->session);
	if (!before && t->by_key.count >= DATAPLANE_SESSIONS_MAX)
		return -ENOSPC;
	struct session *s = session_make(m, association);
	if (!association) {
		s->path = path_new(
		        config, DATAPLANE_L2TP, &m->local, m->local_port, &m->remote, m->remote_port);
		if (!s->path) {
			session_destroy(s);
			return -EADDRNOTAVAIL;
		}
	}
	s->state = before ? before->state : state_new(t->n_counters);
	for (size_t i = 0; i < s->prefixes.n; i++)
		trie_set(&t->by_prefix, &s->prefixes.prefixes[i], s);
	map_add(&t->by_key, &s->node);
	if (before) {
		/* Readers that still have it share the state; it goes with the one that replaces it. */
		withdraw_prefixes(t, before);
		map_remove(&t->by_key, &before->node);
		struct session *husk = before;
		association_forget_session(husk);
		reclaim_later(t->reclaim, husk->path, free);
		reclaim_later(t->reclaim, husk, free);
	}
	if (!association && atomic_load(&s->state->path_mtu) == PATH_MTU_UNKNOWN)
		atomic_store(&s->state->path_mtu, path_ask_mtu(s->path));
	association_add_session(association, s);
	*ret = s;
	return 0;
}

void session_remove(struct session_table *t, struct session *s)
{
	withdraw_prefixes(t, s);
	map_remove(&t->by_key, &s->node);
	association_forget_session(s);
	reclaim_later(t->reclaim, s, session_destroy);
}

void session_count(const struct session_table *t, const struct session *s, struct ipc_session_count *ret)
{
	*ret = (struct ipc_session_count){ .tunnel = s->tunnel, .session = s->session };
	for (unsigned i = 0; i < t->n_counters; i++) {
		const struct session_counters *c = &s->state->counters[i];
		ret->in_packets += c->in_packets;
		ret->in_bytes += c->in_bytes;
		ret->out_packets += c->out_packets;
		ret->out_bytes += c->out_bytes;
		ret->spoofed += c->spoofed;
		ret->limited += c->limited;
		ret->dropped += c->dropped;
		ret->last_in_ms = MAX(ret->last_in_ms, c->last_in_ms);
	}
}
