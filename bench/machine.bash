# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# Sourced by the benchmarks: what machine this is, and a folder for their files that is gone afterwards.
#
# Afterwards: $root (checkout), $build (release build), $tools (built programs of bench/), $shared (folder of real advisories, may be
# absent), $work (empty folder on a real disk).

root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
build=$(readlink -f "$1")
tools=$build/bench
shared=${PRATIQUE_SHARED:-$root/../shared}
export LC_ALL=C.UTF-8

fail() {
	echo "bench: $*" >&2
	exit 1
}

# So that a sync is a sync: not on a tmpfs.
make_work() {
	work=${BENCH_WORK:-$(mktemp -d "${TMPDIR:-/var/tmp}/pq-bench.XXXXXX")}
	[ "$(stat -f -c %T "$work")" != tmpfs ] || fail "$work is on a tmpfs: set TMPDIR to a folder on a disk"
}

print_machine() {
	local model memory
	model=$(sed -n 's/^model name[\t ]*: //p' /proc/cpuinfo | head -n 1)
	memory=$(awk '/^MemTotal/ { printf "%.1f GB", $2 / 1e6 }' /proc/meminfo)
	echo "machine: ${model:-$(uname -m)}, $(nproc) cores, $memory, $(uname -sr)"
	echo "load before: $(cut -d ' ' -f 1-3 /proc/loadavg) (anything much above 0: the figures below are too low)"
	echo "build: $(git -C "$root" describe --always --dirty 2>/dev/null || echo "no git checkout")," \
		"$(jq -r '[.[] | select(.name == "buildtype").value][0]' "$build/meson-info/intro-buildoptions.json")"
}

build_tools() {
	ninja -C "$build" --quiet "$@" || fail "the tools of this benchmark do not build"
}
