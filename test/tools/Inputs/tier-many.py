"""tier-many.py HWCKPT FABRICATE TIER - see ../tier-many.test. Generations are
fabricated, for those of a program are merged now and then."""

import os
import shutil
import subprocess
import sys

HWCKPT, FABRICATE, TIER = sys.argv[1:]
CACHE = os.environ["HWCKPT_CACHE"]
LENGTH = 32  # copies that are read for one generation
NEWEST = 3 * LENGTH + 5
PAGES = 7


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def copies():
    """By number: what each builds on, 0 for those that stand alone."""
    found = {}
    for name in os.listdir(f"{TIER}/m"):
        assert name.endswith(".hwx"), name
        number, _, parent, _ = name[:-4].split("-")
        found[int(number)] = int(parent)
    return found


def length(found, number):
    count = 1
    while found[number]:
        number, count = found[number], count + 1
    return count


for number in range(1, NEWEST + 1):
    words = [f"parent={number - 1}"] if number > 1 else [f"pages={PAGES}"]
    assert run(FABRICATE, CACHE, "m", *words) == (0, f"m/{number}\n")
    status, said = run(HWCKPT, "flush", "m", TIER)
    assert status == 0 and f"m/{number}: " in said, said
    found = copies()
    assert not found[number] if number % LENGTH == 1 else found[number] == number - 1, (number, found)
    begin = max(1, (number - 1) // LENGTH * LENGTH + 1 - LENGTH)
    assert sorted(found) == list(range(begin, number + 1)), (number, found)

# The newest, the oldest, and the end of a chain that is as long as can be.
assert length(found, 3 * LENGTH) == LENGTH
for number in (NEWEST, min(found), 3 * LENGTH):
    shutil.rmtree(CACHE)
    _, said = run(HWCKPT, "restore", "--from", TIER, f"m/{number}")  # nothing in it runs
    assert f"m/{number} was taken from {TIER}" in said, said
    status, said = run(HWCKPT, "verify", "m")
    assert status == 0 and f"m/{number}: whole" in said, said
    _, said = run(HWCKPT, "list", "m")
    assert f"m/{number} base" in " ".join(said.split()) and f" {PAGES} " in said, said
