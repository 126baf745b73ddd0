/* SPDX-License-Identifier: ISC */
#include "agent/options.h"

#include "net/endpoint.h"
#include "proto/pttls/pttls.h"
#include <errno.h>
#include <net/if.h>
#include <stddef.h>
#include <string.h>

#define OPTION(name, type, field, fallback, min, max, help) \
	{ \
		name, type, offsetof(struct agent_options, field), fallback, min, max, help \
	}

static const struct config_option table[] = {
	OPTION("server", CONFIG_LIST, servers, NULL, 0, 0,
	        "ADDRESS or ADDRESS:PORT of a server; may be repeated: tried in this order"),
	OPTION("server_name", CONFIG_STRING, server_name, "", 0, 0,
	        "name in the server's certificate; empty: any server of the site CA"),
	OPTION("enrolment", CONFIG_STRING, enrolment, "", 0, 0,
	        "HOST or HOST:PORT that renews the certificate; empty: the servers, port 8443; none: nobody"),
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
	struct endpoint where;
	if (*o->enrolment && endpoint_parse(o->enrolment, PTTLS_PORT, &where, err) < 0)
		return error_prefix(err, -EINVAL, "enrolment");
	for (size_t i = 0; i < o->servers.count; i++) {
		struct endpoint e;
		if (endpoint_parse(o->servers.items[i], PTTLS_PORT, &e, err) < 0)
			return error_prefix(err, -EINVAL, "server");
	}
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
