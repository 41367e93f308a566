// Pages that the kernel writes for the program: read(), recv(), getcwd()
// and others.
// RUN: %behaviour -I%S/Inputs %s -o %t && for track in wp mprotect full; do %restored -o track=$track -- %t || exit 1; done
#include "dirty.h"
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
static char *memory;
static int pair[2], ends[2], file;
static void prepare(void) {
  memory = map_at(NULL, 16, 0);
  fill(memory, 16, 1);
  file = open("/proc/self/exe", O_RDONLY);
  CHECK(pipe(ends) == 0 && file >= 0);
}
static void change(void) {
  CHECK_EQUAL(write(ends[1], "from the pipe", 14), 14);
  CHECK_EQUAL(read(ends[0], memory, 14), 14);
  CHECK_EQUAL(pread(file, memory + PAGE, 4, 0), 4);
  CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  CHECK_EQUAL(send(pair[0], "from the socket", 16, 0), 16);
  CHECK_EQUAL(recv(pair[1], memory + 2 * PAGE, 16, 0), 16);
  CHECK(close(pair[0]) == 0 && close(pair[1]) == 0);
  memory[3 * PAGE] = 0;
}
static void more(void) {
  struct iovec parts[2] = {{memory + 4 * PAGE, 2}, {memory + 5 * PAGE, 2}};
  CHECK_EQUAL(write(ends[1], "abcd", 4), 4);
  CHECK_EQUAL(readv(ends[0], parts, 2), 4);
  CHECK(syscall(SYS_getcwd, memory + 6 * PAGE, PAGE) > 0);
  CHECK(syscall(SYS_readlink, "/proc/self/exe", memory + 7 * PAGE, PAGE) > 0);
}
int main(void) {
  STEPS(prepare, change, more);
  char text[PAGE] = "";
  CHECK(strcmp(memory, "from the pipe") == 0);
  CHECK(memcmp(memory + PAGE, "\177ELF", 4) == 0);
  CHECK(strcmp(memory + 2 * PAGE, "from the socket") == 0);
  CHECK_EQUAL(memory[3 * PAGE], 0);
  CHECK(memcmp(memory + 4 * PAGE, "ab", 2) == 0);
  CHECK(memcmp(memory + 5 * PAGE, "cd", 2) == 0);
  CHECK(getcwd(text, sizeof text) && strcmp(text, memory + 6 * PAGE) == 0);
  CHECK(memory[7 * PAGE] == '/');
  expect(memory + 8 * PAGE, 8, 9);
  return 0;
}
