/* SPDX-License-Identifier: ISC */
/*
 * Two questions to enforcers: where an address is attached (WHO, answered from their own neighbour and
 * forwarding tables), and whether they have done what they were told (PLACE, APPLIED). Both have an end in
 * time.
 */
#include "server/enforcer_link.h"

#include <errno.h>
#include <string.h>

static struct timeval as_timeval(int64_t ms)
{
	return (struct timeval){ ms / 1000, ms % 1000 * 1000 };
}

/* ---- where ---- */

struct place_request {
	LIST_ENTRY(place_request) entry;
	struct server *server;
	uint32_t number;
	size_t outstanding; /* enforcers that have not answered */
	struct site_attachment *found;
	bool contested; /* two of them know it: one of the two was lied to */
	struct event *timer;
	struct ip_address address;
	place_fn answer;
	void *context;
};

struct place_request *place_cancel(struct place_request *r)
{
	if (!r)
		return NULL;
	LIST_REMOVE(r, entry);
	event_free(r->timer);
	free(r);
	return NULL;
}

static void answer(struct place_request *r)
{
	struct site_attachment *a = r->contested ? NULL : r->found;
	place_fn fn = r->answer;
	void *context = r->context;
	place_cancel(r);
	fn(context, a);
}

static void on_place_timer(evutil_socket_t fd, short what, void *context)
{
	answer(context);
}

struct place_request *place_ask(
        struct server *s, const struct ip_address *address, place_fn fn, void *context)
{
	struct place_request *r = xcalloc(1, sizeof(*r));
	struct enforcer_link *l;
	r->server = s;
	r->number = ++s->next_request;
	r->address = *address;
	r->answer = fn;
	r->context = context;
	LIST_FOREACH(l, &s->enforcers, entry)
		if (l->greeted && enforcer_send(l, IPC_WHO, &(struct ipc_who){ r->number, *address }) == 0)
			r->outstanding++;
	struct timeval limit = as_timeval(r->outstanding ? s->options.place_time : 0);
	r->timer = evtimer_new(s->base, on_place_timer, r);
	evtimer_add(r->timer, &limit);
	LIST_INSERT_HEAD(&s->places, r, entry);
	return r;
}

/* Each enforcement point sees its own links only: a host that takes another's address at another one would be
 * admitted by that one's inspection if the first answer counted. */
static void note_contest(struct place_request *r, const struct site_attachment *a)
{
	char text[IP_TEXT_SIZE];
	struct site *site = r->server->site;
	r->contested = true;
	site->counters.attachments_contested++;
	site_note(site, clock_wall_ms(), "address-contested", NULL, a,
	        "%s is at %s, port %s, and at %s, port %s: it proves no place", ip_format(&r->address, text),
	        r->found->enforcement_point, r->found->port, a->enforcement_point, a->port);
}

void place_take_identity(struct enforcer_link *l, const struct ipc_identity *m)
{
	struct place_request *r;
	LIST_FOREACH(r, &l->server->places, entry)
		if (r->number == m->request)
			break;
	if (!r)
		return; /* it took too long */
	struct site_attachment *a = NULL;
	if (m->found && m->n_attachments == 1 && m->attachments[0].present)
		a = enforcer_take_attachment(l, &m->attachments[0]);
	if (r->outstanding)
		r->outstanding--;
	if (a && r->found && r->found != a && !r->contested)
		note_contest(r, a);
	if (a)
		r->found = a;
	if (r->outstanding == 0)
		answer(r);
}

/* Those who are waiting ask it too. */
void place_join(struct enforcer_link *l)
{
	struct place_request *r;
	LIST_FOREACH(r, &l->server->places, entry)
		if (enforcer_send(l, IPC_WHO, &(struct ipc_who){ r->number, r->address }) == 0)
			r->outstanding++;
}

/* ---- done ---- */

struct applied_wait {
	LIST_ENTRY(applied_wait) entry;
	struct enforcer_link *link; /* NULL: there is none, it will not be in time */
	uint64_t generation;
	struct event *timer;
	applied_fn done;
	void *context;
};

struct applied_wait *applied_cancel(struct applied_wait *w)
{
	if (!w)
		return NULL;
	if (w->link)
		LIST_REMOVE(w, entry);
	event_free(w->timer);
	free(w);
	return NULL;
}

static void finish(struct applied_wait *w, bool in_time)
{
	applied_fn fn = w->done;
	void *context = w->context;
	applied_cancel(w);
	fn(context, in_time);
}

static void on_applied_timer(evutil_socket_t fd, short what, void *context)
{
	struct applied_wait *w = context;
	finish(w, w->link && w->link->acknowledged >= w->generation);
}

struct applied_wait *applied_await(
        struct server *s, struct site_attachment *a, applied_fn done, void *context)
{
	struct applied_wait *w = xcalloc(1, sizeof(*w));
	w->done = done;
	w->context = context;
	w->link = enforcer_find(s, a->enforcement_point);
	int64_t limit = 0;
	if (w->link) {
		enforcer_flush(s); /* so that what is queued has a number to wait for */
		w->generation = w->link->sent;
		LIST_INSERT_HEAD(&w->link->waits, w, entry);
		if (w->link->acknowledged < w->generation)
			limit = s->options.applied_time;
	}
	const struct timeval t = as_timeval(limit);
	w->timer = evtimer_new(s->base, on_applied_timer, w);
	evtimer_add(w->timer, &t);
	return w;
}

void applied_check(struct enforcer_link *l)
{
	struct applied_wait *w = LIST_FIRST(&l->waits), *next;
	for (; w; w = next) {
		next = LIST_NEXT(w, entry);
		if (w->generation <= l->acknowledged)
			event_active(w->timer, EV_TIMEOUT, 1);
	}
}

void applied_abandon(struct enforcer_link *l)
{
	struct applied_wait *w;
	while ((w = LIST_FIRST(&l->waits))) {
		LIST_REMOVE(w, entry);
		w->link = NULL;
		event_active(w->timer, EV_TIMEOUT, 1);
	}
}
