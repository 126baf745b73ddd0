/* SPDX-License-Identifier: ISC */
#include "posture/posture.h"
#include "tests/unit/posture/example.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

static void json_is_its_own_inverse(void **state)
{
	struct posture *p = example_posture(), *q;
	struct error err;
	uint8_t before[32], after[32];
	json_t *json = posture_to_json(p);
	assert_int_equal(posture_from_json(json, &q, &err), 0);
	json_t *again = posture_to_json(q);
	assert_true(json_equal(json, again));
	json_decref(again);
	size_t length;
	char *text = posture_to_json_text(p, true, &length);
	assert_int_equal(strlen(text), length);
	json_t *read = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
	posture_free(q);
	assert_int_equal(posture_from_json(read, &q, &err), 0);
	again = posture_to_json(q);
	assert_true(json_equal(json, again));
	json_decref(read);
	free(text);
	assert_int_equal(p->collected, q->collected);
	posture_digest(p, before);
	posture_digest(q, after);
	assert_memory_equal(before, after, sizeof(before));
	json_decref(json);
	json_decref(again);
	posture_free(p);
	posture_free(q);
}

/* A source that is the package itself follows from the package. */
static void json_text_leaves_out_what_follows(void **state)
{
	struct posture *p = posture_new();
	p->packages_known = true;
	(void)posture_add_package(p,
	        &(struct posture_package){
	                .type = "deb", .name = "a", .version = "1", .source = "a", .source_version = "2" });
	size_t length;
	char *text = posture_to_json_text(p, true, &length);
	assert_non_null(
	        strstr(text, "{\"type\":\"deb\",\"name\":\"a\",\"version\":\"1\",\"source_version\":\"2\"}"));
	free(text);
	posture_free(p);
}

/* Whatever a string holds, the text reads back to the same JSON, but for purls. */
static void json_text_is_escaped(void **state)
{
	static const char *const strings[] = { "a\"b", "\\", "\"\"", "tab\tand\x01", "caf\xc3\xa9",
		"a/b@c?d=e&f#g%h", "" };
	struct posture *p = posture_new();
	p->os_id = "debian";
	p->packages_known = true;
	for (size_t i = 0; i < ARRAY_LENGTH(strings); i++)
		(void)posture_add_package(p,
		        &(struct posture_package){ .type = "deb",
		                .name = strings[i],
		                .version = strings[(i + 1) % ARRAY_LENGTH(strings)],
		                .source = i % 2 ? strings[(i + 2) % ARRAY_LENGTH(strings)] : NULL,
		                .source_version = i % 2 ? strings[i] : NULL });
	size_t length;
	char *text = posture_to_json_text(p, true, &length);
	json_t *json = posture_to_json(p), *read = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
	json_t *package;
	size_t i;
	json_array_foreach(json_object_get(json, "packages"), i, package)
		json_object_del(package, "purl");
	assert_non_null(read);
	assert_true(json_equal(json, read));
	assert_int_equal(json_array_size(json_object_get(read, "packages")), ARRAY_LENGTH(strings));
	json_decref(json);
	json_decref(read);
	free(text);
	posture_free(p);
}

/* Absent never means none: an empty posture says nothing and stays unknown on the way back. */
static void what_is_not_known_stays_unknown(void **state)
{
	struct posture *p = posture_new(), *q;
	struct error err;
	json_t *json = posture_to_json(p);
	assert_null(json_object_get(json, "packages"));
	assert_null(json_object_get(json_object_get(json, "firewall"), "active"));
	assert_int_equal(posture_from_json(json, &q, &err), 0);
	assert_false(q->packages_known || q->updates_known || q->network_known);
	assert_int_equal(q->firewall_active, TRI_UNKNOWN);
	json_decref(json);
	posture_free(p);
	posture_free(q);
}

static void wrong_json_is_refused_by_name(void **state)
{
	static const struct {
		const char *json, *word;
	} rows[] = {
		{ "[]", "object" },
		{ "{\"os\": {\"id\": 12}}", "os.id" },
		{ "{\"network\": []}", "network" },
		{ "{\"network\": {\"forwarding\": 1}}", "network.forwarding" },
		{ "{\"packages\": {}}", "packages" },
		{ "{\"packages\": [1]}", "packages[0]" },
		{ "{\"packages\": [{\"type\": \"deb\", \"name\": \"a\"}]}", "version" },
		{ "{\"packages\": [{\"type\": \"deb\", \"name\": \"\", \"version\": \"1\"}]}", "name" },
		{ "{\"updates\": {\"checked\": \"yesterday\"}}", "checked" },
		{ "{\"network\": {\"interfaces\": [{\"name\": \"a\", \"mac\": \"x\"}]}}", "MAC" },
		{ "{\"network\": {\"interfaces\": [{\"name\": \"a\", \"addresses\": [\"10.0.0.1\"]}]}}",
		        "addresses" },
		{ "{\"network\": {\"interfaces\": [{\"name\": \"a\", \"addresses\": [\"10.0.0.1/33\"]}]}}",
		        "addresses" },
		{ "{\"network\": {\"interfaces\": [{\"name\": \"a\", \"addresses\": [7]}]}}", "addresses" },
		{ "{\"network\": {\"default_routes\": [{\"family\": \"ipx\"}]}}", "family" },
		{ "{\"network\": {\"forwarding\": {\"ipv4\": \"yes\"}}}", "ipv4" },
		{ "{\"firewall\": {\"active\": 1}}", "active" },
		{ "{\"firewall\": {\"rules\": -1}}", "rules" },
		{ "{\"firewall\": {\"input\": []}}", "input" },
		{ "{\"network\": {\"routing_rules\": 4294967296}}", "routing_rules" },
		{ "{\"network\": {\"ipsec_policies\": 1.5}}", "ipsec_policies" },
		{ "{\"network\": {\"interfaces\": [{\"name\": \"a\", \"kind\": 1}]}}", "kind" },
		{ "{\"settings\": 1}", "settings" },
		{ "{\"settings\": {\"kernel\": [{\"value\": \"1\"}]}}", "name" },
		{ "{\"settings\": {\"kernel\": [7]}}", "kernel[0]" },
		{ "{\"sshd\": {\"settings\": [{\"name\": \"a\", \"match\": 1}]}}", "match" },
		{ "{\"accounts\": {\"passwordless\": [1]}}", "passwordless[0]" },
		{ "{\"antivirus\": {\"signatures\": \"new\"}}", "signatures" },
		{ "{\"mac\": {\"mode\": true}}", "mac.mode" },
		{ "{\"audit\": {\"active\": \"yes\"}}", "active" },
		{ "{\"sources\": {}}", "sources" },
		{ "{\"sources\": [{\"url\": \"https://a.example/\"}]}", "software" },
		{ "{\"sources\": [{\"url\": \"https://a.example/\", \"software\": []}]}", "software" },
		{ "{\"sources\": [{\"url\": \"https://a.example/\", \"software\": [1]}]}", "software[0]" },
		{ "{\"sources\": [{\"url\": \"https://a.example/\", \"software\": [\"PyPI\", \"PyPI\\n\"]}]}",
		        "software[1]" },
		{ "{\"sources\": [{\"url\": \"https://a.example/\", \"software\": "
		  "[\"pkg:deb/debian/a@1\"]}]}",
		        "software[0]" },
		{ "{\"sources\": [{\"software\": [\"PyPI\"]}]}", "url" },
		{ "{\"sources\": [{\"url\": \"https://A.example/\", \"software\": [\"PyPI\"]}]}",
		        "usual form" },
		{ "{\"sources\": [{\"url\": \"file:///etc/passwd\", \"software\": [\"PyPI\"]}]}",
		        "usual form" },
		{ "{\"unknown\": [{\"field\": \"a\"}]}", "reason" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		json_error_t json_error;
		json_t *json = json_loads(rows[i].json, 0, &json_error);
		assert_non_null(json);
		struct posture *p = NULL;
		struct error err;
		assert_int_equal(posture_from_json(json, &p, &err), -EINVAL);
		assert_null(p);
		assert_non_null(strstr(err.text, rows[i].word));
		json_decref(json);
	}
}

static void digest_of(struct posture *p, uint8_t ret[32])
{
	posture_digest(p, ret);
	posture_free(p);
}

static void digest_ignores_order_time_and_reasons(void **state)
{
	uint8_t want[32], got[32];
	digest_of(example_posture(), want);
	struct posture *p = example_posture();
	struct posture_package first = p->packages[0];
	p->packages[0] = p->packages[1];
	p->packages[1] = first;
	struct posture_interface interface = p->interfaces[0];
	p->interfaces[0] = p->interfaces[1];
	p->interfaces[1] = interface;
	struct posture_route route = p->routes[0];
	p->routes[0] = p->routes[1];
	p->routes[1] = route;
	struct posture_setting setting = p->sshd.items[0];
	p->sshd.items[0] = p->sshd.items[1];
	p->sshd.items[1] = setting;
	const char *account = p->passwordless[0];
	p->passwordless[0] = p->passwordless[1];
	p->passwordless[1] = account;
	struct posture_source source = p->sources[0];
	p->sources[0] = p->sources[1];
	p->sources[1] = source;
	p->collected += 1000;
	p->unknowns[0].reason = "another reason";
	digest_of(p, got);
	assert_memory_equal(want, got, sizeof(want));
}

static void digest_sees_every_judged_field(void **state)
{
	uint8_t want[32], got[32];
	digest_of(example_posture(), want);
#define CHANGED(change) \
	do { \
		struct posture *p = example_posture(); \
		change; \
		digest_of(p, got); \
		assert_memory_not_equal(want, got, sizeof(want)); \
	} while (0)
	CHANGED(p->os_id = "ubuntu");
	CHANGED(p->os_codename = NULL);
	CHANGED(p->kernel_running = "6.1.0-1-amd64");
	CHANGED(p->machine_id = "other");
	CHANGED(p->product_serial = "other");
	CHANGED(p->packages[0].version = "1");
	CHANGED(p->packages[1].source_version = "1");
	CHANGED(p->packages[1].architecture = NULL);
	CHANGED(p->packages_known = false);
	CHANGED(p->n_packages--);
	CHANGED(p->updates[0].available = "9");
	CHANGED(p->updates_checked += 1000);
	CHANGED(p->interfaces[0].up = !p->interfaces[0].up);
	CHANGED(p->interfaces[0].addresses[0].address.bytes[15] ^= 1);
	CHANGED(p->interfaces[0].has_mac = false);
	CHANGED(p->routes[0].gateway.bytes[15] ^= 1);
	CHANGED(p->forwarding_v6 = TRI_YES);
	CHANGED(p->firewall_active = TRI_UNKNOWN);
	CHANGED(p->product_uuid = NULL);
	CHANGED(p->chassis = "server");
	CHANGED(p->virtualization = "kvm");
	CHANGED(p->interfaces[1].kind = NULL);
	CHANGED(p->interfaces[1].master = "br1");
	CHANGED(p->interfaces[1].wireless_mode = "station");
	CHANGED(p->interfaces[0].point_to_point = TRI_YES);
	CHANGED(p->interfaces[0].proxy_v4 = TRI_YES);
	CHANGED(p->interfaces[0].proxy_v6 = TRI_UNKNOWN);
	CHANGED(p->masquerade = TRI_YES);
	CHANGED(p->routing_rules.value++);
	CHANGED(p->ipsec_policies.known = false);
	CHANGED(p->firewall_input = "accept");
	CHANGED(p->firewall_rules.value--);
	CHANGED(p->firewall_fingerprint = "00fe");
	CHANGED(p->settings.items[1].value = "0");
	CHANGED(p->settings.known = false);
	CHANGED(p->sshd.items[1].match = NULL);
	CHANGED(p->sshd.count--);
	CHANGED(p->sshd_installed = TRI_NO);
	CHANGED(p->passwordless[0] = "root");
	CHANGED(p->passwordless_known = false);
	CHANGED(p->antivirus_installed = TRI_NO);
	CHANGED(p->antivirus_running = TRI_YES);
	CHANGED(p->antivirus_signatures += 1000);
	CHANGED(p->antivirus_version.value++);
	CHANGED(p->mac_system = "selinux");
	CHANGED(p->mac_mode = "permissive");
	CHANGED(p->mac_enforcing.value++);
	CHANGED(p->mac_complaining.value++);
	CHANGED(p->audit_active = TRI_NO);
	CHANGED(p->audit_rules.value++);
	CHANGED(p->sources[0].url = "https://feeds.example/osv");
	CHANGED(p->sources[0].file = NULL);
	CHANGED(p->sources[0].n_software--);
	CHANGED(p->sources[1].software[0] = "npm");
	CHANGED((void)posture_add_source(p, p->sources[0].url, NULL));
#undef CHANGED
}

static void strings_are_clean(void **state)
{
	static const struct {
		const char *raw, *clean;
	} rows[] = {
		{ "plain", "plain" },
		{ "tab\there", "tab?here" },
		{ "\x1b]0;title\x07", "?]0;title?" },
		{ "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
		{ "\xe2\x82\xac\xf0\x9f\x9a\xa2", "\xe2\x82\xac\xf0\x9f\x9a\xa2" },
		{ "cut \xe2\x82", "cut ??" },
		{ "\xc0\xaf overlong", "?? overlong" },
		{ "\xed\xa0\x80 surrogate", "??? surrogate" },
		{ "\xf4\x90\x80\x80", "????" },
		{ "c1 \xc2\x9b", "c1 ??" },
		{ "\x7f", "?" },
	};
	struct posture *p = posture_new();
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		assert_string_equal(posture_string(p, rows[i].raw), rows[i].clean);
	char big[POSTURE_STRING_MAX + 10];
	memset(big, 'x', sizeof(big));
	assert_int_equal(strlen(posture_string_n(p, big, sizeof(big))), POSTURE_STRING_MAX);
	assert_null(posture_string(p, NULL));
	posture_free(p);
}

static void lists_stop_at_their_limits(void **state)
{
	struct posture *p = posture_new();
	const struct posture_interface interface = { .name = "eth0" };
	const struct posture_route route = { .interface = "eth0" };
	const struct ip_prefix address = { .length = 64 };
	assert_int_equal(posture_add_address(p, 0, &address), -EINVAL);
	for (int i = 0; i < POSTURE_INTERFACES_MAX; i++)
		assert_int_equal(posture_add_interface(p, &interface), 0);
	assert_int_equal(posture_add_interface(p, &interface), -E2BIG);
	for (int i = 0; i < POSTURE_ADDRESSES_MAX; i++)
		assert_int_equal(posture_add_address(p, POSTURE_INTERFACES_MAX - 1, &address), 0);
	assert_int_equal(posture_add_address(p, POSTURE_INTERFACES_MAX - 1, &address), -E2BIG);
	for (int i = 0; i < POSTURE_ROUTES_MAX; i++)
		assert_int_equal(posture_add_route(p, &route), 0);
	assert_int_equal(posture_add_route(p, &route), -E2BIG);
	for (int i = 0; i < POSTURE_UNKNOWNS_MAX; i++)
		assert_int_equal(posture_add_unknown(p, "a", "%d", i), 0);
	assert_int_equal(posture_add_unknown(p, "a", "b"), -E2BIG);
	for (int i = 0; i < POSTURE_ACCOUNTS_MAX; i++)
		assert_int_equal(posture_add_passwordless(p, "a"), 0);
	assert_int_equal(posture_add_passwordless(p, "a"), -E2BIG);
	const struct posture_setting setting = { "a", "b", NULL };
	for (int i = 0; i < POSTURE_SETTINGS_MAX; i++)
		assert_int_equal(posture_add_setting(&p->settings, POSTURE_SETTINGS_MAX, &setting), 0);
	assert_int_equal(posture_add_setting(&p->settings, POSTURE_SETTINGS_MAX, &setting), -E2BIG);
	for (int i = 0; i < POSTURE_SOURCES_MAX; i++)
		assert_int_equal(posture_add_source(p, "https://a.example/", NULL), 0);
	assert_int_equal(posture_add_source(p, "https://a.example/", NULL), -E2BIG);
	for (int i = 0; i < POSTURE_SOFTWARE_MAX; i++)
		assert_int_equal(posture_add_software(p, "PyPI"), 0);
	assert_int_equal(posture_add_software(p, "PyPI"), -E2BIG);
	posture_free(p);
}

static void a_source_is_for_software_in_its_form(void **state)
{
	static const struct {
		const char *text, *form; /* NULL: refused */
	} rows[] = {
		{ "PyPI", "PyPI" },
		{ "Debian:12", "Debian:12" },
		{ "Red Hat:enterprise_linux:9::appstream", "Red Hat:enterprise_linux:9::appstream" },
		{ "pkg:deb/debian/acme-agent", "pkg:deb/debian/acme-agent" },
		{ "pkg:DEB/Debian/Acme-Agent", "pkg:deb/debian/acme-agent" },
		{ "pkg:npm/%40acme/agent", "pkg:npm/%40acme/agent" },
		{ "", NULL },
		{ " PyPI", NULL },
		{ "PyPI ", NULL },
		{ "12", NULL },
		{ "Py\tPI", NULL },
		{ "*", NULL },
		{ "pkg:", NULL },
		{ "pkg:deb/debian/acme-agent@1.0", NULL },
		{ "pkg:deb/debian/acme-agent?arch=amd64", NULL },
		{ "pkg:golang/acme.example/agent#sub", NULL },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		char *form = NULL;
		struct error err = { "" };
		int r = posture_software_canonical(rows[i].text, &form, &err);
		assert_int_equal(r, rows[i].form ? 0 : -EINVAL);
		if (rows[i].form)
			assert_string_equal(form, rows[i].form);
		else
			assert_true(*err.text);
		free(form);
	}
	struct posture *p = posture_new();
	assert_int_equal(posture_add_software(p, "PyPI"), -EINVAL);
	posture_free(p);
}

static void traits_follow_from_kinds(void **state)
{
	static const struct {
		struct posture_interface interface;
		enum tristate bridge, tunnel, wireless, mobile;
	} rows[] = {
		{ { .name = "br0", .kind = "bridge" }, TRI_YES, TRI_NO, TRI_NO, TRI_NO },
		{ { .name = "wg0", .kind = "wireguard" }, TRI_NO, TRI_YES, TRI_NO, TRI_NO },
		{ { .name = "tap0", .kind = "tun" }, TRI_NO, TRI_YES, TRI_NO, TRI_NO },
		{ { .name = "sit0", .kind = "sit" }, TRI_NO, TRI_NO, TRI_NO, TRI_NO },
		{ { .name = "sit0", .kind = "sit", .up = true }, TRI_NO, TRI_YES, TRI_NO, TRI_NO },
		{ { .name = "sit1", .kind = "sit" }, TRI_NO, TRI_YES, TRI_NO, TRI_NO },
		{ { .name = "wlan0", .kind = "wireless" }, TRI_NO, TRI_NO, TRI_YES, TRI_NO },
		{ { .name = "w", .kind = "ethernet", .wireless_mode = "ap" }, TRI_NO, TRI_NO, TRI_YES,
		        TRI_NO },
		{ { .name = "wwan0", .kind = "mobile" }, TRI_NO, TRI_NO, TRI_NO, TRI_YES },
		{ { .name = "eth0", .kind = "ethernet" }, TRI_NO, TRI_NO, TRI_NO, TRI_NO },
		{ { .name = "eth0" }, TRI_UNKNOWN, TRI_UNKNOWN, TRI_UNKNOWN, TRI_UNKNOWN },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		const struct posture_interface *f = &rows[i].interface;
		assert_int_equal(posture_interface_is(f, POSTURE_BRIDGE), rows[i].bridge);
		assert_int_equal(posture_interface_is(f, POSTURE_TUNNEL), rows[i].tunnel);
		assert_int_equal(posture_interface_is(f, POSTURE_WIRELESS), rows[i].wireless);
		assert_int_equal(posture_interface_is(f, POSTURE_MOBILE), rows[i].mobile);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_is_its_own_inverse),
		cmocka_unit_test(json_text_is_escaped),
		cmocka_unit_test(json_text_leaves_out_what_follows),
		cmocka_unit_test(what_is_not_known_stays_unknown),
		cmocka_unit_test(wrong_json_is_refused_by_name),
		cmocka_unit_test(digest_ignores_order_time_and_reasons),
		cmocka_unit_test(digest_sees_every_judged_field),
		cmocka_unit_test(strings_are_clean),
		cmocka_unit_test(a_source_is_for_software_in_its_form),
		cmocka_unit_test(traits_follow_from_kinds),
		cmocka_unit_test(lists_stop_at_their_limits),
	};
	return cmocka_run_group_tests_name("posture", tests, NULL, NULL);
}
