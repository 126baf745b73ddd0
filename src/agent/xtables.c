/* SPDX-License-Identifier: ISC */
#include "agent/xtables.h"

#include <errno.h>
#include <netinet/in.h>
/* behind libc's */
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DUMP_ATTEMPTS 5

/* Where the entries of both families have what they share. */
struct layout {
	size_t head, target_offset, next_offset, nfcache, comefrom, counters;
};

static const struct layout layouts[] = {
	{ sizeof(struct ipt_entry), offsetof(struct ipt_entry, target_offset),
	        offsetof(struct ipt_entry, next_offset), offsetof(struct ipt_entry, nfcache),
	        offsetof(struct ipt_entry, comefrom), offsetof(struct ipt_entry, counters) },
	{ sizeof(struct ip6t_entry), offsetof(struct ip6t_entry, target_offset),
	        offsetof(struct ip6t_entry, next_offset), offsetof(struct ip6t_entry, nfcache),
	        offsetof(struct ip6t_entry, comefrom), offsetof(struct ip6t_entry, counters) },
};

static uint16_t u16_at(const uint8_t *at)
{
	uint16_t v;
	memcpy(&v, at, sizeof(v));
	return v;
}

/* The first two parts of struct xt_entry_target. */
static bool is_target(const uint8_t *target, const char *name)
{
	return strncmp((const char *)target + offsetof(struct xt_entry_target, u.user.name), name,
	               XT_EXTENSION_MAXNAMELEN) == 0;
}

static bool is_policy(const struct ipt_getinfo *info, size_t offset)
{
	for (size_t hook = 0; hook < NF_INET_NUMHOOKS; hook++)
		if (info->valid_hooks & 1u << hook && info->underflow[hook] == offset)
			return true;
	return false;
}

static bool drops(const uint8_t *target, size_t size)
{
	int verdict;
	if (size < sizeof(struct xt_standard_target) || !is_target(target, XT_STANDARD_TARGET))
		return false;
	memcpy(&verdict, target + offsetof(struct xt_standard_target, verdict), sizeof(verdict));
	return verdict == -NF_DROP - 1;
}

static void put_entry(struct writer *w, const struct layout *l, const uint8_t *entry, size_t size)
{
	const struct xt_counters counters = { 0 };
	uint8_t *copy FREE_ON_EXIT = xmalloc(size);
	memcpy(copy, entry, size);
	memset(copy + l->nfcache, 0, sizeof(unsigned int));
	memset(copy + l->comefrom, 0, sizeof(unsigned int));
	memcpy(copy + l->counters, &counters, sizeof(counters));
	wr_u32(w, (uint32_t)size);
	wr_bytes(w, copy, size);
}

static bool is_filter(const struct ipt_getinfo *info)
{
	return strncmp(info->name, "filter", sizeof(info->name)) == 0;
}

/* The entry of info->underflow[LOCAL_IN] tells what becomes of input that no rule decides. True for a rule.
 */
static bool take_entry(const struct ipt_getinfo *info, size_t offset, const uint8_t *target, size_t size,
        struct xtables *x, uint32_t *n_heads)
{
	bool input = is_filter(info) && info->valid_hooks & 1u << NF_INET_LOCAL_IN;
	if (input && offset == info->underflow[NF_INET_LOCAL_IN] && drops(target, size))
		x->drops_input = x->filters_input = true;
	if (is_policy(info, offset))
		return false;
	if (is_target(target, XT_ERROR_TARGET)) {
		++*n_heads;
		return false;
	}
	x->masquerades |=
	        is_target(target, "MASQUERADE") || is_target(target, "SNAT") || is_target(target, "NETMAP");
	return true;
}

int xtables_read_entries(int family, const struct ipt_getinfo *info, const void *entries, size_t size,
        struct xtables *ret, struct writer *fingerprint)
{
	const struct layout *l = &layouts[family == AF_INET6];
	const uint8_t *bytes = entries;
	struct xtables x = *ret;
	uint32_t rules = 0, n_heads = 0;
	for (size_t offset = 0; offset < size;) {
		if (size - offset < l->head)
			return -EBADMSG;
		size_t target = u16_at(bytes + offset + l->target_offset);
		size_t next = u16_at(bytes + offset + l->next_offset);
		if (next > size - offset || target < l->head || target > next ||
		        next - target < sizeof(struct xt_entry_target))
			return -EBADMSG;
		rules += take_entry(info, offset, bytes + offset + target, next - target, &x, &n_heads);
		put_entry(fingerprint, l, bytes + offset, next);
		offset += next;
	}
	/* A chain of the user's has a head, and ends with a rule that nobody wrote; the last head ends the
	 * table. */
	x.rules += rules - MIN(rules, n_heads ? n_heads - 1 : 0);
	if (is_filter(info) && info->valid_hooks & 1u << NF_INET_LOCAL_IN)
		x.filters_input |= info->hook_entry[NF_INET_LOCAL_IN] != info->underflow[NF_INET_LOCAL_IN];
	*ret = x;
	return 0;
}

/* IPT_SO_GET_INFO, IPT_SO_GET_ENTRIES; IPv6 has the same numbers and structs. -EAGAIN where the table has
 * changed in between. */
static int read_table(int fd, int family, const char *name, struct xtables *x, struct writer *fingerprint)
{
	int level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
	struct ipt_getinfo info = { 0 };
	socklen_t length = sizeof(info);
	if (strlen(name) >= sizeof(info.name))
		return -EINVAL;
	memcpy(info.name, name, strlen(name));
	if (getsockopt(fd, level, IPT_SO_GET_INFO, &info, &length) < 0)
		return -errno;
	if (info.size > XTABLES_SIZE_MAX)
		return -EFBIG;
	length = (socklen_t)(sizeof(struct ipt_get_entries) + info.size);
	struct ipt_get_entries *all FREE_ON_EXIT = xcalloc(1, length);
	memcpy(all->name, info.name, sizeof(all->name));
	all->size = info.size;
	if (getsockopt(fd, level, IPT_SO_GET_ENTRIES, all, &length) < 0)
		return -errno;
	wr_bytes(fingerprint, info.name, sizeof(info.name));
	return xtables_read_entries(family, &info, all->entrytable, info.size, x, fingerprint);
}

static int read_tables(int family, char *names, struct xtables *x, struct writer *fingerprint)
{
	size_t n = 0;
	int fd = socket(family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW), r = 0;
	if (fd < 0)
		return -errno;
	for (char *name = names, *next; *name && r == 0; name = next) {
		size_t length = strcspn(name, "\n");
		next = name + length + (name[length] == '\n');
		name[length] = '\0';
		r = -EAGAIN;
		for (int i = 0; i < DUMP_ATTEMPTS && r == -EAGAIN; i++)
			r = read_table(fd, family, name, x, fingerprint);
		if (r == 0 && ++n > XTABLES_TABLES_MAX)
			r = -E2BIG;
	}
	close(fd);
	return r;
}

int xtables_read(const struct root *root, int family, struct xtables *ret, struct writer *fingerprint,
        struct error *err)
{
	const char *path = family == AF_INET ? "/proc/net/ip_tables_names" : "/proc/net/ip6_tables_names";
	char *names FREE_ON_EXIT = NULL;
	int r = root_read_file(root, path, 4096, &names, NULL, err);
	if (r == -ENOENT) /* a kernel without it */
		return 0;
	if (r < 0)
		return r;
	r = read_tables(family, names, ret, fingerprint);
	return r < 0 ? error_set(err, r, "x_tables: %s", strerror(-r)) : 0;
}
