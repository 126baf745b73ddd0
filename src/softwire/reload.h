/* SPDX-License-Identifier: ISC */
/*
 * SIGHUP: the configuration is read again, compared with the one in force, and adopted where everything that
 * is different in it can be changed while sessions go on. Else nothing of it is: the old one stays, and the
 * log names the options. What was accepted is kept as a file of ours, so that a process that is started later
 * has the same configuration as those that run, whatever is in the operator's file meanwhile.
 */
#pragma once

#include "softwire/options.h"

/* Whence the options are. */
struct reload_source {
	const char *path;             /* NULL: none */
	const char *const *overrides; /* NULL-terminated */
	/* Errors that options_load() does not find, each logged; 0: none. */
	int (*check)(const struct softwire_options *o);
};

/* Reads it again. ret_parts: what has changed, of enum options_part. -EINVAL: it is not good, or not without
 * a restart; what is wrong has been given to report. new is to be cleared in every case. */
int reload_read(const struct softwire_options *now, const struct reload_source *source,
        struct softwire_options *new, unsigned *ret_parts, void (*report)(const char *text));

/* The accepted file: path is the run directory's. Caller frees. */
char *reload_path(const struct softwire_options *o);
int reload_keep(const struct softwire_options *o, const struct reload_source *source, struct error *err);
