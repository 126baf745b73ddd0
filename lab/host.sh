# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2034,SC2154
# A host of the lab: a network, mount, UTS, IPC and PID namespace over an overlay of this machine's own system, so a
# real and writable Debian whose changes go to a scratch folder. Its first process is lab/host-init.sh; when
# that ends, the kernel ends every process of the host and unmounts all that is its own.
#
# Needs from its user: root (the checkout), cache (a folder on disk), say, fail.

lab_state=/run/pratique-lab
lab_lock_file=/run/pratique-lab.lock
lab_prefix=pratique-
lab_path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

# host_create NAME LAYER... makes and starts a host; the LAYERs, topmost first, lie over this machine's system.
host_create() {
	local name=$1 scratch=$cache/scratch/$1 layers tries
	shift
	layers=$(IFS=: && printf '%s' "$*")
	rm -rf "$scratch"
	mkdir -p "$scratch" "$lab_state/hosts" "$lab_state/log"
	ip netns add "$lab_prefix$name"
	nsenter --net="/run/netns/$lab_prefix$name" \
		unshare --mount --uts --ipc --pid --fork --kill-child=KILL \
		/bin/bash "$root/lab/host-init.sh" "$name" "$scratch" "$layers" \
		</dev/null >"$lab_state/log/$name.init" 2>&1 {lab_lock}>&- &
	local starter=$!
	disown "$starter"
	for ((tries = 0; tries < 500; tries++)); do
		if [ -s "$scratch/pid" ] && [ -e "/proc/$(cat "$scratch/pid")/root/run/lab.ready" ]; then
			cp "$scratch/pid" "$lab_state/hosts/$name"
			return
		fi
		kill -0 "$starter" 2>/dev/null || break
		sleep 0.02
	done
	cat "$lab_state/log/$name.init" >&2
	fail "the host $name did not start"
}

# The process id, out here, of a host's first process; fails where the host is not up.
host_pid() {
	cat "$lab_state/hosts/$1" 2>/dev/null || fail "no host $1 in the lab; there are: $(host_names)"
}

host_names() {
	[ ! -d "$lab_state/hosts" ] || find "$lab_state/hosts" -type f -printf '%f '|| true
}

# host_root NAME: where the host's file system is seen from out here.
host_root() {
	echo "/proc/$(host_pid "$1")/root"
}

# Puts into the array `enter` the words that run a command in a host.
host_enter() {
	local pid
	pid=$(host_pid "$1") || return 1
	enter=(nsenter --target "$pid" --mount --uts --ipc --net --pid --wdns=/root --
		/usr/bin/env -i PATH="$lab_path" HOME=/root TERM="${TERM:-dumb}" LANG=C.UTF-8
		ASAN_OPTIONS="${ASAN_OPTIONS:-}" UBSAN_OPTIONS="${UBSAN_OPTIONS:-}")
}

# host_exec NAME COMMAND... Waits for it in a way that a signal to us interrupts.
host_exec() {
	local enter
	host_enter "$1" || return 1
	"${enter[@]}" "${@:2}" <&0 &
	wait $!
}

# host_spawn NAME LABEL COMMAND... runs a command in the background of a host until the host goes down; what it
# prints is appended to the log of that label.
host_spawn() {
	local enter log=$lab_state/log/$1.$2
	host_enter "$1"
	(exec "${enter[@]}" setsid "${@:3}" </dev/null >>"$log" 2>&1 {lab_lock}>&-) &
	disown $!
}

# host_install NAME FILE TARGET [MODE] copies a file of this machine into a host.
host_install() {
	install -D -m "${4:-644}" "$2" "$(host_root "$1")$3"
}

# Ends a host and removes its traces; says nothing of one that is not there.
host_destroy() {
	local name=$1 pid pids tries
	if [ -e "/run/netns/$lab_prefix$name" ]; then
		for ((tries = 0; tries < 200; tries++)); do
			mapfile -t pids < <(ip netns pids "$lab_prefix$name" 2>/dev/null)
			[ ${#pids[@]} != 0 ] || break
			for pid in "${pids[@]}"; do
				kill -KILL "$pid" 2>/dev/null || true
			done
			sleep 0.02
		done
		ip netns del "$lab_prefix$name"
	fi
	rm -rf "$cache/scratch/$name"
	rm -f "$lab_state/hosts/$name"
}
