/* SPDX-License-Identifier: ISC */
#include "vuln/repomd.h"

#include "vuln/xml.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct parse {
	const char *type;
	struct repomd_data data;
	bool inside, found;
	char digest_type[16]; /* of the checksum at hand */
};

/* Of plain characters, downwards, and below repodata or beside it. */
static bool is_href(const char *href)
{
	size_t n = strspn(href, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.+~/");
	return n > 0 && n < REPOMD_HREF_MAX && !href[n] && *href != '/' && *href != '.' &&
	        href[n - 1] != '/' && !strstr(href, "..") && !strstr(href, "//");
}

static void on_start(struct xml *x, int depth, const char *name, const char **attributes, void *user)
{
	struct parse *p = user;
	if (depth == 1 && strcmp(name, "repomd") != 0) {
		xml_stop(x, -EINVAL, "the first element is not <repomd>");
	} else if (depth == 2 && strcmp(name, "data") == 0 &&
	        strcmp(xml_attribute(attributes, "type"), p->type) == 0) {
		if (p->found)
			xml_stop(x, -EINVAL, "there are two of its type");
		p->inside = p->found = true;
	} else if (p->inside && depth == 3 && strcmp(name, "location") == 0) {
		const char *href = xml_attribute(attributes, "href");
		if (!is_href(href) || *xml_attribute(attributes, "xml:base"))
			xml_stop(x, -EINVAL, "a location that is not below the repository");
		else
			snprintf(p->data.href, sizeof(p->data.href), "%s", href);
	} else if (p->inside && depth == 3) {
		snprintf(p->digest_type, sizeof(p->digest_type), "%s", xml_attribute(attributes, "type"));
	}
}

static void take_digest(struct xml *x, const char *type, const char *text, struct repomd_digest *ret)
{
	static const struct {
		const char *name;
		enum proof_digest kind;
		size_t digits;
	} digests[] = { { "sha256", PROOF_SHA256, 64 }, { "sha512", PROOF_SHA512, 128 } };
	text += strspn(text, " \t\r\n");
	size_t n = strspn(text, "0123456789abcdef"), rest = n + strspn(text + n, " \t\r\n");
	for (size_t i = 0; i < ARRAY_LENGTH(digests); i++)
		if (strcmp(type, digests[i].name) == 0 && n == digests[i].digits && !text[rest]) {
			ret->kind = digests[i].kind;
			snprintf(ret->hex, sizeof(ret->hex), "%.*s", (int)n, text);
			return;
		}
	xml_stop(x, -EINVAL, "a checksum that is neither SHA-256 nor SHA-512");
}

/* Some write fractions of a second. */
static uint64_t take_number(struct xml *x, const char *text)
{
	char *end;
	errno = 0;
	text += strspn(text, " \t\r\n");
	unsigned long long n = strtoull(text, &end, 10);
	bool ends = !*end || strchr(". \t\r\n", *end);
	if (*text >= '0' && *text <= '9' && !errno && n <= INT64_MAX / 1000 && ends)
		return n;
	xml_stop(x, -EINVAL, "a number that is none");
	return 0;
}

static void on_end(struct xml *x, int depth, const char *name, const char *text, void *user)
{
	struct parse *p = user;
	if (depth == 2)
		p->inside = false;
	if (depth != 3 || !p->inside || !text)
		return;
	if (strcmp(name, "checksum") == 0)
		take_digest(x, p->digest_type, text, &p->data.packed);
	else if (strcmp(name, "open-checksum") == 0)
		take_digest(x, p->digest_type, text, &p->data.open);
	else if (strcmp(name, "size") == 0)
		p->data.size = take_number(x, text);
	else if (strcmp(name, "open-size") == 0)
		p->data.open_size = take_number(x, text);
	else if (strcmp(name, "timestamp") == 0)
		p->data.timestamp = (time_ms)take_number(x, text) * 1000;
}

int repomd_read(const char *text, size_t length, const char *type, struct repomd_data *ret, struct error *err)
{
	static const struct xml_events events = { on_start, on_end };
	struct parse p = { .type = type };
	int r = xml_read(text, length, &events, &p, err);
	if (r < 0)
		return r;
	if (!p.found)
		return error_set(err, -ENOENT, "the repository has no %s", type);
	if (!*p.data.href || !*p.data.packed.hex)
		return error_set(err, -EINVAL, "the %s has no location or no checksum", type);
	*ret = p.data;
	return 0;
}

bool repomd_digest_is(const struct repomd_digest *digest, const void *bytes, size_t length)
{
	return proof_digest_is(digest->kind, digest->hex, strlen(digest->hex), bytes, length);
}
