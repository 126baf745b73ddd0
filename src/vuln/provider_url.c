/* SPDX-License-Identifier: ISC */
#include "vuln/provider_url.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#define HTTPS "https://"
#define HTTP "http://"
#define ALPHANUMERIC "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

static const char *after_scheme(const char *url)
{
	if (strncasecmp(url, HTTPS, strlen(HTTPS)) == 0)
		return url + strlen(HTTPS);
	return strncasecmp(url, HTTP, strlen(HTTP)) == 0 ? url + strlen(HTTP) : NULL;
}

size_t provider_url_origin_length(const char *url)
{
	const char *host = after_scheme(url);
	return host ? (size_t)(host - url) + strcspn(host, "/?#") : 0;
}

static bool is_https(const char *url)
{
	return strncasecmp(url, HTTPS, strlen(HTTPS)) == 0;
}

/* Names, addresses and ports: neither users and passwords nor what a resolver might take otherwise. */
static bool is_host(const char *host, size_t n)
{
	return n > 0 && strspn(host, ALPHANUMERIC ".-:[]_") >= n;
}

static bool has_host(const struct provider_origin *origin, const char *host, size_t n)
{
	for (const char *const *h = origin->hosts; h && *h; h++)
		if (strlen(*h) == n && strncasecmp(*h, host, n) == 0)
			return true;
	return false;
}

int provider_url_check(const struct provider_origin *origin, const char *url, struct error *why)
{
	const char *host = after_scheme(url);
	if (strnlen(url, PROVIDER_URL_MAX + 1) > PROVIDER_URL_MAX)
		return error_set(why, -EPERM, "a URL of more than %d bytes", PROVIDER_URL_MAX);
	for (const char *c = url; *c; c++)
		if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f || *c == '\\')
			return error_set(why, -EPERM, "a URL with blanks, control or other odd characters");
	if (!host)
		return error_set(why, -EPERM, "\"%.100s\" is neither http nor https", url);
	size_t n = provider_url_origin_length(url), own = provider_url_origin_length(origin->url);
	size_t n_host = n - (size_t)(host - url);
	if (!is_host(host, n_host) || (url[n] && url[n] != '/'))
		return error_set(why, -EPERM, "\"%.100s\" names no host that is plain", url);
	if (is_https(origin->url) && !is_https(url))
		return error_set(why, -EPERM, "\"%.100s\" leads from https to http", url);
	if ((n == own && strncasecmp(url, origin->url, n) == 0) || has_host(origin, host, n_host))
		return 0;
	return error_set(why, -EPERM, "\"%.100s\" is of another host than %.*s, and of none that is listed",
	        url, (int)MIN(own, (size_t)200), origin->url);
}

static int check_segment(const char *at, size_t n, struct error *why)
{
	if (n == 0)
		return error_set(why, -EPERM, "a path with an empty part");
	if (*at == '.')
		return error_set(why, -EPERM, "a path with \"..\" or a hidden part");
	if (n > PROVIDER_SEGMENT_MAX)
		return error_set(
		        why, -EPERM, "a path with a part of more than %d bytes", PROVIDER_SEGMENT_MAX);
	if (strspn(at, ALPHANUMERIC "._~+@,=()!-") < n)
		return error_set(why, -EPERM, "a path with encoded or other odd characters");
	return 0;
}

/* What is behind the origin, without the slash that it begins with. */
static int check_path(const char *path, struct error *why)
{
	size_t n = strnlen(path, PROVIDER_PATH_MAX + 1);
	int parts = 0, r = 0;
	if (n > PROVIDER_PATH_MAX)
		return error_set(why, -EPERM, "a path of more than %d bytes", PROVIDER_PATH_MAX);
	for (const char *at = path; r == 0 && at; parts++) {
		size_t part = strcspn(at, "/");
		r = check_segment(at, part, why);
		at = at[part] ? at + part + 1 : NULL;
	}
	return r == 0 && parts > PROVIDER_SEGMENTS_MAX
	        ? error_set(why, -EPERM, "a path of more than %d parts", PROVIDER_SEGMENTS_MAX)
	        : r;
}

int provider_url_resolve(const struct provider_origin *origin, const char *base, const char *href,
        char **ret_url, struct error *why)
{
	/* Anything with a scheme is a URL of its own, and refused where it is none of http's. */
	const char *colon = strchr(href, ':'), *slash = strchr(href, '/');
	bool absolute = colon && (!slash || colon < slash);
	int r = absolute ? 0 : check_path(href, why);
	if (r < 0)
		return r;
	size_t n = strcspn(base, "?#"), least = provider_url_origin_length(base);
	while (n > least && base[n - 1] != '/')
		n--;
	char *url FREE_ON_EXIT =
	        absolute ? xstrdup(href) : xasprintf("%.*s%s%s", (int)n, base, n > least ? "" : "/", href);
	r = provider_url_check(origin, url, why);
	if (r == 0)
		*ret_url = TAKE_POINTER(url);
	return r;
}

int provider_url_path(const char *url, char **ret_path, struct error *why)
{
	const char *host = after_scheme(url), *path = host ? strchr(host, '/') : NULL;
	if (!path)
		return error_set(why, -EPERM, "\"%.100s\" has no path", url);
	int r = check_path(path + 1, why);
	if (r < 0)
		return r;
	char *local = xstrdup(host);
	for (char *c = local; *c != '/'; c++) /* brackets and colons of addresses and ports */
		if (!strchr(ALPHANUMERIC ".-", *c))
			*c = '_';
	if (*local == '.')
		*local = '_';
	*ret_path = local;
	return 0;
}
