/* SPDX-License-Identifier: ISC */
/*
 * What the CA has issued and what it has taken back. `issued` and `revoked` are lines of text, appended to
 * under the directory's lock; ca.crl (RFC 5280 5) is made from `revoked` and signed anew each time, its
 * number (5.2.3) always growing.
 */
#include "base/file.h"
#include "crypto/ca_files.h"
#include "crypto/openssl.h"

#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SERIAL_TEXT_MAX 40

/* RFC 5280 5.3.1; the words are OpenSSL's, which X509V3 knows too. */
static const struct {
	const char *name;
	int code;
} revocation_reasons[] = {
	{ "unspecified", 0 },
	{ "keyCompromise", 1 },
	{ "affiliationChanged", 3 },
	{ "superseded", 4 },
	{ "cessationOfOperation", 5 },
	{ "privilegeWithdrawn", 9 },
};

static int reason_code(const char *name)
{
	for (size_t i = 0; i < ARRAY_LENGTH(revocation_reasons); i++)
		if (strcmp(revocation_reasons[i].name, name) == 0)
			return revocation_reasons[i].code;
	return -EINVAL;
}

static int crl_add(X509_CRL *crl, const struct ca_list_line *line)
{
	time_ms when;
	BIGNUM *number = NULL;
	int code = reason_code(line->fields[2]);
	if (clock_parse(line->fields[1], &when) < 0 || code < 0 ||
	        BN_hex2bn(&number, line->fields[0]) != (int)strlen(line->fields[0])) {
		BN_free(number);
		return -EINVAL;
	}
	X509_REVOKED *entry = X509_REVOKED_new();
	ASN1_INTEGER *serial = BN_to_ASN1_INTEGER(number, NULL);
	ASN1_TIME *time = ASN1_TIME_set(NULL, (time_t)(when / 1000));
	ASN1_ENUMERATED *reason = ASN1_ENUMERATED_new();
	bool ok = entry && serial && time && reason && X509_REVOKED_set_serialNumber(entry, serial) == 1 &&
	        X509_REVOKED_set_revocationDate(entry, time) == 1 && ASN1_ENUMERATED_set(reason, code) == 1 &&
	        /* RFC 5280 5.3.1: "unspecified" is said by leaving the reason out. */
	        (code == 0 || X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, reason, 0, 0) == 1) &&
	        X509_CRL_add0_revoked(crl, entry) == 1;
	if (!ok)
		X509_REVOKED_free(entry);
	BN_free(number);
	ASN1_INTEGER_free(serial);
	ASN1_TIME_free(time);
	ASN1_ENUMERATED_free(reason);
	return ok ? 0 : -EIO;
}

/* The number of the list that is there, or -1 (so that the first one is 0); another value than a number: as
 * if none. */
static long crl_number(const char *path)
{
	X509_CRL *crl CLEANUP(crl_free_pointer) = NULL;
	if (crl_load(path, &crl, NULL) < 0)
		return -1;
	ASN1_INTEGER *number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
	long value = number ? (long)ASN1_INTEGER_get(number) : -1;
	ASN1_INTEGER_free(number);
	return value;
}

static int crl_finish(X509_CRL *crl, EVP_PKEY *key, X509 *ca, long number, time_ms now)
{
	enum key_kind kind;
	ASN1_TIME *last = ASN1_TIME_set(NULL, (time_t)((now - CA_BACKDATE_MS) / 1000));
	ASN1_INTEGER *serial = ASN1_INTEGER_new();
	X509V3_CTX ctx;
	X509V3_set_ctx(&ctx, ca, NULL, NULL, crl, 0);
	X509_EXTENSION *akid = X509V3_EXT_conf_nid(NULL, &ctx, NID_authority_key_identifier, "keyid:always");
	bool ok = last && serial && akid && key_get_kind(key, &kind) == 0 &&
	        X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1 &&
	        X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca)) == 1 &&
	        X509_CRL_set1_lastUpdate(crl, last) == 1 &&
	        X509_CRL_set1_nextUpdate(crl, X509_get0_notAfter(ca)) == 1 &&
	        X509_CRL_add_ext(crl, akid, -1) == 1 && ASN1_INTEGER_set(serial, number) == 1 &&
	        X509_CRL_add1_ext_i2d(crl, NID_crl_number, serial, 0, 0) == 1 && X509_CRL_sort(crl) == 1 &&
	        X509_CRL_sign(crl, key, kind == KEY_P256 ? EVP_sha256() : NULL) > 0;
	ASN1_TIME_free(last);
	ASN1_INTEGER_free(serial);
	X509_EXTENSION_free(akid);
	return ok ? 0 : -EIO;
}

/* One CA's list as PEM into bio. */
static int write_one(
        const char *dir, X509 *ca, const char *revoked, long number, time_ms now, BIO *bio, struct error *err)
{
	EVP_PKEY *key CLEANUP(key_free_pointer) = NULL;
	X509_CRL *crl CLEANUP(crl_free_pointer) = X509_CRL_new();
	char *copy FREE_ON_EXIT = xstrdup(revoked), *rest = copy;
	int r = ca_files_key_of(dir, ca, &key, err);
	if (r < 0)
		return r;
	for (struct ca_list_line line; ca_list_next(&rest, &line);)
		if (!crl || crl_add(crl, &line) < 0)
			return openssl_error(err, -EINVAL, "%s/revoked: malformed line with serial \"%s\"",
			        dir, line.fields[0]);
	if (!crl || crl_finish(crl, key, ca, number, now) < 0 || PEM_write_bio_X509_CRL(bio, crl) != 1)
		return openssl_error(err, -EIO, "%s: cannot make the revocation list", dir);
	return 0;
}

/* Every list says all that is revoked, whoever signed it. */
int ca_files_write_crl(const char *dir, const struct bundle *b, time_ms now, struct error *err)
{
	char *path FREE_ON_EXIT = xasprintf("%s/ca.crl", dir), *revoked FREE_ON_EXIT = NULL;
	BIO *bio CLEANUP(bio_free_pointer) = BIO_new(BIO_s_mem());
	int r = bio ? ca_list_read(dir, "revoked", &revoked, err) : -ENOMEM;
	long number = crl_number(path) + 1;
	for (size_t i = 0; r == 0 && i < b->n; i++)
		r = write_one(dir, b->certificates[i], revoked, number, now, bio, err);
	if (r < 0)
		return r;
	char *pem;
	long length = BIO_get_mem_data(bio, &pem);
	r = file_replace(path, pem, (size_t)length, 0644, err);
	return r < 0 ? r : ca_files_give(dir, path, err);
}

/* Whether old was taken back; the lock is held. */
static int check_not_revoked(const char *dir, X509 *old, struct error *err)
{
	struct identity who;
	char *revoked FREE_ON_EXIT = NULL;
	int r = certificate_identity(old, &who, err);
	if (r == 0)
		r = ca_list_read(dir, "revoked", &revoked, err);
	if (r == 0 && ca_list_has(revoked, who.serial))
		r = error_set(err, -EKEYREVOKED, "the certificate of %s is revoked", who.name);
	return r;
}

static void find_issuer(const char *dir, X509 *certificate, char ret[CA_ID_SIZE])
{
	char *path FREE_ON_EXIT = xasprintf("%s/ca.pem", dir);
	struct bundle b CLEANUP(bundle_clear) = { 0 };
	X509 *issuer = bundle_load(path, &b, NULL) == 0 ? bundle_issuer(&b, certificate) : NULL;
	if (issuer)
		ca_files_id(issuer, ret);
}

int ca_record_renewal(const char *ca_dir, X509 *certificate, X509 *old, struct error *err)
{
	struct identity who;
	char when[CLOCK_TEXT_SIZE];
	int r = certificate_identity(certificate, &who, err);
	if (r < 0)
		return r;
	int lock CLEANUP(ca_files_unlock) = ca_files_lock(ca_dir, err);
	if (lock < 0)
		return lock;
	if (old)
		r = check_not_revoked(ca_dir, old, err);
	if (r < 0)
		return r;
	char id[CA_ID_SIZE] = "";
	find_issuer(ca_dir, certificate, id);
	char *line FREE_ON_EXIT = xasprintf("%s %s %s %s %s\n", who.serial, clock_format(who.not_after, when),
	        identity_role_name(who.role), who.name, *id ? id : "-");
	return ca_list_append(ca_dir, "issued", line, err);
}

int ca_record(const char *ca_dir, X509 *certificate, struct error *err)
{
	return ca_record_renewal(ca_dir, certificate, NULL, err);
}

/* Serials are written in lower case with an even number of digits; 0 unless text can be one. */
static bool serial_normalise(const char *text, char ret[SERIAL_TEXT_MAX + 1])
{
	size_t length = strlen(text), digits = 0;
	for (size_t i = 0; i < length; i++) {
		char c = text[i];
		if (c == ':' && i)
			continue;
		if (c >= 'A' && c <= 'F')
			c = (char)(c - 'A' + 'a');
		bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
		if (!hex || digits == SERIAL_TEXT_MAX)
			return false;
		ret[digits++] = c;
	}
	ret[digits] = '\0';
	return digits >= 2 && digits % 2 == 0;
}

/* Appends to `revoked` what matches in `issued`. */
static int revoke_matching(const char *dir, const char *wanted, const char *reason, time_ms now, char *issued,
        const char *revoked, size_t *count, size_t *matched, struct error *err)
{
	char serial[SERIAL_TEXT_MAX + 1], when[CLOCK_TEXT_SIZE];
	bool is_serial = serial_normalise(wanted, serial);
	for (struct ca_list_line line; ca_list_next(&issued, &line);) {
		time_ms end;
		bool by_serial = is_serial && strcmp(line.fields[0], serial) == 0;
		bool by_name = strcmp(line.fields[3], wanted) == 0 &&
		        clock_parse(line.fields[1], &end) == 0 && end > now;
		if (!by_serial && !by_name)
			continue;
		++*matched;
		if (ca_list_has(revoked, line.fields[0]))
			continue;
		char *text FREE_ON_EXIT = xasprintf(
		        "%s %s %s %s\n", line.fields[0], clock_format(now, when), reason, line.fields[3]);
		int r = ca_list_append(dir, "revoked", text, err);
		if (r < 0)
			return r;
		++*count;
	}
	if (*matched || !is_serial || strlen(serial) != 32)
		return 0;
	/* Signed elsewhere with this CA's key: 32 digits can only be meant as a serial. */
	++*matched;
	if (ca_list_has(revoked, serial))
		return 0;
	char *text FREE_ON_EXIT = xasprintf("%s %s %s -\n", serial, clock_format(now, when), reason);
	++*count;
	return ca_list_append(dir, "revoked", text, err);
}

int ca_revoke(const char *ca_dir, const char *name_or_serial, const char *reason, time_ms now,
        size_t *ret_count, struct error *err)
{
	struct bundle trusted CLEANUP(bundle_clear) = { 0 };
	char *path FREE_ON_EXIT = xasprintf("%s/ca.pem", ca_dir);
	char *issued FREE_ON_EXIT = NULL, *revoked FREE_ON_EXIT = NULL;
	size_t count = 0, matched = 0;
	if (reason_code(reason) < 0)
		return error_set(
		        err, -EINVAL, "\"%s\" is not a reason of revocation (RFC 5280 5.3.1)", reason);
	int lock CLEANUP(ca_files_unlock) = ca_files_lock(ca_dir, err);
	if (lock < 0)
		return lock;
	int r = bundle_load(path, &trusted, err);
	if (r == 0)
		r = ca_list_read(ca_dir, "issued", &issued, err);
	if (r == 0)
		r = ca_list_read(ca_dir, "revoked", &revoked, err);
	if (r == 0)
		r = revoke_matching(
		        ca_dir, name_or_serial, reason, now, issued, revoked, &count, &matched, err);
	if (r == 0 && matched == 0)
		r = error_set(err, -ENOENT,
		        "%s: no valid certificate with the name or serial \"%s\" was issued", ca_dir,
		        name_or_serial);
	/* The list is written even if nothing is new: a crash may have come between the two files. */
	if (r == 0)
		r = ca_files_write_crl(ca_dir, &trusted, now, err);
	if (r == 0 && count == 0)
		r = error_set(err, -EALREADY, "%s: \"%s\" was revoked before", ca_dir, name_or_serial);
	if (r == 0 && ret_count)
		*ret_count = count;
	return r;
}
