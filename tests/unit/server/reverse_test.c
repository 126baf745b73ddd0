/* SPDX-License-Identifier: ISC */
/* The reverse index alone: under which names an advisory finds a package. */
#include "server/reverse.h"
#include "server/site.h"
#include "tests/unit/test.h"

static const struct posture_package packages[] = {
	{ .type = "deb", .name = "libssl3", .version = "3", .source = "openssl", .source_version = "3" },
	{ .type = "deb",
	        .name = "linux-image-6.1.0-39-amd64",
	        .version = "6.1.148-1",
	        .source = "linux-signed-amd64",
	        .source_version = "6.1.148+1" },
	{ .type = "deb",
	        .name = "grub-efi-amd64-signed",
	        .version = "1+2.06+13",
	        .source = "grub-efi-amd64-signed",
	        .source_version = "1+2.06+13" },
	{ .type = "deb",
	        .name = "shim-signed",
	        .version = "1.44~1+deb12u1+15.8-1~deb12u1",
	        .source = "shim-signed",
	        .source_version = "1.44~1+deb12u1" },
	{ .type = "maven", .name = "org.a/b", .version = "1", .source = "org.a/b", .source_version = "1" },
	{ .type = "pypi",
	        .name = "zope-interface",
	        .version = "5",
	        .source = "zope-interface",
	        .source_version = "5" },
};

static void advisories_find_packages_by_their_names(void **state)
{
	static const struct {
		const char *name;
		size_t found;
	} rows[] = { { "openssl", 1 }, { "libssl3", 1 }, { "linux", 1 }, { "grub2", 1 }, { "shim", 1 },
		{ "grub-efi-amd64-signed", 1 }, { "org.a:b", 1 }, { "Zope.Interface", 1 },
		{ "fwupd-efi", 0 } };
	struct posture_catalogue *c = catalogue_new();
	struct posture *p = posture_new();
	struct reverse *r = reverse_new(c);
	catalogue_attach(c, p);
	for (uint32_t i = 0; i < ARRAY_LENGTH(packages); i++)
		assert_non_null(catalogue_add(c, p, &packages[i], NULL, 0));
	for (uint32_t id = 0; id < catalogue_limit(c); id++)
		if (catalogue_package(c, id))
			reverse_add(r, id, 7);
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		const uint32_t *ids;
		size_t n = reverse_packages_of(r, rows[i].name, &ids);
		if (n != rows[i].found)
			fail_msg("%s: %zu packages", rows[i].name, n);
		roaring_bitmap_t *nodes = roaring_bitmap_create();
		if (n)
			reverse_add_nodes(r, ids[0], nodes);
		assert_int_equal(roaring_bitmap_get_cardinality(nodes), n > 0);
		assert_int_equal(roaring_bitmap_contains(nodes, 7), n > 0);
		roaring_bitmap_free(nodes);
	}
	reverse_free(r);
	posture_free(p);
	catalogue_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(advisories_find_packages_by_their_names),
	};
	return cmocka_run_group_tests_name("reverse", tests, NULL, NULL);
}
