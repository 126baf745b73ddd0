/* SPDX-License-Identifier: ISC */
/*
 * Configuration files of the daemons: "name = value" lines, # comments; and sections of such lines, each with
 * a name, from "keyword NAME {" to "}". A program describes its options in one table (type, range, default,
 * help); the same table checks the file, fills a struct and prints the reference in --help. Everything that
 * is wrong is found, with file and line, before anything is touched.
 */
#pragma once

#include "base/error.h"
#include <stdbool.h>
#include <stdio.h>

#define CONFIG_FILE_MAX (1u << 20)
#define CONFIG_LIST_MAX 256
#define CONFIG_NAME_MAX 64 /* bytes of a section's name */

enum config_type {
	CONFIG_STRING,   /* char * */
	CONFIG_PATH,     /* char *; absolute, or empty */
	CONFIG_INTEGER,  /* int64_t in min..max */
	CONFIG_DURATION, /* int64_t milliseconds in min..max; "500 ms", "30 s", "5 min", "1 hour", "1 day" */
	CONFIG_BOOLEAN,  /* bool: yes or no */
	CONFIG_LIST,     /* struct config_list: the option may be repeated */
};

struct config_list {
	char **items;
	size_t count;
};

struct config_option {
	const char *name;
	enum config_type type;
	size_t offset;        /* of the field in the program's struct */
	const char *fallback; /* as it would stand in the file; NULL = must be given (a list: may be empty) */
	int64_t min, max;
	const char *help; /* one line */
};

/* Fills target, which must be zeroed, and which the caller clears with config_clear() in every case. path may
 * be NULL: defaults only. overrides: "name=value" texts (from the command line) that win over the file;
 * NULL-terminated, may be NULL. -EINVAL with every error in turn given to report (may be NULL), the first one
 * in err. */
int config_load(const char *path, const char *const *overrides, const struct config_option *options,
        size_t n_options, void *target, void (*report)(const char *text), struct error *err);
void config_clear(const struct config_option *options, size_t n_options, void *target);

/* A kind of section: its options fill a struct of their own, which begins with struct config_named. */
struct config_named {
	char *name;
	int line; /* where it begins */
};
struct config_items { /* what the target holds of one kind */
	void **items;
	size_t count;
};
struct config_section {
	const char *keyword;
	const struct config_option *options;
	size_t n_options;
	size_t offset;    /* of a struct config_items in the program's struct */
	size_t item_size; /* of one of them */
	size_t most;
};
/* The same with sections; the command line overrides no option of theirs. */
int config_load_sections(const char *path, const char *const *overrides, const struct config_option *options,
        size_t n_options, const struct config_section *sections, size_t n_sections, void *target,
        void (*report)(const char *text), struct error *err);
/* The same of a text that has sections alone; name stands for its file in messages. */
int config_read_sections(const char *name, const char *text, size_t length,
        const struct config_section *sections, size_t n_sections, void *target,
        void (*report)(const char *text), struct error *err);
void config_clear_sections(const struct config_section *sections, size_t n_sections, void *target);
/* The table as a reference for --help. */
void config_describe(FILE *out, const struct config_option *options, size_t n_options);

int config_parse_duration(const char *text, int64_t *ret_ms);
