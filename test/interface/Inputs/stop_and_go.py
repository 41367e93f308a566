"""stop_and_go.py PROGRAM - stops PROGRAM again and again for longer than its
timers run, so that what they ask for is due at once when it goes on; until it
has ended."""

import os
import signal
import subprocess
import sys
import time

with subprocess.Popen(sys.argv[1:]) as program:
    for _ in range(60):
        time.sleep(0.4)
        if program.poll() is not None:
            break
        os.kill(program.pid, signal.SIGSTOP)
        time.sleep(1.1)
        os.kill(program.pid, signal.SIGCONT)
    program.kill()
sys.exit(program.returncode)
