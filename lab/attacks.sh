# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2034,SC2154
# What the owner of the path tries on softwires (section 3.3 of the softwire draft), and that each try fails.
#
# Needs from its user: lab/host.sh, lab/outside.sh, lab/softwire.sh, lab/story.sh.

attack() {
	host_exec access /usr/local/lib/lab/attack.py "$@"
}

# attack_counter NAME: of the concentrator's statistics; 0 where it has none of that name.
attack_counter() {
	host_exec gw pratique softwire status --socket /run/pratique/concentrator/api.sock --json |
		jq -r --arg name "$1" '[.. | objects | select(has($name)) | .[$name]] | add // 0'
}

# attack_counts PROMISE COUNTER COMMAND...: the command makes the counter grow.
attack_counts() {
	local before after promise=$1 counter=$2
	before=$(attack_counter "$counter")
	"${@:3}" >/dev/null
	after=$(attack_counter "$counter")
	check "$promise ($counter: $before, then $after)" "$([ "$after" -gt "$before" ] && echo 0 || echo 1)"
}

# Plain L2TP, also with the identifiers of the tunnels that are up.
attack_plain() {
	local address answers
	for address in "${outside_ipv4[gw]}" "${outside_ipv6[gw]}"; do
		answers=$(attack l2tp "$address" 1701)
		check "plain SCCRQ, StopCCN and CDN to $address are not answered ($answers answers)" \
			"$([ "$answers" = 0 ] && echo 0 || echo 1)"
	done
	attack_counts "they are dropped and counted" filter_l2tp_clear_dropped attack l2tp "${outside_ipv4[gw]}" 1701
}

attack_replay() {
	local waiter
	host_exec nomad ping -q -i 0.02 -c 250 -W 1 "${lab_ipv6[intranet]}" >/dev/null &
	waiter=$!
	sleep 0.3
	attack_counts "replayed ESP is dropped and counted" esp_replayed attack replay home "${outside_ipv4[gw]}"
	attack_counts "changed ESP is dropped and counted" esp_bad_icv attack replay home "${outside_ipv4[gw]}"
	wait "$waiter" || true
}

# The laptop itself is the attacker: sources that are not its own, one of them a node's on the LAN.
attack_spoof() {
	local address
	for address in "${lab_ipv6[alice]}" "${lab_ipv4[alice]}"; do
		host_exec nomad ip addr add "$address/$([[ $address == *:* ]] && echo 128 || echo 32)" dev lo
		attack_counts "a packet from $address in the laptop's softwire is dropped" inner_spoofed \
			attack_ping nomad "$address"
		host_exec nomad ip addr del "$address/$([[ $address == *:* ]] && echo 128 || echo 32)" dev lo
	done
}
attack_ping() {
	local to=${lab_ipv4[intranet]}
	[[ $2 != *:* ]] || to=${lab_ipv6[intranet]}
	host_exec "$1" ping -q -c 3 -i 0.1 -W 1 -I "$2" "$to" || true
}

# The set-up of a session is watched: neither identity nor address of the laptop or the user is to be seen.
attack_listen() {
	local watcher file words
	file=$(mktemp)
	softwire_stop nomad
	sleep 1
	attack grep nat 6 nomad site.example "${softwire_password[nomad]}" employee >"$file" &
	watcher=$!
	softwire_start nomad initiator
	story_until nomad "${lab_ipv6[server]}" 271 >/dev/null || true
	wait "$watcher" || true
	# That packets went by shows that it listened.
	words=$(tr '\n' ' ' <"$file")
	rm -f "$file"
	check "no identity is read off the wire while the softwire comes up (seen: ${words:-nothing})" \
		"$([ "$words" = "packets " ] && echo 0 || echo 1)"
}

# attack_path RULE...: what the path does to packets from now on; none: nothing.
attack_path() {
	host_exec access nft -f - <<-END
		add table ip path
		delete table ip path
		add table ip path
		add chain ip path turn { type nat hook prerouting priority dstnat; }
		add chain ip path refuse { type filter hook forward priority 0; }
		$(printf 'add rule ip path %s\n' "$@" | grep -v 'path $' || true)
	END
	host_exec access conntrack -F >/dev/null 2>&1 || true
}

# The path leads to somebody else's concentrator, which has a certificate that its own CA made for the same name.
attack_rogue() {
	local before after
	softwire_stop nomad
	before=$(grep -c 'received packet' "$lab_state/log/visited.softwire")
	attack_path "turn ip daddr ${outside_ipv4[gw]} dnat to ${outside_ipv4[visited]}"
	softwire_start nomad initiator
	sleep 4
	after=$(grep -c 'received packet' "$lab_state/log/visited.softwire")
	check "a rogue concentrator is asked, and gets no session ($((after - before)) packets)" \
		"$([ "$after" -gt "$before" ] && [ "$(softwire_sessions visited '.sessions | length')" = 0 ] && echo 0 || echo 1)"
	check "and the laptop says why" "$(grep -q -i -e 'authentication' -e 'trusted' -e 'identity' "$lab_state/log/nomad.softwire" &&
		echo 0 || echo 1)"
	attack_path
	story_until nomad "${lab_ipv6[server]}" 271 >/dev/null || check "the laptop comes back to its concentrator" 1
}

# The path lets no IKE pass: the laptop must not go on without.
attack_downgrade() {
	local seen
	softwire_stop nomad
	attack_path 'refuse udp dport { 500, 4500 } drop'
	softwire_start nomad initiator
	seen=$(attack clear nat 6)
	check "without IKE the laptop sends no L2TP in clear ($seen packets)" "$([ "$seen" = 0 ] && echo 0 || echo 1)"
	attack_path
	story_until nomad "${lab_ipv6[server]}" 271 >/dev/null || check "the laptop comes back when IKE passes again" 1
}
