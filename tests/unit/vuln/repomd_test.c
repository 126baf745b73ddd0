/* SPDX-License-Identifier: ISC */
/* repomd.xml: what leads to an updateinfo, and what does not. */
#include "tests/unit/test.h"
#include "vuln/repomd.h"

#include <errno.h>
#include <string.h>

#define H64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define H128 H64 H64
#define LOCATION "<location href=\"repodata/a-updateinfo.xml.gz\"/>"
#define SUM "<checksum type=\"sha256\">" H64 "</checksum>"
#define DATA(more) "<data type=\"updateinfo\">" more "</data>"
#define FILE_OF(more) \
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<repomd xmlns=\"http://linux.duke.edu/metadata/repo\" " \
	"xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\"><revision>1700000000</revision>" more "</repomd>"

static const struct {
	const char *text, *reason; /* reason NULL: it is taken */
} rows[] = {
	{ FILE_OF(DATA(SUM LOCATION)), NULL },
	{ FILE_OF(DATA(LOCATION "<checksum type=\"sha512\">\n " H128 " \n</checksum>")), NULL },
	{ FILE_OF("<data type=\"updateinfo_zck\"><location href=\"../x\"/></data>" DATA(SUM LOCATION)),
	        NULL },
	{ FILE_OF("<data type=\"primary\">" SUM LOCATION "</data>"), "has no updateinfo" },
	{ FILE_OF(DATA(LOCATION)), "no checksum" },
	{ FILE_OF(DATA(SUM)), "no location" },
	{ FILE_OF(DATA(SUM LOCATION) DATA(SUM LOCATION)), "two of its type" },
	{ FILE_OF(DATA(SUM "<location href=\"../../etc/passwd\"/>")), "not below" },
	{ FILE_OF(DATA(SUM "<location href=\"/etc/passwd\"/>")), "not below" },
	{ FILE_OF(DATA(SUM "<location href=\"http://elsewhere/x\"/>")), "not below" },
	{ FILE_OF(DATA(SUM "<location href=\"repodata/x?y\"/>")), "not below" },
	{ FILE_OF(DATA(SUM "<location href=\"\"/>")), "not below" },
	{ FILE_OF(DATA(SUM "<location xml:base=\"http://elsewhere/\" href=\"repodata/x\"/>")), "not below" },
	{ FILE_OF(DATA(
	          "<checksum type=\"sha\">0123456789abcdef0123456789abcdef01234567</checksum>" LOCATION)),
	        "neither SHA-256" },
	{ FILE_OF(DATA("<checksum type=\"sha256\">" H64 "0</checksum>" LOCATION)), "neither SHA-256" },
	{ FILE_OF(DATA("<checksum>" H64 "</checksum>" LOCATION)), "neither SHA-256" },
	{ FILE_OF(DATA(SUM LOCATION "<size>-1</size>")), "a number" },
	{ FILE_OF(DATA(SUM LOCATION "<size>99999999999999999999</size>")), "a number" },
	{ FILE_OF(DATA(SUM LOCATION "<timestamp>x</timestamp>")), "a number" },
	{ "<?xml version=\"1.0\"?><!DOCTYPE l [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]>"
	  "<repomd>&b;</repomd>",
	        "document type" },
	{ "<updates/>", "<repomd>" },
	{ "<repomd>", "line 1" },
	{ "", "line 1" },
};

static void what_leads_to_it(void **state)
{
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct repomd_data data = { .href = "" };
		struct error err = { "" };
		int r = repomd_read(rows[i].text, strlen(rows[i].text), "updateinfo", &data, &err);
		if (rows[i].reason ? r >= 0 || !strstr(err.text, rows[i].reason) : r < 0)
			fail_msg("row %zu: %d %s", i, r, err.text);
		if (r == 0)
			assert_string_equal(data.href, "repodata/a-updateinfo.xml.gz");
	}
}

static void all_that_it_says(void **state)
{
	static const char text[] = FILE_OF(
	        DATA(SUM "<open-checksum type=\"sha512\">" H128 "</open-checksum>" LOCATION
	                 "<timestamp>1763700000.25</timestamp><size>12</size><open-size>3456</open-size>"));
	struct repomd_data data;
	struct error err;
	assert_int_equal(repomd_read(text, strlen(text), "updateinfo", &data, &err), 0);
	assert_int_equal(data.size, 12);
	assert_int_equal(data.open_size, 3456);
	assert_true(data.timestamp == 1763700000000);
	assert_int_equal(data.packed.kind, PROOF_SHA256);
	assert_string_equal(data.packed.hex, H64);
	assert_int_equal(data.open.kind, PROOF_SHA512);
	assert_string_equal(data.open.hex, H128);
	assert_false(repomd_digest_is(&data.packed, "x", 1));
	assert_int_equal(repomd_read(text, strlen(text), "primary", &data, &err), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(what_leads_to_it),
		cmocka_unit_test(all_that_it_says) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
