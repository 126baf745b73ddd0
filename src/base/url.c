/* SPDX-License-Identifier: ISC */
#include "base/url.h"

#include "base/address.h"
#include "base/cursor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define HOST_MAX 253 /* RFC 1035 2.3.4, as text */
#define LABEL_MAX 63

static const char alphanumeric[] = "abcdefghijklmnopqrstuvwxyz0123456789";
static const char unreserved[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";

struct output {
	char *at;
	size_t n;
	bool full;
};

static void put(struct output *o, const char *bytes, size_t n)
{
	if (o->full || n > URL_MAX - o->n) {
		o->full = true;
		return;
	}
	memcpy(o->at + o->n, bytes, n);
	o->n += n;
	o->at[o->n] = '\0';
}

static int refuse(struct error *err, const char *text, const char *why)
{
	return error_set(err, -EINVAL, "\"%.200s\": %s", text, why);
}

/* ---- the authority ---- */

/* [2001:db8::1]; a zone is no part of it, and what is an IPv4 address is written as one. */
static bool put_address6(struct output *o, const char *host, size_t n)
{
	char text[IP_TEXT_SIZE], formatted[IP_TEXT_SIZE];
	struct ip_address address;
	if (n < 2 || host[n - 1] != ']' || n - 2 >= sizeof(text))
		return false;
	memcpy(text, host + 1, n - 2);
	text[n - 2] = '\0';
	if (!strchr(text, ':') || ip_parse(text, &address) < 0 || ip_is_v4(&address))
		return false;
	ip_format(&address, formatted);
	put(o, "[", 1);
	put(o, formatted, strlen(formatted));
	put(o, "]", 1);
	return true;
}

static bool is_label(const char *label, size_t n)
{
	return n > 0 && n <= LABEL_MAX && label[0] != '-' && label[n - 1] != '-';
}

/* Where the last label begins with a digit, resolvers may take it for an address in a form of theirs: then it
 * is one in the usual form, or none. */
static bool put_name(struct output *o, const char *host, size_t n)
{
	char name[HOST_MAX + 1];
	struct ip_address address;
	size_t label = 0;
	if (n == 0 || n > HOST_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		name[i] = host[i] >= 'A' && host[i] <= 'Z' ? (char)(host[i] + 'a' - 'A') : host[i];
		if (name[i] == '.') {
			if (!is_label(name + label, i - label))
				return false;
			label = i + 1;
		} else if (name[i] != '-' && !memchr(alphanumeric, name[i], sizeof(alphanumeric) - 1)) {
			return false;
		}
	}
	name[n] = '\0';
	if (!is_label(name + label, n - label))
		return false;
	if (name[label] >= '0' && name[label] <= '9' && ip_parse(name, &address) < 0)
		return false;
	put(o, name, n);
	return true;
}

/* Behind the colon; without a number there is none. */
static bool put_port(struct output *o, const char *port, size_t n, unsigned usual)
{
	unsigned number = 0;
	if (n == 0 || n > 5 || port[0] == '0')
		return false;
	for (size_t i = 0; i < n; i++) {
		if (port[i] < '0' || port[i] > '9')
			return false;
		number = number * 10 + (unsigned)(port[i] - '0');
	}
	if (number > UINT16_MAX)
		return false;
	if (number != usual) {
		put(o, ":", 1);
		put(o, port, n);
	}
	return true;
}

static const char *put_authority(struct output *o, const char *authority, size_t n, unsigned usual)
{
	if (memchr(authority, '@', n))
		return "a user name does not belong into it";
	const char *bracket = memchr(authority, ']', n);
	const char *from = bracket ? bracket : authority;
	const char *colon = memchr(from, ':', n - (size_t)(from - authority));
	const size_t n_host = colon ? (size_t)(colon - authority) : n;
	const bool good =
	        n && *authority == '[' ? put_address6(o, authority, n_host) : put_name(o, authority, n_host);
	if (!good)
		return "its host is neither a name nor an address";
	if (colon && !put_port(o, colon + 1, n - n_host - 1, usual))
		return "its port is none";
	return NULL;
}

/* ---- path and query ---- */

/* One "%XX": as it must be. */
static bool put_encoded(struct output *o, const char *at)
{
	const int high = text_hex_digit(at[1]), low = high < 0 ? -1 : text_hex_digit(at[2]);
	char encoded[4];
	if (low < 0)
		return false;
	const char byte = (char)(high << 4 | low);
	if ((unsigned char)byte < ' ' || byte == 0x7f)
		return false;
	if (memchr(unreserved, byte, sizeof(unreserved) - 1)) {
		put(o, &byte, 1);
		return true;
	}
	snprintf(encoded, sizeof(encoded), "%%%02X", (unsigned)(unsigned char)byte);
	put(o, encoded, 3);
	return true;
}

/* RFC 3986 3.3 and 3.4. */
static const char *put_rest(struct output *o, const char *at, size_t n, const char *separators)
{
	for (size_t i = 0; i < n; i++) {
		if (at[i] == '%') {
			if (i + 2 >= n || !put_encoded(o, at + i))
				return "its percent-encoding is none, or of a control character";
			i += 2;
		} else if (memchr(unreserved, at[i], sizeof(unreserved) - 1) ||
		        strchr("!$&'()*+,;=:@", at[i]) || strchr(separators, at[i])) {
			put(o, at + i, 1);
		} else {
			return "a character in it must be percent-encoded";
		}
	}
	return NULL;
}

static bool has_dot_segment(const char *path)
{
	for (const char *at = path; *at == '/';) {
		const size_t n = strcspn(++at, "/");
		if ((n == 1 && at[0] == '.') || (n == 2 && at[0] == '.' && at[1] == '.'))
			return true;
		at += n;
	}
	return false;
}

static const char *put_path(struct output *o, const char *at)
{
	const size_t n = strcspn(at, "?"), begin = o->n;
	const char *why = n ? put_rest(o, at, n, "/") : NULL;
	if (n == 0)
		put(o, "/", 1);
	if (!why && !o->full && has_dot_segment(o->at + begin))
		why = "dot segments do not belong into its path";
	if (why || !at[n])
		return why;
	put(o, "?", 1);
	return put_rest(o, at + n + 1, strlen(at + n + 1), "/?");
}

int url_canonical(const char *text, char ret[URL_MAX + 1], struct error *err)
{
	static const struct {
		const char *text;
		unsigned port;
	} schemes[] = { { "http://", 80 }, { "https://", 443 } };
	struct output o = { .at = ret };
	*ret = '\0';
	if (strchr(text, '#'))
		return refuse(err, text, "a fragment does not belong into it");
	for (size_t i = 0; i < ARRAY_LENGTH(schemes); i++) {
		const size_t n = strlen(schemes[i].text);
		if (strncasecmp(text, schemes[i].text, n) != 0)
			continue;
		const size_t authority = strcspn(text + n, "/?");
		put(&o, schemes[i].text, n);
		const char *why = put_authority(&o, text + n, authority, schemes[i].port);
		if (!why)
			why = put_path(&o, text + n + authority);
		if (!why && o.full)
			why = "it is too long";
		return why ? refuse(err, text, why) : 0;
	}
	return refuse(err, text, "neither an http nor an https URL");
}
