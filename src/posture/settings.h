/* SPDX-License-Identifier: ISC */
/* The settings that an agent reports and a policy may ask for: of the kernel (sysctl(8)) and of sshd(8). */
#pragma once

#include <stddef.h>

/* Dotted names, sorted, NULL-terminated. */
extern const char *const posture_kernel_settings[];
/* As sshd_config(5) writes them, sorted, NULL-terminated. */
extern const char *const posture_sshd_settings[];

/* The list's own spelling of a name whatever its case; NULL where the list does not have it. */
const char *posture_setting_name(const char *const *list, const char *name);
