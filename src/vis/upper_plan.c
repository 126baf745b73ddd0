/* SPDX-License-Identifier: ISC */
#include "vis/upper_plan.h"

#include <stdio.h>
#include <string.h>

const char *upper_state_name(enum upper_state state)
{
	static const char *const names[] = { [UPPER_WAITING] = "waiting",
		[UPPER_CONNECTING] = "connecting",
		[UPPER_SUBSCRIBED] = "subscribed",
		[UPPER_AWAY] = "away",
		[UPPER_REFUSED] = "refused",
		[UPPER_LOOP] = "loop",
		[UPPER_WITHHOLDING] = "withholding" };
	return names[state];
}

void upper_plan_init(struct upper_plan *p, const char *const *names, size_t n)
{
	*p = (struct upper_plan){ .n = MIN(n, (size_t)UPPERS_MAX) };
	for (size_t i = 0; i < p->n; i++)
		p->items[i] = (struct upper){ .name = names[i], .pause_ms = UPPER_FIRST_MS };
}

struct upper *upper_plan_current(struct upper_plan *p)
{
	return p->busy ? &p->items[p->current] : NULL;
}

struct upper *upper_plan_due(struct upper_plan *p, time_ms now, int *ret_ms)
{
	time_ms soonest = INT64_MAX;
	*ret_ms = -1;
	if (p->busy || p->n == 0)
		return NULL;
	for (size_t i = 0; i < p->n; i++) {
		struct upper *u = &p->items[i];
		soonest = MIN(soonest, u->not_before);
		if (now < u->not_before)
			continue;
		p->current = i;
		p->busy = true;
		u->attempts++;
		if (u->state == UPPER_WAITING)
			u->since = now;
		u->state = UPPER_CONNECTING; /* why it was not subscribed to, and since when, stands */
		return u;
	}
	*ret_ms = (int)(soonest - now);
	return NULL;
}

void upper_plan_subscribed(struct upper_plan *p, time_ms now)
{
	struct upper *u = upper_plan_current(p);
	if (!u || u->state == UPPER_SUBSCRIBED)
		return;
	u->state = u->last = UPPER_SUBSCRIBED;
	u->since = now;
	u->reason[0] = '\0';
}

void upper_plan_ended(
        struct upper_plan *p, enum upper_state how, const char *reason, time_ms now, uint16_t chance)
{
	struct upper *u = upper_plan_current(p);
	if (!u)
		return;
	if (u->state == UPPER_SUBSCRIBED && now - u->since >= UPPER_LAST_MS)
		u->pause_ms = UPPER_FIRST_MS;
	const int pause = how == UPPER_AWAY ? u->pause_ms : UPPER_DISTRUST_MS;
	u->not_before = now + pause - (time_ms)pause * chance / (4 * UINT16_MAX);
	u->pause_ms = MIN(2 * u->pause_ms, UPPER_LAST_MS);
	if (u->last != how)
		u->since = now;
	u->state = u->last = how;
	u->ends[how]++;
	u->path.n = 0;
	snprintf(u->reason, sizeof(u->reason), "%s", reason);
	p->busy = false;
}

bool upper_plan_impatient(const struct upper_plan *p, time_ms now, int64_t patience_ms)
{
	const struct upper *u = p->busy ? &p->items[p->current] : NULL;
	return u && u->state == UPPER_SUBSCRIBED && p->n > 1 && now - u->since >= patience_ms;
}
