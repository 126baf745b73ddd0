/* SPDX-License-Identifier: ISC */
/* Agents that stay connected: each comes, waits and comes again as the real one's schedule says
 * (agent/schedule.h). */
#include "bench/load.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#define HELD_LIMIT_US 900000000
#define BACK_LIMIT_US 600000000
#define TURN_US 5000

static void plan(struct load_node *n);
static void begin_next(struct load *l);

static void act(struct load_node *n)
{
	time_ms at;
	switch (schedule_next(&n->schedule, clock_monotonic_ms(), &at)) {
	case SCHEDULE_CONNECT:
		schedule_connecting(&n->schedule);
		load_node_inspect(n);
		break;
	case SCHEDULE_INSPECT:
		load_node_inspect(n);
		break;
	case SCHEDULE_DISCONNECT:
		load_node_stop(n);
		load_agent_lost(n);
		return;
	case SCHEDULE_WAIT:
		break;
	}
	plan(n);
}

static void on_time(evutil_socket_t fd, short what, void *arg)
{
	act(arg);
}

/* One timer, for what the schedule says is next. */
static void plan(struct load_node *n)
{
	time_ms at = 0, now = clock_monotonic_ms();
	int64_t wait = schedule_next(&n->schedule, now, &at) == SCHEDULE_WAIT ? MAX(at - now, (time_ms)1) : 0;
	const struct timeval tv = { MIN(wait, (int64_t)86400000) / 1000, wait % 1000 * 1000 };
	evtimer_add(n->timer, &tv);
}

static void note_back(struct load *l)
{
	const int64_t us = clock_monotonic_us() - l->lost;
	if (l->held == l->n_nodes / 2)
		l->half_back = us;
	if (l->held == l->n_nodes - l->n_nodes / 20)
		l->most_back = us;
	if (l->held == l->n_nodes)
		l->all_back = us;
}

void load_agent_decided(struct load_node *n, bool is_placed)
{
	if (is_placed && !n->is_held) {
		n->load->held++;
		note_back(n->load);
	} else if (!is_placed && n->is_held) {
		n->load->held--;
	}
	n->is_held = is_placed;
	begin_next(n->load); /* while there are any that never came */
	load_forget_inventory(&n->inventories[n->turn]);
	schedule_decided(&n->schedule, clock_monotonic_ms(), is_placed ? SCHEDULE_INTERVAL_MAX_MS : 0, 0);
	plan(n);
}

void load_agent_lost(struct load_node *n)
{
	uint32_t chance = 0;
	(void)RAND_bytes((unsigned char *)&chance, sizeof(chance));
	n->load->held -= n->is_held;
	n->is_held = false;
	schedule_disconnected(&n->schedule, clock_monotonic_ms(), chance);
	plan(n);
}

static bool wait_for(struct load *l, bool all, int64_t limit_us)
{
	int64_t limit = clock_monotonic_us() + limit_us;
	while ((all ? l->held < l->n_nodes : l->held > 0) && !l->failure && clock_monotonic_us() < limit)
		load_loop_for(l, TURN_US);
	return all ? l->held == l->n_nodes : l->held == 0;
}

/* The first time they come one after the other, at_once of them at a time. */
static void begin_next(struct load *l)
{
	if (l->next == l->n_nodes)
		return;
	struct load_node *n = &l->nodes[l->next++];
	schedule_init(&n->schedule, clock_monotonic_ms());
	n->timer = evtimer_new(l->base, on_time, n);
	act(n);
}

int load_agents(struct load *l)
{
	int64_t begun = clock_monotonic_us();
	for (size_t i = 0; i < l->at_once; i++)
		begin_next(l);
	bool is_good = wait_for(l, true, HELD_LIMIT_US);
	if (is_good) {
		printf("held %zu seconds %.1f\n", l->held, (double)(clock_monotonic_us() - begun) / 1e6);
		(void)fflush(stdout);
		/* Whoever started us ends the server now. */
		while (l->held == l->n_nodes && !l->failure)
			load_loop_for(l, TURN_US);
		l->lost = clock_monotonic_us();
		l->all_back = 0;
		is_good = wait_for(l, false, BACK_LIMIT_US) && wait_for(l, true, BACK_LIMIT_US);
		if (is_good)
			printf("back half_s %.1f p95_s %.1f all_s %.1f\n", (double)l->half_back / 1e6,
			        (double)l->most_back / 1e6, (double)l->all_back / 1e6);
	}
	if (!is_good)
		fprintf(stderr, "load: %zu of %zu agents are held%s%s\n", l->held, l->n_nodes,
		        l->failure ? ": " : "", l->failure ? l->failure : "");
	return !is_good;
}
