/* SPDX-License-Identifier: ISC */
/* Names of attributes: the built-in ones, dictionary files, values as text. */
#include "proto/radius/dictionary.h"

#include "base/file.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define INSTALLED "/usr/share/freeradius/dictionary"

static int load_text(void *user, const char *path, char **ret, struct error *err)
{
	if (strcmp(path, "dir/self") == 0)
		*ret = xstrdup("$INCLUDE self\n");
	else
		*ret = xstrdup(user);
	return 0;
}

static int load_file(void *user, const char *path, char **ret, struct error *err)
{
	size_t length;
	return file_read(path, 1 << 20, ret, &length, err);
}

static void reads_an_own_dictionary(void **state)
{
	struct radius_dictionary *d = radius_dictionary_new();
	struct error err = { "" };
	char text[] =
	        "# comment\nVENDOR\tAcme\t4711\nVENDOR Wide 99 format=2,2\nATTRIBUTE Site-Name 200 string\n"
	        "ATTRIBUTE User-Name 99 integer\n"
	        "BEGIN-VENDOR Acme\nATTRIBUTE Acme-Level 3 integer\nVALUE Acme-Level High 7\n"
	        "BEGIN-TLV Acme-Thing\nATTRIBUTE Acme-Inner 1 integer\nEND-TLV Acme-Thing\nEND-VENDOR Acme\n"
	        "BEGIN-VENDOR Wide\nATTRIBUTE Wide-One 1 integer\nEND-VENDOR Wide\nATTRIBUTE Far 241.7 "
	        "string\n";
	if (radius_dictionary_read(d, "dir/dictionary", load_text, text, &err) < 0)
		fail_msg("%s", err.text);
	const struct radius_definition *level = radius_dictionary_find(d, "acme-LEVEL");
	assert_non_null(level);
	assert_int_equal(level->vendor, 4711);
	assert_int_equal(radius_dictionary_find(d, "User-Name")->type, 1); /* not to be changed */
	assert_null(radius_dictionary_find(d, "Wide-One"));
	assert_null(radius_dictionary_find(d, "Acme-Inner"));
	assert_null(radius_dictionary_find(d, "Far"));
	struct writer w = wr_make(RADIUS_PACKET_MAX);
	assert_int_equal(radius_dictionary_write(d, level, "High", &w, &err), 0);
	assert_memory_equal(w.data, "\x1a\x0c\x00\x00\x12\x67\x03\x06\x00\x00\x00\x07", 12);
	assert_int_equal(radius_dictionary_write(d, level, "Higher", &w, &err), -EINVAL);
	assert_string_equal(err.text, "Acme-Level: \"Higher\" is not a value of it");
	wr_free(&w);
	radius_dictionary_free(d);
}

static void complains_with_file_and_line(void **state)
{
	static const struct {
		const char *text, *words;
	} rows[] = {
		{ "\nATTRIBUTE Foo\n", "dir/x:2: an attribute has" },
		{ "ATTRIBUTE Foo seven string\n", "dir/x:1: not a number: \"seven\"" },
		{ "HELLO world\n", "not a line of a dictionary: \"HELLO\"" },
		{ "BEGIN-VENDOR Nobody\n", "no such vendor: \"Nobody\"" },
		{ "VENDOR Nobody many\n", "a vendor has" },
		{ "VALUE Foo Bar\n", "a value has" },
		{ "END-TLV Foo\n", "nothing to end" },
		{ "$INCLUDE self\n", "too deep" },
		{ "$INCLUDE\n", "dir/x:1: what is to be included" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct radius_dictionary *d = radius_dictionary_new();
		struct error err = { "" };
		assert_true(radius_dictionary_read(d, "dir/x", load_text, (void *)rows[i].text, &err) < 0);
		if (!strstr(err.text, rows[i].words))
			fail_msg("row %zu: %s", i, err.text);
		radius_dictionary_free(d);
	}
}

static void writes_every_kind_of_value(void **state)
{
	static const struct {
		const char *name, *value, *bytes; /* NULL: refused */
		size_t length;
	} rows[] = {
		{ "Operator-Name", "1example.org",
		        "\x7e\x0e"
		        "1example.org",
		        14 },
		{ "NAS-Port", "258", "\x05\x06\x00\x00\x01\x02", 6 },
		{ "NAS-Port", "4294967296", NULL, 0 },
		{ "NAS-Port", "-1", NULL, 0 },
		{ "NAS-IP-Address", "192.0.2.1", "\x04\x06\xc0\x00\x02\x01", 6 },
		{ "NAS-IP-Address", "2001:db8::1", NULL, 0 },
		{ "NAS-IPv6-Address", "192.0.2.1", NULL, 0 },
		{ "Class", "0x0aFF", "\x19\x04\x0a\xff", 4 },
		{ "Class", "0x0a0", NULL, 0 },
		{ "Class", "0xzz", NULL, 0 },
		{ "Class", "plain", "\x19\x07plain", 7 },
		{ "Framed-Interface-Id", "1:2:3:4", "\x60\x0a\x00\x01\x00\x02\x00\x03\x00\x04", 10 },
		{ "Framed-Interface-Id", "1::2", NULL, 0 },
		{ "Framed-IPv6-Prefix", "2001:db8::/32",
		        "\x61\x14\x00\x20\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\0", 20 },
		{ "Framed-IPv6-Prefix", "2001:db8::1/32", NULL, 0 },
		{ "User-Password", "secret", NULL, 0 },
	};
	struct radius_dictionary *d = radius_dictionary_new();
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct writer w = wr_make(RADIUS_PACKET_MAX);
		struct error err = { "" };
		const struct radius_definition *definition = radius_dictionary_find(d, rows[i].name);
		assert_non_null(definition);
		int r = radius_dictionary_write(d, definition, rows[i].value, &w, &err);
		assert_int_equal(r, rows[i].bytes ? 0 : -EINVAL);
		assert_int_equal(w.length, rows[i].length);
		if (rows[i].bytes)
			assert_memory_equal(w.data, rows[i].bytes, rows[i].length);
		wr_free(&w);
	}
	radius_dictionary_free(d);
}

/* Debian's freeradius-common, where it is installed. */
static void reads_the_installed_dictionaries(void **state)
{
	struct radius_dictionary *d = radius_dictionary_new();
	struct error err = { "" };
	if (access(INSTALLED, R_OK) < 0)
		skip();
	if (radius_dictionary_read(d, INSTALLED, load_file, NULL, &err) < 0)
		fail_msg("%s", err.text);
	const struct radius_definition *cisco = radius_dictionary_find(d, "Cisco-AVPair");
	assert_non_null(cisco);
	assert_int_equal(cisco->vendor, 9);
	struct writer w = wr_make(RADIUS_PACKET_MAX);
	assert_int_equal(radius_dictionary_write(
	                         d, radius_dictionary_find(d, "Service-Type"), "Framed-User", &w, &err),
	        0);
	assert_memory_equal(w.data, "\x06\x06\x00\x00\x00\x02", 6);
	wr_free(&w);
	radius_dictionary_free(d);
}

static void labels_are_for_people(void **state)
{
	char text[RADIUS_LABEL_SIZE];
	assert_string_equal(radius_label(0, 1, text), "User-Name");
	assert_string_equal(radius_label(0, 17, text), "attribute 17");
	assert_string_equal(radius_label(9, 1, text), "attribute 1 of vendor 9");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_an_own_dictionary),
		cmocka_unit_test(complains_with_file_and_line),
		cmocka_unit_test(writes_every_kind_of_value),
		cmocka_unit_test(reads_the_installed_dictionaries),
		cmocka_unit_test(labels_are_for_people),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
