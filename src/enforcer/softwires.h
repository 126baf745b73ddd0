/* SPDX-License-Identifier: ISC */
/*
 * The concentrators on this host: one Unix socket each, whose SESSIONS are attachments of the link of that
 * concentrator's interface, and which are told where their sessions are placed. What they say is believed for
 * their own link only. While one is away its sessions stay as they are: without it nothing comes out of its
 * interface.
 */
#pragma once

#include "base/error.h"

struct enforcer;
struct softwires;

/* As e->options say. */
int softwires_new(struct enforcer *e, struct softwires **ret, struct error *err);
/* NULL in, NULL out. */
struct softwires *softwires_free(struct softwires *s);
/* Tells each concentrator about its sessions whose segment is not the one it was told last. NULL: does
 * nothing. */
void softwires_tell(struct softwires *s);
