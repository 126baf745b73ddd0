#!/bin/bash
# SPDX-License-Identifier: ISC
# Nodes behind a routed interface instead of a bridge: c, alone on the gateway's interface eth-c. The interface also goes
# and comes back, and a second host on the same wire (d, a second MAC of c's end) tries to be c.
# shellcheck source=tests/scenario/enforcer-lib.sh
. "$(dirname "$0")/enforcer-lib.sh"

c6=2001:db8:1:4::10 c4=10.1.4.10 c_mac=02:00:00:00:00:0c d_mac=02:00:00:00:00:0d
out6=2001:db8:1:2::2 out4=10.1.2.2

make_network
ip netns add "${ns}c"
make_wire
write_files
echo "interface = eth-c" >>"$work/enforcer.conf"
sed -i '/^bridge/d' "$work/enforcer.conf"
start_driver
start_enforcer
eventually connected_count 1 || fail "the enforcer did not come to its server"
spawn_probe out serve 271 80
spawn_probe c serve 22
eventually reaches c $out6 271 || fail "c does not reach the server in quarantine"
eventually reaches c $out4 271 || fail "c does not reach the server in quarantine, over IPv4"
ok "quarantine reaches the server over both families"
expect_refused c $out6 80 "quarantine reaches nothing else"
expect_refused c $out4 80 "quarantine reaches nothing else"
expect_refused out $c6 22 "nobody reaches a node in quarantine"
mark_heard
tell "who $c6"
expect_heard "^identity-attachment eth-c $c_mac present"
place full eth-c $c_mac staff 600
for to in $out6 $out4; do
	expect_reaches c "$to" 80 "admitted"
done
expect_reaches out $c6 22 "admitted, and reached from outside"

before=$(in_ns gw nft -j list counters table netdev pratique | jq '[.nftables[].counter | select(.name == "stolen").packets] | add')
probe c na eth0 $d_mac $c6 fe80::d
probe c arp eth0 $d_mac $c4
probe c udp eth0 $d_mac $c6 $out6 02:00:00:00:00:02 80
after=$(in_ns gw nft -j list counters table netdev pratique | jq '[.nftables[].counter | select(.name == "stolen").packets] | add')
[ "$after" -ge $((before + 4)) ] || fail "claims of another MAC on the wire: $before, then $after"
ok "another MAC on the wire takes neither address"
expect_reaches c $out6 80 "c goes on"

kill -9 "$enforcer_pid"
wait "$enforcer_pid" 2>/dev/null || true
expect_reaches c $out6 80 "admitted while the enforcer is dead"
start_enforcer
eventually connected_count 2 || fail "the enforcer did not come back"
expect_reaches c $out6 80 "admitted after the restart"

# The interface goes, and another one of the same name comes: nothing of the old one is left.
mark_heard
in_ns gw ip link del eth-c
expect_heard "^attachment eth-c $c_mac gone"
make_wire
eventually reaches c $out6 271 || fail "c does not reach the server on the new interface"
expect_refused c $out6 80 "the admission ended with the interface"
place full eth-c $c_mac staff 600
expect_reaches c $out6 80 "admitted on the new interface"
echo "1..$passed"
