#!/bin/bash
# SPDX-License-Identifier: ISC
# Softwires through NATs: two initiators with one private address behind two NATs, at once; ESP and IKE rekeyed under
# traffic; a NAT that forgets its mapping.
#
#        con 192.0.2.1
#         |
#        net --- ini  10.0.0.2 behind a NAT at 192.0.2.254
#         |
#       other ---two  10.0.0.2 behind a NAT at 203.0.113.2
#
# Arguments: the folder of the programs, charon's plugin.
# shellcheck source=tests/scenario/softwire-lib.sh
. "$(dirname "$0")/softwire-lib.sh" "$@"
[ -x /usr/sbin/charon-systemd ] || {
	echo "needs strongSwan: ./dev setup"
	exit 77
}

make_network
make_nat
make_namespace two
make_namespace other
wire net to-other other eth0
wire other to-two two eth0
quiet other net.ipv4.ip_forward=1
in_ns net ip addr add 203.0.113.1/24 dev to-other
in_ns other ip addr add 203.0.113.2/24 dev eth0
in_ns other ip route add default via 203.0.113.1
in_ns other ip addr add 10.0.0.1/24 dev to-two
in_ns two ip addr add 10.0.0.2/24 dev eth0
in_ns two ip route add default via 10.0.0.1
# The access network does not translate what the other NAT has translated.
in_ns net nft insert rule ip nat out ip saddr 203.0.113.2 accept
# nat_ports FIRST-LAST: the other NAT, with its mappings in that range.
nat_ports() {
	in_ns other nft -f - <<-END
		flush ruleset
		table ip nat {
			chain out {
				type nat hook postrouting priority srcnat
				oifname "eth0" meta l4proto udp masquerade to :$1
			}
		}
	END
}
nat_ports 20000-29999

"$bin/pratique" ca init --dir "$work/ca" --site example >/dev/null
for name in concentrator alice bob; do
	role=node
	[ $name != concentrator ] || role=concentrator
	"$bin/pratique" ca issue --dir "$work/ca" --role $role --name $name --out "$work" >/dev/null
	chown nobody "$work/$name.key"
done
chmod 755 "$work/ca"
write_concentrator
write_keys concentrator concentrator "$work/ca/ca.pem"
cat >>"$work/concentrator.conf" <<-END
	bind = same-name
END
# of NAMESPACE USER PASSWORD
of() {
	write_initiator "$@"
	write_keys "$1" "$2" "$work/ca/ca.pem"
	cat >>"$work/$1.conf" <<-END
		esp_rekey = 8 s
		ike_rekey = 13 s
	END
}
of ini alice wonderland
of two bob builder
start_concentrator
eventually test -S "$work/run-con/api.sock" || fail "the concentrator does not start"
start_initiator ini
start_initiator two
eventually session_count 2 || fail "there are not two sessions"

# ---- one private address behind two NATs ----

expect_pings ini 10.1.2.2 "10.0.0.2 behind one NAT"
expect_pings two 10.1.2.2 "10.0.0.2 behind another NAT"
[ "$(sessions '[.sessions[].outer] | sort | join(" ")')" = "192.0.2.254 203.0.113.2" ] || fail "not from two NATs"
for name in ini two; do
	[ "$(in_ns $name ip -4 -o addr show dev eth0 | grep -c 10.0.0.2)" = 1 ] || fail "$name has another address"
done
ok "each has its own session, though their addresses are equal"

# ---- rekeyed under traffic ----

# said LOG REGEX: how often charon said so.
said() {
	grep -Ec "$2" "$work/$1.log" || true
}
esp=$(said concentrator 'outbound CHILD_SA .* established')
ike=$(said concentrator 'IKE_SA .* rekeyed between')
in_ns ini ping -n -q -i 0.02 -c 1000 -W 2 10.1.2.2 >"$work/ini-ping.log" 2>&1 &
first=$!
in_ns two ping -n -q -i 0.02 -c 1000 -W 2 10.1.2.2 >"$work/two-ping.log" 2>&1 || true
wait "$first" || true
for name in ini two; do
	grep -q ' 0% packet loss' "$work/$name-ping.log" || fail "packets got lost: $(cat "$work/$name-ping.log")"
done
[ $(($(said concentrator 'outbound CHILD_SA .* established') - esp)) -ge 2 ] || fail "ESP was not rekeyed"
[ $(($(said concentrator 'IKE_SA .* rekeyed between') - ike)) -ge 2 ] || fail "IKE was not rekeyed"
ok "ESP and IKE are rekeyed under traffic, and of 2,000 packets each way none is lost"
session_count 2 || fail "a session did not survive"

# ---- the NAT forgets ----

port=$(sessions '.sessions[] | select(.user == "bob") | .port')
since=$(sessions '.sessions[] | select(.user == "bob") | .since')
nat_ports 30000-39999
in_ns other conntrack -F >/dev/null 2>&1 || {
	# Without conntrack(8): an interface that goes takes its mappings with it.
	in_ns other ip link set eth0 down
	in_ns other ip link set eth0 up
	in_ns other ip route add default via 203.0.113.1
}
expect_pings two 10.1.2.2 "through a NAT that has forgotten it"
[ "$(sessions '.sessions[] | select(.user == "bob") | .port + .since')" = "$port$since" ] || fail "it is another session"
ok "and it is the same session"
expect_pings ini 10.1.2.2 "unharmed by that"
echo "1..$passed"
