/* SPDX-License-Identifier: ISC */
#include "server/reply.h"
#include "posture/attributes.h"
#include "proto/patnc/swima.h"
#include "server/verdict.h"

#include <errno.h>
#include <string.h>

#define VALIDATOR_SYSTEM 1 /* our Posture Validator Identifiers (RFC 5793 4.5) */
#define VALIDATOR_SOFTWARE 2
#define VALIDATOR_OWN 3

static int add_message(
        struct pbtnc_session *pb, struct writer *w, uint32_t vendor, uint32_t subtype, uint16_t validator)
{
	int code = wr_failed(w) ? -EMSGSIZE
	                        : pbtnc_add_pa(pb,
	                                  &(struct pbtnc_pa){ .vendor = vendor,
	                                          .subtype = subtype,
	                                          .collector = PBTNC_ID_ANY,
	                                          .validator = validator,
	                                          .body = w->data,
	                                          .length = w->length });
	wr_free(w);
	return code;
}

static int add_system_request(struct pbtnc_session *pb, uint32_t *next_id, bool with_packages)
{
	static const struct patnc_attribute_id ids[] = { { 0, PATNC_PRODUCT_INFORMATION },
		{ 0, PATNC_NUMERIC_VERSION }, { 0, PATNC_STRING_VERSION }, { 0, PATNC_OPERATIONAL_STATUS },
		{ 0, PATNC_FORWARDING_ENABLED }, { 0, PATNC_INSTALLED_PACKAGES } };
	struct writer w = wr_make(POSTURE_MESSAGE_MAX);
	patnc_begin_message(&w, (*next_id)++);
	patnc_put_attribute_request(&w, ids, ARRAY_LENGTH(ids) - !with_packages);
	return add_message(pb, &w, PATNC_VENDOR_IETF, PATNC_SUBTYPE_OPERATING_SYSTEM, VALIDATOR_SYSTEM);
}

static int add_software_request(struct pbtnc_session *pb, uint32_t *next_id)
{
	struct writer w = wr_make(POSTURE_MESSAGE_MAX);
	struct swima_request request = { .identifiers_only = true, .id = *next_id };
	patnc_begin_message(&w, (*next_id)++);
	swima_put_request(&w, &request, NULL);
	return add_message(pb, &w, PATNC_VENDOR_IETF, PATNC_SUBTYPE_SWIMA, VALIDATOR_SOFTWARE);
}

static int add_nonce(struct pbtnc_session *pb, uint32_t *next_id, const uint8_t nonce[PRATIQUE_NONCE_SIZE])
{
	struct writer w = wr_make(POSTURE_MESSAGE_MAX);
	patnc_begin_message(&w, (*next_id)++);
	pratique_put_nonce(&w, nonce);
	return add_message(pb, &w, PRATIQUE_PEN, PRATIQUE_SUBTYPE, VALIDATOR_OWN);
}

int reply_send_request(struct pbtnc_session *pb, uint32_t *next_id, const uint8_t nonce[PRATIQUE_NONCE_SIZE],
        bool is_ours, struct writer *w)
{
	int code = add_nonce(pb, next_id, nonce);
	/* A third party may have either kind of inventory; ours is whole in SWIMA's. */
	if (code == 0)
		code = add_system_request(pb, next_id, !is_ours);
	if (code == 0)
		code = add_software_request(pb, next_id);
	return code < 0 ? code : pbtnc_send(pb, PBTNC_SDATA, w);
}

int reply_add_error(struct pbtnc_session *pb, uint32_t *next_id, const struct pbtnc_pa *cause,
        const struct patnc_error *error)
{
	struct writer w = wr_make(POSTURE_MESSAGE_MAX);
	patnc_begin_message(&w, (*next_id)++);
	patnc_put_error(&w, error);
	int code = wr_failed(&w) ? -EMSGSIZE
	                         : pbtnc_add_pa(pb,
	                                   &(struct pbtnc_pa){ .vendor = cause->vendor,
	                                           .subtype = cause->subtype,
	                                           .collector = cause->collector,
	                                           .validator = VALIDATOR_SYSTEM,
	                                           .exclusive = true,
	                                           .body = w.data,
	                                           .length = w.length });
	wr_free(&w);
	return code;
}

/* ---- the result ---- */

static int add_own_result(
        struct pbtnc_session *pb, uint32_t *next_id, const struct site_outcome *o, const char *node)
{
	struct writer w = wr_make(POSTURE_MESSAGE_MAX);
	char *decision = verdict_decision(o, node);
	patnc_begin_message(&w, (*next_id)++);
	if (o->certificate)
		pratique_put_text(
		        &w, PRATIQUE_QUARANTINE_CERTIFICATE, o->certificate, strlen(o->certificate));
	pratique_put_text(&w, PRATIQUE_DECISION, decision, strlen(decision));
	free(decision);
	return add_message(pb, &w, PRATIQUE_PEN, PRATIQUE_SUBTYPE, VALIDATOR_OWN);
}

struct adding {
	struct pbtnc_session *pb;
	int code;
};

static void add_reason(const struct verdict_text *text, void *context)
{
	struct adding *a = context;
	if (a->code == 0)
		a->code = pbtnc_add_reason(a->pb, text->text, text->language);
}

static void add_remedy(const struct verdict_text *text, void *context)
{
	struct adding *a = context;
	if (a->code == 0)
		a->code = pbtnc_add_remediation_string(a->pb, text->text, text->language);
}

/* RFC 5793 4.6: what the posture is, wherever the node may be. */
static enum pbtnc_assessment assessment(const struct site_outcome *o, const struct reply_to *to)
{
	if (to->is_failed)
		return PBTNC_ASSESSMENT_ERROR;
	return o->decision.compliant && !o->unsigned_posture ? PBTNC_COMPLIANT
	                                                     : PBTNC_SIGNIFICANT_DIFFERENCES;
}

/* RFC 5793 4.7: what is done about it. */
static enum pbtnc_recommendation recommendation(const struct site_outcome *o)
{
	if (o->kept_by && o->attachment)
		return PBTNC_ACCESS_ALLOWED;
	if (o->rejected)
		return PBTNC_ACCESS_DENIED;
	return o->compliant && o->attachment ? PBTNC_ACCESS_ALLOWED : PBTNC_ACCESS_QUARANTINED;
}

int reply_send_result(struct pbtnc_session *pb, uint32_t *next_id, const struct site_outcome *o,
        const struct reply_to *to, struct writer *w)
{
	struct adding a = { pb, 0 };
	if (to->is_ours)
		a.code = add_own_result(pb, next_id, o, to->node);
	if (!to->is_failed) {
		verdict_each_reason(o, to->language, add_reason, &a);
		verdict_each_remedy(o, to->language, add_remedy, &a);
	}
	if (a.code == 0 && !o->compliant && to->uri && *to->uri)
		a.code = pbtnc_add_remediation_uri(pb, to->uri);
	return a.code < 0 ? a.code : pbtnc_send_result(pb, assessment(o, to), recommendation(o), w);
}
