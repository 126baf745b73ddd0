#!/bin/bash
# SPDX-License-Identifier: ISC
# Debian's and Ubuntu's suites by their address: an archive made here, signed by keys made here, served by nginx and by a
# server that lies. What its Release file lists is fetched once and by its digest; what is expired, older than what was
# there, of another suite, replaced, cut off, endless, or unpacks to too much is refused, and leaves what was there.
# Arguments: the folder of the programs.
set -euo pipefail

bin=$1
[ "$(id -u)" = 0 ] || {
	echo "root is needed"
	exit 77
}
for program in nginx gpg gpgv jq xz python3; do
	command -v "$program" >/dev/null || {
		echo "$program is needed"
		exit 77
	}
done
[ -n "${PQ_SUITES_INSIDE:-}" ] || PQ_SUITES_INSIDE=1 exec unshare --net -- "$0" "$@"
ip link set lo up
dir=$(mktemp -d)
pids=()
cleanup() {
	for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
	gpgconf --homedir "$dir/gnupg" --kill all 2>/dev/null || true
	wait
	rm -rf "$dir"
}
trap cleanup EXIT
chmod 755 "$dir"

failed() {
	printf 'FAILED (line %s): %s\n' "${BASH_LINENO[*]}" "$*"
	tail -n 20 "$dir"/*.log || true
	exit 1
}
until_true() {
	local seconds=$1 what=$2
	shift 2
	for _ in $(seq $((seconds * 20))); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.05
	done
	failed "$what"
}

# ---- an archive ----
www=$dir/www
suite=$www/debian-security/dists/bookworm-security
mkdir -p "$suite/main/binary-amd64" "$suite/main/source" "$suite/contrib/source" "$dir/nginx" "$dir/gnupg"
chmod 700 "$dir/gnupg"
gpg() { command gpg --homedir "$dir/gnupg" --batch --quiet --yes --passphrase '' "$@" 2>>"$dir/gpg.log"; }
for name in archive mallory; do
	gpg --quick-gen-key "$name" ed25519 sign 0
	gpg --export "$name" >"$dir/$name.gpg"
done

# pack FILE: beside it as .xz and .gz, all of them by their digests too.
pack() {
	xz -kf "$1"
	gzip -nkf "$1"
	mkdir -p "$(dirname "$1")/by-hash/SHA256"
	local file
	for file in "$1" "$1.xz" "$1.gz"; do
		cp "$file" "$(dirname "$1")/by-hash/SHA256/$(sha256sum "$file" | cut -d' ' -f1)"
	done
}
# release DATE VALID-UNTIL [SED]: the Release file over what is there; SED changes it before it is signed.
release() {
	{
		printf 'Origin: Debian\nLabel: Debian-Security\nSuite: oldstable-security\nVersion: 12\n'
		printf 'Codename: bookworm-security\nDate: %s\n' "$(date -u -d "$1" '+%a, %d %b %Y %T UTC')"
		printf 'Valid-Until: %s\n' "$(date -u -d "$2" '+%a, %d %b %Y %T UTC')"
		printf 'Acquire-By-Hash: yes\nArchitectures: amd64 arm64\nComponents: updates/main updates/contrib\nSHA256:\n'
		(cd "$suite" && find . -path ./\*/by-hash -prune -o -type f \( -name 'Packages*' -o -name 'Sources*' \) -print |
			sort | while read -r file; do
			printf ' %s %16d %s\n' "$(sha256sum "$file" | cut -d' ' -f1)" "$(stat -c %s "$file")" "${file#./}"
		done)
	} | sed "${3:-}" >"$dir/Release"
	sign archive
}
# Each a second newer than the one before: a server tells files of one second and one size not apart.
signed_at=$(date +%s)
sign() {
	rm -f "$suite"/Release*
	gpg --local-user "$1" --clearsign --output "$suite/InRelease" "$dir/Release"
	touch -d "@$((++signed_at))" "$suite/InRelease"
}
# lists VERSION: foo 1:VERSION and libfoo1 VERSION+b1 from source bar, in main.
lists() {
	printf 'Package: foo\nSource: bar (%s)\nArchitecture: amd64\nVersion: 1:%s\n\nPackage: libfoo1\nSource: bar (%s)\nArchitecture: amd64\nVersion: %s+b1\n\n' \
		"$1" "$1" "$1" "$1" >"$suite/main/binary-amd64/Packages"
	printf 'Package: bar\nBinary: foo, libfoo1,\n libfoo-dev\nArchitecture: any\nVersion: %s\nPackage-List:\n foo deb net optional arch=any\n libfoo1 deb libs optional arch=any\n libfoo-dev deb libdevel optional arch=any\n\nPackage: old\nBinary: old\nVersion: 9\nExtra-Source-Only: yes\n\n' \
		"$1" >"$suite/main/source/Sources"
	printf 'Package: extra\nBinary: extra\nArchitecture: all\nVersion: %s\n\n' "$1" >"$suite/contrib/source/Sources"
	local file
	for file in main/binary-amd64/Packages main/source/Sources contrib/source/Sources; do pack "$suite/$file"; done
}
lists 2-1
release '-2 days' '+5 days'

# ---- who serves it ----
port=8080
cat >"$dir/nginx.conf" <<-EOF
	daemon off; pid $dir/nginx/pid; error_log $dir/nginx.log; user root;
	events {}
	http {
		access_log $dir/access.txt;
		client_body_temp_path $dir/nginx; proxy_temp_path $dir/nginx; fastcgi_temp_path $dir/nginx;
		uwsgi_temp_path $dir/nginx; scgi_temp_path $dir/nginx;
		server { listen 127.0.0.1:$port; root $www;
			location /moved/ { return 302 file://$www/debian-security/dists/bookworm-security/InRelease; }
			location ~ ^/halved/(.*by-hash.*)\$ { return 404; }
			location /halved/ { alias $www/debian-security/; }
		}
	}
EOF
nginx -c "$dir/nginx.conf" -e "$dir/nginx.log" &
pids+=($!)
until_true 10 "nginx serves" test -s "$dir/nginx/pid"

# /endless/: indexes without end; /cut/: of each file a half, and then nothing more; /hang/: never an answer.
cat >"$dir/liar.py" <<-EOF
	import http.server, socketserver, time
	class Liar(http.server.BaseHTTPRequestHandler):
	    def do_GET(self):
	        way, path = self.path[1:].split("/", 1)
	        if way == "hang":
	            open("$dir/hangs", "w").close()
	            while True:
	                time.sleep(1)
	        whole = "InRelease" in path
	        try:
	            body = open("$www/debian-security/" + path, "rb").read()
	        except OSError:
	            self.send_error(404)
	            return
	        self.send_response(200)
	        if whole or way == "cut":
	            self.send_header("Content-Length", str(len(body)))
	        self.end_headers()
	        try:
	            self.wfile.write(body if whole else body[: len(body) // 2])
	            while way == "endless" and not whole:
	                self.wfile.write(bytes(65536))
	        except OSError:
	            pass
	    def log_message(self, *_):
	        pass
	class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
	    daemon_threads = True
	server = Server(("127.0.0.1", $((port + 1))), Liar)
	open("$dir/liar.ready", "w").close()
	server.serve_forever()
EOF
python3 "$dir/liar.py" &
pids+=($!)
until_true 10 "the liar serves" test -e "$dir/liar.ready"

http=http://127.0.0.1:$port
liar=http://127.0.0.1:$((port + 1))
import() { # NAME ADDRESS [OPTION...]
	local name=$1 address=$2
	shift 2
	"$bin/pratique" vuln import --index "$dir/index" --cache "$dir/cache" --json --suite bookworm-security --trust signed \
		--keyring "$dir/archive.gpg" "$@" "$name=$address"
}
counts() { jq -c '[.sources[0].mapped, .sources[0].refused, .sources[0].signed, .changed]'; }
refused() { # WORDS NAME ADDRESS [OPTION...]
	local words=$1 said
	shift
	said=$(import "$@" 2>&1) && failed "$* is taken: $said"
	[[ $said == *"$words"* ]] || failed "$*: \"$said\" does not say \"$words\""
	[[ $said == pratique*vuln\ import:* ]] || failed "$*: $said"
}
match() { # PURL
	printf '%s\n' "$1" >"$dir/inventory"
	"$bin/pratique" vuln match --index "$dir/index" --inventory "$dir/inventory" --json 2>/dev/null |
		jq -sr '[.. | .id? | strings] | unique | join(" ")'
}
affected() { # PURL IDS
	local found
	found=$(match "$1")
	[ "$found" = "$2" ] || failed "$1 is affected by \"$found\", not by \"$2\""
}

# ---- by its package lists: binary versions as they are, with epochs and binNMUs ----
[ "$(import by-binary "$http/debian-security" --architecture amd64 --component main | counts)" = "[1,0,1,1]" ] ||
	failed "a suite by its address is loaded"
id=DEBIAN-SECURITY:bookworm:bar:2-1
affected 'pkg:deb/debian/foo@1:1-9?distro=bookworm' "$id"
affected 'pkg:deb/debian/foo@1:2-1?distro=bookworm' ''
affected 'pkg:deb/debian/libfoo1@2-1?distro=bookworm' "$id"
affected 'pkg:deb/debian/libfoo1@2-1%2Bb1?distro=bookworm' ''
rm -rf "$dir/index"

# ---- by its sources: all components, one record a source, binNMUs are their source's version ----
[ "$(import s "$http/debian-security/" | counts)" = "[2,0,2,2]" ] || failed "the sources of a suite"
affected 'pkg:deb/debian/foo@1:1-9?distro=bookworm&upstream=bar@1-9' "$id"
affected 'pkg:deb/debian/libfoo1@2-1%2Bb1?distro=bookworm&upstream=bar@2-1' ''
affected 'pkg:deb/debian/extra@1?distro=bookworm' DEBIAN-SECURITY:bookworm:extra:2-1
# An inventory that is names of binaries alone: which source they are from is the suite's knowledge, for every source's advisories.
affected 'pkg:deb/debian/libfoo-dev@1-9?distro=bookworm' "$id"
affected 'pkg:deb/debian/libfoo1@1-9%2Bb3?distro=bookworm' "$id"
affected 'pkg:deb/debian/libfoo1@2-1%2Bb1?distro=bookworm' ''
affected 'pkg:deb/debian/libfoo1-dbg@1-9?distro=bookworm' ''
printf '{"id":"X-1","modified":"2026-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"Debian:12","name":"bar"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"9"}]}]}]}' >"$dir/x.json"
"$bin/pratique" vuln import --index "$dir/index" "x=$dir/x.json" >/dev/null || failed "another source"
affected 'pkg:deb/debian/libfoo1@2-1%2Bb1?distro=bookworm' X-1
"$bin/pratique" vuln import --index "$dir/index" --json "x=$(mkdir "$dir/empty" && echo "$dir/empty")" >/dev/null
affected 'pkg:deb/debian/libfoo1@2-1%2Bb1?distro=bookworm' ''
grep -q 'by-hash/SHA256/[0-9a-f]\{64\} .* 200 ' "$dir/access.txt" || failed "indexes are asked for by their digests"
fetched=$(wc -l <"$dir/access.txt")
[ "$(import s "$http/debian-security" | counts)" = "[2,0,2,0]" ] || failed "the same again changes nothing"
[ $(($(wc -l <"$dir/access.txt") - fetched)) = 1 ] || failed "more than InRelease was asked for: $(tail -n +$((fetched + 1)) "$dir/access.txt")"
tail -n 1 "$dir/access.txt" | grep -q 'InRelease.* 304 ' || failed "InRelease was fetched again"

# ---- a new Release file over the same indexes: these are not fetched again ----
release '-1 day' '+6 days'
fetched=$(wc -l <"$dir/access.txt")
[ "$(import s "$http/debian-security" | counts)" = "[2,0,2,0]" ] || failed "a newer date changes nothing"
[ $(($(wc -l <"$dir/access.txt") - fetched)) = 1 ] || failed "unchanged indexes were fetched again"
cp -rp "$suite" "$dir/before"

# ---- what is refused, and leaves what was there ----
restore() { rm -rf "$suite" && cp -rp "$dir/before" "$suite"; }
release '-2 days' '+5 days'
refused "was accepted before" s "$http/debian-security"
release '-2 hours' '-1 hour'
refused "kept from us" s "$http/debian-security"
release '+3 days' '+5 days'
refused "which is not yet" s "$http/debian-security"
release '-1 hour' '+5 days' 's/^Date:.*/Date: someday/'
refused "is no date" s "$http/debian-security"
release '-1 hour' '+5 days' 's/^Valid-Until:.*/Valid-Until: never/'
refused "is no date" s "$http/debian-security"
release '-1 hour' '+5 days' 's/^\(Suite\|Codename\): .*/\1: bookworm/'
refused "not of \"bookworm-security\"" s "$http/debian-security"
sign mallory
refused "by no key of the keyring" s "$http/debian-security"
sed 's/^Version: 12/Version: 11/' "$dir/before/InRelease" >"$suite/InRelease"
refused "not over this text" s "$http/debian-security"
rm "$suite/InRelease"
refused "neither an InRelease nor a Release" s "$http/debian-security"
cp "$dir/Release" "$suite/Release"
refused "is not signed" s "$http/debian-security"
restore
refused "rotocol" s "$http/moved"
refused "has no nowhere/source/Sources" s "$http/debian-security" --component nowhere
refused "is no name of" n "$http/debian-security" --architecture ../../etc
lists 3-1
release '-1 hour' '+6 days'
echo >>"$suite/main/source/by-hash/SHA256/$(sha256sum "$suite/main/source/Sources.xz" | cut -d' ' -f1)"
refused "more than" s "$http/debian-security"
lists 3-1
release '-1 hour' '+6 days'
: | dd of="$suite/main/source/by-hash/SHA256/$(sha256sum "$suite/main/source/Sources.xz" | cut -d' ' -f1)" bs=1 seek=40 count=0 2>/dev/null
refused "not what the Release file lists" s "$http/debian-security"
refused "more than" s "$liar/endless"
refused "transfer closed" s "$liar/cut"
affected 'pkg:deb/debian/foo@1:2-9?distro=bookworm&upstream=bar@2-9' ''
affected 'pkg:deb/debian/foo@1:1-9?distro=bookworm&upstream=bar@1-9' "$id"

# ---- an index that unpacks to more than is listed, or to more than anything may ----
lists 3-1
head -c 200M /dev/zero | xz -0 >"$suite/main/source/Sources.xz"
cp "$suite/main/source/Sources.xz" "$suite/main/source/by-hash/SHA256/$(sha256sum "$suite/main/source/Sources.xz" | cut -d' ' -f1)"
release '-1 hour' '+6 days'
refused "larger than" s "$http/debian-security"
release '-50 min' '+6 days' '/ main\/source\/Sources$/d'
refused "unpacks" s "$http/debian-security"

# ---- what is right again is taken, and no archive needs names by digests, or InRelease ----
lists 3-1
release '-40 min' '+6 days'
[ "$(import s "$http/halved" | counts)" = "[2,0,2,4]" ] || failed "what is right again is taken"
affected 'pkg:deb/debian/foo@1:2-9?distro=bookworm&upstream=bar@2-9' DEBIAN-SECURITY:bookworm:bar:3-1
lists 4-1
release '-30 min' '+6 days'
rm "$suite/InRelease"
gpg --local-user archive --armor --detach-sign --output "$suite/Release.gpg" "$dir/Release"
cp "$dir/Release" "$suite/Release"
[ "$(import s "$http/debian-security" | counts)" = "[2,0,2,4]" ] || failed "Release with Release.gpg"
echo "Extra: 1" >>"$suite/Release"
refused "not over this text" s "$http/debian-security"
cp "$dir/Release" "$suite/Release"

# ---- the same archive in a folder; without a keyring, by the digests of its Release file alone ----
said=$("$bin/pratique" vuln import --check --suite bookworm-security --trust checksum --json "f=$www/debian-security")
[ "$(jq -c '.sources[0] | [.mapped, .checksum, .signed]' <<<"$said")" = "[2,2,0]" ] || failed "a mirror in a folder: $said"
said=$("$bin/pratique" vuln import --check --suite bookworm-security --ecosystem Debian:11 "f=$www/debian-security" 2>&1) &&
	failed "a suite of another release than the source may speak of"
[[ $said == *"may not speak"* ]] || failed "$said"

# ---- a pratique-vis with such a source ----
cat >"$dir/vis.conf" <<-EOF
	data = $dir/vis
	socket = $dir/vis.sock
	cache = $dir/viscache
	interval = 1 s
	source security {
		kind = apt
		from = http://localhost:$port/debian-security
		suite = bookworm-security
		component = main
		architecture = amd64
		keyring = $dir/archive.gpg
		fresh = 3 days
	}
EOF
"$bin/pratique-vis" --config "$dir/vis.conf" --check || failed "its configuration"
sed '/suite =/d' "$dir/vis.conf" >"$dir/none.conf"
said=$("$bin/pratique-vis" --config "$dir/none.conf" --check 2>&1) && failed "kind apt without a suite"
[[ $said == *"none.conf:5: suite:"* ]] || failed "$said"
chown nobody "$dir"
"$bin/pratique-vis" --config "$dir/vis.conf" --set user=nobody 2>"$dir/vis.log" &
pids+=($!)
sources() { "$bin/pratique" vuln sources --index "$dir/vis" --json | jq -c '.sources[] | [.name, .trust, .records, .stale]'; }
loaded() { [ "$(sources)" = '["security","signed",1,false]' ]; }
until_true 30 "the suite is loaded" loaded
before=$(wc -l <"$dir/access.txt")
again() { [ "$(wc -l <"$dir/access.txt")" -gt $((before + 2)) ]; }
until_true 30 "the suite is looked at again" again
lists 5-1
release '-10 min' '+6 days'
newer() { "$bin/pratique" vuln show --index "$dir/vis" DEBIAN-SECURITY:bookworm:bar:5-1; }
until_true 30 "what is new is noticed within its interval" newer
release '-20 min' '+6 days'
until_true 30 "an older one is named in the log" grep -q "security stays as it was.*was accepted before" "$dir/vis.log"
newer >/dev/null || failed "an older Release file undid what was known"

# ---- who reads a source, and who runs gpgv for it, may do little; and an end does not wait for a server ----
vis=${pids[-1]}
kill "$vis"
wait "$vis" || failed "pratique-vis did not end in order"
cat >>"$dir/vis.conf" <<-EOF
	source hanging {
		kind = apt
		from = $liar/hang
		suite = bookworm-security
		keyring = $dir/archive.gpg
		required = no
	}
EOF
"$bin/pratique-vis" --config "$dir/vis.conf" --set user=nobody 2>>"$dir/vis.log" &
vis=$!
pids[-1]=$vis
until_true 30 "a load waits for the server" test -e "$dir/hangs"
# confined NAME: a process of that name below pratique-vis, under a filter, without capabilities.
below() { # PID
	local child children
	read -ra children <<<"$(cat /proc/"$1"/task/*/children 2>/dev/null | tr '\n' ' ')"
	for child in "${children[@]}"; do
		echo "$child"
		below "$child"
	done
}
confined() {
	local pid n=0
	for pid in $(below "$vis"); do
		[ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$1" ] || continue
		n=$((n + 1))
		[ "$(sed -n 's/^\(Seccomp\|NoNewPrivs\|CapEff\|CapBnd\):\t//p' "/proc/$pid/status" | tr '\n' ' ')" = \
			"0000000000000000 0000000000000000 1 2 " ] || return 1
	done
	[ "$n" -gt 0 ]
}
for name in vis-loader vis-load vis-prover; do
	until_true 10 "$name is confined" confined "$name"
done
kill "$vis"
wait "$vis" || failed "pratique-vis did not end in order while a server hung"
echo "suites: all as promised"
