/* SPDX-License-Identifier: ISC */
#include "crypto/base64.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static const char base64_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64url_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static size_t encode(const char *alphabet, const uint8_t *in, size_t length, char *text)
{
	char *out = text;
	for (; length >= 3; in += 3, length -= 3) {
		*out++ = alphabet[in[0] >> 2];
		*out++ = alphabet[(in[0] & 3) << 4 | in[1] >> 4];
		*out++ = alphabet[(in[1] & 15) << 2 | in[2] >> 6];
		*out++ = alphabet[in[2] & 63];
	}
	if (length) {
		*out++ = alphabet[in[0] >> 2];
		*out++ = alphabet[(in[0] & 3) << 4 | (length == 2 ? in[1] >> 4 : 0)];
		if (length == 2)
			*out++ = alphabet[(in[1] & 15) << 2];
	}
	*out = '\0';
	return (size_t)(out - text);
}

static int value_of(const char *alphabet, char c)
{
	const char *at = c ? strchr(alphabet, c) : NULL;
	return at ? (int)(at - alphabet) : -1;
}

/* What has been read of the current group of four characters. */
struct base64_state {
	uint32_t bits;
	unsigned characters, padding;
};

static int take(struct base64_state *s, int value, uint8_t *data, size_t size, size_t *length)
{
	s->bits = s->bits << 6 | (uint32_t)value;
	if (++s->characters % 4 == 0) {
		if (size - *length < 3)
			return -EINVAL;
		data[(*length)++] = (uint8_t)(s->bits >> 16);
		data[(*length)++] = (uint8_t)(s->bits >> 8);
		data[(*length)++] = (uint8_t)s->bits;
		s->bits = 0;
	}
	return 0;
}

static int finish(struct base64_state *s, bool padded, uint8_t *data, size_t size, size_t *length)
{
	unsigned rest = s->characters % 4;
	if (rest == 1 || (padded ? (rest + s->padding) % 4 != 0 : s->padding != 0) || s->padding > 2)
		return -EINVAL;
	if (rest == 0)
		return s->padding ? -EINVAL : 0;
	unsigned bytes = rest - 1, unused = rest * 6 - bytes * 8;
	if ((s->bits & ((1u << unused) - 1)) != 0 || size - *length < bytes)
		return -EINVAL;
	for (unsigned i = bytes; i-- > 0;)
		data[(*length)++] = (uint8_t)(s->bits >> (unused + 8 * i));
	return 0;
}

static int decode(const char *alphabet, bool padded, const char *text, size_t text_length, uint8_t *data,
        size_t size, size_t *ret_length)
{
	struct base64_state s = { 0 };
	size_t length = 0;
	for (size_t i = 0; i < text_length; i++) {
		char c = text[i];
		if (padded && (c == '\n' || c == '\r' || c == ' ' || c == '\t'))
			continue;
		if (padded && c == '=' && s.padding < 2) {
			s.padding++;
			continue;
		}
		int value = value_of(alphabet, c);
		if (value < 0 || s.padding || take(&s, value, data, size, &length) < 0)
			return -EINVAL;
	}
	if (finish(&s, padded, data, size, &length) < 0)
		return -EINVAL;
	*ret_length = length;
	return 0;
}

size_t base64url_encode(const void *data, size_t length, char *text)
{
	return encode(base64url_alphabet, data, length, text);
}

int base64url_decode(const char *text, size_t text_length, uint8_t *data, size_t size, size_t *ret_length)
{
	return decode(base64url_alphabet, false, text, text_length, data, size, ret_length);
}

size_t base64_encode(const void *data, size_t length, char *text)
{
	size_t n = encode(base64_alphabet, data, length, text);
	while (n % 4)
		text[n++] = '=';
	text[n] = '\0';
	return n;
}

int base64_decode(const char *text, size_t text_length, uint8_t *data, size_t size, size_t *ret_length)
{
	return decode(base64_alphabet, true, text, text_length, data, size, ret_length);
}
