"""machine - virtual machines in which tests run hwckpt under another kernel, on
another processor, or lose power.

The guest's root is that of this machine, read only, so that every program, library
and test has the path it has here; what is under /tmp, /var/tmp, /run and /mnt is the
guest's own, in memory, but for the folders that are shown to it. A shell in the guest
executes commands one after the other.

QEMU emulates the processor, so that it is the same everywhere and needs no right; a
guest is there after some seconds and computes ten to twenty times slower than this
machine. Beside QEMU a kernel is needed, which cmake/fetch-kernel gets at the first
time. Where one is missing a test is skipped (Missing), with the reason.
"""

import os
import re
import select
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
BUILD = os.environ.get("HWCKPT_BUILD", os.path.join(SOURCE, "build"))
QEMU = "qemu-system-x86_64"
MOST = "max"  # all that is emulated: AVX2, no AVX-512

# The first process of the guest. Of the port it reads commands, each ended by a zero
# byte; to the port it writes what they print, a zero byte, their status and a newline.
# It is bash since that waits for orphans.
AGENT = """
exec 8<>/dev/$(cd /sys/class/virtio-ports && for port in *; do
  [ "$(cat "$port/name")" = agent ] && echo "$port"; done)
export LC_ALL=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/run/home TMPDIR=/tmp HWCKPT_CACHE=/run/cache/hwckpt
mkdir -m 1777 /run/home /run/cache
ulimit -c 0
echo 4194304 >/proc/sys/kernel/pid_max # programs of here come with their ids
printf '\\0ready\\n' >&8
while IFS= read -r -d '' command <&8; do
  bash -c "$command" </dev/null >&8 2>&1 8>&-
  printf '\\0%s\\n' $? >&8
done
"""


class Missing(Exception):
    """What a machine needs is not here."""


class Failed(Exception):
    """The guest did not do as it was told."""


def kernels():
    """Folder of the kernels that were fetched: of the build, for all tests together."""
    return os.path.join(BUILD, "test", "kernels")


def kernel(suite):
    if not shutil.which(QEMU):
        raise Missing(f"no {QEMU} here")
    folder = os.path.join(kernels(), suite)
    if not os.path.exists(folder):
        fetch = subprocess.run(
            [sys.executable, os.path.join(SOURCE, "cmake", "fetch-kernel"), suite, folder],
            stderr=subprocess.PIPE,
            text=True,
        )
        if fetch.returncode:
            raise Missing(fetch.stderr.strip().removeprefix("hwckpt: "))
    return folder


class Machine:
    """A virtual machine that runs as long as this object is in use."""

    def __init__(
        self,
        suite="bookworm",
        processor=MOST,
        memory=768,
        shown=(),
        shared=(),
        disk=None,
        arguments="",
        seconds=270,
    ):
        """shown: folders below the guest's own ones that it sees as they are here, read
        only, beside the source tree and the build.
        shared: folders that both sides write. disk: a file, or a VolatileDisk, that is the
        guest's /dev/vda."""
        self.kernel = kernel(suite)
        self.seconds = seconds
        self.folder = tempfile.mkdtemp(prefix="machine.", dir=os.environ.get("TMPDIR"))
        with open(os.path.join(self.folder, "agent"), "w") as file:
            file.write(AGENT)
        self.console = os.path.join(self.folder, "console")
        self.port, theirs = socket.socketpair()
        self.port.settimeout(seconds)
        self.received = b""
        command = [
            "setpriv", "--pdeathsig", "KILL", QEMU,
            "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", processor,
            "-smp", "2", "-m", str(memory),
            "-kernel", os.path.join(self.kernel, "vmlinuz"),
            "-initrd", os.path.join(self.kernel, "initrd"),
            "-append", f"console=ttyS0 quiet panic=-1 random.trust_cpu=on {arguments}",
            "-serial", f"file:{self.console}",
            "-device", "virtio-serial-pci",
            "-chardev", f"socket,id=agent,fd={theirs.fileno()}",
            "-device", "virtserialport,chardev=agent,name=agent",
            "-device", "virtio-rng-pci",
            *self.folder_arguments("root", "/", ",readonly=on"),
            *self.folder_arguments("machine", self.folder),
        ]  # fmt: skip
        for number, path in enumerate(shared):
            command += self.folder_arguments(f"shared{number}", path)
        handed_on = [theirs]
        if disk:
            # cache=none: what the guest has flushed is on this machine's disk.
            drive = f"file={disk},format=raw"
            if hasattr(disk, "theirs"):
                handed_on.append(disk.theirs)
                drive = "file.driver=nbd,format=raw,file.server.type=fd,file.server.str=" + str(disk.theirs.fileno())
            command += [
                "-drive", f"{drive},if=none,id=disk,cache=none",
                "-device", "virtio-blk-pci,drive=disk",
            ]  # fmt: skip
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            pass_fds=[end.fileno() for end in handed_on],
            stderr=subprocess.PIPE,
            text=True,
        )
        for end in handed_on:
            end.close()
        try:
            if self.answer()[0] != "ready":
                raise Failed("the guest's shell does not begin as it should")
            self.mount(shown, shared)
        except BaseException:
            self.end()
            raise

    @staticmethod
    def folder_arguments(name, path, more=""):
        return [
            "-fsdev", f"local,id={name},path={path},security_model=none,multidevs=remap{more}",
            "-device", f"virtio-9p-pci,fsdev={name},mount_tag={name}",
        ]  # fmt: skip

    def mount(self, shown, shared):
        """Folders that the guest's own ones hide appear again."""
        lines = ["set -e"]
        for path in (SOURCE, BUILD, *shown):
            path = os.path.abspath(path)
            if path.startswith(("/tmp/", "/var/tmp/", "/run/", "/mnt/")):
                lines += [f"mkdir -p {path}", f"mount --bind /run/host{path} {path}"]
        for number, path in enumerate(shared):
            path = os.path.abspath(path)
            options = "trans=virtio,version=9p2000.L,msize=512000,cache=none"
            lines += [f"mkdir -p {path}", f"mount -t 9p -o {options} shared{number} {path}"]
        self.check("\n".join(lines))

    def receive(self):
        """Some more of what the guest says."""
        try:
            more = self.port.recv(65536)
        except TimeoutError:
            said = self.received.decode(errors="replace")
            raise Failed(f"no answer within {self.seconds} s: {said}{self.last_words()}") from None
        if not more:
            raise Failed(f"the machine has ended{self.last_words()}")
        self.received += more

    def answer(self):
        """What the guest says up to the next end of a command: (status, output)."""
        while not (self.received.endswith(b"\n") and b"\0" in self.received):
            self.receive()
        output, _, status = self.received.partition(b"\0")
        self.received = b""
        return status.decode().strip(), output.decode(errors="replace")

    def last_words(self):
        text = ""
        try:
            with open(self.console, errors="replace") as file:
                text += "".join(file.readlines()[-20:])
        except OSError:
            pass
        if self.process.poll() is not None:
            text += self.process.stderr.read()
        return f":\n{text}" if text else ""

    def begin(self, command):
        """A command is begun in the guest; answer() waits for its end."""
        self.port.sendall(command.encode() + b"\0")

    def until(self, pattern, or_else=None):
        """Waits for that in the output of the command that was begun, or for the event:
        the match."""
        while True:
            found = re.search(pattern, self.received)
            if found or or_else and or_else.is_set():
                return found
            if or_else and not select.select([self.port], [], [], 0.05)[0]:
                continue
            if b"\0" in self.received:
                said = self.received.decode(errors="replace")
                raise Failed(f"ended without {pattern}: {said}")
            self.receive()

    def run(self, command):
        """A command of bash in the guest: (status, what it printed)."""
        self.begin(command)
        status, output = self.answer()
        return int(status), output

    def check(self, command, status=0):
        """The same, which has to end with a status: what it printed."""
        got, output = self.run(command)
        if got != status:
            raise Failed(f"{command}: status {got}, not {status}:\n{output}{self.last_words()}")
        return output

    def end(self):
        """Power off, at once: as kill -9 of the machine, it says nothing to the guest."""
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()
        self.port.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


def as_user(command):
    """The command as an ordinary user of the guest, with a cache of his own."""
    user = "setpriv --reuid 1000 --regid 1000 --clear-groups env HWCKPT_CACHE=/run/cache/of-user"
    return f"exec {user} bash -c {shlex.quote(command)}"


def main(test):
    """Runs a test: a function that raises. The status is what lit is to see."""
    try:
        test()
    except Missing as reason:
        print(f"SKIP: {reason}")
        sys.exit(77)
    except Failed as reason:
        sys.exit(f"machine: {reason}")
