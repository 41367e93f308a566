"""turn.py HWCKPT WORKER FOLDER - checkpoints while another has the turn."""

import atexit
import fcntl
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time

hwckpt, worker, folder = sys.argv[1:]
cache = os.environ["HWCKPT_CACHE"]
TURN = 0.4
LONG = 1000  # no test waits for so long
stop = os.path.join(folder, "stop")


def generations(name):
    """Those so far."""
    done = subprocess.run([hwckpt, "list", "--json", name], capture_output=True, text=True)
    if done.returncode:  # no application yet
        return []
    return [g for a in json.loads(done.stdout)["applications"] for g in a["generations"]]


def count(name, event="timer"):
    return sum(g["event"] == event for g in generations(name))


def times(name):
    """When they were committed, in seconds."""
    return [g["committed_ns"] / 1e9 for g in generations(name)]


def start(name, turn, *options, every="10ms"):
    """The worker, with a checkpoint of the timer as often as its turn lets it."""
    if os.path.exists(stop):
        os.remove(stop)
    process = subprocess.Popen(
        [hwckpt, "run", "--name", name, "--every", every, "-o", f"keep=1000:base_every=1000000:turn={turn}", *options]
        + ["--", worker, name, folder]
    )
    atexit.register(process.kill)  # and all that it runs with it
    return process


def await_it(what, *context):
    end = time.monotonic() + 60
    while not what():
        assert process.poll() is None, (process.returncode, *context)
        assert time.monotonic() < end, context
        time.sleep(0.02)


def finish():
    open(stop, "w").close()
    assert process.wait(60) == 0


def take_turn():
    try:
        fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False


os.makedirs(cache, 0o700, exist_ok=True)
subprocess.run([hwckpt, "run", "--name", "first", "true"], check=True)  # the cache is one now
turn = os.open(cache, os.O_RDONLY | os.O_DIRECTORY)
assert take_turn()
process = start("turns", TURN)
await_it(lambda: count("turns") >= 4, "the timer waits for more than its turn")
gaps = [after - before for before, after in itertools.pairwise(times("turns"))]
assert min(gaps) >= 0.9 * TURN, gaps
# Nor for much longer, where the machine lets it.
await_it(
    lambda: min(after - before for before, after in itertools.pairwise(times("turns"))) < 1.5 * TURN,
    "each waits for more than its turn",
)
# In less time than one of the timer's would take.
taken = []
for _ in range(5):
    begin = time.monotonic()
    subprocess.run([hwckpt, "ckpt", "turns"], check=True, stdout=subprocess.DEVNULL)
    taken.append(time.monotonic() - begin)
assert min(taken) < TURN, taken
before, begin = count("turns"), time.monotonic()
fcntl.flock(turn, fcntl.LOCK_UN)
# Nobody has it: more of them than could have waited.
await_it(lambda: count("turns") - before > (time.monotonic() - begin) / TURN + 2, "nobody has the turn")
# It gives it back, once it is done.
await_it(take_turn, "it keeps the turn")
finish()

# With a limit that does not pass, who has the turn holds up the timer, and nobody that
# waits: hwckpt ckpt, a save, what is about to be sent, who is to end.
process = start("waits", LONG)
await_it(lambda: subprocess.run([hwckpt, "ckpt", "waits"], capture_output=True, timeout=60).returncode == 0, "hwckpt ckpt waits")
time.sleep(0.5)  # fifty times the timer's; what it had asked for was served by that one
assert len(generations("waits")) == 1, generations("waits")
fcntl.flock(turn, fcntl.LOCK_UN)
await_it(lambda: len(generations("waits")) >= 4, "its turn does not come")
await_it(take_turn, "it keeps the turn")
finish()
done = subprocess.run(
    [hwckpt, "run", "--name", "saves", "-o", f"turn={LONG}", "--", shutil.which("python3"), "-c",
     "import ctypes; assert ctypes.CDLL(None).hwckpt_checkpoint() == 0"], timeout=60
)  # fmt: skip
assert done.returncode == 0 and count("saves", "save") == 1, (done, generations("saves"))
done = subprocess.run(
    [hwckpt, "run", "--name", "sends", "--on", "before=send", "-o", f"turn={LONG}", "--", shutil.which("python3"), "-c",
     "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))"], timeout=60
)  # fmt: skip
assert done.returncode == 0 and count("sends", "send") == 1, (done, generations("sends"))
process = start("ends", LONG, "--on", "exit=TERM", every="1h")
await_it(lambda: os.path.exists(os.path.join(folder, "ends.log")), "it does not begin")
process.send_signal(signal.SIGTERM)
assert process.wait(60) == 85, process.returncode

# Without a limit nobody waits for a turn.
process = start("none", 0)
await_it(lambda: count("none") >= 4, "turn=0")
finish()
