/* SPDX-License-Identifier: ISC */
#include "agent/options.h"

#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#define OPTION(name, type, field, fallback, min, max, help) \
	{ \
		name, type, offsetof(struct agent_options, field), fallback, min, max, help \
	}

static const struct config_option table[] = {
	OPTION("server", CONFIG_LIST, servers, NULL, 0, 0,
	        "ADDRESS:PORT of a server; may be repeated: tried in this order"),
	OPTION("server_name", CONFIG_STRING, server_name, "", 0, 0,
	        "name in the server's certificate; empty: any server of the site CA"),
	OPTION("interface", CONFIG_LIST, interfaces, NULL, 0, 0,
	        "interface to be inspected on; may be repeated; none: the one that routes to the server"),
	OPTION("ca", CONFIG_PATH, ca, "/etc/pratique/ca.pem", 0, 0, "certificate of the site CA"),
	OPTION("crl", CONFIG_PATH, crl, "", 0, 0, "revocation list of the site CA; empty: none is checked"),
	OPTION("certificate", CONFIG_PATH, certificate, "/etc/pratique/node.pem", 0, 0,
	        "certificate of this node"),
	OPTION("key", CONFIG_PATH, key, "/etc/pratique/node.key", 0, 0, "its private key, mode 0600"),
	OPTION("user", CONFIG_STRING, user, "", 0, 0,
	        "user of the network half; empty: pratique if there is one, else nobody"),
	OPTION("state_directory", CONFIG_PATH, state_directory, "/var/lib/pratique/agent", 0, 0,
	        "where certificates of admission are kept over restarts"),
	OPTION("status_file", CONFIG_PATH, status_file, "/run/pratique/agent-status.json", 0, 0,
	        "what `pratique-agent status` reads"),
	OPTION("language", CONFIG_STRING, language, "en", 0, 0,
	        "languages of reasons, as in HTTP's Accept-Language"),
	OPTION("remediate", CONFIG_STRING, remediate, "", 0, 0,
	        "shell command to run as root once for each new set of findings; empty: none"),
	OPTION("remediate_limit", CONFIG_DURATION, remediate_limit_ms, "30 min", 1000, 86400000,
	        "it is ended after this time"),
	OPTION("debug", CONFIG_BOOLEAN, debug, "no", 0, 0, "log more"),
};

bool agent_interface_name_is_good(const char *name)
{
	size_t n = strlen(name);
	if (n == 0 || n >= IF_NAMESIZE || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	for (const char *c = name; *c; c++)
		if (*c <= ' ' || *c == '/' || *c == 0x7f)
			return false;
	return true;
}

/* Cuts "HOST:PORT" or "[HOST]:PORT" in place. */
static int split_server(char *text, char **ret_host, char **ret_port)
{
	char *end = *text == '[' ? strchr(text, ']') : strrchr(text, ':');
	if (!end || end == text)
		return -EINVAL;
	*ret_host = *text == '[' ? text + 1 : text;
	*end++ = '\0';
	if (*text == '[' && *end++ != ':')
		return -EINVAL;
	*ret_port = end;
	if (*text != '[' && strchr(*ret_host, ':'))
		return -EINVAL;
	return **ret_host && strlen(end) <= 5 && *end && strspn(end, "0123456789") == strlen(end) ? 0
	                                                                                          : -EINVAL;
}

static int check_server(const char *text, struct error *err)
{
	char *copy FREE_ON_EXIT = xstrdup(text), *host, *port;
	unsigned long number = 0;
	if (strlen(text) <= AGENT_SERVER_TEXT_MAX && split_server(copy, &host, &port) == 0)
		number = strtoul(port, NULL, 10);
	if (number < 1 || number > 65535)
		return error_set(
		        err, -EINVAL, "server: \"%.200s\" is not ADDRESS:PORT or [IPv6 address]:PORT", text);
	return 0;
}

int agent_server_address(const char *text, struct sockaddr_storage *ret, struct error *err)
{
	char *copy FREE_ON_EXIT = xstrdup(text), *host = NULL, *port = NULL;
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	struct addrinfo *list;
	int r = check_server(text, err);
	if (r < 0)
		return r;
	(void)split_server(copy, &host, &port);
	r = getaddrinfo(host, port, &hints, &list);
	if (r != 0)
		return error_set(err, -EHOSTUNREACH, "%s: %s", text, gai_strerror(r));
	memset(ret, 0, sizeof(*ret));
	memcpy(ret, list->ai_addr, list->ai_addrlen);
	freeaddrinfo(list);
	return 0;
}

static int check(const struct agent_options *o, struct error *err)
{
	if (o->servers.count == 0 || o->servers.count > AGENT_SERVERS_MAX)
		return error_set(err, -EINVAL, "server: give 1 to %d of them", AGENT_SERVERS_MAX);
	if (o->interfaces.count > AGENT_INTERFACES_MAX)
		return error_set(err, -EINVAL, "interface: give at most %d of them", AGENT_INTERFACES_MAX);
	for (size_t i = 0; i < o->interfaces.count; i++)
		if (!agent_interface_name_is_good(o->interfaces.items[i]))
			return error_set(err, -EINVAL, "interface: \"%.64s\" is no interface name",
			        o->interfaces.items[i]);
	for (size_t i = 0; i < o->servers.count; i++)
		if (check_server(o->servers.items[i], err) < 0)
			return -EINVAL;
	return 0;
}

int agent_options_load(const char *path, const char *const *overrides, struct agent_options *options,
        void (*report)(const char *text), struct error *err)
{
	int r = config_load(path, overrides, table, ARRAY_LENGTH(table), options, report, err);
	if (r < 0)
		return r;
	r = check(options, err);
	if (r < 0) {
		error_prefix(err, r, "%s", path ? path : "command line");
		if (report)
			report(err->text);
	}
	return r;
}

void agent_options_clear(struct agent_options *options)
{
	config_clear(table, ARRAY_LENGTH(table), options);
}

void agent_options_describe(FILE *out)
{
	config_describe(out, table, ARRAY_LENGTH(table));
}
