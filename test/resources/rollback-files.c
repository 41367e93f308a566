// After a rollback descriptors are what they were: offsets, flags, sharing,
// those closed and opened since; files grown since are truncated; a file that
// has lost its name meanwhile has it again. So are signal actions, working
// directory and umask, and a timer that was not set is not set.
// RUN: %behaviour %s -o %t && %by_all %t
#include "behaviour.h"
#include <sys/stat.h>
#include <sys/time.h>

static void on_signal(int number) { (void)number; }

static off_t at(int fd) { return lseek(fd, 0, SEEK_CUR); }

int main(void) {
  char here[4096], byte;
  struct stat status;
  CHECK(getcwd(here, sizeof here));
  int grows = open("grows", O_RDWR | O_CREAT, 0600);
  int logged = open("logged", O_WRONLY | O_CREAT | O_APPEND, 0600);
  int closed = open("grows", O_RDONLY | O_CLOEXEC);
  int unnamed = open("unnamed", O_RDWR | O_CREAT, 0600);
  int null = open("/dev/null", O_RDWR);
  CHECK(write(grows, "0123456789", 10) == 10 && write(logged, "log", 3) == 3);
  CHECK(write(unnamed, "unnamed", 7) == 7 && lseek(unnamed, 2, SEEK_SET) == 2);
  int alike = dup(grows);
  CHECK(lseek(closed, 4, SEEK_SET) == 4);
  umask(022);
  signal(SIGUSR2, on_signal);

  int n = __builtin_ckpt_save();
  CHECK(n >= 0);
  CHECK(at(grows) == 10 && at(alike) == 10 && at(closed) == 4);
  CHECK(fstat(grows, &status) == 0 && status.st_size == 10);
  CHECK(fstat(logged, &status) == 0 && status.st_size == 3);
  CHECK(lseek(alike, 3, SEEK_SET) == 3 && at(grows) == 3);
  CHECK(lseek(grows, 10, SEEK_SET) == 10);
  CHECK_EQUAL(fcntl(closed, F_GETFD), FD_CLOEXEC);
  CHECK_EQUAL(fcntl(grows, F_GETFD), 0);
  CHECK(fcntl(logged, F_GETFL) & O_APPEND);
  CHECK(!(fcntl(null, F_GETFL) & O_NONBLOCK));
  CHECK(at(unnamed) == 2 && read(unnamed, &byte, 1) == 1 && byte == 'n');
  CHECK(lseek(unnamed, 2, SEEK_SET) == 2);
  CHECK(fcntl(40, F_GETFD) == -1 && errno == EBADF);
  char now_here[4096];
  CHECK(getcwd(now_here, sizeof now_here) && strcmp(here, now_here) == 0);
  mode_t mask = umask(022);
  CHECK_EQUAL(mask, 022);
  CHECK(signal(SIGUSR2, on_signal) == on_signal);
  struct itimerval timer;
  CHECK_EQUAL(getitimer(ITIMER_VIRTUAL, &timer), 0);
  CHECK(timer.it_value.tv_sec == 0 && timer.it_value.tv_usec == 0);
  if (n == 4) {
    unlink("grows");
    unlink("logged");
    CHECK_EQUAL(unlink("unnamed"), 0);
    return 0;
  }

  CHECK(write(grows, "more", 4) == 4 && write(logged, "more", 4) == 4);
  CHECK_EQUAL(fcntl(logged, F_SETFL, 0), 0);
  CHECK_EQUAL(fcntl(null, F_SETFL, O_NONBLOCK), 0);
  CHECK_EQUAL(fcntl(grows, F_SETFD, FD_CLOEXEC), 0);
  unlink("unnamed");
  lseek(unnamed, 0, SEEK_END);
  if (n % 2) {
    close(closed);
    close(alike);
    CHECK_EQUAL(open("logged", O_RDONLY), closed);
  } else {
    CHECK_EQUAL(dup2(logged, alike), alike);
    CHECK_EQUAL(dup2(null, closed), closed);
  }
  CHECK_EQUAL(dup2(null, 40), 40);
  CHECK_EQUAL(chdir("/"), 0);
  umask(077);
  signal(SIGUSR2, SIG_IGN);
  timer.it_value.tv_sec = 1000;
  CHECK_EQUAL(setitimer(ITIMER_VIRTUAL, &timer, NULL), 0);
  roll_back();
}
