#!/bin/bash
# SPDX-License-Identifier: ISC
#
# Five VISes in three levels, any of which is killed while a publisher goes on; loops, partitions, lies, clocks, and what is
# fetched only when it is asked for.
#
#     publisher --- root --+-- m1 --+-- l1 (m1, then m2)
#                          +-- m2 --+-- l2 (m2, then m1)
#
# usage: vis-tree.sh BIN-DIRECTORY PUBLISHER
# shellcheck source=tests/scenario/site-lib.sh disable=SC2317
. "$(dirname "$0")/site-lib.sh"
publisher=$(readlink -f "$2")
liar=$(dirname "$(readlink -f "$0")")/vis-liar.py
export ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0
faketime=$(find /usr/lib -name libfaketimeMT.so.1 | head -n 1)
declare -A port=([root]=7001 [m1]=7002 [m2]=7003 [l1]=7004 [l2]=7005 [x]=7006 [y]=7007 [victim]=7008 [liar]=7009
	[skewed]=7010 [lazy]=7011 [lazier]=7012)
export LC_ALL=C
began=$SECONDS

show_state() {
	local socket
	tail -n 2 points
	for socket in run/*.http; do
		curl -s --max-time 2 --unix-socket "$socket" http://vis/v1/tree
		echo
	done
}

cd "$site" || exit 1
ip link set lo up

# ---- a tree ----

"$bin/pratique" ca init --dir ca --site tree >/dev/null || fail "the CA cannot be made"
for name in "${!port[@]}"; do
	"$bin/pratique" ca issue --dir ca --role vis --name "$name" --alt-name 127.0.0.1 --out . >/dev/null || fail "no certificate"
done
"$bin/pratique" ca issue --dir ca --role node --name stranger --out . >/dev/null
mkfifo orders
exec 7<>orders
# An index lives nine seconds, and is signed anew every three.
"$publisher" "$site/repository" central 9000 "$site/publisher.key" <orders >points 2>publisher.log &
pids[publisher]=$!
until_true 10 "a repository is published" grep -q '^1\.' points
mkdir -m 777 data run
chmod 755 . ca
chmod 644 ./*.pem ca/ca.pem ca/ca.crl
chown nobody ./*.key

# begin NAME [OPTION...]: with these options, or those of the last time.
begin() {
	local name=$1 arguments
	shift
	[ $# = 0 ] || printf '%s\n' "$@" >"$name.options"
	mapfile -t arguments <"$name.options"
	setpriv --reuid nobody --regid nogroup --clear-groups ${wrapper:+"${wrapper[@]}"} "$bin/pratique-vis" --data "data/$name" \
		--socket "run/$name.sock" --listen "127.0.0.1:${port[$name]}" --http "run/$name.http" --metrics "run/$name.metrics" \
		--ca ca/ca.pem --crl ca/ca.crl --certificate "$name.pem" --key "$name.key" "${arguments[@]}" >>"$name.log" 2>&1 &
	pids[$name]=$!
}

# end NAME: at once, and whatever it has started.
end() {
	kill -KILL "${pids[$1]}"
	wait "${pids[$1]}" 2>/dev/null
	unset "pids[$1]"
}

ask() {
	curl -s --max-time 10 --unix-socket "run/$1.http" "http://vis$2" "${@:3}"
}

tree_of() {
	ask "$1" /v1/tree | jq -r "$2"
}

put() {
	echo "put $1 ${2:-Debian:12} ${3:-1.0}" >&7
}

newest() {
	tail -n 1 points
}

# What a VIS says is known of openssl, one line.
records() {
	ask "$1" /v1/query -d '{"package":{"ecosystem":"Debian:12","name":"openssl"}}' | jq -r '[.vulns[]?.id] | sort | join(" ")'
}

# The newest is another one every three seconds.
stands() {
	[ "$(tree_of "$1" '.repositories[0].point')" = "$(newest)" ]
}

# settled NAME...: all of them have what the publisher has published.
settled() {
	local name all
	all=$(sort -u expected | tr '\n' ' ')
	for name in "$@"; do
		[ "$(records "$name") " = "$all" ] || return 1
	done
}

subscribed() {
	tree_of "$1" ".uppers[] | select(.name == \"$2\").state" | grep -qx subscribed
}

publish() {
	echo "$1" >>expected
	put "$1"
}

all=(--follow "central $site/repository/1.root.json")
begin root --repository "central $site/repository"
begin m1 --upper "127.0.0.1:${port[root]} root" "${all[@]}"
begin m2 --upper "127.0.0.1:${port[root]} root" "${all[@]}"
begin l1 --upper "127.0.0.1:${port[m1]} m1" --upper "127.0.0.1:${port[m2]} m2" "${all[@]}"
begin l2 --upper "127.0.0.1:${port[m2]} m2" --upper "127.0.0.1:${port[m1]} m1" "${all[@]}"
for i in 1 2 3 4 5; do
	publish "DSA-$i"
done
until_true 20 "four VISes below a root get what is published" settled m1 m2 l1 l2
until_true 5 "a leaf knows by whom it came" sh -c "curl -s --unix-socket run/l1.http http://vis/v1/tree | jq -e '.path | length == 3 and .[0] == \"l1\" and .[2] == \"root\"'"
until_true 5 "a parent knows its children" sh -c "curl -s --unix-socket run/root.http http://vis/v1/tree | jq -e '[.children[].name] | sort == [\"m1\",\"m2\"]'"
tells() {
	"$bin/pratique" vuln sources --socket "run/$1.http" --json | jq -e "$2"
}
until_true 20 "vuln sources shows the VISes above" tells l1 \
	'(.tree.uppers | map([.name, .state])) == [["m1", "subscribed"], ["m2", "waiting"]] and (.sources | length > 0 and all(.name | startswith("central")))'
until_true 20 "where a repository stands" tells m1 '.tree.repositories[0] | .stale == false and .withheld == false and .age_seconds < 60'
until_true 20 "and who is subscribed, and lacks nothing" tells root \
	'.tree.children | map([.name, .behind]) | sort == [["m1", []], ["m2", []]]'
curl -sN --unix-socket run/root.http 'http://vis/v1/subscribe?repository=elsewhere' >elsewhere.txt &
pids[elsewhere]=$!
until_true 20 "who asked for another repository is not behind in this one" tells root \
	'.tree.children | any(.wanted == ["elsewhere"] and .behind == []) and any(.name == "m1" and .wanted == ["central"])'
kept() {
	"$bin/pratique" metrics --socket run/root.metrics | grep -Eq '^pratique_vis_http_subscribers [3-9]'
}
until_true 20 "and they are counted" kept
end elsewhere
"$bin/pratique" vuln sources --socket run/m1.http | tee sources.txt | grep -Eq '^root +subscribed ' || fail "vuln sources: $(cat sources.txt)"
for row in '^central .* (fresh|late: its next index is owed) +m1 < root' '^l1 +.* (has all|behind: central) '; do
	grep -Eq "$row" sources.txt || fail "vuln sources: $(cat sources.txt)"
done
ok "for people"

# ---- who may ----

refused() {
	! curl -s --max-time 5 --cacert ca/ca.pem "$@" -H 'Last-Event-ID: central:1.1' "https://127.0.0.1:${port[root]}/v1/subscribe" | grep -q '^event:'
}
refused || fail "somebody without a certificate was told"
refused --cert stranger.pem --key stranger.key || fail "a node was told"
ok "neither strangers nor nodes may subscribe"
"$bin/pratique-vis" --user nobody --data data/m1 --socket run/second.sock >second.log 2>&1 && fail "a second process took the index"
grep -q "another pratique-vis (process [0-9]*) keeps the index" second.log || fail "the second was not told why"
ok "one process keeps an index"

# ---- killed at random ----

five=(root m1 m2 l1 l2)
{
	for i in $(seq 1 80); do
		put "CVE-$i"
		echo "CVE-$i"
		sleep 0.1
	done
} >>expected &
writer=$!
for i in $(seq 1 14); do
	victim=${five[RANDOM % 5]}
	end "$victim"
	sleep "0.$((RANDOM % 6))"
	begin "$victim"
	sleep 0.2
done
wait "$writer"
publish "CVE-last"
until_true 30 "14 kills while 80 records are published lose nothing" settled m1 m2 l1 l2
for name in m1 m2 l1 l2; do
	until_true 10 "$name stands where the publisher does" stands "$name"
done

# ---- partitions ----

nft add table inet cut
nft add chain inet cut in '{ type filter hook input priority 0; }'
nft add rule inet cut in tcp dport "${port[m1]}" drop
nft add rule inet cut in tcp sport "${port[m1]}" drop
publish "CVE-cut"
until_true 30 "cut off from one parent a leaf goes to the other" settled l1 l2 m1
subscribed l1 m2 || fail "l1 is not subscribed to m2"
nft flush chain inet cut in
nft add rule inet cut in tcp dport "${port[root]}" drop
nft add rule inet cut in tcp sport "${port[root]}" drop
publish "CVE-dark"
sleep 1
settled l1 && fail "it came through a wall"
nft flush chain inet cut in
until_true 30 "a partition heals" settled m1 m2 l1 l2

# ---- a person who watches ----

"$bin/pratique" vuln subscribe --socket run/l2.http --root repository/1.root.json --json >watched.json 2>watched.log &
pids[watching]=$!
"$bin/pratique" vuln subscribe --server "https://127.0.0.1:${port[m1]}" --server-name m1 --ca ca/ca.pem --certificate l1.pem \
	--key l1.key --from 1 >all.txt 2>all.log &
pids[all]=$!
until_true 10 "all that there is is shown from the first generation on" grep -q "put.*CVE-dark" all.txt
publish "CVE-watched"
until_true 10 "a change is shown at once" sh -c "jq -e 'select(.op == \"put\" and .id == \"CVE-watched\" and .record.summary == \"a test\")' watched.json"
grep -q "DSA-1" watched.json && fail "what was before is shown as a change"
end watching
end all
sed 's/payload":"../payload":"xx/' repository/1.root.json >forged.root.json
"$bin/pratique" vuln subscribe --socket run/l2.http --root forged.root.json --from 1 >/dev/null 2>forged.log && fail "a forged root was believed"
grep -q "not believed" forged.log || fail "it does not say what is not believed: $(cat forged.log)"
ok "what a root does not vouch for is not believed"

# ---- loops ----

begin x --upper "127.0.0.1:${port[y]} y" "${all[@]}"
begin y --upper "127.0.0.1:${port[x]} x" --upper "127.0.0.1:${port[m1]} m1" "${all[@]}"
until_true 40 "two that are each other's upper get all the same" settled x y
# x has what it has from y: when y has nobody else any more, x is no way out.
end m1
until_true 20 "the loop is refused, and said" grep -q "is loop" x.log y.log
begin m1
end x
end y

# ---- lies ----

old=$site/old-index.json
cp repository/index.json "$old"
publish "CVE-before-lies"
until_true 10 "m1 is up to date" settled m1
begin_liar() {
	python3 "$liar" "${port[liar]}" liar.pem liar.key ca/ca.pem "$site/repository" "$1" "$old" 2>>liar.log &
	pids[liar]=$!
	until_true 20 "$1: the liar listens" sh -c "ss -Htln 'sport = :${port[liar]}' | grep -q LISTEN"
}
lie() {
	local mode=$1 words=$2
	begin_liar "$mode"
	: >victim.log
	publish "CVE-$mode"
	begin victim --upper "127.0.0.1:${port[liar]} liar" --upper "127.0.0.1:${port[m1]} m1" "${all[@]}"
	until_true 30 "$mode: $words is said of the liar" grep -qE "$words" victim.log
	until_true 20 "$mode: the truth comes from another parent" settled victim
	end victim
	end liar
}
lie forge "central: unsigned"
lie alter "central: (altered|malformed|cut)"
lie truncate "central: (cut|altered)"
lie replay "central: (rolled-back|expired)"
lie loop "liar is loop"
lie withhold "liar is withholding"
lie dribble "liar is withholding: central: what it gives us comes too slowly"
lie flap "floods us with events"

# So does a person who watches.
begin_liar back
timeout 20 "$bin/pratique" vuln subscribe --server "https://127.0.0.1:${port[liar]}" --server-name liar --ca ca/ca.pem \
	--certificate l1.pem --key l1.key --root repository/1.root.json >back.txt 2>back.log
[ $? = 1 ] || fail "an old index after a new one is shown: $(cat back.txt back.log)"
grep -q "it went back" back.log || fail "it does not say that it went back: $(cat back.log)"
end liar

# With nobody else to ask, what is withheld shows.
begin_liar withhold
begin victim --upper "127.0.0.1:${port[liar]} liar" "${all[@]}"
stale() {
	[ "$(tree_of victim '.repositories[0].stale')" = "$1" ]
}
until_true 10 "a repository that is fresh is not stale" stale false
until_true 30 "what is withheld shows as stale" stale true
until_true 10 "which is logged" grep -q "repository central is stale" victim.log
tells victim '.tree.repositories[0].withheld and (.tree.uppers[0].state | IN("withholding", "waiting", "connecting", "subscribed"))' \
	>/dev/null || fail "vuln sources does not show what is withheld"
"$bin/pratique" vuln sources --socket run/victim.http | grep -Eq '^central .* stale: withheld' || fail "vuln sources does not show it to people"
end victim
end liar

# ---- clocks ----

[ -n "$faketime" ] || fail "libfaketime is not there (./dev setup)"
skew() {
	wrapper=(env "LD_PRELOAD=$faketime" "FAKETIME=$1" FAKETIME_DONT_FAKE_MONOTONIC=1)
	: >skewed.log
	rm -rf data/skewed
	begin skewed --upper "127.0.0.1:${port[m1]} m1" "${all[@]}"
	wrapper=()
}
for by in -4m +4m; do
	skew "$by"
	until_true 20 "a clock that is off by $by is borne with" settled skewed
	end skewed
done
skew +15m
until_true 20 "one that is fifteen minutes ahead takes it for expired" grep -q "central: expired" skewed.log
[ -z "$(records skewed)" ] || fail "it believed what had expired"
end skewed

# ---- what is asked for ----

begin lazy --upper "127.0.0.1:${port[m2]} m2" --follow "central $site/repository/1.root.json on-demand"
begin lazier --upper "127.0.0.1:${port[lazy]} lazy" --follow "central $site/repository/1.root.json on-demand"
until_true 20 "two that hold nothing know the index" stands lazier
[ "$(ask lazier /v1/status | jq .records)" = 0 ] || fail "lazier holds what nobody asked for"
settled lazier || fail "a question did not wait for its answer: $(records lazier)"
ok "a question is answered by what two levels up have"
[ "$(ls data/lazy/repositories/central/tree/files)" ] || fail "the one in between has kept nothing for the next who asks"
[ "$(ask lazy /v1/status | jq .records)" = 0 ] || fail "the one in between holds what it was not asked about"
started=$(date +%s%N)
ask lazier /v1/query -d '{"package":{"ecosystem":"Alpine:v3.18","name":"openssl"}}' >answer
[ $((($(date +%s%N) - started) / 1000000)) -lt 2000 ] || fail "what is nowhere was waited for"
jq -e '.vulns == null' answer >/dev/null || fail "an answer about nothing: $(cat answer)"
ok "what the signed index does not list is known to be nowhere"
put ALPINE-1 Alpine:v3.18 1.1-r0
alpine() {
	ask lazier /v1/query -d '{"package":{"ecosystem":"Alpine:v3.18","name":"openssl"}}' | jq -e '.vulns[0].id == "ALPINE-1"'
}
until_true 10 "until the index lists it" alpine

echo "ok: $((SECONDS - began)) s"
grep -l -e 'ERROR: AddressSanitizer' -e 'runtime error:' ./*.log && fail "a sanitizer complains"
exit 0
