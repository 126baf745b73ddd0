/* SPDX-License-Identifier: ISC */
#include "proto/pttls/wire.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

void pttls_write_header(struct writer *w, uint32_t type, uint32_t length, uint32_t id)
{
	wr_u8(w, 0);
	wr_u24(w, PTTLS_VENDOR_IETF);
	wr_u32(w, type);
	wr_u32(w, length);
	wr_u32(w, id);
}

struct pttls_header pttls_read_header(const uint8_t *bytes)
{
	struct reader r = rd_make(bytes, PTTLS_HEADER_SIZE);
	struct pttls_header h;
	rd_skip(&r, 1); /* Reserved: ignored by recipients */
	h.vendor = rd_u24(&r);
	h.type = rd_u32(&r);
	h.length = rd_u32(&r);
	h.id = rd_u32(&r);
	return h;
}

/* A part of a PLAIN message: up to the next NUL, or the rest. */
static int read_plain_part(struct reader *r, bool last, char ret[PTTLS_PLAIN_MAX + 1])
{
	const void *end = r->left ? memchr(r->at, 0, r->left) : NULL;
	if (last ? end != NULL : end == NULL)
		return -EBADMSG;
	size_t n = last ? r->left : (size_t)((const uint8_t *)end - r->at);
	if (n > PTTLS_PLAIN_MAX)
		return -EBADMSG;
	const uint8_t *p = rd_bytes(r, n);
	if (n)
		memcpy(ret, p, n);
	ret[n] = 0;
	if (!last)
		rd_skip(r, 1);
	return 0;
}

int pttls_read_plain(struct reader *r, struct pttls_plain *ret)
{
	char identity[PTTLS_PLAIN_MAX + 1];
	struct pttls_plain plain = { 0 };
	int e = read_plain_part(r, false, identity);
	if (e == 0)
		e = read_plain_part(r, false, plain.user);
	if (e == 0)
		e = read_plain_part(r, true, plain.password);
	if (e == 0 && (plain.user[0] == 0 || plain.password[0] == 0))
		e = -EBADMSG;
	if (e == 0 && identity[0] && strcmp(identity, plain.user) != 0)
		e = -EACCES;
	if (e == 0)
		*ret = plain;
	OPENSSL_cleanse(&plain, sizeof(plain));
	return e;
}

int pttls_write_plain(struct writer *w, const struct pttls_plain *plain)
{
	if (plain->user[0] == 0 || plain->password[0] == 0)
		return -EINVAL;
	wr_u8(w, 0);
	wr_bytes(w, plain->user, strlen(plain->user) + 1);
	wr_bytes(w, plain->password, strlen(plain->password));
	return 0;
}

bool pttls_read_mechanism(struct reader *r, char ret_name[PTTLS_MECHANISM_NAME_MAX + 1])
{
	if (rd_left(r) == 0)
		return false;
	size_t n = rd_u8(r) & 0x1f; /* the upper three bits are reserved */
	const uint8_t *name = rd_bytes(r, n);
	if (!name || n == 0 || n > PTTLS_MECHANISM_NAME_MAX) {
		rd_fail(r);
		return false;
	}
	/* Upper-case letters, digits, hyphens, underscores: no terminator can hide in a name. */
	for (size_t i = 0; i < n; i++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", name[i]) || name[i] == 0) {
			rd_fail(r);
			return false;
		}
	memcpy(ret_name, name, n);
	ret_name[n] = 0;
	return true;
}

void pttls_write_mechanism(struct writer *w, const char *name)
{
	size_t n = strlen(name);
	wr_u8(w, (uint8_t)n);
	wr_bytes(w, name, n);
}
