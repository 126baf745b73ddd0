/* SPDX-License-Identifier: ISC */
#include "softwire/checkpoint.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLOT_SIZE 1536
#define MAGIC "pratique-sw " PRATIQUE_VERSION

struct slot {
	_Atomic uint32_t length; /* 0: empty */
	uint32_t sum;
	uint8_t bytes[SLOT_SIZE - 8];
};
_Static_assert(sizeof(struct slot) == SLOT_SIZE, "slots are packed");
_Static_assert(CHECKPOINT_RECORD_MAX <= SLOT_SIZE - 8, "a record fits");

struct checkpoint {
	struct slot *slots; /* the first one has MAGIC, and as its length how many were ever used: pages
	                       behind stay holes */
	size_t count;
	uint8_t *claimed;
	size_t free_from; /* no free slot below */
};

/* FNV-1a: against half-written records, not against anybody. */
static uint32_t sum_of(const uint8_t *bytes, size_t length)
{
	uint32_t sum = 2166136261u;
	for (size_t i = 0; i < length; i++)
		sum = (sum ^ bytes[i]) * 16777619u;
	return sum;
}

int checkpoint_make(size_t slots, struct error *err)
{
	int fd = memfd_create("sessions", MFD_CLOEXEC);
	if (fd < 0)
		return error_set(err, -errno, "memfd_create: %s", strerror(errno));
	if (ftruncate(fd, (off_t)((slots + 1) * SLOT_SIZE)) < 0) {
		int code = error_set(err, -errno, "memory for %zu sessions: %s", slots, strerror(errno));
		close(fd);
		return code;
	}
	return fd;
}

int checkpoint_open(int fd, struct checkpoint **ret, struct error *err)
{
	struct stat st;
	if (fstat(fd, &st) < 0 || st.st_size < 2 * SLOT_SIZE)
		return error_set(err, -EINVAL, "not the memory of sessions");
	void *memory = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		return error_set(err, -errno, "mmap: %s", strerror(errno));
	close(fd);
	struct checkpoint *c = xcalloc(1, sizeof(*c));
	c->slots = memory;
	c->count = (size_t)st.st_size / SLOT_SIZE;
	c->claimed = xcalloc(c->count, 1);
	c->claimed[0] = 1;
	if (memcmp(c->slots[0].bytes, MAGIC, sizeof(MAGIC)) != 0) {
		for (size_t i = 1; i < MIN((size_t)c->slots[0].length, c->count); i++)
			atomic_store(&c->slots[i].length, 0);
		memcpy(c->slots[0].bytes, MAGIC, sizeof(MAGIC));
	}
	*ret = c;
	return 0;
}

struct checkpoint *checkpoint_close(struct checkpoint *c)
{
	if (!c)
		return NULL;
	munmap(c->slots, c->count * SLOT_SIZE);
	free(c->claimed);
	free(c);
	return NULL;
}

int checkpoint_claim(struct checkpoint *c)
{
	for (size_t i = c->free_from; i < c->count; i++)
		if (!c->claimed[i]) {
			c->claimed[i] = 1;
			c->free_from = i + 1;
			if (i >= c->slots[0].length)
				c->slots[0].length = (uint32_t)i + 1;
			return (int)i;
		}
	return -ENOSPC;
}

int checkpoint_write(struct checkpoint *c, int slot, const void *bytes, size_t length)
{
	struct slot *s = &c->slots[slot];
	atomic_store_explicit(&s->length, 0, memory_order_release);
	atomic_thread_fence(memory_order_seq_cst);
	if (length == 0 || length > CHECKPOINT_RECORD_MAX)
		return -E2BIG;
	memcpy(s->bytes, bytes, length);
	s->sum = sum_of(s->bytes, length);
	atomic_store_explicit(&s->length, (uint32_t)length, memory_order_release);
	return 0;
}

void checkpoint_release(struct checkpoint *c, int slot)
{
	atomic_store(&c->slots[slot].length, 0);
	c->claimed[slot] = 0;
	if ((size_t)slot < c->free_from)
		c->free_from = (size_t)slot;
}

int checkpoint_next(struct checkpoint *c, size_t *at, const uint8_t **ret_bytes, size_t *ret_length)
{
	for (size_t i = *at ? *at : 1; i < MIN((size_t)c->slots[0].length, c->count); i++) {
		struct slot *s = &c->slots[i];
		uint32_t length = atomic_load(&s->length);
		if (length == 0 || c->claimed[i])
			continue;
		if (length > CHECKPOINT_RECORD_MAX || sum_of(s->bytes, length) != s->sum) {
			atomic_store(&s->length, 0);
			continue;
		}
		c->claimed[i] = 1;
		*at = i + 1;
		*ret_bytes = s->bytes;
		*ret_length = length;
		return (int)i;
	}
	return -ENOENT;
}
