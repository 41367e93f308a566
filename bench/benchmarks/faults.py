"""bench/run faults - bits that flip in a solver, and what it answers.

bench/faults/solver.c solves systems of equations, checks its residual and its
answers (hwckpt_check()), takes checkpoints, and runs with rollback_on=all.
bench/faults/inject.c flips one bit at a time, at a random moment of its own code:
half of them in a register (a third of these a vector register), half in its
grid, the answer it is about to send, or its stack. Each injection ends as one of

  right, unnoticed    the flip hit nothing, or the iteration healed it
  right, rolled back  a fault or a failed check, once, or more than once
  reported            the solver ended by a signal (HWCKPT-E290 where rolling back
                      was of no use); its answer's seal is broken; no answer
  wrong               an answer whose residual is too large, or of which nobody
                      was told

Effects that are seen before the next flip count for the flip before, so that each
injection has one outcome, the worst that was seen of it. The receiver computes the
residual of every answer itself."""

import json
import os

from . import figures
from .machine import BENCH, description, run
from .options import Bench, parser


def parse(words):
    options = parser("faults", __doc__, side_by_side=False)
    options.add_argument("--injections", type=int, help="how many (1000; quick: 20)")
    options.add_argument("--seed", type=int, default=1, help="of what is flipped; not of when (1)")
    arguments = options.parse_args(words)
    arguments.injections = arguments.injections or (20 if arguments.quick else 1000)
    arguments.sizes = arguments.sizes or [64]
    return arguments


def main(words):
    arguments = parse(words)
    with Bench(arguments) as bench:
        folder = os.path.join(BENCH, "faults")
        solver = bench.build.program(
            "faults-solver", "-fhwckpt", "-I", os.path.join(BENCH, "..", "intrinsics"), os.path.join(folder, "solver.c"), "-lm"
        )
        tool = bench.build.program("faults-inject", "-D_GNU_SOURCE", os.path.join(folder, "inject.c"), "-lm")
        options = "rollback_on=all" + (":" + arguments.options if arguments.options else "")
        environment = {**os.environ, "HWCKPT_OPTIONS": options, "HWCKPT_CACHE": os.path.join(bench.folder, "cache")}
        words = [tool, str(arguments.injections), str(arguments.seed), solver]
        found = json.loads(run(words, env=environment))
        show(found)
        if arguments.json:
            figures.write_json(arguments.json, {"machine": description(bench.build), "faults": found})
    return 1 if found["wrong"] else 0


OUTCOMES = (
    ("unnoticed", "right, unnoticed"),
    ("rolled_back", "right, rolled back once"),
    ("rolled_back_more", "right, rolled back more than once"),
    ("ended", "reported: ended by a signal"),
    ("refused", "reported: seal broken, or another problem's"),
    ("no_answer", "reported: no answer"),
    ("wrong", "wrong"),
)


def show(found):
    total = found["registers"] + found["memory"]
    assert sum(found[name] for name, _ in OUTCOMES) == total, found
    print(f"{total} injections: {found['registers']} in registers, {found['memory']} in memory")
    for name, text in OUTCOMES:
        print(f"{found[name]:6}  {text}")
    print(f"{found['rollbacks']} rollbacks; a problem takes {found['problem_us'] / 1000:.1f} ms")
