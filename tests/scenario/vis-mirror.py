#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""A web server that carries a signed repository, and lies about it.

vis-mirror.py PORT DIRECTORY OLD MODE-FILE

MODE-FILE says how, read at each request: honest; rollback and freeze (what OLD has); alter (one byte); truncate; endless; stall; forge (an index of its own making); garbage.
"""

import http.server
import os
import socketserver
import sys
import time

directory, old, mode_file = sys.argv[2:5]


def read(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except OSError:
        return None


class Mirror(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def send(self, body, announced=None):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body) if announced is None else announced))
        self.end_headers()
        self.wfile.write(body)

    def send_without_end(self, body):
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        while True:
            self.wfile.write(b" " * 65536)

    def do_GET(self):
        self.close_connection = True
        mode = read(mode_file).decode().strip()
        name = self.path.lstrip("/")
        is_file = name.startswith("files/")
        body = read(os.path.join(directory, name))
        if mode in ("rollback", "freeze"):
            body = read(os.path.join(old, name))
        if body is None:
            self.send_error(404)
        elif mode == "alter" and is_file:
            self.send(body[:-1] + bytes([body[-1] ^ 1]))
        elif mode == "truncate" and is_file:
            self.send(body[:len(body) // 2], len(body))
        elif mode == "endless" and is_file:
            self.send_without_end(body)
        elif mode == "stall" and is_file:
            self.send(body[:1], len(body))
            self.wfile.flush()
            time.sleep(600)
        elif mode == "forge" and name == "index.json":
            # Another payload under the publisher's signature: one byte of its base64.
            at = body.index(b'"payload":"') + 100
            self.send(body[:at] + (b"A" if body[at:at + 1] != b"A" else b"B") + body[at + 1:])
        elif mode == "garbage" and name == "index.json":
            self.send(b"<html>welcome to the captive portal</html>")
        else:
            self.send(body)

    def log_message(self, format, *arguments):  # noqa: A002
        pass


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request, client_address):
        pass


Server(("127.0.0.1", int(sys.argv[1])), Mirror).serve_forever()
