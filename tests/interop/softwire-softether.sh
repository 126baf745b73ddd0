#!/bin/bash
# SPDX-License-Identifier: ISC
#
# Our initiator at SoftEther's VPN server over IKEv1 with a pre-shared key and ESP in our own data plane:
#
#   initiator 192.0.2.2 --- IKEv1, ESP in UDP, L2TP --- 192.0.2.1 vpnserver, hub "harbour" --- its SecureNAT 192.168.30.1
#
# What SoftEther is: main mode with AES-CBC and SHA2-256 in phase 1, but for ESP only HMAC-MD5 and HMAC-SHA1, so
# `esp = aes256-sha1`, which is to be named and is not offered in IKEv2; it always says that there is a NAT, so ESP is in
# UDP; and its identity is 0.0.0.0, so the key is that of 0.0.0.0: it is the pre-shared key that proves who it is.
#
#   softwire-softether.sh PROGRAMS PLUGIN
# shellcheck disable=SC2317 # check calls the functions
set -euo pipefail
bin=$(readlink -f "$1")
plugin=$(readlink -f "$2")

skip() {
	printf '1..0 # SKIP %s\n' "$*"
	exit 0
}
[ "$(id -u)" = 0 ] || skip "needs root, for network namespaces"
[ -c /dev/net/tun ] || skip "needs /dev/net/tun"
for program in vpnserver vpncmd charon-systemd; do
	command -v "$program" >/dev/null || skip "needs $program: ./dev setup"
done
if [ -z "${SOFTETHER_INSIDE:-}" ]; then
	SOFTETHER_INSIDE=1 exec unshare --net --mount --pid --fork --kill-child --mount-proc "$0" "$@"
fi
unset SOFTETHER_INSIDE
exec </dev/null
export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1

# Its configuration, its logs and all else are this test's alone.
for folder in /run /var/lib/softether /var/log/softether; do
	mkdir -p "$folder"
	mount -t tmpfs softether "$folder"
done
mkdir /run/softether
work=/run/test
mkdir "$work"

n=0 missed=0
# check "PROMISE" COMMAND...: true within 30 s.
check() {
	local end=$((SECONDS + 30)) promise=$1
	shift
	n=$((n + 1))
	until "$@" >/dev/null 2>&1; do
		if [ "$SECONDS" -ge "$end" ]; then
			missed=$((missed + 1))
			echo "not ok $n - $promise"
			return
		fi
		sleep 0.1
	done
	echo "ok $n - $promise"
}
within() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.1
	done
}

ip netns add lns
ip netns add spoke
ip link add eth0 netns lns type veth peer name eth0 netns spoke
for name in lns spoke; do
	ip -n $name link set lo up
	ip -n $name link set eth0 up
done
ip -n lns addr add 192.0.2.1/24 dev eth0
ip -n spoke addr add 192.0.2.2/24 dev eth0
spoke() {
	ip netns exec spoke "$@"
}

# ---- SoftEther ----

server() {
	ip netns exec lns vpncmd localhost:5555 /SERVER "$@"
}
listens() {
	ip netns exec lns ss -Hlun "sport = :$1" | grep .
}
ip netns exec lns vpnserver execsvc >"$work/vpnserver.log" 2>&1 &
within 20 server /CMD About || skip "SoftEther's server does not start here"
cat >"$work/site" <<-'END'
	HubCreate harbour /PASSWORD:
	IPsecEnable /L2TP:yes /L2TPRAW:no /ETHERIP:no /PSK:the-key-of-the-harbour /DEFAULTHUB:harbour
	Hub harbour
	UserCreate alice /GROUP:none /REALNAME:none /NOTE:none
	UserPasswordSet alice /PASSWORD:opensesame
	SecureNatEnable
END
server "/IN:$work/site" >"$work/site.log" || { cat "$work/site.log" && exit 1; }
within 20 listens 500 || { echo "Bail out! SoftEther does not listen on UDP 500" && exit 1; }

# ---- the initiator ----

# secret FILE TEXT
secret() {
	(umask 077 && printf '%s\n' "$2" >"$work/$1")
	chown nobody "$work/$1"
}
secret password opensesame
secret psk '0.0.0.0 the-key-of-the-harbour'
secret wrong '0.0.0.0 not-the-key-of-the-harbour'
# configure KEY ESP
configure() {
	cat >"$work/initiator.conf" <<-END
		user = nobody
		concentrator = 192.0.2.1
		concentrator_name = 0.0.0.0
		identity = 192.0.2.2
		psk_file = $work/$1
		ikev1 = yes
		ike = aes256-sha256-modp2048
		esp = $2
		run_directory = $work/run
		state_directory = $work/state
		socket = $work/run/api.sock
		ppp_user = alice
		ppp_password_file = $work/password
		ppp_auth = mschapv2
		ipv6 = no
		delegation = no
		default_route = no
		retry_last = 1 s
		charon_plugin = $plugin
		workers = 1
	END
}
initiator=
start() {
	configure "$@"
	log=$work/initiator.$1.$2.log
	ip netns exec spoke "$bin/pratique-softwire" initiator --config "$work/initiator.conf" >"$log" 2>&1 &
	initiator=$!
}
stop() {
	local status=0
	kill "$initiator"
	wait "$initiator" || status=$?
	[ "$status" = 0 ] || echo "# the initiator ended with status $status"
}
not() {
	! "$@"
}
logged() {
	grep -Eq -- "$1" "$log"
}
address() {
	ip -n spoke -4 -o addr show dev softwire0 | sed -n 's/.* inet \([^ /]*\).*/\1/p'
}
has_address() {
	[[ $(address) == 192.168.30.* ]]
}
pings() {
	spoke ping -q -c 5 -i 0.2 -W 5 "$@" | grep -q ' 0% packet loss'
}
has_sessions() {
	[ "$(server /HUB:harbour /CMD SessionList | grep -c alice || true)" = "$1" ]
}

start psk aes256-sha256
check "SoftEther takes SHA2-256 in phase 1" logged 'IKE_SA softwire.* established'
check "but not for ESP" logged 'received NO_PROPOSAL_CHOSEN'
stop

start wrong aes256-sha1
check "with another key neither understands the other" logged 'message verification failed|giving up after'
check "and there is no IKE_SA" not logged 'IKE_SA softwire.* established'
stop

start psk aes256-sha1
check "IKEv1, ESP, L2TP, MS-CHAPv2: an address of SecureNAT's DHCP by IPCP" has_address
echo "# $(address)"
check "a route to its network" spoke ip route replace 192.168.30.0/24 dev softwire0
check "SoftEther has the session" has_sessions 1
check "SecureNAT's virtual host answers through it" pings 192.168.30.1
check "1,200 bytes too" pings -s 1172 192.168.30.1
check "AES-CBC with HMAC-SHA1-96 was chosen" logged 'selected proposal: ESP:AES_CBC_256/HMAC_SHA1_96'

# What the wire has while we talk: ESP in UDP, and nothing of L2TP.
ip netns exec spoke timeout 10 tcpdump -c 4 -l -n -i eth0 udp port 4500 or udp port 1701 >"$work/wire" 2>/dev/null &
wire=$!
sleep 0.5
pings 192.168.30.1 || true
wait $wire || true
check "on the wire it is ESP in UDP alone" grep -q 'UDP-encap: ESP' "$work/wire"
check "and no L2TP" not grep -q '\.1701' "$work/wire"
stop
check "it ends the session when it ends" has_sessions 0
check "and leaves no interface" not ip -n spoke link show softwire0

if grep -hs -A 20 -e 'ERROR: AddressSanitizer' -e 'runtime error:' "$work"/*.log | sed 's/^/# /' | grep .; then
	missed=$((missed + 1))
fi
if [ "$missed" != 0 ]; then
	for log in "$work"/*.log /var/log/softether/server_log/*; do
		[ -s "$log" ] || continue
		echo "# --- $log"
		tail -n 60 "$log" | sed 's/^/# /'
	done
fi
echo "1..$n"
[ "$missed" = 0 ]
