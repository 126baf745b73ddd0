#!/bin/bash
# SPDX-License-Identifier: ISC
# Debian's and Ubuntu's suites by their address: an archive made here, signed by keys made here, served by nginx and by a
# server that lies. What its Release file lists is fetched once and by its digest; what is expired, older than what was
# there, of another suite, replaced, cut off, endless, or unpacks to too much is refused, and leaves what was there.
# Arguments: the folder of the programs.
# shellcheck source=tests/scenario/feeds-lib.sh
. "$(dirname "$0")/feeds-lib.sh"

# ---- an archive ----
www=$site/www
suite=$www/debian-security/dists/bookworm-security
mkdir -p "$suite/main/binary-amd64" "$suite/main/source" "$suite/contrib/source"
gpg() { command gpg --homedir "$site/gnupg" --batch --quiet --yes --passphrase '' "$@" 2>>"$site/gpg.log"; }
for name in archive mallory; do
	gpg --quick-gen-key "$name" ed25519 sign 0
	gpg --export "$name" >"$site/$name.gpg"
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
	} | sed "${3:-}" >"$site/Release"
	sign archive
}
# Each a second newer than the one before: a server tells files of one second and one size not apart.
signed_at=$(date +%s)
sign() {
	rm -f "$suite"/Release*
	gpg --local-user "$1" --clearsign --output "$suite/InRelease" "$site/Release"
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
start_nginx <<-EOF
	access_log $site/access.txt;
	server { listen 127.0.0.1:$port; root $www;
		location /moved/ { return 302 file://$www/debian-security/dists/bookworm-security/InRelease; }
		location ~ ^/halved/(.*by-hash.*)\$ { return 404; }
		location /halved/ { alias $www/debian-security/; }
	}
EOF

# /endless/: indexes without end; /cut/: of each file a half, and then nothing more; /hang/: never an answer.
cat >"$site/liar.py" <<-EOF
	import http.server, socketserver, time
	class Liar(http.server.BaseHTTPRequestHandler):
	    def do_GET(self):
	        way, path = self.path[1:].split("/", 1)
	        if way == "hang":
	            open("$site/hangs", "w").close()
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
	open("$site/liar.ready", "w").close()
	server.serve_forever()
EOF
python3 "$site/liar.py" &
pids[liar]=$!
until_true 10 "the liar serves" test -e "$site/liar.ready"

http=http://127.0.0.1:$port
liar=http://127.0.0.1:$((port + 1))
import() { # NAME ADDRESS [OPTION...]
	local name=$1 address=$2
	shift 2
	"$bin/pratique" vuln import --index "$site/index" --cache "$site/cache" --json --suite bookworm-security --trust signed \
		--keyring "$site/archive.gpg" "$@" "$name=$address"
}
counts() { jq -c '[.sources[0].mapped, .sources[0].refused, .sources[0].signed, .changed]'; }
refused() { # WORDS NAME ADDRESS [OPTION...]
	local words=$1 said
	shift
	said=$(import "$@" 2>&1) && fail "$* is taken: $said"
	[[ $said == *"$words"* ]] || fail "$*: \"$said\" does not say \"$words\""
	[[ $said == pratique*vuln\ import:* ]] || fail "$*: $said"
}
match() { # PURL
	printf '%s\n' "$1" >"$site/inventory"
	"$bin/pratique" vuln match --index "$site/index" --inventory "$site/inventory" --json 2>/dev/null |
		jq -sr '[.. | .id? | strings] | unique | join(" ")'
}
affected() { # PURL IDS
	local found
	found=$(match "$1")
	[ "$found" = "$2" ] || fail "$1 is affected by \"$found\", not by \"$2\""
}

# ---- by its package lists: binary versions as they are, with epochs and binNMUs ----
[ "$(import by-binary "$http/debian-security" --architecture amd64 --component main | counts)" = "[1,0,1,1]" ] ||
	fail "a suite by its address is loaded"
id=DEBIAN-SECURITY:bookworm:bar:2-1
affected 'pkg:deb/debian/foo@1:1-9?distro=bookworm' "$id"
affected 'pkg:deb/debian/foo@1:2-1?distro=bookworm' ''
affected 'pkg:deb/debian/libfoo1@2-1?distro=bookworm' "$id"
affected 'pkg:deb/debian/libfoo1@2-1%2Bb1?distro=bookworm' ''
rm -rf "$site/index"

# ---- by its sources: all components, one record a source, binNMUs are their source's version ----
[ "$(import s "$http/debian-security/" | counts)" = "[2,0,2,2]" ] || fail "the sources of a suite"
affected 'pkg:deb/debian/foo@1:1-9?distro=bookworm&upstream=bar@1-9' "$id"
affected 'pkg:deb/debian/libfoo1@2-1%2Bb1?distro=bookworm&upstream=bar@2-1' ''
affected 'pkg:deb/debian/extra@1?distro=bookworm' DEBIAN-SECURITY:bookworm:extra:2-1
# An inventory that is names of binaries alone: which source they are from is the suite's knowledge, for every source's advisories.
affected 'pkg:deb/debian/libfoo-dev@1-9?distro=bookworm' "$id"
affected 'pkg:deb/debian/libfoo1@1-9%2Bb3?distro=bookworm' "$id"
affected 'pkg:deb/debian/libfoo1@2-1%2Bb1?distro=bookworm' ''
affected 'pkg:deb/debian/libfoo1-dbg@1-9?distro=bookworm' ''
printf '{"id":"X-1","modified":"2026-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"Debian:12","name":"bar"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"9"}]}]}]}' >"$site/x.json"
"$bin/pratique" vuln import --index "$site/index" "x=$site/x.json" >/dev/null || fail "another source"
affected 'pkg:deb/debian/libfoo1@2-1%2Bb1?distro=bookworm' X-1
"$bin/pratique" vuln import --index "$site/index" --json "x=$(mkdir "$site/empty" && echo "$site/empty")" >/dev/null
affected 'pkg:deb/debian/libfoo1@2-1%2Bb1?distro=bookworm' ''
grep -q 'by-hash/SHA256/[0-9a-f]\{64\} .* 200 ' "$site/access.txt" || fail "indexes are asked for by their digests"
fetched=$(wc -l <"$site/access.txt")
[ "$(import s "$http/debian-security" | counts)" = "[2,0,2,0]" ] || fail "the same again changes nothing"
[ $(($(wc -l <"$site/access.txt") - fetched)) = 1 ] || fail "more than InRelease was asked for: $(tail -n +$((fetched + 1)) "$site/access.txt")"
tail -n 1 "$site/access.txt" | grep -q 'InRelease.* 304 ' || fail "InRelease was fetched again"

# ---- a new Release file over the same indexes: these are not fetched again ----
release '-1 day' '+6 days'
fetched=$(wc -l <"$site/access.txt")
[ "$(import s "$http/debian-security" | counts)" = "[2,0,2,0]" ] || fail "a newer date changes nothing"
[ $(($(wc -l <"$site/access.txt") - fetched)) = 1 ] || fail "unchanged indexes were fetched again"
cp -rp "$suite" "$site/before"

# ---- what is refused, and leaves what was there ----
restore() { rm -rf "$suite" && cp -rp "$site/before" "$suite"; }
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
sed 's/^Version: 12/Version: 11/' "$site/before/InRelease" >"$suite/InRelease"
refused "not over this text" s "$http/debian-security"
rm "$suite/InRelease"
refused "neither an InRelease nor a Release" s "$http/debian-security"
cp "$site/Release" "$suite/Release"
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
[ "$(import s "$http/halved" | counts)" = "[2,0,2,4]" ] || fail "what is right again is taken"
affected 'pkg:deb/debian/foo@1:2-9?distro=bookworm&upstream=bar@2-9' DEBIAN-SECURITY:bookworm:bar:3-1
lists 4-1
release '-30 min' '+6 days'
rm "$suite/InRelease"
gpg --local-user archive --armor --detach-sign --output "$suite/Release.gpg" "$site/Release"
cp "$site/Release" "$suite/Release"
[ "$(import s "$http/debian-security" | counts)" = "[2,0,2,4]" ] || fail "Release with Release.gpg"
echo "Extra: 1" >>"$suite/Release"
refused "not over this text" s "$http/debian-security"
cp "$site/Release" "$suite/Release"

# ---- the same archive in a folder; without a keyring, by the digests of its Release file alone ----
said=$("$bin/pratique" vuln import --check --suite bookworm-security --trust checksum --json "f=$www/debian-security")
[ "$(jq -c '.sources[0] | [.mapped, .checksum, .signed]' <<<"$said")" = "[2,2,0]" ] || fail "a mirror in a folder: $said"
said=$("$bin/pratique" vuln import --check --suite bookworm-security --ecosystem Debian:11 "f=$www/debian-security" 2>&1) &&
	fail "a suite of another release than the source may speak of"
[[ $said == *"may not speak"* ]] || fail "$said"

# ---- a pratique-vis with such a source ----
cat >"$site/vis.conf" <<-EOF
	data = $site/vis
	socket = $site/vis.sock
	cache = $site/viscache
	interval = 1 s
	source security {
		kind = apt
		from = http://localhost:$port/debian-security
		suite = bookworm-security
		component = main
		architecture = amd64
		keyring = $site/archive.gpg
		fresh = 3 days
	}
EOF
"$bin/pratique-vis" --config "$site/vis.conf" --check || fail "its configuration"
sed '/suite =/d' "$site/vis.conf" >"$site/none.conf"
said=$("$bin/pratique-vis" --config "$site/none.conf" --check 2>&1) && fail "kind apt without a suite"
[[ $said == *"none.conf:5: suite:"* ]] || fail "$said"
chown nobody "$site"
"$bin/pratique-vis" --config "$site/vis.conf" --set user=nobody 2>"$site/vis.log" &
pids[vis]=$!
sources() { "$bin/pratique" vuln sources --index "$site/vis" --json | jq -c '.sources[] | [.name, .trust, .records, .stale]'; }
loaded() { [ "$(sources)" = '["security","signed",1,false]' ]; }
until_true 30 "the suite is loaded" loaded
before=$(wc -l <"$site/access.txt")
again() { [ "$(wc -l <"$site/access.txt")" -gt $((before + 2)) ]; }
until_true 30 "the suite is looked at again" again
lists 5-1
release '-10 min' '+6 days'
newer() { "$bin/pratique" vuln show --index "$site/vis" DEBIAN-SECURITY:bookworm:bar:5-1; }
until_true 30 "what is new is noticed within its interval" newer
release '-20 min' '+6 days'
until_true 30 "an older one is named in the log" grep -q "security stays as it was.*was accepted before" "$site/vis.log"
newer >/dev/null || fail "an older Release file undid what was known"

# ---- who reads a source, and who runs gpgv for it, may do little; and an end does not wait for a server ----
vis=${pids[vis]}
kill "$vis"
wait "$vis" || fail "pratique-vis did not end in order"
cat >>"$site/vis.conf" <<-EOF
	source hanging {
		kind = apt
		from = $liar/hang
		suite = bookworm-security
		keyring = $site/archive.gpg
		required = no
	}
EOF
"$bin/pratique-vis" --config "$site/vis.conf" --set user=nobody 2>>"$site/vis.log" &
vis=$!
pids[vis]=$vis
until_true 30 "a load waits for the server" test -e "$site/hangs"
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
wait "$vis" || fail "pratique-vis did not end in order while a server hung"
echo "suites: all as promised"
