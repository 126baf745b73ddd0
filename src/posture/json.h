/* SPDX-License-Identifier: ISC */
/* The JSON of a posture in parts, as the wire carries it, and where its plain strings are; private to the
 * room. */
#pragma once

#include "posture/posture.h"

/* Table of the plain strings: where they are in the JSON (object and key; NULL = top level) and in the
 * struct. */
static const struct posture_string_field {
	const char *object, *key;
	size_t offset;
} posture_string_fields[] = {
	{ "os", "id", offsetof(struct posture, os_id) },
	{ "os", "version", offsetof(struct posture, os_version) },
	{ "os", "codename", offsetof(struct posture, os_codename) },
	{ "os", "name", offsetof(struct posture, os_name) },
	{ NULL, "architecture", offsetof(struct posture, architecture) },
	{ "kernel", "running", offsetof(struct posture, kernel_running) },
	{ "kernel", "installed", offsetof(struct posture, kernel_installed) },
	{ NULL, "machine_id", offsetof(struct posture, machine_id) },
	{ "product", "vendor", offsetof(struct posture, product_vendor) },
	{ "product", "name", offsetof(struct posture, product_name) },
	{ "product", "serial", offsetof(struct posture, product_serial) },
};

/* Each a new reference. system: the strings, the time and the unknowns, as members of the whole. */
json_t *posture_system_json(const struct posture *p);
/* The member "updates" with the entries from..to-1. */
json_t *posture_updates_json(const struct posture *p, size_t from, size_t to);
/* The members "processes" and "software", in an object of their own. */
json_t *posture_programs_json(const struct posture *p);
/* The members "network" and "firewall". */
json_t *posture_network_json(const struct posture *p);
json_t *posture_firewall_json(const struct posture *p);
