#!/bin/bash
# SPDX-License-Identifier: ISC
# Addresses that are not proven yet: those an admitted node begins to send from, and those of an admitted node that somebody
# sends to first. The first packets are dropped, never answered with a refusal; the proof follows at once; a scan floods
# neither the link nor the neighbour table.
# shellcheck source=tests/scenario/enforcer-lib.sh
. "$(dirname "$0")/enforcer-lib.sh"

out6=2001:db8:1:2::2 out4=10.1.2.2
a_mac=02:00:00:00:00:0a c_mac=02:00:00:00:00:0c

# A node on a routed interface, the other kind of link.
make_wire() {
	ip netns add "${ns}c"
	ip link add eth-c netns "${ns}gw" type veth peer name eth0 netns "${ns}c"
	quiet gw net.ipv6.conf.eth-c.accept_dad=0
	quiet c net.ipv6.conf.eth0.accept_dad=0
	in_ns gw ip link set eth-c address 02:00:00:00:00:02 up
	in_ns gw ip addr add 2001:db8:1:4::1/64 dev eth-c
	in_ns gw ip addr add 10.1.4.1/24 dev eth-c
	in_ns c ip link set lo up
	in_ns c ip link set eth0 address $c_mac up
	in_ns c ip addr add 2001:db8:1:4::10/64 dev eth0
	in_ns c ip addr add 10.1.4.10/24 dev eth0
	in_ns c ip route add default via 2001:db8:1:4::1
	in_ns c ip route add default via 10.1.4.1
}

# The inet table's counters of refusals without a word.
counter() {
	in_ns gw nft -j list counters table inet pratique | jq "[.nftables[].counter | select(.name == \"$1\").packets] | add"
}

# binds NODE TARGET SOURCE WHAT: how long until a packet passes, from the first one on.
binds() {
	local took
	took=$(probe "$1" until "$2" 80 "$3") || fail "$4: nothing passes within 5 s"
	awk -v took="$took" 'BEGIN { exit !(took < 3000) }' || fail "$4: only after $took ms"
	ok "$4: bound and passing after $took ms"
}

# Connects at once, from an address that nobody has seen: not refused, and through with TCP's second try.
expect_patience() {
	reaches_from "$1" "$2" "$3" || fail "$4: refused or too late"
	ok "$4: the connection waits for the proof and is not refused"
}
reaches_from() {
	probe "$1" patient "$2" 80 "$3"
}

make_network
make_wire
write_files
echo "interface = eth-c" >>"$work/enforcer.conf"
start_driver
start_enforcer
eventually connected_count 1 || fail "the enforcer did not come to its server"
spawn_probe out serve 271 80 22 443
spawn_probe a serve 22 80
spawn_probe c serve 22
eventually reaches a $out6 271 || fail "a does not reach the server in quarantine"
eventually reaches c 2001:db8:1:2::2 271 || fail "c does not reach the server in quarantine"

# Admitted over IPv6 only: no IPv4 packet of a or c was ever seen.
place full port-a $a_mac staff 600 eth-c $c_mac staff 600
expect_reaches a $out6 80 "admitted"
expect_reaches c $out6 80 "admitted"
expect_patience a $out4 10.1.1.10 "the first IPv4 connection after an IPv6 admission"
expect_patience c $out4 10.1.4.10 "the first IPv4 connection after an IPv6 admission, on an interface"

# New addresses; the neighbour entry of the router is fresh, so that no solicitation precedes the packet.
number=256
for round in 1 2 3; do
	for node in "a 2001:db8:1:1: 10.1.1" "c 2001:db8:1:4: 10.1.4"; do
		read -r name net6 net4 <<<"$node"
		number=$((number + 1))
		in_ns "$name" ip addr add "$net6:$(printf %x $number)/128" dev eth0 nodad
		in_ns "$name" ip addr add "$net4.$((number - 200))/32" dev eth0
		binds "$name" $out6 "$net6:$(printf %x $number)" "$name: a new IPv6 address ($round)"
		binds "$name" $out4 "$net4.$((number - 200))" "$name: a new IPv4 address ($round)"
	done
done
in_ns a ip addr add 2001:db8:1:1::2001/128 dev eth0 nodad
expect_patience a $out6 2001:db8:1:1::2001 "a new privacy address"
[ "$(counter unproven)" -gt 0 ] || fail "no packet of an address that is not proven was counted"
in_ns a ip addr add 2001:db8:1:1::2002/128 dev eth0 nodad
probe a connect $out6 271 2001:db8:1:1::2002 || fail "an address that is not proven does not reach the server"
ok "an address that is not proven does what the default segment allows"
probe a udp eth0 $a_mac 10.9.9.9 10.1.2.2 02:00:00:00:00:01 80
! in_ns gw ip neigh show 10.9.9.9 | grep -q . || fail "an address of no link is asked for"
ok "an address that does not belong to the link is not asked for"

# The kernel's entry was there before the address could be one of the link's: it is taken as it is.
in_ns a ip addr add 10.1.9.1/32 dev eth0
in_ns a ip neigh flush dev eth0
! in_ns a ping -n -q -c 1 -W 1 -I 10.1.9.1 10.1.1.1 >/dev/null || fail "an address that does not belong to the link is answered"
in_ns gw ip neigh show 10.1.9.1 dev br-nodes | grep -q "$a_mac" || fail "the kernel did not learn 10.1.9.1"
in_ns gw ip route add 10.1.9.0/24 dev br-nodes
binds a $out4 10.1.9.1 "a neighbour entry from before its route"
grep -q "10.1.9.1 on br-nodes: its neighbour entry proved it" "$work/log" || fail "the entry was not read"

# Addresses that the node has, and never used: somebody else opens the first connection.
for node in "a 2001:db8:1:1: 10.1.1" "c 2001:db8:1:4: 10.1.4"; do
	read -r name net6 net4 <<<"$node"
	in_ns "$name" ip addr add "$net6:5001/128" dev eth0 nodad
	in_ns "$name" ip addr add "$net4.201/32" dev eth0
	probe out patient "$net6:5001" 22 || fail "$name: a silent IPv6 address is not reached from outside"
	probe out patient "$net4.201" 22 || fail "$name: a silent IPv4 address is not reached from outside"
	ok "$name: silent addresses are reached from outside, when the segment says so"
done
in_ns a ip addr add 2001:db8:1:1::5002/128 dev eth0 nodad
probe c patient 2001:db8:1:1::5002 22 || fail "a silent address is not reached from another node"
ok "a silent address is reached from another node"
in_ns a ip addr add 2001:db8:1:1::5003/128 dev eth0 nodad
took=$(probe out until-answer 2001:db8:1:1::5003 22) || fail "a silent address does not answer"
ok "a silent address of an admitted node: bound and answering after $took ms"
expect_refused out 2001:db8:1:1::5003 80 "proven, and refused what the segment does not accept"
before=$(counter wanted)
! probe out connect 2001:db8:1:1::b 22 || fail "nobody has this address"
[ "$(counter wanted)" -gt "$before" ] || fail "an address that nobody has was not asked for"

# A scan of the link's prefix from outside.
wanted_before=$(counter wanted)
heard_before=$(in_ns a cat /sys/class/net/eth0/statistics/rx_packets)
scan_start=$(date +%s%N)
probe out scan 2001:db8:1:1:5ca 4000 22
probe out scan 2001:db8:1:1:5cb 4000 22
scan_s=$((($(date +%s%N) - scan_start) / 1000000000 + 1))
most=$(in_ns gw ip -6 neigh show dev br-nodes | wc -l)
heard_after=$(in_ns a cat /sys/class/net/eth0/statistics/rx_packets)
[ "$(counter wanted)" -ge $((wanted_before + 4000)) ] || fail "the scan did not get to the gateway: $(counter wanted)"
[ "$most" -gt 20 ] || fail "the scan's addresses are not asked for: $most entries"
[ "$most" -lt 400 ] || fail "a scan fills the neighbour table: $most entries"
[ $((heard_after - heard_before)) -lt $((scan_s * 300 + 600)) ] ||
	fail "a scan floods the link: $((heard_after - heard_before)) frames in $scan_s s"
ok "a scan of 8000 addresses in $scan_s s: $most neighbour entries, $((heard_after - heard_before)) frames to a node"
in_ns a ip addr add 2001:db8:1:1::2003/128 dev eth0 nodad
binds a $out6 2001:db8:1:1::2003 "a new address right after the scan"
few_left() {
	[ "$(in_ns gw ip -6 neigh show dev br-nodes | grep -cE 'INCOMPLETE|FAILED')" -lt 10 ]
}
eventually few_left || fail "the scan's entries stay: $(in_ns gw ip -6 neigh show dev br-nodes | wc -l)"
ok "the scan leaves no entries behind"
kill -0 "$enforcer_pid" || fail "the enforcer has ended"
echo "1..$passed"
