/* SPDX-License-Identifier: ISC */
/*
 * When one attachment connects and when it is inspected: a state machine without sockets and clocks. Time is
 * monotonic milliseconds and an argument, so is chance. The owner reports what happened, asks schedule_next()
 * what to do, does it, and sets one timer for the time that it was given.
 *
 * Invariants
 *   - At most one assessment is under way; a change that comes meanwhile starts the next one when it has
 * ended.
 *   - Nobody is inspected again because of a posture that is equal to the one that was presented last.
 *   - Tries to connect are SCHEDULE_BACKOFF_MIN_MS to SCHEDULE_BACKOFF_MAX_MS apart, growing and with jitter.
 *   - A certificate is renewed at the time that the decision names, and in any case before it expires.
 */
#pragma once

#include "base/clock.h"

#include <stdbool.h>

#define SCHEDULE_BACKOFF_MIN_MS 200
#define SCHEDULE_BACKOFF_MAX_MS 5000
#define SCHEDULE_ASSESSMENT_MS 30000 /* an assessment that takes longer is given up with its connection */
#define SCHEDULE_INTERVAL_MIN_MS 1000
#define SCHEDULE_INTERVAL_MAX_MS 3600000
/* No placement came of the last one (the attachment was not proven yet): again after this, doubling up to the
 * second. */
#define SCHEDULE_UNPLACED_MIN_MS 1000
#define SCHEDULE_UNPLACED_MAX_MS 60000

enum schedule_state {
	SCHEDULE_DISCONNECTED,
	SCHEDULE_CONNECTING,
	SCHEDULE_ASSESSING, /* from the open connection, or a reason to be inspected, to the RESULT */
	SCHEDULE_DECIDED,   /* the connection stays open */
};

enum schedule_action {
	SCHEDULE_WAIT,
	SCHEDULE_CONNECT,    /* then schedule_connecting() */
	SCHEDULE_INSPECT,    /* begin an assessment, then schedule_assessing() */
	SCHEDULE_DISCONNECT, /* then schedule_disconnected() */
};

struct schedule {
	enum schedule_state state;
	time_ms at;         /* of the next action; in DECIDED: of the next inspection */
	int64_t backoff;    /* ms; 0: the last try succeeded */
	int64_t unplaced;   /* ms; 0: the last decision placed us */
	bool has_presented; /* digest is of the posture that was presented last */
	bool changed;       /* the posture is another than that */
	bool moved;         /* it changed while a try to connect was under way: perhaps the network did */
	uint8_t presented[32];
	uint8_t current[32]; /* of the collector's last word */
};

void schedule_init(struct schedule *s, time_ms now);
/* What to do now. For SCHEDULE_WAIT *ret_at is when to ask again (INT64_MAX: not before something happens).
 */
enum schedule_action schedule_next(const struct schedule *s, time_ms now, time_ms *ret_at);

void schedule_connecting(struct schedule *s);
/* The connection is open: an assessment is due. */
void schedule_connected(struct schedule *s, time_ms now);
/* It failed or ended. chance: uniform, any value. */
void schedule_disconnected(struct schedule *s, time_ms now, uint32_t chance);
/* An assessment began, by us or because the server asked. */
void schedule_assessing(struct schedule *s, time_ms now);
/* A posture with this digest went to the server. */
void schedule_presented(struct schedule *s, const uint8_t digest[32]);
/* The collector says that the posture is now this one. Where there is no connection, another one is a reason
 * to try at once: what kept us from the server may be over. */
void schedule_posture(struct schedule *s, const uint8_t digest[32], time_ms now);
/* The RESULT. expires_in, next_in: milliseconds from now, 0 where the decision names none (no placement). */
void schedule_decided(struct schedule *s, time_ms now, int64_t expires_in, int64_t next_in);
/* The RESULT of a third party's server, which decides nothing that could end or be renewed: again after
 * SCHEDULE_INTERVAL_MAX_MS, or when something changes. A server that ends the connection after each result is
 * not asked faster for it. */
void schedule_recommended(struct schedule *s, time_ms now);
