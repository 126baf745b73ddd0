/* SPDX-License-Identifier: ISC */
#include "enforcer/proofs.h"
#include "base/table.h"

#include <string.h>

struct proof_key {
	uint16_t link;
	struct ip_address ip;
};
struct proof {
	struct proof_key key;
	bool wanted;
	struct mac_address mac;
	time_ms asked;
};
/* Tokens are thousandths of a question. */
struct budget {
	time_ms filled;
	int64_t tokens;
	size_t open;
};

struct proofs {
	struct table *open;       /* proof_key -> proof */
	struct budget budgets[2]; /* unproven, wanted */
	struct proofs_statistics statistics;
};

static const struct {
	int64_t per_second;
	size_t max;
} limits[] = { { PROOFS_UNPROVEN_PER_SECOND, PROOFS_UNPROVEN_MAX },
	{ PROOFS_WANTED_PER_SECOND, PROOFS_WANTED_MAX } };

struct proofs *proofs_new(void)
{
	struct proofs *p = xcalloc(1, sizeof(*p));
	p->open = table_new();
	for (size_t i = 0; i < ARRAY_LENGTH(limits); i++)
		p->budgets[i].tokens = limits[i].per_second * 1000;
	return p;
}

struct proofs *proofs_free(struct proofs *p)
{
	if (p) {
		table_free(p->open, free);
		free(p);
	}
	return NULL;
}

static struct proof *find(const struct proofs *p, uint16_t link, const struct ip_address *ip)
{
	struct proof_key k = { .link = link, .ip = *ip };
	return table_get(p->open, &k, sizeof(k));
}

static size_t count_of_mac(const struct proofs *p, const struct sighting *s)
{
	size_t n = 0;
	TABLE_FOREACH(it, p->open) {
		const struct proof *proof = it.value;
		n += !proof->wanted && proof->key.link == s->link &&
		        memcmp(&proof->mac, &s->mac, sizeof(s->mac)) == 0;
	}
	return n;
}

static void fill(struct budget *b, size_t kind, time_ms now)
{
	time_ms elapsed = MIN(now - b->filled, (time_ms)1000);
	if (elapsed > 0)
		b->tokens =
		        MIN(b->tokens + elapsed * limits[kind].per_second, limits[kind].per_second * 1000);
	b->filled = now;
}

bool proofs_may_ask(struct proofs *p, const struct sighting *s, time_ms now)
{
	size_t kind = s->kind == SIGHTING_WANTED;
	struct budget *b = &p->budgets[kind];
	if (find(p, s->link, &s->ip))
		return false;
	fill(b, kind, now);
	if (b->tokens >= 1000 && b->open < limits[kind].max &&
	        (kind || count_of_mac(p, s) < PROOFS_UNPROVEN_PER_MAC_MAX))
		return true;
	p->statistics.refused++;
	return false;
}

void proofs_asked(struct proofs *p, const struct sighting *s, time_ms now)
{
	struct proof *proof = find(p, s->link, &s->ip) ? NULL : xcalloc(1, sizeof(*proof));
	if (!proof)
		return;
	*proof = (struct proof){ .key = { .link = s->link, .ip = s->ip },
		.wanted = s->kind == SIGHTING_WANTED,
		.mac = s->mac,
		.asked = now };
	table_set(p->open, &proof->key, sizeof(proof->key), proof);
	p->budgets[proof->wanted].tokens -= 1000;
	p->budgets[proof->wanted].open++;
	p->statistics.open++;
	p->statistics.asked++;
}

static void close_proof(struct proofs *p, struct proof *proof)
{
	p->budgets[proof->wanted].open--;
	p->statistics.open--;
	table_remove(p->open, &proof->key, sizeof(proof->key));
	free(proof);
}

time_ms proofs_answered(struct proofs *p, uint16_t link, const struct ip_address *ip, time_ms now)
{
	struct proof *proof = find(p, link, ip);
	if (!proof)
		return -1;
	time_ms took = now - proof->asked;
	p->statistics.answered++;
	close_proof(p, proof);
	return took;
}

bool proofs_failed(struct proofs *p, uint16_t link, const struct ip_address *ip)
{
	struct proof *proof = find(p, link, ip);
	if (!proof)
		return false;
	p->statistics.failed++;
	close_proof(p, proof);
	return true;
}

void proofs_tick(struct proofs *p, time_ms now)
{
	TABLE_FOREACH(it, p->open) {
		struct proof *proof = it.value;
		if (now - proof->asked < PROOFS_MS)
			continue;
		p->statistics.failed++;
		close_proof(p, proof);
	}
}

const struct proofs_statistics *proofs_statistics(const struct proofs *p)
{
	return &p->statistics;
}
