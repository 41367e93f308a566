"""rollback-asked.py HWCKPT PROGRAM - has PROGRAM (rollback-asked.c) go back."""

import os
import signal
import socket
import subprocess
import sys
import time

hwckpt, program = sys.argv[1:]
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
        [hwckpt, "run", "--cache", f"{cache}.{len(started)}", "--name", "back", *options, "--", program, mode, end],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    return process, int(process.stdout.readline())


def expect_back(process, times):
    line = process.stdout.readline()
    assert line == f"back {times} after 0\n", (line, times)


def finish(process):
    open(end, "w").close()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 7, (process.returncode, out, err)
    return err


# By name and id; several times; in between another checkpoint.
process, pid = start("-o", "verbosity=1")
expect_back(process, 0)
for times, name in enumerate(("back", str(pid), os.path.basename(program)), 1):
    done = tool("rollback", name)
    assert (done.returncode, done.stdout) == (0, "back/1\n"), done
    expect_back(process, times)
assert tool("ckpt", "back").stdout == "back/2\n"
done = tool("rollback", "back")
assert done.stdout == "back/2\n", done
err = finish(process)
assert err.count("rolled back to back/1, as was asked for") == 3, err

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
process, pid = start("--every", "20ms", "--restore-on", "every=200ms", "-o", "verbosity=1")
line = process.stdout.readline()
time.sleep(1)
assert "by the rule" in finish(process)

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
