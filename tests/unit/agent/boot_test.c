/* SPDX-License-Identifier: ISC */
#include "agent/boot.h"
#include "agent/command_line.h"
#include "agent/crontab.h"
#include "agent/unit_file.h"
#include "tests/unit/agent/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

/* ---- the texts ---- */

static void commands(void **state)
{
	static const struct {
		const char *text;
		bool shell;
		const char *words; /* with | between */
	} rows[] = {
		{ "/usr/bin/a -b  c", false, "/usr/bin/a|-b|c" },
		{ "'/opt/a b/c' \"d e\" f\\ g", false, "/opt/a b/c|d e|f g" },
		{ "a'b'\"c\"", false, "abc" },
		{ "a;b", false, "a;b" },
		{ "cd /x;/y&&(/z)|w>/v", true, "cd|/x|/y|/z|w|/v" },
		{ "\"a;b\"", true, "a;b" },
		{ "'open", false, "open" },
		{ "\\", false, "\\" },
		{ "   ", false, "" },
		{ "", false, "" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct command_line c;
		char joined[256] = "";
		command_line_split(rows[i].text, strlen(rows[i].text), rows[i].shell, &c);
		for (size_t k = 0, n = 0; k < c.n; k++)
			n += (size_t)snprintf(
			        joined + n, sizeof(joined) - n, "%s%s", k ? "|" : "", c.words[k]);
		assert_string_equal(joined, rows[i].words);
	}
}

static void long_commands_are_cut(void **state)
{
	size_t n = 4 * COMMAND_LINE_TEXT_MAX;
	char *text FREE_ON_EXIT = xmalloc(n);
	struct command_line c;
	memset(text, 'x', n);
	command_line_split(text, n, false, &c);
	assert_int_equal(c.n, 1);
	assert_int_equal(strlen(c.words[0]), COMMAND_LINE_TEXT_MAX - 1);
	for (size_t i = 0; i < n; i += 2)
		text[i] = ' ';
	command_line_split(text, n, false, &c);
	assert_int_equal(c.n, COMMAND_LINE_WORDS_MAX);
	memset(text, 'x', n);
	for (size_t i = 0; i < n; i += 2)
		text[i] = '\0';
	command_line_take_arguments(text, n, &c);
	assert_int_equal(c.n, COMMAND_LINE_WORDS_MAX);
}

static void interpreters(void **state)
{
	static const char *const are[] = { "/bin/sh", "/usr/bin/python3.11", "perl", "/usr/bin/perl5.36",
		"/usr/lib/jvm/java-17/bin/java", "/lib64/ld-linux-x86-64.so.2", "/lib/ld-musl-x86_64.so.1" };
	static const char *const are_not[] = { "/usr/sbin/sshd", "/usr/bin/shred", "/usr/bin/python3-config",
		"" };
	for (size_t i = 0; i < ARRAY_LENGTH(are); i++)
		assert_true(command_line_is_interpreter(are[i]));
	for (size_t i = 0; i < ARRAY_LENGTH(are_not); i++)
		assert_false(command_line_is_interpreter(are_not[i]));
}

static void unit_files(void **state)
{
	static const char text[] =
	        "Before=any\n# comment\n; another\n[Unit]\nWants = a.service  b.service \n"
	        "[Service]\r\nExecStart=/bin/a \\\n# in between\n  -b \\\n  -c\r\nno assignment\n"
	        "ExecStart=\n[]\nX=1\n[Install\nY=\\\n2\nZ=\\";
	static const struct {
		const char *section, *key, *value;
	} wanted[] = {
		{ "", "Before", "any" },
		{ "Unit", "Wants", "a.service  b.service" },
		{ "Service", "ExecStart",
		        "/bin/a "
		        "  "
		        "            "
		        "    -b     -c" },
		{ "Service", "ExecStart", "" },
		{ "", "X", "1" },
		{ "", "Y", "2" },
		{ "", "Z", "\\" },
	};
	char *copy FREE_ON_EXIT = xstrdup(text);
	struct unit_file f = unit_file_open(copy, strlen(copy));
	struct unit_assignment a;
	size_t n = 0;
	while (unit_file_next(&f, &a)) {
		assert_in_range(n, 0, ARRAY_LENGTH(wanted) - 1);
		assert_string_equal(a.section, wanted[n].section);
		assert_string_equal(a.key, wanted[n].key);
		/* However many blanks take the place of what was joined. */
		struct command_line have, want;
		command_line_split(a.value, a.value_length, false, &have);
		command_line_split(wanted[n].value, strlen(wanted[n].value), false, &want);
		assert_int_equal(have.n, want.n);
		for (size_t i = 0; i < have.n; i++)
			assert_string_equal(have.words[i], want.words[i]);
		n++;
	}
	assert_int_equal(n, ARRAY_LENGTH(wanted));
}

static void crontabs(void **state)
{
	static const char text[] =
	        "SHELL=/bin/sh\n# @reboot x y\n5 4 * * * root /a\n  @reboot\troot  /opt/b -c \n"
	        "@reboot\n@rebooted root /d\n@daily root /e\n@reboot root\n@reboot f /g";
	struct crontab c = { text, text + strlen(text), true };
	const char *command;
	size_t length;
	assert_true(crontab_next(&c, &command, &length));
	assert_int_equal(length, strlen("/opt/b -c"));
	assert_memory_equal(command, "/opt/b -c", length);
	assert_true(crontab_next(&c, &command, &length));
	assert_memory_equal(command, "/g", length);
	assert_false(crontab_next(&c, &command, &length));
	c = (struct crontab){ text, text + strlen(text), false };
	assert_true(crontab_next(&c, &command, &length));
	assert_memory_equal(command, "root", 4);
}

static void rc_local(void **state)
{
	static const char *const idle[] = { "", "#!/bin/sh -e\n# x\n\nexit 0\n",
		"touch /var/lock/subsys/local\n:", "true" };
	static const char *const busy[] = { "#!/bin/sh\n/opt/x &\nexit 0\n", "exit 0; /opt/x",
		"true&&/opt/x\n", "truex", "\ttouch /etc/x" };
	for (size_t i = 0; i < ARRAY_LENGTH(idle); i++)
		assert_false(crontab_script_does_something(idle[i], strlen(idle[i])));
	for (size_t i = 0; i < ARRAY_LENGTH(busy); i++)
		assert_true(crontab_script_does_something(busy[i], strlen(busy[i])));
}

/* ---- the boot of a tree ---- */

static void executable(const struct tree *t, const char *name)
{
	char *path FREE_ON_EXIT = tree_path(t, name);
	tree_write(t, name, "#!/bin/sh\n");
	assert_int_equal(chmod(path, 0755), 0);
}

static void link_to(const struct tree *t, const char *target, const char *name)
{
	char *path FREE_ON_EXIT = tree_path(t, name), *copy FREE_ON_EXIT = xstrdup(path);
	assert_int_equal(file_make_directory(dirname(copy), 0755, NULL), 0);
	assert_int_equal(symlink(target, path), 0);
}

#define UNITS "/usr/lib/systemd/system/"
#define ETC "/etc/systemd/system/"

/* "path how; path how" of all that starts. */
static char *starting(const struct tree *t)
{
	struct root root;
	struct error err = { "" };
	struct programs programs;
	char *text = xstrdup("");
	programs_init(&programs);
	assert_int_equal(root_open(t->path, &root, NULL), 0);
	if (boot_look(&root, &programs, &err) < 0)
		fail_msg("%s", err.text);
	struct program **list FREE_ON_EXIT = programs_list(&programs);
	for (size_t i = 0; i < table_count(programs.table); i++) {
		char *how FREE_ON_EXIT = name_set_join(&list[i]->starts, 900), *before FREE_ON_EXIT = text;
		text = xasprintf("%s%s%s [%s]", before, *before ? "; " : "", list[i]->path, how);
	}
	programs_clear(&programs);
	root_close(&root);
	return text;
}

static void assert_starting(const struct tree *t, const char *wanted)
{
	char *text FREE_ON_EXIT = starting(t);
	assert_string_equal(text, wanted);
}

static void services(void **state)
{
	struct tree t = tree_make();
	static const char *const programs[] = { "/opt/a", "/opt/b", "/opt/c", "/opt/d", "/opt/e", "/opt/f",
		"/opt/g", "/usr/bin/python3", "/opt/h.py", "/usr/local/bin/i", "/opt/never", "/opt/k",
		"/opt/l" };
	for (size_t i = 0; i < ARRAY_LENGTH(programs); i++)
		executable(&t, programs[i]);
	/* Enabled by a link, with all that may stand before a path. */
	tree_write(
	        &t, UNITS "a.service", "[Service]\nExecStartPre=-@/opt/b x\nExecStart=+/opt/a -n ; /opt/c\n");
	link_to(&t, UNITS "a.service", ETC "multi-user.target.wants/a.service");
	/* There, but nothing wants it; wanted, but not there; masked; not a file. */
	tree_write(&t, UNITS "never.service", "[Service]\nExecStart=/opt/never\n");
	link_to(&t, UNITS "missing.service", ETC "multi-user.target.wants/missing.service");
	link_to(&t, "/dev/null", ETC "masked.service");
	tree_write(&t, UNITS "masked.service", "[Service]\nExecStart=/opt/never\n");
	link_to(&t, UNITS "masked.service", ETC "multi-user.target.wants/masked.service");
	tree_make_folder(&t, ETC "multi-user.target.wants/folder.service");
	/* A drop-in takes the command back and gives another. */
	tree_write(&t, UNITS "d.service", "[Service]\nExecStart=/opt/never\n");
	tree_write(&t, ETC "d.service.d/10.conf", "[Service]\nExecStart=\nExecStart=/opt/d\n");
	link_to(&t, UNITS "d.service", ETC "sockets.target.wants/d.service");
	/* By a socket of the same name, a timer with another, and a wish. */
	tree_write(&t, UNITS "e.socket", "[Socket]\nListenStream=1\n");
	tree_write(&t, UNITS "e.service", "[Unit]\nWants=g.service\n[Service]\nExecStart=/opt/e\n");
	link_to(&t, UNITS "e.socket", ETC "sockets.target.wants/e.socket");
	tree_write(&t, UNITS "f.timer", "[Timer]\nUnit=other.service\n");
	tree_write(&t, UNITS "other.service", "[Service]\nExecStart=/opt/f\n");
	link_to(&t, UNITS "f.timer", ETC "timers.target.wants/f.timer");
	tree_write(&t, UNITS "g.service", "[Service]\nExecStart=/opt/g\nExecStop=/opt/never\n");
	/* An instance of a template; a script with its interpreter; a name without a path. */
	tree_write(&t, UNITS "h@.service", "[Service]\nExecStart=/usr/bin/python3 -u /opt/h.py %i\n");
	link_to(&t, UNITS "h@.service", ETC "multi-user.target.wants/h@one.service");
	tree_write(&t, ETC "i.service",
	        "[Service]\nExecStart=i\nExecStart=/opt/%i /opt/nothing\nExecStart=\"\"\n");
	link_to(&t, "../i.service", ETC "default.target.requires/i.service");
	assert_starting(&t,
	        "/opt/a [unit a.service]; /opt/b [unit a.service]; /opt/c [unit a.service]; /opt/d [unit "
	        "d.service]; "
	        "/opt/e [unit e.service]; /opt/f [unit other.service]; /opt/g [unit g.service]; "
	        "/opt/h.py [unit h@one.service]; /usr/bin/python3 [unit h@one.service]; "
	        "/usr/local/bin/i [unit i.service]");
	tree_remove(&t);
}

static void scripts_and_cron(void **state)
{
	struct tree t = tree_make();
	static const char *const programs[] = { "/etc/init.d/on", "/etc/init.d/off", "/etc/init.d/rc",
		"/opt/a", "/opt/b", "/opt/c", "/etc/local.d/x.start", "/etc/local.d/x.stop" };
	for (size_t i = 0; i < ARRAY_LENGTH(programs); i++)
		executable(&t, programs[i]);
	tree_write(&t, "/opt/data", "");
	link_to(&t, "../init.d/on", "/etc/rc2.d/S01on");
	link_to(&t, "../init.d/off", "/etc/rc2.d/K01off");
	link_to(&t, "/etc/init.d/rc", "/etc/runlevels/default/rc");
	tree_write(&t, "/etc/crontab", "@reboot root cd / && /opt/a </opt/data\n* * * * * root /opt/never\n");
	tree_write(&t, "/etc/cron.d/b", "@reboot root /opt/b\n");
	tree_write(&t, "/var/spool/cron/crontabs/alice", "@reboot /opt/c\n");
	executable(&t, "/etc/rc.local");
	assert_starting(&t,
	        "/etc/init.d/on [script in /etc/rc2.d]; /etc/init.d/rc [script in /etc/runlevels/default]; "
	        "/etc/local.d/x.start [script in /etc/local.d]; /opt/a [@reboot in /etc/crontab]; "
	        "/opt/b [@reboot in /etc/cron.d/b]; /opt/c [@reboot in /var/spool/cron/crontabs/alice]");
	char *path FREE_ON_EXIT = tree_path(&t, "/etc/rc.local");
	tree_write(&t, "/etc/rc.local", "#!/bin/sh\n/opt/a &\nexit 0\n");
	assert_int_equal(chmod(path, 0755), 0);
	char *text FREE_ON_EXIT = starting(&t);
	assert_non_null(strstr(text, "/etc/rc.local [rc.local]"));
	assert_int_equal(chmod(path, 0644), 0); /* not run */
	char *after FREE_ON_EXIT = starting(&t);
	assert_null(strstr(after, "rc.local"));
	tree_remove(&t);
}

/* Loops, ways out, what is no file, and what is too large: nothing is found, and nothing breaks. */
static void hostile_trees(void **state)
{
	struct tree t = tree_make(), outside = tree_make();
	executable(&outside, "/opt/secret");
	tree_write(&outside, "/unit", "[Service]\nExecStart=/opt/secret\n");
	char *unit FREE_ON_EXIT = tree_path(&outside, "/unit"),
	           *secret FREE_ON_EXIT = tree_path(&outside, "/opt/secret"),
	           *fifo FREE_ON_EXIT = tree_path(&t, "/etc/crontab");
	link_to(&t, "a.service", ETC "b.service");
	link_to(&t, "b.service", ETC "a.service");
	link_to(&t, "../a.service", ETC "multi-user.target.wants/a.service");
	link_to(&t, unit, ETC "out.service");
	link_to(&t, unit, ETC "multi-user.target.wants/out.service");
	link_to(&t, "../../../../../../../../etc/passwd", ETC "up.service");
	link_to(&t, "/etc/passwd", ETC "multi-user.target.wants/up.service");
	link_to(&t, secret, "/opt/secret");
	tree_write(&t, ETC "self.service",
	        "[Unit]\nWants=self.service two.service\n[Service]\nExecStart=/opt/secret\n");
	tree_write(&t, ETC "two.service", "[Unit]\nRequires=self.service\nWants=../../x /y\n");
	link_to(&t, "../self.service", ETC "multi-user.target.wants/self.service");
	assert_int_equal(mkfifo(fifo, 0600), 0);
	link_to(&t, "/etc/cron.d", "/etc/cron.d/loop");
	char *huge FREE_ON_EXIT = tree_path(&t, ETC "huge.service");
	tree_write(&t, ETC "huge.service", "[Service]\nExecStart=/opt/secret\n");
	assert_int_equal(truncate(huge, UNIT_FILE_MAX + 1), 0);
	link_to(&t, "../huge.service", ETC "multi-user.target.wants/huge.service");
	assert_starting(&t, "");
	tree_remove(&t);
	tree_remove(&outside);
}

/* What a user may fill a crontab with costs a named number of look-ups, and then nothing is known. */
static void too_many_commands(void **state)
{
	struct tree t = tree_make();
	struct root root;
	struct error err = { "" };
	struct programs programs;
	char *text FREE_ON_EXIT = xmalloc(CRONTAB_FILE_MAX);
	size_t n = 0;
	while (n < (CRONTAB_COMMANDS_MAX + 1) * strlen("@reboot a\n"))
		n += (size_t)sprintf(text + n, "@reboot a\n");
	tree_write(&t, "/var/spool/cron/crontabs/eve", text);
	programs_init(&programs);
	assert_int_equal(root_open(t.path, &root, NULL), 0);
	assert_int_equal(boot_look(&root, &programs, &err), -E2BIG);
	assert_non_null(strstr(err.text, "/var/spool/cron/crontabs/eve: more than 1000 commands"));
	programs_clear(&programs);
	root_close(&root);
	tree_remove(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands),
		cmocka_unit_test(long_commands_are_cut),
		cmocka_unit_test(interpreters),
		cmocka_unit_test(unit_files),
		cmocka_unit_test(crontabs),
		cmocka_unit_test(rc_local),
		cmocka_unit_test(services),
		cmocka_unit_test(scripts_and_cron),
		cmocka_unit_test(hostile_trees),
		cmocka_unit_test(too_many_commands),
	};
	return cmocka_run_group_tests_name("boot", tests, NULL, NULL);
}
