/* SPDX-License-Identifier: ISC */
#include "tests/unit/proto/ppp_line.h"

#include <stdio.h>
#include <string.h>

uint64_t line_random(struct line *line)
{
	line->seed ^= line->seed << 13;
	line->seed ^= line->seed >> 7;
	line->seed ^= line->seed << 17;
	return line->seed;
}

static bool chance(struct line *line, unsigned percent)
{
	return percent && line_random(line) % 100 < percent;
}

static void enqueue(struct line *line, unsigned to, const uint8_t *frame, size_t length)
{
	if (line->n_queue == LINE_QUEUE_MAX)
		abort();
	struct line_frame *f = &line->queue[line->n_queue++];
	f->at = line->now + LINE_DELAY_MS;
	if (chance(line, line->reorder))
		f->at += (time_ms)(line_random(line) % 200);
	f->order = line->order++;
	f->to = to;
	f->length = length;
	memcpy(f->bytes, frame, length);
}

static void on_send(void *context, const uint8_t *frame, size_t length)
{
	struct line_end *end = context;
	struct line *line = end->line;
	uint8_t bytes[PPP_FRAME_MAX];
	size_t n = length;
	memcpy(bytes, frame, length);
	end->sent++;
	if (line->cut || chance(line, line->loss))
		return;
	if (line->tamper && !line->tamper(line, !end->side, bytes, &n))
		return;
	enqueue(line, !end->side, bytes, n);
	if (chance(line, line->repeat))
		enqueue(line, !end->side, bytes, n);
}

static void on_random(void *context, void *bytes, size_t length)
{
	struct line_end *end = context;
	uint8_t *at = bytes;
	for (size_t i = 0; i < length; i++)
		at[i] = (uint8_t)(line_random(end->line) >> 24);
}

static void on_authenticate(void *context, const struct ppp_auth_request *request)
{
	struct line_end *end = context;
	char message[PPP_MESSAGE_MAX] = "";
	end->asked++;
	end->request = request->id;
	if (end->on_request) {
		end->on_request(end, request);
	} else if (!end->hold_answer) {
		bool good = ppp_verify_password(request, end->password, message);
		struct ppp_auth_answer answer = { .verdict = good ? PPP_ACCEPT : PPP_REJECT,
			.message = message };
		if (ppp_answer(end->link, request->id, &answer, end->line->now) < 0)
			abort();
	}
}

static int on_get_secret(void *context, enum ppp_method method, const char *peer, struct ppp_secret *ret)
{
	struct line_end *end = context;
	(void)method;
	(void)peer;
	*ret = end->secret;
	return *end->secret.user ? 0 : -1;
}

static void on_network(void *context, enum ppp_method method, const char *user)
{
	struct line_end *end = context;
	end->network = true;
	end->networks++;
	end->method = method;
	(void)snprintf(end->user, sizeof(end->user), "%s", user);
	if (end->config.role == PPP_CONCENTRATOR && !end->hold_grant &&
	        ppp_grant(end->link, &end->grant, end->line->now) < 0)
		abort();
}

static void on_ipv4_up(void *context, const struct ppp_ipv4 *ipv4)
{
	struct line_end *end = context;
	if (end->ipv4)
		abort();
	end->ipv4 = true;
	end->ipv4_ups++;
	end->v4 = *ipv4;
}

static void on_ipv4_down(void *context)
{
	struct line_end *end = context;
	if (!end->ipv4)
		abort();
	end->ipv4 = false;
}

static void on_ipv6_up(void *context, const struct ppp_ipv6 *ipv6)
{
	struct line_end *end = context;
	if (end->ipv6)
		abort();
	end->ipv6 = true;
	end->ipv6_ups++;
	end->v6 = *ipv6;
}

static void on_ipv6_down(void *context)
{
	struct line_end *end = context;
	if (!end->ipv6)
		abort();
	end->ipv6 = false;
}

static void on_ended(void *context, enum ppp_end why, const char *message)
{
	struct line_end *end = context;
	if (end->ended || end->ipv4 || end->ipv6)
		abort();
	end->ended = true;
	end->end = why;
	(void)snprintf(end->message, sizeof(end->message), "%s", message);
}

const struct ppp_callbacks line_callbacks = {
	.send = on_send,
	.random = on_random,
	.authenticate = on_authenticate,
	.get_secret = on_get_secret,
	.network = on_network,
	.ipv4_up = on_ipv4_up,
	.ipv4_down = on_ipv4_down,
	.ipv6_up = on_ipv6_up,
	.ipv6_down = on_ipv6_down,
	.ended = on_ended,
};

struct line *line_new(uint64_t seed)
{
	struct line *line = xcalloc(1, sizeof(*line));
	line->queue = xcalloc(LINE_QUEUE_MAX, sizeof(*line->queue));
	line->seed = seed * 0x9e3779b97f4a7c15ULL + 1;
	line->now = 1000;
	for (unsigned i = 0; i < 2; i++) {
		struct line_end *end = &line->ends[i];
		end->line = line;
		end->side = i;
		end->config = (struct ppp_config){ .role = i ? PPP_CONCENTRATOR : PPP_INITIATOR,
			.ipv4 = true,
			.ipv6 = true,
			.name_servers = true,
			.name = i ? "site" : "nomad",
			.callbacks = &line_callbacks,
			.counters = &end->counters };
		end->parameters = (struct ppp_parameters){ .is_protected = true, .mru = 1400 };
	}
	line->ends[1].grant = (struct ppp_grant){
		.ipv4 = true,
		.ipv6 = true,
		.v4 = { { 192, 0, 2, 1 }, { 192, 0, 2, 77 }, { { 192, 0, 2, 53 }, { 0 } } },
		.v6 = { { 0, 0, 0, 0, 0, 0, 0, 1 }, { 2, 0, 0, 0xff, 0xfe, 0, 0, 7 } },
	};
	return line;
}

struct line *line_free(struct line *line)
{
	if (!line)
		return NULL;
	for (unsigned i = 0; i < 2; i++)
		ppp_link_free(line->ends[i].link);
	free(line->queue);
	free(line);
	return NULL;
}

void line_restart(struct line *line, unsigned side)
{
	struct line_end *end = &line->ends[side];
	ppp_link_free(end->link);
	end->network = end->ended = end->ipv4 = end->ipv6 = false;
	end->link = ppp_link_new(&end->config, &end->parameters, end);
	ppp_lower_up(end->link, line->now);
}

void line_up(struct line *line)
{
	line_restart(line, 1);
	line_restart(line, 0);
}

void line_inject(struct line *line, unsigned to, const void *frame, size_t length)
{
	ppp_receive(line->ends[to].link, frame, length, line->now);
}

/* The next frame to arrive; NULL where none is under way. */
static struct line_frame *next_frame(struct line *line)
{
	struct line_frame *best = NULL;
	for (size_t i = 0; i < line->n_queue; i++) {
		struct line_frame *f = &line->queue[i];
		if (!best || f->at < best->at || (f->at == best->at && f->order < best->order))
			best = f;
	}
	return best;
}

static void deliver(struct line *line, struct line_frame *f)
{
	if (!f)
		return;
	struct line_frame frame = *f;
	*f = line->queue[--line->n_queue];
	ppp_receive(line->ends[frame.to].link, frame.bytes, frame.length, line->now);
}

void line_run(struct line *line, time_ms for_ms)
{
	time_ms until = line->now + for_ms;
	for (unsigned steps = 0;; steps++) {
		struct line_frame *f = next_frame(line);
		time_ms at = f ? f->at : PPP_NEVER;
		unsigned due = 2;
		if (steps > 100000)
			abort(); /* a storm, or a deadline that ppp_tick() does not move */
		for (unsigned i = 0; i < 2; i++) {
			time_ms deadline = line->ends[i].link ? ppp_deadline(line->ends[i].link) : PPP_NEVER;
			if (deadline < at) {
				at = deadline;
				due = i;
			}
		}
		if (at > until)
			break;
		line->now = MAX(line->now, at);
		if (due < 2)
			ppp_tick(line->ends[due].link, line->now);
		else
			deliver(line, f);
	}
	line->now = until;
}

void line_demand(struct line *line, unsigned side, enum ppp_method method)
{
	struct line_end *verifier = &line->ends[side], *prover = &line->ends[!side];
	verifier->config.demand[verifier->config.n_demand++] = method;
	prover->config.give[prover->config.n_give++] = method;
	const char *password = side ? "sesame" : "open";
	(void)snprintf(prover->secret.user, sizeof(prover->secret.user), side ? "carol" : "site");
	(void)snprintf(prover->secret.password, sizeof(prover->secret.password), "%s", password);
	(void)snprintf(verifier->password, sizeof(verifier->password), "%s", password);
}
