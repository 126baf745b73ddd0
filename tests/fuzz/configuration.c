/* SPDX-License-Identifier: ISC */
/*
 * Configuration that others wrote, by its first byte: what `sshd -T` prints, sshd_config(5) with files that
 * include each other, passwd(5) and shadow(5) with a NUL between them, tables of x_tables of either family
 * behind what the kernel tells of them, the header of a ClamAV database. What was read must survive the way
 * to the server.
 */
#include "agent/xtables.h"
#include "posture/accounts.h"
#include "posture/cvd.h"
#include "posture/sshd_config.h"

#include <netinet/in.h>
#include <string.h>
/* behind libc's */
#include <linux/netfilter_ipv4/ip_tables.h>
#include <sys/socket.h>

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

static void read_tables(int family, struct input in)
{
	struct ipt_getinfo info;
	struct xtables x = { 0 };
	struct writer w = wr_make(SIZE_MAX);
	if (in.length >= sizeof(info)) {
		memcpy(&info, in.text, sizeof(info));
		(void)xtables_read_entries(
		        family, &info, in.text + sizeof(info), in.length - sizeof(info), &x, &w);
	}
	wr_free(&w);
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
	case '4':
		read_tables(AF_INET, in);
		break;
	case '6':
		read_tables(AF_INET6, in);
		break;
	default:
		(void)cvd_read_header(in.text, in.length, &header);
		break;
	}
	check(p);
	posture_free(p);
	return 0;
}
