/* SPDX-License-Identifier: ISC */
#include "enforcer/desired_internal.h"
#include "enforcer/segments.h"

#include <errno.h>
#include <string.h>

/* ---- what is wanted ---- */

time_ms desired_grace_of(const struct desired *d, uint8_t mark)
{
	const struct ipc_segment *s = segments_by_mark(&d->policy, mark);
	return s ? (time_ms)MIN(s->grace_ms, (uint64_t)INT64_MAX / 4) : 0;
}

/* While the server is away an admission that was current when it was last heard outlives its certificate by
 * its segment's grace. */
static time_ms effective_expiry(const struct desired *d, const struct spot *s)
{
	if (!d->away || s->no_grace || s->expires <= d->last_floor)
		return s->expires;
	return s->expires + desired_grace_of(d, s->mark);
}

bool desired_is_admitted(const struct desired *d, const struct spot *s, time_ms now)
{
	const struct ipc_segment *segment = s->placed ? segments_by_mark(&d->policy, s->mark) : NULL;
	return segment && !segment->is_default && !s->suspended && effective_expiry(d, s) > now;
}

static void want(struct spot *s, const struct element *e)
{
	s->wanted[s->n_wanted++] = *e;
}

static void want_prefix(
        struct desired *d, struct spot *s, const struct attachment_address *address, bool admitted)
{
	struct element e = { .kind = ELEMENT_PREFIX,
		.link = s->link,
		.mac = s->key.mac,
		.ip = address->ip,
		.length = address->length };
	memcpy(e.port, s->key.port, sizeof(e.port));
	want(s, &e);
	if (!admitted)
		return;
	e.kind = ELEMENT_PREFIX_PLACED;
	e.mark = s->mark;
	e.expires = effective_expiry(d, s);
	want(s, &e);
}

static void compute(struct desired *d, struct spot *s, time_ms now)
{
	const struct attachment *at =
	        s->is_port ? NULL : attachments_find(d->attachments, s->key.port, &s->key.mac);
	size_t n = at && s->present ? at->n_addresses : 0;
	bool admitted = desired_is_admitted(d, s, now);
	struct element base = { .link = s->link, .mac = s->key.mac }, e;
	memcpy(base.port, s->key.port, sizeof(base.port));
	free(s->wanted);
	s->wanted = xcalloc(2 * n + 2, sizeof(*s->wanted));
	s->n_wanted = 0;
	if (s->is_port || s->present) {
		e = base;
		e.kind = s->is_port ? ELEMENT_PORT : ELEMENT_MAC;
		if (!s->is_port || s->present)
			want(s, &e);
	}
	for (size_t i = 0; i < n && at->softwire; i++)
		want_prefix(d, s, &at->addresses[i], admitted);
	for (size_t i = 0; i < n && !at->softwire; i++) {
		e = base;
		e.kind = ELEMENT_ADDRESS;
		e.ip = at->addresses[i].ip;
		want(s, &e);
		if (admitted)
			want(s,
			        &(struct element){ .kind = ELEMENT_TARGET,
			                .link = s->link,
			                .ip = e.ip,
			                .mark = s->mark,
			                .expires = effective_expiry(d, s) });
	}
	if (admitted) {
		e = base;
		e.kind = ELEMENT_PLACED;
		e.mark = s->mark;
		e.expires = effective_expiry(d, s);
		want(s, &e);
	}
	element_sort(s->wanted, s->n_wanted);
}

/* What has run out is gone from the enforcement point by itself. */
static void forget_expired(struct spot *s, time_ms now)
{
	size_t kept = 0;
	for (size_t i = 0; i < s->n_applied; i++) {
		const struct element *e = &s->applied[i];
		if (!element_is_timed(e) || e->expires > now)
			s->applied[kept++] = *e;
	}
	s->n_applied = kept;
}

void desired_plan(struct desired *d, struct spot *s, time_ms now, struct element_changes *changes)
{
	forget_expired(s, now);
	compute(d, s, now);
	element_diff(s->applied, s->n_applied, s->wanted, s->n_wanted, DESIRED_TOLERANCE_MS, changes);
}

/* ---- committing ---- */

/* Tells whose segment changed: an element that is removed, or that stands for another mark than before. */
static void report_moves(struct desired *d, const struct spot *s)
{
	for (size_t i = 0; d->moved && i < s->n_applied; i++) {
		const struct element *old = &s->applied[i];
		bool tells = old->kind == ELEMENT_TARGET || old->kind == ELEMENT_PREFIX_PLACED, same = false;
		for (size_t j = 0; j < s->n_wanted && tells && !same; j++)
			same = element_compare(old, &s->wanted[j]) == 0 && old->mark == s->wanted[j].mark;
		const struct ip_prefix p = { old->ip, old->kind == ELEMENT_TARGET ? 128 : old->length };
		if (tells && !same)
			d->moved(d->moved_context, &p);
	}
}

void desired_settle(struct desired *d, struct spot *s)
{
	report_moves(d, s);
	free(s->applied);
	s->applied = s->wanted;
	s->n_applied = s->n_wanted;
	s->wanted = NULL;
	s->n_wanted = 0;
	s->dirty = s->failed = false;
}

/* A spot that stands for nothing any more. */
void desired_drop_empty(struct desired *d, struct spot *s)
{
	if (s->dirty || s->present || s->placed || s->n_applied)
		return;
	struct spot_key k = s->key;
	table_remove(d->spots, &k, sizeof(k));
	desired_free_spot(s);
}

struct commit {
	refusal_fn refused;
	void *context;
	time_ms now;
	struct error *err;
	size_t changed;
	bool resynced;
	int result;
};

static int resync(struct desired *d, time_ms now, struct error *err);

static int apply_spots(
        struct desired *d, struct spot **spots, size_t count, struct commit *c, struct error *err)
{
	struct element_changes changes = { 0 };
	for (size_t i = 0; i < count; i++)
		desired_plan(d, spots[i], c->now, &changes);
	int r = changes.count ? d->driver->ops->apply(d->driver, changes.items, changes.count, c->now, err)
	                      : 0;
	if (r == 0) {
		c->changed += changes.count;
		for (size_t i = 0; i < count; i++)
			desired_settle(d, spots[i]);
	}
	element_changes_clear(&changes);
	return r;
}

/* The whole, then its halves. An element may have run out between our clock's reading and the kernel's: after
 * the first refusal what is really there is read again. */
static void apply_or_split(struct desired *d, struct spot **spots, size_t count, struct commit *c)
{
	struct error err = { { 0 } };
	int r = apply_spots(d, spots, count, c, &err);
	if (r < 0 && !c->resynced) {
		c->resynced = true;
		if (resync(d, c->now, c->err) == 0)
			r = apply_spots(d, spots, count, c, &err);
	}
	if (r == 0)
		return;
	if (count > 1) {
		apply_or_split(d, spots, count / 2, c);
		apply_or_split(d, spots + count / 2, count - count / 2, c);
		return;
	}
	if (c->refused)
		c->refused(c->context, spots[0]->key.port, &spots[0]->key.mac, err.text);
	spots[0]->dirty = false;
	spots[0]->failed = true;
	c->result = error_set(c->err, r, "%s", err.text);
}

int desired_commit(struct desired *d, refusal_fn refused, void *context, time_ms now, struct error *err)
{
	struct commit c = { refused, context, now, err, 0, false, 0 };
	if (d->n_dirty == 0)
		return 0;
	struct spot **spots FREE_ON_EXIT = d->dirty;
	size_t count = d->n_dirty;
	d->dirty = NULL;
	d->n_dirty = d->dirty_capacity = 0;
	apply_or_split(d, spots, count, &c);
	for (size_t i = 0; i < count; i++)
		desired_drop_empty(d, spots[i]);
	return c.result < 0 ? c.result : (int)MIN(c.changed, INT32_MAX);
}

/* ---- what is there ---- */

static void append_applied(struct spot *s, const struct element *e)
{
	s->applied = xrealloc_array(s->applied, s->n_applied + 1, sizeof(*s->applied));
	s->applied[s->n_applied++] = *e;
}

struct listing {
	struct desired *d;
	struct table *owners; /* link and address -> spot */
	element_fn restore;
	void *context;
	struct element_changes orphans, targets;
};
struct owner_key {
	uint16_t link;
	struct ip_address ip;
};

static void take_listed(void *context, const struct element *e)
{
	struct listing *l = context;
	if (e->kind == ELEMENT_TARGET) {
		element_changes_add(&l->targets, false, e);
		return;
	}
	struct spot *s = desired_need_spot(l->d, e->port, &e->mac);
	if (!s->present && !s->is_port)
		s->link = e->link;
	s->is_port = s->is_port || e->kind == ELEMENT_PORT;
	append_applied(s, e);
	if (e->kind == ELEMENT_ADDRESS) {
		struct owner_key k = { e->link, e->ip };
		table_set(l->owners, &k, sizeof(k), s);
	}
	if (l->restore)
		l->restore(l->context, e);
}

/* Targets carry no port: they belong to whom their address is bound to. One that belongs to nobody goes. */
static void take_targets(struct listing *l)
{
	for (size_t i = 0; i < l->targets.count; i++) {
		const struct element *e = &l->targets.items[i].element;
		struct owner_key k = { e->link, e->ip };
		struct spot *s = table_get(l->owners, &k, sizeof(k));
		if (s)
			append_applied(s, e);
		else
			element_changes_add(&l->orphans, false, e);
	}
}

int desired_read_applied(struct desired *d, element_fn restore, void *context, time_ms now, struct error *err)
{
	struct listing l = { d, table_new(), restore, context, { 0 }, { 0 } };
	TABLE_FOREACH(it, d->spots)
		((struct spot *)it.value)->n_applied = 0;
	int r = d->driver->ops->list(d->driver, now, take_listed, &l, err);
	take_targets(&l);
	if (r == 0 && l.orphans.count)
		r = d->driver->ops->apply(d->driver, l.orphans.items, l.orphans.count, now, err);
	table_free(l.owners, NULL);
	element_changes_clear(&l.orphans);
	element_changes_clear(&l.targets);
	TABLE_FOREACH(it, d->spots) {
		struct spot *s = it.value;
		element_sort(s->applied, s->n_applied);
	}
	return r;
}

static int resync(struct desired *d, time_ms now, struct error *err)
{
	return desired_read_applied(d, NULL, NULL, now, err);
}
