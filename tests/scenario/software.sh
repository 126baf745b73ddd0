#!/bin/bash
# SPDX-License-Identifier: ISC
#
# What runs and what belongs to no package: a node on which an update replaces a library that a process still has mapped is
# isolated by a finding that names program and package, until the program is restarted; and one on which a program of no package
# listens, until a package brings it.
#
# dpkg itself updates. /opt and its database are the test's own, and so are the processes: a PID namespace.
#
# usage: software.sh BIN-DIRECTORY
if [ "$(id -u)" = 0 ] && [ -z "${PQ_PROCESSES:-}" ]; then
	PQ_PROCESSES=1 exec unshare --pid --fork --kill-child --mount-proc "$0" "$@"
fi
# shellcheck source=tests/scenario/site-lib.sh
. "$(dirname "$0")/site-lib.sh"

mkdir "$site/upper" "$site/work"
mount -t overlay -o "lowerdir=/var/lib/dpkg,upperdir=$site/upper,workdir=$site/work" overlay /var/lib/dpkg || fail "no overlay over dpkg"
mount -t tmpfs -o mode=755 none /opt || fail "no /opt of our own"
mkdir /opt/bin

# package NAME VERSION FILE PATH: makes a package of the file, and dpkg installs it under that path.
package() {
	local tree=$site/package-$1-$2
	mkdir -p "$tree/DEBIAN" "$tree/$(dirname "$4")"
	cp "$3" "$tree/$4"
	printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: nobody <nobody@invalid>\nDescription: made for a test\n' \
		"$1" "$2" >"$tree/DEBIAN/control"
	dpkg-deb --build "$tree" "$tree.deb" >>"$site/dpkg.log" 2>&1 || fail "no package $1"
	dpkg --log="$site/dpkg.log" -i "$tree.deb" >>"$site/dpkg.log" 2>&1 || fail "dpkg cannot install $1"
}

found() {
	api explain alice --json | jq -e --arg text "$1" '.decision.findings[] | select(.text | contains($text))'
}

# told WORDS: what `pratique-agent inspect` says on the node.
told() {
	of alice "$bin/pratique-agent" inspect | grep -q -- "$1"
}

library=$(ldconfig -p | sed -n 's/.*libm\.so\.6 .*=> //p' | head -n 1)
[ -r "$library" ] || fail "no library to copy"
package libold 1 "$library" /opt/lib/libold.so
LD_PRELOAD=/opt/lib/libold.so sleep 600 &
pids[user]=$!
sleep_path=$(readlink "/proc/${pids[user]}/exe")
cat >/opt/bin/listener.py <<-'END'
	import socket, time
	s = socket.create_server(("0.0.0.0", 4711))
	time.sleep(600)
END

make_network alice
make_site alice <<-'END'
	site 10.9.0.0/16, fd09::/16
	enforcer "gateway" { nodes 10.9.1.0/24, fd09:1::/64 }
	define server { address 10.9.2.2, fd09:2::2 tcp 271, 8443 }
	role "employee" { node "alice" }
	segment quarantine default { allow to server }
	segment isolated { allow to server }
	segment staff level 2 { allow to any  allow from any }
	require restarted { processes.outdated = 0 }
	require packaged  { software.listening = 0 }
	admit role "employee" to staff when restarted, packaged
	otherwise isolated
	inspect every 30 min
	certificate lifetime 45 min
END
start_site
enrol alice
start_agent alice
until_true 20 "a node whose programs run what is installed is admitted" node_is alice .segment staff

# ---- an update ----

package libold 2 "$library" /opt/lib/libold.so
until_true 10 "an update that leaves a program with the old library isolates her" node_is alice .segment isolated
# The look that follows dpkg may fall into its work; the next one is 15 s later.
until_true 40 "and a finding names program and package" found "replaced files is 1 ($sleep_path: libold)"
told "$sleep_path (.*), 1 process: libold" || fail "inspect does not tell"
ok "as inspect on the node does"

# ---- a restart, and a program of no package ----

ip netns exec alice python3 /opt/bin/listener.py &
pids[listener]=$!
until_true 10 "a program of no package listens" sh -c "ip netns exec alice ss -ltn | grep -q ':4711 '"
kill "${pids[user]}"
wait "${pids[user]}" 2>/dev/null
unset "pids[user]"
until_true 40 "after the restart it is the one that listens" found 'that listen is 1 (/opt/bin/listener.py: tcp 0.0.0.0:4711)'
found 'replaced files' && fail "what was restarted is still held against her"
node_is alice .segment isolated || fail "a program of no package listens, and she is in another segment"
told '/opt/bin/listener.py: tcp 0.0.0.0:4711' || fail "inspect does not tell"

package listener 1 /opt/bin/listener.py /opt/bin/listener.py
until_true 10 "when a package has brought it, she is back" node_is alice .segment staff
grep -E 'runtime error|AddressSanitizer|LeakSanitizer' "$site"/*.log && fail "a sanitizer has something to say"
ok "ended in order"
