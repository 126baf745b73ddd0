/* SPDX-License-Identifier: ISC */
/* The text that goes to libnftables, and the judgement in user space that must agree with it. */
#include "enforcer/drivers/nft_elements.h"
#include "enforcer/drivers/nft_rules.h"
#include "enforcer/dry_run.h"
#include "enforcer/segments.h"
#include "enforcer/state.h"
#include "policy/policy.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct ipc_prefix prefixes[3];
static struct ipc_port_range ports[] = { { 53, 53 }, { 8000, 8100 } };
static struct ipc_rule quarantine_rules[] = {
	{ .direction = POLICY_TO,
	        .peer = POLICY_PEER_PREFIXES,
	        .prefixes = prefixes,
	        .n_prefixes = 3,
	        .ports = ports,
	        .n_ports = 1 },
	{ .direction = POLICY_FROM,
	        .peer = POLICY_PEER_SEGMENT,
	        .peer_mark = 2,
	        .protocol = IPPROTO_TCP,
	        .ports = ports,
	        .n_ports = 2 },
};
static struct ipc_rule staff_rules[] = {
	{ .direction = POLICY_TO, .peer = POLICY_PEER_ANY },
	{ .direction = POLICY_FROM, .peer = POLICY_PEER_ANY, .protocol = IPPROTO_ICMPV6 },
	{ .direction = POLICY_FROM, .peer = POLICY_PEER_PREFIXES, .prefixes = prefixes, .n_prefixes = 1 },
};
static struct ipc_segment segments[] = {
	{ .name = (char[]){ "quarantine" },
	        .mark = 1,
	        .is_default = true,
	        .log = true,
	        .rules = quarantine_rules,
	        .n_rules = 2 },
	{ .name = (char[]){ "fwd" }, .mark = 2, .rules = staff_rules, .n_rules = 3 }, /* an nft keyword */
};
static const struct ipc_segments policy = { 0x123, segments, 2 };
static const struct links links = { { { "br-nodes", false, true }, { "eth7", true, true } }, 2 };

static int setup(void **state)
{
	assert_int_equal(ip_prefix_parse("2001:db8::/32", &prefixes[0].prefix), 0);
	assert_int_equal(ip_prefix_parse("10.0.0.0/8", &prefixes[1].prefix), 0);
	return ip_prefix_parse("fd00::1/128", &prefixes[2].prefix);
}

/* The lines that begin with prefix, without it. */
static char *lines_of(const char *text, const char *prefix)
{
	char *ret = calloc(1, strlen(text) + 1);
	for (const char *end; (end = strchr(text, '\n')); text = end + 1)
		if (strncmp(text, prefix, strlen(prefix)) == 0)
			strncat(ret, text + strlen(prefix), (size_t)(end + 1 - text) - strlen(prefix));
	return ret;
}

static char *rules_text(const struct links *l, const struct ipc_segments *p)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	nft_rules_declare(out, l, p);
	nft_rules_write(out, l, p, 9);
	fclose(out);
	return text;
}

static void expect_lines(const char *text, const char *prefix, const char *expected)
{
	char *lines = lines_of(text, prefix);
	assert_string_equal(lines, expected);
	free(lines);
}

static void segments_become_chains(void **state)
{
	char *text = rules_text(&links, &policy);
	expect_lines(text, "add rule inet pratique to_1 ",
	        "meta nfproto ipv6 ct original ip6 daddr { 2001:db8::/32, fd00::1/128 } ct protocol 6 ct "
	        "original proto-dst 53 return\n"
	        "meta nfproto ipv6 ct original ip6 daddr { 2001:db8::/32, fd00::1/128 } ct protocol 17 ct "
	        "original proto-dst 53 return\n"
	        "meta nfproto ipv4 ct original ip daddr { 10.0.0.0/8 } ct protocol 6 ct original proto-dst "
	        "53 return\n"
	        "meta nfproto ipv4 ct original ip daddr { 10.0.0.0/8 } ct protocol 17 ct original proto-dst "
	        "53 return\n"
	        "goto refuse_1\n");
	expect_lines(text, "add rule inet pratique from_1 ",
	        "meta nfproto ipv6 meta mark & 0xff00 == 0x200 ct protocol 6 ct original proto-dst 53 "
	        "return\n"
	        "meta nfproto ipv6 meta mark & 0xff00 == 0x200 ct protocol 6 ct original proto-dst 8000-8100 "
	        "return\n"
	        "meta nfproto ipv4 meta mark & 0xff00 == 0x200 ct protocol 6 ct original proto-dst 53 "
	        "return\n"
	        "meta nfproto ipv4 meta mark & 0xff00 == 0x200 ct protocol 6 ct original proto-dst 8000-8100 "
	        "return\n"
	        "goto refuse_1\n");
	expect_lines(text, "add rule inet pratique to_2 ",
	        "meta nfproto ipv6 return\nmeta nfproto ipv4 return\ngoto refuse_2\n");
	expect_lines(text, "add rule inet pratique from_2 ",
	        "meta nfproto ipv6 ct protocol 58 return\n"
	        "meta nfproto ipv6 ct original ip6 saddr { 2001:db8::/32 } return\n"
	        "goto refuse_2\n");
	expect_lines(text, "add rule inet pratique refuse_1 ",
	        "counter name refused_1\n"
	        "limit rate 50/second burst 100 packets log prefix \"pratique quarantine refused: \" group 9 "
	        "snaplen 96 goto refuse\n"
	        "counter name unlogged_1\n"
	        "goto refuse\n");
	expect_lines(text, "add rule inet pratique judge ",
	        "meta mark & 0xff00 vmap @targets\n"
	        "meta mark & 0xff vmap @sources\n"
	        "counter name meta mark & 0xff00 map @passed_to\n"
	        "counter name meta mark & 0xff map @passed_from\n"
	        "ct state new ct direction original jump opened\n"
	        "accept\n");
	expect_lines(
	        text, "add element inet pratique targets ", "{ 0x100 : jump to_1, 0x200 : jump to_2 }\n");
	expect_lines(text, "add element inet pratique passed_from ",
	        "{ 0x1 : \"passed_1\", 0x2 : \"passed_2\" }\n");
	expect_lines(text, "add element inet pratique opening ",
	        "{ 0x1 : goto opens_1, 0x2 : goto opens_2 }\n{ 0x10001 : goto opens_unproven }\n");
	/* Names get into the rules within quotes only: they may be keywords. */
	assert_null(strstr(text, "fwd"));
	assert_null(strstr(text, "established"));
	free(text);
}

static void links_get_their_own_tables(void **state)
{
	char *text = rules_text(&links, &policy);
	expect_lines(text, "add rule bridge pratique frames ", "iifname vmap @ports\n");
	expect_lines(text, "add rule netdev pratique ingress_1 ", "goto frame_1\n");
	expect_lines(text, "add rule inet pratique forward ",
	        "iifname { \"br-nodes\", \"eth7\" } goto from_node\noifname { \"br-nodes\", \"eth7\" } goto "
	        "to_node\n");
	free(text);
	struct links absent = links;
	absent.items[1].present = false;
	text = rules_text(&absent, &policy);
	expect_lines(text, "add rule netdev pratique ingress_1 ", "");
	free(text);
}

/* What carries the flags: who asks for a proof, and who is refused without a word. */
static void the_unproven_are_not_refused_aloud(void **state)
{
	char *text = rules_text(&links, &policy);
	expect_lines(text, "add rule inet pratique opens_unproven ",
	        "jump receiver\nmeta mark set meta mark | 0x10100\ngoto judge\n");
	expect_lines(text, "add rule inet pratique answers_unproven ",
	        "jump receiver\nmeta mark set meta mark << 8\nmeta mark set meta mark | 0x10001\ngoto "
	        "judge\n");
	expect_lines(text, "add rule inet pratique refuse ",
	        "oifname { \"br-nodes\", \"eth7\" } jump wanted\n"
	        "meta mark & 0x10000 != 0x0 counter name unproven drop\n"
	        "iifname { \"br-nodes\", \"eth7\" } goto explain\n"
	        "drop\n");
	for (size_t i = 0; i < 2; i++) {
		char prefix[64], *lines;
		snprintf(prefix, sizeof(prefix), "add rule %s pratique ip6_%zu meta mark ",
		        i ? "netdev" : "bridge", i);
		lines = lines_of(text, prefix);
		assert_string_equal(lines, "!= 0x1 meta mark set 0x10001\n");
		free(lines);
	}
	free(text);
}

static void keep_sighting(void *context, const struct sighting *s)
{
	*(struct sighting *)context = *s;
}

static int read_wanted_listing(size_t index, const char *elements, struct sighting *ret)
{
	char text[512];
	snprintf(text, sizeof(text), "{\"nftables\": [{\"metainfo\": {}}, {\"set\": {\"elem\": [%s]}}]}",
	        elements);
	json_t *listing = json_loads(text, 0, NULL);
	*ret = (struct sighting){ 0 };
	int r = nft_elements_read_wanted(&links, index, listing, keep_sighting, ret);
	json_decref(listing);
	return r;
}

static void what_is_wanted_is_read_back(void **state)
{
	struct sighting s;
	char text[IP_TEXT_SIZE];
	assert_string_equal(nft_elements_wanted_set(0), "unproven6");
	assert_string_equal(nft_elements_wanted_set(3), "wanted4");
	assert_null(nft_elements_wanted_set(4));
	assert_int_equal(read_wanted_listing(0,
	                         "{\"elem\": {\"val\": {\"concat\": [\"eth7\", \"02:00:00:00:00:0f\","
	                         " \"2001:db8::7\"]}, \"timeout\": 3, \"expires\": 2}}",
	                         &s),
	        0);
	assert_int_equal(s.kind, SIGHTING_UNPROVEN);
	assert_int_equal(s.link, 1);
	assert_string_equal(mac_format(&s.mac, text), "02:00:00:00:00:0f");
	assert_string_equal(ip_format(&s.ip, text), "2001:db8::7");
	assert_int_equal(read_wanted_listing(3, "{\"concat\": [\"br-nodes\", \"10.0.0.9\"]}", &s), 0);
	assert_int_equal(s.kind, SIGHTING_WANTED);
	assert_string_equal(ip_format(&s.ip, text), "10.0.0.9");
	/* A link of an earlier configuration says nothing. */
	assert_int_equal(read_wanted_listing(3, "{\"concat\": [\"br-old\", \"10.0.0.9\"]}", &s), 0);
	assert_int_equal(s.kind, 0);
	assert_int_equal(read_wanted_listing(3, "{\"concat\": [\"br-nodes\", \"ten\"]}", &s), -EBADMSG);
	assert_int_equal(read_wanted_listing(1, "{\"concat\": [\"br-nodes\", \"10.0.0.9\"]}", &s), -EBADMSG);
}

static void knows_its_names(void **state)
{
	static const char *const ours[] = { "judge", "to_1", "from_2", "opens_1", "refuse_2", "passed_2",
		"unmarked", "wanted", "opens_unproven", "leaving", "unlogged_1" };
	static const char *const stale[] = { "to_3", "from_", "to_1x", "passed_0", "policy_0000000000000124",
		"to_257", "way_1", "opened_1", "unlogged_2", "limited_1", "softwire_up_2" };
	for (size_t i = 0; i < ARRAY_LENGTH(ours); i++)
		assert_true(nft_rules_has_name(&policy, ours[i]));
	for (size_t i = 0; i < ARRAY_LENGTH(stale); i++)
		assert_false(nft_rules_has_name(&policy, stale[i]));
	char name[32];
	snprintf(name, sizeof(name), NFT_POLICY_COUNTER, segments_identity(&policy));
	assert_true(nft_rules_has_name(&policy, name));
}

static struct ipc_next_hop hops[2];
static struct ipc_segment treated_segments[] = {
	{ .name = (char[]){ "quarantine" }, .mark = 1, .is_default = true, .rate_up = 64000 },
	{ .name = (char[]){ "guest" },
	        .mark = 3,
	        .log_new = true,
	        .rate_up = 80000000,
	        .rate_down = 8000000,
	        .route = (char[]){ "ids" },
	        .next_hops = hops,
	        .n_next_hops = 2 },
};
static const struct ipc_segments treated = { 0x123, treated_segments, 2 };
static const struct links three_links = { { { "br-nodes", LINK_BRIDGE, true }, { "eth7", LINK_ROUTED, true },
	                                          { "sw0", LINK_SOFTWIRE, true } },
	3 };

/* Rates of each attachment, ways that lead through one host only, and what is opened in the log. */
static void segments_are_treated(void **state)
{
	struct error err;
	ip_parse("10.1.9.2", &hops[0].ip);
	ip_parse("2001:db8:1:9::2", &hops[1].ip);
	assert_int_equal(segments_check(&treated, &err), 0);
	char *text = rules_text(&three_links, &treated);
	expect_lines(text, "add rule inet pratique way_3 ",
	        "rt ip nexthop 10.1.9.2 return\nrt ip6 nexthop 2001:db8:1:9::2 return\n"
	        "counter name strayed goto refuse_3\n");
	expect_lines(text, "add rule inet pratique forward iifname ",
	        "{ \"br-nodes\", \"eth7\", \"sw0\" } meta mark & 0xff == 0x3 jump way_3\n"
	        "{ \"br-nodes\", \"eth7\", \"sw0\" } goto from_node\n");
	expect_lines(text, "add rule bridge pratique rated_0 meta ",
	        "mark & 0xff == 0x1 update @rates_up_0 { meta mark . iifname . @ll,48,48 limit rate over "
	        "8000 "
	        "bytes/second burst 131072 bytes } counter name limited_1 drop\n"
	        "mark & 0xff == 0x3 update @rates_up_0 { meta mark . iifname . @ll,48,48 limit rate over "
	        "10000000 bytes/second burst 1000000 bytes } counter name limited_3 drop\n");
	expect_lines(text, "add rule netdev pratique paced_1 meta mark 0x",
	        "3 update @rates_down_1 { meta mark . oifname . @ll,0,48 limit rate over 1000000 "
	        "bytes/second "
	        "burst 131072 bytes } counter name limited_3 drop\n");
	expect_lines(text, "add rule inet pratique rated_softwire ",
	        "meta mark 0x1 jump softwire_up_1\nmeta mark 0x3 jump softwire_up_3\n");
	expect_lines(text, "add rule inet pratique opened ",
	        "meta mark & 0xff00 == 0x300 jump opened_3\n"
	        "meta mark & 0xff00 != 0x300 meta mark & 0xff == 0x3 jump opened_3\n");
	free(text);
	/* The egress hook of routed interfaces is asked for only where it is needed. */
	text = rules_text(&three_links, &policy);
	assert_null(strstr(text, "egress"));
	free(text);
}

/* What would not be a rule, or another one, is refused before it becomes text. */
static void odd_treatment_is_refused(void **state)
{
	static char injected[] = "guest\" drop";
	struct ipc_segment s[2];
	const struct ipc_segments odd = { 0x123, s, 2 };
	struct error err;
	for (int i = 0; i < 5; i++) {
		memcpy(s, treated_segments, sizeof(s));
		ip_parse("2001:db8:1:9::2", &hops[1].ip);
		switch (i) {
		case 0:
			s[1].name = injected;
			break;
		case 1:
			s[1].rate_down = SEGMENTS_RATE_MAX + 1;
			break;
		case 2:
			s[1].n_next_hops = 0;
			break;
		case 3:
			ip_parse("10.1.9.3", &hops[1].ip);
			break;
		case 4:
			ip_parse("fe80::1", &hops[1].ip);
			break;
		}
		assert_int_equal(segments_check(&odd, &err), -EINVAL);
	}
}

static void elements_are_grouped(void **state)
{
	struct element_change c[5] = {
		{ true, { .kind = ELEMENT_PLACED, .port = "p1", .mark = 2, .expires = 61500 } },
		{ false, { .kind = ELEMENT_PLACED, .port = "p1", .mark = 1, .expires = 100 } },
		{ true, { .kind = ELEMENT_TARGET, .mark = 2, .expires = 61500 } },
		{ true, { .kind = ELEMENT_ADDRESS, .link = 1, .port = "eth7" } },
		{ true, { .kind = ELEMENT_PLACED, .port = "p2", .mark = 2, .expires = 1000 } }, /* is over */
	};
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	for (size_t i = 0; i < 5; i++)
		mac_parse("02:00:00:00:00:0f", &c[i].element.mac);
	ip_parse("2001:db8::5", &c[2].element.ip);
	ip_parse("10.0.0.5", &c[3].element.ip);
	nft_elements_write(out, &links, c, 5, 1500);
	fclose(out);
	assert_string_equal(text,
	        "delete element bridge pratique placed_0 { \"p1\" . 0x02000000000f }\n"
	        "add element netdev pratique bindings4_1 { \"eth7\" . 0x02000000000f . 0x0a000005 }\n"
	        "add element netdev pratique bound4_1 { 0x0a000005 }\n"
	        "add element bridge pratique placed_0 { \"p1\" . 0x02000000000f timeout 60000ms : 0x2 }\n"
	        "add element inet pratique nodes6 { \"br-nodes\" . 2001:db8::5 timeout 60000ms : 0x2 }\n");
	free(text);
}

static void keep_element(void *context, const struct element *e)
{
	*(struct element *)context = *e;
}

static int read_listing(size_t index, const char *elements, struct element *ret)
{
	char text[512];
	snprintf(text, sizeof(text), "{\"nftables\": [{\"metainfo\": {}}, {\"map\": {\"elem\": [%s]}}]}",
	        elements);
	json_t *listing = json_loads(text, 0, NULL);
	*ret = (struct element){ 0 };
	int r = nft_elements_read(&links, 0, index, listing, 1000, keep_element, ret);
	json_decref(listing);
	return r;
}

/* As libnftables 1.0.6 prints them: raw payload is a number, or text where it is wide. */
static void listings_are_read_back(void **state)
{
	struct element e;
	char text[IP_TEXT_SIZE];
	const char *type;
	char name[64];
	assert_true(nft_elements_set(&links, 0, 6, &type, name));
	assert_string_equal(name, "bridge pratique placed_0");
	assert_int_equal(
	        read_listing(6,
	                "[{\"elem\": {\"val\": {\"concat\": [\"p1\", 2199023255567]}, \"timeout\": 30,"
	                " \"expires\": 29}}, 3]",
	                &e),
	        0);
	assert_int_equal(e.kind, ELEMENT_PLACED);
	assert_string_equal(mac_format(&e.mac, text), "02:00:00:00:00:0f");
	assert_int_equal(e.mark, 3);
	assert_int_equal(e.expires, 30000);
	assert_int_equal(
	        read_listing(4, "{\"concat\": [\"p1\", 1, \"0x20010db8000000000000000000000001\"]}", &e), 0);
	assert_string_equal(ip_format(&e.ip, text), "2001:db8::1");
	assert_int_equal(read_listing(0, "[\"p3\", {\"goto\": {\"target\": \"frame_0\"}}]", &e), 0);
	assert_string_equal(e.port, "p3");
	assert_int_equal(read_listing(1,
	                         "[{\"elem\": {\"val\": {\"concat\": [\"br-nodes\", \"fe80::1\"]}, "
	                         "\"expires\": 2}}, 2]",
	                         &e),
	        0);
	assert_int_equal(e.kind, ELEMENT_TARGET);
	assert_int_equal(
	        read_listing(4, "{\"concat\": [\"p1\", 1, \"0x123456789012345678901234567890123\"]}", &e),
	        -EBADMSG);
	assert_int_equal(read_listing(4, "{\"concat\": [7, 1, 2]}", &e), -EBADMSG);
	assert_int_equal(read_listing(0, "[\"p3\", {\"drop\": null}]", &e), -EBADMSG);
}

static void judges_as_the_rules_do(void **state)
{
	static const struct {
		const char *from, *to;
		uint8_t from_mark, to_mark, protocol;
		uint16_t port;
		bool permitted;
	} cases[] = {
		{ "2001:db8::1", "2001:db8::2", 1, 0, IPPROTO_UDP, 53, true },
		{ "2001:db8::1", "2001:db8::2", 1, 0, IPPROTO_UDP, 54, false },
		{ "2001:db8::1", "2001:db8::2", 1, 0, IPPROTO_ICMPV6, 0,
		        false }, /* ports are TCP's and UDP's */
		{ "10.0.0.1", "10.9.9.9", 1, 0, IPPROTO_TCP, 53, true },
		{ "10.0.0.1", "11.9.9.9", 1, 0, IPPROTO_TCP, 53, false },
		{ "2001:db8::1", "2001:db8::2", 2, 1, IPPROTO_TCP, 8050, true },
		{ "2001:db8::1", "2001:db8::2", 2, 1, IPPROTO_UDP, 8050, false },
		{ "2001:db8::1", "2001:db8::2", 1, 1, IPPROTO_TCP, 53, false },
		{ "2001:db8::1", "2001:db8::2", 0, 1, IPPROTO_TCP, 53, false },
		{ "2001:db8::1", "2001:db8::2", 0, 2, IPPROTO_TCP, 22, true }, /* from its prefix */
		{ "2001:db9::1", "2001:db8::2", 0, 2, IPPROTO_TCP, 22, false },
		{ "2001:db9::1", "2001:db8::2", 0, 2, IPPROTO_ICMPV6, 0, true },
		{ "10.0.0.1", "10.0.0.2", 0, 2, IPPROTO_ICMP, 0, false },      /* the other family's ICMP */
		{ "2001:db9::1", "2001:db9::2", 0, 0, IPPROTO_TCP, 22, true }, /* not ours */
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct segments_connection c = { .from_mark = cases[i].from_mark,
			.to_mark = cases[i].to_mark,
			.protocol = cases[i].protocol,
			.port = cases[i].port };
		ip_parse(cases[i].from, &c.from);
		ip_parse(cases[i].to, &c.to);
		assert_int_equal(segments_permit(&policy, &c), cases[i].permitted);
	}
}

static void refuses_segments_that_are_none(void **state)
{
	struct error err;
	struct ipc_segments bad;
	assert_int_equal(segments_check(&policy, &err), 0);
	segments_copy(&policy, &bad);
	bad.segments[1].mark = 1;
	assert_int_equal(segments_check(&bad, &err), -EINVAL);
	bad.segments[1].mark = 201;
	assert_int_equal(segments_check(&bad, &err), -EINVAL);
	bad.segments[1].mark = 2;
	bad.segments[0].rules[1].peer_mark = 9;
	assert_int_equal(segments_check(&bad, &err), -EINVAL);
	bad.segments[0].rules[1].peer_mark = 2;
	bad.segments[0].rules[0].prefixes[0].prefix.address.bytes[15] = 1; /* host bits */
	assert_int_equal(segments_check(&bad, &err), -EINVAL);
	bad.segments[0].rules[0].prefixes[0].prefix.address.bytes[15] = 0;
	bad.segments[0].rules[0].ports[0] = (struct ipc_port_range){ 9, 8 };
	assert_int_equal(segments_check(&bad, &err), -EINVAL);
	bad.segments[0].rules[0].ports[0] = (struct ipc_port_range){ 8, 9 };
	assert_int_equal(segments_check(&bad, &err), 0);
	ipc_body_clear(IPC_SEGMENTS, &bad);
}

static void state_survives(void **state)
{
	char path[] = "/tmp/pratique-state-XXXXXX";
	struct error err;
	struct ipc_placement placement = { (char[]){ "p1" }, { { 2, 0, 0, 0, 0, 1 } }, 2, 12345, 6 };
	struct state saved = { 77, policy,
		{ .generation = 77, .placements = &placement, .n_placements = 1 } },
	             read;
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(state_save(path, &saved, &err), 0);
	assert_int_equal(state_load(path, &read, &err), 0);
	assert_int_equal(read.generation, 77);
	assert_int_equal(read.segments.policy_fingerprint, 0x123);
	assert_int_equal(read.segments.segments[0].n_rules, 2);
	assert_string_equal(read.place.placements[0].port, "p1");
	assert_int_equal(read.place.placements[0].expires_ms, 12345);
	state_clear(&read);
	assert_int_equal(truncate(path, 20), 0);
	assert_int_equal(state_load(path, &read, &err), -EBADMSG);
	unlink(path);
	assert_int_equal(state_load(path, &read, &err), -ENOENT);
}

/* Under monitor mode everybody is in the default segment, and nothing limits what they open. */
static void test_watched(void **state)
{
	struct ipc_segments watched = policy;
	char *enforced = rules_text(&links, &policy);
	watched.is_watched = true;
	char *text = rules_text(&links, &watched);
	assert_non_null(strstr(enforced, "from_node ct state new meta mark { 0x1, 0x10001 } update @hasty"));
	assert_null(strstr(text, "update @hasty"));
	assert_null(strstr(text, "counter name crowded drop"));
	assert_non_null(strstr(text, "goto opens_1"));
	free(text);
	free(enforced);
	/* and that is what a policy means with which the server says so */
	static const char words[] = "define server { address 2001:db8::2 tcp 271 }\n"
	                            "segment quarantine default { allow to server }\n"
	                            "segment staff level 1 { allow to any }\n"
	                            "admit to staff\notherwise quarantine\nmode monitor in staff\n"
	                            "inspect every 30 min certificate lifetime 45 min\n";
	struct policy *p = NULL;
	struct ipc_segments s;
	assert_int_equal(policy_parse("p", words, strlen(words), NULL, NULL, &p, NULL), 0);
	dry_run_segments(p, &s);
	assert_true(s.is_watched && s.segments[1].is_default && !s.segments[0].is_default);
	ipc_body_clear(IPC_SEGMENTS, &s);
	policy_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segments_become_chains),
		cmocka_unit_test(links_get_their_own_tables),
		cmocka_unit_test(the_unproven_are_not_refused_aloud),
		cmocka_unit_test(what_is_wanted_is_read_back),
		cmocka_unit_test(knows_its_names),
		cmocka_unit_test(segments_are_treated),
		cmocka_unit_test(odd_treatment_is_refused),
		cmocka_unit_test(elements_are_grouped),
		cmocka_unit_test(listings_are_read_back),
		cmocka_unit_test(judges_as_the_rules_do),
		cmocka_unit_test(refuses_segments_that_are_none),
		cmocka_unit_test(state_survives),
		cmocka_unit_test(test_watched),
	};
	return cmocka_run_group_tests_name("rules", tests, setup, NULL);
}
