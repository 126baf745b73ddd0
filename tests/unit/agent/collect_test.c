/* SPDX-License-Identifier: ISC */
#include "agent/collect.h"
#include "tests/unit/agent/tree.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <sys/stat.h>
#include <utime.h>

#define LISTS "/var/lib/apt/lists/"
#define CHECKED 1790000000

static const char os_release[] =
        "ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\nPRETTY_NAME=\"Debian 12\"\n";
static const char status[] =
        "Package: dpkg\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.21.22\n\n"
        "Package: openssl\nStatus: install ok installed\nArchitecture: amd64\nVersion: 3.0.15-1~deb12u1\n\n"
        "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36-9\n\n"
        "Package: libc6\nStatus: install ok installed\nArchitecture: i386\nVersion: 2.36-9\n\n"
        "Package: tzdata\nStatus: install ok installed\nArchitecture: all\nVersion: 2025b-0\n\n"
        "Package: linux-image-6.1.0-9-amd64\nStatus: install ok installed\nArchitecture: amd64\nVersion: "
        "6.1.27-1\n\n"
        "Package: linux-image-6.1.0-28-amd64-unsigned\nStatus: install ok installed\nArchitecture: amd64\n"
        "Version: 6.1.119-1\n\n"
        "Package: linux-image-amd64\nStatus: install ok installed\nArchitecture: amd64\nVersion: "
        "6.1.119-1\n\n"
        "Package: linux-image-9.9.0-dbg\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n";
static const char security_packages[] = "Package: openssl\nArchitecture: amd64\nVersion: 3.0.16-1~deb12u1\n\n"
                                        "Package: openssl\nArchitecture: amd64\nVersion: 3.0.17-1~deb12u2\n\n"
                                        "Package: openssl\nArchitecture: arm64\nVersion: 9.0\n\n"
                                        "Package: libc6\nArchitecture: i386\nVersion: 2.36-9+deb12u1\n\n"
                                        "Package: libc6\nArchitecture: amd64\nVersion: 2.36-9\n\n"
                                        "Package: tzdata\nArchitecture: all\nVersion: 2024a-0\n\n"
                                        "Package: dpkg\nArchitecture: amd64\nVersion: not a version\n\n"
                                        "Package: unrelated\nArchitecture: amd64\nVersion: 1\n";

static struct tree debian_tree(void)
{
	struct tree t = tree_make();
	tree_write(&t, "/usr/lib/os-release", os_release);
	tree_write(&t, "/var/lib/dpkg/status", status);
	tree_write(&t, "/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
	return t;
}

static void security_suite(const struct tree *t)
{
	tree_write(t, LISTS "mirror_debian-security_dists_bookworm-security_InRelease",
	        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nOrigin: Debian\nLabel: Debian-Security\n"
	        "Suite: oldstable-security\nCodename: bookworm-security\n");
	char *path FREE_ON_EXIT =
	        tree_path(t, LISTS "mirror_debian-security_dists_bookworm-security_InRelease");
	const struct utimbuf times = { CHECKED, CHECKED };
	assert_int_equal(utime(path, &times), 0);
	/* A suite that is not security's: its newer version is not counted. */
	tree_write(t, LISTS "mirror_debian_dists_bookworm_InRelease", "Label: Debian\nSuite: oldstable\n");
	tree_write(t, LISTS "mirror_debian_dists_bookworm_main_binary-amd64_Packages",
	        "Package: tzdata\nArchitecture: all\nVersion: 2030a-0\n");
}

#define SECURITY_LIST LISTS "mirror_debian-security_dists_bookworm-security_main_binary-amd64_Packages"

static struct posture *collect(const struct tree *t)
{
	struct root root;
	struct error err;
	assert_int_equal(root_open(t->path, &root, &err), 0);
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

static void reads_a_tree(void **state)
{
	struct tree t = debian_tree();
	tree_make_folder(&t, "/lib/modules/6.1.0-30-amd64");
	tree_make_folder(&t, "/boot/vmlinuz-6.1.0-4-amd64");
	struct posture *p = collect(&t);
	assert_string_equal(p->os_id, "debian");
	assert_string_equal(p->os_codename, "bookworm");
	assert_string_equal(p->architecture, "amd64");
	assert_string_equal(p->machine_id, "0123456789abcdef0123456789abcdef");
	assert_string_equal(p->kernel_installed, "6.1.0-30-amd64");
	assert_true(p->packages_known);
	assert_int_equal(p->n_packages, 9);
	/* What only the running system could tell. */
	assert_null(p->kernel_running);
	assert_non_null(reason_of(p, "kernel.running"));
	assert_non_null(reason_of(p, "network"));
	assert_non_null(reason_of(p, "product"));
	assert_non_null(reason_of(p, "firewall"));
	assert_false(p->network_known);
	assert_int_equal(p->firewall_active, TRI_UNKNOWN);
	posture_free(p);
	tree_remove(&t);
}

static void newest_kernel_comes_from_a_package_too(void **state)
{
	struct tree t = debian_tree();
	struct posture *p = collect(&t);
	assert_string_equal(p->kernel_installed, "6.1.0-28-amd64");
	posture_free(p);
	tree_remove(&t);
}

static void assert_updates(const struct posture *p)
{
	assert_true(p->updates_known);
	assert_int_equal(p->n_updates, 2);
	assert_string_equal(p->updates[0].package, "openssl");
	assert_string_equal(p->updates[0].installed, "3.0.15-1~deb12u1");
	assert_string_equal(p->updates[0].available, "3.0.17-1~deb12u2");
	assert_string_equal(p->updates[1].package, "libc6");
	assert_string_equal(p->updates[1].available, "2.36-9+deb12u1");
	assert_int_equal(p->updates_checked, CHECKED * 1000LL);
}

static void compares_with_the_security_suite(void **state)
{
	struct tree t = debian_tree();
	security_suite(&t);
	tree_write(&t, SECURITY_LIST, security_packages);
	struct posture *p = collect(&t);
	assert_updates(p);
	posture_free(p);
	tree_remove(&t);
}

static void write_compressed(const struct tree *t, const char *name, int filter)
{
	char *path FREE_ON_EXIT = tree_path(t, name);
	struct archive *a = archive_write_new();
	assert_int_equal(archive_write_set_format_raw(a), ARCHIVE_OK);
	assert_int_equal(archive_write_add_filter(a, filter), ARCHIVE_OK);
	assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
	struct archive_entry *entry = archive_entry_new();
	archive_entry_set_filetype(entry, AE_IFREG);
	assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
	assert_int_equal(archive_write_data(a, security_packages, strlen(security_packages)),
	        strlen(security_packages));
	archive_entry_free(entry);
	assert_int_equal(archive_write_close(a), ARCHIVE_OK);
	archive_write_free(a);
}

static void reads_compressed_lists(void **state)
{
	static const struct {
		const char *end;
		int filter;
	} rows[] = { { ".lz4", ARCHIVE_FILTER_LZ4 }, { ".xz", ARCHIVE_FILTER_XZ },
		{ ".gz", ARCHIVE_FILTER_GZIP } };
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct tree t = debian_tree();
		security_suite(&t);
		char *name FREE_ON_EXIT = xasprintf(SECURITY_LIST "%s", rows[i].end);
		write_compressed(&t, name, rows[i].filter);
		struct posture *p = collect(&t);
		assert_updates(p);
		posture_free(p);
		tree_remove(&t);
	}
}

static void a_damaged_list_is_unknown_not_clean(void **state)
{
	struct tree t = debian_tree();
	security_suite(&t);
	write_compressed(&t, SECURITY_LIST ".xz", ARCHIVE_FILTER_XZ);
	char *path FREE_ON_EXIT = tree_path(&t, SECURITY_LIST ".xz");
	assert_int_equal(truncate(path, 60), 0);
	struct posture *p = collect(&t);
	assert_false(p->updates_known);
	assert_int_equal(p->n_updates, 0);
	assert_non_null(reason_of(p, "updates"));
	posture_free(p);
	tree_remove(&t);
}

static void without_lists_updates_are_unknown(void **state)
{
	struct tree t = debian_tree();
	struct posture *p = collect(&t);
	assert_false(p->updates_known);
	assert_non_null(strstr(reason_of(p, "updates"), "/var/lib/apt/lists"));
	posture_free(p);
	tree_make_folder(&t, LISTS);
	p = collect(&t);
	assert_non_null(strstr(reason_of(p, "updates"), "apt-get update"));
	posture_free(p);
	tree_remove(&t);
}

static void an_empty_tree_is_all_unknown(void **state)
{
	struct tree t = tree_make();
	struct posture *p = collect(&t);
	static const char *const fields[] = { "os", "packages", "architecture", "kernel.running",
		"kernel.installed", "machine_id", "product", "updates", "network", "firewall", "settings",
		"accounts.passwordless", "mac", "audit", "antivirus.running", "product.virtualization" };
	for (size_t i = 0; i < ARRAY_LENGTH(fields); i++)
		assert_non_null(reason_of(p, fields[i]));
	assert_false(p->packages_known);
	posture_free(p);
	tree_remove(&t);
}

/* A link in another root's tree leads nowhere outside of it. */
static void links_stay_inside(void **state)
{
	struct tree t = tree_make(), secret = tree_make();
	tree_write(&secret, "/machine-id", "ffffffffffffffffffffffffffffffff\n");
	tree_make_folder(&t, "/etc");
	char *target FREE_ON_EXIT = tree_path(&secret, "/machine-id"),
	             *link FREE_ON_EXIT = tree_path(&t, "/etc/machine-id");
	assert_int_equal(symlink(target, link), 0);
	struct posture *p = collect(&t);
	assert_null(p->machine_id);
	posture_free(p);
	/* The same link is good where the tree has that path itself. */
	tree_write(&t, target, "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee\n");
	p = collect(&t);
	assert_string_equal(p->machine_id, "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee");
	posture_free(p);
	tree_remove(&t);
	tree_remove(&secret);
}

/* The running system: whatever it is, each thing is either known or has a reason. */
static void the_running_system_is_known_or_has_reasons(void **state)
{
	struct root root;
	struct error err;
	assert_int_equal(root_open("", &root, &err), 0);
	struct posture *p = collect_posture(&root, NULL);
	assert_non_null(p->kernel_running);
	assert_true(p->network_known || reason_of(p, "network"));
	assert_true(p->firewall_active != TRI_UNKNOWN || reason_of(p, "firewall"));
	assert_true(p->forwarding_v4 != TRI_UNKNOWN || reason_of(p, "network.forwarding.ipv4"));
	for (size_t i = 0; i < p->n_interfaces; i++)
		assert_string_not_equal(p->interfaces[i].name, "lo");
	posture_free(p);
	root_close(&root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_tree),
		cmocka_unit_test(newest_kernel_comes_from_a_package_too),
		cmocka_unit_test(compares_with_the_security_suite),
		cmocka_unit_test(reads_compressed_lists),
		cmocka_unit_test(a_damaged_list_is_unknown_not_clean),
		cmocka_unit_test(without_lists_updates_are_unknown),
		cmocka_unit_test(an_empty_tree_is_all_unknown),
		cmocka_unit_test(links_stay_inside),
		cmocka_unit_test(the_running_system_is_known_or_has_reasons),
	};
	return cmocka_run_group_tests_name("collect", tests, NULL, NULL);
}
