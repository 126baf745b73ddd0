/* SPDX-License-Identifier: GPL-2.0-or-later */
/* strongSwan's host_t and our addresses. */
#pragma once

#include "base/address.h"
#include <networking/host.h>

struct ip_address address_of_host(host_t *host);
host_t *address_to_host(const struct ip_address *address, uint16_t port);
