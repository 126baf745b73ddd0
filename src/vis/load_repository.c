/* SPDX-License-Identifier: ISC */
/* A source that is a signed repository: a round of its follower, and what is new into the index. */
#include "vis/loader.h"

#include "base/file.h"
#include "vuln/tree/pull.h"

#include <errno.h>
#include <string.h>

#define STATE_MODE 0755

static int open_follower(const struct load_job *job, struct tree_follow **ret, struct error *err)
{
	const struct source_config *c = job->config->sources[job->source];
	char *dir FREE_ON_EXIT = xasprintf("%s/repositories/%s", job->config->cache, c->named.name);
	const struct tree_follow_config config = { .name = c->named.name,
		.dir = dir,
		.root_file = c->root,
		.shards = c->ecosystem_names,
		.skew_ms = c->skew,
		.precedence = c->precedence == VULN_PRECEDENCE_DEFAULT ? 0 : (uint32_t)c->precedence,
		.required = c->required,
		.partial = c->partial };
	int r = file_make_directory(dir, STATE_MODE, err);
	return r == 0 ? tree_follow_open(&config, ret, err) : r;
}

static int apply(const struct load_job *job, struct tree_follow *f, struct vuln_update *u,
        struct ipc_loaded *l, struct error *err)
{
	struct tree_follow_status before, after;
	tree_follow_status(f, &before);
	int r = tree_follow_apply(f, u, err);
	if (r)
		return r;
	/* Packages without any advisory have become judgeable too. */
	l->all = before.held.generation == 0;
	r = load_job_commit(job, u, l, err);
	if (r == 0)
		r = tree_follow_applied(f, err);
	tree_follow_status(f, &after);
	l->refused = after.records_refused;
	l->read = l->put + l->refused;
	l->mapped = l->proven = l->put;
	l->unchanged = l->put + l->removed + l->refused == 0;
	return r;
}

/* What is held goes into an index that lacks it, whatever became of the round. */
static int run(const struct load_job *job, struct tree_follow *f, struct vuln_update *u, struct ipc_loaded *l,
        struct error *err)
{
	const struct tree_pull pull = { .address = job->config->sources[job->source]->from };
	struct error why = { "" };
	int pulled = tree_pull_run(&pull, f, &why), applied = 0;
	if (tree_follow_ready(f) || (tree_follow_index(f) && !tree_follow_stands(f, u)))
		applied = apply(job, f, u, l, err);
	else
		l->unchanged = true;
	if (pulled && !applied)
		*err = why;
	return applied ? applied : pulled;
}

int load_job_follow(
        const struct load_job *job, struct vuln_update *u, struct ipc_loaded *ret, struct error *err)
{
	struct tree_follow *f = NULL;
	int r = open_follower(job, &f, err);
	if (r == 0)
		r = run(job, f, u, ret, err);
	tree_follow_close(f);
	if (r <= 0)
		return r;
	ret->refusal = (uint8_t)r;
	return error_prefix(err, -EBADMSG, "%s", tree_refusal_name((enum tree_refusal)r));
}
