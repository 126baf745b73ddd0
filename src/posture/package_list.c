/* SPDX-License-Identifier: ISC */
#include "posture/package_list.h"

#include "base/cursor.h"
#include <errno.h>
#include <string.h>

static size_t put_difference(uint8_t *to, int64_t difference)
{
	uint64_t v = (uint64_t)difference << 1 ^ (uint64_t)(difference >> 63);
	size_t n = 0;
	for (; v >= 0x80; v >>= 7)
		to[n++] = (uint8_t)(v | 0x80);
	to[n++] = (uint8_t)v;
	return n;
}

#define DIFFERENCE_BYTES 5 /* of two numbers of 32 bits: 33 bits */

uint8_t *package_list_pack(const struct posture *p, size_t *ret_length)
{
	if (!p->packages_known)
		return NULL;
	uint8_t *bytes = xmalloc(DIFFERENCE_BYTES * p->n_packages + 1);
	size_t n = 0;
	uint32_t last = 0;
	for (size_t i = 0; i < p->n_packages; i++) {
		const uint32_t id = p->packages[i].id;
		if (id == 0) {
			free(bytes);
			return NULL;
		}
		n += put_difference(bytes + n, (int64_t)id - last);
		last = id;
	}
	*ret_length = n;
	return bytes;
}

/* False for one that does not end, or is longer than it has to be. */
static bool get_difference(struct reader *r, int64_t *ret)
{
	uint64_t v = 0;
	for (unsigned shift = 0; shift < 7 * DIFFERENCE_BYTES; shift += 7) {
		const uint8_t b = rd_u8(r);
		v |= (uint64_t)(b & 0x7f) << shift;
		if (b & 0x80)
			continue;
		*ret = (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
		return !rd_failed(r) && (b != 0 || shift == 0);
	}
	return false;
}

int package_list_unpack(const void *bytes, size_t length, uint32_t **ret_ids, size_t *ret_n)
{
	struct reader r = rd_make(bytes, length);
	const size_t most = MIN(length, (size_t)POSTURE_PACKAGES_MAX);
	uint32_t *ids = xmalloc((most + 1) * sizeof(*ids));
	size_t n = 0;
	int64_t last = 0;
	while (rd_left(&r)) {
		int64_t difference;
		if (n == most || !get_difference(&r, &difference) || (last += difference) <= 0 ||
		        last > UINT32_MAX) {
			free(ids);
			return -EBADMSG;
		}
		ids[n++] = (uint32_t)last;
	}
	*ret_ids = ids;
	*ret_n = n;
	return 0;
}

/* Least significant byte first, which needs no comparisons: every inspection pays for it. other: room for as
 * many. The sorted ones are in ids again, since there are two turns. */
static void sort_by_digits(uint32_t *ids, uint32_t *other, size_t n, unsigned bits)
{
	for (unsigned shift = 0; shift < bits; shift += 8) {
		size_t at[256] = { 0 }, sum = 0;
		for (size_t i = 0; i < n; i++)
			at[ids[i] >> shift & 0xff]++;
		for (size_t digit = 0; digit < ARRAY_LENGTH(at); digit++) {
			size_t count = at[digit];
			at[digit] = sum;
			sum += count;
		}
		for (size_t i = 0; i < n; i++)
			other[at[ids[i] >> shift & 0xff]++] = ids[i];
		uint32_t *sorted = other;
		other = ids;
		ids = sorted;
	}
}

size_t package_list_sort(uint32_t *ids, size_t n)
{
	size_t kept = 0;
	bool in_order = true;
	uint32_t highest = 0;
	for (size_t i = 0; i < n; i++) {
		in_order = in_order && ids[i] >= highest;
		highest = MAX(highest, ids[i]);
	}
	if (!in_order) {
		uint32_t *other = xmalloc(n * sizeof(*other));
		sort_by_digits(ids, other, n, highest >> 16 ? 32 : 16);
		free(other);
	}
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || ids[kept - 1] != ids[i])
			ids[kept++] = ids[i];
	return kept;
}
