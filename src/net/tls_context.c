/* SPDX-License-Identifier: ISC */
/*
 * What a program's TLS connections have in common: its key and certificate, the site CA and its revocation
 * list, and who may be at the other end. Reloading builds a new SSL_CTX beside the old one and changes over
 * only when all of it is good.
 */
#include "net/tls.h"

#include "crypto/bundle.h"
#include "crypto/openssl.h"
#include "net/tls_internal.h"
#include "net/tls_known.h"

#include <errno.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define TLS_FOREIGN_DEPTH 8
#define TLS_1_2_CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20" /* BCP 195 */

enum { TLS_CA, TLS_CRL, TLS_CERTIFICATE, TLS_KEY, TLS_FILES };

struct tls_context {
	struct tls_config config; /* strings owned */
	SSL_CTX *ssl_ctx;
	struct bundle trusted; /* none where the peers are another organisation's */
	struct bundle_crls crls;
	struct stat files[TLS_FILES]; /* as they were when last read */
	bool ca_changed;              /* by the last reload */
	struct stream_list streams;
	struct event *watch;
	int watch_ms;
	void (*on_reload)(const struct error *err, void *user);
	void *on_reload_user;
};

struct stream_list *tls_context_streams(struct tls_context *t)
{
	return &t->streams;
}

/* Verification of the peer. */

static void verification_free(
        void *parent, void *data, CRYPTO_EX_DATA *ad, int index, long number, void *pointer)
{
	free(data);
}

static int verification_number = -1;

static void make_verification_number(void)
{
	verification_number = SSL_get_ex_new_index(0, NULL, NULL, NULL, verification_free);
}

static int verification_index(void)
{
	static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
	if (CRYPTO_THREAD_run_once(&once, make_verification_number) != 1 || verification_number < 0)
		abort(); /* without memory, before anything has been served */
	return verification_number;
}

struct tls_verification *tls_verification_of(SSL *ssl)
{
	return SSL_get_ex_data(ssl, verification_index());
}

static bool has_name(X509 *certificate, const struct identity *who, const char *expected)
{
	return strcmp(who->name, expected) == 0 ||
	        X509_check_host(certificate, expected, 0,
	                X509_CHECK_FLAG_NO_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL) == 1 ||
	        X509_check_ip_asc(certificate, expected, 0) == 1;
}

/* RFC 6614, 2.3; RFC 6125: the name that was configured, and nothing else that the certificate may say. */
static bool check_foreign(struct tls_verification *v, X509 *certificate)
{
	struct tm tm;
	if (!v->expected_name[0] ||
	        (X509_check_host(certificate, v->expected_name, 0, 0, NULL) != 1 &&
	                X509_check_ip_asc(certificate, v->expected_name, 0) != 1)) {
		snprintf(v->reason, sizeof(v->reason), "the certificate is not of %.100s", v->expected_name);
		return false;
	}
	snprintf(v->peer.name, sizeof(v->peer.name), "%s", v->expected_name);
	if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm) != 1)
		return false;
	v->peer.not_after = (time_ms)timegm(&tm) * 1000;
	v->has_peer = true;
	return true;
}

/* The chain is good; is it somebody who may be here? */
static bool check_identity(struct tls_verification *v, X509 *certificate)
{
	struct error err;
	struct identity who;
	if (v->foreign)
		return check_foreign(v, certificate);
	if (certificate_identity(certificate, &who, &err) < 0)
		snprintf(v->reason, sizeof(v->reason), "%.200s", err.text);
	else if (!(v->peer_roles & TLS_ROLE(who.role)))
		snprintf(v->reason, sizeof(v->reason), "the certificate of %s is of role %s, " TLS_WORDS_ROLE,
		        who.name, identity_role_name(who.role));
	else if (v->expected_name[0] && !has_name(certificate, &who, v->expected_name))
		snprintf(v->reason, sizeof(v->reason), "the certificate is of %s, not of %.100s", who.name,
		        v->expected_name);
	if (v->reason[0])
		return false;
	v->peer = who;
	v->has_peer = true;
	return true;
}

static const struct {
	int code;
	const char *words;
} verification_words[] = {
	{ X509_V_ERR_CERT_HAS_EXPIRED, TLS_WORDS_EXPIRED },
	{ X509_V_ERR_CERT_NOT_YET_VALID, TLS_WORDS_EARLY "; compare the clocks" },
	{ X509_V_ERR_CERT_REVOKED, TLS_WORDS_REVOKED },
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, TLS_WORDS_STRANGE },
	{ X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, TLS_WORDS_STRANGE },
	{ X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, TLS_WORDS_STRANGE },
	{ X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, TLS_WORDS_STRANGE },
	{ X509_V_ERR_CERT_SIGNATURE_FAILURE, TLS_WORDS_STRANGE },
	{ X509_V_ERR_CERT_CHAIN_TOO_LONG, TLS_WORDS_STRANGE },
	{ X509_V_ERR_INVALID_PURPOSE, "is not meant for this end of a connection" },
	{ X509_V_ERR_CRL_HAS_EXPIRED, "cannot be checked: the revocation list has expired" },
};

static int verify_peer(int ok, X509_STORE_CTX *ctx)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls_verification *v = ssl ? tls_verification_of(ssl) : NULL;
	if (!v)
		return 0;
	if (ok) {
		if (X509_STORE_CTX_get_error_depth(ctx) > 0 ||
		        check_identity(v, X509_STORE_CTX_get_current_cert(ctx)))
			return 1;
		X509_STORE_CTX_set_error(ctx, X509_V_ERR_APPLICATION_VERIFICATION);
		return 0;
	}
	int code = X509_STORE_CTX_get_error(ctx);
	const char *words = NULL;
	for (size_t i = 0; i < ARRAY_LENGTH(verification_words); i++)
		if (verification_words[i].code == code)
			words = verification_words[i].words;
	snprintf(v->reason, sizeof(v->reason), "the peer's certificate %s",
	        words ? words : X509_verify_cert_error_string(code));
	return 0;
}

/* In the place of the whole verification: a chain that was verified is not verified again. */
static int verify_chain(X509_STORE_CTX *ctx, void *arg)
{
	struct tls_known *known = arg;
	X509 *certificate = X509_STORE_CTX_get0_cert(ctx);
	SSL *ssl = X509_STORE_CTX_get_ex_data(ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls_verification *v = ssl ? tls_verification_of(ssl) : NULL;
	if (!v || !tls_known_has(known, certificate, time(NULL))) {
		int r = X509_verify_cert(ctx);
		if (r == 1 && X509_STORE_CTX_get_error(ctx) == X509_V_OK)
			tls_known_note(known, ctx);
		return r;
	}
	const bool is_welcome = check_identity(v, certificate);
	X509_STORE_CTX_set_error(ctx, is_welcome ? X509_V_OK : X509_V_ERR_APPLICATION_VERIFICATION);
	return is_welcome;
}

SSL *tls_context_ssl(struct tls_context *t, const char *expected_name)
{
	/* Cut short, it could be somebody else's. */
	if (expected_name && strlen(expected_name) >= sizeof(((struct tls_verification *)0)->expected_name))
		return NULL;
	SSL *ssl = SSL_new(t->ssl_ctx);
	struct tls_verification *v = xcalloc(1, sizeof(*v));
	v->peer_roles = t->config.peer_roles;
	v->foreign = t->config.foreign;
	if (expected_name)
		snprintf(v->expected_name, sizeof(v->expected_name), "%s", expected_name);
	if (!ssl || SSL_set_ex_data(ssl, verification_index(), v) != 1) {
		free(v);
		SSL_free(ssl);
		return NULL;
	}
	struct ip_address address;
	/* RFC 6066 3: no addresses in server_name. */
	if (!t->config.server && expected_name && ip_parse(expected_name, &address) < 0)
		(void)SSL_set_tlsext_host_name(ssl, expected_name);
	if (t->config.server)
		SSL_set_accept_state(ssl);
	else
		SSL_set_connect_state(ssl);
	return ssl;
}

/* Files. */

static const char *file_of(const struct tls_config *c, int i)
{
	return (const char *const[TLS_FILES]){ c->ca_path, c->crl_path, c->certificate_path, c->key_path }[i];
}

static void look_at_files(const struct tls_context *t, struct stat files[TLS_FILES])
{
	memset(files, 0, TLS_FILES * sizeof(*files));
	for (int i = 0; i < TLS_FILES; i++)
		if (file_of(&t->config, i) && stat(file_of(&t->config, i), &files[i]) < 0)
			memset(&files[i], 0, sizeof(files[i]));
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
	        a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

struct tls_material {
	SSL_CTX *ssl_ctx;
	struct bundle trusted;
	struct bundle_crls crls;
};

static void material_free(struct tls_material *m)
{
	SSL_CTX_free(m->ssl_ctx);
	bundle_clear(&m->trusted);
	bundle_clear_crls(&m->crls);
}

static int use_foreign_trust(struct tls_material *m, const struct tls_config *c, struct error *err)
{
	X509 *first CLEANUP(certificate_free_pointer) = NULL; /* in words of ours where there is none */
	X509_CRL *crl CLEANUP(crl_free_pointer) = NULL;
	int r = certificate_load(c->ca_path, &first, err);
	if (r == 0 && c->crl_path)
		r = crl_load(c->crl_path, &crl, err);
	if (r < 0)
		return r;
	X509_STORE *store = SSL_CTX_get_cert_store(m->ssl_ctx);
	if (SSL_CTX_load_verify_file(m->ssl_ctx, c->ca_path) != 1 ||
	        (crl && X509_STORE_add_crl(store, crl) != 1) ||
	        (crl && X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK) != 1))
		return openssl_error(err, -EINVAL, "%s: cannot be used", c->ca_path);
	return 0;
}

/* Each CA of the bundle is as good as the others: a rollover has two. */
static int use_trust(struct tls_material *m, const struct tls_config *c, struct error *err)
{
	if (c->foreign)
		return use_foreign_trust(m, c, err);
	int r = bundle_load(c->ca_path, &m->trusted, err);
	if (r == 0 && c->crl_path)
		r = bundle_load_crls(&m->trusted, c->crl_path, &m->crls, err);
	if (r < 0)
		return r;
	X509_STORE *store = SSL_CTX_get_cert_store(m->ssl_ctx);
	bool good = true;
	for (size_t i = 0; good && i < m->trusted.n; i++)
		good = X509_STORE_add_cert(store, m->trusted.certificates[i]) == 1 &&
		        SSL_CTX_add_client_CA(m->ssl_ctx, m->trusted.certificates[i]) == 1;
	for (size_t i = 0; good && i < m->crls.n; i++)
		good = X509_STORE_add_crl(store, m->crls.lists[i]) == 1;
	if (!good || (c->crl_path && X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK) != 1))
		return openssl_error(err, -ENOMEM, "%s: cannot be used", c->ca_path);
	return 0;
}

/* When the first of the lists ends; without lists: never. */
static time_t end_of_lists(const struct bundle_crls *crls)
{
	time_t end = INT64_MAX;
	for (size_t i = 0; i < crls->n; i++) {
		const ASN1_TIME *next = X509_CRL_get0_nextUpdate(crls->lists[i]);
		struct tm tm;
		if (next && ASN1_TIME_to_tm(next, &tm) == 1)
			end = MIN(end, timegm(&tm));
		else if (next)
			end = 0;
	}
	return end;
}

static int know_peers(struct tls_material *m, const struct tls_config *c, struct error *err)
{
	struct tls_known *known = tls_known_new(
	        m->ssl_ctx, c->server ? TLS_KNOWN_PEERS : TLS_KNOWN_SERVERS, end_of_lists(&m->crls));
	if (!known)
		return openssl_error(err, -ENOMEM, "cannot set up TLS");
	SSL_CTX_set_cert_verify_callback(m->ssl_ctx, verify_chain, known);
	return 0;
}

/* As the context before it had them: what has not changed is not read again, for the user that a daemon has
 * become need not be able to. */
static int keep_own_certificate(SSL_CTX *ssl_ctx, SSL_CTX *before, struct error *err)
{
	if (SSL_CTX_use_certificate(ssl_ctx, SSL_CTX_get0_certificate(before)) != 1 ||
	        SSL_CTX_use_PrivateKey(ssl_ctx, SSL_CTX_get0_privatekey(before)) != 1)
		return openssl_error(err, -ENOMEM, "the certificate cannot be used again");
	return 0;
}

/* Of any kind of key, and with what comes between it and its CA. */
static int use_foreign_certificate(SSL_CTX *ssl_ctx, const struct tls_config *c, struct error *err)
{
	if (SSL_CTX_use_certificate_chain_file(ssl_ctx, c->certificate_path) != 1)
		return openssl_error(err, -EINVAL, "%s: cannot be used", c->certificate_path);
	if (SSL_CTX_use_PrivateKey_file(ssl_ctx, c->key_path, SSL_FILETYPE_PEM) != 1 ||
	        SSL_CTX_check_private_key(ssl_ctx) != 1)
		return openssl_error(err, -EINVAL, "%s: not the key of the certificate %s", c->key_path,
		        c->certificate_path);
	return 0;
}

static int use_own_certificate(SSL_CTX *ssl_ctx, const struct tls_config *c, struct error *err)
{
	X509 *certificate CLEANUP(certificate_free_pointer) = NULL;
	EVP_PKEY *key CLEANUP(key_free_pointer) = NULL;
	if (c->foreign)
		return use_foreign_certificate(ssl_ctx, c, err);
	int r = certificate_load(c->certificate_path, &certificate, err);
	if (r == 0)
		r = key_load(c->key_path, &key, err);
	if (r < 0)
		return r;
	if (SSL_CTX_use_certificate(ssl_ctx, certificate) != 1)
		return openssl_error(err, -EINVAL, "%s: cannot be used", c->certificate_path);
	if (SSL_CTX_use_PrivateKey(ssl_ctx, key) != 1 || SSL_CTX_check_private_key(ssl_ctx) != 1)
		return openssl_error(err, -EINVAL, "%s: not the key of the certificate %s", c->key_path,
		        c->certificate_path);
	return 0;
}

/* before: the context whose certificate and key are still those of the files; NULL: read them. */
static int make_material(
        const struct tls_config *c, SSL_CTX *before, struct tls_material *m, struct error *err)
{
	m->ssl_ctx = SSL_CTX_new(c->server ? TLS_server_method() : TLS_client_method());
	if (!m->ssl_ctx ||
	        SSL_CTX_set_min_proto_version(m->ssl_ctx, c->foreign ? TLS1_2_VERSION : TLS1_3_VERSION) !=
	                1 ||
	        SSL_CTX_set_cipher_list(m->ssl_ctx, TLS_1_2_CIPHERS) != 1 ||
	        SSL_CTX_set_num_tickets(m->ssl_ctx, 0) != 1)
		return openssl_error(err, -ENOMEM, "cannot set up TLS 1.3");
	SSL_CTX_set_options(m->ssl_ctx, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_session_cache_mode(m->ssl_ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(m->ssl_ctx,
	        SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
	                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	/* Nobody is between our certificates and the CA, which the other end has: otherwise OpenSSL would
	 * look for a chain, and verify it, in each handshake. */
	if (!c->foreign)
		SSL_CTX_set_mode(m->ssl_ctx, SSL_MODE_NO_AUTO_CHAIN);
	int demand = c->server && c->peer_certificate_optional ? 0 : SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	SSL_CTX_set_verify(m->ssl_ctx, SSL_VERIFY_PEER | demand, verify_peer);
	/* Our CA has nobody between itself and the identities. */
	SSL_CTX_set_verify_depth(m->ssl_ctx, c->foreign ? TLS_FOREIGN_DEPTH : 0);
	int r = use_trust(m, c, err);
	if (r == 0 && !c->foreign)
		r = know_peers(m, c, err);
	if (r == 0 && c->certificate_path)
		r = before ? keep_own_certificate(m->ssl_ctx, before, err)
		           : use_own_certificate(m->ssl_ctx, c, err);
	return r;
}

static int load(struct tls_context *t, struct error *err)
{
	struct tls_material m CLEANUP(material_free) = { 0 };
	struct stat files[TLS_FILES];
	look_at_files(t, files); /* before reading: a change in between is seen next time */
	bool same = t->ssl_ctx && !t->config.foreign &&
	        same_file(&files[TLS_CERTIFICATE], &t->files[TLS_CERTIFICATE]) &&
	        same_file(&files[TLS_KEY], &t->files[TLS_KEY]);
	memcpy(t->files, files, sizeof(files));
	int r = make_material(&t->config, same ? t->ssl_ctx : NULL, &m, err);
	if (r < 0)
		return r;
	t->ca_changed = !bundle_equal(&t->trusted, &m.trusted);
	/* What was in force before goes with m. */
	const struct tls_material before = { t->ssl_ctx, t->trusted, t->crls };
	t->ssl_ctx = m.ssl_ctx;
	t->trusted = m.trusted;
	t->crls = m.crls;
	m = before;
	return 0;
}

int tls_context_new(const struct tls_config *config, struct tls_context **ret, struct error *err)
{
	if (!config->ca_path || !config->certificate_path != !config->key_path ||
	        (config->server && config->foreign) || (config->server && !config->certificate_path))
		return error_set(err, -EINVAL, "TLS: a CA, and certificate and key together, must be given");
	struct tls_context *t = xcalloc(1, sizeof(*t));
	LIST_INIT(&t->streams);
	t->config = *config;
	t->config.ca_path = xstrdup(config->ca_path);
	t->config.crl_path = xstrdup(config->crl_path);
	t->config.certificate_path = xstrdup(config->certificate_path);
	t->config.key_path = xstrdup(config->key_path);
	int r = load(t, err);
	if (r < 0) {
		tls_context_free(t);
		return r;
	}
	*ret = t;
	return 0;
}

struct tls_context *tls_context_free(struct tls_context *t)
{
	if (!t)
		return NULL;
	while (!LIST_EMPTY(&t->streams)) {
		struct stream *s = LIST_FIRST(&t->streams);
		LIST_REMOVE(s, of_tls);
		s->tls = NULL;
	}
	if (t->watch)
		event_free(t->watch);
	SSL_CTX_free(t->ssl_ctx);
	bundle_clear(&t->trusted);
	bundle_clear_crls(&t->crls);
	for (int i = 0; i < TLS_FILES; i++)
		free((char *)file_of(&t->config, i));
	free(t);
	return NULL;
}

/* Open streams. */

static void recheck_stream(struct tls_context *t, struct stream *s, bool reloaded, time_ms now)
{
	/* Before it has a peer, its SSL may be a worker's. */
	X509 *certificate = s->has_peer ? tls_stream_peer_certificate(s) : NULL;
	if (!certificate)
		return;
	if (s->peer.not_after <= now)
		stream_fail(s, "the certificate of %s has expired", s->peer.name);
	else if (reloaded && t->ca_changed && !t->config.foreign && !bundle_issuer(&t->trusted, certificate))
		stream_fail(s, "the certificate of %s is not from this site's CA any more", s->peer.name);
	else if (reloaded && bundle_revokes(&t->crls, certificate))
		stream_fail(s, "the certificate of %s is revoked", s->peer.name);
}

static void recheck_streams(struct tls_context *t, bool reloaded)
{
	time_ms now = clock_wall_ms();
	struct stream *s;
	/* stream_fail() only marks: the list does not change under us. */
	LIST_FOREACH(s, &t->streams, of_tls)
		recheck_stream(t, s, reloaded, now);
	openssl_forget_errors();
}

void tls_context_check_late(struct tls_context *t, struct stream *s)
{
	if (SSL_get_SSL_CTX(s->ssl) != t->ssl_ctx)
		recheck_stream(t, s, true, clock_wall_ms());
	openssl_forget_errors();
}

int tls_context_reload(struct tls_context *t, struct error *err)
{
	int r = load(t, err);
	if (r == 0)
		recheck_streams(t, true);
	return r;
}

static void on_watch(evutil_socket_t fd, short what, void *arg)
{
	struct tls_context *t = arg;
	struct stat files[TLS_FILES];
	bool changed = false;
	look_at_files(t, files);
	for (int i = 0; i < TLS_FILES; i++)
		changed |= !same_file(&files[i], &t->files[i]);
	if (!changed) {
		recheck_streams(t, false);
		return;
	}
	struct error err;
	int r = tls_context_reload(t, &err);
	if (t->on_reload)
		t->on_reload(r < 0 ? &err : NULL, t->on_reload_user);
}

int tls_context_watch(struct tls_context *t, struct event_base *base, int interval_ms,
        void (*on_reload)(const struct error *err, void *user), void *user)
{
	const struct timeval every = { interval_ms / 1000, interval_ms % 1000 * 1000 };
	t->on_reload = on_reload;
	t->on_reload_user = user;
	if (t->watch)
		event_free(t->watch);
	t->watch = event_new(base, -1, EV_PERSIST, on_watch, t);
	return t->watch && event_add(t->watch, &every) == 0 ? 0 : -ENOMEM;
}
