#!/usr/bin/python3 -IS
"""A tor that fails in the way that FAKE_TOR in the environment names: what a test of failures starts instead. The one
that is "honest" does not fail: it connects to loopback, for tests of what goes through.

Its control port is where a real one has it, control.sock in its working folder; COOKIE there is its cookie."""

import hashlib
import hmac
import os
import pathlib
import signal
import socket
import sys
import threading
import time

SERVER = b"Tor safe cookie authentication server-to-controller hash"
CONTROLLER = b"Tor safe cookie authentication controller-to-server hash"


def say(line):
    print(f"Nov 28 04:00:00.000 {line}", flush=True)


def take(connection, size):
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            sys.exit()
        data += more
    return data


def pump(source, sink):
    """One direction, to its end. What nobody takes any more is still read, or who sends it would wait for ever."""
    taken = True
    while True:
        try:
            data = source.recv(65536)
        except OSError:
            data = b""
        if not data:
            break
        try:
            if taken:
                sink.sendall(data)
        except OSError:
            taken = False
    try:
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # it is gone already


def relay(client):
    """SOCKS5 as tor speaks it, user name and password taken and forgotten."""
    _, count = take(client, 2)
    methods = take(client, count)
    if 2 in methods:
        client.sendall(b"\5\2")
        take(client, 1)
        take(client, take(client, 1)[0])
        take(client, take(client, 1)[0])
        client.sendall(b"\1\0")
    else:
        client.sendall(b"\5\0")
    kind = take(client, 4)[3]
    if kind == 3:
        host = take(client, take(client, 1)[0]).decode()
    else:
        host = socket.inet_ntop(*((socket.AF_INET, take(client, 4)) if kind == 1 else (socket.AF_INET6, take(client, 16))))
    port = int.from_bytes(take(client, 2), "big")
    codes = {ConnectionRefusedError: 5, socket.timeout: 4}
    try:
        if host.endswith(".onion"):
            raise TimeoutError
        server = socket.create_connection((host, port), timeout=30)
        server.settimeout(None)
    except OSError as error:
        code = 0xF0 if host.endswith(".onion") else codes.get(type(error), 4)
        client.sendall(bytes([5, code, 0, 1]) + bytes(6))
        client.close()
        return
    client.sendall(b"\5\0\0\1" + bytes(6))
    other = threading.Thread(target=pump, args=(client, server), daemon=True)
    other.start()
    pump(server, client)
    other.join()
    client.close()
    server.close()


def serve_socks():
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("socks.sock")
    listener.listen(128)
    while True:
        client, _ = listener.accept()
        threading.Thread(target=relay, args=(client,), daemon=True).start()


def serve(how):
    cookie = os.urandom(32)
    file = pathlib.Path("COOKIE").resolve()
    file.write_bytes(cookie if how != "wrong-cookie" else os.urandom(32))
    if how == "no-cookie":
        file.unlink()
    if how == "honest":
        threading.Thread(target=serve_socks, daemon=True).start()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("control.sock")
    listener.listen()
    connection, _ = listener.accept()
    if how == "silent":
        time.sleep(600)
    if how == "closes":
        sys.exit(0)
    lines = connection.makefile("rwb", buffering=0)

    def answer(*text):
        lines.write("".join(f"{line}\r\n" for line in text).encode())

    while True:
        words = lines.readline().decode().split()
        if not words:
            sys.exit(0)
        verb = words[0]
        if how == f"exit-at-{verb}":
            say("[err] Something broke while it ran")
            sys.exit(7)
        if how == f"mute-at-{verb}":
            time.sleep(600)
        if how == "garbage":
            lines.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        elif how == "endless":
            lines.write(b"2" * 100_000)
        elif verb == "PROTOCOLINFO":
            answer("250-PROTOCOLINFO 1", f'250-AUTH METHODS=SAFECOOKIE COOKIEFILE="{file}"', '250-VERSION Tor="0.0.0"',
                   "250 OK")
        elif verb == "AUTHCHALLENGE":
            nonce = os.urandom(32)
            message = cookie + bytes.fromhex(words[2]) + nonce
            proof = hmac.new(SERVER, message, hashlib.sha256).hexdigest()
            expected = hmac.new(CONTROLLER, message, hashlib.sha256).hexdigest()
            answer(f"250 AUTHCHALLENGE SERVERHASH={proof} SERVERNONCE={nonce.hex()}")
        elif verb == "AUTHENTICATE":
            good = how != "refuses" and words[1].lower() == expected
            answer("250 OK" if good else "515 Authentication failed: Wrong cookie")
        elif verb == "GETINFO":
            if how == "stuck":
                answer('650 STATUS_CLIENT WARN BOOTSTRAP PROGRESS=5 TAG=conn SUMMARY="Connecting to a relay" '
                       'WARNING="No route to host" REASON=NOROUTE COUNT=1 RECOMMENDATION=warn')
            if how == "honest":
                answer('250-status/bootstrap-phase=NOTICE BOOTSTRAP PROGRESS=100 TAG=done SUMMARY="Done"',
                       "250-status/circuit-established=1", "250 OK")
                continue
            answer('250-status/bootstrap-phase=NOTICE BOOTSTRAP PROGRESS=5 TAG=conn SUMMARY="Connecting to a relay"',
                   "250-status/circuit-established=0", "250 OK")
        elif verb == "ADD_ONION":
            answer("512 Invalid key type" if how == "no-onion" else "250 OK")
        else:
            answer("250 OK")


def main():
    how = os.environ.get("FAKE_TOR", "honest")
    sys.stdin.read()
    if how == "exits":
        say("[warn] Failed to parse/validate config: Unknown option 'Nonsense'.  Failing.")
        say("[err] Reading config failed--see warnings above.")
        sys.exit(1)
    if how == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "no-port":
        time.sleep(600)
    if how == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    serve(how)


if __name__ == "__main__":
    main()
