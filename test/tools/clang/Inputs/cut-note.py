"""cut-note.py CLANG PLUGIN PLACE SOURCE - puts PLUGIN in its PLACE cut short or
with wrong bytes in its headers and notes: whatever the shim makes of it, it
neither crashes nor hangs."""

import random
import subprocess
import sys

clang, plugin, place, source = sys.argv[1:]
choose = random.Random(1)
with open(plugin, "rb") as file:
    whole = file.read()
note = whole.index(b"hwckpt\0\0")
for turn in range(60):
    data = bytearray(whole[: choose.randrange(note + 64)] if turn % 3 == 0 else whole)
    for _ in range(turn % 7):
        at = choose.choice((choose.randrange(0x300), note + choose.randrange(-32, 12)))
        if at < len(data):
            data[at] = choose.randrange(256)
    with open(place, "wb") as file:
        file.write(data)
    run = subprocess.run(
        [clang, "-fhwckpt", "-###", "-c", source], capture_output=True, timeout=30
    )
    assert run.returncode in (0, 1), (turn, run)
