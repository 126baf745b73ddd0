/* SPDX-License-Identifier: ISC */
/*
 * Wire cursors. A reader walks bytes that it does not own and has a sticky error: after the first short read
 * every further read yields zero and rd_failed() is true, so a codec reads all fields and checks once.
 * A writer appends to memory that it owns, up to a limit, with the same sticky error. Integers are
 * big-endian.
 */
#pragma once

#include "base/defs.h"
#include <stdbool.h>

struct reader {
	const uint8_t *at;
	size_t left;
	bool failed;
};

static inline struct reader rd_make(const void *bytes, size_t length)
{
	return (struct reader){ .at = bytes, .left = length };
}
static inline bool rd_failed(const struct reader *r)
{
	return r->failed;
}
static inline size_t rd_left(const struct reader *r)
{
	return r->failed ? 0 : r->left;
}
/* Marks the reader as failed; used when a field is there but its value is not allowed. */
static inline void rd_fail(struct reader *r)
{
	r->failed = true;
	r->left = 0;
}
/* Returns n bytes in place, or NULL after a short read. */
const uint8_t *rd_bytes(struct reader *r, size_t n);
uint8_t rd_u8(struct reader *r);
uint16_t rd_u16(struct reader *r);
uint32_t rd_u24(struct reader *r);
uint32_t rd_u32(struct reader *r);
uint64_t rd_u64(struct reader *r);
void rd_skip(struct reader *r, size_t n);
/* A reader over the next n bytes; if they are not there both readers are failed. */
struct reader rd_sub(struct reader *r, size_t n);

/* What wr_string() wrote, in place; "", and the reader failed, where it is not that. */
const char *rd_string(struct reader *r);

struct writer {
	uint8_t *data;
	size_t length, capacity, limit;
	bool failed;
};

/* limit: the most bytes this writer will ever hold. wr_free() releases; NULL-safe on a zeroed writer. */
static inline struct writer wr_make(size_t limit)
{
	return (struct writer){ .limit = limit };
}
void wr_free(struct writer *w);
/* Empties the writer and clears its error; keeps the memory. */
void wr_reset(struct writer *w);
static inline bool wr_failed(const struct writer *w)
{
	return w->failed;
}
/* Room for n more bytes, which the caller fills; NULL after an error. */
uint8_t *wr_room(struct writer *w, size_t n);
void wr_bytes(struct writer *w, const void *bytes, size_t n);
void wr_u8(struct writer *w, uint8_t v);
void wr_u16(struct writer *w, uint16_t v);
void wr_u24(struct writer *w, uint32_t v);
void wr_u32(struct writer *w, uint32_t v);
void wr_u64(struct writer *w, uint64_t v);
void wr_zero(struct writer *w, size_t n);
/* At most max bytes of s (max < 65536): u16 length without the NUL, then the bytes and the NUL, so that
 * readers use them in place. */
void wr_string(struct writer *w, const char *s, size_t max);
/* Overwrites a 32-bit (16-bit) field at an offset already written: for lengths that are known last. */
void wr_patch_u16(struct writer *w, size_t offset, uint16_t v);
void wr_patch_u32(struct writer *w, size_t offset, uint32_t v);
/* Drops the first n bytes (they were sent). */
void wr_consume(struct writer *w, size_t n);
/* Hands the bytes to the caller, who frees them; the writer is empty afterwards. */
uint8_t *wr_take(struct writer *w, size_t *ret_length);

/* What a text begins with, and *at after it; false, and *at as it was, where it does not. A number is digits
 * alone, and no greater than fits. */
bool text_take(const char **at, const char *text);
bool text_take_number(const char **at, uint64_t *ret);
/* 0 to 15, of either case; -1 for what is no hexadecimal digit. */
int text_hex_digit(char c);
