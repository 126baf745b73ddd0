#!/bin/bash
# SPDX-License-Identifier: ISC
#
# Files of advisories by the command line: what `simulate`, `vuln publish` and `vuln import` take of them, and that what one of them
# refuses the others do not take. A script stands for the server and keeps what it is asked.
#
# usage: vuln_files.sh PRATIQUE
set -u

pratique=$(realpath "$1")
dir=$(mktemp -d "${TMPDIR:-/tmp}/pq-files.XXXXXX")
server=
# shellcheck disable=SC2317 # the trap calls it
cleanup() {
	[ -z "$server" ] || kill "$server" 2>/dev/null
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP
cd "$dir" || exit 1
failed=0

python3 - socket ready <<'END' &
import http.server, socketserver, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        with open("asked", "wb") as asked:
            asked.write(self.rfile.read(int(self.headers["Content-Length"])))
        body = b'{"nodes": 1, "worse": 0, "better": 0, "between": [], "moves": []}'
        self.send_response(200)
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
until [ -e ready ]; do
	tries=$((tries - 1))
	[ "$tries" -gt 0 ] || { echo "FAIL: no server"; exit 1; }
	sleep 0.02
done

# ends CODE WORDS COMMAND...: it ends so, and says the words; WORDS "": nothing on standard error. What it says is in $out.
ends() {
	local code=$1 words=$2 got
	shift 2
	out=$("$pratique" "$@" 2>&1 >stdout)
	got=$?
	if [ -z "$words" ]; then
		[ -z "$out" ] && [ $got = "$code" ] && return
	else
		[[ $out == *"$words"* ]] && [ $got = "$code" ] && return
	fi
	printf 'FAILED: %s\n  ended with %s, not %s, and said: %s\n' "$*" "$got" "$code" "$out"
	failed=1
}
# record ID ECOSYSTEM INTRODUCED [MORE]
record() {
	printf '{"id": "%s", "modified": "2026-01-01T00:00:00Z"%s, "affected": [{"package": {"ecosystem": "%s", "name": "p"},
"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "%s"}, {"fixed": "9"}]}]}]}\n' "$1" "${4-}" "$2" "$3"
}
simulate=(simulate --socket socket --advisory)
asked() {
	[ "$(jq -c "$1" asked)" = "$2" ] || { echo "FAILED: asked $(jq -c "$1" asked), not $2"; failed=1; }
}

record GOOD-1 Debian:12 0 >good.json
record BAD-1 Debian:12 'z z' >bad.json
record TYPO-1 debian 0 >typo.json
record GONE-1 debian 0 ', "withdrawn": "2026-02-01T00:00:00Z"' >gone.json
record OTHER-1 npm 0 >other.json
record GOOD-1 Debian:12 1 >same.json
mkdir watched

# ---- one record ----

ends 0 '' "${simulate[@]}" good.json
asked '[.advisories[].id]' '["GOOD-1"]'
ends 1 'invalid dpkg version' vuln publish --dir watched bad.json
[ "$(grep -c 'invalid dpkg version' <<<"$out")" = 1 ] || { echo "FAILED: said more than once: $out"; failed=1; }
ends 1 'bad.json:1: invalid dpkg version "z z"' "${simulate[@]}" bad.json
# Each with its own reason.
record BAD-2 Debian:12 'y y' >bad2.json
ends 1 '"y y"' vuln publish --dir watched bad.json bad2.json
for which in 'vuln publish --dir watched' "${simulate[*]}"; do
	read -ra words <<<"$which"
	ends 0 'no package that is known here is affected' "${words[@]}" typo.json
	ends 0 '' "${words[@]}" gone.json
done

# ---- many ----

(cat good.json && echo && cat other.json) >many.json
ends 0 '' "${simulate[@]}" many.json
asked '[.advisories[].id]' '["GOOD-1","OTHER-1"]'
(echo '[' && cat good.json && echo ',' && cat other.json && echo ']' && echo '[]') >list.json
ends 0 '' "${simulate[@]}" list.json
asked '[.advisories[].id]' '["GOOD-1","OTHER-1"]'
head -n -2 list.json >cut.json
ends 1 "cut.json:7: ',' or ']' is missing" "${simulate[@]}" cut.json
(echo ']],,[,' && cat good.json && echo ']]]]') >brackets.json
ends 1 'brackets.json:1: ' "${simulate[@]}" brackets.json
(echo '[,' && cat good.json && echo ']') >comma.json
ends 1 'comma.json:1: ' "${simulate[@]}" comma.json
(echo '[' && cat good.json && echo ',]') >comma.json
ends 1 'comma.json:4: ' "${simulate[@]}" comma.json
(cat good.json && echo ']') >end.json
ends 1 'end.json:3: ' "${simulate[@]}" end.json
(cat good.json && printf '\0' && cat bad.json) >nul.json
ends 1 'nul.json:3: ' "${simulate[@]}" nul.json
(echo '[' && cat good.json && echo ',' && cat bad.json && echo ']') >badlist.json
ends 1 'badlist.json:5: invalid dpkg version "z z"' "${simulate[@]}" badlist.json
ends 1 'a list' vuln publish --dir watched list.json
ends 1 'good.json and same.json are both GOOD-1' vuln publish --dir watched good.json same.json
[ ! -e watched/GOOD-1.json ] || { echo "FAILED: one of two is published"; failed=1; }
ends 0 '' vuln publish --dir watched good.json other.json
[ "$(echo watched/*)" = "watched/GONE-1.json watched/GOOD-1.json watched/OTHER-1.json watched/TYPO-1.json" ] || {
	echo "FAILED: published: $(echo watched/*)"
	failed=1
}

# ---- of what they may speak ----

ends 2 '"debian" is no ecosystem' "${simulate[@]}" good.json --ecosystem debian
ends 2 '"debian" is no ecosystem' vuln import --check --ecosystem debian good.json
ends 0 'list.json:2: no package that is known' "${simulate[@]}" list.json --ecosystem npm
asked '[.advisories[] | [.affected[].package.ecosystem]]' '[[],["npm"]]'
record LTS-1 Ubuntu:22.04:LTS 0 >lts.json
ends 0 '' "${simulate[@]}" lts.json --ecosystem Ubuntu:22.04:LTS
asked '.advisories[0].affected | length' 1
ends 0 '' vuln import --check --ecosystem Ubuntu:22.04:LTS lts.json

# ---- import ----

ends 0 '' vuln import --index index --licence MIT --precedence 7 site=good.json
ends 0 '' vuln import --index index site=same.json
[ "$("$pratique" vuln sources --index index --json | jq -c '.sources[] | [.licence, .precedence]')" = '["MIT",7]' ] || {
	echo "FAILED: an import forgets licence and precedence"
	failed=1
}
ends 0 '' vuln import --index index --precedence 0 --licence '' site=same.json
[ "$("$pratique" vuln sources --index index --json | jq -c '.sources[] | [.licence, .precedence]')" = '["",0]' ] || {
	echo "FAILED: an import does not change licence and precedence"
	failed=1
}
echo '{' >broken.json
ends 1 'is it of another kind' vuln import --check broken.json
ends 1 'what was loaded before stays: broken.json' vuln import --index index broken.json
ends 2 '"PINK" is no label' vuln import --check --kind csaf --tlp PINK good.json
ends 2 '--tlp is for --kind csaf' vuln import --check --tlp RED good.json
ends 2 'needs --keyring' vuln import --check --trust signed good.json
sed -i '$d' list.json
ends 0 '' vuln import --check list.json
grep -qF '2 records read: 2 mapped' stdout || { echo "FAILED: a list is not read: $(cat stdout)"; failed=1; }
ends 0 'badlist.json[1]: no package' vuln import --check badlist.json
ends 1 'there is no sound record in it' vuln diff broken.json good.json
"$pratique" vuln import --help | grep -q '^  debian-tracker  *[A-Z]*[a-z]' || { echo "FAILED: the kinds run into each other"; failed=1; }

# ---- over the network ----

ends 2 'does not begin with https://' vuln sources --server http://vis.example
ends 2 'a certificate is needed' vuln sources --server https://vis.example
ends 2 'a token is needed' status --server https://server.example
ends 2 'no EPOCH.GENERATION' vuln subscribe --socket socket --from 1.x
ends 1 '; is the daemon running whose socket it is?' metrics --socket nowhere
exit $failed
