#!/bin/bash
# SPDX-License-Identifier: ISC
#
# pratique-vis' query API beside nginx that serves a static file of the same size, in the same run and in turns: one core for the
# server (nginx with one worker), the other for the load; connections kept alive, over a Unix socket and over TLS 1.3 with the same
# certificate.
#
# pratique-vis keeps answers, 64 MiB of them; so there are rows of requests that are asked for again, and rows ("anew") of so many
# different ones that none is kept when it comes again. Where sizes differ, nginx's file has the mean one.
#
# The index is made of Debian's OSV export, ../shared/advisories/osv/debian-osv-*.tar.xz or that of $PRATIQUE_SHARED; where it is
# absent, of generated records.
#
# usage: query.sh BUILD-DIRECTORY      (BENCH_SECONDS: of one run, default 3; BENCH_CONNECTIONS: default 16; BENCH_ROUNDS: default 3)
set -euo pipefail
# shellcheck source=bench/machine.bash
. "$(dirname "$(readlink -f "$0")")/machine.bash"
seconds=${BENCH_SECONDS:-3}
connections=${BENCH_CONNECTIONS:-16}
rounds=${BENCH_ROUNDS:-3}
command -v nginx >/dev/null || fail "nginx is not installed (nginx-light)"
make_work
chmod 755 "$work"
vis=
nginx_pid=
stop() {
	[ -z "$vis" ] || kill "$vis" 2>/dev/null || true
	[ -z "$nginx_pid" ] || kill "$nginx_pid" 2>/dev/null || true
	wait
	rm -rf "$work"
}
trap stop EXIT
trap 'exit 1' INT TERM HUP
build_tools bench/http-load

print_machine
archive=$(find "$shared/advisories/osv/" -name 'debian-osv-*.tar.xz' 2>/dev/null | sort | tail -n 1 || true)
if [ -n "$archive" ]; then
	echo "data: $(basename "$archive")"
else
	/usr/bin/python3 "$root/bench/debsecan_data.py" generate /var/lib/dpkg/status "$work/generated" 30000
	archive=$work/generated
	echo "data: no OSV export of Debian in $shared/advisories/osv: 30000 generated records stand in for it"
fi

# ---- the servers ----

"$build/bin/pratique" ca init --dir "$work/ca" --site bench >/dev/null
for role in vis operator; do
	"$build/bin/pratique" ca issue --dir "$work/ca" --out "$work" --role "$role" --name "$role" --alt-name 127.0.0.1 >/dev/null
done
cp "$work/ca/ca.pem" "$work/"
[ "$(id -u)" != 0 ] || chown -R nobody "$work"
taskset -c 0 "$build/bin/pratique-vis" --data "$work/index" --socket "$work/vis.sock" --source "debian=$archive" --user nobody \
	--listen 127.0.0.1:8446 --http "$work/http.sock" --certificate "$work/vis.pem" --key "$work/vis.key" --ca "$work/ca.pem" \
	>"$work/log" 2>&1 &
vis=$!
# Sources are loaded beside the requests: until there is a generation, nothing is there to be asked for.
until curl -sf --unix-socket "$work/http.sock" http://vis/v1/status 2>/dev/null | jq -e '.generation > 0' >/dev/null; do
	kill -0 "$vis" 2>/dev/null || fail "pratique-vis: $(cat "$work/log")"
	sleep 0.2
done
front=$(pgrep -P "$(pgrep -P "$vis" -x vis-keeper)" -x vis-front)
mkdir "$work/www"
cat >"$work/nginx.conf" <<-END
	daemon off;
	worker_processes 1;
	error_log $work/nginx.log;
	pid $work/nginx.pid;
	$([ "$(id -u)" != 0 ] || echo "user nobody nogroup;")
	events { worker_connections 1024; }
	http {
		access_log off;
		sendfile on;
		tcp_nopush on;
		keepalive_requests 1000000000;
		open_file_cache max=100;
		default_type application/json;
		client_body_temp_path $work; proxy_temp_path $work; fastcgi_temp_path $work; uwsgi_temp_path $work; scgi_temp_path $work;
		server { listen unix:$work/nginx.sock; root $work/www; }
		server {
			listen 127.0.0.1:8447 ssl; root $work/www;
			ssl_certificate $work/vis.pem; ssl_certificate_key $work/vis.key;
			ssl_client_certificate $work/ca.pem; ssl_verify_client on; ssl_protocols TLSv1.3;
		}
	}
END
taskset -c 0 nginx -c "$work/nginx.conf" 2>>"$work/nginx.log" &
nginx_pid=$!
until [ -S "$work/nginx.sock" ] && pgrep -P "$nginx_pid" >/dev/null; do
	kill -0 "$nginx_pid" 2>/dev/null || fail "nginx: $(cat "$work/nginx.log")"
	sleep 0.1
done
worker=$(pgrep -P "$nginx_pid" | head -n 1)

# ---- the requests ----

/usr/bin/python3 - "$work" <<-'END'
	import json, http.client, socket, sys

	work = sys.argv[1]

	class Unix(http.client.HTTPConnection):
	    def connect(self):
	        self.sock = socket.socket(socket.AF_UNIX)
	        self.sock.connect(work + "/http.sock")

	client = Unix("vis")

	def post(path, body, fields=""):
	    text = json.dumps(body)
	    return f"POST {path} HTTP/1.1\r\nHost: vis\r\n{fields}Content-Length: {len(text)}\r\n\r\n{text}\0"

	def write(name, requests):
	    with open(f"{work}/{name}.requests", "w") as f:
	        f.write("".join(requests))

	def package(name, version):
	    return {"package": {"name": name, "ecosystem": "Debian:12"}, "version": version}

	names, queries = [], []
	with open("/var/lib/dpkg/status", encoding="utf-8", errors="replace") as f:
	    for block in f.read().split("\n\n"):
	        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and line[0] != " ")
	        if "Package" in fields and "Version" in fields:
	            source = fields.get("Source", fields["Package"]).split(" ")[0]
	            if source not in names:
	                names.append(source)
	                queries.append(package(source, "0"))
	kept = []
	for q in queries:
	    client.request("POST", "/v1/query", json.dumps(q))
	    n = len(client.getresponse().read())
	    if 1000 < n < 100000:
	        kept.append(q)
	ids = []
	for i in range(0, len(kept), 500):
	    client.request("POST", "/v1/querybatch", json.dumps({"queries": kept[i:i + 500]}))
	    for r in json.loads(client.getresponse().read())["results"]:
	        ids += [v["id"] for v in r.get("vulns", [])]
	write("record", [f"GET /v1/vulns/{ids[0]} HTTP/1.1\r\nHost: vis\r\n\r\n\0"])
	write("records", [f"GET /v1/vulns/{i} HTTP/1.1\r\nHost: vis\r\n\r\n\0" for i in ids[:2000]])
	write("query", [post("/v1/query", kept[0])])
	write("packages", [post("/v1/query", q) for q in kept])
	write("packages-zstd", [post("/v1/query", q, "Accept-Encoding: zstd\r\n") for q in kept])
	write("batch", [post("/v1/querybatch", {"queries": kept[:100]})])
	write("nothing", [post("/v1/query", package("no-such-package", "1"))])

	def anew(query, n):
	    return {**query, "version": f"0~{n}"}

	write("anew", [post("/v1/query", anew(q, n)) for n in range(20000 // len(kept) + 1) for q in kept])
	some = [kept[i * 7 % len(kept)] for i in range(100)]
	write("anew-batch", [post("/v1/querybatch", {"queries": [anew(q, n) for q in some]}) for n in range(3000)])
	print(f"{len(kept)} packages of this machine have advisories, {len(ids)} in all")
END
# measure WHERE PID NAME [TLS]: the load generator's line, of the fastest round
tls=("$work/ca.pem" "$work/operator.pem" "$work/operator.key")
measure() {
	local where=$1 pid=$2 name=$3
	shift 3
	taskset -c 1 "$tools/http-load" "$where" "$connections" "$seconds" "$pid" "$work/$name.requests" "$@"
}

# compare TITLE NAME: over both ways, in turns.
compare() {
	local title=$1 name=$2 way ours='' theirs='' size round
	size=$(measure "$work/http.sock" 0 "$name" | cut -d ' ' -f 4)
	# Each size is a file of its own: nginx keeps an open file for a minute, whatever has its name then.
	head -c "$size" /dev/urandom >"$work/www/$size"
	chmod 644 "$work/www/$size"
	printf 'GET /%s HTTP/1.1\r\nHost: vis\r\n\r\n\0' "$size" >"$work/file.requests"
	for way in unix tls; do
		: >"$work/ours"
		: >"$work/theirs"
		for ((round = 0; round < rounds; round++)); do
			if [ "$way" = unix ]; then
				measure "$work/http.sock" "$front" "$name" >>"$work/ours"
				measure "$work/nginx.sock" "$worker" file >>"$work/theirs"
			else
				measure 8446 "$front" "$name" "${tls[@]}" >>"$work/ours"
				measure 8447 "$worker" file "${tls[@]}" >>"$work/theirs"
			fi
		done
		ours=$(sort -rn "$work/ours" | head -n 1)
		theirs=$(sort -rn "$work/theirs" | head -n 1)
		awk -v title="$title" -v way="$way" -v ours="$ours" -v theirs="$theirs" 'BEGIN {
			split(ours, o, " "); split(theirs, t, " ")
			printf "  %-34s %-4s %7d bytes  %7d/s p99 %6d us cpu %6.1f us   nginx %7d/s p99 %6d us cpu %6.1f us   %.2f of nginx by rate, %.2f by cpu\n",
				title, way, o[4], o[1], o[3], o[5], t[1], t[3], t[5], o[1] / t[1], t[5] / (o[5] ? o[5] : 1) }'
	done
}

echo
echo "== requests a second, $connections connections kept alive, best of $rounds runs of $seconds s; cpu: the server's own time a request"
compare "no advisory (POST /v1/query)" nothing
compare "one record (GET /v1/vulns/ID)" record
compare "2,000 records in turns" records
compare "one package (POST /v1/query)" query
compare "different packages in turns" packages
compare "the same, zstd (frames as stored)" packages-zstd
compare "100 queries (POST /v1/querybatch)" batch
compare "different packages, made anew" anew
compare "100 queries, made anew" anew-batch
