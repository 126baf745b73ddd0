/* SPDX-License-Identifier: ISC */
/* Key pairs: P-256 or Ed25519, in PEM files that only their owner can read; signatures and thumbprints. */
#pragma once

#include "base/error.h"
#include <openssl/evp.h>
#include <stdbool.h>

#define KEY_THUMBPRINT_SIZE 32
#define KEY_SIGNATURE_MAX 80

enum key_kind { KEY_P256, KEY_ED25519 };

static inline void key_free_pointer(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

/* -EINVAL for a key that is neither P-256 nor Ed25519. */
int key_get_kind(const EVP_PKEY *key, enum key_kind *ret);
/* "p256" or "ed25519", as the command line and the configuration have it. */
const char *key_kind_name(enum key_kind kind);
int key_kind_parse(const char *name, enum key_kind *ret);
int key_generate(enum key_kind kind, EVP_PKEY **ret, struct error *err);
/* Written 0600, atomically. */
int key_save(EVP_PKEY *key, const char *path, struct error *err);
/* The same, encrypted by a passphrase (PKCS #8, AES-256); NULL: not. */
int key_save_encrypted(EVP_PKEY *key, const char *path, const char *passphrase, struct error *err);
/* -EPERM for a file that others can read, -ENOKEY for an encrypted key, -EINVAL for anything else but a key
 * of the two kinds. */
int key_load(const char *path, EVP_PKEY **ret, struct error *err);
/* Also one that is encrypted by this passphrase; NULL: as key_load(). */
int key_load_encrypted(const char *path, const char *passphrase, EVP_PKEY **ret, struct error *err);
/* SHA-256 of the DER SubjectPublicKeyInfo (RFC 9711 6 uses the same idea for `cnf`). */
int key_thumbprint(EVP_PKEY *key, uint8_t ret[KEY_THUMBPRINT_SIZE]);
/* ECDSA over SHA-256 (raw r||s, 64 bytes, as JWS has it) or Ed25519 (64 bytes). */
int key_sign(EVP_PKEY *key, const void *data, size_t length, uint8_t ret_signature[64], struct error *err);
/* 0 for a good signature, -EBADMSG for a bad one. */
int key_verify(
        EVP_PKEY *key, const void *data, size_t length, const uint8_t *signature, size_t signature_length);
/* A public key from its DER SubjectPublicKeyInfo; -EINVAL for trailing bytes or another kind of key. */
int key_from_der(const uint8_t *der, size_t length, EVP_PKEY **ret, struct error *err);
void sha256_bytes(const void *data, size_t length, uint8_t ret[32]);
