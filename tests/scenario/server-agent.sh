#!/bin/bash
# SPDX-License-Identifier: ISC
#
# Server, enforcer, vis and agent, each a real process, and one node: alice.
#
# What is checked: a whole inspection, admission by certificate in one exchange, re-inspection on a new advisory and the time
# that it takes, a policy reload, revocation and refusal, enrolment, and a server that is killed in the middle of things.
#
# usage: server-agent.sh BIN-DIRECTORY
# shellcheck source=tests/scenario/site-lib.sh
. "$(dirname "$0")/site-lib.sh"
here=$(dirname "$(readlink -f "$0")")

make_network alice
make_site alice <<-'END'
	site 10.9.0.0/16, fd09::/16
	enforcer "gateway" { nodes 10.9.1.0/24, fd09:1::/64 }
	define server { address 10.9.2.2, fd09:2::2 tcp 271, 8443 }
	role "employee" { node "alice" }
	segment quarantine default { allow to server }
	segment isolated { allow to server }
	segment staff level 2 { allow to any  allow from any }
	require patched { no advisory }
	admit role "employee" to staff when patched
	otherwise isolated
	inspect every 30 min
	certificate lifetime 45 min
END
start_site
for name in server vis; do
	caps=$(awk '/^Cap(Inh|Prm|Eff|Amb):/ { print $2 }' "/proc/${pids[$name]}/status" | sort -u)
	[ "$caps" = 0000000000000000 ] || fail "$name has capabilities: $caps"
	grep -q '^Seccomp:.2$' "/proc/${pids[$name]}/status" || fail "$name may ask the kernel for anything"
done
ok "server and vis have no capability and a filter of system calls"

# ---- 1. enrolment, and a whole inspection ----

enrol alice
"$bin/pratique" enrol --server '[fd09:2::2]:8443' --server-name srv --ca "$site/ca/ca.pem" --name alice --token "$token" \
	--out "$site" >>"$site/enrol.log" 2>&1 && fail "a token was good twice"
ok "the token is good once"
start_agent alice
until_true 20 "alice is inspected and admitted" node_is alice .segment staff
node_is alice .state compliant || fail "alice is not compliant"
node_is alice .posture_signed true || fail "the posture is not signed"
node_is alice '.attachments[0].port' port-alice || fail "the attachment is not the proven one"
counter_above assessments_full 0 || fail "that was no whole inspection"

# ---- 2. the certificate is enough ----

kill "${pids[alice]}" && wait "${pids[alice]}"
short=$(counter assessments_short)
start_agent alice
until_true 20 "a certificate stands in for an inspection" counter_above assessments_short "$short"
node_is alice .segment staff || fail "alice is not in staff any more"

# ---- 3. a new advisory for a package that she has ----

connections=$(counter connections)
package=$(dpkg-query -W -f '${source:Package}\n' bash)
before=$(date +%s%3N)
advisory TEST-1 "$package" >"$site/TEST-1.json"
mv "$site/TEST-1.json" "$site/vis/published/TEST-1.json"
until_true 5 "a new advisory isolates her" node_is alice .segment isolated
after=$(date +%s%3N)
[ $((after - before)) -lt 1000 ] || fail "that took $((after - before)) ms"
ok "within $((after - before)) ms"
until_true 10 "and she is inspected again" node_is alice .decision.cause inspection
[ "$(counter connections)" = "$connections" ] || fail "that took a new connection"
node_is alice '.decision.findings[0].advisory' TEST-1 || fail "the finding does not name the advisory"
api explain alice | grep -q '^bash .* TEST-1 ' || fail "explain does not name package and advisory"
python3 "$here/api-schema.py" "$site/server.sock" alice || fail "the API does not answer as it is described"
# shellcheck disable=SC2120 # until_true calls it
metrics_have() { api metrics | python3 "$here/metrics-check.py" pratique_server_ "$@"; }
until_true 30 "the enforcer's counters are among the server's metrics" metrics_have pratique_server_enforcer_connected \
	pratique_server_attachments pratique_server_enforcer_attachments pratique_server_enforcer_proofs_asked_total \
	pratique_server_segment_passed_bytes_total
metrics_have pratique_server_build_info || fail "the server's metrics"
api metrics | grep -q alice && fail "a node is among the metrics"
echo '{' >"$site/vis/published/TEST-2.json"
until_true 10 "a malformed record is counted" \
	sh -c "'$bin/pratique' metrics --socket '$site/vis/metrics' | grep -q '^pratique_vis_records_refused_total 1$'"
rm "$site/vis/published/TEST-2.json"
"$bin/pratique" metrics --socket "$site/vis/metrics" | python3 "$here/metrics-check.py" pratique_vis_ pratique_vis_generation \
	pratique_vis_subscribers || fail "the metrics of vis"
rm "$site/vis/published/TEST-1.json"
until_true 10 "it is withdrawn, and she is back" node_is alice .segment staff

# ---- 4. the policy is read again ----

sed -i 's/^\(\s*\)otherwise/\1otherwise nowhere #/' "$site/policy"
api reload 2>>"$site/reload.log" && fail "a bad policy was taken"
node_is alice .segment staff || fail "a bad policy moved alice"
sed -i 's/otherwise nowhere # /otherwise /; s/role "employee" { node "alice" }/role "employee" { node "nobody" }/' "$site/policy"
api reload >/dev/null || fail "a good policy was refused"
until_true 5 "a new policy moves her" node_is alice .segment isolated
sed -i 's/node "nobody"/node "alice"/' "$site/policy"
kill -HUP "${pids[server]}"
until_true 5 "and the old one moves her back, by SIGHUP" node_is alice .segment staff

# An enforcement point that the policy names no more has nobody placed, and is sent away.
nobody_placed() { ! of gw nft list map inet pratique nodes6 | grep -q 'elements'; }
nobody_placed && fail "alice is not placed in the gateway"
sed -i 's/enforcer "gateway"/enforcer "other"/' "$site/policy"
api reload >/dev/null || fail "a policy with another enforcement point was refused"
until_true 5 "an enforcer that the policy names no more has nobody placed" nobody_placed
until_true 5 "and is sent away" says status '.enforcers == []'
sed -i 's/enforcer "other"/enforcer "gateway"/' "$site/policy"
api reload >/dev/null || fail "the policy was refused"
until_true 20 "named again, it is back" says status '.enforcers[0].greeted'
until_true 20 "and so is alice" node_is alice .segment staff

# ---- 5. the server is killed in the middle of things ----

for round in 1 2 3 4 5; do
	api inspect alice >/dev/null 2>&1
	sleep "0.0$((round * 2))"
	kill -9 "${pids[server]}"
	wait "${pids[server]}" 2>/dev/null
	start_server >/dev/null
	until_true 10 "killed, restarted, the enforcer is back ($round)" says status '.enforcers[0].greeted'
	node_is alice .segment staff || fail "alice lost her place"
	until_true 20 "and so is alice" node_is alice .connected true
done
until_true 20 "she is inspected as before" sh -c "'$bin/pratique' inspect alice --socket '$site/server.sock'"

# ---- 6. revocation ----

api inspect alice --json | python3 "$here/api-schema.py" "$site/server.sock" --answer POST '/v1/nodes/{name}/inspect' ||
	fail "inspect does not answer as it is described"
api revoke alice --reason "a test" --json | python3 "$here/api-schema.py" "$site/server.sock" --answer POST '/v1/nodes/{name}/revoke' ||
	fail "alice cannot be revoked"
node_is alice .segment quarantine || fail "alice is not in quarantine"
until_true 20 "she is refused from then on" sh -c "grep -q 'revoked' '$site/server.log'"
sleep 1
node_is alice .connected false || fail "she is connected again"
kill "${pids[alice]}" && wait "${pids[alice]}"
rm -f "$site"/alice/alice.*
enrol alice
start_agent alice
until_true 20 "enrolled again, she is admitted again" node_is alice .segment staff
api audit --json | jq -es 'any(.[]; .who == "node alice" and .action == "certificate issued" and .origin == "enrolment")' >/dev/null ||
	fail "her new certificate is not audited"

# ---- 7. the end in order ----

kill "${pids[server]}"
wait "${pids[server]}" || fail "the server did not end in order"
grep -E 'runtime error|AddressSanitizer|LeakSanitizer' "$site"/*.log && fail "a sanitizer has something to say"
ok "ended in order"
