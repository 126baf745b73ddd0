/* SPDX-License-Identifier: ISC */
#include "tests/unit/policy/refused.h"

/* The shape of statements. */
static void syntax(void **state)
{
	static const struct row rows[] = {
		{ "",
		        "p:1:1: the policy has no segment\n"
		        "    \n"
		        "    ^\n"
		        "p:1:1: the policy does not say where a node goes that no `admit` takes: add "
		        "`otherwise SEGMENT`\n"
		        "    \n"
		        "    ^\n"
		        "p:1:1: the policy does not say how often nodes are inspected: add `inspect every 30 "
		        "min`\n"
		        "    \n"
		        "    ^\n"
		        "p:1:1: the policy does not say how long a certificate lives: add `certificate "
		        "lifetime 45 min`\n"
		        "    \n"
		        "    ^\n"
		        "p:1:1: the policy does not say where the server is: add `define server { address "
		        "... }`\n"
		        "    \n"
		        "    ^\n" },
		{ "segment\n",
		        "p:1:8: the file ends in the middle of a statement: this wants a name or a "
		        "\"string\"\n"
		        "    segment\n"
		        "           ^\n" },
		{ "foo\n" BASE,
		        "p:1:1: `foo` was not expected here: this wants the end of the file, `admit`, "
		        "`brake`, `certificate`, `define`, `emergency`, `enforcer`, `inspect`, `mode`, "
		        "`node`, "
		        "`otherwise`, `reject`, `require`, `role`, `segment`, `site` or `waive`\n"
		        "    foo\n"
		        "    ^\n" },
		{ BASE "segment x { allow }\n",
		        "p:5:19: `}` was not expected here: this wants `from` or `to`\n"
		        "    segment x { allow }\n"
		        "                      ^\n" },
		{ BASE "segment x { allow to server tcp foo }\n",
		        "p:5:33: `foo` was not expected here: this wants a number, a protocol, `allow`, "
		        "`any`, `demote`, `grace`, `log`, `rate`, `route` or `}`\n"
		        "    segment x { allow to server tcp foo }\n"
		        "                                    ^\n" },
		{ BASE "segment x { allow to server, }\n",
		        "p:5:30: `}` was not expected here: this wants a name, a \"string\", an address, "
		        "`any`, `outside`, `segment` or `site`\n"
		        "    segment x { allow to server, }\n"
		        "                                 ^\n" },
		{ BASE "segment x { allow too server\n allow to servr }\nrequire { }\ninspect 30 min\n",
		        "p:5:19: `too` was not expected here: this wants `from` or `to`\n"
		        "    segment x { allow too server\n"
		        "                      ^\n"
		        "p:7:9: `{` was not expected here: this wants a name or a \"string\"\n"
		        "    require { }\n"
		        "            ^\n" },
		{ BASE "segment h { allow to server }\n",
		        "p:5:9: `h` is a word of the language: this wants a name or a \"string\"; to use it "
		        "as a name put it in quotes\n"
		        "    segment h { allow to server }\n"
		        "            ^\n" },
		{ BASE "segment log { allow to server }\n",
		        "p:5:9: `log` is a word of the language: this wants a name or a \"string\"; to use "
		        "it as a name put it in quotes\n"
		        "    segment log { allow to server }\n"
		        "            ^\n" },
		{ BASE "segment \"log\" { allow to server\n",
		        "p:5:32: the file ends in the middle of a statement: this wants a protocol, `allow`, "
		        "`any`, `demote`, `grace`, `log`, `rate`, `route`, `}` or `,`\n"
		        "    segment \"log\" { allow to server\n"
		        "                                   ^\n" },
		{ BASE "segment x { allow to server rate 20 }\n",
		        "p:5:37: `}` was not expected here: this wants a unit of bandwidth\n"
		        "    segment x { allow to server rate 20 }\n"
		        "                                        ^\n" },
		{ BASE "segment x { allow to server rate 63 kbit/s up rate 5 Mbit/s rate 101 Gbit/s }\n",
		        "p:5:34: a rate is from 64 kbit/s to 100 Gbit/s\n"
		        "    segment x { allow to server rate 63 kbit/s up rate 5 Mbit/s rate 101 Gbit/s }\n"
		        "                                     ^\n"
		        "p:5:47: segment `x` already has a rate\n"
		        "    segment x { allow to server rate 63 kbit/s up rate 5 Mbit/s rate 101 Gbit/s }\n"
		        "                                                  ^\n"
		        "p:5:66: a rate is from 64 kbit/s to 100 Gbit/s\n"
		        "    segment x { allow to server rate 63 kbit/s up rate 5 Mbit/s rate 101 Gbit/s }\n"
		        "                                                                     ^\n"
		        "p:5:61: segment `x` already has a rate\n"
		        "    segment x { allow to server rate 63 kbit/s up rate 5 Mbit/s rate 101 Gbit/s }\n"
		        "                                                                ^\n" },
		{ BASE "admit to staff when\n",
		        "p:5:20: the file ends in the middle of a statement: this wants a name or a "
		        "\"string\"\n"
		        "    admit to staff when\n"
		        "                       ^\n" },
		{ BASE "require fit { firewall.active = yes, \"x\" }\n",
		        "p:5:33: put `yes` in quotes: a value that is text is written as \"yes\"\n"
		        "    require fit { firewall.active = yes, \"x\" }\n"
		        "                                    ^\n"
		        "p:5:38: `\"x\"` was not expected here: this wants a name, `advisories`, `no`, "
		        "`node`, `not`, `package`, `role`, `source` or `(`\n"
		        "    require fit { firewall.active = yes, \"x\" }\n"
		        "                                         ^\n" },
		{ BASE "require fit { no advisory where fixed, firewall.active }\n" BASE,
		        "p:5:40: `firewall.active` is about the node, not about an advisory: write (no "
		        "advisory where ...) and firewall.active ...\n"
		        "    require fit { no advisory where fixed, firewall.active }\n"
		        "                                           ^\n"
		        "p:8:1: `otherwise` was already said in line 3\n"
		        "    otherwise quarantine\n"
		        "    ^\n"
		        "p:9:1: this was already said in line 4\n"
		        "    inspect every 30 min certificate lifetime 45 min\n"
		        "    ^\n"
		        "p:9:22: this was already said in line 4\n"
		        "    inspect every 30 min certificate lifetime 45 min\n"
		        "                         ^\n" },
		{ BASE "require fit { no advisory where role = \"x\" }\n",
		        "p:5:33: `role` is about the node, not about an advisory: write (no advisory where "
		        "...) and role ...\n"
		        "    require fit { no advisory where role = \"x\" }\n"
		        "                                    ^\n" },
		{ BASE "require fit { no advisory where severity >= hihg }\n",
		        "p:5:45: a severity is one of low, medium, high, critical (an unknown one counts as "
		        "high)\n"
		        "    require fit { no advisory where severity >= hihg }\n"
		        "                                                ^\n" },
		{ BASE "require fit { no advisory where severity >= unknown }\n",
		        "p:5:45: a severity is one of low, medium, high, critical (an unknown one counts as "
		        "high)\n"
		        "    require fit { no advisory where severity >= unknown }\n"
		        "                                                ^\n" },
		{ BASE "require fit { role = server }\n",
		        "p:5:22: put `server` in quotes: a value that is text is written as \"server\"\n"
		        "    require fit { role = server }\n"
		        "                         ^\n" },
		{ BASE "require fit { not }\n",
		        "p:5:19: `}` was not expected here: this wants a name, `advisories`, `no`, `node`, "
		        "`not`, `package`, `role`, `source` or `(`\n"
		        "    require fit { not }\n"
		        "                      ^\n" },
		{ BASE "require fit { older than 3 days }\n",
		        "p:5:15: `older` was not expected here: this wants a name, `advisories`, `no`, "
		        "`node`, `not`, `package`, `role`, `source` or `(`\n"
		        "    require fit { older than 3 days }\n"
		        "                  ^\n" },
		{ BASE "require fit { no advisory where older than 3 }\n",
		        "p:5:46: `}` was not expected here: this wants a unit of time\n"
		        "    require fit { no advisory where older than 3 }\n"
		        "                                                 ^\n" },
		{ "inspect every 30 parsecs\n",
		        "p:1:18: `parsecs` was not expected here: this wants a unit of time\n"
		        "    inspect every 30 parsecs\n"
		        "                     ^\n" },
		{ "certificate lifetime 45\n",
		        "p:1:24: the file ends in the middle of a statement: this wants a unit of time\n"
		        "    certificate lifetime 45\n"
		        "                           ^\n" },
		{ BASE "enforcer gateway\n",
		        "p:5:10: `gateway` was not expected here: this wants a \"string\"\n"
		        "    enforcer gateway\n"
		        "             ^\n" },
		{ BASE "role \"x\" { \"alice\" }\n",
		        "p:5:12: `\"alice\"` was not expected here: this wants `node`\n"
		        "    role \"x\" { \"alice\" }\n"
		        "               ^\n" },
		{ BASE "define web { address 10.0.0.1 port 80 }\n",
		        "p:5:31: `port` was not expected here: this wants a protocol, `address`, `any`, `}` "
		        "or `,`\n"
		        "    define web { address 10.0.0.1 port 80 }\n"
		        "                                  ^\n" },
	};
	refused(rows, ARRAY_LENGTH(rows));
}

/* Single words. */
static void words(void **state)
{
	static const struct row rows[] = {
		{ "otherwise \"quarantine\n",
		        "p:1:11: this string has no closing quote\n"
		        "    otherwise \"quarantine\n"
		        "              ^\n" },
		{ "$",
		        "p:1:1: `$` has no meaning here\n"
		        "    $\n"
		        "    ^\n" },
		{ "segment \007 x",
		        "p:1:9: a control character (0x07) has no meaning here\n"
		        "    segment ? x\n"
		        "            ^\n"
		        "p:1:11: the file ends in the middle of a statement: this wants `default`, `level` "
		        "or `{`\n"
		        "    segment ? x\n"
		        "              ^\n" },
		{ "segment \303\251 x",
		        "p:1:9: only strings and comments may hold letters beyond ASCII\n"
		        "    segment \303\251 x\n"
		        "            ^\n"
		        "p:1:12: the file ends in the middle of a statement: this wants `default`, `level` "
		        "or `{`\n"
		        "    segment \303\251 x\n"
		        "              ^\n" },
		{ "site 2001:db8::/129\n",
		        "p:1:6: this is not a prefix: its length is wrong, or bits behind its length are not "
		        "zero\n"
		        "    site 2001:db8::/129\n"
		        "         ^\n" },
		{ "site 10.0.0.1/8\n",
		        "p:1:6: this is not a prefix: its length is wrong, or bits behind its length are not "
		        "zero\n"
		        "    site 10.0.0.1/8\n"
		        "         ^\n" },
		{ "site 10.0.0\n",
		        "p:1:6: this is not an IPv4 or IPv6 address\n"
		        "    site 10.0.0\n"
		        "         ^\n" },
		{ "site 1:2:3:4:5:6:7:8:9\n",
		        "p:1:6: this is not an IPv4 or IPv6 address\n"
		        "    site 1:2:3:4:5:6:7:8:9\n"
		        "         ^\n" },
		{ "site 2001:db8::/\n",
		        "p:1:6: this is not a prefix: its length is wrong, or bits behind its length are not "
		        "zero\n"
		        "    site 2001:db8::/\n"
		        "         ^\n" },
		{ "inspect every 99999999999 min\n",
		        "p:1:15: this number is above 1000000000\n"
		        "    inspect every 99999999999 min\n"
		        "                  ^\n" },
		{ "segment 9a default { }",
		        "p:1:9: `9` was not expected here: this wants a name or a \"string\"\n"
		        "    segment 9a default { }\n"
		        "            ^\n" },
		{ BASE "segment a.b { allow to server }\n",
		        "p:5:9: a name begins with a letter and goes on with letters, digits, `-` and `_`\n"
		        "    segment a.b { allow to server }\n"
		        "            ^\n" },
		{ BASE "segment \"\" { allow to server }\n",
		        "p:5:9: a name begins with a letter and goes on with letters, digits, `-` and `_`\n"
		        "    segment \"\" { allow to server }\n"
		        "            ^\n" },
		{ BASE "segment abcdefghijklmnopqrstuvwxyzabcdefg { allow to server }\n",
		        "p:5:9: a name may have at most 32 bytes\n"
		        "    segment abcdefghijklmnopqrstuvwxyzabcdefg { allow to server }\n"
		        "            ^\n" },
		{ BASE "segment x { allow to server allow from any tcp 0, 65536, 9-8 allow from any icmp 8 "
		       "}\n",
		        "p:5:48: a port is a number from 1 to 65535\n"
		        "    segment x { allow to server allow from any tcp 0, 65536, 9-8 allow from any "
		        "icmp 8 }\n"
		        "                                                   ^\n"
		        "p:5:51: a port is a number from 1 to 65535\n"
		        "    segment x { allow to server allow from any tcp 0, 65536, 9-8 allow from any "
		        "icmp 8 }\n"
		        "                                                      ^\n"
		        "p:5:58: this range of ports ends before it begins\n"
		        "    segment x { allow to server allow from any tcp 0, 65536, 9-8 allow from any "
		        "icmp 8 }\n"
		        "                                                             ^\n"
		        "p:5:82: only tcp and udp have ports\n"
		        "    egment x { allow to server allow from any tcp 0, 65536, 9-8 allow from any icmp "
		        "8 }\n"
		        "                                                                                    "
		        "^\n" },
		{ "node \"a\tb\" role \"x\"\n",
		        "p:1:6: a string holds no control characters\n"
		        "    node \"a\tb\" role \"x\"\n"
		        "         ^\n" },
		{ "node "
		  "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\" role "
		  "\"x\"\n",
		        "p:1:6: a string may have at most 255 bytes\n"
		        "    node "
		        "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n"
		        "         ^\n" },
		{ "# "
		  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		  "xxxxxxxxxxxxxxxxxxxx\n                                                                    "
		  "                                "
		  "$yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"
		  "yyyyyyyyyyy\n",
		        "p:2:101: `$` has no meaning here\n"
		        "                                                                                    "
		        "$yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\n"
		        "                                                                                    "
		        "^\n"
		        "p:2:102: `yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy` was not "
		        "expected here: this wants the end of the file, `admit`, `brake`, `certificate`, "
		        "`define`, "
		        "`emergency`, `enforcer`, `inspect`, `mode`, `node`, `otherwise`, `reject`, "
		        "`require`, `role`, "
		        "`segment`, `site` or `waive`\n"
		        "                                                                                   "
		        "$yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\n"
		        "                                                                                    "
		        "^\n" },
		{ "\tsegment\t$\n",
		        "p:1:10: `$` has no meaning here\n"
		        "    \tsegment\t$\n"
		        "    \t       \t^\n"
		        "p:1:11: the file ends in the middle of a statement: this wants a name or a "
		        "\"string\"\n"
		        "    \tsegment\t$\n"
		        "    \t       \t ^\n" },
	};
	refused(rows, ARRAY_LENGTH(rows));
}

/* Text repeated n times between head and tail; caller frees. */
static char *repeated(const char *head, const char *text, size_t n, const char *tail)
{
	char *all = NULL;
	size_t size;
	FILE *out = open_memstream(&all, &size);
	assert_non_null(out);
	fputs(head, out);
	for (size_t i = 0; i < n; i++)
		fputs(text, out);
	fputs(tail, out);
	assert_int_equal(fclose(out), 0);
	return all;
}

/* What one file can make grow has a limit, one problem, and an end. */
static void limits(void **state)
{
	static const struct {
		const char *head, *text;
		size_t most;
		const char *tail, *said;
	} rows[] = {
		{ BASE, "segment x { allow to any }\n", 200, "", "a policy may have at most 200 segments" },
		{ BASE, "define d { address ::1 }\n", 1000, "",
		        "a policy may have at most 1000 definitions" },
		{ BASE, "enforcer \"e\"\n", 1000, "", "a policy may have at most 1000 enforcement points" },
		{ BASE, "require r { agent.present }\n", 500, "",
		        "a policy may have at most 500 requirements" },
		{ BASE, "admit to x\n", 500, "", "a policy may have at most 500 admissions" },
		{ BASE, "reject when agent.present\n", 500, "", "a policy may have at most 500 rejections" },
		{ "site ::1", ", ::1", 64, "\n" BASE, "a site may have at most 64 prefixes" },
		{ BASE "require r { agent.present", ", agent.present", 20000, " }",
		        "a policy may have at most 20000 terms in its expressions" },
		{ BASE "require r { ", "not ", 64, " agent.present }",
		        "an expression may nest at most 64 deep" },
		{ BASE "require r { ", "(", 10000, " agent.present }",
		        "this policy nests too deeply to be read" },
		{ BASE STAFF FIT "admit to staff when fit", ", fit", 32, "",
		        "one statement may name at most 32 requirements" },
		{ BASE STAFF FIT "admit role \"a\"", ", \"a\"", 32, " to staff",
		        "one statement may name at most 32 roles" },
		{ BASE "segment x { allow to any", ", any", 2000, "}",
		        "a segment may have at most 2000 rules" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		char *text FREE_ON_EXIT =
		        repeated(rows[i].head, rows[i].text, rows[i].most + 1, rows[i].tail);
		struct error err = { "" };
		int r;
		char *said FREE_ON_EXIT = checker_said(text, &r, &err);
		assert_int_equal(r, -EINVAL);
		if (!strstr(said, rows[i].said))
			fail_msg("%s: %s", rows[i].said, said);
	}
	char *big FREE_ON_EXIT = repeated(BASE, "#", POLICY_FILE_MAX, "\n");
	struct error err = { "" };
	int r;
	char *said FREE_ON_EXIT = checker_said(big, &r, &err);
	assert_int_equal(r, -EFBIG);
	assert_null(said);
	assert_string_equal(err.text, "p: a policy may have at most 1048576 bytes");
}

static void errors_end(void **state)
{
	char *text FREE_ON_EXIT = repeated(BASE, "segment $ x { allow to servr }\n", 70, "");
	struct error err = { "" };
	int r;
	size_t n = 0;
	char *said FREE_ON_EXIT = checker_said(text, &r, &err);
	assert_int_equal(r, -EINVAL);
	for (const char *at = said; (at = strstr(at, "has no meaning here")); at++)
		n++;
	assert_int_equal(n, 50);
	assert_non_null(strstr(said, "too many errors; the rest of the file was not looked at\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(syntax),
		cmocka_unit_test(words),
		cmocka_unit_test(limits),
		cmocka_unit_test(errors_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
