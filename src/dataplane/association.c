/* SPDX-License-Identifier: ISC */
#include "dataplane/association.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <urcu/pointer.h>

#define NUMBER_BITS 16
#define IP4_HEADER 20
#define IP6_HEADER 40
#define UDP_HEADER 8
/* What the kernel's ESP adds at most, by what charon is configured for: SPI and number 8, IV 16, padding and
 * its length 17, integrity 32, and UDP. */
#define KERNEL_ESP_OVERHEAD 81

struct ike_name {
	uint32_t ike, reqid;
};

void association_table_init(struct association_table *t, struct sa_table *sas, struct session_table *sessions,
        struct reclaim *reclaim, uint64_t random)
{
	*t = (struct association_table){ .by_ike = table_new(),
		.orphans = table_new(),
		.sas = sas,
		.sessions = sessions,
		.reclaim = reclaim };
	map_init(&t->by_number, NUMBER_BITS, random);
}

static void association_destroy(void *association)
{
	struct association *a = association;
	free(a->name);
	free(a->identity);
	free(a->eap_identity);
	free(a);
}

void association_table_clear(struct association_table *t)
{
	struct map_node *node = map_next(&t->by_number, NULL);
	while (node) {
		struct map_node *next = map_next(&t->by_number, node);
		association_destroy(node);
		node = next;
	}
	map_clear(&t->by_number);
	t->by_ike = table_free(t->by_ike, NULL);
	t->orphans = table_free(t->orphans, NULL);
}

static void name_ike(struct association_table *t, struct association *a, uint32_t ike)
{
	struct ike_name before = { a->ike, a->reqid }, name = { ike, a->reqid };
	if (table_get(t->by_ike, &before, sizeof(before)) == a)
		table_remove(t->by_ike, &before, sizeof(before));
	a->ike = ike;
	table_set(t->by_ike, &name, sizeof(name), a);
}

static void set_identity(struct association *a, const struct ipc_child *m)
{
	free(a->name);
	free(a->identity);
	free(a->eap_identity);
	a->name = xstrdup(m->name ? m->name : "");
	a->identity = xstrdup(m->identity ? m->identity : "");
	a->eap_identity = xstrdup(m->eap_identity ? m->eap_identity : "");
	a->authentication = m->authentication;
}

static struct association *association_new(struct association_table *t, const struct ipc_child *m)
{
	struct association *a = xcalloc(1, sizeof(*a));
	do {
		a->node.key = ++t->last;
	} while (!t->last || map_find(&t->by_number, t->last));
	atomic_store(&a->path_mtu, PATH_MTU_UNKNOWN);
	a->reqid = m->reqid;
	map_add(&t->by_number, &a->node);
	name_ike(t, a, m->ike);
	return a;
}

static void take_sa(struct association *a, struct sa *sa)
{
	if (sa->association == a)
		return;
	sa->of_association = a->sas;
	a->sas = sa;
	rcu_assign_pointer(sa->association, a);
}

/* The SAs of the message: of inbound ones the SPI is the name, of outbound ones the peer's address is not
 * said. */
static int find_sas(
        const struct association_table *t, const struct ipc_child *m, struct sa **ret_in, struct sa **ret_out)
{
	struct sa *in = sa_find_inbound(t->sas, m->spi_in);
	if (!in)
		return -ENOENT;
	struct sa *out = sa_find(t->sas, m->spi_out, &in->path->remote);
	if (!out || out->inbound)
		return -ENOENT;
	*ret_in = in;
	*ret_out = out;
	return 0;
}

/* Whose SA is it by what is known: this very CHILD_SA (its IKE_SA was rekeyed), or one of the same IKE_SA.
 * Neither may change the identity that was proven. */
static struct association *find_owner(
        const struct association_table *t, const struct ipc_child *m, const struct sa *in)
{
	struct ike_name name = { m->ike, m->reqid };
	struct association *a = in->association ? in->association : table_get(t->by_ike, &name, sizeof(name));
	if (a && !a->orphan && !strcmp(a->identity, m->identity ? m->identity : ""))
		return a;
	return NULL;
}

int association_child_up(struct association_table *t, const struct ipc_child *m, struct association **ret,
        bool *ret_new, struct error *err)
{
	struct sa *in, *out;
	if (find_sas(t, m, &in, &out) < 0)
		return error_set(err, -ENOENT, "child %s: its SAs %08x, %08x are not there", m->name,
		        m->spi_in, m->spi_out);
	struct association *a = find_owner(t, m, in);
	if ((in->association && in->association != a) || (out->association && out->association != a))
		return error_set(err, -EEXIST, "child %s: SAs %08x, %08x are another peer's", m->name,
		        m->spi_in, m->spi_out);
	if (!a && t->by_number.count >= ASSOCIATION_MAX)
		return error_set(err, -ENOSPC, "there are %d associations already", ASSOCIATION_MAX);
	*ret_new = !a;
	if (!a)
		a = association_new(t, m);
	else if (a->ike != m->ike)
		name_ike(t, a, m->ike);
	set_identity(a, m);
	take_sa(a, in);
	take_sa(a, out);
	rcu_assign_pointer(a->out, out);
	if (!a->mtu_until)
		atomic_store(&a->path_mtu, path_ask_mtu(out->path));
	*ret = a;
	return 0;
}

bool association_drop_sa(struct association_table *t, struct sa *sa)
{
	struct association *a = sa->association;
	if (!a)
		return false;
	struct sa **at = &a->sas;
	while (*at != sa)
		at = &(*at)->of_association;
	*at = sa->of_association;
	rcu_assign_pointer(sa->association, NULL);
	struct sa *in = NULL, *out = NULL;
	/* The newest is first. */
	for (struct sa *s = a->sas; s; s = s->of_association) {
		if (s->inbound)
			in = in ? in : s;
		else
			out = out ? out : s;
	}
	if (a->out == sa)
		rcu_assign_pointer(a->out, out);
	return !in || !out;
}

static void forget_orphan(struct association_table *t, struct association *a)
{
	struct association *first = table_get_string(t->orphans, a->identity), **at = &first;
	while (*at && *at != a)
		at = &(*at)->next_orphan;
	if (*at)
		*at = a->next_orphan;
	if (first)
		table_set_string(t->orphans, a->identity, first);
	else
		table_remove_string(t->orphans, a->identity);
}

void association_end(struct association_table *t, struct association *a)
{
	while (a->sessions)
		session_remove(t->sessions, a->sessions);
	rcu_assign_pointer(a->out, NULL);
	while (a->sas) {
		struct sa *sa = a->sas;
		a->sas = sa->of_association;
		rcu_assign_pointer(sa->association, NULL);
		sa_remove(t->sas, sa);
	}
	struct ike_name name = { a->ike, a->reqid };
	if (a->orphan)
		forget_orphan(t, a);
	else if (table_get(t->by_ike, &name, sizeof(name)) == a)
		table_remove(t->by_ike, &name, sizeof(name));
	map_remove(&t->by_number, &a->node);
	reclaim_later(t->reclaim, a, association_destroy);
}

void association_orphan_all(struct association_table *t)
{
	t->by_ike = table_free(t->by_ike, NULL);
	t->by_ike = table_new();
	for (struct map_node *n = map_next(&t->by_number, NULL); n; n = map_next(&t->by_number, n)) {
		struct association *a = (struct association *)n;
		if (a->orphan)
			continue;
		a->orphan = true;
		a->next_orphan = table_set_string(t->orphans, a->identity, a);
	}
}

struct association *association_find_orphan(const struct association_table *t, const struct association *a)
{
	struct association *o = table_get_string(t->orphans, a->identity);
	while (o && strcmp(o->eap_identity, a->eap_identity) != 0)
		o = o->next_orphan;
	return o;
}

static struct path *copy_path(const struct dataplane_config *config, const struct path *to)
{
	return path_new(config, to->kind, &to->local, to->local_port, &to->remote, to->remote_port);
}

int association_move(struct association_table *t, const struct dataplane_config *config, struct sa *sa,
        const struct path *to)
{
	struct association *a = sa->association;
	const struct path from = *sa->path;
	int rc = 0;
	for (struct sa *s = a ? a->sas : sa; s && !rc; s = a ? s->of_association : NULL) {
		if (!path_same(s->path, &from))
			continue;
		rc = s->inbound ? 0 : sa_rename(t->sas, s, &to->remote);
		struct path *p = rc ? NULL : copy_path(config, to);
		if (p)
			sa_set_path(t->sas, s, p);
		else
			rc = rc ? rc : -EADDRNOTAVAIL;
	}
	if (a && a->out && !rc) {
		a->mtu_until = 0;
		atomic_store(&a->path_mtu, path_ask_mtu(a->out->path));
	}
	return rc;
}

void association_add_session(struct association *a, struct session *s)
{
	if (!a)
		return;
	s->of_association = a->sessions;
	a->sessions = s;
}

void association_forget_session(struct session *s)
{
	if (!s->association)
		return;
	struct session **at = &s->association->sessions;
	while (*at && *at != s)
		at = &(*at)->of_association;
	if (*at)
		*at = s->of_association;
}

uint16_t association_overhead(const struct sa *out)
{
	if (!out->esp)
		return KERNEL_ESP_OVERHEAD;
	return (uint16_t)(esp_sa_headroom(out->esp) + esp_sa_tailroom(out->esp) +
	        (out->encapsulated ? UDP_HEADER : 0));
}

uint16_t association_inner_max(const struct sa *out, bool v4, uint16_t path_mtu, uint16_t headers)
{
	size_t room = path_mtu - (v4 ? IP4_HEADER : IP6_HEADER);
	if (out && !out->esp) {
		room -= MIN(room, KERNEL_ESP_OVERHEAD);
	} else if (out) {
		room -= out->encapsulated ? UDP_HEADER : 0;
		room = esp_sa_payload_max(out->esp, MIN(room, ESP_PACKET_MAX));
	}
	return (uint16_t)(room > headers ? room - headers : 0);
}
