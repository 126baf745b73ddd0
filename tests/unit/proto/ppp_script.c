/* SPDX-License-Identifier: ISC */
#include "tests/unit/proto/ppp_script.h"
#include "tests/unit/test.h"

#include <string.h>

struct said said[256];
size_t n_said, n_read;

static bool record(struct line *line, unsigned to, uint8_t *frame, size_t *length)
{
	(void)to;
	if (n_said == ARRAY_LENGTH(said))
		abort();
	memcpy(said[n_said].bytes, frame, *length);
	said[n_said++].length = *length;
	line->tampered++;
	return false;
}

struct line *alone(void)
{
	struct line *line = line_new(3);
	line->tamper = record;
	n_said = n_read = 0;
	return line;
}

void tell(struct line *line, unsigned side, unsigned protocol, uint8_t code, uint8_t id, const void *body,
        size_t n)
{
	uint8_t frame[PPP_FRAME_MAX] = { (uint8_t)(protocol >> 8), (uint8_t)protocol, code, id,
		(uint8_t)((4 + n) >> 8), (uint8_t)(4 + n) };
	if (n)
		memcpy(frame + 6, body, n);
	line_inject(line, side, frame, 6 + n);
}

const uint8_t *hear(unsigned protocol, uint8_t code, size_t *ret_length)
{
	assert_true(n_read < n_said);
	const uint8_t *frame = said[n_read].bytes;
	*ret_length = said[n_read++].length;
	assert_int_equal(frame[0] << 8 | frame[1], protocol);
	assert_int_equal(frame[2], code);
	assert_int_equal(frame[4] << 8 | frame[5], *ret_length - 2);
	return frame;
}

void assert_silence(void)
{
	assert_int_equal(n_read, n_said);
}

void assert_heard(unsigned protocol, uint8_t code, uint8_t id, const void *body, size_t n)
{
	size_t length;
	const uint8_t *frame = hear(protocol, code, &length);
	assert_int_equal(frame[3], id);
	assert_int_equal(length, 6 + n);
	if (n)
		assert_memory_equal(frame + 6, body, n);
}

bool never_said(unsigned protocol)
{
	for (size_t i = 0; i < n_said; i++)
		if ((said[i].bytes[0] << 8 | said[i].bytes[1]) == (int)protocol)
			return false;
	return true;
}

void acknowledge(struct line *line, unsigned side, unsigned protocol)
{
	size_t length;
	const uint8_t *frame = hear(protocol, 1, &length);
	tell(line, side, protocol, 2, frame[3], frame + 6, length - 6);
}

void open_lcp(struct line *line, unsigned side, const char *options, size_t n)
{
	line_restart(line, side);
	line_run(line, 20);
	acknowledge(line, side, LCP);
	tell(line, side, LCP, 1, 1, options, n);
	assert_heard(LCP, 2, 1, options, n);
}
