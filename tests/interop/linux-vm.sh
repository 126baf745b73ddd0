# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2154
# Tests with a part in the VM: its job (a script beside the test) says "pass: PROMISE" or "miss: PROMISE" on the console,
# and "now: EVENT" where the test's other half, out here, is to do something; all else becomes comments of the TAP.
#
# Needs from its user: here (this folder), bin (the programs), and a function on_event EVENT where the job announces any.

# shellcheck source=lab/vm.sh
. "$here/../../lab/vm.sh"

passed=0 missed=0
work=
linux_user=alice
linux_password=opensesame
export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1

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

# eventually COMMAND...: within 20 s.
eventually() {
	local end=$((SECONDS + 20))
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.1
	done
}

# check "PROMISE" COMMAND...
check() {
	if eventually "${@:2}"; then ok "$1"; else not_ok "$1"; fi
}

fail() {
	local log
	for log in "$work"/*.log; do
		[ -s "$log" ] || continue
		say "--- $(basename "$log")"
		tail -n 100 "$log" | sed 's/^/# /'
	done
	printf 'Bail out! %s\n' "$*"
	exit 1
}

# spawn NAME COMMAND...: in the background; what it says is in NAME.log.
spawn() {
	"${@:2}" >>"$work/$1.log" 2>&1 &
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

# A CA of ours, and the keys of a client, an LNS and a concentrator.
make_keys() {
	local name role
	"$bin/pratique" ca init --dir "$work/ca" --site "Linux Harbour" >/dev/null
	mkdir -m 755 "$work/keys"
	install -m 644 "$work/ca/ca.pem" "$work/keys/"
	for name in client initiator lns concentrator; do
		role=node
		case $name in lns | concentrator) role=concentrator ;; esac
		"$bin/pratique" ca issue --dir "$work/ca" --role "$role" --name "$name" --out "$work/keys" >/dev/null
	done
}

linux_users() {
	printf '%s plain:%s machine=client\n' "$linux_user" "$linux_password"
}

# vm_job SCRIPT SECONDS [WORD of vm_run]...: runs it and counts what it says; it is an error when it ends early.
vm_job() {
	local job=$1 seconds=$2 line status=
	shift 2
	cat >"$work/job" <<-END
		keys=$work/keys work=/tmp/job here=$here bin=$bin
		linux_user=$linux_user linux_password=$linux_password
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

# Nothing that ran here may have been stopped by a sanitizer; then the plan, and the status.
vm_test_end() {
	if grep -hs -A 20 -e 'ERROR: AddressSanitizer' -e 'runtime error:' "$work"/*.log | sed 's/^/# /' | grep .; then
		not_ok "no sanitizer has anything to say"
	fi
	[ "$missed" = 0 ] || tail -n 60 "$work"/*.log | sed 's/^/# /'
	printf '1..%d\n' $((passed + missed))
	[ "$missed" = 0 ]
}
