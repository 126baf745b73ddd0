/* SPDX-License-Identifier: ISC */
#include "vis/vis.h"

#include "base/log.h"
#include "net/metrics_server.h"
#include "vis/asked.h"
#include "vis/loader.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

struct vis {
	const struct vis_config *config;
	struct event_base *base; /* NULL until everything is open */
	struct vuln_update *update;
	struct folder *folder;
	struct subscribers *subscribers;
	struct event *folder_event, *check_event;
	struct loaders *loaders;
	struct {
		time_ms at;    /* monotonic: when it is looked at again */
		bool looked;   /* once */
		int64_t retry; /* ms until then where the last look failed; 0: it did not */
	} due[VIS_SOURCES_MAX];
	bool folder_waits; /* for a load that has the index */
	bool broken;       /* it cannot go on */
	struct metrics_server *metrics;
	struct front *front;
	struct front_config front_config;
	struct repositories *repositories;
	struct publisher *publisher;
	struct asked *asked;
	int lock;                           /* on the index's directory */
	uint64_t refusals[TREE_N_REFUSALS]; /* of repositories that are sources */
	uint64_t generation, updates, records_put, records_removed, records_refused, failures;
	time_ms updated; /* when the index changed last, since the start */
	/* What of records was left out, or had to go. */
	uint64_t beyond_limits, entries_refused, entries_unsupported, versions_invalid, aliases_refused,
	        forms_pruned;
};

static void note_change(const char *ecosystem, const char *package, void *context)
{
	const struct vis *v = context;
	subscribers_add_change(v->subscribers, ecosystem, package);
}

/* Of the folder and of repositories by our own update, of other sources by their loaders. */
static void fill_left_out(struct metrics *m, const struct vis *v)
{
	static const struct osv_counts none;
	const struct osv_counts *own = v->update ? vuln_update_counts(v->update) : &none;
	metrics_count(m, "records_beyond_limits", "Records refused because they claim more than a record may",
	        v->beyond_limits + own->beyond_limits);
	metrics_count(m, "entries_refused",
	        "Affected packages with a version that their ecosystem does not allow",
	        v->entries_refused + own->affected_refused);
	metrics_count(m, "entries_unsupported",
	        "Affected packages of ecosystems without a known order of versions",
	        v->entries_unsupported + own->affected_unsupported);
	metrics_count(m, "versions_invalid", "Listed versions that no installed package can have",
	        v->versions_invalid + own->versions_invalid);
	metrics_count(m, "aliases_refused", "Ids that aliases do not join, because they would join too much",
	        v->aliases_refused);
	metrics_gauge(m, "forms_pruned", "Older forms of records that had to go, since the index was made",
	        (double)v->forms_pruned);
}

static void fill_metrics(struct metrics *m, void *user)
{
	const struct vis *v = user;
	metrics_gauge(m, "generation", "The generation of the index", (double)v->generation);
	metrics_gauge(m, "updated_timestamp_seconds",
	        "When the index changed last since the start; 0: not yet", (double)v->updated / 1000);
	metrics_count(m, "updates", "Updates of the index since the start", v->updates);
	metrics_count(m, "records_put", "Advisories put into the index", v->records_put);
	metrics_count(m, "records_removed", "Advisories taken out of the index", v->records_removed);
	metrics_count(m, "records_refused", "Records that are malformed", v->records_refused);
	metrics_count(m, "failures", "Sources and folders that could not be read", v->failures);
	fill_left_out(m, v);
	if (v->loaders) {
		metrics_count(m, "loads", "Looks at sources", loaders_counters(v->loaders)->loads);
		metrics_count(m, "loads_crashed", "Of these, ended by a signal or a limit",
		        loaders_counters(v->loaders)->crashes);
		metrics_count(m, "loads_given_way",
		        "How often a load let what was pushed or published go first",
		        loaders_counters(v->loaders)->given_way);
	}
	for (int why = TREE_GOOD + 1; why < TREE_N_REFUSALS; why++) {
		char name[64],
		        words[] = "Repositories among the sources that were not believed, for this reason";
		snprintf(name, sizeof(name), "repositories_refused_%s",
		        tree_refusal_name((enum tree_refusal)why));
		for (char *c = name; *c; c++)
			*c = *c == '-' ? '_' : *c;
		metrics_count(m, name, words, v->refusals[why]);
	}
	if (v->repositories)
		repositories_fill_metrics(v->repositories, m);
	if (v->publisher)
		publisher_fill_metrics(v->publisher, m);
	if (v->asked)
		asked_fill_metrics(v->asked, m);
	metrics_gauge(m, "subscribers", "Programs that are told of changes",
	        (double)subscribers_count(v->subscribers));
	metrics_gauge(m, "subscribers_limit", "As many as there may be", SUBSCRIBERS_MAX);
	if (v->front)
		vis_http_fill_metrics(front_counters(v->front), m);
}

/* Before each source has been looked at, the index may lack what they say. */
static bool is_settled(const struct vis *v)
{
	for (size_t i = 0; i < v->config->n_sources; i++)
		if (!v->due[i].looked && !v->config->sources[i]->on_demand)
			return false;
	return v->base;
}

/* The index may have another generation, by our commit or a load's. A source whose precedence changed changes
 * packages alone, what is known of a whole ecosystem nothing that is counted; and who went on by more than
 * the one that is told here committed and died before it could say what. */
static void announce(struct vis *v, uint64_t generation, uint64_t put, uint64_t removed, uint64_t keys)
{
	const bool counted = put + removed + keys > 0, named = counted && generation == v->generation + 1;
	if (generation == v->generation)
		return;
	v->generation = generation;
	if (!named)
		subscribers_add_all(v->subscribers);
	log_notice("generation %" PRIu64 ": %" PRIu64 " advisories put, %" PRIu64 " removed, %" PRIu64
	           " packages concerned",
	        generation, put, removed, keys);
	v->updates++;
	v->records_put += put;
	v->records_removed += removed;
	v->updated = clock_wall_ms();
	subscribers_tell(v->subscribers, generation);
	if (v->front)
		front_tell(v->front, generation);
	if (v->publisher && is_settled(v))
		publisher_tell(v->publisher);
}

static int commit(struct vis *v, uint64_t *ret_generation, struct error *err)
{
	struct vuln_update_result result;
	int r = vuln_update_commit(v->update, clock_wall_ms(), note_change, v, &result, err);
	if (r < 0)
		return r;
	*ret_generation = result.generation;
	v->aliases_refused += result.aliases_refused;
	v->forms_pruned = result.forms_pruned;
	announce(v, result.generation, result.records_put, result.records_removed, result.keys_changed);
	return 0;
}

static void log_refused(const char *path, const char *reason, void *context)
{
	struct vis *v = context;
	v->records_refused++;
	log_warning("refused: %s: %s", path, reason);
}

/* One transaction a batch; all in one where whole is true, which is how a source is replaced. */
static int take_folder(struct vis *v, bool whole, struct error *err)
{
	bool more = true;
	uint64_t generation;
	int r = 0;
	while (r == 0 && more) {
		r = folder_take(v->folder, v->update, log_refused, v, &more, err);
		if (r == 0 && !(whole && more))
			r = commit(v, &generation, err);
	}
	return r;
}

static void on_folder(evutil_socket_t fd, short what, void *user);

/* The site's own word stands before others'. It is as fresh as it gets, and no age of it counts. */
static void declare_folder(struct vis *v, const char *name, uint32_t precedence)
{
	const struct vuln_source source = {
		.name = name, .kind = "folder", .origin = v->config->watch, .precedence = precedence
	};
	vuln_update_put_source(v->update, &source);
}

/* All that is in the folder now, and what comes. The event loop is told where there is one. */
static int open_folder(struct vis *v, struct error *err)
{
	int r = folder_open(v->config->watch, VIS_PUBLISHED, &v->folder, err);
	if (r < 0)
		return r;
	declare_folder(v, VIS_PUBLISHED, VIS_PUBLISHED_PRECEDENCE);
	declare_folder(v, FOLDER_EMERGENCY, VIS_EMERGENCY_PRECEDENCE);
	vuln_update_replace_source(v->update, VIS_PUBLISHED);
	vuln_update_mark_source(v->update, VIS_PUBLISHED, v->config->watch);
	vuln_update_replace_source(v->update, FOLDER_EMERGENCY);
	vuln_update_mark_source(v->update, FOLDER_EMERGENCY, v->config->watch);
	r = take_folder(v, true, err);
	if (r == 0 && v->base) {
		v->folder_event =
		        event_new(v->base, folder_fd(v->folder), EV_READ | EV_PERSIST, on_folder, v);
		event_add(v->folder_event, NULL);
	}
	if (r < 0) {
		vuln_update_forget(v->update);
		v->folder = folder_close(v->folder);
	}
	return r;
}

/* Nothing is given up for good: the folder is read anew at the next check. */
static void on_folder(evutil_socket_t fd, short what, void *user)
{
	struct vis *v = user;
	struct error err;
	if (v->loaders && loaders_committing(v->loaders)) {
		v->folder_waits = true;
		event_del(v->folder_event);
		loaders_hurry(v->loaders);
		return;
	}
	if (take_folder(v, false, &err) == 0)
		return;
	v->failures++;
	log_error("%s; trying again within %d s", err.text, v->config->check_ms / 1000);
	event_free(v->folder_event);
	v->folder_event = NULL;
	v->folder = folder_close(v->folder);
	vuln_update_forget(v->update);
}

/* One that failed is looked at sooner again, unless it is looked at often anyhow. */
static void set_due(struct vis *v, size_t i, bool failed)
{
	const struct source_config *c = v->config->sources[i];
	int64_t every = c->every ? c->every : v->config->check_ms;
	v->due[i].retry = !failed ? 0 : v->due[i].retry ? 2 * v->due[i].retry : LOADER_AGAIN_FIRST_MS;
	if (failed)
		every = v->due[i].retry = MIN(every, v->due[i].retry);
	v->due[i].at = clock_monotonic_ms() + every;
}

/* Ends at the next source that is due, or at the next look at the folder. */
static void set_timer(struct vis *v)
{
	time_ms now = clock_monotonic_ms(), next = now + v->config->check_ms;
	for (size_t i = 0; i < v->config->n_sources; i++)
		if (asked_is_wanted(v->asked, i))
			next = MIN(next, v->due[i].at);
	next = MAX(next - now, 10);
	const struct timeval t = { next / 1000, next % 1000 * 1000 };
	event_add(v->check_event, &t);
}

static void load_due(struct vis *v, bool all)
{
	time_ms now = clock_monotonic_ms();
	for (size_t i = 0; i < v->config->n_sources; i++) {
		/* One on demand is none until it is asked for. */
		if (!asked_is_wanted(v->asked, i) || (!all && v->due[i].at > now))
			continue;
		v->due[i].at = now + v->config->check_ms; /* until it has ended */
		loaders_load(v->loaders, i);
	}
}

static void add_left_out(struct vis *v, const struct ipc_loaded *l)
{
	v->beyond_limits += l->beyond_limits;
	v->entries_refused += l->entries_refused;
	v->entries_unsupported += l->entries_unsupported;
	v->versions_invalid += l->versions_invalid;
	v->aliases_refused += l->aliases_refused;
	v->forms_pruned = MAX(v->forms_pruned, l->forms_pruned);
}

/* What a load had committed that cannot say so any more: the index knows, once nobody writes it. */
static void look_after(struct vis *v)
{
	uint64_t generation;
	struct error err;
	if (!loaders_committing(v->loaders) && commit(v, &generation, &err) < 0)
		log_error("%s", err.text);
}

static void on_loaded(const struct ipc_loaded *l, void *user)
{
	struct vis *v = user;
	bool failed = *l->failure;
	loaders_log(v->config->sources[l->source]->named.name, l);
	add_left_out(v, l);
	v->records_refused += l->refused;
	v->failures += failed;
	if (l->refusal > TREE_GOOD && l->refusal < TREE_N_REFUSALS)
		v->refusals[l->refusal]++;
	if (l->crashed)
		look_after(v);
	if (l->generation) {
		for (size_t i = 0; i < l->n_changed; i++)
			note_change(l->changed[i].ecosystem, l->changed[i].package, v);
		if (l->all)
			subscribers_add_all(v->subscribers);
		announce(v, l->generation, l->put, l->removed, l->keys);
	}
	bool first = !v->due[l->source].looked;
	v->due[l->source].looked = true;
	if (first && v->publisher && is_settled(v))
		publisher_tell(v->publisher);
	set_due(v, l->source, failed);
	set_timer(v);
}

static void on_free(void *user)
{
	struct vis *v = user;
	if (v->repositories)
		repositories_retry(v->repositories);
	if (!v->folder_waits)
		return;
	v->folder_waits = false;
	event_add(v->folder_event, NULL);
	on_folder(-1, EV_READ, v); /* at once: the next load may have the index after this */
}

/* They cannot be started from within the sandbox: who starts us again starts them. */
static void on_none(void *user)
{
	struct vis *v = user;
	log_error("the last loader has gone, and no source can be loaded: ending");
	v->broken = true;
	event_base_loopbreak(v->base);
}

static const struct loaders_handlers loaders_handlers = { on_loaded, on_free, on_none };

bool vis_is_broken(const struct vis *v)
{
	return v->broken;
}

bool vis_is_loading(const struct vis *v)
{
	return loaders_busy(v->loaders);
}

const struct loaders_counters *vis_loads(const struct vis *v)
{
	return loaders_counters(v->loaders);
}

static void look(struct vis *v, bool all)
{
	struct error err;
	load_due(v, all);
	if (v->config->watch && !v->folder && v->base && !loaders_committing(v->loaders) &&
	        open_folder(v, &err) < 0)
		log_error("%s", err.text);
	set_timer(v);
}

void vis_check(struct vis *v)
{
	look(v, true);
}

static void on_check(evutil_socket_t fd, short what, void *user)
{
	look(user, false);
}

/* "central/debian" is one of a repository that is named central. */
static bool belongs_to(const struct source_config *c, const char *source)
{
	size_t n = strlen(c->named.name);
	return strncmp(c->named.name, source, n) == 0 &&
	        (!source[n] || (source[n] == '/' && source_config_is_repository(c)));
}

/* Sources that were loaded once and are no longer named go. */
static void drop_unnamed(const char *source, void *context)
{
	struct vis *v = context;
	bool named = v->config->watch &&
	        (strcmp(source, VIS_PUBLISHED) == 0 || strcmp(source, FOLDER_EMERGENCY) == 0);
	for (size_t i = 0; i < v->config->n_sources && !named; i++) {
		named = belongs_to(v->config->sources[i], source);
		if (named) /* one on demand that is there was asked for before */
			asked_note(v->asked, i);
	}
	if (!named && !repositories_owns(v->repositories, source))
		vuln_update_replace_source(v->update, source);
}

static int open_index(struct vis *v, uint64_t *ret_generation, struct error *err)
{
	int r = vuln_update_each_source(v->update, drop_unnamed, v, err);
	if (r == 0)
		r = commit(v, ret_generation, err);
	if (r == 0 && v->config->watch)
		r = open_folder(v, err);
	return r ? r : commit(v, ret_generation, err);
}

/* What the publisher of a followed repository says, into the index. */
static int commit_repository(struct tree_follow *f, bool all, void *user, struct error *err)
{
	struct vis *v = user;
	uint64_t generation;
	if (!tree_follow_ready(f) && tree_follow_stands(f, v->update))
		return 0;
	if (v->loaders && loaders_committing(v->loaders)) {
		loaders_hurry(v->loaders);
		return -EAGAIN; /* on_free() comes back to it */
	}
	int r = tree_follow_apply(f, v->update, err);
	if (r == 0) {
		/* Packages without any advisory have become judgeable too. */
		if (all)
			subscribers_add_all(v->subscribers);
		r = commit(v, &generation, err);
	}
	if (r) {
		vuln_update_forget(v->update);
		return r;
	}
	return tree_follow_applied(f, err);
}

/* One on demand: an ecosystem is lacking, or nodes name its URL (quarantine draft, 5.1). */
static void load_asked(size_t source, const char *why, void *user)
{
	struct vis *v = user;
	log_notice("%s is asked for: source %s is loaded from now on", why,
	        v->config->sources[source]->named.name);
	v->due[source].at = clock_monotonic_ms() + v->config->check_ms; /* until it has ended */
	loaders_load(v->loaders, source);
}

static void on_wanted(const char *ecosystem, void *user)
{
	struct vis *v = user;
	repositories_want(v->repositories, ecosystem);
	asked_ecosystem(v->asked, ecosystem);
}

static void on_named(struct subscriber *from, void *user)
{
	struct vis *v = user;
	asked_named(v->asked, v->subscribers, from);
}

static void on_front(struct front *f, const struct ipc_message *m, void *user)
{
	const struct vis *v = user;
	const struct ipc_wanted *wanted = m->body;
	const struct ipc_lend *lend = m->body;
	if (m->number == IPC_HELLO)
		repositories_tell(v->repositories);
	if (m->number == IPC_LEND)
		repositories_lend(v->repositories, lend->repository, lend->file);
	for (size_t i = 0; m->number == IPC_WANTED && i < wanted->n_ecosystems; i++)
		on_wanted(wanted->ecosystems[i].ecosystem, user);
}

/* Once there is an index; before the sources are loaded, which may take long. */
static int open_front(struct vis *v, struct event_base *base, struct error *err)
{
	const struct vis_http_config *http = &v->config->front.http;
	if (http->n_listen == 0 && !http->socket)
		return 0;
	v->front_config = v->config->front;
	v->front_config.sources = v->config->sources;
	v->front_config.n_sources = v->config->n_sources;
	return front_start(base, &v->front_config, on_front, v, &v->front, err);
}

/* Likewise. What is published here is told to the VISes below as if it had been named for that. */
static int open_publisher(struct vis *v, struct error *err)
{
	return v->config->publish.dir ? publisher_start(&v->config->publish, &v->publisher, err) : 0;
}

/* After the front, which is to have no thread of ours. */
static int open_repositories(struct vis *v, struct event_base *base, struct error *err)
{
	const struct repositories_handlers handlers = { commit_repository, v };
	struct repositories_config config = v->config->repositories;
	const struct vis_http_config *http = &v->config->front.http;
	char *state FREE_ON_EXIT = xasprintf("%s/repositories", v->config->data);
	const char *publish[PUSH_REPOSITORIES_MAX];
	char *own FREE_ON_EXIT = NULL;
	if (v->publisher && config.n_publish < PUSH_REPOSITORIES_MAX) {
		own = xasprintf("%s %s", publisher_repository(v->publisher), v->config->publish.dir);
		for (size_t i = 0; i < config.n_publish; i++)
			publish[i] = config.publish[i];
		publish[config.n_publish++] = own;
		config.publish = publish;
	}
	config.state = state;
	config.ca = http->ca;
	config.crl = http->crl;
	config.certificate = http->certificate;
	config.key = http->key;
	int r = repositories_open(base, &config, &handlers, &v->repositories, err);
	if (r < 0)
		return r;
	repositories_set_front(v->repositories, v->front);
	subscribers_set_handlers(v->subscribers, &(struct subscribers_handlers){ on_wanted, on_named }, v);
	return 0;
}

int vis_open(struct event_base *base, const struct vis_config *config, struct vis **ret, struct error *err)
{
	struct vis *v = xcalloc(1, sizeof(*v));
	*v = (struct vis){ .config = config, .lock = -1 };
	char name[256] = "vis";
	uint64_t generation = 0;
	(void)gethostname(name, sizeof(name) - 1);
	/* Before anything is changed: another one may be running. */
	int r = vuln_index_lock(config->data, true, &v->lock, err);
	if (r == 0)
		v->asked = asked_open(config, load_asked, v);
	if (r == 0)
		r = subscribers_open(base, config->socket, name, generation, &v->subscribers, err);
	if (r == 0)
		r = loaders_start(base, config, &loaders_handlers, v, &v->loaders, err);
	if (r == 0)
		r = vuln_update_open(config->data, &v->update, err);
	if (r == 0)
		v->generation = vuln_update_generation(v->update);
	if (r == 0 && vuln_update_replaced_index(v->update))
		log_notice("index %s had the format of an earlier version: it is made anew", config->data);
	if (r == 0 && config->metrics)
		r = metrics_server_open(
		        base, config->metrics, "pratique_vis_", fill_metrics, v, &v->metrics, err);
	if (r == 0)
		r = open_front(v, base, err);
	if (r == 0)
		r = open_publisher(v, err);
	if (r == 0)
		r = open_repositories(v, base, err);
	if (r == 0)
		r = open_index(v, &generation, err);
	if (r == 0)
		subscribers_tell(v->subscribers, generation);
	if (r < 0) {
		vis_close(v);
		return r;
	}
	v->check_event = event_new(base, -1, 0, on_check, v);
	v->base = base;
	if (v->publisher && is_settled(v))
		publisher_tell(v->publisher);
	if (v->folder) {
		v->folder_event = event_new(base, folder_fd(v->folder), EV_READ | EV_PERSIST, on_folder, v);
		event_add(v->folder_event, NULL);
	}
	look(v, true);
	*ret = v;
	return 0;
}

struct vis *vis_close(struct vis *v)
{
	if (!v)
		return NULL;
	if (v->folder_event)
		event_free(v->folder_event);
	if (v->check_event)
		event_free(v->check_event);
	v->repositories = repositories_close(v->repositories);
	publisher_stop(v->publisher);
	loaders_stop(v->loaders);
	front_stop(v->front);
	metrics_server_close(v->metrics);
	subscribers_close(v->subscribers);
	asked_close(v->asked);
	folder_close(v->folder);
	vuln_update_close(v->update);
	if (v->lock >= 0)
		close(v->lock);
	free(v);
	return NULL;
}
