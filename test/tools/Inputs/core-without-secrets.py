"""core-without-secrets.py HWCKPT PROGRAM FAULT-AT-CALL FOLDER - hwckpt, and the
restorer, fault at calls from their first to their last: no core that is there
afterwards has a secret, but for those of before main() (the environment's)."""

import hashlib
import http.server
import os
import resource
import subprocess
import sys
import threading

hwckpt, program, fault_at_call, folder = sys.argv[1:5]
SECRET, TOKEN = "b1d5c3e7secret9f2a4c6d8e", "7a3f9c1dtoken5b7d2e4f6a8c"
RAW = bytes(range(128, 192))
DERIVED = hashlib.blake2b(b"k" + len(RAW).to_bytes(8, "little") + RAW, digest_size=32)
cores = folder + "/cores"
key, home = folder + "/key", folder + "/home"
common = {"PATH": os.environ["PATH"], "HOME": home}
in_environment = {
    **common,
    "AWS_ACCESS_KEY_ID": "id",
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_SESSION_TOKEN": TOKEN,
}


class Refusing(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_error(403)

    def log_message(self, *_):
        pass


def fault(number, name, environment, arguments):
    """Where there is to be no core, where again, what became of it, and the core."""
    done = subprocess.run(
        [fault_at_call, name, str(number), hwckpt, *arguments],
        cwd=cores,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    said = done.stdout.decode().splitlines()[-1]
    none, again, became = said.split(" ", 2)
    content = b""
    for file in os.listdir(cores):
        with open(f"{cores}/{file}", "rb") as core:
            content += core.read()
        os.unlink(f"{cores}/{file}")
    return int(none), int(again), became, content


def spread(begin, end, count):
    """So many of [begin, end], the ends among them."""
    return sorted({begin + (end - begin) * i // (count - 1) for i in range(count)})


def clean(content, secrets, *what):
    for secret in secrets:
        assert secret not in content, (secret, *what)


def look(name, environment, arguments, secrets, from_exec=False):
    """from_exec: it has the secrets before it can do anything about it."""
    none, again, became, _ = fault(0, name, environment, arguments)
    what = (name, arguments)
    assert none and became.startswith("ended "), (*what, none, became)
    last = int(became.split()[1])
    before = fault(none - 1, name, environment, arguments)
    assert before[2] == "core", (*what, before[:3])
    if from_exec:  # what is looked for would be found
        assert not before[3] or all(secret in before[3] for secret in secrets), what
    else:
        clean(before[3], secrets, *what, none - 1)
    # Where a call is differs a little from one time to the next.
    numbers = spread(none, again or last - 1, 6 if again else 10)
    written = 0
    for number in numbers + ([again + 20] if again else []):
        _, again, became, content = fault(number, name, environment, arguments)
        assert again or became != "core" and not content, (*what, number, became)
        clean(content, secrets, *what, number)
        written += became == "core"
    assert bool(written) == bool(again), (*what, written)


_, hard = resource.getrlimit(resource.RLIMIT_CORE)
resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
os.makedirs(cores)
os.makedirs(home + "/.aws")
with open(home + "/.aws/credentials", "w") as file:
    file.write(f"[default]\naws_access_key_id = id\naws_secret_access_key = {SECRET}\n")
with open(key, "wb") as file:
    os.fchmod(file.fileno(), 0o600)
    file.write(RAW)
server = http.server.HTTPServer(("127.0.0.1", 0), Refusing)
threading.Thread(target=server.serve_forever, daemon=True).start()
endpoint = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}"}

here = ["--cache", folder + "/cache"]
sealed = [*here, "--key-file", key]
for name, options in (("plain", here), ("sealed", sealed)):
    run = [hwckpt, "run", *options, "--name", name, "--", program, "1"]
    assert subprocess.run(run, stdout=subprocess.DEVNULL).returncode == -9

# Is a core written at all, where it can be found?
_, _, became, content = fault(2, "hwckpt", in_environment, ["list", *here])
if became != "core" or SECRET.encode() not in content:
    print("SKIP: no core is written here that a test can find:", became)
    sys.exit(0)

strings = [SECRET.encode(), TOKEN.encode()]
keys = [RAW, DERIVED.digest()]
to_storage = ["flush", *here, "plain", "s3://bucket/prefix"]
look("hwckpt", in_environment, ["list", *here], strings, from_exec=True)
look("hwckpt", {**in_environment, **endpoint}, to_storage, strings, from_exec=True)
look("hwckpt", {**common, **endpoint}, to_storage, strings[:1])
look("hwckpt", common, ["verify", *sealed, "sealed"], keys)
look("hwckpt-restorer", in_environment, ["restore", *sealed, "sealed"], keys + strings)
server.shutdown()
