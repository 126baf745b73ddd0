/* SPDX-License-Identifier: ISC */
/* Any bytes as what the kernel says of processes: memory maps, tables of sockets, command lines. */
#include "agent/command_line.h"
#include "agent/process_map.h"
#include "agent/socket_table.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct process_map map = { text, text + size };
	struct socket_entry entry;
	char path[PROCESS_MAP_PATH_MAX], shown[SOCKET_TEXT_SIZE];
	static struct command_line command;
	while (process_map_next(&map, path))
		if (*path != '/' || strlen(path) >= sizeof(path))
			abort();
	for (int udp = 0; udp < 2; udp++) {
		struct socket_table table = { text, text + size, udp == 1, 32768, 60999 };
		while (socket_table_next(&table, &entry))
			if (strlen(socket_entry_format(&entry, udp == 1, shown)) >= sizeof(shown) - 1)
				abort();
	}
	command_line_take_arguments(text, size, &command);
	for (size_t i = 0; i < command.n; i++)
		(void)command_line_is_interpreter(command.words[i]);
	return 0;
}
