#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Somebody on the path between radclient and the concentrator, who keeps what he sees.

    radius-replay.py LISTEN-PORT TARGET-PORT     forwards one request and its answer; sends the request again twice, from
                                                 another port; then with one bit changed. Prints what came back.
"""
import socket
import sys


def ask(port, request, seconds):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(seconds)
        s.sendto(request, ("127.0.0.1", port))
        try:
            return s.recv(4096)
        except socket.timeout:
            return None


def main():
    listen, target = int(sys.argv[1]), int(sys.argv[2])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", listen))
        s.settimeout(20)
        print("listening", flush=True)
        request, client = s.recvfrom(4096)
        answer = ask(target, request, 5)
        s.sendto(answer, client)
    print("code", answer[0])
    for _ in range(2):
        again = ask(target, request, 5)
        print("replay", "same" if again == answer else "other" if again else "silence")
    changed = bytearray(request)
    changed[-1] ^= 1
    print("changed", "answered" if ask(target, bytes(changed), 1) else "silence")


main()
