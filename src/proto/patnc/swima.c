/* SPDX-License-Identifier: ISC */
#include "proto/patnc/swima.h"
#include "proto/patnc/field.h"

#include <errno.h>

#define FLAG_CLEAR 0x80        /* 5.7 */
#define FLAG_SUBSCRIBE 0x40    /* 5.7 */
#define FLAG_RESULT_TYPE 0x20  /* 5.7: set, identifiers only */
#define FLAG_SUBSCRIPTION 0x80 /* 5.8 to 5.11 */
#define RECORD_MIN 14          /* the smallest record: bounds what a count may claim */

static size_t begin(struct writer *w, enum patnc_type type)
{
	return patnc_begin_attribute(w, PATNC_VENDOR_IETF, type, false);
}

/* The count field is the low 24 bits of the value's first word. */
static void patch_count(struct writer *w, size_t at, uint32_t count)
{
	size_t field = at + PATNC_ATTRIBUTE_HEADER_SIZE;
	w->failed |= count > SWIMA_RECORDS_MAX;
	if (!w->failed)
		wr_patch_u32(w, field, (uint32_t)w->data[field] << 24 | count);
	patnc_end_attribute(w, at);
}

static struct swima_request read_request(struct reader *r)
{
	struct swima_request request = { 0 };
	uint8_t flags = rd_u8(r);
	request.clear_subscriptions = flags & FLAG_CLEAR;
	request.subscribe = flags & FLAG_SUBSCRIBE;
	request.identifiers_only = flags & FLAG_RESULT_TYPE;
	request.count = rd_u24(r);
	request.id = rd_u32(r);
	request.earliest_eid = rd_u32(r);
	if (request.count > SWIMA_RECORDS_MAX)
		rd_fail(r);
	struct reader targets = *r;
	for (uint32_t i = 0; i < request.count && !rd_failed(r); i++)
		(void)patnc_read_text(r, rd_u16(r));
	if (!rd_failed(r)) {
		targets.left -= r->left;
		request.targets = targets;
	}
	return request;
}

int swima_get_request(const struct patnc_attribute *a, struct swima_request *ret)
{
	struct reader r = patnc_value(a);
	struct swima_request request = read_request(&r);
	if (patnc_done(&r) < 0)
		return -EBADMSG;
	*ret = request;
	return 0;
}

bool swima_next_target(struct swima_request *request, struct patnc_text *ret)
{
	if (rd_left(&request->targets) == 0)
		return false;
	struct patnc_text text = patnc_read_text(&request->targets, rd_u16(&request->targets));
	if (rd_failed(&request->targets))
		return false;
	*ret = text;
	return true;
}

static void write_request(
        struct writer *w, const struct swima_request *request, const struct patnc_text *targets)
{
	w->failed |= request->count > SWIMA_RECORDS_MAX;
	wr_u8(w,
	        (uint8_t)((request->clear_subscriptions ? FLAG_CLEAR : 0) |
	                (request->subscribe ? FLAG_SUBSCRIBE : 0) |
	                (request->identifiers_only ? FLAG_RESULT_TYPE : 0)));
	wr_u24(w, request->count);
	wr_u32(w, request->id);
	wr_u32(w, request->earliest_eid);
	for (uint32_t i = 0; i < request->count && !w->failed; i++)
		patnc_write_text16(w, targets[i]);
}

void swima_put_request(
        struct writer *w, const struct swima_request *request, const struct patnc_text *targets)
{
	size_t at = begin(w, PATNC_SWIMA_REQUEST);
	write_request(w, request, targets);
	patnc_end_attribute(w, at);
}

static bool is_events(uint32_t type)
{
	return type == PATNC_SOFTWARE_IDENTIFIER_EVENTS || type == PATNC_SOFTWARE_EVENTS;
}

static bool has_records(uint32_t type)
{
	return type == PATNC_SOFTWARE_INVENTORY || type == PATNC_SOFTWARE_EVENTS;
}

static struct swima_record read_record(struct reader *r, uint32_t type)
{
	struct swima_record record = { 0 };
	if (is_events(type)) {
		record.eid = rd_u32(r);
		(void)patnc_read_time(r, record.timestamp);
	}
	record.id = rd_u32(r);
	record.model_vendor = rd_u24(r);
	record.model_type = rd_u8(r);
	record.source = rd_u8(r);
	uint8_t action = rd_u8(r); /* reserved in an inventory */
	if (is_events(type)) {
		if (action < SWIMA_CREATION || action > SWIMA_ALTERATION)
			rd_fail(r);
		record.action = (enum swima_action)action;
	}
	record.identifier = patnc_read_text(r, rd_u16(r));
	record.locator = patnc_read_text(r, rd_u16(r));
	if (has_records(type)) {
		record.record_length = rd_u32(r);
		record.record = rd_bytes(r, record.record_length);
	}
	return record;
}

int swima_get_list(const struct patnc_attribute *a, struct swima_list *ret)
{
	struct reader r = patnc_value(a);
	struct swima_list list = { .type = a->type };
	list.subscription = rd_u8(&r) & FLAG_SUBSCRIPTION;
	list.count = rd_u24(&r);
	list.id = rd_u32(&r);
	list.eid_epoch = rd_u32(&r);
	list.last_eid = rd_u32(&r);
	if (is_events(a->type))
		list.last_consulted_eid = rd_u32(&r);
	if (list.count > SWIMA_RECORDS_MAX || list.count > rd_left(&r) / RECORD_MIN)
		return -EBADMSG;
	list.records = r;
	for (uint32_t i = 0; i < list.count && !rd_failed(&r); i++)
		(void)read_record(&r, a->type);
	if (patnc_done(&r) < 0)
		return -EBADMSG;
	*ret = list;
	return 0;
}

bool swima_next_record(struct swima_list *list, struct swima_record *ret)
{
	if (rd_left(&list->records) == 0)
		return false;
	struct swima_record record = read_record(&list->records, list->type);
	if (rd_failed(&list->records))
		return false;
	*ret = record;
	return true;
}

size_t swima_begin_list(struct writer *w, const struct swima_list *list)
{
	size_t at = begin(w, (enum patnc_type)list->type);
	wr_u8(w, list->subscription ? FLAG_SUBSCRIPTION : 0);
	wr_u24(w, 0);
	wr_u32(w, list->id);
	wr_u32(w, list->eid_epoch);
	wr_u32(w, list->last_eid);
	if (is_events(list->type))
		wr_u32(w, list->last_consulted_eid);
	return at;
}

void swima_put_record(struct writer *w, uint32_t type, const struct swima_record *record)
{
	if (is_events(type)) {
		wr_u32(w, record->eid);
		patnc_write_time(w, record->timestamp);
	}
	wr_u32(w, record->id);
	wr_u24(w, record->model_vendor);
	wr_u8(w, record->model_type);
	wr_u8(w, record->source);
	wr_u8(w, is_events(type) ? (uint8_t)record->action : 0);
	patnc_write_text16(w, record->identifier);
	patnc_write_text16(w, record->locator);
	if (has_records(type)) {
		w->failed |= record->record_length > UINT32_MAX;
		wr_u32(w, (uint32_t)record->record_length);
		wr_bytes(w, record->record, record->record_length);
	}
}

void swima_end_list(struct writer *w, size_t at, uint32_t count)
{
	patch_count(w, at, count);
}

int swima_get_empty(const struct patnc_attribute *a)
{
	return a->length ? -EBADMSG : 0;
}

void swima_put_subscription_status_request(struct writer *w)
{
	patnc_end_attribute(w, begin(w, PATNC_SUBSCRIPTION_STATUS_REQUEST));
}

int swima_get_subscription_status(const struct patnc_attribute *a, struct patnc_list *ret)
{
	struct reader r = patnc_value(a);
	rd_skip(&r, 1);
	uint32_t count = rd_u24(&r);
	if (count > SWIMA_RECORDS_MAX)
		return -EBADMSG;
	struct reader requests = r;
	for (uint32_t i = 0; i < count && !rd_failed(&r); i++)
		(void)read_request(&r);
	if (patnc_done(&r) < 0)
		return -EBADMSG;
	*ret = (struct patnc_list){ .rest = requests, .count = count };
	return 0;
}

bool swima_next_subscription(struct patnc_list *list, struct swima_request *ret)
{
	if (rd_left(&list->rest) == 0)
		return false;
	struct swima_request request = read_request(&list->rest);
	if (rd_failed(&list->rest))
		return false;
	*ret = request;
	return true;
}

size_t swima_begin_subscription_status(struct writer *w)
{
	size_t at = begin(w, PATNC_SUBSCRIPTION_STATUS_RESPONSE);
	wr_u32(w, 0);
	return at;
}

void swima_put_subscription(
        struct writer *w, const struct swima_request *request, const struct patnc_text *targets)
{
	write_request(w, request, targets);
}

void swima_end_subscription_status(struct writer *w, size_t at, uint32_t count)
{
	patch_count(w, at, count);
}

void swima_put_source_metadata_request(struct writer *w)
{
	patnc_end_attribute(w, begin(w, PATNC_SOURCE_METADATA_REQUEST));
}

static struct swima_source read_source(struct reader *r)
{
	struct swima_source source;
	source.id = rd_u8(r);
	source.metadata = patnc_read_text(r, rd_u16(r));
	return source;
}

int swima_get_source_metadata(const struct patnc_attribute *a, struct patnc_list *ret)
{
	struct reader r = patnc_value(a);
	rd_skip(&r, 2);
	uint16_t count = rd_u16(&r);
	struct reader sources = r;
	for (uint16_t i = 0; i < count && !rd_failed(&r); i++)
		(void)read_source(&r);
	if (patnc_done(&r) < 0)
		return -EBADMSG;
	*ret = (struct patnc_list){ .rest = sources, .count = count };
	return 0;
}

bool swima_next_source(struct patnc_list *list, struct swima_source *ret)
{
	if (rd_left(&list->rest) == 0)
		return false;
	struct swima_source source = read_source(&list->rest);
	if (rd_failed(&list->rest))
		return false;
	*ret = source;
	return true;
}

void swima_put_source_metadata(struct writer *w, const struct swima_source *sources, size_t n)
{
	size_t at = begin(w, PATNC_SOURCE_METADATA_RESPONSE);
	w->failed |= n > UINT16_MAX;
	wr_u16(w, 0);
	wr_u16(w, (uint16_t)n);
	for (size_t i = 0; i < n && !w->failed; i++) {
		wr_u8(w, sources[i].id);
		patnc_write_text16(w, sources[i].metadata);
	}
	patnc_end_attribute(w, at);
}
