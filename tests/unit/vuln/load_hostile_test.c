/* SPDX-License-Identifier: ISC */
/* Archives and folders made to harm: bombs, nests, names that lead elsewhere, links, floods, and proofs of
 * others. */
#include "tests/unit/vuln/load_fixture.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define RECORD \
	"{\"id\":\"A-1\",\"modified\":\"2026-01-01T00:00:00Z\",\"affected\":[{\"package\":{\"ecosystem\":" \
	"\"Debian:12\"," \
	"\"name\":\"p\"},\"ranges\":[{\"type\":\"ECOSYSTEM\",\"events\":[{\"introduced\":\"0\"}]}]}]}"

static struct archive *begin(struct load_fixture *f, const char *name, int filter, bool zip)
{
	char *path FREE_ON_EXIT = xasprintf("%s/%s", f->root, name);
	struct archive *a = archive_write_new();
	if (zip)
		archive_write_set_format_zip(a);
	else
		archive_write_set_format_pax_restricted(a);
	archive_write_add_filter(a, filter);
	assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
	return a;
}

static void add(struct archive *a, const char *name, unsigned type, const char *text, uint64_t size)
{
	static const char zeros[1 << 16];
	struct archive_entry *e = archive_entry_new();
	if (archive_format(a) == ARCHIVE_FORMAT_ZIP)
		archive_entry_set_pathname_utf8(e, name);
	else
		archive_entry_set_pathname(e, name);
	archive_entry_set_filetype(e, type);
	archive_entry_set_perm(e, 0644);
	if (type == AE_IFLNK)
		archive_entry_set_symlink(e, "/etc/passwd");
	archive_entry_set_size(e, (la_int64_t)(text ? strlen(text) : size));
	/* A warning: the C locale has no such letters. */
	assert_true(archive_write_header(a, e) >= ARCHIVE_WARN);
	if (text)
		archive_write_data(a, text, strlen(text));
	for (uint64_t done = 0; !text && done < size; done += sizeof(zeros))
		archive_write_data(a, zeros, MIN(sizeof(zeros), size - done));
	archive_entry_free(e);
}

static void end(struct archive *a)
{
	archive_write_close(a);
	archive_write_free(a);
}

static void names_that_lead_out(void **state)
{
	struct load_fixture *f = *state;
	static const char *const names[] = { "../a.json", "x/../../a.json", "/etc/a.json", "x/..",
		"a\\..\\b.json" };
	struct archive *a = begin(f, "a.tar", ARCHIVE_FILTER_NONE, false);
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
		add(a, names[i], AE_IFREG, RECORD, 0);
	add(a, "..a/good.json", AE_IFREG, RECORD, 0);
	add(a, "link.json", AE_IFLNK, "", 0);
	end(a);
	load_expect(f, "osv", "a.tar", 1, 0, ARRAY_LENGTH(names));
	assert_non_null(strstr(f->report.first_refused[0], "leads out"));
	assert_int_equal(f->report.passed_over, 1);
}

/* Which the C locale has no letters for. */
static void names_in_other_letters(void **state)
{
	struct load_fixture *f = *state;
	char *path FREE_ON_EXIT = xasprintf("%s/a.zip", f->root);
	struct archive *a = archive_write_new();
	archive_write_set_format_zip(a);
	assert_int_equal(archive_write_set_options(a, "zip:hdrcharset=UTF-8"), ARCHIVE_OK);
	assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
	add(a, "caf\303\251.json", AE_IFREG, RECORD, 0);
	add(a, "th\303\251.json", AE_IFREG, "{", 0);
	end(a);
	load_expect(f, "osv", "a.zip", 1, 0, 1);
	assert_int_equal(f->report.passed_over, 0);
}

#define OF(id, version) \
	"{\"id\":\"" id \
	"\",\"modified\":\"2026-01-01T00:00:00Z\",\"affected\":[{\"package\":{\"ecosystem\":" \
	"\"Debian:12\",\"name\":\"p\"},\"ranges\":[{\"type\":\"ECOSYSTEM\",\"events\":[{\"introduced\":" \
	"\"" version "\"}]}]}]}"

/* A file that is damaged takes nothing back; one that is gone does. */
static void what_is_refused_stays(void **state)
{
	struct load_fixture *f = *state;
	load_write(f, "d/A-1.json", OF("A-1", "0"), SIZE_MAX);
	load_write(f, "d/A-2.json", OF("A-2", "0"), SIZE_MAX);
	load_write(f, "d/x.json", OF("A-3", "0"), SIZE_MAX);
	load_write(f, "d/A-4.json", OF("A-4", "0"), SIZE_MAX);
	load_expect(f, "osv", "d", 4, 0, 0);
	char *found FREE_ON_EXIT = load_match(f, "debian", "12", "deb", "p", "1");
	assert_string_equal(found, "A-1 A-2 A-3 A-4");
	load_write(f, "d/A-1.json", "{\"id\":\"A-", SIZE_MAX); /* cut off: its name says what it was */
	load_write(f, "d/A-2.json", OF("A-2", "2"), SIZE_MAX);
	load_write(f, "d/x.json", "{\"id\":\"A-3\"}", SIZE_MAX); /* its text does */
	char *gone FREE_ON_EXIT = xasprintf("%s/d/A-4.json", f->root);
	assert_int_equal(unlink(gone), 0);
	load_expect(f, "osv", "d", 1, 0, 2);
	char *left FREE_ON_EXIT = load_match(f, "debian", "12", "deb", "p", "1");
	assert_string_equal(left, "A-1 A-3");
	/* Nobody knows what a list would have held that is cut off. */
	load_write(f, "d/list.json", "[{", SIZE_MAX);
	free(gone);
	gone = xasprintf("%s/d/A-2.json", f->root);
	assert_int_equal(unlink(gone), 0);
	load_expect(f, "osv", "d", 0, 0, 3);
	char *all FREE_ON_EXIT = load_match(f, "debian", "12", "deb", "p", "3");
	assert_string_equal(all, "A-1 A-2 A-3");
}

/* What a terminal or a log would take for its own. */
static void names_are_harmless_words(void **state)
{
	struct load_fixture *f = *state;
	struct archive *a = begin(f, "a.tar", ARCHIVE_FILTER_NONE, false);
	/* C0; C1 (U+009B begins what ESC [ does) and what turns the direction of writing. */
	add(a, "x\033[2J\n<3>\302\23331m\342\200\256forged.json", AE_IFREG, "{", 0);
	end(a);
	load_expect(f, "osv", "a.tar", 0, 0, 1);
	for (const char *c = f->report.first_refused[0]; *c; c++)
		assert_in_range((unsigned char)*c, ' ', 0x7e);
}

static void archives_in_archives(void **state)
{
	struct load_fixture *f = *state;
	struct archive *a = begin(f, "a.zip", ARCHIVE_FILTER_NONE, true);
	add(a, "inner.zip", AE_IFREG, "PK", 0);
	add(a, "inner.tar.gz", AE_IFREG, "x", 0);
	add(a, "a.json.gz", AE_IFREG, "x", 0);
	add(a, "a.json", AE_IFREG, RECORD, 0);
	end(a);
	load_expect(f, "osv", "a.zip", 1, 0, 3);
	assert_non_null(strstr(f->report.first_refused[0], "packed once more"));
}

/* Much in little, as a document and as something beside documents. */
static void bombs(void **state)
{
	struct load_fixture *f = *state;
	static const struct {
		const char *archive, *name;
		int filter;
		bool zip;
	} rows[] = { { "a.zip", "a.json", ARCHIVE_FILTER_NONE, true },
		{ "a.tar.gz", "a.json", ARCHIVE_FILTER_GZIP, false },
		{ "b.tar.xz", "README", ARCHIVE_FILTER_XZ, false } };
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct archive *a = begin(f, rows[i].archive, rows[i].filter, rows[i].zip);
		add(a, rows[i].name, AE_IFREG, NULL, (uint64_t)192 << 20);
		add(a, "z.json", AE_IFREG, RECORD, 0);
		end(a);
		int r = load_try(f, "osv", rows[i].archive, VULN_TRUST_NONE, NULL);
		/* A document is refused at its own limit, before the bomb has gone off. */
		if (r == 0)
			assert_int_equal(f->report.refused, 1);
		else
			assert_non_null(strstr(f->err.text, "times its size"));
	}
}

/* What nobody reads is unpacked all the same: on the way to the proofs, and behind all documents. */
static void bombs_beside_documents(void **state)
{
	struct load_fixture *f = *state;
	for (int last = 0; last < 2; last++) {
		struct archive *a = begin(f, "a.tar.xz", ARCHIVE_FILTER_XZ, false);
		if (!last)
			add(a, "README", AE_IFREG, NULL, (uint64_t)192 << 20);
		add(a, "a.json", AE_IFREG, RECORD, 0);
		add(a, "a.json.sha256", AE_IFREG, "", 0);
		if (last)
			add(a, "README", AE_IFREG, NULL, (uint64_t)192 << 20);
		end(a);
		assert_true(load_try(f, "osv", "a.tar.xz", VULN_TRUST_NONE, NULL) < 0);
		assert_non_null(strstr(f->err.text, "times its size"));
		assert_true(load_try(f, "osv", "a.tar.xz", VULN_TRUST_CHECKSUM, NULL) < 0);
		assert_non_null(strstr(f->err.text, "times its size"));
		assert_int_equal(f->report.read, 0);
	}
}

static void packed_documents(void **state)
{
	struct load_fixture *f = *state;
	char *path FREE_ON_EXIT = xasprintf("%s/d/a.json.gz", f->root);
	load_write(f, "d/b.json", RECORD, SIZE_MAX);
	struct archive *a = archive_write_new();
	archive_write_set_format_raw(a);
	archive_write_add_filter_gzip(a);
	assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
	add(a, "a.json", AE_IFREG, RECORD, 0);
	end(a);
	load_expect(f, "osv", "d", 2, 0, 0);
	load_write(f, "d/a.json.gz", "\x1f\x8b\x08 broken", SIZE_MAX);
	load_expect(f, "osv", "d", 1, 0, 1);
}

static void links_lead_nowhere(void **state)
{
	struct load_fixture *f = *state;
	char *link FREE_ON_EXIT = xasprintf("%s/d/link.json", f->root),
	           *folder FREE_ON_EXIT = xasprintf("%s/d/up", f->root);
	load_write(f, "d/a.json", RECORD, SIZE_MAX);
	load_write(f, "out/b.json", RECORD, SIZE_MAX);
	assert_int_equal(symlink("../out/b.json", link), 0);
	assert_int_equal(symlink("../out", folder), 0);
	load_expect(f, "osv", "d", 1, 0, 0);
	assert_int_equal(f->report.passed_over, 2);
}

/* Nothing is gained by depth, by keys given twice, or by a NUL. */
static void json_of_strangers(void **state)
{
	struct load_fixture *f = *state;
	const size_t depth = 1000000;
	char *deep FREE_ON_EXIT = xmalloc(2 * depth + 1);
	memset(deep, '[', depth);
	memset(deep + depth, ']', depth);
	load_write(f, "d/a.json", deep, 2 * depth);
	load_write(f, "d/b.json", "{\"id\":\"A-1\",\"id\":\"A-2\",\"modified\":\"2026-01-01T00:00:00Z\"}",
	        SIZE_MAX);
	load_write(f, "d/c.json", "{\"id\":\"A\\u0000-1\",\"modified\":\"2026-01-01T00:00:00Z\"}", SIZE_MAX);
	load_expect(f, "osv", "d", 0, 0, 3);
	load_write(f, "e/a.json", deep, 2 * depth);
	load_expect(f, "csaf", "e", 0, 0, 1);
}

/* A checksum or a signature is of this file, under this name, or the file is refused. */
static void proofs_of_others(void **state)
{
	struct load_fixture *f = *state;
	if (!load_have_gpg())
		skip();
	load_make_key(f, "alice");
	load_make_key(f, "mallory");
	load_write(f, "d/a.json", RECORD, SIZE_MAX);
	load_write(f, "d/b.json", RECORD "\n", SIZE_MAX);
	load_sign(f, "alice", "--detach-sign", "d/a.json", "d/a.json.asc");
	load_sign(f, "mallory", "--detach-sign", "d/b.json", "d/b.json.asc");
	assert_int_equal(load_try(f, "osv", "d", VULN_TRUST_SIGNED, "alice.gpg"), 0);
	assert_int_equal(f->report.mapped, 1);
	assert_int_equal(f->report.refused, 1);
	assert_int_equal(f->report.signed_, 1);
	assert_non_null(strstr(f->report.first_refused[0], "no key of the keyring"));
	/* The signature of another file, and none. */
	load_sign(f, "alice", "--detach-sign", "d/a.json", "d/b.json.asc");
	assert_int_equal(load_try(f, "osv", "d", VULN_TRUST_SIGNED, "alice.gpg"), 0);
	assert_int_equal(f->report.refused, 1);
	assert_non_null(strstr(f->report.first_refused[0], "not over this text"));
	load_write(f, "d/c.json", RECORD, SIZE_MAX);
	assert_int_equal(load_try(f, "osv", "d", VULN_TRUST_SIGNED, "alice.gpg"), 0);
	assert_int_equal(f->report.refused, 2);
	assert_int_equal(load_try(f, "osv", "d", VULN_TRUST_CHECKSUM, NULL), 0);
	assert_int_equal(f->report.refused, 3);
	/* Without a demand, what is wrong is refused all the same where it can be told. */
	assert_int_equal(load_try(f, "osv", "d", VULN_TRUST_NONE, "alice.gpg"), 0);
	assert_int_equal(f->report.mapped, 2);
	assert_int_equal(f->report.refused, 1);
	assert_true(load_try(f, "osv", "d", VULN_TRUST_SIGNED, NULL) < 0);
}

/* In an archive the proofs stand behind their documents. */
static void proofs_in_archives(void **state)
{
	struct load_fixture *f = *state;
	static const char good[] = "9b8f5d2a6b1a4f0a  b.json\n"; /* no digest at all */
	struct archive *a = begin(f, "a.tar.gz", ARCHIVE_FILTER_GZIP, false);
	add(a, "x/b.json", AE_IFREG, RECORD, 0);
	add(a, "x/b.json.sha256", AE_IFREG, good, 0);
	add(a, "x/c.json", AE_IFREG, RECORD, 0);
	end(a);
	assert_int_equal(load_try(f, "osv", "a.tar.gz", VULN_TRUST_CHECKSUM, NULL), 0);
	assert_int_equal(f->report.refused, 2);
	assert_int_equal(load_try(f, "osv", "a.tar.gz", VULN_TRUST_NONE, NULL), 0);
	assert_int_equal(f->report.refused, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, load_set_up, load_tear_down)
	const struct CMUnitTest tests[] = { TEST(names_that_lead_out), TEST(what_is_refused_stays),
		TEST(names_in_other_letters), TEST(names_are_harmless_words), TEST(archives_in_archives),
		TEST(bombs), TEST(bombs_beside_documents), TEST(packed_documents), TEST(links_lead_nowhere),
		TEST(json_of_strangers), TEST(proofs_of_others), TEST(proofs_in_archives) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
