/* interpose_system_v.c - libc functions that an executable with sites brings
 * itself, so that it is known which System V objects the program uses
 * (resources/system_v_used.h, system_v_undo.h). As interpose.c, of whose object
 * it is a part. */
#include "../arch/sys.h"
#include "../resources/system_v_undo.h"
#include "../resources/system_v_used.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

#define WEAK __attribute__((weak, visibility("default")))

static int answer(long result) {
  if (result >= 0)
    return (int)result;
  errno = (int)-result;
  return -1;
}

static int note(int object, long result) {
  if (result >= 0)
    __hwckpt_system_v_used(object, (int)result);
  return answer(result);
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

WEAK int semtimedop(int id, struct sembuf *operations, size_t count,
                    const struct timespec *timeout) {
  return answer(__hwckpt_semtimedop(id, operations, count, timeout));
}

WEAK int semop(int id, struct sembuf *operations, size_t count) {
  return answer(__hwckpt_semtimedop(id, operations, count, NULL));
}

/* The union is as wide as a pointer. */
WEAK int semctl(int id, int number, int command, ...) {
  va_list arguments;
  va_start(arguments, command);
  long argument = va_arg(arguments, long);
  va_end(arguments);
  long result = SYS(semctl, id, number, command, argument);
  if (result >= 0 &&
      (command == SETVAL || command == SETALL || command == IPC_RMID))
    __hwckpt_semaphores_set(id, command == SETVAL ? number : -1);
  return answer(result);
}
