/* SPDX-License-Identifier: ISC */
/* os-release(5): shell-like assignments that name the operating system. */
#pragma once

#include "posture/posture.h"

#define OS_RELEASE_FILE_MAX 65536

/* Sets os_id, os_version, os_codename and os_name where text says them (ID, VERSION_ID, VERSION_CODENAME,
 * PRETTY_NAME or NAME). Lines that are not assignments are skipped, as os-release(5) asks of readers. */
void os_release_read_text(const char *text, size_t length, struct posture *p);
