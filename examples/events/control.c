/* control.c - a checkpoint that another program asks for through a socket,
 * where it also reads what became of it. Here a child is the other program.
 *
 *   clang -fhwckpt control.c -o control
 *   hwckpt run --on control=$PWD/socket -- ./control socket
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int ask(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char answer[100] = "";
  int control = socket(AF_UNIX, SOCK_STREAM, 0);
  snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  if (connect(control, (struct sockaddr *)&address, sizeof address) ||
      write(control, "checkpoint\n", 11) != 11 ||
      read(control, answer, sizeof answer - 1) <= 0)
    return 1;
  printf("%s", answer);
  fflush(stdout);
  return strncmp(answer, "resumed ", 8) != 0;
}

int main(int argc, char **argv) {
  int status = 1;
  pid_t child = argc == 2 ? fork() : -1;
  if (child == 0)
    _exit(ask(argv[1]));
  waitpid(child, &status, 0);
  return status != 0;
}
