# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2154
# A stock client; the concentrator is at the other end of eth0.
linux_begin
linux_host client
ip link set eth0 netns client
ip -n client addr add 192.0.2.2/24 dev eth0
ip -n client link set eth0 up
linux_ike client 192.0.2.1 concentrator
note "charon is up"
check 60 "IKEv2 with certificates, ESP in transport mode" linux_initiate client
linux_lac client 192.0.2.1
check 30 "PPP with an IPv4 address by IPCP" linux_has_address client ppp0 4 global
grep -q 'auth chap MS-v2' "$work/client/pppd.log" || miss "by MS-CHAPv2"
pass "by MS-CHAPv2"
check 20 "IPv6CP, and an address from the concentrator's router advertisement" linux_has_address client ppp0 6 global
ipv4=$(linux_address client ppp0 4 global)
ipv6=$(linux_address client ppp0 6 global)
note "$ipv4 $ipv6"
[ "${ipv6#2001:db8:9000:}" != "$ipv6" ] || miss "of the concentrator's pool"
linux_in client ip route add 10.1.2.0/24 dev ppp0
check 10 "to the site, IPv4" linux_pings client 10.1.2.2
check 10 "to the site, IPv6" linux_pings client 2001:db8:1:2::2
check 10 "1,300 bytes and back" linux_in client ping -q -c 3 -i 0.2 -W 5 -s 1272 10.1.2.2
[ "$(linux_esp client out | cut -d' ' -f2)" -ge 9 ] || miss "through ESP of its own kernel"
pass "through ESP of its own kernel"
echo "now: up $ipv4 $ipv6"

# 8 s of both families, three rekeyings in between.
before=$(linux_esp client out)
pings=()
for address in 10.1.2.2 2001:db8:1:2::2; do
	linux_in client ping -q -c 80 -i 0.1 -W 5 "$address" >"$work/rekey.$address" 2>&1 &
	pings+=($!)
done
for _ in 1 2 3; do
	sleep 2
	linux_in client swanctl --rekey --child softwire >>"$work/client/swanctl.log" 2>&1
done
wait "${pings[@]}" || true
after=$(linux_esp client out)
note "ESP $before, then $after"
[ "${before%% *}" != "${after%% *}" ] || miss "the CHILD_SA is rekeyed"
pass "the CHILD_SA is rekeyed"
cat "$work"/rekey.*
for address in 10.1.2.2 2001:db8:1:2::2; do
	grep -q '80 received, 0% packet loss' "$work/rekey.$address" || miss "without a lost packet to $address"
	pass "without a lost packet to $address"
done

has_address_again() {
	[ "$(linux_address client ppp0 4 global)" = "$ipv4" ]
}
echo "now: disconnect"
no_ppp() {
	! linux_in client ip link show ppp0 >/dev/null 2>&1
}
check 20 "a disconnected session ends here: ppp0 is gone" no_ppp
no_esp() {
	[ -z "$(linux_in client ip xfrm state)" ]
}
check 20 "and its ESP and IKE SAs too (RFC 3193, section 3)" no_esp
echo "now: gone"

# It comes again as an old client: IKEv1 with its certificate, HMAC-SHA1. And it goes by itself.
sed -i -e 's/version = 2/version = 1/' -e 's/esp_proposals = .*/esp_proposals = aes256-sha1/' "$work/client/swanctl/swanctl.conf"
linux_in client swanctl --load-conns >>"$work/client/swanctl.log" 2>&1
check 20 "it comes again, by IKEv1" linux_initiate client
grep -q 'selected proposal: ESP:AES_CBC_256/HMAC_SHA1_96' "$work/client/charon.log" || miss "AES-CBC with HMAC-SHA1-96"
pass "AES-CBC with HMAC-SHA1-96"
linux_in client sh -c 'echo "c softwire" >/run/xl2tpd/l2tp-control'
check 30 "with the address that it had" has_address_again
linux_in client ip route add 10.1.2.0/24 dev ppp0
check 10 "to the site again" linux_pings client 10.1.2.2
echo "now: back"
linux_in client swanctl --terminate --ike softwire >>"$work/client/swanctl.log" 2>&1
echo "now: gone"
sleep 1
note "end"
