"""lives.py HWCKPT COUNTING - a program goes on from life to life of a container, in
each of which process ids begin anew and are handed out to others than before."""

import os
import re
import subprocess
import sys

hwckpt, counting = sys.argv[1:]
LIVES = 14
CONTAINER = "unshare --pid --fork --mount-proc --kill-child".split()
if os.geteuid():
    CONTAINER += ["--user", "--map-root-user"]


def live(shells):
    """Ends it after some checkpoints: the rounds seen, and what hwckpt said."""
    command = [*CONTAINER, *["sh", "-c", '"$@"; exit $?', "sh"] * shells]
    command += [hwckpt, "run", "--restart", "--name", "it", "-o", "files=keep", "--", counting, "100000"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    lines = []
    for line in process.stdout:
        lines.append(line)
        if len(lines) == 8:
            process.kill()
    said = process.communicate()[1]
    assert len(lines) >= 8, (shells, lines, said)
    return [int(round) for round in re.findall(r"(?:back in|committed) (\d+)", "".join(lines))], said


last = ways = 0
for number in range(LIVES):
    # A shell more and the tool has the number that the program had, and so on.
    rounds, said = live(number % 7)
    assert rounds[0] >= last, (number, rounds, last, said)
    assert number == 0 or "goes on from" in said, said
    last = rounds[-1]
    ways |= 1 << ("private pid namespace" in said)
    print(f"life {number}: {rounds[0]} to {last}; {said}", flush=True)
assert ways == 3, "never was a number held, or always"
