/* SPDX-License-Identifier: ISC */
#include "agent/monitor.h"

#include "agent/settle.h"
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <linux/xfrm.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define WATCHES_MAX 32
#define WATCH_EVENTS (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE)
/* A database of rpm is written in place. Whoever reads it, we too, opens its files for writing and makes
 * those that are missing, so that only a write is a change. */
#define DATABASE_EVENTS (IN_MODIFY | IN_MOVED_TO)
#define NETLINK_BUFFER (256 * 1024)
#define LOOK_INTERVAL_S 15
/* Those that have no RTMGRP_ name: forwarding and proxies, switched on or off; policy routing. */
#define NETCONF_GROUPS (1u << (RTNLGRP_IPV4_NETCONF - 1) | 1u << (RTNLGRP_IPV6_NETCONF - 1))
#define RULE_GROUPS (1u << (RTNLGRP_IPV4_RULE - 1) | 1u << (RTNLGRP_IPV6_RULE - 1))

enum watch_kind { WATCH_PACKAGES, WATCH_DATABASE, WATCH_OTHER, WATCH_EXTRA };

/* Folders, because files are replaced by rename; prefix: what names of interest begin with. */
struct watch {
	int descriptor;
	enum watch_kind kind;
	char *folder, *prefix;
};

static const struct {
	const char *folder, *prefix;
	enum watch_kind kind;
} host_watches[] = {
	{ "/var/lib/dpkg", "status", WATCH_PACKAGES },
	{ "/var/lib/apt/lists", "", WATCH_PACKAGES },
	{ "/lib/apk/db", "installed", WATCH_PACKAGES },
	{ "/usr/lib/apk/db", "installed", WATCH_PACKAGES },
	{ "/var/lib/rpm", "rpmdb.sqlite", WATCH_DATABASE },
	{ "/var/lib/rpm", "Packages", WATCH_DATABASE },
	{ "/usr/lib/sysimage/rpm", "rpmdb.sqlite", WATCH_DATABASE },
	{ "/usr/lib/sysimage/rpm", "Packages", WATCH_DATABASE },
	{ "/etc", "os-release", WATCH_OTHER },
	{ "/etc", "machine-id", WATCH_OTHER },
	{ "/etc", "passwd", WATCH_OTHER },
	{ "/etc", "shadow", WATCH_OTHER },
	{ "/etc/ssh", "sshd_config", WATCH_OTHER },
	{ "/etc/ssh/sshd_config.d", "", WATCH_OTHER },
	{ "/var/lib/clamav", "daily.", WATCH_OTHER },
	{ "/usr/lib", "os-release", WATCH_OTHER },
	{ "/boot", "vmlinuz-", WATCH_OTHER },
	{ "/lib/modules", "", WATCH_OTHER },
	{ "/etc/pratique/sources.d", "", WATCH_OTHER },
	{ "/usr/share/pratique/sources.d", "", WATCH_OTHER },
};

static const char *const locks[] = { "/var/lib/dpkg/lock", "/var/lib/dpkg/lock-frontend",
	"/var/lib/apt/lists/lock", "/var/lib/rpm/.rpm.lock", "/usr/lib/sysimage/rpm/.rpm.lock" };

struct monitor {
	struct monitor_config config;
	struct event_base *base;
	int inotify;
	struct event *inotify_event, *timer;
	struct watch watches[WATCHES_MAX];
	size_t n_watches;
	struct mnl_socket *sockets[3];
	struct event *socket_events[3], *look;
	struct settle settle;
};

static void note(struct monitor *m, const char *what, int error)
{
	char text[512];
	snprintf(text, sizeof(text), "%.300s is not watched: %s", what, strerror(error));
	m->config.note(m->config.context, text);
}

/* ---- settling ---- */

static bool lock_is_free(const char *path)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return true;
	bool is_free = fcntl(fd, F_GETLK, &lock) < 0 || lock.l_type == F_UNLCK;
	close(fd);
	return is_free;
}

static bool locks_are_free(void)
{
	for (size_t i = 0; i < ARRAY_LENGTH(locks); i++)
		if (!lock_is_free(locks[i]))
			return false;
	return true;
}

static void set_timer(struct monitor *m, time_ms now)
{
	time_ms at = settle_next(&m->settle, now);
	if (at == INT64_MAX)
		return;
	int64_t wait = MAX(at - now, (int64_t)0);
	const struct timeval tv = { .tv_sec = wait / 1000, .tv_usec = wait % 1000 * 1000 };
	event_add(m->timer, &tv);
}

static void on_timer(evutil_socket_t fd, short what, void *user)
{
	struct monitor *m = user;
	time_ms now = clock_monotonic_ms();
	bool is_free = !m->settle.quiet_only && locks_are_free();
	if (settle_check(&m->settle, now, is_free))
		m->config.on_settled(m->config.context);
	set_timer(m, clock_monotonic_ms());
}

static void changed(struct monitor *m, bool is_packages)
{
	time_ms now = clock_monotonic_ms();
	settle_change(&m->settle, now, is_packages);
	set_timer(m, now);
}

/* ---- files ---- */

/* A second watch of a folder shares the kernel's descriptor. */
static void watch(struct monitor *m, const char *folder, const char *prefix, enum watch_kind kind)
{
	uint32_t events = kind == WATCH_DATABASE ? DATABASE_EVENTS : WATCH_EVENTS;
	int descriptor = inotify_add_watch(m->inotify, folder, events | IN_ONLYDIR);
	if (descriptor < 0) {
		/* No kernels, no dpkg: then there is nothing to watch either. */
		if (errno != ENOENT)
			note(m, folder, errno);
		return;
	}
	if (m->n_watches == WATCHES_MAX) {
		note(m, folder, E2BIG);
		return;
	}
	m->watches[m->n_watches++] = (struct watch){
		.descriptor = descriptor, .kind = kind, .folder = xstrdup(folder), .prefix = xstrdup(prefix)
	};
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);
	return n >= m && strcmp(s + n - m, end) == 0;
}

static void take_inotify(struct monitor *m, const struct inotify_event *e)
{
	const char *name = e->len ? e->name : "";
	if (e->mask & IN_Q_OVERFLOW) {
		changed(m, true);
		return;
	}
	for (size_t i = 0; i < m->n_watches; i++) {
		const struct watch *w = &m->watches[i];
		if (w->descriptor != e->wd || strncmp(name, w->prefix, strlen(w->prefix)) != 0)
			continue;
		if (w->kind == WATCH_DATABASE && ends_with(name, "-shm"))
			continue; /* readers write there, too */
		if (w->kind != WATCH_EXTRA)
			changed(m, w->kind != WATCH_OTHER);
		else if (strcmp(name, w->prefix) == 0 && e->mask & (IN_CLOSE_WRITE | IN_MOVED_TO))
			m->config.on_extra(m->config.context);
	}
}

static void on_inotify(evutil_socket_t fd, short what, void *user)
{
	char buffer[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t n;
	while ((n = read(fd, buffer, sizeof(buffer))) > 0)
		for (char *at = buffer; at < buffer + n;) {
			const struct inotify_event *e = (const struct inotify_event *)at;
			take_inotify(user, e);
			at += sizeof(*e) + e->len;
		}
}

static void watch_files(struct monitor *m)
{
	m->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (m->inotify < 0) {
		note(m, "the file system", errno);
		return;
	}
	for (size_t i = 0; i < ARRAY_LENGTH(host_watches); i++)
		watch(m, host_watches[i].folder, host_watches[i].prefix, host_watches[i].kind);
	for (const char *const *extra = m->config.extra; extra && *extra; extra++) {
		char *folder FREE_ON_EXIT = xstrdup(*extra), *name FREE_ON_EXIT = xstrdup(*extra);
		watch(m, dirname(folder), basename(name), WATCH_EXTRA);
	}
	m->inotify_event = event_new(m->base, m->inotify, EV_READ | EV_PERSIST, on_inotify, m);
	event_add(m->inotify_event, NULL);
}

/* ---- the kernel ---- */

/* What it says does not matter: the collectors read all of it anew. */
static void on_netlink(evutil_socket_t fd, short what, void *user)
{
	char buffer[32768];
	while (recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT) > 0 || errno == ENOBUFS)
		;
	changed(user, false);
}

static void watch_netlink(struct monitor *m, size_t i, int bus, unsigned int groups, const char *name)
{
	struct mnl_socket *s = mnl_socket_open2(bus, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!s || mnl_socket_bind(s, groups, MNL_SOCKET_AUTOPID) < 0) {
		if (errno != EPROTONOSUPPORT) /* a kernel without it: there is nothing to watch */
			note(m, name, errno);
		if (s)
			mnl_socket_close(s);
		return;
	}
	const int size = NETLINK_BUFFER;
	(void)setsockopt(mnl_socket_get_fd(s), SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	m->sockets[i] = s;
	m->socket_events[i] = event_new(m->base, mnl_socket_get_fd(s), EV_READ | EV_PERSIST, on_netlink, m);
	event_add(m->socket_events[i], NULL);
}

/* ---- what nothing tells of ---- */

static void on_look(evutil_socket_t fd, short what, void *user)
{
	struct monitor *m = user;
	if (m->config.look(m->config.context))
		changed(m, false);
}

static void watch_silent(struct monitor *m)
{
	const struct timeval interval = { .tv_sec = LOOK_INTERVAL_S };
	m->look = event_new(m->base, -1, EV_PERSIST, on_look, m);
	event_add(m->look, &interval);
}

struct monitor *monitor_new(struct event_base *base, const struct monitor_config *config)
{
	struct monitor *m = xcalloc(1, sizeof(*m));
	m->config = *config;
	m->base = base;
	m->inotify = -1;
	m->timer = event_new(base, -1, 0, on_timer, m);
	watch_files(m);
	watch_netlink(m, 0, NETLINK_ROUTE,
	        RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE |
	                RTMGRP_IPV6_ROUTE | NETCONF_GROUPS | RULE_GROUPS,
	        "the network configuration");
	watch_netlink(m, 1, NETLINK_NETFILTER, 1u << (NFNLGRP_NFTABLES - 1), "the firewall");
	watch_netlink(m, 2, NETLINK_XFRM, XFRMGRP_POLICY, "the IPsec policies");
	if (config->look)
		watch_silent(m);
	return m;
}

struct monitor *monitor_free(struct monitor *m)
{
	if (!m)
		return NULL;
	for (size_t i = 0; i < ARRAY_LENGTH(m->sockets); i++) {
		if (m->socket_events[i])
			event_free(m->socket_events[i]);
		if (m->sockets[i])
			mnl_socket_close(m->sockets[i]);
	}
	if (m->look)
		event_free(m->look);
	if (m->inotify_event)
		event_free(m->inotify_event);
	if (m->inotify >= 0)
		close(m->inotify);
	for (size_t i = 0; i < m->n_watches; i++) {
		free(m->watches[i].folder);
		free(m->watches[i].prefix);
	}
	event_free(m->timer);
	free(m);
	return NULL;
}
