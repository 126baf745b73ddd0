/* SPDX-License-Identifier: ISC */
/*
 * Asking nodes to be inspected again (SRETRY, RFC 5793 4.1). What has a time of its own is asked for at once.
 * What a change elsewhere did to many nodes is told to them at the policy's pace: when a node's turn comes,
 * the decision is on the disk, its certificate is revoked and its enforcement point knows. Who lost something
 * comes first.
 *
 * Who waits is in memory alone: a server that is killed loses its connections too, and an agent that comes
 * back is judged, and told what has become of it, whether the certificate that it presents is good still or
 * not. Whom a change of the advisories wants inspected again is known by when they were (changes.c).
 */
#include "server/again.h"

#include <string.h>

/* Each is in a queue once at most, and known to be: where it is asked, or goes into another queue, its place
 * stays until the queue gets there. So a queue has as many places as there are attachments, and of those that
 * it has passed it keeps fewer. */
struct retry_queue {
	struct site_attachment **items;
	size_t n, at, capacity;
};

struct retries {
	struct retry_queue queues[RETRY_N_CLASSES];
	struct site_pace pace;
};

struct retries *retries_new(void)
{
	return xcalloc(1, sizeof(struct retries));
}

struct retries *retries_free(struct retries *r)
{
	for (size_t i = 0; r && i < RETRY_N_CLASSES; i++)
		free(r->queues[i].items);
	free(r);
	return NULL;
}

/* The pace as a bucket that holds what one of its times allows. */
bool pace_take(struct site_pace *p, const struct policy_pace *pace, time_ms now)
{
	int64_t past = now - p->counted;
	/* A little before is the time of something that was decided before the last tick; more is a clock
	 * that was set back. */
	if (past < -pace->per_ms || past > pace->per_ms)
		past = pace->per_ms;
	const int64_t more = past * pace->nodes / pace->per_ms;
	if (more > 0) {
		p->left = MIN(p->left + more, pace->nodes);
		p->counted = now;
	}
	p->left = MIN(p->left, pace->nodes); /* the policy may be another one */
	if (p->left <= 0)
		return false;
	p->left--;
	return true;
}

void site_ask(struct site *site, struct site_attachment *a)
{
	if (!a->session || a->retry_asked)
		return;
	a->retry_asked = true;
	a->retry_waits = 0;
	site->counters.retries_asked++;
	site->effects.retry(site->context, a);
}

void site_end_session(struct site *site, struct site_attachment *a)
{
	a->session = NULL;
	if (a->retry_asked || a->retry_waits)
		a->round = site->round - 1;
	a->retry_asked = false;
}

/* The first that is still to be asked, left where it is; what is not any more goes. */
static struct site_attachment *peek(struct retry_queue *q, enum retry_class class)
{
	const unsigned waits = class + 1u;
	for (; q->at < q->n; q->at++) {
		struct site_attachment *a = q->items[q->at];
		if (a->retry_waits == waits && a->session && !a->retry_asked)
			return a;
		if (a->retry_waits == waits)
			a->retry_waits = 0;
		a->retry_places &= (uint8_t) ~(1u << class);
	}
	q->n = q->at = 0;
	return NULL;
}

static void append(struct retry_queue *q, enum retry_class class, struct site_attachment *a)
{
	const uint8_t place = (uint8_t)(1u << class);
	if (a->retry_places & place)
		return;
	a->retry_places |= place;
	if (q->n == q->capacity && q->at > q->n / 2) {
		q->n -= q->at;
		memmove(q->items, q->items + q->at, q->n * sizeof(struct site_attachment *));
		q->at = 0;
	}
	ARRAY_RESERVE_ONE(q->items, q->n, q->capacity);
	q->items[q->n++] = a;
}

void retries_work(struct site *site, time_ms now)
{
	struct retries *r = site->retries;
	for (unsigned i = 0; i < RETRY_N_CLASSES; i++) {
		struct site_attachment *a;
		while ((a = peek(&r->queues[i], (enum retry_class)i))) {
			if (!pace_take(&r->pace, policy_asking_pace(site->policy), now))
				return;
			site_ask(site, a);
		}
	}
}

void retry_soon(struct site *site, struct site_attachment *a, enum retry_class class, time_ms now)
{
	struct retry_queue *q = &site->retries->queues[class];
	if (!a->session || a->retry_asked || (a->retry_waits && a->retry_waits <= class + 1u))
		return;
	a->retry_waits = (uint8_t)(class + 1);
	append(q, class, a);
	retries_work(site, now);
}

size_t site_retries_waiting(const struct site *site)
{
	size_t n = 0;
	for (unsigned i = 0; i < RETRY_N_CLASSES; i++) {
		const struct retry_queue *q = &site->retries->queues[i];
		for (size_t k = q->at; k < q->n; k++)
			n += q->items[k]->retry_waits == i + 1 && q->items[k]->session != NULL;
	}
	return n;
}
