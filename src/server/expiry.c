/* SPDX-License-Identifier: ISC */
/*
 * Certificates that near their end: those of the site's CAs, of this server, of the enforcers that are
 * connected and of the nodes. Each is announced by an event 30, 7 and 1 days before (crypto/renewal.h), and
 * shown by the status.
 */
#include "crypto/bundle.h"
#include "server/api.h"
#include "server/enforcer_link.h"

#include <string.h>

#define NODES_SHOWN_MAX 64

/* One of them; life.to 0: not known. */
struct watched {
	const char *role, *name;
	struct renewal_life life;
};

typedef void (*watched_fn)(
        struct server *s, const struct watched *w, int *warned, time_ms now, void *context);

static void each_ca(struct server *s, watched_fn fn, time_ms now, void *context)
{
	struct bundle trusted CLEANUP(bundle_clear) = { 0 };
	if (bundle_load(s->options.ca, &trusted, NULL) < 0)
		return;
	for (size_t i = 0; i < trusted.n && i < ARRAY_LENGTH(s->warned_cas); i++) {
		char name[65] = "";
		struct watched w = { .role = "ca", .name = name };
		(void)X509_NAME_get_text_by_NID(
		        X509_get_subject_name(trusted.certificates[i]), NID_commonName, name, sizeof(name));
		if (renewal_life(trusted.certificates[i], &w.life, NULL) == 0)
			fn(s, &w, &s->warned_cas[i], now, context);
	}
}

static void each_program(struct server *s, watched_fn fn, time_ms now, void *context)
{
	X509 *certificate = NULL;
	struct watched w = { .role = "server", .name = s->identity.name };
	struct enforcer_link *l;
	each_ca(s, fn, now, context);
	if (certificate_load(s->options.certificate, &certificate, NULL) == 0 &&
	        renewal_life(certificate, &w.life, NULL) == 0)
		fn(s, &w, &s->warned_server, now, context);
	X509_free(certificate);
	LIST_FOREACH(l, &s->enforcers, entry)
		if (l->greeted)
			fn(s, &(struct watched){ "enforcer", l->name, l->certificate }, &l->warned, now,
			        context);
}

static void announce(struct server *s, const struct watched *w, int *warned, time_ms now, void *context)
{
	int days = renewal_warning(&w->life, now);
	if (days == *warned)
		return;
	*warned = days;
	if (days == 0)
		return;
	s->site->counters.certificates_expiring++;
	if (days < 0)
		site_note(s->site, now, "certificate-expired", NULL, NULL,
		        "the certificate of %s %s has expired", w->role, w->name);
	else
		site_note(s->site, now, "certificate-expiring", NULL, NULL,
		        "the certificate of %s %s ends within %d day%s and was not renewed", w->role, w->name,
		        days, days == 1 ? "" : "s");
}

void expiry_tick(struct server *s, time_ms now)
{
	if (now >= s->last_expiry_look && now - s->last_expiry_look < SITE_EXPIRY_LOOK_MS)
		return;
	s->last_expiry_look = now;
	each_program(s, announce, now, NULL);
}

static void add_one(struct server *s, const struct watched *w, int *warned, time_ms now, void *context)
{
	int days = renewal_warning(&w->life, now);
	json_t *j = json_pack("{s:s, s:s, s:I, s:b}", "role", w->role, "name", w->name, "seconds_left",
	        (json_int_t)((w->life.to - now) / 1000), "near", days != 0);
	json_object_set_new(j, "expires", api_time(w->life.to));
	json_array_append_new(context, j);
}

json_t *expiry_to_json(struct server *s, time_ms now)
{
	json_t *list = json_array();
	size_t n = 0;
	each_program(s, add_one, now, list);
	TABLE_FOREACH(it, s->site->nodes) {
		struct site_node *node = it.value;
		const struct watched w = { "node", node->name, { node->valid_from, node->valid_until } };
		if (!w.life.to || node->revoked || renewal_warning(&w.life, now) == 0 ||
		        n++ >= NODES_SHOWN_MAX)
			continue;
		add_one(s, &w, NULL, now, list);
	}
	return list;
}
