/* SPDX-License-Identifier: ISC */
/* Runs a fuzz target over every file of its corpus folder, and over each file cut short at a few places. */
#include "base/file.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#define CORPUS_FILE_MAX (16u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An exact-size heap copy, so that the sanitizer sees a read past the end. */
static void run(const char *data, size_t size)
{
	uint8_t *copy FREE_ON_EXIT = malloc(size ? size : 1);
	if (!copy)
		abort();
	memcpy(copy, data, size);
	(void)LLVMFuzzerTestOneInput(copy, size);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: %s CORPUS-FOLDER\n", argv[0]);
		return 2;
	}
	DIR *dir = opendir(argv[1]);
	if (!dir) {
		perror(argv[1]);
		return 1;
	}
	size_t n = 0;
	for (struct dirent *e; (e = readdir(dir));) {
		if (e->d_name[0] == '.')
			continue;
		char *path FREE_ON_EXIT = xasprintf("%s/%s", argv[1], e->d_name);
		char *data FREE_ON_EXIT = NULL;
		size_t size;
		struct error err;
		if (file_read(path, CORPUS_FILE_MAX, &data, &size, &err) < 0) {
			fprintf(stderr, "%s\n", err.text);
			return 1;
		}
		run(data, size);
		for (size_t cut = 1; cut < 8 && cut < size; cut++)
			run(data, size * cut / 8);
		n++;
	}
	closedir(dir);
	printf("%zu corpus files\n", n);
	return n ? 0 : 1;
}
