# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2154
# The stock client at our concentrator, which is outside at 192.0.2.1, with hosts behind it.
linux_begin
linux_host client
ip link set eth0 netns client
ip -n client addr add 192.0.2.2/24 dev eth0
ip -n client link set eth0 up
linux_ike client 192.0.2.1 sc.test
note "charon is up"
check 60 "a stock client: IKEv2 with certificates of our CA, transport mode" linux_initiate client
linux_lac client 192.0.2.1
check 40 "a stock client: PPP is up with IPv4" linux_has_address client ppp0 4 global
grep -q 'auth chap MS-v2' "$work/client/pppd.log" || miss "a stock client: by MS-CHAPv2"
pass "a stock client: by MS-CHAPv2"
check 20 "a stock client: it gets an IPv6 prefix by RA" linux_has_address client ppp0 6 global
linux_in client ip route add 10.1.2.0/24 dev ppp0
check 20 "a stock client: a host behind the concentrator answers, IPv4" linux_pings client 10.1.2.2
check 20 "a stock client: a host behind the concentrator answers, IPv6" linux_pings client 2001:db8:1:2::2
[ "$(linux_esp client out | cut -d' ' -f2)" -ge 6 ] || miss "a stock client: through ESP"
pass "a stock client: through ESP of its own kernel"
# Larger than the outer MTU: the inner one holds.
check 20 "a stock client: 1,300 bytes each way" linux_in client ping -q -c 3 -i 0.2 -W 5 -s 1272 10.1.2.2
echo "now: session"
spi=$(linux_esp client out | cut -d' ' -f1)
linux_in client ping -q -c 60 -i 0.1 -W 5 10.1.2.2 >"$work/rekey" 2>&1 &
ping=$!
sleep 1
linux_in client swanctl --rekey --child softwire >>"$work/client/swanctl.log" 2>&1 || miss "a stock client: rekeying"
wait "$ping" || miss "a stock client: packets pass a rekeying"
[ "$(linux_esp client out | cut -d' ' -f1)" != "$spi" ] || miss "a stock client: it has other keys"
grep -q ' 0% packet loss' "$work/rekey" || miss "a stock client: rekeyed without a lost packet ($(grep loss "$work/rekey"))"
pass "a stock client: rekeyed under traffic without a lost packet"
linux_in client swanctl --terminate --ike softwire >>"$work/client/swanctl.log" 2>&1
echo "now: gone"
sleep 2
note "end"
