/* SPDX-License-Identifier: ISC */
/* The configuration of pratique-server. The table in options.c is the reference: --help prints it. */
#pragma once

#include "base/config.h"

struct server_options {
	struct config_list addresses, api_listen;
	int64_t node_port, enforcer_port, enrolment_port;
	char *socket, *socket_group, *socket_group_role;
	char *certificate, *key, *ca, *crl, *ca_directory;
	char *policy, *state_directory, *index_directory, *vis_socket, *vis_user;
	char *user, *log_level, *remediation_uri;
	int64_t connections_max, connections_per_source, handshakes_max, enforcers_max;
	int64_t assessment_time, place_time, applied_time, enrolment_lifetime;
	int64_t api_connections_max, api_connections_per_source;
};

int options_load(
        const char *path, const char *const *overrides, struct server_options *ret, struct error *err);
void options_clear(struct server_options *o);
void options_describe(FILE *out);
