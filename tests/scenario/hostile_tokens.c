/* SPDX-License-Identifier: ISC */
/*
 * Quarantine certificates and postures that are not the node's own, or not of now: replayed, relayed, forged.
 * None stands in for an inspection; and a posture that is signed for another session admits nobody.
 */
#include "tests/scenario/hostile.h"

#include "agent/conversation.h"
#include "base/file.h"
#include "crypto/base64.h"

#include <stdio.h>
#include <string.h>

/* One assessment, and what is wrong with it. */
struct
try {
	struct conversation *conversation;
	struct hostile_peer *peer;
	struct posture *posture;
	EVP_PKEY *key;
	bool was_asked, is_over;
	char *certificate, *recommendation;
};

static void on_send(void *context, const void *batch, size_t length)
{
	struct try *t = context;
	if (pttls_send_batch(t->peer->pttls, batch, length) == 0)
		hostile_flush(t->peer);
}

static void on_want_posture(void *context)
{
	struct try *t = context;
	t->was_asked = true;
	(void)conversation_answer(t->conversation, t->posture);
}

static void on_retry(void *context)
{
}

static void on_decided(void *context, const struct conversation_result *result)
{
	struct try *t = context;
	const char *said = json_string_value(json_object_get(result->json, "recommendation"));
	free(t->certificate);
	free(t->recommendation);
	t->certificate = xstrdup(result->certificate);
	t->recommendation = xstrdup(said ? said : "");
	t->is_over = true;
}

static void on_note(void *context, const char *text)
{
	printf("# %s\n", text);
}

static void on_end(void *context, const char *why)
{
	struct try *t = context;
	printf("# the end: %s\n", why);
	t->is_over = true;
}

static void on_batch(struct hostile_peer *p, const uint8_t *bytes, size_t n)
{
	struct try *t = p->user;
	conversation_receive(t->conversation, bytes, n);
}

static bool is_over(const struct hostile_peer *p)
{
	return ((const struct try *)p->user)->is_over;
}

static struct posture *make_posture(void)
{
	struct posture *p = posture_new();
	const struct posture_package package = { "deb", "hostile", "1", "amd64", "hostile", "1" };
	p->os_id = "debian";
	p->os_version = "12";
	p->packages_known = true;
	if (posture_add_package(p, &package) < 0)
		abort();
	return p;
}

/* key NULL: the node's own. exporter_flip: the posture is signed for another session. */
static struct try assess(const char *certificate, EVP_PKEY *key, bool exporter_flip)
{
	static const struct conversation_effects effects = { .send = on_send,
		.retry = on_retry,
		.want_posture = on_want_posture,
		.decided = on_decided,
		.note = on_note,
		.end = on_end };
	char *key_path FREE_ON_EXIT = xasprintf("%s/%s.key", h.site, h.name);
	EVP_PKEY *own CLEANUP(key_free_pointer) = NULL;
	SSL_CTX *ctx = hostile_context(h.site, h.name);
	struct hostile_peer p;
	struct try t = { .peer = &p, .posture = make_posture() };
	uint8_t digest[32];
	if (key_load(key_path, &own, NULL) < 0)
		abort();
	bool reached = hostile_connect(&p, ctx) && hostile_negotiate(&p);
	p.user = &t;
	p.on_batch = on_batch;
	struct conversation_config config = { .key = key ? key : own, .effects = effects, .context = &t };
	memcpy(config.exporter, p.exporter, sizeof(config.exporter));
	config.exporter[0] ^= exporter_flip;
	t.conversation = conversation_new(&config);
	posture_digest(t.posture, digest);
	if (reached && conversation_begin(t.conversation, digest, certificate) == 0)
		hostile_listen(&p, is_over, 15000);
	conversation_free(t.conversation);
	posture_free(t.posture);
	hostile_close(&p);
	SSL_CTX_free(ctx);
	if (!t.recommendation)
		t.recommendation = xstrdup("");
	return t;
}

static void forget(struct try *t)
{
	free(t->certificate);
	free(t->recommendation);
}

/* It is refused and counted; the node is inspected in full instead. */
static void expect_refused(const char *what, const char *certificate)
{
	int64_t before = hostile_counter("certificates_refused");
	struct try t = assess(certificate, NULL, false);
	hostile_check(t.was_asked && hostile_counted("certificates_refused", before),
	        "%s: not accepted, inspected in full", what);
	forget(&t);
}

/* part 0: header, 1: claims. Its text with `from` replaced by `to`, the rest as it was. */
static char *change(const char *token, int part, const char *from, const char *to)
{
	const char *begin = token;
	for (int i = 0; i < part; i++)
		begin = strchr(begin, '.') + 1;
	size_t length = strcspn(begin, "."), size;
	uint8_t plain[TOKEN_TEXT_MAX + 1];
	if (base64url_decode(begin, length, plain, sizeof(plain) - 1, &size) < 0)
		abort();
	plain[size] = '\0';
	char *at = strstr((char *)plain, from);
	if (!at)
		abort();
	char *changed FREE_ON_EXIT =
	        xasprintf("%.*s%s%s", (int)(at - (char *)plain), (char *)plain, to, at + strlen(from));
	char *coded FREE_ON_EXIT = xmalloc(BASE64_SIZE(strlen(changed)));
	base64url_encode(changed, strlen(changed), coded);
	return xasprintf("%.*s%s%s", (int)(begin - token), token, coded, begin + length);
}

/* With claims of our choice, by this key. */
static char *sign_again(const char *token, EVP_PKEY *verify, EVP_PKEY *sign, int what)
{
	struct token_claims c;
	char *text = NULL;
	struct error err = { "" };
	if (token_verify(token, verify, clock_wall_ms(), &c, &err) < 0) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	if (what == 1) {
		c.issued -= 3000000;
		c.expires = clock_wall_ms() - 1000;
	} else if (what == 2) {
		snprintf(c.port, sizeof(c.port), "port-alice");
	} else if (what == 3) {
		snprintf(c.node, sizeof(c.node), "alice");
	} else if (what == 4) {
		c.posture_digest[0] ^= 1;
	} else if (what == 5) {
		snprintf(c.issuer, sizeof(c.issuer), "another");
	}
	if (token_issue(&c, sign, &text, &err) < 0) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	return text;
}

static void try_signed(const char *token)
{
	static const struct {
		const char *name;
		int what;
	} rows[] = { { "expired, by the server's own key", 1 },
		{ "of another port, by the server's own key", 2 },
		{ "of another node, by the server's own key", 3 },
		{ "of another posture, by the server's own key", 4 },
		{ "of another server, by the server's own key", 5 } };
	char *path FREE_ON_EXIT = xasprintf("%s/state/token.key", h.site);
	EVP_PKEY *own CLEANUP(key_free_pointer) = NULL, *other CLEANUP(key_free_pointer) = NULL;
	if (key_load(path, &own, NULL) < 0 || key_generate(KEY_ED25519, &other, NULL) < 0)
		abort();
	char *forged FREE_ON_EXIT = sign_again(token, own, other, 0);
	expect_refused("by another key", forged);
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		char *text FREE_ON_EXIT = sign_again(token, own, own, rows[i].what);
		expect_refused(rows[i].name, text);
	}
}

static void try_changed(const char *token)
{
	static const struct {
		const char *name;
		int part;
		const char *from, *to;
	} rows[] = {
		{ "algorithm none", 0, "EdDSA", "none" },
		{ "another algorithm", 0, "EdDSA", "ES256" },
		{ "a key of its own", 0, "\"typ\"", "\"jwk\":{\"kty\":\"OKP\"},\"typ\"" },
		{ "a kid", 0, "\"typ\"", "\"kid\":\"1\",\"typ\"" },
		{ "another name in the claims", 1, "forger", "friend" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		char *text FREE_ON_EXIT = change(token, rows[i].part, rows[i].from, rows[i].to);
		expect_refused(rows[i].name, text);
	}
	char *cut FREE_ON_EXIT = xstrndup(token, strlen(token) - 10);
	expect_refused("cut short", cut);
}

void hostile_run_tokens(void)
{
	EVP_PKEY *other CLEANUP(key_free_pointer) = NULL;
	char *path FREE_ON_EXIT = xasprintf("%s/%s.token", h.site, h.name);
	if (key_generate(KEY_P256, &other, NULL) < 0)
		abort();
	struct try first = assess(NULL, NULL, false);
	hostile_check(strcmp(first.recommendation, "allowed") == 0 && first.certificate,
	        "an honest inspection is allowed");
	if (!first.certificate)
		return;
	int64_t before = hostile_counter("assessments_short");
	struct try second = assess(first.certificate, NULL, false);
	hostile_check(!second.was_asked && hostile_counted("assessments_short", before) && second.certificate,
	        "its certificate stands in for the next");
	forget(&second);
	second = assess(NULL, NULL, false);
	expect_refused("replayed, another was issued since", first.certificate);
	forget(&second);
	second = assess(NULL, NULL, false);
	try_changed(second.certificate);
	try_signed(second.certificate);
	/* Postures. */
	before = hostile_counter("signatures_refused");
	struct try t = assess(NULL, NULL, true);
	hostile_check(
	        strcmp(t.recommendation, "quarantined") == 0 && hostile_counted("signatures_refused", before),
	        "a posture signed for another session: quarantine");
	forget(&t);
	before = hostile_counter("signatures_refused");
	t = assess(NULL, other, false);
	hostile_check(
	        strcmp(t.recommendation, "quarantined") == 0 && hostile_counted("signatures_refused", before),
	        "a posture signed by another key: quarantine");
	forget(&t);
	t = assess(NULL, NULL, false);
	hostile_check(
	        strcmp(t.recommendation, "allowed") == 0 && t.certificate, "an honest one is allowed again");
	if (t.certificate)
		(void)file_replace(path, t.certificate, strlen(t.certificate), 0600, NULL);
	forget(&t);
	forget(&first);
	forget(&second);
}

void hostile_run_relay(const char *path)
{
	char *text FREE_ON_EXIT = NULL;
	size_t length;
	if (file_read(path, TOKEN_TEXT_MAX, &text, &length, NULL) < 0)
		abort();
	expect_refused("relayed from another attachment", text);
}
