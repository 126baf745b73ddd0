/* SPDX-License-Identifier: ISC */
#include "posture/purl.h"

#include "base/cursor.h"
#include "posture/rpm.h"
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

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

/* The parts of a purl, still encoded, in a copy of the text that is cut at the separators. */
struct parts {
	char *type, *namespace, *name, *version, *qualifiers;
};

/* Cuts s at its last (first) separator and returns what follows it, or NULL where there is none. */
static char *cut_last(char *s, char separator)
{
	char *at = strrchr(s, separator);
	if (at)
		*at++ = '\0';
	return at;
}
static char *cut_first(char *s, char separator)
{
	char *at = strchr(s, separator);
	if (at)
		*at++ = '\0';
	return at;
}

/* In the order of the specification's "How to parse": from the right, subpath, qualifiers, then from the left
 * scheme and type. */
static const char *split(char *copy, struct parts *ret)
{
	(void)cut_last(copy, '#');
	ret->qualifiers = cut_last(copy, '?');
	char *rest = cut_first(copy, ':');
	if (!rest || strcasecmp(copy, "pkg") != 0)
		return "a package URL starts with pkg:";
	rest += strspn(rest, "/");
	ret->type = rest;
	rest = cut_first(rest, '/');
	if (!rest || !*ret->type)
		return "a package URL is pkg:TYPE/NAME@VERSION";
	for (char *t = ret->type; *t; t++) {
		if (!isalnum((unsigned char)*t) && !strchr(".+-", *t))
			return "a package URL has a type of letters, digits and .+-";
		*t = (char)tolower((unsigned char)*t);
	}
	rest += strspn(rest, "/");
	char *slash = strrchr(rest, '/'), *at = strrchr(rest, '@');
	if (!at || (slash && at < slash) || at == rest)
		return "a package URL without a version says nothing about an installed package";
	*at = '\0';
	ret->version = at + 1;
	ret->name = cut_last(rest, '/');
	ret->namespace = ret->name ? rest : NULL;
	if (!ret->name)
		ret->name = rest;
	return NULL;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* In place. -EINVAL for a broken escape, an encoded NUL, nothing at all, or more than a posture string holds.
 */
static int decode(char *s)
{
	char *to = s;
	for (const char *from = s; *from; from++) {
		if (*from != '%') {
			*to++ = *from;
			continue;
		}
		int high = hex_digit(from[1]), low = high < 0 ? -1 : hex_digit(from[2]);
		if (low < 0 || (high | low) == 0)
			return -EINVAL;
		*to++ = (char)(high << 4 | low);
		from += 2;
	}
	*to = '\0';
	return to == s || to - s > POSTURE_STRING_MAX ? -EINVAL : 0;
}

/* The decoded value of one qualifier, in place, or NULL. Good for one call a list: it cuts the list after the
 * value. */
static char *take_qualifier(char *list, const char *key)
{
	size_t n = strlen(key);
	for (char *q = list; q;) {
		char *next = strchr(q, '&');
		if (strncasecmp(q, key, n) == 0 && q[n] == '=') {
			if (next)
				*next = '\0';
			return decode(q + n + 1) < 0 ? NULL : q + n + 1;
		}
		q = next ? next + 1 : NULL;
	}
	return NULL;
}

static int open_purl(const char *text, char **ret_copy, struct parts *ret, struct error *err)
{
	const char *wrong = "longer than a package URL may be";
	if (strlen(text) <= PURL_TEXT_MAX) {
		*ret_copy = xstrdup(text);
		wrong = split(*ret_copy, ret);
	}
	if (!wrong &&
	        (decode(ret->name) < 0 || decode(ret->version) < 0 ||
	                (ret->namespace && decode(ret->namespace) < 0)))
		wrong = "a part of a package URL is empty, too long or badly encoded";
	if (!wrong)
		return 0;
	(void)error_set(err, -EINVAL, "%.200s: %s", text, wrong);
	return -EINVAL;
}

/* Types of the packages that a posture holds are compared everywhere: the usual ones are not copied each
 * time. */
static const char *type_name(struct posture *p, const char *type)
{
	static const char *const usual[] = { "deb", "rpm", "apk", "npm", "pypi" };
	for (size_t i = 0; i < ARRAY_LENGTH(usual); i++)
		if (strcmp(type, usual[i]) == 0)
			return usual[i];
	return posture_string(p, type);
}

static void take_epoch(const char *list, struct posture *p, struct posture_package *package)
{
	char *qualifiers FREE_ON_EXIT = xstrdup(list);
	const char *epoch = take_qualifier(qualifiers, "epoch");
	size_t n = epoch ? strspn(epoch, "0123456789") : 0;
	if (strcmp(package->type, "rpm") != 0 || n == 0 || epoch[n] || strchr(package->version, ':') ||
	        n + 1 + strlen(package->version) > POSTURE_STRING_MAX)
		return;
	char *version FREE_ON_EXIT = xasprintf("%s:%s", epoch, package->version);
	package->version = posture_string(p, version);
}

/* NAME or NAME@VERSION; others' tools write NAME-VERSION-RELEASE.src.rpm for an rpm. */
static void take_upstream(char *list, struct posture *p, struct posture_package *package)
{
	char *upstream = take_qualifier(list, "upstream");
	if (!upstream || rpm_take_source(upstream, p, package))
		return;
	char *version = cut_last(upstream, '@');
	if (version && *version)
		package->source_version = posture_string(p, version);
	if (*upstream)
		package->source = posture_string(p, upstream);
}

int purl_parse(const char *text, struct posture *p, struct posture_package *ret, struct error *err)
{
	char *copy FREE_ON_EXIT = NULL, *qualifiers FREE_ON_EXIT = NULL;
	struct parts parts = { 0 };
	int r = open_purl(text, &copy, &parts, err);
	if (r < 0)
		return r;
	bool distribution = is_of_distribution(parts.type);
	/* In ecosystems such as npm the namespace is a part of the name: @scope/name. */
	char *whole FREE_ON_EXIT = parts.namespace && !distribution
	        ? xasprintf("%s/%s", parts.namespace, parts.name)
	        : xstrdup(parts.name);
	if (strlen(whole) > POSTURE_STRING_MAX)
		return error_set(
		        err, -EINVAL, "a package name longer than %d characters", POSTURE_STRING_MAX);
	struct posture_package package = { .type = type_name(p, parts.type),
		.name = posture_string(p, whole),
		.version = posture_string(p, parts.version) };
	qualifiers = xstrdup(parts.qualifiers);
	package.architecture = posture_string(p, take_qualifier(qualifiers, "arch"));
	take_epoch(parts.qualifiers, p, &package);
	package.source = package.name;
	package.source_version = package.version;
	take_upstream(parts.qualifiers, p, &package);
	*ret = package;
	return 0;
}

int purl_distribution(const char *text, char ret_namespace[64], char ret_distro[64])
{
	char *copy FREE_ON_EXIT = NULL;
	struct parts parts = { 0 };
	int r = open_purl(text, &copy, &parts, NULL);
	if (r < 0)
		return r;
	const char *distro = take_qualifier(parts.qualifiers, "distro");
	snprintf(ret_namespace, 64, "%s", parts.namespace ? parts.namespace : "");
	snprintf(ret_distro, 64, "%s", distro ? distro : "");
	return 0;
}
