#!/bin/bash
# SPDX-License-Identifier: ISC
# b, which is admitted itself, takes what is a's, in every way: b goes to quarantine, a stays and loses no packet. A victim
# that is away, or an enforcer that is, does not help.
# shellcheck source=tests/scenario/enforcer-lib.sh
. "$(dirname "$0")/enforcer-lib.sh"

a6=2001:db8:1:1::10 a4=10.1.1.10 out6=2001:db8:1:2::2 out4=10.1.2.2
a_mac=02:00:00:00:00:0a b_mac=02:00:00:00:00:0b gw_mac=02:00:00:00:00:01
bring_up

# b with a new cable: its attachment is another one, which did nothing yet.
renew_b() {
	mark_heard
	in_ns b ip link set eth0 down
	expect_heard "^attachment port-b $b_mac gone"
	in_ns b ip link set eth0 address $b_mac up
	in_ns b ip addr replace fe80::b/64 dev eth0
	in_ns b ip addr replace 2001:db8:1:1::11/128 dev eth0
	in_ns b ip route replace default via fe80::1 dev eth0
	in_ns b ip route replace default via inet 10.1.1.1 dev eth0 onlink src 10.1.1.11
	eventually reaches b $out6 271 || fail "b does not reach the server with its new cable"
	eventually reaches b $out4 271 || fail "b does not reach the server with its new cable, over IPv4"
	place full port-a $a_mac staff 600 port-b $b_mac visitors 600
	eventually reaches b $out6 80 || fail "b is not admitted"
}

# impostor WHAT COMMAND...: b does it; then it is in quarantine, and a goes on.
impostor() {
	local what=$1
	shift
	mark_heard
	"$@"
	demoted() {
		! reaches b $out6 80
	}
	eventually demoted || fail "b keeps its segment: $what"
	reaches b $out6 271 || fail "b does not reach even the server: $what"
	! reaches b $out4 80 || fail "b keeps its segment over IPv4: $what"
	for to in $out6 $out4; do
		reaches a "$to" 80 || fail "a lost its segment: $what"
	done
	reaches out $a6 22 || fail "a is not reached any more: $what"
	reaches out $a4 22 || fail "a is not reached any more over IPv4: $what"
	ok "$what: b goes to quarantine, a stays"
}

place full port-a $a_mac staff 600 port-b $b_mac visitors 600
eventually reaches b $out6 80 || fail "b is not admitted"
claim() {
	local i
	for i in 1 2 3; do
		probe b "$@"
	done
}
impostor "neighbour advertisements for a's address" claim na eth0 $b_mac $a6 fe80::b
eventually heard "^event impostor port-b $b_mac" || fail "the server does not hear of an impostor"
ok "the server hears of it"
renew_b
impostor "ARP for a's IPv4 address" claim arp eth0 $b_mac $a4
renew_b
impostor "neighbour advertisements for a's link-local address" claim na eth0 $b_mac fe80::a
renew_b
impostor "packets from a's IPv6 address" claim udp eth0 $b_mac $a6 $out6 $gw_mac 4999
renew_b
impostor "packets from a's IPv4 address" claim udp eth0 $b_mac $a4 $out4 $gw_mac 4999
renew_b
impostor "packets from a's MAC address" claim udp eth0 $a_mac 2001:db8:1:1::11 $out6 $gw_mac 4999
sleep 5.5 # so long an answer of a's convicts whoever is at that port
renew_b

# A flood, while a sends and is sent a thousand packets a second.
spawn_probe a stream $out6 443 1000 4 >"$work/stream6"
streams=("${processes[-1]}")
spawn_probe a stream $out4 443 1000 4 >"$work/stream4"
streams+=("${processes[-1]}")
impostor "a flood of advertisements and ARP" probe b storm eth0 $b_mac $a6 $a4 2
wait "${streams[@]}"
for stream in 6 4; do
	grep -q '^sent 4000 lost 0$' "$work/stream$stream" || fail "a loses packets in a flood: $(cat "$work/stream$stream")"
	ok "a loses nothing meanwhile: $(cat "$work/stream$stream")"
done
renew_b

# While the enforcer is dead, and coming back.
kill -9 "$enforcer_pid"
wait "$enforcer_pid" 2>/dev/null || true
claim na eth0 $b_mac $a6 fe80::b
claim arp eth0 $b_mac $a4
claim udp eth0 $a_mac 2001:db8:1:1::11 $out6 $gw_mac 4999
in_ns gw bridge fdb show dev port-b | grep "$a_mac" >/dev/null && fail "the bridge learned a's MAC at b's port"
start_enforcer
impostor "claims while the enforcer is dead and coming back" claim na eth0 $b_mac $a6 fe80::b
renew_b

# a is away, its cable in its place: b may have the address after a while, but never a's segment, nor is it punished.
place full port-a $a_mac staff 600
in_ns a nft "add table netdev away; add chain netdev away in { type filter hook ingress device eth0 priority 0; policy drop; }"
is_bs() {
	probe b na eth0 $b_mac $a6 fe80::b
	in_ns b ip addr replace $a6/128 dev eth0
	! probe b connect $out6 80 $a6 || fail "b has a's segment with a's address"
	tell "who $a6"
	sleep 0.3
	heard "^identity-attachment port-b $b_mac"
}
eventually is_bs || fail "an address that a has left is nobody's for ever"
ok "b gets an address whose owner is away, and not the owner's segment"
probe b connect $out6 271 $a6 || fail "b does not reach the server with the address"
in_ns a nft delete table netdev away
eventually reaches a $out4 271 || fail "a, which is back, does not reach the server"
! probe a connect $out6 80 $a6 || fail "a has the address that is b's now"
ok "who comes back has to wait for it"
echo "1..$passed"
