"""SOCKS5 proxies on loopback for tests: one that does what it is asked, and those that lie."""

import socket
import struct
import threading

from plexus_world import PATIENCE


class LyingProxy:
    """Takes connections and answers SOCKS5 with what `lie` gives for what it got."""

    def __init__(self, lie):
        self.lie = lie
        self.asked = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(peer,), daemon=True).start()

    def _talk(self, peer):
        peer.settimeout(PATIENCE)
        try:
            with peer:
                while data := peer.recv(4096):
                    self.asked.append(data)
                    answer = self.lie(data)
                    if answer is None:
                        return
                    peer.sendall(answer)
        except OSError:
            pass

    def close(self):
        self.socket.close()


def honest(last):
    """Greets, and says `last` to a request."""
    def lie(data):
        if data[:1] == b"\x05" and len(data) == 2 + data[1]:
            return b"\x05\x02" if 2 in data[2:] else b"\x05\x00"
        if data[:1] == b"\x01":
            return b"\x01\x00"
        return last
    return lie


LIES = {
    "refuses every request": honest(b"\x05\x01\x00\x01\0\0\0\0\0\0"),
    "says yes and talks nonsense": honest(b"\x05\x00\x00\x01\0\0\0\0\0\0" + b"HTTP/1.1 200 OK\r\n\r\n" * 4),
    "answers garbage": lambda data: b"\xff" * 64,
    "closes": lambda data: None,
    "says nothing": lambda data: b"",
}


class HonestProxy:
    """Connects to where it is asked, and can die and come back on its port."""

    def __init__(self):
        self.port = 0
        self.asked = []   # (user name, host, port)
        self.open = set()
        self.guard = threading.Lock()
        self.start()

    def start(self):
        self.socket = socket.create_server(("127.0.0.1", self.port))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._serve, args=(self.socket,), daemon=True).start()

    def die(self):
        # A thread in accept() keeps the port until it is woken.
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        with self.guard:
            for one in self.open:
                try:
                    one.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def _serve(self, listening):
        while True:
            try:
                peer, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(peer,), daemon=True).start()

    def _exactly(self, peer, count):
        out = b""
        while len(out) < count:
            data = peer.recv(count - len(out))
            if not data:
                raise OSError("the client closed")
            out += data
        return out

    def _talk(self, peer):
        with peer:
            try:
                with self.guard:
                    self.open.add(peer)
                methods = self._exactly(peer, self._exactly(peer, 2)[1])
                user = ""
                if 2 in methods:
                    peer.sendall(b"\x05\x02")
                    user = self._exactly(peer, self._exactly(peer, 2)[1]).decode()
                    self._exactly(peer, self._exactly(peer, 1)[0])
                    peer.sendall(b"\x01\x00")
                else:
                    peer.sendall(b"\x05\x00")
                kind = self._exactly(peer, 4)[3]
                if kind == 3:
                    host = self._exactly(peer, self._exactly(peer, 1)[0]).decode()
                else:
                    family, size = (socket.AF_INET, 4) if kind == 1 else (socket.AF_INET6, 16)
                    host = socket.inet_ntop(family, self._exactly(peer, size))
                port = struct.unpack("!H", self._exactly(peer, 2))[0]
                self.asked.append((user, host, port))
                with socket.create_connection((host, port), timeout=PATIENCE) as server:
                    server.settimeout(None)
                    with self.guard:
                        self.open.add(server)
                    peer.sendall(b"\x05\x00\x00\x01\0\0\0\0\0\0")
                    back = threading.Thread(target=self._pump, args=(server, peer), daemon=True)
                    back.start()
                    self._pump(peer, server)
                    back.join()
            except OSError:
                pass
            finally:
                with self.guard:
                    self.open.discard(peer)

    @staticmethod
    def _pump(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass
