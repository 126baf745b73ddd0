/* SPDX-License-Identifier: ISC */
/* `pratique policy` as a user meets it: output, messages and exit codes of the program itself. */
#include "base/file.h"
#include "tests/unit/test.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/pratique-policy-XXXXXX";

static const char site_policy[] = "define server { address 2001:db8::2 tcp 271 }\n"
                                  "segment quarantine default { allow to server }\n"
                                  "segment isolated { allow to server }\n"
                                  "segment staff level 2 { allow to any }\n"
                                  "role \"employee\" { node \"alice\" }\n"
                                  "require firewall { firewall.active }\n"
                                  "require patched { no advisory }\n"
                                  "admit role \"employee\" to staff when firewall\n"
                                  "admit role \"careful\" to staff when firewall, patched\n"
                                  "otherwise isolated\n"
                                  "inspect every 30 min certificate lifetime 45 min\n";

static void write_file(const char *name, const char *text)
{
	char *path FREE_ON_EXIT = xasprintf("%s/%s", folder, name);
	struct error err = { "" };
	assert_int_equal(file_replace(path, text, strlen(text), 0600, &err), 0);
}

static int make_files(void **state)
{
	if (!mkdtemp(folder))
		return -1;
	write_file("policy", site_policy);
	write_file("bad", "segment x { allow }\nsegment y { allow }\n");
	write_file("posture", "{\"firewall\": {\"active\": true}}");
	write_file("open", "{\"firewall\": {\"active\": false}}");
	return 0;
}

static int remove_files(void **state)
{
	static const char *const names[] = { "policy", "bad", "posture", "open", "out", "err" };
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		char *path FREE_ON_EXIT = xasprintf("%s/%s", folder, names[i]);
		(void)unlink(path);
	}
	return rmdir(folder);
}

struct run {
	int code;
	char *out, *err;
};

/* In the folder, so that messages name the files without their path. */
static struct run pratique(const char *arguments)
{
	struct run r = { 0 };
	struct error err = { "" };
	char *command FREE_ON_EXIT =
	        xasprintf("cd %s && %s policy %s >out 2>err", folder, PRATIQUE, arguments);
	int status = system(command);
	assert_true(WIFEXITED(status));
	r.code = WEXITSTATUS(status);
	char *out FREE_ON_EXIT = xasprintf("%s/out", folder),
	          *said FREE_ON_EXIT = xasprintf("%s/err", folder);
	assert_int_equal(file_read(out, 1u << 20, &r.out, NULL, &err), 0);
	assert_int_equal(file_read(said, 1u << 20, &r.err, NULL, &err), 0);
	return r;
}

static void run_clear(struct run *r)
{
	free(r->out);
	free(r->err);
}

static void text_output(void **state)
{
	static const struct {
		const char *arguments;
		int code;
		const char *out, *err; /* NULL: not compared */
	} rows[] = {
		{ "check policy", 0,
		        "policy: good, with 3 segments\n\n"
		        "segment quarantine, the default\n    opens to   server\n    open from  nothing\n"
		        "segment isolated\n    opens to   server\n    open from  nothing\n"
		        "segment staff, level 2\n    opens to   any\n    open from  nothing\n"
		        "admit role \"employee\" to staff when firewall\n"
		        "admit role \"careful\" to staff when firewall, patched\n"
		        "otherwise isolated\ninspect every 30 min, certificate lifetime 45 min\n",
		        "" },
		{ "check bad", 1, "",
		        "bad:1:19: `}` was not expected here: this wants `from` or `to`\n"
		        "    segment x { allow }\n                      ^\n"
		        "bad:2:19: `}` was not expected here: this wants `from` or `to`\n"
		        "    segment y { allow }\n                      ^\n"
		        "pratique policy check: bad is refused\n" },
		{ "check absent", 1, "", "pratique policy check: absent: No such file or directory\n" },
		{ "check", 2, "", NULL },
		{ "check policy bad", 2, "", NULL },
		{ "check --frobnicate policy", 2, "", NULL },
		{ "check --help", 0, NULL, "" },
		{ "evaluate --help", 0, NULL, "" },
		{ "evaluate --policy policy", 2, "", NULL },
		{ "evaluate --posture posture", 2, "", NULL },
		{ "evaluate --policy policy --posture posture extra", 2, "", NULL },
		{ "evaluate --policy bad --posture posture", 1, "", NULL },
		{ "evaluate --policy policy --posture bad", 1, "", NULL },
		{ "evaluate --policy policy --posture absent", 1, "", NULL },
		{ "evaluate --policy policy --posture posture --index absent", 1, "", NULL },
		{ "evaluate --policy policy --posture posture --node alice", 0,
		        "segment   staff\nrule      admit role \"employee\" to staff when firewall\nfindings "
		        " 0\n",
		        "" },
		{ "evaluate -p policy -P posture -n mallory -r employee", 0,
		        "segment   staff\nrule      admit role \"employee\" to staff when firewall\nfindings "
		        " 0\n",
		        "" },
		{ "evaluate --policy policy --posture open --node alice", 0,
		        "segment   isolated\nrule      otherwise isolated\nfindings  1\n"
		        "  firewall: the firewall is not active; requirement firewall wants "
		        "firewall.active\n",
		        "" },
		{ "evaluate --policy policy --posture posture --role careful", 0,
		        "segment   isolated\nrule      otherwise isolated\nfindings  1\n"
		        "  patched: the advisories are unknown (there is no vulnerability information); "
		        "requirement patched "
		        "wants no advisory\n",
		        "" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct run r = pratique(rows[i].arguments);
		if (r.code != rows[i].code)
			fail_msg("%s: exit status %d: %s", rows[i].arguments, r.code, r.err);
		if (rows[i].out)
			assert_string_equal(r.out, rows[i].out);
		if (rows[i].err)
			assert_string_equal(r.err, rows[i].err);
		assert_true(strlen(r.code == 0 ? r.out : r.err) > 0);
		run_clear(&r);
	}
}

static json_t *json_of(const char *arguments, int code)
{
	struct run r = pratique(arguments);
	assert_int_equal(r.code, code);
	json_t *json = json_loads(r.out, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(json);
	run_clear(&r);
	return json;
}

static void json_output(void **state)
{
	json_t *json = json_of("check --json policy", 0);
	assert_true(json_is_true(json_object_get(json, "valid")));
	assert_int_equal(json_array_size(json_object_get(json, "segments")), 3);
	assert_int_equal(json_array_size(json_object_get(json, "messages")), 0);
	json_decref(json);
	json = json_of("check --json bad", 1);
	assert_true(json_is_false(json_object_get(json, "valid")));
	assert_int_equal(json_array_size(json_object_get(json, "messages")), 2);
	json_decref(json);
	json = json_of("check -j absent", 1);
	assert_int_equal(json_array_size(json_object_get(json, "messages")), 1);
	json_decref(json);
	json = json_of("evaluate --json --policy policy --posture open --role employee", 0);
	assert_string_equal(json_string_value(json_object_get(json, "segment")), "isolated");
	assert_true(json_is_false(json_object_get(json, "compliant")));
	assert_int_equal(json_array_size(json_object_get(json, "findings")), 1);
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_output),
		cmocka_unit_test(json_output),
	};
	return cmocka_run_group_tests(tests, make_files, remove_files);
}
