// What a program finds when it asks who it is: process and thread id, name,
// arguments, environment, program file, personality, signal of its parent's
// death.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t "an argument" ""
#include "behaviour.h"
#include <sys/personality.h>
#include <sys/prctl.h>
enum { MOST = 65536 };
static size_t content(const char *path, char *to) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  size_t length = 0;
  CHECK(fd >= 0);
  for (long got; (got = read(fd, to + length, MOST - length)) > 0;)
    length += (size_t)got;
  close(fd);
  return length;
}
static void same(const char *path, const char *before, size_t length) {
  static char now_[MOST];
  CHECK_EQUAL(content(path, now_), length);
  CHECK(memcmp(before, now_, length) == 0);
}
int main(int argc, char **argv) {
  static char arguments[MOST], environment[MOST];
  char program[4096] = "", again[4096] = "", name[16] = "";
  int pid = getpid(), tid = gettid(), dies = 0;
  int personal = personality(0xffffffff) | ADDR_NO_RANDOMIZE;
  CHECK_EQUAL(setenv("HWCKPT_TEST_OWN", "of the program", 1), 0);
  CHECK_EQUAL(prctl(PR_SET_NAME, "another name"), 0);
  CHECK_EQUAL(prctl(PR_SET_PDEATHSIG, SIGUSR2), 0);
  CHECK(personality((unsigned long)personal) >= 0);
  signal(SIGUSR2, SIG_IGN);
  size_t argument_bytes = content("/proc/self/cmdline", arguments);
  size_t environment_bytes = content("/proc/self/environ", environment);
  CHECK(readlink("/proc/self/exe", program, sizeof program - 1) > 0);
  die_and_come_back();
  CHECK_EQUAL(getpid(), pid);
  CHECK_EQUAL(gettid(), tid);
  CHECK(argc == 3 && !strcmp(argv[1], "an argument") && !argv[2][0]);
  same("/proc/self/cmdline", arguments, argument_bytes);
  same("/proc/self/environ", environment, environment_bytes);
  CHECK(!strcmp(getenv("HWCKPT_TEST_OWN"), "of the program"));
  CHECK(readlink("/proc/self/exe", again, sizeof again - 1) > 0);
  CHECK(!strcmp(program, again));
  CHECK_EQUAL(prctl(PR_GET_NAME, name), 0);
  CHECK(!strcmp(name, "another name"));
  CHECK_EQUAL(prctl(PR_GET_PDEATHSIG, &dies), 0);
  CHECK_EQUAL(dies, SIGUSR2);
  CHECK_EQUAL(personality(0xffffffff), personal);
  return 0;
}
