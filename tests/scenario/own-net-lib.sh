# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2034
# A network and mounts of the script's own, a folder ($site) that goes with it, and processes (pids) that are ended with it. Sourced with
# the script's arguments, the first of which is the folder of the programs (or PQ_SITE_BIN is). With PQ_SITE_ON_DISK the folder is on the
# disk, not in memory.
set -u

bin=$(readlink -f "${PQ_SITE_BIN:-$1}")
if [ "$(id -u)" != 0 ]; then
	echo "SKIP: needs root for network namespaces of its own"
	exit 77
fi
if [ -z "${PQ_SITE:-}" ]; then
	site=$(mktemp -d "${TMPDIR:-/tmp}/pq-site.XXXXXX")
	trap 'rm -rf "$site"' EXIT
	trap 'exit 1' INT TERM HUP
	PQ_SITE=$site unshare --net --mount --propagation private -- "$0" "$@" && status=0 || status=$?
	exit "$status"
fi
site=$PQ_SITE
mkdir -p /run/netns
[ -n "${PQ_SITE_ON_DISK:-}" ] || mount -t tmpfs none "$site"
chmod 755 "$site"
mount -t tmpfs -o mode=755 none /run/netns

declare -A pids=()
namespaces=()
cleanup() {
	local name
	for name in "${!pids[@]}"; do
		kill "${pids[$name]}" 2>/dev/null || true
	done
	wait
	for name in "${namespaces[@]}"; do
		ip netns del "$name" 2>/dev/null || true
	done
	return 0
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

# Whoever has more to show than logs says so in show_state.
fail() {
	echo "FAIL: $*"
	! declare -F show_state >/dev/null || show_state
	for log in "$site"/*.log; do
		echo "--- $log"
		tail -n 40 "$log"
	done
	exit 1
}

ok() {
	echo "ok: $*"
}

# until_true SECONDS WHAT COMMAND...: the command succeeds within so many seconds.
until_true() {
	local end=$((SECONDS + $1)) what=$2
	shift 2
	while ! "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -le "$end" ] || fail "$what"
		sleep 0.05
	done
	ok "$what"
}
