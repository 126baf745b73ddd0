/* SPDX-License-Identifier: ISC */
/* Enrolment tokens: one use each, for one name and role. */
#include "crypto/base64.h"
#include "server/api.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#define API_BODY_MAX 65536
#define TOKEN_BYTES 20 /* of randomness */
#define TOKEN_TTL_DEFAULT_MS 3600000LL
#define TOKEN_TTL_MAX_MS (30 * 86400000LL)

/* Answered when the token is durable: until then it is nobody's. */
struct token_reply {
	struct server *server;
	struct http_request *request; /* NULL: the client is gone */
	char token[BASE64_SIZE(TOKEN_BYTES)];
	char name[256], role[32];
	bool replaces;
	time_ms expires;
};

static void token_is_durable(int result, void *context)
{
	struct token_reply *t = context;
	if (t->request && result == 0) {
		json_t *j = json_pack("{s:s, s:s, s:s}", "name", t->name, "role", t->role, "token", t->token);
		json_object_set_new(j, "expires", api_time(t->expires));
		http_reply_json(t->request, 201, j);
	} else if (t->request) {
		http_reply_error(t->request, 503, "the token could not be stored");
	}
	OPENSSL_cleanse(t->token, sizeof(t->token));
	free(t);
}

static void token_client_gone(void *context)
{
	struct token_reply *t = context;
	t->request = NULL;
}

static int make_token(struct server *s, struct token_reply *t, time_ms ttl, struct error *err)
{
	const time_ms now = clock_wall_ms();
	uint8_t bytes[TOKEN_BYTES];
	struct store_token record = { .name = t->name,
		.role = t->role,
		.created = now,
		.expires = now + ttl,
		.replaces = t->replaces };
	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return error_set(err, -EIO, "no random numbers");
	base64url_encode(bytes, sizeof(bytes), t->token);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	sha256_bytes(t->token, strlen(t->token), record.hash);
	t->expires = record.expires;
	return store_put_token(s->store, &record, now, err);
}

static const char *read_token_request(json_t *body, struct token_reply *t, time_ms *ret_ttl)
{
	const char *name = json_string_value(json_object_get(body, "name"));
	const char *role = json_string_value(json_object_get(body, "role"));
	const json_t *ttl = json_object_get(body, "ttl_ms");
	enum identity_role parsed;
	static struct error err;
	*ret_ttl = ttl ? json_integer_value(ttl) : TOKEN_TTL_DEFAULT_MS;
	if (!name || identity_check_name(name, &err) < 0)
		return name ? err.text : "name is missing";
	if (!role)
		role = "node";
	if (identity_role_parse(role, &parsed) < 0)
		return "role is node, server, enforcer, vis, monitor, concentrator or operator";
	if (*ret_ttl < 1000 || *ret_ttl > TOKEN_TTL_MAX_MS)
		return "ttl_ms is between one second and 30 days";
	snprintf(t->name, sizeof(t->name), "%s", name);
	snprintf(t->role, sizeof(t->role), "%s", role);
	t->replaces = json_is_true(json_object_get(body, "replace"));
	return NULL;
}

static void handle_tokens(struct http_request *r, void *user)
{
	struct server *s = user;
	struct error err = { "" };
	time_ms ttl;
	json_t *body = http_request_json(r);
	if (!body)
		return;
	struct token_reply *t = xcalloc(1, sizeof(*t));
	const char *wrong = read_token_request(body, t, &ttl);
	json_decref(body);
	if (!s->est)
		wrong = "this server does not enrol: it has no ca_directory";
	else if (!wrong && strcmp(t->role, "node") != 0 &&
	        !api_may(s, r, API_ADMIN, "an enrolment token for a program of the site")) {
		free(t);
		return;
	}
	if (!wrong && strcmp(t->role, "node") == 0 &&
	        site_may_enrol(s->site, t->name, t->replaces, &err) < 0) {
		http_reply_error(r, 409, "%s", err.text);
		free(t);
		return;
	}
	if (wrong || make_token(s, t, ttl, &err) < 0) {
		http_reply_error(r, wrong ? 400 : 503, "%s", wrong ? wrong : err.text);
		free(t);
		return;
	}
	t->server = s;
	t->request = r;
	http_request_on_gone(r, token_client_gone, t);
	site_note(s->site, clock_wall_ms(), "token", site_find_node(s->site, t->name), NULL,
	        "an enrolment token for %s (%s) was made%s", t->name, t->role,
	        t->replaces ? ", which may replace its key" : "");
	json_t *after = json_pack("{s:s, s:b}", "role", t->role, "replace", t->replaces);
	json_object_set_new(after, "expires", api_time(t->expires));
	api_audit(s, "enrolment token", t->name, NULL, after, "done");
	store_when_durable(s->store, token_is_durable, t);
}

static const struct api_route routes[] = {
	{ "POST", "/v1/tokens", handle_tokens, API_OPERATOR, API_BODY_MAX,
	        "Makes a one-time enrolment token; for another role than node that takes an admin", NULL,
	        "TokenRequest", 201, "Token" },
};
const struct api_family api_enrolment_family = { routes, ARRAY_LENGTH(routes) };
