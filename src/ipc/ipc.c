/* SPDX-License-Identifier: ISC */
/*
 * One encoder, one decoder and one destructor, all driven by the field descriptions that messages.def expands
 * to.
 */
#include "ipc/ipc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum field_kind {
	F_U8,
	F_U16,
	F_U32,
	F_U64,
	F_I64,
	F_BOOL,
	F_IP,
	F_PREFIX,
	F_MAC,
	F_STRING,
	F_BYTES,
	F_LIST
};

struct record;
struct field {
	const char *name;
	enum field_kind kind;
	size_t offset, count_offset; /* count_offset: the length of BYTES, the count of LIST */
	size_t max;
	const struct record *record;
};
struct record {
	const char *name;
	size_t size;
	const struct field *(*fields)(void); /* ends with a field that has no name */
};

/* A record may name another that stands further down: declare them all, then describe them. */
#define RECORD(name, ...) static const struct record record_##name;
#define MESSAGE(number, NAME, name, ...) RECORD(name, __VA_ARGS__)
#include "ipc/messages.def"
#undef MESSAGE
#undef RECORD

#define FIELD(f, k) { .name = #f, .kind = (k), .offset = offsetof(self, f) },
#define U8(f) FIELD(f, F_U8)
#define U16(f) FIELD(f, F_U16)
#define U32(f) FIELD(f, F_U32)
#define U64(f) FIELD(f, F_U64)
#define I64(f) FIELD(f, F_I64)
#define BOOL(f) FIELD(f, F_BOOL)
#define IP(f) FIELD(f, F_IP)
#define PREFIX(f) FIELD(f, F_PREFIX)
#define MAC(f) FIELD(f, F_MAC)
#define STRING(f, n) { .name = #f, .kind = F_STRING, .offset = offsetof(self, f), .max = (n) },
#define BYTES(f, n) \
	{ .name = #f, \
		.kind = F_BYTES, \
		.offset = offsetof(self, f), \
		.count_offset = offsetof(self, f##_length), \
		.max = (n) },
#define LIST(f, r, n) \
	{ .name = #f, \
		.kind = F_LIST, \
		.offset = offsetof(self, f), \
		.count_offset = offsetof(self, n_##f), \
		.max = (n), \
		.record = &record_##r },
#define RECORD(r, ...) \
	static const struct field *fields_##r(void) \
	{ \
		typedef struct ipc_##r self; \
		static const struct field fields[] = { __VA_ARGS__{ .name = NULL } }; \
		return fields; \
	} \
	static const struct record record_##r = { #r, sizeof(struct ipc_##r), fields_##r };
#define MESSAGE(number, NAME, name, ...) RECORD(name, __VA_ARGS__)
#include "ipc/messages.def"
#undef MESSAGE
#undef RECORD

static const struct message {
	enum ipc_number number;
	const struct record *record;
} messages[] = {
#define RECORD(name, ...)
#define MESSAGE(number, NAME, name, ...) { IPC_##NAME, &record_##name },
#include "ipc/messages.def"
#undef MESSAGE
#undef RECORD
};

static const struct record *find_record(enum ipc_number number)
{
	for (size_t i = 0; i < ARRAY_LENGTH(messages); i++)
		if (messages[i].number == number)
			return messages[i].record;
	return NULL;
}

const char *ipc_name(enum ipc_number number)
{
	const struct record *r = find_record(number);
	return r ? r->name : NULL;
}

/* ---- encode ---- */

static int encode_record(struct writer *w, const struct record *record, const void *body, struct error *err);

static int too_long(const struct record *record, const struct field *f, size_t n, struct error *err)
{
	return error_set(err, -E2BIG, "%s.%s: %zu is more than %zu", record->name, f->name, n, f->max);
}

static int encode_counted(struct writer *w, const struct record *record, const struct field *f,
        const uint8_t *body, struct error *err)
{
	const void *p = *(void *const *)(body + f->offset);
	size_t n = f->kind == F_STRING ? (p ? strlen(p) : 0) : *(const size_t *)(body + f->count_offset);
	if (n > f->max)
		return too_long(record, f, n, err);
	wr_u32(w, (uint32_t)n);
	if (f->kind != F_LIST) {
		wr_bytes(w, p, n);
		return 0;
	}
	for (size_t i = 0; i < n; i++) {
		int r = encode_record(w, f->record, (const uint8_t *)p + i * f->record->size, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int encode_record(struct writer *w, const struct record *record, const void *body, struct error *err)
{
	for (const struct field *f = record->fields(); f->name; f++) {
		const void *p = (const uint8_t *)body + f->offset;
		int r = 0;
		switch (f->kind) {
		case F_U8:
			wr_u8(w, *(const uint8_t *)p);
			break;
		case F_U16:
			wr_u16(w, *(const uint16_t *)p);
			break;
		case F_U32:
			wr_u32(w, *(const uint32_t *)p);
			break;
		case F_U64:
			wr_u64(w, *(const uint64_t *)p);
			break;
		case F_I64:
			wr_u64(w, (uint64_t) * (const int64_t *)p);
			break;
		case F_BOOL:
			wr_u8(w, *(const bool *)p);
			break;
		case F_IP:
			wr_bytes(w, p, sizeof(struct ip_address));
			break;
		case F_PREFIX:
			wr_bytes(w, ((const struct ip_prefix *)p)->address.bytes, 16);
			wr_u8(w, ((const struct ip_prefix *)p)->length);
			break;
		case F_MAC:
			wr_bytes(w, p, sizeof(struct mac_address));
			break;
		case F_STRING:
		case F_BYTES:
		case F_LIST:
			r = encode_counted(w, record, f, body, err);
			break;
		}
		if (r < 0)
			return r;
	}
	return 0;
}

int ipc_encode(struct writer *w, enum ipc_number number, const void *body, struct error *err)
{
	const struct record *record = find_record(number);
	size_t start = w->length;
	if (!record)
		return error_set(err, -EINVAL, "no message has number %d", number);
	wr_u32(w, 0);
	wr_u16(w, (uint16_t)number);
	int r = encode_record(w, record, body, err);
	if (r == 0 && (wr_failed(w) || w->length - start > IPC_FRAME_MAX))
		r = error_set(err, -E2BIG, "%s: the message does not fit", record->name);
	if (r < 0) {
		w->length = start;
		w->failed = false;
		return r;
	}
	wr_patch_u32(w, start, (uint32_t)(w->length - start - 4));
	return 0;
}

/* ---- decode ---- */

int ipc_frame_size(const uint8_t *bytes, size_t length, size_t limit, size_t *ret_size)
{
	struct reader r = rd_make(bytes, length);
	uint32_t announced = rd_u32(&r);
	if (rd_failed(&r))
		return 0;
	if (announced < 2 || announced > limit || announced > IPC_FRAME_MAX - 4)
		return -EMSGSIZE;
	*ret_size = (size_t)announced + 4;
	return 1;
}

static int decode_record(struct reader *r, const struct record *record, void *body, struct error *err);

static int bad_field(const struct record *record, const struct field *f, const char *what, struct error *err)
{
	return error_set(err, -EBADMSG, "%s.%s: %s", record->name, f->name, what);
}

/* A list element takes at least a byte on the wire, so a count above what is left is a lie, found before
 * memory is spent. */
static int decode_counted(struct reader *r, const struct record *record, const struct field *f, uint8_t *body,
        struct error *err)
{
	size_t n = rd_u32(r);
	void **at = (void **)(body + f->offset);
	if (n > f->max)
		return bad_field(record, f, "longer than allowed", err);
	if (rd_failed(r) || n > rd_left(r))
		return bad_field(record, f, "cut short", err);
	if (f->kind == F_LIST) {
		*at = n ? xcalloc(n, f->record->size) : NULL;
		*(size_t *)(body + f->count_offset) = n;
		for (size_t i = 0; i < n; i++) {
			int e = decode_record(r, f->record, (uint8_t *)*at + i * f->record->size, err);
			if (e < 0)
				return e;
		}
		return 0;
	}
	const uint8_t *p = rd_bytes(r, n);
	if (f->kind == F_STRING) {
		if (n && memchr(p, '\0', n))
			return bad_field(record, f, "a NUL inside", err);
		*at = xstrndup(n ? (const char *)p : "", n);
	} else {
		*at = n ? xmemdup(p, n) : NULL;
		*(size_t *)(body + f->count_offset) = n;
	}
	return 0;
}

static int decode_fixed(
        struct reader *r, const struct record *record, const struct field *f, void *p, struct error *err)
{
	const uint8_t *bytes;
	uint8_t small;
	switch (f->kind) {
	case F_U8:
		*(uint8_t *)p = rd_u8(r);
		break;
	case F_U16:
		*(uint16_t *)p = rd_u16(r);
		break;
	case F_U32:
		*(uint32_t *)p = rd_u32(r);
		break;
	case F_U64:
		*(uint64_t *)p = rd_u64(r);
		break;
	case F_I64:
		*(int64_t *)p = (int64_t)rd_u64(r);
		break;
	case F_BOOL:
		small = rd_u8(r);
		if (small > 1)
			return bad_field(record, f, "neither 0 nor 1", err);
		*(bool *)p = small;
		break;
	case F_IP:
		if ((bytes = rd_bytes(r, sizeof(struct ip_address))))
			memcpy(p, bytes, sizeof(struct ip_address));
		break;
	case F_PREFIX:
		if ((bytes = rd_bytes(r, 16)))
			memcpy(((struct ip_prefix *)p)->address.bytes, bytes, 16);
		small = rd_u8(r);
		if (small > 128)
			return bad_field(record, f, "longer than 128 bits", err);
		((struct ip_prefix *)p)->length = small;
		break;
	case F_MAC:
		if ((bytes = rd_bytes(r, sizeof(struct mac_address))))
			memcpy(p, bytes, sizeof(struct mac_address));
		break;
	case F_STRING:
	case F_BYTES:
	case F_LIST:
		break;
	}
	return rd_failed(r) ? bad_field(record, f, "cut short", err) : 0;
}

static int decode_record(struct reader *r, const struct record *record, void *body, struct error *err)
{
	for (const struct field *f = record->fields(); f->name; f++) {
		int e = f->kind == F_STRING || f->kind == F_BYTES || f->kind == F_LIST
		        ? decode_counted(r, record, f, body, err)
		        : decode_fixed(r, record, f, (uint8_t *)body + f->offset, err);
		if (e < 0)
			return e;
	}
	return 0;
}

static void clear_record(const struct record *record, void *body)
{
	for (const struct field *f = record->fields(); f->name; f++) {
		if (f->kind != F_STRING && f->kind != F_BYTES && f->kind != F_LIST)
			continue;
		void **at = (void **)((uint8_t *)body + f->offset);
		size_t n = f->kind == F_LIST && *at ? *(size_t *)((uint8_t *)body + f->count_offset) : 0;
		for (size_t i = 0; i < n; i++)
			clear_record(f->record, (uint8_t *)*at + i * f->record->size);
		free(*at);
		*at = NULL;
		if (f->kind != F_STRING)
			*(size_t *)((uint8_t *)body + f->count_offset) = 0;
	}
}

int ipc_decode(const uint8_t *frame, size_t length, struct ipc_message *ret, struct error *err)
{
	struct reader r = rd_make(frame, length);
	uint32_t announced = rd_u32(&r);
	enum ipc_number number = rd_u16(&r);
	const struct record *record = find_record(number);
	if (rd_failed(&r) || announced != length - 4)
		return error_set(err, -EBADMSG, "a frame of %zu bytes announces %u", length, announced);
	if (!record)
		return error_set(err, -EBADMSG, "no message has number %d", number);
	void *body = xcalloc(1, record->size);
	int e = decode_record(&r, record, body, err);
	if (e == 0 && rd_left(&r))
		e = error_set(err, -EBADMSG, "%s: %zu bytes too many", record->name, rd_left(&r));
	if (e < 0) {
		clear_record(record, body);
		free(body);
		return e;
	}
	*ret = (struct ipc_message){ .number = number, .body = body };
	return 0;
}

void ipc_body_clear(enum ipc_number number, void *body)
{
	const struct record *record = find_record(number);
	if (record && body)
		clear_record(record, body);
}

void ipc_message_clear(struct ipc_message *m)
{
	ipc_body_clear(m->number, m->body);
	free(m->body);
	m->body = NULL;
}
