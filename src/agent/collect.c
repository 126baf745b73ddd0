/* SPDX-License-Identifier: ISC */
#include "agent/collect.h"

struct posture *collect_posture(const struct root *root, struct ownership *ownership)
{
	struct ownership *own = ownership ? NULL : ownership_new();
	struct posture *p = posture_new();
	p->collected = clock_wall_ms() / 1000 * 1000;
	collect_os(root, p);
	collect_packages(root, p);
	collect_system(root, p);
	collect_product(root, p);
	collect_updates(root, p);
	collect_software(root, own ? own : ownership, p);
	collect_network(root, p);
	collect_ways(root, p);
	collect_wireless(root, p);
	collect_firewall(root, p);
	collect_settings(root, p);
	collect_sshd(root, p);
	collect_accounts(root, p);
	collect_security(root, p);
	collect_sources(root, p);
	ownership_free(own);
	return p;
}

struct posture *collect_silent(const struct root *root, struct ownership *ownership)
{
	struct posture *p = posture_new();
	collect_software(root, ownership, p);
	collect_network(root, p);
	collect_ways(root, p);
	collect_wireless(root, p);
	collect_firewall(root, p);
	collect_settings(root, p);
	collect_security(root, p);
	collect_sources(root, p);
	return p;
}
