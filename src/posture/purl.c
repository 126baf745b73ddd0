/* SPDX-License-Identifier: ISC */
#include "posture/purl.h"

#include "base/cursor.h"
#include "posture/rpm.h"
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Letters, digits, . - _ ~ stand for themselves, and so does the colon (purl specification, "Character
 * encoding"); a name, a namespace segment and a value encode everything else. */
static bool stands_for_itself(unsigned char c)
{
	return isalnum(c) || c == '.' || c == '-' || c == '_' || c == '~' || c == ':';
}

static void put(struct writer *w, const char *s)
{
	wr_bytes(w, s, strlen(s));
}

static void put_encoded(struct writer *w, const char *s)
{
	static const char digits[] = "0123456789ABCDEF";
	while (*s) {
		size_t n = 0;
		while (stands_for_itself((unsigned char)s[n]))
			n++;
		wr_bytes(w, s, n);
		s += n;
		if (*s) {
			unsigned char c = (unsigned char)*s++;
			const char escape[3] = { '%', digits[c >> 4], digits[c & 15] };
			wr_bytes(w, escape, sizeof(escape));
		}
	}
}

/* Qualifiers in the order of their keys, each after '?' or '&'. */
static void put_qualifier(
        struct writer *w, const char **separator, const char *key, const char *value, const char *version)
{
	put(w, *separator);
	put(w, key);
	put(w, "=");
	put_encoded(w, value);
	if (version) {
		put(w, "%40");
		put_encoded(w, version);
	}
	*separator = "&";
}

static bool differs(const char *a, const char *b)
{
	return a && (!b || strcmp(a, b) != 0);
}

/* Types whose namespace is the distribution. */
static bool is_of_distribution(const char *type)
{
	return strcmp(type, "deb") == 0 || strcmp(type, "rpm") == 0 || strcmp(type, "apk") == 0;
}

/* Vendors whose purls name them otherwise than their os-release does. */
static const char *vendor_namespace(const char *os_id)
{
	if (strcmp(os_id, "rhel") == 0)
		return "redhat";
	if (strcmp(os_id, "sles") == 0 || strcmp(os_id, "sled") == 0)
		return "suse";
	return strncmp(os_id, "opensuse-", 9) == 0 ? "opensuse" : os_id;
}

/* bookworm for Debian's packages, whose tools speak of codenames; rocky-9.3 and alpine-3.18.4 for others. */
static void put_distro(struct writer *w, const struct posture *p, const char *type, const char **separator)
{
	if (strcmp(type, "deb") == 0) {
		const char *distro = p->os_codename ? p->os_codename : p->os_version;
		if (distro)
			put_qualifier(w, separator, "distro", distro, NULL);
	} else if (p->os_version) {
		char *distro FREE_ON_EXIT = xasprintf("%s-%s", p->os_id, p->os_version);
		put_qualifier(w, separator, "distro", distro, NULL);
	}
}

/* The purl specification has the epoch of an rpm apart from its version; 0 where it has none. */
static size_t epoch_length(const struct posture_package *package)
{
	size_t n = strcmp(package->type, "rpm") == 0 ? strspn(package->version, "0123456789") : 0;
	return n > 0 && package->version[n] == ':' && package->version[n + 1] ? n : 0;
}

static char *format(const struct posture *p, const struct posture_package *package, bool with_source)
{
	struct writer w = wr_make(SIZE_MAX);
	size_t length, epoch = epoch_length(package);
	bool distribution = p->os_id && is_of_distribution(package->type);
	put(&w, "pkg:");
	put_encoded(&w, package->type);
	put(&w, "/");
	if (distribution) {
		put_encoded(&w, vendor_namespace(p->os_id));
		put(&w, "/");
	}
	put_encoded(&w, package->name);
	put(&w, "@");
	put_encoded(&w, package->version + (epoch ? epoch + 1 : 0));
	const char *separator = "?";
	if (package->architecture)
		put_qualifier(&w, &separator, "arch", package->architecture, NULL);
	if (distribution)
		put_distro(&w, p, package->type, &separator);
	if (epoch) {
		char *text FREE_ON_EXIT = xstrndup(package->version, epoch);
		put_qualifier(&w, &separator, "epoch", text, NULL);
	}
	bool other_version = differs(package->source_version, package->version);
	if (with_source && package->source && (other_version || differs(package->source, package->name)))
		put_qualifier(&w, &separator, "upstream", package->source,
		        other_version ? package->source_version : NULL);
	wr_u8(&w, '\0');
	return (char *)wr_take(&w, &length);
}

char *posture_purl(const struct posture *p, const struct posture_package *package)
{
	return format(p, package, false);
}

char *purl_with_source(const struct posture *p, const struct posture_package *package)
{
	return format(p, package, true);
}

/* A piece of a purl in a copy of its text, where decoding shortens it; at is NULL where it is not there. */
struct piece {
	char *at;
	size_t length;
};

struct parts {
	struct piece type, namespace, name, version, qualifiers;
};

/* Takes what follows the last separator off the end of *s. */
static struct piece cut_last(struct piece *s, char separator)
{
	char *at = s->length ? memrchr(s->at, separator, s->length) : NULL;
	if (!at)
		return (struct piece){ NULL, 0 };
	struct piece rest = { at + 1, (size_t)(s->at + s->length - at - 1) };
	s->length = (size_t)(at - s->at);
	return rest;
}

/* Takes what stands before the first separator off the front of *s, with the separator. */
static struct piece cut_first(struct piece *s, char separator)
{
	char *at = s->length ? memchr(s->at, separator, s->length) : NULL;
	if (!at)
		return (struct piece){ NULL, 0 };
	struct piece first = { s->at, (size_t)(at - s->at) };
	*s = (struct piece){ at + 1, s->length - first.length - 1 };
	return first;
}

static void skip_slashes(struct piece *s)
{
	for (; s->length && *s->at == '/'; s->at++)
		s->length--;
}

static bool lower_type(struct piece type)
{
	for (size_t i = 0; i < type.length; i++) {
		char *t = &type.at[i];
		if (*t >= 'A' && *t <= 'Z')
			*t = (char)(*t + ('a' - 'A'));
		else if (!(*t >= 'a' && *t <= 'z') && !(*t >= '0' && *t <= '9') && !strchr(".+-", *t))
			return false;
	}
	return true;
}

/* In the order of the specification's "How to parse": from the right, subpath, qualifiers, then from the left
 * scheme and type. */
static const char *split(struct piece rest, struct parts *ret)
{
	(void)cut_last(&rest, '#');
	ret->qualifiers = cut_last(&rest, '?');
	struct piece scheme = cut_first(&rest, ':');
	if (scheme.length != 3 || strncasecmp(scheme.at, "pkg", 3) != 0)
		return "a package URL starts with pkg:";
	skip_slashes(&rest);
	ret->type = cut_first(&rest, '/');
	if (ret->type.length == 0)
		return "a package URL is pkg:TYPE/NAME@VERSION";
	if (!lower_type(ret->type))
		return "a package URL has a type of letters, digits and .+-";
	skip_slashes(&rest);
	ret->version = cut_last(&rest, '@');
	if (!ret->version.at || rest.length == 0 || memchr(ret->version.at, '/', ret->version.length))
		return "a package URL without a version says nothing about an installed package";
	ret->name = cut_last(&rest, '/');
	ret->namespace = ret->name.at ? rest : (struct piece){ NULL, 0 };
	if (!ret->name.at)
		ret->name = rest;
	return NULL;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* In place. -EINVAL for a broken escape, an encoded NUL, nothing at all, or more than a posture string holds.
 */
static int decode(struct piece *s)
{
	const char *end = s->at + s->length;
	char *to = memchr(s->at, '%', s->length);
	for (const char *from = to; from && from < end; from++) {
		if (*from != '%') {
			*to++ = *from;
			continue;
		}
		int high = end - from < 3 ? -1 : hex_digit(from[1]), low = high < 0 ? -1 : hex_digit(from[2]);
		if (low < 0 || (high | low) == 0)
			return -EINVAL;
		*to++ = (char)(high << 4 | low);
		from += 2;
	}
	if (to)
		s->length = (size_t)(to - s->at);
	return s->length == 0 || s->length > POSTURE_STRING_MAX ? -EINVAL : 0;
}

/* The value of one qualifier, still encoded. */
static struct piece find_qualifier(struct piece list, const char *key)
{
	const size_t n = strlen(key);
	while (list.length) {
		struct piece one = cut_first(&list, '&');
		if (!one.at) {
			one = list;
			list.length = 0;
		}
		if (one.length > n && one.at[n] == '=' && strncasecmp(one.at, key, n) == 0)
			return (struct piece){ one.at + n + 1, one.length - n - 1 };
	}
	return (struct piece){ NULL, 0 };
}

/* copy: at least PURL_TEXT_MAX + 1 bytes, which the parts point into: one may write behind each of them. */
static int open_purl(const char *text, size_t length, char *copy, struct parts *ret, struct error *err)
{
	const char *wrong = "longer than a package URL may be";
	if (length <= PURL_TEXT_MAX && memchr(text, '\0', length)) {
		wrong = "a package URL holds no NUL";
	} else if (length <= PURL_TEXT_MAX) {
		memcpy(copy, text, length);
		wrong = split((struct piece){ copy, length }, ret);
	}
	if (!wrong &&
	        (decode(&ret->name) < 0 || decode(&ret->version) < 0 ||
	                (ret->namespace.at && decode(&ret->namespace) < 0)))
		wrong = "a part of a package URL is empty, too long or badly encoded";
	if (!wrong)
		return 0;
	(void)error_set(err, -EINVAL, "%.*s: %s", (int)MIN(length, (size_t)200), text, wrong);
	return -EINVAL;
}

static bool piece_is(struct piece s, const char *text)
{
	return strlen(text) == s.length && memcmp(s.at, text, s.length) == 0;
}

/* Types of the packages that a posture holds are compared everywhere: the usual ones are not copied each
 * time. */
static const char *type_name(struct posture *p, struct piece type)
{
	static const char *const usual[] = { "deb", "rpm", "apk", "npm", "pypi" };
	for (size_t i = 0; i < ARRAY_LENGTH(usual); i++)
		if (piece_is(type, usual[i]))
			return usual[i];
	return posture_string_n(p, type.at, type.length);
}

/* It is mostly that of the package before. */
static const char *architecture_name(struct posture *p, struct piece architecture)
{
	const char *last = p->n_packages ? p->packages[p->n_packages - 1].architecture : NULL;
	if (!architecture.at || decode(&architecture) < 0)
		return NULL;
	return last && piece_is(architecture, last)
	        ? last
	        : posture_string_n(p, architecture.at, architecture.length);
}

/* In ecosystems such as npm the namespace is a part of the name: @scope/name. */
static const char *whole_name(struct posture *p, const struct parts *parts)
{
	char whole[2 * POSTURE_STRING_MAX + 1];
	const struct piece *n = &parts->namespace;
	memcpy(whole, n->at, n->length);
	whole[n->length] = '/';
	memcpy(whole + n->length + 1, parts->name.at, parts->name.length);
	return posture_string_n(p, whole, n->length + 1 + parts->name.length);
}

static void take_epoch(struct posture *p, struct piece epoch, struct posture_package *package)
{
	char version[POSTURE_STRING_MAX + 1];
	if (!epoch.at || strcmp(package->type, "rpm") != 0 || decode(&epoch) < 0)
		return;
	for (size_t i = 0; i < epoch.length; i++)
		if (epoch.at[i] < '0' || epoch.at[i] > '9')
			return;
	const size_t n = strlen(package->version);
	if (memchr(package->version, ':', n) || epoch.length + 1 + n > POSTURE_STRING_MAX)
		return;
	memcpy(version, epoch.at, epoch.length);
	version[epoch.length] = ':';
	memcpy(version + epoch.length + 1, package->version, n);
	package->version = posture_string_n(p, version, epoch.length + 1 + n);
}

/* NAME or NAME@VERSION; others' tools write NAME-VERSION-RELEASE.src.rpm for an rpm. upstream ends with a NUL
 * that is not part of it. */
static void take_upstream(struct posture *p, struct piece upstream, struct posture_package *package)
{
	if (!upstream.at || decode(&upstream) < 0)
		return;
	upstream.at[upstream.length] = '\0';
	if (rpm_take_source(upstream.at, p, package))
		return;
	struct piece version = cut_last(&upstream, '@');
	if (version.length)
		package->source_version = posture_string_n(p, version.at, version.length);
	if (upstream.length)
		package->source = posture_string_n(p, upstream.at, upstream.length);
}

int purl_parse(
        const char *text, size_t length, struct posture *p, struct posture_package *ret, struct error *err)
{
	char copy[PURL_TEXT_MAX + 1];
	struct parts parts = { 0 };
	int r = open_purl(text, length, copy, &parts, err);
	if (r < 0)
		return r;
	struct posture_package package = { .type = type_name(p, parts.type) };
	const bool has_scope = parts.namespace.at && !is_of_distribution(package.type);
	if (has_scope && parts.namespace.length + 1 + parts.name.length > POSTURE_STRING_MAX)
		return error_set(
		        err, -EINVAL, "a package name longer than %d characters", POSTURE_STRING_MAX);
	package.name =
	        has_scope ? whole_name(p, &parts) : posture_string_n(p, parts.name.at, parts.name.length);
	package.version = posture_string_n(p, parts.version.at, parts.version.length);
	/* All are found before one is decoded: what it holds may look like another. */
	struct piece architecture = find_qualifier(parts.qualifiers, "arch"),
	             epoch = find_qualifier(parts.qualifiers, "epoch"),
	             upstream = find_qualifier(parts.qualifiers, "upstream");
	package.architecture = architecture_name(p, architecture);
	take_epoch(p, epoch, &package);
	package.source = package.name;
	package.source_version = package.version;
	take_upstream(p, upstream, &package);
	*ret = package;
	return 0;
}

static void copy_piece(struct piece s, char ret[64])
{
	snprintf(ret, 64, "%.*s", (int)s.length, s.at ? s.at : "");
}

int purl_distribution(const char *text, char ret_namespace[64], char ret_distro[64])
{
	char copy[PURL_TEXT_MAX + 1];
	struct parts parts = { 0 };
	int r = open_purl(text, strlen(text), copy, &parts, NULL);
	if (r < 0)
		return r;
	struct piece distro = find_qualifier(parts.qualifiers, "distro");
	if (!distro.at || decode(&distro) < 0)
		distro = (struct piece){ NULL, 0 };
	copy_piece(parts.namespace, ret_namespace);
	copy_piece(distro, ret_distro);
	return 0;
}
