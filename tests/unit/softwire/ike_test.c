/* SPDX-License-Identifier: ISC */
#include "base/file.h"
#include "crypto/ca_rollover.h"
#include "softwire/ike_internal.h"
#include "tests/unit/directory.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct all {
	struct config_list local, concentrators;
	struct ike_options ike;
};
static const struct config_option table[] = {
	{ "concentrator", CONFIG_LIST, offsetof(struct all, concentrators), NULL, .help = "address" },
	IKE_CONFIG_ROWS(struct all, ike),
};

struct fixture {
	char *directory;
};

/* Files that a configuration names: their content does not matter to ike_check(). */
static void put(const struct fixture *f, const char *name, const char *text)
{
	struct error err;
	char *path = xasprintf("%s/%s", f->directory, name);
	assert_int_equal(file_replace(path, text, strlen(text), 0600, &err), 0);
	free(path);
}

static int set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	f->directory = directory_make();
	assert_non_null(f->directory);
	put(f, "any.pem", "x");
	put(f, "secret", "a-secret-of-many-letters\n");
	put(f, "any-psk", "0.0.0.0 another-secret-of-many\n");
	put(f, "psk",
	        "# keys\nnode.test 0123456789abcdef\n\"CN=a, O=b\" "
	        "0x000102030405060708090a0b0c0d0e0f10\n10.0.0.7 "
	        "0sMDEyMzQ1Njc4OWFiY2RlZmc=\n");
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	directory_remove(f->directory);
	free(f);
	return 0;
}

/* The lines of a configuration in which DIR stands for the fixture's directory; 0 or what ike_check() said
 * first. */
static char *check_as(const struct fixture *f, enum ike_role role, const char *lines, char **ret_printed)
{
	struct all all = { 0 };
	struct error err = { "" };
	struct ip_address local;
	char *path = xasprintf("%s/conf", f->directory), *text = xstrdup(""), *at;
	for (const char *c = lines; *c;) {
		size_t n = (at = strstr(c, "DIR")) ? (size_t)(at - c) : strlen(c);
		char *longer = xasprintf("%s%.*s%s", text, (int)n, c, at ? f->directory : "");
		free(text);
		text = longer;
		c += n + (at ? 3 : 0);
	}
	assert_int_equal(file_replace(path, text, strlen(text), 0600, &err), 0);
	free(text);
	assert_int_equal(config_load(path, NULL, table, ARRAY_LENGTH(table), &all, NULL, &err), 0);
	assert_int_equal(ip_parse("192.0.2.1", &local), 0);
	const struct ike_setup setup = { .role = role,
		.options = &all.ike,
		.local = &local,
		.n_local = role == IKE_CONCENTRATOR,
		.concentrators = &all.concentrators,
		.run_directory = f->directory,
		.dataplane_socket = "/run/x",
		.uid = geteuid(),
		.gid = getegid() };
	int r = ike_check(&setup, NULL, &err);
	assert_int_equal(r, *err.text ? -EINVAL : 0);
	if (r == 0 && ret_printed) {
		size_t size;
		FILE *out = open_memstream(ret_printed, &size);
		assert_int_equal(ike_print_configuration(&setup, out, &err), 0);
		(void)fclose(out);
	}
	config_clear(table, ARRAY_LENGTH(table), &all);
	free(path);
	return r < 0 ? xstrdup(err.text) : NULL;
}

#define PROGRAMS "charon = /bin/sh\ncharon_plugin = DIR/any.pem\n"
#define CERTIFICATE "certificate = DIR/any.pem\nkey = DIR/secret\nca = DIR/any.pem\n"
#define OWN CERTIFICATE "identity = me.test\n" PROGRAMS
#define TO "concentrator = 192.0.2.1\nconcentrator_name = sc.test\n"

/* The kernel does not say whose SA a packet came by. */
static void the_kernels_esp_is_for_one_peer(void **state)
{
	const struct fixture *f = *state;
	struct all all = { 0 };
	struct error err = { "" };
	assert_int_equal(config_load(NULL, NULL, table, ARRAY_LENGTH(table), &all, NULL, &err), 0);
	const struct ike_setup setup = { .role = IKE_CONCENTRATOR,
		.kernel = true,
		.options = &all.ike,
		.concentrators = &all.concentrators,
		.run_directory = f->directory,
		.uid = geteuid() };
	assert_int_equal(ike_check(&setup, NULL, &err), -EINVAL);
	assert_non_null(strstr(err.text, "ipsec: kernel is for initiators only"));
	assert_non_null(strstr(err.text, "a concentrator has ipsec = userspace"));
	config_clear(table, ARRAY_LENGTH(table), &all);
}

static const struct {
	enum ike_role role;
	const char *lines, *complaint; /* NULL: none */
} checks[] = {
	{ IKE_CONCENTRATOR, OWN, NULL },
	{ IKE_CONCENTRATOR, PROGRAMS "psk_file = DIR/psk\nidentity = sc.test\n", NULL },
	{ IKE_CONCENTRATOR, PROGRAMS, "peers must be able to prove themselves" },
	{ IKE_CONCENTRATOR, PROGRAMS "certificate = DIR/any.pem\nca = DIR/any.pem\n",
	        "certificate, key: both" },
	{ IKE_CONCENTRATOR, PROGRAMS "certificate = DIR/any.pem\nkey = DIR/secret\n", "ca: " },
	{ IKE_CONCENTRATOR, OWN "crl = DIR/none\n", "crl: " },
	{ IKE_CONCENTRATOR, OWN "unique = always\n", "unique: \"always\"" },
	{ IKE_CONCENTRATOR, OWN "esp = rot13\n", "esp: \"rot13\"" },
	{ IKE_CONCENTRATOR, PROGRAMS "psk_file = DIR/any-psk\nidentity = sc.test\n", "is nobody's address" },
	{ IKE_INITIATOR, OWN "concentrator = 192.0.2.1\nconcentrator_name = 192.0.2.0/24\n",
	        "not one peer's" },
	{ IKE_CONCENTRATOR, OWN "esp = null-sha256\n", NULL },
	{ IKE_CONCENTRATOR, OWN "esp = aes128gcm\nesp = aes128-sha1\n", "needs ikev1 = yes" },
	{ IKE_CONCENTRATOR, OWN "esp = aes128-sha1\nikev1 = yes\n", "not offered in IKEv2" },
	{ IKE_CONCENTRATOR, OWN "esp = aes128gcm\nesp = aes128-sha1\nikev1 = yes\n", NULL },
	{ IKE_INITIATOR, OWN TO "esp = aes256-sha1\nikev1 = yes\n", NULL },
	{ IKE_CONCENTRATOR, OWN "esp = null-sha256\nesp = aes128gcm\n", "stands alone" },
	{ IKE_CONCENTRATOR, OWN "ike = aes256-sha256-modp1024; x\n", "is not a proposal" },
	{ IKE_CONCENTRATOR, OWN "ike = null-sha256-ecp256\n", "is not secure" },
	{ IKE_CONCENTRATOR, CERTIFICATE PROGRAMS "identity = a\"b\n", "identity: " },
	{ IKE_CONCENTRATOR, OWN "concentrator_name = x\n", "is the initiator's" },
	{ IKE_CONCENTRATOR, OWN "eap = tls\n", "is the initiator's" },
	{ IKE_CONCENTRATOR, OWN "ike_radius = 192.0.2.9:1812\n", "both or none" },
	{ IKE_CONCENTRATOR, OWN "ike_radius = radius.test\nike_radius_secret = DIR/secret\n",
	        "is not ADDRESS:PORT" },
	{ IKE_CONCENTRATOR, OWN "ike_radius = [2001:db8::9]:1645\nike_radius_secret = DIR/secret\n", NULL },
	{ IKE_CONCENTRATOR,
	        PROGRAMS "psk_file = DIR/psk\nike_radius = 192.0.2.9\nike_radius_secret = DIR/secret\n",
	        "proves itself by certificate" },
	{ IKE_CONCENTRATOR, CERTIFICATE "charon = /nowhere/charon\ncharon_plugin = DIR/any.pem\n",
	        "charon-systemd" },
	{ IKE_CONCENTRATOR, CERTIFICATE "charon = /bin/sh\ncharon_plugin = /a b\n", "no blank" },
	{ IKE_INITIATOR, OWN TO, NULL },
	{ IKE_INITIATOR, OWN "concentrator = 192.0.2.1\n", "concentrator_name: " },
	{ IKE_INITIATOR, OWN "concentrator_name = sc.test\n", "concentrator: 1 to" },
	{ IKE_INITIATOR, OWN TO "concentrator = a,b\n", "is not an address or a name" },
	{ IKE_INITIATOR, PROGRAMS TO, "we must prove ourselves" },
	{ IKE_INITIATOR, OWN TO "psk_file = DIR/psk\n", "one of them" },
	{ IKE_INITIATOR, PROGRAMS TO "psk_file = DIR/psk\n", "has no key for sc.test" },
	{ IKE_INITIATOR, PROGRAMS "concentrator = a\nconcentrator_name = NODE.test\npsk_file = DIR/psk\n",
	        NULL },
	{ IKE_INITIATOR,
	        PROGRAMS "concentrator = a\nconcentrator_name = node.test\npsk_file = DIR/psk\nikev1 = yes\n",
	        "the concentrator is an address" },
	{ IKE_INITIATOR, PROGRAMS TO "eap = md5\nca = DIR/any.pem\n", "methods that derive keys" },
	{ IKE_INITIATOR, PROGRAMS TO "eap = mschapv2\nca = DIR/any.pem\n", "wants eap_identity" },
	{ IKE_INITIATOR,
	        PROGRAMS TO
	        "eap = mschapv2\neap_identity = alice\neap_password_file = DIR/secret\nca = DIR/any.pem\n",
	        NULL },
	{ IKE_INITIATOR, PROGRAMS TO "eap = mschapv2\neap_identity = alice\neap_password_file = DIR/secret\n",
	        "give ca" },
	{ IKE_INITIATOR, OWN TO "eap = tls\neap_identity = alice\nikev1 = yes\n", "IKEv1 has no EAP" },
};

static void options_are_checked(void **state)
{
	for (size_t i = 0; i < ARRAY_LENGTH(checks); i++) {
		char *said = check_as(*state, checks[i].role, checks[i].lines, NULL);
		if (checks[i].complaint && (!said || !strstr(said, checks[i].complaint)))
			fail_msg("row %zu: %s, not %s", i, said, checks[i].complaint);
		if (!checks[i].complaint && said)
			fail_msg("row %zu: %s", i, said);
		free(said);
	}
}

/* ---- pre-shared keys ---- */

static const struct {
	const char *text, *complaint; /* NULL: none */
} psks[] = {
	{ "a 0123456789abcdef\nb 0123456789abcdeg\n", NULL },
	{ "a 0123456789abcdef\nb 0123456789abcdef\n", ":2: the key is that of line 1" },
	{ "# first\n\na 0x30313233343536373839616263646566\nb 0123456789abcdef",
	        ":4: the key is that of line 3" },
	{ "a 0sMDEyMzQ1Njc4OWFiY2RlZg==\nb 0x30313233343536373839616263646566\n",
	        ":2: the key is that of line 1" },
	{ "a 0123456789abcdef\nA 0123456789abcdeg\n", ":2: this peer has another key in line 1" },
	{ "a 0123456789abcde\n", ":1: the secret has less than 16 bytes" },
	{ "a 0x0123\n", ":1: the secret has less than 16 bytes" },
	{ "a 0x012\n", ":1: the secret is not hexadecimal" },
	{ "a 0xzz112233445566778899aabbccddeeff00\n", ":1: the secret is not hexadecimal" },
	{ "a 0s!!!!\n", ":1: the secret is not hexadecimal" },
	{ "a\n", ":1: IDENTITY SECRET is expected" },
	{ "\"a b 0123456789abcdef\n", ":1: IDENTITY SECRET is expected" },
	{ "\"a b\"0123456789abcdef\n", ":1: IDENTITY SECRET is expected" },
	{ "%any 0123456789abcdef\n", ":1: \"%any\" is not one peer's identity" },
	{ "%any6 0123456789abcdef\n", ":1: \"%any6\" is not one peer's identity" },
	{ "*.test 0123456789abcdef\n", ":1: \"*.test\" is not one peer's identity" },
	{ "10.0.0.0/8 0123456789abcdef\n", ":1: \"10.0.0.0/8\" is not one peer's identity" },
	{ "10.0.0.1-10.0.0.9 0123456789abcdef\n", "is not one peer's identity" },
	{ "2001:db8::/32 0123456789abcdef\n", "is not one peer's identity" },
	{ "{0}:x 0123456789abcdef\n", "is not one peer's identity" },
	{ "dns:#2a 0123456789abcdef\n", "is not one peer's identity" },
	{ "IPv4Net:xxxxxxxx 0123456789abcdef\n", "is not one peer's identity" },
	{ "a\\b 0123456789abcdef\n", ":1: an identity is printable" },
	{ "# nobody\n", ":1: no peer has a key" },
	{ "", ":1: no peer has a key" },
};

static void keys_are_one_peers(void **state)
{
	const struct fixture *f = *state;
	char *path = xasprintf("%s/keys", f->directory);
	for (size_t i = 0; i < ARRAY_LENGTH(psks); i++) {
		struct ike_psk_list l = { 0 };
		struct error err = { "" };
		put(f, "keys", psks[i].text);
		int r = ike_psk_load(path, &l, NULL, &err);
		if (r != (psks[i].complaint ? -EINVAL : 0) || (r && !strstr(err.text, psks[i].complaint)))
			fail_msg("row %zu: %d %s", i, r, err.text);
		ike_psk_clear(&l);
	}
	free(path);
}

static void keys_are_read(void **state)
{
	const struct fixture *f = *state;
	struct ike_psk_list l = { 0 };
	struct error err;
	char *path = xasprintf("%s/psk", f->directory);
	assert_int_equal(ike_psk_load(path, &l, NULL, &err), 0);
	assert_int_equal(l.count, 3);
	const struct ike_psk *k = ike_psk_find(&l, "cn=A, o=B");
	assert_non_null(k);
	assert_int_equal(k->length, 17);
	assert_int_equal(k->secret[16], 0x10);
	k = ike_psk_find(&l, "10.0.0.7");
	assert_non_null(k);
	assert_int_equal(k->length, 17);
	assert_memory_equal(k->secret, "0123456789abcdefg", 17);
	assert_null(ike_psk_find(&l, "node"));
	ike_psk_clear(&l);
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(ike_psk_load(path, &l, NULL, &err), -EPERM);
	free(path);
}

/* ---- what is written ---- */

static void expect_text(const char *printed, const char *text)
{
	assert_non_null(printed);
	if (!strstr(printed, text))
		fail_msg("\"%s\" is not in:\n%s", text, printed);
}

static char *print(const struct fixture *f, enum ike_role role, const char *lines)
{
	char *printed = NULL, *said = check_as(f, role, lines, &printed);
	assert_null(said);
	return printed;
}

static void the_initiators_configuration(void **state)
{
	char *p = print(*state, IKE_INITIATOR, OWN TO "concentrator = sc2.test\nesp = aes256gcm\nesn = no\n");
	expect_text(p, "remote_addrs = 192.0.2.1\n");
	expect_text(p, "\tsoftwire2 {");
	expect_text(p, "remote_addrs = sc2.test\n");
	expect_text(p, "id = \"sc.test\"");
	expect_text(p, "id = \"me.test\"");
	expect_text(p, "local_ts = dynamic[udp/1701]\n\t\t\t\tremote_ts = dynamic[udp/1701]\n");
	expect_text(p, "esp_proposals = aes256gcm16-x25519-ecp256, aes256gcm16\n");
	expect_text(p, "mode = transport");
	expect_text(p, "mobike = no");
	expect_text(p, "version = 2");
	expect_text(p, "initiator_only = yes");
	assert_null(strstr(p, "version = 1"));
	assert_null(strstr(p, "socket-default"));
	free(p);
	/* Who calls itself 0.0.0.0 or :: is that, and not anybody. */
	p = print(*state, IKE_INITIATOR, OWN "concentrator = 192.0.2.1\nconcentrator_name = 0.0.0.0\n");
	expect_text(p, "id = \"ipv4:#00000000\"\n");
	free(p);
	p = print(*state, IKE_INITIATOR, OWN "concentrator = 192.0.2.1\nconcentrator_name = 0::0\n");
	expect_text(p, "id = \"ipv6:#00000000000000000000000000000000\"\n");
	free(p);
}

static void the_concentrators_configuration(void **state)
{
	char *p = print(*state, IKE_CONCENTRATOR,
	        OWN "psk_file = DIR/psk\nike_radius = 192.0.2.9:1645\nike_radius_secret = DIR/secret\ncrl = "
	            "DIR/any.pem\n");
	expect_text(p, "local_addrs = 192.0.2.1\n\t\tremote_addrs = %any\n");
	expect_text(p, "local_ts = dynamic[udp/1701]\n\t\t\t\tremote_ts = dynamic[udp]\n");
	expect_text(p, "\tcertificate {");
	expect_text(p, "\teap {");
	expect_text(p, "\tpsk {");
	expect_text(p, "auth = eap-radius");
	expect_text(p, "auth_port = 1645");
	expect_text(p, "revocation = strict");
	assert_null(strstr(p, "version = 1"));
	/* Secrets are not for the screen. */
	assert_null(strstr(p, "a-secret-of-many"));
	assert_null(strstr(p, "3031323334353637"));
	free(p);
	p = print(*state, IKE_CONCENTRATOR, PROGRAMS "psk_file = DIR/psk\nikev1 = yes\nidentity = sc.test\n");
	expect_text(p, "version = 1\n\t\taggressive = no");
	expect_text(p, "remote_addrs = 10.0.0.7");
	expect_text(p, "id = \"ipv4:#0a000007\"\n");
	assert_null(strstr(p, "remote_addrs = node.test"));
	free(p);
	/* HMAC-SHA1 is not for IKEv2. */
	p = print(*state, IKE_CONCENTRATOR,
	        OWN "psk_file = DIR/psk\nikev1 = yes\nesp = aes128gcm\nesp = aes128-sha1\nesn = no\n");
	expect_text(p, "esp_proposals = aes128gcm16-x25519-ecp256, aes128gcm16\n");
	expect_text(p, "esp_proposals = aes128gcm16, aes128-sha1\n");
	free(p);
}

static void what_is_written_is_private(void **state)
{
	const struct fixture *f = *state;
	struct all all = { 0 };
	struct error err;
	char *conf = xasprintf("%s/c", f->directory),
	     *path = xasprintf("%s/swanctl/swanctl.conf", f->directory);
	char *text = xasprintf(
	        "psk_file = %s/psk\ncharon = /bin/sh\ncharon_plugin = %s/psk\n", f->directory, f->directory);
	char *written = NULL;
	size_t length;
	struct stat st;
	put(f, "c", text);
	assert_int_equal(config_load(conf, NULL, table, ARRAY_LENGTH(table), &all, NULL, &err), 0);
	const struct ike_setup setup = { .role = IKE_CONCENTRATOR,
		.options = &all.ike,
		.concentrators = &all.concentrators,
		.run_directory = f->directory,
		.dataplane_socket = "/run/x",
		.uid = geteuid(),
		.gid = getegid() };
	assert_int_equal(ike_write_configuration(&setup, &err), 0);
	assert_int_equal(ike_write_configuration(&setup, &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(file_read(path, 65536, &written, &length, &err), 0);
	expect_text(written, "id = \"node.test\"\n\t\tsecret = 0x30313233343536373839616263646566\n");
	free(written);
	config_clear(table, ARRAY_LENGTH(table), &all);
	free(text);
	free(path);
	free(conf);
}

static bool there_is(const struct fixture *f, const char *name)
{
	char *path = xasprintf("%s/swanctl/%s", f->directory, name);
	bool is = access(path, F_OK) == 0;
	free(path);
	return is;
}

/* charon reads one certificate, and one list, of a file. */
static void both_cas_of_a_rollover_are_written(void **state)
{
	const struct fixture *f = *state;
	struct all all = { 0 };
	struct error err = { "" };
	char *ca = xasprintf("%s/ca", f->directory), *out = xasprintf("%s/out", f->directory),
	     *conf = xasprintf("%s/c", f->directory),
	     *path = xasprintf("%s/swanctl/swanctl.conf", f->directory);
	char *text = xasprintf("ca = %s/ca.pem\ncrl = %s/ca.crl\ncertificate = %s/sc.pem\nkey = %s/sc.key\n"
	                       "charon = /bin/sh\ncharon_plugin = %s/psk\n",
	        ca, ca, out, out, f->directory);
	char *written = NULL;
	size_t length;
	assert_int_equal(ca_init(ca, "Example", KEY_P256, &err), 0);
	assert_int_equal(ca_issue(ca, ROLE_CONCENTRATOR, "sc", NULL, KEY_P256, 30, out, &err), 0);
	put(f, "c", text);
	assert_int_equal(config_load(conf, NULL, table, ARRAY_LENGTH(table), &all, NULL, &err), 0);
	const struct ike_setup setup = { .role = IKE_CONCENTRATOR,
		.options = &all.ike,
		.concentrators = &all.concentrators,
		.run_directory = f->directory,
		.dataplane_socket = "/run/x",
		.uid = geteuid(),
		.gid = getegid() };
	for (int round = 0; round < 3; round++) {
		if (round == 1)
			assert_int_equal(ca_rollover_prepare(ca, KEY_P256, clock_wall_ms(), &err), 0);
		if (round == 2)
			assert_int_equal(ca_rollover_abort(ca, true, clock_wall_ms(), &err), 0);
		if (ike_write_configuration(&setup, &err) < 0)
			fail_msg("%s", err.text);
		assert_int_equal(file_read(path, 65536, &written, &length, &err), 0);
		expect_text(written, round == 1 ? "cacerts = ca.pem, ca-2.pem\n" : "cacerts = ca.pem\n");
		free(written);
		assert_int_equal(there_is(f, "x509ca/ca-2.pem"), round == 1);
		assert_int_equal(there_is(f, "x509crl/crl-2.pem"), round == 1);
		assert_false(there_is(f, "x509ca/ca-3.pem"));
	}
	config_clear(table, ARRAY_LENGTH(table), &all);
	free(ca);
	free(out);
	free(conf);
	free(path);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(options_are_checked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_kernels_esp_is_for_one_peer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(keys_are_one_peers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(keys_are_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_initiators_configuration, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_concentrators_configuration, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_written_is_private, set_up, tear_down),
		cmocka_unit_test_setup_teardown(both_cas_of_a_rollover_are_written, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
