/* SPDX-License-Identifier: ISC */
#include "enforcer/drivers/nft_log.h"
#include "enforcer/drivers/nft_rules.h"

#include <string.h>

bool nft_log_has_name(const struct ipc_segments *policy, const char *name)
{
	uint64_t mark;
	bool chain = nft_rules_numbered(name, "opened_", 10, UINT8_MAX, &mark);
	bool counter = !chain && nft_rules_numbered(name, "unlogged_", 10, UINT8_MAX, &mark);
	for (size_t i = 0; (chain || counter) && i < policy->n_segments; i++) {
		const struct ipc_segment *s = &policy->segments[i];
		if (s->mark == mark)
			return chain ? s->log_new : s->log || s->log_new;
	}
	return false;
}

void nft_log_declare(FILE *out, const struct ipc_segments *policy)
{
	fprintf(out,
	        "add set inet pratique loud { type ether_addr; flags dynamic,timeout; timeout 60s; size %d; "
	        "}\n"
	        "add set inet pratique loud6 { type ipv6_addr; flags dynamic,timeout; timeout 60s; size %d; "
	        "}\n"
	        "add set inet pratique loud4 { type ipv4_addr; flags dynamic,timeout; timeout 60s; size %d; "
	        "}\n",
	        NFT_ELEMENTS_MAX, NFT_ELEMENTS_MAX, NFT_ELEMENTS_MAX);
	for (size_t i = 0; i < policy->n_segments; i++) {
		const struct ipc_segment *s = &policy->segments[i];
		if (s->log || s->log_new)
			fprintf(out, "add counter inet pratique unlogged_%u\n", s->mark);
		if (s->log_new)
			fprintf(out, "add chain inet pratique opened_%u\n", s->mark);
	}
}

void nft_log_refused(FILE *out, const struct ipc_segment *s, uint16_t log_group)
{
	if (!s->log)
		return;
	fprintf(out,
	        "add rule inet pratique refuse_%u limit rate %d/second burst %d packets "
	        "log prefix \"pratique %s refused: \" group %u snaplen 96 goto refuse\n"
	        "add rule inet pratique refuse_%u counter name unlogged_%u\n",
	        s->mark, NFT_LOG_REFUSED_RATE, 2 * NFT_LOG_REFUSED_RATE, s->name, log_group, s->mark,
	        s->mark);
}

/* Who has had its share first; a sender that is not on Ethernet goes by its address. */
static void write_segment(FILE *out, const struct ipc_segment *s, uint16_t log_group)
{
	static const char *const keys[] = { "meta iiftype ether update @loud { ether saddr",
		"meta iiftype != ether update @loud6 { ip6 saddr",
		"meta iiftype != ether update @loud4 { ip saddr" };
	for (size_t i = 0; i < ARRAY_LENGTH(keys); i++)
		fprintf(out,
		        "add rule inet pratique opened_%u %s limit rate over %d/second burst %d packets } "
		        "counter "
		        "name unlogged_%u return\n",
		        s->mark, keys[i], NFT_LOG_NODE_RATE, NFT_LOG_NODE_BURST, s->mark);
	fprintf(out,
	        "add rule inet pratique opened_%u limit rate %d/second burst %d packets "
	        "log prefix \"pratique %s opened: \" group %u snaplen 96 return\n"
	        "add rule inet pratique opened_%u counter name unlogged_%u\n",
	        s->mark, NFT_LOG_NEW_RATE, 10 * NFT_LOG_NEW_RATE, s->name, log_group, s->mark, s->mark);
}

void nft_log_opened(FILE *out, const struct ipc_segments *policy, uint16_t log_group)
{
	for (size_t i = 0; i < policy->n_segments; i++) {
		const struct ipc_segment *s = &policy->segments[i];
		if (!s->log_new)
			continue;
		fprintf(out,
		        "add rule inet pratique opened meta mark & 0xff00 == 0x%x jump opened_%u\n"
		        "add rule inet pratique opened meta mark & 0xff00 != 0x%x meta mark & 0xff == 0x%x "
		        "jump "
		        "opened_%u\n",
		        s->mark << 8, s->mark, s->mark << 8, s->mark, s->mark);
		write_segment(out, s, log_group);
	}
}
