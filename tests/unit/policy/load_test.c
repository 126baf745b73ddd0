/* SPDX-License-Identifier: ISC */
#include "base/file.h"
#include "policy/ast.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#define SERVER "define server { address 2001:db8:1:2::2, 10.1.2.2 tcp 271, 8443 }\n"
#define SEGMENTS "segment quarantine default { allow to server }\nsegment staff level 2 { allow to any }\n"
#define TIMES "inspect every 30 min certificate lifetime 45 min\n"
#define REST "admit to staff when fit\nrequire fit { firewall.active }\notherwise quarantine\n" TIMES

static const char good_policy[] =
        "# the example\n"
        "site 2001:db8:1::/48, 10.1.0.0/16\n"
        "enforcer \"gateway\" { nodes 2001:db8:1:1::/64, 10.1.1.0/24 }\n"
        "enforcer \"office\"\n"
        "define server { address 2001:db8:1:2::2, 10.1.2.2 tcp 271, 8443 }\n"
        "define dns { address 2001:db8:1:1::1 udp 53 tcp 53 }\n"
        "role \"employee\" { node \"alice\", \"bob\" }\n"
        "node \"carol\" role \"guest\"\n"
        "segment quarantine default { allow to server, dns  allow from segment staff tcp 631 log }\n"
        "segment isolated { allow to server  allow to site icmpv6 }\n"
        "segment staff level 2 {\n"
        "	allow to any\n"
        "	allow from any tcp 22, 443, 440-450, 451\n"
        "	allow from 10.1.0.0/16, outside icmp\n"
        "	grace 15 min\n"
        "}\n"
        "require patched { no advisory where severity >= high and fixed, older than 3 days }\n"
        "require firewall { firewall.active or role = \"server\" }\n"
        "admit role \"employee\" to staff when patched, firewall\n"
        "otherwise isolated\n"
        "inspect every 30 min certificate lifetime 45 min\n";

struct reports {
	char text[16384];
	size_t n;
};

static void keep_report(const char *text, void *context)
{
	struct reports *r = context;
	size_t used = strlen(r->text);
	snprintf(r->text + used, sizeof(r->text) - used, "%s\n", text);
	r->n++;
}

static struct policy *parse(const char *text, struct reports *reports, struct error *err)
{
	struct policy *p = NULL;
	*reports = (struct reports){ 0 };
	*err = (struct error){ "" };
	int r = policy_parse("p", text, strlen(text), keep_report, reports, &p, err);
	assert_int_equal(r, p ? 0 : -EINVAL);
	return p;
}

static struct policy *parse_good(const char *text)
{
	static struct reports reports;
	struct error err;
	struct policy *p = parse(text, &reports, &err);
	if (!p || reports.n)
		print_message("%s\n", reports.text);
	assert_non_null(p);
	assert_int_equal(reports.n, 0);
	return p;
}

static void good(void **state)
{
	struct policy *p = parse_good(good_policy);
	size_t n;
	const struct policy_segment *s = policy_segments(p, &n);
	assert_int_equal(n, 3);
	assert_string_equal(s[0].name, "quarantine");
	assert_ptr_equal(policy_default_segment(p), &s[0]);
	assert_true(s[0].is_default && s[0].log && s[0].level == 0);
	assert_int_equal(s[2].mark, 3);
	assert_int_equal(s[2].level, 2);
	assert_int_equal(s[2].grace_ms, 15 * 60 * 1000);
	assert_ptr_equal(policy_segment_by_name(p, "staff"), &s[2]);
	assert_null(policy_segment_by_name(p, "nobody"));
	assert_int_equal(policy_inspect_interval_ms(p), 30 * 60 * 1000);
	assert_int_equal(policy_certificate_lifetime_ms(p), 45 * 60 * 1000);
	assert_string_equal(policy_enforcement_points(p)[0], "gateway");
	assert_string_equal(policy_enforcement_points(p)[1], "office");
	assert_null(policy_enforcement_points(p)[2]);
	assert_string_equal(p->tree.enforcers->name.text, "gateway");
	assert_int_equal(p->tree.enforcers->nodes.count, 2);
	assert_int_equal(p->tree.site.count, 2);
	assert_string_equal(policy_node_role(p, "bob"), "employee");
	assert_string_equal(policy_node_role(p, "carol"), "guest");
	assert_null(policy_node_role(p, "mallory"));
	assert_null(policy_node_role(p, NULL));
	policy_free(p);
}

static void fingerprint(void **state)
{
	struct policy *a = parse_good(good_policy), *b = parse_good(good_policy);
	char *other FREE_ON_EXIT = xasprintf("%s ", good_policy);
	struct policy *c = parse_good(other);
	assert_true(policy_fingerprint(a) == policy_fingerprint(b));
	assert_true(policy_fingerprint(a) != policy_fingerprint(c));
	policy_free(a);
	policy_free(b);
	policy_free(c);
}

/* The filter IR of a segment as text, one rule a line. */
static void rules_as_text(const struct policy_segment *s, char *out, size_t size)
{
	char text[IP_TEXT_SIZE];
	size_t used = 0;
	out[0] = '\0';
#define PUT(...) used += (size_t)snprintf(out + used, used < size ? size - used : 0, __VA_ARGS__)
	for (size_t i = 0; i < s->n_rules; i++) {
		const struct policy_rule *r = &s->rules[i];
		PUT("%s %s", r->direction == POLICY_TO ? "to" : "from",
		        r->peer == POLICY_PEER_ANY               ? "any"
		                : r->peer == POLICY_PEER_SEGMENT ? "mark"
		                                                 : "prefixes");
		if (r->peer == POLICY_PEER_SEGMENT)
			PUT(" %d", r->peer_mark);
		for (size_t k = 0; k < r->n_prefixes; k++)
			PUT(" %s", ip_prefix_format(&r->prefixes[k], text));
		PUT(" proto %d", r->protocol);
		for (size_t k = 0; k < r->n_ports; k++)
			PUT(" %d-%d", r->ports[k].first, r->ports[k].last);
		PUT("\n");
		assert_true(used < size);
	}
#undef PUT
}

static void filter_ir(void **state)
{
	static const struct {
		const char *body, *rules;
	} rows[] = {
		{ "allow to server",
		        "to prefixes 10.1.2.2/32 2001:db8:1:2::2/128 proto 6 271-271 8443-8443\n" },
		{ "allow to any", "to any proto 0\n" },
		{ "allow to any tcp udp 53", "to any proto 6\nto any proto 17 53-53\n" },
		{ "allow to server allow from segment b tcp 631",
		        "to prefixes 10.1.2.2/32 2001:db8:1:2::2/128 proto 6 271-271 8443-8443\n"
		        "from mark 2 proto 6 631-631\n" },
		/* ports are sorted and joined, prefixes within others go */
		{ "allow to any allow from any tcp 443, 22, 440-450, 451, 21",
		        "to any proto 0\nfrom any proto 6 21-22 440-451\n" },
		/* a definition's ports say nothing about what the node offers */
		{ "allow to server allow from server tcp 22",
		        "to prefixes 10.1.2.2/32 2001:db8:1:2::2/128 proto 6 271-271 8443-8443\n"
		        "from prefixes 10.1.2.2/32 2001:db8:1:2::2/128 proto 6 22-22\n" },
		{ "allow to server allow to web",
		        "to prefixes 10.1.2.2/32 2001:db8:1:2::2/128 proto 6 271-271 8443-8443\n"
		        "to prefixes 10.9.0.0/16 proto 6 80-80\nto prefixes 10.9.0.0/16 proto 17 443-443\n" },
		/* icmp is IPv4 and icmpv6 is IPv6 */
		{ "allow to any allow to site icmp icmpv6",
		        "to any proto 0\nto prefixes 10.0.0.0/8 proto 1\nto prefixes 8000::/1 proto 58\n" },
		{ "allow to any allow to outside tcp 80",
		        "to any proto 0\nto prefixes 0.0.0.0/5 8.0.0.0/7 11.0.0.0/8 12.0.0.0/6 16.0.0.0/4 "
		        "32.0.0.0/3 "
		        "64.0.0.0/2 128.0.0.0/1 ::/1 proto 6 80-80\n" },
	};
	char text[2048];
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		char *policy FREE_ON_EXIT =
		        xasprintf("site 10.0.0.0/8, 10.1.0.0/16, 8000::/1\n" SERVER
		                  "define web { address 10.9.1.0/24, 10.9.0.0/16, 10.9.1.7 tcp 80 udp 443 }\n"
		                  "segment a default { %s }\nsegment b level 1 { allow to any, web }\nadmit "
		                  "to b otherwise a\n" TIMES,
		                rows[i].body);
		struct policy *p = parse_good(policy);
		rules_as_text(policy_segment_by_name(p, "a"), text, sizeof(text));
		assert_string_equal(text, rows[i].rules);
		policy_free(p);
	}
}

/* What the outside is must not hold an address of the site, and must hold every other. */
static void outside_is_the_rest(void **state)
{
	struct policy *p =
	        parse_good("site 2001:db8:1::/48, 10.1.0.0/16, 192.0.2.0/24\n" SERVER
	                   "segment a default { allow to server allow to outside }\notherwise a\n" TIMES);
	static const struct {
		const char *address;
		bool outside;
	} rows[] = { { "2001:db8:1::1", false }, { "2001:db8:1:ffff:ffff:ffff:ffff:ffff", false },
		{ "2001:db8:2::", true }, { "2001:db8::1", true }, { "::1", true }, { "ffff::", true },
		{ "10.1.255.255", false }, { "10.2.0.0", true }, { "10.0.255.255", true },
		{ "192.0.2.9", false }, { "192.0.3.0", true }, { "0.0.0.0", true },
		{ "255.255.255.255", true } };
	const struct policy_segment *s = policy_default_segment(p);
	const struct policy_rule *r = &s->rules[s->n_rules - 1];
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct ip_address a;
		size_t n = 0;
		assert_int_equal(ip_parse(rows[i].address, &a), 0);
		for (size_t k = 0; k < r->n_prefixes; k++)
			n += ip_is_v4(&a) == ip_is_v4(&r->prefixes[k].address) &&
			        ip_in_prefix(&a, &r->prefixes[k]);
		assert_int_equal(n, rows[i].outside ? 1 : 0);
	}
	policy_free(p);
}

static void lab_policy_loads(void **state)
{
	struct reports reports = { 0 };
	struct policy *p = NULL;
	struct error err = { "" };
	assert_int_equal(policy_load(LAB_POLICY, keep_report, &reports, &p, &err), 0);
	assert_string_equal(reports.text, "");
	assert_string_equal(policy_node_role(p, "alice"), "employee");
	policy_free(p);
	assert_int_equal(policy_load("/nonexistent/policy", NULL, NULL, &p, &err), -ENOENT);
}

static void described(void **state)
{
	struct policy *p = parse_good(good_policy);
	char *text FREE_ON_EXIT = policy_describe(p, 0);
	assert_string_equal(text,
	        "segment quarantine, the default, logs what it refuses\n"
	        "    opens to   server, dns\n"
	        "    open from  segment staff tcp 631\n"
	        "segment isolated\n"
	        "    opens to   server\n"
	        "               site icmpv6\n"
	        "    open from  nothing\n"
	        "segment staff, level 2, grace 15 min\n"
	        "    opens to   any\n"
	        "    open from  any tcp 22, 443, 440-450, 451\n"
	        "               10.1.0.0/16, outside icmp\n"
	        "admit role \"employee\" to staff when patched, firewall\n"
	        "otherwise isolated\n"
	        "inspect every 30 min, certificate lifetime 45 min\n");
	policy_free(p);
}

#define UNTREATED "\"log_new\":false,\"rate_up\":0,\"rate_down\":0,\"route\":null,\"next_hops\":[],"

/* Rates, ways and what is logged. */
static void treatment(void **state)
{
	struct policy *p =
	        parse_good(SERVER "define ids { address 2001:db8:1:9::2, 10.1.9.2 }\n"
	                          "segment a default { allow to server rate 64 kbit/s up log new }\n"
	                          "segment guest level 1 { allow to any  route via ids "
	                          "rate 1500 kbit/s up 20 Mbit/s down  log  log new }\n"
	                          "segment staff level 2 { allow to any rate 2 Gbit/s }\n"
	                          "role \"r\" { node \"n\" }\n"
	                          "admit role \"r\" to staff admit to guest\notherwise a\n" TIMES);
	size_t n;
	const struct policy_segment *s = policy_segments(p, &n);
	assert_int_equal(n, 3);
	assert_true(s[0].rate_up == 64000 && s[0].rate_down == 0 && s[0].log_new && !s[0].log);
	assert_true(s[1].rate_up == 1500000 && s[1].rate_down == 20000000 && s[1].log_new && s[1].log);
	assert_true(s[2].rate_up == 2000000000 && s[2].rate_down == 2000000000 && !s[2].route);
	assert_string_equal(s[1].route, "ids");
	assert_int_equal(s[1].n_next_hops, 2);
	assert_true(ip_is_v4(&s[1].next_hops[0]) && !ip_is_v4(&s[1].next_hops[1]));
	char *words FREE_ON_EXIT = policy_describe(p, 0);
	assert_non_null(strstr(words,
	        "segment a, the default, logs what it opens\n"
	        "    each node  64 kbit/s up\n"));
	assert_non_null(strstr(words,
	        "segment guest, level 1, logs what it refuses and opens\n"
	        "    each node  1500 kbit/s up, 20 Mbit/s down\n"
	        "    goes via   ids\n"));
	assert_non_null(strstr(words, "    each node  2 Gbit/s up, and down\n"));
	json_t *json = policy_to_json(p);
	const json_t *guest = json_array_get(json_object_get(json, "segments"), 1);
	assert_int_equal(json_integer_value(json_object_get(guest, "rate_down")), 20000000);
	assert_string_equal(
	        json_string_value(json_array_get(json_object_get(guest, "next_hops"), 0)), "10.1.9.2");
	json_decref(json);
	policy_free(p);
}

static void as_json(void **state)
{
	struct policy *p =
	        parse_good(SERVER "enforcer \"gateway\"\nsegment a default { allow to server log }\n"
	                          "segment b level 3 { allow to any allow from segment a any grace 90 s }\n"
	                          "admit to b\notherwise a\n" TIMES);
	json_t *json = policy_to_json(p);
	char *text FREE_ON_EXIT = json_dumps(json, JSON_COMPACT);
	char *want FREE_ON_EXIT =
	        xasprintf("{\"fingerprint\":\"%016llx\",\"inspect_every_ms\":1800000,\"certificate_lifetime_"
	                  "ms\":2700000,"
	                  "\"inspect_after_advisories\":null,\"inspect_rate\":{\"nodes\":200,\"per_ms\":1000}"
	                  ",\"otherwise\":\"a\",\"modes\":[],\"waivers\":[],"
	                  "\"brake\":null,\"enforcers\":["
	                  "\"gateway\"],\"segments\":["
	                  "{\"name\":\"a\",\"mark\":1,\"default\":true,\"level\":0,\"grace_ms\":0,\"demote_"
	                  "ms\":0,\"log\":"
	                  "true," UNTREATED "\"rules\":["
	                  "{\"direction\":\"to\",\"peer\":\"prefixes\",\"prefixes\":[\"10.1.2.2/"
	                  "32\",\"2001:db8:1:2::2/128\"],"
	                  "\"protocol\":\"tcp\",\"ports\":[[271,271],[8443,8443]]}]},"
	                  "{\"name\":\"b\",\"mark\":2,\"default\":false,\"level\":3,\"grace_ms\":90000,"
	                  "\"demote_ms\":0,\"log\":false," UNTREATED "\"rules\":["
	                  "{\"direction\":\"to\",\"peer\":\"any\",\"protocol\":\"any\",\"ports\":[]},"
	                  "{\"direction\":\"from\",\"peer\":\"segment\",\"segment\":\"a\",\"protocol\":"
	                  "\"any\",\"ports\":[]}]}]}",
	                (unsigned long long)policy_fingerprint(p));
	assert_string_equal(text, want);
	json_decref(json);
	char *words FREE_ON_EXIT = policy_describe(p, 0);
	assert_non_null(strstr(words, "segment b, level 3, grace 90 s\n"));
	policy_free(p);
}

/* What the manual shows must be what the checker takes. */
static void manual_example_loads(void **state)
{
	static const char begin[] = ".Bd -literal\n", end[] = "\n.Ed\n";
	char *text FREE_ON_EXIT = NULL;
	struct error err = { "" };
	assert_int_equal(file_read(MANUAL, 1u << 20, &text, NULL, &err), 0);
	char *example = strstr(text, begin);
	assert_non_null(example);
	example += strlen(begin);
	char *stop = strstr(example, end);
	assert_non_null(stop);
	stop[1] = '\0';
	struct policy *p = parse_good(example);
	assert_string_equal(policy_default_segment(p)->name, "quarantine");
	policy_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(fingerprint),
		cmocka_unit_test(filter_ir),
		cmocka_unit_test(outside_is_the_rest),
		cmocka_unit_test(lab_policy_loads),
		cmocka_unit_test(described),
		cmocka_unit_test(treatment),
		cmocka_unit_test(as_json),
		cmocka_unit_test(manual_example_loads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
