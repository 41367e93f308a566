"""cut-streams.py HWCKPT FILE CACHE [OPTION...] - every beginning of an exported checkpoint
that ends where a chunk does, or beside that, and the whole with one bit changed
in each chunk, is refused by import, and leaves no cache."""
import os
import struct
import subprocess
import sys

hwckpt, path, cache = sys.argv[1:4]
whole = open(path, "rb").read()
flags = struct.unpack_from("<I", whole, 12)[0]
at, ends, processes = 16 + 80 * flags, [], 1
while at < len(whole):
    kind, stored = struct.unpack_from("<II", whole, at)
    processes += kind == 6
    at += 32 + stored
    ends.append(at)
assert at == len(whole) and processes > 1, (at, len(whole), processes)


def refused(data, code):
    with open(path + ".part", "wb") as part:
        part.write(data)
    done = subprocess.run([hwckpt, "import", "--cache", cache, path + ".part"] +
                          sys.argv[4:], stderr=subprocess.PIPE, text=True)
    assert done.returncode == 125 and code in done.stderr, (len(data), done)
    assert not os.path.exists(cache)


cuts = {0, 8, 16} | {end + step for end in ends for step in (-1, 0, 1, 40)}
for length in sorted(cut for cut in cuts if cut < len(whole)):
    refused(whole[:length], "E120" if length >= 16 else "E118")
for end in ends:
    changed = bytearray(whole)
    changed[end - 1] ^= 1
    refused(changed, "E119")
refused(whole + b"\0", "E119")
os.remove(path + ".part")
