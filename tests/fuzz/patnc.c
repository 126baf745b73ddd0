/* SPDX-License-Identifier: ISC */
/* PA-TNC messages: every attribute goes through its decoder; what decodes must encode and decode again to the
 * same size. */
#include "proto/patnc/pratique.h"
#include "proto/patnc/swima.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile unsigned sum;

static void touch(struct patnc_text text)
{
	for (size_t i = 0; i < text.length; i++)
		sum += (unsigned char)text.at[i];
}

static void touch_bytes(const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum += bytes[i];
}

static void lists(const struct patnc_attribute *a, struct writer *w)
{
	struct patnc_list list;
	if (a->type == PATNC_ATTRIBUTE_REQUEST && patnc_get_attribute_request(a, &list) == 0)
		for (struct patnc_attribute_id id; patnc_next_attribute_id(&list, &id);)
			sum += id.type;
	if (a->type == PATNC_PORT_FILTER && patnc_get_port_filter(a, &list) == 0)
		for (struct patnc_port port; patnc_next_port(&list, &port);)
			sum += port.port;
	if (a->type == PATNC_INSTALLED_PACKAGES && patnc_get_installed_packages(a, &list) == 0) {
		size_t at = patnc_begin_installed_packages(w), count = 0;
		for (struct patnc_package package; patnc_next_package(&list, &package); count++) {
			patnc_put_package(w, &package);
			touch(package.version);
		}
		patnc_end_installed_packages(w, at, (uint16_t)count);
		if (count != list.count)
			abort();
	}
	if (a->type == PATNC_SOURCE_METADATA_RESPONSE && swima_get_source_metadata(a, &list) == 0) {
		size_t count = 0;
		for (struct swima_source source; swima_next_source(&list, &source); count++)
			touch(source.metadata);
		if (count != list.count)
			abort();
	}
}

static void singles(const struct patnc_attribute *a, struct writer *w)
{
	struct patnc_product product;
	struct patnc_numeric_version numeric;
	struct patnc_string_version string;
	struct patnc_operational_status status;
	struct patnc_remediation remediation;
	struct patnc_error error;
	enum patnc_assessment assessment;
	enum patnc_forwarding forwarding;
	bool enabled;
	if (a->type == PATNC_PRODUCT_INFORMATION && patnc_get_product_information(a, &product) == 0)
		patnc_put_product_information(w, &product);
	if (a->type == PATNC_NUMERIC_VERSION && patnc_get_numeric_version(a, &numeric) == 0)
		patnc_put_numeric_version(w, &numeric);
	if (a->type == PATNC_STRING_VERSION && patnc_get_string_version(a, &string) == 0)
		patnc_put_string_version(w, &string);
	if (a->type == PATNC_OPERATIONAL_STATUS && patnc_get_operational_status(a, &status) == 0)
		patnc_put_operational_status(w, &status);
	if (a->type == PATNC_REMEDIATION_INSTRUCTIONS &&
	        patnc_get_remediation_instructions(a, &remediation) == 0)
		patnc_put_remediation_instructions(w, &remediation);
	if (a->type == PATNC_ASSESSMENT_RESULT && patnc_get_assessment_result(a, &assessment) == 0)
		patnc_put_assessment_result(w, assessment);
	if (a->type == PATNC_FORWARDING_ENABLED && patnc_get_forwarding_enabled(a, &forwarding) == 0)
		patnc_put_forwarding_enabled(w, forwarding);
	if (a->type == PATNC_FACTORY_DEFAULT_PASSWORD && patnc_get_factory_default_password(a, &enabled) == 0)
		patnc_put_factory_default_password(w, enabled);
	if (a->type == PATNC_ERROR && patnc_get_error(a, &error) == 0) {
		struct writer copy =
		        wr_make(1 << 24); /* may be shorter: what a later version appended is dropped */
		patnc_put_error(&copy, &error);
		struct patnc_attribute back = {
			.type = PATNC_ERROR, .value = copy.data + 12, .length = copy.length - 12
		};
		if (wr_failed(&copy) || patnc_get_error(&back, &error) < 0)
			abort();
		wr_free(&copy);
	}
}

static void software(const struct patnc_attribute *a, struct writer *w)
{
	struct swima_request request;
	struct swima_list list;
	struct patnc_list subscriptions;
	struct patnc_text target;
	if (a->type == PATNC_SWIMA_REQUEST && swima_get_request(a, &request) == 0)
		while (swima_next_target(&request, &target))
			touch(target);
	if (a->type == PATNC_SUBSCRIPTION_STATUS_RESPONSE &&
	        swima_get_subscription_status(a, &subscriptions) == 0)
		while (swima_next_subscription(&subscriptions, &request))
			while (swima_next_target(&request, &target))
				touch(target);
	if (a->type >= PATNC_SOFTWARE_IDENTIFIER_INVENTORY && a->type <= PATNC_SOFTWARE_EVENTS &&
	        swima_get_list(a, &list) == 0) {
		size_t at = swima_begin_list(w, &list);
		uint32_t count = 0;
		for (struct swima_record record; swima_next_record(&list, &record); count++) {
			touch(record.locator);
			touch_bytes(record.record, record.record_length);
			swima_put_record(w, list.type, &record);
		}
		swima_end_list(w, at, count);
		if (count != list.count)
			abort();
	}
}

static void ours(const struct patnc_attribute *a)
{
	uint8_t bytes[32];
	struct pratique_signature signature;
	struct patnc_text text;
	if (a->type == PRATIQUE_NONCE && pratique_get_nonce(a, bytes) == 0)
		sum += bytes[31];
	if (a->type == PRATIQUE_POSTURE_DIGEST && pratique_get_digest(a, bytes) == 0)
		sum += bytes[31];
	if (a->type == PRATIQUE_POSTURE_SIGNATURE && pratique_get_signature(a, &signature) == 0)
		touch_bytes(signature.bytes, signature.length);
	if (pratique_get_text(a, &text) == 0)
		touch(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct patnc_message m;
	struct patnc_error error;
	struct patnc_attribute a;
	struct writer w = wr_make(1 << 24);
	if (patnc_read_message(data, size, NULL, &m, &error) < 0) {
		patnc_begin_message(&w, 1);
		patnc_put_error(&w, &error);
		if (wr_failed(&w) || patnc_read_message(w.data, w.length, NULL, &m, &error) < 0)
			abort();
	}
	while (patnc_next_attribute(&m, &a)) {
		struct writer again = wr_make(1 << 24);
		if (a.vendor == PATNC_VENDOR_IETF) {
			singles(&a, &again);
			lists(&a, &again);
			software(&a, &again);
		} else if (a.vendor == PRATIQUE_PEN) {
			ours(&a);
		}
		if (wr_failed(&again) ||
		        (again.length && again.length != PATNC_ATTRIBUTE_HEADER_SIZE + a.length))
			abort();
		wr_free(&again);
	}
	wr_free(&w);
	return 0;
}
