"""hostile.py HWCKPT FABRICATE CACHE TMPDIR - generations that say what no program is,
and every command that meets them. Around the cache lie a pipe, which hangs who opens
it, and files that must stay as they are."""

import os
import shutil
import stat
import subprocess
import sys

hwckpt, fabricate, cache, tmp = sys.argv[1:]
outside = os.path.join(tmp, "outside")
PAGE = 4096
MALFORMED = "314"


# ---- messages: https://protobuf.dev/programming-guides/encoding/ ----


def varint(number):
    number &= (1 << 64) - 1
    out = b""
    while number >= 128:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def message(**fields):
    """_3=5: field 3."""
    out = b""
    for name, value in fields.items():
        number = int(name[1:])
        if isinstance(value, str):
            value = value.encode()
        if isinstance(value, bytes):
            out += varint(number << 3 | 2) + varint(len(value)) + value
        else:
            out += varint(number << 3) + varint(value)
    return out


def record(kind, **fields):
    return f"more={kind}:{message(**fields).hex()}"


def area(start, end, kind=0, name="", **more):
    return record(2, _1=start, _2=end, _3=3, _4=kind, _6=name, **more)


def descriptor(number, path="/dev/null", kind=0, **more):
    return record(18, _1=number, _2=kind, _5=-1, _6=path, **more)


def member(pid, parent, application="", generation=0):
    return record(56, _1=pid, _2=parent, _3=pid, _4=pid, _5=application, _6=generation)


AT = 0x40000000
TOP = 0x7FFFFFFFF000  # of a program's addresses
pipe = os.path.join(outside, "pipe")
up = os.path.join(outside, "folder", "..", "file")

# What is said, and the codes it may be refused with: by all but `list`, or, with a
# second set, by `restore` alone, for there is nothing wrong with describing it.
cases = {
    "kernel": ([area(0xFFFF800000000000, 0xFFFF800000001000)], {MALFORMED}),
    "vsyscall": ([area(0xFFFFFFFFFF600000, 0xFFFFFFFFFF601000)], {MALFORMED}),
    "wraps": ([area(-PAGE, 0)], {MALFORMED}),
    "wraps-far": ([area(AT, -PAGE)], {MALFORMED}),
    "backwards": ([area(AT + PAGE, AT)], {MALFORMED}),
    "unaligned": ([area(AT + 1, AT + PAGE)], {MALFORMED}),
    "overlaps": ([area(AT, AT + 2 * PAGE), area(AT + PAGE, AT + 3 * PAGE)], {MALFORMED}),
    "offset": ([area(AT, AT + PAGE, 1, "/bin/sh", _7=(1 << 63) - PAGE + PAGE)], {MALFORMED}),
    "offset-odd": ([area(AT, AT + PAGE, 1, "/bin/sh", _7=1)], {MALFORMED}),
    "huge-page": ([area(AT, AT + PAGE, _15=3)], {MALFORMED}),
    "huge-page-large": ([area(AT, AT + PAGE, _15=1 << 63)], {MALFORMED}),
    "gate-nowhere": (["gate=123000", area(AT, AT + PAGE)], {MALFORMED}),
    "gate-half": ([f"gate={AT:x}", area(AT, AT + PAGE)], {MALFORMED}),
    "gate-wraps": (["gate=fffffffffffff000", area(AT, AT + PAGE)], {MALFORMED}),
    "file-nowhere": ([area(AT, AT + PAGE, 1, "file")], {MALFORMED}),
    "file-up": ([area(AT, AT + PAGE, 1, up)], {MALFORMED}),
    "file-pipe": ([area(AT, AT + PAGE, 1, pipe)], {}, {"303"}),
    "shared-pipe": ([area(AT, AT + PAGE, 2, pipe)], {}, {"303"}),
    "build-id-pipe": ([area(AT, AT + PAGE, 1, pipe, _12=b"x" * 20)], {}, {"303"}),
    "program-up": (["program=/bin/../bin/sh"], {MALFORMED}),
    "program-pipe": ([f"program={pipe}", area(AT, AT + PAGE, 1, pipe)], {}, {"303"}),
    "descriptor-up": ([descriptor(3, up)], {MALFORMED}),
    "descriptor-high": ([descriptor((1 << 31) - 1)], {MALFORMED}),
    "descriptor-negative": ([descriptor(-5)], {MALFORMED}),
    "descriptor-pipe": ([descriptor(3, pipe, _12=stat.S_IFREG)], {}, {"303"}),
    "directory-up": (["directory=" + os.path.join(outside, "folder", "..")], {MALFORMED}),
    # The whole address space: there is no room for who restores it.
    "everything": ([area(0x10000, TOP)], {}, {"305", "306", "308", "309", "313", "314", "317"}),
    "memory-twice": (
        [area(AT, AT + PAGE, 3, _8=1, _9=2), area(AT + PAGE, AT + 2 * PAGE, 3, "x", _8=1, _9=2, _14=1)],
        {},
        None,
    ),
    "members-circle": ([member(401, 402), member(402, 401)], {}, {MALFORMED}),
    "member-up": ([member(400, 0, "../other", 1)], {}, {MALFORMED, "115", "107"}),
    "members-many": ([member(i, 1) for i in range(402, 430)], {}, {MALFORMED}),
    "numbers": ([record(1, _3=-1)], {MALFORMED}),
    "threads": ([record(3, _1=-1)], {MALFORMED}),
    "long-name": (["more=2:" + (b"\x32\xff\xff\xff\x7f" + b"a" * 20).hex()], {MALFORMED}),
}


def call(what, *arguments):
    run = subprocess.run(
        [hwckpt, *arguments, "--cache", cache],
        capture_output=True,
        errors="replace",
        timeout=30,
        stdin=subprocess.DEVNULL,
    )
    assert run.returncode in (0, 1, 125), (what, arguments, run)
    assert "Sanitizer" not in run.stderr, (what, run.stderr)
    return run


def refused(what, codes, run):
    found = {code for code in codes if f"HWCKPT-E{code}" in run.stdout + run.stderr}
    assert run.returncode != 0 and found, (what, codes, run)
    if run.stderr:
        assert "  remedy: " in run.stderr, (what, run)


def snapshot():
    found = {}
    for folder, _, names in os.walk(outside):
        for name in names:
            status = os.lstat(os.path.join(folder, name))
            found[os.path.join(folder, name)] = (status.st_size, status.st_mtime_ns, status.st_ino)
    return found


def meet(name, words, codes, at_restore=None):
    subprocess.run([fabricate, cache, name, *words], check=True, stdout=subprocess.DEVNULL)
    stream = os.path.join(tmp, "stream")
    tier = os.path.join(tmp, "tier")
    listed = call(name, "list", name)
    shown = [call(name, "show", name), call(name, "show", "--json", "--areas", name)]
    verified = call(name, "verify", name)
    out = [call(name, "export", name, stream), call(name, "flush", name, tier)]
    restored = call(name, "restore", "--eager", name)
    if codes:
        refused(name, codes, restored)
        assert any(f"HWCKPT-E{code}" in listed.stdout for code in codes), (name, listed)
        for run in [*shown, verified]:
            refused(name, codes, run)
    elif at_restore:
        refused(name, at_restore, restored)
    else:
        assert restored.returncode == 125 and "HWCKPT-E" in restored.stderr, (name, restored)
    for run in out:
        assert run.returncode == 0 or "HWCKPT-E" in run.stderr, (name, run)
    for path in (stream, tier):
        shutil.rmtree(path, ignore_errors=True) if os.path.isdir(path) else None
        os.path.exists(path) and os.unlink(path)
    shutil.rmtree(os.path.join(cache, name))


# ---- files of the cache that are links ----


def links():
    """Of a good one: its folder, and each file in it, is a link to a copy outside."""
    subprocess.run([fabricate, cache, "linked", "pages=150"], check=True, stdout=subprocess.DEVNULL)
    folder = os.path.join(cache, "linked")
    copy = os.path.join(outside, "linked")
    shutil.copytree(folder, copy)
    for path in [folder, *(os.path.join(folder, name) for name in sorted(os.listdir(folder)))]:
        kept = path + ".kept" if path != folder else os.path.join(tmp, "kept")
        before = snapshot()
        os.rename(path, kept)
        os.symlink(os.path.join(outside, os.path.relpath(path, cache)), path)
        call(path, "list")
        for command in (["show", "linked"], ["verify", "linked"], ["restore", "linked"]):
            run = call(path, *command)
            said = run.stdout + run.stderr
            wrong = "HWCKPT-E111" in said or "HWCKPT-E107" in said  # no application at all
            unread = path != folder and not path.endswith((".ckpt", ".seg"))
            pages = path.endswith(".seg") and command[0] != "verify"
            assert wrong or unread or pages, (path, run)
        assert snapshot() == before, path
        os.unlink(path)
        os.rename(kept, path)
    shutil.rmtree(folder)


os.makedirs(os.path.join(outside, "folder"))
os.mkfifo(pipe)
with open(os.path.join(outside, "file"), "w") as file:
    file.write("stays\n")
before = snapshot()
for name, case in cases.items():
    meet(name, *case)
    assert snapshot() == before, name
links()
shutil.rmtree(outside)
print(f"{len(cases)} cases")
