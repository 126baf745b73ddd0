/* SPDX-License-Identifier: ISC */
/*
 * RFC 7030 4.1, 4.2.1, 4.2.2. A token is looked at first, then the request, and it is used up only when the
 * certificate is made: a malformed request does not cost its sender the token, and without a token nobody
 * makes us sign.
 */
#include "net/est.h"

#include "crypto/base64.h"
#include "crypto/ca_rollover.h"
#include "crypto/openssl.h"
#include "net/est_message.h"

#include <errno.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define EST_PASSWORD_MAX 128

struct est_server {
	struct est_server_config config; /* ca_dir owned */
};

void est_token_make(char ret_text[EST_TOKEN_TEXT_SIZE], uint8_t ret_hash[32])
{
	uint8_t bytes[EST_TOKEN_BYTES];
	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		abort(); /* no token is better than a predictable one */
	size_t n = base64url_encode(bytes, sizeof(bytes), ret_text);
	sha256_bytes(ret_text, n, ret_hash);
	OPENSSL_cleanse(bytes, sizeof(bytes));
}

/* Answers. */

/* code: of making the text, which is freed. */
static void answer_text(struct http_request *r, int code, char *text, const struct error *err)
{
	if (code < 0 || !text) {
		http_reply_error(r, 500, "%s", err->text);
		return;
	}
	/* RFC 7030 4.2.3; the header field is what older clients want to see (RFC 8951 3.1). */
	http_reply_field(r, "Content-Transfer-Encoding", "base64");
	http_reply(r, 200, "application/pkcs7-mime; smime-type=certs-only", text, strlen(text));
	free(text);
}

static void answer_certificate(struct http_request *r, X509 *certificate)
{
	char *text = NULL;
	struct error err;
	int code = est_certificates_encode(&certificate, 1, &text, &err);
	answer_text(r, code, text, &err);
}

static void ask_for_token(struct http_request *r)
{
	http_reply_field(r, "WWW-Authenticate", "Basic realm=\"enrolment\", charset=\"UTF-8\"");
	http_reply_error(r, 401,
	        "a name and an unused token for it are needed; an operator makes one with "
	        "`pratique enrol --new NAME`");
}

static int load_trust(const struct est_server *e, struct bundle *ret, struct error *err)
{
	char *path FREE_ON_EXIT = xasprintf("%s/ca.pem", e->config.ca_dir);
	return bundle_load(path, ret, err);
}

/* RFC 7030 4.1.3: all CAs that are trusted now. Who asks with a certificate is written down as having them.
 */
static void answer_cacerts(struct http_request *r, void *user)
{
	struct est_server *e = user;
	struct bundle trusted CLEANUP(bundle_clear) = { 0 };
	X509 *client = http_request_certificate(r);
	char *text = NULL;
	struct error err;
	int code = load_trust(e, &trusted, &err);
	if (code == 0)
		code = est_certificates_encode(trusted.certificates, trusted.n, &text, &err);
	if (code == 0 && client && ca_rollover_note(e->config.ca_dir, client, clock_wall_ms(), &err) < 0) {
		free(TAKE_POINTER(text));
		code = -EIO;
	}
	answer_text(r, code, text, &err);
}

static void answer_crls(struct http_request *r, void *user)
{
	struct est_server *e = user;
	struct bundle trusted CLEANUP(bundle_clear) = { 0 };
	struct bundle_crls crls CLEANUP(bundle_clear_crls) = { 0 };
	char *path FREE_ON_EXIT = xasprintf("%s/ca.crl", e->config.ca_dir), *text = NULL;
	struct error err;
	int code = load_trust(e, &trusted, &err);
	if (code == 0)
		code = bundle_load_crls(&trusted, path, &crls, &err);
	if (code == 0)
		code = est_crls_encode(&crls, &text, &err);
	answer_text(r, code, text, &err);
}

/* Requests. */

struct est_credentials {
	char name[IDENTITY_NAME_MAX + 1];
	uint8_t hash[32]; /* of the token */
};

/* RFC 7617 2: Basic base64(name:token). */
static int read_credentials(const struct http_request *r, struct est_credentials *ret)
{
	const char *field = http_request_field(r, "authorization");
	uint8_t text[IDENTITY_NAME_MAX + 1 + EST_PASSWORD_MAX];
	size_t length;
	if (!field || strncasecmp(field, "Basic ", 6) != 0)
		return -EACCES;
	field += 6 + strspn(field + 6, " ");
	if (base64_decode(field, strlen(field), text, sizeof(text), &length) < 0)
		return -EACCES;
	const uint8_t *colon = memchr(text, ':', length);
	size_t name = colon ? (size_t)(colon - text) : 0;
	int e = -EACCES;
	if (name > 0 && name <= IDENTITY_NAME_MAX && !memchr(text, '\0', name)) {
		memcpy(ret->name, text, name);
		ret->name[name] = '\0';
		sha256_bytes(colon + 1, length - name - 1, ret->hash);
		e = identity_check_name(ret->name, NULL) < 0 ? -EACCES : 0;
	}
	OPENSSL_cleanse(text, sizeof(text));
	return e;
}

/* The PKCS#10 of the body; on failure r is answered. */
static int read_request(struct http_request *r, uint8_t *der, size_t size, size_t *ret_length)
{
	const char *type = http_request_field(r, "content-type");
	size_t length;
	struct error err;
	const uint8_t *body = http_request_body(r, &length);
	if (!type || strncasecmp(type, "application/pkcs10", 18) != 0) {
		http_reply_error(r, 415, "the body is to be application/pkcs10");
		return -EINVAL;
	}
	if (base64_decode((const char *)body, length, der, size, ret_length) < 0) {
		http_reply_error(
		        r, 400, "the body is not a certificate request in base64 of at most %zu bytes", size);
		return -EINVAL;
	}
	if (request_check(der, *ret_length, &err) < 0) {
		http_reply_error(r, 400, "%s", err.text);
		return -EINVAL;
	}
	return 0;
}

/* Records and sends out what was made: by a token's grant, or as renewal of old. */
static void hand_out(struct est_server *e, struct http_request *r, X509 *certificate,
        const struct est_grant *grant, X509 *old)
{
	const struct est_server_config *c = &e->config;
	struct identity who, before;
	struct error err;
	int code = certificate_identity(certificate, &who, &err);
	if (code == 0 && old)
		code = certificate_identity(old, &before, &err);
	if (code == 0)
		code = ca_record_renewal(c->ca_dir, certificate, old, &err);
	if (code == 0 && c->on_issued)
		code = c->on_issued(&who, grant, old ? &before : NULL, c->user, &err);
	if (code < 0)
		http_reply_error(r, code == -EKEYREVOKED || code == -EACCES ? 403 : 500, "%s", err.text);
	else
		answer_certificate(r, certificate);
}

static void answer_enroll(struct http_request *r, void *user)
{
	struct est_server *e = user;
	const struct est_server_config *c = &e->config;
	struct est_credentials who;
	struct est_grant grant;
	uint8_t der[REQUEST_DER_MAX];
	size_t length;
	X509 *certificate CLEANUP(certificate_free_pointer) = NULL;
	struct error err;
	int code = read_credentials(r, &who);
	if (code == 0)
		code = c->token(who.name, who.hash, false, &grant, c->user, &err);
	if (code == -EEXIST) {
		http_reply_error(r, 403, "%s", err.text);
		return;
	}
	if (code < 0) {
		ask_for_token(r);
		return;
	}
	if (read_request(r, der, sizeof(der), &length) < 0)
		return;
	if (ca_enrol(c->ca_dir, der, length, who.name, grant.role, c->lifetime_ms, &certificate, &err) < 0)
		http_reply_error(r, 500, "%s", err.text);
	else if (c->token(who.name, who.hash, true, &grant, c->user, &err) < 0)
		ask_for_token(r);
	else
		hand_out(e, r, certificate, &grant, NULL);
}

static void answer_reenroll(struct http_request *r, void *user)
{
	struct est_server *e = user;
	const struct est_server_config *c = &e->config;
	const struct identity *who = http_request_peer(r);
	uint8_t der[REQUEST_DER_MAX];
	size_t length;
	X509 *certificate CLEANUP(certificate_free_pointer) = NULL;
	struct error err;
	if (!who || (c->may_renew && !c->may_renew(who, c->user))) {
		http_reply_error(r, 403, "this certificate may not be renewed");
		return;
	}
	if (read_request(r, der, sizeof(der), &length) < 0)
		return;
	if (ca_renew(c->ca_dir, der, length, http_request_certificate(r), c->lifetime_ms, &certificate,
	            &err) < 0)
		http_reply_error(r, 500, "%s", err.text);
	else
		hand_out(e, r, certificate, NULL, http_request_certificate(r));
}

static const struct http_route est_routes[] = {
	{ "GET", "/.well-known/est/cacerts", answer_cacerts, TLS_ROLES_ALL, 0 },
	{ "GET", "/.well-known/est/crls", answer_crls, TLS_ROLES_ALL, 0 }, /* RFC 8295 */
	{ "POST", "/.well-known/est/simpleenroll", answer_enroll, TLS_ROLES_ALL, EST_BODY_MAX },
	{ "POST", "/.well-known/est/simplereenroll", answer_reenroll, TLS_ROLES_ALL & ~HTTP_ANONYMOUS,
	        EST_BODY_MAX },
};

int est_server_new(struct http_server *h, const struct est_server_config *config, struct est_server **ret)
{
	struct est_server *e = xcalloc(1, sizeof(*e));
	e->config = *config;
	e->config.ca_dir = xstrdup(config->ca_dir);
	int r = http_server_add_routes(h, est_routes, ARRAY_LENGTH(est_routes), e);
	if (r < 0) {
		est_server_free(e);
		return r;
	}
	*ret = e;
	return 0;
}

struct est_server *est_server_free(struct est_server *e)
{
	if (e)
		free((char *)e->config.ca_dir);
	free(e);
	return NULL;
}
