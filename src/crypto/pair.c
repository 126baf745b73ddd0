/* SPDX-License-Identifier: ISC */
#include "crypto/pair.h"

#include "crypto/openssl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool belong_together(const char *key_path, const char *certificate_path)
{
	EVP_PKEY *key CLEANUP(key_free_pointer) = NULL;
	X509 *certificate CLEANUP(certificate_free_pointer) = NULL;
	bool good = key_load(key_path, &key, NULL) == 0 &&
	        certificate_load(certificate_path, &certificate, NULL) == 0 &&
	        X509_check_private_key(certificate, key) == 1;
	openssl_forget_errors();
	return good;
}

static int move(const char *from, const char *to, struct error *err)
{
	return rename(from, to) < 0 ? error_set(err, -errno, "%s: %s", to, strerror(errno)) : 0;
}

int pair_finish(const char *key_path, const char *certificate_path, struct error *err)
{
	char *new_key FREE_ON_EXIT = xasprintf("%s.new", key_path);
	char *new_certificate FREE_ON_EXIT = xasprintf("%s.new", certificate_path);
	int r = 0;
	if (access(new_key, F_OK) < 0 && access(new_certificate, F_OK) < 0)
		return 0;
	if (belong_together(new_key, new_certificate))
		r = move(new_certificate, certificate_path, err);
	if (r == 0 && belong_together(new_key, certificate_path))
		return move(new_key, key_path, err);
	if (r == 0) {
		/* The new pair was never whole: the old one is. */
		(void)unlink(new_key);
		(void)unlink(new_certificate);
	}
	return r;
}

/* Root writes for whoever reads: a service's key is the service's. */
static int give_as(const char *old, const char *new, struct error *err)
{
	struct stat st;
	if (geteuid() != 0 || stat(old, &st) < 0)
		return 0;
	return lchown(new, st.st_uid, st.st_gid) < 0 ? error_set(err, -errno, "%s: %s", new, strerror(errno))
	                                             : 0;
}

int pair_replace(const char *key_path, const char *certificate_path, EVP_PKEY *key, X509 *certificate,
        struct error *err)
{
	char *new_key FREE_ON_EXIT = xasprintf("%s.new", key_path);
	char *new_certificate FREE_ON_EXIT = xasprintf("%s.new", certificate_path);
	int r = key_save(key, new_key, err);
	if (r == 0)
		r = give_as(key_path, new_key, err);
	if (r == 0)
		r = certificate_save(certificate, new_certificate, err);
	if (r == 0)
		r = give_as(certificate_path, new_certificate, err);
	if (r < 0) {
		(void)unlink(new_key);
		(void)unlink(new_certificate);
		return r;
	}
	return pair_finish(key_path, certificate_path, err);
}
