/* SPDX-License-Identifier: ISC */
/* The readers of configuration that others wrote: sshd's, accounts, ClamAV's databases. */
#include "base/cursor.h"
#include "posture/accounts.h"
#include "posture/cvd.h"
#include "posture/settings.h"
#include "posture/sshd_config.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* "Name=value" or "Name=value [criteria]", joined by "; ". */
static void assert_settings(const struct posture *p, const char *want)
{
	char text[2048] = "";
	size_t used = 0;
	for (size_t i = 0; i < p->sshd.count; i++) {
		const struct posture_setting *s = &p->sshd.items[i];
		used += (size_t)snprintf(
		        text + used, sizeof(text) - used, "%s%s=%s", i ? "; " : "", s->name, s->value);
		if (s->match)
			used += (size_t)snprintf(text + used, sizeof(text) - used, " [%s]", s->match);
	}
	assert_string_equal(text, want);
}

static void reads_what_sshd_prints(void **state)
{
	static const char output[] =
	        "port 22\nport 2222\naddressfamily any\npermitrootlogin without-password\n"
	        "banner none\nallowusers alice\nlogingracetime 120\nciphers a,b\nusepam yes";
	struct posture *p = posture_new();
	assert_int_equal(sshd_read_output(p, output, strlen(output)), 0);
	assert_settings(p,
	        "Port=22; Port=2222; PermitRootLogin=prohibit-password; Banner=none; AllowUsers=alice; "
	        "LoginGraceTime=120; Ciphers=a,b; UsePAM=yes");
	assert_true(p->sshd.known);
	posture_free(p);
	p = posture_new();
	assert_int_equal(sshd_read_output(p, "usage: sshd", 11), -ENODATA);
	assert_int_equal(sshd_read_output(p, "", 0), -ENODATA);
	assert_false(p->sshd.known);
	posture_free(p);
}

static int included(struct sshd_config *c, const char *pattern, struct error *err)
{
	static const struct {
		const char *pattern, *text;
	} files[] = { { "one.conf", "UsePAM no\nMatch User bob\nBanner /b\n" }, { "empty", "" },
		{ "loop", "Include loop\n" } };
	for (size_t i = 0; i < ARRAY_LENGTH(files); i++)
		if (strcmp(files[i].pattern, pattern) == 0)
			return sshd_read_config(c, pattern, files[i].text, strlen(files[i].text), err);
	return error_set(err, -ENOENT, "%s is not there", pattern);
}

static void reads_configurations(void **state)
{
	static const struct {
		const char *text;
		bool global;
		const char *settings;
	} rows[] = {
		{ "", true, "" },
		{ "PermitRootLogin no\npermitrootlogin yes\n", true, "PermitRootLogin=no" },
		{ "PERMITROOTLOGIN=Yes", true, "PermitRootLogin=yes" },
		{ " \tBanner = \"/etc/a b\" # why\n", true, "Banner=/etc/a b" },
		{ "#Banner x\n\nHostKey /x\nUsePAM yes\r\n", true, "UsePAM=yes" },
		{ "LoginGraceTime 2m\nClientAliveInterval 1h30m\n", true,
		        "LoginGraceTime=120; ClientAliveInterval=5400" },
		{ "Port 22\nPort 23\nAllowUsers a b\nAllowUsers c\n", true,
		        "Port=22; Port=23; AllowUsers=a; AllowUsers=b; AllowUsers=c" },
		{ "PermitRootLogin without-password\n", true, "PermitRootLogin=prohibit-password" },
		{ "X11Forwarding no\nMatch Address 10.0.0.0/8 User \"root\"\n X11Forwarding yes\nMatch "
		  "all\nUsePAM no\n",
		        true,
		        "X11Forwarding=no; X11Forwarding=yes [Address 10.0.0.0/8 User root]; UsePAM=no" },
		{ "X11Forwarding no\nMatch User a\nX11Forwarding yes\n", false,
		        "X11Forwarding=yes [User a]" },
		/* A Match of an included file ends with it; one around the Include counts in it. */
		{ "Include one.conf empty\nStrictModes no\n", true,
		        "UsePAM=no; Banner=/b [User bob]; StrictModes=no" },
		{ "Match User eve\nInclude one.conf\nStrictModes no\n", true,
		        "UsePAM=no [User eve]; Banner=/b [User bob]; StrictModes=no [User eve]" },
		{ "Banner \"a\\\"b\"\n", true, "Banner=a\"b" },
		{ "Banner \x1b[31m\n", true, "Banner=?[31m" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct posture *p = posture_new();
		struct sshd_config c = { .p = p, .global = rows[i].global, .include = included };
		struct error err = { "" };
		if (sshd_read_config(&c, "sshd_config", rows[i].text, strlen(rows[i].text), &err) < 0)
			fail_msg("%zu: %s", i, err.text);
		assert_settings(p, rows[i].settings);
		posture_free(p);
	}
}

static void refuses_configurations(void **state)
{
	static const struct {
		const char *text, *words;
		int r;
	} rows[] = {
		{ "UsePAM yes\nBanner \"open\n", "sshd_config:2: a quote is not closed", -EINVAL },
		{ "Include gone\n", "gone is not there", -ENOENT },
		{ "Include loop\n", "include each other", -E2BIG },
	};
	struct error err;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct posture *p = posture_new();
		struct sshd_config c = { .p = p, .global = true, .include = included };
		assert_int_equal(
		        sshd_read_config(&c, "sshd_config", rows[i].text, strlen(rows[i].text), &err),
		        rows[i].r);
		assert_non_null(strstr(err.text, rows[i].words));
		posture_free(p);
	}
	/* More lines than there is room for, and a line without an end. */
	struct posture *p = posture_new();
	struct sshd_config c = { .p = p, .global = true, .include = included };
	struct writer w = wr_make(SIZE_MAX);
	for (int i = 0; i <= POSTURE_SSHD_SETTINGS_MAX; i++)
		wr_bytes(&w, "Port 1\n", 7);
	assert_int_equal(sshd_read_config(&c, "a", (const char *)w.data, w.length, &err), -E2BIG);
	assert_int_equal(p->sshd.count, POSTURE_SSHD_SETTINGS_MAX);
	wr_reset(&w);
	for (int i = 0; i < 100000; i++)
		wr_bytes(&w, "a ", 2);
	assert_int_equal(sshd_read_config(&c, "a", (const char *)w.data, w.length, &err), -E2BIG);
	wr_free(&w);
	posture_free(p);
}

static void names_of_settings(void **state)
{
	assert_string_equal(
	        posture_setting_name(posture_sshd_settings, "permitROOTlogin"), "PermitRootLogin");
	assert_null(posture_setting_name(posture_sshd_settings, "PermitRoot"));
	assert_string_equal(posture_setting_name(posture_kernel_settings, "kernel.sysrq"), "kernel.sysrq");
}

static void finds_empty_passwords(void **state)
{
	static const struct {
		const char *passwd, *shadow, *names;
	} rows[] = {
		{ "root:x:0:0:root:/root:/bin/bash\n", "root:*:1::::::\n", "" },
		{ "root:x:0:0:root:/root:/bin/bash\n", "root::1::::::\n", "root " },
		{ "root:x:0:0:root:/root:/bin/bash\n", "root:$y$j9T$abc:1::::::\n", "" },
		{ "a::1:1::/:/bin/sh\nb:!:1:1::/:/bin/sh\n", "", "a " }, /* without shadow */
		{ "a:x:1:1::/:/usr/sbin/nologin\nb:x:1:1::/:/bin/false\nc:x:1:1::/:\nd:x:1:1\n",
		        "a::\nb::\nc::\nd::\n", "c d " },
		{ "a:x:1:1::/:/bin/sh\n", "b::\n", "" }, /* no entry: no login */
		{ "+::::::\n-bad::::::\n#x::\n\n:::::\nlonely\n", "+::\n", "" },
		{ "a\x1b:x:1:1::/:/bin/sh", "a\x1b:", "a? " },
		{ "a:x", "a:", "a " },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct posture *p = posture_new();
		char names[256] = "";
		accounts_read_text(
		        p, rows[i].passwd, strlen(rows[i].passwd), rows[i].shadow, strlen(rows[i].shadow));
		assert_true(p->passwordless_known);
		for (size_t n = 0; n < p->n_passwordless; n++) {
			strcat(names, p->passwordless[n]);
			strcat(names, " ");
		}
		assert_string_equal(names, rows[i].names);
		posture_free(p);
	}
}

/* A file that names more than a posture holds is told of, and does not pass for less. */
static void too_many_accounts(void **state)
{
	struct writer passwd = wr_make(SIZE_MAX), shadow = wr_make(SIZE_MAX);
	struct posture *p = posture_new();
	for (int i = 0; i < 2000; i++) {
		char line[64];
		wr_bytes(&passwd, line, (size_t)snprintf(line, sizeof(line), "u%d:x:1:1::/:/bin/sh\n", i));
		wr_bytes(&shadow, line, (size_t)snprintf(line, sizeof(line), "u%d:::\n", i));
	}
	accounts_read_text(
	        p, (const char *)passwd.data, passwd.length, (const char *)shadow.data, shadow.length);
	assert_int_equal(p->n_passwordless, POSTURE_ACCOUNTS_MAX);
	assert_int_equal(p->n_unknowns, 1);
	wr_free(&passwd);
	wr_free(&shadow);
	posture_free(p);
}

static void reads_database_headers(void **state)
{
	static const struct {
		const char *text;
		int r;
		int64_t seconds;
		uint32_t version;
	} rows[] = {
		{ "ClamAV-VDB:07 Nov 2024 04-34 -0500:27450:2067654:90:X:X:raynman:1730972094          ", 0,
		        1730972094, 27450 },
		{ "ClamAV-VDB:07 Nov 2024 04-34 -0500:27450:2067654:90:X:X:raynman:1730972094", 0, 1730972094,
		        27450 },
		{ "ClamAV-VDB:07 Nov 2024 04-34 -0500:27450:2067654:90:X:X:raynman:", -EBADMSG, 0, 0 },
		{ "ClamAV-VDB:07 Nov 2024 04-34 -0500:27450:2067654:90:X:X:raynman", -EBADMSG, 0, 0 },
		{ "ClamAV-VDB:d:-1:2:90:X:X:r:1730972094", -EBADMSG, 0, 0 },
		{ "ClamAV-VDB:d:99999999999:2:90:X:X:r:1730972094", -EBADMSG, 0, 0 },
		{ "ClamAV-VDB:d:1:2:90:X:X:r:99999999999999999999999", -EBADMSG, 0, 0 },
		{ "ClamAV-VDBx:d:1:2:90:X:X:r:1", -EBADMSG, 0, 0 },
		{ "", -EBADMSG, 0, 0 },
		{ "        ", -EBADMSG, 0, 0 },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct cvd_header h = { 0 };
		assert_int_equal(cvd_read_header(rows[i].text, strlen(rows[i].text), &h), rows[i].r);
		assert_int_equal(h.made, rows[i].seconds * 1000);
		assert_int_equal(h.version, rows[i].version);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_sshd_prints),
		cmocka_unit_test(reads_configurations),
		cmocka_unit_test(refuses_configurations),
		cmocka_unit_test(names_of_settings),
		cmocka_unit_test(finds_empty_passwords),
		cmocka_unit_test(too_many_accounts),
		cmocka_unit_test(reads_database_headers),
	};
	return cmocka_run_group_tests_name("configuration", tests, NULL, NULL);
}
