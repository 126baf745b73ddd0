#!/bin/bash
# SPDX-License-Identifier: ISC
#
# Two enforcers of one name, as when a gateway is cloned with its key: the second is refused and says why, and tries again
# without hurry; the first goes on, with its node where it is; when it ends, the other takes its place. What the enforcer
# counts is in `pratique status`.
#
# usage: enforcers.sh BIN-DIRECTORY
# shellcheck source=tests/scenario/site-lib.sh
. "$(dirname "$0")/site-lib.sh"

make_network alice
make_site alice <<-'END'
	site 10.9.0.0/16, fd09::/16
	enforcer "gateway" { nodes 10.9.1.0/24, fd09:1::/64 }
	define server { address 10.9.2.2, fd09:2::2 tcp 271, 8443 }
	segment quarantine default { allow to server  rate 10 Mbit/s }
	segment staff level 2 { allow to any  allow from any }
	admit to staff
	otherwise quarantine
	inspect every 30 min
	certificate lifetime 45 min
END
start_site
enrol alice
start_agent alice
until_true 20 "alice is admitted" node_is alice .segment staff

# The clone: the same certificate, on another host with a bridge of its own.
mkdir -m 700 "$site/clone"
sed "s|^state = .*|state = $site/clone|; s|^bridge = .*|bridge = br-clone|" "$site/enforcer.conf" >"$site/clone.conf"
start clone "$bin/pratique-enforcer" --config "$site/clone.conf"
until_true 20 "the clone says that it is not served" grep -q "does not serve this enforcer: an enforcer of this name is" "$site/clone.log"
until_true 5 "the refusal is counted" counter_above enforcers_refused 0
until_true 5 "and an event" sh -c "'$bin/pratique' events --socket '$site/server.sock' --json | grep -q enforcer-contested"
sleep 7
[ "$(counter enforcers_refused)" -le 3 ] || fail "the clone came $(counter enforcers_refused) times in seven seconds"
ok "the clone comes back without hurry"
[ "$(grep -c "does not serve" "$site/clone.log")" = 1 ] || fail "the clone repeats itself"
node_is alice .segment staff || fail "alice lost her segment to the clone"
node_is alice '.attachments[0].present' true || fail "alice's attachment is gone"
grep -q "no connection to the server" "$site/enforcer.log" && fail "the first enforcer lost its connection"
ok "the first goes on, and alice with it"

until_true 15 "the enforcer's counters and limits are shown" says status \
	'.enforcers[0] | .counters.policies_refused == 0 and ([.limits[].name] | index("attachments") != null)'
api status --all | grep -q "^counted by gateway:" || fail "status does not show what the enforcer counts"
api status --all | grep -q "connections_forgotten" || fail "status does not show the connections that were cleaned"
ok "status shows what the enforcer counts"

kill "${pids[enforcer]}" && wait "${pids[enforcer]}"
until_true 30 "when the first has ended, the clone is served" says status '.enforcers[0].greeted'
until_true 10 "alice, who is not there, is not enforced there" sh -c "'$bin/pratique' explain alice --json --socket '$site/server.sock' | jq -e '.attachments[0].present | not'"
