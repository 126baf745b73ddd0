#!/bin/bash
# SPDX-License-Identifier: ISC
#
# pratique-vis and its clients over HTTP, in a namespace of its own with nothing but the loopback: OSV.dev's API, certificates,
# pages in a changing index, OSV.dev's recorded conversations, clients that mean no good, and processes that are killed.
#
# usage: vis-api.sh BIN-DIRECTORY
# shellcheck source=tests/scenario/own-net-lib.sh
. "$(dirname "$0")/own-net-lib.sh"
here=$(dirname "$(readlink -f "$0")")
shared=${PRATIQUE_SHARED:-$here/../../../shared/advisories}

ip link set lo up

# ---- the site ----

"$bin/pratique" ca init --dir "$site/ca" --site scenario >/dev/null || fail "no CA"
issue() {
	"$bin/pratique" ca issue --dir "$site/ca" --out "$site" "$@" >/dev/null || fail "no certificate: $*"
}
issue --role vis --name vis --alt-name ::1 --alt-name 127.0.0.1
issue --role vis --name child
issue --role server --name srv
issue --role operator --name olga
issue --role node --name alice
mkdir "$site/other" "$site/first" "$site/second" "$site/published"
"$bin/pratique" ca init --dir "$site/other/ca" --site another >/dev/null || fail "no other CA"
"$bin/pratique" ca issue --dir "$site/other/ca" --out "$site" --role operator --name mallory >/dev/null || fail "no mallory"
cp "$site/ca/ca.pem" "$site/ca/ca.crl" "$site/"

# record FILE ID RELEASE PACKAGE FIXED [MORE]
record() {
	cat >"$1/$2.json" <<-END
		{"id": "$2", "modified": "2026-01-01T00:00:00Z", "affected": [{"package": {"name": "$4", "ecosystem": "Debian:$3"},
		"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "$5"}]}]}]${6:-}}
	END
}
record "$site/first" EXAMPLE-2026-1 12 alpha 1.2-1
record "$site/second" EXAMPLE-2026-1 12 alpha 0.9-1
record "$site/first" EXAMPLE-2026-2 12 alpha 1.8-1 ', "aliases": ["CVE-2026-1001"]'
record "$site/first" EXAMPLE-2026-3 11 alpha 1.8-1
record "$site/first" EXAMPLE-2026-4 13 gamma 2.0-3
record "$site/first" EXAMPLE-2026-5 12 gamma 3.0-1
record "$site/first" EXAMPLE-2026-6 12 delta "1:2:3 no version"
record "$site/first" EXAMPLE-2026-9 12 gone 1.8-1 ', "withdrawn": "2026-01-02T00:00:00Z"'
# A page of them is more than sockets hold.
details=$(head -c 3000 /dev/zero | tr '\0' x)
for i in $(seq -w 0 2499); do
	record "$site/second" "PAGED-0$i" 12 paged 9 ", \"details\": \"$details\""
done
sources=(--source "$site/first" --source "$site/second")
if [ -d "$shared/api/cassettes" ]; then
	mkdir "$site/picked"
	/usr/bin/python3 "$here/vis-cassettes.py" pick "$shared" "$site/picked" || fail "the records cannot be picked"
	sources+=(--source "$site/picked")
else
	echo "skipped: no $shared/api/cassettes: OSV.dev's conversations are not replayed, records not held against its schema"
fi
chown -R nobody "$site"
chmod 711 "$site"

start_vis() {
	"$bin/pratique-vis" --data "$site/index" --socket "$site/vis.sock" --user nobody --watch "$site/published" \
		--metrics "$site/metrics.sock" "${sources[@]}" --listen '[::1]' --listen 127.0.0.1:9446 --http "$site/http.sock" \
		--certificate "$site/vis.pem" --key "$site/vis.key" --ca "$site/ca.pem" --crl "$site/ca.crl" "$@" >>"$site/vis.log" 2>&1 &
	pids[daemon]=$!
	until_true 30 "pratique-vis answers" serves /v1/vulns/PAGED-02499
}

serves() {
	curl -sSf --max-time 5 --unix-socket "$site/http.sock" "http://vis$1"
}

client() {
	/usr/bin/python3 "$here/vis-api.py" "$@" || fail "$1"
}

gone() {
	! kill -0 "$1" 2>/dev/null
}

front_of() {
	pgrep -P "$(pgrep -P "$1" -x vis-keeper)" -x vis-front
}

counter() {
	"$bin/pratique" metrics --socket "$site/metrics.sock" | sed -n "s/^pratique_vis_http_$1_total //p"
}

start_vis
if [ -d "$site/picked" ]; then
	until_true 30 "the picked records are served" serves /v1/vulns/CVE-2021-3711
	/usr/bin/python3 "$here/vis-cassettes.py" replay "$shared" "$site/http.sock" || fail "OSV.dev's conversations"
fi
client promises "$site" "$shared"
for name in requests queries queries_refused records_sent records_missing pages_cut inventories not_modified answers_again; do
	[ "$(counter "$name")" -gt 0 ] || fail "$name was not counted"
done
ok "counted"
"$bin/pratique" metrics --socket "$site/metrics.sock" | python3 "$here/metrics-check.py" pratique_vis_ pratique_vis_http_kept_bytes \
	pratique_vis_http_kept_limit_bytes pratique_vis_http_answers_again_total pratique_vis_records_beyond_limits_total \
	pratique_vis_entries_refused_total pratique_vis_entries_unsupported_total pratique_vis_versions_invalid_total \
	pratique_vis_aliases_refused_total pratique_vis_forms_pruned || fail "the metrics are not as they should be"
[ "$("$bin/pratique" metrics --socket "$site/metrics.sock" | sed -n 's/^pratique_vis_entries_refused_total //p')" -gt 0 ] ||
	fail "an entry that was refused is not counted"
ok "what was left out of records is counted"

# ---- two generations of its index ----

changes() {
	"$bin/pratique" vuln diff --json --generations "$1" "$site/index" | jq -e "$2" >/dev/null
}
changes 0 '.added_complete and .changes_complete and .from == 0 and .to == .now and .counts.added == (.records | map(select(.events == ["added"])) | length)' ||
	fail "vuln diff of generations: $("$bin/pratique" vuln diff --json --generations 0 "$site/index" | jq -c 'del(.records)')"
at=$("$bin/pratique" vuln diff --json --generations 0 "$site/index" | jq '.records[] | select(.id == "AAA-2026-1").generation')
changes "$((at - 1)):$at" '.records | any(.id == "AAA-2026-1")' || fail "vuln diff: not in its generation $at"
changes "$at" '.records | all(.id != "AAA-2026-1")' || fail "vuln diff: after its generation $at"
"$bin/pratique" vuln diff --generations 0 "$site/index" | grep -q '^+ AAA-2026-1  (published)  added; generation ' || fail "vuln diff for people"
for wrong in "--generations x $site/index" "--generations 2:1 $site/index" "--generations 1 $site/index $site/index" "$site/index"; do
	# shellcheck disable=SC2086 # words
	"$bin/pratique" vuln diff $wrong >/dev/null 2>&1
	[ $? = 2 ] || fail "vuln diff $wrong"
done
"$bin/pratique" vuln diff --generations 99999999 "$site/index" >"$site/after.log" 2>&1 && fail "a generation that is to come"
grep -q 'there is nothing after it' "$site/after.log" || fail "vuln diff: $(cat "$site/after.log")"
ok "vuln diff compares two generations"

# ---- what is killed ----

front=$(front_of "${pids[daemon]}")
[ "$(sed -n 's/^Seccomp:[^0-9]*//p' "/proc/$front/status")" = 2 ] || fail "the front is not shut in"
[ "$(sed -n 's/^CapEff:[^0-9a-f]*//p' "/proc/$front/status")" = 0000000000000000 ] || fail "the front has capabilities"
ok "the front is shut in"
client cut "$site" "$site/begun" &
reader=$!
until_true 30 "an answer has begun" test -e "$site/begun"
kill -9 "$front"
rm "$site/begun"
wait "$reader" || fail "an answer was cut off"
until_true 30 "another front answers" serves /v1/status
[ "$(front_of "${pids[daemon]}")" != "$front" ] || fail "it is the same"
front=$(front_of "${pids[daemon]}")
kill -9 "${pids[daemon]}"
wait "${pids[daemon]}" 2>/dev/null
until_true 30 "without its parent the front is gone" gone "$front"
start_vis --public --rate 200

# ---- everybody ----

client public "$site"
[ "$(counter throttled)" -gt 0 ] || fail "nobody was slowed down"
front=$(front_of "${pids[daemon]}")
kill "${pids[daemon]}"
wait "${pids[daemon]}" || fail "pratique-vis did not end in order"
unset "pids[daemon]"
until_true 30 "and its front with it" gone "$front"
if grep -E 'Sanitizer|runtime error' "$site/vis.log"; then
	fail "a sanitizer found something"
fi
if "$bin/pratique-vis" --data "$site/index" --socket "$site/vis.sock" --user nobody --listen 127.0.0.1 --certificate "$site/vis.pem" \
	--key "$site/nothing.key" --ca "$site/ca.pem" >"$site/refused.log" 2>&1; then
	fail "it starts without a key"
fi
grep -q 'nothing.key' "$site/refused.log" || fail "it does not say which file is missing: $(cat "$site/refused.log")"
ok "without its key it does not start, and says why"
