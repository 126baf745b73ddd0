/* SPDX-License-Identifier: ISC */
#include "agent/ruleset.h"

#include "agent/netlink.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define DUMP_ATTEMPTS 5
#define SETS_MAX 1024 /* constant sets whose elements are asked for */

struct set {
	uint8_t family;
	char *table, *name;
};

struct reading {
	EVP_MD_CTX *digest;
	struct ruleset *to;
	struct set *sets;
	size_t n_sets, sets_capacity;
	bool too_many;
};

static void put(struct reading *r, const void *bytes, size_t n)
{
	if (!EVP_DigestUpdate(r->digest, bytes, n))
		abort(); /* SHA-256 of memory does not fail in a working OpenSSL */
}

/* With its length, so that what follows cannot be taken for a part of it. A NULL is an empty one. */
static void put_attribute(struct reading *r, const struct nlattr *a)
{
	uint32_t n = a ? mnl_attr_get_payload_len(a) : 0;
	put(r, &n, sizeof(n));
	if (a)
		put(r, mnl_attr_get_payload(a), n);
}

static const char *text_of(const struct nlattr *a)
{
	return a && mnl_attr_validate(a, MNL_TYPE_NUL_STRING) >= 0 ? mnl_attr_get_str(a) : "";
}

static bool word_of(const struct nlattr *a, uint32_t *ret)
{
	if (!a || mnl_attr_get_payload_len(a) != sizeof(*ret))
		return false;
	*ret = ntohl(mnl_attr_get_u32(a));
	return true;
}

static void parse(const struct nlmsghdr *message, const struct nlattr **table, uint16_t most)
{
	struct netlink_attributes attributes = { table, most };
	(void)mnl_attr_parse(message, sizeof(struct nfgenmsg), netlink_collect_attribute, &attributes);
}

static uint8_t family_of(const struct nlmsghdr *message)
{
	return ((const struct nfgenmsg *)mnl_nlmsg_get_payload(message))->nfgen_family;
}

static int take_chain(const struct nlmsghdr *message, void *context)
{
	struct reading *r = context;
	const struct nlattr *table[NFTA_CHAIN_TYPE + 1] = { 0 };
	const uint8_t family = family_of(message);
	parse(message, table, NFTA_CHAIN_TYPE);
	put(r, &family, sizeof(family));
	put_attribute(r, table[NFTA_CHAIN_TABLE]);
	put_attribute(r, table[NFTA_CHAIN_NAME]);
	put_attribute(r, table[NFTA_CHAIN_TYPE]);
	put_attribute(r, table[NFTA_CHAIN_HOOK]);
	put_attribute(r, table[NFTA_CHAIN_POLICY]);
	return MNL_CB_OK;
}

/* The first attribute of nat is its type, and that of an iptables target its name. */
#define FIRST_ATTRIBUTE 1
_Static_assert(NFTA_NAT_TYPE == FIRST_ATTRIBUTE && NFTA_TARGET_NAME == FIRST_ATTRIBUTE, "nf_tables.h");

/* nat with NFT_NAT_SNAT, masq, and the targets of iptables-nft. */
static bool translates_source(const char *name, const struct nlattr *data)
{
	const struct nlattr *table[FIRST_ATTRIBUTE + 1] = { 0 };
	struct netlink_attributes attributes = { table, FIRST_ATTRIBUTE };
	uint32_t type;
	if (strcmp(name, "masq") == 0)
		return true;
	if (!data)
		return false;
	(void)mnl_attr_parse_nested(data, netlink_collect_attribute, &attributes);
	if (strcmp(name, "nat") == 0)
		return word_of(table[FIRST_ATTRIBUTE], &type) && type == NFT_NAT_SNAT;
	const char *target = strcmp(name, "target") == 0 ? text_of(table[FIRST_ATTRIBUTE]) : "";
	return strcmp(target, "MASQUERADE") == 0 || strcmp(target, "SNAT") == 0 ||
	        strcmp(target, "NETMAP") == 0;
}

/* Their data hold what they have seen. */
static bool is_counting(const char *name)
{
	static const char *const names[] = { "counter", "quota", "last" };
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static void take_expression(struct reading *r, const struct nlattr *element)
{
	const struct nlattr *table[NFTA_EXPR_DATA + 1] = { 0 };
	struct netlink_attributes attributes = { table, NFTA_EXPR_DATA };
	(void)mnl_attr_parse_nested(element, netlink_collect_attribute, &attributes);
	const char *name = text_of(table[NFTA_EXPR_NAME]);
	put_attribute(r, table[NFTA_EXPR_NAME]);
	if (!is_counting(name))
		put_attribute(r, table[NFTA_EXPR_DATA]);
	r->to->masquerades |= translates_source(name, table[NFTA_EXPR_DATA]);
}

static int take_rule(const struct nlmsghdr *message, void *context)
{
	struct reading *r = context;
	const struct nlattr *table[NFTA_RULE_EXPRESSIONS + 1] = { 0 }, *element;
	const uint8_t family = family_of(message);
	parse(message, table, NFTA_RULE_EXPRESSIONS);
	r->to->rules++;
	put(r, &family, sizeof(family));
	put_attribute(r, table[NFTA_RULE_TABLE]);
	put_attribute(r, table[NFTA_RULE_CHAIN]);
	if (table[NFTA_RULE_EXPRESSIONS])
		mnl_attr_for_each_nested(element, table[NFTA_RULE_EXPRESSIONS]) take_expression(r, element);
	return MNL_CB_OK;
}

static int take_set(const struct nlmsghdr *message, void *context)
{
	struct reading *r = context;
	const struct nlattr *table[NFTA_SET_FLAGS + 1] = { 0 };
	uint32_t flags;
	parse(message, table, NFTA_SET_FLAGS);
	if (!word_of(table[NFTA_SET_FLAGS], &flags) || !(flags & (NFT_SET_CONSTANT | NFT_SET_ANONYMOUS)))
		return MNL_CB_OK;
	if (r->n_sets == SETS_MAX) {
		r->too_many = true;
		return MNL_CB_OK;
	}
	ARRAY_RESERVE_ONE(r->sets, r->n_sets, r->sets_capacity);
	r->sets[r->n_sets++] = (struct set){ .family = family_of(message),
		.table = xstrdup(text_of(table[NFTA_SET_TABLE])),
		.name = xstrdup(text_of(table[NFTA_SET_NAME])) };
	return MNL_CB_OK;
}

/* Key and data; what else an element has is its counters and times. */
static int take_elements(const struct nlmsghdr *message, void *context)
{
	struct reading *r = context;
	const struct nlattr *table[NFTA_SET_ELEM_LIST_ELEMENTS + 1] = { 0 }, *element;
	parse(message, table, NFTA_SET_ELEM_LIST_ELEMENTS);
	put_attribute(r, table[NFTA_SET_ELEM_LIST_TABLE]);
	put_attribute(r, table[NFTA_SET_ELEM_LIST_SET]);
	if (!table[NFTA_SET_ELEM_LIST_ELEMENTS])
		return MNL_CB_OK;
	mnl_attr_for_each_nested(element, table[NFTA_SET_ELEM_LIST_ELEMENTS])
	{
		const struct nlattr *parts[NFTA_SET_ELEM_FLAGS + 1] = { 0 };
		struct netlink_attributes attributes = { parts, NFTA_SET_ELEM_FLAGS };
		(void)mnl_attr_parse_nested(element, netlink_collect_attribute, &attributes);
		put_attribute(r, parts[NFTA_SET_ELEM_KEY]);
		put_attribute(r, parts[NFTA_SET_ELEM_DATA]);
		put_attribute(r, parts[NFTA_SET_ELEM_FLAGS]);
	}
	return MNL_CB_OK;
}

/* set: of the elements; else NULL. */
static int dump(struct reading *r, uint16_t type, const struct set *set, mnl_cb_t callback)
{
	char buffer[1024] = { 0 };
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	request->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
	struct nfgenmsg *header = mnl_nlmsg_put_extra_header(request, sizeof(*header));
	header->nfgen_family = set ? set->family : NFPROTO_UNSPEC;
	if (set &&
	        (!mnl_attr_put_strz_check(request, sizeof(buffer), NFTA_SET_ELEM_LIST_TABLE, set->table) ||
	                !mnl_attr_put_strz_check(request, sizeof(buffer), NFTA_SET_ELEM_LIST_SET, set->name)))
		return -EMSGSIZE;
	return netlink_dump(NETLINK_NETFILTER, request, callback, r);
}

static int read_all(struct reading *r)
{
	int result = dump(r, NFT_MSG_GETCHAIN, NULL, take_chain);
	if (result == 0)
		result = dump(r, NFT_MSG_GETRULE, NULL, take_rule);
	if (result == 0)
		result = dump(r, NFT_MSG_GETSET, NULL, take_set);
	for (size_t i = 0; i < r->n_sets && result == 0; i++)
		result = dump(r, NFT_MSG_GETSETELEM, &r->sets[i], take_elements);
	return result == 0 && r->too_many ? -E2BIG : result;
}

static void reading_clear(struct reading *r)
{
	for (size_t i = 0; i < r->n_sets; i++) {
		free(r->sets[i].table);
		free(r->sets[i].name);
	}
	free(r->sets);
	EVP_MD_CTX_free(r->digest);
}

static int read_xtables(struct reading *r, const struct root *root, struct error *err)
{
	struct writer w = wr_make(2 * XTABLES_SIZE_MAX);
	int result = xtables_read(root, AF_INET, &r->to->v4, &w, err);
	if (result == 0)
		result = xtables_read(root, AF_INET6, &r->to->v6, &w, err);
	if (result == 0 && wr_failed(&w))
		result = error_set(err, -EFBIG, "x_tables: more rules than are read");
	if (w.length)
		put(r, w.data, w.length);
	wr_free(&w);
	r->to->rules += r->to->v4.rules + r->to->v6.rules;
	r->to->masquerades |= r->to->v4.masquerades || r->to->v6.masquerades;
	return result;
}

static int read_once(const struct root *root, struct ruleset *ret, struct error *err)
{
	struct ruleset ruleset = { 0 };
	struct reading r = { .digest = EVP_MD_CTX_new(), .to = &ruleset };
	uint8_t hash[32];
	if (!r.digest || !EVP_DigestInit_ex(r.digest, EVP_sha256(), NULL))
		abort();
	int result = read_all(&r);
	result = result < 0 ? error_set(err, result, "nf_tables: %s", strerror(-result))
	                    : read_xtables(&r, root, err);
	if (!EVP_DigestFinal_ex(r.digest, hash, NULL))
		abort();
	reading_clear(&r);
	if (result < 0)
		return result;
	for (size_t i = 0; i < sizeof(hash); i++)
		snprintf(ruleset.fingerprint + 2 * i, 3, "%02x", hash[i]);
	*ret = ruleset;
	return 0;
}

int ruleset_read(const struct root *root, struct ruleset *ret, struct error *err)
{
	int r = -EINTR;
	/* ENOENT: a set went away between its name and its elements. */
	for (int attempt = 0; attempt < DUMP_ATTEMPTS && (r == -EINTR || r == -ENOENT); attempt++)
		r = read_once(root, ret, err);
	return r;
}
