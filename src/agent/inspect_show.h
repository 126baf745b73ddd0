/* SPDX-License-Identifier: ISC */
/* The parts of a posture that `pratique-agent inspect` prints for a person, a label and a value a line. */
#pragma once

#include "posture/posture.h"

const char *show_known(const char *s);      /* "unknown" for NULL */
const char *show_tristate(enum tristate t); /* "yes", "no", "unknown" */
void show_row(const char *label, const char *value);

void show_product(const struct posture *p);
void show_interfaces(const struct posture *p);
/* Policy routing, IPsec, masquerading; firewall, settings, sshd, accounts and security software. */
void show_configuration(const struct posture *p);
