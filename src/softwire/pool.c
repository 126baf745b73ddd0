/* SPDX-License-Identifier: ISC */
#include "softwire/pool.h"
#include "base/table.h"
#include "softwire/lease_journal.h"
#include "softwire/pool_range.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

TAILQ_HEAD(lease_list, lease);

/* A range and its leases; the last one of all has no range and holds what RADIUS has fixed outside of every
 * range. */
struct lease_pool {
	struct pool_range range;
	uint64_t next; /* all items below it have been given at least once, or were not free then */
	bool holes;    /* some of those are free again */
	struct lease_list in_use, remembered; /* remembered: let go longest ago first */
	size_t n_in_use, n_remembered, leases_max;
};

/* The leases of one identity. */
struct owner {
	uint8_t identity[LEASE_IDENTITY_SIZE];
	LIST_HEAD(, lease) leases;
};

struct pools {
	struct lease_pool pools[POOL_MAX + 1];
	size_t n; /* with a range; pools[n] is that of the fixed ones */
	struct lease *tree;
	struct table *owners;
	uint64_t random;
	struct lease_journal journal;
	struct pool_counters counters;
};

/* Balance only: priorities that nobody can guess. */
static uint32_t next_priority(struct pools *p)
{
	uint64_t z = p->random += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (uint32_t)(z >> 32);
}

/* True where the holder is nobody by name. */
static bool identify(const struct pool_holder *holder, uint8_t identity[LEASE_IDENTITY_SIZE])
{
	const char *machine = holder->machine ? holder->machine : "",
	           *user = holder->user ? holder->user : "";
	bool anonymous = !*machine && !*user;
	struct {
		uint8_t machine[SHA256_DIGEST_LENGTH], user[SHA256_DIGEST_LENGTH];
		uint64_t session;
	} both = { .session = anonymous ? holder->session : 0 };
	uint8_t digest[SHA256_DIGEST_LENGTH];
	SHA256((const uint8_t *)machine, strlen(machine), both.machine);
	SHA256((const uint8_t *)user, strlen(user), both.user);
	SHA256((const uint8_t *)&both, sizeof(both), digest);
	memcpy(identity, digest, LEASE_IDENTITY_SIZE);
	return anonymous;
}

/* ---- one lease's places: tree, list of its pool, list of its owner ---- */

static void list_lease(struct lease *l)
{
	struct lease_pool *pool = l->pool;
	if (l->in_use)
		TAILQ_INSERT_TAIL(&pool->in_use, l, of_pool);
	else if (l->anonymous) /* nobody will come back for it */
		TAILQ_INSERT_HEAD(&pool->remembered, l, of_pool);
	else
		TAILQ_INSERT_TAIL(&pool->remembered, l, of_pool);
	++*(l->in_use ? &pool->n_in_use : &pool->n_remembered);
}

static void unlist_lease(struct lease *l)
{
	struct lease_pool *pool = l->pool;
	TAILQ_REMOVE(l->in_use ? &pool->in_use : &pool->remembered, l, of_pool);
	--*(l->in_use ? &pool->n_in_use : &pool->n_remembered);
}

static struct owner *find_owner(const struct pools *p, const uint8_t identity[LEASE_IDENTITY_SIZE])
{
	return table_get(p->owners, identity, LEASE_IDENTITY_SIZE);
}

static void own(struct pools *p, struct lease *l, const uint8_t identity[LEASE_IDENTITY_SIZE])
{
	struct owner *o = find_owner(p, identity);
	if (!o) {
		o = xcalloc(1, sizeof(*o));
		memcpy(o->identity, identity, LEASE_IDENTITY_SIZE);
		table_set(p->owners, identity, LEASE_IDENTITY_SIZE, o);
	}
	memcpy(l->identity, identity, LEASE_IDENTITY_SIZE);
	LIST_INSERT_HEAD(&o->leases, l, of_owner);
}

static void disown(struct pools *p, struct lease *l)
{
	struct owner *o = find_owner(p, l->identity);
	LIST_REMOVE(l, of_owner);
	if (!LIST_EMPTY(&o->leases))
		return;
	table_remove(p->owners, l->identity, LEASE_IDENTITY_SIZE);
	free(o);
}

static struct lease *add_lease(struct pools *p, struct lease_pool *pool, const struct ip_prefix *prefix,
        const uint8_t identity[LEASE_IDENTITY_SIZE])
{
	struct lease *l = xcalloc(1, sizeof(*l));
	l->prefix = *prefix;
	l->priority = next_priority(p);
	l->pool = pool;
	lease_tree_insert(&p->tree, l);
	own(p, l, identity);
	list_lease(l);
	return l;
}

static void drop_lease(struct pools *p, struct lease *l)
{
	for (size_t i = 0; i < p->n; i++)
		p->pools[i].holes |= pool_range_contains(&p->pools[i].range, &l->prefix) ||
		        (l->prefix.length < p->pools[i].range.range.length &&
		                ip_in_prefix(&p->pools[i].range.range.address, &l->prefix));
	unlist_lease(l);
	disown(p, l);
	lease_tree_remove(&p->tree, l);
	free(l);
}

static void forget(struct pools *p, struct lease *l)
{
	p->counters.forgotten += !l->anonymous;
	drop_lease(p, l);
}

static void set_in_use(struct pools *p, struct lease *l, bool in_use, time_ms now)
{
	unlist_lease(l);
	l->in_use = in_use;
	l->used = now;
	list_lease(l);
	if (!l->anonymous)
		lease_journal_add(&p->journal, l);
}

/* ---- what is given ---- */

/* The next item that overlaps no lease; false: there is none. */
static bool next_free(struct pools *p, struct lease_pool *pool, struct ip_prefix *ret)
{
	uint64_t end = pool_range_end(&pool->range);
	while (pool->next < end) {
		*ret = pool_range_item(&pool->range, pool->next);
		const struct lease *l = lease_tree_overlap(p->tree, ret);
		if (!l) {
			pool->next++;
			return true;
		}
		const struct ip_address last = lease_prefix_end(&l->prefix);
		if (!ip_in_prefix(&last, &pool->range.range))
			break;
		pool->next = pool_range_index(&pool->range, &last) + 1;
	}
	if (!pool->holes)
		return false;
	pool->holes = false;
	pool->next = pool_range_first(&pool->range);
	return next_free(p, pool, ret);
}

/* An item that nobody uses, as a new lease; NULL: full. */
static struct lease *new_lease(
        struct pools *p, struct lease_pool *pool, const uint8_t identity[LEASE_IDENTITY_SIZE])
{
	struct ip_prefix prefix;
	struct lease *oldest = TAILQ_FIRST(&pool->remembered);
	bool room = pool->n_in_use + pool->n_remembered < pool->leases_max && !(oldest && oldest->anonymous);
	if (!room || !next_free(p, pool, &prefix)) {
		if (!oldest)
			return NULL;
		prefix = oldest->prefix;
		bool holes = pool->holes;
		forget(p, oldest);
		pool->holes = holes; /* it is given again at once */
	}
	return add_lease(p, pool, &prefix, identity);
}

static bool is_named(const struct lease_pool *pool, const char *name, enum pool_kind kind)
{
	return pool->range.kind == kind && strcmp(pool->range.name, name) == 0;
}

static struct lease *find_own(const struct pools *p, const char *name, enum pool_kind kind,
        const uint8_t identity[LEASE_IDENTITY_SIZE])
{
	const struct owner *o = find_owner(p, identity);
	struct lease *l;
	if (o)
		LIST_FOREACH(l, &o->leases, of_owner)
			if (l->pool != &p->pools[p->n] && is_named(l->pool, name, kind))
				return l;
	return NULL;
}

static void give(
        struct pools *p, struct lease *l, const struct pool_holder *holder, bool anonymous, time_ms now)
{
	l->session = holder->session;
	l->anonymous = anonymous;
	if (!l->in_use)
		set_in_use(p, l, true, now);
}

int pool_take(struct pools *p, const char *name, enum pool_kind kind, const struct pool_holder *holder,
        time_ms now, struct ip_prefix *ret, struct error *err)
{
	uint8_t identity[LEASE_IDENTITY_SIZE];
	bool anonymous = identify(holder, identity), known = false;
	struct lease *l = find_own(p, name, kind, identity);
	p->counters.given_again += l != NULL;
	for (size_t i = 0; i < p->n && !l; i++)
		if (is_named(&p->pools[i], name, kind)) {
			known = true;
			l = new_lease(p, &p->pools[i], identity);
		}
	if (!l && !known)
		return error_set(err, -ENOENT,
		        "pool %s: there is none of kind %s; add \"pool = %s %s PREFIX\"", name,
		        pool_kind_name(kind), name, pool_kind_name(kind));
	if (!l) {
		p->counters.full++;
		return error_set(err, -ENOSPC,
		        "pool %s: every %s item is in use; make it larger, or add a second range", name,
		        pool_kind_name(kind));
	}
	p->counters.given++;
	give(p, l, holder, anonymous, now);
	*ret = l->prefix;
	return 0;
}

/* What the concentrator keeps for itself. */
static bool is_kept(const struct pools *p, const struct ip_prefix *value)
{
	for (size_t i = 0; i < p->n; i++) {
		struct ip_address own_address;
		if (pool_range_own(&p->pools[i].range, &own_address) && ip_in_prefix(&own_address, value))
			return true;
	}
	return false;
}

static struct lease_pool *pool_of(struct pools *p, const struct ip_prefix *value)
{
	for (size_t i = 0; i < p->n; i++)
		if (pool_range_has_item(&p->pools[i].range, value))
			return &p->pools[i];
	return &p->pools[p->n];
}

static int conflict(struct pools *p, const struct ip_prefix *value, const char *with, struct error *err)
{
	char text[IP_TEXT_SIZE];
	p->counters.conflicts++;
	return error_set(err, -EADDRINUSE, "%s: %s", ip_prefix_format(value, text), with);
}

/* What is only remembered of anybody makes place; what is in use does not. */
static int make_place(struct pools *p, const struct ip_prefix *value, struct error *err)
{
	char text[IP_TEXT_SIZE + 64];
	struct lease *l;
	while ((l = lease_tree_overlap(p->tree, value))) {
		if (l->in_use) {
			char other[IP_TEXT_SIZE];
			snprintf(text, sizeof(text), "%s is in use by another session",
			        ip_prefix_format(&l->prefix, other));
			return conflict(p, value, text, err);
		}
		forget(p, l);
	}
	return 0;
}

/* The identity's lease of this very value, or one of this session that the value is a part of. */
static struct lease *find_covering(const struct pools *p, const struct ip_prefix *value,
        const uint8_t identity[LEASE_IDENTITY_SIZE], uint64_t session)
{
	struct lease *l = lease_tree_overlap(p->tree, value);
	if (!l || memcmp(l->identity, identity, LEASE_IDENTITY_SIZE) != 0)
		return NULL;
	bool part = l->in_use && l->session == session && l->prefix.length < value->length;
	return part || lease_same_prefix(&l->prefix, value) ? l : NULL;
}

int pool_take_fixed(struct pools *p, const struct ip_prefix *value, const struct pool_holder *holder,
        time_ms now, struct error *err)
{
	uint8_t identity[LEASE_IDENTITY_SIZE];
	bool anonymous = identify(holder, identity);
	struct lease *l = find_covering(p, value, identity, holder->session);
	p->counters.given_again += l != NULL;
	if (!l) {
		struct lease_pool *pool = pool_of(p, value);
		if (is_kept(p, value))
			return conflict(p, value, "the concentrator's own address is in it", err);
		int r = make_place(p, value, err);
		if (r < 0)
			return r;
		if (pool->n_in_use + pool->n_remembered >= pool->leases_max) {
			struct lease *oldest = TAILQ_FIRST(&pool->remembered);
			if (!oldest) {
				p->counters.full++;
				return error_set(err, -ENOSPC, "%zu leases are in use, which is the limit",
				        pool->leases_max);
			}
			forget(p, oldest);
		}
		l = add_lease(p, pool, value, identity);
	}
	p->counters.given++;
	give(p, l, holder, anonymous, now);
	return 0;
}

void pool_let_go(struct pools *p, const struct pool_holder *holder, time_ms now)
{
	uint8_t identity[LEASE_IDENTITY_SIZE];
	identify(holder, identity);
	const struct owner *o = find_owner(p, identity);
	struct lease *l;
	if (o)
		LIST_FOREACH(l, &o->leases, of_owner)
			if (l->in_use && l->session == holder->session)
				set_in_use(p, l, false, now);
}

bool pool_covers(const struct pools *p, const struct ip_prefix *value)
{
	for (size_t i = 0; i < p->n; i++)
		if (pool_range_contains(&p->pools[i].range, value))
			return true;
	return false;
}

int pool_own(const struct pools *p, const char *name, enum pool_kind kind, struct ip_address *ret)
{
	for (size_t i = 0; i < p->n; i++)
		if (is_named(&p->pools[i], name, kind) && pool_range_own(&p->pools[i].range, ret))
			return 0;
	return -ENOENT;
}

/* ---- persistence ---- */

/* A later line wins over what it overlaps. What is fixed outside of every range is remembered too. */
static void load_record(const struct lease_record *record, void *user)
{
	struct pools *p = user;
	struct lease *l;
	bool inside = false;
	for (size_t i = 0; i < p->n; i++)
		inside |= pool_range_contains(&p->pools[i].range, &record->prefix);
	struct lease_pool *pool = pool_of(p, &record->prefix);
	while ((l = lease_tree_overlap(p->tree, &record->prefix)))
		drop_lease(p, l);
	if ((inside && pool == &p->pools[p->n]) || pool->n_remembered >= pool->leases_max)
		return;
	l = add_lease(p, pool, &record->prefix, record->identity);
	l->used = record->used;
	l->session = record->in_use; /* until load_end() */
}

/* Those that were in use when the last life ended were let go last. */
static void load_end(struct pools *p)
{
	for (size_t i = 0; i <= p->n; i++) {
		struct lease_pool *pool = &p->pools[i];
		struct lease *l = TAILQ_FIRST(&pool->remembered);
		for (size_t left = pool->n_remembered; left; left--) {
			struct lease *next = TAILQ_NEXT(l, of_pool);
			if (l->session) {
				TAILQ_REMOVE(&pool->remembered, l, of_pool);
				TAILQ_INSERT_TAIL(&pool->remembered, l, of_pool);
				l->session = 0;
			}
			l = next;
		}
	}
}

static void write_all(struct lease_journal *j, struct writer *w, void *user)
{
	struct pools *p = user;
	const struct lease *l;
	for (size_t i = 0; i <= p->n; i++) {
		TAILQ_FOREACH(l, &p->pools[i].remembered, of_pool)
		if (!l->anonymous)
			lease_journal_write_line(w, l);
		TAILQ_FOREACH(l, &p->pools[i].in_use, of_pool)
		if (!l->anonymous)
			lease_journal_write_line(w, l);
	}
}

bool pool_has_work(const struct pools *p)
{
	return p->journal.path && (p->journal.rewrite || p->journal.waiting.length);
}

static int commit(struct pools *p, time_ms now, int *ret_fd, struct error *err)
{
	size_t n = 0;
	if (ret_fd)
		*ret_fd = -1;
	if (!pool_has_work(p))
		return 0;
	for (size_t i = 0; i <= p->n; i++)
		n += p->pools[i].n_in_use + p->pools[i].n_remembered;
	return lease_journal_commit(&p->journal, n, now, write_all, p, ret_fd, err);
}

int pool_commit(struct pools *p, time_ms now, struct error *err)
{
	return commit(p, now, NULL, err);
}

int pool_commit_begin(struct pools *p, time_ms now, int *ret_fd, struct error *err)
{
	return commit(p, now, ret_fd, err);
}

void pool_commit_failed(struct pools *p, time_ms now)
{
	lease_journal_failed(&p->journal, now);
}

/* ---- all of it ---- */

static void add_pool(struct pools *p, const struct pool_range *range, size_t leases_max)
{
	struct lease_pool *pool = &p->pools[p->n];
	*pool = (struct lease_pool){ .leases_max = leases_max };
	if (range) {
		pool->range = *range;
		pool->next = pool_range_first(range);
		p->n++;
	}
	TAILQ_INIT(&pool->in_use);
	TAILQ_INIT(&pool->remembered);
}

static int add_range(struct pools *p, const struct pool_range *range, struct error *err)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct pool_range *other = &p->pools[i].range;
		char a[IP_TEXT_SIZE], b[IP_TEXT_SIZE];
		if (ip_in_prefix(&range->range.address, &other->range) ||
		        ip_in_prefix(&other->range.address, &range->range))
			return error_set(err, -EINVAL, "pool %s: %s overlaps %s of pool %s", range->name,
			        ip_prefix_format(&range->range, a), ip_prefix_format(&other->range, b),
			        other->name);
	}
	if (p->n == POOL_MAX)
		return error_set(err, -EINVAL, "pool %s: more than %d ranges", range->name, POOL_MAX);
	add_pool(p, range, POOL_LEASES_MAX);
	return 0;
}

int pools_new(const struct pool_range *ranges, size_t n_ranges, const char *journal_path, time_ms now,
        struct pools **ret, struct error *err)
{
	struct pools *p = xcalloc(1, sizeof(*p));
	p->journal.fd = -1;
	p->owners = table_new();
	if (getrandom(&p->random, sizeof(p->random), 0) < 0)
		p->random = (uint64_t)now;
	int r = 0;
	for (size_t i = 0; i < n_ranges && r == 0; i++)
		r = add_range(p, &ranges[i], err);
	add_pool(p, NULL, POOL_FIXED_MAX);
	if (r == 0)
		r = lease_journal_open(&p->journal, journal_path, load_record, p, err);
	load_end(p);
	p->counters = (struct pool_counters){ 0 };
	if (r < 0)
		pools_free(p);
	else
		*ret = p;
	return r;
}

struct pools *pools_free(struct pools *p)
{
	if (!p)
		return NULL;
	pool_commit(p, INT64_MAX / 2, NULL);
	lease_journal_close(&p->journal);
	for (size_t i = 0; i <= p->n; i++) {
		struct lease *l;
		while ((l = TAILQ_FIRST(&p->pools[i].in_use)) || (l = TAILQ_FIRST(&p->pools[i].remembered)))
			drop_lease(p, l);
	}
	table_free(p->owners, NULL);
	free(p);
	return NULL;
}

size_t pool_count(const struct pools *p)
{
	return p->n;
}

void pool_get_state(const struct pools *p, size_t i, struct pool_state *ret)
{
	const struct lease_pool *pool = &p->pools[i];
	*ret = (struct pool_state){ .range = &pool->range,
		.capacity = pool_range_end(&pool->range) - pool_range_first(&pool->range),
		.in_use = pool->n_in_use,
		.remembered = pool->n_remembered };
}

void pool_get_counters(const struct pools *p, struct pool_counters *ret)
{
	*ret = p->counters;
}
