#!/bin/bash
# SPDX-License-Identifier: ISC
# CSAF providers by their URLs, from nginx on the loopback: a signed one of our own, which changes, lies, leads astray and goes
# away; and, where ../shared/advisories is there, CISA's tree and gocsaf's small providers.
# Arguments: the folder of the programs, ../shared.
set -euo pipefail

bin=$1 shared=${PRATIQUE_SHARED:-$2}
[ "$(id -u)" = 0 ] || {
	echo "root is needed"
	exit 77
}
for program in nginx gpg gpgv jq; do
	command -v "$program" >/dev/null || {
		echo "$program is needed"
		exit 77
	}
done
[ -n "${PQ_CSAF_INSIDE:-}" ] || PQ_CSAF_INSIDE=1 exec unshare --net -- "$0" "$@"
ip link set lo up
root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)
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
	printf 'FAILED: %s\n' "$*"
	tail -n 20 "$dir"/*.log 2>/dev/null || true
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

# ---- the servers: the provider at port 8080, and another host at 8081 ----
www=$dir/www white=$dir/www/csaf/white
mkdir -p "$white/2026" "$www/.well-known" "$dir/other" "$dir/nginx" "$dir/gnupg"
chmod 700 "$dir/gnupg"
http=http://127.0.0.1:8080 other=http://127.0.0.1:8081
cat >"$dir/nginx.conf" <<-EOF
	daemon off; pid $dir/nginx/pid; error_log $dir/nginx.log; user root;
	events {}
	http {
		log_format short '\$connection \$status \$uri';
		access_log $dir/access.txt short;
		keepalive_requests 100000;
		client_body_temp_path $dir/nginx; proxy_temp_path $dir/nginx; fastcgi_temp_path $dir/nginx;
		uwsgi_temp_path $dir/nginx; scgi_temp_path $dir/nginx;
		server { listen 127.0.0.1:8080; root $www;
			location /csaf/white/2026/elsewhere.json { return 302 $other/a.json; }
			location /csaf/white/2026/loop.json { return 302 /csaf/white/2026/loop.json; }
			location /csaf/white/2026/broken.json { return 500; }
		}
		server { listen 127.0.0.1:8081; root $dir/other; access_log $dir/other.txt short; }
		server { listen 127.0.0.1:8082; root $dir/cisa; location = /changes.csv { alias $dir/changes.csv; } }
	}
EOF
: >"$dir/other.txt"
nginx -c "$dir/nginx.conf" -e "$dir/nginx.log" &
pids+=($!)
until_true 10 "nginx serves" test -s "$dir/nginx/pid"

gpg=(gpg --homedir "$dir/gnupg" --batch --yes)
for key in vendor stranger; do
	"${gpg[@]}" --passphrase '' --quick-gen-key "$key" ed25519 sign 0 2>/dev/null
	"${gpg[@]}" --armor --export "$key" >"$dir/$key.asc"
done
fingerprint=$("${gpg[@]}" --with-colons --list-keys vendor | awk -F: '$1 == "fpr" { print $10; exit }')

document() { # ID VERSION [LABEL]: a document that says that Foo below V$2 is affected
	printf '{"document":{"category":"csaf_security_advisory","csaf_version":"2.0","title":"t","distribution":{"tlp":{"label":"%s"}},"publisher":{"category":"vendor","name":"Example","namespace":"https://vendor.example"},"tracking":{"id":"%s","status":"final","version":"1","initial_release_date":"2026-01-01T00:00:00Z","current_release_date":"2026-01-01T00:00:00Z","revision_history":[]}},"product_tree":{"branches":[{"category":"vendor","name":"Example","branches":[{"category":"product_name","name":"Foo","branches":[{"category":"product_version_range","name":"<V%s","product":{"name":"n","product_id":"p"}}]}]}]},"vulnerabilities":[{"title":"%s","product_status":{"known_affected":["p"]}}]}' "${3:-WHITE}" "$1" "$2" "$1"
}
put() { # FILE ID VERSION [LABEL]: the document with its proofs
	document "$2" "$3" "${4:-WHITE}" >"$white/$1"
	(cd "$(dirname "$white/$1")" && sha512sum "$(basename "$1")" >"$(basename "$1").sha512")
	"${gpg[@]}" --local-user vendor --armor --output "$white/$1.asc" --detach-sign "$white/$1" 2>/dev/null
}
# nginx tells files apart by size and second.
minutes=0
newer() { # FILE
	minutes=$((minutes + 1))
	touch -d "+$minutes min" "$1"
}
changes() { # ROWS
	printf '%s\n' "$1" >"$white/changes.csv"
	newer "$white/changes.csv"
}
metadata() { # DISTRIBUTIONS
	printf '{"canonical_url":"%s/provider-metadata.json","metadata_version":"2.0","role":"csaf_trusted_provider","publisher":{"category":"vendor","name":"Example","namespace":"https://vendor.example"},"public_openpgp_keys":[{"fingerprint":"%s","url":"%s/key.asc"}],"distributions":[%s]}' \
		"$http" "$fingerprint" "$http" "$1" >"$www/provider-metadata.json"
	newer "$www/provider-metadata.json"
}
for n in 1 2 3; do put "2026/a-$n.json" "A-$n" "$n.0"; done
# Not sorted; and what may not be followed.
good='2026/a-2.json,2026-02-02T00:00:00Z
2026/a-3.json,2026-01-03T00:00:00Z
"2026/a-1.json","2026-03-01T00:00:00.000000+00:00"'
bad="../../../../etc/passwd.json,2026-01-01T00:00:00Z
%2e%2e/%2e%2e/secret.json,2026-01-01T00:00:00Z
$other/a.json,2026-01-01T00:00:00Z
file:///etc/passwd,2026-01-01T00:00:00Z
2026/elsewhere.json,2026-01-01T00:00:00Z
2026/loop.json,2026-01-01T00:00:00Z
2026/broken.json,2026-01-01T00:00:00Z
2026/not-there.json,2026-01-01T00:00:00Z
no row at all"
changes "$good
$bad"
document B-1 9.0 >"$dir/other/a.json"
metadata "{\"directory_url\":\"$http/csaf/white/\"}"
cat >"$dir/products" <<-'EOF'
	product foo {
		vendor = Example
		name = Foo
		package = Debian:12 foo
		strip = V
	}
EOF

options=(--index "$dir/index" --cache "$dir/cache" --kind csaf --products "$dir/products" --json)
import() { "$bin/pratique" vuln import "${options[@]}" "$@" 2>"$dir/said.txt"; }
signed=(--trust signed --keyring "$dir/vendor.asc")
counts() { jq -c '.sources[0] | [.mapped, .unmapped, .refused, .signed]'; }
# nginx writes a request down after it has answered: one of ours comes behind all that are of interest.
sync_log() {
	local synced=$RANDOM-$RANDOM-$RANDOM
	(exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /sync-%s HTTP/1.0\r\n\r\n' "$synced" >&3 && cat <&3 >/dev/null)
	until_true 10 "nginx wrote its log" grep -q "/sync-$synced$" "$dir/access.txt"
}
mark() {
	sync_log
	asked=$(wc -l <"$dir/access.txt")
}
requests() { # those since mark
	sync_log
	tail -n "+$((asked + 1))" "$dir/access.txt" | cut -d' ' -f3 | grep -v /sync-
}
expect() { # WHAT SHOULD IS
	[ "$2" = "$3" ] || failed "$1: $3, not $2"
}
match() { "$bin/pratique" vuln match --index "$1" --inventory <(echo 'pkg:deb/debian/foo@1.5-1?distro=bookworm') --json 2>/dev/null | jq -r '.id // empty' | sort | xargs; }

# ---- everything, over one connection; what leads astray is refused by name and asked of nobody ----
said=$(import "${signed[@]}" "v=$http/provider-metadata.json") || failed "$(cat "$dir/said.txt")"
expect "the first look" "[3,0,9,3]" "$(counts <<<"$said")"
# nginx ends a connection behind a failure of its own; one is ours.
sync_log
expect "connections" 3 "$(cut -d' ' -f1 "$dir/access.txt" | sort -u | wc -l)"
expect "requests to the other host" 0 "$(wc -l <"$dir/other.txt")"
for words in '\.\./\.\./\.\./\.\./etc/passwd.json: a path with' 'secret.json: a path with encoded' "$other/a.json: .*another host" \
	'file:///etc/passwd: .*neither http nor https' 'elsewhere.json: .*redirected: .*another host' 'loop.json: .*redirects' \
	'broken.json: .*answers 500' 'not-there.json: it is listed, and the server' 'no row at all: it is no line'; do
	grep -q "$words" "$dir/cache/v/tree/refused.txt" || failed "$words is not said: $(cat "$dir/cache/v/tree/refused.txt")"
done
expect "findings" "A-2 A-3" "$(match "$dir/index")"
expect "what the cache holds" "a-1.json a-1.json.asc a-1.json.sha512" "$(cd "$dir/cache/v/tree/127.0.0.1_8080/csaf/white/2026" && echo a-1*)"

# ---- nothing new: the lists alone are asked for. Then one document changes ----
changes "$good"
mark
expect "without the bad rows" "[3,0,0,3]" "$(import "${signed[@]}" "v=$http/provider-metadata.json" | counts)"
expect "requests" "/provider-metadata.json /csaf/white/changes.csv" "$(requests | xargs)"
put 2026/a-2.json A-2 1.2
changes "${good/02-02/04-02}"
mark
# Only what is new is gpgv's work.
expect "records changed, and signatures verified before" "[1,2]" \
	"$(import "${signed[@]}" "v=$http/provider-metadata.json" | jq -c '[.changed, .sources[0].remembered]')"
expect "requests" "a-2.json a-2.json.asc a-2.json.sha512" "$(requests | grep 2026 | xargs -n1 basename | sort | xargs)"
expect "findings" "A-3" "$(match "$dir/index")"

# ---- another time, and the same document: asked for, and nothing changes ----
changes "${good/02-02/04-03}"
mark
expect "records changed" 0 "$(import "${signed[@]}" "v=$http/provider-metadata.json" | jq .changed)"
expect "requests" 3 "$(requests | grep -c 2026)"

# ---- a document that somebody changed on the way, and one that leaves ----
document A-3 0.1 >"$white/2026/a-3.json"
(cd "$white/2026" && sha512sum a-3.json >a-3.json.sha512)
changes $'2026/a-2.json,2026-04-03T00:00:00Z\n2026/a-3.json,2026-05-01T00:00:00Z'
said=$(import "${signed[@]}" "v=$http/provider-metadata.json")
expect "a wrong signature" "[1,0,1,1]" "$(counts <<<"$said")"
grep -q "a-3.json: the signature is not over this text" <<<"$(jq -r '.sources[0].first_refused[0]' <<<"$said")" || failed "$said"
[ ! -e "$dir/cache/v/tree/127.0.0.1_8080/csaf/white/2026/a-1.json" ] || failed "a-1 is still in the cache"
"$bin/pratique" vuln show --index "$dir/index" A-1 2>/dev/null | grep -q "(cancelled)" || failed "A-1 has not left: $("$bin/pratique" vuln show --index "$dir/index" A-1 2>&1)"
put 2026/a-3.json A-3 3.0
changes "$good"
expect "mended" "[3,0,0,3]" "$(import "${signed[@]}" "v=$http/provider-metadata.json" | counts)"

# ---- the keys that the metadata names are shown, and trusted by nobody ----
import --trust signed --keyring "$dir/stranger.asc" "v=$http/provider-metadata.json" | counts >"$dir/counts"
expect "another's keyring" "[0,0,3,0]" "$(cat "$dir/counts")"
said=$(import --trust signed --keyring "$dir/stranger.asc" "v=$http/provider-metadata.json" | jq -r '.sources[0].notes[0]')
[[ $said == *"fingerprint mismatch: Example says"*"$fingerprint"*"which is not in $dir/stranger.asc"* ]] || failed "$said"
expect "notes with the right keyring" "[]" "$(import "${signed[@]}" "v=$http/provider-metadata.json" | jq -c '.sources[0].notes')"

# ---- a folder of documents remembers as well; another keyring, or another signature, is not what it remembers ----
cp -r "$white/2026" "$dir/folder"
remembered() { jq -c '.sources[0] | [.signed, .remembered, .refused]'; }
expect "a folder" "[3,0,0]" "$(import "${signed[@]}" "f=$dir/folder" | remembered)"
expect "a folder again" "[3,3,0]" "$(import "${signed[@]}" "f=$dir/folder" | remembered)"
cp "$dir/folder/a-2.json.asc" "$dir/folder/a-3.json.asc"
expect "another document's signature" "[2,2,1]" "$(import "${signed[@]}" "f=$dir/folder" | remembered)"
expect "another keyring" "[0,0,3]" "$(import --trust signed --keyring "$dir/stranger.asc" "f=$dir/folder" | remembered)"

# ---- ROLIE: pages, labels, other hosts ----
entry() { printf '{"id":"%s","updated":"2026-01-01T00:00:00Z","content":{"src":"%s"}}' "$1" "$2"; }
feed() { # FILE NEXT ENTRIES
	printf '{"feed":{"id":"f","updated":"2026-01-01T00:00:00Z","link":[{"rel":"self","href":"x"}%s],"entry":[%s]}}' "${2:+,{\"rel\":\"next\",\"href\":\"$2\"\}}" "$3" >"$white/$1"
	newer "$white/$1"
}
put 2026/red.json RED-1 9.0 RED
feed feed.json feed-2.json "$(entry A-1 "$http/csaf/white/2026/a-1.json"),$(entry X "$http/csaf/white/../x.json"),$(entry B-1 "$other/a.json")"
feed feed-2.json "" "$(entry A-2 2026/a-2.json),$(entry RED-1 2026/red.json)"
feed red.json "" "$(entry RED-1 2026/red.json)"
metadata "{\"directory_url\":\"$http/csaf/white/\"},{\"rolie\":{\"feeds\":[{\"tlp_label\":\"WHITE\",\"url\":\"$http/csaf/white/feed.json\"},{\"tlp_label\":\"RED\",\"url\":\"$http/csaf/white/red.json\"}]}}"
mark
said=$(import "${signed[@]}" "r=$http/provider-metadata.json")
expect "two pages" "[2,0,3,3]" "$(counts <<<"$said")"
grep -q "TLP:RED, which nobody asked for" <<<"$said" || failed "the label is not said: $said"
expect "requests of the red feed" 0 "$(requests | grep -c "^/csaf/white/red.json")"
expect "with the label" "[3,0,2,3]" "$(import "${signed[@]}" --tlp WHITE --tlp RED "r=$http/provider-metadata.json" | counts)"
said=$(import --tlp CLEAR --tlp RED --host 127.0.0.1:8081 "r=$http/provider-metadata.json")
expect "with the other host" "[4,0,1,0]" "$(counts <<<"$said")"
[ "$(wc -l <"$dir/other.txt")" -gt 0 ] || failed "the other host was not asked"
feed feed-2.json feed.json "$(entry A-2 2026/a-2.json)"
import "r=$http/provider-metadata.json" >/dev/null && failed "pages in a circle are taken"
grep -q "lead in a circle" "$dir/said.txt" || failed "$(cat "$dir/said.txt")"

# ---- by security.txt, and by the host alone ----
metadata "{\"directory_url\":\"$http/csaf/white/\"}"
expect "folders again" "[3,0,0,3]" "$(import "${signed[@]}" "r=$http/provider-metadata.json" | counts)"
expect "lists that are kept" 1 "$(find "$dir/cache/r" -name '.list-*' ! -name '*.etag' | wc -l)"
printf 'Contact: mailto:a@b\nCSAF: %s/provider-metadata.json\n' "$http" >"$www/.well-known/security.txt"
expect "security.txt" "[3,0,0,3]" "$(import "${signed[@]}" "s=$http/.well-known/security.txt" | counts)"
expect "the host" "[3,0,0,3]" "$(import "${signed[@]}" "h=$http" | counts)"
printf 'CSAF: %s/provider-metadata.json\n' "$other" >"$www/.well-known/security.txt"
import "s=$http/.well-known/security.txt" >/dev/null && failed "security.txt led to another host"
grep -q "another host" "$dir/said.txt" || failed "$(cat "$dir/said.txt")"

# ---- lists that fail leave everything as it was ----
before=$(match "$dir/index")
: >"$white/changes.csv"
newer "$white/changes.csv"
import "v=$http/provider-metadata.json" >/dev/null && failed "an empty list is taken"
grep -q "lists no document any more" "$dir/said.txt" || failed "$(cat "$dir/said.txt")"
changes '<html>Sorry</html>'
import "v=$http/provider-metadata.json" >/dev/null && failed "a page is taken for a list"
rm "$white/changes.csv"
import "v=$http/provider-metadata.json" >/dev/null && failed "no list is taken for one"
expect "findings" "$before" "$(match "$dir/index")"
printf '2026/a-1.json\n2026/a-2.json\n2026/a-3.json\n' >"$white/index.txt"
expect "index.txt alone" "[3,0,0,3]" "$(import "${signed[@]}" "v=$http/provider-metadata.json" | counts)"
changes "$good"

# ---- pratique-vis: a change is noticed; a provider that has gone is stale, and what it said stands ----
cat >"$dir/vis.conf" <<-EOF
	data = $dir/vis
	socket = $dir/vis.sock
	cache = $dir/viscache
	interval = 1 s
	source vendor {
		kind = csaf
		from = $http/provider-metadata.json
		keyring = $dir/vendor.asc
		products = $dir/products
		fresh = 3 s
	}
EOF
chown nobody "$dir"
"$bin/pratique-vis" --config "$dir/vis.conf" --set user=nobody 2>"$dir/vis.log" &
pids+=($!)
found() { [ "$(match "$dir/vis")" = "$1" ]; }
until_true 20 "the provider is loaded" found "A-3"
put 2026/a-1.json A-1 1.9
changes "${good/2026-03-01/2026-06-01}"
until_true 20 "a changed document is noticed" found "A-1 A-3"
stale() { "$bin/pratique" vuln sources --index "$dir/vis" --json | jq -e ".sources[0].stale == $1 and .sources[0].records == 3"; }
until_true 20 "it is fresh" stale false
mv "$www/provider-metadata.json" "$dir/away"
until_true 20 "it is stale" stale true
grep -q "source vendor stays as it was: .*does not have it" "$dir/vis.log" || failed "the log does not say so"
expect "findings of a stale source" "A-1 A-3" "$(match "$dir/vis")"
mv "$dir/away" "$www/provider-metadata.json"
until_true 30 "it is fresh again" stale false
kill "${pids[-1]}"
wait "${pids[-1]}" || true
unset 'pids[-1]'

# ---- real providers ----
advisories=$shared/advisories/csaf
if [ ! -r "$advisories/gocsaf-testdata.tar.xz" ] || [ ! -r "$advisories/cisa-csaf-2024-10-24.tar.xz" ]; then
	echo "csaf: all as promised; $advisories is not there, so CISA's and gocsaf's providers were not tried"
	exit 0
fi
mkdir "$dir/gocsaf" "$dir/cisa"
tar -xJf "$advisories/gocsaf-testdata.tar.xz" -C "$dir/gocsaf"
for kind in directory rolie; do
	cp -r "$dir/gocsaf/testdata/simple-$kind-provider" "$www/$kind"
	find "$www/$kind" -name '*.json' ! -name 'avendor*' -exec sed -i "/{{if\|{{end/d; s|{{.URL}}|$http/$kind|g" {} +
	expect "gocsaf's $kind" "[0,1,0,1]" "$(import --trust signed --keyring "$www/$kind/openpgp/pubkey.asc" "$kind=$http/$kind/provider-metadata.json" | counts)"
done
# A fifth of CISA's documents by its own list, which is not sorted; its whole ROLIE feed of the others.
tar -xJf "$advisories/cisa-csaf-2024-10-24.tar.xz" -C "$dir/cisa"
awk 'NR % 5 == 0' "$dir/cisa/csaf_files/OT/white/changes.csv" >"$dir/changes.csv"
sed -i 's|https://raw.githubusercontent.com/cisagov/CSAF/develop|http://127.0.0.1:8082|g' "$dir/cisa/csaf_files/IT/white/cisa-csaf-it-feed-tlp-white.json"
sort -t, -k2 "$dir/changes.csv" | cmp -s - "$dir/changes.csv" && failed "CISA's list is sorted"
cisa() { # DISTRIBUTION: how many records, with a checksum
	printf '{"metadata_version":"2.0","role":"csaf_provider","publisher":{"name":"CISA"},"distributions":[%s]}' "$1" >"$dir/cisa/provider-metadata.json"
	newer "$dir/cisa/provider-metadata.json"
	import --trust checksum --products "$root/tests/unit/vuln/cisa_products.conf" cisa=http://127.0.0.1:8082/provider-metadata.json |
		jq -c '.sources[0] | [.read, .refused, .checksum]'
}
n=$(wc -l <"$dir/changes.csv")
expect "CISA's documents" "[$n,0,$n]" "$(cisa '{"directory_url":"http://127.0.0.1:8082/"}')"
mark
expect "CISA's documents again" "[$n,0,$n]" "$(cisa '{"directory_url":"http://127.0.0.1:8082/"}')"
expect "requests" 2 "$(requests | wc -l)"
expect "CISA's feed" "[4,0,4]" "$(cisa '{"rolie":{"feeds":[{"tlp_label":"WHITE","url":"http://127.0.0.1:8082/csaf_files/IT/white/cisa-csaf-it-feed-tlp-white.json"}]}}')"
echo "csaf: all as promised"
