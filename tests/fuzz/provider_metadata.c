/* SPDX-License-Identifier: ISC */
/* provider-metadata.json and security.txt of a CSAF provider. */
#include "vuln/provider_metadata.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct provider_metadata m;
	struct error why = { "" };
	char *text FREE_ON_EXIT = xstrndup((const char *)data, size);
	if (provider_metadata_read(text, strlen(text), &m, &why) < 0 && !*why.text)
		abort();
	if (m.n_folders + m.n_feeds > PROVIDER_LISTS_MAX || m.n_keys > PROVIDER_KEYS_MAX)
		abort();
	provider_metadata_clear(&m);
	free(provider_of_security_txt((const char *)data, size));
	return 0;
}
