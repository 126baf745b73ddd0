#!/bin/bash
# SPDX-License-Identifier: ISC
# Softwires under IKEv2 and ESP: an initiator with a certificate behind a NAT, and what an attacker, a roam and the death of each
# process do to it.
# Arguments: the folder of the programs, charon's plugin.
# shellcheck source=tests/scenario/softwire-lib.sh
. "$(dirname "$0")/softwire-lib.sh" "$@"
[ -x /usr/sbin/charon-systemd ] || {
	echo "needs strongSwan: ./dev setup"
	exit 77
}

make_network
make_nat
make_certificates concentrator alice bob
write_concentrator
write_keys concentrator concentrator
cat >>"$work/concentrator.conf" <<-END
	bind = same-name
END
write_initiator ini alice wonderland
write_keys ini alice
"$softwire" concentrator --config "$work/concentrator.conf" --check || fail "the concentrator's configuration"
"$softwire" initiator --config "$work/ini.conf" --check || fail "the initiator's configuration"
start_concentrator
eventually test -S "$work/run-con/api.sock" || fail "the concentrator does not start"
start_initiator ini
eventually session_count 1 || fail "there is no session"
expect_pings ini 10.1.2.2 "IPv4 through ESP and a NAT"
expect_pings ini 2001:db8:1:2::2 "IPv6 through ESP and a NAT"
[ "$(sessions '.sessions[0] | .user, .machine, .protection' | xargs)" = "alice alice IPsec, certificate" ] ||
	fail "who it is: $(sessions)"
had=$(sessions '.sessions[0] | .ipv4, .ipv6[0], .delegated[0], .port' | xargs)
ok "the session is alice's, by certificate and password: $had"

# ---- what an attacker on the path gets ----

in_ns net timeout 1 tcpdump -n -i to-con -w "$work/wire.pcap" 2>/dev/null &
capture=$!
pings ini 10.1.2.2 || true
wait $capture || true
! grep -aqE 'alice|wonderland' "$work/wire.pcap" || fail "an identity is readable on the wire"
[ "$(tshark -r "$work/wire.pcap" -Y l2tp 2>/dev/null | wc -l)" = 0 ] || fail "L2TP is readable on the wire"
ok "neither identities nor L2TP are readable on the wire"
id=$(sessions '.sessions[0].id')
# A StopCCN in clear, to the right tunnel.
in_ns net python3 - "${id%/*}" <<-'END'
	import socket, struct, sys
	tunnel = int(sys.argv[1])
	body = struct.pack("!HHHH", 0x8008, 0, 0, 4) + struct.pack("!HHHH", 0x8008, 0, 9, 1) + struct.pack("!HHHH", 0x8008, 0, 1, 6)
	for source in ("192.0.2.254",):
	    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	    s.bind((source, 1701))
	    s.sendto(struct.pack("!HHHHHH", 0xc802, 12 + len(body), tunnel, 0, 3, 3) + body, ("192.0.2.1", 1701))
END
clear_dropped() {
	[ "$(counter filter filter_l2tp_clear_dropped)" -gt 0 ]
}
eventually clear_dropped || fail "L2TP in clear is not dropped"
ok "L2TP in clear is dropped and counted"
# A spoofed inner source.
before=$(counter dataplane spoofed)
in_ns ini ip addr add 10.9.0.77/32 dev softwire0
! in_ns ini ping -n -q -c 2 -W 1 -I 10.9.0.77 10.1.2.2 >/dev/null 2>&1 || fail "a spoofed source is let through"
in_ns ini ip addr del 10.9.0.77/32 dev softwire0
spoofed() {
	[ "$(sessions '.sessions[0].spoofed')" -gt 0 ]
}
eventually spoofed || fail "a spoofed source is not counted: $before"
ok "a spoofed inner source is dropped and counted"

# ---- roaming: another address ----

wait_roamed() {
	[ "$(sessions '.sessions[0].id // empty')" ] && [ "$(sessions '.sessions[0].id')" != "$id" ] && pings ini 10.1.2.2 &&
		[ "$(sessions '.sessions[0] | .ipv4, .ipv6[0], .delegated[0], .port' | xargs)" = "$had" ]
}
id=$(sessions '.sessions[0].id')
started=$(date +%s%N)
in_ns ini ip addr del 10.0.0.2/24 dev eth0
in_ns ini ip addr add 10.0.0.3/24 dev eth0
in_ns ini ip route add default via 10.0.0.1
eventually wait_roamed || fail "the initiator does not come from its new address as it was: $(sessions)"
outage=$((($(date +%s%N) - started) / 1000000))
session_count 1 || fail "the old session is still there"
ok "a new address: up again after $outage ms, with the same addresses, prefix and port"

# ---- whose machine, whose user ----

make_namespace two
wire net to-two two eth0
in_ns net ip addr add 10.0.1.1/24 dev to-two
in_ns two ip addr add 10.0.1.2/24 dev eth0
in_ns two ip route add default via 10.0.1.1
write_initiator two alice wonderland
write_keys two bob
start_initiator two
bound() {
	[ "$(counter counters refused_binding)" -gt 0 ]
}
eventually bound || fail "alice is let in over bob's machine"
session_count 1 || fail "alice has a session over bob's machine"
expect_pings ini 10.1.2.2 "alice's own session is not disturbed"
kill "$initiator_pid"
wait "$initiator_pid" || true
write_initiator two bob builder
write_keys two bob
start_initiator two
eventually session_count 2 || fail "bob has no session"
expect_pings two 10.1.2.2 "bob, from his own machine, behind the same NAT"
expect_pings ini 10.1.2.2 "and alice still"

# ---- deaths ----

id=$(sessions '[.sessions[].id] | sort | join(" ")')
kill -9 "$(child "$concentrator_pid" control)"
expect_pings ini 10.1.2.2 "while the concentrator's control is dead"
eventually session_count 2 || fail "control has not come back with its sessions"
sleep 5
[ "$(sessions '[.sessions[].id] | sort | join(" ")')" = "$id" ] || fail "they are other sessions"
expect_pings two 2001:db8:1:2::2 "after control has come back"
in_ns two ping -n -q -i 0.02 -c 250 10.1.2.2 >"$work/pings" &
stream=$!
kill_initiator_control two
wait "$stream" || fail "no answers to the stream while the initiator's control was killed"
grep -q '250 received' "$work/pings" || fail "packets were lost: $(tail -n 2 "$work/pings")"
sleep 3 # a HELLO and an echo
[ "$(sessions '[.sessions[].id] | sort | join(" ")')" = "$id" ] || fail "the initiator has come again: $(sessions)"
ok "an initiator's control is killed: no packet is lost, and association and session are the same"
charon=$(pgrep -P "$concentrator_pid" -x charon-systemd)
kill -9 "$charon"
expect_pings ini 10.1.2.2 "while charon is dead"
started=$(date +%s%N)
kill -9 "$concentrator_pid"
wait "$concentrator_pid" || true
start_concentrator
both_are_back() {
	session_count 2 &&
		[ "$(sessions '.sessions[] | select(.user == "alice") | .ipv4, .ipv6[0], .delegated[0], .port' | xargs)" = "$had" ]
}
eventually both_are_back || fail "they do not come back as they were after the concentrator was killed: $(sessions)"
outage=$((($(date +%s%N) - started) / 1000000))
expect_pings ini 10.1.2.2 "$outage ms after the concentrator was killed, with the same addresses"
kill "$concentrator_pid"
wait "$concentrator_pid" || fail "the concentrator does not end in order"
ok "it ends in order"
echo "1..$passed"
