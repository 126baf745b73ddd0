/* SPDX-License-Identifier: ISC */
#include "dataplane/mss.h"

#include "dataplane/checksum.h"

#include <arpa/inet.h>

#define TCP_HEADER_MIN 20u
#define TCP_SYN 0x02
#define OPTION_END 0
#define OPTION_NOP 1
#define OPTION_MSS 2

/* RFC 1624: what the change of one word at an even offset does to the checksum. */
static void replace_word(uint8_t *tcp, uint32_t at, uint16_t value)
{
	uint16_t before, now = htons(value), checksum;
	memcpy(&before, tcp + at, 2);
	memcpy(&checksum, tcp + 16, 2);
	uint64_t sum = (uint64_t)(uint16_t)~checksum + (uint16_t)~before + now;
	checksum_put(tcp + 16, (uint16_t)~checksum_fold(sum));
	memcpy(tcp + at, &now, 2);
}

/* The option may lie at an odd offset: then its two bytes belong to two words. */
static void replace_mss(uint8_t *tcp, uint32_t at, uint16_t value)
{
	if (at % 2 == 0) {
		replace_word(tcp, at, value);
		return;
	}
	replace_word(tcp, at - 1, (uint16_t)(tcp[at - 1] << 8 | value >> 8));
	replace_word(tcp, at + 1, (uint16_t)((value & 0xff) << 8 | tcp[at + 2]));
}

bool mss_clamp(const struct packet *p, uint16_t mtu)
{
	uint8_t *tcp = p->bytes + p->l4;
	if (p->protocol != PACKET_TCP || p->fragment || p->length < p->l4 + TCP_HEADER_MIN ||
	        !(tcp[13] & TCP_SYN))
		return false;
	uint32_t end = (uint32_t)(tcp[12] >> 4) * 4;
	uint16_t headers =
	        (uint16_t)(TCP_HEADER_MIN + (p->version == 4 ? PACKET_IP4_HEADER : PACKET_IP6_HEADER));
	if (p->l4 + end > p->length || mtu <= headers)
		return false;
	uint16_t most = (uint16_t)(mtu - headers);
	for (uint32_t at = TCP_HEADER_MIN; at < end && tcp[at] != OPTION_END;) {
		if (tcp[at] == OPTION_NOP) {
			at++;
			continue;
		}
		if (at + 1 >= end || tcp[at + 1] < 2 || at + tcp[at + 1] > end)
			return false;
		if (tcp[at] == OPTION_MSS && tcp[at + 1] == 4) {
			if ((uint16_t)(tcp[at + 2] << 8 | tcp[at + 3]) <= most)
				return false;
			replace_mss(tcp, at + 2, most);
			return true;
		}
		at += tcp[at + 1];
	}
	return false;
}
