"""quota-read.py HWCKPT WORKER FOLDER - a program with a quota writes generations of 1
to 5 MiB while somebody holds the lock of readers, and after that."""

import fcntl
import os
import shutil
import subprocess
import sys
import time

hwckpt, worker, folder = sys.argv[1:]
cache = os.path.join(os.environ["HWCKPT_CACHE"], "job")
MIB = 1 << 20
QUOTA = 24 * MIB
# A generation that is being written, and room that is reserved for it.
BESIDE = 10 * MIB
shutil.rmtree(folder, ignore_errors=True)
os.mkdir(folder)


def numbers():
    try:
        return sorted(int(f[1:11]) for f in os.listdir(cache) if f.startswith("g") and f.endswith(".ckpt"))
    except FileNotFoundError:
        return []


def used():
    total = 0
    for file in os.listdir(cache):
        try:
            total += os.stat(os.path.join(cache, file)).st_blocks * 512
        except FileNotFoundError:
            pass
    return total


def await_it(condition, what):
    end = time.monotonic() + 60
    while not condition():
        assert program.poll() is None and time.monotonic() < end, f"{what}: {numbers()}, {used() // MIB} MiB"
        time.sleep(0.01)


options = f"keep=1000:base_every=2:level=0:quota={QUOTA}"
program = subprocess.Popen(
    [hwckpt, "run", "--name", "job", "--every", "50ms", "-o", options, "--", worker, "job", folder],
    stdin=subprocess.DEVNULL,
)
try:
    await_it(lambda: numbers() and numbers()[0] > 1, "nothing is given back")
    with open(os.path.join(cache, "readers"), "rb") as readers:
        fcntl.flock(readers, fcntl.LOCK_SH)
        held = numbers()
        await_it(lambda: numbers()[-1] >= held[-1] + 8, "no more checkpoints")
        await_it(lambda: used() > QUOTA + BESIDE, "given back while somebody reads")
        assert set(held) <= set(numbers()), "removed while somebody reads"
    last = numbers()[-1]
    await_it(lambda: numbers()[-1] > last and used() <= QUOTA + BESIDE, "not given back")
    end = numbers()[-1] + 4
    most = 0
    while numbers()[-1] < end:
        most = max(most, used())
        await_it(lambda: True, "ended")
    assert most <= QUOTA + BESIDE, f"{most / MIB:.1f} MiB"
finally:
    open(os.path.join(folder, "stop"), "w").close()
    status = program.wait(60)
assert status == 0, status
