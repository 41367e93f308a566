"""job-control.py HWCKPT JOB FOLDER [POLICY...] - jobs of an interactive bash: what a program
sees and what the shell sees, alone and under `hwckpt run`, run --restart, run --each and
restore, is the same."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

HWCKPT, JOB, FOLDER = sys.argv[1:4]
POLICIES = sys.argv[4:]
LOG = os.path.join(FOLDER, "log")
LIST = os.path.join(FOLDER, "list")
LIMIT = 30


def log():
    with open(LOG) as file:
        return file.read().splitlines()


def eventually(condition, what):
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end, f"never: {what}; {log()}"
        time.sleep(0.01)


def stat(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return None


def name(pid):
    with open(f"/proc/{pid}/comm") as file:
        return file.read().strip()


def descendants(pid):
    found = []
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        for child in map(int, file.read().split()):
            found += [child] + descendants(child)
    return found


class Bash:
    """An interactive bash on a terminal of its own."""

    def __init__(self):
        open(LOG, "w").close()
        self.pid, self.terminal = pty.fork()
        if not self.pid:
            for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            os.environ.update(PS1="$ ", HISTFILE="")
            os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])
        self.said = ""
        self.until(r"\$ ")

    def until(self, pattern, ask=""):
        """When nothing more comes it is asked for again."""
        self.type(ask)
        end = time.monotonic() + LIMIT
        while not (found := re.search(pattern, self.said)):
            assert time.monotonic() < end, f"no {pattern} in {self.said!r}; {log()}"
            if select.select([self.terminal], [], [], 0.1)[0]:
                self.said += os.read(self.terminal, 4096).decode()
            else:
                self.type(ask)
        self.said = self.said[found.end() :]
        return found

    def type(self, text):
        os.write(self.terminal, text.encode())

    def status(self):
        """Of the last command."""
        self.type("echo sta''tus-$?\n")
        return int(self.until(r"status-(\d+)")[1])

    def job(self):
        """The process that the shell knows."""
        with open(f"/proc/{self.pid}/task/{self.pid}/children") as file:
            return int(file.read().split()[0])

    def is_stopped(self):
        """What the shell waits for, and the program."""
        job = self.job()
        programs = [pid for pid in descendants(job) if name(pid) == os.path.basename(JOB)[:15]]
        return {stat(pid)[0] for pid in [job] + programs} == {"T"}

    def until_stopped(self):
        """The shell says so when it prompts, once the last thread has told it."""
        eventually(self.is_stopped, "stopped")
        self.until("Stopped", "\n")

    def mark(self, job):
        """What comes to the program by way of others is there before a signal that is sent
        behind it."""
        count = log().count("signal 12 0x0")
        os.kill(job, signal.SIGUSR2)
        eventually(lambda: log().count("signal 12 0x0") > count, "the mark")

    def leave(self):
        os.close(self.terminal)
        os.waitpid(self.pid, 0)


def of_log():
    """Without process ids."""
    return [line for line in log() if not line.startswith("ready")]


def resize(bash, rows, columns):
    fcntl.ioctl(bash.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def in_the_foreground(command):
    bash = Bash()
    bash.type(command("") + "\n")
    eventually(lambda: any(line.startswith("ready") for line in log()), "ready")
    job = bash.job()
    bash.mark(job)
    count = len(log())

    def sees(line, act):
        nonlocal count
        act()
        eventually(lambda: line in log()[count:], line)
        bash.mark(job)
        count = len(log())

    sees("signal 2 0x0", lambda: bash.type("\x03"))
    sees("signal 3 0x0", lambda: bash.type("\x1c"))
    sees("signal 28 33x44", lambda: resize(bash, 33, 44))
    bash.type("\x1a")
    bash.until("Stopped")
    eventually(bash.is_stopped, "stopped")
    sees("signal 18 0x0", lambda: bash.type("bg\n"))
    sees("signal 10 0x0", lambda: bash.type("kill -USR1 %1\n"))
    sees("signal 10 0x0", lambda: os.kill(job, signal.SIGUSR1))
    bash.type("kill -STOP %1\n")
    bash.until_stopped()
    sees("signal 18 0x0", lambda: bash.type("fg\n"))
    sees("signal 2 0x0", lambda: bash.type("\x03"))
    sees("signal 2 0x0", lambda: os.kill(job, signal.SIGINT))
    seen = of_log()
    os.kill(job, signal.SIGTERM)
    eventually(lambda: "signal 15 0x0" in log(), "its end")
    seen.append(bash.status())
    bash.leave()
    return seen


def terminal_lost(command):
    bash = Bash()
    bash.type(command("") + " &\n")
    eventually(lambda: any(line.startswith("ready") for line in log()), "ready")
    job = bash.job()
    processes = [job] + descendants(job)
    bash.mark(job)
    bash.leave()
    eventually(lambda: "signal 1 0x0" in log(), "SIGHUP")
    bash.mark(job)
    seen = of_log()
    os.kill(job, signal.SIGTERM)
    eventually(lambda: not any(stat(pid) for pid in processes), "its end")
    return seen


def reads_in_the_background(command):
    bash = Bash()
    bash.type(command("read") + " &\n")
    eventually(lambda: any(line.startswith("ready") for line in log()), "ready")
    bash.until_stopped()
    bash.type("fg\n")
    eventually(lambda: not bash.is_stopped(), "going on")
    bash.type("a line\n")
    eventually(lambda: "read a line" in log(), "the line")
    seen = of_log() + [bash.status()]
    bash.leave()
    return seen


def ends_a_loop(command, key):
    bash = Bash()
    bash.type("for i in 1 2; do " + command("plain") + "; done\n")
    eventually(lambda: any(line.startswith("ready") for line in log()), "ready")
    bash.type(key)
    if key == "\x1c":  # SIGQUIT does not end a loop
        eventually(lambda: sum(line.startswith("ready") for line in log()) == 2, "the second")
        bash.type("\x03")
    seen = [bash.status(), sum(line.startswith("ready") for line in log())]
    bash.leave()
    return seen


def alone(what):
    return f"{JOB} {LOG} {what}"


def run(what):
    return f"{HWCKPT} run --name job -o files=keep -- {JOB} {LOG} {what}"


def restart(what):
    return f"{HWCKPT} run --restart --anew --name job -o files=keep -- {JOB} {LOG} {what}"


def each(what):
    with open(LIST, "w") as file:
        file.write(f"--name job -o files=keep -- {JOB} {LOG} {what}\n")
    return f"{HWCKPT} run --each {LIST}"


def expect(name, got, wanted):
    assert got == wanted, f"{name}: {got}, alone it is {wanted}"
    print(name, "as alone", flush=True)


def only_to_it():
    """Of a group that the program has left it gets what is passed on."""
    open(LOG, "w").close()
    process = subprocess.Popen(
        [HWCKPT, "run", "--name", "job", "--", "setsid", JOB, LOG], preexec_fn=lambda: os.setpgid(0, 0)
    )
    try:
        eventually(lambda: any(line.startswith("ready") for line in log()), "ready")
        os.killpg(process.pid, signal.SIGUSR1)
        eventually(lambda: "signal 10 0x0" in log(), "SIGUSR1")
        process.terminate()
        assert process.wait(LIMIT) == 9
    finally:
        process.kill()


wanted = in_the_foreground(alone)
for way in (run, restart, each):
    expect(f"foreground, {way.__name__}", in_the_foreground(way), wanted)
for policy in POLICIES:
    open(LOG, "w").close()
    with subprocess.Popen([HWCKPT, "run", "--name", "kept", "-o", "files=keep", "--", JOB, LOG, "save"], stderr=subprocess.DEVNULL) as process:
        eventually(lambda: any(line.startswith("ready") for line in log()), "ready")
        os.kill(int(log()[0].split()[1]), signal.SIGKILL)
        assert process.wait(LIMIT) == -signal.SIGKILL
    expect(f"foreground, restore --pid={policy}", in_the_foreground(lambda what: f"{HWCKPT} restore --pid={policy} kept"), wanted)
for scene in (terminal_lost, reads_in_the_background, lambda way: ends_a_loop(way, "\x03"), lambda way: ends_a_loop(way, "\x1c")):
    wanted = scene(alone)
    for way in (run, restart, each):
        expect(f"{scene.__name__}, {way.__name__}", scene(way), wanted)
only_to_it()
