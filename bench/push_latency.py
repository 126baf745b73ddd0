# SPDX-License-Identifier: ISC
"""Publishes records one after the other and takes the time until the leaf's index has each.

usage: push_latency.py N ORDERS-FIFO LEAF-HTTP-SOCKET
"""
import http.client
import json
import socket
import sys
import time

LIMIT_S = 20


class Local(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def records(leaf):
    leaf.request("GET", "/v1/status")
    return json.loads(leaf.getresponse().read())["records"]


def publish(leaf, orders, name, wanted):
    began = time.monotonic()
    orders.write(f"put {name} Debian:12 1.0\n")
    orders.flush()
    while records(leaf) < wanted:
        if time.monotonic() - began > LIMIT_S:
            sys.exit(f"bench: {name} has not arrived within {LIMIT_S} s")
        time.sleep(0.0005)
    return (time.monotonic() - began) * 1000


def main():
    n = int(sys.argv[1])
    leaf = Local(sys.argv[3])
    with open(sys.argv[2], "w", encoding="ascii") as orders:
        publish(leaf, orders, "WARM-1", 1)
        times = sorted(publish(leaf, orders, f"CVE-{i}", i + 2) for i in range(n))
    p99 = times[min(len(times) - 1, int(len(times) * 0.99))]
    print(f"  p50 {times[len(times) // 2]:.1f} ms, p99 {p99:.1f} ms, most {times[-1]:.1f} ms (the whole way is to be below 2000 ms)")


main()
