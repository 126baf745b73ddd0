/* SPDX-License-Identifier: ISC */
/* A posture with something in every field, for the tests of this room. */
#pragma once

#include "posture/posture.h"

static inline void example_network(struct posture *p)
{
	struct posture_interface interface = { .name = "eth0", .has_mac = true, .up = true };
	struct ip_prefix address;
	struct posture_route route = { .interface = "eth0", .v4 = true };
	(void)mac_parse("02:00:00:00:00:01", &interface.mac);
	(void)posture_add_interface(p, &interface);
	(void)ip_parse("2001:db8::5", &address.address);
	address.length = 64;
	(void)posture_add_address(p, 0, &address);
	(void)ip_parse("192.0.2.5", &address.address);
	address.length = 96 + 24;
	(void)posture_add_address(p, 0, &address);
	interface = (struct posture_interface){ .name = "lo", .up = true };
	(void)posture_add_interface(p, &interface);
	(void)ip_parse("192.0.2.1", &route.gateway);
	(void)posture_add_route(p, &route);
	route = (struct posture_route){ .interface = "eth0" };
	(void)posture_add_route(p, &route);
	p->network_known = true;
}

static inline struct posture *example_posture(void)
{
	static const struct posture_package packages[] = {
		{ "deb", "openssl", "3.0.15-1~deb12u1", "amd64", "openssl", "3.0.15-1~deb12u1" },
		{ "deb", "libstdc++6", "12.2.0-14", "amd64", "gcc-12", "12.2.0-14" },
		{ "deb", "linux-image-amd64", "6.1.119-1", "amd64", "linux-signed-amd64", "6.1.119+1" },
		{ "deb", "adduser", "3.134", "all", "adduser", "3.134" },
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
	p->product_vendor = "Acme";
	p->product_name = "Roadrunner 7";
	p->product_serial = "A-1";
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
	p->firewall_active = TRI_YES;
	(void)posture_add_unknown(p, "kernel.module", "not read: %s", "an example");
	p->collected = 1790000001000;
	return p;
}
