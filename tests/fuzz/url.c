/* SPDX-License-Identifier: ISC */
/* Any text as a URL: it is refused with a reason, or has one form, which is the form of itself. */
#include "base/url.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text FREE_ON_EXIT = xstrndup((const char *)data, size), form[URL_MAX + 1], again[URL_MAX + 1];
	struct error err = { "" };
	int r = url_canonical(text, form, &err);
	if ((r < 0) != (*err.text != '\0'))
		abort();
	if (r == 0 && (url_canonical(form, again, NULL) < 0 || strcmp(form, again) != 0))
		abort();
	return 0;
}
