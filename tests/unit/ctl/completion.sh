#!/bin/bash
# SPDX-License-Identifier: ISC
#
# The completion of bash, sourced and asked as bash asks it: commands, options, names of nodes, and file names where nothing
# else can stand. A script stands for the server.
#
# usage: completion.sh PRATIQUE COMPLETION-FOLDER
set -u

pratique=$1 folder=$2
dir=$(mktemp -d "${TMPDIR:-/tmp}/pq-completion.XXXXXX")
server=
# shellcheck disable=SC2317 # the trap calls it
cleanup() {
	[ -z "$server" ] || kill "$server" 2>/dev/null
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

python3 - "$dir/socket" "$dir/ready" <<'END' &
import http.server, os, socketserver, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b'{"nodes":[{"name":"alice","segment":"staff"},{"name":"albert","segment":"isolated"},{"name":"bob"}],"agentless":[]}'
        self.send_response(200 if self.path.startswith("/v1/nodes?after=node%20") else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def address_string(self):
        return "unix"
    def log_message(self, *words):
        pass
with socketserver.UnixStreamServer(sys.argv[1], Answer) as server:
    open(sys.argv[2], "w").close()
    server.serve_forever()
END
server=$!
tries=1000
until [ -e "$dir/ready" ]; do
	tries=$((tries - 1))
	[ "$tries" -gt 0 ] || { echo "FAIL: no server"; exit 1; }
	sleep 0.02
done

# shellcheck source=completion/pratique.bash
source "$folder/pratique.bash"
complete -p pratique | grep -q -- '-o default -F _pratique' || { echo "FAIL: nothing completes pratique"; exit 1; }

# completes EXPECTED WORD...: the last word is completed to these, one after the other.
failed=0
completes() {
	local expected=$1
	shift
	COMP_WORDS=("$pratique" "$@")
	COMP_CWORD=$#
	_pratique "$pratique" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
	if [ "${COMPREPLY[*]}" = "$expected" ]; then
		echo "ok: $*"
	else
		echo "FAIL: $*: \"${COMPREPLY[*]}\", not \"$expected\""
		failed=1
	fi
}

completes 'status' sta
completes 'revoke reload restore' re
completes 'version-compare version-within vuln' v
completes 'index import sources show publish keys diff verify subscribe match' vuln ''
completes 'match' vuln m
completes 'new list revoke' token ''
completes '' nothing-like-it ''
completes '--lines' events --li
completes '--index --inventory' vuln match --in
completes '' vuln match --index ''
completes '' backup ''
completes 'alice albert' explain --socket "$dir/socket" al
completes 'alice albert bob' revoke --reason 'a word' -s "$dir/socket" ''
completes '' explain --socket "$dir/nobody-listens" al
completes '' revoke --socket "$dir/socket" --reason ''
mapfile -t first < <("$pratique" complete '' | cut -f1)
mapfile -t listed < <("$pratique" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z-]*\).*/\1/p' | awk '!seen[$0]++')
[ "${first[*]}" = "${listed[*]}" ] || { echo "FAIL: ${first[*]} are not the commands of --help: ${listed[*]}"; failed=1; }
for shell in zsh:_pratique fish:pratique.fish; do
	command -v "${shell%%:*}" >/dev/null || continue
	"${shell%%:*}" -n "$folder/${shell#*:}" || { echo "FAIL: ${shell#*:}"; failed=1; }
done
exit "$failed"
