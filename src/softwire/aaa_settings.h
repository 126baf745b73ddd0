/* SPDX-License-Identifier: ISC */
/* The options of aaa.h read, checked and understood. */
#pragma once

#include "net/endpoint.h"
#include "proto/radius/client.h"
#include "proto/radius/dictionary.h"
#include "proto/radius/dynauth.h"
#include "softwire/aaa.h"
#include "softwire/aaa_users.h"

#define AAA_UDP_SOCKETS 4        /* a server: 1,024 calls at a time */
#define AAA_RADSEC_CONNECTIONS 2 /* 512 calls at a time */
#define AAA_SECRET_FILE_MAX 1024
#define AAA_ATTRIBUTES_MAX 512 /* bytes of radius_attribute lines together */

/* One port of a server: an option radius_server makes two of them. */
struct aaa_server {
	struct endpoint at;
	struct radius_server_config radius;
	char secret_path[256];
	char tls_name[ENDPOINT_HOST_MAX + 1]; /* that its certificate must have */
	char text[300];                       /* "udp 192.0.2.1:1812" */
};

struct aaa_settings {
	struct aaa_server servers[RADIUS_SERVERS_MAX];
	size_t n_servers;
	struct radius_dynauth_client coa_clients[RADIUS_DYNAUTH_CLIENTS_MAX];
	size_t n_coa_clients;
	bool has_coa;
	struct endpoint coa_listen;
	struct writer attributes; /* for every request */
	struct radius_definition identity;
	bool has_identity;
	char nas_identifier[AAA_TEXT_MAX + 1];
	struct aaa_users *users; /* NULL: servers decide */
};

/* -EINVAL with every mistake in turn given to report (may be NULL), the first one in err; ret is then empty.
 */
int aaa_settings_load(const struct aaa_options *options, struct aaa_settings *ret,
        void (*report)(const char *text), struct error *err);
void aaa_settings_clear(struct aaa_settings *s);
