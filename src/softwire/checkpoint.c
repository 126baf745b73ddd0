/* SPDX-License-Identifier: ISC */
#include "softwire/checkpoint.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "pratique-sw " PRATIQUE_VERSION

struct slot {
	_Atomic uint32_t length; /* 0: empty */
	uint32_t sum;
	uint8_t bytes[];
};
_Static_assert(sizeof(struct slot) == CHECKPOINT_SLOT_HEADER, "slots are packed");

struct checkpoint {
	uint8_t *memory; /* slots; the first one has MAGIC, and as its length how many were ever used: pages
	                    behind stay holes */
	size_t count, slot_size;
	uint8_t *claimed;
	size_t free_from; /* no free slot below */
};

static struct slot *slot_at(const struct checkpoint *c, size_t i)
{
	return (struct slot *)(void *)(c->memory + i * c->slot_size);
}

static size_t size_for(size_t record_max)
{
	return (CHECKPOINT_SLOT_HEADER + record_max + 7) & ~(size_t)7;
}

/* FNV-1a: against half-written records, not against anybody. */
static uint32_t sum_of(const uint8_t *bytes, size_t length)
{
	uint32_t sum = 2166136261u;
	for (size_t i = 0; i < length; i++)
		sum = (sum ^ bytes[i]) * 16777619u;
	return sum;
}

int checkpoint_make(size_t slots, size_t record_max, struct error *err)
{
	int fd = memfd_create("sessions", MFD_CLOEXEC);
	if (fd < 0)
		return error_set(err, -errno, "memfd_create: %s", strerror(errno));
	if (ftruncate(fd, (off_t)((slots + 1) * size_for(record_max))) < 0) {
		int code = error_set(err, -errno, "memory for %zu sessions: %s", slots, strerror(errno));
		close(fd);
		return code;
	}
	return fd;
}

int checkpoint_open(int fd, size_t record_max, struct checkpoint **ret, struct error *err)
{
	const size_t slot_size = size_for(record_max);
	struct stat st;
	if (fstat(fd, &st) < 0 || st.st_size < (off_t)(2 * slot_size))
		return error_set(err, -EINVAL, "not the memory of sessions");
	void *memory = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		return error_set(err, -errno, "mmap: %s", strerror(errno));
	close(fd);
	struct checkpoint *c = xcalloc(1, sizeof(*c));
	c->memory = memory;
	c->slot_size = slot_size;
	c->count = (size_t)st.st_size / slot_size;
	c->claimed = xcalloc(c->count, 1);
	c->claimed[0] = 1;
	struct slot *first = slot_at(c, 0);
	if (memcmp(first->bytes, MAGIC, sizeof(MAGIC)) != 0) {
		for (size_t i = 1; i < MIN((size_t)first->length, c->count); i++)
			atomic_store(&slot_at(c, i)->length, 0);
		memcpy(first->bytes, MAGIC, sizeof(MAGIC));
	}
	*ret = c;
	return 0;
}

struct checkpoint *checkpoint_close(struct checkpoint *c)
{
	if (!c)
		return NULL;
	munmap(c->memory, c->count * c->slot_size);
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
			if (i >= slot_at(c, 0)->length)
				slot_at(c, 0)->length = (uint32_t)i + 1;
			return (int)i;
		}
	return -ENOSPC;
}

int checkpoint_write(struct checkpoint *c, int slot, const void *bytes, size_t length)
{
	struct slot *s = slot_at(c, (size_t)slot);
	atomic_store_explicit(&s->length, 0, memory_order_release);
	atomic_thread_fence(memory_order_seq_cst);
	if (length == 0 || length > c->slot_size - CHECKPOINT_SLOT_HEADER)
		return -E2BIG;
	memcpy(s->bytes, bytes, length);
	s->sum = sum_of(s->bytes, length);
	atomic_store_explicit(&s->length, (uint32_t)length, memory_order_release);
	return 0;
}

void checkpoint_clear(struct checkpoint *c, int slot)
{
	atomic_store(&slot_at(c, (size_t)slot)->length, 0);
}

void checkpoint_release(struct checkpoint *c, int slot)
{
	checkpoint_clear(c, slot);
	c->claimed[slot] = 0;
	if ((size_t)slot < c->free_from)
		c->free_from = (size_t)slot;
}

int checkpoint_next(struct checkpoint *c, size_t *at, const uint8_t **ret_bytes, size_t *ret_length)
{
	for (size_t i = *at ? *at : 1; i < MIN((size_t)slot_at(c, 0)->length, c->count); i++) {
		struct slot *s = slot_at(c, i);
		uint32_t length = atomic_load(&s->length);
		if (length == 0 || c->claimed[i])
			continue;
		if (length > c->slot_size - CHECKPOINT_SLOT_HEADER || sum_of(s->bytes, length) != s->sum) {
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
