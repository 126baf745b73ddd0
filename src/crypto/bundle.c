/* SPDX-License-Identifier: ISC */
#include "crypto/bundle.h"

#include "base/file.h"
#include "crypto/openssl.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

void bundle_clear(struct bundle *b)
{
	for (size_t i = 0; i < b->n; i++)
		X509_free(b->certificates[i]);
	*b = (struct bundle){ 0 };
}

bool bundle_has(const struct bundle *b, const X509 *ca)
{
	for (size_t i = 0; i < b->n; i++)
		if (X509_cmp(b->certificates[i], ca) == 0)
			return true;
	return false;
}

bool bundle_equal(const struct bundle *a, const struct bundle *b)
{
	bool same = a->n == b->n;
	for (size_t i = 0; same && i < a->n; i++)
		same = X509_cmp(a->certificates[i], b->certificates[i]) == 0;
	return same;
}

/* True at the end of the text, false where something that looked like PEM was not. */
static bool ended_well(void)
{
	unsigned long code = ERR_peek_last_error();
	bool well = ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
	if (well)
		openssl_forget_errors();
	return well;
}

/* Takes the certificate over where it is a root CA that is not there yet. */
static int add(struct bundle *b, X509 *ca, struct error *err)
{
	if (X509_check_ca(ca) != 1 || X509_check_issued(ca, ca) != X509_V_OK ||
	        X509_verify(ca, X509_get0_pubkey(ca)) != 1)
		return openssl_error(err, -EINVAL, "not the certificate of a root CA");
	if (bundle_has(b, ca))
		return error_set(err, -EINVAL, "the same CA twice");
	if (b->n == BUNDLE_MAX)
		return error_set(err, -EINVAL, "more than %d CAs", BUNDLE_MAX);
	b->certificates[b->n++] = ca;
	return 0;
}

int bundle_parse(const char *pem, size_t length, struct bundle *ret, struct error *err)
{
	struct bundle found CLEANUP(bundle_clear) = { 0 };
	if (length > BUNDLE_FILE_MAX)
		return error_set(err, -EINVAL, "more than %u bytes of CAs", BUNDLE_FILE_MAX);
	BIO *bio CLEANUP(bio_free_pointer) = BIO_new_mem_buf(pem, (int)length);
	int r = 0;
	for (X509 *ca; r == 0 && bio && (ca = PEM_read_bio_X509(bio, NULL, NULL, NULL));) {
		r = add(&found, ca, err);
		if (r < 0)
			X509_free(ca);
	}
	if (r < 0)
		return r;
	if (!bio || !ended_well() || found.n == 0)
		return openssl_error(err, -EINVAL, "not a certificate in PEM");
	*ret = found;
	found = (struct bundle){ 0 };
	return 0;
}

int bundle_load(const char *path, struct bundle *ret, struct error *err)
{
	char *pem FREE_ON_EXIT = NULL;
	size_t length;
	int r = file_read(path, BUNDLE_FILE_MAX, &pem, &length, err);
	if (r < 0)
		return r;
	r = bundle_parse(pem, length, ret, err);
	return r < 0 ? error_prefix(err, r, "%s", path) : 0;
}

static char *take_text(BIO *bio)
{
	char *text;
	long length = BIO_get_mem_data(bio, &text);
	return xstrndup(text, (size_t)length);
}

char *bundle_format(const struct bundle *b, struct error *err)
{
	BIO *bio CLEANUP(bio_free_pointer) = BIO_new(BIO_s_mem());
	bool good = bio != NULL;
	for (size_t i = 0; good && i < b->n; i++)
		good = PEM_write_bio_X509(bio, b->certificates[i]) == 1;
	if (good)
		return take_text(bio);
	(void)openssl_error(err, -EIO, "cannot encode the CAs");
	return NULL;
}

X509 *bundle_issuer(const struct bundle *b, X509 *certificate)
{
	X509 *found = NULL;
	for (size_t i = 0; i < b->n && !found; i++)
		if (X509_check_issued(b->certificates[i], certificate) == X509_V_OK &&
		        X509_verify(certificate, X509_get0_pubkey(b->certificates[i])) == 1)
			found = b->certificates[i];
	openssl_forget_errors();
	return found;
}

int bundle_check(const struct bundle *b, X509 *certificate, EVP_PKEY *key, time_ms now, struct error *err)
{
	X509 *issuer = bundle_issuer(b, certificate);
	if (!issuer)
		return error_set(err, -EPERM, "the certificate is not signed by the site's CA");
	return certificate_check(certificate, issuer, key, now, err);
}

/* Revocation lists. */

void bundle_clear_crls(struct bundle_crls *c)
{
	for (size_t i = 0; i < c->n; i++)
		X509_CRL_free(c->lists[i]);
	*c = (struct bundle_crls){ 0 };
}

static X509 *signer_of(const struct bundle *trusted, X509_CRL *list)
{
	for (size_t i = 0; i < trusted->n; i++)
		if (X509_NAME_cmp(X509_CRL_get_issuer(list),
		            X509_get_subject_name(trusted->certificates[i])) == 0 &&
		        X509_CRL_verify(list, X509_get0_pubkey(trusted->certificates[i])) == 1)
			return trusted->certificates[i];
	openssl_forget_errors();
	return NULL;
}

static int compare_updates(const X509_CRL *a, const X509_CRL *b)
{
	return ASN1_TIME_compare(X509_CRL_get0_lastUpdate(a), X509_CRL_get0_lastUpdate(b));
}

/* Takes the list over; at most one of a CA stays. */
static void add_list(const struct bundle *trusted, struct bundle_crls *c, X509_CRL *list)
{
	const X509 *signer = signer_of(trusted, list);
	for (size_t i = 0; signer && i < c->n; i++) {
		if (signer_of(trusted, c->lists[i]) != signer)
			continue;
		bool newer = compare_updates(list, c->lists[i]) >= 0;
		X509_CRL_free(newer ? c->lists[i] : list);
		if (newer)
			c->lists[i] = list;
		return;
	}
	if (signer)
		c->lists[c->n++] = list; /* no more than there are CAs */
	else
		X509_CRL_free(list);
}

int bundle_parse_crls(const struct bundle *trusted, const char *pem, size_t length, struct bundle_crls *ret,
        struct error *err)
{
	struct bundle_crls found CLEANUP(bundle_clear_crls) = { 0 };
	if (length > BUNDLE_CRL_FILE_MAX)
		return error_set(err, -EINVAL, "more than %u bytes of revocation lists", BUNDLE_CRL_FILE_MAX);
	BIO *bio CLEANUP(bio_free_pointer) = BIO_new_mem_buf(pem, (int)length);
	size_t n = 0;
	for (X509_CRL *list; bio && (list = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL)); n++)
		add_list(trusted, &found, list);
	if (!bio || !ended_well() || n == 0)
		return openssl_error(err, -EINVAL, "not a certificate revocation list in PEM");
	if (found.n < trusted->n)
		return error_set(err, -EINVAL, "%s",
		        found.n ? "there is no list for each of the CAs" : "not signed by the CA");
	*ret = found;
	found = (struct bundle_crls){ 0 };
	return 0;
}

int bundle_load_crls(
        const struct bundle *trusted, const char *path, struct bundle_crls *ret, struct error *err)
{
	char *pem FREE_ON_EXIT = NULL;
	size_t length;
	int r = file_read(path, BUNDLE_CRL_FILE_MAX, &pem, &length, err);
	if (r < 0)
		return r;
	r = bundle_parse_crls(trusted, pem, length, ret, err);
	return r < 0 ? error_prefix(err, r, "%s", path) : 0;
}

char *bundle_format_crls(const struct bundle_crls *c, struct error *err)
{
	BIO *bio CLEANUP(bio_free_pointer) = BIO_new(BIO_s_mem());
	bool good = bio != NULL;
	for (size_t i = 0; good && i < c->n; i++)
		good = PEM_write_bio_X509_CRL(bio, c->lists[i]) == 1;
	if (good)
		return take_text(bio);
	(void)openssl_error(err, -EIO, "cannot encode the revocation lists");
	return NULL;
}

bool bundle_revokes(const struct bundle_crls *c, X509 *certificate)
{
	X509_REVOKED *entry;
	for (size_t i = 0; i < c->n; i++)
		if (X509_CRL_get0_by_serial(c->lists[i], &entry, X509_get_serialNumber(certificate)) == 1)
			return true;
	return false;
}
