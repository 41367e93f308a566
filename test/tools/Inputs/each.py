"""each.py HWCKPT FOLDER - many programs under one supervisor (run --each)."""

import os
import signal
import subprocess
import sys
import time

hwckpt, folder = sys.argv[1:]
listed = os.path.join(folder, "list")


def run(*options, text):
    with open(listed, "w") as file:
        file.write(text)
    return subprocess.run(
        [hwckpt, "run", *options, "--each", listed],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


def expect(done, status, *said):
    assert done.returncode == status, done
    for text in said:
        assert text in done.stderr, (text, done)


# Words as the shell has them, options of a line after those of all, comments.
done = run(
    "--force",
    text=f"""# all of them
  sh -c 'echo "one  $0"' a\\ b
--name second -- sh -c 'echo $1' x "$HWCKPT_EACH_WORD"   # behind it
\t
--cache "{folder}/other" --name third sh -c 'echo three'""",
)
expect(done, 0)
assert sorted(done.stdout.splitlines()) == ["", "one  a b", "three"], done

# The status of the first in the list that did not end well, whoever ended first.
done = run("--force", text="true\nsh -c 'sleep 0.3; exit 3'\nsh -c 'exit 4'\nsh -c 'kill -9 $$'\n")
expect(done, 3, "line 2 of", "ended with status 3", "line 3 of", "line 4 of", "was killed by signal 9")
assert "line 1 of" not in done.stderr, done

# What is wrong is said before anything is started.
mark = os.path.join(folder, "started")
for text, said in (
    (f"touch {mark}\necho 'open", "line 2: quotation marks do not match"),
    (f"touch {mark}\n\necho $(date)", "line 3: no commands"),
    (f"touch {mark}\ndate | cat", "line 2: one of &"),
    ("\n# nothing\n", "no program is named"),
):
    expect(run("--force", text=text), 2, "HWCKPT-E510", said)
    assert not os.path.exists(mark), text
done = subprocess.run([hwckpt, "run", "--each", folder + "/none"], capture_output=True, text=True)
expect(done, 125, "HWCKPT-E510", "ENOENT")
expect(run("--name", "x", text="true"), 2, "--name")
done = subprocess.run([hwckpt, "run", f"--each={listed}", "true"], capture_output=True, text=True)
expect(done, 2, "true")

# A signal to the supervisor goes to all; its death ends all.
with open(listed, "w") as file:
    for name in "abc":
        file.write(f"""--force sh -c 'trap "echo {name}; exit 7" TERM; echo up; while :; do sleep 0.05; done'\n""")
for number, status in ((signal.SIGTERM, 7), (signal.SIGKILL, -9)):
    process = subprocess.Popen(
        [hwckpt, "run", f"--each={listed}"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert [process.stdout.readline() for _ in range(3)] == ["up\n"] * 3
    process.send_signal(number)
    rest = process.stdout.read()  # until the last of them has closed it
    assert process.wait(60) == status, (process.returncode, rest)
    assert sorted(rest) == sorted("a\nb\nc\n" if number == signal.SIGTERM else ""), rest

# None has what is another's in its place in the cache.
secrets = {name: os.urandom(16).hex() for name in ("left", "right")}
text = "".join(
    f"--name {name} -o level=0 -- {sys.executable} -c 'import os, signal; word = \"{secret}\" * 4096; "
    f"os.kill(os.getpid(), signal.SIGUSR1); os.kill(os.getpid(), signal.SIGKILL)'\n"
    for name, secret in secrets.items()
)
text = text.replace("os.kill(os.getpid(), signal.SIGKILL)", f"exec(open(\"{folder}/wait.py\").read())")
with open(folder + "/wait.py", "w") as file:
    file.write("import time\nend = time.time() + 60\n")
    file.write("while time.time() < end and not os.path.exists('%s/stop'): time.sleep(0.02)\n" % folder)
with open(listed, "w") as file:
    file.write(text)
process = subprocess.Popen([hwckpt, "run", "--each", listed], stdin=subprocess.DEVNULL)
cache = os.environ["HWCKPT_CACHE"]


def content(name):
    found = b""
    for place, _, files in os.walk(os.path.join(cache, name)):
        for file in files:
            with open(os.path.join(place, file), "rb") as one:
                found += one.read()
    return found


for name in secrets:
    while subprocess.run([hwckpt, "show", name], capture_output=True).returncode:
        assert process.poll() is None
        time.sleep(0.05)
open(folder + "/stop", "w").close()
assert process.wait(60) == 0
for name, other in (("left", "right"), ("right", "left")):
    assert secrets[name].encode() in content(name)
    assert secrets[other].encode() not in content(name)
