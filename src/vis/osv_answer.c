/* SPDX-License-Identifier: ISC */
#include "vis/osv_answer.h"

#include "vis/json_text.h"
#include "vis/osv_note.h"
#include "vuln/listing.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NAMES_MAX (64u << 20)

/* Offsets into names; note 0: none. */
struct osv_found {
	uint32_t id, source, note;
	uint32_t precedence;
	time_ms modified;
};

void osv_answer_open(struct osv_answer *a, struct vuln_index *index, struct kept *kept)
{
	memset(a, 0, sizeof(*a));
	a->index = index;
	a->kept = kept;
	a->coder = coder_new();
	a->out = a->packed = wr_make(OSV_ANSWER_MAX);
	a->names = wr_make(NAMES_MAX);
}

void osv_answer_close(struct osv_answer *a)
{
	coder_free(a->coder);
	wr_free(&a->out);
	wr_free(&a->packed);
	wr_free(&a->names);
	free(a->found);
	free(a->ecosystems);
	free(a->asked);
}

void osv_answer_begin(struct osv_answer *a)
{
	wr_reset(&a->out);
	wr_reset(&a->packed);
	a->unjudged = NULL;
	a->n_unjudged = 0;
	a->n_records = 0;
	a->work = 0;
	a->is_cut = false;
}

static void note_unjudged(struct osv_answer *a, const char *reason)
{
	if (a->n_unjudged++ > 0)
		return;
	snprintf(a->reason, sizeof(a->reason), "%s", reason);
	a->unjudged = a->reason;
}

static const char *name_at(const struct osv_answer *a, uint32_t at)
{
	return (const char *)a->names.data + at;
}

static uint32_t keep_name(struct osv_answer *a, const char *name)
{
	const size_t at = a->names.length;
	wr_bytes(&a->names, name, strlen(name) + 1);
	return (uint32_t)at;
}

/* ---- what is found ---- */

static void add(struct osv_answer *a, const char *id, const char *source, time_ms modified,
        uint32_t precedence, uint32_t note)
{
	ARRAY_RESERVE_ONE(a->found, a->n_found, a->capacity);
	a->found[a->n_found++] = (struct osv_found){ .id = keep_name(a, id),
		.source = keep_name(a, source),
		.note = note,
		.precedence = precedence,
		.modified = modified };
}

/* Each id that affects the version is a record of its own here, also where two are one vulnerability. */
static int take_match(const struct vuln_match *m, void *context)
{
	struct osv_answer *a = context;
	char *note FREE_ON_EXIT = osv_note_of_match(m);
	a->work += 1 + m->n_views;
	if (a->work > OSV_WORK_MAX || a->n_found + 1 + m->n_views > OSV_MATCHES_MAX)
		return -E2BIG;
	add(a, m->id, m->source, m->modified, m->precedence, note ? keep_name(a, note) : 0);
	for (size_t i = 0; i < m->n_views; i++) {
		const struct vuln_view *v = &m->views[i];
		if (v->status == VULN_AFFECTED && strcmp(v->id, m->id) != 0)
			add(a, v->id, v->source, v->modified, v->precedence, 0);
	}
	return wr_failed(&a->names) ? -E2BIG : 0;
}

static int order_found(const void *one, const void *other, void *answer)
{
	const struct osv_answer *a = answer;
	const struct osv_found *x = one, *y = other;
	int order = strcmp(name_at(a, x->id), name_at(a, y->id));
	if (order == 0 && x->precedence != y->precedence)
		order = x->precedence < y->precedence ? -1 : 1;
	if (order == 0 && !x->note != !y->note)
		order = x->note ? -1 : 1;
	return order ? order : strcmp(name_at(a, x->source), name_at(a, y->source));
}

static void sort_found(struct osv_answer *a)
{
	size_t n = 0;
	if (a->n_found > 1)
		qsort_r(a->found, a->n_found, sizeof(*a->found), order_found, a);
	for (size_t i = 0; i < a->n_found; i++)
		if (n == 0 || strcmp(name_at(a, a->found[n - 1].id), name_at(a, a->found[i].id)) != 0)
			a->found[n++] = a->found[i];
	a->n_found = n;
}

static int take_ecosystem(const char *ecosystem, uint64_t entries, void *context)
{
	struct osv_answer *a = context;
	if (a->n_ecosystems == OSV_ECOSYSTEMS_MAX ||
	        (a->n_ecosystems && strcmp(a->ecosystems[a->n_ecosystems - 1], ecosystem) == 0))
		return 0;
	ARRAY_RESERVE_ONE(a->ecosystems, a->n_ecosystems, a->ecosystems_capacity);
	snprintf(a->ecosystems[a->n_ecosystems++], ECOSYSTEM_NAME_MAX, "%s", ecosystem);
	return 0;
}

static int read_ecosystems(struct osv_answer *a, struct error *err)
{
	const uint64_t generation = vuln_index_generation(a->index);
	if (a->n_ecosystems && generation == a->generation)
		return 0;
	a->n_ecosystems = 0;
	int r = vuln_index_each_ecosystem(a->index, take_ecosystem, a, err);
	a->generation = generation;
	return r;
}

static int order_names(const void *name, const void *ecosystem)
{
	return strcmp(name, ecosystem);
}

static void ask_of(struct osv_answer *a, const char *ecosystem)
{
	ARRAY_RESERVE_ONE(a->asked, a->n_asked, a->asked_capacity);
	a->asked[a->n_asked++] = ecosystem;
}

static void choose_ecosystems(struct osv_answer *a, const struct osv_query *q)
{
	const size_t n = strlen(q->ecosystem);
	const char *one = a->n_ecosystems && n && !q->all_releases
	        ? bsearch(q->ecosystem, a->ecosystems, a->n_ecosystems, ECOSYSTEM_NAME_MAX, order_names)
	        : NULL;
	a->n_asked = 0;
	if (one)
		ask_of(a, one);
	for (size_t i = 0; i < a->n_ecosystems && (n == 0 || q->all_releases); i++)
		if (strncmp(a->ecosystems[i], q->ecosystem, n) == 0 &&
		        (n == 0 || a->ecosystems[i][n] == '\0' || a->ecosystems[i][n] == ':'))
			ask_of(a, a->ecosystems[i]);
}

static int ask(struct osv_answer *a, const struct osv_query *q, const char *ecosystem, struct error *err)
{
	struct vuln_query query = {
		.ecosystem = ecosystem,
		.package = q->package,
		.version = *q->version ? q->version : NULL,
		.source_version = *q->source_version ? q->source_version : NULL,
	};
	int r = vuln_index_query(a->index, &query, take_match, a, NULL, err);
	if (r >= 0 && *q->binary) {
		query.package = q->binary;
		query.by_binary = true;
		const int by_binary = vuln_index_query(a->index, &query, take_match, a, NULL, err);
		r = by_binary < 0 ? by_binary : r;
	}
	return r;
}

static int take_entry(const struct vuln_entry *e, void *context)
{
	struct osv_answer *a = context;
	if (a->n_found == OSV_MATCHES_MAX)
		return -E2BIG;
	add(a, e->id, e->source, e->modified, e->precedence, 0);
	return wr_failed(&a->names) ? -E2BIG : 0;
}

static void forget_found(struct osv_answer *a)
{
	wr_reset(&a->names);
	wr_u8(&a->names, 0);
	a->n_found = 0;
}

int osv_answer_list(struct osv_answer *a, const struct osv_query *q, struct error *err)
{
	forget_found(a);
	int r = read_ecosystems(a, err);
	choose_ecosystems(a, q);
	if (r == 0 && a->n_asked == 0)
		note_unjudged(a, "the index has no advisories for this ecosystem");
	for (size_t i = 0; i < a->n_asked && r == 0; i++)
		r = vuln_index_each_entry(a->index, a->asked[i], take_entry, a, err);
	if (r == -E2BIG)
		error_set(err, r, "more than %d records; ask for one release", OSV_MATCHES_MAX);
	if (r == 0)
		sort_found(a);
	return r;
}

int osv_answer_find(struct osv_answer *a, const struct osv_query *q, struct error *err)
{
	forget_found(a);
	if (q->unjudged) {
		note_unjudged(a, q->unjudged);
		return 0;
	}
	int r = read_ecosystems(a, err);
	choose_ecosystems(a, q);
	if (r == 0 && a->n_asked == 0)
		note_unjudged(a, "the index has no advisories for this ecosystem");
	bool in_part = false;
	for (size_t i = 0; i < a->n_asked && r == 0; i++) {
		struct error why;
		a->work += OSV_WORK_LOOKUP;
		r = a->work > OSV_WORK_MAX ? -E2BIG : ask(a, q, a->asked[i], &why);
		if (r > 0) {
			if (!in_part)
				note_unjudged(a, why.text);
			in_part = true;
			r = 0;
		} else if (r == -EINVAL || r == -ENOTSUP) {
			if (a->n_asked == 1)
				note_unjudged(a, why.text);
			r = 0;
		} else if (r == -E2BIG) {
			error_set(err, r, "this asks for too much at once; ask in parts");
		} else if (r < 0) {
			error_set(err, r, "%s", why.text);
		}
	}
	if (r == 0)
		sort_found(a);
	return r;
}

/* ---- pages ---- */

static size_t first_of_page(const struct osv_answer *a, const struct osv_query *q)
{
	size_t low = 0, high = a->n_found;
	while (low < high) {
		const size_t middle = (low + high) / 2;
		if (strcmp(name_at(a, a->found[middle].id), q->after) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return *q->after ? low : 0;
}

static void put_brief(struct writer *w, const char *id, time_ms modified)
{
	json_put(w, "{");
	json_put_member(w, true, "id", id);
	json_put(w, ",\"modified\":");
	json_put_time(w, modified);
	json_put(w, "}");
}

static void put_token(struct osv_answer *a, struct writer *w, size_t last)
{
	char token[OSV_TOKEN_SIZE];
	osv_token_make(name_at(a, a->found[last].id), token);
	a->is_cut = true;
	json_put(w, ",\"next_page_token\":\"");
	json_put(w, token);
	json_put(w, "\"");
}

size_t osv_answer_write_ids(struct osv_answer *a, const struct osv_query *q, size_t limit)
{
	const size_t first = first_of_page(a, q), n = MIN(a->n_found - first, limit);
	struct writer *w = &a->out;
	json_put(w, "{");
	for (size_t i = first; i < first + n; i++) {
		json_put(w, i == first ? "\"vulns\":[" : ",");
		put_brief(w, name_at(a, a->found[i].id), a->found[i].modified);
	}
	if (n)
		json_put(w, "]");
	if (n && first + n < a->n_found)
		put_token(a, w, first + n - 1);
	json_put(w, "}");
	return n;
}

/* ---- whole records ---- */

struct page {
	struct osv_answer *answer;
	enum coding coding;
	size_t first, at, n_written, unpacked; /* at: the record that is being written, behind first */
};

/* What joins records. */
static void put_glue(const struct page *p, const char *text)
{
	if (p->coding == CODING_ZSTD)
		coder_put_raw(&p->answer->packed, text, strlen(text));
	else
		json_put(&p->answer->out, text);
}

/* A record that is not sent as it is: with a note, or made of what the index knows. Through out, which is
 * packed where the answer is. */
static bool put_changed(
        const struct page *p, const struct osv_found *f, const void *frame, size_t length, const char *note)
{
	struct osv_answer *a = p->answer;
	struct writer *w = &a->out;
	const size_t at = p->coding == CODING_ZSTD ? 0 : w->length;
	if (p->coding == CODING_ZSTD)
		wr_reset(w);
	if (!frame)
		put_brief(w, name_at(a, f->id), f->modified);
	else if (!coder_unpack(a->coder, w, frame, length))
		return false;
	if (frame && note)
		osv_note_add(w, at, note);
	if (p->coding == CODING_ZSTD)
		coder_put_frame(a->coder, &a->packed, w->data, w->length);
	return !wr_failed(w);
}

static void key_of(struct osv_answer *a, const struct vuln_name *name)
{
	kept_key(a->kept, 'r', name->id, strlen(name->id), name->source, strlen(name->source));
}

/* Into out, and kept for the next who asks. */
static bool unpack(const struct page *p, const struct osv_found *f, const void *frame, size_t length)
{
	struct osv_answer *a = p->answer;
	const size_t at = a->out.length;
	if (!coder_unpack(a->coder, &a->out, frame, length))
		return false;
	const struct vuln_name name = { name_at(a, f->id), name_at(a, f->source) };
	key_of(a, &name);
	(void)kept_put(
	        a->kept, &(struct kept_text){ .bytes = a->out.data + at, .length = a->out.length - at });
	return true;
}

static int put_record(size_t i, const void *frame, size_t length, void *context)
{
	struct page *p = context;
	struct osv_answer *a = p->answer;
	const struct osv_found *f = &a->found[p->first + p->at];
	const size_t size = frame ? coder_frame_size(frame, length) : 0;
	if (size == SIZE_MAX)
		return -EBADMSG;
	if (p->n_written && p->unpacked + size > OSV_ANSWER_PAGE)
		return 1;
	put_glue(p, p->n_written ? "," : "{\"vulns\":[");
	if (!frame || f->note) {
		if (!put_changed(p, f, frame, length, f->note ? name_at(a, f->note) : NULL))
			return -EBADMSG;
	} else if (p->coding == CODING_ZSTD) {
		wr_bytes(&a->packed, frame, length);
	} else if (!unpack(p, f, frame, length)) {
		return -EBADMSG;
	}
	p->unpacked += size;
	p->n_written++;
	return 0;
}

/* A record that goes out as it is and was unpacked before. 1: the page ends before it; -ENOENT: it was not.
 */
static int put_kept(struct page *p, size_t i, const struct vuln_name *name)
{
	struct osv_answer *a = p->answer;
	if (p->coding == CODING_ZSTD || a->found[p->first + i].note)
		return -ENOENT;
	key_of(a, name);
	const struct kept_text *text = kept_find(a->kept);
	if (!text)
		return -ENOENT;
	if (p->n_written && p->unpacked + text->length > OSV_ANSWER_PAGE)
		return 1;
	put_glue(p, p->n_written ? "," : "{\"vulns\":[");
	wr_bytes(&a->out, text->bytes, text->length);
	p->unpacked += text->length;
	p->n_written++;
	return 0;
}

static int put_records(struct page *p, const struct vuln_name *names, size_t n, struct error *err)
{
	int r = 0;
	for (p->at = 0; p->at < n && r == 0; p->at++) {
		r = put_kept(p, p->at, &names[p->at]);
		if (r == -ENOENT)
			r = vuln_index_each_frame(p->answer->index, &names[p->at], 1, put_record, p, err);
	}
	return r;
}

int osv_answer_write_records(
        struct osv_answer *a, const struct osv_query *q, enum coding coding, struct error *err)
{
	struct page p = { .answer = a, .coding = coding, .first = first_of_page(a, q) };
	const size_t left = a->n_found - p.first, n = MIN(left, (size_t)OSV_PAGE_MAX);
	struct vuln_name *names FREE_ON_EXIT = n ? xcalloc(n, sizeof(*names)) : NULL;
	for (size_t i = 0; i < n; i++)
		names[i] = (struct vuln_name){ name_at(a, a->found[p.first + i].id),
			name_at(a, a->found[p.first + i].source) };
	int r = put_records(&p, names, n, err);
	if (r == -EBADMSG)
		return error_set(err, r, "the text of %s is not readable",
		        name_at(a, a->found[p.first + p.n_written].id));
	if (r < 0)
		return r;
	struct writer end = wr_make(OSV_TOKEN_SIZE + 64);
	json_put(&end, p.n_written ? "]" : "{");
	if (p.n_written && p.n_written < left)
		put_token(a, &end, p.first + p.n_written - 1);
	json_put(&end, "}");
	wr_u8(&end, '\0');
	put_glue(&p, (const char *)end.data);
	wr_free(&end);
	a->n_records += p.n_written;
	return wr_failed(&a->out) || wr_failed(&a->packed)
	        ? error_set(err, -E2BIG, "the answer is larger than %u bytes", OSV_ANSWER_MAX)
	        : 0;
}
