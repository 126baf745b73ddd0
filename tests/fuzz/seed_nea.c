/* SPDX-License-Identifier: ISC */
/* Writes the seed corpora of the pttls, pbtnc and patnc fuzz targets with the project's own encoders:
 * seed-nea CORPUS-FOLDER. */
#include "base/file.h"
#include "proto/patnc/pratique.h"
#include "proto/patnc/swima.h"
#include "proto/pbtnc/pbtnc.h"
#include "proto/pttls/pttls.h"

#include <stdio.h>
#include <string.h>

static const char *folder;

static void save(const char *target, const char *name, struct writer *w)
{
	char *path FREE_ON_EXIT = xasprintf("%s/%s/%s", folder, target, name);
	struct error err;
	if (wr_failed(w) || file_replace(path, w->data, w->length, 0644, &err) < 0) {
		fprintf(stderr, "%s: cannot be written\n", path);
		exit(1);
	}
	wr_reset(w);
}

static void message(struct writer *w, uint32_t vendor, uint32_t type, const void *body, size_t n)
{
	wr_u32(w, vendor);
	wr_u32(w, type);
	wr_u32(w, (uint32_t)(16 + n));
	wr_u32(w, 1);
	wr_bytes(w, body, n);
}

static void seed_pttls(void)
{
	struct writer w CLEANUP(wr_free) = wr_make(1 << 16);
	wr_u16(&w, 0x0107); /* server, chunks of 7 */
	message(&w, 0, PTTLS_VERSION_REQUEST, "\0\1\1\1", 4);
	message(&w, 0, PTTLS_PB_TNC_BATCH, "\2\0\0\1\0\0\0\10", 8);
	message(&w, 0x5597, 3, "tcg", 3);
	message(&w, 0, PTTLS_ERROR, "\0\0\0\0\0\0\0\3copy", 12);
	save("pttls", "server", &w);
	wr_u16(&w, 0x0340); /* server with PLAIN */
	message(&w, 0, PTTLS_VERSION_REQUEST, "\0\1\1\1", 4);
	message(&w, 0, PTTLS_SASL_MECHANISM_SELECTION, "\5PLAIN", 6);
	message(&w, 0, PTTLS_SASL_AUTHENTICATION_DATA, "\0carol\0wrong", 12);
	message(&w, 0, PTTLS_SASL_MECHANISM_SELECTION, "\5PLAIN\0carol\0sesame", 19);
	message(&w, 0, PTTLS_PB_TNC_BATCH, "batch", 5);
	save("pttls", "server-plain", &w);
	wr_u16(&w, 0x00ff);
	message(&w, 0, PTTLS_VERSION_RESPONSE, "\0\0\0\1", 4);
	message(&w, 0, PTTLS_SASL_MECHANISMS, NULL, 0);
	message(&w, 0, PTTLS_PB_TNC_BATCH, "batch", 5);
	save("pttls", "client", &w);
	wr_u16(&w, 0x0210);
	message(&w, 0, PTTLS_VERSION_RESPONSE, "\0\0\0\1", 4);
	message(&w, 0, PTTLS_SASL_MECHANISMS, "\12DIGEST-MD5\5PLAIN", 17);
	message(&w, 0, PTTLS_SASL_RESULT, "\0\0", 2);
	message(&w, 0, PTTLS_SASL_MECHANISMS, NULL, 0);
	message(&w, 0, PTTLS_EXPERIMENTAL, "x", 1);
	save("pttls", "client-plain", &w);
}

/* A step of the pbtnc target: what it does, then the batch that it receives. */
static void step(struct writer *w, uint8_t act, const struct writer *batch)
{
	wr_u8(w, act);
	wr_u16(w, (uint16_t)batch->length);
	wr_bytes(w, batch->data, batch->length);
}

static void compose(struct pbtnc_session *s)
{
	struct pbtnc_pa pa = { .vendor = 0,
		.subtype = 9,
		.collector = 1,
		.validator = PBTNC_ID_ANY,
		.exclusive = true,
		.body = (const uint8_t *)"\1\0\0\0\0\0\0\1",
		.length = 8 };
	struct pbtnc_error error = { .code = PBTNC_E_INVALID_PARAMETER, .offset = 8 };
	(void)pbtnc_add_pa(s, &pa);
	(void)pbtnc_add_error(s, &error);
	(void)pbtnc_add_experimental(s, "hi", 2);
}

static void exchange(struct pbtnc_session *to, const struct writer *w)
{
	(void)pbtnc_receive_batch(to, w->data, w->length);
	for (struct pbtnc_event event; pbtnc_next(to, &event);)
		;
}

static void seed_pbtnc(void)
{
	struct pbtnc_session *client CLEANUP(pbtnc_session_free_pointer) = pbtnc_session_new(PBTNC_CLIENT);
	struct pbtnc_session *server CLEANUP(pbtnc_session_free_pointer) = pbtnc_session_new(PBTNC_SERVER);
	struct writer b[7], for_server CLEANUP(wr_free) = wr_make(1 << 16),
	                               for_client CLEANUP(wr_free) = wr_make(1 << 16);
	for (size_t i = 0; i < ARRAY_LENGTH(b); i++)
		b[i] = wr_make(1 << 14);
	(void)pbtnc_add_language(client, "en");
	compose(client);
	(void)pbtnc_send(client, PBTNC_CDATA, &b[0]);
	exchange(server, &b[0]);
	compose(server);
	(void)pbtnc_send(server, PBTNC_SDATA, &b[1]);
	exchange(client, &b[1]);
	(void)pbtnc_send(client, PBTNC_CDATA, &b[2]);
	exchange(server, &b[2]);
	(void)pbtnc_add_reason(server, "late", "en");
	(void)pbtnc_add_remediation_string(server, "apt upgrade", "en");
	(void)pbtnc_add_remediation_uri(server, "http://patches/");
	(void)pbtnc_send_result(server, PBTNC_SIGNIFICANT_DIFFERENCES, PBTNC_ACCESS_QUARANTINED, &b[3]);
	exchange(client, &b[3]);
	(void)pbtnc_request_retry(server, &b[4]);
	exchange(client, &b[4]);
	compose(client);
	(void)pbtnc_request_retry(client, &b[5]);
	exchange(server, &b[5]);
	(void)pbtnc_send(client, PBTNC_CLOSE, &b[6]);
	wr_u8(&for_server, 1);
	step(&for_server, 0, &b[0]);
	step(&for_server, PBTNC_SDATA, &b[2]);
	step(&for_server, 0xc3, &b[5]);
	step(&for_server, 0x43, &b[6]);
	save("pbtnc", "server", &for_server);
	wr_u8(&for_client, 0);
	step(&for_client, PBTNC_CDATA, &b[1]);
	step(&for_client, PBTNC_CDATA, &b[3]);
	step(&for_client, 0, &b[4]);
	step(&for_client, 7, &b[3]);
	save("pbtnc", "client", &for_client);
	wr_u8(&for_server, 1);
	step(&for_server, 0, &b[6]);
	save("pbtnc", "close", &for_server);
	for (size_t i = 0; i < ARRAY_LENGTH(b); i++)
		wr_free(&b[i]);
}

static void seed_standard(struct writer *w)
{
	static const struct patnc_attribute_id ids[] = { { 0, 7 }, { 0x902a, 8 } };
	static const struct patnc_port ports[] = { { true, 6, 22 }, { false, 17, 53 } };
	struct patnc_operational_status status = { PATNC_OPERATIONAL, PATNC_RESULT_SUCCESS,
		"2026-11-21T20:54:00Z" };
	struct patnc_remediation string = { 0, PATNC_REMEDIATION_STRING, patnc_text("apt"), patnc_text("en"),
		NULL, 0 };
	struct patnc_remediation uri = { 0, PATNC_REMEDIATION_URI, patnc_text("http://p/"), { 0 }, NULL, 0 };
	patnc_begin_message(w, 1);
	patnc_put_attribute_request(w, ids, 2);
	patnc_put_product_information(w, &(struct patnc_product){ 0, 0, patnc_text("Debian") });
	patnc_put_numeric_version(w, &(struct patnc_numeric_version){ 12, 5, 0, 0, 0 });
	patnc_put_string_version(
	        w, &(struct patnc_string_version){ patnc_text("12.5"), patnc_text("b"), patnc_text("c") });
	patnc_put_operational_status(w, &status);
	patnc_put_port_filter(w, ports, 2);
	size_t at = patnc_begin_installed_packages(w);
	patnc_put_package(w, &(struct patnc_package){ patnc_text("bash"), patnc_text("5.2.15-2+b2") });
	patnc_end_installed_packages(w, at, 1);
	patnc_put_assessment_result(w, PATNC_MINOR_DIFFERENCES);
	patnc_put_remediation_instructions(w, &string);
	patnc_put_remediation_instructions(w, &uri);
	patnc_put_forwarding_enabled(w, PATNC_FORWARDING_NO);
	patnc_put_factory_default_password(w, false);
	save("patnc", "standard", w);
	patnc_begin_message(w, 2);
	for (uint32_t code = 1; code <= PATNC_E_SWIMA_SUBSCRIPTION_ID_REUSE; code++)
		patnc_put_error(w, &(struct patnc_error){ .code = code, .description = patnc_text("why") });
	save("patnc", "errors", w);
}

static void seed_swima(struct writer *w)
{
	struct patnc_text targets[] = { patnc_text("pkg:deb/debian/bash"), patnc_text("x") };
	struct swima_request request = { .subscribe = true, .id = 1, .count = 2 };
	patnc_begin_message(w, 3);
	swima_put_request(w, &request, targets);
	swima_put_subscription_status_request(w);
	size_t at = swima_begin_subscription_status(w);
	swima_put_subscription(w, &request, targets);
	swima_end_subscription_status(w, at, 1);
	swima_put_source_metadata_request(w);
	swima_put_source_metadata(w, &(struct swima_source){ 1, patnc_text("dpkg") }, 1);
	save("patnc", "swima", w);
	for (uint32_t type = PATNC_SOFTWARE_IDENTIFIER_INVENTORY; type <= PATNC_SOFTWARE_EVENTS; type++) {
		static const char *const names[] = { "id-inventory", "id-events", "inventory", "events" };
		struct swima_list list = { .type = type, .id = 1, .eid_epoch = 2, .last_eid = 3 };
		struct swima_record record = { .eid = 3,
			.action = SWIMA_CREATION,
			.id = 1,
			.model_vendor = PRATIQUE_PEN,
			.model_type = PRATIQUE_MODEL_PURL,
			.source = 1,
			.identifier = patnc_text("pkg:deb/debian/bash@5.2.15-2"),
			.locator = patnc_text("/var/lib/dpkg/status"),
			.record = (const uint8_t *)"record",
			.record_length = 6 };
		patnc_begin_message(w, type);
		at = swima_begin_list(w, &list);
		swima_put_record(w, type, &record);
		swima_put_record(w, type, &record);
		swima_end_list(w, at, 2);
		save("patnc", names[type - PATNC_SOFTWARE_IDENTIFIER_INVENTORY], w);
	}
}

static void seed_ours(struct writer *w)
{
	uint8_t bytes[32] = { 1, 2, 3 };
	struct pratique_signature signature = {
		.scheme = PRATIQUE_SCHEME_ES256, .bytes = bytes, .length = 32
	};
	patnc_begin_message(w, 4);
	pratique_put_nonce(w, bytes);
	pratique_put_signature(w, &signature);
	pratique_put_digest(w, bytes);
	pratique_put_text(w, PRATIQUE_QUARANTINE_CERTIFICATE, "a.b.c", 5);
	for (unsigned type = PRATIQUE_SYSTEM; type <= PRATIQUE_DECISION; type++)
		pratique_put_text(w, (enum pratique_type)type, "{}", 2);
	patnc_end_attribute(w, patnc_begin_attribute(w, 0x5597, 0x21, false));
	save("patnc", "pratique", w);
	patnc_begin_message(w, 5);
	patnc_end_attribute(w, patnc_begin_attribute(w, 0x5597, 0x21, true));
	save("patnc", "mandatory", w);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: %s CORPUS-FOLDER\n", argv[0]);
		return 2;
	}
	folder = argv[1];
	static const char *const targets[] = { "pttls", "pbtnc", "patnc" };
	for (size_t i = 0; i < ARRAY_LENGTH(targets); i++) {
		char *path FREE_ON_EXIT = xasprintf("%s/%s", folder, targets[i]);
		struct error err;
		if (file_make_directory(path, 0755, &err) < 0) {
			fprintf(stderr, "%s\n", err.text);
			return 1;
		}
	}
	struct writer w CLEANUP(wr_free) = wr_make(1 << 20);
	seed_pttls();
	seed_pbtnc();
	seed_standard(&w);
	seed_swima(&w);
	seed_ours(&w);
	return 0;
}
