/* SPDX-License-Identifier: ISC */
/* The PA-TNC Error attribute: RFC 5792 4.2.8 and, for codes 4 to 8, RFC 8412 5.16. */
#include "proto/patnc/field.h"

#include <errno.h>
#include <string.h>

static void read_information(struct reader *r, struct patnc_error *e)
{
	const uint8_t *header;
	switch (e->vendor == PATNC_VENDOR_IETF ? e->code : 0) {
	case PATNC_E_INVALID_PARAMETER:
	case PATNC_E_VERSION_NOT_SUPPORTED:
	case PATNC_E_ATTRIBUTE_TYPE_NOT_SUPPORTED:
		header = rd_bytes(r, sizeof(e->header));
		if (header)
			memcpy(e->header, header, sizeof(e->header));
		if (e->code == PATNC_E_INVALID_PARAMETER) {
			e->offset = rd_u32(r);
		} else if (e->code == PATNC_E_VERSION_NOT_SUPPORTED) {
			e->max_version = rd_u8(r);
			e->min_version = rd_u8(r);
			rd_skip(r, 2);
		} else {
			e->attribute_flags = rd_u8(r);
			e->attribute_vendor = rd_u24(r);
			e->attribute_type = rd_u32(r);
		}
		break;
	case PATNC_E_SWIMA_RESPONSE_TOO_LARGE:
		e->request_id = rd_u32(r);
		e->maximum_size = rd_u32(r);
		e->description = patnc_read_text(r, rd_left(r));
		break;
	case PATNC_E_SWIMA_SUBSCRIPTION_FULFILLMENT:
		e->request_id = rd_u32(r);
		rd_skip(r, 1);
		e->sub_vendor = rd_u24(r);
		e->sub_code = rd_u32(r);
		e->length = rd_left(r);
		e->bytes = rd_bytes(r, e->length);
		break;
	case PATNC_E_SWIMA_ERROR:
	case PATNC_E_SWIMA_SUBSCRIPTION_DENIED:
	case PATNC_E_SWIMA_SUBSCRIPTION_ID_REUSE:
		e->request_id = rd_u32(r);
		e->description = patnc_read_text(r, rd_left(r));
		break;
	default:
		e->length = rd_left(r);
		e->bytes = rd_bytes(r, e->length);
	}
}

int patnc_get_error(const struct patnc_attribute *a, struct patnc_error *ret)
{
	struct reader r = patnc_value(a);
	struct patnc_error e = { 0 };
	rd_skip(&r, 1);
	e.vendor = rd_u24(&r);
	e.code = rd_u32(&r);
	read_information(&r, &e);
	if (rd_failed(&r))
		return -EBADMSG; /* what follows the known fields is a later version's and ignored */
	*ret = e;
	return 0;
}

static void write_information(struct writer *w, const struct patnc_error *e)
{
	switch (e->vendor == PATNC_VENDOR_IETF ? e->code : 0) {
	case PATNC_E_INVALID_PARAMETER:
		wr_bytes(w, e->header, sizeof(e->header));
		wr_u32(w, e->offset);
		break;
	case PATNC_E_VERSION_NOT_SUPPORTED:
		wr_bytes(w, e->header, sizeof(e->header));
		wr_u8(w, e->max_version);
		wr_u8(w, e->min_version);
		wr_u16(w, 0);
		break;
	case PATNC_E_ATTRIBUTE_TYPE_NOT_SUPPORTED:
		wr_bytes(w, e->header, sizeof(e->header));
		wr_u8(w, e->attribute_flags);
		wr_u24(w, e->attribute_vendor);
		wr_u32(w, e->attribute_type);
		break;
	case PATNC_E_SWIMA_RESPONSE_TOO_LARGE:
		wr_u32(w, e->request_id);
		wr_u32(w, e->maximum_size);
		wr_bytes(w, e->description.at, e->description.length);
		break;
	case PATNC_E_SWIMA_SUBSCRIPTION_FULFILLMENT:
		wr_u32(w, e->request_id);
		wr_u8(w, 0);
		wr_u24(w, e->sub_vendor);
		wr_u32(w, e->sub_code);
		wr_bytes(w, e->bytes, e->length);
		break;
	case PATNC_E_SWIMA_ERROR:
	case PATNC_E_SWIMA_SUBSCRIPTION_DENIED:
	case PATNC_E_SWIMA_SUBSCRIPTION_ID_REUSE:
		wr_u32(w, e->request_id);
		wr_bytes(w, e->description.at, e->description.length);
		break;
	default:
		wr_bytes(w, e->bytes, e->length);
	}
}

void patnc_put_error(struct writer *w, const struct patnc_error *error)
{
	size_t at = patnc_begin_attribute(w, PATNC_VENDOR_IETF, PATNC_ERROR, false);
	wr_u8(w, 0);
	wr_u24(w, error->vendor);
	wr_u32(w, error->code);
	write_information(w, error);
	patnc_end_attribute(w, at);
}

const char *patnc_error_text(uint32_t vendor, uint32_t code)
{
	static const char *const texts[] = {
		[PATNC_E_INVALID_PARAMETER] = "invalid parameter",
		[PATNC_E_VERSION_NOT_SUPPORTED] = "version not supported",
		[PATNC_E_ATTRIBUTE_TYPE_NOT_SUPPORTED] = "attribute type not supported",
		[PATNC_E_SWIMA_ERROR] = "software inventory error",
		[PATNC_E_SWIMA_SUBSCRIPTION_DENIED] = "software inventory subscription denied",
		[PATNC_E_SWIMA_RESPONSE_TOO_LARGE] = "software inventory too large",
		[PATNC_E_SWIMA_SUBSCRIPTION_FULFILLMENT] =
		        "software inventory subscription cannot be fulfilled",
		[PATNC_E_SWIMA_SUBSCRIPTION_ID_REUSE] = "software inventory subscription id is in use",
	};
	if (vendor != PATNC_VENDOR_IETF || code == 0 || code >= ARRAY_LENGTH(texts))
		return "an error that is not known here";
	return texts[code];
}
