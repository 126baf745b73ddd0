/* SPDX-License-Identifier: ISC */
#include "tests/unit/server/site_bed.h"
#include "policy/evaluation.h"
#include "server/again.h"
#include "server/reverse.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define POLICY \
	"define server { address 2001:db8::2 tcp 271 }\n" \
	"segment quarantine default { allow to server }\n" \
	"segment isolated { allow to server }\n" \
	"segment staff level 2 { allow to any }\n" \
	"role \"employee\" { node \"alice\" }\n" \
	"require patched { no advisory }\n" \
	"reject when node = \"mallory\"\n" \
	"admit role \"employee\" to staff when patched\n" \
	"otherwise isolated\n" \
	"inspect every 30 min certificate lifetime 45 min\n"
struct vuln_index *vuln_index_close(struct vuln_index *index)
{
	return NULL;
}

static void say(struct bed *b, const char *format, ...) PRINTF_LIKE(2, 3);
static void say(struct bed *b, const char *format, ...)
{
	size_t n = strlen(b->log);
	va_list args;
	va_start(args, format);
	vsnprintf(b->log + n, sizeof(b->log) - n, format, args);
	va_end(args);
}

time_ms bed_now;

static void on_place(void *context, struct site_attachment *a, bool urgent)
{
	struct bed *b = context;
	say(b, "place:%s%s ", site_segment(b->site, &a->handed, bed_now)->name, urgent ? "!" : "");
}

static void on_retry(void *context, struct site_attachment *a)
{
	say(context, "retry ");
}

static void on_disconnect(void *context, struct site_attachment *a)
{
	say(context, "disconnect ");
}

static void on_event(void *context, const struct store_event *e)
{
	if (strcmp(e->kind, "placement") != 0)
		say(context, "event:%s ", e->kind);
}

static void on_work(void *context)
{
	say(context, "work ");
}

static const struct site_effects effects = { on_place, on_retry, on_disconnect, on_event, on_work };

struct policy *bed_policy(const char *text)
{
	struct policy *p = NULL;
	struct error err = { "" };
	if (policy_parse("p", text, strlen(text), NULL, NULL, &p, &err) < 0)
		fail_msg("%s", err.text);
	return p;
}

void bed_open(struct bed *b)
{
	struct error err = { "" };
	if (store_open(b->dir, &b->store, &err) < 0)
		fail_msg("%s", err.text);
	if (site_open(b->store, bed_policy(b->policy ? b->policy : POLICY), b->key, "srv", &effects, b,
	            &b->site, &err) < 0)
		fail_msg("%s", err.text);
	b->site->index = &b->index; /* nobody is judged by that */
	b->site->program = b->program;
	b->site->moment = vuln_index_moment(&b->index);
	changes_restart(b->site);
	b->port = site_find_attachment(b->site, "gw", "p1", &(struct mac_address){ { 2, 0, 0, 0, 0, 1 } });
	b->alice = site_find_node(b->site, "alice");
}

void bed_close(struct bed *b)
{
	store_close(b->store);
	site_close(b->site);
}

int bed_setup(void **state)
{
	struct bed *b = xcalloc(1, sizeof(*b));
	strcpy(b->dir, "/tmp/pratique-site-XXXXXX");
	b->index.generation = 7;
	if (!mkdtemp(b->dir) || key_generate(KEY_ED25519, &b->key, NULL) < 0)
		return -1;
	bed_open(b);
	const uint8_t thumbprint[32] = { 0xa1 };
	b->alice = site_see_node(b->site, "alice", thumbprint, "0a", T0);
	b->port = site_see_attachment(b->site, "gw", "p1", &(struct mac_address){ { 2, 0, 0, 0, 0, 1 } }, T0);
	b->port->present = true;
	*state = b;
	return 0;
}

int bed_teardown(void **state)
{
	static const char *const names[] = { "pratique.db", "pratique.db-wal", "pratique.db-shm" };
	struct bed *b = *state;
	char path[128];
	bed_close(b);
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", b->dir, names[i]);
		unlink(path);
	}
	rmdir(b->dir);
	EVP_PKEY_free(b->key);
	free(b);
	return 0;
}

void bed_commit(struct bed *b)
{
	struct error err = { "" };
	if (store_commit(b->store, &err) < 0)
		fail_msg("%s", err.text);
}

void bed_expect(struct bed *b, const char *log)
{
	assert_string_equal(b->log, log);
	b->log[0] = '\0';
}

struct posture *bed_posture(const char *package)
{
	struct posture *p = posture_new();
	p->os_id = "debian";
	p->os_version = "12";
	p->packages_known = true;
	package = posture_string(p, package);
	struct posture_package one = { "deb", package, "1.0-1", "amd64", package, "1.0-1" };
	assert_int_equal(posture_add_package(p, &one), 0);
	return p;
}

const struct scripted_match bed_hole = { .package = "openssl",
	.id = "DSA-1",
	.fixed = "1.0-2",
	.source = "test",
	.severity = VULN_SEVERITY_HIGH };

/* Alice comes with openssl, is judged at her port, and the turn ends. */
void bed_inspect(struct bed *b, time_ms now, struct site_outcome *o)
{
	bed_now = now;
	assert_int_equal(site_take_posture(b->site, b->alice,
	                         site_posture_new(b->site->catalogue, bed_posture("openssl")), true, now),
	        0);
	site_judge(b->site, b->alice, b->port, "inspection", NULL, now, o);
}

void bed_admit(struct bed *b, time_ms now)
{
	struct site_outcome o;
	bed_inspect(b, now, &o);
	assert_string_equal(o.segment, "staff");
	site_outcome_clear(&o);
	bed_commit(b);
	b->log[0] = '\0';
}

bool bed_concerns(struct bed *b, const struct site_node *node, const char *package)
{
	const uint32_t *ids;
	const size_t n = reverse_packages_of(b->site->reverse, package, &ids);
	roaring_bitmap_t *nodes = roaring_bitmap_create();
	for (size_t i = 0; i < n; i++)
		reverse_add_nodes(b->site->reverse, ids[i], nodes);
	const bool is = roaring_bitmap_contains(nodes, node->number);
	roaring_bitmap_free(nodes);
	return is;
}
