/* SPDX-License-Identifier: ISC */
#include "enforcer/drivers/nft_counters.h"
#include "base/clock.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

struct reading {
	nft_counter_fn fn;
	void *context;
	const char *name;
	uint64_t packets, bytes;
};

static uint64_t read_u64(const struct nlattr *a)
{
	uint64_t v;
	if (mnl_attr_get_payload_len(a) != sizeof(v))
		return 0;
	memcpy(&v, mnl_attr_get_payload(a), sizeof(v));
	return be64toh(v);
}

static int read_attribute(const struct nlattr *a, void *context)
{
	struct reading *r = context;
	const struct nlattr *data;
	if (mnl_attr_get_type(a) == NFTA_OBJ_NAME && mnl_attr_validate(a, MNL_TYPE_NUL_STRING) >= 0)
		r->name = mnl_attr_get_str(a);
	if (mnl_attr_get_type(a) != NFTA_OBJ_DATA)
		return MNL_CB_OK;
	mnl_attr_for_each_nested(data, a)
	{
		if (mnl_attr_get_type(data) == NFTA_COUNTER_PACKETS)
			r->packets = read_u64(data);
		if (mnl_attr_get_type(data) == NFTA_COUNTER_BYTES)
			r->bytes = read_u64(data);
	}
	return MNL_CB_OK;
}

static int take_object(const struct nlmsghdr *h, void *context)
{
	struct reading *r = context;
	r->name = NULL;
	r->packets = r->bytes = 0;
	if (mnl_nlmsg_get_payload_len(h) < sizeof(struct nfgenmsg))
		return MNL_CB_OK;
	mnl_attr_parse(h, sizeof(struct nfgenmsg), read_attribute, r);
	if (r->name)
		r->fn(r->context, r->name, r->packets, r->bytes);
	return MNL_CB_OK;
}

int nft_counters_read(struct mnl_socket *s, int family, nft_counter_fn fn, void *context, struct error *err)
{
	char buffer[32768];
	struct reading reading = { .fn = fn, .context = context };
	struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);
	uint32_t sequence = (uint32_t)clock_monotonic_us();
	h->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETOBJ;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	h->nlmsg_seq = sequence;
	struct nfgenmsg *n = mnl_nlmsg_put_extra_header(h, sizeof(*n));
	n->nfgen_family = (uint8_t)family;
	n->version = NFNETLINK_V0;
	mnl_attr_put_strz(h, NFTA_OBJ_TABLE, "pratique");
	mnl_attr_put_u32(h, NFTA_OBJ_TYPE, htonl(NFT_OBJECT_COUNTER));
	if (mnl_socket_sendto(s, h, h->nlmsg_len) < 0)
		return error_set(err, -errno, "nfnetlink: %s", strerror(errno));
	for (;;) {
		ssize_t length = mnl_socket_recvfrom(s, buffer, sizeof(buffer));
		if (length < 0)
			return error_set(err, -errno, "nfnetlink: %s", strerror(errno));
		int r = mnl_cb_run(
		        buffer, (size_t)length, sequence, mnl_socket_get_portid(s), take_object, &reading);
		if (r < 0 && errno != EINTR)
			return error_set(err, -errno, "nfnetlink: %s", strerror(errno));
		if (r == MNL_CB_STOP)
			return 0;
	}
}
