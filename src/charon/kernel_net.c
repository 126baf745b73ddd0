/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "charon/kernel_net.h"

#include <daemon.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

METHOD(kernel_net_t, get_features, kernel_feature_t, kernel_net_t *this)
{
	return 0;
}

/* The kernel chooses the source of a connected datagram socket; nothing is sent. */
METHOD(kernel_net_t, get_source_addr, host_t *, kernel_net_t *this, host_t *dest, host_t *src)
{
	union {
		struct sockaddr sa;
		struct sockaddr_storage room;
	} local;
	socklen_t length = sizeof(local);
	host_t *found = NULL, *target = dest->clone(dest);
	int fd = socket(dest->get_family(dest), SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (!target->get_port(target))
		target->set_port(target, IKEV2_UDP_PORT);
	if (fd >= 0 && src && !src->is_anyaddr(src)) {
		host_t *from = src->clone(src);
		from->set_port(from, 0);
		bool bound = bind(fd, from->get_sockaddr(from), *from->get_sockaddr_len(from)) == 0;
		from->destroy(from);
		if (!bound) {
			close(fd);
			fd = -1;
		}
	}
	if (fd >= 0 && connect(fd, target->get_sockaddr(target), *target->get_sockaddr_len(target)) == 0 &&
	        getsockname(fd, &local.sa, &length) == 0) {
		found = host_create_from_sockaddr(&local.sa);
		found->set_port(found, 0);
	}
	if (fd >= 0)
		close(fd);
	target->destroy(target);
	return found;
}

/* Routes are the kernel's affair; charon only wants to know that there is one. */
METHOD(kernel_net_t, get_nexthop, host_t *, kernel_net_t *this, host_t *dest, int prefix, host_t *src,
        char **iface)
{
	host_t *source = _get_source_addr(this, dest, src);
	if (iface)
		*iface = NULL;
	if (!source)
		return NULL;
	source->destroy(source);
	return dest->clone(dest);
}

/* ---- addresses ---- */

struct address_enumerator {
	enumerator_t public;
	struct ifaddrs *all, *next;
	kernel_address_type_t which;
	host_t *current;
};

static bool has_host(const struct ifaddrs *i)
{
	return i->ifa_addr && (i->ifa_addr->sa_family == AF_INET || i->ifa_addr->sa_family == AF_INET6);
}

static bool is_wanted(const struct ifaddrs *i, kernel_address_type_t which)
{
	if (!has_host(i) || (!(i->ifa_flags & IFF_UP) && !(which & ADDR_TYPE_DOWN)))
		return false;
	return which & (i->ifa_flags & IFF_LOOPBACK ? ADDR_TYPE_LOOPBACK : ADDR_TYPE_REGULAR);
}

METHOD(enumerator_t, enumerate_addresses, bool, struct address_enumerator *this, va_list args)
{
	host_t **host;
	VA_ARGS_VGET(args, host);
	while (this->next && !is_wanted(this->next, this->which))
		this->next = this->next->ifa_next;
	if (!this->next)
		return FALSE;
	DESTROY_IF(this->current);
	this->current = host_create_from_sockaddr(this->next->ifa_addr);
	this->next = this->next->ifa_next;
	*host = this->current;
	return TRUE;
}

METHOD(enumerator_t, destroy_addresses, void, struct address_enumerator *this)
{
	DESTROY_IF(this->current);
	freeifaddrs(this->all);
	free(this);
}

METHOD(kernel_net_t, create_address_enumerator, enumerator_t *, kernel_net_t *this,
        kernel_address_type_t which)
{
	struct address_enumerator *e;
	struct ifaddrs *all;
	if (getifaddrs(&all) < 0)
		return enumerator_create_empty();
	INIT(e,
	        .public = {
	                .enumerate = enumerator_enumerate_default,
	                .venumerate = _enumerate_addresses,
	                .destroy = _destroy_addresses,
	        },
	        .all = all,
	        .next = all,
	        .which = which, );
	return &e->public;
}

METHOD(kernel_net_t, get_interface, bool, kernel_net_t *this, host_t *host, char **name)
{
	struct ifaddrs *all;
	bool found = FALSE;
	if (getifaddrs(&all) < 0)
		return FALSE;
	for (struct ifaddrs *i = all; i && !found; i = i->ifa_next) {
		if (!has_host(i) || !(i->ifa_flags & IFF_UP))
			continue;
		host_t *candidate = host_create_from_sockaddr(i->ifa_addr);
		found = candidate->ip_equals(candidate, host);
		candidate->destroy(candidate);
		if (found && name)
			*name = strdup(i->ifa_name);
	}
	freeifaddrs(all);
	return found;
}

METHOD(kernel_net_t, create_local_subnet_enumerator, enumerator_t *, kernel_net_t *this)
{
	return enumerator_create_empty();
}

/* ---- what charon is not asked to do ---- */

METHOD(kernel_net_t, add_ip, status_t, kernel_net_t *this, host_t *virtual_ip, int prefix, char *iface)
{
	return NOT_SUPPORTED;
}

METHOD(kernel_net_t, del_ip, status_t, kernel_net_t *this, host_t *virtual_ip, int prefix, bool wait)
{
	return NOT_SUPPORTED;
}

METHOD(kernel_net_t, add_route, status_t, kernel_net_t *this, chunk_t dst_net, uint8_t prefixlen,
        host_t *gateway, host_t *src_ip, char *if_name, bool pass)
{
	return NOT_SUPPORTED;
}

METHOD(kernel_net_t, del_route, status_t, kernel_net_t *this, chunk_t dst_net, uint8_t prefixlen,
        host_t *gateway, host_t *src_ip, char *if_name, bool pass)
{
	return NOT_SUPPORTED;
}

METHOD(kernel_net_t, destroy, void, kernel_net_t *this)
{
	free(this);
}

kernel_net_t *pratique_kernel_net_create(void)
{
	kernel_net_t *this;
	INIT(this, .get_features = _get_features, .get_source_addr = _get_source_addr,
	        .get_nexthop = _get_nexthop, .get_interface = _get_interface,
	        .create_address_enumerator = _create_address_enumerator,
	        .create_local_subnet_enumerator = _create_local_subnet_enumerator, .add_ip = _add_ip,
	        .del_ip = _del_ip, .add_route = _add_route, .del_route = _del_route, .destroy = _destroy, );
	return this;
}
