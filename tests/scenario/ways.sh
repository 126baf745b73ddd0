#!/bin/bash
# SPDX-License-Identifier: ISC
#
# Ways around the segments (quarantine draft, 9.9) and settings: a node that makes a bridge or a tunnel, forgets a setting,
# opens its sshd to root or an account to everybody is moved, by a finding that names it, and comes back when it is undone.
#
# /etc and sshd are the test's own: an overlay and a script that prints settings as `sshd -T` does.
#
# usage: ways.sh BIN-DIRECTORY
# shellcheck source=tests/scenario/site-lib.sh
. "$(dirname "$0")/site-lib.sh"

mkdir "$site/upper" "$site/work"
mount -t overlay -o "lowerdir=/etc,upperdir=$site/upper,workdir=$site/work" overlay /etc || fail "no overlay over /etc"
mkdir -p /etc/ssh
echo "PermitRootLogin no" >/etc/ssh/sshd_config
echo 'root:x:0:0:root:/root:/bin/bash' >/etc/passwd
echo 'nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin' >>/etc/passwd
printf 'root:*:1::::::\nnobody::1::::::\n' >/etc/shadow
cat >"$site/sshd" <<-'END'
	#!/bin/sh
	[ "$1" = -T ] || exit 1
	echo port 22
	sed -n 's/^PermitRootLogin/permitrootlogin/p' /etc/ssh/sshd_config
END
chmod 755 "$site/sshd"
if [ -e /usr/sbin/sshd ]; then
	mount --bind "$site/sshd" /usr/sbin/sshd
else
	mount -t tmpfs -o mode=755 none /usr/local/sbin
	cp "$site/sshd" /usr/local/sbin/sshd
fi

make_network alice
make_site alice <<-'END'
	site 10.9.0.0/16, fd09::/16
	enforcer "gateway" { nodes 10.9.1.0/24, fd09:1::/64 }
	define server { address 10.9.2.2, fd09:2::2 tcp 271, 8443 }
	role "employee" { node "alice" }
	segment quarantine default { allow to server }
	segment isolated { allow to server }
	segment staff level 2 { allow to any  allow from any }
	require ways {
		(no interface where bridge or proxy or tunnel and name != "softwire0")
		and network.uplinks = 1 and network.rules = 0 and network.ipsec = 0 and not network.masquerade
	}
	require hardened { setting "net.ipv4.conf.all.accept_redirects" = 0 }
	require access   { sshd "PermitRootLogin" != "yes" and accounts.passwordless = 0 }
	admit role "employee" to staff when ways, hardened, access
	otherwise isolated
	inspect every 30 min
	certificate lifetime 45 min
END
start_site
of alice sysctl -qw net.ipv4.conf.all.accept_redirects=0
enrol alice
start_agent alice
until_true 20 "a node without a way around is admitted" node_is alice .segment staff

found() {
	api explain alice --json | jq -e --arg text "$1" '.decision.findings[] | select(.text | contains($text))'
}

# isolates SECONDS WHAT FINDING: she is isolated, and a finding says why.
isolates() {
	until_true "$1" "$2 isolates her" node_is alice .segment isolated
	until_true "$1" "and a finding says: $3" found "$3"
}

returns() {
	until_true "$1" "without it she is back" node_is alice .segment staff
}

of alice ip link add br-lab type bridge
isolates 10 "a bridge" 'interface br-lab (bridge) is a bridge'
of alice ip link del br-lab
returns 10

inspected=$(counter assessments_full)
of alice ip tuntap add dev softwire0 mode tun
until_true 10 "the softwire is a reason to be inspected" counter_above assessments_full "$inspected"
node_is alice .segment staff || fail "the softwire, which the policy excepts, has moved her"

of alice ip link add vx9 type vxlan id 9 remote 192.0.2.9 dstport 4789
isolates 10 "a tunnel" 'interface vx9 (vxlan) is a tunnel'
found 'interface softwire0' >/dev/null && fail "a finding names the softwire"
of alice ip link del vx9
returns 10

of alice ip rule add fwmark 7 table 100
isolates 10 "a rule of policy routing" 'the number of policy routing rules is 1'
of alice ip rule del fwmark 7
returns 10

of alice sysctl -qw net.ipv4.conf.eth0.proxy_arp=1
isolates 10 "proxy ARP" 'interface eth0 (veth) answers for other hosts'
of alice sysctl -qw net.ipv4.conf.eth0.proxy_arp=0
returns 10

policy=(src 10.9.1.11 dst 192.0.2.0/24 dir out tmpl src 10.9.1.11 dst 192.0.2.9 proto esp mode tunnel)
of alice ip xfrm policy add "${policy[@]}"
isolates 10 "a VPN of the kernel's" 'the number of IPsec policies in the kernel is 1'
of alice ip xfrm policy flush
returns 10

of alice nft 'add table ip t; add chain ip t post { type nat hook postrouting priority 100; }; add rule ip t post masquerade'
isolates 10 "masquerading" 'translates addresses'
of alice nft delete table ip t
returns 10

echo "PermitRootLogin yes" >/etc/ssh/sshd_config
isolates 10 "an sshd that lets root in" "sshd's PermitRootLogin is \"yes\""
printf 'PermitRootLogin no\nMatch Address 192.0.2.0/24\nPermitRootLogin yes\n' >/etc/ssh/sshd_config
isolates 10 "one that lets root in from somewhere" '"yes" for Address 192.0.2.0/24'
echo "PermitRootLogin no" >/etc/ssh/sshd_config
returns 10

printf 'root::1::::::\nnobody::1::::::\n' >/etc/shadow.new
mv /etc/shadow.new /etc/shadow
isolates 10 "an account without a password" 'the number of accounts with an empty password is 1 (root)'
printf 'root:*:1::::::\nnobody::1::::::\n' >/etc/shadow.new
mv /etc/shadow.new /etc/shadow
returns 10

of alice sysctl -qw net.ipv4.conf.all.accept_redirects=1
isolates 40 "a setting, of whose change nothing tells," 'setting net.ipv4.conf.all.accept_redirects is "1"'

kill "${pids[alice]}"
wait "${pids[alice]}" || fail "the agent did not end in order"
kill "${pids[server]}"
wait "${pids[server]}" || fail "the server did not end in order"
grep -E 'runtime error|AddressSanitizer|LeakSanitizer' "$site"/*.log && fail "a sanitizer has something to say"
ok "ended in order"
