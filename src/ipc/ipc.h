/* SPDX-License-Identifier: ISC */
/*
 * Messages between our programs. messages.def is the table; from it come one struct a message (struct
 * ipc_hello, ...) and one encoding: u32 length of what follows, u16 message number, then the fields in order,
 * big-endian; strings and bytes carry a u32 length, lists a u32 count. A decoder refuses what is longer than
 * the table allows, trailing bytes, and strings with a NUL inside.
 */
#pragma once

#include "base/address.h"
#include "base/cursor.h"
#include "base/error.h"

#define IPC_VERSION 4
#define IPC_FRAME_MAX (40u << 20) /* with the length field */
#define IPC_HEADER_SIZE 6         /* length and number */

/* Structs. Strings are NUL-terminated and never NULL after decoding; an encoder takes NULL for "". */
#define U8(f) uint8_t f;
#define U16(f) uint16_t f;
#define U32(f) uint32_t f;
#define U64(f) uint64_t f;
#define I64(f) int64_t f;
#define BOOL(f) bool f;
#define IP(f) struct ip_address f;
#define PREFIX(f) struct ip_prefix f;
#define MAC(f) struct mac_address f;
#define STRING(f, max) char *f;
#define BYTES(f, max) \
	uint8_t *f; \
	size_t f##_length;
#define LIST(f, record, max) \
	struct ipc_##record *f; \
	size_t n_##f;
#define RECORD(name, ...) \
	struct ipc_##name { \
		__VA_ARGS__ \
	};
#define MESSAGE(number, NAME, name, ...) RECORD(name, __VA_ARGS__)
#include "ipc/messages.def"
#undef MESSAGE
#undef RECORD

enum ipc_number {
#define RECORD(name, ...)
#define MESSAGE(number, NAME, name, ...) IPC_##NAME = number,
#include "ipc/messages.def"
#undef MESSAGE
#undef RECORD
};
#undef U8
#undef U16
#undef U32
#undef U64
#undef I64
#undef BOOL
#undef IP
#undef PREFIX
#undef MAC
#undef STRING
#undef BYTES
#undef LIST

/* A decoded message: `number` says which struct `body` points to. */
struct ipc_message {
	enum ipc_number number;
	void *body;
};

/* Appends one frame. body is the struct of that number. -E2BIG where a field or the frame exceeds its limit
 * (the writer is as it was). */
int ipc_encode(struct writer *w, enum ipc_number number, const void *body, struct error *err);

/* Looks at the front of a byte stream. 0: incomplete, ask again with more; > 0: size of the whole first
 * frame, which may not be there yet; -EMSGSIZE: the peer announced more than limit. */
int ipc_frame_size(const uint8_t *bytes, size_t length, size_t limit, size_t *ret_size);

/* Decodes one whole frame. -EBADMSG with the field's name for anything that the table does not allow. */
int ipc_decode(const uint8_t *frame, size_t length, struct ipc_message *ret, struct error *err);
void ipc_message_clear(struct ipc_message *m);
/* Frees what a struct's fields own, for structs that the caller filled with heap memory. */
void ipc_body_clear(enum ipc_number number, void *body);
const char *ipc_name(enum ipc_number number); /* "hello"; NULL where there is none */
