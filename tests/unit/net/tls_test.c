/* SPDX-License-Identifier: ISC */
/* Who may talk to whom over TLS. */
#include "net/tls_known.h"
#include "tests/unit/net/pair.h"

#include <unistd.h>

static void both_know_each_other(void **state)
{
	struct site *site = *state;
	struct pair p = { site_context(site, true, "srv", TLS_ROLE(ROLE_NODE)),
		site_context(site, false, "alice", TLS_ROLE(ROLE_SERVER)) };
	pair_connect(site, &p, "srv");
	assert_true(p.server.open && p.client.open);
	assert_string_equal(p.server.peer.name, "alice");
	assert_int_equal(p.server.peer.role, ROLE_NODE);
	assert_string_equal(p.client.peer.name, "srv");
	assert_non_null(tls_stream_peer_certificate(p.server.stream));

	uint8_t a[TLS_EXPORTER_SIZE], b[TLS_EXPORTER_SIZE] = { 0 }, zero[TLS_EXPORTER_SIZE] = { 0 };
	assert_int_equal(tls_stream_exporter(p.server.stream, a), 0);
	assert_int_equal(tls_stream_exporter(p.client.stream, b), 0);
	assert_memory_equal(a, b, sizeof(a));
	assert_memory_not_equal(a, zero, sizeof(a));

	assert_int_equal(stream_write(p.client.stream, "hello", 5), 0);
	SITE_WAIT(site, p.server.n_received >= 5);
	assert_int_equal(p.server.n_received, 5);
	assert_memory_equal(p.server.received, "hello", 5);
	pair_free(&p);
}

static void every_connection_has_its_own_exporter(void **state)
{
	struct site *site = *state;
	uint8_t exporter[2][TLS_EXPORTER_SIZE];
	for (int i = 0; i < 2; i++) {
		struct pair p = { site_context(site, true, "srv", TLS_ROLES_ALL),
			site_context(site, false, "alice", TLS_ROLES_ALL) };
		pair_connect(site, &p, NULL);
		assert_int_equal(tls_stream_exporter(p.client.stream, exporter[i]), 0);
		pair_free(&p);
	}
	assert_memory_not_equal(exporter[0], exporter[1], TLS_EXPORTER_SIZE);
}

/* The reason on either side must name what is wrong. */
static void expect_refusal(struct pair *p, const char *server_says, const char *client_says)
{
	assert_true(p->server.closed);
	assert_true(p->client.closed);
	if (!strstr(p->server.reason, server_says) || !strstr(p->client.reason, client_says))
		fail_msg("server: %s; client: %s", p->server.reason, p->client.reason);
	assert_int_equal(p->server.n_received, 0);
	assert_int_equal(p->client.n_received, 0);
	pair_free(p);
}

static void a_wrong_role_is_refused(void **state)
{
	struct site *site = *state;
	struct pair p = { site_context(site, true, "srv", TLS_ROLE(ROLE_ENFORCER)),
		site_context(site, false, "alice", TLS_ROLES_ALL) };
	pair_connect(site, &p, NULL);
	assert_false(p.server.open);
	expect_refusal(&p, "of role node", "role or name");
}

static void a_node_is_no_server(void **state)
{
	struct site *site = *state;
	struct pair p = { site_context(site, true, "alice", TLS_ROLES_ALL),
		site_context(site, false, "alice", TLS_ROLES_ALL) };
	pair_connect(site, &p, NULL);
	assert_false(p.client.open);
	expect_refusal(&p, "not for this use", "not meant for this end");
}

static void another_server_is_refused(void **state)
{
	struct site *site = *state;
	assert_int_equal(ca_issue(site->dir, ROLE_SERVER, "other", NULL, KEY_P256, 30, site->dir, NULL), 0);
	struct pair p = { site_context(site, true, "other", TLS_ROLES_ALL),
		site_context(site, false, "alice", TLS_ROLE(ROLE_SERVER)) };
	pair_connect(site, &p, "srv");
	assert_false(p.client.open);
	expect_refusal(&p, "role or name", "of other, not of srv");
	struct pair q = { site_context(site, true, "srv", TLS_ROLES_ALL),
		site_context(site, false, "alice", TLS_ROLE(ROLE_SERVER)) };
	pair_connect(site, &q, "::1");
	assert_true(q.client.open);
	pair_free(&q);
}

static void another_ca_is_refused(void **state)
{
	struct site *site = *state, *elsewhere = site_make();
	struct pair p = { site_context(site, true, "srv", TLS_ROLES_ALL),
		site_context(elsewhere, false, "alice", TLS_ROLES_ALL) };
	pair_connect(site, &p, NULL);
	assert_false(p.client.open);
	expect_refusal(&p, "does not know the CA", "not from this site's CA");
	site_free(elsewhere);
}

/* The client trusts the server, but its own certificate comes from elsewhere, under a CA with the same name.
 */
static void a_stranger_with_our_ca_name_is_refused(void **state)
{
	struct site *site = *state, *elsewhere = site_make();
	char *ca FREE_ON_EXIT = site_file(site, "ca", "pem");
	char *certificate FREE_ON_EXIT = site_file(elsewhere, "alice", "pem"),
	                  *key FREE_ON_EXIT = site_file(elsewhere, "alice", "key");
	const struct tls_config config = {
		.ca_path = ca, .certificate_path = certificate, .key_path = key, .peer_roles = TLS_ROLES_ALL
	};
	struct pair p = { site_context(site, true, "srv", TLS_ROLES_ALL) };
	assert_int_equal(tls_context_new(&config, &p.client_context, NULL), 0);
	pair_connect(site, &p, NULL);
	assert_false(p.server.open);
	expect_refusal(&p, "not from this site's CA", "CA");
	site_free(elsewhere);
}

static void no_certificate_is_refused_unless_optional(void **state)
{
	struct site *site = *state;
	struct pair p = { site_context(site, true, "srv", TLS_ROLES_ALL),
		site_context(site, false, NULL, TLS_ROLE(ROLE_SERVER)) };
	pair_connect(site, &p, NULL);
	assert_false(p.server.open);
	expect_refusal(&p, "has no certificate", "demands a certificate");
	const struct tls_config optional = {
		.server = true, .peer_roles = TLS_ROLE(ROLE_NODE), .peer_certificate_optional = true
	};
	struct pair q = { NULL, site_context(site, false, NULL, TLS_ROLE(ROLE_SERVER)) };
	assert_int_equal(site_context_with(site, optional, "srv", &q.server_context, NULL), 0);
	pair_connect(site, &q, NULL);
	assert_true(q.server.open && q.client.open);
	assert_false(q.server.has_peer);
	assert_null(tls_stream_peer_certificate(q.server.stream));
	pair_free(&q);
}

/* A certificate of alice with that validity replaces hers. */
static void redate(struct site *site, const char *name, time_ms from, time_ms to)
{
	char *ca_path FREE_ON_EXIT = site_file(site, "ca", "pem"),
	              *ca_key_path FREE_ON_EXIT = site_file(site, "ca", "key");
	char *path FREE_ON_EXIT = site_file(site, name, "pem"),
	           *key_path FREE_ON_EXIT = site_file(site, name, "key");
	X509 *ca CLEANUP(certificate_free_pointer) = NULL,
	         *certificate CLEANUP(certificate_free_pointer) = NULL;
	EVP_PKEY *ca_key CLEANUP(key_free_pointer) = NULL, *key CLEANUP(key_free_pointer) = NULL;
	uint8_t *der FREE_ON_EXIT = NULL;
	size_t length;
	assert_int_equal(certificate_load(ca_path, &ca, NULL), 0);
	assert_int_equal(key_load(ca_key_path, &ca_key, NULL), 0);
	assert_int_equal(key_load(key_path, &key, NULL), 0);
	assert_int_equal(request_make(key, name, &der, &length, NULL), 0);
	assert_int_equal(
	        ca_sign_request_until(ca_key, ca, der, length, name, ROLE_NODE, from, to, &certificate, NULL),
	        0);
	assert_int_equal(certificate_save(certificate, path, NULL), 0);
}

static void dates_are_checked(void **state)
{
	struct site *site = *state;
	time_ms now = clock_wall_ms();
	redate(site, "alice", now - 20000, now - 10000);
	struct pair p = { site_context(site, true, "srv", TLS_ROLES_ALL),
		site_context(site, false, "alice", TLS_ROLES_ALL) };
	pair_connect(site, &p, NULL);
	expect_refusal(&p, "has expired", "our certificate has expired");
	redate(site, "alice", now + 100000, now + 200000);
	struct pair q = { site_context(site, true, "srv", TLS_ROLES_ALL),
		site_context(site, false, "alice", TLS_ROLES_ALL) };
	pair_connect(site, &q, NULL);
	expect_refusal(&q, "not valid yet", "certificate");
}

static void the_revoked_are_refused_and_cut_off(void **state)
{
	struct site *site = *state;
	struct error err;
	struct pair p = { site_context(site, true, "srv", TLS_ROLES_ALL),
		site_context(site, false, "alice", TLS_ROLES_ALL) };
	pair_connect(site, &p, NULL);
	assert_true(p.server.open);
	assert_int_equal(tls_context_reload(p.server_context, &err), 0);
	site_run_for(site, 20);
	assert_true(p.server.open && !p.server.closed);
	assert_int_equal(ca_revoke(site->dir, "alice", "keyCompromise", clock_wall_ms(), NULL, NULL), 0);
	assert_int_equal(tls_context_reload(p.server_context, &err), 0);
	SITE_WAIT(site, p.server.closed);
	assert_non_null(strstr(p.server.reason, "alice is revoked"));
	pair_free(&p);
	struct pair q = { site_context(site, true, "srv", TLS_ROLES_ALL),
		site_context(site, false, "alice", TLS_ROLES_ALL) };
	pair_connect(site, &q, NULL);
	expect_refusal(&q, "is revoked", "our certificate is revoked");
}

static void connect_again(struct site *site, struct pair *p, const char *expected_name)
{
	stream_free(p->server.stream);
	stream_free(p->client.stream);
	p->server = p->client = (struct end){ 0 };
	pair_connect(site, p, expected_name);
}

/* What was found once is not found again, but what was asked is asked again. */
static void one_that_is_known_is_still_asked(void **state)
{
	struct site *site = *state;
	struct error err;
	struct pair p = { site_context(site, true, "srv", TLS_ROLES_ALL),
		site_context(site, false, "alice", TLS_ROLES_ALL) };
	for (int i = 0; i < 3; i++) {
		connect_again(site, &p, "srv");
		assert_true(p.server.open && p.client.open);
		assert_string_equal(p.server.peer.name, "alice");
		assert_string_equal(p.client.peer.name, "srv");
	}
	connect_again(site, &p, "another");
	assert_true(p.client.closed);
	assert_non_null(strstr(p.client.reason, "not of another"));
	connect_again(site, &p, "srv");
	assert_true(p.server.open && p.client.open);
	assert_int_equal(ca_revoke(site->dir, "alice", "keyCompromise", clock_wall_ms(), NULL, NULL), 0);
	assert_int_equal(tls_context_reload(p.server_context, &err), 0);
	connect_again(site, &p, "srv");
	assert_true(p.server.closed);
	assert_non_null(strstr(p.server.reason, "is revoked"));
	connect_again(site, &p, "srv"); /* nor is a refusal forgotten */
	assert_true(p.server.closed);
	pair_free(&p);
}

/* For as long as all that was looked at is good. */
static void one_that_is_known_has_dates(void **state)
{
	struct site *site = *state;
	char *ca_path FREE_ON_EXIT = site_file(site, "ca", "pem"),
	              *path FREE_ON_EXIT = site_file(site, "alice", "pem");
	X509 *ca CLEANUP(certificate_free_pointer) = NULL, *alice CLEANUP(certificate_free_pointer) = NULL;
	const time_t now = time(NULL), soon = now + 1000;
	redate(site, "alice", (now - 100) * 1000, (now + 100) * 1000);
	assert_int_equal(certificate_load(ca_path, &ca, NULL), 0);
	assert_int_equal(certificate_load(path, &alice, NULL), 0);
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	assert_int_equal(X509_STORE_add_cert(store, ca), 1);
	assert_int_equal(X509_STORE_CTX_init(ctx, store, alice, NULL), 1);
	assert_int_equal(X509_verify_cert(ctx), 1);
	SSL_CTX *ssl_ctx = SSL_CTX_new(TLS_server_method());
	struct tls_known *k = tls_known_new(ssl_ctx, 16, soon);
	assert_false(tls_known_has(k, alice, now));
	tls_known_note(k, ctx);
	assert_true(tls_known_has(k, alice, now));
	assert_false(tls_known_has(k, ca, now));
	assert_true(tls_known_has(k, alice, now + 99));
	assert_false(tls_known_has(k, alice, now + 101)); /* its own end */
	assert_false(tls_known_has(k, alice, now - 101));
	SSL_CTX_free(ssl_ctx);
	ssl_ctx = SSL_CTX_new(TLS_server_method());
	k = tls_known_new(ssl_ctx, 16, now + 50); /* that of a revocation list */
	tls_known_note(k, ctx);
	assert_true(tls_known_has(k, alice, now + 49));
	assert_false(tls_known_has(k, alice, now + 50));
	SSL_CTX_free(ssl_ctx);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
}

/* The site changes its CA: those whom the old one made are not of the site any more. */
static void another_ca_cuts_off(void **state)
{
	struct site *site = *state, *elsewhere = site_make();
	static const char *const files[] = { "ca.pem", "ca.crl", "srv.pem", "srv.key" };
	struct error err;
	struct pair p = { site_context(site, true, "srv", TLS_ROLES_ALL),
		site_context(site, false, "alice", TLS_ROLES_ALL) };
	pair_connect(site, &p, NULL);
	for (size_t i = 0; i < ARRAY_LENGTH(files); i++) {
		char *from FREE_ON_EXIT = xasprintf("%s/%s", elsewhere->dir, files[i]);
		char *to FREE_ON_EXIT = xasprintf("%s/%s", site->dir, files[i]);
		assert_int_equal(rename(from, to), 0);
	}
	assert_int_equal(tls_context_reload(p.server_context, &err), 0);
	SITE_WAIT(site, p.server.closed);
	assert_non_null(strstr(p.server.reason, "alice is not from this site's CA"));
	pair_free(&p);
	site_free(elsewhere);
}

static int reloads_good, reloads_bad;

static void count_reload(const struct error *err, void *user)
{
	++*(err ? &reloads_bad : &reloads_good);
}

static void changed_files_are_noticed(void **state)
{
	struct site *site = *state;
	char *crl FREE_ON_EXIT = site_file(site, "ca", "crl"), *old FREE_ON_EXIT = NULL;
	size_t length;
	struct pair p = { site_context(site, true, "srv", TLS_ROLES_ALL),
		site_context(site, false, "alice", TLS_ROLES_ALL) };
	assert_int_equal(tls_context_watch(p.server_context, site->base, 10, count_reload, NULL), 0);
	pair_connect(site, &p, NULL);
	assert_true(p.server.open);
	assert_int_equal(reloads_good + reloads_bad, 0);
	assert_int_equal(file_read(crl, 1 << 20, &old, &length, NULL), 0);
	/* A broken file: told once, and the good one stays in force. */
	assert_int_equal(file_replace(crl, "nonsense", 8, 0644, NULL), 0);
	SITE_WAIT(site, reloads_bad);
	site_run_for(site, 60);
	assert_int_equal(reloads_bad, 1);
	assert_false(p.server.closed);
	assert_int_equal(file_replace(crl, old, length, 0644, NULL), 0);
	SITE_WAIT(site, reloads_good);
	assert_int_equal(reloads_good, 1);
	assert_false(p.server.closed);
	assert_int_equal(ca_revoke(site->dir, "alice", "keyCompromise", clock_wall_ms(), NULL, NULL), 0);
	SITE_WAIT(site, p.server.closed);
	pair_free(&p);
}

static void an_open_stream_ends_with_its_certificate(void **state)
{
	struct site *site = *state;
	time_ms now = clock_wall_ms();
	redate(site, "alice", now - 10000, (now / 1000 + 3) * 1000);
	struct pair p = { site_context(site, true, "srv", TLS_ROLES_ALL),
		site_context(site, false, "alice", TLS_ROLES_ALL) };
	assert_int_equal(tls_context_watch(p.server_context, site->base, 20, NULL, NULL), 0);
	pair_connect(site, &p, NULL);
	assert_true(p.server.open);
	SITE_WAIT(site, p.server.closed);
	assert_non_null(strstr(p.server.reason, "expired"));
	pair_free(&p);
}

static void wrong_files_are_named(void **state)
{
	struct site *site = *state, *elsewhere = site_make();
	struct tls_context *t = NULL;
	struct error err;
	char *ca FREE_ON_EXIT = site_file(site, "ca", "pem"),
	         *alice FREE_ON_EXIT = site_file(site, "alice", "pem");
	char *srv FREE_ON_EXIT = site_file(site, "srv", "pem"),
	          *key FREE_ON_EXIT = site_file(site, "alice", "key");
	char *crl FREE_ON_EXIT = site_file(elsewhere, "ca", "crl"),
	          *none FREE_ON_EXIT = site_file(site, "no", "pem");
	struct tls_config c = { .ca_path = ca, .certificate_path = srv, .key_path = key };
	assert_int_equal(tls_context_new(&c, &t, &err), -EINVAL);
	assert_non_null(strstr(err.text, "not the key of"));
	c = (struct tls_config){ .ca_path = alice };
	assert_int_equal(tls_context_new(&c, &t, &err), -EINVAL);
	assert_non_null(strstr(err.text, "root CA"));
	c = (struct tls_config){ .ca_path = ca, .crl_path = crl };
	assert_int_equal(tls_context_new(&c, &t, &err), -EINVAL);
	assert_non_null(strstr(err.text, "not signed by"));
	c = (struct tls_config){ .ca_path = none };
	assert_int_equal(tls_context_new(&c, &t, &err), -ENOENT);
	c = (struct tls_config){ .ca_path = ca, .server = true };
	assert_int_equal(tls_context_new(&c, &t, &err), -EINVAL);
	assert_null(t);
	site_free(elsewhere);
}

/* TLS 1.2 is not spoken. */
static void older_versions_are_refused(void **state)
{
	struct site *site = *state;
	struct tls_context *t = site_context(site, true, "srv", TLS_ROLES_ALL);
	struct end server = { 0 };
	int fds[2];
	/* A ClientHello of TLS 1.2 without supported_versions. */
	static const uint8_t hello[] = { 0x16, 3, 1, 0, 47, 1, 0, 0, 43, 3, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
		11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 0, 0,
		4, 0xc0, 0x2b, 0xc0, 0x2f, 1, 0 };
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(tls_stream_over_socket(site->base, t, fds[0], NULL, &STREAM_LIMITS_DEFAULT,
	                         &end_handlers, &server, &server.stream, NULL),
	        0);
	assert_int_equal(write(fds[1], hello, sizeof(hello)), sizeof(hello));
	SITE_WAIT(site, server.closed);
	assert_non_null(strstr(server.reason, "does not speak TLS 1.3"));
	close(fds[1]);
	tls_context_free(t);
}

static void nothing_listens(void **state)
{
	struct site *site = *state;
	struct tls_context *t = site_context(site, false, "alice", TLS_ROLES_ALL);
	struct tls_target target = { .expected_name = "srv" };
	struct end client = { 0 };
	struct sockaddr_in *in = (struct sockaddr_in *)&target.address;
	*in = (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons(1), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
	};
	assert_int_equal(tls_connect(site->base, t, &target, &STREAM_LIMITS_DEFAULT, &end_handlers, &client,
	                         &client.stream, NULL),
	        0);
	SITE_WAIT(site, client.closed);
	assert_non_null(strstr(client.reason, "refused"));
	tls_context_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		site_test(both_know_each_other),
		site_test(every_connection_has_its_own_exporter),
		site_test(a_wrong_role_is_refused),
		site_test(a_node_is_no_server),
		site_test(another_server_is_refused),
		site_test(another_ca_is_refused),
		site_test(a_stranger_with_our_ca_name_is_refused),
		site_test(no_certificate_is_refused_unless_optional),
		site_test(dates_are_checked),
		site_test(the_revoked_are_refused_and_cut_off),
		site_test(one_that_is_known_is_still_asked),
		site_test(one_that_is_known_has_dates),
		site_test(another_ca_cuts_off),
		site_test(changed_files_are_noticed),
		site_test(an_open_stream_ends_with_its_certificate),
		site_test(wrong_files_are_named),
		site_test(older_versions_are_refused),
		site_test(nothing_listens),
	};
	return cmocka_run_group_tests_name("tls", tests, NULL, NULL);
}
