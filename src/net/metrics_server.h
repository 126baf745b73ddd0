/* SPDX-License-Identifier: ISC */
/* GET /metrics on a Unix socket, for daemons without an API of their own. Only root and the daemon's own user
 * are answered. */
#pragma once

#include "base/error.h"
#include "net/metrics.h"
#include <event2/event.h>

#define METRICS_CONNECTIONS_MAX 16

struct metrics_server;
/* fill adds what there is at each request; prefix as in metrics_new(). */
int metrics_server_open(struct event_base *base, const char *path, const char *prefix,
        void (*fill)(struct metrics *m, void *user), void *user, struct metrics_server **ret,
        struct error *err);
struct metrics_server *metrics_server_close(struct metrics_server *s); /* NULL in, NULL out */
