/* SPDX-License-Identifier: ISC */
#include "vis/misses.h"

#include "base/table.h"
#include "vuln/listing.h"

#include <errno.h>
#include <string.h>
#include <sys/queue.h>

/* One question. */
struct waiting {
	struct misses *of;
	struct http_request *request;
	http_handler handle;
	void *user;
	char **ecosystems; /* that it lacks */
	size_t n;
	struct event *timer;
	TAILQ_ENTRY(waiting) next;
};

struct misses {
	struct event_base *base;
	struct ipc_packet *parent;
	struct vuln_index *index;
	bool (*lists)(const char *ecosystem, void *user);
	void *lister;
	struct table *asked;        /* upwards, and not come yet -> non-NULL */
	struct table *failed;       /* asked for in vain, until a repository changes -> non-NULL */
	struct http_request *again; /* is being answered, whatever is known */
	size_t n_waiting;
	TAILQ_HEAD(, waiting) waiting;
};

struct misses *misses_new(struct event_base *base, struct ipc_packet *parent, struct vuln_index *index)
{
	struct misses *m = xcalloc(1, sizeof(*m));
	m->base = base;
	m->parent = parent;
	m->index = index;
	m->asked = table_new();
	m->failed = table_new();
	TAILQ_INIT(&m->waiting);
	return m;
}

void misses_set_lister(struct misses *m, bool (*lists)(const char *ecosystem, void *user), void *user)
{
	m->lists = lists;
	m->lister = user;
}

static void free_waiting(struct waiting *w)
{
	TAILQ_REMOVE(&w->of->waiting, w, next);
	w->of->n_waiting--;
	for (size_t i = 0; i < w->n; i++)
		free(w->ecosystems[i]);
	free(w->ecosystems);
	event_free(w->timer);
	free(w);
}

/* It is answered with what is known now. */
static void answer(struct waiting *w)
{
	struct misses *m = w->of;
	struct http_request *r = w->request;
	const http_handler handle = w->handle;
	void *user = w->user;
	free_waiting(w);
	http_request_on_gone(r, NULL, NULL);
	m->again = r;
	handle(r, user);
	m->again = NULL;
}

struct misses *misses_free(struct misses *m)
{
	if (!m)
		return NULL;
	while (!TAILQ_EMPTY(&m->waiting))
		answer(TAILQ_FIRST(&m->waiting));
	table_free(m->asked, NULL);
	table_free(m->failed, NULL);
	free(m);
	return NULL;
}

static void on_late(evutil_socket_t fd, short what, void *user)
{
	struct waiting *w = user;
	struct misses *m = w->of;
	for (size_t i = 0; i < w->n; i++) {
		(void)table_remove_string(m->asked, w->ecosystems[i]);
		if (table_count(m->failed) < MISSES_ECOSYSTEMS_MAX &&
		        !vuln_index_knows(m->index, w->ecosystems[i]))
			(void)table_set_string(m->failed, w->ecosystems[i], m);
	}
	answer(w);
}

static void on_gone(void *user)
{
	free_waiting(user);
}

/* Whether it may come from above. */
static bool may_come(struct misses *m, const char *ecosystem)
{
	return *ecosystem && !vuln_index_knows(m->index, ecosystem) &&
	        !table_get_string(m->failed, ecosystem) && m->lists(ecosystem, m->lister) &&
	        (table_get_string(m->asked, ecosystem) || table_count(m->asked) < MISSES_ECOSYSTEMS_MAX);
}

static void ask(struct misses *m, const char *ecosystem)
{
	struct ipc_package_key key = { .ecosystem = (char *)ecosystem, .package = (char *)"" };
	const struct ipc_wanted wanted = { .ecosystems = &key, .n_ecosystems = 1 };
	if (table_set_string(m->asked, ecosystem, m))
		return; /* it is under way */
	(void)ipc_packet_send(m->parent, IPC_WANTED, &wanted, NULL);
}

bool misses_defer(struct misses *m, struct http_request *r, const char *const *ecosystems, size_t n,
        http_handler handle, void *user)
{
	const struct timeval late = { MISSES_WAIT_MS / 1000, MISSES_WAIT_MS % 1000 * 1000 };
	struct waiting *w = NULL;
	if (!m->lists || m->again == r || m->n_waiting >= MISSES_WAITING_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!may_come(m, ecosystems[i]))
			continue;
		w = w ? w : xcalloc(1, sizeof(*w));
		w->ecosystems = w->ecosystems ? w->ecosystems : xcalloc(n, sizeof(*w->ecosystems));
		w->ecosystems[w->n++] = xstrdup(ecosystems[i]);
		ask(m, ecosystems[i]);
	}
	if (!w)
		return false;
	w->of = m;
	w->request = r;
	w->handle = handle;
	w->user = user;
	w->timer = event_new(m->base, -1, 0, on_late, w);
	event_add(w->timer, &late);
	TAILQ_INSERT_TAIL(&m->waiting, w, next);
	m->n_waiting++;
	http_request_on_gone(r, on_gone, w);
	return true;
}

static bool is_complete(const struct waiting *w)
{
	for (size_t i = 0; i < w->n; i++)
		if (!vuln_index_knows(w->of->index, w->ecosystems[i]))
			return false;
	return true;
}

void misses_changed(struct misses *m, bool repositories)
{
	if (repositories) {
		table_free(m->failed, NULL);
		m->failed = table_new();
	}
	TABLE_FOREACH(it, m->asked) {
		char *ecosystem FREE_ON_EXIT = xstrndup(it.key, it.key_length);
		if (vuln_index_knows(m->index, ecosystem))
			(void)table_remove(m->asked, it.key, it.key_length);
	}
	for (struct waiting *w = TAILQ_FIRST(&m->waiting), *next; w; w = next) {
		next = TAILQ_NEXT(w, next);
		if (is_complete(w))
			answer(w);
	}
}
