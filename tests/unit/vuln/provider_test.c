/* SPDX-License-Identifier: ISC */
/* What CSAF providers say of themselves: their metadata, their lists, and the URLs in them that nobody may be
 * led astray by. */
#include "base/cursor.h"
#include "tests/unit/test.h"
#include "tests/unit/vuln/load_fixture.h"
#include "vuln/proof.h"
#include "vuln/provider_list.h"
#include "vuln/provider_metadata.h"

#include <stdio.h>
#include <string.h>

#define OWN "https://vendor.example/.well-known/csaf/provider-metadata.json"
#define FOLDER "https://vendor.example/csaf/white/"

static const char *const hosts[] = { "files.example:8443", NULL };
static const struct provider_origin origin = { OWN, hosts };

/* Where each leads, or a word of why it may not be followed. */
static void urls(void **state)
{
	static const struct {
		const char *href, *url, *path, *why;
	} rows[] = {
		{ "2026/a-1.json", FOLDER "2026/a-1.json", "vendor.example/csaf/white/2026/a-1.json", NULL },
		{ "https://vendor.example/x/a.json", "https://vendor.example/x/a.json",
		        "vendor.example/x/a.json", NULL },
		{ "https://files.example:8443/a.json", "https://files.example:8443/a.json",
		        "files.example_8443/a.json", NULL },
		{ "https://VENDOR.example/a.json", "https://VENDOR.example/a.json", "VENDOR.example/a.json",
		        NULL },
		/* Out of the folder, however it is written. */
		{ "../../etc/passwd.json", NULL, NULL, "\"..\"" },
		{ "2026/../../a.json", NULL, NULL, "\"..\"" },
		{ "..", NULL, NULL, "\"..\"" },
		{ "./a.json", NULL, NULL, "hidden" },
		{ ".provider.json", NULL, NULL, "hidden" },
		{ "/etc/passwd.json", NULL, NULL, "empty" },
		{ "//evil.example/a.json", NULL, NULL, "empty" },
		{ "a//b.json", NULL, NULL, "empty" },
		{ "", NULL, NULL, "empty" },
		{ "%2e%2e/a.json", NULL, NULL, "encoded" },
		{ "a%2fb.json", NULL, NULL, "encoded" },
		{ "a\\..\\b.json", NULL, NULL, "odd" },
		{ "a.json?x=..", NULL, NULL, "odd" },
		{ "a.json#x", NULL, NULL, "odd" },
		{ "a b.json", NULL, NULL, "odd" },
		{ "a\r\nX-Header: 1.json", NULL, NULL, "odd" },
		{ "a\tb.json", NULL, NULL, "odd" },
		/* To others. */
		{ "https://evil.example/a.json", NULL, NULL, "another host" },
		{ "https://vendor.example.evil/a.json", NULL, NULL, "another host" },
		{ "https://vendor.example:444/a.json", NULL, NULL, "another host" },
		{ "https://files.example/a.json", NULL, NULL, "another host" },
		{ "https://vendor.example@evil.example/a.json", NULL, NULL, "no host that is plain" },
		{ "https://evil.example\\@vendor.example/a.json", NULL, NULL, "odd" },
		{ "https:///a.json", NULL, NULL, "no host that is plain" },
		{ "http://vendor.example/a.json", NULL, NULL, "https to http" },
		{ "file:///etc/passwd", NULL, NULL, "neither http nor https" },
		{ "ftp://vendor.example/a.json", NULL, NULL, "neither http nor https" },
		{ "javascript:alert(1)", NULL, NULL, "neither http nor https" },
		{ "https://vendor.example/a\r\nHost: evil/b.json", NULL, NULL, "odd" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		char *url = NULL, *path = NULL;
		struct error why = { "" };
		int r = provider_url_resolve(&origin, FOLDER "changes.csv", rows[i].href, &url, &why);
		if (r == 0)
			r = provider_url_path(url, &path, &why);
		if ((r == 0) != (rows[i].url != NULL))
			fail_msg("%s: %s", rows[i].href, r == 0 ? url : why.text);
		if (r == 0 && rows[i].url) {
			assert_string_equal(url, rows[i].url);
			assert_string_equal(path, rows[i].path);
		} else if (!rows[i].why || !strstr(why.text, rows[i].why)) {
			fail_msg("%s: %s", rows[i].href, why.text);
		}
		free(url);
		free(path);
	}
}

/* An absolute URL within the origin is below our folder as well, or refused. */
static void paths(void **state)
{
	static const char *const bad[] = { "https://vendor.example/../a.json",
		"https://vendor.example/a/%2e%2e/b", "https://vendor.example", "https://vendor.example/",
		"https://vendor.example/a?b=/../c.json", "https://vendor.example/.git/a.json" };
	char *path = NULL;
	struct error why;
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		if (provider_url_path(bad[i], &path, &why) == 0)
			fail_msg("%s is %s", bad[i], path);
	char *deep = xstrdup("https://vendor.example");
	for (int i = 0; i < 40; i++) {
		char *more = xasprintf("%s/a", deep);
		free(deep);
		deep = more;
	}
	assert_int_not_equal(provider_url_path(deep, &path, &why), 0);
	free(deep);
	deep = xasprintf("https://vendor.example/%0300d", 0);
	assert_int_not_equal(provider_url_path(deep, &path, &why), 0);
	free(deep);
	assert_int_equal(provider_url_path("http://[::1]:8080/a.json", &path, &why), 0);
	assert_string_equal(path, "___1__8080/a.json");
	free(path);
}

#define KEY "A8914CA2F11139C6A69A0018FB3CD9B15DE61596"
#define METADATA(rest) \
	"{\"metadata_version\":\"2.0\",\"role\":\"csaf_provider\",\"publisher\":{\"name\":\"Example\"}" \
	"," rest "}"

static void metadata(void **state)
{
	static const char text[] = METADATA("\"public_openpgp_keys\":[{\"fingerprint\":\"a891 "
	                                    "4CA2F11139C6A69A0018FB3CD9B15DE61596\",\"url\":\"u\"},"
	                                    "{\"fingerprint\":\"short\"}],\"distributions\":[{\"directory_"
	                                    "url\":\"https://vendor.example/white\"},"
	                                    "{\"rolie\":{\"feeds\":[{\"url\":\"f\",\"tlp_label\":\"WHITE\"},{"
	                                    "\"url\":\"g\",\"tlp_label\":\"RED\"}]}}]");
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "[]", "metadata_version" },
		{ "{", "line 1" },
		{ "{\"metadata_version\":\"1.0\"}", "1.0" },
		{ "{\"metadata_version\":\"2.0\",\"role\":\"csaf_aggregator\"}", "role" },
		{ "{\"metadata_version\":\"2.0\",\"role\":\"csaf_provider\"}", "publisher" },
		{ METADATA("\"x\":1"), "no distribution" },
		{ METADATA("\"distributions\":{}"), "not a list" },
		{ METADATA("\"distributions\":[{\"rolie\":{\"feeds\":[{}]}}]"), "without a URL" },
	};
	struct provider_metadata m;
	struct error why;
	assert_int_equal(provider_metadata_read(text, strlen(text), &m, &why), 0);
	assert_int_equal(m.n_keys, 1);
	assert_string_equal(m.keys[0].fingerprint, KEY);
	assert_int_equal(m.n_folders, 1);
	assert_string_equal(m.folders[0], "https://vendor.example/white/");
	assert_int_equal(m.n_feeds, 2);
	assert_string_equal(m.feeds[1].label, "RED");
	provider_metadata_clear(&m);
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		assert_int_not_equal(provider_metadata_read(bad[i].text, strlen(bad[i].text), &m, &why), 0);
		if (!strstr(why.text, bad[i].why))
			fail_msg("row %zu: %s", i, why.text);
	}
	static const char security[] = "Contact: mailto:a@b\r\ncsaf:  " OWN " \r\nCSAF: second\n";
	char *url FREE_ON_EXIT = provider_of_security_txt(security, strlen(security));
	assert_string_equal(url, OWN);
	assert_null(provider_of_security_txt("Contact: x\nCSAF:\n", 17));
}

/* A list, and what of it was refused. */
struct bed {
	struct provider_list list;
	char *refused; /* "what: why\n" of each */
};

static void note_refused(const char *what, const char *why, void *bed_)
{
	struct bed *bed = bed_;
	char *more = xasprintf("%s%s: %s\n", bed->refused, what, why);
	free(bed->refused);
	bed->refused = more;
}

static void open_bed(struct bed *bed)
{
	*bed = (struct bed){ .list = { .origin = &origin, .refuse = note_refused, .context = bed },
		.refused = xstrdup("") };
	provider_list_open(&bed->list);
}

static void close_bed(struct bed *bed)
{
	provider_list_close(&bed->list);
	free(bed->refused);
}

static time_ms updated_of(const struct bed *bed, const char *name)
{
	char *path FREE_ON_EXIT = xasprintf("vendor.example/csaf/white/%s", name);
	const struct provider_document *d = table_get_string(bed->list.documents, path);
	return d ? d->updated : -1;
}

/* Sorted or not, quoted or not, twice or not. */
static void changes(void **state)
{
	static const char text[] = "2026/a.json,2026-01-01T00:00:00Z\r\n"
	                           "\"2026/b.json\",\"2026-03-01T00:00:00.5+00:00\"\n"
	                           "\n"
	                           "2026/c.json,2026-02-01T00:00:00Z\n"
	                           "2026/a.json,2026-01-02T00:00:00Z\n"
	                           "2026/a.json,2025-01-01T00:00:00Z\n"
	                           "../secret.json,2026-01-01T00:00:00Z\n"
	                           "2026/d.json,yesterday\n"
	                           "2026/e.json\n"
	                           "2026/f.txt,2026-01-01T00:00:00Z\n"
	                           "\"2026/g.json,2026-01-01T00:00:00Z\n"
	                           "2026/h.json,2026-01-01T00:00:00Z,more";
	struct bed bed;
	struct error err = { "" };
	open_bed(&bed);
	assert_int_equal(provider_list_changes(&bed.list, FOLDER "changes.csv", text, strlen(text), &err), 0);
	assert_int_equal(table_count(bed.list.documents), 3);
	assert_int_equal(updated_of(&bed, "2026/a.json"), 1767312000000);
	assert_int_equal(updated_of(&bed, "2026/b.json"), 1772323200500);
	assert_int_equal(bed.list.n_refused, 6);
	assert_non_null(strstr(bed.refused, "../secret.json: a path with \"..\""));
	assert_non_null(strstr(bed.refused, "2026/d.json,yesterday: it is no line"));
	assert_non_null(strstr(bed.refused, "2026/f.txt: it is no .json"));
	close_bed(&bed);
	/* Another kind of file, such as a page that says that it is not there. */
	static const char page[] = "<html>\n<body>Not found</body>\n</html>\n";
	open_bed(&bed);
	assert_int_not_equal(
	        provider_list_changes(&bed.list, FOLDER "changes.csv", page, strlen(page), &err), 0);
	assert_non_null(strstr(err.text, "no changes.csv"));
	assert_int_equal(provider_list_changes(&bed.list, FOLDER "changes.csv", "", 0, &err), 0);
	close_bed(&bed);
	open_bed(&bed);
	assert_int_not_equal(provider_list_index(&bed.list, FOLDER "index.txt", page, strlen(page), &err), 0);
	static const char list[] = "2026/a.json\r\n2026/b.json\n../c.json\n";
	assert_int_equal(provider_list_index(&bed.list, FOLDER "index.txt", list, strlen(list), &err), 0);
	assert_int_equal(table_count(bed.list.documents), 2);
	assert_int_equal(updated_of(&bed, "2026/b.json"), 0);
	close_bed(&bed);
}

#define ENTRY(href) "{\"id\":\"i\",\"updated\":\"2026-01-01T00:00:00Z\",\"content\":{\"src\":\"" href "\"}}"
#define FEED(links, entries) "{\"feed\":{\"link\":[" links "],\"entry\":[" entries "]}}"

static void feeds(void **state)
{
	static const char text[] =
	        FEED("{\"rel\":\"self\",\"href\":\"x\"},{\"rel\":\"next\",\"href\":\"page-2.json\"}",
	                ENTRY("https://vendor.example/csaf/white/2026/a.json") "," ENTRY(
	                        "https://evil.example/"
	                        "b.json") "," ENTRY("file:///etc/passwd") ",{\"id\":\"none\"},"
	                                                                  "{\"id\":\"t\",\"link\":[{\"rel\":"
	                                                                  "\"self\",\"href\":"
	                                                                  "\"2026/"
	                                                                  "c.json\"}],\"updated\":\"2026-02-"
	                                                                  "01T00:00:00Z\"},"
	                                                                  "{\"id\":\"u\",\"content\":{"
	                                                                  "\"src\":\"2026/d.json\"}}");
	struct bed bed;
	struct error err = { "" };
	char *next = NULL;
	open_bed(&bed);
	assert_int_equal(
	        provider_list_feed(&bed.list, FOLDER "feed.json", text, strlen(text), &next, &err), 0);
	assert_string_equal(next, FOLDER "page-2.json");
	free(next);
	assert_int_equal(table_count(bed.list.documents), 2);
	assert_int_equal(updated_of(&bed, "2026/c.json"), 1769904000000);
	assert_int_equal(bed.list.n_refused, 4);
	assert_non_null(strstr(bed.refused, "evil.example/b.json: "));
	assert_non_null(strstr(bed.refused, "none: an entry of a feed without a document"));
	close_bed(&bed);
	static const char *const bad[] = { "{}", "[]", "{\"feed\":[]}", "{\"feed\":{\"entry\":{}}}",
		FEED("{\"rel\":\"next\",\"href\":\"https://evil.example/f.json\"}", "") };
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		open_bed(&bed);
		if (provider_list_feed(&bed.list, FOLDER "f.json", bad[i], strlen(bad[i]), &next, &err) == 0)
			fail_msg("row %zu is a feed", i);
		assert_null(next);
		close_bed(&bed);
	}
}

/* Who lists too much that may not be followed is not listened to. */
static void too_much(void **state)
{
	struct bed bed;
	struct error err = { "" };
	static const char row[] = "../a.json,2026-01-01T00:00:00Z\n";
	struct writer w = wr_make(SIZE_MAX);
	for (int i = 0; i <= PROVIDER_REFUSED_MAX; i++)
		wr_bytes(&w, row, strlen(row));
	open_bed(&bed);
	bed.list.refuse = NULL;
	assert_int_not_equal(
	        provider_list_changes(&bed.list, FOLDER "changes.csv", (const char *)w.data, w.length, &err),
	        0);
	wr_free(&w);
	assert_non_null(strstr(err.text, "entries that may not be followed"));
	close_bed(&bed);
}

/* Which keys an administrator has is read from his keyring, primary keys and subkeys, armoured or not. */
static void fingerprints(void **state)
{
	struct load_fixture *f = *state;
	struct proof_keys *keys = NULL;
	if (!load_have_gpg())
		return;
	load_make_key(f, "vendor");
	char *command FREE_ON_EXIT = xasprintf("gpg --homedir %s/home --batch --with-colons --list-keys "
	                                       "vendor | awk -F: '$1==\"fpr\"{print $10}' >%s/fpr",
	        f->root, f->root);
	const char *const words[] = { "/bin/sh", "-c", command, NULL };
	load_run(words);
	char *path FREE_ON_EXIT = xasprintf("%s/fpr", f->root),
	           *ring FREE_ON_EXIT = xasprintf("%s/vendor.gpg", f->root);
	char line[128] = "";
	assert_int_equal(proof_keys_open(ring, &keys, &f->err), 0);
	FILE *in = fopen(path, "re");
	assert_non_null(in);
	size_t n = 0;
	for (; fgets(line, sizeof(line), in); n++) {
		line[strcspn(line, "\n")] = '\0';
		if (!proof_keys_have(keys, line))
			fail_msg("%s is not there", line);
	}
	fclose(in);
	assert_true(n > 0);
	assert_false(proof_keys_have(keys, KEY));
	assert_false(proof_keys_have(keys, ""));
	proof_keys_close(keys);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(urls), cmocka_unit_test(paths),
		cmocka_unit_test(metadata), cmocka_unit_test(changes), cmocka_unit_test(feeds),
		cmocka_unit_test(too_much),
		cmocka_unit_test_setup_teardown(fingerprints, load_set_up, load_tear_down) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
