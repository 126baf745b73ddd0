/* SPDX-License-Identifier: ISC */
/* `pratique vuln import`: sources of every kind into an index, or only looked at. */
#include "ctl/ctl.h"
#include "ctl/load_words.h"
#include "vuln/load_fetch.h"
#include "vuln/product_map.h"

#include <inttypes.h>
#include <string.h>

#define WORDS "vuln import"

struct import {
	const char *kind, *name, *keyring, *trust, *index, *licence, *cache, *products, *suite;
	int64_t precedence;
	struct command_texts ecosystems, components, architectures, hosts, labels;
	bool check, json;
	char canonical[COMMAND_TEXTS_MAX][ECOSYSTEM_NAME_MAX]; /* the ecosystems' names */
};

/* Into the update, or past the parser alone. */
struct target {
	struct vuln_update *update;
	struct osv_parser check;
	json_t *sources;
	struct table *kept; /* struct kept of the index as it is */
	bool nothing;       /* one of them has no document that is sound */
};

/* What was said of a source when it was imported before, and is not said now. */
struct kept {
	char *licence;
	uint32_t precedence;
};

static int keep(const struct vuln_source *source, void *all)
{
	struct kept *kept = xcalloc(1, sizeof(*kept));
	*kept = (struct kept){ xstrdup(source->licence), source->precedence };
	table_set_string(all, source->name, kept);
	return 0;
}

static void free_kept(void *kept_)
{
	struct kept *kept = kept_;
	free(kept->licence);
	free(kept);
}

/* By name. Nothing where there is no index yet, or an older one, which loses what it said. */
static struct table *read_kept(const char *dir)
{
	struct table *all = table_new();
	struct vuln_index *index = NULL;
	if (vuln_index_open(dir, &index, NULL) == 0)
		(void)vuln_index_each_source(index, keep, all, NULL);
	vuln_index_close(index);
	return all;
}

/* What `vuln sources` and findings say of it. */
static void describe(const struct import *im, const struct load_source *s, const char *origin,
        const struct load_report *report, struct target *t)
{
	const struct kept *kept = table_get_string(t->kept, s->name);
	bool apt = strncmp(s->from, "apt:", 4) == 0;
	char *path FREE_ON_EXIT = apt ? NULL : realpath(origin, NULL);
	const struct vuln_source described = { .name = s->name,
		.kind = s->kind ? s->kind
		        : apt   ? "apt"
		                : "osv",
		.origin = path ? path : origin,
		.licence = im->licence ? im->licence
		        : kept         ? kept->licence
		                       : "",
		.precedence = im->precedence >= 0 ? (uint32_t)im->precedence
		        : kept                    ? kept->precedence
		                                  : VULN_PRECEDENCE_DEFAULT,
		.trust = s->trust,
		.required = true,
		.loaded = s->now,
		.counted = true,
		.unmapped = report->unmapped,
		.refused = report->refused };
	vuln_update_put_source(t->update, &described);
}

static int load_one(const struct import *im, const char *spec, struct target *t, struct error *err)
{
	struct load_report report = { 0 };
	const char *from;
	char *own_name FREE_ON_EXIT = load_source_name(spec, &from);
	struct load_source source = { .name = im->name ? im->name : own_name,
		.kind = im->suite ? "apt" : im->kind,
		.from = from,
		.keyring = im->keyring,
		.suite = im->suite,
		.components = im->components.items,
		.architectures = im->architectures.items,
		.cache = im->cache,
		.products = im->products,
		.hosts = im->hosts.n ? im->hosts.items : NULL,
		.labels = im->labels.n ? im->labels.items : load_source_labels(im->kind, from),
		.fetched = &report,
		.ecosystems = im->ecosystems.n ? im->ecosystems.items : NULL,
		.now = clock_wall_ms() };
	if (im->trust)
		(void)vuln_trust_parse(im->trust, &source.trust);
	else if (strncmp(from, "https://", 8) == 0)
		source.trust = VULN_TRUST_TRANSPORT;
	struct load_progress progress = load_progress_begin(source.name);
	source.fetching = load_progress_fetch;
	source.fetching_context = &progress;
	char *fetched FREE_ON_EXIT = NULL;
	int r = load_fetch(&source, &fetched, err);
	if (r < 0) {
		load_progress_end(&progress);
		load_report_clear(&report);
		return r;
	}
	const char *origin = source.from;
	if (fetched)
		source.from = fetched;
	if (t->update)
		vuln_update_replace_source(t->update, source.name);
	const struct load l = { .update = t->update,
		.check = &t->check,
		.report = &report,
		.progress = load_progress_show,
		.context = &progress };
	r = load_source(&l, &source, err);
	load_progress_end(&progress);
	if (r == 0 && t->update)
		describe(im, &source, origin, &report, t);
	if (r == 0 && !im->json)
		load_report_print(source.name, &report);
	else if (r == 0)
		json_array_append_new(t->sources, load_report_to_json(source.name, &report));
	t->nothing |= report.read == report.refused;
	if (r == 0 && t->update)
		r = load_report_check(&report, err);
	load_report_clear(&report);
	return r;
}

static int finish(const struct import *im, struct target *t, struct error *err)
{
	struct vuln_update_result result = { 0 };
	int r = t->update ? vuln_update_commit(t->update, clock_wall_ms(), NULL, NULL, &result, err) : 0;
	if (r < 0)
		return r;
	json_int_t changed = (json_int_t)result.records_put + (json_int_t)result.records_removed;
	if (im->json) {
		json_t *all = json_pack("{s:O}", "sources", t->sources);
		if (t->update) {
			json_object_set_new(all, "changed", json_integer(changed));
			json_object_set_new(all, "generation", json_integer((json_int_t)result.generation));
		}
		(void)json_dumpf(all, stdout, JSON_COMPACT);
		putchar('\n');
		json_decref(all);
	} else if (t->update) {
		printf("%lld records changed; generation %" PRIu64 ".\n", (long long)changed,
		        result.generation);
	}
	return 0;
}

/* Every fault of a file of products, each on a line; it is read again with each source. */
static void print_fault(const char *text)
{
	fprintf(stderr, "%s\n", text);
}

static int check_products(const struct import *im)
{
	struct product_map *map = NULL;
	struct error err;
	int r = im->products ? product_map_open(im->products, &map, print_fault, &err) : 0;
	product_map_close(map);
	return r < 0 ? CTL_FAILURE : CTL_OK;
}

/* Of whoever calls; NULL where that is nobody with a home. */
static char *own_cache(void)
{
	const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	if (base && *base == '/')
		return xasprintf("%s/pratique/vuln", base);
	return home && *home == '/' ? xasprintf("%s/.cache/pratique/vuln", home) : NULL;
}

/* All of the sources, or nothing: where one cannot be read the index stays as it was. */
static int run(const struct import *im, char **specs)
{
	struct target t = { .sources = json_array() };
	struct error err;
	int lock, r = im->check ? 0 : vuln_index_lock(im->index, false, &lock, &err); /* it ends with us */
	if (r == 0 && !im->check) {
		t.kept = read_kept(im->index);
		r = vuln_update_open(im->index, &t.update, &err);
	}
	for (; r == 0 && *specs; specs++)
		r = load_one(im, *specs, &t, &err);
	if (r == 0)
		r = finish(im, &t, &err);
	vuln_update_close(t.update);
	osv_parser_clear(&t.check);
	table_free(t.kept, free_kept);
	json_decref(t.sources);
	if (r < 0)
		return ctl_fail(WORDS, "%s", err.text);
	return im->check && t.nothing ? CTL_FAILURE : CTL_OK;
}

static bool is_csaf(const struct import *im)
{
	return im->kind && strcmp(im->kind, "csaf") == 0;
}

static int check_line(const struct command_line *line, struct import *im, size_t n_sources)
{
	enum vuln_trust trust;
	if (!im->check == !im->index)
		return command_line_wrong(line, "either --index DIR or --check");
	if (im->kind && !load_kind_find(im->kind))
		return command_line_wrong(line, "there is no kind \"%s\"", im->kind);
	if (im->trust && vuln_trust_parse(im->trust, &trust) < 0)
		return command_line_wrong(line, "--trust is none, transport, checksum or signed");
	if (im->trust && trust == VULN_TRUST_SIGNED && !im->keyring)
		return command_line_wrong(line, "--trust signed needs --keyring");
	for (size_t i = 0; i < im->labels.n; i++)
		if (!load_label_is_known(im->labels.items[i]))
			return command_line_wrong(line, "--tlp: \"%s\" is no label", im->labels.items[i]);
	if (im->labels.n && !is_csaf(im))
		return command_line_wrong(line, "--tlp is for --kind csaf");
	const char *unknown = load_ecosystems_read(&im->ecosystems, im->canonical);
	if (unknown)
		return command_line_wrong(line, "\"%s\" is no ecosystem that is known here", unknown);
	if (im->kind && load_kind_wants_ecosystem(load_kind_find(im->kind)) && im->ecosystems.n != 1)
		return command_line_wrong(line, "%s does not say of what it is: --ecosystem does", im->kind);
	if (im->products && !is_csaf(im))
		return command_line_wrong(line, "--products is for --kind csaf");
	if (im->suite && strcmp(im->kind ? im->kind : "apt", "apt") != 0)
		return command_line_wrong(line, "--suite is for --kind apt");
	if ((im->components.n || im->architectures.n) && !im->suite)
		return command_line_wrong(line, "--component and --architecture go together with --suite");
	if (im->name && n_sources > 1)
		return command_line_wrong(line, "--name is for one source");
	return CTL_OK;
}

/* The kinds are said where they are known. */
static char *about(void)
{
	struct writer w = wr_make(SIZE_MAX);
	static const char text[] =
	        "Reads sources of advisories, translates them to OSV and puts them into an index, each in "
	        "the place\n"
	        "of what its name held before, or only checks them. A SOURCE is a folder, an archive, a "
	        "file or a\n"
	        "URL, and NAME=SOURCE names it otherwise than after its file. What is malformed, or fails a "
	        "proof, "
	        "is\n"
	        "refused and named; the rest is loaded: read = mapped + unmapped + refused.\n\n"
	        "Kinds:\n";
	wr_bytes(&w, text, sizeof(text) - 1);
	for (size_t i = 0; load_kind_name(i); i++) {
		char *line FREE_ON_EXIT = xasprintf("  %-14s %s\n", load_kind_name(i), load_kind_about(i));
		wr_bytes(&w, line, strlen(line));
	}
	w.data[w.length - 1] = '\0';
	size_t length;
	return (char *)wr_take(&w, &length);
}

int ctl_vuln_import(int argc, char **argv)
{
	struct import im = { .precedence = -1 };
	char *text FREE_ON_EXIT = about(), *cache FREE_ON_EXIT = own_cache();
	const struct command_option options[] = {
		{ 'k', "kind", "KIND", "what the sources are (osv; apt for apt:)", COMMAND_TEXT, &im.kind },
		{ 'n', "name", "NAME", "what the index calls the source", COMMAND_TEXT, &im.name },
		{ 0, "index", "DIR", "the index; made where it is not there", COMMAND_TEXT, &im.index },
		{ 0, "check", NULL, "look at the sources, and put them nowhere", COMMAND_FLAG, &im.check },
		{ 0, "keyring", "FILE", "OpenPGP keys whose signatures count", COMMAND_TEXT, &im.keyring },
		{ 0, "trust", "TRUST",
		        "what each document must prove: none, transport (https), checksum or signed",
		        COMMAND_TEXT, &im.trust },
		{ 0, "ecosystem", "NAME",
		        "what the sources may speak of (Debian:12); may be given several times",
		        COMMAND_TEXTS, &im.ecosystems },
		{ 0, "products", "FILE",
		        "kind csaf: which packages the products are that have no package URL", COMMAND_TEXT,
		        &im.products },
		{ 0, "suite", "SUITE", "kind apt: of the archive at SOURCE (bookworm-security)", COMMAND_TEXT,
		        &im.suite },
		{ 0, "component", "NAME", "kind apt: which of the suite's; several times; none: all",
		        COMMAND_TEXTS, &im.components },
		{ 0, "architecture", "NAME",
		        "kind apt: whose package lists, or source; several times; none: source",
		        COMMAND_TEXTS, &im.architectures },
		{ 0, "host", "HOST",
		        "kind csaf: whom a provider may send us to beside itself; may be given several times",
		        COMMAND_TEXTS, &im.hosts },
		{ 0, "tlp", "LABEL",
		        "kind csaf: whose labels are taken (a provider's URL: WHITE); may be given several "
		        "times",
		        COMMAND_TEXTS, &im.labels },
		{ 0, "cache", "DIR", "where what is fetched from URLs is kept (~/.cache/pratique/vuln)",
		        COMMAND_TEXT, &im.cache },
		{ 0, "licence", "TEXT",
		        "under which the sources are published; kept where it is not given again",
		        COMMAND_TEXT, &im.licence },
		{ 0, "precedence", "N", "of two sources that disagree the lower stands (100); kept likewise",
		        COMMAND_NUMBER, &im.precedence, 0, VULN_PRECEDENCE_MAX },
		{ 'j', "json", NULL, "the summary as one JSON object", COMMAND_FLAG, &im.json },
	};
	const struct command_line line = {
		.program = "pratique",
		.words = WORDS,
		.synopsis = "--index DIR | --check [OPTIONS] SOURCE...",
		.about = text,
		.options = options,
		.n_options = ARRAY_LENGTH(options),
		.closing =
		        "Exit status: 0 done, 1 failed (the index is as it was), or --check found nothing "
		        "sound in "
		        "a SOURCE,\n2 wrong usage.\n\n"
		        "Examples:\n"
		        "  pratique vuln import --check --kind csaf provider/\n"
		        "  pratique vuln import --index index --kind csaf --trust signed --keyring "
		        "vendor.asc "
		        "vendor=csaf/\n"
		        "  pratique vuln import --index index --cache cache --suite bookworm-security \\\n"
		        "      --keyring /usr/share/keyrings/debian-archive-keyring.gpg --trust signed \\\n"
		        "      http://deb.debian.org/debian-security\n"
		        "  pratique vuln import --index index --kind csaf --cache cache --keyring vendor.asc "
		        "--trust signed vendor=https://vendor.example\n"
		        "  pratique vuln import --index index --kind updateinfo --ecosystem AlmaLinux:9 "
		        "updateinfo.xml.gz",
		.least = 1,
		.most = SIZE_MAX,
		.argument = "at least one SOURCE",
	};
	char **sources;
	int code = command_line_parse(&line, argc, argv, &sources);
	if (code != COMMAND_GO_ON)
		return code;
	if (!im.cache)
		im.cache = cache;
	size_t n = 0;
	while (sources[n])
		n++;
	code = check_line(&line, &im, n);
	if (code == CTL_OK)
		code = check_products(&im);
	return code != CTL_OK ? code : run(&im, sources);
}
