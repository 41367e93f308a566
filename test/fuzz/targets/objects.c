/* Records of kernel objects from a stranger, as the restored program makes the
 * objects anew from them, and as a rollback takes them back: all of
 * runtime/resources, over a kernel of ours that answers what the input says.
 *
 * Input: u8 what is done, u16 length of the answers, the answers, records.
 */
#include "../Inputs/fake_kernel.h"
#include "../Inputs/record_list.h"

#include "runtime/arch/arch.h"
#include "runtime/support/record_types.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <pb_encode.h>
#include <sanitizer/asan_interface.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- the kernel ---- */

#define NUMBERS 4096u /* of descriptors that are remembered */

static struct {
  const uint8_t *at, *end;
  unsigned calls;
  unsigned watches;
  bool listed;
  bool open[NUMBERS];
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

static void set_open(uint64_t from, uint64_t to, bool open) {
  for (; from <= to && from < NUMBERS; from++)
    answers.open[from] = open;
}

static long make_at(long number) {
  set_open((uint64_t)number, (uint64_t)number, true);
  return number;
}

/* Any that the program may have: so it may close what it is to keep. */
static long make_one(void) { return make_at(next_byte() + 3); }

static long two_descriptors(int *ends) {
  ends[0] = (int)make_one();
  ends[1] = (int)make_at(ends[0] + 1);
  return 0;
}

static long control(const long a[6]) {
  if (a[1] == F_DUPFD_CLOEXEC)
    return make_at(a[2] + next_byte());
  if (a[1] == F_GETFD && ((uint64_t)a[0] >= NUMBERS || !answers.open[a[0]]))
    return -EBADF;
  if (a[1] == F_SETOWN_EX || a[1] == F_SET_RW_HINT)
    take((void *)a[2], 8);
  return a[1] == F_GETFD ? 0 : next_byte();
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

/* ---- rings, and memory ---- */

#define MAPPINGS 16
#define MAPPING_MOST ((size_t)4 << 20)

/* Of descriptors, for a while; and where a hole was made into what is mapped:
 * the next is there. */
static struct {
  void *mapped[MAPPINGS];
  long hole;
} memory;

static long map(const long a[6]) {
  size_t i = 0;
  if (a[3] & MAP_FIXED_NOREPLACE)
    return a[0];
  if (a[0] || !(a[3] & MAP_SHARED) || (size_t)a[1] > MAPPING_MOST)
    return -ENOMEM;
  if (memory.hole) {
    long hole = memory.hole;
    memory.hole = 0;
    return hole;
  }
  while (i < MAPPINGS && memory.mapped[i])
    i++;
  return i < MAPPINGS ? (long)(memory.mapped[i] = calloc(1, (size_t)a[1] + 1))
                      : -ENOMEM;
}

static void unmap(long address) {
  for (size_t i = 0; i < MAPPINGS; i++)
    if (memory.mapped[i] == (void *)address) {
      free(memory.mapped[i]);
      memory.mapped[i] = NULL;
      return;
    }
  memory.hole = address;
}

static void forget_memory(void) {
  for (size_t i = 0; i < MAPPINGS; i++) {
    free(memory.mapped[i]);
    memory.mapped[i] = NULL;
  }
  memory.hole = 0;
}

/* As struct io_uring_params has it, in words. */
static long set_up_ring(uint32_t entries, uint32_t *params) {
  uint32_t completions = params[1];
  if (!entries || entries > 32768 || completions < entries ||
      completions > 65536)
    return -EINVAL;
  params[0] = entries;
  params[10 + 1] = 64;
  params[10 + 6] = 320 + completions * 16;
  params[20] = 128;
  params[20 + 1] = 192;
  params[20 + 5] = 320;
  return make_one();
}

static long register_with_ring(unsigned what, const void *table, size_t count) {
  const struct {
    uint32_t first, unused;
    const void *rows;
    uint64_t tags;
    uint32_t count;
  } *rows = table;
  if (what == 6) { /* one file */
    take(table, 16);
    take(rows->rows, 4);
    return 1;
  }
  take(table, count);
  if (what != 16)
    return 0;
  take(rows->rows, rows->count * sizeof(struct iovec));
  return rows->count;
}

/* Memory of the old ring is what the program has at that address: here some of
 * ours. What was submitted is submitted again one by one: not so often. */
static void lead_rings_here(struct record_list *list) {
  static uint8_t ours[65536], encoded[1024];
  for (size_t i = 0; i < list->count; i++) {
    struct resource_record *record = &list->record[i];
    IoUring state = IoUring_init_zero;
    if (record->type != RECORD_IO_URING ||
        resource_get(record, IoUring_fields, &state, NULL))
      continue;
    for (size_t at = 0; at < state.mapping_count; at++)
      if (state.mapping[at].length <= sizeof ours)
        state.mapping[at].start = (uint64_t)ours;
      else
        state.mapping[at].length = UINT64_MAX;
    state.count %= 1000;
    pb_ostream_t stream = pb_ostream_from_buffer(encoded, sizeof encoded);
    if (!pb_encode(&stream, IoUring_fields, &state))
      abort();
    free((void *)record->data);
    record->length = (uint32_t)stream.bytes_written;
    record->data = memcpy(malloc(record->length + 1), encoded, record->length);
  }
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
    return make_one();
  case SYS_memfd_create:
    (void)strlen(p[0]);
    return make_one();
  case SYS_chdir:
    (void)strlen(p[0]);
    return 0;
  case SYS_unlinkat:
  case SYS_fchmodat:
    (void)strlen(p[1]);
    return 0;
  case SYS_inotify_add_watch:
    (void)strlen(p[1]); /* numbers are counted up */
    return answers.watches += 1 + next_byte() % 4;
  case SYS_dup:
  case SYS_socket:
  case SYS_accept4:
  case SYS_epoll_create1:
  case SYS_eventfd2:
  case SYS_timerfd_create:
  case SYS_inotify_init1:
  case SYS_pidfd_open:
  case SYS_mq_open:
    return make_one();
  case SYS_dup3:
    return make_at(a[1]);
  case SYS_close:
    set_open(n[0], n[0], false);
    return 0;
  case SYS_close_range:
    set_open(n[0], n[1] & UINT32_MAX, false);
    return 0;
  case SYS_fcntl:
    return control(a);
  case SYS_lseek:
    return a[1];
  case SYS_signalfd4:
    take(p[1], n[2]);
    return make_one();
  case SYS_semtimedop:
    take(p[1], n[2] * 6);
    return 0;
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
  case SYS_gettid:
    return 100;
  case SYS_mmap:
    return map(a);
  case SYS_munmap:
    unmap(a[0]);
    return 0;
  case SYS_io_uring_setup:
    return set_up_ring((uint32_t)a[0], p[1]);
  case SYS_io_uring_enter:
    return a[1];
  case SYS_io_uring_register:
    return register_with_ring((unsigned)a[1], p[2], n[3]);
  case SYS_capget:
    memset(p[1], 0xff, 24);
    return 0;
  case SYS_seccomp:
    take(p[2], 16);
    take(*(void **)((char *)p[2] + 8), *(uint16_t *)p[2] * sizeof(uint64_t));
    return 0;
  default:
    return 0;
  }
}

/* Some calls fail. Restoring makes no end of calls only where a record says so,
 * by its length, or by the number of a watch (NUMBERS_MAX in inotify.c). */
#define CALLS_MAX 3000000u

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

/* There is no process that could do something for it. */
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
  return next_byte() & 1 ? -EPIPE : make_one();
}

/* What another thread does. */
static void do_here(const struct resource_source *source,
                    void (*task)(void *argument), void *argument) {
  (void)source;
  task(argument);
}

enum { IN_TREE = 1, ROLLS_BACK = 2, MAPPED = 4, POLICY = 8 };

static void restore(struct resource_source *source) {
  struct hwckpt_error error = {0};
  int keep = 20;
  static const struct thread_now threads[] = {{100, 100, false},
                                              {101, 101, false}};
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
  if (!failed) {
    resources_become();
    resources_go_on(source);
  }
  if (failed && error.code != (enum hwckpt_code) - failed)
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
  answers.watches = 0;
  answers.listed = false;
  memset(answers.open, 0, sizeof answers.open);
  record_list_read(&list, data + length, size - length);
  lead_rings_here(&list);
  struct resource_file mapped[2] = {{1, 2, 30, 0}, {1, 3, 31, 0}};
  struct resource_source source = {
      .records = list.record,
      .count = list.count,
      .warn = warn,
      .on_others = do_here,
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
  forget_memory();
  record_list_free(&list);
  return 0;
}
