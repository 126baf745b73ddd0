/* SPDX-License-Identifier: ISC */
/* What the host gives with a virtio header, cut; and inner packets put together and cut again, which must be
 * the same. */
#include "tests/unit/dataplane/frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PACKETS_MAX 32

/* What may differ: numbers of packets that may not be fragmented, and the two zeroes of a checksum. */
static void normalize(uint8_t *bytes, uint32_t n)
{
	struct packet p;
	if (!packet_parse(bytes, n, &p))
		return;
	if (p.version == 4 && (bytes[6] & 0x40))
		memset(bytes + 4, 0, 2);
	if (p.version == 4)
		memset(bytes + 10, 0, 2);
	uint32_t at = p.l4 + (p.protocol == PACKET_TCP ? 16u : 6u);
	if ((p.protocol == PACKET_TCP || p.protocol == PACKET_UDP) && !p.fragment && at + 2 <= n &&
	        bytes[at] == 0xff && bytes[at + 1] == 0xff)
		memset(bytes + at, 0, 2);
}

static void must_all_be_there(const struct frames *in, const struct frames *out)
{
	bool used[512] = { false };
	if (in->n != out->n)
		abort();
	for (size_t i = 0; i < out->n; i++) {
		size_t k = 0;
		while (k < in->n &&
		        (used[k] || in->length[k] != out->length[i] ||
		                memcmp(in->bytes[k], out->bytes[i], out->length[i]) != 0))
			k++;
		if (k == in->n)
			abort();
		used[k] = true;
	}
}

/* The input as packets, each behind two bytes of length; right checksums where the first byte says so. */
static void put_together(const uint8_t *data, size_t size)
{
	static struct coalescer c;
	struct frames in = { 0 }, out = { 0 }, work = { 0 };
	c = (struct coalescer){ .tcp = true, .udp = true, .write = frames_take, .user = &out };
	struct reader r = rd_make(data, size);
	while (rd_left(&r) > 2 && in.n < PACKETS_MAX) {
		size_t n = rd_u16(&r) & 0x7ff;
		const uint8_t *bytes = rd_bytes(&r, MIN(n, rd_left(&r)));
		struct packet p;
		if (!bytes || !packet_parse((uint8_t *)bytes, n = MIN(n, (size_t)(data + size - bytes)), &p))
			continue;
		frames_add(&in, bytes, p.length);
		frames_add(&work, bytes, p.length);
	}
	for (size_t i = 0; i < work.n; i++) {
		struct packet p;
		if (packet_parse(work.bytes[i], work.length[i], &p))
			coalesce_add(&c, &p);
	}
	coalesce_flush(&c);
	for (size_t i = 0; i < in.n; i++)
		normalize(in.bytes[i], in.length[i]);
	for (size_t i = 0; i < out.n; i++)
		normalize(out.bytes[i], out.length[i]);
	must_all_be_there(&in, &out);
	frames_clear(&in);
	frames_clear(&out);
	frames_clear(&work);
}

static void cut(const uint8_t *data, size_t size)
{
	struct virtio_net_hdr v;
	struct segmenter s;
	struct packet p;
	if (size < sizeof(v) || size > FRAME_SIZE)
		return;
	memcpy(&v, data, sizeof(v));
	size -= sizeof(v);
	uint8_t *bytes = xmemdup(data + sizeof(v), size);
	if (packet_parse(bytes, size, &p) && segment_begin(&s, &v, &p) == 0) {
		uint32_t most = segment_length_max(&s), total = 0;
		uint8_t *out = xmalloc(most);
		for (uint32_t n; (n = segment_next(&s, out)); total += n - s.header) {
			if (n > most)
				abort();
		}
		if (total != s.payload)
			abort();
		free(out);
	}
	free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	if (data[0] & 1)
		put_together(data + 1, size - 1);
	else
		cut(data + 1, size - 1);
	return 0;
}
