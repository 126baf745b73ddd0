#!/bin/bash
# SPDX-License-Identifier: ISC
# Bad paths, with the real programs under IKEv2 and ESP: 5% loss and reordering from the first packet of IKE on, a path whose MTU
# shrinks, and an initiator whose address changes every second.
# Arguments: the folder of the programs, charon's plugin.
# shellcheck source=tests/scenario/softwire-lib.sh
. "$(dirname "$0")/softwire-lib.sh" "$@"
[ -x /usr/sbin/charon-systemd ] || {
	echo "needs strongSwan: ./dev setup"
	exit 77
}

make_network
make_routed
make_certificates concentrator alice
write_concentrator
write_keys concentrator concentrator
# A path that loses a packet in twenty loses three echoes in a row once in a while.
sed -i 's/^echo = .*/echo = 5 s/' "$work/concentrator.conf"
write_initiator ini alice wonderland
write_keys ini alice
sed -i 's/^echo = .*/echo = 5 s/' "$work/ini.conf"
start_concentrator
eventually test -S "$work/run-con/api.sock" || fail "the concentrator does not start"

# tcp NAMESPACE [OPTION...]: megabytes that come through in three seconds, from that namespace to the site.
tcp() {
	local name=$1
	shift
	in_ns "$name" timeout 30 iperf3 -J -c 10.1.2.2 -t 3 "$@" 2>/dev/null | jq -r '(.end.sum_received.bytes // 0) / 1000000 | floor'
}
spawn site iperf3 iperf3 -s

# ---- loss and reordering ----

spawn net relay "$(dirname "$(readlink -f "$0")")/udp-relay.py" 198.51.100.1 192.0.2.254 192.0.2.1 500 4500
relay=$spawned
eventually grep -q ready "$work/relay.log" || fail "the relay does not start"
kill -USR2 "$relay"
sed -i 's/^concentrator = .*/concentrator = 198.51.100.1/' "$work/ini.conf"
start_initiator ini
# Handshakes of four protocols may lose some of their messages, and wait.
up() {
	local tries
	for tries in 1 2 3 4; do
		! eventually session_count 1 || return 0
	done
	echo "not in $tries times 20 s"
	return 1
}
up || fail "no session comes up through 5% loss"
comes_through() {
	[ "$(in_ns ini ping -n -q -i 0.05 -c 60 -W 1 10.1.2.2 | awk '/received/ { print $4 }')" -ge 30 ]
}
eventually comes_through || fail "packets do not come through"
ok "IKE, L2TP and PPP come up through 5% loss and reordering"
id=$(sessions '.sessions[0].id')
megabytes=$(tcp ini)
[ "${megabytes:-0}" -ge 1 ] || fail "TCP does not come through: $megabytes MB"
[ "$(sessions '.sessions[0].id')" = "$id" ] || fail "the session ended meanwhile"
ok "TCP comes through 5% loss and reordering: $megabytes MB in 3 s"
[ "$(counter dataplane esp_bad_icv)" = 0 ] || fail "packets were damaged"
kill "$initiator_pid"
wait "$initiator_pid" || true
kill "$relay"
wait "$relay" 2>/dev/null || true

# ---- a path that takes less ----

sed -i 's/^concentrator = .*/concentrator = 192.0.2.1/' "$work/ini.conf"
gone() {
	session_count 0
}
up_again() {
	session_count 1 && [ "$(sessions '.sessions[0].id')" != "$id" ] && pings ini 10.1.2.2
}
eventually gone || fail "the session does not end"
start_initiator ini
eventually up_again || fail "no session comes up on the direct way"
id=$(sessions '.sessions[0].id')
# The router's link to the concentrator; nobody tells either end but by what happens to their packets.
in_ns net ip link set to-con mtu 1300
in_ns con ip link set outer mtu 1300
in_ns net ip link set to-con mtu 1300
whole() {
	in_ns ini ping -n -q -c 1 -W 1 -M dont -s 1360 10.1.2.2 >/dev/null 2>&1
}
eventually whole || fail "what may be fragmented does not come through"
megabytes=$(tcp ini)
[ "${megabytes:-0}" -ge 1 ] || fail "TCP does not come through a path of 1,300 bytes: $megabytes MB"
megabytes=$(tcp ini -R)
[ "${megabytes:-0}" -ge 1 ] || fail "TCP does not come back through a path of 1,300 bytes: $megabytes MB"
[ "$(sessions '.sessions[0].id')" = "$id" ] || fail "the session ended meanwhile"
ok "a path that shrinks to 1,300 bytes: the session goes on, TCP passes both ways, and what may be fragmented too"
in_ns net ip link set to-con mtu 1500
in_ns con ip link set outer mtu 1500

# ---- an address that changes all the time ----

had=$(sessions '.sessions[0] | .ipv4, .ipv6[0], .delegated[0], .port' | xargs)
# move TO: the initiator's address, with its way out.
move() {
	in_ns ini ip -4 addr flush dev eth0
	in_ns ini ip addr add "198.51.100.$1/24" dev eth0
	in_ns ini ip route replace default via 198.51.100.1
}
for last in 11 12 13 14 15 16 17 18; do
	move $last
	sleep 1
done
back_as_it_was() {
	session_count 1 && [ "$(sessions '.sessions[0].id')" != "$id" ] && pings ini 10.1.2.2 &&
		[ "$(sessions '.sessions[0] | .ipv4, .ipv6[0], .delegated[0], .port' | xargs)" = "$had" ]
}
eventually back_as_it_was || fail "after eight moves it is not as it was: $(sessions)"
[ "$(sessions '.sessions[0].outer')" = 198.51.100.18 ] || fail "it is somewhere else: $(sessions)"
ok "an address that changes every second: when it rests, the session has the same addresses, prefix and port"
associations() {
	[ "$(counter dataplane associations)" -le 1 ]
}
eventually associations || fail "associations of earlier addresses stay: $(counter dataplane associations)"
ok "and nothing is left of those between"
kill "$concentrator_pid"
wait "$concentrator_pid" || fail "the concentrator does not end in order"
echo "1..$passed"
