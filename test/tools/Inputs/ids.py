"""ids.py HWCKPT FABRICATE root|user - process ids of restored programs.

HWCKPT stands beside the stand-in for the restorer. As root the ids are chosen
directly, as an ordinary user in a namespace."""

import os
import random
import signal
import subprocess
import sys
import threading
import time

tool, fabricate, who = sys.argv[1:]
cache = os.environ["HWCKPT_CACHE"]
root = who == "root"


def make(name, *words):
    subprocess.run(
        [fabricate, cache, name, *words], check=True, stdout=subprocess.DEVNULL
    )


def restore(name, *options, play="id+running+exit_3"):
    return subprocess.run(
        [tool, "restore", name, *options, "-o", f"play={play}"],
        capture_output=True,
        text=True,
        timeout=30,
    )


def free_pid():
    """As fabricate.c chooses one."""
    return random.choice([pid for pid in range(2, 300) if not os.path.exists(f"/proc/{pid}")])


def comes_back(run, pid, status=3):
    assert run.returncode == status, run
    assert f"pid {pid} proc {pid}\n" in run.stdout, (pid, run)


def refused(run, code, *texts):
    assert run.returncode == 125 and f"HWCKPT-E{code}:" in run.stderr, run
    for text in texts:
        assert text in run.stderr, (text, run)


def the_old_id():
    pid = free_pid()
    make("free", f"pid={pid}")
    comes_back(restore("free"), pid)
    comes_back(restore("free", "--pid=same"), pid)
    comes_back(restore("free", "--pid=namespace"), pid)
    run = restore("free", "--pid=any")
    assert run.returncode == 3 and f"pid {pid} " not in run.stdout, run


def the_plan():
    make("plan", "repeat=2")
    run = restore("plan/1", play="plan+running+exit_0")
    text = "application plan\ngeneration 1\nrestores 1\nkeep_ids 1\n"
    assert run.stdout == text + f"cache {cache}\n", run  # and nothing is open
    assert "keep_ids 0" in restore("plan", "--pid=any", play="plan+running").stdout
    run = restore("plan/1", "--pid=namespace", play="plan+running+exit_0")
    assert run.stdout == text.replace("ores 1", "ores 2") + f"cache {cache}\n", run


def taken():
    other = subprocess.Popen(["sleep", "30"])
    try:
        make("taken", f"pid={other.pid}")
        if root:
            refused(restore("taken"), 304, f"{other.pid}: by sleep")
        else:
            comes_back(restore("taken"), other.pid)
        comes_back(restore("taken", "--pid=namespace"), other.pid)
        assert restore("taken", "--pid=any").returncode == 3
        make("thread", f"thread={other.pid}")
        if root:
            refused(restore("thread"), 304, f"{other.pid}: by sleep")
        assert restore("thread", "--pid=namespace").returncode == 3
    finally:
        other.kill()
        other.wait()


WITH_A_THREAD = """
import sys, threading
thread = threading.Thread(target=sys.stdin.read, daemon=True)
thread.start()
print(thread.native_id, flush=True)
thread.join()
"""


def taken_by_a_thread():
    command = [sys.executable, "-c", WITH_A_THREAD]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        make("inner", f"pid={int(other.stdout.readline())}")
        run = restore("inner")
        other.stdin.close()
    if root:
        refused(run, 304, "by a thread of", f"process {other.pid}")


def taken_by_who_restores():
    make("ours", f"pid={os.getpid()}")
    run = restore("ours")
    comes_back(run, os.getpid())
    make("our-thread", f"thread={os.getpid()}")
    again = restore("our-thread")
    assert again.returncode == 3, again
    if root:
        text = f"process id {os.getpid()} is held by python3"
        assert text in run.stderr and text in again.stderr, (run, again)


def a_zombie():
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    make("zombie", f"pid={pid}")
    begin = time.monotonic()
    run = restore("zombie")
    comes_back(run, pid)
    if root:
        assert time.monotonic() - begin > 1.9
        assert "was not waited for; restoring in a private pid namespace" in run.stderr
    os.waitpid(pid, 0)


def ending():
    # It ends while we ask for its id: that is waited for.
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    make("ending", f"pid={pid}")
    waiter = threading.Timer(0.3, lambda: os.waitpid(pid, 0))
    waiter.start()
    run = restore("ending")
    waiter.join()
    comes_back(run, pid)
    assert not run.stderr, run


def a_group():
    # The number still names a process group: the kernel does not hand it out.
    leader = os.fork()
    if leader == 0:
        os.setpgid(0, 0)
        if os.fork() == 0:
            time.sleep(30)
        os._exit(0)
    os.waitpid(leader, 0)
    try:
        make("group", f"pid={leader}")
        run = restore("group")
        comes_back(run, leader)
        if root:
            assert "process group or session of" in run.stderr, run
    finally:
        os.killpg(leader, signal.SIGKILL)


def the_first():
    make("first", "pid=1")
    refused(restore("first", "--pid=namespace"), 308, "process id 1")
    if root:
        refused(restore("first"), 304)
    assert restore("first", "--pid=any").returncode == 3


def twice():
    make("twice")
    with subprocess.Popen(
        [tool, "restore", "twice", "-o", "play=running+signals"],
        stdout=subprocess.PIPE,
        text=True,
    ) as first:
        assert first.stdout.readline() == "ready\n"
        for policy in ("same", "namespace", "any"):
            refused(restore("twice", f"--pid={policy}"), 311, "twice")
        first.terminate()
    assert first.returncode == 9
    assert restore("twice").returncode == 3


def still_running():
    other = subprocess.Popen(["sleep", "30"])
    try:
        time.sleep(0.1)
        make("running", f"like={other.pid}")
        for policy in ("same", "namespace", "any"):
            run = restore("running", f"--pid={policy}")
            refused(run, 311, "running", f"as process {other.pid}")
    finally:
        other.kill()
    other.wait()
    comes_back(restore("running"), other.pid)


def children_left_behind():
    # What the program leaves behind goes on, in a namespace too; its pipes are
    # closed only by it.
    for policy in ("any", "namespace"):
        make("left")
        run = restore("left", f"--pid={policy}", play="child+running+exit_4")
        assert run.returncode == 4 and "the child goes on" in run.stdout, run


def failures():
    make("bad")
    run = restore("bad", play="failed")
    refused(run, 305, "an\\x1bobject: a detail")
    refused(restore("bad", play="silent"), 313, "status 1")
    refused(restore("bad", play="kill_11"), 313, "signal 11")
    run = restore("bad", play="warning+running+exit_0")
    assert run.returncode == 0 and "hwckpt: warning: HWCKPT-E316" in run.stderr, run
    run = restore("bad", play="hostile+running+exit_0")
    assert run.returncode == 0 and "HWCKPT-E313" in run.stderr, run
    run = restore("bad", "-v", play="running+exit_0")
    assert "hwckpt: bad/1 runs again after" in run.stderr, run


for case in (
    the_old_id,
    the_plan,
    taken,
    taken_by_a_thread,
    taken_by_who_restores,
    a_zombie,
    ending,
    a_group,
    the_first,
    twice,
    still_running,
    children_left_behind,
    failures,
):
    print(case.__name__, flush=True)
    case()
