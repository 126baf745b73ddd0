/* SPDX-License-Identifier: ISC */
#include "vis/options.h"

#include <errno.h>
#include <string.h>

#define OPTION(field, kind, default_value, least, most, text) \
	{ \
		.name = #field, .type = kind, .offset = offsetof(struct vis_options, field), \
		.fallback = default_value, .min = least, .max = most, .help = text \
	}

static const struct config_option options[] = {
	OPTION(data, CONFIG_STRING, "/var/lib/pratique/vis/index", 0, 0,
	        "the index; made where it is not there"),
	OPTION(socket, CONFIG_STRING, "/run/pratique/vis.sock", 0, 0, "Unix socket for subscribers"),
	OPTION(watch, CONFIG_STRING, "", 0, 0, "folder of published advisories; empty: none"),
	OPTION(cache, CONFIG_STRING, "/var/lib/pratique/vis/cache", 0, 0,
	        "where what comes from URLs is kept"),
	OPTION(interval, CONFIG_DURATION, "5 min", 1000, 86400000, "how often sources are looked at"),
	OPTION(metrics, CONFIG_STRING, "", 0, 0, "Unix socket of `pratique metrics`; empty: none"),
	OPTION(user, CONFIG_STRING, VIS_USER, 0, 0, "user to run as when started by root"),
	OPTION(listen, CONFIG_LIST, NULL, 0, 0,
	        "address[:port] of the API over TLS; may be repeated; none: none"),
	OPTION(http, CONFIG_STRING, "", 0, 0, "Unix socket of the API; empty: none"),
	OPTION(certificate, CONFIG_STRING, "", 0, 0, "certificate for listen (role vis)"),
	OPTION(key, CONFIG_STRING, "", 0, 0, "its key"),
	OPTION(ca, CONFIG_STRING, "", 0, 0, "certificate of the site CA, whose certificates may read"),
	OPTION(crl, CONFIG_STRING, "", 0, 0, "its revocation list; empty: none"),
	OPTION(public, CONFIG_BOOLEAN, "no", 0, 0, "readers need no certificate"),
	OPTION(rate, CONFIG_INTEGER, "50", 1, VIS_HTTP_RATE_MAX,
	        "requests a second of one address without a certificate"),
	OPTION(name, CONFIG_STRING, "", 0, 0, "ours among VISes; empty: the certificate's"),
	OPTION(publish, CONFIG_STRING, "", 0, 0,
	        "directory of the signed repository of what this VIS knows itself; empty: none"),
	OPTION(publish_key, CONFIG_LIST, NULL, 0, 0, "index key of it; may be repeated"),
	OPTION(publish_lifetime, CONFIG_DURATION, "10 min", 1000, TREE_LIFETIME_MAX_MS,
	        "how long its index is good; it is signed again at a third of that"),
	OPTION(follow, CONFIG_LIST, NULL, 0, 0,
	        "NAME ROOT-FILE [SHARD ...] of a signed repository from above"),
	{ .name = "repository",
	        .type = CONFIG_LIST,
	        .offset = offsetof(struct vis_options, repositories),
	        .help = "NAME DIRECTORY of a signed repository that is published here" },
	{ .name = "upper",
	        .type = CONFIG_LIST,
	        .offset = offsetof(struct vis_options, uppers),
	        .help = "HOST[:PORT] [NAME] of a VIS above us" },
};

static const struct config_section sections[] = {
	{ .keyword = "source",
	        .options = source_config_options,
	        .offset = offsetof(struct vis_options, sources),
	        .item_size = sizeof(struct source_config),
	        .most = VIS_SOURCES_MAX },
};

/* The number of options of another file is no constant expression. */
static void get_sections(struct config_section ret[ARRAY_LENGTH(sections)])
{
	memcpy(ret, sections, sizeof(sections));
	ret[0].n_options = source_config_n_options;
}

static const struct source_config *find_source(const struct vis_options *o, const char *name)
{
	for (size_t i = 0; i < o->n_sources; i++)
		if (strcmp(o->all[i]->named.name, name) == 0)
			return o->all[i];
	return NULL;
}

static bool is_own_name(const char *name)
{
	return strcmp(name, VIS_PUBLISHED) == 0 || strcmp(name, FOLDER_EMERGENCY) == 0;
}

static void add_source(
        struct vis_options *o, struct source_config *c, const char *file, struct error_report *r)
{
	const struct source_config *other = find_source(o, c->named.name);
	if (other)
		error_report_add(r, "%s: source %s: there are two of that name", file, c->named.name);
	else if (is_own_name(c->named.name))
		error_report_add(
		        r, "%s: source %s: the name is that of the watched folder", file, c->named.name);
	source_config_check(c, file, r);
	o->all[o->n_sources++] = c;
}

static void add_sources(
        struct vis_options *o, const char *path, const char *const *specs, struct error_report *r)
{
	for (size_t i = 0; i < o->sources.count && i < VIS_SOURCES_MAX; i++)
		add_source(o, o->sources.items[i], path, r);
	for (; specs && *specs; specs++) {
		if (o->n_sources == VIS_SOURCES_MAX) {
			error_report_add(r, "command line: more than %d sources", VIS_SOURCES_MAX);
			return;
		}
		add_source(o, source_config_of_spec(*specs), "command line", r);
		o->n_own++;
	}
}

static bool any_url(const struct vis_options *o)
{
	for (size_t i = 0; i < o->n_sources; i++)
		if (strstr(o->all[i]->from, "://") || source_config_is_repository(o->all[i]))
			return true;
	return false;
}

static void check_most(const char *path, const char *name, size_t n, size_t most, struct error_report *r)
{
	if (n > most)
		error_report_add(
		        r, "%s: %s: given more than %zu times", path ? path : "command line", name, most);
}

int vis_options_load(const char *path, const char *const *overrides, const char *const *specs,
        struct vis_options *ret, void (*report)(const char *text), struct error *err)
{
	struct config_section own[ARRAY_LENGTH(sections)];
	struct error_report r = { report, err, 0 };
	get_sections(own);
	memset(ret, 0, sizeof(*ret));
	r.result = config_load_sections(
	        path, overrides, options, ARRAY_LENGTH(options), own, ARRAY_LENGTH(own), ret, report, err);
	if (r.result < 0) /* what follows would complain of what is not there */
		return r.result;
	add_sources(ret, path, specs, &r);
	check_most(path, "listen", ret->listen.count, VIS_LISTEN_MAX, &r);
	check_most(path, "follow", ret->follow.count, PUSH_REPOSITORIES_MAX, &r);
	check_most(path, "repository", ret->repositories.count, PUSH_REPOSITORIES_MAX, &r);
	check_most(path, "publish_key", ret->publish_key.count, TREE_PUBLISH_KEYS_MAX, &r);
	if (!*ret->publish != !ret->publish_key.count)
		error_report_add(
		        &r, "%s: publish: it goes together with publish_key", path ? path : "command line");
	check_most(path, "upper", ret->uppers.count, UPPERS_MAX, &r);
	if (any_url(ret) && !*ret->cache)
		error_report_add(&r, "%s: cache: sources that are URLs or repositories need one",
		        path ? path : "command line");
	return r.result;
}

void vis_options_clear(struct vis_options *o)
{
	struct config_section own[ARRAY_LENGTH(sections)];
	get_sections(own);
	for (size_t i = 0; i < o->n_sources; i++)
		source_config_clear(o->all[i]);
	for (size_t i = o->n_sources - o->n_own; i < o->n_sources; i++)
		source_config_free(o->all[i]);
	o->n_sources = o->n_own = 0;
	config_clear_sections(own, ARRAY_LENGTH(own), o);
	config_clear(options, ARRAY_LENGTH(options), o);
}

void vis_options_describe(FILE *out)
{
	config_describe(out, options, ARRAY_LENGTH(options));
	fputs("\nand for each source, between `source NAME {` and `}`:\n", out);
	config_describe(out, source_config_options, source_config_n_options);
}

static const char *given(const char *text)
{
	return *text ? text : NULL;
}

struct vis_config vis_options_config(const struct vis_options *o)
{
	struct vis_config c = { .data = o->data,
		.socket = o->socket,
		.watch = given(o->watch),
		.metrics = given(o->metrics),
		.cache = any_url(o) ? given(o->cache) : NULL,
		.check_ms = (int)o->interval };
	c.front = (struct front_config){ .index = o->data,
		.http = { .socket = given(o->http),
		        .ca = given(o->ca),
		        .crl = given(o->crl),
		        .certificate = given(o->certificate),
		        .key = given(o->key),
		        .public = o->public,
		        .rate = (size_t)o->rate } };
	for (size_t i = 0; i < o->listen.count && i < VIS_LISTEN_MAX; i++)
		c.front.http.listen[c.front.http.n_listen++] = o->listen.items[i];
	c.publish = (struct publisher_config){
		.dir = given(o->publish), .index = o->data, .lifetime_ms = o->publish_lifetime
	};
	for (size_t i = 0; i < o->publish_key.count && i < TREE_PUBLISH_KEYS_MAX; i++)
		c.publish.keys[c.publish.n_keys++] = o->publish_key.items[i];
	c.repositories = (struct repositories_config){ .name = given(o->name),
		.follow = (const char *const *)o->follow.items,
		.n_follow = o->follow.count,
		.publish = (const char *const *)o->repositories.items,
		.n_publish = o->repositories.count,
		.uppers = (const char *const *)o->uppers.items,
		.n_uppers = o->uppers.count };
	for (size_t i = 0; i < o->n_sources; i++)
		c.sources[c.n_sources++] = o->all[i];
	return c;
}
