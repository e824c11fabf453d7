#!/usr/bin/env python3
"""Two people, two terminals, one private server: what a person sees, types and reads."""

import os
import re
import socket
import subprocess
import sys

from plexus_world import PATIENCE, Failure, Piped, Screen, World, connect, wait_until


def check(condition, what):
    if not condition:
        raise Failure(what)


def test_two_terminals(world):
    alice, bob = Screen(world, "alice").start(), Screen(world, "bob").start()
    for who in (alice, bob):
        who.wait_for("^display name:")
        who.enter(who.name)
        who.wait_for(f"You are {who.name}")
    alice.enter("/c")
    link = alice.wait_for(r"^(https://\S+/i#\S+|simplex:/\S+)$").group(1)
    check("\u2588" in alice.text() and "\u2580" in alice.text(), "there is no QR code")
    bob.enter(f"/c {link}")
    alice.wait_for("^bob: contact is connected$")
    bob.wait_for("^alice: contact is connected$")

    # What comes in does not disturb what is being typed.
    alice.type("@bob half a sen")
    bob.enter("@alice first \u00e4\u6f22\U0001F600")
    alice.wait_for("^alice> first|^bob> first \u00e4\u6f22\U0001F600$")
    check(alice.rows()[-1] == "> @bob half a sen", f"the line being typed is gone: {alice.rows()[-1]}")
    alice.type("tence")
    alice.key("Enter")
    bob.wait_for("^alice> half a sentence$")
    alice.key("Up")
    wait_until(lambda: alice.rows()[-1] == "> @bob half a sentence", "the line before at alice")
    alice.key("C-u")

    bob.enter("/contacts")
    bob.wait_for("^alice$")
    bob.enter("/tail @alice 5")
    bob.wait_for("^@alice first \u00e4\u6f22\U0001F600\n(.*\n)?alice> half a sentence$")
    bob.enter("/nonsense")
    bob.wait_for("unknown command /nonsense; /help lists")

    # The end: exit code 0, and the terminal as it was.
    for who in (alice, bob):
        who.enter("/quit")
        who.wait_for("^exit code 0\nicanon$")
        who.end()

    # History, and the conversation, go on after a restart.
    alice, bob = Screen(world, "alice").start(), Screen(world, "bob").start()
    for who in (alice, bob):
        who.wait_for(f"You are {who.name}")
    alice.enter("/tail @bob")
    alice.wait_for("^bob> first \u00e4\u6f22\U0001F600\n@bob half a sentence$")
    alice.enter("@bob back again")
    bob.wait_for("^alice> back again$")

    # A deletion is told.
    alice.enter("/delete @bob")
    alice.wait_for("^bob: contact is deleted$")
    bob.wait_for("^alice: deleted the contact")
    for who in (alice, bob):
        who.key("C-d")
        who.wait_for("^exit code 0")
        who.end()


def test_one_command(world):
    dora, eli = Piped(world, "dora"), Piped(world, "eli")
    connect(world, dora, eli)

    # The owner of the database does the work.
    code, output = world.once("dora", "@eli by the owner")
    check(code == 0, f"-e through the owner: {code}: {output}")
    eli.wait_for("^dora> by the owner$")
    mode = os.stat(f"{world.folder}/dora_db/control.sock").st_mode & 0o777
    check(mode == 0o600, f"the socket is open to others: {mode:o}")
    code, output = world.once("dora", "@nobody hello")
    check(code == 1 and "no contact nobody" in output, f"-e to nobody: {code}: {output}")

    # A second program cannot take the database.
    second = subprocess.run(world.command_line("dora"), stdin=subprocess.DEVNULL, capture_output=True, text=True)
    check(second.returncode != 0 and second.stderr.strip(), "two programs hold one database")

    # Nobody holds it: the command runs alone, and waits for the server's OK.
    check(dora.quit() == 0, "/quit")
    code, output = world.once("dora", "@eli alone")
    check(code == 0, f"-e alone: {code}: {output}")
    eli.wait_for("^dora> alone$")
    code, output = world.once("dora", "/tail @eli 1")
    check(output == "@eli alone\n", f"-e /tail: {output}")

    # Without the server: not done, kept, and sent later.
    world.kill_server()
    code, output = world.once("dora", "@eli kept", "-t", "2")
    check(code not in (0, 1) and "kept" in output, f"-e without the server: {code}: {output}")
    world.start_server()
    dora.start()
    eli.wait_for("^dora> kept$")
    for who in (dora, eli):
        check(who.quit() == 0, "/quit")


def test_streams_that_nobody_reads(world):
    """/dev/null and files, which no event loop can watch."""
    for more in (["-e", "/create user ivy"], ["-e", "/contacts"], []):
        done = subprocess.run(world.command_line("ivy", *more), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True, timeout=PATIENCE)
        check(done.returncode == 0 and done.stderr == "", f"{more} to /dev/null: {done.returncode}: {done.stderr}")
    with open(f"{world.folder}/commands", "w+") as commands, open(f"{world.folder}/shown", "w+") as shown:
        commands.write("/user\n/quit\n")
        commands.seek(0)
        done = subprocess.run(world.command_line("ivy"), stdin=commands, stdout=shown, stderr=subprocess.STDOUT,
                              timeout=PATIENCE)
        shown.seek(0)
        text = shown.read()
        check(done.returncode == 0 and "ivy" in text, f"from file to file: {done.returncode}: {text}")


def test_control_socket(world):
    hal = Piped(world, "hal").start()
    hal.wait_for("Welcome")
    hal.say("hal")
    hal.wait_for("You are hal")

    path = f"{world.folder}/hal_db/control.sock"

    def reach():
        one = socket.socket(socket.AF_UNIX)
        one.settimeout(PATIENCE)
        one.connect(path)
        return one

    def is_closed(one):
        try:
            return one.recv(100) == b""
        except ConnectionResetError:
            return True

    for garbage in (b"\n", b"nonsense\n", b"[]\n", b"\xff\xfe\n"):
        with reach() as one:
            one.sendall(garbage)
            check(is_closed(one), f"{garbage} was taken")
    with reach() as one:
        try:
            one.sendall(b"x" * 200000)
        except (BrokenPipeError, ConnectionResetError):
            pass
        check(is_closed(one), "a line without an end was taken")
    with reach() as one:  # whoever asked goes before the answer
        one.sendall(b'{"command":"/contacts","linger":5000}\n')
    crowd = [reach() for _ in range(16)]
    with reach() as one:
        check(is_closed(one), "there is no limit to connections")
    for one in crowd:
        one.close()
    wait_until(lambda: world.once("hal", "/user")[0] == 0, "the socket after all this")
    check(hal.quit() == 0, "/quit")
    check(not os.path.exists(path), "the socket is left behind")


def test_passphrase(world):
    code, output = world.once("fay", "/create user fay", "-k", "correct horse")
    check(code == 0, f"a database with a passphrase: {code}: {output}")
    code, output = world.once("fay", "/user")
    check(code != 0 and "passphrase" in output, f"opened without the passphrase: {output}")
    code, output = world.once("fay", "/user", "-k", "correct horse")
    check(code == 0 and "fay" in output, f"not opened with the passphrase: {output}")
    file = f"{world.folder}/key"
    with open(file, "w") as key:
        key.write("correct horse\n")
    for words, variables in ((["-k", "correct horse"], {}), (["--key=correct horse"], {}), (["--key-file", file], {}),
                             ([], {"PLEXUS_PASSPHRASE": "correct horse"})):
        with subprocess.Popen(world.command_line("fay", *words), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                              env={**os.environ, **variables}) as running:
            world.processes.append(running)
            check("/help" in running.stdout.readline(), f"not opened with {words}, {variables}")
            if not variables or not is_sanitized(running.pid):
                wait_until(lambda pid=running.pid: not holds(pid, b"correct horse"),
                           f"a memory without the passphrase, {words}")
            for part in ("cmdline", "environ"):
                with open(f"/proc/{running.pid}/{part}", "rb") as shown:
                    check(b"correct horse" not in shown.read(), f"the passphrase stands in the process's {part}")
            running.communicate("/quit\n", timeout=PATIENCE)
    code, output = world.once("fay", "/user", "-k", "wrong horse")
    check(code == 1 and "does not open" in output, f"opened with a wrong passphrase: {code}: {output}")
    with open(f"{world.folder}/fay_db/data.mdb", "rb") as data:
        check(b"fay" not in data.read(), "the name stands in the file")


def is_sanitized(pid):
    """Whether the program has the runtime of a sanitizer, which keeps a copy of the environment."""
    with open(f"/proc/{pid}/maps") as maps:
        text = maps.read()
    return "libasan" in text or "libtsan" in text


def holds(pid, text):
    """Whether the text stands in the memory that the process can write."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb") as memory:
        for line in maps:
            words = line.split()
            begin, end = (int(one, 16) for one in words[0].split("-"))
            # The terabytes that a sanitizer reserves for itself are not of the program.
            if not words[1].startswith("rw") or end - begin > 1 << 34:
                continue
            memory.seek(begin)
            try:
                if text in memory.read(end - begin):
                    return True
            except OSError:
                continue
    return False


def test_asked_passphrase(world):
    ida = Screen(world, "ida").start("-K")
    ida.wait_for(r"Passphrase for the new database .*ida_db: ")
    ida.enter("seven \u00e4nts")
    ida.wait_for("Once more: ")
    ida.enter("seven \u00e4nts")
    ida.wait_for("Welcome")
    ida.enter("ida")
    ida.wait_for("You are ida")
    # A command goes to the messenger that runs, which has been told already.
    code, output = world.once("ida", "/user")
    check(code == 0 and "You are ida" in output, f"{code}: {output}")
    ida.enter("/quit")
    ida.wait_for("exit code 0")
    ida.end()
    # Without an option it asks because the database has a passphrase; typed keys can be taken back.
    ida.start()
    ida.wait_for(r"Passphrase of .*ida_db: ")
    ida.enter("six ants")
    ida.wait_for("that is not the passphrase")
    ida.type("no")
    ida.key("C-u")
    ida.type("seven \u00e4\u00e4")
    ida.key("BSpace")
    ida.enter("nts")
    ida.wait_for("You are ida")
    check("ants" not in ida.text() and "nts" not in ida.text(), "what was typed is shown")
    ida.enter("/quit")
    ida.wait_for("exit code 0")
    ida.end()
    ida.start()
    ida.wait_for(r"Passphrase of .*ida_db: ")
    ida.key("C-c")
    ida.wait_for(r"no passphrase was typed(.|\n)*exit code 1\nicanon")
    ida.end()


def test_mistakes(world):
    refusal = "plexus: plugin.agent failed to initialise: `servers`: this is no server address"
    for words, expected in ((["-d", f"{world.folder}/x", "-s", "garbage"], refusal), (["--nonsense"], "--help"),
                            (["-t", "3"], "-e")):
        done = subprocess.run([f"{world.bin}/plexus", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        check(done.returncode != 0 and expected in done.stderr, f"{words}: {done.returncode}: {done.stderr}")
    done = subprocess.run([f"{world.bin}/plexus", "--version"], capture_output=True, text=True)
    check(re.fullmatch(r"plexus \d+\.\d+\.\d+\n", done.stdout), done.stdout)
    world.once("gus", "/create user gus")
    for command, expected in (("/c nonsense", "no SimpleX link"), ("@", "name is missing"), ("hello", "/help")):
        code, output = world.once("gus", command)
        check(code == 1 and expected in output, f"{command}: {code}: {output}")


def main():
    tests = [test_two_terminals, test_one_command, test_streams_that_nobody_reads, test_control_socket, test_passphrase,
             test_asked_passphrase, test_mistakes]
    names = sys.argv[2:]
    for test in tests:
        if names and test.__name__ not in names:
            continue
        with World(sys.argv[1]) as world:
            test(world)
        print(f"{test.__name__}: good")


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"FAILED: {failure}")
