/* SPDX-License-Identifier: ISC */
#include "crypto/ca_rollover.h"

#include "base/table.h"
#include "crypto/ca_files.h"
#include "crypto/openssl.h"

#include <errno.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WHO_MAX 128 /* "role name" */
#define NAMED_MAX 5 /* of those who are waited for, in a refusal */
#define ROOT_NUMBER_MAX 999999

const char *ca_phase_name(enum ca_phase phase)
{
	static const char *const names[] = { "steady", "prepared", "switched" };
	return names[phase];
}

/* The directory, read under its lock. */
struct directory {
	const char *path;
	int lock;
	struct bundle cas; /* the first signs */
	enum ca_phase phase;
};

static void directory_close(struct directory *d)
{
	bundle_clear(&d->cas);
	ca_files_unlock(&d->lock);
}

static char *path_of(const struct directory *d, const char *name)
{
	return xasprintf("%s/%s", d->path, name);
}

static bool is_key_of(const struct directory *d, const char *name, X509 *ca)
{
	char *path FREE_ON_EXIT = path_of(d, name);
	EVP_PKEY *key CLEANUP(key_free_pointer) = NULL;
	bool is = access(path, F_OK) == 0 && key_load(path, &key, NULL) == 0 &&
	        X509_check_private_key(ca, key) == 1;
	openssl_forget_errors();
	return is;
}

/* Ends what a crash has left between ca.pem and the keys. */
static int tidy(const struct directory *d, struct error *err)
{
	char *key FREE_ON_EXIT = path_of(d, "ca.key"), *next FREE_ON_EXIT = path_of(d, "next.key");
	if (d->cas.n > 1 || access(next, F_OK) < 0)
		return 0;
	if (is_key_of(d, "next.key", d->cas.certificates[0]))
		return rename(next, key) < 0 ? error_set(err, -errno, "%s: %s", key, strerror(errno)) : 0;
	return unlink(next) < 0 ? error_set(err, -errno, "%s: %s", next, strerror(errno)) : 0;
}

/* d is to be closed whatever this returns. */
static int directory_open(const char *path, struct directory *d, struct error *err)
{
	*d = (struct directory){ .path = path, .lock = -1 };
	char *bundle FREE_ON_EXIT = path_of(d, "ca.pem");
	d->lock = ca_files_lock(path, err);
	if (d->lock < 0)
		return d->lock;
	int r = bundle_load(bundle, &d->cas, err);
	if (r < 0)
		return r;
	if (d->cas.n > 2)
		return error_set(err, -EINVAL, "%s: more than two CAs; a rollover has two", bundle);
	if (d->cas.n == 2)
		d->phase = is_key_of(d, "next.key", d->cas.certificates[0]) ? CA_SWITCHED : CA_PREPARED;
	return 0;
}

/* ---- who has come how far ---- */

static int read_words(
        const struct directory *d, const char *list, const char *id, struct table *ret, struct error *err)
{
	char *text FREE_ON_EXIT = NULL;
	int r = ca_list_read(d->path, list, &text, err);
	char *rest = text;
	for (struct ca_list_line line; r == 0 && ca_list_next(&rest, &line);) {
		char who[WHO_MAX];
		snprintf(who, sizeof(who), "%s %s", line.fields[2], line.fields[3]);
		if (strcmp(line.fields[0], id) == 0)
			table_set_string(ret, who, ret);
	}
	return r;
}

/* What somebody holds: the last of his valid certificates. */
struct holding {
	bool of_id; /* it is of the CA in question */
};

static int read_holders(
        const struct directory *d, const char *id, time_ms now, struct table *ret, struct error *err)
{
	char *issued FREE_ON_EXIT = NULL, *revoked FREE_ON_EXIT = NULL;
	int r = ca_list_read(d->path, "issued", &issued, err);
	if (r == 0)
		r = ca_list_read(d->path, "revoked", &revoked, err);
	if (r < 0)
		return r;
	struct table *serials = table_new();
	char *rest = revoked;
	for (struct ca_list_line line; ca_list_next(&rest, &line);)
		table_set_string(serials, line.fields[0], serials);
	rest = issued;
	for (struct ca_list_line line; ca_list_next(&rest, &line);) {
		char who[WHO_MAX];
		time_ms end;
		if (clock_parse(line.fields[1], &end) < 0 || end <= now ||
		        table_get_string(serials, line.fields[0]))
			continue;
		snprintf(who, sizeof(who), "%s %s", line.fields[2], line.fields[3]);
		struct holding *h = table_get_string(ret, who);
		if (!h) {
			h = xcalloc(1, sizeof(*h));
			table_set_string(ret, who, h);
		}
		h->of_id = line.fields[4] && strcmp(line.fields[4], id) == 0;
	}
	table_free(serials, NULL);
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_waiting(struct ca_rollover *r, const struct table_iterator *it)
{
	r->waiting = xrealloc_array(r->waiting, r->n_waiting + 1, sizeof(*r->waiting));
	r->waiting[r->n_waiting++] = xstrndup(it->key, it->key_length);
}

enum waited { WAIT_NOBODY, WAIT_UNLISTED, WAIT_HOLDERS };

/* Of those who hold a certificate: who is not on the list under this CA, or whose last one is of it. */
static int find_waiting(const struct directory *d, enum waited whom, const char *list, X509 *ca, time_ms now,
        struct ca_rollover *ret, struct error *err)
{
	char id[CA_ID_SIZE];
	struct table *holders = table_new(), *done = table_new();
	ca_files_id(ca, id);
	int r = read_holders(d, id, now, holders, err);
	if (r == 0 && whom == WAIT_UNLISTED)
		r = read_words(d, list, id, done, err);
	ret->n_identities = table_count(holders);
	TABLE_FOREACH(it, holders) {
		const struct holding *h = it.value;
		bool waits = whom == WAIT_HOLDERS ? h->of_id
		        : whom == WAIT_UNLISTED   ? !table_get(done, it.key, it.key_length)
		                                  : false;
		if (r == 0 && waits)
			add_waiting(ret, &it);
	}
	table_free(holders, free);
	table_free(done, NULL);
	if (ret->n_waiting)
		qsort(ret->waiting, ret->n_waiting, sizeof(*ret->waiting), compare_names);
	return r;
}

/* Whom the next step forward waits for. */
static int find_next_waiting(
        const struct directory *d, time_ms now, struct ca_rollover *ret, struct error *err)
{
	if (d->phase == CA_PREPARED)
		return find_waiting(d, WAIT_UNLISTED, "trusting", d->cas.certificates[1], now, ret, err);
	return find_waiting(d, d->phase == CA_SWITCHED ? WAIT_UNLISTED : WAIT_NOBODY, "moved",
	        d->cas.certificates[0], now, ret, err);
}

static void describe(X509 *ca, char name[65], time_ms *end)
{
	struct tm tm;
	if (X509_NAME_get_text_by_NID(X509_get_subject_name(ca), NID_commonName, name, 65) < 0)
		name[0] = '\0';
	*end = ASN1_TIME_to_tm(X509_get0_notAfter(ca), &tm) == 1 ? (time_ms)timegm(&tm) * 1000 : 0;
}

void ca_rollover_clear(struct ca_rollover *r)
{
	for (size_t i = 0; i < r->n_waiting; i++)
		free(r->waiting[i]);
	free(r->waiting);
	*r = (struct ca_rollover){ 0 };
}

int ca_rollover_read(const char *dir, time_ms now, struct ca_rollover *ret, struct error *err)
{
	struct directory d CLEANUP(directory_close);
	struct ca_rollover found = { 0 };
	int r = directory_open(dir, &d, err);
	if (r < 0)
		return r;
	found.phase = d.phase;
	describe(d.cas.certificates[0], found.signer, &found.signer_ends);
	if (d.cas.n > 1)
		describe(d.cas.certificates[1], found.other, &found.other_ends);
	r = find_next_waiting(&d, now, &found, err);
	if (r < 0) {
		ca_rollover_clear(&found);
		return r;
	}
	*ret = found;
	return 0;
}

/* ---- the steps ---- */

static int refuse_waiting(const struct ca_rollover *w, const char *what, struct error *err)
{
	char names[NAMED_MAX * (WHO_MAX + 2) + 32] = "";
	size_t n = 0;
	for (size_t i = 0; i < w->n_waiting && i < NAMED_MAX; i++)
		n += (size_t)snprintf(names + n, sizeof(names) - n, "%s%s", i ? ", " : "", w->waiting[i]);
	if (w->n_waiting > NAMED_MAX)
		snprintf(names + n, sizeof(names) - n, " and %zu more", w->n_waiting - NAMED_MAX);
	return error_set(err, -EBUSY, "%s: %s; --force does it all the same, at their cost", what, names);
}

/* The order of the CAs from now on; the lists are there before anybody trusts a CA, and go after. */
static int use_bundle(const struct directory *d, const struct bundle *b, time_ms now, struct error *err)
{
	int r = b->n > d->cas.n ? ca_files_write_crl(d->path, b, now, err) : 0;
	if (r == 0)
		r = ca_files_save_bundle(d->path, b, err);
	if (r == 0)
		r = ca_files_write_crl(d->path, b, now, err);
	return r;
}

/* The site's name and the number of its next root, from those that it has. */
static int next_root(const struct directory *d, EVP_PKEY *key, X509 **ret, struct error *err)
{
	char site[IDENTITY_SITE_MAX + 1], name[65];
	time_ms end;
	unsigned number = 1;
	X509 *ca = d->cas.certificates[0];
	if (X509_NAME_get_text_by_NID(X509_get_subject_name(ca), NID_organizationName, site, sizeof(site)) <=
	        0)
		return error_set(err, -EINVAL, "the CA in %s/ca.pem does not name its site", d->path);
	describe(ca, name, &end);
	const char *last = strrchr(name, ' ');
	if (last && strspn(last + 1, "0123456789") == strlen(last + 1) && last[1] && strlen(last + 1) <= 6)
		number = (unsigned)strtoul(last + 1, NULL, 10);
	return ca_make_root(site, number >= ROOT_NUMBER_MAX ? 2 : number + 1, key, ret, err);
}

int ca_rollover_prepare(const char *dir, enum key_kind kind, time_ms now, struct error *err)
{
	struct directory d CLEANUP(directory_close);
	EVP_PKEY *key CLEANUP(key_free_pointer) = NULL;
	X509 *ca CLEANUP(certificate_free_pointer) = NULL;
	int r = directory_open(dir, &d, err);
	if (r == 0 && d.phase != CA_STEADY)
		r = error_set(err, -EALREADY, "%s: a rollover is under way, %s already", dir,
		        ca_phase_name(d.phase));
	if (r == 0)
		r = tidy(&d, err);
	if (r == 0)
		r = key_generate(kind, &key, err);
	if (r == 0)
		r = next_root(&d, key, &ca, err);
	if (r < 0)
		return r;
	char *path FREE_ON_EXIT = path_of(&d, "next.key");
	r = key_save(key, path, err);
	if (r == 0)
		r = ca_files_give(dir, path, err);
	const struct bundle both = { { d.cas.certificates[0], ca }, 2 };
	return r < 0 ? r : use_bundle(&d, &both, now, err);
}

/* Opens it for the step that follows phase, unless somebody would lose access by it. otherwise: said of
 * another phase; of_those: of whoever is waited for. The caller closes d, also on failure. */
static int open_step(const char *dir, enum ca_phase phase, const char *otherwise, const char *of_those,
        bool force, time_ms now, struct directory *d, struct error *err)
{
	struct ca_rollover w CLEANUP(ca_rollover_clear) = { 0 };
	int r = directory_open(dir, d, err);
	if (r == 0 && d->phase != phase)
		r = error_set(err, -EPROTO, "%s: the CA is %s; %s", dir, ca_phase_name(d->phase), otherwise);
	if (r == 0)
		r = find_next_waiting(d, now, &w, err);
	if (r == 0 && w.n_waiting && !force)
		r = refuse_waiting(&w, of_those, err);
	return r;
}

int ca_rollover_switch(const char *dir, bool force, time_ms now, struct error *err)
{
	struct directory d CLEANUP(directory_close);
	int r = open_step(dir, CA_PREPARED, "only one that is prepared can be switched to",
	        "these have not fetched the new CA yet", force, now, &d, err);
	const struct bundle both = { { d.cas.certificates[1], d.cas.certificates[0] }, 2 };
	return r < 0 ? r : use_bundle(&d, &both, now, err);
}

int ca_rollover_retire(const char *dir, bool force, time_ms now, struct error *err)
{
	struct directory d CLEANUP(directory_close);
	int r = open_step(dir, CA_SWITCHED, "there is none to retire before the switch",
	        "these have not shown a certificate of the new CA yet", force, now, &d, err);
	const struct bundle alone = { { d.cas.certificates[0] }, 1 };
	if (r == 0)
		r = use_bundle(&d, &alone, now, err);
	if (r < 0)
		return r;
	const struct directory after = { .path = dir, .cas = alone };
	return tidy(&after, err);
}

int ca_rollover_abort(const char *dir, bool force, time_ms now, struct error *err)
{
	struct directory d CLEANUP(directory_close);
	struct ca_rollover w CLEANUP(ca_rollover_clear) = { 0 };
	int r = directory_open(dir, &d, err);
	if (r == 0 && d.phase == CA_STEADY)
		r = error_set(err, -EPROTO, "%s: no rollover is under way", dir);
	if (r < 0)
		return r;
	if (d.phase == CA_SWITCHED) {
		const struct bundle both = { { d.cas.certificates[1], d.cas.certificates[0] }, 2 };
		return use_bundle(&d, &both, now, err);
	}
	r = find_waiting(&d, WAIT_HOLDERS, NULL, d.cas.certificates[1], now, &w, err);
	if (r == 0 && w.n_waiting && !force)
		r = refuse_waiting(&w, "these have a certificate of the new CA and must renew first", err);
	const struct bundle alone = { { d.cas.certificates[0] }, 1 };
	if (r == 0)
		r = use_bundle(&d, &alone, now, err);
	if (r < 0)
		return r;
	const struct directory after = { .path = dir, .cas = alone };
	return tidy(&after, err);
}

/* ---- notes ---- */

static int note_once(const struct directory *d, const char *list, X509 *ca, const struct identity *who,
        time_ms now, struct error *err)
{
	char id[CA_ID_SIZE], when[CLOCK_TEXT_SIZE], key[WHO_MAX];
	struct table *there = table_new();
	ca_files_id(ca, id);
	int r = read_words(d, list, id, there, err);
	snprintf(key, sizeof(key), "%s %s", identity_role_name(who->role), who->name);
	bool is_there = table_get_string(there, key) != NULL;
	table_free(there, NULL);
	if (r < 0 || is_there)
		return r;
	char *line FREE_ON_EXIT = xasprintf("%s %s %s\n", id, clock_format(now, when), key);
	return ca_list_append(d->path, list, line, err);
}

int ca_rollover_note(const char *dir, X509 *certificate, time_ms now, struct error *err)
{
	struct directory d CLEANUP(directory_close);
	struct identity who;
	int r = certificate_identity(certificate, &who, err);
	if (r == 0)
		r = directory_open(dir, &d, err);
	else
		d = (struct directory){ .lock = -1 };
	if (r < 0 || d.phase == CA_STEADY)
		return r;
	if (d.phase == CA_PREPARED)
		return note_once(&d, "trusting", d.cas.certificates[1], &who, now, err);
	X509 *issuer = bundle_issuer(&d.cas, certificate);
	return issuer == d.cas.certificates[0] ? note_once(&d, "moved", issuer, &who, now, err) : 0;
}
