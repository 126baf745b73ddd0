/* SPDX-License-Identifier: ISC */
/* The options of AAA: what they mean, and that every mistake is found. */
#include "softwire/aaa_settings.h"

#include "crypto/x509.h"
#include "tests/unit/directory.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

struct target {
	struct aaa_options aaa;
};
static const struct config_option rows[] = { AAA_OPTIONS(struct target, aaa) };

static char *dir;
static char reports[4096];

static int setup(void **state)
{
	dir = directory_make();
	return dir ? 0 : -1;
}

static int teardown(void **state)
{
	directory_remove(dir);
	return 0;
}

static void report(const char *text)
{
	size_t n = strlen(reports);
	snprintf(reports + n, sizeof(reports) - n, "%s\n", text);
}

static void write_file(const char *name, const char *text, mode_t mode)
{
	char *path FREE_ON_EXIT = xasprintf("%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void make_certificates(void)
{
	assert_int_equal(ca_init(dir, "Test", KEY_P256, NULL), 0);
	assert_int_equal(ca_issue(dir, ROLE_NODE, "alice", NULL, KEY_P256, 30, dir, NULL), 0);
	assert_int_equal(ca_issue(dir, ROLE_NODE, "bob", NULL, KEY_P256, 30, dir, NULL), 0);
}

/* @ in the text stands for the directory. */
static int load(const char *format, struct aaa_settings *ret, struct error *err)
{
	struct target t = { 0 };
	char *path FREE_ON_EXIT = xasprintf("%s/conf", dir);
	char *text FREE_ON_EXIT = xstrdup("");
	for (const char *at = format; *at;) {
		size_t n = strcspn(at, "@");
		char *longer = xasprintf("%s%.*s%s", text, (int)n, at, at[n] ? dir : "");
		free(text);
		text = longer;
		at += n + (at[n] == '@');
	}
	write_file("conf", text, 0600);
	reports[0] = '\0';
	int r = config_load(path, NULL, rows, ARRAY_LENGTH(rows), &t, report, err);
	if (r == 0)
		r = aaa_settings_load(&t.aaa, ret, report, err);
	config_clear(rows, ARRAY_LENGTH(rows), &t);
	return r;
}

static void understands_everything(void **state)
{
	struct aaa_settings s;
	struct error err = { "" };
	write_file("secret", "sesame\n", 0600);
	make_certificates();
	int r = load("nas_identifier = nas1\n"
	             "radius_server = 192.0.2.1 secret-file=@/secret timeout=500 tries=5 status-server=no "
	             "dead-time=9\n"
	             "radius_server = [2001:db8::1]:1645 secret-file=@/secret accounting=no "
	             "message-authenticator=no\n"
	             "radsec_server = radius.example name=other.example connections=4\n"
	             "radsec_ca = @/ca.pem\nradsec_certificate = @/alice.pem\nradsec_key = @/alice.key\n"
	             "radius_attribute = Operator-Name = 1example.org\nradius_attribute = "
	             "NAS-IP-Address=192.0.2.9\n"
	             "coa_listen = [::]:3799\ncoa_client = 192.0.2.1 secret-file=@/secret\n",
	        &s, &err);
	if (r < 0)
		fail_msg("%s", err.text);
	assert_int_equal(s.n_servers, 4);
	assert_string_equal(s.servers[0].text, "udp 192.0.2.1:1812");
	assert_int_equal(s.servers[0].radius.services, RADIUS_AUTHENTICATION);
	assert_int_equal(s.servers[0].radius.timeout_ms, 500);
	assert_int_equal(s.servers[0].radius.tries, 5);
	assert_int_equal(s.servers[0].radius.dead_ms, 9000);
	assert_false(s.servers[0].radius.status_server);
	assert_true(s.servers[0].radius.message_authenticator);
	assert_int_equal(s.servers[0].radius.secret.length, 6);
	assert_string_equal(s.servers[1].text, "udp 192.0.2.1:1813");
	assert_int_equal(s.servers[1].radius.services, RADIUS_ACCOUNTING);
	assert_string_equal(s.servers[2].text, "udp [2001:db8::1]:1645");
	assert_false(s.servers[2].radius.message_authenticator);
	assert_string_equal(s.servers[3].text, "tls radius.example:2083");
	assert_string_equal(s.servers[3].tls_name, "other.example");
	assert_int_equal(s.servers[3].radius.n_paths, 4);
	assert_memory_equal(s.servers[3].radius.secret.bytes, "radsec", 6);
	assert_int_equal(s.attributes.length, 14 + 6);
	assert_int_equal(s.identity.type, RADIUS_TUNNEL_CLIENT_AUTH_ID);
	assert_string_equal(s.nas_identifier, "nas1");
	assert_int_equal(s.n_coa_clients, 1);
	aaa_settings_clear(&s);
}

static void finds_every_mistake(void **state)
{
	static const struct {
		const char *text, *words;
	} mistakes[] = {
		{ "radius_server =\n", "HOST:PORT is missing" },
		{ "radius_server = 192.0.2.1:0 secret-file=@/secret\n", "a port is a number" },
		{ "radius_server = 192.0.2.1\n", "secret-file=PATH is missing" },
		{ "radius_server = 192.0.2.1 secret-file=relative\n", "an absolute path is wanted" },
		{ "radius_server = 192.0.2.1 secret-file=@/none\n", "none: No such file" },
		{ "radius_server = 192.0.2.1 secret-file=@/open\n", "chmod 600" },
		{ "radius_server = 192.0.2.1 secret-file=@/empty\n",
		        "a secret is one line of 1 to 128 bytes" },
		{ "radius_server = 192.0.2.1 secret-file=@/lines\n", "a secret is one line" },
		{ "radius_server = 192.0.2.1 secret-file=@/secret tries=0\n",
		        "tries=0: a number from 1 to 10" },
		{ "radius_server = 192.0.2.1 secret-file=@/secret timeout=1x\n", "timeout=1x: a number" },
		{ "radius_server = 192.0.2.1 secret-file=@/secret status-server=maybe\n",
		        "yes or no is wanted" },
		{ "radius_server = 192.0.2.1 secret-file=@/secret secret=foo\n",
		        "\"secret=foo\" is nothing known" },
		{ "radius_server = 192.0.2.1 secret-file=@/secret accounting=99999\n",
		        "accounting=99999: a number" },
		{ "radsec_server = r.example\n",
		        "radsec_ca, radsec_certificate and radsec_key must be given" },
		{ "radsec_server = r.example connections=99\n", "connections=99: a number from 1 to 16" },
		{ "radsec_key = @/open\n", "radsec_key: " },
		{ "radsec_ca = @/none\nradsec_certificate = @/pem\nradsec_key = @/key\n",
		        "none: No such file" },
		{ "radsec_ca = @/ca.pem\nradsec_certificate = @/alice.pem\nradsec_key = @/bob.key\n",
		        "bob.key: not the key of the certificate" },
		{ "radsec_ca = @/ca.pem\nradsec_certificate = @/secret\nradsec_key = @/bob.key\n",
		        "secret: cannot be used" },
		{ "radius_attribute = Operator-Name\n", "NAME=VALUE is wanted" },
		{ "radius_dictionary =\nradius_attribute = Nonsense=1\n",
		        "no attribute is named \"Nonsense\"" },
		{ "radius_attribute = NAS-IP-Address=300.1.1.1\n", "is not a value of it" },
		{ "radius_attribute = User-Password=x\n", "it cannot be set here" },
		{ "radius_dictionary = @/none\nradius_attribute = Nonsense=1\n",
		        "is not built in, and radius_dictionary" },
		{ "radius_identity_attribute = NAS-Port\n", "is no attribute that is a text" },
		{ "coa_client = 192.0.2.1 secret-file=@/secret\n", "without coa_listen nobody hears it" },
		{ "coa_listen = [::]:3799\n", "no coa_client may send anything" },
		{ "coa_listen = host.example:3799\ncoa_client = 192.0.2.1 secret-file=@/secret\n",
		        "is not an address" },
		{ "coa_listen = [::]\ncoa_client = nobody secret-file=@/secret\n",
		        "\"nobody\" is not an address" },
		{ "coa_listen = [::]\ncoa_client = 192.0.2.1 secret-file=@/secret\ncoa_client = 192.0.2.1 "
		  "secret-file=@/secret\n",
		        "this address is there twice" },
		{ "users_file = @/users\nradius_server = 192.0.2.1 secret-file=@/secret\n",
		        "one of them decides" },
		{ "users_file = @/open\n", "chmod 600" },
		{ "users_file = @/bad-users\n", "bad-users:1: a user has a name and a password" },
	};
	write_file("secret", "sesame\n", 0600);
	write_file("open", "sesame\n", 0644);
	write_file("pem", "x", 0644);
	write_file("key", "x", 0600);
	make_certificates();
	write_file("empty", "\n", 0600);
	write_file("lines", "a\nb\n", 0600);
	write_file("users", "alice plain:x\n", 0600);
	write_file("bad-users", "alice\n", 0600);
	for (size_t i = 0; i < ARRAY_LENGTH(mistakes); i++) {
		struct aaa_settings s;
		struct error err = { "" };
		int r = load(mistakes[i].text, &s, &err);
		if (r != -EINVAL || !strstr(reports, mistakes[i].words) || !*err.text)
			fail_msg("row %zu: %d: %s", i, r, reports);
	}
}

static void finds_all_of_them_at_once(void **state)
{
	struct aaa_settings s;
	struct error err = { "" };
	assert_int_equal(
	        load("radius_server = 192.0.2.1\nradsec_server = [1\ncoa_client = x\nradius_attribute = y\n",
	                &s, &err),
	        -EINVAL);
	assert_non_null(strstr(reports, "radius_server"));
	assert_non_null(strstr(reports, "radsec_server"));
	assert_non_null(strstr(reports, "coa_client"));
	assert_non_null(strstr(reports, "radius_attribute"));
}

static void too_many_servers_are_refused(void **state)
{
	char text[4096] = "";
	struct aaa_settings s;
	struct error err = { "" };
	write_file("secret", "sesame\n", 0600);
	for (int i = 0; i < 9; i++)
		strcat(text, "radius_server = 192.0.2.1 secret-file=@/secret\n");
	assert_int_equal(load(text, &s, &err), -EINVAL);
	assert_non_null(strstr(reports, "more than 16 authentication and accounting ports"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(understands_everything, setup, teardown),
		cmocka_unit_test_setup_teardown(finds_every_mistake, setup, teardown),
		cmocka_unit_test_setup_teardown(finds_all_of_them_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(too_many_servers_are_refused, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
