/* SPDX-License-Identifier: ISC */
/* The drop-in files that name sources, on trees. */
#include "agent/collect.h"
#include "tests/unit/agent/tree.h"

#include <sys/stat.h>

#define VENDOR "/usr/share/pratique/sources.d/"
#define OWNER "/etc/pratique/sources.d/"
#define ACME \
	"# of the package acme-agent\n" \
	"source acme {\n" \
	"	url = HTTPS://Feeds.example:443/osv.zip\n" \
	"	software = pkg:deb/debian/acme-agent\n" \
	"	software = PyPI\n" \
	"}\n"

static struct posture *collect(const struct tree *t)
{
	struct root root;
	struct error err;
	struct posture *p = posture_new();
	assert_int_equal(root_open(t->path, &root, &err), 0);
	collect_sources(&root, p);
	root_close(&root);
	return p;
}

static void a_vendor_names_his_feed(void **state)
{
	struct tree t = tree_make();
	tree_write(&t, VENDOR "acme.conf", ACME);
	tree_write(&t, VENDOR "acme.conf.dpkg-new", "}");
	tree_write(&t, VENDOR ".hidden.conf", "}");
	tree_write(&t, OWNER "site.conf",
	        "source a {\nurl = http://192.0.2.1/a\nsoftware = npm\n}\n"
	        "source b {\nurl = http://192.0.2.1/b\nsoftware = Go\n}\n");
	struct posture *p = collect(&t);
	assert_int_equal(p->n_unknowns, 0);
	assert_int_equal(p->n_sources, 3);
	assert_string_equal(p->sources[0].url, "https://feeds.example/osv.zip");
	assert_non_null(strstr(p->sources[0].file, VENDOR "acme.conf"));
	assert_int_equal(p->sources[0].n_software, 2);
	assert_string_equal(p->sources[0].software[0], "pkg:deb/debian/acme-agent");
	assert_string_equal(p->sources[1].url, "http://192.0.2.1/a");
	assert_string_equal(p->sources[2].software[0], "Go");
	posture_free(p);
	tree_remove(&t);
}

static void the_owner_has_the_last_word(void **state)
{
	struct tree t = tree_make();
	char *link FREE_ON_EXIT = tree_path(&t, OWNER "b.conf");
	tree_write(&t, VENDOR "a.conf", ACME);
	tree_write(&t, VENDOR "b.conf", ACME);
	tree_write(&t, VENDOR "c.conf", ACME);
	tree_write(&t, OWNER "a.conf", "");
	tree_write(&t, OWNER "c.conf", "source a {\nurl = http://192.0.2.1/a\nsoftware = npm\n}\n");
	assert_int_equal(symlink("/dev/null", link), 0);
	tree_make_folder(&t, "/dev");
	char *null FREE_ON_EXIT = tree_path(&t, "/dev/null");
	if (mknod(null, S_IFCHR | 0666, 0x103) < 0)
		tree_write(&t, "/dev/null", "");
	struct posture *p = collect(&t);
	assert_int_equal(p->n_unknowns, 0);
	assert_int_equal(p->n_sources, 1);
	assert_string_equal(p->sources[0].url, "http://192.0.2.1/a");
	posture_free(p);
	tree_remove(&t);
}

/* What is wrong is named, with the line; the file names nothing then, and the others stay. */
static void a_wrong_file_names_nothing(void **state)
{
	static const struct {
		const char *text, *reason;
	} rows[] = {
		{ "source a {\nurl = http://192.0.2.1/a\n}\n", "bad.conf:1: software: give 1 to 64" },
		{ "source a {\nsoftware = npm\n}\n", "bad.conf:1: url: must be given" },
		{ "\nsource a {\nurl = file:///etc/passwd\nsoftware = npm\n}\n", "bad.conf:2: url: " },
		{ "source a {\nurl = http://u@192.0.2.1/a\nsoftware = npm\n}\n", "user name" },
		{ "source a {\nurl = http://192.0.2.1/a\nsoftware = *\n}\n", "bad.conf:1: software: " },
		{ "source a {\nurl = http://192.0.2.1/a\nsoftware = pkg:deb/debian/a@1\n}\n",
		        "without version" },
		{ "source a {\nurl = http://192.0.2.1/a\nsoftware = npm\nfetch = yes\n}\n",
		        "bad.conf:4: fetch" },
		{ "url = http://192.0.2.1/a\n", "bad.conf:1: url: no such option" },
		{ "source a {\nurl = http://192.0.2.1/a\nsoftware = npm\n", "not closed" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct tree t = tree_make();
		tree_write(&t, OWNER "bad.conf", rows[i].text);
		tree_write(&t, OWNER "good.conf", ACME);
		struct posture *p = collect(&t);
		assert_int_equal(p->n_unknowns, 1);
		assert_string_equal(p->unknowns[0].field, "sources");
		if (!strstr(p->unknowns[0].reason, rows[i].reason))
			fail_msg("%s: not \"%s\"", p->unknowns[0].reason, rows[i].reason);
		assert_int_equal(p->n_sources, 1);
		assert_string_equal(p->sources[0].url, "https://feeds.example/osv.zip");
		posture_free(p);
		tree_remove(&t);
	}
}

static void limits_hold(void **state)
{
	struct tree t = tree_make();
	char *big FREE_ON_EXIT = xmalloc(70000), name[64];
	memset(big, '#', 70000);
	tree_write_bytes(&t, OWNER "a-big.conf", big, 70000);
	tree_write_bytes(&t, OWNER "a-nul.conf", "a\0b", 3);
	for (int i = 0; i < POSTURE_SOURCES_MAX + 1; i++) {
		snprintf(name, sizeof(name), OWNER "b%02d.conf", i);
		tree_write(&t, name, ACME);
	}
	for (int i = 0; i < 64; i++) {
		snprintf(name, sizeof(name), VENDOR "c%02d.conf", i);
		tree_write(&t, name, "");
	}
	struct posture *p = collect(&t);
	assert_int_equal(p->n_sources, POSTURE_SOURCES_MAX);
	assert_int_equal(p->n_unknowns, 4);
	assert_non_null(strstr(p->unknowns[0].reason, "more than 64 files"));
	assert_non_null(strstr(p->unknowns[1].reason, "a-big.conf"));
	assert_non_null(strstr(p->unknowns[2].reason, "NUL"));
	assert_non_null(strstr(p->unknowns[3].reason, "more than 16 sources"));
	posture_free(p);
	tree_remove(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_vendor_names_his_feed),
		cmocka_unit_test(the_owner_has_the_last_word),
		cmocka_unit_test(a_wrong_file_names_nothing),
		cmocka_unit_test(limits_hold),
	};
	return cmocka_run_group_tests_name("sources", tests, NULL, NULL);
}
