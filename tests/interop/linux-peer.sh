# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2154
# Stock Linux ends of a softwire, for jobs in the VM of lab/vm.sh: Debian's kernel with its ESP, L2TP and PPP,
# strongSwan's charon (kernel-netlink, socket-default), xl2tpd with L2TP in the kernel, pppd with pppol2tp.so.
# Nothing of ours is in here.
#
# Needs from its user: work (a folder that the VM may write to; what it writes is seen in there only), keys (a folder with
# ca.pem and NAME.pem, NAME.key of each end).
#
# What one should know:
# - Modules load by themselves, but the first ESP SA costs ten seconds of emulated time: seqiv wants the kernel's random
#   generator, which tests itself (jitterentropy). linux_begin does that in the background.
# - `require chap = yes` of xl2tpd becomes pppd's require-chap, and that is CHAP-MD5. For MS-CHAPv2 it is left out, and
#   require-mschap-v2 is in the LNS's options.
# - xl2tpd and charon have fixed names in /run: each end has a mount namespace too.
# - pppd's secrets are in /etc/ppp/chap-secrets for everybody, which is the VM's own file.

now() {
	cut -d' ' -f1 /proc/uptime
}

note() {
	echo "[$(now)] $*"
}

# within SECONDS COMMAND...
within() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.1
	done
}

# What the test's own script counts: see vm_job() there.
pass() {
	echo "pass: $*"
}
miss() {
	echo "miss: $*"
	linux_logs
	exit 1
}

# check SECONDS "PROMISE" COMMAND...: true within that time.
check() {
	local seconds=$1 promise=$2
	shift 2
	within "$seconds" "$@" || miss "$promise"
	pass "$promise"
}

linux_logs() {
	local log
	for log in "$work"/*/*.log; do
		[ -s "$log" ] || continue
		echo "--- ${log#"$work/"}"
		tail -n 60 "$log"
	done
}

linux_begin() {
	mkdir -p "$work"
	modprobe -a esp4 esp6 xfrm_user l2tp_ppp gcm seqiv &
	mkdir -p /etc/ppp
	printf '%s * "%s" *\n' "$linux_user" "$linux_password" >/etc/ppp/chap-secrets
}

# linux_host NAME: a namespace of its own for one end, with its own /run.
linux_host() {
	ip netns add "$1"
	mkdir -p "$work/$1"
	ip netns exec "$1" bash -c "mount -t tmpfs run /run && mkdir /run/xl2tpd && ip link set lo up &&
		: >'$work/$1/up' && exec sleep infinity" &
	within 20 test -e "$work/$1/up"
	declare -g "linux_pid_$1=$!"
}

# linux_in NAME COMMAND...
linux_in() {
	local pid=linux_pid_$1 folder=$work/$1
	shift
	nsenter --target "${!pid}" --mount --net env STRONGSWAN_CONF="$folder/strongswan.conf" SWANCTL_DIR="$folder/swanctl" "$@"
}

# ---- IKE ----

# linux_ike NAME REMOTE-ADDRESSES REMOTE-NAME [CHILD-LINES]: charon with a transport mode CHILD_SA `softwire` of UDP 1701 (RFC 3193).
linux_ike() {
	local name=$1 remote=$2 remote_name=$3 more=${4:-} folder=$work/$1
	mkdir -p "$folder"/swanctl/{x509,x509ca,private}
	cp "$keys/ca.pem" "$folder/swanctl/x509ca/"
	cp "$keys/$name.pem" "$folder/swanctl/x509/"
	cp "$keys/$name.key" "$folder/swanctl/private/"
	cat >"$folder/strongswan.conf" <<-END
		charon {
			load = random nonce openssl pem pkcs1 pkcs8 x509 revocation constraints pubkey kdf hmac drbg kernel-netlink socket-default vici
			filelog {
				stderr {
					default = 1
				}
			}
			plugins {
				vici {
					socket = unix:///run/charon.vici
				}
			}
		}
		swanctl {
			load = random openssl pem pkcs1 pkcs8 x509 pubkey
		}
	END
	cat >"$folder/swanctl/swanctl.conf" <<-END
		connections {
			softwire {
				version = 2
				remote_addrs = $remote
				mobike = no
				local {
					auth = pubkey
					certs = $name.pem
					id = $name
				}
				remote {
					auth = pubkey
					id = $remote_name
				}
				children {
					softwire {
						mode = transport
						local_ts = dynamic[udp/1701]
						remote_ts = dynamic[udp/1701]
						esp_proposals = aes128gcm16-x25519, aes128gcm16
						$more
					}
				}
			}
		}
	END
	linux_in "$name" /usr/lib/ipsec/charon >"$folder/charon.log" 2>&1 &
	within 30 linux_in "$name" test -S /run/charon.vici || miss "charon of $name starts"
	within 10 linux_in "$name" swanctl --load-all --noprompt >"$folder/swanctl.log" 2>&1 || miss "charon of $name takes its configuration"
	grep -q "loaded connection 'softwire'" "$folder/swanctl.log" || miss "charon of $name has its connection"
}

linux_initiate() {
	linux_in "$1" swanctl --initiate --child softwire --timeout 40 >>"$work/$1/swanctl.log" 2>&1
}

# linux_esp NAME DIRECTION: "SPI packets" of its newest CHILD_SA.
linux_esp() {
	linux_in "$1" swanctl --list-sas | awk -v want="$2" '$1 == want { print substr($2, 1, 8), $5 }' | tail -n 1
}

# ---- L2TP and PPP ----

# linux_pppd NAME: the options that both roles have.
linux_pppd() {
	cat <<-END
		+ipv6
		mtu 1380
		mru 1380
		debug
		noccp
		nodefaultroute
		usepeerdns
		logfile $work/$1/pppd.log
	END
}

linux_xl2tpd() {
	linux_in "$1" xl2tpd -D -c "$work/$1/xl2tpd.conf" -C /run/xl2tpd/l2tp-control >"$work/$1/xl2tpd.log" 2>&1 &
}

# linux_lac NAME LNS-ADDRESS: dials.
linux_lac() {
	local name=$1
	{
		linux_pppd "$name"
		echo noauth
		echo "user $linux_user"
	} >"$work/$name/options"
	cat >"$work/$name/xl2tpd.conf" <<-END
		[global]
		port = 1701
		[lac softwire]
		lns = $2
		name = $linux_user
		require authentication = no
		autodial = yes
		length bit = yes
		pppoptfile = $work/$name/options
	END
	linux_xl2tpd "$name"
}

# linux_lns NAME LOCAL-IPV4 FIRST-LAST
linux_lns() {
	local name=$1
	{
		linux_pppd "$name"
		echo require-mschap-v2
	} >"$work/$name/options"
	cat >"$work/$name/xl2tpd.conf" <<-END
		[global]
		port = 1701
		[lns default]
		local ip = $2
		ip range = $3
		refuse pap = yes
		require authentication = yes
		name = $name
		length bit = yes
		pppoptfile = $work/$name/options
	END
	linux_xl2tpd "$name"
}

# linux_address NAME INTERFACE FAMILY SCOPE: the address, without its length.
linux_address() {
	linux_in "$1" ip "-$3" -o addr show dev "$2" scope "$4" 2>/dev/null | sed -n 's/.* inet6* \([^ /]*\).*/\1/p' | head -n 1
}

linux_has_address() {
	[ -n "$(linux_address "$@")" ]
}

# linux_pings NAME ADDRESS [COUNT]: all of them answered.
linux_pings() {
	linux_in "$1" ping -q -c "${3:-3}" -i 0.2 -W 5 "$2" >"$work/ping" 2>&1 || return 1
	grep -q ' 0% packet loss' "$work/ping"
}
