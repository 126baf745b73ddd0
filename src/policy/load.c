/* SPDX-License-Identifier: ISC */
/* Loads a policy file whole and answers what its readers ask of it. */
#include "base/file.h"
#include "base/table.h"
#include "policy/ast.h"

#include <errno.h>
#include <openssl/sha.h>
#include <string.h>

struct policy *policy_free(struct policy *p)
{
	if (!p)
		return NULL;
	table_free(p->members, NULL);
	policy_arena_free(p->arena);
	free(p);
	return NULL;
}

static uint64_t fingerprint(const char *text, size_t length)
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	uint64_t v = 0;
	SHA256((const uint8_t *)text, length, digest);
	for (int i = 0; i < 8; i++)
		v = v << 8 | digest[i];
	return v;
}

int policy_parse(const char *name, const char *text, size_t length, policy_report_fn report, void *context,
        struct policy **ret, struct error *err)
{
	if (length > POLICY_FILE_MAX)
		return error_set(
		        err, -EFBIG, "%s: a policy may have at most %u bytes", name, POLICY_FILE_MAX);
	struct policy *policy = xcalloc(1, sizeof(*policy));
	policy->arena = policy_arena_new();
	policy_tree_init(&policy->tree);
	policy->fingerprint = fingerprint(text, length);
	struct policy_parser p = { .policy = policy,
		.arena = policy->arena,
		.tree = &policy->tree,
		.name = name,
		.text = text,
		.length = length,
		.line = 1,
		.column = 1,
		.report = report,
		.context = context,
		.err = err };
	int r = policy_scan(&p);
	if (r == 0 && p.n_errors == 0)
		policy_check(&p);
	if (r != 0 || p.n_errors > 0) {
		policy_free(policy);
		return p.n_errors > 0 ? -EINVAL
		                      : error_set(err, -EINVAL, "%s: cannot be read as a policy", name);
	}
	*ret = policy;
	return 0;
}

int policy_load(
        const char *path, policy_report_fn report, void *context, struct policy **ret, struct error *err)
{
	char *text FREE_ON_EXIT = NULL;
	size_t length;
	int r = file_read(path, POLICY_FILE_MAX, &text, &length, err);
	if (r < 0)
		return r;
	return policy_parse(path, text, length, report, context, ret, err);
}

const struct policy_segment *policy_segments(const struct policy *p, size_t *ret_count)
{
	*ret_count = p->n_segments;
	return p->segments;
}

const struct policy_segment *policy_segment_by_name(const struct policy *p, const char *name)
{
	for (size_t i = 0; i < p->n_segments; i++)
		if (strcmp(p->segments[i].name, name) == 0)
			return &p->segments[i];
	return NULL;
}

const struct policy_segment *policy_default_segment(const struct policy *p)
{
	for (size_t i = 0; i < p->n_segments; i++)
		if (p->segments[i].is_default)
			return &p->segments[i];
	return NULL;
}

int64_t policy_inspect_interval_ms(const struct policy *p)
{
	return p->tree.inspect.value_ms;
}

int64_t policy_certificate_lifetime_ms(const struct policy *p)
{
	return p->tree.certificate.value_ms;
}

uint64_t policy_fingerprint(const struct policy *p)
{
	return p->fingerprint;
}

const char *const *policy_enforcement_points(const struct policy *p)
{
	return p->enforcement_points;
}

const char *policy_node_role(const struct policy *p, const char *node)
{
	return node ? table_get_string(p->members, node) : NULL;
}
