/* SPDX-License-Identifier: ISC */
/*
 * The connection to the server: ipc frames over TLS (the server's certificate must say that it is one) or a
 * Unix socket, tried again for ever, the configured servers in turn.
 */
#pragma once

#include "ipc/ipc.h"
#include "net/tls.h"

#define SESSION_RETRY_MIN_MS 250
#define SESSION_RETRY_MAX_MS 5000
#define SESSION_FRAME_MAX (16u << 20)

struct session_config {
	const char *const *servers; /* "ADDRESS:PORT", "[ADDRESS]:PORT"; or "unix:PATH" */
	size_t n_servers;
	const char *server_name; /* that its certificate must have; NULL: any server of the site */
	struct tls_context *tls; /* NULL: Unix sockets only */
	void (*on_open)(void *context, const char *peer);
	/* A negative return closes the connection, for the reason in err. */
	int (*on_message)(void *context, const struct ipc_message *m, struct error *err);
	void (*on_close)(void *context, const char *reason);
	void *context;
};

struct session;
/* Whether the servers can be read as such and reached in that way; session_new() asks it too. */
int session_check_servers(const struct session_config *config, struct error *err);
/* config is copied, its strings by reference. */
int session_new(struct event_base *base, const struct session_config *config, struct session **ret,
        struct error *err);
struct session *session_free(struct session *s);
bool session_is_open(const struct session *s);
/* Closes the connection, if there is one, and tries again. */
void session_renew(struct session *s, const char *reason);
/* The next try waits for SESSION_RETRY_MAX_MS, whatever the server has said meanwhile. */
void session_hold_off(struct session *s);
/* -ENOTCONN while there is no connection. */
int session_send(struct session *s, enum ipc_number number, const void *body, struct error *err);
