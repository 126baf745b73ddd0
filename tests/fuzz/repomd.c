/* SPDX-License-Identifier: ISC */
/* repomd.xml: whatever it says, it leads nowhere but below the repository, to bytes of a digest that counts.
 */
#include "vuln/repomd.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct repomd_data found;
	struct error err = { "" };
	char *text FREE_ON_EXIT = xmalloc(size + 1);
	memcpy(text, data, size);
	text[size] = '\0';
	int r = repomd_read(text, size, "updateinfo", &found, &err);
	if (r < 0 && !*err.text)
		abort();
	if (r == 0 &&
	        (*found.href == '/' || strstr(found.href, "..") || strstr(found.href, "://") ||
	                strlen(found.packed.hex) < 64 || found.timestamp < 0))
		abort();
	return 0;
}
