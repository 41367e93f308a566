/* interpose_system_v.c - libc functions that an executable with sites brings
 * itself, so that it is known which System V objects the program uses
 * (resources/system_v_used.h). As interpose.c, of whose object it is a part. */
#include "../arch/sys.h"
#include "../resources/system_v_used.h"

#include <errno.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

#define WEAK __attribute__((weak, visibility("default")))

static int note(int object, long result) {
  if (result < 0) {
    errno = (int)-result;
    return -1;
  }
  __hwckpt_system_v_used(object, (int)result);
  return (int)result;
}

WEAK int shmget(key_t key, size_t size, int flags) {
  return note(SYSTEM_V_MEMORY, SYS(shmget, key, size, flags));
}

WEAK int semget(key_t key, int count, int flags) {
  return note(SYSTEM_V_SEMAPHORES, SYS(semget, key, count, flags));
}

WEAK int msgget(key_t key, int flags) {
  return note(SYSTEM_V_QUEUE, SYS(msgget, key, flags));
}
