/* SPDX-License-Identifier: ISC */
#include "softwire/resources.h"

#include "base/file.h"
#include "net/daemon.h"
#include "softwire/tun_address.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TAP_BYTES_MAX (1ull << 30)
#define LOCK_TRIES 200
#define LOCK_WAIT_MS 50

int resources_find_user(const struct softwire_options *o, uid_t *ret_uid, gid_t *ret_gid, struct error *err)
{
	*ret_uid = geteuid();
	*ret_gid = getegid();
	if (*ret_uid != 0)
		return 0;
	const struct passwd *p = getpwnam(o->user);
	if (!p)
		return error_set(err, -EINVAL,
		        "user: there is no user %s; make one (useradd --system --user-group --no-create-home "
		        "%s) or name another",
		        o->user, o->user);
	if (p->pw_uid == 0)
		return error_set(err, -EINVAL, "user: root may not be it; name an ordinary user");
	*ret_uid = p->pw_uid;
	*ret_gid = p->pw_gid;
	return 0;
}

/* Ours alone: sockets, keys of charon, leases. */
static int make_directory(const struct resources *r, const char *path, struct error *err)
{
	struct stat st;
	int code = file_make_directory(path, 0700, err);
	if (code < 0)
		return code;
	if (lstat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		return error_set(err, -ENOTDIR, "%s is no directory", path);
	if (st.st_uid != 0 && st.st_uid != r->uid)
		return error_set(err, -EACCES, "%s belongs to somebody else than %u", path, (unsigned)r->uid);
	if (geteuid() == 0 && (chown(path, r->uid, r->gid) < 0 || chmod(path, 0700) < 0))
		return error_set(err, -errno, "%s: %s", path, strerror(errno));
	return 0;
}

/* Where clear L2TP is taken, the kernel says by which interface it came; more than one of them is the
 * filter's matter alone. */
static int trusted_interface(const struct softwire_options *o, unsigned *ret, struct error *err)
{
	*ret = 0;
	for (size_t i = 0; i < o->trusted_interfaces.count; i++) {
		unsigned index = if_nametoindex(o->trusted_interfaces.items[i]);
		if (!index)
			return error_set(err, -ENODEV, "trusted_interface: there is no interface %s",
			        o->trusted_interfaces.items[i]);
		*ret = i == 0 ? index : 0;
	}
	return 0;
}

static int set_addresses(const struct softwire_options *o, struct dataplane_config *c, struct error *err)
{
	static const char *const any[] = { "0.0.0.0", "::" };
	unsigned interface;
	int r = trusted_interface(o, &interface, err);
	for (size_t i = 0; r == 0 && i < (o->role == SOFTWIRE_CONCENTRATOR ? o->n_listen : 2u); i++) {
		struct dataplane_address *a = &c->addresses[c->n_addresses];
		a->trusted = o->trusted_interfaces.count > 0;
		a->trusted_interface = interface;
		if (o->role == SOFTWIRE_CONCENTRATOR)
			a->ip = o->listen[i];
		else
			(void)ip_parse(any[i], &a->ip);
		c->n_addresses++;
	}
	return r;
}

static int open_tap(const struct softwire_options *o, struct resources *r, struct error *err)
{
	if (!*o->tap)
		return 0;
	r->plane.tap = open(o->tap, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	r->plane.tap_bytes_max = TAP_BYTES_MAX;
	return r->plane.tap < 0 ? error_set(err, -errno, "tap: %s: %s", o->tap, strerror(errno)) : 0;
}

static int open_plane(const struct softwire_options *o, struct resources *r, struct error *err)
{
	struct dataplane_config *c = &r->plane;
	char *path FREE_ON_EXIT = xasprintf("%s/dataplane", o->run_directory);
	c->role = o->role == SOFTWIRE_CONCENTRATOR ? DATAPLANE_CONCENTRATOR : DATAPLANE_INITIATOR;
	c->no_ipsec = o->ipsec == SOFTWIRE_IPSEC_NONE;
	c->kernel_ipsec = o->ipsec == SOFTWIRE_IPSEC_KERNEL;
	c->n_workers = o->workers ? (uint32_t)o->workers : dataplane_workers_default();
	c->n_workers = MIN(c->n_workers, (uint32_t)DATAPLANE_WORKERS_MAX);
	for (uint32_t i = 0; i < c->n_workers; i++)
		c->workers[i] = (struct dataplane_worker){ .cpu = -1, .tun = -1 };
	dataplane_pin_workers(c);
	c->tun_mtu = (uint16_t)(o->outer_mtu - 80);
	int code = set_addresses(o, c, err);
	if (code == 0)
		code = dataplane_open_tun(c, o->tun, r->uid, r->tun, err);
	if (code == 0)
		code = dataplane_open_sockets(c, err);
	if (code == 0 && !c->no_ipsec)
		code = dataplane_open_charon_listener(c, path, r->uid, err);
	if (code == 0)
		code = open_tap(o, r, err);
	return code;
}

/* The initiator's concentrators that need no resolver. */
static size_t known_concentrators(
        const struct softwire_options *o, struct ip_address ret[LINK_CONCENTRATORS_MAX])
{
	size_t n = 0;
	for (size_t i = 0; o->role == SOFTWIRE_INITIATOR && i < o->concentrators.count; i++)
		if (n < LINK_CONCENTRATORS_MAX && ip_parse(o->concentrators.items[i], &ret[n]) == 0)
			n++;
	return n;
}

/* The one before may be about to end, which takes it some seconds. */
static int lock_state(const struct softwire_options *o, struct resources *r, struct error *err)
{
	r->lock = open(o->state_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->lock < 0)
		return error_set(err, -errno, "%s: %s", o->state_directory, strerror(errno));
	for (int i = 0; flock(r->lock, LOCK_EX | LOCK_NB) < 0; i++) {
		const struct timespec wait = { 0, LOCK_WAIT_MS * 1000000L };
		if (errno != EWOULDBLOCK || i == LOCK_TRIES)
			return error_set(err, -errno,
			        "%s: another pratique-softwire runs with this state_directory",
			        o->state_directory);
		(void)nanosleep(&wait, NULL);
	}
	return 0;
}

int resources_open(const struct softwire_options *o, struct resources *ret, struct error *err)
{
	struct ip_address peers[LINK_CONCENTRATORS_MAX];
	size_t n_peers = known_concentrators(o, peers);
	memset(ret, 0, sizeof(*ret));
	dataplane_config_clear(&ret->plane);
	int r = resources_find_user(o, &ret->uid, &ret->gid, err);
	if (r == 0)
		r = make_directory(ret, o->run_directory, err);
	if (r == 0)
		r = make_directory(ret, o->state_directory, err);
	if (r == 0)
		r = lock_state(o, ret, err);
	if (r == 0)
		r = spd_new(o, peers, n_peers, &ret->spd, err);
	if (r == 0)
		r = open_plane(o, ret, err);
	if (r == 0)
		r = tun_address_set(o, ret->tun, err);
	if (r < 0)
		resources_close(ret);
	return r;
}

int resources_drop_privileges(const struct softwire_options *o, struct error *err)
{
	cap_value_t keep[3] = { CAP_NET_ADMIN };
	size_t n = 1;
	if (o->ipsec == SOFTWIRE_IPSEC_KERNEL)
		keep[n++] = CAP_NET_BIND_SERVICE;
	if (o->role == SOFTWIRE_INITIATOR &&
	        (o->dns_mode == LINK_DNS_RESOLV_CONF || o->dns_mode == LINK_DNS_RESOLVCONF))
		keep[n++] = CAP_DAC_OVERRIDE;
	/* For charon in kernel mode, and for the host's own program that is told of name servers. */
	if (o->ipsec == SOFTWIRE_IPSEC_KERNEL || o->dns_mode == LINK_DNS_RESOLVCONF ||
	        o->dns_mode == LINK_DNS_RESOLVECTL)
		daemon_keep_inheritable(keep, n);
	return daemon_drop_privileges(geteuid() == 0 ? o->user : NULL, keep, n, err);
}

void resources_close(struct resources *r)
{
	dataplane_config_close(&r->plane);
	r->spd = spd_free(r->spd, true);
	if (r->lock > 0)
		close(r->lock);
	r->lock = 0;
}
