/* filter_run.c - see filter_run.h. Runs the filters as the kernel would, on
 * calls as the runtime makes them (bpf(2), "classic"; seccomp(2)).
 *
 * Source: the kernel accepts these instructions only, and jumps forward only
 * (seccomp(2), Documentation/networking/filter.rst). */
#include "filter_run.h"

#include "../arch/sys.h"

#include <linux/audit.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#define WORDS 16 /* of the filter's own memory */

struct machine {
  uint32_t a, x, memory[WORDS];
  struct seccomp_data data;
};

static uint32_t load(const struct machine *m, const struct sock_filter *i) {
  uint32_t word = 0;
  switch (BPF_MODE(i->code)) {
  case BPF_ABS:
    if (i->k <= sizeof m->data - sizeof word)
      memcpy(&word, (const char *)&m->data + i->k, sizeof word);
    return word;
  case BPF_MEM:
    return m->memory[i->k % WORDS];
  case BPF_LEN:
    return sizeof m->data;
  default: /* BPF_IMM */
    return i->k;
  }
}

static uint32_t calculate(uint32_t a, unsigned operation, uint32_t b) {
  switch (operation) {
  case BPF_ADD:
    return a + b;
  case BPF_SUB:
    return a - b;
  case BPF_MUL:
    return a * b;
  case BPF_DIV:
    return b ? a / b : 0;
  case BPF_MOD:
    return b ? a % b : 0;
  case BPF_AND:
    return a & b;
  case BPF_OR:
    return a | b;
  case BPF_XOR:
    return a ^ b;
  case BPF_LSH:
    return b < 32 ? a << b : 0;
  case BPF_RSH:
    return b < 32 ? a >> b : 0;
  default: /* BPF_NEG */
    return -a;
  }
}

static bool compare(uint32_t a, unsigned operation, uint32_t b) {
  switch (operation) {
  case BPF_JEQ:
    return a == b;
  case BPF_JGT:
    return a > b;
  case BPF_JGE:
    return a >= b;
  default: /* BPF_JSET */
    return (a & b) != 0;
  }
}

/* How many instructions to leave out. */
static uint32_t jump(const struct machine *m, const struct sock_filter *i) {
  unsigned operation = BPF_OP(i->code);
  uint32_t with = BPF_SRC(i->code) == BPF_X ? m->x : i->k;
  if (operation == BPF_JA)
    return i->k;
  return compare(m->a, operation, with) ? i->jt : i->jf;
}

/* What is neither a jump nor an end. */
static void step(struct machine *m, const struct sock_filter *i) {
  switch (BPF_CLASS(i->code)) {
  case BPF_LD:
    m->a = load(m, i);
    break;
  case BPF_LDX:
    m->x = load(m, i);
    break;
  case BPF_ST:
    m->memory[i->k % WORDS] = m->a;
    break;
  case BPF_STX:
    m->memory[i->k % WORDS] = m->x;
    break;
  case BPF_ALU:
    m->a = calculate(m->a, BPF_OP(i->code),
                     BPF_SRC(i->code) == BPF_X ? m->x : i->k);
    break;
  default: /* BPF_MISC */
    if (BPF_MISCOP(i->code) == BPF_TXA)
      m->a = m->x;
    else
      m->x = m->a;
    break;
  }
}

/* The action, SECCOMP_RET_*. */
static uint32_t run(const struct filter_seen *filter,
                    const struct seccomp_data *data) {
  struct machine m = {.data = *data};
  for (uint32_t at = 0; at < filter->length; at++) {
    const struct sock_filter *i = &filter->program[at];
    if (BPF_CLASS(i->code) == BPF_RET)
      return (BPF_RVAL(i->code) == BPF_A ? m.a : i->k) &
             SECCOMP_RET_ACTION_FULL;
    if (BPF_CLASS(i->code) == BPF_JMP)
      at += jump(&m, i);
    else
      step(&m, i);
  }
  return SECCOMP_RET_KILL_PROCESS;
}

/* ---- the runtime's calls ---- */

struct call {
  const char *name;
  int number;
  bool may_fail; /* an error is no more than something that is not known */
  uint64_t arguments[3];
};
#define CALL(name, ...)                                                        \
  {                                                                            \
    #name, SYS_##name, false, { __VA_ARGS__ }                                  \
  }
#define TRY(name, ...)                                                         \
  {                                                                            \
    #name, SYS_##name, true, { __VA_ARGS__ }                                   \
  }

/* Of threads that park (support/park.c, thread_settings.c, interrupted.c) and
 * of those that go on after a restore (resume.c). */
static const struct call of_stop[] = {
    CALL(futex, 0, FUTEX_WAIT_PRIVATE),
    CALL(futex, 0, FUTEX_WAKE_PRIVATE),
    CALL(gettid),
    CALL(getpid),
    CALL(clock_gettime, CLOCK_MONOTONIC),
    CALL(prctl, PR_GET_TID_ADDRESS),
    CALL(prctl, PR_GET_NAME),
    CALL(get_robust_list),
    CALL(munmap),
    CALL(rt_sigreturn),
    TRY(prctl, PR_GET_TIMERSLACK),
    TRY(prctl, PR_GET_SECUREBITS),
    TRY(prctl, PR_GET_PDEATHSIG),
    TRY(prctl, PR_GET_TSC),
    TRY(prctl, PR_MCE_KILL_GET),
    TRY(prctl, PR_GET_SPECULATION_CTRL),
    TRY(prctl, 58 /* PR_GET_IO_FLUSHER, Linux 5.6 */),
    TRY(get_mempolicy),
    TRY(sched_getaffinity),
    TRY(sched_setaffinity),
    TRY(sched_yield),
    TRY(getrusage, 1 /* RUSAGE_THREAD */),
    TRY(rt_sigprocmask),
    TRY(rt_sigpending),
    TRY(process_vm_writev),
    TRY(openat),
    TRY(read),
    TRY(close),
    TRY(fstat),
    TRY(fcntl, 0, 3 /* F_GETFL */),
    TRY(getsockopt),
};

/* Of the runtime's own threads: what each checkpoint needs. */
static const struct call of_checkpoint[] = {
    CALL(close),        CALL(openat),        CALL(prctl),
    CALL(fcntl),        CALL(getpid),        CALL(ioctl),
    CALL(newfstatat),   CALL(futex),         CALL(pread64),
    CALL(fstat),        CALL(madvise),       CALL(gettid),
    CALL(read),         CALL(munmap),        CALL(clock_gettime),
    CALL(mmap),         CALL(write),         CALL(rt_sigprocmask),
    CALL(readlink),     CALL(readlinkat),    CALL(process_vm_readv),
    CALL(dup3),         CALL(poll),          CALL(nanosleep),
    CALL(sched_yield),  CALL(rt_sigaction),  CALL(lseek),
    CALL(pwrite64),     CALL(close_range),   CALL(unlinkat),
    CALL(pwritev),      CALL(prlimit64),     CALL(ftruncate),
    CALL(mprotect),     CALL(getsid),        CALL(getpgid),
    CALL(flock),        CALL(fchmod),        CALL(wait4),
    CALL(kcmp),         CALL(ioprio_get),    CALL(getdents64),
    CALL(clone),        CALL(timer_gettime), CALL(tgkill),
    CALL(statx),        CALL(statfs),        CALL(sched_setattr),
    CALL(renameat),     CALL(renameat2),     CALL(process_vm_writev),
    CALL(getrusage),    CALL(fallocate),     CALL(userfaultfd),
    CALL(modify_ldt),   CALL(getppid),       CALL(geteuid),
    CALL(pidfd_open),   CALL(pidfd_getfd),   CALL(io_uring_setup),
    CALL(fsync),        CALL(fdatasync),     CALL(io_uring_enter),
    CALL(ppoll),        CALL(membarrier),    CALL(rt_tgsigqueueinfo),
    CALL(personality),  CALL(getitimer),     CALL(sched_getattr),
    CALL(getpriority),  CALL(mincore),       CALL(sched_getaffinity),
    CALL(exit),         CALL(getrandom),     CALL(socket),
    CALL(sendmsg),      CALL(recvmsg),       CALL(mkdirat),
    CALL(inotify_init1)};

static const struct call of_status[] = {CALL(openat), CALL(read), CALL(close),
                                        CALL(newfstatat)};

static const struct call of_undo[] = {
    CALL(getpid),
    CALL(gettid),
    CALL(statx),
    CALL(lseek),
    CALL(process_vm_readv),
    CALL(rt_sigprocmask),
    CALL(futex, 0, FUTEX_WAIT_PRIVATE),
    CALL(futex, 0, FUTEX_WAKE_PRIVATE),
};

/* Where one fails, nobody is asked. */
static const struct call of_asking[] = {
    TRY(socket),     TRY(setsockopt), TRY(connect), TRY(nanosleep),
    TRY(kill),       TRY(getsockopt), TRY(sendmsg), TRY(sendto),
    TRY(ppoll),      TRY(recvfrom),   TRY(close),   TRY(geteuid),
    TRY(pidfd_open), TRY(getppid),    TRY(kcmp),    TRY(gettid),
};

static const struct call of_hurry[] = {CALL(getpriority), CALL(setpriority)};
static const struct call of_end[] = {
    CALL(getpid), CALL(rt_sigprocmask), CALL(gettid),
    CALL(futex),  TRY(openat),          TRY(read),
    TRY(close),   TRY(getdents64),      TRY(getppid),
    TRY(tgkill),  TRY(newfstatat)};
static const struct call of_lock[] = {CALL(getpid), CALL(rt_sigprocmask)};
static const struct call of_socket[] = {CALL(socket, 1 /* AF_UNIX */)};
static const struct call of_answer[] = {CALL(sendto), CALL(close)};
static const struct call of_name[] = {CALL(prctl, PR_SET_NAME)};
static const struct call of_rings[] = {
    CALL(io_uring_enter),
    CALL(io_uring_register, 0, 4 /* IORING_REGISTER_EVENTFD */),
    CALL(io_uring_register, 0, 26 /* IORING_REGISTER_PBUF_STATUS */),
    CALL(io_uring_register, 0, 33 /* IORING_REGISTER_RESIZE_RINGS */),
    CALL(io_uring_register, 0, 34 /* IORING_REGISTER_MEM_REGION */),
};

static bool goes_through(uint32_t number, const struct call *call) {
  struct seccomp_data data = {.nr = call->number,
                              .arch = AUDIT_ARCH_X86_64,
                              .instruction_pointer = (uintptr_t)filter_forbids};
  memcpy(data.args, call->arguments, sizeof call->arguments);
  for (const struct filter_seen *filter; (filter = filters_seen(number));
       number = filter->before) {
    uint32_t action = run(filter, &data);
    if (action != SECCOMP_RET_ALLOW && action != SECCOMP_RET_LOG &&
        !(call->may_fail && action == SECCOMP_RET_ERRNO))
      return false;
  }
  return true;
}

const char *filter_forbids(uint32_t number, enum filter_calls calls) {
  const struct {
    const struct call *calls;
    size_t count;
  } lists[] = {
      [CALLS_OF_STOP] = {of_stop, sizeof of_stop / sizeof *of_stop},
      [CALLS_OF_CHECKPOINT] = {of_checkpoint,
                               sizeof of_checkpoint / sizeof *of_checkpoint},
      [CALLS_OF_STATUS] = {of_status, sizeof of_status / sizeof *of_status},
      [CALLS_OF_UNDO] = {of_undo, sizeof of_undo / sizeof *of_undo},
      [CALLS_OF_ASKING] = {of_asking, sizeof of_asking / sizeof *of_asking},
      [CALLS_OF_HURRY] = {of_hurry, sizeof of_hurry / sizeof *of_hurry},
      [CALLS_OF_END] = {of_end, sizeof of_end / sizeof *of_end},
      [CALLS_OF_LOCK] = {of_lock, sizeof of_lock / sizeof *of_lock},
      [CALLS_OF_SOCKET] = {of_socket, sizeof of_socket / sizeof *of_socket},
      [CALLS_OF_ANSWER] = {of_answer, sizeof of_answer / sizeof *of_answer},
      [CALLS_OF_NAME] = {of_name, sizeof of_name / sizeof *of_name},
      [CALLS_OF_RINGS] = {of_rings, sizeof of_rings / sizeof *of_rings},
  };
  for (size_t i = 0; i < lists[calls].count; i++)
    if (!goes_through(number, &lists[calls].calls[i]))
      return lists[calls].calls[i].name;
  return 0;
}
