/* SPDX-License-Identifier: ISC */
/* What the memo and the facts remember makes the decisions that a look at everything makes; and it says what
 * a changed advisory changes. */
#include "policy/facts.h"
#include "policy/memo.h"
#include "tests/unit/policy/scripted_index.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define DAY 86400000LL
#define NOW (20454 * DAY) /* 2026-01-01 */
#define PACKAGES 24
#define MATCHES 40
#define FRAME \
	"define server { address 2001:db8::2 tcp 271 }\n" \
	"segment quarantine default { allow to server }\n" \
	"segment isolated { allow to server }\n" \
	"segment guest level 1 { allow to server }\n" \
	"segment staff level 2 { allow to any }\n" \
	"inspect every 30 min certificate lifetime 45 min\n"

static const char *const policies[] = {
	"require a { no advisory where severity >= high and fixed }\n"
	"require b { firewall.active and updates.age < 3 days and not package \"p3\" installed }\n"
	"admit to staff when a, b\nadmit to guest when a\notherwise isolated\n",
	"require a { advisories where severity = low < 3, no advisory where fixed and older than 5 days }\n"
	"admit to staff when a\notherwise isolated\nemergency source \"urgent\"\n",
	"require a { no advisory }\nrequire b { advisories where package = \"p1\" or not fixed <= 1 }\n"
	"waive advisory \"A-1\", \"CVE-3\" for any until 2026-06-30 by \"ops\" because \"x\"\n"
	"waive b for node \"n\" until 2026-06-30 by \"ops\" because \"y\"\n"
	"admit to staff when a\nadmit to guest when b\notherwise isolated\n",
	"require a { no advisory where id = \"A-2\" or source = \"urgent\" }\n"
	"require b { os.id = \"debian\" and kernel.current, setting \"net.ipv4.ip_forward\" = 0 }\n"
	"reject when package \"p5\" installed or advisories where severity >= critical > 2\n"
	"admit to staff when a, b\nadmit to guest when a\notherwise isolated\n",
};

struct world {
	struct policy *policy;
	struct vuln_index index;
	struct scripted_match matches[MATCHES];
	char texts[MATCHES][4][16];
	struct posture_catalogue *catalogue;
	struct policy_memo *memo;
	uint32_t seed;
};

static uint32_t next(struct world *w, uint32_t below)
{
	w->seed = w->seed * 1664525 + 1013904223;
	return (w->seed >> 8) % below;
}

static struct policy *policy_of(const char *text)
{
	struct policy *p = NULL;
	struct error err = { "" };
	char *whole FREE_ON_EXIT = xasprintf("%s%s", FRAME, text);
	if (policy_parse("p", whole, strlen(whole), NULL, NULL, &p, &err) < 0)
		fail_msg("%s", err.text);
	return p;
}

static void make_match(struct world *w, size_t i)
{
	char(*t)[16] = w->texts[i];
	snprintf(t[0], sizeof(t[0]), "p%u", next(w, PACKAGES));
	snprintf(t[1], sizeof(t[1]), "A-%u", next(w, 12));
	snprintf(t[2], sizeof(t[2]), "1.%u", next(w, 9));
	snprintf(t[3], sizeof(t[3]), "CVE-%u", next(w, 6));
	w->matches[i] = (struct scripted_match){ .package = t[0],
		.id = t[1],
		.fixed = next(w, 2) ? t[2] : NULL,
		.source = next(w, 8) ? "debian" : "urgent",
		.severity = (enum vuln_severity)next(w, 5),
		.trust = (enum vuln_trust)next(w, 4),
		.conflict = next(w, 3) ? NULL : "somebody says otherwise",
		.judged_as = next(w, 3) ? NULL : "a backport of 2.0-2 in Debian:13",
		.published = next(w, 5) ? NOW - next(w, 12) * DAY : 0,
		.aliases = { next(w, 2) ? t[3] : NULL } };
}

/* Some of its packages, in its own order. */
static struct posture *make_node(struct world *w)
{
	struct posture *p = posture_new();
	catalogue_attach(w->catalogue, p);
	p->os_id = next(w, 4) ? "debian" : "ubuntu";
	p->os_version = "12";
	p->os_codename = "bookworm";
	p->packages_known = next(w, 10) != 0;
	p->firewall_active = (enum tristate)next(w, 3);
	p->updates_checked = next(w, 4) ? NOW - next(w, 6) * DAY : 0;
	p->kernel_running = "6.1";
	p->kernel_installed = next(w, 2) ? "6.1" : "6.2";
	p->settings.known = true;
	const struct posture_setting forward = { .name = "net.ipv4.ip_forward",
		.value = next(w, 2) ? "0" : "1" };
	assert_int_equal(posture_add_setting(&p->settings, 10, &forward), 0);
	for (unsigned i = 0, at = next(w, PACKAGES); i < PACKAGES; i++, at = (at + 7) % PACKAGES) {
		char name[16], version[16];
		if (next(w, 3) == 0)
			continue;
		snprintf(name, sizeof(name), "p%u", at);
		snprintf(version, sizeof(version), "0.%u", next(w, 2));
		const struct posture_package one = { "deb", name, version, "amd64", name, version, 0 };
		const struct posture_package *known = catalogue_add(w->catalogue, p, &one, NULL, 0);
		assert_non_null(known);
		assert_int_equal(posture_add_package(p, known), 0);
	}
	return p;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Without the order of the findings, which is another one. */
static char *told(struct policy_decision *d)
{
	char *lines[200], *all = NULL;
	size_t n = 0, length;
	json_t *j = policy_decision_to_json(d), *findings = json_object_get(j, "findings"), *one;
	FILE *out = open_memstream(&all, &length);
	size_t i;
	json_array_foreach(findings, i, one)
		if (n < ARRAY_LENGTH(lines))
			lines[n++] = json_dumps(one, JSON_SORT_KEYS);
	json_object_del(j, "findings");
	json_object_del(j, "advisory_generation");
	char *rest FREE_ON_EXIT = json_dumps(j, JSON_SORT_KEYS);
	qsort(lines, n, sizeof(*lines), compare_texts);
	fprintf(out, "%s\n", rest);
	for (i = 0; i < n; i++) {
		fprintf(out, "%s\n", lines[i]);
		free(lines[i]);
	}
	json_decref(j);
	fclose(out);
	policy_decision_clear(d);
	return all;
}

static void check_node(struct world *w, const struct posture *p, time_ms now)
{
	uint32_t ids[PACKAGES];
	struct policy_decision d;
	struct policy_input in = {
		.node = "n", .posture = p, .index = &w->index, .unique = TRI_YES, .now = now
	};
	for (size_t i = 0; i < p->n_packages; i++)
		ids[i] = p->packages[i].id;
	policy_evaluate(w->policy, &in, &d);
	char *direct FREE_ON_EXIT = told(&d);
	const struct policy_inventory inventory = { w->memo, policy_memo_platform(w->memo, p), ids,
		p->n_packages };
	in.inventory = &inventory;
	policy_evaluate(w->policy, &in, &d);
	char *by_memo FREE_ON_EXIT = told(&d);
	assert_string_equal(direct, by_memo);
	struct policy_facts *facts FREE_ON_EXIT = policy_facts_new(w->policy, p, now);
	if (!p->packages_known)
		assert_null(facts);
	if (!facts)
		return;
	assert_true(policy_facts_hold(facts, w->policy, now));
	in.posture = NULL;
	in.facts = facts;
	if (!policy_evaluate_again(w->policy, &in, &d))
		return;
	char *by_facts FREE_ON_EXIT = told(&d);
	assert_string_equal(direct, by_facts);
}

static void begin(struct world *w, size_t policy, uint32_t seed)
{
	*w = (struct world){ .policy = policy_of(policies[policy]), .seed = seed };
	w->catalogue = catalogue_new();
	w->memo = policy_memo_new(w->catalogue);
	w->index = (struct vuln_index){ .matches = w->matches, .n_matches = MATCHES, .generation = 1 };
	for (size_t i = 0; i < MATCHES; i++)
		make_match(w, i);
	policy_memo_begin(w->memo, w->policy, &w->index);
}

static void end(struct world *w)
{
	policy_memo_free(w->memo);
	catalogue_free(w->catalogue);
	policy_free(w->policy);
}

static void ignore(uint32_t id, enum policy_change change, void *context)
{
	*(size_t *)context += 1;
}

/* Many nodes, by and by, while time goes on and advisories change. */
static void test_as_a_look_at_everything(void **state)
{
	for (uint32_t round = 0; round < 4 * ARRAY_LENGTH(policies); round++) {
		struct world w;
		struct posture *nodes[30];
		size_t changed = 0;
		begin(&w, round % ARRAY_LENGTH(policies), round * 77 + 5);
		for (size_t i = 0; i < ARRAY_LENGTH(nodes); i++)
			nodes[i] = make_node(&w);
		for (unsigned step = 0; step < 8; step++) {
			for (size_t i = 0; i < ARRAY_LENGTH(nodes); i++)
				check_node(&w, nodes[i], NOW + step * DAY);
			make_match(&w, next(&w, MATCHES));
			w.index.generation++;
			if (step % 3 == 0) /* it was not said yet */
				check_node(&w, nodes[step], NOW + step * DAY);
			for (uint32_t id = 1; id < catalogue_limit(w.catalogue); id++)
				policy_memo_doubt(w.memo, id);
			check_node(&w, nodes[0], NOW + step * DAY);
			for (uint32_t platform = 0; platform < policy_memo_platforms(w.memo); platform++)
				for (uint32_t id = 1; id < catalogue_limit(w.catalogue); id++)
					assert_int_equal(policy_memo_refresh(w.memo, platform, &id, 1,
					                         NOW + step * DAY, ignore, &changed, NULL),
					        0);
			policy_memo_settle(w.memo, w.index.generation);
		}
		assert_true(changed > 0);
		for (size_t i = 0; i < ARRAY_LENGTH(nodes); i++)
			posture_free(nodes[i]);
		end(&w);
	}
}

/* ---- what changed ---- */

struct change {
	uint32_t id;
	enum policy_change change;
	size_t n;
};

static void keep_change(uint32_t id, enum policy_change change, void *context)
{
	*(struct change *)context = (struct change){ id, change, ((struct change *)context)->n + 1 };
}

static enum policy_change change_by(
        struct world *w, uint32_t id, const struct scripted_match *matches, size_t n)
{
	struct change c = { .change = POLICY_CHANGE_NONE };
	w->index.matches = matches;
	w->index.n_matches = n;
	w->index.generation++;
	policy_memo_doubt(w->memo, id);
	assert_int_equal(policy_memo_refresh(w->memo, 0, &id, 1, NOW, keep_change, &c, NULL), 0);
	policy_memo_settle(w->memo, w->index.generation);
	assert_true(c.n <= 1 && (c.n == 0 || c.id == id));
	return c.change;
}

static void test_changes_have_an_order(void **state)
{
	struct world w;
	const struct scripted_match low = { .package = "p1",
		.id = "A",
		.severity = VULN_SEVERITY_LOW,
		.fixed = "2",
		.source = "debian",
		.published = NOW - 10 * DAY },
	                            critical = { .package = "p1",
		                            .id = "B",
		                            .severity = VULN_SEVERITY_CRITICAL,
		                            .fixed = "2",
		                            .source = "debian",
		                            .published = NOW - 10 * DAY },
	                            urgent = { .package = "p1",
		                            .id = "C",
		                            .severity = VULN_SEVERITY_LOW,
		                            .fixed = "2",
		                            .source = "urgent",
		                            .published = NOW - 10 * DAY },
	                            unfixed = { .package = "p1",
		                            .id = "D",
		                            .source = "debian",
		                            .severity = VULN_SEVERITY_HIGH,
		                            .published = NOW - 10 * DAY };
	struct scripted_match list[2] = { low, critical };
	struct policy_decision d;
	begin(&w, 1, 1);
	w.index.n_matches = 0;
	struct posture *p = posture_new();
	const struct posture_package one = { "deb", "p1", "1", "amd64", "p1", "1", 0 };
	catalogue_attach(w.catalogue, p);
	p->packages_known = true;
	const uint32_t id = catalogue_add(w.catalogue, p, &one, NULL, 0)->id;
	const struct policy_inventory inventory = { w.memo, policy_memo_platform(w.memo, p), &id, 1 };
	const struct policy_input in = {
		.node = "n", .posture = p, .inventory = &inventory, .index = &w.index, .now = NOW
	};
	policy_evaluate(w.policy, &in, &d);
	policy_decision_clear(&d);
	assert_int_equal(change_by(&w, id, NULL, 0), POLICY_CHANGE_NONE);
	assert_int_equal(change_by(&w, id, &unfixed, 1), POLICY_CHANGE_NONE); /* no term meets it */
	assert_int_equal(change_by(&w, id, &low, 1), POLICY_CHANGE_LOW);
	assert_int_equal(change_by(&w, id, list, 2), POLICY_CHANGE_CRITICAL);
	assert_int_equal(change_by(&w, id, list, 2), POLICY_CHANGE_NONE);
	list[0].fixed = "3";
	assert_int_equal(change_by(&w, id, list, 2), POLICY_CHANGE_OTHER);
	list[0] = urgent;
	assert_int_equal(change_by(&w, id, list, 2), POLICY_CHANGE_EMERGENCY);
	assert_int_equal(change_by(&w, id, &low, 1), POLICY_CHANGE_BETTER);
	policy_memo_forget(w.memo, id);
	assert_int_equal(change_by(&w, id, NULL, 0), POLICY_CHANGE_NONE); /* nobody has asked for it */
	posture_free(p);
	end(&w);
}

/* A date in a condition passes while nothing else happens. */
static void test_dates_pass(void **state)
{
	struct world w;
	const struct scripted_match young = { .package = "p1",
		.id = "A",
		.fixed = "2",
		.source = "debian",
		.severity = VULN_SEVERITY_HIGH,
		.published = NOW };
	struct policy_decision d;
	begin(&w, 1, 1);
	w.index.matches = &young;
	w.index.n_matches = 1;
	struct posture *p = posture_new();
	const struct posture_package one = { "deb", "p1", "1", "amd64", "p1", "1", 0 };
	catalogue_attach(w.catalogue, p);
	p->packages_known = true;
	const uint32_t id = catalogue_add(w.catalogue, p, &one, NULL, 0)->id;
	const struct policy_inventory inventory = { w.memo, policy_memo_platform(w.memo, p), &id, 1 };
	struct policy_input in = {
		.node = "n", .posture = p, .inventory = &inventory, .index = &w.index, .now = NOW
	};
	for (unsigned day = 0; day < 8; day++) {
		in.now = NOW + day * DAY;
		policy_evaluate(w.policy, &in, &d);
		assert_int_equal(d.compliant, day <= 5);
		policy_decision_clear(&d);
	}
	assert_int_equal(w.index.packages, 2); /* looked up twice: at first, and when the date had passed */
	posture_free(p);
	end(&w);
}

/* An index that cannot be read admits nobody, and is asked again. */
static void test_failure(void **state)
{
	struct world w;
	struct policy_decision d;
	begin(&w, 2, 9);
	w.index.n_matches = 0;
	w.index.failure = -EIO;
	struct posture *p = make_node(&w);
	p->packages_known = true;
	uint32_t ids[PACKAGES];
	for (size_t i = 0; i < p->n_packages; i++)
		ids[i] = p->packages[i].id;
	const struct policy_inventory inventory = { w.memo, policy_memo_platform(w.memo, p), ids,
		p->n_packages };
	const struct policy_input in = {
		.posture = p, .inventory = &inventory, .index = &w.index, .now = NOW
	};
	policy_evaluate(w.policy, &in, &d);
	assert_false(d.compliant);
	assert_non_null(strstr(d.findings[0].text, "the index is damaged"));
	policy_decision_clear(&d);
	w.index.failure = 0;
	policy_evaluate(w.policy, &in, &d);
	assert_true(d.compliant);
	policy_decision_clear(&d);
	assert_int_equal(policy_memo_counters(w.memo).rows, p->n_packages);
	posture_free(p);
	end(&w);
}

/* Who was judged without a row being kept is told of a change all the same. */
static void test_change_on_every_platform(void **state)
{
	struct world w;
	const char *const systems[] = { "debian", "ubuntu", "alpine" };
	begin(&w, 2, 9);
	w.index.n_matches = 0;
	struct posture *p = make_node(&w);
	p->packages_known = true;
	for (size_t i = 0; i < ARRAY_LENGTH(systems); i++) {
		p->os_id = systems[i];
		check_node(&w, p, NOW);
	}
	assert_int_equal(policy_memo_platforms(w.memo), ARRAY_LENGTH(systems));
	const struct scripted_match match = { .package = p->packages[0].name,
		.id = "NEW",
		.source = "debian",
		.severity = VULN_SEVERITY_HIGH };
	w.index.matches = &match;
	w.index.n_matches = 1;
	w.index.generation++;
	const uint32_t id = p->packages[0].id;
	policy_memo_doubt(w.memo, id);
	for (uint32_t platform = 0; platform < ARRAY_LENGTH(systems); platform++) {
		size_t changed = 0;
		assert_int_equal(
		        policy_memo_refresh(w.memo, platform, &id, 1, NOW, ignore, &changed, NULL), 0);
		assert_int_equal(changed, 1);
	}
	assert_in_range(policy_memo_counters(w.memo).bytes, 40960, POLICY_MEMO_BYTES_MAX);
	posture_free(p);
	end(&w);
}

/* ---- facts ---- */

static void test_facts_end_with_their_dates(void **state)
{
	struct policy *p = policy_of(policies[0]), *other = policy_of(policies[3]);
	struct posture *posture = posture_new();
	posture->packages_known = true;
	posture->updates_checked = NOW - DAY;
	struct policy_facts *f FREE_ON_EXIT = policy_facts_new(p, posture, NOW);
	assert_true(policy_facts_hold(f, p, NOW));
	assert_true(policy_facts_hold(f, p, NOW + 2 * DAY - 1));
	assert_false(policy_facts_hold(f, p, NOW + 2 * DAY)); /* the lists are three days old */
	assert_false(policy_facts_hold(f, p, NOW - 1));       /* the clock was set back */
	assert_false(policy_facts_hold(f, other, NOW));
	assert_false(policy_facts_hold(NULL, p, NOW));
	(void)posture_add_unknown(posture, "packages", "not all of them could be read");
	assert_null(policy_facts_new(p, posture, NOW));
	posture_free(posture);
	policy_free(p);
	policy_free(other);
}

/* ---- the age of what is known ---- */

static void test_sources_have_an_age(void **state)
{
	const struct vuln_source sources[] = { { .name = "debian", .loaded = NOW - 2 * DAY },
		{ .name = "never" } };
	struct vuln_index index = { .generation = 1, .updated = NOW, .sources = sources, .n_sources = 2 };
	struct policy *p = policy_of("require a { source \"debian\" age < 3 days }\n"
	                             "require b { source \"never\" age < 3 days }\n"
	                             "require c { source \"nobody's\" age >= 0 s }\n"
	                             "admit to staff when a\nadmit to guest when b\nadmit to guest when c\n"
	                             "otherwise isolated\n");
	struct posture *posture = posture_new();
	struct policy_decision d;
	struct policy_input in = { .posture = posture, .index = &index, .now = NOW };
	policy_evaluate(p, &in, &d);
	assert_string_equal(d.segment->name, "staff");
	policy_decision_clear(&d);
	const uint64_t before = policy_freshness(p, &index, NOW);
	assert_int_equal(policy_freshness(p, &index, NOW + DAY - 1), before);
	assert_int_not_equal(policy_freshness(p, &index, NOW + DAY), before);
	assert_int_not_equal(policy_freshness(p, NULL, NOW), before);
	in.now = NOW + DAY;
	policy_evaluate(p, &in, &d);
	assert_string_equal(d.segment->name, "isolated");
	assert_int_equal(d.n_findings, 3);
	assert_non_null(strstr(d.findings[0].text, "the age of the source \"debian\" is 3 days"));
	assert_non_null(strstr(d.findings[1].text, "\"never\" is unknown (it was never loaded)"));
	assert_non_null(strstr(d.findings[2].text, "has no such source"));
	policy_decision_clear(&d);
	posture_free(posture);
	policy_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_a_look_at_everything),
		cmocka_unit_test(test_changes_have_an_order),
		cmocka_unit_test(test_dates_pass),
		cmocka_unit_test(test_failure),
		cmocka_unit_test(test_change_on_every_platform),
		cmocka_unit_test(test_facts_end_with_their_dates),
		cmocka_unit_test(test_sources_have_an_age),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
