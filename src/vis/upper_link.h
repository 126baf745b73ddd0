/* SPDX-License-Identifier: ISC */
/*
 * The way up: a subscription to one of the upper VISes (upper_plan.h) over mutual TLS, and what it says
 * handed to the repositories that we follow (relay.h). It comes back by itself, to the next one where one
 * fails.
 */
#pragma once

#include "net/endpoint.h"
#include "vis/relay.h"
#include "vis/upper_plan.h"

#define UPPER_IDLE_MS 16000 /* without a sign of life: three of PUSH_ALIVE_MS */
/* So many events in so much time are a flood: no publisher signs, and no path changes, so often. */
#define UPPER_EVENTS_MAX 1000
#define UPPER_EVENTS_MS 10000

struct upper_link_config {
	const char *name;          /* ours, as its certificate has it */
	const char *const *uppers; /* HOST[:PORT] [NAME]: NAME is the certificate's, else the host */
	size_t n_uppers;           /* UPPERS_MAX at most */
	const char *ca, *crl, *certificate, *key; /* crl may be NULL */
	struct relay *const *relays;              /* kept by reference */
	size_t n_relays;
	/* Something about the uppers is other than before: for those who are shown it. May be NULL. */
	void (*on_change)(void *user);
	void *user;
};

struct upper_link;
/* -EINVAL for an upper that is none. Names are looked up beside the loop, from the first turn on. */
int upper_link_open(struct event_base *base, const struct upper_link_config *config, struct upper_link **ret,
        struct error *err);
struct upper_link *upper_link_close(struct upper_link *l); /* NULL in, NULL out */
const struct upper_plan *upper_link_plan(const struct upper_link *l);
/* As relay_config.on_refused has it: the current upper is left. */
void upper_link_refused(struct upper_link *l, enum tree_refusal why, const char *reason);

struct upper_link_counters {
	uint64_t events, events_strange, bytes; /* strange: of no repository that we follow */
};
void upper_link_get_counters(const struct upper_link *l, struct upper_link_counters *ret);
/* "HOST[:PORT] [NAME]" as its parts; -EINVAL with the reason. ret_name: PUSH_NAME_SIZE. */
int upper_parse(const char *text, struct endpoint *ret, char *ret_name, struct error *err);
