# SPDX-License-Identifier: ISC
"""Floods an IKE responder.

ike-flood.py half-open TARGET N    N well-formed IKE_SA_INIT requests, each the beginning of another IKE_SA (RFC 7296, 1.2);
                                   prints what came back: "accepted N cookies N silent N"
ike-flood.py garbage TARGET N      N datagrams to ports 500 and 4500 that are not quite IKE
"""
import os
import random
import socket
import struct
import sys

SA, KE, NONCE, NOTIFY = 33, 34, 40, 41
COOKIE = 16390


def payload(following, body):
    return struct.pack(">BBH", following, 0, len(body) + 4) + body


def transform(last, kind, number, attribute=b""):
    return struct.pack(">BBHBBH", 0 if last else 3, 0, 8 + len(attribute), kind, 0, number) + attribute


def request():
    transforms = [
        transform(False, 1, 20, struct.pack(">HH", 0x800E, 128)),  # AES-GCM-16, 128 bit
        transform(False, 2, 5),  # PRF_HMAC_SHA2_256
        transform(True, 4, 31),  # Curve25519
    ]
    proposal = struct.pack(">BBHBBBB", 0, 0, 8 + sum(map(len, transforms)), 1, 1, 0, 3) + b"".join(transforms)
    body = payload(KE, proposal) + payload(NONCE, struct.pack(">HH", 31, 0) + os.urandom(32)) + payload(0, os.urandom(32))
    header = os.urandom(8) + bytes(8) + struct.pack(">BBBBII", SA, 0x20, 34, 0x08, 0, 28 + len(body))
    return header + body


def kind_of(answer):
    if len(answer) > 36 and answer[16] == NOTIFY and struct.unpack(">H", answer[34:36])[0] == COOKIE:
        return "cookies"
    return "accepted" if len(answer) > 28 and answer[16] == SA else "other"


def half_open(target, n):
    counts = {"accepted": 0, "cookies": 0, "other": 0}
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(0.3)
    for _ in range(n):
        s.sendto(request(), (target, 500))
        try:
            counts[kind_of(s.recv(65536))] += 1
        except socket.timeout:
            counts["other"] += 1
    print(f"accepted {counts['accepted']} cookies {counts['cookies']} silent {counts['other']}")


def garbage(target, n):
    random.seed(1)
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for i in range(n):
        good = bytearray(request())
        for _ in range(random.choice([0, 1, 3, 20])):
            good[random.randrange(len(good))] = random.randrange(256)
        cut = bytes(good[: random.choice([0, 1, 3, 4, 27, 28, 40, len(good)])])
        port = random.choice([500, 4500])
        s.sendto((bytes(4) if port == 4500 and i % 3 else b"") + cut, (target, port))


def main():
    what, target, n = sys.argv[1], sys.argv[2], int(sys.argv[3])
    {"half-open": half_open, "garbage": garbage}[what](target, n)


main()
