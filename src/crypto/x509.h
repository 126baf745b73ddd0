/* SPDX-License-Identifier: ISC */
/*
 * The site CA and the certificates that it issues. The subject CN is the name, a node id that survives key
 * renewal; the role is in the subject OU: "node", "server", "enforcer", "vis", "monitor", "operator" or
 * "concentrator". Nobody is taken for another role.
 */
#pragma once

#include "base/clock.h"
#include "crypto/key.h"
#include <openssl/x509.h>

enum identity_role {
	ROLE_NODE = 1,
	ROLE_SERVER,
	ROLE_ENFORCER,
	ROLE_VIS,
	ROLE_MONITOR,
	ROLE_OPERATOR,
	ROLE_CONCENTRATOR
};
const char *identity_role_name(enum identity_role role);
int identity_role_parse(const char *name, enum identity_role *ret);

/* RFC 5280 appendix A.1, ub-common-name: longer names are refused by other people's software. */
#define IDENTITY_NAME_MAX 64
#define IDENTITY_SITE_MAX 64
#define REQUEST_DER_MAX 8192 /* bytes of a PKCS#10 request */
#define CA_ALT_NAMES_MAX 32
#define CA_DAYS_MAX 3650
#define CA_LIFETIME_MIN_MS 5000

struct identity {
	char name[256];
	enum identity_role role;
	char serial[41]; /* hex */
	uint8_t thumbprint[KEY_THUMBPRINT_SIZE];
	time_ms not_before, not_after;
};

/* 1 to IDENTITY_NAME_MAX characters of a-z 0-9 - . _ that begin and end with a letter or a digit; -EINVAL
 * with the reason. */
int identity_check_name(const char *name, struct error *err);

/* Makes dir with ca.key (0600), ca.pem; -EEXIST if there is one. The CA certificate is valid ten years. */
int ca_init(const char *dir, const char *site, enum key_kind kind, struct error *err);
/* A key pair and its certificate, signed by the CA in dir: name.key (0600) and name.pem in out_dir. dns_names
 * (NULL-terminated, may be NULL) go into subjectAltName; name is always there. */
int ca_issue(const char *ca_dir, enum identity_role role, const char *name, const char *const *alt_names,
        enum key_kind kind, int days, const char *out_dir, struct error *err);
/* Certificate for a CSR (PKCS#10, DER): its self-signature is checked, its names are ignored; name and role
 * are ours to give. */
int ca_sign_request(EVP_PKEY *ca_key, X509 *ca, const void *der, size_t length, const char *name,
        enum identity_role role, int days, X509 **ret, struct error *err);
/* The same with the validity given: not_after is cut to the CA's own. */
int ca_sign_request_until(EVP_PKEY *ca_key, X509 *ca, const void *der, size_t length, const char *name,
        enum identity_role role, time_ms not_before, time_ms not_after, X509 **ret, struct error *err);
/* The same by whichever CA of the directory signs now (a rollover changes it), for lifetime_ms from now. */
int ca_enrol(const char *dir, const void *der, size_t length, const char *name, enum identity_role role,
        int64_t lifetime_ms, X509 **ret, struct error *err);
/* The same for somebody who holds `old`, a certificate of one of the directory's CAs: name, role and
 * alternative names stay as they were. */
int ca_renew(const char *dir, const void *der, size_t length, X509 *old, int64_t lifetime_ms, X509 **ret,
        struct error *err);
/* Renews the pair in the two files, with a new key, where the CA's directory is at hand. */
int ca_reissue(
        const char *dir, const char *certificate_path, const char *key_path, int days, struct error *err);
/* Appends what was issued to the file `issued` of the CA's directory, so that it can be revoked by name. */
int ca_record(const char *ca_dir, X509 *certificate, struct error *err);
/* The same for a renewal of `old`, in one step with the check that old is not revoked (-EKEYREVOKED):
 * otherwise somebody could renew himself out of a revocation before the new list has reached the server. */
int ca_record_renewal(const char *ca_dir, X509 *certificate, X509 *old, struct error *err);
/* A PKCS#10 request in DER for key; caller frees with free(). */
int request_make(EVP_PKEY *key, const char *name, uint8_t **ret_der, size_t *ret_length, struct error *err);
/* 0 for a request that ca_sign_request() would sign: its form, its kind of key, its signature. */
int request_check(const void *der, size_t length, struct error *err);
/* -EPERM unless the certificate is valid now, signed by ca, and for key. */
int certificate_check(X509 *certificate, X509 *ca, EVP_PKEY *key, time_ms now, struct error *err);
int certificate_load(const char *path, X509 **ret, struct error *err);
int certificate_save(X509 *certificate, const char *path, struct error *err);
/* Name and role as the certificate states them: who signed it is not checked here. -EINVAL unless there is
 * exactly one CN with a valid name and one OU with a known role. */
int certificate_identity(X509 *certificate, struct identity *ret, struct error *err);

/*
 * Revocation. The CA's directory has `issued` (one line a certificate: serial, expiry, role, name), `revoked`
 * (serial, time, reason, name; for people) and `ca.crl`, the signed list made from it (RFC 5280 5), valid
 * until the CA expires: freshness is the distributor's affair, a stale file must not lock a whole site out.
 */

/* Revokes the certificate with that serial (hex), or all unexpired ones with that name, at `now`. ret_count
 * may be NULL. -ENOENT if none was issued; -EALREADY if all were revoked before. A certificate that is not in
 * `issued` can be revoked by serial only. */
int ca_revoke(const char *ca_dir, const char *name_or_serial, const char *reason, time_ms now,
        size_t *ret_count, struct error *err);
int crl_load(const char *path, X509_CRL **ret, struct error *err);

/* For the files of this room: a self-signed root of that number among the site's. */
int ca_make_root(const char *site, unsigned number, EVP_PKEY *key, X509 **ret, struct error *err);
