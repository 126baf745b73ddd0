/* SPDX-License-Identifier: ISC */
/*
 * DSSE, version 1: {"payloadType", "payload" (base64), "signatures": [{"keyid", "sig" (base64)}]}. Signed is
 * PAE(type, payload) = "DSSEv1" SP LEN(type) SP type SP LEN(payload) SP payload, lengths in ASCII decimal. A
 * key id only says which key to try: a wrong one makes a signature that does not count.
 */
#include "vuln/tree/envelope.h"

#include "crypto/base64.h"
#include "vuln/tree/fields.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TYPE_SIZE 256
#define TYPE_FORMAT "application/vnd.pratique.%s+json;repository="
#define SIGNATURE_SIZE 64

static const char *const refusal_names[TREE_N_REFUSALS] = {
	[TREE_GOOD] = "good",
	[TREE_MALFORMED] = "malformed",
	[TREE_UNSIGNED] = "unsigned",
	[TREE_FOREIGN] = "foreign",
	[TREE_ROLLED_BACK] = "rolled-back",
	[TREE_SKIPPED] = "skipped",
	[TREE_EXPIRED] = "expired",
	[TREE_AHEAD] = "ahead",
	[TREE_ALTERED] = "altered",
	[TREE_ENDLESS] = "endless",
	[TREE_CUT] = "cut",
	[TREE_EXTRANEOUS] = "extraneous",
	[TREE_MISSING] = "missing",
	[TREE_UNREACHABLE] = "unreachable",
};

const char *tree_refusal_name(enum tree_refusal refusal)
{
	return refusal_names[refusal];
}

const char *tree_role_text(enum tree_role_name role)
{
	return role == TREE_ROLE_ROOT ? "root" : "index";
}

bool tree_name_good(const char *repository)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
	size_t n = strspn(repository, good);
	return n > 0 && !repository[n] && n < TREE_NAME_SIZE && repository[0] != '.';
}

static void write_type(enum tree_role_name role, const char *repository, char type[TYPE_SIZE])
{
	snprintf(type, TYPE_SIZE, TYPE_FORMAT "%s", tree_role_text(role), repository);
}

/* Without white space, which would make many texts of one: whoever carries an envelope makes no other of it.
 */
static bool is_whole_base64(size_t n_text, size_t n_bytes)
{
	return n_text == (n_bytes + 2) / 3 * 4;
}

/* Base64 of at most `most` bytes; the caller frees. NULL where it is none. */
static uint8_t *decode(const char *text, size_t most, size_t *ret_length)
{
	size_t n = strlen(text), room = n / 4 * 3 + 3;
	if (n / 4 * 3 > most + 2)
		return NULL;
	uint8_t *bytes = xmalloc(room);
	if (base64_decode(text, n, bytes, room, ret_length) == 0 && *ret_length <= most &&
	        is_whole_base64(n, *ret_length))
		return bytes;
	free(bytes);
	return NULL;
}

static bool read_signature(const json_t *json, struct envelope_signature *ret, struct error *err)
{
	struct fields f = fields_begin(json, "signature", err);
	char text[BASE64_SIZE(SIGNATURE_SIZE)];
	size_t n = 0;
	fields_hex(&f, "keyid", ret->key, sizeof(ret->key));
	fields_text(&f, "sig", text, sizeof(text), false);
	if (!f.failed &&
	        (base64_decode(text, strlen(text), ret->bytes, sizeof(ret->bytes), &n) < 0 ||
	                n != SIGNATURE_SIZE || !is_whole_base64(strlen(text), n)))
		fields_fail(&f, "\"sig\" is not the base64 of %d bytes", SIGNATURE_SIZE);
	return fields_end(&f);
}

static bool read_envelope(const json_t *json, size_t most, struct envelope *e, struct error *err)
{
	struct fields f = fields_begin(json, "envelope", err);
	char type[TYPE_SIZE];
	fields_text(&f, "payloadType", type, sizeof(type), false);
	const json_t *payload = fields_has(&f, "payload") ? json_object_get(json, "payload") : NULL;
	if (json_is_string(payload))
		e->payload = decode(json_string_value(payload), most, &e->payload_length);
	if (!e->payload)
		fields_fail(&f, "\"payload\" is no base64");
	f.taken++;
	const json_t *list = fields_array(&f, "signatures", TREE_SIGNATURES_MAX);
	for (size_t i = 0; i < json_array_size(list); i++)
		if (!read_signature(json_array_get(list, i), &e->signatures[e->n_signatures++], err))
			return false;
	e->type = xstrdup(type);
	return fields_end(&f);
}

int envelope_open(const void *bytes, size_t length, size_t most, struct envelope *ret, struct error *err)
{
	struct envelope e = { .type = NULL };
	if (length > most) {
		error_set(err, -EFBIG, "envelope: larger than %zu bytes", most);
		return TREE_ENDLESS;
	}
	json_t *json = fields_parse(bytes, length, "envelope", err);
	bool good = json && read_envelope(json, most, &e, err);
	json_decref(json);
	if (!good) {
		envelope_clear(&e);
		return TREE_MALFORMED;
	}
	*ret = e;
	return 0;
}

void envelope_clear(struct envelope *e)
{
	free(e->type);
	free(e->payload);
	memset(e, 0, sizeof(*e));
}

int envelope_check_type(
        const struct envelope *e, enum tree_role_name role, const char *repository, struct error *err)
{
	char type[TYPE_SIZE];
	write_type(role, repository, type);
	if (strcmp(type, e->type) == 0)
		return 0;
	error_set(err, -EBADMSG, "it is \"%.120s\", not the %s of %s", e->type, tree_role_text(role),
	        repository);
	return TREE_FOREIGN;
}

const char *envelope_repository(const struct envelope *e, enum tree_role_name role)
{
	char prefix[TYPE_SIZE];
	write_type(role, "", prefix);
	size_t n = strlen(prefix);
	return strncmp(e->type, prefix, n) == 0 && tree_name_good(e->type + n) ? e->type + n : NULL;
}

static uint8_t *pre_authentication(const struct envelope *e, size_t *ret_length)
{
	char *head FREE_ON_EXIT =
	        xasprintf("DSSEv1 %zu %s %zu ", strlen(e->type), e->type, e->payload_length);
	size_t n = strlen(head);
	uint8_t *bytes = xmalloc(n + e->payload_length + 1);
	memcpy(bytes, head, n + 1);
	memcpy(bytes + n, e->payload, e->payload_length);
	*ret_length = n + e->payload_length;
	return bytes;
}

static bool signed_by(
        const struct envelope *e, const struct tree_key *key, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < e->n_signatures; i++)
		if (memcmp(e->signatures[i].key, key->id, sizeof(key->id)) == 0 &&
		        key_verify(key->key, bytes, length, e->signatures[i].bytes, SIGNATURE_SIZE) == 0)
			return true;
	return false;
}

bool envelope_signed_by(const struct envelope *e, const struct tree_key *key)
{
	size_t length;
	uint8_t *bytes FREE_ON_EXIT = pre_authentication(e, &length);
	return signed_by(e, key, bytes, length);
}

int envelope_check_signatures(
        const struct envelope *e, const struct tree_root *root, enum tree_role_name role, struct error *err)
{
	const struct tree_role *r = &root->roles[role];
	size_t length, good = 0;
	uint8_t *bytes FREE_ON_EXIT = pre_authentication(e, &length);
	for (size_t i = 0; i < r->n_keys; i++)
		good += signed_by(e, &root->keys[r->keys[i]], bytes, length);
	if (good >= r->threshold)
		return 0;
	error_set(err, -EBADMSG,
	        "%zu good signatures by keys of the role \"%s\" of root %" PRIu64 ", but %zu are needed",
	        good, tree_role_text(role), root->version, r->threshold);
	return TREE_UNSIGNED;
}

/* ---- writing ---- */

static char *format_envelope(const struct envelope *e)
{
	char *payload FREE_ON_EXIT = xmalloc(BASE64_SIZE(e->payload_length));
	base64_encode(e->payload, e->payload_length, payload);
	json_t *signatures = json_array();
	for (size_t i = 0; i < e->n_signatures; i++) {
		char key[2 * KEY_THUMBPRINT_SIZE + 1], sig[BASE64_SIZE(SIGNATURE_SIZE)];
		hex_format(e->signatures[i].key, KEY_THUMBPRINT_SIZE, key);
		base64_encode(e->signatures[i].bytes, SIGNATURE_SIZE, sig);
		json_array_append_new(signatures, json_pack("{s:s, s:s}", "keyid", key, "sig", sig));
	}
	json_t *json = json_pack(
	        "{s:s, s:s, s:o}", "payloadType", e->type, "payload", payload, "signatures", signatures);
	char *text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	return text;
}

char *tree_envelope_make(enum tree_role_name role, const char *repository, const char *payload)
{
	char type[TYPE_SIZE];
	write_type(role, repository, type);
	const struct envelope e = {
		.type = type, .payload = (uint8_t *)payload, .payload_length = strlen(payload)
	};
	return format_envelope(&e);
}

/* Puts the signature in, instead of one that the same key made before. */
static int put_signature(struct envelope *e, const struct envelope_signature *s, struct error *err)
{
	size_t i = 0;
	while (i < e->n_signatures && memcmp(e->signatures[i].key, s->key, sizeof(s->key)) != 0)
		i++;
	if (i == TREE_SIGNATURES_MAX)
		return error_set(err, -E2BIG, "there are %d signatures already", TREE_SIGNATURES_MAX);
	e->signatures[i] = *s;
	e->n_signatures = MAX(e->n_signatures, i + 1);
	return 0;
}

int tree_envelope_sign(const char *envelope, size_t length, EVP_PKEY *key, char **ret, struct error *err)
{
	struct envelope e;
	struct envelope_signature s;
	enum key_kind kind;
	if (key_get_kind(key, &kind) < 0 || kind != KEY_ED25519)
		return error_set(err, -EINVAL, "the key is no Ed25519 key");
	int r = envelope_open(envelope, length, TREE_INDEX_MAX, &e, err);
	if (r)
		return r < 0 ? r : -EINVAL;
	size_t n;
	uint8_t *bytes FREE_ON_EXIT = pre_authentication(&e, &n);
	r = key_thumbprint(key, s.key) < 0 ? error_set(err, -EIO, "the key has no thumbprint") : 0;
	if (r == 0)
		r = key_sign(key, bytes, n, s.bytes, err);
	if (r == 0)
		r = put_signature(&e, &s, err);
	if (r == 0)
		*ret = format_envelope(&e);
	envelope_clear(&e);
	return r;
}

int tree_envelope_merge(const char *a, const char *b, char **ret, struct error *err)
{
	struct envelope ea = { .type = NULL }, eb = { .type = NULL };
	int r = envelope_open(a, strlen(a), TREE_INDEX_MAX, &ea, err);
	if (r == 0)
		r = envelope_open(b, strlen(b), TREE_INDEX_MAX, &eb, err);
	if (r > 0)
		r = -EINVAL;
	if (r == 0 &&
	        (strcmp(ea.type, eb.type) != 0 || ea.payload_length != eb.payload_length ||
	                memcmp(ea.payload, eb.payload, ea.payload_length) != 0))
		r = error_set(err, -EINVAL, "the signatures are under two different texts");
	for (size_t i = 0; r == 0 && i < eb.n_signatures; i++)
		r = put_signature(&ea, &eb.signatures[i], err);
	if (r == 0)
		*ret = format_envelope(&ea);
	envelope_clear(&ea);
	envelope_clear(&eb);
	return r;
}
