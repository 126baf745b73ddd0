/* SPDX-License-Identifier: ISC */
#include "dataplane/sa.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <urcu/pointer.h>

#define SPI_BITS 16

struct sa_name {
	uint32_t spi;
	struct ip_address destination;
};

static struct sa_name name_of(uint32_t spi, const struct ip_address *destination)
{
	return (struct sa_name){ .spi = spi, .destination = *destination };
}

void sa_table_init(struct sa_table *t, struct reclaim *reclaim, uint64_t random)
{
	*t = (struct sa_table){ .by_name = table_new(), .reclaim = reclaim };
	map_init(&t->inbound, SPI_BITS, random);
}

static void sa_destroy(void *sa)
{
	struct sa *s = sa;
	esp_sa_free(s->esp);
	free(s->path);
	free(s);
}

void sa_table_clear(struct sa_table *t)
{
	t->by_name = table_free(t->by_name, sa_destroy);
	map_clear(&t->inbound);
}

static int make_esp(const struct ipc_sa_add *m, struct esp_sa **ret, struct error *err)
{
	struct esp_sa_config config = { .inbound = m->inbound,
		.spi = m->spi,
		.esn = m->esn,
		.replay_window = MIN(MAX(m->replay_window, ESP_REPLAY_WINDOW_MIN), ESP_REPLAY_WINDOW_MAX),
		.encryption = (enum esp_encryption)m->encryption,
		.integrity = (enum esp_integrity)m->integrity,
		.encryption_key = m->encryption_key,
		.encryption_key_length = m->encryption_key_length,
		.integrity_key = m->integrity_key,
		.integrity_key_length = m->integrity_key_length,
		.lifetime = { .bytes_soft = m->bytes_soft,
		        .bytes_hard = m->bytes_hard,
		        .packets_soft = m->packets_soft,
		        .packets_hard = m->packets_hard } };
	return esp_sa_new(&config, ret, err);
}

/* What the plugin says of an SA of the kernel's: whose it is, and nothing of its keys. */
static int check_kernel(const struct ipc_sa_add *m, struct error *err)
{
	uint32_t peer = sa_peer_key(m->inbound ? &m->source : &m->destination);
	if (m->encryption || m->encryption_key_length || m->spi != peer)
		return error_set(err, -EINVAL, "SPI %08x: keys, where ESP is the kernel's", m->spi);
	return 0;
}

static struct path *make_path(const struct dataplane_config *config, const struct ipc_sa_add *m)
{
	enum dataplane_socket_kind kind = m->encapsulated ? DATAPLANE_NAT_T : DATAPLANE_ESP;
	if (config->kernel_ipsec) {
		const struct ip_address *local = m->inbound ? &m->destination : &m->source;
		const struct ip_address *remote = m->inbound ? &m->source : &m->destination;
		return path_new(config, DATAPLANE_L2TP, local, SA_L2TP_PORT, remote, SA_L2TP_PORT);
	}
	if (m->inbound)
		return path_new(
		        config, kind, &m->destination, m->destination_port, &m->source, m->source_port);
	return path_new(config, kind, &m->source, m->source_port, &m->destination, m->destination_port);
}

int sa_add(struct sa_table *t, const struct dataplane_config *config, const struct ipc_sa_add *m, time_ms now,
        struct sa **ret, struct error *err)
{
	struct sa_name name = name_of(m->spi, &m->destination);
	if (table_count(t->by_name) >= SA_MAX)
		return error_set(err, -ENOSPC, "there are %d SAs already", SA_MAX);
	if (table_get(t->by_name, &name, sizeof(name)) || (m->inbound && sa_find_inbound(t, m->spi)))
		return error_set(err, -EEXIST, "SPI %08x is there already", m->spi);
	struct path *path = make_path(config, m);
	if (!path)
		return error_set(err, -EADDRNOTAVAIL, "SPI %08x: not at an address of ours", m->spi);
	struct esp_sa *esp = NULL;
	int rc = config->kernel_ipsec ? check_kernel(m, err) : make_esp(m, &esp, err);
	if (rc < 0) {
		free(path);
		return rc;
	}
	struct sa *sa = xcalloc(1, sizeof(*sa));
	sa->node.key = m->spi;
	sa->esp = esp;
	sa->path = path;
	sa->spi = m->spi;
	sa->reqid = m->reqid;
	sa->inbound = m->inbound;
	sa->encapsulated = m->encapsulated;
	sa->destination = m->destination;
	sa->soft_at = m->soft_ms > 0 ? now + m->soft_ms : 0;
	sa->hard_at = m->hard_ms > 0 ? now + m->hard_ms : 0;
	atomic_store(&sa->used_ms, now);
	table_set(t->by_name, &name, sizeof(name), sa);
	if (sa->inbound)
		map_add(&t->inbound, &sa->node);
	*ret = sa;
	return 0;
}

struct sa *sa_find(const struct sa_table *t, uint32_t spi, const struct ip_address *destination)
{
	struct sa_name name = name_of(spi, destination);
	return table_get(t->by_name, &name, sizeof(name));
}

void sa_set_path(struct sa_table *t, struct sa *sa, struct path *p)
{
	reclaim_later(t->reclaim, sa->path, free);
	rcu_assign_pointer(sa->path, p);
}

int sa_rename(struct sa_table *t, struct sa *sa, const struct ip_address *destination)
{
	struct sa_name before = name_of(sa->spi, &sa->destination), name = name_of(sa->spi, destination);
	if (ip_equal(destination, &sa->destination))
		return 0;
	if (table_get(t->by_name, &name, sizeof(name)))
		return -EEXIST;
	table_remove(t->by_name, &before, sizeof(before));
	table_set(t->by_name, &name, sizeof(name), sa);
	sa->destination = *destination;
	return 0;
}

void sa_remove(struct sa_table *t, struct sa *sa)
{
	struct sa_name name = name_of(sa->spi, &sa->destination);
	table_remove(t->by_name, &name, sizeof(name));
	if (sa->inbound)
		map_remove(&t->inbound, &sa->node);
	reclaim_later(t->reclaim, sa, sa_destroy);
}
