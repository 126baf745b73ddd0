/* SPDX-License-Identifier: ISC */
/* The life of SAs and paths: lifetimes that end, peers that move behind their NAT, path MTUs that shrink and
 * recover. */
#include "dataplane/worker.h"

#include <urcu/pointer.h>

#define SCAN_NS 100000000LL /* associations are searched by address at most so often */
#define SCAN_BURST_NS 1000000000LL

static void tell_expired(struct plane *p, const struct sa *sa, bool hard)
{
	struct ipc_sa_expire m = {
		.reqid = sa->reqid, .spi = sa->spi, .destination = sa->destination, .hard = hard
	};
	charon_send(p, IPC_SA_EXPIRE, &m);
}

/* After its hard lifetime an SA passes nothing. */
static void end_sa(struct plane *p, struct sa *sa)
{
	struct association *a = sa->association;
	tell_expired(p, sa, true);
	bool last = association_drop_sa(&p->associations, sa);
	sa_remove(&p->sas, sa);
	if (a && last)
		control_end_association(p, a);
}

static void check_sa(
        struct plane *p, struct sa *sa, time_ms now, struct sa ***hard, size_t *n, size_t *capacity)
{
	enum esp_expiry expiry = sa->esp ? esp_sa_expiry(sa->esp) : ESP_EXPIRY_NONE;
	bool is_hard = expiry == ESP_EXPIRY_HARD || (sa->hard_at && now >= sa->hard_at);
	bool is_soft = expiry == ESP_EXPIRY_SOFT || (sa->soft_at && now >= sa->soft_at);
	if (is_hard) {
		ARRAY_RESERVE_ONE(*hard, *n, *capacity);
		(*hard)[(*n)++] = sa;
	} else if (is_soft && !sa->soft_told) {
		sa->soft_told = true;
		tell_expired(p, sa, false);
	}
}

static void check_sas(struct plane *p, time_ms now)
{
	struct sa **hard = NULL;
	size_t n = 0, capacity = 0;
	TABLE_FOREACH(it, p->sas.by_name)
		check_sa(p, it.value, now, &hard, &n, &capacity);
	/* The end of one may be the end of others of its association: those have none any more, but live
	 * until the reclaiming. */
	for (size_t i = 0; i < n; i++) {
		if (sa_find(&p->sas, hard[i]->spi, &hard[i]->destination) == hard[i])
			end_sa(p, hard[i]);
	}
	free(hard);
}

static void check_paths(struct plane *p, time_ms now)
{
	const struct map *m = &p->associations.by_number;
	for (struct map_node *n = map_next(m, NULL); n; n = map_next(m, n)) {
		struct association *a = (struct association *)n;
		if (!a->mtu_until || now < a->mtu_until || !a->out)
			continue;
		a->mtu_until = 0;
		atomic_store(&a->path_mtu, path_ask_mtu(a->out->path));
	}
}

void life_check(struct plane *p, time_ms now)
{
	check_sas(p, now);
	check_paths(p, now);
}

void life_moved(struct plane *p, const struct plane_event *e)
{
	struct sa *sa = sa_find_inbound(&p->sas, e->spi);
	if (!sa)
		return;
	atomic_store(&sa->move_told, false);
	struct path *to =
	        path_new(p->config, DATAPLANE_NAT_T, &e->local, e->local_port, &e->remote, e->remote_port);
	if (!to || !sa->association || path_same(sa->path, to) ||
	        association_move(&p->associations, p->config, sa, to) < 0) {
		free(to);
		return;
	}
	free(to);
	struct ipc_sa_mapping m = { .reqid = sa->reqid,
		.spi = sa->spi,
		.destination = sa->destination,
		.new_source = e->remote,
		.new_source_port = e->remote_port };
	charon_send(p, IPC_SA_MAPPING, &m);
	control_tell_association(p, sa->association, true);
}

static bool lower(struct plane *p, _Atomic uint16_t *mtu, const struct plane_event *e)
{
	uint16_t least = ip_is_v4(&e->remote) ? PATH_MTU_MIN : PATH_MTU_MIN_V6;
	uint16_t told = MAX(e->mtu, least);
	if (told >= atomic_load(mtu))
		return false;
	atomic_store(mtu, told);
	worker_count(worker_of_main(p), STAT_path_mtu_lowered);
	return true;
}

static void lower_association(
        struct plane *p, struct association *a, const struct plane_event *e, time_ms now)
{
	if (lower(p, &a->path_mtu, e))
		a->mtu_until = now + ASSOCIATION_MTU_MS;
}

/* Without an SPI: everybody at that address. */
static void lower_all(struct plane *p, const struct plane_event *e, time_ms now)
{
	const struct map *m = e->clear ? &p->sessions.by_key : &p->associations.by_number;
	for (struct map_node *n = map_next(m, NULL); n; n = map_next(m, n)) {
		struct session *s = (struct session *)n;
		struct association *a = (struct association *)n;
		if (e->clear && s->path && ip_equal(&s->path->remote, &e->remote))
			lower(p, &s->state->path_mtu, e);
		else if (!e->clear && a->out && ip_equal(&a->out->path->remote, &e->remote))
			lower_association(p, a, e, now);
	}
}

void life_path_mtu(struct plane *p, const struct plane_event *e, time_ms now)
{
	if (e->spi) {
		struct sa *sa = sa_find(&p->sas, e->spi, &e->remote);
		if (sa && !sa->inbound && sa->association)
			lower_association(p, sa->association, e, now);
		else
			worker_count(worker_of_main(p), STAT_path_mtu_ignored);
		return;
	}
	if (limiter_take(&p->path_scans, now * 1000000, SCAN_NS, SCAN_BURST_NS))
		lower_all(p, e, now);
	else
		worker_count(worker_of_main(p), STAT_path_mtu_ignored);
}
