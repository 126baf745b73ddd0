# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2034,SC2154
# What every scenario test begins and ends with. A scenario speaks TAP, a case for each promise that it checks,
# and skips with the reason where the lab cannot be.

root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/pratique
# Promised times are those of release builds; sanitizers take their multiple.
story_factor=6
LAB_TAP=1

say() {
	printf '# %s\n' "$*"
}

fail() {
	printf 'Bail out! %s\n' "$*"
	exit 1
}

# shellcheck source=lab/lab.sh
source "$root/lab/lab.sh"

# scenario_begin BUILD: the lab with the programs of that build in it, or the end, skipped.
scenario_begin() {
	local unable
	unable=$(lab_unable)
	if [ -n "$unable" ]; then
		printf '1..0 # SKIP %s\n' "$unable"
		exit 0
	fi
	export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
	lab_claim
	lab_build
	site_up "$1/bin"
}

# Nothing that ran may have been stopped by a sanitizer; then the plan, and the status.
scenario_end() {
	local complaints
	complaints=$(grep -h -A 20 -e 'ERROR: AddressSanitizer' -e 'runtime error:' "$lab_state"/log/* | sed 's/^/# /' || true)
	[ -z "$complaints" ] || printf '%s\n' "$complaints"
	check "no sanitizer has anything to say about any program" "$([ -z "$complaints" ] && echo 0 || echo 1)"
	printf '1..%d\n' "$story_checks"
	[ "$story_failed" = 0 ]
}
