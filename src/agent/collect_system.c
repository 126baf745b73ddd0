/* SPDX-License-Identifier: ISC */
/* Operating system, kernel and machine id, from files and uname(2). */
#include "agent/collect.h"

#include "posture/os_release.h"
#include "vuln/vuln.h"
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

#define KERNEL_IMAGE_PREFIX "vmlinuz-"
#define KERNEL_PACKAGE_PREFIX "linux-image-"

void collect_os(const struct root *root, struct posture *p)
{
	char *text FREE_ON_EXIT = NULL;
	size_t length;
	struct error err;
	/* os-release(5): /etc first, then /usr/lib. */
	if (root_read_file(root, "/etc/os-release", OS_RELEASE_FILE_MAX, &text, &length, NULL) < 0 &&
	        root_read_file(root, "/usr/lib/os-release", OS_RELEASE_FILE_MAX, &text, &length, &err) < 0) {
		(void)posture_add_unknown(p, "os", "%s", err.text);
		return;
	}
	os_release_read_text(text, length, p);
	if (!p->os_id)
		(void)posture_add_unknown(p, "os.id", "%s/etc/os-release has no ID", root->path);
	if (!p->os_version)
		(void)posture_add_unknown(p, "os.version", "%s/etc/os-release has no VERSION_ID", root->path);
}

/* dpkg's word for the native architecture: that of the packages which every Debian, Alpine and rpm system has
 * and which are never "all". */
static void collect_architecture(const struct root *root, struct posture *p)
{
	static const struct {
		const char *type, *name;
	} native[] = { { "deb", "dpkg" }, { "deb", "libc-bin" }, { "deb", "base-files" }, { "apk", "musl" },
		{ "rpm", "glibc" }, { "rpm", "rpm" } };
	for (size_t n = 0; n < ARRAY_LENGTH(native); n++)
		for (size_t i = 0; i < p->n_packages; i++) {
			const struct posture_package *package = &p->packages[i];
			if (strcmp(package->type, native[n].type) != 0 ||
			        strcmp(package->name, native[n].name) != 0 || !package->architecture)
				continue;
			p->architecture = posture_machine_architecture(package->architecture);
			if (!p->architecture)
				p->architecture = package->architecture;
			return;
		}
	struct utsname u;
	if (!root->live || uname(&u) < 0) {
		(void)posture_add_unknown(p, "architecture", "no package of %s/ tells it", root->path);
		return;
	}
	p->architecture = posture_machine_architecture(u.machine);
	if (!p->architecture)
		p->architecture = posture_string(p, u.machine);
}

/* Keeps the newer of *best and release, by dpkg's order. A release starts with a digit. */
static void take_release(struct posture *p, const char **best, const char *release)
{
	int order = 0;
	if (!isdigit((unsigned char)*release) || strlen(release) > POSTURE_STRING_MAX)
		return;
	if (*best && (version_compare(VERSION_DPKG, release, *best, &order, NULL) < 0 || order <= 0))
		return;
	*best = posture_string(p, release);
}

static void take_releases_of(
        const struct root *root, struct posture *p, const char *path, const char *prefix, const char **best)
{
	DIR *dir;
	size_t n = strlen(prefix);
	if (root_open_directory(root, path, &dir, NULL) < 0)
		return;
	for (struct dirent *e; (e = readdir(dir));)
		if (strncmp(e->d_name, prefix, n) == 0)
			take_release(p, best, e->d_name + n);
	closedir(dir);
}

/* kernel-core 5.14.0-362.el9.x86_64 is the release 5.14.0-362.el9.x86_64. */
static void take_rpm_release(struct posture *p, const struct posture_package *package, const char **best)
{
	static const char *const names[] = { "kernel", "kernel-core" };
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		if (strcmp(package->name, names[i]) != 0 || !package->architecture)
			continue;
		char *release FREE_ON_EXIT = xasprintf("%s.%s", package->version, package->architecture);
		take_release(p, best, release);
	}
}

static void take_packaged_releases(struct posture *p, const char **best)
{
	size_t n = strlen(KERNEL_PACKAGE_PREFIX);
	for (size_t i = 0; i < p->n_packages; i++) {
		if (strcmp(p->packages[i].type, "rpm") == 0)
			take_rpm_release(p, &p->packages[i], best);
		const char *name = p->packages[i].name, *dash = strrchr(name, '-');
		if (strncmp(name, KERNEL_PACKAGE_PREFIX, n) != 0 || strcmp(dash, "-dbg") == 0)
			continue;
		char *release FREE_ON_EXIT = xstrndup(
		        name + n, strlen(name + n) - (strcmp(dash, "-unsigned") == 0 ? strlen(dash) : 0));
		take_release(p, best, release);
	}
}

static void collect_kernel(const struct root *root, struct posture *p)
{
	struct utsname u;
	if (!root->live)
		(void)posture_add_unknown(p, "kernel.running", "%s is not the running system", root->path);
	else if (uname(&u) < 0)
		(void)posture_add_unknown(p, "kernel.running", "uname: %s", strerror(errno));
	else
		p->kernel_running = posture_string(p, u.release);
	const char *best = NULL;
	take_releases_of(root, p, "/boot", KERNEL_IMAGE_PREFIX, &best);
	take_releases_of(root, p, "/lib/modules", "", &best);
	take_packaged_releases(p, &best);
	p->kernel_installed = best;
	if (!best)
		(void)posture_add_unknown(p, "kernel.installed",
		        "no kernel in %s/boot or /lib/modules, and no linux-image package", root->path);
}

static void collect_machine_id(const struct root *root, struct posture *p)
{
	char *line FREE_ON_EXIT = NULL;
	struct error err;
	if (root_read_line(root, "/etc/machine-id", &line, &err) < 0)
		(void)posture_add_unknown(p, "machine_id", "%s", err.text);
	else if (strlen(line) != 32 || strspn(line, "0123456789abcdef") != 32)
		(void)posture_add_unknown(
		        p, "machine_id", "%s/etc/machine-id holds no machine id", root->path);
	else
		p->machine_id = posture_string(p, line);
}

void collect_system(const struct root *root, struct posture *p)
{
	collect_architecture(root, p);
	collect_kernel(root, p);
	collect_machine_id(root, p);
}
