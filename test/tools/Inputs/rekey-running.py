"""rekey-running.py HWCKPT PROGRAM KEY NEW CACHE - see rekey-running.test."""

import atexit
import ctypes
import glob
import os
import shutil
import signal
import subprocess
import sys
import time

PR_SET_CHILD_SUBREAPER = 36
assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
HWCKPT, PROGRAM, KEY, NEW, CACHE = sys.argv[1:]


def until(what):
    deadline = time.monotonic() + 120
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def generations(name):
    return len(glob.glob(f"{CACHE}/{name}/g*.ckpt"))


def begin(*arguments, name="*"):
    """A program under hwckpt that has written one more."""
    before = generations(name)
    process = subprocess.Popen([HWCKPT, *arguments], start_new_session=True)
    atexit.register(end, process)
    until(lambda: generations(name) > before or process.poll() is not None)
    assert process.poll() is None, process
    return process


def end(process):
    """Of all of its processes; the program has its lock until it is gone."""
    if process.returncode is not None:
        return
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    try:
        while True:
            os.waitpid(-process.pid, 0)
    except ChildProcessError:
        pass


def hwckpt(*arguments):
    done = subprocess.run([HWCKPT, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def rekey(old, new):
    return hwckpt("rekey", "--key-file", old, "--new-key-file", new, CACHE)


def verified(key, name):
    status, said = hwckpt("verify", "--key-file", key, name)
    assert status == 0 and "/1: whole" in said, (key, name, status, said)


# Named, restored, restarted: held, and left as it was; what else is there, and
# not encrypted though it runs, is no matter.
run = ["--key-file", KEY, "--", PROGRAM]
end(begin("run", "--name", "ended", *run, name="ended"))
plain = begin("run", "--name", "plain", "--", PROGRAM, name="plain")
for arguments in (
    ["run", "--name", "held", *run],
    ["restore", "--key-file", KEY, "held"],
    ["run", "--restart", "--name", "held", *run],
):
    process = begin(*arguments, name="held")
    status, said = rekey(KEY, NEW)
    assert status == 125 and said.count("HWCKPT-E") == 1, (arguments, status, said)
    assert "HWCKPT-E311" in said and "held" in said and "1 have the new key" in said, (arguments, said)
    verified(KEY, "held")
    verified(NEW, "ended")
    end(process)
    shutil.rmtree(f"{CACHE}/ended")
    end(begin("run", "--name", "ended", *run, name="ended"))
assert rekey(KEY, NEW) == (0, "2 have the new key\n")
verified(NEW, "held")
end(plain)
shutil.rmtree(CACHE)

# By itself: refused while it writes one; then it goes on with the key that it
# has, which is the same.
process = begin("run", "--every", "50ms", *run)
name = os.path.basename(os.path.dirname(glob.glob(f"{CACHE}/*/key")[0]))


def rekeyed():
    status, said = rekey(KEY, NEW)
    assert status == 0 or (status == 125 and "HWCKPT-E113" in said), (status, said)
    return status == 0


def newest():
    return max(glob.glob(f"{CACHE}/{name}/g*.ckpt"))


until(rekeyed)
before = newest()
until(lambda: newest() > before)
assert process.poll() is None
end(process)
verified_by, said = hwckpt("verify", "--key-file", NEW, name)
assert verified_by == 0 and os.path.basename(newest())[1:11].lstrip("0") + ": whole" in said, said
assert "HWCKPT-E131" in hwckpt("verify", "--key-file", KEY, name)[1]
