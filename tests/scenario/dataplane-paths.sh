#!/bin/bash
# SPDX-License-Identifier: ISC
# The data plane on paths that are not good to it: rekeying under traffic, a NAT that gives another port, loss and
# reordering, a router that takes less, lifetimes that end, native ESP, rate limits, many sessions.
#
# usage: dataplane-paths.sh DATAPLANE-DRIVER
set -euo pipefail
driver=$1
# shellcheck source=tests/scenario/dataplane-lib.sh
source "$(dirname "$(readlink -f "$0")")/dataplane-lib.sh"

rekey() {
	local n
	for n in 2 3 4 5 6; do
		# The one that answers has all of its own first; then the one that asked; the old ones go last.
		tell b <<-END
			sa in 0x2${n}01 10.0.2.2 4500 10.0.1.2 4500 gcm
			child up softwire alice 1 1 0x2${n}01 0x1$((n - 1))01
		END
		sleep 0.1
		child a 1 10.0.1.2 4500 10.0.2.2 4500 "0x1${n}01" "0x2${n}01" gateway
		sleep 0.1
		tell b <<-END
			sa out 0x1${n}01 10.0.2.2 4500 10.0.1.2 4500 gcm
			child up softwire alice 1 1 0x2${n}01 0x1${n}01
		END
		sleep 0.2
		tell a <<-END
			sa-remove 0x1$((n - 1))01 10.0.1.2
			sa-remove 0x2$((n - 1))01 10.0.2.2
		END
		tell b <<-END
			sa-remove 0x2$((n - 1))01 10.0.2.2
			sa-remove 0x1$((n - 1))01 10.0.1.2
		END
	done
}

# Both directions' losses of a UDP flow while that command runs.
no_loss_while() {
	local lost
	serve
	in_ a timeout 30 iperf3 -c 10.9.0.2 -u -b 10M -l 1300 -w 4M -t 4 --bidir -J >"$dir/iperf.json" &
	local client=$!
	sleep 0.7
	"$@"
	wait "$client"
	lost=$(jq '.end.sum.lost_packets + (.end.sum_bidir_reverse.lost_packets // 0)' "$dir/iperf.json")
	echo "lost: $lost"
	for host in a b; do
		statistic "$host" '[a-z_]*' >/dev/null
		grep ' statistics$' "$dir/$host.log" | tail -n 1 | tr ' ' '\n' | grep -v '=0$' | paste -s -d ' '
	done
	[ "$lost" = 0 ]
}

# On a busy machine iperf3 may not even come to its first packets.
notices_path() {
	local try
	for try in 1 2 3; do
		iperf a 10.9.0.2 -t 2 || true
		[ "$(statistic a path_mtu_lowered)" -lt 1 ] || return 0
		jq -c "{try: $try, error, sent: .end.sum_sent}" "$dir/iperf.json"
	done
	return 1
}

rate_is_between() {
	local rate
	rate=$(received)
	echo "$rate bit/s"
	[ "$rate" -le "$1" ] && [ "$rate" -ge "$2" ]
}

network
start a initiator 1 10.0.1.2
start b concentrator 2 10.0.2.2
for host in a b; do
	echo 'charon on' | tell $host
done
child a 1 10.0.1.2 4500 10.0.2.2 4500 0x1101 0x2101 gateway
child b 1 10.0.2.2 4500 10.0.1.2 4500 0x2101 0x1101 alice
wait_for a '^association 1 up' 5
wait_for b '^association 1 up' 5
tell a <<<'session 1 1 2 2 1 10.0.1.2 10.0.2.2 1400 0 0.0.0.0/0,::/0'
tell b <<<'session 2 2 1 1 1 10.0.2.2 10.0.1.2 1400 0 10.9.0.1/32,2001:db8:a::1/128'
sleep 0.3
check "it passes" pings a 10.9.0.2

check "five rekeyings under traffic lose nothing" no_loss_while rekey
check "and nothing came on an SA that was not there" is_zero b esp_no_sa
check "nor had any sender none" is_zero b tun_no_sa
check "it is still the same association" test -z "$(grep -e 'association 2' -e 'association 1 down' "$dir/b.log")"

# The router's link to b takes less than before; a's packets may not be fragmented and it is told.
ip -n router link set dev b mtu 1300
ip -n b link set eth0 mtu 1300
check "a path that shrinks is noticed" notices_path
check "senders inside are told" test "$(statistic a too_big_told)" -ge 1
check "TCP goes on" iperf a 10.9.0.2 -t 1
check "TCP over IPv6 too" iperf a 2001:db8:a::2 -t 1
check "at a real rate" rate_is_between 99000000000 1000000
check "what may be fragmented is" in_ a ping -c 2 -i 0.1 -W 2 -M dont -s 1360 10.9.0.2
ip -n router link set dev b mtu 1500
ip -n b link set eth0 mtu 1500

tell b <<<'session 2 2 1 1 1 10.0.2.2 10.0.1.2 1400 8000000 10.9.0.1/32,2001:db8:a::1/128'
sleep 0.2
iperf a 10.9.0.2 -t 3 -R -u -b 20M -l 1300
check "a session's rate is kept" rate_is_between 8600000 7000000
check "and what it had too much is counted" test "$(statistic b tun_rate_limited)" -ge 1
tell b <<<'session 2 2 1 1 1 10.0.2.2 10.0.1.2 1400 0 10.9.0.1/32,2001:db8:a::1/128'

tell b <<<'sessions 20000 1 10.0.2.2 10.0.1.2'
sleep 1
check "20,000 more sessions" test "$(statistic b sessions)" = 20001
check "do not matter to the first" pings a 10.9.0.2

# Behind a NAT: a talks to the router, and b to a port there that changes.
ip netns exec router python3 "$(dirname "$(readlink -f "$0")")/udp-relay.py" 10.0.1.1 10.0.2.1 10.0.2.2 4500 >"$dir/nat.log" &
nat=$!
touch "$dir/nat.log"
wait_for nat ready 10
child a 2 10.0.1.2 4500 10.0.1.1 4500 0x3101 0x4101 gateway
child b 2 10.0.2.2 4500 10.0.2.1 9 0x4101 0x3101 bob
wait_for a '^association 2 up' 5
wait_for b '^association 2 up' 5
tell a <<<'session 1 1 2 4 2 10.0.1.2 10.0.1.1 1400 0 0.0.0.0/0,::/0'
tell b <<<'session 2 4 1 1 2 10.0.2.2 10.0.2.1 1400 0 10.9.0.1/32,2001:db8:a::1/128'
sleep 0.3
check "a peer that is not where charon thought is found by its packets" pings a 10.9.0.2
check "charon is told" wait_for b '^mapping 16641 10.0.2.1 ' 5
check "control too" wait_for b '^association 2 up bob 10.0.2.1' 5
mappings=$(grep -c '^mapping' "$dir/b.log")
kill -USR1 "$nat"
sleep 0.3
check "a NAT that gives another port does not end the session" pings a 10.9.0.2
check "and charon is told again" test "$(grep -c '^mapping' "$dir/b.log")" -gt "$mappings"
kill -USR2 "$nat"
sleep 0.2
check "TCP through 5% loss and reordering" iperf a 10.9.0.2 -t 3
check "comes through whole" test "$(received)" -gt 50000
check "reordered packets are no replays" is_zero b esp_bad_icv
kill "$nat"
wait "$nat" || true

# ESP without UDP around it.
child a 3 10.0.1.2 0 10.0.2.2 0 0x5101 0x6101 gateway
child b 3 10.0.2.2 0 10.0.1.2 0 0x6101 0x5101 dora
wait_for a '^association 3 up' 5
wait_for b '^association 3 up' 5
tell a <<<'session 1 1 2 5 3 10.0.1.2 10.0.2.2 1400 0 0.0.0.0/0,::/0'
tell b <<<'session 2 5 1 1 3 10.0.2.2 10.0.1.2 1400 0 10.9.0.1/32,2001:db8:a::1/128'
sleep 0.3
check "native ESP passes" pings a 10.9.0.2
check "TCP over it" iperf a 10.9.0.2 -t 1

# Lifetimes: 5 packets, then half a second.
tell b <<-END
	sa in 0x7101 10.0.2.2 0 10.0.1.2 0 gcm 5 1500
	sa out 0x8101 10.0.2.2 0 10.0.1.2 0 gcm 5 1500
	child up softwire erna 4 9 0x7101 0x8101
END
check "an SA's hard lifetime ends it" wait_for b '^expire [0-9]* hard' 5
check "and its association" wait_for b '^association 4 down erna' 5
finish
