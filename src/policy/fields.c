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

static void read_advisories_age(const struct policy_input *in, struct policy_fact *f)
{
	if (!in->index)
		f->why = "there is no vulnerability information";
	else
		fact_age(f, in->now, vuln_index_updated(in->index));
}

static void read_agent_present(const struct policy_input *in, struct policy_fact *f)
{
	f->known = true;
	f->yes = in->posture != NULL;
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

/* Sorted by name. Where reported_as is NULL the field does not need a posture. */
static const struct policy_field fields[] = {
	{ "advisories.age", POLICY_DURATION, "the age of the vulnerability information", NULL, NULL, NULL,
	        read_advisories_age },
	{ "agent.present", POLICY_BOOLEAN, NULL, "an agent reported the posture",
	        "no agent reported a posture", NULL, read_agent_present },
	{ "architecture", POLICY_TEXT, "the architecture", NULL, NULL, "architecture", read_architecture },
	{ "firewall.active", POLICY_BOOLEAN, NULL, "the firewall is active", "the firewall is not active",
	        "firewall.active", read_firewall_active },
	{ "forwarding.v4", POLICY_BOOLEAN, NULL, "the node forwards IPv4", "the node does not forward IPv4",
	        "network.forwarding.ipv4", read_forwarding_v4 },
	{ "forwarding.v6", POLICY_BOOLEAN, NULL, "the node forwards IPv6", "the node does not forward IPv6",
	        "network.forwarding.ipv6", read_forwarding_v6 },
	{ "interfaces.count", POLICY_NUMBER, "the number of interfaces", NULL, NULL, "network.interfaces",
	        read_interfaces_count },
	{ "kernel.current", POLICY_BOOLEAN, NULL, "the newest installed kernel is running",
	        "the running kernel is not the newest one installed", "kernel", read_kernel_current },
	{ "kernel.installed", POLICY_VERSION, "the newest installed kernel", NULL, NULL, "kernel.installed",
	        read_kernel_installed },
	{ "kernel.running", POLICY_VERSION, "the running kernel", NULL, NULL, "kernel.running",
	        read_kernel_running },
	{ "node", POLICY_TEXT, "the node", NULL, NULL, NULL, read_node },
	{ "os.codename", POLICY_TEXT, "the codename of the OS", NULL, NULL, "os.codename", read_os_codename },
	{ "os.id", POLICY_TEXT, "the OS", NULL, NULL, "os.id", read_os_id },
	{ "os.version", POLICY_VERSION, "the version of the OS", NULL, NULL, "os.version", read_os_version },
	{ "processes.outdated", POLICY_NUMBER, "the number of programs that run replaced files", NULL, NULL,
	        "processes.outdated", read_processes_outdated, outdated_item },
	{ "product.name", POLICY_TEXT, "the product", NULL, NULL, "product.name", read_product_name },
	{ "product.vendor", POLICY_TEXT, "the vendor", NULL, NULL, "product.vendor", read_product_vendor },
	{ "role", POLICY_TEXT, "the role", NULL, NULL, NULL, read_role },
	{ "software.listening", POLICY_NUMBER, "the number of programs of no package that listen", NULL, NULL,
	        "software.listening", read_software_listening, listening_item },
	{ "software.starting", POLICY_NUMBER, "the number of programs of no package that start at boot", NULL,
	        NULL, "software.starting", read_software_starting, starting_item },
	{ "software.unlisted", POLICY_NUMBER,
	        "the number of programs of no package that listen or start at boot", NULL, NULL, "software",
	        read_software_unlisted, any_unlisted_item },
	{ "updates.age", POLICY_DURATION, "the age of the package lists", NULL, NULL, "updates.checked",
	        read_updates_age },
	{ "updates.pending", POLICY_NUMBER, "the number of pending security updates", NULL, NULL,
	        "updates.security", read_updates_pending },
};

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
