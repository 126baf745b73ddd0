/* SPDX-License-Identifier: ISC */
#include "policy/arena.h"

#include <stdio.h>
#include <string.h>

#define ARENA_BLOCK 8192u
#define ARENA_ALIGN 16u

struct arena_block {
	struct arena_block *next;
	size_t used, size;
	max_align_t data[];
};

struct policy_arena {
	struct arena_block *blocks;
};

struct policy_arena *policy_arena_new(void)
{
	return xcalloc(1, sizeof(struct policy_arena));
}

struct policy_arena *policy_arena_free(struct policy_arena *a)
{
	if (!a)
		return NULL;
	for (struct arena_block *b = a->blocks, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	free(a);
	return NULL;
}

void *policy_arena_alloc(struct policy_arena *a, size_t n)
{
	struct arena_block *b = a->blocks;
	if (n > SIZE_MAX / 2)
		abort();
	n = (n + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
	if (!b || b->size - b->used < n) {
		size_t size = MAX(n, ARENA_BLOCK);
		b = xcalloc(1, sizeof(*b) + size);
		b->size = size;
		b->next = a->blocks;
		a->blocks = b;
	}
	void *p = (char *)b->data + b->used;
	b->used += n;
	return p;
}

char *policy_arena_string_n(struct policy_arena *a, const char *s, size_t n)
{
	char *copy = policy_arena_alloc(a, n + 1);
	memcpy(copy, s, n);
	return copy;
}

char *policy_arena_string(struct policy_arena *a, const char *s)
{
	return s ? policy_arena_string_n(a, s, strlen(s)) : NULL;
}

char *policy_arena_format(struct policy_arena *a, const char *format, ...)
{
	va_list ap, again;
	va_start(ap, format);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	char *text = policy_arena_alloc(a, (size_t)MAX(n, 0) + 1);
	if (n > 0)
		(void)vsnprintf(text, (size_t)n + 1, format, again);
	va_end(again);
	return text;
}

char *policy_arena_shown(struct policy_arena *a, const char *s, size_t most)
{
	size_t n = strnlen(s, most + 1);
	char *copy =
	        n > most ? policy_arena_format(a, "%.*s...", (int)most, s) : policy_arena_string_n(a, s, n);
	for (char *c = copy; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	return copy;
}
