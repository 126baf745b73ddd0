/* SPDX-License-Identifier: ISC */
/* Any bytes as a dpkg status file and as an os-release file; what was read is shown, judged and freed. */
#include "posture/dpkg.h"
#include "posture/os_release.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct posture *p = posture_new();
	uint8_t digest[32];
	os_release_read_text((const char *)data, size, p);
	(void)dpkg_read_status_text("status", (const char *)data, size, p, NULL);
	json_t *json = posture_to_json(p);
	if (!json)
		abort();
	posture_digest(p, digest);
	json_decref(json);
	posture_free(p);
	return 0;
}
