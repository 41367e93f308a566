// The copy-on-write child has none of the program's descriptors, so that what
// the program closes is closed, goes before nobody, and ends with the program
// even where a signal has stopped it.
// RUN: %behaviour %s -o %t
// RUN: %hwckpt run -o method=cow -- %t look
// RUN: rm -f %t.pid; (%hwckpt run -o method=cow -- %t end %t.pid || true)
// RUN: p=$(cat %t.pid); for i in $(seq 100); do test -e /proc/$p/status && ! grep -q 'State:.Z' /proc/$p/status || exit 0; sleep 0.1; done; exit 1
#include "behaviour.h"
#include <dirent.h>
#include <glob.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
enum { MEMORY = 64 << 20, CHECKPOINTS = 100 };
static _Atomic int seen;
static const char *file; // where its process id goes, then all end
// A child of that name; 0: there is none now.
static pid_t find_copy(void) {
  glob_t found;
  pid_t copy = 0;
  CHECK_EQUAL(glob("/proc/self/task/*/children", 0, NULL, &found), 0);
  for (size_t i = 0; i < found.gl_pathc; i++) {
    char path[64], name[32] = "";
    int pid = 0;
    FILE *list = fopen(found.gl_pathv[i], "re");
    if (list && fscanf(list, "%d", &pid) == 1) {
      snprintf(path, sizeof path, "/proc/%d/comm", pid);
      FILE *comm = fopen(path, "re");
      if (comm && fgets(name, sizeof name, comm) &&
          strcmp(name, "hwckpt-copy\n") == 0)
        copy = pid;
      if (comm)
        fclose(comm);
    }
    if (list)
      fclose(list);
  }
  globfree(&found);
  return copy;
}
static void end_all(pid_t copy) {
  if (kill(copy, SIGSTOP) < 0)
    return;
  FILE *out = fopen(file, "we");
  CHECK(out && fprintf(out, "%d\n", copy) > 0 && fclose(out) == 0);
  kill(getpid(), SIGKILL);
}
// It opens what it needs to look at its own memory.
static void look_at(pid_t copy) {
  char path[64], target[64];
  snprintf(path, sizeof path, "/proc/%d/fd", copy);
  DIR *descriptors = opendir(path);
  for (struct dirent *entry;
       descriptors && (entry = readdir(descriptors)) != NULL;) {
    memset(target, 0, sizeof target);
    if (readlinkat(dirfd(descriptors), entry->d_name, target,
                   sizeof target - 1) > 0)
      CHECK_EQUAL(strncmp(target, "/proc/", 6), 0);
  }
  if (descriptors)
    closedir(descriptors);
  errno = 0;
  int nice = getpriority(PRIO_PROCESS, (id_t)copy);
  CHECK(errno == ESRCH || nice == getpriority(PRIO_PROCESS, 0));
  seen += descriptors != NULL;
}
static void *watch(void *unused) {
  while (!seen) {
    pid_t copy = find_copy();
    if (copy && file)
      end_all(copy);
    else if (copy)
      look_at(copy);
  }
  return unused;
}
int main(int argc, char **argv) {
  pthread_t thread;
  char *volatile memory = malloc(MEMORY);
  CHECK(memory && argc > 1);
  file = argc > 2 ? argv[2] : NULL;
  CHECK_EQUAL(pthread_create(&thread, NULL, watch, NULL), 0);
  for (int i = 0; i < CHECKPOINTS && !seen; i++) {
    memset(memory, i + 1, MEMORY);
    CHECK_EQUAL(hwckpt_checkpoint(), 0);
  }
  CHECK(seen);
  CHECK_EQUAL(pthread_join(thread, NULL), 0);
  return 0;
}
