"""standard-tty.py HWCKPT PROG - runs PROG with /dev/tty as its standard input,
and restores it with a pipe as that, where there is no terminal."""

import subprocess
import sys

from terminal import on_terminal

hwckpt, program = sys.argv[1:]
command = ["sh", "-c", 'exec "$@" </dev/tty', "sh", hwckpt, "run", "--", program]
text, status, _ = on_terminal(command)
assert status == -9, (text, status)
restored = subprocess.run(
    [hwckpt, "restore"],
    input=b"piped\n",
    stdout=subprocess.PIPE,
    stderr=subprocess.STDOUT,
    start_new_session=True,
)
assert restored.returncode == 0, restored
assert restored.stdout == b"got piped\n", restored
