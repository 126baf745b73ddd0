# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2034,SC2154
# Pratique in the lab, set up as an administrator would: the CA on the server host, vis and server there, the
# enforcer on the gateway, agents on the nodes, which enrol with one-time tokens. Started, killed, asked.
#
# Needs from its user: lab/host.sh, lab/net.sh, check (what, status), say, fail. It may set site_policy (a file) and
# site_away_after (the silence after which the enforcer counts the server as away) and site_enforcer_lines (of its configuration).

SITE_WAIT=30

declare -gA site_host=([vis]=server [server]=server [enforcer]=gw)

# site_up BIN installs the programs of that folder in every host and starts what the site needs.
site_up() {
	local bin=$1 host program
	for host in gw server "${lab_nodes[@]}"; do
		for program in "$bin"/pratique*; do
			[ ! -x "$program" ] || [ -d "$program" ] || host_install "$host" "$program" "/usr/local/bin/$(basename "$program")" 755
		done
		host_exec "$host" useradd --system --user-group --no-create-home --shell /usr/sbin/nologin pratique
		host_exec "$host" mkdir -p -m 755 /etc/pratique /run/pratique /var/lib/pratique
	done
	site_make_authority
	site_configure_server
	site_configure_enforcer
	host_spawn gw echo /usr/local/lib/lab/serve.py 8080
	for program in vis server enforcer; do
		site_start "$program"
	done
	for program in vis server enforcer; do
		site_wait "$program"
	done
}

# The CA, the identities of server and enforcer; the enforcer's is carried to the gateway by hand.
site_make_authority() {
	local file
	{
		host_exec server pratique ca init --dir /etc/pratique/ca --site site.example
		host_exec server pratique ca issue --dir /etc/pratique/ca --role server --name server \
			--alt-name server.site.example --out /etc/pratique
		host_exec server pratique ca issue --dir /etc/pratique/ca --role enforcer --name gateway --out /etc/pratique
	} >>"$lab_state/log/site"
	host_exec server cp /etc/pratique/ca/ca.pem /etc/pratique/ca.pem
	host_exec server chown -R pratique:pratique /etc/pratique/ca /run/pratique /var/lib/pratique
	for file in gateway.key gateway.pem; do
		host_install gw "$(host_root server)/etc/pratique/$file" "/etc/pratique/$file" 600
		host_exec server rm "/etc/pratique/$file"
	done
	for file in gw "${lab_nodes[@]}"; do
		host_install "$file" "$(host_root server)/etc/pratique/ca.pem" /etc/pratique/ca.pem
	done
}

site_configure_server() {
	host_install server "${site_policy:-$root/lab/policy}" /etc/pratique/policy
	host_exec server mkdir -p /var/lib/pratique/published
	# This machine may have packages from backports, which are judged as what they were built from; apt knows only of its own release.
	site_advisory LAB-2026-0000 Debian:13 nothing-of-that-name >"$(host_root server)/var/lib/pratique/published/LAB-2026-0000.json"
	cat >"$(host_root server)/etc/pratique/server.conf" <<-END
		certificate = /etc/pratique/server.pem
		key = /etc/pratique/server.key
		ca = /etc/pratique/ca/ca.pem
		ca_directory = /etc/pratique/ca
		policy = /etc/pratique/policy
		state_directory = /var/lib/pratique/server
		index_directory = /var/lib/pratique/index
		vis_socket = /run/pratique/vis.sock
		socket = /run/pratique/server.sock
		user = pratique
	END
	host_exec server chown -R pratique:pratique /var/lib/pratique
}

site_configure_enforcer() {
	cat >"$(host_root gw)/etc/pratique/enforcer.conf" <<-END
		name = gateway
		server = [${lab_ipv6[server]}]:2711
		server = ${lab_ipv4[server]}:2711
		server_name = server
		ca = /etc/pratique/ca.pem
		certificate = /etc/pratique/gateway.pem
		key = /etc/pratique/gateway.key
		bridge = br-nodes
		user = pratique
		away_after = ${site_away_after:-30 s}
		${site_enforcer_lines:-}
	END
}

# site_start vis|server|enforcer
site_start() {
	case $1 in
	vis) host_spawn server vis setpriv --reuid=pratique --regid=pratique --clear-groups \
		pratique-vis --data /var/lib/pratique/index --socket /run/pratique/vis.sock --source apt: \
		--watch /var/lib/pratique/published ;;
	server) host_spawn server server pratique-server --config /etc/pratique/server.conf ;;
	enforcer) host_spawn gw enforcer pratique-enforcer --config /etc/pratique/enforcer.conf ;;
	esac
}

# Kills a daemon as a crash would, with all its processes.
site_kill() {
	host_exec "${site_host[$1]}" pkill -KILL -f "^pratique-$1( |\$)"
}

# site_wait vis|server|enforcer: until it answers.
site_wait() {
	local tries test
	case $1 in
	vis) test='[ -S /run/pratique/vis.sock ]' ;;
	server) test='pratique status --json >/dev/null 2>&1' ;;
	enforcer) test='nft list tables | grep -q pratique' ;;
	esac
	for ((tries = 0; tries < SITE_WAIT * 10; tries++)); do
		if host_exec "${site_host[$1]}" sh -c "$test" 2>/dev/null; then
			return
		fi
		sleep 0.1
	done
	tail -n 20 "$lab_state/log/${site_host[$1]}.$1" >&2
	fail "pratique-$1 is not ready after $SITE_WAIT s"
}

# site_enrol NODE: a one-time token from the server, a key and certificate by EST on the node.
site_enrol() {
	local token
	token=$(host_exec server pratique enrol --new "$1" 2>/dev/null)
	host_exec "$1" pratique enrol --server server.site.example --ca /etc/pratique/ca.pem --name "$1" --token - \
		--out /etc/pratique <<<"$token" >>"$lab_state/log/site"
	cat >"$(host_root "$1")/etc/pratique/agent.conf" <<-END
		server = [${lab_ipv6[server]}]:271
		server = ${lab_ipv4[server]}:271
		server_name = server
		ca = /etc/pratique/ca.pem
		certificate = /etc/pratique/$1.pem
		key = /etc/pratique/$1.key
	END
}

site_start_agent() {
	host_spawn "$1" agent pratique-agent run --config /etc/pratique/agent.conf
}

# site_check_node STEP NODE SEGMENT FINDINGS-MIN: what the server says of a node, the findings with all their parts.
# With 0 findings there must be none.
site_check_node() {
	local step=$1 node=$2 segment=$3 least=$4 explained n said
	explained=$(host_exec server pratique explain --json "$node") || explained='{}'
	said=$(jq -r '.decision.segment // "nothing"' <<<"$explained")
	check "$step: the server says that $node is in $segment" "$([ "$said" = "$segment" ] && echo 0 || echo 1)"
	n=$(jq '[.decision.findings[]? | select(.package and .installed and .fixed and .advisory)] | length' <<<"$explained")
	if [ "$least" = 0 ]; then
		n=$(jq '.decision.findings // [{}] | length' <<<"$explained")
		check "$step: $node has no finding" "$([ "$n" = 0 ] && echo 0 || echo 1)"
		return
	fi
	jq -r '.decision.findings[:5][]? | "    \(.package) \(.installed), fixed in \(.fixed): \(.advisory)"' <<<"$explained" |
		while IFS= read -r said; do say "$said"; done
	[ "$n" -le 5 ] || say "    and $((n - 5)) more"
	check "$step: $n findings name package, installed and fixed version and advisory (at least $least)" \
		"$([ "$n" -ge "$least" ] && echo 0 || echo 1)"
}

site_check_not_inspected() {
	local shown
	shown=$(host_exec server pratique nodes --json |
		jq -r --arg mac "${lab_mac[$2]}" '.agentless[] | select(.mac == $mac) | "\(.segment), \(.state)"')
	check "$1: $2 shows as: $shown" "$([ "$shown" = "quarantine, not inspected" ] && echo 0 || echo 1)"
}

site_show_nodes() {
	local line
	host_exec server pratique nodes | while IFS= read -r line; do say "  $line"; done
}

# site_advisory ID ECOSYSTEM PACKAGE: an advisory for all its versions that any mirror has.
site_advisory() {
	jq -n --arg id "$1" --arg ecosystem "$2" --arg package "$3" --arg now "$(date -u +%Y-%m-%dT%H:%M:%SZ)" '{
		schema_version: "1.6.0", $id, modified: $now, published: $now,
		summary: "an advisory of the lab", affected: [{
			package: { $ecosystem, name: $package },
			ranges: [{ type: "ECOSYSTEM", events: [{ introduced: "0" }, { fixed: "99999" }] }] }],
		database_specific: { severity: "CRITICAL" } }'
}

# site_publish_advisory PACKAGE
site_publish_advisory() {
	site_advisory LAB-2026-0001 Debian:12 "$1" >"$(host_root server)/tmp/LAB-2026-0001.json"
	host_exec server pratique vuln publish --dir /var/lib/pratique/published /tmp/LAB-2026-0001.json
}
