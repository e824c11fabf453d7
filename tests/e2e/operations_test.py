#!/usr/bin/env python3
"""A server as its operator runs it: plexusd ctl, daily statistics, reload and rotation of certificates, what the service
manager hears, pages and SMP on one port, metrics.

    operations_test.py BIN
"""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import sys

from plexus_world import Failure, PATIENCE, World, free_port, wait_until

SITE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../plugins/smp-web/site")
COLUMNS = 101  # of a daily line


def check(condition, what):
    if not condition:
        raise Failure(what)


def openssl(*words):
    subprocess.run(["openssl", *words], check=True, capture_output=True)


class Operated(World):
    """A server with all that an operator adds to what init wrote."""

    def __enter__(self):
        self.dir = f"{self.folder}/server"
        self.port, self.second_port, self.metrics_port = free_port(), free_port(), free_port()
        made = subprocess.run([f"{self.bin}/plexusd", "init", self.dir, "--host", "127.0.0.1", "--port", str(self.port)],
                              check=True, capture_output=True, text=True)
        self.address = made.stdout.strip().splitlines()[-1]
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "9",
                "-subj", "/CN=pages.example", "-keyout", f"{self.dir}/web.key", "-out", f"{self.dir}/web.crt")
        os.chmod(f"{self.dir}/web.key", 0o600)
        self.configure()
        self.notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notified.bind(f"{self.folder}/notify")
        self.notified.settimeout(PATIENCE)
        self.start_server()
        return self

    def start_server(self):
        # Messengers that the test runs have no service manager: what is heard is the server.
        os.environ["NOTIFY_SOCKET"] = f"{self.folder}/notify"
        try:
            super().start_server()
        finally:
            del os.environ["NOTIFY_SOCKET"]

    def configure(self, more="", port=None, operator="Example Cooperative"):
        with open(f"{self.dir}/plexus.toml", "w") as out:
            out.write(f"""[kernel]
shards = 2
[plugin.transport-tls]
[plugin.network]
[plugin.store-lmdb]
path = "store"
[plugin.smp-server]
address = "127.0.0.1"
hosts = ["127.0.0.1"]
port = {port or self.port}
more-ports = ["{self.second_port}"]
certificate-chain = "server.crt"
private-key = "server.key"
web-certificate-chain = "web.crt"
web-private-key = "web.key"
{more}
[plugin.smp-admin]
[plugin.smp-web]
metrics-port = {self.metrics_port}
operator = "{operator}"
website = "https://coop.example"
""")

    def hears(self, what):
        return wait_until(lambda: self.notified.recv(4096).decode().startswith(what), f"{what} by sd_notify")

    def log(self):
        with open(f"{self.folder}/server.log") as text:
            return text.read()

    def ctl(self, *words, code=0):
        done = subprocess.run([f"{self.bin}/plexusd", "ctl", "--json", self.dir, *words], capture_output=True, text=True,
                              timeout=PATIENCE)
        check(done.returncode == code, f"ctl {words} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return json.loads(done.stdout) if done.stdout.startswith("{") else done.stderr

    def leaf(self, port, name=None, alpn=("smp/1",)):
        with self.tls(port, name, alpn) as peer:
            return peer.getpeercert(binary_form=True)

    def tls(self, port, name=None, alpn=("http/1.1",)):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(list(alpn))
        raw = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        return context.wrap_socket(raw, server_hostname=name)

    def https(self, method, path, port=None, headers=None):
        """(status, headers, body)."""
        with self.tls(port or self.port, "pages.example", ("h2", "http/1.1")) as peer:
            check(peer.selected_alpn_protocol() == "http/1.1", f"ALPN is {peer.selected_alpn_protocol()}")
            connection = http.client.HTTPConnection("pages.example")
            connection.sock = peer
            connection.request(method, path, headers=headers or {})
            got = connection.getresponse()
            return got.status, dict(got.getheaders()), got.read().decode()


def test_ctl(world):
    mode = stat.S_IMODE(os.stat(f"{world.dir}/admin.sock").st_mode)
    check(mode == 0o600, f"the admin socket has mode {mode:o}")
    check(world.ctl("stats")["qCreated"] == 0, "a new server has created queues")
    world.once("alice", "/create user alice")
    code, out = world.once("alice", "/c")
    check(code == 0, f"no link: {out}")
    link = re.search(r"/i#([A-Za-z0-9_-]+)/", out).group(1)
    stats = world.ctl("stats")
    check(stats["qCreated"] == 1 and stats["qCount"] == 1, f"after one link: {stats}")
    check(world.ctl("queues")["queues"] == 1, "one queue")
    with world.tls(world.port, None, ("smp/1",)) as peer:
        check(len(peer.recv(1)) == 1, "no hello")
        wait_until(lambda: world.ctl("clients")["count"] == 1, "the end of the other client")
    shown = world.ctl("queue", link)
    check(shown["status"] == "active" and shown["mode"] == "messaging" and shown["messages"] == 0 and shown["link"],
          f"a queue: {shown}")
    world.ctl("block", link, "content")
    check(world.ctl("stats")["qBlocked"] == 1, "one blocked queue")
    world.ctl("block", link, "spam", "3600")
    shown = world.ctl("queue", link)
    check(shown["status"] == "blocked" and shown["reason"] == "spam" and json.loads(shown["notice"]) == {"ttl": 3600},
          f"a blocked queue: {shown}")
    check("no number" in str(world.ctl("block", link, "spam", "soon", code=1)), "a time that is none")
    world.ctl("unblock", link)
    check(world.ctl("queue", link)["status"] == "active", "unblocked")
    check("no such queue" in str(world.ctl("queue", "AAAA", code=1)), "a queue that is none")
    check("spam or content" in str(world.ctl("block", link, "boredom", code=1)), "a reason that is none")
    world.ctl("delete", link)
    check("no such queue" in str(world.ctl("delete", link, code=1)), "deleted twice")
    check(world.ctl("stats")["qCount"] == 0, "deleted")
    check(world.ctl("log") == {"level": "info"}, "the level at first")
    check(world.ctl("log", "debug") == {"level": "debug"}, "the level then")
    check("log level" in str(world.ctl("log", "loud", code=1)), "a level that is none")
    check("there is no command" in str(world.ctl("dance", code=1)), "a command that is none")
    shown = subprocess.run([f"{world.bin}/plexusd", "ctl", world.dir, "stats"], capture_output=True, text=True).stdout
    check(re.search(r"^qCreated +1$", shown, re.MULTILINE), f"for people: {shown}")
    world.ctl("save")
    # Who is not the operator, or talks nonsense, gets nothing.
    for nonsense in (b"x" * 5000, b"{}\n", b"[1]\n", b"[]\n"):
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(f"{world.dir}/admin.sock")
            peer.sendall(nonsense)
            peer.settimeout(PATIENCE)
            try:
                check(peer.recv(100) == b"", f"an answer to {nonsense[:9]}")
            except ConnectionResetError:
                pass


def test_day(world):
    line = world.ctl("day")["line"].split(",")
    check(len(line) == COLUMNS, f"{len(line)} columns")
    check(re.fullmatch(r"\d{4}-\d\d-\d\d", line[0]), f"the date {line[0]}")
    check(line[1:6] == ["1", "0", "1", "0", "0"], f"the day's queues and messages: {line}")
    world.ctl("stop")
    check(world.server.wait(timeout=PATIENCE) == 0, "stop is an orderly end")
    world.hears("STOPPING=1")
    world.start_server()
    world.hears("READY=1")
    check(world.ctl("stats")["qCreated"] == 1, "what was counted is kept over a restart")
    check(world.ctl("day")["line"].split(",")[1] == "0", "the day before is not counted again")
    with open(f"{world.dir}/smp-server-stats.daily.log") as lines:
        check(len(lines.readlines()) == 2, "two lines")


def test_pages(world):
    status, headers, body = world.https("GET", "/")
    check(status == 200 and "Example Cooperative" in body and world.address.split("@")[0] in body, f"the page: {body}")
    check("default-src 'none'" in headers["Content-Security-Policy"], f"{headers}")
    check('href="https://coop.example"' in body, "the website")
    for path in ("/contact", "/invitation", "/a", "/c", "/g", "/r", "/i", "/a/", "/contact/", "/i/?x=1"):
        status, _, body = world.https("GET", path, world.second_port)
        check(status == 200 and "/link.js" in body and "https://" not in body, f"{path}: {status} {body}")
    for path, kind in (("/link.js", "text/javascript"), ("/qr.js", "text/javascript"), ("/style.css", "text/css"),
                       ("/.well-known/assetlinks.json", "application/json"),
                       ("/.well-known/apple-app-site-association", "application/json")):
        status, headers, body = world.https("GET", path)
        check(status == 200 and headers["Content-Type"].startswith(kind) and body, f"{path}: {status} {headers}")
        if kind == "application/json":
            json.loads(body)
        else:
            with open(f"{SITE}{path}") as source:
                check(body == source.read(), f"{path} is not the file of the site")
    status, headers, body = world.https("HEAD", "/a")
    check(status == 200 and body == "" and int(headers["Content-Length"]) > 0, "HEAD")
    for method, path, headers, want in (("GET", "/../server.key", {}, 404), ("GET", "/ab", {}, 404),
                                        ("POST", "/", {}, 405), ("GET", "/", {"x": "y" * 9000}, 431)):
        status = world.https(method, path, headers=headers)[0]
        check(status == want, f"{method} {path}: {status}")
    with world.tls(world.port, "pages.example") as peer:
        peer.sendall(b"\x16\x03\r\n\r\n")
        check(peer.recv(100).startswith(b"HTTP/1.1 400 "), "no HTTP")
    # Official clients on port 443 offer http/1.1, name nobody, and mean SMP.
    for port in (world.port, world.second_port):
        with world.tls(port, None, ("http/1.1",)) as peer:
            hello = b""
            while len(hello) < 16384:
                hello += peer.recv(16384)
            check(len(hello) == 16384, "a hello is a block")


def test_metrics(world):
    def get(path):
        connection = http.client.HTTPConnection("127.0.0.1", world.metrics_port, timeout=PATIENCE)
        connection.request("GET", path)
        got = connection.getresponse()
        return got.status, got.read().decode()

    check(get("/health") == (200, "ok\n"), "health")
    check(get("/")[0] == 404, "nothing else")
    status, text = get("/metrics")
    check(status == 200, f"metrics: {status}")
    for line in ("simplex_smp_queues_created 1", 'simplex_smp_queues_deleted{type="all"} 1', "simplex_smp_queues_total1 0"):
        check(line in text.splitlines(), f"no '{line}' in {text}")
    names = [line.split("{")[0].split(" ")[0] for line in text.splitlines() if not line.startswith("#")]
    types = [line.split(" ")[2] for line in text.splitlines() if line.startswith("# TYPE")]
    check(len(types) == len(set(types)) and set(types) == set(names), "a type for each name")


def test_reload(world):
    before = world.leaf(world.port), world.leaf(world.port, "pages.example", ("http/1.1",))
    with world.tls(world.port, None, ("smp/1",)) as standing:
        # The server's key is a new one, its authority is the old one: the address stays.
        new = f"{world.folder}/new"
        openssl("genpkey", "-algorithm", "ed448", "-out", f"{new}.key")
        openssl("req", "-new", "-key", f"{new}.key", "-subj", "/CN=rotated", "-out", f"{new}.csr")
        openssl("x509", "-req", "-in", f"{new}.csr", "-CA", f"{world.dir}/ca.crt", "-CAkey", f"{world.dir}/ca.key",
                "-days", "9", "-CAcreateserial", "-out", f"{new}.crt")
        with open(f"{world.dir}/server.crt", "w") as out, open(f"{new}.crt") as leaf, open(f"{world.dir}/ca.crt") as ca:
            out.write(leaf.read() + ca.read())
        shutil.copy(f"{new}.key", f"{world.dir}/server.key")
        os.chmod(f"{world.dir}/server.key", 0o600)
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "9", "-subj", "/CN=pages.example", "-keyout",
                f"{world.dir}/web.key", "-out", f"{world.dir}/web.crt")
        world.configure("quota = 7", free_port(), "Another <Operator>")
        world.server.send_signal(signal.SIGHUP)
        world.hears("RELOADING=1")
        world.hears("READY=1")
        wait_until(lambda: "reload: done" in world.log(), "the end of a reload")
        for line in ("plugin.smp-server.quota is taken over", "plugin.smp-server.port needs a restart",
                     "plugin.smp-web.operator is taken over", "the server's certificate is a new one"):
            check(line in world.log(), f"no '{line}' in {world.log()}")
        check(world.ctl("information")["quota"] == 7, "the new quota")
        check("Another &lt;Operator&gt;" in world.https("GET", "/")[2], "the new operator")
        for old, now in zip(before, (world.leaf(world.port), world.leaf(world.port, "pages.example", ("http/1.1",)))):
            check(old != now, "an old certificate is shown")
        check(world.leaf(world.port) == world.leaf(world.second_port), "one port shows another certificate")
        standing.settimeout(PATIENCE)
        check(len(standing.recv(1)) == 1, "a connection that stands goes on")
    check(world.once("alice", "/c")[0] == 0, "the messenger takes the new certificate under the same address")
    # What is wrong changes nothing.
    world.configure("quota = 0")
    check("is not from 1" in str(world.ctl("reload", code=1)), "a wrong value")
    check(world.ctl("information")["quota"] == 7, "still the quota of before")
    world.configure("quota = 9")
    check("quota is taken over" in world.ctl("rotate")["reloaded"], "and one that is right again")
    openssl("req", "-x509", "-newkey", "ed448", "-nodes", "-subj", "/CN=other", "-keyout", f"{world.folder}/o.key", "-out",
            f"{world.folder}/o.crt")
    good = open(f"{world.dir}/server.crt").read()
    with open(f"{world.dir}/server.crt", "w") as out:
        out.write(good.split("-----END CERTIFICATE-----\n")[0] + "-----END CERTIFICATE-----\n" + open(f"{world.folder}/o.crt").read())
    check("another" in str(world.ctl("reload", code=1)), "another authority would be another address")
    with open(f"{world.dir}/server.crt", "w") as out:
        out.write(good)


def test_drain(world):
    with world.tls(world.port, None, ("smp/1",)) as standing:
        standing.recv(1)
        drains = subprocess.Popen([f"{world.bin}/plexusd", "ctl", world.dir, "drain"], stdout=subprocess.DEVNULL)
        world.processes.append(drains)

        def refuses():
            try:
                socket.create_connection(("127.0.0.1", world.second_port), timeout=PATIENCE).close()
                return False
            except ConnectionRefusedError:
                return True

        wait_until(refuses, "a closed port")
        check(world.server.poll() is None, "it waits for its clients")
    check(drains.wait(timeout=PATIENCE) == 0, "drained")
    check(world.server.wait(timeout=PATIENCE) == 0, "and ended")
    check(not os.path.exists(f"{world.dir}/admin.sock"), "the admin socket is gone")
    check("no server listens" in str(world.ctl("stats", code=1)), "nobody answers")


def main():
    bin_folder = sys.argv[1]
    with Operated(bin_folder) as world:
        world.hears("READY=1")
        for test in (test_ctl, test_day, test_pages, test_metrics, test_reload, test_drain):
            test(world)
            print(f"{test.__name__}: passed", flush=True)


if __name__ == "__main__":
    main()
