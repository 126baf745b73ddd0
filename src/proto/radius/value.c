/* SPDX-License-Identifier: ISC */
/* The values of attributes: RFC 8044's data types, as far as they are used. */
#include "proto/radius/radius.h"

#include <errno.h>
#include <string.h>

int radius_get_u32(const struct radius_attribute *a, uint32_t *ret)
{
	if (a->length != 4)
		return -EINVAL;
	struct reader r = rd_make(a->value, a->length);
	*ret = rd_u32(&r);
	return 0;
}

int radius_get_text(const struct radius_attribute *a, char ret[RADIUS_VALUE_MAX + 1])
{
	if (a->length > RADIUS_VALUE_MAX || (a->length && memchr(a->value, '\0', a->length)))
		return -EINVAL;
	if (a->length)
		memcpy(ret, a->value, a->length);
	ret[a->length] = '\0';
	return 0;
}

int radius_get_ipv4(const struct radius_attribute *a, struct ip_address *ret)
{
	if (a->length != 4)
		return -EINVAL;
	*ret = (struct ip_address){ .bytes = { [10] = 0xff, [11] = 0xff } };
	memcpy(ret->bytes + 12, a->value, 4);
	return 0;
}

int radius_get_ipv6(const struct radius_attribute *a, struct ip_address *ret)
{
	if (a->length != 16)
		return -EINVAL;
	memcpy(ret->bytes, a->value, 16);
	return 0;
}

int radius_get_prefix(const struct radius_attribute *a, struct ip_prefix *ret)
{
	struct reader r = rd_make(a->value, a->length);
	(void)rd_u8(&r); /* reserved */
	struct ip_prefix p = { .length = rd_u8(&r) };
	size_t n = rd_left(&r);
	const uint8_t *bytes = rd_bytes(&r, n);
	/* RFC 3162, 2.3: as many bytes as the prefix needs, or more. */
	if (rd_failed(&r) || p.length > 128 || n > 16 || n * 8 < p.length)
		return -EINVAL;
	if (n)
		memcpy(p.address.bytes, bytes, n);
	for (unsigned bit = p.length; bit < 128; bit++)
		if (p.address.bytes[bit / 8] & (0x80 >> (bit % 8)))
			return -EINVAL;
	*ret = p;
	return 0;
}

void radius_write_header(
        struct writer *w, uint8_t code, uint8_t id, const uint8_t authenticator[RADIUS_AUTHENTICATOR_SIZE])
{
	wr_u8(w, code);
	wr_u8(w, id);
	wr_u16(w, RADIUS_PACKET_MIN);
	wr_bytes(w, authenticator, RADIUS_AUTHENTICATOR_SIZE);
}

void radius_write(struct writer *w, uint8_t type, const void *value, size_t length)
{
	if (length > RADIUS_VALUE_MAX) {
		w->failed = true;
		return;
	}
	wr_u8(w, type);
	wr_u8(w, (uint8_t)(length + 2));
	wr_bytes(w, value, length);
}

void radius_write_u32(struct writer *w, uint8_t type, uint32_t value)
{
	wr_u8(w, type);
	wr_u8(w, 6);
	wr_u32(w, value);
}

void radius_write_text(struct writer *w, uint8_t type, const char *text)
{
	radius_write(w, type, text, strnlen(text, RADIUS_VALUE_MAX));
}

void radius_write_vendor(struct writer *w, uint32_t vendor, uint8_t type, const void *value, size_t length)
{
	if (length > RADIUS_VENDOR_VALUE_MAX) {
		w->failed = true;
		return;
	}
	wr_u8(w, RADIUS_VENDOR_SPECIFIC);
	wr_u8(w, (uint8_t)(length + 8));
	wr_u32(w, vendor);
	wr_u8(w, type);
	wr_u8(w, (uint8_t)(length + 2));
	wr_bytes(w, value, length);
}

void radius_write_tagged_u32(struct writer *w, uint8_t type, uint32_t value)
{
	radius_write_u32(w, type, value & 0xffffff);
}

void radius_write_prefix(struct writer *w, uint8_t type, const struct ip_prefix *prefix)
{
	size_t n = (prefix->length + 7u) / 8;
	wr_u8(w, type);
	wr_u8(w, (uint8_t)(4 + n));
	wr_u8(w, 0);
	wr_u8(w, prefix->length);
	wr_bytes(w, prefix->address.bytes, n);
}

void radius_write_long(struct writer *w, uint8_t type, const void *value, size_t length)
{
	for (size_t at = 0; at < length; at += RADIUS_VALUE_MAX)
		radius_write(
		        w, type, (const uint8_t *)value + at, MIN(length - at, (size_t)RADIUS_VALUE_MAX));
}

void radius_write_message_authenticator(struct writer *w)
{
	wr_u8(w, RADIUS_MESSAGE_AUTHENTICATOR);
	wr_u8(w, 2 + RADIUS_AUTHENTICATOR_SIZE);
	wr_zero(w, RADIUS_AUTHENTICATOR_SIZE);
}
