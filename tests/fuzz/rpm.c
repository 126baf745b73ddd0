/* SPDX-License-Identifier: ISC */
/* Any bytes as the list of an rpm database; each package must come back out of its purl. */
#include "posture/rpm.h"
#include "posture/purl.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct posture *p = posture_new();
	p->os_id = "fedora";
	p->os_version = "40";
	(void)rpm_read_list("list", (const char *)data, size, p, NULL);
	for (size_t i = 0; i < p->n_packages; i++) {
		struct posture_package got, package = p->packages[i];
		char *purl = purl_with_source(p, &package);
		if (purl_parse(purl, strlen(purl), p, &got, NULL) < 0 || strcmp(got.name, package.name) != 0)
			abort();
		free(purl);
	}
	posture_free(p);
	return 0;
}
