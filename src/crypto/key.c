/* SPDX-License-Identifier: ISC */
/*
 * Keys on OpenSSL's EVP interface. Two kinds exist and no third is ever accepted: P-256 (ECDSA with SHA-256,
 * FIPS 186-5) and Ed25519 (RFC 8032). Signatures are 64 raw bytes in both, which is what JWS wants (RFC
 * 7518 3.4, RFC 8037 3.1).
 */
#include "crypto/key.h"

#include "base/file.h"
#include "crypto/openssl.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>
#include <string.h>

#define KEY_FILE_MAX 16384
#define KEY_DER_MAX 4096
#define KEY_P256_HALF 32

static const char *const key_kind_names[] = { [KEY_P256] = "p256", [KEY_ED25519] = "ed25519" };

const char *key_kind_name(enum key_kind kind)
{
	return key_kind_names[kind];
}

int key_kind_parse(const char *name, enum key_kind *ret)
{
	for (size_t i = 0; i < ARRAY_LENGTH(key_kind_names); i++) {
		if (strcmp(name, key_kind_names[i]) == 0) {
			*ret = (enum key_kind)i;
			return 0;
		}
	}
	return -EINVAL;
}

int key_get_kind(const EVP_PKEY *key, enum key_kind *ret)
{
	char group[32];
	if (EVP_PKEY_is_a(key, "ED25519")) {
		*ret = KEY_ED25519;
		return 0;
	}
	if (!EVP_PKEY_is_a(key, "EC") || EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) != 1 ||
	        strcmp(group, "prime256v1") != 0)
		return -EINVAL;
	*ret = KEY_P256;
	return 0;
}

int key_generate(enum key_kind kind, EVP_PKEY **ret, struct error *err)
{
	EVP_PKEY *key = kind == KEY_ED25519 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
	                                    : EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	if (!key)
		return openssl_error(err, -EIO, "cannot generate a %s key", key_kind_names[kind]);
	*ret = key;
	return 0;
}

int key_save(EVP_PKEY *key, const char *path, struct error *err)
{
	return key_save_encrypted(key, path, NULL, err);
}

int key_save_encrypted(EVP_PKEY *key, const char *path, const char *passphrase, struct error *err)
{
	/* A memory BIO of the secure kind: its buffer is wiped when it is freed. */
	BIO *bio CLEANUP(bio_free_pointer) = BIO_new(BIO_s_secmem());
	const EVP_CIPHER *cipher = passphrase ? EVP_aes_256_cbc() : NULL;
	char *pem;
	if (!bio ||
	        PEM_write_bio_PKCS8PrivateKey(bio, key, cipher, passphrase,
	                passphrase ? (int)strlen(passphrase) : 0, NULL, NULL) != 1)
		return openssl_error(err, -EIO, "%s: cannot encode the key", path);
	long length = BIO_get_mem_data(bio, &pem);
	return file_replace(path, pem, (size_t)length, 0600, err);
}

/* Instead of OpenSSL's own callback, which would ask on the terminal. */
static int give_passphrase(char *buffer, int size, int writing, void *passphrase)
{
	size_t n = passphrase ? strlen(passphrase) : 0;
	if (n == 0 || n > (size_t)size)
		return -1;
	for (size_t i = 0; i < n; i++) /* its NUL is not wanted */
		buffer[i] = ((const char *)passphrase)[i];
	return (int)n;
}

int key_load(const char *path, EVP_PKEY **ret, struct error *err)
{
	return key_load_encrypted(path, NULL, ret, err);
}

int key_load_encrypted(const char *path, const char *passphrase, EVP_PKEY **ret, struct error *err)
{
	char *pem FREE_ON_EXIT = NULL;
	size_t length = 0;
	int r = file_check_private(path, err);
	if (r == 0)
		r = file_read(path, KEY_FILE_MAX, &pem, &length, err);
	if (r < 0)
		return r;
	BIO *bio CLEANUP(bio_free_pointer) = BIO_new_mem_buf(pem, (int)length);
	EVP_PKEY *key CLEANUP(key_free_pointer) =
	        bio ? PEM_read_bio_PrivateKey(bio, NULL, give_passphrase, (void *)passphrase) : NULL;
	const bool sealed = pem && strstr(pem, "ENCRYPTED"); /* of the label, or of the older Proc-Type */
	OPENSSL_cleanse(pem, length);
	enum key_kind kind;
	if (!key && sealed && !passphrase) {
		openssl_forget_errors();
		return error_set(
		        err, -ENOKEY, "%s: the key is encrypted, and its passphrase is not given", path);
	}
	if (!key)
		return openssl_error(err, -EINVAL,
		        passphrase ? "%s: no private key in PEM that this passphrase opens"
		                   : "%s: not an unencrypted private key in PEM",
		        path);
	if (key_get_kind(key, &kind) < 0)
		return error_set(err, -EINVAL, "%s: neither a P-256 nor an Ed25519 key", path);
	*ret = TAKE_POINTER(key);
	return 0;
}

int key_from_der(const uint8_t *der, size_t length, EVP_PKEY **ret, struct error *err)
{
	const uint8_t *at = der;
	if (length > KEY_DER_MAX)
		return error_set(err, -EINVAL, "public key: larger than %d bytes", KEY_DER_MAX);
	EVP_PKEY *key CLEANUP(key_free_pointer) = d2i_PUBKEY(NULL, &at, (long)length);
	enum key_kind kind;
	if (!key || at != der + length)
		return openssl_error(err, -EINVAL, "public key: not a DER SubjectPublicKeyInfo");
	if (key_get_kind(key, &kind) < 0)
		return error_set(err, -EINVAL, "public key: neither P-256 nor Ed25519");
	*ret = TAKE_POINTER(key);
	return 0;
}

/* What comes before the key itself in its SubjectPublicKeyInfo (RFC 5480 2, RFC 8410 4). */
static const uint8_t p256_head[] = { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
	0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00 };
static const uint8_t ed25519_head[] = { 0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21,
	0x00 };

#define P256_POINT 65 /* uncompressed */
#define ED25519_KEY 32

/* The SubjectPublicKeyInfo of a key of the usual form; 0 for others. OpenSSL's own encoder takes longer than
 * a signature, and every handshake needs this. */
static size_t usual_der(const EVP_PKEY *key, uint8_t ret[sizeof(p256_head) + P256_POINT])
{
	enum key_kind kind;
	size_t n = 0;
	if (key_get_kind(key, &kind) < 0)
		return 0;
	const uint8_t *head = kind == KEY_P256 ? p256_head : ed25519_head;
	const size_t head_size = kind == KEY_P256 ? sizeof(p256_head) : sizeof(ed25519_head),
	             size = kind == KEY_P256 ? P256_POINT : ED25519_KEY;
	memcpy(ret, head, head_size);
	if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, ret + head_size, size, &n) == 1 &&
	        n == size)
		return head_size + size;
	openssl_forget_errors();
	return 0;
}

int key_thumbprint(EVP_PKEY *key, uint8_t ret[KEY_THUMBPRINT_SIZE])
{
	uint8_t usual[sizeof(p256_head) + P256_POINT];
	const size_t usual_length = usual_der(key, usual);
	unsigned char *der = NULL;
	if (usual_length) {
		sha256_bytes(usual, usual_length, ret);
		return 0;
	}
	int length = i2d_PUBKEY(key, &der);
	if (length <= 0) {
		openssl_forget_errors();
		return -EIO;
	}
	sha256_bytes(der, (size_t)length, ret);
	OPENSSL_free(der);
	return 0;
}

/* ECDSA-Sig-Value in DER to r||s, each 32 bytes. */
static int ecdsa_to_raw(const uint8_t *der, size_t length, uint8_t raw[64])
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)length);
	int ok = sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, KEY_P256_HALF) == KEY_P256_HALF &&
	        BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + KEY_P256_HALF, KEY_P256_HALF) == KEY_P256_HALF;
	ECDSA_SIG_free(sig);
	return ok ? 0 : -EIO;
}

/* r||s to ECDSA-Sig-Value in DER, which fits KEY_SIGNATURE_MAX for P-256; returns its length, 0 on failure.
 */
static size_t ecdsa_from_raw(const uint8_t raw[64], uint8_t der[KEY_SIGNATURE_MAX])
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(raw, KEY_P256_HALF, NULL),
	       *s = BN_bin2bn(raw + KEY_P256_HALF, KEY_P256_HALF, NULL);
	int length = 0;
	if (!sig || !r || !s || ECDSA_SIG_set0(sig, r, s) != 1) {
		BN_free(r);
		BN_free(s);
	} else if (i2d_ECDSA_SIG(sig, NULL) <= KEY_SIGNATURE_MAX) {
		uint8_t *at = der;
		length = i2d_ECDSA_SIG(sig, &at);
	}
	ECDSA_SIG_free(sig);
	return length > 0 ? (size_t)length : 0;
}

int key_sign(EVP_PKEY *key, const void *data, size_t length, uint8_t ret_signature[64], struct error *err)
{
	enum key_kind kind;
	if (key_get_kind(key, &kind) < 0)
		return error_set(err, -EINVAL, "cannot sign: the key is neither P-256 nor Ed25519");
	EVP_MD_CTX *ctx CLEANUP(md_free_pointer) = EVP_MD_CTX_new();
	uint8_t signature[KEY_SIGNATURE_MAX];
	size_t size = sizeof(signature);
	if (!ctx ||
	        EVP_DigestSignInit_ex(ctx, NULL, kind == KEY_P256 ? "SHA256" : NULL, NULL, NULL, key, NULL) !=
	                1 ||
	        EVP_DigestSign(ctx, signature, &size, data, length) != 1)
		return openssl_error(err, -EIO, "cannot sign");
	if (kind == KEY_P256)
		return ecdsa_to_raw(signature, size, ret_signature) < 0
		        ? openssl_error(err, -EIO, "cannot sign: signature out of range")
		        : 0;
	memcpy(ret_signature, signature, 64);
	return 0;
}

int key_verify(
        EVP_PKEY *key, const void *data, size_t length, const uint8_t *signature, size_t signature_length)
{
	uint8_t der[KEY_SIGNATURE_MAX];
	enum key_kind kind;
	if (signature_length != 64 || key_get_kind(key, &kind) < 0)
		return -EBADMSG;
	if (kind == KEY_P256) {
		signature_length = ecdsa_from_raw(signature, der);
		signature = der;
		if (signature_length == 0)
			return -EBADMSG;
	}
	EVP_MD_CTX *ctx CLEANUP(md_free_pointer) = EVP_MD_CTX_new();
	bool good = ctx &&
	        EVP_DigestVerifyInit_ex(
	                ctx, NULL, kind == KEY_P256 ? "SHA256" : NULL, NULL, NULL, key, NULL) == 1 &&
	        EVP_DigestVerify(ctx, signature, signature_length, data, length) == 1;
	openssl_forget_errors();
	return good ? 0 : -EBADMSG;
}

void sha256_bytes(const void *data, size_t length, uint8_t ret[32])
{
	if (EVP_Q_digest(NULL, "SHA256", NULL, data, length, ret, NULL) != 1)
		abort(); /* only without memory or without any provider, where nothing can go on */
}
