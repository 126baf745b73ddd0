/* SPDX-License-Identifier: ISC */
/* What may pass, MSS clamping, packets that are too big. */
#include "dataplane/mss.h"
#include "dataplane/too_big.h"
#include "tests/unit/dataplane/frames.h"
#include "tests/unit/test.h"

static uint32_t make(uint8_t *out, const char *source, const char *destination, uint8_t protocol)
{
	struct ip_address s, d;
	assert_int_equal(ip_parse(source, &s), 0);
	assert_int_equal(ip_parse(destination, &d), 0);
	bool v4 = ip_is_v4(&s);
	uint32_t at = frame_ip(out, v4 ? 4 : 6, protocol, 8, 1, false);
	memcpy(out + (v4 ? 12 : 8), s.bytes + (v4 ? 12 : 0), v4 ? 4 : 16);
	memcpy(out + (v4 ? 16 : 24), d.bytes + (v4 ? 12 : 0), v4 ? 4 : 16);
	memset(out + at, 0, 8);
	return at + 8;
}

static struct ip_prefix prefix(const char *text)
{
	struct ip_prefix p;
	assert_int_equal(ip_prefix_parse(text, &p), 0);
	return p;
}

static void sources_are_checked(void **state)
{
	struct ip_prefix list[] = { prefix("2001:db8:5::/48"), prefix("::/0"), prefix("10.9.0.7/32") };
	struct ip_prefix own_list[] = { prefix("2001:db8:1::/64"), prefix("2001:db8:1::1/128") };
	struct packet_prefixes session = { 1, 1, list }, everything = { 1, 1, list + 1 }, nothing = { 0 };
	struct packet_prefixes v4 = { 0, 1, list + 2 }, own = { 2, 2, own_list };
	static const struct {
		const char *source, *destination;
		int which; /* session, everything, IPv4, nothing */
		enum packet_verdict verdict;
	} rows[] = {
		{ "2001:db8:5::1", "2001:db8:9::1", 0, PACKET_PASS },
		{ "2001:db8:6::1", "2001:db8:9::1", 0, PACKET_SPOOFED },
		{ "2001:db8:6::1", "2001:db8:9::1", 1, PACKET_PASS },
		{ "2001:db8:1::1", "2001:db8:9::1", 1, PACKET_SPOOFED }, /* our own */
		{ "2001:db8:1::2", "2001:db8:9::1", 1, PACKET_PASS },
		{ "10.9.0.7", "10.1.1.1", 2, PACKET_PASS },
		{ "10.9.0.8", "10.1.1.1", 2, PACKET_SPOOFED },
		{ "10.9.0.7", "10.1.1.1", 1, PACKET_SPOOFED }, /* ::/0 says nothing about IPv4 */
		{ "2001:db8:5::1", "2001:db8:9::1", 3, PACKET_SPOOFED },
		{ "fe80::1", "2001:db8:9::1", 1, PACKET_LINK_SCOPE },
		{ "2001:db8:5::1", "fe80::1", 0, PACKET_LINK_SCOPE },
		{ "2001:db8:5::1", "ff05::1", 0, PACKET_BAD_DESTINATION },
		{ "2001:db8:5::1", "::1", 0, PACKET_BAD_DESTINATION },
		{ "::1", "2001:db8:9::1", 1, PACKET_SPOOFED },
		{ "ff02::1", "2001:db8:9::1", 1, PACKET_SPOOFED },
		{ "::", "2001:db8:9::1", 1, PACKET_SPOOFED },
		{ "10.9.0.7", "224.0.0.1", 2, PACKET_BAD_DESTINATION },
		{ "10.9.0.7", "255.255.255.255", 2, PACKET_BAD_DESTINATION },
		{ "10.9.0.7", "127.0.0.1", 2, PACKET_BAD_DESTINATION },
		{ "127.0.0.1", "10.1.1.1", 2, PACKET_SPOOFED },
		{ "0.0.0.0", "10.1.1.1", 2, PACKET_SPOOFED },
	};
	const struct packet_prefixes *which[] = { &session, &everything, &v4, &nothing };
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		uint8_t bytes[128];
		struct packet p;
		uint32_t n = make(bytes, rows[i].source, rows[i].destination, 99);
		assert_true(packet_parse(bytes, n, &p));
		assert_int_equal(packet_check_inbound(&p, which[rows[i].which], &own, true), rows[i].verdict);
	}
}

/* Mapped addresses in IPv6 would be taken for IPv4. */
static void mapped_addresses_are_no_packet(void **state)
{
	uint8_t bytes[128];
	struct packet p;
	uint32_t n = make(bytes, "2001:db8::1", "2001:db8::2", 6);
	memcpy(bytes + 8, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\x09\0\7", 16);
	assert_false(packet_parse(bytes, n, &p));
	n = make(bytes, "2001:db8::1", "2001:db8::2", 6);
	memcpy(bytes + 24, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\x09\0\7", 16);
	assert_false(packet_parse(bytes, n, &p));
}

static enum packet_verdict link_verdict(
        const char *source, const char *destination, uint8_t type, uint8_t hop_limit, bool from_initiator)
{
	struct ip_prefix list[] = { prefix("2001:db8:5::/48") };
	struct packet_prefixes session = { 1, 1, list }, none = { 0 };
	uint8_t bytes[128];
	struct packet p;
	uint32_t n = make(bytes, source, destination, PACKET_ICMPV6);
	bytes[7] = hop_limit;
	bytes[40] = type;
	assert_true(packet_parse(bytes, n, &p));
	return packet_check_inbound(&p, &session, &none, from_initiator);
}

static enum packet_verdict dhcp_verdict(const char *source, const char *destination, uint16_t port)
{
	struct ip_prefix list[] = { prefix("2001:db8:5::/48") };
	struct packet_prefixes session = { 1, 1, list }, none = { 0 };
	uint8_t bytes[128];
	struct packet p;
	uint32_t n = make(bytes, source, destination, PACKET_UDP);
	frame_put(bytes + 42, port, 2);
	assert_true(packet_parse(bytes, n, &p));
	return packet_check_inbound(&p, &session, &none, true);
}

/* fragment: of the IPv4 header, flags and offset. */
static enum packet_verdict dhcp4_verdict(uint16_t port, uint16_t fragment, bool from_initiator)
{
	struct ip_prefix list[] = { prefix("10.9.0.7/32") };
	struct packet_prefixes session = { 0, 1, list }, none = { 0 };
	uint8_t bytes[128];
	struct packet p;
	uint32_t n = make(bytes, "10.9.0.7", "10.1.1.1", PACKET_UDP);
	frame_put(bytes + 6, fragment, 2);
	frame_put(bytes + 22, port, 2);
	assert_true(packet_parse(bytes, n, &p));
	return packet_check_inbound(&p, &session, &none, from_initiator);
}

/* RFC 2131: to 68 only servers and relays send. */
static void initiators_are_no_dhcp_servers(void **state)
{
	assert_int_equal(dhcp4_verdict(68, 0, true), PACKET_ROGUE);
	assert_int_equal(
	        dhcp4_verdict(68, 0x2000, true), PACKET_ROGUE);         /* the first fragment has the ports */
	assert_int_equal(dhcp4_verdict(68, 0x2001, true), PACKET_PASS); /* a later one has none */
	assert_int_equal(dhcp4_verdict(67, 0, true), PACKET_PASS);
	assert_int_equal(dhcp4_verdict(68, 0, false), PACKET_PASS);
}

static void the_link_has_its_own(void **state)
{
	assert_int_equal(link_verdict("fe80::1", "ff02::2", 133, 255, true), PACKET_FOR_LINK);
	assert_int_equal(link_verdict("::", "ff02::1:ff00:1", 135, 255, true), PACKET_FOR_LINK);
	assert_int_equal(link_verdict("2001:db8:5::1", "2001:db8:5::2", 136, 255, true), PACKET_FOR_LINK);
	assert_int_equal(link_verdict("2001:db8:6::1", "ff02::1", 135, 255, true), PACKET_SPOOFED);
	assert_int_equal(link_verdict("fe80::1", "ff02::2", 133, 254, true), PACKET_LINK_SCOPE);
	/* Routers speak to initiators, and not the other way round. */
	assert_int_equal(link_verdict("fe80::1", "ff02::1", 134, 255, true), PACKET_ROGUE);
	assert_int_equal(link_verdict("fe80::1", "ff02::1", 137, 255, true), PACKET_ROGUE);
	assert_int_equal(link_verdict("fe80::1", "ff02::1", 134, 255, false), PACKET_FOR_LINK);
	assert_int_equal(dhcp_verdict("fe80::1", "ff02::1:2", 547), PACKET_FOR_LINK);
	assert_int_equal(dhcp_verdict("fe80::1", "fe80::2", 546), PACKET_ROGUE);
	assert_int_equal(dhcp_verdict("2001:db8:5::1", "2001:db8:9::1", 546), PACKET_ROGUE);
	assert_int_equal(dhcp_verdict("2001:db8:6::1", "2001:db8:9::1", 546), PACKET_SPOOFED);
	/* Towards servers routed DHCPv6 is a packet like any other. */
	assert_int_equal(dhcp_verdict("2001:db8:5::1", "2001:db8:9::1", 547), PACKET_PASS);
}

static uint32_t make_syn(uint8_t *out, uint8_t version, uint16_t mss, bool odd)
{
	struct frame_tcp t = { .version = version, .flags = 0x02 };
	uint32_t n = frame_tcp_write(out, &t), l4 = version == 4 ? 20 : 40;
	uint8_t options[12] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };
	memcpy(options + (odd ? 1 : 0), (uint8_t[]){ 2, 4, (uint8_t)(mss >> 8), (uint8_t)mss }, 4);
	memcpy(out + l4 + 20, options, sizeof(options));
	checksum_put(out + l4 + 16, 0);
	checksum_put(out + l4 + 16,
	        (uint16_t)~checksum_fold(
	                checksum_pseudo(out, PACKET_TCP, n - l4) + checksum_sum(out + l4, n - l4)));
	return n;
}

static void syn_is_clamped(void **state)
{
	for (int variant = 0; variant < 4; variant++) {
		uint8_t version = variant & 1 ? 6 : 4, bytes[256];
		bool odd = variant & 2;
		uint32_t l4 = version == 4 ? 20 : 40, n = make_syn(bytes, version, 1460, odd);
		struct packet p;
		assert_true(packet_parse(bytes, n, &p));
		assert_true(mss_clamp(&p, 1400));
		const uint8_t *mss = bytes + l4 + 22 + odd;
		assert_int_equal(mss[0] << 8 | mss[1], version == 4 ? 1360 : 1340);
		assert_int_equal(checksum_fold(checksum_pseudo(bytes, PACKET_TCP, n - l4) +
		                         checksum_sum(bytes + l4, n - l4)),
		        0xffff);
		assert_false(mss_clamp(&p, 1400)); /* it fits now */
		bytes[l4 + 13] = 0x10;             /* and without SYN it is none */
		assert_false(mss_clamp(&p, 1000));
	}
	/* Options that do not end. */
	uint8_t bytes[256];
	uint32_t n = make_syn(bytes, 4, 1460, false);
	struct packet p;
	assert_true(packet_parse(bytes, n, &p));
	bytes[41] = 200;
	assert_false(mss_clamp(&p, 1000));
	bytes[41] = 0;
	assert_false(mss_clamp(&p, 1000));
}

static void senders_are_told(void **state)
{
	for (uint8_t version = 4; version <= 6; version += 2) {
		uint8_t bytes[2048], out[TOO_BIG_MESSAGE_MAX];
		struct packet p, answer;
		struct frame_tcp t = { .version = version, .payload = 1400, .flags = 0x10 };
		uint32_t n = frame_tcp_write(bytes, &t);
		assert_true(packet_parse(bytes, n, &p));
		uint32_t length = too_big_message(&p, 1300, out);
		assert_true(packet_parse(out, length, &answer));
		assert_int_equal(answer.length, length);
		assert_true(ip_equal(&answer.destination, &p.source));
		assert_int_equal(out[answer.l4], version == 4 ? 3 : 2);
		assert_int_equal(out[answer.l4 + 6] << 8 | out[answer.l4 + 7], 1300);
		uint64_t sum = checksum_sum(out + answer.l4, length - answer.l4);
		if (version == 6)
			sum += checksum_pseudo(out, PACKET_ICMPV6, length - answer.l4);
		assert_int_equal(checksum_fold(sum), 0xffff);
		assert_memory_equal(out + answer.l4 + 8, bytes, 500);
		/* Not about an ICMP error. */
		assert_int_equal(too_big_message(&answer, 1300, bytes), 0);
	}
}

static void fragments_are_whole(void **state)
{
	uint8_t bytes[4096], again[4096] = { 0 }, out[2048];
	struct packet p, f;
	struct frame_tcp t = { .version = 4, .payload = 3333, .flags = 0x10, .may_fragment = true };
	uint32_t n = frame_tcp_write(bytes, &t), total = 0, last = 0;
	assert_true(packet_parse(bytes, n, &p));
	assert_true(too_big_may_fragment(&p));
	struct fragmenter fragmenter = { .packet = &p, .mtu = 1001 };
	for (uint32_t length; (length = fragment_next(&fragmenter, out));) {
		assert_true(length <= 1001);
		assert_true(packet_parse(out, length, &f));
		assert_true(f.fragment);
		assert_int_equal(checksum_fold(checksum_sum(out, 20)), 0xffff);
		uint32_t offset = (uint32_t)((out[6] & 0x1f) << 8 | out[7]) * 8;
		memcpy(again + offset, out + 20, length - 20);
		total += length - 20;
		last += !(out[6] & 0x20);
	}
	assert_int_equal(total, n - 20);
	assert_int_equal(last, 1);
	assert_memory_equal(again, bytes + 20, n - 20);
	bytes[6] = 0x40;
	assert_false(too_big_may_fragment(&p));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sources_are_checked),
		cmocka_unit_test(mapped_addresses_are_no_packet),
		cmocka_unit_test(the_link_has_its_own),
		cmocka_unit_test(initiators_are_no_dhcp_servers),
		cmocka_unit_test(syn_is_clamped),
		cmocka_unit_test(senders_are_told),
		cmocka_unit_test(fragments_are_whole),
	};
	return cmocka_run_group_tests_name("dataplane-packet", tests, NULL, NULL);
}
