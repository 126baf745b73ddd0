/* SPDX-License-Identifier: ISC */
#include "agent/schedule.h"

#include <string.h>

void schedule_init(struct schedule *s, time_ms now)
{
	*s = (struct schedule){ .state = SCHEDULE_DISCONNECTED, .at = now };
}

enum schedule_action schedule_next(const struct schedule *s, time_ms now, time_ms *ret_at)
{
	static const enum schedule_action due[] = {
		[SCHEDULE_DISCONNECTED] = SCHEDULE_CONNECT,
		[SCHEDULE_CONNECTING] = SCHEDULE_WAIT, /* the stream has its own time limit */
		[SCHEDULE_ASSESSING] = SCHEDULE_DISCONNECT,
		[SCHEDULE_DECIDED] = SCHEDULE_INSPECT,
	};
	*ret_at = s->state == SCHEDULE_CONNECTING ? INT64_MAX : s->at;
	if (s->state == SCHEDULE_DECIDED && s->changed)
		return SCHEDULE_INSPECT;
	if (s->state == SCHEDULE_CONNECTING && s->moved)
		return SCHEDULE_DISCONNECT;
	return *ret_at <= now ? due[s->state] : SCHEDULE_WAIT;
}

void schedule_connecting(struct schedule *s)
{
	s->state = SCHEDULE_CONNECTING;
	s->moved = false;
}

void schedule_connected(struct schedule *s, time_ms now)
{
	s->state = SCHEDULE_DECIDED;
	s->at = now;
}

/* Three quarters to all of it, so that a site's agents do not come back in step. */
static int64_t jitter(int64_t interval, uint32_t chance)
{
	return interval - interval / 4 * (int64_t)(chance % 1024) / 1024;
}

void schedule_disconnected(struct schedule *s, time_ms now, uint32_t chance)
{
	s->backoff =
	        s->backoff ? MIN(s->backoff * 2, (int64_t)SCHEDULE_BACKOFF_MAX_MS) : SCHEDULE_BACKOFF_MIN_MS;
	s->state = SCHEDULE_DISCONNECTED;
	s->moved = false;
	s->at = now + MAX(jitter(s->backoff, chance), (int64_t)SCHEDULE_BACKOFF_MIN_MS);
}

void schedule_assessing(struct schedule *s, time_ms now)
{
	s->state = SCHEDULE_ASSESSING;
	s->at = now + SCHEDULE_ASSESSMENT_MS;
}

static void compare(struct schedule *s)
{
	s->changed = s->has_presented && memcmp(s->presented, s->current, sizeof(s->current)) != 0;
}

void schedule_presented(struct schedule *s, const uint8_t digest[32])
{
	memcpy(s->presented, digest, sizeof(s->presented));
	memcpy(s->current, digest, sizeof(s->current));
	s->has_presented = true;
	compare(s);
}

void schedule_posture(struct schedule *s, const uint8_t digest[32], time_ms now)
{
	if (memcmp(s->current, digest, sizeof(s->current)) != 0) {
		s->backoff = 0;
		s->moved = s->state == SCHEDULE_CONNECTING;
		if (s->state == SCHEDULE_DISCONNECTED)
			s->at = now;
	}
	memcpy(s->current, digest, sizeof(s->current));
	compare(s);
}

static int64_t clamp(int64_t value, int64_t least, int64_t most)
{
	return MIN(MAX(value, least), most);
}

void schedule_decided(struct schedule *s, time_ms now, int64_t expires_in, int64_t next_in)
{
	s->state = SCHEDULE_DECIDED;
	s->backoff = 0;
	if (expires_in <= 0) {
		s->unplaced = s->unplaced ? MIN(s->unplaced * 2, (int64_t)SCHEDULE_UNPLACED_MAX_MS)
		                          : SCHEDULE_UNPLACED_MIN_MS;
		s->at = now + s->unplaced;
		return;
	}
	s->unplaced = 0;
	/* Without a named time, and whatever was named, with a quarter of the lifetime left. */
	int64_t latest = expires_in - expires_in / 4;
	s->at = now +
	        clamp(next_in > 0 ? MIN(next_in, latest) : latest, SCHEDULE_INTERVAL_MIN_MS,
	                SCHEDULE_INTERVAL_MAX_MS);
}

void schedule_recommended(struct schedule *s, time_ms now)
{
	s->state = SCHEDULE_DECIDED;
	s->unplaced = 0;
	s->at = now + SCHEDULE_INTERVAL_MAX_MS;
}
