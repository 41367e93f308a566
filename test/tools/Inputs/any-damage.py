"""any-damage.py HWCKPT CACHE APPLICATION [TIMES] - damages any file of a cache in any way:
bits, lengths, kinds, whole files that change places. Whatever it is, no command
crashes or hangs, each error names a file and a remedy, those that only look change
nothing, and a merge that fails leaves the generations as they were."""

import os
import random
import re
import shutil
import subprocess
import sys

tool, cache, application, *times = sys.argv[1:]
folder = os.path.join(cache, application)
good = cache + ".good"
outside = cache + ".outside"  # for what leaves the cache
shutil.copytree(cache, good)
chance = random.Random(5)
seen = set()


def files():
    found = [os.path.join(cache, "hwckpt-cache")]
    return found + [os.path.join(folder, name) for name in sorted(os.listdir(folder))]


def snapshot():
    found = {}
    for path in files():
        if os.path.isfile(path) and not os.path.islink(path):
            with open(path, "rb") as file:
                found[path] = file.read()
    return found


def call(what, *arguments):
    run = subprocess.run(
        [tool, *arguments, "--cache", cache],
        capture_output=True,
        errors="replace",
        timeout=20,
        stdin=subprocess.DEVNULL,
    )
    assert run.returncode in (0, 1, 125), (what, arguments, run)
    assert run.returncode == 0 or "HWCKPT-E" in run.stdout + run.stderr, (what, run)
    for line, code in re.findall(r"^(hwckpt: HWCKPT-E(\d+): .*)$", run.stderr, re.M):
        seen.add(int(code))
        assert cache in line or application in line, (what, line)
        if code in ("102", "105", "106"):
            assert "at byte " in line or "not a regular file" in line, (what, line)
    assert run.stderr.count("HWCKPT-E") == run.stderr.count("  remedy: "), (what, run)
    return run


def change(path):
    """One damage to one file; what it was."""
    with open(path, "rb") as file:
        data = bytearray(file.read())
    kind = chance.randrange(9)
    if kind < 4 and data:
        # Not beyond what is in use: a segment ends in zeros.
        for _ in range(chance.choice((1, 1, 30))):
            data[chance.randrange(len(data.rstrip(b"\0")) or 1)] ^= 1 << chance.randrange(8)
        what = "bits"
    elif kind == 4:
        data = data[: chance.randrange(len(data) + 1)]
        what = "cut"
    elif kind == 5:
        data += bytes(chance.randrange(1, 5000))
        what = "longer"
    elif kind == 6:
        other = chance.choice(files())
        with open(other, "rb") as file:
            data = file.read()
        what = f"as {os.path.basename(other)}"
    else:
        os.unlink(path)
        if kind == 7:
            chance.choice((os.mkdir, os.mkfifo, lambda at: os.symlink("/dev/zero", at)))(path)
        return "another kind, or gone"
    with open(path, "wb") as file:
        file.write(data)
    return what


def look(what):
    before = snapshot()
    call(what, "list")
    call(what, "list", "--json", "--figures")
    call(what, "show", application)
    call(what, "verify")
    os.mkdir(outside)
    call(what, "export", application, outside + "/stream")
    call(what, "flush", application, outside + "/tier")
    shutil.rmtree(outside)
    assert snapshot() == before, what
    merged = call(what, "merge", application)
    after = snapshot()
    generations = {path for path in before if path.endswith(".ckpt")}
    if merged.returncode or "nothing to merge" in merged.stdout:
        assert all(after.get(path) == before[path] for path in generations), (what, merged)
    call(what, "restore", application, "-o", "play=running+exit_0")


for _ in range(int(times[0]) if times else 60):
    path = chance.choice(files())
    look(f"{os.path.basename(path)}: {change(path)}")
    shutil.rmtree(cache)
    shutil.copytree(good, cache)
look("nothing")
shutil.rmtree(good)
print(f"errors seen: {sorted(seen)}")
assert {105, 106, 114} <= seen, seen
