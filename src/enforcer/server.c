/* SPDX-License-Identifier: ISC */
/* The enforcer's half of the conversation with the server (quarantine draft, sections 6.4 and 8.2.2). */
#include "base/log.h"
#include "base/table.h"
#include "enforcer/enforcer.h"
#include "enforcer/segments.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ATTACHMENTS_BATCH 1024 /* of one message, ipc/messages.def */
#define SESSION_PREFIXES_MAX 32
#define REFUSALS_MAX 1024
#define WHO_POLL_MS 20

void enforcer_send(struct enforcer *e, enum ipc_number number, const void *body)
{
	struct error err;
	if (e->session && session_is_open(e->session) && session_send(e->session, number, body, &err) < 0)
		log_warning("%s: %s", ipc_name(number), err.text);
}

void enforcer_tell(struct enforcer *e, const char *kind, const char *text, const char *port,
        const struct mac_address *mac)
{
	struct ipc_event event = { (char *)(uintptr_t)kind, (char *)(uintptr_t)text, (char *)(uintptr_t)port,
		*mac };
	enforcer_send(e, IPC_EVENT, &event);
}

/* ---- attachments ---- */

static void describe_session(const struct attachment *at, struct ipc_attachment *ret)
{
	ret->machine = xstrdup(at->machine ? at->machine : "?");
	ret->user = xstrdup(at->user);
	ret->segment = xstrdup(at->segment);
	ret->n_prefixes = MIN(at->n_addresses, (size_t)SESSION_PREFIXES_MAX);
	ret->prefixes = xcalloc(SESSION_PREFIXES_MAX, sizeof(*ret->prefixes));
	for (size_t i = 0; i < ret->n_prefixes; i++)
		ret->prefixes[i].prefix = (struct ip_prefix){ at->addresses[i].ip, at->addresses[i].length };
}

static void describe(const struct attachment *at, struct ipc_attachment *ret)
{
	*ret = (struct ipc_attachment){ .port = xstrdup(at->port),
		.mac = at->mac,
		.n_addresses = at->n_addresses,
		.present = true,
		.contested = at->contested_until != 0 };
	ret->addresses = xcalloc(at->n_addresses ? at->n_addresses : 1, sizeof(*ret->addresses));
	for (size_t i = 0; i < at->n_addresses; i++)
		ret->addresses[i].ip = at->addresses[i].ip;
	if (at->softwire)
		describe_session(at, ret);
}

struct batch {
	struct enforcer *e;
	struct ipc_attachments message;
};

static struct ipc_attachment *next_in_batch(struct batch *b)
{
	if (!b->message.attachments)
		b->message.attachments = xcalloc(ATTACHMENTS_BATCH, sizeof(*b->message.attachments));
	return &b->message.attachments[b->message.n_attachments++];
}

static void send_batch(struct batch *b)
{
	enforcer_send(b->e, IPC_ATTACHMENTS, &b->message);
	ipc_body_clear(IPC_ATTACHMENTS, &b->message);
}

static void add_to_batch(void *context, const struct attachment *at)
{
	struct batch *b = context;
	if (b->message.n_attachments == ATTACHMENTS_BATCH) {
		b->message.more = b->message.full;
		send_batch(b);
	}
	describe(at, next_in_batch(b));
}

void enforcer_report_attachments(struct enforcer *e)
{
	struct batch b = { .e = e };
	TABLE_FOREACH(it, e->changed) {
		char port[IFNAMSIZ];
		struct mac_address mac;
		memcpy(port, it.key, sizeof(port));
		memcpy(&mac, (const char *)it.key + sizeof(port), sizeof(mac));
		const struct attachment *at = attachments_find(e->attachments, port, &mac);
		if (at)
			describe(at, next_in_batch(&b));
		else
			*next_in_batch(&b) = (struct ipc_attachment){ .port = xstrdup(port), .mac = mac };
		table_remove(e->changed, it.key, it.key_length);
		if (b.message.n_attachments == ATTACHMENTS_BATCH)
			send_batch(&b);
	}
	if (b.message.n_attachments)
		send_batch(&b);
	ipc_body_clear(IPC_ATTACHMENTS, &b.message);
}

/* ---- WHO ---- */

static void answer(struct enforcer *e, const struct enforcer_question *q, const struct attachment *at)
{
	struct ipc_identity identity = { .request = q->request, .found = at != NULL };
	if (at) {
		identity.attachments = xcalloc(1, sizeof(*identity.attachments));
		identity.n_attachments = 1;
		describe(at, identity.attachments);
	}
	enforcer_send(e, IPC_IDENTITY, &identity);
	ipc_body_clear(IPC_IDENTITY, &identity);
}

void enforcer_answer_questions(struct enforcer *e, time_ms now)
{
	size_t kept = 0;
	for (size_t i = 0; i < e->n_questions; i++) {
		const struct attachment *at = attachments_find_address(e->attachments, &e->questions[i].ip);
		if (at || e->questions[i].until <= now)
			answer(e, &e->questions[i], at);
		else
			e->questions[kept++] = e->questions[i];
	}
	e->n_questions = kept;
	if (kept) {
		struct timeval tv = { 0, WHO_POLL_MS * 1000L };
		evtimer_add(e->who_timer, &tv);
	}
}

static void take_who(struct enforcer *e, const struct ipc_who *who)
{
	struct enforcer_question q = { who->request, who->address, clock_monotonic_ms() + ENFORCER_WHO_MS };
	const struct attachment *at = attachments_find_address(e->attachments, &q.ip);
	struct error err;
	if (at || e->n_questions == ENFORCER_QUESTIONS_MAX) {
		answer(e, &q, at);
		return;
	}
	e->questions[e->n_questions++] = q;
	for (size_t i = 0; i < e->links.count; i++)
		if (e->links.items[i].present && e->links.items[i].kind != LINK_SOFTWIRE &&
		        kernel_probe(e->kernel, (uint16_t)i, &q.ip, NULL, &err) < 0)
			log_debug("%s", err.text);
	enforcer_answer_questions(e, clock_monotonic_ms());
}

/* ---- the desired state ---- */

static int put_in_force(struct enforcer *e, const struct ipc_segments *sent, struct error *err)
{
	struct ipc_segments policy;
	int r = segments_check(sent, err);
	if (r < 0)
		return r;
	segments_copy(sent, &policy);
	marks_assign(desired_segments(e->desired), &policy);
	/* New ways before the rules that want them, old ones after those that did. */
	r = ways_set(e->ways, &e->links, &policy, false, err);
	if (r == 0)
		r = desired_policy(e->desired, &policy, clock_wall_ms(), err);
	ipc_body_clear(IPC_SEGMENTS, &policy);
	struct error late;
	if (ways_set(e->ways, &e->links, desired_segments(e->desired), true, &late) < 0)
		log_error("%s", late.text);
	return r;
}

static void take_segments(struct enforcer *e, const struct ipc_segments *segments)
{
	static const struct mac_address none;
	e->dismissed_told = false; /* it is served */
	struct error err;
	int r = put_in_force(e, segments, &err);
	/* Marks of one policy must never meet placements of another. */
	marks_learn(&e->marks, segments, desired_segments(e->desired));
	if (r < 0) {
		e->policies_refused++;
		log_error("the policy was refused, the old one stays in force: %s", err.text);
		enforcer_tell(e, "policy-refused", err.text, "", &none);
		return;
	}
	log_info("policy %016llx is in force: %zu segments", (unsigned long long)segments->policy_fingerprint,
	        segments->n_segments);
	/* At once: who finds rules in the kernel whose policy he does not know begins anew. */
	enforcer_save(e);
}

struct refusals {
	struct ipc_applied message;
	size_t dropped; /* that the message has no place for */
};

static void add_refusal(void *context, const char *port, const struct mac_address *mac, const char *reason)
{
	struct refusals *r = context;
	char text[MAC_TEXT_SIZE];
	log_warning("refused: %s at %s: %s", mac_format(mac, text), port, reason);
	if (r->message.n_refusals == REFUSALS_MAX) {
		r->dropped++;
		return;
	}
	if (!r->message.refusals)
		r->message.refusals = xcalloc(REFUSALS_MAX, sizeof(*r->message.refusals));
	r->message.refusals[r->message.n_refusals++] =
	        (struct ipc_refusal){ xstrdup(port), *mac, xasprintf("%.255s", reason) };
}

static void take_place(struct enforcer *e, const struct ipc_place *place)
{
	int64_t started = clock_monotonic_us();
	struct refusals refusals = { 0 };
	struct error err;
	marks_from_server(&e->marks, place->placements, place->n_placements);
	desired_place(e->desired, place, add_refusal, &refusals);
	int changed = enforcer_commit(e, add_refusal, &refusals, &err);
	softwires_tell(e->softwires);
	refusals.message.generation = place->generation;
	refusals.message.latency_us = (uint32_t)MIN(clock_monotonic_us() - started, (int64_t)UINT32_MAX);
	refusals.message.elements = changed > 0 ? (uint32_t)changed : 0;
	enforcer_send(e, IPC_APPLIED, &refusals.message);
	e->placements_refused += refusals.message.n_refusals + refusals.dropped;
	if (refusals.dropped)
		log_warning("%zu more refusals were not reported", refusals.dropped);
	ipc_body_clear(IPC_APPLIED, &refusals.message);
	enforcer_save_soon(e);
}

static void take_floor(struct enforcer *e, const struct ipc_floor *floor)
{
	/* A server with another policy than ours in force says nothing about our admissions. */
	if (floor->policy_fingerprint != desired_segments(e->desired)->policy_fingerprint)
		return;
	e->last_floor = clock_monotonic_ms();
	e->last_floor_wall = clock_wall_ms();
}

static int take_hello(struct enforcer *e, const struct ipc_hello *hello, struct error *err)
{
	if (strcmp(hello->role, "server") != 0)
		return error_set(err, -EPROTO, "a %s, not a server, is at the other end", hello->role);
	if (hello->version != IPC_VERSION)
		return error_set(
		        err, -EPROTO, "the server speaks version %u, not %d", hello->version, IPC_VERSION);
	if (e->lost_told && !e->dismissed_told)
		log_notice("connected to server %s", hello->name);
	else
		log_info("connected to server %s", hello->name);
	e->lost_told = e->dismissed_told;
	return 0;
}

static int take_dismissed(struct enforcer *e, const struct ipc_dismissed *m, struct error *err)
{
	if (!e->dismissed_told)
		log_error("the server does not serve this enforcer: %s; trying again every %d s", m->reason,
		        SESSION_RETRY_MAX_MS / 1000);
	e->dismissed_told = true;
	session_hold_off(e->session);
	return error_set(err, -EACCES, "%s", m->reason);
}

int enforcer_take_message(void *context, const struct ipc_message *m, struct error *err)
{
	struct enforcer *e = context;
	switch (m->number) {
	case IPC_HELLO:
		return take_hello(e, m->body, err);
	case IPC_SEGMENTS:
		take_segments(e, m->body);
		break;
	case IPC_PLACE:
		take_place(e, m->body);
		break;
	case IPC_WHO:
		take_who(e, m->body);
		break;
	case IPC_FLOOR:
		take_floor(e, m->body);
		break;
	case IPC_DISMISSED:
		return take_dismissed(e, m->body, err);
	default:
		return error_set(err, -EPROTO, "a server does not send %s", ipc_name(m->number));
	}
	enforcer_settle(e);
	return 0;
}

void enforcer_greet(void *context, const char *peer)
{
	static char role[] = "enforcer";
	struct enforcer *e = context;
	struct ipc_hello hello = { role, e->options->name, IPC_VERSION, e->life };
	struct batch b = { .e = e, .message = { .full = true } };
	log_info("connected to %s", peer);
	enforcer_send(e, IPC_HELLO, &hello);
	attachments_each(e->attachments, add_to_batch, &b);
	b.message.more = false;
	send_batch(&b);
	enforcer_report_counters(e);
}

void enforcer_lost(void *context, const char *reason)
{
	struct enforcer *e = context;
	if (e->lost_told)
		log_info("no connection to the server: %s", reason);
	else
		log_warning("no connection to the server: %s; trying again and again", reason);
	e->lost_told = true;
	e->n_questions = 0;
}
