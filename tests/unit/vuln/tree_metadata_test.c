/* SPDX-License-Identifier: ISC */
/* root.json and index.json: who may sign what, for which repository, and in which order roots follow. */
#include "tests/unit/test.h"

#include "crypto/base64.h"
#include "tests/unit/directory.h"
#include "tests/unit/vuln/tree_site.h"

#include <errno.h>
#include <string.h>

#define SIGNERS(...) ((EVP_PKEY *const[]){ __VA_ARGS__, NULL })

static struct tree_root first_root(struct site *s)
{
	char *path FREE_ON_EXIT = site_root_path(s, 1);
	char *text FREE_ON_EXIT = NULL;
	size_t n;
	struct tree_root root;
	assert_int_equal(file_read(path, TREE_ROOT_MAX, &text, &n, NULL), 0);
	assert_int_equal(tree_root_open(text, n, &root, NULL), 0);
	return root;
}

/* What opening this as the root after the first says. */
static int open_next(struct site *s, const char *text, struct error *err)
{
	struct tree_root trusted = first_root(s), next;
	int r = tree_root_open_next(&trusted, text, strlen(text), &next, err);
	if (r == 0)
		tree_root_clear(&next);
	tree_root_clear(&trusted);
	return r;
}

static void roots_are_what_was_written(void **state)
{
	struct tree_root root = first_root(*state);
	assert_string_equal(root.repository, "example.org");
	assert_int_equal(root.version, 1);
	assert_int_equal(root.epoch, 1);
	assert_int_equal(root.n_keys, 4);
	assert_int_equal(root.roles[TREE_ROLE_ROOT].threshold, 2);
	assert_int_equal(root.roles[TREE_ROLE_ROOT].n_keys, 3);
	assert_int_equal(root.roles[TREE_ROLE_INDEX].n_keys, 1);
	assert_true(root.expires == SITE_NOW + 365 * SITE_DAY);
	tree_root_clear(&root);
}

static void thresholds_are_of_old_and_new_keys(void **state)
{
	struct site *s = *state;
	EVP_PKEY **k = s->root_keys;
	struct tree_root next = site_next_root(s);
	struct error err = { "" };
	site_drop_key(&next, TREE_ROLE_ROOT, k[0]);
	site_drop_key(&next, TREE_ROLE_ROOT, k[1]);
	site_add_key(&next, TREE_ROLE_ROOT, k[3]); /* 2 and 3 from now on; 0, 1, 2 before */
	const struct {
		EVP_PKEY *signers[4];
		int result;
	} rows[] = {
		{ { k[0], k[1], NULL }, TREE_UNSIGNED },       /* the old ones alone */
		{ { k[2], k[3], NULL }, TREE_UNSIGNED },       /* the new ones alone: one of the old */
		{ { k[0], k[3], NULL }, TREE_UNSIGNED },       /* one of each */
		{ { k[0], k[1], k[3], NULL }, TREE_UNSIGNED }, /* one of the new */
		{ { k[0], k[2], k[3], NULL }, TREE_GOOD },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		char *text FREE_ON_EXIT = site_sign(&next, rows[i].signers);
		assert_int_equal(open_next(s, text, &err), rows[i].result);
	}
	tree_root_clear(&next);
}

static void roots_follow_one_by_one(void **state)
{
	struct site *s = *state;
	struct error err = { "" };
	struct tree_root next = site_next_root(s);
	const struct {
		uint64_t version, epoch;
		const char *repository;
		int result;
	} rows[] = { { 2, 1, "example.org", TREE_GOOD }, { 2, 2, "example.org", TREE_GOOD },
		{ 1, 1, "example.org", TREE_ROLLED_BACK }, { 3, 1, "example.org", TREE_SKIPPED },
		{ 2, 1, "example.net", TREE_FOREIGN } };
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		next.version = rows[i].version;
		next.epoch = rows[i].epoch;
		snprintf(next.repository, sizeof(next.repository), "%s", rows[i].repository);
		char *text FREE_ON_EXIT = site_sign(&next, SIGNERS(s->root_keys[0], s->root_keys[1]));
		assert_int_equal(open_next(s, text, &err), rows[i].result);
	}
	tree_root_clear(&next);
}

static void epochs_do_not_go_back(void **state)
{
	struct site *s = *state;
	struct tree_root second = site_next_root(s), third;
	struct error err;
	second.epoch = 5;
	char *text FREE_ON_EXIT = site_sign(&second, SIGNERS(s->root_keys[0], s->root_keys[1]));
	second.version = 3;
	second.epoch = 4;
	char *lower FREE_ON_EXIT = site_sign(&second, SIGNERS(s->root_keys[0], s->root_keys[1]));
	struct tree_root trusted = first_root(s), now;
	assert_int_equal(tree_root_open_next(&trusted, text, strlen(text), &now, &err), 0);
	assert_int_equal(tree_root_open_next(&now, lower, strlen(lower), &third, &err), TREE_ROLLED_BACK);
	tree_root_clear(&trusted);
	tree_root_clear(&now);
	tree_root_clear(&second);
}

/* Writes one signature of the envelope several times, also under other key ids. */
static char *with_signatures(const char *envelope, const char *const *key_ids, size_t n)
{
	const char *list = strstr(envelope, "\"signatures\":[") + strlen("\"signatures\":[");
	const char *sig = strstr(list, "\"sig\":");
	size_t sig_length = strcspn(sig, "}");
	char *out = xasprintf("%.*s", (int)(list - envelope), envelope);
	for (size_t i = 0; i < n; i++) {
		char *more = xasprintf(
		        "%s%s{\"keyid\":\"%s\",%.*s}", out, i ? "," : "", key_ids[i], (int)sig_length, sig);
		free(out);
		out = more;
	}
	char *whole = xasprintf("%s]}", out);
	free(out);
	return whole;
}

static const char *id_text(EVP_PKEY *key, char text[65])
{
	uint8_t id[KEY_THUMBPRINT_SIZE];
	key_thumbprint(key, id);
	for (size_t i = 0; i < sizeof(id); i++)
		sprintf(text + 2 * i, "%02x", id[i]);
	return text;
}

static void one_key_counts_once(void **state)
{
	struct site *s = *state;
	struct error err;
	struct tree_root next = site_next_root(s);
	char id[65], other[65];
	const char *same[] = { id_text(s->root_keys[0], id), id, id };
	char *text FREE_ON_EXIT = site_sign(&next, SIGNERS(s->root_keys[0]));
	char *thrice FREE_ON_EXIT = with_signatures(text, same, 3);
	assert_int_equal(open_next(s, thrice, &err), TREE_UNSIGNED);
	assert_non_null(strstr(err.text, "1 good signatures"));
	/* Key id confusion: the same signature under another key's id is none of that key. */
	const char *confused[] = { id, id_text(s->root_keys[1], other) };
	char *under FREE_ON_EXIT = with_signatures(text, confused, 2);
	assert_int_equal(open_next(s, under, &err), TREE_UNSIGNED);
	/* A wrong id in front of the right one does not hide it. */
	char *both FREE_ON_EXIT = site_sign(&next, SIGNERS(s->root_keys[0], s->root_keys[1]));
	assert_int_equal(open_next(s, both, &err), TREE_GOOD);
	tree_root_clear(&next);
}

static void unknown_keys_do_not_count(void **state)
{
	struct site *s = *state;
	struct error err;
	struct tree_root next = site_next_root(s);
	char *text FREE_ON_EXIT = site_sign(&next, SIGNERS(s->root_keys[0], s->root_keys[3]));
	assert_int_equal(open_next(s, text, &err), TREE_UNSIGNED);
	char *index_key FREE_ON_EXIT = site_sign(&next, SIGNERS(s->root_keys[0], s->index_keys[0]));
	assert_int_equal(open_next(s, index_key, &err), TREE_UNSIGNED);
	tree_root_clear(&next);
}

static void payload_is_what_is_signed(void **state)
{
	struct site *s = *state;
	struct error err;
	struct tree_root next = site_next_root(s);
	char *text FREE_ON_EXIT = site_sign(&next, SIGNERS(s->root_keys[0], s->root_keys[1]));
	next.epoch = 2;
	char *changed FREE_ON_EXIT = site_sign(&next, SIGNERS(s->root_keys[0]));
	/* The signatures of one under the payload of the other. */
	char *a = strstr(text, "\"signatures\""), *b = strstr(changed, "\"signatures\"");
	char *swapped FREE_ON_EXIT = xasprintf("%.*s%s", (int)(b - changed), changed, a);
	assert_int_equal(open_next(s, swapped, &err), TREE_UNSIGNED);
	tree_root_clear(&next);
}

/* Adds the order of Ed25519's group to the second half of the first signature: the same equation, other
 * bytes. */
static void malleate(char *envelope)
{
	static const uint8_t order[32] = { 0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
		0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10 };
	char *text = strstr(envelope, "\"sig\":\"") + strlen("\"sig\":\""), made[BASE64_SIZE(64)];
	uint8_t sig[64];
	size_t n;
	assert_int_equal(base64_decode(text, strcspn(text, "\""), sig, sizeof(sig), &n), 0);
	for (unsigned i = 0, carry = 0; i < 32; i++, carry >>= 8) {
		carry += (unsigned)sig[32 + i] + order[i];
		sig[32 + i] = (uint8_t)carry;
	}
	base64_encode(sig, sizeof(sig), made);
	memcpy(text, made, sizeof(made) - 1);
}

/* One text for one envelope, and one signature for one text, as far as others could make another of them. */
static void nobody_makes_another_envelope(void **state)
{
	struct site *s = *state;
	struct error err;
	struct tree_root next = site_next_root(s);
	char *good FREE_ON_EXIT = site_sign(&next, SIGNERS(s->root_keys[0], s->root_keys[1]));
	static const char *const behind[] = { "x", "{}", "]", "\n{}", ",", "//" };
	static const struct {
		const char *from, *to;
	} changes[] = { { "{\"payloadType\"", "{\"payloadType\":\"x\",\"payloadType\"" },
		{ "\"payload\":", "\"payload\":\"\",\"payload\":" },
		{ "{\"payloadType\"", "\xef\xbb\xbf{\"payloadType\"" },
		{ "{\"payloadType\"", "{\"more\":1,\"payloadType\"" },
		{ "\"signatures\":[", "\"signatures\":[null," }, { "\"sig\":\"", "\"sig\":\" " },
		{ "\"sig\":\"", "\"sig\":\"\\u0000" }, { "\"payload\":\"", "\"payload\":\"\\n" },
		{ "\"keyid\":\"", "\"keyid\":\"0" } };
	assert_int_equal(open_next(s, good, &err), TREE_GOOD);
	for (size_t i = 0; i < ARRAY_LENGTH(behind); i++) {
		char *more FREE_ON_EXIT = xasprintf("%s%s", good, behind[i]);
		assert_int_equal(open_next(s, more, &err), TREE_MALFORMED);
	}
	for (size_t i = 0; i < ARRAY_LENGTH(changes); i++) {
		const char *at = strstr(good, changes[i].from);
		char *other FREE_ON_EXIT = xasprintf(
		        "%.*s%s%s", (int)(at - good), good, changes[i].to, at + strlen(changes[i].from));
		if (open_next(s, other, &err) != TREE_MALFORMED)
			fail_msg("taken with %s", changes[i].to);
	}
	malleate(good);
	assert_int_equal(open_next(s, good, &err), TREE_UNSIGNED);
	assert_non_null(strstr(err.text, "1 good signatures"));
	tree_root_clear(&next);
}

static struct tree_index small_index(const char *repository)
{
	struct tree_index index = {
		.point = { 1, 7 }, .root = 1, .time = SITE_NOW, .expires = SITE_NOW + SITE_DAY
	};
	snprintf(index.repository, sizeof(index.repository), "%s", repository);
	return index;
}

static int open_index(struct site *s, const char *text, struct error *err)
{
	struct tree_root root = first_root(s);
	struct tree_index index;
	int r = tree_index_open(&root, text, strlen(text), &index, err);
	if (r == 0)
		tree_index_clear(&index);
	tree_root_clear(&root);
	return r;
}

static void roles_and_repositories_are_apart(void **state)
{
	struct site *s = *state;
	struct error err = { "" };
	struct tree_index index = small_index("example.org");
	char *payload FREE_ON_EXIT = tree_index_format(&index);
	snprintf(index.repository, sizeof(index.repository), "example.net");
	char *foreign FREE_ON_EXIT = tree_index_format(&index);
	EVP_PKEY *const *index_key = SIGNERS(s->index_keys[0]);
	const struct {
		enum tree_role_name role;
		const char *repository, *payload;
		EVP_PKEY *const *keys;
		int result;
	} rows[] = {
		{ TREE_ROLE_INDEX, "example.org", payload, index_key, TREE_GOOD },
		{ TREE_ROLE_ROOT, "example.org", payload, index_key, TREE_FOREIGN },
		{ TREE_ROLE_INDEX, "example.net", payload, index_key, TREE_FOREIGN },
		{ TREE_ROLE_INDEX, "example.org", foreign, index_key, TREE_FOREIGN },
		{ TREE_ROLE_INDEX, "example.org", payload, SIGNERS(s->root_keys[0], s->root_keys[1]),
		        TREE_UNSIGNED },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		char *text FREE_ON_EXIT =
		        site_sign_payload(rows[i].role, rows[i].repository, rows[i].payload, rows[i].keys);
		assert_int_equal(open_index(s, text, &err), rows[i].result);
	}
	/* The type is signed: another one over the same signature. */
	char *text FREE_ON_EXIT = site_sign_payload(TREE_ROLE_ROOT, "example.org", payload, index_key);
	strstr(text, "root+json")[0] = 'b';
	assert_int_equal(open_index(s, text, &err), TREE_FOREIGN);
	/* A root where an index is wanted, and the other way round. */
	char *path FREE_ON_EXIT = site_root_path(s, 1);
	char *root FREE_ON_EXIT = NULL;
	assert_int_equal(file_read(path, TREE_ROOT_MAX, &root, NULL, NULL), 0);
	assert_int_equal(open_index(s, root, &err), TREE_FOREIGN);
	char *good FREE_ON_EXIT = site_sign_payload(TREE_ROLE_INDEX, "example.org", payload, index_key);
	assert_int_equal(open_next(s, good, &err), TREE_FOREIGN);
}

static void index_threshold_is_kept(void **state)
{
	struct site *s = *state;
	struct error err = { "" };
	struct tree_root next = site_next_root(s), opened;
	struct tree_index index = small_index("example.org"), got;
	char *payload FREE_ON_EXIT = tree_index_format(&index);
	site_add_key(&next, TREE_ROLE_INDEX, s->index_keys[1]);
	next.roles[TREE_ROLE_INDEX].threshold = 2;
	char *root FREE_ON_EXIT = site_sign(&next, SIGNERS(s->root_keys[0], s->root_keys[1]));
	struct tree_root trusted = first_root(s);
	assert_int_equal(tree_root_open_next(&trusted, root, strlen(root), &opened, &err), 0);
	char *one FREE_ON_EXIT =
	        site_sign_payload(TREE_ROLE_INDEX, "example.org", payload, SIGNERS(s->index_keys[1]));
	char *two FREE_ON_EXIT = site_sign_payload(
	        TREE_ROLE_INDEX, "example.org", payload, SIGNERS(s->index_keys[1], s->index_keys[0]));
	assert_int_equal(tree_index_open(&opened, one, strlen(one), &got, &err), TREE_UNSIGNED);
	assert_int_equal(tree_index_open(&opened, two, strlen(two), &got, &err), 0);
	tree_index_clear(&got);
	/* Two people's copies make one. */
	char *other FREE_ON_EXIT =
	        site_sign_payload(TREE_ROLE_INDEX, "example.org", payload, SIGNERS(s->index_keys[0]));
	char *merged FREE_ON_EXIT = NULL;
	assert_int_equal(tree_envelope_merge(one, other, &merged, &err), 0);
	assert_int_equal(tree_index_open(&opened, merged, strlen(merged), &got, &err), 0);
	tree_index_clear(&got);
	assert_int_equal(tree_envelope_merge(one, root, &merged, &err), -EINVAL);
	tree_root_clear(&opened);
	tree_root_clear(&trusted);
	tree_root_clear(&next);
}

static void times_have_a_tolerance(void **state)
{
	struct tree_index index = small_index("example.org");
	struct error err = { "" };
	const int64_t skew = TREE_SKEW_MS;
	assert_int_equal(tree_index_check_time(&index, index.expires + skew, skew, &err), 0);
	assert_int_equal(tree_index_check_time(&index, index.expires + skew + 1, skew, &err), TREE_EXPIRED);
	assert_int_equal(tree_index_check_time(&index, index.time - skew, skew, &err), 0);
	assert_int_equal(tree_index_check_time(&index, index.time - skew - 1, skew, &err), TREE_AHEAD);
	assert_non_null(strstr(err.text, "300 s"));
	struct tree_root root = first_root(*state);
	assert_int_equal(tree_root_check_time(&root, root.expires + skew, skew, &err), 0);
	assert_int_equal(tree_root_check_time(&root, root.expires + skew + 1, skew, &err), TREE_EXPIRED);
	tree_root_clear(&root);
}

/* One change to a good payload each, signed by the right key: what no strict reader takes. */
static void payloads_are_read_strictly(void **state)
{
	struct site *s = *state;
	struct error err = { "" };
	static const char good[] =
	        "{\"format\":1,\"role\":\"index\",\"repository\":\"example.org\",\"root\":1,\"epoch\":1,"
	        "\"generation\":7,"
	        "\"time\":\"2026-01-01T00:00:00Z\",\"expires\":\"2026-01-02T00:00:00Z\",\"sources\":[{"
	        "\"name\":\"own\","
	        "\"origin\":\"\",\"licence\":\"\",\"trust\":\"signed\",\"precedence\":10}],\"shards\":[{"
	        "\"name\":\"Debian\","
	        "\"generation\":7,\"records\":2,\"ecosystems\":[\"Debian:11\",\"Debian:12\"],\"snapshot\":{"
	        "\"generation\":5,"
	        "\"sha256\":\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\",\"length\":"
	        "10,"
	        "\"unpacked\":20,\"records\":1},\"deltas\":[{\"from\":5,\"to\":7,"
	        "\"sha256\":\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeefe\",\"length\":"
	        "10,"
	        "\"unpacked\":20,\"records\":1}]}]}";
	static const struct {
		const char *from, *to;
	} changes[] = {
		{ "\"format\":1", "\"format\":2" },
		{ "\"format\":1,", "" },
		{ "\"format\":1", "\"format\":1,\"more\":1" },
		{ "\"epoch\":1", "\"epoch\":1,\"epoch\":1" },
		{ "\"role\":\"index\"", "\"role\":\"root\"" },
		{ "\"generation\":7", "\"generation\":0" },
		{ "\"generation\":7", "\"generation\":-7" },
		{ "\"generation\":7", "\"generation\":7.5" },
		{ "\"generation\":7", "\"generation\":9007199254740992" },
		{ "\"generation\":7", "\"generation\":\"7\"" },
		{ "\"generation\":7", "\"generation\":7e0" },
		{ "\"generation\":7", "\"generation\":9223372036854775807" },
		{ "\"generation\":7", "\"generation\":18446744073709551623" }, /* 2^64 + 7 */
		{ "\"generation\":7", "\"generation\":007" },
		{ "\"generation\":7", "\"generation\":null" },
		{ "\"epoch\":1", "\"epoch\":18446744073709551617" },
		{ "2026-01-02T00:00:00Z", "9999-12-31T23:59:59Z" },
		{ "2026-01-02T00:00:00Z", "10000-01-01T00:00:00Z" },
		{ "2026-01-01T00:00:00Z", "-001-01-01T00:00:00Z" },
		{ "2026-01-01T00:00:00Z", "1969-12-31T23:59:59Z" },
		{ "2026-01-01T00:00:00Z", "2026-01-01T24:00:00Z" },
		{ "2026-01-02T00:00:00Z", "2026-02-30T00:00:00Z" },
		{ "2026-01-02T00:00:00Z", "2026-01-02T00:00:00Z\\n" },
		{ "2026-01-01T00:00:00Z", "2026-01-03T00:00:00Z" },
		{ "2026-01-02T00:00:00Z", "2126-01-02T00:00:00Z" },
		{ "2026-01-02T00:00:00Z", "tomorrow" },
		{ "\"name\":\"Debian\"", "\"name\":\"\"" },
		{ "\"name\":\"Debian\"", "\"name\":\"De\\nbian\"" },
		{ "\"Debian:11\"", "\"Debian:13\"" },
		{ "\"Debian:11\"", "\"Debian:\\u001b[2J\"" },
		{ "\"length\":10", "\"length\":0" },
		{ "\"length\":10", "\"length\":4294967297" },
		{ "\"unpacked\":20", "\"unpacked\":34359738369" },
		{ "00112233445566778899aabb", "00112233445566778899AABB" },
		{ "00112233445566778899aabb", "112233445566778899aabb" },
		{ "\"from\":5", "\"from\":6" },
		{ "\"from\":5,\"to\":7", "\"from\":7,\"to\":7" },
		{ "\"from\":5,\"to\":7", "\"from\":5,\"to\":6" },
		{ "\"to\":7", "\"to\":8" },
		{ "\"generation\":5", "\"generation\":8" },
		{ "\"generation\":7,\"records\":2", "\"generation\":8,\"records\":2" },
		{ "\"records\":2", "\"records\":2,\"withdrawn\":true" },
	};
	EVP_PKEY *const *keys = SIGNERS(s->index_keys[0]);
	char *text FREE_ON_EXIT = site_sign_payload(TREE_ROLE_INDEX, "example.org", good, keys);
	assert_int_equal(open_index(s, text, &err), TREE_GOOD);
	for (size_t i = 0; i < ARRAY_LENGTH(changes); i++) {
		const char *at = strstr(good, changes[i].from);
		assert_non_null(at);
		char *payload FREE_ON_EXIT = xasprintf(
		        "%.*s%s%s", (int)(at - good), good, changes[i].to, at + strlen(changes[i].from));
		char *signed_text FREE_ON_EXIT =
		        site_sign_payload(TREE_ROLE_INDEX, "example.org", payload, keys);
		if (open_index(s, signed_text, &err) != TREE_MALFORMED)
			fail_msg("taken: %s", payload);
	}
}

static void points_have_one_text(void **state)
{
	struct tree_point p;
	char text[TREE_POINT_SIZE];
	assert_int_equal(tree_point_parse("3.17", &p), 0);
	assert_string_equal(tree_point_format(p, text), "3.17");
	static const char *const bad[] = { "", "3", "3.", ".3", "03.1", "3.01", "+3.1", "3.1 ",
		"3.9007199254740992" };
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		assert_int_equal(tree_point_parse(bad[i], &p), -EINVAL);
	assert_true(tree_point_order((struct tree_point){ 2, 1 }, (struct tree_point){ 1, 9 }) > 0);
	assert_true(tree_point_order((struct tree_point){ 2, 1 }, (struct tree_point){ 2, 1 }) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(roots_are_what_was_written, site_setup, site_teardown),
		cmocka_unit_test_setup_teardown(
		        thresholds_are_of_old_and_new_keys, site_setup, site_teardown),
		cmocka_unit_test_setup_teardown(roots_follow_one_by_one, site_setup, site_teardown),
		cmocka_unit_test_setup_teardown(epochs_do_not_go_back, site_setup, site_teardown),
		cmocka_unit_test_setup_teardown(one_key_counts_once, site_setup, site_teardown),
		cmocka_unit_test_setup_teardown(unknown_keys_do_not_count, site_setup, site_teardown),
		cmocka_unit_test_setup_teardown(payload_is_what_is_signed, site_setup, site_teardown),
		cmocka_unit_test_setup_teardown(nobody_makes_another_envelope, site_setup, site_teardown),
		cmocka_unit_test_setup_teardown(roles_and_repositories_are_apart, site_setup, site_teardown),
		cmocka_unit_test_setup_teardown(index_threshold_is_kept, site_setup, site_teardown),
		cmocka_unit_test_setup_teardown(times_have_a_tolerance, site_setup, site_teardown),
		cmocka_unit_test_setup_teardown(payloads_are_read_strictly, site_setup, site_teardown),
		cmocka_unit_test(points_have_one_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
