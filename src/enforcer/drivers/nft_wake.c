/* SPDX-License-Identifier: ISC */
#include "enforcer/drivers/nft_wake.h"
#include "base/clock.h"
#include "enforcer/drivers/nft_rules.h"
#include "net/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <string.h>

/* Listens on the group, without payload, each message at once. */
static int bind_group(struct mnl_socket *s, struct error *err)
{
	char buffer[512];
	struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);
	uint32_t sequence = (uint32_t)clock_monotonic_us();
	struct nfulnl_msg_config_cmd command = { .command = NFULNL_CFG_CMD_BIND };
	struct nfulnl_msg_config_mode mode = { .copy_mode = NFULNL_COPY_META };
	h->nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	h->nlmsg_seq = sequence;
	struct nfgenmsg *n = mnl_nlmsg_put_extra_header(h, sizeof(*n));
	n->nfgen_family = AF_UNSPEC;
	n->version = NFNETLINK_V0;
	n->res_id = htons(NFT_WAKE_GROUP);
	mnl_attr_put(h, NFULA_CFG_CMD, sizeof(command), &command);
	mnl_attr_put(h, NFULA_CFG_MODE, sizeof(mode), &mode);
	mnl_attr_put_u32(h, NFULA_CFG_QTHRESH, htonl(1));
	if (mnl_socket_sendto(s, h, h->nlmsg_len) < 0)
		return error_set(err, -errno, "nfnetlink: %s", strerror(errno));
	for (;;) {
		ssize_t length = mnl_socket_recvfrom(s, buffer, sizeof(buffer));
		int r = length < 0
		        ? -1
		        : mnl_cb_run(buffer, (size_t)length, 0, mnl_socket_get_portid(s), NULL, NULL);
		if (r == MNL_CB_STOP)
			return 0;
		if (r < 0 && errno == EBUSY)
			return error_set(
			        err, -EBUSY, "another program listens on NFLOG group %d", NFT_WAKE_GROUP);
		if (r < 0)
			return error_set(err, -errno, "NFLOG group %d: %s", NFT_WAKE_GROUP, strerror(errno));
	}
}

int nft_wake_open(struct mnl_socket **ret, struct error *err)
{
	struct mnl_socket *s = NULL;
	int r = netlink_socket_open(NETLINK_NETFILTER, 0, 0, &s, err);
	if (r < 0)
		return r;
	r = bind_group(s, err);
	if (r < 0)
		mnl_socket_close(s);
	else
		*ret = s;
	return r;
}

void nft_wake_drain(struct mnl_socket *s)
{
	char buffer[8192];
	/* An overrun (ENOBUFS) wakes as well. */
	while (recv(mnl_socket_get_fd(s), buffer, sizeof(buffer), MSG_DONTWAIT) > 0 || errno == ENOBUFS)
		;
}
