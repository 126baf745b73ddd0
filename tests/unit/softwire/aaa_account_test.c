/* SPDX-License-Identifier: ISC */
/*
 * Accounts and accounting against a scripted server in the same event loop: what is told, in what order, and
 * what a kill -9 at any step leaves to be told.
 */
#include "softwire/aaa.h"

#include "base/file.h"
#include "proto/radius/radius.h"
#include "tests/unit/directory.h"
#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#define RECORDS_MAX 512

static const struct radius_secret secret = { .bytes = "testing123", .length = 10 };

struct record {
	uint32_t status, cause, delay, octets, gigawords;
	char id[64];
	bool has_class;
};

static struct bed {
	struct event_base *base;
	char *dir, *state;
	struct aaa *aaa;
	struct aaa_options options;
	struct server {
		int fd;
		char *text; /* the option */
		struct event *readable;
		bool is_silent;
	} server, second; /* the latter for the process after a crash */
	struct record records[RECORDS_MAX];
	size_t n_records, usage_asked;
	int outcome;
	char notices[2048];
	bool is_flushed;
} bed;

static void take_number(const struct radius_packet *p, uint8_t type, uint32_t *ret)
{
	struct radius_attribute a;
	if (radius_find(p, 0, type, &a))
		assert_int_equal(radius_get_u32(&a, ret), 0);
}

static void keep(const struct radius_packet *p)
{
	struct record r = { 0 };
	struct radius_attribute a;
	assert_true(bed.n_records < RECORDS_MAX);
	take_number(p, RADIUS_ACCT_STATUS_TYPE, &r.status);
	take_number(p, RADIUS_ACCT_TERMINATE_CAUSE, &r.cause);
	take_number(p, RADIUS_ACCT_DELAY_TIME, &r.delay);
	take_number(p, RADIUS_ACCT_INPUT_OCTETS, &r.octets);
	take_number(p, RADIUS_ACCT_INPUT_GIGAWORDS, &r.gigawords);
	if (radius_find(p, 0, RADIUS_ACCT_SESSION_ID, &a))
		snprintf(r.id, sizeof(r.id), "%.*s", a.length, (const char *)a.value);
	r.has_class = radius_find(p, 0, RADIUS_CLASS, &a);
	bed.records[bed.n_records++] = r;
}

static void on_request(evutil_socket_t fd, short what, void *user)
{
	const struct server *s = user;
	uint8_t bytes[RADIUS_PACKET_MAX];
	struct sockaddr_in from;
	socklen_t length = sizeof(from);
	struct radius_packet p;
	ssize_t n = recvfrom(fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &length);
	assert_int_equal(radius_parse(bytes, (size_t)n, &p, NULL), 0);
	if (s->is_silent)
		return;
	struct writer w = wr_make(RADIUS_PACKET_MAX);
	bool accounting = p.code == RADIUS_ACCOUNTING_REQUEST;
	if (accounting) {
		assert_int_equal(radius_verify_computed(&p, &secret, false), 0);
		keep(&p);
	}
	radius_write_header(
	        &w, accounting ? RADIUS_ACCOUNTING_RESPONSE : RADIUS_ACCESS_ACCEPT, p.id, p.authenticator);
	if (!accounting) {
		radius_write_message_authenticator(&w);
		radius_write(&w, RADIUS_CLASS, "gold", 4);
		radius_write_u32(&w, RADIUS_ACCT_INTERIM_INTERVAL, 90);
	}
	assert_int_equal(radius_sign_response(&w, p.authenticator, &secret), 0);
	assert_int_equal(
	        sendto(fd, w.data, w.length, 0, (struct sockaddr *)&from, length), (ssize_t)w.length);
	wr_free(&w);
}

static void open_server(struct server *s, const char *secret_path)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(a);
	s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(s->fd, (struct sockaddr *)&a, &length), 0);
	s->readable = event_new(bed.base, s->fd, EV_READ | EV_PERSIST, on_request, s);
	event_add(s->readable, NULL);
	s->text = xasprintf(
	        "127.0.0.1:%u secret-file=%s accounting=%u timeout=100 tries=2 status-server=no dead-time=1",
	        ntohs(a.sin_port), secret_path, ntohs(a.sin_port));
}

static void close_server(struct server *s)
{
	if (s->readable)
		event_free(s->readable);
	close(s->fd);
	free(s->text);
}

static void on_notice(const char *text, void *user)
{
	size_t n = strlen(bed.notices);
	snprintf(bed.notices + n, sizeof(bed.notices) - n, "%s\n", text);
}

static struct aaa *open_aaa(const char *state)
{
	const struct aaa_handlers handlers = { .on_notice = on_notice };
	struct aaa *aaa = NULL;
	struct error err = { "" };
	if (aaa_new(bed.base, &bed.options, state, &handlers, &aaa, &err) < 0)
		fail_msg("%s", err.text);
	return aaa;
}

static int setup(void **state)
{
	static char none[] = "", name[] = "nas";
	bed = (struct bed){ .base = event_base_new(), .dir = directory_make(), .outcome = -1 };
	bed.state = xasprintf("%s/state", bed.dir);
	char *path FREE_ON_EXIT = xasprintf("%s/secret", bed.dir);
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, "testing123\n", 11), 11);
	close(fd);
	open_server(&bed.server, path);
	open_server(&bed.second, path);
	bed.options = (struct aaa_options){ .servers = { &bed.server.text, 1 },
		.users_file = none,
		.nas_identifier = name,
		.identity_attribute = none,
		.dictionary = none,
		.radsec_ca = none,
		.radsec_certificate = none,
		.radsec_key = none,
		.coa_listen = none,
		.interim_ms = 600000,
		.spool_max = 1 << 20 };
	bed.aaa = open_aaa(bed.state);
	return 0;
}

static int teardown(void **state)
{
	aaa_free(bed.aaa);
	close_server(&bed.server);
	close_server(&bed.second);
	event_base_free(bed.base);
	free(bed.state);
	directory_remove(bed.dir);
	return 0;
}

/* Until so many records came, and their answers were read, but not for ever. */
static void run_until(size_t n_records)
{
	time_ms end = clock_monotonic_ms() + 10000;
	while (bed.n_records < n_records && clock_monotonic_ms() < end) {
		const struct timeval step = { 0, 10000 };
		event_base_loopexit(bed.base, &step);
		event_base_dispatch(bed.base);
	}
	event_base_loop(bed.base, EVLOOP_NONBLOCK);
	assert_int_equal(bed.n_records, n_records);
}

static const struct aaa_port port = { .name = "alice-1", .machine = "laptop", .tunnel = "t1" };
static const struct aaa_usage usage = { 5ull << 32 | 77, 1, 2, 3 };
static const struct aaa_usage nothing;

static struct aaa_account *start(struct aaa *aaa, const char *user)
{
	struct ip_address ipv4;
	ip_parse("10.1.2.3", &ipv4);
	const struct aaa_addresses a = { .ipv4 = &ipv4 };
	struct aaa_account *account = aaa_account_start(aaa, NULL, &port, user, &a, NULL, NULL);
	assert_non_null(account);
	return account;
}

static void on_answer(const struct aaa_answer *a, void *user)
{
	bed.outcome = (int)a->outcome;
	event_base_loopbreak(bed.base);
}

static void on_flushed(void *user)
{
	bed.is_flushed = true;
	event_base_loopbreak(bed.base);
}

static struct aaa_exchange *authenticate(void)
{
	struct aaa_exchange *x = aaa_exchange_new(bed.aaa, &port);
	const struct ppp_auth_request r = {
		.method = PPP_PAP, .user = "alice", .password = (const uint8_t *)"x", .password_length = 1
	};
	bed.outcome = -1;
	aaa_authenticate(x, &r, on_answer, NULL);
	assert_int_equal(bed.outcome, -1); /* never before it returns */
	event_base_dispatch(bed.base);
	assert_int_equal(bed.outcome, AAA_ACCEPT);
	return x;
}

static void a_session_is_told_from_start_to_stop(void **state)
{
	struct aaa_exchange *x = authenticate();
	const struct aaa_addresses none = { 0 };
	struct aaa_account *a = aaa_account_start(bed.aaa, x, &port, NULL, &none, NULL, NULL);
	aaa_exchange_free(x);
	aaa_account_interim(a, &usage, NULL);
	assert_null(aaa_account_stop(a, &usage, AAA_IDLE_TIMEOUT));
	run_until(3);
	assert_int_equal(bed.records[0].status, RADIUS_START);
	assert_int_equal(bed.records[1].status, RADIUS_INTERIM);
	assert_int_equal(bed.records[1].octets, 77);
	assert_int_equal(bed.records[1].gigawords, 5);
	assert_int_equal(bed.records[2].status, RADIUS_STOP);
	assert_int_equal(bed.records[2].cause, AAA_IDLE_TIMEOUT);
	for (int i = 0; i < 3; i++) {
		assert_true(bed.records[i].has_class);
		assert_string_equal(bed.records[i].id, bed.records[0].id);
	}
}

static void a_cancelled_exchange_is_silent(void **state)
{
	struct aaa_exchange *x = aaa_exchange_new(bed.aaa, &port);
	const struct ppp_auth_request r = { .method = PPP_PAP, .user = "alice" };
	aaa_authenticate(x, &r, on_answer, NULL);
	aaa_exchange_free(x);
	struct aaa_account *a = start(bed.aaa, "u");
	run_until(1);
	assert_int_equal(bed.outcome, -1);
	aaa_account_leave(a);
}

static void what_cannot_be_asked_is_unavailable(void **state)
{
	char longest[AAA_TEXT_MAX + 2];
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	struct aaa_exchange *x = aaa_exchange_new(bed.aaa, &port);
	const struct ppp_auth_request r = { .method = PPP_PAP, .user = longest };
	aaa_authenticate(x, &r, on_answer, NULL);
	event_base_dispatch(bed.base);
	assert_int_equal(bed.outcome, AAA_UNAVAILABLE);
	aaa_exchange_free(x);
}

static char *copy_state(void)
{
	char *to = directory_make();
	DIR *dir = opendir(bed.state);
	assert_non_null(dir);
	for (struct dirent *e; (e = readdir(dir));) {
		if (e->d_name[0] == '.')
			continue;
		char *a FREE_ON_EXIT = xasprintf("%s/%s", bed.state, e->d_name);
		char *b FREE_ON_EXIT = xasprintf("%s/%s", to, e->d_name);
		char *data FREE_ON_EXIT = NULL;
		size_t length;
		assert_int_equal(file_read(a, 16 << 20, &data, &length, NULL), 0);
		assert_int_equal(file_replace(b, data, length, 0600, NULL), 0);
	}
	closedir(dir);
	return to;
}

/* How the other process that starts from these files tells the session of this id to have ended. */
static void check_after_crash(const char *id, unsigned expected_starts, unsigned expected_stops)
{
	char *copy = copy_state();
	size_t from = bed.n_records;
	unsigned starts = 0, stops = 0, ons = 0;
	struct aaa_counter c[AAA_COUNTERS_MAX];
	bed.options.servers.items = &bed.second.text;
	struct aaa *after = open_aaa(copy);
	aaa_accounts_settle(after);
	time_ms end = clock_monotonic_ms() + 10000;
	do {
		const struct timeval step = { 0, 10000 };
		event_base_loopexit(bed.base, &step);
		event_base_dispatch(bed.base);
		size_t n = aaa_get_counters(after, c);
		for (size_t i = 0; i < n; i++)
			if (strcmp(c[i].name, "accounting_waiting") == 0 && c[i].value == 0)
				end = 0;
	} while (clock_monotonic_ms() < end);
	for (size_t i = from; i < bed.n_records; i++) {
		ons += bed.records[i].status == RADIUS_ACCOUNTING_ON;
		if (strcmp(bed.records[i].id, id) != 0)
			continue;
		starts += bed.records[i].status == RADIUS_START;
		stops += bed.records[i].status == RADIUS_STOP;
	}
	assert_int_equal(starts, expected_starts);
	assert_int_equal(stops, expected_stops);
	assert_int_equal(ons, 1);
	bed.n_records = from;
	bed.options.servers.items = &bed.server.text;
	aaa_free(after);
	directory_remove(copy);
}

/* The server is away all the time, so that everything still waits. */
static void every_start_is_followed_by_one_stop_after_a_crash(void **state)
{
	bed.server.is_silent = true;
	check_after_crash("none", 0, 0);
	struct aaa_account *a = start(bed.aaa, "u");
	char id[AAA_ID_SIZE];
	snprintf(id, sizeof(id), "%s", aaa_account_id(a));
	check_after_crash(id, 1, 1);
	aaa_account_note(a, &usage);
	check_after_crash(id, 1, 1);
	aaa_account_interim(a, &usage, NULL);
	check_after_crash(id, 1, 1);
	aaa_account_stop(a, &usage, AAA_USER_REQUEST);
	check_after_crash(id, 1, 1); /* the real one, and no second */
}

/* The stop is in the spool, and the crash came before the journal knew: still one stop. */
static void a_crash_between_stop_and_journal_makes_no_second_stop(void **state)
{
	bed.server.is_silent = true;
	struct aaa_account *a = start(bed.aaa, "u");
	char id[AAA_ID_SIZE];
	snprintf(id, sizeof(id), "%s", aaa_account_id(a));
	char *path FREE_ON_EXIT = xasprintf("%s/sessions", bed.state);
	char *before FREE_ON_EXIT = NULL;
	size_t length;
	assert_int_equal(file_read(path, 1 << 20, &before, &length, NULL), 0);
	aaa_account_stop(a, &usage, AAA_USER_REQUEST);
	assert_int_equal(file_replace(path, before, length, 0600, NULL), 0);
	check_after_crash(id, 1, 1);
}

static void usage_and_delay_survive(void **state)
{
	struct aaa_account *a = start(bed.aaa, "u");
	run_until(1);
	aaa_account_note(a, &usage);
	aaa_account_leave(a);
	bed.aaa = aaa_free(bed.aaa);
	bed.aaa = open_aaa(bed.state);
	assert_int_equal(aaa_accounts_settle(bed.aaa), 1);
	run_until(3);
	assert_int_equal(bed.records[1].status, RADIUS_STOP);
	assert_int_equal(bed.records[1].octets, 77);
	assert_int_equal(bed.records[1].cause, AAA_NAS_REBOOT);
	assert_int_equal(bed.records[2].status, RADIUS_ACCOUNTING_ON);
}

static void a_session_that_lives_is_resumed(void **state)
{
	struct aaa_account *lives = start(bed.aaa, "u"), *dies = start(bed.aaa, "v");
	char id[AAA_ID_SIZE];
	snprintf(id, sizeof(id), "%s", aaa_account_id(lives));
	run_until(2);
	aaa_account_leave(lives);
	aaa_account_leave(dies);
	bed.aaa = aaa_free(bed.aaa);
	bed.aaa = open_aaa(bed.state);
	assert_null(aaa_account_resume(bed.aaa, "unknown", NULL, NULL));
	lives = aaa_account_resume(bed.aaa, id, NULL, NULL);
	assert_non_null(lives);
	assert_null(aaa_account_resume(bed.aaa, id, NULL, NULL)); /* only once */
	assert_int_equal(aaa_accounts_settle(bed.aaa), 1);
	run_until(3);
	assert_int_equal(bed.records[2].cause, AAA_LOST_SERVICE); /* and no Accounting-On */
	aaa_account_stop(lives, &nothing, AAA_USER_REQUEST);
	run_until(4);
	assert_string_equal(bed.records[3].id, id);
}

static void a_full_spool_is_counted_and_told(void **state)
{
	struct aaa_counter c[AAA_COUNTERS_MAX];
	uint64_t dropped = 0, bytes = 0;
	bed.server.is_silent = true;
	struct aaa_account *a = start(bed.aaa, "u");
	for (int i = 0; i < 6000; i++)
		aaa_account_interim(a, &usage, NULL);
	size_t n = aaa_get_counters(bed.aaa, c);
	for (size_t i = 0; i < n; i++) {
		if (strcmp(c[i].name, "accounting_dropped") == 0)
			dropped = c[i].value;
		if (strcmp(c[i].name, "accounting_spool_bytes") == 0)
			bytes = c[i].value;
	}
	assert_true(dropped > 1000);
	assert_true(bytes < 1 << 20);
	assert_non_null(strstr(bed.notices, "records are being lost"));
	aaa_account_stop(a, &usage, AAA_USER_REQUEST); /* there is still room for a stop */
	size_t m = aaa_get_counters(bed.aaa, c);
	for (size_t i = 0; i < m; i++)
		if (strcmp(c[i].name, "accounting_dropped") == 0)
			assert_int_equal(c[i].value, dropped);
}

static void many_sessions_do_not_make_the_journal_grow(void **state)
{
	bed.server.is_silent = true;
	bed.options.spool_max = 1 << 20;
	for (int i = 0; i < 6000; i++)
		aaa_account_stop(start(bed.aaa, "u"), &usage, AAA_USER_REQUEST);
	char *path FREE_ON_EXIT = xasprintf("%s/sessions", bed.state);
	char *data FREE_ON_EXIT = NULL;
	size_t length;
	assert_int_equal(file_read(path, 16 << 20, &data, &length, NULL), 0);
	assert_true(length < 1300000);
}

static void two_programs_do_not_share_a_directory(void **state)
{
	const struct aaa_handlers handlers = { .on_notice = on_notice };
	struct aaa *other = NULL;
	struct error err = { "" };
	assert_int_equal(aaa_new(bed.base, &bed.options, bed.state, &handlers, &other, &err), -EBUSY);
	assert_null(other);
	assert_non_null(strstr(err.text, "another concentrator"));
}

/* A server that wants none, after one that did: nothing is told, and nothing of it breaks. */
static void without_accounting_nothing_is_told(void **state)
{
	char *text FREE_ON_EXIT = xstrdup(bed.server.text);
	char *accounting = strstr(text, "accounting="), *behind = strchr(accounting, ' ');
	char *other FREE_ON_EXIT = xasprintf("%.*saccounting=no%s", (int)(accounting - text), text, behind);
	aaa_account_stop(start(bed.aaa, "u"), &usage, AAA_USER_REQUEST);
	run_until(2);
	aaa_free(bed.aaa);
	bed.options.servers.items = &other;
	bed.aaa = open_aaa(bed.state);
	assert_int_equal(aaa_accounts_settle(bed.aaa), 0);
	struct aaa_account *a = start(bed.aaa, "u");
	aaa_account_interim(a, &usage, NULL);
	aaa_account_stop(a, &usage, AAA_USER_REQUEST);
	aaa_exchange_free(authenticate());
	assert_int_equal(bed.n_records, 2);
	aaa_flush(bed.aaa, on_flushed, NULL);
	event_base_dispatch(bed.base);
	assert_true(bed.is_flushed);
}

static void flushing_waits_for_the_server(void **state)
{
	aaa_account_stop(start(bed.aaa, "u"), &usage, AAA_USER_REQUEST);
	aaa_flush(bed.aaa, on_flushed, NULL);
	time_ms began = clock_monotonic_ms();
	event_base_dispatch(bed.base);
	assert_true(bed.is_flushed);
	assert_int_equal(bed.n_records, 3);
	bool off = false;
	for (int i = 0; i < 3; i++)
		off |= bed.records[i].status == RADIUS_ACCOUNTING_OFF;
	assert_true(off);
	assert_true(clock_monotonic_ms() - began < AAA_FLUSH_MS);
}

static void flushing_does_not_wait_for_ever(void **state)
{
	bed.server.is_silent = true;
	aaa_account_stop(start(bed.aaa, "u"), &usage, AAA_USER_REQUEST);
	aaa_flush(bed.aaa, on_flushed, NULL);
	event_base_dispatch(bed.base);
	assert_true(bed.is_flushed);
	aaa_free(bed.aaa);
	bed.options.servers.items = &bed.second.text;
	bed.aaa = open_aaa(bed.state);
	run_until(3); /* it was kept */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_session_is_told_from_start_to_stop, setup, teardown),
		cmocka_unit_test_setup_teardown(a_cancelled_exchange_is_silent, setup, teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_asked_is_unavailable, setup, teardown),
		cmocka_unit_test_setup_teardown(
		        every_start_is_followed_by_one_stop_after_a_crash, setup, teardown),
		cmocka_unit_test_setup_teardown(
		        a_crash_between_stop_and_journal_makes_no_second_stop, setup, teardown),
		cmocka_unit_test_setup_teardown(usage_and_delay_survive, setup, teardown),
		cmocka_unit_test_setup_teardown(a_session_that_lives_is_resumed, setup, teardown),
		cmocka_unit_test_setup_teardown(a_full_spool_is_counted_and_told, setup, teardown),
		cmocka_unit_test_setup_teardown(two_programs_do_not_share_a_directory, setup, teardown),
		cmocka_unit_test_setup_teardown(without_accounting_nothing_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(flushing_waits_for_the_server, setup, teardown),
		cmocka_unit_test_setup_teardown(flushing_does_not_wait_for_ever, setup, teardown),
		cmocka_unit_test_setup_teardown(many_sessions_do_not_make_the_journal_grow, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
