/* SPDX-License-Identifier: ISC */
#include "crypto/base64.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

/* RFC 4648 10, with the padding of the ordinary alphabet. */
static const struct {
	const char *bytes, *text;
} vectors[] = {
	{ "", "" },
	{ "f", "Zg==" },
	{ "fo", "Zm8=" },
	{ "foo", "Zm9v" },
	{ "foob", "Zm9vYg==" },
	{ "fooba", "Zm9vYmE=" },
	{ "foobar", "Zm9vYmFy" },
};

static void encodes_and_decodes_the_vectors(void **state)
{
	for (size_t i = 0; i < ARRAY_LENGTH(vectors); i++) {
		char text[BASE64_SIZE(6)];
		uint8_t bytes[8];
		size_t length = 99, n = strlen(vectors[i].bytes), plain = strcspn(vectors[i].text, "=");
		assert_int_equal(base64_encode(vectors[i].bytes, n, text), strlen(vectors[i].text));
		assert_string_equal(text, vectors[i].text);
		assert_int_equal(base64_decode(text, strlen(text), bytes, sizeof(bytes), &length), 0);
		assert_int_equal(length, n);
		assert_memory_equal(bytes, vectors[i].bytes, n);
		assert_int_equal(base64url_encode(vectors[i].bytes, n, text), plain);
		assert_int_equal(base64url_decode(text, plain, bytes, sizeof(bytes), &length), 0);
		assert_int_equal(length, n);
		assert_memory_equal(bytes, vectors[i].bytes, n);
	}
}

static void alphabets_differ(void **state)
{
	char text[8];
	uint8_t bytes[3] = { 0xfb, 0xff, 0xfe };
	size_t length;
	base64url_encode(bytes, 3, text);
	assert_string_equal(text, "-__-");
	base64_encode(bytes, 3, text);
	assert_string_equal(text, "+//+");
	assert_int_equal(base64_decode("-__-", 4, bytes, 3, &length), -EINVAL);
	assert_int_equal(base64url_decode("+//+", 4, bytes, 3, &length), -EINVAL);
}

static void refuses_other_spellings(void **state)
{
	static const char *const bad_url[] = { "Z", "Zg==", "Zh", "Zm9", "Zm 8", "Zg=", "Zm9vY", "Zm\n8" };
	static const char *const bad_plain[] = { "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "=",
		"====", "Zg==Zg==", "Z===", "Zm9v=" };
	uint8_t bytes[16];
	size_t length;
	for (size_t i = 0; i < ARRAY_LENGTH(bad_url); i++)
		assert_int_equal(
		        base64url_decode(bad_url[i], strlen(bad_url[i]), bytes, sizeof(bytes), &length),
		        -EINVAL);
	for (size_t i = 0; i < ARRAY_LENGTH(bad_plain); i++)
		assert_int_equal(
		        base64_decode(bad_plain[i], strlen(bad_plain[i]), bytes, sizeof(bytes), &length),
		        -EINVAL);
	assert_int_equal(base64url_decode("Zm\0v", 4, bytes, sizeof(bytes), &length), -EINVAL);
	assert_int_equal(base64_decode("Zm9v\r\nYg=\n=\n", 12, bytes, sizeof(bytes), &length), 0);
	assert_memory_equal(bytes, "foob", 4);
}

static void never_writes_past_the_end(void **state)
{
	uint8_t bytes[6];
	size_t length;
	for (size_t size = 0; size < 6; size++)
		assert_int_equal(base64_decode("Zm9vYmFy", 8, bytes, size, &length), -EINVAL);
	assert_int_equal(base64url_decode("Zm9vYg", 6, bytes, 3, &length), -EINVAL);
	assert_int_equal(base64url_decode("Zm9vYg", 6, bytes, 4, &length), 0);
	assert_int_equal(length, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encodes_and_decodes_the_vectors),
		cmocka_unit_test(alphabets_differ),
		cmocka_unit_test(refuses_other_spellings),
		cmocka_unit_test(never_writes_past_the_end),
	};
	return cmocka_run_group_tests_name("base64", tests, NULL, NULL);
}
