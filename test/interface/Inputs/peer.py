"""peer.py HWCKPT PROGRAM MARK - hears what PROGRAM sends, kills and restores it
until it ends: of each number there is one value. Then the same at any time:
what was heard last is what the newest generation is about to send, or before."""

import glob
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import time

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

seed = int.from_bytes(os.urandom(4), "big")
chance = random.Random(seed)
print("seed", seed)
heard = {}
command = [hwckpt, "run", "--name", "any-time", "--on", "before=send", "--", program]
command += [str(hearing.getsockname()[1]), mark, "any-time"]
kills = 0
while True:
    process = subprocess.Popen(command, start_new_session=True)
    # From when it has said something more; at most it is said once more.
    before, deadline = len(heard), time.monotonic() + 60
    until = before + chance.randint(1, 20)
    while len(heard) < until and process.poll() is None:
        assert time.monotonic() < deadline, (seed, len(heard))
        hear()
    time.sleep(chance.uniform(0, 0.01))
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        kills += 1
    status = process.wait()
    hear()
    if status == 7:
        break
    assert status in (-9, 137), (seed, status)
    command = [hwckpt, "restore", "any-time"]
assert sorted(heard) == list(range(1, 151)), (seed, heard)
assert kills >= 3, (seed, kills)
