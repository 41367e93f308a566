# same-code.py COMMAND COMMAND FLAGS... - compiles with both commands, once for
# each FLAGS, and compares the functions of the first object, section by
# section: code, and relocations of it.
import subprocess
import sys
import tempfile


def sections(command, flags, folder):
    path = f"{folder}/object.o"
    arguments = f"{command} {flags} -ffunction-sections -c -o {path}".split()
    subprocess.run(arguments, check=True)
    dump = subprocess.run(
        ["llvm-objdump", "-dr", "--no-leading-addr", path],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    found, lines = {}, None
    for line in dump.stdout.splitlines():
        if line.startswith("Disassembly of section "):
            lines = found.setdefault(line.split()[-1], [])
        elif line and lines is not None:
            lines.append(line)
    return found


differing = 0
with tempfile.TemporaryDirectory() as folder:
    for flags in sys.argv[3:]:
        plain = sections(sys.argv[1], flags, folder)
        sites = sections(sys.argv[2], flags, folder)
        for name, code in plain.items():
            if not name.startswith(".text"):
                continue
            if sites.get(name) != code:
                print(f"{flags}: {name} differs")
                differing += 1
sys.exit(differing != 0)
