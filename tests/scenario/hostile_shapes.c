/* SPDX-License-Identifier: ISC */
/*
 * Bad bytes in every layer of an inspection: PT-TLS (RFC 6876) around PB-TNC (RFC 5793) around PA-TNC (RFC
 * 5792) with its attributes, those of SWIMA (RFC 8412) among them. A row changes some fields of one good
 * message; all else, the lengths of the outer layers too, is right, so that it is its own layer that has to
 * notice. The server counts each as what it is, and is there for the next one.
 */
#include "tests/scenario/hostile.h"

#include "base/cursor.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SHAPE_MAX (8u << 20)
#define OWN_VENDOR 0x7ed9
#define MEGABYTE (1u << 20)

struct field {
	bool is_set;
	uint32_t value;
};
#define IS(v) \
	{ \
		true, v \
	}

enum layer { LAYER_ATTRIBUTE, LAYER_MESSAGE, LAYER_BATCH };

struct shape {
	const char *name;
	const char *counter; /* NULL: nothing is wrong with it, or not that the server has to mind */
	const char *raw;     /* hex, in place of all else and of the negotiation */
	struct {
		struct field vendor, type, length;
	} pttls;
	struct {
		struct field version, direction, type, length;
	} batch;
	struct {
		struct field flags, vendor, type, length;
	} message;
	struct field pa_vendor, pa_subtype, pa_version;
	struct {
		struct field flags, vendor, type, length;
	} attribute;
	const char *value;             /* of the attribute: hex */
	const char *text;              /* or text */
	size_t fill;                   /* and so many bytes more */
	unsigned nested;               /* attributes in the attribute, one in the other */
	unsigned attributes, messages; /* so many of them; 0: one */
	size_t cut;                    /* bytes off the end, of which the layers up to keep do not know */
	enum layer keep;
};

/* A PA-TNC attribute of the operating system, of SWIMA, and of ours. */
#define SYSTEM(t) .attribute = { .type = IS(t) }
#define SWIMA(t) .pa_subtype = IS(9), .attribute = { .type = IS(t) }
#define OWN(t) \
	.pa_vendor = IS(OWN_VENDOR), .pa_subtype = IS(1), \
	.attribute = { .vendor = IS(OWN_VENDOR), .type = IS(t) }
#define BAD_PTTLS "protocol_errors"
#define BAD_BATCH "protocol_errors"
#define BAD_POSTURE "postures_refused"
#define UNREAD NULL /* the server makes nothing of what is in these */

static const struct shape shapes[] = {
	{ "nothing is wrong", NULL, SYSTEM(11), .value = "00000001" },

	/* PT-TLS, before the negotiation has ended */
	{ "PT-TLS: text", BAD_PTTLS, .raw = "474554202f20485454502f312e310d0a0d0a" },
	{ "PT-TLS: length 0", BAD_PTTLS, .raw = "00000000000000010000000000000000" },
	{ "PT-TLS: length below its header", BAD_PTTLS, .raw = "000000000000000100000 00f00000000" },
	{ "PT-TLS: version request of 16 bytes", BAD_PTTLS, .raw = "00000000000000010000001000000000" },
	{ "PT-TLS: length of 4 GiB", BAD_PTTLS, .raw = "0000000000000001ffffffff00000000" },
	{ "PT-TLS: a negotiation of 1 MiB", BAD_PTTLS, .raw = "00000000000000010010000000000000" },
	{ "PT-TLS: versions 2 to 3", BAD_PTTLS, .raw = "0000000000000001000000140000000000020302" },
	{ "PT-TLS: versions 3 to 1", BAD_PTTLS, .raw = "0000000000000001000000140000000000030101" },
	{ "PT-TLS: a batch before the version", BAD_PTTLS,
	        .raw = "0000000000000007000000180000000002000001 00000008" },
	{ "PT-TLS: the server's own version response", BAD_PTTLS,
	        .raw = "0000000000000002000000140000000000000001" },
	{ "PT-TLS: a SASL result from a client", BAD_PTTLS, .raw = "00000000000000060000001100000000 00" },
	{ "PT-TLS: a SASL selection that nobody asked for", BAD_PTTLS,
	        .raw = "0000000000000004000000160000000005504c41494e" },
	{ "PT-TLS: reserved vendor before the version", BAD_PTTLS,
	        .raw = "00ffffff000000010000001400000000 00010101" },
	{ "PT-TLS: a loop of errors", NULL,
	        .raw = "0000000000000008000000100000000000000000000000080000001000000000000000000000000800000"
	               "01000000000" },
	/* and afterwards */
	{ "PT-TLS: a second version request", BAD_PTTLS, .pttls = { .type = IS(1) } },
	{ "PT-TLS: reserved type", BAD_PTTLS, .pttls = { .type = IS(0xffffffff) } },
	{ "PT-TLS: reserved vendor", BAD_PTTLS, .pttls = { .vendor = IS(0xffffff) } },
	{ "PT-TLS: an unknown vendor's message is passed over", NULL, .pttls = { .vendor = IS(0x123456) } },
	{ "PT-TLS: a batch with a length of 0", BAD_PTTLS, .pttls = { .length = IS(0) } },
	{ "PT-TLS: a batch of 15 bytes", BAD_PTTLS, .pttls = { .length = IS(15) } },
	{ "PT-TLS: a batch of 4 MiB and more", BAD_PTTLS, .pttls = { .length = IS((4u << 20) + 1) } },
	{ "PT-TLS: a batch of 4 GiB", BAD_PTTLS, .pttls = { .length = IS(0xffffffff) } },
	{ "PT-TLS: an empty batch", BAD_BATCH, .pttls = { .length = IS(16) } },

	/* PB-TNC batches */
	{ "PB-TNC: version 0", BAD_BATCH, .batch = { .version = IS(0) } },
	{ "PB-TNC: version 3", BAD_BATCH, .batch = { .version = IS(3) } },
	{ "PB-TNC: version 255", BAD_BATCH, .batch = { .version = IS(255) } },
	{ "PB-TNC: the server's direction", BAD_BATCH, .batch = { .direction = IS(0x80) } },
	{ "PB-TNC: type 0", BAD_BATCH, .batch = { .type = IS(0) } },
	{ "PB-TNC: SDATA from a client", BAD_BATCH, .batch = { .type = IS(2) } },
	{ "PB-TNC: RESULT from a client", BAD_BATCH, .batch = { .type = IS(3) } },
	{ "PB-TNC: SRETRY from a client", BAD_BATCH, .batch = { .type = IS(5) } },
	{ "PB-TNC: type 15", BAD_BATCH, .batch = { .type = IS(15) } },
	{ "PB-TNC: length 0", BAD_BATCH, .batch = { .length = IS(0) } },
	{ "PB-TNC: length 7", BAD_BATCH, .batch = { .length = IS(7) } },
	{ "PB-TNC: shorter than it says", BAD_BATCH, .batch = { .length = IS(4096) } },
	{ "PB-TNC: longer than it says", BAD_BATCH, .batch = { .length = IS(24) } },
	{ "PB-TNC: length of 4 GiB", BAD_BATCH, .batch = { .length = IS(0xffffffff) } },
	{ "PB-TNC: cut in its header", BAD_BATCH, SYSTEM(11), .value = "00000001", .cut = 50,
	        .keep = LAYER_BATCH },
	{ "PB-TNC: cut in a message header", BAD_BATCH, SYSTEM(11), .value = "00000001", .cut = 40,
	        .keep = LAYER_BATCH },
	{ "PB-TNC: cut by one byte", BAD_BATCH, SYSTEM(11), .value = "00000001", .cut = 1,
	        .keep = LAYER_BATCH },
	/* and their messages */
	{ "PB-TNC: a message of length 0", BAD_BATCH, .message = { .length = IS(0) } },
	{ "PB-TNC: a message of length 0, for ever", BAD_BATCH, .message = { .length = IS(0) },
	        .messages = 20000 },
	{ "PB-TNC: a message of 11 bytes", BAD_BATCH, .message = { .length = IS(11) } },
	{ "PB-TNC: a message of 12 bytes", BAD_BATCH, .message = { .length = IS(12) } },
	{ "PB-TNC: a message longer than its batch", BAD_BATCH, .message = { .length = IS(4096) } },
	{ "PB-TNC: a message of 4 GiB", BAD_BATCH, .message = { .length = IS(0xffffffff) } },
	{ "PB-TNC: a message that wraps around", BAD_BATCH, .message = { .length = IS(0xfffffff4) } },
	{ "PB-TNC: reserved vendor", BAD_BATCH, .message = { .vendor = IS(0xffffff) } },
	{ "PB-TNC: reserved type", BAD_BATCH, .message = { .type = IS(0xffffffff) } },
	{ "PB-TNC: PB-PA that may be skipped", BAD_BATCH, .message = { .flags = IS(0) } },
	{ "PB-TNC: an unknown message that must not be skipped", BAD_BATCH,
	        .message = { .vendor = IS(0x123456) } },
	{ "PB-TNC: an unknown message that may be", NULL,
	        .message = { .vendor = IS(0x123456), .flags = IS(0) } },
	{ "PB-TNC: an assessment result from a client", BAD_BATCH, .message = { .type = IS(2) } },
	{ "PB-TNC: an error that is too short", BAD_BATCH, .message = { .type = IS(5), .length = IS(19) } },
	{ "PB-TNC: a language that must not be skipped", BAD_BATCH, .message = { .type = IS(6) } },
	{ "PB-TNC: cut in a message", BAD_BATCH, SYSTEM(11), .value = "00000001", .cut = 20,
	        .keep = LAYER_MESSAGE },
	{ "PB-TNC: reserved PA vendor", BAD_BATCH, .pa_vendor = IS(0xffffff) },
	{ "PB-TNC: reserved PA subtype", BAD_BATCH, .pa_subtype = IS(0xffffffff) },
	{ "PB-TNC: a batch of 100,000 messages", BAD_BATCH, SYSTEM(11), .value = "00000001",
	        .messages = 70000 },

	/* PA-TNC messages */
	{ "PA-TNC: version 0", BAD_POSTURE, .pa_version = IS(0) },
	{ "PA-TNC: version 2", BAD_POSTURE, .pa_version = IS(2) },
	{ "PA-TNC: version 255", BAD_POSTURE, .pa_version = IS(255) },
	{ "PA-TNC: cut in its header", BAD_POSTURE, SYSTEM(11), .value = "00000001", .cut = 18 },
	{ "PA-TNC: cut in an attribute header", BAD_POSTURE, SYSTEM(11), .value = "00000001", .cut = 10 },
	{ "PA-TNC: cut in an attribute", BAD_POSTURE, SYSTEM(11), .value = "00000001", .cut = 2 },
	{ "PA-TNC: an attribute of length 0", BAD_POSTURE, .attribute = { .type = IS(11), .length = IS(0) } },
	{ "PA-TNC: an attribute of length 0, for ever", BAD_POSTURE,
	        .attribute = { .type = IS(11), .length = IS(0) }, .attributes = 20000 },
	{ "PA-TNC: an attribute of 11 bytes", BAD_POSTURE,
	        .attribute = { .type = IS(11), .length = IS(11) } },
	{ "PA-TNC: an attribute longer than its message", BAD_POSTURE,
	        .attribute = { .type = IS(11), .length = IS(4096) } },
	{ "PA-TNC: an attribute of 4 GiB", BAD_POSTURE,
	        .attribute = { .type = IS(11), .length = IS(0xffffffff) } },
	{ "PA-TNC: an attribute that wraps around", BAD_POSTURE,
	        .attribute = { .type = IS(11), .length = IS(0xfffffff8) } },
	{ "PA-TNC: reserved vendor", BAD_POSTURE, .attribute = { .vendor = IS(0xffffff), .type = IS(1) } },
	{ "PA-TNC: reserved type", BAD_POSTURE, .attribute = { .type = IS(0xffffffff) } },
	{ "PA-TNC: an unknown attribute that must not be skipped", BAD_POSTURE,
	        .attribute = { .flags = IS(0x80), .vendor = IS(0x123456), .type = IS(1) } },
	{ "PA-TNC: an unknown attribute that may be", NULL,
	        .attribute = { .vendor = IS(0x123456), .type = IS(1) }, .fill = 1000 },
	{ "PA-TNC: 200,000 attributes", BAD_POSTURE, .attribute = { .vendor = IS(0x123456), .type = IS(1) },
	        .attributes = 200000 },
	{ "PA-TNC: attributes nested a thousand deep", NULL,
	        .attribute = { .vendor = IS(0x123456), .type = IS(1) }, .nested = 1000 },
	{ "PA-TNC: known attributes nested in a product", NULL, SYSTEM(2), .value = "0000000000",
	        .nested = 500 },
	{ "PA-TNC: an attribute of 3 MiB", NULL, .attribute = { .vendor = IS(0x123456), .type = IS(1) },
	        .fill = 3 * MEGABYTE },

	/* attributes of the operating system */
	{ "product information: empty", BAD_POSTURE, SYSTEM(2) },
	{ "product information: cut", BAD_POSTURE, SYSTEM(2), .value = "00000000" },
	{ "product information: a megabyte of name", NULL, SYSTEM(2), .value = "0000000000",
	        .fill = MEGABYTE },
	{ "numeric version: short", UNREAD, SYSTEM(3), .value = "0000000c" },
	{ "numeric version: long", UNREAD, SYSTEM(3), .fill = 64 },
	{ "string version: its length is a lie", BAD_POSTURE, SYSTEM(4), .value = "ff3132" },
	{ "string version: parts are missing", BAD_POSTURE, SYSTEM(4), .value = "0131" },
	{ "operational status: short", UNREAD, SYSTEM(5), .value = "01" },
	{ "forwarding: short", BAD_POSTURE, SYSTEM(11), .value = "000000" },
	{ "forwarding: no such value", NULL, SYSTEM(11), .value = "ffffffff" },
	{ "installed packages: more than there are", BAD_POSTURE, SYSTEM(7),
	        .value = "0000ffff04626173680131" },
	{ "installed packages: a name that is a lie", BAD_POSTURE, SYSTEM(7), .value = "00000001ff6261" },
	{ "installed packages: no count", BAD_POSTURE, SYSTEM(7), .value = "00" },

	/* SWIMA */
	{ "SWIMA inventory: empty", BAD_POSTURE, SWIMA(14) },
	{ "SWIMA inventory: 16 million records", BAD_POSTURE, SWIMA(14),
	        .value = "00ffffff000000010000000100000001" },
	{ "SWIMA inventory: fewer than there are", BAD_POSTURE, SWIMA(14),
	        .value = "0000000000000001000000010000000100000001" },
	{ "SWIMA inventory: an identifier that is a lie", BAD_POSTURE, SWIMA(14),
	        .value = "0000000100000001000000010000000100000001007ed901 0000ffff7061" },
	{ "SWIMA inventory: cut in a record", BAD_POSTURE, SWIMA(14),
	        .value = "00000001000000010000000100000001000000" },
	{ "SWIMA events: empty", UNREAD, SWIMA(15) },
	{ "SWIMA events: more than there are", UNREAD, SWIMA(15),
	        .value = "00ffffff00000001000000010000000100000001" },
	{ "SWIMA with records: 16 million of them", BAD_POSTURE, SWIMA(16),
	        .value = "00ffffff000000010000000100000001" },
	{ "SWIMA with records: a record that is a lie", BAD_POSTURE, SWIMA(16),
	        .value = "0000000100000001000000010000000100000001007ed901000000017000 00ffffffff" },
	{ "SWIMA request from a node", NULL, SWIMA(13), .value = "200000000000000100000001" },

	/* ours */
	{ "system: no JSON", BAD_POSTURE, OWN(4), .text = "no JSON" },
	{ "system: a list", BAD_POSTURE, OWN(4), .text = "[1, 2, 3]" },
	{ "system: not UTF-8", BAD_POSTURE, OWN(4), .value = "7b2261223a22ff22 7d" },
	{ "system: with a NUL", BAD_POSTURE, OWN(4), .value = "7b007d" },
	{ "system: empty", BAD_POSTURE, OWN(4) },
	{ "system: a number for a name", BAD_POSTURE, OWN(4), .text = "{\"kernel\": 1}" },
	{ "system: half an object", BAD_POSTURE, OWN(4), .text = "{\"os\": {\"id\": \"debian\"" },
	{ "network: more than its limit", BAD_POSTURE, OWN(5), .fill = MEGABYTE + 1 },
	{ "security: nested two thousand deep", BAD_POSTURE, OWN(6), .fill = 4000 },
	{ "signature: short", NULL, OWN(2), .value = "0100" },
	{ "certificate: 5,000 bytes", NULL, OWN(3), .fill = 5000 },
};

static void put(struct writer *w, const struct field *f, unsigned bytes, uint32_t otherwise)
{
	uint32_t v = f->is_set ? f->value : otherwise;
	if (bytes == 4)
		wr_u32(w, v);
	else if (bytes == 3)
		wr_u24(w, v);
	else
		wr_u8(w, (uint8_t)v);
}

static void put_hex(struct writer *w, const char *hex)
{
	for (unsigned digit, at = 0, byte = 0; hex && *hex; hex++) {
		if (*hex == ' ')
			continue;
		digit = (unsigned)(*hex <= '9' ? *hex - '0' : *hex - 'a' + 10);
		byte = byte << 4 | digit;
		if (++at % 2 == 0)
			wr_u8(w, (uint8_t)byte);
	}
}

static void put_value(struct writer *w, const struct shape *s)
{
	put_hex(w, s->value);
	if (s->text)
		wr_bytes(w, s->text, strlen(s->text));
	for (size_t i = 0; i < s->fill; i++)
		wr_u8(w, s->pa_vendor.is_set ? '[' : 'a');
	for (unsigned i = 0; i < s->nested; i++) {
		wr_u32(w, 0);
		wr_u32(w, 2);
		wr_u32(w, 12 * (s->nested - i));
	}
}

static void put_attributes(struct writer *w, const struct shape *s)
{
	struct writer value = wr_make(SHAPE_MAX);
	put_value(&value, s);
	for (unsigned i = 0; i < MAX(s->attributes, 1u); i++) {
		put(w, &s->attribute.flags, 1, 0);
		put(w, &s->attribute.vendor, 3, 0);
		put(w, &s->attribute.type, 4, 11);
		put(w, &s->attribute.length, 4, (uint32_t)(12 + value.length));
		wr_bytes(w, value.data, value.length);
	}
	wr_free(&value);
}

/* cut: of what is in it. */
static void put_message(struct writer *w, const struct shape *s, size_t cut)
{
	struct writer body = wr_make(SHAPE_MAX);
	put(&body, &s->pa_version, 1, 1);
	wr_u24(&body, 0);
	wr_u32(&body, 77);
	put_attributes(&body, s);
	size_t known = 24 + body.length - (s->keep == LAYER_ATTRIBUTE ? cut : 0);
	put(w, &s->message.flags, 1, 0x80);
	put(w, &s->message.vendor, 3, 0);
	put(w, &s->message.type, 4, 1);
	put(w, &s->message.length, 4, (uint32_t)known);
	wr_u8(w, 0);
	put(w, &s->pa_vendor, 3, 0);
	put(w, &s->pa_subtype, 4, 1);
	wr_u32(w, 0x00010000 | 0xffff);
	wr_bytes(w, body.data, body.length);
	wr_free(&body);
}

static void put_shape(struct writer *w, const struct shape *s)
{
	struct writer messages = wr_make(SHAPE_MAX);
	for (unsigned i = 0; i < MAX(s->messages, 1u); i++)
		put_message(&messages, s, s->cut);
	size_t length = 8 + messages.length, left = length - s->cut;
	struct writer batch = wr_make(SHAPE_MAX);
	put(&batch, &s->batch.version, 1, 2);
	put(&batch, &s->batch.direction, 1, 0);
	wr_u8(&batch, 0);
	put(&batch, &s->batch.type, 1, 1);
	put(&batch, &s->batch.length, 4, (uint32_t)(s->keep == LAYER_BATCH ? length : left));
	wr_bytes(&batch, messages.data, messages.length);
	wr_u8(w, 0);
	put(w, &s->pttls.vendor, 3, 0);
	put(w, &s->pttls.type, 4, 7);
	put(w, &s->pttls.length, 4, (uint32_t)(16 + left));
	wr_u32(w, 99);
	wr_bytes(w, batch.data, left);
	wr_free(&batch);
	wr_free(&messages);
}

static bool has_answer(const struct hostile_peer *p)
{
	return p->said || p->batches > 0;
}

/* What the connection heard within ms; false where it did not come so far. */
static bool send_shape(const struct shape *s, SSL_CTX *ctx, struct hostile_peer *p, int ms)
{
	struct writer w = wr_make(2 * SHAPE_MAX);
	bool reached = hostile_connect(p, ctx);
	if (s->raw) {
		put_hex(&w, s->raw);
		p->pttls = pttls_session_new(&(struct pttls_config){ .role = PTTLS_CLIENT });
	} else {
		reached = reached && hostile_negotiate(p);
		put_shape(&w, s);
	}
	reached = reached && !wr_failed(&w);
	if (reached) {
		hostile_write(p, w.data, w.length);
		hostile_listen(p, has_answer, ms);
	}
	wr_free(&w);
	return reached;
}

static void try_shape(const struct shape *s, SSL_CTX *ctx)
{
	struct hostile_peer p;
	int64_t before = s->counter ? hostile_counter(s->counter) : 0;
	bool reached = send_shape(s, ctx, &p, s->counter ? 3000 : 100);
	bool counted = !s->counter || hostile_counted(s->counter, before);
	hostile_check(reached && counted, "%s: %s%s", s->name, s->counter ? "counted as " : "tolerated",
	        s->counter ? s->counter : "");
	printf("# %s%s%s, %zu batches\n", p.closed ? "closed" : "open", p.said ? ": " : "",
	        p.said ? p.said : "", p.batches);
	hostile_close(&p);
}

void hostile_run_shapes(void)
{
	SSL_CTX *ctx = hostile_context(h.site, h.name);
	for (size_t i = 0; i < ARRAY_LENGTH(shapes); i++)
		try_shape(&shapes[i], ctx);
	SSL_CTX_free(ctx);
}

void hostile_repeat_shapes(void)
{
	SSL_CTX *ctx = hostile_context(h.site, h.name);
	size_t n = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(shapes); i++) {
		struct hostile_peer p;
		n += send_shape(&shapes[i], ctx, &p, 20);
		hostile_close(&p);
	}
	hostile_check(n == ARRAY_LENGTH(shapes), "all of it once more");
	SSL_CTX_free(ctx);
}
