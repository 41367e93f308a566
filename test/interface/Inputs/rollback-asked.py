"""rollback-asked.py HWCKPT PROGRAM - has PROGRAM (rollback-asked.c) go back."""

import atexit
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

hwckpt, program = sys.argv[1:]
# Names of its own: others may run on the machine.
name = f"back-{os.getpid()}"
program = shutil.copy(program, f"{program}-{os.getpid()}")
atexit.register(os.remove, program)
end = program + ".end"
control = program + ".control"
trigger = program + ".trigger"
cache = os.environ["HWCKPT_CACHE"]
started = []


def tool(*arguments):
    return subprocess.run(
        [hwckpt, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )


def start(*options, mode="plain"):
    for path in (end, trigger):
        if os.path.exists(path):
            os.remove(path)
    started.append(mode)
    process = subprocess.Popen(
        [hwckpt, "run", "--cache", f"{cache}.{len(started)}", "--name", name, *options, "--", program, mode, end],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    return process, int(process.stdout.readline())


def expect_back(process, times):
    late = threading.Timer(60, process.kill)
    late.start()
    line = process.stdout.readline()
    late.cancel()
    assert line == f"back {times} after 0\n", (line, times)


def read_until(process, text):
    late = threading.Timer(60, process.kill)
    late.start()
    lines = []
    for line in process.stderr:
        lines.append(line)
        if text in line:
            break
    late.cancel()
    assert lines and text in lines[-1], (text, process.wait(timeout=60), lines[:20])


def finish(process):
    open(end, "w").close()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 7, (process.returncode, out, err)
    return err


# By name and id; several times; in between another checkpoint.
process, pid = start("-o", "verbosity=1")
expect_back(process, 0)
for times, which in enumerate((name, str(pid), os.path.basename(program)), 1):
    done = tool("rollback", which)
    assert (done.returncode, done.stdout) == (0, f"{name}/1\n"), done
    expect_back(process, times)
assert tool("ckpt", name).stdout == f"{name}/2\n"
done = tool("rollback", name)
assert done.stdout == f"{name}/2\n", done
err = finish(process)
assert err.count(f"rolled back to {name}/1, as was asked for") == 3, err

# By a control socket, which stays open over it.
process, pid = start("--on", f"control={control}")
expect_back(process, 0)
with socket.socket(socket.AF_UNIX) as client:
    client.settimeout(60)
    client.connect(control)
    lines = client.makefile("rw")
    for times in (1, 2):
        lines.write("rollback\n")
        lines.flush()
        assert lines.readline() == "restored 1\n"
        expect_back(process, times)
    lines.write("checkpoint\n")
    lines.flush()
    assert lines.readline() == "resumed 2\n"
finish(process)

# At events: a signal, a file, the expiry of a timer, which checkpoints do not
# put off.
process, pid = start("--restore-on", "signal=USR2", "--restore-on", f"file={trigger}")
expect_back(process, 0)
os.kill(pid, signal.SIGUSR2)
expect_back(process, 1)
open(trigger, "w").close()
expect_back(process, 2)
finish(process)
begin = time.monotonic()  # what the program says may be heard late
process, pid = start("--restore-on", "every=300ms", "-o", "verbosity=1")
for times in (0, 1, 2, 3):
    expect_back(process, times)
assert time.monotonic() - begin >= 0.85
assert "by the rule every=300ms,then=rollback, " in finish(process)
process, pid = start("--every", "20ms", "--restore-on", "every=2s", "-o", "verbosity=1")
read_until(process, "by the rule every=2s,then=rollback")
finish(process)
# Nor does one that waits for the end of spacing.
process, pid = start("--every", "20ms", "-o", "spacing=1h", "--restore-on", "every=2s", "-o", "verbosity=1")
read_until(process, "by the rule every=2s,then=rollback")
finish(process)

# With a spacing, from the last checkpoint; a site is not waited for.
begin = time.monotonic()
process, pid = start("--restore-on", "signal=USR2,spacing=1s,site=100s")
expect_back(process, 0)
os.kill(pid, signal.SIGUSR2)
expect_back(process, 1)
assert time.monotonic() - begin >= 1
finish(process)

# Timers by processor time. One that sleeps uses next to none of it where many
# others want the processor, and is not gone back with.
process, pid = start("--restore-on", "cpu=20ms", mode="busy")
expect_back(process, 0)
for times in (1, 2, 3):
    expect_back(process, times)
    used = time.clock_gettime(~pid << 3 | 2)  # clock_getcpuclockid(pid)
    assert used >= times * 0.02, (times, used)
finish(process)
process, pid = start("--every", "10ms", "--restore-on", "cpu=500ms", "-o", "verbosity=1", mode="busy")
read_until(process, "by the rule cpu=500ms,then=rollback")
finish(process)

# A signal's rule leaves SIGUSR1 to ask for checkpoints, unless it is the same.
def cause(generation):
    done = tool("show", "--cache", f"{cache}.{len(started)}", f"{name}/{generation}")
    return re.search(r"^cause +(.*)$", done.stdout, re.M)[1]


process, pid = start("--restore-on", "signal=USR2", "-o", "verbosity=1")
expect_back(process, 0)
os.kill(pid, signal.SIGUSR1)
read_until(process, f"{name}/2")
assert cause(2) == f"signal {int(signal.SIGUSR1)}", cause(2)
os.kill(pid, signal.SIGUSR2)
read_until(process, f"rolled back to {name}/2, by the rule signal=USR2,then=rollback")
finish(process)
process, pid = start("--on", "signal=USR2", "-o", "verbosity=1")
expect_back(process, 0)
for generation, number, why in ((2, signal.SIGUSR1, f"signal {int(signal.SIGUSR1)}"), (3, signal.SIGUSR2, "signal=USR2")):
    os.kill(pid, number)
    read_until(process, f"{name}/{generation}")
    assert cause(generation) == why, cause(generation)
finish(process)
process, pid = start("--restore-on", "signal=USR1")
expect_back(process, 0)
os.kill(pid, signal.SIGUSR1)
expect_back(process, 1)
finish(process)
assert tool("show", "--cache", f"{cache}.{len(started)}", f"{name}/2").returncode != 0

# Why not.
process, pid = start(mode="never")
done = tool("rollback", str(pid))
assert done.returncode == 125 and "HWCKPT-E109" in done.stderr, done
assert process.poll() is None
os.kill(pid, signal.SIGKILL)
process.communicate()
process, pid = start(mode="tree")
expect_back(process, 0)
done = tool("rollback", str(pid))
assert done.returncode == 125 and "HWCKPT-E325" in done.stderr, done
finish(process)
done = tool("rollback", "no-such-program")
assert done.returncode == 125 and "HWCKPT-E508" in done.stderr, done
for wrong in ("exit=TERM", "before=send", f"control={control}", "every=never"):
    done = tool("run", "--restore-on", wrong, "--", program, "plain", end)
    assert done.returncode == 2 and "HWCKPT-E" in done.stderr, (wrong, done)
