/* SPDX-License-Identifier: ISC */
/*
 * provider-metadata.json of a CSAF provider (CSAF 2.0, section 7.1.7 and its schema): who it is, where its
 * documents are listed, and which OpenPGP keys it says that it signs with. These keys are hints: whoever can
 * change the file can change them, so they are shown and never trusted.
 */
#pragma once

#include "base/error.h"
#include <stdbool.h>

#define PROVIDER_METADATA_MAX (1u << 20) /* bytes */
#define PROVIDER_LISTS_MAX 256           /* distributions: feeds and folders */
#define PROVIDER_KEYS_MAX 64

struct provider_feed {
	char *url, *label; /* label: of the Traffic Light Protocol, "" where none is given */
};
struct provider_key {
	char *fingerprint, *url; /* hexadecimal, capitals; "" where none is given */
};
struct provider_metadata {
	char *role, *publisher; /* for words */
	char **folders;         /* directory_url */
	struct provider_feed *feeds;
	struct provider_key *keys;
	size_t n_folders, n_feeds, n_keys;
};
/* -EINVAL with the reason. */
int provider_metadata_read(const char *text, size_t length, struct provider_metadata *ret, struct error *why);
void provider_metadata_clear(struct provider_metadata *m);

/* The first "CSAF:" of a security.txt (RFC 9116; CSAF 2.0, section 7.1.8). Caller frees; NULL where there is
 * none. */
char *provider_of_security_txt(const char *text, size_t length);
