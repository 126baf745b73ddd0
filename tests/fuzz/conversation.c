/* SPDX-License-Identifier: ISC */
/* What a server can say to the agent: PB-TNC batches, each behind a 24-bit length, in an assessment that has
 * begun. */
#include "agent/conversation.h"
#include "posture/posture.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz {
	struct conversation *agent;
	struct posture *posture;
};

static void on_send(void *context, const void *batch, size_t length)
{
}

static void on_retry(void *context)
{
}

static void on_want_posture(void *context)
{
	struct fuzz *f = context;
	(void)conversation_answer(f->agent, f->posture);
}

static void on_decided(void *context, const struct conversation_result *result)
{
	struct fuzz *f = context;
	static const uint8_t digest[32];
	char *text FREE_ON_EXIT = json_dumps(result->json, JSON_COMPACT);
	if (!text || (result->certificate && strlen(result->certificate) > TOKEN_TEXT_MAX))
		abort();
	(void)conversation_begin(f->agent, digest, result->certificate);
}

static void on_text(void *context, const char *text)
{
	if (strlen(text) > 4096)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static EVP_PKEY *key;
	static const uint8_t digest[32];
	struct reader in = rd_make(data, size);
	struct fuzz f = { .posture = posture_new() };
	if (!key && key_generate(KEY_ED25519, &key, NULL) < 0)
		abort();
	const struct conversation_config config = { .key = key,
		.language = "en",
		.effects = { on_send, on_retry, on_want_posture, on_decided, on_text, on_text },
		.context = &f };
	f.agent = conversation_new(&config);
	(void)conversation_begin(f.agent, digest, NULL);
	while (rd_left(&in) > 0) {
		struct reader batch = rd_sub(&in, rd_u24(&in));
		if (rd_failed(&in))
			break;
		conversation_receive(f.agent, batch.at, batch.left);
	}
	conversation_free(f.agent);
	posture_free(f.posture);
	return 0;
}
