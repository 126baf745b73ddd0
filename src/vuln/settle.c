/* SPDX-License-Identifier: ISC */
#include "vuln/settle.h"

#include "vuln/rule.h"

#include <errno.h>

void settle_clear(struct settle *s)
{
	free(s->members);
	free(s->leads);
	wr_free(&s->others);
}

static int order_numbers(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

/* Source by source within a vulnerability, so that the newest of each can be told. */
static int order_by_source(const void *a_, const void *b_)
{
	const struct settle_member *a = a_, *b = b_;
	int order = strcmp(a->entry.group, b->entry.group);
	if (!order)
		order = strcmp(a->entry.source, b->entry.source);
	return order ? order : order_numbers(b->entry.head.modified, a->entry.head.modified);
}

static int order_in_group(const struct settle_member *a, const struct settle_member *b)
{
	const struct package_entry_head *x = &a->entry.head, *y = &b->entry.head;
	int order = order_numbers(x->precedence, y->precedence);
	if (!order)
		order = order_numbers(y->trust, x->trust);
	if (!order)
		order = order_numbers(b->newest, a->newest);
	if (!order)
		order = strcmp(a->entry.source, b->entry.source);
	if (!order)
		order = order_numbers(y->modified, x->modified);
	if (!order)
		order = strcmp(a->entry.id, b->entry.id);
	return order ? order : order_numbers(x->status, y->status);
}

static int order_members(const void *a_, const void *b_)
{
	const struct settle_member *a = a_, *b = b_;
	int order = strcmp(a->entry.group, b->entry.group);
	return order ? order : order_in_group(a, b);
}

static void take_members(struct settle *s, const uint8_t *const *entries, size_t n)
{
	s->n = 0;
	for (size_t i = 0; i < n; i++) {
		ARRAY_RESERVE_ONE(s->members, s->n, s->capacity);
		struct settle_member *m = &s->members[s->n];
		*m = (struct settle_member){ .bytes = entries[i] };
		if (package_entry_read(entries[i], SIZE_MAX, &m->entry))
			s->n++;
	}
	if (s->n)
		qsort(s->members, s->n, sizeof(*s->members), order_by_source);
	for (size_t i = 0; i < s->n; i++) {
		struct settle_member *m = &s->members[i];
		bool first = i == 0 || strcmp(m[-1].entry.group, m->entry.group) != 0 ||
		        strcmp(m[-1].entry.source, m->entry.source) != 0;
		m->newest = first ? m->entry.head.modified : m[-1].newest;
	}
	if (s->n)
		qsort(s->members, s->n, sizeof(*s->members), order_members);
}

/* Whether a leaves nothing out that b calls affected; neither is RULE_EVENTS. */
static bool is_wider(const struct package_entry *a, const struct package_entry *b)
{
	if (a->head.kind == RULE_ALWAYS || b->head.kind == RULE_ALWAYS)
		return a->head.kind == RULE_ALWAYS;
	return version_key_order_bytes(a->rule, a->head.rule_length, b->rule, b->head.rule_length) >= 0;
}

/* Who of a vulnerability leads, NULL: nobody. Looks at the entries of the first source alone. */
static struct settle_lead choose_lead(const struct settle_member *first, size_t n)
{
	struct settle_lead lead = { .member = first };
	bool plain = true, excused = true, always = false;
	for (size_t i = 0; i < n && strcmp(first[i].entry.source, first->entry.source) == 0; i++) {
		const struct package_entry_head *head = &first[i].entry.head;
		bool simple = head->kind != RULE_EVENTS && first->entry.head.kind != RULE_EVENTS;
		plain = plain && head->status == VULN_AFFECTED && (i == 0 || simple);
		if (plain && i > 0 && !is_wider(&lead.member->entry, &first[i].entry))
			lead.member = &first[i];
		excused = excused && head->status == VULN_NOT_AFFECTED;
		always = always || head->kind == RULE_ALWAYS;
	}
	lead.deliberate = !plain;
	if (!plain)
		lead.member = excused && always ? NULL : first;
	return lead;
}

static void take_group(struct settle *s, const struct settle_member *first, size_t n)
{
	struct settle_lead lead = choose_lead(first, n);
	lead.others_at = s->others.length;
	lead.n_others = n - (lead.member != NULL);
	for (size_t i = 0; i < n; i++) {
		struct package_entry_head head = first[i].entry.head;
		size_t at = s->others.length;
		head.flags &= (uint8_t)~ENTRY_DELIBERATE;
		head.others_at = head.n_others = 0;
		if (&first[i] == lead.member)
			continue;
		wr_bytes(&s->others, first[i].bytes, head.size);
		if (!wr_failed(&s->others))
			memcpy(s->others.data + at, &head, sizeof(head));
	}
	if (!lead.member)
		return;
	ARRAY_RESERVE_ONE(s->leads, s->n_leads, s->leads_capacity);
	s->leads[s->n_leads++] = lead;
}

static int kind_of(const struct settle_lead *lead)
{
	return lead->deliberate ? RULE_EVENTS : lead->member->entry.head.kind;
}

static int order_leads(const void *a_, const void *b_)
{
	const struct settle_lead *a = a_, *b = b_;
	const struct package_entry *x = &a->member->entry, *y = &b->member->entry;
	int order = kind_of(a) - kind_of(b);
	if (!order && kind_of(a) == RULE_BELOW)
		order = version_key_order_bytes(y->rule, y->head.rule_length, x->rule, x->head.rule_length);
	if (!order)
		order = strcmp(x->id, y->id);
	return order ? order : strcmp(x->source, y->source);
}

static void put_lead(struct writer *w, const struct settle_lead *lead, size_t others_at)
{
	struct package_entry_head head = lead->member->entry.head;
	size_t at = w->length;
	head.flags = (uint8_t)((head.flags & ~ENTRY_DELIBERATE) | (lead->deliberate ? ENTRY_DELIBERATE : 0));
	head.others_at = lead->n_others ? (uint32_t)(others_at + lead->others_at) : 0;
	head.n_others = (uint32_t)lead->n_others;
	wr_bytes(w, lead->member->bytes, head.size);
	if (!wr_failed(w))
		memcpy(w->data + at, &head, sizeof(head));
}

static void put_leads(struct settle *s, struct writer *w)
{
	uint32_t offsets[2] = { 0, PACKAGE_ENTRIES_AT };
	size_t start = w->length;
	for (size_t i = 0; i < s->n_leads; i++)
		offsets[1] += s->leads[i].member->entry.head.size;
	wr_zero(w, PACKAGE_ENTRIES_AT);
	for (size_t i = 0; i < s->n_leads; i++) {
		if (kind_of(&s->leads[i]) == RULE_EVENTS && !offsets[0])
			offsets[0] = (uint32_t)(w->length - start);
		put_lead(w, &s->leads[i], offsets[1]);
	}
	if (!offsets[0])
		offsets[0] = offsets[1];
	if (!wr_failed(w))
		memcpy(w->data + start, offsets, sizeof(offsets));
}

void settle_entries(struct settle *s, struct writer *w, const uint8_t *const *entries, size_t n)
{
	take_members(s, entries, n);
	s->n_leads = 0;
	s->others.limit = UINT32_MAX / 2;
	wr_reset(&s->others);
	for (size_t i = 0, end; i < s->n; i = end) {
		for (end = i + 1;
		        end < s->n && strcmp(s->members[end].entry.group, s->members[i].entry.group) == 0;)
			end++;
		take_group(s, &s->members[i], end - i);
	}
	if (s->n_leads)
		qsort(s->leads, s->n_leads, sizeof(*s->leads), order_leads);
	put_leads(s, w);
	wr_bytes(w, s->others.data, s->others.length);
	w->failed = w->failed || wr_failed(&s->others);
}

int settle_status(
        const struct package_entry *e, const uint8_t *key, size_t key_length, const char **ret_fixed)
{
	bool applies = true;
	*ret_fixed = NULL;
	if (e->head.kind == RULE_BELOW) {
		applies = version_key_order_bytes(key, key_length, e->rule, e->head.rule_length) < 0;
		*ret_fixed = e->fixed;
	} else if (e->head.kind == RULE_EVENTS) {
		applies = rule_evaluate(e->rule, e->head.rule_length, key, key_length, ret_fixed);
	}
	if (e->head.status == VULN_NOT_AFFECTED) {
		*ret_fixed = NULL;
		return applies ? VULN_NOT_AFFECTED : -ENOENT;
	}
	return applies ? VULN_AFFECTED : VULN_FIXED;
}
