/* SPDX-License-Identifier: ISC */
#include "posture/cvd.h"

#include <errno.h>
#include <string.h>

#define FIELDS 9
#define TIME_MAX_S 253402300799LL /* the end of the year 9999 */

struct text {
	const char *at;
	size_t length;
};

static int number(const struct text *t, int64_t most, int64_t *ret)
{
	int64_t n = 0;
	if (t->length == 0)
		return -EBADMSG;
	for (size_t i = 0; i < t->length; i++) {
		if (t->at[i] < '0' || t->at[i] > '9')
			return -EBADMSG;
		n = n * 10 + (t->at[i] - '0');
		if (n > most)
			return -EBADMSG;
	}
	*ret = n;
	return 0;
}

int cvd_read_header(const char *text, size_t length, struct cvd_header *ret)
{
	static const char magic[] = "ClamAV-VDB";
	struct text fields[FIELDS];
	size_t n = 0;
	int64_t version, made;
	length = MIN(length, (size_t)CVD_HEADER_SIZE);
	while (length > 0 && text[length - 1] == ' ')
		length--;
	for (const char *at = text, *end = text + length; n < FIELDS;) {
		const char *colon = memchr(at, ':', (size_t)(end - at));
		const char *stop = colon ? colon : end;
		fields[n++] = (struct text){ at, (size_t)(stop - at) };
		if (!colon)
			break;
		at = colon + 1;
	}
	if (n != FIELDS || fields[0].length != strlen(magic) ||
	        memcmp(fields[0].at, magic, strlen(magic)) != 0 ||
	        number(&fields[2], UINT32_MAX, &version) < 0 || number(&fields[8], TIME_MAX_S, &made) < 0)
		return -EBADMSG;
	*ret = (struct cvd_header){ .made = made * 1000, .version = (uint32_t)version };
	return 0;
}
