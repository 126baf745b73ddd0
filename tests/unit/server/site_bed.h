/* SPDX-License-Identifier: ISC */
/*
 * A site in virtual time, with the real policy and store, and a vulnerability index that says what the test
 * wrote. What the site did is in `log`, one word an effect, in order.
 */
#pragma once

#include "server/site.h"
#include "tests/unit/policy/scripted_index.h"
#include "tests/unit/test.h"

#define MIN_MS 60000LL
#define T0 (20000 * 86400000LL)

struct bed {
	char dir[64], log[4096];
	struct store *store;
	struct site *site;
	EVP_PKEY *key;
	struct vuln_index index;
	struct site_attachment *port;
	struct site_node *alice;
	const char *policy; /* that bed_open() reads; NULL = the one that fits most */
	uint64_t program;   /* that judges; 0: a start judges everybody */
};

/* Set before what is judged or placed; effects are shown as of then. */
extern time_ms bed_now;
extern const struct scripted_match bed_hole; /* in openssl */

/* cmocka's; *state is the bed. Alice is known, her port is there, nothing was inspected. */
int bed_setup(void **state);
int bed_teardown(void **state);
void bed_open(struct bed *b);
void bed_close(struct bed *b);
struct policy *bed_policy(const char *text);
void bed_commit(struct bed *b);
/* The log is this; it is empty then. */
void bed_expect(struct bed *b, const char *log);
struct posture *bed_posture(const char *package);
/* Alice comes with openssl and is judged at her port. */
void bed_inspect(struct bed *b, time_ms now, struct site_outcome *o);
/* The same to the end: she is in staff, and the log is empty. */
void bed_admit(struct bed *b, time_ms now);
/* Whether an advisory about the package may concern the node, as its number says. */
bool bed_concerns(struct bed *b, const struct site_node *node, const char *package);
