"""redis.py HWCKPT SERVER KILLS - a server that is killed and restored while a client
writes to it, who connects anew. After each restore it has what was acknowledged up to
the checkpoint, neither more nor half of it, and no client any more."""

import os
import random
import signal
import socket
import subprocess
import sys
import time

hwckpt, server, kills = sys.argv[1], sys.argv[2], int(sys.argv[3])
KEYS = 500
chance = random.Random(3)
with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]


def start(*words):
    return subprocess.Popen([hwckpt, *words], stdout=subprocess.DEVNULL)


def program(pid):
    """The last of the chain of children: the tool stands by above it."""
    while True:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            children = file.read().split()
        if not children:
            return pid
        pid = int(children[0])


class Client:
    def __init__(self):
        end = time.monotonic() + 60
        while True:
            try:
                self.socket = socket.create_connection(("127.0.0.1", port), 60)
                break
            except OSError:
                if time.monotonic() > end:
                    sys.exit("redis.py: the server does not answer")
                time.sleep(0.01)
        self.file = self.socket.makefile("rb")

    def ask(self, *commands):
        self.socket.sendall("".join(command + "\r\n" for command in commands).encode())
        return [self.answer() for _ in commands]

    def answer(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionResetError
        if line[:1] == b":":
            return int(line[1:])
        if line[:1] == b"$":
            return self.file.read(int(line[1:]) + 2)[:-2].decode() if int(line[1:]) >= 0 else None
        return line


def write_for(client, seconds, count):
    """Returns what was acknowledged."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        count += 1
        got = client.ask("INCR count", f"SET key{count % KEYS} {count}")
        assert got == [count, b"+OK\r\n"], (got, count)
    return count


tool = start("run", "--every", "30ms", "--name", "redis", "--",
             server, "--port", str(port), "--bind", "127.0.0.1", "--save", "")  # fmt: skip
client = Client()
acknowledged = write_for(client, 0.5, 0)
for kill in range(kills):
    acknowledged = write_for(client, chance.uniform(0.2, 0.5), acknowledged)
    os.kill(program(tool.pid), signal.SIGKILL)
    assert tool.wait() == -signal.SIGKILL, tool.returncode
    tool = start("restore", "redis", "-o", "every=30ms")
    client = Client()
    count = int(client.ask("GET count")[0])
    print(f"{acknowledged} acknowledged, {count} there", flush=True)
    assert 0 < count <= acknowledged
    for i, value in enumerate(client.ask(*[f"GET key{i}" for i in range(KEYS)])):
        # The newest may be counted but not set.
        newest = count - (count - i) % KEYS
        assert value is None or int(value) == newest or int(value) == count - KEYS, (i, value, count)
    assert "connected_clients:1\r" in client.ask("INFO clients")[0]
    acknowledged = count
    client.ask(f"SET key{count % KEYS} {count}")
client.socket.sendall(b"SHUTDOWN NOSAVE\r\n")
assert tool.wait() == 0, tool.returncode
