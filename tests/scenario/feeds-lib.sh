# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# Where feeds come from: nginx and OpenPGP keys on a network of the script's own; sourced with the script's arguments, the first of
# which is the folder of the programs.
# shellcheck source=tests/scenario/own-net-lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/own-net-lib.sh"
set -eo pipefail
for program in nginx gpg gpgv jq openssl python3 xz; do
	command -v "$program" >/dev/null || {
		echo "SKIP: $program is needed"
		exit 77
	}
done
ip link set lo up
mkdir -m 700 "$site/gnupg"
mkdir "$site/nginx"
end_feeds() {
	gpgconf --homedir "$site/gnupg" --kill all 2>/dev/null || true
	cleanup
}
trap end_feeds EXIT

# start_nginx: with what is within http { } on standard input; it writes access.txt.
start_nginx() {
	cat >"$site/nginx.conf" <<-EOF
		daemon off; pid $site/nginx/pid; error_log $site/nginx.log; user root;
		events {}
		http {
			log_format short '\$connection \$status \$uri';
			keepalive_requests 100000;
			client_body_temp_path $site/nginx; proxy_temp_path $site/nginx; fastcgi_temp_path $site/nginx;
			uwsgi_temp_path $site/nginx; scgi_temp_path $site/nginx;
			$(cat)
		}
	EOF
	nginx -c "$site/nginx.conf" -e "$site/nginx.log" &
	pids[nginx]=$!
	until_true 10 "nginx serves" test -s "$site/nginx/pid"
}
