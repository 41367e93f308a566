"""arrays.py TIMES - a heat equation over arrays of numbers: in memory, by threads that
share them, and over a file that is mapped; each state is also written to a file and
the last ones read back."""

import array
import hashlib
import mmap
import sys
import threading

SIDE = 96
STEPS = 40 * int(sys.argv[1])
THREADS = 3


def digest(numbers):
    return hashlib.sha256(bytes(numbers)).hexdigest()


def relax(old, new, first, last):
    for row in range(first, last):
        at = row * SIDE
        for i in range(at + 1, at + SIDE - 1):
            new[i] = (old[i - 1] + old[i + 1] + old[i - SIDE] + old[i + SIDE]) * 0.25


def step(old, new):
    bounds = [1 + (SIDE - 2) * part // THREADS for part in range(THREADS + 1)]
    parts = [
        threading.Thread(target=relax, args=(old, new, bounds[part], bounds[part + 1]))
        for part in range(THREADS)
    ]
    for part in parts:
        part.start()
    for part in parts:
        part.join()


size = SIDE * SIDE * 8
with open("mapped", "wb") as file:
    file.truncate(2 * size)
mapped_file = open("mapped", "r+b")
mapped = memoryview(mmap.mmap(mapped_file.fileno(), 2 * size)).cast("d")
halves = [mapped[: SIDE * SIDE], mapped[SIDE * SIDE :]]
memory = [array.array("d", bytes(size)) for _ in range(2)]
for state in (*halves, *memory):
    for i in range(SIDE):
        state[i] = 100.0 + i

with open("states", "wb") as states:
    for number in range(STEPS):
        for pair in (memory, halves):
            step(pair[number % 2], pair[1 - number % 2])
        memory[1 - number % 2].tofile(states)
        if number % 10 == 0:
            print(number, digest(memory[1 - number % 2])[:16], flush=True)

last = array.array("d")
with open("states", "rb") as states:
    states.seek(-size, 2)
    last.fromfile(states, SIDE * SIDE)
assert last.tobytes() == memory[STEPS % 2].tobytes() == halves[STEPS % 2].tobytes()
with open("mapped", "rb") as file:
    assert file.read() == bytes(mapped)
print(digest(last), sum(last))
