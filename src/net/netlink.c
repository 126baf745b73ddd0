/* SPDX-License-Identifier: ISC */
#include "net/netlink.h"
#include "base/clock.h"

#include <errno.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>

#define ANSWER_SIZE 32768

int netlink_socket_open(int bus, int flags, unsigned groups, struct mnl_socket **ret, struct error *err)
{
	struct mnl_socket *s = mnl_socket_open2(bus, SOCK_CLOEXEC | flags);
	if (!s || mnl_socket_bind(s, groups, MNL_SOCKET_AUTOPID) < 0) {
		int code = -errno;
		if (s)
			mnl_socket_close(s);
		return error_set(err, code, "%s: %s", bus == NETLINK_NETFILTER ? "nfnetlink" : "netlink",
		        strerror(-code));
	}
	*ret = s;
	return 0;
}

int netlink_socket_ask(struct mnl_socket *s, struct nlmsghdr *h, mnl_cb_t fn, void *context)
{
	char buffer[ANSWER_SIZE];
	h->nlmsg_seq = (uint32_t)clock_monotonic_us();
	if (mnl_socket_sendto(s, h, h->nlmsg_len) < 0)
		return -errno;
	for (;;) {
		ssize_t n = mnl_socket_recvfrom(s, buffer, sizeof(buffer));
		if (n < 0)
			return -errno;
		int r = mnl_cb_run(buffer, (size_t)n, h->nlmsg_seq, mnl_socket_get_portid(s), fn, context);
		if (r < 0)
			return -errno;
		if (r == MNL_CB_STOP)
			return 0;
	}
}
