/* SPDX-License-Identifier: ISC */
/* What an Access-Accept gives and what a CoA-Request changes, as a struct aaa_profile. */
#pragma once

#include "proto/radius/dictionary.h"
#include "softwire/aaa.h"

/* An Access-Accept. profile->user is kept where the packet names none. -EINVAL with the reason where it
 * authorizes what this service is not (RFC 2865, section 1.1), or an attribute that we would obey is
 * malformed: to be treated as a reject. Attributes that we do not know are passed over. */
int aaa_profile_read(const struct radius_packet *p, struct aaa_profile *profile, struct error *err);

/* A CoA-Request: 0, or the Error-Cause, with the attribute in err. What identifies sessions or the NAS, and
 * what belongs to the protocol, is left to the caller; anything else that we do not know is refused. */
uint32_t aaa_profile_read_change(
        const struct radius_packet *p, struct aaa_profile *change, struct error *err);

/* A Disconnect-Request holds nothing but what identifies: 0, or the Error-Cause, with the attribute in err.
 */
uint32_t aaa_profile_check_disconnect(const struct radius_packet *p, struct error *err);

/* One text form of a value, for the users file: keys as in aaa_users.h. -ENOENT where there is no such key.
 */
int aaa_profile_set(struct aaa_profile *p, const char *key, const char *value, struct error *err);
