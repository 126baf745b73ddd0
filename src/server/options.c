/* SPDX-License-Identifier: ISC */
#include "server/options.h"

#include <stddef.h>
#include <string.h>

#define OPTION(field, kind, default_value, least, most, text) \
	{ \
		.name = #field, .type = kind, .offset = offsetof(struct server_options, field), \
		.fallback = default_value, .min = least, .max = most, .help = text \
	}

static const struct config_option options[] = {
	OPTION(addresses, CONFIG_LIST, NULL, 0, 0,
	        "address to listen on; may be repeated; none: all, both families"),
	OPTION(node_port, CONFIG_INTEGER, "271", 0, 65535,
	        "where nodes are inspected (PT-TLS, RFC 6876); 0 = any port"),
	OPTION(enforcer_port, CONFIG_INTEGER, "2711", 0, 65535, "where enforcers connect; 0 = any port"),
	OPTION(enrolment_port, CONFIG_INTEGER, "8443", 0, 65535,
	        "where nodes enrol (EST, RFC 7030), with ca_directory"),
	OPTION(socket, CONFIG_PATH, "/run/pratique/server.sock", 0, 0, "Unix socket of the API; mode 0660"),
	OPTION(socket_group, CONFIG_STRING, "", 0, 0,
	        "group that may use the API besides root; empty: the user's own"),
	OPTION(socket_group_role, CONFIG_STRING, "operator", 0, 0,
	        "what that group may: viewer, operator or admin"),
	OPTION(api_listen, CONFIG_LIST, NULL, 0, 0,
	        "address[:port] of the API over TLS, with tokens; may be repeated; none: the socket only"),
	OPTION(api_connections_max, CONFIG_INTEGER, "64", 1, 10000, "API connections at each of them"),
	OPTION(api_connections_per_source, CONFIG_INTEGER, "16", 1, 10000,
	        "API connections from one address (IPv6: one /64)"),
	OPTION(certificate, CONFIG_PATH, "/etc/pratique/server.pem", 0, 0,
	        "the server's certificate (role server)"),
	OPTION(key, CONFIG_PATH, "/etc/pratique/server.key", 0, 0, "its key, readable by the service alone"),
	OPTION(ca, CONFIG_PATH, "/etc/pratique/ca.pem", 0, 0, "certificate of the site CA"),
	OPTION(crl, CONFIG_PATH, "", 0, 0,
	        "its revocation list; empty: ca.crl of ca_directory, if that is given"),
	OPTION(ca_directory, CONFIG_PATH, "", 0, 0,
	        "directory of the site CA (with ca.key), owned by the service; empty: no enrolment here"),
	OPTION(policy, CONFIG_PATH, "/etc/pratique/policy", 0, 0, "the site policy"),
	OPTION(state_directory, CONFIG_PATH, "/var/lib/pratique/server", 0, 0,
	        "database and token key; mode 0700"),
	OPTION(index_directory, CONFIG_PATH, "/var/lib/pratique/vis/index", 0, 0,
	        "vulnerability index that pratique-vis keeps"),
	OPTION(vis_socket, CONFIG_PATH, "/run/pratique/vis.sock", 0, 0,
	        "where pratique-vis tells of changes"),
	OPTION(vis_user, CONFIG_STRING, "", 0, 0, "user that runs pratique-vis, besides root and our own"),
	OPTION(user, CONFIG_STRING, "pratique", 0, 0, "user to run as when started by root"),
	OPTION(log_level, CONFIG_STRING, "info", 0, 0, "error, warning, notice, info or debug"),
	OPTION(remediation_uri, CONFIG_STRING, "", 0, 0,
	        "where a node's user finds help; sent with every refusal"),
	OPTION(connections_max, CONFIG_INTEGER, "20000", 1, 1000000, "node connections altogether"),
	OPTION(connections_per_source, CONFIG_INTEGER, "32", 1, 1000000, "node connections from one address"),
	OPTION(handshakes_max, CONFIG_INTEGER, "2048", 1, 100000,
	        "node connections that have not shaken hands yet"),
	OPTION(enforcers_max, CONFIG_INTEGER, "256", 1, 10000, "enforcer connections"),
	OPTION(assessment_time, CONFIG_DURATION, "30 s", 100, 600000, "longest time for one assessment"),
	OPTION(place_time, CONFIG_DURATION, "1 s", 10, 60000,
	        "longest wait for enforcers to say where a node is"),
	OPTION(applied_time, CONFIG_DURATION, "1 s", 10, 60000,
	        "longest wait for the enforcement point before the node hears its result"),
	OPTION(enrolment_lifetime, CONFIG_DURATION, "90 days", 5000, 315360000000,
	        "validity of certificates issued by enrolment"),
};

int options_load(
        const char *path, const char *const *overrides, struct server_options *ret, struct error *err)
{
	memset(ret, 0, sizeof(*ret));
	return config_load(path, overrides, options, ARRAY_LENGTH(options), ret, NULL, err);
}

void options_clear(struct server_options *o)
{
	config_clear(options, ARRAY_LENGTH(options), o);
}

void options_describe(FILE *out)
{
	config_describe(out, options, ARRAY_LENGTH(options));
}
