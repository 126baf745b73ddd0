/* SPDX-License-Identifier: ISC */
/*
 * Enrolment over Secure Transport (RFC 7030), as far as a site needs it: cacerts, simpleenroll with a
 * one-time token as HTTP Basic password, simplereenroll with the certificate that is to be renewed. The node
 * makes its key itself; only the request travels.
 */
#pragma once

#include "net/http.h"
#include "net/http_client.h"

/* One-time tokens: 160 random bits in base64url. The server keeps their SHA-256 only, which is enough for so
 * much chance. */
#define EST_TOKEN_BYTES 20
#define EST_TOKEN_TEXT_SIZE 28
void est_token_make(char ret_text[EST_TOKEN_TEXT_SIZE], uint8_t ret_hash[32]);

struct est_server_config {
	EVP_PKEY *ca_key; /* kept by reference */
	X509 *ca;
	const char *ca_dir; /* what is issued is recorded there; NULL: by on_issued only */
	int days;           /* validity of what is issued */
	/*
	 * Whether name has an unused, unexpired token with this hash, and which role it is for; compare in
	 * constant time. consume: it is used up by this call, in one step with the check. -EACCES otherwise.
	 */
	int (*token)(const char *name, const uint8_t hash[32], bool consume, enum identity_role *ret_role,
	        void *user);
	/* Whether this identity may renew (it is not removed or suspended). NULL: always, but never one that
	 * ca_dir has revoked. */
	bool (*may_renew)(const struct identity *who, void *user);
	/* May be NULL. A certificate goes out; for the records. Negative: it does not. */
	int (*on_issued)(X509 *certificate, const struct identity *who, bool renewal, void *user);
	void *user;
};

struct est_server;
/* Adds the routes of /.well-known/est/ to h, open to clients with no certificate: its TLS context must let
 * them in. */
int est_server_new(struct http_server *h, const struct est_server_config *config, struct est_server **ret);
struct est_server *est_server_free(struct est_server *e);

/* The client. Both write out_dir/name.key (0600) and name.pem. They block. */

struct est_client {
	const struct endpoint *endpoint;
	const char *ca_path;       /* the site CA, which pins the server */
	const char *expected_name; /* of the server's certificate; NULL: the endpoint's host */
	int timeout_ms;            /* 0: HTTP_CLIENT_TIMEOUT_MS */
};
/* -EEXIST where there is a key already; -EACCES where the server refuses the token. */
int est_enrol(const struct est_client *c, const char *name, const char *token, enum key_kind kind,
        const char *out_dir, struct error *err);
/* A new key and certificate for dir/name.{key,pem}, which stay in force until both are there. */
int est_renew(
        const struct est_client *c, const char *name, enum key_kind kind, const char *dir, struct error *err);
/* Finishes a renewal that was interrupted between its two files; to be called before they are loaded. */
int est_finish_renewal(const char *dir, const char *name, struct error *err);
