/* SPDX-License-Identifier: ISC */
#include "agent/netlink.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>

#define ANSWER_MAX_S 5

static int receive_all(struct mnl_socket *socket, uint32_t sequence, mnl_cb_t callback, void *context)
{
	char buffer[32768];
	unsigned int port = mnl_socket_get_portid(socket);
	for (;;) {
		ssize_t n = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
		if (n < 0)
			return -errno;
		int r = mnl_cb_run(buffer, (size_t)n, sequence, port, callback, context);
		if (r < 0)
			return -errno;
		if (r == MNL_CB_STOP)
			return 0;
	}
}

static int request_all(int bus, struct nlmsghdr *request, uint16_t flags, mnl_cb_t callback, void *context)
{
	const struct timeval patience = { .tv_sec = ANSWER_MAX_S };
	struct mnl_socket *socket = mnl_socket_open2(bus, SOCK_CLOEXEC);
	if (!socket)
		return -errno;
	(void)setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	request->nlmsg_flags |= flags;
	request->nlmsg_seq = 1;
	int r = 0;
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
	        mnl_socket_sendto(socket, request, request->nlmsg_len) < 0)
		r = -errno;
	else
		r = receive_all(socket, request->nlmsg_seq, callback, context);
	mnl_socket_close(socket);
	return r;
}

int netlink_dump(int bus, struct nlmsghdr *request, mnl_cb_t callback, void *context)
{
	return request_all(bus, request, NLM_F_REQUEST | NLM_F_DUMP, callback, context);
}

int netlink_ask(int bus, struct nlmsghdr *request, mnl_cb_t callback, void *context)
{
	return request_all(bus, request, NLM_F_REQUEST, callback, context);
}

int netlink_collect_attribute(const struct nlattr *attribute, void *attributes)
{
	const struct netlink_attributes *a = attributes;
	if (mnl_attr_type_valid(attribute, a->most) > 0)
		a->table[mnl_attr_get_type(attribute)] = attribute;
	return MNL_CB_OK;
}
