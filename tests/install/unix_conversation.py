#!/usr/bin/env python3
"""A conversation over the installed example of a transport: two messengers whose only road is a Unix socket.
    unix_conversation.py PREFIX EXAMPLE_FOLDER"""

import os
import pathlib
import shutil
import socket
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
from plexus_world import Failure, Piped, World, connect  # noqa: E402


class Forwarder:
    """A Unix socket in front of a TCP port; counts who came by it."""

    def __init__(self, path, port):
        self.port = port
        self.count = 0
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(path)
        self.listening.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            one, _ = self.listening.accept()
            self.count += 1
            other = socket.create_connection(("127.0.0.1", self.port))
            for ends in ((one, other), (other, one)):
                threading.Thread(target=self.pump, args=ends, daemon=True).start()

    @staticmethod
    def pump(come, go):
        try:
            while part := come.recv(65536):
                go.sendall(part)
            go.shutdown(socket.SHUT_WR)
        except OSError:
            come.close()
            go.close()


class Messenger(Piped):
    """A messenger that plexusd runs from the example's configuration."""

    def __init__(self, world, name, example):
        super().__init__(world, name)
        folder = pathlib.Path(world.folder) / name
        folder.mkdir(mode=0o700)
        text = (example / "messenger.toml").read_text()
        text = text.replace('plugins = ["build"]', f'plugins = ["{example}/build"]')
        text = text.replace("/run/plexus/", f"{world.folder}/").replace('"messenger', f'"{folder}/messenger')
        text = text.replace("[plugin.agent]", f'[plugin.agent]\nservers = ["{world.address}"]')
        self.toml = folder / "messenger.toml"
        self.toml.write_text(text)
        self.toml.chmod(0o600)

    def start(self):
        ordinary = self.world.command_line
        self.world.command_line = lambda name, *more: [f"{self.world.bin}/plexusd", "start", str(self.toml)]
        try:
            return super().start()
        finally:
            self.world.command_line = ordinary


def main():
    prefix, example = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
    with World(str(prefix / "bin")) as world:
        port = int(world.address.rsplit(":", 1)[1])
        # The address says another port than the server has: who does not go by the socket finds nobody.
        told = port + 1
        world.address = world.address.rsplit(":", 1)[0] + f":{told}"
        forwarder = Forwarder(f"{world.folder}/127.0.0.1-{told}.sock", port)
        alice, bob = Messenger(world, "alice", example), Messenger(world, "bob", example)
        connect(world, alice, bob)
        alice.say("@bob by a road of our own")
        bob.wait_for("alice> by a road of our own")
        bob.say("@alice and back")
        alice.wait_for("bob> and back")
        if forwarder.count < 2:
            raise Failure(f"only {forwarder.count} connections came by the Unix socket")
        print(f"{forwarder.count} connections by the Unix socket")
        for who in (alice, bob):
            who.quit()


if __name__ == "__main__":
    main()
