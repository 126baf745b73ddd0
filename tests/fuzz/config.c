/* SPDX-License-Identifier: ISC */
/* Any bytes as a configuration file: it is refused with a reason, or every option has a value of its kind. */
#include "base/config.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

struct sample {
	char *text, *path;
	int64_t number, duration;
	bool yes;
	struct config_list list;
	struct config_items parts;
};

struct part {
	struct config_named named;
	char *text;
	int64_t number;
};

static const struct config_option options[] = {
	{ "text", CONFIG_STRING, offsetof(struct sample, text), "", 0, 0, "text" },
	{ "path", CONFIG_PATH, offsetof(struct sample, path), "/", 0, 0, "path" },
	{ "number", CONFIG_INTEGER, offsetof(struct sample, number), "1", 1, 9, "number" },
	{ "duration", CONFIG_DURATION, offsetof(struct sample, duration), "1 s", 1, 1000, "duration" },
	{ "yes", CONFIG_BOOLEAN, offsetof(struct sample, yes), "no", 0, 0, "yes or no" },
	{ "list", CONFIG_LIST, offsetof(struct sample, list), NULL, 0, 0, "list" },
};

static const struct config_option part_options[] = {
	{ "text", CONFIG_STRING, offsetof(struct part, text), NULL, 0, 0, "text" },
	{ "number", CONFIG_INTEGER, offsetof(struct part, number), "1", 1, 9, "number" },
};
static const struct config_section parts = { "part", part_options, ARRAY_LENGTH(part_options),
	offsetof(struct sample, parts), sizeof(struct part), 4 };

static void check_parts(const struct sample *s)
{
	for (size_t i = 0; i < s->parts.count; i++) {
		const struct part *p = s->parts.items[i];
		if (!*p->named.name || p->named.line < 1 || !p->text || p->number < 1 || p->number > 9)
			abort();
	}
	if (s->parts.count > parts.most)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sample s = { 0 };
	struct error err = { "" };
	char path[64];
	int fd = memfd_create("config", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int r = config_load_sections(path, NULL, options, ARRAY_LENGTH(options), &parts, 1, &s, NULL, &err);
	if (r == 0 &&
	        (!s.text || (*s.path && *s.path != '/') || s.number < 1 || s.number > 9 || s.duration < 1 ||
	                s.duration > 1000 || s.list.count > CONFIG_LIST_MAX))
		abort();
	if (r == 0)
		check_parts(&s);
	if (r < 0 && !*err.text)
		abort();
	config_clear_sections(&parts, 1, &s);
	config_clear(options, ARRAY_LENGTH(options), &s);
	close(fd);
	return 0;
}
