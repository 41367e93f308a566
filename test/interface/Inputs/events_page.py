"""events_page.py HWCKPT PAGE PROGRAM FOLDER - each command that docs/events.md
shows is taken as it stands, but for names of programs and files: the program
runs with these rules and ends, and none of them is complained of, but for what
this machine has not (E251)."""

import os
import re
import subprocess
import sys

hwckpt, page, program, folder = sys.argv[1:]
symbols = subprocess.run(["nm", program], capture_output=True, text=True, check=True).stdout
step = next(line.split()[0] for line in symbols.splitlines() if line.endswith(" step"))
replaced = {
    "0x404040": "0x" + step.lstrip("0"),
    "/run/user/1000/job.sock": os.path.join(folder, "job.sock"),
    "/tmp/checkpoint-now": os.path.join(folder, "checkpoint-now"),
}
commands = []
for line in open(page, encoding="utf-8"):
    if re.match(r"    hwckpt run --on .* PROG( &)?$", line):
        commands.append(line.strip().removesuffix(" &").split()[2:-2])
    elif line.startswith("    HWCKPT_OPTIONS="):
        options = line.split("'")[1]
# A page that shows none is not what this reads.
assert len(commands) >= 12 and options, commands
os.makedirs(folder, exist_ok=True)
lacking = 0
for number, words in enumerate(commands):
    for name, place in replaced.items():
        words = [word.replace(name, place) for word in words]
    done = subprocess.run(
        [hwckpt, "run", "--name", f"page{number}", *words, "--", program], capture_output=True, text=True, timeout=120
    )
    codes = set(re.findall(r"HWCKPT-E(\d+)", done.stderr)) - {"205"}
    lacking += codes == {"251"}
    assert codes <= {"251"}, (words, done.stderr)
    # Refused before the program begins where the tool knows, else the program goes on.
    assert done.returncode == 0 or codes and done.returncode == 125, (words, done)
# llc= and tracepoints may not be there; the rest is everywhere.
assert lacking <= 4, lacking
done = subprocess.run([program], capture_output=True, text=True, timeout=120, env={**os.environ, "HWCKPT_OPTIONS": options})
assert done.returncode == 0 and "HWCKPT-E2" not in done.stderr, done
print(f"{len(commands)} commands")
