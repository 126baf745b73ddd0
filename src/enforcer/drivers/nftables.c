/* SPDX-License-Identifier: ISC */
/*
 * The driver for the kernel's own packet filter. Each call builds one text and hands it to libnftables, which
 * sends it to the kernel as one transaction.
 */
#include "base/table.h"
#include "enforcer/drivers/driver.h"
#include "enforcer/drivers/nft_counters.h"
#include "enforcer/drivers/nft_elements.h"
#include "enforcer/drivers/nft_rules.h"
#include "enforcer/drivers/nft_wake.h"
#include "net/netlink.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <nftables/libnftables.h>
#include <string.h>

struct nftables {
	struct driver base;
	struct nft_ctx *write, *read; /* read answers in JSON */
	const struct links *links;
	uint16_t log_group;
	struct mnl_socket *counters, *wake;
	uint64_t seen; /* packets that made sightings, when they were last read */
};

static const struct driver_ops nftables_ops;

static int run(struct nft_ctx *ctx, const char *text, struct error *err)
{
	if (nft_run_cmd_from_buffer(ctx, text) == 0)
		return 0;
	const char *why = nft_ctx_get_error_buffer(ctx);
	int code = strstr(why, "No such file") ? -ENOENT : strstr(why, "not permitted") ? -EPERM : -EIO;
	return error_set(err, code, "nftables: %.*s", (int)strcspn(why, "\n"), why);
}

/* Runs and reads one JSON answer; *ret must be released. */
static int ask(struct nftables *n, const char *command, json_t **ret, struct error *err)
{
	json_error_t why;
	int r = run(n->read, command, err);
	const char *text = nft_ctx_get_output_buffer(n->read);
	if (r < 0)
		return r;
	*ret = json_loads(text, 0, &why);
	return *ret ? 0
	            : error_set(err, -EBADMSG, "nftables: \"%s\" answered no JSON: %s", command, why.text);
}

/* ---- what an earlier policy left ---- */

/* What else than rules exists by name for each policy, and where. */
static const struct stale {
	const char *family, *type;
	const char *prefix; /* only names that begin so; NULL: all */
} stale[] = {
	{ "inet", "chain", NULL },
	{ "inet", "counter", NULL },
	{ "inet", "set", "softwire_up_" },
	{ "inet", "set", "softwire_down_" },
	{ "bridge", "counter", "limited_" },
	{ "netdev", "counter", "limited_" },
};

static void write_stale(FILE *out, const struct ipc_segments *policy, const json_t *listing,
        const struct stale *what, const char *rules)
{
	size_t i;
	json_t *object;
	json_array_foreach(json_object_get(listing, "nftables"), i, object) {
		const char *name =
		        json_string_value(json_object_get(json_object_get(object, what->type), "name"));
		uint64_t number;
		if (!name ||
		        (what->prefix && !nft_rules_numbered(name, what->prefix, 10, UINT8_MAX, &number)))
			continue;
		if (!nft_rules_has_name(policy, name) && strcmp(name, rules) != 0)
			fprintf(out, "delete %s %s pratique %s\n", what->type, what->family, name);
	}
}

static int write_stale_names(struct nftables *n, FILE *out, const struct ipc_segments *policy,
        const char *rules, struct error *err)
{
	json_t *listing = NULL;
	int r = 0;
	unsigned int flags = nft_ctx_output_get_flags(n->read);
	nft_ctx_output_set_flags(n->read, flags | NFT_CTX_OUTPUT_TERSE); /* no elements */
	for (size_t i = 0; i < ARRAY_LENGTH(stale) && r == 0; i++) {
		char command[64];
		snprintf(command, sizeof(command), "list table %s pratique", stale[i].family);
		if (i == 0 || strcmp(stale[i].family, stale[i - 1].family) != 0) {
			json_decref(listing);
			listing = NULL;
			r = ask(n, command, &listing, err);
		}
		if (r == -ENOENT)
			r = 0; /* there is no such table yet */
		else if (r == 0 && listing)
			write_stale(out, policy, listing, &stale[i], rules);
	}
	json_decref(listing);
	nft_ctx_output_set_flags(n->read, flags);
	return r;
}

static int nftables_apply(
        struct driver *d, const struct element_change *changes, size_t count, time_ms now, struct error *err)
{
	struct nftables *n = (struct nftables *)d;
	char *text FREE_ON_EXIT = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	if (!out)
		return error_set(err, -ENOMEM, "nftables: no memory for a batch of %zu", count);
	nft_elements_write(out, n->links, changes, count, now);
	fclose(out);
	return length ? run(n->write, text, err) : 0;
}

/* ---- loading ---- */

/* The name of a counter that counts nothing and tells which rules are in force. */
static void name_rules(const char *text, size_t length, char name[32])
{
	static const uint64_t key[2] = { 0 };
	snprintf(name, 32, "rules_%016" PRIx64, hash_bytes(key, text, length));
}

struct rules_name {
	const char *wanted;
	bool found;
};

static void find_rules(void *context, const char *name, uint64_t packets, uint64_t bytes)
{
	struct rules_name *r = context;
	r->found = r->found || strcmp(name, r->wanted) == 0;
}

/* The rules of a routed link hang on its interface and go with it, unseen: those are always made again. */
static bool in_force(struct nftables *n, const char *name)
{
	struct rules_name r = { name, false };
	struct error ignored;
	for (size_t i = 0; i < n->links->count; i++)
		if (n->links->items[i].kind == LINK_ROUTED)
			return false;
	return nft_counters_read(n->counters, NFPROTO_INET, find_rules, &r, &ignored) == 0 && r.found;
}

static int nftables_load(struct driver *d, const struct ipc_segments *policy,
        const struct element_changes *changes, bool always, time_ms now, struct error *err)
{
	struct nftables *n = (struct nftables *)d;
	char *text FREE_ON_EXIT = NULL;
	char name[32];
	size_t length;
	FILE *out = open_memstream(&text, &length);
	int r = 0;
	if (!out)
		return error_set(err, -ENOMEM, "nftables: no memory for the rules");
	nft_rules_declare(out, n->links, policy);
	nft_rules_write(out, n->links, policy, n->log_group);
	fflush(out);
	name_rules(text, length, name);
	if (!always && in_force(n, name)) {
		fclose(out);
		return changes ? nftables_apply(d, changes->items, changes->count, now, err) : 0;
	}
	r = write_stale_names(n, out, policy, name, err);
	fprintf(out, "add counter inet pratique %s\n", name);
	if (changes)
		nft_elements_write(out, n->links, changes->items, changes->count, now);
	fclose(out);
	return r < 0 ? r : run(n->write, text, err);
}

static int list_set(struct nftables *n, size_t link, size_t index, time_ms now, element_fn fn, void *context,
        struct error *err)
{
	char name[64], command[96];
	const char *type;
	json_t *listing;
	if (!nft_elements_set(n->links, link, index, &type, name))
		return 1;
	if (!type)
		return 0;
	snprintf(command, sizeof(command), "list %s %s", type, name);
	int r = ask(n, command, &listing, err);
	if (r < 0)
		return r;
	r = nft_elements_read(n->links, link, index, listing, now, fn, context);
	json_decref(listing);
	return r < 0 ? error_set(err, r, "nftables: the elements of %s are not ours", name) : 0;
}

static int nftables_list(struct driver *d, time_ms now, element_fn fn, void *context, struct error *err)
{
	struct nftables *n = (struct nftables *)d;
	for (size_t link = 0; link < n->links->count; link++)
		for (size_t i = 0;; i++) {
			int r = list_set(n, link, i, now, fn, context, err);
			if (r < 0)
				return r;
			if (r > 0)
				break;
		}
	return 0;
}

static void add_seen(void *context, const char *name, uint64_t packets, uint64_t bytes)
{
	if (strcmp(name, "stolen") == 0 || strcmp(name, "cloned") == 0 || strcmp(name, "rogue") == 0)
		*(uint64_t *)context += packets;
}

/* How many packets were refused for contradicting what is proven; reading it is cheap. */
static int count_seen(struct nftables *n, uint64_t *ret, struct error *err)
{
	*ret = 0;
	int r = nft_counters_read(n->counters, NFPROTO_BRIDGE, add_seen, ret, err);
	return r < 0 ? r : nft_counters_read(n->counters, NFPROTO_NETDEV, add_seen, ret, err);
}

static int nftables_sightings(struct driver *d, sighting_fn fn, void *context, struct error *err)
{
	struct nftables *n = (struct nftables *)d;
	char name[64], command[96];
	uint64_t seen;
	int e = count_seen(n, &seen, err);
	if (e < 0 || seen == n->seen)
		return e;
	n->seen = seen;
	for (size_t link = 0; link < n->links->count; link++) {
		if (n->links->items[link].kind == LINK_SOFTWIRE)
			continue;
		for (size_t i = 0; nft_elements_sighting_set(n->links, link, i, name); i++) {
			json_t *listing;
			snprintf(command, sizeof(command), "list set %s", name);
			int r = ask(n, command, &listing, err);
			if (r < 0)
				return r;
			r = nft_elements_read_sightings(link, i, listing, fn, context);
			json_decref(listing);
			if (r < 0)
				return error_set(err, r, "nftables: the elements of %s are not ours", name);
		}
	}
	return 0;
}

static int nftables_follow(struct driver *d, int *ret_fd, struct error *err)
{
	struct nftables *n = (struct nftables *)d;
	int r = n->wake ? 0 : nft_wake_open(&n->wake, err);
	if (r == 0)
		*ret_fd = mnl_socket_get_fd(n->wake);
	return r;
}

static int nftables_wanted(struct driver *d, sighting_fn fn, void *context, struct error *err)
{
	struct nftables *n = (struct nftables *)d;
	const char *name;
	/* First the wake-ups, then the sets: what comes in between wakes again. */
	if (n->wake)
		nft_wake_drain(n->wake);
	for (size_t i = 0; (name = nft_elements_wanted_set(i)); i++) {
		char command[96];
		json_t *listing;
		snprintf(command, sizeof(command), "list set inet pratique %s", name);
		int r = ask(n, command, &listing, err);
		if (r < 0)
			return r;
		r = nft_elements_read_wanted(n->links, i, listing, fn, context);
		json_decref(listing);
		if (r < 0)
			return error_set(err, r, "nftables: the elements of %s are not ours", name);
	}
	return 0;
}

static struct ipc_segment_counter *counter_of(struct ipc_counters *c, uint8_t mark)
{
	for (size_t i = 0; i < c->n_segments; i++)
		if (c->segments[i].mark == mark)
			return &c->segments[i];
	c->segments = xrealloc_array(c->segments, c->n_segments + 1, sizeof(*c->segments));
	c->segments[c->n_segments] = (struct ipc_segment_counter){ .mark = mark };
	return &c->segments[c->n_segments++];
}

static void take_counter(void *context, const char *name, uint64_t packets, uint64_t bytes)
{
	uint64_t mark;
	if (nft_rules_numbered(name, "passed_", 10, UINT8_MAX, &mark)) {
		struct ipc_segment_counter *s = counter_of(context, (uint8_t)mark);
		s->passed_packets = packets;
		s->passed_bytes = bytes;
	} else if (nft_rules_numbered(name, "refused_", 10, UINT8_MAX, &mark)) {
		struct ipc_segment_counter *s = counter_of(context, (uint8_t)mark);
		s->refused_packets = packets;
		s->refused_bytes = bytes;
	} else if (nft_rules_numbered(name, "limited_", 10, UINT8_MAX, &mark)) {
		struct ipc_segment_counter *s = counter_of(context, (uint8_t)mark);
		s->limited_packets += packets;
		s->limited_bytes += bytes;
	}
}

static int nftables_counters(struct driver *d, struct ipc_counters *ret, struct error *err)
{
	*ret = (struct ipc_counters){ 0 };
	static const int families[] = { NFPROTO_INET, NFPROTO_BRIDGE, NFPROTO_NETDEV };
	int r = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(families) && r == 0; i++)
		r = nft_counters_read(((struct nftables *)d)->counters, families[i], take_counter, ret, err);
	if (r < 0)
		ipc_body_clear(IPC_COUNTERS, ret);
	return r;
}

struct policy_name {
	bool found;
	uint64_t fingerprint;
};

static void take_policy(void *context, const char *name, uint64_t packets, uint64_t bytes)
{
	struct policy_name *p = context;
	p->found = p->found || nft_rules_numbered(name, NFT_POLICY_PREFIX, 16, UINT64_MAX, &p->fingerprint);
}

static int nftables_loaded(struct driver *d, uint64_t *ret_fingerprint, struct error *err)
{
	struct policy_name p = { 0 };
	int r = nft_counters_read(((struct nftables *)d)->counters, NFPROTO_INET, take_policy, &p, err);
	if (r == 0 && !p.found)
		r = error_set(err, -ENOENT, "nftables: no policy was loaded");
	if (r == 0)
		*ret_fingerprint = p.fingerprint;
	return r;
}

static int nftables_flush(struct driver *d, struct error *err)
{
	return run(((struct nftables *)d)->write,
	        "add table bridge pratique\ndelete table bridge pratique\n"
	        "add table netdev pratique\ndelete table netdev pratique\n"
	        "add table arp pratique\ndelete table arp pratique\n"
	        "add table inet pratique\ndelete table inet pratique\n",
	        err);
}

static struct driver *nftables_free(struct driver *d)
{
	struct nftables *n = (struct nftables *)d;
	if (n) {
		if (n->counters)
			mnl_socket_close(n->counters);
		if (n->wake)
			mnl_socket_close(n->wake);
		nft_ctx_free(n->write);
		nft_ctx_free(n->read);
		free(n);
	}
	return NULL;
}

static const struct driver_ops nftables_ops = {
	.load = nftables_load,
	.apply = nftables_apply,
	.list = nftables_list,
	.loaded = nftables_loaded,
	.counters = nftables_counters,
	.sightings = nftables_sightings,
	.follow = nftables_follow,
	.wanted = nftables_wanted,
	.flush = nftables_flush,
	.free = nftables_free,
};

struct driver *driver_nftables_new(const struct links *links, uint16_t log_group, struct error *err)
{
	struct nftables *n = xcalloc(1, sizeof(*n));
	*n = (struct nftables){ .base = { &nftables_ops },
		.write = nft_ctx_new(NFT_CTX_DEFAULT),
		.read = nft_ctx_new(NFT_CTX_DEFAULT),
		.links = links,
		.log_group = log_group };
	if (!n->write || !n->read || nft_ctx_buffer_error(n->write) || nft_ctx_buffer_output(n->write) ||
	        nft_ctx_buffer_error(n->read) || nft_ctx_buffer_output(n->read)) {
		error_set(err, -ENOMEM, "nftables: libnftables does not start");
		return nftables_free(&n->base);
	}
	nft_ctx_output_set_flags(n->read, NFT_CTX_OUTPUT_JSON | NFT_CTX_OUTPUT_NUMERIC_ALL);
	if (netlink_socket_open(NETLINK_NETFILTER, 0, 0, &n->counters, err) < 0)
		return nftables_free(&n->base);
	return &n->base;
}
