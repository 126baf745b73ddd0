/* SPDX-License-Identifier: ISC */
/* Cutting and putting together: the one is the inverse of the other, and only what may be put together is. */
#include "tests/unit/dataplane/frames.h"
#include "tests/unit/test.h"

#define PSH 0x08
#define ACK 0x10
#define FIN 0x01
#define CWR 0x80
#define ECE 0x40
#define SIZE 1000u

static bool l4_is_right(const uint8_t *bytes, uint32_t n)
{
	struct packet p;
	assert_true(packet_parse((uint8_t *)bytes, n, &p));
	assert_int_equal(p.length, n);
	if (p.version == 4 && checksum_fold(checksum_sum(bytes, 20)) != 0xffff)
		return false;
	return checksum_fold(checksum_pseudo(bytes, p.protocol, n - p.l4) +
	               checksum_sum(bytes + p.l4, n - p.l4)) == 0xffff;
}

static struct virtio_net_hdr header_of(uint8_t version, uint8_t protocol)
{
	bool udp = protocol == PACKET_UDP;
	return (struct virtio_net_hdr){ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = udp        ? 5
		        : version == 4 ? VIRTIO_NET_HDR_GSO_TCPV4
		                       : VIRTIO_NET_HDR_GSO_TCPV6,
		.gso_size = SIZE,
		.csum_start = version == 4 ? 20 : 40,
		.csum_offset = udp ? 6 : 16 };
}

/* What a super packet is cut into is what its sender would have sent piece by piece. */
static void cut_is_what_would_have_been_sent(void **state)
{
	static const uint8_t versions[] = { 4, 6 };
	uint8_t *super = xmalloc(FRAME_SIZE), *one = xmalloc(FRAME_SIZE);
	for (size_t v = 0; v < 2; v++) {
		for (uint32_t payload = 1; payload < 60000; payload = payload * 3 + 997) {
			struct frames f = { 0 };
			struct frame_tcp t = { .version = versions[v],
				.sequence = 0xfffff000,
				.payload = payload,
				.flags = ACK | PSH | FIN | CWR | ECE,
				.id = 0xfffe };
			uint32_t n = frame_tcp_write(super, &t);
			struct virtio_net_hdr h = header_of(t.version, PACKET_TCP);
			assert_int_equal(frames_cut(&f, &h, super, n), 0);
			assert_int_equal(f.n, (payload + SIZE - 1) / SIZE);
			for (size_t i = 0; i < f.n; i++) {
				struct frame_tcp expect = t;
				expect.sequence += (uint32_t)i * SIZE;
				expect.payload = MIN(SIZE, payload - (uint32_t)i * SIZE);
				expect.id = (uint16_t)(t.id + i);
				expect.flags &= (uint8_t) ~((i ? CWR : 0) | (i + 1 < f.n ? PSH | FIN : 0));
				n = frame_tcp_write(one, &expect);
				assert_int_equal(f.length[i], n);
				assert_memory_equal(f.bytes[i], one, n);
				assert_true(l4_is_right(f.bytes[i], f.length[i]));
			}
			frames_clear(&f);
		}
	}
	free(super);
	free(one);
}

/* From the pieces the coalescer makes one write, and cutting that gives the pieces. */
static void together_and_cut_is_identity(void **state)
{
	static struct coalescer c;
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct frames in = { 0 }, out = { 0 };
		uint8_t *bytes[45];
		struct packet p;
		c = (struct coalescer){ .tcp = true, .udp = true, .write = frames_take, .user = &out };
		for (uint32_t i = 0; i < 45; i++) {
			struct frame_tcp t = { .version = version,
				.sequence = 5 + i * SIZE,
				.payload = i == 44 ? 17 : SIZE,
				.flags = (uint8_t)(ACK | (i ? 0 : CWR) | (i == 44 ? PSH : 0)),
				.id = (uint16_t)(100 + i) };
			bytes[i] = xmalloc(2048);
			frames_add(&in, bytes[i], frame_tcp_write(bytes[i], &t));
			assert_true(packet_parse(bytes[i], in.length[i], &p));
			coalesce_add(&c, &p);
		}
		coalesce_flush(&c);
		assert_int_equal(out.writes, 1);
		assert_int_equal(out.n, in.n);
		for (size_t i = 0; i < in.n; i++) {
			assert_int_equal(out.length[i], in.length[i]);
			assert_memory_equal(out.bytes[i], in.bytes[i], in.length[i]);
			free(bytes[i]);
		}
		frames_clear(&in);
		frames_clear(&out);
	}
}

/* Two packets that are almost parts of one: how many writes they become. */
static size_t writes_of(const struct frame_tcp *a, const struct frame_tcp *b, int break_byte)
{
	static struct coalescer c;
	struct frames out = { 0 };
	uint8_t first[2048], second[2048];
	struct packet p;
	c = (struct coalescer){ .tcp = true, .udp = true, .write = frames_take, .user = &out };
	uint32_t n = frame_tcp_write(first, a);
	assert_true(packet_parse(first, n, &p));
	coalesce_add(&c, &p);
	n = frame_tcp_write(second, b);
	if (break_byte)
		second[break_byte] ^= 1;
	assert_true(packet_parse(second, n, &p));
	coalesce_add(&c, &p);
	coalesce_flush(&c);
	size_t writes = out.writes;
	assert_int_equal(out.n, 2);
	/* In the order in which they came, whatever became of them. */
	assert_memory_equal(out.bytes[1], second, n);
	frames_clear(&out);
	return writes;
}

static void only_what_belongs_together(void **state)
{
	const struct frame_tcp a = {
		.version = 4, .payload = SIZE, .flags = ACK, .id = 9, .may_fragment = true
	};
	struct frame_tcp follows = a;
	follows.sequence = SIZE;
	follows.id = 10;
	assert_int_equal(writes_of(&a, &follows, 0), 1);
	struct {
		struct frame_tcp a, b;
	} rows[16];
	size_t n = ARRAY_LENGTH(rows);
	for (size_t i = 0; i < n; i++) {
		rows[i].a = a;
		rows[i].b = follows;
	}
	rows[0].b.sequence++;         /* a gap */
	rows[1].b.sequence--;         /* an overlap */
	rows[2].b.payload = SIZE + 1; /* longer than the first */
	rows[3].a.flags |= PSH;       /* the first was the last */
	rows[4].a.flags |= FIN;
	rows[5].b.flags |= CWR; /* the first's alone */
	rows[6].b.flags |= ECE;
	rows[7].b.flags |= 0x02; /* SYN */
	rows[8].b.flags |= 0x04; /* RST */
	rows[9].b.flags |= 0x20; /* URG */
	rows[10].b.flags = 0;
	rows[11].b.window = 513;
	rows[12].b.timestamp = 1;      /* another option */
	rows[13].b.id = 11;            /* a number left out, where numbers mean something */
	rows[14].b.source_port = 4001; /* another flow */
	rows[15].b.may_fragment = false;
	for (size_t i = 0; i < n; i++)
		assert_int_equal(writes_of(&rows[i].a, &rows[i].b, 0), 2);
	/* Without permission to fragment numbers mean nothing (RFC 6864). */
	struct frame_tcp x = a, y = follows;
	x.may_fragment = y.may_fragment = false;
	assert_int_equal(writes_of(&x, &y, 0), 1);
	/* Payload, its checksum, the header's checksum: broken ones stay alone, as they are, for the host to
	 * see. */
	assert_int_equal(writes_of(&a, &follows, 60), 2);
	assert_int_equal(writes_of(&a, &follows, 37), 2);
	assert_int_equal(writes_of(&a, &follows, 11), 2);
}

static void flows_do_not_mix(void **state)
{
	static struct coalescer c;
	struct frames out = { 0 };
	uint8_t *bytes[64];
	struct packet p;
	c = (struct coalescer){ .tcp = true, .write = frames_take, .user = &out };
	/* More flows than there are places, taking turns. */
	for (uint32_t i = 0; i < 64; i++) {
		struct frame_tcp t = { .version = 6,
			.sequence = i / 4 * 100,
			.payload = 100,
			.flags = ACK,
			.source_port = (uint16_t)(1000 + i % 4) };
		bytes[i] = xmalloc(2048);
		uint32_t n = frame_tcp_write(bytes[i], &t);
		assert_true(packet_parse(bytes[i], n, &p));
		coalesce_add(&c, &p);
	}
	coalesce_flush(&c);
	assert_int_equal(out.n, 64);
	assert_int_equal(out.writes, 4);
	for (size_t i = 0; i < out.n; i++) {
		assert_true(l4_is_right(out.bytes[i], out.length[i]));
		free(bytes[i]);
	}
	frames_clear(&out);
}

static void udp_too_where_the_host_takes_it(void **state)
{
	static struct coalescer c;
	for (int offload = 0; offload < 2; offload++) {
		struct frames in = { 0 }, out = { 0 };
		uint8_t bytes[10][2048];
		struct packet p;
		c = (struct coalescer){ .udp = offload, .write = frames_take, .user = &out };
		for (uint32_t i = 0; i < 10; i++) {
			frames_add(
			        &in, bytes[i], frame_udp_write(bytes[i], 6, i == 9 ? 3 : 1200, (uint8_t)i));
			assert_true(packet_parse(bytes[i], in.length[i], &p));
			coalesce_add(&c, &p);
		}
		coalesce_flush(&c);
		assert_int_equal(out.writes, offload ? 1 : 10);
		assert_int_equal(out.n, 10);
		for (size_t i = 0; i < 10; i++)
			assert_memory_equal(out.bytes[i], in.bytes[i], in.length[i]);
		frames_clear(&in);
		frames_clear(&out);
	}
}

/* A packet that was not cut, whose checksum the host left to us. */
static void a_checksum_is_completed(void **state)
{
	uint8_t bytes[2048], whole[2048];
	struct frame_tcp t = { .version = 6, .payload = 333, .flags = ACK };
	struct frames f = { 0 };
	struct virtio_net_hdr h = header_of(6, PACKET_TCP);
	uint32_t n = frame_tcp_write(whole, &t);
	memcpy(bytes, whole, n);
	checksum_put(bytes + 56, checksum_fold(checksum_pseudo(bytes, PACKET_TCP, n - 40)));
	h.gso_type = VIRTIO_NET_HDR_GSO_NONE;
	assert_int_equal(frames_cut(&f, &h, bytes, n), 0);
	assert_int_equal(f.n, 1);
	assert_memory_equal(f.bytes[0], whole, n);
	frames_clear(&f);
}

static void headers_that_do_not_fit_are_refused(void **state)
{
	uint8_t bytes[2048];
	struct frame_tcp t = { .version = 4, .payload = 1000, .flags = ACK };
	uint32_t n = frame_tcp_write(bytes, &t);
	struct virtio_net_hdr rows[7];
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		rows[i] = header_of(4, PACKET_TCP);
	rows[0].gso_size = 0;
	rows[1].gso_type = VIRTIO_NET_HDR_GSO_TCPV6;
	rows[2].gso_type = 77;
	rows[3].csum_start = 12;
	rows[4].csum_start = 60000;
	rows[5].flags = 0;
	rows[6].gso_type = VIRTIO_NET_HDR_GSO_NONE;
	rows[6].csum_offset = 60000;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct frames f = { 0 };
		assert_int_not_equal(frames_cut(&f, &rows[i], bytes, n), 0);
		assert_int_equal(f.n, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cut_is_what_would_have_been_sent),
		cmocka_unit_test(together_and_cut_is_identity),
		cmocka_unit_test(only_what_belongs_together),
		cmocka_unit_test(flows_do_not_mix),
		cmocka_unit_test(udp_too_where_the_host_takes_it),
		cmocka_unit_test(a_checksum_is_completed),
		cmocka_unit_test(headers_that_do_not_fit_are_refused),
	};
	return cmocka_run_group_tests_name("dataplane-offload", tests, NULL, NULL);
}
