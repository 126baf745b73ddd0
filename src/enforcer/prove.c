/* SPDX-License-Identifier: ISC */
/*
 * Proving an address that a packet asked for before its owner was seen to have it. The enforcement point
 * wakes us; what the kernel's neighbour table has already is taken at once, and for the rest the kernel asks
 * on the link. Either way the address is bound as any other is: by what the neighbour table says.
 */
#include "base/log.h"
#include "enforcer/enforcer.h"

#include <string.h>

struct wanted {
	struct sighting *items;
	size_t count, capacity;
};

static void collect(void *context, const struct sighting *s)
{
	struct wanted *w = context;
	ARRAY_RESERVE_ONE(w->items, w->count, w->capacity);
	w->items[w->count++] = *s;
}

/* Bound already, which also is so where the packet came before a neighbour event that has been read since. */
static bool is_bound(const struct enforcer *e, const struct sighting *s)
{
	const struct attachment *at = attachments_find_address(e->attachments, &s->ip);
	return at && at->link == s->link;
}

static void prove(struct enforcer *e, const struct sighting *s)
{
	time_ms now = clock_monotonic_ms();
	char text[IP_TEXT_SIZE];
	struct error err;
	if (is_bound(e, s) || !e->links.items[s->link].present || !proofs_may_ask(e->proofs, s, now))
		return;
	if (kernel_look_up(e->kernel, s->link, &s->ip, &err) < 0)
		log_debug("%s", err.text);
	if (is_bound(e, s)) {
		log_info("%s on %s: its neighbour entry proved it when a packet asked",
		        ip_format(&s->ip, text), e->links.items[s->link].name);
		return;
	}
	proofs_asked(e->proofs, s, now);
	if (kernel_probe(e->kernel, s->link, &s->ip, NULL, &err) < 0) {
		log_debug("%s", err.text);
		proofs_failed(e->proofs, s->link, &s->ip);
	}
}

static void prove_wanted(struct enforcer *e)
{
	struct wanted w = { 0 };
	struct error err;
	if (e->driver->ops->wanted(e->driver, collect, &w, &err) < 0)
		log_warning("%s", err.text);
	e->wanted_start += 61; /* prime: over time every place in the sets comes first */
	for (size_t i = 0; i < w.count; i++)
		prove(e, &w.items[(i + e->wanted_start) % w.count]);
	free(w.items);
}

/* ---- when ---- */

static void read_wanted(evutil_socket_t fd, short events, void *context)
{
	struct enforcer *e = context;
	int64_t started = clock_monotonic_us();
	e->wanted_until = started / 1000 + ENFORCER_WANTED_MS;
	prove_wanted(e);
	enforcer_settle(e);
	/* Whoever wakes us all the time does not get all of it. */
	int64_t pause = (clock_monotonic_us() - started) * (ENFORCER_WANTED_SHARE - 1);
	struct timeval tv = { pause / 1000000, pause % 1000000 };
	event_del(e->wake_event);
	evtimer_add(e->wanted_timer, &tv);
}

static void listen_again(evutil_socket_t fd, short events, void *context)
{
	event_add(((struct enforcer *)context)->wake_event, NULL);
}

int enforcer_follow_wanted(struct enforcer *e, struct error *err)
{
	return e->driver->ops->follow(e->driver, &e->wake_fd, err);
}

void enforcer_begin_wanted(struct enforcer *e)
{
	e->wake_event = event_new(e->base, e->wake_fd, EV_READ | EV_PERSIST, read_wanted, e);
	e->wanted_timer = evtimer_new(e->base, listen_again, e);
	event_add(e->wake_event, NULL);
}

void enforcer_end_wanted(struct enforcer *e)
{
	if (e->wake_event)
		event_free(e->wake_event);
	if (e->wanted_timer)
		event_free(e->wanted_timer);
	e->wake_event = e->wanted_timer = NULL;
	e->proofs = proofs_free(e->proofs);
}

void enforcer_tick_proofs(struct enforcer *e)
{
	const struct proofs_statistics *s = proofs_statistics(e->proofs);
	time_ms now = clock_monotonic_ms();
	proofs_tick(e->proofs, now);
	/* What did not fit into the limits, of the wake-ups or of the questions, has another turn. */
	if (now < e->wanted_until)
		prove_wanted(e);
	if (s->refused != e->refused_proofs)
		log_info("more addresses are asked for than are proven at a time: %llu wait",
		        (unsigned long long)(s->refused - e->refused_proofs));
	e->refused_proofs = s->refused;
}

/* ---- answers ---- */

void enforcer_proof_heard(
        struct enforcer *e, uint16_t link, const struct ip_address *ip, const struct mac_address *mac)
{
	char text[IP_TEXT_SIZE];
	if (mac) {
		time_ms took = proofs_answered(e->proofs, link, ip, clock_monotonic_ms());
		if (took >= 0)
			log_info("%s on %s: proven %lld ms after a packet asked", ip_format(ip, text),
			        e->links.items[link].name, (long long)took);
	} else if (proofs_failed(e->proofs, link, ip) && e->n_forget < ENFORCER_FORGET_MAX) {
		e->forget[e->n_forget++] = (struct enforcer_probe){ .link = link, .ip = *ip };
	}
}

void enforcer_forget_silent(struct enforcer *e)
{
	struct error err;
	/* Each answer of the kernel may be read in between, but asks for nothing more. */
	for (size_t i = 0; i < e->n_forget; i++)
		if (kernel_forget(e->kernel, e->forget[i].link, &e->forget[i].ip, &err) < 0)
			log_debug("%s", err.text);
	e->n_forget = 0;
}
