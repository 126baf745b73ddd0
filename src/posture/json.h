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
	{ "product", "uuid", offsetof(struct posture, product_uuid) },
	{ "product", "board_vendor", offsetof(struct posture, board_vendor) },
	{ "product", "board_name", offsetof(struct posture, board_name) },
	{ "product", "board_serial", offsetof(struct posture, board_serial) },
	{ "product", "bios_vendor", offsetof(struct posture, bios_vendor) },
	{ "product", "bios_version", offsetof(struct posture, bios_version) },
	{ "product", "bios_date", offsetof(struct posture, bios_date) },
	{ "product", "chassis", offsetof(struct posture, chassis) },
	{ "product", "virtualization", offsetof(struct posture, virtualization) },
};

/* Each a new reference. system: the strings, the time and the unknowns, as members of the whole. */
json_t *posture_system_json(const struct posture *p);
/* The member "updates" with the entries from..to-1. */
json_t *posture_updates_json(const struct posture *p, size_t from, size_t to);
/* The members "processes" and "software", in an object of their own, with the entries from..to-1 of each of
 * their lists. */
json_t *posture_programs_json(const struct posture *p, size_t from, size_t to);
/* The member "network". */
json_t *posture_network_json(const struct posture *p);
/* An object with the members "firewall", "settings", "sshd", "accounts", "antivirus", "mac" and "audit". */
json_t *posture_security_json(const struct posture *p);

/* The member "sources", a list. */
json_t *posture_sources_json(const struct posture *p);

/* What an absent value leaves out. */
void posture_put_string(json_t *object, const char *key, const char *value);
void posture_put_time(json_t *object, const char *key, time_ms value);
void posture_put_tristate(json_t *object, const char *key, enum tristate value);
void posture_put_count(json_t *object, const char *key, const struct posture_count *value);

/* A getter leaves its output alone where the key is absent and says -EINVAL for another type. */
int posture_get_string(struct posture *p, const json_t *object, const char *where, const char *key,
        const char **ret, struct error *err);
/* -EINVAL also where it is absent or empty. */
int posture_need_string(struct posture *p, const json_t *object, const char *where, const char *key,
        const char **ret, struct error *err);
int posture_get_time(const json_t *object, const char *key, time_ms *ret, struct error *err);
int posture_get_tristate(const json_t *object, const char *key, enum tristate *ret, struct error *err);
int posture_get_count(const json_t *object, const char *key, struct posture_count *ret, struct error *err);
/* 1 and the array, 0 where it is absent. */
int posture_get_array(
        const json_t *object, const char *key, size_t most, const json_t **ret, struct error *err);
/* Adds one entry of posture_sources_json(); -E2BIG above the limit. */
int posture_source_from_json(struct posture *p, const json_t *o, struct error *err);
/* Adds what the members of posture_security_json() say. */
int posture_security_from_json(struct posture *p, const json_t *json, struct error *err);
