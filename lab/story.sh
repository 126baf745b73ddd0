# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2034,SC2154
# What every story is told with: promises that are checked, steps, times. story_factor stretches the time limits where the
# programs are built with sanitizers.
#
# Needs from its user: say.

story_checks=0
story_failed=0
story_factor=${story_factor:-1}

# check DESCRIPTION STATUS: one promise, kept (0) or not. In a test it is a case of TAP.
check() {
	story_checks=$((story_checks + 1))
	if [ "$2" = 0 ]; then
		check_line "ok $story_checks - $1" "  kept: $1"
	else
		story_failed=$((story_failed + 1))
		check_line "not ok $story_checks - $1" "  BROKEN: $1"
	fi
}

check_line() {
	if [ -n "${LAB_TAP:-}" ]; then
		printf '%s\n' "$1"
	else
		say "$2"
	fi
}

# check_within DESCRIPTION SECONDS LIMIT: a measured time against the promised one.
check_within() {
	local limit
	limit=$(awk -v l="$3" -v f="$story_factor" 'BEGIN { print l * f }')
	check "$1 after $2 s (promised: within $limit s)" \
		"$(awk -v t="$2" -v l="$limit" 'BEGIN { print (t != "" && t + 0 <= l + 0) ? 0 : 1 }')"
}

story_now() {
	date +%s.%N
}

# The seconds from $1 to $2, 0 if they come the other way round.
story_seconds() {
	awk -v from="$1" -v to="$2" 'BEGIN { d = to - from; printf "%.2f\n", (d > 0) ? d : 0 }'
}

story_step() {
	say ""
	say "Step $1: $2"
}

# The last word, and the status.
story_end() {
	say ""
	if [ "$story_failed" = 0 ]; then
		say "All $story_checks promises were kept."
	else
		say "$story_failed of $story_checks promises were BROKEN."
	fi
	[ "$story_failed" = 0 ]
}
