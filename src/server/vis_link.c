/* SPDX-License-Identifier: ISC */
/*
 * pratique-vis: says on its Unix socket that advisories have changed, and keeps the index that we map
 * read-only. Which ones have is read from the index's own journal; so nothing is missed while the other side
 * is away, when the index is watched instead, and nobody has to be told everything.
 */
#include "base/log.h"
#include "net/ipc_stream.h"
#include "server/named.h"
#include "server/server.h"
#include "vuln/listing.h"
#include "vuln/needs.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>

#define VIS_WATCH_MS 1000
#define VIS_FRAME_MAX (4u << 20)
#define VIS_WRITE_MAX (1u << 20)
#define VIS_NAMED_MS 1000 /* between two messages of what nodes name */
#define WANTED_MAX 64     /* ecosystems that nodes need and the index knows nothing of */

struct vis_link {
	struct server *server;
	struct ipc_client *client;
	bool is_open, is_greeted, was_told;
	struct event *timer;
	dev_t device; /* of the index's file, to see when it is another one */
	ino_t inode;
	char wanted[WANTED_MAX][ECOSYSTEM_NAME_MAX]; /* said to pratique-vis, each once a connection */
	size_t n_wanted;
	uint64_t named_sent; /* named_changes() of what this connection was told; UINT64_MAX: nothing */
	time_ms named_at;    /* monotonic */
};

static void index_file(const struct vis_link *v, struct stat *ret)
{
	char *path FREE_ON_EXIT = xasprintf("%s/data.mdb", v->server->options.index_directory);
	if (stat(path, ret) < 0)
		memset(ret, 0, sizeof(*ret));
}

static bool is_same_file(const struct vis_link *v)
{
	struct stat st;
	index_file(v, &st); /* where it is gone, what is mapped is all there is */
	return st.st_ino == 0 || (st.st_dev == v->device && st.st_ino == v->inode);
}

/* Opens the index that is there now. An LMDB file must not be open twice in one process: the old one is
 * closed first, and until the loop turns nobody is judged without. */
static void open_index(struct vis_link *v)
{
	struct server *s = v->server;
	struct vuln_index *index = NULL;
	struct error err = { "" };
	struct stat st;
	index_file(v, &st);
	v->device = st.st_dev;
	v->inode = st.st_ino;
	if (s->site->index)
		site_set_index(s->site, NULL, clock_wall_ms());
	int code = vuln_index_open(s->options.index_directory, &index, &err);
	if (code < 0) {
		if (!v->was_told)
			log_warning("no vulnerability information, so nobody is admitted who needs it: %s",
			        err.text);
		v->was_told = true;
		return;
	}
	v->was_told = false;
	site_set_index(s->site, index, clock_wall_ms());
	log_info("vulnerability index %s, generation %llu", s->options.index_directory,
	        (unsigned long long)s->site->moment.generation);
}

/* What changed is asked of the index itself, which knows of every update, told or not. */
static void take_changes(struct vis_link *v)
{
	struct site *site = v->server->site;
	if (!site->index || !is_same_file(v))
		open_index(v);
	else
		site_index_moved(site, clock_wall_ms());
}

static void watch_index(struct vis_link *v)
{
	if (!v->server->site->index)
		open_index(v);
	else /* also beside a pratique-vis that is there: it may hang, and others may write */
		take_changes(v);
}

/* ---- what the index lacks ---- */

static void send_wanted(struct vis_link *v, const char *ecosystem)
{
	struct ipc_package_key key = { .ecosystem = (char *)ecosystem, .package = (char *)"" };
	const struct ipc_wanted wanted = { .ecosystems = &key, .n_ecosystems = 1 };
	struct ipc_stream *stream = v->client ? ipc_client_stream(v->client) : NULL;
	if (v->is_open && stream)
		(void)ipc_stream_send(stream, IPC_WANTED, &wanted, NULL);
}

/* To a pratique-vis that has just come; what the index has got meanwhile is forgotten. */
static void repeat_wanted(struct vis_link *v)
{
	size_t n = v->n_wanted;
	v->n_wanted = 0;
	for (size_t i = 0; i < n; i++) {
		if (v->server->site->index && vuln_index_knows(v->server->site->index, v->wanted[i]))
			continue;
		if (i != v->n_wanted)
			memcpy(v->wanted[v->n_wanted], v->wanted[i], sizeof(v->wanted[i]));
		send_wanted(v, v->wanted[v->n_wanted++]);
	}
}

static bool is_wanted(const struct vis_link *v, const char *ecosystem)
{
	for (size_t i = 0; i < v->n_wanted; i++)
		if (strcmp(v->wanted[i], ecosystem) == 0)
			return true;
	return false;
}

/* ---- what nodes name ---- */

static void add_named(const struct named_url *url, void *message)
{
	struct ipc_named *m = message;
	if (m->n_sources < NAMED_MAX)
		m->sources[m->n_sources++] =
		        (struct ipc_named_source){ .url = xstrdup(url->url), .nodes = (uint32_t)url->nodes };
}

/* All of it, where something of it is new, and not more often than it may be. */
static void tell_named(struct vis_link *v)
{
	struct named *named = v->server->site->named;
	struct ipc_stream *stream = v->client ? ipc_client_stream(v->client) : NULL;
	const time_ms now = clock_monotonic_ms();
	if (!v->is_greeted || !stream || v->named_sent == named_changes(named) ||
	        (v->named_sent != UINT64_MAX && now - v->named_at < VIS_NAMED_MS))
		return;
	v->named_sent = named_changes(named);
	v->named_at = now;
	struct ipc_named m = { .sources = xcalloc(NAMED_MAX, sizeof(*m.sources)),
		.refused = (uint32_t)named_refused(named) };
	named_each(named, add_named, &m);
	named_note_sent(named);
	(void)ipc_stream_send(stream, IPC_NAMED, &m, NULL);
	ipc_body_clear(IPC_NAMED, &m);
}

static void take_listed(struct vis_link *v, const struct ipc_listed *m)
{
	struct named *named = v->server->site->named;
	named_begin_listed(named);
	for (size_t i = 0; i < m->n_sources; i++)
		named_set_listed(named, m->sources[i].url, m->sources[i].source);
}

void vis_want(struct server *s, const struct posture *posture)
{
	char needs[NEEDS_MAX][ECOSYSTEM_NAME_MAX];
	struct vis_link *v = s->vis;
	const size_t n = v && s->site->index ? vuln_needs(s->site->index, posture, needs) : 0;
	if (v)
		tell_named(v);
	for (size_t i = 0; i < n; i++) {
		if (is_wanted(v, needs[i]))
			continue;
		if (v->n_wanted == WANTED_MAX) /* the oldest goes: it was asked for, and may be again */
			memmove(v->wanted, v->wanted + 1, --v->n_wanted * sizeof(*v->wanted));
		else
			log_notice("a node's packages need what is known about %s, which is nothing; "
			           "pratique-vis is asked for it",
			        needs[i]);
		memcpy(v->wanted[v->n_wanted], needs[i], sizeof(needs[i]));
		send_wanted(v, v->wanted[v->n_wanted++]);
	}
}

static int take_message(struct vis_link *v, const struct ipc_message *m)
{
	const struct ipc_hello *hello = m->body;
	switch (m->number) {
	case IPC_HELLO:
		if (hello->version != IPC_VERSION || strcmp(hello->role, "vis") != 0)
			return -EPROTO;
		take_changes(v); /* it may have gone on while we were not listening */
		repeat_wanted(v);
		v->is_greeted = true;
		v->named_sent = UINT64_MAX;
		tell_named(v);
		return 0;
	case IPC_LISTED:
		take_listed(v, m->body);
		return 0;
	case IPC_ADVISORIES:
		take_changes(v);
		if (((const struct ipc_advisories *)m->body)->all)
			repeat_wanted(v);
		return 0;
	default:
		return -EPROTO;
	}
}

static void on_open(struct ipc_stream *stream, const struct identity *peer, void *context)
{
	struct vis_link *v = context;
	struct ipc_hello hello = {
		.role = (char *)"server", .name = v->server->identity.name, .version = IPC_VERSION
	};
	v->is_open = true;
	(void)ipc_stream_send(stream, IPC_HELLO, &hello, NULL);
	log_info("pratique-vis is there");
}

static void on_message(struct ipc_stream *stream, const struct ipc_message *m, void *context)
{
	if (take_message(context, m) < 0)
		ipc_stream_close(stream, "it does not speak as pratique-vis must");
}

/* Also for attempts that failed. */
static void on_close(struct ipc_stream *stream, const char *reason, void *context)
{
	struct vis_link *v = context;
	if (v->is_open)
		log_notice("pratique-vis is away: %s", reason);
	v->is_open = v->is_greeted = false;
}

static const struct ipc_handlers handlers = {
	.on_open = on_open, .on_message = on_message, .on_close = on_close
};

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	watch_index(context);
	tell_named(context);
}

static int find_user(const char *name, uid_t *ret, struct error *err)
{
	*ret = (uid_t)-1;
	if (!*name)
		return 0;
	const struct passwd *p = getpwnam(name);
	if (!p)
		return error_set(err, -EINVAL, "vis_user: there is no user %s", name);
	*ret = p->pw_uid;
	return 0;
}

int vis_start(struct server *s, struct error *err)
{
	const struct timeval interval = { VIS_WATCH_MS / 1000, VIS_WATCH_MS % 1000 * 1000 };
	struct vis_link *v = s->vis = xcalloc(1, sizeof(*v));
	v->server = s;
	v->timer = event_new(s->base, -1, EV_PERSIST, on_timer, v);
	if (!v->timer || event_add(v->timer, &interval) < 0)
		return error_set(err, -ENOMEM, "the loop's timers cannot be made");
	watch_index(v);
	if (!*s->options.vis_socket)
		return 0;
	struct ipc_client_config config = { .unix_path = s->options.vis_socket,
		.limits = { VIS_FRAME_MAX, VIS_WRITE_MAX, 0 },
		.handlers = &handlers,
		.user = v };
	if (find_user(s->options.vis_user, &config.also, err) < 0)
		return -EINVAL;
	int code = ipc_client_new(s->base, &config, &v->client);
	return code < 0 ? error_set(err, code, "%s: cannot be watched for", s->options.vis_socket) : 0;
}

void vis_stop(struct server *s)
{
	if (!s->vis)
		return;
	ipc_client_free(s->vis->client);
	if (s->vis->timer)
		event_free(s->vis->timer);
	free(s->vis);
	s->vis = NULL;
}

bool vis_is_connected(const struct server *s)
{
	return s->vis && s->vis->is_open;
}
