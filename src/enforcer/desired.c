/* SPDX-License-Identifier: ISC */
#include "enforcer/desired_internal.h"
#include "enforcer/drivers/nft_rules.h"
#include "enforcer/segments.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct desired *desired_new(
        const struct links *links, struct driver *driver, const struct attachments *attachments)
{
	struct desired *d = xcalloc(1, sizeof(*d));
	*d = (struct desired){
		.links = links, .driver = driver, .attachments = attachments, .spots = table_new()
	};
	segments_copy(nft_rules_initial(), &d->policy);
	return d;
}

void desired_free_spot(void *p)
{
	struct spot *s = p;
	free(s->applied);
	free(s->wanted);
	free(s);
}

struct desired *desired_free(struct desired *d)
{
	if (d) {
		table_free(d->spots, desired_free_spot);
		free(d->dirty);
		ipc_body_clear(IPC_SEGMENTS, &d->policy);
		free(d);
	}
	return NULL;
}

void desired_on_move(struct desired *d, moved_fn fn, void *context)
{
	d->moved = fn;
	d->moved_context = context;
}

const struct ipc_segments *desired_segments(const struct desired *d)
{
	return &d->policy;
}

size_t desired_pending(const struct desired *d)
{
	return d->n_dirty;
}

size_t desired_placed(const struct desired *d)
{
	return d->n_placed;
}

uint64_t desired_generation(const struct desired *d)
{
	return d->generation;
}

/* ---- spots ---- */

static struct spot_key spot_key(const char *port, const struct mac_address *mac)
{
	struct spot_key k = { .mac = *mac };
	snprintf(k.port, sizeof(k.port), "%s", port);
	return k;
}

struct spot *desired_find_spot(const struct desired *d, const char *port, const struct mac_address *mac)
{
	struct spot_key k = spot_key(port, mac);
	return table_get(d->spots, &k, sizeof(k));
}

struct spot *desired_need_spot(struct desired *d, const char *port, const struct mac_address *mac)
{
	struct spot *s = desired_find_spot(d, port, mac);
	if (!s) {
		s = xcalloc(1, sizeof(*s));
		s->key = spot_key(port, mac);
		table_set(d->spots, &s->key, sizeof(s->key), s);
	}
	return s;
}

static void touch(struct desired *d, struct spot *s)
{
	if (s->dirty)
		return;
	s->dirty = true;
	ARRAY_RESERVE_ONE(d->dirty, d->n_dirty, d->dirty_capacity);
	d->dirty[d->n_dirty++] = s;
}

static void touch_all(struct desired *d)
{
	TABLE_FOREACH(it, d->spots)
		touch(d, it.value);
}

static void unplace(struct desired *d, struct spot *s)
{
	if (s->placed)
		d->n_placed--;
	s->placed = false;
	s->generation = 0;
	touch(d, s);
}

/* What an earlier run had admitted stays admitted, as long as its element does. */
static void adopt_placements(struct desired *d)
{
	TABLE_FOREACH(it, d->spots) {
		struct spot *s = it.value;
		for (size_t i = 0; i < s->n_applied; i++) {
			const struct element *e = &s->applied[i];
			if ((e->kind != ELEMENT_PLACED && e->kind != ELEMENT_PREFIX_PLACED) ||
			        !segments_by_mark(&d->policy, e->mark))
				continue;
			if (!s->placed)
				d->n_placed++;
			s->placed = s->no_grace = true;
			s->mark = e->mark;
			s->expires = e->expires;
		}
	}
}

/* The admissions of another policy end in the same step in which its rules do. */
static void disown_placements(struct desired *d, struct element_changes *changes)
{
	TABLE_FOREACH(it, d->spots) {
		struct spot *s = it.value;
		size_t kept = 0;
		for (size_t i = 0; i < s->n_applied; i++)
			if (element_is_timed(&s->applied[i]))
				element_changes_add(changes, false, &s->applied[i]);
			else
				s->applied[kept++] = s->applied[i];
		s->n_applied = kept;
	}
}

int desired_start(struct desired *d, const struct ipc_segments *policy, element_fn restore, void *context,
        time_ms now, struct error *err)
{
	int r = desired_read_applied(d, restore, context, now, err);
	bool first = r == -ENOENT;
	if (r < 0 && !first)
		return r;
	if (policy) {
		ipc_body_clear(IPC_SEGMENTS, &d->policy);
		segments_copy(policy, &d->policy);
	}
	uint64_t fingerprint;
	struct error ignored;
	bool same = d->driver->ops->loaded(d->driver, &fingerprint, &ignored) == 0 &&
	        fingerprint == segments_identity(&d->policy);
	struct element_changes changes = { 0 };
	if (!same)
		disown_placements(d, &changes);
	r = d->driver->ops->load(d->driver, &d->policy, &changes, false, now, err);
	element_changes_clear(&changes);
	if (r < 0)
		return r;
	if (same)
		adopt_placements(d);
	touch_all(d);
	return first ? DESIRED_FIRST : same ? DESIRED_CONTINUED : DESIRED_OTHER_POLICY;
}

int desired_reload(struct desired *d, time_ms now, struct error *err)
{
	return d->driver->ops->load(d->driver, &d->policy, NULL, true, now, err);
}

void desired_recall(struct desired *d, const struct ipc_place *saved)
{
	for (size_t i = 0; i < saved->n_placements; i++) {
		const struct ipc_placement *p = &saved->placements[i];
		struct spot *s = desired_find_spot(d, p->port, &p->mac);
		time_ms apart = s ? s->expires - p->expires_ms : 0;
		if (!s || !s->placed || s->mark != p->mark || apart > DESIRED_TOLERANCE_MS ||
		        apart < -DESIRED_TOLERANCE_MS)
			continue;
		s->expires = p->expires_ms;
		s->generation = p->generation;
		s->no_grace = false;
	}
	d->generation = saved->generation;
}

/* ---- changes ---- */

/* Gives each placement the mark that its segment's name has in the new policy; where there is none it ends.
 */
static void remark(struct desired *d, const struct ipc_segments *old)
{
	TABLE_FOREACH(it, d->spots) {
		struct spot *s = it.value;
		const struct ipc_segment *was = segments_by_mark(old, s->mark);
		const struct ipc_segment *is = was ? segments_by_name(&d->policy, was->name) : NULL;
		s->old_mark = s->mark;
		s->was_placed = s->placed;
		s->placed = s->placed && is;
		if (s->placed)
			s->mark = is->mark;
	}
}

static int load_policy(struct desired *d, time_ms now, struct error *err)
{
	struct element_changes changes = { 0 };
	TABLE_FOREACH(it, d->spots)
		desired_plan(d, it.value, now, &changes);
	int r = d->driver->ops->load(d->driver, &d->policy, &changes, false, now, err);
	element_changes_clear(&changes);
	return r;
}

static void settle_policy(struct desired *d)
{
	TABLE_FOREACH(it, d->spots) {
		struct spot *s = it.value;
		d->n_placed -= s->was_placed && !s->placed;
		desired_settle(d, s);
		desired_drop_empty(d, s);
	}
	d->n_dirty = 0;
}

int desired_policy(struct desired *d, const struct ipc_segments *policy, time_ms now, struct error *err)
{
	int r = segments_check(policy, err);
	if (r < 0)
		return r;
	struct ipc_segments old = d->policy;
	segments_copy(policy, &d->policy);
	remark(d, &old);
	r = load_policy(d, now, err);
	if (r < 0 && desired_read_applied(d, NULL, NULL, now, err) == 0)
		r = load_policy(d, now, err);
	if (r == 0) {
		settle_policy(d);
		ipc_body_clear(IPC_SEGMENTS, &old);
		return 0;
	}
	TABLE_FOREACH(it, d->spots) {
		struct spot *s = it.value;
		s->mark = s->old_mark;
		s->placed = s->was_placed;
	}
	ipc_body_clear(IPC_SEGMENTS, &d->policy);
	d->policy = old;
	return r;
}

static const char *refusal_of(const struct desired *d, const struct ipc_placement *p)
{
	if (!element_port_valid(p->port))
		return "this is not the name of a port";
	if (!segments_by_mark(&d->policy, p->mark))
		return "no segment has this mark";
	if (d->n_placed >= DESIRED_PLACEMENTS_MAX && !desired_find_spot(d, p->port, &p->mac))
		return "more attachments than this enforcer keeps";
	return NULL;
}

static void place_one(struct desired *d, const struct ipc_placement *p, uint16_t link, bool full)
{
	struct spot *s = desired_need_spot(d, p->port, &p->mac);
	s->link = link;
	s->listed = full;
	if (!s->placed)
		d->n_placed++;
	s->placed = true;
	s->no_grace = false;
	s->mark = p->mark;
	s->expires = p->expires_ms;
	s->generation = p->generation;
	touch(d, s);
}

/* The link of a port that has no attachment yet: the port's own spot knows it. */
static bool find_link(const struct desired *d, const char *port, uint16_t *ret)
{
	static const struct mac_address none;
	const struct spot *s = desired_find_spot(d, port, &none);
	if (s)
		*ret = s->link;
	return s && s->is_port;
}

void desired_place(struct desired *d, const struct ipc_place *batch, refusal_fn refused, void *context)
{
	static const struct mac_address none;
	for (size_t i = 0; i < batch->n_placements; i++) {
		const struct ipc_placement *p = &batch->placements[i];
		uint16_t link = 0;
		const char *reason = refusal_of(d, p);
		if (!reason && !find_link(d, p->port, &link))
			reason = "no such port here";
		if (!reason && memcmp(&p->mac, &none, sizeof(none)) == 0)
			reason = "the MAC address is zero";
		if (reason) {
			refused(context, p->port, &p->mac, reason);
			continue;
		}
		place_one(d, p, link, batch->full);
	}
	if (batch->full && !batch->more)
		TABLE_FOREACH(it, d->spots) {
			struct spot *s = it.value;
			if (s->placed && !s->listed)
				unplace(d, s);
			s->listed = false;
		}
	d->generation = batch->generation;
}

void desired_port(struct desired *d, uint16_t link, const char *port, bool present)
{
	static const struct mac_address none;
	struct spot *s = desired_need_spot(d, port, &none);
	s->is_port = true;
	s->present = present;
	s->link = link;
	touch(d, s);
}

void desired_attachment(struct desired *d, const struct attachment *at, bool gone)
{
	struct spot *s = desired_need_spot(d, at->port, &at->mac);
	s->link = at->link;
	s->present = !gone;
	s->suspended = !gone && at->impostor_until;
	if (gone)
		unplace(d, s);
	touch(d, s);
}

void desired_away(struct desired *d, bool away, time_ms last_floor)
{
	d->last_floor = last_floor;
	if (d->away == away)
		return;
	d->away = away;
	TABLE_FOREACH(it, d->spots) {
		struct spot *s = it.value;
		if (s->placed && desired_grace_of(d, s->mark))
			touch(d, s);
	}
}

void desired_tick(struct desired *d, time_ms last_floor, time_ms now)
{
	if (!d->away)
		d->last_floor = last_floor;
	TABLE_FOREACH(it, d->spots) {
		struct spot *s = it.value;
		time_ms end =
		        s->expires > d->last_floor ? s->expires + desired_grace_of(d, s->mark) : s->expires;
		if (s->placed && end <= now)
			unplace(d, s);
		if (s->failed)
			touch(d, s);
	}
}

void desired_export(const struct desired *d, struct ipc_place *ret)
{
	*ret = (struct ipc_place){ .generation = d->generation, .full = true };
	ret->placements = xcalloc(d->n_placed ? d->n_placed : 1, sizeof(*ret->placements));
	TABLE_FOREACH(it, d->spots) {
		const struct spot *s = it.value;
		if (s->placed && ret->n_placements < d->n_placed)
			ret->placements[ret->n_placements++] = (struct ipc_placement){ xstrdup(s->key.port),
				s->key.mac, s->mark, s->expires, s->generation };
	}
}

uint8_t desired_segment_of(const struct desired *d, const struct ip_address *ip, time_ms now)
{
	const struct attachment *at = attachments_find_address(d->attachments, ip);
	const struct spot *s = at ? desired_find_spot(d, at->port, &at->mac) : NULL;
	if (!at)
		return 0;
	return s && desired_is_admitted(d, s, now) ? s->mark : nft_rules_default_segment(&d->policy)->mark;
}
