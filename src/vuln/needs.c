/* SPDX-License-Identifier: ISC */
#include "vuln/needs.h"

#include "vuln/listing.h"

#include <string.h>

struct needs {
	struct vuln_index *index;
	char (*ret)[ECOSYSTEM_NAME_MAX];
	size_t n;
	/* Types of packages that were seen already, and what they are looked up in; "" = nothing. */
	struct seen {
		const char *type;
		char ecosystem[ECOSYSTEM_NAME_MAX];
	} seen[NEEDS_MAX];
	size_t n_seen;
	char origin[ECOSYSTEM_NAME_MAX]; /* of the last backport: most are from one release */
};

static void need(struct needs *n, const char *ecosystem)
{
	for (size_t i = 0; i < n->n; i++)
		if (strcmp(n->ret[i], ecosystem) == 0)
			return;
	if (n->n < NEEDS_MAX && !vuln_index_knows(n->index, ecosystem))
		memccpy(n->ret[n->n++], ecosystem, '\0', ECOSYSTEM_NAME_MAX);
}

/* NULL where it has none, or there are more types than are looked at. */
static const char *ecosystem_of(struct needs *n, const struct posture *p, const char *type)
{
	enum version_ecosystem order;
	enum ecosystem_naming naming;
	size_t i = 0;
	while (i < n->n_seen && strcmp(n->seen[i].type, type) != 0)
		i++;
	if (i == NEEDS_MAX)
		return NULL;
	struct seen *s = &n->seen[i];
	if (i == n->n_seen) {
		n->n_seen++;
		s->type = type;
		if (ecosystem_of_package(type, p->os_id, p->os_version, s->ecosystem, &order, &naming, NULL) <
		        0)
			s->ecosystem[0] = '\0';
		else
			need(n, s->ecosystem);
	}
	return *s->ecosystem ? s->ecosystem : NULL;
}

size_t vuln_needs(struct vuln_index *index, const struct posture *p, char ret[NEEDS_MAX][ECOSYSTEM_NAME_MAX])
{
	struct needs n = { .index = index, .ret = ret };
	for (size_t i = 0; i < p->n_packages; i++) {
		const struct posture_package *package = &p->packages[i];
		const char *ecosystem = ecosystem_of(&n, p, package->type);
		struct backport from;
		if (!ecosystem ||
		        ecosystem_backport(ecosystem,
		                package->source_version ? package->source_version : package->version,
		                &from) <= 0 ||
		        strcmp(n.origin, from.ecosystem) == 0)
			continue;
		memcpy(n.origin, from.ecosystem, sizeof(n.origin));
		need(&n, from.ecosystem);
	}
	return n.n;
}
