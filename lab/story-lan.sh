# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2034,SC2154
# The story of the demo, told on the lab `lan`: a host is admitted, one is isolated, repaired and admitted, one is never
# inspected, and one loses her admission to a new advisory. What each step promises is checked by probes.
#
# Needs from its user: lab/lab.sh, lab/reach.sh, lab/site.sh, say.

# shellcheck source=lab/story.sh
source "$root/lab/story.sh"

# Advisories that a neglected host must show at least.
STORY_FINDINGS_MIN=20

# Waits for the first TCP connection that NODE gets to HOST PORT and prints when that was.
story_reaches() {
	host_exec "$1" /usr/local/lib/lab/probe.py until "${lab_ipv6[$2]}" "$3" "$((30 * story_factor))"
}

story_quarantine() {
	story_step 1 "every node starts in quarantine"
	reach_check_link "step 1" "${lab_nodes[@]}"
	reach_check "step 1"
}

story_admit() {
	local start reached
	story_step 2 "alice is inspected, certified and admitted to staff"
	site_enrol alice
	start=$(story_now)
	site_start_agent alice
	if reached=$(story_reaches alice intranet 80); then
		check_within "step 2: alice is in staff" "$(story_seconds "$start" "$reached")" 5
	else
		check "step 2: alice is in staff" 1
	fi
	reach_segment[alice]=staff
	reach_check "step 2"
	site_check_node "step 2" alice staff 0
}

story_isolate() {
	local start reached
	story_step 3 "bob is behind on security updates: isolated, with the reasons"
	site_enrol bob
	start=$(story_now)
	site_start_agent bob
	if reached=$(story_reaches bob patches 80); then
		check_within "step 3: bob is isolated, and reaches the patch server" "$(story_seconds "$start" "$reached")" 5
	else
		check "step 3: bob reaches the patch server" 1
	fi
	reach_segment[bob]=isolated
	reach_check "step 3"
	site_check_node "step 3" bob isolated "$STORY_FINDINGS_MIN"
}

# When dpkg put the last new version of a package on the disk of a host.
story_last_unpack() {
	find "$(host_root "$1")/var/lib/dpkg/info" -name '*.list' -printf '%T@\n' | sort -n | tail -n 1
}

story_repair() {
	local start reached written waiter story_reaches_file story_upgrade_file
	story_step 4 "bob installs the updates; his agent notices"
	start=$(story_now)
	story_reaches_file=$(mktemp)
	story_upgrade_file=$(mktemp)
	host_exec bob /usr/local/lib/lab/probe.py until "${lab_ipv6[intranet]}" 80 "$((120 * story_factor))" \
		>"$story_reaches_file" &
	waiter=$!
	if host_exec bob sh -c 'export DEBIAN_FRONTEND=noninteractive; apt-get update && apt-get -y upgrade' \
		>"$story_upgrade_file" 2>&1; then
		say "  apt: $(grep -E '^[0-9]+ upgraded' "$story_upgrade_file"), in $(story_seconds "$start" "$(story_now)") s"
		check "step 4: bob's apt gets the updates from the patch server" 0
	else
		sed 's/^/  /' "$story_upgrade_file" | tail -n 20
		check "step 4: bob's apt gets the updates from the patch server" 1
	fi
	if wait "$waiter"; then
		reached=$(cat "$story_reaches_file")
		written=$(story_last_unpack bob)
		check "step 4: bob is not in staff before the last package is unpacked" \
			"$(awk -v r="$reached" -v w="$written" 'BEGIN { print (r + 0 >= w + 0) ? 0 : 1 }')"
		check_within "step 4: bob is in staff, counted from then," "$(story_seconds "$written" "$reached")" 2
	else
		check "step 4: bob is in staff" 1
	fi
	rm -f "$story_reaches_file" "$story_upgrade_file"
	reach_segment[bob]=staff
	reach_check "step 4"
	site_check_node "step 4" bob staff 0
}

story_agentless() {
	story_step 5 "the printer has no agent: it stays in quarantine, and shows as not inspected"
	site_check_not_inspected "step 5" printer
	site_show_nodes
}

# story_stream LABEL FROM TO PORT FAMILY starts a busy connection and waits until it is open.
story_stream() {
	local file=$story_streams/$1 tries address
	address=$(reach_address "$2" "$3" "$5")
	host_exec "$2" /usr/local/lib/lab/probe.py stream "$address" "$4" 60 >"$file" &
	story_stream_pids+=($!)
	for ((tries = 0; tries < 100; tries++)); do
		[ ! -s "$file" ] || return 0
		sleep 0.05
	done
	check "step 6: the connection $1 is open" 1
}

story_publish() {
	local start label last published
	story_step 6 "an advisory for a package that alice has is published"
	story_streams=$(mktemp -d)
	story_stream_pids=()
	story_stream "alice to internet over IPv6" alice internet 443 6
	story_stream "alice to internet over IPv4" alice internet 443 4
	story_stream "internet to alice over IPv6" internet alice 22 6
	story_stream "bob to internet over IPv6" bob internet 443 6
	sleep 0.3
	start=$(story_now)
	site_publish_advisory hello
	published=$(story_now)
	say "  published in $(story_seconds "$start" "$published") s"
	sleep "$((1 * story_factor))"
	last=$(story_now)
	wait "${story_stream_pids[@]:0:3}" || true
	for label in "alice to internet over IPv6" "alice to internet over IPv4" "internet to alice over IPv6"; do
		check_within "step 6: the open connection $label is cut" \
			"$(story_seconds "$start" "$(tail -n 1 "$story_streams/$label")")" 1
	done
	reach_segment[alice]=isolated
	reach_check "step 6"
	site_check_node "step 6" alice isolated 1
	story_stream_goes_on "bob to internet over IPv6" "${story_stream_pids[3]}" "$last"
	rm -rf "$story_streams"
}

# A connection of someone whom the advisory does not concern was not touched: it had answers after the given time.
story_stream_goes_on() {
	local enter
	host_exec bob pkill -TERM -f 'probe.py stream' || true
	wait "$2" || true
	check "step 6: the connection $1 goes on" \
		"$(awk -v last="$(tail -n 1 "$story_streams/$1")" -v after="$3" 'BEGIN { print (last + 0 > after + 0) ? 0 : 1 }')"
}

# Tells the whole story; the lab and the site are up.
story_tell() {
	story_quarantine
	story_admit
	story_isolate
	story_repair
	story_agentless
	story_publish
	story_end
}
