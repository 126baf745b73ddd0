/* SPDX-License-Identifier: ISC */
/*
 * Every file of ../shared/advisories: read = mapped + unmapped + refused, and each of them is what it was
 * when this was written. Another number is another meaning of the data, and wants to be understood before it
 * is put here.
 */
#include "tests/unit/test.h"
#include "vuln/load.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct expected {
	const char *file, *kind;
	uint64_t read, mapped, unmapped, refused, withdrawn, removed, checked, statements_unmapped,
	        passed_over;
	const char *products; /* declared, a file beside this one */
} expected[] = {
	{ "osv/debian-osv-2025-02-12.tar.xz", "osv", 44181, 44180, 1, 0, 0, 0, 0, 0, 0 },
	{ "osv/redhat-osv.tar.xz", "osv", 15175, 15175, 0, 0, 0, 0, 0, 0, 0 },
	{ "osv/almalinux-osv-2026-08-21.tar.xz", "osv", 5680, 5680, 0, 0, 0, 0, 0, 0, 2 },
	{ "osv/rocky-osv.tar.xz", "osv", 1491, 1491, 0, 0, 0, 0, 0, 0, 0 },
	{ "csaf/cisa-csaf-2024-10-24.tar.xz", "csaf", 2383, 0, 2383, 0, 0, 0, 2383, 43323, 7 },
	{ "csaf/cisa-csaf-2024-10-24.tar.xz", "csaf", 2383, 46, 2337, 0, 0, 0, 2383, 43022, 7,
	        "cisa_products.conf" },
	{ "csaf/gocsaf-testdata.tar.xz", "csaf", 18, 0, 5, 13, 0, 0, 2, 10, 11 },
	{ "csaf/oasis-csaf20-validator-tests.tar.xz", "csaf", 264, 0, 251, 13, 0, 0, 0, 472, 13 },
	{ "streams/almalinux-history-2022..2026-08-21.jsonl.xz", "osv-log", 10873, 10871, 2, 0, 0, 54, 0, 0,
	        0 },
};

static const char *part;

static void expect(const char *file, const char *what, uint64_t is, uint64_t should)
{
	if (is != should)
		fail_msg("%s: %llu %s, not %llu", file, (unsigned long long)is, what,
		        (unsigned long long)should);
}

static void one(const struct expected *e, const char *path)
{
	struct load_report r = { 0 };
	struct osv_parser check = { .counts = { 0 } };
	const struct load l = { .check = &check, .report = &r };
	char *products FREE_ON_EXIT = e->products ? xasprintf("%s/%s", TESTS_FOLDER, e->products) : NULL;
	const struct load_source s = { .name = "s", .kind = e->kind, .from = path, .products = products };
	struct error err;
	if (load_source(&l, &s, &err) < 0)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < LOAD_KEPT && r.first_refused[i]; i++)
		print_message("# refused: %s\n", r.first_refused[i]);
	expect(e->file, "read", r.read, e->read);
	expect(e->file, "in all", r.mapped + r.unmapped + r.refused, e->read);
	expect(e->file, "mapped", r.mapped, e->mapped);
	expect(e->file, "unmapped", r.unmapped, e->unmapped);
	expect(e->file, "refused", r.refused, e->refused);
	expect(e->file, "withdrawn", r.withdrawn, e->withdrawn);
	expect(e->file, "removed", r.removed, e->removed);
	expect(e->file, "with a checksum", r.checked, e->checked);
	expect(e->file, "statements unmapped", r.statements_unmapped, e->statements_unmapped);
	expect(e->file, "passed over", r.passed_over, e->passed_over);
	load_report_clear(&r);
	osv_parser_clear(&check);
}

static void all_are_accounted_for(void **state)
{
	const char *shared = getenv("PRATIQUE_SHARED");
	bool any = false;
	for (size_t i = 0; i < ARRAY_LENGTH(expected); i++) {
		char *path FREE_ON_EXIT =
		        xasprintf("%s/advisories/%s", shared ? shared : SHARED_DEFAULT, expected[i].file);
		if (strncmp(expected[i].file, part, strlen(part)) != 0)
			continue;
		if (access(path, R_OK) < 0) {
			print_message("# %s is not there\n", path);
			continue;
		}
		one(&expected[i], path);
		any = true;
	}
	if (!any)
		skip();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(all_are_accounted_for) };
	part = argc > 1 ? argv[1] : "";
	return cmocka_run_group_tests(tests, NULL, NULL);
}
