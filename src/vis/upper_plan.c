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
	*p = (struct upper_plan){ .n = MIN(n, (size_t)UPPERS_MAX), .pause_ms = UPPER_FIRST_MS };
	for (size_t i = 0; i < p->n; i++)
		p->items[i].name = names[i];
}

static void enter(struct upper *u, enum upper_state state, const char *reason, time_ms now)
{
	u->state = state;
	u->since = now;
	snprintf(u->reason, sizeof(u->reason), "%s", reason);
}

struct upper *upper_plan_current(struct upper_plan *p)
{
	return p->busy ? &p->items[p->next] : NULL;
}

struct upper *upper_plan_due(struct upper_plan *p, time_ms now, int *ret_ms)
{
	*ret_ms = -1;
	if (p->busy || p->n == 0)
		return NULL;
	if (now < p->pause_until) {
		*ret_ms = (int)(p->pause_until - now);
		return NULL;
	}
	time_ms soonest = INT64_MAX;
	for (size_t i = 0; i < p->n; i++) {
		struct upper *u = &p->items[(p->next + i) % p->n];
		soonest = MIN(soonest, u->not_before);
		if (now < u->not_before)
			continue;
		p->next = (p->next + i) % p->n;
		p->busy = true;
		u->attempts++;
		u->state = UPPER_CONNECTING; /* the reason why it was not subscribed to stands */
		u->since = now;
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
	enter(u, UPPER_SUBSCRIBED, "", now);
	p->pause_ms = UPPER_FIRST_MS;
}

/* After the last of the list there is a pause. After one that has served us we begin with the first. */
void upper_plan_ended(
        struct upper_plan *p, enum upper_state how, const char *reason, time_ms now, uint16_t chance)
{
	struct upper *u = upper_plan_current(p);
	if (!u)
		return;
	bool served = u->state == UPPER_SUBSCRIBED;
	enter(u, how, reason, now);
	u->ends[how]++;
	u->path.n = 0;
	p->busy = false;
	if (how != UPPER_AWAY) {
		u->not_before = now + UPPER_DISTRUST_MS;
		served = false; /* the next one, whoever is first */
	}
	p->next = served ? 0 : (p->next + 1) % p->n;
	if (p->next != 0 && !served)
		return;
	p->pause_until = now + p->pause_ms - (time_ms)p->pause_ms * chance / (4 * UINT16_MAX);
	p->pause_ms = MIN(2 * p->pause_ms, UPPER_LAST_MS);
}

bool upper_plan_impatient(const struct upper_plan *p, time_ms now, int64_t patience_ms)
{
	const struct upper *u = p->busy ? &p->items[p->next] : NULL;
	return u && u->state == UPPER_SUBSCRIBED && p->n > 1 && now - u->since >= patience_ms;
}
