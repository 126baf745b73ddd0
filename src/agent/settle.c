/* SPDX-License-Identifier: ISC */
#include "agent/settle.h"

void settle_change(struct settle *s, time_ms now, bool is_packages)
{
	if (!s->pending)
		*s = (struct settle){ .pending = true, .quiet_only = true, .first = now };
	s->last = now;
	s->quiet_only = s->quiet_only && !is_packages;
}

bool settle_check(struct settle *s, time_ms now, bool locks_are_free)
{
	if (!s->pending)
		return false;
	if (now - s->last < SETTLE_QUIET_MS && now - s->first < SETTLE_LATEST_MS &&
	        (s->quiet_only || !locks_are_free))
		return false;
	s->pending = false;
	return true;
}

time_ms settle_next(const struct settle *s, time_ms now)
{
	if (!s->pending)
		return INT64_MAX;
	time_ms quiet = MIN(s->last + SETTLE_QUIET_MS, s->first + SETTLE_LATEST_MS);
	return s->quiet_only ? quiet : MIN(quiet, now + SETTLE_PROBE_MS);
}
