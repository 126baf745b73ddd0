/* SPDX-License-Identifier: ISC */
#include "base/file.h"
#include "crypto/openssl.h"
#include "crypto/x509.h"
#include "tests/unit/directory.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int make_ca(void **state)
{
	char *dir = directory_make();
	*state = dir;
	return ca_init(dir, "Example Site", KEY_P256, NULL);
}

static int remove_ca(void **state)
{
	directory_remove(*state);
	return 0;
}

static X509 *load(const char *dir, const char *file)
{
	char *path FREE_ON_EXIT = xasprintf("%s/%s", dir, file);
	X509 *certificate = NULL;
	assert_int_equal(certificate_load(path, &certificate, NULL), 0);
	return certificate;
}

/* X509_V_OK or why not, for purpose, with the revocation list. */
static int check(const char *dir, X509 *certificate, int purpose)
{
	X509 *ca CLEANUP(certificate_free_pointer) = load(dir, "ca.pem");
	char *path FREE_ON_EXIT = xasprintf("%s/ca.crl", dir);
	X509_CRL *crl CLEANUP(crl_free_pointer) = NULL;
	assert_int_equal(crl_load(path, &crl, NULL), 0);
	X509_STORE *store = X509_STORE_new();
	X509_STORE_add_cert(store, ca);
	X509_STORE_add_crl(store, crl);
	X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_X509_STRICT);
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_STORE_CTX_init(ctx, store, certificate, NULL);
	X509_STORE_CTX_set_purpose(ctx, purpose);
	int r = X509_verify_cert(ctx) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(ctx);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	return r;
}

static void names_are_checked(void **state)
{
	static const char *const good[] = { "a", "alice", "web-1.example.org", "n_1", "0" };
	static const char *const bad[] = { "", ".", "..", "-a", "a-", "a.", "Alice", "a/b", "a b", "a\n",
		"\xc3\xa9", "a,DNS:b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
	struct error err;
	for (size_t i = 0; i < ARRAY_LENGTH(good); i++)
		assert_int_equal(identity_check_name(good[i], &err), 0);
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		assert_int_equal(identity_check_name(bad[i], &err), -EINVAL);
}

static void the_root_is_made_once_and_privately(void **state)
{
	const char *dir = *state;
	char *key_path FREE_ON_EXIT = xasprintf("%s/ca.key", dir);
	struct stat st;
	assert_int_equal(stat(key_path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	struct error err;
	assert_int_equal(ca_init(dir, "Example Site", KEY_P256, &err), -EEXIST);
	assert_int_equal(ca_init(dir, "", KEY_P256, &err), -EINVAL);
	assert_int_equal(ca_init(dir, "a\nb", KEY_P256, &err), -EINVAL);
	X509 *ca CLEANUP(certificate_free_pointer) = load(dir, "ca.pem");
	assert_int_equal(X509_check_ca(ca), 1);
	assert_int_equal(X509_get_pathlen(ca), 0);
	assert_int_equal(X509_get_key_usage(ca), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
	/* It is nobody's identity. */
	struct identity who;
	assert_int_equal(certificate_identity(ca, &who, &err), -EINVAL);
}

static void what_is_issued_says_who_it_is(void **state)
{
	const char *dir = *state;
	static const char *const alt_names[] = { "www.example.org", "2001:db8::1", "192.0.2.1", NULL };
	char *key_path FREE_ON_EXIT = xasprintf("%s/out/srv.key", dir),
	               *out FREE_ON_EXIT = xasprintf("%s/out", dir);
	assert_int_equal(ca_issue(dir, ROLE_SERVER, "srv", alt_names, KEY_ED25519, 90, out, NULL), 0);
	assert_int_equal(ca_issue(dir, ROLE_SERVER, "srv", alt_names, KEY_ED25519, 90, out, NULL), -EEXIST);
	X509 *certificate CLEANUP(certificate_free_pointer) = load(out, "srv.pem");
	EVP_PKEY *key CLEANUP(key_free_pointer) = NULL;
	assert_int_equal(key_load(key_path, &key, NULL), 0);
	assert_int_equal(X509_check_private_key(certificate, key), 1);
	struct identity who;
	uint8_t thumbprint[KEY_THUMBPRINT_SIZE];
	assert_int_equal(certificate_identity(certificate, &who, NULL), 0);
	assert_string_equal(who.name, "srv");
	assert_int_equal(who.role, ROLE_SERVER);
	assert_int_equal(strlen(who.serial), 32);
	key_thumbprint(key, thumbprint);
	assert_memory_equal(who.thumbprint, thumbprint, sizeof(thumbprint));
	assert_true(who.not_after > clock_wall_ms() + (time_ms)89 * 86400 * 1000);
	assert_int_equal(check(dir, certificate, X509_PURPOSE_SSL_SERVER), X509_V_OK);
	assert_int_equal(check(dir, certificate, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
	assert_int_equal(X509_check_host(certificate, "srv", 0, 0, NULL), 1);
	assert_int_equal(X509_check_host(certificate, "www.example.org", 0, 0, NULL), 1);
	assert_int_equal(X509_check_ip_asc(certificate, "2001:db8::1", 0), 1);
	assert_int_equal(X509_check_ip_asc(certificate, "192.0.2.1", 0), 1);
	assert_int_equal(X509_check_ca(certificate), 0);
	assert_int_equal(X509_get_key_usage(certificate), KU_DIGITAL_SIGNATURE);
}

static void wrong_wishes_are_refused(void **state)
{
	const char *dir = *state;
	static const char *const smuggled[] = { "a,DNS:bob", NULL }, *const email[] = { "email:x", NULL };
	struct error err;
	assert_int_equal(ca_issue(dir, ROLE_NODE, "a/b", NULL, KEY_P256, 1, dir, &err), -EINVAL);
	assert_int_equal(ca_issue(dir, ROLE_NODE, "a", smuggled, KEY_P256, 1, dir, &err), -EINVAL);
	assert_int_equal(ca_issue(dir, ROLE_NODE, "a", email, KEY_P256, 1, dir, &err), -EINVAL);
	assert_int_equal(ca_issue(dir, ROLE_NODE, "a", NULL, KEY_P256, 0, dir, &err), -EINVAL);
	assert_int_equal(ca_issue(dir, ROLE_NODE, "a", NULL, KEY_P256, CA_DAYS_MAX + 1, dir, &err), -EINVAL);
	assert_int_equal(ca_issue("/nonexistent", ROLE_NODE, "a", NULL, KEY_P256, 1, dir, &err), -ENOENT);
}

/* What a request says of names and roles does not count; its signature does. */
static void requests_are_signed_under_our_names(void **state)
{
	const char *dir = *state;
	char *key_path FREE_ON_EXIT = xasprintf("%s/ca.key", dir);
	X509 *ca CLEANUP(certificate_free_pointer) = load(dir, "ca.pem");
	EVP_PKEY *ca_key CLEANUP(key_free_pointer) = NULL, *key CLEANUP(key_free_pointer) = NULL;
	assert_int_equal(key_load(key_path, &ca_key, NULL), 0);
	assert_int_equal(key_generate(KEY_ED25519, &key, NULL), 0);
	uint8_t *der FREE_ON_EXIT = NULL;
	size_t length;
	X509 *certificate CLEANUP(certificate_free_pointer) = NULL;
	struct error err;
	assert_int_equal(request_make(key, "mallory", &der, &length, NULL), 0);
	assert_int_equal(
	        ca_sign_request(ca_key, ca, der, length, "alice", ROLE_NODE, 30, &certificate, NULL), 0);
	struct identity who;
	assert_int_equal(certificate_identity(certificate, &who, NULL), 0);
	assert_string_equal(who.name, "alice");
	assert_int_equal(who.role, ROLE_NODE);
	assert_int_equal(X509_check_host(certificate, "mallory", 0, 0, NULL), 0);
	assert_int_equal(check(dir, certificate, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
	assert_int_equal(check(dir, certificate, X509_PURPOSE_SSL_SERVER), X509_V_ERR_INVALID_PURPOSE);

	X509 *none = NULL;
	der[length - 1] ^= 1;
	assert_int_equal(
	        ca_sign_request(ca_key, ca, der, length, "alice", ROLE_NODE, 30, &none, &err), -EBADMSG);
	der[length - 1] ^= 1;
	assert_int_equal(
	        ca_sign_request(ca_key, ca, der, length - 1, "alice", ROLE_NODE, 30, &none, &err), -EINVAL);
	assert_int_equal(ca_sign_request(ca_key, ca, der, 0, "alice", ROLE_NODE, 30, &none, &err), -EINVAL);
	uint8_t longer[REQUEST_DER_MAX + 1] = { 0 };
	memcpy(longer, der, length);
	assert_int_equal(ca_sign_request(ca_key, ca, longer, length + 1, "alice", ROLE_NODE, 30, &none, &err),
	        -EINVAL);
	assert_int_equal(
	        ca_sign_request(ca_key, ca, longer, sizeof(longer), "alice", ROLE_NODE, 30, &none, &err),
	        -EINVAL);
	assert_int_equal(ca_sign_request(key, ca, der, length, "alice", ROLE_NODE, 30, &none, &err), -EINVAL);
	assert_int_equal(
	        ca_sign_request(ca_key, ca, der, length, "Alice", ROLE_NODE, 30, &none, &err), -EINVAL);
	assert_null(none);
}

static void keys_of_other_kinds_get_no_certificate(void **state)
{
	const char *dir = *state;
	char *key_path FREE_ON_EXIT = xasprintf("%s/ca.key", dir);
	X509 *ca CLEANUP(certificate_free_pointer) = load(dir, "ca.pem");
	EVP_PKEY *ca_key CLEANUP(key_free_pointer) = NULL;
	EVP_PKEY *rsa CLEANUP(key_free_pointer) = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	assert_int_equal(key_load(key_path, &ca_key, NULL), 0);
	X509_REQ *request CLEANUP(request_free_pointer) = X509_REQ_new();
	X509_REQ_set_pubkey(request, rsa);
	assert_true(X509_REQ_sign(request, rsa, EVP_sha256()) > 0);
	unsigned char *der = NULL;
	int length = i2d_X509_REQ(request, &der);
	X509 *none = NULL;
	struct error err;
	assert_int_equal(
	        ca_sign_request(ca_key, ca, der, (size_t)length, "alice", ROLE_NODE, 30, &none, &err),
	        -EINVAL);
	assert_non_null(strstr(err.text, "neither"));
	OPENSSL_free(der);
}

static void no_certificate_outlives_the_ca(void **state)
{
	const char *dir = *state;
	char *key_path FREE_ON_EXIT = xasprintf("%s/ca.key", dir);
	X509 *ca CLEANUP(certificate_free_pointer) = load(dir, "ca.pem");
	X509 *certificate CLEANUP(certificate_free_pointer) = NULL;
	EVP_PKEY *ca_key CLEANUP(key_free_pointer) = NULL;
	assert_int_equal(key_load(key_path, &ca_key, NULL), 0);
	uint8_t *der FREE_ON_EXIT = NULL;
	size_t length;
	assert_int_equal(request_make(ca_key, "alice", &der, &length, NULL), 0);
	time_ms now = clock_wall_ms(), late = now + (time_ms)20 * 365 * 86400 * 1000;
	assert_int_equal(ca_sign_request_until(
	                         ca_key, ca, der, length, "alice", ROLE_NODE, now, late, &certificate, NULL),
	        0);
	assert_int_equal(ASN1_TIME_compare(X509_get0_notAfter(certificate), X509_get0_notAfter(ca)), 0);
	X509 *none = NULL;
	assert_int_equal(ca_sign_request_until(
	                         ca_key, ca, der, length, "alice", ROLE_NODE, late - 1, late, &none, NULL),
	        -EINVAL);
}

/* A subject that another CA program might write. */
static int identity_of(const char *const entries[][2], size_t n)
{
	X509 *certificate CLEANUP(certificate_free_pointer) = X509_new();
	EVP_PKEY *key CLEANUP(key_free_pointer) = NULL;
	assert_int_equal(key_generate(KEY_ED25519, &key, NULL), 0);
	X509_set_pubkey(certificate, key);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 77);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -1000);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 1000);
	for (size_t i = 0; i < n; i++)
		X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), entries[i][0],
		        V_ASN1_UTF8STRING, (const unsigned char *)entries[i][1], -1, -1, 0);
	struct identity who;
	return certificate_identity(certificate, &who, NULL);
}

static void nobody_is_taken_for_another(void **state)
{
	assert_int_equal(identity_of((const char *const[][2]){ { "OU", "node" }, { "CN", "a" } }, 2), 0);
	assert_int_equal(
	        identity_of((const char *const[][2]){ { "OU", "root" }, { "CN", "a" } }, 2), -EINVAL);
	assert_int_equal(
	        identity_of((const char *const[][2]){ { "OU", "Server" }, { "CN", "a" } }, 2), -EINVAL);
	assert_int_equal(identity_of((const char *const[][2]){ { "CN", "a" } }, 1), -EINVAL);
	assert_int_equal(identity_of((const char *const[][2]){ { "OU", "node" } }, 1), -EINVAL);
	assert_int_equal(
	        identity_of((const char *const[][2]){ { "OU", "node" }, { "CN", "A" } }, 2), -EINVAL);
	assert_int_equal(
	        identity_of((const char *const[][2]){ { "OU", "node" }, { "CN", "a" }, { "CN", "b" } }, 3),
	        -EINVAL);
	assert_int_equal(
	        identity_of(
	                (const char *const[][2]){ { "OU", "node" }, { "OU", "server" }, { "CN", "a" } }, 3),
	        -EINVAL);
}

static void the_revoked_are_refused(void **state)
{
	const char *dir = *state;
	char *again FREE_ON_EXIT = xasprintf("%s/again", dir),
	            *crl_path FREE_ON_EXIT = xasprintf("%s/ca.crl", dir);
	assert_int_equal(ca_issue(dir, ROLE_NODE, "bob", NULL, KEY_P256, 30, dir, NULL), 0);
	assert_int_equal(ca_issue(dir, ROLE_NODE, "bob", NULL, KEY_P256, 30, again, NULL), 0);
	assert_int_equal(ca_issue(dir, ROLE_NODE, "carol", NULL, KEY_P256, 30, dir, NULL), 0);
	X509 *first CLEANUP(certificate_free_pointer) = load(dir, "bob.pem");
	X509 *second CLEANUP(certificate_free_pointer) = load(again, "bob.pem");
	X509 *carol CLEANUP(certificate_free_pointer) = load(dir, "carol.pem");
	struct identity who;
	size_t count = 0;
	struct error err;
	time_ms now = clock_wall_ms();
	assert_int_equal(ca_revoke(dir, "nobody", "superseded", now, &count, &err), -ENOENT);
	assert_int_equal(ca_revoke(dir, "bob", "because", now, &count, &err), -EINVAL);
	assert_int_equal(check(dir, first, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
	assert_int_equal(certificate_identity(first, &who, NULL), 0);
	assert_int_equal(ca_revoke(dir, who.serial, "keyCompromise", now, &count, &err), 0);
	assert_int_equal(count, 1);
	assert_int_equal(check(dir, first, X509_PURPOSE_SSL_CLIENT), X509_V_ERR_CERT_REVOKED);
	assert_int_equal(check(dir, second, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
	assert_int_equal(ca_revoke(dir, "bob", "unspecified", now, &count, &err), 0);
	assert_int_equal(count, 1);
	assert_int_equal(ca_revoke(dir, "bob", "unspecified", now, &count, &err), -EALREADY);
	assert_int_equal(check(dir, second, X509_PURPOSE_SSL_CLIENT), X509_V_ERR_CERT_REVOKED);
	assert_int_equal(check(dir, carol, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
	X509_CRL *crl CLEANUP(crl_free_pointer) = NULL;
	assert_int_equal(crl_load(crl_path, &crl, NULL), 0);
	ASN1_INTEGER *number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
	assert_int_equal(ASN1_INTEGER_get(number), 3);
	ASN1_INTEGER_free(number);
	/* Signed with the CA's key on another machine: known by its serial only. */
	assert_int_equal(
	        ca_revoke(dir, "00112233445566778899aabbccddeeff", "superseded", now, &count, &err), 0);
	assert_int_equal(ca_revoke(dir, "00112233445566778899aabbccddeeff", "superseded", now, &count, &err),
	        -EALREADY);
}

/* Half a line, as a full disk or a crash leaves it, does not spoil the next one. */
static void a_torn_list_is_survived(void **state)
{
	const char *dir = *state;
	char *path FREE_ON_EXIT = xasprintf("%s/issued", dir);
	assert_int_equal(file_replace(path, "0123 2030-01", 12, 0600, NULL), 0);
	assert_int_equal(ca_issue(dir, ROLE_NODE, "dave", NULL, KEY_P256, 30, dir, NULL), 0);
	assert_int_equal(ca_revoke(dir, "dave", "superseded", clock_wall_ms(), NULL, NULL), 0);
	X509 *dave CLEANUP(certificate_free_pointer) = load(dir, "dave.pem");
	assert_int_equal(check(dir, dave, X509_PURPOSE_SSL_CLIENT), X509_V_ERR_CERT_REVOKED);
}

#define ca_test(f) cmocka_unit_test_setup_teardown(f, make_ca, remove_ca)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_checked),
		ca_test(the_root_is_made_once_and_privately),
		ca_test(what_is_issued_says_who_it_is),
		ca_test(wrong_wishes_are_refused),
		ca_test(requests_are_signed_under_our_names),
		ca_test(keys_of_other_kinds_get_no_certificate),
		ca_test(no_certificate_outlives_the_ca),
		cmocka_unit_test(nobody_is_taken_for_another),
		ca_test(the_revoked_are_refused),
		ca_test(a_torn_list_is_survived),
	};
	return cmocka_run_group_tests_name("x509", tests, NULL, NULL);
}
