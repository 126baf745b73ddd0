/* SPDX-License-Identifier: ISC */
/* CSAF documents, with some products declared. */
#include "tests/fuzz/load_document.h"
#include "vuln/product_map.h"

#include <stdio.h>
#include <unistd.h>

static struct product_map *products(void)
{
	static const char text[] =
	        "product foo {\nvendor = Example\nname = Foo\ncpe = cpe:2.3:a:example:foo\n"
	        "package = Debian:12 foo\npackage = npm foo\npackage = AlmaLinux:9 foo\n"
	        "strip = V\n}\n";
	char path[] = "/tmp/fuzz-products-XXXXXX";
	struct product_map *map = NULL;
	struct error err;
	int fd = mkstemp(path);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) ||
	        product_map_open(path, &map, NULL, &err) < 0)
		abort();
	close(fd);
	(void)unlink(path);
	return map;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct product_map *map;
	if (!map)
		map = products();
	load_document_fuzz("csaf", map, data, size);
	return 0;
}
