#!/bin/bash
# SPDX-License-Identifier: ISC
# A softwire over IPv6 without a NAT: native ESP, IPv4 inside IPv6; two concentrators of which the first is dead; L2TP's own
# authentication and mutual CHAP; rekeying under traffic; an end in order on either side takes the IKE_SA with it.
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
write_secret tunnel.secret "between us"
write_secret con.password "concentrator's own"
write_concentrator
write_keys concentrator concentrator
cat >>"$work/concentrator.conf" <<-END
	name = con
	tunnel_secret_file = $work/tunnel.secret
	chap_password_file = $work/con.password
	ppp_auth = eap
	esp_rekey = 5 s
END
write_initiator ini alice wonderland
sed -i 's/^concentrator = .*/concentrator = 2001:db8:f::dead\nconcentrator = 2001:db8:f::1/' "$work/ini.conf"
write_keys ini alice
cat >>"$work/ini.conf" <<-END
	tunnel_secret_file = $work/tunnel.secret
	ppp_peer_password_file = $work/con.password
	esp_rekey = 5 s
END
start_concentrator
eventually test -S "$work/run-con/api.sock" || fail "the concentrator does not start"
start_initiator ini
eventually session_count 1 || eventually session_count 1 || fail "there is no session"
expect_pings ini 10.1.2.2 "IPv4 over IPv6, from the second concentrator of the list"
expect_pings ini 2001:db8:1:2::2 "IPv6 over IPv6"
in_ns net timeout 2 tcpdump -n -i to-con -w "$work/wire.pcap" 2>/dev/null &
capture=$!
sleep 0.5
pings ini 10.1.2.2 || true
wait $capture || true
[ "$(tshark -r "$work/wire.pcap" -Y 'esp && ipv6 && !udp' 2>/dev/null | wc -l)" -ge 2 ] || fail "it is not native ESP"
ok "it is native ESP over IPv6"
in_ns ini ping -n -q -i 0.02 -c 650 -W 3 10.1.2.2 >"$work/ping.out" || true
grep -q ' 0% packet loss' "$work/ping.out" || fail "packets were lost while rekeying: $(cat "$work/ping.out")"
[ "$(grep -c 'inbound CHILD_SA .* established' "$work/ini.log")" -ge 2 ] || fail "there was no rekeying"
ok "no packet is lost through rekeyings"
[ "$(counter dataplane sas)" -le 8 ] || fail "old SAs stay"

"$bin/pratique" softwire disconnect "$(sessions '.sessions[0].port')" --socket "$work/run-con/api.sock" >/dev/null
gone() {
	grep -q 'IKE_SA .* deleted\|deleting IKE_SA' "$work/ini.log"
}
eventually gone || fail "the IKE_SA stays when its last tunnel ends"
ok "the IKE_SA goes with its last tunnel (RFC 3193, 3.1)"
eventually session_count 1 || fail "it does not come again"
expect_pings ini 10.1.2.2 "again"
# The other direction: without a word of L2TP the SA ends.
id=$(sessions '.sessions[0].id')
in_ns ini swanctl --terminate --child softwire2 --timeout 5 --uri "unix://$work/run-ini/charon.vici" >"$work/swanctl.log" 2>&1 ||
	fail "swanctl: $(cat "$work/swanctl.log")"
session_went() {
	grep -q 'ended: .*its IPsec association has ended' "$work/concentrator.log"
}
eventually session_went || fail "the session stays when its SA has ended"
another_session() {
	local now
	now=$(sessions '.sessions[0].id // empty')
	[ -n "$now" ] && [ "$now" != "$id" ]
}
eventually another_session || fail "it does not come again after its SA has ended"
ok "tunnel and session go with their SA (RFC 3193, 3.1)"
expect_pings ini 10.1.2.2 "once more"

# The peer's secret is wrong on either side: nothing comes up.
kill "$initiator_pid"
wait "$initiator_pid" || fail "the initiator does not end in order"
eventually session_count 0 || fail "the session stays"
write_secret tunnel.wrong "not it"
sed -i -e "s/tunnel\.secret/tunnel.wrong/" -e '/f::dead/d' "$work/ini.conf"
start_initiator ini
unauthorized() {
	[ "$(counter counters l2tp_not_authorized)" -gt 0 ] || grep -q "not authorized" "$work/ini.log"
}
eventually unauthorized || fail "a wrong tunnel secret is not noticed"
session_count 0 || fail "a wrong tunnel secret gets a session"
ok "a wrong tunnel secret is refused"
kill "$initiator_pid"
wait "$initiator_pid" || true
sed -i "s/tunnel\.wrong/tunnel.secret/" "$work/ini.conf"
write_secret con.other "somebody else's"
sed -i "s/con\.password/con.other/" "$work/ini.conf"
start_initiator ini
rogue() {
	grep -q "the authentication of the peer failed" "$work/ini.log"
}
eventually rogue || fail "a concentrator that does not know the password is believed"
ok "a concentrator that does not know its password is refused"
echo "1..$passed"
