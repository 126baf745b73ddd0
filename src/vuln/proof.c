/* SPDX-License-Identifier: ISC */
#include "vuln/proof.h"

#include "vuln/proof_gpgv.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#define BEGIN_SIGNED "-----BEGIN PGP SIGNED MESSAGE-----"
#define BEGIN_SIGNATURE "-----BEGIN PGP SIGNATURE-----"
#define END_SIGNATURE "-----END PGP SIGNATURE-----"

/* The line at *at without its end and trailing white space; *at goes behind it. False at the end. */
static bool next_line(const char **at, const char *end, const char **ret_line, size_t *ret_length)
{
	if (*at >= end)
		return false;
	const char *line = *at, *newline = memchr(line, '\n', (size_t)(end - line));
	size_t n = (size_t)((newline ? newline : end) - line);
	*at = newline ? newline + 1 : end;
	while (n > 0 && strchr(" \t\r", line[n - 1]) && line[n - 1])
		n--;
	*ret_line = line;
	*ret_length = n;
	return true;
}

static bool line_is(const char *line, size_t n, const char *text)
{
	return n == strlen(text) && memcmp(line, text, n) == 0;
}

static bool is_blank(const char *at, const char *end)
{
	for (; at < end; at++)
		if (!strchr(" \t\r\n", *at) || !*at)
			return false;
	return true;
}

/* One armoured signature and nothing else: neither another kind of message, which would bring its own text
 * along, nor something behind it. */
static bool is_armoured_signature(const char *at, size_t length)
{
	const char *end = at + length, *line;
	size_t n, lines = 0;
	if (memchr(at, '\0', length))
		return false;
	while (next_line(&at, end, &line, &n)) {
		if (lines++ == 0 ? !line_is(line, n, BEGIN_SIGNATURE) : line_is(line, n, BEGIN_SIGNATURE))
			return false;
		if (line_is(line, n, END_SIGNATURE))
			return is_blank(at, end);
	}
	return false;
}

int proof_verify_detached(const struct proof_keys *keys, const void *signature, size_t signature_length,
        const void *text, size_t length, char ret_signer[PROOF_FINGERPRINT_SIZE], struct error *err)
{
	if (signature_length > PROOF_SIGNATURE_MAX)
		return error_set(err, -EBADMSG, "a signature of more than %u bytes", PROOF_SIGNATURE_MAX);
	if (!is_armoured_signature(signature, signature_length))
		return error_set(err, -EBADMSG, "the signature is not one armoured detached signature");
	return proof_run_gpgv(keys, signature, signature_length, text, length, NULL, ret_signer, err);
}

/* Where the text begins and ends in a message of the one shape that is taken. */
struct shape {
	const char *text, *text_end;
};

static int find_shape(const char *message, size_t length, struct shape *ret, struct error *err)
{
	const char *at = message, *end = message + length, *line;
	size_t n;
	enum { BEGIN, HEADERS, TEXT, SIGNATURE } state = BEGIN;
	while (next_line(&at, end, &line, &n)) {
		bool armour = n >= 10 && memcmp(line, "-----BEGIN", 10) == 0;
		if (state == BEGIN) {
			if (!line_is(line, n, BEGIN_SIGNED))
				return error_set(err, -EBADMSG, "something stands before the signed text");
			state = HEADERS;
		} else if (state == HEADERS) {
			if (n > 0 && strncmp(line, "Hash: ", 6) != 0)
				return error_set(err, -EBADMSG, "a header other than Hash before the text");
			if (n == 0) {
				state = TEXT;
				ret->text = at;
			}
		} else if (state == TEXT) {
			if (armour && !line_is(line, n, BEGIN_SIGNATURE))
				return error_set(err, -EBADMSG, "a message within the signed text");
			if (armour) {
				ret->text_end = line;
				state = SIGNATURE;
			}
		} else if (armour) {
			return error_set(err, -EBADMSG, "a second message behind the first");
		} else if (line_is(line, n, END_SIGNATURE)) {
			return is_blank(at, end)
			        ? 0
			        : error_set(err, -EBADMSG, "something stands behind the signature");
		}
	}
	return error_set(err, -EBADMSG, "not a whole clear-signed text");
}

static int check_clearsigned(const char *message, size_t length, struct shape *ret, struct error *err)
{
	if (length > PROOF_CLEARSIGNED_MAX)
		return error_set(err, -EBADMSG, "a signed text of more than %u bytes", PROOF_CLEARSIGNED_MAX);
	if (memchr(message, '\0', length))
		return error_set(err, -EBADMSG, "a NUL in a clear-signed text");
	return find_shape(message, length, ret, err);
}

int proof_strip_clearsigned(
        const char *message, size_t length, char **ret_text, size_t *ret_length, struct error *err)
{
	struct shape shape = { NULL, NULL };
	int r = check_clearsigned(message, length, &shape, err);
	if (r < 0)
		return r;
	char *text = xmalloc(length + 1);
	const char *line;
	size_t n, out = 0;
	/* "- " was put before lines that begin with a dash (RFC 9580, 7.2). */
	while (next_line(&shape.text, shape.text_end, &line, &n)) {
		size_t skip = n >= 2 && line[0] == '-' && line[1] == ' ' ? 2 : 0;
		memcpy(text + out, line + skip, n - skip);
		out += n - skip;
		text[out++] = '\n';
	}
	text[out] = '\0';
	*ret_text = text;
	*ret_length = out;
	return 0;
}

int proof_verify_clearsigned(const struct proof_keys *keys, const void *message, size_t length,
        char **ret_text, size_t *ret_length, char ret_signer[PROOF_FINGERPRINT_SIZE], struct error *err)
{
	struct shape shape = { NULL, NULL };
	struct proof_output output = { .limit = PROOF_CLEARSIGNED_MAX };
	int r = check_clearsigned(message, length, &shape, err);
	if (r == 0)
		r = proof_run_gpgv(keys, message, length, NULL, 0, &output, ret_signer, err);
	if (r < 0)
		return r;
	*ret_text = output.text;
	*ret_length = output.length;
	return 0;
}

bool proof_digest_is(
        enum proof_digest kind, const char *hex, size_t hex_length, const void *text, size_t length)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned size;
	if (EVP_Digest(text, length, digest, &size, kind == PROOF_SHA256 ? EVP_sha256() : EVP_sha512(),
	            NULL) != 1 ||
	        hex_length != 2 * (size_t)size)
		return false;
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < size; i++)
		if (tolower((unsigned char)hex[2 * i]) != digits[digest[i] >> 4] ||
		        tolower((unsigned char)hex[2 * i + 1]) != digits[digest[i] & 15])
			return false;
	return true;
}

/* The name may have a folder before it. */
static bool names_this(const char *named, size_t n, const char *name)
{
	const char *slash = memrchr(named, '/', n), *own = strrchr(name, '/');
	if (slash) {
		n -= (size_t)(slash + 1 - named);
		named = slash + 1;
	}
	own = own ? own + 1 : name;
	return strlen(own) == n && memcmp(own, named, n) == 0;
}

int proof_check_digest_file(enum proof_digest kind, const char *file, size_t file_length, const char *name,
        const void *text, size_t length, struct error *err)
{
	const char *words = kind == PROOF_SHA256 ? "SHA-256" : "SHA-512", *line;
	const char *end = file + file_length;
	size_t n;
	if (file_length > PROOF_DIGEST_FILE_MAX || memchr(file, '\0', file_length) ||
	        !next_line(&file, end, &line, &n) || !is_blank(file, end))
		return error_set(err, -EBADMSG, "the %s file is not one line", words);
	size_t hex = 0;
	while (hex < n && isxdigit((unsigned char)line[hex]))
		hex++;
	size_t at = hex;
	while (at < n && (line[at] == ' ' || line[at] == '*' || line[at] == '\t'))
		at++;
	if (at < n && (at == hex || !names_this(line + at, n - at, name)))
		return error_set(err, -EBADMSG, "the %s file is another file's", words);
	if (!proof_digest_is(kind, line, hex, text, length))
		return error_set(err, -EBADMSG, "the %s digest is another one", words);
	return 0;
}
