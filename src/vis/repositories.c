/* SPDX-License-Identifier: ISC */
#include "vis/repositories.h"

#include "base/file.h"
#include "base/log.h"
#include "net/metrics.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define EVENTS_SIZE 65536
#define LOOK_MS 1000 /* for what has become stale */

/* One that lies here, and is watched. */
struct published {
	char *name, *dir;
	int watch;
};

/* One that is followed. */
struct followed {
	struct repositories *of;
	struct relay *relay;
	struct followed_line line;
	char *dir;
	struct push_path path; /* ours first: by which the newest came */
	bool waits;            /* for the index to be free */
	bool new_shard;        /* one was asked for that is not in the index yet */
	bool stale;            /* which was logged */
};

struct repositories {
	struct event_base *base;
	struct repositories_handlers handlers;
	char name[PUSH_NAME_SIZE];
	struct published published[PUSH_REPOSITORIES_MAX];
	struct followed *followed[PUSH_REPOSITORIES_MAX];
	struct relay *relays[PUSH_REPOSITORIES_MAX];
	size_t n_published, n_followed;
	int watch_fd;
	struct event *watch_event, *look_event;
	struct upper_link *link;
	struct front *front;
	uint64_t wanted, wanted_known, failures;
};

/* ---- telling the front ---- */

static size_t path_names(const struct push_path *path, struct ipc_vis_name *ret)
{
	for (size_t i = 0; i < path->n; i++)
		ret[i].name = (char *)path->names[i];
	return path->n;
}

static void tell(struct repositories *r, const char *name, const char *dir, const struct push_path *path)
{
	struct ipc_vis_name names[PUSH_PATH_MAX];
	struct ipc_repository m = { .name = (char *)name, .directory = (char *)dir, .path = names };
	m.n_path = path_names(path, names);
	if (r->front)
		front_send(r->front, IPC_REPOSITORY, &m);
}

static void tell_published(struct repositories *r, const struct published *p)
{
	struct push_path path = { .n = 1 };
	memcpy(path.names[0], r->name, sizeof(r->name));
	tell(r, p->name, p->dir, &path);
}

static void tell_followed(struct repositories *r, const struct followed *f)
{
	tell(r, f->line.name, tree_follow_served(relay_follow(f->relay)), &f->path);
}

static void tell_uppers(void *user)
{
	struct repositories *r = user;
	const struct upper_plan *plan = r->link ? upper_link_plan(r->link) : NULL;
	struct ipc_vis_upper uppers[UPPERS_MAX] = { { 0 } };
	struct ipc_vis_name names[UPPERS_MAX][PUSH_PATH_MAX];
	struct ipc_uppers m = { .name = r->name, .uppers = uppers };
	const time_ms wall = clock_wall_ms() - clock_monotonic_ms();
	if (!r->front)
		return;
	for (size_t i = 0; plan && i < plan->n; i++) {
		const struct upper *u = &plan->items[i];
		uppers[i] = (struct ipc_vis_upper){ .name = (char *)u->name,
			.state = (char *)upper_state_name(u->state),
			.reason = (char *)u->reason,
			.since_ms = u->since ? wall + u->since : 0,
			.attempts = u->attempts,
			.path = names[i] };
		uppers[i].n_path = path_names(&u->path, names[i]);
		m.n_uppers++;
	}
	front_send(r->front, IPC_UPPERS, &m);
}

void repositories_tell(struct repositories *r)
{
	tell_uppers(r);
	for (size_t i = 0; i < r->n_published; i++)
		tell_published(r, &r->published[i]);
	for (size_t i = 0; i < r->n_followed; i++)
		tell_followed(r, r->followed[i]);
}

void repositories_set_front(struct repositories *r, struct front *front)
{
	r->front = front;
	repositories_tell(r);
}

/* ---- what comes from above ---- */

/* Those below us get it before our own index has it: they verify it themselves. */
static void on_ready(struct relay *relay, const struct push_path *path, void *user)
{
	struct followed *f = user;
	struct repositories *r = f->of;
	struct push_path longer;
	struct error err;
	if (path->n && push_path_extend(path, r->name, &longer, &err) == 0)
		f->path = longer; /* else it is what was there before */
	tell_followed(r, f);
	int code = r->handlers.commit(relay_follow(relay), f->new_shard, r->handlers.user, &err);
	f->waits = code == -EAGAIN;
	if (f->waits)
		return;
	if (code != 0) {
		r->failures++;
		log_error("repository %s stays as it was: %s", f->line.name, err.text);
		return;
	}
	f->new_shard = false;
}

void repositories_retry(struct repositories *r)
{
	for (size_t i = 0; i < r->n_followed; i++)
		if (r->followed[i]->waits)
			on_ready(r->relays[i], &(const struct push_path){ .n = 0 }, r->followed[i]);
}

static void on_refused(struct relay *relay, enum tree_refusal why, const char *reason, void *user)
{
	struct followed *f = user;
	char *text FREE_ON_EXIT =
	        xasprintf("repository %s: %s: %s", f->line.name, tree_refusal_name(why), reason);
	log_warning("%s", text);
	if (f->of->link)
		upper_link_refused(f->of->link, why, text);
}

static void on_lent(void *user)
{
	const struct followed *f = user;
	tell_followed(f->of, f);
}

void repositories_lend(struct repositories *r, const char *repository, const char *file)
{
	for (size_t i = 0; i < r->n_followed; i++)
		if (strcmp(r->followed[i]->line.name, repository) == 0)
			relay_lend(r->followed[i]->relay, file);
}

void repositories_want(struct repositories *r, const char *ecosystem)
{
	bool any = false;
	for (size_t i = 0; i < r->n_followed; i++) {
		struct followed *f = r->followed[i];
		if (!relay_want(f->relay, ecosystem))
			continue;
		log_notice(
		        "%s is asked for: it is held of repository %s from now on", ecosystem, f->line.name);
		f->new_shard = any = true;
	}
	r->wanted++;
	r->wanted_known += any;
}

bool repositories_owns(const struct repositories *r, const char *source)
{
	for (size_t i = 0; i < r->n_followed; i++) {
		const size_t n = strlen(r->followed[i]->line.name);
		if (strncmp(source, r->followed[i]->line.name, n) == 0 && (!source[n] || source[n] == '/'))
			return true;
	}
	return false;
}

/* ---- what is published here ---- */

static void on_watch(evutil_socket_t fd, short what, void *user)
{
	struct repositories *r = user;
	char events[EVENTS_SIZE] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool changed[PUSH_REPOSITORIES_MAX] = { false };
	for (ssize_t n; (n = read(fd, events, sizeof(events))) > 0;) {
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *e = (const struct inotify_event *)(events + at);
			at += (ssize_t)(sizeof(*e) + e->len);
			for (size_t i = 0; i < r->n_published; i++)
				if ((e->mask & IN_Q_OVERFLOW) ||
				        (e->wd == r->published[i].watch && e->len &&
				                strcmp(e->name, "index.json") == 0))
					changed[i] = true;
		}
	}
	for (size_t i = 0; i < r->n_published; i++)
		if (changed[i])
			tell_published(r, &r->published[i]);
}

int repositories_cut_published(const char *line, char **ret_name, const char **ret_dir, struct error *err)
{
	const size_t n = strcspn(line, " \t");
	*ret_name = xstrndup(line, n);
	*ret_dir = line + n + strspn(line + n, " \t");
	return tree_name_good(*ret_name) && **ret_dir
	        ? 0
	        : error_set(err, -EINVAL, "repository: \"%s\" is not NAME DIRECTORY", line);
}

static int open_published(struct repositories *r, const char *line, struct error *err)
{
	const char *dir;
	struct published *p = &r->published[r->n_published];
	if (r->n_published + r->n_followed == PUSH_REPOSITORIES_MAX)
		return error_set(err, -E2BIG, "more than %d repositories", PUSH_REPOSITORIES_MAX);
	r->n_published++;
	const int code = repositories_cut_published(line, &p->name, &dir, err);
	p->dir = xstrdup(dir);
	if (code < 0)
		return code;
	p->watch = inotify_add_watch(r->watch_fd, dir, IN_MOVED_TO | IN_CLOSE_WRITE | IN_ONLYDIR);
	return p->watch < 0
	        ? error_set(err, -errno, "repository %s: cannot watch %s: %s", p->name, dir, strerror(errno))
	        : 0;
}

/* ---- what is followed ---- */

int repositories_cut_followed(const char *line, struct followed_line *ret, struct error *err)
{
	char *save = NULL;
	size_t n = 0;
	*ret = (struct followed_line){ .words = xstrdup(line) };
	ret->name = strtok_r(ret->words, " \t", &save);
	ret->root = ret->name ? strtok_r(NULL, " \t", &save) : NULL;
	if (!ret->root || !tree_name_good(ret->name))
		return error_set(err, -EINVAL, "follow: \"%s\" is not NAME ROOT-FILE [SHARD ...]", line);
	for (char *shard; (shard = strtok_r(NULL, " \t", &save));) {
		if (n == FOLLOWED_SHARDS_MAX)
			return error_set(err, -E2BIG, "follow: more than %d shards", FOLLOWED_SHARDS_MAX);
		ret->shards[n++] = shard;
	}
	return 0;
}

static int open_followed(
        struct repositories *r, const struct repositories_config *config, const char *line, struct error *err)
{
	struct followed *f = xcalloc(1, sizeof(*f));
	f->of = r;
	if (r->n_published + r->n_followed == PUSH_REPOSITORIES_MAX) {
		free(f);
		return error_set(err, -E2BIG, "more than %d repositories", PUSH_REPOSITORIES_MAX);
	}
	r->followed[r->n_followed++] = f;
	int code = repositories_cut_followed(line, &f->line, err);
	if (code < 0)
		return code;
	f->dir = xasprintf("%s/%s", config->state, f->line.name);
	const bool on_demand = f->line.shards[0] && strcmp(f->line.shards[0], "on-demand") == 0;
	const struct relay_config relay = { .base = r->base,
		.follow = { .name = f->line.name,
		        .dir = f->dir,
		        .root_file = f->line.root,
		        .shards = !f->line.shards[0] ? NULL
		                : on_demand          ? f->line.shards + 1
		                                     : f->line.shards },
		.on_ready = on_ready,
		.on_refused = on_refused,
		.on_lent = on_lent,
		.user = f };
	memcpy(f->path.names[0], r->name, sizeof(r->name));
	f->path.n = 1;
	code = file_make_directory(f->dir, 0755, err);
	if (code == 0)
		code = relay_open(&relay, &f->relay, err);
	r->relays[r->n_followed - 1] = f->relay;
	return code < 0 ? error_prefix(err, code, "follow %s", f->line.name) : 0;
}

/* Each turn is logged, and no more. */
static void on_look(evutil_socket_t fd, short what, void *user)
{
	const struct repositories *r = user;
	const time_ms now = clock_wall_ms();
	for (size_t i = 0; i < r->n_followed; i++) {
		struct followed *f = r->followed[i];
		const struct tree_index *index = tree_follow_index(relay_follow(f->relay));
		const bool stale = index && now > index->expires;
		if (stale && !f->stale)
			log_warning("repository %s is stale: what it says is older than its publisher allows",
			        f->line.name);
		else if (!stale && f->stale)
			log_notice("repository %s is fresh again", f->line.name);
		f->stale = stale;
	}
}

/* What was fetched before and is not in the index: we were ended in between, or the index is another one. */
static void finish_followed(struct repositories *r)
{
	for (size_t i = 0; i < r->n_followed; i++)
		if (tree_follow_index(relay_follow(r->relays[i])))
			on_ready(r->relays[i], &(const struct push_path){ .n = 0 }, r->followed[i]);
}

/* ---- life ---- */

static int find_name(struct repositories *r, const struct repositories_config *config, struct error *err)
{
	X509 *certificate = NULL;
	struct identity identity;
	if (config->name || !config->certificate) {
		(void)gethostname(r->name, sizeof(r->name) - 1);
		if (config->name)
			snprintf(r->name, sizeof(r->name), "%s", config->name);
		return 0;
	}
	int code = certificate_load(config->certificate, &certificate, err);
	if (code == 0)
		code = certificate_identity(certificate, &identity, err);
	X509_free(certificate);
	if (code == 0)
		snprintf(r->name, sizeof(r->name), "%s", identity.name);
	return code;
}

static int open_link(struct repositories *r, const struct repositories_config *config, struct error *err)
{
	const struct upper_link_config link = { .name = r->name,
		.uppers = config->uppers,
		.n_uppers = config->n_uppers,
		.ca = config->ca,
		.crl = config->crl,
		.certificate = config->certificate,
		.key = config->key,
		.relays = r->relays,
		.n_relays = r->n_followed,
		.on_change = tell_uppers,
		.user = r };
	if (config->n_uppers == 0 && r->n_followed == 0)
		return 0;
	if (config->n_uppers == 0 || r->n_followed == 0)
		return error_set(err, -EINVAL, "upper and follow go together: whom to ask, and what for");
	return upper_link_open(r->base, &link, &r->link, err);
}

static int open_all(struct repositories *r, const struct repositories_config *config, struct error *err)
{
	int code = find_name(r, config, err);
	for (size_t i = 0; i < config->n_publish && code == 0; i++)
		code = open_published(r, config->publish[i], err);
	for (size_t i = 0; i < config->n_follow && code == 0; i++)
		code = open_followed(r, config, config->follow[i], err);
	return code == 0 ? open_link(r, config, err) : code;
}

int repositories_open(struct event_base *base, const struct repositories_config *config,
        const struct repositories_handlers *handlers, struct repositories **ret, struct error *err)
{
	const struct timeval often = { LOOK_MS / 1000, LOOK_MS % 1000 * 1000 };
	struct repositories *r = xcalloc(1, sizeof(*r));
	r->base = base;
	r->handlers = *handlers;
	r->watch_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	int code = r->watch_fd < 0 ? error_set(err, -errno, "inotify: %s", strerror(errno))
	                           : open_all(r, config, err);
	if (code < 0) {
		repositories_close(r);
		return code;
	}
	r->watch_event = event_new(base, r->watch_fd, EV_READ | EV_PERSIST, on_watch, r);
	event_add(r->watch_event, NULL);
	r->look_event = event_new(base, -1, EV_PERSIST, on_look, r);
	if (r->n_followed)
		event_add(r->look_event, &often);
	finish_followed(r);
	*ret = r;
	return 0;
}

struct repositories *repositories_close(struct repositories *r)
{
	if (!r)
		return NULL;
	r->front = NULL;
	upper_link_close(r->link);
	for (size_t i = 0; i < r->n_followed; i++) {
		relay_close(r->followed[i]->relay);
		free(r->followed[i]->line.words);
		free(r->followed[i]->dir);
		free(r->followed[i]);
	}
	for (size_t i = 0; i < r->n_published; i++) {
		free(r->published[i].name);
		free(r->published[i].dir);
	}
	if (r->watch_event)
		event_free(r->watch_event);
	if (r->look_event)
		event_free(r->look_event);
	if (r->watch_fd >= 0)
		close(r->watch_fd);
	free(r);
	return NULL;
}

/* ---- metrics ---- */

static void fill_follow(const struct followed *f, struct metrics *m)
{
	struct tree_follow_status s;
	tree_follow_status(relay_follow(f->relay), &s);
	metrics_sample(m, "repository", f->line.name, (double)s.held.generation);
}

void repositories_fill_metrics(struct repositories *r, struct metrics *m)
{
	const struct upper_plan *plan = r->link ? upper_link_plan(r->link) : NULL;
	struct upper_link_counters c = { 0 };
	const time_ms now = clock_wall_ms();
	if (r->n_followed) {
		metrics_family(m, METRICS_GAUGE, "repository_generation",
		        "The generation of a followed repository that is in the index");
		for (size_t i = 0; i < r->n_followed; i++)
			fill_follow(r->followed[i], m);
		metrics_family(m, METRICS_GAUGE, "repository_stale",
		        "1: what a followed repository says is older than its publisher allows");
		for (size_t i = 0; i < r->n_followed; i++)
			metrics_sample(m, "repository", r->followed[i]->line.name,
			        tree_follow_stale(relay_follow(r->followed[i]->relay), now));
	}
	if (plan) {
		metrics_family(m, METRICS_GAUGE, "upper_subscribed", "1: this upper VIS is subscribed to");
		for (size_t i = 0; i < plan->n; i++)
			metrics_sample(
			        m, "upper", plan->items[i].name, plan->items[i].state == UPPER_SUBSCRIBED);
		upper_link_get_counters(r->link, &c);
		metrics_count(m, "upper_events", "Events from upper VISes", c.events);
		metrics_count(m, "upper_events_strange", "Events of repositories that are not followed",
		        c.events_strange);
	}
	metrics_count(m, "wanted", "Ecosystems asked for that the index knows nothing of", r->wanted);
	metrics_count(m, "wanted_held", "Of these, those that an upper VIS has and that are held now",
	        r->wanted_known);
	metrics_count(
	        m, "repository_failures", "Repositories that could not be put into the index", r->failures);
}
