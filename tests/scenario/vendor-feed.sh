#!/bin/bash
# SPDX-License-Identifier: ISC
#
# Sources on demand, with a real agent: what is known of its system is loaded because its packages need it, and the feed of a vendor
# because a file that the vendor's package has installed names it (quarantine draft, 5.1). Until the feed is there the node is not admitted;
# what is in it moves the node; what was asked for survives kill -9 of server and vis; and an address that no list has is shown and never asked.
#
# usage: vendor-feed.sh BIN-DIRECTORY
# shellcheck source=tests/scenario/site-lib.sh
. "$(dirname "$0")/site-lib.sh"
command -v nginx >/dev/null || {
	echo "SKIP: needs nginx"
	exit 77
}

for folder in /var/lib/dpkg /usr/share /etc; do
	layer=$site/layer${folder//\//-}
	mkdir "$layer" "$layer-work"
	mount -t overlay -o "lowerdir=$folder,upperdir=$layer,workdir=$layer-work" overlay "$folder" || fail "no overlay over $folder"
done
feeds=http://127.0.0.1:8080
mkdir -p /etc/pratique/sources.d

# vendor NAME URL: installs a package that names the URL as the source about itself.
vendor() {
	local tree=$site/package-$1
	mkdir -p "$tree/DEBIAN" "$tree/usr/share/pratique/sources.d"
	printf 'Package: %s\nVersion: 1.0\nArchitecture: all\nMaintainer: nobody <nobody@invalid>\nDescription: made for a test\n' "$1" \
		>"$tree/DEBIAN/control"
	printf 'source %s {\n\turl = %s\n\tsoftware = pkg:deb/debian/%s\n}\n' "$1" "$2" "$1" >"$tree/usr/share/pratique/sources.d/$1.conf"
	dpkg-deb --build "$tree" "$tree.deb" >>"$site/dpkg.log" 2>&1 || fail "no package $1"
	dpkg --log="$site/dpkg.log" -i "$tree.deb" >>"$site/dpkg.log" 2>&1 || fail "dpkg cannot install $1"
}

# publish FIXED: the vendor's feed, as an archive of OSV records, puts itself in place of the one before.
publish() {
	advisory ACME-1 acme-agent | jq --arg fixed "$1" '.affected[0].ranges[0].events[1].fixed = $fixed' >"$site/ACME-1.json"
	/usr/bin/python3 -c 'import sys, zipfile; zipfile.ZipFile(sys.argv[1], "w").write(sys.argv[2], "ACME-1.json")' \
		"$site/www/new" "$site/ACME-1.json"
	mv "$site/www/new" "$site/www/acme.zip"
	touch -d "+$((++published)) min" "$site/www/acme.zip"
}
published=0

sources() {
	"$bin/pratique" vuln sources --index "$site/vis/index" --json
}
# is_so FILTER: in the sources of the index.
is_so() {
	sources | jq -e "$1"
}
found() {
	api explain alice --json | jq -e --arg text "$1" '.decision.findings[] | select(.text | contains($text))'
}
start_vis() {
	start vis setpriv --reuid nobody --regid nogroup --clear-groups "$bin/pratique-vis" --config "$site/vis.conf"
}
# kill_hard NAME...
kill_hard() {
	local name
	for name in "$@"; do
		kill -9 "${pids[$name]}"
		wait "${pids[$name]}" 2>/dev/null
		unset "pids[$name]"
	done
}

make_network alice
make_site alice <<-'END'
	site 10.9.0.0/16, fd09::/16
	enforcer "gateway" { nodes 10.9.1.0/24, fd09:1::/64 }
	define server { address 10.9.2.2, fd09:2::2 tcp 271, 8443 }
	segment quarantine default { allow to server }
	segment isolated { allow to server }
	segment staff level 2 { allow to any  allow from any }
	require patched { no advisory where severity >= high }
	admit to staff when patched
	otherwise isolated
	inspect every 30 min
	certificate lifetime 45 min
END
mkdir -m 755 "$site/www" "$site/nginx" "$site/vis/cache"
chown nobody "$site/vis/cache"
# Backports are judged by the advisories of the next release, and this machine may have some.
advisory TEST-0 no-such-package | jq '.affected += [.affected[0] | .package.ecosystem = "Debian:13"]' >"$site/www/base.json"
cat >"$site/nginx.conf" <<-END
	daemon off; pid $site/nginx/pid; error_log $site/nginx.log; user root;
	events {}
	http {
		access_log $site/access.txt;
		client_body_temp_path $site/nginx; proxy_temp_path $site/nginx; fastcgi_temp_path $site/nginx;
		uwsgi_temp_path $site/nginx; scgi_temp_path $site/nginx;
		server { listen 127.0.0.1:8080; root $site/www; }
	}
END
cat >"$site/vis.conf" <<-END
	data = $site/vis/index
	socket = $site/vis/socket
	cache = $site/vis/cache
	metrics = $site/vis/metrics
	interval = 1 s
	source base {
		from = $feeds/base.json
		on_demand = yes
		ecosystem = Debian:12
		ecosystem = Debian:13
	}
	source acme {
		from = $feeds/%61cme.zip
		on_demand = yes
		partial = yes
		required = no
	}
END
chmod 644 "$site/vis.conf"
start web nginx -c "$site/nginx.conf" -e "$site/nginx.log"
until_true 10 "nginx serves" test -s "$site/nginx/pid"
vendor acme-agent "$feeds/acme.zip"
of alice "$bin/pratique-agent" inspect | grep -q "$feeds/acme.zip, named in /usr/share/pratique/sources.d/acme-agent.conf" ||
	fail "the agent does not read what the package says"
ok "the agent reads what the package says"

# ---- nothing is known; the node needs it, and the feed is not there yet ----
start_vis
until_true 10 "vis has an index" test -e "$site/vis/index/data.mdb"
start_server
start_enforcer
until_true 10 "the enforcer is connected" says status '.enforcers[0].greeted'
until_true 5 "vis is connected" says status '.advisories.vis_connected'
is_so '.sources == [] and .named == []' >/dev/null || fail "something was loaded that nobody needs: $(sources)"
enrol alice
start_agent alice
until_true 60 "what its packages need is loaded" is_so '[.sources[] | select(.loaded).name] == ["base"]'
until_true 20 "what the node names is on the list" is_so '.named == [{url: "'$feeds'/acme.zip", nodes: 1, source: "acme"}]'
until_true 30 "without the feed its package cannot be judged" found "names $feeds/acme.zip as a source"
until_true 20 "and who asks is told why" node_is alice '.sources[0] | .state + " " + .source + " " + .package' "asked for acme acme-agent 1.0"
node_is alice .segment isolated || fail "the node is in $(api explain alice --json | jq -r .segment)"
grep -q "404" "$site/access.txt" || fail "the feed was not asked for"

# ---- server and vis die; what was asked for is loaded by a vis that nobody tells anything ----
kill_hard vis server
publish 0.5
start_vis
until_true 30 "a vis alone loads what was asked for before it died" is_so '[.sources[] | select(.loaded).name] == ["acme", "base"]'
start_server
until_true 60 "the feed is there, and has nothing against the node" node_is alice .segment staff
until_true 10 "which is said" node_is alice '.sources[0].state' held

# ---- what is in the feed moves the node ----
publish 2.0
until_true 30 "the vendor's advisory isolates the node" node_is alice .segment isolated
api explain alice --json | jq -e '.decision.findings[] |
	select(.advisory == "ACME-1" and .package == "acme-agent" and .source == "acme" and .trust == "none" and .fixed == "2.0")' >/dev/null ||
	fail "the finding does not say whose word it is"
ok "by a finding that says whose word it is"
publish 0.5
until_true 30 "and what the vendor takes back frees it" node_is alice .segment staff

# ---- an address that is on no list ----
vendor other-tool "$feeds/other.zip"
cp "$site/www/acme.zip" "$site/www/other.zip"
until_true 60 "what no list has leaves its package not judged" node_is alice .segment isolated
until_true 20 "and is shown to the administrator" is_so '.named[] | select(.url == "'$feeds'/other.zip") | .source == null and .nodes == 1'
until_true 20 "and to who asks about the node" node_is alice '[.sources[] | select(.state == "not listed").package] | join(",")' "other-tool 1.0"
"$bin/pratique" vuln sources --index "$site/vis/index" | grep -q "$feeds/other.zip .*1 .*not listed, not fetched" || fail "it is not in the table"
curl -s --unix-socket "$site/vis/metrics" http://vis/metrics | grep -q '^pratique_vis_named_sources_unlisted 1' || fail "it is not counted"
: >/etc/pratique/sources.d/other-tool.conf
until_true 60 "the owner's file takes the vendor's place" node_is alice .segment staff
until_true 20 "and it is forgotten" is_so '[.named[].source] == ["acme"]'
! grep -q other.zip "$site/access.txt" || fail "an address was asked that no list has: $(grep other.zip "$site/access.txt")"
ok "it was never asked"
echo "PASS"
