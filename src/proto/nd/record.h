/* SPDX-License-Identifier: ISC */
/*
 * What records of a host's state consist of: bytes of this program for this program, so that another process
 * goes on where one has ended. Times are those of the monotonic clock, which both share. A record is read as
 * if a stranger had written it: what no writer writes makes the reader fail.
 */
#pragma once

#include "base/address.h"
#include "base/clock.h"
#include "base/cursor.h"

#include <string.h>

static inline void record_write_address(struct writer *w, const struct ip_address *a)
{
	wr_bytes(w, a->bytes, sizeof(a->bytes));
}

static inline void record_read_address(struct reader *r, struct ip_address *ret)
{
	const uint8_t *bytes = rd_bytes(r, sizeof(ret->bytes));
	if (bytes)
		memcpy(ret->bytes, bytes, sizeof(ret->bytes));
}

static inline void record_write_prefix(struct writer *w, const struct ip_prefix *p)
{
	record_write_address(w, &p->address);
	wr_u8(w, p->length);
}

static inline void record_read_prefix(struct reader *r, struct ip_prefix *ret)
{
	record_read_address(r, &ret->address);
	ret->length = rd_u8(r);
	if (ret->length > 128)
		rd_fail(r);
}

static inline void record_write_time(struct writer *w, time_ms at)
{
	wr_u64(w, (uint64_t)at);
}

/* 0 to most. */
static inline time_ms record_read_time(struct reader *r, time_ms most)
{
	const uint64_t at = rd_u64(r);
	if (at > (uint64_t)most)
		rd_fail(r);
	return rd_failed(r) ? 0 : (time_ms)at;
}

/* How many follow; at most so many. */
static inline size_t record_read_count(struct reader *r, size_t most)
{
	const uint8_t n = rd_u8(r);
	if (n > most)
		rd_fail(r);
	return rd_failed(r) ? 0 : n;
}
