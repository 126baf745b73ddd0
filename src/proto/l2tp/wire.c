/* SPDX-License-Identifier: ISC */
/*
 * Control messages on the wire. What each AVP of RFC 2661 4.4 looks like is one row; reading keeps the value
 * of the first of each kind in place and notes what the receiver has to act on (4.1, 4.2, 7.1): an AVP that
 * is unknown, has reserved bits or a length that does not fit ends the session or tunnel only where its M bit
 * is set.
 */
#include "proto/l2tp/wire.h"

#include <string.h>

#define AVP_MANDATORY 0x8000u
#define AVP_HIDDEN 0x4000u
#define AVP_RESERVED 0x3c00u
#define AVP_LENGTH 0x03ffu
#define HIDE_PADDING 16 /* hidden values are padded to a multiple, so that their length tells little */

struct avp_kind {
	uint16_t least, most;
	bool known, mandatory, hideable; /* mandatory: the M bit that we send */
};

#define ANY (L2TP_PACKET_MAX)
static const struct avp_kind kinds[L2TP_N_ATTRIBUTES] = {
	/*                                  length      known mandatory hideable */
	[L2TP_MESSAGE_TYPE] = { 2, 2, true, true, false },
	[L2TP_RESULT_CODE] = { 2, ANY, true, true, false },
	[L2TP_PROTOCOL_VERSION_AVP] = { 2, 2, true, true, false },
	[L2TP_FRAMING_CAPABILITIES] = { 4, 4, true, true, true },
	[L2TP_BEARER_CAPABILITIES] = { 4, 4, true, true, true },
	[L2TP_TIE_BREAKER] = { 8, 8, true, false, false },
	[L2TP_FIRMWARE_REVISION] = { 2, 2, true, false, true },
	[L2TP_HOST_NAME] = { 1, ANY, true, true, false },
	[L2TP_VENDOR_NAME] = { 0, ANY, true, false, true },
	[L2TP_ASSIGNED_TUNNEL_ID] = { 2, 2, true, true, true },
	[L2TP_RECEIVE_WINDOW_SIZE] = { 2, 2, true, true, false },
	[L2TP_CHALLENGE] = { 1, ANY, true, true, true },
	[L2TP_CAUSE_CODE] = { 3, ANY, true, true, false },
	[L2TP_CHALLENGE_RESPONSE] = { 16, 16, true, true, true },
	[L2TP_ASSIGNED_SESSION_ID] = { 2, 2, true, true, true },
	[L2TP_CALL_SERIAL_NUMBER] = { 4, 4, true, true, true },
	[L2TP_MINIMUM_BPS] = { 4, 4, true, true, true },
	[L2TP_MAXIMUM_BPS] = { 4, 4, true, true, true },
	[L2TP_BEARER_TYPE] = { 4, 4, true, true, true },
	[L2TP_FRAMING_TYPE] = { 4, 4, true, true, true },
	[L2TP_CALLED_NUMBER] = { 0, ANY, true, true, true },
	[L2TP_CALLING_NUMBER] = { 0, ANY, true, true, true },
	[L2TP_SUB_ADDRESS] = { 0, ANY, true, true, true },
	[L2TP_TX_CONNECT_SPEED] = { 4, 4, true, true, true },
	[L2TP_PHYSICAL_CHANNEL_ID] = { 4, 4, true, false, true },
	[L2TP_INITIAL_RECEIVED_CONFREQ] = { 0, ANY, true, false, true },
	[L2TP_LAST_SENT_CONFREQ] = { 0, ANY, true, false, true },
	[L2TP_LAST_RECEIVED_CONFREQ] = { 0, ANY, true, false, true },
	[L2TP_PROXY_AUTHEN_TYPE] = { 2, 2, true, false, true },
	[L2TP_PROXY_AUTHEN_NAME] = { 0, ANY, true, false, true },
	[L2TP_PROXY_AUTHEN_CHALLENGE] = { 0, ANY, true, false, true },
	[L2TP_PROXY_AUTHEN_ID] = { 2, 2, true, false, true },
	[L2TP_PROXY_AUTHEN_RESPONSE] = { 0, ANY, true, false, true },
	[L2TP_CALL_ERRORS] = { 26, 26, true, true, true },
	[L2TP_ACCM] = { 10, 10, true, true, true },
	[L2TP_RANDOM_VECTOR] = { 1, ANY, true, true, false },
	[L2TP_PRIVATE_GROUP_ID] = { 0, ANY, true, false, true },
	[L2TP_RX_CONNECT_SPEED] = { 4, 4, true, false, true },
	[L2TP_SEQUENCING_REQUIRED] = { 0, 0, true, true, false },
};

bool l2tp_length_is_valid(enum l2tp_attribute attribute, size_t length)
{
	return length >= kinds[attribute].least && length <= kinds[attribute].most;
}

bool l2tp_read_control_header(const uint8_t *p, size_t n, struct l2tp_control_header *ret)
{
	const unsigned required = L2TP_FLAG_CONTROL | L2TP_FLAG_LENGTH | L2TP_FLAG_SEQUENCE;
	if (n < L2TP_CONTROL_HEADER_SIZE || n > L2TP_PACKET_MAX)
		return false;
	struct reader r = rd_make(p, n);
	uint16_t flags = rd_u16(&r);
	/* 3.1: a control message has L and S, and neither O nor P. */
	if ((flags & (required | L2TP_FLAG_OFFSET | L2TP_FLAG_PRIORITY | L2TP_VERSION_MASK)) !=
	        (required | L2TP_VERSION))
		return false;
	*ret = (struct l2tp_control_header){ .length = rd_u16(&r) };
	ret->tunnel = rd_u16(&r);
	ret->session = rd_u16(&r);
	ret->ns = rd_u16(&r);
	ret->nr = rd_u16(&r);
	return ret->length >= L2TP_CONTROL_HEADER_SIZE && ret->length <= n;
}

struct avp {
	uint16_t flags, vendor, attribute;
	struct l2tp_bytes value;
};

/* False: its length does not fit into what is left, so nothing after it can be read either. */
static bool read_avp(struct reader *r, struct avp *ret)
{
	static const uint8_t none;
	ret->flags = rd_u16(r);
	ret->vendor = rd_u16(r);
	ret->attribute = rd_u16(r);
	size_t length = ret->flags & AVP_LENGTH;
	if (rd_failed(r) || length < L2TP_AVP_HEADER_SIZE)
		return false;
	ret->value.length = length - L2TP_AVP_HEADER_SIZE;
	ret->value.bytes = ret->value.length ? rd_bytes(r, ret->value.length) : &none;
	return !rd_failed(r);
}

static bool is_known(const struct avp *a)
{
	return !(a->flags & AVP_RESERVED) && a->vendor == 0 && a->attribute < L2TP_N_ATTRIBUTES &&
	        kinds[a->attribute].known;
}

static void take_avp(struct l2tp_avps *avps, const struct avp *a, struct l2tp_bytes vector)
{
	bool hidden = a->flags & AVP_HIDDEN, mandatory = a->flags & AVP_MANDATORY;
	bool bad_hiding = hidden && (!kinds[a->attribute].hideable || !vector.bytes);
	if (bad_hiding || (!hidden && !l2tp_length_is_valid(a->attribute, a->value.length))) {
		if (mandatory && !avps->error)
			avps->error = bad_hiding ? L2TP_E_VALUE : L2TP_E_LENGTH;
		return;
	}
	if (avps->value[a->attribute].bytes)
		return;
	avps->value[a->attribute] = a->value;
	if (mandatory)
		avps->mandatory |= 1ull << a->attribute;
	if (hidden)
		avps->random_vector[a->attribute] = vector;
}

/* 4.1: Message Type is the first AVP. */
static bool take_message_type(struct l2tp_avps *avps, const struct avp *a)
{
	if (a->attribute != L2TP_MESSAGE_TYPE || a->vendor != 0 || a->value.length != 2 ||
	        a->flags & (AVP_HIDDEN | AVP_RESERVED))
		return false;
	take_avp(avps, a, (struct l2tp_bytes){ 0 });
	avps->type = l2tp_avp_u16(avps, L2TP_MESSAGE_TYPE);
	return true;
}

bool l2tp_read_avps(struct l2tp_avps *ret, const uint8_t *body, size_t n)
{
	memset(ret, 0, offsetof(struct l2tp_avps, plain));
	struct reader r = rd_make(body, n);
	struct l2tp_bytes vector = { 0 };
	struct avp a;
	if (!read_avp(&r, &a) || !take_message_type(ret, &a))
		return false;
	while (rd_left(&r) > 0) {
		if (!read_avp(&r, &a)) {
			ret->error = L2TP_E_LENGTH;
			break;
		}
		if (!is_known(&a)) {
			if (a.flags & AVP_MANDATORY)
				ret->unknown_mandatory = true;
			else
				ret->unknown_optional++;
			continue;
		}
		if (a.attribute == L2TP_RANDOM_VECTOR && a.value.length > 0)
			vector = a.value; /* the latest one counts, 4.3 */
		take_avp(ret, &a, vector);
	}
	return true;
}

uint16_t l2tp_avp_u16(const struct l2tp_avps *avps, enum l2tp_attribute attribute)
{
	struct l2tp_bytes v = avps->value[attribute];
	return v.bytes && v.length >= 2 ? l2tp_get_u16(v.bytes) : 0;
}

uint32_t l2tp_avp_u32(const struct l2tp_avps *avps, enum l2tp_attribute attribute)
{
	struct l2tp_bytes v = avps->value[attribute];
	return v.bytes && v.length >= 4 ? (uint32_t)l2tp_get_u16(v.bytes) << 16 | l2tp_get_u16(v.bytes + 2)
	                                : 0;
}

char *l2tp_avp_text(const struct l2tp_avps *avps, enum l2tp_attribute attribute, size_t skip)
{
	struct l2tp_bytes v = avps->value[attribute];
	size_t n = v.bytes && v.length > skip ? MIN(v.length - skip, (size_t)L2TP_NAME_MAX) : 0;
	char *text = n ? xmalloc(n + 1) : xstrdup("");
	for (size_t i = 0; i < n; i++) {
		uint8_t c = v.bytes[skip + i];
		text[i] = c >= 0x20 && c < 0x7f ? (char)c : '?';
	}
	text[n] = 0;
	return text;
}

void l2tp_build(struct l2tp_builder *b, enum l2tp_type type, uint16_t tunnel, uint16_t session)
{
	wr_reset(b->w);
	wr_u16(b->w, L2TP_FLAG_CONTROL | L2TP_FLAG_LENGTH | L2TP_FLAG_SEQUENCE | L2TP_VERSION);
	wr_u16(b->w, 0);
	wr_u16(b->w, tunnel);
	wr_u16(b->w, session);
	wr_u32(b->w, 0);
	if (type != L2TP_ZLB)
		l2tp_add_u16(b, L2TP_MESSAGE_TYPE, (uint16_t)type);
}

static void write_avp_header(struct l2tp_builder *b, enum l2tp_attribute attribute, uint16_t flags, size_t n)
{
	if (kinds[attribute].mandatory)
		flags |= AVP_MANDATORY;
	wr_u16(b->w, (uint16_t)(flags | (L2TP_AVP_HEADER_SIZE + n)));
	wr_u16(b->w, 0);
	wr_u16(b->w, (uint16_t)attribute);
}

static void add_hidden(struct l2tp_builder *b, enum l2tp_attribute attribute, const void *value, size_t n)
{
	if (!b->vector_written) {
		write_avp_header(b, L2TP_RANDOM_VECTOR, 0, sizeof(b->random_vector));
		wr_bytes(b->w, b->random_vector, sizeof(b->random_vector));
		b->vector_written = true;
	}
	size_t padded = (2 + n + HIDE_PADDING - 1) / HIDE_PADDING * HIDE_PADDING;
	write_avp_header(b, attribute, AVP_HIDDEN, padded);
	size_t at = b->w->length;
	wr_u16(b->w, (uint16_t)n);
	wr_bytes(b->w, value, n);
	wr_zero(b->w, padded - 2 - n);
	if (!wr_failed(b->w))
		l2tp_hide(b->w->data + at, padded, attribute, b->secret, b->secret_length, b->random_vector,
		        sizeof(b->random_vector));
}

void l2tp_add(struct l2tp_builder *b, enum l2tp_attribute attribute, const void *value, size_t n)
{
	if (b->secret_length > 0 && kinds[attribute].hideable) {
		add_hidden(b, attribute, value, n);
		return;
	}
	write_avp_header(b, attribute, 0, n);
	wr_bytes(b->w, value, n);
}

void l2tp_add_u16(struct l2tp_builder *b, enum l2tp_attribute attribute, uint16_t v)
{
	uint8_t bytes[2];
	l2tp_put_u16(bytes, v);
	l2tp_add(b, attribute, bytes, sizeof(bytes));
}

void l2tp_add_u32(struct l2tp_builder *b, enum l2tp_attribute attribute, uint32_t v)
{
	uint8_t bytes[4];
	l2tp_put_u16(bytes, (uint16_t)(v >> 16));
	l2tp_put_u16(bytes + 2, (uint16_t)v);
	l2tp_add(b, attribute, bytes, sizeof(bytes));
}

void l2tp_add_result(struct l2tp_builder *b, uint16_t result, uint16_t error, const char *message)
{
	uint8_t bytes[4 + L2TP_MESSAGE_MAX];
	size_t n = strnlen(message, L2TP_MESSAGE_MAX);
	l2tp_put_u16(bytes, result);
	l2tp_put_u16(bytes + 2, error);
	memcpy(bytes + 4, message, n);
	l2tp_add(b, L2TP_RESULT_CODE, bytes, 4 + n);
}

void l2tp_finish(struct l2tp_builder *b)
{
	wr_patch_u16(b->w, 2, (uint16_t)b->w->length);
}
