/* SPDX-License-Identifier: ISC */
/* PT-TLS sessions: the first byte chooses role and SASL, the second how the rest is split. */
#include "proto/pttls/pttls.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int check_plain(void *context, const struct pttls_plain *plain)
{
	return strcmp(plain->password, "sesame") ? -1 : 0;
}

static int get_plain(void *context, struct pttls_plain *ret)
{
	memcpy(ret->user, "carol", 6);
	memcpy(ret->password, "sesame", 7);
	return 0;
}

static void drain(struct pttls_session *s, unsigned *sum)
{
	for (struct pttls_event event; pttls_next(s, &event);) {
		for (size_t i = 0; i < event.length; i++)
			*sum += event.bytes[i];
		if (event.kind == PTTLS_EVENT_CLOSED && (!event.text || !pttls_is_closed(s)))
			abort();
		if (event.kind == PTTLS_EVENT_BATCH && pttls_send_batch(s, event.bytes, event.length) == 0 &&
		        pttls_output(s)->length < event.length)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	struct pttls_config config = { .role = data[0] & 1 ? PTTLS_SERVER : PTTLS_CLIENT,
		.message_max = 1 << 16 };
	if (data[0] & 2) {
		config.check_plain = check_plain;
		config.get_plain = get_plain;
	}
	size_t chunk = data[1] ? data[1] : 1;
	struct pttls_session *s = pttls_session_new(&config);
	unsigned sum = 0;
	(void)pttls_start(s);
	for (size_t at = 2; at < size; at += MIN(chunk, size - at)) {
		if (pttls_receive(s, data + at, MIN(chunk, size - at)) < 0 && !pttls_is_closed(s))
			abort();
		drain(s, &sum);
	}
	if (pttls_output(s)->length > pttls_output(s)->limit ||
	        (sum && pttls_get_counters(s).messages_received == 0))
		abort();
	pttls_session_free(s);
	return 0;
}
