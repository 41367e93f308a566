"""format_reader.py CACHE APPLICATION NUMBER [KEY] - reads a generation as docs/format.md
describes it, and writes what it holds to stdout: its records, then all pages in
the order of their addresses (see dump() for the bytes).

Made from that page and from the specifications it names alone: XXH3 and Protocol
Buffers are written out here, zstd frames are decoded by zstd(1), libsodium decrypts.
KEY is the user's key, 64 hexadecimal digits. It checks
whatever the page says a reader can check, and ends with a message when something
is not so."""

import os
import stat
import struct
import subprocess
import sys

from format_sealed import MORE, bound, opened

PAGE = 4096

# ---- XXH3, https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md ----

MASK32, MASK64 = (1 << 32) - 1, (1 << 64) - 1
P32_1, P32_2, P32_3 = 0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D
P64_1, P64_2, P64_3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
P64_4, P64_5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5
MX1, MX2 = 0x165667919E3779F9, 0x9FB21C651E98DF25
SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f"
    "cb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c"
    "3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
    "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364"
    "eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e"
    "2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e"
)


def word(data, at):
    return int.from_bytes(data[at : at + 8], "little")


def half(data, at):
    return int.from_bytes(data[at : at + 4], "little")


def rotated(x, by):
    return (x << by | x >> (64 - by)) & MASK64


def folded(a, b):
    product = a * b
    return (product ^ product >> 64) & MASK64


def avalanche(x):
    x ^= x >> 37
    x = x * MX1 & MASK64
    return x ^ x >> 32


def avalanche_64(x):
    x ^= x >> 33
    x = x * P64_2 & MASK64
    x ^= x >> 29
    x = x * P64_3 & MASK64
    return x ^ x >> 32


def mixed(data, at, secret_at, seed):
    return folded(
        word(data, at) ^ (word(SECRET, secret_at) + seed & MASK64),
        word(data, at + 8) ^ (word(SECRET, secret_at + 8) - seed & MASK64),
    )


def hash_short(data, seed):
    length = len(data)
    if length == 0:
        return avalanche_64(seed ^ word(SECRET, 56) ^ word(SECRET, 64))
    if length < 4:
        combined = data[0] << 16 | data[length >> 1] << 24 | data[-1] | length << 8
        return avalanche_64(combined ^ (half(SECRET, 0) ^ half(SECRET, 4)) + seed & MASK64)
    if length <= 8:
        low = (seed & MASK32).to_bytes(4, "little")
        seed ^= int.from_bytes(low, "big") << 32
        x = half(data, length - 4) + (half(data, 0) << 32)
        x ^= (word(SECRET, 8) ^ word(SECRET, 16)) - seed & MASK64
        x ^= rotated(x, 49) ^ rotated(x, 24)
        x = x * MX2 & MASK64
        x ^= (x >> 35) + length
        x = x * MX2 & MASK64
        return x ^ x >> 28
    if length <= 16:
        low = word(data, 0) ^ (word(SECRET, 24) ^ word(SECRET, 32)) + seed & MASK64
        high = word(data, length - 8) ^ (word(SECRET, 40) ^ word(SECRET, 48)) - seed & MASK64
        swapped = int.from_bytes(low.to_bytes(8, "little"), "big")
        return avalanche(length + swapped + high + folded(low, high) & MASK64)
    x = length * P64_1
    if length <= 128:
        for i in range((length - 1) // 32, -1, -1):
            x += mixed(data, 16 * i, 32 * i, seed)
            x += mixed(data, length - 16 * (i + 1), 32 * i + 16, seed)
        return avalanche(x & MASK64)
    for i in range(8):
        x += mixed(data, 16 * i, 16 * i, seed)
    x = avalanche(x & MASK64)
    for i in range(8, length // 16):
        x += mixed(data, 16 * i, 16 * (i - 8) + 3, seed)
    x += mixed(data, length - 16, 136 - 17, seed)
    return avalanche(x & MASK64)


def merged(lanes, secret, at, x):
    for i in range(4):
        x += folded(
            lanes[2 * i] ^ word(secret, at + 16 * i),
            lanes[2 * i + 1] ^ word(secret, at + 16 * i + 8),
        )
    return avalanche(x & MASK64)


def hash_long(data, seed):
    """Both results: 64 bits, and the upper half of 128."""
    length = len(data)
    secret = SECRET
    if seed:
        secret = b"".join(
            (word(SECRET, i) + seed & MASK64).to_bytes(8, "little")
            + (word(SECRET, i + 8) - seed & MASK64).to_bytes(8, "little")
            for i in range(0, 192, 16)
        )
    keys = [[word(secret, at + 8 * i) for i in range(8)] for at in range(0, 129)]
    lanes = [P32_3, P64_1, P64_2, P64_3, P64_4, P32_2, P64_5, P32_1]

    def accumulate(at, key):
        for i, value in enumerate(struct.unpack_from("<8Q", data, at)):
            mixture = value ^ key[i]
            lanes[i ^ 1] += value
            lanes[i] += (mixture & MASK32) * (mixture >> 32)
        for i in range(8):
            lanes[i] &= MASK64

    blocks = (length - 1) // 1024
    for at in range(0, blocks * 1024, 64):
        accumulate(at, keys[at % 1024 // 8])
        if at % 1024 == 960:
            for i in range(8):
                x = lanes[i] ^ lanes[i] >> 47 ^ keys[128][i]
                lanes[i] = x * P32_1 & MASK64
    for i in range((length - 1 - blocks * 1024) // 64):
        accumulate(blocks * 1024 + 64 * i, keys[8 * i])
    accumulate(length - 64, keys[121])
    return (
        merged(lanes, secret, 11, length * P64_1 & MASK64),
        merged(lanes, secret, 117, ~(length * P64_2) & MASK64),
    )


def xxh3(data, seed=0):
    return hash_short(data, seed) if len(data) <= 240 else hash_long(data, seed)[0]


# ---- messages ----


class Damaged(Exception):
    pass


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return value, at


def fields(message):
    """Numbers and values of a message: integers, or bytes."""
    found, at = {}, 0
    while at < len(message):
        key, at = varint(message, at)
        if key & 7 == 0:
            value, at = varint(message, at)
        elif key & 7 == 1:
            value, at = word(message, at), at + 8
        elif key & 7 == 2:
            length, at = varint(message, at)
            value, at = message[at : at + length], at + length
        else:
            raise Damaged(f"field {key >> 3} has wire type {key & 7}")
        found[key >> 3] = value
    return found


class Message:
    """With the names of cache.proto; an absent field is 0, or empty."""

    NAMES = {
        "header": "application number parent parent_commit identity",
        "commit": "number header_checksum commit_ns file_length pages raw_bytes"
        " frame_pages page_frames record_frames extents holes records_length"
        " index_offset index_checksum segment_bytes hashes hashes_checksum"
        " hash_seed put_pages zero_pages same_pages merged total_written"
        " total_put counted_since_ns",
        "segment": "application number",
        "restores": "number commit_checksum count",
        "key": "application wrapped",
    }
    ELSEWHERE = {30: "encrypted", 100: "seal"}  # fields whose number is not their place

    def __init__(self, kind, data):
        found = fields(data)
        for number, name in enumerate(self.NAMES[kind].split(), 1):
            setattr(self, name, found.get(number, 0))
        for number, name in self.ELSEWHERE.items():
            setattr(self, name, found.get(number, b""))


TAG = struct.Struct("<8sIIQ")


def need(condition, what):
    if not condition:
        raise Damaged(what)


def check_tag(tag, magic, message):
    found, version, length, checksum = TAG.unpack(tag)
    need(found == magic, f"not {magic}")
    need(length <= 512 and length == len(message), "its length")
    need(xxh3(message, xxh3(tag[:16])) == checksum, "its checksum")
    need(1 <= version <= 4, f"version {version}")
    return version, checksum


def tag_length(tag):
    return TAG.unpack(tag)[2]


# ---- files ----


def read_file(*parts):
    path = os.path.join(*parts)
    facts = os.lstat(path)
    need(stat.S_ISREG(facts.st_mode), f"{path}: no file")
    need(facts.st_uid == os.geteuid() and not facts.st_mode & 0o22, f"{path}: its rights")
    with open(path, "rb") as file:
        return file.read()


def decode(stored, raw, what):
    if len(stored) == raw:
        return stored
    done = subprocess.run(["zstd", "-dcq"], input=stored, stdout=subprocess.PIPE, check=True)
    need(len(done.stdout) == raw, what)
    return done.stdout


def application_key(folder, application, user_key):
    """The key of an encrypted application; None: it is not encrypted."""
    if "/" in application:  # a part has its application's
        folder, application = os.path.dirname(folder), application.split("/")[0]
    if not os.path.lexists(os.path.join(folder, "key")):
        return None
    need(user_key, "a key is needed")
    data = read_file(folder, "key")
    message = data[24:]
    check_tag(data[:24], b"HWCKPTK\n", message)
    wrapped = Message("key", message)
    need(wrapped.application == application.encode(), "key of another")
    key = opened(wrapped.wrapped, user_key, bound("k") + wrapped.application.ljust(128, b"\0"))
    need(key is not None, "the key is another")
    return key


class Frame:
    def __init__(self, offset, checksum, segment, stored, raw, flags):
        self.offset, self.checksum, self.segment = offset, checksum, segment
        self.stored, self.raw, self.flags = stored, raw, flags


class Generation:
    def __init__(self, cache, application, number, user_key=None):
        self.folder = os.path.join(cache, application)
        self.key = application_key(self.folder, application, user_key)
        self.more = MORE if self.key else 0
        self.application = application
        self.number = number
        self.name = f"g{number:010}.ckpt"
        self.data = read_file(self.folder, self.name)
        self.segments = {}
        self.cached = {}
        self.read_ends()
        self.read_index()
        self.read_hashes()

    def read_ends(self):
        data = self.data
        tag = data[:24]
        need(tag[:8] == b"HWCKPTG\n", "no generation")
        message = data[24 : 24 + tag_length(tag)]
        self.version, checksum = check_tag(tag, b"HWCKPTG\n", message)
        self.header = header = Message("header", message)
        need(header.application == self.application.encode(), "its application")
        need(header.number == self.number and header.parent < self.number, "its number")
        self.frames_at = 24 + len(message)
        tag = data[-24:]
        need(tag[:8] == b"HWCKPTC\n", "truncated")
        length = tag_length(tag)
        version, commit_checksum = check_tag(tag, b"HWCKPTC\n", data[-24 - length : -24])
        self.commit = commit = Message("commit", data[-24 - length : -24])
        need(version == self.version, "two versions")
        need(commit.number == self.number and commit.header_checksum == checksum, "its commit")
        need(commit.file_length == len(data), "its length")
        need(1 <= commit.frame_pages <= 1024 and commit.records_length <= 256 << 20, "its commit")
        self.end = len(data) - 24 - length
        need(bool(header.encrypted) == bool(self.key), "encrypted or not")
        self.check_seal(data[24 : self.frames_at], data[self.end : -24])
        self.identity = header.identity if self.version > 1 else commit_checksum

    def check_seal(self, header, commit):
        if not self.key:
            return
        # The last field: two bytes of its number, one of its length.
        sealed, before = self.commit.seal, commit[: -MORE - 3]
        need(len(sealed) == MORE and commit == before + b"\xa2\x06\x28" + sealed, "seal")
        data = struct.pack("<QQ", ord("c"), len(header)) + header + before
        need(opened(sealed, self.key, data) == b"", "seal")

    def unsealed(self, stored, letter, what, own=True):
        if not self.key:
            return stored
        place = (self.number, self.identity) if own else (0, 0)
        text = opened(stored, self.key, bound(letter, *place))
        need(text is not None, f"{what} is not what was sealed")
        return text

    def read_index(self):
        commit = self.commit
        size = 32 if self.version > 1 else 16
        count = commit.page_frames + commit.record_frames
        length = count * size + 16 * (commit.extents + commit.holes)
        length += self.more if length else 0
        self.hashes_at = commit.index_offset + length
        index = self.data[commit.index_offset : self.hashes_at]
        self.hashes_length = 16 * commit.hashes + (self.more if commit.hashes else 0)
        need(self.hashes_at + self.hashes_length == self.end, "its parts do not meet")
        need(xxh3(index) == commit.index_checksum, "index")
        if index:
            index = self.unsealed(index, "i", "index")
        self.frames = []
        own = self.frames_at
        for at in range(0, count * size, size):
            if self.version > 1:
                frame = struct.unpack_from("<QQIIII", index, at)
            else:
                stored, raw, checksum = struct.unpack_from("<IIQ", index, at)
                frame = (own, checksum, 0, stored, raw, 0)
            self.frames.append(Frame(*frame))
            own = self.check_frame(len(self.frames) - 1, own)
        need(own == commit.index_offset, "frames do not end at the index")
        at = count * size
        self.extents = [
            struct.unpack_from("<QII", index, at + 16 * i) for i in range(commit.extents)
        ]
        at += 16 * commit.extents
        self.holes = [struct.unpack_from("<QQ", index, at + 16 * i) for i in range(commit.holes)]
        self.check_lists()

    def check_frame(self, i, own):
        frame, full = self.frames[i], self.commit.frame_pages * PAGE
        need(1 <= frame.stored - self.more <= frame.raw <= full, "frame")
        if i < self.commit.page_frames:
            need(frame.raw % PAGE == 0 and frame.flags in (0, 1), "page frame")
        else:
            need(frame.segment == 0 and frame.flags == 0, "record frame")
        if frame.segment == 0:
            need(frame.offset == own, "frames do not meet")
            return own + frame.stored
        need(frame.offset >= PAGE and frame.offset + frame.stored <= 1 << 32, "frame")
        aligned = frame.offset % PAGE == 0
        need(self.key or frame.stored < frame.raw or aligned, "frame is not at a page")
        return own

    def check_lists(self):
        end = pages = 0
        for address, _, count in self.extents:
            need(address % PAGE == 0 and address >= end and count, "extent")
            end = address + count * PAGE
            pages += count
        need(pages == self.commit.pages, "pages")
        need(
            self.commit.raw_bytes == pages * PAGE + self.commit.records_length, "raw_bytes"
        )
        end = -1
        for begin, behind in self.holes:
            need(begin % PAGE == behind % PAGE == 0 and end < begin < behind, "hole")
            end = behind
        need(self.header.parent or not self.holes, "a base with holes")

    def read_hashes(self):
        hashes = self.data[self.hashes_at : self.end]
        need(not hashes or xxh3(hashes) == self.commit.hashes_checksum, "hashes")
        if hashes:
            hashes = self.unsealed(hashes, "h", "hashes")
        at = 0
        for i, frame in enumerate(self.frames[: self.commit.page_frames]):
            if not frame.flags & 1:
                continue
            content = self.content(i)
            for page in range(0, len(content), PAGE):
                both = hash_long(content[page : page + PAGE], self.commit.hash_seed)
                need(struct.pack("<QQ", *both) == hashes[at : at + 16], "hash of a page")
                at += 16
        need(at == len(hashes), "number of hashes")

    def segment(self, number):
        if number not in self.segments:
            # The log is the application's; until version 3 a part had its own.
            folder, owner = self.folder, self.application
            if self.version > 3 and "/" in owner:
                folder, owner = os.path.dirname(folder), owner.split("/")[0]
            data = read_file(folder, f"s{number:010}.seg")
            message = data[24 : 24 + tag_length(data[:24])]
            check_tag(data[:24], b"HWCKPTS\n", message)
            segment = Message("segment", message)
            need(segment.application == owner.encode(), "segment of another")
            need(segment.number == number, "number of the segment")
            self.segments[number] = data
        return self.segments[number]

    def content(self, i):
        if i not in self.cached:
            frame = self.frames[i]
            data = self.segment(frame.segment) if frame.segment else self.data
            stored = data[frame.offset : frame.offset + frame.stored]
            need(len(stored) == frame.stored, "frame behind the end")
            need(xxh3(stored) == frame.checksum, f"frame at {frame.offset}")
            kind = "f" if i < self.commit.page_frames else "r"
            stored = self.unsealed(stored, kind, f"frame at {frame.offset}", kind == "r")
            self.cached[i] = decode(stored, frame.raw, f"frame at {frame.offset}")
        return self.cached[i]

    def page(self, slot):
        full = self.commit.frame_pages
        need(slot // full < self.commit.page_frames, "slot")
        page = self.content(slot // full)[slot % full * PAGE :][:PAGE]
        need(len(page) == PAGE, "slot behind its frame")
        return page

    def records(self):
        stream = b"".join(self.content(self.commit.page_frames + i) for i in range(self.commit.record_frames))
        need(len(stream) == self.commit.records_length, "records")
        at = 0
        while at < len(stream):
            kind, length = struct.unpack_from("<II", stream, at)
            need(length <= 1 << 20 and at + 8 + length <= len(stream), "record")
            yield kind, stream[at + 8 : at + 8 + length]
            at += 8 + length


def held(cache, application, number, user_key):
    """All pages of a generation, by address: from the base up, each laid over what
    is below it."""
    chain = [Generation(cache, application, number, user_key)]
    while chain[-1].header.parent:
        above = chain[-1].header
        below = Generation(cache, application, above.parent, user_key)
        need(below.identity == above.parent_commit, "the parent is another")
        chain.append(below)
    pages = {}
    for generation in reversed(chain):
        for begin, end in generation.holes:
            for address in [address for address in pages if begin <= address < end]:
                del pages[address]
        for address, slot, count in generation.extents:
            for i in range(count):
                pages[address + i * PAGE] = generation.page(slot + i)
    return chain[0], pages


def dump(cache, application, number, user_key, out):
    marker = read_file(cache, "hwckpt-cache")
    need(marker in [b"hwckpt-cache %d\n" % version for version in range(1, 5)], "marker")
    generation, pages = held(cache, application, number, user_key)
    need(int(marker.split()[1]) >= generation.version, "newer than the marker")
    for kind, data in generation.records():
        out.write(struct.pack("<II", kind, len(data)) + data)
    for address in sorted(pages):
        out.write(struct.pack("<Q", address) + pages[address])


if __name__ == "__main__":
    try:
        key = bytes.fromhex(sys.argv[4]) if len(sys.argv) > 4 else None
        dump(sys.argv[1], sys.argv[2], int(sys.argv[3]), key, sys.stdout.buffer)
    except Damaged as damage:
        sys.exit(f"{sys.argv[1]}/{sys.argv[2]}/{sys.argv[3]}: {damage}")
