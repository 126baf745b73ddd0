#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Frames of a hostile node, for enforcer-hostile.sh; each carries the word "evil" where it has a payload.

overhear MAC                            prints each frame on eth0 that comes from this MAC or says "evil", until killed
ask MAC OPTION-MAC SOURCE TARGET [DST-MAC]       an ARP request, or a neighbour solicitation
hidden MAC OPTION-MAC SOURCE TARGET GW-MAC       solicitations with two options, or behind extension headers, or in fragments
group MAC OWN-MAC ADDRESS4 GW4 PORT     to each of the addresses that a bridge keeps for itself: frames of MAC, UDP to the gateway
frames MAC VICTIM-MAC                   types and tags that are not IP, sources that are not hosts, frames cut short
headers MAC GW-MAC SOURCE TARGET PORT   UDP behind extension headers, in fragments, and over the hosts' multicast groups
headers4 MAC GW-MAC SOURCE TARGET PORT  UDP with source routes, in fragments, and from sources that are nobody's
errors MAC GW-MAC SOURCE VICTIM PEER PORT PEER-PORT   ICMP errors and resets about a connection of the victim's
queries MAC                             the general queries of a multicast router, MLD and IGMP
flood KIND MAC GW-MAC COUNT             solicit, arp, udp, mac or open (of SOURCE PEER)
"""

import importlib.machinery
import importlib.util
import os
import random
import socket
import struct
import sys

path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "enforcer-probe.py")
loader = importlib.machinery.SourceFileLoader("probe", path)
probe = importlib.util.module_from_spec(importlib.util.spec_from_loader("probe", loader))
sys.dont_write_bytecode = True
loader.exec_module(probe)

BROADCAST = "ff:ff:ff:ff:ff:ff"
mac_bytes = probe.mac_bytes


def packed(address):
    return probe.ipaddress.ip_address(address).packed


def send(target, source, kind, data):
    probe.send_frame("eth0", mac_bytes(target) + mac_bytes(source) + struct.pack("!H", kind) + data)


def header(source, target, protocol, payload, hops=255, length=None):
    length = len(payload) if length is None else length
    return struct.pack("!IHBB", 6 << 28, length, protocol, hops) + packed(source) + packed(target) + payload


def summed(source, target, protocol, payload, at):
    pseudo = packed(source) + packed(target) + struct.pack("!IHBB", len(payload), 0, 0, protocol)
    return payload[:at] + struct.pack("!H", probe.checksum(pseudo + payload)) + payload[at + 2:]


def datagram(source, target, port, source_port=4444):
    payload = struct.pack("!HHHH", source_port, int(port), 12, 0) + b"evil"
    return summed(source, target, 17, payload, 6) if ":" in source else payload


def overhear(mac):
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as s:
        s.bind(("eth0", 3))
        print("ready", flush=True)
        while True:
            frame, where = s.recvfrom(65536)
            if where[2] != socket.PACKET_OUTGOING and (frame[6:12] == mac_bytes(mac) or b"evil" in frame):
                print("heard", frame.hex(), flush=True)


def arp_request(mac, inner, source, target):
    return struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + mac_bytes(inner) + packed(source) + bytes(6) + packed(target)


def solicitation(source, target, options):
    body = struct.pack("!BBHI", 135, 0, 0, 0) + packed(target) + options
    return summed(source, target, 58, body, 2)


def ask(mac, option_mac, source, target, to=None):
    if ":" in source:
        body = solicitation(source, target, b"\x01\x01" + mac_bytes(option_mac))
        send(to or "33:33:00:00:00:01", mac, 0x86DD, header(source, target, 58, body))
    else:
        send(to or BROADCAST, mac, 0x0806, arp_request(mac, option_mac, source, target))


def hidden(mac, option_mac, source, target, gateway):
    link, nonce, pad = b"\x01\x01" + mac_bytes(option_mac), b"\x0e\x01" + bytes(6), b"\x01\x04" + bytes(4)
    one, two = solicitation(source, target, link), solicitation(source, target, nonce + link)
    fragment = struct.Struct("!BBHI")
    for protocol, payload, length in (
            (58, two, None),
            (0, b"\x3a\0" + pad + two, 0),  # no length: that of the frame counts
            (0, b"\x3a\0" + pad + one, None),
            (60, b"\x3a\0" + pad + two, None),
            (0, b"\x3c\0" + pad + b"\x3a\0" + pad + one, None),
            (44, fragment.pack(58, 0, 0, 1) + one, None),
            (44, fragment.pack(58, 0, 1, 2) + one[:24], None),
            (44, fragment.pack(58, 0, 24, 2) + one[24:], None),
            (44, fragment.pack(58, 0, 1, 3) + one[:8], None),
            (44, fragment.pack(58, 0, 8, 3) + one[8:], None)):
        send(gateway, mac, 0x86DD, header(source, target, protocol, payload, length=length))


def group(mac, own, address, gateway, port):
    for last in range(16):
        to = f"01:80:c2:00:00:{last:02x}"
        send(to, mac, 46, b"\x42\x42\x03" + bytes(43))
        send(to, mac, 0x0806, arp_request(mac, mac, address, gateway))
        send(to, mac, 0x8809, bytes(46))
        for source in (mac, own):
            send(to, source, 0x0800, probe.ipv4(address, gateway, 17, datagram(address, gateway, port)))


def frames(mac, victim):
    ip = probe.ipv4("10.1.1.11", "255.255.255.255", 17, datagram("10.1.1.11", "255.255.255.255", 4999))
    for to in (BROADCAST, victim, "33:33:00:00:00:01", "01:00:5e:00:00:fb"):
        for kind in (0x8100, 0x88A8):
            for inner in (b"\0\0\x08\0", b"\0\x05\x08\0", b"\0\x05\x81\0\0\x06\x08\0", b"\0\0\x81\0\0\0\x08\0"):
                send(to, mac, kind, inner + ip)
        for kind in (0x0800, 0x86DD, 0x0806, 0x8863, 0x8847, 0x88E5, 0x9000, 0x88CC, 0xFFFF):
            send(to, mac, kind, b"evil" + bytes(42))
        send(to, mac, 7, b"\xaa\xaa\x03\0\0\0\x08\0evil" + bytes(34))
        for source in ("00:00:00:00:00:00", "01:02:03:04:05:06", BROADCAST):
            send(to, source, 0x0800, ip)
        for length in (0, 1, 7, 19, 20, 39):
            send(to, mac, 0x0800, ip[:length])
            send(to, mac, 0x86DD, header("fe80::b", "ff02::1", 58, b"evil")[:length])
            send(to, mac, 0x0806, arp_request(mac, mac, "10.1.1.10", "10.1.1.1")[:length])


def headers(mac, gateway, source, target, port):
    data, pad = datagram(source, target, port), b"\x01\x04" + bytes(4)
    fragment = struct.Struct("!BBHI")
    routed = b"\x11\x02\0\x01\0\0\0\0" + packed(target)
    for protocol, payload in (
            (0, b"\x11\0" + pad + data), (60, b"\x11\0" + pad + data), (43, routed + data),
            (43, b"\x11\x02\x04\x01\0\0\0\0" + packed(target) + data), (44, fragment.pack(17, 0, 0, 9) + data),
            (44, fragment.pack(17, 0, 1, 10) + data[:8]), (44, fragment.pack(17, 0, 8, 10) + data[8:]),
            (44, fragment.pack(60, 0, 1, 11) + b"\x11\0" + pad), (44, fragment.pack(60, 0, 8, 11) + data),
            (51, b"\x11\x01" + bytes(10) + data), (59, data), (41, header(source, target, 17, data)),
            (4, probe.ipv4("10.1.1.11", "10.1.2.2", 17, datagram("10.1.1.11", "10.1.2.2", port)))):
        send(gateway, mac, 0x86DD, header(source, target, protocol, payload, 64))
    own = header(source, "2001:db8:1:1::1", 43, routed + datagram(source, target, port), 64)
    send(gateway, mac, 0x86DD, own)
    for other in ("::", "::1", "ff02::1", "::ffff:10.1.1.10", "2001:db8:1:1::1", "fe80::1", target):
        send(gateway, mac, 0x86DD, header(other, target, 17, datagram(other, target, port), 64))
    for to in ("ff02::1", "ff02::2", "ff02::fb", "ff02::1:3", "ff05::2", "fe80::a"):
        send("33:33:00:00:00:01", mac, 0x86DD, header(source, to, 17, datagram(source, to, 5353), 255))


def headers4(mac, gateway, source, target, port):
    data = datagram(source, target, port)
    for kind in (131, 137):
        options = bytes([kind, 7, 4]) + packed(target) + b"\0"
        head = struct.pack("!BBHHHBBH", 0x47, 0, 40, 7, 0, 64, 17, 0) + packed(source) + packed("10.1.1.1") + options
        send(gateway, mac, 0x0800, head[:10] + struct.pack("!H", probe.checksum(head)) + head[12:] + data)
    for offset, more, part in ((0, 0x2000, data[:8]), (1, 0, data[8:])):
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(part), 8, more | offset, 64, 17, 0)
        head += packed(source) + packed(target)
        send(gateway, mac, 0x0800, head[:10] + struct.pack("!H", probe.checksum(head)) + head[12:] + part)
    for other in ("0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "10.1.1.1", "10.1.1.255", target, "169.254.1.1"):
        send(gateway, mac, 0x0800, probe.ipv4(other, target, 17, data))
    for to in ("255.255.255.255", "10.1.1.255", "10.1.2.255", "224.0.0.251", "10.1.1.10", "127.0.0.1", "0.0.0.0"):
        for target_mac in (gateway, BROADCAST, "01:00:5e:00:00:fb"):
            send(target_mac, mac, 0x0800, probe.ipv4(source, to, 17, data))


def errors(mac, gateway, source, victim, peer, port, peer_port):
    segment = struct.pack("!HHIIBBHHH", int(port), int(peer_port), 0, 0, 0x50, 0x10, 1000, 0, 0) + b"evil"
    for inner in (header(victim, peer, 6, segment, 64), header(peer, victim, 6, segment[2:4] + segment[:2] + segment[4:], 64)):
        for kind, code in ((1, 0), (1, 4), (2, 0), (3, 0), (4, 0)):
            body = summed(source, victim, 58, struct.pack("!BBHI", kind, code, 0, 1280) + inner, 2)
            send(gateway, mac, 0x86DD, header(source, victim, 58, body, 64))
    for flags in (0x02, 0x04, 0x10, 0x12, 0x14):
        for ports in ((peer_port, port), (631, port), (4444, 22)):
            tcp = struct.pack("!HHIIBBHHH", int(ports[0]), int(ports[1]), 1, 1, 0x50, flags, 1000, 0, 0) + b"evil"
            send(gateway, mac, 0x86DD, header(source, victim, 6, summed(source, victim, 6, tcp, 16), 64))
    for source_port in (53, 123, 547, 631):
        data = datagram(source, victim, port, source_port)
        send(gateway, mac, 0x86DD, header(source, victim, 17, data, 64))


def queries(mac):
    body = summed("fe80::b", "ff02::1", 58, struct.pack("!BBHHH", 130, 0, 0, 1000, 0) + bytes(16) + b"\x02\x7d\0\0", 2)
    alert = b"\x3a\0\x05\x02\0\0\x01\0"
    send("33:33:00:00:00:01", mac, 0x86DD, header("fe80::b", "ff02::1", 0, alert + body, 1))
    igmp = struct.pack("!BBHIBBH", 0x11, 100, 0, 0, 2, 125, 0)
    igmp = igmp[:2] + struct.pack("!H", probe.checksum(igmp)) + igmp[4:]
    send("01:00:5e:00:00:01", mac, 0x0800, probe.ipv4("10.1.1.11", "224.0.0.1", 2, igmp))


def flood_frame(kind, mac, gateway, i, source, peer):
    stranger = f"2001:db8:1:1:{random.randrange(1, 65536):x}::{random.randrange(1, 65536):x}"
    if kind == "mac":
        other = "06:" + ":".join(f"{random.randrange(256):02x}" for _ in range(5))
        return BROADCAST, other, 0x0800, probe.ipv4(f"10.1.1.{20 + i % 200}", "255.255.255.255", 17, bytes(8))
    if kind == "arp":
        return BROADCAST, mac, 0x0806, arp_request(mac, mac, f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}", "10.1.1.1")
    if kind == "solicit":
        body = solicitation(stranger, "2001:db8:1:1::1", b"\x01\x01" + mac_bytes(mac))
        return gateway, mac, 0x86DD, header(stranger, "2001:db8:1:1::1", 58, body)
    if kind == "udp":
        return gateway, mac, 0x86DD, header(stranger, peer, 17, datagram(stranger, peer, 9), 64)
    tcp = struct.pack("!HHIIBBHHH", 1024 + i % 60000, 271, i, 0, 0x50, 0x02, 1000, 0, 0)
    return gateway, mac, 0x86DD, header(source, peer, 6, summed(source, peer, 6, tcp, 16), 64)


def flood(kind, mac, gateway, count, source, peer):
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind(("eth0", 0))
        for i in range(int(count)):
            to, own, protocol, data = flood_frame(kind, mac, gateway, i, source, peer)
            s.send(mac_bytes(to) + mac_bytes(own) + struct.pack("!H", protocol) + data)


def main():
    verbs = {f.__name__: f for f in (overhear, ask, hidden, group, frames, headers, headers4, errors, queries, flood)}
    if len(sys.argv) < 3 or sys.argv[1] not in verbs:
        sys.exit(__doc__)
    verbs[sys.argv[1]](*sys.argv[2:])


if __name__ == "__main__":
    main()
