# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2154
# Both ends stock: what they do with each other is what they have to do with ours.
linux_begin
linux_host lns
linux_host client
ip link add eth0 netns lns type veth peer name eth0 netns client
ip -n lns addr add 192.0.2.1/24 dev eth0
ip -n client addr add 192.0.2.2/24 dev eth0
ip -n lns link set eth0 up
ip -n client link set eth0 up
linux_ike lns %any client
linux_ike client 192.0.2.1 lns
note "both charons are up"
check 60 "IKEv2 with certificates of our CA" linux_initiate client
linux_lns lns 10.9.0.1 10.9.0.10-10.9.0.20
linux_lac client 192.0.2.1
check 30 "PPP is up with IPv4" linux_has_address client ppp0 4 global
check 10 "and with IPv6" linux_has_address client ppp0 6 link
grep -q 'auth chap MS-v2' "$work/client/pppd.log" || miss "by MS-CHAPv2"
pass "by MS-CHAPv2"
check 10 "the LNS answers inside, IPv4" linux_pings client 10.9.0.1
check 10 "the LNS answers inside, IPv6" linux_pings client "$(linux_address lns ppp0 6 link)%ppp0"
[ "$(linux_esp client out | cut -d' ' -f2)" -ge 10 ] || miss "through ESP"
pass "through ESP"
note "end"
