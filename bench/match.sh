#!/bin/bash
# SPDX-License-Identifier: ISC
#
# Vulnerability matching on one core: this machine's packages against Debian's OSV export.
#
#   1. making the index: records/s, bytes, peak memory (its decompression included)
#   2. matching in one process: packages/s with every finding copied out, 64 distinct inventories in turns
#   3. whole commands, side by side: `pratique vuln match` against debsecan on the same records, finding by finding: each difference is
#      explained, the explanation checked against the data, and counted; one that is not ends the benchmark
#
# The export is ../shared/advisories/osv/debian-osv-*.tar.xz or that of $PRATIQUE_SHARED. Where it is absent, apt's lists and a generated
# set stand in, and the output says so.
#
# usage: match.sh BUILD-DIRECTORY      (BENCH_RUNS: how many runs, default 5; BENCH_STATUS: another dpkg status file)
set -euo pipefail
# shellcheck source=bench/machine.bash
. "$(dirname "$(readlink -f "$0")")/machine.bash"
runs=${BENCH_RUNS:-5}
status=${BENCH_STATUS:-/var/lib/dpkg/status}
distribution=$(. /etc/os-release && echo "$ID:$VERSION_ID")
[ "$distribution" = debian:12 ] || fail "this machine is $distribution; the records are for debian:12"
make_work
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP
build_tools bench/run bench/match

print_machine
packages=$(grep -c '^Status: .* installed$' "$status")
archive=$(find "$shared/advisories/osv/" -name 'debian-osv-*.tar.xz' 2>/dev/null | sort | tail -n 1 || true)
if [ -n "$archive" ]; then
	sources=("$archive")
	echo "data: $(basename "$archive")"
else
	/usr/bin/python3 "$root/bench/debsecan_data.py" generate "$status" "$work/generated" 30000
	sources=("$work/generated" apt:)
	archive=$work/generated
	echo "data: no OSV export of Debian in $shared/advisories/osv: 30000 generated records and apt's lists stand in for it"
fi
echo "inventory: $status, $packages packages installed"

echo
echo "== making the index (pratique vuln index), median of $runs"
quoted=$(printf "'%s' " "${sources[@]}")
"$tools/run" "$runs" "pratique vuln index" "rm -rf '$work/index' && '$build/bin/pratique' vuln index --out '$work/index' $quoted 2>&1" |
	tee "$work/index-time"
"$build/bin/pratique" vuln index --json --out "$work/index-again" "${sources[@]}" >"$work/index.json" 2>"$work/refused"
sed 's/^/  /' "$work/refused"
read -r loaded affected < <(jq -r '"\(.loaded) \(.affected)"' "$work/index.json")
seconds=$(awk '/ s wall/ { for (i = 2; i <= NF; i++) if ($i == "s") { print $(i - 1); exit } }' "$work/index-time")
awk -v n="$loaded" -v a="$affected" -v s="$seconds" -v b="$(stat -c %s "$work/index/data.mdb")" 'BEGIN {
	printf "  %d records, %d affected packages: %.0f records/s, index %.1f MB (%.0f bytes a record)\n", n, a, n / s, b / 1e6, b / n }'

echo
echo "== matching in one process, one core"
taskset -c 0 "$tools/match" "$work/index" "$status" "$distribution" "$runs" 2

echo
echo "== whole commands, one core, in turns, median of $runs"
ours="'$build/bin/pratique' vuln match --index '$work/index' --inventory '$status'"
sh -c "$ours --json" 2>/dev/null >"$work/ours"
peers=()
if command -v debsecan >/dev/null; then
	echo "  debsecan's data: $(/usr/bin/python3 "$root/bench/debsecan_data.py" convert Debian:12 "$work/debsecan" "$archive")"
	theirs="debsecan --config /dev/null --source 'file://$work/debsecan/' --status '$status'"
	sh -c "$theirs --format simple" | sort -u >"$work/theirs"
	/usr/bin/python3 "$root/bench/debsecan_compare.py" "$work/ours" "$work/theirs" "$work/debsecan" "$status" "$archive" ||
		fail "debsecan and Pratique differ, and nothing explains it"
	peers=("debsecan" "$theirs")
else
	echo "  debsecan is not installed: no peer to compare with"
fi
taskset -c 0 "$tools/run" "$((runs * 2))" "pratique vuln match" "$ours 2>&1" "${peers[@]}"
echo "  and with --json, which prints every field:"
taskset -c 0 "$tools/run" "$runs" "pratique vuln match --json" "$ours --json 2>&1" "${peers[@]}"
