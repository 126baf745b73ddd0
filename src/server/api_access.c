/* SPDX-License-Identifier: ISC */
/*
 * Who asks the API and what he may: on the Unix socket the user says it (root and the service's own user are
 * admins, the group of the socket has socket_group_role); nobody gets further than his role.
 */
#include "server/api.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
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

int api_identify(struct server *s, struct http_request *r, struct api_caller *ret, struct error *err)
{
	uid_t uid;
	*ret = (struct api_caller){ .role = API_NOBODY };
	if (http_request_user(r, &uid) == 0)
		return identify_user(s, uid, ret, err);
	error_set(err, -EACCES, "this is for the Unix socket");
	return 403;
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
