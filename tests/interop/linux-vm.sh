# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2154
# Tests with a part in the VM: its job (a script beside the test) says "pass: PROMISE" or "miss: PROMISE" on the console,
# and "now: EVENT" where the test's other half, out here, is to do something; all else becomes comments of the TAP.
#
# Needs from its user: here (this folder), and a function on_event EVENT where the job announces any.

# shellcheck source=lab/vm.sh
. "$here/../../lab/vm.sh"

passed=0 missed=0
work=

ok() {
	passed=$((passed + 1))
	printf 'ok %d - %s\n' $((passed + missed)) "$*"
}

not_ok() {
	missed=$((missed + 1))
	printf 'not ok %d - %s\n' $((passed + missed)) "$*"
}

say() {
	printf '# %s\n' "$*"
}

skip() {
	printf '1..0 # SKIP %s\n' "$*"
	exit 0
}

# In namespaces of its own, network, mounts and processes, which end with it.
vm_test_begin() {
	local reason
	reason=$(vm_unable)
	[ -z "$reason" ] || skip "$reason"
	if [ -z "${VM_TEST_INSIDE:-}" ]; then
		VM_TEST_INSIDE=1 exec unshare --net --mount --pid --fork --kill-child --mount-proc "$0" "$@"
	fi
	unset VM_TEST_INSIDE
	exec </dev/null
	ip link set lo up
	work=$(mktemp -d /tmp/pratique-vm-XXXXXX)
	chmod 755 "$work"
	trap 'rm -rf "$work"' EXIT
}

# vm_job SCRIPT SECONDS [WORD of vm_run]...: runs it and counts what it says; it is an error when it ends early.
vm_job() {
	local job=$1 seconds=$2 line status=
	shift 2
	cat >"$work/job" <<-END
		keys=$work/keys work=/tmp/job here=$here
		. $here/linux-peer.sh
		. $here/$job
	END
	while IFS= read -r line; do
		case $line in
		pass:*) ok "${line#pass: }" ;;
		miss:*) not_ok "${line#miss: }" ;;
		now:*) on_event "${line#now: }" ;;
		ended:*) status=${line#ended: } ;;
		*) say "$line" ;;
		esac
	done < <(
		vm_run "$work/job" "seconds=$seconds" "$@" && status=0 || status=$?
		echo "ended: $status"
	)
	case $status in
	0) ok "the VM's part came to its end" ;;
	124) not_ok "the VM's part came to its end (it was stopped after $seconds s)" ;;
	*) not_ok "the VM's part came to its end (status $status)" ;;
	esac
}

vm_test_end() {
	printf '1..%d\n' $((passed + missed))
	[ "$missed" = 0 ]
}
