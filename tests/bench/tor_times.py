#!/usr/bin/env python3
"""How long Tor takes: from the start of a program to a tor that can build circuits, to a published onion service, to
a first message. On a private Tor network on loopback, so what is measured is the programs and not the world.

    tests/bench/tor_times.py BIN [RUNS]

BIN is the folder of the programs. Prints medians, each with a new tor and with one that has its state still."""

import os
import pathlib
import platform
import shutil
import statistics
import sys
import tempfile
import time

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS / "tor"), str(TESTS / "e2e")]

import tornet  # noqa: E402
from tor_world import Messenger, TorWorld, befriend, kill, put_torrc, tors_of, runs, wait_until  # noqa: E402


def wait_for_text(path, text, after):
    """When the text stands in the file, from its byte `after` on."""
    def there():
        with open(path, "rb") as file:
            file.seek(after)
            return text.encode() in file.read()
    while not there():
        time.sleep(0.002)
    return time.monotonic()


def size(path):
    return os.path.getsize(path) if os.path.exists(path) else 0


def forget_state(folder, net):
    shutil.rmtree(folder, ignore_errors=True)
    put_torrc(folder, net.torrc())


def end(process, tors):
    kill(process)
    wait_until(lambda: not any(map(runs, tors)), "the end of tor")


def server_times(world, fresh):
    if fresh:
        forget_state(f"{world.folder}/server/tor", world.net)
    log = f"{world.folder}/server.log"
    before = size(log)
    began = time.monotonic()
    world.start_server()
    ready = wait_for_text(log, "tor is ready", before) - began
    published = wait_for_text(log, "the onion service can be reached", before) - began
    return ready, published


def message_time(world, bob, alice, fresh, number):
    if fresh:
        forget_state(f"{world.folder}/bob_db/tor", world.net)
    start = len(alice.lines)
    began = time.monotonic()
    bob.start()
    bob.say(f"@alice message {number}")
    while f"bob> message {number}" not in alice.lines[start:]:
        time.sleep(0.002)
    return time.monotonic() - began


def measure(bin_folder, rounds, net):
    rows = {}
    with TorWorld(bin_folder, net) as world:
        world.wait_published()
        alice = Messenger(world, "alice", ["--host-mode", "public"])
        bob = Messenger(world, "bob", ["--tor"], net.torrc())
        alice.introduce()
        bob.introduce()
        befriend(alice, bob)
        number = 0
        for fresh in (True, False):
            for _ in range(rounds):
                end(bob.process, tors_of(bob.process.pid))
                number += 1
                rows.setdefault(("first message", fresh), []).append(message_time(world, bob, alice, fresh, number))
        end(bob.process, tors_of(bob.process.pid))
        for fresh in (True, False):
            for _ in range(rounds):
                end(world.server, tors_of(world.server.pid))
                ready, published = server_times(world, fresh)
                rows.setdefault(("bootstrapped", fresh), []).append(ready)
                rows.setdefault(("onion service published", fresh), []).append(published)
    return rows


def main():
    bin_folder = sys.argv[1]
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    folder = tempfile.mkdtemp(prefix="plexus-tornet-")
    try:
        with tornet.Tornet(f"{folder}/net", bridge=False, owner=os.getpid()) as net:
            rows = measure(bin_folder, rounds, net)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; "
          f"7 tor nodes on the same machine; medians of {rounds}, seconds from the start of the program\n")
    print(f"{'':26}{'new tor':>10}{'its state kept':>16}")
    for what in ("bootstrapped", "onion service published", "first message"):
        print(f"{what:26}{statistics.median(rows[what, True]):10.2f}{statistics.median(rows[what, False]):16.2f}")


if __name__ == "__main__":
    main()
