#!/bin/bash
# SPDX-License-Identifier: ISC
# Waits for the end of the lab's owner and takes down what it left: guard.sh ROOT CACHE OWNER. An owner that could
# clean up for itself has done so by then, and one that was killed could not.
set -euo pipefail

root=$1
cache=$2
owner=$3
fail() {
	exit 1
}
say() {
	:
}
# shellcheck source=lab/lab.sh
source "$root/lab/lab.sh"

tail --pid="$owner" -s 0.3 -f /dev/null
exec {lab_lock}>"$lab_lock_file"
# A process of the dead owner may hold the lock for as long as its host lives; a new owner has put its own name there.
flock -w 3 "$lab_lock" || true
if [ "$(cat "$lab_state/owner" 2>/dev/null)" = "$owner" ] && [ ! -e "$lab_state/kept" ]; then
	lab_clear
fi
