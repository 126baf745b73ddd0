/* SPDX-License-Identifier: ISC */
/*
 * Sends SCCRQs that nobody will go on with, from many addresses of this host: l2tp-flood FIRST COUNT REMOTE
 * RATE SECONDS. FIRST and COUNT are the sources (they must be local, a local route will do), RATE is packets
 * a second. Says how many it sent. They leave in trains (UDP_SEGMENT), one a source, so that it is not the
 * generator that is measured.
 */
#include "base/address.h"
#include "base/clock.h"
#include "proto/l2tp/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#define BATCH 16
#define TRAIN 16 /* of one source: less than it may have half open */
#define DATAGRAM_MAX 128

/* SCCRQs of one source, one behind the other. */
struct train {
	uint8_t bytes[TRAIN * DATAGRAM_MAX];
	size_t length; /* of each */
	struct iovec part;
	union {
		struct cmsghdr header;
		uint8_t bytes[CMSG_SPACE(sizeof(struct in_pktinfo)) + CMSG_SPACE(sizeof(uint16_t))];
	} control;
};

static size_t write_sccrq(uint8_t *p)
{
	struct writer w CLEANUP(wr_free) = wr_make(DATAGRAM_MAX);
	struct l2tp_builder b = { .w = &w };
	l2tp_build(&b, L2TP_SCCRQ, 0, 0);
	l2tp_add_u16(&b, L2TP_PROTOCOL_VERSION_AVP, L2TP_PROTOCOL_VERSION);
	l2tp_add_u32(&b, L2TP_FRAMING_CAPABILITIES, 3);
	l2tp_add(&b, L2TP_HOST_NAME, "flood", 5);
	l2tp_add_u16(&b, L2TP_ASSIGNED_TUNNEL_ID, 0);
	l2tp_finish(&b);
	memcpy(p, w.data, w.length);
	return w.length;
}

/* Train number n: its source, and the ids that its messages assign (the last AVP). */
static void vary(struct train *t, uint32_t first, uint32_t count, uint32_t n)
{
	struct in_pktinfo *from = (struct in_pktinfo *)CMSG_DATA(&t->control.header);
	from->ipi_spec_dst.s_addr = htonl(first + n % count);
	for (uint32_t i = 0; i < TRAIN; i++)
		l2tp_put_u16(t->bytes + (i + 1) * t->length - 2, (uint16_t)(1 + (n * TRAIN + i) % 65535));
}

static void prepare(struct train *t, struct mmsghdr *m, struct sockaddr_in *remote)
{
	t->length = write_sccrq(t->bytes);
	for (uint32_t i = 1; i < TRAIN; i++)
		memcpy(t->bytes + i * t->length, t->bytes, t->length);
	t->part = (struct iovec){ t->bytes, TRAIN * t->length };
	m->msg_hdr = (struct msghdr){ .msg_name = remote,
		.msg_namelen = sizeof(*remote),
		.msg_iov = &t->part,
		.msg_iovlen = 1,
		.msg_control = &t->control,
		.msg_controllen = sizeof(t->control) };
	struct cmsghdr *c = &t->control.header;
	*c = (struct cmsghdr){ .cmsg_level = IPPROTO_IP,
		.cmsg_type = IP_PKTINFO,
		.cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo)) };
	const uint16_t length = (uint16_t)t->length;
	c = CMSG_NXTHDR(&m->msg_hdr, c);
	*c = (struct cmsghdr){
		.cmsg_level = IPPROTO_UDP, .cmsg_type = UDP_SEGMENT, .cmsg_len = CMSG_LEN(sizeof(length))
	};
	memcpy(CMSG_DATA(c), &length, sizeof(length));
}

static uint32_t flood(
        int fd, struct sockaddr_in *remote, uint32_t first, uint32_t count, int64_t rate, int64_t seconds)
{
	static struct train trains[BATCH];
	struct mmsghdr messages[BATCH] = { 0 };
	for (size_t i = 0; i < BATCH; i++)
		prepare(&trains[i], &messages[i], remote);
	int64_t since = clock_monotonic_us(), passed;
	uint32_t sent = 0;
	while ((passed = clock_monotonic_us() - since) < seconds * 1000000) {
		if (sent >= passed * rate / 1000000) {
			nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
			continue;
		}
		for (uint32_t i = 0; i < BATCH; i++)
			vary(&trains[i], first, count, sent / TRAIN + i);
		int n = sendmmsg(fd, messages, BATCH, 0);
		if (n < 0 && errno != ENOBUFS && errno != EAGAIN && errno != ECONNREFUSED)
			return 0;
		sent += n > 0 ? (uint32_t)n * TRAIN : 0;
	}
	return sent;
}

int main(int argc, char **argv)
{
	struct sockaddr_in local = { .sin_family = AF_INET, .sin_port = htons(L2TP_PORT) }, remote = local;
	struct in_addr first;
	if (argc != 6 || inet_pton(AF_INET, argv[1], &first) != 1 || atoi(argv[2]) < 1 ||
	        inet_pton(AF_INET, argv[3], &remote.sin_addr) != 1) {
		fprintf(stderr, "usage: l2tp-flood FIRST COUNT REMOTE RATE SECONDS\n");
		return 2;
	}
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&local, sizeof(local)) < 0) {
		perror("l2tp-flood");
		return 1;
	}
	uint32_t sent = flood(
	        fd, &remote, ntohl(first.s_addr), (uint32_t)atoi(argv[2]), atoll(argv[4]), atoll(argv[5]));
	printf("sent %u\n", sent);
	close(fd);
	return sent == 0;
}
