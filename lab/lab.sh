# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2034,SC2154
# Bringing the lab up and down: who owns it, and that nothing of it outlives its owner.
#
# One lab exists at a time on a machine; a lock says whose. A guard waits for the owner's end, however it comes, and
# takes down what is left, unless the owner said to keep it.
#
# Needs from its user: root, cache, say, fail.

# shellcheck source=lab/host.sh
source "$root/lab/host.sh"
# shellcheck source=lab/layer.sh
source "$root/lab/layer.sh"
# shellcheck source=lab/net.sh
source "$root/lab/net.sh"
# shellcheck source=lab/service.sh
source "$root/lab/service.sh"
# shellcheck source=lab/reach.sh
source "$root/lab/reach.sh"
# shellcheck source=lab/site.sh
source "$root/lab/site.sh"

LAB_WAIT=900

# Why this machine cannot carry the lab, on standard output; nothing if it can.
lab_unable() {
	if [ "$(id -u)" != 0 ]; then
		echo "the lab needs root, for network namespaces"
	elif ! unshare --net --mount --pid --uts --ipc --fork true 2>/dev/null; then
		echo "this machine's kernel allows no namespaces here (a container without CAP_SYS_ADMIN?)"
	fi
}

# Takes the lab for this process: waits for another owner, clears what an earlier one left.
lab_claim() {
	mkdir -p "$(dirname "$lab_lock_file")"
	exec {lab_lock}>"$lab_lock_file"
	if ! flock -n "$lab_lock"; then
		say "lab: another run has the lab; waiting for its end"
		flock -w "$LAB_WAIT" "$lab_lock" || fail "another run has had the lab for $LAB_WAIT s (see $lab_lock_file)"
	fi
	[ ! -e "$lab_state/kept" ] || say "lab: taking down the lab that was kept up"
	lab_clear
	mkdir -p "$lab_state/hosts" "$lab_state/log"
	lab_owner=$BASHPID
	echo "$lab_owner" >"$lab_state/owner"
	setsid /bin/bash "$root/lab/guard.sh" "$root" "$cache" "$lab_owner" </dev/null >/dev/null 2>&1 {lab_lock}>&- &
	disown $!
	trap lab_release EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
}

# Removes every trace of a lab.
lab_clear() {
	local name
	layer_stop
	for name in /run/netns/"$lab_prefix"*; do
		[ ! -e "$name" ] || host_destroy "${name#/run/netns/"$lab_prefix"}"
	done
	rm -rf "$lab_state" "$cache/scratch"
}

# The end of the owner: the lab goes, unless it is to be kept. Subshells have inherited the trap, not the lab.
lab_release() {
	local status=$?
	trap - EXIT
	if [ "$BASHPID" = "$lab_owner" ] && [ ! -e "$lab_state/kept" ]; then
		[ "$status" = 0 ] || lab_save_logs
		lab_clear
	fi
	exit "$status"
}

# After a failure, the logs of the lab's daemons are worth keeping.
lab_save_logs() {
	local to=$root/build/lab-logs
	[ -d "$lab_state/log" ] || return 0
	rm -rf "$to"
	mkdir -p "$root/build"
	cp -r "$lab_state/log" "$to"
	say "lab: the logs of its hosts are in ${to#"$root"/}"
}

lab_keep() {
	touch "$lab_state/kept"
}

lab_is_up() {
	[ -e "$lab_state/up" ]
}

# The hosts with their tools, the cables, and what the hosts offer.
lab_build() {
	local name tool
	layers_prepare
	for name in gw "${lab_sites[@]}" "${lab_nodes[@]}" "${lab_outside[@]}"; do
		if [ "$name" = bob ]; then
			host_create bob "$layer_behind" "$layer_updated"
		else
			host_create "$name" "$layer_updated"
		fi
		for tool in probe.py serve.py; do
			host_install "$name" "$root/lab/$tool" "/usr/local/lib/lab/$tool" 755
		done
	done
	for name in alice bob; do
		host_install "$name" "$layer_mirror/lab.list" /etc/apt/sources.list.d/lab.list
	done
	net_up
	service_up
	[ ${#lab_outside[@]} = 0 ] || outside_up
	touch "$lab_state/up"
}

lab_status() {
	local name
	lab_is_up || {
		say "the lab is down (./dev lab up, or ./dev demo --keep)"
		return 1
	}
	printf '%-9s %-19s %-13s %s\n' HOST IPV6 IPV4 PROCESSES
	for name in gw "${lab_sites[@]}" "${lab_nodes[@]}" "${lab_outside[@]}"; do
		printf '%-9s %-19s %-13s %s\n' "$name" "${lab_ipv6[$name]:--}" "${lab_ipv4[$name]:--}" \
			"$(host_exec "$name" ps -e -o comm= | grep -v -e '^sleep$' -e '^bash$' -e '^ps$' | sort -u | tr '\n' ' ')"
	done
	say "./dev lab exec HOST COMMAND... runs a command in one; ./dev lab down takes it down"
}
