/* SPDX-License-Identifier: ISC */
/* A scripted sender against a concentrator, for what an endpoint of ours would never send. */
#pragma once

#include "proto/l2tp/wire.h"
#include "tests/unit/proto/l2tp_net.h"

/* A peer that writes its packets by hand. */
struct raw {
	struct net *net;
	struct l2tp_path path; /* as the concentrator sees it */
	uint16_t tunnel, ns, nr;
	struct writer w;
	struct l2tp_builder b;
};

static inline bool drop_all(struct net *net, struct packet *p)
{
	return false;
}

static inline struct raw raw_new(struct net *net, uint32_t association, const char *address)
{
	struct raw r = { .net = net,
		.path = { .association = association, .local_port = L2TP_PORT, .remote_port = 1701 } };
	assert_int_equal(ip_parse("198.51.100.1", &r.path.local), 0);
	assert_int_equal(ip_parse(address, &r.path.remote), 0);
	r.w = wr_make(4096);
	net->filter = drop_all;
	return r;
}

static inline void begin(struct raw *r, unsigned type, uint16_t session)
{
	r->b = (struct l2tp_builder){ .w = &r->w };
	l2tp_build(&r->b, (enum l2tp_type)type, r->tunnel, session);
}

static inline void put_numbers(struct raw *r, uint16_t ns)
{
	l2tp_finish(&r->b);
	l2tp_put_u16(r->w.data + 8, ns);
	l2tp_put_u16(r->w.data + 10, r->nr);
}

static inline void give(struct raw *r)
{
	struct net *net = r->net;
	l2tp_receive(net->side[CONCENTRATOR].e, &r->path, r->w.data, r->w.length, net->now);
}

static inline void finish(struct raw *r)
{
	put_numbers(r, r->ns++);
	give(r);
}

static inline void write_sccrq(struct raw *r, uint16_t id)
{
	r->tunnel = 0;
	begin(r, L2TP_SCCRQ, 0);
	l2tp_add_u16(&r->b, L2TP_PROTOCOL_VERSION_AVP, L2TP_PROTOCOL_VERSION);
	l2tp_add_u32(&r->b, L2TP_FRAMING_CAPABILITIES, 3);
	l2tp_add(&r->b, L2TP_HOST_NAME, "raw", 3);
	l2tp_add_u16(&r->b, L2TP_ASSIGNED_TUNNEL_ID, id);
}

static inline struct packet *answer(struct raw *r)
{
	return &r->net->last[CONCENTRATOR];
}

static inline struct l2tp_avps answered(struct raw *r, unsigned type)
{
	static struct l2tp_avps avps;
	struct packet *p = answer(r);
	assert_true(l2tp_read_avps(&avps, p->bytes + 12, p->n - 12));
	assert_int_equal(avps.type, type);
	return avps;
}

static inline void raw_connect(struct raw *r, uint16_t id)
{
	r->ns = r->nr = 0;
	write_sccrq(r, id);
	finish(r);
	struct l2tp_avps avps = answered(r, L2TP_SCCRP);
	r->tunnel = l2tp_avp_u16(&avps, L2TP_ASSIGNED_TUNNEL_ID);
	r->nr = 1;
	begin(r, L2TP_SCCCN, 0);
	finish(r);
	assert_int_equal(r->net->side[CONCENTRATOR].tunnel, r->tunnel);
}

static inline void write_icrq(struct raw *r, uint16_t id)
{
	begin(r, L2TP_ICRQ, 0);
	l2tp_add_u16(&r->b, L2TP_ASSIGNED_SESSION_ID, id);
	l2tp_add_u32(&r->b, L2TP_CALL_SERIAL_NUMBER, 1);
}

static inline void raw_free(struct raw *r)
{
	wr_free(&r->w);
	net_free(r->net);
}

static inline struct l2tp_counters counters(struct raw *r)
{
	return l2tp_get_counters(r->net->side[CONCENTRATOR].e);
}

static inline void assert_result(struct raw *r, unsigned type, unsigned result, unsigned error)
{
	struct l2tp_avps avps = answered(r, type);
	assert_int_equal(l2tp_avp_u16(&avps, L2TP_RESULT_CODE), result);
	assert_int_equal(l2tp_get_u16(avps.value[L2TP_RESULT_CODE].bytes + 2), error);
}
