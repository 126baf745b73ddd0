/* SPDX-License-Identifier: ISC */
/*
 * The run directory: strongswan.conf, swanctl/swanctl.conf, and links to certificates and key where swanctl
 * looks for them, so that a renewed file is the one that the next load reads.
 */
#include "base/file.h"
#include "softwire/ike_internal.h"

#include "crypto/bundle.h"
#include "crypto/secret.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct material {
	char *identity, *radius_secret, *password;
	struct ike_psk_list psk;
};

static void clear_material(struct material *m)
{
	free(m->identity);
	secret_free(m->radius_secret);
	secret_free(m->password);
	ike_psk_clear(&m->psk);
}

static int load_material(const struct ike_setup *s, struct material *ret, struct error *err)
{
	const struct ike_options *o = s->options;
	struct material m = { 0 };
	int r = ike_own_identity(s, &m.identity, err);
	if (r == 0 && *o->psk_file)
		r = ike_psk_load(o->psk_file, &m.psk, NULL, err);
	if (r == 0 && *o->ike_radius_secret)
		r = secret_read(o->ike_radius_secret, &m.radius_secret, err);
	if (r == 0 && *o->eap_password_file)
		r = secret_read(o->eap_password_file, &m.password, err);
	if (r == 0 && m.radius_secret && strpbrk(m.radius_secret, "\"\\"))
		r = error_set(err, -EINVAL, "%s: charon cannot have \" and \\ in it", o->ike_radius_secret);
	if (r < 0)
		clear_material(&m);
	else
		*ret = m;
	return r;
}

static void print_one(
        const struct ike_setup *s, const struct material *m, bool swanctl, bool secrets, FILE *out)
{
	if (swanctl)
		ike_print_swanctl(s, m->identity, &m->psk, m->password, secrets, out);
	else
		ike_print_strongswan(s, secrets ? m->radius_secret : NULL, out);
}

int ike_print_configuration(const struct ike_setup *setup, FILE *out, struct error *err)
{
	struct material m;
	int r = load_material(setup, &m, err);
	if (r < 0)
		return r;
	fprintf(out, "# ---- strongswan.conf ----\n");
	print_one(setup, &m, false, false, out);
	fprintf(out, "# ---- swanctl.conf ----\n");
	print_one(setup, &m, true, false, out);
	clear_material(&m);
	return 0;
}

/* Written by root, read by charon's user. */
static int give(const struct ike_setup *s, const char *path, struct error *err)
{
	if (geteuid() == 0 && lchown(path, s->uid, s->gid) < 0)
		return error_set(err, -errno, "%s: %s", path, strerror(errno));
	return 0;
}

static int write_one(const struct ike_setup *s, const struct material *m, const char *name, bool swanctl,
        struct error *err)
{
	char *path = xasprintf("%s/%s", s->run_directory, name), *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);
	int r = out ? 0 : error_set(err, -ENOMEM, "%s: no memory", path);
	if (out) {
		print_one(s, m, swanctl, true, out);
		if (fclose(out) != 0)
			r = error_set(err, -ENOMEM, "%s: no memory", path);
	}
	if (r == 0)
		r = file_replace(path, text, length, 0600, err);
	if (r == 0)
		r = give(s, path, err);
	if (text)
		OPENSSL_cleanse(text, length);
	free(text);
	free(path);
	return r;
}

/* swanctl/FOLDER/NAME -> target; away where there is none. */
static int link_file(const struct ike_setup *s, const char *folder, const char *name, const char *target,
        struct error *err)
{
	char *directory = xasprintf("%s/swanctl/%s", s->run_directory, folder);
	char *path = xasprintf("%s/%s", directory, name);
	int r = file_make_directory(directory, 0700, err);
	if (r == 0)
		r = give(s, directory, err);
	if (r == 0 && unlink(path) < 0 && errno != ENOENT)
		r = error_set(err, -errno, "%s: %s", path, strerror(errno));
	if (r == 0 && *target && symlink(target, path) < 0)
		r = error_set(err, -errno, "%s: %s", path, strerror(errno));
	free(path);
	free(directory);
	return r;
}

/* The i-th of a file with several, as a file of its own; away where it has not so many. */
static int write_further(const struct ike_setup *s, const char *folder, const char *name, size_t i,
        const char *text, struct error *err)
{
	char *path FREE_ON_EXIT =
	        xasprintf("%s/swanctl/%s/%s-%zu.pem", s->run_directory, folder, name, i + 1);
	int r = 0;
	if (text)
		r = file_replace(path, text, strlen(text), 0600, err);
	else if (unlink(path) < 0 && errno != ENOENT)
		r = error_set(err, -errno, "%s: %s", path, strerror(errno));
	return r == 0 && text ? give(s, path, err) : r;
}

/* Of a file with several CAs, or lists, charon reads the first one only. */
static int write_bundle(const struct ike_setup *s, struct error *err)
{
	struct bundle trusted CLEANUP(bundle_clear) = { 0 };
	struct bundle_crls crls CLEANUP(bundle_clear_crls) = { 0 };
	const struct ike_options *o = s->options;
	int r = 0;
	if (!*o->ca || bundle_load(o->ca, &trusted, NULL) < 0)
		trusted.n = 0; /* another organisation's: one certificate, of whatever form */
	if (trusted.n > 1 && *o->crl)
		r = bundle_load_crls(&trusted, o->crl, &crls, err);
	for (size_t i = 1; r == 0 && i < BUNDLE_MAX; i++) {
		struct bundle one = { .n = i < trusted.n };
		struct bundle_crls list = { .n = i < crls.n };
		one.certificates[0] = one.n ? trusted.certificates[i] : NULL;
		list.lists[0] = list.n ? crls.lists[i] : NULL;
		char *ca FREE_ON_EXIT = one.n ? bundle_format(&one, err) : NULL;
		char *crl FREE_ON_EXIT = list.n ? bundle_format_crls(&list, err) : NULL;
		r = write_further(s, "x509ca", "ca", i, ca, err);
		if (r == 0)
			r = write_further(s, "x509crl", "crl", i, crl, err);
	}
	return r;
}

static int link_files(const struct ike_setup *s, struct error *err)
{
	/* swanctl complains of each that is not there. */
	static const char *const empty[] = { "x509ocsp", "x509aa", "x509ac", "pubkey", "rsa", "ecdsa",
		"bliss", "pkcs8", "pkcs12" };
	const struct ike_options *o = s->options;
	int r = 0;
	for (size_t i = 0; r == 0 && i < ARRAY_LENGTH(empty); i++)
		r = link_file(s, empty[i], "none", "", err);
	if (r == 0)
		r = link_file(s, "x509", "certificate.pem", o->certificate, err);
	if (r == 0)
		r = link_file(s, "private", "key.pem", o->key, err);
	if (r == 0)
		r = link_file(s, "x509ca", "ca.pem", o->ca, err);
	if (r == 0)
		r = link_file(s, "x509crl", "crl.pem", o->crl, err);
	if (r == 0)
		r = write_bundle(s, err);
	return r;
}

int ike_write_configuration(const struct ike_setup *setup, struct error *err)
{
	struct material m;
	int r = load_material(setup, &m, err);
	if (r < 0)
		return r;
	r = link_files(setup, err);
	if (r == 0)
		r = write_one(setup, &m, "strongswan.conf", false, err);
	if (r == 0)
		r = write_one(setup, &m, "swanctl/swanctl.conf", true, err);
	clear_material(&m);
	return r;
}
