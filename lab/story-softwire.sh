# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2034,SC2154
# The story of softwires, told on the lab with lab/outside.sh around it: a laptop behind a NAT and a sensor in an
# IPv6-only network reach the site through softwires, are inspected there and placed; a roaming partner lets the laptop in;
# and who owns the path between them gets nothing.
#
# Needs from its user: lab/lab.sh, lab/site.sh, say.

# shellcheck source=lab/story.sh
source "$root/lab/story.sh"
# shellcheck source=lab/outside.sh
source "$root/lab/outside.sh"
# shellcheck source=lab/freeradius.sh
source "$root/lab/freeradius.sh"
# shellcheck source=lab/softwire.sh
source "$root/lab/softwire.sh"
# shellcheck source=lab/attacks.sh
source "$root/lab/attacks.sh"

site_policy=$root/lab/policy-softwire
site_enforcer_lines='softwire = softwire0 /run/pratique/concentrator/sessions.sock'

STORY_MEASURE=2 # seconds of iperf3 each way

# story_reach HOST ADDRESS PORT yes|no WHAT
story_reach() {
	local status=0
	host_exec "$1" /usr/local/lib/lab/probe.py until "$2" "$3" 2 >/dev/null || status=$?
	case $4:$status in
	yes:0 | no:[1-9]*) check "$5" 0 ;;
	*) check "$5" 1 ;;
	esac
}

story_until() {
	host_exec "$1" /usr/local/lib/lab/probe.py until "$2" "$3" "$((30 * story_factor))"
}

# story_addresses HOST FAMILY: what it has on its softwire.
story_addresses() {
	host_exec "$1" ip "-$2" -o addr show dev softwire0 scope global | awk '{ print $4 }'
}

# story_session PROMISE USER .FIELD REGEX: what the concentrator says of a user's session.
story_session() {
	local said
	said=$(softwire_sessions gw --arg user "$2" ".sessions[] | select(.user == \$user) | $3" 2>/dev/null) || said=
	check "$1 ($said)" "$([[ $said =~ $4 ]] && echo 0 || echo 1)"
}

story_connect() {
	local start reached
	story_step 1 "a laptop in a hotel: IPv4 only, and behind a NAT"
	story_reach nomad "${lab_ipv6[server]}" 271 no "step 1: without a softwire the laptop reaches nothing of the site"
	softwire_configure nomad "${outside_ipv4[gw]}"
	start=$(story_now)
	softwire_start nomad initiator
	if reached=$(story_until nomad "${lab_ipv6[server]}" 271); then
		check_within "step 1: IKEv2, L2TP, PPP, RADIUS, RA: the server is reached over IPv6" \
			"$(story_seconds "$start" "$reached")" 5
	else
		check "step 1: the server is reached over IPv6" 1
	fi
	story_session "step 1: IKE has proven the machine by its certificate" nomad@site.example .machine '^nomad$'
	story_session "step 1: it is in quarantine" nomad@site.example .segment '^quarantine$'
	story_session "step 1: it has a delegated prefix" nomad@site.example '.delegated | join(" ")' '^2001:db8:1:a.*/60$'
	check "step 1: RA gave the laptop an address of its /64 ($(story_addresses nomad 6 | tr '\n' ' '))" \
		"$(story_addresses nomad 6 | grep -q '^2001:db8:1:9' && echo 0 || echo 1)"
	story_reach nomad "${lab_ipv4[server]}" 271 yes "step 1: and the server over IPv4, by IPCP's address"
	story_reach nomad "${lab_ipv6[intranet]}" 80 no "step 1: quarantine reaches nothing else over IPv6"
	story_reach nomad "${lab_ipv4[intranet]}" 80 no "step 1: quarantine reaches nothing else over IPv4"
	softwire_show gw
}

story_inspect() {
	local start reached
	story_step 2 "the laptop is inspected through the softwire, and admitted"
	start=$(story_now)
	site_start_agent nomad
	if reached=$(story_until nomad "${lab_ipv6[intranet]}" 80); then
		check_within "step 2: the laptop is in staff" "$(story_seconds "$start" "$reached")" 5
	else
		check "step 2: the laptop is in staff" 1
	fi
	site_check_node "step 2" nomad staff 0
	story_session "step 2: the concentrator knows" nomad@site.example .segment '^staff$'
	story_rate 2 nomad "${lab_ipv6[intranet]}" "IPv6 over IPv4, ESP in UDP"
	softwire_show gw
}

# story_rate STEP HOST ADDRESS WHAT: iperf3 to the intranet, both ways.
story_rate() {
	local way rate
	for way in '' -R; do
		# shellcheck disable=SC2086 # an option or none
		rate=$(host_exec "$2" iperf3 -c "$3" -J -t "$STORY_MEASURE" $way 2>/dev/null |
			jq -r '.end.sum_received.bits_per_second / 1e6 | floor') || rate=0
		check "step $1: iperf3 $([ -z "$way" ] && echo to || echo from) the intranet: $rate Mbit/s ($4)" \
			"$([ "${rate:-0}" -gt 0 ] 2>/dev/null && echo 0 || echo 1)"
	done
}

story_sensor() {
	local start reached
	story_step 3 "a sensor in an IPv6-only network: IPv4 over IPv6"
	softwire_configure sensor "${outside_ipv6[gw]}"
	start=$(story_now)
	softwire_start sensor initiator
	if reached=$(story_until sensor "${lab_ipv4[server]}" 271); then
		check_within "step 3: the server is reached over IPv4" "$(story_seconds "$start" "$reached")" 5
	else
		check "step 3: the server is reached over IPv4" 1
	fi
	story_session "step 3: RADIUS gave it its address" sensor@site.example .ipv4 '^10[.]1[.]9[.]77$'
	story_session "step 3: and its prefix" sensor@site.example '.delegated | join(" ")' '^2001:db8:1:aff0::/60$'
	story_reach sensor "${lab_ipv4[intranet]}" 80 no "step 3: quarantine reaches nothing else"
	start=$(story_now)
	site_start_agent sensor
	if reached=$(story_until sensor "${lab_ipv4[intranet]}" 80); then
		check_within "step 3: the sensor is in staff" "$(story_seconds "$start" "$reached")" 5
	else
		check "step 3: the sensor is in staff" 1
	fi
	story_rate 3 sensor "${lab_ipv4[intranet]}" "IPv4 over IPv6, native ESP"
	softwire_show gw
}

# The laptop changes networks: another address behind the NAT's own, which its provider renumbers.
story_roam() {
	local before after pinging
	story_step 4 "the access network gives the laptop another address: same addresses, prefix and segment, at once"
	before=$(story_addresses nomad 6)
	host_exec nomad ping -n -D -i 0.05 -c 160 -W 1 "${lab_ipv6[intranet]}" >"$story_pings" &
	pinging=$!
	sleep 2
	host_exec nomad sh -c 'ip addr flush dev eth0 && ip addr add 192.168.77.20/24 dev eth0 &&
		ip route add default via 192.168.77.1'
	wait "$pinging" || true
	after=$(story_addresses nomad 6)
	check "step 4: it has the same addresses" "$([ -n "$after" ] && [ "$before" = "$after" ] && echo 0 || echo 1)"
	check_within "step 4: the longest silence of a ping to the intranet was" "$(story_gap "$story_pings")" 2
	story_session "step 4: it is still in staff" nomad@site.example .segment '^staff$'
}

# The longest time between two answers.
story_gap() {
	sed -n 's/^\[\([0-9.]*\)\].*time=.*/\1/p' "$1" |
		awk 'NR > 1 && $1 - last > gap { gap = $1 - last } { last = $1 } END { printf "%.2f\n", (NR > 40) ? gap : 99 }'
}

story_partner() {
	local before
	story_step 5 "roaming: a partner's concentrator, and the AAA server at home vouches (case 3 of the draft's figure 1)"
	softwire_visited
	before=$(freeradius_records "$softwire_home")
	softwire_stop nomad
	softwire_start nomad initiator roaming
	softwire_wait nomad initiator
	check "step 5: the partner's concentrator has a session of nomad@site.example" \
		"$(story_wait_session visited nomad@site.example && echo 0 || echo 1)"
	check "step 5: with an address of the partner's ($(story_addresses nomad 6 | tr '\n' ' '))" \
		"$(story_addresses nomad 6 | grep -q '^2001:db8:fff4' && echo 0 || echo 1)"
	check "step 5: the AAA server at home was told of it over RadSec" \
		"$([ "$(freeradius_records "$softwire_home")" -gt "$before" ] && echo 0 || echo 1)"
	softwire_show visited
	softwire_stop nomad
	say "  and home again (case 2: a visited access network, the home concentrator)"
	softwire_start nomad initiator
	check "step 5: home again, admitted by its certificate" \
		"$(story_until nomad "${lab_ipv6[intranet]}" 80 >/dev/null && echo 0 || echo 1)"
}

story_wait_session() {
	local tries
	for ((tries = 0; tries < 100; tries++)); do
		# shellcheck disable=SC2016 # $user is jq's
		[ -z "$(softwire_sessions "$1" --arg user "$2" '.sessions[] | select(.user == $user) | .port' 2>/dev/null)" ] || return 0
		sleep 0.1
	done
	return 1
}

story_attack() {
	story_step 6 "who owns the path gets nothing"
	attack_plain
	attack_replay
	attack_spoof
	attack_listen
	attack_rogue
	attack_downgrade
}

# story_ended PROMISE START: the stream was open, and its last byte came within a second of START.
story_ended() {
	if grep -qx open "$story_pings"; then
		check_within "$1" "$(story_seconds "$2" "$(tail -n 1 "$story_pings")")" 1
	else
		check "$1: it was never open" 1
	fi
}

story_revoke() {
	local start stream
	story_until sensor "${lab_ipv4[internet]}" 443 >/dev/null || check "step 7: the sensor is in staff" 1
	host_exec sensor /usr/local/lib/lab/probe.py stream "${lab_ipv4[internet]}" 443 20 >"$story_pings" &
	stream=$!
	sleep 0.5
	start=$(story_now)
	host_exec server pratique revoke sensor --reason "lost" >/dev/null
	wait "$stream" || true
	story_ended "step 7: the open connection of a revoked sensor is cut" "$start"
	story_session "step 7: its session is in quarantine" sensor@site.example .segment '^quarantine$'
}

story_cut() {
	local start stream
	story_step 7 "a revocation, a new advisory, and a Disconnect: live flows end"
	story_revoke
	story_until nomad "${lab_ipv6[intranet]}" 80 >/dev/null || check "step 7: the laptop is in staff" 1
	host_exec nomad /usr/local/lib/lab/probe.py stream "${lab_ipv6[internet]}" 443 20 >"$story_pings" &
	stream=$!
	sleep 0.5
	start=$(story_now)
	site_publish_advisory hello
	wait "$stream" || true
	story_ended "step 7: the open connection is cut" "$start"
	story_session "step 7: the laptop is isolated" nomad@site.example .segment '^isolated$'
	start=$(softwire_sessions gw '.sessions[] | select(.user == "sensor@site.example") | .id')
	host_exec gw pratique softwire disconnect --socket /run/pratique/concentrator/api.sock \
		"$(softwire_sessions gw '.sessions[] | select(.user == "sensor@site.example") | .port')" >/dev/null
	check "step 7: a session that an operator ends is gone" \
		"$([ -n "$start" ] && ! softwire_sessions gw '.sessions[].id' | grep -qx "$start" && echo 0 || echo 1)"
	check "step 7: and its initiator comes back" "$(story_wait_session gw sensor@site.example && echo 0 || echo 1)"
}

story_tell() {
	story_pings=$lab_state/log/nomad.pings
	softwire_up "${story_programs:-$root/build/bin}"
	host_spawn intranet iperf3 iperf3 -s
	story_connect
	story_inspect
	story_sensor
	story_roam
	story_partner
	story_attack
	story_cut
	story_end
}
