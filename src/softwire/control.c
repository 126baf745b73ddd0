/* SPDX-License-Identifier: ISC */
#include "softwire/session.h"

#include "base/file.h"
#include "base/log.h"
#include "crypto/secret.h"
#include "softwire/api.h"
#include "softwire/initiator_record.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DUID_UUID_SIZE 16
#define UDP_HEADER 8
#define L2TP_DATA_HEADER 12 /* with length, Ns and Nr */
#define PPP_HEADER 4
#define IPV6_MTU_MIN 1280

/* ---- for all ---- */

int control_read_duid(const struct control *c, struct dhcp6_duid *ret, struct error *err)
{
	char *path FREE_ON_EXIT = xasprintf("%s/duid", c->o->state_directory), *data FREE_ON_EXIT = NULL;
	uint8_t uuid[DUID_UUID_SIZE];
	size_t length = 0;
	int r = file_read(path, DUID_UUID_SIZE, &data, &length, err);
	if (r == 0 && length == DUID_UUID_SIZE) {
		memcpy(uuid, data, sizeof(uuid));
	} else {
		control_random(uuid, sizeof(uuid));
		r = file_replace(path, uuid, sizeof(uuid), 0600, err);
	}
	if (r == 0)
		dhcp6_duid_from_uuid(ret, uuid);
	return r;
}

void control_random(void *bytes, size_t n)
{
	if (RAND_bytes(bytes, (int)n) != 1)
		abort(); /* without randomness nothing here is safe */
}

static void set_turn(struct control *c, time_ms at, time_ms now)
{
	const time_ms wait = MAX(at - now, 0);
	const struct timeval tv = { wait / 1000, wait % 1000 * 1000 };
	c->turn_at = at;
	event_add(c->turn, &tv);
}

void control_schedule(struct control *c)
{
	const time_ms at = c->work ? 0 : MIN(timers_next(&c->timers), l2tp_deadline(c->l2tp));
	if (at != TIMER_NEVER && at < c->turn_at)
		set_turn(c, at, clock_monotonic_ms());
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct control *c = arg;
	const time_ms now = clock_monotonic_ms();
	c->turn_at = TIMER_NEVER;
	c->work = false;
	l2tp_tick(c->l2tp, now);
	for (struct timer *t; (t = timers_take(&c->timers, now));)
		c->role->session_run((struct session *)(void *)t, now);
	if (c->role->turn)
		c->role->turn(c, now);
	control_schedule(c);
}

void control_send_plane(struct control *c, enum ipc_number number, const void *body)
{
	struct error err;
	if (ipc_packet_send(c->plane, number, body, &err) < 0)
		log_error("to the data plane: %s", err.text);
}

void control_send_keeper(struct control *c, enum ipc_number number, const void *body)
{
	struct error err;
	if (ipc_packet_send(c->keeper, number, body, &err) < 0)
		log_error("to the keeper: %s", err.text);
}

uint16_t control_inner_mtu(
        const struct control *c, const struct association *a, const struct ip_address *remote)
{
	const int64_t mtu = c->o->outer_mtu - (ip_is_v4(remote) ? 20 : 40) - UDP_HEADER - L2TP_DATA_HEADER -
	        PPP_HEADER - (a ? a->overhead : 0);
	return (uint16_t)MAX(mtu, IPV6_MTU_MIN);
}

/* ---- associations ---- */

struct association *control_association(struct control *c, uint32_t number)
{
	return number ? table_get(c->associations, &number, sizeof(number)) : NULL;
}

static void association_free(void *value)
{
	struct association *a = value;
	free(a->identity);
	free(a->eap_identity);
	free(a);
}

static void association_gone(struct control *c, uint32_t number, time_ms now)
{
	struct association *a = table_remove(c->associations, &number, sizeof(number));
	if (!a)
		return;
	if (c->role->association_down)
		c->role->association_down(c, a);
	l2tp_association_ended(c->l2tp, number, now); /* RFC 3193, 3.1 */
	association_free(a);
}

static void association_moved(struct control *c, const struct association *a, time_ms now)
{
	const struct l2tp_path path = { .association = a->number,
		.local = a->local,
		.remote = a->remote,
		.local_port = 0,
		.remote_port = 0 };
	struct session *s;
	l2tp_association_moved(c->l2tp, &path, now);
	LIST_FOREACH(s, &c->sessions, all)
		if (s->path.association == a->number) {
			s->path.remote = a->remote;
			s->path.local = a->local;
		}
}

static void on_association(struct control *c, const struct ipc_association *m, time_ms now)
{
	struct association *a = control_association(c, m->association);
	const bool is_new = !a;
	if (!m->up || m->association == 0) {
		association_gone(c, m->association, now);
		return;
	}
	if (is_new) {
		a = xcalloc(1, sizeof(*a));
		a->number = m->association;
		a->identity = xstrdup(m->identity);
		a->eap_identity = xstrdup(m->eap_identity);
		a->authentication = m->authentication;
		table_set(c->associations, &m->association, sizeof(m->association), a);
		c->counters.associations++;
	}
	const bool moved = !is_new && (!ip_equal(&a->remote, &m->remote) || !ip_equal(&a->local, &m->local));
	a->ike = m->ike;
	a->overhead = m->overhead;
	a->local = m->local;
	a->remote = m->remote;
	a->local_port = m->local_port;
	a->remote_port = m->remote_port;
	if (moved)
		association_moved(c, a, now);
	if (c->role->association_up)
		c->role->association_up(c, a, is_new);
}

/* ---- L2TP ---- */

static void l2tp_send(void *context, const struct l2tp_path *path, const void *bytes, size_t n)
{
	struct control *c = context;
	const struct ipc_l2tp_control m = { .association = path->association,
		.local = path->local,
		.local_port = path->local_port,
		.remote = path->remote,
		.remote_port = path->remote_port,
		.packet = (uint8_t *)(uintptr_t)bytes,
		.packet_length = n };
	(void)ipc_packet_offer(c->plane, IPC_L2TP_CONTROL, &m, NULL);
}

static void l2tp_random(void *context, void *bytes, size_t n)
{
	control_random(bytes, n);
}

static size_t l2tp_get_secret(
        void *context, const struct l2tp_path *path, const char *peer_name, uint8_t ret[L2TP_SECRET_MAX])
{
	const struct control *c = context;
	size_t n = c->tunnel_secret ? strlen(c->tunnel_secret) : 0;
	memcpy(ret, c->tunnel_secret ? c->tunnel_secret : "", n);
	return n;
}

/* Clear text is for declared peers only, whatever the data plane and the filter let through. */
static uint16_t l2tp_tunnel_wanted(void *context, const struct l2tp_path *path, const struct l2tp_peer *peer)
{
	struct control *c = context;
	if (path->association == 0 && !options_trusts(c->o, &path->remote)) {
		c->counters.refused_unprotected++;
		return L2TP_STOP_NOT_AUTHORIZED;
	}
	if (path->association && !control_association(c, path->association))
		return L2TP_STOP_NOT_AUTHORIZED;
	return c->role->tunnel_wanted ? c->role->tunnel_wanted(c, path, peer) : L2TP_STOP_NOT_AUTHORIZED;
}

static void l2tp_tunnel_up(
        void *context, uint16_t tunnel, const struct l2tp_path *path, const struct l2tp_peer *peer)
{
	struct control *c = context;
	if (c->role->tunnel_up)
		c->role->tunnel_up(c, tunnel);
}

static void l2tp_tunnel_down(void *context, uint16_t tunnel, const struct l2tp_reason *reason)
{
	struct control *c = context;
	if (c->role->tunnel_down)
		c->role->tunnel_down(c, tunnel, reason);
}

/* The peer's first frame may come right behind its ICCN: the data plane knows the session before. */
static void announce(struct control *c, const struct l2tp_call *call)
{
	struct l2tp_path path;
	if (l2tp_tunnel_path(c->l2tp, call->tunnel, &path) < 0)
		return;
	const struct ipc_session m = { .tunnel = call->tunnel,
		.session = call->session,
		.peer_tunnel = call->peer_tunnel,
		.peer_session = call->peer_session,
		.association = path.association,
		.local = path.local,
		.local_port = path.local_port,
		.remote = path.remote,
		.remote_port = path.remote_port,
		.mtu = control_inner_mtu(c, control_association(c, path.association), &path.remote) };
	control_send_plane(c, IPC_SESSION, &m);
}

static uint16_t l2tp_session_wanted(void *context, const struct l2tp_call *call)
{
	struct control *c = context;
	uint16_t result =
	        c->role->session_wanted ? c->role->session_wanted(c, call) : L2TP_CDN_ADMINISTRATIVE;
	if (result == 0)
		announce(c, call);
	return result;
}

static void l2tp_session_up(void *context, const struct l2tp_path *path, const struct l2tp_call *call)
{
	struct control *c = context;
	struct session *s = session_new(c, path, call);
	session_tell_plane(s); /* its frames pass from now on, and no packets yet */
	c->role->session_up(c, s);
	c->role->session_run(s, clock_monotonic_ms());
}

static void l2tp_session_down(
        void *context, uint16_t tunnel, uint16_t session, const struct l2tp_reason *reason)
{
	struct control *c = context;
	const struct ipc_session_end m = { tunnel, session };
	if (!reason->was_up)
		control_send_plane(c, IPC_SESSION_END, &m); /* announced, and never up */
	c->role->session_down(c, tunnel, session, reason);
}

static void l2tp_changed(void *context, uint16_t tunnel)
{
	struct control *c = context;
	if (c->role->tunnel_changed)
		c->role->tunnel_changed(c, tunnel);
}

static int open_l2tp(struct control *c, struct error *err)
{
	const struct softwire_options *o = c->o;
	const bool concentrator = o->role == SOFTWIRE_CONCENTRATOR;
	struct l2tp_config config = { .host_name = c->name,
		.vendor_name = "Pratique",
		.accept = concentrator,
		.hide = true,
		.timing = { .hello_ms = (uint32_t)o->hello_ms,
		        .retransmissions = (uint32_t)o->retransmissions },
		.callbacks = { l2tp_send, l2tp_random, l2tp_get_secret, l2tp_tunnel_wanted, l2tp_tunnel_up,
		        l2tp_tunnel_down, l2tp_session_wanted, l2tp_session_up, l2tp_session_down,
		        l2tp_changed },
		.context = c };
	if (concentrator)
		config.limits = (struct l2tp_limits){ .tunnels = (uint32_t)MIN(
			                                      o->sessions_max + 64, L2TP_TUNNELS_MAX),
			.tunnels_per_association = (uint32_t)o->sessions_per_peer,
			.half_open = (uint32_t)o->half_open_max,
			.half_open_per_source = (uint32_t)o->half_open_per_source };
	if (*o->tunnel_secret_file && secret_read(o->tunnel_secret_file, &c->tunnel_secret, err) < 0)
		return -EINVAL;
	int r = l2tp_endpoint_new(&config, &c->l2tp);
	return r < 0 ? error_set(err, r, "L2TP cannot be set up: %s", strerror(-r)) : 0;
}

/* ---- messages ---- */

static void on_l2tp_control(struct control *c, const struct ipc_l2tp_control *m, time_ms now)
{
	const struct l2tp_path path = { m->association, m->local, m->remote, m->local_port, m->remote_port };
	l2tp_receive(c->l2tp, &path, m->packet, m->packet_length, now);
}

static void on_ppp_frame(struct control *c, const struct ipc_ppp_frame *m, time_ms now)
{
	struct session *s = session_find(c, m->tunnel, m->session);
	if (s)
		session_receive(s, m->frame, m->frame_length, now);
	else
		c->counters.frames_of_no_session++;
}

/* The data plane could not have it: association gone, or no room. */
static void on_session_refused(struct control *c, const struct ipc_session_end *m, time_ms now)
{
	if (session_find(c, m->tunnel, m->session))
		(void)l2tp_tunnel_close(
		        c->l2tp, m->tunnel, L2TP_STOP_ERROR, "the data plane refuses it", now);
}

static void on_plane_message(struct ipc_packet *p, const struct ipc_message *m, void *user)
{
	struct control *c = user;
	const time_ms now = clock_monotonic_ms();
	switch (m->number) {
	case IPC_HELLO:
		break;
	case IPC_ASSOCIATION:
		on_association(c, m->body, now);
		break;
	case IPC_ASSOCIATIONS_TOLD:
		if (c->role->told)
			c->role->told(c);
		break;
	case IPC_L2TP_CONTROL:
		on_l2tp_control(c, m->body, now);
		break;
	case IPC_PPP_FRAME:
		on_ppp_frame(c, m->body, now);
		break;
	case IPC_SESSION_END:
		on_session_refused(c, m->body, now);
		break;
	case IPC_COUNTED:
		if (c->role->counted)
			c->role->counted(c, m->body);
		break;
	case IPC_STATISTICS:
		api_statistics(c->api, m->body, API_FROM_PLANE);
		break;
	case IPC_IKE_FAILED:
		if (c->role->ike_failed)
			c->role->ike_failed(c, ((const struct ipc_ike_failed *)m->body)->reason);
		break;
	default:
		c->counters.messages_refused++;
	}
	control_schedule(c);
}

static void on_keeper_message(struct ipc_packet *p, const struct ipc_message *m, void *user)
{
	struct control *c = user;
	if (m->number == IPC_STATISTICS)
		api_statistics(c->api, m->body, API_FROM_KEEPER);
	else if (c->role->keeper_message)
		c->role->keeper_message(c, m);
	control_schedule(c);
}

/* The keeper is gone, so everything is. */
static void on_gone(struct ipc_packet *p, const char *reason, void *user)
{
	struct control *c = user;
	event_base_loopbreak(c->base);
}

static const struct ipc_packet_handlers plane_handlers = { on_plane_message, on_gone },
                                        keeper_handlers = { on_keeper_message, on_gone };

/* ---- life ---- */

void control_ended(struct control *c)
{
	const struct timeval soon = { 0, 100000 }; /* what was queued goes out */
	event_base_loopexit(c->base, &soon);
}

static void on_impatient(evutil_socket_t fd, short what, void *arg)
{
	event_base_loopbreak(((struct control *)arg)->base);
}

static void on_stop(void *user)
{
	struct control *c = user;
	const struct timeval patience = { CONTROL_END_MS / 1000, CONTROL_END_MS % 1000 * 1000 };
	if (c->ending)
		return;
	c->ending = true;
	event_add(c->patience, &patience);
	c->role->stop(c);
	control_schedule(c);
}

static void on_reload(void *user)
{
	struct control *c = user;
	if (c->role->reload)
		c->role->reload(c);
}

/* Another one takes over: with the sessions, and with another configuration. */
static void on_leave(evutil_socket_t signal, short what, void *arg)
{
	struct control *c = arg;
	if (!c->ending)
		event_base_loopbreak(c->base);
}

static int set_up(struct control *c, const struct control_descriptors *d, struct error *err)
{
	char host[256] = "softwire";
	c->base = event_base_new();
	if (!c->base || daemon_signals_new(c->base, on_stop, on_reload, c, &c->signals) < 0)
		return error_set(err, -ENOMEM, "no event loop");
	(void)gethostname(host, sizeof(host) - 1);
	snprintf(c->name, sizeof(c->name), "%s", *c->o->name ? c->o->name : host);
	c->leave = evsignal_new(c->base, SIGUSR1, on_leave, c);
	if (!c->leave || event_add(c->leave, NULL) < 0)
		return error_set(err, -ENOMEM, "no event loop");
	c->turn = evtimer_new(c->base, on_turn, c);
	c->patience = evtimer_new(c->base, on_impatient, c);
	c->turn_at = TIMER_NEVER;
	c->associations = table_new();
	c->by_tunnel = xcalloc(L2TP_TUNNEL_IDS, sizeof(struct session *));
	c->events = events_new();
	LIST_INIT(&c->sessions);
	c->plane = ipc_packet_new(c->base, d->dataplane, &plane_handlers, c);
	c->keeper = ipc_packet_new(c->base, d->keeper, &keeper_handlers, c);
	int r = checkpoint_open(d->checkpoint,
	        c->o->role == SOFTWIRE_CONCENTRATOR ? CHECKPOINT_RECORD_MAX : INITIATOR_RECORD_MAX,
	        &c->checkpoint, err);
	if (r == 0)
		r = open_l2tp(c, err);
	if (r == 0)
		r = c->role->start(c, err);
	if (r == 0)
		r = api_new(c, &c->api, err);
	return r;
}

static void say_hello(struct control *c)
{
	const struct ipc_hello hello = { .role = (char *)(uintptr_t) "control", .version = IPC_VERSION };
	control_send_plane(c, IPC_HELLO, &hello);
	control_send_keeper(c, IPC_HELLO, &hello);
}

static void tear_down(struct control *c)
{
	c->api = api_free(c->api);
	c->role->free(c);
	while (!LIST_EMPTY(&c->sessions))
		session_free(LIST_FIRST(&c->sessions));
	l2tp_endpoint_free(c->l2tp);
	ipc_packet_free(c->plane);
	ipc_packet_free(c->keeper);
	checkpoint_close(c->checkpoint);
	table_free(c->associations, association_free);
	timers_clear(&c->timers);
	free(c->by_tunnel);
	events_free(c->events);
	secret_free(c->tunnel_secret);
	if (c->leave)
		event_free(c->leave);
	if (c->turn)
		event_free(c->turn);
	if (c->patience)
		event_free(c->patience);
	daemon_signals_free(c->signals);
	if (c->base)
		event_base_free(c->base);
}

int control_run(
        const struct softwire_options *o, const struct control_descriptors *descriptors, struct error *err)
{
	struct control c = { .o = o,
		.role = o->role == SOFTWIRE_CONCENTRATOR ? &concentrator_role : &initiator_role };
	int r = set_up(&c, descriptors, err);
	if (r == 0) {
		say_hello(&c);
		control_schedule(&c);
		event_base_dispatch(c.base);
	}
	tear_down(&c);
	return r;
}
