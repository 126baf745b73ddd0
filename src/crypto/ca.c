/* SPDX-License-Identifier: ISC */
/*
 * The site CA: one self-signed root in a directory, which signs certificates of identities itself.
 * Certificates follow RFC 5280 4: version 3, random 128-bit serial numbers (4.1.2.2), key identifiers
 * (4.2.1.1, 4.2.1.2), keyUsage (4.2.1.3), subjectAltName (4.2.1.6), basicConstraints (4.2.1.9) with no CA
 * below the root, extKeyUsage (4.2.1.12) as the role needs it.
 */
#include "crypto/x509.h"

#include "base/address.h"
#include "base/file.h"
#include "crypto/ca_files.h"
#include "crypto/openssl.h"
#include "crypto/pair.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define SERIAL_SIZE 16
#define CA_DAYS 3652
#define DAY_MS (24 * 3600 * (int64_t)1000)
#define ALT_NAMES_TEXT_MAX 8192

/* What a role's key may do in TLS: those that are connected to are servers. */
static const char *extended_key_usage(enum identity_role role)
{
	return role == ROLE_SERVER || role == ROLE_VIS || role == ROLE_CONCENTRATOR ? "serverAuth,clientAuth"
	                                                                            : "clientAuth";
}

static int set_serial(X509 *certificate)
{
	uint8_t bytes[SERIAL_SIZE];
	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return -EIO;
	bytes[0] = (uint8_t)((bytes[0] & 0x7f) | 0x40); /* positive, and always as long */
	BIGNUM *number = BN_bin2bn(bytes, sizeof(bytes), NULL);
	bool ok = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
	BN_free(number);
	return ok ? 0 : -EIO;
}

/* The type is given as UTF8String itself, so that no locale has a say. */
static int add_entry(X509_NAME *name, int nid, const void *text, int length)
{
	return X509_NAME_add_entry_by_NID(name, nid, V_ASN1_UTF8STRING, text, length, -1, 0) == 1 ? 0 : -EIO;
}

static int add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509V3_set_ctx(&ctx, issuer, certificate, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	bool ok = extension && X509_add_ext(certificate, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return ok ? 0 : -EIO;
}

static int set_validity(X509 *certificate, time_ms not_before, time_ms not_after)
{
	return ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)(not_before / 1000)) &&
	                ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)(not_after / 1000))
	        ? 0
	        : -EIO;
}

static int sign(X509 *certificate, EVP_PKEY *key)
{
	enum key_kind kind;
	if (key_get_kind(key, &kind) < 0)
		return -EINVAL;
	return X509_sign(certificate, key, kind == KEY_P256 ? EVP_sha256() : NULL) > 0 ? 0 : -EIO;
}

static int check_site(const char *site, struct error *err)
{
	size_t length = strnlen(site, IDENTITY_SITE_MAX + 1);
	if (length == 0 || length > IDENTITY_SITE_MAX - strlen(" CA"))
		return error_set(
		        err, -EINVAL, "site name: it has 1 to %zu bytes", IDENTITY_SITE_MAX - strlen(" CA"));
	for (const char *p = site; *p; p++)
		if (!isprint((unsigned char)*p))
			return error_set(err, -EINVAL, "site name: character %zu is not printable ASCII",
			        (size_t)(p - site) + 1);
	return 0;
}

/* "SITE CA", "SITE CA 2" after the first rollover: two CAs of one name would be told apart by their keys
 * alone. */
static int format_common_name(const char *site, unsigned number, char ret[IDENTITY_SITE_MAX + 1])
{
	char end[16] = " CA";
	if (number > 1)
		snprintf(end, sizeof(end), " CA %u", number % 1000000);
	return snprintf(
	        ret, IDENTITY_SITE_MAX + 1, "%.*s%s", (int)(IDENTITY_SITE_MAX - strlen(end)), site, end);
}

int ca_make_root(const char *site, unsigned number, EVP_PKEY *key, X509 **ret, struct error *err)
{
	X509 *ca CLEANUP(certificate_free_pointer) = X509_new();
	char common_name[IDENTITY_SITE_MAX + 1];
	int n = format_common_name(site, number, common_name);
	time_ms now = clock_wall_ms();
	if (!ca || X509_set_version(ca, X509_VERSION_3) != 1 || set_serial(ca) < 0 ||
	        set_validity(ca, now - CA_BACKDATE_MS, now + CA_DAYS * DAY_MS) < 0 ||
	        X509_set_pubkey(ca, key) != 1 ||
	        add_entry(X509_get_subject_name(ca), NID_organizationName, site, (int)strlen(site)) < 0 ||
	        add_entry(X509_get_subject_name(ca), NID_commonName, common_name, n) < 0 ||
	        X509_set_issuer_name(ca, X509_get_subject_name(ca)) != 1 ||
	        add_extension(ca, ca, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") < 0 ||
	        add_extension(ca, ca, NID_key_usage, "critical,keyCertSign,cRLSign") < 0 ||
	        add_extension(ca, ca, NID_subject_key_identifier, "hash") < 0 ||
	        add_extension(ca, ca, NID_authority_key_identifier, "keyid:always") < 0 || sign(ca, key) < 0)
		return openssl_error(err, -EIO, "cannot make the CA certificate");
	*ret = TAKE_POINTER(ca);
	return 0;
}

int ca_init(const char *dir, const char *site, enum key_kind kind, struct error *err)
{
	int r = check_site(site, err);
	if (r == 0)
		r = file_make_directory(dir, 0700, err);
	if (r < 0)
		return r;
	int lock CLEANUP(ca_files_unlock) = ca_files_lock(dir, err);
	if (lock < 0)
		return lock;
	char *key_path FREE_ON_EXIT = xasprintf("%s/ca.key", dir),
	               *path FREE_ON_EXIT = xasprintf("%s/ca.pem", dir);
	if (access(key_path, F_OK) == 0 || access(path, F_OK) == 0)
		return error_set(
		        err, -EEXIST, "%s: there is a CA already; remove it by hand if it is to go", dir);
	EVP_PKEY *key CLEANUP(key_free_pointer) = NULL;
	X509 *ca CLEANUP(certificate_free_pointer) = NULL;
	r = key_generate(kind, &key, err);
	if (r == 0)
		r = ca_make_root(site, 1, key, &ca, err);
	if (r == 0)
		r = key_save(key, key_path, err);
	if (r == 0)
		r = certificate_save(ca, path, err);
	struct bundle alone = { { ca }, 1 };
	if (r == 0)
		r = ca_files_write_crl(dir, &alone, clock_wall_ms(), err);
	return r;
}

/* subjectAltName in the words of X509V3_EXT_conf_nid; each name is checked, so that none can add words of its
 * own. */
static int alt_names_text(
        const char *name, const char *const *alt_names, char *text, size_t size, struct error *err)
{
	size_t n = (size_t)snprintf(text, size, "DNS:%s", name);
	for (size_t i = 0; alt_names && alt_names[i]; i++) {
		struct ip_address address;
		char plain[IP_TEXT_SIZE];
		struct error reason;
		bool is_address = ip_parse(alt_names[i], &address) == 0;
		if (i == CA_ALT_NAMES_MAX)
			return error_set(err, -E2BIG, "more than %d alternative names", CA_ALT_NAMES_MAX);
		if (!is_address && identity_check_name(alt_names[i], &reason) < 0)
			return error_set(err, -EINVAL,
			        "alternative name \"%s\" is neither an address nor a name: %s", alt_names[i],
			        reason.text);
		n += (size_t)snprintf(text + n, size - n, ",%s:%s", is_address ? "IP" : "DNS",
		        is_address ? ip_format(&address, plain) : alt_names[i]);
		if (n >= size)
			return error_set(err, -E2BIG, "the alternative names are too long together");
	}
	return 0;
}

struct issue_terms {
	const char *name;
	enum identity_role role;
	const char *alt_names; /* NULL: the name only, or those of `renewed` */
	X509 *renewed;         /* may be NULL */
	time_ms not_before, not_after;
};

/* O of the CA is the site, and goes into every certificate. */
static int set_subject(X509 *certificate, X509 *ca, const struct issue_terms *terms)
{
	const X509_NAME *issuer = X509_get_subject_name(ca);
	X509_NAME *subject = X509_get_subject_name(certificate);
	const char *role = identity_role_name(terms->role);
	int at = X509_NAME_get_index_by_NID(issuer, NID_organizationName, -1);
	if (at >= 0) {
		const ASN1_STRING *site = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(issuer, at));
		if (add_entry(subject, NID_organizationName, ASN1_STRING_get0_data(site),
		            ASN1_STRING_length(site)) < 0)
			return -EIO;
	}
	if (add_entry(subject, NID_organizationalUnitName, role, (int)strlen(role)) < 0 ||
	        add_entry(subject, NID_commonName, terms->name, (int)strlen(terms->name)) < 0)
		return -EIO;
	return X509_set_issuer_name(certificate, issuer) == 1 ? 0 : -EIO;
}

static int cut_to_ca(X509 *ca, time_ms *not_after, struct error *err)
{
	time_ms end = (time_ms)*not_after / 1000;
	time_t seconds = (time_t)end;
	int order = X509_cmp_time(X509_get0_notAfter(ca), &seconds);
	if (order == 0)
		return error_set(err, -EINVAL, "the CA certificate has a malformed date");
	if (order > 0)
		return 0;
	struct tm tm;
	if (ASN1_TIME_to_tm(X509_get0_notAfter(ca), &tm) != 1)
		return error_set(err, -EINVAL, "the CA certificate has a malformed date");
	*not_after = (time_ms)timegm(&tm) * 1000;
	return 0;
}

static int set_alt_names(X509 *certificate, X509 *ca, const struct issue_terms *terms)
{
	char name_only[IDENTITY_NAME_MAX + 8];
	int at = terms->renewed ? X509_get_ext_by_NID(terms->renewed, NID_subject_alt_name, -1) : -1;
	if (at >= 0)
		return X509_add_ext(certificate, X509_get_ext(terms->renewed, at), -1) == 1 ? 0 : -EIO;
	snprintf(name_only, sizeof(name_only), "DNS:%s", terms->name);
	return add_extension(
	        certificate, ca, NID_subject_alt_name, terms->alt_names ? terms->alt_names : name_only);
}

static int make_certificate(EVP_PKEY *ca_key, X509 *ca, EVP_PKEY *subject_key,
        const struct issue_terms *terms, X509 **ret, struct error *err)
{
	struct error reason;
	time_ms not_after = terms->not_after;
	if (identity_check_name(terms->name, &reason) < 0)
		return error_set(err, -EINVAL, "%s", reason.text);
	if (X509_check_private_key(ca, ca_key) != 1)
		return openssl_error(err, -EINVAL, "the CA's key does not belong to its certificate");
	int r = cut_to_ca(ca, &not_after, err);
	if (r < 0)
		return r;
	if (not_after <= terms->not_before)
		return error_set(
		        err, -EINVAL, "the certificate would end before it begins; is the CA expired?");
	X509 *new CLEANUP(certificate_free_pointer) = X509_new();
	if (!new || X509_set_version(new, X509_VERSION_3) != 1 || set_serial(new) < 0 ||
	        set_validity(new, terms->not_before, not_after) < 0 ||
	        X509_set_pubkey(new, subject_key) != 1 || set_subject(new, ca, terms) < 0 ||
	        add_extension(new, ca, NID_basic_constraints, "critical,CA:FALSE") < 0 ||
	        add_extension(new, ca, NID_key_usage, "critical,digitalSignature") < 0 ||
	        add_extension(new, ca, NID_ext_key_usage, extended_key_usage(terms->role)) < 0 ||
	        add_extension(new, ca, NID_subject_key_identifier, "hash") < 0 ||
	        add_extension(new, ca, NID_authority_key_identifier, "keyid:always") < 0 ||
	        set_alt_names(new, ca, terms) < 0 || sign(new, ca_key) < 0)
		return openssl_error(err, -EIO, "cannot make the certificate of %s", terms->name);
	*ret = TAKE_POINTER(new);
	return 0;
}

static int days_check(int days, struct error *err)
{
	return days >= 1 && days <= CA_DAYS_MAX ? 0 : error_set(err, -EINVAL, "days: 1 to %d", CA_DAYS_MAX);
}

static int save_issued(const char *dir, const char *out_dir, const char *name, EVP_PKEY *key,
        X509 *certificate, struct error *err)
{
	char *key_path FREE_ON_EXIT = xasprintf("%s/%s.key", out_dir, name);
	char *path FREE_ON_EXIT = xasprintf("%s/%s.pem", out_dir, name);
	if (access(key_path, F_OK) == 0)
		return error_set(err, -EEXIST, "%s: there is a key already; remove it by hand if it is to go",
		        key_path);
	/* Recorded first: there is never a certificate that cannot be revoked by its name. */
	int r = ca_record(dir, certificate, err);
	if (r == 0)
		r = key_save(key, key_path, err);
	if (r == 0)
		r = certificate_save(certificate, path, err);
	if (r < 0) {
		(void)unlink(key_path);
		(void)unlink(path);
	}
	return r;
}

int ca_issue(const char *ca_dir, enum identity_role role, const char *name, const char *const *alt_names,
        enum key_kind kind, int days, const char *out_dir, struct error *err)
{
	EVP_PKEY *ca_key CLEANUP(key_free_pointer) = NULL, *key CLEANUP(key_free_pointer) = NULL;
	X509 *certificate CLEANUP(certificate_free_pointer) = NULL;
	struct bundle trusted CLEANUP(bundle_clear) = { 0 };
	char text[ALT_NAMES_TEXT_MAX];
	time_ms now = clock_wall_ms();
	int r = days_check(days, err);
	if (r == 0)
		r = identity_check_name(name, err);
	if (r == 0)
		r = alt_names_text(name, alt_names, text, sizeof(text), err);
	if (r == 0)
		r = ca_files_load(ca_dir, &ca_key, &trusted, err);
	if (r == 0)
		r = key_generate(kind, &key, err);
	const struct issue_terms terms = { name, role, text, NULL, now - CA_BACKDATE_MS,
		now + days * DAY_MS };
	if (r == 0)
		r = make_certificate(ca_key, trusted.certificates[0], key, &terms, &certificate, err);
	if (r == 0)
		r = file_make_directory(out_dir, 0755, err);
	if (r == 0)
		r = save_issued(ca_dir, out_dir, name, key, certificate, err);
	return r;
}

/* RFC 2986: the request proves that who asks holds the key. */
static int request_read(const void *der, size_t length, X509_REQ **ret, struct error *err)
{
	const unsigned char *at = der;
	if (length > REQUEST_DER_MAX)
		return error_set(err, -EINVAL, "certificate request: larger than %d bytes", REQUEST_DER_MAX);
	X509_REQ *request CLEANUP(request_free_pointer) = d2i_X509_REQ(NULL, &at, (long)length);
	if (!request || at != (const unsigned char *)der + length)
		return openssl_error(err, -EINVAL, "certificate request: not PKCS#10 in DER");
	EVP_PKEY *key = X509_REQ_get0_pubkey(request);
	enum key_kind kind;
	if (!key || key_get_kind(key, &kind) < 0)
		return openssl_error(err, -EINVAL, "certificate request: neither a P-256 nor an Ed25519 key");
	if (X509_REQ_verify(request, key) != 1)
		return openssl_error(
		        err, -EBADMSG, "certificate request: its signature is not by its own key");
	*ret = TAKE_POINTER(request);
	return 0;
}

int ca_sign_request_until(EVP_PKEY *ca_key, X509 *ca, const void *der, size_t length, const char *name,
        enum identity_role role, time_ms not_before, time_ms not_after, X509 **ret, struct error *err)
{
	X509_REQ *request CLEANUP(request_free_pointer) = NULL;
	int r = request_read(der, length, &request, err);
	if (r < 0)
		return r;
	const struct issue_terms terms = { name, role, NULL, NULL, not_before, not_after };
	return make_certificate(ca_key, ca, X509_REQ_get0_pubkey(request), &terms, ret, err);
}

int ca_sign_request(EVP_PKEY *ca_key, X509 *ca, const void *der, size_t length, const char *name,
        enum identity_role role, int days, X509 **ret, struct error *err)
{
	time_ms now = clock_wall_ms();
	int r = days_check(days, err);
	if (r < 0)
		return r;
	return ca_sign_request_until(
	        ca_key, ca, der, length, name, role, now - CA_BACKDATE_MS, now + days * DAY_MS, ret, err);
}

static int lifetime_check(int64_t lifetime_ms, struct error *err)
{
	return lifetime_ms >= CA_LIFETIME_MIN_MS && lifetime_ms <= CA_DAYS_MAX * DAY_MS
	        ? 0
	        : error_set(
	                  err, -EINVAL, "lifetime: %d s to %d days", CA_LIFETIME_MIN_MS / 1000, CA_DAYS_MAX);
}

int ca_enrol(const char *dir, const void *der, size_t length, const char *name, enum identity_role role,
        int64_t lifetime_ms, X509 **ret, struct error *err)
{
	EVP_PKEY *ca_key CLEANUP(key_free_pointer) = NULL;
	struct bundle trusted CLEANUP(bundle_clear) = { 0 };
	time_ms now = clock_wall_ms();
	int r = lifetime_check(lifetime_ms, err);
	if (r == 0)
		r = ca_files_load(dir, &ca_key, &trusted, err);
	return r < 0 ? r
	             : ca_sign_request_until(ca_key, trusted.certificates[0], der, length, name, role,
	                       now - MIN(CA_BACKDATE_MS, lifetime_ms / 4), now + lifetime_ms, ret, err);
}

/* The new certificate for key, with all that old says of its owner. */
static int renew_for_key(
        const char *dir, EVP_PKEY *key, X509 *old, int64_t lifetime_ms, X509 **ret, struct error *err)
{
	EVP_PKEY *ca_key CLEANUP(key_free_pointer) = NULL;
	struct bundle trusted CLEANUP(bundle_clear) = { 0 };
	struct identity who = { 0 };
	time_ms now = clock_wall_ms();
	int r = lifetime_check(lifetime_ms, err);
	if (r == 0)
		r = certificate_identity(old, &who, err);
	if (r == 0)
		r = ca_files_load(dir, &ca_key, &trusted, err);
	if (r == 0 && !bundle_issuer(&trusted, old))
		r = error_set(err, -EPERM, "the certificate of %s is not of this CA", who.name);
	if (r < 0)
		return r;
	const struct issue_terms terms = { who.name, who.role, NULL, old,
		now - MIN(CA_BACKDATE_MS, lifetime_ms / 4), now + lifetime_ms };
	return make_certificate(ca_key, trusted.certificates[0], key, &terms, ret, err);
}

int ca_renew(const char *dir, const void *der, size_t length, X509 *old, int64_t lifetime_ms, X509 **ret,
        struct error *err)
{
	X509_REQ *request CLEANUP(request_free_pointer) = NULL;
	int r = request_read(der, length, &request, err);
	return r < 0 ? r : renew_for_key(dir, X509_REQ_get0_pubkey(request), old, lifetime_ms, ret, err);
}

int ca_reissue(
        const char *dir, const char *certificate_path, const char *key_path, int days, struct error *err)
{
	EVP_PKEY *old_key CLEANUP(key_free_pointer) = NULL, *key CLEANUP(key_free_pointer) = NULL;
	X509 *old CLEANUP(certificate_free_pointer) = NULL,
	          *certificate CLEANUP(certificate_free_pointer) = NULL;
	enum key_kind kind = KEY_P256;
	int r = days_check(days, err);
	if (r == 0)
		r = pair_finish(key_path, certificate_path, err);
	if (r == 0)
		r = certificate_load(certificate_path, &old, err);
	if (r == 0)
		r = key_load(key_path, &old_key, err);
	if (r == 0)
		r = key_get_kind(old_key, &kind);
	if (r == 0)
		r = key_generate(kind, &key, err);
	if (r == 0)
		r = renew_for_key(dir, key, old, days * DAY_MS, &certificate, err);
	if (r == 0)
		r = ca_record_renewal(dir, certificate, old, err);
	return r < 0 ? r : pair_replace(key_path, certificate_path, key, certificate, err);
}

int request_check(const void *der, size_t length, struct error *err)
{
	X509_REQ *request CLEANUP(request_free_pointer) = NULL;
	return request_read(der, length, &request, err);
}

int request_make(EVP_PKEY *key, const char *name, uint8_t **ret_der, size_t *ret_length, struct error *err)
{
	enum key_kind kind;
	int r = identity_check_name(name, err);
	if (r < 0)
		return r;
	X509_REQ *request CLEANUP(request_free_pointer) = X509_REQ_new();
	if (key_get_kind(key, &kind) < 0 || !request ||
	        X509_REQ_set_version(request, X509_REQ_VERSION_1) != 1 ||
	        add_entry(X509_REQ_get_subject_name(request), NID_commonName, name, (int)strlen(name)) < 0 ||
	        X509_REQ_set_pubkey(request, key) != 1 ||
	        X509_REQ_sign(request, key, kind == KEY_P256 ? EVP_sha256() : NULL) <= 0)
		return openssl_error(err, -EIO, "cannot make the certificate request of %s", name);
	unsigned char *der = NULL;
	int length = i2d_X509_REQ(request, &der);
	if (length <= 0)
		return openssl_error(err, -EIO, "cannot encode the certificate request of %s", name);
	*ret_der = xmemdup(der, (size_t)length);
	*ret_length = (size_t)length;
	OPENSSL_free(der);
	return 0;
}
