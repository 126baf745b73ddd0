/* SPDX-License-Identifier: ISC */
/*
 * The initiator's keeper without the rest: a TUN, and link.h on it, as an ordinary user with the keeper's
 * capabilities. Reads lines, says what happened:
 *
 *     up MTU [address P]... [route P]... [dns A]... [delegated P]...      applied | failed: WHY
 *     undo                                                                undone
 *     (end of input)                                                      all is undone, exit 0
 *
 * and "moved ADDRESS" or "trouble: WHY" whenever it is told so.
 *
 * link-driver TUN STATE RESOLV-CONF DNS-MODE DOWNSTREAM|- CONCENTRATOR...
 */
#include "net/daemon.h"
#include "softwire/link.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

#define WORDS_MAX 64

struct driver {
	struct event_base *base;
	struct link *link;
	char line[4096];
	size_t length;
};

static void on_moved(const struct ip_address *source, void *user)
{
	char text[IP_TEXT_SIZE];
	printf("moved %s\n", ip_format(source, text));
}

static void on_trouble(const char *text, void *user)
{
	printf("trouble: %s\n", text);
}

/* An address with a length; host bits may be set. */
static struct ip_prefix read_prefix(const char *word)
{
	char copy[IP_TEXT_SIZE];
	struct ip_prefix p = { .length = 0 };
	snprintf(copy, sizeof(copy), "%s", word);
	char *slash = strchr(copy, '/');
	if (slash)
		*slash = '\0';
	if (ip_parse(copy, &p.address) < 0)
		abort();
	p.length = (uint8_t)(slash ? strtol(slash + 1, NULL, 10) + (ip_is_v4(&p.address) ? 96 : 0) : 128);
	return p;
}

static void apply(struct driver *d, char *words)
{
	struct ipc_inner_prefix addresses[32], delegated[8];
	struct ipc_link_route routes[64];
	struct ipc_name_server servers[8];
	struct ipc_link m = { .up = true,
		.addresses = addresses,
		.routes = routes,
		.name_servers = servers,
		.delegated = delegated };
	char *save = NULL, *kind, *value;
	struct error err;
	m.mtu = (uint16_t)strtol(strtok_r(words, " ", &save), NULL, 10);
	while ((kind = strtok_r(NULL, " ", &save)) && (value = strtok_r(NULL, " ", &save))) {
		struct ip_prefix p = read_prefix(value);
		if (strcmp(kind, "address") == 0)
			addresses[m.n_addresses++].prefix = p;
		else if (strcmp(kind, "route") == 0)
			routes[m.n_routes++].prefix = p;
		else if (strcmp(kind, "dns") == 0)
			servers[m.n_name_servers++].ip = p.address;
		else
			delegated[m.n_delegated++].prefix = p;
	}
	if (link_apply(d->link, &m, &err) < 0)
		printf("failed: %s\n", err.text);
	else
		printf("applied\n");
}

static void on_line(struct driver *d, char *line)
{
	if (strncmp(line, "up ", 3) == 0)
		apply(d, line + 3);
	else if (strcmp(line, "undo") == 0) {
		link_undo(d->link);
		printf("undone\n");
	}
}

static void on_input(evutil_socket_t fd, short what, void *user)
{
	struct driver *d = user;
	ssize_t n = read(STDIN_FILENO, d->line + d->length, sizeof(d->line) - 1 - d->length);
	if (n <= 0) {
		event_base_loopbreak(d->base);
		return;
	}
	d->length += (size_t)n;
	d->line[d->length] = '\0';
	for (char *end; (end = strchr(d->line, '\n'));) {
		*end = '\0';
		on_line(d, d->line);
		d->length -= (size_t)(end + 1 - d->line);
		memmove(d->line, end + 1, d->length + 1);
	}
}

static int open_tun(const char *name)
{
	struct ifreq r = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	return fd < 0 || ioctl(fd, TUNSETIFF, &r) < 0 ? -1 : fd;
}

int main(int argc, char **argv)
{
	struct driver d = { .base = event_base_new() };
	struct error err;
	if (argc < 7 || open_tun(argv[1]) < 0) {
		fprintf(stderr, "link-driver: %s\n", argc < 7 ? "too few arguments" : strerror(errno));
		return 2;
	}
	static const cap_value_t keep[] = { CAP_NET_ADMIN, CAP_DAC_OVERRIDE };
	enum link_dns dns = LINK_DNS_NONE;
	(void)link_dns_parse(argv[4], &dns, &err);
	daemon_keep_inheritable(keep, ARRAY_LENGTH(keep));
	if (daemon_drop_privileges("nobody", keep, ARRAY_LENGTH(keep), &err) < 0) {
		fprintf(stderr, "link-driver: %s\n", err.text);
		return 1;
	}
	prctl(PR_SET_DUMPABLE, 1); /* for the leak checker */
	struct link_options o = { .interface = argv[1],
		.state_path = argv[2],
		.resolv_conf_path = argv[3],
		.dns = dns,
		.downstream = strcmp(argv[5], "-") == 0 ? NULL : argv[5],
		.on_moved = on_moved,
		.on_trouble = on_trouble };
	for (int i = 6; i < argc && o.n_concentrators < LINK_CONCENTRATORS_MAX; i++)
		if (ip_parse(argv[i], &o.concentrators[o.n_concentrators++]) < 0)
			return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (link_open(d.base, &o, &d.link, &err) < 0) {
		fprintf(stderr, "link-driver: %s\n", err.text);
		return 1;
	}
	struct event *input = event_new(d.base, STDIN_FILENO, EV_READ | EV_PERSIST, on_input, &d);
	event_add(input, NULL);
	printf("ready\n");
	event_base_dispatch(d.base);
	link_close(d.link);
	event_free(input);
	event_base_free(d.base);
	return 0;
}
