/* objects WHAT - holds one kernel object that checkpoints do not cover, or not
 * wholly; takes a checkpoint and dies. */
#define _GNU_SOURCE
#include "come-back.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/socket.h>

static int held = -1;

static void map_shared(int file) {
  CHECK(file >= 0 && ftruncate(file, 4096) == 0);
  char *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  CHECK(memory != MAP_FAILED && close(file) == 0);
  memory[0] = 'a';
}

static int deleted_file(void) {
  char name[] = "deleted-XXXXXX";
  int file = mkstemp(name);
  CHECK(file >= 0 && unlink(name) == 0);
  return file;
}

static void memfd(void) { map_shared(memfd_create("memory", MFD_CLOEXEC)); }
static void mapped_deleted(void) { map_shared(deleted_file()); }
static void open_deleted(void) { held = deleted_file(); }

static void shared_segment(void) {
  int id = shmget(IPC_PRIVATE, 4096, 0600);
  CHECK(id >= 0);
  char *memory = shmat(id, NULL, 0);
  CHECK(memory != MAP_FAILED && shmctl(id, IPC_RMID, NULL) == 0);
  memory[0] = 'a';
}

static void unnamed_directory(void) {
  char name[] = "directory-XXXXXX";
  CHECK(mkdtemp(name) && chdir(name) == 0);
  char up[64] = "../";
  CHECK(rmdir(strcat(up, name)) == 0);
}

static void local_socket(void) { held = socket(AF_UNIX, SOCK_STREAM, 0); }

static const struct {
  const char *name;
  void (*hold)(void);
} things[] = {
    {"memfd", memfd},
    {"mapped-deleted", mapped_deleted},
    {"open-deleted", open_deleted},
    {"shared-segment", shared_segment},
    {"unnamed-directory", unnamed_directory},

    {"socket", local_socket},
};

int main(int count, char **arguments) {
  CHECK(count == 2);
  for (size_t i = 0; i < sizeof things / sizeof *things; i++)
    if (strcmp(things[i].name, arguments[1]) == 0)
      things[i].hold();
  die_and_come_back();
  /* What stands in for it is closed at the other end. */
  char bytes[8];
  if (held >= 0)
    CHECK(read(held, bytes, sizeof bytes) <= 0);
  return 7;
}
