/* SPDX-License-Identifier: ISC */
#include "net/metrics_server.h"
#include "net/http.h"

#include <string.h>
#include <unistd.h>

#define SOCKET_MODE 0600

struct metrics_server {
	struct http_server *http;
	char *prefix;
	void (*fill)(struct metrics *m, void *user);
	void *user;
};

static void handle_metrics(struct http_request *r, void *user)
{
	struct metrics_server *s = user;
	uid_t uid;
	if (http_request_user(r, &uid) < 0 || (uid != 0 && uid != geteuid())) {
		http_reply_error(r, 403, "only root and the daemon's own user may ask");
		return;
	}
	struct metrics *m = metrics_new(s->prefix);
	s->fill(m, s->user);
	metrics_process(m);
	char *text FREE_ON_EXIT = metrics_finish(m);
	http_reply(r, 200, METRICS_CONTENT_TYPE, text, strlen(text));
}

static const struct http_route routes[] = { { "GET", "/metrics", handle_metrics, 0, 0 } };

int metrics_server_open(struct event_base *base, const char *path, const char *prefix,
        void (*fill)(struct metrics *m, void *user), void *user, struct metrics_server **ret,
        struct error *err)
{
	const struct listener_config config = { .path = path,
		.mode = SOCKET_MODE,
		.connections_max = METRICS_CONNECTIONS_MAX,
		.handshakes_max = METRICS_CONNECTIONS_MAX,
		.limits = STREAM_LIMITS_DEFAULT };
	struct metrics_server *s = xcalloc(1, sizeof(*s));
	s->prefix = xstrdup(prefix);
	s->fill = fill;
	s->user = user;
	int code = http_server_new(base, &s->http);
	if (code == 0)
		code = http_server_add_routes(s->http, routes, ARRAY_LENGTH(routes), s);
	if (code == 0)
		code = http_server_listen(s->http, &config, err);
	if (code < 0) {
		metrics_server_close(s);
		return code;
	}
	*ret = s;
	return 0;
}

struct metrics_server *metrics_server_close(struct metrics_server *s)
{
	if (!s)
		return NULL;
	http_server_free(s->http);
	free(s->prefix);
	free(s);
	return NULL;
}
