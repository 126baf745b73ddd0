/* SPDX-License-Identifier: ISC */
/* Small language helpers that every room uses: cleanup attributes, array length, memory that is checked. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))
#define CLEANUP(function) __attribute__((cleanup(function)))
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))
#define MUST_CHECK __attribute__((warn_unused_result))
/* A large local whose every byte is written before it is read: the compiler need not clear it first. */
#if defined(__has_attribute) && __has_attribute(uninitialized)
#define NOT_CLEARED __attribute__((uninitialized))
#else
#define NOT_CLEARED
#endif
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

static inline void free_pointer(void *p)
{
	free(*(void **)p);
}
#define FREE_ON_EXIT CLEANUP(free_pointer)

/* Hands a pointer over: yields it and leaves NULL behind, so that a cleanup attribute does not free it. */
#define TAKE_POINTER(p) \
	({ \
		__typeof__(p) taken_ = (p); \
		(p) = NULL; \
		taken_; \
	})

/* Allocation that cannot fail in the way the caller must handle: on exhaustion these abort with a log line.
 * Sizes that a peer chooses are bounded by a named limit before they get here. */
void *xmalloc(size_t n);
void *xcalloc(size_t n, size_t size);
void *xrealloc_array(void *p, size_t n, size_t size);
char *xstrdup(const char *s);                 /* NULL in, NULL out */
char *xstrndup(const char *s, size_t length); /* copies exactly up to length bytes, adds the NUL */
char *xasprintf(const char *format, ...) PRINTF_LIKE(1, 2);
void *xmemdup(const void *p, size_t n);

/* Makes room for one more element in a growing array: items is T *, capacity and count are size_t. */
#define ARRAY_RESERVE_ONE(items, count, capacity) \
	do { \
		if ((count) == (capacity)) { \
			(capacity) = (capacity) ? (capacity)*2 : 8; \
			(items) = xrealloc_array((items), (capacity), sizeof(*(items))); \
		} \
	} while (0)
