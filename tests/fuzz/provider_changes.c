/* SPDX-License-Identifier: ISC */
/* changes.csv and index.txt of a CSAF provider. */
#include "tests/fuzz/provider_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct provider_list list;
	struct error err = { "" };
	provider_fuzz_open(&list);
	if (provider_list_changes(&list, PROVIDER_FUZZ_LIST, (const char *)data, size, &err) < 0 &&
	        !*err.text)
		abort();
	if (provider_list_index(&list, PROVIDER_FUZZ_LIST, (const char *)data, size, &err) < 0 && !*err.text)
		abort();
	provider_fuzz_close(&list);
	return 0;
}
