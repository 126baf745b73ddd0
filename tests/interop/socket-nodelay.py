#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Whether a process sets TCP_NODELAY on its connections at a local or remote port, while a command runs.

usage: socket-nodelay.py PID PORT -- COMMAND...

Exit status 0: a connection was seen and every one had it; 1: one had not, or none was seen. Root is needed: the
process's sockets are duplicated by pidfd_getfd(2)."""

import ctypes
import os
import socket
import subprocess
import sys
import time

SYS_PIDFD_GETFD = 438


def look(process, pid, port):
    """(connections at the port, of them without TCP_NODELAY)"""
    libc = ctypes.CDLL(None, use_errno=True)
    seen = without = 0
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            if not os.readlink(f"/proc/{pid}/fd/{name}").startswith("socket:"):
                continue
        except OSError:
            continue
        fd = libc.syscall(SYS_PIDFD_GETFD, process, int(name), 0)
        if fd < 0:
            continue
        with socket.socket(fileno=fd) as s:
            try:
                ports = s.getsockname()[1], s.getpeername()[1]
                delays = not s.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            except (OSError, IndexError, TypeError):
                continue
            if port in ports:
                seen += 1
                without += delays
    return seen, without


def main():
    pid, port = int(sys.argv[1]), int(sys.argv[2])
    process = os.pidfd_open(pid)
    command = subprocess.Popen(sys.argv[4:])
    seen = without = 0
    while command.poll() is None:
        found = look(process, pid, port)
        seen += found[0]
        without += found[1]
        time.sleep(0.01)
    print(f"{seen} sightings of connections, {without} without TCP_NODELAY, command ended with {command.returncode}")
    return 0 if seen and not without and command.returncode == 0 else 1


sys.exit(main())
