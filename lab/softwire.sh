# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2034,SC2154
# Softwires in the lab, set up as an administrator would: the concentrator on the gateway, initiators on nodes that were
# enrolled in the office before they travelled, FreeRADIUS at home and at a roaming partner with a concentrator of its own.
#
# Needs from its user: lab/host.sh, lab/outside.sh, lab/site.sh, lab/freeradius.sh, check, say, fail.

SOFTWIRE_WAIT=30
declare -gA softwire_password=([nomad]=nomad-password-1 [sensor]=sensor-password-2)

# softwire_up BIN installs the programs where softwires need them beside the site's hosts.
softwire_up() {
	local bin=$1 host program
	for host in nomad sensor visited; do
		for program in "$bin"/pratique*; do
			[ ! -x "$program" ] || [ -d "$program" ] || host_install "$host" "$program" "/usr/local/bin/$(basename "$program")" 755
		done
		host_exec "$host" useradd --system --user-group --no-create-home --shell /usr/sbin/nologin pratique
		host_exec "$host" mkdir -p -m 755 /etc/pratique /run/pratique /var/lib/pratique
	done
	host_install access "$root/lab/attack.py" /usr/local/lib/lab/attack.py 755
	for host in gw nomad sensor visited; do
		softwire_install_plugin "$bin" "$host"
	done
	for host in nomad sensor; do
		softwire_enrol "$host"
	done
	softwire_home_aaa
	softwire_configure_home
	softwire_start gw concentrator
	softwire_wait gw concentrator
}

# charon's plugin lies beside the programs.
softwire_install_plugin() {
	host_install "$2" "$1/../src/charon/libstrongswan-pratique.so" /usr/local/bin/libstrongswan-pratique.so
}

# Enrolled in the office, at alice's place, before it travels.
softwire_enrol() {
	local token file
	token=$(host_exec server pratique enrol --new "$1" 2>/dev/null)
	host_exec alice pratique enrol --server server.site.example --ca /etc/pratique/ca.pem --name "$1" --token - \
		--out /tmp <<<"$token" >>"$lab_state/log/site" 2>&1 || fail "$1 was not enrolled"
	for file in key pem; do
		host_install "$1" "$(host_root alice)/tmp/$1.$file" "/etc/pratique/$1.$file" 600
		host_exec alice rm "/tmp/$1.$file"
	done
	host_exec "$1" chown pratique: "/etc/pratique/$1.key" "/etc/pratique/$1.pem"
	host_install "$1" "$(host_root server)/etc/pratique/ca.pem" /etc/pratique/ca.pem
	cat >"$(host_root "$1")/etc/pratique/agent.conf" <<-END
		server = [${lab_ipv6[server]}]:271
		server = ${lab_ipv4[server]}:271
		server_name = server
		ca = /etc/pratique/ca.pem
		certificate = /etc/pratique/$1.pem
		key = /etc/pratique/$1.key
	END
}

# A file that only its host's daemon may read: softwire_secret HOST NAME TEXT
softwire_secret() {
	local file
	file=$(host_root "$1")/etc/pratique/$2
	(umask 077 && printf '%s\n' "$3" >"$file")
	host_exec "$1" chown pratique: "/etc/pratique/$2"
}

# softwire_start_radius DIR HOST: in the network of the host, without the lab's lock.
softwire_start_radius() {
	(exec {lab_lock}>&- && freeradius_start "$1" ip netns exec "$lab_prefix$2") || fail "no RADIUS server on $2"
}

# The home AAA server, which knows the users; the roaming partner's reaches it over RadSec.
softwire_home_aaa() {
	local dir=$lab_state/radius name
	softwire_pki=$dir/pki softwire_home=$dir/home
	mkdir -p "$dir"
	freeradius_ca "$softwire_pki"
	for name in home visited; do
		freeradius_certificate "$softwire_pki" "$name" "DNS:$name.example"
	done
	freeradius_new "$softwire_home"
	freeradius_listen "$softwire_home" "${lab_ipv4[aaa]}"
	freeradius_client "$softwire_home" "${lab_ipv4[aaa]%2}1" home-radius-secret
	freeradius_radsec "$softwire_home" "${lab_ipv6[aaa]}" "$softwire_pki" home
	freeradius_user "$softwire_home" nomad@site.example "${softwire_password[nomad]}"
	freeradius_user "$softwire_home" sensor@site.example "${softwire_password[sensor]}" \
		'Delegated-IPv6-Prefix = 2001:db8:1:aff0::/60' 'Framed-IP-Address = 10.1.9.77' 'Filter-Id = "staff"'
	softwire_start_radius "$softwire_home" aaa
}

# The roaming partner: a concentrator and an AAA server that passes the users of our realm on to ours. The laptop trusts it
# because its AAA server at home vouches for the laptop, and a CA of the roaming partners for the concentrator.
softwire_visited() {
	local dir=$lab_state/radius/visited root_dir
	freeradius_new "$dir"
	freeradius_listen "$dir" 127.0.0.1
	freeradius_client "$dir" 127.0.0.1 visited-radius-secret
	freeradius_realm "$dir" site.example "${lab_ipv6[aaa]}" "$softwire_pki" visited
	softwire_start_radius "$dir" visited
	root_dir=$(host_root visited)/etc/pratique
	host_exec visited pratique ca init --dir /etc/pratique/ca --site partner.example >>"$lab_state/log/site"
	host_exec visited pratique ca issue --dir /etc/pratique/ca --role concentrator --name sc \
		--alt-name sc.partner.example --out /etc/pratique >>"$lab_state/log/site"
	host_exec visited chown pratique: /etc/pratique/sc.key
	host_install visited "$root_dir/ca/ca.pem" /etc/pratique/ca.pem
	host_install nomad "$root_dir/ca/ca.pem" /etc/pratique/partner-ca.pem
	softwire_secret visited radius.secret visited-radius-secret
	cat >"$root_dir/concentrator.conf" <<-END
		name = sc.partner.example
		listen = ${outside_ipv4[visited]}
		certificate = /etc/pratique/sc.pem
		key = /etc/pratique/sc.key
		ca = /etc/pratique/ca.pem
		identity = sc.partner.example
		ike_radius = 127.0.0.1:1812
		ike_radius_secret = /etc/pratique/radius.secret
		bind = same-name
		radius_server = 127.0.0.1:1812 secret-file=/etc/pratique/radius.secret
		pool = default ipv4 10.77.9.0/24
		pool = default framed 2001:db8:fff4::/48
		hello = 2 s
	END
	cat >"$(host_root nomad)/etc/pratique/roaming.conf" <<-END
		concentrator = ${outside_ipv4[visited]}
		concentrator_name = sc.partner.example
		ca = /etc/pratique/partner-ca.pem
		eap = mschapv2
		eap_identity = nomad@site.example
		eap_password_file = /etc/pratique/ppp.secret
		ppp_user = nomad@site.example
		ppp_password_file = /etc/pratique/ppp.secret
		delegation = no
		hello = 2 s
	END
	softwire_start visited concentrator
	softwire_wait visited concentrator
}

softwire_configure_home() {
	local file
	host_exec server pratique ca issue --dir /etc/pratique/ca --role concentrator --name sc \
		--alt-name sc.site.example --out /tmp >>"$lab_state/log/site"
	for file in key pem; do
		host_install gw "$(host_root server)/tmp/sc.$file" "/etc/pratique/sc.$file" 600
		host_exec server rm "/tmp/sc.$file"
	done
	host_exec gw chown pratique: /etc/pratique/sc.key /etc/pratique/sc.pem
	softwire_secret gw radius.secret home-radius-secret
	cat >"$(host_root gw)/etc/pratique/concentrator.conf" <<-END
		name = sc.site.example
		listen = ${outside_ipv4[gw]}
		listen = ${outside_ipv6[gw]}
		certificate = /etc/pratique/sc.pem
		key = /etc/pratique/sc.key
		ca = /etc/pratique/ca.pem
		identity = sc.site.example
		bind = map /etc/pratique/machines
		radius_server = ${lab_ipv4[aaa]}:1812 secret-file=/etc/pratique/radius.secret
		coa_listen = [::]:3799
		coa_client = ${lab_ipv4[aaa]} secret-file=/etc/pratique/radius.secret
		pool = default ipv4 10.1.9.0/24
		pool = default framed 2001:db8:1:9000::/52
		pool = default delegated 2001:db8:1:a000::/52 length 60
		dns = ${lab_ipv6[gw]}
		dns = ${lab_ipv4[gw]}
		search_domain = site.example
		hello = 2 s
	END
	printf '%s\n' 'nomad nomad@site.example' 'sensor sensor@site.example' >"$(host_root gw)/etc/pratique/machines"
}

# softwire_configure HOST CONCENTRATOR-ADDRESS: over IKEv2 with the node's certificate.
softwire_configure() {
	softwire_secret "$1" ppp.secret "${softwire_password[$1]}"
	cat >"$(host_root "$1")/etc/pratique/initiator.conf" <<-END
		concentrator = $2
		concentrator_name = sc.site.example
		certificate = /etc/pratique/$1.pem
		key = /etc/pratique/$1.key
		ca = /etc/pratique/ca.pem
		ppp_user = $1@site.example
		ppp_password_file = /etc/pratique/ppp.secret
		hello = 2 s
	END
}

# softwire_start HOST initiator|concentrator [CONFIG]
softwire_start() {
	host_spawn "$1" softwire pratique-softwire "$2" --config "/etc/pratique/${3:-$2}.conf"
}

# Ends it in order, and returns when it is gone.
softwire_stop() {
	local tries
	host_exec "$1" pkill -TERM -o -x pratique-softwi || true
	for ((tries = 0; tries < SOFTWIRE_WAIT * 10; tries++)); do
		host_exec "$1" pgrep -x pratique-softwi >/dev/null || return 0
		sleep 0.1
	done
	fail "pratique-softwire on $1 does not end"
}

# Waits until the API answers.
softwire_wait() {
	local tries
	for ((tries = 0; tries < SOFTWIRE_WAIT * 10; tries++)); do
		if host_exec "$1" pratique softwire status --socket "/run/pratique/$2/api.sock" --json >/dev/null 2>&1; then
			return
		fi
		sleep 0.1
	done
	tail -n 20 "$lab_state/log/$1.softwire" >&2
	fail "pratique-softwire $2 on $1 is not ready after $SOFTWIRE_WAIT s"
}

# softwire_sessions HOST FILTER...: the sessions of its concentrator, as jq sees them.
softwire_sessions() {
	host_exec "$1" pratique softwire sessions --socket /run/pratique/concentrator/api.sock --json | jq -r "${@:2}"
}

softwire_show() {
	local line
	while IFS= read -r line; do
		say "  $line"
	done < <(host_exec "$1" pratique softwire sessions --socket /run/pratique/concentrator/api.sock)
}
