/* SPDX-License-Identifier: ISC */
/*
 * A server that moves nodes and looks at the clock: from the moment at which a decision is written to the
 * enforcer's socket to that at which its acknowledgement has come, after the kernel's commit.
 *
 *   switch SOCKET POLICY NODES SINGLES RUNS PID PEER-FILES
 *
 * waits for the enforcer (PID, for its CPU time) and NODES attachments, puts all into the first of two
 * segments, then moves SINGLES nodes one by one, and all at once RUNS times, each way in turn. To
 * PEER-FILES.one and .all it writes the same moves as commands for nft, which must not run while the enforcer
 * does.
 */
#include "enforcer/dry_run.h"
#include "enforcer/segments.h"

#include <errno.h>
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <poll.h>

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define BATCH 4096 /* placements in one PLACE */
#define WAIT_MS 60000
#define LIFE_MS 3600000

struct node {
	char port[16];
	struct mac_address mac;
	struct ip_address v6, v4;
	bool second; /* of the two segments */
};

struct bench {
	int fd;
	struct writer in, out;
	struct node *nodes;
	size_t n_nodes, wanted;
	struct ipc_segments policy;
	const struct ipc_segment *segments[2];
	uint64_t generation, acknowledged;
	uint32_t latency_us; /* as the enforcer measured it, of the last acknowledgement */
	uint64_t refused;
	int pid;
};

static void die(const char *what)
{
	fprintf(stderr, "switch: %s\n", what);
	exit(1);
}

/* ---- the conversation ---- */

static void push(struct bench *b, enum ipc_number number, const void *body)
{
	struct error err;
	if (ipc_encode(&b->out, number, body, &err) < 0)
		die(err.text);
}

static void flush(struct bench *b)
{
	for (size_t at = 0; at < b->out.length;) {
		ssize_t n = send(b->fd, b->out.data + at, b->out.length - at, MSG_NOSIGNAL);
		if (n <= 0)
			die("the enforcer went away");
		at += (size_t)n;
	}
	wr_reset(&b->out);
}

static struct node *find_node(struct bench *b, const struct ipc_attachment *a)
{
	/* They come in any order, and again with each address: by the MAC's last bytes, which count them. */
	size_t i = (size_t)a->mac.bytes[3] << 16 | (size_t)a->mac.bytes[4] << 8 | a->mac.bytes[5];
	return i < b->wanted ? &b->nodes[i] : NULL;
}

static void take_attachments(struct bench *b, const struct ipc_attachments *m)
{
	for (size_t i = 0; i < m->n_attachments; i++) {
		const struct ipc_attachment *a = &m->attachments[i];
		struct node *node = find_node(b, a);
		if (!node || !a->present)
			continue;
		bool was_whole = *node->port;
		for (size_t j = 0; j < a->n_addresses; j++)
			*(ip_is_v4(&a->addresses[j].ip) ? &node->v4 : &node->v6) = a->addresses[j].ip;
		if (a->n_addresses < 2 || was_whole)
			continue;
		snprintf(node->port, sizeof(node->port), "%s", a->port);
		node->mac = a->mac;
		b->n_nodes++;
	}
}

static void take(struct bench *b, const struct ipc_message *m)
{
	const struct ipc_applied *applied = m->body;
	if (m->number == IPC_ATTACHMENTS) {
		take_attachments(b, m->body);
	} else if (m->number == IPC_APPLIED) {
		b->acknowledged = applied->generation;
		b->latency_us = applied->latency_us;
		b->refused += applied->n_refusals;
	}
}

/* Until something came, and all of it is taken. */
static void listen_once(struct bench *b)
{
	uint8_t buffer[262144];
	struct pollfd p = { b->fd, POLLIN, 0 };
	size_t size;
	if (poll(&p, 1, WAIT_MS) != 1)
		die("the enforcer is silent");
	ssize_t n = recv(b->fd, buffer, sizeof(buffer), 0);
	if (n <= 0)
		die("the enforcer went away");
	wr_bytes(&b->in, buffer, (size_t)n);
	while (ipc_frame_size(b->in.data, b->in.length, IPC_FRAME_MAX, &size) > 0 && size <= b->in.length) {
		struct ipc_message m;
		struct error err;
		if (ipc_decode(b->in.data, size, &m, &err) < 0)
			die(err.text);
		take(b, &m);
		ipc_message_clear(&m);
		wr_consume(&b->in, size);
	}
}

static void meet(struct bench *b, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 1) < 0)
		die(strerror(errno));
	struct pollfd p = { fd, POLLIN, 0 };
	printf("ready\n");
	fflush(stdout);
	if (poll(&p, 1, WAIT_MS) != 1 || (b->fd = accept(fd, NULL, NULL)) < 0)
		die("no enforcer came");
	close(fd);
	push(b, IPC_HELLO,
	        &(struct ipc_hello){
	                .role = (char *)"server", .name = (char *)"bench", .version = IPC_VERSION });
	push(b, IPC_SEGMENTS, &b->policy);
	flush(b);
	while (b->n_nodes < b->wanted)
		listen_once(b);
}

/* ---- moves ---- */

static void fill(struct bench *b, struct node *node, struct ipc_placement *p)
{
	*p = (struct ipc_placement){ .port = node->port,
		.mac = node->mac,
		.mark = b->segments[node->second]->mark,
		.expires_ms = clock_wall_ms() + LIFE_MS,
		.generation = b->generation };
}

/* Nodes from first on, each into its segment; returns the microseconds until all is acknowledged. */
static int64_t place(struct bench *b, size_t first, size_t count)
{
	struct ipc_placement *list = xcalloc(BATCH, sizeof(*list));
	int64_t start = clock_monotonic_us();
	for (size_t done = 0; done < count;) {
		struct ipc_place m = { .generation = ++b->generation, .placements = list };
		while (m.n_placements < BATCH && done < count)
			fill(b, &b->nodes[first + done++], &list[m.n_placements++]);
		push(b, IPC_PLACE, &m);
		flush(b);
	}
	while (b->acknowledged < b->generation)
		listen_once(b);
	int64_t took = clock_monotonic_us() - start;
	free(list);
	return took;
}

/* ---- figures ---- */

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return x < y ? -1 : x > y;
}

struct cpu {
	double user, system; /* seconds */
};

static struct cpu cpu_of(int pid)
{
	char path[64], line[1024] = "";
	unsigned long user = 0, system = 0;
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	FILE *f = fopen(path, "r");
	if (f && fgets(line, sizeof(line), f)) {
		const char *end = strrchr(line, ')');
		if (end)
			sscanf(end + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
			        &system);
	}
	if (f)
		fclose(f);
	double hz = (double)sysconf(_SC_CLK_TCK);
	return (struct cpu){ (double)user / hz, (double)system / hz };
}

static void move_singly(struct bench *b, size_t count)
{
	int64_t *took = xcalloc(count, sizeof(*took)), *inside = xcalloc(count, sizeof(*inside));
	struct cpu before = cpu_of(b->pid);
	for (size_t i = 0; i < count; i++) {
		size_t n = i * 7919 % b->n_nodes;
		b->nodes[n].second = !b->nodes[n].second;
		took[i] = place(b, n, 1);
		inside[i] = b->latency_us;
	}
	struct cpu after = cpu_of(b->pid);
	qsort(took, count, sizeof(*took), compare);
	qsort(inside, count, sizeof(*inside), compare);
	printf("one %.3f %.3f %.3f %.3f %.1f %.1f\n", (double)took[count / 2] / 1000,
	        (double)took[count - 1 - count / 100] / 1000, (double)inside[count / 2] / 1000,
	        (double)inside[count - 1 - count / 100] / 1000,
	        (after.user - before.user) * 1e6 / (double)count,
	        (after.system - before.system) * 1e6 / (double)count);
	free(took);
	free(inside);
}

static void move_all(struct bench *b, size_t runs)
{
	for (size_t run = 0; run < runs; run++) {
		struct cpu before = cpu_of(b->pid);
		for (size_t i = 0; i < b->n_nodes; i++)
			b->nodes[i].second = run % 2 == 0;
		int64_t took = place(b, 0, b->n_nodes);
		struct cpu after = cpu_of(b->pid);
		printf("all %.3f %.2f %.2f\n", (double)took / 1e6, after.user - before.user,
		        after.system - before.system);
	}
}

/* ---- the peer's commands ---- */

static void write_moves(struct bench *b, const char *name, const char *suffix, size_t count)
{
	char path[256], text[IP_TEXT_SIZE], mac[32];
	snprintf(path, sizeof(path), "%s.%s", name, suffix);
	FILE *out = fopen(path, "w");
	if (!out)
		die(strerror(errno));
	for (size_t i = 0; i < count; i++) {
		const struct node *n = &b->nodes[i];
		const uint8_t *m = n->mac.bytes;
		unsigned mark = b->segments[!n->second]->mark;
		snprintf(mac, sizeof(mac), "0x%02x%02x%02x%02x%02x%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
		fprintf(out, "delete element bridge pratique placed_0 { \"%s\" . %s }\n", n->port, mac);
		fprintf(out, "delete element inet pratique nodes6 { \"br-nodes\" . %s }\n",
		        ip_format(&n->v6, text));
		fprintf(out, "delete element inet pratique nodes4 { \"br-nodes\" . %s }\n",
		        ip_format(&n->v4, text));
		fprintf(out, "add element bridge pratique placed_0 { \"%s\" . %s timeout 1h : 0x%x }\n",
		        n->port, mac, mark);
		fprintf(out, "add element inet pratique nodes6 { \"br-nodes\" . %s timeout 1h : 0x%x }\n",
		        ip_format(&n->v6, text), mark);
		fprintf(out, "add element inet pratique nodes4 { \"br-nodes\" . %s timeout 1h : 0x%x }\n",
		        ip_format(&n->v4, text), mark);
	}
	fclose(out);
}

static void load_policy(struct bench *b, const char *path)
{
	struct policy *p;
	struct error err;
	if (policy_load(path, NULL, NULL, &p, &err) < 0)
		die(err.text);
	dry_run_segments(p, &b->policy);
	policy_free(p);
	b->segments[0] = segments_by_name(&b->policy, "staff");
	b->segments[1] = segments_by_name(&b->policy, "visitors");
	if (!b->segments[0] || !b->segments[1])
		die("the policy has no segments staff and visitors");
}

/* In the real-time class, as the enforcer: our own waiting for a core is not what is asked. */
static void hurry(void)
{
	struct sched_attr a = { .size = sizeof(a), .sched_policy = SCHED_RR, .sched_priority = 1 };
	if (syscall(SYS_sched_setattr, 0, &a, 0) < 0)
		fprintf(stderr, "switch: %s: the figures hold our own waiting, too\n", strerror(errno));
}

int main(int argc, char **argv)
{
	struct bench b = { .in = wr_make(IPC_FRAME_MAX), .out = wr_make(IPC_FRAME_MAX) };
	if (argc != 8) {
		fputs("usage: switch SOCKET POLICY NODES SINGLES RUNS PID-FILE PEER-FILES\n", stderr);
		return 2;
	}
	hurry();
	b.wanted = strtoul(argv[3], NULL, 10);
	b.nodes = xcalloc(b.wanted, sizeof(*b.nodes));
	load_policy(&b, argv[2]);
	meet(&b, argv[1]);
	FILE *pid = fopen(argv[6], "r");
	if (!pid || fscanf(pid, "%d", &b.pid) != 1)
		die("the enforcer's PID is not known");
	fclose(pid);
	(void)place(&b, 0, b.n_nodes);
	if (b.refused)
		die("the enforcer refused placements");
	move_singly(&b, strtoul(argv[4], NULL, 10));
	move_all(&b, strtoul(argv[5], NULL, 10));
	write_moves(&b, argv[7], "one", 1);
	write_moves(&b, argv[7], "all", b.n_nodes);
	close(b.fd);
	ipc_body_clear(IPC_SEGMENTS, &b.policy);
	wr_free(&b.in);
	wr_free(&b.out);
	free(b.nodes);
	return b.refused ? 1 : 0;
}
