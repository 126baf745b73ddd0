#!/bin/bash
# SPDX-License-Identifier: ISC
#
# Our initiator's L2TP and PPP at SoftEther's VPN server as LNS, plain L2TP in a network namespace of their own:
#
#   ppp_peer 127.0.0.2 ---- UDP 1701 ---- 127.0.0.1 vpnserver, virtual hub "softwire" ---- its SecureNAT 192.168.30.1
#
# SoftEther asks for EAP first, then for what we Nak with; it gives addresses by IPCP and proves itself by MS-CHAPv2.
#
#   ppp-softether.sh PPP-PEER
# shellcheck disable=SC2317 # promise and within call the functions
set -euo pipefail
peer=$(readlink -f "$1")

skip() {
	printf '1..0 # SKIP %s\n' "$*"
	exit 0
}
[ "$(id -u)" = 0 ] || skip "needs root, for namespaces"
for program in vpnserver vpncmd; do
	command -v "$program" >/dev/null || skip "needs SoftEther (./dev setup)"
done
if [ -z "${PPP_SOFTETHER_INSIDE:-}" ]; then
	PPP_SOFTETHER_INSIDE=1 exec unshare --net --mount --pid --fork --kill-child --mount-proc "$0" "$@"
fi
exec </dev/null

n=0 failed=0
# promise "WORDS" COMMAND...
promise() {
	local words=$1
	shift
	n=$((n + 1))
	if "$@"; then
		echo "ok $n - $words"
	else
		echo "not ok $n - $words"
		failed=1
	fi
}

# within SECONDS COMMAND...
within() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.1
	done
}

# Its configuration, its logs and its control socket are this test's alone. The checkout may lie under /tmp.
exec {peer_file}<"$peer"
for folder in /run /var/lib/softether /var/log/softether /tmp; do
	mkdir -p "$folder"
	mount -t tmpfs softether "$folder"
done
mkdir /run/softether
cp "/proc/self/fd/$peer_file" /run/ppp_peer
chmod 755 /run/ppp_peer
peer=/run/ppp_peer
ip link set lo up

server() {
	vpncmd localhost:5555 /SERVER "$@"
}
listens() {
	ss -lun | grep -q ":1701 "
}

vpnserver start >/dev/null
within 20 server /CMD About || skip "SoftEther's server does not start here"
cat >/tmp/site <<-'END'
	HubCreate softwire /PASSWORD:
	IPsecEnable /L2TP:no /L2TPRAW:yes /ETHERIP:no /PSK:unused /DEFAULTHUB:softwire
	Hub softwire
	UserCreate carol /GROUP:none /REALNAME:none /NOTE:none
	UserPasswordSet carol /PASSWORD:sesame
	SecureNatEnable
END
server /IN:/tmp/site >/tmp/site.log || { cat /tmp/site.log; exit 1; }
within 20 listens || { echo "SoftEther does not listen on UDP 1701"; exit 1; }

# call METHOD PASSWORD: what the peer says is in the file METHOD-PASSWORD.
call() {
	"$peer" initiator 127.0.0.2 127.0.0.1 "$1" carol "$2" 192.168.30.1 >"/tmp/$1-$2" 2>&1
}
said() {
	grep -q -- "$2" "/tmp/$1"
}
refused() {
	! call "$@"
}

for method in mschapv2 pap; do
	name=$([ "$method" = pap ] && echo PAP || echo MS-CHAPv2)
	promise "$name: the link comes up and SecureNAT's virtual host answers through it" call "$method" sesame
	promise "$name: was what SoftEther demanded in the end" said "$method-sesame" "^asked: $name "
	promise "$name: an address of its DHCP server by IPCP" said "$method-sesame" "^ipv4: local 192.168.30.[0-9]* peer"
	promise "$name: the name server by RFC 1877" said "$method-sesame" "dns 192.168.30.1$"
	promise "$name: closed by us" said "$method-sesame" "^ended: closed on our side"
done
promise "a wrong password is refused" refused mschapv2 guess
promise "and we hear why" said mschapv2-guess "^ended: the peer refused our authentication: E=691"
promise "PAP with a wrong password too" refused pap guess
promise "and we are told that it is that" said pap-guess "^ended: the peer refused our authentication"

if [ "$failed" != 0 ]; then
	for log in /tmp/*-* /var/log/softether/server_log/*; do
		echo "# --- $log"
		tail -n 40 "$log" | sed 's/^/# /'
	done
fi
echo "1..$n"
exit "$failed"
