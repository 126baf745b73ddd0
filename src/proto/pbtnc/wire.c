/* SPDX-License-Identifier: ISC */
/* The encoding of batches and messages (RFC 5793 section 4). Offsets in errors count from the start of the
 * batch. */
#include "proto/pbtnc/session.h"

#include <string.h>

void pbtnc_write_batch(
        struct writer *w, enum pbtnc_role role, enum pbtnc_batch_type type, const void *messages, size_t n)
{
	wr_u8(w, PBTNC_VERSION);
	wr_u8(w, role == PBTNC_SERVER ? PBTNC_FROM_SERVER : 0);
	wr_u8(w, 0);
	wr_u8(w, type);
	wr_u32(w, (uint32_t)(PBTNC_BATCH_HEADER_SIZE + n));
	wr_bytes(w, messages, n);
}

/* Which types carry NOSKIP is fixed by each one's clause: 4.5, 4.6 and 4.9 demand it, 4.7, 4.8, 4.10 and 4.11
 * forbid it. */
enum noskip { NOSKIP_EITHER, NOSKIP_SET, NOSKIP_CLEAR };
static const struct {
	uint8_t min, noskip;
	bool exact;
} shapes[PBTNC_N_MESSAGE_TYPES] = {
	[PBTNC_EXPERIMENTAL] = { 12, NOSKIP_EITHER },
	[PBTNC_PA] = { 24, NOSKIP_SET },
	[PBTNC_ASSESSMENT_RESULT] = { 16, NOSKIP_SET, true },
	[PBTNC_ACCESS_RECOMMENDATION] = { 16, NOSKIP_CLEAR, true },
	[PBTNC_REMEDIATION_PARAMETERS] = { 20, NOSKIP_CLEAR },
	[PBTNC_ERROR] = { 20, NOSKIP_SET },
	[PBTNC_LANGUAGE_PREFERENCE] = { 12, NOSKIP_CLEAR },
	[PBTNC_REASON_STRING] = { 17, NOSKIP_CLEAR },
};

size_t pbtnc_begin_message(struct writer *w, enum pbtnc_message_type type)
{
	size_t at = w->length;
	wr_u8(w, shapes[type].noskip == NOSKIP_SET ? PBTNC_FLAG_NOSKIP : 0);
	wr_u24(w, PBTNC_VENDOR_IETF);
	wr_u32(w, type);
	wr_u32(w, 0);
	return at;
}

void pbtnc_end_message(struct writer *w, size_t at)
{
	wr_patch_u32(w, at + 8, (uint32_t)(w->length - at));
}

void pbtnc_write_error(struct writer *w, const struct pbtnc_error *error)
{
	size_t at = pbtnc_begin_message(w, PBTNC_ERROR);
	wr_u8(w, error->fatal ? PBTNC_FLAG_FATAL : 0);
	wr_u24(w, error->vendor);
	wr_u16(w, error->code);
	wr_u16(w, 0);
	if (error->vendor == PBTNC_VENDOR_IETF) {
		if (error->code == PBTNC_E_INVALID_PARAMETER ||
		        error->code == PBTNC_E_UNSUPPORTED_MANDATORY_MESSAGE)
			wr_u32(w, error->offset);
		if (error->code == PBTNC_E_VERSION_NOT_SUPPORTED) {
			wr_u8(w, error->bad_version);
			wr_u8(w, PBTNC_VERSION);
			wr_u8(w, PBTNC_VERSION);
			wr_u8(w, 0);
		}
	}
	pbtnc_end_message(w, at);
}

static bool refuse(struct pbtnc_error *problem, enum pbtnc_error_code code, size_t offset)
{
	*problem = (struct pbtnc_error){ .fatal = true, .code = code, .offset = (uint32_t)offset };
	return false;
}

static bool check_shape(const struct pbtnc_message *m, struct pbtnc_error *problem)
{
	if (m->vendor != PBTNC_VENDOR_IETF || m->type >= PBTNC_N_MESSAGE_TYPES ||
	        m->type == PBTNC_EXPERIMENTAL) {
		/* PB-Experimental is nothing that this side understands either. */
		if (m->flags & PBTNC_FLAG_NOSKIP)
			return refuse(problem, PBTNC_E_UNSUPPORTED_MANDATORY_MESSAGE, m->offset);
		return true;
	}
	bool noskip = m->flags & PBTNC_FLAG_NOSKIP;
	if (shapes[m->type].noskip == (noskip ? NOSKIP_CLEAR : NOSKIP_SET))
		return refuse(problem, PBTNC_E_INVALID_PARAMETER, m->offset);
	if (shapes[m->type].exact ? m->length != shapes[m->type].min : m->length < shapes[m->type].min)
		return refuse(problem, PBTNC_E_INVALID_PARAMETER, m->offset + 8);
	return true;
}

bool pbtnc_read_message(
        struct reader *r, const uint8_t *start, struct pbtnc_message *ret, struct pbtnc_error *problem)
{
	struct pbtnc_message m = { .offset = (size_t)(r->at - start) };
	if (rd_left(r) < PBTNC_MESSAGE_HEADER_SIZE)
		return refuse(problem, PBTNC_E_INVALID_PARAMETER, m.offset);
	m.flags = rd_u8(r);
	m.vendor = rd_u24(r);
	m.type = rd_u32(r);
	m.length = rd_u32(r);
	if (m.length < PBTNC_MESSAGE_HEADER_SIZE || m.length - PBTNC_MESSAGE_HEADER_SIZE > rd_left(r))
		return refuse(problem, PBTNC_E_INVALID_PARAMETER, m.offset + 8);
	m.body = rd_sub(r, m.length - PBTNC_MESSAGE_HEADER_SIZE);
	if (m.vendor == PBTNC_VENDOR_RESERVED)
		return refuse(problem, PBTNC_E_INVALID_PARAMETER, m.offset + 1);
	if (m.type == PBTNC_TYPE_RESERVED)
		return refuse(problem, PBTNC_E_INVALID_PARAMETER, m.offset + 4);
	if (!check_shape(&m, problem))
		return false;
	*ret = m;
	return true;
}

/* Text of n bytes without a NUL; a reader that has failed stays failed. */
static struct pbtnc_text read_text(struct reader *r, size_t n)
{
	struct reader before = *r;
	const uint8_t *at = rd_bytes(r, n);
	if (!at)
		return (struct pbtnc_text){ 0 };
	const uint8_t *nul = n ? memchr(at, 0, n) : NULL;
	if (nul || n > PBTNC_TEXT_MAX) {
		*r = before;
		rd_skip(r, nul ? (size_t)(nul - at) : 0);
		const uint8_t *where = r->at;
		rd_fail(r);
		r->at = where;
		return (struct pbtnc_text){ 0 };
	}
	return (struct pbtnc_text){ .at = (const char *)at, .length = n };
}

static bool read_pa(struct reader *r, struct pbtnc_event *ret, const uint8_t **bad)
{
	const uint8_t *start = r->at;
	struct pbtnc_pa *pa = &ret->pa;
	ret->kind = PBTNC_EVENT_PA;
	pa->exclusive = rd_u8(r) & PBTNC_FLAG_EXCL;
	pa->vendor = rd_u24(r);
	pa->subtype = rd_u32(r);
	pa->collector = rd_u16(r);
	pa->validator = rd_u16(r);
	pa->length = rd_left(r);
	pa->body = rd_bytes(r, pa->length);
	*bad = pa->vendor == PBTNC_VENDOR_RESERVED ? start + 1 : start + 4;
	return pa->vendor != PBTNC_VENDOR_RESERVED && pa->subtype != PBTNC_TYPE_RESERVED;
}

static bool read_remediation(struct reader *r, struct pbtnc_event *ret)
{
	struct pbtnc_remediation *m = &ret->remediation;
	ret->kind = PBTNC_EVENT_REMEDIATION;
	rd_skip(r, 1);
	m->vendor = rd_u24(r);
	m->type = rd_u32(r);
	m->bytes = r->at;
	m->length = rd_left(r);
	if (m->vendor != PBTNC_VENDOR_IETF)
		return true;
	if (m->type == PBTNC_REMEDIATION_URI) {
		m->text = read_text(r, rd_left(r));
	} else if (m->type == PBTNC_REMEDIATION_STRING) {
		m->text = read_text(r, rd_u32(r));
		m->language = read_text(r, rd_u8(r));
		return !rd_failed(r) && rd_left(r) == 0;
	}
	return !rd_failed(r);
}

static bool read_error(struct reader *r, struct pbtnc_event *ret)
{
	struct pbtnc_error *e = &ret->error;
	ret->kind = PBTNC_EVENT_ERROR;
	e->fatal = rd_u8(r) & PBTNC_FLAG_FATAL;
	e->vendor = rd_u24(r);
	e->code = rd_u16(r);
	rd_skip(r, 2);
	if (e->vendor != PBTNC_VENDOR_IETF)
		return !rd_failed(r);
	if (e->code == PBTNC_E_INVALID_PARAMETER || e->code == PBTNC_E_UNSUPPORTED_MANDATORY_MESSAGE)
		e->offset = rd_u32(r);
	if (e->code == PBTNC_E_VERSION_NOT_SUPPORTED) {
		e->bad_version = rd_u8(r);
		e->max_version = rd_u8(r);
		e->min_version = rd_u8(r);
		rd_skip(r, 1);
	}
	return !rd_failed(r);
}

static bool read_reason(struct reader *r, struct pbtnc_event *ret)
{
	ret->kind = PBTNC_EVENT_REASON;
	ret->text = read_text(r, rd_u32(r));
	ret->language = read_text(r, rd_u8(r));
	return !rd_failed(r) && rd_left(r) == 0;
}

bool pbtnc_read_event(const struct pbtnc_message *m, struct pbtnc_event *ret, size_t *ret_offset)
{
	struct reader r = m->body;
	const uint8_t *bad = NULL;
	uint32_t value;
	bool good = true;
	*ret = (struct pbtnc_event){ 0 };
	switch ((enum pbtnc_message_type)m->type) {
	case PBTNC_PA:
		good = read_pa(&r, ret, &bad);
		break;
	case PBTNC_ASSESSMENT_RESULT:
		value = rd_u32(&r);
		ret->kind = PBTNC_EVENT_RESULT;
		ret->assessment = (enum pbtnc_assessment)value;
		bad = m->body.at;
		good = value <= PBTNC_ASSESSMENT_UNKNOWN;
		break;
	case PBTNC_ACCESS_RECOMMENDATION:
		value = rd_u32(&r) & 0xffff;
		ret->kind = PBTNC_EVENT_RECOMMENDATION;
		ret->recommendation = (enum pbtnc_recommendation)value;
		bad = m->body.at + 2;
		good = value >= PBTNC_ACCESS_ALLOWED && value <= PBTNC_ACCESS_QUARANTINED;
		break;
	case PBTNC_REMEDIATION_PARAMETERS:
		good = read_remediation(&r, ret);
		break;
	case PBTNC_ERROR:
		good = read_error(&r, ret);
		break;
	case PBTNC_LANGUAGE_PREFERENCE:
		ret->kind = PBTNC_EVENT_LANGUAGE;
		ret->text = read_text(&r, rd_left(&r));
		good = !rd_failed(&r);
		break;
	case PBTNC_REASON_STRING:
		good = read_reason(&r, ret);
		break;
	default:
		good = false;
	}
	if (!good)
		*ret_offset =
		        m->offset + PBTNC_MESSAGE_HEADER_SIZE + (size_t)((bad ? bad : r.at) - m->body.at);
	return good;
}
