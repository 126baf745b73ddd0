/* SPDX-License-Identifier: ISC */
/* A posture with something in every field, for the tests of this room. */
#pragma once

#include "posture/posture.h"

static inline void example_network(struct posture *p)
{
	struct posture_interface interface = { .name = "eth0", .has_mac = true, .up = true };
	struct ip_prefix address;
	struct posture_route route = { .interface = "eth0", .v4 = true };
	interface.kind = "ethernet";
	interface.point_to_point = interface.proxy_v4 = interface.proxy_v6 = TRI_NO;
	(void)mac_parse("02:00:00:00:00:01", &interface.mac);
	(void)posture_add_interface(p, &interface);
	(void)ip_parse("2001:db8::5", &address.address);
	address.length = 64;
	(void)posture_add_address(p, 0, &address);
	(void)ip_parse("192.0.2.5", &address.address);
	address.length = 96 + 24;
	(void)posture_add_address(p, 0, &address);
	interface = (struct posture_interface){
		.name = "wlan0", .up = true, .kind = "wireless", .wireless_mode = "ad-hoc", .master = "br0"
	};
	(void)posture_add_interface(p, &interface);
	(void)ip_parse("192.0.2.1", &route.gateway);
	(void)posture_add_route(p, &route);
	route = (struct posture_route){ .interface = "eth0" };
	(void)posture_add_route(p, &route);
	p->network_known = true;
	p->masquerade = TRI_NO;
	p->routing_rules = (struct posture_count){ true, 2 };
	p->ipsec_policies = (struct posture_count){ true, 0 };
}

static inline void example_security(struct posture *p)
{
	static const struct posture_setting kernel[] = { { "kernel.core_pattern", "|/bin/x %p", NULL },
		{ "net.ipv4.conf.all.rp_filter", "1", NULL } };
	static const struct posture_setting sshd[] = { { "permitrootlogin", "no", NULL },
		{ "permitrootlogin", "yes", "Address 192.0.2.0/24" }, { "banner", "", NULL } };
	p->firewall_active = TRI_YES;
	p->firewall_input = "drop";
	p->firewall_fingerprint = "00ff";
	p->firewall_rules = (struct posture_count){ true, 12 };
	p->settings.known = p->sshd.known = p->passwordless_known = true;
	for (size_t i = 0; i < ARRAY_LENGTH(kernel); i++)
		(void)posture_add_setting(&p->settings, POSTURE_SETTINGS_MAX, &kernel[i]);
	for (size_t i = 0; i < ARRAY_LENGTH(sshd); i++)
		(void)posture_add_setting(&p->sshd, POSTURE_SSHD_SETTINGS_MAX, &sshd[i]);
	(void)posture_add_passwordless(p, "guest");
	(void)posture_add_passwordless(p, "kiosk");
	p->sshd_installed = p->antivirus_installed = p->audit_active = TRI_YES;
	p->antivirus_running = TRI_NO;
	p->antivirus_signatures = 1780000000000;
	p->antivirus_version = (struct posture_count){ true, 27458 };
	p->mac_system = "apparmor";
	p->mac_mode = "enforcing";
	p->mac_enforcing = (struct posture_count){ true, 31 };
	p->mac_complaining = (struct posture_count){ true, 0 };
	p->audit_rules = (struct posture_count){ true, 7 };
}

static inline void example_product(struct posture *p)
{
	p->product_vendor = "Acme";
	p->product_name = "Roadrunner 7";
	p->product_serial = "A-1";
	p->product_uuid = "03000200-0400-0500-0006-000700080009";
	p->board_vendor = "Acme";
	p->board_name = "RR7-B";
	p->board_serial = "B-1";
	p->bios_vendor = "Acme BIOS";
	p->bios_version = "1.7";
	p->bios_date = "2024-02-29";
	p->chassis = "notebook";
	p->virtualization = "none";
}

static inline void example_sources(struct posture *p)
{
	(void)posture_add_source(
	        p, "https://feeds.example/osv.zip", "/usr/share/pratique/sources.d/acme.conf");
	(void)posture_add_software(p, "pkg:deb/debian/acme-agent");
	(void)posture_add_software(p, "PyPI");
	(void)posture_add_source(p, "http://[2001:db8::1]:8080/csaf/", NULL);
	(void)posture_add_software(p, "Red Hat:enterprise_linux:9::appstream");
}

static inline struct posture *example_posture(void)
{
	static const struct posture_package packages[] = {
		{ "deb", "openssl", "3.0.15-1~deb12u1", "amd64", "openssl", "3.0.15-1~deb12u1" },
		{ "deb", "libstdc++6", "12.2.0-14", "amd64", "gcc-12", "12.2.0-14" },
		{ "deb", "linux-image-amd64", "6.1.119-1", "amd64", "linux-signed-amd64", "6.1.119+1" },
		{ "deb", "adduser", "3.134", "all", "adduser", "3.134" },
		{ "rpm", "openssl-libs", "1:3.0.7-25.el9", "x86_64", "openssl", "1:3.0.7-25.el9" },
		{ "rpm", "perl-Carp", "2:1.50-460.el9", "noarch", "perl", "5.32.1-480.el9" },
		{ "apk", "libssl3", "3.1.4-r1", "x86_64", "openssl", "3.1.4-r1" },
	};
	static const struct posture_update update = { "openssl", "3.0.15-1~deb12u1", "3.0.17-1~deb12u3" };
	struct posture *p = posture_new();
	p->os_id = "debian";
	p->os_version = "12";
	p->os_codename = "bookworm";
	p->os_name = "Debian GNU/Linux 12 (bookworm)";
	p->architecture = "amd64";
	p->kernel_running = "6.1.0-28-amd64";
	p->kernel_installed = "6.1.0-29-amd64";
	p->machine_id = "0123456789abcdef0123456789abcdef";
	example_product(p);
	for (size_t i = 0; i < ARRAY_LENGTH(packages); i++)
		(void)posture_add_package(p, &packages[i]);
	p->packages_known = true;
	(void)posture_add_update(p, &update);
	p->updates_known = true;
	p->updates_checked = 1790000000000;
	(void)posture_add_outdated(
	        p, &(struct posture_outdated){ "/usr/sbin/sshd", "openssh-server", "libssl3", 3 });
	p->outdated_known = true;
	(void)posture_add_listening(p, &(struct posture_unlisted){ "/opt/tool/bin/tool", "tcp [::]:8080" });
	p->listening_known = true;
	(void)posture_add_starting(
	        p, &(struct posture_unlisted){ "/opt/tool/bin/tool", "unit tool.service" });
	p->starting_known = true;
	example_network(p);
	p->forwarding_v4 = TRI_NO;
	p->forwarding_v6 = TRI_NO;
	example_security(p);
	example_sources(p);
	(void)posture_add_unknown(p, "kernel.module", "not read: %s", "an example");
	p->collected = 1790000001000;
	return p;
}
