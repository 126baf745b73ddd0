/* SPDX-License-Identifier: ISC */
/* ctnetlink by hand: a dump, and a deletion by the original tuple and id for each entry that has to go. Never
 * a filter by source: this kernel inverts the one for IPv6. */
#include "enforcer/conntrack.h"
#include "base/table.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>
#include <sys/socket.h>

#define STEP_BUFFER 32768

struct conntrack {
	conntrack_keep_fn keep;
	void *context;
	struct mnl_socket *dump, *remove;
	struct table *suspects; /* address -> itself */
	bool all;               /* more suspects than the table holds */
	struct table *current;  /* of the dump under way; NULL: none */
	bool current_all;
	uint32_t sequence;
	int family; /* of the dump under way */
	uint64_t forgotten;
};

int conntrack_new(conntrack_keep_fn keep, void *context, struct conntrack **ret, struct error *err)
{
	struct conntrack *c = xcalloc(1, sizeof(*c));
	*c = (struct conntrack){ .keep = keep, .context = context, .suspects = table_new() };
	c->dump = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
	c->remove = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!c->dump || !c->remove || mnl_socket_bind(c->dump, 0, MNL_SOCKET_AUTOPID) < 0 ||
	        mnl_socket_bind(c->remove, 0, MNL_SOCKET_AUTOPID) < 0) {
		int code = -errno;
		conntrack_free(c);
		return error_set(err, code, "ctnetlink: %s", strerror(-code));
	}
	*ret = c;
	return 0;
}

struct conntrack *conntrack_free(struct conntrack *c)
{
	if (c) {
		if (c->dump)
			mnl_socket_close(c->dump);
		if (c->remove)
			mnl_socket_close(c->remove);
		table_free(c->suspects, free);
		table_free(c->current, free);
		free(c);
	}
	return NULL;
}

int conntrack_fd(const struct conntrack *c)
{
	return mnl_socket_get_fd(c->dump);
}

uint64_t conntrack_forgotten(const struct conntrack *c)
{
	return c->forgotten;
}

void conntrack_suspect(struct conntrack *c, const struct ip_prefix *p)
{
	const struct ip_address *ip = &p->address;
	if (table_get(c->suspects, ip, sizeof(*ip)))
		return;
	if (p->length < 128 || table_count(c->suspects) == CONNTRACK_ADDRESSES_MAX) {
		c->all = true;
		return;
	}
	table_set(c->suspects, ip, sizeof(*ip), xmemdup(ip, sizeof(*ip)));
}

static struct nlmsghdr *begin(char *buffer, uint16_t type, uint16_t flags, int family)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);
	h->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type);
	h->nlmsg_flags = flags;
	struct nfgenmsg *n = mnl_nlmsg_put_extra_header(h, sizeof(*n));
	n->nfgen_family = (uint8_t)family;
	n->version = NFNETLINK_V0;
	return h;
}

static int request_dump(struct conntrack *c, int family, struct error *err)
{
	char buffer[256];
	struct nlmsghdr *h = begin(buffer, IPCTNL_MSG_CT_GET, NLM_F_REQUEST | NLM_F_DUMP, family);
	h->nlmsg_seq = ++c->sequence;
	c->family = family;
	if (mnl_socket_sendto(c->dump, h, h->nlmsg_len) < 0)
		return error_set(err, -errno, "ctnetlink: %s", strerror(errno));
	return 0;
}

static void finish(struct conntrack *c)
{
	c->current = table_free(c->current, free);
}

int conntrack_start(struct conntrack *c, struct error *err)
{
	if (c->current || (table_count(c->suspects) == 0 && !c->all))
		return 0;
	c->current = c->suspects;
	c->current_all = c->all;
	c->suspects = table_new();
	c->all = false;
	int r = request_dump(c, AF_INET6, err);
	if (r < 0)
		finish(c);
	return r;
}

/* ---- one entry ---- */

struct entry {
	const struct nlattr *tuple, *id, *zone;
};

static int read_entry(const struct nlattr *a, void *context)
{
	struct entry *e = context;
	switch (mnl_attr_get_type(a)) {
	case CTA_TUPLE_ORIG:
		e->tuple = a;
		break;
	case CTA_ID:
		e->id = a;
		break;
	case CTA_ZONE:
		e->zone = a;
		break;
	}
	return MNL_CB_OK;
}

static void read_address(const struct nlattr *a, struct ip_address *ret)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	size_t n = mnl_attr_get_payload_len(a);
	if (n != 4 && n != 16)
		return;
	memcpy(ret->bytes, mapped, sizeof(mapped));
	memcpy(ret->bytes + 16 - n, mnl_attr_get_payload(a), n);
}

static void read_tuple(const struct nlattr *tuple, struct conntrack_connection *c)
{
	const struct nlattr *part, *a;
	mnl_attr_for_each_nested(part, tuple)
	{
		bool ip = mnl_attr_get_type(part) == CTA_TUPLE_IP;
		if (!ip && mnl_attr_get_type(part) != CTA_TUPLE_PROTO)
			continue;
		mnl_attr_for_each_nested(a, part)
		{
			unsigned type = mnl_attr_get_type(a);
			size_t n = mnl_attr_get_payload_len(a);
			if (ip && (type == CTA_IP_V4_SRC || type == CTA_IP_V6_SRC))
				read_address(a, &c->from);
			else if (ip && (type == CTA_IP_V4_DST || type == CTA_IP_V6_DST))
				read_address(a, &c->to);
			else if (!ip && type == CTA_PROTO_NUM && n == 1)
				c->protocol = mnl_attr_get_u8(a);
			else if (!ip && type == CTA_PROTO_DST_PORT && n == 2)
				c->port = ntohs(mnl_attr_get_u16(a));
		}
	}
}

static void copy_attribute(struct nlmsghdr *h, const struct nlattr *a)
{
	if (a)
		mnl_attr_put(h, a->nla_type, mnl_attr_get_payload_len(a), mnl_attr_get_payload(a));
}

/* Without waiting for an answer: an entry that is gone already is as good. */
static void remove_entry(struct conntrack *c, const struct entry *e)
{
	char buffer[1024];
	struct nlmsghdr *h = begin(buffer, IPCTNL_MSG_CT_DELETE, NLM_F_REQUEST, c->family);
	if (mnl_attr_get_payload_len(e->tuple) > 512)
		return;
	copy_attribute(h, e->tuple);
	copy_attribute(h, e->id);
	copy_attribute(h, e->zone);
	if (mnl_socket_sendto(c->remove, h, h->nlmsg_len) >= 0)
		c->forgotten++;
}

static int take_entry(const struct nlmsghdr *h, void *context)
{
	struct conntrack *c = context;
	struct entry e = { 0 };
	struct conntrack_connection connection = { 0 };
	if (mnl_nlmsg_get_payload_len(h) < sizeof(struct nfgenmsg))
		return MNL_CB_OK;
	mnl_attr_parse(h, sizeof(struct nfgenmsg), read_entry, &e);
	if (!e.tuple)
		return MNL_CB_OK;
	read_tuple(e.tuple, &connection);
	bool suspect = c->current_all || table_get(c->current, &connection.from, sizeof(connection.from)) ||
	        table_get(c->current, &connection.to, sizeof(connection.to));
	if (suspect && !c->keep(c->context, &connection))
		remove_entry(c, &e);
	return MNL_CB_OK;
}

static void discard_errors(struct conntrack *c)
{
	char buffer[STEP_BUFFER];
	while (mnl_socket_recvfrom(c->remove, buffer, sizeof(buffer)) > 0)
		;
}

int conntrack_read(struct conntrack *c, struct error *err)
{
	char buffer[STEP_BUFFER];
	ssize_t n = mnl_socket_recvfrom(c->dump, buffer, sizeof(buffer));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	int r = n < 0 ? -1 : mnl_cb_run(buffer, (size_t)n, c->sequence, 0, c->current ? take_entry : NULL, c);
	discard_errors(c);
	if (r < 0 && errno != EINTR) {
		int code = -errno;
		finish(c);
		return error_set(err, code, "ctnetlink: %s", strerror(-code));
	}
	if (r != MNL_CB_STOP || !c->current)
		return 0;
	if (c->family == AF_INET6)
		return request_dump(c, AF_INET, err);
	finish(c);
	return 0;
}
