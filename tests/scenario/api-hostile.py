#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Clients of the API that mean no good: each is refused with the right words, and the server goes on.

usage: api-hostile.py SITE-DIRECTORY TOKEN
"""

import os
import socket
import ssl
import sys
import time

SITE, TOKEN = sys.argv[1], sys.argv[2].strip()
WHERE = ("::1", 8444)
OTHER = ("127.0.0.1", 9444)


def context():
    c = ssl.create_default_context(cafile=SITE + "/ca.pem")
    c.minimum_version = ssl.TLSVersion.TLSv1_3
    return c


def connect(where=WHERE):
    raw = socket.create_connection(where, timeout=60)
    return context().wrap_socket(raw, server_hostname=where[0])


def read_all(s):
    data = b""
    try:
        while True:
            piece = s.recv(65536)
            if not piece:
                return data
            data += piece
    except (ssl.SSLError, ConnectionError):
        return data


def status_of(answer):
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else None


def say(data, where=WHERE, half_close=False):
    """What the server answers, and how often."""
    with connect(where) as s:
        s.sendall(data)
        if half_close:  # below TLS, without its goodbye
            half = socket.socket(fileno=os.dup(s.fileno()))
            half.shutdown(socket.SHUT_WR)
            half.close()
        return read_all(s)


def request(path="/v1/status", method="GET", fields=(), token=TOKEN, body=b"", close=True):
    lines = [f"{method} {path} HTTP/1.1", "Host: srv"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if close:
        lines.append("Connection: close")
    return ("\r\n".join(lines + list(fields)) + "\r\n\r\n").encode() + body


def expect(what, answer, *statuses):
    if status_of(answer) not in statuses:
        sys.exit(f"{what}: {answer[:200]!r}, not {statuses}")
    print(f"ok: {what}: {status_of(answer)}", flush=True)


def messages():
    expect("a good request", say(request()), 200)
    expect("a client that closes its half", say(request(), half_close=True), 200, None)
    expect("no token", say(request(token=None)), 401)
    expect("no scheme", say(request(token=None, fields=["Authorization: " + TOKEN])), 401)
    expect("two tokens", say(request(fields=["Authorization: Bearer " + TOKEN])), 400, 401)
    expect("length and coding both", say(request("/v1/reload", "POST", [
        "Content-Length: 4", "Transfer-Encoding: chunked"], body=b"0\r\n\r\nGET /v1/status HTTP/1.1\r\n\r\n")), 400, 501)
    expect("a coding", say(request("/v1/reload", "POST", ["Transfer-Encoding: chunked"], body=b"0\r\n\r\n")), 400, 501)
    expect("two lengths", say(request("/v1/reload", "POST", ["Content-Length: 0", "Content-Length: 5"])), 400)
    expect("a signed length", say(request("/v1/reload", "POST", ["Content-Length: +0"])), 400)
    expect("a space before the colon", say(request(fields=["X-A : b"])), 400)
    expect("a folded line", say(request(fields=["X-A: b", " c"])), 400)
    expect("a bare line end", say(b"GET /v1/status HTTP/1.1\nHost: srv\n\n" + b" " * 16384), 400, 431)
    expect("a huge head", say(request(fields=["X-A: " + "a" * 20000])), 431)
    expect("many fields", say(request(fields=[f"X-{i}: a" for i in range(100)])), 431)
    expect("a huge body", say(request("/v1/api-tokens", "POST", ["Content-Length: 99999999999"])), 413)
    expect("a body where none belongs", say(request(fields=["Content-Length: 5"], body=b"hello")), 413)
    expect("another method", say(request(method="BREW")), 405)
    expect("another version", say(b"GET / HTTP/3.0\r\n\r\n"), 400, 505)
    expect("above the root", say(request("/v1/../v1/status")), 404)
    expect("a NUL in the path", say(request("/v1/nodes/%00")), 400)
    expect("a slash in the name", say(request("/v1/nodes/..%2Falice")), 400)


def pipelining():
    """Each is answered once, in order; what follows a refusal is not looked at."""
    answer = say(request(close=False) * 20 + request("/v1/nothing"))
    if answer.count(b"HTTP/1.1 200 ") != 20 or answer.count(b"HTTP/1.1 404 ") != 1:
        sys.exit(f"pipelining: {answer.count(b'HTTP/1.1 200 ')} answers")
    answer = say(request("/v1/reload", "POST", ["Content-Length: 5", "Transfer-Encoding: chunked"], close=False) +
                 request() * 3)
    if answer.count(b"HTTP/1.1 ") != 1:
        sys.exit("smuggled: " + repr(answer[:300]))
    print("ok: twenty in one piece, and nothing smuggled")


def handshakes():
    """Wrong TLS, and no TLS at all."""
    old = context()
    old.minimum_version = ssl.TLSVersion.TLSv1_2
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    try:
        with socket.create_connection(WHERE, timeout=60) as raw, old.wrap_socket(raw, server_hostname="::1"):
            sys.exit("TLS 1.2 is taken")
    except (ssl.SSLError, ConnectionError):
        print("ok: TLS 1.2 is refused")
    with socket.create_connection(WHERE, timeout=60) as raw:
        raw.sendall(request())
        if status_of(read_all(raw)):
            sys.exit("answered without TLS")
    print("ok: nothing without TLS")


def crowd():
    """More connections than one address may have; silent ones make room."""
    held = []
    for _ in range(60):
        try:
            s = socket.create_connection(OTHER, timeout=60)
            held.append(s)
        except OSError:
            pass
    for s in held:
        s.close()
    deadline = time.monotonic() + 60
    while True:
        try:
            answer = say(request(), OTHER)
            if status_of(answer) == 200:
                break
        except OSError:
            pass
        if time.monotonic() > deadline:
            sys.exit("the crowd has shut the door")
        time.sleep(0.05)
    print("ok: a crowd comes and goes")


def unread():
    """One that asks and asks and does not read: bounded, and others are served meanwhile."""
    with connect() as s:
        s.settimeout(2)
        sent = 0
        try:
            for _ in range(2000):
                s.sendall(request("/v1/events?limit=10000", close=False))
                sent += 1
        except (OSError, ssl.SSLError):
            pass
        expect(f"others, beside one who asks {sent} times and does not read", say(request(), OTHER), 200, 429)


def flood():
    """Too many requests from one address, on several connections."""
    seen = set()
    deadline = time.monotonic() + 60
    while 429 not in seen and time.monotonic() < deadline:
        answer = say(request(close=False) * 150 + request())
        seen |= {int(part.split(b" ")[0]) for part in answer.split(b"HTTP/1.1 ")[1:]}
    if 429 not in seen:
        sys.exit(f"a flood is not slowed down: {seen}")
    print("ok: a flood is slowed down")


def guess():
    """Wrong tokens: refused, then not listened to any more, from this address and not from another."""
    wrong = TOKEN[:-1] + ("A" if TOKEN[-1] != "A" else "B")
    tried, answer = 0, b""
    deadline = time.monotonic() + 50
    while b"too many wrong tokens" not in answer and time.monotonic() < deadline:
        time.sleep(0.1)  # what the flood has used up comes back meanwhile
        answer = say(request(token=wrong))
        tried += status_of(answer) == 401
    if not 1 <= tried <= 10 or status_of(answer) != 429:
        sys.exit(f"{tried} wrong tokens: {answer[:200]!r}")
    expect("a good token from where the guesses came", say(request()), 429)
    expect("from elsewhere", say(request(), OTHER), 200)


def main():
    messages()
    pipelining()
    handshakes()
    crowd()
    unread()
    flood()
    guess()


main()
