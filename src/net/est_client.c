/* SPDX-License-Identifier: ISC */
/* The side of who enrols and renews. */
#include "net/est.h"

#include "base/file.h"
#include "crypto/base64.h"
#include "crypto/openssl.h"
#include "crypto/pair.h"
#include "crypto/renewal.h"
#include "net/est_message.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int client_context(const struct est_client *c, const char *certificate_path, const char *key_path,
        struct tls_context **ret, struct error *err)
{
	const struct tls_config config = { .ca_path = c->ca_path,
		.certificate_path = certificate_path,
		.key_path = key_path,
		.peer_roles = TLS_ROLE(ROLE_SERVER) };
	return tls_context_new(&config, ret, err);
}

static int refusal(const struct http_answer *answer, struct error *err)
{
	json_t *json = json_loadb(answer->body, answer->body_length, 0, NULL);
	const char *words = json_string_value(json_object_get(json, "error"));
	int r = error_set(err, answer->status == 401 || answer->status == 403 ? -EACCES : -EREMOTEIO,
	        "the server refuses (%d): %.300s", answer->status, words ? words : "no reason given");
	json_decref(json);
	return r;
}

/* One request; on success the answer's body is the caller's. body NULL: GET. */
static int ask(const struct est_client *c, struct tls_context *tls, const char *operation, const char *fields,
        const char *body, struct http_answer *ret, struct error *err)
{
	char path[64];
	snprintf(path, sizeof(path), "/.well-known/est/%s", operation);
	const struct http_call call = { .endpoint = c->endpoint,
		.tls = tls,
		.expected_name = c->expected_name,
		.method = body ? "POST" : "GET",
		.path = path,
		.content_type = body ? "application/pkcs10" : NULL,
		.body = body,
		.body_length = body ? strlen(body) : 0,
		.fields = fields,
		.timeout_ms = c->timeout_ms };
	int r = http_call(&call, ret, err);
	if (r < 0 || ret->status == 200)
		return r;
	r = refusal(ret, err);
	http_answer_clear(ret);
	return r;
}

/* Sends the request and reads the certificate. */
static int exchange(const struct est_client *c, struct tls_context *tls, const char *operation,
        const char *fields, const char *name, EVP_PKEY *key, X509 **ret, struct error *err)
{
	uint8_t *der FREE_ON_EXIT = NULL;
	size_t length;
	struct http_answer answer;
	int r = request_make(key, name, &der, &length, err);
	if (r < 0)
		return r;
	char *body FREE_ON_EXIT = xmalloc(BASE64_SIZE(length));
	base64_encode(der, length, body);
	r = ask(c, tls, operation, fields, body, &answer, err);
	if (r < 0)
		return r;
	r = est_certificate_decode(answer.body, answer.body_length, ret, err);
	http_answer_clear(&answer);
	return r;
}

/* What came is the site's, for key, and of the name. */
static int check_answer(
        const struct bundle *trusted, const char *name, EVP_PKEY *key, X509 *certificate, struct error *err)
{
	struct identity who;
	int r = certificate_identity(certificate, &who, err);
	if (r == 0)
		r = bundle_check(trusted, certificate, key, clock_wall_ms(), err);
	if (r == 0 && strcmp(who.name, name) != 0)
		r = error_set(
		        err, -EPERM, "the server sent a certificate for %s instead of %s", who.name, name);
	return r;
}

/* Enrolment. */

static char *authorization(const char *name, const char *token)
{
	char *plain FREE_ON_EXIT = xasprintf("%s:%s", name, token);
	char *coded FREE_ON_EXIT = xmalloc(BASE64_SIZE(strlen(plain)));
	base64_encode(plain, strlen(plain), coded);
	OPENSSL_cleanse(plain, strlen(plain));
	char *field = xasprintf("Authorization: Basic %s\r\n", coded);
	OPENSSL_cleanse(coded, strlen(coded));
	return field;
}

struct enrolment {
	const char *name, *token;
	enum key_kind kind;
	char *key_path, *path;
	bool replace;
};

static int enrol_with(const struct est_client *c, const struct enrolment *e, EVP_PKEY *key, struct error *err)
{
	struct tls_context *tls = NULL;
	struct bundle trusted CLEANUP(bundle_clear) = { 0 };
	X509 *certificate CLEANUP(certificate_free_pointer) = NULL;
	char *field FREE_ON_EXIT = authorization(e->name, e->token);
	int r = bundle_load(c->ca_path, &trusted, err);
	if (r == 0)
		r = client_context(c, NULL, NULL, &tls, err);
	if (r == 0)
		r = exchange(c, tls, "simpleenroll", field, e->name, key, &certificate, err);
	if (r == 0)
		r = check_answer(&trusted, e->name, key, certificate, err);
	if (r == 0)
		r = e->replace ? pair_replace(e->key_path, e->path, key, certificate, err)
		               : certificate_save(certificate, e->path, err);
	OPENSSL_cleanse(field, strlen(field));
	tls_context_free(tls);
	return r;
}

int est_enrol(const struct est_client *c, const char *name, const char *token, enum key_kind kind,
        const char *out_dir, bool replace, struct error *err)
{
	EVP_PKEY *key CLEANUP(key_free_pointer) = NULL;
	int r = identity_check_name(name, err);
	if (r < 0)
		return r;
	char *key_path FREE_ON_EXIT = xasprintf("%s/%s.key", out_dir, name);
	char *path FREE_ON_EXIT = xasprintf("%s/%s.pem", out_dir, name);
	const struct enrolment e = { name, token, kind, key_path, path,
		access(key_path, F_OK) == 0 || access(path, F_OK) == 0 };
	/* Before the token is spent, all that can fail here has been tried. */
	if (access(key_path, F_OK) == 0 && !replace)
		return error_set(err, -EEXIST,
		        "%s: there is a key already; --replace puts the new one in its place", key_path);
	r = file_make_directory(out_dir, 0755, err);
	if (r == 0)
		r = key_generate(kind, &key, err);
	if (r == 0 && !e.replace)
		r = key_save(key, key_path, err);
	if (r < 0)
		return r;
	r = enrol_with(c, &e, key, err);
	if (r < 0 && !e.replace)
		(void)unlink(key_path);
	return r;
}

/* Renewal. */

struct est_session {
	struct est_client client; /* ca_path not kept */
	struct endpoint endpoint;
	char *expected_name;
	struct tls_context *tls;
	struct identity who;
	struct bundle trusted; /* before this session */
};

int est_session_open(const struct est_client *c, const char *key_path, const char *certificate_path,
        struct est_session **ret, struct error *err)
{
	struct est_session *s = xcalloc(1, sizeof(*s));
	X509 *certificate CLEANUP(certificate_free_pointer) = NULL;
	s->endpoint = *c->endpoint;
	s->expected_name = xstrdup(c->expected_name);
	s->client = (struct est_client){ &s->endpoint, NULL, s->expected_name, c->timeout_ms };
	int r = bundle_load(c->ca_path, &s->trusted, err);
	if (r == 0)
		r = certificate_load(certificate_path, &certificate, err);
	if (r == 0)
		r = certificate_identity(certificate, &s->who, err);
	if (r == 0)
		r = client_context(c, certificate_path, key_path, &s->tls, err);
	if (r < 0) {
		est_session_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

struct est_session *est_session_close(struct est_session *s)
{
	if (!s)
		return NULL;
	tls_context_free(s->tls);
	bundle_clear(&s->trusted);
	free(s->expected_name);
	free(s);
	return NULL;
}

/* Who vouches for new CAs is one that was believed before. */
static int check_trust(const struct bundle *before, const char *pem, struct bundle *ret, struct error *err)
{
	int r = bundle_parse(pem, strlen(pem), ret, err);
	for (size_t i = 0; r == 0 && i < before->n; i++)
		if (bundle_has(ret, before->certificates[i]))
			return 0;
	return r < 0 ? error_prefix(err, r, "the CAs that the server sent")
	             : error_set(err, -EPERM, "the server sent none of the CAs that were trusted until now");
}

int est_session_trust(struct est_session *s, char **ret_ca, char **ret_crl, struct error *err)
{
	struct http_answer answer;
	struct bundle now CLEANUP(bundle_clear) = { 0 };
	struct bundle_crls crls CLEANUP(bundle_clear_crls) = { 0 };
	char *ca FREE_ON_EXIT = NULL, *crl FREE_ON_EXIT = NULL;
	int r = ask(&s->client, s->tls, "cacerts", NULL, NULL, &answer, err);
	if (r < 0)
		return r;
	r = est_bundle_decode(answer.body, answer.body_length, &ca, err);
	http_answer_clear(&answer);
	if (r == 0)
		r = check_trust(&s->trusted, ca, &now, err);
	if (r == 0 && ret_crl) {
		r = ask(&s->client, s->tls, "crls", NULL, NULL, &answer, err);
		if (r == 0) {
			r = est_crls_decode(answer.body, answer.body_length, &crl, err);
			http_answer_clear(&answer);
		}
		if (r == 0)
			r = bundle_parse_crls(&now, crl, strlen(crl), &crls, err);
	}
	if (r < 0)
		return r;
	*ret_ca = TAKE_POINTER(ca);
	if (ret_crl)
		*ret_crl = TAKE_POINTER(crl);
	return 0;
}

int est_session_renew(struct est_session *s, const char *ca, enum key_kind kind, EVP_PKEY **ret_key,
        X509 **ret_certificate, struct error *err)
{
	EVP_PKEY *key CLEANUP(key_free_pointer) = NULL;
	X509 *certificate CLEANUP(certificate_free_pointer) = NULL;
	struct bundle trusted CLEANUP(bundle_clear) = { 0 };
	struct identity now;
	int r = bundle_parse(ca, strlen(ca), &trusted, err);
	if (r == 0)
		r = key_generate(kind, &key, err);
	if (r == 0)
		r = exchange(&s->client, s->tls, "simplereenroll", NULL, s->who.name, key, &certificate, err);
	if (r == 0)
		r = check_answer(&trusted, s->who.name, key, certificate, err);
	if (r == 0)
		r = certificate_identity(certificate, &now, err);
	if (r == 0 && now.role != s->who.role)
		r = error_set(err, -EPERM, "the server sent a certificate for the role %s instead of %s",
		        identity_role_name(now.role), identity_role_name(s->who.role));
	if (r < 0)
		return r;
	*ret_key = TAKE_POINTER(key);
	*ret_certificate = TAKE_POINTER(certificate);
	return 0;
}

static int install_one(const char *path, const char *text, struct error *err)
{
	return file_replace(path, text, strlen(text), 0644, err);
}

int est_install_trust(
        const char *ca_path, const char *ca, const char *crl_path, const char *crl, struct error *err)
{
	struct bundle before CLEANUP(bundle_clear) = { 0 }, now CLEANUP(bundle_clear) = { 0 };
	char *old_crl FREE_ON_EXIT = NULL;
	int r = bundle_load(ca_path, &before, err);
	if (r == 0)
		r = check_trust(&before, ca, &now, err);
	if (r < 0)
		return r;
	bool new_ca = !bundle_equal(&before, &now), with_crl = crl && crl_path && *crl_path;
	bool new_crl = with_crl &&
	        (file_read(crl_path, BUNDLE_CRL_FILE_MAX, &old_crl, NULL, NULL) < 0 ||
	                strcmp(old_crl, crl) != 0);
	bool crl_first = now.n >= before.n; /* no CA is trusted without its list */
	if (new_crl && crl_first)
		r = install_one(crl_path, crl, err);
	if (r == 0 && new_ca)
		r = install_one(ca_path, ca, err);
	if (r == 0 && new_crl && !crl_first)
		r = install_one(crl_path, crl, err);
	return r < 0 ? r : new_ca || new_crl;
}

/* Shown with the new certificate, the rollover of a CA knows that it is in use. */
static void confirm(const struct est_client *c, const struct est_renewal *renewal)
{
	struct est_session *s = NULL;
	char *ca FREE_ON_EXIT = NULL;
	if (est_session_open(c, renewal->key_path, renewal->certificate_path, &s, NULL) == 0)
		(void)est_session_trust(s, &ca, NULL, NULL);
	est_session_close(s);
}

static int renew_pair(
        struct est_session *s, const struct est_renewal *renewal, const char *ca, struct error *err)
{
	EVP_PKEY *old CLEANUP(key_free_pointer) = NULL, *key CLEANUP(key_free_pointer) = NULL;
	X509 *certificate CLEANUP(certificate_free_pointer) = NULL;
	enum key_kind kind = KEY_P256;
	int r = key_load(renewal->key_path, &old, err);
	if (r == 0)
		r = key_get_kind(old, &kind);
	if (r == 0)
		r = est_session_renew(s, ca, kind, &key, &certificate, err);
	return r < 0 ? r : pair_replace(renewal->key_path, renewal->certificate_path, key, certificate, err);
}

static int is_due(const struct est_renewal *renewal, const char *ca, bool *ret, struct error *err)
{
	struct bundle trusted CLEANUP(bundle_clear) = { 0 };
	X509 *certificate CLEANUP(certificate_free_pointer) = NULL;
	int r = bundle_parse(ca, strlen(ca), &trusted, err);
	if (r == 0)
		r = certificate_load(renewal->certificate_path, &certificate, err);
	if (r == 0)
		*ret = renewal->force || renewal_is_due(certificate, &trusted, clock_wall_ms());
	return r;
}

int est_renew(const struct est_client *c, struct est_renewal *renewal, struct error *err)
{
	struct est_session *s = NULL;
	char *ca FREE_ON_EXIT = NULL, *crl FREE_ON_EXIT = NULL;
	bool with_crl = renewal->crl_path && *renewal->crl_path, due = false;
	int r = pair_finish(renewal->key_path, renewal->certificate_path, err);
	if (r == 0)
		r = est_session_open(c, renewal->key_path, renewal->certificate_path, &s, err);
	if (r == 0)
		r = est_session_trust(s, &ca, with_crl ? &crl : NULL, err);
	if (r == 0)
		r = est_install_trust(c->ca_path, ca, renewal->crl_path, crl, err);
	renewal->trust_changed = r > 0;
	if (r >= 0 && ca)
		r = is_due(renewal, ca, &due, err);
	if (r == 0 && due)
		r = renew_pair(s, renewal, ca, err);
	renewal->renewed = r == 0 && due;
	if (renewal->renewed)
		confirm(c, renewal);
	est_session_close(s);
	return r;
}
