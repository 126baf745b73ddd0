/* SPDX-License-Identifier: ISC */
/* Signatures and digests: those that hold, and every way that we know of to pass off one that does not. */
#include "base/file.h"
#include "tests/unit/vuln/load_fixture.h"
#include "vuln/proof.h"
#include "vuln/proof_gpgv.h"
#include "vuln/proof_memory.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TEXT "the text that is signed\n"

static char *read_back(struct load_fixture *f, const char *name, size_t *ret_length)
{
	char *path FREE_ON_EXIT = xasprintf("%s/%s", f->root, name), *text = NULL;
	if (file_read(path, 1 << 20, &text, ret_length, &f->err) < 0)
		fail_msg("%s", f->err.text);
	return text;
}

static struct proof_keys *keys_of(struct load_fixture *f, const char *name)
{
	char *path FREE_ON_EXIT = xasprintf("%s/%s", f->root, name);
	struct proof_keys *keys = NULL;
	if (proof_keys_open(path, &keys, &f->err) < 0)
		fail_msg("%s", f->err.text);
	return keys;
}

/* Whether the signature in a file is over text, by the keys of a file. */
static int verify(struct load_fixture *f, const char *keyring, const char *signature, const char *text)
{
	size_t n;
	char signer[PROOF_FINGERPRINT_SIZE];
	struct proof_keys *keys = keys_of(f, keyring);
	char *bytes FREE_ON_EXIT = read_back(f, signature, &n);
	int r = proof_verify_detached(keys, bytes, n, text, strlen(text), signer, &f->err);
	proof_keys_close(keys);
	if (r == 0)
		assert_int_equal(strlen(signer), 40);
	return r;
}

static void prepare(struct load_fixture *f)
{
	if (!load_have_gpg())
		skip();
	load_make_key(f, "alice");
	load_make_key(f, "mallory");
	load_write(f, "text", TEXT, SIZE_MAX);
	load_sign(f, "alice", "--detach-sign", "text", "alice.asc");
	load_sign(f, "mallory", "--detach-sign", "text", "mallory.asc");
}

static void append(struct load_fixture *f, const char *to, const char *a, const char *b)
{
	size_t n, m;
	char *first FREE_ON_EXIT = read_back(f, a, &n), *second FREE_ON_EXIT = read_back(f, b, &m);
	char *both FREE_ON_EXIT = xasprintf("%s%s", first, second);
	load_write(f, to, both, SIZE_MAX);
}

static void detached_signatures(void **state)
{
	struct load_fixture *f = *state;
	prepare(f);
	assert_int_equal(verify(f, "alice.gpg", "alice.asc", TEXT), 0);
	assert_int_equal(verify(f, "alice.gpg", "alice.asc", "another text\n"), -EBADMSG);
	assert_int_equal(verify(f, "alice.gpg", "alice.asc", TEXT " "), -EBADMSG);
	assert_int_equal(verify(f, "alice.gpg", "alice.asc", ""), -EBADMSG);
	assert_int_equal(verify(f, "alice.gpg", "mallory.asc", TEXT), -EBADMSG);
	assert_non_null(strstr(f->err.text, "no key of the keyring"));
	/* Armoured keys are keys. */
	char *home FREE_ON_EXIT = xasprintf("%s/home", f->root),
	           *out FREE_ON_EXIT = xasprintf("%s/armoured.asc", f->root);
	load_run((const char *[]){ "/usr/bin/gpg", "--homedir", home, "--batch", "--armor", "--output", out,
	        "--export", "alice", "mallory", NULL });
	assert_int_equal(verify(f, "armoured.asc", "alice.asc", TEXT), 0);
	assert_int_equal(verify(f, "armoured.asc", "mallory.asc", TEXT), 0);
}

/* A message that brings its own text along is no signature over ours, whoever signed it. */
static void other_messages_are_no_signatures(void **state)
{
	struct load_fixture *f = *state;
	prepare(f);
	load_sign(f, "alice", "--sign", "text", "whole.asc");
	load_sign(f, "alice", "--clearsign", "text", "clear.asc");
	append(f, "twice.asc", "alice.asc", "mallory.asc");
	append(f, "key.asc", "alice.asc", "text");
	load_write(f, "empty.asc", "", 0);
	load_write(f, "broken.asc",
	        "-----BEGIN PGP SIGNATURE-----\n\nAAAA\n=AAAA\n-----END PGP SIGNATURE-----\n", SIZE_MAX);
	static const char *const files[] = { "whole.asc", "clear.asc", "twice.asc", "key.asc", "empty.asc",
		"broken.asc", "text" };
	for (size_t i = 0; i < ARRAY_LENGTH(files); i++)
		if (verify(f, "alice.gpg", files[i], TEXT) != -EBADMSG)
			fail_msg("%s is taken for a signature", files[i]);
}

/* A good one beside one by a stranger is good; beside one over something else, nothing is. */
static void two_signatures(void **state)
{
	struct load_fixture *f = *state;
	prepare(f);
	char *home FREE_ON_EXIT = xasprintf("%s/home", f->root);
	char *in FREE_ON_EXIT = xasprintf("%s/text", f->root),
	         *out FREE_ON_EXIT = xasprintf("%s/two.asc", f->root);
	load_run((const char *[]){ "/usr/bin/gpg", "--homedir", home, "--batch", "--armor", "--local-user",
	        "alice", "--local-user", "mallory", "--output", out, "--detach-sign", in, NULL });
	assert_int_equal(verify(f, "alice.gpg", "two.asc", TEXT), 0);
	assert_int_equal(verify(f, "mallory.gpg", "two.asc", TEXT), 0);
	assert_int_equal(verify(f, "alice.gpg", "two.asc", "another text\n"), -EBADMSG);
	load_make_key(f, "carol");
	assert_int_equal(verify(f, "carol.gpg", "two.asc", TEXT), -EBADMSG);
}

static void weak_and_old_signatures(void **state)
{
	struct load_fixture *f = *state;
	prepare(f);
	char *home FREE_ON_EXIT = xasprintf("%s/home", f->root),
	           *in FREE_ON_EXIT = xasprintf("%s/text", f->root);
	char *sha1 FREE_ON_EXIT = xasprintf("%s/sha1.asc", f->root),
	           *old FREE_ON_EXIT = xasprintf("%s/old.asc", f->root);
	char *ring FREE_ON_EXIT = xasprintf("%s/expired.gpg", f->root);
	load_run((const char *[]){ "/usr/bin/gpg", "--homedir", home, "--batch", "--armor", "--local-user",
	        "alice", "--digest-algo", "SHA1", "--output", sha1, "--detach-sign", in, NULL });
	assert_int_equal(verify(f, "alice.gpg", "sha1.asc", TEXT), -EBADMSG);
	load_run((const char *[]){ "/usr/bin/gpg", "--homedir", home, "--batch", "--faked-system-time",
	        "20200101T000000", "--passphrase", "", "--quick-gen-key", "expired", "ed25519", "sign", "1d",
	        NULL });
	load_run((const char *[]){ "/usr/bin/gpg", "--homedir", home, "--batch", "--armor",
	        "--faked-system-time", "20200101T010000", "--local-user", "expired", "--output", old,
	        "--detach-sign", in, NULL });
	load_run((const char *[]){ "/usr/bin/gpg", "--homedir", home, "--batch", "--output", ring, "--export",
	        "expired", NULL });
	assert_int_equal(verify(f, "expired.gpg", "old.asc", TEXT), -EBADMSG);
	assert_non_null(strstr(f->err.text, "expired"));
}

static int verify_clear(struct load_fixture *f, const char *message, char **ret_text)
{
	size_t n;
	char signer[PROOF_FINGERPRINT_SIZE];
	struct proof_keys *keys = keys_of(f, "alice.gpg");
	int r = proof_verify_clearsigned(keys, message, strlen(message), ret_text, &n, signer, &f->err);
	proof_keys_close(keys);
	return r;
}

static void signed_texts(void **state)
{
	struct load_fixture *f = *state;
	size_t n;
	prepare(f);
	load_write(f, "lines", "one\n- two\n\nthree\n", SIZE_MAX);
	load_sign(f, "alice", "--clearsign", "lines", "lines.asc");
	char *message FREE_ON_EXIT = read_back(f, "lines.asc", &n), *text FREE_ON_EXIT = NULL,
	              *stripped FREE_ON_EXIT = NULL;
	assert_int_equal(verify_clear(f, message, &text), 0);
	assert_string_equal(text, "one\n- two\n\nthree\n");
	assert_int_equal(proof_strip_clearsigned(message, n, &stripped, &n, &f->err), 0);
	assert_string_equal(stripped, text);
	static const char *const forms[] = { "%sand more\n", "before\n%s", "%1$s%1$s", "\n\n%sx" };
	for (size_t i = 0; i < ARRAY_LENGTH(forms); i++) {
		char *changed FREE_ON_EXIT = xasprintf(forms[i], message), *ignored = NULL;
		assert_int_equal(verify_clear(f, changed, &ignored), -EBADMSG);
		assert_int_equal(
		        proof_strip_clearsigned(changed, strlen(changed), &ignored, &n, &f->err), -EBADMSG);
		assert_null(ignored);
	}
	char *at = memmem(message, strlen(message), "three", 5), *ignored = NULL;
	memcpy(at, "seven", 5);
	assert_int_equal(verify_clear(f, message, &ignored), -EBADMSG);
}

static void keyrings(void **state)
{
	struct load_fixture *f = *state;
	struct proof_keys *keys = NULL;
	static const char *const texts[] = { "", "not a key\n",
		"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n!!!!\n-----END PGP PUBLIC KEY BLOCK-----\n",
		"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDME\n" };
	char *path FREE_ON_EXIT = xasprintf("%s/ring", f->root);
	assert_int_equal(proof_keys_open(path, &keys, &f->err), -ENOENT);
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		load_write(f, "ring", texts[i], SIZE_MAX);
		assert_int_equal(proof_keys_open(path, &keys, &f->err), -EINVAL);
	}
}

#define HASH256 "9834876dcfb05cb167a5c24953eba58c4ac89b1adf57f28f2f9d09af107ee8f0" /* of "aaa" */
static void digest_files(void **state)
{
	static const struct {
		const char *file;
		int result;
	} rows[] = { { HASH256, 0 }, { HASH256 "\n", 0 }, { HASH256 "  a.json\n", 0 },
		{ HASH256 " *a.json\n\n", 0 }, { HASH256 "  ./x/a.json\n", 0 },
		{ HASH256 "  b.json\n", -EBADMSG }, { HASH256 "  a.json\n" HASH256 "  b.json\n", -EBADMSG },
		{ "", -EBADMSG }, { "\n", -EBADMSG }, { "00" HASH256, -EBADMSG },
		{ HASH256 "a.json", -EBADMSG },
		{ "1834876dcfb05cb167a5c24953eba58c4ac89b1adf57f28f2f9d09af107ee8f0  a.json", -EBADMSG } };
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct error err = { "" };
		int r = proof_check_digest_file(
		        PROOF_SHA256, rows[i].file, strlen(rows[i].file), "folder/a.json", "aaa", 3, &err);
		if (r != rows[i].result)
			fail_msg("row %zu: %d %s", i, r, err.text);
	}
	assert_int_equal(
	        proof_check_digest_file(PROOF_SHA512, HASH256, 64, "a.json", "aaa", 3, NULL), -EBADMSG);
}

#define FPR "A8914CA2F11139C6A69A0018FB3CD9B15DE61596"
#define VALID "[GNUPG:] VALIDSIG " FPR " 2024-09-17 1 0 4 0 22 10 00 " FPR "\n"
#define GOOD "[GNUPG:] NEWSIG\n[GNUPG:] GOODSIG FB3CD9B15DE61596 name\n"
static void status_lines(void **state)
{
	static const struct {
		const char *status;
		int result;
	} rows[] = {
		{ GOOD VALID, 0 },
		{ "", -EBADMSG },
		{ VALID, -EBADMSG }, /* an expired key's is valid too */
		{ "[GNUPG:] NEWSIG\n[GNUPG:] EXPKEYSIG FB3CD9B15DE61596 name\n" VALID, -EBADMSG },
		{ "[GNUPG:] NEWSIG\n[GNUPG:] REVKEYSIG FB3CD9B15DE61596 name\n" VALID, -EBADMSG },
		{ GOOD "[GNUPG:] NEWSIG\n[GNUPG:] EXPKEYSIG FB3CD9B15DE61596 name\n" VALID, -EBADMSG },
		{ GOOD VALID "[GNUPG:] NEWSIG\n[GNUPG:] BADSIG 1 name\n", -EBADMSG },
		{ "[GNUPG:] NEWSIG\n[GNUPG:] ERRSIG 1 22 10 00 1 9 -\n[GNUPG:] NO_PUBKEY 1\n" GOOD VALID, 0 },
		{ GOOD VALID "[GNUPG:] NEWSIG\n[GNUPG:] ERRSIG 1 22 10 00 1 9 -\n", 0 },
		/* What a name holds is not a status. */
		{ "[GNUPG:] NEWSIG\n[GNUPG:] BADSIG 1 x GOODSIG\ngpgv: " GOOD, -EBADMSG },
		/* Over text, whose white space at the ends of lines does not count. */
		{ GOOD "[GNUPG:] VALIDSIG " FPR " 2024-09-17 1 0 4 0 22 10 01 " FPR "\n", -EBADMSG },
		{ GOOD "[GNUPG:] VALIDSIG 1234 2024-09-17 1 0 4 0 22 10 00 1234\n", -EBADMSG },
		{ GOOD GOOD GOOD GOOD GOOD GOOD GOOD GOOD GOOD GOOD GOOD GOOD GOOD GOOD GOOD GOOD GOOD VALID,
		        -EBADMSG },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		char *status FREE_ON_EXIT = xstrdup(rows[i].status), signer[PROOF_FINGERPRINT_SIZE];
		struct error err = { "" };
		int r = proof_judge_status(status, false, signer, &err);
		if (r != rows[i].result)
			fail_msg("row %zu: %d %s", i, r, err.text);
		if (r == 0)
			assert_string_equal(signer, FPR);
	}
}

/* What was good stays so for a day, for these bytes and this keyring alone. */
static void memory(void **state)
{
	struct load_fixture *f = *state;
	struct proof_keys *keys = NULL, *others = NULL;
	struct proof_memory_key key, other;
	if (!load_have_gpg())
		return;
	load_make_key(f, "vendor");
	load_make_key(f, "stranger");
	char *vendor FREE_ON_EXIT = xasprintf("%s/vendor.gpg", f->root);
	char *stranger FREE_ON_EXIT = xasprintf("%s/stranger.gpg", f->root);
	char *path FREE_ON_EXIT = xasprintf("%s/memory", f->root);
	const time_ms now = 1800000000000;
	assert_int_equal(proof_keys_open(vendor, &keys, &f->err), 0);
	assert_int_equal(proof_keys_open(stranger, &others, &f->err), 0);
	struct proof_memory *m = proof_memory_open(path, keys, now);
	assert_false(proof_memory_has(m, "sig", 3, "text", 4, &key));
	proof_memory_add(m, &key);
	assert_true(proof_memory_has(m, "sig", 3, "text", 4, &other));
	/* Where one ends and the other begins counts. */
	assert_false(proof_memory_has(m, "sigt", 4, "ext", 3, &other));
	assert_false(proof_memory_has(m, "sig", 3, "text ", 5, &other));
	assert_int_equal(proof_memory_write(m, path, &f->err), 0);
	proof_memory_close(m);
	m = proof_memory_open(path, keys, now + PROOF_MEMORY_MS - 1);
	assert_true(proof_memory_has(m, "sig", 3, "text", 4, &other));
	/* Used again, it is as old as it was. */
	assert_int_equal(proof_memory_write(m, path, &f->err), 0);
	proof_memory_close(m);
	static const time_ms bad_times[] = { PROOF_MEMORY_MS, -1 };
	for (size_t i = 0; i < ARRAY_LENGTH(bad_times); i++) {
		m = proof_memory_open(path, keys, now + bad_times[i]);
		assert_false(proof_memory_has(m, "sig", 3, "text", 4, &other));
		proof_memory_close(m);
	}
	m = proof_memory_open(path, others, now);
	assert_false(proof_memory_has(m, "sig", 3, "text", 4, &other));
	/* What nobody asked for is not written again. */
	assert_int_equal(proof_memory_write(m, path, &f->err), 0);
	proof_memory_close(m);
	m = proof_memory_open(path, keys, now);
	assert_false(proof_memory_has(m, "sig", 3, "text", 4, &other));
	proof_memory_close(m);
	load_write(f, "memory", "PQPROOF1 and something else", SIZE_MAX);
	m = proof_memory_open(path, keys, now);
	assert_false(proof_memory_has(m, "sig", 3, "text", 4, &other));
	proof_memory_close(m);
	assert_false(proof_memory_has(NULL, "sig", 3, "text", 4, &other));
	proof_keys_close(keys);
	proof_keys_close(others);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(detached_signatures, load_set_up, load_tear_down),
		cmocka_unit_test_setup_teardown(
		        other_messages_are_no_signatures, load_set_up, load_tear_down),
		cmocka_unit_test_setup_teardown(two_signatures, load_set_up, load_tear_down),
		cmocka_unit_test_setup_teardown(weak_and_old_signatures, load_set_up, load_tear_down),
		cmocka_unit_test_setup_teardown(signed_texts, load_set_up, load_tear_down),
		cmocka_unit_test_setup_teardown(keyrings, load_set_up, load_tear_down),
		cmocka_unit_test_setup_teardown(memory, load_set_up, load_tear_down),
		cmocka_unit_test(digest_files),
		cmocka_unit_test(status_lines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
