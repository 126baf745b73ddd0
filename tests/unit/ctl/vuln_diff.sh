#!/bin/bash
# SPDX-License-Identifier: ISC
#
# What `pratique vuln diff` says of two states of advisories: folders, an index, a signed repository, and what is the same in all of them.
#
# usage: vuln_diff.sh PRATIQUE
set -u

pratique=$(realpath "$1")
dir=$(mktemp -d "${TMPDIR:-/tmp}/pq-diff.XXXXXX")
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
failed=0

# record FOLDER ID VERSION MORE PACKAGE...
record() {
	local folder=$1 id=$2 version=$3 more=$4 package list=
	shift 4
	for package; do
		list+=${list:+,}"{\"package\": {\"ecosystem\": \"Debian:12\", \"name\": \"$package\"}, \"ranges\": [{\"type\": \"ECOSYSTEM\",
			\"events\": [{\"introduced\": \"0\"}, {\"fixed\": \"$version\"}]}]}"
	done
	echo "{\"id\": \"$id\", \"modified\": \"2026-01-01T00:00:00Z\"$more, \"affected\": [$list]}" >"$folder/$id.json"
}
# same WHAT EXPECTED COMMAND...
same() {
	local what=$1 expected=$2 out
	shift 2
	out=$("$@" 2>&1)
	[ "$out" = "$expected" ] && return
	printf 'FAILED: %s\n--- expected\n%s\n--- said\n%s\n' "$what" "$expected" "$out"
	failed=1
}

mkdir old new
for folder in old new; do
	record $folder SAME-1 1 '' alpha
done
record old GONE-1 1 '' alpha
record new NEW-1 1 '' beta gamma
record old FIXED-1 1 '' alpha beta
record new FIXED-1 2 '' alpha
record old DROPPED-1 1 '' delta
record new DROPPED-1 1 ', "withdrawn": "2026-02-01T00:00:00Z"' delta
record old WORDS-1 1 ', "summary": "a"' alpha
record new WORDS-1 1 ', "summary": "b"' alpha

expected="~ DROPPED-1  (%s)  withdrawn
    Debian:12 delta
~ FIXED-1  (%s)
    Debian:12 alpha
    Debian:12 beta
- GONE-1  (%s)
    Debian:12 alpha
+ NEW-1  (%s)
    Debian:12 beta
    Debian:12 gamma
1 records added, 1 removed, 2 changed; 4 packages concerned"
# shellcheck disable=SC2059
same "two folders" "$(printf "$expected" new new old new)" "$pratique" vuln diff old new
same "a folder and itself" "0 records added, 0 removed, 0 changed; 0 packages concerned" "$pratique" vuln diff old old

"$pratique" vuln index --out index site=new >/dev/null || failed=1
# shellcheck disable=SC2059
same "a folder and an index" "$(printf "$expected" site site old site)" "$pratique" vuln diff old index
"$pratique" vuln keys new --out key >/dev/null || failed=1
"$pratique" vuln keys root --repository site --root-key key.pub --threshold 1 --index-key key.pub --out root >/dev/null || failed=1
"$pratique" vuln keys sign --key key root >/dev/null || failed=1
"$pratique" vuln publish --repository tree --root root --index index --key key >/dev/null || failed=1
same "an index and the repository made of it" "0 records added, 0 removed, 0 changed; 0 packages concerned" \
	"$pratique" vuln diff index tree
same "as JSON" '[1,1,2,4]' sh -c "$pratique vuln diff --json old tree | jq -c '[.added, .removed, .changed, .packages_concerned]'"
same "a record" '["~",["Debian:12 alpha","Debian:12 beta"]]' sh -c "$pratique vuln diff --json old/FIXED-1.json new/FIXED-1.json |
	jq -c '[(.records[0].change | if . == \"changed\" then \"~\" else . end), .records[0].packages]'"
"$pratique" vuln diff old nothing >/dev/null 2>&1 && { echo "FAILED: what is not there is compared"; failed=1; }

# Several sources keep their names, in a repository too.
"$pratique" vuln index --out index site=new debian=old >/dev/null || failed=1
"$pratique" vuln publish --repository tree --index index --key key >/dev/null || failed=1
same "an index of two sources and the repository made of it" "0 records added, 0 removed, 0 changed; 0 packages concerned" \
	"$pratique" vuln diff index tree
exit $failed
