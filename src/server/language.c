/* SPDX-License-Identifier: ISC */
#include "server/language.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ACCEPT_MAX 256

static const struct language languages[] = {
	{ "en",
	        {
	                [SAY_ADMITTED] = "This host meets the policy and is admitted to the segment %s.",
	                [SAY_KEPT] =
	                        "This host does not meet the policy; it is in the segment %s (findings: %s).",
	                [SAY_REJECTED] = "This host is refused by the policy; it stays in the segment %s.",
	                [SAY_WATCHED] = "This host meets the policy. It stays in the segment %s for now, and "
	                                "would be in the segment %s.",
	                [SAY_STAYS] =
	                        "This host does not meet the policy. It stays in the segment %s for now, "
	                        "and would be in the segment %s.",
	                [SAY_DELAYED] =
	                        "This host does not meet the policy. It stays in the segment %s until %s, "
	                        "then it goes to the segment %s.",
	                [SAY_UNSIGNED] =
	                        "The posture is not signed with the host's key, so it admits nobody.",
	                [SAY_NO_PLACE] = "The host is not attached to a known enforcement point, so it has "
	                                 "no segment.",
	                [SAY_UPGRADE] = "Upgrade %s from %s to %s or later.",
	                [SAY_NO_FIX] =
	                        "Remove %s %s or ask your administrator: there is no fixed version for %s.",
	                [SAY_MORE] = "And %s more findings.",
	        } },
	{ "de",
	        {
	                [SAY_ADMITTED] =
	                        "Dieser Rechner erfüllt die Richtlinie und ist im Segment %s zugelassen.",
	                [SAY_KEPT] = "Dieser Rechner erfüllt die Richtlinie nicht; er ist im Segment %s "
	                             "(Befunde: %s).",
	                [SAY_REJECTED] = "Die Richtlinie weist diesen Rechner ab; er bleibt im Segment %s.",
	                [SAY_WATCHED] =
	                        "Dieser Rechner erfüllt die Richtlinie. Er bleibt vorerst im Segment %s "
	                        "und wäre im Segment %s.",
	                [SAY_STAYS] =
	                        "Dieser Rechner erfüllt die Richtlinie nicht. Er bleibt vorerst im Segment "
	                        "%s und wäre im Segment %s.",
	                [SAY_DELAYED] =
	                        "Dieser Rechner erfüllt die Richtlinie nicht. Er bleibt im Segment %s bis "
	                        "%s und kommt dann in das Segment %s.",
	                [SAY_UNSIGNED] = "Der Zustandsbericht ist nicht mit dem Schlüssel des Rechners "
	                                 "unterschrieben und gilt nicht.",
	                [SAY_NO_PLACE] = "Der Rechner hängt an keinem bekannten Durchsetzungspunkt und hat "
	                                 "kein Segment.",
	                [SAY_UPGRADE] = "%s von %s auf %s oder neuer aktualisieren.",
	                [SAY_NO_FIX] = "%s %s entfernen oder den Administrator fragen: für %s gibt es keine "
	                               "Korrektur.",
	                [SAY_MORE] = "Und %s weitere Befunde.",
	        } },
	{ "fr",
	        {
	                [SAY_ADMITTED] = "Cet hôte respecte la politique et est admis dans le segment %s.",
	                [SAY_KEPT] = "Cet hôte ne respecte pas la politique ; il est dans le segment %s "
	                             "(constats : %s).",
	                [SAY_REJECTED] = "La politique refuse cet hôte ; il reste dans le segment %s.",
	                [SAY_WATCHED] =
	                        "Cet hôte respecte la politique. Il reste pour l'instant dans le segment "
	                        "%s et serait dans le segment %s.",
	                [SAY_STAYS] =
	                        "Cet hôte ne respecte pas la politique. Il reste pour l'instant dans le "
	                        "segment %s et serait dans le segment %s.",
	                [SAY_DELAYED] = "Cet hôte ne respecte pas la politique. Il reste dans le segment %s "
	                                "jusqu'à %s, puis passe dans le segment %s.",
	                [SAY_UNSIGNED] =
	                        "L'état n'est pas signé avec la clé de l'hôte et n'est donc pas retenu.",
	                [SAY_NO_PLACE] = "L'hôte n'est rattaché à aucun point d'application connu et n'a "
	                                 "donc pas de segment.",
	                [SAY_UPGRADE] = "Mettre à jour %s de %s vers %s ou plus récent.",
	                [SAY_NO_FIX] =
	                        "Retirer %s %s ou demander à l'administrateur : %s n'a pas de correctif.",
	                [SAY_MORE] = "Et %s autres constats.",
	        } },
};

static const struct language *find(const char *tag, size_t length)
{
	size_t primary = 0; /* "de-CH" is served with "de" (RFC 4647 3.4) */
	while (primary < length && tag[primary] != '-')
		primary++;
	for (size_t i = 0; i < ARRAY_LENGTH(languages); i++)
		if (strlen(languages[i].tag) == primary && strncasecmp(languages[i].tag, tag, primary) == 0)
			return &languages[i];
	return length == 1 && *tag == '*' ? &languages[0] : NULL;
}

/* ";q=0.5" in thousandths; what is not a number there is not liked at all. */
static int read_quality(const char *p)
{
	while (*p == ' ' || *p == ';')
		p++;
	if (strncasecmp(p, "q=", 2) != 0)
		return 1000;
	char *end;
	double q = strtod(p + 2, &end);
	return end == p + 2 || !(q >= 0 && q <= 1) ? 0 : (int)(q * 1000);
}

const struct language *language_choose(const char *accept_language)
{
	const struct language *best = &languages[0];
	int best_quality = 0;
	char copy[ACCEPT_MAX + 1], *rest = copy, *item;
	if (!accept_language || strlen(accept_language) > ACCEPT_MAX)
		return best;
	memcpy(copy, accept_language, strlen(accept_language) + 1);
	while ((item = strsep(&rest, ","))) {
		item += strspn(item, " \t");
		size_t length = strcspn(item, "; \t");
		const struct language *l = find(item, length);
		int quality = read_quality(item + length);
		if (l && quality > best_quality) {
			best = l;
			best_quality = quality;
		}
	}
	return best;
}
