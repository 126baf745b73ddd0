/* SPDX-License-Identifier: ISC */
#include "softwire/aaa_record.h"

#include "base/table.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define HEADER_SIZE 16 /* magic, length, checksum */
#define RECORD_MAGIC 0x50524131u

/* Against damage, not against people: the key is no secret. */
static uint64_t checksum(const void *payload, size_t length)
{
	static const uint64_t key[2] = { 0x7072617469717565, 0x6163636f756e7473 };
	return hash_bytes(key, payload, length);
}

static int write_all(int fd, const uint8_t *bytes, size_t length, off_t at)
{
	while (length) {
		ssize_t n = pwrite(fd, bytes, length, at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		bytes += n;
		at += n;
		length -= (size_t)n;
	}
	return 0;
}

int aaa_record_encode(struct writer *w, const void *payload, size_t length)
{
	if (length > AAA_RECORD_MAX)
		return -EMSGSIZE;
	wr_u32(w, RECORD_MAGIC);
	wr_u32(w, (uint32_t)length);
	wr_u64(w, checksum(payload, length));
	wr_bytes(w, payload, length);
	return wr_failed(w) ? -ENOBUFS : 0;
}

int aaa_record_write(int fd, off_t *end, const struct writer *w)
{
	int r = write_all(fd, w->data, w->length, *end);
	if (r < 0)
		(void)!ftruncate(fd, *end);
	else
		*end += (off_t)w->length;
	return r;
}

int aaa_record_append(int fd, off_t *end, const void *payload, size_t length)
{
	struct writer w = wr_make(HEADER_SIZE + AAA_RECORD_MAX);
	int r = aaa_record_encode(&w, payload, length);
	if (r == 0)
		r = aaa_record_write(fd, end, &w);
	wr_free(&w);
	return r;
}

int aaa_record_read(int fd, off_t *at, uint8_t ret[AAA_RECORD_MAX], size_t *ret_length)
{
	uint8_t header[HEADER_SIZE];
	if (pread(fd, header, sizeof(header), *at) != (ssize_t)sizeof(header))
		return -ENODATA;
	struct reader r = rd_make(header, sizeof(header));
	uint32_t magic = rd_u32(&r), length = rd_u32(&r);
	uint64_t sum = rd_u64(&r);
	if (magic != RECORD_MAGIC || length > AAA_RECORD_MAX ||
	        pread(fd, ret, length, *at + HEADER_SIZE) != (ssize_t)length || checksum(ret, length) != sum)
		return -ENODATA;
	*at += HEADER_SIZE + (off_t)length;
	*ret_length = length;
	return 0;
}

int aaa_record_sync_directory(const char *directory, struct error *err)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 || fsync(fd) < 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	return r < 0 ? error_set(err, r, "%s: %s", directory, strerror(-r)) : 0;
}
