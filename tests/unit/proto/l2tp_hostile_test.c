/* SPDX-License-Identifier: ISC */
/* Peers that do what they must not: windows, numbers, AVPs, the order of messages. */
#include "tests/unit/proto/l2tp_raw.h"

static void test_windows(void **state)
{
	struct net *net = net_new(NULL);
	struct raw r = raw_new(net, 0, "192.0.2.66");
	raw_connect(&r, 5);
	/* All numbers ahead, twice: the window's worth is held, once. */
	for (unsigned k = 0; k < 2; k++) {
		for (unsigned i = 2; i < 0x8000; i++) {
			begin(&r, L2TP_HELLO, 0);
			put_numbers(&r, (uint16_t)(r.ns - 1 + i));
			give(&r);
		}
	}
	struct l2tp_counters n = counters(&r);
	assert_int_equal(n.held, 7);
	assert_int_equal(n.duplicates, 7);
	/* Old ones: duplicates, each acknowledged. */
	unsigned sent = net->side[CONCENTRATOR].sent;
	begin(&r, L2TP_HELLO, 0);
	put_numbers(&r, (uint16_t)(r.ns - 1));
	give(&r);
	assert_int_equal(net->side[CONCENTRATOR].sent, sent + 1);
	assert_int_equal(answer(&r)->n, 12);
	/* What was never sent cannot be acknowledged. */
	for (unsigned nr = 2; nr < 0x8000; nr += 11) {
		r.nr = (uint16_t)nr;
		begin(&r, L2TP_STOPCCN, 0);
		put_numbers(&r, r.ns);
		give(&r);
	}
	assert_int_equal(net->side[CONCENTRATOR].tunnels_down, 0);
	/* The one that was missing lets all of them in. */
	r.nr = 1;
	begin(&r, L2TP_HELLO, 0);
	finish(&r);
	net_run(net, 200);
	assert_int_equal(l2tp_get_u16(answer(&r)->bytes + 10), r.ns + 7);
	raw_free(&r);
}

/* Calls without end, and nothing of ours is acknowledged: the queue has an end, and so has the tunnel. */
static void test_never_acknowledges(void **state)
{
	struct net *net = net_new(NULL);
	struct raw r = raw_new(net, 0, "192.0.2.66");
	raw_connect(&r, 5);
	for (unsigned i = 1; i < 1000 && net->side[CONCENTRATOR].tunnels_down == 0; i++) {
		assert_true(i <= L2TP_QUEUE_MAX + 1);
		write_icrq(&r, (uint16_t)i);
		finish(&r);
	}
	assert_int_equal(net->side[CONCENTRATOR].tunnels_down, 1);
	assert_int_equal(net->side[CONCENTRATOR].reason.error, L2TP_E_RESOURCES);
	assert_int_equal(counters(&r).sessions, 0);
	raw_free(&r);
}

static void add_unknown(struct raw *r, uint16_t flags, uint16_t vendor, uint16_t attribute)
{
	wr_u16(&r->w, flags | 8);
	wr_u16(&r->w, vendor);
	wr_u16(&r->w, attribute);
	wr_u16(&r->w, 0);
}

static void test_unknown_avps(void **state)
{
	static const struct {
		uint16_t flags, vendor, attribute;
		bool refused;
	} cases[] = {
		{ 0, 0, 999, false },     /* optional */
		{ 0x8000, 0, 999, true }, /* mandatory */
		{ 0, 9, 1, false },       /* a vendor's */
		{ 0x8000, 9, 1, true },
		{ 0x0400, 0, 7, false }, /* a reserved bit makes any AVP unknown */
		{ 0x8400, 0, 7, true },
	};
	for (size_t k = 0; k < ARRAY_LENGTH(cases); k++) {
		struct net *net = net_new(NULL);
		struct raw r = raw_new(net, 0, "192.0.2.66");
		raw_connect(&r, 5);
		write_icrq(&r, 44);
		add_unknown(&r, cases[k].flags, cases[k].vendor, cases[k].attribute);
		finish(&r);
		if (cases[k].refused)
			assert_result(&r, L2TP_CDN, L2TP_CDN_ERROR, L2TP_E_UNKNOWN_MANDATORY);
		else
			answered(&r, L2TP_ICRP);
		assert_int_equal(net->side[CONCENTRATOR].tunnels_down, 0);
		r.nr++;
		begin(&r, L2TP_HELLO, 0);
		add_unknown(&r, cases[k].flags, cases[k].vendor, cases[k].attribute);
		finish(&r);
		assert_int_equal(net->side[CONCENTRATOR].tunnels_down, cases[k].refused);
		if (cases[k].refused)
			assert_result(&r, L2TP_STOPCCN, L2TP_STOP_ERROR, L2TP_E_UNKNOWN_MANDATORY);
		raw_free(&r);
	}
}

static void test_unknown_type(void **state)
{
	for (int mandatory = 0; mandatory < 2; mandatory++) {
		struct net *net = net_new(NULL);
		struct raw r = raw_new(net, 0, "192.0.2.66");
		raw_connect(&r, 5);
		begin(&r, 99, 0);
		r.w.data[12] = mandatory ? 0x80 : 0;
		finish(&r);
		assert_int_equal(net->side[CONCENTRATOR].tunnels_down, mandatory);
		raw_free(&r);
	}
}

/* Each spoils an ICRQ of a live tunnel: session or nothing, but never a crash and never the tunnel. */
static void test_malformed(void **state)
{
	static const struct {
		uint16_t flags, attribute, length; /* length 6 + what follows */
		unsigned error;                    /* 0: to be ignored */
	} cases[] = {
		{ 0x8000, L2TP_BEARER_TYPE, 8, L2TP_E_LENGTH }, { 0, L2TP_BEARER_TYPE, 8, 0 },
		{ 0x8000, L2TP_BEARER_TYPE, 900, L2TP_E_LENGTH }, /* beyond the end */
		{ 0, L2TP_BEARER_TYPE, 3, L2TP_E_LENGTH }, /* below its own header: what follows is lost */
		{ 0xc000, L2TP_BEARER_TYPE, 12, L2TP_E_VALUE }, /* hidden without a Random Vector */
		{ 0x4000, L2TP_BEARER_TYPE, 12, 0 },
		{ 0xc000, L2TP_RESULT_CODE, 8, L2TP_E_VALUE }, /* must not be hidden */
	};
	for (size_t k = 0; k < ARRAY_LENGTH(cases); k++) {
		struct net *net = net_new(NULL);
		struct raw r = raw_new(net, 0, "192.0.2.66");
		raw_connect(&r, 5);
		write_icrq(&r, 44);
		wr_u16(&r.w, cases[k].flags | cases[k].length);
		wr_u16(&r.w, 0);
		wr_u16(&r.w, cases[k].attribute);
		wr_zero(&r.w, cases[k].length > 6 && cases[k].length < 900 ? cases[k].length - 6u : 0);
		finish(&r);
		if (cases[k].error)
			assert_result(&r, L2TP_CDN, L2TP_CDN_ERROR, cases[k].error);
		else
			answered(&r, L2TP_ICRP);
		assert_int_equal(net->side[CONCENTRATOR].tunnels_down, 0);
		raw_free(&r);
	}
}

static void test_no_message_type(void **state)
{
	struct net *net = net_new(NULL);
	struct raw r = raw_new(net, 0, "192.0.2.66");
	raw_connect(&r, 5);
	begin(&r, L2TP_ZLB, 0);
	l2tp_add_u32(&r.b, L2TP_BEARER_TYPE, 0);
	finish(&r);
	assert_result(&r, L2TP_STOPCCN, L2TP_STOP_ERROR, L2TP_E_LENGTH);
	raw_free(&r);
}

static void test_headers(void **state)
{
	static const uint16_t wrong[] = {
		0xc801, /* L2F */
		0xc803, /* L2TPv3 */
		0x4802, /* data */
		0x8802, /* no Length */
		0xc002, /* no numbers */
		0xca02, /* Offset */
		0xc902, /* Priority */
	};
	struct net *net = net_new(NULL);
	struct raw r = raw_new(net, 0, "192.0.2.66");
	for (size_t k = 0; k < ARRAY_LENGTH(wrong); k++) {
		write_sccrq(&r, 7);
		put_numbers(&r, 0);
		l2tp_put_u16(r.w.data, wrong[k]);
		give(&r);
		assert_int_equal(counters(&r).not_l2tp, k + 1);
	}
	for (size_t n = 0; n < r.w.length; n++)
		l2tp_receive(net->side[CONCENTRATOR].e, &r.path, r.w.data, n, net->now);
	write_sccrq(&r, 7);
	put_numbers(&r, 0);
	l2tp_put_u16(r.w.data + 2, 11);
	give(&r);
	assert_int_equal(counters(&r).half_open, 0);
	assert_int_equal(net->side[CONCENTRATOR].sent, 0);
	/* Reserved bits are ignored (3.1). */
	write_sccrq(&r, 7);
	put_numbers(&r, 0);
	l2tp_put_u16(r.w.data, 0xfcf2);
	give(&r);
	answered(&r, L2TP_SCCRP);
	raw_free(&r);
}

static void test_sessions_out_of_order(void **state)
{
	struct net *net = net_new(NULL);
	struct raw r = raw_new(net, 0, "192.0.2.66");
	raw_connect(&r, 5);
	begin(&r, L2TP_OCRQ, 0);
	l2tp_add_u16(&r.b, L2TP_ASSIGNED_SESSION_ID, 9);
	finish(&r);
	assert_result(&r, L2TP_CDN, L2TP_CDN_NO_FACILITIES, 0);
	r.nr++;
	write_icrq(&r, 44);
	finish(&r);
	struct l2tp_avps avps = answered(&r, L2TP_ICRP);
	uint16_t session = l2tp_avp_u16(&avps, L2TP_ASSIGNED_SESSION_ID);
	r.nr++;
	write_icrq(&r, 44); /* the same id again: the first one stays */
	finish(&r);
	begin(&r, L2TP_ICCN, session);
	l2tp_add_u32(&r.b, L2TP_TX_CONNECT_SPEED, 64000);
	l2tp_add_u32(&r.b, L2TP_FRAMING_TYPE, 1);
	l2tp_add(&r.b, L2TP_SEQUENCING_REQUIRED, NULL, 0);
	finish(&r);
	assert_int_equal(net->side[CONCENTRATOR].sessions_up, 1);
	assert_true(net->side[CONCENTRATOR].call.sequencing_required);
	begin(&r, L2TP_WEN, session);
	finish(&r);
	begin(&r, L2TP_SLI, session);
	finish(&r);
	begin(&r, L2TP_ICRP, (uint16_t)(session + 1)); /* of no session */
	finish(&r);
	assert_int_equal(net->side[CONCENTRATOR].sessions_down, 0);
	assert_int_equal(counters(&r).unknown_session, 1);
	begin(&r, L2TP_ICCN, session); /* again: out of sequence */
	l2tp_add_u32(&r.b, L2TP_TX_CONNECT_SPEED, 64000);
	l2tp_add_u32(&r.b, L2TP_FRAMING_TYPE, 1);
	finish(&r);
	assert_int_equal(net->side[CONCENTRATOR].sessions_down, 1);
	assert_result(&r, L2TP_CDN, L2TP_CDN_ERROR, L2TP_E_SESSION_ID);
	r.nr++;
	begin(&r, L2TP_SCCRP, 0); /* out of sequence for the tunnel */
	finish(&r);
	assert_result(&r, L2TP_STOPCCN, L2TP_STOP_FSM, 0);
	raw_free(&r);
}

static void test_cdn_by_the_peers_id(void **state)
{
	struct net *net = net_new(NULL);
	struct raw r = raw_new(net, 0, "192.0.2.66");
	raw_connect(&r, 5);
	write_icrq(&r, 44);
	finish(&r);
	assert_int_equal(counters(&r).sessions, 1);
	begin(&r, L2TP_CDN, 0);
	l2tp_add_result(&r.b, 3, 0, "");
	l2tp_add_u16(&r.b, L2TP_ASSIGNED_SESSION_ID, 44);
	finish(&r);
	assert_int_equal(counters(&r).sessions, 0);
	raw_free(&r);
}

static void test_half_set_up_session(void **state)
{
	struct net *net = net_new(NULL);
	struct raw r = raw_new(net, 0, "192.0.2.66");
	raw_connect(&r, 5);
	write_icrq(&r, 44);
	finish(&r);
	r.nr++;
	begin(&r, L2TP_ZLB, 0);
	put_numbers(&r, r.ns);
	give(&r);
	net_run(net, 30001);
	assert_int_equal(counters(&r).sessions, 0);
	assert_int_equal(net->side[CONCENTRATOR].sessions_down, 1); /* it was accepted, so it is told of */
	assert_false(net->side[CONCENTRATOR].reason.was_up);
	assert_result(&r, L2TP_CDN, L2TP_CDN_TIMEOUT, 0);
	raw_free(&r);
}

static bool acknowledge_only(struct net *net, struct packet *p)
{
	if (p->to != CONCENTRATOR || p->n <= 12)
		return false;
	/* An answer from one that takes the SCCRQ and never says more. */
	struct l2tp_avps avps;
	assert_true(l2tp_read_avps(&avps, p->bytes + 12, p->n - 12));
	if (avps.type != L2TP_SCCRQ)
		return false;
	struct packet *zlb = &net->packets[net->n_packets++];
	*zlb = *p;
	zlb->to = INITIATOR;
	zlb->path = net_path(0);
	zlb->at = net->now + 1;
	zlb->n = 12;
	l2tp_put_u16(zlb->bytes + 2, 12);
	l2tp_put_u16(zlb->bytes + 4, l2tp_avp_u16(&avps, L2TP_ASSIGNED_TUNNEL_ID));
	l2tp_put_u16(zlb->bytes + 10, 1);
	return false;
}

static void test_acknowledged_and_no_more(void **state)
{
	struct net *net = net_new(NULL);
	net->filter = acknowledge_only;
	net_open(net, 0);
	net_run(net, 35000);
	assert_int_equal(net->side[INITIATOR].tunnels_down, 1);
	assert_int_equal(net->side[INITIATOR].sent_types[L2TP_SCCRQ], 1);
	net_assert_clean(net);
	net_free(net);
}

/* Random changes to every packet of a conversation; the sanitizers judge. */
static bool spoil(struct net *net, struct packet *p)
{
	for (unsigned k = net_random(net) % 3; k > 0; k--)
		p->bytes[net_random(net) % p->n] ^= (uint8_t)(1u << net_random(net) % 8);
	if (net_random(net) % 10 == 0)
		p->n = net_random(net) % p->n;
	return true;
}

static void test_spoiled_packets(void **state)
{
	for (uint32_t seed = 1; seed <= 300; seed++) {
		struct net *net = net_new(NULL);
		net->seed = seed;
		net->filter = spoil;
		net->side[0].secret = net->side[1].secret = seed % 3 ? NULL : "sesame";
		net_open(net, 0);
		net_run(net, 20000);
		l2tp_close_all(net->side[seed % 2].e, L2TP_STOP_REQUEST, NULL, net->now);
		net_run(net, 200000);
		net->filter = NULL;
		for (int k = 0; k < 2; k++)
			l2tp_close_all(net->side[k].e, L2TP_STOP_REQUEST, NULL, net->now);
		net_run(net, 40000);
		net_assert_clean(net);
		net_free(net);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_windows),
		cmocka_unit_test(test_never_acknowledges),
		cmocka_unit_test(test_unknown_avps),
		cmocka_unit_test(test_unknown_type),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_no_message_type),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_sessions_out_of_order),
		cmocka_unit_test(test_cdn_by_the_peers_id),
		cmocka_unit_test(test_half_set_up_session),
		cmocka_unit_test(test_acknowledged_and_no_more),
		cmocka_unit_test(test_spoiled_packets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
