/* SPDX-License-Identifier: ISC */
#include "vuln/fetch_file.h"

#include "base/file.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TAG_MAX 1024

struct fetch {
	CURL *curl;
	struct fetch_manner manner;
	int64_t bytes;
	fetch_progress_fn progress;
	void *context;
};

/* One file on its way: into path.part, then in the place of path. */
struct transfer {
	CURL *curl;
	const struct fetch_manner *manner;
	const struct fetch *fetch;
	const char *url, *path;
	int64_t limit, got, before; /* of this request; of those that led to it */
	int fd;
	char etag[TAG_MAX];
	char reason[CURL_ERROR_SIZE];
	bool too_large, asked; /* whether it has changed */
};

static size_t on_data(char *bytes, size_t size, size_t n, void *transfer)
{
	struct transfer *t = transfer;
	size_t length = size * n;
	t->got += (int64_t)length;
	if (t->got > t->limit) {
		t->too_large = true;
		return 0;
	}
	for (size_t done = 0; done < length;) {
		ssize_t r = write(t->fd, bytes + done, length - done);
		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return 0;
		done += (size_t)r;
	}
	return length;
}

/* The last response's, behind all redirects. */
static size_t on_header(char *bytes, size_t size, size_t n, void *transfer)
{
	struct transfer *t = transfer;
	size_t length = size * n;
	if (length > 5 && memcmp(bytes, "HTTP/", 5) == 0)
		*t->etag = '\0';
	if (length > 5 && strncasecmp(bytes, "etag:", 5) == 0) {
		size_t begin = 5, end = length;
		while (begin < end && isspace((unsigned char)bytes[begin]))
			begin++;
		while (end > begin && isspace((unsigned char)bytes[end - 1]))
			end--;
		bool clean = end - begin < TAG_MAX;
		for (size_t i = begin; i < end; i++)
			clean &= (unsigned char)bytes[i] > ' ' && (unsigned char)bytes[i] < 0x7f;
		snprintf(t->etag, sizeof(t->etag), "%.*s", clean ? (int)(end - begin) : 0, bytes + begin);
	}
	return length;
}

static char *beside(const char *path, const char *suffix)
{
	return xasprintf("%s%s", path, suffix);
}

/* What is there already is not asked for again: by its tag, else by its publisher's time. */
static struct curl_slist *condition(struct transfer *t)
{
	const char *have = t->manner->have ? t->manner->have : t->path;
	char *tag_path FREE_ON_EXIT = beside(have, ".etag"), *tag FREE_ON_EXIT = NULL;
	size_t length;
	struct stat st;
	t->asked = false;
	if (t->manner->whole || stat(have, &st) < 0 || !S_ISREG(st.st_mode))
		return NULL;
	if (!t->manner->many && file_read(tag_path, TAG_MAX, &tag, &length, NULL) == 0 && length > 0) {
		char *header FREE_ON_EXIT = xasprintf("If-None-Match: %s", tag);
		t->asked = true;
		return curl_slist_append(NULL, header);
	}
	t->asked = st.st_mtime > 0;
	if (t->asked) {
		curl_easy_setopt(t->curl, CURLOPT_TIMECONDITION, (long)CURL_TIMECOND_IFMODSINCE);
		curl_easy_setopt(t->curl, CURLOPT_TIMEVALUE_LARGE, (curl_off_t)st.st_mtime);
	}
	return NULL;
}

static int on_progress(void *transfer, curl_off_t total, curl_off_t got, curl_off_t up_total, curl_off_t up)
{
	const struct transfer *t = transfer;
	t->fetch->progress(t->url, got, total, t->fetch->context);
	return 0;
}

static void set_limits(struct transfer *t)
{
	bool https = strncmp(t->url, "https://", 8) == 0;
	CURL *c = t->curl;
	curl_easy_setopt(c, CURLOPT_URL, t->url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	/* A connection that was proven does not lead to one that is not. */
	curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, https ? "https" : "http,https");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, t->manner->may ? 0L : 1L);
	curl_easy_setopt(c, CURLOPT_MAXREDIRS, (long)FETCH_REDIRECTS_MAX);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)FETCH_CONNECT_SECONDS_MAX);
	curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)FETCH_SECONDS_MAX);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, (long)FETCH_SLOW_BYTES);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)FETCH_SLOW_SECONDS_MAX);
	curl_easy_setopt(c, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)t->limit);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(c, CURLOPT_FILETIME, 1L);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "pratique-vis/" PRATIQUE_VERSION);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->reason);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, t);
	if (t->fetch->progress) {
		curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
		curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
		curl_easy_setopt(c, CURLOPT_XFERINFODATA, t);
	}
}

/* Whole: it takes the place of what was there, with the publisher's time and tag. */
static int keep(struct transfer *t, const char *part, struct error *err)
{
	curl_off_t when = -1;
	char *tag_path FREE_ON_EXIT = beside(t->path, ".etag");
	curl_easy_getinfo(t->curl, CURLINFO_FILETIME_T, &when);
	/* Of no time where the publisher says none: our own clock's is nothing to ask by. */
	const struct timespec time = { .tv_sec = (time_t)MAX(when, 0) }, times[2] = { time, time };
	if (futimens(t->fd, times) < 0)
		return error_set(err, -errno, "%s: %s", part, strerror(errno));
	(void)unlink(tag_path); /* before: an old tag must never stand beside a new file */
	if ((!t->manner->many && fsync(t->fd) < 0) || rename(part, t->path) < 0)
		return error_set(err, -errno, "%s: %s", t->path, strerror(errno));
	if (*t->etag && !t->manner->many)
		(void)file_replace(tag_path, t->etag, strlen(t->etag), 0644, NULL);
	return FETCH_NEW;
}

static int judge(struct transfer *t, CURLcode code, const char *part, struct error *err)
{
	long status = 0, unmet = 0;
	curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(t->curl, CURLINFO_CONDITION_UNMET, &unmet);
	if (t->too_large || code == CURLE_FILESIZE_EXCEEDED)
		return error_set(err, -EFBIG, "%s: more than %lld bytes", t->url, (long long)t->limit);
	if (code != CURLE_OK)
		return error_set(
		        err, -EIO, "%s: %s", t->url, *t->reason ? t->reason : curl_easy_strerror(code));
	if ((status == 304 || unmet) && !t->asked)
		return error_set(err, -ENODATA,
		        "%s: the server says that it is unchanged, and nobody asked whether it is", t->url);
	if (status == 304 || unmet)
		return FETCH_UNCHANGED;
	if (status == 404 || status == 410)
		return FETCH_ABSENT;
	if (status != 200)
		return error_set(err, -ENODATA, "%s: the server answers %ld", t->url, status);
	return keep(t, part, err);
}

/* With somebody to ask, redirects are followed one by one: *ret_next is where the next one leads, or NULL
 * where there is none. */
static int next_hop(struct transfer *t, CURLcode code, char **ret_next, struct error *err)
{
	const char *to = NULL;
	*ret_next = NULL;
	if (!t->manner->may || code != CURLE_OK)
		return 0;
	curl_easy_getinfo(t->curl, CURLINFO_REDIRECT_URL, &to);
	if (!to)
		return 0;
	struct error why;
	if (strncmp(t->url, "https://", 8) == 0 && strncmp(to, "https://", 8) != 0)
		return error_set(err, -EPERM, "%s: redirected from https to %.200s", t->url, to);
	if (t->manner->may(to, t->manner->context, &why) < 0)
		return error_set(err, -EPERM, "%s: redirected: %s", t->url, why.text);
	*ret_next = xstrdup(to);
	return 0;
}

static CURLcode perform(struct transfer *t)
{
	curl_easy_reset(t->curl);
	t->before += t->got;
	t->got = 0;
	set_limits(t);
	struct curl_slist *headers = condition(t);
	curl_easy_setopt(t->curl, CURLOPT_HTTPHEADER, headers);
	/* What came with a redirect is not of the file. */
	CURLcode code = ftruncate(t->fd, 0) < 0 || lseek(t->fd, 0, SEEK_SET) < 0 ? CURLE_WRITE_ERROR
	                                                                         : curl_easy_perform(t->curl);
	curl_easy_setopt(t->curl, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(headers);
	return code;
}

static int follow(struct transfer *t, const char *part, struct error *err)
{
	char *own FREE_ON_EXIT = NULL;
	const char *first = t->url;
	for (int hop = 0; hop <= FETCH_REDIRECTS_MAX; hop++) {
		char *next = NULL;
		CURLcode code = perform(t);
		int r = next_hop(t, code, &next, err);
		if (r < 0)
			return r;
		if (!next)
			return judge(t, code, part, err);
		free(own);
		t->url = own = next;
	}
	return error_set(err, -EPERM, "%s: more than %d redirects", first, FETCH_REDIRECTS_MAX);
}

int fetch_file(struct fetch *f, const char *url, const char *path, int64_t limit, struct error *err)
{
	struct transfer t = {
		.curl = f->curl, .fetch = f, .manner = &f->manner, .url = url, .path = path, .limit = limit
	};
	char *part FREE_ON_EXIT = beside(path, ".part");
	struct error why;
	if (fetch_check_url(url, err) < 0)
		return -EPROTONOSUPPORT;
	if (f->manner.may && f->manner.may(url, f->manner.context, &why) < 0)
		return error_set(err, -EPERM, "%s: %s", url, why.text);
	t.fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (t.fd < 0)
		return error_set(err, -errno, "%s: %s", part, strerror(errno));
	int r = follow(&t, part, err);
	f->bytes += t.before + t.got;
	close(t.fd);
	if (r != FETCH_NEW)
		(void)unlink(part);
	return r;
}

void fetch_set_manner(struct fetch *f, const struct fetch_manner *manner)
{
	f->manner = *manner;
}

int64_t fetch_bytes(const struct fetch *f)
{
	return f->bytes;
}

void fetch_forget(const char *path)
{
	char *tag FREE_ON_EXIT = beside(path, ".etag");
	(void)unlink(tag);
	(void)unlink(path);
}

int fetch_check_url(const char *url, struct error *err)
{
	if (strlen(url) > FETCH_URL_MAX)
		return error_set(err, -EPROTONOSUPPORT, "a URL of more than %d bytes", FETCH_URL_MAX);
	if (strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0)
		return error_set(err, -EPROTONOSUPPORT, "%s: neither http nor https", url);
	return 0;
}

int fetch_open(fetch_progress_fn progress, void *context, struct fetch **ret, struct error *err)
{
	CURL *curl = curl_easy_init();
	if (!curl)
		return error_set(err, -ENOMEM, "no memory to fetch anything");
	*ret = xcalloc(1, sizeof(**ret));
	(*ret)->curl = curl;
	(*ret)->progress = progress;
	(*ret)->context = context;
	return 0;
}

struct fetch *fetch_close(struct fetch *f)
{
	if (!f)
		return NULL;
	curl_easy_cleanup(f->curl);
	free(f);
	return NULL;
}
