"""signals.py - what `hwckpt run` and `hwckpt restore` do with signals.

usage: signals.py run HWCKPT
       signals.py restore HWCKPT FABRICATE POLICY

Every case starts a program under hwckpt that counts the signals it gets, does
something to one of the two, and looks at both. HWCKPT of the second form stands
beside the stand-in for the restorer.
"""

import os
import pty
import select
import signal
import subprocess
import sys
import time

# Prints "ready", then every signal it gets; TERM ends it with 9. A signal just
# before a blocking call would be shown after it only: the pipe ends the call.
COUNTER = """
import os, select, signal
woken, wake = os.pipe()
os.set_blocking(wake, False)
signal.set_wakeup_fd(wake)
def show(number, frame):
    os.write(1, b"signal %d\\n" % number)
    if number == signal.SIGTERM:
        os._exit(9)
for number in (1, 2, 10, 12, 15, 18, 40):
    signal.signal(number, show)
os.write(1, b"ready %d\\n" % os.getpid())
while True:
    ready = select.select([0, woken], [], [])[0]
    if woken in ready:
        os.read(woken, 100)
    if 0 not in ready:
        continue
    line = os.read(0, 100)
    if line == b"group\\n":
        os.killpg(0, 10)
    elif not line or line == b"quit\\n":
        os._exit(7)
    elif line == b"stop\\n":
        os.kill(os.getpid(), signal.SIGTSTP)
    os.write(1, line)
"""


class Program:
    """A program under hwckpt, its output read line by line."""

    def __init__(self, command, **how):
        self.tool = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **how
        )
        words = self.expect("ready").split()
        self.pid = int(words[1]) if len(words) > 1 else None

    def line(self, timeout=10):
        if not select.select([self.tool.stdout], [], [], timeout)[0]:
            raise AssertionError("no output")
        text = b""
        while not text.endswith(b"\n"):
            byte = os.read(self.tool.stdout.fileno(), 1)
            if not byte:
                return text.decode() + "(end)"
            text += byte
        return text.decode().rstrip()

    def expect(self, wanted):
        line = self.line()
        assert line.startswith(wanted), f"{line!r}, not {wanted!r}"
        return line

    def silent(self):
        ready = select.select([self.tool.stdout], [], [], 0.15)[0]
        assert not ready, f"unexpected {self.line()!r}"

    def tell(self, text):
        self.tool.stdin.write(text + b"\n")
        self.tool.stdin.flush()

    def ends(self, wanted):
        status = self.tool.wait(10)
        assert status == wanted, f"ended with {status}, not {wanted}"


def state(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0]
    except OSError:
        return None


def eventually(condition, what):
    for _ in range(500):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError(f"never: {what}")


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(word) for word in file.read().split()]


# ---- hwckpt run ----


def run(tool, *program):
    return [tool, "run", "--force", "--", *program]


def counter(tool):
    return run(tool, sys.executable, "-c", COUNTER)


def passes_each_signal_once(tool):
    program = Program(counter(tool))
    for number in (10, 12, 1, 2):
        program.tool.send_signal(number)
        program.expect(f"signal {number}")
        program.silent()
    program.tool.send_signal(40)
    program.expect("signal 40")
    program.tool.terminate()
    program.expect("signal 15")
    program.ends(9)


def does_not_return_what_the_program_sent(tool):
    # To its whole group, hwckpt included.
    program = Program(counter(tool), start_new_session=True)
    program.tell(b"group")
    lines = sorted([program.line(), program.line()])
    assert lines == ["group", "signal 10"], lines
    program.silent()
    program.tell(b"quit")
    program.ends(7)


def dies_by_the_same_signal(tool):
    for number in (2, 3, 15, 9):
        code = "import signal, os; signal.signal(%d, 0) if %d != 9 else 0;" % (
            number,
            number,
        )
        command = run(
            tool, sys.executable, "-c", code + "os.kill(os.getpid(), %d)" % number
        )
        status = subprocess.run(command, stderr=subprocess.DEVNULL).returncode
        assert status == -number, status


def takes_the_program_along(tool):
    program = Program(counter(tool))
    program.tool.kill()
    eventually(lambda: state(program.pid) in (None, "Z"), "the program died")


def leaves_a_throttled_program_alone(tool):
    program = Program(counter(tool))
    os.kill(program.pid, signal.SIGSTOP)
    eventually(lambda: state(program.pid) == "T", "the program stopped")
    time.sleep(0.1)
    assert state(program.tool.pid) == "S"
    os.kill(program.pid, signal.SIGCONT)
    program.expect("signal 18")
    program.tell(b"quit")
    program.ends(7)


def stops_and_continues_with_the_program(tool):
    # A group of its own, as a shell gives it; not a session of its own, in which
    # SIGTSTP would do nothing.
    program = Program(counter(tool), preexec_fn=lambda: os.setpgid(0, 0))
    program.tell(b"stop")
    eventually(lambda: state(program.tool.pid) == "T", "hwckpt stopped")
    assert state(program.pid) == "T"
    os.killpg(program.tool.pid, signal.SIGCONT)
    eventually(lambda: state(program.pid) != "T", "the program went on")
    eventually(lambda: state(program.tool.pid) == "S", "hwckpt went on")
    lines = sorted([program.line(), program.line()])
    assert lines == ["signal 18", "stop"], lines
    # Only hwckpt is told to go on, as when the shell knows nothing of us.
    program.tell(b"stop")
    eventually(lambda: state(program.tool.pid) == "T", "hwckpt stopped")
    program.tool.send_signal(signal.SIGCONT)
    lines = sorted([program.line(), program.line()])
    assert lines == ["signal 18", "stop"], lines
    program.tell(b"quit")
    program.ends(7)


def lives_with_what_it_inherits(tool):
    def ignore():
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])

    code = "grep -E 'Sig(Blk|Ign)' /proc/self/status"
    command = ["sh", "-c", code]
    plain = subprocess.run(command, preexec_fn=ignore, capture_output=True)
    under = subprocess.run(run(tool, *command), preexec_fn=ignore, capture_output=True)
    assert under.returncode == 0 and plain.stdout == under.stdout, (plain, under)


def leaves_the_terminal_to_the_program(tool):
    # On a terminal ^C reaches the whole group: the program must see it once.
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(tool, counter(tool))
    seen = b""

    def read_until(text):
        nonlocal seen
        while text not in seen:
            assert select.select([terminal], [], [], 10)[0], seen
            seen += os.read(terminal, 1000)

    read_until(b"ready")
    os.write(terminal, b"\x03")
    read_until(b"signal 2")
    time.sleep(0.15)
    os.write(terminal, b"quit\n")
    try:
        while True:
            seen += os.read(terminal, 1000)
    except OSError:
        pass
    assert seen.count(b"signal 2") == 1, seen
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7


RUN = [
    passes_each_signal_once,
    does_not_return_what_the_program_sent,
    dies_by_the_same_signal,
    takes_the_program_along,
    leaves_a_throttled_program_alone,
    stops_and_continues_with_the_program,
    lives_with_what_it_inherits,
    leaves_the_terminal_to_the_program,
]


# ---- hwckpt restore ----


def restore(tool, policy, play):
    return [tool, "restore", f"--pid={policy}", "-o", f"play={play}"]


def restored_gets_each_signal_once(tool, policy):
    program = Program(restore(tool, policy, "running+signals"))
    for number, name in ((10, "USR1"), (12, "USR2"), (2, "INT")):
        program.tool.send_signal(number)
        program.expect(f"signal {name}")
        program.silent()
    program.tool.terminate()
    program.ends(9)


def restored_dies_with_the_tool(tool, policy):
    program = Program(restore(tool, policy, "running+signals"))
    below = children(program.tool.pid)
    for pid in below:
        below = below + children(pid)
    assert below
    program.tool.kill()
    eventually(
        lambda: all(state(pid) in (None, "Z") for pid in below), "all of them died"
    )


def restored_stops_and_continues(tool, policy):
    command = restore(tool, policy, "running+say_ready+stop_20+say_on+exit_5")
    program = Program(command, preexec_fn=lambda: os.setpgid(0, 0))
    eventually(lambda: state(program.tool.pid) == "T", "hwckpt stopped")
    program.tool.send_signal(signal.SIGCONT)
    program.expect("on")
    program.ends(5)


def restored_dies_by_the_same_signal(tool, policy):
    for number in (2, 9, 15):
        command = restore(tool, policy, f"running+kill_{number}")
        run = subprocess.run(command, capture_output=True, text=True)
        assert run.returncode == -number, run
        assert "hwckpt restore app" in run.stderr, run


RESTORE = [
    restored_gets_each_signal_once,
    restored_dies_with_the_tool,
    restored_stops_and_continues,
    restored_dies_by_the_same_signal,
]


def main():
    for number in (2, 3):  # a shell's background job ignores them
        signal.signal(number, signal.SIG_DFL)
    what, tool = sys.argv[1:3]
    if what == "run":
        cases, arguments = RUN, [tool]
    else:
        cases, arguments = RESTORE, [tool, sys.argv[4]]
        cache = os.environ["HWCKPT_CACHE"]
        subprocess.run([sys.argv[3], cache, "app-1"], check=True)
    for case in cases:
        print(case.__name__, flush=True)
        case(*arguments)


main()
