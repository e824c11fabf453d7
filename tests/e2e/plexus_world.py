"""Real processes for end-to-end tests: a server, messengers at pipes, messengers in tmux."""

import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import uuid
from pathlib import Path

PATIENCE = 180  # seconds until a wait is a failure; nothing is measured


class Failure(Exception):
    pass


def wait_until(condition, what, patience=PATIENCE):
    """The first true value of `condition()`."""
    end = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"waited in vain for {what}")
        time.sleep(0.03)


given_ports = set()


def free_port():
    """A port on which nobody listens. It is below those that the system gives to outgoing connections: one of those could
    take it while the server is not there, or a client that dials it could meet itself."""
    while True:
        with socket.socket() as probe:
            port = random.randrange(10000, 32000)
            if port in given_ports:
                continue
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            given_ports.add(port)
            return port


class World:
    """A scratch folder with a server in it. Use it with `with`."""

    def __init__(self, bin_folder):
        self.bin = bin_folder
        self.folder = tempfile.mkdtemp(prefix="plexus-e2e-")
        self.processes = []
        self.tmux_name = f"plexus-e2e-{uuid.uuid4().hex[:12]}"
        self.tmux_used = False
        self.address = None
        self.server = None

    def __enter__(self):
        made = subprocess.run(
            [f"{self.bin}/plexusd", "init", f"{self.folder}/server", "--host", "127.0.0.1", "--port", str(free_port())],
            check=True, capture_output=True, text=True)
        self.address = made.stdout.strip().splitlines()[-1]
        self.start_server()
        return self

    def __exit__(self, kind, value, trace):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
        if self.tmux_used:
            subprocess.run(["tmux", "-L", self.tmux_name, "kill-server"], capture_output=True)
        if kind is None:
            shutil.rmtree(self.folder, ignore_errors=True)
        else:
            print(f"the databases and logs of the failure stay in {self.folder}")

    def start_server(self):
        log = open(f"{self.folder}/server.log", "a")
        self.server = subprocess.Popen([f"{self.bin}/plexusd", "start", f"{self.folder}/server"], stdin=subprocess.DEVNULL,
                                       stdout=log, stderr=log)
        log.close()
        self.processes.append(self.server)
        port = int(self.address.rsplit(":", 1)[1])

        def listens():
            if self.server.poll() is not None:
                raise Failure(f"the server ended with {self.server.returncode}")
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return True
            except OSError:
                return False

        wait_until(listens, "the server")

    def kill_server(self, how=signal.SIGKILL):
        self.server.send_signal(how)
        self.server.wait()

    def command_line(self, name, *more):
        return [f"{self.bin}/plexus", "-d", f"{self.folder}/{name}", "-s", self.address, *more]

    def once(self, name, command, *more):
        """plexus -e, with no terminal to ask at: (exit code, output)."""
        done = subprocess.run(self.command_line(name, "-e", command, *more), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=PATIENCE * 2, start_new_session=True)
        return done.returncode, done.stdout + done.stderr

    def tmux(self, *words):
        settings = f"{self.folder}/tmux.conf"
        if not self.tmux_used:
            # A server of tmux that ends with its last session may take the next one along.
            Path(settings).write_text("set -g exit-empty off\n")
        self.tmux_used = True
        done = subprocess.run(["tmux", "-L", self.tmux_name, "-f", settings, "-u", *words], check=True,
                              capture_output=True, text=True, env=dict(os.environ, LC_ALL="C.UTF-8", TERM="xterm"))
        return done.stdout


class Piped:
    """A messenger whose standard input and output are pipes."""

    def __init__(self, world, name):
        self.world = world
        self.name = name
        self.lines = []
        self.process = None

    def start(self):
        log = open(f"{self.world.folder}/{self.name}.stderr", "a")
        self.process = subprocess.Popen(self.world.command_line(self.name), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=log, text=True, bufsize=1)
        log.close()
        self.world.processes.append(self.process)
        threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True).start()
        return self

    def _read(self, pipe):
        for line in pipe:
            self.lines.append(line.rstrip("\n"))

    def say(self, line):
        """False if the messenger is not there to hear it."""
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
            return True
        except (BrokenPipeError, OSError):
            return False

    def wait_for(self, pattern, start=0):
        found = wait_until(lambda: next((m for m in map(re.compile(pattern).search, self.lines[start:]) if m), None),
                           f"'{pattern}' at {self.name}")
        return found

    def ask(self, command):
        """The JSON that answers a command of the bot API."""
        start = len(self.lines)
        if not self.say(command):
            raise Failure(f"{self.name} is gone")
        line = wait_until(lambda: next((one for one in self.lines[start:] if one.startswith('{"type":')), None),
                          f"the answer to {command} at {self.name}")
        return json.loads(line)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def quit(self):
        self.say("/quit")
        return self.process.wait(timeout=PATIENCE)


class Screen:
    """A messenger in a terminal of tmux."""

    def __init__(self, world, name, width=100, height=50):
        self.world = world
        self.name = name
        self.size = ["-x", str(width), "-y", str(height)]

    def start(self, *more):
        command = " ".join(f"'{word}'" for word in self.world.command_line(self.name, *more))
        self.world.tmux("new-session", "-d", "-s", self.name, *self.size,
                        f"{command}; echo \"exit code $?\"; stty -a | grep -o '[-]*icanon'; sleep 600")
        return self

    def text(self):
        return self.world.tmux("capture-pane", "-p", "-J", "-S", "-2000", "-t", self.name)

    def rows(self):
        return [row.rstrip() for row in self.text().splitlines() if row.strip()]

    def type(self, text):
        self.world.tmux("send-keys", "-t", self.name, "-l", "--", text)

    def key(self, name):
        self.world.tmux("send-keys", "-t", self.name, name)

    def enter(self, text):
        self.type(text)
        self.key("Enter")

    def wait_for(self, pattern):
        try:
            return wait_until(lambda: re.search(pattern, self.text(), re.MULTILINE), f"'{pattern}' on the screen of {self.name}")
        except Failure as failure:
            raise Failure(f"{failure}; it shows:\n{self.text()}") from None

    def end(self):
        self.world.tmux("kill-session", "-t", self.name)


def connect(world, first, second):
    """A user and a contact for each of two piped messengers."""
    for one in (first, second):
        one.start()
        one.wait_for("Welcome")
        one.say(one.name)
        one.wait_for(f"You are {one.name}")
    first.say("/c")
    link = first.wait_for(r"^(https://\S+|simplex:/\S+)$").group(1)
    second.say(f"/c {link}")
    first.wait_for(f"{second.name}: contact is connected")
    second.wait_for(f"{first.name}: contact is connected")
