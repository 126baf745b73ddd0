/* SPDX-License-Identifier: ISC */
#include "posture/purl.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct posture *debian(void)
{
	struct posture *p = posture_new();
	p->os_id = "debian";
	p->os_version = "12";
	p->os_codename = "bookworm";
	return p;
}

static void formats_and_reads_back(void **state)
{
	static const struct {
		struct posture_package package;
		const char *purl, *with_source;
	} rows[] = {
		{ { "deb", "openssl", "3.0.15-1~deb12u1", "amd64", "openssl", "3.0.15-1~deb12u1" },
		        "pkg:deb/debian/openssl@3.0.15-1~deb12u1?arch=amd64&distro=bookworm",
		        "pkg:deb/debian/openssl@3.0.15-1~deb12u1?arch=amd64&distro=bookworm" },
		{ { "deb", "libstdc++6", "1:12.2.0-14+deb12u1", "amd64", "gcc-12", "12.2.0-14" },
		        "pkg:deb/debian/libstdc%2B%2B6@1:12.2.0-14%2Bdeb12u1?arch=amd64&distro=bookworm",
		        "pkg:deb/debian/libstdc%2B%2B6@1:12.2.0-14%2Bdeb12u1?arch=amd64&distro=bookworm"
		        "&upstream=gcc-12%4012.2.0-14" },
		{ { "deb", "libssl3", "3.0", NULL, "openssl", "3.0" },
		        "pkg:deb/debian/libssl3@3.0?distro=bookworm",
		        "pkg:deb/debian/libssl3@3.0?distro=bookworm&upstream=openssl" },
		{ { "npm", "@scope/name", "1.2.3", NULL, "@scope/name", "1.2.3" },
		        "pkg:npm/%40scope/name@1.2.3", "pkg:npm/%40scope/name@1.2.3" },
	};
	struct posture *p = debian();
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		char *purl = posture_purl(p, &rows[i].package), *full = purl_with_source(p, &rows[i].package);
		assert_string_equal(purl, rows[i].purl);
		assert_string_equal(full, rows[i].with_source);
		struct posture_package got;
		struct error err;
		assert_int_equal(purl_parse(full, strlen(full), p, &got, &err), 0);
		assert_string_equal(got.type, rows[i].package.type);
		assert_string_equal(got.name, rows[i].package.name);
		assert_string_equal(got.version, rows[i].package.version);
		if (rows[i].package.architecture)
			assert_string_equal(got.architecture, rows[i].package.architecture);
		else
			assert_null(got.architecture);
		assert_string_equal(got.source, rows[i].package.source);
		assert_string_equal(got.source_version, rows[i].package.source_version);
		free(purl);
		free(full);
	}
	posture_free(p);
}

static void other_distributions(void **state)
{
	static const struct {
		const char *os_id, *os_version;
		struct posture_package package;
		const char *with_source, *os_namespace;
	} rows[] = {
		{ "fedora", "40", { "rpm", "curl", "8.6.0-7.fc40", "x86_64", "curl", "8.6.0-7.fc40" },
		        "pkg:rpm/fedora/curl@8.6.0-7.fc40?arch=x86_64&distro=fedora-40", "fedora" },
		{ "rocky", "9.3",
		        { "rpm", "openssl-libs", "1:3.0.7-25.el9_3", "x86_64", "openssl",
		                "1:3.0.7-25.el9_3" },
		        "pkg:rpm/rocky/openssl-libs@3.0.7-25.el9_3?arch=x86_64&distro=rocky-9.3&epoch=1"
		        "&upstream=openssl",
		        "rocky" },
		{ "rhel", "9.3",
		        { "rpm", "perl-libs", "4:5.32.1-480.el9", "x86_64", "perl", "5.32.1-481.el9" },
		        "pkg:rpm/redhat/perl-libs@5.32.1-480.el9?arch=x86_64&distro=rhel-9.3&epoch=4"
		        "&upstream=perl%405.32.1-481.el9",
		        "redhat" },
		{ "opensuse-leap", "15.5",
		        { "rpm", "libz1", "1.2.13-150500.4.3.1", "x86_64", "zlib", "1.2.13-150500.4.3.1" },
		        "pkg:rpm/opensuse/libz1@1.2.13-150500.4.3.1?arch=x86_64&distro=opensuse-leap-15.5"
		        "&upstream=zlib",
		        "opensuse" },
		{ "alpine", "3.18.4", { "apk", "libssl3", "3.1.4-r1", "x86_64", "openssl", "3.1.4-r1" },
		        "pkg:apk/alpine/libssl3@3.1.4-r1?arch=x86_64&distro=alpine-3.18.4&upstream=openssl",
		        "alpine" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct posture *p = posture_new();
		p->os_id = rows[i].os_id;
		p->os_version = rows[i].os_version;
		char *full FREE_ON_EXIT = purl_with_source(p, &rows[i].package);
		assert_string_equal(full, rows[i].with_source);
		struct posture_package got;
		char namespace[64], distro[64], wanted[64];
		assert_int_equal(purl_parse(full, strlen(full), p, &got, NULL), 0);
		assert_string_equal(got.name, rows[i].package.name);
		assert_string_equal(got.version, rows[i].package.version);
		assert_string_equal(got.source, rows[i].package.source);
		assert_string_equal(got.source_version, rows[i].package.source_version);
		assert_int_equal(purl_distribution(full, namespace, distro), 0);
		assert_string_equal(namespace, rows[i].os_namespace);
		snprintf(wanted, sizeof(wanted), "%s-%s", rows[i].os_id, rows[i].os_version);
		assert_string_equal(distro, wanted);
		posture_free(p);
	}
}

/* An epoch is of rpm alone, a number, and never said twice; a source package may be named by its file. */
static void epochs_and_source_files_of_others(void **state)
{
	static const struct {
		const char *text, *version, *source, *source_version;
	} rows[] = {
		{ "pkg:rpm/fedora/a@1-2?epoch=3&upstream=b-1-2.src.rpm", "3:1-2", "b", "3:1-2" },
		{ "pkg:rpm/fedora/a@1-2?upstream=b-c-4-5.fc9.nosrc.rpm&epoch=3", "3:1-2", "b-c", "4-5.fc9" },
		{ "pkg:rpm/fedora/a@1-2?epoch=x", "1-2", "a", "1-2" },
		{ "pkg:rpm/fedora/a@7:1-2?epoch=3", "7:1-2", "a", "7:1-2" },
		{ "pkg:deb/debian/a@1-2?epoch=3", "1-2", "a", "1-2" },
		{ "pkg:rpm/fedora/a@1-2?upstream=b-.src.rpm", "1-2", "b-.src.rpm", "1-2" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct posture *p = posture_new();
		struct posture_package got;
		assert_int_equal(purl_parse(rows[i].text, strlen(rows[i].text), p, &got, NULL), 0);
		assert_string_equal(got.version, rows[i].version);
		assert_string_equal(got.source, rows[i].source);
		assert_string_equal(got.source_version, rows[i].source_version);
		posture_free(p);
	}
}

static void reads_what_others_write(void **state)
{
	static const struct {
		const char *text, *type, *name, *version;
	} rows[] = {
		{ "pkg:DEB/debian/curl@7.50.3-1?arch=i386&distro=jessie", "deb", "curl", "7.50.3-1" },
		{ "pkg:npm/%40angular/animation@12.3.1", "npm", "@angular/animation", "12.3.1" },
		{ "pkg://pypi/django@1.11.1#sub/path", "pypi", "django", "1.11.1" },
		{ "pkg:rpm/fedora/curl@7.50.3-1.fc25?arch=i386", "rpm", "curl", "7.50.3-1.fc25" },
		{ "pkg:deb/debian/attr@1%3A2.4.47-2%2Bb2", "deb", "attr", "1:2.4.47-2+b2" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct posture *p = posture_new();
		struct posture_package got;
		struct error err;
		assert_int_equal(purl_parse(rows[i].text, strlen(rows[i].text), p, &got, &err), 0);
		assert_string_equal(got.type, rows[i].type);
		assert_string_equal(got.name, rows[i].name);
		assert_string_equal(got.version, rows[i].version);
		posture_free(p);
	}
}

static void refuses_what_is_none(void **state)
{
	static const char *const rows[] = { "", "pkg:", "pkg:deb", "pkg:deb/", "pkg:deb/debian/openssl",
		"pkg:deb/debian/@1", "pkg:deb/debian/a@", "http://deb/a@1", "pkg:d eb/a@1",
		"pkg:deb/debian/a@1%2", "pkg:deb/debian/a@%00", "pkg:deb/debian/%zz@1", "pkg:npm/@scope/name",
		"pkg:deb//@1?a=b" };
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct posture *p = posture_new();
		struct posture_package got;
		struct error err;
		assert_int_equal(purl_parse(rows[i], strlen(rows[i]), p, &got, &err), -EINVAL);
		posture_free(p);
	}
}

/* What a posture does not take may be long, what it takes may not. */
static void long_qualifiers(void **state)
{
	char text[3000];
	struct posture *p = posture_new();
	struct posture_package got;
	memset(text, 'u', sizeof(text));
	memcpy(text, "pkg:deb/a@1?vcs_url=", 20);
	assert_int_equal(purl_parse(text, sizeof(text), p, &got, NULL), 0);
	memcpy(text, "pkg:deb/a@1?upstream=", 21);
	assert_int_equal(purl_parse(text, sizeof(text), p, &got, NULL), -EINVAL);
	posture_free(p);
}

/* What one part holds once it is decoded is not a separator to the next. */
static void escapes_stay_within_their_part(void **state)
{
	static const char text[] = "pkg:deb/debian/a@1?arch=%26upstream%3Db%402&ARCH=x&upstream=c%3D%402%262",
	                  with_nul[] = "pkg:deb/a@1\0";
	struct posture *p = posture_new();
	struct posture_package got;
	assert_int_equal(purl_parse(text, sizeof(text) - 1, p, &got, NULL), 0);
	assert_string_equal(got.architecture, "&upstream=b@2");
	assert_string_equal(got.source, "c=");
	assert_string_equal(got.source_version, "2&2");
	assert_int_equal(purl_parse(with_nul, sizeof(with_nul), p, &got, NULL), -EINVAL);
	assert_int_equal(purl_parse(with_nul, sizeof(with_nul) - 2, p, &got, NULL), 0);
	posture_free(p);
}

/* The architecture of the package before is the same string. */
static void shares_architectures(void **state)
{
	static const char *const rows[] = { "pkg:deb/a@1?arch=amd64", "pkg:deb/b@1?arch=amd64",
		"pkg:deb/c@1?arch=amd", "pkg:deb/d@1?arch=%00", "pkg:deb/e@1" };
	struct posture *p = posture_new();
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct posture_package got;
		assert_int_equal(purl_parse(rows[i], strlen(rows[i]), p, &got, NULL), 0);
		assert_int_equal(posture_add_package(p, &got), 0);
	}
	assert_ptr_equal(p->packages[0].architecture, p->packages[1].architecture);
	assert_string_equal(p->packages[2].architecture, "amd");
	assert_null(p->packages[3].architecture);
	assert_null(p->packages[4].architecture);
	posture_free(p);
}

static void names_the_distribution(void **state)
{
	char namespace[64], distro[64];
	assert_int_equal(
	        purl_distribution("pkg:deb/debian/a@1?arch=amd64&distro=debian-12", namespace, distro), 0);
	assert_string_equal(namespace, "debian");
	assert_string_equal(distro, "debian-12");
	assert_int_equal(purl_distribution("pkg:pypi/a@1", namespace, distro), 0);
	assert_string_equal(namespace, "");
	assert_string_equal(distro, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats_and_reads_back),
		cmocka_unit_test(other_distributions),
		cmocka_unit_test(epochs_and_source_files_of_others),
		cmocka_unit_test(reads_what_others_write),
		cmocka_unit_test(refuses_what_is_none),
		cmocka_unit_test(long_qualifiers),
		cmocka_unit_test(escapes_stay_within_their_part),
		cmocka_unit_test(shares_architectures),
		cmocka_unit_test(names_the_distribution),
	};
	return cmocka_run_group_tests_name("purl", tests, NULL, NULL);
}
