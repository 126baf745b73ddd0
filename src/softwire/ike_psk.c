/* SPDX-License-Identifier: ISC */
#include "softwire/ike_psk.h"

#include "base/cursor.h"
#include "base/file.h"
#include "base/table.h"
#include "crypto/base64.h"
#include "softwire/ike.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct reading {
	const char *path;
	struct error_report errors;
};

static void complain(struct reading *r, unsigned line, const char *text)
{
	error_report_add(&r->errors, "%s:%u: %s", r->path, line, text);
}

/* What charon would take for more than one peer: wildcards, networks and ranges of addresses, and its words
 * for a type, by which the same can be written in hexadecimal. */
static bool names_several(const char *identity)
{
	static const char *const types[] = { "ipv4net:", "ipv6net:", "ipv4range:", "ipv6range:" };
	char first[IP_TEXT_SIZE];
	struct ip_address ip;
	if (strpbrk(identity, "*#") || *identity == '{' || strncmp(identity, "%any", 4) == 0)
		return true;
	for (size_t i = 0; i < ARRAY_LENGTH(types); i++)
		if (strncasecmp(identity, types[i], strlen(types[i])) == 0)
			return true;
	size_t length = strcspn(identity, "/-");
	if (!identity[length] || length >= sizeof(first))
		return false;
	memcpy(first, identity, length);
	first[length] = '\0';
	return ip_parse(first, &ip) == 0;
}

int ike_identity_check(const char *identity, struct error *err)
{
	if (!*identity || strlen(identity) > IKE_IDENTITY_MAX)
		return error_set(err, -EINVAL, "an identity has 1 to %d characters", IKE_IDENTITY_MAX);
	for (const unsigned char *c = (const unsigned char *)identity; *c; c++)
		if (*c < ' ' || *c >= 0x7f || strchr("\"\\", *c))
			return error_set(err, -EINVAL, "an identity is printable ASCII without \" and \\");
	if (names_several(identity))
		return error_set(err, -EINVAL, "\"%s\" is not one peer's identity", identity);
	return 0;
}

static bool decode_hex(const char *text, size_t n, struct ike_psk *k)
{
	if (n % 2 || n / 2 > sizeof(k->secret))
		return false;
	for (size_t i = 0; i < n; i += 2) {
		int high = text_hex_digit(text[i]), low = text_hex_digit(text[i + 1]);
		if (high < 0 || low < 0)
			return false;
		k->secret[k->length++] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static bool decode_secret(const char *text, struct ike_psk *k)
{
	size_t n = strlen(text);
	if (strncmp(text, "0x", 2) == 0)
		return decode_hex(text + 2, n - 2, k);
	if (strncmp(text, "0s", 2) == 0)
		return base64_decode(text + 2, n - 2, k->secret, sizeof(k->secret), &k->length) == 0;
	if (n > sizeof(k->secret))
		return false;
	memcpy(k->secret, text, n);
	k->length = n;
	return true;
}

/* Cuts IDENTITY off the front, in place; NULL where the line is not IDENTITY SECRET. */
static char *cut_identity(char *line, char **ret_secret)
{
	bool quoted = *line == '"';
	char *identity = quoted ? line + 1 : line;
	char *end = quoted ? strchr(identity, '"') : identity + strcspn(identity, " \t");
	if (!end || !*end)
		return NULL;
	char *secret = end + 1 + strspn(end + 1, " \t");
	if (quoted && secret == end + 1)
		return NULL;
	*end = '\0';
	*ret_secret = secret;
	return identity;
}

static void read_line(struct reading *r, char *line, unsigned number, struct ike_psk_list *l)
{
	struct error e;
	char *secret = NULL;
	line += strspn(line, " \t");
	for (size_t n = strlen(line); n && strchr(" \t\r", line[n - 1]); n--)
		line[n - 1] = '\0';
	if (!*line || *line == '#')
		return;
	const char *identity = cut_identity(line, &secret);
	if (!identity || !*secret) {
		complain(r, number, "IDENTITY SECRET is expected");
	} else if (ike_identity_check(identity, &e) < 0) {
		complain(r, number, e.text);
	} else if (l->count == l->capacity) {
		complain(r, number, "more peers than a file may have");
	} else {
		struct ike_psk k = { .line = number };
		if (!decode_secret(secret, &k))
			complain(r, number,
			        "the secret is not hexadecimal (0x), base64 (0s) or a text of 256 bytes at "
			        "most");
		else if (k.length < IKE_PSK_MIN)
			complain(r, number, "the secret has less than 16 bytes: it could be guessed");
		k.identity = xstrdup(identity);
		l->items[l->count++] = k;
		OPENSSL_cleanse(&k, sizeof(k));
	}
}

/* Identities are compared as charon compares them, without regard to case. */
static void find_repeated(struct reading *r, const struct ike_psk_list *l)
{
	struct table *identities = table_new(), *secrets = table_new();
	char text[160];
	for (size_t i = 0; i < l->count; i++) {
		struct ike_psk *k = &l->items[i], *first;
		char *lower = xstrdup(k->identity);
		for (char *c = lower; *c; c++)
			*c = *c >= 'A' && *c <= 'Z' ? (char)(*c | 0x20) : *c;
		if ((first = table_set_string(identities, lower, k))) {
			snprintf(text, sizeof(text), "this peer has another key in line %u", first->line);
			complain(r, k->line, text);
		}
		free(lower);
		uint8_t digest[SHA256_DIGEST_LENGTH];
		SHA256(k->secret, k->length, digest);
		if (k->length && (first = table_set(secrets, digest, sizeof(digest), k))) {
			snprintf(text, sizeof(text),
			        "the key is that of line %u: peers that share a key can impersonate each "
			        "other; give "
			        "each its own",
			        first->line);
			complain(r, k->line, text);
		}
	}
	table_free(identities, NULL);
	table_free(secrets, NULL);
}

int ike_psk_load(
        const char *path, struct ike_psk_list *ret, void (*report)(const char *text), struct error *err)
{
	struct reading r = { path, { report, err, 0 } };
	struct ike_psk_list l = { 0 };
	struct error e = { "" };
	char *data = NULL, *rest;
	size_t length = 0;
	unsigned number = 0;
	int failed = file_check_private(path, &e);
	if (failed == 0)
		failed = file_read(path, IKE_PSK_FILE_MAX, &data, &length, &e);
	if (failed < 0 || !data) {
		if (report)
			report(e.text);
		return error_set(err, failed, "%s", e.text);
	}
	/* All the room at once: growing would leave copies of keys behind. */
	for (const char *c = data; (c = strchr(c, '\n')) && l.capacity < IKE_PSK_MAX; c++)
		l.capacity++;
	l.items = xcalloc(++l.capacity, sizeof(*l.items));
	rest = data;
	for (char *line; (line = strsep(&rest, "\n"));)
		read_line(&r, line, ++number, &l);
	find_repeated(&r, &l);
	OPENSSL_cleanse(data, length);
	free(data);
	if (r.errors.result == 0 && l.count == 0)
		complain(&r, 1, "no peer has a key here");
	if (r.errors.result < 0)
		ike_psk_clear(&l);
	else
		*ret = l;
	return r.errors.result;
}

const struct ike_psk *ike_psk_find(const struct ike_psk_list *l, const char *identity)
{
	for (size_t i = 0; i < l->count; i++)
		if (strcasecmp(l->items[i].identity, identity) == 0)
			return &l->items[i];
	return NULL;
}

void ike_psk_clear(struct ike_psk_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->items[i].identity);
	if (l->items)
		OPENSSL_cleanse(l->items, l->capacity * sizeof(*l->items));
	free(l->items);
	*l = (struct ike_psk_list){ 0 };
}
