/* SPDX-License-Identifier: ISC */
#include "vuln/release_file.h"

#include "vuln/plain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static void take_field(const char *line, const char *name, char *ret, size_t size)
{
	size_t n = strlen(name);
	if (!*ret && strncmp(line, name, n) == 0 && line[n] == ':') {
		line += n + 1 + strspn(line + n + 1, " \t");
		snprintf(ret, size, "%.*s", (int)strcspn(line, "\r\n"), line);
		text_make_plain(ret); /* they go to logs and terminals */
	}
}

/* "Fri, 20 Nov 2026 00:12:41 UTC" */
static time_ms read_date(const char *text)
{
	struct tm tm = { 0 };
	const char *rest = strptime(text, "%a, %d %b %Y %H:%M:%S", &tm);
	return rest ? (time_ms)timegm(&tm) * 1000 : 0;
}

/* A date that is there and cannot be read is no date that is missing. */
static int take_date(const char *name, const char *text, time_ms *ret, struct error *err)
{
	*ret = *text ? read_date(text) : 0;
	return *text && *ret <= 0 ? error_set(err, -EBADMSG, "%s: \"%s\" is no date", name, text) : 0;
}

static int take_fields(struct release_file *r, struct error *err)
{
	char date[64] = "", until[64] = "", by_hash[8] = "";
	for (const char *line = r->text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		take_field(line, "Origin", r->origin, sizeof(r->origin));
		take_field(line, "Suite", r->suite, sizeof(r->suite));
		take_field(line, "Codename", r->full_codename, sizeof(r->full_codename));
		take_field(line, "Version", r->version, sizeof(r->version));
		take_field(line, "Components", r->components, sizeof(r->components));
		take_field(line, "Acquire-By-Hash", by_hash, sizeof(by_hash));
		take_field(line, "Date", date, sizeof(date));
		take_field(line, "Valid-Until", until, sizeof(until));
	}
	memcpy(r->codename, r->full_codename, sizeof(r->codename));
	r->codename[strcspn(r->codename, "-/")] = '\0'; /* bookworm-security, bullseye/updates */
	r->by_hash = strcmp(by_hash, "yes") == 0;
	int result = take_date("Date", date, &r->date, err);
	return result == 0 ? take_date("Valid-Until", until, &r->valid_until, err) : result;
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

static int finish(
        int result, struct release_file *r, time_ms now, struct release_file *ret, struct error *err)
{
	char until[CLOCK_TEXT_SIZE];
	if (result == 0)
		result = take_fields(r, err);
	if (result == 0 && now && r->valid_until && now > r->valid_until)
		result = error_set(err, -ESTALE, "it was valid until %s: what is newer is kept from us",
		        clock_format(r->valid_until, until));
	if (result < 0) {
		release_file_clear(r);
		return result;
	}
	*ret = *r;
	return 0;
}

int release_file_read(const char *bytes, size_t length, const struct proof_keys *keys, time_ms now,
        struct release_file *ret, struct error *err)
{
	struct release_file r = { .text = NULL };
	return finish(take_text(bytes, length, keys, &r, err), &r, now, ret, err);
}

int release_file_read_detached(const char *text, size_t length, const char *signature,
        size_t signature_length, const struct proof_keys *keys, time_ms now, struct release_file *ret,
        struct error *err)
{
	struct release_file r = { .text = NULL };
	char signer[PROOF_FINGERPRINT_SIZE];
	int result = proof_verify_detached(keys, signature, signature_length, text, length, signer, err);
	if (result == 0)
		result = take_text(text, length, NULL, &r, err);
	r.is_signed = result == 0;
	return finish(result, &r, now, ret, err);
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
		if (size - hash != RELEASE_HASH_DIGITS || *size != ' ')
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
	unsigned long long size = strtoull(hash + RELEASE_HASH_DIGITS, NULL, 10);
	if (size != length || !proof_digest_is(PROOF_SHA256, hash, RELEASE_HASH_DIGITS, bytes, length))
		return error_set(err, -EBADMSG, "%s is not the one that the Release file knows", path);
	return 0;
}

bool release_file_find(const struct release_file *r, const char *path, struct release_entry *ret)
{
	const char *hash = find_line(r, path);
	if (!hash)
		return false;
	ret->hash = hash;
	ret->size = strtoull(hash + RELEASE_HASH_DIGITS, NULL, 10);
	return true;
}

/* "buster/updates" calls itself "buster". */
int release_file_is_of(const struct release_file *r, const char *suite, struct error *err)
{
	size_t n = strcspn(suite, "/");
	if (strcmp(suite, r->suite) == 0 || strcmp(suite, r->full_codename) == 0 ||
	        (suite[n] && strlen(r->full_codename) == n && strncmp(suite, r->full_codename, n) == 0))
		return 0;
	return error_set(err, -EBADMSG, "it is of the suite \"%s\" (%s), not of \"%s\"", r->suite,
	        r->full_codename, suite);
}
