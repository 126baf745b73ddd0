/* SPDX-License-Identifier: ISC */
#include "agent/inspect_show.h"

#include <stdio.h>
#include <string.h>

const char *show_known(const char *s)
{
	return s ? s : "unknown";
}

const char *show_tristate(enum tristate t)
{
	return t == TRI_YES ? "yes" : t == TRI_NO ? "no" : "unknown";
}

void show_row(const char *label, const char *value)
{
	printf("%-12s %s\n", label, value);
}

static const char *count_words(const struct posture_count *c, char words[16])
{
	if (!c->known)
		return "unknown";
	snprintf(words, 16, "%u", c->value);
	return words;
}

void show_product(const struct posture *p)
{
	printf("%-12s %s, %s, serial %s, %s\n", "product", show_known(p->product_vendor),
	        show_known(p->product_name), show_known(p->product_serial), show_known(p->chassis));
	printf("%-12s %s, %s, serial %s\n", "board", show_known(p->board_vendor), show_known(p->board_name),
	        show_known(p->board_serial));
	printf("%-12s %s %s of %s\n", "BIOS", show_known(p->bios_vendor), show_known(p->bios_version),
	        show_known(p->bios_date));
	show_row("virtual", show_known(p->virtualization));
}

static void show_traits(const struct posture *p, const struct posture_interface *f)
{
	static const struct {
		enum posture_trait trait;
		const char *words;
	} traits[] = { { POSTURE_BRIDGE, ", a bridge" }, { POSTURE_TUNNEL, ", a tunnel" },
		{ POSTURE_WIRELESS, ", wireless" }, { POSTURE_MOBILE, ", mobile broadband" } };
	for (size_t i = 0; i < ARRAY_LENGTH(traits); i++)
		if (posture_interface_is(f, traits[i].trait) == TRI_YES)
			fputs(traits[i].words, stdout);
	if (f->wireless_mode)
		printf(" (%s)", f->wireless_mode);
	if (f->master)
		printf(", port of %s", f->master);
	if (f->proxy_v4 == TRI_YES || f->proxy_v6 == TRI_YES)
		fputs(", answers for other hosts", stdout);
	if (posture_is_uplink(p, f))
		fputs(", has a default route", stdout);
}

void show_interfaces(const struct posture *p)
{
	if (!p->network_known)
		show_row("network", "unknown");
	for (size_t i = 0; i < p->n_interfaces; i++) {
		const struct posture_interface *f = &p->interfaces[i];
		char mac[MAC_TEXT_SIZE];
		printf("%-12s %s %s %s, %s", "interface", f->name, f->up ? "up" : "down",
		        f->has_mac ? mac_format(&f->mac, mac) : "without MAC", show_known(f->kind));
		show_traits(p, f);
		putchar('\n');
		for (size_t a = 0; a < f->n_addresses; a++) {
			char text[IP_TEXT_SIZE];
			printf("%-12s   %s\n", "", ip_prefix_format(&f->addresses[a], text));
		}
	}
}

static void show_settings(const char *label, const struct posture_settings *list)
{
	if (!list->known) {
		show_row(label, "unknown");
		return;
	}
	for (size_t i = 0; i < list->count; i++) {
		const struct posture_setting *s = &list->items[i];
		printf("%-12s %s = %s%s%s\n", i ? "" : label, s->name, s->value, s->match ? "   for " : "",
		        s->match ? s->match : "");
	}
}

static void show_accounts(const struct posture *p)
{
	if (!p->passwordless_known) {
		show_row("accounts", "unknown");
		return;
	}
	printf("%-12s %zu with an empty password", "accounts", p->n_passwordless);
	for (size_t i = 0; i < p->n_passwordless; i++)
		printf("%s%s", i ? ", " : ": ", p->passwordless[i]);
	putchar('\n');
}

static void show_security_software(const struct posture *p)
{
	char made[CLOCK_TEXT_SIZE], one[16], two[16];
	if (p->antivirus_installed == TRI_YES)
		printf("%-12s ClamAV, running %s, signatures %s of %s\n", "antivirus",
		        show_tristate(p->antivirus_running), count_words(&p->antivirus_version, one),
		        p->antivirus_signatures ? clock_format(p->antivirus_signatures, made)
		                                : "unknown time");
	else
		show_row("antivirus", p->antivirus_installed == TRI_NO ? "none" : "unknown");
	printf("%-12s %s, %s", "mac", show_known(p->mac_system), show_known(p->mac_mode));
	if (p->mac_enforcing.known)
		printf(", %s profiles enforced, %s complaining", count_words(&p->mac_enforcing, one),
		        count_words(&p->mac_complaining, two));
	printf("\n%-12s active %s, %s rules\n", "audit", show_tristate(p->audit_active),
	        count_words(&p->audit_rules, one));
}

static void show_sources(const struct posture *p)
{
	for (size_t i = 0; i < p->n_sources; i++) {
		const struct posture_source *s = &p->sources[i];
		printf("%-12s %s, named in %s\n", i ? "" : "sources", s->url, show_known(s->file));
		for (size_t k = 0; k < s->n_software; k++)
			printf("%-12s   for %s\n", "", s->software[k]);
	}
}

void show_configuration(const struct posture *p)
{
	char rules[16], policies[16];
	printf("%-12s %s rules of policy routing, %s IPsec policies, masquerading %s\n", "ways",
	        count_words(&p->routing_rules, rules), count_words(&p->ipsec_policies, policies),
	        show_tristate(p->masquerade));
	printf("%-12s %s, %s rules, input %s\n", "firewall",
	        p->firewall_active == TRI_YES          ? "active"
	                : p->firewall_active == TRI_NO ? "not active"
	                                               : "unknown",
	        count_words(&p->firewall_rules, rules), show_known(p->firewall_input));
	if (p->firewall_fingerprint)
		printf("%-12s   fingerprint %s\n", "", p->firewall_fingerprint);
	show_accounts(p);
	show_security_software(p);
	if (p->sshd_installed == TRI_NO)
		show_row("sshd", "not installed");
	else
		show_settings("sshd", &p->sshd);
	show_settings("settings", &p->settings);
	show_sources(p);
}
