/* SPDX-License-Identifier: ISC */
/* From one CA to the next, with a directory that is whole at any moment. */
#include "base/file.h"
#include "crypto/ca_files.h"
#include "crypto/ca_rollover.h"
#include "crypto/openssl.h"
#include "crypto/pair.h"
#include "tests/unit/directory.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *dir;
static time_ms now;

static int setup(void **state)
{
	char *made = directory_make();
	*state = made;
	dir = made;
	now = clock_wall_ms();
	char *out FREE_ON_EXIT = xasprintf("%s/out", dir);
	return ca_init(dir, "Example Site", KEY_P256, NULL) < 0 ||
	                ca_issue(dir, ROLE_NODE, "alice", NULL, KEY_P256, 30, out, NULL) < 0 ||
	                ca_issue(dir, ROLE_SERVER, "srv", NULL, KEY_P256, 30, out, NULL) < 0
	        ? -1
	        : 0;
}

static int teardown(void **state)
{
	directory_remove(*state);
	return 0;
}

static struct bundle trusted(void)
{
	struct bundle b = { 0 };
	struct error err;
	char *path FREE_ON_EXIT = xasprintf("%s/ca.pem", dir);
	if (bundle_load(path, &b, &err) < 0)
		fail_msg("%s", err.text);
	return b;
}

static X509 *certificate_of(const char *name)
{
	X509 *certificate = NULL;
	char *path FREE_ON_EXIT = xasprintf("%s/out/%s.pem", dir, name);
	assert_int_equal(certificate_load(path, &certificate, NULL), 0);
	return certificate;
}

/* The CAs of now have their lists, the first has its key and signs. */
static void expect_whole(void)
{
	struct error err;
	struct bundle b CLEANUP(bundle_clear) = trusted();
	struct bundle_crls crls CLEANUP(bundle_clear_crls) = { 0 };
	EVP_PKEY *key CLEANUP(key_free_pointer) = NULL;
	X509 *certificate CLEANUP(certificate_free_pointer) = NULL;
	uint8_t *der FREE_ON_EXIT = NULL;
	size_t length;
	char *crl FREE_ON_EXIT = xasprintf("%s/ca.crl", dir);
	if (bundle_load_crls(&b, crl, &crls, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(key_generate(KEY_ED25519, &key, NULL), 0);
	assert_int_equal(request_make(key, "carol", &der, &length, NULL), 0);
	if (ca_enrol(dir, der, length, "carol", ROLE_NODE, 86400000, &certificate, &err) < 0)
		fail_msg("%s", err.text);
	assert_ptr_equal(bundle_issuer(&b, certificate), b.certificates[0]);
}

static enum ca_phase phase_of(size_t *ret_waiting)
{
	struct ca_rollover r;
	struct error err;
	if (ca_rollover_read(dir, now, &r, &err) < 0)
		fail_msg("%s", err.text);
	enum ca_phase phase = r.phase;
	if (ret_waiting)
		*ret_waiting = r.n_waiting;
	ca_rollover_clear(&r);
	return phase;
}

static void note(const char *name)
{
	X509 *certificate CLEANUP(certificate_free_pointer) = certificate_of(name);
	assert_int_equal(ca_rollover_note(dir, certificate, now, NULL), 0);
}

static void renew(const char *name)
{
	struct error err;
	char *certificate FREE_ON_EXIT = xasprintf("%s/out/%s.pem", dir, name),
	                  *key FREE_ON_EXIT = xasprintf("%s/out/%s.key", dir, name);
	if (ca_reissue(dir, certificate, key, 30, &err) < 0)
		fail_msg("%s", err.text);
}

static void nobody_is_left_behind(void **state)
{
	struct error err;
	size_t waiting;
	assert_int_equal(phase_of(&waiting), CA_STEADY);
	assert_int_equal(waiting, 0);
	assert_int_equal(ca_rollover_switch(dir, false, now, &err), -EPROTO);
	assert_int_equal(ca_rollover_retire(dir, true, now, &err), -EPROTO);
	assert_int_equal(ca_rollover_abort(dir, true, now, &err), -EPROTO);
	struct bundle first CLEANUP(bundle_clear) = trusted();

	assert_int_equal(ca_rollover_prepare(dir, KEY_ED25519, now, &err), 0);
	assert_int_equal(ca_rollover_prepare(dir, KEY_P256, now, &err), -EALREADY);
	assert_int_equal(phase_of(&waiting), CA_PREPARED);
	assert_int_equal(waiting, 2);
	expect_whole();
	note("alice");
	note("alice");
	assert_int_equal(ca_rollover_switch(dir, false, now, &err), -EBUSY);
	assert_non_null(strstr(err.text, "server srv"));
	assert_null(strstr(err.text, "alice"));
	note("srv");
	assert_int_equal(ca_rollover_switch(dir, false, now, &err), 0);
	assert_int_equal(phase_of(&waiting), CA_SWITCHED);
	assert_int_equal(waiting, 2);
	expect_whole();
	struct bundle both CLEANUP(bundle_clear) = trusted();
	assert_int_equal(both.n, 2);
	assert_int_equal(X509_cmp(both.certificates[1], first.certificates[0]), 0);

	/* Whoever has not renewed is still let in, and can be revoked. */
	X509 *old CLEANUP(certificate_free_pointer) = certificate_of("alice");
	assert_ptr_equal(bundle_issuer(&both, old), both.certificates[1]);
	renew("alice");
	renew("srv");
	note("alice");
	assert_int_equal(ca_rollover_retire(dir, false, now, &err), -EBUSY);
	assert_non_null(strstr(err.text, "server srv"));
	note("srv");
	assert_int_equal(ca_rollover_retire(dir, false, now, &err), 0);
	assert_int_equal(phase_of(NULL), CA_STEADY);
	expect_whole();
	struct bundle last CLEANUP(bundle_clear) = trusted();
	assert_int_equal(last.n, 1);
	assert_null(bundle_issuer(&last, old));
	X509 *new CLEANUP(certificate_free_pointer) = certificate_of("alice");
	assert_non_null(bundle_issuer(&last, new));

	/* And once more, back to the other kind of key. */
	assert_int_equal(ca_rollover_prepare(dir, KEY_P256, now, &err), 0);
	assert_int_equal(ca_rollover_switch(dir, true, now, &err), 0);
	assert_int_equal(ca_rollover_retire(dir, true, now, &err), 0);
	expect_whole();
	struct ca_rollover r;
	assert_int_equal(ca_rollover_read(dir, now, &r, NULL), 0);
	assert_string_equal(r.signer, "Example Site CA 3");
	ca_rollover_clear(&r);
}

static void revocation_goes_on(void **state)
{
	struct error err;
	X509 *old CLEANUP(certificate_free_pointer) = certificate_of("alice");
	char *crl FREE_ON_EXIT = xasprintf("%s/ca.crl", dir);
	assert_int_equal(ca_rollover_prepare(dir, KEY_P256, now, &err), 0);
	assert_int_equal(ca_rollover_switch(dir, true, now, &err), 0);
	assert_int_equal(ca_revoke(dir, "alice", "keyCompromise", now, NULL, &err), 0);
	struct bundle b CLEANUP(bundle_clear) = trusted();
	struct bundle_crls crls CLEANUP(bundle_clear_crls) = { 0 };
	assert_int_equal(bundle_load_crls(&b, crl, &crls, &err), 0);
	assert_int_equal(crls.n, 2);
	assert_true(bundle_revokes(&crls, old));
	X509 *srv CLEANUP(certificate_free_pointer) = certificate_of("srv");
	assert_false(bundle_revokes(&crls, srv));
	/* The revoked hold nothing that anybody would wait for, and nobody renews them. */
	size_t waiting;
	assert_int_equal(phase_of(&waiting), CA_SWITCHED);
	assert_int_equal(waiting, 1);
	char *certificate FREE_ON_EXIT = xasprintf("%s/out/alice.pem", dir),
	                  *key FREE_ON_EXIT = xasprintf("%s/out/alice.key", dir);
	assert_int_equal(ca_reissue(dir, certificate, key, 30, &err), -EKEYREVOKED);
}

static void every_step_can_be_taken_back(void **state)
{
	struct error err;
	struct bundle first CLEANUP(bundle_clear) = trusted();
	assert_int_equal(ca_rollover_prepare(dir, KEY_P256, now, &err), 0);
	assert_int_equal(ca_rollover_abort(dir, false, now, &err), 0);
	assert_int_equal(phase_of(NULL), CA_STEADY);
	expect_whole();
	struct bundle again CLEANUP(bundle_clear) = trusted();
	assert_true(bundle_equal(&first, &again));

	assert_int_equal(ca_rollover_prepare(dir, KEY_P256, now, &err), 0);
	assert_int_equal(ca_rollover_switch(dir, true, now, &err), 0);
	renew("alice");
	assert_int_equal(ca_rollover_abort(dir, false, now, &err), 0);
	assert_int_equal(phase_of(NULL), CA_PREPARED);
	expect_whole();
	/* Alice would be locked out. */
	assert_int_equal(ca_rollover_abort(dir, false, now, &err), -EBUSY);
	assert_non_null(strstr(err.text, "node alice"));
	renew("alice");
	assert_int_equal(ca_rollover_abort(dir, false, now, &err), 0);
	assert_int_equal(phase_of(NULL), CA_STEADY);
	expect_whole();
}

/* ---- kill -9 ---- */

static int take_step(int step)
{
	switch (step) {
	case 0:
		return ca_rollover_prepare(dir, KEY_P256, now, NULL);
	case 1:
		return ca_rollover_switch(dir, true, now, NULL);
	default:
		return ca_rollover_retire(dir, true, now, NULL);
	}
}

/* Kills a child that takes the step, after so many microseconds. */
static void take_step_and_die(int step, long after_us)
{
	pid_t child = fork();
	if (child == 0) {
		(void)take_step(step);
		_exit(0);
	}
	assert_true(child > 0);
	const struct timespec t = { 0, after_us * 1000 };
	(void)nanosleep(&t, NULL);
	(void)kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

static void a_crash_leaves_it_whole(void **state)
{
	static const enum ca_phase before[] = { CA_STEADY, CA_PREPARED, CA_SWITCHED };
	unsigned died_before = 0, died_after = 0;
	for (int round = 0; round < 20; round++)
		for (int step = 0; step < 3; step++) {
			take_step_and_die(step, 150 + (round * 977 + step * 331) % 6000);
			expect_whole();
			bool still = phase_of(NULL) == before[step];
			++*(still ? &died_before : &died_after);
			/* What was not done is done now, whatever was left behind. */
			if (still)
				assert_int_equal(take_step(step), 0);
			expect_whole();
			assert_int_equal(phase_of(NULL), before[(step + 1) % 3]);
		}
	print_message("# killed before the step %u times, after it %u times\n", died_before, died_after);
	struct bundle b CLEANUP(bundle_clear) = trusted();
	assert_int_equal(b.n, 1);
}

/* What only a crash between two files leaves. */
static void keys_are_found_wherever_a_crash_left_them(void **state)
{
	struct error err;
	char *key FREE_ON_EXIT = xasprintf("%s/ca.key", dir),
	          *next FREE_ON_EXIT = xasprintf("%s/next.key", dir);
	/* Retired, but the new key has not got its place. */
	assert_int_equal(rename(key, next), 0);
	EVP_PKEY *old CLEANUP(key_free_pointer) = NULL;
	assert_int_equal(key_generate(KEY_P256, &old, NULL), 0);
	assert_int_equal(key_save(old, key, NULL), 0);
	expect_whole();
	assert_int_equal(phase_of(NULL), CA_STEADY);
	assert_int_equal(ca_rollover_prepare(dir, KEY_P256, now, &err), 0);
	assert_int_equal(phase_of(NULL), CA_PREPARED);
	expect_whole();
	/* No key of the CA at all. */
	assert_int_equal(unlink(key), 0);
	assert_int_equal(ca_rollover_abort(dir, true, now, &err), -ENOENT);
}

/* ---- bundles ---- */

static void bad_bundles_are_refused(void **state)
{
	char *path FREE_ON_EXIT = xasprintf("%s/ca.pem", dir), *ca FREE_ON_EXIT = NULL;
	char *alice_path FREE_ON_EXIT = xasprintf("%s/out/alice.pem", dir), *alice FREE_ON_EXIT = NULL;
	struct error err;
	struct bundle b;
	assert_int_equal(file_read(path, 1 << 20, &ca, NULL, NULL), 0);
	assert_int_equal(file_read(alice_path, 1 << 20, &alice, NULL, NULL), 0);
	char *twice FREE_ON_EXIT = xasprintf("%s%s", ca, ca),
	            *node FREE_ON_EXIT = xasprintf("%s%s", ca, alice),
	            *torn FREE_ON_EXIT = xasprintf("%s%.200s", ca, ca),
	            *noise FREE_ON_EXIT = xasprintf("# ours\n%s\n", ca);
	assert_int_equal(bundle_parse(twice, strlen(twice), &b, &err), -EINVAL);
	assert_int_equal(bundle_parse(node, strlen(node), &b, &err), -EINVAL);
	assert_int_equal(bundle_parse(torn, strlen(torn), &b, &err), -EINVAL);
	assert_int_equal(bundle_parse("", 0, &b, &err), -EINVAL);
	assert_int_equal(bundle_parse("nonsense", 8, &b, &err), -EINVAL);
	assert_int_equal(bundle_parse(noise, strlen(noise), &b, &err), 0);
	char *text FREE_ON_EXIT = bundle_format(&b, &err);
	assert_string_equal(text, ca);
	bundle_clear(&b);
}

#define rollover_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		rollover_test(nobody_is_left_behind),
		rollover_test(revocation_goes_on),
		rollover_test(every_step_can_be_taken_back),
		rollover_test(a_crash_leaves_it_whole),
		rollover_test(keys_are_found_wherever_a_crash_left_them),
		rollover_test(bad_bundles_are_refused),
	};
	return cmocka_run_group_tests_name("rollover", tests, NULL, NULL);
}
