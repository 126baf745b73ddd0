/* SPDX-License-Identifier: ISC */
/*
 * ICMP errors about what was sent (IP_RECVERR, IPV6_RECVERR): of these, that a packet was too big is
 * followed. It counts where it quotes the SPI of an SA to that address, which nobody off the path knows, or
 * where routers quoted no more than the UDP header; and never below the least MTU (RFC 4301 8.2).
 */
#include "dataplane/worker.h"

#include <errno.h>
#include <linux/errqueue.h>

#define ERRORS_BATCH 64

static const struct sock_extended_err *find_error(struct msghdr *m, struct plane_event *e)
{
	const struct sock_extended_err *found = NULL;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
		        (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR))
			found = (const struct sock_extended_err *)(const void *)CMSG_DATA(c);
	}
	return found && ip_from_sockaddr(m->msg_name, &e->remote, &e->remote_port) == 0 ? found : NULL;
}

/* The quoted payload of a datagram on 4500, or of a raw packet, begins with the SPI. */
static uint32_t quoted_spi(const struct dataplane_socket *s, const uint8_t *payload, size_t n)
{
	return s->kind == DATAPLANE_NAT_T || s->kind == DATAPLANE_ESP ? esp_read_spi(payload, n) : 0;
}

void receive_errors(struct worker *w, const struct dataplane_socket *s)
{
	int pending;
	socklen_t size = sizeof(pending);
	/* Errors without a message in the queue would be reported for ever. */
	(void)getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &pending, &size);
	uint8_t payload[64];
	uint8_t ancillary[512] __attribute__((aligned(8)));
	struct sockaddr_storage name;
	for (int i = 0; i < ERRORS_BATCH; i++) {
		struct iovec iov = { payload, sizeof(payload) };
		struct msghdr m = { .msg_name = &name,
			.msg_namelen = sizeof(name),
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = ancillary,
			.msg_controllen = sizeof(ancillary) };
		ssize_t n = recvmsg(s->fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT);
		if (n < 0)
			return;
		struct plane_event e = { .kind = PLANE_PATH_MTU };
		const struct sock_extended_err *error = find_error(&m, &e);
		if (!error || error->ee_errno != EMSGSIZE || error->ee_origin == SO_EE_ORIGIN_LOCAL)
			continue;
		e.spi = quoted_spi(s, payload, (size_t)n);
		e.mtu = (uint16_t)MIN(error->ee_info, UINT16_MAX);
		e.clear = s->kind == DATAPLANE_L2TP;
		plane_post(w->plane, &e);
	}
}
