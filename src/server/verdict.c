/* SPDX-License-Identifier: ISC */
#include "server/verdict.h"
#include "server/language.h"

#include <stdio.h>
#include <string.h>

#define UNSIGNED_TEXT "the posture is not signed with the node's key, so it may be another host's"

/* JSON is UTF-8; where a text is not, its bytes beyond ASCII become '?'. */
static void set_text(json_t *object, const char *key, const char *value)
{
	json_t *text = value ? json_string(value) : NULL;
	if (value && !text) {
		char *copy FREE_ON_EXIT = xstrdup(value);
		for (char *c = copy; *c; c++)
			if ((unsigned char)*c >= 0x80)
				*c = '?';
		text = json_string(copy);
	}
	if (text)
		json_object_set_new(object, key, text);
}

static json_t *unsigned_finding(void)
{
	return json_pack(
	        "{s:s, s:s, s:s}", "kind", "unknown", "requirement", "signed posture", "text", UNSIGNED_TEXT);
}

static size_t text_cost(const char *s)
{
	return s ? 2 * strlen(s) + 24
	         : 0; /* escaping is mostly a backslash; control bytes were refused before */
}

static size_t finding_cost(const struct policy_finding *f)
{
	return 64 + text_cost(f->requirement) + text_cost(f->text) + text_cost(f->package) +
	        text_cost(f->source_package) + text_cost(f->installed) + text_cost(f->fixed) +
	        text_cost(f->advisory) + text_cost(f->aliases) + text_cost(f->purl) + text_cost(f->source);
}

/* As many findings as fit into so many bytes; *ret_left_out is how many do not. */
static json_t *findings_within(const struct site_outcome *o, size_t budget, size_t *ret_left_out)
{
	struct policy_decision part = o->decision;
	size_t used = 0, n = 0;
	for (; n < part.n_findings; n++) {
		used += finding_cost(&part.findings[n]);
		if (used > budget)
			break;
	}
	*ret_left_out = o->decision.n_findings - n + o->decision.n_omitted;
	part.n_findings = n;
	json_t *list = policy_findings_to_json(&part);
	if (o->unsigned_posture)
		json_array_insert_new(list, 0, unsigned_finding());
	return list;
}

char *verdict_findings(const struct site_outcome *o)
{
	size_t left_out;
	json_t *list = findings_within(o, VERDICT_FINDINGS_MAX, &left_out);
	if (left_out) {
		char text[64];
		snprintf(text, sizeof(text), "and %zu more findings that are not kept", left_out);
		json_array_append_new(list, json_pack("{s:s, s:s}", "kind", "unknown", "text", text));
	}
	char *text = json_dumps(list, JSON_COMPACT);
	json_decref(list);
	return text ? text : xstrdup("[]");
}

static json_t *time_to_json(time_ms t)
{
	char text[CLOCK_TEXT_SIZE];
	return t ? json_string(clock_format(t, text)) : json_null();
}

char *verdict_decision(const struct site_outcome *o, const char *node)
{
	size_t left_out;
	json_t *findings = findings_within(o, VERDICT_DECISION_MAX, &left_out);
	json_t *j = json_object();
	set_text(j, "node", node);
	set_text(j, "segment", o->segment);
	json_object_set_new(j, "level", json_integer(o->level));
	json_object_set_new(j, "compliant", json_boolean(o->compliant));
	json_object_set_new(j, "rejected", json_boolean(o->rejected));
	json_object_set_new(j, "would_be", *o->would_be ? json_string(o->would_be) : json_null());
	json_object_set_new(j, "kept_by", o->kept_by ? json_string(site_kept_name(o->kept_by)) : json_null());
	json_object_set_new(j, "kept_until", time_to_json(o->kept_until));
	set_text(j, "rule", o->decision.rule);
	set_text(j, "note", o->note);
	json_object_set_new(j, "expires", time_to_json(o->expires));
	json_object_set_new(j, "next_inspection", time_to_json(o->next_inspection));
	json_object_set_new(j, "findings", findings);
	json_object_set_new(j, "findings_left_out", json_integer((json_int_t)left_out));
	char *text = json_dumps(j, JSON_COMPACT);
	json_decref(j);
	return text ? text : xstrdup("{}");
}

/* ---- sentences ---- */

/* A text that filled its buffer may end inside a character (RFC 3629): what is left of it goes. */
static void end_at_character(char *text, size_t size)
{
	size_t length = strlen(text), start = length;
	if (length + 1 < size)
		return;
	while (start && ((unsigned char)text[start - 1] & 0xc0) == 0x80)
		start--;
	if (start && ((unsigned char)text[start - 1] & 0xc0) == 0xc0)
		text[start - 1] = '\0';
}

static void say(const struct language *l, enum language_sentence which, verdict_fn fn, void *context,
        const char *a, const char *b, const char *c)
{
	char text[VERDICT_TEXT_MAX];
	snprintf(text, sizeof(text), l->sentences[which], a ? a : "?", b ? b : "?", c ? c : "?");
	end_at_character(text, sizeof(text));
	fn(&(struct verdict_text){ text, l->tag }, context);
}

static void say_kept(const struct site_outcome *o, const struct language *l, verdict_fn fn, void *context)
{
	char until[CLOCK_TEXT_SIZE];
	if (o->kept_by == SITE_KEPT_GRACE)
		say(l, SAY_DELAYED, fn, context, o->segment, clock_format(o->kept_until, until), o->would_be);
	else
		say(l, o->compliant ? SAY_WATCHED : SAY_STAYS, fn, context, o->segment, o->would_be, NULL);
}

static void say_decision(const struct site_outcome *o, const struct language *l, verdict_fn fn, void *context)
{
	char count[24];
	snprintf(count, sizeof(count), "%zu", o->decision.n_findings + o->unsigned_posture);
	if (o->kept_by)
		say_kept(o, l, fn, context);
	else if (o->rejected)
		say(l, SAY_REJECTED, fn, context, o->segment, NULL, NULL);
	else if (o->compliant)
		say(l, SAY_ADMITTED, fn, context, o->segment, NULL, NULL);
	else
		say(l, SAY_KEPT, fn, context, o->segment, count, NULL);
	if (!o->attachment)
		say(l, SAY_NO_PLACE, fn, context, NULL, NULL, NULL);
	if (o->unsigned_posture)
		say(l, SAY_UNSIGNED, fn, context, NULL, NULL, NULL);
}

static void say_more(
        const struct site_outcome *o, size_t said, const struct language *l, verdict_fn fn, void *context)
{
	char count[24];
	if (said >= o->decision.n_findings)
		return;
	snprintf(count, sizeof(count), "%zu", o->decision.n_findings - said);
	say(l, SAY_MORE, fn, context, count, NULL, NULL);
}

void verdict_each_reason(
        const struct site_outcome *o, const char *accept_language, verdict_fn fn, void *context)
{
	const struct language *l = language_choose(accept_language);
	size_t n = 0;
	say_decision(o, l, fn, context);
	for (; n < o->decision.n_findings && n < VERDICT_REASONS_MAX; n++) {
		char text[VERDICT_TEXT_MAX];
		snprintf(text, sizeof(text), "%s",
		        o->decision.findings[n].text ? o->decision.findings[n].text : "?");
		end_at_character(text, sizeof(text));
		fn(&(struct verdict_text){ text, "en" }, context);
	}
	say_more(o, n, l, fn, context);
}

void verdict_each_remedy(
        const struct site_outcome *o, const char *accept_language, verdict_fn fn, void *context)
{
	const struct language *l = language_choose(accept_language);
	size_t n = 0;
	for (; n < o->decision.n_findings && n < VERDICT_REASONS_MAX; n++) {
		const struct policy_finding *f = &o->decision.findings[n];
		if (f->kind != POLICY_FINDING_ADVISORY)
			continue;
		if (f->fixed)
			say(l, SAY_UPGRADE, fn, context, f->package, f->installed, f->fixed);
		else
			say(l, SAY_NO_FIX, fn, context, f->package, f->installed, f->advisory);
	}
	say_more(o, n, l, fn, context);
}
