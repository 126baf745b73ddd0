/* SPDX-License-Identifier: ISC */
/*
 * What machine it is: DMI as the kernel decodes it (SMBIOS, DSP0134), and whether it is a virtual one or a
 * container. A machine without DMI, as most that are not of the PC kind, has its device tree's model.
 */
#include "agent/collect.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define FOLDER "/sys/class/dmi/id"
#define CPUINFO_MAX (4u << 20)
#define ENVIRONMENT_MAX (256u << 10)

/* DSP0134 7.4.1, table 17. */
static const char *const chassis_types[] = { NULL, "other", "unknown", "desktop", "low-profile-desktop",
	"pizza-box", "mini-tower", "tower", "portable", "laptop", "notebook", "hand-held", "docking-station",
	"all-in-one", "sub-notebook", "space-saving", "lunch-box", "server", "expansion", "sub-chassis",
	"bus-expansion", "peripheral", "raid", "rack-mount", "sealed-case", "multi-system", "compact-pci",
	"advanced-tca", "blade", "blade-enclosure", "tablet", "convertible", "detachable", "iot-gateway",
	"embedded", "mini-pc", "stick-pc" };

static char *read_dmi(const struct root *root, const char *file, struct error *err)
{
	char *path FREE_ON_EXIT = xasprintf(FOLDER "/%s", file), *line = NULL;
	return root_read_line(root, path, &line, err) < 0 ? NULL : line;
}

static void collect_texts(const struct root *root, struct posture *p)
{
	const struct {
		const char *file, *field;
		const char **to;
	} files[] = { { "sys_vendor", "product.vendor", &p->product_vendor },
		{ "product_name", "product.name", &p->product_name },
		{ "product_serial", "product.serial", &p->product_serial },
		{ "product_uuid", "product.uuid", &p->product_uuid },
		{ "board_vendor", "product.board_vendor", &p->board_vendor },
		{ "board_name", "product.board_name", &p->board_name },
		{ "board_serial", "product.board_serial", &p->board_serial },
		{ "bios_vendor", "product.bios_vendor", &p->bios_vendor },
		{ "bios_version", "product.bios_version", &p->bios_version } };
	for (size_t i = 0; i < ARRAY_LENGTH(files); i++) {
		struct error err;
		char *line FREE_ON_EXIT = read_dmi(root, files[i].file, &err);
		if (line)
			*files[i].to = posture_string(p, line);
		else
			(void)posture_add_unknown(p, files[i].field, "%s", err.text);
	}
}

/* SMBIOS writes mm/dd/yyyy. */
static void collect_bios_date(const struct root *root, struct posture *p)
{
	struct error err;
	struct tm date = { 0 };
	char text[16], *line FREE_ON_EXIT = read_dmi(root, "bios_date", &err);
	const char *rest = line ? strptime(line, "%m/%d/%Y", &date) : NULL;
	if (!line) {
		(void)posture_add_unknown(p, "product.bios_date", "%s", err.text);
	} else if (!rest || *rest || date.tm_year < 70) {
		(void)posture_add_unknown(
		        p, "product.bios_date", "%s" FOLDER "/bios_date is no date", root->path);
	} else {
		(void)strftime(text, sizeof(text), "%Y-%m-%d", &date);
		p->bios_date = posture_string(p, text);
	}
}

static void collect_chassis(const struct root *root, struct posture *p)
{
	struct error err;
	char *line FREE_ON_EXIT = read_dmi(root, "chassis_type", &err), *end = NULL;
	unsigned long type = line ? strtoul(line, &end, 10) & 0x7f : 0; /* the highest bit: has a lock */
	if (!line)
		(void)posture_add_unknown(p, "product.chassis", "%s", err.text);
	else if (*end || type == 0 || type >= ARRAY_LENGTH(chassis_types))
		(void)posture_add_unknown(
		        p, "product.chassis", "%s" FOLDER "/chassis_type is no type", root->path);
	else
		p->chassis = chassis_types[type];
}

/* ---- virtual or not ---- */

static const struct {
	const char *word, *name; /* the beginning of vendor or product */
} hypervisors[] = { { "QEMU", "qemu" }, { "KVM", "kvm" }, { "Bochs", "bochs" }, { "VMware", "vmware" },
	{ "innotek GmbH", "virtualbox" }, { "VirtualBox", "virtualbox" }, { "Xen", "xen" },
	{ "Parallels", "parallels" }, { "Virtual Machine", "hyper-v" }, { "Amazon EC2", "amazon" },
	{ "Google Compute", "google" }, { "OpenStack", "openstack" }, { "BHYVE", "bhyve" },
	{ "Apple Virtualization", "apple" } };

/* Flags of the first processor: the hypervisor bit of CPUID. */
static bool has_hypervisor_bit(const struct root *root)
{
	char *text FREE_ON_EXIT = NULL;
	if (root_read_file(root, "/proc/cpuinfo", CPUINFO_MAX, &text, NULL, NULL) < 0)
		return false;
	char *flags = strstr(text, "\nflags");
	if (!flags)
		return false;
	flags[1 + strcspn(flags + 1, "\n")] = '\0';
	return strstr(flags, " hypervisor") != NULL;
}

/* As container managers tell the first process (systemd's Container Interface), or by the file that they
 * leave. */
static bool is_container(const struct root *root)
{
	static const char *const files[] = { "/.dockerenv", "/run/.containerenv", "/run/systemd/container" };
	char *text FREE_ON_EXIT = NULL;
	size_t length, at = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(files); i++) {
		int fd;
		if (root_open_file(root, files[i], &fd, NULL) == 0) {
			close(fd);
			return true;
		}
	}
	if (root_read_file(root, "/proc/1/environ", ENVIRONMENT_MAX, &text, &length, NULL) < 0)
		return false;
	while (at < length) {
		if (strncmp(text + at, "container=", strlen("container=")) == 0)
			return true;
		at += strlen(text + at) + 1;
	}
	return false;
}

static const char *hypervisor_of(const struct posture *p)
{
	const char *const texts[] = { p->product_vendor, p->product_name, p->board_vendor, p->bios_vendor };
	for (size_t t = 0; t < ARRAY_LENGTH(texts); t++)
		for (size_t i = 0; texts[t] && i < ARRAY_LENGTH(hypervisors); i++)
			if (strncasecmp(texts[t], hypervisors[i].word, strlen(hypervisors[i].word)) == 0)
				return hypervisors[i].name;
	return NULL;
}

static void collect_virtualization(const struct root *root, struct posture *p)
{
	const char *hypervisor = hypervisor_of(p);
	if (is_container(root))
		p->virtualization = "container";
	else if (hypervisor)
		p->virtualization = hypervisor;
	else if (has_hypervisor_bit(root))
		p->virtualization = "vm";
	else if (root->live || p->product_vendor)
		p->virtualization = "none";
	else
		(void)posture_add_unknown(
		        p, "product.virtualization", "%s is not the running system", root->path);
}

void collect_product(const struct root *root, struct posture *p)
{
	DIR *dir;
	struct error err;
	if (root_open_directory(root, FOLDER, &dir, &err) == 0) {
		closedir(dir);
		collect_texts(root, p);
		collect_bios_date(root, p);
		collect_chassis(root, p);
	} else {
		char *model FREE_ON_EXIT = NULL;
		if (root_read_line(root, "/sys/firmware/devicetree/base/model", &model, NULL) == 0)
			p->product_name = posture_string(p, model);
		else
			(void)posture_add_unknown(p, "product", "%s", err.text);
	}
	collect_virtualization(root, p);
}
