/* SPDX-License-Identifier: ISC */
#include "tests/unit/test.h"

#include "tests/unit/directory.h"
#include "tests/unit/vuln/tree_attack.h"

#include <string.h>

int attack_setup(void **state)
{
	struct attack *a = xcalloc(1, sizeof(*a));
	char *base = directory_make();
	a->site = site_new(base, "example.org");
	free(base);
	site_open(a->site, 1);
	site_put(a->site, "own", "A-1", "Debian:12", "1");
	site_commit(a->site, SITE_NOW);
	a->child = child_new(a->site, "child", NULL);
	if (child_round(a->child, SITE_NOW))
		fail_msg("%s", a->child->err.text);
	*state = a;
	return 0;
}

int attack_teardown(void **state)
{
	struct attack *a = *state;
	char *base = xstrdup(a->site->base);
	child_free(a->child);
	site_free(a->site);
	directory_remove(base);
	free(a);
	return 0;
}

char *path_in(const struct site *s, const char *name)
{
	return xasprintf("%s/%s", s->dir, name);
}

char *read_text(const char *path, size_t *ret_length)
{
	char *text = NULL;
	if (file_read(path, TREE_INDEX_MAX, &text, ret_length, NULL) < 0)
		fail_msg("no %s", path);
	return text;
}

void write_text(const char *path, const void *text, size_t length)
{
	assert_int_equal(file_replace(path, text, length, 0644, NULL), 0);
}

void copy_file(const char *from, const char *to)
{
	size_t n;
	char *text FREE_ON_EXIT = read_text(from, &n);
	write_text(to, text, n);
}

/* The round is refused for this reason, with words, is counted once, and changes nothing. */
void expect_refused(struct attack *a, time_ms now, enum tree_refusal refusal)
{
	struct tree_follow_status before, after;
	tree_follow_status(a->child->follow, &before);
	a->child->err.text[0] = '\0';
	int r = child_round(a->child, now);
	if (r != (int)refusal)
		fail_msg("%d (%s), not %s", r, a->child->err.text, tree_refusal_name(refusal));
	tree_follow_status(a->child->follow, &after);
	assert_int_equal(after.last, refusal);
	assert_int_equal(after.refused[refusal], before.refused[refusal] + 1);
	assert_string_equal(after.reason, a->child->err.text);
	assert_true(strlen(after.reason) > 10);
	char *records FREE_ON_EXIT = child_records(a->child);
	assert_string_equal(records, KNOWN);
}

/* The publisher goes on, and so does the follower. */
void expect_goes_on(struct attack *a, time_ms now)
{
	site_put(a->site, "own", "A-9", "Debian:12", "9");
	site_commit(a->site, now);
	if (child_round(a->child, now))
		fail_msg("%s", a->child->err.text);
	char *records FREE_ON_EXIT = child_records(a->child);
	assert_string_equal(records, KNOWN " A-9@up/own=9");
	struct tree_follow_status status;
	tree_follow_status(a->child->follow, &status);
	assert_true(status.last == TREE_GOOD && !*status.reason && status.checked == now);
}

struct tree_root rotated(struct site *s, size_t i)
{
	struct tree_root next = site_next_root(s);
	next.roles[TREE_ROLE_INDEX].n_keys = 0;
	next.epoch++;
	site_add_key(&next, TREE_ROLE_INDEX, s->index_keys[i]);
	return next;
}

void put_rotated(struct site *s, size_t i)
{
	struct tree_root next = rotated(s, i);
	site_put_root(s, &next, (EVP_PKEY *const[]){ s->root_keys[0], s->root_keys[1], NULL });
	tree_root_clear(&next);
}

/* The standing index with another key, for another time, of another generation, ... */
struct tree_index copy_index(const struct site *s)
{
	struct tree_index index;
	size_t n;
	char *path FREE_ON_EXIT = path_in(s, "index.json");
	char *text FREE_ON_EXIT = read_text(path, &n);
	assert_int_equal(tree_index_open(tree_publisher_root(s->publisher), text, n, &index, NULL), 0);
	return index;
}

char *withholding_answer(struct mirror *m, const char *path, uint64_t offset, size_t *ret_length)
{
	char *full FREE_ON_EXIT = xasprintf("%s/%s", m->dir, path);
	char *bytes = NULL;
	if (strstr(path, m->path) || file_read(full, TREE_INDEX_MAX, &bytes, ret_length, NULL) < 0)
		return NULL;
	return bytes;
}
