/* call_outputs.c - see call_outputs.h. Runs in the place of an instruction of
 * libc, which may be in a signal handler: no libc, no lock, general registers
 * only. */
#include "call_outputs.h"

#include "../arch/sys.h"
#include "calls.h"

enum kind {
  OUT_NONE,
  OUT_BUFFER, /* as long as another argument says */
  OUT_FIXED,  /* of that many bytes at most */
  OUT_ARRAY,  /* of so many elements as another argument says */
  OUT_VECTOR, /* struct iovec, as many as another argument says */
  OUT_MESSAGE,
  OUT_MESSAGES, /* as many as another argument says */
};

struct output {
  unsigned char kind, pointer, count; /* arguments */
  unsigned short size;                /* bytes */
};

#define BUFFER(pointer, count) {OUT_BUFFER, pointer, count, 1}
#define FIXED(pointer, size) {OUT_FIXED, pointer, 0, size}
#define ARRAY(pointer, count, size) {OUT_ARRAY, pointer, count, size}
#define VECTOR(pointer, count) {OUT_VECTOR, pointer, count, 0}
#define MESSAGE(pointer) {OUT_MESSAGE, pointer, 0, 0}
#define MESSAGES(pointer, count) {OUT_MESSAGES, pointer, count, 0}

#define NAME 128 /* of a socket */

/* Of ioctl() and its like what most of them write; of mincore() more than it
 * does; process_vm_writev() may be of this process. */
#define CALLS(X)                                                               \
  X(read, BUFFER(1, 2))                                                        \
  X(pread64, BUFFER(1, 2))                                                     \
  X(readv, VECTOR(1, 2))                                                       \
  X(preadv, VECTOR(1, 2))                                                      \
  X(preadv2, VECTOR(1, 2))                                                     \
  X(process_vm_readv, VECTOR(1, 2))                                            \
  X(process_vm_writev, VECTOR(3, 4))                                           \
  X(vmsplice, VECTOR(1, 2))                                                    \
  X(recvfrom, BUFFER(1, 2), FIXED(4, NAME), FIXED(5, 4))                       \
  X(recvmsg, MESSAGE(1))                                                       \
  X(recvmmsg, MESSAGES(1, 2))                                                  \
  X(accept, FIXED(1, NAME), FIXED(2, 4))                                       \
  X(accept4, FIXED(1, NAME), FIXED(2, 4))                                      \
  X(getsockname, FIXED(1, NAME), FIXED(2, 4))                                  \
  X(getpeername, FIXED(1, NAME), FIXED(2, 4))                                  \
  X(getsockopt, FIXED(3, 256), FIXED(4, 4))                                    \
  X(socketpair, FIXED(3, 8))                                                   \
  X(pipe, FIXED(0, 8))                                                         \
  X(pipe2, FIXED(0, 8))                                                        \
  X(getrandom, BUFFER(0, 1))                                                   \
  X(getdents64, BUFFER(1, 2))                                                  \
  X(getdents, BUFFER(1, 2))                                                    \
  X(getcwd, BUFFER(0, 1))                                                      \
  X(readlink, BUFFER(1, 2))                                                    \
  X(readlinkat, BUFFER(2, 3))                                                  \
  X(getxattr, BUFFER(2, 3))                                                    \
  X(lgetxattr, BUFFER(2, 3))                                                   \
  X(fgetxattr, BUFFER(2, 3))                                                   \
  X(listxattr, BUFFER(1, 2))                                                   \
  X(llistxattr, BUFFER(1, 2))                                                  \
  X(flistxattr, BUFFER(1, 2))                                                  \
  X(stat, FIXED(1, 144))                                                       \
  X(lstat, FIXED(1, 144))                                                      \
  X(fstat, FIXED(1, 144))                                                      \
  X(newfstatat, FIXED(2, 144))                                                 \
  X(statx, FIXED(4, 256))                                                      \
  X(statfs, FIXED(1, 120))                                                     \
  X(fstatfs, FIXED(1, 120))                                                    \
  X(ioctl, FIXED(2, 256))                                                      \
  X(prctl, FIXED(1, 64))                                                       \
  X(sendfile, FIXED(2, 8))                                                     \
  X(splice, FIXED(1, 8), FIXED(3, 8))                                          \
  X(copy_file_range, FIXED(1, 8), FIXED(3, 8))                                 \
  X(poll, ARRAY(0, 1, 8))                                                      \
  X(ppoll, ARRAY(0, 1, 8), FIXED(2, 16))                                       \
  X(select, FIXED(1, 128), FIXED(2, 128), FIXED(3, 128))                       \
  X(pselect6, FIXED(1, 128), FIXED(2, 128), FIXED(3, 128))                     \
  X(epoll_wait, ARRAY(1, 2, 12))                                               \
  X(epoll_pwait, ARRAY(1, 2, 12))                                              \
  X(epoll_pwait2, ARRAY(1, 2, 12))                                             \
  X(io_getevents, ARRAY(3, 2, 32))                                             \
  X(wait4, FIXED(1, 4), FIXED(3, 144))                                         \
  X(waitid, FIXED(2, 128), FIXED(4, 144))                                      \
  X(getrusage, FIXED(1, 144))                                                  \
  X(times, FIXED(0, 32))                                                       \
  X(uname, FIXED(0, 390))                                                      \
  X(sysinfo, FIXED(0, 112))                                                    \
  X(getrlimit, FIXED(1, 16))                                                   \
  X(prlimit64, FIXED(3, 16))                                                   \
  X(getgroups, ARRAY(1, 0, 4))                                                 \
  X(getresuid, FIXED(0, 4), FIXED(1, 4), FIXED(2, 4))                          \
  X(getresgid, FIXED(0, 4), FIXED(1, 4), FIXED(2, 4))                          \
  X(clock_gettime, FIXED(1, 16))                                               \
  X(clock_getres, FIXED(1, 16))                                                \
  X(gettimeofday, FIXED(0, 16), FIXED(1, 8))                                   \
  X(time, FIXED(0, 8))                                                         \
  X(nanosleep, FIXED(1, 16))                                                   \
  X(clock_nanosleep, FIXED(3, 16))                                             \
  X(getitimer, FIXED(1, 32))                                                   \
  X(setitimer, FIXED(2, 32))                                                   \
  X(timer_gettime, FIXED(1, 32))                                               \
  X(timer_settime, FIXED(3, 32))                                               \
  X(timerfd_gettime, FIXED(1, 32))                                             \
  X(timerfd_settime, FIXED(3, 32))                                             \
  X(rt_sigaction, FIXED(2, 32))                                                \
  X(rt_sigprocmask, FIXED(2, 8))                                               \
  X(rt_sigpending, FIXED(0, 8))                                                \
  X(rt_sigtimedwait, FIXED(1, 128))                                            \
  X(sigaltstack, FIXED(1, 24))                                                 \
  X(sched_getaffinity, BUFFER(2, 1))                                           \
  X(sched_getparam, FIXED(1, 4))                                               \
  X(sched_getattr, FIXED(1, 64))                                               \
  X(getcpu, FIXED(0, 4), FIXED(1, 4))                                          \
  X(mincore, BUFFER(2, 1))                                                     \
  X(mq_timedreceive, BUFFER(1, 2), FIXED(3, 4))                                \
  X(syslog, BUFFER(1, 2))                                                      \
  X(lookup_dcookie, BUFFER(1, 2))                                              \
  X(move_pages, ARRAY(4, 1, 4))                                                \
  X(msgrcv, BUFFER(1, 2))                                                      \
  X(futex, FIXED(0, 4), FIXED(4, 4))

#define NUMBERS 512

#define INDEX(name, ...) CALL_##name,
enum call { CALL_none, CALLS(INDEX) };

#define NUMBER(name, ...) [SYS_##name] = CALL_##name,
static const unsigned char calls[NUMBERS] = {CALLS(NUMBER)};

#define OUTPUTS 3
#define OUTPUTS_OF(name, ...) [CALL_##name] = {__VA_ARGS__},
static const struct output outputs[][OUTPUTS] = {CALLS(OUTPUTS_OF)};

bool call_outputs_known(uint64_t number) {
  return number < NUMBERS && calls[number] != CALL_none;
}

#define ENTRIES_MOST 1024u
#define ENTRY 16u       /* sizeof struct iovec */
#define MESSAGE_NAME 0u /* offsets in struct msghdr */
#define MESSAGE_NAME_LENGTH 8u
#define MESSAGE_VECTOR 16u
#define MESSAGE_COUNT 24u
#define MESSAGE_CONTROL 32u
#define MESSAGE_CONTROL_LENGTH 40u
#define MESSAGE_SIZE 56u
#define NEXT_MESSAGE 64u    /* sizeof struct mmsghdr */
#define MESSAGES_MOST 1024u /* as of the kernel */

struct visit {
  call_outputs_visit *function;
  void *context;
};

static uint64_t word(uint64_t address) {
  return calls_word_of_program(address, 0);
}

static void visit_bytes(const struct visit *visit, uint64_t begin,
                        uint64_t length) {
  uint64_t end = begin + length;
  if (begin && length)
    visit->function(begin, end < begin ? UINT64_MAX : end, visit->context);
}

static void visit_vector(const struct visit *visit, uint64_t vector,
                         uint64_t count) {
  for (uint64_t i = 0; i < count && i < ENTRIES_MOST; i++)
    visit_bytes(visit, word(vector + i * ENTRY), word(vector + i * ENTRY + 8));
}

/* `size`: of what the kernel fills in of the message itself. */
static void visit_message(const struct visit *visit, uint64_t message,
                          uint64_t size) {
  visit_vector(visit, word(message + MESSAGE_VECTOR),
               word(message + MESSAGE_COUNT));
  visit_bytes(visit, word(message + MESSAGE_NAME),
              word(message + MESSAGE_NAME_LENGTH) & UINT32_MAX);
  visit_bytes(visit, word(message + MESSAGE_CONTROL),
              word(message + MESSAGE_CONTROL_LENGTH));
  visit_bytes(visit, message, size);
}

static void visit_output(const struct visit *visit, const uint64_t *arguments,
                         const struct output *output) {
  uint64_t pointer = arguments[output->pointer];
  uint64_t count = arguments[output->count];
  if (!pointer)
    return;
  switch (output->kind) {
  case OUT_BUFFER:
    return visit_bytes(visit, pointer, count & INT64_MAX);
  case OUT_FIXED:
    return visit_bytes(visit, pointer, output->size);
  case OUT_ARRAY:
    return visit_bytes(visit, pointer, (count & UINT32_MAX) * output->size);
  case OUT_VECTOR:
    return visit_vector(visit, pointer, count);
  case OUT_MESSAGE:
    return visit_message(visit, pointer, MESSAGE_SIZE);
  case OUT_MESSAGES:
    for (uint64_t i = 0; i < (count & UINT32_MAX) && i < MESSAGES_MOST; i++)
      visit_message(visit, pointer + i * NEXT_MESSAGE, NEXT_MESSAGE);
    return;
  default:
    return;
  }
}

void call_outputs_each(const struct arch_call *call,
                       call_outputs_visit *function, void *context) {
  const struct visit visit = {function, context};
  if (!call_outputs_known(call->number))
    return;
  for (unsigned i = 0; i < OUTPUTS; i++)
    visit_output(&visit, call->arguments, &outputs[calls[call->number]][i]);
}
