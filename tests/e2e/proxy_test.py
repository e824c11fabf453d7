#!/usr/bin/env python3
"""A conversation in which one side goes through a SOCKS proxy, which dies and comes back."""

import re
import sys

from plexus_world import Failure, Piped, World, connect, wait_until
from socks_proxy import HonestProxy


def check(condition, what):
    if not condition:
        raise Failure(what)


class Proxied(Piped):
    def __init__(self, world, name, *options):
        super().__init__(world, name)
        self.options = options

    def start(self):
        plain = self.world.command_line
        self.world.command_line = lambda name, *more: plain(name, *self.options, *more)
        try:
            return super().start()
        finally:
            self.world.command_line = plain


def test_conversation(world):
    proxy = HonestProxy()
    alice, bob = Proxied(world, "alice", "--socks-proxy", f"127.0.0.1:{proxy.port}"), Piped(world, "bob")
    connect(world, alice, bob)
    alice.say("@bob by the proxy")
    bob.wait_for("alice> by the proxy")
    bob.say("@alice directly")
    alice.wait_for("bob> directly")
    host, port = re.search(r"@([^:/]+):(\d+)$", world.address).groups()
    check({(where, number) for _, where, number in proxy.asked} == {(host, int(port))},
          f"the proxy was asked for others: {proxy.asked}")
    users = {user for user, _, _ in proxy.asked}
    check(len(users) == 1 and len(next(iter(users))) == 44, f"one session has one name at the proxy: {users}")
    alice.say("/network")
    alice.wait_for(rf"{re.escape(host)}:{port}: connected to {re.escape(host)} by socks since .*")

    # Each contact, and each link, with a name of its own.
    before = len(proxy.asked)
    alice.say("/network session-mode=entity")
    alice.wait_for("isolation: entity")
    alice.say("@bob with a name of its own")
    bob.wait_for("alice> with a name of its own")
    check(all(user not in users for user, _, _ in proxy.asked[before:]), "the name at the proxy is the old one")

    # The proxy dies: what is said waits, and nothing goes around it.
    start = len(alice.lines)
    proxy.die()
    wait_until(lambda: any("disconnected from server" in line for line in alice.lines[start:]), "the loss of the server")
    alice.say("@bob while it was away")
    bob.say("@alice are you there?")
    proxy.start()
    bob.wait_for("alice> while it was away")
    alice.wait_for("bob> are you there\\?")
    check(alice.quit() == 0 and bob.quit() == 0, "a messenger did not end in order")
    proxy.die()


def main():
    with World(sys.argv[1]) as world:
        test_conversation(world)
        print("ok test_conversation", flush=True)


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        print(f"FAILED: {failure}")
        sys.exit(1)
