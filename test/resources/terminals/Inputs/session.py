"""session.py [--terminal] HWCKPT FOLDER STATUS COMMAND... - COMMAND runs a
shell in a pseudo terminal and copies between that and its own standard input and
output. With --terminal it is a shell itself, and hwckpt has the terminal.

A checkpoint is taken while a job of the shell is in front; all is killed and
restored. The shell has its variables and its job, Ctrl-C ends the job alone, and
the command ends with that status when the shell ends with 5."""

import contextlib
import fcntl
import os
import pty
import selectors
import shutil
import signal
import subprocess
import sys
import termios
import time

on_terminal = sys.argv[1] == "--terminal"
if on_terminal:
    del sys.argv[1]
hwckpt, folder, status = sys.argv[1:4]
command = sys.argv[4:]
shutil.rmtree(folder, ignore_errors=True)
os.mkdir(folder)
os.environ["HWCKPT_CACHE"] = folder + "/cache"
os.environ.update(HISTFILE="", TERM="xterm", TMUX_TMPDIR=folder)
# Who runs tests may ignore it, and what a shell starts would ignore it too.
signal.signal(signal.SIGINT, signal.default_int_handler)


def descendants(pid):
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children") as children:
            for child in map(int, children.read().split()):
                found += [child] + descendants(child)
    return found


class Session:
    def __init__(self, *arguments):
        if on_terminal:
            self.start_on_terminal(arguments)
        else:
            self.process = subprocess.Popen(
                arguments,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=folder,
            )
            self.input = self.process.stdin.fileno()
            self.output = self.process.stdout.fileno()
        self.text = b""
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.output, selectors.EVENT_READ)

    def start_on_terminal(self, arguments):
        self.input, slave = pty.openpty()
        self.output = self.input
        self.process = subprocess.Popen(
            arguments,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=folder,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(slave, termios.TIOCSCTTY, 0),
        )
        os.close(slave)

    def say(self, text):
        os.write(self.input, text)

    def hear(self, wanted):
        """Waits until that was said."""
        until = time.monotonic() + 100
        while wanted not in self.text:
            if time.monotonic() > until or not self.more():
                self.kill()
                sys.exit(f"no {wanted} in {self.text}")
        self.text = self.text.split(wanted, 1)[1]

    def more(self):
        if not self.selector.select(1):
            return True
        try:
            part = os.read(self.output, 4096)
        except OSError:  # nobody has the terminal any more
            part = b""
        self.text += part
        return part

    def kill(self):
        """All of them at once; gone when it returns. The first process of the
        program is killed with the tool, and may be gone already."""
        everybody = [self.process.pid] + descendants(self.process.pid)
        for pid in everybody:
            os.kill(pid, signal.SIGSTOP)
        for pid in everybody:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        for pid in everybody:
            while os.path.exists(f"/proc/{pid}"):
                time.sleep(0.01)


session = Session(hwckpt, "run", "--", *command)
session.say(b'PS1="ready> "; x=41; echo "first$((x + 1))"\n')
session.hear(b"first42")
session.say(
    b'(echo "job$((x + 2))"; read y; echo "heard$((y + 40))"; read y) | cat\n'
)
session.hear(b"job43")
first = descendants(session.process.pid)[0]
subprocess.run([hwckpt, "ckpt", str(first)], check=True, timeout=200)
session.kill()

session = Session(hwckpt, "restore")
# Before it goes on, Ctrl-C would end the restore.
session.say(b"6\n")
session.hear(b"heard46")
session.say(b"\x03")
session.hear(b"ready> ")
session.say(b'echo "again$((x + 3)) $? $(test -t 0 && echo "on $(tty)")"\n')
session.hear(b"again44 130 on /dev/pts/")
session.say(b"(exec 0</dev/tty && test -t 0 && echo \"tty$((x + 4))\")\n")
session.hear(b"tty45")
session.say(b"exit 5\n")
while session.more():
    pass
assert session.process.wait() == int(status), session.text
