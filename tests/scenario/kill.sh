#!/bin/bash
# SPDX-License-Identifier: ISC
# Any daemon may be killed at any time: kill.sh BUILD. With enforcer, server and vis killed hard in the middle of their
# work, the last safe state stays in force, nobody's connections flap, and afterwards the loop goes on.
set -euo pipefail

# shellcheck source=tests/scenario/scenario.sh
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/scenario.sh"
# shellcheck source=lab/story-lan.sh
source "$root/lab/story-lan.sh"

kill_streams_begin() {
	story_streams=$(mktemp -d)
	story_stream_pids=()
	story_stream alice6 alice internet 443 6
	story_stream alice4 alice internet 443 4
}

# The busy connections of alice had answers until now.
kill_streams_check() {
	local label now
	now=$(story_now)
	sleep 0.5
	host_exec alice pkill -TERM -f 'probe.py stream' || true
	host_exec internet pkill -TERM -f 'probe.py stream' || true
	wait "${story_stream_pids[@]}" || true
	for label in alice6 alice4; do
		check "$1: the open connection $label went on all the while" \
			"$(awk -v last="$(tail -n 1 "$story_streams/$label")" -v now="$now" 'BEGIN { print (last + 0 > now + 0) ? 0 : 1 }')"
	done
	rm -rf "$story_streams"
}

kill_one() {
	kill_streams_begin
	site_kill "$1"
	[ "$1" != server ] || reach_dead=server:271
	reach_check "$1 killed"
	reach_dead=
	site_start "$1"
	site_wait "$1"
	reach_check "$1 back"
	kill_streams_check "$1 killed and back"
}

# Killed while they are busy with a node's first inspection: either it happened, or it happens after the start.
kill_in_the_middle() {
	local reached
	site_enrol bob
	site_start_agent bob
	sleep 0.0"$((RANDOM % 90 + 10))"
	site_kill server
	site_kill enforcer
	reach_segment[bob]=isolated
	site_start enforcer
	site_start server
	site_wait server
	site_wait enforcer
	reached=$(story_reaches bob patches 80) || true
	check "killed in the middle of bob's inspection: he is isolated in the end" "$([ -n "$reached" ] && echo 0 || echo 1)"
	reach_check "killed in the middle"
}

scenario_begin "$1"
site_enrol alice
site_start_agent alice
check "alice is admitted" "$(story_reaches alice intranet 80 >/dev/null && echo 0 || echo 1)"
reach_segment[alice]=staff
kill_one enforcer
kill_one server
kill_one vis
kill_in_the_middle
site_publish_advisory hello
reach_segment[alice]=isolated
sleep "$story_factor"
reach_check "an advisory after all this"
scenario_end
