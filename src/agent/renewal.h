/* SPDX-License-Identifier: ISC */
/*
 * Keeps the node's certificate, the site's CAs and their revocation lists up to date: looks at them, asks the
 * server from time to time (RFC 7030), and renews the certificate with a new key at two thirds of its life or
 * when the site has another CA. A short-lived process without rights does the asking; this half checks what
 * it brings and writes the files, which are good at any moment.
 */
#pragma once

#include "agent/options.h"

#include <event2/event.h>
#include <jansson.h>
#include <sys/types.h>

#define RENEWAL_FIRST_MS 60000  /* the first look comes within this time */
#define RENEWAL_ASKING_MS 60000 /* longest time for one attempt */

struct renewal;

/* note: for the log. changed: there is something new to say of it (renewal_to_json()). */
struct renewal_config {
	const struct agent_options *options;
	void (*changed)(void *context);
	void *context;
};

/* NULL where the configuration says that nothing is renewed here. */
struct renewal *renewal_new(struct event_base *base, const struct renewal_config *config);
struct renewal *renewal_free(struct renewal *r); /* NULL in, NULL out */
/* A child has ended; true if it was the one that asked. */
bool renewal_reap(struct renewal *r, pid_t pid);
/* Whose certificate it is, until when it is good, when it is renewed, and why it was not. */
json_t *renewal_to_json(const struct renewal *r);
