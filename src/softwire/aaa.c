/* SPDX-License-Identifier: ISC */
/* The life of AAA: from options to servers, journals and sockets, and what is counted. See aaa.h. */
#include "softwire/aaa.h"

#include "base/file.h"
#include "softwire/aaa_private.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

void aaa_notice(struct aaa *a, const char *format, ...)
{
	char text[512];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (a->handlers.on_notice)
		a->handlers.on_notice(text, a->handlers.user);
}

static void on_server_notice(const char *text, void *user)
{
	aaa_notice(user, "%s", text);
}

static void copy_list(struct config_list *list)
{
	char **items = list->items;
	list->items = xcalloc(list->count, sizeof(*items));
	for (size_t i = 0; i < list->count; i++)
		list->items[i] = xstrdup(items[i]);
}

static void clear_list(struct config_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
}

/* Reloading reads them again. */
static void copy_options(struct aaa_options *o)
{
	char **const texts[] = { &o->users_file, &o->nas_identifier, &o->identity_attribute, &o->dictionary,
		&o->radsec_ca, &o->radsec_certificate, &o->radsec_key, &o->coa_listen };
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++)
		*texts[i] = xstrdup(*texts[i]);
	copy_list(&o->servers);
	copy_list(&o->radsec_servers);
	copy_list(&o->coa_clients);
	copy_list(&o->attributes);
}

static void clear_options(struct aaa_options *o)
{
	char *const texts[] = { o->users_file, o->nas_identifier, o->identity_attribute, o->dictionary,
		o->radsec_ca, o->radsec_certificate, o->radsec_key, o->coa_listen };
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++)
		free(texts[i]);
	clear_list(&o->servers);
	clear_list(&o->radsec_servers);
	clear_list(&o->coa_clients);
	clear_list(&o->attributes);
}

static int take_directory(struct aaa *a, const char *directory, struct error *err)
{
	char *path FREE_ON_EXIT = xasprintf("%s/lock", directory);
	int r = file_make_directory(directory, 0700, err);
	if (r < 0)
		return r;
	a->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (a->lock < 0)
		return error_set(err, -errno, "%s: %s", path, strerror(errno));
	if (flock(a->lock, LOCK_EX | LOCK_NB) < 0)
		return error_set(
		        err, -EBUSY, "%s: another concentrator keeps its accounting there", directory);
	return 0;
}

static int start(struct aaa *a, const char *directory, struct error *err)
{
	const struct aaa_settings *s = &a->settings;
	int r = take_directory(a, directory, err);
	for (size_t i = 0; i < s->n_servers; i++)
		a->has_accounting |= s->servers[i].radius.services & RADIUS_ACCOUNTING;
	if (r == 0 && s->n_servers)
		r = radius_servers_new(a->base, s->servers, s->n_servers, &a->options, on_server_notice, a,
		        &a->servers, err);
	if (r == 0)
		r = aaa_accounting_open(a, directory, err);
	if (r == 0)
		r = aaa_accounts_open(a, directory, err);
	if (r == 0)
		r = aaa_coa_open(a, err);
	if (r == 0)
		aaa_accounting_resume(a);
	return r;
}

int aaa_new(struct event_base *base, const struct aaa_options *options, const char *state_directory,
        const struct aaa_handlers *handlers, struct aaa **ret, struct error *err)
{
	struct aaa *a = xcalloc(1, sizeof(*a));
	a->lock = -1;
	a->base = base;
	a->handlers = *handlers;
	a->options = *options;
	copy_options(&a->options);
	int r = aaa_settings_load(&a->options, &a->settings, NULL, err);
	if (r == 0)
		r = start(a, state_directory, err);
	if (r < 0) {
		aaa_free(a);
		return r;
	}
	*ret = a;
	return 0;
}

struct aaa *aaa_free(struct aaa *a)
{
	if (!a)
		return NULL;
	aaa_coa_close(a);
	aaa_accounts_close(a);
	aaa_accounting_close(a);
	radius_servers_free(a->servers);
	aaa_settings_clear(&a->settings);
	clear_options(&a->options);
	if (a->lock >= 0)
		close(a->lock);
	free(a);
	return NULL;
}

int aaa_reload(struct aaa *a, struct error *err)
{
	struct aaa_settings new;
	int r = aaa_settings_load(&a->options, &new, NULL, err);
	if (r < 0)
		return r;
	r = a->servers ? radius_servers_reload(a->servers, err) : 0;
	if (r < 0) {
		aaa_settings_clear(&new);
		return r;
	}
	for (unsigned i = 0; i < new.n_servers; i++)
		radius_client_set_secret(radius_servers_client(a->servers), i, &new.servers[i].radius.secret);
	aaa_settings_clear(&a->settings);
	a->settings = new;
	aaa_coa_set_secrets(a);
	return 0;
}

size_t aaa_get_counters(const struct aaa *a, struct aaa_counter ret[AAA_COUNTERS_MAX])
{
	const struct aaa_numbers *n = &a->numbers;
	struct radius_dynauth_counters coa;
	aaa_coa_get_counters(a, &coa);
	const struct aaa_counter all[] = {
		{ "accepted", n->accepted },
		{ "rejected", n->rejected },
		{ "challenged", n->challenged },
		{ "unavailable", n->unavailable },
		{ "refused_busy", n->refused_busy },
		{ "exchanges", a->n_exchanges },
		{ "accounts", table_count(a->accounts) },
		{ "accounting_starts", n->starts },
		{ "accounting_interims", n->interims },
		{ "accounting_stops", n->stops },
		{ "accounting_recovered", n->recovered },
		{ "accounting_sent", n->accounting_sent },
		{ "accounting_waiting", a->spool ? aaa_spool_waiting(a->spool) : 0 },
		{ "accounting_spool_bytes", a->spool ? aaa_spool_bytes(a->spool) : 0 },
		{ "accounting_dropped", n->accounting_dropped },
		{ "accounting_failed", n->accounting_failed },
		{ "accounting_damaged", a->spool ? aaa_spool_lost(a->spool) : 0 },
		{ "coa_done", n->coa_done },
		{ "coa_refused", n->coa_refused },
		{ "disconnect_done", n->disconnect_done },
		{ "disconnect_refused", n->disconnect_refused },
		{ "dynauth_repeated", coa.repeated },
		{ "dynauth_unknown_client", coa.unknown_client },
		{ "dynauth_malformed", coa.malformed },
		{ "dynauth_forged", coa.forged },
		{ "dynauth_stale", coa.stale },
		{ "dynauth_overflow", coa.overflow },
	};
	_Static_assert(ARRAY_LENGTH(all) <= AAA_COUNTERS_MAX, "room for all");
	memcpy(ret, all, sizeof(all));
	return ARRAY_LENGTH(all);
}

int aaa_get_server(const struct aaa *a, size_t index, struct aaa_server_state *ret)
{
	struct radius_server_status s;
	if (index >= a->settings.n_servers)
		return -ENOENT;
	radius_client_get_status(radius_servers_client(a->servers), (unsigned)index, &s);
	*ret = (struct aaa_server_state){ .up = s.is_up,
		.requests = s.requests,
		.replies = s.replies,
		.timeouts = s.timeouts,
		.retransmissions = s.retransmissions,
		.forged = s.forged + s.malformed,
		.unmatched = s.unmatched,
		.outstanding = s.outstanding };
	snprintf(ret->name, sizeof(ret->name), "%s", a->settings.servers[index].text);
	return 0;
}
