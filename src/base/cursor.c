/* SPDX-License-Identifier: ISC */
#include "base/cursor.h"

#include <string.h>

const uint8_t *rd_bytes(struct reader *r, size_t n)
{
	if (r->failed || n > r->left) {
		rd_fail(r);
		return NULL;
	}
	const uint8_t *p = r->at;
	if (n)
		r->at += n;
	r->left -= n;
	return p;
}

static inline uint64_t rd_uint(struct reader *r, size_t n)
{
	const uint8_t *p = rd_bytes(r, n);
	uint64_t v = 0;
	for (size_t i = 0; p && i < n; i++)
		v = v << 8 | p[i];
	return v;
}

uint8_t rd_u8(struct reader *r)
{
	return (uint8_t)rd_uint(r, 1);
}

uint16_t rd_u16(struct reader *r)
{
	return (uint16_t)rd_uint(r, 2);
}

uint32_t rd_u24(struct reader *r)
{
	return (uint32_t)rd_uint(r, 3);
}

uint32_t rd_u32(struct reader *r)
{
	return (uint32_t)rd_uint(r, 4);
}

uint64_t rd_u64(struct reader *r)
{
	return rd_uint(r, 8);
}

void rd_skip(struct reader *r, size_t n)
{
	(void)rd_bytes(r, n);
}

struct reader rd_sub(struct reader *r, size_t n)
{
	const uint8_t *p = rd_bytes(r, n);
	struct reader sub = rd_make(p, r->failed ? 0 : n);
	sub.failed = r->failed;
	return sub;
}

void wr_free(struct writer *w)
{
	free(w->data);
	*w = (struct writer){ .limit = w->limit };
}

void wr_reset(struct writer *w)
{
	w->length = 0;
	w->failed = false;
}

uint8_t *wr_room(struct writer *w, size_t n)
{
	if (w->failed || n > w->limit - w->length) {
		w->failed = true;
		return NULL;
	}
	if (w->length + n > w->capacity) {
		size_t wanted = MAX(w->capacity * 2, w->length + n);
		w->capacity = MIN(MAX(wanted, (size_t)64), w->limit);
		w->data = xrealloc_array(w->data, w->capacity, 1);
	}
	uint8_t *p = w->data + w->length;
	w->length += n;
	return p;
}

void wr_bytes(struct writer *w, const void *bytes, size_t n)
{
	if (n == 0)
		return;
	uint8_t *p = wr_room(w, n);
	if (p)
		memcpy(p, bytes, n);
}

static inline void wr_uint(struct writer *w, uint64_t v, size_t n)
{
	uint8_t *p = wr_room(w, n);
	for (size_t i = 0; p && i < n; i++)
		p[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
}

void wr_u8(struct writer *w, uint8_t v)
{
	wr_uint(w, v, 1);
}

void wr_u16(struct writer *w, uint16_t v)
{
	wr_uint(w, v, 2);
}

void wr_u24(struct writer *w, uint32_t v)
{
	wr_uint(w, v, 3);
}

void wr_u32(struct writer *w, uint32_t v)
{
	wr_uint(w, v, 4);
}

void wr_u64(struct writer *w, uint64_t v)
{
	wr_uint(w, v, 8);
}

void wr_zero(struct writer *w, size_t n)
{
	if (n == 0)
		return;
	uint8_t *p = wr_room(w, n);
	if (p)
		memset(p, 0, n);
}

static void wr_patch(struct writer *w, size_t offset, uint64_t v, size_t n)
{
	if (w->failed || offset > w->length || n > w->length - offset) {
		w->failed = true;
		return;
	}
	for (size_t i = 0; i < n; i++)
		w->data[offset + i] = (uint8_t)(v >> (8 * (n - 1 - i)));
}

void wr_patch_u16(struct writer *w, size_t offset, uint16_t v)
{
	wr_patch(w, offset, v, 2);
}

void wr_patch_u32(struct writer *w, size_t offset, uint32_t v)
{
	wr_patch(w, offset, v, 4);
}

void wr_consume(struct writer *w, size_t n)
{
	n = MIN(n, w->length);
	if (n == 0)
		return;
	memmove(w->data, w->data + n, w->length - n);
	w->length -= n;
}

uint8_t *wr_take(struct writer *w, size_t *ret_length)
{
	uint8_t *data = w->data;
	*ret_length = w->length;
	*w = (struct writer){ .limit = w->limit };
	return data;
}

const char *rd_string(struct reader *r)
{
	size_t n = rd_u16(r);
	const char *s = (const char *)rd_bytes(r, n + 1);
	if (!s || s[n] != '\0') {
		rd_fail(r);
		return "";
	}
	return s;
}

void wr_string(struct writer *w, const char *s, size_t max)
{
	size_t n = strnlen(s, max);
	wr_u16(w, (uint16_t)n);
	wr_bytes(w, s, n);
	wr_u8(w, 0);
}

bool text_take(const char **at, const char *text)
{
	const size_t n = strlen(text);
	if (strncmp(*at, text, n) != 0)
		return false;
	*at += n;
	return true;
}

bool text_take_number(const char **at, uint64_t *ret)
{
	const char *c = *at;
	uint64_t n = 0;
	for (; *c >= '0' && *c <= '9'; c++) {
		const uint64_t digit = (uint64_t)(*c - '0');
		if (n > (UINT64_MAX - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	if (c == *at)
		return false;
	*at = c;
	*ret = n;
	return true;
}

int text_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 'a' - 'A';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}
