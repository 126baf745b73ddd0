/* SPDX-License-Identifier: ISC */
#include "policy/fields.h"

#include <string.h>

static void fact_text(struct policy_fact *f, const char *text)
{
	f->known = text != NULL;
	f->text = text;
}

static void fact_tristate(struct policy_fact *f, enum tristate t)
{
	f->known = t != TRI_UNKNOWN;
	f->yes = t == TRI_YES;
}

static void fact_number(struct policy_fact *f, bool known, int64_t n)
{
	f->known = known;
	f->number = n;
}

/* The time since then. What lies in the future by more than clocks differ is not believed. */
static void fact_age(struct policy_fact *f, time_ms now, time_ms then)
{
	f->known = then > 0 && then - now <= POLICY_CLOCK_SKEW_MAX_MS;
	f->number = MAX(now - then, 0);
	if (then > 0 && !f->known)
		f->why = "its time lies in the future";
}

/* Of all that is known: as old as the required source that was heard of longest ago. */
static void read_advisories_age(const struct policy_input *in, struct policy_fact *f)
{
	struct vuln_freshness fresh;
	if (!in->index)
		f->why = "there is no vulnerability information";
	else if (vuln_index_freshness(in->index, in->now, &fresh) < 0)
		f->why = "the vulnerability information cannot be read";
	else if (fresh.oldest == 0)
		f->why = "a source that it needs was never loaded";
	else
		fact_age(f, in->now, fresh.oldest);
}

struct source_search {
	const char *name;
	bool found;
	time_ms loaded;
};

static int look_at_source(const struct vuln_source *source, void *context)
{
	struct source_search *s = context;
	if (strcmp(source->name, s->name) == 0) {
		s->found = true;
		s->loaded = source->loaded;
	}
	return 0;
}

void policy_source_age_read(const char *source, const struct policy_input *in, struct policy_fact *ret)
{
	struct source_search search = { .name = source };
	*ret = (struct policy_fact){ 0 };
	if (!in->index)
		ret->why = "there is no vulnerability information";
	else if (vuln_index_each_source(in->index, look_at_source, &search, NULL) < 0)
		ret->why = "the vulnerability information cannot be read";
	else if (!search.found)
		ret->why = "the vulnerability information has no such source";
	else if (search.loaded == 0)
		ret->why = "it was never loaded";
	else
		fact_age(ret, in->now, search.loaded);
}

static void read_agent_present(const struct policy_input *in, struct policy_fact *f)
{
	f->known = true;
	f->yes = in->posture || in->facts;
}

static void read_architecture(const struct policy_input *in, struct policy_fact *f)
{
	fact_text(f, in->posture->architecture);
}

static void read_firewall_active(const struct policy_input *in, struct policy_fact *f)
{
	fact_tristate(f, in->posture->firewall_active);
}

static void read_forwarding_v4(const struct policy_input *in, struct policy_fact *f)
{
	fact_tristate(f, in->posture->forwarding_v4);
}

static void read_forwarding_v6(const struct policy_input *in, struct policy_fact *f)
{
	fact_tristate(f, in->posture->forwarding_v6);
}

/* The server's own finding: no posture says it. */
static void read_identity_unique(const struct policy_input *in, struct policy_fact *f)
{
	fact_tristate(f, in->unique);
}

static void read_interfaces_count(const struct policy_input *in, struct policy_fact *f)
{
	fact_number(f, in->posture->network_known, (int64_t)in->posture->n_interfaces);
}

static void read_kernel_current(const struct policy_input *in, struct policy_fact *f)
{
	const struct posture *p = in->posture;
	f->known = p->kernel_running && p->kernel_installed;
	f->yes = f->known && strcmp(p->kernel_running, p->kernel_installed) == 0;
}

static void read_kernel_installed(const struct policy_input *in, struct policy_fact *f)
{
	fact_text(f, in->posture->kernel_installed);
}

static void read_kernel_running(const struct policy_input *in, struct policy_fact *f)
{
	fact_text(f, in->posture->kernel_running);
}

static void read_node(const struct policy_input *in, struct policy_fact *f)
{
	f->known = true;
	f->text = in->node;
}

static void read_os_codename(const struct policy_input *in, struct policy_fact *f)
{
	fact_text(f, in->posture->os_codename);
}

static void read_os_id(const struct policy_input *in, struct policy_fact *f)
{
	fact_text(f, in->posture->os_id);
}

static void read_os_version(const struct policy_input *in, struct policy_fact *f)
{
	fact_text(f, in->posture->os_version);
}

static void read_processes_outdated(const struct policy_input *in, struct policy_fact *f)
{
	fact_number(f, in->posture->outdated_known, (int64_t)in->posture->n_outdated);
}

static bool outdated_item(const struct posture *p, size_t i, struct policy_item *ret)
{
	if (i >= p->n_outdated)
		return false;
	*ret = (struct policy_item){ p->outdated[i].program, p->outdated[i].replaced };
	return true;
}

static void read_product_name(const struct policy_input *in, struct policy_fact *f)
{
	fact_text(f, in->posture->product_name);
}

static void read_product_vendor(const struct policy_input *in, struct policy_fact *f)
{
	fact_text(f, in->posture->product_vendor);
}

static void read_role(const struct policy_input *in, struct policy_fact *f)
{
	f->known = true;
	f->text = in->role;
}

static bool unlisted_item(const struct posture_unlisted *list, size_t n, size_t i, struct policy_item *ret)
{
	if (i >= n)
		return false;
	*ret = (struct policy_item){ list[i].program, list[i].how };
	return true;
}

static void read_software_listening(const struct policy_input *in, struct policy_fact *f)
{
	fact_number(f, in->posture->listening_known, (int64_t)in->posture->n_listening);
}

static bool listening_item(const struct posture *p, size_t i, struct policy_item *ret)
{
	return unlisted_item(p->listening, p->n_listening, i, ret);
}

static void read_software_starting(const struct policy_input *in, struct policy_fact *f)
{
	fact_number(f, in->posture->starting_known, (int64_t)in->posture->n_starting);
}

static bool starting_item(const struct posture *p, size_t i, struct policy_item *ret)
{
	return unlisted_item(p->starting, p->n_starting, i, ret);
}

/* A program that is in both lists counts once. Both are in the order of their programs; where a node says
 * otherwise, one may count twice. */
static void read_software_unlisted(const struct policy_input *in, struct policy_fact *f)
{
	const struct posture *p = in->posture;
	size_t i = 0, j = 0, n = 0;
	while (i < p->n_listening && j < p->n_starting) {
		int order = strcmp(p->listening[i].program, p->starting[j].program);
		i += order <= 0;
		j += order >= 0;
		n++;
	}
	n += p->n_listening - i + p->n_starting - j;
	fact_number(f, p->listening_known && p->starting_known, (int64_t)n);
}

static bool any_unlisted_item(const struct posture *p, size_t i, struct policy_item *ret)
{
	return i < p->n_listening ? listening_item(p, i, ret) : starting_item(p, i - p->n_listening, ret);
}

static void read_updates_age(const struct policy_input *in, struct policy_fact *f)
{
	fact_age(f, in->now, in->posture->updates_checked);
}

static void read_updates_pending(const struct policy_input *in, struct policy_fact *f)
{
	fact_number(f, in->posture->updates_known, (int64_t)in->posture->n_updates);
}

/* Fields that are one member of the posture. */
#define TEXT_OF(name, member) \
	static void read_##name(const struct policy_input *in, struct policy_fact *f) \
	{ \
		fact_text(f, in->posture->member); \
	}
#define TRISTATE_OF(name, member) \
	static void read_##name(const struct policy_input *in, struct policy_fact *f) \
	{ \
		fact_tristate(f, in->posture->member); \
	}
#define COUNT_OF(name, member) \
	static void read_##name(const struct policy_input *in, struct policy_fact *f) \
	{ \
		fact_number(f, in->posture->member.known, in->posture->member.value); \
	}

TEXT_OF(bios_date, bios_date)
TEXT_OF(bios_vendor, bios_vendor)
TEXT_OF(bios_version, bios_version)
TEXT_OF(board_name, board_name)
TEXT_OF(board_serial, board_serial)
TEXT_OF(board_vendor, board_vendor)
TEXT_OF(chassis_type, chassis)
TEXT_OF(firewall_fingerprint, firewall_fingerprint)
TEXT_OF(firewall_input, firewall_input)
TEXT_OF(mac_mode, mac_mode)
TEXT_OF(mac_system, mac_system)
TEXT_OF(machine_id, machine_id)
TEXT_OF(machine_virtualization, virtualization)
TEXT_OF(product_serial, product_serial)
TEXT_OF(product_uuid, product_uuid)
TRISTATE_OF(antivirus_installed, antivirus_installed)
TRISTATE_OF(antivirus_running, antivirus_running)
TRISTATE_OF(audit_active, audit_active)
TRISTATE_OF(network_masquerade, masquerade)
TRISTATE_OF(sshd_installed, sshd_installed)
COUNT_OF(audit_rules, audit_rules)
COUNT_OF(firewall_rules, firewall_rules)
COUNT_OF(mac_complaining, mac_complaining)
COUNT_OF(mac_enforcing, mac_enforcing)
COUNT_OF(network_ipsec, ipsec_policies)
COUNT_OF(network_rules, routing_rules)

static void read_accounts_passwordless(const struct policy_input *in, struct policy_fact *f)
{
	fact_number(f, in->posture->passwordless_known, (int64_t)in->posture->n_passwordless);
}

static bool passwordless_item(const struct posture *p, size_t i, struct policy_item *ret)
{
	if (i >= p->n_passwordless)
		return false;
	*ret = (struct policy_item){ p->passwordless[i], NULL };
	return true;
}

static void read_antivirus_age(const struct policy_input *in, struct policy_fact *f)
{
	fact_age(f, in->now, in->posture->antivirus_signatures);
}

static void read_network_uplinks(const struct policy_input *in, struct policy_fact *f)
{
	const struct posture *p = in->posture;
	int64_t n = 0;
	for (size_t i = 0; i < p->n_interfaces; i++)
		n += posture_is_uplink(p, &p->interfaces[i]);
	fact_number(f, p->network_known, n);
}

static bool uplink_item(const struct posture *p, size_t i, struct policy_item *ret)
{
	for (size_t n = 0; n < p->n_interfaces; n++) {
		if (!posture_is_uplink(p, &p->interfaces[n]) || i-- > 0)
			continue;
		*ret = (struct policy_item){ p->interfaces[n].name, NULL };
		return true;
	}
	return false;
}

/* Sorted by name. Where reported_as is NULL the field does not need a posture. */
static const struct policy_field fields[] = {
	{ "accounts.passwordless", POLICY_NUMBER, "the number of accounts with an empty password", NULL, NULL,
	        "accounts.passwordless", read_accounts_passwordless, passwordless_item },
	{ "advisories.age", POLICY_DURATION, "the age of the vulnerability information", NULL, NULL, NULL,
	        read_advisories_age },
	{ "agent.present", POLICY_BOOLEAN, NULL, "an agent reported the posture",
	        "no agent reported a posture", NULL, read_agent_present },
	{ "antivirus.age", POLICY_DURATION, "the age of the virus signatures", NULL, NULL,
	        "antivirus.signatures", read_antivirus_age },
	{ "antivirus.installed", POLICY_BOOLEAN, NULL, "a virus scanner is installed",
	        "no virus scanner is installed", "antivirus.installed", read_antivirus_installed },
	{ "antivirus.running", POLICY_BOOLEAN, NULL, "the virus scanner runs",
	        "the virus scanner does not run", "antivirus.running", read_antivirus_running },
	{ "architecture", POLICY_TEXT, "the architecture", NULL, NULL, "architecture", read_architecture },
	{ "audit.active", POLICY_BOOLEAN, NULL, "the audit daemon is active",
	        "the audit daemon is not active", "audit.active", read_audit_active },
	{ "audit.rules", POLICY_NUMBER, "the number of audit rules", NULL, NULL, "audit.rules",
	        read_audit_rules },
	{ "bios.date", POLICY_TEXT, "the date of the BIOS", NULL, NULL, "product.bios_date", read_bios_date },
	{ "bios.vendor", POLICY_TEXT, "the vendor of the BIOS", NULL, NULL, "product.bios_vendor",
	        read_bios_vendor },
	{ "bios.version", POLICY_TEXT, "the version of the BIOS", NULL, NULL, "product.bios_version",
	        read_bios_version },
	{ "board.name", POLICY_TEXT, "the board", NULL, NULL, "product.board_name", read_board_name },
	{ "board.serial", POLICY_TEXT, "the serial number of the board", NULL, NULL, "product.board_serial",
	        read_board_serial },
	{ "board.vendor", POLICY_TEXT, "the vendor of the board", NULL, NULL, "product.board_vendor",
	        read_board_vendor },
	{ "chassis.type", POLICY_TEXT, "the type of chassis", NULL, NULL, "product.chassis",
	        read_chassis_type },
	{ "firewall.active", POLICY_BOOLEAN, NULL, "the firewall is active", "the firewall is not active",
	        "firewall.active", read_firewall_active },
	{ "firewall.fingerprint", POLICY_TEXT, "the fingerprint of the firewall rules", NULL, NULL,
	        "firewall.fingerprint", read_firewall_fingerprint },
	{ "firewall.input", POLICY_TEXT, "what the firewall does with input that no rule decides", NULL, NULL,
	        "firewall.input", read_firewall_input },
	{ "firewall.rules", POLICY_NUMBER, "the number of firewall rules", NULL, NULL, "firewall.rules",
	        read_firewall_rules },
	{ "forwarding.v4", POLICY_BOOLEAN, NULL, "the node forwards IPv4", "the node does not forward IPv4",
	        "network.forwarding.ipv4", read_forwarding_v4 },
	{ "forwarding.v6", POLICY_BOOLEAN, NULL, "the node forwards IPv6", "the node does not forward IPv6",
	        "network.forwarding.ipv6", read_forwarding_v6 },
	{ "identity.unique", POLICY_BOOLEAN, NULL, "one host alone has the identity",
	        "another host has the identity, too", NULL, read_identity_unique },
	{ "interfaces.count", POLICY_NUMBER, "the number of interfaces", NULL, NULL, "network.interfaces",
	        read_interfaces_count },
	{ "kernel.current", POLICY_BOOLEAN, NULL, "the newest installed kernel is running",
	        "the running kernel is not the newest one installed", "kernel", read_kernel_current },
	{ "kernel.installed", POLICY_VERSION, "the newest installed kernel", NULL, NULL, "kernel.installed",
	        read_kernel_installed },
	{ "kernel.running", POLICY_VERSION, "the running kernel", NULL, NULL, "kernel.running",
	        read_kernel_running },
	{ "mac.complaining", POLICY_NUMBER, "the number of access control profiles that only complain", NULL,
	        NULL, "mac.complaining", read_mac_complaining },
	{ "mac.enforcing", POLICY_NUMBER, "the number of access control profiles that are enforced", NULL,
	        NULL, "mac.enforcing", read_mac_enforcing },
	{ "mac.mode", POLICY_TEXT, "the mode of mandatory access control", NULL, NULL, "mac.mode",
	        read_mac_mode },
	{ "mac.system", POLICY_TEXT, "the system of mandatory access control", NULL, NULL, "mac.system",
	        read_mac_system },
	{ "machine.id", POLICY_TEXT, "the machine id", NULL, NULL, "machine_id", read_machine_id },
	{ "machine.virtualization", POLICY_TEXT, "the virtualization", NULL, NULL, "product.virtualization",
	        read_machine_virtualization },
	{ "network.ipsec", POLICY_NUMBER, "the number of IPsec policies in the kernel", NULL, NULL,
	        "network.ipsec_policies", read_network_ipsec },
	{ "network.masquerade", POLICY_BOOLEAN, NULL, "the packet filter translates addresses (masquerading)",
	        "the packet filter does not translate addresses", "network.masquerade",
	        read_network_masquerade },
	{ "network.rules", POLICY_NUMBER, "the number of policy routing rules", NULL, NULL,
	        "network.routing_rules", read_network_rules },
	{ "network.uplinks", POLICY_NUMBER, "the number of interfaces with a default route", NULL, NULL,
	        "network.default_routes", read_network_uplinks, uplink_item },
	{ "node", POLICY_TEXT, "the node", NULL, NULL, NULL, read_node },
	{ "os.codename", POLICY_TEXT, "the codename of the OS", NULL, NULL, "os.codename", read_os_codename },
	{ "os.id", POLICY_TEXT, "the OS", NULL, NULL, "os.id", read_os_id },
	{ "os.version", POLICY_VERSION, "the version of the OS", NULL, NULL, "os.version", read_os_version },
	{ "processes.outdated", POLICY_NUMBER, "the number of programs that run replaced files", NULL, NULL,
	        "processes.outdated", read_processes_outdated, outdated_item },
	{ "product.name", POLICY_TEXT, "the product", NULL, NULL, "product.name", read_product_name },
	{ "product.serial", POLICY_TEXT, "the serial number of the product", NULL, NULL, "product.serial",
	        read_product_serial },
	{ "product.uuid", POLICY_TEXT, "the UUID of the product", NULL, NULL, "product.uuid",
	        read_product_uuid },
	{ "product.vendor", POLICY_TEXT, "the vendor", NULL, NULL, "product.vendor", read_product_vendor },
	{ "role", POLICY_TEXT, "the role", NULL, NULL, NULL, read_role },
	{ "software.listening", POLICY_NUMBER, "the number of programs of no package that listen", NULL, NULL,
	        "software.listening", read_software_listening, listening_item },
	{ "software.starting", POLICY_NUMBER, "the number of programs of no package that start at boot", NULL,
	        NULL, "software.starting", read_software_starting, starting_item },
	{ "software.unlisted", POLICY_NUMBER,
	        "the number of programs of no package that listen or start at boot", NULL, NULL, "software",
	        read_software_unlisted, any_unlisted_item },
	{ "sshd.installed", POLICY_BOOLEAN, NULL, "sshd is installed", "sshd is not installed",
	        "sshd.installed", read_sshd_installed },
	{ "updates.age", POLICY_DURATION, "the age of the package lists", NULL, NULL, "updates.checked",
	        read_updates_age },
	{ "updates.pending", POLICY_NUMBER, "the number of pending security updates", NULL, NULL,
	        "updates.security", read_updates_pending },
};

bool policy_field_is_freshness(const struct policy_field *f)
{
	return f->read == read_advisories_age;
}

const struct policy_field *policy_fields(size_t *ret_count)
{
	*ret_count = ARRAY_LENGTH(fields);
	return fields;
}

const struct policy_field *policy_field_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LENGTH(fields); i++)
		if (strcmp(fields[i].name, name) == 0)
			return &fields[i];
	return NULL;
}

/* "network" speaks for "network.interfaces", and "kernel.running" for "kernel". */
static bool speaks_for(const char *a, const char *b)
{
	size_t n = MIN(strlen(a), strlen(b));
	return strncmp(a, b, n) == 0 && (a[n] == '\0' || a[n] == '.') && (b[n] == '\0' || b[n] == '.');
}

const char *policy_unknown_find(const struct posture *p, const char *reported_as)
{
	for (size_t i = 0; i < p->n_unknowns; i++)
		if (speaks_for(p->unknowns[i].field, reported_as))
			return p->unknowns[i].reason;
	return NULL;
}

const char *policy_unknown_reason(const struct posture *p, const char *reported_as)
{
	const char *reason = policy_unknown_find(p, reported_as);
	return reason ? reason : "the agent did not report it";
}

void policy_field_read(const struct policy_field *f, const struct policy_input *in, struct policy_fact *ret)
{
	*ret = (struct policy_fact){ 0 };
	if (f->reported_as && !in->posture) {
		ret->why = "the node was not inspected";
		return;
	}
	f->read(in, ret);
	if (!ret->known && !ret->why)
		ret->why = f->reported_as ? policy_unknown_reason(in->posture, f->reported_as)
		                          : "it is not known";
}
