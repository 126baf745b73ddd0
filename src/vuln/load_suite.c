/* SPDX-License-Identifier: ISC */
/* A suite in the folder of an archive, as a mirror has it or as it was fetched: its indexes into records. */
#include "vuln/suite_files.h"
#include "vuln/suite_records.h"

#include <errno.h>
#include <string.h>

/* Of the ways in which an index is listed the first one that is there. */
static int find_file(const struct load_source *s, const struct release_file *release, const char *base,
        char **ret_path, struct error *err)
{
	struct release_entry entry;
	int r = -ENOENT;
	(void)error_set(err, r, "%s/dists/%s/%s: it is listed, and not there", s->from, s->suite, base);
	for (const char *const *packing = suite_packings; *packing; packing++) {
		struct error why;
		char *listed FREE_ON_EXIT = xasprintf("%s%s", base, *packing);
		char *path FREE_ON_EXIT = xasprintf("%s/dists/%s/%s", s->from, s->suite, listed);
		if (!release_file_find(release, listed, &entry))
			continue;
		if (entry.size > SUITE_INDEX_MAX)
			return error_set(err, -EFBIG, "%s: an index of more than %llu bytes", listed,
			        (unsigned long long)SUITE_INDEX_MAX);
		int checked = suite_check_file(path, &entry, &why);
		if (checked == 0) {
			*ret_path = TAKE_POINTER(path);
			return 0;
		}
		if (checked != -ENOENT) {
			*err = why;
			r = checked;
		}
	}
	return r;
}

/* What comes out of it must be the index too, where that is listed unpacked. */
static int unpack(const struct release_file *release, const char *base, const char *path, char **ret_text,
        size_t *ret_length, struct error *err)
{
	struct release_entry plain;
	bool listed = release_file_find(release, base, &plain);
	if (listed && plain.size > SUITE_LIST_MAX)
		return error_set(err, -EFBIG, "%s: an index of more than %u bytes", base, SUITE_LIST_MAX);
	int r = load_unpack(path, listed ? (size_t)plain.size : SUITE_LIST_MAX, ret_text, ret_length, err);
	return r == 0 && listed ? release_file_check(release, base, *ret_text, *ret_length, err) : r;
}

static int take_index(struct load_reading *reading, const struct release_file *release,
        const struct suite_index *index, struct suite *suite, struct error *err)
{
	char *path FREE_ON_EXIT = NULL, *text FREE_ON_EXIT = NULL;
	size_t length = 0;
	int r = find_file(reading->source, release, index->base, &path, err);
	if (r == 0)
		r = unpack(release, index->base, path, &text, &length, err);
	if (r < 0)
		return r;
	reading->l->report->signed_ += release->is_signed;
	reading->l->report->checked += !release->is_signed;
	return index->is_sources ? suite_take_sources(reading, suite, index->base, text, length, err)
	                         : suite_take_packages(reading, suite, index->base, text, length, err);
}

int load_suite(struct load_reading *reading, struct error *err)
{
	const struct load_source *s = reading->source;
	struct release_file release;
	struct suite_indexes indexes = { .n = 0 };
	struct suite suite = { .date = 0 };
	if (!s->suite || !*s->suite)
		return error_set(err, -EINVAL,
		        "%s: of an archive a suite must be named (bookworm-security); apt:[DIR] are the "
		        "lists of "
		        "a machine",
		        s->from);
	int r = suite_open(s, s->from, reading->keys, s->now, &release, err);
	if (r < 0)
		return r;
	r = suite_find_indexes(s, &release, &indexes, err);
	for (size_t i = 0; r == 0 && i < indexes.n; i++)
		r = take_index(reading, &release, &indexes.items[i], &suite, err);
	suite_take_release(&suite, &release);
	if (r == 0)
		r = suite_put(reading, &suite, err);
	suite_clear_indexes(&indexes);
	suite_clear(&suite);
	release_file_clear(&release);
	return r;
}
