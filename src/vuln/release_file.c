/* SPDX-License-Identifier: ISC */
#include "vuln/release_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define HASH_DIGITS 64

static void take_field(const char *line, const char *name, char *ret, size_t size)
{
	size_t n = strlen(name);
	if (!*ret && strncmp(line, name, n) == 0 && line[n] == ':') {
		line += n + 1 + strspn(line + n + 1, " \t");
		snprintf(ret, size, "%.*s", (int)strcspn(line, "\r\n"), line);
	}
}

/* "Fri, 20 Nov 2026 00:12:41 UTC" */
static time_ms read_date(const char *text)
{
	struct tm tm = { 0 };
	const char *rest = strptime(text, "%a, %d %b %Y %H:%M:%S", &tm);
	return rest ? (time_ms)timegm(&tm) * 1000 : 0;
}

static void take_fields(struct release_file *r)
{
	char date[64] = "", until[64] = "";
	for (const char *line = r->text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		take_field(line, "Origin", r->origin, sizeof(r->origin));
		take_field(line, "Codename", r->codename, sizeof(r->codename));
		take_field(line, "Version", r->version, sizeof(r->version));
		take_field(line, "Date", date, sizeof(date));
		take_field(line, "Valid-Until", until, sizeof(until));
	}
	r->codename[strcspn(r->codename, "-/")] = '\0'; /* bookworm-security, bullseye/updates */
	r->date = read_date(date);
	r->valid_until = read_date(until);
}

static int take_text(const char *bytes, size_t length, const struct proof_keys *keys, struct release_file *r,
        struct error *err)
{
	char signer[PROOF_FINGERPRINT_SIZE];
	size_t n;
	bool around = length > 10 && memcmp(bytes, "-----BEGIN", 10) == 0;
	if (keys) {
		int result = proof_verify_clearsigned(keys, bytes, length, &r->text, &n, signer, err);
		r->is_signed = result == 0;
		return result;
	}
	if (around)
		return proof_strip_clearsigned(bytes, length, &r->text, &n, err);
	if (memchr(bytes, '\0', length))
		return error_set(err, -EBADMSG, "a NUL in a Release file");
	r->text = xstrndup(bytes, length);
	return 0;
}

int release_file_read(const char *bytes, size_t length, const struct proof_keys *keys, time_ms now,
        struct release_file *ret, struct error *err)
{
	struct release_file r = { .text = NULL };
	char until[CLOCK_TEXT_SIZE];
	int result = take_text(bytes, length, keys, &r, err);
	if (result == 0) {
		take_fields(&r);
		if (now && r.valid_until && now > r.valid_until)
			result = error_set(err, -ESTALE,
			        "it was valid until %s: what is newer is kept from us",
			        clock_format(r.valid_until, until));
	}
	if (result < 0) {
		release_file_clear(&r);
		return result;
	}
	*ret = r;
	return 0;
}

void release_file_clear(struct release_file *r)
{
	free(r->text);
	*r = (struct release_file){ .text = NULL };
}

/* The line of a path under "SHA256:": " HASH SIZE PATH". NULL where there is none. */
static const char *find_line(const struct release_file *r, const char *path)
{
	const char *line = strstr(r->text, "\nSHA256:");
	size_t n = strlen(path);
	if (!line)
		return NULL;
	for (line = strchr(line + 1, '\n'); line && line[1] == ' '; line = strchr(line + 1, '\n')) {
		const char *hash = line + 2, *size = hash + strspn(hash, "0123456789abcdef");
		if (size - hash != HASH_DIGITS || *size != ' ')
			continue;
		size += strspn(size, " ");
		const char *name = size + strspn(size, "0123456789");
		name += strspn(name, " ");
		if (strncmp(name, path, n) == 0 && (name[n] == '\n' || name[n] == '\0' || name[n] == '\r'))
			return hash;
	}
	return NULL;
}

int release_file_check(
        const struct release_file *r, const char *path, const void *bytes, size_t length, struct error *err)
{
	const char *hash = find_line(r, path);
	if (!hash)
		return error_set(err, -EBADMSG, "the Release file does not know %s", path);
	unsigned long long size = strtoull(hash + HASH_DIGITS, NULL, 10);
	if (size != length || !proof_digest_is(PROOF_SHA256, hash, HASH_DIGITS, bytes, length))
		return error_set(err, -EBADMSG, "%s is not the one that the Release file knows", path);
	return 0;
}

const char *release_file_find(const struct release_file *r, const char *const *paths)
{
	for (; *paths; paths++)
		if (find_line(r, *paths))
			return *paths;
	return NULL;
}
