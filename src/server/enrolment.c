/* SPDX-License-Identifier: ISC */
/*
 * Enrolment (RFC 7030) for sites whose CA this server keeps: one-time tokens, renewal by the certificate
 * itself. A certificate goes out when the token's use is on the disk, and not before.
 */
#include "base/log.h"
#include "crypto/ca_rollover.h"
#include "net/est.h"
#include "server/api.h"
#include "server/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#define ENROLMENT_PER_SOURCE 16

static int refuse_token(struct server *s, const char *name, int code, const char *why)
{
	s->site->counters.enrolments_refused++;
	site_note_refusal(
	        s->site, clock_wall_ms(), "enrolment-refused", site_find_node(s->site, name), "%s", why);
	return code;
}

static int on_token(const char *name, const uint8_t hash[32], bool consume, struct est_grant *ret, void *user,
        struct error *err)
{
	struct server *s = user;
	struct store_grant grant;
	const time_ms now = clock_wall_ms();
	int code = consume ? store_use_token(s->store, hash, now, &grant, NULL)
	                   : store_find_token(s->store, hash, now, &grant, NULL);
	if (code < 0 || strcmp(grant.name, name) != 0 || identity_role_parse(grant.role, &ret->role) < 0) {
		error_set(err, -EACCES, "somebody who calls itself %.255s has no good token", name);
		return refuse_token(s, name, -EACCES, err->text);
	}
	ret->replaces = grant.replaces;
	code = ret->role == ROLE_NODE ? site_may_enrol(s->site, name, grant.replaces, err) : 0;
	return code < 0 ? refuse_token(s, name, code, err->text) : 0;
}

static bool on_may_renew(const struct identity *who, void *user)
{
	struct server *s = user;
	struct error err = { "" };
	if (site_check_identity(s->site, who->name, who->thumbprint, who->serial, &err) == 0)
		return true;
	s->site->counters.enrolments_refused++;
	site_note_refusal(s->site, clock_wall_ms(), "enrolment-refused", site_find_node(s->site, who->name),
	        "%s", err.text);
	return false;
}

/* Also on the CA's list, for whoever asks only that. */
static void revoke_taken(struct server *s, const char *name, const char *serial)
{
	struct error err = { "" };
	int code = ca_revoke(s->options.ca_directory, serial, "superseded", clock_wall_ms(), NULL, &err);
	if (code < 0 && code != -EALREADY)
		log_error("%s: the CA's list could not be written: %s", name, err.text);
}

static int on_issued(const struct identity *who, const struct est_grant *grant, const struct identity *old,
        void *user, struct error *err)
{
	struct server *s = user;
	char taken[41] = "";
	int code = who->role == ROLE_NODE ? site_enrolled(s->site, who, old, clock_wall_ms(), taken, err) : 0;
	if (code < 0) {
		s->site->counters.enrolments_refused++;
		return code;
	}
	char *owner FREE_ON_EXIT = xasprintf("%s %s", identity_role_name(who->role), who->name);
	api_audit_as(s, owner, "enrolment", old ? "certificate renewed" : "certificate issued", who->name,
	        old ? api_text(old->serial) : NULL, api_text(who->serial), "done");
	code = store_commit(s->store, err);
	if (code < 0) {
		log_error("%s", err->text);
		return error_set(err, code, "the certificate could not be recorded");
	}
	if (*taken)
		revoke_taken(s, who->name, taken);
	s->site->counters.enrolments++;
	log_notice("%s: certificate %s %s", who->name, who->serial, old ? "renewed" : "issued");
	return 0;
}

static int listen_for_nodes(struct server *s, struct error *err)
{
	struct listener_config config = { .tls = s->enrolment_tls,
		.connections_max = ENROLMENT_CONNECTIONS_MAX,
		.source_max = ENROLMENT_PER_SOURCE,
		.source_is_host = true,
		.handshakes_max = ENROLMENT_CONNECTIONS_MAX,
		.limits = STREAM_LIMITS_DEFAULT };
	char *any = (char *)"::";
	const struct config_list fallback = { &any, 1 };
	const struct config_list *addresses = s->options.addresses.count ? &s->options.addresses : &fallback;
	int code = 0;
	for (size_t i = 0; i < addresses->count && code == 0; i++) {
		code = server_read_address(
		        addresses->items[i], (uint16_t)s->options.enrolment_port, &config.address, err);
		if (code == 0)
			code = http_server_listen(s->enrolment_http, &config, err);
	}
	return code;
}

int enrolment_listen(struct server *s, struct error *err)
{
	if (!*s->options.ca_directory)
		return 0;
	int code = http_server_new(s->base, &s->enrolment_http);
	if (code == 0)
		code = server_open_tls(s, TLS_ROLES_ALL, true, &s->enrolment_tls, err);
	return code < 0 ? code : listen_for_nodes(s, err);
}

/* The server is one of those who must trust a new CA before it signs: it does once it has read it, and it
 * shows its own certificate to everybody. */
void enrolment_note_self(struct server *s)
{
	struct bundle used CLEANUP(bundle_clear) = { 0 }, kept CLEANUP(bundle_clear) = { 0 };
	X509 *certificate = NULL;
	struct error err;
	if (!s->est)
		return;
	char *path FREE_ON_EXIT = xasprintf("%s/ca.pem", s->options.ca_directory);
	int code = bundle_load(path, &kept, &err);
	if (code == 0)
		code = bundle_load(s->options.ca, &used, &err);
	if (code == 0 && !bundle_equal(&kept, &used))
		code = error_set(&err, -ESTALE,
		        "%s is not what %s is: no CA rollover can go on; make `ca` the latter", s->options.ca,
		        path);
	if (code == 0)
		code = certificate_load(s->options.certificate, &certificate, &err);
	if (code == 0)
		code = ca_rollover_note(s->options.ca_directory, certificate, clock_wall_ms(), &err);
	X509_free(certificate);
	if (code < 0)
		log_warning("%s", err.text);
}

int enrolment_start(struct server *s, struct error *err)
{
	if (!*s->options.ca_directory)
		return 0;
	/* Read anew for each certificate: a rollover changes it. */
	char *path FREE_ON_EXIT = xasprintf("%s/ca.pem", s->options.ca_directory);
	struct bundle trusted CLEANUP(bundle_clear) = { 0 };
	int code = bundle_load(path, &trusted, err);
	if (code < 0)
		return code;
	const struct est_server_config config = { .ca_dir = s->options.ca_directory,
		.lifetime_ms = s->options.enrolment_lifetime,
		.token = on_token,
		.may_renew = on_may_renew,
		.on_issued = on_issued,
		.user = s };
	code = est_server_new(s->enrolment_http, &config, &s->est);
	if (code < 0)
		return error_set(err, code, "enrolment cannot be set up");
	enrolment_note_self(s);
	return 0;
}

void enrolment_stop(struct server *s)
{
	s->enrolment_http = http_server_free(s->enrolment_http);
	s->est = est_server_free(s->est);
}

void enrolment_revoke(struct server *s, const char *name)
{
	struct error err = { "" };
	size_t count = 0;
	if (!s->est)
		return;
	int code =
	        ca_revoke(s->options.ca_directory, name, "privilegeWithdrawn", clock_wall_ms(), &count, &err);
	if (code < 0 && code != -ENOENT && code != -EALREADY)
		log_error("%s is revoked here, but the CA's list could not be written: %s", name, err.text);
	else if (count)
		log_notice("%s: %zu certificates are on the CA's list now", name, count);
}
