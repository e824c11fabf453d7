#!/usr/bin/env python3
"""The suite of transports on transport-tor, which reaches what the validator listens at by an exit of a private Tor network.
    conformance_test.py BIN_FOLDER [TEXT]"""

import json
import pathlib
import subprocess
import sys
import tempfile

import tornet

SKIPPED = 77
SECONDS = 240  # for each case, with a tor that starts, on a loaded machine


def main():
    missing = tornet.missing_programs()
    if missing:
        print("not here: " + ", ".join(missing))
        return SKIPPED
    programs = pathlib.Path(sys.argv[1])
    only = sys.argv[2] if len(sys.argv) > 2 else "transport."
    plugin = programs.parent / "lib/plexus/plugins/transport-tor.so"
    with tempfile.TemporaryDirectory(prefix="plexus-tor-suite-") as folder, tornet.Tornet(f"{folder}/net", bridge=False) as net:
        done = subprocess.run(
            [programs / "plexus-validate", "--suite", "transport", "--only", only, "--timeout", str(SECONDS), "--json",
             "--no-half-close",
             "--set", 'path = "{folder}/tor"', "--set", f"torrc = {json.dumps(net.torrc())}", plugin],
            capture_output=True, text=True, check=False)
    if not done.stdout.startswith("{"):
        print(done.stdout + done.stderr)
        return 1
    checks = json.loads(done.stdout)["checks"]
    for one in checks:
        print(f"{one['name']:44} {one['outcome']} {one['text']}")
    passed = sum(one["outcome"] == "passed" for one in checks)
    print(f"{passed} of {len(checks)} passed")
    return 0 if done.returncode == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
