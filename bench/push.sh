#!/bin/bash
# SPDX-License-Identifier: ISC
#
# From a publication at the root to readers of the third VIS's index: a publisher signs one record after the other, root, mid and leaf
# carry each on over mutual TLS, and the clock stops when the leaf's index has it. Signing, four syncs to the disk and two verifications are
# in it; what a server and an enforcer then do is bench/advisory.sh's and bench/switch.sh's affair.
#
# usage: push.sh BUILD-DIRECTORY      (BENCH_RUNS: how many publications, default 100)
set -euo pipefail
# shellcheck source=bench/machine.bash
. "$(dirname "$(readlink -f "$0")")/machine.bash"
runs=${BENCH_RUNS:-100}
make_work
user=$(id -un)
pids=()
finish() {
	[ ${#pids[@]} = 0 ] || kill "${pids[@]}" 2>/dev/null || true
	wait
	rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM HUP
build_tools tests/scenario/vis-publisher bin/pratique-vis bin/pratique
print_machine
pratique=$build/bin/pratique
cd "$work"

"$pratique" ca init --dir ca --site bench >/dev/null
for name in root mid leaf; do
	"$pratique" ca issue --dir ca --role vis --name "$name" --alt-name 127.0.0.1 --out . >/dev/null
done
mkfifo orders
exec 7<>orders
"$build/tests/scenario/vis-publisher" "$work/repository" central 600000 "$work/key" <orders >points &
pids+=($!)

port=$((20000 + RANDOM % 10000))
# begin NAME OPTION...
begin() {
	local name=$1
	shift
	[ "$(id -u)" != 0 ] || chown -R "$user" "$work"
	"$build/bin/pratique-vis" --user "$user" --data "$name.d" --socket "$name.sock" --http "$name.http" --listen "127.0.0.1:$port" \
		--ca ca/ca.pem --certificate "$name.pem" --key "$name.key" "$@" 2>"$name.log" &
	pids+=($!)
	upper="127.0.0.1:$port $name"
	port=$((port + 1))
	for _ in $(seq 1 200); do
		[ ! -S "$name.http" ] || ! grep -q ready "$name.log" || return 0
		sleep 0.05
	done
	fail "$name does not start: $(cat "$name.log")"
}
for _ in $(seq 1 100); do
	[ ! -s points ] || break
	sleep 0.05
done
begin root --repository "central $work/repository"
begin mid --upper "$upper" --follow "central $work/repository/1.root.json"
begin leaf --upper "$upper" --follow "central $work/repository/1.root.json"

echo
echo "== publication at the root to the index of the third VIS, $runs publications one after the other"
/usr/bin/python3 "$root/bench/push_latency.py" "$runs" orders leaf.http
