// Processes come back with their parents in whatever session they were born:
// of a parent that made its own session later, and whose own parent did, too;
// by a sibling (CLONE_PARENT) that has ended; as orphans of a session whose
// leader has ended, waited for or not; adopted by a subreaper.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <linux/futex.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
enum { NESTED, BELOW, SIBLING, ORPHAN, LEFT, ADOPTED, PROCESSES };
static struct shared {
  atomic_int there, checked, go; /* futexes */
  pid_t root, pids[PROCESSES], sessions[PROCESSES];
} *shared;
static void add(atomic_int *counter) {
  ++*counter;
  syscall(SYS_futex, counter, FUTEX_WAKE, 100, NULL, NULL, 0);
}
/* When the first process is killed all others end, some time after it. */
static void await(atomic_int *counter, int wanted) {
  const struct timespec look = {.tv_nsec = 200000000};
  for (int now; (now = *counter) < wanted;) {
    syscall(SYS_futex, counter, FUTEX_WAIT, now, &look, NULL, 0);
    if (kill(shared->root, 0))
      _exit(1);
  }
}
/* That of the first process is of who restores. */
static pid_t session_in_program(void) {
  return getsid(0) == getsid(shared->root) ? 0 : getsid(0);
}
/* Says that it is there, and is what it was when all go on. */
static _Noreturn void be(int which) {
  shared->pids[which] = getpid();
  shared->sessions[which] = session_in_program();
  add(&shared->there);
  await(&shared->go, 1);
  CHECK_EQUAL(session_in_program(), shared->sessions[which]);
  add(&shared->checked);
  _exit(0);
}
static pid_t fork_by_parent(void) {
  return (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, 0);
}
static pid_t parent_of(pid_t pid) {
  char path[64], text[512] = "";
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  int fd = open(path, O_RDONLY);
  CHECK(fd >= 0 && read(fd, text, sizeof text - 1) > 0 && strrchr(text, ')'));
  close(fd);
  return (pid_t)strtol(strrchr(text, ')') + 4, NULL, 10);
}
/* This one's child forks before it leads a session, and so does that. */
static void nest(void) {
  if (fork())
    return;
  if (!fork()) {
    if (!fork())
      be(BELOW);
    await(&shared->there, 1);
    CHECK(setsid() > 0);
    be(NESTED);
  }
  await(&shared->there, 2);
  CHECK(setsid() > 0);
  await(&shared->checked, PROCESSES);
  CHECK(wait(NULL) > 0);
  _exit(0);
}
static void end(pid_t leader) {
  siginfo_t ended;
  CHECK_EQUAL(waitid(P_PID, (id_t)leader, &ended, WEXITED | WNOWAIT), 0);
}
static pid_t lead(int which, int sibling) {
  pid_t leader = fork();
  if (leader)
    return leader;
  CHECK(setsid() > 0);
  if ((sibling ? fork_by_parent() : fork()) == 0)
    be(which);
  _exit(0);
}
static pid_t adopt(void) {
  pid_t adopter = fork();
  if (adopter)
    return adopter;
  CHECK_EQUAL(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  pid_t leader = lead(ADOPTED, 0);
  CHECK_EQUAL(waitpid(leader, NULL, 0), leader);
  await(&shared->checked, PROCESSES);
  CHECK(wait(NULL) == shared->pids[ADOPTED]);
  _exit(0);
}
int main(void) {
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(shared != MAP_FAILED);
  shared->root = getpid();
  nest();
  await(&shared->there, 2);
  pid_t gone = lead(SIBLING, 1);
  end(gone);
  CHECK_EQUAL(waitpid(gone, NULL, 0), gone);
  pid_t orphaned = lead(ORPHAN, 0), left = lead(LEFT, 0), adopter = adopt();
  end(orphaned);
  CHECK_EQUAL(waitpid(orphaned, NULL, 0), orphaned);
  end(left);
  await(&shared->there, PROCESSES);
  pid_t nested = parent_of(shared->pids[NESTED]);
  die_and_come_back();
  CHECK_EQUAL(parent_of(shared->pids[BELOW]), shared->pids[NESTED]);
  CHECK_EQUAL(parent_of(shared->pids[NESTED]), nested);
  CHECK_EQUAL(parent_of(nested), getpid());
  CHECK_EQUAL(parent_of(shared->pids[SIBLING]), getpid());
  CHECK_EQUAL(parent_of(shared->pids[ADOPTED]), adopter);
  CHECK(parent_of(shared->pids[ORPHAN]) != getpid());
  CHECK_EQUAL(shared->sessions[ORPHAN], orphaned);
  CHECK_EQUAL(shared->sessions[LEFT], left);
  CHECK_EQUAL(waitpid(left, NULL, 0), left);
  add(&shared->go);
  await(&shared->checked, PROCESSES);
  for (int i = 0; i < 3; i++) /* nested, adopter, sibling */
    CHECK(wait(NULL) > 0);
  return 0;
}
