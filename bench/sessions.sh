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
#   4. ike: a smaller run with everything: so many real initiators, each a host of its own with a charon of its own, and certificates;
#      all of them are disconnected at once and come again by IKE_SA_INIT, IKE_AUTH, L2TP and PPP. Debian's charon has no load-tester
#      plugin, so the other end costs as much as ours
#
# Memory is what control and data plane have more of with all sessions up than with none (resident, of /proc/PID/status).
# The floor is 20,000 sessions held at 8 KB each and 1,000 set-ups a second with RADIUS; the goal 50,000 at 4 KB and 2,000.
#
# usage: sessions.sh BUILD-DIRECTORY     (environment: BENCH_SESSIONS, default 20000; BENCH_AT_ONCE, default 128: so many are being
#                                         set up at any time; BENCH_HOLD, default 15: seconds that they are held; HELLOs and
#                                         echoes are due every 10 s; BENCH_ROWS, default "radius users killed ike"; BENCH_IKE, default 20: initiators of the row ike; BENCH_PROFILE: a prefix for
#                                         files of `perf record` of control and data plane)
# shellcheck disable=SC2317 # what a trap calls is reachable
set -euo pipefail
# shellcheck source=bench/machine.bash
. "$(dirname "$(readlink -f "$0")")/machine.bash"
sessions=${BENCH_SESSIONS:-20000} at_once=${BENCH_AT_ONCE:-128} hold=${BENCH_HOLD:-15} rows=${BENCH_ROWS:-radius users killed ike} initiators=${BENCH_IKE:-20}
# shellcheck source=lab/freeradius.sh
. "$root/lab/freeradius.sh"
[ "$(id -u)" = 0 ] || fail "needs root for network namespaces. Run: sudo $root/dev bench sessions"
[ -c /dev/net/tun ] || fail "needs /dev/net/tun"
command -v freeradius >/dev/null || fail "needs freeradius"
ns=pq-bench-$$-
addresses=200
keeper="" loader="" hosts=()

build_tools bench/sessions-load bin/pratique bin/pratique-softwire
(build_tools src/charon/libstrongswan-pratique.so) >/dev/null 2>&1 || true # only where strongSwan's headers are
make_work
chmod 755 "$work"

cleanup() {
	local name pid
	exec 3>&- || true
	for pid in $loader "${hosts[@]}" $keeper; do
		kill "$pid" 2>/dev/null || true
		timeout 20 tail --pid="$pid" -f /dev/null || kill -9 "$pid" 2>/dev/null || true
	done
	[ ! -d "$work/radius" ] || freeradius_stop "$work/radius"
	for name in con gen ike $(seq 1 "$initiators"); do
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

# cpu_of PID...: milliseconds of processor time of these processes
cpu_of() {
	local pid
	for pid; do
		awk -v tick="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print ($12 + $13) * 1000 / tick }' "/proc/$pid/stat" 2>/dev/null || true
	done | awk '{ sum += $1 } END { printf "%.0f", sum }'
}

# host NUMBER: an initiator's
host() {
	local name=$1
	ip netns add "$ns$name"
	in_ns "$name" ip link set lo up
	ip link add "host$name" netns "${ns}ike" type veth peer name eth0 netns "$ns$name"
	in_ns ike ip link set "host$name" up master bridge
	in_ns "$name" ip addr add "198.18.2.$name/16" dev eth0
	in_ns "$name" ip link set eth0 up
	"$build/bin/pratique" ca issue --dir "$work/ca" --role node --name "host$name" --out "$work/keys" >/dev/null
	chown nobody "$work/keys/host$name.key"
	cat >"$work/host$name.conf" <<-END
		user = nobody
		log_level = warning
		concentrator = 198.18.0.1
		concentrator_name = con
		run_directory = $work/run-$name
		state_directory = $work/state-$name
		socket = $work/run-$name/api.sock
		certificate = $work/keys/host$name.pem
		key = $work/keys/host$name.key
		ca = $work/keys/ca.pem
		charon_plugin = $build/src/charon/libstrongswan-pratique.so
		workers = 1
	END
	ip netns exec "$ns$name" "$build/bin/pratique-softwire" initiator --config "$work/host$name.conf" </dev/null >>"$work/hosts.log" 2>&1 &
	hosts+=("$!")
}

# ids: of the sessions that there are
ids() {
	"$build/bin/pratique" softwire sessions --json --socket "$work/run/api.sock" 2>/dev/null | jq -r '.sessions[] | select(.ipv4) | .id' | sort
}

all_up() {
	[ "$(ids | wc -l)" = "$initiators" ]
}

all_new() {
	all_up && [ -z "$(comm -12 <(ids) "$work/ids-before")" ]
}

with_ike() {
	local port began ended charons charon control others total
	echo
	echo "== $initiators initiators with IKEv2 (ECDSA certificates), each with a charon and a data plane of its own on the same cores"
	if [ ! -x /usr/sbin/charon-systemd ] || [ ! -f "$build/src/charon/libstrongswan-pratique.so" ]; then
		echo "  left out: needs strongSwan and our plugin (./dev setup)"
		return
	fi
	ip netns add "${ns}ike"
	in_ns ike ip link add bridge type bridge
	in_ns ike ip addr add 198.18.0.1/16 dev bridge
	in_ns ike ip link set bridge up
	"$build/bin/pratique" ca init --dir "$work/ca" --site bench >/dev/null
	"$build/bin/pratique" ca issue --dir "$work/ca" --role concentrator --name con --out "$work/keys" >/dev/null
	install -m 644 "$work/ca/ca.pem" "$work/keys/ca.pem"
	chown -R nobody "$work/keys"
	rm -rf "$work/state" "$work/run"
	cat >"$work/ike.conf" <<-END
		user = nobody
		log_level = warning
		listen = 198.18.0.1
		run_directory = $work/run
		state_directory = $work/state
		socket = $work/run/api.sock
		enforcer_socket =
		anonymous = yes
		certificate = $work/keys/con.pem
		key = $work/keys/con.key
		ca = $work/keys/ca.pem
		charon_plugin = $build/src/charon/libstrongswan-pratique.so
		pool = default ipv4 10.0.0.0/16
		pool = default framed 2001:db8::/48
		half_open_source_max = 1000
		cookie_threshold = 1000
	END
	ip netns exec "${ns}ike" "$build/bin/pratique-softwire" concentrator --config "$work/ike.conf" </dev/null >>"$work/concentrator.log" 2>&1 &
	keeper=$!
	until_true 20 "the concentrator answers" answers
	for ((port = 1; port <= initiators; port++)); do
		host "$port"
	done
	until_true 120 "all initiators are up" all_up
	sleep 12 # steady ones, which come again at once
	ids >"$work/ids-before"
	charon=$(pgrep -P "$keeper" -x charon-systemd) control=$(pgrep -P "$keeper" -f "pratique-softwire control ")
	mapfile -t charons < <(for port in "${hosts[@]}"; do pgrep -P "$port" -x charon-systemd; done)
	mapfile -t others < <(for port in "${hosts[@]}"; do pgrep -P "$port" -f pratique-softwire; done)
	local charon_before control_before charons_before others_before
	charon_before=$(cpu_of "$charon") control_before=$(cpu_of "$control" "$(pgrep -P "$keeper" -f "pratique-softwire dataplane ")")
	charons_before=$(cpu_of "${charons[@]}") others_before=$(cpu_of "${others[@]}" "${hosts[@]}")
	began=$(date +%s%N)
	"$build/bin/pratique" softwire sessions --json --socket "$work/run/api.sock" | jq -r '.sessions[].port' |
		xargs -n 1 -P 8 "$build/bin/pratique" softwire disconnect --socket "$work/run/api.sock" >/dev/null
	until_true 120 "all initiators are up again" all_new
	ended=$(date +%s%N)
	total=$(awk -v ns=$((ended - began)) 'BEGIN { printf "%.2f", ns / 1e9 }')
	awk -v n="$initiators" -v s="$total" -v cores="$(nproc)" -v a="$(($(cpu_of "$charon") - charon_before))" \
		-v b="$(($(cpu_of "$control" "$(pgrep -P "$keeper" -f "pratique-softwire dataplane ")") - control_before))" \
		-v c="$(($(cpu_of "${charons[@]}") - charons_before))" -v d="$(($(cpu_of "${others[@]}" "${hosts[@]}") - others_before))" 'BEGIN {
		printf "  %d of %d up again in %s s, from the first goodbye on: %.0f set-ups/s with IKE on all of this machine\n", n, n, s, n / s
		printf "  ms of processor a set-up: the concentrator'"'"'s charon %.1f, its control and data plane %.1f; the initiator'"'"'s charon %.1f, its own processes %.1f\n", a / n, b / n, c / n, d / n
		part["the concentrator'"'"'s charon"] = a; part["the concentrator'"'"'s control and data plane"] = b
		part["the initiators'"'"' charons"] = c; part["the initiators'"'"' own processes (L2TP, PPP, netlink: each its host'"'"'s addresses and routes)"] = d
		for (name in part) if (part[name] >= most) { most = part[name]; largest = name }
		printf "  what limits it: %.0f%% of the cores'"'"' time went there, most of it to %s; the rest was waiting and the load of others\n", \
			(a + b + c + d) / (s * 10 * cores), largest
		printf "  the concentrator'"'"'s end alone costs what one core does %.0f times a second\n", 1000 * n / (a + b > 0 ? a + b : 1) }'
	echo "  $(ids | wc -l) of $initiators held"
	for port in "${hosts[@]}"; do
		kill "$port" 2>/dev/null || true
	done
	for port in "${hosts[@]}"; do
		wait "$port" || true
	done
	hosts=()
	kill "$keeper"
	wait "$keeper" || true
	keeper=
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
	ike) with_ike ;;
	*) fail "BENCH_ROWS: \"$name\" is none of radius, users, killed, ike" ;;
	esac
done
exit "$below"
