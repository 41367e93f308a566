"""ask.py HWCKPT PROGRAM - asks PROGRAM (ask.c) for checkpoints, in every way."""

import os
import signal
import subprocess
import sys

hwckpt, program = sys.argv[1:]
end = program + ".end"


def tool(*arguments):
    return subprocess.Popen(
        [hwckpt, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process, status, said=""):
    out, err = process.communicate(timeout=60)
    assert process.returncode == status, (process.args, process.returncode, out, err)
    assert said in err, (said, err)
    return out


def start(mode, *options, root=""):
    """The tool, and the ids that the program prints."""
    process = tool("run", "--name", "asked", *options, "--", program, mode, end, root)
    pids = [int(process.stdout.readline()) for _ in range(2 if mode == "child" else 1)]
    return process, pids


def kill(process, pid):
    os.kill(pid, signal.SIGKILL)
    process.communicate(timeout=60)


def children_of(pid):
    """But for that by which the tool knows signals to its group."""
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        ids = [int(text) for text in file.read().split()]
    return [one for one in ids if open(f"/proc/{one}/comm").read() != "hwckpt-group\n"]


def set_end(there):
    if there:
        open(end, "w").close()
    elif os.path.exists(end):
        os.remove(end)


# By id, by name, by the file's name; several at once; what is printed can be
# restored, and the restored program asked again.
set_end(False)
process, [pid] = start("plain", "-o", "spacing=1h")
for n, name in enumerate((str(pid), "asked", os.path.basename(program)), 1):
    assert finish(tool("ckpt", name), 0) == f"asked/{n}\n"
several = [tool("ckpt", str(pid)) for _ in range(5)]
numbers = {finish(one, 0) for one in several}
assert numbers <= {f"asked/{n}\n" for n in range(4, 9)}, numbers
last = max(numbers)
assert '"event": "command"' in finish(tool("show", "--json"), 0)
kill(process, pid)
process = tool("restore", last.strip())
# Another that is being restored has the name already, and no runtime yet.
while (asked := tool("ckpt", "asked")).wait() == 125:
    assert "E508" in asked.stderr.read()
assert finish(asked, 0) > last
set_end(True)
finish(process, 7)

# The first request starts a thread that stops the one that took the signal.
for _ in range(5):
    process, [pid] = start("pause")
    for _ in range(2):
        finish(tool("ckpt", str(pid)), 0)
    assert process.poll() is None
    kill(process, pid)

set_end(False)
# Root that has become another user, behind a root directory of its own too, is
# asked for the first time, and again when it has come back.
for mode in ("user", "jailed") if os.geteuid() == 0 else ():
    os.makedirs(end + ".root", exist_ok=True)
    process, [pid] = start(mode, root=end + ".root")
    generation = finish(tool("ckpt", str(pid)), 0)
    kill(process, pid)
    process = tool("restore", generation.strip())
    while (asked := tool("ckpt", "asked")).wait() == 125:
        assert "E508" in asked.stderr.read()
    assert finish(asked, 0) > generation
    assert open(f"/proc/{pid}/status").read().count("\t65534\t65534\t65534\t65534") == 2
    kill(process, pid)

# Why none was taken.
for options, mode, said in (
    (("--cache", "/proc/none"), "plain", "HWCKPT-E1"),
    ((), "full", "HWCKPT-E112"),
):
    if mode == "plain":
        environment = dict(os.environ, HWCKPT_OPTIONS="cache=/proc/none")
        process = subprocess.Popen(
            [program, mode, end], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        pid = int(process.stdout.readline())
    else:
        process, [pid] = start(mode)
    for _ in range(2):
        finish(tool("ckpt", str(pid)), 125, said)
    kill(process, pid)

process, [child, pid] = start("child")
# A child is asked for all of the program.
assert finish(tool("ckpt", str(child)), 0).startswith("asked/")
assert finish(tool("ckpt", os.path.basename(program)), 0).startswith("asked/")
os.kill(pid, signal.SIGSTOP)
asked = tool("ckpt", str(pid))
while "ShdPnd:\t0000000100000000" not in open(f"/proc/{pid}/status").read():
    assert asked.poll() is None
kill(process, pid)
finish(asked, 125, "HWCKPT-E509")

# An orphan, which is the tool's child, is of the program too.
process, [pid] = start("orphan")
for name in ("asked", os.path.basename(program)):
    assert finish(tool("ckpt", name), 0).startswith("asked/")
for one in {pid, *children_of(process.pid)}:
    os.kill(one, signal.SIGKILL)
process.communicate(timeout=60)

# Not one of ours: it is left alone.
other = subprocess.Popen(["sleep", "60"])
finish(tool("ckpt", str(other.pid)), 125, "HWCKPT-E508")
assert other.poll() is None
other.kill()
other.wait()
finish(tool("ckpt", str(other.pid)), 125, "HWCKPT-E508")
finish(tool("ckpt", "no-such-program"), 125, "HWCKPT-E508")
finish(tool("ckpt"), 2, "HWCKPT-E501")
