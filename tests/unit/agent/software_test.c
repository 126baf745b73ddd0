/* SPDX-License-Identifier: ISC */
/* Packages, processes and what starts, in trees that are built here. */
#include "agent/collect.h"
#include "tests/unit/agent/tree.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/time.h>

#define STANZA(name) "Package: " name "\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n"
#define INFO "/var/lib/dpkg/info/"
#define TCP_HEAD "  sl  local_address rem_address   st\n"
#define LISTENS(port, inode) \
	"   0: 00000000:" port \
	" 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 " inode " 1\n"
#define MAP(permissions, path) "7f00-7f01 " permissions " 0 fe:01 1 " path "\n"

static void executable(const struct tree *t, const char *name)
{
	char *path FREE_ON_EXIT = tree_path(t, name);
	tree_write(t, name, "x");
	assert_int_equal(chmod(path, 0755), 0);
}

static void link_to(const struct tree *t, const char *target, const char *name)
{
	char *path FREE_ON_EXIT = tree_path(t, name), *copy FREE_ON_EXIT = xstrdup(path);
	assert_int_equal(file_make_directory(dirname(copy), 0755, NULL), 0);
	assert_int_equal(symlink(target, path), 0);
}

/* A process of that number: executable, maps, and one descriptor that is that socket (NULL: none). */
static void process(const struct tree *t, int pid, const char *exe, const char *maps, const char *socket)
{
	char *name FREE_ON_EXIT = xasprintf("/proc/%d/exe", pid),
	           *file FREE_ON_EXIT = xasprintf("/proc/%d/maps", pid),
	           *fd FREE_ON_EXIT = xasprintf("/proc/%d/fd/3", pid);
	link_to(t, exe, name);
	tree_write(t, file, maps);
	link_to(t, socket ? socket : "/dev/null", fd);
}

static void no_sockets(const struct tree *t)
{
	tree_write(t, "/proc/net/tcp", TCP_HEAD);
	tree_write(t, "/proc/net/udp", TCP_HEAD);
}

/* merged: /bin and /lib are links, as they are since Debian 12; lists may still name the old places. */
static struct tree debian(void)
{
	struct tree t = tree_make();
	tree_write(&t, "/etc/os-release", "ID=debian\nVERSION_ID=12\n");
	tree_write(
	        &t, "/var/lib/dpkg/status", STANZA("nginx") STANZA("libssl3") STANZA("bash") STANZA("tool"));
	tree_write(&t, INFO "nginx.list", "/.\n/usr\n/usr/sbin\n/usr/sbin/nginx\n");
	tree_write(&t, INFO "libssl3:amd64.list",
	        "/lib/x86_64-linux-gnu/libssl.so.3\n/usr/lib/x86_64-linux-gnu/libcrypto.so.3\n");
	tree_write(&t, INFO "bash.list", "/bin/bash\n");
	tree_write(&t, INFO "tool.list", "/usr/bin/tool\n/usr/bin/gone\n/usr/bin/linked");
	tree_make_folder(&t, "/usr/lib/x86_64-linux-gnu");
	link_to(&t, "usr/bin", "/bin");
	link_to(&t, "usr/lib", "/lib");
	executable(&t, "/usr/bin/bash");
	executable(&t, "/usr/bin/tool");
	executable(&t, "/usr/sbin/nginx");
	no_sockets(&t);
	return t;
}

static struct posture *collect_with(const struct tree *t, struct ownership *o)
{
	struct root root;
	assert_int_equal(root_open(t->path, &root, NULL), 0);
	struct posture *p = collect_posture(&root, o);
	root_close(&root);
	return p;
}

static struct posture *collect(const struct tree *t)
{
	return collect_with(t, NULL);
}

static const char *reason_of(const struct posture *p, const char *field)
{
	for (size_t i = 0; i < p->n_unknowns; i++)
		if (strcmp(p->unknowns[i].field, field) == 0)
			return p->unknowns[i].reason;
	return NULL;
}

static void replaced_files(void **state)
{
	struct tree t = debian();
	uint8_t one[32], other[32];
	process(&t, 10, "/usr/sbin/nginx",
	        MAP("r-xp", "/usr/sbin/nginx") MAP("r-xp", "/usr/lib/x86_64-linux-gnu/libssl.so.3 (deleted)")
	                MAP("r-xp", "/usr/lib/x86_64-linux-gnu/libcrypto.so.3.dpkg-new (deleted)"),
	        NULL);
	process(&t, 11, "/usr/sbin/nginx", MAP("r-xp", "/usr/lib/x86_64-linux-gnu/libssl.so.3 (deleted)"),
	        NULL);
	process(&t, 12, "/usr/bin/bash", MAP("r-xp", "/usr/bin/bash") MAP("rw-p", "/usr/lib/data (deleted)"),
	        NULL);
	process(&t, 13, "/usr/bin/gone (deleted)",
	        MAP("r-xp", "/usr/bin/gone (deleted)") MAP("r-xp", "/opt/own.so (deleted)"), NULL);
	struct posture *p = collect(&t);
	assert_true(p->outdated_known);
	assert_int_equal(p->n_outdated, 2);
	assert_string_equal(p->outdated[0].program, "/usr/bin/gone");
	assert_string_equal(p->outdated[0].package, "tool");
	assert_string_equal(p->outdated[0].replaced, "/opt/own.so, tool");
	assert_int_equal(p->outdated[0].processes, 1);
	assert_string_equal(p->outdated[1].program, "/usr/sbin/nginx");
	assert_string_equal(p->outdated[1].package, "nginx");
	assert_string_equal(p->outdated[1].replaced, "libssl3");
	assert_int_equal(p->outdated[1].processes, 2);
	posture_digest(p, one);
	posture_free(p);
	/* One process more of the same program, and another number: the same digest. */
	process(&t, 14, "/usr/sbin/nginx", MAP("r-xp", "/usr/lib/x86_64-linux-gnu/libssl.so.3 (deleted)"),
	        NULL);
	p = collect(&t);
	assert_int_equal(p->outdated[1].processes, 3);
	posture_digest(p, other);
	assert_memory_equal(one, other, sizeof(one));
	posture_free(p);
	tree_remove(&t);
}

static void listeners(void **state)
{
	struct tree t = debian();
	tree_write(&t, "/proc/net/tcp",
	        TCP_HEAD LISTENS("0050", "1") LISTENS("1F90", "2") LISTENS("1F91", "3") LISTENS("1F92", "4")
	                LISTENS("1F93", "5") LISTENS("1F94", "6"));
	tree_write(&t, "/proc/net/udp", TCP_HEAD "   0: 00000000:0035 00000000:0000 07 0:0 00:0 0 0 0 2 1\n");
	executable(&t, "/opt/x");
	executable(&t, "/opt/app/server.py");
	executable(&t, "/usr/bin/python3");
	tree_write(&t, INFO "python3.list", "/usr/bin/python3\n/usr/share/tool/run.py\n");
	executable(&t, "/usr/share/tool/run.py");
	process(&t, 1, "/usr/sbin/nginx", "", "socket:[1]");  /* of a package */
	process(&t, 2, "/opt/x", "", "socket:[2]");           /* of none: TCP and UDP */
	process(&t, 3, "/opt/x", "", "socket:[3]");           /* the same, a second process */
	process(&t, 4, "/usr/bin/python3", "", "socket:[4]"); /* a script of none, relative */
	tree_write_bytes(&t, "/proc/4/cmdline", "python3\0-u\0server.py\0-x", 24);
	link_to(&t, "/opt/app", "/proc/4/cwd");
	process(&t, 5, "/usr/bin/python3", "", "socket:[5]"); /* a script of a package */
	tree_write_bytes(&t, "/proc/5/cmdline", "python3\0/usr/share/tool/run.py", 31);
	process(&t, 6, "/usr/bin/python3", "", "socket:[6]"); /* code on the command line: its interpreter */
	tree_write_bytes(&t, "/proc/6/cmdline", "python3\0-c\0/opt/x", 18);
	process(&t, 7, "/opt/quiet", "", "socket:[77]"); /* a socket that does not listen */
	struct posture *p = collect(&t);
	assert_true(p->listening_known);
	assert_int_equal(p->n_listening, 2);
	assert_string_equal(p->listening[0].program, "/opt/app/server.py");
	assert_string_equal(p->listening[0].how, "tcp 0.0.0.0:8082");
	assert_string_equal(p->listening[1].program, "/opt/x");
	/* One inode is one socket: the later table has the word. */
	assert_string_equal(p->listening[1].how, "tcp 0.0.0.0:8081, udp 0.0.0.0:53");
	posture_free(p);
	tree_remove(&t);
}

static void starting(void **state)
{
	struct tree t = debian();
	executable(&t, "/opt/x");
	tree_write(&t, "/etc/systemd/system/x.service",
	        "[Service]\nExecStart=/opt/x\nExecStartPre=/bin/bash -c true\n");
	link_to(&t, "../x.service", "/etc/systemd/system/multi-user.target.wants/x.service");
	tree_write(&t, "/etc/systemd/system/n.service", "[Service]\nExecStart=/usr/sbin/nginx\n");
	link_to(&t, "../n.service", "/etc/systemd/system/multi-user.target.wants/n.service");
	struct posture *p = collect(&t);
	assert_true(p->starting_known);
	assert_int_equal(p->n_starting, 1);
	assert_string_equal(p->starting[0].program, "/opt/x");
	assert_string_equal(p->starting[0].how, "unit x.service");
	posture_free(p);
	tree_remove(&t);
}

/* A link that a package has is not what somebody made it lead to; what was diverted is the package's where it
 * is now, and what took its place is not. */
static void links_and_diversions(void **state)
{
	struct tree t = debian();
	executable(&t, "/opt/evil");
	link_to(&t, "/opt/evil", "/usr/bin/linked");
	executable(&t, "/usr/bin/tool.distrib");
	executable(&t, "/usr/bin/other");
	executable(&t, "/usr/bin/other.real");
	tree_write(&t, INFO "other.list", "/usr/bin/other\n");
	tree_write(&t, INFO "diverter.list", "/usr/bin/other\n");
	tree_write(&t, "/var/lib/dpkg/diversions",
	        "/usr/bin/tool\n/usr/bin/tool.distrib\n:\n/usr/bin/other\n/usr/bin/other.real\ndiverter\n/"
	        "odd\n");
	tree_write(&t, "/etc/systemd/system/x.service",
	        "[Service]\nExecStart=/usr/bin/linked\nExecStart=/usr/bin/tool\nExecStart=/usr/bin/"
	        "tool.distrib\n"
	        "ExecStart=/usr/bin/other\nExecStart=/usr/bin/other.real\n");
	link_to(&t, "../x.service", "/etc/systemd/system/multi-user.target.wants/x.service");
	struct posture *p = collect(&t);
	assert_true(p->starting_known);
	assert_int_equal(p->n_starting, 2);
	assert_string_equal(p->starting[0].program, "/opt/evil");
	assert_string_equal(p->starting[1].program, "/usr/bin/tool");
	posture_free(p);
	tree_remove(&t);
}

/* The answers are kept until a database changes, and no longer. */
static void answers_are_kept(void **state)
{
	struct tree t = debian();
	struct ownership *o = ownership_new();
	executable(&t, "/opt/x");
	tree_write(&t, "/etc/systemd/system/x.service", "[Service]\nExecStart=/opt/x\n");
	link_to(&t, "../x.service", "/etc/systemd/system/multi-user.target.wants/x.service");
	struct posture *p = collect_with(&t, o);
	assert_int_equal(p->n_starting, 1);
	posture_free(p);
	/* A list that is written in place, which dpkg does not do, is not seen. */
	char *list FREE_ON_EXIT = tree_path(&t, INFO "tool.list");
	FILE *f = fopen(list, "a");
	assert_non_null(f);
	assert_true(fputs("\n/opt/x\n", f) > 0);
	assert_int_equal(fclose(f), 0);
	p = collect_with(&t, o);
	assert_int_equal(p->n_starting, 1);
	posture_free(p);
	tree_write(&t, "/var/lib/dpkg/status", STANZA("tool"));
	p = collect_with(&t, o);
	assert_int_equal(p->n_starting, 0);
	posture_free(p);
	ownership_free(o);
	tree_remove(&t);
}

static void what_cannot_be_told_is_unknown(void **state)
{
	/* No processes: an image, not a running system. */
	struct tree t = debian();
	struct posture *p = collect(&t);
	assert_false(p->outdated_known || p->listening_known);
	assert_true(p->starting_known);
	assert_non_null(strstr(reason_of(p, "processes.outdated"), "is not the running system"));
	posture_free(p);
	/* No table of sockets. */
	process(&t, 2, "/usr/sbin/nginx", "", NULL);
	char *udp FREE_ON_EXIT = tree_path(&t, "/proc/net/udp");
	assert_int_equal(unlink(udp), 0);
	p = collect(&t);
	assert_true(p->outdated_known);
	assert_false(p->listening_known);
	assert_non_null(strstr(reason_of(p, "software.listening"), "/proc/net/udp"));
	posture_free(p);
	no_sockets(&t);
	/* A process that cannot be looked into. */
	char *exe FREE_ON_EXIT = tree_path(&t, "/proc/3/exe");
	tree_write(&t, "/proc/3/exe", "not a link");
	p = collect(&t);
	assert_false(p->outdated_known || p->listening_known);
	assert_non_null(strstr(reason_of(p, "processes.outdated"), "1 of 2 processes"));
	posture_free(p);
	assert_int_equal(unlink(exe), 0);
	/* No file lists. */
	char *info FREE_ON_EXIT = tree_path(&t, INFO), *away FREE_ON_EXIT = tree_path(&t, "/away");
	info[strlen(info) - 1] = '\0';
	assert_int_equal(rename(info, away), 0);
	executable(&t, "/opt/x");
	tree_write(&t, "/proc/net/tcp", TCP_HEAD LISTENS("0050", "1"));
	process(&t, 4, "/opt/x", "", "socket:[1]");
	p = collect(&t);
	assert_true(p->outdated_known);
	assert_false(p->listening_known || p->starting_known);
	assert_non_null(strstr(reason_of(p, "software"), "/var/lib/dpkg/info"));
	posture_free(p);
	tree_remove(&t);
}

/* Links that lead out of the tree, loops, and files that are none, as a user may leave them. */
static void hostile_trees(void **state)
{
	struct tree t = debian(), outside = tree_make();
	executable(&outside, "/secret");
	char *secret FREE_ON_EXIT = tree_path(&outside, "/secret"),
	             *maps FREE_ON_EXIT = tree_path(&t, "/proc/5/maps"),
	             *list FREE_ON_EXIT = tree_path(&t, INFO "tool.list");
	process(&t, 2, secret, MAP("r-xp", "/usr/../../../../secret (deleted)") "\x01\xff\n", "socket:[1]");
	tree_write(&t, "/proc/net/tcp", TCP_HEAD LISTENS("0050", "1") "\xff garbage");
	link_to(&t, "/proc/3", "/proc/3");
	link_to(&t, "..", "/proc/4");
	link_to(&t, "/usr/sbin/nginx", "/proc/5/exe");
	assert_int_equal(mkfifo(maps, 0600), 0);
	link_to(&t, "loop", "/usr/share/loop");
	tree_write(&t, INFO "odd.list", "\n//\n/usr/share/loop/secret\nrelative\n/\xff\xfe\n");
	struct posture *p = collect(&t);
	assert_true(p->outdated_known && p->listening_known);
	assert_int_equal(p->n_outdated, 1);
	assert_string_equal(p->outdated[0].program, secret);
	assert_int_equal(p->n_listening, 1);
	assert_string_equal(p->listening[0].program, secret);
	posture_free(p);
	/* A list that is a link, or too large, makes it unknown. */
	assert_int_equal(unlink(list), 0);
	assert_int_equal(symlink(secret, list), 0);
	p = collect(&t);
	assert_false(p->listening_known || p->starting_known);
	posture_free(p);
	tree_remove(&t);
	tree_remove(&outside);
}

static void more_programs_than_a_posture_holds(void **state)
{
	struct tree t = debian();
	size_t n = POSTURE_PROGRAMS_MAX + 5;
	for (size_t i = 0; i < n; i++) {
		char *exe FREE_ON_EXIT = xasprintf("/opt/%zu", i);
		process(&t, (int)i + 1, exe, MAP("r-xp", "/usr/lib/a.so (deleted)"), NULL);
	}
	struct posture *p = collect(&t);
	assert_int_equal(p->n_outdated, POSTURE_PROGRAMS_MAX);
	assert_non_null(strstr(reason_of(p, "processes.outdated"), "more programs than"));
	posture_free(p);
	tree_remove(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replaced_files),
		cmocka_unit_test(listeners),
		cmocka_unit_test(starting),
		cmocka_unit_test(links_and_diversions),
		cmocka_unit_test(answers_are_kept),
		cmocka_unit_test(what_cannot_be_told_is_unknown),
		cmocka_unit_test(hostile_trees),
		cmocka_unit_test(more_programs_than_a_posture_holds),
	};
	return cmocka_run_group_tests_name("software", tests, NULL, NULL);
}
