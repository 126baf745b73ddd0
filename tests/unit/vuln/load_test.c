/* SPDX-License-Identifier: ISC */
/* Sources: a folder, archives of every kind, one file, and apt's lists; sound and malformed. */
#include "base/file.h"
#include "tests/unit/test.h"
#include "vuln/load.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORD(id) \
	"{\"id\":\"" id \
	"\",\"modified\":\"2026-01-01T00:00:00Z\",\"affected\":[{\"package\":{\"ecosystem\":\"Debian:12\"," \
	"\"name\":\"p\"},\"ranges\":[{\"type\":\"ECOSYSTEM\",\"events\":[{\"introduced\":\"0\"},{\"fixed\":" \
	"\"2\"}]}]}]}"

struct fixture {
	char root[64];
	struct vuln_update *update;
	struct load_report report;
	struct load load;
};

static const struct {
	const char *name, *text;
} files[] = { { "a/one.json", RECORD("A-1") }, { "b/two.json", RECORD("A-2") },
	{ "b/README.md", "not a record" }, { "broken.json", "{\"id\": 1" } };

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct error err;
	strcpy(f->root, "vuln-load-test-XXXXXX");
	if (!mkdtemp(f->root))
		return -1;
	char *index FREE_ON_EXIT = xasprintf("%s/index", f->root);
	if (vuln_update_open(index, &f->update, &err) < 0)
		return -1;
	f->load = (struct load){ .update = f->update, .report = &f->report };
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	vuln_update_close(f->update);
	load_report_clear(&f->report);
	nftw(f->root, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static void write_file(struct fixture *f, const char *name, const char *text)
{
	char *path FREE_ON_EXIT = xasprintf("%s/%s", f->root, name);
	char *folder FREE_ON_EXIT = xstrdup(path);
	*strrchr(folder, '/') = '\0';
	struct error err;
	if (file_make_directory(folder, 0755, &err) < 0 ||
	        file_replace(path, text, strlen(text), 0644, &err) < 0)
		fail_msg("%s", err.text);
}

static void load(struct fixture *f, const char *format, const char *name)
{
	char *path FREE_ON_EXIT = xasprintf("%s/%s", f->root, name);
	char *spec FREE_ON_EXIT = xasprintf(format, path);
	struct error err;
	load_report_clear(&f->report);
	if (load_source_spec(&f->load, spec, &err) < 0)
		fail_msg("%s", err.text);
}

static void expect_three(struct fixture *f)
{
	assert_int_equal(f->report.read, 3);
	assert_int_equal(f->report.mapped, 2);
	assert_int_equal(f->report.refused, 1);
	assert_non_null(strstr(f->report.first_refused[0], "broken.json: "));
}

static void a_folder(void **state)
{
	struct fixture *f = *state;
	char *target FREE_ON_EXIT = xasprintf("%s/osv/link.json", f->root);
	for (size_t i = 0; i < ARRAY_LENGTH(files); i++) {
		char *name FREE_ON_EXIT = xasprintf("osv/%s", files[i].name);
		write_file(f, name, files[i].text);
	}
	assert_int_equal(symlink("a/one.json", target), 0);
	load(f, "%s", "osv");
	expect_three(f);
}

static void make_archive(struct fixture *f, const char *name, int filter, bool zip)
{
	char *path FREE_ON_EXIT = xasprintf("%s/%s", f->root, name);
	struct archive *a = archive_write_new();
	if (zip)
		archive_write_set_format_zip(a);
	else
		archive_write_set_format_pax_restricted(a);
	archive_write_add_filter(a, filter);
	assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
	for (size_t i = 0; i < ARRAY_LENGTH(files); i++) {
		struct archive_entry *e = archive_entry_new();
		archive_entry_set_pathname(e, files[i].name);
		archive_entry_set_filetype(e, AE_IFREG);
		archive_entry_set_perm(e, 0644);
		archive_entry_set_size(e, (la_int64_t)strlen(files[i].text));
		archive_write_header(a, e);
		archive_write_data(a, files[i].text, strlen(files[i].text));
		archive_entry_free(e);
	}
	archive_write_close(a);
	archive_write_free(a);
}

static void archives(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *name;
		int filter;
		bool zip;
	} kinds[] = { { "a.zip", ARCHIVE_FILTER_NONE, true }, { "a.tar", ARCHIVE_FILTER_NONE, false },
		{ "a.tar.gz", ARCHIVE_FILTER_GZIP, false }, { "a.tar.xz", ARCHIVE_FILTER_XZ, false } };
	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
		make_archive(f, kinds[i].name, kinds[i].filter, kinds[i].zip);
		load(f, "%s", kinds[i].name);
		expect_three(f);
	}
}

static void a_broken_archive_is_an_error(void **state)
{
	struct fixture *f = *state;
	struct error err;
	make_archive(f, "a.tar.xz", ARCHIVE_FILTER_XZ, false);
	char *path FREE_ON_EXIT = xasprintf("%s/a.tar.xz", f->root);
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size / 2), 0);
	assert_true(load_source_spec(&f->load, path, &err) < 0);
	write_file(f, "a.zip", "this is no archive at all");
	char *text FREE_ON_EXIT = xasprintf("%s/a.zip", f->root);
	assert_true(load_source_spec(&f->load, text, &err) < 0);
	assert_true(load_source_spec(&f->load, "there-is-no-such-file.zip", &err) < 0);
}

static void names_of_sources(void **state)
{
	static const char *const rows[][3] = { { "/x/debian-osv.tar.xz", "debian-osv",
		                                       "/x/debian-osv.tar.xz" },
		{ "/x/osv/", "osv", "/x/osv/" }, { "site=/x/y.zip", "site", "/x/y.zip" },
		{ "apt:", "debian-security (apt)", "apt:" }, { "lists=apt:/root", "lists", "apt:/root" },
		{ "a.json", "a", "a.json" } };
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		const char *path;
		char *name FREE_ON_EXIT = load_source_name(rows[i][0], &path);
		assert_string_equal(name, rows[i][1]);
		assert_string_equal(path, rows[i][2]);
	}
}

struct seen {
	char text[512];
};

static int note_match(const struct vuln_match *m, void *context)
{
	struct seen *seen = context;
	size_t n = strlen(seen->text);
	snprintf(seen->text + n, sizeof(seen->text) - n, "%s %s %s\n", m->package->name, m->id, m->fixed);
	return 0;
}

/* The suite's list: a binary whose version is not its source's, an older duplicate, and a broken stanza. */
static void write_lists(struct fixture *f)
{
	write_file(f, "var/lib/apt/lists/mirror_debian-security_dists_bookworm-security_InRelease",
	        "Origin: Debian\nLabel: Debian-Security\nVersion: 12\nCodename: bookworm-security\n"
	        "Date: Fri, 20 Nov 2026 10:00:00 UTC\n");
	write_file(f,
	        "var/lib/apt/lists/mirror_debian-security_dists_bookworm-security_main_binary-amd64_Packages",
	        "Package: libssl3\nSource: openssl (3.0.15-1)\nVersion: 3.0.15-1+b2\nArchitecture: amd64\n\n"
	        "Package: libssl-dev\nSource: openssl\nVersion: 3.0.15-1\n\n"
	        "Package: libssl-doc\nSource: openssl\nVersion: 3.0.15-1\n\n"
	        "Package: openssl\nVersion: 3.0.15-1\nArchitecture: amd64\n\n"
	        "Package: openssl\nVersion: 3.0.14-1\nArchitecture: amd64\n\n"
	        "Package: broken\nVersion: not_a_version\nArchitecture: amd64\n\n"
	        "Package: linux-image-amd64\nSource: linux-signed-amd64 (6.1.148+1)\nVersion: 6.1.148-1\n");
	write_file(f, "var/lib/apt/lists/mirror_debian_dists_bookworm_main_binary-amd64_Packages",
	        "Package: bash\nVersion: 99\nArchitecture: amd64\n");
}

static void security_lists_of_apt(void **state)
{
	struct fixture *f = *state;
	struct vuln_update_result result;
	struct vuln_index *index;
	struct error err;
	write_lists(f);
	load(f, "apt:%s", "");
	assert_int_equal(f->report.mapped, 2);
	assert_int_equal(f->report.refused, 1);
	assert_int_equal(vuln_update_commit(f->update, 1, NULL, NULL, &result, &err), 0);
	char *dir FREE_ON_EXIT = xasprintf("%s/index", f->root);
	assert_int_equal(vuln_index_open(dir, &index, &err), 0);
	struct posture_package packages[] = {
		{ "deb", "libssl3", "3.0.15-1", "amd64", "openssl", "3.0.15-1" },
		{ "deb", "openssl", "3.0.15-1", "amd64", "openssl", "3.0.15-1" },
		{ "deb", "linux-image-amd64", "6.1.147-1", "amd64", "linux-signed-amd64", "6.1.147+1" },
		{ "deb", "bash", "5.2.15-2", "amd64", "bash", "5.2.15-2" },
	};
	struct posture p = { .os_id = "debian", .os_version = "12", .packages = packages, .n_packages = 4 };
	struct seen seen = { "" };
	assert_int_equal(vuln_match_posture(index, &p, note_match, &seen, NULL, &err), 0);
	assert_string_equal(seen.text,
	        "libssl3 DEBIAN-SECURITY:bookworm:openssl:3.0.15-1 3.0.15-1+b2\n"
	        "linux-image-amd64 DEBIAN-SECURITY:bookworm:linux-signed-amd64:6.1.148+1 6.1.148-1\n");
	vuln_index_close(index);
	load(f, "apt:%s", "");
	assert_int_equal(vuln_update_commit(f->update, 2, NULL, NULL, &result, &err), 0);
	assert_int_equal(result.generation, 1);
}

static void a_mark_follows_the_files(void **state)
{
	struct fixture *f = *state;
	write_file(f, "osv/a.json", RECORD("A-1"));
	char *path FREE_ON_EXIT = xasprintf("%s/osv", f->root);
	char *first FREE_ON_EXIT = load_source_mark(&(struct load_source){ .from = path });
	char *same FREE_ON_EXIT = load_source_mark(&(struct load_source){ .from = path });
	assert_string_equal(first, same);
	write_file(f, "osv/a.json", RECORD("A-12"));
	char *changed FREE_ON_EXIT = load_source_mark(&(struct load_source){ .from = path });
	assert_string_not_equal(first, changed);
	assert_null(load_source_mark(&(struct load_source){ .from = "there-is-no-such-folder" }));
	/* A proof that comes later, or another keyring, may make another verdict of the same document. */
	char *file FREE_ON_EXIT = xasprintf("%s/osv/a.json", f->root),
	           *ring FREE_ON_EXIT = xasprintf("%s/ring.asc", f->root);
	write_file(f, "ring.asc", "one");
	const struct load_source single = { .from = file, .keyring = ring };
	char *marks[4];
	marks[0] = load_source_mark(&single);
	write_file(f, "osv/a.json.asc", "proof");
	marks[1] = load_source_mark(&single);
	marks[2] = load_source_mark(&single);
	write_file(f, "ring.asc", "one and two");
	marks[3] = load_source_mark(&single);
	assert_string_not_equal(marks[0], marks[1]);
	assert_string_equal(marks[1], marks[2]);
	assert_string_not_equal(marks[2], marks[3]);
	for (size_t i = 0; i < ARRAY_LENGTH(marks); i++)
		free(marks[i]);
}

int main(void)
{
#define WITH_ROOT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		WITH_ROOT(a_folder),
		WITH_ROOT(archives),
		WITH_ROOT(a_broken_archive_is_an_error),
		cmocka_unit_test(names_of_sources),
		WITH_ROOT(security_lists_of_apt),
		WITH_ROOT(a_mark_follows_the_files),
	};
	return cmocka_run_group_tests_name("load", tests, NULL, NULL);
}
