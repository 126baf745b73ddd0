/* SPDX-License-Identifier: ISC */
/* Where somebody listens, as people write it: "host:port", "192.0.2.1:443", "[2001:db8::1]:443",
 * "[fe80::1%eth0]:443". */
#pragma once

#include "base/error.h"
#include <stdint.h>
#include <sys/socket.h>

#define ENDPOINT_HOST_MAX 255

struct endpoint {
	char host[ENDPOINT_HOST_MAX + 1]; /* without brackets; with its scope */
	uint16_t port;
};

/* default_port 0: a port must be given. -EINVAL with the reason. */
int endpoint_parse(const char *text, uint16_t default_port, struct endpoint *ret, struct error *err);
/* Looks the name up (addresses need no lookup). Blocks for as long as the resolver does. Returns how many
 * addresses there are, max at most. */
int endpoint_resolve(const struct endpoint *e, struct sockaddr_storage *ret, size_t max, struct error *err);
