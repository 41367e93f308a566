"""format_undo.py CACHE APPLICATION LOG [KEY] - reads an undo log as docs/format.md
describes it, and writes its records to stdout: for each its numbers, then path and
data (see dump() for the bytes)."""

import os
import struct
import sys

from format_reader import Damaged, application_key, need, read_file, xxh3
from format_sealed import MORE, bound, opened

HEAD = struct.Struct("<4sHHQIIQQQQQQIIIIQ")
ENVELOPE = struct.Struct("<4sHHQII")


def body_hash(path, data):
    return xxh3(struct.pack("<QQ", xxh3(path) if path else 0, xxh3(data) if data else 0))


def record(log, at):
    """The record there and where it ends; None: it is cut off."""
    if len(log) - at < HEAD.size:
        return None
    head = HEAD.unpack_from(log, at)
    magic, version, kind, checksum, path_length, data_length = head[:6]
    need(magic == b"hwku" and version == 1, f"no record at {at}")
    need(xxh3(log[at + 16 : at + HEAD.size]) ^ kind == checksum, f"record at {at}")
    need(path_length <= 4096 and data_length <= 1 << 18, f"lengths at {at}")
    begin, end = at + HEAD.size, at + HEAD.size + path_length + data_length
    if end > len(log):
        return None
    path, data = log[begin : begin + path_length], log[begin + path_length : end]
    need(body_hash(path, data) == head[16], f"path or data at {at}")
    need(kind in range(1, 11) and head[15] == 0, f"kind at {at}")
    need(not path or path[-1:] == b"\0" and path[:1] == b"/", f"path at {at}")
    return (kind, head[6:15], path, data), end


def records(log, number, key):
    at = 0
    while at < len(log):
        found = record(log, at) if not key else sealed_record(log, at, number, key)
        if not found:
            return
        yield found[0]
        at = found[1]


def sealed_record(log, at, number, key):
    if len(log) - at < ENVELOPE.size:
        return None
    magic, version, zero, checksum, length, reserved = ENVELOPE.unpack_from(log, at)
    need(magic == b"hwks" and (version, zero, reserved) == (1, 0, 0), f"no envelope at {at}")
    sealed = log[at + ENVELOPE.size : at + ENVELOPE.size + length]
    if len(sealed) < length:
        return None
    need(xxh3(sealed) ^ length == checksum, f"envelope at {at}")
    text = opened(sealed, key, bound("u", number, at))
    need(text is not None, f"what is sealed at {at}")
    found = record(text, 0)
    need(found and found[1] == length - MORE, f"record in the envelope at {at}")
    return found[0], at + ENVELOPE.size + length


def dump(cache, application, number, user_key, out):
    folder = os.path.join(cache, application)
    key = application_key(folder, application, user_key)
    log = read_file(folder, f"u{number:010}.undo")
    for kind, numbers, path, data in records(log, number, key):
        out.write(struct.pack("<I6Q3I", kind, *numbers))
        out.write(struct.pack("<I", len(data)) + (path or b"\0") + data)


if __name__ == "__main__":
    try:
        key = bytes.fromhex(sys.argv[4]) if len(sys.argv) > 4 else None
        dump(sys.argv[1], sys.argv[2], int(sys.argv[3]), key, sys.stdout.buffer)
    except Damaged as damage:
        sys.exit(f"{sys.argv[1]}/{sys.argv[2]}/{sys.argv[3]}: {damage}")
