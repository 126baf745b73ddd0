/* SPDX-License-Identifier: ISC */
/* The settings of the kernel that posture/settings.h lists, from /proc/sys; and of another root from what its
 * tree has there. */
#include "agent/collect.h"

#include "posture/settings.h"
#include <errno.h>
#include <string.h>

#define FOLDER "/proc/sys"

/* Fields of one value are separated by tabs there and by one blank here. */
static void squeeze(char *text)
{
	char *to = text;
	for (const char *at = text; *at; at++) {
		char c = *at == '\t' ? ' ' : *at;
		if (c != ' ' || (to > text && to[-1] != ' '))
			*to++ = c;
	}
	*to = '\0';
}

static void collect_one(const struct root *root, struct posture *p, const char *name)
{
	char *line FREE_ON_EXIT = NULL, *path FREE_ON_EXIT = xasprintf(FOLDER "/%s", name);
	struct error err;
	for (char *c = path + strlen(FOLDER); *c; c++)
		if (*c == '.')
			*c = '/';
	int r = root_read_line(root, path, &line, &err);
	if (r < 0 && r != -ENODATA) {
		char *field FREE_ON_EXIT = xasprintf("settings.%s", name);
		(void)posture_add_unknown(p, field, "%s", err.text);
		return;
	}
	if (line)
		squeeze(line);
	const struct posture_setting setting = { name, line ? posture_string(p, line) : "", NULL };
	(void)posture_add_setting(&p->settings, POSTURE_SETTINGS_MAX, &setting);
}

void collect_settings(const struct root *root, struct posture *p)
{
	DIR *dir;
	struct error err;
	if (root_open_directory(root, FOLDER, &dir, &err) < 0) {
		(void)posture_add_unknown(p, "settings", "%s", err.text);
		return;
	}
	closedir(dir);
	p->settings.known = true;
	for (const char *const *name = posture_kernel_settings; *name; name++)
		collect_one(root, p, *name);
}
