/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "charon/kernel_ipsec.h"

#include "charon/address.h"
#include <collections/hashtable.h>
#include <daemon.h>
#include <sys/random.h>
#include <threading/mutex.h>

#define SPI_FIRST 0x00001000u /* RFC 4303, 2.1 reserves 1 to 255 */
#define SPI_TRIES 64

/* Of one SA, by SPI (network order, as charon has it) and direction; `request` in SA_ASK is the entry's
 * number. */
struct usage {
	uint32_t spi;
	bool ours; /* we chose the SPI: inbound */
	uint32_t number, reqid;
	uint64_t bytes, packets;
	time_t used; /* monotonic, 0: never */
};

struct pratique_ipsec {
	kernel_ipsec_t public;
	struct link *link;
	struct children *children;
	mutex_t *mutex;      /* of what follows */
	hashtable_t *by_spi; /* struct usage; owns */
	hashtable_t *by_number;
	uint32_t last_number;
};

static u_int usage_hash(const void *key)
{
	const struct usage *u = key;
	return chunk_hash(chunk_from_thing(u->spi)) + u->ours;
}

static bool usage_equals(const void *a, const void *b)
{
	const struct usage *u = a, *v = b;
	return u->spi == v->spi && u->ours == v->ours;
}

static u_int number_hash(const void *key)
{
	return (u_int)(uintptr_t)key;
}

static bool number_equals(const void *a, const void *b)
{
	return a == b;
}

/* ---- what we know of an SA; under the mutex ---- */

static struct usage *find_usage(struct pratique_ipsec *this, uint32_t spi, bool ours)
{
	struct usage key = { .spi = spi, .ours = ours };
	return this->by_spi->get(this->by_spi, &key);
}

static struct usage *add_usage(struct pratique_ipsec *this, uint32_t spi, bool ours)
{
	if (this->by_spi->get_count(this->by_spi) >= KERNEL_IPSEC_SA_MAX)
		return NULL;
	struct usage *u = xcalloc(1, sizeof(*u));
	u->spi = spi;
	u->ours = ours;
	do {
		u->number = ++this->last_number;
	} while (this->by_number->get(this->by_number, (void *)(uintptr_t)u->number));
	this->by_spi->put(this->by_spi, u, u);
	this->by_number->put(this->by_number, (void *)(uintptr_t)u->number, u);
	return u;
}

static void remove_usage(struct pratique_ipsec *this, struct usage *u)
{
	this->by_spi->remove(this->by_spi, u);
	this->by_number->remove(this->by_number, (void *)(uintptr_t)u->number);
	free(u);
}

void pratique_kernel_ipsec_used(kernel_ipsec_t *public, const struct ipc_sa_used *used)
{
	struct pratique_ipsec *this = (struct pratique_ipsec *)public;
	this->mutex->lock(this->mutex);
	struct usage *u = this->by_number->get(this->by_number, (void *)(uintptr_t)used->request);
	if (u) {
		u->bytes = used->bytes;
		u->packets = used->packets;
		if (used->packets)
			u->used = time_monotonic(NULL) - (time_t)(used->idle_ms / 1000);
	}
	this->mutex->unlock(this->mutex);
}

/* ---- kernel_ipsec_t ---- */

METHOD(kernel_ipsec_t, get_features, kernel_feature_t, struct pratique_ipsec *this)
{
	return KERNEL_ESP_V3_TFC;
}

/* Unpredictable, and unlike any other of ours: the data plane finds an inbound SA by its SPI. */
METHOD(kernel_ipsec_t, get_spi, status_t, struct pratique_ipsec *this, host_t *src, host_t *dst,
        uint8_t protocol, uint32_t *spi)
{
	struct usage *u = NULL;
	this->mutex->lock(this->mutex);
	for (int i = 0; i < SPI_TRIES && !u; i++) {
		uint32_t candidate;
		if (getrandom(&candidate, sizeof(candidate), 0) != sizeof(candidate))
			break;
		if (ntohl(candidate) >= SPI_FIRST && !find_usage(this, candidate, true))
			u = add_usage(this, candidate, true);
	}
	if (u)
		*spi = u->spi;
	this->mutex->unlock(this->mutex);
	return u ? SUCCESS : FAILED;
}

METHOD(kernel_ipsec_t, get_cpi, status_t, struct pratique_ipsec *this, host_t *src, host_t *dst,
        uint16_t *cpi)
{
	return NOT_SUPPORTED;
}

static int64_t seconds_to_ms(uint64_t seconds)
{
	return seconds > (uint64_t)INT64_MAX / 1000 ? 0 : (int64_t)seconds * 1000;
}

/* charon's hosts have IKE's ports, whether ESP has any or not. */
static uint16_t esp_port(host_t *host, bool encapsulated)
{
	return encapsulated ? host->get_port(host) : 0;
}

static struct ipc_sa_add describe_sa(const kernel_ipsec_sa_id_t *id, const kernel_ipsec_add_sa_t *data)
{
	const lifetime_cfg_t *life = data->lifetime;
	return (struct ipc_sa_add){
		.reqid = data->reqid,
		.spi = ntohl(id->spi),
		.inbound = data->inbound,
		.source = address_of_host(id->src),
		.destination = address_of_host(id->dst),
		.encapsulated = data->encap,
		.source_port = esp_port(id->src, data->encap),
		.destination_port = esp_port(id->dst, data->encap),
		.esn = data->esn,
		.replay_window = data->replay_window,
		.encryption = data->enc_alg,
		.encryption_key = data->enc_key.ptr,
		.encryption_key_length = data->enc_key.len,
		.integrity = data->int_alg == AUTH_UNDEFINED ? 0 : data->int_alg,
		.integrity_key = data->int_key.ptr,
		.integrity_key_length = data->int_key.len,
		.bytes_soft = life->bytes.rekey,
		.bytes_hard = life->bytes.life,
		.packets_soft = life->packets.rekey,
		.packets_hard = life->packets.life,
		.soft_ms = seconds_to_ms(life->time.rekey),
		.hard_ms = seconds_to_ms(life->time.life),
	};
}

METHOD(kernel_ipsec_t, add_sa, status_t, struct pratique_ipsec *this, kernel_ipsec_sa_id_t *id,
        kernel_ipsec_add_sa_t *data)
{
	if (id->proto != IPPROTO_ESP || data->mode != MODE_TRANSPORT || data->ipcomp != IPCOMP_NONE) {
		DBG1(DBG_KNL,
		        "the data plane has ESP in transport mode, without compression, and nothing else");
		return NOT_SUPPORTED;
	}
	this->mutex->lock(this->mutex);
	struct usage *u = find_usage(this, id->spi, data->inbound);
	u = u ? u : add_usage(this, id->spi, data->inbound);
	if (u)
		u->reqid = data->reqid;
	this->mutex->unlock(this->mutex);
	if (!u)
		return FAILED;
	struct ipc_sa_add m = describe_sa(id, data);
	if (!link_send(this->link, IPC_SA_ADD, &m, false))
		return FAILED;
	children_add_sa(this->children, m.reqid, m.spi, m.inbound);
	return SUCCESS;
}

METHOD(kernel_ipsec_t, update_sa, status_t, struct pratique_ipsec *this, kernel_ipsec_sa_id_t *id,
        kernel_ipsec_update_sa_t *data)
{
	struct ipc_sa_move m = {
		.spi = ntohl(id->spi),
		.destination = address_of_host(id->dst),
		.new_source = address_of_host(data->new_src),
		.new_source_port = esp_port(data->new_src, data->new_encap),
		.new_destination = address_of_host(data->new_dst),
		.new_destination_port = esp_port(data->new_dst, data->new_encap),
		.encapsulated = data->new_encap,
	};
	return link_send(this->link, IPC_SA_MOVE, &m, false) ? SUCCESS : FAILED;
}

METHOD(kernel_ipsec_t, query_sa, status_t, struct pratique_ipsec *this, kernel_ipsec_sa_id_t *id,
        kernel_ipsec_query_sa_t *data, uint64_t *bytes, uint64_t *packets, time_t *used)
{
	struct ipc_sa_ask ask = { .spi = ntohl(id->spi), .destination = address_of_host(id->dst) };
	this->mutex->lock(this->mutex);
	/* The query does not say which direction: an SPI that both ends chose, by chance, is taken for the
	 * inbound one. */
	struct usage *u = find_usage(this, id->spi, true);
	u = u ? u : find_usage(this, id->spi, false);
	if (u) {
		ask.request = u->number;
		*bytes = u->bytes;
		if (packets)
			*packets = u->packets;
		if (used)
			*used = u->used;
	}
	this->mutex->unlock(this->mutex);
	if (!u)
		return NOT_FOUND;
	(void)link_send(this->link, IPC_SA_ASK, &ask, true);
	return SUCCESS;
}

METHOD(kernel_ipsec_t, del_sa, status_t, struct pratique_ipsec *this, kernel_ipsec_sa_id_t *id,
        kernel_ipsec_del_sa_t *data)
{
	struct ipc_sa_remove m = { .spi = ntohl(id->spi), .destination = address_of_host(id->dst) };
	this->mutex->lock(this->mutex);
	struct usage *u = find_usage(this, id->spi, true);
	u = u ? u : find_usage(this, id->spi, false);
	uint32_t reqid = u ? u->reqid : 0;
	bool inbound = u && u->ours;
	if (u)
		remove_usage(this, u);
	this->mutex->unlock(this->mutex);
	if (reqid)
		children_remove_sa(this->children, reqid, m.spi, inbound);
	/* Without a connection there is no SA either; and an SPI that was only given out has none. */
	if (reqid)
		(void)link_send(this->link, IPC_SA_REMOVE, &m, false);
	return SUCCESS;
}

METHOD(kernel_ipsec_t, flush_sas, status_t, struct pratique_ipsec *this)
{
	return SUCCESS;
}

/* ---- policies: the data plane's own ---- */

METHOD(kernel_ipsec_t, add_policy, status_t, struct pratique_ipsec *this, kernel_ipsec_policy_id_t *id,
        kernel_ipsec_manage_policy_t *data)
{
	return SUCCESS;
}

METHOD(kernel_ipsec_t, query_policy, status_t, struct pratique_ipsec *this, kernel_ipsec_policy_id_t *id,
        kernel_ipsec_query_policy_t *data, time_t *used)
{
	return NOT_SUPPORTED;
}

METHOD(kernel_ipsec_t, del_policy, status_t, struct pratique_ipsec *this, kernel_ipsec_policy_id_t *id,
        kernel_ipsec_manage_policy_t *data)
{
	return SUCCESS;
}

METHOD(kernel_ipsec_t, flush_policies, status_t, struct pratique_ipsec *this)
{
	return SUCCESS;
}

/* charon has no socket of its own that would need it. */
METHOD(kernel_ipsec_t, bypass_socket, bool, struct pratique_ipsec *this, int fd, int family)
{
	return TRUE;
}

METHOD(kernel_ipsec_t, enable_udp_decap, bool, struct pratique_ipsec *this, int fd, int family,
        u_int16_t port)
{
	return TRUE;
}

static void free_usage(void *usage, const void *key)
{
	free(usage);
}

METHOD(kernel_ipsec_t, destroy, void, struct pratique_ipsec *this)
{
	this->by_number->destroy(this->by_number);
	this->by_spi->destroy_function(this->by_spi, free_usage);
	this->mutex->destroy(this->mutex);
	free(this);
}

kernel_ipsec_t *pratique_kernel_ipsec_create(struct link *link, struct children *children)
{
	struct pratique_ipsec *this;
	INIT(this,
	        .public = {
	                .get_features = _get_features,
	                .get_spi = _get_spi,
	                .get_cpi = _get_cpi,
	                .add_sa = _add_sa,
	                .update_sa = _update_sa,
	                .query_sa = _query_sa,
	                .del_sa = _del_sa,
	                .flush_sas = _flush_sas,
	                .add_policy = _add_policy,
	                .query_policy = _query_policy,
	                .del_policy = _del_policy,
	                .flush_policies = _flush_policies,
	                .bypass_socket = _bypass_socket,
	                .enable_udp_decap = _enable_udp_decap,
	                .destroy = _destroy,
	        },
	        .link = link,
	        .children = children,
	        .mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	        .by_spi = hashtable_create(usage_hash, usage_equals, 64),
	        .by_number = hashtable_create(number_hash, number_equals, 64), );
	return &this->public;
}
