# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2154
# The VM's part of ppp-pppd.sh: pppd as client of our LNS, by CHAP and by MS-CHAPv2, and as LNS for our initiator.
#
#   eth0 --- bridge --- chap 192.0.2.2 | mschap 192.0.2.3 | lns 192.0.2.4        out there: 192.0.2.1, 192.0.2.11
# Not linux_begin: nothing of IPsec is wanted here, and its modules take their time.
mkdir -p "$work" /etc/ppp
printf '%s * "%s" *\n' "$linux_user" "$linux_password" | tee /etc/ppp/chap-secrets >/etc/ppp/pap-secrets
ip link add bridge type bridge forward_delay 0
ip link set eth0 master bridge
ip link set eth0 up
ip link set bridge up
number=2
for name in chap mschap lns; do
	linux_host "$name"
	ip link add "$name" type veth peer name eth0 netns "$name"
	ip link set "$name" master bridge
	ip link set "$name" up
	ip -n "$name" addr add "192.0.2.$number/24" dev eth0
	ip -n "$name" link set eth0 up
	number=$((number + 1))
done
note "the network is up"

logged() {
	grep -q -- "$2" "$work/$1/pppd.log" 2>/dev/null
}

# client NAME METHOD-IN-THE-LOG OUR-ADDRESS ITS-ADDRESS
client() {
	check 60 "pppd as client, $1: PPP is up with IPv4" linux_has_address "$1" ppp0 4 global
	check 5 "$1: we asked for it, and it gave it" logged "$1" "rcvd \[LCP ConfReq .*<auth $2>"
	check 5 "$1: its address is the one that we assign" test "$(linux_address "$1" ppp0 4 global)" = "$4"
	check 5 "$1: as answer to what it wanted" logged "$1" "rcvd \[IPCP ConfNak .*<addr $4>"
	check 5 "$1: it has the name server by RFC 1877" logged "$1" "primary  *DNS address $3"
	check 20 "$1: IPV6CP is up too" linux_has_address "$1" ppp0 6 link
	check 20 "$1: we answer inside, IPv4" linux_pings "$1" "$3"
	check 20 "$1: we answer inside, IPv6" linux_pings "$1" "$(sed -n 's/^remote LL address //p' "$work/$1/pppd.log")%ppp0"
	pkill -f "^/usr/sbin/pppd .* $work/$1/options"
	check 20 "$1: it ends as pppd wants it" logged "$1" "rcvd \[LCP TermAck"
}
linux_lac chap 192.0.2.1
linux_lac mschap 192.0.2.11
client chap "chap MD5" 10.8.0.1 10.8.0.77
client mschap "chap MS-v2" 10.8.1.1 10.8.1.77
note "the clients have been served"

# calls METHOD OPTION: our initiator calls, from out there.
calls() {
	{
		linux_pppd lns
		echo "$2"
	} >"$work/lns/options"
	: >"$work/lns/pppd.log"
	echo "now: call $1"
	check 60 "pppd as LNS, $1: our initiator has ended its session in order" logged lns "rcvd \[LCP TermReq"
	check 5 "$1: IPv4 was up" logged lns "remote IP address 10.9.0.1[0-9]"
	check 5 "$1: IPv6 was up" logged lns "remote LL address"
	check 20 "$1: pppd is gone" logged lns "Connection terminated"
}
linux_lns lns 10.9.0.1 10.9.0.10-10.9.0.20
check 20 "xl2tpd listens" linux_in lns sh -c "ss -lun | grep -q :1701"
calls mschapv2 require-mschap-v2
calls chap require-chap
calls pap require-pap
calls eap-md5 require-eap
note "end"
