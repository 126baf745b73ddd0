/* SPDX-License-Identifier: ISC */
/*
 * The CA's directory, for the files of this room. ca.pem is the bundle (crypto/bundle.h) and says which CA
 * signs: its first. Its key is the one of ca.key and next.key that belongs to it, so that replacing ca.pem is
 * the one step by which the site goes over to another CA.
 */
#pragma once

#include "crypto/bundle.h"

/* New certificates and lists begin a little in the past, because a site's clocks differ. */
#define CA_BACKDATE_MS (5 * 60 * 1000)
#define CA_ID_SIZE 17 /* hex, and the NUL */

/* Takes the lock of the directory; returns a descriptor, or a negative errno value. */
int ca_files_lock(const char *dir, struct error *err);
void ca_files_unlock(int *fd);
int ca_files_give(const char *dir, const char *path, struct error *err);
/* What the lists call a CA: the beginning of its key's thumbprint. */
void ca_files_id(X509 *ca, char ret[CA_ID_SIZE]);
int ca_files_key_of(const char *dir, X509 *ca, EVP_PKEY **ret, struct error *err);
/* The CAs, and the key of the first. */
int ca_files_load(const char *dir, EVP_PKEY **ret_key, struct bundle *ret, struct error *err);
int ca_files_save_bundle(const char *dir, const struct bundle *b, struct error *err);
/* Writes ca.crl from `revoked`, a list for each CA of b, with numbers one higher than the lists there were.
 * The lock is held by the caller. */
int ca_files_write_crl(const char *dir, const struct bundle *b, time_ms now, struct error *err);

/* Lists: lines of words in files of the directory, which is locked. */

#define CA_LIST_FIELDS 5
#define CA_LIST_FIELDS_MIN 4 /* lines of older programs have so many */

struct ca_list_line {
	const char *fields[CA_LIST_FIELDS]; /* NULL: it has no more */
};

/* The whole list, or an empty text where there is none yet. */
int ca_list_read(const char *dir, const char *name, char **ret, struct error *err);
int ca_list_append(const char *dir, const char *name, const char *line, struct error *err);
/* Cuts the next line off text into its words; false at the end. A line with fewer words is passed over. */
bool ca_list_next(char **text, struct ca_list_line *ret);
/* Whether a line begins with this word. */
bool ca_list_has(const char *list, const char *word);
