/* SPDX-License-Identifier: ISC */
#include "dataplane/open_policy.h"

#include <errno.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <sys/socket.h>

#ifndef IP_XFRM_POLICY
#define IP_XFRM_POLICY 17
#endif
#ifndef IPV6_XFRM_POLICY
#define IPV6_XFRM_POLICY 35
#endif

static int demand(int fd, bool v4, uint8_t direction)
{
	struct {
		struct xfrm_userpolicy_info policy;
		struct xfrm_user_tmpl esp;
	} p = {
		.policy = {
			.lft = { XFRM_INF, XFRM_INF, XFRM_INF, XFRM_INF, 0, 0, 0, 0 },
			.dir = direction,
			.action = XFRM_POLICY_ALLOW,
			.share = XFRM_SHARE_ANY,
		},
		.esp = {
			.id = { .proto = IPPROTO_ESP },
			.family = v4 ? AF_INET : AF_INET6,
			.mode = XFRM_MODE_TRANSPORT,
			.share = XFRM_SHARE_ANY,
			.optional = 0,
			.reqid = OPEN_POLICY_REQID,
			.aalgos = ~0u,
			.ealgos = ~0u,
			.calgos = ~0u,
		},
	};
	p.policy.sel.family = v4 ? AF_INET : AF_INET6;
	int r = v4 ? setsockopt(fd, IPPROTO_IP, IP_XFRM_POLICY, &p, sizeof(p))
	           : setsockopt(fd, IPPROTO_IPV6, IPV6_XFRM_POLICY, &p, sizeof(p));
	return r < 0 ? -errno : 0;
}

int open_demand_esp(int fd, bool v4)
{
	int r = demand(fd, v4, XFRM_POLICY_OUT);
	return r ? r : demand(fd, v4, XFRM_POLICY_IN);
}
