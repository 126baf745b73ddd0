# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2034,SC2154
# The lab named `lan`. Everything hangs on the gateway, which routes and never translates addresses:
#
#     alice  2001:db8:1:1::a1   10.1.1.11  --+
#     bob    2001:db8:1:1::b0b  10.1.1.12  --+-- br-nodes [gw] --+-- server    2001:db8:1:2::2   10.1.2.2
#     printer 2001:db8:1:1::631 10.1.1.13  --+   ::1  10.1.1.1   +-- patches   2001:db8:1:3::2   10.1.3.2
#                                               2001:db8:1:1/64  +-- intranet  2001:db8:1:4::2   10.1.4.2
#                                                                +-- internet  2001:db8:ffff::2  198.51.100.2
#
# The nodes' ports are isolated from one another, their addresses are /128 and /32 with no prefix on the link, and the
# gateway answers ARP for their neighbours (proxy_arp_pvlan): so each packet between two nodes is routed, and
# meets the segment rules. bridge-nf-call-* is off, as on a stock Debian.
#
# Needs from its user: lab/host.sh.

lab_nodes=(alice bob printer)
lab_sites=(server patches intranet internet)
# Hosts that a story adds, with outside_up() for their cables.
lab_outside=()

declare -gA lab_ipv6=([gw]=2001:db8:1:1::1 [alice]=2001:db8:1:1::a1 [bob]=2001:db8:1:1::b0b [printer]=2001:db8:1:1::631
	[server]=2001:db8:1:2::2 [patches]=2001:db8:1:3::2 [intranet]=2001:db8:1:4::2 [internet]=2001:db8:ffff::2)
declare -gA lab_ipv4=([gw]=10.1.1.1 [alice]=10.1.1.11 [bob]=10.1.1.12 [printer]=10.1.1.13
	[server]=10.1.2.2 [patches]=10.1.3.2 [intranet]=10.1.4.2 [internet]=198.51.100.2)
declare -gA lab_mac=([alice]=02:00:00:00:00:a1 [bob]=02:00:00:00:0b:0b [printer]=02:00:00:00:06:31 [gw]=02:00:00:00:00:01)

# The link-local address that the kernel makes of a MAC address (RFC 4291, appendix A).
net_link_local() {
	local a b c d e f
	IFS=: read -r a b c d e f <<<"${lab_mac[$1]}"
	printf 'fe80::%x:%xff:fe%02x:%x\n' "0x$(printf %02x $((0x$a ^ 2)))$b" "0x$c" "0x$d" "0x$e$f"
}

# A veth pair: one end named NAME in the gateway, the other eth0 in the host.
net_cable() {
	local host=$1 gateway_end=$2
	ip link add "$gateway_end" netns "${lab_prefix}gw" type veth peer name eth0 netns "$lab_prefix$host"
}

net_gateway() {
	host_exec gw sysctl -qw net.ipv6.conf.all.forwarding=1 net.ipv6.conf.default.forwarding=1 net.ipv4.ip_forward=1 \
		net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.default.send_redirects=0 \
		net.ipv4.conf.all.accept_redirects=0 net.ipv6.conf.all.accept_redirects=0 \
		net.ipv6.conf.default.accept_redirects=0 net.ipv6.conf.default.accept_dad=0
	# Where the kernel has the bridge netfilter hook at all, it is off.
	# shellcheck disable=SC2016 # $f is that shell's
	host_exec gw sh -c 'for f in /proc/sys/net/bridge/bridge-nf-call-*; do [ ! -e "$f" ] || echo 0 >"$f"; done'
	host_exec gw ip -batch - <<-END
		link add br-nodes address ${lab_mac[gw]} type bridge mcast_snooping 0 forward_delay 0
		link set br-nodes up
		addr add ${lab_ipv6[gw]}/64 dev br-nodes nodad
		addr add ${lab_ipv4[gw]}/24 dev br-nodes
	END
	host_exec gw sysctl -qw net.ipv4.conf.br-nodes.proxy_arp_pvlan=1 net.ipv4.neigh.br-nodes.proxy_delay=0 \
		net.ipv4.conf.br-nodes.send_redirects=0
}

net_node() {
	local name=$1
	net_cable "$name" "port-$name"
	host_exec gw ip link set "port-$name" master br-nodes
	host_exec gw ip link set "port-$name" type bridge_slave isolated on
	host_exec gw sysctl -qw "net.ipv6.conf.port-$name.disable_ipv6=1"
	host_exec gw ip link set "port-$name" up
	host_exec "$name" sysctl -qw net.ipv6.conf.eth0.accept_dad=0 net.ipv6.conf.eth0.autoconf=0 \
		net.ipv6.conf.eth0.accept_ra=1 net.ipv6.conf.eth0.accept_redirects=0 net.ipv4.conf.eth0.accept_redirects=0 \
		net.ipv4.conf.all.accept_redirects=0 net.ipv6.conf.eth0.router_solicitation_delay=0 \
		net.ipv6.conf.eth0.router_solicitation_interval=1
	host_exec "$name" ip -batch - <<-END
		link set eth0 address ${lab_mac[$name]}
		link set eth0 up
		addr add ${lab_ipv6[$name]}/128 dev eth0 nodad
		addr add ${lab_ipv4[$name]}/32 dev eth0
		route add ${lab_ipv4[gw]}/32 dev eth0
		route add default via ${lab_ipv4[gw]}
	END
}

net_site() {
	local name=$1
	net_cable "$name" "$name"
	host_exec gw ip -batch - <<-END
		link set $name up
		addr add ${lab_ipv6[$name]%2}1/64 dev $name nodad
		addr add ${lab_ipv4[$name]%2}1/24 dev $name
	END
	host_exec "$name" sysctl -qw net.ipv6.conf.eth0.accept_dad=0 net.ipv6.conf.eth0.accept_ra=0
	host_exec "$name" ip -batch - <<-END
		link set eth0 up
		addr add ${lab_ipv6[$name]}/64 dev eth0 nodad
		addr add ${lab_ipv4[$name]}/24 dev eth0
		route add default via ${lab_ipv4[$name]%2}1
		route add ::/0 via ${lab_ipv6[$name]%2}1
	END
}

net_up() {
	local name
	net_gateway
	for name in "${lab_sites[@]}"; do
		net_site "$name"
	done
	for name in "${lab_nodes[@]}"; do
		net_node "$name"
	done
}
