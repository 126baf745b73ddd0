/* SPDX-License-Identifier: ISC */
/* Severities from the words that databases use and from CVSS vectors. */
#pragma once

#include "vuln/vuln.h"

/* UNKNOWN for a word that does not say how severe it is. */
enum vuln_severity severity_from_word(const char *word);
/* tenths: a CVSS score times ten. A score of zero ("none") counts as low: the record is there all the same.
 */
enum vuln_severity severity_from_score(int tenths);

/* The score of a CVSS vector times ten: v2 base ("AV:N/AC:L/..."), v3.0 and v3.1 base ("CVSS:3.1/..."), whose
 * temporal and environmental metrics are read and ignored; v4.0 ("CVSS:4.0/...") with all its metrics.
 * -EINVAL for what is not a complete vector, -ENOTSUP for another version of CVSS. */
int cvss_score(const char *vector, int *ret_tenths);
/* Of v4.0, behind "CVSS:4.0/". */
int cvss4_score(const char *vector, int *ret_tenths);
