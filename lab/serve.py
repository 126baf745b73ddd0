#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""A TCP service that answers with what it gets: serve.py PORT... (both address families, all addresses)."""

import asyncio
import socket
import sys


async def echo(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def main():
    servers = []
    for port in sys.argv[1:]:
        listener = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(("::", int(port)))
        servers.append(await asyncio.start_server(echo, sock=listener))
    await asyncio.gather(*(server.serve_forever() for server in servers))


asyncio.run(main())
