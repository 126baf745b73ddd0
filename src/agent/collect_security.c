/* SPDX-License-Identifier: ISC */
/* Security software: ClamAV and the date of its signatures, mandatory access control, the audit daemon. */
#include "agent/collect.h"

#include "agent/netlink.h"
#include "agent/process.h"
#include "posture/cvd.h"
#include <errno.h>
#include <linux/audit.h>
#include <string.h>
#include <unistd.h>

#define DATABASES "/var/lib/clamav"
#define PROFILES_MAX (4u << 20)
#define FILESYSTEMS_MAX (64u << 10)
#define LSM_MAX 4096

/* ---- ClamAV ---- */

static bool exists(const struct root *root, const char *path)
{
	int fd;
	if (root_open_file(root, path, &fd, NULL) < 0)
		return false;
	close(fd);
	return true;
}

static int read_database(const struct root *root, const char *name, struct cvd_header *ret)
{
	char *path FREE_ON_EXIT = xasprintf(DATABASES "/%s", name), text[CVD_HEADER_SIZE];
	int fd, r = root_open_file(root, path, &fd, NULL);
	if (r < 0)
		return r;
	ssize_t n = read(fd, text, sizeof(text));
	r = n < 0 ? -errno : cvd_read_header(text, (size_t)n, ret);
	close(fd);
	return r;
}

/* daily is the database that changes; .cld is what freshclam makes of .cvd by patches: the newer one counts.
 */
static void collect_signatures(const struct root *root, struct posture *p)
{
	static const char *const names[] = { "daily.cld", "daily.cvd" };
	struct cvd_header best = { 0 }, header = { 0 };
	int r = -ENOENT;
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		int one = read_database(root, names[i], &header);
		r = one == 0 || r == -ENOENT ? one : r;
		if (one == 0 && header.made > best.made)
			best = header;
	}
	p->antivirus_signatures = best.made;
	p->antivirus_version = (struct posture_count){ .known = best.made, .value = best.version };
	if (!best.made)
		(void)posture_add_unknown(p, "antivirus.signatures", "%s" DATABASES "/daily.cvd: %s",
		        root->path, r == -EBADMSG ? "it has no header of ClamAV's" : strerror(-r));
}

static void collect_antivirus(const struct root *root, struct posture *p)
{
	static const char *const daemons[] = { "/usr/sbin/clamd", "/usr/local/sbin/clamd" };
	bool installed = exists(root, "/usr/bin/clamscan");
	p->antivirus_running = root->live ? TRI_NO : TRI_UNKNOWN;
	for (size_t i = 0; i < ARRAY_LENGTH(daemons); i++) {
		installed = installed || exists(root, daemons[i]);
		if (root->live && p->antivirus_running == TRI_NO)
			p->antivirus_running = process_runs(daemons[i]);
	}
	p->antivirus_installed = installed ? TRI_YES : TRI_NO;
	if (p->antivirus_running == TRI_UNKNOWN)
		(void)posture_add_unknown(p, "antivirus.running", "%s",
		        root->live ? "/proc cannot be read" : "this is not the running system");
	if (installed)
		collect_signatures(root, p);
}

/* ---- mandatory access control ---- */

/* Lines of "name (mode)", where the name may hold anything; -1 for a line that is none. */
static void collect_profiles(const struct root *root, struct posture *p)
{
	static const char path[] = "/sys/kernel/security/apparmor/profiles";
	char *text FREE_ON_EXIT = NULL;
	struct error err;
	uint32_t enforcing = 0, complaining = 0;
	if (root_read_file(root, path, PROFILES_MAX, &text, NULL, &err) < 0) {
		(void)posture_add_unknown(p, "mac", "%s", err.text);
		return;
	}
	for (char *line = text, *next; *line; line = next) {
		size_t n = strcspn(line, "\n");
		next = line + n + (line[n] == '\n');
		line[n] = '\0';
		const char *mode = strrchr(line, '(');
		enforcing += mode && (strcmp(mode, "(enforce)") == 0 || strcmp(mode, "(kill)") == 0);
		complaining += mode && strcmp(mode, "(complain)") == 0;
	}
	p->mac_enforcing = (struct posture_count){ true, enforcing };
	p->mac_complaining = (struct posture_count){ true, complaining };
	p->mac_mode = enforcing ? "enforcing" : complaining ? "permissive" : "disabled";
}

static bool is_listed(const struct root *root, const char *path, size_t most, const char *word)
{
	char *text FREE_ON_EXIT = NULL;
	return root_read_file(root, path, most, &text, NULL, NULL) == 0 && strstr(text, word);
}

static void collect_mac(const struct root *root, struct posture *p)
{
	char *apparmor FREE_ON_EXIT = NULL, *selinux FREE_ON_EXIT = NULL;
	(void)root_read_line(root, "/sys/module/apparmor/parameters/enabled", &apparmor, NULL);
	(void)root_read_line(root, "/sys/fs/selinux/enforce", &selinux, NULL);
	if (selinux) {
		p->mac_system = "selinux";
		p->mac_mode = strcmp(selinux, "1") == 0 ? "enforcing" : "permissive";
	} else if (apparmor && strcmp(apparmor, "Y") == 0) {
		p->mac_system = "apparmor";
		collect_profiles(root, p);
	} else if (is_listed(root, "/proc/filesystems", FILESYSTEMS_MAX, "selinuxfs")) {
		p->mac_system = "selinux";
		(void)posture_add_unknown(p, "mac.mode", "selinuxfs is not mounted");
	} else if (is_listed(root, "/sys/kernel/security/lsm", LSM_MAX, "smack")) {
		p->mac_system = "smack";
		p->mac_mode = "enforcing";
	} else if (root->live || apparmor) {
		p->mac_system = "none";
		p->mac_mode = "disabled";
	} else {
		(void)posture_add_unknown(p, "mac", "%s is not the running system", root->path);
	}
}

/* ---- the audit daemon ---- */

static int take_status(const struct nlmsghdr *message, void *context)
{
	struct posture *p = context;
	/* Older kernels send a shorter one; all have these fields. */
	if (message->nlmsg_type != AUDIT_GET ||
	        mnl_nlmsg_get_payload_len(message) < offsetof(struct audit_status, rate_limit))
		return MNL_CB_OK;
	const struct audit_status *status = mnl_nlmsg_get_payload(message);
	p->audit_active = status->enabled && status->pid ? TRI_YES : TRI_NO;
	return MNL_CB_STOP;
}

static int take_rule(const struct nlmsghdr *message, void *context)
{
	uint32_t *rules = context;
	*rules += message->nlmsg_type == AUDIT_LIST_RULES;
	return MNL_CB_OK;
}

static int ask_audit(uint16_t type, mnl_cb_t callback, void *context)
{
	char buffer[64] = { 0 };
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	request->nlmsg_type = type;
	return netlink_ask(NETLINK_AUDIT, request, callback, context);
}

static void collect_audit(const struct root *root, struct posture *p)
{
	uint32_t rules = 0;
	if (!root->live) {
		(void)posture_add_unknown(p, "audit", "%s is not the running system", root->path);
		return;
	}
	int r = ask_audit(AUDIT_GET, take_status, p);
	if (r == -EPERM ||
	        r == -ECONNREFUSED) { /* not ours to ask, as in a container; that it runs can be seen */
		p->audit_active = process_runs("/usr/sbin/auditd");
		if (p->audit_active == TRI_UNKNOWN)
			(void)posture_add_unknown(p, "audit.active", "/proc cannot be read");
	}
	if (r == -EPROTONOSUPPORT) { /* a kernel without audit */
		p->audit_active = TRI_NO;
		p->audit_rules.known = true;
		return;
	}
	if (r == 0)
		r = ask_audit(AUDIT_LIST_RULES, take_rule, &rules);
	if (r == 0)
		p->audit_rules = (struct posture_count){ true, rules };
	else
		(void)posture_add_unknown(p, p->audit_active == TRI_UNKNOWN ? "audit" : "audit.rules",
		        "the kernel does not tell: %s", strerror(-r));
}

void collect_security(const struct root *root, struct posture *p)
{
	collect_antivirus(root, p);
	collect_mac(root, p);
	collect_audit(root, p);
}
