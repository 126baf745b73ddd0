/* SPDX-License-Identifier: ISC */
/* What aaa_users.c and aaa_users_eap.c share. */
#pragma once

#include "softwire/aaa_users.h"

#define AAA_USER_SETTINGS_MAX 64
/* What a name without a password is checked against: it cannot stand in a file. */
#define AAA_NO_PASSWORD "\n"

struct aaa_user_setting {
	const char *key, *value;
};
struct aaa_user {
	const char *password, *hash, *machine;
	bool is_hashed;
	size_t n_settings;
	struct aaa_user_setting settings[];
};

const struct aaa_user *aaa_users_find(const struct aaa_users *users, const char *name);
bool aaa_users_check_pap(
        const struct aaa_users *users, const struct aaa_user *u, const struct ppp_auth_request *request);
void aaa_users_accept(const struct aaa_user *u, const char *name, struct aaa_users_answer *ret);
/* True once the peer has proven the user of the request. Otherwise ret is complete. */
bool aaa_users_eap_step(const struct aaa_users *users, struct aaa_users_eap *eap,
        const struct ppp_auth_request *request, const uint8_t random[16], struct aaa_users_answer *ret);
