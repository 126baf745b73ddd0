/* SPDX-License-Identifier: ISC */
/* The file of local users. See aaa_users.h. */
#include "softwire/aaa_users.h"

#include "base/file.h"
#include "base/table.h"
#include "softwire/aaa_profile.h"
#include "softwire/aaa_users_private.h"

#include <crypt.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

struct aaa_users {
	struct table *by_name; /* struct aaa_user */
	char *text;            /* what the users point into */
	size_t length;
	const char *a_hash; /* of some user, for the work that unknown ones cost; NULL: none has a hash */
};

struct reading {
	struct aaa_users *users;
	const char *path;
	int line;
	void (*report)(const char *text);
	struct error *err;
	int result;
};

static void complain(struct reading *r, const char *what, const char *word)
{
	struct error e;
	if (r->line)
		error_set(&e, 0, "%s:%d: %s%s", r->path, r->line, what, word);
	else
		error_set(&e, 0, "%s: %s%s", r->path, what, word);
	if (r->report)
		r->report(e.text);
	if (r->result == 0 && r->err)
		*r->err = e;
	r->result = -EINVAL;
}

/* The next word of a line, with quotes taken off, in place; NULL at the end. An open quote sets *ret_open. */
static char *next_word(char **at, bool *ret_open)
{
	char *from = *at + strspn(*at, " \t\r"), *to = from, *word = from;
	bool quoted = false;
	if (!*from || *from == '#')
		return NULL;
	for (; *from && (quoted || !strchr(" \t\r", *from)); from++) {
		if (*from == '"') {
			quoted = !quoted;
			continue;
		}
		if (quoted && *from == '\\' && (from[1] == '"' || from[1] == '\\'))
			from++;
		*to++ = *from;
	}
	*at = *from ? from + 1 : from;
	*to = '\0';
	*ret_open = quoted;
	return word;
}

static void take_password(struct reading *r, struct aaa_user *u, char *word)
{
	if (strncmp(word, "plain:", 6) == 0) {
		u->password = word + 6;
		if (!*u->password || strlen(u->password) > AAA_USER_PASSWORD_MAX)
			complain(r, "a password has 1 to 255 bytes", "");
		return;
	}
	u->hash = word;
	u->is_hashed = true;
	int known = crypt_checksalt(word);
	if (word[0] != '$' || (known != CRYPT_SALT_OK && known != CRYPT_SALT_TOO_CHEAP))
		complain(r, "a password is plain:TEXT or a crypt hash such as $6$...", "");
	else if (!r->users->a_hash)
		r->users->a_hash = word;
}

/* key=value. What they mean is tried now and done at each accept: they are small, a profile is not. */
static void take_setting(struct reading *r, struct aaa_user *u, struct aaa_profile *scratch, char *word)
{
	struct error e;
	char *equals = strchr(word, '=');
	if (!equals) {
		complain(r, "not key=value: ", word);
		return;
	}
	*equals = '\0';
	if (strcmp(word, "machine") == 0)
		u->machine = equals + 1;
	else if (u->n_settings == AAA_USER_SETTINGS_MAX)
		complain(r, "too many settings of one user", "");
	else if (aaa_profile_set(scratch, word, equals + 1, &e) < 0)
		complain(r, e.text, "");
	else
		u->settings[u->n_settings++] = (struct aaa_user_setting){ word, equals + 1 };
}

static void take_line(struct reading *r, char *line)
{
	bool open = false;
	char *name = next_word(&line, &open);
	if (!name)
		return;
	struct aaa_user *u FREE_ON_EXIT =
	        xcalloc(1, sizeof(*u) + AAA_USER_SETTINGS_MAX * sizeof(u->settings[0]));
	struct aaa_profile scratch = { 0 };
	char *password = open ? NULL : next_word(&line, &open);
	if (!password) {
		complain(r, "a user has a name and a password", "");
		return;
	}
	if (!*name || strlen(name) > AAA_TEXT_MAX)
		complain(r, "a name has 1 to 253 bytes", "");
	take_password(r, u, password);
	for (char *word; !open && (word = next_word(&line, &open));)
		take_setting(r, u, &scratch, word);
	if (open)
		complain(r, "a quote is not closed", "");
	if (table_get_string(r->users->by_name, name)) {
		complain(r, "this user is there twice: ", name);
		return;
	}
	if (table_count(r->users->by_name) == AAA_USERS_MAX) {
		complain(r, "there are too many users", "");
		return;
	}
	table_set_string(
	        r->users->by_name, name, xmemdup(u, sizeof(*u) + u->n_settings * sizeof(u->settings[0])));
}

int aaa_users_read(char *text, const char *path, struct aaa_users **ret, void (*report)(const char *text),
        struct error *err)
{
	struct aaa_users *users = xcalloc(1, sizeof(*users));
	struct reading r = { .users = users, .path = path, .report = report, .err = err };
	users->by_name = table_new();
	users->text = text;
	users->length = strlen(text);
	for (char *rest = text; rest;) {
		r.line++;
		take_line(&r, strsep(&rest, "\n"));
	}
	if (r.result < 0) {
		aaa_users_free(users);
		return r.result;
	}
	*ret = users;
	return 0;
}

int aaa_users_load(
        const char *path, struct aaa_users **ret, void (*report)(const char *text), struct error *err)
{
	struct reading r = { .path = path, .report = report, .err = err };
	struct error e;
	char *text = NULL;
	size_t length;
	if (file_check_private(path, &e) < 0 || file_read(path, AAA_USERS_FILE_MAX, &text, &length, &e) < 0) {
		r.path = "users_file";
		complain(&r, e.text, "");
		return r.result;
	}
	if (strlen(text) != length) {
		complain(&r, "a NUL byte: this is not a text file", "");
		OPENSSL_clear_free(text, length);
		return r.result;
	}
	return aaa_users_read(text, path, ret, report, err);
}

struct aaa_users *aaa_users_free(struct aaa_users *users)
{
	if (!users)
		return NULL;
	table_free(users->by_name, free);
	OPENSSL_cleanse(users->text, users->length);
	free(users->text);
	free(users);
	return NULL;
}

size_t aaa_users_count(const struct aaa_users *users)
{
	return table_count(users->by_name);
}

const struct aaa_user *aaa_users_find(const struct aaa_users *users, const char *name)
{
	return table_get_string(users->by_name, name);
}

/* In constant time for what lengths there are: digests are compared. */
static bool same_bytes(const void *a, size_t a_length, const void *b, size_t b_length)
{
	uint8_t x[32], y[32];
	if (EVP_Digest(a, a_length, x, NULL, EVP_sha256(), NULL) != 1 ||
	        EVP_Digest(b, b_length, y, NULL, EVP_sha256(), NULL) != 1)
		return false;
	return CRYPTO_memcmp(x, y, sizeof(x)) == 0;
}

static bool check_hash(const char *hash, const char *password)
{
	struct crypt_data *data = xcalloc(1, sizeof(*data));
	const char *found = crypt_rn(password, hash, data, sizeof(*data));
	bool same = found && same_bytes(found, strlen(found), hash, strlen(hash));
	OPENSSL_clear_free(data, sizeof(*data));
	return same;
}

/* Where anybody has a hash, everybody costs one, so that time tells nothing about a name. */
bool aaa_users_check_pap(
        const struct aaa_users *users, const struct aaa_user *u, const struct ppp_auth_request *request)
{
	const char *password = (const char *)request->password;
	size_t n = request->password_length;
	if (n > AAA_USER_PASSWORD_MAX || (n && memchr(password, '\0', n)))
		return false;
	char *copy = xstrndup(n ? password : "", n);
	const char *hash = u && u->is_hashed ? u->hash : users->a_hash;
	bool hash_fits = hash && check_hash(hash, copy);
	const char *plain = u && !u->is_hashed ? u->password : "";
	bool plain_fits = same_bytes(copy, n, plain, strlen(plain));
	OPENSSL_clear_free(copy, n);
	return u && (u->is_hashed ? hash_fits : plain_fits);
}

static bool check(const struct aaa_users *users, const struct aaa_user *u,
        const struct ppp_auth_request *request, char message[PPP_MESSAGE_MAX])
{
	if (request->method == PPP_PAP)
		return aaa_users_check_pap(users, u, request);
	bool usable = u && !u->is_hashed;
	return ppp_verify_password(request, usable ? u->password : AAA_NO_PASSWORD, message) && usable;
}

/* May this user come from the machine that IKE proved? */
static bool is_bound(const struct aaa_user *u, const char *machine)
{
	return !u->machine || strcmp(u->machine, machine) == 0;
}

void aaa_users_accept(const struct aaa_user *u, const char *name, struct aaa_users_answer *ret)
{
	struct error e;
	ret->outcome = AAA_ACCEPT;
	snprintf(ret->profile.user, sizeof(ret->profile.user), "%s", name);
	for (size_t i = 0; i < u->n_settings; i++)
		(void)aaa_profile_set(&ret->profile, u->settings[i].key, u->settings[i].value, &e);
}

void aaa_users_authenticate(const struct aaa_users *users, struct aaa_users_eap *eap,
        const struct ppp_auth_request *request, const char *machine, const uint8_t random[16],
        struct aaa_users_answer *ret)
{
	*ret = (struct aaa_users_answer){ .outcome = AAA_REJECT, .reason = "unknown user or wrong password" };
	const struct aaa_user *u = aaa_users_find(users, request->user);
	bool proven = request->method == PPP_EAP ? aaa_users_eap_step(users, eap, request, random, ret)
	                                         : check(users, u, request, ret->message);
	if (!proven || !u)
		return;
	if (!is_bound(u, machine)) {
		ret->reason = "the user may not come from this machine";
		ret->message[0] = '\0';
		return;
	}
	aaa_users_accept(u, request->user, ret);
}
