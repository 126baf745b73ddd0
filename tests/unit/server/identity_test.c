/* SPDX-License-Identifier: ISC */
/* Whose a name is, and whether it is one host that has it. */
#include "tests/unit/server/site_bed.h"

#include <errno.h>
#include <string.h>

#define DAY_MS (24 * 60 * MIN_MS)

static struct identity with_key(uint8_t key, const char *serial)
{
	struct identity who = { .name = "alice", .role = ROLE_NODE, .thumbprint = { key } };
	snprintf(who.serial, sizeof(who.serial), "%s", serial);
	return who;
}

static int check(struct bed *b, const struct identity *who)
{
	return site_check_identity(b->site, who->name, who->thumbprint, who->serial, NULL);
}

static void show(struct bed *b, const struct identity *who)
{
	assert_non_null(site_see_node(b->site, who->name, who->thumbprint, who->serial, bed_now));
}

/* ---- keys ---- */

/* The old key is good until the new one is there: the answer may have been lost. */
static void a_renewal_is_a_change_over(void **state)
{
	struct bed *b = *state;
	const struct identity first = with_key(0xa1, "0a"), second = with_key(0xa2, "0b"),
	                      third = with_key(0xa3, "0c");
	bed_now = T0;
	assert_int_equal(site_enrolled(b->site, &first, NULL, T0, NULL, NULL), 0);
	assert_int_equal(check(b, &first), 0);
	assert_int_equal(check(b, &second), -EACCES);
	assert_int_equal(site_enrolled(b->site, &second, &first, T0, NULL, NULL), 0);
	assert_int_equal(check(b, &first), 0);
	assert_int_equal(check(b, &second), 0);
	assert_int_equal(check(b, &third), -EACCES);
	bed_commit(b);
	bed_close(b);
	bed_open(b);
	assert_int_equal(check(b, &first), 0);
	show(b, &second);
	assert_int_equal(check(b, &second), 0);
	assert_int_equal(check(b, &first), -EACCES);
	/* A certificate of admission that it got with the old key is still its own. */
	b->alice = site_find_node(b->site, "alice");
	assert_true(site_is_key_of(b->alice, first.thumbprint));
	assert_true(site_is_key_of(b->alice, second.thumbprint));
	assert_false(site_is_key_of(b->alice, third.thumbprint));
}

static void a_name_is_taken_with_leave_only(void **state)
{
	struct bed *b = *state;
	struct error err;
	int session;
	char taken[41];
	const struct identity first = with_key(0xa1, "0a"), second = with_key(0xa2, "0b");
	assert_int_equal(site_may_enrol(b->site, "alice", false, &err), 0); /* not enrolled yet */
	assert_int_equal(site_enrolled(b->site, &first, NULL, T0, taken, NULL), 0);
	assert_string_equal(taken, "");
	show(b, &first);
	bed_admit(b, T0);
	b->port->session = &session;
	assert_int_equal(site_may_enrol(b->site, "alice", false, &err), -EEXIST);
	assert_non_null(strstr(err.text, "--replace"));
	assert_int_equal(site_may_enrol(b->site, "alice", true, &err), 0);
	assert_int_equal(site_may_enrol(b->site, "bob", false, &err), 0);
	/* Whoever had it is out. */
	assert_int_equal(site_enrolled(b->site, &second, NULL, T0, taken, NULL), 0);
	assert_string_equal(taken, "0a");
	bed_expect(b, "place:quarantine! disconnect ");
	bed_commit(b);
	bed_expect(b, "event:re-enrolment event:enrolment ");
	assert_int_equal(check(b, &first), -EACCES);
	assert_int_equal(check(b, &second), 0);
	b->port->session = NULL;
}

/* ---- hosts ---- */

static struct site_attachment *port_of(struct bed *b, const char *port, uint8_t last)
{
	struct site_attachment *a = site_see_attachment(
	        b->site, "gw", port, &(struct mac_address){ { 2, 0, 0, 0, 0, last } }, bed_now);
	a->present = true;
	return a;
}

static void inspect_at(struct bed *b, struct site_node *node, struct site_attachment *a, const char *machine,
        uint8_t mac, uint8_t second_mac)
{
	const uint8_t macs[] = { mac, second_mac };
	struct site_outcome o;
	struct posture *p = bed_posture("openssl");
	p->machine_id = machine ? posture_string(p, machine) : NULL;
	p->network_known = true;
	for (size_t i = 0; i < 2 && macs[i]; i++) {
		struct posture_interface interface = {
			.name = "eth", .mac = { { 2, 0, 0, 0, 0, macs[i] } }, .has_mac = true
		};
		assert_int_equal(posture_add_interface(p, &interface), 0);
	}
	a->retry_asked = false;
	assert_int_equal(
	        site_take_posture(b->site, node, site_posture_new(b->site->catalogue, p), true, bed_now), 0);
	site_judge(b->site, node, a, "inspection", NULL, bed_now, &o);
	site_outcome_clear(&o);
	bed_commit(b);
}

static void one_host_with_two_interfaces_is_one(void **state)
{
	struct bed *b = *state;
	int session[2];
	bed_now = T0;
	struct site_attachment *second = port_of(b, "p2", 2);
	b->port->session = &session[0];
	second->session = &session[1];
	inspect_at(b, b->alice, b->port, "m1", 1, 2);
	inspect_at(b, b->alice, second, "m1", 1, 2);
	inspect_at(b, b->alice, b->port, "m1", 1, 2);
	bed_expect(b, "place:staff place:staff place:staff ");
	assert_int_equal(b->site->counters.identities_shared, 0);
	b->port->session = second->session = NULL;
}

/* The other one is asked, and says the same. */
static void two_hosts_are_noticed(void **state)
{
	struct bed *b = *state;
	int session[2];
	bed_now = T0;
	struct site_attachment *second = port_of(b, "p2", 2);
	b->port->session = &session[0];
	second->session = &session[1];
	inspect_at(b, b->alice, b->port, "m1", 1, 0);
	inspect_at(b, b->alice, second, "m1", 2, 0); /* a clone: the machine id is the same */
	bed_expect(b, "place:staff retry place:staff ");
	assert_int_equal(b->site->counters.identities_shared, 0);
	inspect_at(b, b->alice, b->port, "m1", 1, 0);
	bed_expect(b, "place:staff event:identity-shared ");
	assert_int_equal(b->site->counters.identities_shared, 1);
	/* Once is enough to say. */
	inspect_at(b, b->alice, second, "m1", 2, 0);
	inspect_at(b, b->alice, b->port, "m1", 1, 0);
	assert_int_equal(b->site->counters.identities_shared, 1);
	b->port->session = second->session = NULL;
}

static void a_host_that_moved_is_one(void **state)
{
	struct bed *b = *state;
	int session[2];
	bed_now = T0;
	struct site_attachment *second = port_of(b, "p2", 2);
	b->port->session = &session[0]; /* half open, nobody answers there */
	inspect_at(b, b->alice, b->port, "m1", 1, 0);
	second->session = &session[1];
	for (int i = 0; i < 3; i++)
		inspect_at(b, b->alice, second, "m1", 2, 0);
	assert_int_equal(b->site->counters.identities_shared, 0);
	b->port->session = NULL;
	inspect_at(b, b->alice, second, "m1", 2, 0);
	assert_int_equal(b->site->counters.identities_shared, 0);
	/* The attachment goes; nothing remembers it. */
	second->session = NULL;
	site_forget_attachment(b->site, b->port);
	inspect_at(b, b->alice, second, "m1", 2, 0);
	b->port = NULL;
}

static void a_machine_has_one_identity(void **state)
{
	struct bed *b = *state;
	const uint8_t key[32] = { 0xb1 };
	int session;
	bed_now = T0;
	struct site_node *bob = site_see_node(b->site, "bob", key, "0b", T0);
	struct site_attachment *second = port_of(b, "p2", 2);
	b->port->session = &session;
	inspect_at(b, b->alice, b->port, "m1", 1, 0);
	inspect_at(b, bob, second, "m2", 2, 0);
	assert_int_equal(b->site->counters.machines_shared, 0);
	b->log[0] = '\0';
	inspect_at(b, bob, second, "m1", 2, 0);
	assert_non_null(strstr(b->log, "event:machine-shared "));
	assert_int_equal(b->site->counters.machines_shared, 1);
	assert_true(b->alice->doubtful_until > T0 && bob->doubtful_until > T0);
	inspect_at(b, b->alice, b->port, "m1", 1, 0);
	assert_int_equal(b->site->counters.machines_shared, 1);
	/* Alice is gone for long: bob may have her machine. */
	b->port->session = NULL;
	bed_now = T0 + DAY_MS;
	inspect_at(b, bob, second, "m1", 2, 0);
	assert_int_equal(b->site->counters.machines_shared, 1);
	/* The table holds one entry a node, whatever they report. */
	for (int i = 0; i < 20; i++) {
		char id[16];
		snprintf(id, sizeof(id), "id-%d", i);
		inspect_at(b, bob, second, id, 2, 0);
	}
	assert_true(table_count(b->site->machines) <= table_count(b->site->nodes));
}

/* The policy may ask. */
static void a_policy_turns_the_doubtful_away(void **state)
{
	struct bed *b = *state;
	const uint8_t key[32] = { 0xb1 };
	int session;
	bed_now = T0;
	site_set_policy(b->site,
	        bed_policy("define server { address 2001:db8::2 tcp 271 }\n"
	                   "segment quarantine default { allow to server }\n"
	                   "segment staff level 2 { allow to any }\n"
	                   "require own { identity.unique }\nadmit to staff when own\notherwise quarantine\n"
	                   "inspect every 30 min certificate lifetime 45 min\n"),
	        T0);
	struct site_node *bob = site_see_node(b->site, "bob", key, "0b", T0);
	struct site_attachment *second = port_of(b, "p2", 2);
	b->port->session = &session;
	inspect_at(b, b->alice, b->port, "m1", 1, 0);
	assert_string_equal(b->port->decided.segment, "staff");
	inspect_at(b, bob, second, "m1", 2, 0);
	assert_string_equal(second->decided.segment, "quarantine");
	b->port->session = NULL;
}

/* ---- certificates ---- */

static void the_end_of_a_certificate_is_announced_once(void **state)
{
	struct bed *b = *state;
	b->alice->valid_from = T0;
	b->alice->valid_until = T0 + 365 * DAY_MS;
	static const struct {
		int64_t left;
		const char *log;
	} rows[] = { { 40 * DAY_MS, "" }, { 30 * DAY_MS, "event:certificate-expiring " }, { 20 * DAY_MS, "" },
		{ 6 * DAY_MS, "event:certificate-expiring " }, { DAY_MS, "event:certificate-expiring " },
		{ MIN_MS, "" }, { -MIN_MS, "event:certificate-expired " }, { -DAY_MS, "" } };
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		bed_now = b->alice->valid_until - rows[i].left;
		site_look_at_expiry(b->site, bed_now);
		bed_commit(b);
		bed_expect(b, rows[i].log);
	}
	assert_int_equal(b->site->counters.certificates_expiring, 4);
	/* Renewed, it begins anew. */
	b->alice->valid_until = bed_now + 365 * DAY_MS;
	b->alice->valid_from = bed_now;
	site_look_at_expiry(b->site, bed_now);
	assert_int_equal(b->alice->warned, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, bed_setup, bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_renewal_is_a_change_over),
		TEST(a_name_is_taken_with_leave_only),
		TEST(one_host_with_two_interfaces_is_one),
		TEST(two_hosts_are_noticed),
		TEST(a_host_that_moved_is_one),
		TEST(a_machine_has_one_identity),
		TEST(a_policy_turns_the_doubtful_away),
		TEST(the_end_of_a_certificate_is_announced_once),
	};
	return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}
