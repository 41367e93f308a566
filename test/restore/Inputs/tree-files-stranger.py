"""tree-files-stranger.py HWCKPT PROG - strangers talk to the socket at which the
first process of a tree keeps what the others change in files: another user, the
same user outside the tree, and one of the tree that sends nonsense. None gets an
answer, none holds up the program, which is killed and restored."""

import os
import re
import socket
import subprocess
import sys

hwckpt, program = sys.argv[1:]
NOBODY = 65534
MANY = 100

tool = subprocess.Popen(
    [hwckpt, "run", "--", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
)


def says(word):
    line = tool.stdout.readline()
    assert line == word + "\n", (line, word)


def address():
    with open("/proc/net/unix") as file:
        names = set(re.findall(r"@(hwckpt-undo-\d+)$", file.read(), re.M))
    # Others may be tested at the same time: one of theirs hangs up as well.
    own = [name for name in names if is_own(name)]
    assert len(own) == 1, names
    return "\0" + own[0]


def is_own(name):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as peer:
        peer.connect("\0" + name)
        credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    pid = int.from_bytes(credentials[:4], sys.byteorder)
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rpartition(")")[2].split()[1]) == tool.pid


def is_hung_up_on(name, said):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as peer:
        peer.settimeout(20)
        peer.connect(name)
        try:
            if said:
                peer.send(said)
            return peer.recv(100) == b""
        except (BrokenPipeError, ConnectionResetError):
            return True


def in_child(work, user=None):
    child = os.fork()
    if child == 0:
        if user:
            os.setuid(user)
        os._exit(0 if work() else 1)
    return os.waitpid(child, 0)[1] == 0


says("ready")
name = address()
for said in (b"", b"x", b"x" * 5000):
    assert in_child(lambda: is_hung_up_on(name, said), NOBODY)
    assert in_child(lambda: is_hung_up_on(name, said))
# Silent ones that stay, while the program writes.
silent = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(MANY)]
for peer in silent:
    peer.connect(name)
tool.stdin.write(name[1:] + "\n")
tool.stdin.flush()
says("quick")
tool.stdin.close()
assert tool.wait() == -9
restored = subprocess.run([hwckpt, "restore"], stderr=subprocess.PIPE, text=True)
sys.stderr.write(restored.stderr)
assert restored.returncode == 0 and "HWCKPT-E" not in restored.stderr
