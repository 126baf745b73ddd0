/* SPDX-License-Identifier: ISC */
#include "bench/load.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define RUNS_MAX 100
#define SECONDS_MAX 600
#define WARM_UP_US 1000000
#define WARM_UP_LIMIT_US 300000000
#define READY_US 10000000

void load_fail(struct load *l, const char *why)
{
	if (!l->failure)
		l->failure = why;
	event_base_loopbreak(l->base);
}

void load_inspected(struct load *l, enum pbtnc_recommendation recommendation, int64_t us)
{
	l->inspections++;
	l->all_inspections++;
	l->allowed += recommendation == PBTNC_ACCESS_ALLOWED;
	l->latencies[l->latencies_seen++ % LOAD_LATENCIES] = (uint32_t)MIN(us, (int64_t)UINT32_MAX);
}

void load_next(struct load *l)
{
	for (size_t tries = 0; tries < l->n_nodes && !l->failure; tries++) {
		struct load_node *n = &l->nodes[l->next++ % l->n_nodes];
		if (!n->is_busy) {
			load_node_inspect(n);
			return;
		}
	}
}

/* ---- processor time ---- */

static double own_cpu(void)
{
	struct rusage u;
	(void)getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	        (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* proc(5): fields 14 and 15 of stat, in clock ticks; the name in parentheses may hold anything. */
static double cpu_of(pid_t pid)
{
	char path[64], text[1024];
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *f = fopen(path, "re");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
	if (f)
		(void)fclose(f);
	text[n] = '\0';
	char *at = strrchr(text, ')');
	for (int field = 2; at && field < 14; field++) {
		at = strchr(at, ' ');
		at = at ? at + 1 : NULL;
	}
	if (!at)
		return 0;
	unsigned long user = strtoul(at, &at, 10), system = strtoul(at, NULL, 10);
	return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

/* ---- runs ---- */

struct run {
	double rate, server_cpu, own_cpu, median_ms, worst_ms, allowed;
};

static int compare_latencies(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

static int compare_runs(const void *a, const void *b)
{
	const struct run *x = a, *y = b;
	return x->rate < y->rate ? -1 : x->rate > y->rate;
}

void load_loop_for(struct load *l, int64_t us)
{
	const struct timeval limit = { us / 1000000, us % 1000000 };
	if (l->failure)
		return;
	event_base_loopexit(l->base, &limit);
	event_base_dispatch(l->base);
}

static void run_once(struct load *l, pid_t server, int64_t us, struct run *ret)
{
	l->inspections = l->allowed = l->latencies_seen = 0;
	double server_before = cpu_of(server), own_before = own_cpu();
	int64_t begun = clock_monotonic_us();
	load_loop_for(l, us);
	double seconds = (double)(clock_monotonic_us() - begun) / 1e6, n = (double)MAX(l->inspections, 1u);
	size_t kept = MIN(l->latencies_seen, (uint64_t)LOAD_LATENCIES), late = kept / 100;
	qsort(l->latencies, kept, sizeof(*l->latencies), compare_latencies);
	const size_t middle = kept / 2;
	*ret = (struct run){ .rate = (double)l->inspections / seconds,
		.server_cpu = (cpu_of(server) - server_before) * 1e3 / n,
		.own_cpu = (own_cpu() - own_before) * 1e3 / n,
		.median_ms = kept ? (double)l->latencies[middle] / 1e3 : 0,
		.worst_ms = kept ? (double)l->latencies[kept - 1 - late] / 1e3 : 0,
		.allowed = (double)l->allowed * 100 / n };
}

static void print_runs(const struct load *l, struct run *runs, size_t n)
{
	qsort(runs, n, sizeof(*runs), compare_runs);
	const struct run *m = &runs[n / 2];
	const struct load_inventory *sample = &l->nodes[0].inventories[0];
	printf("  %.0f inspections/s (median of %zu runs; %.0f to %.0f), %zu nodes, %zu at a time, %zu "
	       "packages and "
	       "%zu KB each, %.0f%% admitted\n",
	        m->rate, n, runs[0].rate, runs[n - 1].rate, l->n_nodes, l->at_once, sample->n_packages,
	        sample->n_bytes / 1000, m->allowed);
	printf("  one takes %.2f ms (median) and %.2f ms (99th of 100) with so many at a time\n",
	        m->median_ms, m->worst_ms);
	printf("  where the time goes: server %.2f ms CPU an inspection, generator and its enforcer %.2f "
	       "ms\n",
	        m->server_cpu, m->own_cpu);
	printf("rate %.1f\n", m->rate); /* for the script */
}

static int generate(struct load *l, pid_t server, size_t runs, int64_t us)
{
	struct run list[RUNS_MAX] = { 0 };
	struct error err = { "" };
	if (l->are_agents)
		return load_agents(l);
	if (load_enforcer_start(l, &err) < 0) {
		fprintf(stderr, "load: %s\n", err.text);
		return 1;
	}
	if (l->is_enforcer) {
		event_base_dispatch(l->base); /* until it is killed */
		return 1;
	}
	int64_t limit = clock_monotonic_us() + READY_US;
	while (!l->enforcer_ready && !l->failure && clock_monotonic_us() < limit)
		load_loop_for(l, 20000);
	if (!l->enforcer_ready)
		load_fail(l, "the server does not greet the enforcer");
	for (size_t i = 0; i < l->at_once; i++)
		load_next(l);
	/* Every node has been inspected once, and connected, before anything is counted. */
	limit = clock_monotonic_us() + WARM_UP_LIMIT_US;
	while (l->all_inspections < l->n_nodes && !l->failure && clock_monotonic_us() < limit)
		load_loop_for(l, WARM_UP_US);
	for (size_t i = 0; i < runs && !l->failure; i++)
		run_once(l, server, us, &list[i]);
	if (!l->failure && list[0].rate > 0)
		print_runs(l, list, runs);
	else
		fprintf(stderr, "load: %s\n", l->failure ? l->failure : "nothing was inspected");
	return l->failure || list[0].rate <= 0;
}

static int run(struct load *l, char **argv)
{
	struct error err = { "" };
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) },
		.sin_port = htons((uint16_t)strtoul(argv[4], NULL, 10)) };
	memcpy(&l->node_address, &address, sizeof(address));
	address.sin_port = htons((uint16_t)strtoul(argv[5], NULL, 10));
	memcpy(&l->enforcer_address, &address, sizeof(address));
	l->at_once = MIN(strtoul(argv[11], NULL, 10), l->n_nodes);
	l->new_connections = strcmp(argv[1], "new") == 0 || strcmp(argv[1], "back") == 0;
	l->are_agents = strcmp(argv[1], "agents") == 0;
	l->is_enforcer = strcmp(argv[1], "enforcer") == 0;
	l->presents = l->are_agents || strcmp(argv[1], "present") == 0 || strcmp(argv[1], "back") == 0;
	l->base = event_base_new();
	int code = 1;
	size_t runs = strtoul(argv[9], NULL, 10);
	double seconds = strtod(argv[10], NULL);
	if (runs == 0 || runs > RUNS_MAX || l->at_once == 0 || !(seconds > 0 && seconds <= SECONDS_MAX) ||
	        !l->base) {
		fputs("load: wrong numbers\n", stderr);
	} else if (load_read_site(l, argv[7], strtoul(argv[8], NULL, 10), &err) < 0) {
		fprintf(stderr, "load: %s\n", err.text);
	} else {
		code = generate(l, (pid_t)strtol(argv[6], NULL, 10), runs, (int64_t)(seconds * 1e6));
	}
	l->stopping = true;
	for (size_t i = 0; l->nodes && i < l->n_nodes; i++)
		load_node_stop(&l->nodes[i]);
	load_enforcer_stop(l);
	load_clear_site(l);
	if (l->base)
		event_base_free(l->base);
	return code;
}

static bool is_mode(const char *word)
{
	static const char *const modes[] = { "open", "new", "present", "back", "agents", "enforcer" };
	for (size_t i = 0; i < ARRAY_LENGTH(modes); i++)
		if (strcmp(word, modes[i]) == 0)
			return true;
	return false;
}

int main(int argc, char **argv)
{
	struct load *l = xcalloc(1, sizeof(*l));
	struct error err = { "" };
	int code = 2;
	l->n_nodes = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;
	l->dir = argc > 3 ? argv[2] : NULL;
	if (argc == 4 && strcmp(argv[1], "prepare") == 0 && l->n_nodes <= LOAD_NODES_MAX) {
		code = load_prepare(l->dir, l->n_nodes, &err) < 0;
		if (code)
			fprintf(stderr, "load: %s\n", err.text);
	} else if (argc == 12 && is_mode(argv[1]) && l->n_nodes > 0 && l->n_nodes <= LOAD_NODES_MAX) {
		code = run(l, argv);
	} else {
		fputs("usage: load prepare DIR NODES\n"
		      "       load open|new|present|back|agents|enforcer DIR NODES NODE-PORT ENFORCER-PORT "
		      "SERVER-PID "
		      "STATUS-FILE "
		      "PACKAGES RUNS SECONDS "
		      "AT-ONCE\n\n"
		      "prepare: a CA and certificates of srv, load, node-0 ... in DIR\n"
		      "open:    inspections on connections that stay open\n"
		      "new:     a new connection for each inspection\n"
		      "present: as open, but each presents its certificate and an unchanged posture\n"
		      "back:    the same with a new connection each, as agents do that come back\n"
		      "agents:  all stay connected (RUNS and SECONDS do not count, and the enforcer is "
		      "another process); says when they "
		      "are held, and, "
		      "when they have lost\n"
		      "         their connections, when all are back\n"
		      "enforcer: only that\n",
		        stderr);
	}
	free(l);
	return code;
}
