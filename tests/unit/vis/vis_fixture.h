/* SPDX-License-Identifier: ISC */
/* A whole vis in one process: what comes into the watched folder and into a source, a subscriber that hears
 * of it, a reader that sees it. */
#pragma once

#include "base/file.h"
#include "ipc/ipc.h"
#include "net/stream.h"
#include "tests/unit/test.h"
#include "vis/loader.h"
#include "vuln/vuln.h"

#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WAIT_S 10

struct heard {
	uint64_t hello, generation;
	size_t messages;
	bool all;
	char packages[256];
	size_t listed;
	char listed_url[256];
};

struct fixture {
	char root[64], data[96], watch[96], source[96], socket[96];
	struct source_config *spec;
	struct vis_config config;
	struct event_base *base;
	struct vis *vis;
	struct stream *subscriber;
	uint64_t knows;
	struct heard heard;
};

static inline int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static inline int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	strcpy(f->root, "vis-test-XXXXXX");
	if (!mkdtemp(f->root))
		return -1;
	snprintf(f->data, sizeof(f->data), "%s/index", f->root);
	snprintf(f->watch, sizeof(f->watch), "%s/published", f->root);
	snprintf(f->source, sizeof(f->source), "%s/source", f->root);
	snprintf(f->socket, sizeof(f->socket), "%s/vis.sock", f->root);
	mkdir(f->watch, 0755);
	mkdir(f->source, 0755);
	f->config = (struct vis_config){
		.data = f->data, .socket = f->socket, .watch = f->watch, .check_ms = 100000
	};
	f->spec = source_config_of_spec(f->source);
	f->config.sources[0] = f->spec;
	f->config.n_sources = 1;
	f->base = event_base_new();
	*state = f;
	return 0;
}

static inline void start(struct fixture *f)
{
	struct error err;
	if (vis_open(f->base, &f->config, &f->vis, &err) < 0)
		fail_msg("%s", err.text);
	while (vis_is_loading(f->vis))
		event_base_loop(f->base, EVLOOP_ONCE);
}

static inline int tear_down(void **state)
{
	struct fixture *f = *state;
	f->subscriber = stream_free(f->subscriber);
	vis_close(f->vis);
	source_config_free(f->spec);
	event_base_free(f->base);
	nftw(f->root, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static inline void hear(struct heard *h, const struct ipc_message *m)
{
	h->messages++;
	if (m->number == IPC_HELLO) {
		h->hello = ((const struct ipc_hello *)m->body)->generation;
		return;
	}
	if (m->number == IPC_LISTED) {
		const struct ipc_listed *l = m->body;
		h->listed = l->n_sources;
		for (size_t i = 0; i < l->n_sources; i++)
			snprintf(h->listed_url, sizeof(h->listed_url), "%s %s", l->sources[i].url,
			        l->sources[i].source);
		return;
	}
	assert_int_equal(m->number, IPC_ADVISORIES);
	const struct ipc_advisories *a = m->body;
	h->generation = a->generation;
	h->all = a->all;
	h->packages[0] = '\0';
	for (size_t i = 0; i < a->n_changed; i++)
		snprintf(h->packages + strlen(h->packages), sizeof(h->packages) - strlen(h->packages),
		        "%s %s;", a->changed[i].ecosystem, a->changed[i].package);
}

static inline size_t on_data(struct stream *s, const uint8_t *data, size_t length, void *user)
{
	struct fixture *f = user;
	size_t size;
	struct ipc_message m;
	if (ipc_frame_size(data, length, IPC_FRAME_MAX, &size) <= 0 || size > length)
		return 0;
	assert_int_equal(ipc_decode(data, size, &m, NULL), 0);
	hear(&f->heard, &m);
	ipc_message_clear(&m);
	event_base_loopbreak(f->base);
	return size;
}

static inline void on_open(struct stream *s, const struct identity *peer, void *user)
{
	struct fixture *f = user;
	struct writer w = wr_make(4096);
	const struct ipc_hello hello = {
		.role = (char *)"server", .version = IPC_VERSION, .generation = f->knows
	};
	assert_int_equal(ipc_encode(&w, IPC_HELLO, &hello, NULL), 0);
	stream_write(s, w.data, w.length);
	wr_free(&w);
}

static inline void on_close(struct stream *s, const char *reason, void *user)
{
	((struct fixture *)user)->subscriber = NULL;
}

static const struct stream_handlers handlers = {
	.on_open = on_open, .on_data = on_data, .on_close = on_close
};

/* Turns the loop until one more message has come. */
static inline void wait_message(struct fixture *f)
{
	size_t before = f->heard.messages;
	time_ms end = clock_monotonic_ms() + WAIT_S * 1000;
	const struct timeval step = { 0, 100000 };
	while (f->heard.messages == before && clock_monotonic_ms() < end) {
		event_base_loopexit(f->base, &step);
		event_base_dispatch(f->base);
	}
	assert_int_equal(f->heard.messages, before + 1);
}

static inline void subscribe(struct fixture *f, uint64_t knows)
{
	struct error err;
	f->knows = knows;
	if (stream_connect_unix(
	            f->base, f->socket, &STREAM_LIMITS_DEFAULT, &handlers, f, &f->subscriber, &err) < 0)
		fail_msg("%s", err.text);
	wait_message(f);
}

static inline void publish(const char *folder, const char *file, const char *id, const char *package)
{
	char path[256], json[512];
	struct error err;
	snprintf(path, sizeof(path), "%s/%s", folder, file);
	snprintf(json, sizeof(json),
	        "{\"id\":\"%s\",\"modified\":\"2026-01-01T00:00:00Z\",\"affected\":[{\"package\":{"
	        "\"ecosystem\":\"Debian:12\","
	        "\"name\":\"%s\"},\"ranges\":[{\"type\":\"ECOSYSTEM\",\"events\":[{\"introduced\":\"0\"}]}]}]"
	        "}",
	        id, package);
	if (file_replace(path, json, strlen(json), 0644, &err) < 0)
		fail_msg("%s", err.text);
}

static inline size_t count(struct fixture *f)
{
	struct vuln_index *index;
	assert_int_equal(vuln_index_open(f->data, &index, NULL), 0);
	size_t n = vuln_index_count(index);
	vuln_index_close(index);
	return n;
}

static inline void turn_until_loaded(struct fixture *f)
{
	while (vis_is_loading(f->vis))
		event_base_loop(f->base, EVLOOP_ONCE);
}

#define WITH_VIS(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
