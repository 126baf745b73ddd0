/* SPDX-License-Identifier: ISC */
/*
 * Who asks the API and what he may: on the Unix socket the user says it (root and the service's own user are
 * admins, the group of the socket has socket_group_role); over the network a token or an operator's
 * certificate says it. Nobody gets further than his role.
 */
#include "server/api.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static const char *const role_names[] = { "nobody", "viewer", "operator", "admin" };

const char *api_role_name(enum api_role role)
{
	return role < ARRAY_LENGTH(role_names) ? role_names[role] : role_names[API_NOBODY];
}

int api_role_parse(const char *name, enum api_role *ret)
{
	for (enum api_role i = API_VIEWER; i < ARRAY_LENGTH(role_names); i++)
		if (strcmp(name, role_names[i]) == 0) {
			*ret = i;
			return 0;
		}
	return -EINVAL;
}

static bool is_in_group(uid_t uid, const char *group)
{
	struct group *g = *group ? getgrnam(group) : NULL;
	struct passwd *p = g ? getpwuid(uid) : NULL;
	if (!p)
		return false;
	if (p->pw_gid == g->gr_gid)
		return true;
	for (char **m = g->gr_mem; *m; m++)
		if (strcmp(*m, p->pw_name) == 0)
			return true;
	return false;
}

static int identify_user(struct server *s, uid_t uid, struct api_caller *ret, struct error *err)
{
	snprintf(ret->who, sizeof(ret->who), "user %u", (unsigned)uid);
	snprintf(ret->origin, sizeof(ret->origin), "unix");
	if (uid == 0 || uid == geteuid())
		ret->role = API_ADMIN;
	else if (is_in_group(uid, s->options.socket_group))
		(void)api_role_parse(s->options.socket_group_role, &ret->role);
	if (ret->role != API_NOBODY)
		return 0;
	error_set(err, -EACCES, "only root and the group of the socket may use this");
	return 403;
}

static int identify_certificate(
        struct server *s, const struct identity *peer, struct api_caller *ret, struct error *err)
{
	snprintf(ret->who, sizeof(ret->who), "operator %s", peer->name);
	if (site_check_identity(s->site, peer->name, peer->thumbprint, peer->serial, err) < 0)
		return 403;
	ret->role = API_OPERATOR;
	ret->until = peer->not_after;
	return 0;
}

static int identify_token(struct server *s, struct http_request *r, const struct ip_address *address,
        struct api_caller *ret, struct error *err)
{
	const char *field = http_request_field(r, "authorization");
	const time_ms now = clock_monotonic_ms();
	if (!field || strncasecmp(field, "Bearer ", 7) != 0) {
		http_reply_field(r, "WWW-Authenticate", "Bearer realm=\"pratique\"");
		error_set(err, -EACCES, "a token is needed, or an operator's certificate");
		return 401;
	}
	if (!api_may_try(s, address, now)) {
		http_reply_field(r, "Retry-After", "60");
		error_set(err, -EAGAIN, "too many wrong tokens from this address: wait a minute");
		return 429;
	}
	int code = api_token_check(s, field + 7 + strspn(field + 7, " "), ret);
	if (code == 0)
		return 0;
	api_has_failed(s, address, now);
	http_reply_field(r, "WWW-Authenticate", "Bearer realm=\"pratique\", error=\"invalid_token\"");
	error_set(err, code,
	        code == -EKEYEXPIRED ? "the token has expired" : "the token is none of this server's");
	return 401;
}

/* A token decides where one is presented, else the certificate. */
static int identify_remote(
        struct server *s, struct http_request *r, struct api_caller *ret, struct error *err)
{
	const struct identity *peer = http_request_peer(r);
	struct ip_address address = { { 0 } };
	(void)http_request_address(r, &address);
	ip_format(&address, ret->origin);
	if (!api_may_ask(s, &address, clock_monotonic_ms())) {
		s->site->counters.api_limited++;
		http_reply_field(r, "Retry-After", "1");
		error_set(err, -EAGAIN, "too many requests from this address");
		return 429;
	}
	if (peer && !http_request_field(r, "authorization"))
		return identify_certificate(s, peer, ret, err);
	return identify_token(s, r, &address, ret, err);
}

int api_identify(struct server *s, struct http_request *r, struct api_caller *ret, struct error *err)
{
	uid_t uid;
	*ret = (struct api_caller){ .role = API_NOBODY };
	if (http_request_user(r, &uid) == 0)
		return identify_user(s, uid, ret, err);
	return identify_remote(s, r, ret, err);
}

bool api_may(struct server *s, struct http_request *r, enum api_role role, const char *action)
{
	if (s->caller && s->caller->role >= role)
		return true;
	char *why FREE_ON_EXIT = xasprintf("needs the role %s", api_role_name(role));
	s->site->counters.api_refused++;
	if (s->caller)
		api_audit_refusal(s, s->caller, action, why);
	http_reply_error(r, 403, "%s %s", action, why);
	return false;
}
