#!/bin/bash
# SPDX-License-Identifier: ISC
#
# A signed repository from its publisher to a follower, in a namespace of its own with nothing but the loopback: nginx carries it, its
# keys are rotated while it runs, its publisher is killed, and a mirror that lies takes nginx's place. What the mirror says is refused
# with its reason, counted, and grows old; afterwards everything goes on.
#
#     pratique-vis --publish ──▶ files ──▶ nginx, or vis-mirror.py ──▶ pratique-vis, source of kind repository
#
# usage: vis-repository.sh BIN-DIRECTORY
# shellcheck source=tests/scenario/own-net-lib.sh
. "$(dirname "$0")/own-net-lib.sh"
here=$(dirname "$(readlink -f "$0")")
nginx=$(PATH=$PATH:/usr/sbin command -v nginx) || { echo "SKIP: nginx is not installed"; exit 77; }
port=8080

pq() {
	"$bin/pratique" vuln "$@"
}

ip link set lo up
cd "$site" || exit 1

# ---- keys, publisher, follower ----

for key in alice bob carol vis vis2; do
	pq keys new --out "$key" >/dev/null || fail "no key $key"
done
sign() {
	local root=$1 key
	shift
	for key in "$@"; do
		pq keys sign --key "$key" "$root" >/dev/null || fail "$key did not sign $root"
	done
}
pq keys root --repository site.example --root-key alice.pub --root-key bob.pub --root-key carol.pub --threshold 2 \
	--index-key vis.pub --out 1.root.json >/dev/null || fail "no root"
sign 1.root.json alice bob
pq publish --repository repository --root 1.root.json >/dev/null || fail "the root does not count"
mkdir published

# record ID PACKAGE: an advisory of the publisher's.
record() {
	cat >"$1.json" <<-END
		{"id": "$1", "modified": "2026-01-01T00:00:00Z", "affected": [{"package": {"name": "$2", "ecosystem": "Debian:12"},
		"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2"}]}]}]}
	END
	pq publish --dir published "$1.json" || fail "$1 is not published"
}
record SITE-1 alpha

start_publisher() {
	"$bin/pratique-vis" -d "$site/up" -s "$site/up.sock" -m "$site/up.metrics" -w "$site/published" -u root \
		--publish "$site/repository" --publish-key "$site/vis" --publish-key "$site/vis2" --publish-lifetime 8s >>up.log 2>&1 &
	pids[up]=$!
}
start_nginx() {
	cat >nginx.conf <<-END
		user root; daemon off; pid $site/nginx.pid; error_log $site/nginx.log;
		events {}
		http { access_log off; server { listen 127.0.0.1:$port; root $site/repository; } }
	END
	"$nginx" -p "$site" -c "$site/nginx.conf" >>nginx.log 2>&1 &
	pids[nginx]=$!
}
cat >down.conf <<END
data = $site/down
socket = $site/down.sock
metrics = $site/down.metrics
cache = $site/cache
user = root
interval = 1 s
source central {
	kind = repository
	from = http://127.0.0.1:$port/
	root = $site/1.root.json
	skew = 1 s
}
END
start_follower() {
	"$bin/pratique-vis" --config "$site/down.conf" >>down.log 2>&1 &
	pids[down]=$!
}
stop() {
	kill "-$1" "${pids[$2]}" 2>/dev/null
	wait "${pids[$2]}" 2>/dev/null
	unset "pids[$2]"
}

knows() {
	pq show --index "$site/down" "$1"
}
metric() {
	"$bin/pratique" metrics --socket "$site/$1.metrics" | sed -n "s/^pratique_vis_$2 //p"
}
refused() {
	metric down "repositories_refused_${1}_total"
}

start_publisher
start_nginx
start_follower
until_true 30 "an advisory goes from the publisher by nginx to the follower" knows SITE-1
record SITE-2 beta
until_true 30 "and so does one that is published later" knows SITE-2
pq verify --root 1.root.json "http://127.0.0.1:$port/" >verify.out || fail "the repository is not good: $(cat verify.out)"
ok "all of the repository is good, seen from outside"

rounds=$(metric down loads_total)
looked_again() {
	[ "$(metric down loads_total)" -gt "$((rounds + 2))" ]
}
until_true 30 "it looks again and again" looked_again
[ "$(metric down generation)" -gt 0 ] || fail "a round without news has no generation of its own: $(metric down generation)"
[ "$(grep -c 'central: 0 records read' down.log)" = 0 ] || fail "a round without news is told as one: $(tail -n 3 down.log)"
ok "a round without news changes nothing"

# From the directory itself, and a part of it, as the command line has it.
record NPM-1 left-pad
sed -i 's/Debian:12/npm/' NPM-1.json
pq publish --dir published NPM-1.json || fail "NPM-1 is not published"
timeout 60 "$bin/pratique-vis" -d "$site/local" -s "$site/local.sock" -u root -i 1 \
	--source "near=repository:$site/repository#$site/1.root.json" --set "cache=$site/local.cache" >>local.log 2>&1 &
pids[local]=$!
knows_locally() {
	pq show --index "$site/local" NPM-1
}
until_true 30 "a follower takes it from the directory" knows_locally
stop TERM local

# ---- keys are rotated while it runs ----

pq keys rotate --from 1.root.json --index-key vis2.pub --out 2.root.json >/dev/null || fail "no second root"
sign 2.root.json bob
pq publish --repository repository --root 2.root.json >/dev/null 2>&1 && fail "a root with one signature counts"
sign 2.root.json carol
cp -r repository old
pq publish --repository repository --root 2.root.json >/dev/null || fail "the second root does not count"
in_epoch() {
	[ "$(metric up published_epoch)" = "$1" ]
}
until_true 30 "the publisher takes up the new root" in_epoch 2
record SITE-3 gamma
until_true 30 "and the follower follows it" knows SITE-3

# ---- the publisher is killed ----

generation() {
	jq -r .payload repository/index.json | base64 -d | jq .generation
}
first=$(generation)
last=$first
for i in 1 2 3; do
	record "KILLED-$i" delta
	stop 9 up
	now=$(generation)
	[ "$now" -ge "$last" ] || fail "the generation went back from $last to $now"
	last=$now
	start_publisher
	until_true 30 "a publisher that was killed goes on ($i)" knows "KILLED-$i"
done
[ "$(generation)" -gt "$first" ] || fail "the generation did not rise"

# ---- nginx's place is taken by one who lies ----

stop TERM nginx
echo honest >mode
python3 "$here/vis-mirror.py" "$port" "$site/repository" "$site/old" "$site/mode" >mirror.log 2>&1 &
pids[mirror]=$!
record SITE-4 epsilon
until_true 30 "another mirror is as good" knows SITE-4

# attack MODE REASON WORDS: while the mirror does that, what is published does not come, and it is told why.
number=4
attack() {
	local before
	number=$((number + 1))
	before=$(refused "$2")
	echo "$1" >mode
	record "SITE-$number" "package$number"
	until_true 30 "a mirror that does: $1, is refused as $2" counted "$2" "$before"
	knows "SITE-$number" >/dev/null 2>&1 && fail "SITE-$number came through a mirror that does: $1"
	knows SITE-4 >/dev/null || fail "what was known is not any more ($1)"
	grep -q -- "source central stays as it was: .*$3" down.log || fail "the log does not say: $3"
	echo honest >mode
	until_true 30 "after it ($1) everything goes on" knows "SITE-$number"
}
counted() {
	[ "$(refused "$1")" -gt "$2" ]
}
attack garbage malformed "not JSON"
attack forge unsigned "0 good signatures"
attack alter altered "not those that the index names"
attack truncate cut "of [0-9]* bytes"
attack endless endless "more than the [0-9]* bytes"
attack rollback rolled_back "epoch"
attack stall unreachable "too slow"

# ---- what is withheld grows old ----

rm -rf old
cp -r repository old
before=$(refused expired)
echo freeze >mode
record SITE-90 zeta
is_stale() {
	[ "$(refused expired)" -gt "$before" ]
}
until_true 30 "a mirror that freezes is refused when the index has expired" is_stale
grep -q "the index expired at" down.log || fail "the log does not say that the index expired"
knows SITE-4 >/dev/null || fail "what was known is not any more"
shown_stale() {
	pq sources --index "$site/down" --json | jq -e '.sources[] | select(.name == "central") | .stale'
}
until_true 30 "and the source shows as stale" shown_stale

# ---- and after all of it ----

stop TERM mirror
start_nginx
until_true 30 "nginx again: everything goes on" knows SITE-90
fresh_again() {
	! shown_stale
}
until_true 30 "and the source is fresh again" fresh_again
complaints=$(grep -h -A 20 -e 'ERROR: AddressSanitizer' -e 'ERROR: LeakSanitizer' -e 'runtime error:' ./*.log)
[ -z "$complaints" ] || fail "$complaints"
ok "no sanitizer has anything to say"
