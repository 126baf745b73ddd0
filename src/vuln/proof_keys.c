/* SPDX-License-Identifier: ISC */
/* A keyring: read once, kept in memory that gpgv is handed as a file. */
#include "vuln/proof_keys.h"

#include "base/cursor.h"
#include "base/file.h"
#include "vuln/proof_gpgv.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BEGIN_KEY "-----BEGIN PGP PUBLIC KEY BLOCK-----"
#define END_KEY "-----END PGP PUBLIC KEY BLOCK-----"
#define KEYBOX_MAGIC_AT 8
#define PACKET_NEW_PUBLIC_KEY 0xc6 /* RFC 9580, 4.2: a packet of type 6 */
#define PACKET_OLD_PUBLIC_KEY 0x98

int proof_memory_file(const char *name, const void *bytes, size_t length)
{
	int fd = memfd_create(name, MFD_CLOEXEC);
	for (size_t done = 0; fd >= 0 && done < length;) {
		ssize_t n = write(fd, (const uint8_t *)bytes + done, length - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			int r = n < 0 ? -errno : -EIO;
			close(fd);
			return r;
		}
		done += (size_t)n;
	}
	return fd < 0 ? -errno : fd;
}

/* The base64 of one block, from behind its headers to its checksum or end. */
static bool dearmour_block(const char *at, const char *end, struct writer *out)
{
	struct writer base64 = wr_make(PROOF_KEYRING_MAX);
	for (bool headers = true; at < end;) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t n = (size_t)((newline ? newline : end) - at);
		while (n > 0 && strchr(" \t\r", at[n - 1]) && at[n - 1])
			n--;
		if (!headers && n > 0 && *at == '=')
			break;
		if (!headers)
			wr_bytes(&base64, at, n);
		headers &= n > 0;
		at = newline ? newline + 1 : end;
	}
	uint8_t *bytes FREE_ON_EXIT = xmalloc(base64.length + 4);
	int n = base64.length > 0 && base64.length % 4 == 0
	        ? EVP_DecodeBlock(bytes, base64.data, (int)base64.length)
	        : -1;
	for (size_t i = base64.length; n > 0 && i > 0 && base64.data[i - 1] == '=' && i + 2 > base64.length;
	        i--)
		n--;
	if (n > 0)
		wr_bytes(out, bytes, (size_t)n);
	wr_free(&base64);
	return n > 0 && !wr_failed(out);
}

uint8_t *proof_dearmour_keys(const char *text, size_t length, size_t *ret_length)
{
	struct writer out = wr_make(PROOF_KEYRING_MAX);
	const char *at = text, *end = text + length, *begin;
	bool whole = true;
	while (whole && (begin = memmem(at, (size_t)(end - at), BEGIN_KEY, strlen(BEGIN_KEY)))) {
		begin += strlen(BEGIN_KEY);
		const char *newline = memchr(begin, '\n', (size_t)(end - begin));
		const char *stop =
		        newline ? memmem(newline, (size_t)(end - newline), END_KEY, strlen(END_KEY)) : NULL;
		whole = stop && dearmour_block(newline + 1, stop, &out);
		at = stop;
	}
	if (!whole || out.length == 0) {
		wr_free(&out);
		return NULL;
	}
	return wr_take(&out, ret_length);
}

static int open_bytes(
        const char *path, const char *text, size_t length, struct proof_keys **ret, struct error *err)
{
	uint8_t *dearmoured FREE_ON_EXIT = NULL;
	const uint8_t *bytes = (const uint8_t *)text;
	if (memmem(text, length, BEGIN_KEY, strlen(BEGIN_KEY))) {
		dearmoured = proof_dearmour_keys(text, length, &length);
		if (!dearmoured)
			return error_set(err, -EINVAL, "%s: an armoured key that is not whole", path);
		bytes = dearmoured;
	}
	bool keybox = length > KEYBOX_MAGIC_AT + 4 && memcmp(bytes + KEYBOX_MAGIC_AT, "KBXf", 4) == 0;
	if (!keybox &&
	        (length == 0 ||
	                ((bytes[0] & 0xfc) != PACKET_OLD_PUBLIC_KEY && bytes[0] != PACKET_NEW_PUBLIC_KEY)))
		return error_set(err, -EINVAL,
		        "%s: it holds no OpenPGP public key; `gpg --export` makes such a file", path);
	int fd = proof_memory_file("keyring", bytes, length);
	if (fd < 0)
		return error_set(err, fd, "%s: %s", path, strerror(-fd));
	struct proof_keys *k = xcalloc(1, sizeof(*k));
	k->path = xstrdup(path);
	k->fd = fd;
	*ret = k;
	return 0;
}

int proof_keys_open(const char *path, struct proof_keys **ret, struct error *err)
{
	char *text FREE_ON_EXIT = NULL;
	size_t length;
	int r = file_read(path, PROOF_KEYRING_MAX, &text, &length, err);
	if (r < 0)
		return r;
	if (access(PROOF_GPGV, X_OK) < 0)
		return error_set(err, -ENOENT, "%s is needed to check signatures: install gpgv", PROOF_GPGV);
	return open_bytes(path, text, length, ret, err);
}

void proof_keys_ask(struct proof_keys *k, int prover)
{
	k->prover = prover;
}

struct proof_keys *proof_keys_close(struct proof_keys *k)
{
	if (!k)
		return NULL;
	close(k->fd);
	free(k->path);
	free(k);
	return NULL;
}
