#!/usr/bin/env python3
"""redis-client.py OUTPUT - starts a redis-server that keeps its data in a log
and saves it by forked children, and is its client: every write that it said it
has is looked at again. Ends with status 7."""

import atexit
import os
import shutil
import socket
import subprocess
import sys
import time

output = sys.argv[1]
rounds = 120000 if os.environ.get("HWCKPT_STRESS") == "1" else 8000
folder = output + ".redis"
shutil.rmtree(folder, ignore_errors=True)
os.makedirs(folder, exist_ok=True)


def free_port():
    with socket.socket() as some:
        some.bind(("127.0.0.1", 0))
        return some.getsockname()[1]


port = free_port()
settings = f"""port {port}
bind 127.0.0.1
dir {folder}
save ""
daemonize no
appendonly yes
appendfsync everysec
appenddirname log
logfile log.txt
"""
server = subprocess.Popen(
    ["redis-server", "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
)
atexit.register(server.kill)
server.stdin.write(settings.encode())
server.stdin.close()


def connect():
    for _ in range(400):
        try:
            return socket.create_connection(("127.0.0.1", port))
        except ConnectionRefusedError:
            time.sleep(0.01)
    raise SystemExit("no server")


connection = connect()
stream = connection.makefile("rwb")


def send(*words):
    stream.write(f"*{len(words)}\r\n".encode())
    for word in words:
        stream.write(f"${len(str(word))}\r\n{word}\r\n".encode())


def answer():
    line = stream.readline().rstrip(b"\r\n").decode()
    if line[0] == "$" and line != "$-1":
        text = stream.read(int(line[1:]) + 2)[:-2].decode()
        return text
    return line


def ask(*words):
    send(*words)
    stream.flush()
    return answer()


# A server that was born after the checkpoint may have left its log.
assert ask("FLUSHALL") == "+OK"
for i in range(rounds):
    assert ask("SET", f"key{i}", "x" * (i % 500) + str(i)) == "+OK", i
    for _ in range(40):
        send("INCR", "count")
    send("RPUSH", f"list{i % 7}", i)
    stream.flush()
    for j in range(40):
        said = answer()
        assert said == f":{i * 40 + j + 1}", (i, j, said)
    said = answer()
    assert said == f":{i // 7 + 1}", (i, said)
    back = i * 7919 % (i + 1)
    said = ask("GET", f"key{back}")
    assert said == "x" * (back % 500) + str(back), (i, back, said)
    if i % 2000 == 500:
        said = ask("BGSAVE" if i % 4000 == 500 else "BGREWRITEAOF")
        assert said[0] == "+" or "progress" in said or "active" in said, said
for i in range(rounds):
    assert ask("GET", f"key{i}") == "x" * (i % 500) + str(i), i
result = (ask("GET", "count"), ask("DBSIZE"))
send("SHUTDOWN", "NOSAVE")
stream.flush()
assert server.wait() == 0
with open(output, "w") as file:
    print(*result, file=file)
sys.exit(7)
