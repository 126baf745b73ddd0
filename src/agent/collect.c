/* SPDX-License-Identifier: ISC */
#include "agent/collect.h"

struct posture *collect_posture(const struct root *root)
{
	struct posture *p = posture_new();
	p->collected = clock_wall_ms() / 1000 * 1000;
	collect_os(root, p);
	collect_packages(root, p);
	collect_system(root, p);
	collect_updates(root, p);
	collect_network(root, p);
	collect_firewall(root, p);
	return p;
}
