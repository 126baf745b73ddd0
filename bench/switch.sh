#!/bin/bash
# SPDX-License-Identifier: ISC
#
# How soon a decision is in force: one node among 10,000 that moves from segment to segment, and all of them at once. The
# enforcer as it is, on a bridge with 100 ports, 10,000 MAC addresses and an IPv6 and an IPv4 address of each; a program
# plays the server on its Unix socket and measures from writing the decision to having read its acknowledgement, which
# follows the kernel's commit. The same with every core busy with something else. The peer is nft itself, which makes the
# same changes of the same tables in one transaction.
#
# usage: switch.sh BUILD-DIRECTORY   (BENCH_RUNS, default 5; BENCH_NODES, default 10000; BENCH_SINGLES, default 2000)
set -euo pipefail
# shellcheck source=bench/machine.bash
. "$(dirname "$(readlink -f "$0")")/machine.bash"
runs=${BENCH_RUNS:-5} nodes=${BENCH_NODES:-10000} singles=${BENCH_SINGLES:-2000}
[ "$(id -u)" = 0 ] || fail "needs root: a network namespace and nftables"
make_work
ns=pq-switch-$$
busy=()
enforcer_pid=
end() {
	local pid
	for pid in "${busy[@]}" $enforcer_pid; do
		kill -9 "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	ip netns del "$ns" 2>/dev/null || true
	rm -rf "$work"
}
trap end EXIT
trap 'exit 1' INT TERM HUP
build_tools bench/switch bin/pratique-enforcer
print_machine

median() {
	sort -n | awk '{ v[NR] = $1 } END { print (NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2) }'
}
in_ns() {
	ip netns exec "$ns" "$@"
}

# Entries that do not age, of MAC addresses 02:01:00:NN:NN:NN; permanent neighbours do not count for gc_thresh3.
make_network() {
	chmod 755 "$work"
	ip netns add "$ns"
	in_ns ip link add br-nodes type bridge forward_delay 0 mcast_snooping 0
	in_ns sysctl -qw net.ipv6.conf.br-nodes.accept_dad=0 net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	in_ns ip link set br-nodes up
	in_ns ip addr add 10.64.0.1/16 dev br-nodes
	in_ns ip addr add 2001:db8:1:1::1/64 dev br-nodes
	awk -v n="$nodes" -v dir="$work" 'BEGIN {
		for (p = 0; p < 100; p++)
			print "link add port-" p " type veth peer name end-" p "\nlink set end-" p " up\n" \
				"link set port-" p " master br-nodes up" > (dir "/links")
		for (i = 0; i < n; i++) {
			mac = sprintf("02:01:00:%02x:%02x:%02x", i / 65536, int(i / 256) % 256, i % 256)
			print "fdb replace " mac " dev port-" i % 100 " master static" > (dir "/fdb")
			printf "neigh replace 10.64.%d.%d lladdr %s dev br-nodes nud permanent\n", i / 250 + 1, i % 250 + 2, mac > (dir "/neigh")
			printf "neigh replace 2001:db8:1:1::%x lladdr %s dev br-nodes nud permanent\n", i + 4096, mac > (dir "/neigh")
		} }'
	in_ns ip -batch "$work/links"
	in_ns bridge -batch "$work/fdb"
	in_ns ip -batch "$work/neigh"
}

start_enforcer() {
	ip netns exec "$ns" "$build/bin/pratique-enforcer" --config "$work/enforcer.conf" >>"$work/log" 2>&1 &
	enforcer_pid=$!
	echo "$enforcer_pid" >"$work/pid"
}

# measure: the program's lines in $work/figures.
measure() {
	: >"$work/figures"
	"$tools/switch" "$work/socket" "$work/policy" "$nodes" "$singles" "$runs" "$work/pid" "$work/moves" >"$work/figures" &
	local program=$!
	for _ in $(seq 200); do
		grep -q ready "$work/figures" && break
		sleep 0.05
	done
	chmod 666 "$work/socket"
	start_enforcer
	wait "$program" || { tail -n 5 "$work/log"; fail "no figures"; }
	kill "$enforcer_pid"
	wait "$enforcer_pid" || true
	enforcer_pid=
}

report() {
	local one
	read -r -a one < <(grep '^one' "$work/figures")
	printf '  one node:   p50 %6.2f ms, p99 %6.2f ms   (goal: p99 0.5 ms, floor 2 ms)\n' "${one[1]}" "${one[2]}"
	printf '              in the enforcer, from reading the message to the commit: p50 %.2f ms, p99 %.2f ms\n' "${one[3]}" "${one[4]}"
	printf '              CPU time of a move: %.0f us its own, %.0f us the kernel'"'"'s\n' "${one[5]}" "${one[6]}"
	printf '  all nodes:  %6.3f s, median of %d           (goal: 0.3 s, floor 1 s)\n' "$(awk '/^all/ { print $2 }' "$work/figures" | median)" "$runs"
	printf '              CPU time: %.2f s its own, %.2f s the kernel'"'"'s\n' "$(awk '/^all/ { print $3 }' "$work/figures" | median)" \
		"$(awk '/^all/ { print $4 }' "$work/figures" | median)"
}

# peer FILE TIMES: seconds of `nft -f FILE`, the median.
peer() {
	local i start
	for ((i = 0; i < $2; i++)); do
		start=$(date +%s%N)
		in_ns nft -f "$work/moves.$1"
		echo $((($(date +%s%N) - start) / 1000))
	done | median
}

make_network
cat >"$work/enforcer.conf" <<-END
	name = gateway
	server = unix:$work/socket
	bridge = br-nodes
	state = $work/state
	user = nobody
	away_after = 60 min
END
cat >"$work/policy" <<-'END'
	site 2001:db8:1::/48, 10.64.0.0/16
	define server { address 2001:db8:1:2::2 tcp 271 }
	segment quarantine default { allow to server }
	segment staff level 2 { allow to any }
	segment visitors level 1 { allow to any }
	role "employee" { node "a" }
	admit role "employee" to staff
	admit to visitors
	otherwise quarantine
	inspect every 30 min
	certificate lifetime 45 min
END
echo
echo "== $nodes attachments, two addresses each; $singles moves of one, $runs of all"
measure
report
p50=$(awk '/^one/ { print $2 * 1000 }' "$work/figures")
all=$(awk '/^all/ { print $2 * 1000000 }' "$work/figures" | median)
echo "  the peer, nft -f, on the same tables:"
peer_one=$(peer one 11)
peer_all=$(peer all 3)
awk -v a="$peer_one" -v b="$p50" -v c="$peer_all" -v d="$all" 'BEGIN {
	printf "  one node:   %.1f ms, %.0f times ours\n  all nodes:  %.2f s, %.1f times ours\n", a / 1000, a / b, c / 1e6, c / d }'
echo
echo "== the same, with $(nproc) busy loops"
for _ in $(seq "$(nproc)"); do
	sh -c 'while :; do :; done' &
	busy+=($!)
done
measure
report
