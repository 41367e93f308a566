"""damage-elf.py HWCKPT ELF COUNT - cuts the file at many places and overwrites
bytes of it, the same ones each time; whatever the damage, `hwckpt sites` lists or
refuses with one of its codes, soon."""

import json
import random
import re
import subprocess
import sys

tool, path, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
with open(path, "rb") as file:
    good = file.read()
damaged = path + ".damaged"
codes = set()


def look(what, data):
    with open(damaged, "wb") as file:
        file.write(data)
    run = subprocess.run(
        [tool, "sites", "--json", damaged], capture_output=True, timeout=20
    )
    assert run.returncode in (0, 125), (what, run)
    if run.returncode == 0:
        for site in json.loads(run.stdout)["sites"]:
            assert int(site["address"], 16), (what, site)
    code = re.search(rb"HWCKPT-E(\d+)", run.stderr)
    assert (run.returncode == 0) == (code is None), (what, run)
    if code:
        assert int(code[1]) in (503, 506, 507), (what, run)
        assert not run.stdout, (what, run)
    codes.add(int(code[1]) if code else 0)


dice = random.Random(20251)
for i in range(count // 4):
    place = len(good) * i // (count // 4)
    look(f"cut at {place}", good[:place])
# Headers are few bytes and debug information is many: both get their share.
edges = [*range(0, 512), *range(len(good) - 2048, len(good))]
for i in range(count * 3 // 4):
    data = bytearray(good)
    places = [
        dice.choice(edges) if i % 2 else dice.randrange(len(good))
        for _ in range(dice.choice((1, 1, 4)))
    ]
    for place in places:
        data[place] = dice.choice((0, 0xFF, 0x7F, data[place] ^ 1 << dice.randrange(8)))
    look(f"overwritten at {places}", bytes(data))
print(sorted(codes))
assert {0, 506, 507} <= codes, codes
