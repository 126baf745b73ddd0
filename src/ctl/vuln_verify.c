/* SPDX-License-Identifier: ISC */
/* `pratique vuln verify`: whether a repository is what its publisher signed, all of it. */
#include "ctl/ctl.h"
#include "vuln/tree/lines.h"
#include "vuln/tree/pull.h"

#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WORDS "vuln verify"

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	return remove(path);
}

/* Deltas that a new follower would not fetch. */
static int check_files(const char *dir, const struct tree_index *index, struct error *err)
{
	for (size_t i = 0; i < index->n_shards; i++) {
		const struct tree_shard *s = &index->shards[i];
		for (size_t j = 0; j < s->n_deltas; j++) {
			int r = lines_check(dir, &s->deltas[j].file, err);
			if (r)
				return r;
		}
	}
	return 0;
}

static int verify(const char *address, const char *root, struct tree_follow *f, uint64_t *ret_records,
        struct error *err)
{
	const struct tree_pull pull = { .address = address };
	int r = tree_pull_run(&pull, f, err);
	if (r == 0)
		r = tree_follow_judge(f, ret_records, err);
	if (r == 0 && !strstr(address, "://"))
		r = check_files(address, tree_follow_index(f), err);
	return r;
}

static void print_good(const struct tree_follow *f, uint64_t records)
{
	const struct tree_index *index = tree_follow_index(f);
	const struct tree_root *root = tree_follow_root(f);
	struct tree_follow_status status;
	char point[TREE_POINT_SIZE], from[CLOCK_TEXT_SIZE], to[CLOCK_TEXT_SIZE], end[CLOCK_TEXT_SIZE];
	tree_follow_status(f, &status);
	printf("%s: good\nroot          %" PRIu64 ", until %s\ngeneration    %s\nsigned        %s, until %s\n"
	       "records       %" PRIu64 " in %zu shards\n",
	        index->repository, root->version, clock_format(root->expires, end),
	        tree_point_format(index->point, point), clock_format(index->time, from),
	        clock_format(index->expires, to), records, index->n_shards);
	if (status.records_refused)
		printf("refused       %" PRIu64 " that are no OSV records, the first: %s\n",
		        status.records_refused, status.record_reason);
}

static void print_json(const struct tree_follow *f, int code, uint64_t records, const struct error *err)
{
	const struct tree_index *index = tree_follow_index(f);
	char point[TREE_POINT_SIZE], to[CLOCK_TEXT_SIZE];
	json_t *j = json_pack("{s:b, s:s}", "good", code == 0, "repository", tree_follow_root(f)->repository);
	json_object_set_new(j, "root", json_integer((json_int_t)tree_follow_root(f)->version));
	if (code > 0)
		json_object_set_new(j, "refused", json_string(tree_refusal_name((enum tree_refusal)code)));
	if (code)
		json_object_set_new(j, "reason", json_string(err->text));
	if (code == 0) {
		json_object_set_new(j, "generation", json_string(tree_point_format(index->point, point)));
		json_object_set_new(j, "expires", json_string(clock_format(index->expires, to)));
		json_object_set_new(j, "shards", json_integer((json_int_t)index->n_shards));
		json_object_set_new(j, "records", json_integer((json_int_t)records));
	}
	char *text FREE_ON_EXIT = json_dumps(j, JSON_COMPACT);
	puts(text);
	json_decref(j);
}

/* In a directory of its own, which is gone afterwards. */
static int run(const char *address, const char *root, bool json)
{
	const char *base = getenv("TMPDIR");
	char *dir FREE_ON_EXIT = xasprintf("%s/pratique-verify-XXXXXX", base ? base : "/tmp");
	struct tree_follow *f = NULL;
	struct error err = { "" };
	uint64_t records = 0;
	if (!mkdtemp(dir))
		return ctl_fail(WORDS, "%s: %s", dir, strerror(errno));
	const struct tree_follow_config config = { .name = "verify", .dir = dir, .root_file = root };
	int r = tree_follow_open(&config, &f, &err);
	if (r == 0) {
		r = verify(address, root, f, &records, &err);
		if (json)
			print_json(f, r, records, &err);
		else if (r == 0)
			print_good(f, records);
	}
	tree_follow_close(f);
	(void)nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	if (r > 0)
		return ctl_fail(WORDS, "%s (%s)", err.text, tree_refusal_name((enum tree_refusal)r));
	return r < 0 ? ctl_fail(WORDS, "%s", err.text) : CTL_OK;
}

int ctl_vuln_verify(int argc, char **argv)
{
	const char *root = NULL;
	bool json = false;
	const struct command_option options[] = {
		{ 'r', "root", "FILE", "a root of the repository that you vouch for", COMMAND_TEXT, &root,
		        1 },
		{ 'j', "json", NULL, "as JSON", COMMAND_FLAG, &json },
	};
	const struct command_line line = {
		.program = "pratique",
		.words = WORDS,
		.synopsis = "--root FILE DIR|URL",
		.about = "Reads a whole signed repository as a new follower would, keeps nothing of it, and "
		         "says "
		         "whether it\n"
		         "is good: roots, index, times, each file and each record.",
		.options = options,
		.n_options = ARRAY_LENGTH(options),
		.closing = "Exit status: 0 it is good, 1 it is not, or cannot be read, 2 wrong usage.\n\n"
		           "Examples:\n"
		           "  pratique vuln verify --root 1.root.json /srv/www/advisories\n"
		           "  pratique vuln verify --root 1.root.json https://advisories.example/",
		.least = 1,
		.most = 1,
		.argument = "one DIR or URL",
	};
	char **arguments;
	int code = command_line_parse(&line, argc, argv, &arguments);
	return code != COMMAND_GO_ON ? code : run(arguments[0], root, json);
}
