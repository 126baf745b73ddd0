#!/bin/bash
# SPDX-License-Identifier: ISC
# b attacks: a's addresses, a's MAC, the router's and the DHCP server's place, sources that are nobody's.
# shellcheck source=tests/scenario/enforcer-lib.sh
. "$(dirname "$0")/enforcer-lib.sh"

a6=2001:db8:1:1::10 a4=10.1.1.10
out6=2001:db8:1:2::2 out4=10.1.2.2
a_mac=02:00:00:00:00:0a b_mac=02:00:00:00:00:0b gw_mac=02:00:00:00:00:01
bring_up
place full port-a $a_mac staff 600
expect_reaches a $out6 80 "a is admitted"
expect_reaches a $out4 80 "a is admitted"

counter() {
	in_ns gw nft -j list counters table bridge pratique | jq -r ".nftables[].counter | select(.name == \"$1\").packets"
}
# grows COUNTER WHAT: the counter is above $before.
expect_grown() {
	[ "$(counter "$1")" -gt "$before" ] || fail "$2 was not counted as $1"
	ok "$2 is dropped and counted"
}
# What out hears on a port.
listen() {
	spawn_probe out catch 4999 >"$work/caught"
	eventually grep -q ready "$work/caught" || fail "no listener"
}

listen
# Each packet with a's source and its own MAC must not come through; the same from a does.
probe a udp eth0 $a_mac $a6 $out6 $gw_mac 4999
probe a udp eth0 $a_mac $a4 $out4 $gw_mac 4999
caught() {
	[ "$(grep -c evil "$work/caught")" = "$1" ]
}
eventually caught 2 || fail "a's own packets do not come through"
before=$(counter stolen)
probe b udp eth0 $b_mac $a6 $out6 $gw_mac 4999
expect_grown stolen "a packet with a's IPv6 source"
before=$(counter stolen)
probe b udp eth0 $b_mac $a4 $out4 $gw_mac 4999
expect_grown stolen "a packet with a's IPv4 source"
probe b udp eth0 $b_mac 2001:db8:77::1 $out6 $gw_mac 4999
probe b udp eth0 $b_mac 2001:db8:1:1::1 $out6 $gw_mac 4999
probe b udp eth0 $b_mac 2001:db8:1:1::abcd $out6 $gw_mac 4999
sleep 0.3
caught 2 || fail "a packet with somebody else's source came through"
ok "sources of other networks, of the gateway and of nobody do not come through"

# The admitted node cannot lend its segment to an address that it has not proven either.
probe a udp eth0 $a_mac 2001:db8:1:1::abcd $out6 $gw_mac 4999
sleep 0.2
caught 2 || fail "an admitted node sent from an address that it has not proven"
ok "an unproven source of an admitted node has the default segment only"

before=$(counter stolen)
mark_heard
for i in 1 2 3; do
	probe b na eth0 $b_mac $a6 fe80::b
	probe b na eth0 $b_mac $a6
	probe b arp eth0 $b_mac $a4
done
expect_grown stolen "neighbour advertisements and ARP for a's addresses"
eventually heard "^event address-contested port-b $b_mac $a6" || fail "no event for a's IPv6 address"
eventually heard "^event address-contested port-b $b_mac $a4" || fail "no event for a's IPv4 address"
eventually heard "^attachment port-a $a_mac present contested" || fail "a is not shown as contested"
ok "the server hears of it"
expect_reaches out $a6 22 "a keeps its IPv6 address"
expect_reaches out $a4 22 "a keeps its IPv4 address"
mark_heard
tell "who $a6"
expect_heard "^identity-attachment port-a"
ok "a's address is still a's"

# b names a's MAC as its own in the options.
before=$(counter forged)
probe b na eth0 $a_mac 2001:db8:1:1::55 2001:db8:1:1::55
probe b na-from eth0 $b_mac $a_mac 2001:db8:1:1::56
expect_grown forged "an advertisement with a's MAC in its option"

# b clones a's MAC at its own port.
before=$(counter cloned)
mark_heard
in_ns b ip link set eth0 address $a_mac
for to in $out6 $out4; do
	expect_refused b "$to" 271 "a's MAC at another port reaches not even the server"
done
expect_grown cloned "a frame with a's MAC at another port"
# Once a minute: the frame above with a's MAC may have been the first.
eventually heard "^event mac-moved port-b $a_mac" || fail "no event for a's MAC at another port"
expect_reaches a $out6 80 "a goes on"
in_ns gw bridge fdb show dev port-b | grep "$a_mac" >/dev/null && fail "the bridge learned a's MAC at b's port"
sleep 6
expect_reaches a $out6 80 "a, which answers, keeps its MAC"
# a's cable is pulled: whoever has its MAC now is another attachment, and not admitted.
mark_heard
in_ns a ip link set eth0 down
expect_heard "^attachment port-a $a_mac gone"
eventually reaches b $out6 271 || fail "b with a MAC that is free now does not reach the server"
expect_refused b $out6 80 "the admission stayed with the port that is down"
in_ns a ip link set eth0 address 02:00:00:00:00:1a up
in_ns b ip link set eth0 address $b_mac

# Routers and DHCP servers are not among the nodes.
mark_heard
before=$(counter rogue)
probe b ra eth0 $b_mac
expect_grown rogue "a router advertisement of a node"
eventually heard "^event rogue-server port-b $b_mac" || fail "no event for a rogue router"
before=$(counter rogue)
probe b udp-from eth0 $b_mac 10.1.1.11 255.255.255.255 ff:ff:ff:ff:ff:ff 67 68
expect_grown rogue "a DHCP server's reply of a node"
before=$(counter rogue)
probe b udp-from eth0 $b_mac fe80::b ff02::1 33:33:00:00:00:01 547 546
expect_grown rogue "a DHCPv6 server's reply of a node"
before=$(counter malformed)
probe b vlan eth0 $b_mac
expect_grown malformed "a frame with a VLAN tag"

# The second line: without port isolation the bridge still carries nothing from node to node.
in_ns gw ip link set port-a type bridge_slave isolated off
in_ns gw ip link set port-b type bridge_slave isolated off
in_ns a ip -6 addr replace fe80::a/64 dev eth0
in_ns b ip -6 addr replace fe80::b/64 dev eth0
! pings b fe80::a%eth0 || fail "b pings a over link-local addresses through a bridge without isolation"
ok "node to node over the bridge is dropped without port isolation, too"
echo "1..$passed"
