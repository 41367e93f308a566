"""key-command-ends.py HWCKPT PROGRAM FILE FOLDER - hwckpt, and PROGRAM FILE without it, are
ended while they wait for a key command, whose descendants hold a FIFO open: they are to let
go of it."""

import os
import pty
import select
import signal
import subprocess
import sys
import termios

HWCKPT, PROGRAM, FILE, FOLDER = sys.argv[1:]
LIMIT = 100
FAMILY = """exec 9>'%s'
{ printf a >&9; sleep 1000; } | cat &
setsid sh -c 'printf b >&9; exec sleep 1000' &
(trap '' HUP INT QUIT TERM; (printf c >&9; exec sleep 1000) &) &
%s
"""
ENDINGS = (
    "exec sleep 1000",
    "head -c 32 /dev/zero; exec sleep 1000 >/dev/null",
    "",  # it has ended, the others have not
)
SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGKILL)


def readable(fd):
    assert select.select([fd], [], [], LIMIT)[0], "nothing came"


class Family:
    """A key command, `sh SCRIPT`, and what it has started."""

    made = 0

    def __init__(self, ending):
        fifo = os.path.join(FOLDER, "fifo-%d" % Family.made)
        self.script = os.path.join(FOLDER, "script-%d" % Family.made)
        Family.made += 1
        os.mkfifo(fifo)
        self.fifo = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        os.set_blocking(self.fifo, True)
        with open(self.script, "w") as file:
            file.write(FAMILY % (fifo, ending))

    def command(self):
        return "exec sh " + self.script

    def is_there(self):
        said = b""
        while len(said) < 3:
            readable(self.fifo)
            said += os.read(self.fifo, 3)
        assert sorted(said) == sorted(b"abc"), said

    def is_gone(self):
        readable(self.fifo)
        assert os.read(self.fifo, 1) == b""
        os.close(self.fifo)


def start_hwckpt(family):
    return subprocess.Popen(
        [HWCKPT, "list", "--key-command", family.command()], stdin=subprocess.DEVNULL
    )


def start_program(family):
    options = "key_command='%s'" % family.command()
    return subprocess.Popen(
        [PROGRAM, FILE],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env=dict(os.environ, HWCKPT_OPTIONS=options),
    )


def all_end():
    started = []
    for ending in ENDINGS:
        for start, signals in (start_hwckpt, SIGNALS), (start_program, [signal.SIGKILL]):
            for number in signals:
                family = Family(ending)
                started.append((family, start(family), number))
    for family, process, number in started:
        family.is_there()
        process.send_signal(number)
    for family, process, number in started:
        assert process.wait(LIMIT) == -number, process.args
        family.is_gone()


def at_terminal(command):
    """Beside who leads the session, as a shell does, and tells how hwckpt ended."""
    leader, terminal = pty.fork()
    if not leader:
        pid = os.fork()
        if not pid:
            os.execv(HWCKPT, [HWCKPT, "list", "--key-command", command])
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        ended = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.write(1, b"ended %d.\n" % ended)
        os.read(0, 100)  # the session is there until the test has looked
        os._exit(0)
    return leader, terminal


def until(terminal, text):
    said = b""
    while text not in said:
        readable(terminal)
        said += os.read(terminal, 1000)
    return said


def leave(leader, terminal):
    os.write(terminal, b"\n")
    os.waitpid(leader, 0)
    os.close(terminal)


def is_interrupted_at_terminal():
    family = Family(
        "trap 'stty echo </dev/tty; exit 1' INT; stty -echo </dev/tty;"
        "printf 'key? ' >/dev/tty; read key </dev/tty"
    )
    leader, terminal = at_terminal(family.command())
    family.is_there()
    until(terminal, b"key? ")
    assert not termios.tcgetattr(terminal)[3] & termios.ECHO
    os.write(terminal, b"\x03")
    until(terminal, b"ended -2.")
    family.is_gone()
    assert termios.tcgetattr(terminal)[3] & termios.ECHO
    leave(leader, terminal)


def asks_at_terminal():
    leader, terminal = at_terminal(
        "printf 'key? ' >/dev/tty; read key </dev/tty; printf %s \"$key\""
    )
    until(terminal, b"key? ")
    os.write(terminal, b"k" * 32 + b"\n")
    assert b"no checkpoint in" in until(terminal, b"ended 0.")
    leave(leader, terminal)


for ignored in SIGNALS[:3]:  # by who started the test
    signal.signal(ignored, signal.SIG_DFL)
os.makedirs(os.environ["HWCKPT_CACHE"], mode=0o700)
with open(os.path.join(os.environ["HWCKPT_CACHE"], "hwckpt-cache"), "w") as marker:
    marker.write("hwckpt-cache 4\n")
asks_at_terminal()
is_interrupted_at_terminal()
all_end()
