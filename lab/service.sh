# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2034,SC2154
# What hosts of the lab offer, by Debian's own packages: names, addresses and router advertisements (dnsmasq) and
# time (chrony) on the gateway, the partial mirror on the patch server (nginx), and TCP services that answer
# with what they get.
#
# Needs from its user: lab/host.sh, lab/net.sh, lab/layer.sh.

declare -gA service_ports=([alice]='22 443 8080' [bob]='22 443 8080' [printer]='631' [intranet]='80' [internet]='80 443')

service_dnsmasq_config() {
	local name
	cat <<-END
		no-resolv
		no-hosts
		no-daemon
		user=root
		interface=br-nodes
		interface=lo
		bind-dynamic
		domain=site.example
		local=/site.example/
		dhcp-authoritative
		dhcp-leasefile=/run/dnsmasq.leases
		enable-ra
		ra-param=br-nodes,60,1800
		dhcp-range=10.1.1.0,static,255.255.255.0,10m
		dhcp-option=option:netmask,255.255.255.255
		dhcp-range=2001:db8:1:1::,static,off-link,64,10m
		dhcp-option=option:router,${lab_ipv4[gw]}
		dhcp-option=option6:dns-server,[${lab_ipv6[gw]}]
	END
	for name in "${lab_nodes[@]}"; do
		echo "dhcp-host=${lab_mac[$name]},${lab_ipv4[$name]},[${lab_ipv6[$name]}],$name"
	done
	for name in gw "${lab_nodes[@]}" "${lab_sites[@]}"; do
		echo "host-record=$name.site.example,${lab_ipv4[$name]},${lab_ipv6[$name]}"
	done
}

service_chrony_config() {
	cat <<-END
		local stratum 3
		allow 10.1.0.0/16
		allow 2001:db8:1::/48
		cmdport 0
		bindcmdaddress /
		pidfile /run/chronyd.pid
	END
}

service_nginx_config() {
	cat <<-END
		user root;
		pid /run/nginx.pid;
		daemon off;
		events {}
		http {
			access_log /var/log/nginx/access.log;
			server {
				listen 80;
				listen [::]:80;
				root /srv/mirror;
			}
		}
	END
}

service_up() {
	local name
	service_dnsmasq_config >"$(host_root gw)/etc/dnsmasq.conf"
	host_spawn gw dnsmasq dnsmasq --conf-file=/etc/dnsmasq.conf
	service_chrony_config >"$(host_root gw)/etc/chrony/chrony.conf"
	host_spawn gw chronyd chronyd -x -d -u root -f /etc/chrony/chrony.conf
	service_nginx_config >"$(host_root patches)/etc/nginx/nginx.conf"
	mkdir -p "$(host_root patches)/srv/mirror"
	cp -r "$layer_mirror/debian-security" "$(host_root patches)/srv/mirror/"
	host_spawn patches nginx nginx -c /etc/nginx/nginx.conf
	for name in "${!service_ports[@]}"; do
		# shellcheck disable=SC2086 # the ports are words
		host_spawn "$name" serve /usr/local/lib/lab/serve.py ${service_ports[$name]}
	done
}
