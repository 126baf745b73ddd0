/* SPDX-License-Identifier: ISC */
/*
 * The end of a turn. What is urgent is queued to the enforcers' sockets in the same round of the loop in
 * which it was decided; the commit is planned for the next round, after those sockets were written, and takes
 * with it whatever else that round decides.
 */
#include "base/log.h"
#include "server/server.h"

#include <errno.h>

static const struct timeval at_once = { 0, 0 };

static void on_flush(evutil_socket_t fd, short what, void *context)
{
	enforcer_flush(context);
}

static void on_commit(evutil_socket_t fd, short what, void *context)
{
	struct server *s = context;
	struct error err;
	if (store_commit(s->store, &err) < 0) {
		s->site->counters.store_failures++;
		log_error("%s", err.text);
	}
}

static void on_store_work(void *context)
{
	struct server *s = context;
	evtimer_add(s->commit_event, &at_once);
}

static void on_work(evutil_socket_t fd, short what, void *context)
{
	struct server *s = context;
	const int64_t end = clock_monotonic_us() + SERVER_WORK_US;
	const time_ms now = clock_wall_ms();
	while (site_work(s->site, now, SERVER_WORK_BATCH))
		if (clock_monotonic_us() >= end) {
			evtimer_add(s->work_event, &at_once);
			return;
		}
	enforcer_send_owed(s);
}

static void on_leisure(evutil_socket_t fd, short what, void *context)
{
	struct server *s = context;
	if (!site_leisure(s->site, clock_wall_ms(), SERVER_LEISURE_NODES))
		event_del(s->leisure_event);
}

static void on_tick(evutil_socket_t fd, short what, void *context)
{
	struct server *s = context;
	site_tick(s->site, clock_wall_ms());
	enforcer_send_owed(s);
	doors_tick(s, clock_wall_ms());
	expiry_tick(s, clock_wall_ms());
}

static void on_floor(evutil_socket_t fd, short what, void *context)
{
	enforcer_send_floor(context);
}

void turn_wants_flush(struct server *s)
{
	event_active(s->flush_event, EV_TIMEOUT, 1);
}

void turn_wants_work(struct server *s)
{
	event_active(s->work_event, EV_TIMEOUT, 1);
}

int turn_start(struct server *s, struct error *err)
{
	const struct timeval tick = { SERVER_TICK_MS / 1000, SERVER_TICK_MS % 1000 * 1000 }, floor = { 5, 0 },
	                     leisure = { 0, SERVER_LEISURE_MS * 1000 };
	s->commit_event = evtimer_new(s->base, on_commit, s);
	s->flush_event = evtimer_new(s->base, on_flush, s);
	s->work_event = evtimer_new(s->base, on_work, s);
	s->tick_event = event_new(s->base, -1, EV_PERSIST, on_tick, s);
	s->floor_event = event_new(s->base, -1, EV_PERSIST, on_floor, s);
	s->leisure_event = event_new(s->base, -1, EV_PERSIST, on_leisure, s);
	if (!s->leisure_event || event_add(s->leisure_event, &leisure) < 0 || !s->commit_event ||
	        !s->flush_event || !s->work_event || !s->tick_event || !s->floor_event ||
	        event_add(s->tick_event, &tick) < 0 || event_add(s->floor_event, &floor) < 0)
		return error_set(err, -ENOMEM, "the loop's timers cannot be made");
	doors_check_files(s);
	store_on_work(s->store, on_store_work, s);
	if (store_has_work(s->store))
		evtimer_add(s->commit_event, &at_once);
	return 0;
}

void turn_begin(struct server *s)
{
	site_start(s->site, clock_wall_ms());
	log_info("%zu of %zu nodes are judged at once: their answer may have changed", site_waiting(s->site),
	        table_count(s->site->nodes));
}

static void free_event(struct event **e)
{
	if (*e)
		event_free(*e);
	*e = NULL;
}

void turn_stop(struct server *s)
{
	if (s->store)
		store_on_work(s->store, NULL, NULL);
	free_event(&s->commit_event);
	free_event(&s->flush_event);
	free_event(&s->work_event);
	free_event(&s->tick_event);
	free_event(&s->floor_event);
	free_event(&s->leisure_event);
}
