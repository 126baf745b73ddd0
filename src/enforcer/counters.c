/* SPDX-License-Identifier: ISC */
/*
 * What the enforcer counts, for `pratique status`: the enforcement point's packets by segment, what was
 * refused here, and what is used of each limit (NAME beside NAME_max).
 */
#include "base/log.h"
#include "enforcer/enforcer.h"

#define VALUES_MAX 64 /* as in ipc/messages.def */

static void add(struct ipc_counters *c, const char *name, uint64_t value)
{
	c->values[c->n_values++] = (struct ipc_statistic){ xstrdup(name), value };
}

static void add_values(struct enforcer *e, struct ipc_counters *c)
{
	const struct attachments_statistics *a = attachments_statistics(e->attachments);
	const struct proofs_statistics *p = proofs_statistics(e->proofs);
	size_t down;
	c->values = xcalloc(VALUES_MAX, sizeof(*c->values));
	add(c, "generation", desired_generation(e->desired));
	add(c, "policies_refused", e->policies_refused);
	add(c, "placements_refused", e->placements_refused);
	add(c, "attachments", a->attachments);
	add(c, "attachments_max", ATTACHMENTS_MAX);
	add(c, "attachments_refused", a->refused_attachments);
	add(c, "addresses", a->addresses);
	add(c, "addresses_max", ATTACHMENTS_ADDRESSES_MAX);
	add(c, "addresses_refused", a->refused_addresses);
	add(c, "placements", desired_placed(e->desired));
	add(c, "placements_max", DESIRED_PLACEMENTS_MAX);
	add(c, "addresses_contested_refused", a->contested);
	add(c, "macs_moved_refused", a->moved);
	add(c, "rogue_servers_refused", a->rogue);
	add(c, "impostors_refused", a->impostors);
	add(c, "proofs_asked", p->asked);
	add(c, "proofs_answered", p->answered);
	add(c, "proofs_failed", p->failed);
	add(c, "proofs_refused", p->refused);
	add(c, "proofs_open", p->open);
	add(c, "proofs_open_max", PROOFS_UNPROVEN_MAX + PROOFS_WANTED_MAX);
	add(c, "questions", e->n_questions);
	add(c, "questions_max", ENFORCER_QUESTIONS_MAX);
	add(c, "connections_forgotten", conntrack_forgotten(e->conntrack));
	add(c, "ways", ways_count(e->ways, &down));
	add(c, "ways_failed", down);
}

void enforcer_report_counters(struct enforcer *e)
{
	struct ipc_counters counters;
	struct error err;
	if (e->driver->ops->counters(e->driver, &counters, &err) < 0) {
		log_warning("%s", err.text);
		return;
	}
	marks_to_server(&e->marks, &counters);
	add_values(e, &counters);
	enforcer_send(e, IPC_COUNTERS, &counters);
	ipc_body_clear(IPC_COUNTERS, &counters);
}
