/* SPDX-License-Identifier: ISC */
#include "tests/unit/policy/refused.h"

/* Names without meaning, or with two. */
static void names(void **state)
{
	static const struct row rows[] = {
		{ BASE "segment quarantine { allow to server }\n",
		        "p:5:9: segment `quarantine` is already in line 2\n"
		        "    segment quarantine { allow to server }\n"
		        "            ^\n" },
		{ BASE SERVER,
		        "p:5:8: definition `server` is already in line 1\n"
		        "    define server { address 2001:db8::2 tcp 271 }\n"
		        "           ^\n" },
		{ BASE STAFF FIT FIT ADMIT,
		        "p:7:9: requirement `fit` is already in line 6\n"
		        "    require fit { firewall.active }\n"
		        "            ^\n" },
		{ BASE "enforcer \"a\" enforcer \"a\"\n",
		        "p:5:23: enforcement point `a` is already in line 5\n"
		        "    enforcer \"a\" enforcer \"a\"\n"
		        "                          ^\n" },
		{ BASE "role \"r\" { node \"a\" } role \"r\" { node \"b\" }\n",
		        "p:5:28: role `r` is already in line 5\n"
		        "    role \"r\" { node \"a\" } role \"r\" { node \"b\" }\n"
		        "                               ^\n" },
		{ BASE "role \"r\" { node \"a\", \"b\" } node \"b\" role \"s\"\n",
		        "p:5:33: node \"b\" already has the role \"r\" in line 5\n"
		        "    role \"r\" { node \"a\", \"b\" } node \"b\" role \"s\"\n"
		        "                                    ^\n" },
		{ BASE "node \"\" role \"s\"\n",
		        "p:5:6: this name is empty\n"
		        "    node \"\" role \"s\"\n"
		        "         ^\n" },
		{ BASE "segment x { allow to server route via ids }\n",
		        "p:5:39: `ids` is not defined: add `define ids { address ... }`\n"
		        "    segment x { allow to server route via ids }\n"
		        "                                          ^\n" },
		{ BASE "define ids { address 10.1.9.0/24 }\nsegment x { allow to server route via ids }\n",
		        "p:6:39: a way leads through one host a family, with an address that is routed: "
		        "`ids` "
		        "has a prefix, or a link-local address\n"
		        "    segment x { allow to server route via ids }\n"
		        "                                          ^\n" },
		{ BASE "define ids { address 10.1.9.2, 10.1.9.3 }\nsegment x { allow to server route via ids "
		       "}\n",
		        "p:6:39: a way leads through one host a family, with an address that is routed: "
		        "`ids` "
		        "has two of one family\n"
		        "    segment x { allow to server route via ids }\n"
		        "                                          ^\n" },
		{ BASE "segment x { allow to servr }\n",
		        "p:5:22: `servr` is not defined: add `define servr { address ... }`\n"
		        "    segment x { allow to servr }\n"
		        "                         ^\n" },
		{ BASE "segment x { allow to server, quarantine, segment server, segment y }\n",
		        "p:5:30: `quarantine` is a segment: write `segment quarantine`\n"
		        "    segment x { allow to server, quarantine, segment server, segment y }\n"
		        "                                 ^\n"
		        "p:5:50: there is no segment `server`\n"
		        "    segment x { allow to server, quarantine, segment server, segment y }\n"
		        "                                                     ^\n"
		        "p:5:66: there is no segment `y`\n"
		        "    segment x { allow to server, quarantine, segment server, segment y }\n"
		        "                                                                     ^\n" },
		{ BASE "admit to nowhere when fit\n",
		        "p:5:10: there is no segment `nowhere`\n"
		        "    admit to nowhere when fit\n"
		        "             ^\n"
		        "p:5:23: there is no requirement `fit`\n"
		        "    admit to nowhere when fit\n"
		        "                          ^\n" },
		{ BASE STAFF "admit to staff when fit, firewall\n" FIT,
		        "p:6:26: there is no requirement `firewall`\n"
		        "    admit to staff when fit, firewall\n"
		        "                             ^\n" },
		{ SERVER QUARANTINE "otherwise isolated\n" TIMES,
		        "p:3:11: there is no segment `isolated`\n"
		        "    otherwise isolated\n"
		        "              ^\n" },
		{ BASE STAFF "require fit { firewal.active, firewall }\n" ADMIT,
		        "p:6:15: there is no field `firewal.active`; is `firewall.active` meant? "
		        "pratique-policy(5) has "
		        "them all\n"
		        "    require fit { firewal.active, firewall }\n"
		        "                  ^\n"
		        "p:6:31: there is no requirement `firewall`\n"
		        "    require fit { firewal.active, firewall }\n"
		        "                                  ^\n" },
		{ BASE STAFF "require fit { fit }\n" ADMIT,
		        "p:6:15: a requirement may only refer to those above it, and `fit` is not\n"
		        "    require fit { fit }\n"
		        "                  ^\n" },
		{ BASE STAFF "require a { b }\nrequire b { firewall.active }\nadmit to staff when a\n",
		        "p:6:13: a requirement may only refer to those above it, and `b` is not\n"
		        "    require a { b }\n"
		        "                ^\n" },
		{ BASE "segment x { allow to server, site, outside }\n",
		        "p:5:30: this needs to know the site: add `site PREFIX, ...`\n"
		        "    segment x { allow to server, site, outside }\n"
		        "                                 ^\n"
		        "p:5:36: this needs to know the site: add `site PREFIX, ...`\n"
		        "    segment x { allow to server, site, outside }\n"
		        "                                       ^\n" },
		{ "site ::/0, 0.0.0.0/0\n" BASE "segment x { allow to server, outside }\n",
		        "p:6:30: nothing is outside: the site is everything\n"
		        "    segment x { allow to server, outside }\n"
		        "                                 ^\n" },
		{ "site 10.0.0.0/8\n" BASE "enforcer \"a\" { nodes 10.1.0.0/16, 192.0.2.0/24 }\n",
		        "p:6:10: the nodes of enforcer \"a\" in 192.0.2.0/24 are not within the site\n"
		        "    enforcer \"a\" { nodes 10.1.0.0/16, 192.0.2.0/24 }\n"
		        "             ^\n" },
	};
	refused(rows, ARRAY_LENGTH(rows));
}

/* Comparisons that cannot mean anything. */
static void types(void **state)
{
	static const struct row rows[] = {
		{ BASE STAFF ADMIT "require fit { firewall.active = \"yes\" }\n",
		        "p:7:15: `firewall.active` is yes or no: write `firewall.active` or `not "
		        "firewall.active`\n"
		        "    require fit { firewall.active = \"yes\" }\n"
		        "                  ^\n" },
		{ BASE STAFF ADMIT "require fit { os.id }\n",
		        "p:7:15: `os.id` is text: compare it with something, as in `os.id = \"...\"`\n"
		        "    require fit { os.id }\n"
		        "                  ^\n" },
		{ BASE STAFF ADMIT "require fit { os.id < \"debian\" }\n",
		        "p:7:15: `os.id` is text and has no order: compare it with = or !=\n"
		        "    require fit { os.id < \"debian\" }\n"
		        "                  ^\n" },
		{ BASE STAFF ADMIT "require fit { os.id = 3 }\n",
		        "p:7:23: `os.id` is text and cannot be compared with a number; write it as \"...\"\n"
		        "    require fit { os.id = 3 }\n"
		        "                          ^\n" },
		{ BASE STAFF ADMIT "require fit { os.version >= 12 }\n",
		        "p:7:29: `os.version` is a version and cannot be compared with a number; write it as "
		        "\"12\"\n"
		        "    require fit { os.version >= 12 }\n"
		        "                                ^\n" },
		{ BASE STAFF ADMIT "require fit { os.version >= \"a b\" }\n",
		        "p:7:29: \"a b\" is not a version: invalid dpkg version \"a b\": it does not start "
		        "with a digit\n"
		        "    require fit { os.version >= \"a b\" }\n"
		        "                                ^\n" },
		{ BASE STAFF ADMIT "require fit { updates.pending < 3 days, updates.age < 3 }\n",
		        "p:7:33: `updates.pending` is a number and cannot be compared with a length of time; "
		        "write it as 3\n"
		        "    require fit { updates.pending < 3 days, updates.age < 3 }\n"
		        "                                    ^\n"
		        "p:7:55: `updates.age` is a length of time and cannot be compared with a number; "
		        "write it as 3 days\n"
		        "    require fit { updates.pending < 3 days, updates.age < 3 }\n"
		        "                                                          ^\n" },
		{ BASE STAFF ADMIT "require fit { updates.pending < \"3\" }\n",
		        "p:7:33: `updates.pending` is a number and cannot be compared with text; write it as "
		        "3\n"
		        "    require fit { updates.pending < \"3\" }\n"
		        "                                    ^\n" },
		{ BASE STAFF ADMIT "require fit { package \"x\" version >= 3 }\n",
		        "p:7:38: a version is written in quotes, as in \"1.2\"\n"
		        "    require fit { package \"x\" version >= 3 }\n"
		        "                                         ^\n" },
		{ BASE STAFF ADMIT "require fit { package \"x\" version >= \"!\" }\n",
		        "p:7:38: \"!\" is not a version: invalid dpkg version \"!\": it does not start with "
		        "a digit\n"
		        "    require fit { package \"x\" version >= \"!\" }\n"
		        "                                         ^\n" },
		{ BASE STAFF ADMIT "require fit { advisories < 3 days }\n",
		        "p:7:28: the count of advisories is compared with a number\n"
		        "    require fit { advisories < 3 days }\n"
		        "                               ^\n" },
		{ BASE STAFF ADMIT "require fit { advisories where id > \"x\" < 3 }\n",
		        "p:7:32: an id has no order: compare it with = or !=\n"
		        "    require fit { advisories where id > \"x\" < 3 }\n"
		        "                                   ^\n" },
		{ BASE STAFF ADMIT "require fit { no advisory where package < \"x\" or source >= \"x\" }\n",
		        "p:7:33: a package's name has no order: compare it with = or !=\n"
		        "    require fit { no advisory where package < \"x\" or source >= \"x\" }\n"
		        "                                    ^\n"
		        "p:7:50: a source has no order: compare it with = or !=\n"
		        "    require fit { no advisory where package < \"x\" or source >= \"x\" }\n"
		        "                                                     ^\n" },
		{ BASE "reject when role > \"x\"\n",
		        "p:5:13: `role` is text and has no order: compare it with = or !=\n"
		        "    reject when role > \"x\"\n"
		        "                ^\n" },
		{ BASE STAFF ADMIT "require fit { role }\n",
		        "p:7:15: `role` is text: compare it with something, as in `role = \"...\"`\n"
		        "    require fit { role }\n"
		        "                  ^\n" },
		{ BASE STAFF ADMIT "require fit { updates.age }\n",
		        "p:7:15: `updates.age` is a length of time: compare it with something, as in "
		        "`updates.age = 3 days`\n"
		        "    require fit { updates.age }\n"
		        "                  ^\n" },
		{ BASE STAFF ADMIT "require fit { fir = 3 }\n",
		        "p:7:15: there is no field `fir`; pratique-policy(5) has them all\n"
		        "    require fit { fir = 3 }\n"
		        "                  ^\n" },
	};
	refused(rows, ARRAY_LENGTH(rows));
}

/* Rules that cannot be carried out, and the server out of reach. */
static void reach(void **state)
{
	static const struct row rows[] = {
		{ "segment quarantine default { allow to any }\n" OTHERWISE TIMES,
		        "p:3:49: the policy does not say where the server is: add `define server { address "
		        "... }`\n"
		        "    inspect every 30 min certificate lifetime 45 min\n"
		        "                                                    ^\n" },
		{ SERVER "segment quarantine default { }\n" OTHERWISE TIMES,
		        "p:2:9: segment `quarantine` cannot reach the server (2001:db8::2/128 tcp 271): its "
		        "nodes could never be inspected again; add `allow to server`\n"
		        "    segment quarantine default { }\n"
		        "            ^\n" },
		{ BASE "segment x { allow to segment quarantine  allow from any }\n",
		        "p:5:9: segment `x` cannot reach the server (2001:db8::2/128 tcp 271): its nodes "
		        "could never be inspected again; add `allow to server`\n"
		        "    segment x { allow to segment quarantine  allow from any }\n"
		        "            ^\n" },
		{ BASE "segment x { allow to server tcp 22 }\n",
		        "p:5:29: the definition of `server` already gives protocols and ports: leave them "
		        "out here or there\n"
		        "    segment x { allow to server tcp 22 }\n"
		        "                                ^\n" },
		{ BASE "segment x { allow to any tcp 22 }\n",
		        "p:5:9: segment `x` cannot reach the server (2001:db8::2/128 tcp 271): its nodes "
		        "could never be inspected again; add `allow to server`\n"
		        "    segment x { allow to any tcp 22 }\n"
		        "            ^\n" },
		{ BASE "segment x { allow to 2001:db8::2 tcp 272-300, 1-270 }\n",
		        "p:5:9: segment `x` cannot reach the server (2001:db8::2/128 tcp 271): its nodes "
		        "could never be inspected again; add `allow to server`\n"
		        "    segment x { allow to 2001:db8::2 tcp 272-300, 1-270 }\n"
		        "            ^\n" },
		{ BASE "segment x { allow to any udp }\n",
		        "p:5:9: segment `x` cannot reach the server (2001:db8::2/128 tcp 271): its nodes "
		        "could never be inspected again; add `allow to server`\n"
		        "    segment x { allow to any udp }\n"
		        "            ^\n" },
		{ "define server { address 2001:db8::2, 10.0.0.2 }\n" QUARANTINE OTHERWISE TIMES
		  "segment x { allow to any tcp }\nsegment y { allow to 10.0.0.0/8 }\nsegment z { allow to "
		  "::/0 }\n",
		        "p:5:9: segment `x` cannot reach the server (10.0.0.2/32): its nodes could never be "
		        "inspected again; add `allow to server`\n"
		        "    segment x { allow to any tcp }\n"
		        "            ^\n"
		        "p:6:9: segment `y` cannot reach the server (2001:db8::2/128): its nodes could never "
		        "be inspected again; add `allow to server`\n"
		        "    segment y { allow to 10.0.0.0/8 }\n"
		        "            ^\n"
		        "p:7:9: segment `z` cannot reach the server (10.0.0.2/32): its nodes could never be "
		        "inspected again; add `allow to server`\n"
		        "    segment z { allow to ::/0 }\n"
		        "            ^\n" },
		{ "define server { address 2001:db8::2 tcp 271 udp 500 icmp icmpv6 }\n" QUARANTINE OTHERWISE
		                TIMES "segment x { allow to any tcp allow to any udp 500 }\n",
		        "p:2:39: icmp is IPv4, and this has no such address\n"
		        "    segment quarantine default { allow to server }\n"
		        "                                          ^\n"
		        "p:5:9: segment `x` cannot reach the server (2001:db8::2/128 icmpv6): its nodes "
		        "could never be inspected again; add `allow to server`\n"
		        "    segment x { allow to any tcp allow to any udp 500 }\n"
		        "            ^\n" },
		{ "define server { tcp 271 }\n" QUARANTINE OTHERWISE TIMES,
		        "p:1:8: the definition of `server` has no address\n"
		        "    define server { tcp 271 }\n"
		        "           ^\n" },
		{ BASE "define v4 { address 10.0.0.1 }\nsegment x { allow to server allow to v4 icmpv6 }\n",
		        "p:6:38: icmpv6 is IPv6, and this has no such address\n"
		        "    segment x { allow to server allow to v4 icmpv6 }\n"
		        "                                         ^\n" },
		{ BASE "segment x { allow to server allow from 2001:db8::/32 icmp }\n",
		        "p:5:40: icmp is IPv4, and this has no such address\n"
		        "    segment x { allow to server allow from 2001:db8::/32 icmp }\n"
		        "                                           ^\n" },
	};
	refused(rows, ARRAY_LENGTH(rows));
}

/* Cases that the policy leaves open, and what it must not say. */
static void undecided(void **state)
{
	static const struct row rows[] = {
		{ SERVER OTHERWISE TIMES,
		        "p:3:49: the policy has no segment\n"
		        "    inspect every 30 min certificate lifetime 45 min\n"
		        "                                                    ^\n"
		        "p:2:11: there is no segment `quarantine`\n"
		        "    otherwise quarantine\n"
		        "              ^\n" },
		{ SERVER QUARANTINE TIMES,
		        "p:3:49: the policy does not say where a node goes that no `admit` takes: add "
		        "`otherwise SEGMENT`\n"
		        "    inspect every 30 min certificate lifetime 45 min\n"
		        "                                                    ^\n" },
		{ SERVER QUARANTINE OTHERWISE,
		        "p:3:21: the policy does not say how often nodes are inspected: add `inspect every "
		        "30 min`\n"
		        "    otherwise quarantine\n"
		        "                        ^\n"
		        "p:3:21: the policy does not say how long a certificate lives: add `certificate "
		        "lifetime 45 min`\n"
		        "    otherwise quarantine\n"
		        "                        ^\n" },
		{ SERVER STAFF "admit to staff\notherwise staff\n" TIMES,
		        "p:5:49: no segment is the default: one must take the nodes that were not inspected\n"
		        "    inspect every 30 min certificate lifetime 45 min\n"
		        "                                                    ^\n"
		        "p:4:11: `otherwise` admits nodes that failed to the normal segment `staff`; if that "
		        "is meant, write `otherwise fail open to staff`\n"
		        "    otherwise staff\n"
		        "              ^\n" },
		{ BASE "segment x default { allow to server }\n",
		        "p:5:11: there is one default segment, and it is `quarantine` in line 2\n"
		        "    segment x default { allow to server }\n"
		        "              ^\n" },
		{ BASE OTHERWISE TIMES,
		        "p:5:1: `otherwise` was already said in line 3\n"
		        "    otherwise quarantine\n"
		        "    ^\n"
		        "p:6:1: this was already said in line 4\n"
		        "    inspect every 30 min certificate lifetime 45 min\n"
		        "    ^\n"
		        "p:6:22: this was already said in line 4\n"
		        "    inspect every 30 min certificate lifetime 45 min\n"
		        "                         ^\n" },
		{ BASE "segment x default level 1 { allow to server }\n",
		        "p:5:11: there is one default segment, and it is `quarantine` in line 2\n"
		        "    segment x default level 1 { allow to server }\n"
		        "              ^\n"
		        "p:5:19: the default segment takes every node that was not inspected: it has no "
		        "level\n"
		        "    segment x default level 1 { allow to server }\n"
		        "                      ^\n" },
		{ BASE "segment x level 0 { allow to server }\n",
		        "p:5:11: a level is a number from 1 to 1000\n"
		        "    segment x level 0 { allow to server }\n"
		        "              ^\n" },
		{ SERVER QUARANTINE OTHERWISE "inspect every 61 min certificate lifetime 45 min\n",
		        "p:4:1: nodes are inspected at least once an hour\n"
		        "    inspect every 61 min certificate lifetime 45 min\n"
		        "    ^\n"
		        "p:4:22: a certificate must outlive the interval of inspections (line 4), or nodes "
		        "fall into the default segment in between\n"
		        "    inspect every 61 min certificate lifetime 45 min\n"
		        "                         ^\n" },
		{ SERVER QUARANTINE OTHERWISE "inspect every 2 hours certificate lifetime 3 hours\n",
		        "p:4:1: nodes are inspected at least once an hour\n"
		        "    inspect every 2 hours certificate lifetime 3 hours\n"
		        "    ^\n"
		        "p:4:23: a certificate lives at most an hour\n"
		        "    inspect every 2 hours certificate lifetime 3 hours\n"
		        "                          ^\n" },
		{ SERVER QUARANTINE OTHERWISE "inspect every 30 min certificate lifetime 29 min\n",
		        "p:4:22: a certificate must outlive the interval of inspections (line 4), or nodes "
		        "fall into the default segment in between\n"
		        "    inspect every 30 min certificate lifetime 29 min\n"
		        "                         ^\n" },
		{ SERVER QUARANTINE OTHERWISE "inspect every 0 s certificate lifetime 29 min\n",
		        "p:4:1: nodes are inspected at most once a second\n"
		        "    inspect every 0 s certificate lifetime 29 min\n"
		        "    ^\n" },
		{ SERVER QUARANTINE STAFF ADMIT FIT "otherwise staff\n" TIMES,
		        "p:6:11: `otherwise` admits nodes that failed to the normal segment `staff`; if that "
		        "is meant, write `otherwise fail open to staff`\n"
		        "    otherwise staff\n"
		        "              ^\n" },
		{ SERVER QUARANTINE "otherwise fail open to quarantine\n" TIMES,
		        "p:3:24: segment `quarantine` has no level: `fail open` is not needed to go there\n"
		        "    otherwise fail open to quarantine\n"
		        "                           ^\n" },
		{ BASE FIT "admit to quarantine when fit\n",
		        "p:6:10: nodes are admitted to normal segments: give segment `quarantine` a level, "
		        "as in `segment quarantine level 1`\n"
		        "    admit to quarantine when fit\n"
		        "             ^\n" },
		{ BASE STAFF FIT "admit role \"a\" to staff\nadmit role \"a\" to staff when fit\n",
		        "p:8:1: this admission can never match: the one in line 7 takes the same nodes "
		        "first\n"
		        "    admit role \"a\" to staff when fit\n"
		        "    ^\n" },
		{ BASE STAFF FIT "admit to staff\nadmit role \"a\" to staff when fit\n",
		        "p:8:1: this admission can never match: the one in line 7 takes the same nodes "
		        "first\n"
		        "    admit role \"a\" to staff when fit\n"
		        "    ^\n" },
		{ BASE STAFF FIT "require b { firewall.active }\nadmit role \"a\", \"b\" to staff when "
		                 "fit\nadmit role \"a\" to staff when b, fit\n",
		        "p:9:1: this admission can never match: the one in line 8 takes the same nodes "
		        "first\n"
		        "    admit role \"a\" to staff when b, fit\n"
		        "    ^\n" },
		{ BASE "segment x { allow to server grace 2 days grace 1 min }\n",
		        "p:5:42: segment `x` already has a grace\n"
		        "    segment x { allow to server grace 2 days grace 1 min }\n"
		        "                                             ^\n" },
	};
	refused(rows, ARRAY_LENGTH(rows));
}

/* A chain of requirements is judged one inside the other. */
static void chained_depth(void **state)
{
	char *text = xstrdup(BASE "require r0 { agent.present }\n");
	for (int i = 1; i <= 64; i++) {
		char *more = xasprintf("%srequire r%d { r%d }\n", text, i, i - 1);
		free(text);
		text = more;
	}
	struct error err = { "" };
	int r;
	char *said FREE_ON_EXIT = checker_said(text, &r, &err);
	free(text);
	assert_int_equal(r, -EINVAL);
	assert_string_equal(said,
	        "p:69:9: with the requirements that it refers to, this nests more than 64 deep\n"
	        "    require r64 { r63 }\n            ^\n");
}

/* A warning speaks and refuses nothing. */
static void warnings(void **state)
{
	static const struct row rows[] = {
		{ BASE FIT,
		        "p:5:9: warning: nothing asks for requirement `fit`\n    require fit { "
		        "firewall.active }\n"
		        "            ^\n" },
		{ BASE STAFF,
		        "p:5:9: warning: nothing puts a node into segment `staff`\n"
		        "    segment staff level 2 { allow to any }\n            ^\n" },
		{ BASE "define web { address ::1 }\n",
		        "p:5:8: warning: `web` is defined and not used\n"
		        "    define web { address ::1 }\n           ^\n" },
		{ SERVER QUARANTINE OTHERWISE "inspect every 30 min certificate lifetime 30 min\n",
		        "p:4:22: warning: the certificate ends just when the next inspection begins: a "
		        "little longer "
		        "keeps nodes where they are\n    inspect every 30 min certificate lifetime 30 min\n"
		        "                         ^\n" },
		{ SERVER "segment quarantine default { allow to any grace 1 min }\n" OTHERWISE TIMES,
		        "p:2:43: warning: a grace means nothing in the default segment\n"
		        "    segment quarantine default { allow to any grace 1 min }\n"
		        "                                              ^\n" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct error err = { "" };
		int r;
		char *said FREE_ON_EXIT = checker_said(rows[i].text, &r, &err);
		assert_int_equal(r, 0);
		assert_non_null(said);
		assert_string_equal(said, rows[i].said);
		assert_string_equal(err.text, "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(types),
		cmocka_unit_test(reach),
		cmocka_unit_test(undecided),
		cmocka_unit_test(chained_depth),
		cmocka_unit_test(warnings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
