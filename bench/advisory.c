/* SPDX-License-Identifier: ISC */
/*
 * From a new advisory to the last node that it affects: decided anew, its certificate revoked, the
 * enforcement point told, and all of it on the disk. The site is the server's own, with its store and an
 * index of advisories; what lies around it (connections of nodes and enforcers) is counted only.
 *
 *   advisory DIRECTORY STATUS NODES PACKAGES
 *
 * Every node is inspected once by the server's own code, with packages of its own choice out of those that
 * STATUS (of dpkg) has and of three versions each. Then the server is started again, and advisories come
 * about packages that 1%, 10% and all of the nodes have in an old version.
 */
#include "base/table.h"
#include "crypto/key.h"
#include "posture/dpkg.h"
#include "server/reverse.h"
#include "server/site.h"
#include "vuln/update.h"

#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define SLICE_US 8000 /* as the server works before its loop turns (SERVER_WORK_US) */
#define STEPS 16
#define RECORDS 8 /* advisories about each package that no node has the versions of */
#define GATEWAYS 100
#define TARGETS 3
#define POLICY \
	"define server { address 2001:db8::2 tcp 271 }\n" \
	"segment quarantine default { allow to server }\n" \
	"segment isolated { allow to server }\n" \
	"segment staff level 2 { allow to any }\n" \
	"require patched { no advisory where severity >= high and fixed }\n" \
	"require firewall { firewall.active }\n" \
	"require fresh { updates.age < 7 days }\n" \
	"admit to staff when patched, firewall, fresh\n" \
	"otherwise isolated\n" \
	"inspect every 30 min certificate lifetime 60 min\n"

static const struct target {
	const char *package;
	unsigned one_in; /* nodes that have it in the old version */
} targets[TARGETS] = { { "bench-rare", 100 }, { "bench-some", 10 }, { "bench-all", 1 } };
/* The others do not have it at all: an index that went on while the server was away says no more than names.
 */
static const struct target alone = { "bench-alone", 100 };

struct bench {
	const char *dir;
	size_t n_nodes, n_packages;
	struct posture *pool;
	struct store *store;
	struct site *site;
	EVP_PKEY *key;
	struct vuln_update *update;
	uint64_t placed, urgent, retried;
	uint64_t program; /* that judges */
	uint64_t commits;
};

static _Noreturn void fail(const char *what, const struct error *err)
{
	fprintf(stderr, "advisory: %s: %s\n", what, err->text);
	exit(1);
}

/* ---- what the site tells ---- */

static void on_place(void *context, struct site_attachment *a, bool urgent)
{
	struct bench *b = context;
	b->placed++;
	b->urgent += urgent;
}

static void on_retry(void *context, struct site_attachment *a)
{
	((struct bench *)context)->retried++;
	a->retry_asked = false;
}

static void on_attachment(void *context, struct site_attachment *a)
{
}

static void on_event(void *context, const struct store_event *e)
{
}

static void on_work(void *context)
{
}

static const struct site_effects effects = { on_place, on_retry, on_attachment, on_event, on_work };

/* ---- measuring ---- */

struct moment {
	int64_t wall_us, cpu_us;
};

static int64_t as_us(const struct timeval *t)
{
	return t->tv_sec * 1000000LL + t->tv_usec;
}

static struct moment moment_now(void)
{
	struct rusage usage;
	(void)getrusage(RUSAGE_SELF, &usage);
	return (struct moment){ clock_monotonic_us(), as_us(&usage.ru_utime) + as_us(&usage.ru_stime) };
}

static double seconds(int64_t us)
{
	return (double)us / 1e6;
}

static double resident_mb(const char *field)
{
	char line[256];
	double kb = 0;
	FILE *f = fopen("/proc/self/status", "re");
	const size_t n = strlen(field);
	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, field, n) == 0 && line[n] == ':')
			kb = strtod(line + n + 1, NULL);
	if (f)
		(void)fclose(f);
	return kb / 1000;
}

static void say(const char *what, const struct moment *begun)
{
	const struct moment now = moment_now();
	printf("  %-44s %8.3f s wall  %8.3f s CPU  %8.0f MB resident\n", what,
	        seconds(now.wall_us - begun->wall_us), seconds(now.cpu_us - begun->cpu_us),
	        resident_mb("VmRSS"));
	(void)fflush(stdout);
}

/* ---- advisories ---- */

static void put_record(
        struct bench *b, const char *id, const char *package, const char *fixed, bool is_withdrawn)
{
	struct error err = { "" };
	char *text FREE_ON_EXIT = xasprintf(
	        "{\"id\":\"%s\",\"modified\":\"2026-01-%02dT00:00:00Z\",\"published\":\"2026-01-01T00:00:"
	        "00Z\"%s,"
	        "\"database_specific\":{\"severity\":\"HIGH\"},\"affected\":[{\"package\":{\"ecosystem\":"
	        "\"Debian:12\",\"name\":\"%s\"},\"ranges\":[{\"type\":\"ECOSYSTEM\",\"events\":["
	        "{\"introduced\":\"0\"},{\"fixed\":\"%s\"}]}]}]}",
	        id, is_withdrawn ? 3 : 2, is_withdrawn ? ",\"withdrawn\":\"2026-01-03T00:00:00Z\"" : "",
	        package, fixed);
	if (vuln_update_put(b->update, "bench", text, strlen(text), &err) < 0)
		fail(id, &err);
}

static void open_index(struct bench *b)
{
	char *dir FREE_ON_EXIT = xasprintf("%s/index", b->dir);
	struct error err = { "" };
	if (vuln_update_open(dir, &b->update, &err) < 0)
		fail(dir, &err);
}

static void make_index(struct bench *b)
{
	struct vuln_update_result result;
	struct error err = { "" };
	open_index(b);
	for (size_t i = 0; i < b->pool->n_packages; i++)
		for (unsigned k = 0; k < RECORDS; k++) {
			char *id FREE_ON_EXIT = xasprintf("BENCH-%zu-%u", i, k);
			put_record(b, id, b->pool->packages[i].source, "0~~", false);
		}
	if (vuln_update_commit(b->update, clock_wall_ms(), NULL, NULL, &result, &err) < 0)
		fail("the index", &err);
}

/* ---- nodes ---- */

static unsigned draw(size_t node, size_t package)
{
	uint64_t h = (node * 0x9e3779b97f4a7c15ull) ^ (package * 0xc2b2ae3d27d4eb4full);
	h ^= h >> 29;
	return (unsigned)((h * 0xbf58476d1ce4e5b9ull) >> 40);
}

/* One node in eight has a package in one of two older versions; but for the kernel, whose signed packages
 * have versions of a form of their own. */
static void add_package(struct posture *p, const struct posture_package *from, unsigned roll)
{
	struct posture_package own = *from;
	char version[VERSION_MAX + 16];
	if (roll % 8 == 0 && strncmp(from->source, "linux", 5) != 0) {
		snprintf(version, sizeof(version), "%s~old%u", from->version, roll / 8 % 2);
		own.version = posture_string(p, version);
		own.source_version = own.version;
	}
	(void)posture_add_package(p, &own);
}

static struct posture *make_posture(const struct bench *b, size_t number)
{
	struct posture *p = posture_new();
	const size_t pool = b->pool->n_packages, first = draw(number, 0) % pool;
	p->os_id = "debian";
	p->os_version = "12";
	p->os_codename = "bookworm";
	p->os_name = "Debian GNU/Linux 12 (bookworm)";
	p->architecture = "amd64";
	p->kernel_running = p->kernel_installed = "6.1.0-30-amd64";
	p->packages_known = p->updates_known = true;
	p->updates_checked = clock_wall_ms() / 1000 * 1000;
	p->firewall_active = TRI_YES;
	for (size_t i = 0; p->n_packages + TARGETS < b->n_packages && i < pool; i++) {
		const struct posture_package *one = &b->pool->packages[(first + i) % pool];
		if (!strstr(one->version, "~bpo")) /* is judged by another release's advisories */
			add_package(p, one, draw(number, i + 1));
	}
	for (size_t i = 0; i < TARGETS; i++) {
		const char *version = number % targets[i].one_in == 0 ? "1.0" : "2.0";
		(void)posture_add_package(p,
		        &(struct posture_package){ "deb", targets[i].package, version, "amd64",
		                targets[i].package, version, 0 });
	}
	if (number % alone.one_in == 0)
		(void)posture_add_package(p,
		        &(struct posture_package){
		                "deb", alone.package, "1.0", "amd64", alone.package, "1.0", 0 });
	return p;
}

static struct site_attachment *attach(struct bench *b, size_t number, time_ms now)
{
	char gateway[32], port[32];
	const struct mac_address mac = { { 2, 0, (uint8_t)(number >> 24), (uint8_t)(number >> 16),
		(uint8_t)(number >> 8), (uint8_t)number } };
	snprintf(gateway, sizeof(gateway), "gateway-%zu", number % GATEWAYS);
	snprintf(port, sizeof(port), "port-%zu", number / GATEWAYS);
	struct site_attachment *a = site_see_attachment(b->site, gateway, port, &mac, now);
	struct ip_address addresses[2] = { { { 0x20, 1, 0xd, 0xb8 } }, { { [10] = 0xff, [11] = 0xff, 10 } } };
	memcpy(addresses[0].bytes + 12, mac.bytes + 2, 4);
	memcpy(addresses[1].bytes + 13, mac.bytes + 3, 3);
	site_set_addresses(a, addresses, 2);
	a->present = true;
	return a;
}

static void commit(struct bench *b)
{
	struct error err = { "" };
	if (!store_has_work(b->store))
		return;
	b->commits++;
	if (store_commit(b->store, &err) < 0)
		fail("the store", &err);
}

static _Noreturn void fail_outcome(const struct site_outcome *o)
{
	struct error err = { "" };
	if (o->decision.n_findings)
		(void)error_set(&err, 0, "%s", o->decision.findings[0].text);
	fail("a node was not admitted", &err);
}

static void inspect_all(struct bench *b)
{
	for (size_t i = 0; i < b->n_nodes; i++) {
		const time_ms now = clock_wall_ms();
		uint8_t thumbprint[32] = { 0 };
		char name[32];
		struct site_outcome o;
		memcpy(thumbprint, &i, sizeof(i));
		snprintf(name, sizeof(name), "node-%zu", i);
		struct site_node *node = site_see_node(b->site, name, thumbprint, name, now);
		struct site_posture *p = site_posture_new(b->site->catalogue, make_posture(b, i));
		if (!node || site_take_posture(b->site, node, p, true, now) < 0)
			fail("a posture was refused", &(struct error){ "" });
		site_judge(b->site, node, attach(b, i, now), "inspection", NULL, now, &o);
		if (!o.compliant)
			fail_outcome(&o);
		site_outcome_clear(&o);
		if (i % 512 == 511)
			commit(b);
		if (i % 10000 == 9999)
			fprintf(stderr, "\r  inspected %zu of %zu nodes", i + 1, b->n_nodes);
	}
	commit(b);
	fputs("\r\033[K", stderr);
}

/* ---- the server ---- */

static void open_server(struct bench *b)
{
	struct error err = { "" };
	struct policy *policy = NULL;
	struct vuln_index *index = NULL;
	char *state FREE_ON_EXIT = xasprintf("%s/state", b->dir),
	            *dir FREE_ON_EXIT = xasprintf("%s/index", b->dir);
	if (policy_parse("policy", POLICY, strlen(POLICY), NULL, NULL, &policy, &err) < 0 ||
	        store_open(state, &b->store, &err) < 0 ||
	        site_open(b->store, policy, b->key, "bench", &effects, b, &b->site, &err) < 0)
		fail("the site", &err);
	vuln_update_close(b->update); /* LMDB wants a file once in a process */
	b->update = NULL;
	if (vuln_index_open(dir, &index, &err) < 0)
		fail("the index", &err);
	b->site->is_starting = true;
	b->site->program = b->program;
	site_set_index(b->site, index, clock_wall_ms());
}

static void close_server(struct bench *b)
{
	commit(b);
	store_close(b->store);
	site_close(b->site);
}

/* The turns of the loop, until nobody waits and all is on the disk. */
static void work(struct bench *b)
{
	bool more = true;
	while (more || store_has_work(b->store)) {
		const int64_t end = clock_monotonic_us() + SLICE_US;
		const time_ms now = clock_wall_ms();
		do
			more = site_work(b->site, now, STEPS);
		while (more && clock_monotonic_us() < end);
		commit(b);
	}
}

static size_t count_in(const struct bench *b, const char *segment)
{
	size_t n = 0;
	TABLE_FOREACH(it, b->site->attachments) {
		const struct site_attachment *a = it.value;
		n += strcmp(a->handed.segment, segment) == 0;
	}
	return n;
}

/* ---- another process ---- */

/* What pratique-vis does: LMDB wants a file to be open once in a process. */
static int publish(const char *dir, const char *package, bool is_withdrawn)
{
	struct bench b = { .dir = dir };
	struct vuln_update_result result;
	struct error err = { "" };
	open_index(&b);
	put_record(&b, package, package, "1.5", is_withdrawn);
	if (vuln_update_commit(b.update, clock_wall_ms(), NULL, NULL, &result, &err) < 0)
		fail("the index", &err);
	vuln_update_close(b.update);
	return result.keys_changed == 1 ? 0 : 1;
}

static void run_publish(const struct bench *b, const struct target *t, bool is_withdrawn)
{
	char *const argv[] = { (char *)"advisory", (char *)"publish", (char *)(uintptr_t)b->dir,
		(char *)(uintptr_t)t->package, (char *)(is_withdrawn ? "1" : "0"), NULL };
	int status;
	pid_t pid;
	if (posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ) != 0 ||
	        waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status))
		fail("publishing an advisory", &(struct error){ "" });
}

/* ---- measurements ---- */

static void change(struct bench *b, const struct target *t, bool is_withdrawn, const char *segment)
{
	const size_t share = b->n_nodes / t->one_in;
	char what[80];
	run_publish(b, t, is_withdrawn);
	b->commits = b->placed = 0;
	const uint64_t judged = b->site->counters.judgements_again;
	const struct moment begun = moment_now();
	site_index_moved(b->site, clock_wall_ms());
	work(b);
	snprintf(what, sizeof(what), "%s, %zu nodes (%u%%)", is_withdrawn ? "withdrawn" : "new advisory",
	        share, 100 / t->one_in);
	say(what, &begun);
	const size_t there = count_in(b, segment), want = is_withdrawn ? b->n_nodes : share;
	printf("    %llu judged, %llu placements told, %llu commits; %zu nodes in %s%s\n",
	        (unsigned long long)(b->site->counters.judgements_again - judged),
	        (unsigned long long)b->placed, (unsigned long long)b->commits, there, segment,
	        there == want ? "" : ": WRONG");
	if (there != want)
		exit(1);
}

static void print_sizes(struct bench *b)
{
	const struct reverse_size r = reverse_size(b->site->reverse);
	const struct policy_memo_counters m = policy_memo_counters(b->site->memo);
	printf("  reverse index: %zu packages, %zu names, %.1f MB; memo: %zu rows, %.1f MB\n", r.packages,
	        r.names, (double)r.bytes / 1e6, m.rows, (double)m.bytes / 1e6);
}

static void restart(struct bench *b, size_t want)
{
	char what[80];
	struct moment begun = moment_now();
	open_server(b);
	say("opened: store, numbers, reverse index", &begun);
	begun = moment_now();
	const uint32_t *ids;
	(void)reverse_packages_of(b->site->reverse, targets[0].package, &ids);
	say("  of that left for the first question", &begun);
	begun = moment_now();
	site_start(b->site, clock_wall_ms());
	work(b);
	snprintf(what, sizeof(what), "%llu nodes judged by the start",
	        (unsigned long long)b->site->counters.judgements_again);
	say(what, &begun);
	if (b->site->counters.judgements_again != want) {
		printf("    %zu should have been: WRONG\n", want);
		exit(1);
	}
}

static void rest(struct bench *b)
{
	const struct moment begun = moment_now();
	while (site_leisure(b->site, clock_wall_ms(), STEPS))
		commit(b);
	work(b);
	say("the others judged at leisure", &begun);
	print_sizes(b);
}

int main(int argc, char **argv)
{
	struct bench b = { 0 };
	struct error err = { "" };
	if (argc == 5 && strcmp(argv[1], "publish") == 0)
		return publish(argv[2], argv[3], argv[4][0] == '1');
	if (argc != 5) {
		fputs("usage: advisory DIRECTORY STATUS NODES PACKAGES\n", stderr);
		return 2;
	}
	b.dir = argv[1];
	b.n_nodes = strtoul(argv[3], NULL, 10);
	b.n_packages = strtoul(argv[4], NULL, 10);
	b.pool = posture_new();
	if (dpkg_read_status(argv[2], b.pool, &err) < 0 || key_generate(KEY_P256, &b.key, &err) < 0)
		fail(argv[2], &err);
	struct moment begun = moment_now();
	make_index(&b);
	b.program = 1;
	open_server(&b);
	site_start(b.site, clock_wall_ms());
	inspect_all(&b);
	work(&b);
	say("inspected and stored", &begun);
	close_server(&b);
	printf("started again by another program\n");
	b.program = 2;
	restart(&b, b.n_nodes);
	close_server(&b);
	printf("started again, an advisory came meanwhile\n");
	run_publish(&b, &alone, false);
	restart(&b, b.n_nodes / alone.one_in);
	if (count_in(&b, "isolated") != b.n_nodes / alone.one_in)
		fail("not all of them are isolated", &(struct error){ "" });
	close_server(&b);
	run_publish(&b, &alone, true);
	restart(&b, b.n_nodes / alone.one_in * 2); /* who gets better is put off once */
	close_server(&b);
	printf("started again, nothing changed\n");
	restart(&b, 0);
	rest(&b);
	for (size_t i = 0; i < TARGETS; i++) {
		change(&b, &targets[i], false, "isolated");
		change(&b, &targets[i], true, "staff");
	}
	printf("  peak memory %.0f MB\n", resident_mb("VmHWM"));
	close_server(&b);
	EVP_PKEY_free(b.key);
	posture_free(b.pool);
	return 0;
}
