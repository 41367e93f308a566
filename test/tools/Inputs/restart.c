/* restart SOCKET [slow]: counts to 8, a checkpoint each time, and asks whoever
 * listens there what to do at each: "kill", "segv", "hang", "exit", or "poison", which
 * is "segv" two counts later, in whatever goes on from there. A file would not
 * do: it comes back with the program. */
#include <hwckptintrin.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

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
  if (!strcmp(text, "exit"))
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
