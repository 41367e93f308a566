"""export-places.py HWCKPT APP FOLDER - see ../export-places.test."""

import os
import shutil
import stat
import subprocess
import sys
import threading

HWCKPT, APP, FOLDER = sys.argv[1:]
os.chdir(FOLDER)
os.umask(0)
ROOM = 20 << 10  # bytes, less than the checkpoint has


def export(to, status=0, **how):
    done = subprocess.run([HWCKPT, "export", APP, to], stderr=subprocess.PIPE, text=True, **how)
    assert done.returncode == status, (to, done)
    return done.stderr


def content(path):
    with open(path, "rb") as file:
        return file.read()


def is_private(path):
    mode = os.lstat(path).st_mode
    assert stat.S_ISREG(mode) and stat.S_IMODE(mode) == 0o600, (path, oct(mode))


# A file that is there: replaced as a whole, by one of its own mode.
export("whole")
is_private("whole")
wanted = content("whole")
assert len(wanted) > ROOM
with open("there", "w") as file:
    file.write("x" * (len(wanted) + 1))
export("there")
is_private("there")
assert content("there") == wanted

# A link to a file, and one to nothing: they go, the file stays.
with open("target", "w") as file:
    file.write("target")
for target in ("target", "nothing"):
    os.symlink(target, "link")
    export("link")
    is_private("link")
    assert content("link") == wanted and content("target") == b"target"
    assert not os.path.lexists("nothing")
    os.unlink("link")

# The standard output, by each of its names; what is behind a name of it stays.
os.symlink("/proc/self/fd/1", "stdout")
for name in ("-", "stdout"):
    with open("out", "wb") as out:
        out.write(b"before")
        out.flush()
        export(name, stdout=out)
    assert content("out") == b"before" + wanted, name
    assert os.readlink("stdout") == "/proc/self/fd/1"
    piped = subprocess.run([HWCKPT, "export", APP, name], stdout=subprocess.PIPE)
    assert piped.returncode == 0 and piped.stdout == wanted

# A pipe by name.
os.mkfifo("pipe")
got = []
reader = threading.Thread(target=lambda: got.append(content("pipe")))
reader.start()
export("pipe")
reader.join()
assert got == [wanted] and stat.S_ISFIFO(os.lstat("pipe").st_mode)

# No room: in a device, and in a file system, where what is there stays.
before = sorted(os.listdir("."))
assert "HWCKPT-E121" in export("/dev/full", 125)
assert stat.S_ISCHR(os.lstat("/dev/full").st_mode)
os.mkdir("small")
for name in ("new", "old"):
    filled = subprocess.run(
        ["unshare", "-rm", "sh", "-c", f'mount -t tmpfs -o size={ROOM} none small && echo old >small/old && '
         f'{{ "$1" export "$2" small/{name}; test $? = 125; }} && ls small && cat small/old',
         "sh", HWCKPT, APP],
        capture_output=True, text=True)
    if "mount" in filled.stderr or "unshare" in filled.stderr:
        print("no file systems here:", filled.stderr)
        break
    assert filled.returncode == 0 and filled.stdout == "old\nold\n", filled
    assert "HWCKPT-E121" in filled.stderr and "ENOSPC" in filled.stderr, filled
os.rmdir("small")
assert "HWCKPT-E121" in export(".", 125)
assert sorted(os.listdir(".")) == before
