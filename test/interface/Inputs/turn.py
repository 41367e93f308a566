"""turn.py HWCKPT WORKER FOLDER - checkpoints while another has the turn."""

import fcntl
import json
import os
import subprocess
import sys
import time

hwckpt, worker, folder = sys.argv[1:]
cache = os.environ["HWCKPT_CACHE"]
TURN = 0.4


def count(event):
    """Generations so far that are for the event."""
    done = subprocess.run([hwckpt, "list", "--json", "turns"], capture_output=True, text=True)
    if done.returncode:  # no application yet
        return 0
    return sum(g["event"] == event for a in json.loads(done.stdout)["applications"] for g in a["generations"])


os.makedirs(cache, 0o700, exist_ok=True)
subprocess.run([hwckpt, "run", "--name", "first", "true"], check=True)  # the cache is one now
turn = os.open(cache, os.O_RDONLY | os.O_DIRECTORY)
fcntl.flock(turn, fcntl.LOCK_EX)
begin = time.monotonic()
process = subprocess.Popen(
    [hwckpt, "run", "--name", "turns", "--every", "10ms", "-o", f"keep=1000:base_every=1000000:turn={TURN}", "--", worker, "w", folder]
)
while count("timer") < 4:
    assert process.poll() is None
    time.sleep(0.05)
assert time.monotonic() - begin >= 4 * TURN, time.monotonic() - begin
# In less time than one of the timer's would take.
taken = []
for _ in range(5):
    begin = time.monotonic()
    subprocess.run([hwckpt, "ckpt", "turns"], check=True, stdout=subprocess.DEVNULL)
    taken.append(time.monotonic() - begin)
assert min(taken) < TURN, taken
before, begin = count("timer"), time.monotonic()
fcntl.flock(turn, fcntl.LOCK_UN)
# Nobody has it: more of them than could have waited.
while True:
    more = count("timer") - before
    if more > (time.monotonic() - begin) / TURN + 2:
        break
    assert time.monotonic() - begin < 60, more
# It gives it back, once it is done.
while True:
    try:
        fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
        break
    except BlockingIOError:
        assert time.monotonic() - begin < 60
open(os.path.join(folder, "stop"), "w").close()
assert process.wait(60) == 0
