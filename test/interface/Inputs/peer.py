"""peer.py HWCKPT PROGRAM MARK - hears what PROGRAM sends, kills and restores it
until it ends: of each number there is one value."""

import glob
import os
import socket
import struct
import subprocess
import sys

hwckpt, program, mark = sys.argv[1:]
hearing = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
hearing.bind(("127.0.0.1", 0))
hearing.setblocking(False)
heard = {}
times = 0


def hear():
    global times
    while True:
        try:
            number, value = struct.unpack("II", hearing.recv(100))
        except BlockingIOError:
            return
        assert heard.setdefault(number, value) == value, f"two values of {number}"
        times += 1


for old in glob.glob(mark + ".*"):
    os.remove(old)
status = subprocess.run(
    [hwckpt, "run", "-o", "keep=100", "--on", "before=send", "--", program,
     str(hearing.getsockname()[1]), mark]
).returncode  # fmt: skip
hear()
for _ in range(20):
    if status == 7:
        break
    assert status == 137 or status == -9, status
    shown = subprocess.run([hwckpt, "show"], capture_output=True, text=True, check=True).stdout
    assert "\ncause         before=send\n" in shown and "\nevent         send\n" in shown, shown
    status = subprocess.run([hwckpt, "restore"]).returncode
    hear()
assert status == 7, status
assert sorted(heard) == list(range(1, 11)), heard
assert times == 16, times  # those it was killed behind come again
