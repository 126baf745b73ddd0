/* SPDX-License-Identifier: ISC */
#include "softwire/link_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char *setting_path(const char *interface, const char *name)
{
	return xasprintf("/proc/sys/net/ipv6/conf/%s/%s", interface, name);
}

static int write_setting(const struct link_item *i, const char *value, struct error *err)
{
	char *path FREE_ON_EXIT = setting_path(i->interface, i->name);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, value, strlen(value));
	int code = -errno;
	if (fd >= 0)
		close(fd);
	return n < 0 ? error_set(err, code, "%s: %s", path, strerror(-code)) : 0;
}

int link_read_setting(const char *interface, const char *name, const char *value, struct link_item *ret)
{
	struct link_item i = { .kind = LINK_ITEM_SETTING };
	char *path FREE_ON_EXIT = setting_path(interface, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, i.before, sizeof(i.before) - 1);
	int code = -errno;
	if (fd >= 0)
		close(fd);
	if (n < 0)
		return code;
	i.before[strcspn(i.before, "\n")] = '\0';
	snprintf(i.interface, sizeof(i.interface), "%s", interface);
	snprintf(i.name, sizeof(i.name), "%s", name);
	snprintf(i.value, sizeof(i.value), "%s", value);
	*ret = i;
	return 0;
}

static struct link_dns_place dns_place(const struct link *l)
{
	return (struct link_dns_place){ l->dns, l->interface, l->resolv_conf_path };
}

/* The way of routes into the softwire, and of what nobody has. */
static struct link_way item_way(const struct link_item *i, unsigned index)
{
	if (i->kind == LINK_ITEM_PIN)
		return i->way;
	return (struct link_way){ .found = true,
		.unreachable = i->kind == LINK_ITEM_UNREACHABLE,
		.index = i->kind == LINK_ITEM_UNREACHABLE ? 0 : index };
}

/* Only a pin may take another's place: which is an older pin. */
static int set_route(struct link *l, const struct link_item *i)
{
	struct link_way way = item_way(i, if_nametoindex(i->interface));
	return link_kernel_route(
	        l->requests, i->kind == LINK_ITEM_PIN ? LINK_REPLACE : LINK_ADD, &i->prefix, &way);
}

int link_set_item(struct link *l, const struct link_item *i, struct error *err)
{
	struct link_dns_place place = dns_place(l);
	char text[IP_TEXT_SIZE];
	int r = 0;
	switch (i->kind) {
	case LINK_ITEM_SETTING:
		return write_setting(i, i->value, err);
	case LINK_ITEM_DNS:
		return link_dns_set(&place, l->servers, l->n_servers, err);
	case LINK_ITEM_ADDRESS:
		r = link_kernel_address(l->requests, LINK_REPLACE, if_nametoindex(i->interface), &i->prefix);
		break;
	default:
		r = set_route(l, i);
	}
	return r < 0 ? error_set(err, r, "%s on %s: %s", ip_prefix_format(&i->prefix, text),
	                       *i->interface ? i->interface : "the host", strerror(-r))
	             : 0;
}

static bool is_gone(int r)
{
	return r == -ENODEV || r == -ESRCH || r == -EADDRNOTAVAIL || r == -ENOENT || r == -ENXIO;
}

/* Only where the value is still ours. */
static int restore_setting(const struct link_item *i, struct error *err)
{
	struct link_item now;
	if (link_read_setting(i->interface, i->name, "", &now) < 0 || strcmp(now.before, i->value) != 0)
		return 0;
	return write_setting(i, i->before, err);
}

int link_unset_item(struct link *l, const struct link_item *i, struct error *err)
{
	struct link_dns_place place = dns_place(l);
	unsigned index = *i->interface ? if_nametoindex(i->interface) : 0;
	char text[IP_TEXT_SIZE];
	int r = 0;
	switch (i->kind) {
	case LINK_ITEM_SETTING:
		return restore_setting(i, err);
	case LINK_ITEM_DNS:
		if (link_dns_parse(i->name, &place.mode, err) < 0)
			return 0;
		place.interface = i->interface;
		return link_dns_undo(&place, err);
	case LINK_ITEM_ADDRESS:
		r = index ? link_kernel_address(l->requests, LINK_DELETE, index, &i->prefix) : 0;
		break;
	default: /* whichever way it has now, if it is ours */
		r = link_kernel_route(
		        l->requests, LINK_DELETE, &i->prefix, &(struct link_way){ .found = true });
	}
	return r < 0 && !is_gone(r)
	        ? error_set(err, r, "%s: %s", ip_prefix_format(&i->prefix, text), strerror(-r))
	        : 0;
}
