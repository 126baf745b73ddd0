/* SPDX-License-Identifier: ISC */
/*
 * The header of a backup: as it comes, and with the checksum that it would need put right, so that what
 * stands behind the checksum is reached. What is accepted lies where it says, and leads nowhere else.
 */
#include "store/backup.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse(const char *bytes, size_t size)
{
	struct archive_header h;
	struct error err;
	if (archive_header_parse(bytes, size, &h, &err) < 0)
		return;
	uint64_t at = h.length;
	if (h.length > size || h.n_members == 0 || h.n_members > ARCHIVE_MEMBERS_MAX)
		abort();
	for (size_t i = 0; i < h.n_members; i++) {
		const struct archive_member *m = &h.members[i];
		if (m->offset != at || strstr(m->name, "..") || m->name[0] == '/' || !m->name[0])
			abort();
		at += m->length;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t hash[32];
	char *bytes FREE_ON_EXIT = xmalloc(size + 80);
	memcpy(bytes, data, size);
	parse(bytes, size);
	if (size == 0 || EVP_Digest(data, size, hash, NULL, EVP_sha256(), NULL) != 1)
		return 0;
	size_t length = size + (size_t)sprintf(bytes + size, "end ");
	for (size_t i = 0; i < sizeof(hash); i++)
		length += (size_t)sprintf(bytes + length, "%02x", hash[i]);
	bytes[length++] = '\n';
	parse(bytes, length);
	return 0;
}
