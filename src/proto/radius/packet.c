/* SPDX-License-Identifier: ISC */
/*
 * RADIUS packets: bytes to attributes and back.
 *
 * Why not FreeRADIUS's own library (libfreeradius-dev 3.2.1, LGPL), which was tried first: it encodes well
 * (2.8 us a signed request) and reads its dictionaries in 18 ms. But
 *  - hostile replies make it leak: of 20,000 random packets with well-formed attribute lengths, rad_decode()
 * lost a digest context for each of 1,234 (AddressSanitizer, Tunnel-Password with a wrong length), so whoever
 *    can make a home server send an attribute can make the concentrator grow;
 *  - dictionary, random pool, debug level, attribute limit and error text are process-wide variables,
 * randomness cannot be given as an argument, and so nothing is repeatable in a test; its packet carries a
 * socket;
 *  - rad_verify() accepts a reply without Message-Authenticator, which is what CVE-2024-3596 needs;
 *  - a failed decode gives one text without the attribute's place;
 *  - Debian's development package does not compile (autoconf.h includes an automask.h that is not shipped,
 * and talloc.h and pcre.h come from packages that it does not depend on), its library lies in a private
 * directory without a soname, and brings libpcap, libdbus and libsystemd into the process that reads peers'
 * bytes. What is kept of it are its dictionary files (dictionary.h).
 */
#include "proto/radius/radius.h"

#include <errno.h>
#include <string.h>

#define ATTRIBUTE_HEADER 2
#define VENDOR_ID_SIZE 4

/* Vendors whose attributes have the form that RFC 2865, 5.26 suggests, and that we read. */
static bool is_known_vendor(uint32_t vendor)
{
	return vendor == RADIUS_VENDOR_MICROSOFT || vendor == RADIUS_VENDOR_WISPR;
}

/* Whether String is a sequence of (type, length, value) that fills it. */
static bool is_vendor_sequence(struct reader r)
{
	if (rd_left(&r) == 0)
		return false;
	while (rd_left(&r)) {
		(void)rd_u8(&r);
		uint8_t length = rd_u8(&r);
		if (length < ATTRIBUTE_HEADER)
			return false;
		rd_skip(&r, length - ATTRIBUTE_HEADER);
	}
	return !rd_failed(&r);
}

static int check_attribute(struct reader *r, struct radius_packet *p, struct error *err)
{
	size_t offset = (size_t)(r->at - p->bytes);
	uint8_t type = rd_u8(r), length = rd_u8(r);
	if (rd_failed(r) || length < ATTRIBUTE_HEADER || (size_t)length - ATTRIBUTE_HEADER > rd_left(r))
		return error_set(err, -EINVAL, "attribute %u at byte %zu: its length %u does not fit", type,
		        offset, length);
	rd_skip(r, length - ATTRIBUTE_HEADER);
	if (type != RADIUS_MESSAGE_AUTHENTICATOR)
		return 0;
	if (length != ATTRIBUTE_HEADER + RADIUS_AUTHENTICATOR_SIZE || p->message_authenticator)
		return error_set(err, -EINVAL, "Message-Authenticator at byte %zu: %s", offset,
		        p->message_authenticator ? "there are two" : "it does not have 16 bytes");
	p->message_authenticator = offset + ATTRIBUTE_HEADER;
	return 0;
}

int radius_parse(const void *bytes, size_t length, struct radius_packet *ret, struct error *err)
{
	struct reader r = rd_make(bytes, length);
	struct radius_packet p = { .bytes = bytes };
	p.code = rd_u8(&r);
	p.id = rd_u8(&r);
	p.length = rd_u16(&r);
	p.authenticator = rd_bytes(&r, RADIUS_AUTHENTICATOR_SIZE);
	if (rd_failed(&r) || p.length < RADIUS_PACKET_MIN || p.length > RADIUS_PACKET_MAX ||
	        p.length > length)
		return error_set(err, -EINVAL, "its length %zu does not fit the %zu bytes that came",
		        p.length, length);
	r = rd_make(p.bytes + RADIUS_PACKET_MIN, p.length - RADIUS_PACKET_MIN);
	while (rd_left(&r)) {
		int e = check_attribute(&r, &p, err);
		if (e < 0)
			return e;
		if (++p.n_attributes > RADIUS_ATTRIBUTES_MAX)
			return error_set(
			        err, -EINVAL, "it has more than %d attributes", RADIUS_ATTRIBUTES_MAX);
	}
	*ret = p;
	return 0;
}

struct radius_walk radius_begin(const struct radius_packet *p)
{
	return (struct radius_walk){ .rest = rd_make(
		                             p->bytes + RADIUS_PACKET_MIN, p->length - RADIUS_PACKET_MIN) };
}

static void take(struct reader *r, struct radius_attribute *a)
{
	a->type = rd_u8(r);
	a->length = (uint8_t)(rd_u8(r) - ATTRIBUTE_HEADER);
	a->value = rd_bytes(r, a->length);
}

bool radius_next(struct radius_walk *w, struct radius_attribute *ret)
{
	struct radius_attribute a = { 0 };
	if (rd_left(&w->vendor_rest)) {
		a.vendor = w->vendor;
		take(&w->vendor_rest, &a);
		*ret = a;
		return true;
	}
	if (!rd_left(&w->rest))
		return false;
	take(&w->rest, &a);
	*ret = a;
	if (a.type != RADIUS_VENDOR_SPECIFIC || a.length < VENDOR_ID_SIZE)
		return true;
	struct reader inner = rd_make(a.value, a.length);
	w->vendor = rd_u32(&inner);
	if (is_known_vendor(w->vendor) && is_vendor_sequence(inner)) {
		w->vendor_rest = inner;
		return radius_next(w, ret);
	}
	*ret = (struct radius_attribute){
		.vendor = w->vendor, .length = (uint8_t)inner.left, .value = inner.at
	};
	return true;
}

bool radius_find(const struct radius_packet *p, uint32_t vendor, uint8_t type, struct radius_attribute *ret)
{
	struct radius_attribute a;
	for (struct radius_walk w = radius_begin(p); radius_next(&w, &a);) {
		if (a.vendor == vendor && a.type == type) {
			*ret = a;
			return true;
		}
	}
	return false;
}

int radius_concatenate(const struct radius_packet *p, uint8_t type, uint8_t *ret, size_t size)
{
	struct radius_attribute a;
	size_t length = 0;
	for (struct radius_walk w = radius_begin(p); radius_next(&w, &a);) {
		if (a.vendor || a.type != type)
			continue;
		if (a.length > size - length)
			return -E2BIG;
		if (a.length)
			memcpy(ret + length, a.value, a.length);
		length += a.length;
	}
	return (int)length;
}
