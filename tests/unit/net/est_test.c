/* SPDX-License-Identifier: ISC */
/* Enrolment: both sides of RFC 7030, over TLS on loopback. */
#include "crypto/base64.h"
#include "crypto/ca_rollover.h"
#include "crypto/pair.h"
#include "net/est_message.h"
#include "tests/unit/net/est_site.h"

#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

static int setup(void **state)
{
	*state = est_site_make();
	return 0;
}

static int teardown(void **state)
{
	est_site_free(*state);
	return 0;
}

struct enrolment {
	struct est_client client;
	const char *name, *token, *dir;
	bool renew, replace;
};

static int run(void *user, struct error *err)
{
	const struct enrolment *e = user;
	if (!e->renew)
		return est_enrol(&e->client, e->name, e->token, KEY_P256, e->dir, e->replace, err);
	char *key FREE_ON_EXIT = xasprintf("%s/%s.key", e->dir, e->name);
	char *certificate FREE_ON_EXIT = xasprintf("%s/%s.pem", e->dir, e->name);
	struct est_renewal renewal = { .key_path = key, .certificate_path = certificate, .force = true };
	return est_renew(&e->client, &renewal, err);
}

static int enrol(struct est_site *e, const char *name, const char *token, struct error *err)
{
	struct enrolment job = { { &e->endpoint, e->ca_path, "srv", 0 }, name, token, e->site->dir, false };
	struct thread_job thread = { .run = run, .user = &job };
	int r = thread_call(e->site, &thread);
	*err = thread.err;
	return r;
}

static int renew(struct est_site *e, const char *name, struct error *err)
{
	struct enrolment job = { { &e->endpoint, e->ca_path, "srv", 0 }, name, NULL, e->site->dir, true };
	struct thread_job thread = { .run = run, .user = &job };
	int r = thread_call(e->site, &thread);
	*err = thread.err;
	return r;
}

static struct identity identity_of(struct est_site *e, const char *name)
{
	char *path FREE_ON_EXIT = site_file(e->site, name, "pem");
	X509 *certificate CLEANUP(certificate_free_pointer) = NULL;
	struct identity who;
	assert_int_equal(certificate_load(path, &certificate, NULL), 0);
	assert_int_equal(certificate_identity(certificate, &who, NULL), 0);
	return who;
}

static void a_token_enrols_once(void **state)
{
	struct est_site *e = *state;
	struct error err;
	struct stat st;
	char *key_path FREE_ON_EXIT = site_file(e->site, "bob", "key");
	if (enrol(e, "bob", e->token, &err) < 0)
		fail_msg("%s", err.text);
	struct identity who = identity_of(e, "bob");
	assert_string_equal(who.name, "bob");
	assert_int_equal(who.role, ROLE_NODE);
	assert_int_equal(stat(key_path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(e->issued, 1);
	assert_true(e->token_used);
	assert_int_equal(enrol(e, "bob", e->token, &err), -EEXIST);
	assert_int_equal(unlink(key_path), 0);
	assert_int_equal(enrol(e, "bob", e->token, &err), -EACCES);
	assert_non_null(strstr(err.text, "unused token"));
	assert_int_equal(access(key_path, F_OK), -1);
	/* What was issued can be revoked by its name. */
	assert_int_equal(ca_revoke(e->site->dir, "bob", "superseded", clock_wall_ms(), NULL, &err), 0);
}

static void no_token_no_certificate(void **state)
{
	struct est_site *e = *state;
	struct error err;
	assert_int_equal(enrol(e, "bob", "wrong", &err), -EACCES);
	assert_int_equal(enrol(e, "bob", "", &err), -EACCES);
	assert_int_equal(enrol(e, "carol", e->token, &err), -EACCES);
	assert_int_equal(enrol(e, "Bob", e->token, &err), -EINVAL);
	assert_int_equal(e->issued, 0);
	assert_false(e->token_used);
}

static void a_failure_to_record_hands_nothing_out(void **state)
{
	struct est_site *e = *state;
	struct error err;
	e->fail_record = true;
	assert_int_equal(enrol(e, "bob", e->token, &err), -EREMOTEIO);
	assert_non_null(strstr(err.text, "could not be recorded"));
}

static void a_key_is_replaced_when_that_was_said(void **state)
{
	struct est_site *e = *state;
	struct enrolment job = { { &e->endpoint, e->ca_path, "srv", 0 }, "bob", "wrong", e->site->dir, false,
		true };
	struct thread_job thread = { .run = run, .user = &job };
	assert_int_equal(ca_issue(e->site->dir, ROLE_NODE, "bob", NULL, KEY_P256, 30, e->site->dir, NULL), 0);
	struct identity before = identity_of(e, "bob");
	/* Refused, the old pair stays. */
	assert_int_equal(thread_call(e->site, &thread), -EACCES);
	assert_string_equal(identity_of(e, "bob").serial, before.serial);
	job.token = e->token;
	if (thread_call(e->site, &thread) < 0)
		fail_msg("%s", thread.err.text);
	assert_string_not_equal(identity_of(e, "bob").serial, before.serial);
	char *key_path FREE_ON_EXIT = site_file(e->site, "bob", "key"),
	               *pem FREE_ON_EXIT = site_file(e->site, "bob", "pem");
	EVP_PKEY *key CLEANUP(key_free_pointer) = NULL;
	X509 *certificate CLEANUP(certificate_free_pointer) = NULL;
	assert_int_equal(key_load(key_path, &key, NULL), 0);
	assert_int_equal(certificate_load(pem, &certificate, NULL), 0);
	assert_int_equal(X509_check_private_key(certificate, key), 1);
}

struct due_renewal {
	struct est_client client;
	struct est_renewal renewal;
};

static int run_due(void *user, struct error *err)
{
	struct due_renewal *d = user;
	return est_renew(&d->client, &d->renewal, err);
}

/* Alice on a host of her own, with her own copies of the CAs and lists, through a whole rollover. */
static void a_renewal_follows_a_rollover(void **state)
{
	struct est_site *e = *state;
	const char *dir = e->site->dir;
	char *ca FREE_ON_EXIT = site_file(e->site, "alices-ca", "pem"),
	         *crl FREE_ON_EXIT = site_file(e->site, "alices-ca", "crl");
	char *key FREE_ON_EXIT = site_file(e->site, "alice", "key"),
	          *pem FREE_ON_EXIT = site_file(e->site, "alice", "pem");
	char *srv_key FREE_ON_EXIT = site_file(e->site, "srv", "key"),
	              *srv FREE_ON_EXIT = site_file(e->site, "srv", "pem");
	struct due_renewal d = { { &e->endpoint, ca, "srv", 0 },
		{ .key_path = key, .certificate_path = pem, .crl_path = crl } };
	struct thread_job thread = { .run = run_due, .user = &d };
	struct error err;
	struct ca_rollover r;
	struct bundle b;
	time_ms now = clock_wall_ms();
	assert_int_equal(link(e->ca_path, ca), 0);
#define STEP(expression) \
	do { \
		struct error why = { "" }; \
		if ((expression) < 0) \
			fail_msg("%s: %s %s", #expression, why.text, thread.err.text); \
	} while (0)
	STEP(thread_call(e->site, &thread));
	assert_false(d.renewal.renewed);
	assert_true(d.renewal.trust_changed); /* it had no list */
	STEP(thread_call(e->site, &thread));
	assert_false(d.renewal.trust_changed);
	/* Both are trusted. */
	STEP(ca_rollover_prepare(dir, KEY_P256, now, &why));
	STEP(tls_context_reload(e->tls, &why));
	STEP(thread_call(e->site, &thread));
	assert_true(d.renewal.trust_changed);
	assert_false(d.renewal.renewed);
	STEP(ca_rollover_read(dir, now, &r, &why));
	for (size_t i = 0; i < r.n_waiting; i++)
		assert_string_not_equal(r.waiting[i], "node alice");
	ca_rollover_clear(&r);
	/* The new one signs: she moves over at once. */
	STEP(ca_rollover_switch(dir, true, now, &why));
	STEP(tls_context_reload(e->tls, &why));
	STEP(thread_call(e->site, &thread));
	assert_true(d.renewal.renewed);
	STEP(thread_call(e->site, &thread));
	assert_false(d.renewal.renewed);
	/* So does the server itself, by hand, and the old one goes. */
	STEP(ca_reissue(dir, srv, srv_key, 30, &why));
	STEP(ca_rollover_retire(dir, true, now, &why));
	STEP(tls_context_reload(e->tls, &why));
	STEP(thread_call(e->site, &thread));
	assert_true(d.renewal.trust_changed);
	assert_int_equal(bundle_load(ca, &b, &err), 0);
	assert_int_equal(b.n, 1);
	X509 *certificate CLEANUP(certificate_free_pointer) = NULL;
	assert_int_equal(certificate_load(pem, &certificate, NULL), 0);
	assert_non_null(bundle_issuer(&b, certificate));
	bundle_clear(&b);
}

/* CAs of somebody who is not known yet vouch for nothing. */
static void strange_cas_are_not_taken_over(void **state)
{
	struct est_site *e = *state;
	struct site *elsewhere = site_make();
	struct error err;
	char *other FREE_ON_EXIT = site_file(elsewhere, "ca", "pem"), *theirs FREE_ON_EXIT = NULL,
	            *ours FREE_ON_EXIT = NULL;
	char *crl FREE_ON_EXIT = site_file(e->site, "ca", "crl");
	assert_int_equal(file_read(other, 1 << 20, &theirs, NULL, NULL), 0);
	assert_int_equal(file_read(e->ca_path, 1 << 20, &ours, NULL, NULL), 0);
	assert_int_equal(est_install_trust(e->ca_path, theirs, crl, NULL, &err), -EPERM);
	assert_int_equal(est_install_trust(e->ca_path, "", crl, NULL, &err), -EINVAL);
	char *both FREE_ON_EXIT = xasprintf("%s%s", theirs, ours);
	assert_int_equal(est_install_trust(e->ca_path, both, NULL, NULL, &err), 1);
	assert_int_equal(est_install_trust(e->ca_path, both, NULL, NULL, &err), 0);
	site_free(elsewhere);
}

static void the_server_is_pinned(void **state)
{
	struct est_site *e = *state;
	struct error err;
	struct site *elsewhere = site_make();
	char *ca FREE_ON_EXIT = site_file(elsewhere, "ca", "pem");
	struct enrolment job = { { &e->endpoint, ca, "srv", 0 }, "bob", e->token, e->site->dir, false };
	struct thread_job thread = { .run = run, .user = &job };
	assert_int_equal(thread_call(e->site, &thread), -EPROTO);
	assert_non_null(strstr(thread.err.text, "not from this site's CA"));
	/* A node of the site that plays the server. */
	struct enrolment other = { { &e->endpoint, e->ca_path, "other", 0 }, "bob", e->token, e->site->dir,
		false };
	thread.user = &other;
	assert_int_equal(thread_call(e->site, &thread), -EPROTO);
	assert_false(e->token_used);
	site_free(elsewhere);
	assert_int_equal(enrol(e, "bob", e->token, &err), 0);
}

static void a_renewal_keeps_the_name(void **state)
{
	struct est_site *e = *state;
	struct error err;
	struct identity before = identity_of(e, "alice"), after;
	if (renew(e, "alice", &err) < 0)
		fail_msg("%s", err.text);
	after = identity_of(e, "alice");
	assert_string_equal(after.name, "alice");
	assert_int_equal(after.role, ROLE_NODE);
	assert_memory_not_equal(before.thumbprint, after.thumbprint, sizeof(after.thumbprint));
	assert_int_equal(e->renewed, 1);
	/* And once more, with what was renewed. */
	assert_int_equal(renew(e, "alice", &err), 0);
	e->may_renew = false;
	assert_int_equal(renew(e, "alice", &err), -EACCES);
	assert_int_equal(renew(e, "nobody", &err), -ENOENT);
}

static void a_renewal_keeps_alternative_names(void **state)
{
	struct est_site *e = *state;
	struct error err;
	char *path FREE_ON_EXIT = site_file(e->site, "srv", "pem");
	X509 *certificate CLEANUP(certificate_free_pointer) = NULL;
	assert_int_equal(renew(e, "srv", &err), 0);
	assert_int_equal(certificate_load(path, &certificate, NULL), 0);
	assert_int_equal(X509_check_ip_asc(certificate, "::1", 0), 1);
	assert_int_equal(identity_of(e, "srv").role, ROLE_SERVER);
}

static void the_revoked_do_not_renew(void **state)
{
	struct est_site *e = *state;
	struct error err;
	assert_int_equal(ca_revoke(e->site->dir, "alice", "keyCompromise", clock_wall_ms(), NULL, &err), 0);
	assert_int_equal(tls_context_reload(e->tls, &err), 0);
	assert_int_equal(renew(e, "alice", &err), -EPROTO);
	assert_non_null(strstr(err.text, "revoked"));
	assert_int_equal(e->renewed, 0);
}

/* Nobody renews himself out of a revocation that this server has not read yet. */
static void the_revoked_do_not_renew_in_time(void **state)
{
	struct est_site *e = *state;
	struct error err;
	assert_int_equal(ca_revoke(e->site->dir, "alice", "keyCompromise", clock_wall_ms(), NULL, &err), 0);
	assert_int_equal(renew(e, "alice", &err), -EACCES);
	assert_non_null(strstr(err.text, "alice is revoked"));
	assert_int_equal(e->renewed, 0);
}

/* Power goes between any two steps of a renewal; afterwards there is a key and its certificate. */
static void an_interrupted_renewal_is_finished(void **state)
{
	struct est_site *e = *state;
	const char *dir = e->site->dir;
	char *second FREE_ON_EXIT = xasprintf("%s/second", dir);
	char *key FREE_ON_EXIT = site_file(e->site, "alice", "key"),
	          *pem FREE_ON_EXIT = site_file(e->site, "alice", "pem");
	char *new_key FREE_ON_EXIT = site_file(e->site, "alice", "key.new"),
	              *new_pem FREE_ON_EXIT = site_file(e->site, "alice", "pem.new");
	char *made_key FREE_ON_EXIT = xasprintf("%s/alice.key", second),
	               *made_pem FREE_ON_EXIT = xasprintf("%s/alice.pem", second);
	struct identity old = identity_of(e, "alice");
	/* Only a new key: the old pair stays. */
	assert_int_equal(ca_issue(dir, ROLE_NODE, "alice", NULL, KEY_P256, 30, second, NULL), 0);
	assert_int_equal(link(made_key, new_key), 0);
	assert_int_equal(pair_finish(key, pem, NULL), 0);
	assert_int_equal(access(new_key, F_OK), -1);
	assert_string_equal(identity_of(e, "alice").serial, old.serial);
	for (int renamed = 0; renamed < 2; renamed++) {
		assert_int_equal(link(made_key, new_key), 0);
		assert_int_equal(link(made_pem, new_pem), 0);
		if (renamed)
			assert_int_equal(rename(new_pem, pem), 0);
		assert_int_equal(pair_finish(key, pem, NULL), 0);
		assert_string_not_equal(identity_of(e, "alice").serial, old.serial);
		EVP_PKEY *k CLEANUP(key_free_pointer) = NULL;
		X509 *c CLEANUP(certificate_free_pointer) = NULL;
		assert_int_equal(key_load(key, &k, NULL), 0);
		assert_int_equal(certificate_load(pem, &c, NULL), 0);
		assert_int_equal(X509_check_private_key(c, k), 1);
		assert_int_equal(access(new_key, F_OK), -1);
		assert_int_equal(access(new_pem, F_OK), -1);
		directory_remove(xstrdup(second));
		assert_int_equal(ca_issue(dir, ROLE_NODE, "alice", NULL, KEY_P256, 30, second, NULL), 0);
	}
}

struct raw {
	const struct http_call *call;
	struct http_answer answer;
};

static int run_raw(void *user, struct error *err)
{
	struct raw *raw = user;
	return http_call(raw->call, &raw->answer, err);
}

static int status_of(
        struct est_site *e, struct tls_context *tls, const char *type, const char *body, const char *fields)
{
	const struct http_call call = { .endpoint = &e->endpoint,
		.tls = tls,
		.expected_name = "srv",
		.method = "POST",
		.path = "/.well-known/est/simpleenroll",
		.content_type = type,
		.body = body,
		.body_length = strlen(body),
		.fields = fields };
	struct raw raw = { .call = &call };
	struct thread_job thread = { .run = run_raw, .user = &raw };
	if (thread_call(e->site, &thread) < 0)
		fail_msg("%s", thread.err.text);
	int status = raw.answer.status;
	http_answer_clear(&raw.answer);
	return status;
}

/* What is malformed is refused, and does not cost the token. */
static void malformed_requests_are_refused(void **state)
{
	struct est_site *e = *state;
	struct tls_context *tls = site_context(e->site, false, NULL, TLS_ROLE(ROLE_SERVER));
	char plain[64], coded[128];
	snprintf(plain, sizeof(plain), "bob:%s", e->token);
	base64_encode(plain, strlen(plain), coded);
	char *good FREE_ON_EXIT = xasprintf("Authorization: Basic %s\r\n", coded);
	assert_int_equal(status_of(e, tls, "application/pkcs10", "AAAA", good), 400);
	assert_int_equal(status_of(e, tls, "application/pkcs10", "not base64", good), 400);
	assert_int_equal(status_of(e, tls, "application/pkcs10", "", good), 400);
	assert_int_equal(status_of(e, tls, "text/plain", "AAAA", good), 415);
	char *much FREE_ON_EXIT = xasprintf("%0*d", EST_BODY_MAX + 1, 0);
	assert_int_equal(status_of(e, tls, "application/pkcs10", much, good), 413);
	static const char *const bad[] = { "", "Authorization: Basic\r\n", "Authorization: Basic !!!\r\n",
		"Authorization: Bearer abc\r\n", "Authorization: Basic Ym9i\r\n",
		"Authorization: Basic OmFiYw==\r\n" };
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		assert_int_equal(status_of(e, tls, "application/pkcs10", "AAAA", bad[i]), 401);
	assert_false(e->token_used);
	assert_int_equal(e->issued, 0);
	tls_context_free(tls);
}

static void certificates_travel_in_pkcs7(void **state)
{
	struct est_site *e = *state;
	char *text FREE_ON_EXIT = NULL;
	X509 *again CLEANUP(certificate_free_pointer) = NULL;
	assert_int_equal(est_certificates_encode(&e->ca, 1, &text, NULL), 0);
	assert_int_equal(est_certificate_decode(text, strlen(text), &again, NULL), 0);
	assert_int_equal(X509_cmp(e->ca, again), 0);
	X509 *none = NULL;
	for (size_t n = 0; n < strlen(text) - 3; n += 7)
		assert_int_equal(est_certificate_decode(text, n, &none, NULL), -EBADMSG);
	assert_null(none);
	char *pem FREE_ON_EXIT = NULL, *lists FREE_ON_EXIT = NULL, *coded FREE_ON_EXIT = NULL;
	char *crl_path FREE_ON_EXIT = site_file(e->site, "ca", "crl");
	struct bundle b CLEANUP(bundle_clear) = { 0 };
	struct bundle_crls crls CLEANUP(bundle_clear_crls) = { 0 };
	assert_int_equal(est_bundle_decode(text, strlen(text), &pem, NULL), 0);
	assert_int_equal(bundle_parse(pem, strlen(pem), &b, NULL), 0);
	assert_int_equal(bundle_load_crls(&b, crl_path, &crls, NULL), 0);
	assert_int_equal(est_crls_encode(&crls, &coded, NULL), 0);
	assert_int_equal(est_crls_decode(coded, strlen(coded), &lists, NULL), 0);
	char *nothing = NULL;
	assert_int_equal(est_crls_decode(text, strlen(text), &nothing, NULL), -EBADMSG); /* no list in it */
	assert_int_equal(est_bundle_decode(coded, strlen(coded), &nothing, NULL), -EBADMSG);
	assert_null(nothing);
}

#define est_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		est_test(a_token_enrols_once),
		est_test(no_token_no_certificate),
		est_test(a_failure_to_record_hands_nothing_out),
		est_test(a_key_is_replaced_when_that_was_said),
		est_test(a_renewal_follows_a_rollover),
		est_test(strange_cas_are_not_taken_over),
		est_test(the_server_is_pinned),
		est_test(a_renewal_keeps_the_name),
		est_test(a_renewal_keeps_alternative_names),
		est_test(the_revoked_do_not_renew),
		est_test(the_revoked_do_not_renew_in_time),
		est_test(an_interrupted_renewal_is_finished),
		est_test(malformed_requests_are_refused),
		est_test(certificates_travel_in_pkcs7),
	};
	return cmocka_run_group_tests_name("est", tests, NULL, NULL);
}
