/* SPDX-License-Identifier: ISC */
/*
 * Enrolment over Secure Transport (RFC 7030), as far as a site needs it: cacerts, simpleenroll with a
 * one-time token as HTTP Basic password, simplereenroll with the certificate that is to be renewed. The node
 * makes its key itself; only the request travels.
 */
#pragma once

#include "crypto/bundle.h"
#include "net/http.h"
#include "net/http_client.h"

/* One-time tokens: 160 random bits in base64url. The server keeps their SHA-256 only, which is enough for so
 * much chance. */
#define EST_TOKEN_BYTES 20
#define EST_TOKEN_TEXT_SIZE 28
void est_token_make(char ret_text[EST_TOKEN_TEXT_SIZE], uint8_t ret_hash[32]);

/* What a token is good for. */
struct est_grant {
	enum identity_role role;
	bool replaces; /* the key that its name had until now */
};

struct est_server_config {
	const char *ca_dir;  /* of the CA, which is read anew each time; what is issued is recorded there */
	int64_t lifetime_ms; /* of what is issued */
	/*
	 * Whether name has an unused, unexpired token with this hash, and what it grants; compare in constant
	 * time. consume: it is used up by this call, in one step with the check. -EACCES otherwise; -EEXIST,
	 * with the reason, where the name has a key that this token does not replace.
	 */
	int (*token)(const char *name, const uint8_t hash[32], bool consume, struct est_grant *ret,
	        void *user, struct error *err);
	/* Whether this identity may renew (it is not removed or suspended). NULL: always, but never one that
	 * ca_dir has revoked. */
	bool (*may_renew)(const struct identity *who, void *user);
	/* May be NULL. A certificate goes out; for the records. By a token's grant, or as renewal of old; the
	 * other is NULL. Negative: it does not go out; -EACCES: for a reason that its owner can do something
	 * about. */
	int (*on_issued)(const struct identity *who, const struct est_grant *grant,
	        const struct identity *old, void *user, struct error *err);
	void *user;
};

struct est_server;
/* Adds the routes of /.well-known/est/ to h, open to clients with no certificate: its TLS context must let
 * them in. */
int est_server_new(struct http_server *h, const struct est_server_config *config, struct est_server **ret);
struct est_server *est_server_free(struct est_server *e);

/* The client. All of it blocks. */

struct est_client {
	const struct endpoint *endpoint;
	const char *ca_path;       /* the site's CAs, which pin the server */
	const char *expected_name; /* of the server's certificate; NULL: the endpoint's host */
	int timeout_ms;            /* 0: HTTP_CLIENT_TIMEOUT_MS */
};
/* Writes out_dir/name.key (0600) and name.pem. -EEXIST where there is a key already, unless it is to be
 * replaced; -EACCES where the server refuses the token. */
int est_enrol(const struct est_client *c, const char *name, const char *token, enum key_kind kind,
        const char *out_dir, bool replace, struct error *err);

/* What a holder of a certificate asks for: a connection by that certificate. The files are read when it is
 * opened, so that privileges may be given up after that. */
struct est_session;
int est_session_open(const struct est_client *c, const char *key_path, const char *certificate_path,
        struct est_session **ret, struct error *err);
struct est_session *est_session_close(struct est_session *s); /* NULL in, NULL out */
/* The CAs that the site trusts now, and with ret_crl (may be NULL) their revocation lists; in PEM, to be
 * freed. One at least of the CAs is one that was trusted before. */
int est_session_trust(struct est_session *s, char **ret_ca, char **ret_crl, struct error *err);
/* A new key and its certificate. ca: as est_session_trust() has it. */
int est_session_renew(struct est_session *s, const char *ca, enum key_kind kind, EVP_PKEY **ret_key,
        X509 **ret_certificate, struct error *err);
/* Writes what came into the files, where it is other than what they have: 1, or 0 where nothing was. crl and
 * crl_path may be NULL. */
int est_install_trust(
        const char *ca_path, const char *ca, const char *crl_path, const char *crl, struct error *err);

/* All of it for the pair in the two files: CAs and lists are brought up to date, and the certificate is
 * renewed if it is due or if force says so. The files are good at any moment. */
struct est_renewal {
	const char *key_path, *certificate_path, *crl_path; /* crl_path: NULL or empty = none */
	bool force;
	bool renewed, trust_changed; /* out */
};
int est_renew(const struct est_client *c, struct est_renewal *renewal, struct error *err);
