#!/bin/bash
# SPDX-License-Identifier: ISC
# Sources that are URLs, from nginx on the loopback: what is new is fetched and nothing else is; what fails leaves what was
# there; a connection that is not proven, or leads to one that is not, is none; signatures and checksums come along. And a
# pratique-vis with a configuration, which loads beside its loop.
# Arguments: the folder of the programs.
# shellcheck source=tests/scenario/feeds-lib.sh
. "$(dirname "$0")/feeds-lib.sh"

record() { # ID VERSION
	printf '{"id":"%s","modified":"2026-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"Debian:12","name":"p"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"%s"}]}]}]}' "$1" "$2"
}

# ---- the server ----
mkdir "$site/www"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
	-addext subjectAltName=DNS:localhost -keyout "$site/tls.key" -out "$site/tls.pem" 2>/dev/null
port=8080
start_nginx <<-EOF
	access_log $site/access.txt;
	server { listen 127.0.0.1:$port; root $site/www;
		location /loop { return 302 /loop; }
		location /slow/ { alias $site/www/; limit_rate 20k; }
		location ~ [.](asc|sha512)\$ { if (-f $site/busy) { return 503; } }
		location /file { return 302 file:///etc/passwd; }
	}
	server { listen 127.0.0.1:$((port + 1)) ssl; root $site/www; ssl_certificate $site/tls.pem; ssl_certificate_key $site/tls.key;
		location /down { return 302 http://127.0.0.1:$port/a.json; }
	}
EOF
record A-1 2 >"$site/www/a.json"

http=http://127.0.0.1:$port
https=https://localhost:$((port + 1))
import() { "$bin/pratique" vuln import --index "$site/index" --cache "$site/cache" --json "$@"; }
refused() { # WORDS ARGUMENT...
	local words=$1 said
	shift
	said=$(import "$@" 2>&1) && fail "$* is taken: $said"
	[[ $said == *"$words"* ]] || fail "$*: $said"
}

# ---- fetched once, and again when it is new ----
[ "$(import "a=$http/a.json" | jq -c '[.sources[0].mapped, .changed]')" = "[1,1]" ] || fail "a feed is loaded"
[ "$(import "a=$http/a.json" | jq -c '[.sources[0].mapped, .changed]')" = "[1,0]" ] || fail "the same again changes nothing"
[ "$(tail -1 "$site/access.txt" | grep -c ' 304 ')" = 1 ] || fail "it was fetched again: $(tail -1 "$site/access.txt")"
record A-1 3 >"$site/www/a.json"
touch -d '+1 min' "$site/www/a.json"
[ "$(import "a=$http/a.json" | jq .changed)" = 1 ] || fail "what is new is loaded"

# ---- a URL that ends in no file's name ----
printf '{"p":{"CVE-2026-1":{"releases":{"bookworm":{"status":"open"}}}}}' >"$site/www/data"
[ "$(import --kind debian-tracker "t=$http/data?x=y" | jq '.sources[0].mapped')" = 1 ] || fail "the tracker by its URL"

# ---- what is refused, and leaves everything as it was ----
refused "does not have it" "a=$http/none.json"
refused "redirects" "a=$http/loop"
refused "neither http nor https" "a=ftp://127.0.0.1/a.json"
refused "rotocol" "a=$http/file"
refused "ertificate" "a=$https/a.json"
refused "ailed to connect" "a=http://127.0.0.1:1/a.json"
refused "" --trust signed "a=$http/a.json"
[ "$(cd "$site/cache/a" && ls)" = "$(printf 'a.json\na.json.etag')" ] || fail "the cache holds $(ls "$site/cache/a")"

# ---- what lasts is shown on a terminal, and nowhere else; and what is wrong says what to do ----
printf '{"id":"S-1","modified":"2026-01-01T00:00:00Z","details":"%s"}' "$(head -c 80000 /dev/zero | tr '\0' x)" >"$site/www/slow.json"
slow="$bin/pratique vuln import --index $site/slow --cache $site/slowcache slow=$http/slow/slow.json"
[[ $(script -qec "$slow" /dev/null </dev/null) == *"slow: fetching, "*" of 0.1 MB"*"1 unmapped"* ]] || fail "fetching is shown on a terminal"
rm -rf "$site/slowcache"
said=$($slow 2>&1)
[[ $said != *fetching* && $said == *"unmapped: "* ]] || fail "fetching is shown on no terminal: $said"
mkdir "$site/nothing"
said=$("$bin/pratique" vuln import --check "$site/nothing" 2>&1) && fail "nothing that is sound is no error: $said"
[[ $said == *"no document of its kind; --kind"* ]] || fail "$said"
said=$("$bin/pratique" vuln import --check --kind csaf "$site/www/a.json" 2>&1) && fail "another kind is no error: $said"
[[ $said == *"refused: $site/www/a.json: "*"another kind"* ]] || fail "$said"
(
	export HOME=$site/home
	unset XDG_CACHE_HOME
	"$bin/pratique" vuln import --check "a=$http/a.json" >/dev/null && [ -s "$HOME/.cache/pratique/vuln/a/a.json" ]
) || fail "a cache by itself"

# ---- with a CA that is trusted here, https is; and it does not lead to http ----
trusted() {
	unshare -m bash -c "mount --bind $site/tls.pem /etc/ssl/certs/ca-certificates.crt && exec \"\$@\"" - \
		"$bin/pratique" vuln import --index "$site/index" --cache "$site/cache" --json "$@"
}
[ "$(trusted "b=$https/a.json" | jq '.sources[0].mapped')" = 1 ] || fail "https with a trusted certificate"
said=$(trusted "b=$https/down" 2>&1) && fail "https led to http: $said"
[[ $said == *rotocol* ]] || fail "$said"

# ---- proofs come along ----
gpg --homedir "$site/gnupg" --batch --passphrase '' --quick-gen-key feed ed25519 sign 0 2>/dev/null
gpg --homedir "$site/gnupg" --batch --armor --export feed >"$site/feed.asc"
gpg --homedir "$site/gnupg" --batch --armor --detach-sign "$site/www/a.json" 2>/dev/null
sign=(--trust signed --keyring "$site/feed.asc" "c=$http/a.json")
[ "$(import "${sign[@]}" | jq -c '.sources[0] | [.mapped, .signed]')" = "[1,1]" ] || fail "a signed feed is loaded"
record A-1 4 >"$site/www/a.json"
touch -d '+2 min' "$site/www/a.json"
[ "$(import "${sign[@]}" | jq -c '.sources[0] | [.mapped, .refused]')" = "[0,1]" ] || fail "the signature is of another file"
rm "$site/www/a.json.asc"
[ "$(import "${sign[@]}" | jq -c '.sources[0] | [.mapped, .refused]')" = "[0,1]" ] || fail "an old signature proves a new file"

# A proof that the server fails to say leaves everything as it was, and the next look goes on.
signed_record() { # VERSION MINUTES: with proofs
	record A-1 "$1" >"$site/www/a.json"
	gpg --homedir "$site/gnupg" --batch --yes --armor --local-user feed --detach-sign "$site/www/a.json" 2>/dev/null
	(cd "$site/www" && sha512sum a.json >a.json.sha512)
	touch -d "+$2 min" "$site"/www/a.json*
}
signed_record 5 3
[ "$(import "${sign[@]}" | jq -c '.sources[0] | [.mapped, .signed]')" = "[1,1]" ] || fail "signed again"
signed_record 6 4
touch "$site/busy"
refused "answers 503" "${sign[@]}"
"$bin/pratique" vuln show --index "$site/index" A-1 --json | grep -q '"fixed": *"5"' || fail "A-1 is not as it was"
rm "$site/busy"
[ "$(import "${sign[@]}" | jq -c '.sources[0] | [.mapped, .signed, .refused]')" = "[1,1,0]" ] || fail "the server is well again"
# Who asks for no proof any more has none of an old file beside a new one.
import "c=$http/a.json" >/dev/null
signed_record 7 5
[ "$(import "c=$http/a.json" | jq -c '.sources[0] | [.mapped, .refused]')" = "[1,0]" ] || fail "an old proof is beside a new file"
rm "$site/www/a.json.asc" "$site/www/a.json.sha512"

# ---- an RPM repository: repomd.xml leads to its updateinfo, and its signature covers it ----
repo=$site/www/almalinux/9
mkdir -p "$repo/repodata"
# updateinfo VERSION PACKING SECONDS: how long ago.
repomd_at=0
updateinfo() {
	local file when xml=$site/updateinfo.xml
	when=$(($(date +%s) - $3))
	printf '<?xml version="1.0" encoding="UTF-8"?>\n<updates><update from="x@example.com" status="final" type="security" version="1"><id>ALSA-2026:1</id><title>foo</title><issued date="2026-01-02 03:04:05"/><severity>Important</severity><references><reference href="x" id="CVE-2026-1" type="cve"/></references><pkglist><collection><package name="foo" version="%s" release="1.el9" epoch="0" arch="x86_64" src="foo-%s-1.el9.src.rpm"/></collection></pkglist></update><update type="bugfix"><id>ALBA-2026:2</id></update></updates>' "$1" "$1" >"$xml"
	rm -f "$repo"/repodata/*updateinfo*
	case $2 in gz) gzip -nc "$xml" ;; xz) xz -c "$xml" ;; zst) zstd -qc "$xml" ;; bz2) bzip2 -c "$xml" ;; esac >"$site/packed"
	file=repodata/$(sha256sum "$site/packed" | cut -c1-64)-updateinfo.xml.$2
	cp "$site/packed" "$repo/$file"
	printf '<?xml version="1.0" encoding="UTF-8"?>\n<repomd xmlns="http://linux.duke.edu/metadata/repo"><revision>%s</revision><data type="updateinfo"><checksum type="sha256">%s</checksum><open-checksum type="sha256">%s</open-checksum><location href="%s"/><timestamp>%s</timestamp><size>%s</size><open-size>%s</open-size></data></repomd>' \
		"$when" "$(sha256sum "$site/packed" | cut -c1-64)" "$(sha256sum "$xml" | cut -c1-64)" "$file" "$when" \
		"$(stat -c %s "$site/packed")" "$(stat -c %s "$xml")" >"$repo/repodata/repomd.xml"
	sign_repomd feed
}
sign_repomd() {
	gpg --homedir "$site/gnupg" --batch --yes --armor --local-user "$1" --detach-sign "$repo/repodata/repomd.xml" 2>/dev/null
	repomd_at=$((repomd_at + 1)) # nginx tells files of one second and one size not apart
	touch -d "@$((1700000000 + repomd_at))" "$repo/repodata/repomd.xml" "$repo/repodata/repomd.xml.asc"
}
gpg --homedir "$site/gnupg" --batch --passphrase '' --quick-gen-key mallory ed25519 sign 0 2>/dev/null
rpms=(--kind updateinfo --ecosystem AlmaLinux:9 --trust signed --keyring "$site/feed.asc" "r=$http/almalinux/9/")
fixed() { # VERSION
	"$bin/pratique" vuln show --index "$site/index" ALSA-2026:1 | grep -q "$1-1.el9" || fail "$1 is not in the index"
}
age=9000
for packer in gzip:gz xz:xz zstd:zst bzip2:bz2; do
	command -v "${packer%:*}" >/dev/null || continue
	packing=${packer#*:}
	updateinfo "$age" "$packing" "$age"
	[ "$(import "${rpms[@]}" | jq -c '[.sources[0].mapped, .sources[0].unmapped, .sources[0].signed, .changed]')" = "[1,1,1,1]" ] ||
		fail "an RPM repository with its updateinfo.xml.$packing"
	fixed "$age"
	age=$((age - 1000))
done
before=$(wc -l <"$site/access.txt")
[ "$(import "${rpms[@]}" | jq .changed)" = 0 ] || fail "the same repository again changes nothing"
[ "$(tail -n +$((before + 1)) "$site/access.txt" | grep -c ' 304 ')" = 2 ] || fail "more than repomd.xml and its signature was asked for"
last=$((age + 1000))
updateinfo 1 gz 99999
refused "was accepted before" "${rpms[@]}"
updateinfo 1 gz -200000
refused "is not yet" "${rpms[@]}"
updateinfo 1 gz 100
sign_repomd mallory
refused "by no key of the keyring" "${rpms[@]}"
updateinfo 1 gz 100
sed -i 's/el9/el9x/; s/<size>/<size> /' "$repo/repodata/repomd.xml"
refused "not over this text" "${rpms[@]}"
rm "$repo/repodata/repomd.xml.asc"
refused "not signed" "${rpms[@]}"
updateinfo 1 gz 100
printf 'x' >>"$(ls "$repo"/repodata/*updateinfo*)"
refused "more than" "${rpms[@]}"
updateinfo 1 gz 100
file=$(ls "$repo"/repodata/*updateinfo*)
printf 'x' | dd of="$file" conv=notrunc bs=1 seek=30 2>/dev/null
refused "not what repomd.xml leads to" "${rpms[@]}"
updateinfo 1 gz 100
rm "$(ls "$repo"/repodata/*updateinfo*)"
refused "does not have it" "${rpms[@]}"
updateinfo 1 gz 100
sed -i 's,href="[^"]*",href="../../a.json",' "$repo/repodata/repomd.xml"
sign_repomd feed
refused "not below the repository" "${rpms[@]}"
updateinfo 1 gz 100
sed -i 's,type="updateinfo",type="other",' "$repo/repodata/repomd.xml"
sign_repomd feed
refused "has no updateinfo" "${rpms[@]}"
fixed "$last"
updateinfo 1 gz 100
[ "$(import "${rpms[@]}" | jq .changed)" = 1 ] || fail "what is right again is taken"
# In a folder, and by the checksums of a repomd.xml that nobody signed.
said=$("$bin/pratique" vuln import --check --kind updateinfo --ecosystem AlmaLinux:9 --trust checksum --json "r=$repo")
[ "$(jq -c '.sources[0] | [.mapped, .unmapped, .checksum, .signed]' <<<"$said")" = "[1,1,1,0]" ] || fail "a repository in a folder: $said"
"$bin/pratique" vuln import --check --kind updateinfo --ecosystem AlmaLinux:9 "$(ls "$repo"/repodata/*updateinfo*)" >/dev/null ||
	fail "an updateinfo alone"

# ---- a pratique-vis with a configuration ----
record V-1 2 >"$site/www/v.json"
record W-1 2 >"$site/w.json"
cat >"$site/vis.conf" <<-EOF
	data = $site/vis
	socket = $site/vis.sock
	cache = $site/viscache
	interval = 1 s
	source web {
		from = $http/v.json
		licence = CC0-1.0
		precedence = 7
		fresh = 1 hour
	}
	source file {
		from = $site/w.json
		ecosystem = Debian:11
	}
	http = $site/vis-http.sock
	source later {
		from = $http/l.json
		ecosystem = Alpine:v3.19
		on_demand = yes
	}
	source gone {
		from = $http/nowhere.json
		required = no
	}
EOF
chown nobody "$site"
"$bin/pratique-vis" --config "$site/vis.conf" --set user=nobody 2>"$site/vis.log" &
pids[vis]=$!
sources() { "$bin/pratique" vuln sources --index "$site/vis" --json; }
loaded() { sources | jq -e '[.sources[] | select(.loaded)] | length == 2'; }
until_true 20 "both sources are loaded" loaded
until_true 20 "the third is named in the log" grep -q "source gone stays as it was.*does not have it" "$site/vis.log"
[ "$(sources | jq -c '.sources[] | select(.name == "web") | [.licence, .precedence, .trust, .records, .stale]')" = \
	'["CC0-1.0",7,"none",1,false]' ] || fail "$(sources)"
match() { "$bin/pratique" vuln match --index "$site/vis" --inventory <(echo 'pkg:deb/debian/p@1?distro=bookworm') --json 2>/dev/null; }
[[ $(match) == *V-1* ]] || fail "V-1 matches: $(match)"
[[ $(match) != *W-1* ]] || fail "a source spoke of what it may not speak of"
record V-2 2 >"$site/www/v.json"
touch -d '+1 min' "$site/www/v.json"
changed() { [[ $(match) == *V-2* && $(match) != *V-1* ]]; }
until_true 20 "what is new is noticed within its interval" changed
# What is on demand is loaded when somebody asks, and the question waits for it.
cat >"$site/www/l.json" <<-'END'
	{"id": "L-1", "modified": "2026-01-01T00:00:00Z", "affected": [{"package": {"ecosystem": "Alpine:v3.19", "name": "p"},
	"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2-r0"}]}]}]}
END
sources | jq -e '.sources[] | select(.name == "later" and .records > 0)' >/dev/null && fail "it was loaded before anybody asked"
asked() {
	curl -sS --max-time 10 --unix-socket "$site/vis-http.sock" http://vis/v1/query \
		-d '{"package": {"ecosystem": "Alpine:v3.19", "name": "p"}, "version": "1-r0"}' | grep -q L-1
}
until_true 20 "a query has a source on demand loaded" asked
echo "feeds: all as promised"
