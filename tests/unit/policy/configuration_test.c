/* SPDX-License-Identifier: ISC */
/* What a policy asks of a node's configuration: interfaces, settings, accounts, security software. */
#include "base/file.h"
#include "policy/fields.h"
#include "posture/settings.h"
#include "tests/unit/policy/refused.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <string.h>

#define NOW 1790000000000LL
#define FRAME \
	SERVER QUARANTINE \
	        "segment isolated { allow to server }\nsegment staff level 2 { allow to any }\n" TIMES

static void add(struct posture *p, struct posture_interface interface)
{
	if (interface.point_to_point == TRI_UNKNOWN)
		interface.point_to_point = TRI_NO;
	assert_int_equal(posture_add_interface(p, &interface), 0);
}

static void setting(struct posture_settings *list, const char *name, const char *value, const char *match)
{
	const struct posture_setting s = { name, value, match };
	list->known = true;
	assert_int_equal(posture_add_setting(list, POSTURE_SETTINGS_MAX, &s), 0);
}

static struct posture *laptop(void)
{
	const enum tristate no = TRI_NO;
	struct posture *p = posture_new();
	add(p,
	        (struct posture_interface){
	                .name = "eth0", .kind = "ethernet", .up = true, .proxy_v4 = no, .proxy_v6 = no });
	add(p,
	        (struct posture_interface){ .name = "softwire0",
	                .kind = "tun",
	                .up = true,
	                .point_to_point = TRI_YES,
	                .proxy_v4 = no,
	                .proxy_v6 = no });
	add(p,
	        (struct posture_interface){ .name = "wlan0",
	                .kind = "wireless",
	                .wireless_mode = "station",
	                .proxy_v4 = no,
	                .proxy_v6 = no });
	p->network_known = true;
	(void)posture_add_route(p, &(struct posture_route){ .interface = "eth0", .v4 = true });
	(void)posture_add_route(p, &(struct posture_route){ .interface = "eth0" });
	p->masquerade = TRI_NO;
	p->routing_rules = p->ipsec_policies = p->mac_complaining = (struct posture_count){ .known = true };
	p->firewall_rules = p->mac_enforcing = p->audit_rules = (struct posture_count){ true, 7 };
	p->firewall_input = "drop";
	p->firewall_fingerprint = "ab";
	setting(&p->settings, "net.ipv4.conf.all.accept_redirects", "0", NULL);
	setting(&p->settings, "kernel.core_pattern", "|/bin/false", NULL);
	setting(&p->settings, "kernel.randomize_va_space", "2", NULL);
	setting(&p->settings, "kernel.perf_event_paranoid", "-1", NULL);
	setting(&p->sshd, "PermitRootLogin", "prohibit-password", NULL);
	setting(&p->sshd, "PasswordAuthentication", "no", NULL);
	setting(&p->sshd, "PasswordAuthentication", "yes", "Address 192.0.2.0/24");
	setting(&p->sshd, "Port", "22", NULL);
	setting(&p->sshd, "Port", "2222", NULL);
	p->passwordless_known = true;
	p->sshd_installed = p->antivirus_installed = p->antivirus_running = p->audit_active = TRI_YES;
	p->antivirus_signatures = NOW - 36 * 3600000LL;
	p->mac_system = "apparmor";
	p->mac_mode = "enforcing";
	p->machine_id = "0123";
	p->product_serial = "A-1";
	p->product_uuid = "U-1";
	p->board_vendor = "Acme";
	p->board_name = "RR7";
	p->board_serial = "B-1";
	p->bios_vendor = "AMI";
	p->bios_version = "1.7";
	p->bios_date = "2024-02-29";
	p->chassis = "notebook";
	p->virtualization = "none";
	return p;
}

struct judged {
	enum tristate value;
	char findings[2048];
};

/* reject: "reject when not r", which tells no from unknown; without it the findings are the admission's. */
static void judge(
        const char *expression, const char *reject, const struct posture *posture, struct judged *ret)
{
	char *text FREE_ON_EXIT = xasprintf(
	        FRAME "require r { %s }\n%sadmit to staff when r\notherwise isolated\n", expression, reject);
	const struct policy_input in = { .node = "a", .posture = posture, .now = NOW };
	struct policy *p = NULL;
	struct policy_decision d;
	struct error err = { "" };
	size_t used = 0;
	if (policy_parse("p", text, strlen(text), NULL, NULL, &p, &err) < 0)
		fail_msg("%s", err.text);
	policy_evaluate(p, &in, &d);
	ret->value = d.compliant ? TRI_YES : d.rejected ? TRI_NO : TRI_UNKNOWN;
	ret->findings[0] = '\0';
	for (size_t i = 0; i < d.n_findings && used < sizeof(ret->findings); i++)
		used += (size_t)snprintf(
		        ret->findings + used, sizeof(ret->findings) - used, "%s\n", d.findings[i].text);
	policy_decision_clear(&d);
	policy_free(p);
}

static void expect(const char *expression, const struct posture *posture, enum tristate value)
{
	struct judged j;
	judge(expression, "reject when not r\n", posture, &j);
	if (j.value != value)
		fail_msg("%s is %d, not %d: %s", expression, j.value, value, j.findings);
}

static void values(void **state)
{
	static const struct {
		const char *expression;
		enum tristate value;
	} rows[] = {
		{ "no interface where bridge", TRI_YES },
		{ "no interface where tunnel", TRI_NO },
		{ "no interface where tunnel and name != \"softwire0\"", TRI_YES },
		{ "no interface where tunnel, name != \"softwire0\"", TRI_YES },
		{ "no interface where not (name = \"eth0\" or name = \"wlan0\")", TRI_NO },
		{ "no interface where wireless", TRI_NO },
		{ "no interface where wireless.mode = \"ad-hoc\" or wireless.mode = \"ap\"", TRI_YES },
		{ "no interface where wireless and wireless.mode != \"station\"", TRI_YES },
		{ "no interface where mobile", TRI_YES },
		{ "no interface where point-to-point", TRI_NO },
		{ "no interface where port", TRI_YES },
		{ "no interface where proxy", TRI_YES },
		{ "no interface where active and kind = \"tun\"", TRI_NO },
		{ "no interface where uplink and name != \"eth0\"", TRI_YES },
		{ "no interface where master = \"br0\"", TRI_YES },
		{ "(no interface where bridge) and network.uplinks = 1", TRI_YES },
		{ "not network.masquerade and network.rules = 0 and network.ipsec = 0", TRI_YES },
		{ "setting \"net.ipv4.conf.all.accept_redirects\" = 0", TRI_YES },
		{ "setting \"net.ipv4.conf.all.accept_redirects\" = \"0\"", TRI_YES },
		{ "setting \"net.ipv4.conf.all.accept_redirects\" != 0", TRI_NO },
		{ "setting \"kernel.randomize_va_space\" >= 1", TRI_YES },
		{ "setting \"kernel.perf_event_paranoid\" >= 2", TRI_NO },
		{ "setting \"kernel.core_pattern\" = \"|/bin/false\"", TRI_YES },
		{ "setting \"kernel.core_pattern\" >= 1", TRI_UNKNOWN },  /* no number */
		{ "setting \"kernel.kptr_restrict\" >= 0", TRI_UNKNOWN }, /* not reported */
		{ "sshd \"PermitRootLogin\" != \"yes\"", TRI_YES },
		{ "sshd \"permitrootlogin\" = \"no\"", TRI_NO },
		{ "sshd \"PasswordAuthentication\" = \"no\"", TRI_UNKNOWN }, /* not for all */
		{ "sshd \"PasswordAuthentication\" != \"maybe\"", TRI_YES },
		{ "sshd \"Port\" >= 22", TRI_YES },
		{ "sshd \"Port\" = 22", TRI_UNKNOWN },
		{ "not sshd.installed or sshd \"X11Forwarding\" = \"no\"", TRI_UNKNOWN },
		{ "accounts.passwordless = 0", TRI_YES },
		{ "antivirus.installed and antivirus.running and antivirus.age < 2 days", TRI_YES },
		{ "antivirus.age < 1 day", TRI_NO },
		{ "mac.system = \"apparmor\" and mac.mode = \"enforcing\" and mac.complaining = 0", TRI_YES },
		{ "mac.enforcing >= 8", TRI_NO },
		{ "audit.active and audit.rules > 0", TRI_YES },
		{ "firewall.input = \"drop\" and firewall.rules >= 1 and firewall.fingerprint = \"ab\"",
		        TRI_YES },
		{ "machine.id = \"0123\" and machine.virtualization = \"none\"", TRI_YES },
		{ "product.serial = \"A-1\" and product.uuid = \"U-1\" and chassis.type = \"notebook\"",
		        TRI_YES },
		{ "board.vendor = \"Acme\" and board.name = \"RR7\" and board.serial = \"B-1\"", TRI_YES },
		{ "bios.vendor = \"AMI\" and bios.version = \"1.7\" and bios.date = \"2024-02-29\"",
		        TRI_YES },
	};
	struct posture *p = laptop(), *nothing = posture_new();
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		expect(rows[i].expression, p, rows[i].value);
		expect(rows[i].expression, nothing, TRI_UNKNOWN);
	}
	posture_free(p);
	posture_free(nothing);
}

/* What is not known of one interface is no pass for the node. */
static void unknown_interfaces(void **state)
{
	struct posture *p = laptop();
	add(p, (struct posture_interface){ .name = "x0" });
	expect("no interface where bridge", p, TRI_UNKNOWN);
	expect("no interface where bridge and name != \"x0\"", p, TRI_YES);
	expect("no interface where tunnel", p, TRI_NO);
	expect("no interface where kind = \"vxlan\"", p, TRI_UNKNOWN);
	expect("no interface where wireless.mode = \"ap\"", p, TRI_UNKNOWN);
	p->interfaces[3].kind = "wireless";
	expect("no interface where bridge", p, TRI_YES);
	expect("no interface where wireless.mode = \"ap\"", p, TRI_UNKNOWN);
	(void)posture_add_unknown(p, "network", "3 interfaces more than a posture holds");
	expect("no interface where bridge", p, TRI_UNKNOWN);
	posture_free(p);
}

static void findings(void **state)
{
	static const struct {
		const char *expression, *words;
	} rows[] = {
		{ "no interface where tunnel and name != \"softwire0\" or bridge",
		        "interface br0 (bridge) is a bridge; interface wg0 (wireguard) is a tunnel; "
		        "requirement r "
		        "wants no interface where tunnel and name != \"softwire0\" or bridge\n" },
		{ "no interface where wireless.mode = \"ad-hoc\"",
		        "interface mesh0 (wireless) has the wireless.mode \"ad-hoc\"; requirement" },
		{ "no interface where proxy",
		        "interface mesh0 is not known well enough (the agent did not report" },
		{ "no interface where not active and name = \"wg0\"",
		        "there is the interface wg0 (wireguard); req" },
		{ "network.uplinks = 1",
		        "the number of interfaces with a default route is 2 (eth0; wg0); requirement" },
		{ "setting \"net.ipv4.conf.all.accept_redirects\" = 1",
		        "setting net.ipv4.conf.all.accept_redirects is \"0\"; requirement r wants" },
		{ "setting \"kernel.kptr_restrict\" >= 1",
		        "setting kernel.kptr_restrict is unknown (no such file); requirement" },
		{ "sshd \"PasswordAuthentication\" = \"no\"",
		        "sshd's PasswordAuthentication is \"no\", \"yes\" for Address 192.0.2.0/24; "
		        "requirement" },
		{ "accounts.passwordless = 0",
		        "the number of accounts with an empty password is 2 (guest; kiosk); requirement" },
		{ "antivirus.age < 1 day", "the age of the virus signatures is 36 hours; requirement" },
	};
	struct posture *p = laptop();
	add(p,
	        (struct posture_interface){
	                .name = "br0", .kind = "bridge", .proxy_v4 = TRI_NO, .proxy_v6 = TRI_NO });
	add(p,
	        (struct posture_interface){
	                .name = "wg0", .kind = "wireguard", .proxy_v4 = TRI_NO, .proxy_v6 = TRI_NO });
	add(p, (struct posture_interface){ .name = "mesh0", .kind = "wireless", .wireless_mode = "ad-hoc" });
	(void)posture_add_route(p, &(struct posture_route){ .interface = "wg0" });
	(void)posture_add_passwordless(p, "guest");
	(void)posture_add_passwordless(p, "kiosk");
	(void)posture_add_unknown(p, "settings.kernel.kptr_restrict", "no such file");
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct judged j;
		judge(rows[i].expression, "", p, &j);
		if (!strstr(j.findings, rows[i].words))
			fail_msg("%s: %s", rows[i].expression, j.findings);
	}
	struct judged j;
	p->sshd_installed = TRI_NO;
	judge("sshd \"UsePAM\" = \"yes\"", "", p, &j);
	assert_non_null(strstr(j.findings, "sshd's UsePAM is unknown (sshd is not installed); requirement"));
	posture_free(p);
}

static void what_has_no_meaning_is_refused(void **state)
{
	static const struct row rows[] = {
		{ BASE "require r { setting \"kernel.nothing\" = 1 }\n",
		        "p:5:21: no agent reports the kernel setting \"kernel.nothing\"; pratique-policy(5) "
		        "has those "
		        "that are\n"
		        "    require r { setting \"kernel.nothing\" = 1 }\n"
		        "                        ^\n" },
		{ BASE "require r { sshd \"Port\" = 1 day }\n",
		        "p:5:27: a setting is compared with a number or with text\n"
		        "    require r { sshd \"Port\" = 1 day }\n"
		        "                              ^\n" },
		{ BASE "require r { sshd \"Banner\" < \"x\" }\n",
		        "p:5:13: text has no order: compare it with = or !=\n"
		        "    require r { sshd \"Banner\" < \"x\" }\n"
		        "                ^\n" },
		{ BASE "require r { apache \"Listen\" = 80 }\n",
		        "p:5:13: `apache` takes no name in quotes; what does is `setting`, `sshd` and "
		        "`package`\n"
		        "    require r { apache \"Listen\" = 80 }\n"
		        "                ^\n" },
		{ BASE "require r { no printer where active }\n",
		        "p:5:16: what a node may have none of is an `advisory` or an `interface`\n"
		        "    require r { no printer where active }\n"
		        "                   ^\n" },
		{ BASE "require r { no interface where fast }\n",
		        "p:5:32: an interface has no `fast`; it has `active`, `bridge`, `kind`, `master`, "
		        "`mobile`, "
		        "`name`, "
		        "`point-to-point`, `port`, `proxy`, `tunnel`, `uplink`, `wireless` and "
		        "`wireless.mode`\n"
		        "    require r { no interface where fast }\n"
		        "                                   ^\n" },
		{ BASE "require r { no interface where bridge, firewall.active }\n",
		        "p:5:40: `firewall.active` is about the node, not about an interface: write (no "
		        "interface "
		        "where ...) and firewall.active ...\n"
		        "    require r { no interface where bridge, firewall.active }\n"
		        "                                           ^\n" },
		{ BASE "require r { no interface where bridge and network.uplinks = 1 }\n",
		        "p:5:43: `network.uplinks` is about the node, not about an interface: write (no "
		        "interface "
		        "where ...) and network.uplinks ...\n"
		        "    require r { no interface where bridge and network.uplinks = 1 }\n"
		        "                                              ^\n" },
		{ BASE "require r { no interface where name = 7 }\n",
		        "p:5:39: `name` is text: write it as \"...\"\n"
		        "    require r { no interface where name = 7 }\n"
		        "                                          ^\n" },
		{ BASE "require r { no interface where name }\n",
		        "p:5:32: `name` is text: compare it with something, as in `name = \"...\"`\n"
		        "    require r { no interface where name }\n"
		        "                                   ^\n" },
		{ BASE "require r { no interface where bridge = \"yes\" }\n",
		        "p:5:32: `bridge` is yes or no: write `bridge` or `not bridge`\n"
		        "    require r { no interface where bridge = \"yes\" }\n"
		        "                                   ^\n" },
		{ BASE "require r { no interface where name > \"a\" }\n",
		        "p:5:32: what an interface is called has no order: compare it with = or !=\n"
		        "    require r { no interface where name > \"a\" }\n"
		        "                                   ^\n" },
	};
	refused(rows, ARRAY_LENGTH(rows));
}

static void assert_documented(const char *manual, const char *name, const char *before)
{
	char *word FREE_ON_EXIT = xasprintf("%s%s", before, name);
	for (const char *at = manual; (at = strstr(at, word)); at++)
		if (strchr(" ,\n", at[strlen(word)]))
			return;
	fail_msg("pratique-policy(5) does not have %s", name);
}

/* The checker sends people there. */
static void the_manual_has_them_all(void **state)
{
	char *manual FREE_ON_EXIT = NULL;
	size_t n;
	assert_int_equal(file_read(MANUAL, 1u << 20, &manual, NULL, NULL), 0);
	const struct policy_field *fields = policy_fields(&n);
	for (size_t i = 0; i < n; i++)
		assert_documented(manual, fields[i].name, " ");
	for (const char *const *name = posture_kernel_settings; *name; name++)
		assert_documented(manual, *name, ".Li ");
	for (const char *const *name = posture_sshd_settings; *name; name++)
		assert_documented(manual, *name, ".Li ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values),
		cmocka_unit_test(unknown_interfaces),
		cmocka_unit_test(findings),
		cmocka_unit_test(what_has_no_meaning_is_refused),
		cmocka_unit_test(the_manual_has_them_all),
	};
	return cmocka_run_group_tests_name("configuration", tests, NULL, NULL);
}
