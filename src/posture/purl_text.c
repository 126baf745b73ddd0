/* SPDX-License-Identifier: ISC */
#include "posture/purl_text.h"

#include "base/cursor.h"
#include <errno.h>
#include <string.h>
#include <strings.h>

/* A part of the text, still encoded; at is NULL where it is not there. */
struct piece {
	char *at;
	size_t length;
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
		else if (!(*t >= 'a' && *t <= 'z') &&
		        (i == 0 || !((*t >= '0' && *t <= '9') || strchr(".-", *t))))
			return false;
	}
	return type.length > 0;
}

struct pieces {
	struct piece type, namespace, name, version, qualifiers, subpath;
};

/* In the order of the specification's "How to parse": from the right, subpath, qualifiers, then from the left
 * scheme and type. */
static const char *split(struct piece rest, struct pieces *ret)
{
	ret->subpath = cut_last(&rest, '#');
	ret->qualifiers = cut_last(&rest, '?');
	struct piece scheme = cut_first(&rest, ':');
	if (scheme.length != 3 || strncasecmp(scheme.at, "pkg", 3) != 0)
		return "a package URL starts with pkg:";
	skip_slashes(&rest);
	ret->type = cut_first(&rest, '/');
	if (ret->type.length == 0)
		return "a package URL is pkg:TYPE/NAME@VERSION";
	if (!lower_type(ret->type))
		return "a package URL has a type of letters, digits and .-";
	struct piece whole = rest;
	ret->version = cut_last(&rest, '@');
	/* npm's scope: the @ of "@scope/name" begins no version. */
	if (ret->version.at && memchr(ret->version.at, '/', ret->version.length)) {
		rest = whole;
		ret->version = (struct piece){ NULL, 0 };
	}
	skip_slashes(&rest);
	ret->name = cut_last(&rest, '/');
	ret->namespace = ret->name.at ? rest : (struct piece){ NULL, 0 };
	if (!ret->name.at)
		ret->name = rest;
	return ret->name.length ? NULL : "a package URL has a name";
}

/* In place, and ended with a NUL: behind each piece stands a separator or the end of the buffer. False for a
 * broken escape or an encoded NUL. */
static bool decode(struct piece *s)
{
	const char *end = s->at + s->length;
	char *to = memchr(s->at, '%', s->length);
	for (const char *from = to; from && from < end; from++) {
		if (*from != '%') {
			*to++ = *from;
			continue;
		}
		int high = end - from < 3 ? -1 : text_hex_digit(from[1]),
		    low = high < 0 ? -1 : text_hex_digit(from[2]);
		if (low < 0 || (high | low) == 0)
			return false;
		*to++ = (char)(high << 4 | low);
		from += 2;
	}
	if (to)
		s->length = (size_t)(to - s->at);
	s->at[s->length] = '\0';
	return true;
}

/* Segments between slashes: empty ones do not count, of a subpath "." and ".." neither. False, too, where an
 * encoded slash would make two of one. */
static bool decode_path(struct piece *s, bool subpath)
{
	struct piece rest = *s, segment;
	char *to = s->at;
	bool last = false;
	while (!last) {
		segment = cut_first(&rest, '/');
		last = !segment.at;
		if (last)
			segment = rest;
		if (!decode(&segment) || memchr(segment.at, '/', segment.length))
			return false;
		bool skipped = segment.length == 0 ||
		        (subpath && (strcmp(segment.at, ".") == 0 || strcmp(segment.at, "..") == 0));
		if (!skipped) {
			if (to > s->at)
				*to++ = '/';
			memmove(to, segment.at, segment.length);
			to += segment.length;
		}
	}
	s->length = (size_t)(to - s->at);
	*to = '\0';
	return true;
}

static bool take_key(struct piece key, enum purl_rules rules)
{
	for (size_t i = 0; i < key.length; i++) {
		char *c = &key.at[i];
		if (*c >= 'A' && *c <= 'Z' && (i > 0 || rules == PURL_AS_WRITTEN))
			*c = (char)(*c + ('a' - 'A'));
		else if (!(*c >= 'a' && *c <= 'z') &&
		        (i == 0 || !((*c >= '0' && *c <= '9') || strchr(".-_", *c))))
			return false;
	}
	if (key.length == 0)
		return false;
	key.at[key.length] = '\0';
	return true;
}

static const char *take_qualifier(struct piece one, enum purl_rules rules, struct purl *ret)
{
	struct piece key = cut_first(&one, '=');
	if (!key.at || !take_key(key, rules))
		return rules == PURL_STRICT
		        ? "a qualifier is KEY=VALUE, its key of small letters, digits and .-_"
		        : NULL;
	bool twice = purl_find_qualifier(ret, key.at);
	if (one.length == 0)
		return NULL; /* a qualifier without value is none */
	if (!decode(&one) || twice)
		return rules == PURL_STRICT ? "a qualifier is there twice, or badly encoded" : NULL;
	if (ret->n_qualifiers == PURL_QUALIFIERS_MAX)
		return "a package URL with too many qualifiers";
	ret->qualifiers[ret->n_qualifiers].key = key.at;
	ret->qualifiers[ret->n_qualifiers++].value = one.at;
	return NULL;
}

static const char *take_qualifiers(struct piece list, enum purl_rules rules, struct purl *ret)
{
	const char *wrong = NULL;
	while (list.length && !wrong) {
		struct piece one = cut_first(&list, '&');
		if (!one.at) {
			one = list;
			list.length = 0;
		}
		wrong = take_qualifier(one, rules, ret);
	}
	return wrong;
}

/* What stands behind the first segment of the namespace goes to the name, which lies behind it in the buffer.
 */
static void move_path(struct piece *namespace, struct piece *name)
{
	char *slash = namespace->at ? memchr(namespace->at, '/', namespace->length) : NULL;
	if (!slash)
		return;
	char *end = namespace->at + namespace->length;
	*end = '/';
	memmove(end + 1, name->at, name->length + 1);
	name->length += (size_t)(end - slash);
	name->at = slash + 1;
	*slash = '\0';
	namespace->length = (size_t)(slash - namespace->at);
}

/* Encoded slashes may make parts of a name that nobody can write again. */
static bool has_empty_part(const char *name)
{
	const size_t n = strlen(name);
	return n == 0 || *name == '/' || name[n - 1] == '/' || strstr(name, "//");
}

/* All is split before a NUL is written into it. */
static const char *take_parts(struct pieces *p, enum purl_rules rules, struct purl *ret)
{
	const char *wrong = take_qualifiers(p->qualifiers, rules, ret);
	if (wrong)
		return wrong;
	p->type.at[p->type.length] = '\0';
	ret->type = p->type.at;
	if (!decode(&p->name) || has_empty_part(p->name.at) || (p->version.at && !decode(&p->version)) ||
	        (p->namespace.at && !decode_path(&p->namespace, false)) ||
	        (p->subpath.at && !decode_path(&p->subpath, true)))
		return "a part of a package URL is badly encoded";
	if (purl_has_path(ret->type))
		move_path(&p->namespace, &p->name);
	ret->name = p->name.at;
	ret->version = p->version.length ? p->version.at : NULL;
	ret->namespace = p->namespace.length ? p->namespace.at : NULL;
	ret->subpath = p->subpath.length ? p->subpath.at : NULL;
	purl_normalise(ret, p->namespace.at, p->name.at, p->version.at);
	return NULL;
}

int purl_read(const char *text, size_t length, enum purl_rules rules, char *buffer, struct purl *ret,
        struct error *err)
{
	const char *wrong = "longer than a package URL may be";
	struct pieces pieces = { 0 };
	ret->type = ret->namespace = ret->name = ret->version = ret->subpath = NULL;
	ret->n_qualifiers = 0;
	if (length <= PURL_TEXT_MAX && memchr(text, '\0', length)) {
		wrong = "a package URL holds no NUL";
	} else if (length <= PURL_TEXT_MAX) {
		memcpy(buffer, text, length);
		buffer[length] = '\0';
		wrong = split((struct piece){ buffer, length }, &pieces);
	}
	if (!wrong)
		wrong = take_parts(&pieces, rules, ret);
	if (wrong) {
		(void)error_set(err, -EINVAL, "%.*s: %s", (int)MIN(length, (size_t)200), text, wrong);
		return -EINVAL;
	}
	return rules == PURL_STRICT ? purl_check(ret, err) : 0;
}

const char *purl_find_qualifier(const struct purl *purl, const char *key)
{
	for (size_t i = 0; i < purl->n_qualifiers; i++)
		if (strcmp(purl->qualifiers[i].key, key) == 0)
			return purl->qualifiers[i].value;
	return NULL;
}

/* Letters, digits, . - _ ~ stand for themselves, and so does the colon (purl specification, "Character
 * encoding"); everything else is encoded, but the slashes between segments. */
static bool stands_for_itself(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || c == '.' ||
	        c == '-' || c == '_' || c == '~' || c == ':';
}

static char *put(char *to, const char *s)
{
	return stpcpy(to, s);
}

static char *put_encoded(char *to, const char *s, bool path)
{
	static const char digits[] = "0123456789ABCDEF";
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		if (stands_for_itself(c) || (path && c == '/')) {
			*to++ = *s;
			continue;
		}
		*to++ = '%';
		*to++ = digits[c >> 4];
		*to++ = digits[c & 15];
	}
	return to;
}

static int order_qualifiers(const void *a, const void *b)
{
	return strcmp(((const struct purl_qualifier *)a)->key, ((const struct purl_qualifier *)b)->key);
}

static char *put_qualifiers(char *to, const struct purl *purl)
{
	NOT_CLEARED struct purl_qualifier sorted[PURL_QUALIFIERS_MAX];
	const struct purl_qualifier *list = purl->qualifiers;
	bool in_order = true;
	for (size_t i = 1; i < purl->n_qualifiers; i++)
		in_order = in_order && strcmp(list[i - 1].key, list[i].key) <= 0;
	if (!in_order) {
		memcpy(sorted, list, purl->n_qualifiers * sizeof(*sorted));
		qsort(sorted, purl->n_qualifiers, sizeof(*sorted), order_qualifiers);
		list = sorted;
	}
	for (size_t i = 0; i < purl->n_qualifiers; i++) {
		*to++ = i == 0 ? '?' : '&';
		to = put(to, list[i].key);
		*to++ = '=';
		to = put_encoded(to, list[i].value, false);
	}
	return to;
}

/* Each byte takes three at most. */
static size_t longest(const struct purl *purl)
{
	const char *const parts[] = { purl->type, purl->namespace, purl->name, purl->version, purl->subpath };
	size_t n = sizeof("pkg:/ /@ #");
	for (size_t i = 0; i < ARRAY_LENGTH(parts); i++)
		n += parts[i] ? 3 * strlen(parts[i]) : 0;
	for (size_t i = 0; i < purl->n_qualifiers; i++)
		n += strlen(purl->qualifiers[i].key) + 3 * strlen(purl->qualifiers[i].value) + 2;
	return n;
}

/* Findings are written with it by the hundred thousand. */
char *purl_format(const struct purl *purl)
{
	char *text = xmalloc(longest(purl)), *to = put(put(text, "pkg:"), purl->type);
	*to++ = '/';
	if (purl->namespace && *purl->namespace) {
		to = put_encoded(to, purl->namespace, true);
		*to++ = '/';
	}
	to = put_encoded(to, purl->name, purl_has_path(purl->type));
	if (purl->version && *purl->version) {
		*to++ = '@';
		to = put_encoded(to, purl->version, false);
	}
	to = put_qualifiers(to, purl);
	if (purl->subpath && *purl->subpath) {
		*to++ = '#';
		to = put_encoded(to, purl->subpath, true);
	}
	*to = '\0';
	return text;
}

static const char *check_parts(const struct purl *purl)
{
	if (!purl->type || !*purl->type || !purl->name || !*purl->name)
		return "a package URL has a type and a name";
	for (const char *c = purl->type; *c; c++)
		if (!(*c >= 'a' && *c <= 'z') &&
		        (c == purl->type || !((*c >= '0' && *c <= '9') || strchr(".-", *c))))
			return "a package URL has a type of letters, digits and .-";
	for (size_t i = 0; i < purl->n_qualifiers; i++) {
		char *key FREE_ON_EXIT = xstrdup(purl->qualifiers[i].key);
		if (!take_key((struct piece){ key, strlen(key) }, PURL_STRICT) ||
		        strcmp(key, purl->qualifiers[i].key) != 0 || !*purl->qualifiers[i].value)
			return "a qualifier's key is of small letters, digits and .-_, and it has a value";
	}
	return NULL;
}

char *purl_write(const struct purl *purl, struct error *err)
{
	const char *wrong = check_parts(purl);
	if (wrong) {
		error_set(err, -EINVAL, "%s", wrong);
		return NULL;
	}
	if (purl_check(purl, err) < 0)
		return NULL;
	char *namespace FREE_ON_EXIT = purl->namespace ? xstrdup(purl->namespace) : NULL;
	char *name FREE_ON_EXIT = xstrdup(purl->name);
	char *version FREE_ON_EXIT = purl->version ? xstrdup(purl->version) : NULL;
	purl_normalise(purl, namespace, name, version);
	struct purl normal = *purl;
	normal.namespace = namespace;
	normal.name = name;
	normal.version = version;
	return purl_format(&normal);
}

char *purl_canonical(const char *text, struct error *err)
{
	char buffer[PURL_TEXT_MAX + 1];
	struct purl purl;
	if (purl_read(text, strlen(text), PURL_AS_WRITTEN, buffer, &purl, err) < 0)
		return NULL;
	return purl_write(&purl, err);
}
