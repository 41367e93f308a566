// restore --timing and -v say how long it took until each process of a tree
// runs, and all of them; of one process alone there is one time.
// RUN: %behaviour %s -o %t && rm -f %t.json
// RUN: for mode in tree alone; do bash %S/Inputs/status 137 %hwckpt run --name timed-$mode -- %t $mode || exit 1; done
// RUN: bash %S/Inputs/status 7 %hwckpt restore -v --timing %t.json timed-tree 2>&1 | FileCheck %s --check-prefix=TREE --implicit-check-not=again
// TREE-DAG: timed-tree/1, process [[#ROOT:]], runs again after
// TREE-DAG: {{.*}}, process [[#CHILD:]], runs again after
// TREE: timed-tree/1, all 2 processes, runs again after
// RUN: %python -c 'import json, sys; is_ = json.load(open(sys.argv[1])); each = is_["processes"]; times = [one["running_ms"] for one in each]; assert is_["generation"] == each[0]["generation"] == "timed-tree/1" and is_["mode"] == "eager" and len({one["pid"] for one in each}) == len({one["generation"] for one in each}) == 2 and 0 < min(times) and max(times) == is_["running_ms"] == is_["complete_ms"], is_' %t.json
// RUN: bash %S/Inputs/status 7 %hwckpt restore -v --eager --timing %t.json timed-alone 2>&1 | FileCheck %s --check-prefix=ALONE --implicit-check-not=again
// ALONE: timed-alone/1 runs again after
// RUN: grep -x '{"generation": "timed-alone/1", "mode": "eager", "running_ms": [0-9.]*, "complete_ms": [0-9.]*}' %t.json
#include "behaviour.h"
#include <sys/prctl.h>
#include <sys/wait.h>
int main(int argc, char **argv) {
  CHECK(argc == 2);
  int pipes[2], status = 0;
  pid_t child = 0;
  CHECK_EQUAL(pipe(pipes), 0);
  if (!strcmp(argv[1], "tree") && !(child = fork())) {
    char byte;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    _exit(read(pipes[0], &byte, 1) == 1 ? 7 : 1);
  }
  int times = __builtin_ckpt_save();
  CHECK(times >= 0);
  if (times == 0)
    kill(getpid(), SIGKILL);
  CHECK_EQUAL(write(pipes[1], "", 1), 1);
  CHECK(!child ||
        (waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 7));
  return 7;
}
