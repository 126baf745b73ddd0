/* SPDX-License-Identifier: ISC */
#include "vuln/source_config.h"

#include "base/url.h"
#include "vuln/product_map.h"
#include "vuln/proof.h"

#include <errno.h>
#include <string.h>

#define REPOSITORY_PREFIX "repository:" /* ADDRESS#ROOT-FILE */

#define OPTION(field, kind, default_value, least, most, text) \
	{ \
		.name = #field, .type = kind, .offset = offsetof(struct source_config, field), \
		.fallback = default_value, .min = least, .max = most, .help = text \
	}

const struct config_option source_config_options[] = {
	OPTION(kind, CONFIG_STRING, "", 0, 0,
	        "what it is (`pratique vuln import --help`); empty: osv, or apt for apt:"),
	OPTION(from, CONFIG_STRING, NULL, 0, 0, "a path, apt:[DIR], or an http or https URL"),
	OPTION(root, CONFIG_PATH, "", 0, 0, "kind repository: a root of it that you vouch for"),
	OPTION(licence, CONFIG_STRING, "", 0, 0,
	        "under which it is published; shown with what comes from it"),
	OPTION(precedence, CONFIG_INTEGER, "100", 0, VULN_PRECEDENCE_MAX,
	        "of two sources that disagree the lower number stands"),
	OPTION(trust, CONFIG_STRING, "", 0, 0,
	        "what is demanded: none, transport, checksum or signed; empty: signed with a keyring, "
	        "transport for https"),
	OPTION(keyring, CONFIG_PATH, "", 0, 0, "OpenPGP keys whose signatures count"),
	OPTION(products, CONFIG_PATH, "", 0, 0,
	        "kind csaf: which packages the products are that have no package URL"),
	OPTION(fresh, CONFIG_DURATION, "0 s", 0, (int64_t)366 * 86400000,
	        "older than that it is stale; 0 s: no limit"),
	OPTION(every, CONFIG_DURATION, "0 s", 0, (int64_t)366 * 86400000,
	        "how often it is looked at; 0 s: as often as all"),
	OPTION(skew, CONFIG_DURATION, "5 min", 1000, 86400000,
	        "kind repository: how far its publisher's clock and ours may be apart"),
	OPTION(required, CONFIG_BOOLEAN, "yes", 0, 0, "its age counts as the age of what is known"),
	OPTION(partial, CONFIG_BOOLEAN, "no", 0, 0,
	        "it speaks of some software alone: the rest of its ecosystems is not known by it"),
	OPTION(on_demand, CONFIG_BOOLEAN, "no", 0, 0,
	        "loaded once a node has something of its ecosystems, or names its URL"),
	OPTION(suite, CONFIG_STRING, "", 0, 0, "kind apt: of the archive at from (bookworm-security)"),
	{ .name = "component",
	        .type = CONFIG_LIST,
	        .offset = offsetof(struct source_config, components),
	        .help = "kind apt: which of the suite's; may be repeated; none: all" },
	{ .name = "architecture",
	        .type = CONFIG_LIST,
	        .offset = offsetof(struct source_config, architectures),
	        .help = "kind apt: whose package lists, or source; may be repeated; none: source" },
	{ .name = "host",
	        .type = CONFIG_LIST,
	        .offset = offsetof(struct source_config, hosts),
	        .help = "kind csaf: whom a provider may send us to beside itself (HOST[:PORT]); may be "
	                "repeated" },
	{ .name = "tlp",
	        .type = CONFIG_LIST,
	        .offset = offsetof(struct source_config, labels),
	        .help = "kind csaf: whose labels are taken (a provider's URL: WHITE); may be repeated" },
	{ .name = "ecosystem",
	        .type = CONFIG_LIST,
	        .offset = offsetof(struct source_config, ecosystems),
	        .help = "what it may speak of (\"Debian:12\"); may be repeated; none: of everything" },
};
const size_t source_config_n_options = ARRAY_LENGTH(source_config_options);

static bool is_url(const char *from)
{
	return strstr(from, "://") != NULL;
}

static void check_from(const struct source_config *c, const char *file, struct error_report *r)
{
	const char *from = c->from ? c->from : "";
	bool https = strncmp(from, "https://", 8) == 0, http = strncmp(from, "http://", 7) == 0;
	if (is_url(from) && !https && !http)
		error_report_add(
		        r, "%s:%d: from: \"%s\" is neither http nor https", file, c->named.line, from);
	else if (!is_url(from) && *from != '/' && strncmp(from, "apt:", 4) != 0 && c->named.line)
		error_report_add(r,
		        "%s:%d: from: \"%s\" is neither an absolute path nor a URL nor apt:", file,
		        c->named.line, from);
	if (c->trust_level == VULN_TRUST_TRANSPORT && !https)
		error_report_add(r, "%s:%d: trust: transport is for https", file, c->named.line);
	char url[URL_MAX + 1];
	struct error why;
	if (c->on_demand && !is_url(from))
		error_report_add(
		        r, "%s:%d: on_demand: nodes name URLs, and this is none", file, c->named.line);
	else if (c->on_demand && url_canonical(from, url, &why) < 0)
		error_report_add(r, "%s:%d: on_demand: nodes cannot name %s", file, c->named.line, why.text);
}

static void check_trust(struct source_config *c, const char *file, struct error_report *r)
{
	bool https = c->from && strncmp(c->from, "https://", 8) == 0;
	c->trust_level = *c->keyring ? VULN_TRUST_SIGNED : https ? VULN_TRUST_TRANSPORT : VULN_TRUST_NONE;
	if (*c->trust && vuln_trust_parse(c->trust, &c->trust_level) < 0)
		error_report_add(r, "%s:%d: trust: \"%s\" is not none, transport, checksum or signed", file,
		        c->named.line, c->trust);
	struct proof_keys *keys = NULL;
	struct error why;
	if (*c->keyring && proof_keys_open(c->keyring, &keys, &why) < 0)
		error_report_add(r, "%s:%d: keyring: %s", file, c->named.line, why.text);
	proof_keys_close(keys);
	if (c->trust_level == VULN_TRUST_SIGNED && !*c->keyring)
		error_report_add(r, "%s:%d: trust: signed needs a keyring", file, c->named.line);
}

static void check_ecosystems(struct source_config *c, const char *file, struct error_report *r)
{
	char canonical[ECOSYSTEM_NAME_MAX];
	enum version_ecosystem order;
	if (c->ecosystems.count)
		c->ecosystem_names = xcalloc(c->ecosystems.count + 1, sizeof(*c->ecosystem_names));
	for (size_t i = 0; i < c->ecosystems.count; i++) {
		char *name = c->ecosystems.items[i];
		if (ecosystem_canonical(name, canonical, &order) < 0)
			error_report_add(r, "%s:%d: ecosystem: \"%s\" is none that is known here", file,
			        c->named.line, name);
		else
			free(TAKE_POINTER(c->ecosystems.items[i])),
			        c->ecosystems.items[i] = xstrdup(canonical);
		c->ecosystem_names[i] = c->ecosystems.items[i];
	}
}

static const char **terminated(const struct config_list *list)
{
	const char **names = xcalloc(list->count + 1, sizeof(*names));
	for (size_t i = 0; i < list->count; i++)
		names[i] = list->items[i];
	return names;
}

static void check_names(const struct source_config *c, const struct config_list *list, const char *option,
        const char *file, struct error_report *r)
{
	for (size_t i = 0; i < list->count; i++)
		if (!load_is_suite_name(list->items[i]))
			error_report_add(r, "%s:%d: %s: \"%s\" is no such name", file, c->named.line, option,
			        list->items[i]);
}

/* An archive, at a path or a URL, has suites; the lists of a machine have been chosen there. */
static void check_suite(struct source_config *c, const char *file, struct error_report *r)
{
	bool lists = c->from && strncmp(c->from, "apt:", 4) == 0;
	bool archive = strcmp(c->kind, "apt") == 0 && !lists;
	if (archive && !*c->suite)
		error_report_add(r, "%s:%d: suite: kind apt needs one, such as bookworm-security", file,
		        c->named.line);
	if (!archive && (*c->suite || c->components.count || c->architectures.count))
		error_report_add(r,
		        "%s:%d: suite: suite, component and architecture are for kind apt with an archive",
		        file, c->named.line);
	if (*c->suite && !load_is_suite_name(c->suite))
		error_report_add(r, "%s:%d: suite: \"%s\" is no such name", file, c->named.line, c->suite);
	check_names(c, &c->components, "component", file, r);
	check_names(c, &c->architectures, "architecture", file, r);
	c->component_names = terminated(&c->components);
	c->architecture_names = terminated(&c->architectures);
}

bool source_config_is_repository(const struct source_config *c)
{
	return strcmp(c->kind, SOURCE_CONFIG_REPOSITORY) == 0;
}

/* Who signs it is its root's to say, and what of it is held its shards'. */
static void check_repository(const struct source_config *c, const char *file, struct error_report *r)
{
	if (source_config_is_repository(c) != (*c->root != '\0'))
		error_report_add(r, "%s:%d: root: kind repository needs one, and no other has any", file,
		        c->named.line);
	if (source_config_is_repository(c) && (*c->keyring || *c->trust || c->on_demand))
		error_report_add(r, "%s:%d: kind repository takes neither keyring nor trust nor on_demand",
		        file, c->named.line);
}

/* What only a CSAF provider has. */
static void check_provider(struct source_config *c, const char *file, struct error_report *r)
{
	bool csaf = strcmp(c->kind, "csaf") == 0;
	if (c->hosts.count && !(csaf && load_source_labels(c->kind, c->from ? c->from : "")))
		error_report_add(
		        r, "%s:%d: host: only a CSAF provider's URL sends us elsewhere", file, c->named.line);
	if (c->labels.count && !csaf)
		error_report_add(
		        r, "%s:%d: tlp: only documents of kind csaf are labelled", file, c->named.line);
	for (size_t i = 0; i < c->labels.count; i++)
		if (!load_label_is_known(c->labels.items[i]))
			error_report_add(
			        r, "%s:%d: tlp: \"%s\" is no label", file, c->named.line, c->labels.items[i]);
	for (size_t i = 0; i < c->hosts.count; i++)
		if (strpbrk(c->hosts.items[i], "/ \t@") || !*c->hosts.items[i])
			error_report_add(r, "%s:%d: host: \"%s\" is not HOST or HOST:PORT", file,
			        c->named.line, c->hosts.items[i]);
	c->host_names = terminated(&c->hosts);
	c->label_names = terminated(&c->labels);
}

/* Its faults are in a file of its own, whose lines they name. */
static void check_products(struct source_config *c, const char *file, struct error_report *r)
{
	struct product_map *map = NULL;
	struct error why;
	if (!*c->products)
		return;
	if (strcmp(c->kind, "csaf") != 0)
		error_report_add(r, "%s:%d: products: only kind csaf names products", file, c->named.line);
	if (product_map_open(c->products, &map, r->report, &why) < 0)
		error_report_note(r, &why);
	product_map_close(map);
}

void source_config_check(struct source_config *c, const char *file, struct error_report *r)
{
	const struct load_kind *kind = *c->kind ? load_kind_find(c->kind) : NULL;
	check_repository(c, file, r);
	if (*c->kind && !kind && !source_config_is_repository(c))
		error_report_add(r, "%s:%d: kind: there is no kind \"%s\"", file, c->named.line, c->kind);
	if (kind && load_kind_wants_ecosystem(kind) && c->ecosystems.count != 1)
		error_report_add(r, "%s:%d: ecosystem: kind %s does not say what it is of, so one is needed",
		        file, c->named.line, c->kind);
	check_trust(c, file, r);
	check_from(c, file, r);
	check_products(c, file, r);
	check_provider(c, file, r);
	check_ecosystems(c, file, r);
	check_suite(c, file, r);
	if (c->partial &&
	        ((kind && strcmp(c->kind, "apt") == 0) || (c->from && strncmp(c->from, "apt:", 4) == 0)))
		error_report_add(r, "%s:%d: partial: a suite knows all of its release", file, c->named.line);
}

void source_config_clear(struct source_config *c)
{
	free(TAKE_POINTER(c->ecosystem_names));
	free(TAKE_POINTER(c->component_names));
	free(TAKE_POINTER(c->architecture_names));
	free(TAKE_POINTER(c->host_names));
	free(TAKE_POINTER(c->label_names));
}

bool source_config_answers(const struct source_config *c, const char *ecosystem)
{
	for (size_t i = 0; c->on_demand && i < c->ecosystems.count; i++)
		if (strcmp(c->ecosystems.items[i], ecosystem) == 0)
			return true;
	return false;
}

struct source_config *source_config_of_spec(const char *spec)
{
	const char *from;
	struct source_config *c = xcalloc(1, sizeof(*c));
	c->named.name = load_source_name(spec, &from);
	const char *rest = strncmp(from, REPOSITORY_PREFIX, strlen(REPOSITORY_PREFIX)) == 0
	        ? from + strlen(REPOSITORY_PREFIX)
	        : NULL;
	const char *root = rest ? strrchr(rest, '#') : NULL;
	c->kind = xstrdup(rest ? SOURCE_CONFIG_REPOSITORY : "");
	c->from = rest ? xstrndup(rest, root ? (size_t)(root - rest) : strlen(rest)) : xstrdup(from);
	c->root = xstrdup(root ? root + 1 : "");
	c->suite = xstrdup("");
	c->licence = xstrdup("");
	c->keyring = xstrdup("");
	c->trust = xstrdup("");
	c->products = xstrdup("");
	c->precedence = VULN_PRECEDENCE_DEFAULT;
	c->required = true;
	return c;
}

struct source_config *source_config_free(struct source_config *c)
{
	if (!c)
		return NULL;
	source_config_clear(c);
	config_clear(source_config_options, source_config_n_options, c);
	free(c->named.name);
	free(c);
	return NULL;
}

struct vuln_source source_config_describe(const struct source_config *c)
{
	bool apt = strncmp(c->from, "apt:", 4) == 0;
	return (struct vuln_source){ .name = c->named.name,
		.kind = *c->kind ? c->kind
		        : apt    ? "apt"
		                 : "osv",
		.origin = c->from,
		.licence = c->licence,
		.precedence = (uint32_t)c->precedence,
		.trust = c->trust_level,
		.required = c->required,
		.partial = c->partial,
		.freshness_ms = c->fresh };
}

struct load_source source_config_to_load(const struct source_config *c, const char *cache, time_ms now)
{
	return (struct load_source){ .name = c->named.name,
		.kind = *c->kind ? c->kind : NULL,
		.from = c->from,
		.keyring = *c->keyring ? c->keyring : NULL,
		.trust = c->trust_level,
		.ecosystems = c->ecosystem_names,
		.hosts = c->host_names,
		.labels = c->labels.count ? (const char *const *)c->label_names
		                          : load_source_labels(c->kind, c->from),
		.products = *c->products ? c->products : NULL,
		.suite = *c->suite ? c->suite : NULL,
		.components = c->component_names,
		.architectures = c->architecture_names,
		.cache = cache,
		.now = now };
}
