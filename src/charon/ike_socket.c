/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "charon/ike_socket.h"

#include "charon/address.h"
#include <collections/blocking_queue.h>
#include <daemon.h>

#define NON_ESP_MARKER_LENGTH 4

struct ike_socket {
	socket_t public;
	struct link *link;
	blocking_queue_t *queue; /* packet_t */
	unsigned waiting;        /* in it; atomic */
	uint64_t dropped;        /* link's thread only */
	uint16_t port, port_nat_t;
};

static bool has_marker(uint16_t source_port, uint16_t destination_port)
{
	return source_port != IKEV2_UDP_PORT && destination_port != IKEV2_UDP_PORT;
}

METHOD(socket_t, receive, status_t, struct ike_socket *this, packet_t **packet)
{
	*packet = this->queue->dequeue(this->queue);
	__atomic_sub_fetch(&this->waiting, 1, __ATOMIC_RELAXED);
	return SUCCESS;
}

/* The caller owns it. */
static chunk_t with_marker(const struct ipc_ike_packet *p)
{
	size_t marker = has_marker(p->remote_port, p->local_port) ? NON_ESP_MARKER_LENGTH : 0;
	chunk_t bytes = { .ptr = xcalloc(1, marker + p->packet_length + 1),
		.len = marker + p->packet_length };
	if (p->packet_length)
		memcpy(bytes.ptr + marker, p->packet, p->packet_length);
	return bytes;
}

void ike_socket_deliver(socket_t *public, const struct ipc_ike_packet *p)
{
	struct ike_socket *this = (struct ike_socket *)public;
	if (__atomic_load_n(&this->waiting, __ATOMIC_RELAXED) >= IKE_SOCKET_QUEUE_MAX) {
		if (this->dropped++ % IKE_SOCKET_QUEUE_MAX == 0)
			DBG1(DBG_NET, "charon is too slow: %llu IKE messages were dropped so far",
			        (unsigned long long)this->dropped);
		return;
	}
	packet_t *packet = packet_create();
	packet->set_source(packet, address_to_host(&p->remote, p->remote_port));
	packet->set_destination(packet, address_to_host(&p->local, p->local_port));
	packet->set_data(packet, with_marker(p));
	__atomic_add_fetch(&this->waiting, 1, __ATOMIC_RELAXED);
	this->queue->enqueue(this->queue, packet);
}

METHOD(socket_t, sender, status_t, struct ike_socket *this, packet_t *packet)
{
	host_t *source = packet->get_source(packet), *destination = packet->get_destination(packet);
	chunk_t bytes = packet->get_data(packet);
	uint16_t port = source->get_port(source);
	bool nat_t = has_marker(port, destination->get_port(destination));
	struct ipc_ike_packet p = {
		.local = address_of_host(source),
		.local_port = port ? port : this->port,
		.remote = address_of_host(destination),
		.remote_port = destination->get_port(destination),
	};
	/* A NAT keepalive has no marker, here or there. */
	if (nat_t && bytes.len > NON_ESP_MARKER_LENGTH)
		bytes = chunk_skip(bytes, NON_ESP_MARKER_LENGTH);
	p.packet = bytes.ptr;
	p.packet_length = bytes.len;
	return link_send(this->link, IPC_IKE_PACKET, &p, true) ? SUCCESS : FAILED;
}

METHOD(socket_t, get_port, uint16_t, struct ike_socket *this, bool nat_t)
{
	return nat_t ? this->port_nat_t : this->port;
}

METHOD(socket_t, supported_families, socket_family_t, struct ike_socket *this)
{
	return SOCKET_FAMILY_BOTH;
}

METHOD(socket_t, destroy, void, struct ike_socket *this)
{
	this->queue->destroy_offset(this->queue, offsetof(packet_t, destroy));
	free(this);
}

socket_t *ike_socket_create(struct link *link)
{
	struct ike_socket *this;
	INIT(this,
	        .public = {
	                .receive = _receive,
	                .send = _sender,
	                .get_port = _get_port,
	                .supported_families = _supported_families,
	                .destroy = _destroy,
	        },
	        .link = link,
	        .queue = blocking_queue_create(),
	        .port = (uint16_t)lib->settings->get_int(lib->settings, "%s.port", IKEV2_UDP_PORT, lib->ns),
	        .port_nat_t =
	                (uint16_t)lib->settings->get_int(lib->settings, "%s.port_nat_t", IKEV2_NATT_PORT, lib->ns), );
	return &this->public;
}
