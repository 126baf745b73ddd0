/* SPDX-License-Identifier: ISC */
/* Inventories of all kinds: whatever is taken is a posture that the matcher can be given. */
#include "vuln/inventory.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct posture *p;
	struct inventory_report report = { 0 };
	struct error err;
	if (inventory_read_text((const char *)data, size, NULL, &p, &report, &err) == 0) {
		for (size_t i = 0; i < p->n_packages; i++)
			if (!p->packages[i].type || !p->packages[i].name || !p->packages[i].version ||
			        !p->packages[i].source || !p->packages[i].source_version)
				abort();
		posture_free(p);
	}
	inventory_report_clear(&report);
	return 0;
}
