/* SPDX-License-Identifier: ISC */
/* Decisions and the filter IR as JSON. */
#include "policy/ast.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

/* JSON is UTF-8; where a string is not, its bytes beyond ASCII become '?'. */
static json_t *json_text(const char *s)
{
	if (!s)
		return json_null();
	json_t *text = json_string(s);
	if (text)
		return text;
	char *copy FREE_ON_EXIT = xstrdup(s);
	for (char *c = copy; *c; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	return json_string(copy);
}

static json_t *json_words(const char *list)
{
	json_t *words = json_array();
	while (list && *list) {
		size_t n = strcspn(list, ",");
		char *word FREE_ON_EXIT = xstrndup(list, n);
		json_array_append_new(words, json_text(word));
		list += n + (list[n] == ',');
	}
	return words;
}

static json_t *finding_to_json(const struct policy_finding *f)
{
	static const char *const kinds[] = { [POLICY_FINDING_ADVISORY] = "advisory",
		[POLICY_FINDING_REQUIREMENT] = "requirement",
		[POLICY_FINDING_UNKNOWN] = "unknown" };
	json_t *o = json_object();
	json_object_set_new(o, "kind", json_text(kinds[f->kind]));
	json_object_set_new(o, "requirement", json_text(f->requirement));
	json_object_set_new(o, "text", json_text(f->text));
	if (f->kind != POLICY_FINDING_ADVISORY)
		return o;
	json_object_set_new(o, "package", json_text(f->package));
	json_object_set_new(o, "source_package", json_text(f->source_package));
	json_object_set_new(o, "installed", json_text(f->installed));
	json_object_set_new(o, "fixed", json_text(f->fixed));
	json_object_set_new(o, "advisory", json_text(f->advisory));
	json_object_set_new(o, "aliases", json_words(f->aliases));
	json_object_set_new(o, "severity", json_text(vuln_severity_name(f->severity)));
	json_object_set_new(o, "source", json_text(f->source));
	json_object_set_new(o, "trust", json_text(vuln_trust_name(f->trust)));
	if (f->conflict)
		json_object_set_new(o, "conflict", json_text(f->conflict));
	if (f->judged_as)
		json_object_set_new(o, "judged_as", json_text(f->judged_as));
	json_object_set_new(o, "purl", json_text(f->purl));
	return o;
}

static json_t *json_time(time_ms t)
{
	char text[CLOCK_TEXT_SIZE];
	return json_text(clock_format(t, text));
}

static json_t *waived_to_json(const struct policy_waived *w)
{
	json_t *o = json_object();
	json_object_set_new(o, "kind", json_text("waived"));
	json_object_set_new(o, "requirement", json_text(w->requirement));
	json_object_set_new(o, "advisory", json_text(w->advisory));
	json_object_set_new(o, "text", json_text(w->text));
	json_object_set_new(o, "owner", json_text(w->owner));
	json_object_set_new(o, "because", json_text(w->reason));
	json_object_set_new(o, "until", json_time(w->until));
	return o;
}

json_t *policy_findings_to_json(const struct policy_decision *d)
{
	json_t *findings = json_array();
	for (size_t i = 0; i < d->n_findings; i++)
		json_array_append_new(findings, finding_to_json(&d->findings[i]));
	for (size_t i = 0; i < d->n_waived; i++)
		json_array_append_new(findings, waived_to_json(&d->waived[i]));
	return findings;
}

json_t *policy_decision_to_json(const struct policy_decision *d)
{
	json_t *o = json_object();
	json_object_set_new(o, "segment", json_text(d->segment->name));
	json_object_set_new(o, "level", json_integer(d->segment->level));
	json_object_set_new(o, "compliant", json_boolean(d->compliant));
	json_object_set_new(o, "rejected", json_boolean(d->rejected));
	json_object_set_new(o, "rule", json_text(d->rule));
	json_object_set_new(o, "advisory_generation", json_integer((json_int_t)d->advisory_generation));
	json_object_set_new(o, "findings", policy_findings_to_json(d));
	json_object_set_new(o, "emergency", json_boolean(d->emergency));
	json_object_set_new(o, "findings_omitted", json_integer((json_int_t)d->n_omitted));
	return o;
}

static const char *protocol_name(uint8_t protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_ICMP:
		return "icmp";
	case IPPROTO_ICMPV6:
		return "icmpv6";
	default:
		return "any";
	}
}

static json_t *rule_to_json(const struct policy *p, const struct policy_rule *r)
{
	char text[IP_TEXT_SIZE];
	json_t *o = json_object();
	json_object_set_new(o, "direction", json_text(r->direction == POLICY_TO ? "to" : "from"));
	if (r->peer == POLICY_PEER_ANY) {
		json_object_set_new(o, "peer", json_text("any"));
	} else if (r->peer == POLICY_PEER_SEGMENT) {
		json_object_set_new(o, "peer", json_text("segment"));
		json_object_set_new(o, "segment", json_text(p->segments[r->peer_mark - 1].name));
	} else {
		json_t *prefixes = json_array();
		json_object_set_new(o, "peer", json_text("prefixes"));
		for (size_t i = 0; i < r->n_prefixes; i++)
			json_array_append_new(prefixes, json_text(ip_prefix_format(&r->prefixes[i], text)));
		json_object_set_new(o, "prefixes", prefixes);
	}
	json_t *ports = json_array();
	json_object_set_new(o, "protocol", json_text(protocol_name(r->protocol)));
	for (size_t i = 0; i < r->n_ports; i++)
		json_array_append_new(
		        ports, json_pack("[ii]", (int)r->ports[i].first, (int)r->ports[i].last));
	json_object_set_new(o, "ports", ports);
	return o;
}

/* How its traffic is treated beside being allowed. */
static void add_treatment(json_t *segment, const struct policy_segment *s)
{
	char text[IP_TEXT_SIZE];
	json_t *hops = json_array();
	for (size_t i = 0; i < s->n_next_hops; i++)
		json_array_append_new(hops, json_text(ip_format(&s->next_hops[i], text)));
	json_object_set_new(segment, "log_new", json_boolean(s->log_new));
	json_object_set_new(segment, "rate_up", json_integer(s->rate_up));
	json_object_set_new(segment, "rate_down", json_integer(s->rate_down));
	json_object_set_new(segment, "route", json_text(s->route));
	json_object_set_new(segment, "next_hops", hops);
}

static json_t *modes_to_json(const struct policy *p)
{
	json_t *list = json_array();
	for (const struct policy_mode *m = p->tree.modes; m; m = m->next) {
		json_t *o = json_object(), *roles = json_array();
		for (const struct policy_word *w = m->roles; w; w = w->next)
			json_array_append_new(roles, json_text(w->name.text));
		json_object_set_new(o, "mode", json_text(m->target.text ? "monitor" : "enforce"));
		json_object_set_new(o, "segment", json_text(m->target.text));
		json_object_set_new(o, "roles", roles);
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *waivers_to_json(const struct policy *p)
{
	size_t n;
	const struct policy_waiver *w = policy_waivers(p, &n);
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++) {
		json_t *o = json_object();
		json_object_set_new(o, "what", json_text(w[i].what));
		json_object_set_new(o, "until", json_time(w[i].until));
		json_object_set_new(o, "owner", json_text(w[i].owner));
		json_object_set_new(o, "because", json_text(w[i].reason));
		json_object_set_new(o, "line", json_integer(w[i].line));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *brake_to_json(const struct policy_brake *b)
{
	json_t *o = b ? json_object() : json_null();
	if (!b)
		return o;
	json_object_set_new(o, "percent", json_integer(b->percent));
	json_object_set_new(o, "nodes", json_integer(b->nodes));
	json_object_set_new(o, "per_ms", json_integer(b->per_ms));
	json_object_set_new(o, "hold_ms", json_integer(b->hold_ms));
	return o;
}

static json_t *pace_to_json(const struct policy_pace *pace)
{
	json_t *o = pace ? json_object() : json_null();
	if (!pace)
		return o;
	json_object_set_new(o, "nodes", json_integer(pace->nodes));
	json_object_set_new(o, "per_ms", json_integer(pace->per_ms));
	return o;
}

json_t *policy_to_json(const struct policy *p)
{
	char text[32];
	json_t *o = json_object(), *segments = json_array(), *points = json_array();
	snprintf(text, sizeof(text), "%016" PRIx64, p->fingerprint);
	json_object_set_new(o, "fingerprint", json_text(text));
	json_object_set_new(o, "inspect_every_ms", json_integer(p->tree.inspect.value_ms));
	json_object_set_new(o, "certificate_lifetime_ms", json_integer(p->tree.certificate.value_ms));
	json_object_set_new(o, "inspect_after_advisories", pace_to_json(policy_reinspect_pace(p)));
	json_object_set_new(o, "inspect_rate", pace_to_json(policy_asking_pace(p)));
	json_object_set_new(o, "otherwise", json_text(p->tree.otherwise.text));
	json_object_set_new(o, "modes", modes_to_json(p));
	json_object_set_new(o, "waivers", waivers_to_json(p));
	json_object_set_new(o, "brake", brake_to_json(policy_brake(p)));
	for (const char *const *name = p->enforcement_points; *name; name++)
		json_array_append_new(points, json_text(*name));
	json_object_set_new(o, "enforcers", points);
	for (size_t i = 0; i < p->n_segments; i++) {
		const struct policy_segment *s = &p->segments[i];
		json_t *rules = json_array(), *segment = json_object();
		json_object_set_new(segment, "name", json_text(s->name));
		json_object_set_new(segment, "mark", json_integer(s->mark));
		json_object_set_new(segment, "default", json_boolean(s->is_default));
		json_object_set_new(segment, "level", json_integer(s->level));
		json_object_set_new(segment, "grace_ms", json_integer(s->grace_ms));
		json_object_set_new(segment, "demote_ms", json_integer(s->demote_ms));
		json_object_set_new(segment, "log", json_boolean(s->log));
		add_treatment(segment, s);
		for (size_t k = 0; k < s->n_rules; k++)
			json_array_append_new(rules, rule_to_json(p, &s->rules[k]));
		json_object_set_new(segment, "rules", rules);
		json_array_append_new(segments, segment);
	}
	json_object_set_new(o, "segments", segments);
	return o;
}
