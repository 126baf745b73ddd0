# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# FreeRADIUS servers (Debian's) with a configuration of their own, for the demo and the tests. Each server is a folder;
# nothing of /etc/freeradius is read, and no server is root while it runs.
#
#   freeradius_ca DIR                                makes a CA for RadSec and EAP-TLS: DIR/ca.pem, DIR/ca.key
#   freeradius_certificate DIR NAME [ALT...]         issues DIR/NAME.pem, DIR/NAME.key by it; ALT as DNS:name or IP:address
#   freeradius_new DIR                               begins a server in DIR (which is emptied); then, in any order:
#   freeradius_listen DIR ADDRESS [PORT]             takes UDP requests at ADDRESS: authentication at PORT (1812), accounting at PORT+1
#   freeradius_client DIR ADDRESS SECRET             from that NAS or proxy (a prefix may be given)
#   freeradius_radsec DIR ADDRESS CA NAME [PORT]     takes RadSec at ADDRESS (2083) from everybody with a certificate of the
#                                                    folder CA; shows the certificate NAME of that folder
#   freeradius_realm DIR REALM ADDRESS CA NAME [PORT]  passes users of REALM on to the server at ADDRESS, by RadSec
#   freeradius_user DIR USER PASSWORD [LINE...]      a user and what he is given: 'Framed-IPv6-Prefix = 2001:db8::/64', ...
#   freeradius_eap_tls DIR CA NAME                   EAP-TLS for users with certificates of the folder CA (else MD5, MSCHAPv2 only)
#   freeradius_start DIR [COMMAND...]                runs it, COMMAND before it (ip netns exec ...); returns when it answers
#   freeradius_stop DIR [SIGNAL]                     ends it, and returns when it is gone (KILL: at once)
#   freeradius_running DIR                           whether it runs
#   freeradius_details DIR                           prints the accounting records that it was told: paragraphs of Name = Value
#   freeradius_records DIR [PATTERN...]              prints how many of them hold every PATTERN (extended regular expressions)
#
# A *home* server has users; a *visited* one has clients and realms:
#
#   freeradius_ca pki; for name in home visited nas; do freeradius_certificate pki $name DNS:$name.example; done
#   freeradius_new home; freeradius_radsec home 10.1.9.2 pki home
#   freeradius_user home alice@home.example sesame 'Framed-IPv6-Prefix = 2001:db8:1:aa::/64' 'Filter-Id = "staff"'
#   freeradius_new visited; freeradius_listen visited 10.1.9.1; freeradius_client visited 10.1.0.0/16 testing-secret
#   freeradius_realm visited home.example 10.1.9.2 pki visited
#
# Users keep their realm in their names at home too. Needs from its user: fail; and openssl, freeradius, setpriv.

freeradius_user_name=freerad

freeradius_ca() {
	mkdir -p "$1"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/O=Lab/CN=Lab RADIUS CA" \
		-addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign \
		-keyout "$1/ca.key" -out "$1/ca.pem" 2>/dev/null || fail "no CA for the RADIUS servers"
	chmod 755 "$1"
}

freeradius_certificate() {
	local dir=$1 name=$2 alt=DNS:$2
	shift 2
	[ $# = 0 ] || alt=$(IFS=, && echo "$*")
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/O=Lab/CN=$name" \
		-keyout "$dir/$name.key" -out "$dir/$name.csr" 2>/dev/null || fail "no key for $name"
	openssl x509 -req -in "$dir/$name.csr" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" -CAcreateserial -days 30 \
		-extfile <(printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth,clientAuth\n' "$alt") \
		-out "$dir/$name.pem" 2>/dev/null || fail "no certificate for $name"
	rm "$dir/$name.csr"
	chmod 600 "$dir/$name.key"
}

freeradius_new() {
	local dir
	rm -rf "$1"
	mkdir -p "$1/log" "$1/clients" "$1/listen" "$1/realms" "$1/modules"
	dir=$(readlink -f "$1")
	: >"$dir/users"
	cat >"$dir/radiusd.conf" <<-END
		prefix = /usr
		libdir = /usr/lib/freeradius
		logdir = $dir/log
		run_dir = $dir
		pidfile = $dir/pid
		name = radiusd
		max_request_time = 20
		cleanup_delay = 2
		max_requests = 16384
		proxy_requests = yes
		log {
			destination = files
			file = $dir/log/radius.log
			auth = yes
		}
		security {
			allow_core_dumps = no
			max_attributes = 200
			reject_delay = 0
			status_server = yes
		}
		thread pool {
			start_servers = 2
			max_servers = 8
			min_spare_servers = 1
			max_spare_servers = 4
			max_requests_per_server = 0
		}
		\$INCLUDE clients/
		proxy server {
			default_fallback = no
		}
		\$INCLUDE realms/
		modules {
			pap {
			}
			chap {
			}
			mschap {
				use_mppe = yes
			}
			files {
				filename = $dir/users
			}
			realm suffix {
				format = suffix
				delimiter = "@"
				ignore_null = yes
			}
			detail {
				filename = $dir/log/detail
				permissions = 0644
			}
			always reject {
				rcode = reject
			}
			\$INCLUDE modules/
		}
		server default {
			\$INCLUDE listen/
			authorize {
				suffix
				chap
				mschap
				eap
				files
				pap
			}
			authenticate {
				Auth-Type PAP {
					pap
				}
				Auth-Type CHAP {
					chap
				}
				Auth-Type MS-CHAP {
					mschap
				}
				eap
			}
			preacct {
				suffix
			}
			accounting {
				detail
			}
			# Replies to everything have a Message-Authenticator: this version does it for EAP only, unless told.
			post-auth {
				update reply {
					Message-Authenticator := 0x00
				}
				Post-Auth-Type REJECT {
					update reply {
						Message-Authenticator := 0x00
					}
				}
			}
			pre-proxy {
			}
			post-proxy {
				eap
			}
		}
	END
	freeradius_eap "$dir" ""
}

freeradius_eap() {
	cat >"$1/modules/eap" <<-END
		eap {
			default_eap_type = md5
			timer_expire = 60
			ignore_unknown_eap_types = no
			max_sessions = 16384
			md5 {
			}
			mschapv2 {
			}
			$2
		}
	END
}

freeradius_eap_tls() {
	local pki
	pki=$(readlink -f "$2")
	cp "$pki/$3.key" "$1/$3.key"
	freeradius_eap "$1" "tls-config tls-common {
			private_key_file = $(readlink -f "$1")/$3.key
			certificate_file = $pki/$3.pem
			ca_file = $pki/ca.pem
			tls_min_version = \"1.2\"
			tls_max_version = \"1.3\"
			ecdh_curve = \"\"
			cipher_list = \"DEFAULT\"
		}
		tls {
			tls = tls-common
		}"
}

freeradius_listen() {
	local kind port=${3:-1812} family=ipv4addr
	case $2 in *:*) family=ipv6addr ;; esac
	for kind in auth acct; do
		cat >"$1/listen/udp-$kind-$port" <<-END
			listen {
				type = $kind
				$family = $2
				port = $port
			}
		END
		port=$((port + 1))
	done
}

freeradius_client() {
	cat >"$1/clients/$(printf '%s' "$2" | tr -c 'a-z0-9.\n' -)" <<-END
		client $2 {
			ipaddr = $2
			secret = $3
			require_message_authenticator = yes
		}
	END
}

# freeradius_tls DIR CA NAME: the inside of a tls section.
freeradius_tls() {
	local pki
	pki=$(readlink -f "$2")
	cp "$pki/$3.key" "$1/$3.key"
	cat <<-END
		tls {
			private_key_file = $(readlink -f "$1")/$3.key
			certificate_file = $pki/$3.pem
			ca_file = $pki/ca.pem
			tls_min_version = "1.2"
			tls_max_version = "1.3"
			fragment_size = 8192
			cipher_list = "DEFAULT"
			require_client_cert = yes
			cache {
				enable = no
			}
		}
	END
}

freeradius_radsec() {
	cat >"$1/listen/radsec" <<-END
		listen {
			ipaddr = $2
			port = ${5:-2083}
			type = auth+acct
			proto = tcp
			clients = radsec
			limit {
				max_connections = 64
				lifetime = 0
				idle_timeout = 0
			}
			$(freeradius_tls "$1" "$3" "$4")
		}
	END
	cat >"$1/clients/radsec" <<-END
		clients radsec {
			client everybody {
				ipaddr = *
				proto = tls
				secret = radsec
			}
			client everybody6 {
				ipv6addr = ::/0
				proto = tls
				secret = radsec
			}
		}
	END
}

freeradius_realm() {
	cat >"$1/realms/$2" <<-END
		home_server $2 {
			type = auth+acct
			ipaddr = $3
			port = ${6:-2083}
			proto = tcp
			secret = radsec
			response_window = 5
			zombie_period = 10
			revive_interval = 10
			status_check = none
			$(freeradius_tls "$1" "$4" "$5")
		}
		home_server_pool $2 {
			type = fail-over
			home_server = $2
		}
		realm $2 {
			auth_pool = $2
			acct_pool = $2
			nostrip
		}
	END
}

freeradius_user() {
	local dir=$1 user=$2 password=$3 line lines=
	shift 3
	for line in "$@"; do
		lines="$lines${lines:+,
}	$line"
	done
	printf '"%s" Cleartext-Password := "%s"\n%s\n\n' "$user" "$password" "$lines" >>"$dir/users"
}

freeradius_start() {
	local dir tries fd as=()
	dir=$(readlink -f "$1")
	shift
	rm -f "$dir/pid"
	if [ "$(id -u)" = 0 ]; then
		as=(setpriv "--reuid=$freeradius_user_name" "--regid=$freeradius_user_name" --clear-groups)
		chown -R "$freeradius_user_name" "$dir"
	fi
	(
		# Nothing that the caller has open outlives it in the server: pipes, locks.
		for fd in "/proc/$BASHPID/fd"/*; do
			[ "${fd##*/}" -le 2 ] || eval "exec ${fd##*/}>&-"
		done
		exec "$@" "${as[@]}" freeradius -f -P -d "$dir" -n radiusd -l "$dir/log/radius.log"
	) </dev/null >>"$dir/log/output" 2>&1 &
	disown $!
	for ((tries = 0; tries < 200; tries++)); do
		if [ -s "$dir/pid" ] && grep -q 'Ready to process requests' "$dir/log/radius.log" 2>/dev/null; then
			return
		fi
		kill -0 $! 2>/dev/null || break
		sleep 0.05
	done
	cat "$dir/log/output" "$dir/log/radius.log" >&2 || true
	fail "the RADIUS server in $dir did not start"
}

freeradius_running() {
	[ -s "$1/pid" ] && kill -0 "$(cat "$1/pid")" 2>/dev/null
}

freeradius_stop() {
	local pid tries
	pid=$(cat "$1/pid" 2>/dev/null) || return 0
	kill "-${2:-TERM}" "$pid" 2>/dev/null || true
	for ((tries = 0; tries < 200; tries++)); do
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.05
	done
	kill -KILL "$pid" 2>/dev/null || true
	rm -f "$1/pid" "$1/log/radius.log"
}

freeradius_details() {
	cat "$1/log/detail" 2>/dev/null || true
}

freeradius_records() {
	local dir=$1
	shift
	freeradius_details "$dir" | awk -v RS= '
		BEGIN { for (i = 1; i < ARGC; i++) { pattern[i] = ARGV[i]; delete ARGV[i] } n = ARGC - 1 }
		{ for (i = 1; i <= n; i++) if ($0 !~ pattern[i]) next; found++ }
		END { print found + 0 }' "$@"
}
