/* SPDX-License-Identifier: ISC */
#include "policy/memo.h"

#include <string.h>

#define VIEWS 8 /* releases that a site mostly has; more of them forget each other */

/* What packages were judged by. */
struct view {
	uint64_t policy, generation;
	char os_id[64], os_version[64];
	uint32_t number; /* 0: not in use */
};

struct policy_memo {
	uint32_t *seen_in; /* by the package's number: the view that it means nothing in; 0: not known */
	size_t size;
	struct view views[VIEWS];
	size_t next; /* view to give up */
	uint32_t last;
};

struct policy_memo *policy_memo_new(void)
{
	return xcalloc(1, sizeof(struct policy_memo));
}

struct policy_memo *policy_memo_free(struct policy_memo *m)
{
	if (m)
		free(m->seen_in);
	free(m);
	return NULL;
}

void policy_memo_clear(struct policy_memo *m)
{
	if (m->size)
		memset(m->seen_in, 0, m->size * sizeof(*m->seen_in));
	memset(m->views, 0, sizeof(m->views));
	m->last = 0;
}

void policy_memo_forget(struct policy_memo *m, uint32_t package)
{
	if (package < m->size)
		m->seen_in[package] = 0;
}

static bool is_view(const struct view *v, const struct view *other)
{
	return v->number && v->policy == other->policy && v->generation == other->generation &&
	        strcmp(v->os_id, other->os_id) == 0 && strcmp(v->os_version, other->os_version) == 0;
}

static bool take_text(char ret[64], const char *text)
{
	const size_t n = text ? strlen(text) : 0;
	if (!text || n >= 64)
		return false;
	memcpy(ret, text, n + 1);
	return true;
}

uint32_t policy_memo_view(
        struct policy_memo *m, uint64_t policy, uint64_t generation, const struct posture *p)
{
	struct view wanted = { .policy = policy, .generation = generation };
	if (!take_text(wanted.os_id, p->os_id) || !take_text(wanted.os_version, p->os_version))
		return 0; /* such a node is judged without */
	for (size_t i = 0; i < VIEWS; i++)
		if (is_view(&m->views[i], &wanted))
			return m->views[i].number;
	if (m->last == UINT32_MAX)
		policy_memo_clear(m);
	wanted.number = ++m->last;
	m->views[m->next] = wanted;
	m->next = (m->next + 1) % VIEWS;
	return wanted.number;
}

bool policy_memo_has(const struct policy_memo *m, uint32_t view, uint32_t package)
{
	return package && package < m->size && m->seen_in[package] == view;
}

void policy_memo_note(struct policy_memo *m, uint32_t view, uint32_t package)
{
	if (package == 0)
		return;
	if (package >= m->size) {
		const size_t size = MAX((size_t)package + 1, 2 * m->size);
		m->seen_in = xrealloc_array(m->seen_in, size, sizeof(*m->seen_in));
		memset(m->seen_in + m->size, 0, (size - m->size) * sizeof(*m->seen_in));
		m->size = size;
	}
	m->seen_in[package] = view;
}
