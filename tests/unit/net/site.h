/* SPDX-License-Identifier: ISC */
/* A site for the tests of net: a CA in a directory, identities of several roles, one event loop. */
#pragma once

#include "base/file.h"
#include "crypto/openssl.h"
#include "crypto/x509.h"
#include "net/listener.h"
#include "net/tls.h"
#include "tests/unit/directory.h"
#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

struct site {
	char *dir;
	struct event_base *base;
};

static inline struct site *site_make(void)
{
	struct site *site = xcalloc(1, sizeof(*site));
	site->dir = directory_make();
	site->base = event_base_new();
	static const char *const localhost[] = { "localhost", "127.0.0.1", "::1", NULL };
	assert_int_equal(ca_init(site->dir, "Test Site", KEY_P256, NULL), 0);
	assert_int_equal(
	        ca_issue(site->dir, ROLE_SERVER, "srv", localhost, KEY_P256, 30, site->dir, NULL), 0);
	assert_int_equal(ca_issue(site->dir, ROLE_NODE, "alice", NULL, KEY_ED25519, 30, site->dir, NULL), 0);
	return site;
}

static inline void site_free(struct site *site)
{
	event_base_free(site->base);
	directory_remove(site->dir);
	free(site);
}

static inline char *site_file(const struct site *site, const char *name, const char *suffix)
{
	return xasprintf("%s/%s.%s", site->dir, name, suffix);
}

/* The context of `name` (NULL: a client without a certificate), with the revocation list. */
static inline int site_context_with(struct site *site, struct tls_config config, const char *name,
        struct tls_context **ret, struct error *err)
{
	char *ca FREE_ON_EXIT = site_file(site, "ca", "pem"),
	         *crl FREE_ON_EXIT = site_file(site, "ca", "crl");
	char *certificate FREE_ON_EXIT = name ? site_file(site, name, "pem") : NULL;
	char *key FREE_ON_EXIT = name ? site_file(site, name, "key") : NULL;
	config.ca_path = ca;
	config.crl_path = crl;
	config.certificate_path = certificate;
	config.key_path = key;
	return tls_context_new(&config, ret, err);
}

static inline struct tls_context *site_context(
        struct site *site, bool server, const char *name, unsigned peer_roles)
{
	struct tls_context *t = NULL;
	struct error err = { "" };
	const struct tls_config config = { .server = server, .peer_roles = peer_roles };
	if (site_context_with(site, config, name, &t, &err) < 0)
		fail_msg("%s", err.text);
	return t;
}

static inline void site_run_for(struct site *site, int ms)
{
	const struct timeval tv = { ms / 1000, ms % 1000 * 1000 };
	event_base_loopexit(site->base, &tv);
	event_base_dispatch(site->base);
}

/* Runs the loop until the condition holds; ten seconds are for a machine that is very busy. */
#define SITE_WAIT(site, condition) \
	do { \
		for (time_ms end_ = clock_monotonic_ms() + 10000; !(condition);) { \
			if (clock_monotonic_ms() > end_) \
				fail_msg("never: %s", #condition); \
			site_run_for((site), 2); \
		} \
	} while (0)
