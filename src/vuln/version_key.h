/* SPDX-License-Identifier: ISC */
/* What the version orders write their keys with; private to src/vuln/version*.c. */
#pragma once

#include "vuln/version.h"
#include <errno.h>
#include <stdbool.h>

/* The part of a version that is still to be read. */
struct version_text {
	const char *at, *end;
};

/* One order each: the tool's grammar in, the key out. The text has no outer white space and is not empty. */
int version_dpkg_key(struct version_text t, struct version_key *ret, struct error *err);
int version_rpm_key(struct version_text t, struct version_key *ret, struct error *err);
int version_apk_key(struct version_text t, struct version_key *ret, struct error *err);
int version_semver_key(struct version_text t, struct version_key *ret, struct error *err);
int version_pypi_key(struct version_text t, struct version_key *ret, struct error *err);
int version_maven_key(struct version_text t, struct version_key *ret, struct error *err);
int version_gem_key(struct version_text t, struct version_key *ret, struct error *err);
int version_nuget_key(struct version_text t, struct version_key *ret, struct error *err);
int version_packagist_key(struct version_text t, struct version_key *ret, struct error *err);
int version_numbers_key(struct version_text t, struct version_key *ret, struct error *err);
int version_cran_key(struct version_text t, struct version_key *ret, struct error *err);
int version_pub_key(struct version_text t, struct version_key *ret, struct error *err);
int version_alpm_key(struct version_text t, struct version_key *ret, struct error *err);
int version_gentoo_key(struct version_text t, struct version_key *ret, struct error *err);
int version_conan_key(struct version_text t, struct version_key *ret, struct error *err);
int version_openssl_key(struct version_text t, struct version_key *ret, struct error *err);
int version_datetime_key(struct version_text t, struct version_key *ret, struct error *err);
int version_lexicographic_key(struct version_text t, struct version_key *ret, struct error *err);

/* The same for what the tool orders although it is no version of the ecosystem. */
int version_apk_loose_key(struct version_text t, struct version_key *ret, struct error *err);
int version_semver_loose_key(struct version_text t, struct version_key *ret, struct error *err);
int version_pub_loose_key(struct version_text t, struct version_key *ret, struct error *err);
int version_pypi_loose_key(struct version_text t, struct version_key *ret, struct error *err);

/* The tool's own comparison, where it goes in circles or equals what is not equal, so that keys cannot do the
 * same. Packagist's takes any text, the others valid versions. */
int version_maven_compare(struct version_text a, struct version_text b);
int version_alpm_compare(struct version_text a, struct version_text b);
int version_packagist_compare(struct version_text a, struct version_text b);

/* What follows the numbers of a semantic version, to its end: [-pre-release][+build]. */
enum { SEMVER_FOLD_CASE = 1, SEMVER_ORDER_BUILD = 2, SEMVER_LOOSE = 4 };
int version_put_semver_rest(struct version_text *t, unsigned flags, struct version_key *k, struct error *err);

static inline bool version_is_digit(char c)
{
	return c >= '0' && c <= '9';
}
static inline bool version_is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
static inline char version_to_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}
/* The next byte, or NUL at the end (a version holds no NUL). */
static inline char version_peek(const struct version_text *t)
{
	return t->at < t->end ? *t->at : '\0';
}
static inline bool version_take(struct version_text *t, char c)
{
	if (version_peek(t) != c)
		return false;
	t->at++;
	return true;
}
/* Takes a run of digits, which may be empty. */
static inline struct version_text version_take_digits(struct version_text *t)
{
	struct version_text run = { t->at, t->at };
	while (run.end < t->end && version_is_digit(*run.end))
		run.end++;
	t->at = run.end;
	return run;
}
/* Takes a run of letters, which may be empty. */
static inline struct version_text version_take_letters(struct version_text *t)
{
	struct version_text run = { t->at, t->at };
	while (run.end < t->end && version_is_alpha(*run.end))
		run.end++;
	t->at = run.end;
	return run;
}
static inline size_t version_length(struct version_text t)
{
	return (size_t)(t.end - t.at);
}
/* Whether the text is this word (in lower case), without regard to case. */
static inline bool version_is_word(struct version_text t, const char *word)
{
	for (; t.at < t.end && *word; t.at++, word++)
		if (version_to_lower(*t.at) != *word)
			return false;
	return t.at == t.end && !*word;
}

/* A byte of a version rarely yields more than four bytes of key. A key that is full is cut, and its version
 * is refused for it (version.c): what is cut would equal what differs behind the cut. */
static inline void version_put(struct version_key *k, uint8_t byte)
{
	if (k->length < VERSION_KEY_MAX)
		k->bytes[k->length++] = byte;
}
static inline void version_put_text(struct version_key *k, struct version_text t)
{
	for (; t.at < t.end; t.at++)
		version_put(k, (uint8_t)*t.at);
}
/* A number of any size: leading zeros dropped, the count of digits in front, so that more digits sort higher.
 */
static inline void version_put_number(struct version_key *k, struct version_text digits)
{
	while (digits.at < digits.end && *digits.at == '0')
		digits.at++;
	size_t n = version_length(digits);
	if (n >= 0xff) {
		version_put(k, 0xff);
		version_put(k, (uint8_t)(n >> 8));
	}
	version_put(k, (uint8_t)n);
	version_put_text(k, digits);
}
/* In lower case, with a NUL behind it. */
static inline void version_put_lower(struct version_key *k, struct version_text t)
{
	for (; t.at < t.end; t.at++)
		version_put(k, (uint8_t)version_to_lower(*t.at));
	version_put(k, 0);
}
/* A count of what a version has, at most VERSION_MAX. */
static inline void version_put_count(struct version_key *k, size_t n)
{
	if (n >= 0xfe) {
		version_put(k, 0xfe);
		version_put(k, (uint8_t)(n >> 8));
	}
	version_put(k, (uint8_t)n);
}
/* The same, but the smaller count sorts higher. */
static inline void version_put_count_down(struct version_key *k, size_t n)
{
	if (n >= 0xfe) {
		version_put(k, 0x01);
		version_put(k, (uint8_t) ~(n >> 8));
	}
	version_put(k, (uint8_t)~n);
}

/* -EINVAL where white space or a control character is in it. */
int version_check_visible(struct version_text t, struct error *err);
/* Checks the whole text that way, then takes "EPOCH:" from its front; the epoch is empty where there is none.
 */
int version_take_epoch(struct version_text *t, struct version_text *ret_epoch, struct error *err);
