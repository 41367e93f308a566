// A program that takes another's place is checkpointed as that was, however it
// is executed; so are children, and errors come back. A program of our own has
// its own runtime alone, a static one none, which is said.
// RUN: %clang -O1 -DPLAIN %s -o %t && %clang -O1 -DLAST -static %s -o %t.static
// RUN: %clang -O1 -fhwckpt -DOURS %s -o %t.ours && strip %t.ours
// RUN: printf '#!%%s interpreted\n' %t >%t.script && chmod +x %t.script
// RUN: %hwckpt run --name exec -o keep=100 -- %t execv %t.script %t.ours %t.static 2>%t.said
// RUN: grep -c 'E503: .*%basename_t.tmp.static: it takes the place' %t.said | grep -x 1
// RUN: %hwckpt list --json exec | grep -c '"number":' | grep -x 9
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(condition)                                                       \
  do {                                                                         \
    if (!(condition)) {                                                        \
      dprintf(2, "%s: %d: not so: %s, errno %d\n", argv[1], __LINE__,          \
              #condition, errno);                                              \
      _exit(1);                                                                \
    }                                                                          \
  } while (0)
#define IS(stage) (strcmp(argv[1], stage) == 0)

static int has_preload(void) {
  static char text[1 << 20];
  int file = open("/proc/self/maps", O_RDONLY);
  for (ssize_t n, at = 0;
       (n = read(file, text + at, sizeof text - 1 - (size_t)at)) > 0;)
    at += n;
  return strstr(text, "hwckpt-preload.so") != NULL;
}

#ifdef PLAIN
static char *next[8];

// What the next stage is called with.
static char *const *called(char **argv, const char *stage) {
  next[0] = "another name";
  next[1] = (char *)stage;
  memcpy(next + 2, argv + 2, 3 * sizeof *next);
  return next;
}

static void refused(char **argv) {
  CHECK(execv("/nowhere", called(argv, "?")) == -1 && errno == ENOENT);
  CHECK(execl("/tmp", "tmp", (char *)0) == -1 && errno == EACCES);
  CHECK(execlp("no-such-program", "x", "y", (char *)0) == -1 &&
        errno == ENOENT);
  CHECK(execvp("", called(argv, "?")) == -1 && errno == ENOENT);
  CHECK(fexecve(-1, called(argv, "?"), environ) == -1 && errno == EINVAL);
  CHECK(execveat(99, "", called(argv, "?"), environ, AT_EMPTY_PATH) == -1 &&
        errno == EBADF);
}

static void children(char **argv) {
  int status;
  pid_t child = fork();
  if (!child)
    execv("/proc/self/exe", called(argv, "child"));
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  child = vfork();
  if (!child) {
    execlp("/proc/self/exe", "x", "child", (char *)0);
    _exit(1);
  }
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  CHECK(system("exec /bin/true") == 0);
}

int main(int argc, char **argv) {
  char self[4096] = "";
  CHECK(argc > 1 && readlink("/proc/self/exe", self, sizeof self - 1) > 0);
  CHECK(!getenv("LD_PRELOAD") || strstr(getenv("LD_PRELOAD"), "libm"));
  if (IS("child")) {
    CHECK(has_preload());
    return 0;
  }
  int (*checkpoint)(void) =
      (int (*)(void))dlsym(RTLD_DEFAULT, "hwckpt_checkpoint");
  CHECK(checkpoint && checkpoint() == 0 && has_preload());
  CHECK(argc == 5);
  refused(argv);
  children(argv);
  char *libm[] = {"LD_PRELOAD=libm.so.6", NULL}, *none[] = {NULL};
  if (IS("execv"))
    execv(self, called(argv, "execve"));
  if (IS("execve"))
    execve(self, called(argv, "execle"), libm);
  if (IS("execle"))
    execle(self, "x", "execl", argv[2], argv[3], argv[4], (char *)0, none);
  if (IS("execl"))
    execl(self, "x", "fexecve", argv[2], argv[3], argv[4], (char *)0);
  if (IS("fexecve"))
    fexecve(open(self, O_RDONLY | O_CLOEXEC), called(argv, "execvp"), environ);
  if (IS("execvp")) {
    char *slash = strrchr(self, '/');
    *slash = 0;
    setenv("PATH", self, 1);
    execlp(slash + 1, "x", "script", argv[2], argv[3], argv[4], (char *)0);
  }
  if (IS("script"))
    execvp(argv[2], (char *[]){"x", argv[3], argv[4], NULL});
  // The arguments: "interpreted", the script, and its own.
  if (IS("interpreted"))
    execvpe(argv[3], argv + 1, none);
  CHECK(!"executed");
}
#elif defined(OURS)
#include <hwckptintrin.h>
int main(int argc, char **argv) {
  CHECK(argc > 1 && !getenv("LD_PRELOAD") && !has_preload());
  CHECK(__builtin_ckpt_save() == 0);
  execv(argv[argc - 1], argv);
  CHECK(!"executed");
}
#else
int main(int argc, char **argv) {
  CHECK(argc > 1 && !getenv("LD_PRELOAD") && !has_preload());
  return 0;
}
#endif
