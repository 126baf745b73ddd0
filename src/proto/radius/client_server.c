/* SPDX-License-Identifier: ISC */
/* The servers: which one a call goes to, the identifiers of their paths, their death and revival. */
#include "proto/radius/client_private.h"

static bool serves(const struct radius_server *s, enum radius_service service)
{
	return s->config.services & service;
}

static bool has_room(const struct radius_server *s)
{
	for (unsigned i = 0; i < s->config.n_paths; i++)
		if (s->paths[i].is_up && s->paths[i].used < RADIUS_IDS)
			return true;
	return false;
}

static bool is_connected(const struct radius_server *s)
{
	for (unsigned i = 0; i < s->config.n_paths; i++)
		if (s->paths[i].is_up)
			return true;
	return false;
}

/* The first in the order of the configuration (the wanted one before all) that is none of `tried` and, if
 * alive is demanded, not dead. */
static int first_server(
        const struct radius_client *c, const struct radius_call *call, uint32_t tried, bool alive)
{
	int wanted = call->request.server;
	for (int i = wanted >= 0 ? -1 : 0; i < (int)c->n_servers; i++) {
		int at = i < 0 ? wanted : i;
		const struct radius_server *s = &c->servers[at];
		if (serves(s, call->service) && !(tried & 1u << at) && !(alive && s->is_dead) && has_room(s))
			return at;
	}
	return -1;
}

int radius_choose_server(struct radius_client *c, struct radius_call *call)
{
	if (call->is_probe)
		return has_room(&c->servers[call->request.server]) ? call->request.server : -1;
	int found = first_server(c, call, call->tried, true);
	/* All that live were tried: round again. All are dead: better to ask one of them than nobody. */
	if (found < 0)
		found = first_server(c, call, call->tried, false);
	if (found < 0)
		found = first_server(c, call, 0, true);
	if (found < 0)
		found = first_server(c, call, 0, false);
	return found;
}

bool radius_has_other(const struct radius_client *c, unsigned server, enum radius_service service)
{
	for (unsigned i = 0; i < c->n_servers; i++)
		if (i != server && serves(&c->servers[i], service) && !c->servers[i].is_dead &&
		        is_connected(&c->servers[i]))
			return true;
	return false;
}

bool radius_client_is_alive(const struct radius_client *c, enum radius_service service)
{
	return radius_has_other(c, RADIUS_SERVERS_MAX, service);
}

bool radius_take_id(struct radius_server *s, struct radius_call *call)
{
	struct radius_path *best = NULL;
	for (unsigned i = 0; i < s->config.n_paths; i++) {
		struct radius_path *p = &s->paths[i];
		if (p->is_up && p->used < RADIUS_IDS && (!best || p->used < best->used)) {
			best = p;
			call->path = i;
		}
	}
	if (!best)
		return false;
	while (best->calls[best->next])
		best->next++;
	call->id = best->next++;
	best->calls[call->id] = call;
	best->used++;
	s->status.outstanding++;
	call->is_sent = true;
	return true;
}

void radius_release_id(struct radius_client *c, struct radius_call *call)
{
	if (!call->is_sent)
		return;
	struct radius_server *s = &c->servers[call->server];
	s->paths[call->path].calls[call->id] = NULL;
	s->paths[call->path].used--;
	s->status.outstanding--;
	call->is_sent = false;
}

unsigned radius_jitter(struct radius_client *c, unsigned ms)
{
	uint16_t random;
	c->callbacks->random(c->user, &random, sizeof(random));
	return ms - ms / 10 + (unsigned)((uint64_t)ms * random / 5 / UINT16_MAX);
}

void radius_set_dead(struct radius_client *c, unsigned server, bool is_dead, time_ms now)
{
	struct radius_server *s = &c->servers[server];
	if (is_dead)
		s->revival =
		        now + radius_jitter(c, s->config.status_server ? RADIUS_PROBE_MS : s->config.dead_ms);
	if (s->is_dead == is_dead)
		return;
	s->is_dead = is_dead;
	if (c->callbacks->on_server)
		c->callbacks->on_server(c->user, server, !is_dead);
}

void radius_client_get_status(
        const struct radius_client *c, unsigned server, struct radius_server_status *ret)
{
	const struct radius_server *s = &c->servers[server];
	*ret = s->status;
	ret->is_up = !s->is_dead && is_connected(s);
}

void radius_client_set_secret(struct radius_client *c, unsigned server, const struct radius_secret *secret)
{
	c->servers[server].config.secret = *secret;
}
