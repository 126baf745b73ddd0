/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "charon/children.h"

#include "base/table.h"

#include <library.h>
#include <threading/mutex.h>

struct children {
	struct link *link;
	mutex_t *mutex;
	struct table *by_reqid; /* struct child */
};

struct child {
	struct ipc_child m;                                   /* owns its texts */
	uint32_t in[CHILDREN_SAS_MAX], out[CHILDREN_SAS_MAX]; /* the newest first; 0: none */
};

static void clear_texts(struct ipc_child *m)
{
	free(m->name);
	free(m->identity);
	free(m->eap_identity);
}

static void free_child(void *child)
{
	clear_texts(&((struct child *)child)->m);
	free(child);
}

struct children *children_new(struct link *link)
{
	struct children *c = xcalloc(1, sizeof(*c));
	c->link = link;
	c->mutex = mutex_create(MUTEX_TYPE_DEFAULT);
	c->by_reqid = table_new();
	return c;
}

struct children *children_free(struct children *c)
{
	if (!c)
		return NULL;
	table_free(c->by_reqid, free_child);
	c->mutex->destroy(c->mutex);
	free(c);
	return NULL;
}

/* ---- the SAs of one; under the mutex ---- */

static bool forget_spi(uint32_t spis[CHILDREN_SAS_MAX], uint32_t spi)
{
	for (size_t i = 0; i < CHILDREN_SAS_MAX; i++)
		if (spis[i] == spi) {
			memmove(spis + i, spis + i + 1, (CHILDREN_SAS_MAX - 1 - i) * sizeof(*spis));
			spis[CHILDREN_SAS_MAX - 1] = 0;
			return true;
		}
	return false;
}

/* To the front. */
static void prefer_spi(uint32_t spis[CHILDREN_SAS_MAX], uint32_t spi)
{
	(void)forget_spi(spis, spi);
	memmove(spis + 1, spis, (CHILDREN_SAS_MAX - 1) * sizeof(*spis));
	spis[0] = spi;
}

static void tell(const struct children *c, struct child *child)
{
	child->m.spi_in = child->in[0];
	child->m.spi_out = child->out[0];
	if (child->in[0] && child->out[0])
		(void)link_send(c->link, IPC_CHILD, &child->m, false);
}

static void set_identity(struct child *child, const struct ipc_child *m)
{
	clear_texts(&child->m);
	child->m = *m;
	child->m.name = xstrdup(m->name);
	child->m.identity = xstrdup(m->identity);
	child->m.eap_identity = xstrdup(m->eap_identity);
}

/* ---- from outside ---- */

void children_up(struct children *c, const struct ipc_child *m)
{
	c->mutex->lock(c->mutex);
	struct child *child = table_get(c->by_reqid, &m->reqid, sizeof(m->reqid));
	bool is_new = !child;
	if (is_new) {
		child = xcalloc(1, sizeof(*child));
		table_set(c->by_reqid, &m->reqid, sizeof(m->reqid), child);
	}
	set_identity(child, m);
	/* Of those that are there charon's word decides which one counts. */
	if (is_new || forget_spi(child->in, m->spi_in))
		prefer_spi(child->in, m->spi_in);
	if (is_new || forget_spi(child->out, m->spi_out))
		prefer_spi(child->out, m->spi_out);
	tell(c, child);
	c->mutex->unlock(c->mutex);
}

void children_down(struct children *c, const struct ipc_child *m)
{
	c->mutex->lock(c->mutex);
	struct child *child = table_remove(c->by_reqid, &m->reqid, sizeof(m->reqid));
	if (child)
		free_child(child);
	(void)link_send(c->link, IPC_CHILD, m, false);
	c->mutex->unlock(c->mutex);
}

void children_add_sa(struct children *c, uint32_t reqid, uint32_t spi, bool inbound)
{
	c->mutex->lock(c->mutex);
	struct child *child = table_get(c->by_reqid, &reqid, sizeof(reqid));
	if (child) {
		prefer_spi(inbound ? child->in : child->out, spi);
		tell(c, child);
	}
	c->mutex->unlock(c->mutex);
}

void children_remove_sa(struct children *c, uint32_t reqid, uint32_t spi, bool inbound)
{
	c->mutex->lock(c->mutex);
	struct child *child = table_get(c->by_reqid, &reqid, sizeof(reqid));
	if (child)
		(void)forget_spi(inbound ? child->in : child->out, spi);
	c->mutex->unlock(c->mutex);
}
