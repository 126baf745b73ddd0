#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Traffic for the enforcer's scenario tests.

serve PORT...                          TCP and UDP echo on these ports, both families, until killed
connect ADDRESS PORT [SOURCE]          exit 0 where TCP connects within 1.5 s
patient ADDRESS PORT [SOURCE]          exit 0 where the first try of TCP connects within 4 s; a refusal ends it
until-answer ADDRESS PORT              TCP connections every 2 ms until one is up, 5 s at most; prints after how many ms
hold ADDRESS PORT                      keeps a connection busy; prints "up", and "cut" when no echo came for 0.4 s
until ADDRESS PORT [SOURCE]            sends UDP every 2 ms until an echo comes, 5 s at most; prints after how many ms
scan PREFIX COUNT PORT                 one UDP packet to each of PREFIX::1 to PREFIX::COUNT (hexadecimal)
stream ADDRESS PORT RATE SECONDS       numbered UDP, echoed; prints "sent N lost M"; SIGTERM ends it before its time
arp INTERFACE MAC IP                   an ARP announcement
na INTERFACE MAC IP [SOURCE-IP]        an unsolicited neighbour advertisement
ra INTERFACE MAC                       a router advertisement
na-from INTERFACE MAC OPTION-MAC IP    the same, with another MAC in its option than in its frame
udp INTERFACE MAC SRC-IP DST-IP DST-MAC PORT   one UDP packet with these addresses
udp-from INTERFACE MAC SRC-IP DST-IP DST-MAC SRC-PORT PORT
vlan INTERFACE MAC                     a frame with a VLAN tag
connections PORT                       how many connections to this port the kernel of this namespace keeps
storm INTERFACE MAC IPV6 IPV4 SECONDS   neighbour advertisements and ARP announcements, a thousand a second or so
flood ADDRESS PORT SECONDS [SOURCE]    UDP of 1,200 bytes, 4,000 a second; a second SOURCE with a comma takes turns
sink PORT                              UDP; prints how many bytes have come, when there was none for a second
log GROUP                              prints what an NFLOG group gets: prefix, source, destination
catch PORT                             prints what comes there by UDP, until killed
"""

import ipaddress
import select
import signal
import socket
import struct
import sys
import time

SO_RCVBUFFORCE = 33  # a busy machine lets us wait: what is lost is to be lost on the way


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def mac_bytes(text):
    return bytes(int(part, 16) for part in text.split(":"))


def send_frame(interface, frame):
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind((interface, 0))
        s.send(frame)


def ipv6(source, target, protocol, payload, hops=255, sum_at=2):
    src, dst = ipaddress.ip_address(source).packed, ipaddress.ip_address(target).packed
    pseudo = src + dst + struct.pack("!IHBB", len(payload), 0, 0, protocol)
    total = checksum(pseudo + payload)
    payload = payload[:sum_at] + struct.pack("!H", total) + payload[sum_at + 2:]
    return struct.pack("!IHBB", 6 << 28, len(payload), protocol, hops) + src + dst + payload


def ipv4(source, target, protocol, payload):
    src, dst = ipaddress.ip_address(source).packed, ipaddress.ip_address(target).packed
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0) + src + dst
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def serve(ports):
    listeners, datagrams, peers = [], [], []
    for port in ports:
        s = socket.create_server(("", int(port)), family=socket.AF_INET6, dualstack_ipv6=True)
        u = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        u.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        u.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 22)
        u.bind(("", int(port)))
        listeners.append(s)
        datagrams.append(u)
    print("ready", flush=True)
    while True:
        for s in select.select(listeners + datagrams + peers, [], [])[0]:
            if s in listeners:
                peers.append(s.accept()[0])
            elif s in datagrams:
                data, peer = s.recvfrom(2048)
                try:
                    s.sendto(data, peer)
                except OSError:
                    pass
            else:
                try:
                    data = s.recv(2048)
                    s.sendall(data)
                except OSError:
                    data = b""
                if not data:
                    peers.remove(s)
                    s.close()


def connect(address, port, source=None, patience=1.5):
    try:
        socket.create_connection((address, int(port)), patience, (source, 0) if source else None).close()
    except OSError:
        return 1
    return 0


def patient(address, port, source=None):
    return connect(address, port, source, 4)


def until_answer(address, port):
    start, tries = time.monotonic(), []
    while time.monotonic() < start + 5:
        s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        s.setblocking(False)
        s.connect_ex((address, int(port)))
        tries.append(s)
        for up in select.select([], tries, [], 0.002)[1]:
            if up.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                print(f"{(time.monotonic() - start) * 1000:.1f}", flush=True)
                return 0
            tries.remove(up)
    return 1


def hold(address, port):
    s = socket.create_connection((address, int(port)), 2)
    s.settimeout(0.4)
    print("up", flush=True)
    while True:
        try:
            s.sendall(b"x")
            if not s.recv(1):
                raise OSError("closed")
        except OSError:
            print("cut", flush=True)
            return 0
        time.sleep(0.02)


def until(address, port, source=None):
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    if source:
        s.bind((source, 0))
    s.setblocking(False)
    start = time.monotonic()
    while time.monotonic() < start + 5:
        try:
            s.sendto(b"x", (address, int(port)))
        except OSError:
            pass
        select.select([s], [], [], 0.002)
        try:
            s.recv(16)
        except OSError:
            continue
        print(f"{(time.monotonic() - start) * 1000:.1f}", flush=True)
        return 0
    return 1


def scan(prefix, count, port):
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
        for i in range(1, int(count) + 1):
            try:
                s.sendto(b"x", (f"{prefix}::{i:x}", int(port)))
            except OSError:
                pass
            time.sleep(0.0005)


def stream(address, port, rate, seconds):
    target = (address, int(port))
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 22)
    s.setblocking(False)
    total, seen, start = int(rate) * int(seconds), set(), time.monotonic()
    number = failed = 0
    end = None
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    while end is None or time.monotonic() < end:
        due = int((time.monotonic() - start) * int(rate))
        while number < min(due, total):
            try:
                s.sendto(struct.pack("!I", number), target)
            except OSError:
                failed += 1
            number += 1
        if ended:
            total = number
        if number == total and end is None:
            end = time.monotonic() + 1
        select.select([s], [], [], 0.001)
        try:
            while True:
                seen.add(struct.unpack("!I", s.recv(16))[0])
        except OSError:
            pass
    missing = sorted(set(range(total)) - seen)
    if missing and seen:
        print(f"missing from {missing[0]} to {missing[-1]}, begun {time.time() - time.monotonic() + start:.3f}")
    print(f"sent {total} lost {total - len(seen)}", flush=True)
    return 0


def arp(interface, mac, address):
    mac, ip = mac_bytes(mac), ipaddress.ip_address(address).packed
    send_frame(interface, b"\xff" * 6 + mac + b"\x08\x06" +
               struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + mac + ip + bytes(6) + ip)
    send_frame(interface, b"\xff" * 6 + mac + b"\x08\x06" +
               struct.pack("!HHBBH", 1, 0x0800, 6, 4, 2) + mac + ip + mac + ip)


def na(interface, mac, address, source=None):
    advertise(interface, mac, mac, address, source or address)


def na_from(interface, mac, option_mac, address):
    advertise(interface, mac, option_mac, address, address)


def advertise(interface, mac, option_mac, address, source):
    body = struct.pack("!BBHI", 136, 0, 0, 0x20000000) + ipaddress.ip_address(address).packed
    body += b"\x02\x01" + mac_bytes(option_mac)
    send_frame(interface, b"\x33\x33\0\0\0\x01" + mac_bytes(mac) + b"\x86\xdd" + ipv6(source, "ff02::1", 58, body))


def ra(interface, mac):
    body = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0) + b"\x01\x01" + mac_bytes(mac)
    send_frame(interface, b"\x33\x33\0\0\0\x01" + mac_bytes(mac) + b"\x86\xdd" +
               ipv6("fe80::bad", "ff02::1", 58, body))


def udp(interface, mac, source, target, target_mac, port):
    udp_from(interface, mac, source, target, target_mac, 4444, port)


def udp_from(interface, mac, source, target, target_mac, source_port, port):
    payload = struct.pack("!HHHH", int(source_port), int(port), 12, 0) + b"evil"
    if ":" in source:
        packet, kind = ipv6(source, target, 17, payload, 64, 6), b"\x86\xdd"
    else:
        packet, kind = ipv4(source, target, 17, payload), b"\x08\x00"
    send_frame(interface, mac_bytes(target_mac) + mac_bytes(mac) + kind + packet)


def vlan(interface, mac):
    send_frame(interface, b"\xff" * 6 + mac_bytes(mac) + b"\x81\0\0\x05\x08\0" + bytes(46))


def connections(port):
    """A dump over ctnetlink (IPCTNL_MSG_CT_GET); the port is looked for in each original tuple."""
    wanted = struct.pack("=HH", 6, 3) + struct.pack("!H", int(port))  # CTA_PROTO_DST_PORT
    count, done = 0, False
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12) as s:  # NETLINK_NETFILTER
        s.bind((0, 0))
        s.send(struct.pack("=IHHIIBBH", 20, 1 << 8 | 1, 0x301, 1, 0, 0, 0, 0))
        while not done:
            data = s.recv(65536)
            while data:
                length, kind = struct.unpack("=IH", data[:6])
                tuple_end = 20 + struct.unpack("=H", data[20:22])[0] if length > 24 else 0
                done = done or kind == 3
                count += wanted in data[20:tuple_end]
                data = data[(length + 3) & ~3:]
    print(count)
    return 0


def storm(interface, mac, address6, address4, seconds):
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        na(interface, mac, address6)
        arp(interface, mac, address4)
        time.sleep(0.0005)


def flood(address, port, seconds, sources=None):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sockets = []
    for source in sources.split(",") if sources else [None]:
        s = socket.socket(family, socket.SOCK_DGRAM)
        if source:
            s.bind((source, 0))
        sockets.append(s)
    start, number = time.monotonic(), 0
    while time.monotonic() < start + float(seconds):
        while number < (time.monotonic() - start) * 4000:
            try:
                sockets[number % len(sockets)].sendto(bytes(1200), (address, int(port)))
            except OSError:
                pass
            number += 1
        time.sleep(0.002)


def sink(port):
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    s.bind(("", int(port)))
    print("ready", flush=True)
    total = len(s.recv(65536))
    s.settimeout(1)
    try:
        while True:
            total += len(s.recv(65536))
    except TimeoutError:
        print(f"bytes {total}", flush=True)


def log(group):
    """NFULNL_MSG_CONFIG: bind, whole headers, each message at once; then NFULA_PREFIX and NFULA_PAYLOAD."""
    def attribute(kind, data):
        return struct.pack("=HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)
    body = attribute(1, b"\1") + attribute(2, struct.pack("!IBB", 96, 2, 0)) + attribute(5, struct.pack("!I", 1))
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12) as s:  # NETLINK_NETFILTER
        s.bind((0, 0))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        s.send(struct.pack("=IHHIIBBH", 20 + len(body), 4 << 8 | 1, 5, 1, 0, 0, 0, socket.htons(int(group))) + body)
        print("ready", flush=True)
        while True:
            try:
                data = s.recv(65536)
            except OSError:
                continue
            if struct.unpack("=H", data[4:6])[0] == 4 << 8:
                print_logged(data[20:])


def print_logged(data):
    found = {}
    while len(data) >= 4:
        length, kind = struct.unpack("=HH", data[:4])
        found[kind & 0x3FFF] = data[4:length]
        data = data[max(length + 3 & ~3, 4):]
    packet = found.get(9, b"")
    ends = (packet[8:24], packet[24:40]) if packet[0] >> 4 == 6 else (packet[12:16], packet[16:20])
    print(found[10].rstrip(b"\0").decode(), *(ipaddress.ip_address(end) for end in ends), flush=True)


def catch(port):
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    s.bind(("", int(port)))
    print("ready", flush=True)
    while True:
        data, peer = s.recvfrom(2048)
        print(data.decode("ascii", "replace"), peer[0], flush=True)


def main():
    verbs = {"connect": connect, "hold": hold, "stream": stream, "until": until, "until-answer": until_answer, "patient": patient, "scan": scan, "arp": arp, "na": na, "na-from": na_from, "ra": ra,
             "udp": udp, "udp-from": udp_from, "vlan": vlan,
             "storm": storm, "flood": flood, "sink": sink, "log": log, "catch": catch, "connections": connections}
    if len(sys.argv) > 2 and sys.argv[1] == "serve":
        return serve(sys.argv[2:])
    if len(sys.argv) < 3 or sys.argv[1] not in verbs:
        sys.exit(__doc__)
    return verbs[sys.argv[1]](*sys.argv[2:]) or 0


if __name__ == "__main__":
    sys.exit(main())
