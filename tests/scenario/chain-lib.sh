# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2154,SC2034
# A publisher, and three levels of VISes above a site (site-lib.sh) whose own VIS is the last of them; sourced after site-lib.sh, in $site.
#
#     publisher ─▶ root ─▶ mid ─▶ leaf      mutual TLS between them
#                                  │ index, changes
#                               server ─▶ enforcer     nftables in gw
#                                  │         │
#     n1 (an agent, admitted) ─────┴── gw ───┘
#
# Two repositories come down: "central", into which the publisher signs what it is told by `order`, and "own", which the root makes of
# what `pratique vuln publish` puts into published/.

# make_chain_site: n1, its site with a policy that isolates who has the advisory BENCH-1, certificates and keys. Policy lines of one's own
# are on standard input.
make_chain_site() {
	local name
	{
		cat <<-'END'
			site 10.9.0.0/16, fd09::/16, 127.0.0.0/8
			enforcer "gateway" { nodes 10.9.1.0/24, fd09:1::/64 }
			define server { address 10.9.2.2, fd09:2::2, 127.0.0.1 tcp 271, 8443 }
			segment quarantine default { allow to server }
			segment isolated { allow to server }
			segment staff level 2 { allow to any  allow from any }
			require patched { no advisory where id = "BENCH-1" }
			admit to staff when patched
			otherwise isolated
			inspect every 30 min
			certificate lifetime 45 min
		END
		cat
	} | make_site n1
	for name in root mid leaf; do
		"$bin/pratique" ca issue --dir ca --role vis --name "$name" --alt-name 127.0.0.1 --out . >/dev/null || fail "no certificate for $name"
	done
	{
		"$bin/pratique" vuln keys new --out owner &&
			"$bin/pratique" vuln keys new --out signer &&
			"$bin/pratique" vuln keys root --repository own --root-key owner.pub --threshold 1 --index-key signer.pub --out own.root.json &&
			"$bin/pratique" vuln keys sign --key owner own.root.json &&
			"$bin/pratique" vuln publish --repository own --root own.root.json
	} >/dev/null || fail "no repository for what the root says itself"
	mkdir -m 755 published vis/root vis/mid run
	advisory BENCH-1 openssl >BENCH-1.json
	chown -R nobody own signer published vis run ./*.key
}

# start_publisher PROGRAM: vis-publisher, which signs into central/.
start_publisher() {
	mkfifo orders
	exec 7<>orders
	"$1" "$site/central" central 600000 "$site/key" <orders >points.log 2>publisher.log &
	pids[publisher]=$!
	until_true 10 "a repository is published" test -s central/index.json
}
order() {
	echo "$*" >&7
}

declare -A chain_port=([root]=7001 [mid]=7002 [leaf]=7003) chain_upper=([mid]=root [leaf]=mid)
declare -A chain_data=([root]=vis/root [mid]=vis/mid [leaf]=vis/index) chain_socket=([root]=run/root.sock [mid]=run/mid.sock [leaf]=vis/socket)

# begin_vis NAME [OPTION...]
begin_vis() {
	local name=$1 upper=${chain_upper[$1]:-}
	shift
	[ -z "$upper" ] || set -- "$@" --upper "127.0.0.1:${chain_port[$upper]} $upper" --follow "central $site/central/1.root.json" \
		--follow "own $site/own.root.json"
	[ "$name" != root ] || set -- "$@" --watch published --repository "central $site/central" --publish "$site/own" --publish-key "$site/signer"
	start "$name" setpriv --reuid nobody --regid nogroup --clear-groups "$bin/pratique-vis" --data "${chain_data[$name]}" \
		--socket "${chain_socket[$name]}" --listen "127.0.0.1:${chain_port[$name]}" --http "run/$name.http" --ca ca/ca.pem \
		--certificate "$name.pem" --key "$name.key" "$@"
}

ask_vis() {
	curl -s --max-time 10 --unix-socket "run/$1.http" "http://vis$2"
}

is_in() {
	api nodes --json | jq -e "[.nodes[] | select(.name == \"n1\").attachments[] | select(.segment == \"$1\")] | length == 1"
}

# After the VISes: server, enforcer and agent, until n1 is admitted.
start_chain_site() {
	start_server
	start_enforcer
	until_true 30 "the enforcer is connected" says status '.enforcers[0].greeted'
	until_true 30 "vis is connected" says status '.advisories.vis_connected'
	enrol n1
	# Backports are judged by the advisories of the next release, and this machine may have some.
	order put KNOWN-12 Debian:12 1.0
	order put KNOWN-13 Debian:13 1.0
	until_true 60 "the site knows of Debian 12 and 13" sh -c "curl -s --unix-socket run/leaf.http http://vis/v1/vulns/KNOWN-13 | grep -q openssl"
	start_agent n1
	until_true 60 "n1 is in staff" is_in staff
}
