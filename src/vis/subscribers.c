/* SPDX-License-Identifier: ISC */
#include "vis/subscribers.h"

#include "base/log.h"
#include "net/listener.h"

#include <errno.h>
#include <string.h>
#include <sys/queue.h>

#define CHANGED_MAX 4096       /* of the message ADVISORIES */
#define FRAME_MAX (320u << 10) /* of what a subscriber says */
#define SOCKET_MODE 0660

struct subscriber {
	struct subscribers *all;
	struct stream *stream;
	bool greeted;
	struct ipc_named named; /* as it said last */
	LIST_ENTRY(subscriber) entries;
};

struct subscribers {
	struct listener *listener;
	char *name;
	uint64_t generation;
	size_t count;
	LIST_HEAD(, subscriber) list;
	struct ipc_package_key *changed;
	size_t n_changed;
	bool too_many;
	struct subscribers_handlers handlers;
	void *user;
};

void subscriber_send(struct subscriber *s, enum ipc_number number, const void *body)
{
	struct writer w = wr_make(IPC_FRAME_MAX);
	struct error err;
	if (ipc_encode(&w, number, body, &err) < 0)
		log_error("a message could not be made: %s", err.text);
	else
		(void)stream_write(
		        s->stream, w.data, w.length); /* a stream that cannot take it closes by itself */
	wr_free(&w);
}

static void free_subscriber(struct subscriber *s)
{
	LIST_REMOVE(s, entries);
	s->all->count--;
	ipc_body_clear(IPC_NAMED, &s->named);
	free(s);
}

static bool greet(struct subscriber *s, const struct ipc_hello *hello)
{
	if (s->greeted || hello->version != IPC_VERSION)
		return false;
	s->greeted = true;
	if (hello->generation != s->all->generation)
		subscriber_send(s, IPC_ADVISORIES,
		        &(struct ipc_advisories){ .generation = s->all->generation, .all = true });
	return true;
}

static void take_wanted(const struct subscribers *all, const struct ipc_wanted *wanted)
{
	for (size_t i = 0; i < wanted->n_ecosystems && all->handlers.wanted; i++)
		all->handlers.wanted(wanted->ecosystems[i].ecosystem, all->user);
}

static void take_named(struct subscriber *s, struct ipc_named *named)
{
	ipc_body_clear(IPC_NAMED, &s->named);
	s->named = *named;
	*named = (struct ipc_named){ 0 };
	if (s->all->handlers.named)
		s->all->handlers.named(s, s->all->user);
}

/* HELLO first; after it, what the subscriber needs. */
static bool take_message(struct subscriber *s, const uint8_t *data, size_t size)
{
	struct ipc_message m;
	struct error err;
	if (ipc_decode(data, size, &m, &err) < 0)
		return false;
	bool good = s->greeted && (m.number == IPC_WANTED || m.number == IPC_NAMED);
	if (m.number == IPC_HELLO)
		good = greet(s, m.body);
	else if (good && m.number == IPC_WANTED)
		take_wanted(s->all, m.body);
	else if (good)
		take_named(s, m.body);
	ipc_message_clear(&m);
	return good;
}

/* As many messages as are whole: the stream calls once for what came together. */
static size_t on_data(struct stream *stream, const uint8_t *data, size_t length, void *user)
{
	size_t size, taken = 0;
	for (;;) {
		int r = ipc_frame_size(data + taken, length - taken, FRAME_MAX, &size);
		if (r == 0 || (r > 0 && size > length - taken))
			return taken;
		if (r < 0 || !take_message(user, data + taken, size)) {
			stream_close(stream, "it does not speak our protocol");
			return length;
		}
		taken += size;
	}
}

static void on_close(struct stream *stream, const char *reason, void *user)
{
	log_info("subscriber %s left: %s", stream_peer_text(stream), reason);
	free_subscriber(user);
}

static const struct stream_handlers handlers = { .on_data = on_data, .on_close = on_close };

static void on_stream(struct stream *stream, const struct identity *peer, void *user)
{
	struct subscribers *all = user;
	struct subscriber *s = xcalloc(1, sizeof(*s));
	s->all = all;
	s->stream = stream;
	LIST_INSERT_HEAD(&all->list, s, entries);
	all->count++;
	stream_set_handlers(stream, &handlers, s);
	subscriber_send(s, IPC_HELLO,
	        &(struct ipc_hello){ .role = (char *)"vis",
	                .name = all->name,
	                .version = IPC_VERSION,
	                .generation = all->generation });
	log_info("subscriber %s came", stream_peer_text(stream));
}

int subscribers_open(struct event_base *base, const char *path, const char *name, uint64_t generation,
        struct subscribers **ret, struct error *err)
{
	struct subscribers *s = xcalloc(1, sizeof(*s));
	struct listener_config config = { .path = path,
		.mode = SOCKET_MODE,
		.connections_max = SUBSCRIBERS_MAX,
		.handshakes_max = SUBSCRIBERS_MAX,
		.limits = STREAM_LIMITS_DEFAULT,
		.on_stream = on_stream,
		.user = s };
	config.limits.read_max = FRAME_MAX;
	int r = listener_new(base, &config, &s->listener, err);
	if (r < 0) {
		free(s);
		return r;
	}
	s->name = xstrdup(name);
	s->generation = generation;
	s->changed = xcalloc(CHANGED_MAX, sizeof(*s->changed));
	LIST_INIT(&s->list);
	*ret = s;
	return 0;
}

static void forget_changes(struct subscribers *s)
{
	for (size_t i = 0; i < s->n_changed; i++) {
		free(s->changed[i].ecosystem);
		free(s->changed[i].package);
	}
	s->n_changed = 0;
	s->too_many = false;
}

size_t subscribers_count(const struct subscribers *s)
{
	return s->count;
}

struct subscribers *subscribers_close(struct subscribers *s)
{
	if (!s)
		return NULL;
	listener_free(s->listener);
	for (struct subscriber *one = LIST_FIRST(&s->list), *next; one; one = next) {
		next = LIST_NEXT(one, entries);
		stream_free(one->stream);
		ipc_body_clear(IPC_NAMED, &one->named);
		free(one);
	}
	forget_changes(s);
	free(s->changed);
	free(s->name);
	free(s);
	return NULL;
}

void subscribers_add_change(struct subscribers *s, const char *ecosystem, const char *package)
{
	if (s->n_changed == CHANGED_MAX) {
		s->too_many = true;
		return;
	}
	s->changed[s->n_changed].ecosystem = xstrdup(ecosystem);
	s->changed[s->n_changed++].package = xstrdup(package);
}

void subscribers_add_all(struct subscribers *s)
{
	s->too_many = true;
}

void subscribers_set_handlers(struct subscribers *s, const struct subscribers_handlers *handlers_, void *user)
{
	s->handlers = *handlers_;
	s->user = user;
}

const struct ipc_named *subscriber_named(const struct subscriber *s)
{
	return &s->named;
}

void subscribers_each_named(
        struct subscribers *s, void (*fn)(const struct ipc_named *named, void *context), void *context)
{
	struct subscriber *one;
	LIST_FOREACH(one, &s->list, entries)
		fn(&one->named, context);
}

void subscribers_tell(struct subscribers *s, uint64_t generation)
{
	struct ipc_advisories message = { .generation = generation,
		.all = s->too_many,
		.changed = s->changed,
		.n_changed = s->too_many ? 0 : s->n_changed };
	s->generation = generation;
	struct subscriber *one;
	LIST_FOREACH(one, &s->list, entries)
		subscriber_send(one, IPC_ADVISORIES, &message);
	forget_changes(s);
}
