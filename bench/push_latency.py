# SPDX-License-Identifier: ISC
"""Publishes an advisory and withdraws it, again and again, and takes the time of every stage until a packet is dropped.

usage: push_latency.py N signed|published BIN-DIRECTORY     (in the folder that push.sh made)
"""
import ctypes
import json
import os
import re
import select
import socket
import subprocess
import sys
import threading
import time

EVERY_S = 0.002
GONE_S = 0.05  # without a packet: they are dropped
LIMIT_S = 60
TARGET = ("fd09:2::2", 4433)
STAGES = ["root", "mid", "leaf", "index", "verdict", "enforced", "packet"]
WORDS = {"root": "root tells", "mid": "mid tells", "leaf": "site VIS tells", "index": "site's index", "verdict": "verdict committed",
         "enforced": "in the kernel", "packet": "packet"}
CLONE_NEWNET = 0x40000000


class Stages:
    """What was seen when; each source of it has a thread."""

    def __init__(self):
        self.lock = threading.Condition()
        self.seen = {}

    def note(self, stage):
        now = time.monotonic()
        with self.lock:
            self.seen.setdefault(stage, now)
            self.lock.notify_all()

    def begin(self):
        with self.lock:
            self.seen = {}

    def wait(self, stages, until):
        with self.lock:
            self.lock.wait_for(lambda: all(s in self.seen for s in stages), max(0, until - time.monotonic()))
            return dict(self.seen)


def lines_of(path, request):
    """The lines of an answer that never ends."""
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    s.sendall(f"GET {request} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    yield from s.makefile("rb")


def watch_vis(stages, name, repository):
    wanted = f'"repository":"{repository}"'.encode()
    for line in lines_of(f"run/{name}.http", f"/v1/subscribe?repository={repository}"):
        if wanted in line:
            stages.note(name)


def watch_index(stages):
    one = re.compile(rb"generation \d+: (1 advisories put, 0|0 advisories put, 1) removed")
    with open("leaf.log", "rb") as log:
        log.seek(0, os.SEEK_END)
        part = b""
        while True:
            got = log.read()
            if not got:
                time.sleep(0.001)
                continue
            *lines, part = (part + got).split(b"\n")
            if any(one.search(line) for line in lines):
                stages.note("index")


def watch_server(stages):
    for line in lines_of("server.sock", "/v1/events?follow=1&limit=0"):
        if b'"placement"' in line and b'"n1"' in line:
            stages.note("verdict")


def watch_kernel(stages):
    # It ends with us.
    command = ["setpriv", "--pdeathsig", "KILL", "ip", "netns", "exec", "gw", "stdbuf", "-oL", "nft", "monitor"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as nft:
        for line in nft.stdout:
            if b"element" in line and b"fd09:1::11" in line:
                stages.note("enforced")


class Stream:
    """Numbered packets from n1 to the server's host, in a thread of its own."""

    def __init__(self):
        libc = ctypes.CDLL(None, use_errno=True)
        self.receiver = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.receiver.bind(TARGET)
        with open("/proc/self/ns/net", "rb") as own, open("/run/netns/n1", "rb") as node:
            if libc.setns(node.fileno(), CLONE_NEWNET) < 0:
                raise OSError(ctypes.get_errno(), "setns")
            self.sender = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            libc.setns(own.fileno(), CLONE_NEWNET)
        self.sent = []  # when
        self.newest = -1  # that arrived
        self.arrived = 0
        threading.Thread(target=self.send, daemon=True).start()
        threading.Thread(target=self.receive, daemon=True).start()

    def send(self):
        # A busy machine delays what is measured, not the measuring.
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
        while True:
            self.sent.append(time.monotonic())
            try:
                self.sender.sendto(str(len(self.sent) - 1).encode(), TARGET)
            except OSError:
                pass  # the gateway may say that it is prohibited
            time.sleep(EVERY_S)

    def receive(self):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
        while True:
            number = int(self.receiver.recv(64))
            self.newest = max(self.newest, number)
            self.arrived += 1

    def until_dropped(self, until):
        """When the first was sent after which none arrives."""
        while time.monotonic() < until:
            n, newest = len(self.sent), self.newest
            if n > newest + 2 and self.sent[n - 1] - self.sent[newest + 1] > GONE_S:
                return self.sent[newest + 1]
            time.sleep(EVERY_S)
        return None

    def until_arriving(self, until):
        before = self.newest
        while time.monotonic() < until:
            if self.newest != before:
                return self.sent[before_first(self, before)]
            time.sleep(EVERY_S / 2)
        return None


def before_first(stream, before):
    """The number of the first that arrived after a gap: what was seen within one nap is near enough to it."""
    return max(before + 1, stream.newest - 1)


class Publisher:
    def __init__(self, way, binaries):
        self.way, self.binaries = way, binaries
        self.orders = open("orders", "w", encoding="ascii") if way == "signed" else None

    def call(self, put):
        if self.orders:
            self.orders.write("put BENCH-1 Debian:12 999:1\n" if put else "remove BENCH-1\n")
            self.orders.flush()
            return
        what = ["BENCH-1.json"] if put else ["--remove", "BENCH-1"]
        subprocess.run([f"{self.binaries}/pratique", "vuln", "publish", "--dir", "published", *what], check=True,
                       stdout=subprocess.DEVNULL)


def percentile(times, part):
    return times[min(len(times) - 1, int(len(times) * part))]


def show(title, taken):
    print(f"  {title:<22}     p50      p90      p99      max   ms since the call")
    for stage in STAGES:
        times = sorted(t[stage] for t in taken if stage in t)
        if not times:
            print(f"    {WORDS[stage]:<20} not seen")
            continue
        print(f"    {WORDS[stage]:<20}" + "".join(f"{percentile(times, p) * 1000:9.1f}" for p in (0.5, 0.9, 0.99, 1)))


def one(stages, stream, publisher, put):
    stages.begin()
    began = time.monotonic()
    until = began + LIMIT_S
    publisher.call(put)
    at = stream.until_dropped(until) if put else stream.until_arriving(until)
    if at is None:
        sys.exit(f"bench: within {LIMIT_S} s nothing came of it; seen: {sorted(stages.seen)}")
    seen = stages.wait(["root", "mid", "leaf", "index", "verdict", "enforced"], time.monotonic() + 2)
    seen["packet"] = at
    return {stage: when - began for stage, when in seen.items()}


def main():
    n, way, binaries = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    stages = Stages()
    repository = "central" if way == "signed" else "own"
    for name in ("root", "mid", "leaf"):
        threading.Thread(target=watch_vis, args=(stages, name, repository), daemon=True).start()
    for watch in (watch_index, watch_server, watch_kernel):
        threading.Thread(target=watch, args=(stages,), daemon=True).start()
    stream = Stream()
    publisher = Publisher(way, binaries)
    if stream.until_arriving(time.monotonic() + LIMIT_S) is None:
        sys.exit("bench: n1's packets do not arrive")
    time.sleep(1)
    out, back = [], []
    for i in range(n + 1):
        moved = one(stages, stream, publisher, True)
        time.sleep(0.2)
        returned = one(stages, stream, publisher, False)
        time.sleep(0.2)
        if i:  # the first one warms up
            out.append(moved)
            back.append(returned)
    show("published: dropped", out)
    print("    (goal: 2000 ms for 99 of 100)")
    show("withdrawn: passes again", back)


main()
