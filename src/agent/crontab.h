/* SPDX-License-Identifier: ISC */
/* Crontabs, crontab(5): the commands that cron runs when it starts, @reboot. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define CRONTAB_FILE_MAX (1u << 20)
#define CRONTAB_COMMANDS_MAX 1000

struct crontab {
	const char *at, *end;
	bool has_user; /* of /etc/crontab and /etc/cron.d: the second field is a user */
};

/* The next such command, in place; false at the end. */
bool crontab_next(struct crontab *c, const char **ret_command, size_t *ret_length);

/* Whether /etc/rc.local does anything: it has a line beside comments, blanks, exit, true and : and the touch
 * of its own lock file. */
bool crontab_script_does_something(const char *text, size_t length);
