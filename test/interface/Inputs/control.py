"""control.py HWCKPT PROGRAM - talks to the control socket of PROGRAM, which runs
until the file of its argument is there."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time

hwckpt, program = sys.argv[1:]
folder = os.environ["TMPDIR"]
path, trigger, end = (os.path.join(folder, name) for name in ("control", "trigger", "end"))
started = []


def start(*command):
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    started.append(process)
    return process


def run():
    return start(
        hwckpt, "run", "--name", f"app{len(started)}", "--on", f"control={path}", "--on",
        f"file={trigger}", "--", program, end,
    )  # fmt: skip


class Client:
    def __init__(self):
        for _ in range(1000):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(20)
            try:
                self.socket.connect(path)
                break
            except OSError:
                time.sleep(0.02)
        self.lines = self.socket.makefile()

    def close(self):
        self.lines.close()
        self.socket.close()

    def say(self, text):
        self.socket.sendall(text.encode())

    def hear(self, pattern):
        line = self.lines.readline()
        found = re.fullmatch(pattern + r"\n", line)
        assert found, f"{line!r} is not {pattern}"
        return found


def admitted():
    """None: it was refused."""
    client = Client()
    with contextlib.suppress(BrokenPipeError):
        client.say("status\n")
    line = client.lines.readline()
    if not line.startswith("status"):
        assert re.fullmatch(r"error E255 .*: 16 others are connected\n", line), line
        client.close()
        return None
    return client


def event():
    return subprocess.run([hwckpt, "show"], capture_output=True, text=True, check=True).stdout


def generation():
    client = Client()
    client.say("status\n")
    line = client.lines.readline()
    return int(re.search(r"generation=(\d+)", line if line.startswith("status") else client.lines.readline())[1])


def write():
    with open(trigger, "a") as file:
        file.write("x")


def touch(wanted, change=write):
    change()
    begin = time.monotonic()
    while generation() < wanted:
        assert time.monotonic() - begin < 20, f"no checkpoint for the file: {change}"
        time.sleep(0.01)


def move():
    os.rename(trigger + "2", trigger)


def link():
    os.rename(trigger, trigger + "2")
    os.link(trigger + "2", trigger)


def other_user_is_dropped():
    """Even where the socket's mode lets him in."""
    os.chmod(folder, 0o711)
    os.chmod(path, 0o777)
    child = os.fork()
    if child == 0:
        os.setuid(65534)
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(20)
            peer.connect(path)
            os._exit(peer.recv(100) != b"")  # the end, unasked
    assert os.waitpid(child, 0)[1] == 0
    os.chmod(path, 0o600)


try:
    first = run()
    pid = int(first.stdout.readline())
    assert os.stat(path).st_mode & 0o777 == 0o600
    if os.getuid() == 0:
        other_user_is_dropped()
    one, other = Client(), Client()
    one.say("checkpoint\n")
    one.hear("resumed 1")
    assert re.search(r"^event +control\ncause +control=", event(), re.M), event()
    one.say("check")
    one.say("point\r\n")
    one.hear("error E255 request is not understood: .*")
    one.say("checkpoint\ncheckpoint\nstatus\n")
    other.say("checkpoint\n")
    answers = sorted(one.lines.readline().split()[0] for _ in range(3))
    assert answers == ["resumed", "resumed", "status"], answers
    number = int(other.hear(r"resumed (\d+)")[1])
    one.say("x" * 3000 + "\n")
    one.hear("error E255 .*")
    one.say("frobnicate\n")
    one.hear("error E255 request is not understood: 'frobnicate'")
    other.socket.close()
    # So many at once, one more is told, and there is room again when they are gone.
    many = []
    while client := admitted():
        many.append(client)
    assert 8 <= len(many) < 16, len(many)
    for client in many:
        client.say("status\n")
        client.hear("status .*")
    for client in many:
        client.close()
    while not admitted():
        time.sleep(0.01)
    # Other files of the folder are none, nor is one that is still written.
    with open(trigger, "w") as file, open(trigger + "2", "w") as beside:
        beside.close()
        file.write("x")
        file.flush()
        one.say("status\n")
        one.hear("status .*")
        time.sleep(0.05)
        assert generation() == number, "what is not whole is an event"
    touch(number + 1)
    assert re.search(r"^event +file\ncause +file=", event(), re.M), event()
    for change in (lambda: os.utime(trigger), move, link):
        touch(generation() + 1, change)

    # Another program with the same path is told, and goes on.
    second = run()
    second.stdout.readline()
    while "HWCKPT-E254" not in (told := second.stderr.readline()):
        assert told, "it is not told"
    assert second.poll() is None
    os.kill(second.pid, signal.SIGTERM)
    second.wait()
    assert "another program listens there" in told, told

    one.say("checkpoint\n")
    last = int(one.hear(r"resumed (\d+)")[1])
    os.kill(pid, signal.SIGKILL)
    first.wait()
    assert one.lines.readline() == ""
    assert os.path.exists(path)
    back = start(hwckpt, "restore", "app0")
    one = Client()
    one.hear(f"restored {last}")
    one.say("status\ncheckpoint\n")
    one.hear(rf"status pid=\d+ generation={last} .* restored={last}")
    one.hear(f"resumed {last + 1}")
    touch(last + 2)
    with open(end, "w"):
        pass
    assert back.wait() == 7, back.stderr.read()
    assert not os.path.exists(path), "the socket is left"
finally:
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()
    for name in (path, trigger, trigger + "2", end):
        if os.path.exists(name):
            os.remove(name)
