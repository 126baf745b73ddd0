/* SPDX-License-Identifier: ISC */
#include "tests/interop/nea_peer.h"

#include <stdio.h>
#include <string.h>

#define REQUEST_ID 0x5052

void nea_peer_init(struct nea_peer *p, enum pbtnc_role role, enum pbtnc_recommendation recommendation,
        const char *packages)
{
	*p = (struct nea_peer){ .role = role,
		.broker = pbtnc_session_new(role),
		.recommendation = recommendation,
		.packages = packages };
}

static void add(struct nea_peer *p, uint32_t vendor, uint32_t subtype, const struct writer *w)
{
	struct pbtnc_pa pa = { .vendor = vendor,
		.subtype = subtype,
		.collector = p->role == PBTNC_CLIENT ? 1 : PBTNC_ID_ANY,
		.validator = p->role == PBTNC_CLIENT ? PBTNC_ID_ANY : 1,
		.body = w->data,
		.length = w->length };
	if (wr_failed(w) || pbtnc_add_pa(p->broker, &pa) < 0)
		printf("failure: a message of %zu bytes does not fit\n", w->length);
}

static void print_text(const char *what, struct patnc_text text)
{
	printf("%s: %.*s\n", what, (int)text.length, text.at);
}

/* Lists of packages, in either of the two shapes. The first of each is printed, the others counted. */
static void on_packages(struct nea_peer *p, const struct patnc_attribute *a)
{
	struct patnc_list list;
	if (patnc_get_installed_packages(a, &list) < 0) {
		puts("failure: installed packages cannot be read");
		return;
	}
	for (struct patnc_package package; patnc_next_package(&list, &package); p->n_packages++)
		if (p->n_packages == 0)
			printf("package: %.*s %.*s\n", (int)package.name.length, package.name.at,
			        (int)package.version.length, package.version.at);
}

static void on_software(struct nea_peer *p, const struct patnc_attribute *a)
{
	struct swima_list list;
	if (swima_get_list(a, &list) < 0) {
		puts("failure: a software list cannot be read");
		return;
	}
	printf("swima: type %u, %u records, epoch %u, last eid %u, request %#x\n", list.type, list.count,
	        list.eid_epoch, list.last_eid, list.id);
	for (struct swima_record record; swima_next_record(&list, &record); p->n_identifiers++)
		if (p->n_identifiers == 0)
			print_text("identifier", record.identifier);
}

static void on_error(const struct patnc_attribute *a)
{
	struct patnc_error error;
	if (patnc_get_error(a, &error) < 0)
		puts("failure: an error cannot be read");
	else
		printf("pa-tnc error: vendor %#x code %u (%s)\n", error.vendor, error.code,
		        patnc_error_text(error.vendor, error.code));
}

static void on_facts(const struct patnc_attribute *a)
{
	struct patnc_product product;
	struct patnc_numeric_version numeric;
	struct patnc_string_version string;
	struct patnc_operational_status status;
	enum patnc_forwarding forwarding;
	bool enabled;
	if (a->type == PATNC_PRODUCT_INFORMATION && patnc_get_product_information(a, &product) == 0)
		print_text("product", product.name);
	if (a->type == PATNC_NUMERIC_VERSION && patnc_get_numeric_version(a, &numeric) == 0)
		printf("numeric version: %u.%u\n", numeric.major, numeric.minor);
	if (a->type == PATNC_STRING_VERSION && patnc_get_string_version(a, &string) == 0)
		print_text("string version", string.version);
	if (a->type == PATNC_OPERATIONAL_STATUS && patnc_get_operational_status(a, &status) == 0)
		printf("status: %u, result %u, last use %s\n", status.status, status.result, status.last_use);
	if (a->type == PATNC_FORWARDING_ENABLED && patnc_get_forwarding_enabled(a, &forwarding) == 0)
		printf("forwarding: %u\n", forwarding);
	if (a->type == PATNC_FACTORY_DEFAULT_PASSWORD && patnc_get_factory_default_password(a, &enabled) == 0)
		printf("factory default password: %d\n", enabled);
}

static void answer_packages(struct nea_peer *p)
{
	struct writer w CLEANUP(wr_free) = wr_make(1 << 21);
	uint16_t count = 0;
	patnc_begin_message(&w, p->next_id++);
	size_t at = patnc_begin_installed_packages(&w);
	for (const char *line = p->packages; line && *line; line = strchr(line, '\n') + 1, count++) {
		size_t name = strcspn(line, " "), version = strcspn(line + name + 1, "\n");
		struct patnc_package package = { { line, name }, { line + name + 1, version } };
		patnc_put_package(&w, &package);
	}
	patnc_end_installed_packages(&w, at, count);
	add(p, PATNC_VENDOR_IETF, PATNC_SUBTYPE_OPERATING_SYSTEM, &w);
	printf("sent: %u installed packages\n", count);
}

static void on_attribute_request(struct nea_peer *p, const struct patnc_attribute *a)
{
	struct patnc_list list;
	if (patnc_get_attribute_request(a, &list) < 0)
		return;
	for (struct patnc_attribute_id id; patnc_next_attribute_id(&list, &id);) {
		printf("asked for: vendor %#x type %u\n", id.vendor, id.type);
		if (id.vendor == PATNC_VENDOR_IETF && id.type == PATNC_INSTALLED_PACKAGES)
			answer_packages(p);
	}
}

/* What answers a request (RFC 8412 5.7): events where it names an EID, records where it does not want
 * identifiers alone. */
static uint32_t answer_type(const struct swima_request *request)
{
	if (request->earliest_eid)
		return request->identifiers_only ? PATNC_SOFTWARE_IDENTIFIER_EVENTS : PATNC_SOFTWARE_EVENTS;
	return request->identifiers_only ? PATNC_SOFTWARE_IDENTIFIER_INVENTORY : PATNC_SOFTWARE_INVENTORY;
}

static uint32_t put_records(const struct nea_peer *p, struct writer *w, uint32_t type)
{
	uint32_t count = 0;
	for (const char *line = p->packages; line && *line; line = strchr(line, '\n') + 1) {
		char purl[1024];
		size_t name = strcspn(line, " "), version = strcspn(line + name + 1, "\n");
		snprintf(purl, sizeof(purl), "pkg:deb/debian/%.*s@%.*s", (int)name, line, (int)version,
		        line + name + 1);
		struct swima_record record = { .eid = 1,
			.timestamp = "2026-01-01T00:00:00Z",
			.action = SWIMA_CREATION,
			.id = ++count,
			.model_vendor = PRATIQUE_PEN,
			.model_type = PRATIQUE_MODEL_PURL,
			.source = 1,
			.identifier = patnc_text(purl),
			.record = (uint8_t *)purl,
			.record_length = strlen(purl) };
		swima_put_record(w, type, &record);
	}
	return count;
}

static void on_swima_request(struct nea_peer *p, const struct patnc_attribute *a)
{
	struct swima_request request;
	if (swima_get_request(a, &request) < 0) {
		puts("failure: a SWIMA request cannot be read");
		return;
	}
	struct writer w CLEANUP(wr_free) = wr_make(PBTNC_BATCH_MAX);
	struct swima_list list = { .type = answer_type(&request),
		.id = request.id,
		.eid_epoch = 1,
		.last_eid = 1,
		.last_consulted_eid = 1 };
	patnc_begin_message(&w, p->next_id++);
	size_t at = swima_begin_list(&w, &list);
	uint32_t count = put_records(p, &w, list.type);
	swima_end_list(&w, at, count);
	add(p, PATNC_VENDOR_IETF, PATNC_SUBTYPE_SWIMA, &w);
	printf("sent: %u software records as attribute %u\n", count, list.type);
}

static void on_attribute(struct nea_peer *p, const struct patnc_attribute *a)
{
	if (a->vendor != PATNC_VENDOR_IETF) {
		printf("ignored: attribute of vendor %#x, type %u, %zu bytes%s\n", a->vendor, a->type,
		        a->length, a->noskip ? ", NOSKIP" : "");
		return;
	}
	printf("attribute: type %u, %zu bytes%s\n", a->type, a->length, a->noskip ? ", NOSKIP" : "");
	if (a->type == PATNC_INSTALLED_PACKAGES)
		on_packages(p, a);
	else if (a->type >= PATNC_SOFTWARE_IDENTIFIER_INVENTORY && a->type <= PATNC_SOFTWARE_EVENTS)
		on_software(p, a);
	else if (a->type == PATNC_ERROR)
		on_error(a);
	else if (a->type == PATNC_ATTRIBUTE_REQUEST && p->role == PBTNC_CLIENT)
		on_attribute_request(p, a);
	else if (a->type == PATNC_SWIMA_REQUEST && p->role == PBTNC_CLIENT)
		on_swima_request(p, a);
	else
		on_facts(a);
}

/* TCG's segmentation is not spoken here; its contract request is tolerated even as a mandatory one: no answer
 * means no segments. */
static bool is_tcg_segmentation(uint32_t vendor, uint32_t type)
{
	return vendor == 0x5597 && type >= 0x21 && type <= 0x24;
}

static void on_pa(struct nea_peer *p, const struct pbtnc_pa *pa)
{
	struct patnc_message m;
	struct patnc_error error;
	printf("message: vendor %#x subtype %u, %zu bytes, collector %u, validator %u\n", pa->vendor,
	        pa->subtype, pa->length, pa->collector, pa->validator);
	if (patnc_read_message(pa->body, pa->length, is_tcg_segmentation, &m, &error) < 0) {
		struct writer w CLEANUP(wr_free) = wr_make(1024);
		printf("failure: message refused with code %u, offset %u\n", error.code, error.offset);
		patnc_begin_message(&w, p->next_id++);
		patnc_put_error(&w, &error);
		add(p, pa->vendor, pa->subtype, &w);
		return;
	}
	for (struct patnc_attribute a; patnc_next_attribute(&m, &a);)
		on_attribute(p, &a);
}

/* What a server asks for: packages both ways, and a nonce in a message of ours that a stranger ignores. */
static void ask(struct nea_peer *p)
{
	static const struct patnc_attribute_id packages = { PATNC_VENDOR_IETF, PATNC_INSTALLED_PACKAGES };
	struct writer w CLEANUP(wr_free) = wr_make(4096);
	patnc_begin_message(&w, p->next_id++);
	patnc_put_attribute_request(&w, &packages, 1);
	add(p, PATNC_VENDOR_IETF, PATNC_SUBTYPE_OPERATING_SYSTEM, &w);
	wr_reset(&w);
	patnc_begin_message(&w, p->next_id++);
	swima_put_request(&w, &(struct swima_request){ .identifiers_only = true, .id = REQUEST_ID }, NULL);
	add(p, PATNC_VENDOR_IETF, PATNC_SUBTYPE_SWIMA, &w);
	wr_reset(&w);
	uint8_t nonce[PRATIQUE_NONCE_SIZE] = { 1 };
	patnc_begin_message(&w, p->next_id++);
	pratique_put_nonce(&w, nonce);
	add(p, PRATIQUE_PEN, PRATIQUE_SUBTYPE, &w);
}

static void on_turn(struct nea_peer *p, struct writer *w)
{
	p->turns++;
	if (p->role == PBTNC_CLIENT) {
		(void)pbtnc_send(p->broker, PBTNC_CDATA, w);
	} else if (p->turns == 1) {
		ask(p);
		(void)pbtnc_send(p->broker, PBTNC_SDATA, w);
	} else if (p->turns < 8 && !(p->n_packages && p->n_identifiers)) {
		(void)pbtnc_send(p->broker, PBTNC_SDATA, w);
	} else {
		bool good = p->recommendation == PBTNC_ACCESS_ALLOWED;
		if (!good) {
			(void)pbtnc_add_reason(p->broker, "the interop test says so", "en");
			(void)pbtnc_add_remediation_string(p->broker, "apt upgrade", "en");
			(void)pbtnc_add_remediation_uri(p->broker, "http://patches.test/");
		}
		(void)pbtnc_send_result(p->broker, good ? PBTNC_COMPLIANT : PBTNC_SIGNIFICANT_DIFFERENCES,
		        p->recommendation, w);
		p->decided = true;
		printf("sent: recommendation %d\n", p->recommendation);
	}
}

static bool on_event(struct nea_peer *p, const struct pbtnc_event *event, struct writer *w)
{
	switch (event->kind) {
	case PBTNC_EVENT_RETRY:
		puts("retry");
		break;
	case PBTNC_EVENT_PA:
		on_pa(p, &event->pa);
		break;
	case PBTNC_EVENT_LANGUAGE:
		printf("language: %.*s\n", (int)event->text.length, event->text.at);
		break;
	case PBTNC_EVENT_RESULT:
		printf("assessment: %d\n", event->assessment);
		p->decided = true;
		break;
	case PBTNC_EVENT_RECOMMENDATION:
		printf("recommendation: %d\n", event->recommendation);
		break;
	case PBTNC_EVENT_REASON:
		printf("reason: %.*s\n", (int)event->text.length, event->text.at);
		break;
	case PBTNC_EVENT_REMEDIATION:
		printf("remediation: %.*s\n", (int)event->remediation.text.length,
		        event->remediation.text.at);
		break;
	case PBTNC_EVENT_ERROR:
		printf("pb-tnc error: %s, offset %u\n",
		        pbtnc_error_text(event->error.vendor, event->error.code), event->error.offset);
		break;
	case PBTNC_EVENT_TURN:
		on_turn(p, w);
		break;
	case PBTNC_EVENT_CLOSED:
		puts("closed");
		return true;
	}
	return false;
}

void nea_peer_begin(struct nea_peer *p, struct writer *w)
{
	struct writer os CLEANUP(wr_free) = wr_make(4096);
	struct patnc_operational_status status = { PATNC_OPERATIONAL, PATNC_RESULT_SUCCESS, "" };
	patnc_begin_message(&os, p->next_id++);
	patnc_put_product_information(&os, &(struct patnc_product){ .name = patnc_text("Debian") });
	patnc_put_string_version(&os, &(struct patnc_string_version){ .version = patnc_text("12.0 x86_64") });
	patnc_put_numeric_version(&os, &(struct patnc_numeric_version){ .major = 12 });
	patnc_put_operational_status(&os, &status);
	patnc_put_forwarding_enabled(&os, p->forwarding);
	patnc_put_factory_default_password(&os, false);
	(void)pbtnc_add_language(p->broker, "en");
	add(p, PATNC_VENDOR_IETF, PATNC_SUBTYPE_OPERATING_SYSTEM, &os);
	if (pbtnc_send(p->broker, PBTNC_CDATA, w) < 0)
		puts("failure: no first batch");
}

bool nea_peer_receive(struct nea_peer *p, const void *bytes, size_t n, struct writer *w)
{
	bool over = false;
	if (pbtnc_receive_batch(p->broker, bytes, n) < 0) {
		const struct pbtnc_error *problem = pbtnc_get_problem(p->broker);
		printf("failure: batch refused, %s, offset %u\n",
		        pbtnc_error_text(problem->vendor, problem->code), problem->offset);
	}
	for (struct pbtnc_event event; pbtnc_next(p->broker, &event);)
		over |= on_event(p, &event, w);
	(void)pbtnc_take_reply(p->broker, w);
	if (p->role == PBTNC_CLIENT && pbtnc_get_state(p->broker) == PBTNC_DECIDED)
		over = pbtnc_send(p->broker, PBTNC_CLOSE, w) == 0;
	return over;
}

bool nea_peer_finish(struct nea_peer *p)
{
	struct pbtnc_counters counters = pbtnc_get_counters(p->broker);
	if (p->role == PBTNC_SERVER)
		printf("received: %zu packages, %zu software identifiers\n", p->n_packages, p->n_identifiers);
	printf("counted: %ju batches received, %ju ignored messages, %ju refused batches\n",
	        (uintmax_t)counters.batches_received, (uintmax_t)counters.ignored_messages,
	        (uintmax_t)counters.refused_batches);
	pbtnc_session_free(p->broker);
	return p->decided && counters.refused_batches == 0;
}
