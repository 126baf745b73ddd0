#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""A NAT in userspace that may be bad to what it carries, since this kernel has no netem.

usage: udp-relay.py FRONT BACK REMOTE PORT...

What one peer sends to FRONT at each PORT goes on from BACK to REMOTE, and back. SIGUSR1: other ports towards REMOTE, as of
a NAT that forgot. SIGUSR2: from now on one packet in twenty is lost and one in ten comes later than those behind it.
"""
import random
import select
import signal
import socket
import sys

front_address, back_address, remote = sys.argv[1:4]
ports = [int(port) for port in sys.argv[4:]]
LOSS, LATE = 0.05, 0.1
fronts, backs, peers, lossy, held = {}, {}, {}, False, []


def open_socket(address, port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    s.bind((address, port))
    return s


def rebind(*_):
    for port in ports:
        backs[port] = open_socket(back_address, 0)


def spoil(*_):
    global lossy
    lossy = True


def pass_on(s, data, to):
    if lossy and random.random() < LOSS:
        return
    if lossy and random.random() < LATE:
        held.append((s, data, to))
        return
    s.sendto(data, to)
    while held and random.random() < 0.5:
        late, data, to = held.pop()
        late.sendto(data, to)


signal.signal(signal.SIGUSR1, rebind)
signal.signal(signal.SIGUSR2, spoil)
random.seed(7)
for port in ports:
    fronts[port] = open_socket(front_address, port)
rebind()
print("ready", flush=True)
while True:
    ready, _, _ = select.select([*fronts.values(), *backs.values()], [], [], 0.05)
    for port in ports:
        if fronts[port] in ready:
            data, peers[port] = fronts[port].recvfrom(65535)
            pass_on(backs[port], data, (remote, port))
        if backs[port] in ready and port in peers:
            pass_on(fronts[port], backs[port].recvfrom(65535)[0], peers[port])
