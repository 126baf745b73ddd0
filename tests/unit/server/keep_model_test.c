/* SPDX-License-Identifier: ISC */
/*
 * The invariant of site.h about placements and verdicts, against a model: ten nodes to which everything
 * happens in random order, among it that the server is killed. The model knows what each node last presented
 * and works out the verdict by itself; whatever the site does, a node is never better off than that, but for
 * the reasons that the invariant names.
 */
#include "tests/unit/server/crowd.h"

#include <stdio.h>
#include <string.h>

#define SEEDS 12
#define OPERATIONS 90
#define PER_MS (5 * MIN_MS)
#define LIMIT 2 /* the brake's, whatever the share */

static const struct {
	const char *text;
	bool monitor, brake, grace;
} policies[] = {
	{ CROWD_BASE CROWD_STAFF, false, false, false },
	{ CROWD_BASE CROWD_STAFF
	        "brake demotions above 2 nodes per 5 min hold 30 min\nemergency advisory \"CVE-9\"\n",
	        false, true, false },
	{ CROWD_BASE
	        "segment staff level 2 { allow to any demote after 10 min }\nemergency advisory \"CVE-9\"\n",
	        false, false, true },
	{ CROWD_BASE "segment staff level 2 { allow to any demote after 10 min }\n"
	             "brake demotions above 2 nodes per 5 min hold 30 min\nemergency advisory \"CVE-9\"\n",
	        false, true, true },
	{ CROWD_BASE CROWD_STAFF
	        "brake demotions above 2 nodes per 5 min hold 30 min\nmode monitor in guest\n"
	        "emergency advisory \"CVE-9\"\n",
	        true, true, false },
};

struct one {
	bool inspected, revoked, own, released;
	struct crowd_state state;
	time_ms came, worse_since, demoted;
	char was[64]; /* the segment before this operation */
};

struct model {
	struct crowd c;
	struct one nodes[CROWD];
	const char *advisory;
	size_t policy;
	time_ms brake_since; /* the policy has one since then */
	uint64_t random;
	char story[16384];
};

static unsigned dice(struct model *m, unsigned n)
{
	m->random = m->random * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(m->random >> 33) % n;
}

static void tell(struct model *m, const char *format, ...) PRINTF_LIKE(2, 3);
static void tell(struct model *m, const char *format, ...)
{
	const size_t n = strlen(m->story);
	va_list args;
	va_start(args, format);
	vsnprintf(m->story + n, sizeof(m->story) - n, format, args);
	va_end(args);
}

static bool is_emergency(const struct model *m)
{
	return m->advisory && m->policy > 0 && strcmp(m->advisory, "CVE-9") == 0;
}

static bool is_unwanted(const struct one *n)
{
	return !n->inspected || n->revoked || !n->state.is_signed || n->state.telnetd;
}

static int verdict(const struct model *m, const struct one *n)
{
	return !is_unwanted(n) && n->state.firewall && !m->advisory ? 2 : 0;
}

static int level(const struct model *m, const char *segment)
{
	return policy_segment_by_name(m->c.bed->site->policy, segment)->level;
}

/* The end of the story, and what seed makes all of it. */
static const char *lately(const struct model *m)
{
	const size_t n = strlen(m->story);
	printf("# %.*s\n", (int)strcspn(m->story, "\n"), m->story);
	return m->story + (n > 700 ? n - 700 : 0);
}

#define MUST(condition) \
	do { \
		if (!(condition)) \
			fail_msg("n%zu: %s; n%zu was in %s\n%s", i, #condition, i, m->nodes[i].was, \
			        lately(m)); \
	} while (0)

/* Better off than its verdict: only so. */
static void check_kept(struct model *m, size_t i, const char *segment)
{
	const struct one *n = &m->nodes[i];
	const struct site_attachment *a = m->c.ports[i];
	const time_ms grace =
	        policies[m->policy].grace && !n->state.telnetd ? n->worse_since + 10 * MIN_MS : 0;
	MUST(strcmp(segment, n->was) == 0);
	MUST(a->handed.expires > m->c.now);
	MUST(!n->revoked && !a->contested);
	if (a->keep.resting) { /* nothing was decided about it, only the brake holds it */
		MUST(policies[m->policy].brake && !n->released);
		return;
	}
	MUST(n->state.is_signed && !is_emergency(m));
	MUST(m->c.now < grace || (policies[m->policy].brake && !n->own && !n->released));
	MUST(a->handed.expires <= n->came + 45 * MIN_MS || m->c.now < n->came + 45 * MIN_MS + SITE_LEAVE_MS);
	MUST(a->keep.by != SITE_NOT_KEPT && strcmp(a->keep.verdict, segment) != 0);
}

/* It lost its segment, and by what the brake counts. */
static void check_demoted(struct model *m, size_t i, bool was_live)
{
	struct one *n = &m->nodes[i];
	size_t recent = 0;
	if (!was_live || n->own || n->revoked || n->released || is_emergency(m) || !n->state.is_signed ||
	        m->c.ports[i]->contested || !policies[m->policy].brake || policies[m->policy].monitor)
		return;
	n->demoted = m->c.now;
	for (size_t k = 0; k < CROWD; k++)
		recent += m->nodes[k].demoted > m->brake_since && m->nodes[k].demoted > m->c.now - PER_MS;
	MUST(recent <= LIMIT);
}

static void check_one(struct model *m, size_t i, const bool *was_live)
{
	struct one *n = &m->nodes[i];
	const char *segment = crowd_segment(&m->c, i);
	const int had = level(m, n->was), has = level(m, segment), due = verdict(m, n);
	const bool watched = policies[m->policy].monitor && !n->revoked;
	if (!watched && has > due && !n->worse_since)
		n->worse_since = m->c.now;
	if (watched)
		MUST(has > 0 && has >= (had ? had : 1));
	else if (has > due)
		check_kept(m, i, segment);
	if (!watched && has > had)
		MUST(has <= due);
	if (has < had)
		check_demoted(m, i, was_live[i]);
	/* The model's own clock of being worse. */
	if (watched || has <= due || strcmp(segment, n->was) != 0)
		n->worse_since = 0;
	if (watched || has <= due)
		n->own = n->released = false;
	snprintf(n->was, sizeof(n->was), "%s", segment);
}

static void come(struct model *m, size_t i)
{
	struct one *n = &m->nodes[i];
	const int before = verdict(m, n);
	const struct crowd_state old = n->state;
	if (n->revoked)
		return; /* it cannot connect */
	n->state = (struct crowd_state){
		.firewall = dice(m, 4) > 0, .telnetd = dice(m, 12) == 0, .is_signed = dice(m, 12) > 0
	};
	if (n->inspected && ((old.firewall && !n->state.firewall) || (!old.telnetd && n->state.telnetd)))
		n->own = true;
	if (!n->inspected) /* what was there until now was not known to be this node */
		n->own = true;
	n->inspected = true;
	n->came = m->c.now;
	tell(m, "n%zu comes, firewall %d telnetd %d signed %d (was %d)\n", i, n->state.firewall,
	        n->state.telnetd, n->state.is_signed, before);
	crowd_come(&m->c, i, n->state);
}

static void operate(struct model *m)
{
	static const char *const ids[] = { NULL, NULL, "DSA-1", "CVE-9" };
	struct site *site = m->c.bed->site;
	size_t i = dice(m, CROWD);
	switch (dice(m, 12)) {
	case 0:
		m->advisory = ids[dice(m, ARRAY_LENGTH(ids))];
		tell(m, "advisory %s\n", m->advisory ? m->advisory : "withdrawn");
		crowd_advisory(&m->c, m->advisory, "debian");
		break;
	case 1:
		if (!policies[m->policy].brake)
			m->brake_since = m->c.now;
		m->policy = dice(m, ARRAY_LENGTH(policies));
		if (!policies[m->policy].brake)
			m->brake_since = m->c.now;
		tell(m, "policy %zu\n", m->policy);
		crowd_policy(&m->c, policies[m->policy].text);
		crowd_wait(&m->c, 500); /* what rests is looked at by the next tick */
		break;
	case 2:
		tell(m, "killed\n");
		crowd_restart(&m->c, NULL);
		for (size_t k = 0; k < CROWD; k++) /* what is the same before and after; ticks come later */
			if (strcmp(crowd_segment(&m->c, k), m->nodes[k].was) != 0)
				fail_msg("n%zu was in %s, and after the restart in %s\n%s", k,
				        m->nodes[k].was, crowd_segment(&m->c, k), lately(m));
		break;
	case 3:
		if (dice(m, 3) || m->nodes[i].revoked || !m->nodes[i].inspected)
			break;
		tell(m, "n%zu is revoked\n", i);
		m->nodes[i].revoked = true;
		site_revoke(site, m->c.nodes[i], "test", m->c.now);
		crowd_work(&m->c);
		break;
	case 4:
		tell(m, "released\n");
		for (size_t k = 0; k < CROWD; k++)
			m->nodes[k].released = m->c.ports[k]->keep.by == SITE_KEPT_BRAKE ||
			        m->c.ports[k]->keep.by == SITE_KEPT_DISMISSED;
		(void)site_release(site, NULL, "user 0", m->c.now);
		crowd_work(&m->c);
		crowd_wait(&m->c, 1000);
		break;
	case 5:
		tell(m, "dismissed\n");
		(void)site_dismiss(site, NULL, "user 0", m->c.now);
		crowd_work(&m->c);
		break;
	case 6:
	case 7:
	case 8: {
		const int64_t wait = 10000 + dice(m, 15 * 60) * 1000;
		tell(m, "%lld s go by\n", (long long)wait / 1000);
		for (int64_t done = 0; done < wait; done += 20000) {
			bool was_live[CROWD];
			for (size_t k = 0; k < CROWD; k++)
				was_live[k] = m->c.ports[k]->handed.expires > m->c.now + 20000;
			crowd_wait(&m->c, 20000);
			for (size_t k = 0; k < CROWD; k++)
				check_one(m, k, was_live);
		}
		break;
	}
	default:
		come(m, i);
		break;
	}
}

static void play(struct bed *b, uint64_t seed)
{
	struct model *m = xcalloc(1, sizeof(*m));
	m->random = seed * 0x9e3779b97f4a7c15ull + 1;
	m->policy = 1;
	tell(m, "seed %llu\n", (unsigned long long)seed);
	crowd_open(&m->c, b, policies[1].text);
	for (size_t i = 0; i < CROWD; i++)
		strcpy(m->nodes[i].was, "quarantine");
	for (int n = 0; n < OPERATIONS; n++) {
		bool was_live[CROWD];
		for (size_t k = 0; k < CROWD; k++)
			was_live[k] = m->c.ports[k]->handed.expires > m->c.now;
		operate(m);
		for (size_t k = 0; k < CROWD; k++)
			check_one(m, k, was_live);
	}
	free(m);
}

static void test_random_days(void **state)
{
	struct bed *b = *state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		play(b, seed);
		assert_int_equal(bed_teardown(state), 0);
		assert_int_equal(bed_setup(state), 0);
		b = *state;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_random_days, bed_setup, bed_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
