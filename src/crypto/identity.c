/* SPDX-License-Identifier: ISC */
/*
 * Who a certificate speaks for. The subject is {O = site, OU = role, CN = name}; whatever does not have
 * exactly one CN and one OU that we would have written ourselves is nobody.
 */
#include "crypto/x509.h"

#include "base/file.h"
#include "crypto/openssl.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#define CERTIFICATE_FILE_MAX (64u << 10)
#define CRL_FILE_MAX (16u << 20)

static const struct {
	enum identity_role role;
	const char *name;
} identity_roles[] = {
	{ ROLE_NODE, "node" },
	{ ROLE_SERVER, "server" },
	{ ROLE_ENFORCER, "enforcer" },
	{ ROLE_VIS, "vis" },
	{ ROLE_MONITOR, "monitor" },
	{ ROLE_CONCENTRATOR, "concentrator" },
	{ ROLE_OPERATOR, "operator" },
};

const char *identity_role_name(enum identity_role role)
{
	for (size_t i = 0; i < ARRAY_LENGTH(identity_roles); i++)
		if (identity_roles[i].role == role)
			return identity_roles[i].name;
	return "unknown";
}

int identity_role_parse(const char *name, enum identity_role *ret)
{
	for (size_t i = 0; i < ARRAY_LENGTH(identity_roles); i++) {
		if (strcmp(identity_roles[i].name, name) == 0) {
			*ret = identity_roles[i].role;
			return 0;
		}
	}
	return -EINVAL;
}

static bool is_name_end(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

int identity_check_name(const char *name, struct error *err)
{
	size_t length = strnlen(name, IDENTITY_NAME_MAX + 1);
	if (length == 0 || length > IDENTITY_NAME_MAX)
		return error_set(err, -EINVAL, "name: it has 1 to %d characters", IDENTITY_NAME_MAX);
	size_t good = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-._");
	if (good != length)
		return error_set(err, -EINVAL, "name: character %zu is not one of a-z 0-9 - . _", good + 1);
	if (!is_name_end(name[0]) || !is_name_end(name[length - 1]))
		return error_set(
		        err, -EINVAL, "name \"%s\": it begins and ends with a letter or a digit", name);
	return 0;
}

/* The one entry of that kind in the subject as text without NULs; -EINVAL if there is none or another. */
static int subject_entry(X509 *certificate, int nid, char *text, size_t size)
{
	const X509_NAME *subject = X509_get_subject_name(certificate);
	int at = X509_NAME_get_index_by_NID(subject, nid, -1);
	if (at < 0 || X509_NAME_get_index_by_NID(subject, nid, at) >= 0)
		return -EINVAL;
	const ASN1_STRING *value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
	int type = ASN1_STRING_type(value), length = ASN1_STRING_length(value);
	const unsigned char *data = ASN1_STRING_get0_data(value);
	if ((type != V_ASN1_UTF8STRING && type != V_ASN1_PRINTABLESTRING) || length < 1 ||
	        (size_t)length >= size || memchr(data, '\0', (size_t)length))
		return -EINVAL;
	memcpy(text, data, (size_t)length);
	text[length] = '\0';
	return 0;
}

static int serial_text(X509 *certificate, char text[41])
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(certificate);
	const unsigned char *data = ASN1_STRING_get0_data(serial);
	int length = ASN1_STRING_length(serial);
	if (length < 1 || length > 20 || ASN1_STRING_type(serial) != V_ASN1_INTEGER)
		return -EINVAL;
	for (int i = 0; i < length; i++) {
		text[2 * i] = "0123456789abcdef"[data[i] >> 4];
		text[2 * i + 1] = "0123456789abcdef"[data[i] & 15];
	}
	text[2 * length] = '\0';
	return 0;
}

static int time_of(const ASN1_TIME *time, time_ms *ret)
{
	struct tm tm;
	if (ASN1_TIME_to_tm(time, &tm) != 1)
		return -EINVAL;
	*ret = (time_ms)timegm(&tm) * 1000;
	return 0;
}

int certificate_identity(X509 *certificate, struct identity *ret, struct error *err)
{
	struct identity found = { 0 };
	char role[32];
	struct error reason;
	if (subject_entry(certificate, NID_commonName, found.name, sizeof(found.name)) < 0)
		return error_set(err, -EINVAL, "certificate: its subject does not have exactly one CN");
	if (identity_check_name(found.name, &reason) < 0)
		return error_set(err, -EINVAL, "certificate: CN: %s", reason.text);
	if (subject_entry(certificate, NID_organizationalUnitName, role, sizeof(role)) < 0 ||
	        identity_role_parse(role, &found.role) < 0)
		return error_set(err, -EINVAL, "certificate of %s: its OU is not a role of ours", found.name);
	EVP_PKEY *key = X509_get0_pubkey(certificate);
	enum key_kind kind;
	if (!key || key_get_kind(key, &kind) < 0 || key_thumbprint(key, found.thumbprint) < 0)
		return openssl_error(
		        err, -EINVAL, "certificate of %s: neither a P-256 nor an Ed25519 key", found.name);
	if (serial_text(certificate, found.serial) < 0 ||
	        time_of(X509_get0_notBefore(certificate), &found.not_before) < 0 ||
	        time_of(X509_get0_notAfter(certificate), &found.not_after) < 0)
		return error_set(
		        err, -EINVAL, "certificate of %s: malformed serial number or date", found.name);
	*ret = found;
	return 0;
}

int certificate_check(X509 *certificate, X509 *ca, EVP_PKEY *key, time_ms now, struct error *err)
{
	time_t seconds = (time_t)(now / 1000);
	EVP_PKEY *public_key = X509_get0_pubkey(certificate);
	if (X509_check_issued(ca, certificate) != X509_V_OK ||
	        X509_verify(certificate, X509_get0_pubkey(ca)) != 1)
		return openssl_error(err, -EPERM, "the certificate is not signed by the site's CA");
	if (!public_key || EVP_PKEY_eq(public_key, key) != 1)
		return openssl_error(err, -EPERM, "the certificate is for another key");
	if (X509_cmp_time(X509_get0_notBefore(certificate), &seconds) >= 0 ||
	        X509_cmp_time(X509_get0_notAfter(certificate), &seconds) <= 0)
		return error_set(err, -EPERM, "the certificate is not valid now; compare the clocks");
	return 0;
}

int certificate_load(const char *path, X509 **ret, struct error *err)
{
	char *pem FREE_ON_EXIT = NULL;
	size_t length;
	int r = file_read(path, CERTIFICATE_FILE_MAX, &pem, &length, err);
	if (r < 0)
		return r;
	BIO *bio CLEANUP(bio_free_pointer) = BIO_new_mem_buf(pem, (int)length);
	X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	if (!certificate)
		return openssl_error(err, -EINVAL, "%s: not a certificate in PEM", path);
	*ret = certificate;
	return 0;
}

int certificate_save(X509 *certificate, const char *path, struct error *err)
{
	BIO *bio CLEANUP(bio_free_pointer) = BIO_new(BIO_s_mem());
	char *pem;
	if (!bio || PEM_write_bio_X509(bio, certificate) != 1)
		return openssl_error(err, -EIO, "%s: cannot encode the certificate", path);
	long length = BIO_get_mem_data(bio, &pem);
	return file_replace(path, pem, (size_t)length, 0644, err);
}

int crl_load(const char *path, X509_CRL **ret, struct error *err)
{
	char *pem FREE_ON_EXIT = NULL;
	size_t length;
	int r = file_read(path, CRL_FILE_MAX, &pem, &length, err);
	if (r < 0)
		return r;
	BIO *bio CLEANUP(bio_free_pointer) = BIO_new_mem_buf(pem, (int)length);
	X509_CRL *crl = bio ? PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL) : NULL;
	if (!crl)
		return openssl_error(err, -EINVAL, "%s: not a certificate revocation list in PEM", path);
	*ret = crl;
	return 0;
}
