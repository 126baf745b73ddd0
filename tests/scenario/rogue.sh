#!/bin/bash
# SPDX-License-Identifier: ISC
# What a node in quarantine may try on its own link to get at others, or to pass for one who is admitted: rogue.sh BUILD.
# bob has no agent here; alice is in staff, and her connections go on all the while.
set -euo pipefail

# shellcheck source=tests/scenario/scenario.sh
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/scenario.sh"
# shellcheck source=lab/story-lan.sh
source "$root/lab/story-lan.sh"

# rogue_check DESCRIPTION HOST:PORT...: bob reaches none of these.
rogue_check() {
	local lines='' description=$1 host what family results wrong=0
	for host in "${@:2}" printer:631 intranet:80 internet:443 patches:80; do
		what=${host#*:}
		host=${host%:*}
		for family in 4 6 L; do
			[ -z "$(reach_address bob "$host" "$family")" ] ||
				lines+="$host:$what:$family no tcp $(reach_address bob "$host" "$family") $what"$'\n'
		done
		for family in 4 6 L; do
			[ -z "$(reach_address bob "$host" "$family")" ] ||
				lines+="$host:ping:$family no ping $(reach_address bob "$host" "$family")"$'\n'
		done
	done
	results=$(mktemp)
	reach_probe bob "${lines%$'\n'}" >"$results" || wrong=1
	reach_complain bob "$results" || wrong=1
	rm -f "$results"
	check "$description: nothing gets through" "$wrong"
}

rogue_alice_works() {
	check "$1: alice works as before" \
		"$(host_exec alice /usr/local/lib/lab/probe.py until "${lab_ipv6[intranet]}" 80 5 >/dev/null && echo 0 || echo 1)"
}

rogue_bob() {
	host_exec bob ip -batch -
}

scenario_begin "$1"
site_enrol alice
site_start_agent alice
check "alice is admitted" "$(story_reaches alice intranet 80 >/dev/null && echo 0 || echo 1)"
rogue_check "bob as he is" alice:22 alice:8080

rogue_bob <<-END
	route add 10.1.1.0/24 dev eth0
	route add 2001:db8:1:1::/64 dev eth0
END
rogue_check "bob takes the prefix for on-link" alice:22 alice:8080

rogue_bob <<-END
	neigh replace ${lab_ipv4[alice]} lladdr ${lab_mac[alice]} dev eth0
	neigh replace ${lab_ipv6[alice]} lladdr ${lab_mac[alice]} dev eth0
	neigh replace $(net_link_local alice) lladdr ${lab_mac[alice]} dev eth0
END
rogue_check "bob sends to alice's MAC address" alice:22 alice:8080

rogue_bob <<-END
	route del 10.1.1.0/24 dev eth0
	route del 2001:db8:1:1::/64 dev eth0
	addr add ${lab_ipv4[alice]}/32 dev eth0
	addr add ${lab_ipv6[alice]}/128 dev eth0 nodad
	route replace default via ${lab_ipv4[gw]} src ${lab_ipv4[alice]}
	route add ::/0 via $(net_link_local gw) dev eth0 src ${lab_ipv6[alice]} metric 10
END
rogue_check "bob sends from alice's addresses"
rogue_alice_works "bob sends from alice's addresses"

rogue_bob <<-END
	link set eth0 down
	link set eth0 address ${lab_mac[alice]}
	link set eth0 up
	addr add ${lab_ipv6[alice]}/128 dev eth0 nodad
	route replace ${lab_ipv4[gw]}/32 dev eth0
	route replace default via ${lab_ipv4[gw]} src ${lab_ipv4[alice]}
	route replace ::/0 via $(net_link_local gw) dev eth0 src ${lab_ipv6[alice]} metric 10
END
rogue_check "bob wears alice's MAC address, too"
rogue_bob <<<"link set eth0 down"
rogue_alice_works "bob is gone"
scenario_end
