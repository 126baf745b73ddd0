/* SPDX-License-Identifier: ISC */
#include "tests/unit/test.h"
#include "vis/coding.h"

#include <string.h>
#include <zlib.h>

static void choice(void **state)
{
	static const struct {
		const char *accept;
		enum coding coding;
	} rows[] = {
		{ NULL, CODING_IDENTITY },
		{ "", CODING_IDENTITY },
		{ "identity", CODING_IDENTITY },
		{ "gzip", CODING_GZIP },
		{ "deflate, gzip, br, zstd", CODING_ZSTD },
		{ "GZip", CODING_GZIP },
		{ "gzip;q=1.0, zstd;q=0.5", CODING_GZIP },
		{ "gzip;q=0, zstd;q=0", CODING_IDENTITY },
		{ "*", CODING_ZSTD },
		{ "*;q=0", CODING_IDENTITY },
		{ "zstd;q=0, *;q=0.1", CODING_GZIP },
		{ "gzip;q=2", CODING_IDENTITY },
		{ "gzip;q", CODING_IDENTITY },
		{ "gzip ; q=0.001", CODING_GZIP },
		{ ",,;;=,q=", CODING_IDENTITY },
		{ "gzipped", CODING_IDENTITY },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		if (coding_choose(rows[i].accept) != rows[i].coding)
			fail_msg("%s", rows[i].accept);
}

/* Frames of all three makings unpack to the text, also one behind the other. */
static void frames(void **state)
{
	struct coder *c = coder_new();
	struct writer packed = wr_make(1 << 20), out = wr_make(1 << 20);
	char text[1000];
	memset(text, 'x', sizeof(text));
	coder_put_frame(c, &packed, text, sizeof(text));
	assert_int_equal(coder_frame_size(packed.data, packed.length), sizeof(text));
	assert_true(packed.length < sizeof(text));
	assert_true(coder_unpack(c, &out, packed.data, packed.length));
	assert_int_equal(out.length, sizeof(text));
	assert_memory_equal(out.data, text, sizeof(text));
	wr_reset(&packed);
	coder_put_raw(&packed, "{\"vulns\":[", 10);
	assert_int_equal(coder_frame_size(packed.data, packed.length), 10);
	assert_true(coder_unpack(c, &out, packed.data, packed.length));
	assert_memory_equal(out.data + sizeof(text), "{\"vulns\":[", 10);
	const size_t before = out.length;
	assert_false(coder_unpack(c, &out, packed.data, packed.length - 1));
	assert_false(coder_unpack(c, &out, "nonsense", 8));
	assert_int_equal(out.length, before);
	assert_int_equal(coder_frame_size("nonsense", 8), SIZE_MAX);
	/* More than one raw frame holds: each is one of its own. */
	wr_reset(&packed);
	coder_put_raw(&packed, text, 600);
	assert_int_equal(packed.length, 600 + 3 * 9);
	wr_free(&packed);
	wr_free(&out);
	coder_free(c);
}

static void gzip(void **state)
{
	struct coder *c = coder_new();
	struct writer w = wr_make(1 << 16);
	char text[5000], back[sizeof(text)];
	memset(text, 'y', sizeof(text));
	for (int round = 0; round < 2; round++) {
		wr_reset(&w);
		wr_bytes(&w, "before", 6);
		assert_true(coder_gzip(c, &w, text, sizeof(text)));
		assert_true(w.length < 200);
		z_stream z = { .next_in = w.data + 6,
			.avail_in = (uInt)w.length - 6,
			.next_out = (Bytef *)back,
			.avail_out = sizeof(back) };
		assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
		assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
		assert_int_equal(z.total_out, sizeof(text));
		assert_memory_equal(back, text, sizeof(text));
		inflateEnd(&z);
	}
	struct writer small = wr_make(8);
	assert_false(coder_gzip(c, &small, text, sizeof(text)));
	wr_free(&small);
	wr_free(&w);
	coder_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(choice),
		cmocka_unit_test(frames),
		cmocka_unit_test(gzip),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
