#!/bin/bash
# SPDX-License-Identifier: ISC
#
# What every command about vulnerability information says of itself: --help with examples and exit codes, what is wrong with a wrong
# line and where the help is, by the name under which it was called, and no colour where there is no terminal.
#
# usage: usage.sh PRATIQUE
set -u
pratique=$1

fail() {
	echo "FAIL: $*"
	exit 1
}

# refused WANTED WORD...: exit code 2, one line with WANTED, and where the help is.
refused() {
	local wanted=$1 text
	shift
	text=$("$pratique" "$@" 2>&1 >/dev/null)
	[ $? = 2 ] || fail "$* is no wrong usage"
	[[ $text == *"$wanted"* ]] || fail "$*: $text"
	[[ $text != *"(null)"* && $text != *$'\033'* ]] || fail "$*: $text"
}

mapfile -t commands < <("$pratique" vuln --help | sed -n 's/^  \(vuln [a-z]*\) .*/\1/p')
[ ${#commands[@]} -ge 9 ] || fail "there are ${#commands[@]} commands"
for command in "${commands[@]}" simulate; do
	read -ra words <<<"$command"
	help=$("$pratique" "${words[@]}" --help) || fail "$command --help"
	for part in "usage: pratique $command " 'Examples:' "  pratique $command " 'Exit status: '; do
		[[ $help == *"$part"* ]] || fail "$command --help lacks \"$part\""
	done
	[[ $help != *$'\033'* ]] || fail "$command --help has colours"
	refused "pratique $command: there is no option --no-such-option" "${words[@]}" --no-such-option
	refused "See \`pratique $command --help\`" "${words[@]}" --no-such-option
done
refused "pratique simulate: give --advisory FILE, --policy FILE, or both" simulate
refused 'pratique vuln: no command "no-such-command"' vuln no-such-command
text=$("$pratique" vuln sources --socket /nonexistent/socket 2>&1)
[ $? = 1 ] || fail "nobody listens, and it does not fail"
[[ $text == *"is pratique-vis running"* ]] || fail "nobody listens: $text"
echo "ok: ${#commands[@]} commands"
