/* system_v_undo.c - see system_v_undo.h.
 *
 * A thread that is captured between the kernel's change and ours has its result
 * in its entry of calls[], where the checkpoint counts it. What another process
 * sets (SETVAL, SETALL) is not known here. */
#include "system_v_undo.h"

#include "../arch/arch.h"
#include "../arch/sys.h"
#include "../support/live.h"
#include "../support/record_types.h"
#include "resource.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/uio.h>

#define CHANGES 1024u
#define CALLS 64u
#define OPERATIONS 32u
#define FAR 65536u /* operations that are looked at */

static LIVE struct {
  _Atomic int lock; /* held with all signals blocked: no thread stops with it */
  int pid;          /* whose all this is; a forked child begins without */
  bool too_many;
  unsigned unkept; /* calls under way that are in no entry of calls[] */
  size_t count;
  struct change {
    int id;
    int number;
    int adjustment; /* is added at the end */
  } changes[CHANGES];
  struct call {
    _Atomic bool taken;
    bool counted;
    long result;
    int id;
    size_t count;
    struct sembuf operations[OPERATIONS];
  } calls[CALLS];
} undo;

static uint64_t lock(void) {
  uint64_t all = ~0ull, before = 0;
  SYS(rt_sigprocmask, SIG_SETMASK, &all, &before, 8);
  while (atomic_exchange(&undo.lock, 1))
    SYS(sched_yield);
  int pid = (int)SYS(getpid);
  if (undo.pid != pid) {
    undo.pid = pid;
    undo.count = 0;
    undo.too_many = false;
    undo.unkept = 0;
    memset(undo.calls, 0, sizeof undo.calls);
  }
  return before;
}

static void unlock(uint64_t before) {
  atomic_store(&undo.lock, 0);
  SYS(rt_sigprocmask, SIG_SETMASK, &before, 0, 8);
}

/* ---- counting ---- */

static void change(int id, int number, int by) {
  struct change *at = undo.changes, *end = at + undo.count;
  while (at < end && (at->id != id || at->number != number))
    at++;
  if (at == end && undo.count == CHANGES) {
    undo.too_many = true;
    return;
  }
  if (at == end) {
    *at = (struct change){.id = id, .number = number};
    undo.count++;
  }
  at->adjustment += by;
  if (!at->adjustment)
    *at = undo.changes[--undo.count];
}

static void count_call(struct call *call) {
  for (size_t i = 0; !call->counted && i < call->count; i++)
    if (call->operations[i].sem_flg & SEM_UNDO)
      change(call->id, call->operations[i].sem_num,
             -call->operations[i].sem_op);
  call->counted = true;
}

static bool is_undone(const struct sembuf *operations, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (operations[i].sem_flg & SEM_UNDO && operations[i].sem_op)
      return true;
  return false;
}

/* The same of operations that are many, or are not there: the kernel says so
 * then. */
static bool is_undone_far(const struct sembuf *operations, size_t count) {
  struct sembuf some[OPERATIONS];
  for (size_t i = 0, part; i < count && i < FAR; i += part) {
    part = count - i < OPERATIONS ? count - i : OPERATIONS;
    struct iovec own = {some, part * sizeof *some};
    struct iovec its = {(void *)(operations + i), part * sizeof *some};
    if (SYS(process_vm_readv, SYS(gettid), &own, 1, &its, 1, 0) !=
        (long)own.iov_len)
      return false;
    if (is_undone(some, part))
      return true;
  }
  return false;
}

static struct call *claim(int id, const struct sembuf *operations,
                          size_t count) {
  struct call *call = undo.calls, *end = call + CALLS;
  uint64_t before = lock();
  while (call < end && atomic_load(&call->taken))
    call++;
  if (call == end || count > OPERATIONS) {
    undo.unkept++;
    call = 0;
  } else {
    call->counted = false;
    call->result = LONG_MIN;
    call->id = id;
    call->count = count;
    memcpy(call->operations, operations, count * sizeof *operations);
    atomic_store(&call->taken, true);
  }
  unlock(before);
  return call;
}

/* What failed has changed nothing. */
static void settle(struct call *call, long result) {
  uint64_t before = lock();
  if (!call) {
    undo.unkept--;
    undo.too_many |= !result;
  } else {
    if (!result)
      count_call(call);
    atomic_store(&call->taken, false);
  }
  unlock(before);
}

long __hwckpt_semtimedop(int id, struct sembuf *operations, size_t count,
                         const struct timespec *timeout) {
  bool undone = count > OPERATIONS ? is_undone_far(operations, count)
                                   : operations && is_undone(operations, count);
  struct call *call = undone ? claim(id, operations, count) : 0;
  long unused;
  long result = arch_semtimedop(id, operations, (long)count, timeout,
                                call ? &call->result : &unused);
  if (undone)
    settle(call, result);
  return result;
}

void __hwckpt_semaphores_set(int id, int number) {
  uint64_t before = lock();
  for (size_t i = undo.count; i-- > 0;)
    if (undo.changes[i].id == id &&
        (number < 0 || undo.changes[i].number == number))
      undo.changes[i] = undo.changes[--undo.count];
  unlock(before);
}

/* ---- saving ---- */

static bool is_there(int id) {
  return SYS(semctl, id, 0, GETVAL, 0) != -EINVAL &&
         SYS(semctl, id, 0, GETVAL, 0) != -EIDRM;
}

static int save(struct resource_sink *sink, struct hwckpt_error *error) {
  int result = 0;
  if (undo.pid != (int)SYS(getpid))
    return 0;
  for (size_t i = 0; i < CALLS; i++)
    if (atomic_load(&undo.calls[i].taken) && !undo.calls[i].result)
      count_call(&undo.calls[i]);
  if (undo.too_many || undo.unkept)
    return resource_unsupported(sink, error, "System V semaphores",
                                "more SEM_UNDO than is kept");
  for (size_t i = 0; !result && i < undo.count; i++) {
    SystemVUndo message = {.id = undo.changes[i].id,
                           .semaphore = (uint32_t)undo.changes[i].number,
                           .adjustment = undo.changes[i].adjustment};
    if (is_there(message.id))
      result = resource_put(sink, RECORD_SYSTEM_V_UNDO, SystemVUndo_fields,
                            &message, error);
  }
  return result;
}

/* ---- restoring ---- */

/* Up and down at once: the value stays, and the kernel counts one of the two.
 */
static long adjust(const SystemVUndo *message) {
  if (message->adjustment < -SHRT_MAX || message->adjustment > SHRT_MAX ||
      message->semaphore > USHRT_MAX)
    return -ERANGE; /* as no kernel has it */
  bool up_first = message->adjustment > 0;
  short by = (short)(up_first ? message->adjustment : -message->adjustment);
  unsigned short number = (unsigned short)message->semaphore;
  short undone = SEM_UNDO | IPC_NOWAIT;
  struct sembuf operations[] = {
      {number, by, up_first ? IPC_NOWAIT : undone},
      {number, (short)-by, up_first ? undone : IPC_NOWAIT},
  };
  return SYS(semtimedop, message->id, operations, 2, 0);
}

/* All threads share what is counted. */
static int finish(struct resource_source *source, struct hwckpt_error *error) {
  if (source->rolls_back)
    return 0;
  undo.pid = (int)SYS(getpid);
  for (size_t at = (size_t)-1;
       resource_next(source, RECORD_SYSTEM_V_UNDO, &at);) {
    SystemVUndo message;
    int failed =
        resource_get(&source->records[at], SystemVUndo_fields, &message, error);
    if (failed)
      return failed;
    long result = adjust(&message);
    char object[64];
    hwckpt_format(object, sizeof object, "System V semaphores %d",
                  (int)message.id);
    if (result < 0)
      resource_not_set(source, result, object, "SEM_UNDO of semaphore %u",
                       (unsigned)message.semaphore);
  }
  return 0;
}

const struct resource_kind hwckpt_resource_system_v_undo = {
    .name = "SEM_UNDO",
    .save = save,
    .finish = finish,
};
