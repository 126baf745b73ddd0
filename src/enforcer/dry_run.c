/* SPDX-License-Identifier: ISC */
#include "enforcer/dry_run.h"
#include "enforcer/drivers/nft_rules.h"
#include "enforcer/segments.h"

#include <string.h>

static void convert_rule(const struct policy_rule *from, struct ipc_rule *to)
{
	*to = (struct ipc_rule){ .direction = (uint8_t)from->direction,
		.peer = (uint8_t)from->peer,
		.peer_mark = from->peer_mark,
		.protocol = from->protocol,
		.n_prefixes = from->n_prefixes,
		.n_ports = from->n_ports };
	to->prefixes = xcalloc(from->n_prefixes ? from->n_prefixes : 1, sizeof(*to->prefixes));
	to->ports = xcalloc(from->n_ports ? from->n_ports : 1, sizeof(*to->ports));
	for (size_t i = 0; i < from->n_prefixes; i++)
		to->prefixes[i].prefix = from->prefixes[i];
	for (size_t i = 0; i < from->n_ports; i++)
		to->ports[i] = (struct ipc_port_range){ from->ports[i].first, from->ports[i].last };
}

void dry_run_segments(const struct policy *p, struct ipc_segments *ret)
{
	size_t n;
	const struct policy_segment *segments = policy_segments(p, &n);
	const struct policy_segment *floor = policy_floor_segment(p);
	*ret = (struct ipc_segments){
		.policy_fingerprint = policy_fingerprint(p), .n_segments = n, .is_watched = !floor->is_default
	};
	ret->segments = xcalloc(n ? n : 1, sizeof(*ret->segments));
	for (size_t i = 0; i < n; i++) {
		const struct policy_segment *from = &segments[i];
		struct ipc_segment *to = &ret->segments[i];
		*to = (struct ipc_segment){ .name = xstrdup(from->name),
			.mark = from->mark,
			.is_default = from == floor,
			.log = from->log,
			.log_new = from->log_new,
			.rate_up = (uint64_t)from->rate_up,
			.rate_down = (uint64_t)from->rate_down,
			.route = xstrdup(from->route),
			.n_next_hops = from->n_next_hops,
			.grace_ms = (uint64_t)MAX(from->grace_ms, 0),
			.n_rules = from->n_rules };
		to->next_hops = xcalloc(from->n_next_hops + 1, sizeof(*to->next_hops));
		for (size_t j = 0; j < from->n_next_hops; j++)
			to->next_hops[j].ip = from->next_hops[j];
		to->rules = xcalloc(from->n_rules ? from->n_rules : 1, sizeof(*to->rules));
		for (size_t j = 0; j < from->n_rules; j++)
			convert_rule(&from->rules[j], &to->rules[j]);
	}
}

struct reporter {
	void (*report)(const char *text);
	bool any;
};

static void pass_on(const char *text, void *context)
{
	struct reporter *r = context;
	r->any = true;
	r->report(text);
}

int dry_run(FILE *out, const char *policy_path, const struct links *links, uint16_t log_group,
        void (*report)(const char *text))
{
	struct reporter r = { .report = report };
	struct policy *p;
	struct ipc_segments segments;
	struct error err;
	if (policy_load(policy_path, pass_on, &r, &p, &err) < 0) {
		if (!r.any)
			report(err.text);
		return 1;
	}
	dry_run_segments(p, &segments);
	policy_free(p);
	int code = segments_check(&segments, &err) < 0;
	if (code) {
		report(err.text);
	} else {
		nft_rules_declare(out, links, &segments);
		nft_rules_write(out, links, &segments, log_group);
	}
	ipc_body_clear(IPC_SEGMENTS, &segments);
	return code;
}
