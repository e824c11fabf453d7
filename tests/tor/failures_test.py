#!/usr/bin/env python3
"""Everything that can be wrong with a tor: a sentence names the cause, and it is tried again."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from tor_world import Failure, children, runs, wait_until

HERE = pathlib.Path(__file__).resolve().parent
FAKE = HERE / "fake_tor.py"


class Daemon:
    """plexusd with transport-tor and nothing else."""

    def __init__(self, bin_folder, keys, fake="", more="", **process):
        self.folder = tempfile.mkdtemp(prefix="plexus-tor-")
        self.log = pathlib.Path(self.folder, "log")
        toml = pathlib.Path(self.folder, "plexus.toml")
        toml.write_text("[kernel]\nlog.level = \"debug\"\n[plugin.transport-tor]\n" +
                        "".join(f"{name} = {value}\n" for name, value in keys.items()) + more, encoding="utf-8")
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen([f"{bin_folder}/plexusd", "start", str(toml)], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, env=dict(os.environ, FAKE_TOR=fake), **process)

    def text(self):
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait_for(self, text, times=1):
        try:
            wait_until(lambda: self.text().count(text) >= times, f"'{text}'", 120)
        except Failure as failure:
            raise Failure(f"{failure}; the log says:\n{self.text()}") from None

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def toml(text):
    return '"' + str(text) + '"'


def own(how="", **more):
    """Short patience only where it is to run out: a loaded machine takes its time to start a fake."""
    return dict({"program": toml(FAKE), "start-timeout": '"1s"' if how == "no-port" else '"60s"',
                 "control-timeout": '"1s"' if how == "silent" or how.startswith("mute") else '"60s"'}, **more)


SAID = {
    "exits": "tor ended (exit code 1), and said last: Failed to parse/validate config: Unknown option 'Nonsense'",
    "dies": "tor ended (signal 9)",
    "no-port": "tor did not open its control port within 1 s",
    "silent": "tor did not answer at its control port within 1 s",
    "closes": "tor ended (exit code 0)",
    "garbage": "is no line of a control port's reply",
    "endless": "the control port sent a line of more than",
    "wrong-cookie": "does not know the cookie of",
    "no-cookie": "its cookie cannot be read",
    "refuses": "tor does not accept the cookie of",
    "exit-at-AUTHCHALLENGE": "tor ended (exit code 7), and said last: Something broke while it ran",
    "exit-at-TAKEOWNERSHIP": "tor ended (exit code 7), and said last: Something broke while it ran",
    "exit-at-GETINFO": "tor ended (exit code 7), and said last: Something broke while it ran",
    "mute-at-SETEVENTS": "tor did not answer at its control port within 1 s",
    "stuck": "Connecting to a relay, but: No route to host (NOROUTE)",
}


def test_failures_of_tor(bin_folder):
    """Each fake in a daemon of its own, all at once: they mostly wait."""
    failures = []

    def one(how, said):
        try:
            with Daemon(bin_folder, own(how), how) as daemon:
                daemon.wait_for(said)
                if how not in ("stuck",):
                    daemon.wait_for("again_in=")
                    daemon.wait_for("tor was started", 2)
                daemon.process.send_signal(signal.SIGTERM)
                if daemon.process.wait(timeout=60) != 0:
                    raise Failure(f"plexusd did not end in order:\n{daemon.text()}")
        except (Failure, subprocess.TimeoutExpired) as failure:
            failures.append(f"{how}: {failure}")

    cases = list(SAID.items())
    for begin in range(0, len(cases), 4):
        threads = [threading.Thread(target=one, args=case) for case in cases[begin:begin + 4]]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if failures:
        raise Failure("\n".join(failures))


def test_places(bin_folder):
    """No program, a folder that cannot be, one that is another's, one without room."""
    with Daemon(bin_folder, {"program": toml("/nonexistent/tor")}) as daemon:
        daemon.wait_for("/nonexistent/tor is no program that can be run")
    with Daemon(bin_folder, {"program": toml("no-such-tor")}) as daemon:
        daemon.wait_for("there is no program no-such-tor: install it (Debian: apt-get install tor)")
    with Daemon(bin_folder, own("exits", path=toml("/dev/null/tor")), "exits") as daemon:
        daemon.wait_for("tor's folder /dev/null/tor cannot be made")
    with Daemon(bin_folder, own(), "no-port") as first:
        first.wait_for("tor was started")
        with Daemon(bin_folder, own(path=toml(f"{first.folder}/tor")), "no-port") as second:
            second.wait_for("another program uses tor's folder")
    # Python's own children ignore the signal, so a write beyond the limit fails as on a disk without room.
    limited = dict(restore_signals=False, preexec_fn=lambda: limit_files(4096))
    with Daemon(bin_folder, own(), "exits", **limited) as daemon:
        wait_until(lambda: (pathlib.Path(daemon.folder) / "tor").exists(), "tor's folder")
        wait_until(lambda: daemon.log.stat().st_size > 500, "a log")
        daemon.wait_for("there is no room in tor's folder")


def limit_files(size):
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def test_configuration(bin_folder):
    """Mistakes are told before anything starts."""
    for keys, expected in (
            ({"torrc": '["DataDirectory /tmp"]'}, "torrc: datadirectory is not to be set here"),
            ({"torrc": '["HiddenServiceSingleHopMode 1"]'}, "is not to be set here"),
            ({"torrc": '["A 1\\nB 2"]'}, "is not one line"),
            ({"control": '"nonsense"'}, "control: nonsense is no address"),
            ({"control": '"example.com:9051"'}, "is no address"),
            ({"socks": '"9050"'}, "name its control port too"),
            ({"client-keys": '["secret"]'}, "client-keys: one is not"),
            ({"log": '"loud"'}, "log")):
        with Daemon(bin_folder, keys) as daemon:
            if daemon.process.wait(timeout=60) == 0:
                raise Failure(f"{keys} was taken")
            if expected not in daemon.text():
                raise Failure(f"{keys}: {daemon.text()}")


def test_onion_without_tor(bin_folder):
    """A server that is to be published, and nothing that does it; and a key that others can read."""
    folder = tempfile.mkdtemp(prefix="plexus-tor-")
    try:
        subprocess.run([f"{bin_folder}/plexusd", "init", f"{folder}/server", "--tor"], check=True, capture_output=True)
        toml_path = pathlib.Path(folder, "server", "plexus.toml")
        text = toml_path.read_text(encoding="utf-8")
        toml_path.write_text(text.replace('[plugin.transport-tor]\npath = "tor"\n', ""), encoding="utf-8")
        said = subprocess.run([f"{bin_folder}/plexusd", "start", f"{folder}/server"], capture_output=True, text=True,
                              timeout=120, stdin=subprocess.DEVNULL)
        if said.returncode == 0 or "add [plugin.transport-tor]" not in said.stdout + said.stderr:
            raise Failure(f"onion = true without tor: {said}")
        toml_path.write_text(text, encoding="utf-8")
        pathlib.Path(folder, "server", "onion.key").write_text("nonsense", encoding="ascii")
        said = subprocess.run([f"{bin_folder}/plexusd", "start", f"{folder}/server"], capture_output=True, text=True,
                              timeout=120, stdin=subprocess.DEVNULL)
        if said.returncode == 0 or "is no key of an onion service" not in said.stdout + said.stderr:
            raise Failure(f"a damaged onion.key: {said}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_running_tor_that_is_none(bin_folder):
    """A control port of somebody else's: nobody there, one that never answers, one that is no tor."""
    with Daemon(bin_folder, {"control": toml("127.0.0.1:1")}) as daemon:
        daemon.wait_for("tor's control port cannot be reached: 127.0.0.1:1")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with Daemon(bin_folder, {"control": toml(port), "control-timeout": '"1s"'}) as daemon:
            daemon.wait_for("tor did not answer at its control port within 1 s")
            daemon.wait_for("again_in=", 2)


def test_nothing_is_left(bin_folder):
    """A tor that does not hear SIGTERM ends with us, and one of a killed plexusd ends too."""
    with Daemon(bin_folder, own(), "deaf") as daemon:
        tor = wait_until(lambda: next(iter(children(daemon.process.pid)), None), "the fake tor")
        daemon.wait_for("Connecting to a relay")
        daemon.process.send_signal(signal.SIGTERM)
        daemon.process.wait(timeout=60)
        wait_until(lambda: not runs(tor), "the end of a deaf tor")
    with Daemon(bin_folder, {}) as daemon:
        if shutil.which("tor") is None:
            return
        tor = wait_until(lambda: next(iter(children(daemon.process.pid)), None), "a real tor")
        daemon.process.kill()
        daemon.process.wait()
        wait_until(lambda: not runs(tor), "the end of tor after that of plexusd")


def main():
    for test in (test_configuration, test_places, test_failures_of_tor, test_onion_without_tor,
                 test_running_tor_that_is_none, test_nothing_is_left):
        if sys.argv[2:] and test.__name__ not in sys.argv[2:]:
            continue
        began = time.monotonic()
        test(sys.argv[1])
        print(f"{test.__name__}: good ({time.monotonic() - began:.1f} s)", flush=True)


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"FAILED: {failure}")
