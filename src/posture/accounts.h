/* SPDX-License-Identifier: ISC */
/* Accounts that can log in with an empty password, from passwd(5) and shadow(5). */
#pragma once

#include "posture/posture.h"

#define ACCOUNTS_FILE_MAX (4u << 20)

/* Adds their names, and sets passwordless_known. Accounts whose shell refuses logins do not count; one that
 * has expired does, because its password is not what keeps it out. What is no line of these files is passed
 * over, like the lines for NIS. Nothing of a hash is kept. */
void accounts_read_text(struct posture *p, const char *passwd, size_t passwd_length, const char *shadow,
        size_t shadow_length);
