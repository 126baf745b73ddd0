/* SPDX-License-Identifier: ISC */
/* What a peer puts into its L2TP packets, behind the integrity of ESP: down to the write to the TUN. */
#include "dataplane/worker.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct plane plane;
static struct worker worker;
static struct dataplane_config config;
static struct session *session;

/* Nothing may reach the TUN whose source is not the session's. */
static void check_write(struct iovec *iov, int n, void *user)
{
	struct packet p;
	uint8_t *bytes = xmalloc(WORKER_BUFFER);
	size_t length = 0;
	for (int i = 1; i < n; i++) {
		memcpy(bytes + length, iov[i].iov_base, iov[i].iov_len);
		length += iov[i].iov_len;
	}
	if (!packet_parse(bytes, length, &p) ||
	        !packet_in_prefixes(&p.source, p.version == 4, &session->prefixes) ||
	        packet_scope(&p.destination) != PACKET_SCOPE_GLOBAL)
		abort();
	free(bytes);
}

static void prepare(void)
{
	struct ipc_inner_prefix prefixes[2];
	struct ipc_session m = { .tunnel = 1,
		.session = 1,
		.mtu = 1400,
		.ipv4 = true,
		.ipv6 = true,
		.prefixes = prefixes,
		.n_prefixes = 2 };
	if (ip_prefix_parse("2001:db8:1::/48", &prefixes[0].prefix) < 0 ||
	        ip_prefix_parse("10.1.0.0/16", &prefixes[1].prefix) < 0 ||
	        ip_parse("192.0.2.1", &m.local) < 0 || ip_parse("192.0.2.2", &m.remote) < 0)
		abort();
	dataplane_config_clear(&config);
	config.role = DATAPLANE_CONCENTRATOR;
	config.n_addresses = 1;
	config.addresses[0] = (struct dataplane_address){ .ip = m.local, .trusted = true };
	plane.config = &config;
	plane.punt_rate = 1000;
	plane.tap.fd = -1;
	session_table_init(&plane.sessions, &plane.reclaim, 1, 77);
	worker.plane = &plane;
	worker.now_ns = 1;
	worker.frame = wr_make(70000);
	worker.receiver = xcalloc(1, sizeof(*worker.receiver));
	worker.receiver->coalescer =
	        (struct coalescer){ .tcp = true, .udp = true, .write = check_write, .user = &worker };
	if (session_set(&plane.sessions, &config, &m, NULL, &session) < 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!session)
		prepare();
	if (size > UINT16_MAX)
		return 0;
	struct origin o = { .local = session->path->local, .remote = session->path->remote };
	uint8_t *bytes = xmemdup(data, size);
	worker.now_ns += 1000000000;
	decapsulate_l2tp(&worker, &o, bytes, size);
	coalesce_flush(&worker.receiver->coalescer);
	memcpy(bytes, data, size);
	decapsulate_udp(&worker, &o, bytes, size);
	coalesce_flush(&worker.receiver->coalescer);
	free(bytes);
	return 0;
}
