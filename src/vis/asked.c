/* SPDX-License-Identifier: ISC */
#include "vis/asked.h"

#include "base/log.h"
#include "base/url.h"
#include "net/metrics.h"
#include "vis/subscribers.h"

#include <errno.h>
#include <string.h>

struct asked {
	const struct vis_config *config;
	void (*load)(size_t source, const char *why, void *user);
	void *user;
	char *origins[VIS_SOURCES_MAX]; /* of sources on demand, in their one form; NULL: of others */
	bool wanted[VIS_SOURCES_MAX];
	struct vuln_asked file; /* as it is on the disk */
	uint64_t by_ecosystem, by_url, invalid, failures;
};

static void read_file(struct asked *a)
{
	struct error err;
	int r = vuln_asked_read(a->config->data, &a->file, &err);
	if (r < 0 && r != -ENOENT)
		log_warning("%s",
		        err.text); /* what was loaded once is known by the index, and servers ask again */
	for (size_t i = 0; i < a->config->n_sources; i++)
		a->wanted[i] |= vuln_asked_has_source(&a->file, a->config->sources[i]->named.name);
}

struct asked *asked_open(
        const struct vis_config *config, void (*load)(size_t source, const char *why, void *user), void *user)
{
	struct asked *a = xcalloc(1, sizeof(*a));
	a->config = config;
	a->load = load;
	a->user = user;
	for (size_t i = 0; i < config->n_sources; i++) {
		char url[URL_MAX + 1];
		const struct source_config *c = config->sources[i];
		a->wanted[i] = !c->on_demand;
		if (c->on_demand && url_canonical(c->from, url, NULL) == 0)
			a->origins[i] = xstrdup(url);
	}
	read_file(a);
	return a;
}

struct asked *asked_close(struct asked *a)
{
	if (!a)
		return NULL;
	for (size_t i = 0; i < VIS_SOURCES_MAX; i++)
		free(a->origins[i]);
	vuln_asked_clear(&a->file);
	free(a);
	return NULL;
}

bool asked_is_wanted(const struct asked *a, size_t source)
{
	return a->wanted[source];
}

void asked_note(struct asked *a, size_t source)
{
	a->wanted[source] = true;
}

/* A source that the configuration has no more is forgotten: who puts it back may mean another. */
static void write_file(struct asked *a)
{
	struct vuln_asked now = {
		.urls = a->file.urls, .n_urls = a->file.n_urls, .refused = a->file.refused
	};
	struct error err;
	for (size_t i = 0; i < a->config->n_sources; i++)
		if (a->config->sources[i]->on_demand && a->wanted[i])
			(void)vuln_asked_add_source(&now, a->config->sources[i]->named.name);
	a->file.urls = NULL;
	a->file.n_urls = 0;
	vuln_asked_clear(&a->file);
	a->file = now;
	if (vuln_asked_write(a->config->data, &a->file, &err) < 0) {
		a->failures++;
		log_error("what was asked for is not kept over a restart: %s", err.text);
	}
}

void asked_ecosystem(struct asked *a, const char *ecosystem)
{
	char canonical[ECOSYSTEM_NAME_MAX];
	enum version_ecosystem order;
	if (ecosystem_canonical(ecosystem, canonical, &order) < 0)
		return;
	for (size_t i = 0; i < a->config->n_sources; i++) {
		if (a->wanted[i] || !source_config_answers(a->config->sources[i], canonical))
			continue;
		a->by_ecosystem++;
		a->wanted[i] = true;
		write_file(a);
		a->load(i, canonical, a->user);
	}
}

/* ---- by URL ---- */

static size_t find_origin(const struct asked *a, const char *url)
{
	for (size_t i = 0; i < a->config->n_sources; i++)
		if (a->origins[i] && strcmp(a->origins[i], url) == 0)
			return i;
	return SIZE_MAX;
}

struct gathering {
	struct asked *asked;
	struct vuln_asked all;
	bool fresh[VIS_SOURCES_MAX];
};

static void gather(const struct ipc_named *m, void *gathering)
{
	struct gathering *g = gathering;
	g->all.refused += m->refused;
	for (size_t i = 0; i < m->n_sources; i++) {
		char url[URL_MAX + 1];
		if (url_canonical(m->sources[i].url, url, NULL) < 0 || strcmp(url, m->sources[i].url) != 0) {
			g->asked->invalid++;
			continue;
		}
		const size_t source = find_origin(g->asked, url);
		const char *name = source == SIZE_MAX ? NULL : g->asked->config->sources[source]->named.name;
		if (!vuln_asked_add_url(&g->all, url, name, m->sources[i].nodes))
			g->all.refused++;
		if (source != SIZE_MAX && !g->asked->wanted[source])
			g->fresh[source] = g->asked->wanted[source] = true;
	}
}

static bool same_urls(const struct vuln_asked *x, const struct vuln_asked *y)
{
	bool same = x->n_urls == y->n_urls && x->refused == y->refused;
	for (size_t i = 0; same && i < x->n_urls; i++) {
		const struct vuln_asked_url *p = &x->urls[i], *q = &y->urls[i];
		same = p->nodes == q->nodes && strcmp(p->url, q->url) == 0 && !p->source == !q->source &&
		        (!p->source || strcmp(p->source, q->source) == 0);
	}
	return same;
}

static void answer(const struct asked *a, struct subscriber *to)
{
	const struct ipc_named *m = subscriber_named(to);
	struct ipc_listed listed = { .sources = xcalloc(m->n_sources + 1, sizeof(*listed.sources)) };
	for (size_t i = 0; i < m->n_sources; i++) {
		const size_t source = find_origin(a, m->sources[i].url);
		if (source != SIZE_MAX)
			listed.sources[listed.n_sources++] = (struct ipc_listed_source){ m->sources[i].url,
				a->config->sources[source]->named.name };
	}
	subscriber_send(to, IPC_LISTED, &listed);
	free(listed.sources);
}

void asked_named(struct asked *a, struct subscribers *all, struct subscriber *from)
{
	struct gathering g = { .asked = a };
	bool any = false;
	subscribers_each_named(all, gather, &g);
	for (size_t i = 0; i < a->config->n_sources; i++)
		any |= g.fresh[i];
	if (any || !same_urls(&g.all, &a->file)) {
		vuln_asked_clear_urls(&a->file);
		a->file.urls = g.all.urls;
		a->file.n_urls = g.all.n_urls;
		a->file.refused = g.all.refused;
		write_file(a);
	} else {
		vuln_asked_clear(&g.all);
	}
	for (size_t i = 0; i < a->config->n_sources; i++)
		if (g.fresh[i]) {
			a->by_url++;
			a->load(i, a->origins[i], a->user);
		}
	answer(a, from);
}

void asked_fill_metrics(const struct asked *a, struct metrics *m)
{
	size_t unlisted = 0;
	for (size_t i = 0; i < a->file.n_urls; i++)
		unlisted += !a->file.urls[i].source;
	metrics_gauge(m, "named_sources", "Sources that nodes name, as each server said last",
	        (double)a->file.n_urls);
	metrics_gauge(m, "named_sources_unlisted",
	        "Of these, those that are not on the list, and are not fetched", (double)unlisted);
	metrics_gauge(m, "named_sources_limit", "As many as there may be", VULN_ASKED_URLS_MAX);
	metrics_gauge(m, "named_sources_refused", "Sources that nodes name and there is no room for",
	        (double)a->file.refused);
	metrics_count(m, "named_sources_invalid", "URLs from subscribers that are not in their usual form",
	        a->invalid);
	metrics_count(m, "asked_by_ecosystem", "Sources on demand that an ecosystem was asked for",
	        a->by_ecosystem);
	metrics_count(m, "asked_by_url", "Sources on demand that nodes named", a->by_url);
	metrics_count(m, "asked_failures", "Times that what was asked for could not be stored", a->failures);
}
