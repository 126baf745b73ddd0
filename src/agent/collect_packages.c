/* SPDX-License-Identifier: ISC */
/*
 * The installed packages: of every package manager whose database the root has. The packages are known where
 * there is at least one and each was read; a database that cannot be read makes what the others say not all
 * of it.
 */
#include "agent/collect.h"

#include "agent/rpm_database.h"
#include "posture/apk.h"
#include "posture/dpkg.h"
#include "posture/rpm.h"
#include <errno.h>

/* Each: 1 read, 0 the root has no such database, negative: it has. */

static int read_dpkg(const struct root *root, struct posture *p, struct error *err)
{
	char *text FREE_ON_EXIT = NULL, *path FREE_ON_EXIT = xasprintf("%s/var/lib/dpkg/status", root->path);
	size_t length;
	int r = root_read_file(root, "/var/lib/dpkg/status", DPKG_STATUS_FILE_MAX, &text, &length, err);
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = dpkg_read_status_text(path, text, length, p, err);
	return r < 0 ? r : 1;
}

static int read_apk(const struct root *root, struct posture *p, struct error *err)
{
	static const char *const places[] = { "/lib/apk/db/installed", "/usr/lib/apk/db/installed" };
	int r = -ENOENT;
	for (size_t i = 0; i < ARRAY_LENGTH(places) && r == -ENOENT; i++) {
		char *text FREE_ON_EXIT = NULL, *path FREE_ON_EXIT = xasprintf("%s%s", root->path, places[i]);
		size_t length;
		r = root_read_file(root, places[i], APK_INSTALLED_FILE_MAX, &text, &length, err);
		if (r == 0)
			r = apk_read_installed(path, text, length, p, err);
	}
	return r == -ENOENT ? 0 : r < 0 ? r : 1;
}

static int read_rpm(const struct root *root, struct posture *p, struct error *err)
{
	struct rpm_database database;
	char *text FREE_ON_EXIT = NULL;
	size_t length;
	if (!rpm_database_find(root, &database))
		return 0;
	char *path FREE_ON_EXIT = xasprintf("%s%s/%s", root->path, database.folder, database.file);
	int r = rpm_database_list(root, &database, &text, &length, err);
	if (r == 0)
		r = rpm_read_list(path, text, length, p, err);
	return r < 0 ? r : 1;
}

void collect_packages(const struct root *root, struct posture *p)
{
	static int (*const managers[])(
	        const struct root *, struct posture *, struct error *) = { read_dpkg, read_apk, read_rpm };
	size_t present = 0, failed = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(managers); i++) {
		struct error err;
		int r = managers[i](root, p, &err);
		present += r != 0;
		failed += r < 0;
		if (r < 0)
			(void)posture_add_unknown(p, "packages", "%s", err.text);
	}
	if (present == 0)
		(void)posture_add_unknown(p, "packages",
		        "%s/ has none of the databases of dpkg (var/lib/dpkg/status), apk "
		        "(lib/apk/db/installed) and "
		        "rpm (var/lib/rpm, usr/lib/sysimage/rpm)",
		        root->path);
	p->packages_known = present > 0 && failed == 0;
}
