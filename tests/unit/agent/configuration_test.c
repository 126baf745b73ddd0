/* SPDX-License-Identifier: ISC */
/* The collectors of configuration on trees: settings, sshd, accounts, security software, product, interfaces'
 * kinds; also on trees that somebody hostile has made. */
#include "agent/collect.h"
#include "agent/command.h"
#include "agent/hardware.h"
#include "agent/process.h"
#include "agent/wireless.h"
#include "tests/unit/agent/tree.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/if_arp.h>
#include <linux/nl80211.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

typedef void (*collector)(const struct root *root, struct posture *p);

static struct posture *collect(const struct tree *t, collector one)
{
	struct root root;
	struct error err;
	struct posture *p = posture_new();
	assert_int_equal(root_open(t->path, &root, &err), 0);
	one(&root, p);
	root_close(&root);
	return p;
}

static const char *reason_of(const struct posture *p, const char *field)
{
	for (size_t i = 0; i < p->n_unknowns; i++)
		if (strcmp(p->unknowns[i].field, field) == 0)
			return p->unknowns[i].reason;
	return "";
}

static const char *value_of(const struct posture_settings *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i].name, name) == 0)
			return list->items[i].value;
	return NULL;
}

static void link_to(const struct tree *t, const char *target, const char *name)
{
	char *path FREE_ON_EXIT = tree_path(t, name), *copy FREE_ON_EXIT = xstrdup(path);
	assert_int_equal(file_make_directory(dirname(copy), 0755, NULL), 0);
	assert_int_equal(symlink(target, path), 0);
}

static void settings(void **state)
{
	struct tree t = tree_make();
	tree_write(&t, "/proc/sys/kernel/kptr_restrict", "2\n");
	tree_write(&t, "/proc/sys/kernel/core_pattern", "\n");
	tree_write(&t, "/proc/sys/net/ipv4/conf/all/rp_filter", "1\t  0\n");
	tree_write(&t, "/proc/sys/kernel/sysrq", "\x1b[2J\x07");
	link_to(&t, "dmesg_restrict", "/proc/sys/kernel/dmesg_restrict");
	struct posture *p = collect(&t, collect_settings);
	assert_true(p->settings.known);
	assert_string_equal(value_of(&p->settings, "kernel.kptr_restrict"), "2");
	assert_string_equal(value_of(&p->settings, "kernel.core_pattern"), "");
	assert_string_equal(value_of(&p->settings, "net.ipv4.conf.all.rp_filter"), "1 0");
	assert_string_equal(value_of(&p->settings, "kernel.sysrq"), "?[2J?");
	assert_null(value_of(&p->settings, "kernel.dmesg_restrict"));
	assert_non_null(strstr(reason_of(p, "settings.kernel.dmesg_restrict"), "symbolic links"));
	posture_free(p);
	tree_remove(&t);
}

static void sshd_of_a_tree(void **state)
{
	struct tree t = tree_make();
	struct posture *p = collect(&t, collect_sshd);
	assert_int_equal(p->sshd_installed, TRI_NO);
	assert_false(p->sshd.known);
	posture_free(p);
	/* The program of a tree is not run. */
	tree_write(&t, "/usr/sbin/sshd", "#!/bin/sh\necho permitrootlogin yes\n");
	char *program FREE_ON_EXIT = tree_path(&t, "/usr/sbin/sshd");
	assert_int_equal(chmod(program, 0755), 0);
	tree_write(&t, "/etc/ssh/sshd_config",
	        "Include /etc/ssh/sshd_config.d/*.conf\nInclude gone/*.conf\nPermitRootLogin yes\n"
	        "Match Address 192.0.2.1\nPermitRootLogin forced-commands-only\n");
	tree_write(&t, "/etc/ssh/sshd_config.d/20-b.conf", "PermitRootLogin prohibit-password\nUsePAM yes\n");
	tree_write(&t, "/etc/ssh/sshd_config.d/10-a.conf", "PermitRootLogin no\n");
	tree_write(&t, "/etc/ssh/sshd_config.d/00-hidden", "UsePAM no\n");
	p = collect(&t, collect_sshd);
	assert_int_equal(p->sshd_installed, TRI_YES);
	assert_int_equal(p->sshd.count, 3);
	assert_string_equal(p->sshd.items[0].value, "no");
	assert_string_equal(p->sshd.items[1].value, "yes");
	assert_string_equal(p->sshd.items[2].value, "forced-commands-only");
	assert_string_equal(p->sshd.items[2].match, "Address 192.0.2.1");
	assert_non_null(strstr(reason_of(p, "sshd.settings"), "not the running system"));
	posture_free(p);
	tree_remove(&t);
}

/* What cannot be followed to its end leaves nothing known, since a Match block may say anything. */
static void hostile_sshd(void **state)
{
	static const struct {
		const char *text, *reason;
	} rows[] = {
		{ "UsePAM yes\nInclude sshd_config\n", "include each other" },
		{ "UsePAM yes\nInclude /etc/*/x\n", "only the last part" },
		{ "UsePAM yes\nBanner \"\n", "quote" },
		{ "UsePAM yes\nInclude outside\n", "outside" },
		{ "UsePAM yes\nInclude turning\n", "symbolic links" },
	};
	struct tree t = tree_make(), secret = tree_make();
	tree_write(&secret, "/outside", "PermitRootLogin yes\n");
	tree_write(&t, "/usr/sbin/sshd", "");
	char *outside FREE_ON_EXIT = tree_path(&secret, "/outside");
	link_to(&t, outside, "/etc/ssh/outside");
	link_to(&t, "turning", "/etc/ssh/turning");
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		tree_write(&t, "/etc/ssh/sshd_config", rows[i].text);
		struct posture *p = collect(&t, collect_sshd);
		assert_false(p->sshd.known);
		assert_int_equal(p->sshd.count, 0);
		assert_non_null(strstr(p->unknowns[p->n_unknowns - 1].reason, rows[i].reason));
		posture_free(p);
	}
	char *big FREE_ON_EXIT = xmalloc(2u << 20);
	memset(big, '#', 2u << 20);
	tree_write_bytes(&t, "/etc/ssh/sshd_config", big, 2u << 20);
	struct posture *p = collect(&t, collect_sshd);
	assert_false(p->sshd.known);
	posture_free(p);
	tree_remove(&t);
	tree_remove(&secret);
}

static void accounts(void **state)
{
	struct tree t = tree_make();
	tree_write(&t, "/etc/passwd", "root:x:0:0::/root:/bin/sh\nguest:x:1:1::/:/bin/sh\n");
	struct posture *p = collect(&t, collect_accounts);
	assert_false(p->passwordless_known);
	assert_non_null(strstr(reason_of(p, "accounts.passwordless"), "/etc/shadow"));
	posture_free(p);
	tree_write(&t, "/etc/shadow", "root:$y$secret:1:::::\nguest::1:::::\n");
	p = collect(&t, collect_accounts);
	assert_int_equal(p->n_passwordless, 1);
	assert_string_equal(p->passwordless[0], "guest");
	json_t *json = posture_to_json(p);
	char *text FREE_ON_EXIT = json_dumps(json, 0);
	assert_null(strstr(text, "secret"));
	json_decref(json);
	posture_free(p);
	/* A pipe would block, and a device may do anything. */
	char *path FREE_ON_EXIT = tree_path(&t, "/etc/shadow");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	p = collect(&t, collect_accounts);
	assert_false(p->passwordless_known);
	assert_non_null(strstr(reason_of(p, "accounts.passwordless"), "No such device"));
	posture_free(p);
	assert_int_equal(unlink(path), 0);
	if (mknod(path, S_IFCHR | 0600, makedev(1, 5)) == 0) {
		p = collect(&t, collect_accounts);
		assert_non_null(strstr(reason_of(p, "accounts.passwordless"), "No such device"));
		posture_free(p);
	}
	tree_remove(&t);
}

#define CVD "ClamAV-VDB:07 Nov 2024 04-34 -0500:27450:2067654:90:X:X:raynman:1730972094    "
#define CLD "ClamAV-VDB:09 Nov 2024 04-34 -0500:27452:2067654:90:X:X:raynman:1731144894    "

static void security_software(void **state)
{
	struct tree t = tree_make();
	struct posture *p = collect(&t, collect_security);
	assert_int_equal(p->antivirus_installed, TRI_NO);
	assert_int_equal(p->antivirus_running, TRI_UNKNOWN);
	assert_null(p->mac_system);
	posture_free(p);
	tree_write(&t, "/usr/sbin/clamd", "");
	tree_write(&t, "/var/lib/clamav/daily.cvd", "no database");
	p = collect(&t, collect_security);
	assert_int_equal(p->antivirus_installed, TRI_YES);
	assert_int_equal(p->antivirus_signatures, 0);
	assert_non_null(strstr(reason_of(p, "antivirus.signatures"), "no header"));
	posture_free(p);
	tree_write(&t, "/var/lib/clamav/daily.cvd", CVD);
	tree_write(&t, "/var/lib/clamav/daily.cld", CLD);
	tree_write(&t, "/sys/module/apparmor/parameters/enabled", "Y\n");
	tree_write(&t, "/sys/kernel/security/apparmor/profiles",
	        "/usr/sbin/x (complain) (enforce)\nkiller (kill)\nfree (unconfined)\nsoft (complain)\nodd\n");
	p = collect(&t, collect_security);
	assert_int_equal(p->antivirus_signatures, 1731144894000);
	assert_int_equal(p->antivirus_version.value, 27452);
	assert_string_equal(p->mac_system, "apparmor");
	assert_string_equal(p->mac_mode, "enforcing");
	assert_int_equal(p->mac_enforcing.value, 2);
	assert_int_equal(p->mac_complaining.value, 1);
	posture_free(p);
	tree_write(&t, "/sys/fs/selinux/enforce", "0");
	p = collect(&t, collect_security);
	assert_string_equal(p->mac_system, "selinux");
	assert_string_equal(p->mac_mode, "permissive");
	posture_free(p);
	tree_remove(&t);
}

static void product(void **state)
{
	static const struct {
		const char *file, *text;
	} files[] = { { "sys_vendor", "QEMU" }, { "product_name", "Standard PC \x1b[1m" },
		{ "product_serial", "S-1" }, { "product_uuid", "abc" }, { "board_vendor", "Acme" },
		{ "board_name", "B" }, { "board_serial", "BS" }, { "bios_vendor", "SeaBIOS" },
		{ "bios_version", "1.16" }, { "bios_date", "04/01/2014" }, { "chassis_type", "129" } };
	struct tree t = tree_make();
	for (size_t i = 0; i < ARRAY_LENGTH(files); i++) {
		char *name FREE_ON_EXIT = xasprintf("/sys/class/dmi/id/%s", files[i].file);
		tree_write(&t, name, files[i].text);
	}
	struct posture *p = collect(&t, collect_product);
	assert_string_equal(p->product_name, "Standard PC ?[1m");
	assert_string_equal(p->product_uuid, "abc");
	assert_string_equal(p->board_serial, "BS");
	assert_string_equal(p->bios_date, "2014-04-01");
	assert_string_equal(p->chassis, "other"); /* the lock bit is not the type */
	assert_string_equal(p->virtualization, "qemu");
	assert_int_equal(p->n_unknowns, 0);
	posture_free(p);
	tree_write(&t, "/sys/class/dmi/id/sys_vendor", "Acme");
	tree_write(&t, "/sys/class/dmi/id/bios_date", "2014-04-01");
	tree_write(&t, "/sys/class/dmi/id/chassis_type", "99");
	tree_write(&t, "/proc/cpuinfo", "processor: 0\nflags\t: fpu hypervisor vme\n");
	p = collect(&t, collect_product);
	assert_string_equal(p->virtualization, "vm");
	assert_null(p->bios_date);
	assert_null(p->chassis);
	assert_int_equal(p->n_unknowns, 2);
	posture_free(p);
	tree_write(&t, "/proc/cpuinfo", "flags\t: fpu vme\n");
	p = collect(&t, collect_product);
	assert_string_equal(p->virtualization, "none");
	posture_free(p);
	tree_write_bytes(&t, "/proc/1/environ", "A=1\0container=lxc\0", 18);
	p = collect(&t, collect_product);
	assert_string_equal(p->virtualization, "container");
	posture_free(p);
	tree_remove(&t);
}

static void kinds_of_hardware(void **state)
{
	static const struct {
		const char *file, *text;
		unsigned int type;
		const char *kind;
	} rows[] = {
		{ "uevent", "INTERFACE=x\nIFINDEX=2\n", ARPHRD_ETHER, "ethernet" },
		{ "uevent", "DEVTYPE=wlan\nINTERFACE=x\n", ARPHRD_ETHER, "wireless" },
		{ "phy80211/name", "phy0", ARPHRD_ETHER, "wireless" },
		{ "wireless/x", "", ARPHRD_ETHER, "wireless" },
		{ "uevent", "DEVTYPE=wwan", ARPHRD_NONE, "mobile" },
		{ "uevent", "DEVTYPE=ppp\n", ARPHRD_PPP, "ppp" },
		{ "tun_flags", "0x1001", ARPHRD_NONE, "tun" },
		{ "flags", "", ARPHRD_SIT, "sit" },
		{ "flags", "", ARPHRD_RAWIP, "mobile" },
		{ "flags", "", ARPHRD_INFINIBAND, "arphrd-32" },
		{ "uevent", "DEVTYPE=\x1b]0;\n", ARPHRD_ETHER, "?]0;" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct tree t = tree_make();
		struct root root;
		struct posture *p = posture_new();
		char *name FREE_ON_EXIT = xasprintf("/sys/class/net/x/%s", rows[i].file);
		tree_write(&t, name, rows[i].text);
		assert_int_equal(root_open(t.path, &root, NULL), 0);
		assert_string_equal(hardware_kind(&root, p, "x", rows[i].type), rows[i].kind);
		root_close(&root);
		posture_free(p);
		tree_remove(&t);
	}
}

/* As the kernel's nl80211 says it; there is no radio where this test runs. */
static void say_mode(struct posture *p, const char *name, size_t name_length, const uint32_t *mode)
{
	char buffer[256] = { 0 };
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	(void)mnl_nlmsg_put_extra_header(message, sizeof(struct genlmsghdr));
	mnl_attr_put_u32(message, NL80211_ATTR_IFINDEX, 3);
	mnl_attr_put(message, NL80211_ATTR_IFNAME, name_length, name);
	if (mode)
		mnl_attr_put_u32(message, NL80211_ATTR_IFTYPE, *mode);
	assert_int_equal(wireless_take_interface(message, p), MNL_CB_OK);
}

static void wireless_modes(void **state)
{
	static const struct {
		uint32_t type;
		const char *mode;
	} rows[] = { { NL80211_IFTYPE_STATION, "station" }, { NL80211_IFTYPE_ADHOC, "ad-hoc" },
		{ NL80211_IFTYPE_AP, "ap" }, { NL80211_IFTYPE_MONITOR, "monitor" },
		{ NL80211_IFTYPE_MESH_POINT, "mesh" }, { 200, "other" }, { UINT32_MAX, "other" } };
	struct posture *p = posture_new();
	(void)posture_add_interface(p, &(struct posture_interface){ .name = "eth0", .kind = "ethernet" });
	(void)posture_add_interface(p, &(struct posture_interface){ .name = "wlan0", .kind = "wireless" });
	say_mode(p, "wlan0", sizeof("wlan0"), NULL);
	say_mode(p, "wlan0", 5, &rows[1].type); /* without its NUL it is no name */
	say_mode(p, "wlan1", sizeof("wlan1"), &rows[1].type);
	assert_null(p->interfaces[1].wireless_mode);
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		say_mode(p, "wlan0", sizeof("wlan0"), &rows[i].type);
		assert_string_equal(p->interfaces[1].wireless_mode, rows[i].mode);
	}
	assert_null(p->interfaces[0].wireless_mode);
	posture_free(p);
}

static void commands(void **state)
{
	char *output = NULL;
	size_t length;
	struct error err;
	if (getuid() != 0)
		skip(); /* only programs of root's are run, and /bin is */
	const char *const hello[] = { "/bin/sh", "-c", "cat; echo hello; env | grep -c .", NULL };
	assert_int_equal(command_run(hello, &output, &length, &err), 0);
	assert_int_equal(strncmp(output, "hello\n", 6), 0);
	free(output);
	const char *const fails[] = { "/bin/sh", "-c", "echo it is broken >&2; exit 3", NULL };
	assert_int_equal(command_run(fails, &output, &length, &err), -EIO);
	assert_string_equal(err.text, "/bin/sh failed: it is broken");
	const char *const floods[] = { "/bin/sh", "-c",
		"while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done", NULL };
	assert_int_equal(command_run(floods, &output, &length, &err), -EFBIG);
	/* One that closes its output and stays is ended in time. */
	const char *const stays[] = { "/bin/sh", "-c", "exec >&- 2>&-; sleep 1000", NULL };
	assert_int_equal(command_run(stays, &output, &length, &err), -ETIMEDOUT);
	const char *const gone[] = { "/nowhere/sshd", NULL };
	assert_int_equal(command_run(gone, &output, &length, &err), -ENOENT);
	/* What others can write is not run. */
	struct tree t = tree_make();
	tree_write(&t, "/sshd", "#!/bin/sh\necho port 22\n");
	char *path FREE_ON_EXIT = tree_path(&t, "/sshd");
	const char *const open[] = { path, NULL };
	assert_int_equal(chmod(path, 0777), 0);
	assert_int_equal(command_run(open, &output, &length, &err), -EPERM);
	assert_int_equal(chmod(path, 0755), 0);
	assert_int_equal(command_run(open, &output, &length, &err), 0);
	free(output);
	tree_remove(&t);
}

static void running_programs(void **state)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	assert_true(n > 0);
	path[n] = '\0';
	assert_int_equal(process_runs(path), getuid() == 0 ? TRI_YES : TRI_NO);
	assert_int_equal(process_runs("/usr/sbin/no-such-daemon"), TRI_NO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings),
		cmocka_unit_test(sshd_of_a_tree),
		cmocka_unit_test(hostile_sshd),
		cmocka_unit_test(accounts),
		cmocka_unit_test(security_software),
		cmocka_unit_test(product),
		cmocka_unit_test(kinds_of_hardware),
		cmocka_unit_test(wireless_modes),
		cmocka_unit_test(commands),
		cmocka_unit_test(running_programs),
	};
	return cmocka_run_group_tests_name("configuration", tests, NULL, NULL);
}
