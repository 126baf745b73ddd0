/* SPDX-License-Identifier: ISC */
#include "server/inspection.h"
#include "posture/attributes.h"
#include "proto/pbtnc/pbtnc.h"
#include "server/reply.h"

#include <errno.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum inspection_step {
	STEP_IDLE,     /* nothing under way: before the first CDATA, or decided */
	STEP_WAITING,  /* for the node's batch */
	STEP_PLACING,  /* for the attachment to be proven */
	STEP_STORING,  /* for the turn to be durable */
	STEP_APPLYING, /* for the enforcement point */
	STEP_ENDED,
};

struct inspection {
	struct inspection_config config;
	struct pbtnc_session *pb;
	enum inspection_step step;
	bool retry_wanted; /* as soon as the assessment under way has ended */
	bool is_reading;   /* from inspection_receive() to inspection_heed(): what is below may be another
	                      thread's */
	uint8_t *batch;    /* that is being read; a copy, where another thread reads it */
	size_t batch_length;
	time_ms now;      /* of the event being handled */
	uint32_t next_id; /* of our PA-TNC messages */
	char language[257];
	struct site_attachment *attachment;

	/* This assessment. */
	unsigned rounds;
	bool is_begun;  /* by a batch of the node that was let in, or by us */
	bool asked;     /* we sent an SDATA: a posture is expected */
	bool is_ours;   /* the node speaks our attributes */
	bool is_failed; /* a PA message was malformed: nothing of it counts */
	uint8_t nonce[PRATIQUE_NONCE_SIZE];
	struct posture_reader *reader;
	struct site_outcome outcome;

	/* The node's last batch. */
	struct patnc_signature_input input;
	bool has_signature, is_signed;
	bool has_unsigned; /* what the reader holds came in part with a batch that was not signed */
	char *token;       /* the certificate that it presents; NULL = none */
	bool has_digest;
	uint8_t digest[PRATIQUE_DIGEST_SIZE];
	struct site_posture
	        *posture; /* it was the answer to the request; NULL: it was not, or is not readable */
	/* What reading it came to, for inspection_heed(). */
	struct {
		bool bad, retry, turn, closed;
		unsigned signatures_refused, postures_refused;
	} said;
};

static void begin_batch(struct inspection *i)
{
	patnc_signature_input_begin(&i->input);
	i->has_signature = i->is_signed = i->has_digest = false;
	free(TAKE_POINTER(i->token));
	i->posture = site_posture_free(i->posture);
}

static void empty_reader(struct inspection *i)
{
	posture_reader_free(i->reader);
	i->reader = posture_reader_new(i->config.site->catalogue);
	i->has_unsigned = false;
}

/* Without a look at the store: while it is read, nothing waits for that. */
static void reset_assessment(struct inspection *i)
{
	memset(i->nonce, 0, sizeof(i->nonce));
	i->rounds = 0;
	i->is_begun = i->asked = i->is_failed = i->is_ours = false;
	empty_reader(i);
	site_outcome_clear(&i->outcome);
	begin_batch(i);
}

static void begin_assessment(struct inspection *i)
{
	store_forget_waiter(i->config.site->store, i);
	reset_assessment(i);
}

struct inspection *inspection_new(const struct inspection_config *config)
{
	struct inspection *i = xcalloc(1, sizeof(*i));
	i->config = *config;
	i->pb = pbtnc_session_new(PBTNC_SERVER);
	i->next_id = 1;
	begin_assessment(i);
	return i;
}

struct inspection *inspection_free(struct inspection *i)
{
	if (!i)
		return NULL;
	store_forget_waiter(i->config.site->store, i);
	pbtnc_session_free(i->pb);
	posture_reader_free(i->reader);
	site_outcome_clear(&i->outcome);
	patnc_signature_input_free(&i->input);
	free(i->token);
	site_posture_free(i->posture);
	free(i->batch);
	free(i);
	return NULL;
}

static void set_step(struct inspection *i, enum inspection_step step)
{
	bool was = i->step != STEP_IDLE && i->step != STEP_ENDED,
	     is = step != STEP_IDLE && step != STEP_ENDED;
	i->step = step;
	if (was != is)
		i->config.effects.working(i->config.context, is);
}

static void end(struct inspection *i, const char *why)
{
	set_step(i, STEP_ENDED);
	store_forget_waiter(i->config.site->store, i);
	i->config.effects.end(i->config.context, why);
}

static void send_and_free(struct inspection *i, struct writer *w)
{
	if (!wr_failed(w) && w->length)
		i->config.effects.send(i->config.context, w->data, w->length);
	wr_free(w);
}

/* ---- what the node says ---- */

/* Each message that carries a signature carries nothing else; the digest over the others is what is signed.
 */
static void check_signature(struct inspection *i, const struct pratique_signature *s)
{
	uint8_t input[PATNC_SIGNATURE_INPUT_SIZE];
	bool is_second = i->has_signature; /* one covers a batch; two would leave a part to the first */
	i->has_signature = true;
	patnc_signature_input_end(&i->input, i->config.exporter, i->nonce, input);
	patnc_signature_input_begin(&i->input);
	i->is_signed = !is_second && memcmp(s->nonce, i->nonce, sizeof(i->nonce)) == 0 &&
	        key_verify(i->config.node_key, input, sizeof(input), s->bytes, s->length) == 0;
	i->said.signatures_refused += !i->is_signed;
}

/* Our attributes that are not posture. *ret_is_signature: the message is not part of what is signed. */
static void read_own_attributes(struct inspection *i, const struct pbtnc_pa *pa, bool *ret_is_signature)
{
	struct patnc_message m;
	struct patnc_attribute a;
	struct patnc_error error;
	struct pratique_signature signature;
	struct patnc_text text;
	size_t n = 0;
	bool found = false;
	*ret_is_signature = false;
	if (patnc_read_message(pa->body, pa->length, NULL, &m, &error) < 0)
		return; /* posture_reader_feed() says so */
	i->is_ours = true;
	while (patnc_next_attribute(&m, &a)) {
		n++;
		if (a.vendor != PRATIQUE_PEN)
			continue;
		if (a.type == PRATIQUE_POSTURE_SIGNATURE && pratique_get_signature(&a, &signature) == 0) {
			found = true;
		} else if (a.type == PRATIQUE_QUARANTINE_CERTIFICATE && pratique_get_text(&a, &text) == 0) {
			free(i->token);
			i->token = xstrndup(text.at, text.length);
		} else if (a.type == PRATIQUE_POSTURE_DIGEST && pratique_get_digest(&a, i->digest) == 0) {
			i->has_digest = true;
		}
	}
	if (found && n == 1) {
		*ret_is_signature = true;
		check_signature(i, &signature);
	}
}

static void take_pa(struct inspection *i, const struct pbtnc_pa *pa)
{
	struct patnc_error error;
	bool is_signature = false;
	if (pa->vendor == PRATIQUE_PEN && pa->subtype == PRATIQUE_SUBTYPE)
		read_own_attributes(i, pa, &is_signature);
	if (is_signature)
		return;
	i->is_signed = false; /* what follows a signature is not signed by it */
	patnc_signature_input_add(&i->input, pa->vendor, pa->subtype, pa->body, pa->length);
	int code = posture_reader_feed(i->reader, pa->vendor, pa->subtype, pa->body, pa->length, &error);
	if (code == 0)
		return;
	i->is_failed = true;
	i->said.postures_refused++;
	if (code == -EBADMSG)
		reply_add_error(i->pb, &i->next_id, pa, &error);
}

/* ---- what the server says ---- */

static void finish(struct inspection *i)
{
	struct writer w = wr_make(PBTNC_BATCH_MAX);
	if (reply_send_result(i->pb, &i->next_id, &i->outcome,
	            &(struct reply_to){ .node = i->config.node->name,
	                    .language = *i->language ? i->language : NULL,
	                    .uri = i->config.remediation_uri,
	                    .is_ours = i->is_ours,
	                    .is_failed = i->is_failed },
	            &w) < 0) {
		wr_free(&w);
		end(i, "the result could not be composed");
		return;
	}
	i->config.site->counters.assessments++;
	send_and_free(i, &w);
	begin_assessment(i);
	set_step(i, STEP_IDLE);
	if (i->retry_wanted)
		inspection_retry(i, i->now);
}

static void outcome_is_durable(int result, void *context)
{
	struct inspection *i = context;
	if (result < 0) { /* nothing was decided; the node may come again */
		if (result != -ECANCELED)
			end(i, "the decision could not be stored");
		return;
	}
	if (!i->outcome.attachment) {
		finish(i);
		return;
	}
	set_step(i, STEP_APPLYING);
	i->config.effects.await_applied(i->config.context, i->outcome.attachment);
}

void inspection_applied(struct inspection *i, time_ms now)
{
	i->now = now;
	if (i->step == STEP_APPLYING)
		finish(i);
}

static void judge(struct inspection *i, const char *cause)
{
	site_judge(i->config.site, i->config.node, i->attachment, cause, i->nonce, i->now, &i->outcome);
	set_step(i, STEP_STORING);
	store_when_durable(i->config.site->store, outcome_is_durable, i);
}

static void ask(struct inspection *i)
{
	struct writer w = wr_make(PBTNC_BATCH_MAX);
	if (i->rounds++ >= INSPECTION_ROUNDS_MAX || RAND_bytes(i->nonce, sizeof(i->nonce)) != 1) {
		end(i, "the node does not answer what it is asked");
		return;
	}
	if (i->is_ours) /* its posture comes whole, and signed, with the next batch */
		empty_reader(i);
	if (reply_send_request(i->pb, &i->next_id, i->nonce, i->is_ours, &w) < 0) {
		wr_free(&w);
		end(i, "the request could not be composed");
		return;
	}
	i->asked = true;
	set_step(i, STEP_WAITING);
	send_and_free(i, &w);
}

/* The node has answered the request: what came is the posture. */
static void take_posture(struct inspection *i)
{
	struct site *site = i->config.site;
	const bool is_signed = i->is_signed && !i->has_unsigned;
	if (i->is_signed ? i->has_unsigned : !i->has_signature)
		site->counters.signatures_refused++;
	struct site_posture *posture = TAKE_POINTER(i->posture);
	if (!posture || site_take_posture(site, i->config.node, posture, is_signed, i->now) < 0) {
		i->is_failed = true;
		i->outcome = (struct site_outcome){ .note = "the posture could not be read" };
		snprintf(i->outcome.segment, sizeof(i->outcome.segment), "%s", site_floor(site)->name);
		finish(i);
		return;
	}
	site->counters.assessments_full++;
	judge(i, "inspection");
}

void inspection_found_place(struct inspection *i, struct site_attachment *a, time_ms now)
{
	const char *why = NULL;
	if (i->step != STEP_PLACING)
		return;
	i->now = now;
	i->attachment = a;
	if (i->token && i->has_digest &&
	        site_accept(i->config.site, i->config.node, a, i->token, i->digest, i->is_signed, now,
	                &why) == SITE_ACCEPTED) {
		i->config.site->counters.assessments_short++;
		if (site_affirm(i->config.site, i->config.node, a, i->token, now, &i->outcome))
			finish(i);
		else
			judge(i, "certificate");
	} else if (i->asked && !i->token) {
		take_posture(i);
	} else {
		ask(i);
	}
}

/* ---- batches ---- */

/* RFC 5793 4.10: the whole header line of HTTP, name and value. */
static void take_language(struct inspection *i, const char *text, size_t length)
{
	static const char name[] = "Accept-Language:";
	const size_t n = sizeof(name) - 1;
	if (length >= n && strncasecmp(text, name, n) == 0) {
		text += n;
		length -= n;
	}
	snprintf(i->language, sizeof(i->language), "%.*s", (int)MIN(length, sizeof(i->language) - 1), text);
}

static void read_event(struct inspection *i, const struct pbtnc_event *e)
{
	switch (e->kind) {
	case PBTNC_EVENT_RETRY:
		reset_assessment(i);
		i->said.retry = true;
		break;
	case PBTNC_EVENT_PA:
		take_pa(i, &e->pa);
		break;
	case PBTNC_EVENT_LANGUAGE:
		take_language(i, e->text.at, e->text.length);
		break;
	case PBTNC_EVENT_TURN:
		i->said.turn = true;
		break;
	case PBTNC_EVENT_CLOSED:
		i->said.closed = true;
		break;
	default: /* results are ours to send, and errors of the node are for its own log */
		break;
	}
}

static void read_batch(struct inspection *i, const void *batch, size_t length)
{
	struct pbtnc_event e;
	memset(&i->said, 0, sizeof(i->said));
	begin_batch(i);
	i->said.bad = pbtnc_receive_batch(i->pb, batch, length) < 0;
	while (pbtnc_next(i->pb, &e))
		read_event(i, &e);
	if (i->said.turn && i->asked && !i->token && !i->is_failed)
		i->posture =
		        site_posture_new(i->config.site->catalogue, posture_reader_finish(i->reader, i->now));
}

void inspection_read(struct inspection *i)
{
	read_batch(i, i->batch, i->batch_length);
}

static void send_refusal(struct inspection *i)
{
	struct writer w = wr_make(PBTNC_BATCH_MAX);
	i->config.site->counters.protocol_errors++;
	if (pbtnc_take_reply(i->pb, &w))
		i->config.effects.send(i->config.context, w.data, w.length);
	wr_free(&w);
}

static void take_turn(struct inspection *i)
{
	if (!i->is_begun && !site_may_begin(i->config.site, i->config.node, i->now)) {
		end(i, "the node begins too many assessments");
		return;
	}
	i->is_begun = true;
	i->has_unsigned |= !i->is_signed;
	if (!i->token && !i->asked) { /* where it is matters when there is something to judge */
		ask(i);
		return;
	}
	set_step(i, STEP_PLACING);
	i->config.effects.find_place(i->config.context);
}

/* What was said is acted upon, in the order in which a batch says it. */
static void heed(struct inspection *i)
{
	struct site_counters *counters = &i->config.site->counters;
	counters->signatures_refused += i->said.signatures_refused;
	counters->postures_refused += i->said.postures_refused;
	if (i->said.retry)
		store_forget_waiter(i->config.site->store, i);
	if (i->said.bad)
		send_refusal(i);
	if (i->said.turn)
		take_turn(i);
	if (i->said.closed && i->step != STEP_ENDED)
		end(i, "the node closed the conversation");
}

void inspection_heed(struct inspection *i, time_ms now)
{
	free(TAKE_POINTER(i->batch));
	i->is_reading = false;
	if (i->step == STEP_ENDED)
		return;
	i->now = now;
	heed(i);
}

void inspection_receive(struct inspection *i, const void *batch, size_t length, time_ms now)
{
	if (i->step == STEP_ENDED)
		return;
	i->now = now;
	/* Where something else is awaited, the node is out of turn: an error, quick to read. */
	if (i->config.effects.read && length > 0 && (i->step == STEP_IDLE || i->step == STEP_WAITING)) {
		i->batch = xmemdup(batch, length);
		i->batch_length = length;
		i->is_reading = true;
		i->config.effects.read(i->config.context);
		return;
	}
	read_batch(i, batch, length);
	heed(i);
}

void inspection_retry(struct inspection *i, time_ms now)
{
	struct writer w = wr_make(PBTNC_BATCH_MAX);
	if (i->is_reading) {
		i->retry_wanted = true;
		return;
	}
	i->now = now;
	if (i->step != STEP_IDLE || pbtnc_request_retry(i->pb, &w) < 0) {
		i->retry_wanted = i->step != STEP_ENDED;
		wr_free(&w);
		return;
	}
	i->retry_wanted = false;
	bool is_ours = i->is_ours;
	send_and_free(i, &w);
	begin_assessment(i);
	i->is_ours = is_ours;
	i->is_begun = true;
	ask(i);
}
