#!/usr/bin/env python3
"""From text typed in one messenger to text shown in another, through a server on loopback; start times and memory.

    tests/bench/typed_to_shown.py [BIN_DIR] [COUNT]

BIN_DIR holds plexusd and plexus (build/release/bin). Prints; asserts nothing."""

import os
import pathlib
import pty
import re
import select
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time


class Messenger:
    """A `plexus` at a terminal of its own."""

    def __init__(self, program, prefix, address):
        self.shown = ""
        self.begun = time.monotonic()
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.execve(program, [program, "-d", prefix, "-s", address], {**os.environ, "NO_COLOR": "1", "TERM": "xterm"})

    def type(self, line):
        os.write(self.terminal, line.encode() + b"\r")

    def wait(self, text, seconds=30):
        """Reads the screen until `text` is on it; what was read up to then is forgotten."""
        limit = time.monotonic() + seconds
        while text not in self.shown:
            left = limit - time.monotonic()
            if left <= 0 or not select.select([self.terminal], [], [], left)[0]:
                sys.exit(f"typed_to_shown: no {text!r} within {seconds} s; on the screen: {self.shown[-400:]!r}")
            self.shown += os.read(self.terminal, 65536).decode(errors="replace")
        before, _, self.shown = self.shown.partition(text)
        return before + text


def resident_mb(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1]) / 1000


def main():
    binaries = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "build/release/bin").resolve()
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    folder = pathlib.Path(tempfile.mkdtemp(prefix="plexus-bench-"))
    free = socket.socket()
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
    free.close()
    said = subprocess.run([binaries / "plexusd", "init", folder / "server", "--host", "127.0.0.1", "--port", str(port)],
                          check=True, capture_output=True, text=True).stdout
    address = said.strip().splitlines()[-1]
    begun = time.monotonic()
    server = subprocess.Popen([binaries / "plexusd", "start", folder / "server"], stderr=open(folder / "log", "w"))
    while socket.socket().connect_ex(("127.0.0.1", port)) != 0:
        time.sleep(0.001)
    server_up = time.monotonic() - begun
    try:
        program = str(binaries / "plexus")
        for name in ("alice", "bob"):
            subprocess.run([program, "-d", folder / name, "-s", address, "-e", f"/create user {name}"], check=True,
                           capture_output=True)
        link = subprocess.run([program, "-d", folder / "alice", "-s", address, "-e", "/c"], check=True,
                              capture_output=True, text=True).stdout
        alice = Messenger(program, str(folder / "alice"), address)
        alice.wait("You are alice")
        alice_up = time.monotonic() - alice.begun
        bob = Messenger(program, str(folder / "bob"), address)
        bob.wait("You are bob")
        bob.type("/c " + re.search(r"^https\S+", link, re.M)[0])
        bob.wait("contact is connected")
        alice.wait("contact is connected")
        took = []
        for i in range(count):
            text = f"text number {i}."
            begun = time.monotonic()
            alice.type("@bob " + text)
            bob.wait("alice> " + text)
            took.append((time.monotonic() - begun) * 1000)
        time.sleep(2)
        print(f"typed to shown on loopback, {count} messages: median {statistics.median(took):.2f} ms, "
              f"95% within {sorted(took)[int(count * 0.95)]:.2f} ms")
        print(f"start to up: daemon {server_up * 1000:.0f} ms, messenger {alice_up * 1000:.0f} ms")
        print(f"resident, idle: daemon {resident_mb(server.pid):.1f} MB, messenger {resident_mb(alice.pid):.1f} MB")
        for one in (alice, bob):
            one.type("/quit")
            os.waitpid(one.pid, 0)
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
