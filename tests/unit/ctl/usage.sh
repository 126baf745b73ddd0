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
refused "--generations is FROM or FROM:TO" vuln diff --generations 5: /nonexistent
refused "--index asks nobody" vuln sources --index /nonexistent --socket /nonexistent/socket
# The thousand-and-first advisory comes by way of an importer.
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
for i in $(seq 1000); do
	echo "{\"id\": \"A-$i\", \"modified\": \"2026-01-01T00:00:00Z\", \"affected\": []}"
done >"$dir/list.json"
cat >"$dir/more.json" <<-'END'
	{"document": {"category": "csaf_security_advisory", "csaf_version": "2.0", "publisher": {"category": "vendor", "name": "V",
	"namespace": "https://v.example"}, "title": "t", "tracking": {"id": "V-1", "status": "final", "version": "1",
	"initial_release_date": "2026-01-01T00:00:00Z", "current_release_date": "2026-01-01T00:00:00Z",
	"revision_history": [{"date": "2026-01-01T00:00:00Z", "number": "1", "summary": "s"}]}},
	"product_tree": {"full_product_names": [{"product_id": "P", "name": "p",
	"product_identification_helper": {"purl": "pkg:pypi/p@1.0"}}]},
	"vulnerabilities": [{"cve": "CVE-2026-1", "product_status": {"known_affected": ["P"]}}]}
END
text=$("$pratique" simulate --advisory "$dir/list.json" --advisory "$dir/more.json" --socket /nonexistent/socket 2>&1)
[ $? = 1 ] || fail "1001 advisories: $text"
[[ $text == *"more than 1000 advisories"* && $text != *Leak* ]] || fail "1001 advisories: $text"
echo "ok: ${#commands[@]} commands"
