/* Records of kernel objects from a stranger, as the restored program makes the
 * objects anew from them, and as a rollback takes them back: all of
 * runtime/resources, over a kernel of ours that answers what the input says.
 *
 * Input: u8 what is done, u16 length of the answers, the answers, records.
 */
#include "../Inputs/fake_kernel.h"
#include "../Inputs/record_list.h"

#include "runtime/arch/arch.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <sanitizer/asan_interface.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- the kernel ---- */

static struct {
  const uint8_t *at, *end;
  unsigned calls;
  bool listed;
} answers;

static uint8_t next_byte(void) {
  return answers.at < answers.end ? *answers.at++ : 0;
}

/* What it writes into memory of the caller's. */
static void fill(void *to, size_t length) {
  size_t left = (size_t)(answers.end - answers.at);
  size_t some = left < length ? left : length;
  memset(to, 0, length);
  memcpy(to, answers.at, some < 16 ? some : 16);
  answers.at += some < 16 ? some : 16;
}

/* What it reads of memory of the caller's must be there. */
static void take(const void *from, size_t length) {
  if (length && __asan_region_is_poisoned((void *)(uintptr_t)from, length))
    abort();
}

static void take_message(const struct msghdr *message) {
  take(message, sizeof *message);
  for (size_t i = 0; i < message->msg_iovlen; i++)
    take(message->msg_iov[i].iov_base, message->msg_iov[i].iov_len);
}

/* Bytes that a call moves: all, or fewer. */
static long some_of(size_t length) {
  uint8_t byte = next_byte();
  return byte ? (long)(length % byte) : (long)length;
}

static long read_into(void *to, size_t length) {
  long some = some_of(length < 64 ? length : 64);
  fill(to, (size_t)some);
  return answers.at < answers.end ? some : 0;
}

/* Names of descriptors, as in /proc/self/fd: ascending, and then the end. */
static long list(char *to) {
  size_t used = 0;
  unsigned number = 0;
  answers.listed = !answers.listed;
  for (unsigned count = answers.listed ? next_byte() % 8 : 0; count; count--) {
    const unsigned short length = 24;
    number += 1 + next_byte() % 8;
    memset(to + used, 0, length);
    memcpy(to + used + 16, &length, sizeof length);
    snprintf(to + used + 19, 5, "%u", number);
    used += length;
  }
  return (long)used;
}

static long two_descriptors(int *ends) {
  ends[0] = next_byte() + 3;
  ends[1] = ends[0] + 1;
  return 0;
}

static long status(struct stat *to) {
  static const unsigned kinds[] = {S_IFREG, S_IFDIR,  S_IFCHR,
                                   S_IFIFO, S_IFSOCK, S_IFLNK};
  memset(to, 0, sizeof *to);
  to->st_mode = kinds[next_byte() % 6] | 0600;
  to->st_size = next_byte();
  to->st_ino = next_byte();
  return 0;
}

/* Memory that each call reads or writes, and what else it answers. */
static long answer(long number, const long a[6]) {
  void *p[6];
  size_t n[6];
  for (int i = 0; i < 6; i++) {
    p[i] = (void *)a[i];
    n[i] = (size_t)a[i];
  }
  switch (number) {
  case SYS_fstat:
    return status(p[1]);
  case SYS_newfstatat:
    (void)strlen(p[1]);
    return status(p[2]);
  case SYS_read:
  case SYS_recvfrom:
  case SYS_readlink:
    return read_into(p[1], n[2]);
  case SYS_getdents64:
    return list(p[1]);
  case SYS_readlinkat:
    return read_into(p[2], n[3]);
  case SYS_write:
  case SYS_pwrite64:
  case SYS_sendto:
    take(p[1], n[2]);
    return some_of(n[2]);
  case SYS_sendmsg:
    take_message(p[1]);
    return 0;
  case SYS_bind:
  case SYS_connect:
    take(p[1], n[2]);
    return 0;
  case SYS_setsockopt:
    take(p[3], n[4]);
    return 0;
  case SYS_getsockname:
  case SYS_getpeername:
    fill(p[1], *(socklen_t *)p[2]);
    return 0;
  case SYS_getsockopt:
    fill(p[3], *(socklen_t *)p[4]);
    return 0;
  case SYS_pipe2:
    return two_descriptors(p[0]);
  case SYS_socketpair:
    return two_descriptors(p[3]);
  case SYS_openat:
    (void)strlen(p[1]);
    return next_byte() + 3;
  case SYS_memfd_create:
    (void)strlen(p[0]);
    return next_byte() + 3;
  case SYS_chdir:
    (void)strlen(p[0]);
    return 0;
  case SYS_unlinkat:
  case SYS_fchmodat:
    (void)strlen(p[1]);
    return 0;
  case SYS_inotify_add_watch:
    (void)strlen(p[1]);
    return next_byte();
  case SYS_dup:
  case SYS_socket:
  case SYS_accept4:
  case SYS_epoll_create1:
  case SYS_eventfd2:
  case SYS_timerfd_create:
  case SYS_inotify_init1:
  case SYS_pidfd_open:
    return next_byte() + 3;
  case SYS_dup3:
    return a[1];
  case SYS_fcntl: /* F_DUPFD_CLOEXEC, F_GETFD */
    return a[1] == 1030 ? a[2] + next_byte() : -next_byte();
  case SYS_lseek:
    return a[1];
  case SYS_signalfd4:
    take(p[1], n[2]);
    return next_byte() + 3;
  case SYS_timer_create:
    fill(p[2], 4);
    return 0;
  case SYS_timer_settime:
  case SYS_timerfd_settime:
    take(p[2], 32);
    return 0;
  case SYS_timer_gettime:
  case SYS_timerfd_gettime:
    fill(p[1], 32);
    return 0;
  case SYS_setitimer:
    take(p[1], 32);
    return 0;
  case SYS_clock_gettime: /* time passes */
    *(struct timespec *)p[1] = (struct timespec){.tv_sec = answers.calls};
    return 0;
  case SYS_rt_sigaction:
    take(p[1], p[1] ? 32 : 0);
    return 0;
  case SYS_rt_sigqueueinfo:
    take(p[2], 128);
    return 0;
  case SYS_rt_tgsigqueueinfo:
    take(p[3], 128);
    return 0;
  case SYS_prlimit64:
    take(p[2], p[2] ? 16 : 0);
    if (p[3])
      fill(p[3], 16);
    return 0;
  case SYS_setgroups:
    take(p[1], n[0] * 4);
    return 0;
  case SYS_capset:
    take(p[1], 24);
    return 0;
  case SYS_sched_setaffinity:
    take(p[2], n[1]);
    return 0;
  case SYS_sched_getaffinity:
    fill(p[2], n[1]);
    return 8;
  case SYS_sched_getattr:
    fill(p[1], n[2]);
    return 0;
  case SYS_epoll_ctl:
    take(p[3], 12);
    return 0;
  case SYS_poll:
    fill(p[0], n[1] * 8);
    return next_byte() & 1;
  case SYS_ioctl:
    if (a[1] == 0x802c542a) /* struct termios2 */
      fill(p[2], 44);
    else if (a[1] == TIOCGPTN || a[1] == FIONREAD || a[1] == TIOCGSID)
      fill(p[2], 4);
    return a[1] == TIOCGPTPEER ? next_byte() + 3 : 0;
  case SYS_getpid:
    return 100;
  case SYS_mmap:
    return -ENOMEM;
  default:
    return 0;
  }
}

/* Some calls fail. Restoring makes no end of calls only where a record says so,
 * by its length. */
#define CALLS_MAX 200000u

long fake_kernel(long number, const long arguments[6]) {
  if (++answers.calls > CALLS_MAX)
    abort();
  if (number == SYS_clock_gettime) /* never fails */
    return answer(number, arguments);
  uint8_t byte = next_byte();
  if (byte >= 0xe0)
    return -(long)(byte & 0x1f) - 1;
  return answer(number, arguments);
}

/* Saving alone uses it. */
long arch_spawn(uint64_t flags, void *stack_top, void *tls,
                void (*function)(void *), void *argument) {
  (void)flags, (void)stack_top, (void)tls, (void)function, (void)argument;
  return -EAGAIN;
}

/* ---- what it is done for ---- */

static void warn(struct resource_source *source,
                 const struct hwckpt_error *error) {
  char text[2048];
  (void)source;
  hwckpt_error_text(error, "fuzz", text, sizeof text);
}

static long give(struct resource_source *source, uint64_t key, int descriptor) {
  (void)source, (void)key, (void)descriptor;
  return next_byte() & 1 ? -EPIPE : 0;
}

static long take_of(struct resource_source *source, uint64_t key) {
  (void)source, (void)key;
  return next_byte() & 1 ? -EPIPE : next_byte() + 3;
}

enum { IN_TREE = 1, ROLLS_BACK = 2, MAPPED = 4, POLICY = 8 };

static void restore(struct resource_source *source) {
  struct hwckpt_error error = {0};
  int keep = 20;
  static const struct thread_now threads[] = {{100, 100}, {101, 101}};
  int failed;
  if (source->rolls_back) {
    failed = resources_check(source, &error);
    if (!failed)
      failed = resources_roll_back(source, &error);
  } else {
    failed = resources_restore(source, &keep, &error);
    if (!failed)
      failed = resources_settle(source, &error);
  }
  source->threads = threads;
  source->thread_count = 2;
  if (!failed)
    failed = resources_finish(source, &error);
  if (!failed)
    resources_become();
  else if (error.code != (enum hwckpt_code) - failed)
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct record_list list;
  if (size < 3)
    return 0;
  unsigned what = data[0];
  size_t length = data[1] | (size_t)data[2] << 8;
  data += 3;
  size -= 3;
  length = length < size ? length : size;
  answers.at = data;
  answers.end = data + length;
  answers.calls = 0;
  answers.listed = false;
  record_list_read(&list, data + length, size - length);
  struct resource_file mapped[2] = {{1, 2, 30, 0}, {1, 3, 31, 0}};
  struct resource_source source = {
      .records = list.record,
      .count = list.count,
      .warn = warn,
      .scratch = malloc(RESOURCE_SCRATCH),
      .inherited = {0, 1, 2},
      .files = what / POLICY % 3,
      .mapped = mapped,
      .mapped_count = what & MAPPED ? 2 : 0,
      .rolls_back = what & ROLLS_BACK,
      .now = calloc(RESOURCE_DESCRIPTORS, sizeof *source.now),
  };
  if (what & IN_TREE) {
    source.give = give;
    source.take = take_of;
  }
  restore(&source);
  free(source.scratch);
  free(source.now);
  record_list_free(&list);
  return 0;
}
