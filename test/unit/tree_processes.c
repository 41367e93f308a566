/* A process whose parent ends while the processes of a program are listed, and
 * which is the reaper's then, whose children had been looked at already, is in
 * the list all the same. */
// RUN: %unit/tree_processes
// RUN: %unit/sanitized/tree_processes
#include <stdio.h>

static FILE *fopen_after(const char *path, const char *mode);
#define fopen fopen_after
/* NOLINTNEXTLINE(bugprone-suspicious-include): what it opens is to be seen */
#include "../../tools/hwckpt/tree_processes.c"
#undef fopen
/* NOLINTNEXTLINE(bugprone-suspicious-include): one program a file */
#include "../../tools/hwckpt/proc_stat.c"

#include "Inputs/unit.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* shared with the processes */
static struct {
  _Atomic pid_t root, parent, child, child_of_parent;
} *family;

static bool ended;

static _Noreturn void stay(void) {
  for (;;)
    pause();
}

static pid_t parent_of(pid_t pid) {
  char path[64], text[4096];
  snprintf(path, sizeof path, "/proc/%d/status", pid);
  return read_whole(path, text, sizeof text) ? last_number(text, "\nPPid:") : 0;
}

static FILE *fopen_after(const char *path, const char *mode) {
  char wanted[64];
  snprintf(wanted, sizeof wanted, "/proc/%d/task/%d/children", family->root,
           family->root);
  if (!ended && !strcmp(path, wanted)) {
    ended = true;
    kill(family->parent, SIGKILL);
    while (parent_of(family->child) == family->parent)
      sched_yield();
  }
  return fopen(path, mode);
}

/* Each says itself who it is. */
static _Noreturn void live(_Atomic pid_t *self) {
  *self = getpid();
  stay();
}

/* The root, its child, and the child of that, which has one too. */
static void make(bool reaped) {
  memset((void *)family, 0, sizeof *family);
  ended = false;
  if (!fork()) {
    if (reaped)
      signal(SIGCHLD, SIG_IGN);
    if (fork())
      live(&family->root);
    if (fork())
      live(&family->parent);
    if (fork())
      live(&family->child);
    live(&family->child_of_parent);
  }
  while (!family->root || !family->parent || !family->child ||
         !family->child_of_parent)
    sched_yield();
}

static void try(bool reaped) {
  const pid_t nobody = 0;
  struct tree_process *list;
  struct listing listing;
  size_t count;
  make(reaped);
  CHECK(tree_processes(family->root, &nobody, 0, &list, &count));
  CHECK(ended);
  listing = (struct listing){.list = list, .count = count};
  CHECK(is_listed(&listing, family->root));
  CHECK(is_listed(&listing, family->child));
  CHECK(is_listed(&listing, family->child_of_parent));
  free(list);
  kill(family->root, SIGKILL);
  kill(family->child, SIGKILL);
  kill(family->child_of_parent, SIGKILL);
  while (waitpid(-1, NULL, 0) > 0)
    ;
}

int main(void) {
  family = mmap(NULL, sizeof *family, PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(family != MAP_FAILED && !prctl(PR_SET_CHILD_SUBREAPER, 1));
  try(false);
  try(true);
  return 0;
}
