#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Probes of a network, from inside a lab host. Only packets count: nothing here reads a table of ours.

probe.py reach < PROBES       one probe a line: EXPECT KIND TARGET [PORT], EXPECT being yes or no
    tcp ADDRESS PORT          a connection is made
    echo ADDRESS PORT         and what is sent comes back
    ping ADDRESS              an ICMP echo is answered
    dns SERVER NAME           a name is resolved to an AAAA or A record
    ntp SERVER                an NTP server says the time and that it knows it
    dhcp INTERFACE            a DHCP server offers an address (RFC 2131)
    ra INTERFACE              a router answers a solicitation with a default route (RFC 4861)
    nd INTERFACE%ADDRESS      a neighbour answers a solicitation for its address
  Prints for each line: yes or no, milliseconds, the line. All run at once. A probe that is expected to
  fail is given a shorter wait than one that is expected to succeed.

probe.py until ADDRESS PORT SECONDS
  Tries a TCP connection again and again; prints the time (seconds since 1970) of the first that is made. Exit
  status 1 once SECONDS are over.

probe.py stream ADDRESS PORT SECONDS
  Keeps one TCP connection busy: prints "open" once it is made, and the time of the last answer once nothing has
  come back for two seconds, it was closed, SIGTERM came, or SECONDS are over.
"""

import concurrent.futures
import contextlib
import os
import random
import select
import signal
import socket
import struct
import sys
import time

WAIT_YES = 6.0
WAIT_NO = 0.7
UNTIL_WAIT = 0.15
UNTIL_INTERVAL = 0.05
STREAM_INTERVAL = 0.01
STREAM_SILENCE = 2.0


class Unanswered(Exception):
    pass


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def resolved(address, port, kind=socket.SOCK_STREAM):
    return socket.getaddrinfo(address, port, type=kind, flags=socket.AI_NUMERICHOST)[0][4]


def tcp(address, port, deadline, echo=False):
    with socket.socket(family(address), socket.SOCK_STREAM) as s:
        s.settimeout(max(0.05, deadline - time.monotonic()))
        s.connect(resolved(address, int(port)))
        if echo:
            s.sendall(b"pratique")
            if s.recv(64) != b"pratique":
                raise Unanswered


def ask(s, packet, to, deadline, wanted, interval=0.4):
    """Sends a packet every interval until an answer is as wanted."""
    again = 0.0
    while True:
        now = time.monotonic()
        if now >= deadline:
            raise Unanswered
        if now >= again:
            again = now + interval
            with contextlib.suppress(OSError):  # no address or no route yet: as lost as any
                s.sendto(packet, to)
        ready, _, _ = select.select([s], [], [], max(0.0, min(again, deadline) - now))
        if ready and wanted(*s.recvfrom(4096)[:2]):
            return


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def ping(address, deadline):
    ident, v6 = random.randrange(1 << 16), family(address) == socket.AF_INET6
    body = os.urandom(16)
    head = struct.pack("!BBHHH", 128 if v6 else 8, 0, 0, ident, 1)
    if not v6:
        head = struct.pack("!BBHHH", 8, 0, checksum(head + body), ident, 1)

    def wanted(data, _):
        if not v6:
            data = data[(data[0] & 15) * 4:]
        return len(data) >= 24 and data[0] == (129 if v6 else 0) and data[4:6] == head[4:6] and data[8:24] == body

    with socket.socket(family(address), socket.SOCK_RAW, socket.IPPROTO_ICMPV6 if v6 else socket.IPPROTO_ICMP) as s:
        ask(s, head + body, resolved(address, 0, socket.SOCK_DGRAM), deadline, wanted)


def dns(server, name, deadline):
    ident = os.urandom(2)
    question = b"".join(bytes([len(p)]) + p.encode() for p in name.split(".")) + b"\0"
    packet = ident + struct.pack("!HHHHH", 0x0100, 1, 0, 0, 0) + question + struct.pack("!HH", 28, 1)

    def wanted(data, _):
        return data[:2] == ident and len(data) > 12 and data[3] & 15 == 0 and struct.unpack("!H", data[6:8])[0] > 0

    with socket.socket(family(server), socket.SOCK_DGRAM) as s:
        ask(s, packet, resolved(server, 53, socket.SOCK_DGRAM), deadline, wanted)


def ntp(server, deadline):
    packet = b"\x23" + b"\0" * 39 + os.urandom(8)

    def wanted(data, _):
        return len(data) >= 48 and data[0] & 7 == 4 and data[0] >> 6 != 3 and 0 < data[1] < 16 and data[24:32] == packet[40:]

    with socket.socket(family(server), socket.SOCK_DGRAM) as s:
        ask(s, packet, resolved(server, 123, socket.SOCK_DGRAM), deadline, wanted)


def hardware_address(interface):
    with open(f"/sys/class/net/{interface}/address", encoding="ascii") as f:
        return bytes.fromhex(f.read().strip().replace(":", ""))


def dhcp(interface, deadline):
    xid = os.urandom(4)
    packet = struct.pack("!BBBB4sHH16x16s192x", 1, 1, 6, 0, xid, 0, 0x8000, hardware_address(interface))
    packet += bytes.fromhex("63825363") + bytes([53, 1, 1, 255])

    def wanted(data, _):
        return len(data) > 243 and data[0] == 2 and data[4:8] == xid and bytes([53, 1, 2]) in data[240:]

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        s.bind(("0.0.0.0", 68))
        ask(s, packet, ("255.255.255.255", 67), deadline, wanted, interval=1.0)


def icmpv6(interface, packet, to, deadline, wanted):
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as s:
        index = socket.if_nametoindex(interface)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, 255)
        ask(s, packet, (to, 0, 0, index), deadline, wanted, interval=1.0)


def ra(interface, deadline):
    packet = struct.pack("!BBHI", 133, 0, 0, 0) + bytes([1, 1]) + hardware_address(interface)
    icmpv6(interface, packet, "ff02::2", deadline,
           lambda data, source: len(data) >= 16 and data[0] == 134 and source[0].startswith("fe80:")
           and struct.unpack("!H", data[6:8])[0] > 0)


def nd(where, deadline):
    interface, address = where.split("%")
    target = socket.inet_pton(socket.AF_INET6, address)
    group = socket.inet_ntop(socket.AF_INET6, bytes.fromhex("ff0200000000000000000001ff") + target[13:])
    packet = struct.pack("!BBHI", 135, 0, 0, 0) + target + bytes([1, 1]) + hardware_address(interface)
    icmpv6(interface, packet, group, deadline, lambda data, _: len(data) >= 24 and data[0] == 136 and data[8:24] == target)


KINDS = {"tcp": tcp, "echo": lambda a, p, d: tcp(a, p, d, True), "ping": ping, "dns": dns, "ntp": ntp, "dhcp": dhcp,
         "ra": ra, "nd": nd}


def probe(line):
    expect, kind, *words = line.split()
    start = time.monotonic()
    try:
        KINDS[kind](*words, start + (WAIT_YES if expect == "yes" else WAIT_NO))
        answer = "yes"
    except (OSError, Unanswered):
        answer = "no"
    return f"{answer} {1000 * (time.monotonic() - start):.1f} {line}"


def reach():
    lines = [line.strip() for line in sys.stdin if line.strip()]
    with concurrent.futures.ThreadPoolExecutor(max(1, len(lines))) as pool:
        for result in pool.map(probe, lines):
            print(result)


def until(address, port, seconds):
    end = time.monotonic() + float(seconds)
    while (now := time.monotonic()) < end:
        try:
            tcp(address, port, now + UNTIL_WAIT)
            print(f"{time.time():.3f}")
            return
        except OSError:
            time.sleep(max(0.0, now + UNTIL_INTERVAL - time.monotonic()))
    sys.exit(1)


def stream(address, port, seconds):
    def stop(*_):
        raise InterruptedError

    signal.signal(signal.SIGTERM, stop)
    end = time.monotonic() + float(seconds)
    with socket.socket(family(address), socket.SOCK_STREAM) as s:
        s.settimeout(WAIT_YES)
        s.connect(resolved(address, int(port)))
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        s.settimeout(STREAM_SILENCE)
        print("open", flush=True)
        last = time.time()
        try:
            while time.monotonic() < end:
                s.sendall(b"x")
                if not s.recv(65536):
                    break
                last = time.time()
                time.sleep(STREAM_INTERVAL)
        except OSError:
            pass
    print(f"{last:.3f}", flush=True)


def main():
    commands = {"reach": reach, "until": until, "stream": stream}
    if len(sys.argv) < 2 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    commands[sys.argv[1]](*sys.argv[2:])


if __name__ == "__main__":
    main()
