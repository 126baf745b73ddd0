# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2154
# Our initiator with `ipsec = kernel` at a stock LNS: ESP is this kernel's at both ends.
# shellcheck source=/dev/null
. "$keys/programs"
linux_begin
modprobe -a tun nf_tables
linux_host lns
linux_host client
ip link add eth0 netns lns type veth peer name eth0 netns client
ip -n lns addr add 192.0.2.1/24 dev eth0
ip -n client addr add 192.0.2.2/24 dev eth0
ip -n lns link set eth0 up
ip -n client link set eth0 up
linux_ike lns %any client
linux_lns lns 10.9.0.1 10.9.0.10-10.9.0.20

# The first SA costs ten seconds of emulated time and more (linux-peer.sh), which no initiator waits for.
ip -n lns xfrm state add src 192.0.2.9 dst 192.0.2.8 proto esp spi 0x999 mode transport \
	aead 'rfc4106(gcm(aes))' 0x000102030405060708090a0b0c0d0e0f10111213 128
ip -n lns xfrm state flush
note "the kernel has ESP"

folder=$work/client
cp "$keys/ca.pem" "$keys/client.pem" "$keys/client.key" "$folder/"
(umask 077 && echo "$linux_password" >"$folder/password")
chown nobody "$folder/client.key" "$folder/password"
chmod 755 "$work" "$folder"
cat >"$folder/softwire.conf" <<END
user = nobody
log_level = debug
ipsec = kernel
concentrator = 192.0.2.1
concentrator_name = lns
certificate = $folder/client.pem
key = $folder/client.key
ca = $folder/ca.pem
charon_plugin = $plugin
run_directory = $folder/run
state_directory = $folder/state
socket = $folder/run/api.sock
ppp_user = $linux_user
ppp_password_file = $folder/password
ppp_auth = mschapv2
delegation = no
default_route = no
workers = 1
END
linux_in client "$bin/pratique-softwire" initiator --config "$folder/softwire.conf" >"$folder/softwire.log" 2>&1 &
check 90 "ipsec kernel: the initiator has its IPv4 address from a stock LNS" linux_has_address client softwire0 4 global
pass "ipsec kernel: $(linux_address client softwire0 4 global), by IKEv2, the kernel's ESP, L2TP and MS-CHAPv2"
check 20 "ipsec kernel: the LNS answers inside" linux_pings client 10.9.0.1
linux_in lns sysctl -qw net.ipv6.conf.all.forwarding=1
ip -n lns addr add 2001:db8:77::1/64 dev ppp0
cat >"$work/lns/radvd.conf" <<END
interface ppp0 {
	AdvSendAdvert on;
	MinRtrAdvInterval 3;
	MaxRtrAdvInterval 4;
	prefix 2001:db8:77::/64 { };
};
END
linux_in lns radvd -n -C "$work/lns/radvd.conf" -m stderr >"$work/lns/radvd.log" 2>&1 &
check 20 "ipsec kernel: it has an IPv6 address by the LNS's router advertisement" linux_has_address client softwire0 6 global
linux_in client ip -6 route replace 2001:db8:77::1/128 dev softwire0
check 20 "ipsec kernel: the LNS answers inside, IPv6" linux_pings client 2001:db8:77::1
check 20 "ipsec kernel: 1,300 bytes and back" linux_in client ping -q -c 3 -i 0.2 -W 5 -s 1272 10.9.0.1
linux_in client ip xfrm state >"$folder/xfrm.log"
[ "$(grep -c 'mode transport' "$folder/xfrm.log")" -ge 2 ] || miss "ipsec kernel: the SAs are the kernel's"
[ "$(linux_esp lns in | cut -d' ' -f2)" -ge 10 ] || miss "ipsec kernel: the LNS gets ESP"
pass "ipsec kernel: the SAs are the kernel's, in transport mode"
charon=$(linux_in client pgrep -x charon-systemd)
[ "$(awk '/^Uid:/ { print $2 }' "/proc/$charon/status")" = "$(id -u nobody)" ] || miss "ipsec kernel: charon's user"
capabilities=$(awk '/^Cap(Prm|Eff):/ { print $2 }' "/proc/$charon/status" | sort -u)
[ "$((0x$capabilities & ~0x1400))" = 0 ] || miss "ipsec kernel: charon's capabilities: $capabilities"
pass "ipsec kernel: charon has nothing but CAP_NET_ADMIN and CAP_NET_BIND_SERVICE, and is nobody"

# ---- TCP: what the TUN gives in one piece goes out packet by packet ----

# transfer WORDS OF IPERF3: 2 MB.
transfer() {
	linux_in lns iperf3 -s -1 -B 10.9.0.1 >"$work/lns/iperf3.log" 2>&1 &
	within 10 linux_in lns sh -c 'ss -Hltn | grep -q :5201'
	linux_in client iperf3 -c 10.9.0.1 -n 2M "$@" >"$folder/iperf3.log" 2>&1
}
transfer || miss "ipsec kernel: TCP to the LNS"
pass "ipsec kernel: TCP to the LNS"
transfer -R || miss "ipsec kernel: TCP from the LNS"
pass "ipsec kernel: TCP from the LNS"
failed=$("$bin/pratique" softwire status --socket "$folder/run/api.sock" | awk '$1 == "outer_send_failed" { print $2 }')
[ "${failed:-0}" = 0 ] || miss "ipsec kernel: every packet is taken ($failed were not)"
pass "ipsec kernel: every packet is taken"

# ---- rekeyed under traffic ----

linux_in client ping -q -c 60 -i 0.1 -W 5 10.9.0.1 >"$work/rekey" 2>&1 &
ping=$!
sleep 1
# By us: where the peer begins, the kernel sends on the new SA at once, which may be before the peer has it.
linux_in client env "STRONGSWAN_CONF=$folder/run/strongswan.conf" swanctl --rekey --child softwire --uri "unix://$folder/run/charon.vici" >>"$folder/swanctl.log" 2>&1 ||
	miss "ipsec kernel: rekeying"
wait "$ping" || true
grep -q ' 0% packet loss' "$work/rekey" || miss "ipsec kernel: rekeyed without a lost packet ($(grep loss "$work/rekey"))"
pass "ipsec kernel: rekeyed under traffic without a lost packet"

# ---- without its SAs nothing leaves the socket ----

linux_in lns timeout 8 tcpdump -l -n -i eth0 -Q in udp port 1701 >"$work/clear" 2>"$work/tcpdump.log" &
clear=$!
sleep 1
linux_in client ip xfrm state flush
if linux_in client ping -q -c 5 -i 0.2 -W 2 10.9.0.1 >/dev/null 2>&1; then
	miss "ipsec kernel: without SAs nothing passes"
fi
wait "$clear" || true
if grep -q . "$work/clear"; then
	miss "ipsec kernel: without SAs nothing is sent in clear ($(grep . "$work/clear" | head -n 3))"
fi
pass "ipsec kernel: without SAs nothing passes, and nothing is sent in clear"
note "end"
