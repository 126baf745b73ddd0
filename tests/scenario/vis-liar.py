#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""An upper VIS with a good certificate that lies about the repository it relays.

usage: vis-liar.py PORT CERTIFICATE KEY CA DIR MODE [OLD-INDEX]

forge     a record of its own in the index's place: the payload is another one, the signatures are the publisher's
alter     the true index, and deltas and snapshots with other bytes
replay    an index that the publisher signed long ago
truncate  the true index, and files that end early
back      the true index, then one that the publisher signed long ago
withhold  the index as it is at the beginning, and nothing after it
loop      the true index, with a path that has the subscriber in it
dribble   the true index, and files a byte at a time
flap      paths that change without end
"""
import base64
import json
import os
import socketserver
import ssl
import sys
import time

PORT, CERTIFICATE, KEY, CA, DIR, MODE = sys.argv[1:7]
OLD = sys.argv[7] if len(sys.argv) > 7 else None
told = []


def read(path):
    with open(path, "rb") as f:
        return f.read()


def forged(index):
    envelope = json.loads(index)
    payload = json.loads(base64.b64decode(envelope["payload"]))
    payload["generation"] = payload.get("generation", 0) + 1000
    envelope["payload"] = base64.b64encode(json.dumps(payload).encode()).decode()
    return json.dumps(envelope, separators=(",", ":")).encode()


def index_bytes():
    index = read(os.path.join(DIR, "index.json"))
    if MODE == "forge":
        return forged(index)
    if MODE == "back" and told:
        return read(OLD)
    return read(OLD) if MODE == "replay" else index


def file_bytes(name):
    data = read(os.path.join(DIR, name))
    if name.endswith(".zst") and MODE == "alter":
        return bytes([data[0] ^ 1]) + data[1:]
    if name.endswith(".zst") and MODE == "truncate":
        return data[: len(data) // 2]
    return index_bytes() if name == "index.json" else data


class Liar(socketserver.StreamRequestHandler):
    def handle(self):
        try:
            self.answer()
        except (OSError, ValueError):
            pass

    def answer(self):
        path = self.rfile.readline().decode().split(" ")[1]
        while (line := self.rfile.readline()) not in (b"\r\n", b""):
            if line.lower().startswith(b"range:"):
                self.range = line.decode()
        if path.startswith("/v1/subscribe"):
            self.events()
        elif path == "/v1/tree":
            tree = b'{"name": "liar", "repositories": [{"name": "central", "point": null}]}'
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(tree) + tree)
        elif path.startswith("/v1/repositories/central/"):
            self.send(path[len("/v1/repositories/central/"):])

    def dribble(self, name, data):
        first = int(self.range.split("=")[1].split("-")[0])
        time.sleep(0.5)
        self.wfile.write(f"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {first}-{first}/{len(data)}\r\n"
                         f"Content-Length: 1\r\n\r\n".encode() + data[first:first + 1])

    def send(self, name):
        try:
            data = file_bytes(name)
            if MODE == "dribble" and name.endswith(".zst"):
                self.dribble(name, data)
                return
            head = "HTTP/1.1 200 OK\r\n"
        except FileNotFoundError:
            data, head = b"{}", "HTTP/1.1 404 Not Found\r\n"
        self.wfile.write(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)

    def event(self, kind, *lines):
        text = f"event: {kind}\n" + "".join(f"data: {line}\n" for line in lines) + "\n"
        data = text.encode()
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def tell(self, path):
        head = {"repository": "central", "point": "1.9007199254740000", "path": path, "files": 0}
        self.event("index", json.dumps(head), index_bytes().decode())
        told.append(path)

    def events(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        path = ["liar", "victim"] if MODE == "loop" else ["liar"]
        self.event("path", json.dumps({"path": ["liar"]}))
        self.tell(path)
        while MODE == "flap":
            for other in ("one", "two"):
                self.event("path", json.dumps({"path": ["liar", other]}))
        while True:
            time.sleep(0.3)
            if MODE == "withhold":
                self.wfile.write(b"9\r\n: alive\n\n\r\n")
            else:
                self.tell(path)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, context):
        super().__init__(("127.0.0.1", int(PORT)), Liar)
        self.context = context

    def get_request(self):
        sock, address = super().get_request()
        return self.context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request, client_address):
        pass


def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(CERTIFICATE, KEY)
    context.load_verify_locations(CA)
    context.verify_mode = ssl.CERT_REQUIRED
    Server(context).serve_forever()


main()
