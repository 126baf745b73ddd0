#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""A softwire concentrator for the enforcer's scenario tests: enforcer-concentrator.py SOCKET. Lines of standard input go
out as SESSIONS, one message a line: "full" or "add", then PORT,MAC,MACHINE,USER,PREFIX[+PREFIX...] or PORT,gone each.
What the enforcer answers is printed: "placed PORT SEGMENT"."""

import ipaddress
import os
import selectors
import socket
import struct
import sys

SESSIONS, SESSIONS_PLACED = 112, 113


def text(s):
    return struct.pack(">I", len(s)) + s.encode()


def prefix(word):
    n = ipaddress.ip_network(word)
    packed = n.network_address.packed
    if n.version == 4:
        return b"\0" * 10 + b"\xff\xff" + packed + bytes([n.prefixlen + 96])
    return packed + bytes([n.prefixlen])


def session(word):
    parts = word.split(",")
    present = parts[1] != "gone"
    mac = bytes.fromhex(parts[1].replace(":", "")) if present else b"\0" * 6
    prefixes = parts[4].split("+") if present else []
    return (text(parts[0]) + mac + text(parts[2] if present else "") + text(parts[3] if present else "")
            + struct.pack(">I", len(prefixes)) + b"".join(prefix(p) for p in prefixes) + bytes([present]) + text(""))


def frame(line):
    words = line.split()
    body = bytes([words[0] == "full", False]) + struct.pack(">I", len(words) - 1) + b"".join(map(session, words[1:]))
    return struct.pack(">IH", len(body) + 2, SESSIONS) + body


def show(body):
    count, at = struct.unpack_from(">I", body)[0], 4
    for _ in range(count):
        words = []
        for _ in range(2):
            n = struct.unpack_from(">I", body, at)[0]
            words.append(body[at + 4:at + 4 + n].decode())
            at += 4 + n
        print("placed", *words, flush=True)


def main():
    path = sys.argv[1]
    if os.path.exists(path):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    os.chmod(path, 0o666)
    listener.listen(1)
    peer, data, said = None, b"", []
    wait = selectors.DefaultSelector()
    wait.register(listener, selectors.EVENT_READ)
    wait.register(sys.stdin, selectors.EVENT_READ)
    while True:
        for key, _ in wait.select():
            if key.fileobj is listener:
                peer, data = listener.accept()[0], b""
                wait.register(peer, selectors.EVENT_READ)
                print("connected", flush=True)
                for line in said:
                    peer.sendall(frame(line))
            elif key.fileobj is sys.stdin:
                line = sys.stdin.readline()
                if not line:
                    return
                said = [line] if line.startswith("full") else said + [line]
                if peer:
                    peer.sendall(frame(line))
            else:
                more = peer.recv(65536)
                if not more:
                    wait.unregister(peer)
                    peer = None
                    continue
                data += more
                while len(data) >= 6 and len(data) >= 4 + struct.unpack_from(">I", data)[0]:
                    n, number = struct.unpack_from(">IH", data)
                    if number == SESSIONS_PLACED:
                        show(data[6:4 + n])
                    data = data[4 + n:]


main()
