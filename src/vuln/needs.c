/* SPDX-License-Identifier: ISC */
#include "vuln/needs.h"

#include "vuln/listing.h"

#include <string.h>

size_t vuln_needs(struct vuln_index *index, const struct posture *p, char ret[NEEDS_MAX][ECOSYSTEM_NAME_MAX])
{
	const char *types[NEEDS_MAX]; /* seen already, whether or not they are needed */
	size_t n = 0, n_types = 0;
	for (size_t i = 0; i < p->n_packages && n_types < NEEDS_MAX; i++) {
		const char *type = p->packages[i].type;
		enum version_ecosystem order;
		enum ecosystem_naming naming;
		size_t k = 0;
		while (k < n_types && strcmp(types[k], type) != 0)
			k++;
		if (k < n_types)
			continue;
		types[n_types++] = type;
		if (ecosystem_of_package(type, p->os_id, p->os_version, ret[n], &order, &naming, NULL) == 0 &&
		        !vuln_index_knows(index, ret[n]))
			n++;
	}
	return n;
}
