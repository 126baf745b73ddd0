/* SPDX-License-Identifier: ISC */
/* GET /v1/vulns/{id}: the record of an id, from the source that stands. */
#include "vis/osv_answer.h"
#include "vis/osv_note.h"
#include "vuln/listing.h"
#include "vuln/show.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define HOLDERS_MAX 256 /* sources of one id; further ones are not named */

/* One source that has the id. */
struct holder {
	char source[RECORD_SOURCE_MAX];
	bool withdrawn;
	time_ms modified;
	uint32_t precedence;
	enum vuln_trust trust;
};

struct holders {
	struct holder *list;
	size_t n, capacity, best;
	char aliases[256]; /* of those that name the id as theirs */
	const char *id;
};

static int take_record(const struct record *r, void *context)
{
	struct holders *h = context;
	if (h->n == HOLDERS_MAX)
		return 0;
	ARRAY_RESERVE_ONE(h->list, h->n, h->capacity);
	struct holder *one = &h->list[h->n++];
	*one = (struct holder){
		.withdrawn = r->withdrawn, .modified = r->modified, .precedence = VULN_PRECEDENCE_DEFAULT
	};
	snprintf(one->source, sizeof(one->source), "%s", r->source);
	return 0;
}

static int take_source(const struct vuln_source *s, void *context)
{
	struct holders *h = context;
	for (size_t i = 0; i < h->n; i++)
		if (strcmp(h->list[i].source, s->name) == 0) {
			h->list[i].precedence = s->precedence;
			h->list[i].trust = s->trust;
		}
	return 0;
}

/* As struct vuln_source has it. */
static bool stands_before(const struct holder *a, const struct holder *b)
{
	if (a->precedence != b->precedence)
		return a->precedence < b->precedence;
	if (a->trust != b->trust)
		return a->trust > b->trust;
	if (a->modified != b->modified)
		return a->modified > b->modified;
	return strcmp(a->source, b->source) < 0;
}

static int take_alias(const char *id, const char *source, void *context)
{
	struct holders *h = context;
	const size_t n = strlen(h->aliases);
	if (strcmp(id, h->id) != 0 && !strstr(h->aliases, id))
		snprintf(h->aliases + n, sizeof(h->aliases) - n, "%s%s", n ? ", " : "", id);
	return 0;
}

static int find_holders(struct vuln_index *index, struct holders *h, struct error *err)
{
	int r = vuln_index_show(index, h->id, take_record, h, err);
	if (r == -ENOENT) {
		if (vuln_index_ids(index, h->id, take_alias, h, NULL) < 0 || !*h->aliases)
			return error_set(err, -ENOENT, "Bug not found.");
		return error_set(
		        err, -ENOENT, "Bug not found, but the following aliases were: %s", h->aliases);
	}
	if (r == 0 && h->n > 1)
		r = vuln_index_each_source(index, take_source, h, err);
	for (size_t i = 1; i < h->n; i++)
		if (stands_before(&h->list[i], &h->list[h->best]))
			h->best = i;
	return r;
}

/* NULL where one source alone has it. */
static char *note_of(const struct holders *h)
{
	const struct holder *best = &h->list[h->best];
	char text[CLOCK_TEXT_SIZE];
	json_t *others = json_array();
	for (size_t i = 0; i < h->n; i++)
		if (i != h->best)
			json_array_append_new(others,
			        json_pack("{s:s, s:s, s:i, s:s, s:b, s:s}", "id", h->id, "source",
			                h->list[i].source, "precedence", (int)h->list[i].precedence, "trust",
			                vuln_trust_name(h->list[i].trust), "withdrawn",
			                (int)h->list[i].withdrawn, "modified",
			                clock_format_ms(h->list[i].modified, text)));
	json_t *note = json_pack("{s:s, s:i, s:s, s:o}", "source", best->source, "precedence",
	        (int)best->precedence, "trust", vuln_trust_name(best->trust), "others", others);
	char *dumped = h->n > 1 && note ? json_dumps(note, JSON_COMPACT) : NULL;
	json_decref(note);
	return dumped;
}

struct writing {
	struct osv_answer *answer;
	const struct holders *holders;
	const char *note;
	enum coding coding;
};

/* A record that was never OSV: what a reader needs at the least. */
static void put_bare(struct writer *w, const struct holders *h)
{
	char text[CLOCK_TEXT_SIZE];
	json_t *json = json_pack(
	        "{s:s, s:s}", "id", h->id, "modified", clock_format_ms(h->list[h->best].modified, text));
	char *dumped = json_dumps(json, JSON_COMPACT);
	if (dumped)
		wr_bytes(w, dumped, strlen(dumped));
	free(dumped);
	json_decref(json);
}

static int put_frame(size_t i, const void *frame, size_t length, void *context)
{
	const struct writing *g = context;
	struct osv_answer *a = g->answer;
	if (frame && !g->note && g->coding == CODING_ZSTD) {
		wr_bytes(&a->packed, frame, length);
		return 0;
	}
	if (!frame)
		put_bare(&a->out, g->holders);
	else if (!coder_unpack(a->coder, &a->out, frame, length))
		return -EBADMSG;
	if (g->note)
		osv_note_add(&a->out, 0, g->note);
	if (g->coding == CODING_ZSTD)
		coder_put_frame(a->coder, &a->packed, a->out.data, a->out.length);
	return 0;
}

static int write_record(struct osv_answer *a, struct holders *h, enum coding coding, struct error *err)
{
	int r = find_holders(a->index, h, err);
	if (r < 0)
		return r;
	char *note FREE_ON_EXIT = note_of(h);
	struct writing g = { a, h, note, coding };
	const struct vuln_name name = { h->id, h->list[h->best].source };
	r = vuln_index_each_frame(a->index, &name, 1, put_frame, &g, err);
	a->n_records += r == 0;
	return r == -EBADMSG ? error_set(err, r, "the text of %s is not readable", h->id) : r;
}

int osv_answer_write_record(struct osv_answer *a, const char *id, enum coding coding, struct error *err)
{
	struct holders h = { .id = id };
	int r = write_record(a, &h, coding, err);
	free(h.list);
	return r;
}
