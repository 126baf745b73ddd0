#!/bin/bash
# SPDX-License-Identifier: ISC
#
# How many agents one server holds, what each costs it in memory, and how long it takes until all of them are back after it was killed.
# One process with many agents and a small enforcer, sharing this machine's cores; each agent has its own key, certificate and address,
# comes and comes back as the real one does (its schedule is the same file), and stays connected. An agent counts as held when the
# server has placed it and given it a certificate: at first by a whole inspection of its inventory, after the server's death by its
# certificate.
#
# The floor is 10,000 agents and 60 s until all are back, the goal 30,000 and 30 s.
#
# usage: agents.sh BUILD-DIRECTORY     (environment: BENCH_AGENTS, default 10000; BENCH_PACKAGES of each inventory, default 900;
#                                       BENCH_STATUS: a dpkg status file; BENCH_PROFILE: a file for `perf record` of the server that is
#                                       started again)
set -euo pipefail
# shellcheck source=bench/machine.bash
. "$(dirname "$(readlink -f "$0")")/machine.bash"
nodes=${BENCH_AGENTS:-10000}
# shellcheck source=bench/site.bash
. "$root/bench/site.bash"

descriptors=$(ulimit -Hn)
[ "$descriptors" = unlimited ] || [ "$descriptors" -gt $((nodes + 200)) ] ||
	fail "$nodes agents need as many descriptors, and a process may have $descriptors here: ulimit -Hn $((nodes + 1000)), or a smaller BENCH_AGENTS"
ulimit -Sn "$descriptors"

resident() {
	awk '/^VmRSS/ { print $2 }' "/proc/${pids[server]}/status"
}

processor() {
	awk -v tick="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); printf "%.1f", ($12 + $13) / tick }' "/proc/${pids[server]}/stat"
}

said() {
	grep -q "^$1" "$work/load.log" || ! kill -0 "${pids[load]}" 2>/dev/null
}

# wait_for WORD SECONDS
wait_for() {
	until_true "$2" "the agents are $1" said "$1"
	grep -q "^$1" "$work/load.log" || { tail -n 20 "$work"/load.log "$work"/server.log >&2; fail "the generator failed"; }
}

print_machine
prepare
echo "connections_max = $((nodes + 100))" >>"$work/server.conf"
start_server
before=$(resident)
start enforcer "$tools/load" enforcer "$work" "$nodes" 271 2711 "${pids[server]}" "$status" "$packages" 1 1 1
start load "$tools/load" agents "$work" "$nodes" 271 2711 "${pids[server]}" "$status" "$packages" 1 1 32
echo
echo "== $nodes agents, each inspected with $packages packages and held"
wait_for held 900
sleep 2
after=$(resident)
awk -v n="$nodes" -v a="$before" -v b="$after" -v s="$(awk '/^held/ { print $4 }' "$work/load.log")" -v cpu="$(processor)" 'BEGIN {
	printf "  %d held after %.0f s; the server has %.0f MB, %.1f KB more for each agent than without any; %.1f s CPU\n", n, s, b / 1000, (b - a) / n, cpu }'

echo
echo "== the server is killed, and started again at once"
kill -9 "${pids[server]}"
wait "${pids[server]}" 2>/dev/null || true
start server "$build/bin/pratique-server" --config "$work/server.conf"
[ -z "${BENCH_PROFILE:-}" ] || start perf perf record -q -F 499 -p "${pids[server]}" -o "$BENCH_PROFILE"
wait_for back 600
awk -v n="$nodes" -v cpu="$(processor)" '/^back/ {
	printf "  half are back after %.1f s, 95%% after %.1f s, all after %.1f s (floor 60, goal 30); the server has used %.1f s CPU for it\n", $3, $5, $7, cpu }' \
	"$work/load.log"
until_true 10 "the server answers" api status
echo "  by certificate: $(counter assessments_short), by a whole inspection: $(counter assessments_full); memory $(($(resident) / 1000)) MB"
