/* SPDX-License-Identifier: ISC */
#include "vuln/record.h"

#include <errno.h>

#define OFFERED_AT 3

static void put_names(struct writer *w, const char *const *names, size_t n, size_t most)
{
	n = MIN(n, most);
	wr_u16(w, (uint16_t)n);
	size_t at = w->length;
	wr_u32(w, 0);
	for (size_t i = 0; i < n; i++)
		wr_string(w, names[i], RECORD_ID_MAX - 1);
	if (!wr_failed(w))
		wr_patch_u32(w, at, (uint32_t)(w->length - at - 4));
}

void record_begin(struct record_writer *rw, const struct record_head *head)
{
	struct writer *w = &rw->w;
	wr_u8(w, RECORD_FORMAT);
	wr_u8(w, head->withdrawn ? RECORD_WITHDRAWN : 0);
	wr_u8(w, (uint8_t)head->severity);
	wr_u8(w, VULN_SEVERITY_UNKNOWN);
	wr_u64(w, (uint64_t)head->published);
	wr_u64(w, (uint64_t)head->modified);
	wr_string(w, head->id, RECORD_ID_MAX - 1);
	wr_string(w, head->source, RECORD_SOURCE_MAX - 1);
	wr_string(w, head->summary, RECORD_SUMMARY_MAX);
	put_names(w, head->aliases, head->n_aliases, RECORD_ALIASES_MAX);
	put_names(w, head->related, head->n_related, RECORD_RELATED_MAX);
	rw->count_at = w->length;
	rw->n_affected = 0;
	rw->withdrawn = head->withdrawn;
	rw->severity = head->severity;
	rw->highest = VULN_SEVERITY_UNKNOWN;
	wr_u32(w, 0);
}

void record_add_affected(struct record_writer *rw, const struct record_affected *a)
{
	struct writer *w = &rw->w;
	wr_u8(w, a->by_binary);
	wr_u8(w, (uint8_t)a->status);
	wr_string(w, a->ecosystem, ECOSYSTEM_NAME_MAX - 1);
	wr_string(w, a->package, PACKAGE_NAME_MAX - 1);
	wr_u8(w, (uint8_t)a->severity);
	wr_string(w, a->fixed, VERSION_MAX);
	wr_string(w, a->justification ? a->justification : "", RECORD_JUSTIFICATION_MAX);
	wr_u8(w, (uint8_t)a->kind);
	wr_u32(w, (uint32_t)a->rule_length);
	wr_bytes(w, a->rule, a->rule_length);
	rw->n_affected++;
	if (a->status == VULN_AFFECTED)
		rw->highest = MAX(rw->highest, a->severity);
}

bool record_end(struct record_writer *rw)
{
	if (wr_failed(&rw->w) || rw->n_affected > RECORD_AFFECTED_MAX)
		return false;
	wr_patch_u32(&rw->w, rw->count_at, rw->n_affected);
	if (!rw->withdrawn)
		rw->w.data[OFFERED_AT] = (uint8_t)(rw->severity ? rw->severity : rw->highest);
	return true;
}

static size_t take_names(struct reader *r, struct reader *ret)
{
	size_t n = rd_u16(r);
	size_t length = rd_u32(r);
	*ret = rd_sub(r, length);
	return n;
}

int record_read(const void *bytes, size_t length, struct record *ret)
{
	struct reader r = rd_make(bytes, length);
	if (rd_u8(&r) != RECORD_FORMAT)
		return -EBADMSG;
	ret->withdrawn = rd_u8(&r) & RECORD_WITHDRAWN;
	ret->severity = (enum vuln_severity)rd_u8(&r);
	ret->offered = (enum vuln_severity)rd_u8(&r);
	ret->published = (time_ms)rd_u64(&r);
	ret->modified = (time_ms)rd_u64(&r);
	ret->id = rd_string(&r);
	ret->source = rd_string(&r);
	ret->summary = rd_string(&r);
	ret->n_aliases = take_names(&r, &ret->aliases);
	ret->n_related = take_names(&r, &ret->related);
	ret->n_affected = rd_u32(&r);
	ret->affected = r;
	return rd_failed(&r) || ret->severity > VULN_SEVERITY_CRITICAL ||
	                ret->offered > VULN_SEVERITY_CRITICAL
	        ? -EBADMSG
	        : 0;
}

const char *record_next_name(struct reader *names)
{
	if (rd_left(names) == 0)
		return NULL;
	const char *name = rd_string(names);
	return rd_failed(names) ? NULL : name;
}

bool record_next_affected(struct reader *r, struct record_affected *ret)
{
	if (rd_left(r) == 0)
		return false;
	ret->by_binary = rd_u8(r);
	ret->status = (enum vuln_status)rd_u8(r);
	ret->ecosystem = rd_string(r);
	ret->package = rd_string(r);
	ret->severity = (enum vuln_severity)rd_u8(r);
	ret->fixed = rd_string(r);
	ret->justification = rd_string(r);
	ret->kind = (enum rule_kind)rd_u8(r);
	ret->rule_length = rd_u32(r);
	ret->rule = rd_bytes(r, ret->rule_length);
	return !rd_failed(r) && ret->kind <= RULE_EVENTS && ret->severity <= VULN_SEVERITY_CRITICAL &&
	        ret->status <= VULN_NOT_AFFECTED;
}
