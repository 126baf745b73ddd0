/* SPDX-License-Identifier: ISC */
#include "softwire/spd.h"

#include <errno.h>
#include <jansson.h>
#include <netinet/in.h>
#include <nftables/libnftables.h>
#include <string.h>

struct spd {
	struct nft_ctx *nft;
	const struct softwire_options *options;
	struct ip_address peers[LINK_CONCENTRATORS_MAX];
	size_t n_peers;
	char *installed; /* the table as the kernel has it after our last change, without counts */
};

static const char *const counters[] = { "bypassed_ike", "bypassed_esp", "l2tp_trusted", "l2tp_clear_dropped",
	"l2tp_clear_out_dropped", "neighbour_discovery", "icmp_errors", "allowed", "other_dropped" };

/* One for a role, so that both may run on one host. */
static const char *table_name(const struct softwire_options *o)
{
	return o->role == SOFTWIRE_CONCENTRATOR ? "pratique_concentrator" : "pratique_initiator";
}

static void write_address_set(
        FILE *out, const char *name, bool v4, const struct ip_address *addresses, size_t n)
{
	char text[IP_TEXT_SIZE];
	bool any = false;
	fprintf(out, "\tset %s%s {\n\t\ttype %s\n", name, v4 ? "4" : "6", v4 ? "ipv4_addr" : "ipv6_addr");
	for (size_t i = 0; i < n; i++) {
		if (ip_is_v4(&addresses[i]) != v4)
			continue;
		fprintf(out, "%s%s", any ? ", " : "\t\telements = { ", ip_format(&addresses[i], text));
		any = true;
	}
	fputs(any ? " }\n\t}\n" : "\t}\n", out);
}

static void write_prefix_set(FILE *out, const char *name, bool v4, const struct ip_prefix *prefixes, size_t n)
{
	char text[IP_TEXT_SIZE];
	bool any = false;
	fprintf(out, "\tset %s%s {\n\t\ttype %s\n\t\tflags interval\n\t\tauto-merge\n", name, v4 ? "4" : "6",
	        v4 ? "ipv4_addr" : "ipv6_addr");
	for (size_t i = 0; i < n; i++) {
		if (ip_is_v4(&prefixes[i].address) != v4)
			continue;
		fprintf(out, "%s%s", any ? ", " : "\t\telements = { ", ip_prefix_format(&prefixes[i], text));
		any = true;
	}
	fputs(any ? " }\n\t}\n" : "\t}\n", out);
}

static void write_interface_set(FILE *out, const struct config_list *names)
{
	fputs("\tset trusted_interfaces {\n\t\ttype ifname\n", out);
	for (size_t i = 0; i < names->count; i++)
		fprintf(out, "%s\"%s\"", i ? ", " : "\t\telements = { ", names->items[i]);
	fputs(names->count ? " }\n\t}\n" : "\t}\n", out);
}

static void write_openings(FILE *out, const struct softwire_options *o)
{
	if (o->role != SOFTWIRE_CONCENTRATOR)
		return;
	for (size_t i = 0; i < o->n_openings; i++)
		fprintf(out, "\t\t%s dport %u counter name \"allowed\" accept\n",
		        o->openings[i].protocol == IPPROTO_TCP ? "tcp" : "udp", o->openings[i].port);
	if (o->allow_replies)
		fputs("\t\tct state established ct direction reply counter name \"allowed\" accept\n", out);
}

/* What comes to an outer address. A decrypted packet of the kernel's ESP comes by here a second time. */
static void write_policy(FILE *out, const struct softwire_options *o)
{
	const char *port = o->role == SOFTWIRE_CONCENTRATOR ? "dport" : "sport";
	fputs("\tchain policy_in {\n", out);
	if (o->ipsec != SOFTWIRE_IPSEC_NONE) {
		fprintf(out,
		        "\t\tudp %s { 500, 4500 } counter name \"bypassed_ike\" accept\n"
		        "\t\tmeta l4proto esp counter name \"bypassed_esp\" accept\n",
		        port);
	}
	if (o->ipsec == SOFTWIRE_IPSEC_KERNEL)
		fprintf(out, "\t\tudp %s 1701 meta ipsec exists accept\n", port);
	if (o->trusted_interfaces.count) {
		fprintf(out,
		        "\t\tiifname @trusted_interfaces ip saddr @trusted4 udp %s 1701 counter name "
		        "\"l2tp_trusted\" accept\n"
		        "\t\tiifname @trusted_interfaces ip6 saddr @trusted6 udp %s 1701 counter name "
		        "\"l2tp_trusted\" accept\n",
		        port, port);
	}
	fputs("\t\tudp dport 1701 counter name \"l2tp_clear_dropped\" drop\n"
	      "\t\tudp sport 1701 counter name \"l2tp_clear_dropped\" drop\n"
	      "\t\ticmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255 counter name "
	      "\"neighbour_discovery\" accept\n"
	      "\t\tct state related icmp type { destination-unreachable, time-exceeded, parameter-problem } "
	      "counter name \"icmp_errors\" accept\n"
	      "\t\tct state related icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, "
	      "parameter-problem } counter name \"icmp_errors\" accept\n",
	        out);
	write_openings(out, o);
	fputs("\t\tcounter name \"other_dropped\" drop\n\t}\n", out);
}

static void write_hooks(FILE *out, const struct softwire_options *o)
{
	const bool concentrator = o->role == SOFTWIRE_CONCENTRATOR;
	const char *end = concentrator ? "daddr" : "saddr";
	fprintf(out,
	        "\tchain input {\n\t\ttype filter hook input priority -5; policy accept;\n"
	        "\t\tip %s @outer4 goto policy_in\n\t\tip6 %s @outer6 goto policy_in\n",
	        end, end);
	fputs("\t}\n\tchain output {\n\t\ttype filter hook output priority -5; policy accept;\n", out);
	if (o->ipsec == SOFTWIRE_IPSEC_KERNEL)
		fputs("\t\trt ipsec exists accept\n", out);
	fputs("\t\tip daddr @trusted4 oifname @trusted_interfaces accept\n"
	      "\t\tip6 daddr @trusted6 oifname @trusted_interfaces accept\n",
	        out);
	for (int i = 0; i < 4; i++)
		fprintf(out, "\t\t%s %s @outer%c udp %s 1701 counter name \"l2tp_clear_out_dropped\" drop\n",
		        i & 1 ? "ip6" : "ip", concentrator ? "saddr" : "daddr", i & 1 ? '6' : '4',
		        i & 2 ? "sport" : "dport");
	fputs("\t}\n", out);
}

void spd_write(FILE *out, const struct softwire_options *o, const struct ip_address *peers, size_t n_peers)
{
	const bool concentrator = o->role == SOFTWIRE_CONCENTRATOR;
	const struct ip_address *outer = concentrator ? o->listen : peers;
	const size_t n = concentrator ? o->n_listen : n_peers;
	fprintf(out, "table inet %s {\n", table_name(o));
	for (size_t i = 0; i < ARRAY_LENGTH(counters); i++)
		fprintf(out, "\tcounter %s {\n\t}\n", counters[i]);
	for (int v4 = 1; v4 >= 0; v4--) {
		write_address_set(out, "outer", v4, outer, n);
		write_prefix_set(out, "trusted", v4, o->trusted_addresses, o->n_trusted_addresses);
	}
	write_interface_set(out, &o->trusted_interfaces);
	write_policy(out, o);
	write_hooks(out, o);
	fputs("}\n", out);
}

/* ---- the kernel ---- */

static int run(struct spd *s, const char *commands, struct error *err)
{
	if (nft_run_cmd_from_buffer(s->nft, commands) == 0)
		return 0;
	const char *words = nft_ctx_get_error_buffer(s->nft);
	return error_set(err, -EIO, "nftables: %.400s", words && *words ? words : "failed");
}

/* The table as it is, without counts. Caller frees. */
static int read_table(struct spd *s, char **ret, struct error *err)
{
	char *command FREE_ON_EXIT = xasprintf("list table inet %s", table_name(s->options));
	nft_ctx_output_set_flags(s->nft, NFT_CTX_OUTPUT_STATELESS);
	int r = run(s, command, err);
	nft_ctx_output_set_flags(s->nft, 0);
	if (r == 0)
		*ret = xstrdup(nft_ctx_get_output_buffer(s->nft));
	return r;
}

static int remember(struct spd *s, struct error *err)
{
	free(TAKE_POINTER(s->installed));
	return read_table(s, &s->installed, err);
}

/* "add" first, so that "delete" has something to delete whatever was there before. */
static int install(struct spd *s, struct error *err)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	if (!out)
		return error_set(err, -errno, "open_memstream: %s", strerror(errno));
	fprintf(out, "add table inet %s\ndelete table inet %s\n", table_name(s->options),
	        table_name(s->options));
	spd_write(out, s->options, s->peers, s->n_peers);
	fclose(out);
	int r = run(s, text, err);
	free(text);
	return r < 0 ? r : remember(s, err);
}

static void keep_peers(struct spd *s, const struct ip_address *peers, size_t n_peers)
{
	s->n_peers = MIN(n_peers, ARRAY_LENGTH(s->peers));
	memcpy(s->peers, peers, s->n_peers * sizeof(*peers));
}

int spd_new(const struct softwire_options *o, const struct ip_address *peers, size_t n_peers,
        struct spd **ret, struct error *err)
{
	struct spd *s = xcalloc(1, sizeof(*s));
	s->options = o;
	s->nft = nft_ctx_new(NFT_CTX_DEFAULT);
	if (!s->nft) {
		free(s);
		return error_set(err, -ENOMEM, "nftables cannot be used");
	}
	nft_ctx_buffer_error(s->nft);
	nft_ctx_buffer_output(s->nft);
	keep_peers(s, peers, n_peers);
	int r = install(s, err);
	if (r < 0) {
		spd_free(s, false);
		return r;
	}
	*ret = s;
	return 0;
}

int spd_renew(struct spd *s, struct error *err)
{
	return install(s, err);
}

int spd_keep(struct spd *s, struct error *err)
{
	char *now FREE_ON_EXIT = NULL;
	if (s->installed && read_table(s, &now, NULL) == 0 && strcmp(now, s->installed) == 0)
		return 0;
	int r = install(s, err);
	return r < 0 ? r : 1;
}

int spd_set_peers(struct spd *s, const struct ip_address *peers, size_t n_peers, struct error *err)
{
	char *text = NULL, address[IP_TEXT_SIZE];
	size_t length;
	FILE *out = open_memstream(&text, &length);
	if (!out)
		return error_set(err, -errno, "open_memstream: %s", strerror(errno));
	keep_peers(s, peers, n_peers);
	const char *table = table_name(s->options);
	fprintf(out, "flush set inet %s outer4\nflush set inet %s outer6\n", table, table);
	for (size_t i = 0; i < n_peers; i++)
		fprintf(out, "add element inet %s outer%c { %s }\n", table, ip_is_v4(&peers[i]) ? '4' : '6',
		        ip_format(&peers[i], address));
	fclose(out);
	int r = run(s, text, err);
	free(text);
	return r < 0 ? install(s, err) : remember(s, err); /* somebody may have taken it away */
}

int spd_read_counters(struct spd *s, struct spd_counter ret[SPD_COUNTERS_MAX], struct error *err)
{
	char *command FREE_ON_EXIT = xasprintf("list counters table inet %s", table_name(s->options));
	size_t i;
	json_t *item;
	int n = 0;
	nft_ctx_output_set_flags(s->nft, NFT_CTX_OUTPUT_JSON);
	int r = run(s, command, err);
	nft_ctx_output_set_flags(s->nft, 0);
	if (r < 0)
		return r;
	json_t *j = json_loads(nft_ctx_get_output_buffer(s->nft), 0, NULL);
	json_array_foreach(json_object_get(j, "nftables"), i, item) {
		const json_t *c = json_object_get(item, "counter");
		const char *name = json_string_value(json_object_get(c, "name"));
		if (!name || n == SPD_COUNTERS_MAX)
			continue;
		snprintf(ret[n].name, sizeof(ret[n].name), "%s", name);
		ret[n].packets = (uint64_t)json_integer_value(json_object_get(c, "packets"));
		ret[n++].bytes = (uint64_t)json_integer_value(json_object_get(c, "bytes"));
	}
	json_decref(j);
	return n;
}

struct spd *spd_free(struct spd *s, bool remove)
{
	if (!s)
		return NULL;
	if (remove) {
		char *command FREE_ON_EXIT = xasprintf("delete table inet %s", table_name(s->options));
		(void)run(s, command, NULL);
	}
	nft_ctx_free(s->nft);
	free(s->installed);
	free(s);
	return NULL;
}
