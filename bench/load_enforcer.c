/* SPDX-License-Identifier: ISC */
/* An enforcer that knows where every node is and does at once what it is told. */
#include "bench/load.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ATTACHMENTS_BATCH 1024 /* of one message, ipc/messages.def */

static void send_body(struct ipc_stream *s, struct load *l, enum ipc_number number, const void *body)
{
	struct error err;
	if (ipc_stream_send(s, number, body, &err) < 0)
		load_fail(l, "the enforcer cannot send");
}

static void describe(unsigned number, struct ipc_attachment *ret)
{
	struct sockaddr_storage address;
	*ret = (struct ipc_attachment){
		.port = xasprintf("port-%u", number), .present = true, .n_addresses = 1
	};
	ret->addresses = xcalloc(1, sizeof(*ret->addresses));
	load_node_mac(number, &ret->mac);
	load_node_address(number, &address, &ret->addresses[0].ip);
}

static void send_attachments(struct ipc_stream *s, struct load *l)
{
	size_t n;
	for (size_t at = 0; at < l->n_nodes; at += n) {
		n = MIN(l->n_nodes - at, (size_t)ATTACHMENTS_BATCH);
		struct ipc_attachments part = { .full = true,
			.more = at + n < l->n_nodes,
			.attachments = xcalloc(n, sizeof(*part.attachments)) };
		for (size_t i = 0; i < n; i++)
			describe((unsigned)(at + i), &part.attachments[part.n_attachments++]);
		send_body(s, l, IPC_ATTACHMENTS, &part);
		ipc_body_clear(IPC_ATTACHMENTS, &part);
	}
}

static void on_open(struct ipc_stream *s, const struct identity *peer, void *user)
{
	struct load *l = user;
	send_body(s, l, IPC_HELLO,
	        &(struct ipc_hello){ .role = (char *)"enforcer",
	                .name = (char *)LOAD_ENFORCER_NAME,
	                .version = IPC_VERSION });
	send_attachments(s, l);
}

static void answer_who(struct ipc_stream *s, struct load *l, const struct ipc_who *who)
{
	const uint8_t *b = who->address.bytes;
	unsigned number = ((unsigned)b[14] << 8 | b[15]) - 0x100;
	struct ipc_identity m = { .request = who->request,
		.found = ip_is_v4(&who->address) && number < l->n_nodes };
	l->asked++;
	if (m.found) {
		m.n_attachments = 1;
		m.attachments = xcalloc(1, sizeof(*m.attachments));
		describe(number, m.attachments);
	}
	send_body(s, l, IPC_IDENTITY, &m);
	ipc_body_clear(IPC_IDENTITY, &m);
}

static void on_message(struct ipc_stream *s, const struct ipc_message *m, void *user)
{
	struct load *l = user;
	if (m->number == IPC_WHO) {
		answer_who(s, l, m->body);
	} else if (m->number == IPC_PLACE) {
		const struct ipc_place *place = m->body;
		l->placed += place->n_placements;
		send_body(s, l, IPC_APPLIED,
		        &(struct ipc_applied){
		                .generation = place->generation, .elements = (uint32_t)place->n_placements });
	} else if (m->number == IPC_FLOOR) {
		l->enforcer_ready = true;
	}
}

static void on_close(struct ipc_stream *s, const char *reason, void *user)
{
	struct load *l = user;
	if (l->stopping || l->is_enforcer) /* it comes back by itself */
		return;
	fprintf(stderr, "load: enforcer: %s\n", reason);
	load_fail(l, "the enforcer lost its connection");
}

int load_enforcer_start(struct load *l, struct error *err)
{
	static const struct ipc_handlers handlers = { on_open, on_message, on_close };
	const struct ipc_client_config config = { .tls = l->enforcer_tls,
		.target = { .address = l->enforcer_address, .expected_name = LOAD_SERVER_NAME },
		.limits = { 4u << 20, 64u << 20, 0 },
		.handlers = &handlers,
		.user = l };
	int r = ipc_client_new(l->base, &config, &l->enforcer);
	return r < 0 ? error_set(err, r, "the enforcer cannot start") : 0;
}

void load_enforcer_stop(struct load *l)
{
	l->enforcer = ipc_client_free(l->enforcer);
}
