// An io_uring comes back with how far it had come: with completions not yet
// taken, submissions not yet told to the kernel, mapped twice, and with its
// registered buffers, also with what only the kernel wrote there, and
// registered sockets and files: the open files of descriptors; also one with a
// thread of the kernel that submits. What is read
// into a pipe that is empty, what else is registered, and rings of other kinds
// refuse the checkpoint by name, and are no reason to refuse the next.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
// RUN: %restored_by_all -- %t polled
// RUN: %t %t.file 2>&1 | FileCheck %s
// CHECK: HWCKPT-E208: {{.*}}io_uring{{.*}}: operations that are not completed
// CHECK: HWCKPT-E208: {{.*}}io_uring{{.*}}: registered file 0 (anon_inode:[eventfd]): it is no file, directory, device or socket
// CHECK: HWCKPT-E208: {{.*}}io_uring{{.*}}: registered file 0 (socket:[{{.*}}]): no descriptor
// CHECK: HWCKPT-E208: {{.*}}io_uring{{.*}}: registered file 1 (/{{.*}}.file): several open files
// CHECK: HWCKPT-E208: {{.*}}io_uring{{.*}}: registered file 1 (/{{.*}}.file): no descriptor
// CHECK: HWCKPT-E208: {{.*}}io_uring{{.*}}: registered buffers whose memory is not
// CHECK: HWCKPT-E208: {{.*}}io_uring{{.*}}: a registered eventfd
// CHECK: HWCKPT-E208: {{.*}}io_uring]: provided buffers
// CHECK: HWCKPT-E208: {{.*}}io_uring{{.*}}: descriptor {{.*}}: provided buffers
// CHECK: goes on
#include "Inputs/ring.h"
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>

static _Alignas(4096) char registered[2][2 * 4096];

/* A table with empty rows, and one that begins within a page, whose number has
 * as many digits as the kernel makes room for. */
#define BUFFERS 10001u
static void register_buffers(struct ring *ring) {
  static struct iovec table[BUFFERS];
  memset(registered, 0, sizeof registered);
  table[0] = (struct iovec){registered[0], sizeof registered[0]};
  table[BUFFERS - 1] =
      (struct iovec){registered[1] + 1, sizeof registered[1] - 1};
  CHECK_EQUAL(control(ring, IORING_REGISTER_BUFFERS, table, BUFFERS), 0);
}

/* Reads two bytes of the file to where no page table tells that they came. */
static void fill_by_kernel(struct ring *ring, int file, char *to,
                           unsigned short row) {
  unsigned number = *at(ring, ring->parameters.sq_off.tail);
  add(ring, IORING_OP_READ_FIXED, file, to, 2, 0);
  ring->entries[0].buf_index = row;
  enter(ring, 1, 1);
  take(ring, number, 2);
}

/* One socket in all rows of a table, also in more than a record holds, but in
 * one, which is empty, and one that has the other end. */
#define FILES 10001u
#define EMPTY 7u
#define OTHER 8u
static unsigned register_files(struct ring *ring, int ends[2]) {
  static int table[FILES];
  struct rlimit limit;
  CHECK_EQUAL(getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = limit.rlim_max < FILES ? limit.rlim_max : FILES;
  CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
  CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  for (unsigned i = 0; i < limit.rlim_cur; i++)
    table[i] = i == EMPTY ? -1 : ends[i == OTHER];
  CHECK_EQUAL(control(ring, IORING_REGISTER_FILES, table, limit.rlim_cur), 0);
  return limit.rlim_cur;
}

static void write_to_file(struct ring *ring, unsigned row, int result) {
  unsigned number = *at(ring, ring->parameters.sq_off.tail);
  add(ring, IORING_OP_WRITE, (int)row, "ab", 2, 0);
  ring->entries[number & *at(ring, ring->parameters.sq_off.ring_mask)].flags =
      IOSQE_FIXED_FILE;
  enter(ring, 1, 1);
  take(ring, number, result);
}

static void find_files(struct ring *ring, unsigned count, const int ends[2]) {
  char text[8];
  struct io_uring_files_update update = {.offset = EMPTY,
                                         .fds = (unsigned long)&ends[1]};
  write_to_file(ring, EMPTY, -EBADF);
  write_to_file(ring, count, -EBADF);
  write_to_file(ring, 0, 2);
  write_to_file(ring, count - 1, 2);
  CHECK_EQUAL(recv(ends[1], text, sizeof text, MSG_DONTWAIT), 4);
  write_to_file(ring, OTHER, 2);
  CHECK_EQUAL(control(ring, IORING_REGISTER_FILES_UPDATE, &update, 1), 1);
  write_to_file(ring, EMPTY, 2);
  CHECK_EQUAL(recv(ends[0], text, sizeof text, MSG_DONTWAIT), 4);
}

/* Files that the kernel names with blanks or as deleted, beside another open
 * file of the same one by another path, and a duplicate of the descriptor. */
#define NAMED 5u
static const char *const names[] = {"a\tring's \\file", "a ring's file",
                                    "a ring's other file"};

static void register_named(struct ring *ring, int named[NAMED]) {
  unlink(names[2]);
  for (unsigned i = 0; i < 2; i++)
    named[i] = open(names[i], O_RDWR | O_CREAT | O_TRUNC, 0600);
  CHECK_EQUAL(unlink(names[1]), 0);
  CHECK_EQUAL(link(names[0], names[2]), 0);
  CHECK(open(names[2], O_RDONLY) >= 0 && dup(named[0]) >= 0);
  named[2] = memfd_create("a ring's", 0);
  named[3] = open("/dev/null", O_WRONLY);
  named[4] = open("/", O_RDONLY | O_DIRECTORY);
  CHECK_EQUAL(control(ring, IORING_REGISTER_FILES, named, NAMED), 0);
}

/* Where the next write goes is that of the descriptor's open file. */
static void write_on(struct ring *ring, unsigned row, int file) {
  unsigned number = *at(ring, ring->parameters.sq_off.tail);
  off_t before = lseek(file, 3, SEEK_CUR);
  add(ring, IORING_OP_WRITE, (int)row, "xyz", 3, -1ul);
  ring->entries[number & *at(ring, ring->parameters.sq_off.ring_mask)].flags =
      IOSQE_FIXED_FILE;
  enter(ring, 1, 1);
  take(ring, number, 3);
  char text[3] = "";
  CHECK_EQUAL(lseek(file, 0, SEEK_CUR), before + 3);
  CHECK_EQUAL(pread(file, text, 3, before), 3);
  CHECK(memcmp(text, "xyz", 3) == 0);
}

static void write_to_named(struct ring *ring, const int named[NAMED]) {
  for (unsigned i = 0; i < 3; i++)
    write_on(ring, i, named[i]);
  write_to_file(ring, 3, 2);
  write_to_file(ring, 4, -EBADF); /* for reading alone */
}

/* A thread of the kernel submits, and soon sleeps. */
static void make_polled(struct ring *ring) {
  memset(&ring->parameters, 0, sizeof ring->parameters);
  ring->parameters.sq_thread_idle = 1;
  map_ring(ring, 4, IORING_SETUP_SQPOLL);
}

static unsigned sleeps(const struct ring *ring) {
  atomic_thread_fence(memory_order_seq_cst);
  return *(volatile unsigned *)at(ring, ring->parameters.sq_off.flags) &
         IORING_SQ_NEED_WAKEUP;
}

/* As liburing does. */
static void write_polled(struct ring *ring, int file, const char *text,
                         unsigned long offset) {
  unsigned number = *at(ring, ring->parameters.sq_off.tail);
  add(ring, IORING_OP_WRITE, file, text, 2, offset);
  unsigned wake = sleeps(ring) ? IORING_ENTER_SQ_WAKEUP : 0;
  CHECK_EQUAL(syscall(SYS_io_uring_enter, ring->fd, 1, 1,
                      IORING_ENTER_GETEVENTS | wake, NULL, 0),
              1);
  take(ring, number, 2);
}

/* What it has not been woken for is done at the checkpoint. */
static void come_back_polled(void) {
  struct ring ring;
  char text[4] = "";
  int file = memfd_create("data", 0);
  make_polled(&ring);
  for (unsigned i = 0; i < 50; i++)
    write_polled(&ring, file, "ab", 2ul * i);
  for (double begin = now(); !sleeps(&ring); sched_yield())
    CHECK(now() - begin < 20);
  add(&ring, IORING_OP_WRITE, file, "cd", 2, 1000);
  die_and_come_back();
  take(&ring, 50, 2);
  CHECK(pread(file, text, 2, 1000) == 2 && strcmp(text, "cd") == 0);
  for (unsigned i = 0; i < 50; i++)
    write_polled(&ring, file, "ef", 2ul * i);
  CHECK(__builtin_ckpt_save() >= 0);
  write_polled(&ring, file, "gh", 0);
  CHECK(pread(file, text, 2, 0) == 2 && strcmp(text, "gh") == 0);
}

static void come_back_with_rings(void) {
  struct ring ring, large, fresh, filed, plain;
  int named[NAMED];
  int ends[2];
  char text[4] = "";
  int file = memfd_create("data", 0);
  make(&ring, 4, 0);
  make(&large, 256, 0);
  make(&fresh, 1, 0);
  make(&filed, 1, 0);
  unsigned files = register_files(&filed, ends);
  make(&plain, 4, 0);
  register_named(&plain, named);
  write_to_named(&plain, named);
  fcntl(large.fd, F_SETFD, 0);
  unsigned number = 0;
  for (; number < 1003; number++) {
    add(&ring, IORING_OP_WRITE, file, "ab", 2, number * 2ul);
    enter(&ring, 1, 1);
    take(&ring, number, 2);
  }
  add(&ring, IORING_OP_READ, file, text, 2, 0); /* 1003: not taken */
  add(&ring, IORING_OP_READ, file, text, 9, 1 << 20);
  enter(&ring, 2, 2);
  add(&ring, IORING_OP_WRITE, file, "cd", 2, 0); /* 1005: not told */
  add(&large, IORING_OP_NOP, -1, NULL, 0, 0);
  enter(&large, 1, 1);
  register_buffers(&fresh);
  CHECK(__builtin_ckpt_save() >= 0);
  fill_by_kernel(&fresh, file, registered[0] + 4095, 0);
  CHECK(__builtin_ckpt_save() >= 0);
  fill_by_kernel(&fresh, file, registered[1] + 6000, BUFFERS - 1);
  die_and_come_back();
  CHECK(memcmp(registered[0] + 4095, "ab", 2) == 0);
  CHECK(memcmp(registered[1] + 6000, "ab", 2) == 0);
  CHECK(strcmp(text, "ab") == 0);
  take(&ring, 1003, 2);
  take(&ring, 1004, 0);
  enter(&ring, 1, 1);
  take(&ring, 1005, 2);
  CHECK(pread(file, text, 2, 0) == 2 && strcmp(text, "cd") == 0);
  take(&large, 0, 0);
  CHECK(__builtin_ckpt_save() >= 0);
  for (number = 1006; number < 1020; number++) {
    add(&ring, IORING_OP_READ, file, text, 2, 0);
    enter(&ring, 1, 1);
    take(&ring, number, 2);
  }
  for (number = 1; number < 600; number++) {
    add(&large, IORING_OP_NOP, -1, NULL, 0, 0);
    enter(&large, 1, 1);
    take(&large, number, 0);
  }
  fill_by_kernel(&fresh, file, registered[0], 0);
  fill_by_kernel(&fresh, file, registered[1] + 1, BUFFERS - 1);
  CHECK(memcmp(registered[0], "cd", 2) == 0);
  CHECK(memcmp(registered[1] + 1, "cd", 2) == 0);
  CHECK_EQUAL(control(&fresh, IORING_UNREGISTER_BUFFERS, NULL, 0), 0);
  find_files(&filed, files, ends);
  write_to_named(&plain, named);
  CHECK_EQUAL(unlink(names[0]) | unlink(names[2]), 0);
  CHECK_EQUAL(fcntl(large.fd, F_GETFD), 0);
  CHECK_EQUAL(fcntl(ring.fd, F_GETFD), FD_CLOEXEC);
}

static void refuse(void) { CHECK(__builtin_ckpt_save() < 0); }

/* A path that two open files have, and then none but the registered one. */
static void refuse_files(struct ring *ring, const char *name) {
  int files[2];
  for (unsigned i = 0; i < 2; i++)
    files[i] = open(name, O_RDWR | O_CREAT, 0600);
  CHECK_EQUAL(control(ring, IORING_REGISTER_FILES, (int[]){-1, files[0]}, 2),
              0);
  refuse();
  close(files[0]);
  close(files[1]);
  refuse();
  CHECK_EQUAL(control(ring, IORING_UNREGISTER_FILES, NULL, 0), 0);
}

/* From Linux 6.13 on: struct io_uring_mem_region_reg. */
static void refuse_region(void) {
  static _Alignas(4096) char memory[4096];
  struct {
    unsigned long address, size;
    unsigned flags, id;
    unsigned long unused[5];
  } region = {(unsigned long)memory, sizeof memory, 1, 0, {0}};
  unsigned long registration[4] = {(unsigned long)&region};
  struct ring ring;
  make(&ring, 4, 0);
  if (control(&ring, 34, registration, 1) == 0)
    refuse();
  drop(&ring);
}

static void refuse_by_name(const char *name) {
  static char buffer[4096];
  struct iovec pages = {mmap(NULL, 8192, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
                        8192};
  struct ring ring;
  int ends[2], event = eventfd(0, 0);
  CHECK_EQUAL(pipe(ends), 0);
  make(&ring, 4, 0);
  add(&ring, IORING_OP_READ, ends[0], buffer, 1, 0);
  enter(&ring, 1, 0);
  refuse();
  CHECK_EQUAL(write(ends[1], "x", 1), 1);
  enter(&ring, 0, 1);
  take(&ring, 0, 1);
  CHECK(__builtin_ckpt_save() >= 0);
  CHECK_EQUAL(control(&ring, IORING_REGISTER_FILES, &event, 1), 0);
  refuse();
  CHECK_EQUAL(control(&ring, IORING_UNREGISTER_FILES, NULL, 0), 0);
  CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  CHECK_EQUAL(control(&ring, IORING_REGISTER_FILES, ends, 2), 0);
  CHECK(__builtin_ckpt_save() >= 0);
  close(ends[0]); /* which the ring alone has then */
  refuse();
  CHECK_EQUAL(control(&ring, IORING_UNREGISTER_FILES, NULL, 0), 0);
  close(ends[1]);
  refuse_files(&ring, name);
  CHECK_EQUAL(control(&ring, IORING_REGISTER_BUFFERS, &pages, 1), 0);
  CHECK(__builtin_ckpt_save() >= 0);
  CHECK_EQUAL(munmap((char *)pages.iov_base + 4096, 4096), 0);
  refuse();
  CHECK_EQUAL(control(&ring, IORING_UNREGISTER_BUFFERS, NULL, 0), 0);
  CHECK_EQUAL(control(&ring, IORING_REGISTER_EVENTFD, &event, 1), 0);
  refuse();
  CHECK_EQUAL(control(&ring, IORING_UNREGISTER_EVENTFD, NULL, 0), 0);
  CHECK(__builtin_ckpt_save() >= 0);
  add(&ring, IORING_OP_PROVIDE_BUFFERS, 1, buffer, 64, 0);
  ring.entries[1].buf_group = 60000; /* which no stop looks for at first */
  enter(&ring, 1, 1);
  take(&ring, 1, 0);
  refuse();
  refuse();
  drop(&ring);
  refuse_region();
  CHECK(__builtin_ckpt_save() >= 0);
  puts("goes on");
}

int main(int argc, char **argv) {
  if (argc > 1 && !strcmp(argv[1], "polled"))
    come_back_polled();
  else if (argc > 1)
    refuse_by_name(argv[1]);
  else
    come_back_with_rings();
  return 0;
}
