/* SPDX-License-Identifier: ISC */
/* What radius_servers.c (datagrams, timer) and radius_stream.c (RadSec) share. */
#pragma once

#include "net/tls.h"
#include "softwire/radius_servers.h"

struct radius_port;

/* One socket or connection of a server. */
struct radius_socket {
	struct radius_port *port;
	unsigned path;
	int fd;                 /* datagrams; -1: not open yet */
	struct event *readable; /* datagrams */
	struct stream *stream;  /* RadSec; NULL: none now */
	struct event *retry;    /* RadSec */
	unsigned retry_ms;
	bool complained; /* that it cannot connect; once until it can again */
};

struct radius_port {
	struct radius_servers *servers;
	unsigned index;
	struct aaa_server config;
	struct sockaddr_storage address;
	struct radius_socket sockets[RADIUS_PATHS_MAX];
};

struct radius_servers {
	struct event_base *base;
	struct radius_client *client;
	struct radius_port *ports;
	size_t n_ports;
	struct tls_context *tls; /* NULL: no RadSec */
	struct event *timer;
	void (*on_notice)(const char *text, void *user);
	void *user;
};

void radius_servers_notice(struct radius_servers *s, const char *format, ...) PRINTF_LIKE(2, 3);
/* After anything that may have changed the client's deadline. */
void radius_servers_rearm(struct radius_servers *s);

int radius_stream_init(struct radius_servers *s, const struct aaa_options *options, struct error *err);
void radius_stream_start(struct radius_socket *k);
/* Soon: a connection on which nothing is answered gives way to a new one. */
void radius_stream_renew(struct radius_socket *k);
void radius_stream_stop(struct radius_socket *k);
void radius_stream_send(struct radius_socket *k, const uint8_t *bytes, size_t length);
