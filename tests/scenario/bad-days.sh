#!/bin/bash
# SPDX-License-Identifier: ISC
#
# Bad days of a site with ten nodes, real daemons and real packets:
#
#   - an advisory hits six of ten: the brake lets one go and holds five, an operator's release moves them, and it is written down
#   - an emergency goes past the brake
#   - monitor mode: while everything would be refused, nobody moves, and packets of whoever is there keep flowing; when
#     decisions are carried out again, the brake applies
#   - the server is killed in the middle of each, and nothing of it is forgotten
#
# usage: bad-days.sh BIN-DIRECTORY
# shellcheck source=tests/scenario/site-lib.sh
. "$(dirname "$0")/site-lib.sh"
here=$(dirname "$(readlink -f "$0")")

clerks=(c1 c2 c3 c4 c5 c6)
others=(o1 o2 o3 o4)
nodes=("${clerks[@]}" "${others[@]}")
make_network "${nodes[@]}" printer
make_site "${nodes[@]}" <<-'END'
	site 10.9.0.0/16, fd09::/16
	enforcer "gateway" { nodes 10.9.1.0/24, fd09:1::/64 }
	define server { address 10.9.2.2, fd09:2::2 tcp 271, 8443 }
	role "clerk" { node "c1", "c2", "c3", "c4", "c5", "c6" }
	role "other" { node "o1", "o2", "o3", "o4" }
	segment quarantine default { allow to server }
	segment isolated { allow to server }
	segment staff level 2 { allow to any  allow from any }
	require patched { no advisory where severity >= high and id != "OTHER" }
	admit role "clerk" to staff when patched
	admit role "other" to staff
	otherwise isolated
	brake demotions above 10% or 1 nodes per 1 hour
	emergency source "emergency"
	waive advisory "TEST-WAIVED" for any until 2096-01-01 by "ops" because "a test"
	inspect every 30 min
	certificate lifetime 45 min
END
cp "$site/policy" "$site/policy.enforce"
# They are one machine, and would be suspected for that.
start_agent() {
	tr -d - </proc/sys/kernel/random/uuid >"$site/$1.id"
	start "$1" ip netns exec "$1" sh -c "mount --bind '$site/$1.id' /etc/machine-id && exec '$bin/pratique-agent' run --config '$site/$1.conf'"
}
start_site
start echo "$here/enforcer-probe.py" serve 443
for name in "${nodes[@]}"; do
	enrol "$name" >/dev/null
	start_agent "$name"
done

# in_segment SEGMENT: how many of the nodes that have agents.
in_segment() {
	api nodes --json | jq "[.nodes[].attachments[] | select(.segment == \"$1\")] | length"
}
are_in() {
	[ "$(in_segment "$2")" = "$1" ]
}
holds() {
	[ "$(api brake --json | jq '[.held[] | select(.kept_by == "brake")] | length')" = "$1" ]
}
reaches() {
	of "$1" "$here/enforcer-probe.py" patient fd09:2::2 443 && of "$1" "$here/enforcer-probe.py" patient 10.9.2.2 443
}
restart_server() {
	kill -9 "${pids[server]}"
	wait "${pids[server]}" 2>/dev/null
	start_server >/dev/null
	until_true 20 "the enforcer is back" says status '.enforcers[0].greeted'
}
# placed SEGMENT: who is there.
placed() {
	api nodes --json | jq -c "[.nodes[] | select(.segment == \"$1\") | .name] | sort"
}
# would_move OPTION...: who would be better off.
would_move() {
	api simulate "$@" --json | jq -c '[.moves[] | select(.change == "better") | .node] | sort'
}
clerks_are='["c1","c2","c3","c4","c5","c6"]'
package=$(dpkg-query -W -f '${source:Package}\n' bash)
publish() {
	advisory "$1" "$package" | jq ".aliases = [\"CVE-2026-9999\"]" >"$site/$1.json"
	"$bin/pratique" vuln publish --dir "$site/vis/published" ${2:+"$2"} "$site/$1.json" || fail "$1 cannot be published"
}
withdraw() {
	"$bin/pratique" vuln publish --dir "$site/vis/published" --remove "$1" || fail "$1 cannot be taken away"
}

until_true 120 "all ten nodes are in staff" are_in 10 staff
until_true 10 "c1 reaches what is behind the gateway" reaches c1

# ---- what a bad advisory would do ----

advisory TEST-1 "$package" >"$site/try.json"
tried=$(api simulate --advisory "$site/try.json" --json) || fail "nothing is simulated: $tried"
jq -e '.nodes == 10 and .worse == 6 and .better == 0 and .brake.passes == 1 and .brake.holds == 5 and (.brake.held | length) == 5 and
	.between == [{from: "staff", to: "isolated", attachments: 6}] and
	([.moves[] | select(.to == "isolated") | .node] | sort) == ["c1", "c2", "c3", "c4", "c5", "c6"] and
	all(.moves[]; .why[0] | contains("TEST-1"))' <<<"$tried" >/dev/null || fail "what would be is something else: $tried"
api simulate --advisory "$site/try.json" | grep -q 'the brake would let 1 go at once and hold 5' || fail "it is not said"
sed 's/^\treject//; s/^otherwise/reject when package "bash" installed\notherwise/' "$site/policy" >"$site/policy.tried"
api simulate --policy "$site/policy.tried" --json | jq -e '.nodes == 10 and .worse == 10' >/dev/null || fail "the policy is not tried"
sed -i 's/no advisory where severity >= high and id/no advisory where id/' "$site/policy.tried"
api simulate --policy "$site/policy" --advisory "$site/try.json" --json | jq -e '.worse == 6' >/dev/null || fail "both are not tried"
api simulate --policy "$site/try.json" >/dev/null 2>&1 && fail "an advisory is taken for a policy"
api simulate --advisory "$site/try.json" --check >/dev/null && fail "--check does not say that nodes would be worse off"
api simulate --policy "$site/policy" --check >/dev/null || fail "--check says that nodes would be worse off"
advisory TEST-8 no-such-package | jq -s . >"$site/list.json"
api simulate --advisory "$site/list.json" --advisory "$site/try.json" --json | jq -e '.worse == 6' >/dev/null || fail "a list is not tried"
jq -c 'if type == "array" then .[] else . end' "$site/list.json" "$site/try.json" >"$site/lines.json"
api simulate --advisory "$site/lines.json" --json | jq -e '.worse == 6' >/dev/null || fail "records one after the other are not tried"
# wrong FILE WHAT: what is said of it.
wrong() {
	local said
	said=$(api simulate --advisory "$1" 2>&1 >/dev/null) && fail "$1 is taken"
	[[ "$said" == *"$2"* ]] || fail "of $1 it says: $said"
}
printf '[\n{"id": "A-1"},\n  {"id": 7}\n]' >"$site/wrong.json"
wrong "$site/wrong.json" "wrong.json:2:"
printf '{"id": "A-1",\n "modified": "2026-01-01T00:00:00Z"\n' >"$site/cut.json"
wrong "$site/cut.json" "cut.json:"
: >"$site/empty.json"
wrong "$site/empty.json" "empty.json:1: there is no advisory in it"
wrong "$site/none.json" "none.json"
echo 'segment {' >"$site/policy.wrong"
said=$(api simulate --policy "$site/policy.wrong" 2>&1) && fail "a wrong policy is taken"
grep -q "policy.wrong:1:9" <<<"$said" || fail "of a wrong policy it says: $said"
[ -z "$(find "$site/state" -name 'simulation-*')" ] || fail "a simulation is left behind"
are_in 10 staff || fail "a simulation moved somebody"
holds 0 || fail "a simulation makes the brake hold"
ok "what would be is said, and nobody moved"

# ---- a bad advisory ----

publish TEST-1
until_true 20 "one node is demoted" are_in 1 isolated
until_true 20 "five are held" holds 5
are_in 9 staff || fail "the brake did not hold"
[ "$(api brake --json | jq -c '[.held[].node] | sort')" = "$(jq -c '.brake.held | sort' <<<"$tried")" ] || fail "others are held than was said"
[ "$(placed isolated)" = "$(jq -c '[.moves[] | select(.kept_by == null) | .node]' <<<"$tried")" ] || fail "another one is out than was said"
victim=$(api nodes --json | jq -r '[.nodes[] | select(.segment == "isolated")][0].name')
reaches "$victim" && fail "$victim is isolated and reaches everything"
for name in "${clerks[@]}"; do
	[ "$name" = "$victim" ] || reaches "$name" || fail "$name is held and reaches nothing"
done
ok "those that are held work on, the one that is not is out"
held=$(api brake --json | jq -r '.held[0].node')
node_is "$held" '.attachments[0].would_be' isolated || fail "$held does not say where it would be"
api explain "$held" | grep -q "would be      isolated; the brake holds" || fail "explain does not say it"
api status | grep -q "brake        holds 5 demotions" || fail "status does not say it"
api events --json | jq -es '[.[] | select(.kind == "brake")] | length == 1' >/dev/null || fail "no event, or more than one"
until_true 10 "its agent is told" jq -e '.attachments[0].result.decision.kept_by == "brake"' "$site/$held/status.json"

restart_server
until_true 20 "five are held by the server that came after" holds 5
are_in 9 staff || fail "a kill opened the brake"

api brake release >/dev/null || fail "nothing is released"
until_true 20 "the release moves them" are_in 6 isolated
until_true 5 "nothing is held" holds 0
api audit --json 2>/dev/null | jq -es 'any(.[]; .action == "brake release" and .result == "done")' >/dev/null ||
	fail "the release is not in the audit"

# ---- an emergency ----

jq '. + {withdrawn: "2026-11-22T00:00:00Z", modified: "2096-01-01T00:00:00Z"}' "$site/TEST-1.json" >"$site/withdrawn.json"
[ "$(would_move --advisory "$site/withdrawn.json")" = "$clerks_are" ] || fail "withdrawn, it would free others"
"$bin/pratique" vuln publish --dir "$site/vis/published" "$site/withdrawn.json" || fail "it cannot be withdrawn"
until_true 60 "the advisory is withdrawn, and all are back" are_in 10 staff
withdraw TEST-1
publish TEST-2
until_true 20 "another one is held, for the hour is not over" holds 6
are_in 10 staff || fail "the brake counts anew"
publish TEST-2 --emergency
until_true 20 "as an emergency it goes past the brake" are_in 6 isolated
until_true 5 "nothing is held" holds 0

# ---- somebody says that it is not so ----

jq '.id = "NOT-2" | .modified = "2096-01-01T00:00:00Z" |
	.affected[].database_specific = {pratique: {status: "not_affected", justification: "not built in"}}' "$site/TEST-2.json" >"$site/NOT-2.json"
cat >"$site/vex.json" <<-END
	{"document": {"category": "csaf_vex", "csaf_version": "2.0", "title": "not affected", "publisher": {"category": "vendor", "name": "Example",
	  "namespace": "https://example.com"}, "tracking": {"id": "VEX-2", "status": "final", "version": "1",
	  "initial_release_date": "2096-01-01T00:00:00Z", "current_release_date": "2096-01-01T00:00:00Z",
	  "revision_history": [{"date": "2096-01-01T00:00:00Z", "number": "1", "summary": "first"}]}},
	 "product_tree": {"full_product_names": [{"name": "$package", "product_id": "P",
	  "product_identification_helper": {"purl": "pkg:deb/debian/$package?arch=source&distro=bookworm"}}]},
	 "vulnerabilities": [{"cve": "CVE-2026-9999", "product_status": {"known_not_affected": ["P"]},
	  "flags": [{"label": "vulnerable_code_not_present", "product_ids": ["P"]}]}]}
END
[ "$(would_move --advisory "$site/NOT-2.json" --source published)" = '[]' ] || fail "a lower source would stand above an emergency"
for file in NOT-2 vex; do
	[ "$(would_move --advisory "$site/$file.json" --source emergency)" = "$clerks_are" ] || fail "$file would free others"
done
"$bin/pratique" vuln publish --dir "$site/vis/published" --emergency "$site/NOT-2.json" || fail "NOT-2 cannot be published"
until_true 60 "it is not so, and all are back" are_in 10 staff
withdraw NOT-2
until_true 60 "and out again without that" are_in 6 isolated

# ---- monitor mode ----

{ cat "$site/policy.enforce"; echo 'mode monitor in staff'; } >"$site/policy"
api reload >/dev/null || fail "the policy is not taken"
until_true 20 "under monitor mode all are in staff" are_in 10 staff
node_is c1 '.attachments[0].would_be' isolated || fail "it is not said where c1 would be"
for name in c1 o1 printer; do
	until_true 10 "$name reaches what is behind the gateway" reaches "$name"
	start "stream-$name" ip netns exec "$name" "$here/enforcer-probe.py" stream fd09:2::2 443 200 600
done
kill -9 "${pids[c2]}" "${pids[enforcer]}"
restart_server >/dev/null 2>&1 &
restarting=$!
start_enforcer
wait "$restarting"
until_true 20 "server and enforcer are back" says status '.enforcers[0].greeted'
withdraw TEST-2
publish TEST-3 --emergency
until_true 30 "c1 would be out by an emergency, too" node_is c1 '.attachments[0].kept_by' monitor
are_in 10 staff || fail "monitor mode moved somebody"
for name in c1 o1 printer; do
	kill "${pids["stream-$name"]}"
	wait "${pids["stream-$name"]}" 2>/dev/null
	unset "pids[stream-$name]"
	grep -q 'sent [1-9][0-9]* lost 0$' "$site/stream-$name.log" || fail "$name lost packets: $(cat "$site/stream-$name.log")"
done
ok "nobody moved, and not a packet was lost"

# ---- decisions are carried out ----

withdraw TEST-3
publish TEST-1
until_true 30 "c1 would be isolated" node_is c1 '.attachments[0].would_be' isolated
cp "$site/policy.enforce" "$site/policy"
api reload >/dev/null || fail "the policy is not taken"
# c2 has no agent any more, and its certificate is good for a while.
until_true 20 "what would be out is held" holds 7
reaches printer || fail "the printer is cut off at once"
api brake release >/dev/null || fail "nothing is released"
until_true 20 "the release moves them" are_in 6 isolated
until_true 10 "the printer is in quarantine" sh -c "! ip netns exec printer '$here/enforcer-probe.py' connect fd09:2::2 443"
echo "PASS"
