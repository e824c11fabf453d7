#!/usr/bin/env python3
"""kill -9 of the server and of either messenger at random moments of a conversation: every message that its sender was
told to be sent arrives once, in order.

    crash_test.py BIN [KILLS [SEED]]
"""

import random
import sys
import time

from plexus_world import Failure, Piped, World, connect, wait_until

DONE = ("sndSent", "sndRcvd")


def items(who):
    """(direction, text, status) of the whole conversation with the only contact."""
    answer = who.ask("/_get chat @2 count=100000")
    return [(item["chatDir"]["type"], item["meta"]["itemText"], item["meta"]["itemStatus"]["type"])
            for item in answer["chat"]["chatItems"]]


def texts(who, direction):
    return [(text, status) for way, text, status in items(who) if way == direction]


def check_direction(sender, receiver):
    sent = texts(sender, "directSnd")
    received = [text for text, _ in texts(receiver, "directRcv")]
    if len(set(received)) != len(received):
        raise Failure(f"{receiver.name} has a message twice: {received}")
    numbers = [int(text.split()[1]) for text in received]
    if numbers != sorted(numbers):
        raise Failure(f"{receiver.name} has messages out of order: {numbers}")
    known = {text for text, _ in sent}
    for text in received:
        if text not in known:
            raise Failure(f"{receiver.name} has '{text}', which {sender.name} never sent")
    missing = [text for text, status in sent if status in DONE and text not in received]
    if missing:
        raise Failure(f"{sender.name} was told that these were sent, {receiver.name} never got them: {missing}")
    return len(sent), len(received)


def settled(sender, receiver):
    """Nothing is under way: what can still be sent has been."""
    sent = texts(sender, "directSnd")
    received = {text for text, _ in texts(receiver, "directRcv")}
    open_items = [text for text, status in sent if status == "sndNew" and text in received]
    lost = [text for text, status in sent if status in DONE and text not in received]
    return not open_items and not lost


def main():
    kills = int(sys.argv[2]) if len(sys.argv) > 2 else 12
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    chance = random.Random(seed)
    with World(sys.argv[1]) as world:
        people = [Piped(world, "alice"), Piped(world, "bob")]
        connect(world, *people)
        counters = [0, 0]
        for _ in range(kills):
            for _ in range(chance.randrange(1, 6)):
                for which, other in ((0, "bob"), (1, "alice")):
                    if chance.random() < 0.7:
                        counters[which] += 1
                        people[which].say(f"@{other} {people[which].name} {counters[which]}")
                if chance.random() < 0.3:
                    time.sleep(chance.random() * 0.1)
            time.sleep(chance.random() * 0.15)
            victim = chance.randrange(3)
            if victim == 2:
                world.kill_server()
                time.sleep(chance.random() * 0.3)
                world.start_server()
            else:
                people[victim].kill()
                people[victim].start()
                people[victim].wait_for(f"You are {people[victim].name}", 0)
        for which, other in ((0, "bob"), (1, "alice")):
            people[which].say(f"@{other} {people[which].name} {counters[which] + 1}")
        last = [f"{people[i].name} {counters[i] + 1}" for i in (0, 1)]
        for who, text in ((people[1], last[0]), (people[0], last[1])):
            wait_until(lambda who=who, text=text: text in [one for one, _ in texts(who, "directRcv")],
                       f"the last message at {who.name}", 300)
        wait_until(lambda: settled(*people) and settled(*reversed(people)), "the statuses")
        for sender, receiver in ((people[0], people[1]), (people[1], people[0])):
            sent, received = check_direction(sender, receiver)
            print(f"{sender.name} to {receiver.name}: {sent} written, {received} received, {kills} kills, seed {seed}")
        for who in people:
            if who.quit() != 0:
                raise Failure(f"{who.name} did not end well")


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"FAILED: {failure}")
