/* SPDX-License-Identifier: ISC */
/* A record of an initiator's softwire: what is taken is within its limits, is written as it was read, and
 * makes nobody send without end. */
#include "softwire/initiator_record.h"

#include <string.h>

#define NOW 1000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void go_on(struct initiator_record *x)
{
	struct nd_counters nd_counters = { 0 };
	struct dhcp6_counters dhcp6_counters = { 0 };
	const struct nd_host_config nd = {
		.interface_id = { [7] = 9 }, .mtu = 1400, .counters = &nd_counters
	};
	const struct dhcp6_client_config dhcp6 = {
		.duid = { { 0, 4 }, 18 }, .iaid = 1, .want_prefix = true, .counters = &dhcp6_counters
	};
	struct ip6_output out;
	nd_host_resume(&x->nd, &nd, NOW);
	dhcp6_client_resume(&x->dhcp6, &dhcp6);
	nd_host_run(&x->nd, NOW, 1, &out);
	if (nd_host_due(&x->nd) <= NOW)
		abort();
	for (unsigned i = 0; dhcp6_client_due(&x->dhcp6) <= NOW; i++) {
		dhcp6_client_run(&x->dhcp6, NOW, i, &out);
		if (i > 8) /* through every state that may follow */
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct initiator_record x;
	if (initiator_record_read(&x, data, size) < 0)
		return 0;
	struct writer w = wr_make(INITIATOR_RECORD_MAX), again = wr_make(INITIATOR_RECORD_MAX);
	struct initiator_record back;
	initiator_record_write(&w, &x);
	if (!wr_failed(&w)) {
		if (initiator_record_read(&back, w.data, w.length) < 0)
			abort();
		initiator_record_write(&again, &back);
		if (again.length != w.length || memcmp(again.data, w.data, w.length) != 0)
			abort();
	}
	wr_free(&w);
	wr_free(&again);
	if (x.ipv6)
		go_on(&x);
	return 0;
}
