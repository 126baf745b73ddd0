/* SPDX-License-Identifier: ISC */
/* The databases of apk and rpm in trees; that of rpm is made by rpm(8) itself, and a part of the tests is
 * skipped where that is not installed, or may not enter another root. */
#include "agent/collect.h"
#include "agent/rpm_database.h"
#include "tests/unit/agent/tree.h"

#include <errno.h>
#include <sys/stat.h>

static const char spec[] =
        "Name: tool\nEpoch: 2\nVersion: 1.5\nRelease: 3\nSummary: x\nLicense: ISC\nBuildArch: noarch\n"
        "%description\nx\n%package libs\nSummary: y\n%description libs\ny\n"
        "%install\nmkdir -p %{buildroot}/usr/bin %{buildroot}/usr/lib/tool\n"
        "echo x >%{buildroot}/usr/bin/tool\necho x >%{buildroot}/usr/lib/tool/lib\n"
        "%files\n/usr/bin/tool\n%files libs\n/usr/lib/tool\n";
static const char alpine[] = "P:musl\nV:1.2.4-r2\nA:x86_64\no:musl\nF:lib\nR:ld-musl-x86_64.so.1\n\n"
                             "P:tool-libs\nV:1.5-r0\nA:x86_64\no:tool\nF:usr/bin\nR:apktool\n";

static void link_to(const struct tree *t, const char *target, const char *name)
{
	char *path FREE_ON_EXIT = tree_path(t, name), *copy FREE_ON_EXIT = xstrdup(path);
	assert_int_equal(file_make_directory(dirname(copy), 0755, NULL), 0);
	assert_int_equal(symlink(target, path), 0);
}

/* A service that executes these programs, which are there. */
static void service(const struct tree *t, const char *const *programs)
{
	char *text = xstrdup("[Service]\n");
	for (; *programs; programs++) {
		char *before FREE_ON_EXIT = text;
		text = xasprintf("%sExecStart=%s\n", before, *programs);
		tree_write(t, *programs, "x");
	}
	tree_write(t, "/etc/systemd/system/x.service", text);
	link_to(t, "../x.service", "/etc/systemd/system/multi-user.target.wants/x.service");
	free(text);
}

static struct posture *collect(const struct tree *t)
{
	struct root root;
	assert_int_equal(root_open(t->path, &root, NULL), 0);
	struct posture *p = collect_posture(&root, NULL);
	root_close(&root);
	return p;
}

static const char *reason_of(const struct posture *p, const char *field)
{
	for (size_t i = 0; i < p->n_unknowns; i++)
		if (strcmp(p->unknowns[i].field, field) == 0)
			return p->unknowns[i].reason;
	return NULL;
}

static const struct posture_package *package_of(const struct posture *p, const char *type, const char *name)
{
	for (size_t i = 0; i < p->n_packages; i++)
		if (strcmp(p->packages[i].type, type) == 0 && strcmp(p->packages[i].name, name) == 0)
			return &p->packages[i];
	fail_msg("no %s package %s", type, name);
	return NULL;
}

static void an_alpine_tree(void **state)
{
	static const char *const places[] = { "/lib/apk/db/installed", "/usr/lib/apk/db/installed" };
	static const char *const programs[] = { "/usr/bin/apktool", "/usr/bin/own", NULL };
	for (size_t i = 0; i < ARRAY_LENGTH(places); i++) {
		struct tree t = tree_make();
		tree_write(&t, "/etc/os-release", "ID=alpine\nVERSION_ID=3.18.4\n");
		tree_write(&t, places[i], alpine);
		service(&t, programs);
		struct posture *p = collect(&t);
		assert_true(p->packages_known);
		assert_int_equal(p->n_packages, 2);
		assert_string_equal(package_of(p, "apk", "tool-libs")->source, "tool");
		assert_string_equal(p->architecture, "amd64");
		assert_int_equal(p->n_starting, 1);
		assert_string_equal(p->starting[0].program, "/usr/bin/own");
		/* Only apt's lists are read: what apk would update is not known, and so not nothing. */
		assert_false(p->updates_known);
		assert_non_null(strstr(reason_of(p, "updates"), "2 packages are not dpkg's"));
		posture_free(p);
		tree_remove(&t);
	}
}

/* Makes root/var/lib/rpm with two packages, at `folder` of the tree. False where this machine cannot. */
static bool make_rpm_database(const struct tree *t, const char *folder)
{
	struct tree work = tree_make();
	tree_write(&work, "/tool.spec", spec);
	char *build FREE_ON_EXIT =
	        xasprintf("rpmbuild -bb --define '_topdir %s/top' --define '_build_id_links none' "
	                  "%s/tool.spec >%s/log 2>&1",
	                work.path, work.path, work.path);
	char *install FREE_ON_EXIT =
	        xasprintf("rpm --root %s --define '_db_backend sqlite' --dbpath %s -i --justdb "
	                  "--nodeps --noscripts %s/top/RPMS/noarch/*.rpm >>%s/log 2>&1",
	                t->path, folder, work.path, work.path);
	bool made = geteuid() == 0 && system(build) == 0 && system(install) == 0;
	tree_remove(&work);
	return made;
}

static void an_rpm_tree(void **state)
{
	static const char *const folders[] = { "/var/lib/rpm", "/usr/lib/sysimage/rpm" };
	static const char *const programs[] = { "/usr/bin/tool", "/usr/bin/own", NULL };
	for (size_t i = 0; i < ARRAY_LENGTH(folders); i++) {
		struct tree t = tree_make();
		if (!make_rpm_database(&t, folders[i])) {
			tree_remove(&t);
			skip();
		}
		tree_write(&t, "/etc/os-release", "ID=fedora\nVERSION_ID=40\n");
		service(&t, programs);
		struct posture *p = collect(&t);
#ifdef AGENT_HAVE_RPM
		assert_null(reason_of(p, "packages"));
		assert_true(p->packages_known);
		assert_int_equal(p->n_packages, 2);
		const struct posture_package *libs = package_of(p, "rpm", "tool-libs");
		assert_string_equal(libs->version, "2:1.5-3");
		assert_string_equal(libs->source, "tool");
		assert_string_equal(libs->source_version, "2:1.5-3");
		assert_true(p->starting_known);
		assert_int_equal(p->n_starting, 1);
		assert_string_equal(p->starting[0].program, "/usr/bin/own");
#else
		assert_false(p->packages_known);
		assert_non_null(strstr(reason_of(p, "packages"), "without librpm"));
		assert_false(p->starting_known);
#endif
		posture_free(p);
		tree_remove(&t);
	}
}

/* Each manager's packages and files count; a database that cannot be read makes it not all. */
static void several_managers(void **state)
{
	static const char *const programs[] = { "/usr/bin/debtool", "/usr/bin/apktool", "/usr/bin/own",
		NULL };
	struct tree t = tree_make();
	tree_write(&t, "/var/lib/dpkg/status",
	        "Package: debtool\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n");
	tree_write(&t, "/var/lib/dpkg/info/debtool.list", "/usr/bin/debtool\n");
	tree_write(&t, "/lib/apk/db/installed", alpine);
	service(&t, programs);
	struct posture *p = collect(&t);
	assert_true(p->packages_known);
	assert_int_equal(p->n_packages, 3);
	assert_int_equal(p->n_starting, 1);
	assert_string_equal(p->starting[0].program, "/usr/bin/own");
	posture_free(p);
	tree_write(&t, "/var/lib/rpm/rpmdb.sqlite", "this is no database, whatever it is called");
	p = collect(&t);
	assert_false(p->packages_known);
	assert_int_equal(p->n_packages, 3);
	assert_non_null(strstr(reason_of(p, "packages"), "/var/lib/rpm/rpmdb.sqlite: "));
	assert_false(p->starting_known);
	posture_free(p);
	tree_remove(&t);
}

/* Formats that this librpm may not know are refused or read, and never empty without a word. */
static void other_formats_are_not_taken_for_empty(void **state)
{
	static const char *const files[] = { "/var/lib/rpm/Packages.db", "/var/lib/rpm/Packages" };
	for (size_t i = 0; i < ARRAY_LENGTH(files); i++) {
		struct tree t = tree_make();
		tree_write(&t, files[i], "RpmP????????????????????????????");
		struct posture *p = collect(&t);
		assert_false(p->packages_known);
		assert_non_null(reason_of(p, "packages"));
		posture_free(p);
		tree_remove(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_alpine_tree),
		cmocka_unit_test(an_rpm_tree),
		cmocka_unit_test(several_managers),
		cmocka_unit_test(other_formats_are_not_taken_for_empty),
	};
	return cmocka_run_group_tests_name("packages", tests, NULL, NULL);
}
