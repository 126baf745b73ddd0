/* SPDX-License-Identifier: ISC */
#include "vuln/tree/pull.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BLOCK_SIZE ((size_t)64 << 10)

/* ---- from a directory ---- */

static int give_file(int fd, struct tree_follow *f, const struct tree_request *want, struct error *err)
{
	char *block FREE_ON_EXIT = xmalloc(BLOCK_SIZE);
	if (lseek(fd, (off_t)want->offset, SEEK_SET) < 0)
		return tree_follow_end(f, TREE_FAILED, strerror(errno), clock_wall_ms(), err);
	for (;;) {
		ssize_t n = read(fd, block, BLOCK_SIZE);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return tree_follow_end(f, TREE_FAILED, strerror(errno), clock_wall_ms(), err);
		if (n == 0)
			return tree_follow_end(f, TREE_FETCHED, NULL, clock_wall_ms(), err);
		int r = tree_follow_data(f, block, (size_t)n, err);
		if (r)
			return r;
	}
}

static int copy_file(
        const char *dir, struct tree_follow *f, const struct tree_request *want, struct error *err)
{
	char *path FREE_ON_EXIT = xasprintf("%s/%s", dir, want->path);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return tree_follow_end(f, errno == ENOENT ? TREE_ABSENT : TREE_FAILED, strerror(errno),
		        clock_wall_ms(), err);
	int r = give_file(fd, f, want, err);
	close(fd);
	return r;
}

/* ---- over HTTP ---- */

struct transfer {
	CURL *curl;
	struct tree_follow *follow;
	bool begun;
	uint64_t offset; /* that was asked for */
	int result;      /* of the follower, where it broke off */
	struct error *err;
};

/* A server that does not know ranges sends all of it. */
static size_t on_bytes(char *bytes, size_t size, size_t n, void *user)
{
	struct transfer *t = user;
	long status = 0;
	if (!t->begun) {
		(void)curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
		if (t->offset && status != 206)
			tree_follow_restart(t->follow);
		t->begun = true;
	}
	t->result = tree_follow_data(t->follow, bytes, size * n, t->err);
	return t->result ? 0 : size * n;
}

static void set_limits(CURL *curl, const struct tree_pull *pull, const struct tree_request *want)
{
	long silence = pull->silence_s ? pull->silence_s : TREE_PULL_SILENCE_S;
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(curl, CURLOPT_MAXREDIRS, (long)TREE_PULL_REDIRECTS_MAX);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)TREE_PULL_CONNECT_MS);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, (long)TREE_PULL_SPEED_LEAST);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, silence);
	/* At least so fast on the whole, however it is doled out. */
	uint64_t seconds = TREE_PULL_METADATA_S;
	if (strncmp(want->path, "files/", 6) == 0)
		seconds += (want->most - want->offset) / TREE_PULL_SPEED_LEAST;
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)seconds);
}

static int end_transfer(struct transfer *t, CURLcode code, const char *words)
{
	long status = 0;
	(void)curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
	if (code == CURLE_OK)
		return tree_follow_end(t->follow, TREE_FETCHED, NULL, clock_wall_ms(), t->err);
	if (code == CURLE_HTTP_RETURNED_ERROR && (status == 404 || status == 410))
		return tree_follow_end(t->follow, TREE_ABSENT, NULL, clock_wall_ms(), t->err);
	/* A connection that ends early: the follower judges what came. */
	if (code == CURLE_PARTIAL_FILE)
		return tree_follow_end(t->follow, TREE_FETCHED, NULL, clock_wall_ms(), t->err);
	return tree_follow_end(
	        t->follow, TREE_FAILED, *words ? words : curl_easy_strerror(code), clock_wall_ms(), t->err);
}

static int fetch(CURL *curl, const struct tree_pull *pull, struct tree_follow *f,
        const struct tree_request *want, struct error *err)
{
	struct transfer t = { .curl = curl, .follow = f, .offset = want->offset, .err = err };
	char words[CURL_ERROR_SIZE] = "";
	size_t n = strlen(pull->address);
	char *url FREE_ON_EXIT =
	        xasprintf("%s%s%s", pull->address, n && pull->address[n - 1] == '/' ? "" : "/", want->path);
	struct curl_slist *fields =
	        curl_slist_append(NULL, want->immutable ? "Accept:" : "Cache-Control: no-cache");
	curl_easy_reset(curl);
	set_limits(curl, pull, want);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, fields);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "pratique/" PRATIQUE_VERSION);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, words);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &t);
	/* Not as curl resumes, which fails where the server begins anew. */
	char range[32];
	snprintf(range, sizeof(range), "%" PRIu64 "-", want->offset);
	if (want->offset)
		curl_easy_setopt(curl, CURLOPT_RANGE, range);
	CURLcode code = curl_easy_perform(curl);
	curl_slist_free_all(fields);
	return t.result ? t.result : end_transfer(&t, code, words);
}

/* ---- the round ---- */

int tree_pull_run(const struct tree_pull *pull, struct tree_follow *f, struct error *err)
{
	const bool remote = strstr(pull->address, "://");
	struct tree_request want;
	CURL *curl = NULL;
	int r = 0;
	if (remote && strncmp(pull->address, "http://", 7) != 0 && strncmp(pull->address, "https://", 8) != 0)
		return error_set(
		        err, -EINVAL, "%s: neither http:// nor https:// nor a directory", pull->address);
	if (remote && (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !(curl = curl_easy_init())))
		return error_set(err, -ENOMEM, "%s: cannot set up the transfer", pull->address);
	tree_follow_begin(f);
	while (r == 0 && tree_follow_next(f, &want))
		r = curl ? fetch(curl, pull, f, &want, err) : copy_file(pull->address, f, &want, err);
	if (curl)
		curl_easy_cleanup(curl);
	if (r == 0) {
		/* What failed on our own disk between two files. */
		struct tree_follow_status status;
		tree_follow_status(f, &status);
		if (status.last != TREE_GOOD)
			r = error_set(err, -EIO, "%s", status.reason);
	}
	return r ? error_prefix(err, r, "%s", pull->address) : 0;
}
