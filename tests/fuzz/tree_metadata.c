/* SPDX-License-Identifier: ISC */
/* Metadata of a repository: 'r' and a root's envelope, or anything else and an index's payload. What is taken
 * must format and read back to the same. */
#include "vuln/tree/envelope.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_root(const uint8_t *data, size_t size)
{
	struct envelope e = { .type = NULL };
	struct tree_root root, again;
	struct error err;
	if (tree_root_read(data, size, &e, &root, &err) == 0) {
		char *payload = tree_root_format(&root);
		char *text = tree_envelope_make(TREE_ROLE_ROOT, root.repository, payload);
		struct envelope other = { .type = NULL };
		if (tree_root_read(text, strlen(text), &other, &again, &err) ||
		        again.version != root.version || again.n_keys != root.n_keys ||
		        again.expires / 1000 != root.expires / 1000)
			abort();
		(void)envelope_check_signatures(&e, &root, TREE_ROLE_ROOT, &err);
		envelope_clear(&other);
		tree_root_clear(&again);
		tree_root_clear(&root);
		free(text);
		free(payload);
	}
	envelope_clear(&e);
}

static void read_index(const uint8_t *data, size_t size)
{
	struct tree_index index, again;
	struct error err;
	if (tree_index_read(data, size, &index, &err))
		return;
	char *text = tree_index_format(&index);
	/* Times that differ by less than a second may become the same, which no index may have. */
	if (index.expires / 1000 > index.time / 1000) {
		if (tree_index_read(text, strlen(text), &again, &err))
			abort();
		char *other = tree_index_format(&again);
		if (strcmp(text, other) != 0)
			abort();
		free(other);
		tree_index_clear(&again);
	}
	for (size_t i = 0; i < index.n_shards; i++)
		if (tree_index_find(&index, index.shards[i].name) != &index.shards[i])
			abort();
	free(text);
	tree_index_clear(&index);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] == 'r')
		read_root(data + 1, size - 1);
	else
		read_index(data + 1, size - 1);
	return 0;
}
