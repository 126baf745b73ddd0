/* SPDX-License-Identifier: ISC */
/* Fetching from a server that does what it should not. */
#include "tests/unit/test.h"
#include "tests/unit/vuln/load_fixture.h"
#include "vuln/fetch_file.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_servers_say, load_set_up, load_tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
