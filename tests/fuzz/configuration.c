/* SPDX-License-Identifier: ISC */
/*
 * Configuration that others wrote, by its first byte: what `sshd -T` prints, sshd_config(5) with files that
 * include each other, passwd(5) and shadow(5) with a NUL between them, the header of a ClamAV database. What
 * was read must survive the way to the server.
 */
#include "posture/accounts.h"
#include "posture/cvd.h"
#include "posture/sshd_config.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const char *text;
	size_t length;
};

/* Every pattern is the file itself. */
static int include(struct sshd_config *c, const char *pattern, struct error *err)
{
	const struct input *in = c->context;
	return sshd_read_config(c, pattern, in->text, in->length, err);
}

static void read_config(struct posture *p, struct input in)
{
	struct sshd_config c = { .p = p, .global = true, .include = include, .context = &in };
	struct error err;
	(void)sshd_read_config(&c, "sshd_config", in.text, in.length, &err);
}

static void read_accounts(struct posture *p, struct input in)
{
	const char *nul = memchr(in.text, '\0', in.length);
	size_t n = nul ? (size_t)(nul - in.text) : in.length;
	accounts_read_text(p, in.text, n, nul ? nul + 1 : "", nul ? in.length - n - 1 : 0);
}

static void check(struct posture *p)
{
	uint8_t before[32], after[32];
	struct posture *q = NULL;
	json_t *json = posture_to_json(p);
	posture_digest(p, before);
	if (!json || posture_from_json(json, &q, NULL) < 0)
		abort();
	posture_digest(q, after);
	if (memcmp(before, after, sizeof(after)) != 0)
		abort();
	json_decref(json);
	posture_free(q);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cvd_header header;
	if (size == 0)
		return 0;
	struct posture *p = posture_new();
	const struct input in = { (const char *)data + 1, size - 1 };
	switch (data[0]) {
	case 'T':
		(void)sshd_read_output(p, in.text, in.length);
		break;
	case 'S':
		read_config(p, in);
		break;
	case 'P':
		read_accounts(p, in);
		break;
	default:
		(void)cvd_read_header(in.text, in.length, &header);
		break;
	}
	check(p);
	posture_free(p);
	return 0;
}
