/* SPDX-License-Identifier: ISC */
/*
 * Enrolment (RFC 7030) for sites whose CA this server keeps: one-time tokens, renewal by the certificate
 * itself. A certificate goes out when the token's use is on the disk, and not before.
 */
#include "base/log.h"
#include "net/est.h"
#include "server/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#define ENROLMENT_CONNECTIONS_MAX 256
#define ENROLMENT_PER_SOURCE 16

struct ca_signer {
	EVP_PKEY *key;
	X509 *certificate;
	struct est_server *est;
};

static int on_token(
        const char *name, const uint8_t hash[32], bool consume, enum identity_role *ret_role, void *user)
{
	struct server *s = user;
	char owner[256], role[32];
	const time_ms now = clock_wall_ms();
	int code = consume ? store_use_token(s->store, hash, now, owner, role, NULL)
	                   : store_find_token(s->store, hash, now, owner, role, NULL);
	if (code < 0 || strcmp(owner, name) != 0 || identity_role_parse(role, ret_role) < 0) {
		s->site->counters.enrolments_refused++;
		site_note_refusal(s->site, now, "enrolment-refused", site_find_node(s->site, name),
		        "somebody who calls itself %.255s has no good token", name);
		return -EACCES;
	}
	return 0;
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

static int on_issued(X509 *certificate, const struct identity *who, bool renewal, void *user)
{
	struct server *s = user;
	struct error err = { "" };
	const time_ms now = clock_wall_ms();
	if (who->role == ROLE_NODE)
		site_enrolled(s->site, who->name, who->thumbprint, who->serial, now);
	int code = store_commit(s->store, &err);
	if (code < 0) {
		log_error("%s", err.text);
		return code;
	}
	s->site->counters.enrolments++;
	log_notice("%s: certificate %s %s", who->name, who->serial, renewal ? "renewed" : "issued");
	return 0;
}

static int load_ca(struct server *s, struct ca_signer *ca, struct error *err)
{
	char *key FREE_ON_EXIT = xasprintf("%s/ca.key", s->options.ca_directory);
	char *certificate FREE_ON_EXIT = xasprintf("%s/ca.pem", s->options.ca_directory);
	int code = key_load(key, &ca->key, err);
	return code < 0 ? code : certificate_load(certificate, &ca->certificate, err);
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

int enrolment_start(struct server *s, struct error *err)
{
	if (!*s->options.ca_directory)
		return 0;
	struct ca_signer *ca = s->ca = xcalloc(1, sizeof(*ca));
	int code = load_ca(s, ca, err);
	if (code < 0)
		return code;
	const struct est_server_config config = { .ca_key = ca->key,
		.ca = ca->certificate,
		.ca_dir = s->options.ca_directory,
		.days = (int)s->options.enrolment_days,
		.token = on_token,
		.may_renew = on_may_renew,
		.on_issued = on_issued,
		.user = s };
	code = est_server_new(s->enrolment_http, &config, &ca->est);
	return code < 0 ? error_set(err, code, "enrolment cannot be set up") : 0;
}

void enrolment_stop(struct server *s)
{
	s->enrolment_http = http_server_free(s->enrolment_http);
	if (!s->ca)
		return;
	est_server_free(s->ca->est);
	X509_free(s->ca->certificate);
	EVP_PKEY_free(s->ca->key);
	free(TAKE_POINTER(s->ca));
}

void enrolment_revoke(struct server *s, const char *name)
{
	struct error err = { "" };
	size_t count = 0;
	if (!s->ca)
		return;
	int code =
	        ca_revoke(s->options.ca_directory, name, "privilegeWithdrawn", clock_wall_ms(), &count, &err);
	if (code < 0 && code != -ENOENT && code != -EALREADY)
		log_error("%s is revoked here, but the CA's list could not be written: %s", name, err.text);
	else if (count)
		log_notice("%s: %zu certificates are on the CA's list now", name, count);
}
