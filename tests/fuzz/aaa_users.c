/* SPDX-License-Identifier: ISC */
/* Any bytes as a file of local users: it is refused with a reason, or its users can be asked for; then the
 * rest of the input is an EAP packet of one of them. */
#include "softwire/aaa_users.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct aaa_users *users, const uint8_t *eap, size_t length)
{
	struct aaa_users_answer *answer FREE_ON_EXIT = xcalloc(1, sizeof(*answer));
	struct aaa_users_eap state = { 0 };
	const struct ppp_auth_request r = {
		.method = PPP_EAP, .user = "alice", .eap = eap, .eap_length = length
	};
	static const uint8_t identity[] = { 2, 1, 0, 10, 1, 'a', 'l', 'i', 'c', 'e' };
	const struct ppp_auth_request first = {
		.method = PPP_EAP, .user = "alice", .eap = identity, .eap_length = sizeof(identity)
	};
	static const uint8_t random[16] = { 1 };
	aaa_users_authenticate(users, &state, &first, "", random, answer);
	if (answer->outcome != AAA_CONTINUE)
		abort();
	aaa_users_authenticate(users, &state, &r, "", random, answer);
	if (answer->eap_length > AAA_EAP_MAX || answer->outcome == AAA_ACCEPT)
		abort(); /* nobody guesses a response */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct aaa_users *users = NULL;
	struct error err = { "" };
	const uint8_t *end = size ? memchr(data, '\0', size) : NULL;
	size_t length = end ? (size_t)(end - data) : size;
	int r = aaa_users_read(xstrndup((const char *)data, length), "users", &users, NULL, &err);
	if (r < 0 && !*err.text)
		abort();
	if (r == 0) {
		ask(users, data + length, size - length);
		aaa_users_free(users);
	}
	return 0;
}
