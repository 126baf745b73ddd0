#!/bin/bash
# SPDX-License-Identifier: ISC
#
# Import of all of ../shared/advisories, or that of $PRATIQUE_SHARED: each source into an index of its own, then all of them into one.
# Records a second of processor time, the most memory, what the index weighs, and read = mapped + unmapped + refused.
#
# Beside each the least that anybody has to do who wants to look packages up: the same documents parsed by Python's json and put into
# SQLite (import_peer.py), which checks nothing, makes no keys of versions and settles no disagreement. A source that is absent is
# skipped, and that is said.
#
# usage: import.sh BUILD-DIRECTORY
set -euo pipefail
# shellcheck source=bench/machine.bash
. "$(dirname "$(readlink -f "$0")")/machine.bash"
make_work
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP
build_tools bin/pratique
pratique=$build/bin/pratique
peer=$root/bench/import_peer.py
print_machine
cd "$work"
n_imported=0

# bytes FILE...: what they take on the disk.
bytes() {
	du -c -B 1 "$@" | tail -n 1 | cut -f 1
}

# import INDEX KIND NAME ARCHIVE
import() {
	"$peer" measure cost "$pratique" vuln import --json --index "$1" --kind "$2" "$3=$4" >summary 2>log ||
		fail "$3: $(tail -n 3 log)"
}

# compare NAME KIND FILE: alone, and beside the peer
compare() {
	local name=$1 kind=$2 archive=$shared/advisories/$3
	if [ ! -f "$archive" ]; then
		echo "  $name: skipped, there is no $archive"
		return
	fi
	rm -rf index peer.sqlite
	import index "$kind" "$name" "$archive"
	"$peer" measure peer-cost "$peer" load "$archive" peer.sqlite >documents || fail "$name: the peer"
	jq -r '.sources[0] | [.read, .mapped, .unmapped, .refused] | join(" ")' summary | tr '\n' ' ' | cat - cost peer-cost documents | tr '\n' ' ' |
		awk -v name="$name" -v index_bytes="$(bytes index)" -v peer_bytes="$(bytes peer.sqlite)" '{
			if ($1 != $2 + $3 + $4) { print name ": " $1 " read, which is not what became of them" > "/dev/stderr"; exit 1 }
			printf "  %-18s %6d read = %d mapped + %d unmapped + %d refused\n", name, $1, $2, $3, $4
			printf "    pratique %7.0f records/s  %6.2f s of processor  %5d MB at most  %7.1f MB of index\n", $1 / ($5 ? $5 : 0.01), $5, $7, index_bytes / 1e6
			printf "    peer     %7.0f records/s  %6.2f s of processor  %5d MB at most  %7.1f MB of SQLite   %.2f of the peer by processor\n", \
				$11 / ($8 ? $8 : 0.01), $8, $10, peer_bytes / 1e6, $8 / ($5 ? $5 : 0.01) }'
	import all "$kind" "$name" "$archive"
	n_imported=$((n_imported + 1))
}

echo
echo "== each source alone; records a second of processor time"
compare debian osv osv/debian-osv-2025-02-12.tar.xz
compare almalinux osv osv/almalinux-osv-2026-08-21.tar.xz
compare rocky osv osv/rocky-osv.tar.xz
compare redhat osv osv/redhat-osv.tar.xz
compare almalinux-history osv-log streams/almalinux-history-2022..2026-08-21.jsonl.xz
compare cisa csaf csaf/cisa-csaf-2024-10-24.tar.xz
compare oasis csaf csaf/oasis-csaf20-validator-tests.tar.xz
compare gocsaf csaf csaf/gocsaf-testdata.tar.xz
if [ "$n_imported" -gt 0 ]; then
	"$pratique" vuln sources --index all --json | jq -r '[.sources[].records] | add' |
		awk -v bytes="$(bytes all)" '{ printf "\n== all of them in one index: %d records, %.1f MB, %.0f bytes a record\n", $1, bytes / 1e6, bytes / $1 }'
fi
