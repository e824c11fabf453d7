#!/usr/bin/env python3
"""No packet leaves by another road. A messenger with a watch on every connect(), sendto() and name that it asks the
system for, behind proxies that are dead or lie, with policies that forbid the direct road: nothing but the proxy is
dialed. That the watch sees leaks is shown by the same messenger with the direct road allowed."""

import os
import re
import subprocess
import sys
import threading

from plexus_world import Failure, Piped, World, free_port, wait_until
from socks_proxy import LIES, LyingProxy

ONION = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion"
FINGERPRINT = "LcJUMfVhwD8yxjAiSaDzzGF3-kLG4Uh0Fl_ZIjrRwjI="


class Watched(Piped):
    """A messenger with the watch on it."""

    def __init__(self, world, name, watch, server, *options):
        super().__init__(world, name)
        self.watch_library = watch
        self.server = server
        self.options = options
        self.file = f"{world.folder}/{name}.watch"

    def start(self):
        log = open(f"{self.world.folder}/{self.name}.stderr", "a")
        environment = dict(os.environ, LD_PRELOAD=self.watch_library, PLEXUS_NETWORK_WATCH=self.file)
        command = [f"{self.world.bin}/plexus", "-d", f"{self.world.folder}/{self.name}", "-l", "debug",
                   "-s", self.server, *self.options]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
                                        bufsize=1, env=environment)
        log.close()
        self.world.processes.append(self.process)
        threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True).start()
        return self

    def begin(self):
        self.start()
        self.wait_for("Welcome")
        self.say(self.name)
        self.wait_for(f"You are {self.name}")
        return self

    def roads(self):
        """What was asked of the system, without sockets of the file system."""
        try:
            with open(self.file) as file:
                lines = file.read().splitlines()
        except FileNotFoundError:
            return []
        return [line for line in lines if " unix " not in line]

    def server_failed(self, allowed, what):
        """Waits until an attempt to reach the server has failed, and gives why. Takes no road but those."""
        def look():
            expect_only(self, allowed, what)
            start = len(self.lines)
            self.say("/network")
            wait_until(lambda: any(line.startswith("isolation:") for line in self.lines[start:]), "the answer to /network")
            self.say("/version")
            wait_until(lambda: any(re.match(r"plexus \d", line) for line in self.lines[start:]), "the version")
            found = (re.match(r"  \S+: (?:not connected|connecting): (.+)", line) for line in self.lines[start:])
            return next((one.group(1) for one in found if one), None)
        return wait_until(look, f"a failed connection of {self.name}")


def expect_only(who, allowed, what):
    roads = who.roads()
    wrong = [road for road in roads if road not in allowed]
    if wrong:
        raise Failure(f"LEAK: {what}: {who.name} took another road: {sorted(set(wrong))}")
    return roads


class Leaks:
    def __init__(self, world, watch):
        self.world = world
        self.watch = watch
        self.count = 0
        self.host, self.port = re.search(r"@([^:/]+):(\d+)$", world.address).groups()
        self.identity = world.address.rsplit("@", 1)[0]

    def messenger(self, server, *options):
        self.count += 1
        return Watched(self.world, f"user{self.count}", self.watch, server, *options)

    def expect_proxy_alone(self, what, server, port, *options):
        who = self.messenger(server, "--socks-proxy", f"127.0.0.1:{port}", "--tcp-timeout", "2", *options).begin()
        who.say("/c")
        allowed = [f"connect 127.0.0.1 {port}"]
        failed = who.server_failed(allowed, what)
        roads = expect_only(who, allowed, what)
        if not roads:
            raise Failure(f"{what}: the proxy was not dialed either: {failed}")
        who.quit()

    def expect_nothing(self, what, server, *options):
        who = self.messenger(server, *options).begin()
        who.say("/c")
        failed = who.server_failed([], what)
        expect_only(who, [], what)
        who.quit()
        return failed

    def servers(self):
        direct = f"{self.identity}@{self.host}:{self.port}"
        both = f"{self.identity}@{self.host},{ONION}:{self.port}"
        name = f"{self.identity}@localhost:{self.port}"
        return {"an address": direct, "an address and an onion": both, "a name": name,
                "an onion": f"{self.identity}@{ONION}"}

    def test_dead_proxy(self):
        for kind, server in self.servers().items():
            self.expect_proxy_alone(f"a dead proxy, {kind}", server, free_port())
        self.expect_proxy_alone("a dead proxy, onion mode alone, both hosts", self.servers()["an address and an onion"],
                                free_port(), "--socks-mode", "onion")

    def test_proxies_that_lie(self):
        for kind, lie in LIES.items():
            proxy = LyingProxy(lie)
            self.expect_proxy_alone(f"a proxy that {kind}", self.servers()["a name"], proxy.port)
            if not proxy.asked:
                raise Failure(f"a proxy that {kind} was asked nothing")
            proxy.close()

    def test_refused_by_policy(self):
        why = self.expect_nothing("an onion without a proxy", self.servers()["an onion"])
        if "--tor" not in why:
            raise Failure(f"the refusal names no way out: {why}")
        why = self.expect_nothing("required host mode", self.servers()["a name"], "--socks-proxy",
                                  f"127.0.0.1:{free_port()}", "--required-host-mode")
        if "required-host-mode" not in why:
            raise Failure(f"the refusal names no way out: {why}")
        # What only looks like an onion goes nowhere either.
        odd = f"smp://{FINGERPRINT}@hidden.onion"
        who = self.messenger(odd)
        who.start()
        wait_until(lambda: who.process.poll() is not None or any("Welcome" in line for line in who.lines), "the start")
        if who.process.poll() is None:
            who.say(who.name)
            who.wait_for("You are")
            who.say("/c")
            who.server_failed([], "a name that ends with .onion")
            who.quit()

    def test_settings_survive_a_restart(self):
        """From a change on, and from the first packet after the next start, the road is the one that was set."""
        port = free_port()
        allowed = [f"connect 127.0.0.1 {port}"]
        who = self.messenger(self.servers()["a name"]).begin()
        who.say("/c")
        who.wait_for(r"^(https://\S+|simplex:/\S+)$")
        who.say(f"/network socks=127.0.0.1:{port} timeout=2")
        who.wait_for(f"using SOCKS5 proxy 127.0.0.1:{port} for ALL servers")
        os.unlink(who.file)
        who.server_failed(allowed, "new settings")
        if who.quit() != 0:
            raise Failure("it did not end in order")
        if os.path.exists(who.file):
            os.unlink(who.file)
        who.lines.clear()
        who.start() # it dials at once, for the messages to its link
        who.wait_for(f"You are {who.name}")
        who.server_failed(allowed, "saved settings")
        if not expect_only(who, allowed, "saved settings"):
            raise Failure("the proxy was not dialed after a restart")
        who.quit()

    def test_the_watch_sees_leaks(self):
        """The same messenger with the direct road allowed: by fallback, and without a proxy."""
        port = free_port()
        server = self.servers()["a name"]
        who = self.messenger(server, "--tcp-timeout", "20").begin()
        who.say(f"/network socks=127.0.0.1:{port} fallback=on")
        who.wait_for("directly when the proxy fails")
        who.say("/c")
        who.wait_for(r"^(https://\S+|simplex:/\S+)$")
        roads = who.roads()
        for needed in ("name localhost", f"connect 127.0.0.1 {self.port}"):
            if needed not in roads:
                raise Failure(f"the watch did not see '{needed}': {roads}")
        who.quit()
        open_road = self.messenger(server).begin()
        open_road.say("/c")
        open_road.wait_for(r"^(https://\S+|simplex:/\S+)$")
        if f"connect 127.0.0.1 {self.port}" not in open_road.roads():
            raise Failure(f"the watch did not see a direct connection: {open_road.roads()}")
        open_road.say("/network")
        open_road.wait_for("^direct network connection")
        open_road.wait_for(rf"localhost:{self.port}: connected to localhost directly since .*")
        open_road.quit()


def main():
    bin_folder, watch = sys.argv[1:3]
    with World(bin_folder) as world:
        leaks = Leaks(world, watch)
        wanted = sys.argv[3:] or [name for name in dir(leaks) if name.startswith("test_")]
        for name in wanted:
            getattr(leaks, name)()
            print(f"ok {name}", flush=True)


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        print(f"FAILED: {failure}")
        sys.exit(1)
