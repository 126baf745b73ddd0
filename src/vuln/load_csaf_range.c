/* SPDX-License-Identifier: ISC */
#include "vuln/load_csaf_range.h"

#include "base/cursor.h"
#include "vuln/vers.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#define VERSION_CHARACTERS "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz.+~^:_-"

/* What lies above every packager's revision of a version, and below each later version. */
static const struct {
	enum version_ecosystem order;
	const char *suffix;
} above_revisions[] = { { VERSION_DPKG, "+~" }, { VERSION_RPM, "^" }, { VERSION_APK, "_p" } };

static const char *above_of(const struct csaf_numbering *numbering, bool revisions, const char *version)
{
	for (size_t i = 0; revisions && i < ARRAY_LENGTH(above_revisions); i++)
		if (above_revisions[i].order == numbering->order && !strchr(version, '-'))
			return above_revisions[i].suffix;
	return NULL;
}

/* "2.x" and "3.X.17" are many versions, and nobody says which. */
static bool has_placeholder(const char *at, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((at[i] | 32) == 'x' && (i == 0 || !isalpha((unsigned char)at[i - 1])) &&
		        (i + 1 == n || !isalpha((unsigned char)at[i + 1])))
			return true;
	return false;
}

/* The package's version for the publisher's, or NULL where it is no version but words. Caller frees. */
static char *number_of(const struct csaf_numbering *numbering, const char *at, size_t n)
{
	size_t strip = strlen(numbering->strip);
	if (strip > 0 && n > strip && strncasecmp(at, numbering->strip, strip) == 0) {
		at += strip;
		n -= strip;
	}
	char *version = xasprintf("%s%.*s", numbering->prefix, (int)n, at);
	int order;
	if (n > 0 && isdigit((unsigned char)*at) && strspn(at, VERSION_CHARACTERS) >= n &&
	        !has_placeholder(at, n) &&
	        version_compare_loosely(numbering->order, version, version, &order, NULL) == 0)
		return version;
	free(version);
	return NULL;
}

static void put_range(struct csaf_versions *v, const char *introduced, const char *end, const char *version)
{
	char *key FREE_ON_EXIT = xasprintf("%s|%s %s", introduced, end ? end : "", end ? version : "");
	json_t *events = json_array();
	json_array_append_new(events, json_pack("{s:s}", "introduced", introduced));
	if (end)
		json_array_append_new(events, json_pack("{s:s}", end, version));
	json_object_set_new(v->ranges, key, json_pack("{s:s, s:o}", "type", "ECOSYSTEM", "events", events));
}

static void put_one(
        struct csaf_versions *v, const struct csaf_numbering *numbering, bool revisions, const char *version)
{
	const char *above = above_of(numbering, revisions, version);
	char *end FREE_ON_EXIT = xasprintf("%s%s", version, above ? above : "");
	if (above)
		put_range(v, version, "fixed", end);
	else
		json_object_set_new(v->versions, version, json_true());
}

/* revisions: a version is that of all its revisions. */
static int put_interval(struct csaf_versions *v, const struct csaf_numbering *numbering, bool revisions,
        const struct vers_interval *i, struct error *why)
{
	const char *from = i->from ? i->from->version : "0", *to = i->to ? i->to->version : NULL;
	const char *above = i->from ? above_of(numbering, revisions, from) : NULL;
	if (i->from && i->from == i->to) {
		put_one(v, numbering, revisions, from);
		return 0;
	}
	bool after = i->from && i->from->comparator == VERS_GREATER;
	if (after && !above)
		return error_set(why, -ENOTSUP, "versions above %.80s, and none is the first of them", from);
	char *first FREE_ON_EXIT = xasprintf("%s%s", from, after ? above : "");
	above = to && i->to->comparator == VERS_LESS_EQUAL ? above_of(numbering, revisions, to) : NULL;
	char *last FREE_ON_EXIT = to ? xasprintf("%s%s", to, above ? above : "") : NULL;
	const char *end = !to                                    ? NULL
	        : i->to->comparator == VERS_LESS_EQUAL && !above ? "last_affected"
	                                                         : "fixed";
	put_range(v, first, end, last);
	return 0;
}

static int put_intervals(struct csaf_versions *v, const struct csaf_numbering *numbering, bool revisions,
        const struct vers *vers, struct error *why)
{
	struct vers_interval intervals[VERS_CONSTRAINTS_MAX] = { { NULL, NULL } };
	const struct vers_interval *only = &intervals[0];
	size_t n = 0;
	int order;
	v->all = vers->all;
	if (vers->all)
		return 0;
	for (size_t i = 0; i < vers->n_constraints; i++) { /* a single one has not been looked at */
		const char *version = vers->constraints[i].version;
		if (version_compare_loosely(numbering->order, version, version, &order, why) < 0)
			return -ENOTSUP;
	}
	int r = vers_intervals(vers, intervals, &n, why);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = put_interval(v, numbering, revisions, &intervals[i], why);
	if (r == 0 && n == 1 && only->from &&
	        (only->from == only->to || (!only->to && only->from->comparator == VERS_GREATER_EQUAL)))
		v->fixed_from = xstrdup(only->from->version);
	return r;
}

/* One constraint of a vers-like list, as VERS would write it. */
static bool take_constraint(
        const struct csaf_numbering *numbering, const char *at, const char *end, struct writer *w)
{
	static const char *const signs[] = { "<=", ">=", "!=", "<", ">", "=" };
	const char *sign = "";
	while (at < end && isspace((unsigned char)*at))
		at++;
	while (end > at && isspace((unsigned char)end[-1]))
		end--;
	for (size_t i = 0; i < ARRAY_LENGTH(signs) && !*sign; i++)
		if ((size_t)(end - at) > strlen(signs[i]) && strncmp(at, signs[i], strlen(signs[i])) == 0)
			sign = signs[i];
	for (at += strlen(sign); at < end && isspace((unsigned char)*at);)
		at++;
	char *version FREE_ON_EXIT = number_of(numbering, at, (size_t)(end - at));
	if (!version)
		return false;
	wr_bytes(w, sign, strlen(sign));
	wr_bytes(w, version, strlen(version));
	return true;
}

static int parse_list(
        const char *text, const struct csaf_numbering *numbering, struct csaf_versions *v, struct error *why)
{
	struct writer w = wr_make(VERS_TEXT_MAX);
	struct vers *vers = NULL;
	size_t n = 0;
	bool clear = true;
	const char *order = version_ecosystem_name(numbering->order);
	wr_bytes(&w, "vers:", 5);
	wr_bytes(&w, order, strlen(order));
	for (const char *at = text; clear && at;) {
		const char *end = at + strcspn(at, "|");
		wr_u8(&w, n++ == 0 ? '/' : '|');
		clear = n <= CSAF_RANGE_CONSTRAINTS_MAX && take_constraint(numbering, at, end, &w);
		at = *end ? end + 1 : NULL;
	}
	wr_u8(&w, '\0');
	int r = !clear || wr_failed(&w)
	        ? error_set(why, -ENOTSUP, "\"%.80s\" is no range of versions that is clear", text)
	        : vers_parse((const char *)w.data, VERS_AS_WRITTEN, &vers, why);
	wr_free(&w);
	if (r == 0 && vers)
		r = put_intervals(v, numbering, true, vers, why);
	vers_free(vers);
	return r < 0 ? -ENOTSUP : 0;
}

/* Schemes that say nothing of an order: the package's own stands. "intdot" is every order's, of numbers. */
static bool leaves_order_open(const char *scheme, size_t n, const char *constraints)
{
	static const char *const open[] = { "all", "generic", "unknown" };
	for (size_t i = 0; i < ARRAY_LENGTH(open); i++)
		if (strlen(open[i]) == n && strncmp(scheme, open[i], n) == 0)
			return true;
	return n == 6 && strncmp(scheme, "intdot", n) == 0 &&
	        constraints[strspn(constraints, "0123456789.|<>=! ")] == '\0';
}

static int parse_vers(
        const char *text, const struct csaf_numbering *numbering, struct csaf_versions *v, struct error *why)
{
	const char *scheme = text + 5, *slash = strchr(scheme, '/');
	struct vers *vers = NULL;
	if (!slash)
		return error_set(why, -ENOTSUP, "a version range is vers:SCHEME/CONSTRAINTS");
	if (leaves_order_open(scheme, (size_t)(slash - scheme), slash + 1))
		return parse_list(slash + 1, numbering, v, why);
	int r = vers_parse(text, VERS_AS_WRITTEN, &vers, why);
	if (r == 0 && vers->n_constraints > CSAF_RANGE_CONSTRAINTS_MAX)
		r = error_set(why, -ENOTSUP, "more than %d constraints", CSAF_RANGE_CONSTRAINTS_MAX);
	else if (r == 0 && vers->order != numbering->order)
		r = error_set(why, -ENOTSUP, "versions of \"%s\", and the package's are of %s", vers->scheme,
		        version_ecosystem_name(numbering->order));
	if (r == 0)
		r = put_intervals(v, numbering, numbering->declared, vers, why);
	vers_free(vers);
	return r < 0 ? -ENOTSUP : 0;
}

static bool says_all(const char *text, size_t n)
{
	static const char *const all[] = { "*", "vers:all/*", "all versions" };
	for (size_t i = 0; i < ARRAY_LENGTH(all); i++)
		if (strlen(all[i]) == n && strncasecmp(text, all[i], n) == 0)
			return true;
	return false;
}

/* Without the blanks around it; all that is clear without an order is in ret. True: done. */
static bool begin(const char **text, size_t *ret_length, struct csaf_versions *ret)
{
	*text += strspn(*text, " \t");
	*ret_length = strnlen(*text, CSAF_RANGE_MAX + 1);
	while (*ret_length > 0 && strchr(" \t", (*text)[*ret_length - 1]))
		--*ret_length;
	*ret = (struct csaf_versions){ .all = says_all(*text, *ret_length) };
	ret->ranges = json_object();
	ret->versions = json_object();
	return ret->all;
}

static int finish(struct csaf_versions *v, int r)
{
	if (r < 0)
		csaf_versions_clear(v);
	return r;
}

int csaf_versions_of_range(const char *text, const struct csaf_numbering *numbering,
        struct csaf_versions *ret, struct error *why)
{
	size_t n;
	if (begin(&text, &n, ret))
		return 0;
	if (n > CSAF_RANGE_MAX)
		return finish(ret, error_set(why, -ENOTSUP, "a range of more than %d bytes", CSAF_RANGE_MAX));
	char *trimmed FREE_ON_EXIT = xstrndup(text, n);
	int r = strncmp(trimmed, "vers:", 5) == 0 ? parse_vers(trimmed, numbering, ret, why)
	                                          : parse_list(trimmed, numbering, ret, why);
	return finish(ret, r);
}

int csaf_versions_of_one(const char *text, const struct csaf_numbering *numbering, struct csaf_versions *ret,
        struct error *why)
{
	size_t n;
	if (begin(&text, &n, ret))
		return 0;
	char *version FREE_ON_EXIT = n <= VERSION_MAX ? number_of(numbering, text, n) : NULL;
	if (!version)
		return finish(ret, error_set(why, -ENOTSUP, "\"%.80s\" is no version", text));
	put_one(ret, numbering, true, version);
	ret->fixed_from = TAKE_POINTER(version);
	return 0;
}

void csaf_versions_clear(struct csaf_versions *v)
{
	json_decref(v->ranges);
	json_decref(v->versions);
	free(v->fixed_from);
	*v = (struct csaf_versions){ 0 };
}
