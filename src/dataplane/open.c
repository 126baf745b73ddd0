/* SPDX-License-Identifier: ISC */
/* What the data plane is given, opened by whoever still has the privileges. */
#include "dataplane/dataplane.h"
#include "dataplane/open_policy.h"

#include "dataplane/path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <netinet/udp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef UDP_GRO
#define UDP_GRO 104
#endif
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif
#define SOCKET_BUFFER (8 << 20)
#define TUN_QUEUE_LENGTH 1000
#define IPPROTO_ESP_NUMBER 50

void dataplane_config_clear(struct dataplane_config *config)
{
	memset(config, 0, sizeof(*config));
	config->control = config->charon_listener = config->tap = -1;
	for (size_t i = 0; i < DATAPLANE_WORKERS_MAX; i++)
		config->workers[i] = (struct dataplane_worker){ .cpu = -1, .tun = -1 };
	for (size_t i = 0; i < DATAPLANE_SOCKETS_MAX; i++)
		config->sockets[i].fd = -1;
}

unsigned dataplane_workers_default(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	return n < 1 ? 1 : n > DATAPLANE_WORKERS_MAX ? DATAPLANE_WORKERS_MAX : (unsigned)n;
}

void dataplane_pin_workers(struct dataplane_config *config)
{
	cpu_set_t ours;
	uint32_t n = 0;
	if (sched_getaffinity(0, sizeof(ours), &ours) < 0 || (uint32_t)CPU_COUNT(&ours) < config->n_workers)
		return;
	for (size_t cpu = 0; cpu < CPU_SETSIZE && n < config->n_workers; cpu++) {
		if (CPU_ISSET(cpu, &ours))
			config->workers[n++].cpu = (int)cpu;
	}
}

void dataplane_config_close(struct dataplane_config *config)
{
	for (uint32_t i = 0; i < config->n_sockets; i++)
		close(config->sockets[i].fd);
	config->n_sockets = 0;
	for (size_t i = 0; i < DATAPLANE_WORKERS_MAX; i++) {
		if (config->workers[i].tun >= 0)
			close(config->workers[i].tun);
		config->workers[i].tun = -1;
	}
	int *others[] = { &config->control, &config->charon_listener, &config->tap };
	for (size_t i = 0; i < ARRAY_LENGTH(others); i++) {
		if (*others[i] >= 0)
			close(*others[i]);
		*others[i] = -1;
	}
}

/* ---- sockets ---- */

static int set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

/* As much buffer as we may have; errors of the network; the address that a packet came to; and packets that
 * are longer than their route takes are fragmented and not refused, while ICMP errors still tell
 * (IP_PMTUDISC_WANT). */
static int set_options(int fd, bool v4, bool udp)
{
	int rc = 0;
	if (set(fd, SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_BUFFER) < 0)
		(void)set(fd, SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER);
	if (set(fd, SOL_SOCKET, SO_SNDBUFFORCE, SOCKET_BUFFER) < 0)
		(void)set(fd, SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER);
	if (v4) {
		rc = rc ? rc : set(fd, IPPROTO_IP, IP_PKTINFO, 1);
		rc = rc ? rc : set(fd, IPPROTO_IP, IP_RECVERR, 1);
		rc = rc ? rc : set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_WANT);
	} else {
		rc = rc ? rc : set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
		rc = rc ? rc : set(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
		rc = rc || !udp ? rc : set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
		rc = rc ? rc : set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_WANT);
	}
	/* Without it packets come one by one, which is slower and as good. */
	if (udp)
		(void)set(fd, IPPROTO_UDP, UDP_GRO, 1);
	return rc;
}

static int bind_socket(int fd, const struct ip_address *a, uint16_t port)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	memcpy(&v4.sin_addr, a->bytes + 12, 4);
	memcpy(&v6.sin6_addr, a->bytes, 16);
	int rc = ip_is_v4(a) ? bind(fd, (struct sockaddr *)&v4, sizeof(v4))
	                     : bind(fd, (struct sockaddr *)&v6, sizeof(v6));
	return rc < 0 ? -errno : 0;
}

static int open_socket(const struct ip_address *a, enum dataplane_socket_kind kind, int *ret_fd)
{
	static const uint16_t ports[DATAPLANE_N_SOCKET_KINDS] = { 500, 4500, 1701, 0 };
	bool udp = kind != DATAPLANE_ESP, v4 = ip_is_v4(a);
	int fd = socket(v4 ? AF_INET : AF_INET6, (udp ? SOCK_DGRAM : SOCK_RAW) | SOCK_CLOEXEC | SOCK_NONBLOCK,
	        udp ? 0 : IPPROTO_ESP_NUMBER);
	if (fd < 0)
		return -errno;
	int rc = udp ? set(fd, SOL_SOCKET, SO_REUSEPORT, 1) : 0;
	rc = rc ? rc : set_options(fd, v4, udp);
	rc = rc ? rc : bind_socket(fd, a, ports[kind]);
	if (rc < 0) {
		close(fd);
		return rc;
	}
	*ret_fd = fd;
	return 0;
}

static int add_socket(struct dataplane_config *c, enum dataplane_socket_kind kind, unsigned worker,
        unsigned address, struct error *err)
{
	static const char *const names[DATAPLANE_N_SOCKET_KINDS] = { "UDP port 500", "UDP port 4500",
		"UDP port 1701", "ESP" };
	char text[IP_TEXT_SIZE];
	if (c->n_sockets == DATAPLANE_SOCKETS_MAX)
		return error_set(err, -ENOSPC, "more than %d sockets: fewer workers or addresses, please",
		        DATAPLANE_SOCKETS_MAX);
	int fd = -1;
	int rc = open_socket(&c->addresses[address].ip, kind, &fd);
	if (rc == 0 && c->kernel_ipsec) {
		rc = open_demand_esp(fd, ip_is_v4(&c->addresses[address].ip));
		if (rc < 0) {
			close(fd);
			return error_set(err, rc,
			        "ipsec: kernel: the kernel does not take IP_XFRM_POLICY: %s; "
			        "use ipsec = userspace",
			        strerror(-rc));
		}
	}
	if (rc < 0)
		return error_set(err, rc, "%s at %s: %s%s", names[kind],
		        ip_format(&c->addresses[address].ip, text), strerror(-rc),
		        rc == -EADDRINUSE ? "; another program (an IKE daemon, an L2TP server?) has it" : "");
	c->sockets[c->n_sockets++] = (struct dataplane_socket){
		.fd = fd, .kind = (uint8_t)kind, .worker = (uint8_t)worker, .address = (uint8_t)address
	};
	return 0;
}

/* Every socket of a port gets a part of its datagrams, so every worker that may have one must read its own;
 * of raw sockets each would get all of them. */
static int add_sockets(struct dataplane_config *c, unsigned address, struct error *err)
{
	bool none = c->no_ipsec || c->kernel_ipsec;
	int rc = 0;
	for (unsigned worker = 0; worker < c->n_workers && !rc; worker++) {
		rc = none ? 0 : add_socket(c, DATAPLANE_IKE, worker, address, err);
		rc = rc || none ? rc : add_socket(c, DATAPLANE_NAT_T, worker, address, err);
		rc = rc ? rc : add_socket(c, DATAPLANE_L2TP, worker, address, err);
	}
	if (!rc && !none)
		rc = add_socket(c, DATAPLANE_ESP, address % c->n_workers, address, err);
	return rc;
}

int dataplane_open_sockets(struct dataplane_config *config, struct error *err)
{
	if (!config->n_workers || config->n_workers > DATAPLANE_WORKERS_MAX ||
	        config->n_addresses > DATAPLANE_ADDRESSES_MAX)
		return error_set(err, -EINVAL, "data plane: %u workers, %u addresses", config->n_workers,
		        config->n_addresses);
	int rc = 0;
	for (uint32_t i = 0; i < config->n_addresses && !rc; i++)
		rc = add_sockets(config, i, err);
	for (; rc && config->n_sockets; config->n_sockets--)
		close(config->sockets[config->n_sockets - 1].fd);
	return rc;
}

/* ---- TUN ---- */

static int open_queue(const char *name, uid_t uid, struct ifreq *ifr)
{
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	*ifr = (struct ifreq){ .ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE };
	snprintf(ifr->ifr_name, sizeof(ifr->ifr_name), "%s", name);
	int header = sizeof(struct virtio_net_hdr);
	if (ioctl(fd, TUNSETIFF, ifr) < 0 || ioctl(fd, TUNSETVNETHDRSZ, &header) < 0 ||
	        ioctl(fd, TUNSETOWNER, (unsigned long)uid) < 0) {
		int rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

/* What the kernel may leave to us, and we to it. */
static void set_offloads(struct dataplane_config *c, int fd)
{
	unsigned tcp = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
	c->has_udp_offload = ioctl(fd, TUNSETOFFLOAD, (unsigned long)(tcp | TUN_F_USO4 | TUN_F_USO6)) == 0;
	c->has_offloads = c->has_udp_offload || ioctl(fd, TUNSETOFFLOAD, (unsigned long)tcp) == 0;
}

static int set_link(const char *name, uint16_t mtu)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	struct ifreq ifr = { .ifr_mtu = mtu };
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	int rc = ioctl(fd, SIOCSIFMTU, &ifr) < 0 ? -errno : 0;
	ifr.ifr_qlen = TUN_QUEUE_LENGTH;
	(void)ioctl(fd, SIOCSIFTXQLEN, &ifr);
	close(fd);
	return rc;
}

/* Where sysctls may not be written the interface gets an address that nobody uses: no harm. */
static void no_link_local(const char *name)
{
	char path[128];
	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/addr_gen_mode", name);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	(void)!write(fd, "1\n", 2);
	close(fd);
}

int dataplane_open_tun(
        struct dataplane_config *config, const char *name, uid_t uid, char *ret_name, struct error *err)
{
	char chosen[IFNAMSIZ];
	int rc = 0;
	snprintf(chosen, sizeof(chosen), "%s", name);
	for (unsigned i = 0; i < config->n_workers && !rc; i++) {
		struct ifreq ifr;
		int fd = open_queue(chosen, uid, &ifr);
		if (fd < 0) {
			rc = error_set(err, fd, "TUN interface %s: %s%s", chosen, strerror(-fd),
			        fd == -ENOENT || fd == -EPERM ? " (/dev/net/tun, CAP_NET_ADMIN?)" : "");
			break;
		}
		memcpy(chosen, ifr.ifr_name, sizeof(chosen));
		config->workers[i].tun = fd;
		set_offloads(config, fd);
	}
	if (!rc && set_link(chosen, config->tun_mtu) < 0)
		rc = error_set(err, -EINVAL, "TUN interface %s: no MTU of %u", chosen, config->tun_mtu);
	if (rc) {
		for (unsigned i = 0; i < config->n_workers; i++) {
			if (config->workers[i].tun >= 0)
				close(config->workers[i].tun);
			config->workers[i].tun = -1;
		}
		return rc;
	}
	no_link_local(chosen);
	memcpy(ret_name, chosen, sizeof(chosen));
	return 0;
}

/* ---- charon's plugin ---- */

int dataplane_open_charon_listener(
        struct dataplane_config *config, const char *path, uid_t uid, struct error *err)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(name.sun_path))
		return error_set(err, -ENAMETOOLONG, "%s: a socket's path has at most %zu bytes", path,
		        sizeof(name.sun_path) - 1);
	memcpy(name.sun_path, path, strlen(path));
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set(err, -errno, "%s: %s", path, strerror(errno));
	(void)unlink(path);
	mode_t before = umask(0177);
	int rc = bind(fd, (struct sockaddr *)&name, sizeof(name)) < 0 ? -errno : 0;
	umask(before);
	if (!rc && ((geteuid() != uid && chown(path, uid, (gid_t)-1) < 0) || listen(fd, 4) < 0))
		rc = -errno;
	if (rc < 0) {
		close(fd);
		return error_set(err, rc, "%s: %s", path, strerror(-rc));
	}
	config->charon_listener = fd;
	return 0;
}
