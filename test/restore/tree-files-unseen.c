// What programs change that were born after the checkpoint and of which nobody
// sees that, or who cannot ask for it, stays, and the restore says whose it is;
// all else is taken back.
// RUN: %behaviour %s -o %t && %clang -O1 -static -DPLAIN %s -o %t.plain
// RUN: rm -rf %t.dir && mkdir %t.dir && cd %t.dir && %restored -- %t static %t.plain 2>&1 | FileCheck --check-prefix=STATIC %s
// STATIC: HWCKPT-E348: {{.*}}tree-files-unseen.c.tmp.plain{{.*}}it has no
// runtime STATIC-NOT: HWCKPT-E
// RUN: rm -rf %t.dir && mkdir %t.dir && cd %t.dir && %restored -- %t spawned %t.plain 2>&1 | FileCheck --check-prefix=STATIC %s
// RUN: rm -rf %t.dir && mkdir %t.dir && cd %t.dir && %restored -- %t filter 2>&1 | FileCheck --check-prefix=FILTER %s
// FILTER: HWCKPT-E348: {{.*}}tree-files-unseen.c.tmp{{.*}}it filters its system
// calls FILTER-NOT: HWCKPT-E
// RUN: rm -rf %t.dir && mkdir %t.dir && cd %t.dir && %restored -- %t successor 2>&1 | FileCheck --check-prefix=SUCCESSOR %s
// SUCCESSOR: HWCKPT-E348: {{.*}}tree-files-unseen.c.tmp{{.*}}it took the place
// of the first process SUCCESSOR-NOT: HWCKPT-E
// RUN: rm -rf %t.dir && mkdir %t.dir && cd %t.dir && %restored -- %t all 2>&1 | FileCheck --check-prefix=ALL %s
// ALL: HWCKPT-E348: {{.*}}could not reach it
// ALL-NOT: HWCKPT-E
// RUN: rm -rf %t.dir && mkdir %t.dir && cd %t.dir && %restored -- %t silent 2>&1 | FileCheck --check-prefix=SILENT %s
// SILENT: HWCKPT-E348: {{.*}}did not answer
// SILENT-NOT: HWCKPT-E
// RUN: rm -rf %t.dir && mkdir %t.dir && cd %t.dir && test $(id -u) != 0 || %restored -- %t root 2>&1 | FileCheck --check-prefix=ELSEWHERE %s
// ELSEWHERE: HWCKPT-E348: {{.*}}tree-files-unseen.c.tmp{{.*}}another root or
// mount namespace ELSEWHERE-NOT: HWCKPT-E
// RUN: rm -rf %t.dir && mkdir %t.dir && cd %t.dir && test $(id -u) != 0 || %restored -- %t network 2>&1 | FileCheck --check-prefix=NETWORK %s
// NETWORK: HWCKPT-E348: {{.*}}tree-files-unseen.c.tmp{{.*}}another network
// namespace NETWORK-NOT: HWCKPT-E
// RUN: rm -rf %t.dir && mkdir %t.dir && cd %t.dir && (%hwckpt run -- %t left | cat) && %hwckpt restore 2>&1 | FileCheck --check-prefix=LEFT %s
// LEFT: HWCKPT-E348: {{.*}}tree-files-unseen.c.tmp{{.*}}it ended by itself
// LEFT-NOT: HWCKPT-E
#ifdef PLAIN
#include <fcntl.h>
#include <unistd.h>
int main(int argc, char **argv) {
  int fd = argc == 2 ? open(argv[1], O_WRONLY | O_CREAT, 0600) : -1;
  return fd >= 0 && write(fd, "text", 4) == 4 ? 0 : 1;
}
#else
#include "behaviour.h"
#include <dirent.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <spawn.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/wait.h>
extern char **environ;
static void put(const char *name, const char *text) {
  int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
  CHECK(close(fd) == 0);
}
static int holds(const char *name, const char *text) {
  char content[64] = "";
  int fd = open(name, O_RDONLY);
  return fd >= 0 && read(fd, content, sizeof content - 1) >= 0 &&
         close(fd) == 0 && strcmp(content, text) == 0;
}
static void await(pid_t child) {
  int status;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
}
static void write_seen(void) {
  pid_t child = fork();
  if (!child) {
    put("kept", "after");
    put("seen", "after");
    _exit(0);
  }
  await(child);
}
static void *waits(void *unused) {
  for (;;)
    pause();
  return unused;
}
// All threads, and not only the first that is told.
static bool stands(pid_t process) {
  char path[64], text[256], *end;
  snprintf(path, sizeof path, "/proc/%d/task", process);
  DIR *tasks = opendir(path);
  bool all = tasks != NULL;
  for (struct dirent *task; all && (task = readdir(tasks));) {
    snprintf(path, sizeof path, "/proc/%d/task/%.16s/stat", process,
             task->d_name);
    int fd = task->d_name[0] == '.' ? -1 : open(path, O_RDONLY);
    if (fd < 0)
      continue;
    ssize_t length = read(fd, text, sizeof text - 1);
    CHECK(length > 0 && close(fd) == 0);
    text[length] = 0;
    end = strrchr(text, ')');
    all = end && end[2] == 'T';
  }
  closedir(tasks);
  return all;
}
// The first process stands still for so long that the child goes on without.
static void write_unanswered(pid_t first, pid_t tool) {
  CHECK(kill(first, SIGSTOP) == 0);
  while (!stands(first))
    sched_yield();
  put("made", "text");
  // The tool stops as the first process does.
  CHECK(kill(first, SIGCONT) == 0 && kill(tool, SIGCONT) == 0);
}
// All threads, the runtime's too, would be ended by what asking and being asked
// takes.
static void filter_all(void) {
  static const int deadly[] = {SYS_socket,  SYS_connect,  SYS_accept4,
                               SYS_sendmsg, SYS_recvfrom, SYS_sendto};
  enum { COUNT = sizeof deadly / sizeof *deadly };
  struct sock_filter filter[COUNT + 3] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0)};
  for (unsigned char i = 0; i < COUNT; i++)
    filter[1 + i] = (struct sock_filter)BPF_JUMP(
        BPF_JMP | BPF_JEQ | BPF_K, (unsigned)deadly[i], COUNT - i, 0);
  filter[COUNT + 1] =
      (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  filter[COUNT + 2] =
      (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
  struct sock_fprog program = {COUNT + 3, filter};
  pthread_t other;
  CHECK(pthread_create(&other, NULL, waits, NULL) == 0);
  CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC,
                &program) == 0);
}
static int filter(void) {
  struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  struct sock_fprog program = {1, &allow};
  CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}
static void be_unseen(const char *how, const char *plain) {
  char *words[] = {(char *)plain, (char *)"made", NULL};
  pid_t first = getpid(), tool = getppid(), child;
  if (!strcmp(how, "successor")) {
    execl("/proc/self/exe", "successor", "second", (char *)NULL);
    _exit(1);
  }
  if (!strcmp(how, "left")) { // standard output is open until it ends
    if (fork())
      _exit(0);
    while (getppid() == first)
      sched_yield();
    put("made", "text");
    _exit(0);
  }
  if (!strcmp(how, "spawned")) {
    CHECK(posix_spawn(&child, plain, NULL, NULL, words, environ) == 0);
    await(child);
    return;
  }
  if (!strcmp(how, "all"))
    filter_all();
  child = fork();
  if (child && !strcmp(how, "all")) {
    await(child);
    return;
  }
  if (child) {
    await(child);
    // Who is answered now comes after who was not.
    write_seen();
    return;
  }
  if (!strcmp(how, "static")) {
    execv(plain, words);
    _exit(1);
  }
  if (!strcmp(how, "silent")) {
    write_unanswered(first, tool);
    _exit(0);
  }
  if (!strcmp(how, "filter"))
    CHECK(filter() == 0);
  else if (!strcmp(how, "all"))
    CHECK(prctl(PR_GET_SECCOMP) == 2);
  else if (!strcmp(how, "root"))
    CHECK(chroot(".") == 0);
  else
    CHECK(unshare(CLONE_NEWNET) == 0);
  put("made", "text");
  _exit(0);
}
int main(int argc, char **argv) {
  CHECK(argc >= 2);
  if (!strcmp(argv[1], "second")) {
    put("made", "text");
    die();
  }
  put("kept", "before");
  if (!came_back()) {
    write_seen();
    be_unseen(argv[1], argv[2]);
    die();
  }
  CHECK(holds("kept", "before") && access("seen", F_OK));
  CHECK(holds("made", "text"));
  return 0;
}
#endif
