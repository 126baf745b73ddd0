/* SPDX-License-Identifier: ISC */
/* Any bytes as apk's database: its packages are shown and judged, and its files are listed. */
#include "posture/apk.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct posture *p = posture_new();
	struct apk_scanner scanner = apk_scan((const char *)data, size);
	struct apk_block block;
	uint8_t digest[32];
	(void)apk_read_installed("installed", (const char *)data, size, p, NULL);
	for (size_t i = 0; i < p->n_packages; i++)
		free(posture_purl(p, &p->packages[i]));
	while (apk_next_block(&scanner, &block)) {
		struct apk_files files = { .at = block.at, .end = block.end };
		char path[APK_PATH_MAX];
		while (apk_next_file(&files, path))
			if (*path != '/' || strlen(path) >= sizeof(path))
				abort();
	}
	posture_digest(p, digest);
	posture_free(p);
	return 0;
}
