/* SPDX-License-Identifier: ISC */
#include "vuln/rule.h"

static void put_event(
        struct writer *w, enum rule_event kind, const uint8_t *key, size_t length, const char *text)
{
	wr_u8(w, (uint8_t)kind);
	wr_u16(w, (uint16_t)length);
	wr_bytes(w, key, length);
	wr_u16(w, (uint16_t)(strlen(text) + 1));
	wr_bytes(w, text, strlen(text) + 1);
}

static void raise_u16(struct writer *w, size_t at, uint16_t by)
{
	uint16_t count = (uint16_t)(w->data[at] << 8 | w->data[at + 1]);
	if (by > UINT16_MAX - count)
		w->failed = true;
	else
		wr_patch_u16(w, at, (uint16_t)(count + by));
}

static void skip_ranges(struct reader *r, uint16_t n_ranges)
{
	for (; n_ranges > 0 && !rd_failed(r); n_ranges--)
		for (uint16_t n = rd_u16(r); n > 0 && !rd_failed(r); n--) {
			rd_u8(r);
			rd_skip(r, rd_u16(r));
			rd_skip(r, rd_u16(r));
		}
}

size_t rule_merge_begin(struct writer *w)
{
	size_t at = w->length;
	wr_u16(w, 0);
	return at;
}

void rule_merge_ranges(struct writer *w, size_t count_at, const struct record_affected *from)
{
	if (from->kind != RULE_EVENTS) {
		wr_u16(w, from->kind == RULE_BELOW ? 2 : 1);
		put_event(w, RULE_INTRODUCED, NULL, 0, "0");
		if (from->kind == RULE_BELOW)
			put_event(w, RULE_FIXED, from->rule, from->rule_length, from->fixed);
		if (!wr_failed(w))
			raise_u16(w, count_at, 1);
		return;
	}
	struct reader r = rd_make(from->rule, from->rule_length);
	uint16_t n = rd_u16(&r);
	const uint8_t *start = r.at;
	skip_ranges(&r, n);
	if (rd_failed(&r))
		return;
	wr_bytes(w, start, (size_t)(r.at - start));
	if (!wr_failed(w))
		raise_u16(w, count_at, n);
}

size_t rule_merge_versions_begin(struct writer *w)
{
	size_t at = w->length;
	wr_u32(w, 0);
	return at;
}

void rule_merge_versions(struct writer *w, size_t count_at, const struct record_affected *from)
{
	if (from->kind != RULE_EVENTS || wr_failed(w))
		return;
	struct reader r = rd_make(from->rule, from->rule_length), count = rd_make(w->data + count_at, 4);
	skip_ranges(&r, rd_u16(&r));
	uint32_t n = rd_u32(&r);
	wr_bytes(w, r.at, rd_left(&r));
	if (!wr_failed(w))
		wr_patch_u32(w, count_at, rd_u32(&count) + n);
}
