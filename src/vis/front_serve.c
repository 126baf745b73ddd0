/* SPDX-License-Identifier: ISC */
/* The front's life: it opens everything that it will need, shuts itself in, and serves. */
#include "base/log.h"
#include "net/sandbox.h"
#include "vis/front.h"
#include "vis/services.h"

#include <errno.h>
#include <malloc.h>
#include <string.h>

#define KEPT_ANSWER (8 << 20)
#define KEPT_MEMORY (32 << 20)

/* What is answered: one row a file of routes. */
static const struct front_service *const services[] = { &status_service, &osv_service, &match_service,
	&push_service };

struct serving {
	struct front_context context;
	void *states[ARRAY_LENGTH(services)];
	size_t n_open;
	bool parent_gone;
};

static void on_message(struct ipc_packet *p, const struct ipc_message *m, void *user)
{
	const struct serving *s = user;
	const struct ipc_advisories *a = m->number == IPC_ADVISORIES ? m->body : NULL;
	for (size_t i = 0; i < s->n_open; i++) {
		if (a && services[i]->tell)
			services[i]->tell(s->states[i], a->generation);
		else if (!a && services[i]->take)
			services[i]->take(s->states[i], m);
	}
}

static void on_close(struct ipc_packet *p, const char *reason, void *user)
{
	struct serving *s = user;
	s->parent_gone = true;
	event_base_loopexit(s->context.base, NULL);
}

static const struct ipc_packet_handlers handlers = { on_message, on_close };

static int open_all(struct serving *s, struct vis_http_counters *counters, struct error *err)
{
	struct front_context *c = &s->context;
	int r = vuln_index_open(c->config->index, &c->index, err);
	if (r == 0)
		r = vis_http_open(c->base, &c->config->http, counters, &c->http, err);
	c->kept = kept_new(KEPT_MAX);
	c->misses = misses_new(c->base, c->parent, c->index);
	for (size_t i = 0; i < ARRAY_LENGTH(services) && r == 0; i++) {
		r = services[i]->open(c, &s->states[i], err);
		s->n_open += r == 0;
	}
	return r == 0 ? sandbox_enter(SANDBOX_READ, err) : r;
}

static int say_hello(struct serving *s, struct error *err)
{
	return ipc_packet_send(s->context.parent, IPC_HELLO,
	        &(struct ipc_hello){ .role = (char *)"front", .name = (char *)"", .version = IPC_VERSION },
	        err);
}

/* Answers come and go: what one has used is there for the next, without the kernel clearing pages each time.
 */
static void keep_memory(void)
{
	(void)mallopt(M_MMAP_THRESHOLD, KEPT_ANSWER);
	(void)mallopt(M_TRIM_THRESHOLD, KEPT_MEMORY);
}

int front_serve(int fd, const struct front_config *config, struct vis_http_counters *counters)
{
	struct serving s = { .context = { .base = event_base_new(), .config = config } };
	struct error err;
	if (!s.context.base)
		return FRONT_CANNOT_START;
	keep_memory();
	s.context.parent = ipc_packet_new(s.context.base, fd, &handlers, &s);
	int r = open_all(&s, counters, &err);
	if (r == 0)
		r = say_hello(&s, &err);
	if (r < 0)
		log_error("%s", err.text);
	else
		(void)event_base_dispatch(s.context.base);
	while (s.n_open) {
		s.n_open--;
		services[s.n_open]->close(s.states[s.n_open]);
	}
	misses_free(s.context.misses);
	vis_http_close(s.context.http);
	kept_free(s.context.kept);
	vuln_index_close(s.context.index);
	ipc_packet_free(s.context.parent);
	event_base_free(s.context.base);
	return r < 0 ? FRONT_CANNOT_START : s.parent_gone ? 0 : 1;
}
