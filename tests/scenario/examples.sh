#!/bin/bash
# SPDX-License-Identifier: ISC
# The configurations in examples/ are good, with a CA and certificates made as README.md says; and what an administrator
# gets wrong is named, with the right exit status, before a daemon does anything.
# Arguments: the folder of the programs.
set -euo pipefail

bin=$1
root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)
dir=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null; rm -rf "$dir"' EXIT
chmod 755 "$dir"
[ "$(id -u)" = 0 ] || {
	echo "root is needed"
	exit 77
}

# expect STATUS WORDS COMMAND...: it ends with that status, and says those words.
expect() {
	local status=$1 words=$2 said got=0
	shift 2
	said=$(timeout 20 "$@" 2>&1) || got=$?
	if [ "$got" != "$status" ] || [[ $said != *"$words"* ]]; then
		printf 'FAILED: %s\n  status %s, promised %s; promised words: %s\n%s\n' "$*" "$got" "$status" "$words" "$said"
		exit 1
	fi
}

for file in policy server.conf enforcer.conf agent.conf concentrator.conf initiator.conf vis.conf; do
	sed "s|/etc/pratique|$dir|" "$root/examples/$file" >"$dir/$file"
done
pratique() { expect 0 "" "$bin/pratique" "$@"; }
pratique ca init --dir "$dir/ca" --site example
pratique ca issue --dir "$dir/ca" --role server --name server --alt-name 10.1.2.2 --out "$dir"
chown -R nobody "$dir/ca" "$dir/server.key"
pratique ca issue --dir "$dir/ca" --role enforcer --name gateway --out "$dir" # root still may
cp "$dir/ca/ca.pem" "$dir/"

pratique policy check "$dir/policy"
server=("$bin/pratique-server" --config "$dir/server.conf" --set user=nobody --check)
# In a namespace of its own: should it start after all, it does so where nobody is.
enforcer=(unshare -n "$bin/pratique-enforcer" --config "$dir/enforcer.conf" --set "state=$dir/state" --set user=nobody)
expect 0 "" "${server[@]}"
expect 0 "table bridge pratique" "${enforcer[@]}" --dry-run "$dir/policy"
# The agent has no check of its own: this is all that is wrong.
expect 2 "pratique-agent run: $dir/agent.conf: interface: \"a/b\" is no interface name" \
	"$bin/pratique-agent" run --config "$dir/agent.conf" --set interface=a/b
mkdir -p "$dir/root/usr/share/pratique/sources.d"
cp "$root/examples/source.conf" "$dir/root/usr/share/pratique/sources.d/acme.conf"
expect 0 "https://feeds.acme.example/osv.zip, named in $dir/root/usr/share/pratique/sources.d/acme.conf" \
	"$bin/pratique-agent" inspect --root "$dir/root"

expect 1 "there is no user nosuch" "${server[@]}" --set user=nosuch
expect 1 "$dir/none.key: No such file" "${server[@]}" --set "key=$dir/none.key"
expect 1 "$dir/none.pem: No such file" "${server[@]}" --set "ca=$dir/none.pem"
expect 1 "chown -R nobody: $dir" "${server[@]}" --set "ca_directory=$dir"
expect 2 "nmae: no such option" "${server[@]}" --set nmae=x
chmod 644 "$dir/server.key"
expect 1 "chmod 600" "${server[@]}"
chmod 600 "$dir/server.key"
sed -i 's/^otherwise/othrwise/' "$dir/policy"
expect 1 $'\npratique-server: error:     othrwise isolated\n' "${server[@]}"

expect 1 "it is of gateway, and \`name\` is other" "${enforcer[@]}" --set name=other
expect 1 "its role is server, not enforcer" "${enforcer[@]}" --set "certificate=$dir/server.pem"
expect 1 "is not ADDRESS:PORT" "${enforcer[@]}" --set server=10.1.2.2
expect 1 "$dir/none: No such file" "${enforcer[@]}" --dry-run "$dir/none"
expect 2 "none.conf: No such file" "$bin/pratique-enforcer" --config "$dir/none.conf"
[ ! -e "$dir/state" ]
mkdir "$dir/state"
exec 9<"$dir/state"
flock 9
expect 1 "$dir/state: another pratique-enforcer runs" "${enforcer[@]}"
exec 9<&-

pratique ca issue --dir "$dir/ca" --role concentrator --name concentrator --out "$dir"
pratique ca issue --dir "$dir/ca" --role node --name alice --out "$dir"
echo 'alice plain:wonderland' >"$dir/softwire-users"
echo wonderland >"$dir/softwire.password"
chmod 600 "$dir/softwire-users" "$dir/softwire.password"
chown nobody "$dir/softwire-users" "$dir/softwire.password" "$dir/concentrator.key" "$dir/alice.key"
concentrator=(unshare -n "$bin/pratique-softwire" concentrator --config "$dir/concentrator.conf" --set user=nobody --check)
initiator=(unshare -n "$bin/pratique-softwire" initiator --config "$dir/initiator.conf" --set user=nobody --check)
plugin=$(find "$(realpath "$bin/../src")" -name libstrongswan-pratique.so 2>/dev/null || true)
if [ -n "$plugin" ]; then
	expect 0 "" "${concentrator[@]}" --set "charon_plugin=$plugin"
	expect 0 "" "${initiator[@]}" --set "charon_plugin=$plugin"
fi
expect 0 "l2tp_clear_dropped" "${concentrator[@]}" --print-filter
expect 2 "none is for trusted networks only" "${concentrator[@]}" --set ipsec=none
expect 2 "clear L2TP wants both" "${concentrator[@]}" --set trusted_interface=eth0
expect 2 "nobody can be authenticated" "${concentrator[@]}" --set users_file=
expect 2 "is no unicast address" "${concentrator[@]}" --set listen=0.0.0.0
expect 2 "UDP port 1701 is L2TP" "${concentrator[@]}" --set "allow=udp 1701"
expect 2 "is none of eap, mschapv2, chap, pap" "${concentrator[@]}" --set ppp_auth=none
expect 2 "anonymous: yes means no authentication" "${concentrator[@]}" --set anonymous=yes --set ppp_auth=chap
expect 2 "there is no pool \"staff\"" "${concentrator[@]}" --set default_pool=staff
expect 2 "bind: \"other\" is none of" "${concentrator[@]}" --set bind=other
expect 2 "$dir/none: No such file" "${concentrator[@]}" --set "bind=map $dir/none"
expect 1 "there is no user nosuch" "${concentrator[@]}" --set user=nosuch
expect 2 "listen: no such option" "${initiator[@]}" --set listen=192.0.2.1
expect 2 "has no password" "${initiator[@]}" --set ppp_password_file=
expect 2 "tls wants" "${initiator[@]}" --set ppp_eap=tls
chmod 644 "$dir/softwire.password"
expect 2 "chmod 600" "${initiator[@]}"

conf=("$bin/pratique-vis" --config "$dir/vis.conf" --check)
expect 0 "1 sources" "${conf[@]}"
expect 2 "nmae: no such option" "${conf[@]}" --set nmae=x
expect 2 "upper and follow go together" "${conf[@]}" --set upper=foo
expect 2 "upper needs ca, certificate and key" "${conf[@]}" --set upper=foo
expect 2 'vis.conf: follow: "central" is not NAME ROOT-FILE' "${conf[@]}" --set follow=central
expect 2 "follow central: $dir/none.json: No such file" "${conf[@]}" --set "follow=central $dir/none.json"
expect 2 'repository: "a" is not NAME DIRECTORY' "${conf[@]}" --set repository=a
expect 2 "repository: $dir/none: No such file" "${conf[@]}" --set "repository=a $dir/none"
expect 2 "there is no user nosuch" "${conf[@]}" --set user=nosuch
expect 2 "publish_key: $dir/none: No such file" "${conf[@]}" --set "publish=$dir" --set "publish_key=$dir/none"
expect 2 "vis.conf: listen: " "${conf[@]}" --set "listen=a b:x"
printf 'source a {\n\tfrom = x\n\tkind = nosuch\n\ttrust = signed\n}\nsource a {\n\tfrom = ftp://x\n' >"$dir/wrong.conf"
expect 2 "wrong.conf:6: source a: there are two of that name" "$bin/pratique-vis" --config "$dir/wrong.conf" --check
expect 2 "wrong.conf:6: the section is not closed" "$bin/pratique-vis" --config "$dir/wrong.conf" --check
sed -i '6,$d' "$dir/wrong.conf"
expect 2 'wrong.conf:1: kind: there is no kind "nosuch"' "$bin/pratique-vis" --config "$dir/wrong.conf" --check
expect 2 "wrong.conf:1: trust: signed needs a keyring" "$bin/pratique-vis" --config "$dir/wrong.conf" --check
expect 2 'wrong.conf:1: from: "x" is neither' "$bin/pratique-vis" --config "$dir/wrong.conf" --check

# The products are right, and there are no documents.
expect 1 "no document of its kind" "$bin/pratique" vuln import --check --kind csaf --products "$root/examples/products.conf" "$root/examples"
printf 'source a {\n\tkind = csaf\n\tfrom = /x\n\tproducts = %s/wrong.products\n}\n' "$dir" >"$dir/wrong.conf"
printf 'product a {\n\tvendor = v\n\tpackage = Plan9 p\n\tpackage = Debian:12 p\n}\n' >"$dir/wrong.products"
expect 2 "wrong.products:1: product a: vendor and name go together" "$bin/pratique-vis" --config "$dir/wrong.conf" --check
expect 2 'wrong.products:1: package: "Plan9"' "$bin/pratique-vis" --config "$dir/wrong.conf" --check
expect 1 'wrong.products:1: package: "Plan9"' "$bin/pratique" vuln import --check --kind csaf --products "$dir/wrong.products" "$dir"
# What is commented out is right, too: all of it at once, but for files that are not there.
sed -n '/keyring\|products\|^#publish\|^#follow\|^#upper/d; s/^#\([a-z}\t]\)/\1/p' "$root/examples/vis.conf" >"$dir/all.conf"
expect 0 ": good, $(grep -c "^source .*{" "$dir/all.conf") sources" "$bin/pratique-vis" --config "$dir/all.conf" --check

vis=("$bin/pratique-vis" --data "$dir/index" --socket "$dir/run/vis.sock")
expect 1 "there is no user nosuch" "${vis[@]}" --user nosuch
[ ! -e "$dir/index" ]
# Started by root: it is nobody's, and the socket lies in a directory that was not there.
"${vis[@]}" --user nobody --watch "$dir/new/published" --set cache="$dir/new/cache" --set "interval=1 s" \
	--source "here=repository:$dir/www#$dir/1.root.json" 2>"$dir/vis.log" &
pid=$!
for ((i = 0; i < 100; i++)); do
	! grep -q ready "$dir/vis.log" || break
	sleep 0.1
done
owner=$(stat -c %U "$dir/index/data.mdb" "$dir/index/lock.mdb" "$dir/run/vis.sock" | sort -u)
expect 1 "another pratique-vis (process $pid) keeps the index" "${vis[@]}" --user nobody
# Nobody would be told of what comes into its index beside it; and the folder that it watches is there, and not its own.
echo '{"id": "X-1", "modified": "2026-01-01T00:00:00Z"}' >"$dir/X-1.json"
expect 1 "another pratique-vis (process $pid) keeps the index" "$bin/pratique" vuln import --index "$dir/index" "$dir/X-1.json"
expect 1 "another pratique-vis (process $pid) keeps the index" "$bin/pratique" vuln index --out "$dir/index" "$dir/X-1.json"
[ "$(stat -c %U "$dir/new/published" "$dir/new/cache" | xargs)" = "root nobody" ]
expect 1 "no such folder; pratique-vis makes the one that it watches" "$bin/pratique" vuln publish --dir "$dir/old" "$dir/X-1.json"
"$bin/pratique" vuln publish --dir "$dir/new/published" "$dir/X-1.json"
expect 1 "another program listens there" "$bin/pratique-vis" --data "$dir/other" --socket "$dir/run/vis.sock" --user nobody
# A repository that is root's alone is none that it can publish in.
pratique vuln keys new --out "$dir/index.key"
pratique vuln keys root --repository site --root-key "$dir/index.key.pub" --threshold 1 \
	--index-key "$dir/index.key.pub" --out "$dir/1.root.json"
pratique vuln keys sign --key "$dir/index.key" "$dir/1.root.json"
pratique vuln publish --repository "$dir/www" --root "$dir/1.root.json"
expect 1 "must be the user's whom" "$bin/pratique-vis" --data "$dir/other" --socket "$dir/run/other.sock" --user nobody \
	--publish "$dir/www" --publish-key "$dir/index.key"
kill "$pid"
wait "$pid"
pid=
[ "$owner" = nobody ]
