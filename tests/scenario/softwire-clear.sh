#!/bin/bash
# SPDX-License-Identifier: ISC
# A softwire in clear text between declared peers on a declared interface: L2TP, PPP with CHAP against a file of local
# users, IPCP, IPV6CP, router advertisement, DHCPv6 prefix delegation; then what may die, and what is refused.
# Arguments: the folder of the programs.
# shellcheck source=tests/scenario/softwire-lib.sh
. "$(dirname "$0")/softwire-lib.sh" "$@"

make_network
make_routed
write_concentrator
cat >>"$work/concentrator.conf" <<-END
	ipsec = none
	trusted_interface = outer
	trusted_address = 198.51.100.0/24
END
write_initiator ini alice wonderland
cat >>"$work/ini.conf" <<-END
	ipsec = none
	trusted_interface = eth0
	trusted_address = 192.0.2.1/32
END
start_concentrator
eventually test -S "$work/run-con/api.sock" || fail "the concentrator does not start"
start_initiator ini
eventually session_count 1 || fail "there is no session"
expect_pings ini 10.1.2.2 "IPv4 through the softwire"
expect_pings ini 2001:db8:1:2::2 "IPv6 through the softwire"
ipv4=$(sessions '.sessions[0].ipv4')
delegated=$(sessions '.sessions[0].delegated[0]')
port=$(sessions '.sessions[0].port')
[ "$(sessions '.sessions[0].user')" = alice ] || fail "the session is not alice's"
ok "the session is alice's, $port: $ipv4, $delegated"
expect_pings site "$ipv4" "back, IPv4"
ipv6=$(in_ns ini ip -j -6 addr show dev softwire0 scope global | jq -r '.[0].addr_info[0].local')
expect_pings site "$ipv6" "back, IPv6"

# Nobody of those who read a peer's bytes may do anything.
for role in dataplane control; do
	pid=$(child "$concentrator_pid" $role)
	[ "$(awk '/^Uid:/ { print $3 }' "/proc/$pid/status")" = "$(id -u nobody)" ] || fail "$role is not nobody"
	[ "$(awk '/^Cap(Inh|Prm|Eff|Bnd|Amb):/ { print $2 }' "/proc/$pid/status" | sort -u)" = 0000000000000000 ] ||
		fail "$role has capabilities"
	[ "$(awk '/^NoNewPrivs:/ { print $2 }' "/proc/$pid/status")" = 1 ] || fail "$role may get privileges"
	grep -q '^Seccomp:.2$' "/proc/$pid/status" || fail "$role may ask the kernel for anything"
done
[ "$(awk '/^CapEff:/ { print $2 }' "/proc/$concentrator_pid/status")" = 0000000000001000 ] ||
	fail "the keeper has other capabilities than CAP_NET_ADMIN"
ok "control and data plane have no capability, the keeper has one"

for end in con ini; do
	"$bin/pratique" metrics --socket "$work/run-$end/api.sock" >"$work/metrics-$end" || fail "no metrics of $end"
	python3 "${0%/*}/metrics-check.py" pratique_softwire_ pratique_softwire_sessions pratique_softwire_control_l2tp_tunnels \
		pratique_softwire_dataplane_inner_in_packets_total pratique_softwire_control_sessions_opened_total \
		<"$work/metrics-$end" || fail "the metrics of $end"
	grep -q alice "$work/metrics-$end" && fail "a user is among the metrics"
done
ok "both ends have metrics, of nobody in particular"

# control dies: the session goes on, and it is the same one after it.
id=$(sessions '.sessions[0].id')
kill -9 "$(child "$concentrator_pid" control)"
expect_pings ini 10.1.2.2 "while control is dead"
eventually session_count 1 || fail "control has not come back with its session"
[ "$(sessions '.sessions[0].id')" = "$id" ] || fail "it is another session"
sleep 5 # two HELLOs and echoes
session_count 1 || fail "the session did not live on"
[ "$(sessions '.sessions[0].id')" = "$id" ] || fail "the peer had to come again"
expect_pings ini 2001:db8:1:2::2 "after control has come back"

# The initiator's control dies, again and again: nobody notices.
in_ns ini ping -n -q -i 0.02 -c 400 10.1.2.2 >"$work/pings4" &
stream4=$!
in_ns ini ping -n -q -i 0.02 -c 400 2001:db8:1:2::2 >"$work/pings6" &
stream6=$!
spawn ini changes ip -o monitor address route dev softwire0
kill_initiator_control ini
kill_initiator_control ini
wait "$stream4" || fail "no answers to the stream while the initiator's control was killed"
wait "$stream6" || fail "no answers to the stream of IPv6 while the initiator's control was killed"
grep -q '400 received' "$work/pings4" || fail "packets were lost: $(tail -n 2 "$work/pings4")"
grep -q '400 received' "$work/pings6" || fail "packets of IPv6 were lost: $(tail -n 2 "$work/pings6")"
! grep Deleted "$work/changes.log" || fail "addresses or routes were gone"
sleep 5 # two HELLOs and echoes
session_count 1 || fail "the session did not live on"
[ "$(sessions '.sessions[0].id')" = "$id" ] || fail "the initiator has come again: $(sessions)"
ok "the initiator's control is killed twice: no packet, address or route is lost, and the session is the same"

# What ended while there was none is noticed.
# came_again: it is another session with all that the one before it had.
came_again() {
	[ "$(sessions '.sessions[0].id // empty')" ] && [ "$(sessions '.sessions[0].id')" != "$id" ] &&
		[ "$(sessions '.sessions[0] | .ipv4, .delegated[0], .port' | xargs)" = "$ipv4 $delegated $port" ]
}
# without_control COMMAND...: while the initiator's control is dead, and its keeper cannot start another one.
without_control() {
	kill -STOP "$initiator_pid"
	kill -9 "$(child "$initiator_pid" control)"
	"$@"
	kill -CONT "$initiator_pid"
}
hang_up() {
	"$bin/pratique" softwire disconnect "$port" --socket "$work/run-con/api.sock" >/dev/null || fail "disconnect"
	sleep 0.5
}
without_control hang_up
eventually came_again || fail "a session that ended without its initiator's control does not come again: $(sessions)"
expect_pings ini 10.1.2.2 "after a session that ended without the initiator's control"
grep -q Deleted "$work/changes.log" || fail "it is not seen when addresses go"
id=$(sessions '.sessions[0].id')

# Nor does it go on with a record that is not sound, or from an address that it has no more.
damage() {
	dd if=/dev/urandom of="$(find "/proc/$initiator_pid/fd" -lname '*memfd:sessions*')" bs=4096 seek=1 count=4 \
		conv=notrunc status=none || fail "the checkpoint is not to be damaged"
}
without_control damage
eventually came_again || fail "an initiator with a damaged checkpoint does not come again: $(sessions)"
expect_pings ini 10.1.2.2 "after its checkpoint was damaged"
id=$(sessions '.sessions[0].id')
move() {
	in_ns ini ip addr add 198.51.100.3/24 dev eth0
	in_ns ini ip addr del 198.51.100.2/24 dev eth0
	in_ns ini ip addr replace 198.51.100.3/24 dev eth0
	in_ns ini ip route replace default via 198.51.100.1
}
without_control move
eventually came_again || fail "an initiator that moved without its control does not come again: $(sessions)"
expect_pings ini 10.1.2.2 "after its address changed without its control"
id=$(sessions '.sessions[0].id')

# The operator ends it; it comes again with all that it had.
"$bin/pratique" softwire disconnect "$port" --socket "$work/run-con/api.sock" >/dev/null || fail "disconnect"
eventually came_again || fail "the initiator did not come again as it was: $(sessions)"
ok "a disconnected initiator comes again, with the same addresses, prefix and port"
expect_pings ini 10.1.2.2 "again"

# The data plane dies: everything is started again.
kill -9 "$(child "$concentrator_pid" dataplane)"
sleep 1
expect_pings ini 10.1.2.2 "after the data plane was killed"

# ICMP errors about our own packets pass, those about nothing do not; nor does the filter go with another's flush.
in_ns net ip link set to-ini mtu 1300
told() {
	in_ns site ping -q -c 1 -W 1 -s 1300 "$ipv4" >/dev/null
	[ "$(counter filter filter_icmp_errors)" -gt 0 ]
}
eventually told || fail "ICMP errors about our own packets do not pass"
in_ns net ip link set to-ini mtu 1500
before=$(counter filter filter_other_dropped)
passed_before=$(counter filter filter_icmp_errors)
in_ns ini python3 -c "
import socket, struct
def sum16(b):
    s = sum(struct.unpack('!%dH' % (len(b) // 2), b))
    s = (s >> 16) + (s & 0xffff)
    return ~(s + (s >> 16)) & 0xffff
a, b = socket.inet_aton('192.0.2.1'), socket.inet_aton('203.0.113.77')
inner = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 1500, 1, 0x4000, 60, 17, 0, a, b) + struct.pack('!HHHH', 1701, 1701, 1480, 0)
icmp = struct.pack('!BBHHH', 3, 4, 0, 0, 600) + inner
icmp = icmp[:2] + struct.pack('!H', sum16(icmp)) + icmp[4:]
socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).sendto(icmp, ('192.0.2.1', 0))"
forged_dropped() {
	[ "$(counter filter filter_other_dropped)" -gt "$before" ]
}
eventually forged_dropped || fail "a forged ICMP error is not dropped"
[ "$(counter filter filter_icmp_errors)" = "$passed_before" ] || fail "a forged ICMP error passes"
ok "ICMP errors about our own packets pass, forged ones are dropped and counted"
in_ns con nft list table inet pratique_concentrator | grep -q 'udp sport 1701 counter name "l2tp_clear_out_dropped"' ||
	fail "clear L2TP from 1701 may leave"
for end in con ini; do
	in_ns "$end" nft -s list ruleset >"$work/ruleset-before"
	in_ns "$end" nft flush ruleset
	same_ruleset() {
		in_ns "$end" nft -s list ruleset | cmp -s - "$work/ruleset-before"
	}
	eventually same_ruleset || fail "the filter of $end does not come back: $(in_ns "$end" nft -s list ruleset)"
done
in_ns con nft flush chain inet pratique_concentrator policy_in
whole_again() {
	in_ns con nft list chain inet pratique_concentrator policy_in | grep -q other_dropped
}
eventually whole_again || fail "a chain that was flushed stays so"
[ "$(counter filter filter_put_back)" = 2 ] || fail "the filter was put back $(counter filter filter_put_back) times"
ok "a filter that somebody flushed is put back"
expect_pings ini 10.1.2.2 "and the softwire goes on"

# A wrong password, and a peer that is not declared.
delegated_again() {
	[ "$(counter counters dhcp6_replies_sent)" -gt 0 ]
}
eventually delegated_again || fail "there is no prefix again"
kill "$initiator_pid"
wait "$initiator_pid" || fail "the initiator did not end in order"
eventually session_count 0 || fail "the session did not end with its initiator"
[ "$(counter counters dhcp6_releases)" -gt 0 ] || fail "the prefix was not given back"
ok "the session ends with its initiator, which gives its prefix back"
[ -z "$(in_ns ini ip -4 addr show dev softwire0 2>/dev/null)" ] || fail "the initiator has left something behind"
write_secret ini.password wrong
start_initiator ini
refused() {
	[ "$(counter counters authentication_failed)" -gt 0 ]
}
eventually refused || fail "a wrong password is not counted"
session_count 0 || fail "a wrong password gets a session"
ok "a wrong password is refused"
kill "$initiator_pid"
wait "$initiator_pid" || true
in_ns ini ip addr add 203.0.113.9/32 dev lo
before=$(counter filter filter_l2tp_clear_dropped)
printf '\310\002\000\014\000\000\000\000\000\000\000\000' |
	in_ns ini python3 -c "
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('203.0.113.9', 1701))
s.sendto(sys.stdin.buffer.read(), ('192.0.2.1', 1701))"
dropped() {
	[ "$(counter filter filter_l2tp_clear_dropped)" -gt "$before" ]
}
eventually dropped || fail "L2TP of an address that is not declared is not dropped"
ok "clear L2TP of an address that is not declared is dropped and counted"
! in_ns ini timeout 1 bash -c 'exec 3<>/dev/tcp/192.0.2.1/22' 2>/dev/null || fail "TCP to the outer address"
[ "$(counter filter filter_other_dropped)" -gt 0 ] || fail "what else comes is not counted"
ok "everything else that comes to the outer address is dropped and counted"

kill "$concentrator_pid"
wait "$concentrator_pid" || fail "the concentrator did not end in order"
in_ns con nft list tables | grep -q pratique && fail "the filter is still there"
! in_ns con ip link show softwire0 2>/dev/null || fail "the interface is still there"
ok "nothing is left behind"
echo "1..$passed"
