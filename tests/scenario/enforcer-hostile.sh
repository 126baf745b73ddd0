#!/bin/bash
# SPDX-License-Identifier: ISC
# b, in quarantine, sends what no honest host sends; a, admitted, must hear nothing of it and lose nothing.
# shellcheck source=tests/scenario/enforcer-lib.sh
. "$(dirname "$0")/enforcer-lib.sh"

a6=2001:db8:1:1::10 a4=10.1.1.10 b6=2001:db8:1:1::11 b4=10.1.1.11
out6=2001:db8:1:2::2 out4=10.1.2.2 gw6=2001:db8:1:1::1 gw4=10.1.1.1
a_mac=02:00:00:00:00:0a b_mac=02:00:00:00:00:0b gw_mac=02:00:00:00:00:01
bring_up

hostile() {
	in_ns b /usr/bin/python3 "$here/enforcer-hostile.py" "$@"
}
# expect_unknown ADDRESS WHAT: it is nobody's.
expect_unknown() {
	mark_heard
	tell "who $1"
	expect_heard "^identity [0-9]+ unknown"
	ok "$2"
}
counter() {
	in_ns gw nft -j list counters table "$1" pratique | jq -r ".nftables[].counter | select(.name == \"$2\").packets"
}
count_of() {
	in_ns gw "$@" | wc -l
}

# Nobody is asked whether an address of somewhere else is his: an inspection from there would be taken for his.
for address in $out4 198.51.100.7 169.254.3.3 $gw4 127.0.0.5; do
	hostile ask $b_mac $b_mac "$address" $gw4
done
for address in $out6 2001:db8:ffff::2 fe80::1 $gw6 ::1 ::ffff:$a4; do
	hostile ask $b_mac $b_mac "$address" $gw6 $gw_mac
	hostile ask $b_mac $b_mac "$address" fe80::1 $gw_mac
done
sleep 0.3
for address in $out4 198.51.100.7 $out6 fe80::1 $gw6 $gw4; do
	expect_unknown "$address" "b is not attached with $address, which it announces"
done

place full port-a $a_mac staff 600
expect_reaches a $out6 80 "a is admitted"
in_ns a /usr/bin/python3 "$here/enforcer-hostile.py" overhear $b_mac >"$work/overheard" &
processes+=($!)
spawn_probe out catch 4999 >"$work/caught"
spawn_probe gw catch 4998 >"$work/caught-gw"
for f in overheard caught caught-gw; do
	eventually grep -q ready "$work/$f" || fail "$f: no listener"
done
# expect_silence WHAT: nothing came through.
expect_silence() {
	sleep 0.3
	! grep -qE "heard|evil" "$work/overheard" || fail "a hears b: $1"
	! grep -q evil "$work/caught" || fail "out hears b: $1"
	! grep -q evil "$work/caught-gw" || fail "the gateway takes it: $1"
	ok "nobody hears: $1"
}
# The listeners are not deaf.
probe a udp eth0 $a_mac $a6 $out6 $gw_mac 4999
eventually grep -q evil "$work/caught" || fail "out does not hear a"
: >"$work/caught"

# What a bridge takes for itself is seen by no rule of the bridge family, and learned from unless forbidden.
before=$(counter inet bypassed)
hostile group $a_mac $b_mac $b4 $gw4 4998
hostile group $a_mac $b_mac $a4 $gw4 4998
expect_silence "frames to the group addresses of bridges"
[ "$(counter inet bypassed)" -gt "$before" ] || fail "packets of a port itself were not counted as bypassed"
[ "$(counter arp bypassed)" -gt 0 ] || fail "ARP of a port itself was not counted as bypassed"
in_ns gw bridge fdb show dev port-b | grep -q "$a_mac" && fail "the bridge learned a's MAC at b's port"
ok "the bridge does not learn from them"

for source in fe80::b $b6 2001:db8:1:1::77; do
	hostile hidden $b_mac $a_mac "$source" $gw6 $gw_mac
	hostile hidden $b_mac $a_mac "$source" fe80::1 $gw_mac
done
sleep 0.3
expect_unknown 2001:db8:1:1::77 "a's MAC is not bound to an address by options that headers hide"

hostile frames $b_mac $a_mac
expect_silence "other types, tags, sources that are no hosts, frames cut short"
hostile headers $b_mac $gw_mac $b6 $out6 4999
hostile headers $b_mac $gw_mac fe80::b $out6 4999
expect_silence "extension headers, fragments, multicast"
hostile headers4 $b_mac $gw_mac $b4 $out4 4999
expect_silence "source routes, fragments, broadcasts, nobody's addresses"

spawn_probe a hold $out6 80 >"$work/hold"
eventually grep -q up "$work/hold" || fail "no connection"
port=$(in_ns a ss -Htn6 state established dport = :80 | awk '{ print $3 }' | sed 's/.*://' | head -n 1)
hostile errors $b_mac $gw_mac $b6 $a6 $out6 "$port" 80
hostile errors $b_mac $gw_mac fe80::b $a6 $out6 "$port" 80
expect_silence "errors, resets and segments about a's connection"
! grep -q cut "$work/hold" || fail "a's connection was cut"
[ "$(probe gw connections 22)" = 0 ] || fail "a refused segment left the state of a connection"

# Nobody would hear the questions of a querier behind an isolated port, but a snooping bridge would wait for answers.
before=$(counter bridge rogue)
hostile queries $b_mac
[ "$(counter bridge rogue)" = $((before + 2)) ] || fail "the queries of b were not counted as a router's"
expect_silence "multicast routers' queries"

# expect_served WHAT: a opens and is reached, while b floods.
expect_served() {
	reaches a $out6 80 || fail "a opens nothing: $1"
	reaches out $a4 22 || fail "a is not reached over IPv4: $1"
	reaches out $a6 22 || fail "a is not reached: $1"
	! grep -q cut "$work/hold" || fail "a's connection was cut: $1"
	ok "a is served: $1"
}
for kind in solicit arp udp mac open; do
	hostile flood $kind $b_mac $gw_mac 30000 $b6 $out6 &
	flood=$!
	sleep 0.5
	expect_served "b floods ($kind)"
	wait "$flood"
done
expect_served "after the floods"
for what in "ip -4 neigh" "ip -6 neigh" "bridge fdb show dev port-b"; do
	# shellcheck disable=SC2086 # words
	n=$(count_of $what)
	[ "$n" -lt 500 ] || fail "$what has $n entries"
	ok "$what: few entries"
done
n=$(in_ns gw cat /proc/sys/net/netfilter/nf_conntrack_count)
[ "$n" -lt 2000 ] || fail "$n connections are kept"
[ "$(counter bridge flooded)" -gt 1000 ] || fail "the floods were not counted"
[ "$(counter inet crowded)" -gt 1000 ] || fail "the connections that were too many were not counted"
ok "what was too much is counted"
eventually reaches b $out6 271 || fail "b, quiet again, does not reach the server"
ok "b, quiet again, reaches the server"
echo "1..$passed"
