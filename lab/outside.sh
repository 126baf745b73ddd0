# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2034,SC2154
# What lies outside the site, for softwires. Nobody out here has a route to the site's own prefixes:
#
#     nomad 192.168.77.10 --- nat 198.18.1.2 --+                 IPv4 only, and behind a NAT
#     sensor 2001:db8:fff3::2 -----------------+-- access ---- [gw]  203.0.113.1  2001:db8:fff0::1 (the concentrator's)
#     visited 198.18.2.2 2001:db8:fff2::2 -----+                  |
#                                                                aaa  10.1.5.2  2001:db8:1:5::2 (a host of the site)
#
# access is the path itself: who owns it sees and sends what it likes. visited is another provider's concentrator and AAA
# server; aaa is the home AAA server.
#
# Needs from its user: lab/host.sh, lab/net.sh.

lab_outside=(access nat nomad sensor visited aaa)
lab_ipv6[aaa]=2001:db8:1:5::2
lab_ipv4[aaa]=10.1.5.2
declare -gA outside_ipv4=([gw]=203.0.113.1 [nat]=198.18.1.2 [nomad]=192.168.77.10 [visited]=198.18.2.2)
declare -gA outside_ipv6=([gw]=2001:db8:fff0::1 [sensor]=2001:db8:fff3::2 [visited]=2001:db8:fff2::2)

# outside_cable A END-IN-A B END-IN-B
outside_cable() {
	ip link add "$2" netns "$lab_prefix$1" type veth peer name "$4" netns "$lab_prefix$3"
	host_exec "$1" ip link set "$2" up
	host_exec "$3" ip link set "$4" up
}

# outside_addresses HOST INTERFACE ADDRESS...
outside_addresses() {
	local host=$1 interface=$2 address
	for address in "${@:3}"; do
		case $address in
		*:*) host_exec "$host" ip addr add "$address" dev "$interface" nodad ;;
		*) host_exec "$host" ip addr add "$address" dev "$interface" ;;
		esac
	done
}

outside_routers() {
	local name
	for name in access nat; do
		host_exec "$name" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 \
			net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.default.send_redirects=0
	done
	host_exec nat nft -f - <<-END
		table ip nat {
			chain out {
				type nat hook postrouting priority srcnat
				oifname "eth0" masquerade
			}
		}
	END
}

outside_up() {
	outside_cable access home gw outside
	outside_cable access nat nat eth0
	outside_cable access sensor sensor eth0
	outside_cable access visited visited eth0
	outside_cable nat inside nomad eth0
	outside_addresses gw outside 203.0.113.1/24 2001:db8:fff0::1/64
	outside_addresses access home 203.0.113.254/24 2001:db8:fff0::ffff/64
	outside_addresses access nat 198.18.1.1/24
	outside_addresses access sensor 2001:db8:fff3::1/64
	outside_addresses access visited 198.18.2.1/24 2001:db8:fff2::1/64
	outside_addresses nat eth0 198.18.1.2/24
	outside_addresses nat inside 192.168.77.1/24
	outside_addresses nomad eth0 192.168.77.10/24
	outside_addresses sensor eth0 2001:db8:fff3::2/64
	outside_addresses visited eth0 198.18.2.2/24 2001:db8:fff2::2/64
	outside_routers
	host_exec nat ip route add default via 198.18.1.1
	host_exec nomad ip route add default via 192.168.77.1
	host_exec sensor ip -6 route add default via 2001:db8:fff3::1
	host_exec visited ip route add default via 198.18.2.1
	host_exec visited ip -6 route add default via 2001:db8:fff2::1
	host_exec gw ip route add 198.18.0.0/15 via 203.0.113.254
	host_exec gw ip -6 route add 2001:db8:fff0::/44 via 2001:db8:fff0::ffff
	# Of the site, the outside knows the concentrator and, for its roaming partner, the AAA server.
	host_exec access ip -6 route add 2001:db8:1:5::2/128 via 2001:db8:fff0::1
	net_site aaa
}
