"""in-memory.py drop DIRECTORY: takes the files in it out of the kernel's memory.
in-memory.py less DIRECTORY MIB: is less than that of them there? Skipped where
files are not read past it."""

import ctypes
import mmap
import os
import sys


def files(directory):
    return [os.path.join(path, name) for path, _, names in os.walk(directory) for name in names]


def drop(path):
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def resident(path):
    """Bytes of a file."""
    size = os.path.getsize(path)
    if not size:
        return 0
    pages = (ctypes.c_ubyte * ((size + mmap.PAGESIZE - 1) // mmap.PAGESIZE))()
    libc = ctypes.CDLL(None, use_errno=True)
    with open(path, "rb") as file:
        libc.mmap.restype = ctypes.c_void_p
        at = libc.mmap(None, ctypes.c_size_t(size), mmap.PROT_READ, mmap.MAP_SHARED, file.fileno(), ctypes.c_long(0))
    if libc.mincore(ctypes.c_void_p(at), ctypes.c_size_t(size), pages):
        raise OSError(ctypes.get_errno(), "mincore")
    return sum(page & 1 for page in pages) * mmap.PAGESIZE


def reads_past(path):
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_DIRECT))
        return True
    except OSError:
        return False


if sys.argv[1] == "drop":
    for path in files(sys.argv[2]):
        drop(path)
else:
    segments = [path for path in files(sys.argv[2]) if path.endswith(".seg")]
    if not all(map(reads_past, segments)):
        print("SKIP: no file is read past the kernel's memory here")
        sys.exit(77)
    found = sum(map(resident, segments)) / 2**20
    if found >= float(sys.argv[3]) or not segments:
        sys.exit(f"{found:.1f} MiB of {len(segments)} segments are in memory")
