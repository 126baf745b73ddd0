# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2034,SC2154
# Sourced by the benchmarks of pratique-server, after machine.bash and with $nodes set: starts them anew in a network and mount
# namespace of their own, where they have a server, a CA with certificates for so many nodes, and the advisories of Debian.

packages=${BENCH_PACKAGES:-900} status=${BENCH_STATUS:-/var/lib/dpkg/status}
[ "$(id -u)" = 0 ] || fail "needs root for a network namespace of its own"

if [ -z "${BENCH_WORK:-}" ]; then
	build_tools bench/load bin/pratique bin/pratique-server
	make_work
	trap 'rm -rf "$work"' EXIT
	trap 'exit 1' INT TERM HUP
	code=0
	BENCH_WORK=$work unshare --net --mount -- "$0" "$build" || code=$?
	exit "$code"
fi
make_work
chmod 755 "$work"
ip link set lo up

declare -A pids=()
cleanup() {
	local name
	for name in "${!pids[@]}"; do
		kill "${pids[$name]}" 2>/dev/null || true
	done
	wait
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

# start NAME COMMAND...
start() {
	local name=$1
	shift
	"$@" >"$work/$name.log" 2>&1 </dev/null &
	pids[$name]=$!
}

stop() {
	kill "${pids[$1]}"
	wait "${pids[$1]}" 2>/dev/null || true
	unset "pids[$1]"
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

api() {
	"$build/bin/pratique" "$@" --socket "$work/server.sock"
}

counter() {
	api status --json | jq -r ".counters.$1"
}

# ---- the site ----

prepare() {
	local archive what="apt's lists: no OSV export of Debian in $shared/advisories/osv"
	# A CA syncs each certificate to the disk: not what is measured.
	mkdir "$work/made"
	mount -t tmpfs none "$work/made"
	"$tools/load" prepare "$work/made" "$nodes"
	cp -a "$work/made/." "$work/"
	umount "$work/made"
	install -m 644 "$work/ca/ca.pem" "$work/ca.pem"
	mkdir -m 700 "$work/state"
	mkdir -m 755 "$work/index"
	cat >"$work/policy" <<-'END'
		site 127.0.0.0/8
		enforcer "load" { nodes 127.1.0.0/16 }
		define server { address 127.0.0.1 tcp 271 }
		segment quarantine default { allow to server }
		segment isolated { allow to server }
		segment staff level 2 { allow to any }
		require patched { no advisory where severity >= high and fixed }
		require firewall { firewall.active }
		admit to staff when patched, firewall
		otherwise isolated
		inspect every 30 min
		certificate lifetime 45 min
	END
	archive=$(find "$shared/advisories/osv/" -name 'debian-osv-*.tar.xz' 2>/dev/null | sort | tail -n 1 || true)
	[ -z "$archive" ] || what=$(basename "$archive")
	"$build/bin/pratique" vuln index --json --out "$work/index" "${archive:-apt:}" >"$work/index.json" 2>"$work/refused"
	echo "advisories: $(jq -r .loaded "$work/index.json") of $what"
	chown -R nobody "$work/state" "$work/index"
	cat >"$work/server.conf" <<-END
		addresses = 127.0.0.1
		socket = $work/server.sock
		certificate = $work/srv.pem
		key = $work/srv.key
		ca = $work/ca.pem
		policy = $work/policy
		state_directory = $work/state
		index_directory = $work/index
		vis_socket = $work/vis.sock
		user = nobody
		connections_per_source = 100000
	END
}

start_server() {
	start server "$build/bin/pratique-server" --config "$work/server.conf"
	until_true 10 "the server answers" api status
}

