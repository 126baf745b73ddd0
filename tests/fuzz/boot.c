/* SPDX-License-Identifier: ISC */
/* Any bytes as a unit file, a crontab and rc.local; what they would run is split into words. */
#include "agent/command_line.h"
#include "agent/crontab.h"
#include "agent/unit_file.h"
#include "base/defs.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *text, size_t length, bool shell)
{
	static struct command_line command;
	command_line_split(text, length, shell, &command);
	if (command.n > COMMAND_LINE_WORDS_MAX)
		abort();
	for (size_t i = 0; i < command.n; i++)
		if (command.words[i] + strlen(command.words[i]) >= command.text + sizeof(command.text))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = xcalloc(size + 1, 1);
	if (size > 0)
		memcpy(copy, data, size);
	struct unit_file file = unit_file_open(copy, size);
	struct unit_assignment a;
	const char *line;
	size_t length;
	while (unit_file_next(&file, &a)) {
		if (strlen(a.key) > size || strlen(a.section) > size)
			abort();
		check(a.value, a.value_length, false);
	}
	for (int user = 0; user < 2; user++) {
		struct crontab crontab = { (const char *)data, (const char *)data + size, user == 1 };
		while (crontab_next(&crontab, &line, &length))
			check(line, length, true);
	}
	(void)crontab_script_does_something((const char *)data, size);
	free(copy);
	return 0;
}
