#!/usr/bin/env python3
"""A tor that fails in the way that FAKE_TOR in the environment names: what a test of failures starts instead.

Its control port is where a real one has it, control.sock in its working folder; COOKIE there is its cookie."""

import hashlib
import hmac
import os
import pathlib
import signal
import socket
import sys
import time

SERVER = b"Tor safe cookie authentication server-to-controller hash"
CONTROLLER = b"Tor safe cookie authentication controller-to-server hash"


def say(line):
    print(f"Nov 28 04:00:00.000 {line}", flush=True)


def serve(how):
    cookie = os.urandom(32)
    file = pathlib.Path("COOKIE").resolve()
    file.write_bytes(cookie if how != "wrong-cookie" else os.urandom(32))
    if how == "no-cookie":
        file.unlink()
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
            answer('250-status/bootstrap-phase=NOTICE BOOTSTRAP PROGRESS=5 TAG=conn SUMMARY="Connecting to a relay"',
                   "250-status/circuit-established=0", "250 OK")
        elif verb == "ADD_ONION":
            answer("512 Invalid key type" if how == "no-onion" else "250 OK")
        else:
            answer("250 OK")


def main():
    how = os.environ["FAKE_TOR"]
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
