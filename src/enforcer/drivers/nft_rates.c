/* SPDX-License-Identifier: ISC */
#include "enforcer/drivers/nft_rates.h"
#include "enforcer/drivers/nft_rules.h"

#include <string.h>

/* Neighbour discovery does not count (RFC 4861: hop limit 255): without it a node at its limit would be lost
 * to the gateway. */
#define DISCOVERY \
	"icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } " \
	"ip6 hoplimit 255 "

bool nft_rates_any(const struct ipc_segments *policy, bool down)
{
	for (size_t i = 0; i < policy->n_segments; i++)
		if (down ? policy->segments[i].rate_down : policy->segments[i].rate_up)
			return true;
	return false;
}

bool nft_rates_has_name(const struct ipc_segments *policy, const char *name)
{
	static const char *const prefixes[] = { "limited_", "softwire_up_", "softwire_down_" };
	uint64_t mark;
	for (size_t i = 0; i < ARRAY_LENGTH(prefixes); i++) {
		if (!nft_rules_numbered(name, prefixes[i], 10, UINT8_MAX, &mark))
			continue;
		for (size_t j = 0; j < policy->n_segments; j++)
			if (policy->segments[j].mark == mark)
				return policy->segments[j].rate_up || policy->segments[j].rate_down;
	}
	return false;
}

static bool has_kind(const struct links *links, enum link_kind kind)
{
	for (size_t i = 0; i < links->count; i++)
		if (links->items[i].kind == kind)
			return true;
	return false;
}

static void declare_softwire(FILE *out, const struct ipc_segment *s, const char *way)
{
	fprintf(out,
	        "add chain inet pratique softwire_%s_%u\n"
	        "add set inet pratique softwire_%s_%u { type mark; flags dynamic,timeout; timeout 10s; size "
	        "%d; }\n",
	        way, s->mark, way, s->mark, NFT_ELEMENTS_MAX);
}

void nft_rates_declare(FILE *out, const struct links *links, const struct ipc_segments *policy)
{
	static const enum link_kind kinds[] = { LINK_BRIDGE, LINK_ROUTED, LINK_SOFTWIRE };
	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
		const struct link any = { .kind = kinds[i] };
		for (size_t j = 0; j < policy->n_segments && has_kind(links, kinds[i]); j++)
			if (policy->segments[j].rate_up || policy->segments[j].rate_down)
				fprintf(out, "add counter %s pratique limited_%u\n", nft_link_family(&any),
				        policy->segments[j].mark);
	}
	for (size_t i = 0; i < links->count; i++) {
		const char *family = nft_link_family(&links->items[i]);
		if (links->items[i].kind == LINK_SOFTWIRE)
			continue;
		fprintf(out,
		        "add set %s pratique rates_up_%zu { typeof meta mark . iifname . @ll,48,48; flags "
		        "dynamic,timeout; timeout 10s; size %d; }\n"
		        "add set %s pratique rates_down_%zu { typeof meta mark . oifname . @ll,0,48; flags "
		        "dynamic,timeout; timeout 10s; size %d; }\n"
		        "add chain %s pratique rated_%zu\nadd chain %s pratique paced_%zu\n",
		        family, i, NFT_ELEMENTS_MAX, family, i, NFT_ELEMENTS_MAX, family, i, family, i);
	}
	for (size_t i = 0; i < policy->n_segments && has_kind(links, LINK_SOFTWIRE); i++) {
		if (policy->segments[i].rate_up)
			declare_softwire(out, &policy->segments[i], "up");
		if (policy->segments[i].rate_down)
			declare_softwire(out, &policy->segments[i], "down");
	}
}

/* "{ KEY limit rate over ... } counter name limited_M drop" */
static void write_bucket(FILE *out, const char *key, uint64_t rate, uint8_t mark)
{
	uint64_t bytes = rate / 8, burst = MAX(bytes / 10, (uint64_t)NFT_RATE_BURST_MIN);
	fprintf(out,
	        "{ %s limit rate over %llu bytes/second burst %llu bytes } counter name limited_%u drop\n",
	        key, (unsigned long long)bytes, (unsigned long long)burst, mark);
}

static void write_up(FILE *out, const struct link *l, size_t index, const struct ipc_segments *policy)
{
	const char *family = nft_link_family(l);
	if (nft_rates_any(policy, false))
		fprintf(out, "add rule %s pratique rated_%zu " DISCOVERY "accept\n", family, index);
	for (size_t i = 0; i < policy->n_segments; i++) {
		const struct ipc_segment *s = &policy->segments[i];
		if (!s->rate_up)
			continue;
		fprintf(out, "add rule %s pratique rated_%zu meta mark & 0xff == 0x%x update @rates_up_%zu ",
		        family, index, s->mark, index);
		write_bucket(out, "meta mark . iifname . @ll,48,48", s->rate_up, s->mark);
	}
	fprintf(out, "add rule %s pratique rated_%zu accept\n", family, index);
}

/* Whose segment is looked up anew: the packet's mark holds two by now, or none. */
static void write_down(FILE *out, const struct link *l, size_t index, const struct ipc_segments *policy)
{
	const char *family = nft_link_family(l);
	if (!nft_rates_any(policy, true))
		return;
	fprintf(out,
	        "add rule %s pratique paced_%zu " DISCOVERY "return\n"
	        "add rule %s pratique paced_%zu meta mark set 0x%x\n"
	        "add rule %s pratique paced_%zu meta mark set oifname . @ll,0,48 map @placed_%zu\n",
	        family, index, family, index, nft_rules_default_segment(policy)->mark, family, index, index);
	for (size_t i = 0; i < policy->n_segments; i++) {
		const struct ipc_segment *s = &policy->segments[i];
		if (!s->rate_down)
			continue;
		fprintf(out, "add rule %s pratique paced_%zu meta mark 0x%x update @rates_down_%zu ", family,
		        index, s->mark, index);
		write_bucket(out, "meta mark . oifname . @ll,0,48", s->rate_down, s->mark);
	}
}

/* The mark is the session's number while its bucket is asked for, then the segment's again. */
static void write_softwires(FILE *out, const struct links *links, const struct ipc_segment *s, bool down)
{
	const char *way = down ? "down" : "up", *end = down ? "daddr" : "saddr";
	for (size_t i = 0; i < links->count; i++)
		for (int family = 4; family <= 6 && links->items[i].kind == LINK_SOFTWIRE; family += 2)
			fprintf(out,
			        "add rule inet pratique softwire_%s_%u %sifname \"%s\" meta mark set %s %s "
			        "map @softwire_owner%d_%zu\n",
			        way, s->mark, down ? "o" : "i", links->items[i].name,
			        family == 4 ? "ip" : "ip6", end, family, i);
	fprintf(out, "add rule inet pratique softwire_%s_%u update @softwire_%s_%u ", way, s->mark, way,
	        s->mark);
	write_bucket(out, "meta mark", down ? s->rate_down : s->rate_up, s->mark);
	fprintf(out,
	        "add rule inet pratique softwire_%s_%u meta mark set 0x%x\n"
	        "add rule inet pratique %s meta mark 0x%x jump softwire_%s_%u\n",
	        way, s->mark, s->mark, down ? "paced_softwire" : "rated_softwire", s->mark, way, s->mark);
}

static void flush_sets(FILE *out, const struct links *links, const struct ipc_segments *policy)
{
	/* A bucket keeps the rate that it was made with. */
	for (size_t i = 0; i < links->count; i++)
		if (links->items[i].kind != LINK_SOFTWIRE)
			fprintf(out,
			        "flush set %s pratique rates_up_%zu\nflush set %s pratique rates_down_%zu\n",
			        nft_link_family(&links->items[i]), i, nft_link_family(&links->items[i]), i);
	for (size_t i = 0; i < policy->n_segments && has_kind(links, LINK_SOFTWIRE); i++) {
		if (policy->segments[i].rate_up)
			fprintf(out, "flush set inet pratique softwire_up_%u\n", policy->segments[i].mark);
		if (policy->segments[i].rate_down)
			fprintf(out, "flush set inet pratique softwire_down_%u\n", policy->segments[i].mark);
	}
}

void nft_rates_write(FILE *out, const struct links *links, const struct ipc_segments *policy)
{
	flush_sets(out, links, policy);
	for (size_t i = 0; i < links->count; i++) {
		if (links->items[i].kind == LINK_SOFTWIRE)
			continue;
		write_up(out, &links->items[i], i, policy);
		write_down(out, &links->items[i], i, policy);
	}
	for (size_t i = 0; i < policy->n_segments && has_kind(links, LINK_SOFTWIRE); i++) {
		if (policy->segments[i].rate_up)
			write_softwires(out, links, &policy->segments[i], false);
		if (policy->segments[i].rate_down)
			write_softwires(out, links, &policy->segments[i], true);
	}
}
