/* SPDX-License-Identifier: ISC */
/*
 * What a node can say: the first byte chooses between JSON and PA messages (subtype byte, 24-bit length,
 * body, again and again). What was read is shown, judged, sent on, and must come back with the same digest.
 */
#include "posture/attributes.h"
#include "proto/patnc/patnc.h"
#include "proto/patnc/pratique.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int feed(uint32_t vendor, uint32_t subtype, const void *body, size_t length, void *context)
{
	struct patnc_error problem;
	return posture_reader_feed(context, vendor, subtype, body, length, &problem);
}

static void check_text(const struct posture *p, const uint8_t digest[32])
{
	uint8_t after[32];
	size_t length;
	struct posture *q = NULL;
	char *text = posture_to_json_text(p, true, &length);
	json_t *json = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
	if (!json || posture_from_json(json, &q, NULL) < 0)
		abort();
	posture_digest(q, after);
	if (memcmp(digest, after, sizeof(after)) != 0)
		abort();
	json_decref(json);
	posture_free(q);
	free(text);
}

static void check(struct posture *p)
{
	static const struct posture_wants all = { .installed_packages = true, .inventory = true };
	uint8_t before[32], after[32];
	uint32_t id = 1;
	struct posture *q = NULL;
	json_t *json = posture_to_json(p);
	posture_digest(p, before);
	if (!json || posture_from_json(json, &q, NULL) < 0)
		abort();
	posture_digest(q, after);
	if (memcmp(before, after, sizeof(before)) != 0)
		abort();
	check_text(p, before);
	struct posture_reader *r = posture_reader_new(NULL);
	(void)posture_write_messages(p, &all, &id, feed, r);
	posture_free(posture_reader_finish(r, 0));
	posture_reader_free(r);
	posture_free(q);
	json_decref(json);
}

static void run_messages(struct reader in)
{
	struct posture_reader *r = posture_reader_new(NULL);
	struct patnc_error problem;
	struct posture_wants wants = { 0 };
	int result = 0;
	while (result == 0 && rd_left(&in) > 0) {
		uint8_t subtype = rd_u8(&in);
		struct reader body = rd_sub(&in, rd_u24(&in));
		if (rd_failed(&in))
			break;
		bool ours = subtype >= 0x80;
		(void)posture_read_request(&wants, body.at, body.left, &problem);
		result = posture_reader_feed(
		        r, ours ? PRATIQUE_PEN : 0, subtype & 0x7f, body.at, body.left, &problem);
	}
	struct posture *p = posture_reader_finish(r, 0);
	check(p);
	posture_free(p);
	posture_reader_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_error_t where;
	struct posture *p;
	if (size == 0)
		return 0;
	if (data[0] != '{') {
		run_messages(rd_make(data + 1, size - 1));
		return 0;
	}
	json_t *json = json_loadb((const char *)data, size, 0, &where);
	if (json && posture_from_json(json, &p, NULL) == 0) {
		check(p);
		posture_free(p);
	}
	json_decref(json);
	return 0;
}
