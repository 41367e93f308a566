/* restart SOCKET [slow]: counts to 8, a checkpoint each time, and asks whoever
 * listens there what to do at each: "kill", "segv", "hang", "exit", "eat"
 * (memory), "group" (a signal for itself and who is in its group), "leave"
 * (SIGUSR2, which is to end it after a checkpoint), or "poison", which is
 * "segv" two counts later, in whatever goes on from there. "late" and
 * "late-exit" want to be asked to end, and do so 12 s later, by that signal or
 * with a status; "long" ends with a status after a minute. A file would not do: it comes back with the program. */
#include <hwckptintrin.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* A gigabyte. */
static void eat(void) {
  for (int i = 0; i < 1024; i++) {
    void *volatile memory = malloc(1 << 20);
    memset(memory, 1, 1 << 20);
  }
}

/* Until 12 s after SIGTERM was sent. */
static void wait_long(void) {
  sigset_t term;
  siginfo_t info;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  sigprocmask(SIG_BLOCK, &term, NULL);
  puts("waits");
  fflush(stdout);
  sigwaitinfo(&term, &info);
  sleep(12);
  sigprocmask(SIG_UNBLOCK, &term, NULL);
}

static void do_as_told(const char *path, int count, int *poisoned) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char text[16] = "";
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) ||
      write(fd, &count, sizeof count) != sizeof count ||
      read(fd, text, sizeof text - 1) < 0)
    _exit(8);
  close(fd);
  if (!strcmp(text, "kill"))
    kill(getpid(), SIGKILL);
  if (!strcmp(text, "segv"))
    raise(SIGSEGV);
  if (!strcmp(text, "hang"))
    for (;;)
      pause();
  if (!strcmp(text, "long"))
    sleep(60);
  if (!strcmp(text, "exit") || !strcmp(text, "long"))
    _exit(3);
  if (!strcmp(text, "group"))
    kill(0, SIGTERM);
  if (!strcmp(text, "leave")) {
    const pid_t parent = getppid();
    kill(getpid(), SIGUSR2);
    while (getppid() == parent) /* until it is restored */
      usleep(1000);
  }
  if (!strcmp(text, "eat"))
    eat();
  if (!strncmp(text, "late", 4))
    wait_long();
  if (!strcmp(text, "late"))
    raise(SIGTERM);
  if (!strcmp(text, "late-exit"))
    _exit(3);
  if (!strcmp(text, "poison"))
    *poisoned = count;
}

int main(int argc, char **argv) {
  int poisoned = 0;
  for (int count = 1; count <= 8; count++) {
    do_as_told(argv[1], count, &poisoned);
    if (poisoned && count == poisoned + 2)
      raise(SIGSEGV);
    printf("%d\n", count);
    fflush(stdout);
    if (__builtin_ckpt_save() < 0)
      return 9;
    const struct timespec moment = {.tv_sec = argc > 2 ? 60 : 0};
    if (count == 4)
      nanosleep(&moment, NULL);
  }
  return 0;
}
