"""rollback_page.py HWCKPT PAGE PROGRAM FOLDER - each `hwckpt run` that
docs/rollback.md shows is taken as it stands, but for names of programs and
files, with PROGRAM (rollback-page.c); what it goes back at is made to happen."""

import os
import re
import signal
import subprocess
import sys

hwckpt, page, program, folder = sys.argv[1:]
trigger = os.path.join(folder, "back")
os.makedirs(folder)
with open(page, encoding="utf-8") as lines:
    found = [re.match(r"    hwckpt run (.*) -- \./\w+$", line) for line in lines]
commands = [match[1].replace("/tmp/back", trigger).split() for match in found if match]
# A page that shows none is not what this reads.
assert len(commands) >= 4, commands
for number, words in enumerate(commands):
    asked = "--restore-on" in words
    mode = "asked" if asked else "alone" if "rollback_scope=thread" in words else "fails"
    process = subprocess.Popen(
        [hwckpt, "run", "--name", f"page{number}", *words, "--", program, mode],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    if asked:
        pid, times = process.stdout.readline().split(" after ")
        assert times == "0\n", (words, times)
        if "signal=USR2" in words:
            os.kill(int(pid), signal.SIGUSR2)
        else:
            assert f"file={trigger}" in words, words
            open(trigger, "w").close()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 7 and "HWCKPT-E" not in err, (words, process.returncode, out, err)
    assert not asked or out.endswith(" after 1\n"), (words, out)
print(f"{len(commands)} commands")
