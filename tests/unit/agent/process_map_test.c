/* SPDX-License-Identifier: ISC */
#include "agent/process_map.h"
#include "base/defs.h"
#include "tests/unit/test.h"

#include <string.h>

/* One line of proc_pid_maps(5) with these permissions and this path. */
#define LINE(permissions, path) \
	"7f0000000000-7f0000001000 " permissions " 00000000 fe:01 131                        " path "\n"

static void lines(void **state)
{
	static const struct {
		const char *line, *path; /* NULL: it does not count */
	} rows[] = {
		{ LINE("r-xp", "/usr/lib/x86_64-linux-gnu/libssl.so.3 (deleted)"),
		        "/usr/lib/x86_64-linux-gnu/libssl.so.3" },
		{ LINE("r-xp", "/usr/sbin/nginx (deleted)"), "/usr/sbin/nginx" },
		{ LINE("rwxs", "/opt/a b/c (deleted)"), "/opt/a b/c" },
		/* As dpkg and rpm leave them. */
		{ LINE("r-xp", "/usr/lib/libc.so.6.dpkg-new (deleted)"), "/usr/lib/libc.so.6" },
		{ LINE("r-xp", "/usr/lib/libc.so.6.dpkg-tmp (deleted)"), "/usr/lib/libc.so.6" },
		{ LINE("r-xp", "/usr/lib64/libc.so.6;5f3e2a1b (deleted)"), "/usr/lib64/libc.so.6" },
		{ LINE("r-xp", "/usr/lib64/libc.so.6;5f3e2a1x (deleted)"), "/usr/lib64/libc.so.6;5f3e2a1x" },
		/* Not executed; not replaced. */
		{ LINE("r--p", "/usr/lib/libc.so.6 (deleted)"), NULL },
		{ LINE("rw-p", "/usr/lib/libc.so.6 (deleted)"), NULL },
		{ LINE("r-xp", "/usr/lib/libc.so.6"), NULL },
		{ LINE("r-xp", "/usr/lib/libc.so.6(deleted)"), NULL },
		/* Not files of the system. */
		{ LINE("rwxs", "/memfd:a/b (deleted)"), NULL },
		{ LINE("rwxs", "/memfd:jit (deleted)"), NULL },
		{ LINE("rwxs", "/dev/zero (deleted)"), NULL },
		{ LINE("rwxs", "/dev/shm/x (deleted)"), NULL },
		{ LINE("rwxs", "/SYSV00000000 (deleted)"), NULL },
		{ LINE("rwxs", "/drm mm object (deleted)"), NULL },
		{ LINE("rwxs", "/[aio] (deleted)"), NULL },
		{ LINE("rwxp", "/tmp/ffi1234 (deleted)"), NULL },
		{ LINE("rwxp", "/var/tmp/ffi1234 (deleted)"), NULL },
		{ LINE("r-xp", "/home/alice/a.out (deleted)"), NULL },
		{ LINE("r-xp", "/root/a.out (deleted)"), NULL },
		{ LINE("r-xp", "/run/user/0/x (deleted)"), NULL },
		{ LINE("r-xp", "[vdso]"), NULL },
		{ LINE("r-xp", "anon_inode:x (deleted)"), NULL },
		{ LINE("r-xp", ""), NULL },
		{ LINE("r-xp", " (deleted)"), NULL },
		/* Not lines of it. */
		{ "\n", NULL },
		{ "x\n", NULL },
		{ "a r-x\n", NULL },
		{ "r-xp /usr/bin/a (deleted)\n", NULL },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct process_map m = { rows[i].line, rows[i].line + strlen(rows[i].line) };
		char path[PROCESS_MAP_PATH_MAX];
		bool found = process_map_next(&m, path);
		if (found != (rows[i].path != NULL) || (found && strcmp(path, rows[i].path) != 0))
			fail_msg("%s", rows[i].line);
		assert_false(process_map_next(&m, path));
	}
}

static void many_lines_and_long_ones(void **state)
{
	char *name FREE_ON_EXIT = xmalloc(2 * PROCESS_MAP_PATH_MAX), path[PROCESS_MAP_PATH_MAX];
	memset(name, 'x', 2 * PROCESS_MAP_PATH_MAX - 1);
	name[2 * PROCESS_MAP_PATH_MAX - 1] = '\0';
	char *text FREE_ON_EXIT =
	        xasprintf("%s0-1 r-xp 0 0:0 1 /usr/%s (deleted)\n%s0-1 r-xp 0 0:0 1 /usr/end (deleted)",
	                LINE("r-xp", "/usr/one (deleted)"), name, LINE("r--p", "/usr/two (deleted)"));
	struct process_map m = { text, text + strlen(text) };
	assert_true(process_map_next(&m, path));
	assert_string_equal(path, "/usr/one");
	assert_true(process_map_next(&m, path));
	assert_string_equal(path, "/usr/end");
	assert_false(process_map_next(&m, path));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(many_lines_and_long_ones),
	};
	return cmocka_run_group_tests_name("process_map", tests, NULL, NULL);
}
