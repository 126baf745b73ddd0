#!/bin/bash
# SPDX-License-Identifier: ISC
# CSAF providers by their URLs, from nginx on the loopback: a signed one of our own, which changes, lies, leads astray and goes
# away; and, where ../shared/advisories is there, CISA's tree and gocsaf's small providers.
# Arguments: the folder of the programs, ../shared.
# shellcheck source=tests/scenario/feeds-lib.sh
. "$(dirname "$0")/feeds-lib.sh"
shared=${PRATIQUE_SHARED:-$2}
root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)

# ---- the servers: the provider at port 8080, and another host at 8081 ----
www=$site/www white=$site/www/csaf/white
mkdir -p "$white/2026" "$www/.well-known" "$site/other"
http=http://127.0.0.1:8080 other=http://127.0.0.1:8081
start_nginx <<-EOF
	access_log $site/access.txt short;
	server { listen 127.0.0.1:8080; root $www;
		location /csaf/white/2026/elsewhere.json { return 302 $other/a.json; }
		location /csaf/white/2026/loop.json { return 302 /csaf/white/2026/loop.json; }
		location /csaf/white/2026/broken.json { return 500; }
		location ~ ^/csaf/.*[.]sha512\$ {
			if (-f $site/busy) { return 503; }
			if (-f $site/reset) { return 444; }
			if (-f $site/forbidden) { return 403; }
		}
		location ~ ^/csaf/.*[.]asc\$ { if (-f $site/limited) { return 429; } }
		location /csaf/white/2026/unasked.json { return 304; }
	}
	server { listen 127.0.0.1:8081; root $site/other; access_log $site/other.txt short; }
	server { listen 127.0.0.1:8082; root $site/cisa; location = /changes.csv { alias $site/changes.csv; } }
EOF
: >"$site/other.txt"

gpg=(gpg --homedir "$site/gnupg" --batch --yes)
for key in vendor stranger; do
	"${gpg[@]}" --passphrase '' --quick-gen-key "$key" ed25519 sign 0 2>/dev/null
	"${gpg[@]}" --armor --export "$key" >"$site/$key.asc"
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
2026/unasked.json,2026-01-01T00:00:00Z
no row at all"
changes "$good
$bad"
document B-1 9.0 >"$site/other/a.json"
metadata "{\"directory_url\":\"$http/csaf/white/\"}"
cat >"$site/products" <<-'EOF'
	product foo {
		vendor = Example
		name = Foo
		package = Debian:12 foo
		strip = V
	}
EOF

options=(--index "$site/index" --cache "$site/cache" --kind csaf --products "$site/products" --json)
import() { "$bin/pratique" vuln import "${options[@]}" "$@" 2>"$site/said.txt"; }
signed=(--trust signed --keyring "$site/vendor.asc")
counts() { jq -c '.sources[0] | [.mapped, .unmapped, .refused, .signed]'; }
# nginx writes a request down after it has answered: one of ours comes behind all that are of interest.
sync_log() {
	local synced=$RANDOM-$RANDOM-$RANDOM
	(exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /sync-%s HTTP/1.0\r\n\r\n' "$synced" >&3 && cat <&3 >/dev/null)
	until_true 10 "nginx wrote its log" grep -q "/sync-$synced$" "$site/access.txt" >&2
}
mark() {
	sync_log
	asked=$(wc -l <"$site/access.txt")
}
requests() { # those since mark
	sync_log
	tail -n "+$((asked + 1))" "$site/access.txt" | cut -d' ' -f3 | grep -v /sync-
}
expect() { # WHAT SHOULD IS
	[ "$2" = "$3" ] || fail "$1: $3, not $2"
}
match() { "$bin/pratique" vuln match --index "$1" --inventory <(echo 'pkg:deb/debian/foo@1.5-1?distro=bookworm') --json 2>/dev/null | jq -r '.id // empty' | sort | xargs; }

# ---- everything, over one connection; what leads astray is refused by name and asked of nobody ----
said=$(import "${signed[@]}" "v=$http/provider-metadata.json") || fail "$(cat "$site/said.txt")"
expect "the first look" "[3,0,10,3]" "$(counts <<<"$said")"
# nginx ends a connection behind a failure of its own, which may be the last that is asked for; one is ours.
sync_log
[ "$(cut -d' ' -f1 "$site/access.txt" | sort -u | wc -l)" -le 3 ] || fail "more connections than one: $(cat "$site/access.txt")"
expect "requests to the other host" 0 "$(wc -l <"$site/other.txt")"
for words in '\.\./\.\./\.\./\.\./etc/passwd.json: a path with' 'secret.json: a path with encoded' "$other/a.json: .*another host" \
	'file:///etc/passwd: .*neither http nor https' 'elsewhere.json: .*redirected: .*another host' 'loop.json: .*redirects' \
	'broken.json: .*answers 500' 'not-there.json: it is listed, and the server' \
	'unasked.json: the server says that it is unchanged, and nobody asked' 'no row at all: it is no line'; do
	grep -q "$words" "$site/cache/v/tree/refused.txt" || fail "$words is not said: $(cat "$site/cache/v/tree/refused.txt")"
done
expect "findings" "A-2 A-3" "$(match "$site/index")"
expect "what the cache holds" "a-1.json a-1.json.asc a-1.json.sha512" "$(cd "$site/cache/v/tree/127.0.0.1_8080/csaf/white/2026" && echo a-1*)"

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
expect "findings" "A-3" "$(match "$site/index")"

# ---- another time, and the same document: asked for, and nothing changes ----
changes "${good/02-02/04-03}"
mark
expect "records changed" 0 "$(import "${signed[@]}" "v=$http/provider-metadata.json" | jq .changed)"
expect "requests" 3 "$(requests | grep -c 2026)"

# ---- a server that fails says nothing of a proof: neither a document that is the same loses its own, nor does a new one come
# without one, or beside the former one's; when the server is well again, all is as it should be ----
proven() { import "$@" | jq -c '.sources[0] | [.mapped, .refused, .checksum, .signed]'; }
tree_of() { echo "$site/cache/$1/tree/127.0.0.1_8080/csaf/white/2026"; }
version() { sed 's/.*"name":"<V\([^"]*\)".*/\1/' "$(tree_of "$1")/a-2.json"; }
whole_round() { # SOURCE: each of its documents is asked about
	jq -c '.whole = 0' "$site/cache/$1/.provider.json" >"$site/state" && cp "$site/state" "$site/cache/$1/.provider.json"
}
for failure in busy reset limited; do # the latter about signatures
	demands=(--trust checksum "$failure=$http/provider-metadata.json")
	[ "$failure" != limited ] || demands=("${signed[@]}" "$failure=$http/provider-metadata.json")
	expect "at first ($failure)" 3 "$(proven "${demands[@]}" | jq '.[0] - .[1]')"
	proofs=$(cd "$(tree_of "$failure")" && echo *.asc *.sha512)
	whole_round "$failure"
	touch "$site/$failure"
	expect "documents beside proofs that are not to be had ($failure)" 3 "$(proven "${demands[@]}" | jq '.[0]')"
	expect "proofs ($failure)" "$proofs" "$(cd "$(tree_of "$failure")" && echo *.asc *.sha512)"
	was=$(version "$failure")
	put 2026/a-2.json A-2 "1.1$minutes"
	changes "${good/02-02/04-$((10 + minutes))}"
	said=$(import "${demands[@]}")
	expect "documents, one of them new ($failure)" 3 "$(jq '.sources[0].mapped' <<<"$said")"
	jq -r '.sources[0].first_refused[]' <<<"$said" | grep -q "a-2.json: .*a-2.json.\(sha512\|asc\): " || fail "a-2 is not named ($failure): $said"
	expect "the former one ($failure)" "$was" "$(version "$failure")"
	rm "$site/$failure"
	expect "when the server is well ($failure)" 3 "$(proven "${demands[@]}" | jq '.[0] - .[1]')"
	[ "$(version "$failure")" != "$was" ] || fail "the new document does not come ($failure)"
done
checked=(--trust checksum "p=$http/provider-metadata.json")
expect "by checksums" "[3,0,3,0]" "$(proven "${checked[@]}")"
# A keyring that is new wants the signatures that nobody looked at before.
expect "by signatures then" "[3,0,0,3]" "$(proven "${signed[@]}" "p=$http/provider-metadata.json")"
# One digest is enough; and what is of the former document goes, be it another digest.
touch "$site/forbidden"
for n in 1 2; do
	put 2026/a-2.json A-2 "1.3$n"
	(cd "$white/2026" && sha256sum a-2.json >a-2.json.sha256)
	changes "${good/02-02/05-1$n}"
	expect "the other digest ($n)" "[3,0,3,0]" "$(proven "${checked[@]}")"
	expect "the new document ($n)" "1.3$n" "$(version p)"
	rm -f "$site/forbidden"
done
rm "$white/2026/a-2.json.sha256"
# What a program that was killed had begun is finished: the document has its place already, and its proof has not.
put 2026/a-2.json A-2 1.42
cp "$white/2026/a-2.json" "$(tree_of p)/a-2.json"
mkdir -p "$site/cache/p/.next"
rm -f "$site/cache/p/.next"/*
cp "$white/2026/a-2.json.sha512" "$site/cache/p/.next/document.sha512"
printf 127.0.0.1_8080/csaf/white/2026/a-2.json >"$site/cache/p/.next/of"
touch "$site/busy"
expect "what was begun" "[3,0,3,0]" "$(proven "${checked[@]}")"
rm "$site/busy"
# Two at once do not mix theirs.
said=$(flock "$site/cache/p/.next" "$bin/pratique" vuln import "${options[@]}" "${checked[@]}" 2>&1) && fail "two at once: $said"
[[ $said == *"another program fetches this source"* ]] || fail "$said"
put 2026/a-2.json A-2 1.2
changes "${good/02-02/04-03}"

# ---- a document that somebody changed on the way, and one that leaves ----
document A-3 0.1 >"$white/2026/a-3.json"
(cd "$white/2026" && sha512sum a-3.json >a-3.json.sha512)
changes $'2026/a-2.json,2026-04-03T00:00:00Z\n2026/a-3.json,2026-05-01T00:00:00Z'
said=$(import "${signed[@]}" "v=$http/provider-metadata.json")
expect "a wrong signature" "[1,0,1,1]" "$(counts <<<"$said")"
grep -q "a-3.json: the signature is not over this text" <<<"$(jq -r '.sources[0].first_refused[0]' <<<"$said")" || fail "$said"
[ ! -e "$site/cache/v/tree/127.0.0.1_8080/csaf/white/2026/a-1.json" ] || fail "a-1 is still in the cache"
"$bin/pratique" vuln show --index "$site/index" A-1 2>/dev/null | grep -q "(cancelled)" || fail "A-1 has not left: $("$bin/pratique" vuln show --index "$site/index" A-1 2>&1)"
put 2026/a-3.json A-3 3.0
changes "$good"
expect "mended" "[3,0,0,3]" "$(import "${signed[@]}" "v=$http/provider-metadata.json" | counts)"

# ---- the keys that the metadata names are shown, and trusted by nobody ----
import --trust signed --keyring "$site/stranger.asc" "v=$http/provider-metadata.json" | counts >"$site/counts"
expect "another's keyring" "[0,0,3,0]" "$(cat "$site/counts")"
said=$(import --trust signed --keyring "$site/stranger.asc" "v=$http/provider-metadata.json" | jq -r '.sources[0].notes[0]')
[[ $said == *"fingerprint mismatch: Example says"*"$fingerprint"*"which is not in $site/stranger.asc"* ]] || fail "$said"
expect "notes with the right keyring" "[]" "$(import "${signed[@]}" "v=$http/provider-metadata.json" | jq -c '.sources[0].notes')"

# ---- a folder of documents remembers as well; another keyring, or another signature, is not what it remembers ----
cp -r "$white/2026" "$site/folder"
remembered() { jq -c '.sources[0] | [.signed, .remembered, .refused]'; }
expect "a folder" "[3,0,0]" "$(import "${signed[@]}" "f=$site/folder" | remembered)"
expect "a folder again" "[3,3,0]" "$(import "${signed[@]}" "f=$site/folder" | remembered)"
cp "$site/folder/a-2.json.asc" "$site/folder/a-3.json.asc"
expect "another document's signature" "[2,2,1]" "$(import "${signed[@]}" "f=$site/folder" | remembered)"
expect "another keyring" "[0,0,3]" "$(import --trust signed --keyring "$site/stranger.asc" "f=$site/folder" | remembered)"

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
grep -q "TLP:RED, which nobody asked for" <<<"$said" || fail "the label is not said: $said"
expect "requests of the red feed" 0 "$(requests | grep -c "^/csaf/white/red.json")"
expect "with the label" "[3,0,2,3]" "$(import "${signed[@]}" --tlp WHITE --tlp RED "r=$http/provider-metadata.json" | counts)"
said=$(import --tlp CLEAR --tlp RED --host 127.0.0.1:8081 "r=$http/provider-metadata.json")
expect "with the other host" "[4,0,1,0]" "$(counts <<<"$said")"
[ "$(wc -l <"$site/other.txt")" -gt 0 ] || fail "the other host was not asked"
feed feed-2.json feed.json "$(entry A-2 2026/a-2.json)"
import "r=$http/provider-metadata.json" >/dev/null && fail "pages in a circle are taken"
grep -q "lead in a circle" "$site/said.txt" || fail "$(cat "$site/said.txt")"

# ---- by security.txt, and by the host alone ----
metadata "{\"directory_url\":\"$http/csaf/white/\"}"
expect "folders again" "[3,0,0,3]" "$(import "${signed[@]}" "r=$http/provider-metadata.json" | counts)"
expect "lists that are kept" 1 "$(find "$site/cache/r" -name '.list-*' ! -name '*.etag' | wc -l)"
printf 'Contact: mailto:a@b\nCSAF: %s/provider-metadata.json\n' "$http" >"$www/.well-known/security.txt"
expect "security.txt" "[3,0,0,3]" "$(import "${signed[@]}" "s=$http/.well-known/security.txt" | counts)"
expect "the host" "[3,0,0,3]" "$(import "${signed[@]}" "h=$http" | counts)"
printf 'CSAF: %s/provider-metadata.json\n' "$other" >"$www/.well-known/security.txt"
import "s=$http/.well-known/security.txt" >/dev/null && fail "security.txt led to another host"
grep -q "another host" "$site/said.txt" || fail "$(cat "$site/said.txt")"

# ---- lists that fail leave everything as it was ----
before=$(match "$site/index")
: >"$white/changes.csv"
newer "$white/changes.csv"
import "v=$http/provider-metadata.json" >/dev/null && fail "an empty list is taken"
grep -q "lists no document any more" "$site/said.txt" || fail "$(cat "$site/said.txt")"
changes '<html>Sorry</html>'
import "v=$http/provider-metadata.json" >/dev/null && fail "a page is taken for a list"
rm "$white/changes.csv"
import "v=$http/provider-metadata.json" >/dev/null && fail "no list is taken for one"
expect "findings" "$before" "$(match "$site/index")"
printf '2026/a-1.json\n2026/a-2.json\n2026/a-3.json\n' >"$white/index.txt"
expect "index.txt alone" "[3,0,0,3]" "$(import "${signed[@]}" "v=$http/provider-metadata.json" | counts)"
changes "$good"

# ---- pratique-vis: a change is noticed; a provider that has gone is stale, and what it said stands ----
cat >"$site/vis.conf" <<-EOF
	data = $site/vis
	socket = $site/vis.sock
	cache = $site/viscache
	interval = 1 s
	source vendor {
		kind = csaf
		from = $http/provider-metadata.json
		keyring = $site/vendor.asc
		products = $site/products
		fresh = 3 s
	}
EOF
chown nobody "$site"
"$bin/pratique-vis" --config "$site/vis.conf" --set user=nobody 2>"$site/vis.log" &
pids[vis]=$!
found() { [ "$(match "$site/vis")" = "$1" ]; }
until_true 20 "the provider is loaded" found "A-3"
put 2026/a-1.json A-1 1.9
changes "${good/2026-03-01/2026-06-01}"
until_true 20 "a changed document is noticed" found "A-1 A-3"
stale() { "$bin/pratique" vuln sources --index "$site/vis" --json | jq -e ".sources[0].stale == $1 and .sources[0].records == 3"; }
until_true 20 "it is fresh" stale false
mv "$www/provider-metadata.json" "$site/away"
until_true 20 "it is stale" stale true
grep -q "source vendor stays as it was: .*does not have it" "$site/vis.log" || fail "the log does not say so"
expect "findings of a stale source" "A-1 A-3" "$(match "$site/vis")"
mv "$site/away" "$www/provider-metadata.json"
until_true 30 "it is fresh again" stale false
kill "${pids[vis]}"
wait "${pids[vis]}" || true
unset 'pids[vis]'

# ---- real providers ----
advisories=$shared/advisories/csaf
if [ ! -r "$advisories/gocsaf-testdata.tar.xz" ] || [ ! -r "$advisories/cisa-csaf-2024-10-24.tar.xz" ]; then
	echo "csaf: all as promised; $advisories is not there, so CISA's and gocsaf's providers were not tried"
	exit 0
fi
mkdir "$site/gocsaf" "$site/cisa"
tar -xJf "$advisories/gocsaf-testdata.tar.xz" -C "$site/gocsaf"
for kind in directory rolie; do
	cp -r "$site/gocsaf/testdata/simple-$kind-provider" "$www/$kind"
	find "$www/$kind" -name '*.json' ! -name 'avendor*' -exec sed -i "/{{if\|{{end/d; s|{{.URL}}|$http/$kind|g" {} +
	expect "gocsaf's $kind" "[0,1,0,1]" "$(import --trust signed --keyring "$www/$kind/openpgp/pubkey.asc" "$kind=$http/$kind/provider-metadata.json" | counts)"
done
# A fifth of CISA's documents by its own list, which is not sorted; its whole ROLIE feed of the others.
tar -xJf "$advisories/cisa-csaf-2024-10-24.tar.xz" -C "$site/cisa"
awk 'NR % 5 == 0' "$site/cisa/csaf_files/OT/white/changes.csv" >"$site/changes.csv"
sed -i 's|https://raw.githubusercontent.com/cisagov/CSAF/develop|http://127.0.0.1:8082|g' "$site/cisa/csaf_files/IT/white/cisa-csaf-it-feed-tlp-white.json"
sort -t, -k2 "$site/changes.csv" | cmp -s - "$site/changes.csv" && fail "CISA's list is sorted"
cisa() { # DISTRIBUTION: how many records, with a checksum
	printf '{"metadata_version":"2.0","role":"csaf_provider","publisher":{"name":"CISA"},"distributions":[%s]}' "$1" >"$site/cisa/provider-metadata.json"
	newer "$site/cisa/provider-metadata.json"
	import --trust checksum --products "$root/tests/unit/vuln/cisa_products.conf" cisa=http://127.0.0.1:8082/provider-metadata.json |
		jq -c '.sources[0] | [.read, .refused, .checksum]'
}
n=$(wc -l <"$site/changes.csv")
expect "CISA's documents" "[$n,0,$n]" "$(cisa '{"directory_url":"http://127.0.0.1:8082/"}')"
mark
expect "CISA's documents again" "[$n,0,$n]" "$(cisa '{"directory_url":"http://127.0.0.1:8082/"}')"
expect "requests" 2 "$(requests | wc -l)"
expect "CISA's feed" "[4,0,4]" "$(cisa '{"rolie":{"feeds":[{"tlp_label":"WHITE","url":"http://127.0.0.1:8082/csaf_files/IT/white/cisa-csaf-it-feed-tlp-white.json"}]}}')"
echo "csaf: all as promised"
