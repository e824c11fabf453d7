#!/usr/bin/env python3
"""One server with two addresses, and messengers by every road to it, on a private Tor network: in the clear, by Tor to
the .onion name, by Tor to the public address, by an obfs4 bridge. Then tor is killed under them."""

import base64
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from tor_world import (PATIENCE, Failure, Messenger, TorWorld, befriend, children, free_port, kill, put_torrc, runs,
                       tell, tors_of, wait_until)

import tornet
from failures_test import Daemon

SKIPPED = 77


class People:
    """Alice in the clear, Bob by Tor to the onion service, Carol by Tor to the public address."""

    def __init__(self, world):
        lines = world.net.torrc()
        self.alice = Messenger(world, "alice", ["--host-mode", "public"])
        self.bob = Messenger(world, "bob", ["--tor"], lines)
        self.carol = Messenger(world, "carol", ["--tor", "--host-mode", "public"], lines)
        self.all = (self.alice, self.bob, self.carol)


def test_three_roads(world, people):
    world.wait_published()
    for one in people.all:
        one.introduce()
    alice, bob, carol = people.all
    befriend(alice, bob)
    befriend(bob, carol)
    befriend(carol, alice)
    for sender in people.all:
        for receiver in people.all:
            if sender is not receiver:
                tell(sender, receiver, f"hello from {sender.name}")
    if tors_of(alice.process.pid):
        raise Failure("the messenger in the clear started a tor")
    for one, road in ((alice, "127.0.0.1 directly"), (bob, f"{world.onion} by tor"), (carol, "127.0.0.1 by tor")):
        one.say("/network")
        one.wait_for(f"connected to {re.escape(road)} since")
    bob.wait_for("tor is ready")


def test_new_circuits(world, people):
    """/network renew: everything is dialed again, and goes on."""
    start = len(people.bob.lines)
    people.bob.say("/network renew")
    people.bob.wait_for("using Tor", start)
    talk_while(people, lambda: people.carol.say("/network renew"), 6)


def hear_all(pairs, count, starts):
    """Every message, once and in order."""
    for sender, receiver in pairs:
        expected = [f"{sender.name}> number {number} of {sender.name}" for number in range(count)]

        def heard():
            return [line for line in receiver.lines[starts[receiver.name]:] if line.startswith(f"{sender.name}> number")]

        try:
            wait_until(lambda: len(heard()) >= count, "", PATIENCE)
        except Failure:
            raise Failure(f"{receiver.name} heard of {sender.name}: {heard()}") from None
        if heard() != expected:
            raise Failure(f"{receiver.name} heard of {sender.name}: {heard()}")


def talk_while(people, what, count=12):
    """Messages in both directions, while `what` happens in the middle of them."""
    pairs = [(people.alice, people.bob), (people.bob, people.alice), (people.carol, people.bob),
             (people.bob, people.carol)]
    starts = {one.name: len(one.lines) for one in people.all}
    half = count // 2
    for number in range(count):
        if number == half:
            what()
        for sender, receiver in pairs:
            if not sender.say(f"@{receiver.name} number {number} of {sender.name}"):
                raise Failure(f"{sender.name} is gone")
        time.sleep(0.05)
    hear_all(pairs, count, starts)


def test_tor_of_a_messenger_is_killed(world, people):
    before = people.bob.tor()
    talk_while(people, lambda: os.kill(before, signal.SIGKILL))
    after = people.bob.tor()
    if after == before or runs(before):
        raise Failure("the tor that was killed runs")


def test_tor_of_the_server_is_killed(world, people):
    """It is published again under the same name, and those who come by it are back by themselves."""
    before = wait_until(lambda: next(iter(tors_of(world.server.pid)), None), "the server's tor")
    talk_while(people, lambda: os.kill(before, signal.SIGKILL))
    world.wait_published(2)


def test_server_is_killed(world, people):
    """With it ends its tor; the next one has the same name."""
    tor = wait_until(lambda: next(iter(tors_of(world.server.pid)), None), "the server's tor")

    def kill():
        world.kill_server()
        wait_until(lambda: not runs(tor), "the end of the server's tor")
        world.start_server()

    talk_while(people, kill)
    kept = pathlib.Path(world.folder, "server", "address").read_text(encoding="ascii").strip()
    if kept != world.address:
        raise Failure(f"the address became {kept}")


def test_messenger_is_killed(world, people):
    """No tor is left; what was said meanwhile is there at the next start, which reuses tor's state."""
    tor = people.bob.tor()
    people.bob.kill()
    wait_until(lambda: not runs(tor), "the end of the tor of a killed messenger")
    people.alice.say("@bob while you were away")
    start = len(people.bob.lines)
    people.bob.start()
    people.bob.wait_for("^alice> while you were away$", start)
    tell(people.bob, people.alice, "I am back")


def test_bridge(world, people):
    """Where relays cannot be reached: by an obfs4 bridge."""
    bridge = world.net.bridge()
    if bridge is None:
        print("  no obfs4proxy: the bridge is left out")
        return
    line, plugin = bridge
    keys = {"bridges": json.dumps([line]), "client-transport-plugins": json.dumps([plugin]),
            "torrc": json.dumps(world.net.torrc())}
    with Daemon(world.bin, keys) as daemon:
        daemon.wait_for("tor is ready")
    dave = Messenger(world, "dave", ["--tor"],
                     world.net.torrc() + ["UseBridges 1", f"Bridge {line}", f"ClientTransportPlugin {plugin}"])
    dave.introduce()
    befriend(people.alice, dave)
    tell(dave, people.alice, "over the bridge")
    tor = dave.tor()
    plugins = children(tor)
    if not plugins:
        raise Failure("a tor with a bridge has no obfs4proxy")
    if dave.quit() != 0 or runs(tor):
        raise Failure("after /quit its tor runs")
    wait_until(lambda: not any(map(runs, plugins)), "the end of obfs4proxy")


class RunningTor:
    """A tor that is nobody's, as a distribution runs one."""

    def __init__(self, world, name, *more):
        self.folder = f"{world.folder}/{name}"
        self.control = free_port()
        os.makedirs(self.folder, mode=0o700)
        text = "\n".join([*world.net.torrc(), f"DataDirectory {self.folder}", f"ControlPort 127.0.0.1:{self.control}",
                          f"SocksPort 127.0.0.1:{free_port()} ExtendedErrors", f"Log notice file {self.folder}/log", *more])
        self.process = subprocess.Popen(["tor", "-f", "-", "--defaults-torrc", "/nonexistent/none", "--hush"],
                                        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        world.processes.append(self.process)
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.close()


def test_running_tor(world, people):
    """Servers that publish through a tor which runs already: by its cookie, and by a password."""
    hashed = subprocess.run(["tor", "--hash-password", "let me in", "--quiet"], check=True, capture_output=True,
                            text=True).stdout.strip().splitlines()[-1]
    for name, way, keys in (("cookie", "CookieAuthentication 1", ""),
                            ("password", f"HashedControlPassword {hashed}", 'control-password = "let me in"\n')):
        running = RunningTor(world, f"tor-{name}", way)
        folder = f"{world.folder}/server-{name}"
        made = subprocess.run([f"{world.bin}/plexusd", "init", folder, "--tor", "--port", str(free_port())], check=True,
                              capture_output=True, text=True)
        address = made.stdout.strip().splitlines()[-1]
        toml = pathlib.Path(folder, "plexus.toml")
        text = toml.read_text(encoding="utf-8")
        toml.write_text(text.replace('path = "tor"\n', f'control = "{running.control}"\n{keys}'), encoding="utf-8")
        log_path = pathlib.Path(f"{world.folder}/server-{name}.log")
        with open(log_path, "w", encoding="utf-8") as log:
            server = subprocess.Popen([f"{world.bin}/plexusd", "start", folder], stdin=subprocess.DEVNULL, stdout=log,
                                      stderr=log)
        world.processes.append(server)
        try:
            wait_until(lambda: "the onion service can be reached" in log_path.read_text(encoding="utf-8"), "", PATIENCE)
        except Failure:
            raise Failure(f"a running tor by {name}: {log_path.read_text(encoding='utf-8')}") from None
        if name == "cookie":
            eve = Messenger(world, "eve", ["--tor"], world.net.torrc(), address)
            eve.introduce()
            befriend(eve, people.bob)
            tell(people.bob, eve, "by a tor that ran already")
            eve.quit()
        server.send_signal(signal.SIGTERM)
        if server.wait(timeout=PATIENCE) != 0 or not runs(running.process.pid):
            raise Failure("the tor that is not ours has ended, or plexusd badly")


def wait_told(world, one, word):
    """Until the log or the screen of a messenger has a line about an onion service with that word."""
    files = [pathlib.Path(f"{world.folder}/{one.name}_db.log"), pathlib.Path(f"{world.folder}/{one.name}.stderr")]

    def told():
        lines = list(one.lines)
        for path in files:
            if path.exists():
                lines += path.read_text(encoding="utf-8", errors="replace").splitlines()
        return any(word in line and ".onion" in line for line in lines)

    wait_until(told, f"a sentence with '{word}' at {one.name}", PATIENCE)


def test_client_authorization(world, people):
    """A service that lets in only those who have a key."""
    if shutil.which("openssl") is None:
        print("  no openssl: client authorization is left out")
        return
    private = subprocess.run(["openssl", "genpkey", "-algorithm", "x25519", "-outform", "DER"], check=True,
                             capture_output=True).stdout
    public = subprocess.run(["openssl", "pkey", "-inform", "DER", "-pubout", "-outform", "DER"], input=private,
                            check=True, capture_output=True).stdout

    def text(key):
        return base64.b32encode(key[-32:]).decode().rstrip("=")

    folder = f"{world.folder}/server-for-some"
    made = subprocess.run([f"{world.bin}/plexusd", "init", folder, "--tor", "--port", str(free_port())], check=True,
                          capture_output=True, text=True)
    address = made.stdout.strip().splitlines()[-1]
    toml = pathlib.Path(folder, "plexus.toml")
    line = f'onion-clients = ["descriptor:x25519:{text(public)}"]\n'
    toml.write_text(toml.read_text(encoding="utf-8").replace("onion = true\n", "onion = true\n" + line), encoding="utf-8")
    put_torrc(f"{folder}/tor", world.net.torrc())
    log_path = pathlib.Path(f"{world.folder}/server-for-some.log")
    with open(log_path, "w", encoding="utf-8") as log:
        server = subprocess.Popen([f"{world.bin}/plexusd", "start", folder], stdin=subprocess.DEVNULL, stdout=log,
                                  stderr=log)
    world.processes.append(server)
    wait_until(lambda: "the onion service can be reached" in log_path.read_text(encoding="utf-8"), "its service", PATIENCE)

    keys = pathlib.Path(world.folder, "keys-of-grace")
    keys.mkdir(mode=0o700)
    name = re.search("([a-z2-7]{56}).onion", address)[1]
    (keys / "it.auth_private").write_text(f"{name}:descriptor:x25519:{text(private)}\n", encoding="ascii")
    grace = Messenger(world, "grace", ["--tor"], world.net.torrc() + [f"ClientOnionAuthDir {keys}"], address)
    grace.introduce()
    start = len(grace.lines)
    grace.say("/c")
    grace.wait_for(r"^(https://\S+|simplex:/\S+)$", start)  # a queue was made there

    mallory = Messenger(world, "mallory", ["--tor"], world.net.torrc(), address)
    mallory.introduce()
    mallory.say("/c")
    wait_told(world, mallory, "authorized clients alone")
    mallory.kill()
    grace.quit()
    kill(server)


def test_name_that_nobody_has(world, people):
    """A descriptor that cannot be found is told as such."""
    nobody = "smp://" + world.fingerprint + "@" + "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion"
    frank = Messenger(world, "frank", ["--tor"], world.net.torrc(), nobody)
    frank.introduce()
    frank.say("/c")
    wait_told(world, frank, "is not known to the network")
    frank.kill()


TESTS = (test_three_roads, test_new_circuits, test_tor_of_a_messenger_is_killed, test_tor_of_the_server_is_killed, test_server_is_killed,
         test_messenger_is_killed, test_bridge, test_running_tor, test_client_authorization, test_name_that_nobody_has)


def main():
    if tornet.missing_programs():
        print(f"skipped: {', '.join(tornet.missing_programs())} missing (Debian: apt-get install tor)")
        return SKIPPED
    folder = tempfile.mkdtemp(prefix="plexus-tornet-")
    began = time.monotonic()

    def say(what):
        print(f"{time.monotonic() - began:6.1f} s  {what}", flush=True)

    try:
        with tornet.Tornet(f"{folder}/net", owner=os.getpid()) as net, TorWorld(sys.argv[1], net) as world:
            say("the network is there")
            people = People(world)
            for test in TESTS:
                if sys.argv[2:] and test is not test_three_roads and test.__name__ not in sys.argv[2:]:
                    continue
                test(world, people)
                say(f"{test.__name__}: good")
            tors = [tor for one in (*people.all,) for tor in tors_of(one.process.pid)] + tors_of(world.server.pid)
            for one in people.all:
                one.quit()
            world.kill_server(signal.SIGTERM)
            wait_until(lambda: not any(map(runs, tors)), "the end of every tor")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    say("all good")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (Failure, tornet.Failure) as failure:
        sys.exit(f"FAILED: {failure}")
