/* SPDX-License-Identifier: ISC */
#include "agent/collector.h"

#include "agent/channel.h"
#include "agent/child.h"
#include "agent/collect.h"
#include "agent/monitor.h"
#include "agent/remedy.h"
#include "agent/renewal.h"
#include "agent/state.h"
#include "agent/status.h"
#include "base/log.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#define CHANNEL_FRAME_MAX (4u << 20) /* from the child */
#define RESPAWN_MIN_MS 200
#define RESPAWN_MAX_MS 5000
#define CHILD_STABLE_MS 10000  /* one that lived so long is started again at once */
#define IDENTITY_SETTLE_MS 500 /* a key and its certificate are replaced one after the other */

struct collector {
	const struct agent_options *options;
	struct event_base *base;
	struct root root;
	struct ownership *ownership;
	struct monitor *monitor;
	struct remedy *remedy;
	struct status *status;
	struct renewal *renewal; /* NULL: none here */
	struct channel *channel; /* NULL while there is no child */
	/* The child of before, which holds its connections until the new one has a decision on its own: a
	 * renewed certificate costs nobody his connection. */
	struct channel *old_channel;
	pid_t old_child;
	struct event *respawn, *identity, *signals[4];
	pid_t child;
	time_ms child_started;
	int64_t respawn_wait;
	bool has_digest;
	uint8_t digest[32]; /* of the posture that the child was sent last */
	uint8_t silent[32]; /* of what on_look() saw last */
	int exit_code;
};

static void start_timer(struct event *timer, int64_t ms)
{
	const struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
	event_add(timer, &tv);
}

/* ---- the posture ---- */

/* request 0: nobody asked; sent where the digest is another one than that of the last. */
static void inspect(struct collector *c, struct channel *to, uint32_t request)
{
	uint8_t digest[32];
	struct error err;
	struct posture *p = collect_posture(&c->root, c->ownership);
	posture_digest(p, digest);
	bool changed = !c->has_digest || memcmp(digest, c->digest, sizeof(digest)) != 0;
	if (to && (request || changed)) {
		json_t *json = posture_to_json(p);
		char *text FREE_ON_EXIT = json_dumps(json, JSON_COMPACT);
		struct ipc_posture m = { .request = request,
			.changed = changed,
			.digest = digest,
			.digest_length = sizeof(digest),
			.json = (uint8_t *)text,
			.json_length = text ? strlen(text) : 0 };
		json_decref(json);
		if (channel_send(to, IPC_POSTURE, &m, &err) < 0)
			log_error("the posture cannot be handed over: %s", err.text);
		c->has_digest = true;
		memcpy(c->digest, digest, sizeof(digest));
		log_debug("inspected: %zu packages, %zu updates%s", p->n_packages, p->n_updates,
		        changed ? ", changed" : "");
	}
	posture_free(p);
}

static void on_settled(void *context)
{
	struct collector *c = context;
	inspect(c, c->channel, 0);
}

/* The first look is at what the first inspection has seen. */
static bool on_look(void *context)
{
	struct collector *c = context;
	uint8_t digest[32];
	struct posture *p = collect_silent(&c->root, c->ownership);
	posture_digest(p, digest);
	posture_free(p);
	bool changed = memcmp(digest, c->silent, sizeof(digest)) != 0;
	memcpy(c->silent, digest, sizeof(digest));
	return changed;
}

static void on_note(void *context, const char *text)
{
	log_warning("%s", text);
}

/* ---- what the child says ---- */

static void end_old_child(struct collector *c)
{
	c->old_channel = channel_free(c->old_channel);
	if (c->old_child > 0)
		(void)kill(c->old_child, SIGTERM);
}

static void take_decision(struct collector *c, const struct ipc_decision *m)
{
	json_error_t where;
	struct error err;
	json_t *result = json_loadb((const char *)m->json, m->json_length, JSON_REJECT_DUPLICATES, &where);
	const json_t *decision = json_object_get(result, "decision");
	const char *segment = json_string_value(json_object_get(decision, "segment"));
	const char *recommendation = json_string_value(json_object_get(result, "recommendation"));
	if (!json_is_object(result)) {
		log_error("the network half sent a decision that is none");
		json_decref(result);
		return;
	}
	end_old_child(c);
	log_notice("%s: access %s, segment %s, %zu findings",
	        *m->interface ? m->interface : "default interface",
	        recommendation ? recommendation : "not told", segment ? segment : "not told",
	        json_array_size(json_object_get(decision, "findings")));
	if (status_take_result(c->status, m->interface, result, &err) < 0)
		log_error("%s", err.text);
	(void)remedy_consider(c->remedy, decision);
	json_decref(result);
}

static void on_message(struct channel *channel, const struct ipc_message *m, void *user)
{
	struct collector *c = user;
	struct error err;
	switch (m->number) {
	case IPC_INSPECT:
		inspect(c, channel, ((const struct ipc_inspect *)m->body)->request);
		break;
	case IPC_DECISION:
		take_decision(c, m->body);
		break;
	case IPC_AGENT_LINK:
		if (status_take_link(c->status, m->body, &err) < 0)
			log_error("%s", err.text);
		break;
	case IPC_CERTIFICATE:
		if (state_keep_certificate(c->options->state_directory, m->body, &err) < 0)
			log_error("%s", err.text);
		break;
	default: /* ipc has more messages than these two halves */
		log_warning("the network half sent %s, which is not for it to send", ipc_name(m->number));
		break;
	}
}

static void on_channel_close(struct channel *channel, const struct error *err, void *user)
{
	struct collector *c = user;
	log_debug("network half: %s", err->text);
	c->channel = channel_free(c->channel);
	if (c->child > 0)
		(void)kill(c->child, SIGKILL); /* on_child() starts the next one */
}

/* ---- the child ---- */

static void hand_over_certificates(struct collector *c)
{
	const struct config_list *list = &c->options->interfaces;
	for (size_t i = 0; i < (list->count ? list->count : 1); i++) {
		struct ipc_certificate kept = { 0 };
		struct error err;
		int r = state_load_certificate(
		        c->options->state_directory, list->count ? list->items[i] : "", &kept, &err);
		if (r == 0)
			r = channel_send(c->channel, IPC_CERTIFICATE, &kept, &err);
		if (r < 0 && r != -ENOENT)
			log_warning("%s", err.text);
		ipc_body_clear(IPC_CERTIFICATE, &kept);
	}
}

static void start_child(struct collector *c)
{
	static const struct channel_handlers handlers = { on_message, on_channel_close };
	struct error err;
	int fd;
	if (child_start(c->options, &c->child, &fd, &err) < 0) {
		log_error("%s", err.text);
		start_timer(c->respawn, RESPAWN_MAX_MS);
		return;
	}
	c->child_started = clock_monotonic_ms();
	c->has_digest = false;
	c->channel = channel_new(c->base, fd, CHANNEL_FRAME_MAX, &handlers, c);
	hand_over_certificates(c);
}

static void on_respawn(evutil_socket_t fd, short what, void *user)
{
	start_child(user);
}

static void child_ended(struct collector *c, int status)
{
	time_ms lived = clock_monotonic_ms() - c->child_started;
	c->child = 0;
	c->channel = channel_free(c->channel);
	c->respawn_wait = lived >= CHILD_STABLE_MS || c->respawn_wait == 0
	        ? RESPAWN_MIN_MS
	        : MIN(c->respawn_wait * 2, (int64_t)RESPAWN_MAX_MS);
	log_notice("the network half ended (%s %d); starting it again in %lld ms",
	        WIFSIGNALED(status) ? "signal" : "status",
	        WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), (long long)c->respawn_wait);
	start_timer(c->respawn, c->respawn_wait);
}

static void on_child(evutil_socket_t fd, short what, void *user)
{
	struct collector *c = user;
	int status;
	for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
		if (pid == c->child)
			child_ended(c, status);
		else if (pid == c->old_child)
			c->old_child = 0;
		else if (!renewal_reap(c->renewal, pid))
			(void)remedy_reap(c->remedy, pid, status);
	}
}

/* The old child is inspected as long as it holds the connections; what else it says does not count any more,
 * and that it ends is no loss. */
static void old_message(struct channel *channel, const struct ipc_message *m, void *user)
{
	if (m->number == IPC_INSPECT)
		inspect(user, channel, ((const struct ipc_inspect *)m->body)->request);
}

static void old_close(struct channel *channel, const struct error *err, void *user)
{
	struct collector *c = user;
	c->old_channel = channel_free(c->old_channel);
}

/* The key files are read by the child before it gives up its rights: a new child reads the new ones. */
static void on_identity(evutil_socket_t fd, short what, void *user)
{
	static const struct channel_handlers handlers = { old_message, old_close };
	struct collector *c = user;
	log_notice("key, certificate or CA changed: starting the network half anew");
	if (c->child <= 0 || !c->channel)
		return; /* the next one reads them */
	if (c->old_child > 0)
		(void)kill(c->old_child, SIGKILL);
	channel_free(c->old_channel);
	c->old_channel = TAKE_POINTER(c->channel);
	channel_set_handlers(c->old_channel, &handlers, c);
	c->old_child = c->child;
	c->child = 0;
	start_child(c);
}

static void on_extra(void *context)
{
	struct collector *c = context;
	start_timer(c->identity, IDENTITY_SETTLE_MS);
}

static void on_hangup(evutil_socket_t fd, short what, void *user)
{
	on_identity(fd, what, user);
}

static void on_terminate(evutil_socket_t fd, short what, void *user)
{
	struct collector *c = user;
	event_base_loopbreak(c->base);
}

/* ---- the process ---- */

static void on_renewal(void *context)
{
	struct collector *c = context;
	struct error err;
	/* Not yet, while it is being made. */
	if (c->renewal && status_take_identity(c->status, renewal_to_json(c->renewal), &err) < 0)
		log_error("%s", err.text);
}

static void add_signals(struct collector *c)
{
	c->signals[0] = evsignal_new(c->base, SIGCHLD, on_child, c);
	c->signals[1] = evsignal_new(c->base, SIGTERM, on_terminate, c);
	c->signals[2] = evsignal_new(c->base, SIGINT, on_terminate, c);
	c->signals[3] = evsignal_new(c->base, SIGHUP, on_hangup, c);
	for (size_t i = 0; i < ARRAY_LENGTH(c->signals); i++)
		event_add(c->signals[i], NULL);
}

static int collector_open(struct collector *c, struct error *err)
{
	const struct agent_options *o = c->options;
	int r = root_open("", &c->root, err);
	if (r == 0)
		r = state_open(o->state_directory, err);
	if (r == 0)
		r = status_new(o->status_file, &c->status, err);
	if (r < 0)
		return r;
	const char *const identity[] = { o->key, o->certificate, o->ca, *o->crl ? o->crl : NULL, NULL };
	const struct monitor_config config = { .extra = identity,
		.on_settled = on_settled,
		.on_extra = on_extra,
		.look = on_look,
		.note = on_note,
		.context = c };
	c->ownership = ownership_new();
	c->base = event_base_new();
	c->respawn = event_new(c->base, -1, 0, on_respawn, c);
	c->identity = event_new(c->base, -1, 0, on_identity, c);
	c->remedy = remedy_new(c->base, o->remediate, o->remediate_limit_ms);
	(void)on_look(c);
	c->monitor = monitor_new(c->base, &config);
	const struct renewal_config renewal = { .options = o, .changed = on_renewal, .context = c };
	c->renewal = renewal_new(c->base, &renewal);
	on_renewal(c);
	add_signals(c);
	return 0;
}

static void collector_clear(struct collector *c)
{
	channel_free(c->channel);
	if (c->child > 0) {
		(void)kill(c->child, SIGKILL);
		(void)waitpid(c->child, NULL, 0);
	}
	channel_free(c->old_channel);
	if (c->old_child > 0) {
		(void)kill(c->old_child, SIGKILL);
		(void)waitpid(c->old_child, NULL, 0);
	}
	renewal_free(c->renewal);
	monitor_free(c->monitor);
	remedy_free(c->remedy);
	status_free(c->status);
	root_close(&c->root);
	ownership_free(c->ownership);
	for (size_t i = 0; i < ARRAY_LENGTH(c->signals); i++)
		if (c->signals[i])
			event_free(c->signals[i]);
	if (c->respawn)
		event_free(c->respawn);
	if (c->identity)
		event_free(c->identity);
	if (c->base)
		event_base_free(c->base);
}

int collector_run(const struct agent_options *options)
{
	struct collector c = { .options = options, .root = { .fd = -1 } };
	struct error err;
	(void)signal(SIGPIPE, SIG_IGN);
	int r = collector_open(&c, &err);
	if (r < 0) {
		log_error("%s", err.text);
		c.exit_code = 1;
	} else {
		start_child(&c);
		event_base_dispatch(c.base);
	}
	collector_clear(&c);
	return c.exit_code;
}
