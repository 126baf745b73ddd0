/* SPDX-License-Identifier: ISC */
#include "softwire/outer.h"

#include "base/log.h"
#include "softwire/ike.h"
#include "softwire/link.h"

#include <string.h>

struct outer {
	struct event_base *base;
	const struct softwire_options *o;
	const struct resources *resources;
	void (*on_stopped)(void *user);
	void *user;
	struct ipc_packet *control;
	struct ike_service *ike;
	bool ike_stopped;
	struct ike_setup setup;
	char *dataplane_socket, *link_state;
	struct config_list
	        concentrators; /* as charon's configuration has them: addresses where they are known */
	struct link *link;
	struct ip_address addresses[LINK_CONCENTRATORS_MAX], current;
	size_t n_addresses;
	struct ip_address source; /* as last told to control */
	bool wants_answer;        /* control waits for charon */
};

static void tell_moved(struct outer *o)
{
	const struct ipc_link_moved moved = { o->source };
	if (o->control)
		(void)ipc_packet_send(o->control, IPC_LINK_MOVED, &moved, NULL);
}

static void on_moved(const struct ip_address *source, void *user)
{
	struct outer *o = user;
	char text[IP_TEXT_SIZE];
	o->source = *source;
	log_notice("our outer address is %s now", ip_format(source, text));
	tell_moved(o);
}

static void on_trouble(const char *text, void *user)
{
	log_warning("%s", text);
}

/* All that was ordered is in force: the same is said back. */
static void answer(struct outer *o)
{
	struct ipc_address list[LINK_CONCENTRATORS_MAX];
	struct ipc_outer said = { .current = o->current, .addresses = list, .n_addresses = o->n_addresses };
	for (size_t i = 0; i < o->n_addresses; i++)
		list[i].ip = o->addresses[i];
	o->wants_answer = false;
	(void)ipc_packet_send(o->control, IPC_OUTER, &said, NULL);
}

/* ---- charon ---- */

static void ike_ready(void *user)
{
	struct outer *o = user;
	log_info("charon is ready");
	if (o->wants_answer)
		answer(o);
}

static void ike_failed(void *user, const char *text, int64_t again_ms)
{
	log_error("charon: %s; started again in %lld ms", text, (long long)again_ms);
}

static void ike_stopped(void *user)
{
	struct outer *o = user;
	o->ike_stopped = true; /* freed later: this is its own callback */
	o->on_stopped(o->user);
}

static int start_ike(struct outer *o, struct error *err)
{
	const struct ike_events events = { ike_ready, ike_failed, ike_stopped, o };
	return ike_start(o->base, &o->setup, &events, &o->ike, err);
}

static bool uses_ike(const struct outer *o)
{
	return o->o->ipsec != SOFTWIRE_IPSEC_NONE;
}

/* ---- the host ---- */

static bool is_zero(const struct ip_address *a)
{
	static const struct ip_address zero;
	return ip_equal(a, &zero);
}

static int open_link(struct outer *o, const struct ip_address *known, size_t n, struct error *err)
{
	struct link_options options = { .interface = o->resources->tun,
		.downstream = o->o->downstream,
		.state_path = o->link_state,
		.dns = o->o->dns_mode,
		.n_concentrators = n,
		.on_moved = on_moved,
		.on_trouble = on_trouble,
		.user = o };
	memcpy(options.concentrators, known, n * sizeof(*known));
	o->link = link_close(o->link);
	return link_open(o->base, &options, &o->link, err);
}

static bool is_known(const struct outer *o, const struct ipc_outer *message)
{
	if (message->n_addresses != o->n_addresses)
		return false;
	for (size_t i = 0; i < o->n_addresses; i++)
		if (!ip_equal(&message->addresses[i].ip, &o->addresses[i]))
			return false;
	return o->link != NULL;
}

static void name_concentrators(struct outer *o)
{
	char text[IP_TEXT_SIZE];
	for (size_t i = 0; i < o->concentrators.count; i++) {
		bool known = i < o->n_addresses && !is_zero(&o->addresses[i]);
		free(o->concentrators.items[i]);
		o->concentrators.items[i] =
		        xstrdup(known ? ip_format(&o->addresses[i], text) : o->o->concentrators.items[i]);
	}
}

static int set_addresses(struct outer *o, const struct ipc_outer *message, struct error *err)
{
	struct ip_address known[LINK_CONCENTRATORS_MAX];
	size_t n = 0;
	o->n_addresses = MIN(message->n_addresses, ARRAY_LENGTH(o->addresses));
	for (size_t i = 0; i < o->n_addresses; i++) {
		o->addresses[i] = message->addresses[i].ip;
		if (!is_zero(&o->addresses[i]))
			known[n++] = o->addresses[i];
	}
	name_concentrators(o);
	int r = spd_set_peers(o->resources->spd, known, n, err);
	return r < 0 ? r : open_link(o, known, n, err);
}

/* Charon's configuration has the addresses. */
static int set_ike(struct outer *o, bool changed, struct error *err)
{
	if (!uses_ike(o) || (o->ike && !changed)) {
		answer(o);
		return 0;
	}
	return o->ike ? ike_reload(o->ike, err) : start_ike(o, err);
}

void outer_set(struct outer *o, const struct ipc_outer *message)
{
	struct error err;
	if (o->o->role != SOFTWIRE_INITIATOR)
		return;
	const bool changed = !is_known(o, message);
	o->current = message->current;
	o->wants_answer = true;
	int r = changed ? set_addresses(o, message, &err) : 0;
	if (r == 0)
		r = set_ike(o, changed, &err);
	if (r < 0)
		log_error("%s", err.text);
}

void outer_link(struct outer *o, const struct ipc_link *message)
{
	struct error err;
	if (o->link && link_apply(o->link, message, &err) < 0)
		log_warning("%s", err.text);
}

void outer_control_started(struct outer *o)
{
	if (o->link)
		tell_moved(o);
}

/* ---- life ---- */

int outer_new(struct event_base *base, const struct softwire_options *o, const struct resources *resources,
        void (*on_stopped)(void *user), void *user, struct outer **ret, struct error *err)
{
	struct outer *x = xcalloc(1, sizeof(*x));
	*x = (struct outer){ .base = base,
		.o = o,
		.resources = resources,
		.on_stopped = on_stopped,
		.user = user,
		.dataplane_socket = xasprintf("%s/dataplane", o->run_directory),
		.link_state = xasprintf("%s/host", o->state_directory) };
	x->setup =
	        (struct ike_setup){ .role = o->role == SOFTWIRE_INITIATOR ? IKE_INITIATOR : IKE_CONCENTRATOR,
		        .kernel = o->ipsec == SOFTWIRE_IPSEC_KERNEL,
		        .options = &o->ike,
		        .local = o->listen,
		        .n_local = o->n_listen,
		        .concentrators = &x->concentrators,
		        .run_directory = o->run_directory,
		        .dataplane_socket = x->dataplane_socket,
		        .uid = resources->uid,
		        .gid = resources->gid };
	x->concentrators.count = o->concentrators.count;
	x->concentrators.items = xcalloc(o->concentrators.count + 1, sizeof(char *));
	name_concentrators(x);
	*ret = x;
	return 0;
}

int outer_start(struct outer *o, struct ipc_packet *control, struct error *err)
{
	o->control = control;
	o->wants_answer = false;
	if (!uses_ike(o) || o->o->role == SOFTWIRE_INITIATOR)
		return 0; /* an initiator's charon wants to know for whom */
	return start_ike(o, err);
}

void outer_reload(struct outer *o)
{
	struct error err;
	if (o->ike && ike_reload(o->ike, &err) < 0)
		log_error("charon's configuration stays: %s", err.text);
}

bool outer_reaped(struct outer *o, pid_t pid, int status)
{
	return o->ike && ike_reaped(o->ike, pid, status);
}

void outer_stop(struct outer *o)
{
	if (o->ike)
		ike_stop(o->ike);
	if (o->link)
		link_undo(o->link);
}

bool outer_is_stopped(const struct outer *o)
{
	return !o->ike || o->ike_stopped;
}

void outer_stop_now(struct outer *o)
{
	o->ike = ike_free(o->ike);
	if (o->link)
		link_undo(o->link);
}

struct outer *outer_free(struct outer *o)
{
	if (!o)
		return NULL;
	ike_free(o->ike);
	link_close(o->link);
	free(o->dataplane_socket);
	free(o->link_state);
	for (size_t i = 0; i < o->concentrators.count; i++)
		free(o->concentrators.items[i]);
	free(o->concentrators.items);
	free(o);
	return NULL;
}
