"""until_taken.py CACHE - does what is an event for one rule or another, until there
is a checkpoint in the cache."""

import os
import socket
import sys
import time

cache = sys.argv[1]


def taken():
    folders = [os.path.join(cache, name) for name in os.listdir(cache)]
    return any(
        name.startswith("g") and name.endswith(".ckpt")
        for folder in folders if os.path.isdir(folder) for name in os.listdir(folder)
    )  # fmt: skip


file = open(os.path.join(os.environ["TMPDIR"], "written"), "w")
os.unlink(file.name)
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
out.connect(("127.0.0.1", 9))
begin = time.monotonic()
while not taken():
    assert time.monotonic() - begin < 20
    file.write("x")
    file.flush()
    os.fsync(file.fileno())
    bytearray(1 << 22)
    time.sleep(0.01)
