/* SPDX-License-Identifier: ISC */
/* The kinds of sources: one row each. */
#include "vuln/load_provider.h"

#include <string.h>

static const char *const json[] = { ".json", NULL };
static const char *const xml[] = { ".xml", NULL };
static const char *const log_lines[] = { ".jsonl", NULL };

const struct load_kind load_kinds[] = {
	{ .name = "osv",
	        .about = "OSV records, one a .json file",
	        .endings = json,
	        .document_max = OSV_RECORD_MAX,
	        .proofs_beside = true,
	        .read = load_read_osv },
	{ .name = "osv-log",
	        .about = "changes of OSV records in their order, one a line: {\"op\": \"A\", \"M\" or \"D\", "
	                 "\"path\", "
	                 "\"record\"}",
	        .endings = log_lines,
	        .document_max = (size_t)2 << 30,
	        .proofs_beside = true,
	        .read = load_read_log },
	{ .name = "csaf",
	        .about = "CSAF 2.0 advisories and VEX, one document a .json file; of a URL the provider's",
	        .endings = json,
	        .document_max = OSV_RECORD_MAX,
	        .proofs_beside = true,
	        .proofs_usual = true,
	        .is_other = load_is_of_csaf_provider,
	        .fetch = load_fetch_csaf,
	        .read = load_read_csaf },
	{ .name = "debian-tracker",
	        .about = "the JSON of Debian's security tracker",
	        .endings = json,
	        .document_max = (size_t)512 << 20,
	        .proofs_beside = true,
	        .is_database = true,
	        .read = load_read_tracker },
	{ .name = "alpine-secdb",
	        .about = "Alpine's secdb JSON, one repository of one release a file",
	        .endings = json,
	        .document_max = (size_t)64 << 20,
	        .proofs_beside = true,
	        .is_database = true,
	        .read = load_read_secdb },
	{ .name = "ubuntu-usn",
	        .about = "Ubuntu's security notices as JSON, all in one file or one a file",
	        .endings = json,
	        .document_max = (size_t)512 << 20,
	        .proofs_beside = true,
	        .read = load_read_usn },
	{ .name = "updateinfo",
	        .about = "updateinfo.xml, or an RPM repository that has one (repodata/repomd.xml); it needs "
	                 "--ecosystem",
	        .endings = xml,
	        .document_max = (size_t)512 << 20,
	        .proofs_beside = true,
	        .wants_ecosystem = true,
	        .is_database = true,
	        .read = load_read_updateinfo,
	        .load = load_updateinfo,
	        .fetch = load_fetch_updateinfo },
	{ .name = "apt",
	        .about = "a security suite: of an archive (--suite), or in apt's own package lists",
	        .load = load_apt,
	        .fetch = load_fetch_suite },
	{ NULL },
};

const struct load_kind *load_kind_find(const char *name)
{
	for (const struct load_kind *k = load_kinds; k->name; k++)
		if (strcmp(k->name, name) == 0)
			return k;
	return NULL;
}

bool load_kind_wants_ecosystem(const struct load_kind *kind)
{
	return kind->wants_ecosystem;
}

const char *load_kind_name(size_t i)
{
	return i < ARRAY_LENGTH(load_kinds) ? load_kinds[i].name : NULL;
}

const char *load_kind_about(size_t i)
{
	return i < ARRAY_LENGTH(load_kinds) ? load_kinds[i].about : NULL;
}
