"""What `hwckpt run --restart` does: restart.py HWCKPT PROGRAM FOLDER"""

import atexit
import json
import os
import pty
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../interface/Inputs"))
import memory_group

HWCKPT, PROGRAM, FOLDER = sys.argv[1:]
ALL = [str(n) for n in range(1, 9)]


class Case:
    """A program that is told once at each count what to do: faults, as _COUNT=WHAT; *WHAT is told each time,
    and WHAT,NEXT first one and then the other."""

    def __init__(self, name, **faults):
        self.name = name
        self.out = os.path.join(FOLDER, f"{name}.out")
        self.faults = {int(count[1:]): what for count, what in faults.items()}
        # Its address is short, wherever the test's folder is.
        self.place = tempfile.TemporaryDirectory(prefix="hwckpt-test-")
        self.socket = os.path.join(self.place.name, "s")
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        listener.bind(self.socket)
        listener.listen()
        threading.Thread(target=self.tell, args=[listener], daemon=True).start()

    def tell(self, listener):
        while True:
            program = listener.accept()[0]
            count = struct.unpack("i", program.recv(4))[0]
            fault = self.faults.get(count, "on")
            fault, _, later = fault.partition(",")
            if later:
                self.faults[count] = later
            elif not fault.startswith("*"):
                self.faults.pop(count, None)
            program.send(fault.strip("*").encode())
            program.close()

    def command(self, *options, slow=False, group=None):
        slow = ["slow"] if slow else []
        within = ["bash", "-c", 'echo $$ >"$0"/cgroup.procs && exec "$@"', group] if group else []
        return [*within, HWCKPT, "run", "--name", self.name, *options, "--", PROGRAM, self.socket, *slow]

    def start(self, *options, **how):
        with open(self.out, "a") as out:
            return subprocess.Popen(
                self.command(*options, **how), stdout=out, stderr=subprocess.PIPE, text=True, process_group=0
            )

    def run(self, *options, **how):
        process = self.start(*options, **how)
        self.said = process.communicate(timeout=200)[1]
        return process.returncode

    def lines(self):
        with open(self.out) as file:
            return file.read().split()

    def await_lines(self, count):
        end = time.monotonic() + 100
        while len(self.lines()) < count:
            assert time.monotonic() < end, self.lines()
            time.sleep(0.02)

    def listed(self):
        text = subprocess.run([HWCKPT, "list", "--json", self.name], check=True, capture_output=True).stdout
        return json.loads(text)["applications"][0]

    def history(self):
        return self.listed()["history"]

    def await_generation(self, number):
        end = time.monotonic() + 100
        while number not in [g["number"] for g in self.listed()["generations"]]:
            assert time.monotonic() < end
            time.sleep(0.02)

    def words(self):
        return [entry["what"] for entry in self.history()]


def stat_of(pid):
    """State, parent and what follows."""
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()


def await_words(case, word, count):
    end = time.monotonic() + 100
    while subprocess.run([HWCKPT, "list", case.name], capture_output=True).returncode:
        assert time.monotonic() < end  # the application is not there yet
        time.sleep(0.02)
    while case.words().count(word) < count:
        assert time.monotonic() < end, case.words()
        time.sleep(0.05)


def expect(got, wanted):
    assert got == wanted, f"{got} is not {wanted}; {getattr(case, 'said', None)}"


# Who was asked to end and does so late: by that signal it is what was asked for, with
# a status a failure. The rest of the test takes as long.
late = {name: Case(name, _3=name) for name in ("late", "late-exit")}
ending = {name: case.start("--restart") for name, case in late.items()}
for case in late.values():
    case.await_lines(3)
    expect(case.lines(), ["1", "2", "waits"])
for process in ending.values():
    process.terminate()

# So, in the stress tier, what fails a second time and came no farther, but ran for a
# minute: no second failure in a row.
long = Case("long", _5="exit,long")
minute = long.start("--restart=on-failure:1") if os.environ.get("HWCKPT_STRESS") == "1" else None

# Killed, crashed, ended with a status: it goes on, and its output is whole.
case = Case("faults", _2="kill", _5="segv", _7="exit")
expect(case.run("--restart=on-failure:3"), 0)
expect(case.lines(), ALL)
expect(case.words(), ["began"] + 3 * ["failed", "restored"] + ["ended"])
expect([e.get("signal", e.get("status")) for e in case.history() if e["what"] == "failed"], [9, 11, 3])
TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
assert re.search(rf"faults failed: killed by signal 9 \(Killed\) after .*s, at {TIME}; it is restored from faults/\d", case.said), case.said
text = subprocess.run([HWCKPT, "list", "faults"], check=True, capture_output=True, text=True).stdout
assert "failed: exit status 3" in text and text.endswith("ended: exit status 0\n"), text
expect(len(re.findall(" began$| restored$| failed: | ended: ", text, re.MULTILINE)), 6)

# So by a signal for its group, which is ours too: who sent it may be gone when we look.
case = Case("group", **{f"_{count}": "group" for count in range(2, 9)})
expect(case.run("--restart"), 0)
expect(case.lines(), ALL)
expect([e.get("signal") for e in case.history() if e["what"] == "failed"], 7 * [15])

# What it went on from is bad: older generations, until one is not.
case = Case("poison", _3="poison")
expect(case.run("--restart"), 0)
expect(case.lines(), ALL)
restored = [e["generation"] for e in case.history() if e["what"] == "restored"]
expect(restored, [4, 3, 2])

# What was newer is not gone on from another time: its files went with it.
case = Case("aside", _3="poison,hang")
process = case.start("--restart")
await_words(case, "restored", 3)
end = time.monotonic() + 100
while 3 in case.faults:  # it has been told to hang
    assert time.monotonic() < end, case.faults
    time.sleep(0.02)
process.terminate()
expect(process.wait(100), -signal.SIGTERM)
process.stderr.close()
expect([e["generation"] for e in case.history() if e["what"] == "set-aside"], [4, 3, 5])
text = subprocess.run([HWCKPT, "list", "aside"], check=True, capture_output=True, text=True).stdout
assert re.search(r"^aside/5 .* set-aside$", text, re.MULTILINE), text
expect(case.run("--restart"), 0)
assert re.search(rf"aside goes on from aside/2, taken {TIME}", case.said), case.said
expect(case.lines(), ALL)
expect([e["generation"] for e in case.history() if e["what"] == "restored"], [4, 3, 2, 2])

# The newest is damaged: that is said, when it failed as when it goes on another time.
for name, ends_it in (("rots", False), ("rotted", True)):
    case = Case(name, _5="hang")
    process = case.start("--restart")
    end = time.monotonic() + 100
    while 5 in case.faults:
        assert time.monotonic() < end, case.faults
        time.sleep(0.02)
    newest = case.listed()["generations"][-1]["number"]
    path = os.path.join(os.environ["HWCKPT_CACHE"], name, f"g{newest:010}.ckpt")
    os.truncate(path, os.path.getsize(path) - 1)
    if ends_it:
        process.terminate()
        expect(process.wait(100), -signal.SIGTERM)
        process.stderr.close()
        expect(case.run("--restart"), 0)
        wanted = f"{name} goes on from {name}/{newest - 1}, taken"
    else:
        pid = int(subprocess.run(["pgrep", "-f", f"^{PROGRAM} {case.socket}"], check=True, capture_output=True).stdout)
        os.kill(pid, signal.SIGKILL)
        case.said = process.communicate(timeout=200)[1]
        expect(process.returncode, 0)
        wanted = f"it is restored from {name}/{newest - 1}"
    expect(case.lines(), ALL)
    lines = case.said.splitlines()
    (at,) = [i for i, line in enumerate(lines) if f"HWCKPT-E106: checkpoint is truncated: {path}: at byte " in line]
    assert "remedy:" in lines[at + 1] and wanted in lines[at + 2], lines

# Where all of it is damaged, an earlier run is not gone on from: it was another.
case = Case("other")
expect(case.run("--restart"), 0)
earlier = case.listed()["generations"][-1]["number"]
case.faults[2] = "hang"
process = case.start("--restart=on-failure:1")
case.await_lines(9)
case.await_generation(earlier + 1)
path = os.path.join(os.environ["HWCKPT_CACHE"], "other", f"g{earlier + 1:010}.ckpt")
with open(path, "r+b") as file:
    head = file.read(200)
    file.seek(24 + head[12])  # what is behind its header
    file.write(bytes([head[24 + head[12]] ^ 1]))
end = time.monotonic() + 100
while 2 in case.faults:
    assert time.monotonic() < end, case.faults
    time.sleep(0.02)
pid = int(subprocess.run(["pgrep", "-f", f"^{PROGRAM} {case.socket}"], check=True, capture_output=True).stdout)
os.kill(pid, signal.SIGKILL)
case.said = process.communicate(timeout=200)[1]
expect(process.returncode, 125)
assert "HWCKPT-E105" in case.said and path in case.said and "instead" not in case.said, case.said
expect(case.words()[-3:], ["failed", "restored", "gave-up"])

# Too often: given up, with the status of the last time.
case = Case("often", _2="*exit")
expect(case.run("--restart=on-failure:2"), 3)
expect(case.words(), ["began", "failed", "restored", "failed", "restored", "gave-up"])
assert re.search(rf"exit status 3, at {TIME}: given up", case.said), case.said
failed, restored = case.history()[3:5]  # for the second time: after a second
assert restored["realtime_ns"] - failed["realtime_ns"] >= 0.9e9, case.history()

# The kernel ends it for want of memory, and that is said.
try:
    group = memory_group.make(128 << 20, hard=True)
except memory_group.Missing as why:
    print(f"not seen killed for want of memory: {why}")
else:
    atexit.register(os.rmdir, group)
    case = Case("memory", _3="eat")
    expect(case.run("--restart", group=group), 0)
    expect(case.lines(), ALL)
    expect([e.get("signal") for e in case.history() if e["what"] == "failed"], [9])
    assert "killed processes for want of memory" in case.said, case.said

# It comes to no site any more.
case = Case("hangs", _3="hang")
expect(case.run("--restart", "--hang=2s"), 0)
expect(case.lines(), ALL)
expect([e.get("signal") for e in case.history() if e["what"] == "failed"], [6])
assert "HWCKPT-E219" in case.said, case.said

# The cache is removed under it: that is said, and nothing is begun anew.
case = Case("removed")
process = case.start("--restart", slow=True)
case.await_lines(4)
case.await_generation(4)
removed = os.path.join(os.environ["HWCKPT_CACHE"], "removed")
while os.path.exists(removed):  # its program may write there still
    shutil.rmtree(removed, ignore_errors=True)
pid = int(subprocess.run(["pgrep", "-f", f"^{PROGRAM} {case.socket}"], check=True, capture_output=True).stdout)
os.kill(pid, signal.SIGKILL)
expect(process.wait(100), -signal.SIGKILL)
said = process.stderr.read()
process.stderr.close()
assert "HWCKPT-E107" in said, said
expect(case.lines(), ALL[:4])

# Not for what ended well, nor, with never, at all.
case = Case("well")
expect(case.run("--restart"), 0)
expect(case.words(), ["began", "ended"])
history = os.path.join(os.environ["HWCKPT_CACHE"], "well", "history")
with open(history, "a") as file:
    file.write("1 ended 0 0\n" * 6000)  # beyond 64 KiB the older half goes
expect(case.run("--restart"), 0)
assert os.stat(history).st_size <= 40 << 10, os.stat(history)
expect(case.words()[-3:], ["ended", "began", "ended"])
# What begins anew never goes on from what was before it: not when it fails without a
# checkpoint, nor after its supervisor was lost.
case = Case("anew")
expect(case.run("--restart"), 0)
os.truncate(case.out, 0)
case.faults[1] = "exit,exit"
expect(case.run("--restart"), 0)
expect(case.words()[-6:], ["began", "failed", "began", "failed", "began", "ended"])
expect(case.lines()[-8:], ALL)
newest = max(generation["number"] for generation in case.listed()["generations"])
with open(os.path.join(os.environ["HWCKPT_CACHE"], "anew", "history"), "a") as file:
    file.write(f"1 began {newest} 0\n")
os.truncate(case.out, 0)
expect(case.run("--restart"), 0)
expect(case.words()[-2:], ["began", "ended"])
expect(case.history()[-2]["generation"], newest)
expect(case.lines(), ALL)
case = Case("never", _2="exit")
expect(case.run("--restart=never"), 3)
expect(case.history(), [])

# SIGTERM to the tool ends it, and it goes on another time; only once it is done
# it begins anew. Meanwhile nobody else runs or restores it.
case = Case("asked")
process = case.start("--restart", slow=True)
case.await_lines(4)
for command in (["run", "--name", "asked", "--", PROGRAM, case.socket], ["restore", "asked"]):
    other = subprocess.run([HWCKPT, *command], capture_output=True, text=True)
    expect(other.returncode, 125)
    assert "HWCKPT-E311" in other.stderr, other.stderr
process.terminate()
expect(process.wait(100), -signal.SIGTERM)
process.stderr.close()
expect(case.words(), ["began", "stopped"])
os.truncate(case.out, 0)
process = case.start("--restart", slow=True)
# The tool is killed, as at a loss of power: the program with it.
deadline = time.monotonic() + 100
while case.words()[-1] != "restored":
    assert time.monotonic() < deadline
    time.sleep(0.02)
process.kill()
process.wait(100)
process.stderr.close()
deadline = time.monotonic() + 100
os.truncate(case.out, 0)  # which may have been taken back already
while case.run("--restart", "--anew") == 125:  # the program may still be dying
    assert time.monotonic() < deadline and "E311" in case.said, case.said
    os.truncate(case.out, 0)
expect(case.lines(), ALL)
expect(case.words()[-2:], ["began", "ended"])

# Ctrl-C at a terminal.
case = Case("terminal")
pid, terminal = pty.fork()
if not pid:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.execv(HWCKPT, case.command("--restart", slow=True))
seen = b""
while b"4\r\n" not in seen:
    seen += os.read(terminal, 1000)
os.write(terminal, b"\x03")
expect(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), -signal.SIGINT)
os.close(terminal)
expect(case.words(), ["began", "stopped"])

# Ctrl-Z there stops it, and what goes on goes on with it.
case = Case("job")
pid, terminal = pty.fork()
if not pid:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    job = subprocess.Popen(case.command("--restart", slow=True), process_group=0)
    os.tcsetpgrp(0, job.pid)
    stopped = os.waitpid(job.pid, os.WUNTRACED)[1]
    program = subprocess.run(["pgrep", "-f", f"^{PROGRAM} {case.socket}"], capture_output=True, text=True).stdout
    os.write(1, b"stopped %d %s\n" % (os.WIFSTOPPED(stopped), stat_of(int(program))[0].encode()))
    os.killpg(job.pid, signal.SIGCONT)
    # Awake again, it is stopped no more; then somebody wants its end.
    while stat_of(int(program))[0] == "T":
        time.sleep(0.02)
    os.write(1, b"continued\n")
    os._exit(job.wait(100) == -signal.SIGINT)
seen = b""
for wanted, key in ((b"4\r\n", b"\x1a"), (b"continued\r\n", b"\x03")):
    while wanted not in seen:
        seen += os.read(terminal, 1000)
    os.write(terminal, key)
    if key == b"\x1a":
        seen = b""
assert b"stopped 1 T" in seen, seen
expect(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 1)
os.close(terminal)
expect(case.words(), ["began", "stopped"])

# So when all below it have ended before it goes on itself.
case = Case("behind")
process = case.start("--restart", slow=True)
case.await_lines(4)
os.killpg(process.pid, signal.SIGTSTP)
assert os.WIFSTOPPED(os.waitpid(process.pid, os.WUNTRACED)[1])
program = subprocess.run(["pgrep", "-f", f"^{PROGRAM} {case.socket}"], check=True, capture_output=True).stdout
inner = stat_of(int(program))[1]
assert stat_of(inner)[1] == str(process.pid), inner
os.killpg(process.pid, signal.SIGTERM)
os.kill(int(inner), signal.SIGCONT)
deadline = time.monotonic() + 100
while stat_of(inner)[0] != "Z":
    assert time.monotonic() < deadline
    time.sleep(0.02)
os.kill(process.pid, signal.SIGCONT)
expect(process.wait(100), -signal.SIGTERM)
process.stderr.close()
expect(case.words(), ["began", "stopped"])

# A checkpoint and then the end is what was wanted; it goes on another time, without
# --restart it begins anew.
case = Case("checkpointed", _3="leave", _6="leave")
expect(case.run("--restart", "--on=exit=USR2"), 85)
expect(case.words(), ["began", "stopped"])
expect(case.lines(), ALL[:2])
expect(case.run("--restart"), 85)
expect(case.words(), ["began", "stopped", "restored", "stopped"])
expect(case.lines(), ALL[:5])
os.truncate(case.out, 0)
expect(case.run(), 0)
expect(case.lines(), ALL)

# Always: what has ended well begins anew, also when it is killed before it has a
# generation of its own.
case = Case("always", _1="on,kill")
process = case.start("--restart=always")
await_words(case, "began", 4)
process.terminate()
assert process.wait(100) in (0, -signal.SIGTERM)
process.stderr.close()
expect(case.words()[-1], "stopped")
expect(case.words().count("restored"), 0)
expect(case.lines()[: 2 * len(ALL)], 2 * ALL)

# Its end is wanted while it waits for the next try.
case = Case("pause", _2="*exit")
process = case.start("--restart=on-failure:100")
await_words(case, "failed", 4)
process.terminate()
assert process.wait(100) in (3, -signal.SIGTERM)
process.stderr.close()
expect(case.words()[-1], "stopped")
# Each pause but the first is twice the one before.
times = {what: [e["realtime_ns"] for e in case.history() if e["what"] == what] for what in ("failed", "restored")}
pauses = [(after - before) / 1e9 for before, after in zip(times["failed"], times["restored"])]
assert pauses[1] >= 0.9 and pauses[2] >= 1.9, pauses

# Its end is wanted before the program is there.
for attempt in range(10):
    case = Case(f"early{attempt}")
    process = case.start("--restart=always")
    history = os.path.join(os.environ["HWCKPT_CACHE"], case.name, "history")
    while not os.path.exists(history):
        assert process.poll() is None
    process.terminate()
    assert process.wait(100) in (0, -signal.SIGTERM)
    process.stderr.close()
    expect(case.words()[-1], "stopped")

# What was begun first.
for name, status in (("late", -signal.SIGTERM), ("late-exit", 0)):
    case = late[name]
    expect(ending[name].wait(100), status)
    ending[name].stderr.close()
expect(late["late"].words(), ["began", "stopped"])
expect(late["late-exit"].words(), ["began", "failed", "restored", "ended"])
expect(late["late-exit"].lines(), ALL)
if minute:
    expect(minute.wait(200), 0)
    minute.stderr.close()
    expect(long.words(), ["began"] + 2 * ["failed", "restored"] + ["ended"])
    expect(long.lines(), ALL)
