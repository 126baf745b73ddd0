/* SPDX-License-Identifier: ISC */
#include "agent/socket_table.h"
#include "base/defs.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <string.h>

#define HEAD \
	"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
#define LINE(local, remote, state, inode) \
	"   0: " local " " remote " " state " 00000000:00000000 00:00000000 00000000     0        0 " inode \
	" 1 0 100 0\n"
#define ANY6 "00000000000000000000000000000000"

/* As a little-endian machine prints them. */
static void lines(void **state)
{
	static const struct {
		const char *line;
		bool udp;
		const char *text; /* NULL: it does not listen */
		uint64_t inode;
	} rows[] = {
		{ LINE("00000000:0016", "00000000:0000", "0A", "12345"), false, "tcp 0.0.0.0:22", 12345 },
		{ LINE("0100007F:1F90", "00000000:0000", "0A", "7"), false, "tcp 127.0.0.1:8080", 7 },
		{ LINE(ANY6 ":0050", ANY6 ":0000", "0A", "8"), false, "tcp [::]:80", 8 },
		{ LINE("B80D0120000000000000000001000000:0050", ANY6 ":0000", "0A", "9"), false,
		        "tcp [2001:db8::1]:80", 9 },
		{ LINE("00000000:9C40", "00000000:0000", "0A", "10"), false, "tcp 0.0.0.0:*", 10 },
		{ LINE("00000000:0035", "00000000:0000", "07", "11"), true, "udp 0.0.0.0:53", 11 },
		{ LINE("00000000:9C40", "00000000:0000", "07", "12"), true, NULL, 0 }, /* a client's */
		{ LINE("00000000:0035", "0100007F:0035", "01", "13"), true, NULL, 0 }, /* connected */
		{ LINE("00000000:0016", "0100007F:1F90", "01", "14"), false, NULL, 0 },
		{ LINE("00000000:0000", "00000000:0000", "0A", "15"), false, NULL, 0 },
		{ LINE("00000000:0016", "00000000:0000", "0A", "x"), false, NULL, 0 },
		{ LINE("00000000:0016", "00000000:0000", "0A", "99999999999999999999999"), false, NULL, 0 },
		{ LINE("000000:0016", "00000000:0000", "0A", "16"), false, NULL, 0 },
		{ LINE("0000000000000000:0016", "00000000:0000", "0A", "17"), false, NULL, 0 },
		{ LINE("00000000:16", "00000000:0000", "0A", "18"), false, NULL, 0 },
		{ HEAD, false, NULL, 0 },
		{ "   0: 00000000:0016 00000000:0000 0A\n", false, NULL, 0 },
		{ "\n", false, NULL, 0 },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct socket_table t = { rows[i].line, rows[i].line + strlen(rows[i].line), rows[i].udp,
			32768, 60999 };
		struct socket_entry entry;
		char text[SOCKET_TEXT_SIZE];
		if (socket_table_next(&t, &entry) != (rows[i].text != NULL))
			fail_msg("%s", rows[i].line);
		if (!rows[i].text)
			continue;
		assert_string_equal(socket_entry_format(&entry, rows[i].udp, text), rows[i].text);
		assert_int_equal(entry.inode, rows[i].inode);
	}
}

static void a_whole_table(void **state)
{
	static const char table[] = HEAD LINE("00000000:0016", "00000000:0000", "0A", "1")
	        LINE("00000000:0016", "0100007F:1F90", "01", "2") "garbage\n" LINE(
	                "00000000:0019", "00000000:0000", "0A", "3");
	struct socket_table t = { table, table + strlen(table), false, 32768, 60999 };
	struct socket_entry entry;
	assert_true(socket_table_next(&t, &entry));
	assert_int_equal(entry.inode, 1);
	assert_true(socket_table_next(&t, &entry));
	assert_int_equal(entry.inode, 3);
	assert_false(socket_table_next(&t, &entry));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(a_whole_table),
	};
	return cmocka_run_group_tests_name("socket_table", tests, NULL, NULL);
}
