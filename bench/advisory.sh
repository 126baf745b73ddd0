#!/bin/bash
# SPDX-License-Identifier: ISC
#
# A new advisory, to the last node that it affects: decided, its certificate revoked, its enforcement point told, and each decision on the
# disk. 1%, 10% and 100% of the stored nodes are affected; then the advisory is withdrawn, which admits them again.
#
# The nodes are made by the server's own code, one inspection each, without network: packages drawn from this machine's, one in eight in one
# of two older versions, eight advisories known about each of them. Then the site is closed and opened again, as after a start of the
# server: how long that takes, how long it takes to judge everybody, and what the reverse index weighs, is printed too.
#
# usage: advisory.sh BUILD-DIRECTORY     (environment: BENCH_NODES, default 100000; BENCH_PACKAGES of each, default 900; BENCH_STATUS: a
#                                         dpkg status file)
set -euo pipefail
# shellcheck source=bench/machine.bash
. "$(dirname "$(readlink -f "$0")")/machine.bash"
nodes=${BENCH_NODES:-100000} packages=${BENCH_PACKAGES:-900} status=${BENCH_STATUS:-/var/lib/dpkg/status}
make_work
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP
build_tools bench/advisory

print_machine
echo "site: $nodes nodes of $packages packages"
"$tools/advisory" "$work" "$status" "$nodes" "$packages"
echo "  database $(du -m "$work/state/pratique.db" | cut -f 1) MB"
echo "floor: 1 s at 1%, 10 s at 100%; goal: 0.2 s and 2 s"
