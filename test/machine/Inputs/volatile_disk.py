"""volatile_disk - a disk with a cache that does not outlive the power: a server of
network block devices (NBD, https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md)
for one virtual machine.

What is written is on the disk when the guest has flushed, or asked for it with that
write (FUA). When the power fails each block written since is lost or not by chance, be
it before or after others: lose() does that.
"""

import os
import socket
import struct
import threading

BLOCK = 4096
OPTION_MAGIC = 0x49484156454F5054
OPTION_REPLY_MAGIC = 0x3E889045565A9
OPTION_EXPORT_NAME, OPTION_ABORT, OPTION_GO = 1, 2, 7
REPLY_ACK, REPLY_INFO, REPLY_UNSUPPORTED = 1, 3, 1 << 31 | 1
HAS_FLAGS, SENDS_FLUSH, SENDS_FUA = 1, 4, 8
FLAGS = HAS_FLAGS | SENDS_FLUSH | SENDS_FUA
READ, WRITE, DISCONNECT, FLUSH = range(4)
INVALID = 22


class Ended(Exception):
    """The machine has gone."""


class VolatileDisk:
    def __init__(self, path):
        self.file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self.size = os.fstat(self.file).st_size
        self.written = {}  # block: contents since the last flush, oldest first
        self.flushes = 0
        self.left = 0  # requests until the power fails, 0: it does not
        self.failed = threading.Event()
        self.ours, self.theirs = socket.socketpair()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def fail_at(self, request):
        """At the request-th write or flush from now on, or the first after that when
        something is at stake. It is not done any more."""
        self.left = request

    def lose(self, chance):
        """The machine's power has failed: (blocks that were at stake, lost ones)."""
        self.thread.join()
        self.ours.close()
        lost = 0
        unlucky = chance.choice(list(self.written) or [None])
        for block, contents in self.written.items():
            # One of its contents since the flush, or that of before.
            kept = -1 if block == unlucky else chance.randrange(-1, len(contents))
            lost += kept < len(contents) - 1
            if kept >= 0:
                os.pwrite(self.file, contents[kept], block * BLOCK)
        os.close(self.file)
        return len(self.written), lost

    # ---- the protocol ----

    def receive(self, length):
        data = bytearray()
        while len(data) < length:
            more = self.ours.recv(length - len(data))
            if not more:
                raise Ended
            data += more
        return bytes(data)

    def serve(self):
        try:
            self.greet()
            while True:
                self.answer(*struct.unpack(">IHHQQI", self.receive(28)))
        except (Ended, OSError):
            pass

    def greet(self):
        self.ours.sendall(b"NBDMAGIC" + struct.pack(">QH", OPTION_MAGIC, 3))
        self.receive(4)
        while True:
            magic, option, length = struct.unpack(">QII", self.receive(16))
            assert magic == OPTION_MAGIC, magic
            self.receive(length)
            if option == OPTION_EXPORT_NAME:
                self.ours.sendall(struct.pack(">QH", self.size, FLAGS))
                return
            if option == OPTION_GO:
                self.reply(option, REPLY_INFO, struct.pack(">HQH", 0, self.size, FLAGS))
                self.reply(option, REPLY_ACK)
                return
            if option == OPTION_ABORT:
                self.reply(option, REPLY_ACK)
                raise Ended
            self.reply(option, REPLY_UNSUPPORTED)

    def reply(self, option, kind, data=b""):
        head = struct.pack(">QIII", OPTION_REPLY_MAGIC, option, kind, len(data))
        self.ours.sendall(head + data)

    def answer(self, magic, flags, kind, handle, offset, length):
        assert magic == 0x25609513, magic
        error, data = 0, b""
        if kind in (WRITE, FLUSH) and self.left:
            self.left = max(1, self.left - 1)
            if self.left == 1 and len(self.written) > 1:
                self.failed.set()
                raise Ended
        if kind == READ:
            data = self.read(offset, length)
        elif kind == WRITE:
            self.write(offset, self.receive(length))
            if flags & 1:  # FUA
                self.flush(range(offset // BLOCK, (offset + length + BLOCK - 1) // BLOCK))
        elif kind == FLUSH:
            self.flush(list(self.written))
        elif kind == DISCONNECT:
            raise Ended
        else:
            error = INVALID
        self.ours.sendall(struct.pack(">IIQ", 0x67446698, error, handle) + data)

    # ---- the disk ----

    def block(self, number):
        contents = self.written.get(number)
        return contents[-1] if contents else os.pread(self.file, BLOCK, number * BLOCK)

    def read(self, offset, length):
        begin = offset // BLOCK * BLOCK
        data = b"".join(
            self.block(number)
            for number in range(begin // BLOCK, (offset + length + BLOCK - 1) // BLOCK)
        )
        return data[offset - begin : offset - begin + length]

    def write(self, offset, data):
        while data:
            number, at = divmod(offset, BLOCK)
            part = data[: BLOCK - at]
            old = self.block(number)
            new = old[:at] + part + old[at + len(part) :]
            self.written.setdefault(number, []).append(new)
            offset += len(part)
            data = data[len(part) :]

    def flush(self, blocks):
        self.flushes += 1
        for number in blocks:
            contents = self.written.pop(number, None)
            if contents:
                os.pwrite(self.file, contents[-1], number * BLOCK)
