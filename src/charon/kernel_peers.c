/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "charon/kernel_peers.h"

#include "base/table.h"
#include "charon/address.h"

#include <daemon.h>
#include <threading/mutex.h>

struct kernel_peers {
	struct link *link;
	mutex_t *mutex;
	struct table *by_key; /* of the address -> struct peer */
};

struct peer {
	struct ip_address address;
	uint32_t ike, reqid;
};

struct kernel_peers *kernel_peers_new(struct link *link)
{
	struct kernel_peers *k = xcalloc(1, sizeof(*k));
	k->link = link;
	k->mutex = mutex_create(MUTEX_TYPE_DEFAULT);
	k->by_key = table_new();
	return k;
}

struct kernel_peers *kernel_peers_free(struct kernel_peers *k)
{
	if (!k)
		return NULL;
	table_free(k->by_key, free);
	k->mutex->destroy(k->mutex);
	free(k);
	return NULL;
}

static uint32_t key_of(const struct ip_address *a)
{
	uint32_t key = 0;
	for (size_t i = 0; i < sizeof(a->bytes); i++)
		key ^= (uint32_t)a->bytes[i] << (24 - i % 4 * 8);
	return key;
}

static void tell_sas(struct kernel_peers *k, uint32_t key, uint32_t reqid, const struct ip_address *local,
        const struct ip_address *remote)
{
	struct ipc_sa_add in = {
		.reqid = reqid, .spi = key, .inbound = true, .source = *remote, .destination = *local
	};
	struct ipc_sa_add out = { .reqid = reqid, .spi = key, .source = *local, .destination = *remote };
	(void)link_send(k->link, IPC_SA_ADD, &in, false);
	(void)link_send(k->link, IPC_SA_ADD, &out, false);
}

static void tell_down(struct kernel_peers *k, uint32_t key, const struct peer *p)
{
	static char empty[1];
	struct ipc_child down = { .reqid = p->reqid,
		.spi_in = key,
		.spi_out = key,
		.ike = p->ike,
		.name = empty,
		.identity = empty,
		.eap_identity = empty };
	(void)link_send(k->link, IPC_CHILD, &down, false);
}

/* The peer of that key, new or not; NULL: another address has the key, and is there first. */
static struct peer *take_peer(struct kernel_peers *k, uint32_t key, const struct ip_address *remote)
{
	struct peer *p = table_get(k->by_key, &key, sizeof(key));
	if (p)
		return ip_equal(&p->address, remote) ? p : NULL;
	p = xcalloc(1, sizeof(*p));
	p->address = *remote;
	table_set(k->by_key, &key, sizeof(key), p);
	return p;
}

void kernel_peers_up(
        struct kernel_peers *k, const struct ipc_child *m, bool rekeyed, host_t *local, host_t *remote)
{
	struct ip_address here = address_of_host(local), there = address_of_host(remote);
	struct ipc_child up = *m;
	uint32_t key = key_of(&there);
	k->mutex->lock(k->mutex);
	struct peer *p = take_peer(k, key, &there);
	if (!p) {
		DBG1(DBG_KNL, "%H cannot be told from another peer in kernel mode", remote);
	} else {
		if (p->ike && !rekeyed) {
			tell_down(k, key, p);
			p->ike = 0;
		}
		if (!p->ike)
			tell_sas(k, key, m->reqid, &here, &there);
		p->ike = m->ike;
		p->reqid = m->reqid;
		up.spi_in = up.spi_out = key;
		(void)link_send(k->link, IPC_CHILD, &up, false);
	}
	k->mutex->unlock(k->mutex);
}

void kernel_peers_down(struct kernel_peers *k, const struct ipc_child *m, host_t *remote)
{
	struct ip_address there = address_of_host(remote);
	uint32_t key = key_of(&there);
	k->mutex->lock(k->mutex);
	struct peer *p = table_get(k->by_key, &key, sizeof(key));
	if (p && p->ike == m->ike && ip_equal(&p->address, &there)) {
		tell_down(k, key, p);
		free(table_remove(k->by_key, &key, sizeof(key)));
	}
	k->mutex->unlock(k->mutex);
}
