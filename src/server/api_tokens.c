/* SPDX-License-Identifier: ISC */
/*
 * Tokens for the API over the network. A token is "pq_ID_SECRET"; the server keeps the hash of all of it. The
 * ID is no secret: it finds the entry, whose hash is then compared in constant time. All of them are in
 * memory, so that a revoked one is gone at once, whatever the disk does.
 */
#include "crypto/base64.h"
#include "server/api.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#define API_BODY_MAX 4096
#define ID_BYTES 6
#define ID_LENGTH 12 /* hex */
#define SECRET_BYTES 32
#define PREFIX "pq_"
#define TEXT_SIZE (sizeof(PREFIX) + ID_LENGTH + 1 + BASE64_SIZE(SECRET_BYTES))
#define TTL_MAX_MS (3650 * 86400000LL)

struct api_token {
	char id[ID_LENGTH + 1], name[IDENTITY_NAME_MAX + 1], made_by[300];
	enum api_role role;
	uint8_t hash[STORE_TOKEN_SIZE];
	time_ms created, expires, used; /* expires 0: never; used: since the start */
	bool pending;                   /* it is being made or revoked */
	bool good;                      /* not before it is durable, and not once it is revoked */
	struct api_token *next;
};

static struct api_token *find(struct server *s, const char *name)
{
	struct api_token *t = s->api_tokens;
	while (t && strcmp(t->name, name) != 0)
		t = t->next;
	return t;
}

size_t api_token_count(const struct server *s)
{
	size_t n = 0;
	for (const struct api_token *t = s->api_tokens; t; t = t->next)
		n++;
	return n;
}

static void keep(struct server *s, struct api_token *t)
{
	t->next = s->api_tokens;
	s->api_tokens = t;
}

static void drop(struct server *s, struct api_token *t)
{
	struct api_token **at = &s->api_tokens;
	while (*at && *at != t)
		at = &(*at)->next;
	if (*at)
		*at = t->next;
	OPENSSL_cleanse(t, sizeof(*t));
	free(t);
}

static int load(const struct store_api_token *record, void *server)
{
	struct api_token *t = xcalloc(1, sizeof(*t));
	snprintf(t->id, sizeof(t->id), "%s", record->id);
	snprintf(t->name, sizeof(t->name), "%s", record->name);
	snprintf(t->made_by, sizeof(t->made_by), "%s", record->made_by);
	t->role = record->role > API_NOBODY && record->role <= API_ADMIN ? (enum api_role)record->role
	                                                                 : API_NOBODY;
	memcpy(t->hash, record->hash, sizeof(t->hash));
	t->created = record->created;
	t->expires = record->expires;
	t->good = true;
	keep(server, t);
	return 0;
}

int api_tokens_load(struct server *s, struct error *err)
{
	return store_each_api_token(s->store, load, s, err);
}

void api_tokens_free(struct server *s)
{
	while (s->api_tokens)
		drop(s, s->api_tokens);
}

int api_token_check(struct server *s, const char *text, struct api_caller *ret)
{
	static const struct api_token nobody;
	const struct api_token *candidate = &nobody;
	struct api_token *t = s->api_tokens;
	uint8_t hash[STORE_TOKEN_SIZE];
	size_t length = strlen(text);
	const time_ms now = clock_wall_ms();
	sha256_bytes(text, length, hash);
	if (length > strlen(PREFIX) + ID_LENGTH && memcmp(text, PREFIX, strlen(PREFIX)) == 0) {
		while (t && memcmp(t->id, text + strlen(PREFIX), ID_LENGTH) != 0)
			t = t->next;
		candidate = t ? t : &nobody;
	}
	bool equal = CRYPTO_memcmp(hash, candidate->hash, sizeof(hash)) == 0;
	OPENSSL_cleanse(hash, sizeof(hash));
	if (candidate == &nobody || !equal || !t->good)
		return -EACCES;
	if (t->expires && t->expires <= now)
		return -EKEYEXPIRED;
	t->used = now;
	ret->role = t->role;
	ret->until = t->expires;
	snprintf(ret->who, sizeof(ret->who), "token %s", t->name);
	return 0;
}

/* ---- routes ---- */

static json_t *to_json(const struct api_token *t)
{
	json_t *j = json_object();
	json_object_set_new(j, "name", json_string(t->name));
	json_object_set_new(j, "id", json_string(t->id));
	json_object_set_new(j, "role", json_string(api_role_name(t->role)));
	json_object_set_new(j, "created", api_time(t->created));
	json_object_set_new(j, "made_by", api_text(t->made_by));
	json_object_set_new(j, "expires", api_time(t->expires));
	json_object_set_new(j, "last_used", api_time(t->used));
	return j;
}

static void handle_list(struct http_request *r, void *user)
{
	struct server *s = user;
	json_t *list = json_array();
	for (const struct api_token *t = s->api_tokens; t; t = t->next)
		json_array_append_new(list, to_json(t));
	http_reply_json(r, 200, json_pack("{s:o}", "tokens", list));
}

/* What is wrong with the request, or NULL. */
static const char *read_request(json_t *body, struct api_token *t, time_ms now, struct error *err)
{
	const char *name = json_string_value(json_object_get(body, "name"));
	const char *role = json_string_value(json_object_get(body, "role"));
	const json_t *expires = json_object_get(body, "expires");
	const char *when = json_string_value(expires);
	if (!name || identity_check_name(name, err) < 0)
		return name ? err->text : "name is missing";
	if (!role || api_role_parse(role, &t->role) < 0)
		return "role is viewer, operator or admin";
	if (expires && !json_is_null(expires) &&
	        (!when || clock_parse(when, &t->expires) < 0 || t->expires <= now ||
	                t->expires > now + TTL_MAX_MS))
		return "expires is a time to come, within ten years, such as 2027-01-31";
	snprintf(t->name, sizeof(t->name), "%s", name);
	t->created = now;
	return NULL;
}

static int make_secret(struct api_token *t, char text[TEXT_SIZE])
{
	uint8_t id[ID_BYTES], secret[SECRET_BYTES];
	char encoded[BASE64_SIZE(SECRET_BYTES)];
	if (RAND_bytes(id, sizeof(id)) != 1 || RAND_bytes(secret, sizeof(secret)) != 1)
		return -EIO;
	for (size_t i = 0; i < sizeof(id); i++)
		snprintf(t->id + 2 * i, 3, "%02x", id[i]);
	base64url_encode(secret, sizeof(secret), encoded);
	snprintf(text, TEXT_SIZE, PREFIX "%s_%s", t->id, encoded);
	sha256_bytes(text, strlen(text), t->hash);
	OPENSSL_cleanse(secret, sizeof(secret));
	OPENSSL_cleanse(encoded, sizeof(encoded));
	return 0;
}

/* Answered when the token is durable: until then it is nobody's. */
struct token_reply {
	struct server *server;
	struct http_request *request; /* NULL: the client is gone */
	struct api_token *token;
	char text[TEXT_SIZE]; /* of a new one */
};

static void token_is_durable(int result, void *context)
{
	struct token_reply *reply = context;
	reply->token->good = result == 0;
	reply->token->pending = false;
	if (reply->request && result == 0) {
		json_t *j = to_json(reply->token);
		json_object_set_new(j, "token", json_string(reply->text));
		http_reply_json(reply->request, 201, j);
	} else if (reply->request) {
		http_reply_error(reply->request, 503, "the token could not be stored");
	}
	if (result < 0)
		drop(reply->server, reply->token);
	OPENSSL_cleanse(reply->text, sizeof(reply->text));
	free(reply);
}

static void client_gone(void *context)
{
	struct token_reply *reply = context;
	reply->request = NULL;
}

static void store_it(struct server *s, const struct api_token *t)
{
	struct store_api_token record = { .id = t->id,
		.name = t->name,
		.made_by = t->made_by,
		.role = (int)t->role,
		.created = t->created,
		.expires = t->expires };
	memcpy(record.hash, t->hash, sizeof(record.hash));
	store_put_api_token(s->store, &record);
	json_t *after = to_json(t);
	json_object_del(after, "last_used");
	api_audit(s, "token new", t->name, NULL, after, "done");
}

static void handle_new(struct http_request *r, void *user)
{
	struct server *s = user;
	struct error err = { "" };
	json_t *body = http_request_json(r);
	if (!body)
		return;
	struct token_reply *reply = xcalloc(1, sizeof(*reply));
	struct api_token *t = reply->token = xcalloc(1, sizeof(*t)), *old;
	const time_ms now = clock_wall_ms();
	const char *wrong = read_request(body, t, now, &err);
	int status = 400;
	json_decref(body);
	if (!wrong && (old = find(s, t->name)) && !old->pending && old->expires && old->expires <= now)
		drop(s, old); /* its row goes with the new one, whose name it has */
	if (!wrong && find(s, t->name)) {
		wrong = "there is a token of this name";
		status = 409;
	} else if (!wrong && api_token_count(s) >= API_TOKENS_MAX) {
		wrong = "there are too many tokens: revoke some";
		status = 409;
	} else if (!wrong && make_secret(t, reply->text) < 0) {
		wrong = "no random numbers";
		status = 503;
	}
	if (wrong) {
		http_reply_error(r, status, "%s", wrong);
		free(t);
		free(reply);
		return;
	}
	snprintf(t->made_by, sizeof(t->made_by), "%s", s->caller->who);
	t->pending = true;
	keep(s, t);
	store_it(s, t);
	reply->server = s;
	reply->request = r;
	http_request_on_gone(r, client_gone, reply);
	store_when_durable(s->store, token_is_durable, reply);
}

/* Until the disk has it the token stays, good for nothing, so that a revocation that failed can be ordered
 * again. */
static void revocation_is_durable(int result, void *context)
{
	struct token_reply *reply = context;
	if (reply->request && result == 0)
		http_reply_json(reply->request, 200, to_json(reply->token));
	else if (reply->request)
		http_reply_error(reply->request, 503,
		        "the token is out, but that could not be stored: order it again");
	if (result == 0)
		drop(reply->server, reply->token);
	else
		reply->token->pending = false;
	free(reply);
}

static void handle_revoke(struct http_request *r, void *user)
{
	struct server *s = user;
	const char *name = http_request_parameter(r, "name");
	struct api_token *t = find(s, name);
	if (!t || t->pending) {
		http_reply_error(r, t ? 409 : 404,
		        t ? "the token %s is being made or revoked" : "no token is called %s", name);
		return;
	}
	struct token_reply *reply = xcalloc(1, sizeof(*reply));
	char *who FREE_ON_EXIT = xasprintf("token %s", t->name);
	t->good = false;
	t->pending = true;
	store_remove_api_token(s->store, t->id);
	api_audit(s, "token revoke", t->name, to_json(t), NULL, "done");
	api_drop_followers_of(s, who);
	*reply = (struct token_reply){ .server = s, .request = r, .token = t };
	http_request_on_gone(r, client_gone, reply);
	store_when_durable(s->store, revocation_is_durable, reply);
}

static const struct api_route routes[] = {
	{ "GET", "/v1/api-tokens", handle_list, API_ADMIN, 0,
	        "The tokens for this API, without their secrets", NULL, NULL, 200, "ApiTokens" },
	{ "POST", "/v1/api-tokens", handle_new, API_ADMIN, API_BODY_MAX,
	        "Makes a token for this API; the answer has its secret, this once", NULL, "ApiTokenRequest",
	        201, "NewApiToken" },
	{ "DELETE", "/v1/api-tokens/{name}", handle_revoke, API_ADMIN, 0, "Revokes a token at once", NULL,
	        NULL, 200, "ApiToken" },
};
const struct api_family api_token_family = { routes, ARRAY_LENGTH(routes) };
