/* SPDX-License-Identifier: ISC */
#include "vuln/proof_memory.h"

#include "base/cursor.h"
#include "base/file.h"
#include "base/table.h"
#include "vuln/proof_keys.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>
#include <unistd.h>

#define MAGIC "PQPROOF1"
#define ENTRY_SIZE (PROOF_MEMORY_DIGEST + 8)

struct entry {
	time_ms verified;
	bool used;
};

struct proof_memory {
	uint8_t keyring[PROOF_MEMORY_DIGEST];
	struct table *entries; /* digest -> struct entry */
	time_ms now;
};

static bool digest_of(
        const void *const *parts, const size_t *lengths, size_t n, uint8_t ret[PROOF_MEMORY_DIGEST])
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	bool made = c && EVP_DigestInit_ex(c, EVP_sha256(), NULL) == 1;
	for (size_t i = 0; made && i < n; i++)
		made = EVP_DigestUpdate(c, parts[i], lengths[i]) == 1;
	made = made && EVP_DigestFinal_ex(c, ret, NULL) == 1;
	EVP_MD_CTX_free(c);
	return made;
}

/* One with another time than the last day's is none: neither what is too old nor a clock that went back. */
static void read_entries(struct proof_memory *m, const char *text, size_t length)
{
	struct reader r = rd_make(text, length);
	const uint8_t *magic = rd_bytes(&r, strlen(MAGIC));
	if (!magic || memcmp(magic, MAGIC, strlen(MAGIC)) != 0)
		return;
	while (rd_left(&r) >= ENTRY_SIZE) {
		const uint8_t *digest = rd_bytes(&r, PROOF_MEMORY_DIGEST);
		const struct entry e = { .verified = (time_ms)rd_u64(&r) };
		if (digest && e.verified <= m->now && e.verified > m->now - PROOF_MEMORY_MS)
			free(table_set(m->entries, digest, PROOF_MEMORY_DIGEST, xmemdup(&e, sizeof(e))));
	}
}

static bool digest_keyring(const struct proof_keys *keys, uint8_t ret[PROOF_MEMORY_DIGEST])
{
	char *bytes FREE_ON_EXIT = NULL;
	size_t length = 0;
	if (lseek(keys->fd, 0, SEEK_SET) < 0 ||
	        file_read_descriptor(keys->fd, keys->path, PROOF_KEYRING_MAX, &bytes, &length, NULL) < 0)
		return false;
	return digest_of((const void *const[]){ bytes }, &length, 1, ret);
}

struct proof_memory *proof_memory_open(const char *path, const struct proof_keys *keys, time_ms now)
{
	struct proof_memory *m = xcalloc(1, sizeof(*m));
	char *text FREE_ON_EXIT = NULL;
	size_t length = 0;
	m->entries = table_new();
	m->now = now;
	if (!digest_keyring(keys, m->keyring))
		return proof_memory_close(m);
	if (file_read(path, strlen(MAGIC) + (size_t)PROOF_MEMORY_MAX * ENTRY_SIZE, &text, &length, NULL) == 0)
		read_entries(m, text, length);
	return m;
}

int proof_memory_write(const struct proof_memory *m, const char *path, struct error *err)
{
	struct writer w = wr_make(SIZE_MAX);
	size_t n = 0;
	wr_bytes(&w, MAGIC, strlen(MAGIC));
	TABLE_FOREACH(it, m->entries) {
		const struct entry *e = it.value;
		if (!e->used || n++ >= PROOF_MEMORY_MAX)
			continue;
		wr_bytes(&w, it.key, it.key_length);
		wr_u64(&w, (uint64_t)e->verified);
	}
	int r = file_replace(path, w.data, w.length, 0600, err);
	wr_free(&w);
	return r;
}

struct proof_memory *proof_memory_close(struct proof_memory *m)
{
	if (!m)
		return NULL;
	table_free(m->entries, free);
	free(m);
	return NULL;
}

bool proof_memory_has(struct proof_memory *m, const void *signature, size_t signature_length,
        const void *text, size_t length, struct proof_memory_key *ret)
{
	uint8_t size[8];
	*ret = (struct proof_memory_key){ { 0 } };
	if (!m)
		return false;
	for (int i = 0; i < 8; i++)
		size[i] = (uint8_t)((uint64_t)signature_length >> (56 - 8 * i));
	const void *parts[] = { MAGIC, m->keyring, size, signature, text };
	const size_t lengths[] = { strlen(MAGIC), sizeof(m->keyring), sizeof(size), signature_length,
		length };
	if (!digest_of(parts, lengths, ARRAY_LENGTH(parts), ret->digest))
		return false;
	struct entry *e = table_get(m->entries, ret->digest, sizeof(ret->digest));
	if (e)
		e->used = true;
	return e;
}

void proof_memory_add(struct proof_memory *m, const struct proof_memory_key *key)
{
	const struct entry e = { m ? m->now : 0, true };
	if (m)
		free(table_set(m->entries, key->digest, sizeof(key->digest), xmemdup(&e, sizeof(e))));
}
