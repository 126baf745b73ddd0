/* SPDX-License-Identifier: ISC */
/* From option lines to what they mean. Every mistake is found in one go; nothing is touched. */
#include "softwire/aaa_settings.h"

#include "base/file.h"
#include "net/tls.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DICTIONARY_FILE_MAX (4u << 20)
#define RADSEC_PORT 2083
#define RADIUS_PORT 1812
#define COA_PORT 3799

struct loading {
	const struct aaa_options *options;
	struct aaa_settings *settings;
	struct radius_dictionary *dictionary;
	bool has_files; /* the dictionary's */
	struct error_report errors;
};

/* A line of an option: a first word, then key=value words. */
struct words {
	const char *option;
	char *copy, *rest;
};

static char *next_word(struct words *w)
{
	char *word;
	do
		word = strsep(&w->rest, " \t");
	while (word && !*word);
	return word;
}

/* "key=value": the value, or NULL where the word is of another key. */
static char *value_of(char *word, const char *key)
{
	size_t n = strlen(key);
	return strncmp(word, key, n) == 0 && word[n] == '=' ? word + n + 1 : NULL;
}

static bool number_in(const char *text, unsigned min, unsigned max, unsigned *ret)
{
	size_t n = strspn(text, "0123456789");
	unsigned long v = n && n < 9 && !text[n] ? strtoul(text, NULL, 10) : 0;
	if (!n || text[n] || n >= 9 || v < min || v > max)
		return false;
	*ret = (unsigned)v;
	return true;
}

static void take_number(struct loading *l, const struct words *w, const char *key, const char *value,
        unsigned min, unsigned max, unsigned *ret)
{
	if (!number_in(value, min, max, ret))
		error_report_add(&l->errors, "%s: %s=%s: a number from %u to %u is wanted", w->option, key,
		        value, min, max);
}

static void take_boolean(
        struct loading *l, const struct words *w, const char *key, const char *value, bool *ret)
{
	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		error_report_add(&l->errors, "%s: %s=%s: yes or no is wanted", w->option, key, value);
	*ret = strcmp(value, "yes") == 0;
}

static int read_secret(const char *path, struct radius_secret *ret, struct error *err)
{
	char *text FREE_ON_EXIT = NULL;
	size_t length = 0;
	int r = file_check_private(path, err);
	if (r == 0)
		r = file_read(path, AAA_SECRET_FILE_MAX, &text, &length, err);
	if (r < 0)
		return r;
	size_t n = length;
	while (n && (text[n - 1] == '\n' || text[n - 1] == '\r'))
		n--;
	if (n == 0 || n > RADIUS_SECRET_MAX || memchr(text, '\n', n))
		r = error_set(
		        err, -EINVAL, "%s: a secret is one line of 1 to %d bytes", path, RADIUS_SECRET_MAX);
	else
		memcpy(ret->bytes, text, ret->length = n);
	OPENSSL_cleanse(text, length);
	return r;
}

static void take_secret(struct loading *l, const struct words *w, const char *path, struct radius_secret *ret)
{
	struct error e;
	if (!path)
		error_report_add(&l->errors, "%s: secret-file=PATH is missing", w->option);
	else if (*path != '/')
		error_report_add(
		        &l->errors, "%s: secret-file=%s: an absolute path is wanted", w->option, path);
	else if (read_secret(path, ret, &e) < 0)
		error_report_add(&l->errors, "%s: %s", w->option, e.text);
}

static struct aaa_server *add_server(struct loading *l, const struct words *w)
{
	static const struct radius_server_config defaults = { .n_paths = AAA_UDP_SOCKETS,
		.timeout_ms = RADIUS_TIMEOUT_MS,
		.tries = RADIUS_TRIES,
		.dead_ms = RADIUS_DEAD_MS,
		.status_server = true,
		.message_authenticator = true };
	struct aaa_settings *s = l->settings;
	if (s->n_servers == RADIUS_SERVERS_MAX) {
		error_report_add(&l->errors, "%s: more than %d authentication and accounting ports together",
		        w->option, RADIUS_SERVERS_MAX);
		return NULL;
	}
	s->servers[s->n_servers] = (struct aaa_server){ .radius = defaults };
	return &s->servers[s->n_servers++];
}

static void take_endpoint(
        struct loading *l, const struct words *w, const char *text, uint16_t port, struct endpoint *ret)
{
	struct error e;
	if (!text)
		error_report_add(&l->errors, "%s: HOST:PORT is missing", w->option);
	else if (endpoint_parse(text, port, ret, &e) < 0)
		error_report_add(&l->errors, "%s: %s", w->option, e.text);
}

static void name_server(struct aaa_server *s, const char *how)
{
	bool v6 = strchr(s->at.host, ':');
	char text[sizeof(s->text)];
	snprintf(text, sizeof(text), "%s %s%s%s:%u", how, v6 ? "[" : "", s->at.host, v6 ? "]" : "",
	        s->at.port);
	memcpy(s->text, text, sizeof(text));
}

/* The words that both kinds of servers take; false for any other. */
static bool take_common(struct loading *l, const struct words *w, char *word, struct radius_server_config *c)
{
	const char *value;
	if ((value = value_of(word, "timeout")))
		take_number(l, w, "timeout", value, 50, 30000, &c->timeout_ms);
	else if ((value = value_of(word, "tries")))
		take_number(l, w, "tries", value, 1, RADIUS_TRIES_MAX, &c->tries);
	else if ((value = value_of(word, "status-server")))
		take_boolean(l, w, "status-server", value, &c->status_server);
	else if ((value = value_of(word, "dead-time"))) {
		unsigned seconds = c->dead_ms / 1000;
		take_number(l, w, "dead-time", value, 1, 86400, &seconds);
		c->dead_ms = seconds * 1000;
	} else {
		return false;
	}
	return true;
}

static void add_accounting(
        struct loading *l, const struct words *w, const struct aaa_server *of, const char *how)
{
	unsigned port = of->at.port == UINT16_MAX ? 0 : of->at.port + 1u;
	if (how && strcmp(how, "no") == 0)
		return;
	if (how)
		take_number(l, w, "accounting", how, 1, UINT16_MAX, &port);
	struct aaa_server copy = *of;
	struct aaa_server *s = add_server(l, w);
	if (!s)
		return;
	*s = copy;
	s->at.port = (uint16_t)port;
	s->radius.services = RADIUS_ACCOUNTING;
	name_server(s, "udp");
}

static void take_server(struct loading *l, struct words *w)
{
	const char *secret = NULL, *accounting = NULL, *value;
	struct aaa_server *s = add_server(l, w);
	char *word = next_word(w);
	if (!s)
		return;
	take_endpoint(l, w, word, RADIUS_PORT, &s->at);
	while ((word = next_word(w))) {
		if ((value = value_of(word, "secret-file")))
			secret = value;
		else if ((value = value_of(word, "accounting")))
			accounting = value;
		else if ((value = value_of(word, "message-authenticator")))
			take_boolean(l, w, "message-authenticator", value, &s->radius.message_authenticator);
		else if (!take_common(l, w, word, &s->radius))
			error_report_add(&l->errors, "%s: \"%s\" is nothing known here", w->option, word);
	}
	take_secret(l, w, secret, &s->radius.secret);
	if (secret)
		snprintf(s->secret_path, sizeof(s->secret_path), "%s", secret);
	s->radius.services = RADIUS_AUTHENTICATION;
	name_server(s, "udp");
	add_accounting(l, w, s, accounting);
}

/* RFC 6614, 2.3: the secret is "radsec", and one port takes everything. */
static void take_radsec_server(struct loading *l, struct words *w)
{
	const char *value;
	struct aaa_server *s = add_server(l, w);
	char *word = next_word(w);
	if (!s)
		return;
	s->radius.is_stream = true;
	s->radius.message_authenticator = false; /* TLS does it */
	s->radius.services = RADIUS_AUTHENTICATION | RADIUS_ACCOUNTING;
	s->radius.n_paths = AAA_RADSEC_CONNECTIONS;
	s->radius.secret = (struct radius_secret){ .bytes = "radsec", .length = 6 };
	take_endpoint(l, w, word, RADSEC_PORT, &s->at);
	snprintf(s->tls_name, sizeof(s->tls_name), "%s", s->at.host);
	while ((word = next_word(w))) {
		if ((value = value_of(word, "name")) && *value && strlen(value) < sizeof(s->tls_name))
			snprintf(s->tls_name, sizeof(s->tls_name), "%s", value);
		else if ((value = value_of(word, "connections")))
			take_number(l, w, "connections", value, 1, RADIUS_PATHS_MAX, &s->radius.n_paths);
		else if (!take_common(l, w, word, &s->radius))
			error_report_add(&l->errors, "%s: \"%s\" is nothing known here", w->option, word);
	}
	name_server(s, "tls");
}

static void take_coa_client(struct loading *l, struct words *w)
{
	struct aaa_settings *s = l->settings;
	struct radius_dynauth_client client = { 0 };
	const char *secret = NULL, *value;
	char *word = next_word(w);
	if (!word || ip_parse(word, &client.address) < 0)
		error_report_add(&l->errors, "%s: \"%s\" is not an address", w->option, word ? word : "");
	while (word && (word = next_word(w))) {
		if ((value = value_of(word, "secret-file")))
			secret = value;
		else
			error_report_add(&l->errors, "%s: \"%s\" is nothing known here", w->option, word);
	}
	take_secret(l, w, secret, &client.secret);
	for (size_t i = 0; i < s->n_coa_clients; i++)
		if (ip_equal(&s->coa_clients[i].address, &client.address))
			error_report_add(&l->errors, "%s: this address is there twice", w->option);
	if (s->n_coa_clients == RADIUS_DYNAUTH_CLIENTS_MAX)
		error_report_add(
		        &l->errors, "%s: more than %d clients", w->option, RADIUS_DYNAUTH_CLIENTS_MAX);
	else
		s->coa_clients[s->n_coa_clients++] = client;
	OPENSSL_cleanse(&client, sizeof(client));
}

static int load_dictionary_file(void *user, const char *path, char **ret, struct error *err)
{
	size_t length;
	return file_read(path, DICTIONARY_FILE_MAX, ret, &length, err);
}

/* A built-in name, else one of the files, which are read when the first such name comes. */
static const struct radius_definition *find_name(struct loading *l, const char *option, const char *name)
{
	struct error e;
	const struct radius_definition *d = radius_dictionary_find(l->dictionary, name);
	if (d || l->has_files)
		return d;
	l->has_files = true;
	if (*l->options->dictionary &&
	        radius_dictionary_read(
	                l->dictionary, l->options->dictionary, load_dictionary_file, NULL, &e) < 0)
		error_report_add(&l->errors, "%s: \"%s\" is not built in, and radius_dictionary: %s", option,
		        name, e.text);
	return radius_dictionary_find(l->dictionary, name);
}

/* NAME=VALUE. The value may hold spaces. */
static void take_attribute(struct loading *l, struct words *w)
{
	char *name = w->copy, *value = strchr(w->copy, '=');
	struct error e;
	if (!value) {
		error_report_add(&l->errors, "%s: NAME=VALUE is wanted", w->option);
		return;
	}
	*value++ = '\0';
	value += strspn(value, " \t");
	name[strcspn(name, " \t")] = '\0';
	const struct radius_definition *d = find_name(l, w->option, name);
	if (!d)
		error_report_add(&l->errors, "%s: no attribute is named \"%s\"", w->option, name);
	else if (radius_dictionary_write(l->dictionary, d, value, &l->settings->attributes, &e) < 0)
		error_report_add(&l->errors, "%s: %s", w->option, e.text);
	else if (wr_failed(&l->settings->attributes))
		error_report_add(
		        &l->errors, "%s: more than %d bytes of attributes", w->option, AAA_ATTRIBUTES_MAX);
}

static void take_identity(struct loading *l)
{
	const char *name = l->options->identity_attribute;
	if (!*name)
		return;
	const struct radius_definition *d = find_name(l, "radius_identity_attribute", name);
	if (!d || d->data != RADIUS_DATA_TEXT) {
		error_report_add(
		        &l->errors, "radius_identity_attribute: \"%s\" is no attribute that is a text", name);
		return;
	}
	l->settings->identity = *d;
	l->settings->has_identity = true;
}

static void take_list(struct loading *l, const char *name, const struct config_list *list,
        void (*take)(struct loading *l, struct words *w))
{
	for (size_t i = 0; i < list->count; i++) {
		char *copy FREE_ON_EXIT = xstrdup(list->items[i]);
		char *option FREE_ON_EXIT = xasprintf("%s %.100s", name, list->items[i]);
		struct words w = { option, copy, copy };
		take(l, &w);
	}
}

static void take_nas_identifier(struct loading *l)
{
	char *name = l->settings->nas_identifier;
	if (strlen(l->options->nas_identifier) > AAA_TEXT_MAX)
		error_report_add(&l->errors, "nas_identifier: it has at most %d bytes", AAA_TEXT_MAX);
	else if (*l->options->nas_identifier)
		snprintf(name, AAA_TEXT_MAX + 1, "%s", l->options->nas_identifier);
	else if (gethostname(name, AAA_TEXT_MAX) < 0 || !*name)
		error_report_add(&l->errors, "nas_identifier: the host has no name; give one");
}

static void take_coa(struct loading *l)
{
	struct aaa_settings *s = l->settings;
	struct words w = { "coa_listen", NULL, NULL };
	struct ip_address a;
	take_list(l, "coa_client", &l->options->coa_clients, take_coa_client);
	s->has_coa = *l->options->coa_listen;
	if (s->has_coa) {
		take_endpoint(l, &w, l->options->coa_listen, COA_PORT, &s->coa_listen);
		if (*s->coa_listen.host && ip_parse(s->coa_listen.host, &a) < 0)
			error_report_add(
			        &l->errors, "coa_listen: \"%s\" is not an address", s->coa_listen.host);
		if (s->n_coa_clients == 0)
			error_report_add(&l->errors, "coa_listen: no coa_client may send anything");
	} else if (s->n_coa_clients) {
		error_report_add(&l->errors, "coa_client: without coa_listen nobody hears it");
	}
}

static void check_radsec(struct loading *l)
{
	const struct aaa_options *o = l->options;
	if (o->radsec_servers.count && (!*o->radsec_ca || !*o->radsec_certificate || !*o->radsec_key))
		error_report_add(&l->errors,
		        "radsec_server: radsec_ca, radsec_certificate and radsec_key must be given");
	struct error e;
	if (*o->radsec_key && file_check_private(o->radsec_key, &e) < 0)
		error_report_add(&l->errors, "radsec_key: %s", e.text);
	const struct tls_config config = { .ca_path = o->radsec_ca,
		.certificate_path = o->radsec_certificate,
		.key_path = o->radsec_key,
		.foreign = true };
	struct tls_context *tls = NULL;
	if (*o->radsec_ca && *o->radsec_certificate && *o->radsec_key &&
	        tls_context_new(&config, &tls, &e) < 0)
		error_report_add(&l->errors, "radsec_server: %s", e.text);
	tls_context_free(tls);
}

static void take_users(struct loading *l)
{
	struct error e;
	if (!*l->options->users_file)
		return;
	if (l->settings->n_servers)
		error_report_add(&l->errors,
		        "users_file: there are RADIUS servers too; one of them decides, not both");
	int r = aaa_users_load(l->options->users_file, &l->settings->users, l->errors.report, &e);
	if (r < 0)
		error_report_note(&l->errors, &e);
}

int aaa_settings_load(const struct aaa_options *options, struct aaa_settings *ret,
        void (*report)(const char *text), struct error *err)
{
	struct loading l = { .options = options, .settings = ret, .errors = { report, err, 0 } };
	struct error digests;
	*ret = (struct aaa_settings){ .attributes = wr_make(AAA_ATTRIBUTES_MAX) };
	l.dictionary = radius_dictionary_new();
	take_nas_identifier(&l);
	take_list(&l, "radius_server", &options->servers, take_server);
	take_list(&l, "radsec_server", &options->radsec_servers, take_radsec_server);
	take_list(&l, "radius_attribute", &options->attributes, take_attribute);
	take_identity(&l);
	check_radsec(&l);
	take_coa(&l);
	take_users(&l);
	if (ret->n_servers && radius_check_digests(&digests) < 0)
		error_report_add(&l.errors, "radius_server: %s", digests.text);
	radius_dictionary_free(l.dictionary);
	if (l.errors.result < 0)
		aaa_settings_clear(ret);
	return l.errors.result;
}

void aaa_settings_clear(struct aaa_settings *s)
{
	aaa_users_free(s->users);
	wr_free(&s->attributes);
	OPENSSL_cleanse(s, sizeof(*s));
}

int aaa_check(const struct aaa_options *options, void (*report)(const char *text), struct error *err)
{
	struct aaa_settings s;
	int r = aaa_settings_load(options, &s, report, err);
	if (r == 0)
		aaa_settings_clear(&s);
	return r;
}
