"""key-in-memory.py HWCKPT KEY CACHE restore|run|file|command ARGUMENTS... - runs
the command with the key, or the program, which has it from a file or a command;
waits for the next checkpoint of the application "k", and looks
where in the program's memory the key is: there, but in none that a core dump
has or that has a name; and neither in its environment nor in its descriptors."""

import glob
import hashlib
import os
import re
import signal
import subprocess
import sys
import time

hwckpt, key_file, cache, command = sys.argv[1:5]
secret = open(key_file, "rb").read()
key = hashlib.blake2b(b"k" + len(secret).to_bytes(8, "little") + secret, digest_size=32).digest()


def generations():
    return set(glob.glob(cache + "/k/g*.ckpt"))


def descendants(pid):
    found = []
    for task in glob.glob("/proc/%d/task/*/children" % pid):
        for child in open(task).read().split():
            found += [int(child)] + descendants(int(child))
    return found


def areas(pid):
    head = None
    for line in open("/proc/%d/smaps" % pid):
        if re.match("[0-9a-f]+-[0-9a-f]+ ", line):
            head = line
        elif line.startswith("VmFlags:"):
            yield head, line.split()[1:]


before = generations()
places = {"file": "key_file=" + key_file, "command": "key_command='cat %s'" % key_file}
if command in places:
    options = "application=k:" + places[command]
    tool = subprocess.Popen(sys.argv[5:], env={**os.environ, "HWCKPT_OPTIONS": options})
else:
    tool = subprocess.Popen([hwckpt, command, "--key-file", key_file] + sys.argv[5:])
deadline = time.monotonic() + 60
while not generations() - before:
    assert time.monotonic() < deadline and tool.poll() is None, "no checkpoint was taken"
    time.sleep(0.01)
pid = [p for p in [tool.pid] + descendants(tool.pid) if os.readlink("/proc/%d/exe" % p) != os.path.realpath(hwckpt)][-1]

found = 0
with open("/proc/%d/mem" % pid, "rb", 0) as memory:
    for head, flags in areas(pid):
        begin, end = (int(x, 16) for x in head.split()[0].split("-"))
        if "[v" in head or "r" not in head.split()[1]:
            continue
        try:
            content = os.pread(memory.fileno(), min(end - begin, 64 << 20), begin)
        except OSError:
            continue
        if key in content:
            found += 1
            assert "dd" in flags and len(head.split()) == 5, (head, flags)
        assert secret not in content, head
assert found, "the runtime has the key"
for name in ("environ", "cmdline"):
    content = open("/proc/%d/%s" % (pid, name), "rb").read()
    assert key not in content and secret not in content, name
names = [os.readlink(fd) for fd in glob.glob("/proc/%d/fd/*" % pid)]
assert not [name for name in names if "memfd" in name or "socket" in name], names
os.kill(pid, signal.SIGKILL)
tool.wait()
