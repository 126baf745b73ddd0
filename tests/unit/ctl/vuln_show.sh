#!/bin/bash
# SPDX-License-Identifier: ISC
#
# What the command line shows of one vulnerability that two sources and two ids tell of differently, and of what became of a record.
#
# usage: vuln_show.sh PRATIQUE
set -u

pratique=$(readlink -f "$1")
work=$(mktemp -d "${TMPDIR:-/tmp}/pq-vuln-show.XXXXXX")
trap 'rm -rf "$work"' EXIT
failed=0
cd "$work" || exit 1
mkdir one two

# has WHAT WORDS: the output in $out has these words.
has() {
	if [[ $out == *"$2"* ]]; then
		echo "ok: $1"
	else
		printf 'FAIL: %s: no "%s" in:\n%s\n' "$1" "$2" "$out"
		failed=1
	fi
}

# record ID MODIFIED FIXED MORE
record() {
	printf '{"id":"%s","modified":"%s","affected":[{"package":{"ecosystem":"Debian:12","name":"p"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"%s"}]}]}]%s}' \
		"$1" "$2" "$3" "$4"
}

index() {
	"$pratique" vuln index --out index one two >/dev/null || failed=1
}

record CVE-2026-1 2026-01-01T00:00:00Z 9 ',"aliases":["GHSA-1"]' >one/a.json
record GHSA-1 2026-01-02T00:00:00Z 7 '' >two/a.json
index
record GHSA-1 2026-01-03T00:00:00Z 8 '' >two/a.json
index
cat >status <<-'END'
	Package: p
	Status: install ok installed
	Architecture: amd64
	Version: 1

END

out=$("$pratique" vuln show --index index CVE-2026-1)
has "the newer one stands" $'GHSA-1\nsource      two, precedence 100, trust: none\nstands      yes: the newer record'
has "the other is told of" 'stands      no: two stands, the newer record'
has "what it was before" 'modified, the form of 2026-01-02T00:00:00Z until then'
out=$("$pratique" vuln show --index index --json GHSA-1 | jq -r '[.id, .stands, (.history | length)] | @csv')
has "as JSON, by its other id" $'"GHSA-1",true,1\n"CVE-2026-1",false,0'
out=$("$pratique" vuln show --index index --json GHSA-1 | jq -r 'select(.stands).history[0] | .events[0], .record.affected[0].ranges[0].events[1].fixed')
has "the older form as JSON" $'modified\n7'
out=$("$pratique" vuln show --index index --raw one CVE-2026-1)
has "as it came" "$(cat one/a.json)"
out=$("$pratique" vuln match --index index --inventory status --distro debian:12)
has "one match" '1 matches in 1 of 1 packages'
has "its source and trust" 'two (unsigned)'
has "who says otherwise" 'one says fixed in 9: two stands, its record is the newer one'
out=$("$pratique" vuln match --index index --inventory status --distro debian:12 --json | jq -r '.id, .aliases[0], .trust, .conflict, .others[0].fixed')
has "the match as JSON" $'GHSA-1\nCVE-2026-1\nnone\none says fixed in 9: two stands, its record is the newer one\n9'

rm two/a.json
record GHSA-2 2026-01-03T00:00:00Z 8 '' >two/b.json
index
out=$("$pratique" vuln show --index index GHSA-1)
has "a record that is gone" 'GHSA-1 (cancelled)'
has "what it was" 'cancelled, the form of 2026-01-03T00:00:00Z until then'
out=$("$pratique" vuln show --index index NO-SUCH 2>&1) && failed=1
has "none" 'no source has an advisory NO-SUCH'
exit "$failed"
