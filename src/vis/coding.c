/* SPDX-License-Identifier: ISC */
#include "vis/coding.h"

#include "vuln/osv.h"

#include <string.h>
#include <strings.h>
#include <zlib.h>
#include <zstd.h>

#define RAW_MAX 255u /* bytes of a frame whose length is one byte */
#define FRAME_LEVEL 1
#define GZIP_LEVEL 1
#define GZIP_WINDOW (15 + 16) /* 16: gzip and not zlib */
#define GZIP_MEMORY 8

static const char *const names[] = { [CODING_ZSTD] = "zstd", [CODING_GZIP] = "gzip" };

const char *coding_name(enum coding c)
{
	return names[c];
}

/* ---- what the client takes ---- */

/* A weight in thousandths: ";q=0.5", 1000 without one, 0 for one that is malformed. */
static int weight_of(const char *parameters, size_t n)
{
	const char *q = memchr(parameters, '=', n), *end = parameters + n;
	int weight = 0, digits = 0;
	if (n == 0)
		return 1000;
	if (!q || q == parameters || (q[-1] | 0x20) != 'q' || ++q == end || (*q != '0' && *q != '1'))
		return 0;
	weight = (*q++ - '0') * 1000;
	if (q < end && *q == '.')
		for (int unit = 100; ++q < end && *q >= '0' && *q <= '9' && digits < 3; unit /= 10, digits++)
			weight += (*q - '0') * unit;
	return weight > 1000 ? 0 : weight;
}

/* One element of the list into the weights; "*" is for those that are not named. */
static void take_element(const char *s, size_t n, int weights[ARRAY_LENGTH(names)], int *any)
{
	while (n && (*s == ' ' || *s == '\t')) {
		s++;
		n--;
	}
	size_t length = 0;
	while (length < n && !strchr("; \t", s[length]))
		length++;
	size_t at = length;
	while (at < n && strchr("; \t", s[at]))
		at++;
	const int weight = weight_of(s + at, n - at);
	if (length == 1 && *s == '*')
		*any = weight;
	for (size_t i = 1; i < ARRAY_LENGTH(names); i++)
		if (strlen(names[i]) == length && strncasecmp(names[i], s, length) == 0)
			weights[i] = weight;
}

enum coding coding_choose(const char *accept)
{
	int weights[ARRAY_LENGTH(names)] = { 0, -1, -1 }, any = 0, best = 0;
	enum coding chosen = CODING_IDENTITY;
	for (const char *s = accept ? accept : ""; *s;) {
		size_t n = strcspn(s, ",");
		take_element(s, n, weights, &any);
		s += n + (s[n] == ',');
	}
	for (size_t i = 1; i < ARRAY_LENGTH(names); i++) {
		const int weight = weights[i] < 0 ? any : weights[i];
		if (weight > best) {
			best = weight;
			chosen = (enum coding)i;
		}
	}
	return chosen;
}

/* ---- coding ---- */

struct coder {
	ZSTD_CCtx *compress;
	ZSTD_DCtx *unpack;
	z_stream gzip;
	bool has_gzip;
};

struct coder *coder_new(void)
{
	struct coder *c = xcalloc(1, sizeof(*c));
	c->compress = ZSTD_createCCtx();
	c->unpack = ZSTD_createDCtx();
	if (!c->compress || !c->unpack)
		abort();
	return c;
}

struct coder *coder_free(struct coder *c)
{
	if (!c)
		return NULL;
	ZSTD_freeCCtx(c->compress);
	ZSTD_freeDCtx(c->unpack);
	if (c->has_gzip)
		(void)deflateEnd(&c->gzip);
	free(c);
	return NULL;
}

/* RFC 8878 3.1.1: magic number; a single segment whose size is one byte; one block, the last, raw. */
void coder_put_raw(struct writer *w, const void *text, size_t length)
{
	static const uint8_t head[] = { 0x28, 0xb5, 0x2f, 0xfd, 0x20 };
	for (size_t at = 0; at < length;) {
		const size_t n = MIN(length - at, (size_t)RAW_MAX);
		const uint32_t block = (uint32_t)n << 3 | 1;
		const uint8_t rest[] = { (uint8_t)n, (uint8_t)block, (uint8_t)(block >> 8),
			(uint8_t)(block >> 16) };
		wr_bytes(w, head, sizeof(head));
		wr_bytes(w, rest, sizeof(rest));
		wr_bytes(w, (const uint8_t *)text + at, n);
		at += n;
	}
}

void coder_put_frame(struct coder *c, struct writer *w, const void *text, size_t length)
{
	const size_t room = ZSTD_compressBound(length);
	uint8_t *at = wr_room(w, room);
	if (!at)
		return;
	const size_t n = ZSTD_compressCCtx(c->compress, at, room, text, length, FRAME_LEVEL);
	w->length -= ZSTD_isError(n) ? room : room - n;
	w->failed = ZSTD_isError(n);
}

size_t coder_frame_size(const void *frame, size_t length)
{
	const unsigned long long n = ZSTD_getFrameContentSize(frame, length);
	return n > OSV_RECORD_MAX ? SIZE_MAX : (size_t)n;
}

bool coder_unpack(struct coder *c, struct writer *w, const void *frame, size_t length)
{
	const size_t n = coder_frame_size(frame, length);
	uint8_t *at = n == SIZE_MAX ? NULL : wr_room(w, n);
	if (!at)
		return false;
	if (ZSTD_decompressDCtx(c->unpack, at, n, frame, length) == n)
		return true;
	w->length -= n;
	return false;
}

bool coder_gzip(struct coder *c, struct writer *w, const void *text, size_t length)
{
	z_stream *z = &c->gzip;
	if (!c->has_gzip) {
		c->has_gzip = deflateInit2(z, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY,
		                      Z_DEFAULT_STRATEGY) == Z_OK;
		if (!c->has_gzip)
			return false;
	} else if (deflateReset(z) != Z_OK) {
		return false;
	}
	const size_t room = deflateBound(z, length);
	uint8_t *at = length > UINT_MAX || room > UINT_MAX ? NULL : wr_room(w, room);
	if (!at)
		return false;
	z->next_in = (Bytef *)text;
	z->avail_in = (uInt)length;
	z->next_out = at;
	z->avail_out = (uInt)room;
	const bool done = deflate(z, Z_FINISH) == Z_STREAM_END;
	w->length -= done ? z->avail_out : room;
	return done;
}
