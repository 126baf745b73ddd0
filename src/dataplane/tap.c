/* SPDX-License-Identifier: ISC */
/* The debugging tap: decrypted inner packets of both directions as pcap, LINKTYPE_RAW, up to a number of
 * bytes. */
#include "dataplane/plane.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define PCAP_MAGIC_NS 0xa1b23c4du
#define PCAP_RAW 101
#define PCAP_SNAP 65535

struct pcap_file {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t zone, accuracy, snap, link;
};

struct pcap_packet {
	uint32_t seconds, nanoseconds, kept, length;
};

int tap_open(struct tap *t, int fd, uint64_t bytes_max, struct error *err)
{
	*t = (struct tap){ .fd = fd, .left = bytes_max };
	pthread_mutex_init(&t->lock, NULL);
	if (fd < 0)
		return 0;
	struct pcap_file head = { PCAP_MAGIC_NS, 2, 4, 0, 0, PCAP_SNAP, PCAP_RAW };
	if (write(fd, &head, sizeof(head)) != (ssize_t)sizeof(head))
		return error_set(err, -EIO, "tap of decrypted packets: %s", strerror(errno));
	return 0;
}

void tap_write(struct tap *t, struct statistics *stats, const void *packet, uint32_t length)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	struct pcap_packet head = { (uint32_t)now.tv_sec, (uint32_t)now.tv_nsec, length, length };
	struct iovec iov[2] = { { &head, sizeof(head) }, { (void *)packet, length } };
	pthread_mutex_lock(&t->lock);
	bool fits = t->left >= sizeof(head) + length;
	if (fits)
		fits = writev(t->fd, iov, 2) == (ssize_t)(sizeof(head) + length);
	/* After the first that does not fit there is no further one, so that the file ends cleanly. */
	t->left = fits ? t->left - sizeof(head) - length : 0;
	pthread_mutex_unlock(&t->lock);
	statistics_add(stats, fits ? STAT_tapped : STAT_tap_full, 1);
}
