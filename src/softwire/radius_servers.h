/* SPDX-License-Identifier: ISC */
/* The RADIUS client on the event loop: UDP sockets (RFC 2865), TLS connections (RadSec, RFC 6614) that come
 * back by themselves, and the timer. */
#pragma once

#include "softwire/aaa_settings.h"

#define RADIUS_RECONNECT_MIN_MS 1000
#define RADIUS_RECONNECT_MAX_MS 60000
#define RADIUS_SOCKET_BUFFER (1 << 20) /* bytes: replies to a burst of requests */

struct radius_servers;

/* on_notice: what an operator should read. servers are copied. */
int radius_servers_new(struct event_base *base, const struct aaa_server *servers, size_t n_servers,
        const struct aaa_options *tls, void (*on_notice)(const char *text, void *user), void *user,
        struct radius_servers **ret, struct error *err);
struct radius_servers *radius_servers_free(struct radius_servers *s);

/* As radius_client_call(), with the clock and the timer seen to. */
int radius_servers_call(struct radius_servers *s, const struct radius_request *request,
        radius_answer_fn *on_answer, void *user, struct radius_call **ret);
void radius_servers_cancel(struct radius_servers *s, struct radius_call *call);
/* Certificates are read again; on failure they stay. */
int radius_servers_reload(struct radius_servers *s, struct error *err);
struct radius_client *radius_servers_client(struct radius_servers *s);
