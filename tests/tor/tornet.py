#!/usr/bin/env python3
"""A private Tor network on 127.0.0.1: three directory authorities, four relays that are exits, and an obfs4 bridge.

    tornet.py start DIR [--no-bridge] [--owner PID]    returns when every node can build circuits
    tornet.py torrc DIR                                what a client's torrc must hold to join it
    tornet.py bridge DIR                               the bridge's line, and its plugin's
    tornet.py stop DIR

As a module: `with Tornet(folder) as net`. Nodes listen, and connect out, on 127.0.0.1 alone. With an owner they end
by themselves within 15 seconds of that process. It needs the programs tor and tor-gencert (Debian: tor), and for the
bridge obfs4proxy; without that one there is no bridge.

What makes it quick: the authorities do not vote until each of them knows every relay, and then at once. Each waits
with a long interval; a new torrc and SIGHUP bring the first vote two seconds from now, and the vote after it five
minutes later, since a client that does not know it is in a test refuses a shorter one."""

import argparse
import http.client
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request

HERE = "127.0.0.1"
AUTHORITIES = 3
RELAYS = 4  # in all seven nodes; fewer than four can build no circuit
IDLE_INTERVAL = 1800  # seconds, until the relays are known
FIRST_INTERVAL = 5  # the shortest that tor takes
INTERVAL = 300  # the shortest that a client takes that is not in a test
PATIENCE = 600  # seconds, for a start that takes 15 on a quiet machine

# Services and clients must agree on when the places of descriptors change: 24 intervals in a testing tor.
COMMON = """\
TestingTorNetwork 1
{authorities}Nickname {name}
ContactInfo none
DataDirectory {folder}
Address 127.0.0.1
OutboundBindAddress 127.0.0.1
ORPort 127.0.0.1:{orport} IPv4Only
SocksPort 0
AssumeReachable 1
ServerDNSAllowBrokenConfig 1
ServerDNSDetectHijacking 0
ServerDNSTestAddresses
GeoIPFile {empty}
GeoIPv6File {empty}
ShutdownWaitLength 0
SafeLogging 0
Log notice file {folder}/notice.log
"""
EXIT = """\
ExitRelay 1
ExitPolicyRejectPrivate 0
ExitPolicy accept *:*
"""
AUTHORITY = """\
DirPort 127.0.0.1:{dirport} IPv4Only
AuthoritativeDirectory 1
V3AuthoritativeDirectory 1
TestingV3AuthInitialVotingInterval {first}
TestingV3AuthInitialVoteDelay 2
TestingV3AuthInitialDistDelay 2
TestingV3AuthVotingStartOffset {offset}
V3AuthVotingInterval {interval}
V3AuthVoteDelay 2
V3AuthDistDelay 2
TestingDirAuthVoteExit *
TestingDirAuthVoteGuard *
TestingDirAuthVoteHSDir *
V3BandwidthsFile {bandwidths}
ConsensusParams hsdir_interval={hsdir}
"""
BRIDGE = """\
BridgeRelay 1
PublishServerDescriptor 0
ExitRelay 0
ServerTransportPlugin obfs4 exec {obfs4}
ServerTransportListenAddr obfs4 127.0.0.1:{ptport}
ExtORPort auto
"""
CLIENT = ["EnforceDistinctSubnets 0", "ExtendAllowPrivateAddresses 1", "ClientRejectInternalAddresses 0",
          "ClientDNSRejectInternalAddresses 0"]


class Failure(Exception):
    """What went wrong, for people."""


def missing_programs():
    return [name for name in ("tor", "tor-gencert") if shutil.which(name) is None]


def free_ports(count):
    """Below those that the kernel gives to outgoing connections, one of which could be taken in between."""
    text = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii")
    end = max(int(text.split()[0]), 20000)
    held = []
    for port in random.sample(range(10000, end), end - 10000):
        probe = socket.socket()
        try:
            probe.bind((HERE, port))
        except OSError:
            probe.close()
            continue
        held.append(probe)
        if len(held) == count:
            break
    ports = [probe.getsockname()[1] for probe in held]
    for probe in held:
        probe.close()
    return ports


def birth(pid):
    """When that process began; None if it runs no more."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="latin-1").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


class Node:
    def __init__(self, net, kind, number, ports):
        self.net = net
        self.kind = kind
        self.name = f"{kind}{number}"
        self.folder = net.folder / self.name
        self.ports = ports
        self.fingerprint = self.identity = None
        self.pid = self.born = None

    def text(self, name):
        try:
            return (self.folder / name).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    def log(self):
        return self.text("notice.log")

    def runs(self):
        return self.pid is not None and birth(self.pid) == self.born

    def make_keys(self):
        """The programs that do it; looking for primes takes longest, so all run at once."""
        self.folder.mkdir(mode=0o700)
        (self.folder / "keys").mkdir(mode=0o700)
        empty = str(self.net.empty)
        jobs = [["tor", "-f", empty, "--defaults-torrc", empty, "--DataDirectory", str(self.folder), "--ORPort",
                 str(self.ports["orport"]), "--Nickname", self.name, "--GeoIPFile", empty, "--GeoIPv6File", empty,
                 "--list-fingerprint", "--hush"]]
        if self.kind == "auth":
            key = f"{self.folder}/keys/authority_"
            jobs.append(["tor-gencert", "--create-identity-key", "-m", "12", "-a", f"{HERE}:{self.ports['dirport']}",
                         "--passphrase-fd", "0", "-i", f"{key}identity_key", "-s", f"{key}signing_key", "-c",
                         f"{key}certificate"])
        return [subprocess.Popen(job, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                for job in jobs]

    def read_keys(self):
        self.fingerprint = self.text("fingerprint").split()[1]
        if self.kind == "auth":
            self.identity = re.search(r"^fingerprint ([0-9A-F]{40})$", self.text("keys/authority_certificate"), re.M)[1]

    def write_torrc(self, first, offset):
        values = dict(self.ports, authorities=self.net.authority_lines(), name=self.name, folder=self.folder,
                      empty=self.net.empty, first=first, offset=offset, interval=INTERVAL, hsdir=24 * INTERVAL // 60,
                      bandwidths=self.net.bandwidths, obfs4=self.net.obfs4)
        text = COMMON + {"auth": EXIT + AUTHORITY, "relay": EXIT, "bridge": BRIDGE}[self.kind]
        if self.net.owner:
            text += f"__OwningControllerProcess {self.net.owner}\n"
        (self.folder / "torrc").write_text(text.format(**values), encoding="utf-8")

    def start(self):
        with open(self.folder / "output", "w", encoding="utf-8") as output:
            self.pid = subprocess.Popen(
                ["tor", "-f", str(self.folder / "torrc"), "--defaults-torrc", str(self.net.empty), "--hush"],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd="/", start_new_session=True).pid
        self.born = birth(self.pid)

    def signal(self, number):
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            pass

    def document(self, what):
        """Of an authority's directory; empty if it has none."""
        try:
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(f"http://{HERE}:{self.ports['dirport']}/tor/{what}", timeout=5) as answer:
                return answer.read().decode("latin-1")
        except (OSError, http.client.HTTPException):
            return ""

    def consensus(self):
        return self.document("status-vote/current/consensus-microdesc")


class Tornet:
    def __init__(self, folder, bridge=True, owner=None):
        self.folder = pathlib.Path(folder).resolve()
        self.owner = owner
        self.obfs4 = shutil.which("obfs4proxy") if bridge else None
        self.empty = self.folder / "empty"
        self.bandwidths = self.folder / "bandwidths"
        self.nodes = []
        self.deadline = 0

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, value, trace):
        self.stop()

    def of(self, kind):
        return [node for node in self.nodes if node.kind == kind]

    def authority_lines(self):
        return "".join(f"DirAuthority {node.name} orport={node.ports['orport']} no-v2 v3ident={node.identity} "
                       f"{HERE}:{node.ports['dirport']} {node.fingerprint}\n" for node in self.of("auth"))

    def torrc(self):
        """Lines for a client."""
        return self.authority_lines().splitlines() + CLIENT

    def bridge(self):
        """The bridge's line and the one of its plugin, or None."""
        node = self.of("bridge")[0] if self.of("bridge") else None
        state = node.text("pt_state/obfs4_bridgeline.txt") if node else ""
        found = re.search(r"cert=\S+ iat-mode=\d", state)
        if not found:
            return None
        return (f"obfs4 {HERE}:{node.ports['ptport']} {node.fingerprint} {found[0]}", f"obfs4 exec {self.obfs4}")

    # ---- start

    def start(self):
        self.deadline = time.monotonic() + PATIENCE
        try:
            for attempt in range(3):
                self.clear()
                self.make()
                if self.run():
                    return
                self.stop()
            raise Failure("three votes in a row left nodes out")
        except BaseException:
            self.stop()
            raise

    def clear(self):
        if self.folder.exists():
            if any(self.folder.iterdir()) and not self.empty.exists():
                raise Failure(f"{self.folder} holds something else")
            shutil.rmtree(self.folder)
        self.folder.mkdir(parents=True, mode=0o700)
        self.empty.touch()

    def make(self):
        ports = free_ports(2 * AUTHORITIES + RELAYS + 2)
        self.nodes = [Node(self, "auth", i, {"orport": ports.pop(), "dirport": ports.pop()}) for i in range(AUTHORITIES)]
        self.nodes += [Node(self, "relay", i, {"orport": ports.pop()}) for i in range(RELAYS)]
        if self.obfs4:
            self.nodes.append(Node(self, "bridge", 0, {"orport": ports.pop(), "ptport": ports.pop()}))
        for job in [job for node in self.nodes for job in node.make_keys()]:
            # An empty line is an empty passphrase; without a line tor-gencert fails.
            output = job.communicate(b"\n")[0].decode(errors="replace")
            if job.returncode:
                raise Failure(f"{' '.join(job.args)} ended with {job.returncode}:\n{output}")
        for node in self.nodes:
            node.read_keys()
        # Of what relays measure themselves one would get all the weight, and be every position of a circuit.
        self.bandwidths.write_text(f"{int(time.time())}\n" + "".join(
            f"node_id=${node.fingerprint} bw=1000\n" for node in self.nodes if node.kind != "bridge"), encoding="ascii")

    def run(self):
        """False if the vote left a node out."""
        # A vote of the long interval is never near with one of these offsets.
        offset = 0 if time.time() % IDLE_INTERVAL < IDLE_INTERVAL - INTERVAL else INTERVAL
        for node in self.nodes:
            node.write_torrc(IDLE_INTERVAL, offset)
            node.start()
        self.save()
        voters = {node.fingerprint for node in self.nodes if node.kind != "bridge"}

        def known(node):
            found = re.findall(r"^fingerprint (.*)$", node.document("server/all"), re.M)
            return voters <= {one.replace(" ", "") for one in found}

        self.wait("the authorities to know every relay", lambda: all(map(known, self.of("auth"))))
        offset = int(time.time() + 3.5) % FIRST_INTERVAL
        for node in self.of("auth"):
            node.write_torrc(FIRST_INTERVAL, offset)
            node.signal(signal.SIGHUP)
        self.wait("a consensus", lambda: all(node.consensus() for node in self.of("auth")))
        for node in self.of("auth"):
            text = node.consensus()
            running = [flags for flags in re.findall(r"^s (.*)$", text, re.M) if "Running" in flags.split()]
            # Weights count only when three authorities voted for them.
            if len(running) < len(voters) or text.count("\nw Bandwidth=1000\n") < len(voters) - AUTHORITIES:
                return False
        # Left alone, relays ask for a consensus less and less often.
        for node in self.of("relay") + self.of("bridge"):
            node.signal(signal.SIGHUP)
        self.wait("every node to build circuits", lambda: all("Bootstrapped 100%" in n.log() for n in self.nodes))
        if self.obfs4:
            self.wait("the bridge's line", self.bridge)
        self.save()
        return True

    def wait(self, what, condition):
        while not condition():
            for node in self.nodes:
                if not node.runs():
                    raise Failure(f"{node.name} ended:\n{node.text('output')}{node.log()[-1000:]}")
            if time.monotonic() > self.deadline:
                logs = "".join(f"{node.name}:\n{node.log()[-600:]}" for node in self.nodes)
                raise Failure(f"waited in vain for {what}; the logs say\n{logs}")
            time.sleep(0.05)

    # ---- between programs

    def save(self):
        state = [[n.kind, int(n.name[-1]), n.ports, n.fingerprint, n.identity, n.pid, n.born] for n in self.nodes]
        (self.folder / "net.json").write_text(json.dumps(state), encoding="ascii")

    def load(self):
        try:
            state = json.loads((self.folder / "net.json").read_text(encoding="ascii"))
        except (OSError, ValueError) as error:
            raise Failure(f"no network in {self.folder}: {error}") from None
        for kind, number, ports, fingerprint, identity, pid, born in state:
            node = Node(self, kind, number, ports)
            node.fingerprint, node.identity, node.pid, node.born = fingerprint, identity, pid, born
            self.nodes.append(node)
        self.obfs4 = shutil.which("obfs4proxy")
        return self

    def stop(self):
        """Ends every node, and waits."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            end = time.monotonic() + 10
            left = [node for node in self.nodes if node.runs()]
            for node in left:
                node.signal(number)
            while left and time.monotonic() < end:
                time.sleep(0.02)
                for node in left:
                    try:
                        os.waitpid(node.pid, os.WNOHANG)
                    except ChildProcessError:
                        pass  # another program started it
                left = [node for node in left if node.runs()]


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("command", choices=["start", "torrc", "bridge", "stop"])
    options.add_argument("folder")
    options.add_argument("--no-bridge", action="store_true")
    options.add_argument("--owner", type=int)
    given = options.parse_args()
    net = Tornet(given.folder, not given.no_bridge, given.owner)
    if given.command == "start":
        if missing_programs():
            raise Failure(f"missing: {', '.join(missing_programs())} (Debian: apt-get install tor)")
        net.start()
    else:
        net.load()
    if given.command == "stop":
        net.stop()
    elif given.command == "bridge":
        print("\n".join(net.bridge() or ["there is no bridge"]))
    else:
        print("\n".join(net.torrc()))


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"tornet: {failure}")
