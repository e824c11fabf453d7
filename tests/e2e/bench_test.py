#!/usr/bin/env python3
"""Every workload of plexus-bench, briefly, against a server of ours: what it reports has its shape, and no message is
lost or doubled. How fast anything is, is not looked at.

    bench_test.py BIN
"""

import csv
import json
import subprocess
import sys

from plexus_world import PATIENCE, Failure, World


def expect(condition, what):
    if not condition:
        raise Failure(what)


class Bench:
    def __init__(self, world):
        self.world = world

    def run(self, *words):
        """(exit code, standard output, standard error)."""
        done = subprocess.run([f"{self.world.bin}/plexus-bench", *words], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=PATIENCE * 5)
        return done.returncode, done.stdout, done.stderr

    def measure(self, workload, *words, command=()):
        """The JSON that a workload prints."""
        code, out, err = self.run(workload, "--json", *words, self.world.address, *command)
        if code != 0:
            raise Failure(f"{workload} {words} ended with {code}: {err}{out}")
        found = json.loads(out)
        expect(found["workload"] == workload and found["machine"], f"{workload} says {out}")
        return found

    def figures(self, workload, *words, command=()):
        return self.measure(workload, *words, command=command)["servers"][0]["figures"]


def has(figures, **least):
    for key, value in least.items():
        expect(figures.get(key) is not None and figures[key] >= value, f"{key} is {figures.get(key)}, not {value} or more")


def nothing_lost(figures):
    expect(figures["messages_lost"] == 0 and figures["messages_doubled"] == 0, f"messages were lost or doubled: {figures}")


def messages(bench):
    few = ("--no-baseline", "-s", "1", "-q", "6", "-w", "3")
    found = bench.figures("throughput", "-c", "4", *few)
    nothing_lost(found)
    has(found, messages=1, messages_per_second=0.001, server_cpu_us=1, client_cpu_us=1, median_ms=0,
        server_anonymous_bytes=4096)
    for kind in (("--auth", "ed448"), ("--auth", "x25519"), ("--smp-version", "6"), ("--smp-version", "8"), ("--size", "10"),
                 ("--group", "x25519"), ("-c", "1")):
        nothing_lost(bench.figures("throughput", *few, *kind))
    found = bench.figures("latency", "-m", "20")
    nothing_lost(found)
    has(found, messages=20, median_ms=0.001, p99_ms=0.001, baseline_crypto_us=1, baseline_echo_us=1,
        server_cpu_to_baseline=0.01)


def memory(bench):
    found = bench.figures("idle", "-c", "5", "-q", "40")
    has(found, connections_per_second=0.001, connection_cpu_us=1, baseline_handshake_us=1, handshake_cpu_us=1,
        handshake_cpu_to_baseline=0.01, full_anonymous_bytes=4096,
        queue_create_cpu_us=1)
    expect("queue_anonymous_bytes" in found and "connection_anonymous_bytes" in found, f"idle found {found}")
    found = bench.figures("subscribe", "-q", "300")
    has(found, subscriptions_per_second=0.001, server_cpu_us=1, baseline_check_us=1)


def two_servers(bench):
    found = bench.measure("latency", "-m", "20", "--rounds", "2", "--no-baseline", "--vs", bench.world.address)
    expect(len(found["servers"]) == 2 and found["ratio"]["server_cpu_us"] > 0, f"--vs found {found}")
    code, out, _ = bench.run("latency", "-m", "5", "--no-baseline", bench.world.address, "--vs", bench.world.address)
    expect(code == 0 and "A / B" in out and "SEND to MSG, median" in out and "\x1b" not in out, f"the table is {out}")


def soak(bench):
    path = f"{bench.world.folder}/soak.csv"
    found = bench.figures("soak", "--seconds", "4", "--interval", "1", "--churn", "30", "-c", "4", "-q", "10", "--csv", path)
    nothing_lost(found)
    has(found, messages=1, replaced=1)
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    expect(rows and float(rows[-1]["seconds"]) >= 4 and float(rows[0]["server_anonymous_bytes"]) > 4096,
           f"the intervals are {rows}")


def attack(bench):
    found = bench.figures("attack", "-c", "32", "--seconds", "1")
    nothing_lost(found)
    has(found, quiet_median_ms=0.001, new_median_ms=0.001, signatures_p99_ms=0.001, proxied_median_ms=0.001,
        half_open_longest_ms=0.001, slow_median_ms=0.001, deaf_median_ms=0.001, deaf_anonymous_bytes=4096)
    found = bench.figures("attack", "-c", "16", "--seconds", "1", "--kind", "slow", "--auth", "x25519")
    expect("new_median_ms" not in found and "slow_p99_ms" in found, f"one kind alone found {found}")


def starts(bench):
    """These start the server themselves."""
    bench.world.kill_server()
    command = ("--", f"{bench.world.bin}/plexusd", "start", f"{bench.world.folder}/server")
    found = bench.figures("restart", "-q", "200", "-r", "2", command=command)
    has(found, start_seconds=0.0001, answer_seconds=0.0001, anonymous_bytes=4096)
    found = bench.figures("crash", "-r", "4", "-c", "4", "-q", "8", "--server-log", f"{bench.world.folder}/crash.log",
                          command=command)
    nothing_lost(found)
    has(found, kills=4, messages_accepted=4)
    code, _, err = bench.run("crash", bench.world.address, "--", "false")
    expect(code == 1 and "'false' ended before it listened" in err, f"a command that fails: {code} {err}")
    bench.world.start_server()


def refusals(bench):
    for words, code, sentence in (
            (["latency"], 2, "which server?"),
            (["latency", "smp://x"], 1, "no server address"),
            (["latency", "smp://" + "A" * 43 + "=@192.0.2.1"], 1, "--remote"),
            (["latency", "--pid", "no-such-program", bench.world.address], 1, "'no-such-program'"),
            (["latency", "smp://" + "A" * 43 + "=@" + bench.world.address.split("@")[1]], 1, "certificate"),
            (["attack", "--kind", "rude", bench.world.address], 2, "half-open"),
            (["soak", "--csv", "/no/such/folder/file", bench.world.address], 1, "/no/such/folder/file"),
    ):
        found, _, err = bench.run(*words)
        expect(found == code and sentence in err and err.startswith("plexus-bench: "), f"{words}: {found} {err}")


def main():
    with World(sys.argv[1]) as world:
        bench = Bench(world)
        for part in (refusals, messages, memory, two_servers, soak, attack, starts):
            part(bench)
            print(f"{part.__name__}: well")


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"FAILED: {failure}")
