/* SPDX-License-Identifier: ISC */
/* An enrolment server of a test site, with a token for "bob" (a node) that can be used once. */
#pragma once

#include "net/est.h"
#include "tests/unit/net/thread.h"

struct est_site {
	struct site *site;
	struct tls_context *tls;
	struct http_server *http;
	struct est_server *est;
	X509 *ca;
	struct endpoint endpoint;
	char *ca_path;
	char token[EST_TOKEN_TEXT_SIZE];
	uint8_t hash[32];
	bool token_used, may_renew, fail_record;
	unsigned issued, renewed;
};

static inline int est_site_token(const char *name, const uint8_t hash[32], bool consume,
        struct est_grant *ret, void *user, struct error *err)
{
	struct est_site *e = user;
	if (strcmp(name, "bob") != 0 || memcmp(hash, e->hash, 32) != 0 || e->token_used)
		return -EACCES;
	e->token_used = consume;
	*ret = (struct est_grant){ .role = ROLE_NODE };
	return 0;
}

static inline bool est_site_may_renew(const struct identity *who, void *user)
{
	return ((struct est_site *)user)->may_renew;
}

static inline int est_site_issued(const struct identity *who, const struct est_grant *grant,
        const struct identity *old, void *user, struct error *err)
{
	struct est_site *e = user;
	++*(old ? &e->renewed : &e->issued);
	return e->fail_record ? error_set(err, -EIO, "it could not be recorded") : 0;
}

static inline struct est_site *est_site_make(void)
{
	struct est_site *e = xcalloc(1, sizeof(*e));
	e->site = site_make();
	e->may_renew = true;
	est_token_make(e->token, e->hash);
	e->ca_path = site_file(e->site, "ca", "pem");
	assert_int_equal(certificate_load(e->ca_path, &e->ca, NULL), 0);
	const struct tls_config tls = {
		.server = true, .peer_roles = TLS_ROLES_ALL, .peer_certificate_optional = true
	};
	assert_int_equal(site_context_with(e->site, tls, "srv", &e->tls, NULL), 0);
	assert_int_equal(http_server_new(e->site->base, &e->http), 0);
	const struct est_server_config config = { .ca_dir = e->site->dir,
		.lifetime_ms = 30 * 86400000LL,
		.token = est_site_token,
		.may_renew = est_site_may_renew,
		.on_issued = est_site_issued,
		.user = e };
	assert_int_equal(est_server_new(e->http, &config, &e->est), 0);
	struct listener_config listen = {
		.tls = e->tls, .connections_max = 10, .source_max = 10, .handshakes_max = 10
	};
	*(struct sockaddr_in *)&listen.address =
	        (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	assert_int_equal(http_server_listen(e->http, &listen, NULL), 0);
	snprintf(e->endpoint.host, sizeof(e->endpoint.host), "127.0.0.1");
	assert_int_equal(listener_port(http_server_listener(e->http, 0), &e->endpoint.port), 0);
	return e;
}

static inline void est_site_free(struct est_site *e)
{
	http_server_free(e->http);
	est_server_free(e->est);
	tls_context_free(e->tls);
	X509_free(e->ca);
	free(e->ca_path);
	site_free(e->site);
	free(e);
}
