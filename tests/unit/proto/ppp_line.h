/* SPDX-License-Identifier: ISC */
/*
 * Two PPP links on a simulated line with a virtual clock: frames are delayed, lost, repeated and reordered as
 * a seed says; what the ends are told is written down.
 */
#pragma once

#include "proto/ppp/ppp.h"

#define LINE_DELAY_MS 5
#define LINE_QUEUE_MAX 4096

struct line;

struct line_end {
	struct line *line;
	unsigned side; /* 0: initiator, 1: concentrator */
	struct ppp_config config;
	struct ppp_parameters parameters;
	struct ppp_counters counters;
	struct ppp_link *link;
	/* Told by the link. */
	bool network, ended, ipv4, ipv6;
	unsigned networks, ipv4_ups, ipv6_ups, asked, sent;
	enum ppp_end end;
	enum ppp_method method;
	char user[PPP_NAME_MAX + 1], message[128];
	struct ppp_ipv4 v4;
	struct ppp_ipv6 v6;
	/* How it behaves. */
	struct ppp_secret secret;          /* towards the peer; user "" = none */
	char password[PPP_SECRET_MAX + 1]; /* what the peer has to prove */
	bool hold_answer;                  /* AAA does not answer by itself */
	bool hold_grant;
	uint32_t request; /* the last one */
	struct ppp_grant grant;
	void (*on_request)(struct line_end *end, const struct ppp_auth_request *request);
	void *context;
};

struct line_frame {
	time_ms at;
	unsigned order, to;
	size_t length;
	uint8_t bytes[PPP_FRAME_MAX];
};

struct line {
	struct line_end ends[2];
	struct line_frame *queue;
	size_t n_queue;
	unsigned order;
	time_ms now;
	uint64_t seed;
	unsigned loss, repeat, reorder; /* percent */
	bool cut;
	/* May change or swallow (return false) what goes to that side; NULL: nothing. */
	bool (*tamper)(struct line *line, unsigned to, uint8_t *frame, size_t *length);
	unsigned tampered;
};

extern const struct ppp_callbacks line_callbacks;

/* Both NCPs, no authentication, protected; change the configurations, then line_up(). */
struct line *line_new(uint64_t seed);
struct line *line_free(struct line *line);
static inline void line_free_pointer(struct line **line)
{
	*line = line_free(*line);
}
#define LINE struct line *CLEANUP(line_free_pointer)

void line_up(struct line *line);
/* Lets time pass and frames arrive. */
void line_run(struct line *line, time_ms for_ms);
/* Makes the link of an end anew from its configuration. */
void line_restart(struct line *line, unsigned side);
/* A frame to that side, at once, from nowhere: bytes as written. */
void line_inject(struct line *line, unsigned to, const void *frame, size_t length);
/* The end demands this of its peer, with this user and password on both sides. */
void line_demand(struct line *line, unsigned side, enum ppp_method method);
uint64_t line_random(struct line *line);
