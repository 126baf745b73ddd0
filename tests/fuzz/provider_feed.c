/* SPDX-License-Identifier: ISC */
/* ROLIE feeds of a CSAF provider. */
#include "tests/fuzz/provider_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct provider_list list;
	struct error err = { "" };
	char *next = NULL;
	provider_fuzz_open(&list);
	if (provider_list_feed(&list, PROVIDER_FUZZ_LIST, (const char *)data, size, &next, &err) < 0 &&
	        !*err.text)
		abort();
	if (next && strncasecmp(next, "https://vendor.example/", 23) != 0)
		abort();
	free(next);
	provider_fuzz_close(&list);
	return 0;
}
