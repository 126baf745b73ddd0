/* SPDX-License-Identifier: ISC */
/* Release and InRelease files, armoured keys, files of digests, and what gpgv says: none of it is trusted. */
#include "vuln/release_file.h"
#include "vuln/proof_gpgv.h"
#include "vuln/suite_files.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct release_file r;
	struct error err = { "" };
	size_t length;
	char signer[PROOF_FINGERPRINT_SIZE];
	char *text FREE_ON_EXIT = xmalloc(size + 1);
	memcpy(text, data, size);
	text[size] = '\0';
	int result = release_file_read(text, size, NULL, 1, &r, &err);
	if (result < 0 && !*err.text)
		abort();
	if (result == 0) {
		if (r.is_signed || !r.text)
			abort();
		struct release_entry entry;
		struct suite_indexes indexes;
		static const char *const architectures[] = { "source", "amd64", NULL };
		const struct load_source s = { .suite = "a", .architectures = architectures };
		(void)release_file_check(&r, "main/binary-amd64/Packages", "x", 1, &err);
		(void)release_file_is_of(&r, "bookworm-security", &err);
		if (release_file_find(&r, "main/source/Sources.xz", &entry) &&
		        (entry.hash < r.text || entry.hash + RELEASE_HASH_DIGITS > r.text + strlen(r.text)))
			abort();
		if (suite_find_indexes(&s, &r, &indexes, &err) == 0)
			suite_clear_indexes(&indexes);
		release_file_clear(&r);
	}
	free(proof_dearmour_keys(text, size, &length));
	(void)proof_check_digest_file(PROOF_SHA256, text, size, "a.json", "x", 1, &err);
	if (proof_judge_status(text, false, signer, &err) == 0 && strlen(signer) < 40)
		abort();
	return 0;
}
