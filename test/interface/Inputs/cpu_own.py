"""cpu_own.py HWCKPT PROGRAM - PROGRAM works for a second for each byte of its
input; meanwhile, and before, its runtime is kept busy."""

import os
import re
import socket
import subprocess
import sys
import time

hwckpt, program = sys.argv[1:]
path = os.path.join(os.environ["TMPDIR"], "control")
AT_ONCE = 100


def used(pid):
    with open(f"/proc/{pid}/stat") as stat:
        user, system = stat.read().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def connect():
    begin = time.monotonic()
    while time.monotonic() - begin < 20:
        client = socket.socket(socket.AF_UNIX)
        try:
            client.connect(path)
            return client
        except OSError:
            client.close()
            time.sleep(0.02)
    raise TimeoutError(path)


def checkpoints(client, lines):
    client.sendall(b"status\n" * AT_ONCE)
    return [int(re.search(r"checkpoints=(\d+)", lines.readline())[1]) for _ in range(AT_ONCE)][-1]


with subprocess.Popen(
    [hwckpt, "run", "--on", "cpu=200ms", "--on", f"control={path}", "--", program],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
) as process:
    pid = int(process.stdout.readline())
    client = connect()
    lines = client.makefile()
    while used(pid) < 0.5:
        taken = checkpoints(client, lines)
        assert taken == 0, f"{taken} checkpoints of a program that sleeps"
    process.stdin.write(b"x")
    process.stdin.flush()
    begin = time.monotonic()
    while not checkpoints(client, lines):
        assert time.monotonic() - begin < 20, "no checkpoint of a program that works"
    process.stdin.close()
assert process.returncode == 0
