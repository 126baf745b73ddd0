/* SPDX-License-Identifier: ISC */
/* The PA-TNC message and attribute frames (RFC 5792 3.6, 4.1). */
#include "proto/patnc/patnc.h"
#include "proto/patnc/pratique.h"

#include <errno.h>
#include <string.h>

#define FLAG_NOSKIP 0x80

struct patnc_text patnc_text(const char *s)
{
	return (struct patnc_text){ .at = s, .length = s ? strlen(s) : 0 };
}

/* PA-Testing (type 0) is for consenting parties and understood by nobody here. */
static bool is_ours(uint32_t vendor, uint32_t type)
{
	if (vendor == PATNC_VENDOR_IETF)
		return type > PATNC_TESTING && type <= PATNC_SOURCE_METADATA_RESPONSE;
	return vendor == PRATIQUE_PEN && type > 0 && type < PRATIQUE_N_TYPES;
}

static int refuse(const struct patnc_message *m, size_t offset, struct patnc_error *ret)
{
	*ret = (struct patnc_error){ .code = PATNC_E_INVALID_PARAMETER, .offset = (uint32_t)offset };
	memcpy(ret->header, m->header, sizeof(ret->header));
	return -EBADMSG;
}

static int read_attribute(struct reader *r, const struct patnc_message *m, struct patnc_attribute *ret,
        struct patnc_error *error)
{
	struct patnc_attribute a = { .offset = (size_t)(r->at - m->start) };
	if (rd_left(r) < PATNC_ATTRIBUTE_HEADER_SIZE)
		return refuse(m, a.offset, error);
	a.flags = rd_u8(r);
	a.noskip = a.flags & FLAG_NOSKIP;
	a.vendor = rd_u24(r);
	a.type = rd_u32(r);
	uint32_t length = rd_u32(r);
	if (a.vendor == PATNC_VENDOR_RESERVED)
		return refuse(m, a.offset + 1, error);
	if (a.type == PATNC_TYPE_RESERVED)
		return refuse(m, a.offset + 4, error);
	if (length < PATNC_ATTRIBUTE_HEADER_SIZE || length - PATNC_ATTRIBUTE_HEADER_SIZE > rd_left(r))
		return refuse(m, a.offset + 8, error);
	a.length = length - PATNC_ATTRIBUTE_HEADER_SIZE;
	a.value = rd_bytes(r, a.length);
	*ret = a;
	return 0;
}

static int refuse_mandatory(
        const struct patnc_message *m, const struct patnc_attribute *a, struct patnc_error *ret)
{
	*ret = (struct patnc_error){ .code = PATNC_E_ATTRIBUTE_TYPE_NOT_SUPPORTED,
		.attribute_flags = a->flags,
		.attribute_vendor = a->vendor,
		.attribute_type = a->type };
	memcpy(ret->header, m->header, sizeof(ret->header));
	return -EBADMSG;
}

static int check_attributes(
        const struct patnc_message *m, bool (*is_known)(uint32_t, uint32_t), struct patnc_error *ret)
{
	struct reader r = m->rest;
	for (size_t count = 0; rd_left(&r); count++) {
		struct patnc_attribute a;
		if (count == PATNC_ATTRIBUTES_MAX)
			return refuse(m, (size_t)(r.at - m->start), ret);
		if (read_attribute(&r, m, &a, ret) < 0)
			return -EBADMSG;
		if (a.noskip && !is_ours(a.vendor, a.type) && !(is_known && is_known(a.vendor, a.type)))
			return refuse_mandatory(m, &a, ret);
	}
	return 0;
}

int patnc_read_message(const void *bytes, size_t n, bool (*is_known)(uint32_t vendor, uint32_t type),
        struct patnc_message *ret, struct patnc_error *ret_error)
{
	struct patnc_message m = { .start = bytes, .rest = rd_make(bytes, n) };
	if (n < PATNC_MESSAGE_HEADER_SIZE) {
		if (n)
			memcpy(m.header, bytes, n);
		return refuse(&m, 0, ret_error);
	}
	memcpy(m.header, bytes, sizeof(m.header));
	uint8_t version = rd_u8(&m.rest);
	rd_skip(&m.rest, 3);
	m.id = rd_u32(&m.rest);
	if (version != PATNC_VERSION) {
		*ret_error = (struct patnc_error){ .code = PATNC_E_VERSION_NOT_SUPPORTED,
			.max_version = PATNC_VERSION,
			.min_version = PATNC_VERSION };
		memcpy(ret_error->header, m.header, sizeof(m.header));
		return -EBADMSG;
	}
	if (check_attributes(&m, is_known, ret_error) < 0)
		return -EBADMSG;
	*ret = m;
	return 0;
}

bool patnc_next_attribute(struct patnc_message *m, struct patnc_attribute *ret)
{
	struct patnc_error error;
	return rd_left(&m->rest) > 0 && read_attribute(&m->rest, m, ret, &error) == 0;
}

struct patnc_error patnc_invalid_attribute(const struct patnc_message *m, const struct patnc_attribute *a)
{
	struct patnc_error error;
	(void)refuse(m, a->offset, &error);
	return error;
}

void patnc_begin_message(struct writer *w, uint32_t id)
{
	wr_u8(w, PATNC_VERSION);
	wr_u24(w, 0);
	wr_u32(w, id);
}

size_t patnc_begin_attribute(struct writer *w, uint32_t vendor, uint32_t type, bool noskip)
{
	size_t at = w->length;
	wr_u8(w, noskip ? FLAG_NOSKIP : 0);
	wr_u24(w, vendor);
	wr_u32(w, type);
	wr_u32(w, 0);
	return at;
}

void patnc_end_attribute(struct writer *w, size_t at)
{
	wr_patch_u32(w, at + 8, (uint32_t)(w->length - at));
}
