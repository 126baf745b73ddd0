/* SPDX-License-Identifier: ISC */
/* Fetching from a server that does what it should not, and the files of a provider's document, which change
 * together however often the program is killed meanwhile. */
#include "base/file.h"
#include "tests/unit/test.h"
#include "tests/unit/vuln/load_fixture.h"
#include "vuln/fetch_file.h"
#include "vuln/provider_set.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOP_BYTES 1000

/* One request a connection: /hop leads to /file with many words, /same has never changed, else "body". */
static void answer(int fd)
{
	char request[4096] = "", reply[4096];
	size_t n = 0;
	for (ssize_t r; !strstr(request, "\r\n\r\n") && n < sizeof(request) - 1; n += (size_t)r)
		if ((r = read(fd, request + n, sizeof(request) - 1 - n)) <= 0)
			return;
	int length = strncmp(request, "GET /hop ", 9) == 0
	        ? snprintf(reply, sizeof(reply),
	                  "HTTP/1.1 302 Found\r\nLocation: /file\r\nConnection: close\r\nContent-Length: "
	                  "%d\r\n\r\n%0*d",
	                  HOP_BYTES, HOP_BYTES, 0)
	        : snprintf(reply, sizeof(reply), "HTTP/1.1 %s\r\nConnection: close\r\n%s",
	                  strncmp(request, "GET /same ", 10) == 0 ? "304 Not Modified" : "200 OK",
	                  strncmp(request, "GET /same ", 10) == 0 ? "\r\n" : "Content-Length: 4\r\n\r\nbody");
	for (int done = 0; done < length;) {
		ssize_t r = write(fd, reply + done, (size_t)(length - done));
		if (r <= 0)
			return;
		done += (int)r;
	}
}

/* Until it is killed, or the test ends. Returns its port. */
static uint16_t serve(pid_t *ret_server)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	*ret_server = fork();
	if (*ret_server == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;) {
			int peer = accept(fd, NULL, NULL);
			answer(peer);
			close(peer);
		}
	}
	close(fd);
	return ntohs(address.sin_port);
}

static int may(const char *url, void *context, struct error *why)
{
	return 0;
}

static void what_servers_say(void **state)
{
	struct load_fixture *f = *state;
	struct fetch *fetch;
	struct error err = { "" };
	pid_t server;
	uint16_t port = serve(&server);
	char *path FREE_ON_EXIT = xasprintf("%s/f", f->root),
	           *hop FREE_ON_EXIT = xasprintf("http://127.0.0.1:%u/hop", port),
	           *same FREE_ON_EXIT = xasprintf("http://127.0.0.1:%u/same", port),
	           *have FREE_ON_EXIT = xasprintf("%s/have", f->root);
	assert_int_equal(fetch_open(NULL, NULL, &fetch, &err), 0);
	/* What comes with redirects comes as well. */
	fetch_set_manner(fetch, &(struct fetch_manner){ .may = may, .many = true });
	assert_int_equal(fetch_file(fetch, hop, path, HOP_BYTES, &err), FETCH_NEW);
	assert_int_equal(fetch_bytes(fetch), HOP_BYTES + 4);
	/* Unchanged is an answer to who asked whether it is: of this file, or of another one. */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(fetch_file(fetch, same, path, HOP_BYTES, &err), -ENODATA);
	assert_non_null(strstr(err.text, "the server says that it is unchanged, and nobody asked"));
	load_write(f, "have", "have", SIZE_MAX);
	fetch_set_manner(fetch, &(struct fetch_manner){ .many = true, .have = have });
	assert_int_equal(fetch_file(fetch, same, path, HOP_BYTES, &err), FETCH_UNCHANGED);
	fetch_set_manner(fetch, &(struct fetch_manner){ .many = true, .have = have, .whole = true });
	assert_int_equal(fetch_file(fetch, same, path, HOP_BYTES, &err), -ENODATA);
	assert_int_not_equal(access(path, F_OK), 0);
	fetch_close(fetch);
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
}

/* The files beside tree/a.json and what is in them, in a fixed order: "a.json=new a.json.asc=old". */
static char *tree_of(const struct load_fixture *f)
{
	static const char *const suffixes[] = { "", ".asc", ".sha256", ".sha512" };
	char *all = xstrdup("");
	for (size_t i = 0; i < ARRAY_LENGTH(suffixes); i++) {
		char *path FREE_ON_EXIT = xasprintf("%s/tree/x/a.json%s", f->root, suffixes[i]),
		           *text FREE_ON_EXIT = NULL;
		size_t length;
		if (file_read(path, 100, &text, &length, NULL) < 0)
			continue;
		char *more =
		        xasprintf("%s%s%s=%s", all, *all ? " " : "", *suffixes[i] ? suffixes[i] : "a", text);
		free(all);
		all = more;
	}
	return all;
}

static void put_text(
        struct load_fixture *f, const struct provider_set *s, const char *suffix, const char *text)
{
	char *to FREE_ON_EXIT = provider_set_file(s, suffix);
	load_write(f, to + strlen(f->root) + 1, text, SIZE_MAX);
}

static void put(struct load_fixture *f, const struct provider_set *s, const char *suffix)
{
	put_text(f, s, suffix, "new");
}

static void expect_tree(const struct load_fixture *f, const char *should)
{
	char *is FREE_ON_EXIT = tree_of(f);
	assert_string_equal(is, should);
}

static void old_tree(struct load_fixture *f)
{
	load_write(f, "tree/x/a.json", "old", SIZE_MAX);
	load_write(f, "tree/x/a.json.sha512", "old", SIZE_MAX);
	load_write(f, "tree/x/a.json.asc", "old", SIZE_MAX);
}

static void sets(void **state)
{
	struct load_fixture *f = *state;
	struct provider_set s, other;
	struct error err = { "" };
	char *tree FREE_ON_EXIT = xasprintf("%s/tree", f->root);
	old_tree(f);
	assert_int_equal(provider_set_open(&s, f->root, tree, &err), 0);
	assert_int_equal(provider_set_open(&other, f->root, tree, &err), -EBUSY);
	provider_set_close(&other);
	/* What does not come stays, what is dropped leaves, and what is dropped and comes has come. */
	put(f, &s, ".sha512");
	assert_int_equal(provider_set_drop(&s, ".sha512", &err), 0);
	assert_int_equal(provider_set_drop(&s, ".asc", &err), 0);
	expect_tree(f, "a=old .asc=old .sha512=old");
	assert_int_equal(provider_set_place(&s, "x/a.json", &err), 0);
	expect_tree(f, "a=old .sha512=new");
	/* One that nobody places is forgotten. */
	put(f, &s, "");
	assert_int_equal(provider_set_begin(&s, &err), 0);
	assert_int_equal(provider_set_place(&s, "x/a.json", &err), 0);
	expect_tree(f, "a=old .sha512=new");
	/* Where one of them can have no place, none takes it. */
	load_write(f, "tree/x/a.json.sha256/b.json", "other", SIZE_MAX);
	assert_int_equal(provider_set_begin(&s, &err), 0);
	put(f, &s, "");
	put(f, &s, ".sha256");
	assert_int_equal(provider_set_place(&s, "x/a.json", &err), -EISDIR);
	assert_int_equal(provider_set_begin(&s, &err), 0);
	expect_tree(f, "a=old .sha512=new");
	provider_set_close(&s);
}

/* As it lies there when the program ended behind so many of its renames. */
static void half_placed(void **state)
{
	struct load_fixture *f = *state;
	char *tree FREE_ON_EXIT = xasprintf("%s/tree", f->root);
	struct error err = { "" };
	static const char *const suffixes[] = { "", ".sha256", ".sha512" };
	for (size_t moved = 0; moved <= ARRAY_LENGTH(suffixes); moved++) {
		struct provider_set s;
		old_tree(f);
		load_write(f, ".next/document.asc.gone", "", SIZE_MAX);
		for (size_t i = 0; i < ARRAY_LENGTH(suffixes); i++) {
			char *name FREE_ON_EXIT = xasprintf(
			        "%s%s", i < moved ? "tree/x/a.json" : ".next/document", suffixes[i]);
			load_write(f, name, "new", SIZE_MAX);
		}
		load_write(f, ".next/of", "x/a.json", SIZE_MAX);
		assert_int_equal(provider_set_open(&s, f->root, tree, &err), 0);
		expect_tree(f, "a=new .sha256=new .sha512=new");
		provider_set_close(&s);
		char *sha256 FREE_ON_EXIT = xasprintf("%s/x/a.json.sha256", tree);
		assert_int_equal(unlink(sha256), 0);
	}
	/* Of whom nothing was left but the name. */
	struct provider_set s;
	load_write(f, ".next/of", "", SIZE_MAX);
	assert_int_equal(provider_set_open(&s, f->root, tree, &err), 0);
	expect_tree(f, "a=new .sha512=new");
	provider_set_close(&s);
}

/* Places one set after another; what belongs together has the same text. */
static void place_for_ever(struct load_fixture *f, const char *tree)
{
	struct provider_set s;
	struct error err;
	if (provider_set_open(&s, f->root, tree, &err) < 0)
		_exit(1);
	for (unsigned i = 0;; i++) {
		char text[32];
		snprintf(text, sizeof(text), "%d-%u", getpid(), i);
		put_text(f, &s, "", text);
		put_text(f, &s, i % 2 ? ".sha256" : ".sha512", text);
		if (provider_set_drop(&s, ".sha256", &err) < 0 ||
		        provider_set_drop(&s, ".sha512", &err) < 0 ||
		        provider_set_place(&s, "x/a.json", &err) < 0 || provider_set_begin(&s, &err) < 0)
			_exit(1);
	}
}

static void killed_at_any_time(void **state)
{
	struct load_fixture *f = *state;
	char *tree FREE_ON_EXIT = xasprintf("%s/tree", f->root);
	load_write(f, "tree/x/a.json", "old", SIZE_MAX);
	load_write(f, "tree/x/a.json.sha512", "old", SIZE_MAX);
	for (int i = 0; i < 60; i++) {
		struct provider_set s;
		struct error err;
		char document[32], proof[32], suffix[8];
		int status;
		pid_t child = fork();
		if (child == 0)
			place_for_ever(f, tree);
		usleep((useconds_t)(1000 + i * 37));
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(provider_set_open(&s, f->root, tree, &err), 0);
		char *is FREE_ON_EXIT = tree_of(f);
		if (sscanf(is, "a=%31s .%7[a-z0-9]=%31s", document, suffix, proof) != 3 ||
		        strcmp(document, proof) != 0 || strchr(is, ' ') != strrchr(is, ' '))
			fail_msg("%s", is);
		provider_set_close(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_servers_say, load_set_up, load_tear_down),
		cmocka_unit_test_setup_teardown(sets, load_set_up, load_tear_down),
		cmocka_unit_test_setup_teardown(half_placed, load_set_up, load_tear_down),
		cmocka_unit_test_setup_teardown(killed_at_any_time, load_set_up, load_tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
