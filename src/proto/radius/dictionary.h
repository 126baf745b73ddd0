/* SPDX-License-Identifier: ISC */
/*
 * Names of attributes. Those that we use ourselves are built in; others are read from dictionary files in
 * FreeRADIUS's format (ATTRIBUTE, VALUE, VENDOR, BEGIN-VENDOR, $INCLUDE; what is not an attribute of the
 * standard space or a vendor's of the usual form is passed over). Sans-I/O: a callback gives the files.
 */
#pragma once

#include "proto/radius/radius.h"

#define RADIUS_NAME_MAX 63
#define RADIUS_DICTIONARY_MAX 65536   /* attributes and named values */
#define RADIUS_DICTIONARY_DEPTH_MAX 8 /* $INCLUDE */
#define RADIUS_DICTIONARY_FILES_MAX 1024

enum radius_data {
	RADIUS_DATA_TEXT,
	RADIUS_DATA_OCTETS,
	RADIUS_DATA_U32, /* integer, date, signed */
	RADIUS_DATA_IPV4,
	RADIUS_DATA_IPV6,
	RADIUS_DATA_IPV6_PREFIX,
	RADIUS_DATA_INTERFACE_ID,
	RADIUS_DATA_OTHER, /* known by name, but we cannot write its value */
};

struct radius_definition {
	char name[RADIUS_NAME_MAX + 1];
	uint32_t vendor;
	uint8_t type;
	bool is_tagged; /* RFC 2868, 3.1 */
	enum radius_data data;
};

struct radius_dictionary;
struct radius_dictionary *radius_dictionary_new(void);
struct radius_dictionary *radius_dictionary_free(struct radius_dictionary *d);

/* Gives the file of that path, allocated and NUL-terminated; negative with the reason. */
typedef int radius_load_fn(void *user, const char *path, char **ret, struct error *err);
/* Adds the definitions of a file and of those that it includes (relative to its own folder). -EINVAL with
 * file and line. The first definition of a name stays, so the built-in ones cannot change. */
int radius_dictionary_read(
        struct radius_dictionary *d, const char *path, radius_load_fn *load, void *user, struct error *err);

/* By name, in any case of letters; NULL if there is none. */
const struct radius_definition *radius_dictionary_find(const struct radius_dictionary *d, const char *name);
/* Appends the attribute with the value as text: a number, a named value, an address, "0x" and hex digits for
 * octets. -EINVAL with the reason. */
int radius_dictionary_write(const struct radius_dictionary *d, const struct radius_definition *definition,
        const char *value, struct writer *w, struct error *err);

/* For a person: "User-Name", or "attribute 17", "attribute 9 of vendor 311". Needs no dictionary files. */
#define RADIUS_LABEL_SIZE 72
const char *radius_label(uint32_t vendor, uint8_t type, char text[RADIUS_LABEL_SIZE]);
