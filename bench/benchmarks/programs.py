"""programs.py - the programs whose code is compared with and without sites.

A program is compiled twice for each level, with and without -fhwckpt and
otherwise with the same options, and linked several times, each time in another
layout: the order of its functions and a gap in front of them are drawn anew.
In the same layout of both everything that both have stands at the same address:
functions, constants and data, those of libc too, wherever the code is as long.
Hence fixed addresses for the sections, an order for all symbols of the base, no
merged strings, and no address space randomisation (observed by overhead.py): what
is left of the runtime comes behind. If alignment happens to favour one form of
the code, it does not in all layouts.
"""

import functools
import glob
import hashlib
import os
import random
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

from .machine import BENCH, ROOT, Unusable, run

SOURCES = os.path.join(BENCH, "programs")
INPUTS = os.path.join(SOURCES, "inputs")
COMPILE = ["-c", "-w", "-ffunction-sections"]
# Far enough apart for the largest of them.
SECTIONS = {
    ".rodata": 0x400000,
    ".text": 0x1000000,
    ".data.rel.ro": 0x2000000,
    ".data": 0x3000000,
    ".bss": 0x4000000,
}
LINK = ["-static", "-fuse-ld=lld", "-Wl,-O0", "-Wl,-z,separate-code", "-Wl,-z,norelro",
        "-Wl,--no-warn-symbol-ordering",
        *(f"-Wl,--section-start={name}={start:#x}" for name, start in SECTIONS.items())]  # fmt: skip


class Program:
    """Sources that are compiled together. `made` makes them when they are not
    in the tree."""

    def __init__(self, name, sources, flags=(), made=None):
        self.name = name
        self.sources = sources
        self.flags = list(flags)
        self.made = made


class Case:
    """One way to run a program."""

    def __init__(self, name, program, arguments=(), stdin=None):
        self.name = name
        self.program = program
        self.arguments = arguments  # a function of the build, or a list
        self.stdin = stdin

    def command(self, build):
        arguments = self.arguments
        return arguments(build) if callable(arguments) else list(arguments)


# ---- real programs ----

PACKAGES = {
    "lua5.4": (
        "lua5.4_5.4.4.orig.tar.gz",
        "164c7849653b80ae67bec4b7473b884bf5cc8d2dca05653475ec2ed27b9ebf61",
    ),
    "libzstd": (
        "libzstd_1.5.4+dfsg2.orig.tar.xz",
        "8cf4bbb65e77ec348d052c8d6230eba66d435bddf64c8b5be2fcb16880c19953",
    ),
    "bzip2": (
        "bzip2_1.0.8.orig.tar.gz",
        "ab5a03176ee106d3f0fa90e381da478ddae405918153cca248e682cd0c4a2269",
    ),
    "sqlite3": (
        "sqlite3_3.40.1.orig.tar.xz",
        "aaa776260ab4dc976db34aa7891819484c8676b5b2783123ebc6301e2ca5d655",
    ),
}


def package(build, name):
    """Where the source of a Debian package is."""
    folder = os.path.join(build.folder, "sources", name)
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    fetch = os.path.join(ROOT, "cmake", "fetch-debian-source")
    if subprocess.run([fetch, name, *PACKAGES[name], folder]).returncode:
        raise Unusable(f"the source of {name} could not be fetched")
    return folder


def lua(build):
    folder = os.path.join(package(build, "lua5.4"), "src")
    return [f for f in sorted(glob.glob(f"{folder}/*.c")) if not f.endswith("/luac.c")]


def zstd(build):
    folder = package(build, "libzstd")
    parts = ("programs", "lib/common", "lib/compress", "lib/decompress", "lib/dictBuilder")
    return [f for part in parts for f in sorted(glob.glob(f"{folder}/{part}/*.c"))]


def bzip2(build):
    folder = package(build, "bzip2")
    names = "blocksort huffman crctable randtable compress decompress bzlib bzip2"
    return [f"{folder}/{name}.c" for name in names.split()]


def sqlite(build):
    """The library in one file, and the shell, as its makefile makes them."""
    source = package(build, "sqlite3")
    folder = os.path.join(build.folder, "sources", "sqlite3.made")
    if not os.path.exists(f"{folder}/shell.c"):
        if not shutil.which("tclsh"):
            raise Unusable("the source of sqlite3 is made by tclsh: apt-get install tcl")
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        run([f"{source}/configure", "--disable-tcl", "--quiet"], cwd=folder)
        run(["make", "sqlite3.c", "shell.c"], cwd=folder)
    return [f"{folder}/sqlite3.c", f"{folder}/shell.c"]


def text(build):
    """A file to compress: source text."""
    path = os.path.join(build.folder, "sources", "text")
    if not os.path.exists(path):
        with open(path + ".partial", "wb") as file:
            for source in zstd(build) + lua(build):
                with open(source, "rb") as part:
                    file.write(part.read())
            file.truncate(3 << 20)
        os.rename(path + ".partial", path)
    return path


KERNELS = (
    "gemm matvec cholesky lu shortest_paths jacobi seidel heat convolution triangular "
    "covariance subsequence toeplitz fft nbody sparse"
).split()
OTHERS = "fibonacci queens tree interpreter hash sort sieve".split()


def own(name, source=None, flags=()):
    path = os.path.join(SOURCES, f"{source or name}.c")
    return Program(name, lambda build: [path], ["-I", SOURCES, *flags])


LUA = Program("lua", lua, ["-DLUA_COMPAT_5_3"])
ZSTD = Program("zstd", zstd, ["-DZSTD_DISABLE_ASM=1", "-DXXH_NAMESPACE=ZSTD_", "-DDEBUGLEVEL=0"])
BZIP2 = Program("bzip2", bzip2, ["-D_FILE_OFFSET_BITS=64"])
SQLITE = Program(
    "sqlite3", sqlite, ["-DSQLITE_THREADSAFE=0", "-DSQLITE_OMIT_LOAD_EXTENSION"]
)


def cases():
    """Name, program and how it is run: small ones first."""
    found = [Case(name, own(name)) for name in KERNELS + OTHERS]
    found.append(
        Case("interpreter_goto", own("interpreter_goto", "interpreter", ["-DINTERPRETER_GOTO"]))
    )
    for script in ("calls", "tables", "strings"):
        found.append(Case(f"lua_{script}", LUA, [f"{INPUTS}/{script}.lua"]))
    found.append(Case("zstd", ZSTD, lambda b: ["-q", "-f", "-6", text(b), "-o", "/dev/null"]))
    found.append(
        Case("unzstd", ZSTD, lambda b: ["-q", "-d", "-f", *[packed_by(b, ZSTD)] * 6, "-o", "/dev/null"])
    )
    found.append(Case("bzip2", BZIP2, lambda b: ["-k", "-c", part(b)]))
    found.append(Case("bunzip2", BZIP2, lambda b: ["-d", "-k", "-c", packed_by(b, BZIP2)]))
    found.append(Case("sqlite3", SQLITE, [":memory:"], f"{INPUTS}/queries.sql"))
    return found


def part(build):
    """As much text as bzip2 is busy with for a moment."""
    path = os.path.join(build.folder, "sources", "part")
    if not os.path.exists(path):
        with open(text(build), "rb") as source, open(path, "wb") as file:
            file.write(source.read(500 << 10))
    return path


def packed_by(build, program):
    """The text packed by a program without sites."""
    ending, source = ("zst", text(build)) if program is ZSTD else ("bz2", part(build))
    path = f"{source}.{ending}"
    if not os.path.exists(path):
        tool = Compiled(build, program, "-O2").link(False, 0)
        with open(path + ".partial", "wb") as file:
            done = subprocess.run([tool, "-c", "-k", source], stdout=file, stderr=subprocess.DEVNULL)
        if done.returncode:
            raise Unusable(f"{tool} did not pack {source}")
        os.rename(path + ".partial", path)
    return path


# ---- compiling and linking ----


def digest(*parts):
    value = hashlib.sha256()
    for some in parts:
        value.update(repr(some).encode())
    return value.hexdigest()[:16]


def content(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


INTERPOSED = "hwckpt_interpose-x86_64.o"


class Compiled:
    """A program at one level, with and without sites. What is there already,
    of the same compiler and sources, is not made again."""

    def __init__(self, build, program, level):
        self.build = build
        self.program = program
        self.level = level
        self.folder = os.path.join(build.folder, "programs", f"{program.name}{level}")
        self.clock_is_made = False
        os.makedirs(self.folder, exist_ok=True)

    def make(self, layouts):
        """All executables that are not there."""
        for layout in range(layouts):
            self.link(True, layout)
            self.copy(layout)

    def ours(self, *endings):
        """What of hwckpt is in a program with sites: files of lib/hwckpt."""
        lib = os.path.join(self.build.path, "lib", "hwckpt")
        files = [f for ending in endings for f in glob.glob(f"{lib}/**/*{ending}", recursive=True)]
        return [content(f) for f in sorted(files)]

    def objects(self, sites):
        """Paths of the objects, compiled when they are not."""
        sources = self.program.sources(self.build)
        flags = [self.level, *COMPILE, *self.program.flags, *(["-fhwckpt"] if sites else [])]
        key = digest(flags, [content(f) for f in sources], self.ours(".so") if sites else 0,
                     content(f"{SOURCES}/common.h"))  # fmt: skip
        folder = os.path.join(self.folder, "sites" if sites else "base")
        stamp = os.path.join(folder, "key")
        paths = [
            os.path.join(folder, f"{i}-{os.path.basename(source)}.o")
            for i, source in enumerate(sources)
        ]
        if read(stamp) != key:
            shutil.rmtree(folder, ignore_errors=True)
            os.makedirs(folder)
            jobs = [[self.build.clang, *flags, s, "-o", o] for s, o in zip(sources, paths)]
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                list(pool.map(run, jobs))
            write(stamp, key)
        return paths, key

    @functools.cached_property
    def functions(self):
        """Names of the program's functions."""
        paths, _ = self.objects(False)
        nm = self.build.tool("llvm-nm")
        return sorted(set(re.findall(r" [tT] (\w+)$", run([nm, *paths]), re.M)))

    def link(self, sites, layout):
        """Path of the executable of one layout. The names of all forms are as
        long: they stand on the stack."""
        paths, key = self.objects(sites)
        key = digest(key, LINK, content(f"{SOURCES}/clock.c"), self.ours("clang_rt.hwckpt-x86_64.a", "interpose-x86_64.o") if sites else 0)
        name = os.path.join(self.folder, f"{'site' if sites else 'base'}-{layout}")
        if read(f"{name}.key") == key and os.path.exists(name):
            return name
        if sites:
            self.link(False, layout)
        clock = os.path.join(self.folder, "clock.o")
        if not self.clock_is_made:
            run([self.build.clang, "-O2", "-c", f"{SOURCES}/clock.c", "-o", clock])
            self.clock_is_made = True
        order, gap = self.layout(layout)

        def linked(order):
            run([self.build.clang, *LINK, "-fno-hwckpt", f"-Wl,--symbol-ordering-file={order}",
                 gap, *paths, clock, "-lm", *(self.runtime() if sites else []), "-o", name])  # fmt: skip

        whole_order = f"{order}.whole"
        if not sites:
            linked(order)
            write(whole_order, "\n".join(self.symbols(name)) + "\n")
        linked(whole_order)
        write(f"{name}.key", key)
        return name

    def runtime(self):
        """What -fhwckpt links, with names of its own for what is local in it: the
        runtime has a zstd, too, and a name stands for one place in an order."""
        lib, made = os.path.join(self.build.path, "lib", "hwckpt"), []
        for file in (INTERPOSED, "libclang_rt.hwckpt-x86_64.a"):
            made.append(os.path.join(self.folder, file))
            names = defined(run([self.build.tool("llvm-nm"), f"{lib}/{file}"]), "[a-z]")
            write(f"{made[-1]}.names", "".join(f"{name} hwckpt.{name}\n" for name in set(names)))
            run([self.build.tool("llvm-objcopy"), f"--redefine-syms={made[-1]}.names",
                 f"{lib}/{file}", made[-1]])  # fmt: skip
        return [made[0], "-Wl,--whole-archive", made[1], "-Wl,--no-whole-archive"]

    def symbols(self, executable):
        """Names of what is in an executable, by address, last those that may be of
        another length with sites."""
        nm, lib = self.build.tool("llvm-nm"), os.path.join(self.build.path, "lib", "hwckpt")
        names = defined(run([nm, "-n", executable]), "[^aAU]")
        last = {*self.differing[1], *defined(run([nm, f"{lib}/{INTERPOSED}"]), "[^aAU]")}
        return sorted(dict.fromkeys(names), key=last.__contains__)

    def layout(self, number):
        """Files that make the layout: the order of functions, and the gap."""
        draw = random.Random(f"{self.program.name} {number}")
        names = list(self.functions)
        draw.shuffle(names)
        stem = os.path.join(self.folder, f"layout-{number}")
        write(f"{stem}.order", "\n".join(["bench_gap", *names, ""]))
        if os.path.exists(f"{stem}.o"):
            return f"{stem}.order", f"{stem}.o"
        write(f"{stem}.s", ".section .text.bench_gap,\"ax\"\n.globl bench_gap\nbench_gap:\n"
              f".skip {draw.randrange(256) * 16}\n")  # fmt: skip
        run([self.build.clang, "-c", f"{stem}.s", "-o", f"{stem}.o"])
        return f"{stem}.order", f"{stem}.o"

    def copy(self, layout):
        """The base again, as a file of its own."""
        base, name = self.link(False, layout), os.path.join(self.folder, f"copy-{layout}")
        if read(f"{name}.key") != read(f"{base}.key"):
            shutil.copy(base, name)
            write(f"{name}.key", read(f"{base}.key"))
        return name

    @functools.cached_property
    def differing(self):
        """Number of functions, and names of those whose instructions differ."""
        base, sites = (self.disassembly(self.objects(s)[0]) for s in (False, True))
        names = [name for name in base if base[name] != sites.get(name)]
        return len(base), sorted({name for _, name in names})

    def disassembly(self, paths):
        """Instructions, with relocations, of each function of each object."""
        objdump, found = self.build.tool("llvm-objdump"), {}
        for number, path in enumerate(paths):
            output = run([objdump, "-dr", "--no-show-raw-insn", "--no-leading-addr", path])
            name = None
            for line in output.splitlines():
                head = re.fullmatch(r"(?:[0-9a-f]+ )?<(.*)>:", line)
                if head:
                    name = (number, head.group(1))
                    found[name] = []
                elif name and line[:1].isspace() and line.strip():
                    found[name].append(line)
        return found


def defined(listing, kinds):
    """Names of some kinds in what nm says."""
    return re.findall(rf"^[0-9a-f]+ {kinds} (\S+)$", listing, re.M)


def read(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return None


def write(path, content):
    with open(path, "w") as file:
        file.write(content)


def make_all(build, chosen, layouts):
    """Compiles and links what is chosen, (case, level) each, side by side; each
    Compiled by the name of its program and its level."""
    for case, _ in chosen:
        case.program.sources(build)
    made = {
        (case.program.name, level): Compiled(build, case.program, level) for case, level in chosen
    }
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda compiled: compiled.make(layouts), made.values()))
    return made
