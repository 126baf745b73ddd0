/* SPDX-License-Identifier: ISC */
#include "tests/unit/server/link_bed.h"
#include "server/enforcer_link.h"
#include "vuln/vuln.h"

#include <errno.h>

/* What main.c has in the program, and what the status asks of an index. */
int server_reload_policy(struct server *s, struct error *err)
{
	return -ENOTSUP;
}

int server_open_tls(
        struct server *s, unsigned roles, bool anonymous, struct tls_context **ret, struct error *err)
{
	return -ENOTSUP;
}

int server_read_address(const char *text, uint16_t port, struct sockaddr_storage *ret, struct error *err)
{
	return -ENOTSUP;
}

size_t vuln_index_count(struct vuln_index *index)
{
	return 0;
}

int vuln_index_open(const char *dir, struct vuln_index **ret, struct error *err)
{
	return -ENOENT;
}

static void on_open(struct stream *s, const struct identity *peer, void *user)
{
}

static size_t on_data(struct stream *s, const uint8_t *data, size_t length, void *user)
{
	return length;
}

static void on_close(struct stream *s, const char *reason, void *user)
{
}

const struct stream_handlers link_bed_handlers = {
	.on_open = on_open, .on_data = on_data, .on_close = on_close
};
