/* SPDX-License-Identifier: ISC */
#include "tests/unit/server/crowd.h"

#include <stdio.h>
#include <string.h>

const struct crowd_state crowd_good = { .firewall = true, .is_signed = true };
static struct scripted_match advisory;

static void find_all(struct crowd *c)
{
	for (size_t i = 0; i < CROWD; i++) {
		const struct mac_address mac = { { 2, 0, 0, 0, 1, (uint8_t)i } };
		const uint8_t thumbprint[32] = { 0xb0, (uint8_t)i };
		char name[8], port[8];
		snprintf(name, sizeof(name), "n%zu", i);
		snprintf(port, sizeof(port), "q%zu", i);
		c->nodes[i] = site_see_node(c->bed->site, name, thumbprint, NULL, c->now);
		c->ports[i] = site_see_attachment(c->bed->site, "gw", port, &mac, c->now);
		c->ports[i]->present = true;
	}
}

void crowd_open(struct crowd *c, struct bed *b, const char *policy)
{
	*c = (struct crowd){ .bed = b, .now = T0 };
	bed_now = T0;
	b->index.n_matches = 0;
	bed_close(b);
	b->policy = policy;
	bed_open(b);
	if (b->port)
		b->port->present = false; /* alice is in other tests */
	find_all(c);
	for (size_t i = 0; i < CROWD; i++)
		site_save_attachment(b->site, c->ports[i]);
	bed_commit(b);
}

void crowd_restart(struct crowd *c, const char *policy)
{
	struct bed *b = c->bed;
	bed_close(b);
	if (policy)
		b->policy = policy;
	bed_open(b);
	find_all(c);
	site_start(b->site, c->now);
	crowd_work(c);
}

void crowd_policy(struct crowd *c, const char *policy)
{
	c->bed->policy = policy;
	site_set_policy(c->bed->site, bed_policy(policy), c->now);
	crowd_work(c);
}

void crowd_advisory(struct crowd *c, const char *id, const char *source)
{
	struct bed *b = c->bed;
	advisory = (struct scripted_match){
		.package = "openssl", .id = id, .source = source, .severity = VULN_SEVERITY_HIGH
	};
	b->index.matches = &advisory;
	b->index.n_matches = id != NULL;
	b->index.generation++;
	site_advisories_changed(b->site, NULL, 0, true, c->now);
	crowd_work(c);
}

void crowd_come(struct crowd *c, size_t i, struct crowd_state s)
{
	struct site_outcome o;
	struct posture *p = bed_posture("openssl");
	p->firewall_active = s.firewall ? TRI_YES : TRI_NO;
	if (s.telnetd) {
		struct posture_package one = { "deb", "telnetd", "1.0-1", "amd64", "telnetd", "1.0-1" };
		assert_int_equal(posture_add_package(p, &one), 0);
	}
	assert_int_equal(site_take_posture(c->bed->site, c->nodes[i],
	                         site_posture_new(c->bed->site->catalogue, p), s.is_signed, c->now),
	        0);
	site_judge(c->bed->site, c->nodes[i], c->ports[i], "inspection", NULL, c->now, &o);
	site_outcome_clear(&o);
	crowd_work(c);
}

void crowd_all_come(struct crowd *c)
{
	for (size_t i = 0; i < CROWD; i++)
		crowd_come(c, i, crowd_good);
}

void crowd_work(struct crowd *c)
{
	bed_now = c->now;
	while (site_work(c->bed->site, c->now, 3))
		;
	bed_commit(c->bed);
	c->bed->log[0] = '\0';
}

void crowd_wait(struct crowd *c, int64_t ms)
{
	const time_ms end = c->now + ms;
	do {
		bed_now = c->now = MIN(c->now + 10000, end);
		site_tick(c->bed->site, c->now);
		while (site_work(c->bed->site, c->now, 3))
			;
		if (c->now % (10 * MIN_MS) == 0)
			bed_commit(c->bed);
	} while (c->now < end);
	crowd_work(c);
}

const char *crowd_segment(const struct crowd *c, size_t i)
{
	return site_segment(c->bed->site, &c->ports[i]->handed, c->now)->name;
}

size_t crowd_in(const struct crowd *c, const char *segment)
{
	size_t n = 0;
	for (size_t i = 0; i < CROWD; i++)
		n += strcmp(crowd_segment(c, i), segment) == 0;
	return n;
}
