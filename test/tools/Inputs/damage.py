"""damage.py HWCKPT CACHE APPLICATION - damages the newest generation in many
ways, one after the other; whatever the damage, the commands agree on it, none
crashes, and the files stay as they are. Named, it is refused; else `restore` says
so and takes the one before it."""

import json
import os
import re
import subprocess
import sys

tool, cache, application = sys.argv[1:]
folder = os.path.join(cache, application)
newest = max(name for name in os.listdir(folder) if re.fullmatch(r"g\d+\.?\w*", name))
path = os.path.join(folder, newest)
with open(path, "rb") as file:
    good = file.read()


def snapshot():
    files = {}
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), "rb") as file:
            files[name] = file.read()
    return files


def call(*arguments):
    run = subprocess.run(
        [tool, *arguments, "--cache", cache],
        capture_output=True,
        errors="replace",
        timeout=20,
    )
    assert run.returncode in (0, 1, 125), (arguments, run)
    code = re.search(r"HWCKPT-E(\d+)", run.stderr)
    return run, code and int(code.group(1))


def look(what):
    before = snapshot()
    shown, show_code = call("show", application)
    verified, verify_code = call("verify", f"{application}/{number}")
    restored, restore_code = call(
        "restore", f"{application}/{number}", "-o", "play=running+exit_0"
    )
    listed = json.loads(call("list", "--json")[0].stdout)
    generation = listed["applications"][0]["generations"][-1]
    assert generation["number"] == number, (what, generation)
    after = snapshot()
    counts = {name for name in after if name not in before or before[name] != after[name]}
    if show_code is None:
        # The damage is in the pages, which only verify (and the restorer) reads.
        assert generation["damage"] is None, (what, generation)
        assert all("restore" in name for name in counts), (what, counts)
    else:
        assert show_code in (102, 105, 106, 108, 114), (what, shown)
        assert restore_code == show_code, (what, restored)
        assert generation["damage"] == f"HWCKPT-E{show_code}", (what, generation)
        assert not counts, (what, counts)
        assert f"hwckpt restore {application}/{number - 1}" in restored.stderr, restored
    assert verified.returncode == 1 and verify_code in (102, 105, 106), (what, verified)
    if show_code not in (None, 102):
        older, older_code = call("restore", application, "-o", "play=running+exit_0")
        assert older.returncode == 0 and older_code == show_code, (what, older)
        assert f"restoring {application}/{number - 1} instead, taken " in older.stderr, older
    return verify_code


number = int(re.search(r"\d+", newest).group(0))
seen = set()
places = sorted({len(good) * i // 24 for i in range(24)} | {0, 1, 8, 16, 40, len(good) - 1})
for place in places:
    with open(path, "wb") as file:
        file.write(good[:place])
    seen.add(look(f"cut at {place}"))
    with open(path, "wb") as file:
        file.write(good[:place] + bytes([good[place] ^ 1 << place % 8]) + good[place + 1 :])
    seen.add(look(f"bit at {place}"))
with open(path, "wb") as file:
    file.write(good + b"more")
call("show", application)
with open(path, "wb") as file:
    file.write(good)
run, code = call("verify")
assert run.returncode == 0, run
assert {105, 106} <= seen, seen
