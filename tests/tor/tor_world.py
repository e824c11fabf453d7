"""A server and messengers that reach each other through a private Tor network."""

import os
import pathlib
import re
import signal
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))

from plexus_world import Failure, Piped, World, free_port, wait_until  # noqa: E402

PATIENCE = 180  # seconds until a wait for Tor is a failure; nothing is measured


def children(pid):
    """The processes that a process started and that still run."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text(encoding="latin-1").rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] not in "ZX" and int(fields[1]) == pid:
            found.append(int(entry.name))
    return found


def name_of(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()
    except OSError:
        return None


def tors_of(pid):
    return [one for one in children(pid) if name_of(one) == "tor"]


def runs(pid):
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="latin-1")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def put_torrc(folder, lines):
    """Lines that the tor of that folder is started with."""
    os.makedirs(folder, mode=0o700, exist_ok=True)
    pathlib.Path(folder, "torrc").write_text("\n".join(lines) + "\n", encoding="utf-8")


class TorWorld(World):
    """A server with two addresses, 127.0.0.1 and an onion service."""

    def __init__(self, bin_folder, net):
        super().__init__(bin_folder)
        self.net = net

    def __enter__(self):
        made = subprocess.run(
            [f"{self.bin}/plexusd", "init", f"{self.folder}/server", "--host", "127.0.0.1", "--tor", "--port",
             str(free_port())], check=True, capture_output=True, text=True)
        self.address = made.stdout.strip().splitlines()[-1]
        found = re.fullmatch(r"smp://(\S+)@127\.0\.0\.1,([a-z2-7]{56}\.onion):(\d+)", self.address)
        if not found:
            raise Failure(f"an address without an onion host: {self.address}")
        self.fingerprint, self.onion, self.port = found.groups()
        put_torrc(f"{self.folder}/server/tor", self.net.torrc())
        self.start_server()
        return self

    def server_log(self):
        return pathlib.Path(f"{self.folder}/server.log").read_text(encoding="utf-8", errors="replace")

    def wait_published(self, times=1):
        wait_until(lambda: self.server_log().count("the onion service can be reached") >= times,
                   "the onion service to be published", PATIENCE)


class Messenger(Piped):
    """A messenger with a road of its own: extra options, lines of the torrc, and maybe another server."""

    def __init__(self, world, name, options=(), torrc=None, server=None):
        super().__init__(world, name)
        self.options = ["-d", f"{world.folder}/{name}", "-s", server or world.address, "-l", "debug", *options]
        if torrc is not None:
            put_torrc(f"{world.folder}/{name}_db/tor", torrc)

    def start(self):
        with open(f"{self.world.folder}/{self.name}.stderr", "a", encoding="utf-8") as log:
            self.process = subprocess.Popen([f"{self.world.bin}/plexus", *self.options], stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=log, text=True, bufsize=1)
        self.world.processes.append(self.process)
        threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True).start()
        return self

    def wait_for(self, pattern, start=0):
        return wait_until(lambda: next((m for m in map(re.compile(pattern).search, self.lines[start:]) if m), None),
                          f"'{pattern}' at {self.name}, who saw {self.lines[-8:]}", PATIENCE)

    def introduce(self):
        self.start()
        self.wait_for("Welcome")
        self.say(self.name)
        self.wait_for(f"You are {self.name}")

    def tor(self):
        """The pid of its own tor."""
        return wait_until(lambda: next(iter(tors_of(self.process.pid)), None), f"the tor of {self.name}")


def befriend(first, second):
    start = len(first.lines)
    first.say("/c")
    link = first.wait_for(r"^(https://\S+|simplex:/\S+)$", start)[1]
    second.say(f"/c {link}")
    first.wait_for(f"{second.name}: contact is connected")
    second.wait_for(f"{first.name}: contact is connected")


def tell(sender, receiver, text):
    if not sender.say(f"@{receiver.name} {text}"):
        raise Failure(f"{sender.name} is gone")
    receiver.wait_for(f"^{sender.name}> {re.escape(text)}$")


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.wait()
