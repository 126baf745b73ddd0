/* SPDX-License-Identifier: ISC */
/* Local users: the file, and whole PPP conversations with every method that they have. */
#include "softwire/aaa_users.h"

#include "tests/unit/directory.h"
#include "tests/unit/test.h"

#include <crypt.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define FRAMES_MAX 64

static struct aaa_users *read_users(const char *text)
{
	struct aaa_users *users = NULL;
	struct error err = { "" };
	if (aaa_users_read(xstrdup(text), "users", &users, NULL, &err) < 0)
		fail_msg("%s", err.text);
	return users;
}

/* Two links back to back, on a virtual clock. */

struct end {
	struct ppp_link *link;
	struct ppp_config config;
};
static struct bed {
	struct end ends[2];
	struct aaa_users *users;
	struct aaa_users_eap eap;
	struct aaa_users_answer answer;
	const char *user, *password, *machine;
	struct {
		struct end *to;
		size_t length;
		uint8_t bytes[PPP_FRAME_MAX];
	} frames[FRAMES_MAX];
	size_t first, last;
	time_ms now;
	int networks, endings;
	uint8_t random;
} bed;

static void bed_send(void *context, const uint8_t *bytes, size_t length)
{
	size_t at = bed.last++ % FRAMES_MAX;
	assert_true(bed.last - bed.first < FRAMES_MAX);
	bed.frames[at].to = context == &bed.ends[0] ? &bed.ends[1] : &bed.ends[0];
	bed.frames[at].length = length;
	memcpy(bed.frames[at].bytes, bytes, length);
}

static void bed_random(void *context, void *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		((uint8_t *)bytes)[i] = bed.random = (uint8_t)(bed.random * 5 + 77);
}

static void bed_authenticate(void *context, const struct ppp_auth_request *request)
{
	static const enum ppp_verdict verdicts[] = {
		[AAA_ACCEPT] = PPP_ACCEPT, [AAA_REJECT] = PPP_REJECT, [AAA_CONTINUE] = PPP_CHALLENGE
	};
	uint8_t random[16];
	bed_random(NULL, random, sizeof(random));
	aaa_users_authenticate(bed.users, &bed.eap, request, bed.machine, random, &bed.answer);
	const struct ppp_auth_answer a = { .verdict = verdicts[bed.answer.outcome],
		.message = bed.answer.message,
		.eap = bed.answer.eap_length ? bed.answer.eap : NULL,
		.eap_length = bed.answer.eap_length };
	assert_int_equal(ppp_answer(bed.ends[1].link, request->id, &a, bed.now), 0);
}

static int bed_secret(void *context, enum ppp_method method, const char *peer, struct ppp_secret *ret)
{
	snprintf(ret->user, sizeof(ret->user), "%s", bed.user);
	snprintf(ret->password, sizeof(ret->password), "%s", bed.password);
	return 0;
}

static void bed_network(void *context, enum ppp_method method, const char *user)
{
	bed.networks++;
}
static void bed_ended(void *context, enum ppp_end end, const char *message)
{
	bed.endings++;
}
static void bed_ipv4(void *context, const struct ppp_ipv4 *ipv4)
{
}
static void bed_ipv6(void *context, const struct ppp_ipv6 *ipv6)
{
}
static void bed_down(void *context)
{
}
static const struct ppp_callbacks callbacks = { bed_send, bed_random, bed_authenticate, bed_secret,
	bed_network, bed_ipv4, bed_down, bed_ipv6, bed_down, bed_ended };

static void run(void)
{
	for (int turns = 0; turns < 200 && bed.networks < 2 && bed.endings == 0; turns++) {
		while (bed.first < bed.last) {
			size_t at = bed.first++ % FRAMES_MAX;
			ppp_receive(bed.frames[at].to->link, bed.frames[at].bytes, bed.frames[at].length,
			        bed.now);
		}
		bed.now += 500;
		for (int i = 0; i < 2; i++)
			ppp_tick(bed.ends[i].link, bed.now);
	}
}

/* True if both sides are content with each other. */
static bool converse(struct aaa_users *users, enum ppp_method method, enum ppp_eap_type eap, const char *user,
        const char *password, const char *machine)
{
	const struct ppp_parameters parameters = { .is_protected = true, .mru = 1400 };
	bed = (struct bed){
		.users = users, .user = user, .password = password, .machine = machine, .now = 1000
	};
	for (int i = 0; i < 2; i++) {
		struct ppp_config *c = &bed.ends[i].config;
		*c = (struct ppp_config){
			.role = i ? PPP_CONCENTRATOR : PPP_INITIATOR, .callbacks = &callbacks, .ipv6 = true
		};
		c->demand[0] = c->give[0] = method;
		c->n_demand = i == 1;
		c->n_give = i == 0;
		c->eap[0] = eap;
		c->n_eap = 1;
	}
	for (int i = 0; i < 2; i++)
		bed.ends[i].link = ppp_link_new(&bed.ends[i].config, &parameters, &bed.ends[i]);
	for (int i = 0; i < 2; i++)
		ppp_lower_up(bed.ends[i].link, bed.now);
	run();
	bool good = bed.networks == 2 && bed.answer.outcome == AAA_ACCEPT;
	for (int i = 0; i < 2; i++)
		ppp_link_free(bed.ends[i].link);
	return good;
}

static const struct {
	enum ppp_method method;
	enum ppp_eap_type eap;
	bool needs_text;
} methods[] = {
	{ PPP_PAP, 0, false },
	{ PPP_CHAP_MD5, 0, true },
	{ PPP_MSCHAPV2, 0, true },
	{ PPP_EAP, PPP_EAP_MD5, true },
	{ PPP_EAP, PPP_EAP_MSCHAPV2, true },
};

static void every_method_takes_the_right_password_only(void **state)
{
	struct aaa_users *users = read_users("alice plain:sesame\n\"bob smith\" \"plain:se\\\"same # 1\"\n");
	for (size_t i = 0; i < ARRAY_LENGTH(methods); i++) {
		assert_true(converse(users, methods[i].method, methods[i].eap, "alice", "sesame", ""));
		assert_true(
		        converse(users, methods[i].method, methods[i].eap, "bob smith", "se\"same # 1", ""));
		assert_false(converse(users, methods[i].method, methods[i].eap, "alice", "sesamo", ""));
		assert_false(converse(users, methods[i].method, methods[i].eap, "alice", "", ""));
		assert_false(converse(users, methods[i].method, methods[i].eap, "carol", "sesame", ""));
		assert_false(converse(users, methods[i].method, methods[i].eap, "carol", "\n", ""));
	}
	aaa_users_free(users);
}

static void a_hash_serves_pap_only(void **state)
{
	struct crypt_data *data FREE_ON_EXIT = xcalloc(1, sizeof(*data));
	char *text FREE_ON_EXIT = xasprintf("dave %s\nalice plain:sesame\n",
	        crypt_rn("open", "$6$rounds=1000$abcdefgh", data, sizeof(*data)));
	struct aaa_users *users = read_users(text);
	for (size_t i = 0; i < ARRAY_LENGTH(methods); i++) {
		assert_int_equal(converse(users, methods[i].method, methods[i].eap, "dave", "open", ""),
		        !methods[i].needs_text);
		assert_false(converse(users, methods[i].method, methods[i].eap, "dave", "shut", ""));
		assert_false(converse(users, methods[i].method, methods[i].eap, "dave", "\n", ""));
		assert_true(converse(users, methods[i].method, methods[i].eap, "alice", "sesame", ""));
		assert_false(converse(users, methods[i].method, methods[i].eap, "alice", "open", ""));
	}
	aaa_users_free(users);
}

static void gives_what_the_line_says(void **state)
{
	struct aaa_users *users =
	        read_users("alice plain:x address=10.8.0.9 prefix=2001:db8:1::/64 delegated=2001:db8:2::/56 "
	                   "segment=staff session-timeout=60 rate-up=1000 route=10.7.0.0/16 dns=2001:db8::53 "
	                   "interface-id=0:0:0:5 pool=p machine=laptop.example\n");
	char text[IP_TEXT_SIZE];
	assert_true(converse(users, PPP_PAP, 0, "alice", "x", "laptop.example"));
	const struct aaa_profile *p = &bed.answer.profile;
	assert_string_equal(p->user, "alice");
	assert_string_equal(ip_format(&p->ipv4, text), "10.8.0.9");
	assert_string_equal(ip_prefix_format(&p->prefixes[0], text), "2001:db8:1::/64");
	assert_string_equal(ip_prefix_format(&p->delegated[0], text), "2001:db8:2::/56");
	assert_string_equal(ip_prefix_format(&p->routes[0], text), "10.7.0.0/16");
	assert_string_equal(p->segment, "staff");
	assert_string_equal(p->pool, "p");
	assert_int_equal(p->session_timeout_s, 60);
	assert_int_equal(p->rate_up, 1000);
	assert_int_equal(p->n_dns6, 1);
	assert_int_equal(p->interface_id[7], 5);
	/* The user is bound to the machine: another one, or none, is refused, whatever the method. */
	for (size_t i = 0; i < ARRAY_LENGTH(methods); i++) {
		assert_false(
		        converse(users, methods[i].method, methods[i].eap, "alice", "x", "other.example"));
		assert_string_equal(bed.answer.reason, "the user may not come from this machine");
		assert_false(converse(users, methods[i].method, methods[i].eap, "alice", "x", ""));
	}
	aaa_users_free(users);
}

static size_t n_reports;
static void count_report(const char *text)
{
	n_reports++;
}

static void every_mistake_is_found_with_its_line(void **state)
{
	static const struct {
		const char *text, *words;
	} rows[] = {
		{ "alice\n", "users:1: a user has a name and a password" },
		{ "\n# comment\nalice secret\n", "users:3: a password is plain:TEXT or a crypt hash" },
		{ "alice plain:\n", "users:1: a password has 1 to 255 bytes" },
		{ "alice plain:x colour=red\n", "users:1: colour: no such key" },
		{ "alice plain:x address\n", "users:1: not key=value: address" },
		{ "alice plain:x address=fe80::/64\n", "users:1: address=fe80::/64: an address is wanted" },
		{ "alice plain:x address=10.0.0.1 address=10.0.0.2\n", "there are too many of it" },
		{ "alice plain:x prefix=10.0.0.0/8\n", "an IPv6 prefix is wanted" },
		{ "alice plain:x prefix=2001:db8::1/64\n", "an IPv6 prefix is wanted" },
		{ "alice plain:x session-timeout=-1\n", "seconds is wanted" },
		{ "alice plain:x\nbob plain:y\nalice plain:z\n", "users:3: this user is there twice: alice" },
		{ "alice \"plain:x\n", "users:1: a quote is not closed" },
		{ "\"\" plain:x\n", "users:1: a name has 1 to 253 bytes" },
		{ "alice $99$abc\n", "a password is" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct aaa_users *users = NULL;
		struct error err = { "" };
		assert_int_equal(aaa_users_read(xstrdup(rows[i].text), "users", &users, NULL, &err), -EINVAL);
		assert_null(users);
		if (!strstr(err.text, rows[i].words))
			fail_msg("row %zu: %s", i, err.text);
	}
	struct aaa_users *users = NULL;
	struct error err;
	n_reports = 0;
	assert_int_equal(aaa_users_read(xstrdup("alice\nbob x\ncarol plain:y z=1 w\n"), "users", &users,
	                         count_report, &err),
	        -EINVAL);
	assert_int_equal(n_reports, 4);
}

static void the_file_must_be_private(void **state)
{
	char *dir = directory_make();
	char *path FREE_ON_EXIT = xasprintf("%s/users", dir);
	struct aaa_users *users = NULL;
	struct error err = { "" };
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs("alice plain:x\n", f);
	fclose(f);
	chmod(path, 0644);
	assert_int_equal(aaa_users_load(path, &users, NULL, &err), -EINVAL);
	assert_non_null(strstr(err.text, "chmod 600"));
	chmod(path, 0600);
	assert_int_equal(aaa_users_load(path, &users, NULL, &err), 0);
	assert_int_equal(aaa_users_count(users), 1);
	aaa_users_free(users);
	directory_remove(dir);
}

static void malformed_eap_is_refused(void **state)
{
	static const struct {
		uint8_t bytes[12];
		size_t length;
	} rows[] = {
		{ { 0 }, 0 },
		{ { 2, 1, 0, 4 }, 4 },
		{ { 2, 1, 0, 99, 1 }, 5 },
		{ { 1, 1, 0, 5, 1 }, 5 },
		{ { 2, 1, 0, 5, 26 }, 5 }, /* an answer before any question */
		{ { 2, 1, 0, 6, 3, 4 }, 6 },
	};
	struct aaa_users *users = read_users("alice plain:x\n");
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct aaa_users_eap eap = { 0 };
		struct aaa_users_answer answer;
		const struct ppp_auth_request r = {
			.method = PPP_EAP, .user = "alice", .eap = rows[i].bytes, .eap_length = rows[i].length
		};
		aaa_users_authenticate(users, &eap, &r, "", (const uint8_t[16]){ 1 }, &answer);
		assert_int_equal(answer.outcome, AAA_REJECT);
		assert_int_equal(answer.eap[0], 4);
	}
	aaa_users_free(users);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_method_takes_the_right_password_only),
		cmocka_unit_test(a_hash_serves_pap_only),
		cmocka_unit_test(gives_what_the_line_says),
		cmocka_unit_test(every_mistake_is_found_with_its_line),
		cmocka_unit_test(the_file_must_be_private),
		cmocka_unit_test(malformed_eap_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
