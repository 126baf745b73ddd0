/* SPDX-License-Identifier: ISC */
/*
 * Local users: a private file, one line a user,
 *
 *     NAME PASSWORD [KEY=VALUE]...
 *
 * NAME and PASSWORD may stand in double quotes (then \" and \\ are those characters). PASSWORD is plain:TEXT,
 * or a crypt(5) hash ($6$..., $y$...), which serves PAP only: CHAP, MS-CHAPv2 and EAP need the text. Keys:
 * address, prefix, delegated, route, dns, pool, ipv6-pool, delegated-pool, interface-id, segment,
 * session-timeout, idle-timeout, rate-up, rate-down, machine (the IKE identity that the user must come with).
 * Methods: PAP, CHAP, MS-CHAPv2, EAP-MD5, EAP-MSCHAPv2.
 *
 * An unknown name costs as much as a known one, and is told as little.
 */
#pragma once

#include "softwire/aaa.h"

#define AAA_USERS_MAX 65536
#define AAA_USERS_FILE_MAX (16u << 20)
#define AAA_USER_PASSWORD_MAX 255

struct aaa_users;
/* Every mistake in turn to report (may be NULL), the first one in err, with file and line. */
int aaa_users_load(
        const char *path, struct aaa_users **ret, void (*report)(const char *text), struct error *err);
/* The same from the text of a file; path is for the words. text is theirs
 * from now on, whatever comes of it. */
int aaa_users_read(char *text, const char *path, struct aaa_users **ret, void (*report)(const char *text),
        struct error *err);
struct aaa_users *aaa_users_free(struct aaa_users *users);
size_t aaa_users_count(const struct aaa_users *users);

/* The state of one local EAP authentication (aaa_users_eap.c); zeroed before the first request. */
#define AAA_EAP_MAX 512
struct aaa_users_eap {
	uint8_t step, method, id;
	uint8_t challenge[16];
	char user[AAA_TEXT_MAX + 1];
};
struct aaa_users_answer {
	enum aaa_outcome outcome;
	struct aaa_profile profile;
	char message[PPP_MESSAGE_MAX];
	const char *reason;
	uint8_t eap[AAA_EAP_MAX];
	size_t eap_length;
};
/* Judges a request. random: 16 fresh bytes. machine: what IKE proved. */
void aaa_users_authenticate(const struct aaa_users *users, struct aaa_users_eap *eap,
        const struct ppp_auth_request *request, const char *machine, const uint8_t random[16],
        struct aaa_users_answer *ret);
