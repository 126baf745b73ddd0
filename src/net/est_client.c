/* SPDX-License-Identifier: ISC */
/* The node's side of enrolment. A renewal writes both new files beside the old ones, then renames the
 * certificate and last the key; whatever interrupts it, est_finish_renewal() finds a pair that belongs
 * together. */
#include "net/est.h"

#include "base/file.h"
#include "crypto/base64.h"
#include "crypto/openssl.h"
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

/* Sends the request and reads the certificate, which must be the site CA's, for key. */
static int exchange(const struct est_client *c, struct tls_context *tls, const char *operation,
        const char *fields, const char *name, EVP_PKEY *key, X509 **ret, struct error *err)
{
	uint8_t *der FREE_ON_EXIT = NULL;
	size_t length;
	int r = request_make(key, name, &der, &length, err);
	if (r < 0)
		return r;
	char *body FREE_ON_EXIT = xmalloc(BASE64_SIZE(length)), path[64];
	snprintf(path, sizeof(path), "/.well-known/est/%s", operation);
	const struct http_call call = { .endpoint = c->endpoint,
		.tls = tls,
		.expected_name = c->expected_name,
		.method = "POST",
		.path = path,
		.content_type = "application/pkcs10",
		.body = body,
		.body_length = base64_encode(der, length, body),
		.fields = fields,
		.timeout_ms = c->timeout_ms };
	struct http_answer answer;
	r = http_call(&call, &answer, err);
	if (r < 0)
		return r;
	if (answer.status != 200) {
		json_t *json = json_loadb(answer.body, answer.body_length, 0, NULL);
		const char *words = json_string_value(json_object_get(json, "error"));
		r = error_set(err, answer.status == 401 || answer.status == 403 ? -EACCES : -EREMOTEIO,
		        "the server refuses (%d): %.300s", answer.status, words ? words : "no reason given");
		json_decref(json);
	} else {
		r = est_certificate_decode(answer.body, answer.body_length, ret, err);
	}
	http_answer_clear(&answer);
	return r;
}

static int check_answer(
        const struct est_client *c, const char *name, EVP_PKEY *key, X509 *certificate, struct error *err)
{
	X509 *ca CLEANUP(certificate_free_pointer) = NULL;
	struct identity who;
	int r = certificate_load(c->ca_path, &ca, err);
	if (r == 0)
		r = certificate_identity(certificate, &who, err);
	if (r == 0)
		r = certificate_check(certificate, ca, key, clock_wall_ms(), err);
	if (r == 0 && strcmp(who.name, name) != 0)
		r = error_set(
		        err, -EPERM, "the server sent a certificate for %s instead of %s", who.name, name);
	return r;
}

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

int est_enrol(const struct est_client *c, const char *name, const char *token, enum key_kind kind,
        const char *out_dir, struct error *err)
{
	struct tls_context *tls = NULL;
	EVP_PKEY *key CLEANUP(key_free_pointer) = NULL;
	X509 *certificate CLEANUP(certificate_free_pointer) = NULL;
	int r = identity_check_name(name, err);
	if (r < 0)
		return r;
	char *key_path FREE_ON_EXIT = xasprintf("%s/%s.key", out_dir, name);
	char *path FREE_ON_EXIT = xasprintf("%s/%s.pem", out_dir, name);
	char *field FREE_ON_EXIT = authorization(name, token);
	/* Before the token is spent, all that can fail here has been tried. */
	if (access(key_path, F_OK) == 0)
		return error_set(err, -EEXIST, "%s: there is a key already; remove it by hand if it is to go",
		        key_path);
	r = file_make_directory(out_dir, 0755, err);
	if (r == 0)
		r = key_generate(kind, &key, err);
	if (r == 0)
		r = key_save(key, key_path, err);
	if (r < 0)
		return r;
	r = client_context(c, NULL, NULL, &tls, err);
	if (r == 0)
		r = exchange(c, tls, "simpleenroll", field, name, key, &certificate, err);
	if (r == 0)
		r = check_answer(c, name, key, certificate, err);
	if (r == 0)
		r = certificate_save(certificate, path, err);
	if (r < 0)
		(void)unlink(key_path);
	OPENSSL_cleanse(field, strlen(field));
	tls_context_free(tls);
	return r;
}

/* Renewal. */

struct renewal_paths {
	char *key, *certificate, *new_key, *new_certificate;
};

static struct renewal_paths paths_of(const char *dir, const char *name)
{
	return (struct renewal_paths){ xasprintf("%s/%s.key", dir, name), xasprintf("%s/%s.pem", dir, name),
		xasprintf("%s/%s.key.new", dir, name), xasprintf("%s/%s.pem.new", dir, name) };
}

static void paths_free(struct renewal_paths *p)
{
	free(p->key);
	free(p->certificate);
	free(p->new_key);
	free(p->new_certificate);
}

static bool belong_together(const char *key_path, const char *certificate_path)
{
	EVP_PKEY *key CLEANUP(key_free_pointer) = NULL;
	X509 *certificate CLEANUP(certificate_free_pointer) = NULL;
	bool good = key_load(key_path, &key, NULL) == 0 &&
	        certificate_load(certificate_path, &certificate, NULL) == 0 &&
	        X509_check_private_key(certificate, key) == 1;
	openssl_forget_errors();
	return good;
}

static int move(const char *from, const char *to, struct error *err)
{
	return rename(from, to) < 0 ? error_set(err, -errno, "%s: %s", to, strerror(errno)) : 0;
}

int est_finish_renewal(const char *dir, const char *name, struct error *err)
{
	struct renewal_paths p CLEANUP(paths_free) = paths_of(dir, name);
	int r = 0;
	if (belong_together(p.new_key, p.new_certificate))
		r = move(p.new_certificate, p.certificate, err);
	if (r == 0 && belong_together(p.new_key, p.certificate))
		return move(p.new_key, p.key, err);
	if (r == 0) {
		/* The answer never came: the old pair is whole. */
		(void)unlink(p.new_key);
		(void)unlink(p.new_certificate);
	}
	return r;
}

int est_renew(
        const struct est_client *c, const char *name, enum key_kind kind, const char *dir, struct error *err)
{
	struct renewal_paths p CLEANUP(paths_free) = paths_of(dir, name);
	struct tls_context *tls = NULL;
	EVP_PKEY *key CLEANUP(key_free_pointer) = NULL;
	X509 *certificate CLEANUP(certificate_free_pointer) = NULL;
	int r = identity_check_name(name, err);
	if (r == 0)
		r = est_finish_renewal(dir, name, err);
	if (r == 0)
		r = client_context(c, p.certificate, p.key, &tls, err);
	if (r == 0)
		r = key_generate(kind, &key, err);
	if (r == 0)
		r = key_save(key, p.new_key, err);
	if (r == 0)
		r = exchange(c, tls, "simplereenroll", NULL, name, key, &certificate, err);
	if (r == 0)
		r = check_answer(c, name, key, certificate, err);
	if (r == 0)
		r = certificate_save(certificate, p.new_certificate, err);
	if (r == 0)
		r = est_finish_renewal(dir, name, err);
	else
		(void)unlink(p.new_key);
	tls_context_free(tls);
	return r;
}
