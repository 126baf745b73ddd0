#!/bin/bash
# SPDX-License-Identifier: ISC
#
# A signed repository of Debian's OSV export: what a snapshot and a delta weigh, and what publishing and reading it cost.
#
#   1. publishing all of it; the sizes of the shards
#   2. publishing it again with 15 records changed, which is what Debian changes on a median day: the delta
#   3. reading and judging all of it, as a new follower does
#
# usage: repository.sh BUILD-DIRECTORY
set -euo pipefail
# shellcheck source=bench/machine.bash
. "$(dirname "$(readlink -f "$0")")/machine.bash"
archive=$(find "$shared/advisories/osv/" -name 'debian-osv-*.tar.xz' 2>/dev/null | sort | tail -n 1 || true)
[ -n "$archive" ] || fail "no OSV export of Debian in $shared/advisories/osv"
make_work
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP
build_tools bin/pratique
pratique=$build/bin/pratique
print_machine
cd "$work"

# timed WHAT COMMAND...: the processor time that it took.
timed() {
	local what=$1
	shift
	TIMEFORMAT="$what: %U s of processor, %R s in all"
	time "$@" >>out
}
payload() {
	jq -r .payload repository/index.json | base64 -d
}

mkdir records
tar -xJf "$archive" -C records
"$pratique" vuln index --out index debian=records >/dev/null 2>&1
"$pratique" vuln keys new --out key >/dev/null
"$pratique" vuln keys root --repository debian.example --root-key key.pub --threshold 1 --index-key key.pub --out root >/dev/null
"$pratique" vuln keys sign --key key root >/dev/null
timed "published" "$pratique" vuln publish --repository repository --root root --index index --key key
payload | jq -r '.shards[] | "shard \(.name): \(.records) records, snapshot of \(.snapshot.length) bytes (\(.snapshot.unpacked) unpacked)"'

mapfile -t changed < <(find records -name 'CVE-*.json' | sort | awk 'NR % 997 == 0' | head -n 15)
sed -i 's/"modified": *"[^"]*"/"modified": "2026-01-01T00:00:00Z"/' "${changed[@]}"
"$pratique" vuln index --out index debian=records >/dev/null 2>&1
timed "published again" "$pratique" vuln publish --repository repository --index index --key key
payload | jq -r '.shards[] | .name as $name | .deltas[] | "shard \($name): delta of \(.length) bytes, \(.records) records"'
printf 'index: %s bytes\n' "$(stat -c %s repository/index.json)"
timed "all of it read, verified and judged" "$pratique" vuln verify --root root repository
