#!/bin/bash
# SPDX-License-Identifier: ISC
# Addressing inside a softwire against third parties, over a TUN whose far end is our state machines:
#
#     router half: the Linux kernel autoconfigures from our advertisements; wide-dhcpv6's client gets our prefix, an
#                  address and the name server, puts the prefix on another interface, renews, and releases
#     host half:   radvd advertises to us, wide-dhcpv6's server delegates to us; renewal, release
#
# and tshark reads every packet that we sent. Host "ours" has the TUN and the third parties; what comes out of the TUN is us.
#
# usage: addressing-peers.sh ADDRESSING-PEER
set -euo pipefail

peer=$(readlink -f "$1")
passed=0
ns=pq-addressing-$$
dir=
processes=()

skip() {
	echo "1..0 # SKIP $*"
	exit 0
}
[ "$(id -u)" = 0 ] || skip "needs root: a network namespace"
[ -c /dev/net/tun ] || skip "needs /dev/net/tun"
for tool in dhcp6c dhcp6s radvd tshark; do
	command -v "$tool" >/dev/null || skip "$tool is not installed"
done

cleanup() {
	local pid
	for pid in "${processes[@]}"; do
		kill "$pid" 2>/dev/null || true
	done
	ip netns del "$ns" 2>/dev/null || true
	[ -z "$dir" ] || rm -rf "$dir"
}
trap cleanup EXIT

ok() {
	passed=$((passed + 1))
	echo "ok $passed - $*"
}

fail() {
	local log
	echo "not ok $((passed + 1)) - $*"
	for log in "$dir"/*.log; do
		sed "s|^|# ${log##*/}: |" "$log" | tail -40
	done
	within ip -6 addr show | sed 's/^/# /'
	exit 1
}

within() {
	ip netns exec "$ns" "$@"
}

# A third party, with its files under /var/lib and /run of its own.
party() {
	local log=$1
	shift
	# shellcheck disable=SC2016 # for the inner shell
	ip netns exec "$ns" unshare -m sh -c \
		'mount --make-rprivate / && mount -t tmpfs tmpfs /run && mount --bind "$0" /var/lib/dhcpv6 && exec "$@"' \
		"$dir/state" "$@" >"$dir/$log.log" 2>&1 &
	processes+=($!)
	last=$!
}

# expect SECONDS WORDS -- COMMAND...
expect() {
	local end=$((SECONDS + $1)) words=$2
	shift 3
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt "$end" ] || fail "$words"
		sleep 0.1
	done
	ok "$words"
}

shows() {
	local what=$1
	shift
	grep -qE -- "$what" <<<"$("$@")"
}

said() {
	shows "^$1\$" cat "$dir/peer.log"
}

ended() {
	! kill -0 "$1" 2>/dev/null
}

# start ROLE: our end, on tun0.
start() {
	: >"$dir/peer.log"
	ip netns exec "$ns" "$peer" "$1" tun0 "$dir/$1.pcap" >"$dir/peer.log" 2>&1 &
	us=$!
	processes+=("$us")
	until said ready; do sleep 0.05; done
}

stop() {
	kill "$us"
	wait "$us" || fail "our end failed"
	said 'refused 0 malformed 0' || fail "what the third party sent was refused"
}

dir=$(mktemp -d)
mkdir "$dir/state"
mkdir -p /var/lib/dhcpv6
ip netns add "$ns"
within ip link set lo up
within ip link add lan0 type veth peer name lan1
within ip link set lan0 up
within ip link set lan1 up

# ---- our router half ----
start router
within sh -c 'echo 1 >/proc/sys/net/ipv6/conf/tun0/accept_ra; echo 1 >/proc/sys/net/ipv6/conf/tun0/autoconf'
within ip link set tun0 up
expect 10 "the kernel makes an address from our advertisement" -- \
	shows 'inet6 2001:db8:9000:1:.*/64 scope global' within ip -6 addr show dev tun0
expect 2 "and its default route" -- shows '^default via fe80::200:0:0:1 dev tun0 .*expires' within ip -6 route show
expect 2 "and the prefix's route" -- shows '^2001:db8:9000:1::/64 dev tun0' within ip -6 route show
expect 2 "and our MTU" -- shows '^1400$' within cat /proc/sys/net/ipv6/conf/tun0/mtu

cat >"$dir/dhcp6c.conf" <<-CONF
	interface tun0 {
		send ia-pd 0;
		send ia-na 1;
		send rapid-commit;
		request domain-name-servers;
		request domain-name;
		script "$dir/script";
	};
	id-assoc pd 0 {
		prefix-interface lan0 { sla-id 1; sla-len 8; };
	};
	id-assoc na 1 { };
CONF
# shellcheck disable=SC2016 # for the script
printf '#!/bin/sh\necho "$REASON $new_domain_name_servers $new_domain_name" >>%s/told\n' "$dir" >"$dir/script"
chmod +x "$dir/script"
party dhcp6c dhcp6c -f -D -c "$dir/dhcp6c.conf" tun0
client=$last
expect 10 "wide-dhcpv6's client is bound" -- said bound
expect 5 "it puts a part of our prefix on another interface" -- \
	shows 'inet6 2001:db8:a000:1:.*/64' within ip -6 addr show dev lan0
expect 2 "and has our address" -- shows 'inet6 2001:db8:9000:2::5/' within ip -6 addr show dev tun0
expect 2 "and our name server and domain" -- shows '2001:db8::53 +example.org' cat "$dir/told"
expect 25 "it renews" -- said renewed
kill "$client"
expect 5 "and releases" -- said released
expect 5 "and ends" -- ended "$client"
stop
sleep 0.3
ok "nothing that the kernel and the client sent was refused"

# ---- our host half ----
start host
within ip -6 addr add fe80::1/64 dev tun0 nodad
within sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/forwarding; echo 0 >/proc/sys/net/ipv6/conf/tun0/accept_ra'
cat >"$dir/radvd.conf" <<-CONF
	interface tun0 {
		AdvSendAdvert on;
		AdvOtherConfigFlag on;
		AdvLinkMTU 1380;
		MinRtrAdvInterval 3;
		MaxRtrAdvInterval 10;
		prefix 2001:db8:77::/64 { AdvValidLifetime 3600; AdvPreferredLifetime 1800; };
		RDNSS 2001:db8::77 { };
		DNSSL example.net { };
	};
CONF
cat >"$dir/dhcp6s.conf" <<-CONF
	option domain-name-servers 2001:db8::78;
	interface tun0 { allow rapid-commit; };
	host us {
		duid 00:04:02:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00;
		prefix 2001:db8:b000::/56 5 20;
	};
CONF
within ip link set tun0 up
party radvd radvd -n -d 4 -m stderr -C "$dir/radvd.conf" -p "$dir/radvd.pid"
radvd=$last
party dhcp6s dhcp6s -f -D -c "$dir/dhcp6s.conf" tun0
expect 15 "we have an address from radvd's advertisement" -- said 'address 2001:db8:77:0:200::2'
expect 2 "and its MTU and router" -- said 'router fe80::.* up mtu 1380'
expect 2 "and its name server" -- said 'dns 2001:db8::77'
expect 2 "and its search domain" -- said 'search example.net'
expect 15 "wide-dhcpv6's server delegates a prefix to us" -- said 'prefix 2001:db8:b000::/56'
expect 2 "and tells its name server" -- said 'dhcp dns 2001:db8::78'
expect 15 "we renew" -- said renewed
kill "$radvd"
expect 5 "radvd's end is heard" -- said 'router fe80::.* down mtu 1380'
stop
said released || fail "our release was not answered"
ok "our release is answered"

# ---- every packet that we sent, by tshark ----
for role in router host; do
	tshark -r "$dir/$role.pcap" -T fields -e frame.number >"$dir/frames" 2>/dev/null
	[ "$(wc -l <"$dir/frames")" -gt 3 ] || fail "tshark sees no packets of the $role"
	bad=$(tshark -r "$dir/$role.pcap" -o udp.check_checksum:TRUE \
		-Y '_ws.malformed || _ws.expert.severity >= "Warning" || icmpv6.checksum.status == "Bad" || udp.checksum.status == "Bad"' 2>&1 |
		grep -v '^Running as' || true)
	[ -z "$bad" ] || fail "tshark complains of the $role: $bad"
	ok "tshark reads all $(wc -l <"$dir/frames") packets of the $role without complaint"
done
echo "1..$passed"
