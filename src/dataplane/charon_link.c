/* SPDX-License-Identifier: ISC */
/*
 * Messages from and to our plugin in charon: the SAs, whose they are, and IKE's own datagrams. One charon at
 * a time, of our uid or root's. When it goes, its SAs go on.
 */
#include "dataplane/worker.h"

#include "net/ipc_packet.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <urcu/pointer.h>
#include <urcu/urcu-qsbr.h>

static void refuse(struct plane *p)
{
	worker_count(worker_of_main(p), STAT_control_refused);
}

bool charon_send(struct plane *p, enum ipc_number number, const void *body)
{
	return p->charon_link && ipc_packet_send(p->charon_link, number, body, NULL) == 0;
}

static void on_sa_add(struct plane *p, const struct ipc_sa_add *m)
{
	struct sa *sa;
	struct error err;
	if (p->config->no_ipsec || sa_add(&p->sas, p->config, m, clock_monotonic_ms(), &sa, &err) < 0)
		refuse(p);
}

/* With the last of its SAs of a direction the association ends. */
static void take_away(struct plane *p, struct sa *sa)
{
	struct association *a = sa->association;
	bool last = association_drop_sa(&p->associations, sa);
	sa_remove(&p->sas, sa);
	if (a && last)
		control_end_association(p, a);
}

static void on_sa_remove(struct plane *p, const struct ipc_sa_remove *m)
{
	struct sa *sa = sa_find(&p->sas, m->spi, &m->destination);
	if (sa)
		take_away(p, sa);
}

static void on_sa_move(struct plane *p, const struct ipc_sa_move *m)
{
	struct sa *sa = sa_find(&p->sas, m->spi, &m->destination);
	if (!sa) /* a NAT moved it, charon was told, and tells it back */
		sa = sa_find(&p->sas, m->spi, &m->new_destination);
	if (!sa) {
		refuse(p);
		return;
	}
	enum dataplane_socket_kind kind = m->encapsulated ? DATAPLANE_NAT_T : DATAPLANE_ESP;
	struct path *to = sa->inbound ? path_new(p->config, kind, &m->new_destination,
	                                        m->new_destination_port, &m->new_source, m->new_source_port)
	                              : path_new(p->config, kind, &m->new_source, m->new_source_port,
	                                        &m->new_destination, m->new_destination_port);
	if (!to) {
		refuse(p);
		return;
	}
	bool moves = !path_same(sa->path, to);
	if (moves && association_move(&p->associations, p->config, sa, to) < 0)
		refuse(p);
	if (sa->inbound && sa_rename(&p->sas, sa, &m->new_destination) < 0)
		refuse(p);
	if (moves && sa->association)
		control_tell_association(p, sa->association, true);
	free(to);
}

static void on_sa_ask(struct plane *p, const struct ipc_sa_ask *m)
{
	struct ipc_sa_used reply = { .request = m->request };
	const struct sa *sa = sa_find(&p->sas, m->spi, &m->destination);
	if (sa && sa->esp) {
		struct esp_counters c = esp_sa_counters(sa->esp);
		reply.packets = c.packets;
		reply.bytes = c.bytes;
		reply.idle_ms = MAX(clock_monotonic_ms() - atomic_load(&sa->used_ms), 0);
	}
	charon_send(p, IPC_SA_USED, &reply);
}

static void on_child_up(struct plane *p, const struct ipc_child *m)
{
	struct association *a, *orphan;
	struct ipc_ike_terminate end = { .ike = m->ike };
	struct error err;
	bool is_new;
	if (association_child_up(&p->associations, m, &a, &is_new, &err) < 0) {
		/* It would never carry a packet: its peer may try again. */
		refuse(p);
		charon_send(p, IPC_IKE_TERMINATE, &end);
		return;
	}
	while (is_new && (orphan = association_find_orphan(&p->associations, a)))
		control_end_association(p, orphan);
	control_tell_association(p, a, true);
}

static void on_child_down(struct plane *p, const struct ipc_child *m)
{
	struct sa *in = sa_find_inbound(&p->sas, m->spi_in);
	struct ip_address remote = in ? in->path->remote : (struct ip_address){ 0 };
	if (!in || (in->association && in->association->orphan))
		return;
	take_away(p, in);
	struct sa *out = sa_find(&p->sas, m->spi_out, &remote);
	if (out && !out->inbound)
		take_away(p, out);
}

static void on_ike_packet(struct plane *p, const struct ipc_ike_packet *m)
{
	static const uint8_t marker[ESP_NON_ESP_MARKER];
	enum dataplane_socket_kind kind = m->local_port == 4500 ? DATAPLANE_NAT_T : DATAPLANE_IKE;
	struct path *path = path_new(p->config, kind, &m->local, m->local_port, &m->remote, m->remote_port);
	struct iovec iov[2] = { { (void *)marker, sizeof(marker) }, { m->packet, m->packet_length } };
	/* As charon counts: a peer's port 500 expects no marker, and a NAT keepalive has none (RFC 3948 2.3).
	 */
	bool keepalive = m->packet_length == 1 && m->packet[0] == ESP_KEEPALIVE_BYTE;
	bool marked = kind == DATAPLANE_NAT_T && m->remote_port != 500 && !keepalive;
	bool sent = path && send_datagram(worker_of_main(p), path, marked ? iov : iov + 1, marked ? 2 : 1);
	worker_count(worker_of_main(p), sent ? STAT_ike_out : STAT_outer_send_failed);
	free(path);
}

static void on_message(struct ipc_packet *link, const struct ipc_message *m, void *user)
{
	struct plane *p = user;
	if (link != p->charon_link)
		return;
	switch (m->number) {
	case IPC_HELLO:
		break;
	case IPC_SA_ADD:
		on_sa_add(p, m->body);
		break;
	case IPC_SA_REMOVE:
		on_sa_remove(p, m->body);
		break;
	case IPC_SA_MOVE:
		on_sa_move(p, m->body);
		break;
	case IPC_SA_ASK:
		on_sa_ask(p, m->body);
		break;
	case IPC_CHILD:
		if (((const struct ipc_child *)m->body)->up)
			on_child_up(p, m->body);
		else
			on_child_down(p, m->body);
		break;
	case IPC_IKE_PACKET:
		on_ike_packet(p, m->body);
		break;
	case IPC_IKE_FAILED:
		control_send(p, IPC_IKE_FAILED, m->body);
		break;
	default:
		refuse(p);
		break;
	}
}

static void free_later(evutil_socket_t fd, short what, void *arg)
{
	ipc_packet_free(arg);
}

/* Its SAs go on without it, but in the kernel nobody else knows whose they are. */
static void leave_associations(struct plane *p)
{
	struct map_node *n, *next;
	if (!p->config->kernel_ipsec) {
		association_orphan_all(&p->associations);
		return;
	}
	for (n = map_next(&p->associations.by_number, NULL); n; n = next) {
		next = map_next(&p->associations.by_number, n);
		control_end_association(p, (struct association *)n);
	}
}

/* The link cannot go while it is calling: a moment later it does. */
static void forget_charon(struct plane *p)
{
	struct timeval now = { 0 };
	struct plane_charon *seen = p->charon;
	struct ipc_packet *link = p->charon_link;
	rcu_assign_pointer(p->charon, NULL);
	p->charon_link = NULL;
	leave_associations(p);
	/* Its descriptor's number may be another's at once. */
	urcu_qsbr_synchronize_rcu();
	free(seen);
	if (link)
		event_base_once(p->base, -1, EV_TIMEOUT, free_later, link, &now);
}

static void on_close(struct ipc_packet *link, const char *reason, void *user)
{
	struct plane *p = user;
	if (link == p->charon_link)
		forget_charon(p);
}

static bool is_welcome(int fd)
{
	struct ucred who;
	socklen_t size = sizeof(who);
	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 &&
	        (who.uid == 0 || who.uid == geteuid());
}

static void on_connection(evutil_socket_t listener, short what, void *user)
{
	static const struct ipc_packet_handlers handlers = { .on_message = on_message, .on_close = on_close };
	struct plane *p = user;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	if (!is_welcome(fd)) {
		refuse(p);
		close(fd);
		return;
	}
	if (p->charon_link)
		forget_charon(p);
	p->charon_link = ipc_packet_new(p->base, fd, &handlers, p);
	struct plane_charon *seen = xcalloc(1, sizeof(*seen));
	seen->fd = fd;
	rcu_assign_pointer(p->charon, seen);
}

int charon_open(struct plane *p, struct error *err)
{
	if (p->config->charon_listener < 0)
		return 0;
	p->charon_listener =
	        event_new(p->base, p->config->charon_listener, EV_READ | EV_PERSIST, on_connection, p);
	if (!p->charon_listener || event_add(p->charon_listener, NULL) < 0)
		return error_set(err, -ENOMEM, "data plane: no event for the IKE daemon's socket");
	return 0;
}

void charon_close(struct plane *p)
{
	if (p->charon_listener)
		event_free(p->charon_listener);
	p->charon_link = ipc_packet_free(p->charon_link);
	free(p->charon);
	p->charon = NULL;
}
