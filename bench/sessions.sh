#!/bin/bash
# SPDX-License-Identifier: ISC
#
# Sessions of a concentrator: how fast they come up and what memory they cost. bench/sessions-load plays the initiators with our own
# L2TP and PPP machines, in clear text between declared addresses; each has a tunnel, a session, CHAP, IPCP and IPV6CP, leases of
# an IPv4 address, a /64 and a /56, and a start record. All of them share this machine's cores:
#
#     gen: sessions-load  198.18.1.0 to .199  ---veth---  198.18.0.1  con: pratique-softwire concentrator, FreeRADIUS on 127.0.0.1
#
#   1. users and accounting with RADIUS
#   2. users from the local file
#   3. killed: 1,000 sessions with RADIUS, each of an initiator that comes again as the real one does; every process of the concentrator
#      is killed at once and it is started again: 95% are to be back in 10 s, all in 30 s
#
# Memory is what control and data plane have more of with all sessions up than with none (resident, of /proc/PID/status).
# The floor is 20,000 sessions held at 8 KB each and 1,000 set-ups a second with RADIUS; the goal 50,000 at 4 KB and 2,000.
#
# usage: sessions.sh BUILD-DIRECTORY     (environment: BENCH_SESSIONS, default 20000; BENCH_AT_ONCE, default 128: so many are being
#                                         set up at any time; BENCH_HOLD, default 15: seconds that they are held; HELLOs and
#                                         echoes are due every 10 s; BENCH_ROWS, default "radius users killed"; BENCH_PROFILE: a prefix for
#                                         files of `perf record` of control and data plane)
# shellcheck disable=SC2317 # what a trap calls is reachable
set -euo pipefail
# shellcheck source=bench/machine.bash
. "$(dirname "$(readlink -f "$0")")/machine.bash"
sessions=${BENCH_SESSIONS:-20000} at_once=${BENCH_AT_ONCE:-128} hold=${BENCH_HOLD:-15} rows=${BENCH_ROWS:-radius users killed}
# shellcheck source=lab/freeradius.sh
. "$root/lab/freeradius.sh"
[ "$(id -u)" = 0 ] || fail "needs root for network namespaces. Run: sudo $root/dev bench sessions"
[ -c /dev/net/tun ] || fail "needs /dev/net/tun"
command -v freeradius >/dev/null || fail "needs freeradius"
ns=pq-bench-$$-
addresses=200
keeper="" loader=""

build_tools bench/sessions-load bin/pratique bin/pratique-softwire
make_work
chmod 755 "$work"

cleanup() {
	local name pid
	exec 3>&- || true
	for pid in $loader $keeper; do
		kill "$pid" 2>/dev/null || true
		timeout 20 tail --pid="$pid" -f /dev/null || kill -9 "$pid" 2>/dev/null || true
	done
	[ ! -d "$work/radius" ] || freeradius_stop "$work/radius"
	for name in con gen; do
		ip netns del "$ns$name" 2>/dev/null || true
	done
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

in_ns() {
	local name=$1
	shift
	ip netns exec "$ns$name" "$@"
}

# until_true SECONDS WHAT COMMAND...
until_true() {
	local tries=$(($1 * 20)) what=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || { tail -n 20 "$work"/*.log >&2; fail "not in time: $what"; }
		sleep 0.05
	done
}

network() {
	local name i
	for name in con gen; do
		ip netns add "$ns$name"
		in_ns "$name" ip link set lo up
	done
	ip link add outer netns "${ns}con" type veth peer name outer netns "${ns}gen"
	in_ns con ip addr add 198.18.0.1/16 dev outer
	for ((i = 0; i < addresses; i++)); do
		echo "addr add 198.18.1.$i/16 dev outer"
	done | in_ns gen ip -batch -
	in_ns con ip link set outer up
	in_ns gen ip link set outer up
}

# configure ROW
configure() {
	local i
	cat >"$work/concentrator.conf" <<-END
		user = nobody
		log_level = warning
		listen = 198.18.0.1
		ipsec = none
		trusted_interface = outer
		trusted_address = 198.18.1.0/24
		run_directory = $work/run
		state_directory = $work/state
		socket = $work/run/api.sock
		enforcer_socket =
		ppp_auth = chap
		pool = default ipv4 10.0.0.0/8
		pool = default framed 2001:db8::/40
		pool = default delegated 2001:db8:8000::/36 length 56
		sessions_max = $sessions
	END
	rm -rf "$work/state" "$work/run"
	if [ "$1" != users ]; then
		freeradius_new "$work/radius"
		freeradius_listen "$work/radius" 127.0.0.1
		freeradius_client "$work/radius" 127.0.0.1 testing-secret
		freeradius_user "$work/radius" DEFAULT sesame
		(umask 077 && echo testing-secret >"$work/radius-secret")
		chown nobody "$work/radius-secret"
		freeradius_start "$work/radius" ip netns exec "${ns}con"
		echo "radius_server = 127.0.0.1:1812 secret-file=$work/radius-secret accounting=1813" >>"$work/concentrator.conf"
	else
		(umask 077 && for ((i = 0; i < sessions; i++)); do echo "user-$i plain:sesame"; done >"$work/users")
		chown nobody "$work/users"
		echo "users_file = $work/users" >>"$work/concentrator.conf"
	fi
}

# resident ROLE: KB of that child of the keeper
resident() {
	awk '/^VmRSS/ { print $2 }' "/proc/$(pgrep -P "$keeper" -f "pratique-softwire $1 ")/status"
}

profile() {
	[ -n "${BENCH_PROFILE:-}" ] || return 0
	local role
	for role in control dataplane; do
		perf record -q -g -F 499 -p "$(pgrep -P "$keeper" -f "pratique-softwire $role ")" -o "$BENCH_PROFILE-$1-$role" -- sleep 5 \
			>/dev/null 2>&1 &
	done
}

# judge FIGURE WHAT FLOOR GOAL higher|lower
judge() {
	awk -v v="$1" -v what="$2" -v floor="$3" -v goal="$4" -v better="$5" 'BEGIN {
		ok = better == "higher" ? v >= floor : v <= floor; best = better == "higher" ? v >= goal : v <= goal
		printf "  %s: %.1f (floor %s, goal %s): %s\n", what, v, floor, goal, best ? "goal reached" : ok ? "above the floor" : "BELOW THE FLOOR"
		exit !ok }' || below=1
}

is_set_up() {
	grep -q '^up' "$work/load.log" || ! kill -0 "$loader"
}

start_concentrator() {
	ip netns exec "${ns}con" "$build/bin/pratique-softwire" concentrator --config "$work/concentrator.conf" </dev/null >>"$work/concentrator.log" 2>&1 &
	keeper=$!
}

answers() {
	"$build/bin/pratique" softwire status --socket "$work/run/api.sock"
}

# start_load [OPTION...] SESSIONS AT-ONCE
start_load() {
	rm -f "$work/commands"
	mkfifo "$work/commands"
	: >"$work/load.log"
	local options=("${@:1:$#-2}")
	ip netns exec "${ns}gen" "$tools/sessions-load" "${options[@]}" 198.18.1.0 "$addresses" 198.18.0.1 "${@: -2}" user sesame \
		<"$work/commands" >"$work/load.log" 2>&1 &
	loader=$!
	exec 3>"$work/commands"
}

# Every process of a concentrator of 1,000 sessions is killed at once.
killed() {
	local n=1000 back
	echo
	echo "== $n sessions, users and accounting by FreeRADIUS; the concentrator is killed and started again"
	sessions=$n configure killed
	start_concentrator
	until_true 20 "the concentrator answers" answers
	start_load --again "$n" "$at_once"
	until_true 60 "the sessions are up" grep -q '^up' "$work/load.log"
	sleep 12 # steady ones, as initiators count: the first attempt is at once
	echo mark >&3
	until_true 10 "the generator listens" grep -q '^marked' "$work/load.log"
	kill -9 "$keeper"
	wait "$keeper" || true
	start_concentrator
	until_true 120 "all are back" grep -q '^back' "$work/load.log"
	back=$(grep '^back' "$work/load.log")
	echo "  $back"
	judge "$(awk '{ print $8 / 1000 }' <<<"$back")" "s until 95% were back" 10 10 lower
	judge "$(awk '{ print $10 / 1000 }' <<<"$back")" "s until all were back" 30 30 lower
	echo end >&3
	wait "$loader" || below=1
	loader=
	exec 3>&-
	echo "  accounting: $(freeradius_records "$work/radius" 'Acct-Status-Type = Stop' 'Acct-Terminate-Cause = NAS-Reboot') accounts of before are closed"
	kill "$keeper"
	wait "$keeper" || true
	keeper=
	freeradius_stop "$work/radius"
}

# row NAME WORDS
row() {
	local before_control before_plane after_control after_plane up held rate
	echo
	echo "== $sessions sessions, $2; $at_once at a time"
	configure "$1"
	start_concentrator
	until_true 20 "the concentrator answers" answers
	sleep 0.5
	before_control=$(resident control) before_plane=$(resident dataplane)
	start_load "$sessions" "$at_once"
	profile "$1"
	until_true 600 "the sessions are up, or the generator has ended" is_set_up
	grep -q '^up' "$work/load.log" || { tail -n 40 "$work"/*.log >&2; fail "the generator failed"; }
	up=$(grep '^up' "$work/load.log")
	sleep "$hold"
	after_control=$(resident control) after_plane=$(resident dataplane)
	echo end >&3
	until_true 30 "the sessions were held" grep -q '^held' "$work/load.log"
	held=$(grep '^held' "$work/load.log")
	wait "$loader" || { tail -n 40 "$work/load.log" "$work/concentrator.log" >&2; echo "  NOT ALL SESSIONS CAME UP"; below=1; }
	loader=
	exec 3>&-
	sed -n 's/^sessions_load: /  /p' "$work/load.log"
	rate=$(sed -n 's/.* rate \([0-9]*\) .*/\1/p' <<<"$up")
	echo "  ${up}"
	echo "  ${held}"
	[ "$(awk '{ print $2 }' <<<"$held")" = "$sessions" ] || { echo "  NOT ALL SESSIONS WERE HELD"; below=1; }
	echo "  control $before_control KB -> $after_control KB, data plane $before_plane KB -> $after_plane KB"
	judge "$rate" "set-ups/s" 1000 2000 higher
	judge "$(awk -v n="$sessions" -v kb=$((after_control + after_plane - before_control - before_plane)) 'BEGIN { print kb / n }')" \
		"KB a session" 8 4 lower
	[ "$1" != radius ] || echo "  RADIUS was told of $(freeradius_records "$work/radius" 'Acct-Status-Type = Start') starts"
	kill "$keeper"
	wait "$keeper" || true
	keeper=
	[ "$1" != radius ] || freeradius_stop "$work/radius"
}

print_machine
network
below=0
for name in $rows; do
	case $name in
	radius) row radius "users and accounting by FreeRADIUS" ;;
	users) row users "users from the local file" ;;
	killed) killed ;;
	*) fail "BENCH_ROWS: \"$name\" is none of radius, users, killed" ;;
	esac
done
exit "$below"
