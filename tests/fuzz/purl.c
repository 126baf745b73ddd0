/* SPDX-License-Identifier: ISC */
/* Whatever is a package URL has a canonical text, which is its own canonical text and means the same parts;
 * and a posture takes what it can say back. */
#include "posture/purl.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_posture(const char *text)
{
	struct posture *p = posture_new();
	struct posture_package package, again;
	p->os_id = "debian";
	if (purl_parse(text, strlen(text), p, &package, NULL) == 0) {
		char *written = purl_with_source(p, &package);
		if (purl_parse(written, strlen(written), p, &again, NULL) == 0)
			require(strcmp(again.name, package.name) == 0 &&
			        strcmp(again.type, package.type) == 0);
		free(written);
	}
	char namespace[64], distro[64];
	(void)purl_distribution(text, namespace, distro);
	posture_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text FREE_ON_EXIT = xstrndup((const char *)data, size), buffer[PURL_TEXT_MAX + 1];
	struct purl purl;
	check_posture(text);
	if (purl_read(text, strlen(text), PURL_STRICT, buffer, &purl, NULL) == 0) {
		char *one = purl_write(&purl, NULL), other[PURL_TEXT_MAX + 1];
		struct purl back;
		require(one != NULL);
		if (purl_read(one, strlen(one), PURL_STRICT, other, &back, NULL) == 0)
			require(strcmp(back.name, purl.name) == 0 && back.n_qualifiers == purl.n_qualifiers);
		free(one);
	}
	char *canonical FREE_ON_EXIT = purl_canonical(text, NULL);
	if (canonical && strlen(canonical) <= PURL_TEXT_MAX) {
		char *twice = purl_canonical(canonical, NULL);
		require(twice && strcmp(twice, canonical) == 0);
		free(twice);
	}
	return 0;
}
