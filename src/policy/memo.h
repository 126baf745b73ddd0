/* SPDX-License-Identifier: ISC */
/*
 * What packages meet in the advisories, remembered: it depends on the package and the system that it is
 * installed on, never on the node. A row says of one package of the catalogue, on one platform, which
 * advisories meet a term of the policy, so that judging a node is a sum over the rows of its packages; and a
 * changed advisory moves the nodes of those rows that it changes, and no others.
 *
 * A row is looked up when it is first asked for, again once a date in a condition has passed (`older than`),
 * and again once it is doubted. All belong to one policy and one index.
 */
#pragma once

#include "policy/policy.h"
#include "posture/catalogue.h"

#define POLICY_MEMO_PLATFORMS_MAX 256
#ifndef POLICY_MEMO_BYTES_MAX                     /* a test has less */
#define POLICY_MEMO_BYTES_MAX ((size_t)512 << 20) /* of rows; a row above it is made anew each time */
#endif
#define POLICY_MEMO_NO_PLATFORM UINT32_MAX

struct policy_memo *policy_memo_new(const struct posture_catalogue *catalogue); /* not owned */
struct policy_memo *policy_memo_free(struct policy_memo *m);                    /* NULL in, NULL out */
/* From now on judged by these, which stay the caller's: every row is forgotten. index NULL: there is none. */
void policy_memo_begin(struct policy_memo *m, const struct policy *policy, struct vuln_index *index);
/* Packages that is_meant is true for are looked up in another index instead, which knows all that the first
 * one knows about them. After policy_memo_begin(); both stay the caller's. */
typedef bool (*policy_memo_meant_fn)(const struct posture_package *package, const void *context);
void policy_memo_overlay(
        struct policy_memo *m, struct vuln_index *over, policy_memo_meant_fn is_meant, const void *context);
/* The number of what the posture says of its system. POLICY_MEMO_NO_PLATFORM above the limit: such a node is
 * judged from its posture alone. */
uint32_t policy_memo_platform(struct policy_memo *m, const struct posture *p);
/* What is known of one: os_id, os_version and os_codename, and nothing else. */
struct posture policy_memo_platform_posture(const struct policy_memo *m, uint32_t platform);
size_t policy_memo_platforms(const struct policy_memo *m);

/* The id is another package now, or none. */
void policy_memo_forget(struct policy_memo *m, uint32_t id);
/* The advisories about this package may be others now. */
void policy_memo_doubt(struct policy_memo *m, uint32_t id);

/* How a row changed, the worst first. */
enum policy_change {
	POLICY_CHANGE_EMERGENCY, /* it meets an emergency that it did not */
	POLICY_CHANGE_CRITICAL,  /* it meets more than it did; by the highest severity of what it meets */
	POLICY_CHANGE_HIGH,
	POLICY_CHANGE_MEDIUM,
	POLICY_CHANGE_LOW,
	POLICY_CHANGE_OTHER,  /* it meets as much, or nobody knows what it met before */
	POLICY_CHANGE_BETTER, /* it meets less */
	POLICY_CHANGE_NONE,
};
#define POLICY_N_CHANGES POLICY_CHANGE_NONE
/* Looks up, for one platform, those of the packages that are doubted (all were: policy_memo_doubt()), and
 * tells of each that changed. A failure leaves them doubted. */
typedef void (*policy_memo_change_fn)(uint32_t id, enum policy_change change, void *context);
int policy_memo_refresh(struct policy_memo *m, uint32_t platform, const uint32_t *ids, size_t n, time_ms now,
        policy_memo_change_fn changed, void *context, struct error *err);

/* Of the advisories that all rows know; nothing is doubted any more, and it is this one. */
uint64_t policy_memo_generation(const struct policy_memo *m);
void policy_memo_settle(struct policy_memo *m, uint64_t generation);

struct policy_memo_counters {
	size_t rows, bytes; /* that are kept; bytes: with the places for rows */
	uint64_t looked_up; /* packages */
	uint64_t unkept;    /* rows that there was no room for */
};
struct policy_memo_counters policy_memo_counters(const struct policy_memo *m);
