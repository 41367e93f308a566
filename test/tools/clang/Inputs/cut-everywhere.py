"""cut-everywhere.py CLANG FILE... - links of files that are cut short or have a
wrong byte: whatever the shim makes of one, it neither crashes nor hangs."""

import random
import subprocess
import sys

clang, *paths = sys.argv[1:]
choose = random.Random(1)
for path in paths:
    with open(path, "rb") as file:
        whole = file.read()
    for turn in range(60):
        data = bytearray(whole[: choose.randrange(len(whole))] if turn % 2 else whole)
        for _ in range(turn % 7):
            if data:
                data[choose.randrange(len(data))] = choose.randrange(256)
        damaged = "damaged" + path[path.index(".") :]
        with open(damaged, "wb") as file:
            file.write(data)
        run = subprocess.run(
            [clang, "-###", damaged], capture_output=True, timeout=30
        )
        assert run.returncode in (0, 1), (path, turn, run)
