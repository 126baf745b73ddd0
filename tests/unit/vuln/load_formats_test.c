/* SPDX-License-Identifier: ISC */
/*
 * Publishers' own formats, as they document them, in records written here: Debian's tracker, Alpine's secdb,
 * Ubuntu's notices, updateinfo.xml, and apt's lists with their InRelease. What they come to is asked of the
 * matcher.
 */
#include "base/file.h"
#include "tests/unit/vuln/load_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void expect_match(struct load_fixture *f, const char *system, const char *type, const char *name,
        const char *version, const char *ids)
{
	char *os FREE_ON_EXIT = xstrdup(system), *colon = strchr(os, ':');
	*colon = '\0';
	char *found FREE_ON_EXIT = load_match(f, os, colon + 1, type, name, version);
	if (strcmp(found, ids) != 0)
		fail_msg("%s %s %s: \"%s\", not \"%s\"", system, name, version, found, ids);
}

#define TRACKER \
	"{\"openssl\":{\"CVE-2026-1\":{\"description\":\"one\",\"scope\":\"remote\",\"releases\":{" \
	"\"bookworm\":{\"status\":\"resolved\",\"repositories\":{\"bookworm\":\"3.0.9-1\"},\"fixed_" \
	"version\":\"3.0.10-1\"," \
	"\"urgency\":\"high\"},\"bullseye\":{\"status\":\"open\",\"repositories\":{},\"urgency\":\"low\"," \
	"\"nodsa\":" \
	"\"Minor " \
	"issue\",\"nodsa_reason\":\"postponed\"},\"trixie\":{\"status\":\"resolved\",\"fixed_version\":" \
	"\"0\"," \
	"\"urgency\":\"unimportant\"},\"sid\":{\"status\":\"resolved\",\"fixed_version\":\"3.1-1\"," \
	"\"urgency\":\"high\"}}}," \
	"\"CVE-2026-2\":{\"releases\":{\"bookworm\":{\"status\":\"undetermined\",\"urgency\":\"not yet " \
	"assigned\"}}}," \
	"\"CVE-2026-3\":{\"releases\":{\"bookworm\":{\"status\":\"resolved\",\"urgency\":\"low\"}}}}," \
	"\"nodejs\":{\"CVE-2026-1\":{\"releases\":{\"bookworm\":{\"status\":\"open\",\"urgency\":\"low\"}}}" \
	"," \
	"\"TEMP-0000001-ABCDEF\":{\"releases\":{\"bookworm\":{\"status\":\"odd\"}}}},\"empty\":{}," \
	"\"wrong\":[]}"

static void debian_tracker(void **state)
{
	struct load_fixture *f = *state;
	load_write(f, "data.json", TRACKER, SIZE_MAX);
	/* CVE-2026-1 of two packages is one record; 2 says nothing; 3, TEMP and "wrong" are refused. */
	load_expect(f, "debian-tracker", "data.json", 1, 1, 3);
	assert_int_equal(f->report.statements_unmapped, 2);
	expect_match(f, "debian:12", "deb", "openssl", "3.0.9-1", "CVE-2026-1 (fixed 3.0.10-1)");
	expect_match(f, "debian:12", "deb", "openssl", "3.0.10-1", "");
	expect_match(f, "debian:11", "deb", "openssl", "1.1.1n-0", "CVE-2026-1");
	expect_match(f, "debian:13", "deb", "openssl", "1.0-1", "");
	expect_match(f, "debian:12", "deb", "nodejs", "18.0-1", "CVE-2026-1");
	/* The same again changes nothing: the records have no date of their own. */
	struct vuln_update_result result;
	load_expect(f, "debian-tracker", "data.json", 1, 1, 3);
	assert_int_equal(vuln_update_commit(f->update, 1800000000000, NULL, NULL, &result, &f->err), 0);
	assert_int_equal(result.records_put, 0);
	static const char *const broken[] = { "", "[]", "{", "{\"a\"", "{\"a\":1,}", "{\"a\":{}} x",
		"{\"a\":{}", "{a:1}", "{\"a\":{\"b\":1,\"b\":2}}" };
	for (size_t i = 0; i < ARRAY_LENGTH(broken); i++) {
		load_write(f, "data.json", broken[i], SIZE_MAX);
		if (load_try(f, "debian-tracker", "data.json", VULN_TRUST_NONE, NULL) == 0 &&
		        (f->report.refused == 0 || f->report.mapped > 0))
			fail_msg("taken: %s", broken[i]);
		vuln_update_forget(f->update);
	}
	/* Half a database takes nothing back. */
	char *half FREE_ON_EXIT = xstrndup(TRACKER, strlen(TRACKER) / 2);
	load_write(f, "data.json", half, SIZE_MAX);
	assert_int_equal(load_try(f, "debian-tracker", "data.json", VULN_TRUST_NONE, NULL), -EBADMSG);
}

#define SECDB(release, packages) \
	"{\"apkurl\":\"{{urlprefix}}/x.apk\",\"archs\":[\"x86_64\"],\"reponame\":\"main\",\"urlprefix\":" \
	"\"https://dl-cdn.alpinelinux.org/alpine\"" release ",\"packages\":[" packages "]}"
#define PKG(name, fixes) "{\"pkg\":{\"name\":\"" name "\",\"secfixes\":{" fixes "}}}"

static void alpine_secdb(void **state)
{
	struct load_fixture *f = *state;
	load_write(f, "d/main.json",
	        SECDB(",\"distroversion\":\"v3.18\"",
	                PKG("xen",
	                        "\"4.9.0-r1\":[\"CVE-2026-1 XSA-226 (+ regression)\",\"CVE-2026-2\"],\"0\":"
	                        "[\"CVE-2026-3\"]") "," PKG("bad", "\"1-r0\":[\"\",\"what is it\",1]")),
	        SIZE_MAX);
	load_write(f, "d/community.json",
	        SECDB(",\"distroversion\":\"v3.19\"", PKG("xen", "\"4.10.0-r1\":[\"CVE-2026-1\"]")),
	        SIZE_MAX);
	load_expect(f, "alpine-secdb", "d", 3, 0, 3);
	expect_match(f, "alpine:3.18.4", "apk", "xen", "4.8.0-r0",
	        "CVE-2026-1 (fixed 4.9.0-r1) CVE-2026-2 (fixed 4.9.0-r1)");
	expect_match(f, "alpine:3.18.4", "apk", "xen", "4.9.0-r1", "");
	expect_match(f, "alpine:3.19.0", "apk", "xen", "4.9.0-r1", "CVE-2026-1 (fixed 4.10.0-r1)");
	/* Who does not say of what it is. */
	load_write(f, "e/wolfi.json", SECDB("", PKG("xen", "\"4.9.0-r1\":[\"CVE-2026-1\"]")), SIZE_MAX);
	assert_int_equal(load_try(f, "alpine-secdb", "e", VULN_TRUST_NONE, NULL), -EBADMSG);
	assert_non_null(strstr(f->err.text, "names no ecosystem"));
	f->ecosystems = (const char *const[]){ "Wolfi", NULL };
	load_expect(f, "alpine-secdb", "e", 1, 0, 0);
	expect_match(f, "wolfi:1", "apk", "xen", "4.8.0-r0", "CVE-2026-1 (fixed 4.9.0-r1)");
}

#define NOTICE(more) \
	"{\"title\":\"OpenSSL vulnerability\",\"summary\":\"openssl " \
	"vulnerability\",\"isummary\":\"x\",\"description\":\"d\"," \
	"\"cves\":[\"CVE-2026-1\",\"https://launchpad.net/bugs/" \
	"1\"],\"timestamp\":1750000000.25,\"releases\":{" more "}}"
#define RELEASE(name, package, version) \
	"\"" name "\":{\"sources\":{\"" package "\":{\"version\":\"" version \
	"\",\"description\":\"\"}},\"binaries\":{\"lib" package "\":{\"version\":\"" version \
	"\"}},\"archs\":{}}"

/* What is said again and again of one id costs no more each time (comparing each with all takes longer than a
 * test may), and is refused where it is too much. */
static void one_id_again_and_again(void **state)
{
	struct load_fixture *f = *state;
	char *text;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	fputs("{\"distroversion\":\"v3.18\",\"packages\":[{\"pkg\":{\"name\":\"p\",\"secfixes\":{\"1-r0\":[",
	        out);
	for (int i = 0; i < 200000; i++)
		fprintf(out, "\"CVE-2026-1 X-%d\",", i);
	fputs("\"CVE-2026-2\"]}}}]}", out);
	fclose(out);
	load_write(f, "d/a.json", text, length);
	free(text);
	load_expect(f, "alpine-secdb", "d", 1, 0, 1);
	assert_non_null(strstr(f->report.first_refused[0], "more than 256 aliases"));
}

static void ubuntu_notices(void **state)
{
	struct load_fixture *f = *state;
	load_write(f, "database.json",
	        "{\"7000-1\":" NOTICE(RELEASE("jammy", "openssl", "3.0.2-0ubuntu1.10") "," RELEASE(
	                "warty", "openssl", "0.9")) ",\"7000-2\":" NOTICE(RELEASE("focal", "openssl",
	                "1.1.1f-1ubuntu2.19")) ",\"7001-1\":{\"timestamp\":1,\"releases\":3},\"7002-1\":{"
	                                       "\"releases\":{}}}",
	        SIZE_MAX);
	load_expect(f, "ubuntu-usn", "database.json", 2, 0, 2);
	assert_int_equal(f->report.statements_unmapped, 1);
	expect_match(f, "ubuntu:22.04", "deb", "openssl", "3.0.2-0ubuntu1.9",
	        "USN-7000-1 (fixed 3.0.2-0ubuntu1.10)");
	expect_match(f, "ubuntu:22.04", "deb", "openssl", "3.0.2-0ubuntu1.10", "");
	expect_match(f, "ubuntu:20.04", "deb", "openssl", "1.1.1f-1ubuntu2",
	        "USN-7000-2 (fixed 1.1.1f-1ubuntu2.19)");
	/* One a file. */
	load_write(f, "one/USN-7003-1.json",
	        "{\"id\":\"USN-7003-1\",\"timestamp\":1750000000,\"releases\":{" RELEASE(
	                "noble", "bash", "5.2-1ubuntu1") "}}",
	        SIZE_MAX);
	load_expect(f, "ubuntu-usn", "one", 1, 0, 0);
	expect_match(f, "ubuntu:24.04", "deb", "bash", "5.0", "USN-7003-1 (fixed 5.2-1ubuntu1)");
}

#define UPDATE(type, id, rest) \
	"<update from=\"x@example.com\" status=\"final\" type=\"" type "\" version=\"1\"><id>" id \
	"</id><title>t &amp; u</title>" \
	"<issued date=\"2026-01-02 03:04:05\"/><updated date=\"2026-01-03 " \
	"03:04:05\"/><severity>Important</severity>" \
	"<references><reference href=\"https://example.com\" id=\"CVE-2026-1\" title=\"CVE-2026-1\" " \
	"type=\"cve\"/></references>" \
	"<pkglist><collection short=\"c\"><name>c</name>" rest "</collection></pkglist></update>"
#define RPM(name, epoch, version, release, arch) \
	"<package name=\"" name "\" version=\"" version "\" release=\"" release "\" epoch=\"" epoch \
	"\" arch=\"" arch "\" src=\"top-" version "-" release \
	".src.rpm\"><filename>f.rpm</filename></package>"

static void rpm_updateinfo(void **state)
{
	struct load_fixture *f = *state;
	load_write(f, "updateinfo.xml",
	        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<updates>" UPDATE("security", "ALSA-2026:1",
	                RPM("foo", "1", "1.2", "3.el9", "x86_64") RPM("foo", "1", "1.2", "3.el9", "aarch64")
	                        RPM("bar", "0", "2", "1.el9", "noarch")) UPDATE("bugfix", "ALBA-2026:2",
	                RPM("baz", "0", "2", "1.el9", "noarch")) UPDATE("security", "", "")
	                UPDATE("security", "ALSA-2026:3", "<package name=\"x\"/>") "</updates>",
	        SIZE_MAX);
	assert_int_equal(load_try(f, "updateinfo", "updateinfo.xml", VULN_TRUST_NONE, NULL), -EBADMSG);
	assert_non_null(strstr(f->err.text, "ecosystem"));
	f->ecosystems = (const char *const[]){ "AlmaLinux:9", NULL };
	load_expect(f, "updateinfo", "updateinfo.xml", 1, 1, 2);
	expect_match(f, "almalinux:9.4", "rpm", "foo", "1:1.2-2.el9", "ALSA-2026:1 (fixed 1:1.2-3.el9)");
	expect_match(f, "almalinux:9.4", "rpm", "foo", "1:1.2-3.el9", "");
	expect_match(f, "almalinux:9.4", "rpm", "bar", "1-1.el9", "ALSA-2026:1 (fixed 2-1.el9)");
	/* Where advisories name sources, so do we. */
	f->ecosystems = (const char *const[]){ "Rocky Linux:9", NULL };
	load_expect(f, "updateinfo", "updateinfo.xml", 1, 1, 2);
	expect_match(f, "rocky:9.4", "rpm", "top", "1:1.2-2.el9", "ALSA-2026:1 (fixed 1:1.2-3.el9)");
}

static void xml_that_harms(void **state)
{
	struct load_fixture *f = *state;
	struct writer deep = wr_make(1 << 20);
	wr_bytes(&deep, "<updates>", 9);
	for (int i = 0; i < 10000; i++)
		wr_bytes(&deep, "<update>", 8);
	const struct {
		const char *text, *reason;
		size_t length;
	} rows[] = {
		{ "<?xml version=\"1.0\"?><!DOCTYPE l [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b "
		  "\"&a;&a;&a;&a;&a;&a;&a;&a;\">"
		  "<!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;&b;\">]><updates>&c;</updates>",
		        "document type", SIZE_MAX },
		{ "<!DOCTYPE updates SYSTEM \"file:///etc/passwd\"><updates/>", "document type", SIZE_MAX },
		{ "<updates>&x;</updates>", "undefined entity", SIZE_MAX },
		{ "<metalink/>", "<updates>", SIZE_MAX },
		{ "<updates><update>", "line 1", SIZE_MAX },
		{ "", "line 1", SIZE_MAX },
		{ (const char *)deep.data, "too deep", deep.length },
	};
	f->ecosystems = (const char *const[]){ "AlmaLinux:9", NULL };
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		load_write(f, "updateinfo.xml", rows[i].text, rows[i].length);
		assert_int_equal(
		        load_try(f, "updateinfo", "updateinfo.xml", VULN_TRUST_NONE, NULL), -EBADMSG);
		if (!strstr(f->err.text, rows[i].reason))
			fail_msg("row %zu: %s", i, f->err.text);
	}
	wr_free(&deep);
}

/* What a source may not speak of is not taken from it. */
static void only_its_own_ecosystem(void **state)
{
	struct load_fixture *f = *state;
	load_write(f, "data.json", TRACKER, SIZE_MAX);
	f->ecosystems = (const char *const[]){ "Debian:11", NULL };
	load_expect(f, "debian-tracker", "data.json", 1, 1, 3);
	expect_match(f, "debian:12", "deb", "openssl", "3.0.9-1", "");
	expect_match(f, "debian:11", "deb", "openssl", "1.1.1n-0", "CVE-2026-1");
}

#define LIST "Package: foo\nVersion: 2.0-1\nArchitecture: amd64\nSource: bar (2.0-1)\n\n"
#define PREFIX "lists/var/lib/apt/lists/deb_dists_bookworm-security_"

static void write_release(struct load_fixture *f, const char *list, time_t until)
{
	char digest[65] = "", text[64];
	const char *path = "main/binary-amd64/Packages";
	/* The digest of LIST, as sha256sum prints it. */
	snprintf(digest, sizeof(digest), "%s", "0");
	struct tm tm;
	gmtime_r(&until, &tm);
	strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S UTC", &tm);
	char *file FREE_ON_EXIT = xasprintf("%s/list", f->root),
	           *command FREE_ON_EXIT = xasprintf("sha256sum %s/list", f->root);
	load_write(f, "list", list, SIZE_MAX);
	FILE *p = popen(command, "r");
	assert_non_null(p);
	assert_non_null(fgets(digest, sizeof(digest), p));
	pclose(p);
	unlink(file);
	char *release FREE_ON_EXIT =
	        xasprintf("Origin: Debian\nSuite: stable-security\nVersion: 12\nCodename: "
	                  "bookworm-security\nDate: Fri, 20 Nov 2026 00:12:41 UTC\nValid-Until: "
	                  "%s\nSHA256:\n %s %zu %s\n",
	                text, digest, strlen(list), path);
	load_write(f, "Release", release, SIZE_MAX);
	load_sign(f, "alice", "--clearsign", "Release", PREFIX "InRelease");
}

static void apt_with_inrelease(void **state)
{
	struct load_fixture *f = *state;
	if (!load_have_gpg())
		skip();
	load_make_key(f, "alice");
	load_make_key(f, "mallory");
	load_write(f, PREFIX "main_binary-amd64_Packages", LIST, SIZE_MAX);
	write_release(f, LIST, time(NULL) + 86400);
	assert_int_equal(load_try(f, "apt", "apt:lists", VULN_TRUST_SIGNED, "alice.gpg"), 0);
	assert_int_equal(f->report.mapped, 1);
	assert_int_equal(f->report.signed_, 1);
	assert_true(load_try(f, "apt", "apt:lists", VULN_TRUST_SIGNED, "mallory.gpg") < 0);
	/* Another list than the one that was signed. */
	load_write(f, PREFIX "main_binary-amd64_Packages", "Package: foo\nVersion: 1.0-1\n\n", SIZE_MAX);
	assert_int_equal(load_try(f, "apt", "apt:lists", VULN_TRUST_SIGNED, "alice.gpg"), -EBADMSG);
	assert_int_equal(load_try(f, "apt", "apt:lists", VULN_TRUST_NONE, NULL), 0);
	/* A day too old: with or without a keyring. */
	load_write(f, PREFIX "main_binary-amd64_Packages", LIST, SIZE_MAX);
	write_release(f, LIST, time(NULL) - 60);
	assert_int_equal(load_try(f, "apt", "apt:lists", VULN_TRUST_SIGNED, "alice.gpg"), -ESTALE);
	assert_int_equal(load_try(f, "apt", "apt:lists", VULN_TRUST_NONE, NULL), -ESTALE);
	assert_non_null(strstr(f->err.text, "kept from us"));
}

/* This machine's own, where it has such lists. */
static void apt_of_this_machine(void **state)
{
	struct load_fixture *f = *state;
	const struct load_source source = { .name = "s",
		.from = "apt:",
		.keyring = "/usr/share/keyrings/debian-archive-keyring.gpg",
		.trust = VULN_TRUST_SIGNED };
	const struct load l = { .update = f->update, .report = &f->report };
	int r = access(source.keyring, R_OK) == 0 ? load_source(&l, &source, &f->err) : -ENOENT;
	if (r == -ENOENT) {
		print_message("# no Debian lists or keyring here: %s\n", f->err.text);
		skip();
	}
	if (r < 0)
		fail_msg("%s", f->err.text);
	assert_true(f->report.signed_ > 0);
	assert_true(f->report.mapped > 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, load_set_up, load_tear_down)
	const struct CMUnitTest tests[] = { TEST(debian_tracker), TEST(alpine_secdb),
		TEST(one_id_again_and_again), TEST(ubuntu_notices), TEST(rpm_updateinfo),
		TEST(xml_that_harms), TEST(only_its_own_ecosystem), TEST(apt_with_inrelease),
		TEST(apt_of_this_machine) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
