/* SPDX-License-Identifier: ISC */
/* Ten nodes in a bed, each on a port of its own, with openssl and a firewall, and a policy for bad days. */
#pragma once

#include "tests/unit/server/site_bed.h"

#define CROWD 10
#define HOUR_MS (60 * MIN_MS)
#define DAY_MS (24 * HOUR_MS)
#define CROWD_BASE \
	"define server { address 2001:db8::2 tcp 271 }\n" \
	"segment quarantine default { allow to server }\n" \
	"segment isolated { allow to server }\n" \
	"segment guest level 1 { allow to server }\n" \
	"role \"employee\" { node \"n0\", \"n1\", \"n2\", \"n3\", \"n4\", \"n5\", \"n6\", \"n7\", \"n8\" " \
	"}\n" \
	"role \"pilot\" { node \"n9\" }\n" \
	"require patched { no advisory }\n" \
	"require firewall { firewall.active }\n" \
	"reject when package \"telnetd\" installed\n" \
	"admit role \"employee\", \"pilot\" to staff when patched, firewall\n" \
	"otherwise isolated\n" \
	"inspect every 30 min certificate lifetime 45 min\n"
#define CROWD_STAFF "segment staff level 2 { allow to any }\n"
#define CROWD_GRACE "segment staff level 2 { allow to any demote after 2 hours }\n"
#define CROWD_BRAKE "brake demotions above 10% or 2 nodes per 5 min hold 4 hours\n"

struct crowd {
	struct bed *bed;
	struct site_node *nodes[CROWD];
	struct site_attachment *ports[CROWD];
	time_ms now;
};

/* What a node has when it comes. */
struct crowd_state {
	bool firewall, telnetd, is_signed;
};
extern const struct crowd_state crowd_good;

/* The bed again, with that policy. */
void crowd_open(struct crowd *c, struct bed *b, const char *policy);
/* The server was killed and is back, with that policy (NULL: the same); whom the start wants judged is. */
void crowd_restart(struct crowd *c, const char *policy);
void crowd_policy(struct crowd *c, const char *policy);
/* A new advisory about openssl, or none; id as in the advisory. All are judged again. */
void crowd_advisory(struct crowd *c, const char *id, const char *source);
void crowd_come(struct crowd *c, size_t i, struct crowd_state s);
/* All of them, healthy. */
void crowd_all_come(struct crowd *c);
/* Time goes on; what is due happens, and is durable. */
void crowd_wait(struct crowd *c, int64_t ms);
/* What waits is judged, and is durable. */
void crowd_work(struct crowd *c);
const char *crowd_segment(const struct crowd *c, size_t i);
/* How many of them are in that segment. */
size_t crowd_in(const struct crowd *c, const char *segment);
