/* SPDX-License-Identifier: ISC */
#include "vuln/load.h"

#include "base/file.h"
#include "vuln/load_private.h"
#include "vuln/load_provider.h"
#include "vuln/product_map.h"
#include "vuln/proof_memory.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define APT_PREFIX "apt:"

static const char *const suffixes[] = { ".gz", ".xz", ".bz2", ".zst", ".lz4", ".tar", ".tgz", ".txz", ".zip",
	".json" };

/* The last part of the path without what says how it is packed. */
static char *name_of_path(const char *path)
{
	size_t n = strlen(path);
	while (n > 1 && path[n - 1] == '/')
		n--;
	const char *slash = memrchr(path, '/', n);
	const char *name = slash && n > 1 ? slash + 1 : path;
	n -= (size_t)(name - path);
	for (size_t i = 0; i < ARRAY_LENGTH(suffixes); i++) {
		size_t n_suffix = strlen(suffixes[i]);
		if (n > n_suffix && strncmp(name + n - n_suffix, suffixes[i], n_suffix) == 0)
			n -= n_suffix;
	}
	return xstrndup(name, MIN(n, (size_t)RECORD_SOURCE_MAX - 1));
}

char *load_source_name(const char *spec, const char **ret_path)
{
	size_t n = strcspn(spec, "=/:");
	*ret_path = spec;
	if (n > 0 && n < RECORD_SOURCE_MAX && spec[n] == '=') {
		*ret_path = spec + n + 1;
		return xstrndup(spec, n);
	}
	if (strncmp(spec, APT_PREFIX, strlen(APT_PREFIX)) == 0)
		return xstrdup("debian-security (apt)");
	return name_of_path(spec);
}

const char *const *load_source_labels(const char *kind, const char *from)
{
	static const char *const everybody[] = { "WHITE", NULL };
	return kind && strcmp(kind, "csaf") == 0 && load_is_provider(from) ? everybody : NULL;
}

bool load_label_is(const char *label, const char *other)
{
	const char *a = strcasecmp(label, "CLEAR") == 0 ? "WHITE" : label;
	return strcasecmp(a, strcasecmp(other, "CLEAR") == 0 ? "WHITE" : other) == 0;
}

bool load_label_is_known(const char *label)
{
	static const char *const labels[] = { "UNLABELED", "WHITE", "CLEAR", "GREEN", "AMBER", "AMBER+STRICT",
		"RED" };
	for (size_t i = 0; i < ARRAY_LENGTH(labels); i++)
		if (strcasecmp(labels[i], label) == 0)
			return true;
	return false;
}

static void free_json(void *json)
{
	json_decref(json);
}

static int load_all(struct load_reading *r, struct error *err)
{
	struct stat st;
	const char *from = r->source->from;
	if (r->kind->load)
		return r->kind->load(r, err);
	if (stat(from, &st) < 0)
		return error_set(err, -errno, "%s: %s", from, strerror(errno));
	int result = load_walk(r, err);
	return result == 0 ? load_put_gathered(r, err) : result;
}

int load_open_keys(const struct load_source *s, struct proof_keys **ret, struct error *err)
{
	*ret = NULL;
	int r = s->keyring ? proof_keys_open(s->keyring, ret, err) : 0;
	if (r == 0 && *ret)
		proof_keys_ask(*ret, s->prover);
	return r;
}

/* Where it is kept which signatures were good: the source's own folder of the cache. Caller frees; NULL where
 * there is none. */
static char *memory_path(const struct load_source *s)
{
	if (!s->cache || !s->keyring || !s->now || !*s->name || *s->name == '.' || strchr(s->name, '/'))
		return NULL;
	char *folder FREE_ON_EXIT = xasprintf("%s/%s", s->cache, s->name);
	return file_make_directory(folder, 0755, NULL) == 0 ? xasprintf("%s/.proofs", folder) : NULL;
}

int load_source(const struct load *l, const struct load_source *s, struct error *err)
{
	bool apt = strncmp(s->from, APT_PREFIX, strlen(APT_PREFIX)) == 0;
	struct load_reading r = { .l = l, .source = s };
	r.kind = load_kind_find(s->kind ? s->kind : apt ? "apt" : "osv");
	if (!r.kind)
		return error_set(err, -EINVAL, "source %s: there is no kind \"%s\"", s->name, s->kind);
	if (s->trust == VULN_TRUST_SIGNED && !s->keyring)
		return error_set(err, -EINVAL, "source %s: a signed source needs a keyring", s->name);
	int result = load_open_keys(s, &r.keys, err);
	char *memory FREE_ON_EXIT = memory_path(s);
	if (result == 0 && r.keys && memory)
		r.memory = proof_memory_open(memory, r.keys, s->now);
	if (result == 0 && s->products)
		result = product_map_open(s->products, &r.products, NULL, err);
	if (l->update)
		vuln_update_allow(l->update, s->ecosystems);
	else
		l->check->ecosystems = s->ecosystems;
	if (result == 0)
		result = load_all(&r, err);
	if (l->update)
		vuln_update_allow(l->update, NULL);
	osv_parser_clear(&r.scratch);
	table_free(r.gathered, free_json);
	table_free(r.sidecars, free);
	if (result == 0 && r.memory) /* one that cannot be written costs time and nothing else */
		(void)proof_memory_write(r.memory, memory, NULL);
	proof_memory_close(r.memory);
	proof_keys_close(r.keys);
	product_map_close(r.products);
	return result;
}

int load_source_spec(const struct load *l, const char *spec, struct error *err)
{
	const char *from;
	char *name FREE_ON_EXIT = load_source_name(spec, &from);
	const struct load_source s = { .name = name, .from = from };
	return load_source(l, &s, err);
}
