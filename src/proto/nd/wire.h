/* SPDX-License-Identifier: ISC */
/* What both roles share of the codec. Room-private. */
#pragma once

#include "proto/nd/nd.h"

bool nd_is_multicast(const struct ip_address *a);
bool nd_is_unspecified(const struct ip_address *a);
/* The checks that RFC 4861 6.1.1, 6.1.2, 7.1.1, 7.1.2 and 8.1 have in common. */
bool nd_is_sound(const struct ip6_packet *p);
/* The target of a neighbour solicitation or advertisement that is sound; -EBADMSG. */
int nd_read_target(const struct ip6_packet *p, struct ip_address *ret);
void nd_write_solicitation(struct ip6_output *out, const struct ip_address *source);
/* A neighbour advertisement for target, which is ours, in answer to the solicitation p. */
void nd_answer_solicitation(
        struct ip6_output *out, const struct ip6_packet *p, const struct ip_address *target, bool router);
