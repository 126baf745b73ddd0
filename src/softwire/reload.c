/* SPDX-License-Identifier: ISC */
#include "softwire/reload.h"

#include "base/file.h"

#include <errno.h>
#include <string.h>

int reload_read(const struct softwire_options *now, const struct reload_source *source,
        struct softwire_options *new, unsigned *ret_parts, void (*report)(const char *text))
{
	struct error err;
	int r = options_load(now->role, source->path, source->overrides, new, report, &err);
	if (r == 0 && source->check(new) != 0)
		r = -EINVAL;
	return r < 0 ? r : options_compare(now, new, ret_parts, report);
}

char *reload_path(const struct softwire_options *o)
{
	return xasprintf("%s/configuration", o->run_directory);
}

int reload_keep(const struct softwire_options *o, const struct reload_source *source, struct error *err)
{
	char *path FREE_ON_EXIT = reload_path(o), *text FREE_ON_EXIT = NULL;
	size_t length = 0;
	int r = source->path ? file_read(source->path, CONFIG_FILE_MAX, &text, &length, err) : 0;
	return r < 0 ? r : file_replace(path, text ? text : "", length, 0600, err);
}
