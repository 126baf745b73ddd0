#!/bin/bash
# SPDX-License-Identifier: ISC
#
# ESP on one core: packets of 1,420 bytes sealed and opened, every suite, OpenSSL and ipsec-mb side by side in the same run, and the
# share of each stage: preparing (room, numbers, headers, padding; replay check), cryptography, finishing (window, counters).
#
# usage: esp.sh BUILD-DIRECTORY      (BENCH_RUNS: how many runs, default 5; BENCH_MS: of how many milliseconds each, default 200)
set -euo pipefail
# shellcheck source=bench/machine.bash
. "$(dirname "$(readlink -f "$0")")/machine.bash"
build_tools bench/esp

print_machine
echo
echo "== payloads of 1,420 bytes in batches of 44, one core, median of ${BENCH_RUNS:-5}; share of preparing/cryptography/finishing"
taskset -c 0 "$tools/esp" 1420 "${BENCH_RUNS:-5}" "${BENCH_MS:-200}"
