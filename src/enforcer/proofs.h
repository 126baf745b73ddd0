/* SPDX-License-Identifier: ISC */
/*
 * Proofs that wait for an answer: addresses that packets asked for and nobody has yet. Who has one is asked
 * on the link (RFC 4861, RFC 826), and that must not become a flood: a packet from anywhere may name any
 * address. So there are so many questions a second and so many open at once, for addresses that nodes send
 * from and for those that somebody sends to each their own, and of the former a few for one MAC. A pure
 * table: time is an argument.
 */
#pragma once

#include "enforcer/drivers/driver.h"

#define PROOFS_MS 3500 /* three solicitations a second apart, RFC 4861 section 10 */
#define PROOFS_UNPROVEN_PER_SECOND 100
#define PROOFS_UNPROVEN_MAX 256
#define PROOFS_UNPROVEN_PER_MAC_MAX 16
#define PROOFS_WANTED_PER_SECOND 50
#define PROOFS_WANTED_MAX 128

struct proofs_statistics {
	uint64_t asked, answered, failed;
	uint64_t refused; /* beyond the limits above; asked for again by the next packet */
	size_t open;
};

struct proofs;
struct proofs *proofs_new(void);
struct proofs *proofs_free(struct proofs *p);
/* Whether to ask now for s, which is SIGHTING_UNPROVEN or SIGHTING_WANTED: not where it is asked already, nor
 * beyond the limits. */
bool proofs_may_ask(struct proofs *p, const struct sighting *s, time_ms now);
/* It is asked. */
void proofs_asked(struct proofs *p, const struct sighting *s, time_ms now);
/* Somebody has the address: how long ago it was asked, in milliseconds; -1: it was not. */
time_ms proofs_answered(struct proofs *p, uint16_t link, const struct ip_address *ip, time_ms now);
/* Nobody has it; false: it was not asked. */
bool proofs_failed(struct proofs *p, uint16_t link, const struct ip_address *ip);
/* At least once a second: forgets those that should have been answered. */
void proofs_tick(struct proofs *p, time_ms now);
const struct proofs_statistics *proofs_statistics(const struct proofs *p);
