/* SPDX-License-Identifier: ISC */
/*
 * Version orders as order-preserving keys: a version is turned once into bytes whose memcmp() order is the
 * order of its ecosystem's own tool, and whose equality is that tool's equality. Comparing is memcmp(), an
 * index can store keys, and an order made this way is total whatever the input. Linear time, no recursion, no
 * allocation.
 */
#pragma once

#include "base/error.h"
#include "vuln/vuln.h"
#include <string.h>

#define VERSION_MAX 1024 /* bytes of a version; longer ones are invalid */
#define VERSION_KEY_MAX (4 * VERSION_MAX + 64)

struct version_key {
	size_t length;
	uint8_t bytes[VERSION_KEY_MAX];
};

/* -EINVAL with the reason where the ecosystem does not allow the version. */
int version_key_make(
        enum version_ecosystem e, const char *version, struct version_key *ret, struct error *err);
/* The same, and a key also for what the ecosystem's tool orders although it is no valid version: "1.2.3beta"
 * and "v 1.2.3" of npm's loose mode, PyPI's legacy versions, "1.0bc" of apk. For tables and for whoever asks;
 * nothing that is installed is judged by it. */
int version_key_make_loosely(
        enum version_ecosystem e, const char *version, struct version_key *ret, struct error *err);
int version_compare_loosely(
        enum version_ecosystem e, const char *a, const char *b, int *ret_order, struct error *err);

const char *version_ecosystem_name(enum version_ecosystem e); /* "dpkg", ... */

static inline int version_key_order_bytes(
        const uint8_t *a, size_t a_length, const uint8_t *b, size_t b_length)
{
	int order = memcmp(a, b, MIN(a_length, b_length));
	return order ? order : (a_length > b_length) - (a_length < b_length);
}
static inline int version_key_order(const struct version_key *a, const struct version_key *b)
{
	return version_key_order_bytes(a->bytes, a->length, b->bytes, b->length);
}
