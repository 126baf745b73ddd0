/* SPDX-License-Identifier: ISC */
#include "agent/options.h"
#include "agent/state.h"
#include "tests/unit/agent/tree.h"

#include <errno.h>
#include <sys/stat.h>

static int load(const char *const *settings, struct error *err)
{
	struct agent_options o = { 0 };
	int r = agent_options_load(NULL, settings, &o, NULL, err);
	agent_options_clear(&o);
	return r;
}

static void defaults_need_only_a_server(void **state)
{
	const char *const settings[] = { "server=[2001:db8::1]:271", "server=server.example",
		"interface=eth0", NULL };
	struct agent_options o = { 0 };
	struct error err;
	assert_int_equal(agent_options_load(NULL, settings, &o, NULL, &err), 0);
	assert_int_equal(o.servers.count, 2);
	assert_string_equal(o.interfaces.items[0], "eth0");
	assert_string_equal(o.key, "/etc/pratique/node.key");
	assert_string_equal(o.remediate, "");
	assert_int_equal(o.remediate_limit_ms, 30 * 60000);
	agent_options_clear(&o);
}

static void what_is_wrong_is_refused(void **state)
{
	static const char *const rows[][3] = {
		{ NULL },
		{ "server=[2001:db8::1]271", NULL },
		{ "server=:271", NULL },
		{ "server=[]:271", NULL },
		{ "server=192.0.2.1:0", NULL },
		{ "server=192.0.2.1:65536", NULL },
		{ "server=192.0.2.1:271", "interface=../etc", NULL },
		{ "server=192.0.2.1:271", "interface=abcdefghijklmnop", NULL },
		{ "server=192.0.2.1:271", "key=relative", NULL },
		{ "server=192.0.2.1:271", "no_such_option=1", NULL },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct error err = { "" };
		assert_int_equal(load(rows[i], &err), -EINVAL);
		assert_true(*err.text);
	}
}

static void a_certificate_is_kept_and_found_again(void **state)
{
	static const char *const interfaces[] = { "", "eth0" };
	struct tree t = tree_make();
	char *folder FREE_ON_EXIT = tree_path(&t, "/state/agent");
	struct error err;
	struct stat st;
	assert_int_equal(state_open(folder, &err), 0);
	assert_int_equal(stat(folder, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	for (size_t i = 0; i < ARRAY_LENGTH(interfaces); i++) {
		uint8_t digest[32] = { (uint8_t)i, 7 };
		char *text FREE_ON_EXIT = xasprintf("token.%zu", i);
		struct ipc_certificate c = { (char *)interfaces[i], text, 1790000000000, digest,
			sizeof(digest) },
		                       got;
		assert_int_equal(state_load_certificate(folder, interfaces[i], &got, &err), -ENOENT);
		assert_int_equal(state_keep_certificate(folder, &c, &err), 0);
		assert_int_equal(state_load_certificate(folder, interfaces[i], &got, &err), 0);
		assert_string_equal(got.text, text);
		assert_int_equal(got.expires_ms, 1790000000000);
		assert_memory_equal(got.digest, digest, sizeof(digest));
		ipc_body_clear(IPC_CERTIFICATE, &got);
		c.text = (char *)"";
		assert_int_equal(state_keep_certificate(folder, &c, &err), 0);
		assert_int_equal(state_load_certificate(folder, interfaces[i], &got, &err), -ENOENT);
	}
	tree_remove(&t);
}

static void the_network_half_cannot_name_other_files(void **state)
{
	static const char *const names[] = { "../x", "a/b", ".", "..", "a b" };
	struct tree t = tree_make();
	struct error err;
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		const struct ipc_certificate c = { .interface = (char *)names[i], .text = (char *)"t" };
		assert_int_equal(state_keep_certificate(t.path, &c, &err), -EINVAL);
	}
	tree_remove(&t);
}

static void a_damaged_file_is_refused(void **state)
{
	static const char *const rows[] = { "", "x", "\0\0\0\2\0\104" };
	struct tree t = tree_make();
	struct error err;
	struct ipc_certificate got;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		tree_write_bytes(&t, "/certificate", rows[i], i == 2 ? 6 : strlen(rows[i]));
		assert_int_equal(state_load_certificate(t.path, "", &got, &err), -EBADMSG);
	}
	/* Nor is one that belongs to another interface. */
	uint8_t digest[32] = { 0 };
	const struct ipc_certificate c = { (char *)"eth0", (char *)"t", 1, digest, sizeof(digest) };
	assert_int_equal(state_keep_certificate(t.path, &c, &err), 0);
	char *from FREE_ON_EXIT = tree_path(&t, "/certificate-eth0"),
	           *to FREE_ON_EXIT = tree_path(&t, "/certificate");
	assert_int_equal(rename(from, to), 0);
	assert_int_equal(state_load_certificate(t.path, "", &got, &err), -EBADMSG);
	tree_remove(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_need_only_a_server),
		cmocka_unit_test(what_is_wrong_is_refused),
		cmocka_unit_test(a_certificate_is_kept_and_found_again),
		cmocka_unit_test(the_network_half_cannot_name_other_files),
		cmocka_unit_test(a_damaged_file_is_refused),
	};
	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
