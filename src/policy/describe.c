/* SPDX-License-Identifier: ISC */
/* A policy in a few lines, in the words that its author wrote. */
#include "policy/ast.h"

#include <inttypes.h>
#include <stdio.h>

static void describe_reach(FILE *out, const struct policy_segment_node *s, enum policy_direction direction)
{
	const char *label = direction == POLICY_TO ? "opens to" : "open from";
	bool any = false;
	for (const struct policy_reach *r = s->reaches; r; r = r->next) {
		if (r->direction != direction)
			continue;
		fprintf(out, "    %-10s %s\n", any ? "" : label, r->text);
		any = true;
	}
	if (!any)
		fprintf(out, "    %-10s nothing\n", label);
}

static const char *seconds_or_minutes(int64_t ms, char text[32])
{
	if (ms % 60000 == 0)
		snprintf(text, 32, "%" PRId64 " min", ms / 60000);
	else
		snprintf(text, 32, "%" PRId64 " s", ms / 1000);
	return text;
}

static const char *bandwidth(int64_t rate, char text[32])
{
	static const struct {
		int64_t unit;
		const char *name;
	} units[] = { { 1000000000, "Gbit/s" }, { 1000000, "Mbit/s" }, { 1000, "kbit/s" }, { 1, "bit/s" } };
	size_t i = 0;
	while (rate % units[i].unit)
		i++;
	snprintf(text, 32, "%" PRId64 " %s", rate / units[i].unit, units[i].name);
	return text;
}

/* How its traffic is treated beside being allowed. */
static void describe_treatment(FILE *out, const struct policy_segment_node *s)
{
	char up[32], down[32];
	if (s->rate_up && s->rate_up == s->rate_down)
		fprintf(out, "    each node  %s up, and down\n", bandwidth(s->rate_up, up));
	else if (s->rate_up && s->rate_down)
		fprintf(out, "    each node  %s up, %s down\n", bandwidth(s->rate_up, up),
		        bandwidth(s->rate_down, down));
	else if (s->rate_up || s->rate_down)
		fprintf(out, "    each node  %s %s\n", bandwidth(MAX(s->rate_up, s->rate_down), up),
		        s->rate_up ? "up" : "down");
	if (s->route_at.line)
		fprintf(out, "    goes via   %s\n", s->route.text);
}

static void describe_segment(FILE *out, const struct policy_segment_node *s)
{
	char grace[32];
	fprintf(out, "segment %s", s->name.text);
	if (s->default_at.line)
		fputs(", the default", out);
	if (s->level > 0)
		fprintf(out, ", level %" PRId64, s->level);
	if (s->grace_ms > 0)
		fprintf(out, ", grace %s", seconds_or_minutes(s->grace_ms, grace));
	if (s->demote_ms > 0)
		fprintf(out, ", demotes after %s", seconds_or_minutes(s->demote_ms, grace));
	if (s->log || s->log_new)
		fprintf(out, ", logs what it %s",
		        s->log && s->log_new ? "refuses and opens"
		                : s->log     ? "refuses"
		                             : "opens");
	fputs("\n", out);
	describe_treatment(out, s);
	describe_reach(out, s, POLICY_TO);
	describe_reach(out, s, POLICY_FROM);
}

char *policy_describe(const struct policy *p, time_ms now)
{
	const struct policy_tree *t = &p->tree;
	char *text = NULL, every[32], lifetime[32];
	size_t size;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		abort();
	for (const struct policy_segment_node *s = t->segments; s; s = s->next)
		describe_segment(out, s);
	for (const struct policy_rejection *r = t->rejections; r; r = r->next)
		fprintf(out, "%s\n", r->text);
	for (const struct policy_admission *a = t->admissions; a; a = a->next)
		fprintf(out, "%s\n", a->text);
	fprintf(out, "%s\ninspect every %s, certificate lifetime %s\n", t->otherwise_text,
	        seconds_or_minutes(t->inspect.value_ms, every),
	        seconds_or_minutes(t->certificate.value_ms, lifetime));
	policy_measures_describe(out, p, now);
	if (fclose(out) != 0)
		abort();
	return text;
}
